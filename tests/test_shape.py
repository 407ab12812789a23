"""Views and copies: reshape, axes, broadcasting, joining and taking apart, against NumPy."""

import itertools
import math

import numpy as np
import pytest
from conftest import DTYPES, KINDS, LAYOUTS
from hypothesis import given
from hypothesis import strategies as st

import pytensor as pt
from pytensor import _core

CUBE = np.arange(24, dtype="f4").reshape(2, 3, 4)


def shares(t, array):
    return np.shares_memory(np.asarray(t), array)


# ------------------------------------------------------------------------------------ reshape


@st.composite
def views_and_shapes(draw):
    """An ndarray, some view of it, and another shape for the view's elements."""
    shape = draw(st.lists(st.sampled_from((1, 1, 2, 3, 4, 6)), min_size=1, max_size=5))
    array = np.arange(math.prod(shape), dtype="i4").reshape(shape)
    view = array.transpose(draw(st.permutations(range(array.ndim))))
    view = view[tuple(slice(None, None, draw(st.sampled_from((1, 1, 1, 2, -1)))) for _ in shape)]
    for _ in range(draw(st.integers(0, 2))):
        view = np.expand_dims(view, draw(st.integers(0, view.ndim)))
    if draw(st.booleans()):
        view = np.broadcast_to(view, (draw(st.integers(1, 3)), *view.shape))
    rest, target = view.size, []
    while rest > 1:
        factor = draw(st.sampled_from([n for n in range(2, rest + 1) if rest % n == 0]))
        target.append(factor)
        rest //= factor
    for _ in range(draw(st.integers(0, 2))):
        target.insert(draw(st.integers(0, len(target))), 1)
    return view, tuple(target)


@given(views_and_shapes())
def test_reshape_is_a_view_exactly_where_numpys_is(case):
    view, shape = case
    expected = view.reshape(shape)
    result = pt.reshape(pt.asarray(view), shape)
    assert result.shape == shape
    np.testing.assert_array_equal(result, expected)
    assert shares(result, view) == np.shares_memory(expected, view)
    if not np.shares_memory(expected, view):
        with pytest.raises(ValueError, match=r"without a copy \(copy=False\)"):
            pt.reshape(pt.asarray(view), shape, copy=False)
    else:
        assert shares(pt.reshape(pt.asarray(view), shape, copy=False), view)
    assert not shares(pt.reshape(pt.asarray(view), shape, copy=True), view)


@pytest.mark.parametrize("shape", [(24,), 24, (4, 6), (-1,), (2, -1), (-1, 3, 4, 1), (1, 24, 1)])
def test_reshape_shapes(shape):
    expected = CUBE.reshape(shape)
    for result in (pt.reshape(CUBE, shape), pt.asarray(CUBE).reshape(shape)):
        assert result.shape == expected.shape
        np.testing.assert_array_equal(result, expected)
    if isinstance(shape, tuple):
        assert pt.asarray(CUBE).reshape(*shape).shape == expected.shape


@pytest.mark.parametrize(
    ("shape", "error", "message"),
    [
        ((5, 5), ValueError, r"reshape: 24 elements of shape \(2, 3, 4\) do not fit .*\(5, 5\)"),
        ((5, -1), ValueError, r"do not fit into shape \(5, -1\)"),
        ((-1, -1), ValueError, r"reshape: shape \(-1, -1\): axis 1 is negative"),
        ((-2, 12), ValueError, "axis 0 is negative"),
        ((0, -1), ValueError, r"do not fit into shape \(0, -1\)"),
        ((2**40, 2**40), ValueError, "do not fit into shape"),
        ((2**32, 2**32, 24), ValueError, "do not fit into shape"),
        ((2**70,), ValueError, "axis 0 is out of range"),
        ((2.0, 12), TypeError, "expected integers, found 2.0"),
        ((1,) * 17, ValueError, "17 axes: at most 16"),
    ],
)
def test_reshape_refuses(shape, error, message):
    with pytest.raises(error, match=message):
        pt.reshape(CUBE, shape)


