"""Losses: how far predictions are from targets, one number per sample, and their mean.

Each loss is a function (y_true, y_pred) -> (batch, ...) of values, and a class that compile takes,
by name or as an object. As in Keras, probabilities are divided by their sum and clipped to
[1e-7, 1 - 1e-7] before a logarithm. With from_logits=True, predictions are unnormalized logits, and
the formula is the stable one that needs no clipping: an infinite logit costs 0 if it is right, and
inf if it is wrong. If the last activation of a model is the one that belongs to the loss (softmax
for the categorical ones, sigmoid for the binary one), training uses the logits, and the loss that
fit and evaluate report is that of the logits, not clipped: a saturated model that is wrong may have
a loss of 200.0, say, for which the clipped function of probabilities returns 16.1.

Weights of samples multiply their losses; the mean is still over the number of samples, as in Keras.

A custom loss is a function of (y_true, y_pred), or a subclass of Loss that defines `call`.
"""

from __future__ import annotations

import copy
import math
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from pytensor import _core, activations
from pytensor import _functions as pt
from pytensor._core import Tensor
from pytensor._functions.overflow import all_finite, unit
from pytensor._support.arguments import check_below, integer, number, snake_case
from pytensor._support.inheritance import overridden
from pytensor._support.names import missing
from pytensor.nn import softmax_cross_entropy, sparse_softmax_cross_entropy
from pytensor.serialization import Configurable, by_name, resolve

if TYPE_CHECKING:
    from typing import Self, TypeAlias

    from numpy.typing import ArrayLike, DTypeLike

    # What `get` takes for a loss: an object, its class, name or config, or a function.
    LossLike: TypeAlias = (
        "str | Loss | type[Loss] | dict[str, Any] | Callable[[Tensor, Tensor], Tensor]"
    )
    _Times: TypeAlias = Callable[[Tensor, Tensor], Tensor]
    _Reduction: TypeAlias = Literal[
        "sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none"
    ]

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


def categorical_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, label_smoothing: float = 0.0
) -> Tensor:
    """Return the sum of -y_true * log(y_pred) over the classes.

    Args:
        y_true: the targets, one-hot rows or probabilities, (..., classes).
        y_pred: probabilities or logits, of the same shape.
        from_logits: whether predictions are logits.
        label_smoothing: the share of y_true that is spread evenly over all classes.

    Returns:
        The losses, (...).

    Raises:
        ValueError: the shapes differ.

    >>> pt.losses.categorical_crossentropy([[0.0, 1.0]], [[0.2, 0.8]])
    Tensor([0.22314353], dtype=float32)
    """
    y_true, y_pred = _same_shapes("categorical_crossentropy", y_true, y_pred)
    if label_smoothing:
        y_true = _smoothed(y_true, label_smoothing, y_pred.shape[-1])
    if from_logits:
        return softmax_cross_entropy(y_pred, y_true)
    return -(y_true * _log_probabilities(y_pred)).sum(axis=-1)


def sparse_categorical_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, ignore_class: int | None = None
) -> Tensor:
    """Return -log(y_pred[label]): categorical cross-entropy with class numbers as targets.

    Args:
        y_true: the labels, integers in [0, classes), (...) or (..., 1).
        y_pred: probabilities or logits, (..., classes).
        from_logits: whether predictions are logits.
        ignore_class: the label of what is to be left out, such as a background; its loss is 0.

    Returns:
        The losses, (...).

    Raises:
        ValueError: a label is out of range, or the shapes do not match.

    >>> pt.losses.sparse_categorical_crossentropy([1], [[0.2, 0.8]])
    Tensor([0.22314353], dtype=float32)
    """
    scores = _predictions(y_pred)
    if ignore_class is not None:
        kept, y_true = _without_class(y_true, ignore_class)
        losses = sparse_categorical_crossentropy(y_true, scores, from_logits)
        return pt.where(kept.reshape(losses.shape), losses, 0.0)
    labels = class_numbers("sparse_categorical_crossentropy", y_true, scores.shape)
    if from_logits:
        return sparse_softmax_cross_entropy(scores, labels)
    classes = scores.shape[-1]
    rows = _log_probabilities(scores).reshape((labels.size, classes))
    chosen = rows[pt.arange(labels.size), labels.reshape((labels.size,))]
    return -chosen.reshape(labels.shape)


