"""Activation functions, by name or as functions: tensor in, tensor of the same shape out.

NaN stays NaN, and the derivative there is NaN too (except for linear, where it is 1). At infinity,
values and derivatives are the limits.

    linear(x)        x
    relu(x)          max(x, 0); with negative_slope, max_value and threshold as in its docstring
    leaky_relu(x)    x for x > 0, else negative_slope * x
    relu6(x)         min(max(x, 0), 6)
    elu(x)           x for x > 0, else alpha * (exp(x) - 1)
    celu(x)          x for x > 0, else alpha * (exp(x / alpha) - 1)
    selu(x)          1.0507 * elu(x, 1.6733): keeps mean 0 and variance 1 (Klambauer et al. 2017)
    gelu(x)          x * P(z < x) for a normally distributed z
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
    soft_shrink(x)   x moved towards 0 by threshold; hard_shrink(x): 0 for abs(x) <= threshold
    tanh_shrink(x)   x - tanh(x)
    squareplus(x)    (x + sqrt(x**2 + b)) / 2
    softmax(x)       exp(x) / sum(exp(x)) along the last axis; log_softmax(x): its logarithm
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytensor import _core, nn
from pytensor import _functions as pt
from pytensor._support.arguments import lookup
from pytensor.nn import log_softmax, sigmoid, softmax, tanh
from pytensor.serialization import deserialize

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from numpy.typing import ArrayLike

    from pytensor._core import Tensor

    # What `get` takes for an activation: a name, a function, a config, or None for `linear`.
    ActivationLike: TypeAlias = str | Callable[[Tensor], Tensor] | dict[str, Any] | None

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


def linear(x: Tensor, /) -> Tensor:
    """Return x unchanged.

    >>> pt.activations.linear(pt.asarray([-1.0, 2.0]))
    Tensor([-1.,  2.], dtype=float32)
    """
    return x


def relu(
    x: ArrayLike,
    /,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Tensor:
    """Return x where x > threshold, else negative_slope * (x - threshold).

    With the defaults this is max(x, 0).

    Args:
        x: a tensor or array-like.
        negative_slope: the slope below the threshold.
        max_value: the largest result; None for no limit.
        threshold: where the slope becomes 1.

    >>> pt.activations.relu([-1.0, 2.0, 9.0], max_value=6.0)
    Tensor([0., 2., 6.], dtype=float32)
    """
    if negative_slope == 0 and threshold == 0:
        out = nn.relu(x)
    else:
        tensor = pt.asarray(x)
        above = tensor - threshold if threshold else tensor
        out = pt.where_positive(above, tensor, negative_slope * above if negative_slope else 0.0)
    return out if max_value is None else pt.minimum(out, max_value)


def leaky_relu(x: ArrayLike, /, negative_slope: float = 0.2) -> Tensor:
    """Return x where x > 0, else negative_slope * x.

    >>> pt.activations.leaky_relu([-1.0, 2.0])
    Tensor([-0.2,  2. ], dtype=float32)
    """
    return relu(x, negative_slope)


def relu6(x: ArrayLike, /) -> Tensor:
    """Return x limited to [0, 6].

    >>> pt.activations.relu6([-1.0, 2.0, 9.0])
    Tensor([0., 2., 6.], dtype=float32)
    """
    return pt.clip(x, 0.0, 6.0)


def elu(x: ArrayLike, /, alpha: float = 1.0) -> Tensor:
    """Return x where x > 0, else alpha * (exp(x) - 1).

    >>> pt.activations.elu([-1.0, 2.0])
    Tensor([-0.63212055,  2.        ], dtype=float32)
    """
    tensor = pt.asarray(x)
    return pt.where_positive(tensor, tensor, alpha * pt.expm1(_below_0(tensor)))


def celu(x: ArrayLike, /, alpha: float = 1.0) -> Tensor:
    """Return x where x > 0, else alpha * (exp(x / alpha) - 1).

    >>> pt.activations.celu([-1.0, 2.0])
    Tensor([-0.63212055,  2.        ], dtype=float32)
    """
    tensor = pt.asarray(x)
    return pt.where_positive(tensor, tensor, alpha * pt.expm1(_below_0(tensor) / alpha))


def _below_0(x: Tensor) -> Tensor:
    """Return min(x, 0), with the derivative 1 at 0, for an exponential that must not overflow."""
    return pt.where_positive(x, 0.0, x)


def selu(x: ArrayLike, /) -> Tensor:
    """Return 1.0507 * elu(x, 1.6733).

    >>> pt.activations.selu([-1.0, 2.0])
    Tensor([-1.1113307,  2.101402 ], dtype=float32)
    """
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def _gated(x: ArrayLike, gate: Callable[[Tensor], Tensor]) -> Tensor:
    """Return x * gate(x) for a gate that rises from 0 to 1, with the limits at infinity.

    At -inf the product would be NaN, and so would its derivative at inf. Beyond 1000 the gates are
    0 or 1, with derivative 0, in float64 too.
    """
    tensor = pt.asarray(x)
    if not _core.is_watched([tensor]):  # the same values in fewer passes
        return pt.maximum(tensor, -1000.0) * gate(tensor)
    inner = pt.clip(tensor, -1000.0, 1000.0)
    return pt.where(tensor > 1000.0, tensor, inner * gate(inner))


def gelu(x: ArrayLike, /, approximate: bool = False) -> Tensor:
    """Return x * (1 + erf(x / sqrt(2))) / 2 (Hendrycks, Gimpel 2016).

    Args:
        x: a tensor or array-like.
        approximate: use the approximation by tanh instead.

    >>> pt.activations.gelu([-1.0, 2.0])
    Tensor([-0.15865526,  1.9544997 ], dtype=float32)
    """
    if approximate:
        return _gated(x, _approximate_normal)
    return _gated(x, lambda x: 0.5 * (1 + pt.erf(x * math.sqrt(0.5))))


def _approximate_normal(x: Tensor) -> Tensor:
    """Return P(z < x) for a normally distributed z, approximately."""
    return 0.5 * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


def silu(x: ArrayLike, /) -> Tensor:
    """Return x * sigmoid(x).

    >>> pt.activations.silu([-1.0, 2.0])
    Tensor([-0.26894143,  1.7615942 ], dtype=float32)
    """
    return _gated(x, sigmoid)


def mish(x: ArrayLike, /) -> Tensor:
    """Return x * tanh(log(1 + exp(x))).

    >>> pt.activations.mish([-1.0, 2.0])
    Tensor([-0.30340147,  1.943959  ], dtype=float32)
    """
    return _gated(x, lambda x: tanh(pt.softplus(x)))


def softplus(x: ArrayLike, /) -> Tensor:
    """Return log(1 + exp(x)), without overflow.

    >>> pt.activations.softplus([0.0, 2.0])
    Tensor([0.6931472, 2.126928 ], dtype=float32)
    """
    return pt.softplus(x)


def softsign(x: ArrayLike, /) -> Tensor:
    """Return x / (1 + abs(x)).

    >>> pt.activations.softsign([-1.0, 3.0])
    Tensor([-0.5 ,  0.75], dtype=float32)
    """
    tensor = pt.asarray(x)
    if tensor.dtype.kind == "f":  # the quotient of infinities is NaN
        largest = pt.finfo(tensor.dtype).max
        tensor = pt.clip(tensor, -largest, largest)
    return tensor / (1 + abs(tensor))


def exponential(x: ArrayLike, /) -> Tensor:
    """Return exp(x).

    >>> pt.activations.exponential([0.0, 1.0])
    Tensor([1.       , 2.7182817], dtype=float32)
    """
    return pt.exp(x)


def log_sigmoid(x: ArrayLike, /) -> Tensor:
    """Return log(1 / (1 + exp(-x))), without overflow.

    >>> pt.activations.log_sigmoid([0.0])
    Tensor([-0.6931472], dtype=float32)
    """
    return -pt.softplus(-pt.asarray(x))


def hard_tanh(x: ArrayLike, /) -> Tensor:
    """Return x limited to [-1, 1].

    >>> pt.activations.hard_tanh([-2.0, 0.5])
    Tensor([-1. ,  0.5], dtype=float32)
    """
    return pt.clip(x, -1.0, 1.0)


def hard_sigmoid(x: ArrayLike, /) -> Tensor:
    """Return x / 6 + 1 / 2 limited to [0, 1].

    >>> pt.activations.hard_sigmoid([-4.0, 0.0, 4.0])
    Tensor([0. , 0.5, 1. ], dtype=float32)
    """
    return pt.clip(pt.asarray(x) / 6 + 0.5, 0.0, 1.0)


def hard_silu(x: ArrayLike, /) -> Tensor:
    """Return x * hard_sigmoid(x).

    >>> pt.activations.hard_silu([-4.0, 1.0, 4.0])
    Tensor([-0.       ,  0.6666667,  4.       ], dtype=float32)
    """
    return _gated(x, hard_sigmoid)


def soft_shrink(x: ArrayLike, /, threshold: float = 0.5) -> Tensor:
    """Return x - threshold for x > threshold, x + threshold for x < -threshold, else 0.

    >>> pt.activations.soft_shrink([-0.4, 2.0])
    Tensor([0. , 1.5], dtype=float32)
    """
    tensor = pt.asarray(x)
    return tensor - pt.clip(tensor, -threshold, threshold)


def hard_shrink(x: ArrayLike, /, threshold: float = 0.5) -> Tensor:
    """Return x where abs(x) > threshold, else 0.

    >>> pt.activations.hard_shrink([-0.4, 2.0])
    Tensor([0., 2.], dtype=float32)
    """
    tensor = pt.asarray(x)
    return pt.where_positive(abs(tensor) - threshold, tensor, 0.0)


def tanh_shrink(x: ArrayLike, /) -> Tensor:
    """Return x - tanh(x).

    >>> pt.activations.tanh_shrink([0.0, 2.0])
    Tensor([0.       , 1.0359724], dtype=float32)
    """
    tensor = pt.asarray(x)
    return tensor - tanh(tensor)


def squareplus(x: ArrayLike, /, b: float = 4) -> Tensor:
    """Return (x + sqrt(x**2 + b)) / 2.

    >>> pt.activations.squareplus([0.0, 2.0])
    Tensor([1.       , 2.4142137], dtype=float32)
    """
    if b == 0:
        return nn.relu(x)
    tensor = pt.asarray(x)
    # For x < 0 the terms cancel; but the values at x and -x have the product b / 4.
    half = pt.where_positive(tensor, tensor, -tensor) / 2
    larger = half + pt.hypot(half, math.sqrt(b) / 2)
    return pt.where_positive(tensor, larger, b / 4 / larger)


_BY_NAME = {name: globals()[name] for name in __all__ if name != "get"}
_BY_NAME |= {"swish": silu, "hard_swish": hard_silu}


def get(identifier: ActivationLike) -> Callable[..., Tensor]:
    """Return the activation function that an identifier stands for.

    Args:
        identifier: a name, a function (returned as it is), a config, or None for linear.

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
