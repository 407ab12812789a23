"""Metrics: numbers that describe predictions, accumulated over batches.

`update_state` adds a batch, `result` returns the value so far, and `reset_state` starts again. Most
metrics are means over samples. A custom metric is a function (y_true, y_pred) -> one value per
sample, or a subclass of Metric.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from pytensor import losses
from pytensor._support.names import missing
from pytensor.metrics import accuracy, confusion, regression
from pytensor.metrics.accuracy import *  # noqa: F403
from pytensor.metrics.confusion import *  # noqa: F403
from pytensor.metrics.metric import Mean, MeanFunction, Metric, Sum
from pytensor.metrics.regression import *  # noqa: F403
from pytensor.serialization import by_name, resolve

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from pytensor._core import Tensor

    # What `get` takes for a metric: an object, its class, name or config, or a function.
    MetricLike: TypeAlias = (
        str | Metric | type[Metric] | dict[str, Any] | Callable[[Tensor, Tensor], Tensor]
    )

_CLASSES = [
    cls
    for module in (accuracy, confusion, regression)
    for cls in vars(module).values()
    if isinstance(cls, type) and cls.__name__ in module.__all__
]
__all__ = ["Mean", "MeanFunction", "Metric", "Sum", "get"]
__all__ += accuracy.__all__
__all__ += confusion.__all__
__all__ += regression.__all__

_BY_NAME: dict[str, Any] = by_name([Mean, Sum, *_CLASSES])
_BY_NAME |= {
    name: cls
    for short, cls in {
        "bce": regression.BinaryCrossentropy,
        "mse": regression.MeanSquaredError,
        "mae": regression.MeanAbsoluteError,
        "mape": regression.MeanAbsolutePercentageError,
        "msle": regression.MeanSquaredLogarithmicError,
        "rmse": regression.RootMeanSquaredError,
        "kld": regression.KLDivergence,
        "cosine": regression.CosineSimilarity,
    }.items()
    for name in (short, short.upper())
}
# Default names that are not the class's in snake case.
_BY_NAME |= {"logcosh": regression.LogCoshError, "fbeta_score": confusion.FBetaScore}
# Losses that have no class of metrics.
_FUNCTIONS = {
    name: getattr(losses, name)
    for name in ("binary_focal_crossentropy", "categorical_focal_crossentropy", "huber", "log_cosh")
}
_ACCURACY = ("accuracy", "acc")


def get(
    identifier: MetricLike,
    targets_shape: tuple[int | None, ...] | None = None,
    predictions_shape: tuple[int | None, ...] | None = None,
) -> Metric:
    """Return the Metric that an identifier stands for.

    "accuracy" is the binary one if predictions have the shape (..., 1), the sparse categorical one
    if targets have fewer axes than predictions or a last axis of length 1, else the categorical
    one. A metric that is found by name gets this name.

    Args:
        identifier: a name, a class, a config, a function, or a Metric (returned as it is).
        targets_shape: the shape of a batch of targets; only "accuracy" needs it.
        predictions_shape: the shape of a batch of predictions; only "accuracy" needs it.

    Raises:
        ValueError: no metric has that name.
        TypeError: identifier is neither a name nor callable.

    >>> pt.metrics.get("mae").name
    'mae'
    """
    if isinstance(identifier, str):
        if identifier == "acc":
            warnings.warn('metrics: "acc": write "accuracy"', DeprecationWarning, stacklevel=2)
        if identifier in _ACCURACY:
            return _accuracy(identifier, targets_shape, predictions_shape)
        if identifier in _FUNCTIONS:
            return MeanFunction(_FUNCTIONS[identifier], identifier)
    known = _BY_NAME | dict.fromkeys([*_FUNCTIONS, *_ACCURACY])
    metric = resolve("metric", identifier, Metric, known)
    if not isinstance(metric, Metric):
        return MeanFunction(metric)
    if isinstance(identifier, str):
        metric.name = identifier
    return metric


def _accuracy(
    name: str,
    targets_shape: tuple[int | None, ...] | None,
    predictions_shape: tuple[int | None, ...] | None,
) -> Metric:
    if targets_shape is None or predictions_shape is None:
        raise ValueError(
            f"metric {name!r} depends on the shapes of targets and predictions: name "
            "binary_accuracy, categorical_accuracy or sparse_categorical_accuracy"
        )
    if predictions_shape[-1] == 1:
        return accuracy.BinaryAccuracy(name)
    if len(targets_shape) < len(predictions_shape) or targets_shape[-1] == 1:
        return accuracy.SparseCategoricalAccuracy(name)
    return accuracy.CategoricalAccuracy(name)


if not TYPE_CHECKING:  # type checkers would take any name for one of the module

    def __getattr__(name):
        raise missing("metrics", name, globals())
