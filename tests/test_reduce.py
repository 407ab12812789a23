"""Reductions beyond the op table's tests: exactness, NaN, identities, reproducible bits."""

import itertools
import math

import numpy as np
import pytest
from conftest import DTYPES, KINDS, LAYOUTS

import pytensor as pt

CUBE_AXES = [axes for n in range(4) for axes in itertools.combinations(range(3), n)]


@pytest.mark.parametrize("dtype", KINDS["f"])
@pytest.mark.parametrize("n", [1, 7, 100, 1000, 4097, 100_000, 1_000_003])
def test_sum_is_pairwise(n, dtype, rng):
    """The error stays below that of pairwise summation over blocks, far from n times epsilon."""
    x = (rng.standard_normal(n) + 3).astype(dtype)
    exact = math.fsum(x.astype("f8"))
    bound = np.finfo(dtype).eps * (2 + math.log2(n)) * math.fsum(np.abs(x.astype("f8")))
    assert abs(float(pt.sum(x)) - exact) <= bound
    assert abs(float(pt.mean(x)) - exact / n) <= bound / n
    rows = pt.asarray(np.stack([x, x]))
    assert abs(float(pt.sum(rows, axis=1)[1]) - exact) <= bound
    assert abs(float(pt.sum(rows.T, axis=0)[0]) - exact) <= bound


