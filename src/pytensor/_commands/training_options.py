"""The options of `python -m pytensor.train`: what they are called, where their values come from,
and which of them go together.
"""

from __future__ import annotations

import argparse
import os
import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from pytensor import _commands
from pytensor._commands import UsageError, count, positive, share
from pytensor._commands.training_data import SETS
from pytensor._support.arguments import known
from pytensor._training import model_files

NAME = "pytensor.train"
OPTIMIZERS = ("sgd", "rmsprop", "adam", "adamw", "adamax", "nadam", "lion", "adagrad", "adadelta")
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
TABLE = ("label", "columns", "drop", "categorical", "task")
# A resumed run must agree with its beginning on these.
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
# A checkpoint keeps these.
NOTED = (*FIXED, "epochs", "patience", "save_every", "log", "plot")


def make_parser() -> _commands.Parser:
    """Return the parser. It sets only the options that were given; `parse` adds the defaults."""
    parser = _commands.Parser(
        prog=f"python -m {NAME}",
        description="Train a dense network to classify images or the rows of a table, or to "
        "predict a number. Without options: 784-512-10, RMSprop, 5 epochs, on MNIST; if MNIST is "
        "not available, on digits that the package draws itself.",
        epilog=f"Examples: python -m {NAME} --save model.safetensors --plot report.png; after "
        f"Ctrl-C: python -m {NAME} --resume model.safetensors; a table: python -m {NAME} "
        "houses.csv --target price --epochs 50; then: python -m pytensor.predict model.safetensors "
        "image.png",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    _add_data_options(parser.add_argument_group("data"))
    _add_training_options(parser.add_argument_group("network and training"))
    _add_output_options(parser.add_argument_group("output"))
    return parser


def _add_data_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("data", nargs="?", metavar="DATA", help="the same as --dataset")
    add("--dataset", metavar="NAME|PATH",
        help=f"{', '.join(SETS)}; or a directory of IDX files, a .npz archive (x_train, y_train, "
        "x_test, y_test, or x, y), or a table: a text file such as CSV (default: mnist; digits if "
        "MNIST is not available)")  # fmt: skip
    add("--data-dir", type=_commands.path, metavar="DIR",
        help="the directory with the files of a named set: DIR or DIR/NAME "
        "(default: $PYTENSOR_DATA, then the cache, then a download)")  # fmt: skip
    add("--target", "--label", dest="label", metavar="COLUMN",
        help="the column of a table to predict: its name or its number, from 0 (default: the "
        "column named label, class, target, species or y, else the last one)")  # fmt: skip
    add("--columns", nargs="+", metavar="COLUMN",
        help="the columns to predict from (default: all others)")  # fmt: skip
    add("--drop", nargs="+", metavar="COLUMN", help="columns to leave out (default: none)")
    add("--categorical", nargs="+", metavar="COLUMN",
        help="columns whose numbers are names, such as postal codes (default: none)")  # fmt: skip
    add("--task", choices=("classification", "regression"), metavar="TASK",
        help="classification or regression (default: regression if the target has fractions or "
        "more than 100 different numbers)")  # fmt: skip
    add("--test-split", type=share, metavar="X",
        help="the share of the samples to test with, if the data have no test set "
        "(default: 0.2)")  # fmt: skip
    add("--validation-split", type=share, metavar="X",
        help="the share of the training set, taken from its end, to validate with after each epoch "
        "(default: 0)")  # fmt: skip


def _add_training_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--hidden", type=count, nargs="+", metavar="N",
        help="units of each hidden layer, e.g. --hidden 256 128 (default: 512)")  # fmt: skip
    add("--epochs", type=count, metavar="N", help="passes over the data (default: 5)")
    add("--batch-size", type=count, metavar="N", help="samples in one step (default: 128)")
    add("--optimizer", choices=OPTIMIZERS, metavar="NAME",
        help=f"{', '.join(OPTIMIZERS)} (default: rmsprop)")  # fmt: skip
    add("--learning-rate", type=positive, metavar="X", help="(default: the optimizer's)")
    add("--lr-schedule", type=_schedule, metavar="HOW",
        help="how the learning rate falls: cosine or linear, to 0 at the end; exponential:F, by "
        "the factor F every epoch; step:N:F, by F every N epochs (default: constant)")  # fmt: skip
    add("--patience", type=count, metavar="N",
        help="stop after N epochs in which the validation loss has not fallen, and restore the "
        "best weights")  # fmt: skip
    add("--seed", type=_commands.seed, metavar="N", help="the seed of all random numbers "
        "(default: 0)")  # fmt: skip
    add("--threads", type=count, metavar="N",
        help="(default: $PYTENSOR_NUM_THREADS, else all cores available to the "
        "process)")  # fmt: skip
    add("--distributed", choices=("mpi",), metavar="mpi",
        help="share each batch among the processes that mpiexec has started: mpiexec -n 4 python "
        f"-m mpi4py -m {NAME} --distributed mpi (needs the extra [mpi])")  # fmt: skip
    add("--deterministic", action="store_true",
        help="with --distributed: the same weights, bit for bit, for 1, 2 and 4 "
        "processes")  # fmt: skip


