"""Layers that normalize their input: to mean 0 and variance 1, or to length 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, SupportsIndex

from pytensor import _functions as pt
from pytensor import constraints, initializers, regularizers
from pytensor._functions.overflow import all_finite, scale_of, unit
from pytensor._support.arguments import integer, number
from pytensor.layers.layer import Layer, mode

if TYPE_CHECKING:
    from typing import Unpack

    from pytensor._core import Tensor
    from pytensor.constraints import ConstraintLike
    from pytensor.initializers import InitializerLike
    from pytensor.layers.layer import Options, Shape
    from pytensor.regularizers import RegularizerLike

__all__ = ["BatchNormalization", "LayerNormalization", "UnitNormalization"]


class _Normalization(Layer):
    """Base of the layers that compute gamma * (x - mean) / sqrt(variance + epsilon) + beta."""

    supports_masking = True

    def __init__(
        self,
        axis: SupportsIndex | Sequence[SupportsIndex] = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        beta_constraint: ConstraintLike = None,
        gamma_constraint: ConstraintLike = None,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer; gamma and beta are made when the input shape is known.

        Args:
            axis: the axis of gamma and beta, or a list of axes.
            epsilon: added to the variance, at least 0.
            center: whether to add beta.
            scale: whether to multiply by gamma.
            beta_initializer: first values of beta; see `initializers`.
            gamma_initializer: first values of gamma.
            beta_regularizer: what the loss adds for beta; see `regularizers`.
            gamma_regularizer: what the loss adds for gamma.
            beta_constraint: applied to beta after each step; see `constraints`.
            gamma_constraint: applied to gamma after each step.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.axis = _axes(f"{self.name}: axis", axis)
        self.epsilon = number(f"{self.name}: epsilon", epsilon, 0)
        self.center = bool(center)
        self.scale = bool(scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma: Tensor | None = None
        self.beta: Tensor | None = None
        self._lengths: tuple[int, ...] = ()  # of the axes of gamma and beta, once built

    def axes(self, ndim: int) -> list[int]:
        """Return the axes of gamma and beta in an input of ndim axes, sorted; never the first."""
        several = self.axis if isinstance(self.axis, list) else [self.axis]
        axes = sorted({axis + ndim if axis < 0 else axis for axis in several})
        if len(axes) != len(several) or not axes or axes[0] < 1 or axes[-1] >= ndim:
            raise ValueError(
                f"{self.name}: axis: found {self.axis}: expected axes of an input of "
                f"{ndim} axes other than the first, each once"
            )
        return axes

    def build(self, input_shape: Shape) -> None:
        """Make gamma and beta."""
        self._lengths = tuple(input_shape[axis] for axis in self.axes(len(input_shape)))
        if self.scale:
            self.gamma = self.add_weight(
                self._lengths,
                self.gamma_initializer,
                name="gamma",
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
            )
        if self.center:
            self.beta = self.add_weight(
                self._lengths,
                self.beta_initializer,
                name="beta",
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
            )
        self.built = True

    def along(self, weight: Tensor, ndim: int) -> Tensor:
        """Return a weight in a shape that broadcasts with an input of ndim axes."""
        shape = [1] * ndim
        for axis, length in zip(self.axes(ndim), self._lengths, strict=True):
            shape[axis] = length
        return weight.reshape(tuple(shape))

    def normalized(
        self, centred: Tensor, variance: Tensor, divisor: Tensor | None = None
    ) -> Tensor:
        """Return centred / sqrt(variance + epsilon), scaled and shifted.

        Args:
            centred: the input minus its mean.
            variance: of a shape that broadcasts with it.
            divisor: what the input was divided by, or None; epsilon is divided by its square.
        """
        epsilon: float | Tensor = self.epsilon
        if divisor is not None and epsilon > 0:  # never 0: the variance may be
            epsilon = pt.maximum(epsilon / divisor / divisor, 1e-30)
        factor = 1 / pt.sqrt(variance + epsilon)
        if self.gamma is not None:
            factor = factor * self.along(self.gamma, centred.ndim)
        out = centred * factor
        return out if self.beta is None else out + self.along(self.beta, centred.ndim)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape; ValueError if the layer was built for another one."""
        lengths = tuple(input_shape[axis] for axis in self.axes(len(input_shape)))
        if self.built and lengths != self._lengths:
            raise ValueError(
                f"{self.name}: input shape {tuple(input_shape)}: axis {self.axis} was "
                f"built for {self._lengths}"
            )
        return input_shape


def _axes(name: str, axis: SupportsIndex | Sequence[SupportsIndex]) -> int | list[int]:
    """An axis as an integer, or several as a list of integers."""
    if isinstance(axis, (list, tuple)):
        return [integer(name, one, -pt.inf) for one in axis]
    return integer(name, axis, -pt.inf)


