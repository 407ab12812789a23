"""Losses: how far predictions are from targets, one number per sample, and their mean.

Each loss is a function (y_true, y_pred) -> (batch, ...) of values, and a class that compile takes,
by name or as an object. As in Keras, probabilities are divided by their sum and clipped to
[1e-7, 1 - 1e-7] before a logarithm; with from_logits=True, predictions are unnormalised logits, and
the formula is the stable one that needs no clipping. A model whose last activation is the one that
belongs to the loss (softmax for the categorical ones, sigmoid for the binary one) is trained on the
logits, and the loss that fit and evaluate report is that of the logits, not clipped: where a
saturated model is wrong, it is 200.0, say, where the clipped function of probabilities says 16.1.

A loss of one's own is a function of (y_true, y_pred), or a subclass of Loss that defines call.
"""

from __future__ import annotations

import copy

import numpy as np

import pytensor as pt
from pytensor import activations
from pytensor._arguments import check_below, lookup, snake_case
from pytensor._core import Tensor
from pytensor.nn import softmax_cross_entropy, sparse_softmax_cross_entropy
from pytensor.serialization import Configurable

__all__ = [
    "BinaryCrossentropy", "CategoricalCrossentropy", "Loss", "MeanSquaredError",
    "SparseCategoricalCrossentropy", "binary_crossentropy", "categorical_crossentropy", "get",
    "mean_squared_error", "sparse_categorical_crossentropy",
]

EPSILON = 1e-7  # Keras's backend.epsilon()


# --------------------------------------------------------------------------------- functions


def categorical_crossentropy(y_true, y_pred, from_logits=False):
    """-sum(y_true * log(y_pred)) over the classes.

    y_true: one-hot rows or probabilities, y_pred: probabilities or logits; both (..., classes).
    Returns: (...).
    Raises: ValueError when the shapes differ.
    """
    y_true, y_pred = _same_shapes("categorical_crossentropy", y_true, y_pred)
    if from_logits:
        return softmax_cross_entropy(y_pred, y_true)
    return -(y_true * _log_probabilities(y_pred)).sum(axis=-1)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False):
    """-log(y_pred[label]): categorical cross-entropy with class numbers for targets.

    y_true: integers in [0, classes), (...) or (..., 1); y_pred: probabilities or logits,
    (..., classes). Returns: (...).
    Raises: ValueError for a label out of range, with its position, or when the shapes differ.
    """
    y_pred = _predictions(y_pred)
    labels = class_numbers("sparse_categorical_crossentropy", y_true, y_pred.shape)
    if from_logits:
        return sparse_softmax_cross_entropy(y_pred, labels)
    classes = y_pred.shape[-1]
    rows = _log_probabilities(y_pred).reshape((labels.size, classes))
    chosen = rows[pt.arange(labels.size), labels.reshape((labels.size,))]
    return -chosen.reshape(labels.shape)


def binary_crossentropy(y_true, y_pred, from_logits=False):
    """-(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred)), mean over the last axis.

    y_true: 0 or 1, or probabilities; y_pred: probabilities or logits; both (..., outputs); (...) is
    taken as (..., 1). Returns: (...).
    Raises: ValueError when the shapes differ.
    """
    y_true, y_pred = _same_shapes("binary_crossentropy", y_true, y_pred)
    if from_logits:
        # log(1 + exp(x)) - x * t. At x = 0, where maximum passes half of the gradient and abs none,
        # the derivative is 1/2 - t, as it should be; relu would make it -t.
        return (pt.maximum(y_pred, 0.0) - y_pred * y_true
                + pt.log1p(pt.exp(-abs(y_pred)))).mean(axis=-1)
    p = pt.clip(y_pred, EPSILON, 1 - EPSILON)
    return -(y_true * pt.log(p) + (1 - y_true) * pt.log(1 - p)).mean(axis=-1)


def mean_squared_error(y_true, y_pred):
    """(y_pred - y_true)**2, mean over the last axis.

    y_true, y_pred: (..., outputs); (...) is taken as (..., 1). Returns: (...).
    Raises: ValueError when the shapes differ.
    """
    y_true, y_pred = _same_shapes("mean_squared_error", y_true, y_pred)
    return pt.square(y_pred - y_true).mean(axis=-1)


def _log_probabilities(y_pred):
    """log(y_pred) with Keras's normalisation and clipping."""
    return pt.log(pt.clip(y_pred / y_pred.sum(axis=-1, keepdims=True), EPSILON, 1 - EPSILON))


def _predictions(y_pred):
    """Predictions as a floating-point tensor."""
    if type(y_pred) is not Tensor:
        y_pred = pt.asarray(y_pred)
    return y_pred if y_pred.dtype.kind == "f" else y_pred.astype(pt.float32)


def _same_shapes(name, y_true, y_pred):
    """Both as tensors of one shape and floating-point dtype."""
    y_pred = _predictions(y_pred)
    y_true = match_shape(name, y_true, y_pred.shape)
    return y_true.astype(y_pred.dtype, copy=False), y_pred


def match_shape(name, y_true, shape):
    """Targets as a tensor of the predictions' shape; (n,) is taken as (n, 1)."""
    if type(y_true) is not Tensor:
        y_true = pt.asarray(y_true)
    if y_true.shape != shape:
        if shape[-1:] != (1,) or y_true.shape != shape[:-1]:
            raise ValueError(f"{name}: targets of shape {y_true.shape}: expected {shape}, the "
                             "shape of the predictions")
        y_true = y_true.reshape(shape)
    return y_true


