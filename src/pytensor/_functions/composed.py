"""Creation and manipulation: the functions of the namespace that need no kernel of their own."""

from __future__ import annotations

import math
import operator
import sys
from numbers import Integral

import numpy as np

from pytensor import _core, _ops
from pytensor._core import Tensor, asarray, broadcast_to, empty, full, permute_dims, reshape
from pytensor._support.arguments import integer, number

# Names of the Array API standard: functions called max, min, ... live in _ops.
__all__ = [
    "add_at",
    "arange",
    "array",
    "astype",
    "broadcast_arrays",
    "broadcast_shapes",
    "clip",
    "concat",
    "concatenate",
    "diff",
    "empty_like",
    "expand_dims",
    "eye",
    "flip",
    "from_dlpack",
    "full_like",
    "linspace",
    "logsumexp",
    "matrix_transpose",
    "meshgrid",
    "moveaxis",
    "ones_like",
    "repeat",
    "result_type",
    "roll",
    "round",
    "set_at",
    "shape",
    "squeeze",
    "stack",
    "std",
    "take",
    "take_along_axis",
    "tensordot",
    "tile",
    "transpose",
    "tril",
    "triu",
    "unstack",
    "var",
    "vecdot",
    "zeros_like",
]


def made(namespace, module, name):
    """What a module's __getattr__ returns: a function of numpy_rows.py, kept in its namespace."""
    from pytensor._functions.by_numpy import TABLE, function

    path = f"{module}.{name}" if module else name
    if path not in TABLE:
        place = "pytensor" + (module and f".{module}")
        raise AttributeError(
            f"module {place!r} has no attribute {name!r}", name=name, obj=sys.modules[place]
        )  # from which Python suggests another
    return namespace.setdefault(name, function(path))


def array(obj, *, dtype=None, device=None):
    """A tensor of obj with memory of its own; see asarray.

    >>> x = np.zeros(2)
    >>> pt.array(x).numpy() is x
    False
    """
    return asarray(obj, dtype=dtype, device=device, copy=True)


def from_dlpack(x, /, *, device=None, copy=None):
    """The tensor of an array of another library, by DLPack: on the same memory, if it is the CPU's.

    x: an object with __dlpack__ and __dlpack_device__. copy: True always copies, False never does
    (ValueError where it would have to), None copies only where it must.
    Raises: TypeError, BufferError for what can't be shared so.

    >>> pt.from_dlpack(np.arange(3))
    Tensor([0, 1, 2], dtype=int64)
    """
    _core.check_device("from_dlpack", device)
    if isinstance(x, Tensor):
        return x.copy() if copy else asarray(x.numpy())
    if not hasattr(x, "__dlpack__"):
        raise TypeError(
            f"from_dlpack: found a {type(x).__name__}: expected an object with __dlpack__"
        )
    shared = np.from_dlpack(x, copy=copy)
    return asarray(shared, copy=False if copy is False else None)


def _like(x, dtype):
    tensor = asarray(x)
    return tensor.shape, tensor.dtype if dtype is None else dtype


def empty_like(x, /, *, dtype=None, device=None):
    """A tensor of x's shape and dtype, its elements not set.

    >>> pt.empty_like([[1.0, 2.0]]).shape
    (1, 2)
    """
    shape, dtype = _like(x, dtype)
    return empty(shape, dtype=dtype, device=device)


def zeros_like(x, /, *, dtype=None, device=None):
    """Zeros of x's shape and dtype.

    >>> pt.zeros_like([1.0, 2.0])
    Tensor([0., 0.], dtype=float32)
    """
    return full_like(x, 0, dtype=dtype, device=device)


def ones_like(x, /, *, dtype=None, device=None):
    """Ones of x's shape and dtype.

    >>> pt.ones_like([1, 2])
    Tensor([1, 1], dtype=int64)
    """
    return full_like(x, 1, dtype=dtype, device=device)


def full_like(x, /, fill_value, *, dtype=None, device=None):
    """A tensor of x's shape and dtype with every element fill_value.

    >>> pt.full_like([1.0, 2.0], 9)
    Tensor([9., 9.], dtype=float32)
    """
    shape, dtype = _like(x, dtype)
    return full(shape, fill_value, dtype=dtype, device=device)


