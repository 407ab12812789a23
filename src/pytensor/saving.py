"""Weights on disk: safetensors files, written so that a crash leaves the old file or the new one.

Every weight is stored under its path in the model, layer and weight: "dense/kernel".
"""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

import numpy as np

import pytensor as pt


def write_atomically(path, content):
    """Write bytes to a file: a new file in the same directory, synced, renamed to path.

    Raises:
        OSError: it cannot be written, or path is a directory, or a device or a pipe, which renaming
            would replace; what was at path before is still there. The error names path.
    """
    asked, path = path, Path(os.path.realpath(path))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(asked))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(asked))
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(asked)) from None
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def save_weights(model, path):
    """Write all weights of a model to a safetensors file.

    Raises:
        TypeError: path is none.
        ValueError: the model is not built.
        OSError: the file cannot be written.
    """
    from safetensors.numpy import save

    path = _as_path("save_weights", path)
    _check_built("save_weights", model)
    write_atomically(path, save({name: np.ascontiguousarray(weight)
                                 for name, weight, _ in model.named_weights()}))


def load_weights(model, path):
    """Read the weights of a model from a safetensors file.

    Raises:
        TypeError: path is none.
        OSError: the file cannot be read.
        ValueError: the file is no safetensors file, or its names, shapes or dtypes are not those of
            the model; the message lists what differs, and no weight has changed.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = _as_path("load_weights", path)
    _check_built("load_weights", model)
    content = path.read_bytes()
    try:
        stored = load(content)
    except (SafetensorError, KeyError) as error:  # KeyError: a dtype that NumPy has not
        raise ValueError(f"load_weights: {path}: not a whole safetensors file: {error}") from None
    weights = {name: weight for name, weight, _ in model.named_weights()}
    differences = [f"{name}: not in the file" for name in weights.keys() - stored.keys()]
    differences += [f"{name}: not in the model" for name in stored.keys() - weights.keys()]
    differences += [
        f"{name}: {stored[name].dtype} {stored[name].shape} in the file, {weight.dtype} "
        f"{weight.shape} in the model"
        for name, weight in weights.items() if name in stored
        and (stored[name].shape, stored[name].dtype) != (weight.shape, weight.dtype)
    ]
    if differences:
        raise ValueError(f"load_weights: {path}: " + "; ".join(sorted(differences)))
    for name, weight in weights.items():
        weight[...] = pt.asarray(stored[name])


def _as_path(function, path):
    try:
        return Path(path)
    except TypeError:
        raise TypeError(f"{function}: path: found {path!r}: expected a str or a Path") from None


def _check_built(function, model):
    if not model.built:
        raise ValueError(f"{function}: {model.name!r} is not built, so it has no weights: give it "
                         "an input shape, or call build or fit first")
