"""Data: sets, arrays, generators, other shapes of input."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import pytensor as pt
from pytensor import datasets, layers, models
from pytensor.datasets import digits, mnist
from pytensor.utils import to_categorical


def images() -> tuple[pt.Tensor, pt.Tensor]:
    """MNIST's training images, from 0 to 1, and their labels."""
    (x_train, y_train), _ = mnist.load_data()
    return x_train.reshape((60000, 28 * 28)).astype("float32") / 255, y_train


def batches(x: pt.Tensor, y: pt.Tensor) -> Iterator[tuple[pt.Tensor, pt.Tensor]]:
    """Random batches, without end."""
    rng = np.random.default_rng(0)
    while True:
        rows = rng.integers(0, len(x), 16)
        yield x[rows], y[rows]


def main() -> None:
    """Train on drawn digits."""
    (x_train, y_train), (x_test, y_test) = digits.load_data(64, 16)
    model = models.Sequential(
        [
            layers.Input((28, 28)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=1, validation_data=(x_test, y_test), verbose=0)
    x, y = x_train.astype(np.float32), to_categorical(y_train, 10)
    model.compile("rmsprop", "categorical_crossentropy")
    model.fit(batches(x, y), steps_per_epoch=2, epochs=1, verbose=0)
    model.fit(x[:8].tolist(), y[:8].tolist(), epochs=1, verbose=0)
    print(model.predict(x_test, verbose=0).shape, datasets.DownloadError.__name__)


if __name__ == "__main__":
    main()