def class_numbers(name, y_true, shape):
    """Labels for predictions of a shape (..., classes): an int64 tensor (...), each checked."""
    if type(y_true) is not Tensor:
        y_true = pt.asarray(y_true)
    if y_true.shape != shape[:-1]:
        if y_true.shape != (*shape[:-1], 1):
            raise ValueError(f"{name}: labels of shape {y_true.shape}: expected {shape[:-1]}, "
                             f"integers, for predictions of shape {shape}")
        y_true = y_true.reshape(shape[:-1])
    labels = y_true.astype(pt.int64, copy=False)
    if labels.size and (labels is not y_true or labels.min().item() < 0
                        or labels.max().item() >= shape[-1]):
        check_below(f"{name}: label", np.asarray(y_true), shape[-1],
                    f", one of {shape[-1]} classes")
    return labels


# ----------------------------------------------------------------------------------- classes


class Loss(Configurable):
    """Base class: a subclass defines call(y_true, y_pred), the values per sample.

    dtype: that of the targets which call gets; None leaves integers what they are and makes other
        floats float32.
    activation: the activation whose logits the loss can take instead of its outputs, or None.
    """

    dtype = pt.float32
    activation = None
    from_logits = False

    def __init__(self, name=None):
        """Name: by default the class's in snake case."""
        self.name = snake_case(type(self).__name__) if name is None else name

    def call(self, y_true, y_pred):
        """Return the loss of each sample, (batch, ...)."""
        raise NotImplementedError(f"{type(self).__name__} does not define call(self, y_true, "
                                  "y_pred)")

    def __call__(self, y_true, y_pred):
        """Return the mean of the losses, a tensor of shape ()."""
        return self.call(y_true, y_pred).mean()

    def targets(self, y, shape):
        """Check the targets of a data set once, before the first step.

        y: a tensor (n, ...); shape: that of the predictions for it. Returns: y as call takes it.
        """
        if shape[1:] == (1,) and y.ndim == 1:
            y = y.reshape(shape)
        return y


class MeanSquaredError(Loss):
    """Mean of (y_pred - y_true)**2; see mean_squared_error."""

    def call(self, y_true, y_pred):
        """Return the loss of each sample."""
        return mean_squared_error(y_true, y_pred)

    def targets(self, y, shape):
        """Check that y has the predictions' shape."""
        return match_shape("y", y, shape)


class _Crossentropy(Loss):
    """What the cross-entropies share: they take probabilities or, from_logits, what precedes."""

    def __init__(self, from_logits=False, name=None):
        """from_logits: whether predictions are logits instead of probabilities."""
        super().__init__(name)
        self.from_logits = bool(from_logits)

    def on_logits(self):
        """Return the same loss as a function of the logits."""
        loss = copy.copy(self)
        loss.from_logits = True
        return loss


class CategoricalCrossentropy(_Crossentropy):
    """Cross-entropy with one-hot targets; see categorical_crossentropy."""

    activation = staticmethod(activations.softmax)

    def call(self, y_true, y_pred):
        """Return the loss of each sample."""
        return categorical_crossentropy(y_true, y_pred, self.from_logits)

    def targets(self, y, shape):
        """Check that y has the predictions' shape."""
        if y.ndim == len(shape) - 1 or y.shape[-1] == 1 != shape[-1]:
            raise ValueError(f"y: shape {y.shape}: expected {shape}, one-hot rows; for class "
                             "numbers use sparse_categorical_crossentropy, or turn them into rows "
                             "with utils.to_categorical")
        return match_shape("y", y, shape)


class SparseCategoricalCrossentropy(_Crossentropy):
    """Cross-entropy with class numbers; see sparse_categorical_crossentropy."""

    activation = staticmethod(activations.softmax)
    dtype = pt.int64

    def call(self, y_true, y_pred):
        """Return the loss of each sample."""
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits)

    def targets(self, y, shape):
        """Check that every label is one of the classes."""
        return class_numbers("y", y, shape)


class BinaryCrossentropy(_Crossentropy):
    """Cross-entropy of independent yes-or-no outputs; see binary_crossentropy."""

    activation = staticmethod(activations.sigmoid)

    def call(self, y_true, y_pred):
        """Return the loss of each sample."""
        return binary_crossentropy(y_true, y_pred, self.from_logits)

    def targets(self, y, shape):
        """Check that y has the predictions' shape."""
        return match_shape("y", y, shape)


class FunctionLoss(Loss):
    """A function (y_true, y_pred) -> losses, or their mean, as a Loss."""

    dtype = None

    def __init__(self, function, name=None):
        """Function: of two tensors."""
        super().__init__(getattr(function, "__name__", None) if name is None else name)
        self.call = self.function = function


_CLASSES = {
    binary_crossentropy: BinaryCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    mean_squared_error: MeanSquaredError,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
}
_BY_NAME = {function.__name__: cls for function, cls in _CLASSES.items()}
_BY_NAME |= {cls.__name__: cls for cls in _CLASSES.values()}
_BY_NAME |= {"mse": MeanSquaredError, "MSE": MeanSquaredError}


def get(identifier):
    """Return the Loss of that name, class or function; a Loss stays itself.

    Raises:
        ValueError: no loss has that name.
        TypeError: identifier is neither a name nor callable.
    """
    if isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if callable(identifier):
        known = _CLASSES.get(identifier)
        return FunctionLoss(identifier) if known is None else known()
    return lookup("loss", identifier, _BY_NAME)()
