"""Products, and the fused kernels of networks: matmul, dot, linear, softmax, optimizer steps."""

import copy
import itertools
import math
import mmap
from fractions import Fraction

import numpy as np
import pytest
from conftest import DTYPES, KINDS, LAYOUTS, output_of, run_python
from hypothesis import given
from hypothesis import strategies as st

import pytensor as pt
from pytensor import _core, naive, nn
from pytensor._tables.optimizers import RULES

TOLERANCE = {"float32": 1e-5, "float64": 1e-13}


def numbers(rng, shape, dtype):
    """Numbers of the dtype; integers are small, so that their products fit."""
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0, 2 if dtype == "bool" else 12, shape).astype(dtype)


def assert_product(result, expected):
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    if expected.dtype.kind == "f":
        tolerance = TOLERANCE[expected.dtype.name]
        scale = np.abs(expected).max(initial=1.0)
        np.testing.assert_allclose(result, expected, rtol=tolerance, atol=tolerance * scale)
    else:
        np.testing.assert_array_equal(result, expected)


# ----------------------------------------------------------------------------- matmul and dot

RANKS = (
    ((5,), (5,)),
    ((3, 5), (5,)),
    ((5,), (5, 2)),
    ((3, 5), (5, 2)),
    ((4, 3, 5), (5,)),
    ((4, 3, 5), (5, 2)),
    ((5,), (4, 5, 2)),
    ((3, 5), (4, 5, 2)),
    ((4, 3, 5), (4, 5, 2)),
    ((4, 3, 5), (1, 5, 2)),
    ((1, 3, 5), (4, 5, 2)),
    ((2, 1, 3, 5), (4, 5, 2)),
    ((2, 4, 3, 5), (2, 4, 5, 2)),
    ((2, 4, 3, 5), (5, 2)),
    ((3, 1, 4, 1, 5), (2, 1, 5, 1)),
    ((1, 1), (1, 1)),
    ((3, 1), (1, 4)),
    ((1, 5), (5, 1)),
    ((2, 3, 1, 5), (3, 5, 4)),
)
EMPTY = (
    ((0,), (0,)),
    ((3, 0), (0, 4)),
    ((0, 5), (5, 4)),
    ((3, 5), (5, 0)),
    ((0, 3, 5), (5, 2)),
    ((4, 3, 0), (4, 0, 2)),
    ((3, 0), (0,)),
    ((2, 0), (5, 0, 4)),
    ((0, 4), (3, 4, 2)),
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("x_shape", "y_shape"), RANKS + EMPTY)
def test_matmul(x_shape, y_shape, dtype, rng):
    x, y = numbers(rng, x_shape, dtype), numbers(rng, y_shape, dtype)
    expected = np.asarray(np.matmul(x, y))
    assert_product(pt.matmul(x, y), expected)
    assert_product(pt.asarray(x) @ y, expected)
    assert_product(x @ pt.asarray(y), expected)


@given(st.data())
def test_matmul_of_broadcast_stacks(data):
    """Batch axes of length 1 and of stride 0, in any order, on either side."""
    lengths = data.draw(st.lists(st.integers(1, 3), max_size=4))
    operands = []
    for matrix in ((2, 3), (3, 2)):
        kinds = data.draw(
            st.lists(
                st.sampled_from(["full", "one", "repeated"]),
                min_size=len(lengths),
                max_size=len(lengths),
            )
        )
        stored = [n if kind == "full" else 1 for n, kind in zip(lengths, kinds, strict=True)]
        shown = [1 if kind == "one" else n for n, kind in zip(lengths, kinds, strict=True)]
        x = np.arange(math.prod(stored) * 6.0).reshape(*stored, *matrix)
        operands.append(np.broadcast_to(x, (*shown, *matrix)))
    x, y = operands
    np.testing.assert_array_equal(pt.asarray(x) @ pt.asarray(y), x @ y)
    np.testing.assert_array_equal(
        pt.asarray(x) @ pt.asarray(y[(0,) * len(lengths)]), x @ y[(0,) * len(lengths)]
    )


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool"])
@pytest.mark.parametrize(
    ("x_shape", "y_shape"),
    (*RANKS, *EMPTY, ((), (3,)), ((2, 3), ()), ((2, 3, 4, 5), (5,)), ((2, 3, 4, 5), (5, 6))),
)
def test_dot(x_shape, y_shape, dtype, rng):
    x, y = numbers(rng, x_shape, dtype), numbers(rng, y_shape, dtype)
    try:
        expected = np.asarray(np.dot(x, y))
    except ValueError:
        with pytest.raises(ValueError, match=r"dot: \(.*\) and \(.*\): \d+ columns against"):
            pt.dot(x, y)
        return
    assert_product(pt.dot(x, y), expected)
    assert_product(pt.asarray(x).dot(y), expected)


@pytest.mark.parametrize("layouts", list(itertools.product(LAYOUTS, LAYOUTS)))
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_matmul_of_any_strides(layouts, dtype, rng):
    x, y = numbers(rng, (3, 17, 33), dtype), numbers(rng, (3, 33, 9), dtype)
    left, right = (LAYOUTS[layout](a) for layout, a in zip(layouts, (x, y), strict=True))
    assert_product(left @ right, x @ y)
    assert_product(left[0] @ right[1], x[0] @ y[1])
    assert_product(left[0] @ right[1, :, 2], x[0] @ y[1, :, 2])
    assert_product(right.mT @ left.mT, np.swapaxes(y, 1, 2) @ np.swapaxes(x, 1, 2))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
def test_matmul_of_repeated_rows_and_matrices(dtype, rng):
    row, column = numbers(rng, (1, 20), dtype), numbers(rng, (20, 1), dtype)
    x, y = np.broadcast_to(row, (6, 20)), np.broadcast_to(column, (20, 7))
    assert_product(pt.asarray(x) @ pt.asarray(y), x @ y)
    cube, matrix = np.broadcast_to(x, (3, 6, 20)), numbers(rng, (20, 7), dtype)
    assert_product(pt.asarray(cube) @ matrix, cube @ matrix)
    assert_product(pt.asarray(cube) @ np.broadcast_to(matrix, (3, 20, 7)), cube @ matrix)
    assert_product(pt.broadcast_to(pt.asarray(row)[0, :1], (20,)) @ column, row[0, 0] * sum(column))