def _evenly_spaced(name, values, dtype):
    """An ndarray that NumPy made of Python numbers: its float64 are our default float32.

    Raises: OverflowError where an integer dtype can't hold them.
    """
    if dtype is None:
        default = {"f": np.float32, "c": np.complex64}.get(values.dtype.kind)
        return asarray(values, dtype=default)
    target = empty(0, dtype=dtype).dtype
    if target.kind in "iu" and values.dtype.kind != "c" and values.size:
        low, high = np.iinfo(target).min, np.iinfo(target).max
        for end in values[[0, -1]].tolist():
            if not low <= math.trunc(end) <= high:
                raise OverflowError(
                    f"{name}: {end} is out of the range of {target}: {low} to {high}"
                )
    if values.dtype.kind == "O":
        values = values.astype(target)
    return asarray(values, dtype=target)


def arange(start, /, stop=None, step=1, *, dtype=None, device=None):
    """start, start + step, ... up to but not including stop; from 0 if only one bound is given.

    dtype: int64 for integers, float32 for floats by default.
    Raises: TypeError for what is no number, ValueError for a step of 0 and for bounds with more
    numbers between them than memory has addresses (as an infinite one, or NaN), OverflowError for
    numbers that an integer dtype can't hold.

    >>> pt.arange(5)
    Tensor([0, 1, 2, 3, 4], dtype=int64)
    >>> pt.arange(0, 1, 0.25)
    Tensor([0.  , 0.25, 0.5 , 0.75], dtype=float32)
    """
    _core.check_device("arange", device)
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
        raise ValueError(
            f"arange: from {start} to {stop} by {step}: expected not more elements "
            "than memory has addresses"
        ) from None
    integers = all(isinstance(value, Integral) for value in (start, stop, step))
    if integers and values.dtype.kind in "fO":  # so NumPy answers a number beyond int64
        dtype = np.int64 if dtype is None else dtype
        values = np.array(range(start, stop, step), dtype=object)
    return _evenly_spaced("arange", values, dtype)


