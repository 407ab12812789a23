"""Models on disk: safetensors files, written so that a crash leaves the old file or the new one.

Every weight is stored under its path in the model, layer and weight: "dense/kernel". A file of a
whole model has a text besides, "pytensor" in the metadata, JSON with these entries:

    version   of this format, 1
    model     the architecture, as serialization.serialize returns it
    compile   optimizer, loss and metrics; null if the model is not compiled
    training  what training depends on besides the weights (see state.py), or null
    notes     anything else that the writer noted
    frozen    the paths of inner layers that are not trainable; older files have none
    input_shape   what a subclass of Model that defines `call` was built for, else null

Arrays that belong to training have names that begin with "training:". Reading a file runs no code
from it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from pytensor import serialization
from pytensor._core import asarray
from pytensor._support.files import as_model_path, as_path, write_atomically
from pytensor._support.packages import needed
from pytensor._training import state
from pytensor._training.state import TRAINING, Arrays
from pytensor.layers.graph import map_shapes
from pytensor.layers.layer import mode

VERSION = 1


def save_weights(model: Any, path: str | os.PathLike[str]) -> None:
    """Write all weights of a model to a safetensors file.

    Raises:
        TypeError: path is not a path.
        ValueError: The model is not built, or path has the ending of another format (.h5).
        OSError: The file cannot be written.
    """
    save = needed("safetensors.numpy", "save_weights").save
    path = as_model_path("save_weights", path)
    write_atomically(path, save(_weights("save_weights", model)))


def load_weights(model: Any, path: str | os.PathLike[str]) -> None:
    """Read the weights of a model from a safetensors file of weights or of a whole model.

    Raises:
        TypeError: path is not a path.
        OSError: The file cannot be read.
        ValueError: The file is not a safetensors file, or its names, shapes or dtypes are not those
            of the model; the message lists what differs, and no weight has changed.
    """
    path = as_path("load_weights", path)
    _check_built("load_weights", model)
    assign_weights(f"load_weights: {path}", model, read(f"load_weights: {path}", path)[0])


def save_model(
    model: Any, path: str | os.PathLike[str], include_optimizer: bool = True, notes: Any = None
) -> None:
    """Write a model to a safetensors file: architecture, weights, and how it was compiled.

    Args:
        model: The model.
        path: The file; a crash leaves the old one or the new one.
        include_optimizer: Keep the optimizer's state as well, so that training can go on.
        notes: Anything that JSON can hold, for later readers.

    Raises:
        TypeError: path is not a path, or JSON cannot hold the architecture or the notes.
        ValueError: The model is not built, or path has the ending of another format (.h5).
        OSError: The file cannot be written.

    >>> from tempfile import mkdtemp
    >>> path = f"{mkdtemp()}/model.safetensors"
    >>> pt.models.save_model(pt.models.Sequential([pt.layers.Dense(3, input_shape=(4,))]), path)
    """
    path = as_model_path("save_model", path)
    training = state.optimizer_state(model) if include_optimizer else None
    write_model("save_model", model, path, training, notes)


def write_model(
    function: str,
    model: Any,
    path: Path,
    training: tuple[dict[str, Any], Arrays] | None,
    notes: Any = None,
) -> None:
    """Write a model's file; training is what state.py returns, or None."""
    save = needed("safetensors.numpy", function).save
    arrays = _weights(function, model)
    reserved = [name for name in arrays if name.startswith(TRAINING)]
    if reserved:
        raise ValueError(
            f"{function}: a weight is called {reserved[0]!r}: expected names that do "
            f"not begin with {TRAINING!r}"
        )
    training_state, training_arrays = training or (None, {})
    arrays |= {
        TRAINING + name: np.asarray(array, order="C") for name, array in training_arrays.items()
    }
    # One entry: safetensors writes several in an order that differs from run to run.
    text = json.dumps(
        {
            "version": VERSION,
            "model": serialization.serialize(model),
            "compile": model.get_compile_config(),
            "training": training_state,
            "notes": notes,
            "frozen": [inner for inner, layer in model.named_layers() if not layer.trainable],
            "input_shape": model._built_for if model.takes_structures else None,
        }
    )
    write_atomically(path, save(arrays, {"pytensor": text}))


