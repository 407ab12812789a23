"""Dense, the fully connected layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, SupportsIndex

from pytensor import activations, constraints, initializers, regularizers
from pytensor._support.arguments import integer
from pytensor.layers.layer import Layer, Resolved
from pytensor.nn import linear

if TYPE_CHECKING:
    from typing import Unpack

    from pytensor._core import Tensor
    from pytensor.activations import ActivationLike
    from pytensor.constraints import ConstraintLike
    from pytensor.initializers import InitializerLike
    from pytensor.layers.layer import Options, Shape
    from pytensor.regularizers import RegularizerLike

__all__ = ["Dense"]


class Dense(Layer):
    """A fully connected layer: activation(x @ kernel + bias).

    The input has the shape (batch, ..., inputs), the output (batch, ..., units); `kernel` is
    (inputs, units) and `bias` (units,).

    >>> layer = pt.layers.Dense(3, activation="relu")
    >>> layer(pt.ones((2, 4))).shape
    (2, 3)
    >>> layer.kernel.shape, layer.bias.shape
    ((4, 3), (3,))
    """

    supports_masking = True

    activation: Resolved[ActivationLike, Callable[..., Tensor]] = Resolved(
        activations.get, "The activation, a function; a name or None can be assigned."
    )

    def __init__(
        self,
        units: SupportsIndex,
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
            units: the number of outputs, at least 1.
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
        if self.declared_shape and self.declared_shape[-1] is None:
            raise TypeError(
                f"{self.name}: input_shape: found {self.declared_shape}: expected a last length "
                "that is known"
            )
        self.units = integer(f"{self.name}: units", units, 1)
        self.activation = activation
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.kernel: Tensor = None  # type: ignore[assignment]  # made by build
        self.bias: Tensor | None = None

    def build(self, input_shape: Shape) -> None:
        """Make the kernel and the bias."""
        if len(input_shape) < 2:
            raise ValueError(
                f"{self.name}: input shape {input_shape}: expected (batch, ..., inputs)"
            )
        self.kernel = self.add_weight(
            (input_shape[-1], self.units),
            self.kernel_initializer,
            name="kernel",
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,),
                self.bias_initializer,
                name="bias",
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Return activation(x @ kernel + bias); relu in the same pass over memory."""
        if self.activation is activations.relu and type(self).pre_activation is _pre_activation:
            return linear(x, self.kernel, self.bias, relu=True)
        return self.activation(self.pre_activation(x))

    def pre_activation(self, x: Tensor) -> Tensor:
        """Return x @ kernel + bias: the logits, where the activation is softmax or sigmoid."""
        return linear(x, self.kernel, self.bias)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, ..., inputs) -> (batch, ..., units)."""
        if self.built and input_shape[-1] != self.kernel.shape[0]:
            raise ValueError(
                f"{self.name}: input shape {input_shape}: expected (batch, ..., "
                f"{self.kernel.shape[0]}), the shape it was built for"
            )
        return (*input_shape[:-1], self.units)


_pre_activation = Dense.pre_activation  # which relu in the same pass goes with
