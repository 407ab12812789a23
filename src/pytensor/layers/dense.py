"""Dense, the fully connected layer."""

from __future__ import annotations

from pytensor import activations, constraints, initializers, regularizers
from pytensor._support.arguments import integer
from pytensor.layers.layer import Layer, Resolved
from pytensor.nn import linear

__all__ = ["Dense"]


class Dense(Layer):
    """Fully connected: activation(x @ kernel + bias), kernel (inputs, units), bias (units,).

    x: (batch, ..., inputs). Output: (batch, ..., units).

    >>> layer = pt.layers.Dense(3, activation="relu")
    >>> layer(pt.ones((2, 4))).shape
    (2, 3)
    >>> layer.kernel.shape, layer.bias.shape
    ((4, 3), (3,))
    """

    activation = Resolved(activations.get, "A function; may be set to a name or None.")

    def __init__(
        self,
        units,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        *,
        kernel_constraint=None,
        bias_constraint=None,
        **options,
    ):
        """Units: an integer >= 1; activation: a name, a function or None; options: as in Layer.

        Initializers, regularizers and constraints: see the modules of these names.
        """
        super().__init__(**options)
        self.units = integer(f"{self.name}: units", units, 1)
        self.activation = activation
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.kernel = self.bias = None

    def build(self, input_shape):
        """Make kernel and bias."""
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

    def call(self, x):
        """Return activation(x @ kernel + bias); relu in the same pass over memory."""
        if self.activation is activations.relu:
            return linear(x, self.kernel, self.bias, relu=True)
        return self.activation(self.pre_activation(x))

    def pre_activation(self, x):
        """Return x @ kernel + bias: the logits, where the activation is softmax or sigmoid."""
        return linear(x, self.kernel, self.bias)

    def compute_output_shape(self, input_shape):
        """(batch, ..., inputs) -> (batch, ..., units)."""
        if self.built and input_shape[-1] != self.kernel.shape[0]:
            raise ValueError(
                f"{self.name}: input shape {input_shape}: expected (batch, ..., "
                f"{self.kernel.shape[0]}), the shape it was built for"
            )
        return (*input_shape[:-1], self.units)
