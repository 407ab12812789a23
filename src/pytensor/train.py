"""The command `python -m pytensor.train`: train a dense network to tell classes apart, or to
predict a number.

Without options it is the first network of the book, 784-512-10, on MNIST; where MNIST cannot be
had, on the digits that the package draws itself. A run with the same options gives the same
weights, bit by bit, whatever the number of threads, and however often it was interrupted and
resumed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import signal
import sys
import threading
import time
import tomllib

import numpy as np

import pytensor as pt
from pytensor import (
    _commands,
    callbacks,
    checkpoints,
    datasets,
    layers,
    models,
    optimizers,
    schedules,
    utils,
)
from pytensor._commands import (
    OutputError,
    UsageError,
    check_writable,
    count,
    grouped,
    positive,
    share,
)
from pytensor._support.arguments import known
from pytensor._support.files import as_model_path, write_atomically
from pytensor._training import model_files
from pytensor._training.data import count_to_train_with
from pytensor.datasets.files import LabelledData

NAME = "pytensor.train"
OPTIMIZERS = ("sgd", "rmsprop", "adam", "adamw", "adamax", "nadam", "lion", "adagrad", "adadelta")
SETS = {
    "mnist": datasets.mnist,
    "fashion-mnist": datasets.fashion_mnist,
    "kmnist": datasets.kmnist,
    "digits": datasets.digits,
}
DEFAULTS = {
    "dataset": None,
    "data_dir": None,
    "label": None,
    "columns": None,
    "drop": None,
    "categorical": None,
    "task": None,
    "test_split": 0.2,
    "validation_split": 0.0,
    "hidden": [512],
    "epochs": 5,
    "batch_size": 128,
    "optimizer": "rmsprop",
    "learning_rate": None,
    "lr_schedule": None,
    "patience": None,
    "seed": 0,
    "threads": None,
    "save": None,
    "save_every": None,
    "resume": None,
    "log": None,
    "plot": None,
    "config": None,
    "dry_run": False,
    "quiet": False,
    "distributed": None,
    "deterministic": False,
}
# What a run that is resumed has in common with its beginning, and what else a checkpoint notes.
TABLE = ("label", "columns", "drop", "categorical", "task")
FIXED = (
    "dataset",
    "data_dir",
    *TABLE,
    "test_split",
    "validation_split",
    "hidden",
    "batch_size",
    "optimizer",
    "learning_rate",
    "lr_schedule",
    "seed",
)
NOTED = (*FIXED, "epochs", "patience", "save_every", "log", "plot")


def main(argv=None):
    """Run the command.

    Args:
        argv: the options, a list of strings; by default those of the command line.

    Returns:
        The exit code, as `_commands.run` tells.
    """
    ranks = []
    code = _commands.run(
        NAME, lambda: run(parse(argv), ranks), lambda: ranks[0].give_way() if ranks else ""
    )
    if code and ranks and ranks[0].size > 1:
        ranks[0].abort(code)
    return code


# ------------------------------------------------------------------------------------- options


def make_parser():
    """Return the parser. It leaves out what was not given: defaults have the last word."""
    parser = _commands.Parser(
        prog=f"python -m {NAME}",
        description="Train a dense network to tell classes of images, or of rows of a table, "
        "apart, or to predict a number. Without options: 784-512-10, RMSprop, 5 epochs, on MNIST; "
        "where MNIST cannot be had, on digits that the package draws itself.",
        epilog=f"Examples: python -m {NAME} --save model.safetensors --plot report.png; after "
        f"Ctrl-C: python -m {NAME} --resume model.safetensors; a table: python -m {NAME} "
        "houses.csv --target price --epochs 50; then: python -m pytensor.predict model.safetensors "
        "image.png",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    add = parser.add_argument_group("data").add_argument
    add("data", nargs="?", metavar="DATA", help="as --dataset")
    add("--dataset", metavar="NAME|PATH",
        help=f"{', '.join(SETS)}; or a directory of IDX files, a .npz archive (x_train, y_train, "
        "x_test, y_test, or x, y), or a table, a text file such as CSV (mnist; if it cannot be "
        "had, digits)")  # fmt: skip
    add("--data-dir", type=_commands.path, metavar="DIR",
        help="where the files of a named set are: DIR or DIR/NAME "
        "($PYTENSOR_DATA, then the cache, then the network)")  # fmt: skip
    add("--target", "--label", dest="label", metavar="COLUMN",
        help="the column of a table to predict: its name or number from 0 (one that is called "
        "label, class, target, species or y, else the last)")  # fmt: skip
    add("--columns", nargs="+", metavar="COLUMN", help="those to predict from (all others)")
    add("--drop", nargs="+", metavar="COLUMN", help="those to leave out (none)")
    add("--categorical", nargs="+", metavar="COLUMN",
        help="those whose numbers are names, such as postal codes (none)")  # fmt: skip
    add("--task", choices=("classification", "regression"), metavar="TASK",
        help="classification or regression (regression for a target of numbers with fractions, or "
        "of more than 100 different ones)")  # fmt: skip
    add("--test-split", type=share, metavar="X",
        help="the share to test with, of data without a test set (0.2)")  # fmt: skip
    add("--validation-split", type=share, metavar="X",
        help="the share of the training set, its end, to validate with after each epoch "
        "(none)")  # fmt: skip
    add = parser.add_argument_group("network and training").add_argument
    add("--hidden", type=count, nargs="+", metavar="N",
        help="units of each hidden layer, e.g. --hidden 256 128 (512)")  # fmt: skip
    add("--epochs", type=count, metavar="N", help="passes over the data (5)")
    add("--batch-size", type=count, metavar="N", help="samples in one step (128)")
    add("--optimizer", choices=OPTIMIZERS, metavar="NAME",
        help=f"{', '.join(OPTIMIZERS)} (rmsprop)")  # fmt: skip
    add("--learning-rate", type=positive, metavar="X", help="(the optimizer's own)")
    add("--lr-schedule", type=_schedule, metavar="HOW",
        help="how the learning rate falls: cosine or linear, to 0 at the end; exponential:F, by "
        "the factor F with each epoch; step:N:F, by F after every N epochs (it stays)")  # fmt: skip
    add("--patience", type=count, metavar="N",
        help="stop after N epochs in which the validation loss has not fallen, and go back to the "
        "best weights")  # fmt: skip
    add("--seed", type=_commands.seed, metavar="N", help="of all random numbers (0)")
    add("--threads", type=count, metavar="N",
        help="($PYTENSOR_NUM_THREADS, else all the cores this process may use)")  # fmt: skip
    add("--distributed", choices=("mpi",), metavar="mpi",
        help="share each batch among the processes that mpiexec has started: mpiexec -n 4 python "
        f"-m mpi4py -m {NAME} --distributed mpi (needs the extra [mpi])")  # fmt: skip
    add("--deterministic", action="store_true",
        help="with --distributed: the same weights, bit by bit, for 1, 2 and 4 "
        "processes")  # fmt: skip
    add = parser.add_argument_group("what is kept and shown").add_argument
    add("--save", type=_commands.path, metavar="PATH",
        help="write the model to this safetensors file, after each epoch, at the end, and on "
        "Ctrl-C")  # fmt: skip
    add("--save-every", type=count, metavar="N", help="and after every N steps")
    add("--resume", type=_commands.path, metavar="PATH",
        help="go on with the run that wrote this file, with its options; more --epochs may be "
        "asked for")  # fmt: skip
    add("--log", type=_commands.path, metavar="FILE",
        help="write loss and accuracy of each epoch to a .csv or .jsonl file")  # fmt: skip
    add("--plot", type=_commands.path, metavar="FILE",
        help="draw a report to a .png, .svg or .pdf file: curves, confusion matrix, worst "
        "mistakes, weights (needs the extra [plot])")  # fmt: skip
    add("--config", type=_commands.path, metavar="FILE",
        help="read options from a TOML file, e.g. epochs = 10; those given here go "
        "before")  # fmt: skip
    add("--dry-run", action="store_true",
        help="check options, data and paths, show the network, and stop")  # fmt: skip
    add("--quiet", action="store_true", help="print nothing but the result")
    return parser


def parse(argv=None):
    """Parse and check the options: given, else in --config, else in --resume, else defaults.

    Raises:
        UsageError: an option is unknown or its value wrong.
        SystemExit: --help was asked for and given.
    """
    parser = make_parser()
    given = _named(vars(parser.parse_args(argv)))
    if "config" in given:
        given = _from_config(parser, given["config"]) | given
    begun = _from_checkpoint(parser, given["resume"]) if "resume" in given else {}
    for key in FIXED if begun else ():
        found, expected = given.get(key), begun.get(key, DEFAULTS[key])
        if key in given and str(found) != str(expected):
            raise UsageError(
                f"{_flag(key)}: {_text(found)}: {given['resume']} was begun with "
                f"{_text(expected)}, which --resume does not change"
            )
    options = argparse.Namespace(**(DEFAULTS | begun | given))
    options.goes_on = bool({"epochs", "patience"} & given.keys())
    if options.data_dir is not None and options.dataset == "digits":
        raise UsageError(f"--data-dir: {options.data_dir}: --dataset digits reads no files")
    for key in TABLE:
        if getattr(options, key) is not None and (
            options.dataset is None or options.dataset in SETS
        ):
            raise UsageError(
                f"{_flag(key)}: {_text(getattr(options, key))}: is for tables: "
                "expected one, python -m pytensor.train table.csv"
            )
    if options.patience is not None and not options.validation_split:
        raise UsageError(f"--patience: {options.patience}: needs --validation-split")
    if options.save_every is not None and options.save is None and options.resume is None:
        raise UsageError(f"--save-every: {options.save_every}: needs --save")
    if options.deterministic and options.distributed is None:
        raise UsageError("--deterministic: needs --distributed")
    if options.save is None:
        options.save = options.resume
    if options.log is not None and options.log.suffix not in (".csv", ".jsonl"):
        raise UsageError(f"--log: {options.log}: expected a name that ends in .csv or .jsonl")
    return options


def _named(given):
    """Options with DATA under its name."""
    data = given.pop("data", None)
    if data is None:
        return given
    if "dataset" in given:
        raise UsageError(f"--dataset: {given['dataset']}: found {data} as well: expected one")
    return {**given, "dataset": data}


def _from_config(parser, path):
    """The options in a TOML file."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"--config: {path}: {error}") from error
    return _checked(parser, table, f"--config: {path}", DEFAULTS.keys() - {"config", "resume"})


