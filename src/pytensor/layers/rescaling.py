"""Rescaling: what inputs need before a network, as its first layer."""

from __future__ import annotations

from pytensor._arguments import number
from pytensor.layers.layer import Layer

__all__ = ["Rescaling"]


class Rescaling(Layer):
    """x * scale + offset: with scale 1 / 255, bytes become numbers in [0, 1]."""

    def __init__(self, scale, offset=0.0, **options):
        """Scale and offset: numbers; options: as in Layer."""
        super().__init__(**options)
        self.scale = number(f"{self.name}: scale", scale)
        self.offset = number(f"{self.name}: offset", offset)

    def call(self, x):
        """Return x * scale + offset."""
        x = x * self.scale
        return x + self.offset if self.offset else x

    def compute_output_shape(self, input_shape):
        """Any shape stays itself."""
        return input_shape
