"""Random programs against NumPy: shapes, strides, dtypes, indices, promotion, overlapping views.

Each family draws a few hundred examples here. PYTENSOR_EXAMPLES=10000 pytest
tests/test_against_numpy.py draws ten thousand of each, other ones every time.
"""

import os

import numpy as np
import pytest
from conftest import DTYPES
from hypothesis import given, settings
from hypothesis import strategies as st

import pytensor as pt

pytestmark = pytest.mark.once

EXAMPLES = int(os.environ.get("PYTENSOR_EXAMPLES", "200"))
family = settings(
    max_examples=EXAMPLES, derandomize="PYTENSOR_EXAMPLES" not in os.environ, deadline=None
)
ALL = (*DTYPES, "complex64", "complex128")
LENGTHS = st.integers(0, 4)
SHAPES = st.lists(LENGTHS, max_size=4).map(tuple)


@st.composite
def arrays(draw, dtypes=ALL, shape=SHAPES):
    """An ndarray of small whole numbers, on memory in any order, with gaps and turned axes."""
    shape = draw(shape) if hasattr(shape, "map") else shape
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    steps = [draw(st.sampled_from((1, 1, 2, -1))) for _ in shape]
    order = draw(st.permutations(range(len(shape))))
    large = tuple(n * abs(step) + 1 for n, step in zip(shape, steps, strict=True))
    base = np.empty([large[axis] for axis in order], dtype).transpose(np.argsort(order))
    seed = draw(st.integers(0, 99))
    values = np.random.default_rng(seed).integers(0 if dtype.kind in "bu" else -9, 10, large)
    base[...] = values + (1j * (values % 3) if dtype.kind == "c" else 0)
    return base[
        (
            *(
                slice(0, n * abs(step), abs(step))
                if step > 0
                else slice(n - 1, None, -1)
                if n
                else slice(0, 0)
                for n, step in zip(shape, steps, strict=True)
            ),
            ...,
        )
    ]


@st.composite
def broadcastable(draw, n, dtypes=ALL):
    """Arrays whose shapes broadcast."""
    shape = draw(SHAPES)
    found = []
    for _ in range(n):
        own = tuple(draw(st.sampled_from((length, length, 1))) for length in shape)
        found.append(draw(arrays(dtypes, own[draw(st.integers(0, len(own))) :])))
    return found


def assert_same(tensor, array):
    array = np.asarray(array)
    assert (tensor.shape, tensor.dtype) == (array.shape, array.dtype)
    np.testing.assert_array_equal(tensor, array)


def outcome(f):
    """f's result, or the kind of its error."""
    try:
        return f(), None
    except (IndexError, ValueError, TypeError, OverflowError) as error:
        kinds = (IndexError, ValueError, TypeError, OverflowError)
        return None, next(kind for kind in kinds if isinstance(error, kind))


# What the standard leaves open and NumPy does otherwise: an integer with a floating-point dtype.
def common(*dtypes):
    """The dtype of an operation, by the standard's tables; None where they have none."""
    kinds = {d.kind for d in dtypes}
    if kinds & set("fc"):
        wide = any(d in (np.float64, np.complex128) for d in dtypes)
        return np.dtype(
            ("complex128" if wide else "complex64")
            if "c" in kinds
            else ("float64" if wide else "float32")
        )
    found = np.result_type(*dtypes)
    return None if found.kind == "f" else found


# ------------------------------------------------------------------------- values and layouts


@family
@given(arrays(), st.data())
def test_views(array, data):
    """A chain of views and reshapes keeps elements, and shares memory as NumPy does."""
    tensor = pt.asarray(array)
    assert_same(tensor, array)
    for _ in range(data.draw(st.integers(0, 3))):
        kind = data.draw(st.sampled_from(("permute", "flip", "reshape", "expand", "broadcast")))
        if kind == "permute":
            order = data.draw(st.permutations(range(array.ndim)))
            tensor, array = pt.permute_dims(tensor, order), array.transpose(order)
        elif kind == "flip":
            tensor, array = pt.flip(tensor), np.flip(array)
        elif kind == "expand":
            axis = data.draw(st.integers(-array.ndim - 1, array.ndim))
            tensor, array = pt.expand_dims(tensor, axis), np.expand_dims(array, axis)
        elif kind == "broadcast":
            shape = (2, *array.shape)
            tensor, array = pt.broadcast_to(tensor, shape), np.broadcast_to(array, shape)
        else:
            shape = data.draw(
                st.sampled_from(((-1,), (array.size, 1), (1, array.size), array.shape[::-1]))
            )
            if -1 in shape and array.size == 0:
                continue
            tensor, array = pt.reshape(tensor, shape), np.reshape(array, shape)
        assert_same(tensor, array)
    if array.size and tensor.numpy().flags.writeable:
        assert np.shares_memory(tensor.numpy(), array) or not np.may_share_memory(
            tensor.numpy(), array
        )


