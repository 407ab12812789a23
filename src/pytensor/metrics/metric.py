"""Metric, the base class of all metrics; means and sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pytensor import _functions as pt
from pytensor import losses
from pytensor._core import Tensor
from pytensor._support.arguments import snake_case
from pytensor._support.inheritance import overridden
from pytensor.losses import as_tensor
from pytensor.serialization import Configurable

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Mean", "MeanFunction", "Metric", "Sum"]


class Metric(Configurable):
    """Base class of all metrics. A subclass defines `update_state`, `result` and `reset_state`.

    Attributes:
        rises: whether more is better.
        takes_logits: whether update_state accepts the logits of a softmax instead of its outputs. A
            subclass that defines `update_state` or `values` does not, unless it says so.
        kept: the names of the attributes that hold what was accumulated, for checkpoints during an
            epoch, and for processes that share an epoch (see `merged`).

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

    rises: bool = False
    takes_logits: bool = False
    kept: tuple[str, ...] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        """Take predictions, not logits, if the subclass computes something else."""
        super().__init_subclass__(**options)
        if overridden(cls, "takes_logits", "update_state", "values"):
            cls.takes_logits = False

    def __init__(self, *, name: str | None = None) -> None:
        """Create the metric.

        Args:
            name: the key in logs and history; by default the class's name in snake case.
        """
        self.name = snake_case(type(self).__name__) if name is None else name

    def update_state(self, *arguments: Any, **options: Any) -> None:
        """Add a batch, given as y_true, y_pred and, optionally, sample_weight."""
        raise NotImplementedError(f"{type(self).__name__} does not define update_state")

    def result(self) -> float | NDArray[Any]:
        """Return the value over all batches since the last reset."""
        raise NotImplementedError(f"{type(self).__name__} does not define result")

    def reset_state(self) -> None:
        """Start again, without any batch."""
        raise NotImplementedError(f"{type(self).__name__} does not define reset_state")

    def merged(self, a: Any, b: Any) -> Any:
        """Return the value of an attribute in `kept` for two parts of the data together.

        Args:
            a: its value for one part; None if there was no batch.
            b: its value for the other part.
        """
        return b if a is None else a if b is None else a + b

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Add a batch as update_state does, and return the value so far."""
        self.update_state(*arguments, **options)
        return self.result()


class Sum(Metric):
    """The sum of all values.

    >>> total = pt.metrics.Sum()
    >>> total.update_state([1.0, 2.0])
    >>> total.result()
    3.0
    """

    kept = ("_total", "_count")
    of_samples = False  # whether a sample counts once, however many values it has

    def __init__(self, name: str | None = "sum") -> None:
        """Create the metric.

        Args:
            name: the key in logs and history.
        """
        super().__init__(name=name)
        self.reset_state()

    def update_state(self, values: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add values, each times its weight.

        Args:
            values: a number or a tensor.
            sample_weight: of the shape of the values, or of their first axes; it broadcasts.
        """
        self.add_sums(*self.sums(values, sample_weight))

    def sums(
        self, values: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> tuple[Tensor, Tensor | int, int]:
        """Return what update_state adds to the state: total, count, and what to divide both by.

        Args:
            values: a number or a tensor.
            sample_weight: as for update_state.
        """
        tensor = as_tensor(values)
        count: Tensor | int = tensor.size
        if sample_weight is not None:
            weights = losses.weights_like(tensor, sample_weight)
            count = pt.broadcast_to(weights, tensor.shape).sum()
            tensor = tensor * weights
        n = math.prod(tensor.shape[1:]) or 1 if self.of_samples else 1
        return tensor.sum(), count, n

    def add_sums(self, total: Tensor, count: Tensor | int, n: int) -> None:
        """Add what sums returned."""
        self.add(float(total) / n, (count if isinstance(count, int) else float(count)) / n)

    def add(self, total: float, count: float) -> None:
        """Add the total of `count` values."""
        self._total += total
        self._count += count

    def result(self) -> float:
        """Return the sum so far."""
        return self._total

    def reset_state(self) -> None:
        """Start again, without any value."""
        self._total = 0.0
        self._count: float = 0


class Mean(Sum):
    """The mean of all values, 0 before the first.

    >>> mean = pt.metrics.Mean()
    >>> mean.update_state([1.0, 2.0])
    >>> mean.update_state([6.0])
    >>> mean.result()
    3.0
    """

    of_samples = True

    def __init__(self, name: str | None = "mean") -> None:
        """Create the metric.

        Args:
            name: the key in logs and history.
        """
        super().__init__(name)

    def result(self) -> float:
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

    function: Any = None

    def __init__(self, function: Callable[..., Tensor], name: str | None = None) -> None:
        """Create the metric.

        Args:
            function: returns one value per sample of (y_true, y_pred), or one for the batch.
            name: the key in logs and history; by default the name of the function.
        """
        super().__init__(getattr(function, "__name__", "metric") if name is None else name)
        self.function = function

    def update_state(  # type: ignore[override]
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Add the values of a batch.

        Args:
            y_true: the targets.
            y_pred: the predictions.
            sample_weight: of the shape of the values, or of their first axes; of the shape of
                y_true if the function is a mean over outputs. It broadcasts.
        """
        self.add_sums(*self.sums_of(y_true, y_pred, sample_weight))

    def sums_of(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> tuple[Tensor, Tensor | int, int]:
        """Return what update_state adds to the state, as `sums` does."""
        y_true, y_pred = losses.by_output(self.function, y_true, y_pred, sample_weight)
        return self.sums(self.values(y_true, y_pred), sample_weight)

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Tensor:
        """Return the value of each sample."""
        return self.function(y_true, y_pred)


class MeanOf(MeanFunction):
    """Base of the metrics that are the mean of one function, which a subclass has as `function`."""

    def __init__(self, name: str | None = None) -> None:
        """Create the metric.

        Args:
            name: the key in logs and history; by default the class's name in snake case.
        """
        Metric.__init__(self, name=name)
        self.reset_state()


def as_tensors(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Tensor, Tensor]:
    """Return targets and predictions as tensors."""
    return as_tensor(y_true), as_tensor(y_pred)


def as_arrays(
    name: str,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None,
    of_classes: bool = False,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return targets, predictions and weights as ndarrays of one shape, (n, outputs), for counting.

    Args:
        name: for messages.
        y_true: the targets.
        y_pred: the predictions.
        sample_weight: weights, or None.
        of_classes: whether predictions with one axis are those of one sample, not n samples.
    """
    targets, predictions = as_tensors(y_true, y_pred)
    targets = losses.match_shape(name, targets, predictions.shape)
    weights: NDArray[Any] | Tensor = np.ones(())
    if sample_weight is not None:
        weights = losses.weights_like(predictions, sample_weight)
    one_axis = predictions.ndim <= 1 and not of_classes
    shape = (predictions.size, 1) if one_axis else (-1, predictions.shape[-1])
    return (
        np.asarray(targets, np.float64).reshape(shape),
        np.asarray(predictions).reshape(shape),
        np.broadcast_to(np.asarray(weights, np.float64), predictions.shape).reshape(shape),
    )


def ratio(x: ArrayLike, y: ArrayLike) -> NDArray[Any]:
    """Return x / y, 0 where y is 0."""
    x, y = np.asarray(x), np.asarray(y)
    zeros = np.zeros(np.broadcast_shapes(x.shape, y.shape))
    return np.divide(x, y, out=zeros, where=y != 0)


def plain(result: Any) -> float | NDArray[Any]:
    """Return an ndarray with one element as a float; others stay."""
    return result.item() if np.size(result) == 1 else result
