"""The network of `python -m pytensor.train`: its layers, its optimizer, its learning rate."""

from __future__ import annotations

import argparse

import numpy as np

from pytensor import layers, models, optimizers, schedules
from pytensor._commands import UsageError
from pytensor._commands.training_data import steps_per_epoch
from pytensor._commands.training_options import text_of
from pytensor.datasets.files import LabelledData
from pytensor.datasets.tables import Encoding


def build(options: argparse.Namespace, data: LabelledData) -> models.Sequential:
    """Build and compile the network.

    Its layers scale the inputs, then come the hidden layers (relu), then a softmax over the classes
    or one number in the target's unit. It takes the data as loaded: bytes are not copied to floats.

    Raises:
        UsageError: layers of these sizes do not fit into memory.
    """
    x = data.x_train
    network = models.Sequential([layers.Input(x.shape[1:])])
    if x.ndim > 2:
        network.add(layers.Flatten())
    network.add(_scaling(x, data.encoding))
    try:
        for units in options.hidden:
            network.add(layers.Dense(units, activation="relu"))
        if data.classes:
            network.add(layers.Dense(len(data.classes), activation="softmax"))
        else:
            network.add(layers.Dense(1))
            network.add(
                layers.Rescaling(
                    float(data.y_train.std(dtype=np.float64)),
                    float(data.y_train.mean(dtype=np.float64)),
                )
            )
    except (ValueError, MemoryError) as error:
        raise UsageError(f"--hidden: {text_of(options.hidden)}: too large: {error}") from error
    optimizer = _make_optimizer(options, steps_per_epoch(options, data))
    if data.classes:
        network.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    else:
        network.compile(optimizer, loss="mean_squared_error", metrics=["mean_absolute_error"])
    return network


def _scaling(x: np.ndarray, encoding: Encoding | None = None) -> layers.Rescaling:
    """A layer that maps pixels to [0, 1] and other numbers to mean 0 and standard deviation 1.

    Tables are scaled column by column, except columns of 0 and 1; images as a whole.
    """
    # Bytes in a few columns are ages or counts, each with a range of its own, not pixels.
    if x.dtype == np.uint8 and (x.ndim > 2 or x.shape[1] >= 64):
        return layers.Rescaling(1 / max(1, int(x.max())))
    axis = 0 if x.ndim == 2 else None
    mean, deviation = x.mean(axis, dtype=np.float64), x.std(axis, dtype=np.float64)
    scale = 1 / np.where(deviation > 0, deviation, 1)
    if encoding is not None:
        measured = encoding.is_measured()
        scale, mean = np.where(measured, scale, 1.0), np.where(measured, mean, 0.0)
    return layers.Rescaling(scale.tolist(), (-mean * scale).tolist())


def _make_optimizer(options: argparse.Namespace, steps: int) -> optimizers.Optimizer:
    """The optimizer with the learning rate of the options; an epoch has `steps` steps."""
    optimizer = optimizers.get(options.optimizer)
    if options.learning_rate is not None:
        optimizer.learning_rate = options.learning_rate
    if options.lr_schedule is not None:
        optimizer.learning_rate = make_schedule(
            options.lr_schedule, optimizer.learning_rate, steps, options.epochs
        )
    return optimizer


def make_schedule(
    text: str, rate: float, steps: int, epochs: int
) -> schedules.LearningRateSchedule:
    """Return the schedule that --lr-schedule names.

    Args:
        text: the option's value.
        rate: the learning rate to begin with.
        steps: of an epoch.
        epochs: of the whole training.
    """
    name, *numbers = text.split(":")
    if name == "cosine":
        return schedules.CosineDecay(rate, steps * epochs)
    if name == "linear":
        return schedules.PolynomialDecay(rate, steps * epochs, 0.0)
    every = int(numbers[0]) if name == "step" else 1
    return schedules.ExponentialDecay(rate, every * steps, float(numbers[-1]), name == "step")