@pytest.mark.parametrize(
    ("m", "k", "n"),
    [(1, 1000, 1), (130, 70, 90), (300, 1, 300), (64, 784, 512), (1, 784, 512), (257, 129, 3)],
)
@pytest.mark.parametrize("dtype", KINDS["f"])
def test_matmul_of_larger_matrices(m, k, n, dtype, rng):
    x, y = numbers(rng, (m, k), dtype), numbers(rng, (k, n), dtype)
    exact = x.astype("f8") @ y.astype("f8")
    bound = 2 * k * np.finfo(dtype).eps * (np.abs(x) @ np.abs(y)).max()
    np.testing.assert_allclose(pt.asarray(x) @ pt.asarray(y), exact, rtol=0, atol=bound)
    np.testing.assert_allclose((pt.asarray(y).T @ pt.asarray(x).T).T, exact, rtol=0, atol=bound)


@pytest.mark.parametrize("dtype", KINDS["f"])
@pytest.mark.parametrize(
    ("m", "k", "n"),
    [
        (1, 1_000_000, 1),
        (1, 300_001, 7),
        (9, 200_000, 1),
        (8, 60_001, 12),
        (100, 4099, 90),
        (1, 1500, 4100),
        (6, 700, 1001),
    ],
)
def test_matmul_over_a_long_axis(m, k, n, dtype, rng, threads):
    """k or a long row is cut: same bits for any number of threads; linear adds its bias once."""
    x, y, b = (numbers(rng, shape, dtype) for shape in ((m, k), (k, n), (n,)))
    expected = x.astype("float64") @ y.astype("float64")
    found = set()
    for n_threads in (1, 2, 3):
        threads(n_threads)
        for product in (pt.matmul(x, y), pt.matmul(np.asfortranarray(x), np.asfortranarray(y))):
            np.testing.assert_allclose(
                product, expected, rtol=0, atol=4 * TOLERANCE[dtype] * math.sqrt(k)
            )
        of_layer = nn.linear(x, y, b, relu=True)
        np.testing.assert_allclose(
            of_layer, np.maximum(expected + b, 0), rtol=0, atol=4 * TOLERANCE[dtype] * math.sqrt(k)
        )
        found.add((bytes(pt.matmul(x, y)), bytes(of_layer)))
    assert len(found) == 1


@pytest.mark.parametrize("dtype", KINDS["f"])
def test_matmul_of_lines_too_far_apart_for_an_int(dtype):
    """OpenBLAS counts in ints of 32 bits: rows and columns may lie further apart than that. The
    memory between them is never touched."""
    item, far = np.dtype(dtype).itemsize, 2**31 + 10
    no_reserve = getattr(mmap, "MAP_NORESERVE", 0x4000)  # Linux's; since Python 3.13
    try:
        memory = mmap.mmap(-1, (2 * far + 8) * item, mmap.MAP_PRIVATE | no_reserve)
    except OSError as error:
        pytest.skip(f"no address space: {error}")
    values = np.arange(12.0).reshape(3, 4).astype(dtype)
    rows = np.ndarray((3, 4), dtype, memory, strides=(far * item, item))
    rows[...] = values
    other = np.arange(20.0).reshape(4, 5).astype(dtype)
    np.testing.assert_array_equal(pt.matmul(rows, other), values @ other)
    np.testing.assert_array_equal(pt.matmul(other.T, rows.T), other.T @ values.T)
    np.testing.assert_array_equal(pt.matmul(rows.T, other[:3]), values.T @ other[:3])
    np.testing.assert_array_equal(pt.matmul(other[:3].T, rows), other[:3].T @ values)
    np.testing.assert_array_equal(pt.matmul(rows, other[:, 0]), values @ other[:, 0])
    np.testing.assert_array_equal(pt.matmul(other[:3, 0], rows), other[:3, 0] @ values)
    np.testing.assert_array_equal(pt.matmul(rows[:, 0], other[:3, 0]), values[:, 0] @ other[:3, 0])


def test_matmul_agrees_with_the_plain_loops(rng):
    x, y = numbers(rng, (7, 5), "float64"), numbers(rng, (5, 6), "float64")
    np.testing.assert_allclose(pt.dot(x, y), naive.matrix_dot(x, y), rtol=1e-12)


def test_matmul_propagates_nan_and_infinities():
    x = pt.asarray([[0.0, math.nan], [1.0, math.inf]])
    y = pt.asarray([[1.0, 0.0], [0.0, 1.0]])
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(x @ y, np.asarray(x) @ np.asarray(y))


def test_integer_products_wrap():
    x = pt.full((1, 3), 100, dtype="int8")
    assert (x @ x.T).item() == np.int64(30000).astype("i1")


@pytest.mark.parametrize(
    ("f", "x_shape", "y_shape", "message"),
    [
        ("dot", (300, 20), (30, 4), r"dot: \(300, 20\) and \(30, 4\): 20 columns against 30 rows"),
        ("matmul", (3,), (4,), r"matmul: \(3,\) and \(4,\): 3 columns against 4 rows"),
        ("matmul", (2, 3, 4), (5, 4, 2), r"matmul: shapes \(2, 3, 4\) and \(5, 4, 2\) do not"),
        ("matmul", (), (3,), r"matmul: shapes \(\) and \(3,\): a 0-d tensor has no axis"),
        ("matmul", (3, 3), (), "a 0-d tensor has no axis"),
        ("dot", (2, 3), (4, 2, 5), r"dot: \(2, 3\) and \(4, 2, 5\): 3 columns against 2 rows"),
    ],
)
def test_products_reject_shapes(f, x_shape, y_shape, message):
    with pytest.raises(ValueError, match=message):
        getattr(pt, f)(pt.zeros(x_shape), pt.zeros(y_shape))


def test_in_place_matmul(rng):
    x, y = rng.standard_normal((4, 4)), rng.standard_normal((4, 4))
    t = before = pt.asarray(x.copy())
    t @= y
    assert t is before
    np.testing.assert_allclose(t, x @ y)
    with pytest.raises(ValueError, match="does not broadcast"):
        t @= np.ones((4, 2))
    with pytest.raises(TypeError, match="unsupported operand"):
        t @ [1, 2, 3, 4]


# ------------------------------------------------------------------------------ reproducibility


@pytest.fixture
def machines():
    """Products with the same bits on every machine."""
    before = pt.build_config()["reproducible"]
    pt.set_reproducible("machines")
    yield
    pt.set_reproducible(before)


