"""Accuracies: how often predictions are right."""

from __future__ import annotations

from pytensor import _functions as pt
from pytensor import losses
from pytensor._support.arguments import integer, number
from pytensor.metrics.metric import MeanOf, as_tensors

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]


def categorical_accuracy(y_true, y_pred):
    """Whether the largest prediction is at the largest target; not where one is NaN.

    y_true: one-hot rows or probabilities, y_pred: probabilities or logits; both (..., classes).
    Returns: (...), bool.

    >>> pt.metrics.categorical_accuracy([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]])
    Tensor([ True, False], dtype=bool)
    """
    y_true, y_pred = as_tensors(y_true, y_pred)
    return (y_true.argmax(-1) == y_pred.argmax(-1)) & _ranked(y_true) & _ranked(y_pred)


def sparse_categorical_accuracy(y_true, y_pred):
    """Whether the largest prediction is at the label; not where one is NaN.

    y_true: class numbers, (...) or (..., 1); y_pred: probabilities or logits, (..., classes).
    Returns: (...), bool.

    >>> pt.metrics.sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.4, 0.6]])
    Tensor([ True, False], dtype=bool)
    """
    y_true, y_pred = as_tensors(y_true, y_pred)
    if y_true.ndim == y_pred.ndim:
        y_true = y_true.reshape(y_true.shape[:-1])
    return (y_true == y_pred.argmax(-1)) & _ranked(y_pred)


def _ranked(scores):
    """Whether the scores of a sample can be ranked: none is NaN, which argmax takes for largest."""
    largest = scores.max(axis=-1)
    return largest == largest


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """Whether outputs are on the right side of the threshold; NaN is on none.

    y_true: 0 or 1, y_pred: probabilities; both (..., outputs), or (...) and (..., 1).
    Returns: the shape of y_pred, bool.

    >>> pt.metrics.binary_accuracy([[1], [0]], [[0.9], [0.6]])
    Tensor([[ True],
            [False]], dtype=bool)
    """
    y_true, y_pred = as_tensors(y_true, y_pred)
    y_true = losses.match_shape("binary_accuracy", y_true, y_pred.shape)
    return (y_true == (y_pred > threshold).astype(y_true.dtype)) & (y_pred == y_pred)


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5):
    """Whether fewer than k predictions are larger than that of the label.

    NaN has no rank: that of another class counts as larger, that of the label is never among the k.
    y_true: class numbers, (...) or (..., 1); y_pred: probabilities or logits, (..., classes).
    Returns: (...), bool.

    >>> pt.metrics.sparse_top_k_categorical_accuracy([2], [[0.1, 0.5, 0.4]], k=2)
    Tensor([ True], dtype=bool)
    """
    y_true, y_pred = as_tensors(y_true, y_pred)
    labels = losses.class_numbers("sparse_top_k_categorical_accuracy", y_true, y_pred.shape)
    rows = y_pred.reshape((labels.size, y_pred.shape[-1]))
    chosen = rows[pt.arange(labels.size), labels.reshape((labels.size,))]
    not_larger = (rows <= chosen.reshape((labels.size, 1))).sum(axis=-1)
    return ((rows.shape[-1] - not_larger < k) & (chosen == chosen)).reshape(labels.shape)


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """Whether fewer than k predictions are larger than that at the largest target.

    y_true: one-hot rows or probabilities, y_pred: probabilities or logits; both (..., classes).
    Returns: (...), bool.

    >>> pt.metrics.top_k_categorical_accuracy([[0, 0, 1]], [[0.1, 0.5, 0.4]], k=2)
    Tensor([ True], dtype=bool)
    """
    y_true, y_pred = as_tensors(y_true, y_pred)
    return sparse_top_k_categorical_accuracy(y_true.argmax(-1), y_pred, k)


class Accuracy(MeanOf):
    """The share of predictions that are equal to their targets: class numbers, for example.

    >>> metric = pt.metrics.Accuracy()
    >>> metric.update_state([1, 2, 3], [1, 2, 4])
    >>> metric.result()
    0.6666666666666666
    """

    rises = True

    def values(self, y_true, y_pred):
        """Return whether they are, of the shape of y_pred."""
        y_true, y_pred = as_tensors(y_true, y_pred)
        y_true = losses.match_shape(self.name, y_true, y_pred.shape)
        return y_true == y_pred


class CategoricalAccuracy(MeanOf):
    """The share of samples whose largest prediction is at the largest target.

    >>> metric = pt.metrics.CategoricalAccuracy()
    >>> metric.update_state([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]])
    >>> metric.result()
    0.5
    """

    rises = True
    takes_logits = True
    function = staticmethod(categorical_accuracy)


class SparseCategoricalAccuracy(MeanOf):
    """The share of samples whose largest prediction is at the label.

    >>> metric = pt.metrics.SparseCategoricalAccuracy()
    >>> metric.update_state([1, 0], [[0.2, 0.8], [0.4, 0.6]])
    >>> metric.result()
    0.5
    """

    rises = True
    takes_logits = True
    function = staticmethod(sparse_categorical_accuracy)


class BinaryAccuracy(MeanOf):
    """The share of outputs on the right side of the threshold.

    >>> metric = pt.metrics.BinaryAccuracy()
    >>> metric.update_state([1, 0, 1], [0.9, 0.2, 0.4])
    >>> metric.result()
    0.6666666865348816
    """

    rises = True

    def __init__(self, name=None, *, threshold=0.5):
        """Threshold: outputs above it count as 1."""
        super().__init__(name)
        self.threshold = number(f"{self.name}: threshold", threshold)

    def values(self, y_true, y_pred):
        """Return whether it is so for each output, (..., outputs)."""
        return binary_accuracy(y_true, y_pred, self.threshold)


class TopKCategoricalAccuracy(MeanOf):
    """The share of samples with fewer than k predictions larger than that of their class.

    >>> metric = pt.metrics.TopKCategoricalAccuracy(k=2)
    >>> metric.update_state([[0, 0, 1], [1, 0, 0]], [[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]])
    >>> metric.result()
    0.5
    """

    rises = True
    takes_logits = True
    function = staticmethod(top_k_categorical_accuracy)

    def __init__(self, k=5, name=None):
        """K: an integer >= 1."""
        super().__init__(name)
        self.k = integer(f"{self.name}: k", k, 1)

    def values(self, y_true, y_pred):
        """Return whether it is so for each sample, (...)."""
        return self.function(y_true, y_pred, self.k)


class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """The same for class numbers.

    >>> metric = pt.metrics.SparseTopKCategoricalAccuracy(k=2)
    >>> metric.update_state([2, 0], [[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]])
    >>> metric.result()
    0.5
    """

    function = staticmethod(sparse_top_k_categorical_accuracy)
