"""Losses: how far predictions are from targets, one number per sample, and their mean.

Each loss is a function (y_true, y_pred) -> (batch, ...) of values, and a class that compile takes,
by name or as an object. As in Keras, probabilities are divided by their sum and clipped to
[1e-7, 1 - 1e-7] before a logarithm; with from_logits=True, predictions are unnormalised logits, and
the formula is the stable one that needs no clipping: what an infinite logit gets right costs 0,
what it gets wrong inf. A model whose last activation is the one that belongs to the loss (softmax
for the categorical ones, sigmoid for the binary one) is trained on the logits, and the loss that
fit and evaluate report is that of the logits, not clipped: where a saturated model is wrong, it is
200.0, say, where the clipped function of probabilities says 16.1.

Weights of samples multiply their losses; the mean is still over the number of samples, as in Keras.

A loss of one's own is a function of (y_true, y_pred), or a subclass of Loss that defines call.
"""

from __future__ import annotations

import copy
import math
import types

import numpy as np

from pytensor import _functions as pt
from pytensor import activations
from pytensor._core import Tensor
from pytensor._functions.overflow import all_finite, unit
from pytensor._support.arguments import check_below, number, snake_case
from pytensor.nn import softmax_cross_entropy, sparse_softmax_cross_entropy
from pytensor.serialization import Configurable, by_name, resolve

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]

EPSILON = 1e-7  # Keras's backend.epsilon()


# --------------------------------------------------------------------------------- functions


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0):
    """-sum(y_true * log(y_pred)) over the classes.

    y_true: one-hot rows or probabilities, y_pred: probabilities or logits; both (..., classes).
    label_smoothing: the share of y_true that is spread over all classes alike.
    Returns: (...).
    Raises: ValueError when the shapes differ.

    >>> pt.losses.categorical_crossentropy([[0.0, 1.0]], [[0.2, 0.8]])
    Tensor([0.22314353], dtype=float32)
    """
    y_true, y_pred = _same_shapes("categorical_crossentropy", y_true, y_pred)
    if label_smoothing:
        y_true = _smoothed(y_true, label_smoothing, y_pred.shape[-1])
    if from_logits:
        return softmax_cross_entropy(y_pred, y_true)
    return -(y_true * _log_probabilities(y_pred)).sum(axis=-1)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False):
    """-log(y_pred[label]): categorical cross-entropy with class numbers for targets.

    y_true: integers in [0, classes), (...) or (..., 1); y_pred: probabilities or logits,
    (..., classes). Returns: (...).
    Raises: ValueError for a label out of range, with its position, or when the shapes differ.

    >>> pt.losses.sparse_categorical_crossentropy([1], [[0.2, 0.8]])
    Tensor([0.22314353], dtype=float32)
    """
    y_pred = _predictions(y_pred)
    labels = class_numbers("sparse_categorical_crossentropy", y_true, y_pred.shape)
    if from_logits:
        return sparse_softmax_cross_entropy(y_pred, labels)
    classes = y_pred.shape[-1]
    rows = _log_probabilities(y_pred).reshape((labels.size, classes))
    chosen = rows[pt.arange(labels.size), labels.reshape((labels.size,))]
    return -chosen.reshape(labels.shape)


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0):
    """-(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred)), mean over the last axis.

    y_true: 0 or 1, or probabilities; y_pred: probabilities or logits; both (..., outputs); (...) is
    taken as (..., 1). label_smoothing: the share of y_true that becomes 1/2. Returns: (...).
    Raises: ValueError when the shapes differ.

    >>> pt.losses.binary_crossentropy([[1.0], [0.0]], [[0.9], [0.2]])
    Tensor([0.10536055, 0.22314353], dtype=float32)
    """
    y_true, y_pred = _same_shapes("binary_crossentropy", y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, 2)
    return _finite_or_limit(
        lambda times: _binary_losses(y_true, y_pred, from_logits, times).mean(axis=-1)
    )


