"""Pooling: the largest element, or the mean, of windows or of all positions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from pytensor import _functions as pt
from pytensor import nn
from pytensor._functions.convolution import lengths_for, output_lengths, paddings
from pytensor.layers.spatial import SpatialLayer

if TYPE_CHECKING:
    from typing import Unpack

    from pytensor._core import Tensor
    from pytensor._functions.convolution import Lengths
    from pytensor.layers.layer import Options, Shape

__all__ = [
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
]


class _Pooling(SpatialLayer):
    pool: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        pool_size: Lengths = 2,
        strides: Lengths | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer.

        Args:
            pool_size: the lengths of a window, one for all axes or one for each.
            strides: the steps from one window to the next; by default pool_size.
            padding: "valid" for whole windows only; "same" for ceil(length / strides) windows,
                of which those at the ends have fewer elements.
            data_format: "channels_last" or None, which means the same.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.pool_size = lengths_for(f"{self.name}: pool_size", pool_size, self.n_axes)
        self.strides = (
            self.pool_size
            if strides is None
            else lengths_for(f"{self.name}: strides", strides, self.n_axes)
        )
        self.padding = self._read_padding(padding, ("valid", "same"))
        self.data_format = self._read_data_format(data_format)

    def call(self, x: Tensor) -> Tensor:
        """Return one element for each window and channel."""
        self._check_input(x.shape)
        return type(self).pool(x, self.pool_size, strides=self.strides, padding=self.padding)

    def _length(self, axis: int, length: int) -> int:
        size, steps, ones = (self.pool_size[axis],), (self.strides[axis],), (1,)
        pairs = paddings(self.name, self.padding, (length,), size, steps, ones)  # type: ignore[arg-type]
        return output_lengths(self.name, (length,), size, steps, ones, pairs)[0]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, ..., channels) -> (batch, ..., channels) with fewer positions."""
        self._check(input_shape)
        lengths = (
            None if length is None else self._length(axis, length)
            for axis, length in enumerate(input_shape[1:-1])
        )
        return (input_shape[0], *lengths, input_shape[-1])


class MaxPooling1D(_Pooling):
    """The largest element of each window along one axis: (batch, steps, channels).

    >>> pt.layers.MaxPooling1D(2)(pt.asarray([[[1.0], [5.0], [2.0], [3.0]]])).ravel()
    Tensor([5., 3.], dtype=float32)
    """

    n_axes = 1
    pool = nn.max_pool


class MaxPooling2D(_Pooling):
    """The largest element of each window of images: (batch, height, width, channels).

    >>> pt.layers.MaxPooling2D()(pt.ones((2, 28, 28, 3))).shape
    (2, 14, 14, 3)
    """

    n_axes = 2
    pool = nn.max_pool


class MaxPooling3D(_Pooling):
    """The largest element of each window of volumes: (batch, depth, height, width, channels).

    >>> pt.layers.MaxPooling3D()(pt.ones((2, 8, 8, 8, 3))).shape
    (2, 4, 4, 4, 3)
    """

    n_axes = 3
    pool = nn.max_pool


class AveragePooling1D(_Pooling):
    """The mean of each window along one axis: (batch, steps, channels).

    >>> pt.layers.AveragePooling1D(2)(pt.asarray([[[1.0], [5.0], [2.0], [3.0]]])).ravel()
    Tensor([3. , 2.5], dtype=float32)
    """

    n_axes = 1
    pool = nn.avg_pool


class AveragePooling2D(_Pooling):
    """The mean of each window of images: (batch, height, width, channels).

    >>> pt.layers.AveragePooling2D(3, strides=2, padding="same")(pt.ones((2, 28, 28, 3))).shape
    (2, 14, 14, 3)
    """

    n_axes = 2
    pool = nn.avg_pool


class AveragePooling3D(_Pooling):
    """The mean of each window of volumes: (batch, depth, height, width, channels).

    >>> pt.layers.AveragePooling3D()(pt.ones((2, 8, 8, 8, 3))).shape
    (2, 4, 4, 4, 3)
    """

    n_axes = 3
    pool = nn.avg_pool


