"""Layers that declare or change shapes: Input, Flatten, Reshape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

from pytensor._support.arguments import sample_shape
from pytensor.layers.layer import Layer
from pytensor.serialization import constructor_config

if TYPE_CHECKING:
    from typing import Unpack

    from pytensor._core import Tensor
    from pytensor.layers.layer import Options, Shape

__all__ = ["Flatten", "Input", "Reshape"]


class Input(Layer):
    """Declares the shape of one sample; as the first layer, it lets a model be built at once.

    >>> model = pt.models.Sequential([pt.layers.Input((4,)), pt.layers.Dense(2)])
    >>> model.output_shape
    (None, 2)
    """

    def __init__(self, shape: Sequence[SupportsIndex], *, name: str | None = None) -> None:
        """Create the layer.

        Args:
            shape: the shape of one sample, without the batch axis: (784,).
            name: as in Layer.
        """
        super().__init__(name=name, input_shape=shape)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments by name."""
        return constructor_config(self, shape=self.declared_shape)

    def call(self, x: Tensor) -> Tensor:
        """Return x."""
        return x


class Flatten(Layer):
    """Flattens each sample: (batch, a, b, ...) -> (batch, a * b * ...).

    >>> pt.layers.Flatten()(pt.zeros((5, 28, 28))).shape
    (5, 784)
    """

    def call(self, x: Tensor) -> Tensor:
        """Return each sample as a row, without a copy if x is contiguous."""
        if x.ndim == 0:
            raise ValueError(f"{self.name}: x has shape (): expected (batch, ...)")
        return x.reshape((x.shape[0], math.prod(x.shape[1:])))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, a, b, ...) -> (batch, a * b * ...)."""
        return (input_shape[0], math.prod(input_shape[1:]))


class Reshape(Layer):
    """Changes the shape of each sample: (batch, ...) -> (batch, *target_shape).

    >>> pt.layers.Reshape((2, 3))(pt.zeros((5, 6))).shape
    (5, 2, 3)
    """

    def __init__(self, target_shape: Sequence[SupportsIndex], **options: Unpack[Options]) -> None:
        """Create the layer.

        Args:
            target_shape: the new shape of a sample; one length may be -1, to be computed.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        lengths = list(target_shape)
        self._open = lengths.index(-1) if -1 in lengths else None
        self.target_shape: tuple[int, ...] = sample_shape(
            f"{self.name}: target_shape",
            [1 if i == self._open else length for i, length in enumerate(lengths)],
        )
        if self._open is not None:
            self.target_shape = tuple(int(length) for length in lengths)

    def call(self, x: Tensor) -> Tensor:
        """Return x in the new shape, without a copy if it is contiguous."""
        return x.reshape((x.shape[0], *self.compute_output_shape(x.shape)[1:]))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
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