def _binary_losses(y_true, y_pred, from_logits, times):
    if from_logits:
        # log(1 + exp(x)) - x * t. At x = 0, where maximum passes half of the gradient and abs none,
        # the derivative is 1/2 - t, as it should be; relu would make it -t.
        losses = pt.maximum(y_pred, 0.0) - y_pred * y_true + pt.log1p(pt.exp(-abs(y_pred)))
        if times is pt.multiply:
            return losses
        size = abs(y_pred)
        return pt.where(
            size == math.inf, times(pt.where(y_pred > 0, 1 - y_true, y_true), size), losses
        )
    p = pt.clip(y_pred, EPSILON, 1 - EPSILON)
    return -(y_true * pt.log(p) + (1 - y_true) * pt.log(1 - p))


def binary_focal_crossentropy(
    y_true,
    y_pred,
    apply_class_balancing=False,
    alpha=0.25,
    gamma=2.0,
    from_logits=False,
    label_smoothing=0.0,
):
    """Binary cross-entropy times (1 - p)**gamma, p being the probability that the target gets: what
    is right already counts less (Lin et al. 2018). Mean over the last axis.

    apply_class_balancing: weigh 1 by alpha and 0 by 1 - alpha. All else: as binary_crossentropy.

    >>> pt.losses.binary_focal_crossentropy([[1.0], [0.0]], [[0.9], [0.2]])
    Tensor([0.00105361, 0.00892574], dtype=float32)
    """
    y_true, y_pred = _same_shapes("binary_focal_crossentropy", y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, 2)
    if from_logits:  # at least EPSILON: 0**gamma has no slope for gamma < 1
        missed = pt.maximum(
            y_true * pt.sigmoid(-y_pred) + (1 - y_true) * pt.sigmoid(y_pred), EPSILON
        )
    else:
        missed = 1 - (y_true * y_pred + (1 - y_true) * (1 - y_pred))
    factor = missed**gamma
    if apply_class_balancing:
        factor = factor * (y_true * alpha + (1 - y_true) * (1 - alpha))
    return _finite_or_limit(
        lambda times: times(factor, _binary_losses(y_true, y_pred, from_logits, times)).mean(
            axis=-1
        )
    )


def categorical_focal_crossentropy(
    y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0
):
    """Categorical cross-entropy, each class's term times alpha * (1 - y_pred)**gamma (Lin et al.
    2018). All else: as categorical_crossentropy.

    >>> pt.losses.categorical_focal_crossentropy([[0.0, 1.0]], [[0.2, 0.8]])
    Tensor([0.00223144], dtype=float32)
    """
    y_true, y_pred = _same_shapes("categorical_focal_crossentropy", y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, y_pred.shape[-1])
    if from_logits:
        log_p = pt.log_softmax(y_pred)
        p = pt.clip(pt.exp(log_p), EPSILON, 1 - EPSILON)
    else:
        p = _probabilities(y_pred)
        log_p = pt.log(p)
    share = alpha * (1 - p) ** gamma * y_true
    return _finite_or_limit(lambda times: -times(share, log_p).sum(axis=-1))


def mean_squared_error(y_true, y_pred):
    """(y_pred - y_true)**2, mean over the last axis.

    y_true, y_pred: (..., outputs); (...) is taken as (..., 1). Returns: (...).
    Raises: ValueError when the shapes differ.

    >>> pt.losses.mean_squared_error([[0.0, 1.0]], [[2.0, 2.0]])
    Tensor([2.5], dtype=float32)
    """
    y_true, y_pred = _same_shapes("mean_squared_error", y_true, y_pred)
    return pt.square(y_pred - y_true).mean(axis=-1)


def mean_absolute_error(y_true, y_pred):
    """abs(y_pred - y_true), mean over the last axis; shapes as for mean_squared_error.

    >>> pt.losses.mean_absolute_error([[0.0, 1.0]], [[2.0, 2.0]])
    Tensor([1.5], dtype=float32)
    """
    y_true, y_pred = _same_shapes("mean_absolute_error", y_true, y_pred)
    return abs(y_pred - y_true).mean(axis=-1)


def mean_absolute_percentage_error(y_true, y_pred):
    """100 * abs((y_pred - y_true) / y_true), mean over the last axis; no divisor is below 1e-7.

    Shapes as for mean_squared_error.

    >>> pt.losses.mean_absolute_percentage_error([[1.0, 2.0]], [[2.0, 2.0]])
    Tensor([50.], dtype=float32)
    """
    y_true, y_pred = _same_shapes("mean_absolute_percentage_error", y_true, y_pred)
    return 100 * abs((y_true - y_pred) / pt.maximum(abs(y_true), EPSILON)).mean(axis=-1)


