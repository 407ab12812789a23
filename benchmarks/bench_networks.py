"""Networks: a batch forward, training steps, an epoch of MNIST, a process from start to end."""

from dataclasses import replace

import networks
import numpy as np
import pytest
import samples
from contenders import of_network, present
from harness import Case, Contender
from networks import Network

from pytensor import datasets, utils

MNIST = Network((784, 512, 10), "rmsprop")
WORDS = Network((20_000, 64, 46))

# Training steps. The first six are as in tabular data and in books; the next ones are deep, noisy,
# and so large that products are most of it; then a float64 one and bags of words.
STEPS = [
    *(Network(sizes, batch=n) for n in (32, 128) for sizes in ((16, 32, 4), (784, 512, 10))),
    Network((20, 64, 64, 1), "adam", batch=32),
    Network((4, 32, 16, 4), batch=200),
    Network((784, 256, 128, 10), "adam", batch=64),
    Network((8, 64, 64, 4), "adam", batch=256, activation="tanh"),
    Network((64,) * 21, batch=64),
    Network((100, 256, 256, 10), "adam", normalize=True, dropout=0.5),
    Network((1000, 2000, 2000, 10), "adam", batch=256),
    Network((784, 256, 128, 10), batch=64, dtype="float64"),
    Network((64, 46), "adam", words=10_000),
]


@pytest.mark.parametrize("n", [1, 128])
def test_forward(n, threads, compare):
    """784-512-10: the probabilities of a batch, through predict_on_batch."""
    network = replace(MNIST, batch=n)
    compare(
        Case("networks", "784-512-10 forward", f"batch {n}", threads=threads, rtol=1e-3, atol=1e-5),
        of_network(network, "net.forward(x)", networks.PLAIN, {"x": network.data()["x"]}),
    )


@pytest.mark.parametrize("network", STEPS, ids=lambda network: network.name)
def test_step(network, threads, compare):
    """One step with its loss, through train_on_batch.

    Afterwards the weights agree. Adam divides small gradients by their size, so there the losses of
    the next steps have to agree; only roughly where dropout leaves something to chance.
    """
    ours = networks.Pytensor if network.dtype == "float32" else networks.PytensorTape
    classes = [ours, *networks.PLAIN[1:]]
    if not network.is_plain:
        classes.remove(networks.Numpy)
    if network.optimizer == "sgd":
        result, tolerance = "net.weights()", {"rtol": 1e-3, "atol": 1e-5}
    else:
        result = "[net.train_on_batch(x, y) for _ in range(3)]"
        tolerance = {"rtol": 0.01, "atol": 0.8 if network.dropout else 1e-3}
    compare(
        Case(
            "networks",
            f"{network.name} step",
            f"batch {network.batch}",
            network.dtype,
            threads,
            flops=network.flops(),
            **tolerance,
        ),
        of_network(network, "net.train_on_batch(x, y)", classes, network.data(), result),
    )


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


def test_mnist_epoch(threads, compare, crew, quick):
    """One epoch: 784-512-10, RMSprop, batches of 128, loss and accuracy of every step; variants of
    the networks with all threads only.

    Every library shuffles in its own way, so the accuracy over the epoch has to agree, not the
    weights; of so few steps as --quick makes, not even that to more than a tenth.
    """
    n = 6_400 if quick else 60_000
    data, x, y = mnist_arrays(n)
    compare(
        Case(
            "MNIST",
            f"epoch of {data}",
            n,
            threads=threads,
            rtol=0,
            atol=0.1 if quick else 0.01,
            flops=n / MNIST.batch * MNIST.flops(),
            limit=20,
        ),
        of_network(
            MNIST,
            "found.append(net.fit(x, y))",
            networks.PLAIN + networks.VARIANTS * (threads == crew.max_threads),
            {"x": x, "y": y},
            "found[0]",
            "; found = []",
        ),
    )


def bags_of_words(n, n_words, n_classes):
    """{"x": (n, n_words), 1 where a text has the word; "y": one-hot}: texts of 200 words whose
    frequencies follow Zipf's law."""
    generator = np.random.default_rng(0)
    frequencies = 1 / np.arange(1, n_words + 1)
    words = generator.choice(n_words, (n, 200), p=frequencies / frequencies.sum())
    x = np.zeros((n, n_words), np.float32)
    np.put_along_axis(x, words, 1, axis=1)
    return {"x": x, "y": np.eye(n_classes, dtype=np.float32)[generator.integers(0, n_classes, n)]}


def test_bag_of_words_step(threads, compare):
    """One SGD step on 128 texts as bags of 20 000 words, of which a batch uses about a quarter."""
    inputs = bags_of_words(WORDS.batch, WORDS.sizes[0], WORDS.sizes[-1])
    compare(
        Case(
            "networks",
            f"{WORDS.name} step, texts as zeros and ones",
            f"batch {WORDS.batch}",
            threads=threads,
            rtol=1e-3,
            atol=1e-5,
        ),
        of_network(
            WORDS,
            "net.train_on_batch(x, y)",
            (*networks.PLAIN, networks.PytensorAllColumns),
            inputs,
            "net.weights()",
        ),
    )


def test_whole_run(compare, quick, tmp_path):
    """A process from its start to its end: import, load the images, train for one epoch.

    peak_kib: the most memory that the process had resident.
    """
    _, x, y = mnist_arrays(6_400 if quick else 60_000)
    np.save(tmp_path / "x.npy", (x * 255).round().astype(np.uint8))
    np.save(tmp_path / "y.npy", y)
    kinds = [
        kind
        for kind in networks.PLAIN + networks.VARIANTS
        if kind is not networks.PytensorAllColumns and present(Contender(kind.library, ""))
    ]
    found = []
    for kind in kinds:
        code = TRAIN.format(
            here=samples.__file__, data=str(tmp_path), name=kind.__name__, network=MNIST
        )
        found.append(
            Contender(
                kind.library,
                "found.append(json.loads(machine.run(code)))",
                {"code": code},
                "import json, machine; found = []",
                "found[0][0]",
                "{'peak_kib': found[-1][1]}",
                process="python",
            )
        )
    compare(
        Case(
            "whole run",
            "process with one epoch of MNIST",
            len(x),
            rtol=0,
            atol=0.1 if quick else 0.01,
            limit=10,
        ),
        found,
    )


TRAIN = """
import json, os, sys
sys.path.insert(0, os.path.dirname({here!r}))
import libraries, machine, networks, numpy as np
from networks import Network
if {name!r}.startswith("Jax"):
    libraries.load("jax")
elif {name!r} == "Torch":
    libraries.load("torch")
net = networks.{name}({network!r})
x, y = np.load({data!r} + "/x.npy"), np.load({data!r} + "/y.npy")
if {name!r} != "PytensorBytes":
    x = x.astype(np.float32)
    x /= 255
accuracy = net.fit(*net.data(x, y))
print(json.dumps([accuracy, machine.peak_kib()]))
"""
