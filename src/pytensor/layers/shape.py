"""Layers that say or change shapes: Input, Flatten, Reshape."""

from __future__ import annotations

import math

from pytensor._support.arguments import sample_shape
from pytensor.layers.layer import Layer
from pytensor.serialization import constructor_config

__all__ = ["Flatten", "Input", "Reshape"]


class Input(Layer):
    """The shape of one sample: as the first of a model, it lets the model be built at once.

    >>> model = pt.models.Sequential([pt.layers.Input((4,)), pt.layers.Dense(2)])
    >>> model.output_shape
    (None, 2)
    """

    def __init__(self, shape, name=None):
        """Shape: that of one sample, without the batch axis: (784,)."""
        super().__init__(name=name, input_shape=shape)

    def get_config(self):
        """Return the constructor's arguments by name."""
        return constructor_config(self, shape=self.declared_shape)

    def call(self, x):
        """Return x."""
        return x


class Flatten(Layer):
    """(batch, a, b, ...) -> (batch, a * b * ...).

    >>> pt.layers.Flatten()(pt.zeros((5, 28, 28))).shape
    (5, 784)
    """

    def call(self, x):
        """Return x as rows, without copying where it is contiguous."""
        if x.ndim == 0:
            raise ValueError(f"{self.name}: x has shape (): expected (batch, ...)")
        return x.reshape((x.shape[0], math.prod(x.shape[1:])))

    def compute_output_shape(self, input_shape):
        """(batch, a, b, ...) -> (batch, a * b * ...)."""
        return (input_shape[0], math.prod(input_shape[1:]))


class Reshape(Layer):
    """(batch, ...) -> (batch, *target_shape).

    >>> pt.layers.Reshape((2, 3))(pt.zeros((5, 6))).shape
    (5, 2, 3)
    """

    def __init__(self, target_shape, **options):
        """target_shape: that of one sample; one length may be -1. options: as in Layer."""
        super().__init__(**options)
        lengths = list(target_shape)
        self._open = lengths.index(-1) if -1 in lengths else None
        self.target_shape = sample_shape(
            f"{self.name}: target_shape",
            [1 if i == self._open else length for i, length in enumerate(lengths)],
        )
        if self._open is not None:
            self.target_shape = tuple(lengths)

    def call(self, x):
        """Return x in the shape, without copying where it is contiguous."""
        return x.reshape((x.shape[0], *self.compute_output_shape(x.shape)[1:]))

    def compute_output_shape(self, input_shape):
        """(batch, ...) -> (batch, *target_shape)."""
        size, shape = math.prod(input_shape[1:]), list(self.target_shape)
        if self._open is not None:
            shape[self._open] = size // max(-math.prod(shape), 1)
        if math.prod(shape) != size:
            raise ValueError(
                f"{self.name}: target_shape {self.target_shape}: expected one of "
                f"{size} elements, as the input's {tuple(input_shape[1:])}"
            )
        return (input_shape[0], *shape)
