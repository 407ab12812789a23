"""Losses as metrics, and what else measures the distance of numbers or distributions."""

from __future__ import annotations

import math

import numpy as np

from pytensor import losses
from pytensor._arguments import number
from pytensor.metrics.metric import MeanOf, Metric, as_arrays, plain

__all__ = [
    "BinaryCrossentropy", "CategoricalCrossentropy", "CategoricalHinge", "CosineSimilarity",
    "Hinge", "KLDivergence", "LogCoshError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
    "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson", "R2Score",
    "RootMeanSquaredError", "SparseCategoricalCrossentropy", "SquaredHinge",
]


class MeanSquaredError(MeanOf):
    """The mean of losses.mean_squared_error.

    >>> metric = pt.metrics.MeanSquaredError()
    >>> metric.update_state([[0.0], [1.0]], [[2.0], [2.0]])
    >>> metric.result()
    2.5
    """

    values = staticmethod(losses.mean_squared_error)


class MeanAbsoluteError(MeanOf):
    """The mean of losses.mean_absolute_error.

    >>> metric = pt.metrics.MeanAbsoluteError()
    >>> metric.update_state([[0.0], [1.0]], [[2.0], [2.0]])
    >>> metric.result()
    1.5
    """

    values = staticmethod(losses.mean_absolute_error)