def rounded(x, dtype):
    """The fraction x as the nearest number of the dtype."""
    near = np.array(float(x), dtype)
    around = (
        near,
        np.nextafter(near, -np.inf, dtype=dtype),
        np.nextafter(near, np.inf, dtype=dtype),
    )
    error = [abs(Fraction(float(y)) - x) for y in around]
    nearest = [y for y, e in zip(around, error, strict=True) if e == min(error)]
    is_even = [y.view(f"u{y.itemsize}") % 2 == 0 for y in nearest]
    return nearest[is_even.index(True) if len(nearest) > 1 else 0]


@pytest.mark.parametrize("dtype", KINDS["f"])
@pytest.mark.parametrize(("m", "k", "n"), [(3, 700, 2), (1, 30, 33), (9, 30, 1)])
def test_a_product_is_a_chain_of_fused_multiply_adds(m, k, n, dtype, rng, machines):
    x, y = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
    x[0, 0] = y[1, 0] = np.finfo(dtype).tiny / 3  # subnormal
    expected = np.zeros((m, n), dtype)
    for i, j in np.ndindex(m, n):
        total = np.zeros((), dtype)
        for p in range(k):
            exact = Fraction(float(x[i, p])) * Fraction(float(y[p, j])) + Fraction(float(total))
            total = rounded(exact, dtype)
        expected[i, j] = total
    np.testing.assert_array_equal(pt.matmul(x, y), expected)
    np.testing.assert_array_equal(pt.matmul(y.T, x.T).T, expected)
    np.testing.assert_array_equal(nn.linear(x, y), expected)


# Products in which tiles end at every kind of edge, k is cut into blocks and operands are packed or
# not; one digest of all.
CHAINS = """
    import hashlib, itertools
    import numpy as np, pytensor as pt
    from pytensor import nn
    rng = np.random.default_rng(5)
    digest = hashlib.sha256()
    SHAPES = [(1, 7, 5), (3, 5, 17), (4, 64, 64), (7, 641, 49), (13, 1300, 70), (29, 65, 131),
              (130, 70, 90), (257, 129, 3), (40, 256, 1024), (20, 784, 512), (1, 300, 1),
              (100, 100, 1), (1, 300, 1000), (2, 33, 256), (3, 70, 6007), (5, 129, 1027),
              (1000, 70, 1)]
    for dtype, (m, k, n) in itertools.product(("float32", "float64"), SHAPES):
        x, y = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
        found = set()
        for threads, left, right in itertools.product((1, 2, 4), (np.ascontiguousarray,
                                                      np.asfortranarray), (np.ascontiguousarray,
                                                      np.asfortranarray)):
            pt.set_num_threads(threads)
            found.add(bytes(pt.dot(left(x), right(y))))
        assert len(found) == 1, (dtype, m, k, n)
        digest.update(found.pop())
        b = rng.standard_normal(n).astype(dtype)
        digest.update(bytes(nn.linear(x, y, b, relu=True)))
        assert bytes(pt.einsum("ij,jk->ik", x, y)) == bytes(pt.dot(x, y))
        assert bytes(pt.tensordot(x, y, axes=1)) == bytes(pt.dot(x, y))
        assert bytes(pt.stack([pt.asarray(x)] * 5) @ y) == bytes(pt.dot(x, y)) * 5
        stacks = pt.stack([pt.asarray(x)] * 5), pt.stack([pt.asarray(y)] * 5)
        assert bytes(pt.matmul(*stacks)) == bytes(pt.dot(x, y)) * 5
        assert bytes(pt.dot(x[:1], y)) == bytes(pt.dot(x, y))[:n * x.itemsize]
    x = rng.standard_normal((64, 784)).astype("float32")
    x[:, rng.random(784) < 0.4] = 0
    w = pt.asarray(rng.standard_normal((784, 130)).astype("float32"))
    assert bytes(nn.linear(x, w)) == bytes(pt.dot(x, w))  # skips columns of zeros, and does not
    digest.update(bytes(nn.linear(x, w)))
    digest.update(bytes(pt.grad(lambda w: pt.sum(nn.linear(x, w) ** 2))(w)))
    print(digest.hexdigest())
"""
TILES = [
    ("baseline", ("1x1", "4x2")),
    ("avx2", ("", "1x1", "2x3", "4x3", "6x2")),
    ("avx512", ("", "1x1", "4x4", "8x3", "12x2", "14x2")),
]


def test_products_have_the_same_bits_on_every_machine():
    """For every instruction set and shape of tiles: the digest of the plain ones."""
    found = {}
    for isa, tiles in TILES:
        for tile in tiles:
            variables = {"PYTENSOR_ISA": isa, "PYTENSOR_TILE": tile}
            if run_python("import pytensor", **variables).returncode == 0:  # this machine has it
                code = output_of(CHAINS, PYTENSOR_REPRODUCIBLE="machines", **variables)
                found[isa, tile] = code
    assert len(found) > 1 and len(set(found.values())) == 1, found


def test_set_reproducible(machines):
    assert pt.build_config()["reproducible"] == "machines"
    pt.set_reproducible("threads")
    assert pt.build_config()["reproducible"] == "threads"
    for wrong in ("cores", True, None, 3):
        with pytest.raises(ValueError, match="expected 'threads' or 'machines'"):
            pt.set_reproducible(wrong)


# -------------------------------------------------------------------------------------- linear


@pytest.mark.parametrize("dtype", KINDS["f"])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("shape", [(7,), (5, 7), (2, 3, 7), (0, 7), (130, 7)])
def test_linear(shape, relu, dtype, rng):
    x, w, b = (numbers(rng, s, dtype) for s in (shape, (7, 9), (9,)))
    for bias in (b, None):
        expected = x @ w + (0 if bias is None else bias)
        expected = np.maximum(expected, 0) if relu else expected
        for layout in LAYOUTS.values():
            result = nn.linear(
                layout(x), layout(w), None if bias is None else layout(bias), relu=relu
            )
            assert_product(result, expected.astype(dtype))


