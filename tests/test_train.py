"""python -m pytensor.train: what it prints, how it ends, that it is reproducible."""

import csv
import errno
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pytensor import callbacks, models, predict, train
from pytensor._commands import training_network, training_options
from pytensor._training import batches, model_files
from pytensor.datasets import digits, idx, mnist

FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
RESULT = re.compile(
    r"test loss \d+\.\d{4}, test accuracy (0\.\d{4}|1\.0000); "
    r"\d+ epochs? in \d+\.\d s, [\d ]+ (images|samples)/s"
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
    assert len(err.splitlines()) == 3 and max(map(len, err.splitlines())) <= 80
    lines = out.splitlines()
    assert re.fullmatch(
        r"digits: 20 000 training and 4 000 test images\nnetwork 784-16-10: 12 730 parameters, "
        r"rmsprop, batches of 32, \d+ threads?",
        "\n".join(lines[:2]),
    )
    assert len(lines) == 4  # one for the epoch
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
    assert lines[0] == "mnist: 1 500 training and 500 test images"
    assert lines[1].startswith("network 784-32-16-10: 25 818 parameters, adam, batches of 128, ")
    assert max(map(len, lines)) <= 80
    assert len(lines) == 5
    assert RESULT.fullmatch(lines[-1])


@pytest.mark.parametrize("optimizer", training_options.OPTIMIZERS)
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


def test_no_copy_of_the_data_as_floats(shelf, monkeypatch, capsys):
    seen, gather_rows = [], batches.gather_rows

    def gather(source, rows, **options):
        seen.append(source)
        return gather_rows(source, rows, **options)

    monkeypatch.setattr(batches, "gather_rows", gather)
    assert train.main(["--data-dir", str(shelf), *QUICK]) == 0
    assert {str(source.dtype) for source in seen if source.ndim > 1} == {"uint8"}


def test_saved_model_is_the_trained_one(shelf, tmp_path, capsys):
    path = tmp_path / "weights"
    options = ["--data-dir", str(shelf), "--save", str(path), "--quiet", *QUICK]
    assert train.main(options) == 0
    printed = RESULT.fullmatch(capsys.readouterr().out.rstrip("\n"))[1]
    network = models.load_model(path)
    _, (images, labels) = mnist.load_data(shelf)
    predicted = np.asarray(network.predict(images, verbose=0)).argmax(axis=1)
    assert f"{(predicted == np.asarray(labels)).mean():.4f}" == printed
    assert model_files.read_notes(path)["classes"] == list("0123456789")


def test_dry_run_trains_and_writes_nothing(shelf, tmp_path, capsys):
    options = ["--data-dir", str(shelf), "--dry-run", "--save", str(tmp_path / "model")]
    assert train.main(options) == 0
    out = capsys.readouterr().out
    assert out.startswith("mnist: 1 500 training") and "flatten (Flatten)" in out
    assert out.endswith("dry run: 12 steps an epoch; nothing was trained or written\n")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_log_with_validation_and_schedule(shelf, tmp_path, capsys, ending):
    path = tmp_path / f"log.{ending}"
    options = ["--data-dir", str(shelf), "--hidden", "8", "--epochs", "3", "--log", str(path)]
    more = ["--validation-split", "0.2", "--learning-rate", "0.01", "--lr-schedule", "step:2:0.1"]
    assert train.main([*options, *more]) == 0
    with open(path) as file:
        rows = list(csv.DictReader(file)) if ending == "csv" else [*map(json.loads, file)]
    assert list(rows[0]) == [
        "epoch",
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "learning_rate",
    ]
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert [float(row["learning_rate"]) for row in rows] == pytest.approx([0.01, 0.01, 0.001])
    printed = re.findall(r" loss: (\d\.\d{4})", capsys.readouterr().out)
    assert [f"{float(row['loss']):.4f}" for row in rows] == printed


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("cosine", [0.5, 0.25, 0]),
        ("linear", [0.5, 0.25, 0]),
        ("exponential:0.5", [0.5, 0.25, 0.125]),
        ("step:1:0.1", [0.5, 0.05, 0.005]),
    ],
)
def test_schedules(schedule, rates):
    made = training_network.make_schedule(schedule, 0.5, 10, 2)
    assert [made(step) for step in (0, 10, 20)] == pytest.approx(rates)