def _from_checkpoint(parser, path):
    """The options that a checkpoint notes."""
    try:
        notes = model_files.read_notes(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"--resume: {str(error).removeprefix('read_notes: ')}") from error
    if not isinstance(notes, dict) or not isinstance(notes.get("options"), dict):
        raise UsageError(f"--resume: {path}: was not written by python -m {NAME}")
    return _checked(parser, notes["options"], f"--resume: {path}", NOTED)


def _checked(parser, table, source, allowed):
    """Options of a file, checked as those of the command line are."""
    words = []
    for name, value in table.items():
        key = "label" if name == "target" else name.replace("-", "_")
        if key not in allowed:
            raise UsageError(
                f"{source}: unknown option {name!r}: "
                f"{known(name, [key.replace('_', '-') for key in allowed])}"
            )
        if isinstance(value, bool):
            words += [_flag(key)] * value
        elif isinstance(value, list):
            words += [_flag(key), *map(str, value)]
        else:
            words.append(f"{_flag(key)}={value}")
    try:
        return vars(parser.parse_args(words))
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from error


def _flag(key):
    return "--target" if key == "label" else f"--{key.replace('_', '-')}"


def _text(value):
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _schedule(text):
    """Check what --lr-schedule is given."""
    name, *numbers = text.split(":")
    expected = "cosine, linear, exponential:F or step:N:F"
    if len(numbers) != {"cosine": 0, "linear": 0, "exponential": 1, "step": 2}.get(name):
        raise argparse.ArgumentTypeError(f"{text}: expected {expected}")
    if name == "step":
        count(numbers[0])
    if numbers:
        _commands.number(numbers[-1], lambda factor: 0 < factor <= 1, "a factor in (0, 1]")
    return text