@pytest.mark.parametrize("dtype", KINDS["f"])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.4, 0.9, 1.0])
def test_linear_with_columns_of_zeros(kept, dtype, rng, threads):
    """Large products may skip columns of zeros, which does not change a result."""
    x, w, b = (numbers(rng, s, dtype) for s in ((64, 784), (784, 128), (128,)))
    x[:, rng.random(784) >= kept] = 0
    expected = x.astype("f8") @ w + b
    tolerance = 2 * 784 * np.finfo(dtype).eps
    bits = set()
    for n, layout in itertools.product((1, 2), LAYOUTS.values()):
        threads(n)
        result = nn.linear(layout(x), layout(w), layout(b))
        np.testing.assert_allclose(result, expected, rtol=tolerance, atol=tolerance)
        if layout is LAYOUTS["contiguous"]:
            bits.add(bytes(result))
    assert len(bits) == 1

    def loss(f):
        return lambda x, w, b: pt.sum(pt.tanh(0.01 * f(x, w, b)))

    for relu in (False, True):

        def separate(x, w, b, relu=relu):
            return pt.relu(x @ w + b) if relu else x @ w + b

        def fused(x, w, b, relu=relu):
            return nn.linear(x, w, b, relu=relu)

        found = pt.grad(loss(fused), argnums=(0, 1, 2))(x, w, b)
        for g, e in zip(found, pt.grad(loss(separate), argnums=(0, 1, 2))(x, w, b), strict=True):
            np.testing.assert_allclose(g, e, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("relu", [False, True])
def test_linear_without_inputs_is_the_bias(relu):
    b = np.array([1.0, -2.0, 3.0], "f4")
    result = nn.linear(pt.zeros((4, 0)), pt.zeros((0, 3)), b, relu=relu)
    np.testing.assert_array_equal(result, np.tile(np.maximum(b, 0) if relu else b, (4, 1)))


@pytest.mark.parametrize(
    ("x", "w", "b", "error", "message"),
    [
        ((2, 3), (4, 5), (5,), ValueError, r"linear: x has shape \(2, 3\) and w \(4, 5\): exp"),
        ((2, 3), (3,), None, ValueError, r"w \(3,\): expected \(..., inputs\) and"),
        ((), (3, 2), None, ValueError, r"x has shape \(\)"),
        ((2, 3), (3, 5), (4,), ValueError, r"linear: b has shape \(4,\): expected \(5,\)"),
        ((2, 3), (3, 5), (1, 5), ValueError, r"linear: b has shape \(1, 5\)"),
    ],
)
def test_linear_rejects(x, w, b, error, message):
    with pytest.raises(error, match=message):
        nn.linear(pt.zeros(x), pt.zeros(w), None if b is None else pt.zeros(b))


def test_linear_requires_one_floating_point_dtype():
    x, w = pt.zeros((2, 3)), pt.zeros((3, 4))
    with pytest.raises(TypeError, match="linear: x, w and b have dtypes float64, float32 and None"):
        nn.linear(x.astype("float64"), w)
    with pytest.raises(TypeError, match="linear: weights of dtype int64"):
        nn.linear(x, w.astype("int64"))


# ------------------------------------------------------------------------------ softmax & co


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


@pytest.mark.parametrize("dtype", KINDS["f"])
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_softmax(axis, dtype, rng):
    x = (rng.standard_normal((3, 40, 7)) * 5).astype(dtype)
    expected = softmax(x.astype("f8"), axis)
    for layout in LAYOUTS.values():
        np.testing.assert_allclose(
            pt.softmax(layout(x), axis=axis), expected, rtol=40 * np.finfo(dtype).eps
        )
        result = pt.log_softmax(layout(x), axis)
        assert result.dtype == dtype
        np.testing.assert_allclose(
            result, np.log(expected), rtol=40 * np.finfo(dtype).eps, atol=20 * np.finfo(dtype).eps
        )


@pytest.mark.parametrize("columns", [1, 2, 15, 16, 17, 1000])
def test_softmax_of_any_row_length(columns, rng):
    x = rng.standard_normal((5, columns)).astype("f4")
    np.testing.assert_allclose(pt.softmax(x), softmax(x.astype("f8")), rtol=3e-6)


def test_softmax_does_not_overflow():
    x = pt.asarray([[1e4, 0.0, -1e4], [-1e30, -1e30, -1e38], [3e38, -3e38, 0]])
    np.testing.assert_allclose(pt.softmax(x), [[1, 0, 0], [0.5, 0.5, 0], [1, 0, 0]], atol=1e-30)
    assert pt.log_softmax(x)[0].tolist() == [0, -1e4, -2e4]
    assert np.isnan(np.asarray(pt.softmax(pt.asarray([1.0, math.nan])))).all()
    np.testing.assert_array_equal(pt.softmax(pt.asarray([1.0, -math.inf])), [1, 0])
    assert pt.softmax(pt.asarray([1, 1])).tolist() == [0.5, 0.5]
    assert pt.softmax(pt.zeros((0, 5))).shape == (0, 5) == pt.log_softmax(pt.zeros((0, 5))).shape
    assert pt.softmax(pt.zeros((3, 0))).shape == (3, 0)


@pytest.mark.parametrize("dtype", KINDS["f"])
@pytest.mark.parametrize("columns", [2, 17, 40])
def test_softmax_of_infinity(columns, dtype):
    """A single infinity has probability 1, the limit; two have no limit."""
    x = pt.asarray(np.arange(4 * columns, dtype=dtype).reshape(4, columns), copy=True)
    x[0, 1] = math.inf
    x[1, 0] = x[1, -1] = math.inf
    x[2, 0], x[2, -1] = math.inf, math.nan
    one = np.arange(columns) == 1
    found, logs = pt.softmax(x).numpy(), pt.log_softmax(x).numpy()
    np.testing.assert_array_equal(found[0], one)
    np.testing.assert_array_equal(logs[0], np.where(one, 0, -math.inf))
    assert np.isnan(found[1:3]).all() and np.isnan(logs[1:3]).all()
    np.testing.assert_array_equal(found[3], pt.softmax(x[3]))
    np.testing.assert_array_equal(logs[3], pt.log_softmax(x[3]))
    targets = np.eye(columns, dtype=dtype)[[1, 1, 1, 1]]
    dense = pt.nn.softmax_cross_entropy(x, targets).tolist()
    sparse = pt.nn.sparse_softmax_cross_entropy(x, pt.asarray([1, 1, 1, 1])).tolist()
    assert dense[0] == sparse[0] == 0
    assert np.isnan(dense[1:3] + sparse[1:3]).all()
    assert pt.nn.softmax_cross_entropy(x, targets[:, ::-1]).tolist()[0] == math.inf or columns == 2
    assert pt.nn.sparse_softmax_cross_entropy(x, pt.asarray([0] * 4)).tolist()[0] == math.inf


def test_softmax_rejects():
    with pytest.raises(ValueError, match="softmax: a 0-d tensor has no axis"):
        pt.softmax(1.0)
    with pytest.raises(IndexError, match="log_softmax: axis 2 is out of range for 2 axes"):
        pt.log_softmax(pt.zeros((2, 2)), 2)


@pytest.mark.parametrize("dtype", KINDS["f"])
@pytest.mark.parametrize("shape", [(6,), (5, 10), (2, 3, 17), (0, 4), (200, 1)])
def test_cross_entropy(shape, dtype, rng):
    x = (rng.standard_normal(shape) * 3).astype(dtype)
    labels = rng.integers(0, shape[-1], shape[:-1])
    probabilities = softmax(rng.standard_normal(shape)).astype(dtype)
    one_hot = np.eye(shape[-1], dtype=dtype)[labels]
    log_softmax = np.log(softmax(x.astype("f8"))) if x.size else x
    rtol = 50 * np.finfo(dtype).eps
    for targets in (one_hot, probabilities, probabilities.astype("f8")):
        result = nn.softmax_cross_entropy(x, targets)
        assert (result.shape, result.dtype) == (shape[:-1], dtype)
        np.testing.assert_allclose(result, -(targets * log_softmax).sum(-1), rtol=rtol, atol=rtol)
    for kind in ("int64", "uint8", "int32"):
        result = nn.sparse_softmax_cross_entropy(x, labels.astype(kind))
        np.testing.assert_allclose(result, -(one_hot * log_softmax).sum(-1), rtol=rtol, atol=rtol)


def test_cross_entropy_of_extreme_logits_is_finite():
    x = pt.asarray([[1e4, -1e4]])
    assert nn.softmax_cross_entropy(x, pt.asarray([[0.0, 1.0]])).tolist() == [2e4]
    assert nn.sparse_softmax_cross_entropy(x, pt.asarray([1])).tolist() == [2e4]


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 3], ValueError, r"label 3 at position 1 is not one of 3 classes \(0 to 2\)"),
        ([-1, 0], ValueError, "label -1 at position 0 is not one of 3 classes"),
        ([[0, 1]], ValueError, r"logits have shape \(2, 3\) and labels \(1, 2\): expected \(2,\)"),
        ([0], ValueError, r"labels \(1,\): expected \(2,\)"),
        ([0.0, 1.0], TypeError, "labels of dtype float32: expected integers"),
        ([True, False], TypeError, "labels of dtype bool: expected integers"),
    ],
)
def test_labels_are_checked(labels, error, message):
    with pytest.raises(error, match=f"^sparse_softmax_cross_entropy: .*{message}"):
        nn.sparse_softmax_cross_entropy(pt.zeros((2, 3)), pt.asarray(labels))


