"""python -m pytensor.train: what it prints, how it ends, that it is reproducible."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pytensor import train
from pytensor.datasets import digits, idx, mnist

FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
RESULT = re.compile(
    r"test loss \d+\.\d{4}, test accuracy (0\.\d{4}|1\.0000); "
    r"\d+ epochs? in \d+\.\d s, [\d ]+ images/s"
)
QUICK = ("--epochs", "1", "--hidden", "16")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A small data set in MNIST's files."""
    directory = tmp_path_factory.mktemp("shelf") / "mnist"
    directory.mkdir()
    arrays = [np.asarray(part) for pair in digits.load_data(1500, 500) for part in pair]
    for name, array in zip(FILES, arrays, strict=True):
        idx.write(directory / name, array)
    return directory


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """A machine without MNIST and without a network: its proxy does not listen."""
    for name in ("PYTENSOR_DATA", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("PYTENSOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")


def start(*options, stdout=subprocess.PIPE):
    """Start the command in a process of its own."""
    # Where the tests run in the background, a shell has SIGINT ignored, and that is inherited.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "pytensor.train", *map(str, options)],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def run(*options):
    """Run the command; return its exit code, stdout and stderr."""
    with start(*options) as process:
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    return process.returncode, out, err


def test_without_mnist_and_network_it_trains_on_drawn_digits(environment):
    code, out, err = run(*QUICK, "--batch-size", 32)
    assert code == 0
    assert "MNIST is not on this machine and cannot be downloaded" in err
    assert len(err.splitlines()) == 2
    lines = out.splitlines()
    assert re.fullmatch(
        r"digits: 20 000 training and 4 000 test images; network 784-16-10, 12 730 parameters, "
        r"rmsprop, batches of 32, \d+ threads?",
        lines[0],
    )
    assert len(lines) == 3  # one for the epoch
    result = RESULT.fullmatch(lines[-1])
    assert result and float(result[1]) > 0.7


def test_a_cache_that_is_a_file(environment, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PYTENSOR_CACHE", str(tmp_path / "file"))
    code, out, err = run(*QUICK)
    assert (code, out[:7]) == (0, "digits:")
    assert err.startswith("MNIST is not on this machine and cannot be downloaded")


def test_insisting_on_mnist_without_mnist(environment):
    code, out, err = run("--dataset", "mnist")
    assert code == 2 and out == ""
    assert re.fullmatch(r"pytensor\.train: --dataset: mnist: .*no mirror.*: ProxyError\n", err)


def test_trains_on_the_files_of_the_variable(environment, shelf, monkeypatch):
    monkeypatch.setenv("PYTENSOR_DATA", str(shelf.parent))
    code, out, err = run("--epochs", 2, "--hidden", 32, 16, "--optimizer", "adam")
    assert code == 0 and err == ""
    lines = out.splitlines()
    assert lines[0].startswith(
        "mnist: 1 500 training and 500 test images; network 784-32-16-10, 25 818 parameters, adam"
    )
    assert len(lines) == 4
    assert RESULT.fullmatch(lines[-1])


@pytest.mark.parametrize("optimizer", train.OPTIMIZERS)
def test_each_optimizer_with_a_learning_rate(shelf, optimizer, capsys):
    options = ["--data-dir", str(shelf), "--optimizer", optimizer, "--learning-rate", "0.01"]
    assert train.main([*options, *QUICK]) == 0
    assert f"{optimizer}, " in capsys.readouterr().out


def test_quiet_prints_the_result_only(shelf, capsys):
    assert train.main(["--data-dir", str(shelf), "--quiet", *QUICK]) == 0
    captured = capsys.readouterr()
    assert RESULT.fullmatch(captured.out.rstrip("\n"))
    assert captured.err == ""


def test_same_seed_same_bits_whatever_the_threads(shelf, tmp_path):
    weights = []
    for threads, seed in ((1, 0), (2, 0), (4, 0), (2, 1)):
        path = tmp_path / f"{threads}-{seed}"
        options = ("--threads", threads, "--seed", seed, "--save", path)
        code, _, err = run("--data-dir", shelf, "--epochs", 2, *options)
        assert code == 0, err
        weights.append(path.read_bytes())
    assert weights[0] == weights[1] == weights[2]
    assert weights[0] != weights[3]
    assert len(weights[0]) > 4 * 407_050


def test_saved_weights_are_the_trained_ones(shelf, tmp_path, capsys):
    path = tmp_path / "weights"
    options = ["--data-dir", str(shelf), "--save", str(path), "--quiet", *QUICK]
    assert train.main(options) == 0
    printed = RESULT.fullmatch(capsys.readouterr().out.rstrip("\n"))[1]
    network = train.build(train.parse(options))
    network.load_weights(path)
    _, (images, labels) = mnist.load_data(shelf)
    predicted = np.asarray(network.predict(train.as_rows(images), verbose=0)).argmax(axis=1)
    assert f"{(predicted == np.asarray(labels)).mean():.4f}" == printed


# --- wrong use ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epochs", "0"], "--epochs: 0: expected an integer >= 1"),
        (["--epochs", "-3"], "--epochs: -3: expected an integer >= 1"),
        (["--epochs", "many"], "--epochs: many: expected an integer >= 1"),
        (["--epochs"], "--epochs: expected one argument"),
        (["--batch-size", "1.5"], "--batch-size: 1.5: expected an integer >= 1"),
        (["--hidden"], "--hidden: expected at least one argument"),
        (["--hidden", "64", "0"], "--hidden: 0: expected an integer >= 1"),
        (["--optimizer", "magic"], "--optimizer: invalid choice: 'magic'"),
        (["--learning-rate", "0"], "--learning-rate: 0: expected a number > 0"),
        (["--learning-rate", "nan"], "--learning-rate: nan: expected a number > 0"),
        (["--learning-rate", "inf"], "--learning-rate: inf: expected a number > 0"),
        (["--learning-rate", "fast"], "--learning-rate: fast: expected a number > 0"),
        (["--dataset", "cifar"], "--dataset: invalid choice: 'cifar'"),
        (["--data-dir", "d", "--dataset", "digits"], "--data-dir: d: --dataset digits reads no"),
        (["--seed", "-1"], "--seed: -1: expected an integer >= 0"),
        (["--threads", "0"], "--threads: 0: expected an integer >= 1"),
        (["--epoch", "3"], "unrecognized arguments: --epoch 3"),
        (["more"], "unrecognized arguments: more"),
    ],
    ids=" ".join,
)
def test_wrong_options(options, message, capsys):
    assert train.main(options) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"pytensor.train: {message}")
    assert captured.err.count("\n") == 1


