"""Weights that PyTorch and Keras wrote, for a model of the same architecture.

The files hold weights by name and no architecture; layers are matched in their order. All or none
of the model's weights change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pytensor import _functions as pt
from pytensor import layers
from pytensor._support.arguments import snake_case
from pytensor._support.files import as_path
from pytensor._training import model_files

__all__ = ["load_keras_weights", "load_torch_weights"]

Arrays = dict[str, np.ndarray]
Found = list[tuple[str, str, np.ndarray]]  # (path in the model, name in the file, array)

# What PyTorch calls the weights of layers.
_NORMALIZATION = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
_KERNEL = {"weight": "kernel", "bias": "bias"}
_CONVOLUTIONS = (
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.Conv3DTranspose,
)
_TORCH: dict[type, dict[str, str]] = {
    layers.Dense: _KERNEL,
    **dict.fromkeys(_CONVOLUTIONS, _KERNEL),
    layers.BatchNormalization: _NORMALIZATION,
    layers.LayerNormalization: _NORMALIZATION,
    layers.PReLU: {"weight": "alpha"},
    layers.Embedding: {"weight": "embeddings"},
}


def load_torch_weights(model: Any, source: Any) -> None:
    """Read the state dict of a PyTorch nn.Sequential of the same layers.

    Linear's weights, which PyTorch stores as (outputs, inputs), become kernels (inputs, outputs);
    likewise those of convolutions, whose channels come last here. (A Flatten of images sees the
    channels in another order then: a Dense layer after it has other weights.)
    BatchNorm's and LayerNorm's epsilon is 1e-5 in PyTorch: give the layers here the same.

    Args:
        model: The model, built; its weights change.
        source: The path of a safetensors file, written by
            safetensors.torch.save_file(net.state_dict(), path), or a dictionary of arrays or
            tensors by name.

    Raises:
        TypeError: source is neither a path nor a dictionary.
        OSError: The file cannot be read.
        ValueError: The file is damaged, or its layers, names or shapes are not the model's; the
            message lists what differs.

    >>> model = pt.models.Sequential([pt.layers.Dense(3, input_shape=(4,))])
    >>> pt.models.load_torch_weights(model, "net.safetensors")  # doctest: +SKIP
    """
    name, arrays = _arrays("load_torch_weights", source)
    groups = _grouped(arrays, ".")
    for group in groups.values():
        group.pop("num_batches_tracked", None)
    found = []
    for (prefix, group), (path, layer) in _pairs(name, groups, model):
        names = _TORCH.get(type(layer))
        if names is None:
            raise ValueError(
                f"{name}: {path} is a {type(layer).__name__}: PyTorch's {prefix} is "
                "not known to be the same"
            )
        for key, array in group.items():
            if key == "weight" and type(layer) is layers.Dense and array.ndim == 2:
                array = array.T
            elif key == "weight" and type(layer) in _CONVOLUTIONS and array.ndim > 2:
                array = np.moveaxis(array, (1, 0), (-2, -1))
            found.append((f"{path}/{names.get(key, key)}", f"{prefix}.{key}", array))
    _assign(name, model, found)


def load_keras_weights(model: Any, source: Any) -> None:
    """Read the weights of a Keras model of the same layers.

    Args:
        model: The model, built; its weights change.
        source: The path of a .weights.h5 file (Keras 3) or a .h5 file (weights or a whole model,
            Keras 2 or 3), which need the extra [hdf5]; or of a safetensors file with names such as
            dense/kernel; or a dictionary of arrays by such names.

    Raises:
        TypeError: source is neither a path nor a dictionary.
        ImportError: h5py is needed and missing.
        OSError: The file cannot be read.
        ValueError: The file is damaged, or its layers, names or shapes are not the model's; the
            message lists what differs.

    >>> model = pt.models.Sequential([pt.layers.Dense(3, input_shape=(4,))])
    >>> pt.models.load_keras_weights(model, "net.weights.h5")  # doctest: +SKIP
    """
    found: Found
    path = None if isinstance(source, dict) else as_path("load_keras_weights", source)
    if path is not None and path.suffix in (".h5", ".hdf5", ".keras"):
        name = f"load_keras_weights: {path}"
        if path.suffix == ".keras":
            raise ValueError(
                f"{name}: expected weights: write them with model.save_weights('NAME.weights.h5')"
            )
        found = _from_hdf5(name, path, model)
    else:
        name, arrays = _arrays("load_keras_weights", source)
        if arrays.keys() == {path for path, _, _ in model.named_weights()}:
            found = [(key, key, array) for key, array in arrays.items()]
        else:
            found = _in_order(name, _class_by_class(_grouped(arrays, "/"), model), model)
    _assign(name, model, found)


def _from_hdf5(name: str, path: Path, model: Any) -> Found:
    """The weights in a file that Keras wrote."""
    try:
        import h5py
    except ImportError:
        raise ImportError(f"{name}: needs h5py: pip install 'pytensor-kernels[hdf5]'") from None
    path.stat()  # raises an OSError that names the file
    try:
        with h5py.File(path, "r") as file:
            if "layers" in file and "layer_names" not in file.attrs:
                return list(_by_class(file["layers"], model.layers, "", "layers"))
            file = file.get("model_weights", file)
            groups = {}
            for layer in map(_text, file.attrs["layer_names"]):
                names = list(map(_text, file[layer].attrs["weight_names"]))
                if names:
                    groups[layer] = {
                        key.rpartition("/")[2].partition(":")[0]: file[layer][key][()]
                        for key in names
                    }
    except (KeyError, OSError, RuntimeError, TypeError) as error:
        raise ValueError(f"{name}: not a whole file of Keras's weights: {error}") from None
    return _in_order(name, groups, model)


def _in_order(name: str, groups: dict[str, Arrays], model: Any) -> Found:
    """The weights of a file whose layers are in the order of the model's."""
    return [
        (f"{path}/{key}", f"{prefix}/{key}", array)
        for (prefix, group), (path, _) in _pairs(name, groups, model)
        for key, array in group.items()
    ]