def linspace(start, stop, /, num, *, dtype=None, device=None, endpoint=True):
    """num evenly spaced numbers from start to stop; float32, or complex64, by default.

    Where dtype is an integer one, each is rounded down; OverflowError if it can't hold them.

    >>> pt.linspace(0, 1, 5)
    Tensor([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    _core.check_device("linspace", device)
    if not isinstance(start, complex) and not isinstance(stop, complex):
        start, stop = number("linspace: start", start), number("linspace: stop", stop)
    num = integer("linspace: num", num, 0)
    try:
        values = np.linspace(start, stop, num, endpoint=endpoint)
    except (ValueError, OverflowError):
        raise ValueError(
            f"linspace: num: found {num}: more elements than memory has addresses"
        ) from None
    if dtype is not None and empty(0, dtype=dtype).dtype.kind in "iu" and values.dtype.kind == "f":
        values = np.floor(values)
    return _evenly_spaced("linspace", values, dtype)


def eye(n_rows, n_columns=None, /, *, k=0, dtype=None, device=None):
    """A matrix with ones on the k-th diagonal; float32 by default.

    >>> pt.eye(2)
    Tensor([[1., 0.],
            [0., 1.]], dtype=float32)
    """
    _core.check_device("eye", device)
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
        raise ValueError(
            f"eye: shape ({n_rows}, {n_columns}) has more elements than memory has addresses"
        ) from None


def tril(x, /, *, k=0):
    """The lower triangle of the last two axes: elements above the k-th diagonal set to 0.

    >>> pt.tril(pt.ones((2, 2)))
    Tensor([[1., 0.],
            [1., 1.]], dtype=float32)
    """
    return _masked(x, lambda rows, columns: columns - rows <= k, "tril")


def triu(x, /, *, k=0):
    """The upper triangle of the last two axes: elements below the k-th diagonal set to 0.

    >>> pt.triu(pt.ones((2, 2)))
    Tensor([[1., 1.],
            [0., 1.]], dtype=float32)
    """
    return _masked(x, lambda rows, columns: columns - rows >= k, "triu")


def _masked(x, keep, name):
    from pytensor._ops import where

    tensor = matrices(x, name)
    rows, columns = np.ogrid[: tensor.shape[-2], : tensor.shape[-1]]
    return where(asarray(keep(rows, columns)), tensor, False if tensor.dtype == bool else 0)


def astype(x, dtype, /, *, copy=True, device=None):
    """The elements converted to dtype; with copy=False, x itself if it has it.

    >>> pt.astype(pt.asarray([1.7, -1.7]), "int32")
    Tensor([ 1, -1], dtype=int32)
    """
    _core.check_device("astype", device)
    return asarray(x).astype(dtype, copy=copy)


def shape(x, /):
    """The lengths of x's axes.

    >>> pt.shape([[1, 2, 3]])
    (1, 3)
    """
    return asarray(x).shape


def result_type(*arrays_and_dtypes):
    """The dtype that an operation on these tensors, dtypes and Python numbers gives.

    >>> pt.result_type(pt.int32, pt.float32)
    dtype('float32')
    """
    if not arrays_and_dtypes:
        raise ValueError("result_type: nothing to promote")
    parts = [
        value
        if isinstance(value, (bool, int, float, complex, Tensor))
        else empty((0,), dtype=value)
        for value in arrays_and_dtypes
    ]
    parts = [value[:0] if isinstance(value, Tensor) and value.ndim else value for value in parts]
    return _core.promoted(parts)


# ------------------------------------------------------------------------------------ axes


def matrix_transpose(x, /):
    """The view of x with the last two axes exchanged.

    >>> pt.matrix_transpose([[1, 2], [3, 4]])
    Tensor([[1, 3],
            [2, 4]], dtype=int64)
    """
    return asarray(x).mT


def moveaxis(x, source, destination, /):
    """The view of x with axis source, or each of several, at position destination.

    >>> pt.moveaxis(pt.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    tensor = asarray(x)
    moved = read_axes(source, tensor.ndim, "moveaxis")
    places = read_axes(destination, tensor.ndim, "moveaxis")
    if len(moved) != len(places):
        raise ValueError(f"moveaxis: {len(moved)} axes to {len(places)} positions")
    order = [axis for axis in range(tensor.ndim) if axis not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        order.insert(place, axis)
    return permute_dims(tensor, order)


def transpose(x, /, axes=None):
    """The view of x with its axes reversed, or in the order of axes.

    >>> pt.transpose([[1, 2], [3, 4]])
    Tensor([[1, 3],
            [2, 4]], dtype=int64)
    """
    tensor = asarray(x)
    return permute_dims(tensor, range(tensor.ndim)[::-1] if axes is None else axes)


def read_axis(axis, ndim, name):
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


def read_axes(axis, ndim, name):
    """One axis, or a sequence of different ones, as a list of 0..ndim-1."""
    positions = [read_axis(a, ndim, name) for a in _several(axis)]
    if len(set(positions)) != len(positions):
        raise ValueError(f"{name}: an axis appears twice in {axis}")
    return positions


def expand_dims(x, /, axis=0):
    """A view of x with a new axis of length 1 at position axis (or at each of a tuple).

    >>> pt.expand_dims([1, 2], axis=1).shape
    (2, 1)
    """
    tensor = asarray(x)
    axes = _several(axis)
    lengths = list(tensor.shape)
    for position in sorted(read_axes(axes, tensor.ndim + len(axes), "expand_dims")):
        lengths.insert(position, 1)
    return reshape(tensor, tuple(lengths))


def squeeze(x, /, axis=None):
    """A view of x without the given axes of length 1; without any of them by default.

    >>> pt.squeeze(pt.zeros((1, 3, 1))).shape
    (3,)
    """
    tensor = asarray(x)
    if axis is None:
        gone = {a for a, length in enumerate(tensor.shape) if length == 1}
    else:
        gone = read_axes(axis, tensor.ndim, "squeeze")
        for a in gone:
            if tensor.shape[a] != 1:
                raise ValueError(
                    f"squeeze: axis {a} of shape {tensor.shape} has length "
                    f"{tensor.shape[a]}: expected 1"
                )
    return reshape(tensor, tuple(n for a, n in enumerate(tensor.shape) if a not in gone))


def flip(x, /, *, axis=None):
    """A view of x with the elements in reverse order along axis, or along all axes.

    >>> pt.flip([1, 2, 3])
    Tensor([3, 2, 1], dtype=int64)
    """
    tensor = asarray(x)
    turned = range(tensor.ndim) if axis is None else read_axes(axis, tensor.ndim, "flip")
    return tensor[tuple(slice(None, None, -1 if a in turned else None) for a in range(tensor.ndim))]


def broadcast_arrays(*arrays):
    """The arrays in the shape that they broadcast to: copies of those that have another one, which
    may be written to (for read-only views without a copy, see broadcast_to).

    >>> x, y = pt.broadcast_arrays([1, 2], [[3], [4]])
    >>> x.shape, y.shape
    ((2, 2), (2, 2))
    """
    tensors = [asarray(a) for a in arrays]
    common = _common_shape("broadcast_arrays", [t.shape for t in tensors])
    return tuple(t if t.shape == common else broadcast_to(t, common).copy() for t in tensors)


def broadcast_shapes(*shapes):
    """The shape that tensors of these shapes broadcast to.

    >>> pt.broadcast_shapes((3, 1), (4,))
    (3, 4)
    """
    return _common_shape("broadcast_shapes", shapes)


def _common_shape(name, shapes):
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        shapes = ", ".join(map(str, shapes))
        raise ValueError(
            f"{name}: shapes {shapes}: expected axes of the same length, or of length "
            "1, from the last on"
        ) from None


def meshgrid(*arrays, indexing="xy"):
    """For vectors, the coordinates of the points of their grid: one tensor of the grid per vector.

    indexing: "ij" for axes in the order of the vectors, "xy" with the first two exchanged.

    >>> x, y = pt.meshgrid([1, 2], [3, 4])
    >>> x, y
    (Tensor([[1, 2],
            [1, 2]], dtype=int64), Tensor([[3, 3],
            [4, 4]], dtype=int64))
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing: found {indexing!r}: expected 'xy' or 'ij'")
    tensors = [asarray(a) for a in arrays]
    for t in tensors:
        if t.ndim > 1:
            raise ValueError(f"meshgrid: found a tensor of shape {t.shape}: expected vectors")
    places = list(range(len(tensors)))
    if indexing == "xy":
        places[:2] = places[:2][::-1]
    shapes = [tuple(-1 if a == place else 1 for a in places) for place in range(len(tensors))]
    common = tuple(tensors[place].size for place in places)
    return tuple(
        broadcast_to(reshape(t, shape), common).copy()
        for t, shape in zip(tensors, shapes, strict=True)
    )


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

    >>> pt.concat(([1, 2], [3]))
    Tensor([1, 2, 3], dtype=int64)
    """
    tensors = _tensors(arrays, "concat")
    if axis is None:
        tensors, axis = [t.ravel() for t in tensors], 0
    return _core.concat(tensors, axis)


def concatenate(arrays, /, *, axis=0):
    """NumPy's name of concat.

    >>> pt.concatenate(([1, 2], [3]))
    Tensor([1, 2, 3], dtype=int64)
    """
    return concat(arrays, axis=axis)


def stack(arrays, /, *, axis=0):
    """The arrays, all of one shape, along a new axis.

    >>> pt.stack(([1, 2], [3, 4]))
    Tensor([[1, 2],
            [3, 4]], dtype=int64)
    """
    tensors = _tensors(arrays, "stack")
    axis = read_axis(axis, tensors[0].ndim + 1, "stack")
    for t in tensors:
        if t.shape != tensors[0].shape:
            raise ValueError(f"stack: shapes {tensors[0].shape} and {t.shape}: expected the same")
    return concat([expand_dims(t, axis) for t in tensors], axis=axis)


def unstack(x, /, *, axis=0):
    """The slices of x along an axis, as a tuple of views: the reverse of stack.

    >>> pt.unstack([[1, 2], [3, 4]])
    (Tensor([1, 2], dtype=int64), Tensor([3, 4], dtype=int64))
    """
    tensor = asarray(x)
    if tensor.ndim == 0:
        raise ValueError("unstack: a 0-d tensor has no axis")
    axis = read_axis(axis, tensor.ndim, "unstack")
    return tuple(tensor[(slice(None),) * axis + (i,)] for i in range(tensor.shape[axis]))


def roll(x, /, shift, *, axis=None):
    """x with its elements moved on by shift along an axis, the last ones to the front.

    shift, axis: one, or as many of both. axis None: along the flattened tensor.

    >>> pt.roll([1, 2, 3], 1)
    Tensor([3, 1, 2], dtype=int64)
    """
    tensor = asarray(x)
    if axis is None:
        return reshape(roll(tensor.ravel(), shift, axis=0), tensor.shape)
    shifts, axes = _several(shift), [read_axis(a, tensor.ndim, "roll") for a in _several(axis)]
    if len(shifts) == 1:
        shifts = shifts * len(axes)
    if len(shifts) != len(axes):
        raise ValueError(f"roll: {len(shifts)} shifts along {len(axes)} axes")
    for shift, axis in zip(shifts, axes, strict=True):
        n = tensor.shape[axis]
        cut = n - integer("roll: shift", shift, -math.inf) % n if n else 0
        before = (slice(None),) * axis
        tensor = concat(
            [tensor[(*before, slice(cut, None))], tensor[(*before, slice(cut))]], axis=axis
        )
    return tensor if axes else tensor.copy()


def repeat(x, repeats, /, *, axis=None):
    """Each element (or slice along an axis) several times in a row.

    repeats: how many times, an integer or one per element. axis None: of the flattened tensor.

    >>> pt.repeat([1, 2], 2)
    Tensor([1, 1, 2, 2], dtype=int64)
    """
    tensor = asarray(x)
    if axis is None:
        tensor, axis = tensor.ravel(), 0
    axis = read_axis(axis, tensor.ndim, "repeat")
    counts = np.asarray(repeats)
    if counts.dtype.kind not in "iu":
        raise TypeError(f"repeat: repeats of dtype {counts.dtype}: expected integers")
    if counts.ndim > 1 or counts.size not in (1, tensor.shape[axis]):
        raise ValueError(
            f"repeat: repeats of shape {counts.shape} for axis {axis} of length "
            f"{tensor.shape[axis]}"
        )
    if counts.size and counts.min() < 0:
        raise ValueError(f"repeat: repeats: found {counts.min()}: expected at least 0")
    n = tensor.shape[axis]
    # NumPy adds the counts up without a look at overflow, and writes beyond what it allocates.
    if (
        counts.size
        and n * int(counts.max()) > sys.maxsize
        and (counts.size == 1 or sum(counts.tolist()) > sys.maxsize)
    ):
        raise ValueError(
            f"repeat: repeats: found {counts.max()}: more elements than memory has addresses"
        )
    return take(tensor, np.repeat(np.arange(n), counts), axis=axis)


def tile(x, repetitions, /):
    """x repeated as a whole along each axis, the last ones where there are fewer repetitions.

    >>> pt.tile([1, 2], (2, 2))
    Tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]], dtype=int64)
    """
    tensor = asarray(x)
    counts = [integer("tile: repetitions", count, 0) for count in _several(repetitions)]
    ndim = max(len(counts), tensor.ndim)
    counts = [1] * (ndim - len(counts)) + counts
    lengths = (1,) * (ndim - tensor.ndim) + tensor.shape
    spread = reshape(tensor, tuple(n for length in lengths for n in (1, length)))
    spread = broadcast_to(
        spread, tuple(n for pair in zip(counts, lengths, strict=True) for n in pair)
    )
    return reshape(
        spread,
        tuple(count * length for count, length in zip(counts, lengths, strict=True)),
        copy=True,
    )


def take_along_axis(x, indices, /, *, axis=-1):
    """out[i, j, ...] = x[indices[i, j, ...], j, ...], here along axis 0: what argsort's result asks
    for. The other axes broadcast.

    Raises: TypeError unless the indices are integers, IndexError for one out of range.

    >>> pt.take_along_axis([[3, 1, 2]], [[1, 2, 0]])
    Tensor([[1, 2, 3]], dtype=int64)
    """
    tensor, numbers = asarray(x), asarray(indices)
    axis = read_axis(axis, tensor.ndim, "take_along_axis")
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"take_along_axis: indices of dtype {numbers.dtype}: expected integers")
    if numbers.ndim != tensor.ndim:
        raise ValueError(
            f"take_along_axis: x has shape {tensor.shape} and indices "
            f"{numbers.shape}: expected as many axes"
        )
    common = _common_shape(
        "take_along_axis", [(*t.shape[:axis], 1, *t.shape[axis + 1 :]) for t in (tensor, numbers)]
    )
    tensor = broadcast_to(
        tensor, common[:axis] + tensor.shape[axis : axis + 1] + common[axis + 1 :]
    )
    keys = list(np.ogrid[tuple(slice(n) for n in tensor.shape)])
    keys[axis] = numbers
    return tensor[tuple(keys)]


def diff(x, /, *, axis=-1, n=1, prepend=None, append=None):
    """The differences between neighbours along an axis, n times over.

    prepend, append: tensors to put before and after x first, or a number for one place each. n=0
    gives x as it is.

    >>> pt.diff([1, 4, 9, 16])
    Tensor([3, 5, 7], dtype=int64)
    """
    from pytensor._ops import not_equal

    tensor = asarray(x)
    if tensor.ndim == 0:
        raise ValueError("diff: a 0-d tensor has no axis")
    axis = read_axis(axis, tensor.ndim, "diff")
    n = integer("diff: n", n, 0)
    if n == 0:
        return tensor
    parts = [
        asarray(part, dtype=result_type(tensor, part))
        if isinstance(part, (bool, int, float, complex))
        else asarray(part)
        for part in (prepend, tensor, append)
        if part is not None
    ]
    if len(parts) > 1:
        place = (*tensor.shape[:axis], 1, *tensor.shape[axis + 1 :])
        tensor = concat(
            [part if part.ndim else broadcast_to(part, place) for part in parts], axis=axis
        )
    before = (slice(None),) * axis
    for _ in range(n):
        later, earlier = tensor[(*before, slice(1, None))], tensor[(*before, slice(-1))]
        tensor = not_equal(later, earlier) if tensor.dtype == bool else later - earlier
    return tensor


def take(x, indices, /, *, axis=None):
    """The elements (or slices) of x at the indices along an axis.

    Raises: TypeError unless the indices are integers (for a mask, x[mask]), IndexError for one out
    of range.

    >>> pt.take([10, 20, 30], [2, 0])
    Tensor([30, 10], dtype=int64)
    """
    tensor = asarray(x)
    if axis is None:
        if tensor.ndim != 1:
            raise ValueError(f"take: x has shape {tensor.shape}: name the axis")
        axis = 0
    axis = read_axis(axis, tensor.ndim, "take")
    numbers = asarray(indices)
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"take: indices of dtype {numbers.dtype}: expected integers")
    try:
        return tensor[(slice(None),) * axis + (numbers,)]
    except IndexError:
        n = tensor.shape[axis]
        numbers = np.asarray(numbers)
        wrong = numbers[(numbers < -n) | (numbers >= n)]
        raise IndexError(
            f"take: index {wrong[0]} is out of range for axis {axis} with length {n}"
        ) from None


