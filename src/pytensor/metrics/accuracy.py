"""Accuracies: how often predictions are right."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, SupportsIndex

from pytensor import _functions as pt
from pytensor import losses
from pytensor._support.arguments import integer, number
from pytensor.metrics.metric import MeanOf, as_tensors

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pytensor._core import Tensor

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


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Return whether the largest prediction is at the largest target; False if one is NaN.

    Args:
        y_true: the targets, one-hot rows or probabilities, (..., classes).
        y_pred: probabilities or logits, of the same shape.

    Returns:
        One bool per sample, (...).

    >>> pt.metrics.categorical_accuracy([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]])
    Tensor([ True, False], dtype=bool)
    """
    targets, scores = as_tensors(y_true, y_pred)
    return (targets.argmax(-1) == scores.argmax(-1)) & _ranked(targets) & _ranked(scores)


def sparse_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
    """Return whether the largest prediction is at the label; False if one is NaN.

    Args:
        y_true: the labels, class numbers, (...) or (..., 1).
        y_pred: probabilities or logits, (..., classes).

    Returns:
        One bool per sample, (...).

    >>> pt.metrics.sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.4, 0.6]])
    Tensor([ True, False], dtype=bool)
    """
    labels, scores = as_tensors(y_true, y_pred)
    if labels.ndim == scores.ndim:
        labels = labels.reshape(labels.shape[:-1])
    return (labels == scores.argmax(-1)) & _ranked(scores)


def _ranked(scores: Tensor) -> Tensor:
    """Return whether no score of a sample is NaN, which argmax would take for the largest."""
    largest = scores.max(axis=-1)
    return largest == largest


def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> Tensor:
    """Return whether outputs are on the right side of the threshold; NaN is on neither side.

    Args:
        y_true: 0 or 1, (..., outputs); (...) is read as (..., 1).
        y_pred: probabilities, (..., outputs).
        threshold: outputs above it count as 1.

    Returns:
        One bool per output, of the shape of y_pred.

    >>> pt.metrics.binary_accuracy([[1], [0]], [[0.9], [0.6]])
    Tensor([[ True],
            [False]], dtype=bool)
    """
    targets, outputs = as_tensors(y_true, y_pred)
    targets = losses.match_shape("binary_accuracy", targets, outputs.shape)
    return (targets == (outputs > threshold).astype(targets.dtype)) & (outputs == outputs)


def sparse_top_k_categorical_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, k: SupportsIndex = 5
) -> Tensor:
    """Return whether fewer than k predictions are larger than that of the label.

    A NaN of another class counts as larger; with a NaN at the label the result is False.

    Args:
        y_true: the labels, class numbers, (...) or (..., 1).
        y_pred: probabilities or logits, (..., classes).
        k: an integer, at least 1.

    Returns:
        One bool per sample, (...).

    >>> pt.metrics.sparse_top_k_categorical_accuracy([2], [[0.1, 0.5, 0.4]], k=2)
    Tensor([ True], dtype=bool)
    """
    targets, scores = as_tensors(y_true, y_pred)
    labels = losses.class_numbers("sparse_top_k_categorical_accuracy", targets, scores.shape)
    rows = scores.reshape((labels.size, scores.shape[-1]))
    chosen = rows[pt.arange(labels.size), labels.reshape((labels.size,))]
    not_larger = (rows <= chosen.reshape((labels.size, 1))).sum(axis=-1)
    return ((rows.shape[-1] - not_larger < operator.index(k)) & (chosen == chosen)).reshape(
        labels.shape
    )


def top_k_categorical_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, k: SupportsIndex = 5
) -> Tensor:
    """Return whether fewer than k predictions are larger than that at the largest target.

    Args:
        y_true: the targets, one-hot rows or probabilities, (..., classes).
        y_pred: probabilities or logits, of the same shape.
        k: an integer, at least 1.

    Returns:
        One bool per sample, (...).

    >>> pt.metrics.top_k_categorical_accuracy([[0, 0, 1]], [[0.1, 0.5, 0.4]], k=2)
    Tensor([ True], dtype=bool)
    """
    targets, scores = as_tensors(y_true, y_pred)
    return sparse_top_k_categorical_accuracy(targets.argmax(-1), scores, k)


class Accuracy(MeanOf):
    """The share of predictions that are equal to their targets: class numbers, for example.

    >>> metric = pt.metrics.Accuracy()
    >>> metric.update_state([1, 2, 3], [1, 2, 4])
    >>> metric.result()
    0.6666666666666666
    """

    rises = True

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
        """Return whether they are equal, of the shape of y_pred."""
        targets, predictions = as_tensors(y_true, y_pred)
        return losses.match_shape(self.name, targets, predictions.shape) == predictions


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

    def __init__(self, name: str | None = None, *, threshold: float = 0.5) -> None:
        """Create the metric.

        Args:
            name: the key in logs and history; by default the class's name in snake case.
            threshold: outputs above it count as 1.
        """
        super().__init__(name)
        self.threshold = number(f"{self.name}: threshold", threshold)

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
        """Return whether each output is on the right side, (..., outputs)."""
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

    def __init__(self, k: SupportsIndex = 5, name: str | None = None) -> None:
        """Create the metric.

        Args:
            k: an integer, at least 1.
            name: the key in logs and history; by default the class's name in snake case.
        """
        super().__init__(name)
        self.k = integer(f"{self.name}: k", k, 1)

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
        """Return whether the class is among the k of each sample, (...)."""
        return self.function(y_true, y_pred, self.k)


class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """TopKCategoricalAccuracy with class numbers as targets.

    >>> metric = pt.metrics.SparseTopKCategoricalAccuracy(k=2)
    >>> metric.update_state([2, 0], [[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]])
    >>> metric.result()
    0.5
    """

    takes_logits = True
    function = staticmethod(sparse_top_k_categorical_accuracy)
