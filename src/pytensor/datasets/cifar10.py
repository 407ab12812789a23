"""CIFAR-10: 60 000 colour photographs of 32 x 32 pixels, of ten classes.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009).
"""

from __future__ import annotations

import os
import tarfile
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from pytensor import _functions as pt

from . import _published, _synthetic

if TYPE_CHECKING:
    from pytensor._core import Tensor

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_SIDE = 32
_RECORD = 1 + 3 * _SIDE * _SIDE  # the label, then all red, all green, all blue values
_TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
_TEST = ("test_batch.bin",)


def load_data(
    path: str | os.PathLike[str] | None = None,
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Load CIFAR-10 from the disk or, the first time, from the network (170 MB).

    The file, `cifar-10-binary.tar.gz`, is looked for as by `imdb.load_data`, with `cifar10` for
    `imdb`; the errors are the same. (Keras reads `cifar-10-python.tar.gz`, which holds the same
    images as pickled objects.)

    Args:
        path: the file, or a directory with it, or with a directory `cifar10` that has it.

    Returns:
        ((x_train, y_train), (x_test, y_test)): uint8 Tensors of shapes (50000, 32, 32, 3) and
        (50000, 1), (10000, 32, 32, 3) and (10000, 1); `CLASSES` has the names of the labels.

    >>> (x, y), (x_test, y_test) = pt.datasets.cifar10.load_data()  # doctest: +SKIP
    """
    instead = "; or take made-up images, cifar10.synthetic_data()"
    (x, y), (x_test, y_test) = _published.load("cifar10", path, _read, instead)
    return (pt.asarray(x), pt.asarray(y)), (pt.asarray(x_test), pt.asarray(y_test))


def _read(content: BinaryIO) -> list[tuple[np.ndarray, np.ndarray]]:
    """Read the archive's images and labels: for training, for the test."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=content, mode="r:gz") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if member.isfile() and name in _TRAIN + _TEST:
                    file = archive.extractfile(member)
                    found[name] = b"" if file is None else file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"corrupt, or not a compressed archive: {error}") from error
    missing = [name for name in _TRAIN + _TEST if not found.get(name)]
    if missing:
        raise ValueError(f"incomplete: {', '.join(missing)} is not there")
    return [_records(found, _TRAIN), _records(found, _TEST)]


def _records(found: dict[str, bytes], names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Turn files of records into images (n, 32, 32, 3) and labels (n, 1)."""
    for name in names:
        if len(found[name]) % _RECORD:
            raise ValueError(
                f"{name}: found {len(found[name])} bytes: expected a multiple of {_RECORD}"
            )
    rows = np.frombuffer(b"".join(found[name] for name in names), np.uint8).reshape(-1, _RECORD)
    labels = rows[:, :1].copy()
    if labels.max() >= len(CLASSES):
        raise ValueError(f"found label {labels.max()}, expected 0 ... {len(CLASSES) - 1}")
    images = rows[:, 1:].reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), labels


def synthetic_data(
    n_train: int = 2000, n_test: int = 500, seed: int = 0
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Make up images in the form of `load_data`, that need no file: stripes in ten directions.

    Args:
        n_train: number of training images.
        n_test: number of test images.
        seed: the same seed gives the same images.

    >>> (x, y), (x_test, y_test) = pt.datasets.cifar10.synthetic_data(100, 20)
    >>> x.shape, y.shape
    ((100, 32, 32, 3), (100, 1))
    """
    return _synthetic.colour_images("cifar10.synthetic_data", n_train, n_test, seed)