def test_reshape_of_nothing():
    for shape in ((0,), (4, 0), (0, 3), (2, 3, 0, 4)):
        assert pt.reshape(pt.zeros((0, 2)), shape).shape == shape
    assert pt.reshape(pt.zeros((0, 2)), (-1, 5)).shape == (0, 5)
    with pytest.raises(ValueError, match=r"0 elements of shape \(0, 2\) do not fit"):
        pt.reshape(pt.zeros((0, 2)), (0, -1))
    assert pt.reshape(pt.asarray(3.0), (1, 1)).tolist() == [[3.0]]
    assert pt.reshape(pt.asarray([[3.0]]), ()).item() == 3.0


def test_flatten_copies_and_ravel_does_not():
    t = pt.asarray(CUBE)
    assert shares(t.ravel(), CUBE) and not shares(t.flatten(), CUBE)
    assert not shares(t.T.ravel(), CUBE)
    np.testing.assert_array_equal(t.T.ravel(), CUBE.T.ravel())


# --------------------------------------------------------------------------------------- axes


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
def test_permute_dims(axes):
    expected = CUBE.transpose(axes)
    negative = [a - 3 for a in axes]
    for result in (
        pt.permute_dims(CUBE, axes),
        pt.transpose(CUBE, negative),
        pt.asarray(CUBE).transpose(*axes),
        pt.asarray(CUBE).transpose(axes),
    ):
        assert result.strides == expected.strides and shares(result, CUBE)
        np.testing.assert_array_equal(result, expected)


# Tiles, their edges, rows too short or too few for one; several of each beside other axes.
TRANSPOSED = [
    ((130, 141), (1, 0)),
    ((256, 64), (1, 0)),
    ((17, 700), (1, 0)),
    ((700, 17), (1, 0)),
    ((3, 500), (1, 0)),
    ((500, 3), (1, 0)),
    ((9, 8), (1, 0)),
    ((2, 33, 3, 40), (3, 2, 1, 0)),
    ((3, 40, 41), (2, 0, 1)),
    ((3, 40, 41), (1, 2, 0)),
    ((40, 3, 41), (0, 2, 1)),
    ((33, 1, 35), (2, 1, 0)),
    ((4,) * 6, (5, 4, 3, 2, 1, 0)),
]
CUTS = {
    "all": lambda a: a,
    "reversed": lambda a: a[..., ::-1],
    "reversed rows": lambda a: a[::-1],
    "every other": lambda a: a[..., ::2],
    "from the second": lambda a: a[1:, ..., 1:],
}


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("dtype", [*DTYPES, "complex64", "complex128"])
def test_copies_along_another_axis(dtype, cut, rng):
    """What is read, or written, along another axis than it lies in memory: copies, conversions,
    assignments, element-wise operations."""
    for shape, axes in TRANSPOSED:
        array = rng.integers(0, 100, shape).astype(dtype)
        expected = CUTS[cut](array).transpose(axes)
        x = pt.permute_dims(CUTS[cut](pt.asarray(array)), axes)
        np.testing.assert_array_equal(x.copy(), expected)
        if expected.dtype.kind != "c":
            for target in ("float32", "float64", "int16", "bool"):
                np.testing.assert_array_equal(x.astype(target), expected.astype(target))
        y = rng.integers(0, 100, expected.shape).astype(dtype)
        np.testing.assert_array_equal(pt.asarray(y) + x, y + expected)
        out, wanted = np.zeros_like(array), np.zeros_like(array)
        pt.permute_dims(CUTS[cut](pt.asarray(out)), axes)[...] = pt.asarray(y)
        CUTS[cut](wanted).transpose(axes)[...] = y
        np.testing.assert_array_equal(out, wanted)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_numbers_repeat(dtype):
    row = (np.arange(5) * (1 + 2j)).astype(dtype)
    for shape in ((3, 700), (700, 3), (600,)):
        for source in ((1,) * len(shape), (*shape[:-1], 1), (1, *shape[1:])):
            array = np.resize(row, source)
            np.testing.assert_array_equal(
                pt.broadcast_to(pt.asarray(array), shape).copy(), np.broadcast_to(array, shape)
            )