def mean_squared_logarithmic_error(y_true, y_pred):
    """(log(1 + y_pred) - log(1 + y_true))**2, mean over the last axis; what is below 1e-7 counts as
    that. Shapes as for mean_squared_error.

    >>> pt.losses.mean_squared_logarithmic_error([[0.0, 1.0]], [[2.0, 2.0]])
    Tensor([0.6856754], dtype=float32)
    """
    y_true, y_pred = _same_shapes("mean_squared_logarithmic_error", y_true, y_pred)
    logs = [pt.log(pt.maximum(y, EPSILON) + 1) for y in (y_pred, y_true)]
    return pt.square(logs[0] - logs[1]).mean(axis=-1)


def cosine_similarity(y_true, y_pred):
    """-cos of the angle between y_true and y_pred, vectors along the last axis: -1 for the same
    direction. Shapes as for mean_squared_error.

    >>> pt.losses.cosine_similarity([[1.0, 0.0]], [[3.0, 4.0]])
    Tensor([-0.6], dtype=float32)
    """
    y_true, y_pred = _same_shapes("cosine_similarity", y_true, y_pred)
    units = [unit(y, -1, 1e-12) for y in (y_true, y_pred)]
    return -(units[0] * units[1]).sum(axis=-1)


def huber(y_true, y_pred, delta=1.0):
    """error**2 / 2 where abs(error) <= delta, else delta * abs(error) - delta**2 / 2: mean over the
    last axis (Huber 1964). Shapes as for mean_squared_error.

    >>> pt.losses.huber([[0.0], [0.0]], [[0.5], [3.0]])
    Tensor([0.125, 2.5  ], dtype=float32)
    """
    y_true, y_pred = _same_shapes("huber", y_true, y_pred)
    error = abs(y_pred - y_true)
    return pt.where(error <= delta, 0.5 * pt.square(error), delta * error - 0.5 * delta**2).mean(
        axis=-1
    )


def log_cosh(y_true, y_pred):
    """log(cosh(y_pred - y_true)), without overflow, mean over the last axis; shapes as for
    mean_squared_error.

    >>> pt.losses.log_cosh([[0.0]], [[2.0]])
    Tensor([1.3250027], dtype=float32)
    """
    y_true, y_pred = _same_shapes("log_cosh", y_true, y_pred)
    error = y_pred - y_true
    losses = error + pt.softplus(-2 * error) - math.log(2)
    return _finite_or_limit(
        lambda times: (
            losses if times is pt.multiply else pt.where(error == -math.inf, -error, losses)
        ).mean(axis=-1)
    )


def kl_divergence(y_true, y_pred):
    """y_true * log(y_true / y_pred), sum over the last axis; both are limited to [1e-7, 1].

    Shapes as for mean_squared_error.

    >>> pt.losses.kl_divergence([[0.5, 0.5]], [[0.2, 0.8]])
    Tensor([0.22314356], dtype=float32)
    """
    y_true, y_pred = (
        pt.clip(y, EPSILON, 1.0) for y in _same_shapes("kl_divergence", y_true, y_pred)
    )
    return (y_true * pt.log(y_true / y_pred)).sum(axis=-1)


def poisson(y_true, y_pred):
    """y_pred - y_true * log(y_pred + 1e-7), mean over the last axis; shapes as for
    mean_squared_error.

    >>> pt.losses.poisson([[1.0, 2.0]], [[1.0, 2.0]])
    Tensor([0.80685276], dtype=float32)
    """
    y_true, y_pred = _same_shapes("poisson", y_true, y_pred)
    losses = y_pred - y_true * pt.log(y_pred + EPSILON)
    return _finite_or_limit(
        lambda times: (
            losses
            if times is pt.multiply
            else pt.where((y_pred == math.inf) & (y_true < math.inf), y_pred, losses)
        ).mean(axis=-1)
    )