# ------------------------------------------------------------------------------------ the work


def run(options, ranks=()):
    """Train as the options say.

    ranks: a list that gets the DataParallel of --distributed.

    Raises:
        UsageError: the data cannot be had, or a path cannot be used.
        OutputError: a file cannot be written after all.
        FloatingPointError: the loss is no longer a number.
        Interrupted: Ctrl-C, or SIGTERM.
        OSError: stdout cannot be written.
    """
    distribution = None
    if options.distributed is not None:
        distribution = make_distribution(options)
        ranks.append(distribution)
    is_first = distribution is None or distribution.is_first
    if is_first:
        check_outputs(options)
    if options.threads is not None:
        set_threads(options.threads)
    utils.set_random_seed(options.seed)
    name, data = (
        load_data(options)
        if distribution is None
        else distribution.first_goes_ahead(lambda: load_data(options))
    )
    network = build(options, data)
    if is_first and not options.quiet:
        print(describe(options, name, data, network, distribution), flush=True)
    if options.dry_run and is_first:
        network.summary()
        print(f"dry run: {_steps(options, data)} steps an epoch; nothing was trained or written")
    if options.dry_run:
        return
    start = time.perf_counter()
    epochs = train(options, network, data, distribution)
    seconds = time.perf_counter() - start
    if not is_first:
        return
    loss, metric = network.evaluate(
        data.x_test,
        data.y_test,
        batch_size=options.batch_size,
        sample_weight=_weights(data, data.y_test),
        verbose=0,
    )
    if epochs:
        rate = grouped(round(epochs * _n_train(options, data) / seconds))
        kind = "images" if _are_images(data) else "samples"
        work = f"{epochs:g} epoch{'s' * (epochs != 1)} in {seconds:.1f} s, {rate} {kind}/s"
    else:
        work = "nothing was left to train"
    found = (
        f"test accuracy {metric:.4f}"
        if data.classes
        else f"mean absolute error {callbacks.shown(metric)}"
    )
    print(f"test loss {callbacks.shown(loss)}, {found}; {work}", flush=True)
    if options.plot is not None:  # last: if it cannot be written, the result is known
        draw(options, name, network, data)


