"""Activation functions as layers of their own."""

from __future__ import annotations

import math

from pytensor import activations, constraints, initializers, regularizers
from pytensor._support.arguments import integer, number
from pytensor.layers.layer import Layer, Resolved
from pytensor.nn import relu

__all__ = ["ELU", "Activation", "LeakyReLU", "PReLU", "ReLU", "Softmax"]


class Activation(Layer):
    """An activation function as a layer of its own.

    >>> pt.layers.Activation("relu")([[-1.0, 2.0]])
    Tensor([[0., 2.]], dtype=float32)
    """

    activation = Resolved(activations.get, "A function; may be set to a name or None.")

    def __init__(self, activation, **options):
        """Activation: a name or a function; options: as in Layer."""
        super().__init__(**options)
        self.activation = activation

    def call(self, x):
        """Return activation(x)."""
        return self.activation(x)

    def pre_activation(self, x):
        """Return x: the logits, where the activation is softmax or sigmoid."""
        return x

    def compute_output_shape(self, input_shape):
        """Any shape stays itself."""
        return input_shape


class _ElementWise(Layer):
    """Base of those whose output has the shape of the input."""

    def compute_output_shape(self, input_shape):
        """Any shape stays itself."""
        return input_shape


class ReLU(_ElementWise):
    """activations.relu with max_value, negative_slope and threshold.

    >>> pt.layers.ReLU()([[-1.0, 2.0]])
    Tensor([[0., 2.]], dtype=float32)
    """

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, **options):
        """Numbers >= 0; max_value may be None. options: as in Layer."""
        super().__init__(**options)
        self.max_value = (
            None if max_value is None else number(f"{self.name}: max_value", max_value, 0)
        )
        self.negative_slope = number(f"{self.name}: negative_slope", negative_slope, 0)
        self.threshold = number(f"{self.name}: threshold", threshold, 0)

    def call(self, x):
        """Return the activation of x."""
        return activations.relu(x, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(_ElementWise):
    """x where x > 0, else negative_slope * x.

    >>> pt.layers.LeakyReLU()([[-1.0, 2.0]])
    Tensor([[-0.3,  2. ]], dtype=float32)
    """

    def __init__(self, negative_slope=0.3, **options):
        """A number >= 0; options: as in Layer."""
        super().__init__(**options)
        self.negative_slope = number(f"{self.name}: negative_slope", negative_slope, 0)

    def call(self, x):
        """Return the activation of x."""
        return activations.leaky_relu(x, self.negative_slope)


class PReLU(_ElementWise):
    """x where x > 0, else alpha * x, with an alpha per element of a sample that is trained.

    >>> pt.layers.PReLU("ones")([[-1.0, 2.0]])
    Tensor([[-1.,  2.]], dtype=float32)
    """

    def __init__(
        self,
        alpha_initializer="zeros",
        alpha_regularizer=None,
        alpha_constraint=None,
        shared_axes=None,
        **options,
    ):
        """shared_axes: those along which alpha is the same, the first being 1; options: Layer's."""
        super().__init__(**options)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = (
            [shared_axes]
            if isinstance(shared_axes, int)
            else None
            if shared_axes is None
            else list(shared_axes)
        )
        self.alpha = None

    def build(self, input_shape):
        """Make alpha."""
        shape = [
            1 if axis in (self.shared_axes or ()) else length
            for axis, length in enumerate(input_shape)
        ][1:]
        self.alpha = self.add_weight(
            shape,
            self.alpha_initializer,
            name="alpha",
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )
        self.built = True

    def call(self, x):
        """Return the activation of x."""
        return relu(x) - self.alpha * relu(-x)


class ELU(_ElementWise):
    """x where x > 0, else alpha * (exp(x) - 1).

    >>> pt.layers.ELU()([[-1.0, 2.0]])
    Tensor([[-0.63212055,  2.        ]], dtype=float32)
    """

    def __init__(self, alpha=1.0, **options):
        """A number; options: as in Layer."""
        super().__init__(**options)
        self.alpha = number(f"{self.name}: alpha", alpha)

    def call(self, x):
        """Return the activation of x."""
        return activations.elu(x, self.alpha)


class Softmax(_ElementWise):
    """Softmax along an axis, or over several.

    >>> pt.layers.Softmax()([[0.0, 1.0]])
    Tensor([[0.26894143, 0.7310586 ]], dtype=float32)
    """

    def __init__(self, axis=-1, **options):
        """Axis: an integer or a list of them; options: as in Layer."""
        super().__init__(**options)
        self.axis = (
            [integer(f"{self.name}: axis", one, -math.inf) for one in axis]
            if isinstance(axis, (list, tuple))
            else integer(f"{self.name}: axis", axis, -math.inf)
        )

    @property
    def activation(self):
        """activations.softmax if that is what the layer is, along the last axis; else None."""
        return activations.softmax if self.axis in (-1, [-1]) else None

    def call(self, x):
        """Return softmax(x)."""
        return activations.softmax(x, self.axis)

    def pre_activation(self, x):
        """Return x: the logits."""
        return x
