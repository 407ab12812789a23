"""The sets of labelled 28 x 28 images published in the form of MNIST's four files: a row each."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pytensor import _functions as pt

from . import _archive, _download, idx

if TYPE_CHECKING:
    from pytensor._core import Tensor

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


# The four arrays, and the files or keys that they come from, for messages.
_Found = tuple[list[np.ndarray], list[Any]]


@dataclass(frozen=True)
class ImageSet:
    """A row of the table.

    Attributes:
        mirrors: the addresses of directories with the four files, compressed with gzip; the
            preferred one first.
        sha256: of the four files, not compressed, as mirrors may compress differently; or of the
            compressed ones, where they are published in one form only.
        of_compressed: whether sha256 is that of the compressed files.
        classes: the labels are 0 ... classes - 1.
    """

    mirrors: tuple[str, ...]
    sha256: tuple[str, str, str, str]
    of_compressed: bool = False
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
    "fashion-mnist": ImageSet(
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        sha256=(
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
        of_compressed=True,
    ),
    "kmnist": ImageSet(
        mirrors=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        sha256=(
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
        of_compressed=True,
    ),
}


def load(
    name: str, path: str | os.PathLike[str] | None = None
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Load the set of that name; `mnist.load_data` lists the places, the result and the errors."""
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
            try:
                found = _from_cache(name)
            except _download.DownloadError as error:
                error.add_note(
                    f"To go on: put the files of {name} into a directory and name it, "
                    f"{name.replace('-', '_')}.load_data(path); or take images that need no file, "
                    "pytensor.datasets.digits.load_data(60000, 10000)."
                )
                raise
    arrays, sources = found
    _check(arrays, sources, IMAGE_SETS[name].classes)
    train_images, train_labels, test_images, test_labels = map(pt.asarray, arrays)
    return (train_images, train_labels), (test_images, test_labels)


def _in_place(name: str, path: Path) -> _Found | None:
    if path.is_file():
        return _read_npz(name, path)
    return _in_directory(name, path) or _in_directory(name, path / name)


def _in_directory(name: str, directory: Path) -> _Found | None:
    """Read a set from a directory of the user's.

    Returns:
        The four arrays and the four files (or keys) they come from; None if there are none.
    """
    candidates = [[directory / file, directory / f"{file}.gz"] for file in _FILES]
    found = [next(filter(Path.is_file, pair), None) for pair in candidates]
    files = [file for file in found if file is not None]
    if len(files) == len(_FILES):
        arrays = [idx.read(file, np.uint8, rank) for file, rank in zip(files, _RANKS, strict=True)]
        _refuse_another(name, arrays[1], files[1])
        return arrays, files
    npz = directory / f"{name}.npz"
    if npz.is_file():
        return _read_npz(name, npz)
    if files:
        missing = ", ".join(name for name, file in zip(_FILES, found, strict=True) if not file)
        raise FileNotFoundError(f"{directory}: incomplete: {missing} is not there")
    return None


def _read_npz(name: str, path: Path) -> _Found:
    """Read a set from an archive with the keys of Keras's `mnist.npz`."""
    arrays = list(_archive.read(path, [_NPZ_KEYS]).values())
    sources = [f"{path}[{key}]" for key in _NPZ_KEYS]
    for array, source, rank in zip(arrays, sources, _RANKS, strict=True):
        if array.dtype != np.uint8 or array.ndim != rank:
            raise ValueError(
                f"{source}: found {array.ndim} dimensions of {array.dtype}, "
                f"expected {rank} of uint8"
            )
    _refuse_another(name, arrays[1], sources[1])
    return arrays, sources


def _check(arrays: list[np.ndarray], sources: list[Any], classes: int) -> None:
    """Refuse images and labels that do not match."""
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


def _refuse_another(name: str, labels: np.ndarray, source: Path | str) -> None:
    """Refuse another published set: all have the same file names, types and shapes."""
    digests = {_digest(labels)}
    if Path(source).suffix == ".gz":
        with open(source, "rb") as file:
            digests.add(hashlib.file_digest(file, "sha256").hexdigest())
    for other, row in IMAGE_SETS.items():
        if row.sha256[1] in digests and IMAGE_SETS[name].sha256[1] not in digests:
            raise ValueError(
                f"{source}: found the labels of {other}, by their SHA-256: expected those of {name}"
            )


def _digest(array: np.ndarray) -> str:
    """The SHA-256 of an array as an IDX file that is not compressed."""
    digest = hashlib.sha256(idx.header(array))
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _from_cache(name: str) -> _Found:
    """Read a set from the user's cache; what is missing or damaged there is downloaded."""
    directory = _download.cache_directory() / name
    row = IMAGE_SETS[name]
    files = [directory / f"{file}.gz" for file in _FILES]
    arrays: list[Any] = [None] * len(files)

    def take(number: int, content: Any) -> None:
        file = files[number]
        array = idx.read_open(content, file, np.uint8, _RANKS[number])
        if row.of_compressed:
            content.seek(0)
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        else:
            digest = _digest(array)
        if digest != row.sha256[number]:
            raise ValueError(f"{file}: found SHA-256 {digest}, expected {row.sha256[number]}")
        arrays[number] = array

    _download.cached(row.mirrors, files, take, stacklevel=5)
    return arrays, files