def add_at(x, key, values, /):
    """x with values added to x[key], as a new tensor: what x[key] += values would give, but that an
    element that key names several times gets all of them. Gradients flow through both.

    >>> pt.add_at(pt.zeros(3), [0, 2, 2], 1.0)
    Tensor([1., 0., 2.], dtype=float32)
    """
    tensor = asarray(x)
    values = broadcast_to(asarray(values, dtype=tensor.dtype), tensor[key].shape)
    return tensor + _core.scatter(values, key, tensor.shape)


def set_at(x, key, values, /):
    """x with x[key] = values, as a new tensor: the last one where key names an element several
    times. Gradients flow through both.

    >>> pt.set_at(pt.zeros(3), [0, 2], 5.0)
    Tensor([5., 0., 5.], dtype=float32)
    """
    return _core.set_at(x, key, values)


# -------------------------------------------------------------------------------- composed


def clip(x, /, min=None, max=None, *, out=None):
    """x limited to the range from min to max; NaN stays NaN. Outside, x has no gradient.

    x: a tensor or array-like. min, max: what broadcasts to it; None: no limit.
    out: a tensor of the result's shape and dtype to write to.
    Returns: a tensor of the dtype that x and the limits promote to.

    >>> pt.clip([-5.0, 0.5, 5.0], -1.0, 1.0)
    Tensor([-1. ,  0.5,  1. ], dtype=float32)
    """
    if min is not None and max is not None:
        return _ops.clip(x, min, max, out=out)
    if min is not None:
        return _ops.maximum(x, min, out=out)
    return _ops.positive(x, out=out) if max is None else _ops.minimum(x, max, out=out)


