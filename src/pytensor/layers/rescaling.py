"""Rescaling: scales and shifts inputs, as the first layer of a network."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import TYPE_CHECKING

from pytensor import _functions as pt
from pytensor._support.arguments import number
from pytensor.layers.layer import Layer

if TYPE_CHECKING:
    from typing import Unpack

    from pytensor._core import Tensor
    from pytensor.layers.layer import Options, Shape

__all__ = ["Rescaling"]


class Rescaling(Layer):
    """Computes x * scale + offset; a scale of 1 / 255 turns bytes into numbers in [0, 1].

    >>> pt.layers.Rescaling(1 / 255)(pt.asarray([[0, 255]], dtype="uint8"))
    Tensor([[0., 1.]], dtype=float32)
    """

    def __init__(
        self,
        scale: float | Sequence[float],
        offset: float | Sequence[float] = 0.0,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer.

        Args:
            scale: a number, or a list of one per feature.
            offset: a number, or a list of one per feature.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.scale, self._scale = self._factor("scale", scale)
        self.offset, self._offset = self._factor("offset", offset)

    def _factor(
        self, argument: str, value: float | Sequence[float]
    ) -> tuple[float | list[float], float | Tensor]:
        """Return a number or list as get_config returns it, and as call computes with it."""
        if isinstance(value, str) or not isinstance(value, Sized):
            single = number(f"{self.name}: {argument}", value)
            return single, single
        several = [number(f"{self.name}: {argument}", part) for part in value]
        return several, pt.asarray(several, dtype=pt.float32)

    def call(self, x: Tensor) -> Tensor:
        """Return x * scale + offset."""
        x = x * self._scale
        return x if isinstance(self._offset, float) and not self._offset else x + self._offset

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape."""
        return input_shape