def _class_by_class(groups: dict[str, Arrays], model: Any) -> dict[str, Arrays]:
    """Layers that Keras has named, dense_3 before dense_5, in the order of the model's layers of
    these classes; other names stay where they are.
    """
    waiting: dict[str, list[str]] = {}
    for name in sorted(groups, key=_natural):
        waiting.setdefault(re.sub(r"_\d+$", "", name.rpartition("/")[2]), []).append(name)
    kinds = [snake_case(type(layer).__name__) for _, layer in _with_weights(model)]
    if sorted(kinds) != sorted(kind for kind, names in waiting.items() for _ in names):
        return groups
    return {name: groups[name] for name in (waiting[kind].pop(0) for kind in kinds)}


def _by_class(
    file: Any, model_layers: Iterable[Any], prefix: str, label: str
) -> Iterator[tuple[str, str, np.ndarray]]:
    """The layers of a Keras 3 file, which numbers them class by class."""
    counts: dict[str, int] = {}
    for layer in model_layers:
        kind = snake_case(type(layer).__name__)
        number = counts.get(kind, 0)
        counts[kind] = number + 1
        kind = f"{kind}_{number}" if number else kind
        if kind not in file:
            continue
        if isinstance(getattr(layer, "layers", None), list):
            yield from _by_class(
                file[kind]["layers"],
                layer.layers,
                f"{prefix}{layer.name}/",
                f"{label}/{kind}/layers",
            )
            continue
        names = [key for key, _, _ in layer.named_weights()]
        stored = file[kind].get("vars", {})
        for k in sorted(map(int, stored)):
            key = names[k] if k < len(names) else str(k)
            yield f"{prefix}{layer.name}/{key}", f"{label}/{kind}/vars/{k}", stored[str(k)][()]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _arrays(function: str, source: Any) -> tuple[str, Arrays]:
    """The name for messages, and arrays by name."""
    if isinstance(source, dict):
        return function, {
            str(key): np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
            for key, value in source.items()
        }
    path = as_path(function, source)
    arrays = model_files.read(f"{function}: {path}", path)[0]
    # A file has its names in no particular order: layer 2 comes before layer 10.
    return f"{function}: {path}", {key: arrays[key] for key in sorted(arrays, key=_natural)}


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts layer 2 before layer 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _grouped(arrays: Arrays, separator: str) -> dict[str, Arrays]:
    """{layer: {weight: array}} from {layer + separator + weight: array}, in the same order."""
    groups: dict[str, Arrays] = {}
    for name, array in arrays.items():
        prefix, _, key = name.rpartition(separator)
        groups.setdefault(prefix, {})[key] = array
    return groups


def _with_weights(model: Any) -> list[tuple[str, Any]]:
    """The paths of the layers that have their own weights, and the layers."""
    return [
        (path, layer)
        for path, layer in model.named_layers()
        if layer.weights and not layer.sublayers()
    ]


def _pairs(
    name: str, groups: dict[str, Arrays], model: Any
) -> Iterable[tuple[tuple[str, Arrays], tuple[str, Any]]]:
    """Pairs of a file's layers and the model's that have weights, in order."""
    if not model.built:
        raise ValueError(f"{name}: {model.name!r} is not built: give it an input shape first")
    ours = _with_weights(model)
    if len(groups) != len(ours):
        raise ValueError(
            f"{name}: found {len(groups)} layers with weights, "
            f"{', '.join(groups) or 'none'}: expected {len(ours)}, "
            f"{', '.join(path for path, _ in ours)}"
        )
    return zip(groups.items(), ours, strict=True)


def _assign(name: str, model: Any, found: Found) -> None:
    """Overwrite the model's weights, all or none."""
    weights = {path: weight for path, weight, _ in model.named_weights()}
    problems: list[str] = []
    new: Arrays = {}
    for path, label, array in found:
        if path not in weights:
            problems.append(f"{label}: not in the model")
        elif array.shape != weights[path].shape or array.dtype.kind != "f":
            problems.append(
                f"{label}: {array.dtype} {array.shape} in the file, float32 "
                f"{weights[path].shape} in the model ({path})"
            )
        new[path] = array
    problems += [f"{path}: not in the file" for path in weights if path not in new]
    if problems:
        raise ValueError(f"{name}: {'; '.join(problems)}")
    for path, weight in weights.items():
        weight[...] = pt.asarray(np.asarray(new[path], np.float32, order="C"))