def round(x, /, decimals=0, *, out=None):
    """The number with so many decimals that is nearest to x; of two as near, the even one.

    decimals: negative ones count places before the point. Integers are rounded exactly. As in
    NumPy, a floating-point x is scaled, rounded to an integer, and scaled back.
    out: a tensor of the result's shape and dtype to write to.

    >>> pt.round([0.5, 1.25, 15.0], 1)
    Tensor([ 0.5,  1.2, 15. ], dtype=float32)
    """
    decimals = integer("round: decimals", decimals, -math.inf)
    if decimals == 0:
        return _ops.round(x, out=out)
    tensor = asarray(x)
    if tensor.dtype.kind == "c":
        result = asarray(np.asarray(np.round(tensor.numpy(), decimals)))
    elif tensor.dtype.kind == "f":
        result = _rounded_floats(tensor, decimals)
    elif decimals > 0:
        result = _ops.round(tensor)
    else:
        result = _rounded_integers(tensor, 10**-decimals)
    return _core.write_to(result, out)


def _rounded_floats(tensor, decimals):
    scale = float(f"1e{abs(decimals)}")
    if decimals > 0:
        scaled = tensor * scale
        # beyond the largest number, x has no decimals to lose
        return _ops.where(_ops.isfinite(scaled), _ops.round(scaled) / scale, tensor)
    back = scale if scale <= float(np.finfo(tensor.dtype).max) else 0.0
    return _ops.where(_ops.isfinite(tensor), _ops.round(tensor / scale) * back, tensor)