def test_transposes():
    t = pt.asarray(CUBE)
    for result in (t.T, t.transpose(), pt.transpose(t)):
        np.testing.assert_array_equal(result, CUBE.T)
    np.testing.assert_array_equal(t.mT, np.swapaxes(CUBE, 1, 2))
    assert pt.zeros(()).T.shape == ()


@pytest.mark.parametrize(
    ("axes", "error", "message"),
    [
        ((0, 1), ValueError, r"permute_dims: 2 axes in \(0, 1\) for shape \(2, 3, 4\)"),
        ((0, 1, 1), ValueError, "permute_dims: axis 1 appears twice"),
        ((0, 1, -2), ValueError, "permute_dims: axis 1 appears twice"),
        ((0, 1, 3), IndexError, "permute_dims: axis 3 is out of range for 3 axes"),
        ((0, 1, 2**70), IndexError, "out of range for 3 axes"),
        ((0, 1, 2.0), TypeError, "permute_dims: axis is 2.0: expected an integer"),
    ],
)
def test_permute_dims_refuses(axes, error, message):
    with pytest.raises(error, match=message):
        pt.permute_dims(CUBE, axes)


@pytest.mark.parametrize("axis", [0, 2, -1, (0, 1), (0, -1), None])
def test_flip(axis):
    result = pt.flip(CUBE, axis=axis)
    assert shares(result, CUBE)
    np.testing.assert_array_equal(result, np.flip(CUBE, axis))


@pytest.mark.parametrize("axis", [0, 1, 3, -1, (0, 2), (-1, 0)])
def test_expand_dims_and_squeeze(axis):
    expected = np.expand_dims(CUBE, axis)
    result = pt.expand_dims(CUBE, axis)
    assert result.shape == expected.shape and shares(result, CUBE)
    np.testing.assert_array_equal(result, expected)
    for back in (pt.squeeze(result, axis), pt.squeeze(result)):
        assert back.shape == CUBE.shape and shares(back, CUBE)
        np.testing.assert_array_equal(back, CUBE)


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda: pt.expand_dims(CUBE, 4), IndexError, "expand_dims: axis 4 is out of range for 4"),
        (lambda: pt.expand_dims(CUBE, (1, -4)), ValueError, "expand_dims: an axis appears twice"),
        (
            lambda: pt.squeeze(CUBE, 0),
            ValueError,
            r"squeeze: axis 0 of shape \(2, 3, 4\) has "
            "length 2: expected 1",
        ),
        (lambda: pt.squeeze(CUBE, 3), IndexError, "squeeze: axis 3 is out of range"),
        (lambda: pt.flip(CUBE, axis=-4), IndexError, "flip: axis -4 is out of range"),
    ],
)
def test_axes_out_of_place(f, error, message):
    with pytest.raises(error, match=message):
        f()


# -------------------------------------------------------------------------------- broadcasting


@pytest.mark.parametrize(
    ("shape", "target"),
    [
        ((3,), (2, 3)),
        ((2, 1), (2, 3)),
        ((), (2, 2)),
        ((1, 3), (0, 3)),
        ((2, 3), (2, 3)),
        ((1,), (4,)),
        ((0, 1), (0, 5)),
    ],
)
def test_broadcast_to(shape, target, rng):
    x = rng.standard_normal(shape)
    result = pt.broadcast_to(x, target)
    expected = np.broadcast_to(x, target)
    assert result.shape == target
    np.testing.assert_array_equal(result, expected)
    if result.size > 1 and x.size:
        assert shares(result, np.asarray(x))
        with pytest.raises(ValueError, match="read-only"):
            result[...] = 1