def test_cross_entropy_rejects_shapes():
    for f, targets in (
        (nn.softmax_cross_entropy, pt.zeros((2, 0))),
        (nn.sparse_softmax_cross_entropy, pt.asarray([0, 0])),
    ):
        with pytest.raises(ValueError, match=r"logits have shape \(2, 0\): expected at least one"):
            f(pt.zeros((2, 0)), targets)
    with pytest.raises(ValueError, match=r"logits have shape \(2, 3\) and targets \(2, 4\)"):
        nn.softmax_cross_entropy(pt.zeros((2, 3)), pt.zeros((2, 4)))


@pytest.mark.parametrize("dtype", KINDS["f"])
@pytest.mark.parametrize("n", [1, 3, 4, 10, 16, 17])
def test_rows_do_not_depend_on_the_rows_beside_them(n, dtype, rng):
    """Narrow rows are computed together, unless one of them has an infinity."""
    x = rng.standard_normal((40, n)).astype(dtype)
    t, labels = rng.random((40, n)).astype(dtype), rng.integers(0, n, 40)
    infinite = x.copy()
    infinite[[2, 20, 39]] = np.inf
    functions = {
        "softmax": lambda x: pt.softmax(x),
        "log_softmax": lambda x: pt.log_softmax(x),
        "cross-entropy": lambda x: nn.softmax_cross_entropy(x, pt.asarray(t)),
        "sparse": lambda x: nn.sparse_softmax_cross_entropy(x, pt.asarray(labels)),
    }
    others = np.delete(np.arange(40), [2, 20, 39])
    for name, f in functions.items():
        found = [np.asarray(f(pt.asarray(a)))[others] for a in (x, infinite)]
        np.testing.assert_array_equal(*found, err_msg=name)


@pytest.mark.parametrize("dtype", KINDS["f"])
@pytest.mark.parametrize("shape", [(3, 1), (37, 4), (2, 20, 10), (64, 46), (0, 3)])
def test_gradients_of_cross_entropy_in_one_pass(shape, dtype, rng):
    """The same bits as the formula in single operations, which an outer tape records."""
    x, t = (pt.asarray(rng.standard_normal(shape).astype(dtype)) for _ in range(2))
    g = pt.asarray(rng.standard_normal(shape[:-1]).astype(dtype))
    labels = pt.asarray(rng.integers(0, shape[-1], shape[:-1]))
    for f, target in ((nn.softmax_cross_entropy, t), (nn.sparse_softmax_cross_entropy, labels)):
        with pt.GradientTape() as outer:
            outer.watch(x)
            with pt.GradientTape(persistent=True) as tape:
                tape.watch(x)
                loss = f(x, target)
            recorded = tape.gradient(loss, x, output_gradient=g)
        found = tape.gradient(loss, x, output_gradient=g)
        np.testing.assert_array_equal(found, recorded)
    with pytest.raises(ValueError, match="cross_entropy_gradient: shapes"):
        _core.cross_entropy_gradient(pt.zeros(3), pt.zeros((2, 3)), pt.zeros((2, 3)))


# ------------------------------------------------------------------ mini-batches and optimizers


@pytest.mark.parametrize("source", DTYPES)
@pytest.mark.parametrize("target", [None, "float32", "float64"])
def test_gather_rows(source, target, rng):
    src = (rng.random((50, 3, 21)) * 100).astype(source)
    rows = rng.integers(-50, 50, 64)
    result = _core.gather_rows(src, rows, dtype=target)
    assert result.dtype == (target or source)
    np.testing.assert_array_equal(result, src[rows].astype(target or source))
    np.testing.assert_array_equal(_core.gather_rows(LAYOUTS["transposed"](src), rows), src[rows])
    if target is not None:
        scaled = _core.gather_rows(src, rows, dtype=target, scale=1 / 255)
        np.testing.assert_allclose(scaled, src[rows] / 255.0, rtol=2e-7)