def _rounded_integers(tensor, unit):
    if unit > np.iinfo(tensor.dtype).max:
        return full_like(tensor, 0)
    quotient = tensor // unit
    rest = tensor - quotient * unit
    up = (rest > unit - rest) | ((rest == unit - rest) & (quotient % 2 == 1))
    return (quotient + up.astype(tensor.dtype)) * unit


def var(x, /, axis=None, *, correction=0.0, keepdims=False):
    """The variance along axes: the mean of abs(x - mean(x))**2, with n - correction for n.

    Right also far from 0, where the mean is rounded. Of integers and booleans it is computed in
    float64, and is float32.

    >>> pt.var([1.0, 3.0])
    Tensor(1., dtype=float32)
    """
    return _in_default_dtype(_variance(asarray(x), axis, correction, keepdims, "var"), x)


def _in_default_dtype(result, x):
    """What was computed in float64, as float32 where x is of integers."""
    return result if asarray(x).dtype.kind in "fc" else result.astype(_FLOAT32)


_FLOAT32, _FLOAT64, _UINT64 = map(np.dtype, ("float32", "float64", "uint64"))


def _variance(tensor, axis, correction, keepdims, name):
    correction = number(f"{name}: correction", correction)
    axis = None if axis is None else tuple(read_axes(axis, tensor.ndim, name))
    kind = tensor.dtype.kind
    if kind in "iu" and tensor.itemsize == 8 and tensor.size:
        # float64 may not hold them, but their differences from the smallest, as uint64
        lowest = _ops.min(tensor, axis=axis, keepdims=True)
        tensor = tensor.astype(_UINT64) - lowest.astype(_UINT64)
    mean = _core.mean(tensor, axis, keepdims=True, dtype=None if kind in "fc" else _FLOAT64)
    centred = tensor - mean
    # without a tape in the same memory, which is twice as fast
    out = None if kind == "c" or _core.is_watched([centred]) else centred
    if kind in "fc":  # what the mean is rounded by: the corrected two-pass algorithm
        centred = _ops.subtract(centred, centred.mean(axis, keepdims=True), out=out)
    if kind == "c":
        conj, real = (made(globals(), "", name) for name in ("conj", "real"))

        squares = real(conj(centred) * centred)
    else:
        squares = _ops.square(centred, out=out)
    total = squares.sum(axis, keepdims=keepdims)
    n = tensor.size // max(total.size, 1)
    return total / max(n - correction, 0.0)


