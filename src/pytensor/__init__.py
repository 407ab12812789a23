"""pytensor: a tensor library for the CPU.

C kernels under a thin Python API, an autodiff tape, a Keras-style trainer:

    import pytensor as pt

    x = pt.asarray([[1.0, 2.0], [3.0, 4.0]])
    y = pt.relu(pt.dot(x, x) - 8)
    g = pt.grad(lambda x: pt.sum(x ** 2))(x)
"""

import importlib as _importlib
import sys as _sys

try:
    from pytensor import _core
except ImportError as _error:
    if _sys.argv[:1] != ["-m"]:
        raise
    # Python is looking for the command: what is wrong with the environment is said in one line.
    print(f"pytensor: {str(_error).partition(';')[0]}", file=_sys.stderr)
    raise SystemExit(2) from None
from pytensor import memory, nn
from pytensor._autodiff.transforms import *  # noqa: F403
from pytensor._functions import *  # noqa: F403
from pytensor._functions import composed as _composed
from pytensor._support.version import __version__

# The floors above the tensor are imported when first used: `import pytensor` stays light.
_SUBMODULES = frozenset(
    (
        "activations",
        "callbacks",
        "checkpoints",
        "constraints",
        "datasets",
        "distributed",
        "fft",
        "initializers",
        "layers",
        "linalg",
        "losses",
        "metrics",
        "models",
        "naive",
        "optimizers",
        "plot",
        "random",
        "regularizers",
        "schedules",
        "serialization",
        "utils",
    )
)


def __getattr__(name):
    if name in _SUBMODULES:
        return _importlib.import_module(f"pytensor.{name}")
    return _composed.made(globals(), "", name)


def __dir__():
    from pytensor._functions.by_numpy import names

    return sorted({*globals(), *_SUBMODULES, *names()})


_core.hand_down(namespace=_sys.modules[__name__])
if "threadpoolctl" in _sys.modules:
    from pytensor import threadpools  # registers the pool there