def check_outputs(options):
    """Find out before the training whether what it gives can be written."""
    for option in ("save", "log", "plot"):
        path = getattr(options, option)
        if path is not None:
            check_writable(_flag(option), path)
    if options.save is not None:
        try:
            as_model_path("--save", options.save)
        except ValueError as error:
            raise UsageError(str(error)) from error
    if options.plot is not None:
        from pytensor import plot

        try:
            plot.check_path(options.plot)
        except (ImportError, ValueError, OSError) as error:
            raise UsageError(f"--plot: {error}") from error


def make_distribution(options):
    """Return the DataParallel of --distributed."""
    from pytensor import distributed

    try:
        return distributed.DataParallel(deterministic=options.deterministic)
    except ImportError as error:
        raise UsageError(f"--distributed: {str(error).removeprefix('DataParallel: ')}") from error
    except ValueError as error:
        raise UsageError(f"--deterministic: {str(error).removeprefix('DataParallel: ')}") from error


def set_threads(count):
    """Set the number of threads; one that the pool does not take is the option's fault."""
    try:
        pt.set_num_threads(count)
    except ValueError as error:
        raise UsageError(f"--threads: {str(error).removeprefix('set_num_threads: ')}") from error


def load_data(options):
    """Load the data asked for, or explain on stderr why it is other data.

    Returns:
        The name of the data set, which options.dataset becomes, and LabelledData.
    """
    name = "mnist" if options.dataset is None else options.dataset
    try:
        if name not in SETS:
            path = _commands.path(name)
            if not path.exists():
                raise UsageError(
                    f"--dataset: {name}: expected {', '.join(SETS)}, or a file or "
                    "directory that is there"
                )
            options.dataset = os.path.abspath(path)
            return path.name, datasets.files.load(
                path,
                options.label,
                options.test_split,
                options.seed,
                columns=options.columns,
                drop=options.drop or (),
                categorical=options.categorical or (),
                task=options.task,
            )
        found = SETS[name].load_data(*() if name == "digits" else (options.data_dir,))
    except datasets.DownloadError as error:
        if options.dataset is not None:
            raise UsageError(f"--dataset: {name}: {error}") from error
        print(
            "MNIST is not on this machine and cannot be downloaded (is there a network?): training "
            "on digits that\nthis package draws itself. To use MNIST, name the directory of its "
            "files with --data-dir DIR.",
            file=sys.stderr,
        )
        name, found = "digits", datasets.digits.load_data()
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error
    options.dataset = name
    parts = (np.asarray(part) for pair in found for part in pair)
    return name, LabelledData(*parts, getattr(SETS[name], "CLASSES", tuple("0123456789")))


