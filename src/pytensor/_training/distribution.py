"""How the work of fit is shared among processes: the interface, and its form for one process alone.

distributed.DataParallel is the other form.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pytensor._core import Tensor

_Value = TypeVar("_Value")


class Distribution:
    """Base class. As it stands, one process does all the work and has nothing to agree on.

    Attributes:
        rank: The number of this process, from 0.
        size: How many processes there are.
        is_first: Whether this is rank 0, which alone writes files and to the screen.
        shares: Whether a batch is cut into parts, so that an epoch must end on all ranks at once.
    """

    rank: int = 0
    size: int = 1
    is_first: bool = True
    shares: bool = False

    def fitting(self, model: Any) -> AbstractContextManager[Any]:
        """Return the context in which fit runs."""
        return contextlib.nullcontext()

    def from_first(self, function: Callable[[], _Value]) -> _Value:
        """Return on all ranks what function() returns on rank 0, which alone calls it."""
        return function()

    def first_goes_ahead(self, function: Callable[[], _Value]) -> _Value:
        """Return function(), called on all ranks, but on rank 0 first: it may fill a cache."""
        return function()

    def any_signal(self, signal: bool) -> bool:
        """Return whether any rank had set its signal by the last step; set that of this rank."""
        return signal

    # -------------------------------------------------------------------------------- an epoch

    def begin_epoch(self, position: Any) -> None:
        """Prepare the ranks for an epoch, before the order of its samples is drawn."""

    def end_epoch(self, model: Any) -> None:
        """Make the ranks agree after an epoch, on whether to stop above all."""

    # ------------------------------------------------------------------------------- the batch

    def cut(self, n: int) -> list[tuple[int, int]]:
        """Return the parts of a batch of n samples that are this rank's, each (start, stop)."""
        return [(0, n)]

    def share(self, n: int, rows: Callable[[int, int], tuple[Any, ...]]) -> tuple[Any, ...]:
        """Return this rank's share of a batch, as its steps take it.

        Args:
            n: The number of samples in the batch.
            rows: rows(start, stop) returns the x, y and weights of some of them.
        """
        return rows(0, n)

    def joined(self, share: Any) -> Tensor | None:
        """Return the x, the y or the weights of this rank's share as one tensor."""
        return share

    # ------------------------------------------------------------------------------ the metrics

    def begin_metrics(self, metrics: Iterable[Any]) -> None:
        """Start to accumulate in metrics; what they already hold belongs to all ranks together."""

    def whole_metrics(self) -> AbstractContextManager[Any]:
        """Return a context in which the metrics are those of all ranks, all of which enter it."""
        return contextlib.nullcontext()

    # -------------------------------------------------------------------------------- the step

    def test_step(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """Return a step for this rank's share, from that for a batch."""
        return step

    def train_step(
        self,
        model: Any,
        differentiate: Callable[..., tuple[float, Any, Any]],
        apply: Callable[[Any], None],
        update: Callable[..., None],
    ) -> Callable[..., float]:
        """Return step(x, y, weights): one update of the weights, for this rank's share of a batch.

        Args:
            model: The model that is trained.
            differentiate: differentiate(x, y, weights) returns loss, gradients and an Outcome.
            apply: apply(gradients) updates the weights.
            update: update(loss, y, outcome, weights) updates the metrics.

        Returns:
            The step. It returns the loss of the whole batch; if that is not finite, it has updated
            nothing.
        """

        def step(x: Tensor, y: Tensor, sample_weight: Tensor | None = None) -> float:
            value, gradients, outcome = differentiate(x, y, sample_weight)
            if math.isfinite(value):
                apply(gradients)
                update(value, y, outcome, sample_weight)
            return value

        return step


SINGLE_PROCESS = Distribution()
