"""The results of a pass over data: the mean loss and the metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pytensor import metrics

if TYPE_CHECKING:
    from pytensor._core import Tensor


class Results:
    """The mean loss and the metrics that compile was given, accumulated over batches.

    Iterating yields them as Metrics, the mean loss first.

    Args:
        unweighted: The identifiers of the metrics that ignore weights.
        weighted: Those of the metrics that use the weights of samples and classes.
        targets_shape: (n, ...), of targets; with predictions_shape it decides what "accuracy" is.
        predictions_shape: (n, ...), of the predictions.

    Raises:
        ValueError: Two metrics have one name.
    """

    def __init__(
        self,
        unweighted: Sequence[Any],
        weighted: Sequence[Any],
        targets_shape: tuple[int, ...],
        predictions_shape: tuple[int, ...],
    ) -> None:
        self._loss = metrics.Mean("loss")
        self._metrics: list[Any] = []
        self._n_unweighted = len(unweighted)
        for identifier in (*unweighted, *weighted):
            metric = metrics.get(identifier, targets_shape, predictions_shape)
            if any(metric.name == other.name for other in self):
                raise ValueError(
                    f"compile: metrics: the name {metric.name!r} is taken: expected each once"
                )
            self._metrics.append(metric)

    def __iter__(self) -> Iterator[Any]:
        yield self._loss
        yield from self._metrics

    def reset(self) -> None:
        """Forget what was accumulated."""
        for metric in self:
            metric.reset_state()

    def logs(self) -> dict[str, float]:
        """Return the results so far by name, "loss" first."""
        return {metric.name: metric.result() for metric in self}

    def updater(self, activation: Callable[[Tensor], Tensor] | None) -> Callable[..., None]:
        """Return update(loss, y, outputs, weights), which takes a batch into account.

        Args:
            activation: What makes predictions of outputs that are logits; None if the outputs are
                the predictions.
        """
        loss = self._loss
        logits = activation is not None
        unweighted = self._metrics[: self._n_unweighted]
        on_outputs = [
            metric.update_state for metric in unweighted if not logits or metric.takes_logits
        ]
        on_predictions = [
            metric.update_state for metric in unweighted if logits and not metric.takes_logits
        ]
        weighted = [metric.update_state for metric in self._metrics[self._n_unweighted :]]

        def update(value: float, y: Tensor, outputs: Tensor, weights: Tensor | None) -> None:
            n = len(y)
            loss.add(value * n, n)
            for update_state in on_outputs:
                update_state(y, outputs)
            if on_predictions or weighted:
                predictions = outputs if activation is None else activation(outputs)
                for update_state in on_predictions:
                    update_state(y, predictions)
                for update_state in weighted:
                    update_state(y, predictions, weights)

        return update