def std(x, /, axis=None, *, correction=0.0, keepdims=False):
    """The standard deviation along axes: the square root of var.

    >>> pt.std([1.0, 3.0])
    Tensor(1., dtype=float32)
    """
    return _in_default_dtype(_ops.sqrt(_variance(asarray(x), axis, correction, keepdims, "std")), x)


def logsumexp(x, /, axis=None, *, keepdims=False):
    """log(sum(exp(x))) along axes, without overflow; -inf where there is no element.

    Integers and booleans are converted to float32.

    >>> pt.logsumexp([1000.0, 1000.0])
    Tensor(1000.6931, dtype=float32)
    """
    from pytensor._ops import exp, isfinite, log, max, sum, where

    tensor = asarray(x)
    if tensor.dtype.kind not in "fc":
        tensor = tensor.astype(np.float32)  # the differences of integers could wrap
    values = _core.stop_gradient(tensor)
    largest = 0.0
    if tensor.size:
        largest = max(values, axis=axis, keepdims=True)
        largest = where(isfinite(largest), largest, 0)
    result = log(sum(exp(values - largest), axis=axis, keepdims=True)) + largest
    if not keepdims:
        result = squeeze(result, axis=tuple(range(tensor.ndim)) if axis is None else axis)
    _core.record_call("logsumexp", (tensor,), (result,), (axis, keepdims))
    return result


