"""Metrics: numbers that describe predictions, accumulated over batches.

A metric is update_state for every batch, result for the value so far, reset_state for a new start.
All of these are means over samples; a metric of one's own is a function (y_true, y_pred) -> one
value per sample, or a subclass of Metric.
"""

from __future__ import annotations

import pytensor as pt
from pytensor import losses
from pytensor._arguments import lookup, number, snake_case
from pytensor._core import Tensor
from pytensor.serialization import Configurable

__all__ = [
    "BinaryAccuracy", "CategoricalAccuracy", "Mean", "MeanFunction", "Metric",
    "SparseCategoricalAccuracy", "binary_accuracy", "categorical_accuracy", "get",
    "sparse_categorical_accuracy",
]


# --------------------------------------------------------------------------------- functions


def categorical_accuracy(y_true, y_pred):
    """Whether the largest prediction is at the largest target.

    y_true: one-hot rows or probabilities, y_pred: probabilities or logits; both (..., classes).
    Returns: (...), bool.
    """
    y_true, y_pred = _tensors(y_true, y_pred)
    return y_true.argmax(-1) == y_pred.argmax(-1)


def sparse_categorical_accuracy(y_true, y_pred):
    """Whether the largest prediction is at the label.

    y_true: class numbers, (...) or (..., 1); y_pred: probabilities or logits, (..., classes).
    Returns: (...), bool.
    """
    y_true, y_pred = _tensors(y_true, y_pred)
    if y_true.ndim == y_pred.ndim:
        y_true = y_true.reshape(y_true.shape[:-1])
    return y_true.astype(pt.int64, copy=False) == y_pred.argmax(-1)


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """The share of outputs on the right side of the threshold.

    y_true: 0 or 1, y_pred: probabilities; both (..., outputs). Returns: (...), float32.
    """
    y_true, y_pred = _tensors(y_true, y_pred)
    y_true = losses.match_shape("binary_accuracy", y_true, y_pred.shape)
    return (y_true == (y_pred > threshold).astype(y_true.dtype)).mean(axis=-1)


def _tensors(y_true, y_pred):
    return (y_true if type(y_true) is Tensor else pt.asarray(y_true),
            y_pred if type(y_pred) is Tensor else pt.asarray(y_pred))


# ----------------------------------------------------------------------------------- classes


class Metric(Configurable):
    """Base class. A subclass defines update_state, result and reset_state.

    takes_logits: whether update_state may be given the logits of a softmax for its outputs. kept:
    the names of the attributes that hold what was accumulated, for a checkpoint amid an epoch.
    """

    takes_logits = False
    kept = ()

    def __init__(self, name=None):
        """Name: the key in logs and history; by default the class's in snake case."""
        self.name = snake_case(type(self).__name__) if name is None else name

    def update_state(self, y_true, y_pred):
        """Take a batch into account."""
        raise NotImplementedError(f"{type(self).__name__} does not define update_state")

    def result(self):
        """Return the value over everything since the last reset, a float."""
        raise NotImplementedError(f"{type(self).__name__} does not define result")

    def reset_state(self):
        """Forget what was accumulated."""
        raise NotImplementedError(f"{type(self).__name__} does not define reset_state")


class Mean(Metric):
    """The mean of the values given, 0 before the first."""

    kept = ("_total", "_count")

    def __init__(self, name="mean"):
        """Name: the key in logs and history."""
        super().__init__(name)
        self.reset_state()

    def update_state(self, value, weight=1):
        """Add a number that stands for as many as weight says."""
        self._total += value * weight
        self._count += weight

    def result(self):
        """Return the mean so far."""
        return self._total / self._count if self._count else 0.0

    def reset_state(self):
        """Start anew."""
        self._total = 0.0
        self._count = 0


class MeanFunction(Mean):
    """The mean of function(y_true, y_pred) over all samples."""

    def __init__(self, function, name=None):
        """Function: gives one value per sample, or one for the batch; or the name of a loss."""
        if isinstance(function, str):
            function = lookup("metric", function, _FUNCTIONS)
        super().__init__(getattr(function, "__name__", "metric") if name is None else name)
        self.function = function

    def update_state(self, y_true, y_pred):
        """Add the values of a batch."""
        values = self.function(y_true, y_pred)
        if not isinstance(values, Tensor):
            values = pt.asarray(values)
        self._total += values.sum().item()
        self._count += values.size


class CategoricalAccuracy(MeanFunction):
    """The share of samples whose largest prediction is at the largest target."""

    takes_logits = True

    def __init__(self, name="categorical_accuracy"):
        """Name: the key in logs and history."""
        super().__init__(categorical_accuracy, name)


class SparseCategoricalAccuracy(MeanFunction):
    """The share of samples whose largest prediction is at the label."""

    takes_logits = True

    def __init__(self, name="sparse_categorical_accuracy"):
        """Name: the key in logs and history."""
        super().__init__(sparse_categorical_accuracy, name)


class BinaryAccuracy(MeanFunction):
    """The share of outputs on the right side of the threshold."""

    def __init__(self, name="binary_accuracy", threshold=0.5):
        """Threshold: outputs above it count as 1."""
        super().__init__(self._accuracy, name)
        self.threshold = number(f"{self.name}: threshold", threshold)

    def _accuracy(self, y_true, y_pred):
        return binary_accuracy(y_true, y_pred, self.threshold)


_BY_NAME = {
    cls.__name__: cls for cls in (BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy)
}
_BY_NAME |= {snake_case(name): cls for name, cls in _BY_NAME.items()}
_FUNCTIONS = {
    name: getattr(losses, name) for name in (
        "binary_crossentropy", "categorical_crossentropy", "mean_squared_error",
        "sparse_categorical_crossentropy",
    )
}
_FUNCTIONS |= {"mse": losses.mean_squared_error, "MSE": losses.mean_squared_error}
_ACCURACY = ("accuracy", "acc")


def get(identifier, targets_shape=None, predictions_shape=None):
    """Return a Metric by name, class or function; a Metric stays itself.

    "accuracy" is the binary one for predictions (..., 1), the sparse categorical one for targets of
    fewer axes than the predictions (or of a last axis of length 1), else the categorical one.
    targets_shape, predictions_shape: of a batch; needed for "accuracy" alone.

    Raises:
        ValueError: no metric has that name.
        TypeError: identifier is neither a name nor callable.
    """
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if callable(identifier):
        return MeanFunction(identifier)
    known = {**_BY_NAME, **_FUNCTIONS, **dict.fromkeys(_ACCURACY)}
    found = lookup("metric", identifier, known)
    if identifier in _ACCURACY:
        return _accuracy(identifier, targets_shape, predictions_shape)
    return MeanFunction(found, identifier) if identifier in _FUNCTIONS else found()


def _accuracy(name, targets_shape, predictions_shape):
    if targets_shape is None or predictions_shape is None:
        raise ValueError(f"metric {name!r} depends on the shapes of targets and predictions: name "
                         "binary_accuracy, categorical_accuracy or sparse_categorical_accuracy")
    if predictions_shape[-1] == 1:
        return BinaryAccuracy(name)
    if len(targets_shape) < len(predictions_shape) or targets_shape[-1] == 1:
        return SparseCategoricalAccuracy(name)
    return CategoricalAccuracy(name)