def _without_class(y_true: ArrayLike, ignored: int) -> tuple[Tensor, Tensor]:
    """Return which labels are not the ignored one, and the labels with 0 in its place."""
    labels = as_tensor(y_true)
    kept = labels != ignored
    return kept, pt.where(kept, labels, 0)


def binary_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, label_smoothing: float = 0.0
) -> Tensor:
    """Return the mean over the last axis of the cross-entropy of yes-or-no outputs.

    It is -(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred)).

    Args:
        y_true: 0 or 1, or probabilities, (..., outputs); (...) is read as (..., 1).
        y_pred: probabilities or logits, of the same shape.
        from_logits: whether predictions are logits.
        label_smoothing: the share of y_true that becomes 1/2.

    Returns:
        The losses, (...).

    Raises:
        ValueError: the shapes differ.

    >>> pt.losses.binary_crossentropy([[1.0], [0.0]], [[0.9], [0.2]])
    Tensor([0.10536055, 0.22314353], dtype=float32)
    """
    y_true, y_pred = _same_shapes("binary_crossentropy", y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, 2)
    return _finite_or_limit(
        lambda times: _binary_losses(y_true, y_pred, from_logits, times).mean(axis=-1)
    )


def _binary_losses(y_true: Tensor, y_pred: Tensor, from_logits: bool, times: _Times) -> Tensor:
    if from_logits:
        # log(1 + exp(x)) - x * t. At x = 0, maximum passes half of the gradient and abs none, so
        # the derivative is 1/2 - t, as it should be; with relu it would be -t.
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
    y_true: ArrayLike,
    y_pred: ArrayLike,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return binary cross-entropy times (1 - p)**gamma, for the probability p of the target.

    Outputs that are right already count less (Lin et al. 2018). The result is the mean over the
    last axis.

    Args:
        y_true: 0 or 1, or probabilities, (..., outputs); (...) is read as (..., 1).
        y_pred: probabilities or logits, of the same shape.
        apply_class_balancing: whether to multiply losses by alpha for targets of 1, and by
            1 - alpha for targets of 0.
        alpha: see apply_class_balancing.
        gamma: the exponent, at least 0.
        from_logits: whether predictions are logits.
        label_smoothing: the share of y_true that becomes 1/2.

    Returns:
        The losses, (...).

    Raises:
        ValueError: the shapes differ.

    >>> pt.losses.binary_focal_crossentropy([[1.0], [0.0]], [[0.9], [0.2]])
    Tensor([0.00105361, 0.00892574], dtype=float32)
    """
    y_true, y_pred = _same_shapes("binary_focal_crossentropy", y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, 2)
    if from_logits:  # at least EPSILON, since 0**gamma has no derivative for gamma < 1
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
    y_true: ArrayLike,
    y_pred: ArrayLike,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return categorical cross-entropy with each class's term times alpha * (1 - y_pred)**gamma.

    Classes that are right already count less (Lin et al. 2018).

    Args:
        y_true: the targets, one-hot rows or probabilities, (..., classes).
        y_pred: probabilities or logits, of the same shape.
        alpha: a factor.
        gamma: the exponent, at least 0.
        from_logits: whether predictions are logits.
        label_smoothing: the share of y_true that is spread evenly over all classes.

    Returns:
        The losses, (...).

    Raises:
        ValueError: the shapes differ.

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


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Return the mean of (y_pred - y_true)**2 over the last axis.

    Args:
        y_true: the targets, (..., outputs); (...) is read as (..., 1).
        y_pred: the predictions, of the same shape.

    Returns:
        The losses, (...).

    Raises:
        ValueError: the shapes differ.

    >>> pt.losses.mean_squared_error([[0.0, 1.0]], [[2.0, 2.0]])
    Tensor([2.5], dtype=float32)
    """
    y_true, y_pred = _same_shapes("mean_squared_error", y_true, y_pred)
    return pt.square(y_pred - y_true).mean(axis=-1)


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Return the mean of abs(y_pred - y_true) over the last axis.

    Args:
        y_true: the targets, (..., outputs); (...) is read as (..., 1).
        y_pred: the predictions, of the same shape.

    Returns:
        The losses, (...).

    Raises:
        ValueError: the shapes differ.

    >>> pt.losses.mean_absolute_error([[0.0, 1.0]], [[2.0, 2.0]])
    Tensor([1.5], dtype=float32)
    """
    y_true, y_pred = _same_shapes("mean_absolute_error", y_true, y_pred)
    return abs(y_pred - y_true).mean(axis=-1)


def mean_absolute_percentage_error(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Return the mean of 100 * abs((y_pred - y_true) / y_true) over the last axis.

    Divisors are at least 1e-7.

    Args:
        y_true: the targets, (..., outputs); (...) is read as (..., 1).
        y_pred: the predictions, of the same shape.

    Returns:
        The losses, (...).

    Raises:
        ValueError: the shapes differ.

    >>> pt.losses.mean_absolute_percentage_error([[1.0, 2.0]], [[2.0, 2.0]])
    Tensor([50.], dtype=float32)
    """
    y_true, y_pred = _same_shapes("mean_absolute_percentage_error", y_true, y_pred)
    return 100 * abs((y_true - y_pred) / pt.maximum(abs(y_true), EPSILON)).mean(axis=-1)


