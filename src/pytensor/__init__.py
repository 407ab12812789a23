"""pytensor: a tensor library for the CPU.

C kernels under a thin Python API, an autodiff tape, a Keras-style trainer:

    import pytensor as pt

    x = pt.asarray([[1.0, 2.0], [3.0, 4.0]])
    y = pt.relu(pt.dot(x, x) - 8)
    g = pt.grad(lambda x: pt.sum(x ** 2))(x)
"""

import importlib as _importlib
import math as _math

import numpy as _np

from pytensor import autodiff, memory, nn
from pytensor._core import (
    RowGradient,
    Tensor,
    asarray,
    broadcast_to,
    build_config,
    dot,
    empty,
    full,
    fuse,
    get_num_threads,
    log_softmax,
    matmul,
    mean,
    ones,
    permute_dims,
    reshape,
    set_num_threads,
    softmax,
    stop_gradient,
    zeros,
)
from pytensor._ops import *  # noqa: F403
from pytensor.autodiff import GradientTape, grad, value_and_grad
from pytensor.functions import *  # noqa: F403

__version__ = "0.1.0"

bool = _np.dtype("bool")
int8, int16, int32, int64 = (_np.dtype(f"int{bits}") for bits in (8, 16, 32, 64))
uint8, uint16, uint32, uint64 = (_np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64))
float32, float64 = _np.dtype("float32"), _np.dtype("float64")
e, pi, inf, nan, newaxis = _math.e, _math.pi, _math.inf, _math.nan, None

# The floors above the tensor are imported when first used: `import pytensor` stays light.
_SUBMODULES = frozenset((
    "activations", "callbacks", "datasets", "initializers", "layers", "losses", "metrics",
    "models", "naive", "optimizers", "plot", "random", "schedules", "serialization", "utils",
))


def __getattr__(name):
    if name in _SUBMODULES:
        return _importlib.import_module(f"pytensor.{name}")
    raise AttributeError(f"module 'pytensor' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_SUBMODULES})
