"""The op table: every row against its NumPy reference, every derivative against differences.

The rows are walked, so that a new one is tested without a change here.
"""

import inspect
import itertools
import math
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import KINDS, LAYOUTS, contiguous, strided, transposed

import pytensor as pt
from pytensor import _ops
from pytensor._tables.ops import ELEMENTWISE, REDUCTIONS, ROWS, TABLE

ROOT = Path(__file__).resolve().parents[1]
SHAPES = ((3, 700), (41, 17), (2, 3, 5))  # long rows, short rows, more axes


def claims(rows, kinds="biuf"):
    """(row, dtype) for every dtype of these kinds that a row has a loop for."""
    return [
        pytest.param(row, dtype, id=f"{row.name}-{dtype}")
        for row in rows
        for kind in row.types
        if kind in kinds
        for dtype in KINDS[kind]
    ]


def named(rows):
    return [pytest.param(row, id=row.name) for row in rows]


def reference(row, *inputs, **parameters):
    """The row's NumPy expression; float32 is computed in float64 and rounded once (but where the
    next number is asked for)."""
    wide = [
        x.astype(np.float64) if x.dtype == np.float32 and row.name != "nextafter" else x
        for x in inputs
    ]
    names = {"np": np, "math": math, **dict(zip("xyz", wide, strict=False)), **parameters}
    with np.errstate(all="ignore"):
        result = np.asarray(eval(row.numpy, names))
        if row.name == "floor_divide" and result.dtype.kind == "f":
            x, y = wide  # the Array API standard's rule for infinities, which is not NumPy's
            result = np.where(np.isinf(x) | np.isinf(y), x / y, result)
        if any(x.dtype == np.float32 for x in inputs) and result.dtype == np.float64:
            result = result.astype(np.float32)
    return result


def sample(row, dtype, shape, seed=0):
    """Inputs from the row's domains; the floats hold round numbers too, so ties and zeros occur."""
    rng = np.random.default_rng(seed)
    arrays = []
    for low, high in row.domain:
        if dtype == "bool":
            array = rng.random(shape) < 0.5
        elif dtype.startswith("float"):
            array = rng.uniform(low, high, shape)
            rounded = np.clip(np.round(array), math.ceil(low), math.floor(high))
            array = np.where(rng.random(shape) < 0.5, array, rounded)
        else:
            least = 0 if dtype.startswith("u") else math.ceil(low)
            array = rng.integers(least, max(math.floor(high), least), shape, endpoint=True)
        arrays.append(array.astype(dtype))
    assert len(np.unique(arrays[0])) > 1 or arrays[0].size < 10, "the sample has no variance"
    return arrays


def result_dtype(row, dtype):
    if row.result == "same" and row.kind == "reduction" and row.name in ("sum", "prod"):
        return {"i": "int64", "u": "uint64"}.get(dtype[0], dtype)
    return {"same": dtype, "bool": "bool", "index": "int64"}[row.result]


def function(row):
    return getattr(pt, row.name)


def assert_close(result, expected, ulps=4, signed_zeros=True):
    """Equal integers; floats to a few units in the last place, zeros with their sign."""
    result = np.asarray(result)
    assert result.shape == expected.shape
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(result, expected)
        return
    info = np.finfo(result.dtype)
    np.testing.assert_allclose(result, expected, rtol=ulps * info.eps, atol=info.smallest_subnormal)
    zero = (expected == 0) & signed_zeros
    np.testing.assert_array_equal(np.signbit(result[zero]), np.signbit(expected[zero]))


def has_signed_zeros(row):
    """Whether NumPy defines the sign of a zero: which of 0.0 and -0.0 is larger, it leaves open."""
    return not any(name in row.numpy for name in ("maximum", "minimum", "clip"))


def assert_same_bits(result, expected):
    result, expected = np.asarray(result), np.asarray(expected)
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    assert result.tobytes() == expected.tobytes()


# --------------------------------------------------------------------------- the table itself


def test_no_name_stands_twice():
    assert len({row.name for row in TABLE}) == len(TABLE) == len(ROWS)