@pytest.mark.parametrize(
    ("shape", "target", "message"),
    [
        ((3,), (2,), r"shape \(3,\) does not broadcast to \(2,\)"),
        ((2, 3), (3,), "broadcast to"),
        ((2,), (2, 3), "broadcast to"),
        ((3,), (-1,), "axis 0 is negative"),
        ((1,), (2**62, 2**62), "more elements than memory"),
    ],
)
def test_broadcast_to_refuses(shape, target, message):
    with pytest.raises(ValueError, match=message):
        pt.broadcast_to(pt.zeros(shape), target)


def test_broadcast_arrays():
    a, b, c = pt.broadcast_arrays(pt.zeros((3, 1)), np.ones(4), 2)
    assert a.shape == b.shape == c.shape == (3, 4)
    with pytest.raises(ValueError, match=r"\(3,\).*\(4,\)"):
        pt.broadcast_arrays(pt.zeros(3), pt.zeros(4))


# ---------------------------------------------------------------------------- joining, taking


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("axis", [0, 1, 2, -1, None])
def test_concat(axis, layout):
    parts = [CUBE, CUBE * 10, CUBE[:0] if axis == 0 else CUBE + 1]
    expected = np.concatenate(parts, axis=axis)
    for f in (pt.concat, pt.concatenate):
        np.testing.assert_array_equal(f([LAYOUTS[layout](x) for x in parts], axis=axis), expected)


@pytest.mark.parametrize("axis", [0, 1, 3, -1, -4])
def test_stack(axis):
    np.testing.assert_array_equal(
        pt.stack([CUBE, -CUBE], axis=axis), np.stack([CUBE, -CUBE], axis=axis)
    )


def test_the_core_checks_what_it_concatenates():
    with pytest.raises(TypeError, match="Cannot convert NoneType to"):
        _core.concat([pt.ones((2, 3, 4)), None], 0)
    with pytest.raises(IndexError, match="concat: axis 5000 is out of range for 3 axes"):
        _core.concat([pt.ones((2, 3, 4))], 5000)
    with pytest.raises(ValueError, match=r"concat: shapes \(2, 3, 4\) and \(2, 3, 9\) differ"):
        _core.concat([pt.ones((2, 3, 4)), pt.ones((2, 3, 9))], 1)


