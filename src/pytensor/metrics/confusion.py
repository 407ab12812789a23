"""Metrics computed from counts of true and false positives and negatives.

A prediction is positive if it is above a threshold, which is rounded to its dtype: the float32 0.3
is not above 0.3. NaN is above no threshold; if a target is NaN, so is the count. A sample counts by
its weight, 1 by default.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from pytensor import _functions as pt
from pytensor._support.arguments import integer, lookup, number
from pytensor.metrics.metric import Metric, as_arrays, plain, ratio

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "AUC",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Precision",
    "Recall",
    "TrueNegatives",
    "TruePositives",
]


class _Counts(Metric):
    """Base of the metrics that count at thresholds; the rows of _counts are TP, FP, TN, FN."""

    rises = True
    kept = ("_counts",)

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: SupportsIndex | None = None,
        class_id: SupportsIndex | None = None,
        name: str | None = None,
    ) -> None:
        """Create the metric.

        Args:
            thresholds: a number in [0, 1] or a list of them; 0.5 by default.
            top_k: if given, the k largest predictions of a sample are the positive ones, of equal
                ones the first; predictions with one axis are those of one sample.
            class_id: if given, only this class counts.
            name: the key in logs and history; by default the class's name in snake case.
        """
        super().__init__(name=name)
        self.thresholds = thresholds
        self.top_k = None if top_k is None else integer(f"{self.name}: top_k", top_k, 1)
        self.class_id = None if class_id is None else integer(f"{self.name}: class_id", class_id, 0)
        # With top_k, each of the k counts, whatever its value.
        default = 0.5 if top_k is None else -np.inf
        several = thresholds if isinstance(thresholds, (list, tuple)) else [thresholds]
        self._limits = np.array(
            [default]
            if thresholds is None
            else [number(f"{self.name}: thresholds", threshold, 0, 1) for threshold in several]
        )
        if not len(self._limits):
            raise ValueError(f"{self.name}: thresholds: found none: expected a number or several")
        self.reset_state()

    def update_state(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Add a batch.

        Args:
            y_true: 0 or 1, (n, ...).
            y_pred: numbers in [0, 1], of the same shape.
            sample_weight: weights of samples or outputs.
        """
        y, p, w = as_arrays(
            self.name, y_true, y_pred, sample_weight, of_classes=self.top_k is not None
        )
        if self.top_k is not None:  # the first of equal ones
            p = p.astype(p.dtype if p.dtype.kind == "f" else np.float64)
            below = np.argsort(-p, axis=-1, kind="stable")[:, self.top_k :]
            np.put_along_axis(p, below, -np.inf, axis=-1)
        if self.class_id is not None:
            if self.class_id >= p.shape[-1]:
                raise ValueError(
                    f"{self.name}: class_id: found {self.class_id}: expected one of "
                    f"{p.shape[-1]} classes"
                )
            y, p, w = (array[:, self.class_id] for array in (y, p, w))
        self._count(y.ravel(), p.ravel(), w.ravel())

    def _count(self, y: NDArray[Any], p: NDArray[Any], w: NDArray[Any]) -> None:
        """Add to the counts; a prediction is positive at all thresholds below it."""
        unknown = y != y
        if unknown.any():  # neither true nor false: no count is known then
            w = np.where(unknown, np.nan, w)
        y = y != 0
        n = len(self._limits)
        limits = self._limits.astype(p.dtype) if p.dtype.kind == "f" else self._limits
        order = np.argsort(limits, kind="stable")
        above = np.searchsorted(limits[order], p) if n > 1 else p > limits
        above[p != p] = 0
        positives = [np.bincount(above[mask], w[mask], n + 1) for mask in (y, ~y)]
        for k, counts in enumerate(positives):
            over = counts[::-1].cumsum()[::-1][1:]  # at threshold i: above at least i + 1 of them
            self._counts[k, order] += over
            self._counts[3 - k, order] += counts.sum() - over

    def result(self) -> float | NDArray[Any]:
        """Return the value so far: a float, or an ndarray with one element per threshold."""
        return plain(self.of_counts(*self._counts))

    def of_counts(
        self, tp: NDArray[Any], fp: NDArray[Any], tn: NDArray[Any], fn: NDArray[Any]
    ) -> NDArray[Any]:
        """Return the value for counts, ndarrays with one element per threshold."""
        raise NotImplementedError(f"{type(self).__name__} does not define of_counts")

    def reset_state(self) -> None:
        """Start again, without any batch."""
        self._counts = np.zeros((4, len(self._limits)))


class _Count(_Counts):
    """Base of the metrics that are counts."""

    def __init__(
        self, thresholds: float | Sequence[float] | None = None, name: str | None = None
    ) -> None:
        """Create the metric.

        Args:
            thresholds: a number in [0, 1] or a list of them; 0.5 by default.
            name: the key in logs and history; by default the class's name in snake case.
        """
        super().__init__(thresholds, name=name)


