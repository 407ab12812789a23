"""Model: what the modules of training need to know about a model; and Run, what fit is doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pytensor._core import Tensor
from pytensor._training.batches import Position
from pytensor._training.distribution import SINGLE_PROCESS, Distribution
from pytensor.layers.layer import Layer

Shape = tuple[int | None, ...]


@dataclass
class Run:
    """What fit is doing, for checkpoints and callbacks.

    Attributes:
        position: Where it is.
        callbacks: Those that fit was given.
        data: What must be the same for another run to go on from where this one was.
        distribution: How its work is shared.
        restore_metrics: restore_metrics(metrics) restores what metrics had accumulated in the
            middle of an epoch, where they are not known before its next batch.
    """

    position: Position
    callbacks: list[Any]
    data: dict[str, Any]
    distribution: Distribution = SINGLE_PROCESS
    restore_metrics: Callable[[list[Any]], None] | None = None


class Model(Layer):
    """A layer that can be trained. A subclass defines output_shape, stages and output_activation.

    Attributes:
        optimizer: The Optimizer, None before compile.
        loss: The Loss, None before compile.
        input_shape: (None, ...), or None while it is unknown.
        run: A Run while fit runs, else None.
        stop_training, stop_evaluating, stop_predicting: Set to True, by a callback, they end fit,
            evaluate or predict after the current batch; where several ranks share batches, after
            the epoch.
    """

    optimizer: Any = None
    loss: Any = None
    input_shape: Shape | None = None
    run: Run | None = None
    stop_training: bool = False
    stop_evaluating: bool = False
    stop_predicting: bool = False

    def weights_to_train(self) -> list[Tensor]:
        """Return the weights that a step updates, each once, even where layers share it."""
        return list({id(weight): weight for weight in self.trainable_weights}.values())

    def attached_once(self, kind: str) -> list[tuple[Callable[..., Any], Tensor]]:
        """Return what attached does, each weight once, even where layers share it."""
        return list({id(weight): (f, weight) for f, weight in self.attached(kind)}.values())

    @property
    def output_shape(self) -> Shape | None:
        """The shape of the output, (None, ...), or None while the input shape is unknown."""
        raise NotImplementedError(f"{type(self).__name__} does not define output_shape")

    def stages(self, training: bool, logits: bool = False) -> list[Callable[..., Any]]:
        """Return the functions to run in turn; with logits, without the last activation."""
        raise NotImplementedError(f"{type(self).__name__} does not define stages")

    @property
    def output_activation(self) -> Callable[..., Any] | None:
        """The activation that the last layer ends with, or None if it does not say."""
        raise NotImplementedError(f"{type(self).__name__} does not define output_activation")
