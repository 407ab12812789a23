"""The IDX file format, in which MNIST is published: a header, then the elements.

    bytes 0, 1   zero
    byte  2      the element type: 8 uint8, 9 int8, 11 int16, 12 int32, 13 float32, 14 float64
    byte  3      the number of dimensions, d
    4 d bytes    the sizes of the dimensions, 32-bit unsigned
    the rest     the elements, the last dimension fastest

All numbers are big-endian. The whole may be compressed with gzip.
Source of the format: Y. LeCun, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

import numpy as np

from pytensor._support.files import write_atomically

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike

__all__ = ["mapped", "read", "write"]

DTYPES = {
    code: np.dtype(name)
    for code, name in (
        (0x08, "uint8"), (0x09, "int8"), (0x0B, "int16"),
        (0x0C, "int32"), (0x0D, "float32"), (0x0E, "float64"),
    )
}  # fmt: skip

_GZIP_MAGIC = b"\x1f\x8b"
# Deflate cannot do better than 258 bytes in 2 bits: what a compressed file can hold at most.
_DEFLATE_LIMIT = 1032


def read(
    path: str | os.PathLike[str], dtype: DTypeLike | None = None, ndim: int | None = None
) -> np.ndarray:
    """Read an IDX file, compressed with gzip or not, as its content shows.

    Args:
        path: the file.
        dtype: the element type it must have; None accepts any.
        ndim: the number of dimensions it must have; None accepts any.

    Returns:
        A NumPy array in the machine's byte order.

    Raises:
        ValueError: the file is not an IDX file, has another type or number of dimensions than
            expected, or is truncated, too long or corrupt. Nothing is allocated for a size that
            the file cannot hold.
        OSError: the file cannot be opened or read.

    >>> from tempfile import mkdtemp
    >>> path = f"{mkdtemp()}/labels.idx"
    >>> pt.datasets.idx.write(path, np.array([3, 1, 4], dtype="uint8"))
    >>> pt.datasets.idx.read(path)
    array([3, 1, 4], dtype=uint8)
    """
    with open(path, "rb") as file:
        return read_open(file, path, dtype, ndim)


def read_open(
    file: IO[bytes], name: object, dtype: DTypeLike | None = None, ndim: int | None = None
) -> np.ndarray:
    """Read an open binary file, as `read` does; messages call it `name`."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    compressed = file.read(2) == _GZIP_MAGIC
    file.seek(0)
    if not compressed:
        return _read(name, file, size, f"{size} bytes", dtype, ndim)
    try:
        with gzip.GzipFile(fileobj=file) as stream:
            most = size * _DEFLATE_LIMIT
            return _read(name, stream, most, f"{size} compressed bytes", dtype, ndim)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{name}: corrupt gzip: {error}") from error


def write(path: str | os.PathLike[str], array: ArrayLike) -> None:
    """Write an array as an IDX file, compressed with gzip if the name ends in .gz.

    The file appears complete or not at all. The same array gives the same bytes.

    Args:
        path: the file.
        array: an array, Tensor or nested list of one of the types in `DTYPES`.

    Raises:
        TypeError: IDX has no such element type.
        ValueError: a dimension is 2^32 or more.
        OSError: the file cannot be written.

    >>> from tempfile import mkdtemp
    >>> path = f"{mkdtemp()}/labels.idx"
    >>> pt.datasets.idx.write(path, np.array([3, 1, 4], dtype="uint8"))
    >>> pt.datasets.idx.read(path)
    array([3, 1, 4], dtype=uint8)
    """
    array = np.asarray(array)
    content = header(array) + array.astype(array.dtype.newbyteorder(">"), copy=False).tobytes()
    if Path(path).suffix == ".gz":
        # No time of day inside: the same array, the same bytes.
        content = gzip.compress(content, mtime=0)
    write_atomically(path, content)


