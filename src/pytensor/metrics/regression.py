"""Losses as metrics, and other measures of the distance of numbers or distributions."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from pytensor import losses
from pytensor._support.arguments import integer, number
from pytensor.metrics.metric import MeanOf, Metric, as_arrays, plain, ratio

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from pytensor._core import Tensor

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "R2Score",
    "RootMeanSquaredError",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
]


class MeanSquaredError(MeanOf):
    """The mean of losses.mean_squared_error.

    >>> metric = pt.metrics.MeanSquaredError()
    >>> metric.update_state([[0.0], [1.0]], [[2.0], [2.0]])
    >>> metric.result()
    2.5
    """

    function = staticmethod(losses.mean_squared_error)


class MeanAbsoluteError(MeanOf):
    """The mean of losses.mean_absolute_error.

    >>> metric = pt.metrics.MeanAbsoluteError()
    >>> metric.update_state([[0.0], [1.0]], [[2.0], [2.0]])
    >>> metric.result()
    1.5
    """

    function = staticmethod(losses.mean_absolute_error)


class MeanAbsolutePercentageError(MeanOf):
    """The mean of losses.mean_absolute_percentage_error.

    >>> metric = pt.metrics.MeanAbsolutePercentageError()
    >>> metric.update_state([[1.0], [2.0]], [[2.0], [2.0]])
    >>> metric.result()
    50.0
    """

    function = staticmethod(losses.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(MeanOf):
    """The mean of losses.mean_squared_logarithmic_error.

    >>> metric = pt.metrics.MeanSquaredLogarithmicError()
    >>> metric.update_state([[0.0], [1.0]], [[2.0], [2.0]])
    >>> metric.result()
    0.6856753826141357
    """

    function = staticmethod(losses.mean_squared_logarithmic_error)


class RootMeanSquaredError(MeanOf):
    """The square root of the mean of (y_pred - y_true)**2.

    >>> metric = pt.metrics.RootMeanSquaredError()
    >>> metric.update_state([[0.0], [1.0]], [[2.0], [2.0]])
    >>> metric.result()
    1.5811388300841898
    """

    function = staticmethod(losses.mean_squared_error)

    def result(self) -> float:
        """Return the square root of the mean so far."""
        return math.sqrt(super().result())


class CosineSimilarity(MeanOf):
    """The mean cosine of the angle between targets and predictions: 1 for the same direction.

    >>> metric = pt.metrics.CosineSimilarity()
    >>> metric.update_state([[1.0, 0.0]], [[3.0, 4.0]])
    >>> metric.result()
    0.6000000238418579
    """

    rises = True

    def __init__(self, name: str | None = None, *, axis: int = -1) -> None:
        """Create the metric.

        Args:
            name: the key in logs and history; by default the class's name in snake case.
            axis: the axis of the vectors.
        """
        super().__init__(name)
        self.axis = integer(f"{self.name}: axis", axis, -math.inf)

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
        """Return the cosine of each sample."""
        return -losses.cosine_similarity(y_true, y_pred, self.axis)


class LogCoshError(MeanOf):
    """The mean of losses.log_cosh.

    >>> metric = pt.metrics.LogCoshError()
    >>> metric.update_state([[0.0]], [[2.0]])
    >>> metric.result()
    1.325002670288086
    """

    def __init__(self, name: str | None = "logcosh") -> None:
        """Create the metric.

        Args:
            name: the key in logs and history.
        """
        super().__init__(name)

    function = staticmethod(losses.log_cosh)


class KLDivergence(MeanOf):
    """The mean of losses.kl_divergence.

    >>> metric = pt.metrics.KLDivergence()
    >>> metric.update_state([[0.5, 0.5]], [[0.2, 0.8]])
    >>> metric.result()
    0.2231435626745224
    """

    function = staticmethod(losses.kl_divergence)


class Poisson(MeanOf):
    """The mean of losses.poisson.

    >>> metric = pt.metrics.Poisson()
    >>> metric.update_state([[1.0], [2.0]], [[1.0], [2.0]])
    >>> metric.result()
    0.8068527579307556
    """

    function = staticmethod(losses.poisson)


class Hinge(MeanOf):
    """The mean of losses.hinge.

    >>> metric = pt.metrics.Hinge()
    >>> metric.update_state([[1.0], [-1.0]], [[0.5], [0.5]])
    >>> metric.result()
    1.0
    """

    function = staticmethod(losses.hinge)


class SquaredHinge(MeanOf):
    """The mean of losses.squared_hinge.

    >>> metric = pt.metrics.SquaredHinge()
    >>> metric.update_state([[1.0], [-1.0]], [[0.5], [0.5]])
    >>> metric.result()
    1.25
    """

    function = staticmethod(losses.squared_hinge)


class CategoricalHinge(MeanOf):
    """The mean of losses.categorical_hinge.

    >>> metric = pt.metrics.CategoricalHinge()
    >>> metric.update_state([[0.0, 1.0]], [[0.2, 0.8]])
    >>> metric.result()
    0.3999999761581421
    """

    function = staticmethod(losses.categorical_hinge)


class BinaryCrossentropy(MeanOf):
    """The mean of losses.binary_crossentropy.

    >>> metric = pt.metrics.BinaryCrossentropy()
    >>> metric.update_state([[1.0], [0.0]], [[0.9], [0.2]])
    >>> metric.result()
    0.16425204277038574
    """

    function = staticmethod(losses.binary_crossentropy)

    def __init__(
        self, name: str | None = None, *, from_logits: bool = False, label_smoothing: float = 0
    ) -> None:
        """Create the metric.

        Args:
            name: the key in logs and history; by default the class's name in snake case.
            from_logits: whether predictions are logits.
            label_smoothing: the share of the targets that is spread over all classes, in [0, 1].
        """
        super().__init__(name)
        self.from_logits = bool(from_logits)
        self.label_smoothing = number(f"{self.name}: label_smoothing", label_smoothing, 0, 1)

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
        """Return the loss of each sample."""
        return self.function(y_true, y_pred, self.from_logits, self.label_smoothing)


class CategoricalCrossentropy(BinaryCrossentropy):
    """The mean of losses.categorical_crossentropy.

    >>> metric = pt.metrics.CategoricalCrossentropy()
    >>> metric.update_state([[0.0, 1.0]], [[0.2, 0.8]])
    >>> metric.result()
    0.2231435328722
    """

    function = staticmethod(losses.categorical_crossentropy)


class SparseCategoricalCrossentropy(MeanOf):
    """The mean of losses.sparse_categorical_crossentropy.

    >>> metric = pt.metrics.SparseCategoricalCrossentropy()
    >>> metric.update_state([1], [[0.2, 0.8]])
    >>> metric.result()
    0.2231435328722
    """

    def __init__(self, name: str | None = None, *, from_logits: bool = False) -> None:
        """Create the metric.

        Args:
            name: the key in logs and history; by default the class's name in snake case.
            from_logits: whether predictions are logits.
        """
        super().__init__(name)
        self.from_logits = bool(from_logits)

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
        """Return the loss of each sample."""
        return losses.sparse_categorical_crossentropy(y_true, y_pred, self.from_logits)


class R2Score(Metric):
    """The coefficient of determination: 1 - sum of squared errors / sum of squared deviations.

    The deviations are those of the targets from their mean. A score of 1 is perfect; 0 is no better
    than the mean. As in scikit-learn, the score for constant targets is 1 if the predictions are
    equal to them, else 0, and the score of fewer than two samples is NaN.

    >>> metric = pt.metrics.R2Score()
    >>> metric.update_state([[0.0], [1.0], [2.0]], [[0.1], [1.0], [1.9]])
    >>> metric.result()
    0.9899999974668023
    """

    rises = True
    kept = ("_moments",)
    _moments: NDArray[Any] | None

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: SupportsIndex = 0,
        name: str | None = None,
    ) -> None:
        """Create the metric.

        Args:
            class_aggregation: "uniform_average" for the mean of the scores of the outputs;
                "variance_weighted_average" for their mean weighted by the variances of the
                targets; None for an ndarray of the scores.
            num_regressors: the number of independent variables behind the predictions, for the
                adjusted score, 1 - (1 - score) * (n - 1) / (n - 1 - num_regressors); 0 for the
                plain one.
            name: the key in logs and history; by default the class's name in snake case.
        """
        super().__init__(name=name)
        if class_aggregation not in ("uniform_average", "variance_weighted_average", None):
            raise ValueError(
                f"{self.name}: class_aggregation: found {class_aggregation!r}: "
                "expected 'uniform_average', 'variance_weighted_average' or None"
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = integer(f"{self.name}: num_regressors", num_regressors, 0)
        self.reset_state()

    def update_state(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Add a batch.

        Args:
            y_true: the targets, (n, outputs) or (n,).
            y_pred: the predictions, of the same shape.
            sample_weight: weights of samples or outputs.
        """
        y, p, w = as_arrays(self.name, y_true, y_pred, sample_weight)
        if not len(y):
            return
        # Relative to the first target: nothing cancels if targets are far from 0, and constant ones
        # have a variance of exactly 0.
        shifted = y - y[0]
        total = w.sum(axis=0)
        mean = ratio((w * shifted).sum(axis=0), total)
        variances = (w * (shifted - mean) ** 2).sum(axis=0)
        errors = (w * (y - p) ** 2).sum(axis=0)
        count = np.full(total.shape, len(y))
        self._moments = self.merged(
            self._moments, np.stack([count, total, y[0], mean, variances, errors])
        )

    def merged(self, a: Any, b: Any) -> Any:
        """Return the moments of two parts of the data together (Chan, Golub, LeVeque 1979).

        The rows are the number of samples, the sum of weights, a target, the distance of the mean
        target from it, the sum of squared deviations from the mean, and that of squared errors; the
        columns are the outputs.
        """
        if a is None or b is None:
            return super().merged(a, b)
        distance = b[2] - a[2] + (b[3] - a[3])
        share = ratio(b[1], a[1] + b[1])
        both = a + b
        both[2] = a[2]
        both[3] = a[3] + distance * share
        both[4] += distance**2 * a[1] * share
        return both

    def result(self) -> float | NDArray[Any]:
        """Return the score so far, a float, or an ndarray if class_aggregation is None."""
        if self._moments is None:
            return 0.0
        (n, *_), _, _, _, variances, errors = self._moments
        constant = variances == 0
        scores = np.where(constant, errors == 0, 1 - errors / np.where(constant, 1, variances))
        scores[np.isnan(errors)] = np.nan
        if n < 2:
            scores = np.full_like(scores, np.nan)
        if self.class_aggregation == "uniform_average" or (
            self.class_aggregation is not None and constant.all()
        ):
            scores = scores.mean()
        elif self.class_aggregation is not None:
            scores = (variances * scores).sum() / variances.sum()
        return plain(self._adjusted(scores, n))

    def _adjusted(self, scores: NDArray[Any], n: float) -> NDArray[Any]:
        rest = n - 1 - self.num_regressors
        if self.num_regressors == 0:
            return scores
        if rest <= 0:
            warnings.warn(
                f"{self.name}: num_regressors: found {self.num_regressors} for {n:g} "
                "samples: the score is not adjusted",
                stacklevel=3,
            )
            return scores
        return 1 - (1 - scores) * (n - 1) / rest

    def reset_state(self) -> None:
        """Start again, without any batch."""
        self._moments = None
