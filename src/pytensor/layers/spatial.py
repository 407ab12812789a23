"""SpatialLayer, the base class of layers that work along the axes between batch and channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pytensor._support.arguments import known
from pytensor.layers.layer import Layer

if TYPE_CHECKING:
    from pytensor.layers.layer import Shape

__all__ = ["SpatialLayer"]

AXES = ("steps",), ("height", "width"), ("depth", "height", "width")  # for messages, by number


class SpatialLayer(Layer):
    """Base class of layers that take (batch, ..., channels) with a fixed number of axes between."""

    n_axes: ClassVar[int]
    _checked: Shape | None = None  # the shape of the last input

    def _read_data_format(self, data_format: str | None) -> str | None:
        """Check that channels come last, the only format there is."""
        if data_format not in (None, "channels_last"):
            raise ValueError(
                f"{self.name}: data_format: found {data_format!r}: expected 'channels_last', the "
                "only one that is supported: move the channels with Permute or permute_dims"
            )
        return data_format

    def _read_padding(self, padding: Any, choices: Sequence[str]) -> str:
        """Return the name of a kind of padding in lower case."""
        if not isinstance(padding, str) or padding.lower() not in choices:
            raise ValueError(
                f"{self.name}: padding: found {padding!r}: {known(str(padding), choices)}"
            )
        return padding.lower()

    def _check(self, input_shape: Shape, channels: int | None = None) -> None:
        """Check the rank of an input, and its channels if they are given."""
        wrong = channels is not None and input_shape[-1] != channels
        if len(input_shape) != self.n_axes + 2 or wrong:
            names = ", ".join(("batch", *AXES[self.n_axes - 1]))
            expected = f"({names}, {'channels' if channels is None else channels})"
            was_built = ", as it was built" if wrong else ""
            raise ValueError(
                f"{self.name}: input shape {tuple(input_shape)}: expected {expected}{was_built}"
            )

    def _check_input(self, input_shape: Shape) -> None:
        """Check the shape of a batch, once for each shape: what nn says does not name the layer."""
        if input_shape != self._checked:
            self.compute_output_shape(input_shape)
            self._checked = input_shape
