"""Activation functions, by name or as functions: tensor in, tensor of the same shape out.

NaN stays NaN, and the derivative there is NaN too (but of linear, where it is 1).

    linear(x)        x
    relu(x)          max(x, 0); with negative_slope, max_value and threshold as in its docstring
    leaky_relu(x)    x for x > 0, else negative_slope * x
    relu6(x)         min(max(x, 0), 6)
    elu(x)           x for x > 0, else alpha * (exp(x) - 1)
    celu(x)          x for x > 0, else alpha * (exp(x / alpha) - 1)
    selu(x)          1.0507 * elu(x, 1.6733): keeps mean 0 and variance 1 (Klambauer et al. 2017)
    gelu(x)          x times the normal distribution's probability of less than x
    silu(x), swish   x * sigmoid(x)
    mish(x)          x * tanh(softplus(x))
    softplus(x)      log(1 + exp(x))
    softsign(x)      x / (1 + abs(x))
    exponential(x)   exp(x)
    tanh(x)          (exp(x) - exp(-x)) / (exp(x) + exp(-x))
    sigmoid(x)       1 / (1 + exp(-x))
    log_sigmoid(x)   log(sigmoid(x))
    hard_tanh(x)     x limited to [-1, 1]
    hard_sigmoid(x)  x / 6 + 1 / 2 limited to [0, 1]
    hard_silu(x), hard_swish    x * hard_sigmoid(x)
    soft_shrink(x)   x brought closer to 0 by threshold; hard_shrink(x): 0 where that is near
    tanh_shrink(x)   x - tanh(x)
    squareplus(x)    (x + sqrt(x**2 + b)) / 2
    softmax(x)       exp(x) / sum(exp(x)) along the last axis; log_softmax(x): its logarithm
"""

from __future__ import annotations

import math

from pytensor import _functions as pt
from pytensor import nn
from pytensor._support.arguments import lookup
from pytensor.nn import log_softmax, sigmoid, softmax, tanh
from pytensor.serialization import deserialize

__all__ = [
    "celu",
    "elu",
    "exponential",
    "gelu",
    "get",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "squareplus",
    "tanh",
    "tanh_shrink",
]


def linear(x, /):
    """Return x unchanged.

    >>> pt.activations.linear(pt.asarray([-1.0, 2.0]))
    Tensor([-1.,  2.], dtype=float32)
    """
    return x


def relu(x, /, negative_slope=0.0, max_value=None, threshold=0.0):
    """x where x > threshold, else negative_slope * (x - threshold); at most max_value, if given.

    For threshold = 0 this is max(x, 0), or leaky_relu.

    >>> pt.activations.relu([-1.0, 2.0, 9.0], max_value=6.0)
    Tensor([0., 2., 6.], dtype=float32)
    """
    if negative_slope == 0 and threshold == 0:
        out = nn.relu(x)
    else:
        x = pt.asarray(x)
        above = x - threshold if threshold else x
        out = pt.where_positive(above, x, negative_slope * above if negative_slope else 0.0)
    return out if max_value is None else pt.minimum(out, max_value)


def leaky_relu(x, /, negative_slope=0.2):
    """x where x > 0, else negative_slope * x.

    >>> pt.activations.leaky_relu([-1.0, 2.0])
    Tensor([-0.2,  2. ], dtype=float32)
    """
    return relu(x, negative_slope)


def relu6(x, /):
    """x limited to [0, 6].

    >>> pt.activations.relu6([-1.0, 2.0, 9.0])
    Tensor([0., 2., 6.], dtype=float32)
    """
    return pt.clip(x, 0.0, 6.0)


def elu(x, /, alpha=1.0):
    """x where x > 0, else alpha * (exp(x) - 1).

    >>> pt.activations.elu([-1.0, 2.0])
    Tensor([-0.63212055,  2.        ], dtype=float32)
    """
    x = pt.asarray(x)
    return pt.where_positive(x, x, alpha * pt.expm1(_below_0(x)))


def celu(x, /, alpha=1.0):
    """x where x > 0, else alpha * (exp(x / alpha) - 1).

    >>> pt.activations.celu([-1.0, 2.0])
    Tensor([-0.63212055,  2.        ], dtype=float32)
    """
    x = pt.asarray(x)
    return pt.where_positive(x, x, alpha * pt.expm1(_below_0(x) / alpha))


def _below_0(x):
    """min(x, 0), with the derivative 1 at 0: for an exponential that must not overflow above."""
    return pt.where_positive(x, 0.0, x)