@pytest.mark.parametrize("row", named(ELEMENTWISE + REDUCTIONS))
def test_row_is_complete(row):
    f = getattr(_ops, row.name)
    assert f.__doc__.startswith(row.doc)
    assert all(f"\n    {section}:\n" in f.__doc__ for section in ("Args", "Returns", "Raises"))
    assert "        TypeError: " in f.__doc__
    assert row.name in dir(pt)
    assert len(row.domain) == len(row.d) == len(row.inputs)
    assert all(row.c_for(kind) for kind in row.types) and row.types
    parameters = list(inspect.signature(f).parameters)
    assert parameters == [*row.inputs, *(row.parameters or ["out"]), *["dtype"] * row.wide]


def test_generated_sources_follow_the_table(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["generate.py", str(tmp_path)])
    monkeypatch.setattr(sys, "path", list(sys.path))
    runpy.run_path(str(ROOT / "tools" / "generate.py"), run_name="__main__")
    for rows, prefix, name in (
        (ELEMENTWISE, "PT_OP", "table_elementwise.h"),
        (REDUCTIONS, "PT_REDUCE", "table_reduce.h"),
    ):
        text = (tmp_path / name).read_text()
        for row in rows:
            n_dtypes = sum(
                1 if row.wide and kind in "iu" else len(KINDS[kind]) for kind in row.types
            )
            assert text.count(f"\n[{prefix}_{row.name.upper()}][PT_") == n_dtypes
    stubs = (tmp_path / "_ops.pyi").read_text()
    for row in ELEMENTWISE + REDUCTIONS:
        assert f"\ndef {row.name}({row.inputs[0]}: _Operand" in stubs


# ------------------------------------------------------------------------ values, element-wise


@pytest.mark.parametrize(("row", "dtype"), claims(ELEMENTWISE))
def test_value(row, dtype):
    for shape in SHAPES:
        inputs = sample(row, dtype, shape)
        result = function(row)(*map(pt.asarray, inputs))
        assert result.dtype == result_dtype(row, dtype)
        assert_close(result, reference(row, *inputs), signed_zeros=has_signed_zeros(row))


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "contiguous"])
@pytest.mark.parametrize(("row", "dtype"), claims(ELEMENTWISE))
def test_layout_changes_no_bit(row, dtype, layout):
    for shape in SHAPES:
        inputs = sample(row, dtype, shape)
        expected = function(row)(*map(contiguous, inputs))
        assert_same_bits(function(row)(*map(LAYOUTS[layout], inputs)), expected)
        # each operand in an order of its own
        mixed = [(LAYOUTS[layout], contiguous, strided)[i](x) for i, x in enumerate(inputs)]
        assert_same_bits(function(row)(*mixed), expected)


@pytest.mark.parametrize(("row", "dtype"), claims(ELEMENTWISE, "f"))
def test_special_neighbours_change_no_bit(row, dtype):
    """A vector with a special case in it may be computed by another formula than one without."""
    info = np.finfo(dtype)
    special = np.resize(
        np.array(
            [
                math.nan,
                math.inf,
                -math.inf,
                0.0,
                -0.0,
                -2.5,
                info.max,
                info.smallest_subnormal,
                -info.tiny / 2,
            ],
            dtype,
        ),
        64,
    )
    inputs = sample(row, dtype, (64,))
    expected = np.asarray(function(row)(*map(pt.asarray, inputs)))
    for which in itertools.product((False, True), repeat=len(inputs)):
        for start in (0, 1):
            mixed = [x.copy() for x in inputs]
            for x in itertools.compress(mixed, which):
                x[start::2] = special[start::2]
            result = np.asarray(function(row)(*map(pt.asarray, mixed)))
            assert_same_bits(result[1 - start :: 2], expected[1 - start :: 2])


