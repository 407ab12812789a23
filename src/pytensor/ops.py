"""The functions on tensors, under the names of Keras's `ops`; they take symbolic tensors too.

A function that is called with a symbolic tensor (see layers.Input) becomes a layer of the model.
Names that this package does not define by itself, `abs` for one, are those of `pytensor`,
`activations` and `losses`.

>>> pt.ops.concatenate([[1.0], [2.0]], axis=0)
Tensor([1., 2.])
>>> x = pt.layers.Input((3,))
>>> pt.ops.sum(pt.ops.square(x), axis=-1).shape
(None,)
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pytensor import _functions as pt
from pytensor import activations, losses, utils
from pytensor._functions import on_demand
from pytensor._support.names import missing
from pytensor.layers.function import operation
from pytensor.layers.graph import symbolic_in

__all__ = ["cast", "convert_to_numpy", "convert_to_tensor", "divide_no_nan", "one_hot", "shape"]

# Names of Keras for functions that are called otherwise here.
_OTHERWISE = {
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "array": "asarray",
    "amax": "max",
    "amin": "min",
    "mod": "remainder",
    "power": "pow",
}


def cast(x: Any, dtype: Any) -> Any:
    """Return x in another dtype.

    >>> pt.ops.cast([1.5, 2.5], "int32")
    Tensor([1, 2], dtype=int32)
    """
    if symbolic_in(x):
        return operation("astype", x, np.dtype(dtype))
    return pt.asarray(x).astype(np.dtype(dtype))


def convert_to_numpy(x: Any) -> np.ndarray:
    """Return a tensor as an ndarray, on the same memory.

    >>> type(pt.ops.convert_to_numpy(pt.ones(2)))
    <class 'numpy.ndarray'>
    """
    return np.asarray(x)


def convert_to_tensor(x: Any, dtype: Any = None) -> Any:
    """Return anything array-like as a tensor; a symbolic tensor as it is.

    >>> pt.ops.convert_to_tensor([1, 2], dtype="float32")
    Tensor([1., 2.], dtype=float32)
    """
    return x if symbolic_in(x) else pt.asarray(x, dtype=dtype)


def divide_no_nan(x1: Any, x2: Any) -> Any:
    """Return x1 / x2, and 0 where x2 is 0.

    >>> pt.ops.divide_no_nan(pt.asarray([1.0, 2.0]), pt.asarray([0.0, 4.0]))
    Tensor([0. , 0.5], dtype=float32)
    """
    zero = operation("equal", x2, 0)
    return operation("where", zero, 0.0, operation("divide", x1, operation("where", zero, 1.0, x2)))


def one_hot(x: Any, num_classes: int) -> Any:
    """Return integers as rows of zeros with a 1, of shape (..., num_classes).

    >>> pt.ops.one_hot([0, 2], 3)
    Tensor([[1., 0., 0.],
            [0., 0., 1.]], dtype=float32)
    """
    numbers = np.asarray(x)
    rows = utils.to_categorical(numbers.ravel(), num_classes)
    return rows.reshape((*numbers.shape, rows.shape[-1]))


def shape(x: Any) -> tuple[Any, ...]:
    """Return the shape of x; None stands for an open length of a symbolic tensor.

    >>> pt.ops.shape([[1, 2, 3]])
    (1, 3)
    """
    return tuple(x.shape) if hasattr(x, "shape") else pt.asarray(x).shape


def _function(name: str) -> Callable[..., Any]:
    """The function of a name, which records calls with symbolic tensors."""
    name = _OTHERWISE.get(name, name)
    for module in (pt, activations, losses):
        if name in module.__all__ and not isinstance(getattr(module, name), type):
            function = getattr(module, name)
            break
    else:
        function = on_demand.attribute({}, "", name)
    if not callable(function):
        raise AttributeError(name)

    @functools.wraps(function)
    def op(*arguments: Any, **options: Any) -> Any:
        if symbolic_in((arguments, options)):
            return operation(name, *arguments, **options)
        return function(*arguments, **options)

    return op


if not TYPE_CHECKING:

    def __getattr__(name):
        try:
            if name.startswith("_"):
                raise AttributeError
            function = _function(name)
        except AttributeError:
            known = {*__all__, *_OTHERWISE, *pt.__all__, *activations.__all__}
            raise missing("ops", name, {"__all__": sorted(known)}) from None
        return globals().setdefault(name, function)