def test_long_columns_are_summed_as_accurately_as_rows():
    x = np.full((200_000, 3), 0.1, "f4")
    np.testing.assert_allclose(pt.sum(x, axis=0), x.astype("f8").sum(0), rtol=2e-6)


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "mean", "any", "all"])
@pytest.mark.parametrize("axes", CUBE_AXES)
def test_axes_and_keepdims(name, axes, rng):
    x = rng.standard_normal((3, 4, 5)) + (1 if name == "prod" else 0)
    x = x > 0.5 if name in ("any", "all") else x
    for keepdims in (False, True):
        expected = np.asarray(getattr(np, name)(x, axis=axes, keepdims=keepdims))
        for axis in (axes, tuple(a - 3 for a in axes), list(axes)):
            result = getattr(pt, name)(x, axis=axis, keepdims=keepdims)
            assert result.shape == expected.shape
            np.testing.assert_allclose(result, expected, rtol=1e-12)
        method = getattr(pt.asarray(x), name)
        np.testing.assert_allclose(method(axes, keepdims=keepdims), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("dtype", DTYPES)
def test_positions(name, axis, dtype, rng):
    x = rng.integers(0, 2 if dtype == "bool" else 5, (4, 30, 3)).astype(
        dtype
    )  # many equal elements
    for keepdims in (False, True):
        expected = np.asarray(getattr(np, name)(x, axis=axis, keepdims=keepdims))
        for layout in LAYOUTS.values():
            result = getattr(pt, name)(layout(x), axis=axis, keepdims=keepdims)
            assert (result.shape, result.dtype) == (expected.shape, pt.int64)
            np.testing.assert_array_equal(result, expected)
        expected = getattr(np, name)(x, axis)
        np.testing.assert_array_equal(getattr(pt.asarray(x), name)(axis), expected)


@pytest.mark.parametrize("n", [2, 17, 600, 70_000])
@pytest.mark.parametrize("at", [0, 0.5, 1])
@pytest.mark.parametrize("dtype", KINDS["f"])
def test_nan_takes_precedence(n, at, dtype, rng):
    x = rng.standard_normal((3, n)).astype(dtype)
    x[1, int(at * (n - 1))] = math.nan
    x[1, n - 1] = math.nan
    for name in ("max", "min", "sum", "prod", "mean"):
        result = np.asarray(getattr(pt, name)(x, axis=1))
        assert np.isnan(result).tolist() == [False, True, False]
        assert math.isnan(getattr(pt, name)(x))
        assert np.isnan(np.asarray(getattr(pt, name)(x, axis=0))).sum() in (1, 2)
    for name in ("argmax", "argmin"):
        np.testing.assert_array_equal(getattr(pt, name)(x, axis=1), getattr(np, name)(x, axis=1))
        assert int(getattr(pt, name)(x)) == getattr(np, name)(x)
        np.testing.assert_array_equal(getattr(pt, name)(x, axis=0), getattr(np, name)(x, axis=0))


def test_infinities():
    x = pt.asarray([[math.inf, 1.0], [-math.inf, 2.0]])
    assert pt.max(x, axis=0).tolist() == [math.inf, 2]
    assert pt.min(x, axis=0).tolist() == [-math.inf, 1]
    assert math.isnan(pt.sum(x)) and pt.sum(x, axis=1).tolist() == [math.inf, -math.inf]
    low = pt.full((5,), -math.inf)
    assert (float(pt.max(low)), int(pt.argmax(low))) == (-math.inf, 0)


@pytest.mark.parametrize("dtype", KINDS["i"] + KINDS["u"] + ("bool",))
def test_integers_are_summed_in_64_bits(dtype):
    info = np.iinfo("uint8" if dtype == "bool" else dtype)
    x = np.array([info.max, info.max, 1, info.min], dtype)
    expected = x.sum(dtype="uint64" if dtype.startswith("u") else "int64")
    assert (pt.sum(x).dtype, int(pt.sum(x))) == (expected.dtype, int(expected))
    assert int(pt.max(x)) == x.max() and int(pt.min(x)) == x.min()
    assert pt.max(x).dtype == dtype


def test_means_of_integers_and_of_no_elements():
    assert pt.mean(pt.asarray([1, 2, 4])).dtype == pt.float32
    assert float(pt.mean(pt.asarray([True, False]))) == 0.5
    assert pt.mean(pt.asarray([2**24 + 1] * 3 + [2**24 + 5])).item() == 2**24 + 2
    assert pt.mean(pt.asarray([2**62, 2**62 + 2**40, 2**62 - 2**40])).item() == 2**62
    assert math.isnan(pt.mean(pt.zeros(0)))
    assert np.isnan(np.asarray(pt.mean(pt.zeros((2, 0)), axis=1))).all()
    assert pt.mean(pt.zeros((2, 0)), axis=0).shape == (0,)


@pytest.mark.parametrize("dtype", KINDS["i"] + KINDS["u"] + ("bool",))
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_mean_of_integers_is_that_of_float64(dtype, axis, rng):
    info = np.iinfo(dtype) if dtype != "bool" else np.iinfo("uint8")
    x = rng.integers(info.min, info.max, (300, 1000), dtype=info.dtype, endpoint=True).astype(dtype)
    found = pt.mean(pt.asarray(x), axis=axis)
    # whatever the order of the sum: its rounding in float64 is lost in float32's, but near 0
    np.testing.assert_allclose(
        found, x.mean(axis=axis), rtol=1.2e-7, atol=1e-13 * float(np.abs(info.max))
    )


def test_mean_in_another_dtype():
    x = np.array([1, 2**25 + 1, 5], "float32")
    for t in (pt.asarray(x), pt.asarray(x.astype("int32"))):
        found = pt.mean(t, dtype="float64")
        assert found.dtype == pt.float64 and found.item() == x.mean(dtype="float64")
    assert pt.mean(pt.asarray(x), dtype="complex64").dtype == pt.complex64
    slope = pt.grad(lambda t: pt.mean(t, dtype="float64"))(pt.asarray(x))
    assert slope.dtype == pt.float32 and slope.tolist() == [np.float32(1 / 3)] * 3
    with pytest.raises(TypeError, match=r"^mean: dtype: found int8: expected a floating"):
        pt.mean(pt.asarray(x), dtype="int8")


@pytest.mark.parametrize("dtype", DTYPES)
def test_empty(dtype):
    x = pt.zeros((0, 3), dtype=dtype)
    assert pt.sum(x, axis=0).tolist() == [0] * 3 and pt.prod(x, axis=0).tolist() == [1] * 3
    assert pt.any(x).item() is False and pt.all(x).item() is True
    assert pt.max(x, axis=1).shape == (0,)
    for name in ("max", "min", "argmax", "argmin"):
        with pytest.raises(ValueError, match=rf"^{name}: no element .*shape \(0, 3\), axis 0"):
            getattr(pt, name)(x, axis=0)
        with pytest.raises(ValueError, match=f"^{name}: no element"):
            getattr(x, name)()


def test_scalars_and_lists():
    assert pt.sum(3).item() == 3 and pt.max([[1, 5], [2, 3]]).item() == 5
    assert pt.sum(pt.asarray(2.5), axis=()).item() == 2.5
    with pytest.raises(IndexError, match="sum: axis 0 is out of range for 0 axes"):
        pt.sum(3, axis=0)
    with pytest.raises(IndexError, match="mean: axis 1 is out of range for 1 axis"):
        pt.mean([1, 2], axis=1)
    with pytest.raises(IndexError, match="is out of range for 1 axis"):
        pt.sum([1, 2], axis=2**70)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
@pytest.mark.parametrize("columns", [1, 2, 3, 7, 31, 32, 33])
def test_positions_among_many_short_rows(columns, dtype, name, rng):
    """Few columns are searched many rows at a time: the first of equals and of NaNs."""
    for rows in (128, 129, 1000):
        x = rng.integers(0, 50, (rows, columns)).astype(dtype)
        cases = [x, np.zeros_like(x), np.sort(x, axis=0), np.sort(x, axis=0)[::-1].copy()]
        if dtype.startswith("float"):
            with_nan = x.copy()
            with_nan[rng.random(x.shape) < 0.02] = np.nan
            cases += [with_nan, np.where(x > 25, -0.0, 0.0).astype(dtype)]
        for case in cases:
            expected = getattr(np, name)(case, axis=0)
            np.testing.assert_array_equal(getattr(pt, name)(pt.asarray(case), axis=0), expected)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_any_and_all_of_many_elements(n_threads, threads):
    """The deciding element may be anywhere."""
    threads(n_threads)
    n = 5_000_001
    for dtype in ("bool", "float32"):
        zeros, ones = np.zeros(n, dtype), np.ones(n, dtype)
        assert not pt.any(zeros) and pt.all(ones) and pt.any(ones) and not pt.all(zeros)
        for place in (0, 4000, n // 2, n - 1):
            zeros[place], ones[place] = 1, 0
            assert pt.any(zeros) and not pt.all(ones)
            zeros[place], ones[place] = 0, 1


@pytest.mark.parametrize("dtype", KINDS["f"])
@pytest.mark.parametrize("shape", [(1_000_003,), (700, 1500), (40, 50, 600), (3, 100_000, 2)])
def test_bits_do_not_depend_on_layouts_and_threads(shape, dtype, rng, threads):
    x = rng.standard_normal(shape).astype(dtype)
    axes = [None, 0, -1] + ([1, (0, 2)] if len(shape) == 3 else [])
    for axis, name in itertools.product(axes, ("sum", "prod", "mean", "max")):
        results = set()
        for n, layout in (
            (1, "contiguous"),
            (2, "transposed"),
            (4, "backwards"),
            (3, "strided"),
            (2, "contiguous"),
        ):
            threads(n)
            result = getattr(pt, name)(LAYOUTS[layout](x), axis=axis)
            results.add(np.asarray(result).tobytes())
        assert len(results) == 1, (name, axis)


# ------------------------------------------------------------------------------- cumulative

CUMULATIVE = ("cumulative_sum", "cumulative_prod")


@pytest.mark.parametrize("name", CUMULATIVE)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("initial", [False, True])
def test_running_results_are_numpys(name, dtype, initial, rng):
    """One after the other, as NumPy combines them: with the same bits."""
    for shape in ((4, 30, 3), (7, 1, 9), (33, 70), (5,), (1,), (0,), (3, 0), (0, 3), (2, 0, 3)):
        x = (rng.random(shape) * 3 - (dtype[0] != "u")).astype(dtype)
        for axis in range(-1, len(shape)):
            expected = getattr(np, name)(
                x.astype("int64") if dtype[0] in "bi" else x, axis=axis, include_initial=initial
            )
            for layout in LAYOUTS.values():
                result = getattr(pt, name)(layout(x), axis=axis, include_initial=initial)
                assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
                assert bytes(result.copy()) == expected.tobytes()


@pytest.mark.parametrize(
    "shape", [(300_000,), (3, 100_000), (100_000, 3), (700, 1000), (9, 40_000)]
)
def test_running_results_on_threads(shape, rng):
    x = rng.standard_normal(shape).astype("f4")
    before = pt.get_num_threads()
    try:
        for axis in range(len(shape)):
            expected = np.cumulative_sum(x, axis=axis, include_initial=True)
            for n in (1, 2, 5):
                pt.set_num_threads(n)
                result = pt.cumulative_sum(x, axis=axis, include_initial=True)
                assert bytes(result) == expected.tobytes()
    finally:
        pt.set_num_threads(before)


@pytest.mark.parametrize("name", CUMULATIVE)
def test_running_results_of_a_dtype(name):
    x = np.array([100, 100, 3], "i1")
    function, reference = getattr(pt, name), getattr(np, name)
    for dtype in ("int8", "uint16", "float32", "float64", "complex64"):
        np.testing.assert_array_equal(
            function(x, dtype=dtype), reference(x, dtype=dtype), strict=True
        )
    np.testing.assert_array_equal(function([2.5, 0.0, 3.0], dtype="int32"), reference([2, 0, 3]))
    z = np.array([1 + 2j, 3 - 1j], "complex64")
    np.testing.assert_array_equal(
        function(z, include_initial=True), reference(z, include_initial=True), strict=True
    )
    with pytest.raises(ValueError, match=rf"^{name}: x has shape \(2, 2\): name the axis"):
        function(pt.ones((2, 2)))
    with pytest.raises(IndexError, match=f"^{name}: axis 2 is out of range"):
        function(pt.ones((2, 2)), axis=2)
    with pytest.raises(TypeError, match=f"^{name}: axis is 0.5: expected an integer"):
        function(pt.ones((2, 2)), axis=0.5)
    with pytest.raises(TypeError, match="not element-wise"):
        pt.fuse(lambda x: function(x, axis=0))(pt.ones(3))


def test_a_running_sum_leaves_its_input_alone():
    x = pt.asarray([1.0, 2.0])
    assert pt.cumulative_sum(x).tolist() == [1.0, 3.0]
    assert x.tolist() == [1.0, 2.0]
