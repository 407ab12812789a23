"""Creation and manipulation: the functions of the namespace that need no kernel of their own."""

from __future__ import annotations

import numpy as np

from pytensor import _core
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
    """
    if step == 0:
        raise ValueError("arange: step is 0")
    if stop is None:
        start, stop = 0, start
    return _from_numpy_floats(np.arange(start, stop, step), dtype)


def linspace(start, stop, /, num, *, dtype=None, endpoint=True):
    """num evenly spaced numbers from start to stop; float32 by default."""
    if num < 0:
        raise ValueError(f"linspace: num is {num}: expected at least 0")
    return _from_numpy_floats(np.linspace(start, stop, num, endpoint=endpoint), dtype)


def eye(n_rows, n_columns=None, /, *, k=0, dtype=None):
    """A matrix with ones on the k-th diagonal; float32 by default."""
    return asarray(np.eye(n_rows, n_columns, k, dtype=np.float32 if dtype is None else dtype))


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
    if not -ndim <= axis < ndim:
        raise IndexError(f"{name}: axis {axis} is out of range for {ndim} axes")
    return axis % ndim


def expand_dims(x, /, axis=0):
    """A view of x with a new axis of length 1 at position axis (or at each of a tuple)."""
    tensor = asarray(x)
    axes = axis if isinstance(axis, tuple) else (axis,)
    ndim = tensor.ndim + len(axes)
    positions = sorted(_axis(a, ndim, "expand_dims") for a in axes)
    if len(set(positions)) != len(positions):
        raise ValueError(f"expand_dims: an axis appears twice in {axis}")
    lengths = list(tensor.shape)
    for position in positions:
        lengths.insert(position, 1)
    return reshape(tensor, tuple(lengths))


def squeeze(x, /, axis=None):
    """A view of x without the given axes of length 1; without any of them by default."""
    tensor = asarray(x)
    if axis is None:
        gone = {a for a, length in enumerate(tensor.shape) if length == 1}
    else:
        axes = axis if isinstance(axis, tuple) else (axis,)
        gone = {_axis(a, tensor.ndim, "squeeze") for a in axes}
        for a in gone:
            if tensor.shape[a] != 1:
                raise ValueError(f"squeeze: axis {a} of shape {tensor.shape} has length "
                                 f"{tensor.shape[a]}: expected 1")
    return reshape(tensor, tuple(n for a, n in enumerate(tensor.shape) if a not in gone))


def flip(x, /, *, axis=None):
    """A view of x with the elements in reverse order along axis, or along all axes."""
    tensor = asarray(x)
    axes = range(tensor.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    turned = {_axis(a, tensor.ndim, "flip") for a in axes}
    return tensor[tuple(slice(None, None, -1 if a in turned else None)
                        for a in range(tensor.ndim))]


def broadcast_arrays(*arrays):
    """The arrays as read-only views of the shape that they broadcast to."""
    tensors = [asarray(a) for a in arrays]
    common = np.broadcast_shapes(*(t.shape for t in tensors))
    return [broadcast_to(t, common) for t in tensors]


# --------------------------------------------------------------------------- joining, taking


def concat(arrays, /, *, axis=0):
    """The arrays one after another along an axis; with axis=None, flattened.

    Raises: ValueError unless all other axes agree.
    """
    tensors = [asarray(a) for a in arrays]
    if not tensors:
        raise ValueError("concat: no arrays")
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
    tensors = [asarray(a) for a in arrays]
    for t in tensors:
        if t.shape != tensors[0].shape:
            raise ValueError(f"stack: shapes {tensors[0].shape} and {t.shape}: expected the same")
    return concat([expand_dims(t, axis) for t in tensors], axis=axis)


def take(x, indices, /, *, axis=None):
    """The elements (or slices) of x at the indices along an axis."""
    tensor = asarray(x)
    if axis is None:
        if tensor.ndim != 1:
            raise ValueError(f"take: x has shape {tensor.shape}: name the axis")
        axis = 0
    axis = _axis(axis, tensor.ndim, "take")
    return tensor[(slice(None),) * axis + (asarray(indices),)]


# -------------------------------------------------------------------------------- composed


def var(x, /, axis=None, *, correction=0.0, keepdims=False):
    """The variance along axes: the mean of (x - mean(x))**2, with n - correction for n."""
    tensor = asarray(x)
    centred = tensor - tensor.mean(axis, keepdims=True)
    total = (centred * centred).sum(axis, keepdims=keepdims)
    n = tensor.size // max(total.size, 1)
    return total / max(n - correction, 0) if n != correction else total / 0.0


def std(x, /, axis=None, *, correction=0.0, keepdims=False):
    """The standard deviation along axes: the square root of var."""
    from pytensor._ops import sqrt

    return sqrt(var(x, axis, correction=correction, keepdims=keepdims))


def tensordot(x, y, /, *, axes=2):
    """The sum of products over the last axes of x and the first of y, or over two lists of axes."""
    x, y = asarray(x), asarray(y)
    if isinstance(axes, int):
        x_axes = list(range(x.ndim - axes, x.ndim))
        y_axes = list(range(axes))
        if axes < 0 or axes > min(x.ndim, y.ndim):
            raise ValueError(f"tensordot: {axes} axes of shapes {x.shape} and {y.shape}")
    else:
        x_axes = [_axis(a, x.ndim, "tensordot") for a in axes[0]]
        y_axes = [_axis(a, y.ndim, "tensordot") for a in axes[1]]
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