def hinge(y_true, y_pred):
    """max(1 - y_true * y_pred, 0), mean over the last axis.

    y_true: -1 or 1; a batch of nothing but 0 and 1 is taken as such. Shapes as for
    mean_squared_error.

    >>> pt.losses.hinge([[1.0], [-1.0]], [[0.5], [0.5]])
    Tensor([0.5, 1.5], dtype=float32)
    """
    return _margins("hinge", y_true, y_pred).mean(axis=-1)


def squared_hinge(y_true, y_pred):
    """max(1 - y_true * y_pred, 0)**2, mean over the last axis; all else as for hinge.

    >>> pt.losses.squared_hinge([[1.0], [-1.0]], [[0.5], [0.5]])
    Tensor([0.25, 2.25], dtype=float32)
    """
    return pt.square(_margins("squared_hinge", y_true, y_pred)).mean(axis=-1)


def _margins(name, y_true, y_pred):
    y_true, y_pred = _same_shapes(name, y_true, y_pred)
    if bool(((y_true == 0) | (y_true == 1)).all()):
        y_true = 2 * y_true - 1
    return pt.maximum(1 - y_true * y_pred, 0.0)


def categorical_hinge(y_true, y_pred):
    """max(1 + the largest y_pred of a wrong class - y_pred of the right class, 0).

    y_true: one-hot rows, y_pred: any numbers; both (..., classes). Returns: (...).

    >>> pt.losses.categorical_hinge([[0.0, 1.0]], [[0.2, 0.8]])
    Tensor([0.39999998], dtype=float32)
    """
    y_true, y_pred = _same_shapes("categorical_hinge", y_true, y_pred)

    def hinges(times):
        right = times(y_true, y_pred).sum(axis=-1)
        wrong = times(1 - y_true, y_pred).max(axis=-1)
        return pt.maximum(wrong - right + 1, 0.0)

    return _finite_or_limit(hinges)


def _finite_or_limit(losses):
    """losses(multiply), or where these are not all finite, their limits for infinite predictions:
    losses(times), where times(share, x) multiplies, but 0 times infinity is 0."""
    found = losses(pt.multiply)
    return found if all_finite(found) else losses(_times)


def _times(share, x):
    return pt.where(share == 0, 0.0, share * x)


def _smoothed(y_true, share, n_classes):
    """Targets with a share of them spread over all classes."""
    return y_true * (1 - share) + share / n_classes if share else y_true


def _log_probabilities(y_pred):
    """log(y_pred) with Keras's normalisation and clipping."""
    return pt.log(_probabilities(y_pred))


def _probabilities(y_pred):
    return pt.clip(y_pred / y_pred.sum(axis=-1, keepdims=True), EPSILON, 1 - EPSILON)


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
    """Targets as a tensor of the predictions' shape; (n,) is taken as (n, 1), and back."""
    if type(y_true) is not Tensor:
        y_true = pt.asarray(y_true)
    if y_true.shape != shape:
        if y_true.shape != (*shape, 1) and (shape[-1:] != (1,) or y_true.shape != shape[:-1]):
            raise ValueError(
                f"{name}: targets of shape {y_true.shape}: expected {shape}, the "
                "shape of the predictions"
            )
        y_true = y_true.reshape(shape)
    return y_true


# The functions that are a mean over outputs, the last axis, of what is computed for each alone.
_MEANS_OF_OUTPUTS = frozenset(
    [
        binary_crossentropy,
        binary_focal_crossentropy,
        hinge,
        huber,
        log_cosh,
        mean_absolute_error,
        mean_absolute_percentage_error,
        mean_squared_error,
        mean_squared_logarithmic_error,
        poisson,
        squared_hinge,
    ]
)


def by_output(function, y_true, y_pred, sample_weight):
    """Targets and predictions as a mean over outputs should take them, others as they are.

    Where single outputs have weights, or predictions have no axis but that of samples, each gets an
    axis of its own: then the mean is over that, and there is a value for each.
    """
    if not isinstance(function, types.FunctionType) or function not in _MEANS_OF_OUTPUTS:
        return y_true, y_pred
    if type(y_pred) is not Tensor:
        y_pred = pt.asarray(y_pred)
    if y_pred.ndim != 1:
        if sample_weight is None:
            return y_true, y_pred
        shape = pt.asarray(sample_weight).shape
        if len(shape) != y_pred.ndim or shape[-1:] == (1,):
            return y_true, y_pred
    y_true = match_shape(function.__name__, y_true, y_pred.shape)
    return y_true.reshape((*y_true.shape, 1)), y_pred.reshape((*y_pred.shape, 1))