def build(options, data):
    """Build and compile the network: inputs brought to small numbers, hidden layers (relu), classes
    (softmax) or the value to predict, in its own unit. It takes the data as they are: bytes need no
    copy as floats.

    Raises:
        UsageError: there is no memory for layers of these sizes.
    """
    x = data.x_train
    network = models.Sequential([layers.Input(x.shape[1:])])
    if x.ndim > 2:
        network.add(layers.Flatten())
    network.add(_rescaling(x, data.encoding))
    try:
        for units in options.hidden:
            network.add(layers.Dense(units, activation="relu"))
        if data.classes:
            network.add(layers.Dense(len(data.classes), activation="softmax"))
        else:
            network.add(layers.Dense(1))
            network.add(
                layers.Rescaling(
                    float(data.y_train.std(dtype=np.float64)),
                    float(data.y_train.mean(dtype=np.float64)),
                )
            )
    except (ValueError, MemoryError) as error:
        raise UsageError(f"--hidden: {_text(options.hidden)}: too large: {error}") from error
    optimizer = optimizers.get(options.optimizer)
    if options.learning_rate is not None:
        optimizer.learning_rate = options.learning_rate
    if options.lr_schedule is not None:
        optimizer.learning_rate = make_schedule(
            options.lr_schedule, optimizer.learning_rate, _steps(options, data), options.epochs
        )
    if data.classes:
        network.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    else:
        network.compile(optimizer, loss="mean_squared_error", metrics=["mean_absolute_error"])
    return network


def _weights(data, y):
    """The weights of samples: those of values make the loss 1 for who always predicts their mean,
    whatever their unit, and with it the steps of every optimizer."""
    if data.classes:
        return None
    return np.full(len(y), 1 / data.y_train.var(dtype=np.float64), np.float32)


def _rescaling(x, encoding=None):
    """A layer that takes bytes to [0, 1], and other numbers to mean 0 and standard deviation 1:
    in tables column by column, but for those that are 0 or 1 by kind, in images all alike."""
    measured = None if encoding is None else encoding.is_measured()
    # Bytes in a few columns are ages or counts, each of its own range, and no pixels.
    if x.dtype == np.uint8 and (x.ndim > 2 or x.shape[1] >= 64):
        return layers.Rescaling(1 / max(1, int(x.max())))
    axis = 0 if x.ndim == 2 else None
    mean, deviation = x.mean(axis, dtype=np.float64), x.std(axis, dtype=np.float64)
    scale = 1 / np.where(deviation > 0, deviation, 1)
    if measured is not None:
        scale, mean = np.where(measured, scale, 1.0), np.where(measured, mean, 0.0)
    return layers.Rescaling(scale.tolist(), (-mean * scale).tolist())