def _moments(x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Return the mean of x along axes, x - mean, the variance, and None.

    If a sum or a square would overflow, they are those of x / divisor, and the last is the divisor.
    """
    divisor: Tensor | None = None
    while True:
        mean = x.mean(axes, keepdims=True)
        centred = x - mean
        variance = pt.square(centred).mean(axes, keepdims=True)
        if divisor is not None or all_finite(variance):
            return mean, centred, variance, divisor
        x = x / (divisor := scale_of(x, axes))


class LayerNormalization(_Normalization):
    """Layer normalization: brings each sample to mean 0 and variance 1 over some axes.

    The result is then scaled and shifted by the weights gamma and beta, which lie along these axes
    (Ba et al. 2016).

    >>> pt.layers.LayerNormalization(epsilon=1e-6)([[1.0, 3.0]])
    Tensor([[-0.9999995,  0.9999995]], dtype=float32)
    """

    def call(self, x: Tensor) -> Tensor:
        """Return x, normalized."""
        _, centred, variance, divisor = _moments(x, tuple(self.axes(x.ndim)))
        return self.normalized(centred, variance, divisor)


class BatchNormalization(_Normalization):
    """Batch normalization: brings each feature to mean 0 and variance 1 over the batch.

    The result is then scaled and shifted by the weights gamma and beta (Ioffe, Szegedy 2015).

    While training, mean and variance are those of the batch, and the layer updates moving averages
    of them:

        moving = momentum * moving + (1 - momentum) * batch

    Otherwise, and if trainable is False, it uses the moving averages.

    >>> pt.layers.BatchNormalization()(pt.asarray([[0.0], [2.0]]), training=True)
    Tensor([[-0.9995004],
            [ 0.9995004]], dtype=float32)
    """

    def __init__(
        self,
        axis: SupportsIndex | Sequence[SupportsIndex] = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        moving_mean_initializer: InitializerLike = "zeros",
        moving_variance_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        beta_constraint: ConstraintLike = None,
        gamma_constraint: ConstraintLike = None,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer; its weights are made when the input shape is known.

        Args:
            axis: the axis of the features.
            momentum: the weight of the old value in a moving average, in [0, 1].
            epsilon: added to the variance, at least 0.
            center: whether to add beta.
            scale: whether to multiply by gamma.
            beta_initializer: first values of beta; see `initializers`.
            gamma_initializer: first values of gamma.
            moving_mean_initializer: first values of the moving mean.
            moving_variance_initializer: first values of the moving variance.
            beta_regularizer: what the loss adds for beta; see `regularizers`.
            gamma_regularizer: what the loss adds for gamma.
            beta_constraint: applied to beta after each step; see `constraints`.
            gamma_constraint: applied to gamma after each step.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(
            integer("BatchNormalization: axis", axis, -pt.inf),
            epsilon,
            center,
            scale,
            beta_initializer,
            gamma_initializer,
            beta_regularizer,
            gamma_regularizer,
            beta_constraint,
            gamma_constraint,
            **options,
        )
        self.momentum = number(f"{self.name}: momentum", momentum, 0, 1)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.moving_mean: Tensor = None  # type: ignore[assignment]  # made by build
        self.moving_variance: Tensor = None  # type: ignore[assignment]  # made by build

    def build(self, input_shape: Shape) -> None:
        """Make gamma, beta and the moving averages."""
        super().build(input_shape)
        self.moving_mean = self.add_weight(
            self._lengths, self.moving_mean_initializer, trainable=False, name="moving_mean"
        )
        self.moving_variance = self.add_weight(
            self._lengths, self.moving_variance_initializer, trainable=False, name="moving_variance"
        )

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """Return x, normalized."""
        if not training or mode.frozen or not self.trainable:
            return self.normalized(
                x - self.along(self.moving_mean, x.ndim), self.along(self.moving_variance, x.ndim)
            )
        kept = self.axes(x.ndim)
        others = tuple(axis for axis in range(x.ndim) if axis not in kept)
        mean, centred, variance, divisor = _moments(x, others)
        new_mean, new_variance = pt.stop_gradient(mean), pt.stop_gradient(variance)
        if divisor is not None:  # once infinite, a moving variance would stay so
            largest = pt.finfo(x.dtype).max
            new_mean = new_mean * divisor
            new_variance = pt.minimum(new_variance * divisor * divisor, largest)
        for moving, value in ((self.moving_mean, new_mean), (self.moving_variance, new_variance)):
            new = value.reshape(self._lengths)
            moving[...] = moving * self.momentum + new * (1 - self.momentum)
        return self.normalized(centred, variance, divisor)


class UnitNormalization(Layer):
    """Scales vectors along an axis to length 1.

    >>> pt.layers.UnitNormalization()([[3.0, 4.0]])
    Tensor([[0.6, 0.8]], dtype=float32)
    """

    supports_masking = True

    def __init__(
        self, axis: SupportsIndex | Sequence[SupportsIndex] = -1, **options: Unpack[Options]
    ) -> None:
        """Create the layer.

        Args:
            axis: the axis of the vectors, or a list of axes.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.axis = _axes(f"{self.name}: axis", axis)

    def call(self, x: Tensor) -> Tensor:
        """Return x / norm(x)."""
        return unit(x, self.axis, 1e-24)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape."""
        return input_shape