def _check_range(y, low, high, expected):
    """Check the targets of a data set once; name the first that is not in [low, high]."""
    if not (y.min().item() >= low and y.max().item() <= high):  # which NaN is not
        values = np.asarray(y)
        place = tuple(int(i[0]) for i in (~((values >= low) & (values <= high))).nonzero())
        raise ValueError(f"y: found {values[place]} in row {place[0]}: expected {expected}")


def class_numbers(name, y_true, shape):
    """Labels for predictions of a shape (..., classes): an int64 tensor (...), each checked."""
    if type(y_true) is not Tensor:
        y_true = pt.asarray(y_true)
    if y_true.shape != shape[:-1]:
        if y_true.shape != (*shape[:-1], 1):
            raise ValueError(
                f"{name}: labels of shape {y_true.shape}: expected {shape[:-1]}, "
                f"integers, for predictions of shape {shape}"
            )
        y_true = y_true.reshape(shape[:-1])
    labels = y_true.astype(pt.int64, copy=False)
    if labels.size and (
        labels is not y_true or labels.min().item() < 0 or labels.max().item() >= shape[-1]
    ):
        check_below(
            f"{name}: label", np.asarray(y_true), shape[-1], f", one of {shape[-1]} classes"
        )
    return labels


# ----------------------------------------------------------------------------------- classes


REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)


class Loss(Configurable):
    """Base class: a subclass defines call(y_true, y_pred), the values per sample.

    reduction: what becomes of the values: "sum_over_batch_size" or "mean", their mean; "sum";
        "mean_with_sample_weight", their sum divided by that of the weights; None, themselves.
    dtype: that of the targets which call gets; None leaves integers what they are and makes other
        floats float32.
    activation: the activation whose logits the loss can take instead of its outputs, or None.

    >>> class Cubed(pt.losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return pt.mean(pt.abs(y_true - y_pred) ** 3, axis=-1)
    ...
    >>> Cubed()(pt.zeros((2, 1)), pt.full((2, 1), 2.0))
    Tensor(8., dtype=float32)
    """

    dtype = pt.float32
    activation = None
    from_logits = False
    function = None
    reduction = "sum_over_batch_size"

    def __init__(self, name=None, reduction="sum_over_batch_size"):
        """Name: by default the class's in snake case; reduction: as above."""
        self.name = snake_case(type(self).__name__) if name is None else name
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"{self.name}: reduction: found {reduction!r}: expected one of "
                f"{', '.join(map(repr, REDUCTIONS))}"
            )
        self.reduction = reduction

    def call(self, y_true, y_pred):
        """Return the loss of each sample, (batch, ...)."""
        raise NotImplementedError(
            f"{type(self).__name__} does not define call(self, y_true, y_pred)"
        )

    def __call__(self, y_true, y_pred, sample_weight=None):
        """Return the mean of the losses, a tensor of shape (), or what else reduction says.

        sample_weight: of the shape of the losses, or of their first axes, to multiply them with; of
            the shape of y_true where the loss is a mean over outputs. Axes of length 1 broadcast.
        Raises: ValueError when it has another shape.
        """
        if sample_weight is not None:
            y_true, y_pred = by_output(self.function, y_true, y_pred, sample_weight)
        values = self.call(y_true, y_pred)
        if sample_weight is not None:
            weights = weights_like(values, sample_weight)
            values = values * weights
        if self.reduction == "sum_over_batch_size" or self.reduction == "mean":
            return values.mean()
        if self.reduction is None or self.reduction == "none":
            return values
        total = values.sum()
        if self.reduction == "sum":
            return total
        count = values.size if sample_weight is None else weights.sum().item()
        return total / count if count else total * 0.0

    def targets(self, y, shape):
        """Check the targets of a data set once, before the first step.

        y: a tensor (n, ...); shape: that of the predictions for it. Returns: y as call takes it.
        """
        if shape[1:] == (1,) and y.ndim == 1:
            y = y.reshape(shape)
        return y