def test_concat_promotes():
    result = pt.concat([pt.asarray([True]), pt.asarray([2], dtype="int8"), pt.asarray([1.5])])
    assert (result.dtype, result.tolist()) == (pt.float32, [1, 2, 1.5])


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda: pt.concat([]), ValueError, "concat: no arrays"),
        (
            lambda: pt.concat([pt.broadcast_to(pt.zeros(1, dtype="int8"), 2**62)] * 4 + [[True]]),
            ValueError,
            "concat: the result has more elements than memory has addresses",
        ),
        (lambda: pt.reshape(pt.zeros(0), (0, 2**40, 2**40)), ValueError, "more elements than mem"),
        (lambda: pt.stack([]), ValueError, "^stack: no arrays"),
        (lambda: pt.concat(3), TypeError, "^concat: found 3: expected a sequence of arrays"),
        (lambda: pt.stack(3), TypeError, "^stack: found 3: expected a sequence of arrays"),
        (lambda: pt.concat([CUBE], axis=0.5), TypeError, "^concat: axis is 0.5: expected an int"),
        (lambda: pt.stack([CUBE], axis=(0, 1)), TypeError, r"^stack: axis is \(0, 1\): expected"),
        (lambda: pt.stack([CUBE], axis=7), IndexError, "^stack: axis 7 is out of range for 4"),
        (
            lambda: pt.concat([CUBE, CUBE[:, :2]]),
            ValueError,
            r"concat: shapes \(2, 3, 4\) and \(2, 2, 4\) differ in more than axis 0",
        ),
        (lambda: pt.concat([CUBE, CUBE[0]]), ValueError, r"\(2, 3, 4\) and \(3, 4\)"),
        (lambda: pt.concat([CUBE], axis=3), IndexError, "concat: axis 3 is out of range for 3"),
        (lambda: pt.concat([1, 2]), IndexError, "concat: axis 0 is out of range for 0"),
        (lambda: pt.stack([CUBE, CUBE[0]]), ValueError, r"stack: shapes \(2, 3, 4\) and \(3, 4\)"),
        (lambda: pt.take(CUBE, [0]), ValueError, r"take: x has shape \(2, 3, 4\): name the axis"),
        (lambda: pt.take(CUBE, [0], axis=3), IndexError, "take: axis 3 is out of range"),
        (
            lambda: pt.take(CUBE, [2], axis=0),
            IndexError,
            "^take: index 2 is out of range for axis 0 with length 2",
        ),
        (
            lambda: pt.take(CUBE, [[0, -4]], axis=1),
            IndexError,
            "^take: index -4 is out of range for axis 1 with length 3",
        ),
        (lambda: pt.take(CUBE, 4, axis=2), IndexError, "^take: index 4 is out of range for axis 2"),
        (
            lambda: pt.take(CUBE, [0.0], axis=0),
            TypeError,
            "^take: indices of dtype float32: expected integers",
        ),
        (lambda: pt.take(CUBE, [True, False], axis=0), TypeError, "^take: indices of dtype bool"),
        (lambda: pt.tril(pt.zeros(3)), ValueError, r"tril: a tensor of shape \(3,\) has no matrix"),
        (lambda: pt.tensordot(CUBE, CUBE, axes=2), ValueError, "tensordot: axes"),
        (lambda: pt.tensordot(CUBE, CUBE, axes=4), ValueError, "tensordot: 4 axes of shapes"),
        (lambda: pt.tensordot(CUBE, CUBE, axes=-1), ValueError, "tensordot: -1 axes of shapes"),
        (lambda: pt.tensordot(CUBE, CUBE, axes=1.5), TypeError, "^tensordot: axes: found 1.5"),
        (lambda: pt.tensordot(CUBE, CUBE, axes="ab"), TypeError, "^tensordot: axis is 'a'"),
        (
            lambda: pt.tensordot(CUBE, CUBE, axes=(1, 2, 0)),
            ValueError,
            r"^tensordot: axes: found \(1, 2, 0\): expected an integer or a pair",
        ),
        (
            lambda: pt.tensordot(CUBE, CUBE, axes=([0, 0], [0, 0])),
            ValueError,
            r"^tensordot: an axis appears twice in \[0, 0\]",
        ),
        (lambda: pt.expand_dims(CUBE, 0.5), TypeError, "^expand_dims: axis is 0.5: expected an in"),
        (lambda: pt.squeeze(CUBE, "a"), TypeError, "^squeeze: axis is 'a': expected an integer"),
        (lambda: pt.flip(CUBE, axis=(0, -3)), ValueError, "^flip: an axis appears twice"),
        (lambda: pt.var(CUBE, correction="a"), TypeError, "^var: correction: found 'a': expected"),
        (lambda: pt.std(CUBE, correction="a"), TypeError, "^std: correction: found 'a': expected"),
        (lambda: pt.var(CUBE, 3), IndexError, "^var: axis 3 is out of range for 3 axes"),
        (
            lambda: pt.broadcast_arrays(CUBE, CUBE[0, 0], CUBE[:, 0, 0]),
            ValueError,
            r"^broadcast_arrays: shapes \(2, 3, 4\), \(4,\), \(2,\): expected axes of the same len",
        ),
        (lambda: pt.result_type(), ValueError, "result_type: nothing to promote"),
    ],
)
def test_joining_refuses(f, error, message):
    with pytest.raises(error, match=message):
        f()


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("indices", [[0, 1, 1, -1], [[0], [1]], []])
def test_take(axis, indices):
    kind = np.asarray(indices, dtype=np.int64)
    np.testing.assert_array_equal(
        pt.take(CUBE, pt.asarray(kind), axis=axis), np.take(CUBE, kind, axis=axis)
    )


