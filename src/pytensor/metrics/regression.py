"""Losses as metrics, and what else measures the distance of numbers or distributions."""

from __future__ import annotations

import math

import numpy as np

from pytensor import losses
from pytensor._support.arguments import number
from pytensor.metrics.metric import MeanOf, Metric, as_arrays, plain

__all__ = [
    "BinaryCrossentropy", "CategoricalCrossentropy", "CategoricalHinge", "CosineSimilarity",
    "Hinge", "KLDivergence", "LogCoshError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
    "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson", "R2Score",
    "RootMeanSquaredError", "SparseCategoricalCrossentropy", "SquaredHinge",
]


class MeanSquaredError(MeanOf):
    """The mean of losses.mean_squared_error."""

    values = staticmethod(losses.mean_squared_error)


class MeanAbsoluteError(MeanOf):
    """The mean of losses.mean_absolute_error."""

    values = staticmethod(losses.mean_absolute_error)


class MeanAbsolutePercentageError(MeanOf):
    """The mean of losses.mean_absolute_percentage_error."""

    values = staticmethod(losses.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(MeanOf):
    """The mean of losses.mean_squared_logarithmic_error."""

    values = staticmethod(losses.mean_squared_logarithmic_error)


class RootMeanSquaredError(MeanOf):
    """The root of the mean of (y_pred - y_true)**2."""

    values = staticmethod(losses.mean_squared_error)

    def result(self):
        """Return the root of the mean so far."""
        return math.sqrt(super().result())


class CosineSimilarity(MeanOf):
    """The mean cosine of the angle between targets and predictions: 1 for the same direction."""

    rises = True

    def values(self, y_true, y_pred):
        """Return the cosine of each sample."""
        return -losses.cosine_similarity(y_true, y_pred)


class LogCoshError(MeanOf):
    """The mean of losses.log_cosh."""

    def __init__(self, name="logcosh"):
        """Name: the key in logs and history."""
        super().__init__(name)

    values = staticmethod(losses.log_cosh)


class KLDivergence(MeanOf):
    """The mean of losses.kl_divergence."""

    values = staticmethod(losses.kl_divergence)


class Poisson(MeanOf):
    """The mean of losses.poisson."""

    values = staticmethod(losses.poisson)


class Hinge(MeanOf):
    """The mean of losses.hinge."""

    values = staticmethod(losses.hinge)


class SquaredHinge(MeanOf):
    """The mean of losses.squared_hinge."""

    values = staticmethod(losses.squared_hinge)


class CategoricalHinge(MeanOf):
    """The mean of losses.categorical_hinge."""

    values = staticmethod(losses.categorical_hinge)


class BinaryCrossentropy(MeanOf):
    """The mean of losses.binary_crossentropy."""

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
    """The mean of losses.categorical_crossentropy."""

    function = staticmethod(losses.categorical_crossentropy)


class SparseCategoricalCrossentropy(MeanOf):
    """The mean of losses.sparse_categorical_crossentropy."""

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