def weights_like(values, weights):
    """Weights of samples as a tensor that broadcasts with their values, (batch, ...)."""
    weights = pt.asarray(weights)
    weights = weights.astype(values.dtype if values.dtype.kind == "f" else pt.float32, copy=False)
    if weights.shape == (*values.shape, 1):
        weights = weights.reshape(values.shape)
    shape = (*weights.shape, *[1] * (values.ndim - weights.ndim))
    if len(shape) > values.ndim or any(
        n != 1 and n != length for n, length in zip(shape, values.shape, strict=True)
    ):
        raise ValueError(
            f"sample_weight: found shape {weights.shape}: expected {values.shape}, "
            "that of the losses, or of its first axes"
        )
    return weights.reshape(shape)


_PROBABILITIES = (0, 1, "0, 1 or a probability")
_SIGNS = (-1, 1, "-1 or 1, or 0 or 1")


class _OfFunction(Loss):
    """Base of those that are the mean of a function without options, of targets and predictions of
    one shape."""

    def __init__(self, reduction="sum_over_batch_size", name=None):
        """Reduction, name: as in Loss."""
        super().__init__(name, reduction)

    def call(self, y_true, y_pred):
        """Return the loss of each sample."""
        return self.function(y_true, y_pred)

    limits = None  # (low, high, what is expected), where not all targets have a meaning

    def targets(self, y, shape):
        """Check that y has the predictions' shape, and values that the loss is meant for."""
        y = match_shape("y", y, shape)
        if self.limits is not None and y.size and y.dtype.kind in "fiu":
            _check_range(y, *self.limits)
        return y


class MeanSquaredError(_OfFunction):
    """Mean of (y_pred - y_true)**2; see mean_squared_error.

    >>> pt.losses.MeanSquaredError()([[0.0], [1.0]], [[2.0], [2.0]])
    Tensor(2.5, dtype=float32)
    """

    function = staticmethod(mean_squared_error)


class MeanAbsoluteError(_OfFunction):
    """Mean of abs(y_pred - y_true); see mean_absolute_error.

    >>> pt.losses.MeanAbsoluteError()([[0.0], [1.0]], [[2.0], [2.0]])
    Tensor(1.5, dtype=float32)
    """

    function = staticmethod(mean_absolute_error)


