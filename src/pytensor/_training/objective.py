"""What compile was given, by output: losses, their weights and metrics; and how a batch is judged.

A model with a single output has a single Head, and its targets and weights are tensors. With
several outputs they are lists, in the order of the outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytensor import _functions as pt
from pytensor import losses
from pytensor._core import Tensor
from pytensor._support.arguments import number
from pytensor._training.model import arranged
from pytensor.layers.layer import mask_of, mode
from pytensor.losses import masked_weights

# What the model made of a batch, a plain tuple, which costs a step nothing:
#     outputs: a tensor, or a list of them; logits where the last activation belongs to the loss
#     losses: of several outputs, the loss of each that has one, not yet weighted
#     masks: the mask of each output or None; empty where there are none
Outcome = tuple[Any, Sequence[Tensor], Sequence[Tensor | None]]


@dataclass
class Head:
    """One output of a model, and what compile says about it.

    Attributes:
        name: Its name.
        loss: Its Loss, or None: it takes no part in training.
        weight: The factor of its loss.
        metrics: The identifiers of the metrics that ignore weights.
        weighted: Those of the metrics that use the weights of samples and classes.
    """

    name: str
    loss: Any
    weight: float = 1.0
    metrics: list[Any] = field(default_factory=list)
    weighted: list[Any] = field(default_factory=list)


def heads(
    names: Sequence[str], loss: Any, loss_weights: Any, metrics: Any, weighted: Any
) -> list[Head]:
    """Return what compile was given as a Head for each output.

    Args:
        names: The names of the outputs.
        loss: A Loss for all; or a list, or a dictionary by name, of Losses and None.
        loss_weights: A number for all; or a list or a dictionary; None stands for 1.
        metrics: A list of identifiers if there is a single output; else a list of such lists, or a
            dictionary of them by name, in which outputs may be missing.
        weighted: The same.

    Raises:
        ValueError: A name is that of no output, or a list has another length.
        TypeError: A weight is no number.
    """
    n = len(names)

    def spread(what: str, value: Any) -> list[Any]:
        if isinstance(value, dict):
            return arranged(f"compile: {what}", {**_absent(names, value), **value}, names, "output")
        if isinstance(value, (list, tuple)):
            return arranged(f"compile: {what}", value, names, "output")
        return [value] * n

    def identifiers(what: str, value: Any) -> list[list[Any]]:
        if not value:
            return [[] for _ in names]
        if n == 1 and not isinstance(value, dict):
            if len(value) == 1 and isinstance(value[0], (list, tuple)):
                value = value[0]
            return [list(value)]
        return [
            list(part) if isinstance(part, (list, tuple)) else [] if part is None else [part]
            for part in spread(what, value)
        ]

    weights = [
        1.0 if weight is None else number("compile: loss_weights", weight)
        for weight in spread("loss_weights", loss_weights)
    ]
    return [
        Head(*parts)
        for parts in zip(
            names,
            spread("loss", loss),
            weights,
            identifiers("metrics", metrics),
            identifiers("weighted_metrics", weighted),
            strict=True,
        )
    ]


def _absent(names: Sequence[str], value: dict[str, Any]) -> dict[str, None]:
    return {name: None for name in names if name not in value}


class Objective:
    """The heads of a model together: what training minimizes."""

    def __init__(self, heads: list[Head]) -> None:
        self.heads = heads
        self.has_loss = any(head.loss is not None for head in heads)

    def targets(self, function: str, y: Any, shapes: Sequence[Any]) -> tuple[Any, Any]:
        """Check targets against the losses and the shapes of the outputs.

        Args:
            function: For messages.
            y: A tensor, or a list of tensors and None.
            shapes: The shapes of the predictions.

        Returns:
            The targets as the losses take them, and the dtypes of their batches.
        """
        if len(self.heads) == 1:
            return self._targets(function, self.heads[0], y, shapes[0], "y")
        found = []
        for head, part, shape in zip(self.heads, y, shapes, strict=True):
            if part is None:
                if head.loss is not None:
                    raise ValueError(
                        f"{function}: y: found None for the output {head.name!r}, which has a loss"
                    )
                found.append((None, None))
            else:
                found.append(self._targets(function, head, part, shape, f"y of {head.name!r}"))
        return [part for part, _ in found], [dtype for _, dtype in found]

    def _targets(
        self, function: str, head: Head, y: Tensor, shape: Any, name: str
    ) -> tuple[Any, Any]:
        dtype = None
        if head.loss is not None:
            try:
                y = head.loss.targets(y, shape)
            except ValueError as error:
                text = str(error)
                text = name + text[1:] if name != "y" and text.startswith("y") else text
                raise ValueError(f"{function}: {text}") from None
            dtype = head.loss.dtype
        if dtype is None:
            dtype = pt.float32 if y.dtype.kind == "f" else y.dtype
        return y, dtype

    def compiled(
        self, activations: Sequence[Callable[..., Any] | None]
    ) -> tuple[list[bool], Callable[..., tuple[Any, Outcome]]]:
        """Return which outputs have to be logits, and the function that judges a batch.

        Args:
            activations: What the outputs of the model end with, None where that is not known.

        Returns:
            For each output, whether its last activation is left to the loss, where the loss of
            logits is the same function, but stable and fused; and judge(y, outputs, weights), which
            returns the sum of the weighted losses, or None if no output has one, and the Outcome.
        """
        logits, functions = [], []
        for head, activation in zip(self.heads, activations, strict=True):
            loss = head.loss
            own = (
                loss is not None
                and not loss.from_logits
                and loss.activation is not None
                and loss.activation is activation
            )
            logits.append(own)
            functions.append(loss.on_logits() if own else loss)
        if len(self.heads) == 1:
            return logits, _judge_one(functions[0], self.heads[0].weight)
        return logits, _judge_several(functions, [head.weight for head in self.heads])


def _judge_one(loss: Any, factor: float) -> Callable[..., tuple[Any, Outcome]]:
    """What judges a batch of a model with a single output."""

    def judge(y: Any, outputs: Any, weights: Any) -> tuple[Any, Outcome]:
        masks: tuple[Any, ...] = ()
        if mode.masks:
            mask = mask_of(outputs)
            if mask is not None:
                masks = (mask,)
                weights = None if loss is None else masked_weights(weights, mask, loss.reduction)
        if loss is None:
            return None, (outputs, (), masks)
        value = loss(y, outputs, weights)
        return value if factor == 1 else value * factor, (outputs, (), masks)

    return judge


def _judge_several(
    functions: list[Any], factors: list[float]
) -> Callable[..., tuple[Any, Outcome]]:
    """What judges a batch of a model with several outputs."""

    def judge(y: Any, outputs: Any, weights: Any) -> tuple[Any, Outcome]:
        masks = [mask_of(part) for part in outputs] if mode.masks else []
        values, total = [], None
        for k, (loss, factor) in enumerate(zip(functions, factors, strict=True)):
            if loss is None:
                continue
            weight = weights[k] if isinstance(weights, list) else weights
            if masks and masks[k] is not None:
                weight = masked_weights(weight, masks[k], loss.reduction)
            value = loss(y[k], outputs[k], weight)
            values.append(value)
            value = value if factor == 1 else value * factor
            total = value if total is None else total + value
        return total, (outputs, values if len(values) > 1 else (), masks)

    return judge


def resolved(loss: Any) -> Any:
    """Return what compile was given as a loss, with a Loss in place of each identifier.

    Raises:
        ValueError: A name is unknown, or a loss returns no number.
    """
    if loss is None:
        return None
    if isinstance(loss, dict) and not {"class_name", "config"} <= loss.keys():
        return {name: resolved(part) for name, part in loss.items()}
    if isinstance(loss, (list, tuple)):
        return [resolved(part) for part in loss]
    loss = losses.get(loss)
    if loss.reduction in (None, "none"):
        raise ValueError(
            f"compile: loss: {loss.name} has reduction={loss.reduction!r}: "
            "expected one that returns a number"
        )
    return loss


def every(asked: Any) -> list[Any]:
    """Return the identifiers of metrics in what compile was given, whatever its structure."""
    if isinstance(asked, dict) and not {"class_name", "config"} <= asked.keys():
        return [one for part in asked.values() for one in every(part)]
    if isinstance(asked, (list, tuple)):
        return [one for part in asked for one in every(part)]
    return [] if asked is None else [asked]