@pytest.mark.parametrize(
    ("src", "rows", "options", "error", "message"),
    [
        ((3, 2), [3], {}, IndexError, "index 3 is out of range for axis 0 with length 3"),
        ((3, 2), [0, -4], {}, IndexError, "index -4 is out of range for axis 0 with length 3"),
        ((0, 2), [0], {}, IndexError, "index 0 is out of range for axis 0 with length 0"),
        ((3, 2), [[0]], {}, ValueError, r"gather_rows: src has shape \(3, 2\), rows \(1, 1\)"),
        ((3, 2), [0.5], {}, ValueError, "dtype float32: expected"),
        ((), [0], {}, ValueError, r"src has shape \(\)"),
        ((3, 2), [0], {"dtype": "int8"}, TypeError, "from float32 to int8 with scale 1.0"),
        ((3, 2), [0], {"dtype": "no"}, TypeError, "not a dtype: 'no'"),
    ],
)
def test_gather_rows_rejects(src, rows, options, error, message):
    with pytest.raises(error, match=message):
        _core.gather_rows(pt.zeros(src), pt.asarray(rows), **options)


RATE = 0.05


def sgd(w, dw):
    w -= RATE * dw


def momentum(w, dw, velocity):
    velocity[...] = 0.9 * velocity - RATE * dw
    w += velocity


def nesterov(w, dw, velocity):
    velocity[...] = 0.9 * velocity - RATE * dw
    w += 0.9 * velocity - RATE * dw


def rmsprop(w, dw, mean_square):
    mean_square[...] = 0.9 * mean_square + 0.1 * dw**2
    w -= RATE * dw / np.sqrt(mean_square + 1e-7)


def adagrad(w, dw, sum_of_squares):
    sum_of_squares += dw**2
    w -= RATE * dw / np.sqrt(sum_of_squares + 1e-7)


def adam(w, dw, mean, variance, step):
    mean += (dw - mean) * 0.1
    variance += (dw**2 - variance) * 0.001
    rate = RATE * math.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    w -= rate * mean / (np.sqrt(variance) + 1e-7)


def kernel(rule, *numbers):
    """A step by a row of the table, as a function of the weight, its gradient and its state."""

    def step(w, dw, *state):
        return _core.update_weights(rule, [w], [dw], {id(w): (w, state)}, numbers)

    return step


def adam_kernel(*tensors):
    *tensors, step = tensors
    rate = RATE * math.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    kernel("adam", rate, 1 - 0.9, 1 - 0.999, 1e-7)(*tensors)


# the formula, the number of states, the kernel with its numbers
STEPS = {
    "sgd": (sgd, 0, kernel("sgd", RATE)),
    "momentum": (momentum, 1, kernel("momentum", RATE, 0.9)),
    "nesterov": (nesterov, 1, kernel("nesterov", RATE, 0.9)),
    "rmsprop": (rmsprop, 1, kernel("rmsprop", RATE, 0.9, 1 - 0.9, 1e-7)),
    "adagrad": (adagrad, 1, kernel("adagrad", RATE, 1e-7)),
    "adam": (adam, 2, adam_kernel),
}


@pytest.mark.parametrize("dtype", KINDS["f"])
@pytest.mark.parametrize("shape", [(), (1,), (5, 7), (33, 129), (0, 3)])
@pytest.mark.parametrize("name", STEPS)
def test_optimizer_steps(name, shape, dtype, rng):
    formula, n_states, kernel = STEPS[name]
    arrays = [rng.standard_normal(shape)] + [np.zeros(shape) for _ in range(n_states)]
    tensors = [pt.asarray(a.astype(dtype)) for a in arrays]
    for step in range(1, 6):
        dw = np.asarray(rng.standard_normal(shape))
        extra = (step,) if name == "adam" else ()
        formula(arrays[0], dw, *arrays[1:], *extra)
        kernel(tensors[0], pt.asarray(dw.astype(dtype)), *tensors[1:], *extra)
    for t, a in zip(tensors, arrays, strict=True):
        np.testing.assert_allclose(
            t, a, rtol=100 * np.finfo(dtype).eps, atol=20 * np.finfo(dtype).eps
        )


@pytest.mark.parametrize("name", STEPS)
def test_optimizer_steps_reject(name):
    _, n_states, kernel = STEPS[name]
    extra = (1,) if name == "adam" else ()
    good = [pt.ones((2, 3)) for _ in range(2 + n_states)]
    for k, bad in itertools.product(
        range(1, 2 + n_states),
        (
            pt.ones((3, 2)),
            pt.ones((2, 3), dtype="float64"),
            pt.ones((3, 2)).T,
            pt.ones((2, 3), dtype="int32"),
        ),
    ):
        if k == 1 and bad.shape == (2, 3) and bad.dtype == "float32":
            continue  # a gradient may be a view: see test_optimizer_steps_accept_views_of_gradients
        with pytest.raises(ValueError, match=r"_step: shapes \(2, 3\) and .*expected equal ones"):
            kernel(*good[:k], bad, *good[k + 1 :], *extra)
    for wrong in (np.ones((2, 3), "f4"), 3.0):
        with pytest.raises(TypeError, match="Tensor"):
            kernel(good[0], wrong, *good[2:], *extra)
    kernel(good[0], None, *good[2:], *extra)  # no gradient, no step
    assert all(t.tolist() == [[1] * 3] * 2 for t in good)


@pytest.mark.parametrize("name", STEPS)
def test_optimizer_steps_accept_views_of_gradients(name):
    _, n_states, kernel = STEPS[name]
    extra = (1,) if name == "adam" else ()
    dw = pt.asarray(np.arange(6, dtype="f4").reshape(3, 2)).T
    results = []
    for gradient in (dw, dw.copy()):
        tensors = [pt.ones((2, 3)) for _ in range(1 + n_states)]
        kernel(tensors[0], gradient, *tensors[1:], *extra)
        results.append([t.tolist() for t in tensors])
    assert results[0] == results[1]


def test_optimizer_steps_reject_other_numbers_of_things():
    w, dw = pt.ones(3), pt.ones(3)
    with pytest.raises(ValueError, match="rmsprop_step: 1 numbers: expected 4"):
        kernel("rmsprop", RATE)(w, dw, pt.ones(3))
    with pytest.raises(ValueError, match="rmsprop_step: a state of 2 tensors: expected 1"):
        kernel("rmsprop", RATE, 0.9, 0.1, 1e-7)(w, dw, pt.ones(3), pt.ones(3))
    assert w.tolist() == [1, 1, 1]


def sparse_columns(m, k, n_used, seed=0):
    """(m, k) float32 of which n_used columns are not zero throughout."""
    rng = np.random.default_rng(seed)
    x = np.zeros((m, k), np.float32)
    used = np.sort(rng.choice(k, n_used, replace=False))
    x[:, used] = rng.standard_normal((m, n_used)) * (rng.random((m, n_used)) < 0.3)
    return x


