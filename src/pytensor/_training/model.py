"""Model: what the modules of training need to know about a model; and Run, what fit is doing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pytensor._core import Tensor
from pytensor._support.arguments import known as known_names
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
    """A layer that can be trained.

    A subclass defines input_tensors, output_tensors, prepare, forward and packed. Where there is a
    single input or output, data are one tensor; where there are several, a list of them.

    Attributes:
        optimizer: The Optimizer, None before compile.
        loss: The Loss, or several by output; None before compile.
        run: A Run while fit runs, else None.
        stop_training, stop_evaluating, stop_predicting: Set to True, by a callback, they end fit,
            evaluate or predict after the current batch; where several ranks share batches, after
            the epoch.
        run_eagerly: Whether each step calls the layers, rather than run from a recording.
    """

    _no_settings = frozenset(
        {"optimizer", "loss", "run", "history", "run_eagerly"}
        | {"stop_training", "stop_evaluating", "stop_predicting"}
    )
    optimizer: Any = None
    loss: Any = None
    run: Run | None = None
    stop_training: bool = False
    stop_evaluating: bool = False
    stop_predicting: bool = False
    run_eagerly: bool = False

    def weights_to_train(self) -> list[Tensor]:
        """Return the weights that a step updates, each once, even where layers share it."""
        return list({id(weight): weight for weight in self.trainable_weights}.values())

    def attached_once(self, kind: str) -> list[tuple[Callable[..., Any], Tensor]]:
        """Return what attached does, each weight once, even where layers share it."""
        return list({id(weight): (f, weight) for f, weight in self.attached(kind)}.values())

    def steps_itself(self, method: str) -> bool:
        """Whether a subclass defines train_step, test_step or predict_step."""
        return False

    @property
    def has_call(self) -> bool:
        """Whether the model computes anything when it is called."""
        return True

    @property
    def takes_structures(self) -> bool:
        """Whether data of any structure go to `call` as they are, since a subclass defines it."""
        return False

    def prepare(self, x: Any) -> None:
        """Build the model for samples x, of which only the shapes are used."""
        raise NotImplementedError(f"{type(self).__name__} does not define prepare")

    @property
    def input_tensors(self) -> list[Any]:
        """The inputs as symbolic tensors; none while they are unknown."""
        raise NotImplementedError(f"{type(self).__name__} does not define input_tensors")

    @property
    def output_tensors(self) -> list[Any]:
        """The outputs as symbolic tensors; none while they are unknown."""
        raise NotImplementedError(f"{type(self).__name__} does not define output_tensors")

    @property
    def objective(self) -> Any:
        """The Objective, of what compile was given; None before that."""
        raise NotImplementedError(f"{type(self).__name__} does not define objective")

    @property
    def input_names(self) -> list[str]:
        """The names by which data can be given to the inputs."""
        raise NotImplementedError(f"{type(self).__name__} does not define input_names")

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs, for losses, metrics and targets."""
        raise NotImplementedError(f"{type(self).__name__} does not define output_names")

    def output_shapes(self, x: Any) -> list[Shape]:
        """Return the shapes of the outputs for samples x, of which only the shapes are used."""
        raise NotImplementedError(f"{type(self).__name__} does not define output_shapes")

    def forward(self, training: bool, logits: Sequence[bool] = ()) -> Callable[[Any], Any]:
        """Return the model as a function of a batch.

        Args:
            training: Whether dropout and the like are active.
            logits: For each output, whether to leave out its last activation.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

    def packed(self, outputs: list[Any]) -> Any:
        """Return a list of what belongs to the outputs in the structure in which `call` has it."""
        raise NotImplementedError(f"{type(self).__name__} does not define packed")

    @property
    def output_activations(self) -> list[Callable[..., Any] | None]:
        """The activations that the outputs end with; None for one that does not say."""
        raise NotImplementedError(f"{type(self).__name__} does not define output_activations")


def arranged(name: str, value: Any, names: Sequence[str], what: str) -> list[Any]:
    """Return what is given for each of several inputs or outputs as a list in their order.

    Args:
        name: What it is, for messages: "fit: x".
        value: A list or tuple in their order, or a dictionary by name.
        names: Their names.
        what: "input" or "output".

    Raises:
        ValueError: One is missing, unknown or too many, or value is neither.
    """
    if isinstance(value, dict):
        unknown = [key for key in value if key not in names]
        if unknown:
            raise ValueError(
                f"{name}: found {unknown[0]!r}, which is no {what}: "
                f"{known_names(unknown[0], names)}"
            )
        missing = [key for key in names if key not in value]
        if missing:
            raise ValueError(
                f"{name}: found nothing for the {what} {missing[0]!r}: expected "
                f"{', '.join(map(repr, names))}"
            )
        return [value[key] for key in names]
    if not isinstance(value, (list, tuple)):
        found = getattr(value, "shape", None)
        text = f"a {type(value).__name__}" if found is None else f"shape {tuple(found)}"
        raise ValueError(
            f"{name}: found {text}: expected a list or a dictionary of {len(names)}, for the "
            f"{what}s {', '.join(map(repr, names))}"
        )
    if len(value) != len(names):
        raise ValueError(
            f"{name}: found a list of {len(value)}: expected {len(names)}, for the {what}s "
            f"{', '.join(map(repr, names))}"
        )
    return list(value)