def test_wrong_options_end_the_process_with_2():
    assert run("--epochs", 0) == (2, "", "pytensor.train: --epochs: 0: expected an integer >= 1\n")


def test_help(capsys):
    with pytest.raises(SystemExit) as ended:
        train.main(["--help"])
    assert ended.value.code == 0
    assert "--learning-rate" in capsys.readouterr().out


def refused(capsys, *options):
    """Run the command in this process; return the one line with which it refuses."""
    assert train.main([*map(str, options), *QUICK]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_a_damaged_file_is_named(shelf, tmp_path, capsys):
    for name in FILES:
        shutil.copy(shelf / name, tmp_path)
    os.truncate(tmp_path / FILES[2], 10_000)
    line = refused(capsys, "--data-dir", tmp_path)
    assert f"{FILES[2]}: corrupt gzip" in line


def test_a_damaged_archive_is_named(tmp_path, capsys):
    path = tmp_path / "damaged.npz"
    np.savez(path, x_train=np.zeros(3))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 10] = 99  # the compression method
    path.write_bytes(content)
    assert f"{path}: corrupt or no such archive: " in refused(capsys, "--data-dir", path)


def test_a_data_directory_without_data(tmp_path, capsys):
    assert f"{tmp_path}: mnist is not there" in refused(capsys, "--data-dir", tmp_path)


@pytest.mark.parametrize("place", ["missing/weights", "file/weights", ".", "pipe"])
def test_an_unwritable_path_is_found_before_the_training(tmp_path, place, capsys):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")  # as a device, nothing to be replaced with a file
    line = refused(capsys, "--dataset", "digits", "--save", tmp_path / place)
    assert line.startswith(f"pytensor.train: --save: {tmp_path / place}: ")
    assert not (tmp_path / "pipe").is_file()


@pytest.mark.parametrize("units", [10**12, 10**20])
def test_layers_larger_than_memory(units, capsys):
    assert train.main(["--dataset", "digits", "--hidden", "8", str(units)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"pytensor.train: --hidden: 8 {units}: too large: ")
    assert captured.err.count("\n") == 1


def test_more_threads_than_the_pool_takes(capsys):
    line = refused(capsys, "--threads", 10**6)
    assert line.startswith("pytensor.train: --threads: 1000000: expected 1 to ")


def test_a_loss_that_is_no_number(shelf, capsys):
    options = ["--data-dir", str(shelf), "--optimizer", "sgd", "--learning-rate", "1e30"]
    assert train.main([*options, "--quiet", *QUICK]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.fullmatch(r"pytensor\.train: .*loss.*\n", captured.err)


# --- interruptions --------------------------------------------------------------------------


def test_control_c(shelf, environment):
    with start("--data-dir", shelf, "--epochs", 100_000, "--hidden", 16) as process:
        try:
            lines = [process.stdout.readline() for _ in range(3)]
            assert "network 784-16-10" in lines[0]
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert err == "pytensor.train: interrupted\n"


def test_a_reader_that_goes_away(shelf, environment):
    with start("--data-dir", shelf, "--epochs", 50, "--hidden", 16) as process:
        try:
            process.stdout.readline()
            process.stdout.close()
            err = process.stderr.read()
        finally:
            process.kill()
    assert "Traceback" not in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("options", [(), ("--quiet",)])
@pytest.mark.parametrize("buffered", [True, False])
def test_a_full_disk(shelf, environment, monkeypatch, options, buffered):
    if buffered:
        monkeypatch.delenv("PYTHONUNBUFFERED")
    with (open("/dev/full", "w") as full,
          start("--data-dir", shelf, *QUICK, *options, stdout=full) as process):
        err = process.stderr.read()
    assert process.returncode == 1
    assert err == "pytensor.train: standard output: [Errno 28] No space left on device\n"


def test_a_closed_stdout(environment):
    command = f'exec "{sys.executable}" -m pytensor.train --dataset digits {" ".join(QUICK)} >&-'
    process = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, timeout=60,
                             check=False)
    assert process.returncode == 2
    assert process.stderr.startswith("pytensor.train: standard output: closed")
    assert process.stderr.count("\n") == 1


# --- the real thing -------------------------------------------------------------------------

SHELF = os.environ.get("PYTENSOR_DATA")


@pytest.mark.skipif(
    not SHELF or not (Path(SHELF) / "mnist").is_dir(), reason="PYTENSOR_DATA has no real MNIST"
)
def test_the_first_network_on_real_mnist():
    code, out, err = run("--dataset", "mnist")
    assert code == 0, err
    result = RESULT.fullmatch(out.splitlines()[-1])
    assert float(result[1]) >= 0.975
