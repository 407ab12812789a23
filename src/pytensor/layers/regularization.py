"""ActivityRegularization: a penalty for outputs, as a separate layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytensor.layers.layer import Layer
from pytensor.regularizers import L1L2
from pytensor.serialization import constructor_config

if TYPE_CHECKING:
    from typing import Unpack

    from pytensor._core import Tensor
    from pytensor.layers.layer import NameOptions, Shape

__all__ = ["ActivityRegularization"]


class ActivityRegularization(Layer):
    """Returns x; the loss adds (l1 * sum(abs(x)) + l2 * sum(x**2)) / batch size.

    >>> pt.layers.ActivityRegularization(l2=0.01)([[1.0, 2.0]])
    Tensor([[1., 2.]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **options: Unpack[NameOptions]) -> None:
        """Create the layer.

        Args:
            l1: the factor of the absolute values, at least 0.
            l2: the factor of the squares, at least 0.
            **options: `name`, `trainable` and `input_shape`, as in Layer.
        """
        self._penalty = L1L2(l1, l2)
        super().__init__(activity_regularizer=self._penalty, **options)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments by name."""
        config = constructor_config(
            self, l1=self._penalty.l1, l2=self._penalty.l2, input_shape=self.declared_shape
        )
        del config["activity_regularizer"]
        return config

    def call(self, x: Tensor) -> Tensor:
        """Return x."""
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape."""
        return input_shape