BINARY = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "maximum": None,
    "minimum": None,
    "equal": "==",
    "less": "<",
    "bitwise_and": "&",
    "bitwise_xor": "^",
    "logical_or": None,
}
NO_BOOL = {"subtract"}
NO_COMPLEX = {"maximum", "minimum", "less", "bitwise_and", "bitwise_xor"}


@family
@given(broadcastable(2), st.sampled_from(sorted(BINARY)))
def test_promotion_and_broadcasting(pair, name):
    x, y = pair
    dtype = common(x.dtype, y.dtype)
    call = getattr(pt, name)
    if (
        dtype is None
        or (dtype.kind == "b" and name in NO_BOOL)
        or (dtype.kind == "c" and name in NO_COMPLEX)
        or (dtype.kind in "fc" and name.startswith("bitwise"))
    ):
        with pytest.raises(TypeError):
            call(pt.asarray(x), pt.asarray(y))
        return
    expected = getattr(np, name)(x.astype(dtype), y.astype(dtype))
    assert_same(call(pt.asarray(x), pt.asarray(y)), expected)
    if BINARY[name]:
        assert_same(eval(f"x {BINARY[name]} y", {"x": x, "y": pt.asarray(y)}), expected)


@family
@given(
    arrays(),
    st.sampled_from((True, False, 3, -2, 0, 2.5, 1 + 2j)),
    st.sampled_from(("add", "multiply", "equal")),
    st.booleans(),
)
def test_python_numbers(array, number, name, first):
    kinds = "biufc"
    of_number = {bool: "b", int: "i", float: "f", complex: "c"}[type(number)]
    dtype = array.dtype
    if of_number == "c":
        dtype = common(dtype, np.dtype("complex64"))
    elif kinds.index(of_number) > kinds.index("i" if dtype.kind == "u" else dtype.kind):
        dtype = np.dtype({"i": "int64", "f": "float32"}[of_number])
    if dtype.kind == "u" and number < 0:
        if name != "equal":
            with pytest.raises(OverflowError):
                getattr(pt, name)(pt.asarray(array), number)
            return
        expected = np.zeros(array.shape, bool)
    else:
        expected = getattr(np, name)(array.astype(dtype), dtype.type(number))
    arguments = (number, pt.asarray(array)) if first else (pt.asarray(array), number)
    assert_same(getattr(pt, name)(*arguments), expected)


@family
@given(arrays(), st.data())
def test_reductions(array, data):
    name = data.draw(st.sampled_from(("sum", "prod", "max", "min", "any", "all", "count_nonzero")))
    axes = st.lists(st.integers(-array.ndim, array.ndim - 1), unique_by=lambda a: a % array.ndim)
    axes = data.draw(st.none() | axes.map(tuple) if array.ndim else st.none())
    keepdims = data.draw(st.booleans())
    if name in ("max", "min") and array.dtype.kind == "c":
        with pytest.raises(TypeError):
            getattr(pt, name)(pt.asarray(array))
        return
    options = {}
    if name in ("sum", "prod") and array.dtype.kind in "fc":
        array = np.sign(array.real).astype(array.dtype)  # exact in any order
    expected, error = outcome(
        lambda: getattr(np, name)(array, axis=axes, keepdims=keepdims, **options)
    )
    if error is not None:  # unless the result has no element either
        result, error = outcome(lambda: getattr(pt, name)(pt.asarray(array), axis=axes))
        assert error is ValueError or result.size == 0
        return
    assert_same(getattr(pt, name)(pt.asarray(array), axis=axes, keepdims=keepdims), expected)


# ---------------------------------------------------------------------------------- indexing

SLICES = st.builds(
    slice, *[st.none() | st.integers(-6, 6)] * 2, st.none() | st.sampled_from((1, 2, -1, -3))
)


