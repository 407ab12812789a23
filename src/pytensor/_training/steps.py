"""The steps of a model: what happens to one batch in training, in evaluation and in prediction.

There is one step of training (train_step) for every model, layer and loss: forward under a tape,
the loss, the gradients, the optimizer, the metrics.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from pytensor._core import GradientTape, Tensor
from pytensor._training.distribution import Distribution
from pytensor._training.model import Model
from pytensor._training.results import Results
from pytensor.activations import softmax
from pytensor.layers.layer import mode, structure


class LossNotFinite(FloatingPointError):
    """The loss of a step is NaN or infinite; fit adds where that happened.

    Args:
        value: The loss.
        data: The tensors of the batch by name, or None.
    """

    def __init__(self, value: float, **data: Tensor | None) -> None:
        self.value = value
        self._data = data
        super().__init__(self.told())

    def told(self, rows: np.ndarray | None = None) -> str:
        """Return the message, which says whether the data are to blame.

        Args:
            rows: The row in the data set of each row of the batch, None where there are no rows.
        """
        text = f"the loss is {self.value}"
        for name, tensor in self._data.items():
            values = np.asarray(0.0 if tensor is None else tensor)
            wrong = ~np.isfinite(values)
            if wrong.any():
                place = tuple(int(i[0]) for i in wrong.nonzero())
                count, shown = int(wrong.sum()), list(place)
                if rows is not None and shown:
                    shown[0] = int(rows[shown[0]])
                of = " of the batch" if rows is None else ", in the rows of this step,"
                text += (
                    f": {name}{of} has {count} element{'s' * (count > 1)} that "
                    f"{'are' if count > 1 else 'is'} not finite, the first is {values[place]} "
                    f"at {shown}"
                )
        return text


class Steps:
    """The steps of a model, each made again when what it is made of has changed."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def get(
        self,
        make: Callable[[Model, Any, Distribution], Callable[..., Any]],
        model: Model,
        results: Results | None,
        distribution: Distribution,
    ) -> Callable[..., Any]:
        """Return make(model, results, distribution), or what it returned last."""
        made_of = (
            structure.version,
            model.optimizer,
            model.loss,
            model.output_activation,
            results,
            distribution,
        )
        known, step = self._made.get(make.__name__, (None, None))
        if known is None or any(a is not b and a != b for a, b in zip(known, made_of, strict=True)):
            step = make(model, results, distribution)
            self._made[make.__name__] = made_of, step
        return step


def _forward(
    model: Model, results: Results, training: bool
) -> tuple[list[Callable[..., Any]], Callable[..., Any], Callable[..., None]]:
    """Everything between a batch and its metrics.

    Returns:
        The stages to run in turn, the loss of (y, outputs, weights), and update(value, y, outputs,
        weights) for the metrics. Where the last activation belongs to the loss, outputs are logits:
        the loss of those is the same function, but stable and fused.
    """
    loss = model.loss
    activation = model.output_activation
    logits = not loss.from_logits and loss.activation is not None and loss.activation is activation
    if logits:
        loss = loss.on_logits()
    update = results.updater(activation if logits else None)
    return model.stages(training, logits), loss, update


def train_step(model: Model, results: Results, distribution: Distribution) -> Callable[..., None]:
    """Return step(x, y, weights of samples or None): one update of the weights.

    Raises:
        ValueError: The model has no weights to train.
    """
    stages, loss_of, update = _forward(model, results, training=True)
    weights = model.weights_to_train()
    if not weights:
        raise ValueError(f"fit: {model.name!r} has no weights to train")
    if model.output_activation is softmax and (model.output_shape or ())[-1] == 1:
        warnings.warn(
            "fit: softmax of one output is 1 whatever the input: expected a sigmoid, "
            "or one output for each class",
            stacklevel=6,
        )
    optimizer = model.optimizer
    optimizer.build(weights)
    regularizers = model.attached_once("regularizers")
    constraints = model.attached_once("constraints")
    by_rows = optimizer.takes_row_gradients and not distribution.shares

    def differentiate(
        x: Tensor, y: Tensor, sample_weight: Tensor | None
    ) -> tuple[float, Any, Tensor]:
        mode.training = True
        added: list[Tensor] = []
        mode.losses = added
        try:
            with GradientTape() as tape:
                tape.watch(*weights)
                outputs = x
                for stage in stages:
                    outputs = stage(outputs)
                loss = loss_of(y, outputs, sample_weight)
                for regularizer, w in regularizers:
                    loss = loss + regularizer(w)
                for term in added:
                    loss = loss + term
        finally:
            mode.training = False
            mode.losses = None
        value = loss.item()
        gradients = (
            tape.gradient(loss, weights, row_gradients=by_rows) if math.isfinite(value) else ()
        )
        return value, gradients, outputs

    def apply(gradients: Any) -> None:
        optimizer.apply(gradients, weights)
        for constraint, w in constraints:
            w[...] = constraint(w)

    update_weights = distribution.train_step(model, differentiate, apply, update)

    def step(x: Any, y: Any, sample_weight: Any = None) -> None:
        value = update_weights(x, y, sample_weight)
        if not math.isfinite(value):
            parts = {"x": x, "y": y, "sample_weight": sample_weight}
            raise LossNotFinite(
                value, **{name: distribution.joined(part) for name, part in parts.items()}
            )

    return step


def test_step(model: Model, results: Results, distribution: Distribution) -> Callable[..., None]:
    """Return step(x, y, weights of samples or None): the metrics of a batch."""
    stages, loss_of, update = _forward(model, results, training=False)
    regularizers = model.attached_once("regularizers")

    def step(x: Any, y: Any, sample_weight: Any = None) -> None:
        added: list[Tensor] = []
        mode.losses = added
        try:
            outputs = x
            for stage in stages:
                outputs = stage(outputs)
        finally:
            mode.losses = None
        value = loss_of(y, outputs, sample_weight).item()
        for regularizer, w in regularizers:
            value += regularizer(w).item()
        for term in added:
            value += term.item()
        update(value, y, outputs, sample_weight)

    return distribution.test_step(step)


def predict_step(
    model: Model, results: Results | None, distribution: Distribution
) -> Callable[[Tensor], Tensor]:
    """Return step(x): the predictions for a batch."""
    stages = model.stages(training=False, logits=False)

    def step(x: Tensor) -> Tensor:
        for stage in stages:
            x = stage(x)
        return x

    return step
