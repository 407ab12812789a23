"""pytensor: a tensor library for the CPU.

C kernels under a thin Python API, an autodiff tape, a Keras-style trainer:

    import pytensor as pt

    x = pt.asarray([[1.0, 2.0], [3.0, 4.0]])
    y = pt.relu(pt.dot(x, x) - 8)
    g = pt.grad(lambda x: pt.sum(x ** 2))(x)
"""

import importlib as _importlib
import math as _math
import sys as _sys

import numpy as _np

try:
    from pytensor import _core
except ImportError as _error:
    if _sys.argv[:1] != ["-m"]:
        raise
    # Python is looking for the command: what is wrong with the environment is said in one line.
    print(f"pytensor: {str(_error).partition(';')[0]}", file=_sys.stderr)
    raise SystemExit(2) from None
from pytensor import autodiff, functions, memory, nn
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
    zeros,
)
from pytensor._ops import *  # noqa: F403
from pytensor.array_api import *  # noqa: F403
from pytensor.autodiff import *  # noqa: F403
from pytensor.functions import *  # noqa: F403

__version__ = "0.1.0"

bool = _np.dtype("bool")
int8, int16, int32, int64 = (_np.dtype(f"int{bits}") for bits in (8, 16, 32, 64))
uint8, uint16, uint32, uint64 = (_np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64))
float32, float64 = _np.dtype("float32"), _np.dtype("float64")
complex64, complex128 = _np.dtype("complex64"), _np.dtype("complex128")
e, pi, inf, nan, newaxis = _math.e, _math.pi, _math.inf, _math.nan, None

# The floors above the tensor are imported when first used: `import pytensor` stays light.
_SUBMODULES = frozenset((
    "activations", "callbacks", "checkpoints", "constraints", "datasets", "distributed", "fft",
    "initializers", "layers", "linalg", "losses", "metrics", "models", "naive", "optimizers",
    "plot", "random", "regularizers", "schedules", "serialization", "utils",
))


def __getattr__(name):
    if name in _SUBMODULES:
        return _importlib.import_module(f"pytensor.{name}")
    return functions.made(globals(), "", name)


def __dir__():
    from pytensor.numpy_functions import names

    return sorted({*globals(), *_SUBMODULES, *names()})


if "threadpoolctl" in _sys.modules:
    from pytensor import threadpools  # registers the pool there
