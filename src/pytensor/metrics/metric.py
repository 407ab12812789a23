"""Metric, the base class of all metrics; means and sums."""

from __future__ import annotations

import math

import numpy as np

from pytensor import _functions as pt
from pytensor import losses
from pytensor._core import Tensor
from pytensor._support.arguments import snake_case
from pytensor.serialization import Configurable

__all__ = ["Mean", "MeanFunction", "Metric", "Sum"]


class Metric(Configurable):
    """Base class. A subclass defines update_state, result and reset_state.

    rises: whether more is better. takes_logits: whether update_state may be given the logits of a
    softmax for its outputs. kept: the names of the attributes that hold what was accumulated, for a
    checkpoint amid an epoch, and for processes that share an epoch: merged makes one of two.

    >>> class Count(pt.metrics.Metric):
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.n += len(y_true)
    ...     def result(self):
    ...         return float(self.n)
    ...     def reset_state(self):
    ...         self.n = 0
    ...
    >>> count = Count()
    >>> count.reset_state()
    >>> count.update_state([0, 1], [0, 1])
    >>> count.result()
    2.0
    """

    rises = False
    takes_logits = False
    kept = ()

    def __init__(self, name=None):
        """Name: the key in logs and history; by default the class's in snake case."""
        self.name = snake_case(type(self).__name__) if name is None else name

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take a batch into account; the third argument may be left out by metrics of one's own."""
        raise NotImplementedError(f"{type(self).__name__} does not define update_state")

    def result(self):
        """Return the value over everything since the last reset, a float."""
        raise NotImplementedError(f"{type(self).__name__} does not define result")

    def reset_state(self):
        """Forget what was accumulated."""
        raise NotImplementedError(f"{type(self).__name__} does not define reset_state")

    def merged(self, a, b):
        """Return what an attribute that is `kept` would hold for two parts of the data, from a and
        b for each: here their sum. None is nothing.
        """
        return b if a is None else a if b is None else a + b

    def __call__(self, *arguments, **options):
        """Take a batch into account, and return the value so far."""
        self.update_state(*arguments, **options)
        return self.result()


class Sum(Metric):
    """The sum of the values given.

    >>> total = pt.metrics.Sum()
    >>> total.update_state([1.0, 2.0])
    >>> total.result()
    3.0
    """

    kept = ("_total", "_count")
    of_samples = False  # whether a sample counts as one, however many values it has

    def __init__(self, name="sum"):
        """Name: the key in logs and history."""
        super().__init__(name)
        self.reset_state()

    def update_state(self, values, sample_weight=None):
        """Add values, a number or a tensor, each times its weight.

        sample_weight: of the shape of the values, or of their first axes; it broadcasts.
        """
        values = values if isinstance(values, Tensor) else pt.asarray(values)
        count = values.size
        if sample_weight is not None:
            weights = losses.weights_like(values, sample_weight)
            count = pt.broadcast_to(weights, values.shape).sum().item()
            values = values * weights
        n = math.prod(values.shape[1:]) or 1 if self.of_samples else 1
        self.add(values.sum().item() / n, count / n)

    def add(self, total, count):
        """Add a total of so many values."""
        self._total += total
        self._count += count

    def result(self):
        """Return the sum so far."""
        return self._total

    def reset_state(self):
        """Start anew."""
        self._total = 0.0
        self._count = 0


class Mean(Sum):
    """The mean of the values given, 0 before the first.

    >>> mean = pt.metrics.Mean()
    >>> mean.update_state([1.0, 2.0])
    >>> mean.update_state([6.0])
    >>> mean.result()
    3.0
    """

    of_samples = True

    def __init__(self, name="mean"):
        """Name: the key in logs and history."""
        super().__init__(name)

    def result(self):
        """Return the mean so far."""
        return self._total / self._count if self._count else 0.0


class MeanFunction(Mean):
    """The mean of function(y_true, y_pred) over all samples.

    >>> largest = lambda y_true, y_pred: pt.max(pt.abs(y_true - y_pred), axis=-1)
    >>> metric = pt.metrics.MeanFunction(largest, name="largest")
    >>> metric.update_state(pt.asarray([[0.0, 0.0]]), pt.asarray([[1.0, 3.0]]))
    >>> metric.result()
    3.0
    """

    function = None

    def __init__(self, function, name=None):
        """Function: gives one value per sample, or one for the batch."""
        super().__init__(getattr(function, "__name__", "metric") if name is None else name)
        self.function = function

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add the values of a batch.

        sample_weight: of the shape of the values, or of their first axes; of that of y_true where
            the function is a mean over outputs. It broadcasts.
        """
        y_true, y_pred = losses.by_output(self.function, y_true, y_pred, sample_weight)
        super().update_state(self.values(y_true, y_pred), sample_weight)

    def values(self, y_true, y_pred):
        """Return the value of each sample."""
        return self.function(y_true, y_pred)


class MeanOf(MeanFunction):
    """Base of those that are the mean of one function: a subclass has it as `function`."""

    def __init__(self, name=None):
        """Name: the key in logs and history; by default the class's in snake case."""
        Metric.__init__(self, name)
        self.reset_state()


def as_tensors(y_true, y_pred):
    """Targets and predictions as tensors."""
    return (
        y_true if type(y_true) is Tensor else pt.asarray(y_true),
        y_pred if type(y_pred) is Tensor else pt.asarray(y_pred),
    )


def as_arrays(name, y_true, y_pred, sample_weight, of_classes=False):
    """Targets, predictions and weights as ndarrays of one shape, (n, outputs), for counting.

    Predictions of one axis are n samples or, of_classes, one.
    """
    y_true, y_pred = as_tensors(y_true, y_pred)
    y_true = losses.match_shape(name, y_true, y_pred.shape)
    weights = np.ones(()) if sample_weight is None else losses.weights_like(y_pred, sample_weight)
    shape = (-1, y_pred.shape[-1]) if y_pred.ndim > 1 or of_classes else (y_pred.size, 1)
    return (
        np.asarray(y_true, np.float64).reshape(shape),
        np.asarray(y_pred).reshape(shape),
        np.broadcast_to(np.asarray(weights, np.float64), y_pred.shape).reshape(shape),
    )


def ratio(x, y):
    """x / y, 0 where y is 0: ndarrays or numbers."""
    return np.divide(
        x, y, out=np.zeros(np.broadcast_shapes(np.shape(x), np.shape(y))), where=np.asarray(y) != 0
    )


def plain(result):
    """An ndarray with one element as a float; others stay."""
    return result.item() if np.size(result) == 1 else result
