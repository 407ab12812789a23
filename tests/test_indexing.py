"""Reading and writing by index, against NumPy."""

import numpy as np
import pytest
from conftest import DTYPES, KINDS, LAYOUTS
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pytensor as pt

BASE = np.arange(60, dtype="i4").reshape(3, 4, 5)
BASIC = (
    0,
    -1,
    np.int64(2),
    slice(None),
    slice(1, None),
    slice(None, None, -1),
    slice(5, 0, -2),
    slice(2, 1),
    slice(-2, None),
    slice(10, 20),
    slice(0, 1, 2**62),
    slice(-(2**70), 2**70),
    ...,
    None,
    (),
    (1, 2, 3),
    (..., 2),
    (0, ...),
    (slice(None), 1),
    (None, ..., None),
    (1, ..., None, slice(None, None, -1)),
    (slice(1, 1), 2),
    (slice(None), None, 1, ..., -1),
)
ADVANCED = (
    [0, 2, 0],
    [],
    [[0, 1], [2, -1]],
    np.array([2, 1, 0, -3]),
    np.array(1),
    True,
    np.bool_(False),
    BASE > 20,
    BASE[..., 0] > 20,
    [True, False, True],
    (slice(None), [0, 3]),
    ([0, 1], [1, 2]),
    ([0, 1], slice(None), [1, 2]),
    (..., [0, 0, -1]),
    ([[0], [1]], [0, 2]),
    (1, [0, 1]),
    (None, [1, 0]),
    (np.array([True, False, True]), slice(1, 3)),
    (slice(None), BASE[0] > 3),
    (np.array([2, 0], "u1"), 1, slice(None, None, -2)),
    (BASE > 100),
)


def with_tensors(key):
    """The key with its arrays as tensors."""
    if isinstance(key, tuple):
        return tuple(with_tensors(part) for part in key)
    return pt.asarray(key) if isinstance(key, np.ndarray) else key


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("key", BASIC, ids=repr)
def test_basic_reading_gives_views(key, layout):
    t = LAYOUTS[layout](BASE)
    expected, result = BASE[key], t[key]
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(result, expected)
    if result.size:
        result[...] = -7
        changed = BASE.copy()
        changed[key] = -7
        np.testing.assert_array_equal(t, changed)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("key", ADVANCED, ids=lambda key: repr(key)[:40])
def test_arrays_as_indices_give_copies(key, layout):
    t = LAYOUTS[layout](BASE)
    expected = BASE[key]
    for k in (key, with_tensors(key)):
        result = t[k]
        assert result.shape == expected.shape
        np.testing.assert_array_equal(result, expected)
        result[...] = -7
    np.testing.assert_array_equal(t, BASE)


@pytest.mark.parametrize("key", BASIC + ADVANCED, ids=lambda key: repr(key)[:40])
@pytest.mark.parametrize("dtype", ["float32", "int16", "bool"])
def test_assignment(key, dtype):
    expected = BASE.astype(dtype)
    values = (np.arange(np.zeros_like(BASE)[key].size) % 7).reshape(BASE[key].shape).astype(dtype)
    for value in (1, values, values[..., :1] if values.ndim else values):
        for k in (key, with_tensors(key)):
            t = pt.asarray(BASE.astype(dtype))
            expected[...] = BASE
            expected[key] = value
            t[k] = pt.asarray(value) if isinstance(value, np.ndarray) else value
            np.testing.assert_array_equal(t, expected)


@given(data=st.data())
def test_any_index(data):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=6))
    a = np.arange(np.prod(shape), dtype="f8").reshape(shape)
    a = a.transpose(data.draw(st.permutations(range(a.ndim))))
    key = data.draw(
        st.one_of(
            hnp.basic_indices(a.shape, allow_newaxis=True, max_dims=8),
            hnp.integer_array_indices(a.shape),
            hnp.arrays("bool", a.shape),
        )
    )
    t = pt.asarray(a.copy(order="K"))
    expected = a[key]
    np.testing.assert_array_equal(t[key], expected)
    assert t[key].shape == expected.shape
    a[key] = 2 * expected + 1
    t[key] = 2 * t[key] + 1
    np.testing.assert_array_equal(t, a)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [[0, 3, 3, -1], [], [-4, 0]])
