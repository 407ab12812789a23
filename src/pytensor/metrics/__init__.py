"""Metrics: numbers that describe predictions, accumulated over batches.

A metric is update_state for every batch, result for the value so far, reset_state for a new start.
Most are means over samples; a metric of one's own is a function (y_true, y_pred) -> one value per
sample, or a subclass of Metric.
"""

from __future__ import annotations

from pytensor import losses
from pytensor.metrics import accuracy, confusion, regression
from pytensor.metrics.accuracy import *  # noqa: F403
from pytensor.metrics.confusion import *  # noqa: F403
from pytensor.metrics.metric import Mean, MeanFunction, Metric, Sum
from pytensor.metrics.regression import *  # noqa: F403
from pytensor.serialization import by_name, resolve

_CLASSES = [
    cls
    for module in (accuracy, confusion, regression)
    for cls in vars(module).values()
    if isinstance(cls, type) and cls.__name__ in module.__all__
]
__all__ = [
    "Mean",
    "MeanFunction",
    "Metric",
    "Sum",
    "get",
    *accuracy.__all__,
    *confusion.__all__,
    *regression.__all__,
]

_BY_NAME = by_name([Mean, Sum, *_CLASSES])
_BY_NAME |= {
    name: cls
    for short, cls in {
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
# Losses that are no metric of their own.
_FUNCTIONS = {
    name: getattr(losses, name)
    for name in ("binary_focal_crossentropy", "categorical_focal_crossentropy", "huber", "log_cosh")
}
_ACCURACY = ("accuracy", "acc")


def get(identifier, targets_shape=None, predictions_shape=None):
    """Return a Metric by name, class or function; a Metric stays itself.

    "accuracy" is the binary one for predictions (..., 1), the sparse categorical one for targets of
    fewer axes than the predictions (or of a last axis of length 1), else the categorical one.
    targets_shape, predictions_shape: of a batch; needed for "accuracy" alone.
    The metric of a name has this for its own.

    Raises:
        ValueError: no metric has that name.
        TypeError: identifier is neither a name nor callable.

    >>> pt.metrics.get("mae").name
    'mae'
    """
    if isinstance(identifier, str):
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


def _accuracy(name, targets_shape, predictions_shape):
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
