"""Arrays out of .npz archives; lists of integers, which NumPy pickles, without running a pickle."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np


def read(path: str | os.PathLike[str], choices: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
    """Read arrays from an .npz archive, none of them pickled.

    Args:
        path: the file.
        choices: a list of tuples of keys; the first whose keys are all there is read.

    Returns:
        {key: array}.

    Raises:
        ValueError: it is not an archive, has none of these keys, or is damaged.
        OSError: it cannot be opened.
    """
    expected = " or ".join(", ".join(keys) for keys in choices)
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path}: found no .npz archive, expected one with {expected}")
    try:
        with np.load(path, allow_pickle=False) as archive:
            for keys in choices:
                if all(key in archive for key in keys):
                    return {key: archive[key] for key in keys}
            found = ", ".join(archive) or "no arrays"
    except Exception as error:
        # A key that is not an array, an array of objects, a damaged or false header: neither
        # zipfile nor NumPy document which errors these raise. An error with a file name comes
        # from opening the file.
        if isinstance(error, OSError) and error.filename is not None:
            raise
        found = str(error) or type(error).__name__
        raise ValueError(f"{path}: corrupt or no such archive: {found}") from error
    raise ValueError(f"{path}: found {found}: expected {expected}")


def members(content: BinaryIO, lists: Sequence[str], arrays: Sequence[str]) -> dict[str, Any]:
    """Read arrays, and arrays of lists of integers, from an open .npz archive.

    Args:
        content: the open archive.
        lists: keys of one-dimensional arrays whose elements are lists of integers. NumPy pickles
            such arrays; no object is created from the pickle but lists and integers.
        arrays: keys of ordinary arrays.

    Returns:
        {key: a list of lists, or an ndarray}.

    Raises:
        ValueError: it is not an archive, lacks a key, is damaged, or holds something else.
    """
    try:
        with zipfile.ZipFile(content) as archive:
            found: dict[str, Any] = {}
            for key in (*lists, *arrays):
                with archive.open(f"{key}.npy") as member:
                    if key in lists:
                        found[key] = _lists(member)
                    else:
                        found[key] = np.lib.format.read_array(member, allow_pickle=False)
            return found
    except Exception as error:  # zipfile, NumPy and pickle do not document which they raise
        reason = str(error) or type(error).__name__
        expected = ", ".join((*lists, *arrays))
        raise ValueError(f"corrupt, or no archive with {expected}: {reason}") from error


def _lists(member: Any) -> list[list[int]]:
    """Read the lists of integers of an array of objects in NumPy's file format."""
    version = np.lib.format.read_magic(member)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(member)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(member)
    if dtype.kind != "O" or len(shape) != 1:
        raise ValueError(f"found shape {shape} of {dtype}: expected a row of lists")
    array = _ListsOnly(member, encoding="latin1").load()
    items = array.items if isinstance(array, _PickledArray) else None
    if type(items) is not list or len(items) != shape[0]:
        raise ValueError(f"found something else than {shape[0]} lists")
    for number, item in enumerate(items):
        if type(item) is not list or not set(map(type, item)) <= {int}:
            raise ValueError(f"element {number} is not a list of integers")
    return items


class _PickledArray:
    """Stands for an ndarray in a pickle: keeps the elements."""

    items: Any = None

    def __setstate__(self, state: Any) -> None:
        self.items = state[-1]


class _PickledDtype:
    """Stands for a dtype in a pickle: keeps nothing."""

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def _new_array(*arguments: Any) -> _PickledArray:
    return _PickledArray()


def _nothing(*arguments: Any) -> bytes:
    return b""


_CALLABLES = {
    ("numpy.core.multiarray", "_reconstruct"): _new_array,
    ("numpy._core.multiarray", "_reconstruct"): _new_array,
    ("numpy", "ndarray"): _PickledArray,
    ("numpy", "dtype"): _PickledDtype,
    ("_codecs", "encode"): _nothing,  # bytes, in the oldest protocols
}


class _ListsOnly(pickle.Unpickler):
    """Reads a pickled array of lists. What a pickle may call is replaced by the stand-ins above."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _CALLABLES[module, name]
        except KeyError:
            raise ValueError(f"found {module}.{name} in a pickle: expected lists") from None