def _add_output_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--save", type=_commands.path, metavar="PATH",
        help="write the model to this safetensors file, after each epoch, at the end, and on "
        "Ctrl-C")  # fmt: skip
    add("--save-every", type=count, metavar="N", help="also save after every N steps")
    add("--resume", type=_commands.path, metavar="PATH",
        help="continue the run that wrote this file, with its options; --epochs may be "
        "raised")  # fmt: skip
    add("--log", type=_commands.path, metavar="FILE",
        help="write the loss and the metrics of each epoch to a .csv or .jsonl file")  # fmt: skip
    add("--plot", type=_commands.path, metavar="FILE",
        help="draw a report to a .png, .svg or .pdf file: curves, confusion matrix, worst "
        "mistakes, weights (needs the extra [plot])")  # fmt: skip
    add("--config", type=_commands.path, metavar="FILE",
        help="read options from a TOML file, e.g. epochs = 10; the command line takes "
        "precedence")  # fmt: skip
    add("--dry-run", action="store_true",
        help="check options, data and paths, show the network, and stop")  # fmt: skip
    add("--quiet", action="store_true", help="print only the result")


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse and check the options.

    An option's value comes from the command line, else from --config, else from --resume, else it
    is the default.

    Raises:
        UsageError: an option is unknown, its value is wrong, or options do not go together.
        SystemExit: --help or --version was given.
    """
    parser = make_parser()
    given = _merge_data(vars(parser.parse_args(argv)))
    if "config" in given:
        given = _from_config(parser, given["config"]) | given
    begun = _from_checkpoint(parser, given["resume"]) if "resume" in given else {}
    for key in FIXED if begun else ():
        found, expected = given.get(key), begun.get(key, DEFAULTS[key])
        if key in given and str(found) != str(expected):
            raise UsageError(
                f"{flag(key)}: {text_of(found)}: {given['resume']} was begun with "
                f"{text_of(expected)}, which --resume does not change"
            )
    options = argparse.Namespace(**(DEFAULTS | begun | given))
    options.goes_on = bool({"epochs", "patience"} & given.keys())
    if options.save is None:
        options.save = options.resume
    _check_together(options)
    return options


def _check_together(options: argparse.Namespace) -> None:
    """Refuse options that do not go together."""
    if options.data_dir is not None and options.dataset == "digits":
        raise UsageError(f"--data-dir: {options.data_dir}: --dataset digits reads no files")
    for key in TABLE:
        value = getattr(options, key)
        if value is not None and (options.dataset is None or options.dataset in SETS):
            raise UsageError(
                f"{flag(key)}: {text_of(value)}: is for tables: "
                f"expected one, python -m {NAME} table.csv"
            )
    if options.patience is not None and not options.validation_split:
        raise UsageError(f"--patience: {options.patience}: needs --validation-split")
    if options.save_every is not None and options.save is None:
        raise UsageError(f"--save-every: {options.save_every}: needs --save")
    if options.deterministic and options.distributed is None:
        raise UsageError("--deterministic: needs --distributed")
    if options.log is not None and options.log.suffix not in (".csv", ".jsonl"):
        raise UsageError(f"--log: {options.log}: expected a name that ends in .csv or .jsonl")


def noted(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options that a checkpoint keeps, as values that JSON can hold."""
    values = {key: getattr(options, key) for key in NOTED}
    return {
        key: os.path.abspath(value) if isinstance(value, Path) else value
        for key, value in values.items()
        if value is not None
    }


def _merge_data(given: dict[str, Any]) -> dict[str, Any]:
    """Options with the argument DATA as --dataset."""
    data = given.pop("data", None)
    if data is None:
        return given
    if "dataset" in given:
        raise UsageError(f"--dataset: {given['dataset']}: found {data} as well: expected one")
    return {**given, "dataset": data}


def _from_config(parser: _commands.Parser, path: Path) -> dict[str, Any]:
    """The options in a TOML file."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"--config: {path}: {error}") from error
    return _checked(parser, table, f"--config: {path}", DEFAULTS.keys() - {"config", "resume"})


def _from_checkpoint(parser: _commands.Parser, path: Path) -> dict[str, Any]:
    """The options that a checkpoint notes."""
    try:
        notes = model_files.read_notes(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"--resume: {str(error).removeprefix('read_notes: ')}") from error
    if not isinstance(notes, dict) or not isinstance(notes.get("options"), dict):
        raise UsageError(f"--resume: {path}: was not written by python -m {NAME}")
    return _checked(parser, notes["options"], f"--resume: {path}", NOTED)


def _checked(
    parser: _commands.Parser, table: dict[str, Any], source: str, allowed: Collection[str]
) -> dict[str, Any]:
    """Options from a file, checked by the same parser as the command line."""
    words: list[str] = []
    for name, value in table.items():
        key = "label" if name == "target" else name.replace("-", "_")
        if key not in allowed:
            names = ["target" if key == "label" else key.replace("_", "-") for key in allowed]
            raise UsageError(f"{source}: unknown option {name!r}: {known(name, names)}")
        if isinstance(value, bool):
            words += [flag(key)] * value
        elif isinstance(value, list):
            words += [flag(key), *map(str, value)]
        else:
            words.append(f"{flag(key)}={value}")
    try:
        return vars(parser.parse_args(words))
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from error


def flag(key: str) -> str:
    """Return the option that sets a key: "--batch-size" for "batch_size"."""
    return "--target" if key == "label" else f"--{key.replace('_', '-')}"


def text_of(value: object) -> str:
    """Return an option's value as one types it."""
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _schedule(text: str) -> str:
    """Check the value of --lr-schedule."""
    name, *numbers = text.split(":")
    expected = "cosine, linear, exponential:F or step:N:F"
    if len(numbers) != {"cosine": 0, "linear": 0, "exponential": 1, "step": 2}.get(name):
        raise argparse.ArgumentTypeError(f"{text}: expected {expected}")
    if name == "step":
        count(numbers[0])
    if numbers:
        _commands.number(numbers[-1], lambda factor: 0 < factor <= 1, "a factor in (0, 1]")
    return text