@pytest.mark.parametrize(("row", "dtype"), claims(ELEMENTWISE))
def test_broadcast(row, dtype):
    inputs = sample(row, dtype, (4, 3, 130))
    views = [inputs[0], inputs[-1][:1, :, :1], inputs[len(inputs) // 2][0, 1]][: len(inputs)]
    if len(inputs) == 1:
        views = [np.broadcast_to(inputs[0][:1], (5, 3, 130))]
    expected = function(row)(*(contiguous(np.array(x)) for x in np.broadcast_arrays(*views)))
    assert_same_bits(function(row)(*map(pt.asarray, views)), expected)
    assert_same_bits(function(row)(*map(strided, views)), expected)


@pytest.mark.parametrize(("row", "dtype"), claims(ELEMENTWISE))
def test_0d_and_empty(row, dtype):
    inputs = sample(row, dtype, (33,))
    expected = np.asarray(function(row)(*map(pt.asarray, inputs)))
    for i in range(0, 33, 8):
        assert_same_bits(function(row)(*(pt.asarray(x)[i] for x in inputs)), expected[i])
    for shape in ((0,), (3, 0, 2)):
        result = function(row)(*(pt.empty(shape, dtype=dtype) for _ in inputs))
        assert (result.shape, result.dtype) == (shape, result_dtype(row, dtype))


@pytest.mark.parametrize(("row", "dtype"), claims(ELEMENTWISE, "f"))
def test_nan_infinities_and_signed_zeros(row, dtype):
    info = np.finfo(dtype)
    special = np.array(
        [
            math.nan,
            math.inf,
            -math.inf,
            0.0,
            -0.0,
            1,
            -1,
            0.5,
            -2.5,
            3,
            info.smallest_subnormal,
            info.tiny,
            info.max,
            -info.max,
            info.eps,
        ],
        dtype,
    )
    inputs = [np.array(x) for x in np.broadcast_arrays(*np.ix_(*[special] * len(row.inputs)))]
    assert_close(
        function(row)(*map(pt.asarray, inputs)),
        reference(row, *inputs),
        signed_zeros=has_signed_zeros(row),
    )


@pytest.mark.parametrize(("row", "dtype"), claims(ELEMENTWISE, "iu"))
def test_extreme_integers(row, dtype):
    info = np.iinfo(dtype)
    values = {
        info.min,
        info.min + 1,
        info.max,
        info.max - 1,
        info.max // 2,
        0,
        1,
        2,
        7,
        info.bits,
        info.bits - 1,
        *((-1, -2, -7) if info.min < 0 else ()),
    }
    extremes = np.array(sorted(values), dtype)
    inputs = [np.array(x) for x in np.broadcast_arrays(*np.ix_(*[extremes] * len(row.inputs)))]
    if row.name == "pow":  # NumPy refuses negative powers; they have a test of their own
        inputs[1] = np.where(inputs[1] < 0, 3, inputs[1]).astype(dtype)
    assert_close(function(row)(*map(pt.asarray, inputs)), reference(row, *inputs))


def test_negative_integer_powers_are_truncated():
    x = pt.asarray([-2, -1, 0, 1, 2])
    assert (x**-1).tolist() == [0, -1, 0, 1, 0]
    assert (x**-2).tolist() == [0, 1, 0, 1, 0]


@pytest.mark.parametrize("row", named(ELEMENTWISE))
def test_other_dtypes_are_converted_or_refused(row):
    for kind in set("biuf") - set(row.types):
        for dtype in KINDS[kind]:
            inputs = [np.ones((2, 3), dtype) for _ in row.inputs]
            inputs[0][0] = 0
            if row.types == "f":
                result = function(row)(*map(pt.asarray, inputs))
                assert result.dtype == (np.float32 if row.result == "same" else np.bool_)
                assert_close(result, reference(row, *(x.astype(np.float32) for x in inputs)))
            elif row.types == "b":
                result = function(row)(*map(pt.asarray, inputs))
                assert result.dtype == np.bool_
                assert_close(result, reference(row, *(x.astype(bool) for x in inputs)))
            else:
                with pytest.raises(TypeError, match=f"^{row.name}: no rule for dtype {dtype}$"):
                    function(row)(*map(pt.asarray, inputs))


SEVERAL = [row for row in ELEMENTWISE if len(row.inputs) > 1]


@pytest.mark.parametrize(("row", "dtype"), claims(SEVERAL))
def test_python_scalars_take_the_tensors_dtype(row, dtype):
    inputs = sample(row, dtype, (3, 7), seed=3)
    for position, array in enumerate(inputs):
        scalar = array[1, 1].item()
        arguments = [pt.asarray(x) for x in inputs]
        arguments[position] = np.full_like(array, scalar)
        expected = function(row)(*arguments)
        arguments[position] = scalar
        assert_same_bits(function(row)(*arguments), expected)


@pytest.mark.parametrize(("row", "dtype"), claims(SEVERAL, "iu"))
def test_python_integers_out_of_range(row, dtype):
    info = np.iinfo(dtype)
    inputs = [pt.ones(3, dtype=dtype) for _ in row.inputs]
    inputs[-1] = info.max + 1
    if row.result == "bool":  # a comparison has an answer
        extremes = np.array([info.min, 0, info.max], dtype)
        for number in (info.max + 1, info.min - 1, 10**30, -(10**30)):
            np.testing.assert_array_equal(
                function(row)(pt.asarray(extremes), number),
                eval(row.numpy, {"np": np, "x": extremes, "y": number}),
            )
            np.testing.assert_array_equal(
                function(row)(number, pt.asarray(extremes)),
                eval(row.numpy, {"np": np, "x": number, "y": extremes}),
            )
        return
    with pytest.raises(OverflowError, match=f"out of the range of {dtype}"):
        function(row)(*inputs)


@pytest.mark.parametrize("row", named(SEVERAL))
def test_shapes_that_do_not_broadcast(row):
    inputs = [pt.ones((2, 3), dtype=KINDS[row.types[0]][0]) for _ in row.inputs]
    inputs[-1] = pt.ones((4,), dtype=inputs[0].dtype)
    with pytest.raises(ValueError, match=rf"^{row.name}: shapes \(2, 3\) .*\(4,\) do not broad"):
        function(row)(*inputs)


# ------------------------------------------------------------------------------------------ out


@pytest.mark.parametrize(("row", "dtype"), claims(ELEMENTWISE))
def test_out(row, dtype):
    inputs = sample(row, dtype, (9, 70))
    expected = function(row)(*map(pt.asarray, inputs))
    for layout in (contiguous, strided, transposed):
        out = layout(np.zeros(expected.shape, expected.dtype))
        assert function(row)(*map(pt.asarray, inputs), out=out) is out
        assert_same_bits(out, expected)


@pytest.mark.parametrize(("row", "dtype"), claims(r for r in ELEMENTWISE if r.result == "same"))
def test_in_place(row, dtype):
    inputs = sample(row, dtype, (9, 70))
    expected = function(row)(*map(pt.asarray, inputs))
    for position, layout in itertools.product(range(len(inputs)), (contiguous, strided)):
        tensors = [layout(x) for x in inputs]
        function(row)(*tensors, out=tensors[position])
        assert_same_bits(tensors[position], expected)


@pytest.mark.parametrize("row", named(ELEMENTWISE))
def test_out_that_does_not_fit(row):
    dtype = KINDS[row.types[-1]][-1]
    inputs = [pt.ones((2, 3), dtype=dtype) for _ in row.inputs]
    f, result = function(row), result_dtype(row, dtype)
    with pytest.raises(ValueError, match=rf"^{row.name}: the result has shape \(2, 3\).*\(3, 2\)"):
        f(*inputs, out=pt.empty((3, 2), dtype=result))
    if result != "bool":
        with pytest.raises(TypeError, match=f"^{row.name}: the result has dtype {result}.*bool"):
            f(*inputs, out=pt.empty((2, 3), dtype="bool"))
    with pytest.raises(TypeError, match=f"^{row.name}: out is a ndarray"):
        f(*inputs, out=np.empty((2, 3)))
    fixed = pt.broadcast_to(pt.zeros((), dtype=result), (2, 3))
    with pytest.raises(ValueError, match=f"^{row.name}: the tensor is read-only"):
        f(*inputs, out=fixed)


# ----------------------------------------------------------------------------- reductions

CUBE = (3, 4, 50)
AXES = (None, 0, 1, -1, (0, 2), (1, 2), (0, 1, 2), ())


def axes_of(row):
    return [axis for axis in AXES if row.result != "index" or not isinstance(axis, tuple)]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("row", "dtype"), claims(REDUCTIONS))
def test_reduction(row, dtype, layout):
    (x,) = sample(row, dtype, CUBE)
    for axis, keepdims in itertools.product(axes_of(row), (False, True)):
        result = function(row)(LAYOUTS[layout](x), axis, keepdims=keepdims)
        assert result.dtype == result_dtype(row, dtype)
        # sums of 600 numbers that cancel: the error is relative to their magnitude
        expected = reference(row, x, axis=axis, keepdims=keepdims)
        if expected.dtype.kind == "f":
            assert result.shape == expected.shape
            np.testing.assert_allclose(
                result, expected, rtol=40 * np.finfo(dtype).eps, atol=200 * np.finfo(dtype).eps
            )
        else:
            assert_close(result, expected)
        assert_same_bits(result, function(row)(contiguous(x), axis, keepdims=keepdims))


@pytest.mark.parametrize("row", named(REDUCTIONS))
def test_reduction_refuses_axes(row):
    x = pt.ones((2, 3))
    with pytest.raises(IndexError, match=f"^{row.name}: axis 2 is out of range for 2 axes"):
        function(row)(x, 2)
    with pytest.raises(IndexError, match=f"^{row.name}: axis -3 is out of range for 2 axes"):
        function(row)(x, -3)
    with pytest.raises(TypeError, match=f"^{row.name}: axis is 'rows': expected an integer"):
        function(row)(x, "rows")
    if row.result == "index":
        with pytest.raises(TypeError, match=rf"^{row.name}: axis is \(0, 1\): expected an integer"):
            function(row)(x, (0, 1))
    else:
        with pytest.raises(ValueError, match=f"^{row.name}: axis 1 appears twice"):
            function(row)(x, (1, -1))


@pytest.mark.parametrize(("row", "dtype"), claims(REDUCTIONS))
def test_reduction_of_nothing(row, dtype):
    x = pt.empty((2, 0, 3), dtype=dtype)
    assert function(row)(x, 0).shape == (0, 3)
    if row.identity in ("0", "1"):
        result = function(row)(x, 1)
        assert result.shape == (2, 3)
        assert (np.asarray(result) == int(row.identity)).all()
    else:
        with pytest.raises(ValueError, match=rf"^{row.name}: no element .* shape \(2, 0, 3\)"):
            function(row)(x, 1)
        with pytest.raises(ValueError, match=f"^{row.name}: no element"):
            function(row)(x)


# ---------------------------------------------------------------------------------- derivatives


def differences(f, x, h=1e-5):
    """The derivative of an element-wise f at x, by central differences."""
    with np.errstate(all="ignore"):
        return (np.asarray(f(x + h)) - np.asarray(f(x - h))) / (2 * h)


def floats_off_kinks(row, shape):
    """float64 inputs from the domains, no two equal, none near an integer (where kinks are)."""
    rng = np.random.default_rng(5)
    arrays = []
    for low, high in row.domain:
        array = rng.uniform(low, high, shape)
        near = np.abs(array - np.round(array)) < 0.01
        arrays.append(np.clip(np.where(near, array + 0.05, array), low + 0.01, high - 0.01))
    return arrays


def gradients(f, inputs):
    with pt.GradientTape() as tape:
        tensors = [pt.asarray(x) for x in inputs]
        tape.watch(tensors)
        out = f(*tensors)
    return tape.gradient(out, tensors)


FLOATING = [row for row in ELEMENTWISE if "f" in row.types and row.result == "same"]


@pytest.mark.parametrize("row", named(FLOATING))
def test_derivative(row):
    inputs = floats_off_kinks(row, (40,))
    found = gradients(function(row), inputs)
    for k, g in enumerate(found):

        def f(x, k=k):
            return function(row)(*(x if i == k else y for i, y in enumerate(inputs)))

        expected = differences(f, inputs[k])
        if row.d[k] is None:
            assert g is None
            g = np.zeros_like(expected)
        np.testing.assert_allclose(g, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("row", named(r for r in FLOATING if any(r.d)))
def test_second_derivative(row):
    inputs = floats_off_kinks(row, (40,))
    wanted = [k for k, d in enumerate(row.d) if d is not None]
    for first, second in itertools.product(wanted, wanted):

        def g(*tensors, first=first):
            with pt.GradientTape() as tape:
                tape.watch(tensors[first])
                out = function(row)(*tensors)
            return tape.gradient(out, tensors[first])

        def moved(x, g=g, second=second):
            return g(*(pt.asarray(x if i == second else y) for i, y in enumerate(inputs)))

        found = gradients(g, inputs)[second]
        expected = differences(moved, inputs[second])
        found = np.zeros_like(expected) if found is None else found
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("dtype", KINDS["f"])
@pytest.mark.parametrize("row", named(r for r in FLOATING if any(r.d)))
def test_gradient_has_the_inputs_shape_and_dtype(row, dtype):
    inputs = [x.astype(dtype) for x in floats_off_kinks(row, (3, 4))]
    inputs[-1] = inputs[-1][:, :1]
    for g, x, d in zip(gradients(function(row), inputs), inputs, row.d, strict=True):
        assert g is None if d is None else (g.shape, g.dtype) == (x.shape, x.dtype)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("row", named(r for r in REDUCTIONS if any(r.d)))
def test_derivative_of_reduction(row, axis):
    x = floats_off_kinks(row, (2, 3, 4))[0]
    for keepdims in (False, True):
        weights = np.random.default_rng(1).standard_normal(
            reference(row, x, axis=axis, keepdims=keepdims).shape
        )

        def f(x, keepdims=keepdims, weights=weights):
            return pt.sum(function(row)(x, axis=axis, keepdims=keepdims) * weights)

        expected = np.empty_like(x)
        for index in np.ndindex(*x.shape):
            step = np.zeros_like(x)
            step[index] = 1e-5
            expected[index] = (float(f(x + step)) - float(f(x - step))) / 2e-5
        np.testing.assert_allclose(pt.grad(f)(pt.asarray(x)), expected, rtol=1e-6, atol=1e-8)


def test_ties_share_the_gradient():
    x = pt.asarray([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    g = pt.grad(lambda x: pt.sum(pt.max(x, axis=1)))(x)
    np.testing.assert_allclose(g, [[0, 0.5, 0.5], [1 / 3] * 3], rtol=1e-6)
    for f in (pt.maximum, pt.minimum):
        a, b = pt.grad(lambda a, b, f=f: pt.sum(f(a, b)), argnums=(0, 1))(x, x)
        np.testing.assert_array_equal(a, np.full((2, 3), 0.5))
        np.testing.assert_array_equal(b, np.full((2, 3), 0.5))


def test_product_gradient_with_zeros():
    x = pt.asarray([[2.0, 0.0, 5.0], [0.0, 0.0, 3.0], [2.0, 3.0, 4.0]])
    g = pt.grad(lambda x: pt.sum(pt.prod(x, axis=1)))(x)
    assert g.tolist() == [[0, 10, 0], [0, 0, 0], [12, 8, 6]]


@pytest.mark.parametrize("row", named(ELEMENTWISE))
def test_python_numbers_alone(row):
    arguments = [(low + high) / 2 for low, high in row.domain]
    if "f" not in row.types:
        arguments = [math.ceil(x) for x in arguments]
    result = function(row)(*arguments)
    inputs = [np.asarray(x, np.float32 if "f" in row.types else np.int64) for x in arguments]
    if row.types == "b":
        inputs = [x.astype(bool) for x in inputs]
    assert result.shape == ()
    assert_close(result, reference(row, *inputs))
