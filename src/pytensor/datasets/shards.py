"""Data larger than memory: samples in many files, each mapped into memory and read only when
its samples are needed.

>>> x = datasets.Shards("train-images-*.npy")
>>> y = np.asarray(datasets.Shards("train-labels-*.npy"))
>>> model.fit(x, y)
"""

from __future__ import annotations

import copy
import glob
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from pytensor.datasets import idx

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike

__all__ = ["Shards"]


class Shards:
    """The samples (n, ...) of several .npy or IDX files, one after the other.

    fit, evaluate and predict take it as x. They read the rows of one batch at a time, in a thread
    that runs ahead of the training; with `distribution` each rank reads only its own rows. What was
    read stays in the system's file cache as long as there is room.

    Attributes:
        shape, dtype, ndim: of all samples together.

    >>> from tempfile import mkdtemp
    >>> folder = mkdtemp()
    >>> for k in range(2):
    ...     np.save(f"{folder}/x-{k}.npy", np.full((3, 4), k))
    ...
    >>> x = pt.datasets.Shards(f"{folder}/x-*.npy")
    >>> x.shape
    (6, 4)
    """

    def __init__(self, paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> None:
        """Map the files.

        Args:
            paths: a list of files, or a pattern such as "train-*.npy", whose files are sorted.

        Raises:
            ValueError: there are no files, one is neither .npy nor IDX or is compressed, files
                differ in dtype or in the shape of a sample, or they hold no elements.
            OSError: a file cannot be opened.
        """
        if isinstance(paths, (str, os.PathLike)):
            pattern = os.fspath(paths)
            paths = sorted(glob.glob(pattern))
            if not paths:
                raise ValueError(f"Shards: {pattern}: found no such files")
        paths = list(paths)
        parts = [_mapped(path) for path in paths]
        if not any(part.size for part in parts if part.ndim):
            raise ValueError(f"Shards: {len(paths)} files: found no samples, or empty ones")
        first = parts[0]
        for path, part in zip(paths, parts, strict=True):
            if (part.shape[1:], part.dtype) != (first.shape[1:], first.dtype):
                raise ValueError(
                    f"Shards: {path}: found {part.dtype} {part.shape}: expected "
                    f"{first.dtype} (n, {', '.join(map(str, first.shape[1:]))}), as "
                    f"in {paths[0]}"
                )
        self._parts = parts
        self._starts = np.cumsum([0, *(len(part) for part in parts)])
        self._first, self._last = 0, int(self._starts[-1])
        self.dtype = first.dtype.newbyteorder("=")

    def __len__(self) -> int:
        """The number of samples."""
        return self._last - self._first

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, ...)."""
        return (len(self), *self._parts[0].shape[1:])

    @property
    def ndim(self) -> int:
        """The number of axes, that of the samples included."""
        return self._parts[0].ndim

    def __getitem__(self, rows: slice | ArrayLike) -> Shards | np.ndarray:
        """A slice of consecutive samples as Shards; integers (m,) as an ndarray of samples."""
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step != 1:
                raise ValueError(f"Shards: slice: found step {step}: expected 1")
            part = copy.copy(self)
            part._first, part._last = self._first + start, self._first + max(start, stop)
            return part
        numbers = np.asarray(rows)
        numbers = np.where(numbers < 0, numbers + len(self), numbers)
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < len(self)):
            raise IndexError(f"Shards: found row {numbers.max()}: expected below {len(self)}")
        samples = self._taken(numbers.reshape(-1) + self._first)
        return samples.reshape((*numbers.shape, *self.shape[1:]))

    def _taken(self, rows: np.ndarray) -> np.ndarray:
        samples = np.empty((len(rows), *self.shape[1:]), self.dtype)
        which = np.searchsorted(self._starts, rows, side="right") - 1
        for k in np.unique(which):
            chosen = np.flatnonzero(which == k)
            samples[chosen] = self._parts[k][rows[chosen] - self._starts[k]]
        return samples

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        """All samples in memory."""
        rows = [
            part[max(0, self._first - start) : max(0, self._last - start)]
            for part, start in zip(self._parts, self._starts[:-1], strict=True)
        ]
        return np.concatenate(rows, dtype=dtype or self.dtype, casting="unsafe")


def _mapped(path: str | os.PathLike[str]) -> np.ndarray:
    """A file as an array on a memory map."""
    with open(path, "rb") as file:
        is_npy = file.read(6) == b"\x93NUMPY"
    if not is_npy:
        return idx.mapped(path)
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # NumPy does not say what a damaged header raises: see _archive
        if isinstance(error, OSError):
            raise
        raise ValueError(f"Shards: {path}: {error}") from error
