"""The results of a pass over data: the mean loss and the metrics."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pytensor import metrics
from pytensor._core import Tensor
from pytensor._training.objective import Head, Outcome
from pytensor._training.recording import is_ours
from pytensor.layers.layer import mask_of
from pytensor.losses import masked_weights


class OwnResults:
    """The results of a step that a subclass of a model defines: what it returned last.

    Iterating yields the model's metrics.

    Args:
        model: The model.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._logs: dict[str, Any] = {}

    def __iter__(self) -> Iterator[Any]:
        yield from self._model.metrics

    @property
    def names(self) -> list[str]:
        """The names of the results."""
        return list(self._logs)

    def take(self, logs: dict[str, Any]) -> None:
        """Keep what a step returned."""
        self._logs = logs

    def reset(self) -> None:
        """Forget what was accumulated."""
        self._logs = {}
        self._model.reset_metrics()

    def logs(self) -> dict[str, Any]:
        """Return what the last step returned."""
        return dict(self._logs)


class Results:
    """The mean loss and the metrics that compile was given, accumulated over batches.

    Iterating yields them as Metrics, the mean loss first. Where several outputs have a loss, the
    means of these follow, named after the outputs, as are the metrics then.

    Args:
        heads: What compile says about each output.
        targets_shapes: The shape (n, ...) of the targets of each; with predictions_shapes it
            decides what "accuracy" is.
        predictions_shapes: The shape (n, ...) of the predictions of each.

    Raises:
        ValueError: Two metrics have one name.
    """

    def __init__(
        self,
        heads: Sequence[Head],
        targets_shapes: Sequence[Any],
        predictions_shapes: Sequence[Any],
    ) -> None:
        self._loss = metrics.Mean("loss")
        several = len(heads) > 1
        lossy = [head for head in heads if head.loss is not None]
        self._losses = [metrics.Mean(f"{h.name}_loss") for h in lossy] if len(lossy) > 1 else []
        self._names = [metric.name for metric in (self._loss, *self._losses)]
        self._metrics: list[tuple[int, bool, Any]] = []  # output, whether weighted, metric
        for k, head in enumerate(heads):
            for position, identifier in enumerate((*head.metrics, *head.weighted)):
                metric = metrics.get(identifier, targets_shapes[k], predictions_shapes[k])
                name = f"{head.name}_{metric.name}" if several else metric.name
                if name in self._names:
                    raise ValueError(
                        f"compile: metrics: the name {name!r} is taken: expected each once"
                    )
                self._names.append(name)
                self._metrics.append((k, position >= len(head.metrics), metric))

    def __iter__(self) -> Iterator[Any]:
        yield self._loss
        yield from self._losses
        for _, _, metric in self._metrics:
            yield metric

    @property
    def names(self) -> list[str]:
        """The names of the results, in order."""
        return self._names

    def reset(self) -> None:
        """Forget what was accumulated."""
        for metric in self:
            metric.reset_state()

    def logs(self) -> dict[str, float]:
        """Return the results so far by name, "loss" first."""
        return {name: metric.result() for name, metric in zip(self._names, self, strict=True)}

    def update(self, y: Any, outputs: Any, weights: Any) -> None:
        """Take a batch into account, but for its loss.

        Args:
            y: The targets, a tensor or a list of them.
            outputs: The predictions, likewise.
            weights: The weights of samples, or None.
        """
        for k, weighted, metric in self._metrics:
            several = isinstance(outputs, list)
            y_true, y_pred = (y[k], outputs[k]) if several else (y, outputs)
            weight = weights[k] if isinstance(weights, list) else weights
            if y_true is not None:
                _update(metric.update_state, y_true, y_pred, mask_of(y_pred), weight, weighted)

    def recorded(
        self, activations: Sequence[Callable[[Tensor], Tensor] | None]
    ) -> tuple[Callable[..., list[Any]], Callable[..., None], Callable[..., list[Any]] | None]:
        """Return update in two parts, of which the first can be recorded.

        Args:
            activations: As for updater.

        Returns:
            sums(y, outcome, weights) computes what the metrics add up that are sums of the values
            of samples. take(loss, found, n, y, outcome, weights), for a batch of n samples, adds
            that to them, and updates the others. terms(loss, found, n, losses) returns the same as
            a list of (metric, attribute, value, factor, divisor), where attribute += value * factor
            / divisor; None if there are others, of which only take reads more of the outcome than
            its losses.
        """
        several = len(activations) > 1
        chosen = [
            (k, weighted, metric, activations[k] if weighted or not metric.takes_logits else None)
            for k, weighted, metric in self._metrics
            if is_ours(metric) and type(metric).update_state is metrics.MeanFunction.update_state
        ]
        others = [m for m in self._metrics if not any(m[2] is c[2] for c in chosen)]
        update_others = self._updater_of(others, activations)

        def sums(y: Any, outcome: Outcome, weights: Any) -> list[Any]:
            outputs, _, masks = outcome
            found: list[Any] = []
            predictions: dict[int, Tensor] = {}
            for k, weighted, metric, activation in chosen:
                y_true, out = (y[k], outputs[k]) if several and y is not None else (y, outputs)
                if y_true is None:
                    found.append(None)
                    continue
                if activation is not None:
                    if k not in predictions:
                        predictions[k] = activation(out)
                    out = predictions[k]
                weight = (
                    (weights[k] if isinstance(weights, list) else weights) if weighted else None
                )
                mask = masks[k] if masks else None
                if mask is not None:
                    weight = masked_weights(weight, mask, "sum")
                found.append(metric.sums_of(y_true, out, weight))
            return found

        def take(
            loss: float, found: list[Any], n: int, y: Any, outcome: Outcome, weights: Any
        ) -> None:
            self._loss.add(loss * n, n)
            for mean, value in zip(self._losses, outcome[1], strict=bool(self._losses)):
                mean.add(value.item() * n, n)
            for (_, _, metric, _), part in zip(chosen, found, strict=True):
                if part is not None:
                    metric.add_sums(*part)
            if others:
                update_others(y, outcome, weights)

        def terms(loss: Tensor, found: list[Any], n: int, values: Sequence[Tensor]) -> list[Any]:
            means = [(self._loss, loss), *zip(self._losses, values, strict=bool(self._losses))]
            listed: list[Any] = []
            for mean, value in means:
                listed += [(mean, "_total", value, n, 1), (mean, "_count", n, 1, 1)]
            for (_, _, metric, _), part in zip(chosen, found, strict=True):
                if part is not None:
                    total, count, divisor = part
                    listed.append((metric, "_total", total, 1, divisor))
                    listed.append((metric, "_count", count, 1, divisor))
            return listed

        return sums, take, None if others else terms

    def updater(
        self, activations: Sequence[Callable[[Tensor], Tensor] | None]
    ) -> Callable[..., None]:
        """Return update(loss, y, outcome, weights), which takes a batch into account.

        Args:
            activations: For each output, what makes predictions of it where it is logits; None if
                it is the predictions.
        """
        update_metrics = self._updater_of(self._metrics, activations)

        def update(value: float, y: Any, outcome: Outcome, weights: Any) -> None:
            outputs, found, _ = outcome
            n = len(outputs[0] if isinstance(outputs, list) else outputs)
            self._loss.add(value * n, n)
            for metric, part in zip(self._losses, found, strict=bool(self._losses)):
                metric.add(part.item() * n, n)
            update_metrics(y, outcome, weights)

        return update

    def _updater_of(
        self,
        found: list[tuple[int, bool, Any]],
        activations: Sequence[Callable[[Tensor], Tensor] | None],
    ) -> Callable[..., None]:
        """What updates some metrics: update(y, outcome, weights)."""
        by_output = [
            _updater([(weighted, metric) for at, weighted, metric in found if at == k], activation)
            for k, activation in enumerate(activations)
        ]
        if len(by_output) == 1:
            (update_one,) = by_output

            def update(y: Any, outcome: Outcome, weights: Any) -> None:
                outputs, _, masks = outcome
                update_one(y, outputs, weights, masks[0] if masks else None)

            return update

        def update_all(y: Any, outcome: Outcome, weights: Any) -> None:
            outputs, _, masks = outcome
            for k, update in enumerate(by_output):
                if y is not None and y[k] is not None:
                    weight = weights[k] if isinstance(weights, list) else weights
                    update(y[k], outputs[k], weight, masks[k] if masks else None)

        return update_all


