"""Activation functions, by name or as functions: tensor in, tensor of the same shape out.

    linear(x)   x
    relu(x)     max(x, 0)
    sigmoid(x)  1 / (1 + exp(-x))
    softmax(x)  exp(x) / sum(exp(x)) along the last axis
    tanh(x)     (exp(x) - exp(-x)) / (exp(x) + exp(-x))
"""

from __future__ import annotations

from pytensor._arguments import lookup
from pytensor.nn import relu, sigmoid, softmax, tanh

__all__ = ["get", "linear", "relu", "sigmoid", "softmax", "tanh"]


def linear(x, /):
    """Return x unchanged."""
    return x


_BY_NAME = {
    "linear": linear,
    "relu": relu,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "tanh": tanh,
}


def get(identifier):
    """Return the activation function of that name; None means linear, functions stay themselves.

    Raises:
        ValueError: no activation has that name.
        TypeError: identifier is neither a name nor callable.
    """
    if identifier is None:
        return linear
    return identifier if callable(identifier) else lookup("activation", identifier, _BY_NAME)