def make_schedule(text, rate, steps, epochs):
    """The learning-rate schedule that --lr-schedule names, from `rate`, for epochs of `steps`."""
    name, *numbers = text.split(":")
    if name == "cosine":
        return schedules.CosineDecay(rate, steps * epochs)
    if name == "linear":
        return schedules.PolynomialDecay(rate, steps * epochs, 0.0)
    every = int(numbers[0]) if name == "step" else 1
    return schedules.ExponentialDecay(rate, every * steps, float(numbers[-1]), name == "step")


def describe(options, name, data, network, distribution=None):
    """Return the line that says what is about to be trained on what."""
    sizes = "-".join(
        map(str, (math.prod(data.x_train.shape[1:]), *options.hidden, len(data.classes) or 1))
    )
    n_train, n_test = len(data.x_train), len(data.x_test)
    kind = "images" if _are_images(data) else "samples"
    threads = pt.get_num_threads()
    ranks = 1 if distribution is None else distribution.size
    about = ""
    if data.encoding is not None:
        kinds = [column["kind"] for column in data.encoding.columns]
        texts = len(kinds) - kinds.count("number")
        about = (
            f"\n{'classes' if data.classes else 'values'} of {data.encoding.target} from "
            f"{len(kinds)} column{'s' * (len(kinds) != 1)}"
            f"{f', {texts} of them text' * bool(texts)}"
        )
        about += "".join(
            f"\nleft out: {left}: {why}" for left, why in data.encoding.left_out.items()
        )
    return (
        f"{name}: {grouped(n_train)} training and {grouped(n_test)} test {kind}; "
        f"network {sizes}, {grouped(network.count_params())} parameters, {options.optimizer}, "
        f"batches of {options.batch_size}, {f'{ranks} processes of ' * (ranks > 1)}"
        f"{threads} thread{'s' * (threads > 1)}{about}"
    )


def train(options, network, data, distribution=None):
    """Fit the network; keep, log and stop as the options say. Returns the epochs trained."""
    used = []
    if options.patience is not None:
        used.append(
            callbacks.EarlyStopping(
                "val_loss", patience=options.patience, restore_best_weights=True
            )
        )
    if options.log is not None:
        used.append(EpochLog(options.log))
    checkpoint = None
    if options.save is not None:
        noted = {key: getattr(options, key) for key in NOTED if getattr(options, key) is not None}
        noted = {
            key: value if isinstance(value, (int, float, str, list)) else os.path.abspath(value)
            for key, value in noted.items()
        }
        notes = {"classes": list(data.classes), "options": noted}
        if data.encoding is not None:
            notes["table"] = data.encoding.get_config()
        checkpoint = _Checkpoint(options, notes)
        used.append(checkpoint)
    with _Interruption(options, checkpoint) as interruption:
        network.fit(
            data.x_train,
            data.y_train,
            epochs=options.epochs,
            batch_size=options.batch_size,
            sample_weight=_weights(data, data.y_train),
            validation_split=options.validation_split,
            callbacks=[*used, interruption],
            verbose=0 if options.quiet else "auto",
            distribution=distribution,
        )
    return interruption.steps / interruption.params["steps"]


def draw(options, name, network, data):
    """Draw the report about the trained network."""
    from pytensor import plot

    if not data.classes:
        figure = plot.curves(network.history)
        _write_figure(options, figure)
        return
    side = math.isqrt(data.x_test[0].size)
    flat = data.x_test.ndim == 2 and data.x_test.dtype == np.uint8 and side >= 8
    shape = (side, side) if flat and side**2 == data.x_test[0].size else None
    figure = plot.report(
        network,
        data.x_test,
        data.y_test,
        class_names=data.classes,
        image_shape=shape if data.x_test.ndim == 2 else data.x_test.shape[1:],
        title=f"{name}: {'-'.join(map(str, options.hidden))} hidden units, {options.optimizer}",
    )
    _write_figure(options, figure)


