"""What training depends on besides the weights: the optimizer's state, the position in the data,
random numbers, what metrics and callbacks have accumulated.

A state is a pair: what JSON can hold, and arrays by name. It is stored in model files
(model_files.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from pytensor import random
from pytensor._core import Tensor, asarray
from pytensor._support.arguments import integer
from pytensor.layers.layer import unique_name

# What the names of the state's arrays begin with in a model's file.
TRAINING = "training:"

Arrays = dict[str, np.ndarray]


def optimizer_state(model: Any) -> tuple[dict[str, Any], Arrays] | None:
    """Return the state of a model's optimizer; None without one."""
    optimizer = model.optimizer
    if optimizer is None:
        return None
    kept = [(path, optimizer.state_of(weight)) for path, weight, _ in model.named_weights()]
    arrays = {
        f"optimizer/{path}/{k}": np.array(part)
        for path, parts in kept
        for k, part in enumerate(parts or ())
    }
    found = {
        "iterations": optimizer.iterations,
        "waiting": optimizer.waiting,
        "learning_rate": optimizer.learning_rate,
        "state": {path: len(parts) for path, parts in kept if parts is not None},
    }
    return {"optimizer": found}, arrays


def state(model: Any) -> tuple[dict[str, Any], Arrays]:
    """Return everything that the training of a model depends on, while fit runs."""
    found, arrays = optimizer_state(model) or ({}, {})
    found |= {
        "position": vars(model.run.position) | {"stopped": model.stop_training},
        "data": model.run.data,
        "random": random.generator().bit_generator.state,
        "layers": {path: generator.bit_generator.state for path, generator in _generators(model)},
        "metrics": _kept(model.accumulated, "metrics", arrays),
        "callbacks": _kept(model.run.callbacks, "callbacks", arrays),
    }
    return found, arrays


def restore_optimizer(name: str, model: Any, found: Any, arrays: Arrays) -> None:
    """Restore the state of a model's optimizer.

    Args:
        name: What a message begins with.
        model: The model, compiled.
        found: What optimizer_state returned first.
        arrays: What it returned second, with TRAINING in front of the names.

    Raises:
        ValueError: The state is not that of this optimizer and model.
    """
    optimizer = model.optimizer
    weights = {path: weight for path, weight, _ in model.named_weights()}
    try:
        about = found["optimizer"]
        counts = about["state"]
        unknown = counts.keys() - weights.keys()
        if unknown:
            raise ValueError(f"optimizer state of {min(unknown)}, which is not in the model")
        optimizer.build([weights[path] for path in counts])
        for path, count in counts.items():
            parts = optimizer.state_of(weights[path])
            if len(parts) != count:
                raise ValueError(
                    f"{path}: found {count} tensors of optimizer state: expected "
                    f"{len(parts)}, for {optimizer.name}"
                )
            for k, part in enumerate(parts):
                _assign(f"optimizer/{path}/{k}", part, arrays)
        optimizer.iterations = integer("iterations", about["iterations"], 0)
        optimizer.waiting = integer("waiting", about.get("waiting", 0), 0)
        if optimizer.learning_rate != about["learning_rate"]:
            optimizer.learning_rate = about["learning_rate"]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: {_message(error)}") from error


