"""Creation and manipulation: the functions of the namespace that need no kernel of their own."""

from __future__ import annotations

import math
import operator

import numpy as np

from pytensor import _core
from pytensor._arguments import integer, number
from pytensor._core import Tensor, asarray, broadcast_to, empty, full, permute_dims, reshape

# Names of the Array API standard: functions called max, min, ... live in _ops.
__all__ = [
    "arange", "array", "astype", "broadcast_arrays", "concat", "concatenate", "empty_like",
    "expand_dims", "eye", "flip", "full_like", "linspace", "ones_like", "result_type", "shape",
    "squeeze", "stack", "std", "take", "tensordot", "transpose", "tril", "triu", "var",
    "zeros_like",
]


def array(obj, *, dtype=None):
    """A tensor of obj with memory of its own; see asarray."""
    return asarray(obj, dtype=dtype, copy=True)


def _like(x, dtype):
    tensor = asarray(x)
    return tensor.shape, tensor.dtype if dtype is None else dtype


def empty_like(x, /, *, dtype=None):
    """A tensor of x's shape and dtype, its elements not set."""
    shape, dtype = _like(x, dtype)
    return empty(shape, dtype=dtype)


def zeros_like(x, /, *, dtype=None):
    """Zeros of x's shape and dtype."""
    return full_like(x, 0, dtype=dtype)


def ones_like(x, /, *, dtype=None):
    """Ones of x's shape and dtype."""
    return full_like(x, 1, dtype=dtype)


def full_like(x, /, fill_value, *, dtype=None):
    """A tensor of x's shape and dtype with every element fill_value."""
    shape, dtype = _like(x, dtype)
    return full(shape, fill_value, dtype=dtype)


def _from_numpy_floats(values, dtype):
    """An ndarray that NumPy made of Python numbers: its float64 are our default float32."""
    if dtype is None and values.dtype == np.float64:
        dtype = np.float32
    return asarray(values, dtype=dtype)


def arange(start, /, stop=None, step=1, *, dtype=None):
    """start, start + step, ... up to but not including stop; from 0 if only one bound is given.

    dtype: int64 for integers, float32 for floats by default.
    Raises: TypeError for what is no number, ValueError for a step of 0 and for bounds with more
    numbers between them than memory has addresses (as an infinite one, or NaN).
    """
    if stop is None:
        start, stop = 0, start
    for name, value in (("start", start), ("stop", stop), ("step", step)):
        if type(value) is not int and type(value) is not float:
            number(f"arange: {name}", value)
    if step == 0:
        raise ValueError("arange: step is 0")
    try:
        values = np.arange(start, stop, step)
    except (ValueError, OverflowError):
        raise ValueError(f"arange: from {start} to {stop} by {step}: expected not more elements "
                         "than memory has addresses") from None
    return _from_numpy_floats(values, dtype)


def linspace(start, stop, /, num, *, dtype=None, endpoint=True):
    """num evenly spaced numbers from start to stop; float32 by default."""
    start, stop = number("linspace: start", start), number("linspace: stop", stop)
    num = integer("linspace: num", num, 0)
    try:
        values = np.linspace(start, stop, num, endpoint=endpoint)
    except (ValueError, OverflowError):
        raise ValueError(f"linspace: num: found {num}: more elements than memory has addresses"
                         ) from None
    return _from_numpy_floats(values, dtype)


def eye(n_rows, n_columns=None, /, *, k=0, dtype=None):
    """A matrix with ones on the k-th diagonal; float32 by default."""
    n_rows = integer("eye: n_rows", n_rows, 0)
    n_columns = n_rows if n_columns is None else integer("eye: n_columns", n_columns, 0)
    k = integer("eye: k", k, -math.inf)
    k = max(-n_rows, min(k, n_columns))  # as far out as makes a difference
    try:
        dtype = empty(0, dtype=dtype).dtype
    except TypeError as error:
        raise TypeError(f"eye: {error}") from None
    try:
        return asarray(np.eye(n_rows, n_columns, k, dtype=dtype))
    except ValueError:
        raise ValueError(f"eye: shape ({n_rows}, {n_columns}) has more elements than memory has "
                         "addresses") from None


def tril(x, /, *, k=0):
    """The lower triangle of the last two axes: elements above the k-th diagonal set to 0."""
    return _masked(x, lambda rows, columns: columns - rows <= k, "tril")


def triu(x, /, *, k=0):
    """The upper triangle of the last two axes: elements below the k-th diagonal set to 0."""
    return _masked(x, lambda rows, columns: columns - rows >= k, "triu")


