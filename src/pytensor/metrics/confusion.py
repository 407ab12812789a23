"""What follows from counts of true and false positives and negatives.

A prediction is positive where it is above a threshold, in its own dtype: the float32 0.3 is not
above 0.3. NaN is above none. Where a target is NaN, so is the count. Weights of samples count
instead of 1.
"""

from __future__ import annotations

import numpy as np

from pytensor import _functions as pt
from pytensor._support.arguments import integer, lookup, number
from pytensor.metrics.metric import Metric, as_arrays, plain, ratio

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
    """Base of those that count at thresholds: _counts has the rows TP, FP, TN, FN."""

    rises = True
    kept = ("_counts",)

    def __init__(self, thresholds=None, top_k=None, class_id=None, name=None):
        super().__init__(name)
        self.thresholds = thresholds
        self.top_k = None if top_k is None else integer(f"{self.name}: top_k", top_k, 1)
        self.class_id = None if class_id is None else integer(f"{self.name}: class_id", class_id, 0)
        # Of the top k, each counts, whatever its value.
        default = 0.5 if top_k is None else -np.inf
        several = isinstance(thresholds, (list, tuple))
        self._limits = np.array(
            [default]
            if thresholds is None
            else [
                number(f"{self.name}: thresholds", threshold, 0, 1)
                for threshold in (thresholds if several else [thresholds])
            ]
        )
        if not len(self._limits):
            raise ValueError(f"{self.name}: thresholds: found none: expected a number or several")
        self.reset_state()

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take a batch into account: y_true is 0 or 1, y_pred in [0, 1]; both (n, ...)."""
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

    def _count(self, y, p, w):
        """Add counts: how many thresholds lie below each prediction says where it is positive."""
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
            over = counts[::-1].cumsum()[::-1][1:]  # at threshold i: those above at least i + 1
            self._counts[k, order] += over
            self._counts[3 - k, order] += counts.sum() - over

    def result(self):
        """Return the value so far: a float, or an ndarray, one for each threshold."""
        return plain(self.of_counts(*self._counts))

    def of_counts(self, tp, fp, tn, fn):
        """Return the value for counts, ndarrays with one element for each threshold."""
        raise NotImplementedError(f"{type(self).__name__} does not define of_counts")

    def reset_state(self):
        """Start anew."""
        self._counts = np.zeros((4, len(self._limits)))


class _Count(_Counts):
    """Base of the counts themselves."""

    def __init__(self, thresholds=None, name=None):
        """Thresholds: a number in [0, 1] or a list of them; 0.5 by default."""
        super().__init__(thresholds, name=name)


class TruePositives(_Count):
    """How many are 1 and predicted above the threshold.

    >>> metric = pt.metrics.TruePositives()
    >>> metric.update_state([1, 1, 0], [0.9, 0.2, 0.7])
    >>> metric.result()
    1.0
    """

    def of_counts(self, tp, fp, tn, fn):
        """Return the true positives."""
        return tp


class FalsePositives(_Count):
    """How many are 0 and predicted above the threshold.

    >>> metric = pt.metrics.FalsePositives()
    >>> metric.update_state([1, 1, 0], [0.9, 0.2, 0.7])
    >>> metric.result()
    1.0
    """

    rises = False

    def of_counts(self, tp, fp, tn, fn):
        """Return the false positives."""
        return fp


class TrueNegatives(_Count):
    """How many are 0 and not predicted above the threshold.

    >>> metric = pt.metrics.TrueNegatives()
    >>> metric.update_state([1, 0, 0], [0.9, 0.2, 0.7])
    >>> metric.result()
    1.0
    """

    def of_counts(self, tp, fp, tn, fn):
        """Return the true negatives."""
        return tn


class FalseNegatives(_Count):
    """How many are 1 and not predicted above the threshold.

    >>> metric = pt.metrics.FalseNegatives()
    >>> metric.update_state([1, 1, 0], [0.9, 0.2, 0.7])
    >>> metric.result()
    1.0
    """

    rises = False

    def of_counts(self, tp, fp, tn, fn):
        """Return the false negatives."""
        return fn


class Precision(_Counts):
    """TP / (TP + FP): the share of the predicted that are right.

    thresholds: a number in [0, 1] or a list of them; 0.5 by default. top_k: only the k largest
    predictions of a sample count as positive, of equal ones the first; predictions of one axis are
    those of one sample. class_id: only this class counts.

    >>> metric = pt.metrics.Precision()
    >>> metric.update_state([1, 1, 0], [0.9, 0.2, 0.7])
    >>> metric.result()
    0.5
    """

    def of_counts(self, tp, fp, tn, fn):
        """Return TP / (TP + FP)."""
        return ratio(tp, tp + fp)


class Recall(_Counts):
    """TP / (TP + FN): the share of the right that are predicted; arguments as Precision's.

    >>> metric = pt.metrics.Recall()
    >>> metric.update_state([1, 1, 0], [0.9, 0.2, 0.7])
    >>> metric.result()
    0.5
    """

    def of_counts(self, tp, fp, tn, fn):
        """Return TP / (TP + FN)."""
        return ratio(tp, tp + fn)


class AUC(_Counts):
    """The area under a curve of all thresholds.

    curve: "ROC", recall over the share of false positives, or "PR", precision over recall.
    summation_method: "interpolation" (for PR: Davis, Goadrich 2006), "minoring" or "majoring".

    >>> metric = pt.metrics.AUC()
    >>> metric.update_state([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9])
    >>> metric.result()
    0.75
    """

    def __init__(
        self,
        num_thresholds=200,
        curve="ROC",
        summation_method="interpolation",
        name=None,
        *,
        thresholds=None,
        from_logits=False,
    ):
        """num_thresholds: >= 2, evenly spaced, unless thresholds gives those between 0 and 1.

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

    def _count(self, y, p, w):
        if self.from_logits:
            p = np.asarray(pt.sigmoid(pt.asarray(p)))
        if p.size and not (p.min() >= 0 and p.max() <= 1):
            raise ValueError(
                f"{self.name}: predictions from {p.min():g} to {p.max():g}: expected "
                "probabilities in [0, 1] (for logits: from_logits=True)"
            )
        super()._count(y, p, w)

    def of_counts(self, tp, fp, tn, fn):
        """Return the area."""
        recall = ratio(tp, tp + fn)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return _interpolated(tp, fp, fn)
        x, y = (ratio(fp, fp + tn), recall) if self.curve == "ROC" else (recall, ratio(tp, tp + fp))
        low, high = np.minimum(y[:-1], y[1:]), np.maximum(y[:-1], y[1:])
        heights = {"interpolation": (low + high) / 2, "minoring": low, "majoring": high}[
            self.summation_method
        ]
        return ((x[:-1] - x[1:]) * heights).sum()


