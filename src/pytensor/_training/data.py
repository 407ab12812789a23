"""What fit, evaluate and predict are given becomes batches: arrays, data frames, iterators.

Everything is checked here against the model and its loss, before the first step. Data goes one way:
from here to the batches (batches.py), the steps (steps.py) and the kernels.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from pytensor import _functions as pt
from pytensor._autodiff.trees import leaves, map_leaves
from pytensor._core import Tensor
from pytensor._support.arguments import floor, integer, number
from pytensor._training.batches import Batches, Samples, Stream, length, map_present
from pytensor._training.distribution import SINGLE_PROCESS, Distribution
from pytensor._training.model import Model, arranged
from pytensor.layers.graph import fits
from pytensor.layers.layer import is_structure

# ------------------------------------------------------------------------ checked against a model


def inputs(function: str, model: Model, x: Any) -> Any:
    """Return x as a source of samples of the model's input shape; build the model if that is open.

    Where the model has several inputs, or a subclass defines its call, x is a list of sources or
    what else the call takes.

    Raises:
        ValueError: x has another shape, or as as_source.
        TypeError: As as_source.
    """
    names = model.input_names
    if not model.has_call:  # a subclass that defines train_step alone
        return _map_sources(f"{function}: x", x)
    if model.takes_structures:
        if is_structure(x):
            x = _map_sources(f"{function}: x", x)
            _check_lengths(function, leaves(x))
        else:
            x = as_source(f"{function}: x", x)
        model.prepare(x)
        known = model.input_tensors
        sources = leaves(x)
        if len(sources) != len(known):
            raise ValueError(f"{function}: x: found {len(sources)} inputs: expected {len(known)}")
        for source, tensor in zip(sources, known, strict=True):
            if not fits(source.shape, tensor.shape):
                raise ValueError(
                    f"{function}: x has shape {source.shape}: expected {_shape_text(tensor.shape)}"
                )
        return x
    if len(names) > 1:
        return _several_inputs(function, model, x, names)
    if names and _is_wrapped(x, model.input_tensors[0].ndim):
        (x,) = arranged(f"{function}: x", x, names, "input")
    x = as_source(f"{function}: x", x)
    given = x.shape
    if not model.built:
        if x.ndim == 1:
            x = x.reshape((x.shape[0], 1))
        model.build((None, *x.shape[1:]))
    (tensor,) = model.input_tensors
    if x.ndim == 1 and tensor.ndim > 1:
        x = x.reshape((x.shape[0], 1))
    if not fits(x.shape, tensor.shape):
        raise ValueError(f"{function}: x has shape {given}: expected {_shape_text(tensor.shape)}")
    return x


def _is_wrapped(data: Any, ndim: int) -> bool:
    """Whether the data of a single input or output come as a dictionary, or as a list of one."""
    if isinstance(data, dict):
        return True
    return is_structure(data) and len(data) == 1 and np.ndim(data[0]) == ndim


def _several_inputs(function: str, model: Model, x: Any, names: list[str]) -> list[Any]:
    """The sources for the inputs of a model that has several."""
    found = []
    given = arranged(f"{function}: x", x, names, "input")
    for name, part, tensor in zip(names, given, model.input_tensors, strict=True):
        source = as_source(f"{function}: x of {name!r}", part)
        shape = source.shape
        if source.ndim == 1 and tensor.ndim > 1:
            source = source.reshape((source.shape[0], 1))
        if not fits(source.shape, tensor.shape):
            raise ValueError(
                f"{function}: x of {name!r} has shape {shape}: expected {_shape_text(tensor.shape)}"
            )
        found.append(source)
    _check_lengths(function, found, names)
    return found


def _map_sources(name: str, x: Any) -> Any:
    """A structure of arrays as one of sources."""
    if isinstance(x, dict):
        return {key: _map_sources(f"{name}[{key!r}]", part) for key, part in x.items()}
    if is_structure(x):
        return [_map_sources(f"{name}[{k}]", part) for k, part in enumerate(x)]
    return as_source(name, x)


def _check_lengths(function: str, sources: list[Any], names: Any = None) -> None:
    """Raise ValueError unless all inputs have one number of samples."""
    lengths = [len(source) for source in sources]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"{function}: x: found inputs of {', '.join(map(str, lengths))} samples"
            + (f" for {', '.join(map(repr, names))}" if names else "")
            + ": expected the same number"
        )


def samples(
    function: str, model: Model, x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None
) -> Samples:
    """Return arrays as Samples that the model and its losses can take.

    Raises:
        ValueError: They differ in length, a shape or a label does not fit, or there are two kinds
            of weights.
        TypeError: They hold no real numbers, or class_weight is not a dictionary.
    """
    x = inputs(function, model, x)
    n = length(x)
    objective = model.objective
    heads = objective.heads if objective is not None else []
    if not heads or (model.steps_itself("train_step") and not objective.has_loss):
        targets = None if y is None else _map_sources(f"{function}: y", y)
        dtypes = map_present(
            lambda part: pt.float32 if part.dtype.kind == "f" else part.dtype, targets
        )
        if targets is not None and length(targets) != n:
            raise ValueError(
                f"{function}: x has {n} samples and y {length(targets)}: expected the same number"
            )
    elif y is None and not objective.has_loss:  # the layers add the loss, or train_step finds it
        targets = dtypes = None
    else:
        targets, dtypes = _targets(function, model, x, y, n)
    several = len(heads) > 1
    if class_weight is not None:
        _refuse_both(function, sample_weight, class_weight)
        if several or targets is None:
            raise ValueError(
                f"{function}: class_weight: found a model with {len(heads)} outputs: expected one "
                "with targets (pass sample_weight instead)"
            )
        sample_weight = weights_of_classes(function, targets, class_weight)
    elif sample_weight is not None:
        names = [head.name for head in heads]
        if several and (isinstance(sample_weight, dict) or is_structure(sample_weight)):
            if isinstance(sample_weight, dict):
                sample_weight = {name: sample_weight.get(name) for name in names} | sample_weight
            parts = arranged(f"{function}: sample_weight", sample_weight, names, "output")
            sample_weight = [
                None
                if part is None
                else _weights(f"{function}: sample_weight of {name!r}", part, n)
                for name, part in zip(names, parts, strict=True)
            ]
        else:
            if isinstance(sample_weight, dict):
                (sample_weight,) = arranged(
                    f"{function}: sample_weight", sample_weight, names, "output"
                )
            sample_weight = _weights(f"{function}: sample_weight", sample_weight, n)
    known = iter([tensor.dtype for tensor in model.input_tensors])
    return Samples(
        x, targets, sample_weight, dtypes, map_leaves(lambda _: next(known, pt.float32), x)
    )


def _weights(name: str, weights: Any, n: int) -> Tensor:
    """The weights of n samples."""
    weights = as_source(name, weights)
    if len(weights) != n:
        function, _, what = name.rpartition(": ")
        raise ValueError(
            f"{function}: x has {n} samples and {what} {len(weights)}: expected the same number"
        )
    return weights.astype(pt.float32, copy=False)


def _targets(function: str, model: Model, x: Any, y: Any, n: int) -> tuple[Any, Any]:
    """The targets of n samples, checked, and the dtypes of their batches."""
    objective = model.objective
    names = [head.name for head in objective.heads]
    shapes = model.output_shapes(x)
    if len(names) == 1:
        if _is_wrapped(y, len(shapes[0])):
            (y,) = arranged(f"{function}: y", y, names, "output")
        y = as_source(f"{function}: y", y)
        if len(y) != n:
            raise ValueError(
                f"{function}: x has {n} samples and y {len(y)}: expected the same number"
            )
        return objective.targets(function, y, shapes)
    lossy = [head.name for head in objective.heads if head.loss is not None]
    if isinstance(y, dict):
        y = {name: None for name in names if name not in lossy and name not in y} | y
    elif isinstance(y, (list, tuple)) and len(y) == len(lossy) < len(names):
        y = {name: None for name in names} | dict(zip(lossy, y, strict=True))
    elif len(lossy) == 1 and not is_structure(y):
        y = {name: None for name in names} | {lossy[0]: y}
    found = []
    for name, part in zip(names, arranged(f"{function}: y", y, names, "output"), strict=True):
        source = None if part is None else as_source(f"{function}: y of {name!r}", part)
        if source is not None and len(source) != n:
            raise ValueError(
                f"{function}: x has {n} samples and y of {name!r} {len(source)}: expected the same "
                "number"
            )
        found.append(source)
    return objective.targets(function, found, shapes)


def batches(
    function: str,
    model: Model,
    x: Any,
    y: Any,
    sample_weight: Any,
    batch_size: Any,
    steps: Any,
    *,
    steps_name: str = "steps",
    shuffle: bool = False,
    class_weight: Any = None,
    distribution: Distribution = SINGLE_PROCESS,
) -> Batches | Stream:
    """Return the batches of arrays, or those of a stream x, for a function that has targets.

    Raises:
        ValueError, TypeError: As samples; or y or weights come with a stream, or steps without one.
    """
    if is_stream(x):
        if y is not None or sample_weight is not None:
            raise ValueError(
                f"{function}: x yields batches: expected y and sample_weight in "
                "them, as (x, y, sample_weight)"
            )

        def checked(batch: Any) -> Samples:
            if not isinstance(batch, (list, tuple)) or len(batch) not in (2, 3):
                raise ValueError(
                    f"{function}: x: found a batch {_described(batch)}: expected (x, y) "
                    "or (x, y, sample_weight)"
                )
            x, y, sample_weight = (*batch, None)[:3]
            return samples(function, model, x, y, sample_weight, class_weight)

        steps = None if steps is None else integer(f"{function}: {steps_name}", steps, 1)
        return Stream(f"{function}: x", x, checked, steps, distribution)
    if steps is not None:
        raise ValueError(
            f"{function}: {steps_name}: found {steps} for an array x: expected "
            "None (it is for iterators of batches)"
        )
    if y is None and (model.objective is None or model.objective.has_loss):
        refuse_list_of_batches(function, x)
    size = checked_batch_size(f"{function}: batch_size", batch_size)
    data = samples(function, model, x, y, sample_weight, class_weight)
    return Batches(data, size, shuffle, distribution)


def batches_to_predict(model: Model, x: Any, batch_size: Any, steps: Any) -> Batches | Stream:
    """Return the batches of samples for predict, or those of a stream x.

    Raises:
        ValueError, TypeError: As inputs.
    """
    if is_stream(x):

        def checked(batch: Any) -> Samples:
            x = batch[0] if isinstance(batch, (list, tuple)) else batch
            return samples_to_predict("predict", model, x)

        steps = None if steps is None else integer("predict: steps", steps, 1)
        return Stream("predict: x", x, checked, steps)
    size = checked_batch_size("predict: batch_size", batch_size)
    return Batches(samples_to_predict("predict", model, x), size)


def samples_to_predict(function: str, model: Model, x: Any) -> Samples:
    """Return samples without targets; raises as inputs."""
    x = inputs(function, model, x)
    dtypes = iter([tensor.dtype for tensor in model.input_tensors])
    return Samples(x, x_dtype=map_leaves(lambda _: next(dtypes, pt.float32), x))


def batches_to_fit(
    model: Model,
    x: Any,
    y: Any,
    sample_weight: Any,
    *,
    class_weight: Any,
    batch_size: int,
    steps: Any,
    shuffle: bool,
    validation_split: float,
    validation_data: Any,
    validation_batch_size: int,
    validation_steps: Any,
    distribution: Distribution,
) -> tuple[Batches | Stream, Batches | Stream | None]:
    """Return the batches to train with, and those to validate with or None.

    Raises:
        ValueError, TypeError: As batches; or validation_split leaves nothing to train with.
    """
    if validation_split > 0 and validation_data is None:
        train, held_out = _split(model, x, y, sample_weight, class_weight, validation_split)
        return (
            Batches(train, batch_size, shuffle, distribution),
            Batches(held_out, validation_batch_size, False, distribution),
        )
    found = batches(
        "fit",
        model,
        x,
        y,
        sample_weight,
        batch_size,
        steps,
        steps_name="steps_per_epoch",
        shuffle=shuffle,
        class_weight=class_weight,
        distribution=distribution,
    )
    if validation_data is None:
        return found, None
    x, y, sample_weight = _parts(validation_data)
    return found, batches(
        "fit: validation_data",
        model,
        x,
        y,
        sample_weight,
        validation_batch_size,
        validation_steps,
        steps_name="validation_steps",
        distribution=distribution,
    )


def _split(
    model: Model, x: Any, y: Any, sample_weight: Any, class_weight: Any, validation_split: float
) -> tuple[Samples, Samples]:
    """The samples to train with, weighted by their classes, and those to validate with."""
    if is_stream(x):
        raise ValueError("fit: validation_split: x yields batches: expected validation_data")
    if y is None:
        refuse_list_of_batches("fit", x)
    _refuse_both("fit", sample_weight, class_weight)
    data = samples("fit", model, x, y, sample_weight)
    n_train = count_to_train_with(len(data), validation_split)
    if n_train == 0:
        raise ValueError(
            f"fit: validation_split: {validation_split:g} of {len(data)} "
            "samples leaves none to train with"
        )
    train, held_out = data[:n_train], data[n_train:]
    if class_weight is not None:
        train.weights = weights_of_classes("fit", train.y, class_weight)
    return train, held_out


def checked_batch_size(name: str, value: Any) -> int:
    """Return the number of samples in a batch; None means 32."""
    return integer(name, 32 if value is None else value, 1)


def _refuse_both(function: str, sample_weight: Any, class_weight: Any) -> None:
    if sample_weight is not None and class_weight is not None:
        raise ValueError(f"{function}: found sample_weight and class_weight: expected one of them")


def _parts(data: Any) -> tuple[Any, ...]:
    """What validation_data may be, as x, y and weights."""
    if is_stream(data):
        return data, None, None
    if not isinstance(data, (list, tuple)) or len(data) not in (2, 3):
        raise ValueError(
            f"fit: validation_data: found a value {_described(data)}: expected a pair (x, y), "
            "a triple (x, y, sample_weight) or an iterator of such batches"
        )
    return (*data, None)[:3]


def _described(data: Any) -> str:
    """What something is, in a few words."""
    return (
        f"of {len(data)} parts"
        if isinstance(data, (list, tuple))
        else f"of type {type(data).__name__}"
    )


def _shape_text(shape: tuple[int | None, ...]) -> str:
    """(None, 784) as (n, 784)."""
    return f"(n, {', '.join(map(str, shape[1:]))})" if len(shape) > 1 else "(n,)"


# ----------------------------------------------------------------------------- arrays and streams


def as_source(name: str, data: Any) -> Any:
    """Return data as a tensor (n, ...) in C order, n >= 1, sharing the memory where it can.

    Raises:
        ValueError: The data is missing, empty, a single number, or has parts of different shapes.
        TypeError: The data holds no real numbers.
    """
    if data is None:
        raise ValueError(f"{name}: missing: expected an array of samples")
    if hasattr(data, "to_numpy") and (hasattr(data, "columns") or hasattr(data, "name")):
        data = _of_frame(name, data)
    try:
        source = pt.asarray(data)
    except ValueError as error:
        if not isinstance(data, (list, tuple)):
            raise
        raise ValueError(
            f"{name}: found a list of {len(data)} parts that do not form an array: expected "
            "samples of one shape, or batches from an iterator, iter(list) for one "
            f"({error})"
        ) from None
    if source.dtype.kind == "c":
        raise TypeError(f"{name}: found dtype {source.dtype}: expected real numbers")
    if source.ndim == 0 or source.size == 0:
        raise ValueError(
            f"{name}: found shape {source.shape}: expected at least one sample, (n, ...)"
        )
    if not np.asarray(source).flags.c_contiguous:
        source = source.copy()
    return source


def _of_frame(name: str, data: Any) -> np.ndarray:
    """The numbers in a DataFrame or a Series, of pandas, polars or the like, as an array."""
    if not hasattr(data, "columns"):
        label = "" if data.name in (None, "") else f": column {data.name!r}"
        return _of_column(
            f"{name}{label}",
            data,
            "turn classes into numbers, such as numpy.unique(y, return_inverse=True)[1]",
        )
    if not len(data.columns) or not len(data):
        return np.empty((len(data), len(data.columns)))
    columns = [
        _of_column(
            f"{name}: column {label!r}",
            data[label],
            "leave the column out, or make "
            "columns of 0 and 1 of it: get_dummies of pandas, to_dummies of polars",
        )
        for label in data.columns
    ]
    return np.stack(columns, axis=1)


def _of_column(name: str, column: Any, remedy: str) -> np.ndarray:
    """A column of numbers as an array."""
    if getattr(column, "ndim", 1) != 1:
        raise ValueError(f"{name}: found {column.shape[1]} columns of that name: expected one")
    values = np.asarray(column.to_numpy())
    if values.dtype.kind not in "fiub":
        items = [item for item in values.tolist() if item is not None]
        wrong = next(
            (
                item
                for item in items
                if not isinstance(item, (int, float)) and str(item) not in ("<NA>", "nan", "NaT")
            ),
            None,
        )
        if wrong is not None or values.dtype.kind not in "O":
            found = f"{type(wrong).__name__} ({wrong!r})" if wrong is not None else values.dtype
            raise TypeError(f"{name}: found {found}: expected numbers: {remedy}")
        # Numbers, and None or pandas.NA where one is missing.
        values = np.array(
            [item if isinstance(item, (int, float)) else np.nan for item in values.tolist()],
            np.float64,
        )
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise ValueError(
            f"{name}: found nothing in row {int(np.isnan(values).argmax())}: expected "
            "a number: fill missing values (pandas: fillna, polars: fill_null), or "
            "leave those rows out"
        )
    return values


def is_stream(x: Any) -> bool:
    """Whether x yields batches, one after the other, and is not an array or list of samples."""
    if isinstance(x, (list, tuple, str, dict)) or hasattr(x, "__array__"):
        return False
    with contextlib.suppress(TypeError):
        memoryview(x)
        return False
    return (
        hasattr(x, "__next__")
        or hasattr(x, "__iter__")
        or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))
    )


def refuse_list_of_batches(function: str, x: Any) -> None:
    """Raise ValueError for a list of batches (x, y), which would be taken for samples."""
    if (
        isinstance(x, (list, tuple))
        and x
        and all(
            isinstance(part, (list, tuple))
            and len(part) in (2, 3)
            and all(hasattr(array, "__array__") for array in part)
            for part in x
        )
    ):
        raise ValueError(
            f"{function}: x: found a list of {len(x)} batches: expected samples and "
            "y, or batches from an iterator, iter(x) for one"
        )


def count_to_train_with(n: int, validation_split: float) -> int:
    """Return how many of n samples are left to train with, beside the share to validate with."""
    return floor(n * (1 - validation_split))


def weights_of_classes(name: str, y: Any, class_weight: Any) -> Tensor:
    """Return the weight of each sample by its class, float32 (n,); 1 for classes not listed.

    Args:
        name: For messages.
        y: Class numbers (n,) or (n, 1), or one-hot rows (n, classes).
        class_weight: {class number: weight}.
    """
    if not isinstance(class_weight, dict):
        raise TypeError(
            f"{name}: class_weight: found {class_weight!r}: expected a dictionary from "
            "class numbers to weights"
        )
    labels = np.asarray(y)
    if labels.ndim > 2:
        raise ValueError(
            f"{name}: class_weight: targets of shape {labels.shape}: expected (n,) or (n, classes)"
        )
    if labels.ndim == 2:
        labels = labels.argmax(-1) if labels.shape[1] > 1 else labels[:, 0]
    weights = np.ones(len(labels), np.float32)
    for label, weight in class_weight.items():
        weights[np.rint(labels) == integer(f"{name}: class_weight", label, 0)] = number(
            f"{name}: class_weight[{label}]", weight, 0
        )
    return pt.asarray(weights)