def restore(name: str, model: Any, found: Any, arrays: Arrays) -> None:
    """Put a model that fit is about to train back to where a state says it was.

    Args:
        name: What a message begins with.
        model: The model; its run has begun.
        found: What state returned first.
        arrays: What it returned second, with TRAINING in front of the names.

    Raises:
        ValueError: The state is not that of this model, data or optimizer.
    """
    if found is None or "position" not in found:
        raise ValueError(f"{name}: a model, but no checkpoint of its training")
    data, before = model.run.data, found.get("data")
    if before != data:
        before = before if isinstance(before, dict) else {}
        differences = [
            f"{key} was {before.get(key)} and is {data[key]}"
            for key in data
            if before.get(key) != data[key]
        ]
        raise ValueError(
            f"{name}: {', '.join(differences)}: expected the data and options of the "
            "run that it goes on with"
        )
    restore_optimizer(name, model, found, arrays)
    try:
        generator = random.generator()
        generator.bit_generator.state = found["random"]
        for path, generator in _generators(model):
            generator.bit_generator.state = found["layers"][path]
        kept = found["metrics"]
        if model.accumulated:
            _put_back(model.accumulated, kept, arrays)
        else:  # the first batch of a stream will tell which metrics there are
            model.run.restore_metrics = lambda metrics: _put_back(metrics, kept, arrays)
        _put_back(model.run.callbacks, found["callbacks"], arrays)
        position = dict(found["position"])
        model.stop_training = bool(position.pop("stopped"))
        for key in ("epoch", "step"):
            position[key] = integer(key, position[key], 0)
        if position["step"] and data.get("shuffle"):  # from which the order is drawn again
            np.random.default_rng().bit_generator.state = position["order_state"]
        vars(model.run.position).update({key: position[key] for key in vars(model.run.position)})
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: {_message(error)}") from error


def layers_with_generator(model: Any) -> Iterator[tuple[str, Any]]:
    """Yield the paths of layers that have their own random numbers, and the layers."""
    for path, layer in model.named_layers():
        if isinstance(getattr(layer, "_generator", None), np.random.Generator):
            yield path, layer


def _generators(model: Any) -> Iterator[tuple[str, np.random.Generator]]:
    """The paths of layers that have their own random numbers, and these."""
    for path, layer in layers_with_generator(model):
        yield path, layer._generator


def _kept(objects: Iterable[Any], name: str, arrays: Arrays) -> list[dict[str, Any]]:
    """What objects keep, a dictionary for each that keeps anything."""
    return [
        {"class": type(item).__name__}
        | {key: _packed(getattr(item, key), f"{name}/{k}/{key}", arrays) for key in item.kept}
        for k, item in enumerate(objects)
        if item.kept
    ]


def _put_back(objects: Iterable[Any], found: list[Any], arrays: Arrays) -> None:
    """Give each object what the next one of its class kept; new ones start from the beginning."""
    waiting = list(found)
    for item in objects:
        kept = next((kept for kept in waiting if kept["class"] == type(item).__name__), None)
        if kept is not None:
            waiting.remove(kept)
            for key in kept.keys() & set(item.kept):  # some may be newer than the checkpoint
                setattr(item, key, _unpacked(kept[key], arrays))


def _packed(value: Any, name: str, arrays: Arrays) -> Any:
    """A value as JSON; arrays go to `arrays`."""
    if isinstance(value, (Tensor, np.ndarray)):
        name = unique_name(name, arrays)  # a key may have a slash
        arrays[name] = np.array(value)
        return {"array": name, "tensor": isinstance(value, Tensor)}
    if isinstance(value, (list, tuple)):
        return [_packed(part, f"{name}/{k}", arrays) for k, part in enumerate(value)]
    if isinstance(value, dict):
        return {
            "dictionary": [
                [key, _packed(part, f"{name}/{key}", arrays)] for key, part in value.items()
            ]
        }
    if isinstance(value, np.generic):
        return value.item()
    return value


def _unpacked(value: Any, arrays: Arrays) -> Any:
    """The value that _packed turned into JSON."""
    if isinstance(value, list):
        return [_unpacked(part, arrays) for part in value]
    if not isinstance(value, dict):
        return value
    if "dictionary" in value:
        return {key: _unpacked(part, arrays) for key, part in value["dictionary"]}
    array = arrays[TRAINING + value["array"]]
    return asarray(array) if value["tensor"] else array


def _assign(name: str, tensor: Tensor, arrays: Arrays) -> None:
    """Overwrite a tensor with the array of that name."""
    array = arrays[TRAINING + name]
    if (array.shape, array.dtype) != (tensor.shape, tensor.dtype):
        raise ValueError(
            f"{name}: found {array.dtype} {array.shape}: expected {tensor.dtype} {tensor.shape}"
        )
    tensor[...] = asarray(array)


def _message(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