@pytest.mark.parametrize("n_used", [0, 1, 300, 520, 700, 784])
@pytest.mark.parametrize("relu", [False, True])
def test_linear_skips_columns_of_zeros(n_used, relu):
    x = sparse_columns(128, 784, n_used)
    rng = np.random.default_rng(1)
    w, b = rng.standard_normal((784, 64)).astype("f4"), rng.standard_normal(64).astype("f4")
    g = rng.standard_normal((128, 64)).astype("f4")
    tensors = [pt.asarray(w), pt.asarray(b)]
    with pt.GradientTape() as tape:
        tape.watch(tensors)
        out = pt.nn.linear(pt.asarray(x), *tensors, relu=relu)
    dw, db = tape.gradient(out, tensors, output_gradient=pt.asarray(g))
    expected = x.astype("f8") @ w + b
    if relu:
        g = g * (expected > 0)
        expected = np.maximum(expected, 0)
    np.testing.assert_allclose(out, expected, atol=1e-4)
    np.testing.assert_allclose(dw, x.T.astype("f8") @ g, atol=1e-4)
    np.testing.assert_allclose(db, g.astype("f8").sum(0), atol=1e-4)
    assert not np.asarray(dw)[~x.any(axis=0)].any()


def test_linear_without_columns_of_zeros_has_second_derivatives():
    x, w = pt.asarray(sparse_columns(128, 784, 300)), pt.asarray(np.full((784, 64), 0.01, "f4"))

    def f(x, w):
        return pt.sum(pt.nn.linear(x, w) ** 3)

    def slope(x, w):
        return pt.sum(pt.grad(f, argnums=1)(x, w))

    z = np.asarray(x, "f8") @ np.asarray(w, "f8")
    # d/dx_ij of sum_kl (x^T 3 z^2)_kl
    expected = (3 * z**2).sum(1, keepdims=True) + (
        6 * z * np.asarray(x, "f8").sum(1, keepdims=True)
    ) @ np.asarray(w, "f8").T
    np.testing.assert_allclose(pt.grad(slope)(x, w), expected, rtol=2e-4, atol=1e-3)


def test_packed_columns_give_the_same_bits_for_any_number_of_threads():
    x, w = pt.asarray(sparse_columns(256, 1000, 400)), pt.asarray(sparse_columns(1000, 96, 96))
    results = []
    for n in (1, 2, 3):
        pt.set_num_threads(n)
        with pt.GradientTape() as tape:
            tape.watch(w)
            out = pt.nn.linear(x, w)
        results.append((out.tolist(), tape.gradient(out, w).tolist()))
    pt.set_num_threads(pt.build_config()["default threads"])
    assert results[0] == results[1] == results[2]


# ------------------------------------------------------------------------------ row gradients


def row_gradient(n_used, n=512, units=64, dtype="float32"):
    """(row gradient, the same as a tensor) of a weight (n, units) whose inputs use n_used columns;
    of zeros of every sign."""
    x = pt.asarray(sparse_columns(128, n, n_used).astype(dtype))
    w = pt.asarray(np.full((n, units), 0.01, dtype))
    with pt.GradientTape(persistent=True) as tape:
        tape.watch(w)
        out = nn.linear(x, w, relu=True)
    return tape.gradient(out, w, row_gradients=True), tape.gradient(out, w)


@pytest.mark.parametrize("n_used", [0, 1, 200, 400])
def test_row_gradient_equals_the_gradient(n_used):
    by_rows, dense = row_gradient(n_used)
    assert (type(by_rows), type(dense)) == (_core.RowGradient, pt.Tensor)
    assert (by_rows.shape, by_rows.dtype) == (dense.shape, dense.dtype) == ((512, 64), pt.float32)
    assert by_rows.rows.tolist() == np.flatnonzero(sparse_columns(128, 512, n_used).any(0)).tolist()
    np.testing.assert_array_equal(by_rows.dense(), dense)
    np.testing.assert_array_equal(by_rows.values, np.asarray(dense)[np.asarray(by_rows.rows)])
    with pytest.raises(TypeError, match=r"RowGradient has no constructor: GradientTape.gradient"):
        _core.RowGradient()
    with pytest.raises(TypeError, match="can't be pickled or copied"):
        copy.deepcopy(by_rows)
    with pytest.raises(TypeError, match="sgd_step: an empty RowGradient"):
        kernel("sgd", 0.1)(pt.ones((512, 64)), _core.RowGradient.__new__(_core.RowGradient))


def pending(n=256, units=128, m=64, dtype="float32", seed=0):
    """(x, w, the gradient of w, not yet computed): x without columns of zeros."""
    rng = np.random.default_rng(seed)
    x, w = (pt.asarray(rng.standard_normal(s).astype(dtype)) for s in ((m, n), (n, units)))
    g = pt.asarray(rng.standard_normal((m, units)).astype(dtype))
    with pt.GradientTape() as tape:
        tape.watch(w)
        out = nn.linear(x, w)
    return x, w, tape.gradient(out, w, output_gradient=g, row_gradients=True)


@pytest.mark.skipif(
    pt.build_config()["instruction set"] == "baseline", reason="BLAS computes this product there"
)
def test_gradients_that_wait_are_the_same():
    x, w, dw = pending()
    with pt.GradientTape() as tape:
        tape.watch(w)
        out = nn.linear(x, w)
    g = np.random.default_rng(0)
    g.standard_normal(x.shape), g.standard_normal(w.shape)
    g = pt.asarray(g.standard_normal(out.shape).astype("f4"))
    expected = tape.gradient(out, w, output_gradient=g)
    assert (type(dw), type(expected)) == (_core.RowGradient, pt.Tensor)
    assert (dw.shape, dw.dtype, dw.rows.tolist()) == (w.shape, w.dtype, list(range(256)))
    np.testing.assert_array_equal(dw.values, expected)
    assert dw.values is dw.values is dw.dense()


FUSED_SHAPES = {
    "all columns": (64, 256, 128, None),
    "columns of zeros": (128, 512, 70, 300),
    "no column": (128, 512, 64, 0),
    "uneven": (37, 200, 333, None),
}


