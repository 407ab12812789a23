"""Layers that bring their input to mean 0 and variance 1, or to length 1."""

from __future__ import annotations

from pytensor import _functions as pt
from pytensor import constraints, initializers, regularizers
from pytensor._functions.overflow import all_finite, scale_of, unit
from pytensor._support.arguments import integer, number
from pytensor.layers.layer import Layer, mode

__all__ = ["BatchNormalization", "LayerNormalization", "UnitNormalization"]


class _Normalization(Layer):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, with gamma and beta along some axes."""

    def __init__(
        self,
        axis=-1,
        epsilon=0.001,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        **options,
    ):
        super().__init__(**options)
        self.axis = (
            list(axis)
            if isinstance(axis, (list, tuple))
            else integer(f"{self.name}: axis", axis, -pt.inf)
        )
        self.epsilon = number(f"{self.name}: epsilon", epsilon, 0)
        self.center = bool(center)
        self.scale = bool(scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma = self.beta = None
        self._lengths = None  # of the axes of gamma and beta, once built

    def axes(self, ndim):
        """Return the axes along which gamma and beta lie, sorted, none of them the batch's."""
        several = self.axis if isinstance(self.axis, list) else [self.axis]
        axes = sorted({axis + ndim if axis < 0 else axis for axis in several})
        if len(axes) != len(several) or not axes or axes[0] < 1 or axes[-1] >= ndim:
            raise ValueError(
                f"{self.name}: axis: found {self.axis}: expected axes of an input of "
                f"{ndim} axes, but the batch's, each once"
            )
        return axes

    def build(self, input_shape):
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

    def along(self, weight, ndim):
        """Return a weight in a shape that broadcasts with an input of ndim axes."""
        shape = [1] * ndim
        for axis, length in zip(self.axes(ndim), self._lengths, strict=True):
            shape[axis] = length
        return weight.reshape(tuple(shape))

    def normalized(self, centred, variance, divisor=None):
        """Return centred / sqrt(variance + epsilon), scaled and shifted.

        divisor: what the input was divided by before, if it was: then epsilon is, by its square.
        """
        epsilon = self.epsilon
        if divisor is not None and epsilon > 0:  # never 0: the variance may be
            epsilon = pt.maximum(epsilon / divisor / divisor, 1e-30)
        factor = 1 / pt.sqrt(variance + epsilon)
        if self.scale:
            factor = factor * self.along(self.gamma, centred.ndim)
        out = centred * factor
        return out + self.along(self.beta, centred.ndim) if self.center else out

    def compute_output_shape(self, input_shape):
        """Any shape stays itself."""
        lengths = tuple(input_shape[axis] for axis in self.axes(len(input_shape)))
        if self.built and lengths != self._lengths:
            raise ValueError(
                f"{self.name}: input shape {tuple(input_shape)}: axis {self.axis} was "
                f"built for {self._lengths}"
            )
        return input_shape


def _moments(x, axes):
    """What normalization along axes needs: mean, x - mean, variance, and None.

    Where a sum or a square would overflow, they are those of x / divisor; the last is the divisor.
    """
    divisor = None
    while True:
        mean = x.mean(axes, keepdims=True)
        centred = x - mean
        variance = pt.square(centred).mean(axes, keepdims=True)
        if divisor is not None or all_finite(variance):
            return mean, centred, variance, divisor
        divisor = scale_of(x, axes)
        x = x / divisor


class LayerNormalization(_Normalization):
    """Each sample to mean 0 and variance 1 over some axes, then scaled and shifted by the weights
    gamma and beta along these (Ba et al. 2016).

    axis: one or a list; epsilon: added to the variance; center: whether there is a beta; scale:
    whether there is a gamma; options: as in Layer.

    >>> pt.layers.LayerNormalization(epsilon=1e-6)([[1.0, 3.0]])
    Tensor([[-0.9999995,  0.9999995]], dtype=float32)
    """

    def call(self, x):
        """Return x, normalized."""
        _, centred, variance, divisor = _moments(x, tuple(self.axes(x.ndim)))
        return self.normalized(centred, variance, divisor)


class BatchNormalization(_Normalization):
    """Each feature to mean 0 and variance 1 over the batch, then scaled and shifted by the weights
    gamma and beta (Ioffe, Szegedy 2015).

    While training, mean and variance are the batch's, and moving means of them are kept:

        moving = momentum * moving + (1 - momentum) * the batch's

    Otherwise, and where trainable is False, they are these moving means.

    >>> pt.layers.BatchNormalization()(pt.asarray([[0.0], [2.0]]), training=True)
    Tensor([[-0.9995004],
            [ 0.9995004]], dtype=float32)
    """

    def __init__(
        self,
        axis=-1,
        momentum=0.99,
        epsilon=0.001,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        moving_mean_initializer="zeros",
        moving_variance_initializer="ones",
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        **options,
    ):
        """Axis: that of the features; momentum: in [0, 1]; the others: as LayerNormalization's."""
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
        self.moving_mean = self.moving_variance = None

    def build(self, input_shape):
        """Make gamma, beta and the moving means."""
        super().build(input_shape)
        self.moving_mean = self.add_weight(
            self._lengths, self.moving_mean_initializer, trainable=False, name="moving_mean"
        )
        self.moving_variance = self.add_weight(
            self._lengths, self.moving_variance_initializer, trainable=False, name="moving_variance"
        )

    def call(self, x, training=False):
        """Return x, normalized."""
        if not training or mode.frozen or not self.trainable:
            return self.normalized(
                x - self.along(self.moving_mean, x.ndim), self.along(self.moving_variance, x.ndim)
            )
        kept = self.axes(x.ndim)
        others = tuple(axis for axis in range(x.ndim) if axis not in kept)
        mean, centred, variance, divisor = _moments(x, others)
        of_batch = pt.stop_gradient(mean), pt.stop_gradient(variance)
        if divisor is not None:  # a moving variance of inf would stay
            of_batch = (
                of_batch[0] * divisor,
                pt.minimum(of_batch[1] * divisor * divisor, pt.finfo(x.dtype).max),
            )
        for moving, value in zip((self.moving_mean, self.moving_variance), of_batch, strict=True):
            new = value.reshape(self._lengths)
            moving[...] = moving * self.momentum + new * (1 - self.momentum)
        return self.normalized(centred, variance, divisor)


class UnitNormalization(Layer):
    """Each sample to length 1 along an axis.

    >>> pt.layers.UnitNormalization()([[3.0, 4.0]])
    Tensor([[0.6, 0.8]], dtype=float32)
    """

    def __init__(self, axis=-1, **options):
        """Axis: one or a list; options: as in Layer."""
        super().__init__(**options)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis

    def call(self, x):
        """Return x / norm(x)."""
        return unit(x, self.axis, 1e-24)

    def compute_output_shape(self, input_shape):
        """Any shape stays itself."""
        return input_shape