def _updater(
    found: list[tuple[bool, Any]], activation: Callable[[Tensor], Tensor] | None
) -> Callable[..., None]:
    """What updates the metrics of one output: update(y, outputs, weights, mask)."""
    logits = activation is not None
    unweighted = [metric for weighted, metric in found if not weighted]
    on_outputs = [m.update_state for m in unweighted if not logits or m.takes_logits]
    on_predictions = [m.update_state for m in unweighted if logits and not m.takes_logits]
    weighted = [metric.update_state for weighted, metric in found if weighted]

    def update(y: Tensor, outputs: Tensor, weights: Tensor | None, mask: Tensor | None) -> None:
        for update_state in on_outputs:
            if mask is None:
                update_state(y, outputs)
            else:
                _update(update_state, y, outputs, mask)
        if on_predictions or weighted:
            predictions = outputs if activation is None else activation(outputs)
            for update_state in on_predictions:
                _update(update_state, y, predictions, mask)
            if mask is not None and weighted:
                weights = masked_weights(weights, mask, "sum")
            for update_state in weighted:
                update_state(y, predictions, weights)

    return update


def _update(
    update_state: Callable[..., None],
    y: Tensor,
    y_pred: Tensor,
    mask: Tensor | None,
    weights: Tensor | None = None,
    weighted: bool = False,
) -> None:
    """Update a metric, of the steps that are not masked if it takes weights."""
    weights = weights if weighted else None
    if mask is not None and "sample_weight" in inspect.signature(update_state).parameters:
        update_state(y, y_pred, masked_weights(weights, mask, "sum"))
    elif weighted:
        update_state(y, y_pred, weights)
    else:
        update_state(y, y_pred)
