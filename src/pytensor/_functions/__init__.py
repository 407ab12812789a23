"""The namespace of tensors: what users call as `pytensor`, and the floors above as `pt`."""

from __future__ import annotations

import math as _math
import typing as _typing

import numpy as _np

from pytensor import _core, _ops
from pytensor._core import (
    RowGradient,
    Tensor,
    asarray,
    broadcast_to,
    build_config,
    cumulative_prod,
    cumulative_sum,
    dot,
    empty,
    full,
    fuse,
    get_num_threads,
    jit,
    log_softmax,
    matmul,
    mean,
    ones,
    permute_dims,
    reshape,
    set_num_threads,
    set_reproducible,
    softmax,
    stop_gradient,
    vmap,
    zeros,
)
from pytensor._ops import *  # noqa: F403

# isort: split
# After the rows of the op table, since some functions take the place of one: clip with no bound.
from pytensor._functions import (
    array_api,
    creation,
    elementwise,
    indexing,
    joining,
    on_demand,
    products,
    programs,
    shapes,
    statistics,
)
from pytensor._functions.array_api import *  # noqa: F403
from pytensor._functions.creation import *  # noqa: F403
from pytensor._functions.elementwise import *  # noqa: F403
from pytensor._functions.indexing import *  # noqa: F403
from pytensor._functions.joining import *  # noqa: F403
from pytensor._functions.products import *  # noqa: F403
from pytensor._functions.programs import *  # noqa: F403
from pytensor._functions.shapes import *  # noqa: F403
from pytensor._functions.statistics import *  # noqa: F403

if _typing.TYPE_CHECKING:
    from pytensor._functions.numpy_functions import *  # noqa: F403

bool = _np.dtype("bool")
int8, int16, int32, int64 = (_np.dtype(f"int{bits}") for bits in (8, 16, 32, 64))
uint8, uint16, uint32, uint64 = (_np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64))
float32, float64 = _np.dtype("float32"), _np.dtype("float64")
complex64, complex128 = _np.dtype("complex64"), _np.dtype("complex128")
e, pi, inf, nan, newaxis = _math.e, _math.pi, _math.inf, _math.nan, None

__all__ = [
    "RowGradient",
    "Tensor",
    "asarray",
    "bool",
    "broadcast_to",
    "build_config",
    "complex64",
    "complex128",
    "cumulative_prod",
    "cumulative_sum",
    "dot",
    "e",
    "empty",
    "float32",
    "float64",
    "full",
    "fuse",
    "get_num_threads",
    "inf",
    "int8",
    "int16",
    "int32",
    "int64",
    "jit",
    "log_softmax",
    "matmul",
    "mean",
    "nan",
    "newaxis",
    "ones",
    "permute_dims",
    "pi",
    "reshape",
    "set_num_threads",
    "set_reproducible",
    "softmax",
    "stop_gradient",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "vmap",
    "zeros",
]
__all__ += _ops.__all__
__all__ += array_api.__all__
__all__ += creation.__all__
__all__ += elementwise.__all__
__all__ += indexing.__all__
__all__ += joining.__all__
__all__ += products.__all__
__all__ += programs.__all__
__all__ += shapes.__all__
__all__ += statistics.__all__


def _complex_function(name: str) -> _typing.Any:
    """What computes a row of the op table for complex numbers; None without a rule."""
    from pytensor._functions import by_numpy

    return by_numpy.complex_function(name)


def _call_ufunc(*arguments: _typing.Any) -> _typing.Any:
    """What a ufunc of NumPy's returns for tensors."""
    from pytensor._functions import by_numpy

    _core.hand_down(call_ufunc=by_numpy.call_ufunc)  # the next call goes there
    return by_numpy.call_ufunc(*arguments)


def _html() -> _typing.Any:
    """What draws tensors, tapes and fused functions in notebooks."""
    from pytensor._support import html

    return html


_core.hand_down(call_ufunc=_call_ufunc, complex_function=_complex_function, html=_html)


if (
    not _typing.TYPE_CHECKING
):  # type checkers know all names, and would take any other for one of them

    def __getattr__(name):
        return on_demand.attribute(globals(), "", name)