def test_row_numbers(dtype, rows):
    a = (np.arange(4 * 3 * 5) % 11).reshape(4, 3, 5).astype(dtype)
    for kind in ("int64", "int8", "int16"):
        numbers = np.asarray(rows, kind)
        result = pt.asarray(a)[pt.asarray(numbers)]
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, a[numbers])
        assert numbers.tolist() == rows  # negative ones are resolved in a copy


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (3, "index 3 is out of range for axis 0 with length 3"),
        (-4, "index -4 is out of range for axis 0 with length 3"),
        ((0, 0, 5), "index 5 is out of range for axis 2 with length 5"),
        (2**70, "is out of range for axis 0"),
        (-(2**70), "is out of range for axis 0"),
        ((0, 0, 0, 0), r"4 indices for a tensor of shape \(3, 4, 5\)"),
        ((..., ...), "only one ellipsis"),
        (pt.asarray([0, 3]), "index 3 is out of (range|bounds) for axis 0 with (length|size) 3"),
        (pt.asarray([0, -4]), "index -4 is out of (range|bounds) for axis 0 with (length|size) 3"),
        (pt.asarray([2**63 + 5], dtype="uint64"), "out of (range|bounds)"),
        ([0, 3], "index 3 is out of bounds for axis 0"),
        ([True, False], "boolean index did not match"),
        ("a", "only integers, slices"),
        (1.0, "only integers, slices"),
        ((None,) * 17, "would have 20 axes: at most 16"),
        ((None,) * 18, "more than 16 axes"),
    ],
)
def test_bad_index(key, message):
    t = pt.asarray(BASE.copy())
    with pytest.raises(IndexError, match=message):
        t[key]
    with pytest.raises(IndexError, match=message):
        t[key] = 0
    np.testing.assert_array_equal(t, BASE)


def test_most_axes():
    t = pt.zeros((1,) * 16)
    assert t[(0,) * 16].shape == () and t[(0,) * 16 + (...,)].shape == ()
    for n in range(1, 20):
        with pytest.raises(IndexError, match="axes"):
            t[(None,) * n]


@pytest.mark.parametrize(
    ("key", "value", "error", "message"),
    [
        (0, 1.5, TypeError, "assignment: float32 elements do not go into a tensor of int32"),
        ([0, 1], 1.5, TypeError, "assignment: float32 elements do not go into a tensor of int32"),
        (0, np.float64(1), TypeError, "float64 elements do not go"),
        (0, [0.5], TypeError, "float32 elements do not go"),
        (0, 2**31, OverflowError, "2147483648 is out of the range of int32"),
        ([0], 2**31, OverflowError, "2147483648 is out of the range of int32"),
        (
            0,
            np.zeros((2, 5), "i4"),
            ValueError,
            r"assignment: shape \(2, 5\) does not broadcast to"
            r" \(4, 5\)",
        ),
        ([0, 1], np.zeros((3, 5), "i4"), ValueError, r"\(3,5\).*\(2,4,5\)"),
        (0, "a", TypeError, "assignment: str has elements"),
        (slice(None), None, TypeError, "assignment: NoneType has elements"),
    ],
)
def test_bad_assignment(key, value, error, message):
    t = pt.asarray(BASE.copy())
    with pytest.raises(error, match=message):
        t[key] = value
    np.testing.assert_array_equal(t, BASE)


@pytest.mark.parametrize("key", [slice(None), [0, 1], np.array([True, True]), ([1, 0],)], ids=repr)
@pytest.mark.parametrize("dtype", KINDS["i"] + KINDS["u"])
def test_integers_that_do_not_fit_are_not_assigned(dtype, key):
    info = np.iinfo(dtype)
    t = pt.ones(2, dtype=dtype)
    for values in (
        [info.max + 1, 1],
        [1, info.min - 1],
        (info.max + 1,),
        [[2**64, 1]],
        range(info.max, info.max + 2) if info.max < 2**62 else [2**65],
    ):
        with pytest.raises(OverflowError, match=r"^assignment: "):
            t[key] = values
        assert t.tolist() == [1, 1]
    t[key] = [info.max, info.min]
    assert sorted(t.tolist()) == [info.min, info.max]
    t[key] = np.array([1, 2], dtype="int64")  # of typed integers the bits are taken, as in NumPy
    with pytest.raises(TypeError, match="float32 elements do not go"):
        t[key] = [1, 0.5]


def test_digits_of_what_is_assigned_are_kept():
    t = pt.zeros((2, 2), dtype="float64")
    t[0] = [0.1, 2**53 + 2]
    t[[1]] = [[0.3, 1e300]]
    assert t.tolist() == [[0.1, 2**53 + 2], [0.3, 1e300]]


def test_deleting_is_not_assigning():
    with pytest.raises((TypeError, NotImplementedError), match=r"delet|doesn't support"):
        del pt.zeros(3)[0]