def selu(x, /):
    """1.0507 * elu(x, 1.6733).

    >>> pt.activations.selu([-1.0, 2.0])
    Tensor([-1.1113307,  2.101402 ], dtype=float32)
    """
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def gelu(x, /, approximate=False):
    """x * (1 + erf(x / sqrt(2))) / 2, or approximately, by tanh (Hendrycks, Gimpel 2016).

    >>> pt.activations.gelu([-1.0, 2.0])
    Tensor([-0.15865526,  1.9544997 ], dtype=float32)
    """
    x = pt.asarray(x)
    if approximate:
        near = pt.clip(x, -10.0, 10.0)  # the tanh is 1 there, and the cube overflows far beyond
        inner = near + 0.044715 * near * near * near
        return 0.5 * x * (1 + tanh(math.sqrt(2 / math.pi) * inner))
    return 0.5 * x * (1 + pt.erf(x * math.sqrt(0.5)))


def silu(x, /):
    """x * sigmoid(x).

    >>> pt.activations.silu([-1.0, 2.0])
    Tensor([-0.26894143,  1.7615942 ], dtype=float32)
    """
    x = pt.asarray(x)
    return x * sigmoid(x)


def mish(x, /):
    """x * tanh(log(1 + exp(x))).

    >>> pt.activations.mish([-1.0, 2.0])
    Tensor([-0.30340147,  1.943959  ], dtype=float32)
    """
    x = pt.asarray(x)
    return x * tanh(pt.softplus(x))


def softplus(x, /):
    """log(1 + exp(x)), without overflow.

    >>> pt.activations.softplus([0.0, 2.0])
    Tensor([0.6931472, 2.126928 ], dtype=float32)
    """
    return pt.softplus(x)


def softsign(x, /):
    """x / (1 + abs(x)).

    >>> pt.activations.softsign([-1.0, 3.0])
    Tensor([-0.5 ,  0.75], dtype=float32)
    """
    x = pt.asarray(x)
    return x / (1 + abs(x))


def exponential(x, /):
    """exp(x).

    >>> pt.activations.exponential([0.0, 1.0])
    Tensor([1.       , 2.7182817], dtype=float32)
    """
    return pt.exp(x)


def log_sigmoid(x, /):
    """log(1 / (1 + exp(-x))), without overflow.

    >>> pt.activations.log_sigmoid([0.0])
    Tensor([-0.6931472], dtype=float32)
    """
    return -pt.softplus(-pt.asarray(x))


def hard_tanh(x, /):
    """x limited to [-1, 1].

    >>> pt.activations.hard_tanh([-2.0, 0.5])
    Tensor([-1. ,  0.5], dtype=float32)
    """
    return pt.clip(x, -1.0, 1.0)


def hard_sigmoid(x, /):
    """x / 6 + 1 / 2 limited to [0, 1].

    >>> pt.activations.hard_sigmoid([-4.0, 0.0, 4.0])
    Tensor([0. , 0.5, 1. ], dtype=float32)
    """
    return pt.clip(pt.asarray(x) / 6 + 0.5, 0.0, 1.0)


def hard_silu(x, /):
    """x * hard_sigmoid(x).

    >>> pt.activations.hard_silu([-4.0, 1.0, 4.0])
    Tensor([-0.       ,  0.6666667,  4.       ], dtype=float32)
    """
    x = pt.asarray(x)
    return x * hard_sigmoid(x)


def soft_shrink(x, /, threshold=0.5):
    """x - threshold above it, x + threshold below minus it, else 0.

    >>> pt.activations.soft_shrink([-0.4, 2.0])
    Tensor([0. , 1.5], dtype=float32)
    """
    x = pt.asarray(x)
    return x - pt.clip(x, -threshold, threshold)


def hard_shrink(x, /, threshold=0.5):
    """x where abs(x) > threshold, else 0.

    >>> pt.activations.hard_shrink([-0.4, 2.0])
    Tensor([0., 2.], dtype=float32)
    """
    x = pt.asarray(x)
    return pt.where_positive(abs(x) - threshold, x, 0.0)


def tanh_shrink(x, /):
    """x - tanh(x).

    >>> pt.activations.tanh_shrink([0.0, 2.0])
    Tensor([0.       , 1.0359724], dtype=float32)
    """
    x = pt.asarray(x)
    return x - tanh(x)


def squareplus(x, /, b=4):
    """(x + sqrt(x**2 + b)) / 2.

    >>> pt.activations.squareplus([0.0, 2.0])
    Tensor([1.       , 2.4142137], dtype=float32)
    """
    x = pt.asarray(x)
    return (x + pt.hypot(x, math.sqrt(b))) / 2


_BY_NAME = {name: globals()[name] for name in __all__ if name != "get"}
_BY_NAME |= {"swish": silu, "hard_swish": hard_silu}


def get(identifier):
    """Return the activation function of that name; None means linear, functions stay themselves.

    Raises:
        ValueError: no activation has that name.
        TypeError: identifier is neither a name nor callable.

    >>> pt.activations.get("relu")([-1.0, 2.0])
    Tensor([0., 2.], dtype=float32)
    """
    if identifier is None:
        return linear
    if identifier is nn.relu:
        return relu
    if isinstance(identifier, dict):
        return deserialize(identifier)
    return identifier if callable(identifier) else lookup("activation", identifier, _BY_NAME)
