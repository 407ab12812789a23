"""The data of `python -m pytensor.train`: which set is read, and what takes its place."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

import numpy as np

from pytensor import _commands, datasets
from pytensor._commands import UsageError
from pytensor._training.data import count_to_train_with
from pytensor.datasets.files import LabelledData

SETS: dict[str, Any] = {
    "mnist": datasets.mnist,
    "fashion-mnist": datasets.fashion_mnist,
    "kmnist": datasets.kmnist,
    "digits": datasets.digits,
}


def load_data(options: argparse.Namespace) -> tuple[str, LabelledData]:
    """Load the data that the options name; without MNIST, say so on stderr and draw digits.

    Returns:
        The name to show and the data. options.dataset becomes what a resumed run loads.

    Raises:
        UsageError: the data are not there, or cannot be read.
    """
    name = "mnist" if options.dataset is None else options.dataset
    try:
        if name not in SETS:
            return _load_files(options)
        found = SETS[name].load_data(*() if name == "digits" else (options.data_dir,))
    except datasets.DownloadError as error:
        if options.dataset is not None:
            raise UsageError(f"--dataset: {name}: {error}") from error
        print(
            "MNIST is not on this machine and cannot be downloaded (is there a network?).\n"
            "Training on digits drawn by the package instead. To use MNIST, give the\n"
            "directory of its files: --data-dir DIR.",
            file=sys.stderr,
        )
        name, found = "digits", datasets.digits.load_data()
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error
    options.dataset = name
    x, y, x_test, y_test = (np.asarray(part) for pair in found for part in pair)
    classes = getattr(SETS[name], "CLASSES", tuple("0123456789"))
    return name, LabelledData(x, y, x_test, y_test, classes)


def _load_files(options: argparse.Namespace) -> tuple[str, LabelledData]:
    """Load a table, an archive or a directory of IDX files."""
    path = _commands.path(options.dataset)
    if not path.exists():
        raise UsageError(
            f"--dataset: {options.dataset}: found no such file: expected {', '.join(SETS)}, or the "
            "path of a file or directory"
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


def samples_to_train_with(options: argparse.Namespace, data: LabelledData) -> int:
    """Return the number of training samples without those held out for validation."""
    return count_to_train_with(len(data.x_train), options.validation_split)


def steps_per_epoch(options: argparse.Namespace, data: LabelledData) -> int:
    """Return the number of batches in an epoch."""
    return -(-samples_to_train_with(options, data) // options.batch_size)


def kind_of(data: LabelledData) -> str:
    """Return what messages call the samples."""
    return "images" if data.x_train.ndim == 3 else "samples"


def sample_weights(data: LabelledData, y: np.ndarray) -> np.ndarray | None:
    """Return a weight for each sample, or None for classes.

    For regression, the weights divide the squared error by the variance of the target. Predicting
    the mean then has the loss 1 in any unit, and optimizers take steps of a similar size.
    """
    if data.classes:
        return None
    return np.full(len(y), 1 / data.y_train.var(dtype=np.float64), np.float32)