@st.composite
def keys(draw, shape):
    """An index: numbers, slices, ellipsis, new axes, index arrays that broadcast, masks."""
    parts, axis = [], 0
    length = draw(st.sampled_from((1, 3)))
    for _ in range(draw(st.integers(0, len(shape) + 1))):
        kind = draw(
            st.sampled_from(("number", "slice", "slice", "new", "ellipsis", "array", "mask"))
        )
        if kind == "new":
            parts.append(None)
        elif kind == "ellipsis":
            parts.append(Ellipsis)
        elif axis < len(shape):
            n = shape[axis]
            if kind == "number":
                parts.append(draw(st.integers(-n - 1, n)))
            elif kind == "slice":
                parts.append(draw(SLICES))
            elif kind == "array":
                own = draw(st.sampled_from(((length,), (1,), (2, length), (2, 1), ())))
                dtype = draw(st.sampled_from(("int64", "int32", "uint8")))
                low = 0 if dtype == "uint8" else -n
                values = draw(st.lists(st.integers(low, max(n - 1, low)), min_size=6, max_size=6))
                parts.append(np.array(values[: int(np.prod(own))], dtype).reshape(own))
            else:
                parts.append(np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool))
            axis += 1
    return parts[0] if len(parts) == 1 and draw(st.booleans()) else tuple(parts)


def tensor_key(key):
    if isinstance(key, tuple):
        return tuple(tensor_key(part) for part in key)
    return pt.asarray(key) if isinstance(key, np.ndarray) else key


@family
@given(arrays(), st.data())
def test_indexing(array, data):
    key = data.draw(keys(array.shape))
    expected, error = outcome(lambda: array[key])
    tensor = pt.asarray(array)
    if error is not None:
        with pytest.raises(error):
            tensor[tensor_key(key)]
    else:
        assert_same(tensor[tensor_key(key)], expected)
        assert_same(tensor[key], expected)


@family
@given(arrays(), st.data())
def test_assignment(array, data):
    key = data.draw(keys(array.shape))
    target = array.copy()
    tensor = pt.asarray(array.copy())
    place, error = outcome(lambda: target[key])
    if error is not None:
        with pytest.raises(error):
            tensor[tensor_key(key)] = 1
        return
    if data.draw(st.booleans()):
        value = data.draw(st.sampled_from((True, 1, 7)))
        target[key] = value
    else:
        shape = np.shape(place)
        own = tuple(data.draw(st.sampled_from((n, 1))) for n in shape)
        value = data.draw(arrays((array.dtype.name,), own[data.draw(st.integers(0, len(own))) :]))
        target[key] = value
        value = pt.asarray(value)
    tensor[tensor_key(key)] = value
    assert_same(tensor, target)


@family
@given(arrays(), st.data())
def test_taking(array, data):
    if array.ndim == 0:
        return
    axis = data.draw(st.integers(-array.ndim, array.ndim - 1))
    n = array.shape[axis]
    numbers = st.lists(st.integers(-n, n - 1), max_size=5) if n else st.just([])
    indices = np.array(data.draw(numbers), np.int64)
    tensor = pt.asarray(array)
    assert_same(pt.take(tensor, pt.asarray(indices), axis=axis), np.take(array, indices, axis))
    assert_same(pt.repeat(tensor, 2, axis=axis), np.repeat(array, 2, axis))
    assert_same(pt.roll(tensor, 3, axis=axis), np.roll(array, 3, axis))
    if array.dtype.kind != "c":
        order = pt.argsort(tensor, axis=axis)
        assert_same(pt.take_along_axis(tensor, order, axis=axis), np.sort(array, axis))


# ---------------------------------------------------------------------------- in place


@family
@given(st.sampled_from(ALL), st.sampled_from(("+=", "-=", "*=", "=")), st.data())
def test_in_place_on_overlapping_views(dtype, operator, data):
    """The right side is read as it was before, whatever it shares with the left side."""
    if dtype == "bool" and operator == "-=":
        return
    base = (np.arange(36) % 7).reshape(6, 6).astype(dtype)
    length = data.draw(st.integers(1, 3))

    def view(name):
        parts = []
        for axis in range(2):
            step = data.draw(st.sampled_from((1, 2, -1)), label=f"{name} step {axis}")
            start = data.draw(st.integers(0, 5 - (length - 1) * abs(step)))
            last = start + (length - 1) * abs(step)
            parts.append(
                slice(start, last + 1, step)
                if step > 0
                else slice(last, start - 1 if start else None, -1)
            )
        turned = data.draw(st.booleans())
        return lambda array: array[tuple(parts)].T if turned else array[tuple(parts)]

    left, right = view("left"), view("right")
    expected = base.copy()
    names = {"left": left(expected), "right": right(expected).copy()}
    exec("left[...] = right" if operator == "=" else f"left {operator} right", names)
    tensor = pt.asarray(base.copy())
    names = {"left": left(tensor), "right": right(tensor)}
    exec("left[...] = right" if operator == "=" else f"left {operator} right", names)
    assert_same(tensor, expected)