def test_patience_ends_early_and_a_resumption_knows(shelf, tmp_path, capsys):
    path, log = tmp_path / "model", tmp_path / "log.csv"
    options = [
        "--data-dir",
        str(shelf),
        "--hidden",
        "64",
        "--epochs",
        "50",
        "--patience",
        "1",
        "--validation-split",
        "0.3",
        "--learning-rate",
        "0.02",
        "--save",
        str(path),
        "--log",
        str(log),
        "--quiet",
    ]
    assert train.main(options) == 0
    result = capsys.readouterr().out
    content, epochs = path.read_bytes(), len(log.read_text().splitlines()) - 1
    assert 1 < epochs < 50
    assert train.main(["--resume", str(path), "--quiet"]) == 0
    again = capsys.readouterr().out
    assert again.endswith("; nothing was left to train\n")
    assert again.partition(";")[0] == result.partition(";")[0]
    assert path.read_bytes() == content
    assert train.main(["--resume", str(path), "--quiet", "--patience", "2"]) == 0
    assert len(log.read_text().splitlines()) - 1 > epochs


def test_config(shelf, tmp_path, capsys):
    path = tmp_path / "options.toml"
    path.write_text(f'data-dir = "{shelf}"\nhidden = [8, 4]\nepochs = 3\nquiet = true\n')
    options = train.parse(["--config", str(path), "--epochs", "1"])
    assert (options.hidden, options.epochs, options.quiet) == ([8, 4], 1, True)
    assert options.batch_size == 128
    assert train.main(["--config", str(path)]) == 0
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = 0", "--epochs: 0: expected an integer >= 1"),
        ("epoch = 1", "unknown option 'epoch': did you mean 'epochs'?"),
        ("x = 1", "unknown option 'x': known are batch-size, categorical, columns, data-dir, "),
        ("hidden = [", "Invalid value"),
        ("[epochs]\nfirst = 1", "--epochs: {'first': 1}: expected an integer"),
        ('config = "other"', "unknown option 'config'"),
    ],
)
def test_wrong_configs(tmp_path, capsys, text, message):
    path = tmp_path / "options.toml"
    path.write_text(text)
    line = refused(capsys, "--config", path)
    assert line.startswith(f"pytensor.train: --config: {path}: ") and message in line


@pytest.mark.parametrize("ending", ["csv", "npz", "directory"])
def test_any_data(tmp_path, capsys, ending):
    (images, labels), (test_images, test_labels) = (
        tuple(map(np.asarray, pair)) for pair in digits.load_data(300, 100)
    )
    path = tmp_path / f"data.{ending}"
    if ending == "csv":
        rows = [[f"p{k}" for k in range(784)] + ["label"]]
        rows += [
            [*image.ravel(), f"digit {label}"] for image, label in zip(images, labels, strict=True)
        ]
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows(rows)
        expected = "240 training and 60 test samples\nnetwork 784-16-10: "
    elif ending == "npz":
        np.savez(
            path, x_train=images / 255, y_train=labels, x_test=test_images / 255, y_test=test_labels
        )
        expected = "300 training and 100 test images\nnetwork 784-16-10: "
    else:
        path.mkdir()
        idx.write(path / "letters-train-images-idx3-ubyte.gz", images)
        idx.write(path / "letters-train-labels-idx1-ubyte", labels)
        expected = "240 training and 60 test images\nnetwork 784-16-10: "
    options = [
        "--dataset",
        str(path),
        "--hidden",
        "16",
        "--epochs",
        "8",
        "--batch-size",
        "16",
        "--save",
        str(tmp_path / "model"),
    ]
    assert train.main(options) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"data.{ending}: {expected}")
    assert float(RESULT.fullmatch(out.splitlines()[-1])[1]) > 0.6
    classes = model_files.read_notes(tmp_path / "model")["classes"]
    assert classes == [f"digit {k}" if ending == "csv" else str(k) for k in range(10)]