KEYS = [
    3,
    -1,
    slice(1, 5, 2),
    (slice(None), 1),
    (..., None),
    [0, 2, 2],
    ([1, 1], [0, 0]),
    np.array([[0, 1], [2, 2]]),
    np.arange(18).reshape(6, 3) % 4 == 0,
    (1, np.array([0, 0])),
    [],
]


@pytest.mark.parametrize("dtype", [*DTYPES, "complex64"])
@pytest.mark.parametrize("key", KEYS, ids=str)
def test_set_at(key, dtype, rng):
    """As assignment in NumPy: of several values for an element, the last one stays."""
    array = rng.integers(0, 2, (6, 3)).astype(dtype)
    values = rng.integers(0, 2, array[key].shape).astype(dtype)
    for new in (values, 1, values[..., :1]):
        expected = array.copy()
        expected[key] = new
        x = pt.asarray(array)
        found = pt.set_at(x, key, new if isinstance(new, int) else pt.asarray(new))
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(x, array)
    with pytest.raises(ValueError, match="does not broadcast"):
        pt.set_at(x, key, np.ones((7, 1, 5)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [-1, 0, 2])
def test_triangles(dtype, k):
    x = (CUBE + 1).astype(dtype)
    for name in ("tril", "triu"):
        result = getattr(pt, name)(x, k=k)
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, getattr(np, name)(x, k=k))


@pytest.mark.parametrize(
    "axes", [0, 1, np.int64(1), ((0, 2), (1, 0)), ([-1], [0]), (0, 1), (range(2, 3), range(1))]
)
def test_tensordot(axes, rng):
    x, y = rng.standard_normal((4, 3, 5)), rng.standard_normal((5, 4, 2))
    np.testing.assert_allclose(pt.tensordot(x, y, axes=axes), np.tensordot(x, y, axes))