def _masked(x, keep, name):
    from pytensor._ops import where

    tensor = asarray(x)
    if tensor.ndim < 2:
        raise ValueError(f"{name}: a tensor of shape {tensor.shape} has no matrix")
    rows, columns = np.ogrid[: tensor.shape[-2], : tensor.shape[-1]]
    return where(asarray(keep(rows, columns)), tensor, False if tensor.dtype == bool else 0)


def astype(x, dtype, /, *, copy=True):
    """The elements converted to dtype; with copy=False, x itself if it has it."""
    return asarray(x).astype(dtype, copy=copy)


def shape(x, /):
    """The lengths of x's axes."""
    return asarray(x).shape


def result_type(*arrays_and_dtypes):
    """The dtype that an operation on these tensors, dtypes and Python numbers gives."""
    if not arrays_and_dtypes:
        raise ValueError("result_type: nothing to promote")
    parts = [value if isinstance(value, (bool, int, float, Tensor))
             else empty((0,), dtype=value) for value in arrays_and_dtypes]
    parts = [value[:0] if isinstance(value, Tensor) and value.ndim else value for value in parts]
    return _core.promoted(parts)


# ------------------------------------------------------------------------------------ axes


def transpose(x, /, axes=None):
    """The view of x with its axes reversed, or in the order of axes."""
    tensor = asarray(x)
    return permute_dims(tensor, range(tensor.ndim)[::-1] if axes is None else axes)


def _axis(axis, ndim, name):
    """An axis as 0..ndim-1."""
    try:
        position = operator.index(axis)
    except TypeError:
        raise TypeError(f"{name}: axis is {axis!r}: expected an integer") from None
    if not -ndim <= position < ndim:
        raise IndexError(f"{name}: axis {axis} is out of range for {ndim} axes")
    return position % ndim


def _several(axis):
    """One axis, or a sequence of them, as a tuple."""
    if not isinstance(axis, int):
        try:
            return tuple(axis)
        except TypeError:
            pass
    return (axis,)


def _axes(axis, ndim, name):
    """One axis, or a sequence of different ones, as a list of 0..ndim-1."""
    positions = [_axis(a, ndim, name) for a in _several(axis)]
    if len(set(positions)) != len(positions):
        raise ValueError(f"{name}: an axis appears twice in {axis}")
    return positions


def expand_dims(x, /, axis=0):
    """A view of x with a new axis of length 1 at position axis (or at each of a tuple)."""
    tensor = asarray(x)
    axes = _several(axis)
    lengths = list(tensor.shape)
    for position in sorted(_axes(axes, tensor.ndim + len(axes), "expand_dims")):
        lengths.insert(position, 1)
    return reshape(tensor, tuple(lengths))


def squeeze(x, /, axis=None):
    """A view of x without the given axes of length 1; without any of them by default."""
    tensor = asarray(x)
    if axis is None:
        gone = {a for a, length in enumerate(tensor.shape) if length == 1}
    else:
        gone = _axes(axis, tensor.ndim, "squeeze")
        for a in gone:
            if tensor.shape[a] != 1:
                raise ValueError(f"squeeze: axis {a} of shape {tensor.shape} has length "
                                 f"{tensor.shape[a]}: expected 1")
    return reshape(tensor, tuple(n for a, n in enumerate(tensor.shape) if a not in gone))


def flip(x, /, *, axis=None):
    """A view of x with the elements in reverse order along axis, or along all axes."""
    tensor = asarray(x)
    turned = range(tensor.ndim) if axis is None else _axes(axis, tensor.ndim, "flip")
    return tensor[tuple(slice(None, None, -1 if a in turned else None)
                        for a in range(tensor.ndim))]


def broadcast_arrays(*arrays):
    """The arrays as read-only views of the shape that they broadcast to."""
    tensors = [asarray(a) for a in arrays]
    try:
        common = np.broadcast_shapes(*(t.shape for t in tensors))
    except ValueError:
        shapes = ", ".join(str(t.shape) for t in tensors)
        raise ValueError(f"broadcast_arrays: shapes {shapes}: expected axes of the same length, or "
                         "of length 1, from the last on") from None
    return [broadcast_to(t, common) for t in tensors]


# --------------------------------------------------------------------------- joining, taking


def _tensors(arrays, name):
    """The arrays of a sequence, at least one, as tensors."""
    try:
        parts = iter(arrays)
    except TypeError:
        raise TypeError(f"{name}: found {arrays!r}: expected a sequence of arrays") from None
    tensors = [asarray(a) for a in parts]
    if not tensors:
        raise ValueError(f"{name}: no arrays")
    return tensors


