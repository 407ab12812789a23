"""Activation functions as separate layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, SupportsIndex

from pytensor import activations, constraints, initializers, regularizers
from pytensor._support.arguments import integer, number
from pytensor.layers.layer import Layer, Resolved
from pytensor.nn import relu

if TYPE_CHECKING:
    from typing import Unpack

    from pytensor._core import Tensor
    from pytensor.activations import ActivationLike
    from pytensor.constraints import ConstraintLike
    from pytensor.initializers import InitializerLike
    from pytensor.layers.layer import Options, Shape
    from pytensor.regularizers import RegularizerLike

__all__ = ["ELU", "Activation", "LeakyReLU", "PReLU", "ReLU", "Softmax"]


class Activation(Layer):
    """An activation function as a separate layer.

    >>> pt.layers.Activation("relu")([[-1.0, 2.0]])
    Tensor([[0., 2.]], dtype=float32)
    """

    supports_masking = True

    activation: Resolved[ActivationLike, Callable[..., Tensor]] = Resolved(
        activations.get, "The activation, a function; a name or None can be assigned."
    )

    def __init__(self, activation: ActivationLike, **options: Unpack[Options]) -> None:
        """Create the layer.

        Args:
            activation: the name of an activation, or a function; None passes x through.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.activation = activation

    def call(self, x: Tensor) -> Tensor:
        """Return activation(x)."""
        return self.activation(x)

    def pre_activation(self, x: Tensor) -> Tensor:
        """Return x: the logits, if the activation is softmax or sigmoid."""
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape."""
        return input_shape


class _ElementWise(Layer):
    """Base of the layers whose output has the shape of the input."""

    supports_masking = True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape."""
        return input_shape


class ReLU(_ElementWise):
    """The function activations.relu, with its options.

    >>> pt.layers.ReLU()([[-1.0, 2.0]])
    Tensor([[0., 2.]], dtype=float32)
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer.

        Args:
            max_value: the largest output, at least 0; None for no limit.
            negative_slope: the slope below the threshold, at least 0.
            threshold: where the function begins to rise with slope 1, at least 0.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.max_value = (
            None if max_value is None else number(f"{self.name}: max_value", max_value, 0)
        )
        self.negative_slope = number(f"{self.name}: negative_slope", negative_slope, 0)
        self.threshold = number(f"{self.name}: threshold", threshold, 0)

    def call(self, x: Tensor) -> Tensor:
        """Return the activation of x."""
        return activations.relu(x, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(_ElementWise):
    """The function x for x > 0, else negative_slope * x.

    >>> pt.layers.LeakyReLU()([[-1.0, 2.0]])
    Tensor([[-0.3,  2. ]], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.3, **options: Unpack[Options]) -> None:
        """Create the layer.

        Args:
            negative_slope: the slope for x < 0, at least 0.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.negative_slope = number(f"{self.name}: negative_slope", negative_slope, 0)

    def call(self, x: Tensor) -> Tensor:
        """Return the activation of x."""
        return activations.leaky_relu(x, self.negative_slope)


class PReLU(_ElementWise):
    """The function x for x > 0, else alpha * x, with one trained alpha per element of a sample.

    >>> pt.layers.PReLU("ones")([[-1.0, 2.0]])
    Tensor([[-1.,  2.]], dtype=float32)
    """

    def __init__(
        self,
        alpha_initializer: InitializerLike = "zeros",
        alpha_regularizer: RegularizerLike = None,
        alpha_constraint: ConstraintLike = None,
        shared_axes: int | Sequence[int] | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer; alpha is made when the input shape is known.

        Args:
            alpha_initializer: first values of alpha; see `initializers`.
            alpha_regularizer: what the loss adds for alpha; see `regularizers`.
            alpha_constraint: applied to alpha after each step; see `constraints`.
            shared_axes: axes along which alpha is the same; the first axis of a sample is 1.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
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
        self.alpha: Tensor = None  # type: ignore[assignment]  # made by build

    def build(self, input_shape: Shape) -> None:
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

    def call(self, x: Tensor) -> Tensor:
        """Return the activation of x."""
        return relu(x) - self.alpha * relu(-x)


class ELU(_ElementWise):
    """The function x for x > 0, else alpha * (exp(x) - 1).

    >>> pt.layers.ELU()([[-1.0, 2.0]])
    Tensor([[-0.63212055,  2.        ]], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0, **options: Unpack[Options]) -> None:
        """Create the layer.

        Args:
            alpha: a number; minus the limit for x -> -inf.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.alpha = number(f"{self.name}: alpha", alpha)

    def call(self, x: Tensor) -> Tensor:
        """Return the activation of x."""
        return activations.elu(x, self.alpha)


class Softmax(_ElementWise):
    """Softmax along an axis, or over several.

    >>> pt.layers.Softmax()([[0.0, 1.0]])
    Tensor([[0.26894143, 0.7310586 ]], dtype=float32)
    """

    def __init__(
        self, axis: SupportsIndex | Sequence[SupportsIndex] = -1, **options: Unpack[Options]
    ) -> None:
        """Create the layer.

        Args:
            axis: the axis along which the outputs sum to 1, or a list of axes.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.axis: int | list[int] = (
            [integer(f"{self.name}: axis", one, -math.inf) for one in axis]
            if isinstance(axis, (list, tuple))
            else integer(f"{self.name}: axis", axis, -math.inf)
        )

    @property
    def activation(self) -> Callable[..., Tensor] | None:
        """The function activations.softmax if the axis is the last one, else None."""
        return activations.softmax if self.axis in (-1, [-1]) else None

    def call(self, x: Tensor) -> Tensor:
        """Return softmax(x)."""
        return activations.softmax(x, self.axis)

    def pre_activation(self, x: Tensor) -> Tensor:
        """Return x: the logits."""
        return x
