"""Data sets that are published as a single file: where it is looked for, and its SHA-256."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from . import _download

_Content = TypeVar("_Content")

_KERAS = ("https://storage.googleapis.com/tensorflow/tf-keras-datasets/",)


@dataclass(frozen=True)
class Published:
    """A row of the table.

    Attributes:
        file: the file's name.
        digest: the name of a hash and its value, in hexadecimal.
        mirrors: the addresses of directories that have the file; the preferred one first.
    """

    file: str
    digest: tuple[str, str]
    mirrors: tuple[str, ...] = _KERAS


# The digests of the first six files are those that Keras checks, an MD5 where it has no SHA-256.
PUBLISHED = {
    "imdb": Published(
        "imdb.npz", ("sha256", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f")
    ),
    "imdb words": Published("imdb_word_index.json", ("md5", "bfafd718b763782e994055a2d397834f")),
    "reuters": Published(
        "reuters.npz",
        ("sha256", "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"),
    ),
    "reuters words": Published(
        "reuters_word_index.json", ("md5", "4d44cc38712099c9e383dc6e5f11a921")
    ),
    "boston_housing": Published(
        "boston_housing.npz",
        ("sha256", "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"),
    ),
    "california_housing": Published(
        "california_housing.npz",
        ("sha256", "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"),
    ),
    # Raw bytes. The archive that Keras reads has the same images as pickled objects.
    "cifar10": Published(
        "cifar-10-binary.tar.gz",
        ("sha256", "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"),
        ("https://www.cs.toronto.edu/~kriz/",),
    ),
}


def load(
    name: str,
    path: str | os.PathLike[str] | None,
    read: Callable[[BinaryIO], _Content],
    instead: str = "",
) -> _Content:
    """Read a published file from the first place that has it.

    The places are `path`, if given, and nowhere else; the directory of the data set in the one
    that PYTENSOR_DATA names; the user's cache; the network. A file from the cache or the network
    must have the published digest.

    Args:
        name: the row of the table; its first word is the data set's.
        path: the file, or a directory that has it or has a directory of the data set with it.
        read: reads the open file; raises ValueError, with a message that goes after the file's
            name, if it is damaged or something else.
        instead: what to do without a network, for the end of the message.

    Raises:
        FileNotFoundError: `path` has no such file.
        ValueError: the file is damaged or something else.
        DownloadError: no place has it, and it cannot be downloaded.
    """
    row = PUBLISHED[name]
    data_set = name.split()[0]
    if path is not None:
        given = Path(path)
        if not given.is_dir():
            return _read(given, read)
        for file in (given / row.file, given / data_set / row.file):
            if file.is_file():
                return _read(file, read)
        raise FileNotFoundError(
            f"{path}: {data_set} is not there: expected {row.file}, there or in its directory "
            f"{data_set}"
        )
    shelf = os.environ.get("PYTENSOR_DATA")
    if shelf and (file := Path(shelf) / data_set / row.file).is_file():
        return _read(file, read)
    cached = _download.cache_directory() / data_set / row.file
    found: list[_Content] = []

    def take(key: int, content: BinaryIO) -> None:
        _check(content, cached, row.digest)
        found.append(_within(cached, read, content))

    try:
        _download.cached(row.mirrors, [cached], take, stacklevel=4)
    except _download.DownloadError as error:
        error.add_note(
            f"To go on: put {row.file} into a directory and name it, "
            f"{data_set}.load_data(path=directory){instead}."
        )
        raise
    return found[0]


def _read(file: Path, read: Callable[[BinaryIO], _Content]) -> _Content:
    with open(file, "rb") as content:
        return _within(file, read, content)


def _within(file: Path, read: Callable[[BinaryIO], _Content], content: BinaryIO) -> _Content:
    """Return read(content); its errors name the file."""
    try:
        return read(content)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def _check(content: BinaryIO, file: Path, digest: tuple[str, str]) -> None:
    """Refuse a file with another digest; rewind it."""
    kind, expected = digest
    content.seek(0)
    found = hashlib.new(kind, content.read()).hexdigest()
    if found != expected:
        raise ValueError(f"{file}: found {kind.upper()} {found}, expected {expected}")
    content.seek(0)