def concat(arrays, /, *, axis=0):
    """The arrays one after another along an axis; with axis=None, flattened.

    Raises: ValueError unless all other axes agree.
    """
    tensors = _tensors(arrays, "concat")
    if axis is None:
        tensors, axis = [t.ravel() for t in tensors], 0
    first = tensors[0]
    axis = _axis(axis, first.ndim, "concat")
    for t in tensors:
        if t.ndim != first.ndim or any(
            t.shape[a] != first.shape[a] for a in range(first.ndim) if a != axis
        ):
            raise ValueError(f"concat: shapes {first.shape} and {t.shape} differ in more than "
                             f"axis {axis}")
    return _core.concat(tensors, axis)


def concatenate(arrays, /, *, axis=0):
    """NumPy's name of concat."""
    return concat(arrays, axis=axis)


def stack(arrays, /, *, axis=0):
    """The arrays, all of one shape, along a new axis."""
    tensors = _tensors(arrays, "stack")
    axis = _axis(axis, tensors[0].ndim + 1, "stack")
    for t in tensors:
        if t.shape != tensors[0].shape:
            raise ValueError(f"stack: shapes {tensors[0].shape} and {t.shape}: expected the same")
    return concat([expand_dims(t, axis) for t in tensors], axis=axis)


def take(x, indices, /, *, axis=None):
    """The elements (or slices) of x at the indices along an axis.

    Raises: TypeError unless the indices are integers (for a mask, x[mask]), IndexError for one out
    of range.
    """
    tensor = asarray(x)
    if axis is None:
        if tensor.ndim != 1:
            raise ValueError(f"take: x has shape {tensor.shape}: name the axis")
        axis = 0
    axis = _axis(axis, tensor.ndim, "take")
    numbers = asarray(indices)
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"take: indices of dtype {numbers.dtype}: expected integers")
    try:
        return tensor[(slice(None),) * axis + (numbers,)]
    except IndexError:
        n = tensor.shape[axis]
        numbers = np.asarray(numbers)
        wrong = numbers[(numbers < -n) | (numbers >= n)]
        raise IndexError(f"take: index {wrong[0]} is out of range for axis {axis} with length "
                         f"{n}") from None


# -------------------------------------------------------------------------------- composed


def var(x, /, axis=None, *, correction=0.0, keepdims=False):
    """The variance along axes: the mean of (x - mean(x))**2, with n - correction for n."""
    return _variance(asarray(x), axis, correction, keepdims, "var")


def _variance(tensor, axis, correction, keepdims, name):
    correction = number(f"{name}: correction", correction)
    axis = None if axis is None else tuple(_axes(axis, tensor.ndim, name))
    centred = tensor - tensor.mean(axis, keepdims=True)
    total = (centred * centred).sum(axis, keepdims=keepdims)
    n = tensor.size // max(total.size, 1)
    return total / max(n - correction, 0) if n != correction else total / 0.0


def std(x, /, axis=None, *, correction=0.0, keepdims=False):
    """The standard deviation along axes: the square root of var."""
    from pytensor._ops import sqrt

    return sqrt(_variance(asarray(x), axis, correction, keepdims, "std"))


def tensordot(x, y, /, *, axes=2):
    """The sum of products over the last axes of x and the first of y, or over two lists of axes.

    axes: how many, or a pair: the axes of x, one or several, and those of y.
    """
    x, y = asarray(x), asarray(y)
    pair = _several(axes)
    if len(pair) == 1:
        axes = integer("tensordot: axes", pair[0], -math.inf)
        x_axes = list(range(x.ndim - axes, x.ndim))
        y_axes = list(range(axes))
        if axes < 0 or axes > min(x.ndim, y.ndim):
            raise ValueError(f"tensordot: {axes} axes of shapes {x.shape} and {y.shape}")
    elif len(pair) == 2:
        x_axes, y_axes = _axes(pair[0], x.ndim, "tensordot"), _axes(pair[1], y.ndim, "tensordot")
    else:
        raise ValueError(f"tensordot: axes: found {axes!r}: expected an integer or a pair, axes of "
                         "x and axes of y")
    if [x.shape[a] for a in x_axes] != [y.shape[a] for a in y_axes]:
        raise ValueError(f"tensordot: axes {x_axes} of shape {x.shape} against axes {y_axes} of "
                         f"shape {y.shape}")
    x_kept = [a for a in range(x.ndim) if a not in x_axes]
    y_kept = [a for a in range(y.ndim) if a not in y_axes]
    n = int(np.prod([x.shape[a] for a in x_axes], dtype=np.int64))
    left = reshape(permute_dims(x, x_kept + x_axes),
                   (int(np.prod([x.shape[a] for a in x_kept], dtype=np.int64)), n))
    right = reshape(permute_dims(y, y_axes + y_kept),
                    (n, int(np.prod([y.shape[a] for a in y_kept], dtype=np.int64))))
    return reshape(left @ right, tuple(x.shape[a] for a in x_kept)
                   + tuple(y.shape[a] for a in y_kept))
