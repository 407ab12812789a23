"""Layers that add positions: zeros at the ends, or each one several times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pytensor import _functions as pt
from pytensor._functions.convolution import lengths_for
from pytensor._support.arguments import known
from pytensor.layers.spatial import SpatialLayer

if TYPE_CHECKING:
    from typing import SupportsIndex, Unpack

    from pytensor._core import Tensor
    from pytensor._functions.convolution import Lengths
    from pytensor.layers.layer import Options, Shape

__all__ = [
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]


class _ZeroPadding(SpatialLayer):
    def __init__(
        self,
        padding: SupportsIndex | Sequence[SupportsIndex] | Sequence[Sequence[SupportsIndex]] = 1,
        data_format: str | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer.

        Args:
            padding: how many zeros: one number for all ends; or for each axis a number, or a pair
                (before, after). With one axis, a pair is (before, after).
            data_format: "channels_last" or None, which means the same.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        argument = f"{self.name}: padding"
        if self.n_axes == 1 and isinstance(padding, Sequence) and len(padding) == 2:
            padding = (padding,)  # type: ignore[assignment]
        if not isinstance(padding, Sequence):
            padding = (padding,) * self.n_axes
        if len(padding) != self.n_axes:
            raise ValueError(
                f"{argument}: found {padding!r}: expected an integer, or {self.n_axes} integers or "
                "pairs, one for each axis"
            )
        self.padding: Any = tuple(lengths_for(argument, ends, 2, 0) for ends in padding)
        self.data_format = self._read_data_format(data_format)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments by name."""
        config = super().get_config()
        if self.n_axes == 1:
            config["padding"] = list(self.padding[0])
        return config

    def call(self, x: Tensor) -> Tensor:
        """Return x with zeros at the ends of its axes between batch and channels."""
        self._check_input(x.shape)
        return pt.pad(x, ((0, 0), *self.padding, (0, 0)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, ..., channels) -> (batch, ..., channels) with more positions."""
        self._check(input_shape)
        lengths = (
            None if n is None else n + sum(ends)
            for n, ends in zip(input_shape[1:-1], self.padding, strict=True)
        )
        return (input_shape[0], *lengths, input_shape[-1])


class ZeroPadding1D(_ZeroPadding):
    """Adds zeros before and after the steps: (batch, steps, channels).

    >>> pt.layers.ZeroPadding1D((2, 1))(pt.ones((1, 2, 1))).ravel()
    Tensor([0., 0., 1., 1., 0.], dtype=float32)
    """

    n_axes = 1


class ZeroPadding2D(_ZeroPadding):
    """Adds zeros around images: (batch, height, width, channels).

    >>> pt.layers.ZeroPadding2D(((1, 0), (2, 2)))(pt.ones((1, 5, 5, 3))).shape
    (1, 6, 9, 3)
    """

    n_axes = 2


class ZeroPadding3D(_ZeroPadding):
    """Adds zeros around volumes: (batch, depth, height, width, channels).

    >>> pt.layers.ZeroPadding3D(1)(pt.ones((1, 5, 5, 5, 3))).shape
    (1, 7, 7, 7, 3)
    """

    n_axes = 3


def _repeated(x: Tensor, times: Sequence[int]) -> Tensor:
    """Return x with each position several times along the axes after the first."""
    lengths = x.shape[1:-1]
    apart = tuple(n for length in lengths for n in (length, 1))
    spread = tuple(n for pair in zip(lengths, times, strict=True) for n in pair)
    x = x.reshape((x.shape[0], *apart, x.shape[-1]))
    x = pt.broadcast_to(x, (x.shape[0], *spread, x.shape[-1]))
    together = (n * k for n, k in zip(lengths, times, strict=True))
    return x.reshape((x.shape[0], *together, x.shape[-1]))


def _interpolated(x: Tensor, axis: int, times: int) -> Tensor:
    """Return x with `times` as many positions along an axis, each between its two neighbours."""
    n = x.shape[axis]
    places = np.clip((np.arange(n * times) + 0.5) / times - 0.5, 0, n - 1)
    left = np.minimum(places.astype(np.int64), n - 1)
    shares = (places - left).astype(np.float32).reshape((-1,) + (1,) * (x.ndim - 1 - axis))
    before, after = pt.take(x, left, axis=axis), pt.take(x, np.minimum(left + 1, n - 1), axis=axis)
    return before * (1 - shares) + after * shares


class _UpSampling(SpatialLayer):
    size: tuple[int, ...]

    def call(self, x: Tensor) -> Tensor:
        """Return x with each position several times."""
        self._check_input(x.shape)
        return _repeated(x, self.size)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, ..., channels) -> (batch, ..., channels) with more positions."""
        self._check(input_shape)
        lengths = (
            None if n is None else n * k for n, k in zip(input_shape[1:-1], self.size, strict=True)
        )
        return (input_shape[0], *lengths, input_shape[-1])


class UpSampling1D(_UpSampling):
    """Repeats each step: (batch, steps, channels) -> (batch, steps * size, channels).

    >>> pt.layers.UpSampling1D(2)(pt.asarray([[[1.0], [2.0]]])).ravel()
    Tensor([1., 1., 2., 2.], dtype=float32)
    """

    n_axes = 1

    def __init__(self, size: Lengths = 2, **options: Unpack[Options]) -> None:
        """Create the layer.

        Args:
            size: how many times each step is repeated.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.size = lengths_for(f"{self.name}: size", size, 1)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments by name."""
        return {**super().get_config(), "size": self.size[0]}


class UpSampling2D(_UpSampling):
    """Enlarges images: (batch, height, width, channels), by repetition or interpolation.

    >>> pt.layers.UpSampling2D(2)(pt.ones((1, 5, 5, 3))).shape
    (1, 10, 10, 3)
    >>> pt.layers.UpSampling2D((1, 2), interpolation="bilinear")([[[[0.0], [4.0]]]]).ravel()
    Tensor([0., 1., 3., 4.], dtype=float32)
    """

    n_axes = 2

    def __init__(
        self,
        size: Lengths = 2,
        data_format: str | None = None,
        interpolation: Literal["nearest", "bilinear"] = "nearest",
        **options: Unpack[Options],
    ) -> None:
        """Create the layer.

        Args:
            size: how many times as large each axis becomes, one for both or one for each.
            data_format: "channels_last" or None, which means the same.
            interpolation: "nearest" to repeat pixels, "bilinear" for means of the nearest four.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.size = lengths_for(f"{self.name}: size", size, 2)
        self.data_format = self._read_data_format(data_format)
        choices = ("nearest", "bilinear")
        if interpolation not in choices:
            raise ValueError(
                f"{self.name}: interpolation: found {interpolation!r}: "
                f"{known(interpolation, choices)}"
            )
        self.interpolation = interpolation

    def call(self, x: Tensor) -> Tensor:
        """Return the images, enlarged."""
        if self.interpolation == "nearest":
            return super().call(x)
        self._check_input(x.shape)
        for axis, times in enumerate(self.size, 1):
            if times > 1 and x.shape[axis] > 0:
                x = _interpolated(x, axis, times)
        return x


class UpSampling3D(_UpSampling):
    """Repeats each element of volumes: (batch, depth, height, width, channels).

    >>> pt.layers.UpSampling3D(2)(pt.ones((1, 2, 3, 4, 1))).shape
    (1, 4, 6, 8, 1)
    """

    n_axes = 3

    def __init__(
        self, size: Lengths = 2, data_format: str | None = None, **options: Unpack[Options]
    ) -> None:
        """Create the layer.

        Args:
            size: how many times as large each axis becomes, one for all or one for each.
            data_format: "channels_last" or None, which means the same.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.size = lengths_for(f"{self.name}: size", size, 3)
        self.data_format = self._read_data_format(data_format)
