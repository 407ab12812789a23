"""The sets of labelled 28 x 28 images published in the form of MNIST's four files: a row each."""

from __future__ import annotations

import hashlib
import os
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import pytensor as pt

from . import _download, idx

SIDE = 28

# What the four arrays of a set are called in the two ways to publish it, and their ranks.
_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")
_RANKS = (3, 1, 3, 1)


@dataclass(frozen=True)
class ImageSet:
    """A row of the table.

    Attributes:
        mirrors: the addresses of directories with the four files, compressed with gzip; the
            preferred one first.
        sha256: of the four files, not compressed: mirrors may compress differently.
        classes: the labels are 0 ... classes - 1.
    """

    mirrors: tuple[str, ...]
    sha256: tuple[str, str, str, str]
    classes: int = 10


IMAGE_SETS = {
    "mnist": ImageSet(
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://raw.githubusercontent.com/fgnt/mnist/master/",
        ),
        sha256=(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
}


def load(name, path=None):
    """Load the set of that name; `mnist.load_data` tells the places, result and errors."""
    if path is not None:
        found = _in_place(name, Path(path))
        if found is None:
            raise FileNotFoundError(
                f"{path}: {name} is not there: expected {_FILES[0]}[.gz] and its three companions, "
                f"or {name}.npz, there or in its directory {name}"
            )
    else:
        shelf = os.environ.get("PYTENSOR_DATA")
        found = _in_directory(name, Path(shelf) / name) if shelf else None
        if found is None:
            found = _from_cache(name)
    arrays, sources = found
    _check(arrays, sources, IMAGE_SETS[name].classes)
    train_images, train_labels, test_images, test_labels = map(pt.asarray, arrays)
    return (train_images, train_labels), (test_images, test_labels)


def _in_place(name, path):
    if path.is_file():
        return _read_npz(path)
    return _in_directory(name, path) or _in_directory(name, path / name)


def _in_directory(name, directory):
    """Read a set from a directory of the user's.

    Returns:
        The four arrays and the four files (or keys) they come from; None if there are none.
    """
    candidates = [[directory / file, directory / f"{file}.gz"] for file in _FILES]
    files = [next(filter(Path.is_file, pair), None) for pair in candidates]
    if all(files):
        return [
            idx.read(file, np.uint8, rank) for file, rank in zip(files, _RANKS, strict=True)
        ], files
    npz = directory / f"{name}.npz"
    if npz.is_file():
        return _read_npz(npz)
    if any(files):
        missing = ", ".join(name for name, file in zip(_FILES, files, strict=True) if not file)
        raise FileNotFoundError(f"{directory}: incomplete: {missing} is not there")
    return None


def _read_npz(path):
    """Read a set from an archive with the keys of Keras's `mnist.npz`."""
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path}: found no .npz archive, expected one with {', '.join(_NPZ_KEYS)}")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = [archive[key] for key in _NPZ_KEYS]
    except Exception as error:
        # A key of another form than an array's, an array of objects, a damaged or lying header:
        # neither zipfile nor NumPy say what errors they raise for those. What has a file name comes
        # from opening it.
        if isinstance(error, OSError) and error.filename is not None:
            raise
        found = str(error) or type(error).__name__
        raise ValueError(f"{path}: corrupt or no such archive: {found}") from error
    sources = [f"{path}[{key}]" for key in _NPZ_KEYS]
    for array, source, rank in zip(arrays, sources, _RANKS, strict=True):
        if array.dtype != np.uint8 or array.ndim != rank:
            raise ValueError(
                f"{source}: found {array.ndim} dimensions of {array.dtype}, "
                f"expected {rank} of uint8"
            )
    return arrays, sources


def _check(arrays, sources, classes):
    """Refuse images and labels that do not go together."""
    for images, labels, image_source, label_source in zip(
        arrays[::2], arrays[1::2], sources[::2], sources[1::2], strict=True
    ):
        if images.shape[1:] != (SIDE, SIDE) or not len(images):
            raise ValueError(
                f"{image_source}: found shape {images.shape}, expected (n, {SIDE}, {SIDE}), n >= 1"
            )
        if len(labels) != len(images):
            raise ValueError(
                f"{label_source}: found {len(labels)} labels, "
                f"expected {len(images)}, one for each image in {image_source}"
            )
        if labels.max() >= classes:
            raise ValueError(
                f"{label_source}: found label {labels.max()}, expected 0 ... {classes - 1}"
            )


def _from_cache(name):
    """Read a set from the user's cache; what is missing or damaged there is downloaded."""
    directory = _download.cache_directory() / name
    row = IMAGE_SETS[name]
    files = [directory / f"{file}.gz" for file in _FILES]
    arrays = [None] * len(files)

    def take(number, content):
        file = files[number]
        array = idx.read_open(content, file, np.uint8, _RANKS[number])
        digest = hashlib.sha256(idx.header(array))
        digest.update(array.data)
        if digest.hexdigest() != row.sha256[number]:
            raise ValueError(
                f"{file}: found SHA-256 {digest.hexdigest()}, expected {row.sha256[number]}"
            )
        arrays[number] = array

    missing = {}
    for number, file in enumerate(files):
        try:
            with open(file, "rb") as content:
                take(number, content)
        except (FileNotFoundError, NotADirectoryError):
            missing[number] = file
        except ValueError as error:
            warnings.warn(f"{error}; it is downloaded again", stacklevel=4)
            missing[number] = file
    if missing:
        _download.fetch(row.mirrors, missing, take)
    return arrays, files