def header(array: np.ndarray) -> bytes:
    """Return the bytes that come before the array's elements; `write` lists the errors."""
    codes = [code for code, dtype in DTYPES.items() if dtype == array.dtype.newbyteorder("=")]
    if not codes:
        names = ", ".join(str(dtype) for dtype in DTYPES.values())
        raise TypeError(f"idx: {array.dtype}: expected one of {names}")
    if any(size >= 2**32 for size in array.shape):
        raise ValueError(f"idx: {array.shape}: a dimension is at most 2^32 - 1")
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, codes[0], array.ndim, *array.shape)


def mapped(path: str | os.PathLike[str]) -> np.memmap:
    """Return the elements of an IDX file, not compressed, as a read-only `numpy.memmap`.

    Raises:
        ValueError: the file is not an IDX file, or is compressed, truncated or too long.
        OSError: the file cannot be opened.

    >>> from tempfile import mkdtemp
    >>> path = f"{mkdtemp()}/labels.idx"
    >>> pt.datasets.idx.write(path, np.array([3, 1, 4], dtype="uint8"))
    >>> pt.datasets.idx.mapped(path).shape
    (3,)
    """
    with open(path, "rb") as file:
        if file.read(2) == _GZIP_MAGIC:
            raise ValueError(f"{path}: compressed: expected a file that can be mapped into memory")
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        dtype, shape, total = _read_header(path, file, size, f"{size} bytes")
        if total < size:
            raise ValueError(f"{path}: found {size} bytes, expected {total}")
        return np.memmap(file, dtype.newbyteorder(">"), "r", file.tell(), shape)


def _read_header(
    name: object,
    stream: IO[bytes] | gzip.GzipFile,
    most: int,
    held: str,
    dtype: DTypeLike | None = None,
    ndim: int | None = None,
) -> tuple[np.dtype, tuple[int, ...], int]:
    """Read what comes before the elements. Returns their type, shape, and the file's length."""

    def refuse(found: object, expected: object) -> NoReturn:
        raise ValueError(f"{name}: found {found}, expected {expected}")

    magic = stream.read(4)
    if len(magic) < 4:
        refuse(f"{len(magic)} bytes", "an IDX header")
    if magic[:2] != b"\0\0" or magic[2] not in DTYPES:
        refuse(f"the first bytes {magic.hex(' ')}", "an IDX file: 00 00, type 08 to 0e, dimensions")
    found = DTYPES[magic[2]]
    if dtype is not None and found != np.dtype(dtype):
        refuse(f"elements of type {found}", np.dtype(dtype))
    if ndim is not None and magic[3] != ndim:
        refuse(f"{magic[3]} dimensions", ndim)
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        refuse(f"a header of {4 + len(sizes)} bytes", f"one of {4 + 4 * magic[3]} bytes")
    shape = struct.unpack(f">{magic[3]}I", sizes)
    total = len(magic) + len(sizes) + math.prod(shape) * found.itemsize
    if total > most:
        refuse(held, _length(total, shape, found))
    return found, shape, total


def _length(total: int, shape: tuple[int, ...], dtype: np.dtype) -> str:
    return f"{total} bytes for shape {shape} of {dtype}"


def _read(
    name: object,
    stream: IO[bytes] | gzip.GzipFile,
    most: int,
    held: str,
    dtype: DTypeLike | None,
    ndim: int | None,
) -> np.ndarray:
    """Read from a stream that yields `most` bytes at most, as the file holds `held`."""
    found, shape, total = _read_header(name, stream, most, held, dtype, ndim)
    try:
        array = np.empty(shape, found.newbyteorder(">"))
    except ValueError as error:  # more dimensions than NumPy has; empty, but too large all the same
        raise ValueError(f"{name}: shape {shape}: {error}") from error
    got = total - array.nbytes + _fill(stream, array)
    # Reading on also makes gzip compare its checksum.
    if got < total or stream.read(1):
        raise ValueError(
            f"{name}: found {got if got < total else f'more than {total}'} bytes, "
            f"expected {_length(total, shape, found)}"
        )
    return array.astype(found, copy=False)


def _fill(stream: Any, array: np.ndarray) -> int:
    """Read into an array until it is full or the stream ends; return the number of bytes."""
    view = memoryview(array.data).cast("B") if array.size else b""
    got = 0
    while got < len(view) and (count := stream.readinto(view[got:])):
        got += count
    return got
