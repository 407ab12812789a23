"""pytensor: a tensor library for the CPU.

C kernels under a thin Python API, an autodiff tape, a Keras-style trainer:

    import pytensor as pt

    x = pt.asarray([[1.0, 2.0], [3.0, 4.0]])
    y = pt.relu(pt.dot(x, x) - 8)
    g = pt.grad(lambda x: pt.sum(x ** 2))(x)
"""

import importlib as _importlib
import sys as _sys
import typing as _typing

try:
    from pytensor import _core
except ImportError as _error:
    if _sys.argv[:1] != ["-m"]:
        raise
    # Python is looking for the command: what is wrong with the environment is said in one line.
    print(f"pytensor: {str(_error).partition(';')[0]}", file=_sys.stderr)
    raise SystemExit(2) from None
from pytensor import memory as memory
from pytensor import nn as nn
from pytensor._autodiff.loops import *  # noqa: F403
from pytensor._autodiff.transforms import *  # noqa: F403
from pytensor._functions import *  # noqa: F403
from pytensor._functions import on_demand as _on_demand
from pytensor._support.version import __version__ as __version__

if _typing.TYPE_CHECKING:  # what is imported, or made, when it is first used
    # isort: off
    from pytensor import activations as activations
    from pytensor import backend as backend
    from pytensor import callbacks as callbacks
    from pytensor import checkpoints as checkpoints
    from pytensor import constraints as constraints
    from pytensor import datasets as datasets
    from pytensor import distributed as distributed
    from pytensor import fft as fft
    from pytensor import initializers as initializers
    from pytensor import layers as layers
    from pytensor import linalg as linalg
    from pytensor import losses as losses
    from pytensor import metrics as metrics
    from pytensor import models as models
    from pytensor import naive as naive
    from pytensor import ops as ops
    from pytensor import optimizers as optimizers
    from pytensor import plot as plot
    from pytensor import random as random
    from pytensor import regularizers as regularizers
    from pytensor import schedules as schedules
    from pytensor import serialization as serialization
    from pytensor import utils as utils
    from pytensor.layers import Input as Input
    from pytensor.layers import Layer as Layer
    from pytensor.models import Model as Model
    from pytensor.models import Sequential as Sequential
    from pytensor._functions.numpy_functions import *  # noqa: F403

    # mypy does not see the parts of an __all__ that is added up. clip and round are in _ops too:
    # mypy keeps the first import, pyright the last.
    from pytensor._functions.elementwise import *  # noqa: F403
    from pytensor._ops import *  # type: ignore[assignment]  # noqa: F403
    from pytensor._functions.elementwise import *  # noqa: F403
    from pytensor._functions.array_api import *  # noqa: F403
    from pytensor._functions.creation import *  # noqa: F403
    from pytensor._functions.indexing import *  # noqa: F403
    from pytensor._functions.joining import *  # noqa: F403
    from pytensor._functions.products import *  # noqa: F403
    from pytensor._functions.programs import *  # noqa: F403
    from pytensor._functions.shapes import *  # noqa: F403
    from pytensor._functions.statistics import *  # noqa: F403
    # isort: on

# The floors above the tensor are imported when first used: `import pytensor` stays light.
_SUBMODULES = frozenset(
    (
        "activations",
        "backend",
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
        "ops",
        "optimizers",
        "plot",
        "random",
        "regularizers",
        "schedules",
        "serialization",
        "utils",
    )
)


# What programs for Keras expect beside the modules.
_CLASSES = {"Input": "layers", "Layer": "layers", "Model": "models", "Sequential": "models"}


if not _typing.TYPE_CHECKING:

    def __getattr__(name):
        if name in _SUBMODULES:
            return _importlib.import_module(f"pytensor.{name}")
        if name in _CLASSES:
            return getattr(_importlib.import_module(f"pytensor.{_CLASSES[name]}"), name)
        return _on_demand.attribute(globals(), "", name)


def __dir__() -> list[str]:
    from pytensor._functions.by_numpy import names

    return sorted({*globals(), *_SUBMODULES, *names()})


_core.hand_down(namespace=_sys.modules[__name__])
if "threadpoolctl" in _sys.modules:
    from pytensor import threadpools  # registers the pool there