@pytest.mark.parametrize("axis", [None, 0, (0, 2), -1])
def test_variance(axis, rng):
    x = rng.standard_normal((4, 3, 5)) * 3 + 10
    for correction in (0, 1):
        np.testing.assert_allclose(
            pt.var(x, axis, correction=correction), np.var(x, axis, ddof=correction)
        )
        np.testing.assert_allclose(
            pt.std(x, axis, correction=correction, keepdims=True),
            np.std(x, axis, ddof=correction, keepdims=True),
        )


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([2**25, 2**25 + 1, 2**25 + 2], "int32", 2 / 3),
        ([2**60, 2**60 + 1, 2**60 + 2], "int64", 2 / 3),
        ([2**64 - 1, 2**64 - 2, 2**64 - 3], "uint64", 2 / 3),
        ([-(2**63), 2**63 - 1], "int64", 2.0**126),
        ([0, 255, 0, 255], "uint8", 127.5**2),
        ([-128, 127], "int8", 127.5**2),
        ([True, False, False, False], "bool", 3 / 16),
        ([2**24, 2**24 + 2, 2**24 + 4], "float32", 8 / 3),
        ([2.0**53, 2.0**53 + 2, 2.0**53 + 4], "float64", 8 / 3),
        ([0.1] * 10, "float64", 0),
        ([2**24 + 2j, 2**24 + 2 + 2j], "complex64", 1),
        ([2.0**53 + 2j, 2.0**53 + 4 + 2j], "complex128", 4),
    ],
)
def test_variance_far_from_0(values, dtype, expected):
    for layout in (pt.asarray(values, dtype=dtype), pt.asarray(values, dtype=dtype)[::-1]):
        found = pt.var(layout)
        assert found.dtype == ("float64" if dtype in ("float64", "complex128") else "float32")
        np.testing.assert_allclose(found, expected, rtol=1e-7)
        np.testing.assert_allclose(pt.std(layout), math.sqrt(expected), rtol=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("offset", [0, 1e4, 1e7])
def test_variance_of_many_far_from_0(dtype, offset, rng):
    x = (rng.standard_normal((4, 100_000)) + offset).astype(dtype)
    expected = np.var(x.astype(np.longdouble) - offset, axis=1).astype("float64")
    np.testing.assert_allclose(
        pt.var(pt.asarray(x), axis=1), expected, rtol=1e-6 if dtype == "float32" else 1e-12
    )


def test_diff_of_order_0_and_of_numbers():
    x = np.array([1.0, 4.0, 2.0], "float32")
    np.testing.assert_array_equal(pt.diff(pt.asarray(x), n=0, prepend=[0.0], append=[1.0]), x)
    np.testing.assert_array_equal(
        pt.diff(pt.asarray(x), prepend=0, append=2.5), np.diff(x, prepend=0, append=2.5)
    )
    t = pt.diff(pt.asarray(CUBE.astype("int16")), axis=1, n=2, prepend=0)
    assert t.dtype == pt.int16
    np.testing.assert_array_equal(t, np.diff(CUBE, axis=1, n=2, prepend=0))


@pytest.mark.parametrize("dtype", KINDS["i"] + KINDS["u"] + ("bool",))
def test_logsumexp_of_integers(dtype):
    x = np.array([[1, 0, 1], [0, 0, 1]]) if dtype == "bool" else np.array([[5, 1, 7], [100, 2, 99]])
    x = x.astype(dtype)
    for axis in (0, 1, None):
        found = pt.logsumexp(pt.asarray(x), axis=axis)
        assert found.dtype == pt.float32
        np.testing.assert_allclose(
            found, np.log(np.sum(np.exp(x.astype("f8")), axis=axis)), rtol=1e-6
        )
    if dtype == "int8":
        assert pt.logsumexp(pt.asarray([-100, 100], dtype=dtype)).item() == 100


def test_logsumexp_of_nothing():
    assert pt.logsumexp(pt.zeros(0)).item() == -math.inf
    assert pt.logsumexp(pt.zeros((2, 0), dtype="int8"), axis=1).tolist() == [-math.inf] * 2
    assert pt.logsumexp(pt.zeros((2, 0)), axis=0, keepdims=True).shape == (1, 0)
    assert pt.grad(lambda x: pt.sum(pt.logsumexp(x, axis=1)))(pt.zeros((2, 0))).shape == (2, 0)


def test_broadcast_arrays_may_be_written_to():
    row, matrix = pt.zeros(3), pt.zeros((2, 3))
    a, b, c = pt.broadcast_arrays(row, matrix, 7)
    a[0, 0], b[1, 1] = 1, 2
    c[0] = 5
    assert a.tolist() == [[1, 0, 0], [0, 0, 0]] and row.tolist() == [0, 0, 0]
    assert matrix[1, 1].item() == 2  # it has the shape: no copy
    assert c.tolist() == [[5, 5, 5], [7, 7, 7]]


def test_repeat_of_empty_slices():
    """np.repeat would count to 2**60 here."""
    assert pt.repeat(pt.zeros((2, 0)), 3, axis=0).shape == (6, 0)
    assert pt.repeat(pt.zeros((0, 2)), 2**40, axis=0).shape == (0, 2)
    with pytest.raises(MemoryError):
        pt.repeat(pt.zeros((1, 0)), 2**50, axis=0)
    with pytest.raises(ValueError, match=r"^repeat: repeats: found 1152921504606846976: more"):
        pt.repeat(pt.zeros((1, 0)), 2**60, axis=0)