class MeanAbsolutePercentageError(MeanOf):
    """The mean of losses.mean_absolute_percentage_error.

    >>> metric = pt.metrics.MeanAbsolutePercentageError()
    >>> metric.update_state([[1.0], [2.0]], [[2.0], [2.0]])
    >>> metric.result()
    50.0
    """

    values = staticmethod(losses.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(MeanOf):
    """The mean of losses.mean_squared_logarithmic_error.

    >>> metric = pt.metrics.MeanSquaredLogarithmicError()
    >>> metric.update_state([[0.0], [1.0]], [[2.0], [2.0]])
    >>> metric.result()
    0.6856753826141357
    """

    values = staticmethod(losses.mean_squared_logarithmic_error)


class RootMeanSquaredError(MeanOf):
    """The root of the mean of (y_pred - y_true)**2.

    >>> metric = pt.metrics.RootMeanSquaredError()
    >>> metric.update_state([[0.0], [1.0]], [[2.0], [2.0]])
    >>> metric.result()
    1.5811388300841898
    """

    values = staticmethod(losses.mean_squared_error)

    def result(self):
        """Return the root of the mean so far."""
        return math.sqrt(super().result())


class CosineSimilarity(MeanOf):
    """The mean cosine of the angle between targets and predictions: 1 for the same direction.

    >>> metric = pt.metrics.CosineSimilarity()
    >>> metric.update_state([[1.0, 0.0]], [[3.0, 4.0]])
    >>> metric.result()
    0.6000000238418579
    """

    rises = True

    def values(self, y_true, y_pred):
        """Return the cosine of each sample."""
        return -losses.cosine_similarity(y_true, y_pred)


class LogCoshError(MeanOf):
    """The mean of losses.log_cosh.

    >>> metric = pt.metrics.LogCoshError()
    >>> metric.update_state([[0.0]], [[2.0]])
    >>> metric.result()
    1.325002670288086
    """

    def __init__(self, name="logcosh"):
        """Name: the key in logs and history."""
        super().__init__(name)

    values = staticmethod(losses.log_cosh)


class KLDivergence(MeanOf):
    """The mean of losses.kl_divergence.

    >>> metric = pt.metrics.KLDivergence()
    >>> metric.update_state([[0.5, 0.5]], [[0.2, 0.8]])
    >>> metric.result()
    0.2231435626745224
    """

    values = staticmethod(losses.kl_divergence)


class Poisson(MeanOf):
    """The mean of losses.poisson.

    >>> metric = pt.metrics.Poisson()
    >>> metric.update_state([[1.0], [2.0]], [[1.0], [2.0]])
    >>> metric.result()
    0.8068527579307556
    """

    values = staticmethod(losses.poisson)


class Hinge(MeanOf):
    """The mean of losses.hinge.

    >>> metric = pt.metrics.Hinge()
    >>> metric.update_state([[1.0], [-1.0]], [[0.5], [0.5]])
    >>> metric.result()
    1.0
    """

    values = staticmethod(losses.hinge)


class SquaredHinge(MeanOf):
    """The mean of losses.squared_hinge.

    >>> metric = pt.metrics.SquaredHinge()
    >>> metric.update_state([[1.0], [-1.0]], [[0.5], [0.5]])
    >>> metric.result()
    1.25
    """

    values = staticmethod(losses.squared_hinge)


class CategoricalHinge(MeanOf):
    """The mean of losses.categorical_hinge.

    >>> metric = pt.metrics.CategoricalHinge()
    >>> metric.update_state([[0.0, 1.0]], [[0.2, 0.8]])
    >>> metric.result()
    0.3999999761581421
    """

    values = staticmethod(losses.categorical_hinge)


class BinaryCrossentropy(MeanOf):
    """The mean of losses.binary_crossentropy.

    >>> metric = pt.metrics.BinaryCrossentropy()
    >>> metric.update_state([[1.0], [0.0]], [[0.9], [0.2]])
    >>> metric.result()
    0.16425204277038574
    """

    function = staticmethod(losses.binary_crossentropy)

    def __init__(self, name=None, from_logits=False, label_smoothing=0):
        """from_logits: whether predictions are logits; label_smoothing: in [0, 1]."""
        super().__init__(name)
        self.from_logits = bool(from_logits)
        self.label_smoothing = number(f"{self.name}: label_smoothing", label_smoothing, 0, 1)

    def values(self, y_true, y_pred):
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

    def __init__(self, name=None, from_logits=False):
        """from_logits: whether predictions are logits."""
        super().__init__(name)
        self.from_logits = bool(from_logits)

    def values(self, y_true, y_pred):
        """Return the loss of each sample."""
        return losses.sparse_categorical_crossentropy(y_true, y_pred, self.from_logits)


class R2Score(Metric):
    """1 - the sum of squared errors / that of squared distances from the mean target.

    1 is perfect; 0 is no better than the mean. The mean of the outputs' scores, weighted with their
    variances if class_aggregation is "variance_weighted_average"; each output's own if None.

    >>> metric = pt.metrics.R2Score()
    >>> metric.update_state([[0.0], [1.0], [2.0]], [[0.1], [1.0], [1.9]])
    >>> metric.result()
    0.9899999974668023
    """

    rises = True
    kept = ("_sums",)

    def __init__(self, class_aggregation="uniform_average", name=None):
        """class_aggregation: "uniform_average", "variance_weighted_average" or None."""
        super().__init__(name)
        if class_aggregation not in ("uniform_average", "variance_weighted_average", None):
            raise ValueError(f"{self.name}: class_aggregation: found {class_aggregation!r}: "
                             "expected 'uniform_average', 'variance_weighted_average' or None")
        self.class_aggregation = class_aggregation
        self.reset_state()

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take a batch into account."""
        y, p, w = as_arrays(self.name, y_true, y_pred, sample_weight)
        # of the weights, targets, their squares, squared errors; one column per output
        sums = np.stack([w, w * y, w * y * y, w * (y - p) ** 2]).sum(axis=1)
        self._sums = sums if self._sums is None else self._sums + sums

    def result(self):
        """Return the score so far, a float, or an ndarray if class_aggregation is None."""
        if self._sums is None:
            return 0.0
        count, total, squares, errors = self._sums
        variances = squares - total * total / count
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = 1 - errors / variances
        scores = np.where(np.isinf(scores), 0.0, scores)
        if self.class_aggregation is None:
            return plain(scores)
        if self.class_aggregation == "uniform_average":
            return scores.mean().item()
        return ((variances * scores).sum() / variances.sum()).item()

    def reset_state(self):
        """Start anew."""
        self._sums = None