class MeanAbsolutePercentageError(_OfFunction):
    """Mean of the errors in percent; see mean_absolute_percentage_error.

    >>> pt.losses.MeanAbsolutePercentageError()([[1.0], [2.0]], [[2.0], [2.0]])
    Tensor(50., dtype=float32)
    """

    function = staticmethod(mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(_OfFunction):
    """Mean of the squared differences of logarithms; see mean_squared_logarithmic_error.

    >>> pt.losses.MeanSquaredLogarithmicError()([[0.0], [1.0]], [[2.0], [2.0]])
    Tensor(0.6856754, dtype=float32)
    """

    function = staticmethod(mean_squared_logarithmic_error)


class CosineSimilarity(_OfFunction):
    """Minus the cosine of the angle between targets and predictions; see cosine_similarity.

    >>> pt.losses.CosineSimilarity()([[1.0, 0.0]], [[3.0, 4.0]])
    Tensor(-0.6, dtype=float32)
    """

    function = staticmethod(cosine_similarity)


class LogCosh(_OfFunction):
    """Mean of log(cosh(y_pred - y_true)); see log_cosh.

    >>> pt.losses.LogCosh()([[0.0]], [[2.0]])
    Tensor(1.3250027, dtype=float32)
    """

    function = staticmethod(log_cosh)


class KLDivergence(_OfFunction):
    """How far one distribution is from another; see kl_divergence.

    >>> pt.losses.KLDivergence()([[0.5, 0.5]], [[0.2, 0.8]])
    Tensor(0.22314356, dtype=float32)
    """

    limits = _PROBABILITIES
    function = staticmethod(kl_divergence)


class Poisson(_OfFunction):
    """For counts: minus the logarithm of their probability, up to a constant; see poisson.

    >>> pt.losses.Poisson()([[1.0], [2.0]], [[1.0], [2.0]])
    Tensor(0.80685276, dtype=float32)
    """

    limits = (0, math.inf, "a count, at least 0")
    function = staticmethod(poisson)


class Hinge(_OfFunction):
    """How much is missing to a margin of 1; see hinge.

    >>> pt.losses.Hinge()([[1.0], [-1.0]], [[0.5], [0.5]])
    Tensor(1., dtype=float32)
    """

    limits = _SIGNS
    function = staticmethod(hinge)


class SquaredHinge(_OfFunction):
    """The square of what is missing to a margin of 1; see squared_hinge.

    >>> pt.losses.SquaredHinge()([[1.0], [-1.0]], [[0.5], [0.5]])
    Tensor(1.25, dtype=float32)
    """

    limits = _SIGNS
    function = staticmethod(squared_hinge)


class CategoricalHinge(_OfFunction):
    """How much is missing to a margin of 1 over all wrong classes; see categorical_hinge.

    >>> pt.losses.CategoricalHinge()([[0.0, 1.0]], [[0.2, 0.8]])
    Tensor(0.39999998, dtype=float32)
    """

    limits = _PROBABILITIES
    function = staticmethod(categorical_hinge)


class Huber(_OfFunction):
    """Squares of small errors, sizes of large ones; see huber.

    >>> pt.losses.Huber()([[0.0], [0.0]], [[0.5], [3.0]])
    Tensor(1.3125, dtype=float32)
    """

    function = staticmethod(huber)

    def __init__(self, delta=1.0, reduction="sum_over_batch_size", name="huber_loss"):
        """Delta: where large errors begin, >= 0; reduction, name: as in Loss."""
        super().__init__(reduction, name)
        self.delta = number(f"{self.name}: delta", delta, 0)

    def call(self, y_true, y_pred):
        """Return the loss of each sample."""
        return huber(y_true, y_pred, self.delta)


class _Crossentropy(_OfFunction):
    """What the cross-entropies share: they take probabilities or, from_logits, what precedes."""

    def __init__(
        self, from_logits=False, label_smoothing=0.0, *, reduction="sum_over_batch_size", name=None
    ):
        """from_logits: whether predictions are logits instead of probabilities.

        label_smoothing: in [0, 1], the share of the targets that is spread over all classes.
        reduction, name: as in Loss.
        """
        super().__init__(reduction, name)
        self.from_logits = bool(from_logits)
        self.label_smoothing = number(f"{self.name}: label_smoothing", label_smoothing, 0, 1)

    def call(self, y_true, y_pred):
        """Return the loss of each sample."""
        return self.function(y_true, y_pred, self.from_logits, self.label_smoothing)

    def on_logits(self):
        """Return the same loss as a function of the logits."""
        loss = copy.copy(self)
        loss.from_logits = True
        return loss


class BinaryCrossentropy(_Crossentropy):
    """Cross-entropy of independent yes-or-no outputs; see binary_crossentropy.

    >>> pt.losses.BinaryCrossentropy()([[1.0], [0.0]], [[0.9], [0.2]])
    Tensor(0.16425204, dtype=float32)
    """

    activation = staticmethod(activations.sigmoid)
    limits = _PROBABILITIES
    function = staticmethod(binary_crossentropy)


class CategoricalCrossentropy(_Crossentropy):
    """Cross-entropy with one-hot targets; see categorical_crossentropy.

    >>> pt.losses.CategoricalCrossentropy()([[0.0, 1.0]], [[0.2, 0.8]])
    Tensor(0.22314353, dtype=float32)
    """

    activation = staticmethod(activations.softmax)
    limits = _PROBABILITIES
    function = staticmethod(categorical_crossentropy)

    def targets(self, y, shape):
        """Check that y has the predictions' shape."""
        if y.ndim == len(shape) - 1 or y.shape[-1] == 1 != shape[-1]:
            raise ValueError(
                f"y: shape {y.shape}: expected {shape}, one-hot rows; for class "
                "numbers use sparse_categorical_crossentropy, or turn them into rows "
                "with utils.to_categorical"
            )
        return super().targets(y, shape)


class SparseCategoricalCrossentropy(_Crossentropy):
    """Cross-entropy with class numbers; see sparse_categorical_crossentropy.

    >>> pt.losses.SparseCategoricalCrossentropy()([1], [[0.2, 0.8]])
    Tensor(0.22314353, dtype=float32)
    """

    activation = staticmethod(activations.softmax)
    dtype = pt.int64
    label_smoothing = 0.0

    def __init__(self, from_logits=False, *, reduction="sum_over_batch_size", name=None):
        """from_logits: whether predictions are logits instead of probabilities."""
        super().__init__(from_logits, reduction=reduction, name=name)

    def call(self, y_true, y_pred):
        """Return the loss of each sample."""
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits)

    def targets(self, y, shape):
        """Check that every label is one of the classes."""
        return class_numbers("y", y, shape)


