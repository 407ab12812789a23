"""Convolutions along one to three axes, their transposes, and those of single channels.

All are calls of nn.conv and nn.conv_transpose; the classes differ in their weights and their number
of axes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, SupportsIndex

from pytensor import activations, constraints, initializers, nn, regularizers
from pytensor._functions.convolution import (
    lengths_for,
    output_lengths,
    paddings,
    transposed_lengths,
)
from pytensor._support.arguments import integer
from pytensor.layers.layer import Resolved
from pytensor.layers.spatial import SpatialLayer

if TYPE_CHECKING:
    from typing import Unpack

    from pytensor._core import Tensor
    from pytensor._functions.convolution import Lengths
    from pytensor.activations import ActivationLike
    from pytensor.constraints import ConstraintLike
    from pytensor.initializers import InitializerLike
    from pytensor.layers.layer import Options, Shape
    from pytensor.regularizers import RegularizerLike

__all__ = [
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
]


class Convolution(SpatialLayer):
    """Base class of all convolutions: what they read and compute alike."""

    activation: Resolved[ActivationLike, Callable[..., Tensor]] = Resolved(
        activations.get, "The activation, a function; a name or None can be assigned."
    )
    bias: Tensor | None = None
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation_rate: tuple[int, ...]
    padding: str
    _input_channels: int | None = None  # once the layer is built

    def _read(
        self,
        kernel_size: Lengths,
        strides: Lengths,
        padding: str,
        data_format: str | None,
        dilation_rate: Lengths,
        activation: ActivationLike,
        use_bias: bool,
    ) -> None:
        """Keep the arguments that all constructors have."""
        n = self.n_axes
        self.kernel_size = lengths_for(f"{self.name}: kernel_size", kernel_size, n)
        self.strides = lengths_for(f"{self.name}: strides", strides, n)
        self.padding = self._read_padding(padding, self._paddings())
        self.data_format = self._read_data_format(data_format)
        self.dilation_rate = lengths_for(f"{self.name}: dilation_rate", dilation_rate, n)
        self.activation = activation
        self.use_bias = bool(use_bias)

    def _paddings(self) -> Sequence[str]:
        return ("valid", "same", "causal") if self.n_axes == 1 else ("valid", "same")

    def _channels(self, input_shape: Shape) -> int:
        """Return the number of channels of an input, for build."""
        self._check(input_shape)
        self._input_channels = input_shape[-1]
        channels: int = input_shape[-1]
        return channels

    def _add_bias(
        self,
        n: int,
        initializer: InitializerLike,
        regularizer: RegularizerLike,
        constraint: ConstraintLike,
    ) -> None:
        if self.use_bias:
            self.bias = self.add_weight(
                (n,), initializer, name="bias", regularizer=regularizer, constraint=constraint
            )

    def _apply(self, x: Tensor, relu: bool) -> Tensor:
        """Return the convolution + bias, then relu if asked."""
        raise NotImplementedError

    def call(self, x: Tensor) -> Tensor:
        """Return activation(convolution + bias); relu in the same pass over memory."""
        if self.activation is activations.relu and type(self).pre_activation is _pre_activation:
            self._check_input(x.shape)
            return self._apply(x, True)
        return self.activation(self.pre_activation(x))

    def pre_activation(self, x: Tensor) -> Tensor:
        """Return convolution + bias: the logits, where the activation is softmax or sigmoid."""
        self._check_input(x.shape)
        return self._apply(x, False)

    def _output_channels(self) -> int:
        raise NotImplementedError

    def _length(self, axis: int, length: int) -> int:
        """Return the length of the output along an axis."""
        part = slice(axis, axis + 1)
        size, steps, apart = (t[part] for t in (self.kernel_size, self.strides, self.dilation_rate))
        pairs = paddings(self.name, self.padding, (length,), size, steps, apart)  # type: ignore[arg-type]
        return output_lengths(self.name, (length,), size, steps, apart, pairs)[0]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, ..., channels) -> (batch, ..., filters)."""
        self._check(input_shape, self._input_channels)
        lengths = (
            None if length is None else self._length(axis, length)
            for axis, length in enumerate(input_shape[1:-1])
        )
        return (input_shape[0], *lengths, self._output_channels())