class _GlobalPooling(SpatialLayer):
    reduce: ClassVar[Callable[..., Tensor]]

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **options: Unpack[Options]
    ) -> None:
        """Create the layer.

        Args:
            data_format: "channels_last" or None, which means the same.
            keepdims: whether to keep the axes between batch and channels, with length 1.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.data_format = self._read_data_format(data_format)
        self.keepdims = bool(keepdims)

    def call(self, x: Tensor) -> Tensor:
        """Return one element for each sample and channel."""
        self._check_input(x.shape)
        axes = tuple(range(1, 1 + self.n_axes))
        return type(self).reduce(x, axis=axes, keepdims=self.keepdims)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, ..., channels) -> (batch, channels), or (batch, 1, ..., channels)."""
        self._check(input_shape)
        kept = (1,) * self.n_axes if self.keepdims else ()
        return (input_shape[0], *kept, input_shape[-1])


class GlobalMaxPooling1D(_GlobalPooling):
    """The largest element of each channel: (batch, steps, channels) -> (batch, channels).

    >>> pt.layers.GlobalMaxPooling1D()(pt.asarray([[[1.0], [5.0], [2.0]]]))
    Tensor([[5.]], dtype=float32)
    """

    n_axes = 1
    reduce = pt.max


class GlobalMaxPooling2D(_GlobalPooling):
    """The largest element of each channel: (batch, height, width, channels) -> (batch, channels).

    >>> pt.layers.GlobalMaxPooling2D()(pt.ones((2, 7, 7, 3))).shape
    (2, 3)
    """

    n_axes = 2
    reduce = pt.max


class GlobalMaxPooling3D(_GlobalPooling):
    """The largest element of each channel of volumes: (batch, ..., channels) -> (batch, channels).

    >>> pt.layers.GlobalMaxPooling3D(keepdims=True)(pt.ones((2, 7, 7, 7, 3))).shape
    (2, 1, 1, 1, 3)
    """

    n_axes = 3
    reduce = pt.max


class GlobalAveragePooling1D(_GlobalPooling):
    """The mean of each channel: (batch, steps, channels) -> (batch, channels).

    With a mask, that of the steps it keeps; NaN where it keeps none.

    >>> pt.layers.GlobalAveragePooling1D()(pt.asarray([[[1.0], [5.0], [3.0]]]))
    Tensor([[3.]], dtype=float32)
    """

    n_axes = 1
    reduce = pt.mean
    supports_masking = True

    def call(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return one element for each sample and channel.

        Args:
            x: (batch, steps, channels).
            mask: a bool tensor (batch, steps): the steps to use; None for all.
        """
        if mask is None:
            return super().call(x)
        self._check_input(x.shape)
        if mask.shape != x.shape[:2]:
            raise ValueError(
                f"{self.name}: mask of shape {mask.shape}: expected {x.shape[:2]}, (batch, steps)"
            )
        kept = pt.expand_dims(mask, axis=-1)
        total = pt.sum(pt.where(kept, x, 0), axis=1, keepdims=self.keepdims)
        return total / pt.sum(kept, axis=1, keepdims=self.keepdims)

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        """Return None: no step is left."""
        return None


class GlobalAveragePooling2D(_GlobalPooling):
    """The mean of each channel: (batch, height, width, channels) -> (batch, channels).

    >>> pt.layers.GlobalAveragePooling2D()(pt.ones((2, 7, 7, 3))).shape
    (2, 3)
    """

    n_axes = 2
    reduce = pt.mean


class GlobalAveragePooling3D(_GlobalPooling):
    """The mean of each channel of volumes: (batch, ..., channels) -> (batch, channels).

    >>> pt.layers.GlobalAveragePooling3D()(pt.ones((2, 7, 7, 7, 3))).shape
    (2, 3)
    """

    n_axes = 3
    reduce = pt.mean