def vecdot(x, y, /, *, axis=-1):
    """The inner products of the vectors along an axis; the other axes broadcast.

    Of complex numbers, those of x are conjugated first.

    >>> pt.vecdot([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0])
    Tensor([3., 7.], dtype=float32)
    """
    x, y = asarray(x), asarray(y)
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError("vecdot: a 0-d tensor has no axis")
    if x.dtype.kind == "c":
        conj = made(globals(), "", "conj")

        x = conj(x)
    x_axis, y_axis = (read_axis(axis, t.ndim, "vecdot") for t in (x, y))
    if x.shape[x_axis] != y.shape[y_axis]:
        raise ValueError(
            f"vecdot: axis {axis} of shapes {x.shape} and {y.shape}: expected the same length"
        )
    x, y = moveaxis(x, x_axis, -1), moveaxis(y, y_axis, -1)
    return reshape(
        expand_dims(x, -2) @ expand_dims(y, -1),
        _common_shape("vecdot", [x.shape[:-1], y.shape[:-1]]),
    )


def matrices(x, name):
    """x as a tensor of at least two axes; `name` is for the message."""
    tensor = asarray(x)
    if tensor.ndim < 2:
        raise ValueError(f"{name}: a tensor of shape {tensor.shape} has no matrix")
    return tensor


def diagonal_indices(x, offset):
    """Rows and columns of the elements on a diagonal of the matrices x."""
    offset = integer("diagonal: offset", offset, -math.inf)
    n_rows, n_columns = x.shape[-2:]
    length = max(0, min(n_rows + min(offset, 0), n_columns - max(offset, 0)))
    numbers = np.arange(length)
    return numbers - min(offset, 0), numbers + max(offset, 0)


def tensordot(x, y, /, *, axes=2):
    """The sum of products over the last axes of x and the first of y, or over two lists of axes.

    axes: how many, or a pair: the axes of x, one or several, and those of y.

    >>> pt.tensordot([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0], axes=1)
    Tensor([3., 7.], dtype=float32)
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
        x_axes, y_axes = (
            read_axes(axes, t.ndim, "tensordot") for axes, t in zip(pair, (x, y), strict=True)
        )
    else:
        raise ValueError(
            f"tensordot: axes: found {axes!r}: expected an integer or a pair, axes of "
            "x and axes of y"
        )
    if [x.shape[a] for a in x_axes] != [y.shape[a] for a in y_axes]:
        raise ValueError(
            f"tensordot: axes {x_axes} of shape {x.shape} against axes {y_axes} of shape {y.shape}"
        )
    x_kept = [a for a in range(x.ndim) if a not in x_axes]
    y_kept = [a for a in range(y.ndim) if a not in y_axes]
    n = math.prod([x.shape[a] for a in x_axes])
    left = reshape(permute_dims(x, x_kept + x_axes), (math.prod([x.shape[a] for a in x_kept]), n))
    right = reshape(permute_dims(y, y_axes + y_kept), (n, math.prod([y.shape[a] for a in y_kept])))
    return reshape(
        left @ right, tuple(x.shape[a] for a in x_kept) + tuple(y.shape[a] for a in y_kept)
    )