_pre_activation = Convolution.pre_activation  # which relu in the same pass goes with


class _WithKernel(Convolution):
    """What has one kernel, of filters that see all channels or those of their group."""

    def _keep(
        self,
        filters: SupportsIndex,
        kernel_initializer: InitializerLike,
        bias_initializer: InitializerLike,
        kernel_regularizer: RegularizerLike,
        bias_regularizer: RegularizerLike,
        kernel_constraint: ConstraintLike,
        bias_constraint: ConstraintLike,
    ) -> None:
        self.filters = integer(f"{self.name}: filters", filters, 1)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.kernel: Tensor = None  # type: ignore[assignment]  # made by build

    def _add_weights(self, *ends: int) -> None:
        """Make the kernel, (kernel_size, *ends), and the bias."""
        self.kernel = self.add_weight(
            (*self.kernel_size, *ends),
            self.kernel_initializer,
            name="kernel",
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self._add_bias(
            self.filters, self.bias_initializer, self.bias_regularizer, self.bias_constraint
        )
        self.built = True

    def _output_channels(self) -> int:
        return self.filters


class _Conv(_WithKernel):
    def __init__(
        self,
        filters: SupportsIndex,
        kernel_size: Lengths,
        strides: Lengths = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Lengths = 1,
        groups: SupportsIndex = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        *,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer; its weights are made when the input shape is known.

        Args:
            filters: the number of outputs at each position, at least 1.
            kernel_size: the lengths of the kernel, one for all axes or one for each.
            strides: the steps from one result to the next, likewise.
            padding: "valid" for none; "same" for zeros on both sides, so that there are
                ceil(length / strides) results; with one axis also "causal", for zeros before only.
            data_format: "channels_last" or None, which means the same.
            dilation_rate: the steps from one element under the kernel to the next.
            groups: into how many parts channels and filters are divided, each on its own.
            activation: the name of an activation, or a function; None for none.
            use_bias: whether to add a bias.
            kernel_initializer: first values of the kernel; see `initializers`.
            bias_initializer: first values of the bias.
            kernel_regularizer: what the loss adds for the kernel; see `regularizers`.
            bias_regularizer: what the loss adds for the bias.
            kernel_constraint: applied to the kernel after each step; see `constraints`.
            bias_constraint: applied to the bias after each step.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self._read(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias)
        self.groups = integer(f"{self.name}: groups", groups, 1)
        self._keep(
            filters,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            kernel_constraint,
            bias_constraint,
        )
        if self.filters % self.groups:
            raise ValueError(
                f"{self.name}: filters {self.filters} with groups {self.groups}: expected a "
                "multiple of groups"
            )

    def build(self, input_shape: Shape) -> None:
        """Make the kernel, (kernel_size, channels / groups, filters), and the bias."""
        channels = self._channels(input_shape)
        if channels is not None and channels % self.groups:
            raise ValueError(
                f"{self.name}: input shape {tuple(input_shape)} with groups {self.groups}: "
                "expected channels that are a multiple of groups"
            )
        self._add_weights(channels // self.groups, self.filters)

    def _apply(self, x: Tensor, relu: bool) -> Tensor:
        return nn.conv(
            x,
            self.kernel,
            self.bias,
            strides=self.strides,
            padding=self.padding,  # type: ignore[arg-type]
            dilation=self.dilation_rate,
            groups=self.groups,
            relu=relu,
        )


class Conv1D(_Conv):
    """A convolution along one axis: (batch, steps, channels) -> (batch, steps, filters).

    `kernel` is (size, channels / groups, filters) and `bias` (filters,).

    >>> layer = pt.layers.Conv1D(8, 3, padding="causal", activation="relu")
    >>> layer(pt.ones((2, 10, 4))).shape
    (2, 10, 8)
    """

    n_axes = 1


class Conv2D(_Conv):
    """A convolution of images: (batch, height, width, channels) -> (batch, height, width, filters).

    `kernel` is (height, width, channels / groups, filters) and `bias` (filters,).

    >>> layer = pt.layers.Conv2D(6, 5, activation="relu")
    >>> layer(pt.ones((2, 28, 28, 1))).shape
    (2, 24, 24, 6)
    >>> layer.kernel.shape, layer.bias.shape
    ((5, 5, 1, 6), (6,))
    """

    n_axes = 2


class Conv3D(_Conv):
    """A convolution of volumes, or of images in time: (batch, depth, height, width, channels).

    `kernel` is (depth, height, width, channels / groups, filters) and `bias` (filters,).

    >>> layer = pt.layers.Conv3D(4, 3, strides=2, padding="same")
    >>> layer(pt.ones((1, 8, 8, 8, 2))).shape
    (1, 4, 4, 4, 4)
    """

    n_axes = 3


class _ConvTranspose(_WithKernel):
    def __init__(
        self,
        filters: SupportsIndex,
        kernel_size: Lengths,
        strides: Lengths = 1,
        padding: str = "valid",
        *,
        output_padding: Lengths | None = None,
        data_format: str | None = None,
        dilation_rate: Lengths = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer; its weights are made when the input shape is known.

        Args:
            filters: the number of outputs at each position, at least 1.
            kernel_size: the lengths of the kernel, one for all axes or one for each.
            strides: the steps in the output for one in the input, likewise.
            padding: "valid" for (length - 1) * strides + max(size, strides) results, "same" for
                length * strides.
            output_padding: how many results to add after the last; see `nn.conv_transpose`.
            data_format: "channels_last" or None, which means the same.
            dilation_rate: the steps from one element under the kernel to the next.
            activation: the name of an activation, or a function; None for none.
            use_bias: whether to add a bias.
            kernel_initializer: first values of the kernel; see `initializers`.
            bias_initializer: first values of the bias.
            kernel_regularizer: what the loss adds for the kernel; see `regularizers`.
            bias_regularizer: what the loss adds for the bias.
            kernel_constraint: applied to the kernel after each step; see `constraints`.
            bias_constraint: applied to the bias after each step.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self._read(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias)
        self.output_padding = (
            None
            if output_padding is None
            else lengths_for(f"{self.name}: output_padding", output_padding, self.n_axes, 0)
        )
        self._keep(
            filters,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            kernel_constraint,
            bias_constraint,
        )

    def _paddings(self) -> Sequence[str]:
        return ("valid", "same")

    def build(self, input_shape: Shape) -> None:
        """Make the kernel, (kernel_size, filters, channels), and the bias."""
        self._add_weights(self.filters, self._channels(input_shape))

    def _apply(self, x: Tensor, relu: bool) -> Tensor:
        return nn.conv_transpose(
            x,
            self.kernel,
            self.bias,
            strides=self.strides,
            padding=self.padding,  # type: ignore[arg-type]
            output_padding=self.output_padding,
            dilation=self.dilation_rate,
            relu=relu,
        )

    def _length(self, axis: int, length: int) -> int:
        part = slice(axis, axis + 1)
        added = None if self.output_padding is None else self.output_padding[part]
        return transposed_lengths(
            self.name,
            self.padding,  # type: ignore[arg-type]
            added,
            (length,),
            self.kernel_size[part],
            self.strides[part],
            self.dilation_rate[part],
        )[0][0]


class Conv1DTranspose(_ConvTranspose):
    """A transposed convolution along one axis: (batch, steps, channels).

    `kernel` is (size, filters, channels) and `bias` (filters,).

    >>> layer = pt.layers.Conv1DTranspose(8, 3, strides=2, padding="same")
    >>> layer(pt.ones((2, 10, 4))).shape
    (2, 20, 8)
    """

    n_axes = 1


class Conv2DTranspose(_ConvTranspose):
    """A transposed convolution of images, for example to enlarge them: (batch, ..., channels).

    `kernel` is (height, width, filters, channels) and `bias` (filters,).

    >>> layer = pt.layers.Conv2DTranspose(3, 2, strides=2)
    >>> layer(pt.ones((1, 7, 7, 16))).shape
    (1, 14, 14, 3)
    """

    n_axes = 2


class Conv3DTranspose(_ConvTranspose):
    """A transposed convolution of volumes: (batch, depth, height, width, channels).

    `kernel` is (depth, height, width, filters, channels) and `bias` (filters,).

    >>> layer = pt.layers.Conv3DTranspose(2, 2, strides=2)
    >>> layer(pt.ones((1, 3, 4, 5, 1))).shape
    (1, 6, 8, 10, 2)
    """

    n_axes = 3


class _DepthwiseConv(Convolution):
    def __init__(
        self,
        kernel_size: Lengths,
        strides: Lengths = 1,
        padding: str = "valid",
        depth_multiplier: SupportsIndex = 1,
        data_format: str | None = None,
        dilation_rate: Lengths = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        depthwise_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        *,
        depthwise_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer; its weights are made when the input shape is known.

        Args:
            kernel_size: the lengths of the kernel, one for all axes or one for each.
            strides: the steps from one result to the next, likewise.
            padding: as in Conv1D and Conv2D.
            depth_multiplier: the number of filters for each channel.
            data_format: "channels_last" or None, which means the same.
            dilation_rate: the steps from one element under the kernel to the next.
            activation: the name of an activation, or a function; None for none.
            use_bias: whether to add a bias.
            depthwise_initializer: first values of the kernel; see `initializers`.
            bias_initializer: first values of the bias.
            depthwise_regularizer: what the loss adds for the kernel; see `regularizers`.
            bias_regularizer: what the loss adds for the bias.
            depthwise_constraint: applied to the kernel after each step; see `constraints`.
            bias_constraint: applied to the bias after each step.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self._read(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias)
        self.depth_multiplier = integer(f"{self.name}: depth_multiplier", depth_multiplier, 1)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.kernel: Tensor = None  # type: ignore[assignment]  # made by build
        self._filters = 0

    def build(self, input_shape: Shape) -> None:
        """Make the kernel, (kernel_size, channels, depth_multiplier), and the bias."""
        channels = self._channels(input_shape)
        self._filters = channels * self.depth_multiplier
        self.kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier),
            self.depthwise_initializer,
            name="kernel",
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
        )
        self._add_bias(
            self._filters, self.bias_initializer, self.bias_regularizer, self.bias_constraint
        )
        self.built = True

    def _output_channels(self) -> int:
        return self._filters

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, ..., channels) -> (batch, ..., channels * depth_multiplier)."""
        shape = super().compute_output_shape(input_shape)
        return (*shape[:-1], input_shape[-1] * self.depth_multiplier)

    def _apply(self, x: Tensor, relu: bool) -> Tensor:
        return _of_each_channel(self, x, self.kernel, self.bias, relu)


def _of_each_channel(
    layer: Convolution, x: Tensor, kernel: Tensor, bias: Tensor | None, relu: bool
) -> Tensor:
    """Return the convolution of each channel with its filters, kernel (..., channels, filters)."""
    return nn.conv(
        x,
        kernel.reshape((*layer.kernel_size, 1, kernel.shape[-2] * kernel.shape[-1])),
        bias,
        strides=layer.strides,
        padding=layer.padding,  # type: ignore[arg-type]
        dilation=layer.dilation_rate,
        groups=x.shape[-1],
        relu=relu,
    )


class DepthwiseConv1D(_DepthwiseConv):
    """A convolution of each channel with filters of its own: (batch, steps, channels).

    `kernel` is (size, channels, depth_multiplier) and `bias` (channels * depth_multiplier,).

    >>> pt.layers.DepthwiseConv1D(3, depth_multiplier=2)(pt.ones((2, 10, 4))).shape
    (2, 8, 8)
    """

    n_axes = 1


class DepthwiseConv2D(_DepthwiseConv):
    """A convolution of each channel of images with filters of its own.

    `kernel` is (height, width, channels, depth_multiplier) and `bias` (channels *
    depth_multiplier,).

    >>> pt.layers.DepthwiseConv2D(3, padding="same")(pt.ones((2, 8, 8, 16))).shape
    (2, 8, 8, 16)
    """

    n_axes = 2


class _SeparableConv(Convolution):
    def __init__(
        self,
        filters: SupportsIndex,
        kernel_size: Lengths,
        strides: Lengths = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Lengths = 1,
        depth_multiplier: SupportsIndex = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerLike = "glorot_uniform",
        pointwise_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        depthwise_regularizer: RegularizerLike = None,
        pointwise_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        *,
        depthwise_constraint: ConstraintLike = None,
        pointwise_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer; its weights are made when the input shape is known.

        Args:
            filters: the number of outputs at each position, at least 1.
            kernel_size: the lengths of the kernel, one for all axes or one for each.
            strides: the steps from one result to the next, likewise.
            padding: as in Conv1D and Conv2D.
            data_format: "channels_last" or None, which means the same.
            dilation_rate: the steps from one element under the kernel to the next.
            depth_multiplier: the number of filters for each channel in the first convolution.
            activation: the name of an activation, or a function; None for none.
            use_bias: whether to add a bias.
            depthwise_initializer: first values of the kernel of single channels.
            pointwise_initializer: first values of the kernel of single positions.
            bias_initializer: first values of the bias.
            depthwise_regularizer: what the loss adds for the first kernel; see `regularizers`.
            pointwise_regularizer: what the loss adds for the second.
            bias_regularizer: what the loss adds for the bias.
            depthwise_constraint: applied to the first kernel after each step; see `constraints`.
            pointwise_constraint: applied to the second.
            bias_constraint: applied to the bias after each step.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self._read(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias)
        self.filters = integer(f"{self.name}: filters", filters, 1)
        self.depth_multiplier = integer(f"{self.name}: depth_multiplier", depth_multiplier, 1)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_constraint = constraints.get(pointwise_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.depthwise_kernel: Tensor = None  # type: ignore[assignment]  # made by build
        self.pointwise_kernel: Tensor = None  # type: ignore[assignment]

    def build(self, input_shape: Shape) -> None:
        """Make both kernels, (kernel_size, channels, depth_multiplier) and (1, ..., channels *
        depth_multiplier, filters), and the bias."""
        channels = self._channels(input_shape)
        self.depthwise_kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier),
            self.depthwise_initializer,
            name="depthwise_kernel",
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
        )
        self.pointwise_kernel = self.add_weight(
            (*(1,) * self.n_axes, channels * self.depth_multiplier, self.filters),
            self.pointwise_initializer,
            name="pointwise_kernel",
            regularizer=self.pointwise_regularizer,
            constraint=self.pointwise_constraint,
        )
        self._add_bias(
            self.filters, self.bias_initializer, self.bias_regularizer, self.bias_constraint
        )
        self.built = True

    def _output_channels(self) -> int:
        return self.filters

    def _apply(self, x: Tensor, relu: bool) -> Tensor:
        x = _of_each_channel(self, x, self.depthwise_kernel, None, False)
        return nn.conv(x, self.pointwise_kernel, self.bias, relu=relu)


class SeparableConv1D(_SeparableConv):
    """A convolution of each channel, then one of size 1 across channels: (batch, steps, channels).

    It needs fewer weights and products than Conv1D.

    >>> layer = pt.layers.SeparableConv1D(8, 3)
    >>> layer(pt.ones((2, 10, 4))).shape
    (2, 8, 8)
    >>> layer.count_params()
    52
    """

    n_axes = 1


class SeparableConv2D(_SeparableConv):
    """A convolution of each channel of images, then one of size 1 across channels.

    It needs fewer weights and products than Conv2D.

    >>> layer = pt.layers.SeparableConv2D(32, 3, padding="same", activation="relu")
    >>> layer(pt.ones((2, 8, 8, 16))).shape
    (2, 8, 8, 32)
    """

    n_axes = 2