@pytest.mark.parametrize("options", [{}, {"keep": 0.9, "scales": [0.5], "limit": 0.1}], ids=str)
@pytest.mark.parametrize("shape", FUSED_SHAPES)
@pytest.mark.parametrize("rule", RULES)
def test_steps_on_the_tiles_of_a_gradient_have_the_same_bits(rule, shape, options, rng):
    m, n, units, n_used = FUSED_SHAPES[shape]
    row, numbers = RULES[rule], tuple(rng.uniform(0.05, 0.95, len(RULES[rule].numbers)))
    for dtype in KINDS["f"]:
        x = rng.standard_normal((m, n)) if n_used is None else sparse_columns(m, n, n_used)
        x, g = (pt.asarray(a.astype(dtype)) for a in (x, rng.standard_normal((m, units))))
        start = [np.abs(rng.standard_normal((n, units))).astype(dtype) + 1 for _ in row.state]
        start.insert(0, rng.standard_normal((n, units)).astype(dtype))
        results = []
        for threads, fused in ((1, False), (1, True), (2, True), (3, True)):
            pt.set_num_threads(threads)
            w, *state = (pt.asarray(a.copy()) for a in start)
            with pt.GradientTape() as tape:
                tape.watch(w)
                out = nn.linear(x, w)
            dw = tape.gradient(out, w, output_gradient=g, row_gradients=True)
            if not fused and type(dw) is _core.RowGradient:
                dw.dense()
            states = {id(w): (w, tuple(state))}
            _core.update_weights(rule, [w], [dw], states, numbers, fused=fused, **options)
            results.append([bytes(t) for t in (w, *state)])
        pt.set_num_threads(pt.build_config()["default threads"])
        assert all(result == results[0] for result in results)


def test_gradients_of_weights_that_are_used_twice_or_long_batches_do_not_wait():
    x, w, _ = pending()
    with pt.GradientTape(persistent=True) as tape:
        tape.watch(w)
        twice = nn.linear(nn.linear(x, w) @ pt.ones((128, 256)), w)
        long = nn.linear(pt.ones((1024, 256)), w)
    for out in (twice, long):
        assert type(tape.gradient(out, w, row_gradients=True)) is pt.Tensor


@pytest.mark.skipif(
    pt.build_config()["instruction set"] == "baseline", reason="BLAS computes this product there"
)
def test_a_gradient_that_waits_notices_a_change_of_its_input():
    for changed in ("x", "nothing"):
        x, w, dw = pending()
        if changed == "x":
            x += 1
            for call in (
                dw.dense,
                lambda dw=dw: dw.values,
                lambda w=w, dw=dw: kernel("sgd", 0.1)(w, dw),
            ):
                with pytest.raises(
                    RuntimeError, match="RowGradient: the input of its layer was ch"
                ):
                    call()
        else:
            dw.dense()
            x += 1
            kernel("sgd", 0.1)(w, dw)  # computed before


def test_a_weight_that_another_layer_takes_as_its_input():
    """The step of the first must not change the gradient of the second."""
    results = []
    for row_gradients in (True, False):
        x, w, _ = pending()
        weights = [x, w]
        with pt.GradientTape() as tape:
            tape.watch(weights)
            loss = pt.sum(nn.linear(x, w) ** 2)
        gradients = tape.gradient(loss, weights, row_gradients=row_gradients)
        pt.optimizers.SGD(0.01).apply(gradients, weights)
        results.append([bytes(t) for t in weights])
    assert results[0] == results[1]


@pytest.mark.parametrize("dtype", KINDS["f"])
@pytest.mark.parametrize("units", [64, 2500])  # rows of more bytes than the kernel's zeros too
@pytest.mark.parametrize("name", STEPS)
def test_optimizer_steps_by_rows_have_the_same_bits(name, units, dtype, rng):
    _, n_states, kernel = STEPS[name]
    by_rows, dense = row_gradient(200, units=units, dtype=dtype)
    start = [np.abs(rng.standard_normal((512, units))).astype(dtype) for _ in range(1 + n_states)]
    results = []
    for dw in (by_rows, dense):
        tensors = [pt.asarray(a.copy()) for a in start]
        for step in (1, 2):
            kernel(tensors[0], dw, *tensors[1:], *((step,) if name == "adam" else ()))
        results.append([bytes(t) for t in tensors])
    assert results[0] == results[1]
    assert results[0][-1] != start[-1].tobytes()
    wrong = [pt.ones((512, units + 1), dtype=dtype) for _ in range(1 + n_states)]
    with pytest.raises(ValueError, match=r"_step: shapes \(512, \d+\) and \(512, \d+\), dtypes"):
        kernel(wrong[0], by_rows, *wrong[1:], *((1,) if name == "adam" else ()))


def test_weight_gradient_rejects_columns_of_another_matrix():
    x, g = pt.ones((4, 6)), pt.ones((4, 3))
    np.testing.assert_array_equal(_core.linear_weight_gradient(x, g, None), np.full((6, 3), 4.0))
    with pytest.raises(TypeError, match="_ColumnsInUse"):
        _core.linear_weight_gradient(x, g, pt.asarray([10**9]))
    with pytest.raises(ValueError, match="linear: columns in use of another matrix than x"):
        _core.linear_weight_gradient(x, g, _core._ColumnsInUse.__new__(_core._ColumnsInUse))
    with pytest.raises(TypeError, match="linear: x and g have dtypes float32 and float64"):
        _core.linear_weight_gradient(x, g.astype("float64"), None)
    with pytest.raises(ValueError, match=r"reshape: 12 elements of shape \(4, 3\)"):
        _core.linear_weight_gradient(pt.ones((5, 6)), g, None)
    with pytest.raises(ValueError, match=r"linear: x has shape \(4, 6\) and g \(\): expected"):
        _core.linear_weight_gradient(x, pt.ones(()), None)


def test_row_gradients_are_added_and_propagated_as_tensors():
    x = pt.asarray(sparse_columns(128, 512, 200))
    v = pt.asarray(np.full((512, 64), 0.01, "f4"))
    with pt.GradientTape(persistent=True) as tape:
        tape.watch(v)
        once = nn.linear(x, v)
        twice = once.sum() + nn.linear(x, v).sum() + v.sum()
        doubled = nn.linear(x, v * 2)  # the row gradient of an intermediate result
    expected = np.asarray(tape.gradient(once, v))
    for target, total in ((twice, 2 * expected + 1), (doubled, 2 * expected)):
        g = tape.gradient(target, v, row_gradients=True)
        assert type(g) is pt.Tensor
        np.testing.assert_allclose(g, total, rtol=1e-5, atol=1e-5)
    g = tape.gradient(once, {"v": [v]}, row_gradients=True)["v"][0]
    assert type(g) is _core.RowGradient
