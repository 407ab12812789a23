"""ActivityRegularization: a penalty for outputs, as a layer of its own."""

from __future__ import annotations

from pytensor.layers.layer import Layer
from pytensor.regularizers import L1L2
from pytensor.serialization import constructor_config

__all__ = ["ActivityRegularization"]


class ActivityRegularization(Layer):
    """Returns x; the loss adds (l1 * sum(abs(x)) + l2 * sum(x**2)) / batch.

    >>> pt.layers.ActivityRegularization(l2=0.01)([[1.0, 2.0]])
    Tensor([[1., 2.]], dtype=float32)
    """

    def __init__(self, l1=0.0, l2=0.0, **options):
        """Factors >= 0; options: as in Layer."""
        super().__init__(activity_regularizer=L1L2(l1, l2), **options)

    def get_config(self):
        """Return the constructor's arguments by name."""
        penalty = self.activity_regularizer
        config = constructor_config(
            self, l1=penalty.l1, l2=penalty.l2, input_shape=self.declared_shape
        )
        del config["activity_regularizer"]
        return config

    def call(self, x):
        """Return x."""
        return x

    def compute_output_shape(self, input_shape):
        """Any shape stays itself."""
        return input_shape
