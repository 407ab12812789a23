"""Networks: one sample forward, one small step, an epoch of MNIST."""

import json
import subprocess
from pathlib import Path

import libraries
import machine
import networks
import numpy as np
import pytest
import samples
from measure import Case, Contender

from pytensor import datasets, utils

MNIST = (784, 512, 10)
SMALL = (16, 32, 4)
WORDS = (20_000, 64, 46)
VARIANTS = (networks.PytensorBytes, networks.PytensorAllColumns, networks.JaxScan)


def contenders(statement, sizes, optimizer, result=None, *, arrays, variants=()):
    """Each library's network, from the same weights, with the arrays as its own kind: a list.

    variants: which of the networks take part that differ from another one in one point only.
    """
    found = []
    for network in networks.participants():
        if network in VARIANTS and network not in variants:
            continue
        net = network(networks.glorot(sizes), optimizer)
        names = dict(zip(arrays, net.data(*arrays.values()), strict=True))
        found.append(Contender(network.library, statement, {"net": net, "found": [], **names},
                               result))
    return found


def batch(sizes, n):
    """A random batch {"x": (n, inputs), "y": one-hot (n, outputs)}."""
    labels = samples.uniform(n, "int64", 0, sizes[-1] - 1, seed=1)
    return {"x": samples.uniform((n, sizes[0])), "y": np.eye(sizes[-1], dtype=np.float32)[labels]}


@pytest.mark.parametrize("n", [1, 128])
def test_forward(n, compare):
    """784-512-10: the probabilities of a batch, through predict_on_batch."""
    compare(Case("networks", "784-512-10 forward", f"batch {n}", rtol=1e-3, atol=1e-5),
            contenders("net.forward(x)", MNIST, "sgd", arrays={"x": batch(MNIST, n)["x"]}))


@pytest.mark.parametrize("sizes", [SMALL, MNIST], ids=["16-32-4", "784-512-10"])
@pytest.mark.parametrize("n", [32, 128])
def test_sgd_step(sizes, n, compare):
    """One step with its loss, through train_on_batch; afterwards the weights agree."""
    name = "-".join(map(str, sizes))
    compare(Case("networks", f"{name} SGD step", f"batch {n}", rtol=1e-3, atol=1e-5,
                 flops=networks.flops(sizes, n)),
            contenders("net.train_on_batch(x, y)", sizes, "sgd", "net.weights()",
                       arrays=batch(sizes, n)))


def mnist_arrays(n):
    """("MNIST", images, one-hot labels): the first n, flat and between 0 and 1.

    Where MNIST is not on this machine: random images of which, as in MNIST, one pixel in five is
    not 0, with labels that can be learned.
    """
    try:
        (images, labels), _ = datasets.mnist.load_data()
    except OSError:
        return "synthetic", *_synthetic(n)
    x = np.asarray(images)[:n].reshape(-1, 784).astype(np.float32) / 255
    return "MNIST", x, np.asarray(utils.to_categorical(labels, 10))[:n]


def _synthetic(n):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 10, n)
    drawn = generator.random((10, 784)) < 0.2  # where each class has ink
    x = generator.random((n, 784), dtype=np.float32) * drawn[labels]
    return x, np.eye(10, dtype=np.float32)[labels]


def test_mnist_epoch(compare, quick):
    """One epoch: 784-512-10, RMSprop, batches of 128, loss and accuracy of every step.

    Every library shuffles in its own way, so the accuracy over the epoch has to agree, not the
    weights; of so few steps as --quick makes, not even that to more than a tenth.
    """
    n = 6_400 if quick else 60_000
    data, x, y = mnist_arrays(n)
    compare(Case("MNIST", f"epoch of {data}", n, rtol=0, atol=0.1 if quick else 0.01,
                 flops=n / networks.BATCH * networks.flops(MNIST, networks.BATCH),
                 patience=60, min_rounds=1 if quick else 5),
            contenders("found.append(net.fit(x, y))", MNIST, "rmsprop", "found[0]",
                       arrays={"x": x, "y": y}, variants=VARIANTS))


def bags_of_words(n, n_words, n_classes):
    """{"x": (n, n_words), 1 where a text has the word; "y": one-hot}: texts of 200 words whose
    frequencies follow Zipf's law."""
    generator = np.random.default_rng(0)
    frequencies = 1 / np.arange(1, n_words + 1)
    words = generator.choice(n_words, (n, 200), p=frequencies / frequencies.sum())
    x = np.zeros((n, n_words), np.float32)
    np.put_along_axis(x, words, 1, axis=1)
    return {"x": x, "y": np.eye(n_classes, dtype=np.float32)[generator.integers(0, n_classes, n)]}


def test_bag_of_words_step(compare):
    """One SGD step on 128 texts as bags of 20 000 words, of which a batch uses about a quarter."""
    arrays = bags_of_words(128, WORDS[0], WORDS[-1])
    name = "-".join(map(str, WORDS))
    compare(Case("networks", f"{name} SGD step, bags of words", "batch 128", rtol=1e-3, atol=1e-5),
            contenders("net.train_on_batch(x, y)", WORDS, "sgd", "net.weights()", arrays=arrays,
                       variants=[networks.PytensorAllColumns]))


def test_whole_run(compare, quick, tmp_path):
    """A process from its start to its end: import, load the images, train for one epoch.

    extra_info holds the most memory that each process had resident, in KiB.
    """
    _, x, y = mnist_arrays(6_400 if quick else 60_000)
    np.save(tmp_path / "x.npy", (x * 255).round().astype(np.uint8))
    np.save(tmp_path / "y.npy", y)
    peaks = {}

    def run(name):
        """Train in a fresh interpreter; returns the accuracy."""
        code = TRAIN.format(here=str(Path(__file__).parent), data=str(tmp_path), name=name,
                            peers=sorted(libraries.chosen), mnist=MNIST)
        accuracy, peak = json.loads(subprocess.run(machine.command(code), check=True,
                                                   capture_output=True, text=True).stdout)
        peaks[getattr(networks, name).library] = peak
        return accuracy

    compare(Case("whole run", "process with one epoch of MNIST", len(x), rtol=0,
                 atol=0.1 if quick else 0.01, patience=60, min_rounds=1 if quick else 3),
            [Contender(network.library, f"run({network.__name__!r})", {"run": run})
             for network in networks.participants() if network is not networks.PytensorAllColumns],
            peak_kib=peaks)


TRAIN = """
import json, sys
sys.path.insert(0, {here!r})
import numpy as np
import libraries, machine
libraries.choose({peers!r})
import networks
net = networks.{name}(networks.glorot({mnist!r}), "rmsprop")
x, y = np.load({data!r} + "/x.npy"), np.load({data!r} + "/y.npy")
if {name!r} != "PytensorBytes":
    x = x.astype(np.float32)
    x /= 255
accuracy = net.fit(*net.data(x, y))
print(json.dumps([accuracy, machine.peak_kib()]))
"""
