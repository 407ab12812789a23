"""What a user adds: a layer, a loss, a metric's name, a callback, an optimizer, a training loop."""

from __future__ import annotations

from typing import Any

import numpy as np

import pytensor as pt
from pytensor import callbacks, layers, models, optimizers, serialization


@serialization.register_serializable()
class Scale(layers.Layer):
    """Multiplies each feature by a weight."""

    def __init__(self, start: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.start = start

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weight."""
        self.scale = self.add_weight((8,), initializer="ones", name="scale")

    def call(self, x: pt.Tensor, training: bool = False) -> pt.Tensor:
        """Return the output."""
        if training:
            self.add_loss(0.01 * pt.sum(pt.square(self.scale)))
        return x * self.scale * self.start


def absolute_error(y_true: pt.Tensor, y_pred: pt.Tensor) -> pt.Tensor:
    """A loss of each sample."""
    return pt.mean(pt.abs(y_true - y_pred), axis=-1)


class Losses(callbacks.Callback):
    """Keeps the losses of all batches."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep one."""
        self.found.append(float((logs or {})["loss"]))


def train(model: models.Sequential, x: pt.Tensor, y: pt.Tensor, steps: int) -> float:
    """A custom training loop."""
    optimizer = optimizers.RMSprop(learning_rate=0.01)
    value = pt.zeros(())
    for _ in range(steps):
        with pt.GradientTape() as tape:
            tape.watch(model.trainable_weights)
            value = pt.mean(absolute_error(y, model(x, training=True)))
        gradients = tape.gradient(value, model.trainable_weights)
        optimizer.apply_gradients(zip(gradients, model.trainable_weights, strict=True))
    return float(value)


def main() -> None:
    """Use them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 8)).astype("float32")
    y = x[:, :1] * 2
    model = models.Sequential([layers.Input((8,)), Scale(0.5), layers.Dense(1)])
    model.compile(optimizer="sgd", loss=absolute_error)
    kept = Losses()
    model.fit(x, y, epochs=2, batch_size=8, verbose=0, callbacks=[kept])
    print(len(kept.found), train(model, pt.asarray(x), pt.asarray(y), 3))


if __name__ == "__main__":
    main()
