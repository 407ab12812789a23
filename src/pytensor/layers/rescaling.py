"""Rescaling: what inputs need before a network, as its first layer."""

from __future__ import annotations

from pytensor import _functions as pt
from pytensor._support.arguments import number
from pytensor.layers.layer import Layer

__all__ = ["Rescaling"]


class Rescaling(Layer):
    """x * scale + offset: with scale 1 / 255, bytes become numbers in [0, 1].

    >>> pt.layers.Rescaling(1 / 255)(pt.asarray([[0, 255]], dtype="uint8"))
    Tensor([[0., 1.]], dtype=float32)
    """

    def __init__(self, scale, offset=0.0, **options):
        """Scale and offset: numbers, or lists of one for each feature; options: as in Layer."""
        super().__init__(**options)
        self.scale, self._scale = self._factor("scale", scale)
        self.offset, self._offset = self._factor("offset", offset)

    def _factor(self, argument, value):
        """A number or list as get_config returns it, and as call computes with it."""
        if not hasattr(value, "__len__") or isinstance(value, str):
            value = number(f"{self.name}: {argument}", value)
            return value, value
        value = [number(f"{self.name}: {argument}", part) for part in value]
        return value, pt.asarray(value, dtype=pt.float32)

    def call(self, x):
        """Return x * scale + offset."""
        x = x * self._scale
        return x if isinstance(self._offset, float) and not self._offset else x + self._offset

    def compute_output_shape(self, input_shape):
        """Any shape stays itself."""
        return input_shape