def write_people(path, n=600, seed=0):
    """A table of texts, categories and numbers with gaps; a class and a value depend on them."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(n):
        sex, age = rng.choice(["male", "female"]), int(rng.integers(1, 80))
        title = {"male": ("Mr", "Master"), "female": ("Mrs", "Miss")}[sex][age < 20]
        survived = "yes" if (sex == "female" or age < 10) != (rng.random() < 0.05) else "no"
        price = 1000 * (300 - 2 * age + 80 * (sex == "male")) + rng.normal(0, 2000)
        rows.append(
            [
                k,
                survived,
                f"{title}. Number {k}",
                sex,
                "" if rng.random() < 0.1 else age,
                round(price, 2),
            ]
        )
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([["Id", "Survived", "Name", "Sex", "Age", "Price"], *rows])
    return rows


def test_a_table_end_to_end(tmp_path, capsys):
    table, model, out = (tmp_path / name for name in ("people.csv", "model", "out.csv"))
    rows = write_people(table)
    options = ["--hidden", "16", "--epochs", "30", "--batch-size", "16", "--save", str(model)]
    assert train.main([str(table), "--target", "Survived", "--drop", "Id", "Price", *options]) == 0
    told = capsys.readouterr().out
    assert "\nclasses of Survived from 3 columns, 2 of them text\n" in told
    assert float(RESULT.fullmatch(told.splitlines()[-1])[1]) > 0.88
    assert predict.main([str(model), str(table), "--output", str(out)]) == 0
    with open(out) as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == [
        "Id",
        "Survived",
        "Name",
        "Sex",
        "Age",
        "Price",
        "predicted_Survived",
        "probability",
    ]
    assert [row["Name"] for row in found] == [row[2] for row in rows]
    right = np.mean([row["Survived"] == row["predicted_Survived"] for row in found])
    assert right > 0.9 and all(0.5 <= float(row["probability"]) <= 1 for row in found)
    # The same rows without the target, in another order of columns, and new categories.
    with open(tmp_path / "new.csv", "w", newline="") as file:
        csv.writer(file).writerows(
            [["Age", "Sex", "Name"], *([row[4], row[3], row[2]] for row in rows), ["?", "x", "y"]]
        )
    assert predict.main([str(model), str(tmp_path / "new.csv")]) == 0
    again = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["predicted_Survived"] for row in again[:-1]] == [
        row["predicted_Survived"] for row in found
    ]
    assert train.main(["--resume", str(model), "--quiet"]) == 0


@pytest.mark.parametrize("optimizer", ["rmsprop", "sgd"])
def test_a_number_to_predict(tmp_path, capsys, optimizer):
    table, model = tmp_path / "people.csv", tmp_path / "model"
    rows = write_people(table)
    assert (
        train.main(
            [
                str(table),
                "--target",
                "Price",
                "--columns",
                "Sex",
                "Age",
                "--hidden",
                "16",
                "--epochs",
                "60",
                "--batch-size",
                "16",
                "--optimizer",
                optimizer,
                "--validation-split",
                "0.1",
                "--save",
                str(model),
            ]
        )
        == 0
    )
    last = capsys.readouterr().out.splitlines()[-1]
    error = re.match(r"test loss (0\.\d{4}), mean absolute error (\d+\.\d{4}); ", last)
    assert float(error[1]) < 0.15  # of 1, for who always predicts the mean
    assert predict.main([str(model), str(table)]) == 0
    found = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    values = np.array([float(row["predicted_Price"]) for row in found])
    prices = np.array([row[5] for row in rows])
    assert np.mean((values - prices) ** 2) < 0.15 * prices.var()
    network = models.load_model(model)  # which gives prices by itself
    assert network.output_shape == (None, 1)


def test_a_table_without_names(tmp_path, capsys):
    table, model = tmp_path / "a.csv", tmp_path / "model"
    rows = [[k % 7, "low" if k % 7 < 3 else "high", k % 5] for k in range(200)]
    with open(table, "w", newline="") as file:
        csv.writer(file).writerows(rows)
    assert (
        train.main(
            [
                str(table),
                "--target",
                "1",
                "--epochs",
                "30",
                "--batch-size",
                "8",
                "--quiet",
                "--save",
                str(model),
            ]
        )
        == 0
    )
    for columns in ((0, 1, 2), (0, 2)):
        with open(table, "w", newline="") as file:
            csv.writer(file).writerows([[row[k] for k in columns] for row in rows])
        capsys.readouterr()
        assert predict.main([str(model), str(table)]) == 0
        found = list(csv.reader(capsys.readouterr().out.splitlines()))
        assert [row[-2] for row in found] == [row[1] for row in rows]


def test_tables_that_do_not_go_with_a_model(tmp_path, shelf, capsys):
    table, model = tmp_path / "people.csv", tmp_path / "model"
    write_people(table)
    assert (
        train.main(
            [
                str(table),
                "--target",
                "Survived",
                "--columns",
                "Sex",
                "Age",
                "--quiet",
                "--save",
                str(model),
                *QUICK,
            ]
        )
        == 0
    )
    for text, message in (
        ("Sex,Name\nmale,x\n", "there is no column Age: expected one of Sex, Na"),
        ("Sex,Age\nmale,old\n", "column Age: row 0 (line 2): found 'old' among"),
        ("Sex,Age\nmale\n", "row 0 (line 2): found 1 cells: expected 2"),
        ("1,2\n", "found no names of columns in line 1: expected Sex, Age"),
    ):
        table.write_text(text)
        capsys.readouterr()
        assert predict.main([str(model), str(table)]) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.startswith(f"pytensor.predict: {table}: ")
        assert message in captured.err and captured.err.count("\n") == 1
    pytest.importorskip("PIL", reason="needs pytensor-kernels[image]")
    assert train.main(["--data-dir", str(shelf), "--save", str(model), "--quiet", *QUICK]) == 0
    assert predict.main([str(model), str(table), "--output", str(tmp_path / "x")]) == 2
    assert "--output" in capsys.readouterr().err


def test_plot_of_values(tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="needs pytensor-kernels[plot]")
    write_people(tmp_path / "people.csv", 100)
    path = tmp_path / "report.png"
    assert train.main([str(tmp_path / "people.csv"), "--plot", str(path), *QUICK]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_plot(shelf, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="needs pytensor-kernels[plot]")
    path = tmp_path / "report.png"
    assert train.main(["--data-dir", str(shelf), "--plot", str(path), *QUICK]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()
    assert "--plot" in refused(capsys, "--data-dir", shelf, "--plot", tmp_path / "report.gif")


def test_a_plot_that_cannot_be_written_leaves_the_result(shelf, tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib", reason="needs pytensor-kernels[plot]")
    from pytensor import plot

    def full(figure, path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(plot, "save", full)
    path = tmp_path / "report.png"
    assert train.main(["--data-dir", str(shelf), "--plot", str(path), "--quiet", *QUICK]) == 1
    captured = capsys.readouterr()
    assert RESULT.fullmatch(captured.out.rstrip("\n"))
    assert captured.err == f"pytensor.train: --plot: {path}: No space left on device\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.0000"),
        (0.25671, "0.2567"),
        (12.5, "12.5000"),
        (4.1e-5, "4.1000e-05"),
        (1.3e22, "1.3000e+22"),
        (-2e7, "-2.0000e+07"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_of_any_size_are_short(value, text):
    assert callbacks.shown(value) == text


def test_save_under_the_name_of_another_format(shelf, tmp_path, capsys):
    for ending in ("h5", "keras"):
        line = refused(capsys, "--data-dir", shelf, "--save", tmp_path / f"m.{ending}")
        assert f"--save: {tmp_path}/m.{ending}: found the ending of another format" in line


# --- resuming -------------------------------------------------------------------------------


@pytest.mark.once
def test_killed_at_random_points_and_resumed_it_gives_the_same_bits(shelf, tmp_path, environment):
    seed = random.SystemRandom().randrange(10**6)
    moments = random.Random(seed)
    options = (
        "--data-dir",
        shelf,
        "--hidden",
        256,
        "--epochs",
        6,
        "--batch-size",
        16,
        "--optimizer",
        "adam",
        "--validation-split",
        0.1,
        "--patience",
        9,
        "--quiet",
    )
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    begun = time.monotonic()
    code, result, err = run(*options, "--save", whole, "--save-every", 10)
    assert code == 0, err
    seconds = time.monotonic() - begun
    kills = 0
    for _ in range(30):
        command = (
            ("--resume", parts, "--quiet")
            if parts.exists()
            else (*options, "--save", parts, "--save-every", 10)
        )
        with start(*command) as process:
            try:
                # Most kills come after the start, which takes a third of a second at least.
                out, err = process.communicate(
                    timeout=None if kills == 4 else moments.uniform(0.3, 0.3 + 0.5 * seconds)
                )
                break
            except subprocess.TimeoutExpired:
                process.kill()
                kills += 1
    assert kills and process.returncode == 0, (seed, err)
    assert out.partition(";")[0] == result.partition(";")[0], seed
    assert parts.read_bytes() == whole.read_bytes(), seed


def test_resume_refuses_what_differs(shelf, tmp_path, capsys):
    path = tmp_path / "model"
    assert train.main(["--data-dir", str(shelf), "--save", str(path), *QUICK]) == 0
    capsys.readouterr()
    for option, value in (
        ("--hidden", "8"),
        ("--optimizer", "sgd"),
        ("--seed", "1"),
        ("--dataset", "digits"),
        ("--batch-size", "64"),
    ):
        assert train.main(["--resume", str(path), option, value]) == 2
        line = capsys.readouterr().err
        assert line.startswith(f"pytensor.train: {option}: {value}: {path} was begun with ")
        assert line.count("\n") == 1
    # The same run in other words is no difference.
    assert train.main(["--resume", str(path), "--hidden", "16", "--epochs", "2"]) == 0


@pytest.mark.parametrize("kind", ["missing", "truncated", "weights", "model", "architecture"])
def test_resume_refuses_what_is_no_checkpoint_of_this_run(shelf, tmp_path, capsys, kind):
    path = tmp_path / "model"
    assert train.main(["--data-dir", str(shelf), "--save", str(path), *QUICK]) == 0
    model, notes = models.load_model(path), model_files.read_notes(path)
    if kind == "missing":
        path.unlink()
        expected = "No such file"
    elif kind == "truncated":
        os.truncate(path, 5000)
        expected = "not a whole safetensors file"
    elif kind == "weights":
        model.save_weights(path)
        expected = "weights without an architecture"
    elif kind == "model":
        model.save(path)
        expected = "was not written by python -m pytensor.train"
    else:
        notes["options"]["hidden"] = [8]
        models.save_model(model, path, notes=notes)
        expected = "dense/bias: float32 (16,) in the file, float32 (8,) in the model"
    capsys.readouterr()
    assert train.main(["--resume", str(path), "--quiet"]) == 2
    line = capsys.readouterr().err
    assert line.startswith("pytensor.train: --resume: ") and str(path) in line
    assert expected in line and line.count("\n") == 1


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
        (["--dataset", "cifar"], "--dataset: cifar: found no such file: expected mnist, "),
        (["--validation-split", "1"], "--validation-split: 1: expected a number in [0, 1)"),
        (["--patience", "3"], "--patience: 3: needs --validation-split"),
        (["--save-every", "3"], "--save-every: 3: needs --save"),
        (["--lr-schedule", "falling"], "--lr-schedule: falling: expected cosine, linear, expo"),
        (["--lr-schedule", "step:0:0.1"], "--lr-schedule: 0: expected an integer >= 1"),
        (["--lr-schedule", "exponential:2"], "--lr-schedule: 2: expected a factor in (0, 1]"),
        (["--log", "log.txt"], "--log: log.txt: expected a name that ends in .csv or .jsonl"),
        (["--config", "nowhere.toml"], "--config: nowhere.toml: [Errno 2] No such file"),
        (["--data-dir", "d", "--dataset", "digits"], "--data-dir: d: --dataset digits reads no"),
        (["--seed", "-1"], "--seed: -1: expected an integer >= 0"),
        (["--threads", "0"], "--threads: 0: expected an integer >= 1"),
        (["--epoch", "3"], "unrecognized arguments: --epoch: did you mean '--epochs'?"),
        (["digits", "more"], "unrecognized arguments: more"),
        (["more"], "--dataset: more: found no such file: expected mnist, "),
        (["digits", "--dataset", "mnist"], "--dataset: mnist: found digits as well: expected one"),
        (["digits", "--target", "a"], "--target: a: is for tables: expected one"),
        (["--drop", "a", "b"], "--drop: a b: is for tables: expected one"),
        (["--task", "guessing"], "--task: invalid choice: 'guessing'"),
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


@pytest.mark.parametrize("name", ["PYTENSOR_NUM_THREADS", "PYTENSOR_ISA", "PYTENSOR_ALLOCATOR"])
def test_a_wrong_variable_of_the_environment_is_one_line(monkeypatch, name):
    monkeypatch.setenv(name, "abc")
    code, out, err = run(*QUICK)
    assert (code, out) == (2, "")
    assert re.fullmatch(f"pytensor: {name}=abc: [^;\n]+\n", err)


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
    np.savez(path, x_train=np.zeros(3), y_train=0, x_test=0, y_test=0)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 10] = 99  # the compression method
    path.write_bytes(content)
    assert f"{path}: corrupt or no such archive: " in refused(capsys, "--data-dir", path)


def test_a_data_directory_without_data(tmp_path, capsys):
    assert f"{tmp_path}: mnist is not there" in refused(capsys, "--data-dir", tmp_path)


@pytest.mark.parametrize("option", ["--save", "--log"])
@pytest.mark.parametrize("place", ["missing/a.csv", "file/a.csv", "directory.csv", "pipe.csv"])
def test_an_unwritable_path_is_found_before_the_training(tmp_path, option, place, capsys):
    (tmp_path / "file").touch()
    (tmp_path / "directory.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")  # as a device, nothing to be replaced with a file
    line = refused(capsys, "--dataset", "digits", option, tmp_path / place)
    assert line.startswith(f"pytensor.train: {option}: {tmp_path / place}: ")
    assert not (tmp_path / "pipe.csv").is_file()


@pytest.mark.parametrize("units", [10**12, 10**20])
def test_layers_larger_than_memory(shelf, units, capsys):
    assert train.main(["--data-dir", str(shelf), "--hidden", "8", str(units)]) == 2
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_control_c_keeps_the_run(shelf, environment, tmp_path, number):
    path = tmp_path / "a model"
    options = ("--data-dir", shelf, "--epochs", 100_000, "--hidden", 16, "--save", path)
    with start(*options) as process:
        try:
            lines = [process.stdout.readline() for _ in range(4)]
            assert "network 784-16-10" in lines[1]
            process.send_signal(number)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 128 + number
    first, last = err.splitlines()
    assert re.fullmatch(
        r"pytensor\.train: interrupted (in epoch \d+ after step \d+ of 12|after "
        r"epoch \d+); the run is kept\. To go on:",
        first,
    )
    assert last == f"  python -m pytensor.train --resume '{path}'"
    assert models.load_model(path).optimizer.iterations >= 24


def test_control_c_without_a_place_to_keep_it(shelf, environment):
    with start("--data-dir", shelf, "--epochs", 100_000, "--hidden", 16) as process:
        try:
            lines = [process.stdout.readline() for _ in range(4)]
            assert "network 784-16-10" in lines[1]
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert re.fullmatch(
        r"pytensor\.train: interrupted .*; nothing was kept; with --save PATH, the "
        r"run could be resumed\n",
        err,
    )


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
    with (
        open("/dev/full", "w") as full,
        start("--data-dir", shelf, *QUICK, *options, stdout=full) as process,
    ):
        err = process.stderr.read()
    assert process.returncode == 1
    assert err == "pytensor.train: standard output: [Errno 28] No space left on device\n"


def test_a_closed_stdout(environment):
    code = "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    process = subprocess.run(
        [sys.executable, "-c", code, "-m", "pytensor.train", "--dataset", "digits", *QUICK],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 2
    assert process.stderr.startswith("pytensor.train: standard output: closed")
    assert process.stderr.count("\n") == 1


# --- the real thing -------------------------------------------------------------------------

SHELF = os.environ.get("PYTENSOR_DATA")


@pytest.mark.training
@pytest.mark.skipif(
    not SHELF or not (Path(SHELF) / "mnist").is_dir(), reason="PYTENSOR_DATA has no real MNIST"
)
def test_the_first_network_on_real_mnist():
    code, out, err = run("--dataset", "mnist")
    assert code == 0, err
    result = RESULT.fullmatch(out.splitlines()[-1])
    assert float(result[1]) >= 0.975