def _write_figure(options, figure):
    from pytensor import plot

    try:
        plot.save(figure, options.plot)
    except OSError as error:
        raise OutputError("--plot", options.plot, error) from error


def _n_train(options, data):
    """The samples trained with; validation takes the others (as fit computes it)."""
    return count_to_train_with(len(data.x_train), options.validation_split)


def _steps(options, data):
    return -(-_n_train(options, data) // options.batch_size)


def _are_images(data):
    return data.x_train.ndim == 3


# ----------------------------------------------------------------------------------- callbacks


class _Checkpoint(checkpoints.Checkpoint):
    """Its errors are those of --resume and --save."""

    def __init__(self, options, notes):
        super().__init__(options.save, options.save_every or "epoch", options.resume, notes)
        self._goes_on = options.goes_on

    def on_train_begin(self, logs=None):
        try:
            super().on_train_begin(logs)
        except (OSError, ValueError) as error:
            raise UsageError(f"--resume: {str(error).removeprefix('Checkpoint: ')}") from error
        if self._goes_on:  # more epochs or patience: a run that has stopped early starts again
            self.model.stop_training = False

    def write(self):
        try:
            super().write()
        except OSError as error:
            raise OutputError("--save", self.path, error) from error


class EpochLog(callbacks.CSVLogger):
    """Writes loss, metrics and learning rate of each epoch, from 1, to a .csv or .jsonl file; a
    checkpoint keeps the lines, so that there is one for each epoch after a resumption as well."""

    def on_epoch_end(self, epoch, logs=None):
        """Add a line."""
        optimizer = self.model.optimizer
        optimizer.iterations -= 1  # a schedule's rate at the epoch's last step, not at the next
        logs["learning_rate"] = optimizer.learning_rate
        optimizer.iterations += 1
        try:
            if self.filename.suffix == ".csv":
                super().on_epoch_end(epoch + 1, logs)
                return
            self._rows.append({"epoch": epoch + 1, **logs})
            text = "".join(f"{json.dumps(row)}\n" for row in self._rows)
            write_atomically(self.filename, text.encode())
        except OSError as error:
            raise OutputError("--log", self.filename, error) from error


class _Interruption(callbacks.Callback):
    """Ctrl-C and SIGTERM let the batch end, write the checkpoint and raise Interrupted; Ctrl-C once
    more ends at once. As a context, it takes these signals. steps: how many were trained.

    Of many ranks, all end after the same step: they tell each other in the step (signals).
    """

    runs_last = True

    def __init__(self, options, checkpoint):
        self._options = options
        self._checkpoint = checkpoint
        self._signal = None
        self.steps = 0

    def __enter__(self):
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            for number, usual in (
                (signal.SIGINT, signal.default_int_handler),
                (signal.SIGTERM, signal.SIG_DFL),
            ):
                if signal.getsignal(number) == usual:  # else someone has decided otherwise
                    self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *error):
        for number, usual in self._before.items():
            signal.signal(number, usual)

    def _take(self, number, frame):
        if self._signal is not None:
            raise KeyboardInterrupt
        self._signal = number

    def _is_over(self):
        return self.model.run.distribution.any_signal(self._signal is not None)

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self._is_over():
            if self._checkpoint is not None:
                self._checkpoint.write()
            self._end()

    def on_epoch_end(self, epoch, logs=None):
        if self._is_over():
            self._end()

    def _end(self):
        position = self.model.run.position
        where = f"interrupted after epoch {position.epoch}"
        if position.step:
            where = (
                f"interrupted in epoch {position.epoch + 1} after step {position.step} of "
                f"{self.params['steps']}"
            )
        if self._checkpoint is None:
            kept = "nothing was kept; with --save PATH, the run could be resumed"
        else:
            kept = (
                f"the run is kept. To go on:\n  python -m {NAME} --resume "
                f"{shlex.quote(str(self._options.save))}"
            )
        raise _commands.Interrupted(f"{where}; {kept}", 128 + (self._signal or signal.SIGINT))


if __name__ == "__main__":
    sys.exit(main())