class TruePositives(_Count):
    """The number of targets 1 with a prediction above the threshold.

    >>> metric = pt.metrics.TruePositives()
    >>> metric.update_state([1, 1, 0], [0.9, 0.2, 0.7])
    >>> metric.result()
    1.0
    """

    def of_counts(
        self, tp: NDArray[Any], fp: NDArray[Any], tn: NDArray[Any], fn: NDArray[Any]
    ) -> NDArray[Any]:
        """Return the true positives."""
        return tp


class FalsePositives(_Count):
    """The number of targets 0 with a prediction above the threshold.

    >>> metric = pt.metrics.FalsePositives()
    >>> metric.update_state([1, 1, 0], [0.9, 0.2, 0.7])
    >>> metric.result()
    1.0
    """

    rises = False

    def of_counts(
        self, tp: NDArray[Any], fp: NDArray[Any], tn: NDArray[Any], fn: NDArray[Any]
    ) -> NDArray[Any]:
        """Return the false positives."""
        return fp


class TrueNegatives(_Count):
    """The number of targets 0 with a prediction not above the threshold.

    >>> metric = pt.metrics.TrueNegatives()
    >>> metric.update_state([1, 0, 0], [0.9, 0.2, 0.7])
    >>> metric.result()
    1.0
    """

    def of_counts(
        self, tp: NDArray[Any], fp: NDArray[Any], tn: NDArray[Any], fn: NDArray[Any]
    ) -> NDArray[Any]:
        """Return the true negatives."""
        return tn


class FalseNegatives(_Count):
    """The number of targets 1 with a prediction not above the threshold.

    >>> metric = pt.metrics.FalseNegatives()
    >>> metric.update_state([1, 1, 0], [0.9, 0.2, 0.7])
    >>> metric.result()
    1.0
    """

    rises = False

    def of_counts(
        self, tp: NDArray[Any], fp: NDArray[Any], tn: NDArray[Any], fn: NDArray[Any]
    ) -> NDArray[Any]:
        """Return the false negatives."""
        return fn


class Precision(_Counts):
    """TP / (TP + FP): the share of the positive predictions that are right.

    >>> metric = pt.metrics.Precision()
    >>> metric.update_state([1, 1, 0], [0.9, 0.2, 0.7])
    >>> metric.result()
    0.5
    """

    def of_counts(
        self, tp: NDArray[Any], fp: NDArray[Any], tn: NDArray[Any], fn: NDArray[Any]
    ) -> NDArray[Any]:
        """Return TP / (TP + FP)."""
        return ratio(tp, tp + fp)


class Recall(_Counts):
    """TP / (TP + FN): the share of the targets 1 that are predicted.

    >>> metric = pt.metrics.Recall()
    >>> metric.update_state([1, 1, 0], [0.9, 0.2, 0.7])
    >>> metric.result()
    0.5
    """

    def of_counts(
        self, tp: NDArray[Any], fp: NDArray[Any], tn: NDArray[Any], fn: NDArray[Any]
    ) -> NDArray[Any]:
        """Return TP / (TP + FN)."""
        return ratio(tp, tp + fn)