class BinaryFocalCrossentropy(_OfFunction):
    """Binary cross-entropy where what is right already counts less; see binary_focal_crossentropy.

    >>> pt.losses.BinaryFocalCrossentropy()([[1.0], [0.0]], [[0.9], [0.2]])
    Tensor(0.00498967, dtype=float32)
    """

    function = staticmethod(binary_focal_crossentropy)
    limits = _PROBABILITIES

    def __init__(
        self,
        apply_class_balancing=False,
        alpha=0.25,
        gamma=2.0,
        from_logits=False,
        label_smoothing=0.0,
        *,
        reduction="sum_over_batch_size",
        name=None,
    ):
        """As the function's arguments; reduction, name: as in Loss."""
        super().__init__(reduction, name)
        self.apply_class_balancing = bool(apply_class_balancing)
        self.alpha = number(f"{self.name}: alpha", alpha, 0, 1)
        self.gamma = number(f"{self.name}: gamma", gamma, 0)
        self.from_logits = bool(from_logits)
        self.label_smoothing = number(f"{self.name}: label_smoothing", label_smoothing, 0, 1)

    def call(self, y_true, y_pred):
        """Return the loss of each sample."""
        return binary_focal_crossentropy(
            y_true,
            y_pred,
            self.apply_class_balancing,
            self.alpha,
            self.gamma,
            self.from_logits,
            self.label_smoothing,
        )


class CategoricalFocalCrossentropy(CategoricalCrossentropy):
    """Categorical cross-entropy where what is right already counts less; see
    categorical_focal_crossentropy.

    >>> pt.losses.CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.2, 0.8]])
    Tensor(0.00223144, dtype=float32)
    """

    activation = None

    def __init__(
        self,
        alpha=0.25,
        gamma=2.0,
        from_logits=False,
        label_smoothing=0.0,
        *,
        reduction="sum_over_batch_size",
        name=None,
    ):
        """As the function's arguments; reduction, name: as in Loss."""
        super().__init__(from_logits, label_smoothing, reduction=reduction, name=name)
        self.alpha = number(f"{self.name}: alpha", alpha, 0)
        self.gamma = number(f"{self.name}: gamma", gamma, 0)

    def call(self, y_true, y_pred):
        """Return the loss of each sample."""
        return categorical_focal_crossentropy(
            y_true, y_pred, self.alpha, self.gamma, self.from_logits, self.label_smoothing
        )


class FunctionLoss(Loss):
    """A function (y_true, y_pred) -> losses, or their mean, as a Loss."""

    dtype = None

    def __init__(self, function, name=None):
        """Function: of two tensors."""
        super().__init__(getattr(function, "__name__", None) if name is None else name)
        self.call = self.function = function


_CLASSES = (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
_BY_NAME = by_name(_CLASSES)
for _short, _class in {
    "bce": BinaryCrossentropy,
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "kld": KLDivergence,
}.items():
    _BY_NAME |= {_short: _class, _short.upper(): _class}
# Of the functions that have a class: what was passed to compile as one is trained as the other.
_BY_FUNCTION = {
    globals()[name]: cls
    for name, cls in _BY_NAME.items()
    if callable(globals().get(name)) and not isinstance(globals()[name], type)
}


def get(identifier):
    """Return the Loss of that name, class or function; a Loss stays itself.

    Raises:
        ValueError: no loss has that name.
        TypeError: identifier is neither a name nor callable.

    >>> pt.losses.get("mse")([[0.0]], [[2.0]])
    Tensor(4., dtype=float32)
    """
    if isinstance(identifier, types.FunctionType) and identifier in _BY_FUNCTION:
        return _BY_FUNCTION[identifier]()
    loss = resolve("loss", identifier, Loss, _BY_NAME)
    return loss if isinstance(loss, Loss) else FunctionLoss(loss)