def mean_squared_logarithmic_error(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Return the mean of (log(1 + y_pred) - log(1 + y_true))**2 over the last axis.

    Smaller numbers are replaced by 1e-7.

    Args:
        y_true: the targets, (..., outputs); (...) is read as (..., 1).
        y_pred: the predictions, of the same shape.

    Returns:
        The losses, (...).

    Raises:
        ValueError: the shapes differ.

    >>> pt.losses.mean_squared_logarithmic_error([[0.0, 1.0]], [[2.0, 2.0]])
    Tensor([0.6856754], dtype=float32)
    """
    y_true, y_pred = _same_shapes("mean_squared_logarithmic_error", y_true, y_pred)
    logs = [pt.log(pt.maximum(y, EPSILON) + 1) for y in (y_pred, y_true)]
    return pt.square(logs[0] - logs[1]).mean(axis=-1)


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Tensor:
    """Return minus the cosine of the angle between vectors: -1 for the same direction.

    Args:
        y_true: the targets.
        y_pred: the predictions, of the same shape.
        axis: the axis of the vectors.

    Returns:
        The losses, of the shape without that axis.

    Raises:
        ValueError: the shapes differ.

    >>> pt.losses.cosine_similarity([[1.0, 0.0]], [[3.0, 4.0]])
    Tensor([-0.6], dtype=float32)
    """
    y_true, y_pred = _same_shapes("cosine_similarity", y_true, y_pred)
    units = [unit(y, axis, 1e-12) for y in (y_true, y_pred)]
    return -(units[0] * units[1]).sum(axis=axis)


def huber(y_true: ArrayLike, y_pred: ArrayLike, delta: float = 1.0) -> Tensor:
    """Return the mean of a function of the error that is quadratic near 0, linear beyond delta.

    It is error**2 / 2 where abs(error) <= delta, else delta * abs(error) - delta**2 / 2
    (Huber 1964).

    Args:
        y_true: the targets, (..., outputs); (...) is read as (..., 1).
        y_pred: the predictions, of the same shape.
        delta: where the linear part begins, at least 0.

    Returns:
        The losses, (...).

    Raises:
        ValueError: the shapes differ.

    >>> pt.losses.huber([[0.0], [0.0]], [[0.5], [3.0]])
    Tensor([0.125, 2.5  ], dtype=float32)
    """
    y_true, y_pred = _same_shapes("huber", y_true, y_pred)
    error = abs(y_pred - y_true)
    return pt.where(error <= delta, 0.5 * pt.square(error), delta * error - 0.5 * delta**2).mean(
        axis=-1
    )


def log_cosh(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Return the mean of log(cosh(y_pred - y_true)) over the last axis, without overflow.

    Args:
        y_true: the targets, (..., outputs); (...) is read as (..., 1).
        y_pred: the predictions, of the same shape.

    Returns:
        The losses, (...).

    Raises:
        ValueError: the shapes differ.

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


def kl_divergence(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Return the sum of y_true * log(y_true / y_pred) over the last axis.

    Both are limited to [1e-7, 1].

    Args:
        y_true: the targets, (..., outputs); (...) is read as (..., 1).
        y_pred: the predictions, of the same shape.

    Returns:
        The losses, (...).

    Raises:
        ValueError: the shapes differ.

    >>> pt.losses.kl_divergence([[0.5, 0.5]], [[0.2, 0.8]])
    Tensor([0.22314356], dtype=float32)
    """
    t, p = (pt.clip(y, EPSILON, 1.0) for y in _same_shapes("kl_divergence", y_true, y_pred))
    return (t * pt.log(t / p)).sum(axis=-1)


def poisson(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Return the mean of y_pred - y_true * log(y_pred + 1e-7) over the last axis.

    Args:
        y_true: the targets, (..., outputs); (...) is read as (..., 1).
        y_pred: the predictions, of the same shape.

    Returns:
        The losses, (...).

    Raises:
        ValueError: the shapes differ.

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


def hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Return the mean of max(1 - y_true * y_pred, 0) over the last axis.

    Args:
        y_true: -1 or 1, (..., outputs); in a batch of only 0 and 1, 0 is read as -1.
        y_pred: any numbers, of the same shape.

    Returns:
        The losses, (...).

    Raises:
        ValueError: the shapes differ.

    >>> pt.losses.hinge([[1.0], [-1.0]], [[0.5], [0.5]])
    Tensor([0.5, 1.5], dtype=float32)
    """
    return _margins("hinge", y_true, y_pred).mean(axis=-1)


def squared_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Return the mean of max(1 - y_true * y_pred, 0)**2 over the last axis.

    Args:
        y_true: -1 or 1, (..., outputs); in a batch of only 0 and 1, 0 is read as -1.
        y_pred: any numbers, of the same shape.

    Returns:
        The losses, (...).

    Raises:
        ValueError: the shapes differ.

    >>> pt.losses.squared_hinge([[1.0], [-1.0]], [[0.5], [0.5]])
    Tensor([0.25, 2.25], dtype=float32)
    """
    return pt.square(_margins("squared_hinge", y_true, y_pred)).mean(axis=-1)


def _margins(name: str, y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    y_true, y_pred = _same_shapes(name, y_true, y_pred)
    are_bits = ((y_true == 0) | (y_true == 1)).all()
    if _core.is_tracing():
        y_true = pt.where(are_bits, 2 * y_true - 1, y_true)
    elif are_bits:
        y_true = 2 * y_true - 1
    return pt.maximum(1 - y_true * y_pred, 0.0)


def categorical_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Return max(1 + wrong - right, 0), for the score of the right class and the best wrong one.

    As in Keras, right is sum(y_true * y_pred), and wrong is max((1 - y_true) * y_pred): at least 0,
    since the right class takes part with 0.

    Args:
        y_true: the targets, one-hot rows, (..., classes).
        y_pred: any numbers, of the same shape.

    Returns:
        The losses, (...).

    Raises:
        ValueError: the shapes differ.

    >>> pt.losses.categorical_hinge([[0.0, 1.0]], [[0.2, 0.8]])
    Tensor([0.39999998], dtype=float32)
    """
    y_true, y_pred = _same_shapes("categorical_hinge", y_true, y_pred)

    def hinges(times: _Times) -> Tensor:
        right = times(y_true, y_pred).sum(axis=-1)
        wrong = times(1 - y_true, y_pred).max(axis=-1)
        return pt.maximum(wrong - right + 1, 0.0)

    return _finite_or_limit(hinges)


def _finite_or_limit(losses: Callable[[_Times], Tensor]) -> Tensor:
    """Return losses(multiply), or their limits for infinite predictions if these are not finite.

    The limits are losses(times), where times(share, x) multiplies, but 0 times infinity is 0.
    """
    found = losses(pt.multiply)
    return found if all_finite(found) else losses(_times)


def _times(share: Tensor, x: Tensor) -> Tensor:
    return pt.where(share == 0, 0.0, share * x)


def _smoothed(y_true: Tensor, share: float, n_classes: int) -> Tensor:
    """Return targets with a share of them spread over all classes."""
    return y_true * (1 - share) + share / n_classes if share else y_true


def _log_probabilities(y_pred: Tensor) -> Tensor:
    """Return log(y_pred) with Keras's normalization and clipping."""
    return pt.log(_probabilities(y_pred))


def _probabilities(y_pred: Tensor) -> Tensor:
    return pt.clip(y_pred / y_pred.sum(axis=-1, keepdims=True), EPSILON, 1 - EPSILON)


def _predictions(y_pred: ArrayLike) -> Tensor:
    """Return predictions as a floating-point tensor."""
    tensor = as_tensor(y_pred)
    return tensor if tensor.dtype.kind == "f" else tensor.astype(pt.float32)


def _same_shapes(name: str, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Tensor, Tensor]:
    """Return both as tensors of one shape and floating-point dtype."""
    predictions = _predictions(y_pred)
    targets = match_shape(name, y_true, predictions.shape)
    return targets.astype(predictions.dtype, copy=False), predictions


def as_tensor(x: ArrayLike) -> Tensor:
    """Return anything array-like as a tensor."""
    return x if type(x) is Tensor else pt.asarray(x)


def match_shape(name: str, y_true: ArrayLike, shape: tuple[int, ...]) -> Tensor:
    """Return targets as a tensor of the predictions' shape; (n,) is read as (n, 1), and back."""
    targets = as_tensor(y_true)
    if targets.shape != shape:
        if targets.shape != (*shape, 1) and (shape[-1:] != (1,) or targets.shape != shape[:-1]):
            raise ValueError(
                f"{name}: targets of shape {targets.shape}: expected {shape}, the "
                "shape of the predictions"
            )
        targets = targets.reshape(shape)
    return targets


# The functions that are a mean over the last axis, of values that are computed for each output.
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


def by_output(
    function: Any, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[ArrayLike, ArrayLike]:
    """Return targets and predictions in shapes that yield one value per weight.

    A function that is a mean over outputs needs an axis of length 1 for the mean if each output has
    a weight, or if the only axis is that of the samples. Others get them as they are.
    """
    if not isinstance(function, types.FunctionType) or function not in _MEANS_OF_OUTPUTS:
        return y_true, y_pred
    predictions = as_tensor(y_pred)
    if predictions.ndim != 1:
        if sample_weight is None:
            return y_true, predictions
        shape = pt.asarray(sample_weight).shape
        if len(shape) != predictions.ndim or shape[-1:] == (1,):
            return y_true, predictions
    targets = match_shape(function.__name__, y_true, predictions.shape)
    return targets.reshape((*targets.shape, 1)), predictions.reshape((*predictions.shape, 1))


def _check_range(y: Tensor, low: float, high: float, expected: str) -> None:
    """Check that the targets of a data set are in [low, high]; name the first that is not."""
    if not (float(y.min()) >= low and float(y.max()) <= high):  # also if one is NaN
        values = np.asarray(y)
        place = tuple(int(i[0]) for i in (~((values >= low) & (values <= high))).nonzero())
        raise ValueError(f"y: found {values[place]} in row {place[0]}: expected {expected}")


def class_numbers(name: str, y_true: ArrayLike, shape: tuple[int, ...]) -> Tensor:
    """Return checked labels for predictions of a shape (..., classes): an int64 tensor (...)."""
    given = as_tensor(y_true)
    if given.shape != shape[:-1]:
        if given.shape != (*shape[:-1], 1):
            raise ValueError(
                f"{name}: labels of shape {given.shape}: expected {shape[:-1]}, "
                f"integers, for predictions of shape {shape}"
            )
        given = given.reshape(shape[:-1])
    labels = given.astype(pt.int64, copy=False)
    if _core.is_tracing():
        fit = _core.holds(pt.all((labels == given) & (labels >= 0) & (labels < shape[-1])))
    else:
        fit = labels is given and (
            labels.size == 0 or (int(labels.min()) >= 0 and int(labels.max()) < shape[-1])
        )
    if labels.size and not fit:
        check_below(f"{name}: label", np.asarray(given), shape[-1], f", one of {shape[-1]} classes")
    return labels


# ----------------------------------------------------------------------------------- classes


REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)


class Loss(Configurable):
    """Base class of all losses. A subclass defines call(y_true, y_pred), the values per sample.

    Attributes:
        dtype: the dtype of the targets that `call` gets; None keeps integers and converts other
            floats to float32.
        activation: an activation whose logits the loss can take instead of its outputs, or None. A
            subclass that defines `call` has none, unless it sets one.

    >>> class Cubed(pt.losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return pt.mean(pt.abs(y_true - y_pred) ** 3, axis=-1)
    ...
    >>> Cubed()(pt.zeros((2, 1)), pt.full((2, 1), 2.0))
    Tensor(8., dtype=float32)
    """

    dtype: DTypeLike | None = pt.float32
    activation: Callable[..., Tensor] | None = None
    from_logits: bool = False
    function: Any = None  # what computes the values, if it is a function of this module
    reduction: str | None = "sum_over_batch_size"

    def __init_subclass__(cls, **options: Any) -> None:
        """Drop the activation if the subclass computes something else."""
        super().__init_subclass__(**options)
        if overridden(cls, "activation", "call"):
            cls.activation = None

    def __init__(
        self, name: str | None = None, reduction: _Reduction | None = "sum_over_batch_size"
    ) -> None:
        """Create the loss.

        Args:
            name: by default the class's name in snake case.
            reduction: what to return of the values: "sum_over_batch_size" or "mean", their mean;
                "sum", their sum; "mean_with_sample_weight", their sum divided by that of the
                weights; "none" or None, the values.
        """
        self.name = snake_case(type(self).__name__) if name is None else name
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"{self.name}: reduction: found {reduction!r}: expected one of "
                f"{', '.join(map(repr, REDUCTIONS))}"
            )
        self.reduction = reduction

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample, (batch, ...)."""
        raise NotImplementedError(
            f"{type(self).__name__} does not define call(self, y_true, y_pred)"
        )

    def __call__(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Tensor:
        """Return the mean of the losses, a tensor of shape (), or another reduction of them.

        Args:
            y_true: the targets.
            y_pred: the predictions.
            sample_weight: factors of the losses, of their shape or that of their first axes, or of
                the shape of y_true if the loss is a mean over outputs. Axes of length 1 broadcast.

        Raises:
            ValueError: the shapes do not match.
        """
        if sample_weight is not None:
            y_true, y_pred = by_output(self.function, y_true, y_pred, sample_weight)
        values = self.call(as_tensor(y_true), as_tensor(y_pred))
        weights = None
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
        count = values.size if weights is None else float(weights.sum())
        return total / count if count else total * 0.0

    def targets(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Check the targets of a data set once, before the first step.

        Args:
            y: the targets, (n, ...).
            shape: the shape of the predictions for them.

        Returns:
            The targets as `call` takes them.
        """
        if shape[1:] == (1,) and y.ndim == 1:
            y = y.reshape(shape)
        return y


def weights_like(values: Tensor, weights: ArrayLike) -> Tensor:
    """Return weights of samples as a tensor that broadcasts with their values, (batch, ...)."""
    dtype = values.dtype if values.dtype.kind == "f" else pt.float32
    factors = pt.asarray(weights).astype(dtype, copy=False)
    if factors.shape == (*values.shape, 1):
        factors = factors.reshape(values.shape)
    shape = (*factors.shape, *[1] * (values.ndim - factors.ndim))
    if len(shape) > values.ndim or any(
        n != 1 and n != length for n, length in zip(shape, values.shape, strict=True)
    ):
        raise ValueError(
            f"sample_weight: found shape {factors.shape}: expected {values.shape}, "
            "that of the losses, or of its first axes"
        )
    return factors.reshape(shape)


def masked_weights(weights: ArrayLike | None, mask: Tensor, reduction: str | None) -> Tensor:
    """Return weights that are 0 where a mask is False.

    For a mean they are scaled such that it is one over the steps that are left.
    """
    factors = mask.astype(pt.float32)
    if reduction in ("mean", "sum_over_batch_size"):
        count = float(factors.sum())
        factors = factors * (factors.size / count if count else 0.0)
    if weights is None:
        return factors
    given = pt.asarray(weights).astype(pt.float32, copy=False)
    ndim = max(given.ndim, factors.ndim)
    given, factors = (
        part.reshape((*part.shape, *[1] * (ndim - part.ndim))) for part in (given, factors)
    )
    return given * factors


_PROBABILITIES = (0, 1, "0, 1 or a probability")
_SIGNS = (-1, 1, "-1 or 1, or 0 or 1")


class _OfFunction(Loss):
    """Base of the losses that apply a function to targets and predictions of one shape."""

    def __init__(
        self, reduction: _Reduction | None = "sum_over_batch_size", name: str | None = None
    ) -> None:
        """Create the loss.

        Args:
            reduction: as in Loss.
            name: as in Loss.
        """
        super().__init__(name, reduction)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return self.function(y_true, y_pred)

    # (low, high, what is expected), if the loss makes no sense for some targets
    limits: ClassVar[tuple[float, float, str] | None] = None

    def targets(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Check the shape of the targets, and that the loss makes sense for their values."""
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

    def __init__(
        self,
        axis: int = -1,
        reduction: _Reduction | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
    ) -> None:
        """Create the loss.

        Args:
            axis: the axis of the vectors.
            reduction: as in Loss.
            name: as in Loss.
        """
        super().__init__(reduction, name)
        self.axis = integer(f"{self.name}: axis", axis, -math.inf)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return cosine_similarity(y_true, y_pred, self.axis)


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
    """Minus the logarithm of the probability of counts, up to a constant; see poisson.

    >>> pt.losses.Poisson()([[1.0], [2.0]], [[1.0], [2.0]])
    Tensor(0.80685276, dtype=float32)
    """

    limits = (0, math.inf, "a count, at least 0")
    function = staticmethod(poisson)


class Hinge(_OfFunction):
    """How far outputs are from a margin of 1; see hinge.

    >>> pt.losses.Hinge()([[1.0], [-1.0]], [[0.5], [0.5]])
    Tensor(1., dtype=float32)
    """

    limits = _SIGNS
    function = staticmethod(hinge)


class SquaredHinge(_OfFunction):
    """The square of the distance from a margin of 1; see squared_hinge.

    >>> pt.losses.SquaredHinge()([[1.0], [-1.0]], [[0.5], [0.5]])
    Tensor(1.25, dtype=float32)
    """

    limits = _SIGNS
    function = staticmethod(squared_hinge)


class CategoricalHinge(_OfFunction):
    """How far the right class is from a margin of 1 over the wrong ones; see categorical_hinge.

    >>> pt.losses.CategoricalHinge()([[0.0, 1.0]], [[0.2, 0.8]])
    Tensor(0.39999998, dtype=float32)
    """

    limits = _PROBABILITIES
    function = staticmethod(categorical_hinge)


class Huber(_OfFunction):
    """Quadratic for small errors, linear for large ones; see huber.

    >>> pt.losses.Huber()([[0.0], [0.0]], [[0.5], [3.0]])
    Tensor(1.3125, dtype=float32)
    """

    function = staticmethod(huber)

    def __init__(
        self,
        delta: float = 1.0,
        reduction: _Reduction | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
    ) -> None:
        """Create the loss.

        Args:
            delta: where the linear part begins, at least 0.
            reduction: as in Loss.
            name: as in Loss.
        """
        super().__init__(reduction, name)
        self.delta = number(f"{self.name}: delta", delta, 0)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return huber(y_true, y_pred, self.delta)


class _Crossentropy(_OfFunction):
    """Base of the cross-entropies, of probabilities or of logits."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        *,
        reduction: _Reduction | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        """Create the loss.

        Args:
            from_logits: whether predictions are logits instead of probabilities.
            label_smoothing: the share of the targets that is spread over all classes, in [0, 1].
            reduction: as in Loss.
            name: as in Loss.
        """
        super().__init__(reduction, name)
        self.from_logits = bool(from_logits)
        self.label_smoothing = number(f"{self.name}: label_smoothing", label_smoothing, 0, 1)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return self.function(y_true, y_pred, self.from_logits, self.label_smoothing)

    def on_logits(self) -> Self:
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

    def targets(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Check that the targets have the shape of the predictions."""
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

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: _Reduction | None = "sum_over_batch_size",
        *,
        name: str | None = None,
    ) -> None:
        """Create the loss.

        Args:
            from_logits: whether predictions are logits instead of probabilities.
            ignore_class: the label of what is to be left out, of a mean too; None for nothing.
            reduction: as in Loss.
            name: as in Loss.
        """
        super().__init__(from_logits, reduction=reduction, name=name)
        self.ignore_class = (
            None
            if ignore_class is None
            else integer(f"{self.name}: ignore_class", ignore_class, -math.inf)
        )

    def __call__(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Tensor:
        """Return the mean over what is not left out, or another reduction; see Loss."""
        if self.ignore_class is not None:
            kept, _ = _without_class(y_true, self.ignore_class)
            kept = kept.reshape(pt.asarray(y_pred).shape[:-1])
            sample_weight = masked_weights(sample_weight, kept, self.reduction)
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class)

    def targets(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Check that every label is one of the classes."""
        if self.ignore_class is None:
            return class_numbers("y", y, shape)
        class_numbers("y", _without_class(y, self.ignore_class)[1], shape)
        return y.reshape(shape[:-1])


class BinaryFocalCrossentropy(_OfFunction):
    """Binary cross-entropy in which right outputs count less; see binary_focal_crossentropy.

    >>> pt.losses.BinaryFocalCrossentropy()([[1.0], [0.0]], [[0.9], [0.2]])
    Tensor(0.00498967, dtype=float32)
    """

    function = staticmethod(binary_focal_crossentropy)
    limits = _PROBABILITIES

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        *,
        reduction: _Reduction | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        """Create the loss.

        Args:
            apply_class_balancing: whether to multiply losses by alpha for targets 1, by 1 - alpha
                for 0.
            alpha: see apply_class_balancing; in [0, 1].
            gamma: the exponent, at least 0.
            from_logits: whether predictions are logits instead of probabilities.
            label_smoothing: the share of the targets that becomes 1/2, in [0, 1].
            reduction: as in Loss.
            name: as in Loss.
        """
        super().__init__(reduction, name)
        self.apply_class_balancing = bool(apply_class_balancing)
        self.alpha = number(f"{self.name}: alpha", alpha, 0, 1)
        self.gamma = number(f"{self.name}: gamma", gamma, 0)
        self.from_logits = bool(from_logits)
        self.label_smoothing = number(f"{self.name}: label_smoothing", label_smoothing, 0, 1)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
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
    """Categorical cross-entropy in which right classes count less.

    See categorical_focal_crossentropy.

    >>> pt.losses.CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.2, 0.8]])
    Tensor(0.00223144, dtype=float32)
    """

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        *,
        reduction: _Reduction | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        """Create the loss.

        Args:
            alpha: a factor, at least 0.
            gamma: the exponent, at least 0.
            from_logits: whether predictions are logits instead of probabilities.
            label_smoothing: the share of the targets that is spread over all classes, in [0, 1].
            reduction: as in Loss.
            name: as in Loss.
        """
        super().__init__(from_logits, label_smoothing, reduction=reduction, name=name)
        self.alpha = number(f"{self.name}: alpha", alpha, 0)
        self.gamma = number(f"{self.name}: gamma", gamma, 0)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return categorical_focal_crossentropy(
            y_true, y_pred, self.alpha, self.gamma, self.from_logits, self.label_smoothing
        )


class FunctionLoss(Loss):
    """A function (y_true, y_pred) that returns losses, or their mean, as a Loss."""

    dtype = None

    def __init__(self, function: Any, name: str | None = None) -> None:
        """Create the loss.

        Args:
            function: takes two tensors.
            name: by default that of the function.
        """
        super().__init__(getattr(function, "__name__", None) if name is None else name)
        self.function = function

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return what the function returns."""
        return self.function(y_true, y_pred)


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
_BY_NAME["huber_loss"] = Huber  # its default name
# The classes of the functions: compile(loss=mean_squared_error) trains with MeanSquaredError().
_BY_FUNCTION = {
    globals()[name]: cls
    for name, cls in _BY_NAME.items()
    if callable(globals().get(name)) and not isinstance(globals()[name], type)
}


def get(identifier: LossLike) -> Loss:
    """Return the Loss that an identifier stands for.

    Args:
        identifier: a name, a class, a config, a function, or a Loss (returned as it is).

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


if not TYPE_CHECKING:  # type checkers would take any name for one of the module

    def __getattr__(name):
        raise missing("losses", name, globals())