@pytest.mark.parametrize(
    ("to", "source"),
    [
        (slice(1, None), slice(None, -1)),
        (slice(None, -1), slice(1, None)),
        (slice(None), slice(None, None, -1)),
        (slice(0, 500), slice(250, 750)),
        (slice(0, 999, 2), slice(0, 500)),
        ([*range(1, 1000)], slice(None, -1)),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_self_overlapping_assignment(to, source, dtype):
    a = (np.arange(1000) % 117).astype(dtype)
    t = pt.asarray(a.copy())
    t[to] = t[source]
    expected = a.copy()
    expected[to] = a[source].copy()
    np.testing.assert_array_equal(t, expected)


def test_overlapping_operands_in_place():
    a = np.arange(100.0).reshape(10, 10)
    t = pt.asarray(a.copy())
    t += t.T
    np.testing.assert_array_equal(t, a + a.T)
    t = pt.asarray(a.copy())
    t[1:] *= t[:-1]
    np.testing.assert_array_equal(t[1:], a[1:] * a[:-1])
    t = pt.asarray(a.copy())
    pt.add(t[:, ::-1], 1, out=t)
    np.testing.assert_array_equal(t, a[:, ::-1] + 1)
    t = pt.asarray(a.copy())
    t @= t
    np.testing.assert_allclose(t, a @ a)


def test_iteration_and_fill():
    t = pt.asarray(BASE.copy())
    assert [x.tolist() for x in t] == BASE.tolist()
    for row in t:
        row[0] = 0
    assert (np.asarray(t)[:, 0] == 0).all() and (np.asarray(t)[:, 1:] != 0).all()
    t.fill(3)
    assert np.unique(np.asarray(t)).tolist() == [3]


@pytest.mark.parametrize("step", [2**63 - 1, -(2**63), 2**70, -(2**70), 2**62, 1 - 2**63])
@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_huge_steps(n, step):
    x = pt.arange(n)
    assert x[::step].tolist() == np.arange(n)[::step].tolist()
    assert x[::step].sum().item() == np.arange(n)[::step].sum()


def test_nested_indices_without_end():
    key = 0
    for _ in range(200_000):
        key = (key,)
    with pytest.raises((RecursionError, ValueError, IndexError)):
        pt.arange(3)[key]
    while isinstance(key, tuple):  # deleted one by one: the interpreter recurses too
        key = key[0]


@pytest.mark.parametrize("row", [(), (2,), (3, 5)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_index_vectors(dtype, row, rng):
    """One element or several for each index, of any integer dtype, from either end."""
    array = rng.integers(0, 2, (300, *row)).astype(dtype)
    x = pt.asarray(array)
    for kind in ("int8", "int64", "uint8", "uint64"):
        index = rng.integers(-100 if kind[0] == "i" else 0, 100, 1000).astype(kind)
        np.testing.assert_array_equal(x[pt.asarray(index)], array[index])


@pytest.mark.parametrize(
    "index, dtype",
    [
        (300, "int64"),
        (-301, "int64"),
        (2**63 - 1, "int64"),
        (-(2**63), "int64"),
        (2**64 - 1, "uint64"),
        (2**63, "uint64"),
        (300, "uint64"),
    ],
)
def test_index_vectors_out_of_range(index, dtype):
    with pytest.raises(
        IndexError, match=f"^index {index} is out of range for axis 0 with length 300$"
    ):
        pt.zeros((300, 2))[pt.asarray(np.array([0, index, 1], dtype=dtype))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("index_dtype", ["int64", "int8", "uint64"])
@pytest.mark.parametrize(
    ("n", "row", "index_shape"),
    [(7, (), (5,)), (7, (3,), (0,)), (5, (2, 9), (4, 3)), (100, (64,), (30, 200)), (3, (0,), (2,))],
)
def test_tensors_of_row_numbers(n, row, index_shape, dtype, index_dtype, rng):
    """Indexing takes the rows, its derivative adds them up in order: the bits are NumPy's."""
    x = rng.standard_normal((n, *row)).astype(dtype)
    low = 0 if index_dtype == "uint64" else -n
    index = rng.integers(low, n, index_shape).astype(index_dtype)
    t = pt.asarray(x)
    with pt.GradientTape() as tape:
        tape.watch(t)
        y = t[pt.asarray(index)]
    np.testing.assert_array_equal(y, x[index], strict=True)
    g = rng.standard_normal(y.shape).astype(dtype)
    expected = np.zeros_like(x)
    np.add.at(expected, index, g)
    for threads in (1, 2, 3):
        pt.set_num_threads(threads)
        found = pt.add_at(pt.zeros(x.shape, dtype=dtype), pt.asarray(index), pt.asarray(g))
        np.testing.assert_array_equal(found, expected, strict=True)
    pt.set_num_threads(pt.build_config()["default threads"])
    found = tape.gradient(y, t, output_gradient=pt.asarray(g))
    np.testing.assert_array_equal(found, expected, strict=True)
    ones = pt.add_at(pt.zeros(x.shape, dtype=dtype), pt.asarray(index), 1.0)  # values broadcast
    expected[...] = 0
    np.add.at(expected, index, 1)
    np.testing.assert_array_equal(ones, expected)


def test_tensors_of_row_numbers_are_checked():
    x = pt.zeros((4, 2))
    for index in ([[0, 4]], [[0], [-5]]):
        with pytest.raises(
            IndexError, match=r"index (4|-5) is out of range for axis 0 with length"
        ):
            x[pt.asarray(index)]
        with pytest.raises(
            IndexError, match=r"index (4|-5) is out of range for axis 0 with length"
        ):
            pt.add_at(x, pt.asarray(index), 1.0)
    with pytest.raises(ValueError, match="broadcast"):
        pt.add_at(x, pt.asarray([0, 1]), pt.ones((3, 2)))
