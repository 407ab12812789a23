"""Files, written so that a crash leaves the old content or the new; checks of paths."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any

# Endings of other formats: a file of that name is expected to be one.
_FOREIGN = {
    ".h5": "HDF5",
    ".hdf5": "HDF5",
    ".keras": "Keras's",
    ".pt": "PyTorch's",
    ".pth": "PyTorch's",
    ".onnx": "ONNX",
    ".npz": "NumPy's",
    ".npy": "NumPy's",
    ".pkl": "pickle",
    ".pickle": "pickle",
}


def as_path(function: str, path: Any) -> Path:
    """Return path as a Path; `function` is for the message."""
    try:
        return Path(path)
    except TypeError:
        raise TypeError(f"{function}: path: found {path!r}: expected a str or a Path") from None


def as_model_path(function: str, path: Any) -> Path:
    """Return the path of a file to write as a Path.

    Raises:
        TypeError: path is None.
        ValueError: its ending is that of another format.
    """
    path = as_path(function, path)
    foreign = _FOREIGN.get(path.suffix.lower())
    if foreign:
        hint = "; onnx.export writes the other" if foreign == "ONNX" else ""
        raise ValueError(
            f"{function}: {path}: found the ending of another format, {foreign}: "
            f"expected NAME.safetensors{hint}"
        )
    return path


def write_atomically(
    asked: str | os.PathLike[str], content: bytes | bytearray | memoryview
) -> None:
    """Write bytes to a file: to a new one in the same directory, synced, and renamed to that path.

    Raises:
        OSError: the file cannot be written, or the path is a directory, or a device or a pipe,
            which renaming would replace. What was there before is still there; or all of content,
            where only the last step failed, which makes the new name survive a loss of power. The
            error names the path.
    """
    path = Path(os.path.realpath(asked))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(asked))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(asked))
    # Only a part of the name, which may already have the 255 bytes that are allowed.
    temporary = path.with_name(f".{path.name[:50]}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_directory(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(asked)) from None
        raise


def _sync_directory(path: Path) -> None:
    """Sync the names in a directory; leave it to the system where that is not possible."""
    try:
        directory = os.open(path, os.O_RDONLY)
    except PermissionError:  # it may be written to, but not listed
        return
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems
            raise
    finally:
        os.close(directory)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Check before the work that its result can be written to a path.

    Raises:
        OSError: path is a directory, or a device or a pipe, or its directory takes no files.
    """
    # A finished file replaces what is there; that must not happen to a directory, nor to a device
    # such as /dev/null.
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EINVAL, "is there and is no regular file", str(path))
    try:
        with tempfile.TemporaryFile(dir=os.path.dirname(os.path.realpath(path))):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