def load_model(
    path: str | os.PathLike[str], custom_objects: dict[str, Any] | None = None, compile: bool = True
) -> Any:
    """Return the model in a file that save_model or a checkpoint wrote.

    Args:
        path: The file.
        custom_objects: Classes and functions by name, besides those that were registered with
            serialization.register_serializable.
        compile: Compile it as it was, with its optimizer's state, if it was compiled.

    Raises:
        TypeError: path is not a path.
        OSError: The file cannot be read.
        ValueError: The file is not a whole safetensors file, holds no architecture or an unknown
            one, is of a newer version, or its weights are not those of its architecture.

    >>> from tempfile import mkdtemp
    >>> path = f"{mkdtemp()}/model.safetensors"
    >>> pt.models.save_model(pt.models.Sequential([pt.layers.Dense(3, input_shape=(4,))]), path)
    >>> pt.models.load_model(path).output_shape
    (None, 3)
    """
    path = as_path("load_model", path)
    name = f"load_model: {path}"
    arrays, about = read_model(name, path)
    # A few more than the file has: small differences are reported weight by weight below.
    mode.room = (1 << 20) + 2 * sum(array.size for array in arrays.values())
    try:
        with serialization.custom_object_scope(custom_objects):
            model = serialization.deserialize(about["model"])
            if not callable(getattr(model, "compile_from_config", None)):
                raise ValueError(f"found a {type(model).__name__}: expected a model")
            if about.get("input_shape") is not None:  # a subclass makes its weights for it
                model.ensure_built(map_shapes(tuple, about["input_shape"]))
            if "frozen" in about:  # a custom layer may say nothing of those in it
                for inner, layer in model.named_layers():
                    layer._trainable = inner not in about["frozen"]
            if compile and about.get("compile") is not None:
                model.compile_from_config(about["compile"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error or type(error).__name__}") from error
    finally:
        mode.room = None
    assign_weights(name, model, arrays)
    if model.optimizer is not None and about.get("training") is not None:
        state.restore_optimizer(name, model, about["training"], arrays)
    return model


def read_notes(path: str | os.PathLike[str]) -> Any:
    """Return what save_model was given as notes; raises as load_model."""
    path = as_path("read_notes", path)
    return read_model(f"read_notes: {path}", path)[1].get("notes")


def read(name: str, path: Path) -> tuple[Arrays, dict[str, str]]:
    """Return the arrays of a safetensors file by name, and its metadata, texts by name."""
    load = needed("safetensors.numpy", name).load
    error_of_file = needed("safetensors", name).SafetensorError
    content = path.read_bytes()
    try:
        arrays = load(content)
    except (error_of_file, KeyError) as error:  # KeyError: a dtype unknown to NumPy
        hint = "; load_keras_weights reads HDF5" if content[:4] == b"\x89HDF" else ""
        raise ValueError(f"{name}: not a whole safetensors file: {error}{hint}") from None
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return arrays, header.get("__metadata__") or {}


def read_model(name: str, path: Path) -> tuple[Arrays, dict[str, Any]]:
    """Return the arrays of a model's file, and its entry "pytensor", a dictionary."""
    arrays, metadata = read(name, path)
    if "pytensor" not in metadata:
        raise ValueError(
            f"{name}: weights without an architecture: make the model and call its load_weights"
        )
    about = serialization.parse_json(f"{name}: the architecture", metadata["pytensor"])
    version = about.get("version") if isinstance(about, dict) else None
    if version != VERSION:
        raise ValueError(f"{name}: found version {version} of the format: expected {VERSION}")
    return arrays, about


def assign_weights(name: str, model: Any, arrays: Arrays) -> None:
    """Overwrite a model's weights, all or none.

    Raises:
        ValueError: The arrays, without those of training, are not those of the model.
    """
    weights = {path: weight for path, weight, _ in model.named_weights()}
    stored = {path: array for path, array in arrays.items() if not path.startswith(TRAINING)}
    differences = [f"{path}: not in the file" for path in weights.keys() - stored.keys()]
    differences += [f"{path}: not in the model" for path in stored.keys() - weights.keys()]
    differences += [
        f"{path}: {stored[path].dtype} {stored[path].shape} in the file, {weight.dtype} "
        f"{weight.shape} in the model"
        for path, weight in weights.items()
        if path in stored
        and (stored[path].shape, stored[path].dtype) != (weight.shape, weight.dtype)
    ]
    if differences:
        raise ValueError(f"{name}: " + "; ".join(sorted(differences)))
    for path, weight in weights.items():
        weight[...] = asarray(stored[path])


def _weights(function: str, model: Any) -> Arrays:
    """All weights by path, as arrays."""
    _check_built(function, model)
    return {path: np.asarray(weight, order="C") for path, weight, _ in model.named_weights()}


def _check_built(function: str, model: Any) -> None:
    if not model.built:
        raise ValueError(
            f"{function}: {model.name!r} is not built, so it has no weights: give it "
            "an input shape, or call build or fit first"
        )