class AUC(_Counts):
    """The area under a curve over all thresholds, ROC or precision-recall.

    >>> metric = pt.metrics.AUC()
    >>> metric.update_state([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9])
    >>> metric.result()
    0.75
    """

    def __init__(
        self,
        num_thresholds: SupportsIndex = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        *,
        thresholds: float | Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        """Create the metric.

        Args:
            num_thresholds: how many thresholds, evenly spaced; at least 2.
            curve: "ROC", recall over the share of false positives, or "PR", precision over recall.
            summation_method: "interpolation" (for PR: Davis, Goadrich 2006), "minoring" or
                "majoring".
            name: the key in logs and history; by default the class's name in snake case.
            thresholds: the thresholds between 0 and 1, instead of num_thresholds.
            from_logits: whether predictions are logits of a sigmoid.
        """
        super().__init__(thresholds, name=name)
        if thresholds is None:
            self.num_thresholds = integer(f"{self.name}: num_thresholds", num_thresholds, 2)
            inner = np.arange(1, self.num_thresholds - 1) / (self.num_thresholds - 1)
        else:
            inner = np.sort(self._limits)
            self.num_thresholds = len(inner) + 2
        self._limits = np.array([-1e-7, *inner, 1 + 1e-7])
        self.curve = lookup("curve", curve, {"ROC": "ROC", "PR": "PR"})
        self.summation_method = lookup(
            "summation_method",
            summation_method,
            {name: name for name in ("interpolation", "minoring", "majoring")},
        )
        self.from_logits = bool(from_logits)
        self.reset_state()

    def _count(self, y: NDArray[Any], p: NDArray[Any], w: NDArray[Any]) -> None:
        if self.from_logits:
            p = np.asarray(pt.sigmoid(pt.asarray(p)))
        if p.size and not (p.min() >= 0 and p.max() <= 1):
            raise ValueError(
                f"{self.name}: predictions from {p.min():g} to {p.max():g}: expected "
                "probabilities in [0, 1] (for logits: from_logits=True)"
            )
        super()._count(y, p, w)

    def of_counts(
        self, tp: NDArray[Any], fp: NDArray[Any], tn: NDArray[Any], fn: NDArray[Any]
    ) -> NDArray[Any]:
        """Return the area under the curve."""
        recall = ratio(tp, tp + fn)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return _interpolated(tp, fp, fn)
        x, y = (ratio(fp, fp + tn), recall) if self.curve == "ROC" else (recall, ratio(tp, tp + fp))
        low, high = np.minimum(y[:-1], y[1:]), np.maximum(y[:-1], y[1:])
        heights = {"interpolation": (low + high) / 2, "minoring": low, "majoring": high}[
            self.summation_method
        ]
        return ((x[:-1] - x[1:]) * heights).sum()


def _interpolated(tp: NDArray[Any], fp: NDArray[Any], fn: NDArray[Any]) -> NDArray[Any]:
    """Return the area under precision over recall; between thresholds TP is linear in TP + FP."""
    positives = tp + fp
    slope = ratio(tp[:-1] - tp[1:], np.maximum(positives[:-1] - positives[1:], 0))
    intercept = tp[1:] - slope * positives[1:]
    both = (positives[:-1] > 0) & (positives[1:] > 0)
    quotient = np.where(both, ratio(positives[:-1], positives[1:]), 1.0)
    area = slope * (tp[:-1] - tp[1:] + intercept * np.log(quotient))
    return ratio(area, tp[1:] + fn[1:]).sum()


class FBetaScore(Metric):
    """The weighted harmonic mean of precision and recall of each class.

    It is (1 + beta**2) * precision * recall / (beta**2 * precision + recall).

    >>> metric = pt.metrics.FBetaScore(beta=2.0, threshold=0.5)
    >>> metric.update_state([[1], [0], [1]], [[0.9], [0.6], [0.2]])
    >>> metric.result()
    array([0.49999996])
    """

    rises = True
    kept = ("_sums",)
    _sums: NDArray[Any] | None

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
    ) -> None:
        """Create the metric.

        Args:
            average: None for an ndarray of the scores of the classes; "macro" for their mean;
                "weighted" for their mean weighted by the sizes of the classes; "micro" for the
                score of the counts of all classes together.
            beta: how many times as much recall counts as precision, above 0.
            threshold: predictions above it are positive, in (0, 1]; by default the largest
                prediction of a sample is the positive one.
            name: the key in logs and history.
        """
        super().__init__(name=name)
        self.average = (
            None
            if average is None
            else lookup("average", average, {name: name for name in ("micro", "macro", "weighted")})
        )
        self.beta = number(f"{self.name}: beta", beta, 0, above_low=True)
        self.threshold = (
            None
            if threshold is None
            else number(f"{self.name}: threshold", threshold, 0, 1, above_low=True)
        )
        self.reset_state()

    def update_state(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Add a batch.

        Args:
            y_true: one-hot rows, (n, classes).
            y_pred: probabilities, of the same shape.
            sample_weight: weights of samples or outputs.
        """
        y, p, w = as_arrays(self.name, y_true, y_pred, sample_weight)
        positive = (
            p > self.threshold
            if self.threshold is not None
            else (p >= p.max(axis=-1, keepdims=True)) & (abs(p) > 1e-9)
        )
        sums = np.stack([w * positive * y, w * positive * (1 - y), w * ~positive * y]).sum(axis=1)
        self._sums = sums if self._sums is None else self._sums + sums

    def result(self) -> float | NDArray[Any]:
        """Return the score so far: a float, or an ndarray if average is None."""
        if self._sums is None:
            return 0.0
        sums = self._sums.sum(axis=1, keepdims=True) if self.average == "micro" else self._sums
        tp, fp, fn = sums
        precision, recall = tp / (tp + fp + 1e-7), tp / (tp + fn + 1e-7)
        scores = (
            (1 + self.beta**2) * precision * recall / (self.beta**2 * precision + recall + 1e-7)
        )
        if self.average is None:
            return scores
        sizes = tp + fn if self.average == "weighted" else np.ones(len(tp))
        return ((scores * sizes).sum() / (sizes.sum() + 1e-7 * (self.average == "weighted"))).item()

    def reset_state(self) -> None:
        """Start again, without any batch."""
        self._sums = None


class F1Score(FBetaScore):
    """FBetaScore with beta = 1: 2 * precision * recall / (precision + recall).

    >>> metric = pt.metrics.F1Score(threshold=0.5)
    >>> metric.update_state([[1], [0], [1]], [[0.9], [0.6], [0.2]])
    >>> metric.result()
    array([0.49999993])
    """

    def __init__(
        self, average: str | None = None, threshold: float | None = None, name: str | None = None
    ) -> None:
        """Create the metric.

        Args:
            average: as in FBetaScore.
            threshold: as in FBetaScore.
            name: the key in logs and history; by default the class's name in snake case.
        """
        super().__init__(average, 1.0, threshold, name)