def _interpolated(tp, fp, fn):
    """The area under precision over recall, where TP is linear in TP + FP between thresholds."""
    positives = tp + fp
    slope = ratio(tp[:-1] - tp[1:], np.maximum(positives[:-1] - positives[1:], 0))
    intercept = tp[1:] - slope * positives[1:]
    both = (positives[:-1] > 0) & (positives[1:] > 0)
    quotient = np.where(both, ratio(positives[:-1], positives[1:]), 1.0)
    area = slope * (tp[:-1] - tp[1:] + intercept * np.log(quotient))
    return ratio(area, tp[1:] + fn[1:]).sum()


class FBetaScore(Metric):
    """(1 + beta**2) * precision * recall / (beta**2 * precision + recall), class by class.

    y_true: one-hot rows, y_pred: probabilities; both (n, classes).

    >>> metric = pt.metrics.FBetaScore(beta=2.0, threshold=0.5)
    >>> metric.update_state([[1], [0], [1]], [[0.9], [0.6], [0.2]])
    >>> metric.result()
    array([0.49999996])
    """

    rises = True
    kept = ("_sums",)

    def __init__(self, average=None, beta=1.0, threshold=None, name="fbeta_score"):
        """average: None, an ndarray of the classes' scores; "macro", their mean; "weighted", the
        same with their sizes for weights; "micro", the score of all classes' counts together.

        beta: > 0, how many times as much recall counts as precision.
        threshold: in (0, 1]; by default the largest prediction of a sample is the positive one.
        """
        super().__init__(name)
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

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take a batch into account."""
        y, p, w = as_arrays(self.name, y_true, y_pred, sample_weight)
        positive = (
            p > self.threshold
            if self.threshold is not None
            else (p >= p.max(axis=-1, keepdims=True)) & (abs(p) > 1e-9)
        )
        sums = np.stack([w * positive * y, w * positive * (1 - y), w * ~positive * y]).sum(axis=1)
        self._sums = sums if self._sums is None else self._sums + sums

    def result(self):
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

    def reset_state(self):
        """Start anew."""
        self._sums = None


class F1Score(FBetaScore):
    """FBetaScore with beta = 1: 2 * precision * recall / (precision + recall).

    >>> metric = pt.metrics.F1Score(threshold=0.5)
    >>> metric.update_state([[1], [0], [1]], [[0.9], [0.6], [0.2]])
    >>> metric.result()
    array([0.49999993])
    """

    def __init__(self, average=None, threshold=None, name=None):
        """As FBetaScore's."""
        super().__init__(average, 1.0, threshold, name)
