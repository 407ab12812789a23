"""fuse: the same bits as the original function, and clear errors for anything not element-wise."""

import gc
import math
import threading

import numpy as np
import pytest
from conftest import DTYPES, LAYOUTS, check_leaves, output_of, transposed
from hypothesis import given, settings
from hypothesis import strategies as st
from test_op_table import assert_same_bits, claims, sample

import pytensor as pt
from pytensor._tables.ops import ELEMENTWISE

SIZES = (0, 1, 15, 16, 17, 511, 512, 513, 1000, 100_003)


def expression(a, b, c, d):
    return a * b + c * pt.exp(d)


def tensors(rng, *shapes, dtype="float32"):
    return [pt.asarray(rng.uniform(-2, 2, shape).astype(dtype)) for shape in shapes]


def assert_same(result, expected):
    """Equal bits of tensors, or of tuples, lists and dictionaries of them."""
    check_leaves(assert_same_bits, result, expected)


def check(f, *args, **kwargs):
    """The fused function at its first and at a later call against the function itself."""
    fused = pt.fuse(f)
    with np.errstate(all="ignore"):
        expected = f(*args, **kwargs)
        assert_same(fused(*args, **kwargs), expected)
        assert_same(fused(*args, **kwargs), expected)
    return fused


# -------------------------------------------------------------------------------------- values


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", SIZES)
def test_expression(size, dtype, rng):
    check(expression, *tensors(rng, size, size, size, size, dtype=dtype))


@pytest.mark.parametrize(("row", "dtype"), claims(ELEMENTWISE))
def test_every_row(row, dtype):
    inputs = [pt.asarray(x) for x in sample(row, dtype, (3, 353))]
    check(getattr(pt, row.name), *inputs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ELEMENTWISE])
def test_every_row_converts_like_the_unfused_call(row, dtype):
    """Operands of all dtypes, including those that are converted or rejected."""
    x = pt.asarray(np.arange(37) % 5 + 1).astype(dtype)
    f = getattr(pt, row.name)
    inputs = [x, *[pt.asarray([[2], [3]], dtype="int8")] * (len(row.inputs) - 1)]
    try:
        f(*inputs)
    except TypeError as error:
        with pytest.raises(TypeError) as found:
            pt.fuse(f)(*inputs)
        assert str(found.value) == str(error)
    else:
        check(lambda *args: f(*args) == 1, *inputs)


@pytest.mark.parametrize("other", DTYPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_promotion(dtype, other):
    x, y = pt.asarray([0, 1, 3], dtype=dtype), pt.asarray([2, 0, 1], dtype=other)
    if {dtype, other} & {"uint64"} and {dtype[0], other[0]} == {"u", "i"}:
        with pytest.raises(TypeError, match="multiply: no integer dtype holds both"):
            pt.fuse(lambda x, y: x * y)(x, y)
    else:
        check(lambda x, y: (x * y, x + y == y, pt.where(x, x, y), pt.exp(x) + y), x, y)


@pytest.mark.parametrize("number", [2, 0.5, True, False, math.inf, math.nan, -0.0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_python_numbers_are_weak(dtype, number):
    x = pt.asarray([0, 1, 3, 100], dtype=dtype)
    check(lambda x: x * number, x)
    check(lambda x, number: pt.where(x == number, number, x + 1), x, number)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(3, 700), (41, 17), (2, 3, 5), (0, 4), (), (1, 1)])
def test_layout(layout, shape, rng):
    x, y = rng.uniform(-2, 2, (2, *shape)).astype("float32")
    result = check(lambda x, y: pt.exp(x) * y + x, LAYOUTS[layout](x), transposed(y))
    assert result(LAYOUTS[layout](x), transposed(y)).flatten().shape == (math.prod(shape),)
    check(lambda x, y: x * y, LAYOUTS[layout](x.astype("int16")), pt.asarray(y))


@pytest.mark.parametrize(
    "shapes",
    [
        ((40, 50), (50,)),
        ((40, 50), (40, 1)),
        ((40, 1), (1, 50)),
        ((), (3, 4)),
        ((1000, 3), (3,)),
        ((2, 1, 5), (4, 1)),
        ((0, 3), (1, 3)),
        ((1,), (0,)),
        ((64, 3, 32, 10), (32, 10)),
        ((1, 1), (7,)),
        ((70, 1000), (1000,)),
        ((70, 1024), (70, 1)),
        ((70, 1), (1000,)),
        ((3, 5, 300), (5, 1)),
        ((3, 5, 300), (3, 1, 300)),
        ((40, 255), (1, 255)),
    ],
)
def test_broadcasting(shapes, rng):
    x, y = tensors(rng, *shapes)
    check(lambda x, y: pt.exp(x) * y - pt.tanh(y), x, y)
    check(lambda x, y: pt.exp(x) * pt.tanh(y), y, x)
    check(lambda x, y: x * y + y, x, y.astype("float64"))
    check(lambda x, y: x * y + y, pt.flip(x), y.astype("int8"))


def test_smaller_values_are_computed_once():
    """exp of the vector is computed once, in its own stage, not for every row."""
    m, v = pt.ones((50, 60)), pt.asarray(np.linspace(-1, 1, 60, dtype="float32"))
    check(
        lambda m, v: (pt.exp(v) + m * pt.exp(v), pt.exp(v), m + 1, v[...] if m.ndim < 2 else v),
        m,
        v,
    )


def test_explicit_broadcasts_and_conversions(rng):
    x, y = tensors(rng, (50,), (40, 50))
    check(lambda x, y: pt.broadcast_to(x, y.shape) * 2 + y, x, y)
    check(lambda x, y: pt.broadcast_to(x, (3, *y.shape)), x, y)
    check(lambda x, y: pt.broadcast_arrays(x, y)[0] * y.astype("float64"), x, y)
    check(lambda x, y: (x * 3).astype("int8") + y.astype(bool), x, y)
    check(lambda x, y: pt.astype(x, "float64") * pt.zeros_like(y), x, y)
    check(lambda x, y: x.copy() + pt.asarray(y) + pt.stop_gradient(x), x, y)


def test_shapes_and_dtypes_are_those_of_the_arguments(rng):
    def f(x):
        assert len(x) == x.shape[0]
        return x / x.size if x.dtype == np.float32 else x * x.ndim

    fused = pt.fuse(f)
    for shape in ((3,), (4, 5), (3,)):
        for dtype in ("float32", "float64"):
            (x,) = tensors(rng, shape, dtype=dtype)
            assert_same(fused(x), f(x))


def test_results(rng):
    from collections import namedtuple

    Pair = namedtuple("Pair", "first second")
    x, y = tensors(rng, (40, 50), (50,))
    check(lambda x, y: (x * y, y * 2, x * y), x, y)
    check(lambda x, y: [x * y, (y > 0,)], x, y)
    check(lambda x, y: {"product": x * y, "parts": {"x": x, "sum": x + y}}, x, y)
    check(lambda x, y: Pair(x - y, x), x, y)
    check(lambda x, y: (), x, y)
    fused = check(lambda x: x, x)
    assert fused(x) is not x
    fused(x).fill(0)
    assert (x != 0).all()


def test_arguments(rng):
    x, y = tensors(rng, 20, 20)

    def f(x, y=None, *, kind="sum", factor=1.0):
        return (x if y is None else x + y if kind == "sum" else x - y) * factor

    fused = check(f, x)
    for kwargs in (
        {},
        {"y": y},
        {"y": y, "kind": "difference"},
        {"kind": "sum", "y": y},
        {"factor": 2},
        {"factor": 2.0},
        {"factor": True},
        {"factor": 0.0},
        {"factor": -0.0},
        {"factor": math.nan},
    ):
        assert_same(fused(x, **kwargs), f(x, **kwargs))
    assert_same(fused(x.numpy(), y.numpy()), f(x, y))
    assert_same(fused(x, np.float32(2)), f(x, np.float32(2)))
    fused = pt.fuse(lambda x, factor: x * factor.imag)
    for imag in (0.0, -0.0, 1.0):
        assert_same(fused(x, complex(1, imag)), x * imag)
    check(lambda x, y: x + x * y, x, x)


def test_number_of_programs_is_limited(rng):
    (x,) = tensors(rng, 5)
    runs = []

    def f(x, n):
        runs.append(n)
        return x * n

    fused = pt.fuse(f)
    for n in (*range(40), *range(39, 20, -1)):
        assert_same(fused(x, n), x * n)
    assert runs == list(range(40))


def test_captured_tensors_are_read_at_each_call(rng):
    x, w, table = tensors(rng, (40, 50), (50,), (1,))
    array = np.ones(50, "float32")

    def f(x):
        return pt.add(x * w + table - array, [1.0] * 50)

    fused = check(f, x)
    w.fill(3)
    array[:] = 7
    assert_same(fused(x), f(x))


def test_captured_tensors_stay_alive(rng):
    def scaled():
        w = pt.asarray(np.arange(5, dtype="float32"))
        return pt.fuse(lambda x: x * w)

    fused, x = scaled(), pt.ones(5)
    fused(x)
    gc.collect()
    assert fused(x).tolist() == [0, 1, 2, 3, 4]


def test_decorator_keeps_the_name():
    @pt.fuse
    def double(x):
        """Twice x."""
        return x * 2

    assert (double.__name__, double.__doc__) == ("double", "Twice x.")
    assert double(pt.asarray([1, 2])).tolist() == [2, 4]


def test_fused_functions_call_each_other(rng):
    x, w = tensors(rng, 100, 100)
    inner = pt.fuse(lambda x: pt.exp(x) + 1)
    check(lambda x: inner(x) * inner(w) * inner(2.0 * x), x)


def test_long_chains(rng):
    def chain(x, y):
        for i in range(300):
            x = x * y + (i % 7)
        return pt.sin(x)

    check(chain, *tensors(rng, 3000, 3000))


def test_many_temporaries(rng):
    """Many buffers make blocks short."""

    def f(x):
        parts = [x * i for i in range(30)]
        for part in parts:
            x = x + part
        return x

    (x,) = tensors(rng, 1001, dtype="float64")
    check(f, x)
    check(f, x[::-1])


LEAVES = st.sampled_from(["x", "y", "v", "s", "w", "2", "0.5", "True"])


@st.composite
def expressions(draw, depth=4):
    """A random expression of the op table's functions, as text."""
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        return draw(LEAVES)
    row = draw(st.sampled_from(ELEMENTWISE))
    arguments = [draw(expressions(depth=depth - 1)) for _ in row.inputs]
    if all(argument in ("2", "0.5", "True") for argument in arguments):
        arguments[0] = "x"
    return f"pt.{row.name}({', '.join(arguments)})"


@settings(max_examples=300)
@given(
    text=expressions(),
    layout=st.sampled_from(sorted(LAYOUTS)),
    dtypes=st.tuples(*[st.sampled_from(DTYPES)] * 4),
    shape=st.sampled_from([(3, 700), (5, 3), (1, 1), (0, 2), (130,), ()]),
    seed=st.integers(0, 9),
)
def test_random_expressions(text, layout, dtypes, shape, seed):
    rng = np.random.default_rng(seed)
    shapes = (shape, shape, shape[-1:], (), shape[:-1] + (1,) * bool(shape))
    arrays = [
        np.asarray(rng.integers(0, 4, s)).astype(dtype)
        for s, dtype in zip(shapes, (*dtypes, "float32"), strict=True)
    ]
    x, y, v, s = [LAYOUTS[layout](a) for a in arrays[:4]]
    w = pt.asarray(arrays[4])
    f = eval(f"lambda x, y, v, s: {text}", {"pt": pt, "w": w})
    if text in ("2", "0.5", "True"):
        return
    try:
        expected = f(x, y, v, s)
    except (TypeError, ValueError, OverflowError) as error:
        with pytest.raises(type(error)) as found:
            pt.fuse(f)(x, y, v, s)
        assert str(found.value) == str(error)
    else:
        assert_same(pt.fuse(f)(x, y, v, s), expected)


# ------------------------------------------------------------------------------------- threads


def test_bits_do_not_depend_on_the_number_of_threads(threads, rng):
    args = tensors(rng, (700, 1001), (1001,), (700, 1), (700, 1001))
    fused = pt.fuse(expression)
    results = []
    for n in (1, 2, 3, 8):
        threads(n)
        results.append(fused(*args))
    for result in results:
        assert_same(result, expression(*args))


def test_python_threads_share_a_fused_function(rng):
    args = {n: tensors(rng, n, n, n, n) for n in (10, 1000, 50_000)}
    expected = {n: expression(*args[n]) for n in args}
    fused = pt.fuse(expression)
    failures = []

    def work():
        try:
            for _ in range(20):
                for n in args:
                    assert_same(fused(*args[n]), expected[n])
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_instruction_sets(isa):
    code = """
        import numpy as np, pytensor as pt
        x, y = np.random.default_rng(0).uniform(-2, 2, (2, 1003)).astype("float32")
        f = lambda x, y: pt.exp(x) * y + pt.sin(1e9 * x)
        args = pt.asarray(x), pt.asarray(y)
        print(np.asarray(pt.fuse(f)(*args)).tobytes() == np.asarray(f(*args)).tobytes())
    """
    try:
        assert output_of(code, PYTENSOR_ISA=isa) == "True"
    except AssertionError as error:
        if "PYTENSOR_ISA" not in str(error):
            raise
        pytest.skip(f"no {isa} here")


# ----------------------------------------------------------------------------------- gradients


def test_gradients(rng):
    x, y = tensors(rng, (4, 5), (5,), dtype="float64")

    def f(x, y):
        return pt.tanh(x) * pt.exp(y) + x * x

    fused = pt.fuse(f)
    fused(x, y)
    for argnums in (0, 1, (0, 1)):
        expected = pt.grad(lambda x, y: pt.sum(f(x, y)), argnums)(x, y)
        assert_same(pt.grad(lambda x, y: pt.sum(fused(x, y)), argnums)(x, y), expected)


def test_second_derivatives():
    def f(x):
        return pt.tanh(x) * x * x

    x = pt.asarray(0.7, dtype="float64")
    for g in (pt.fuse(f), f):
        assert pt.grad(g)(x).item() == pt.grad(f)(x).item()
        assert pt.grad(pt.grad(g))(x).item() == pt.grad(pt.grad(f))(x).item()


def test_gradient_of_a_captured_tensor(rng):
    x, w = tensors(rng, 10, 10)
    fused = pt.fuse(lambda x: x * w * w)
    with pt.GradientTape() as tape:
        tape.watch(w)
        y = fused(x)
    assert_same(tape.gradient(y, w), x * w + x * w)


def test_fused_gradient(rng):
    """A gradient of element-wise operations is element-wise too."""

    def derivative(x):
        with pt.GradientTape() as tape:
            tape.watch(x)
            y = pt.tanh(x) * x
        return tape.gradient(y, x)

    check(derivative, *tensors(rng, 1000))


def test_tape_notices_a_change_after_the_call(rng):
    (x,) = tensors(rng, 10)
    fused = pt.fuse(lambda x: pt.exp(x * x))
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = fused(x)
    x.fill(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        tape.gradient(y, x)


def test_fused_while_a_tape_records_other_tensors(rng):
    x, z = tensors(rng, 10, 10)
    fused = pt.fuse(lambda x: x * 2)
    with pt.GradientTape() as tape:
        tape.watch(z)
        assert_same(fused(x), x * 2)
        y = z * z
    assert_same(tape.gradient(y, z), z + z)


# -------------------------------------------------------------------------------------- errors


NOT_ELEMENTWISE = {
    "sum": lambda x: x * pt.sum(x),
    "argmax": lambda x: x.argmax(),
    "any": lambda x: 1.0 in x,
    "mean": lambda x: x.mean(),
    "matmul": lambda x: x @ x,
    "dot": lambda x: pt.dot(x, x),
    "linear": lambda x: pt.nn.linear(x, x),
    "reshape": lambda x: x.reshape(-1),
    "permute_dims": lambda x: x.T,
    "indexing": lambda x: x[0],
    "concat": lambda x: pt.concat([x, x]),
    "softmax": lambda x: pt.softmax(x),
    "full": lambda x: pt.full(3, x),
    "item": lambda x: x.item(),
    "float": lambda x: x * float(x),
    "int": lambda x: x * int(x),
    "bool": lambda x: x if (x > 0) else -x,
    "index": lambda x: [1, 2][x],
    "assignment": lambda x: x.fill(0),
    "reading the elements": lambda x: pt.asarray(np.asarray(x)),
}


@pytest.mark.parametrize("name", NOT_ELEMENTWISE)
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_functions_that_are_not_element_wise(name, dtype):
    fused = pt.fuse(NOT_ELEMENTWISE[name])
    for shape in ((1,), (2, 2), (2, 2)):
        with pytest.raises(TypeError, match=f"^fuse: {name} is not element-wise"):
            fused(pt.ones(shape, dtype=dtype))
    assert pt.fuse(lambda x: x + 1)(pt.asarray([1])).tolist() == [2]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.tolist(),
        lambda x: repr(x),
        lambda x: pt.asarray([x, x]),
        lambda x: list(x),
        lambda x: pt.where([x], 1, 2),
        lambda x: pt.stack([x, x]),
        lambda x: memoryview(x),
        lambda x: pt.var(x),
        lambda x: pt.take(x, 0, axis=0),
        lambda x: pt.asarray(x).numpy(),
    ],
)
def test_elements_are_not_readable(f):
    with pytest.raises(TypeError, match=r"^fuse: "):
        pt.fuse(f)(pt.ones((2, 2)))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.__iadd__(1),
        lambda x: pt.add(x, 1, out=pt.ones(3)),
        lambda x: pt.add(pt.ones(3), 1, out=x),
        lambda x: pt.ones(3).__imul__(x),
    ],
)
def test_results_in_place_are_rejected(f):
    with pytest.raises(TypeError, match=r"^fuse: .*: it can't follow a result written in place"):
        pt.fuse(f)(pt.ones(3))


def test_errors_of_the_function_pass_through():
    fused = pt.fuse(lambda x, y: x + y)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"add: shapes \(3,\) and \(4,\) do not broadcast"):
            fused(pt.ones(3), pt.ones(4))
    with pytest.raises(OverflowError, match="1000 is out of the range of int8"):
        pt.fuse(lambda x: x + 1000)(pt.ones(3, dtype="int8"))
    with pytest.raises(ZeroDivisionError):
        pt.fuse(lambda x: x * (1 / 0))(pt.ones(3))
    assert fused(pt.ones(3), pt.ones(3)).tolist() == [2, 2, 2]


def test_huge_shapes_are_rejected():
    x, y = pt.broadcast_to(pt.ones(1), (1 << 40, 1)), pt.broadcast_to(pt.ones(1), (1, 1 << 40))
    with pytest.raises(ValueError, match="more elements than memory has addresses"):
        pt.fuse(lambda x, y: x + y)(x, y)


def test_invalid_function_argument_and_result():
    with pytest.raises(TypeError, match=r"^fuse: found a int: expected a function"):
        pt.fuse(3)
    with pytest.raises(TypeError, match=r"^fuse: an argument is a list: expected a tensor"):
        pt.fuse(lambda x: x)([1, 2])
    for result in (None, 3, "text", [1]):
        with pytest.raises(TypeError, match=r"^fuse: the function returned"):
            pt.fuse(lambda x, result=result: result)(pt.ones(3))


def test_programs_of_any_size(rng):
    """What exceeds the limits of one call of the kernel takes several."""
    x = pt.asarray(rng.uniform(-1, 1, 20).astype("float32"))
    captured = [pt.asarray(rng.uniform(-1, 1, 20).astype("float32")) for _ in range(40)]

    def many_inputs(x):
        for t in captured:
            x = x + t
        return x

    def many_temporaries(x):
        parts = [pt.tanh(x)]
        for _ in range(100):
            parts.append(pt.tanh(parts[-1]))
        for part in reversed(parts):
            x = x + part
        return x

    def many_results(x):
        return [x + i for i in range(100)]

    def many_conversions(x):
        parts = [(x * i).astype("float64") for i in range(70)]
        wholes = [(x * i) for i in range(70)]
        for whole, part in zip(wholes, reversed(parts), strict=True):
            x = x + whole * part
        return x

    for f in (many_inputs, many_temporaries, many_results, many_conversions):
        check(f, x)


def test_leaked_stand_in():
    caught = []

    def f(x):
        caught.append(x * 1)
        return x + 1

    fused = pt.fuse(f)
    fused(pt.ones(3))
    (stand_in,) = caught
    assert stand_in.shape == (3,)
    for use in (
        lambda: stand_in + 1,
        lambda: pt.ones(3) * stand_in,
        lambda: fused(stand_in),
        lambda: pt.fuse(lambda x: x + stand_in)(pt.ones(3)),
        lambda: pt.exp(stand_in),
    ):
        with pytest.raises(TypeError, match=r"^fuse: leaked tensor"):
            use()
    for use in (lambda: stand_in.sum(), lambda: stand_in.numpy(), lambda: stand_in[0]):
        with pytest.raises(TypeError, match="leaked tensor"):
            use()


def test_out_of_memory():
    from pytensor._core import memory_fail_after

    fused = pt.fuse(lambda x, y: (x * 2 + pt.exp(y), x + 1))
    x, y = pt.ones((100, 100)), pt.ones(100)
    for k in range(1, 8):
        memory_fail_after(k)
        try:
            result = fused(x, y)
        except MemoryError as error:
            assert "no memory for a tensor" in str(error)
        else:
            memory_fail_after(-1)
            assert_same(result, (x * 2 + pt.exp(y), x + 1))
            break
    else:
        raise AssertionError("it never had enough memory")
    assert k > 3


def test_programs_are_freed():
    gc.collect()  # what earlier tests left
    before = pt.memory.stats()["in_use"]
    fused = pt.fuse(lambda x: x * pt.ones(1000) + 1)
    fused(pt.ones(1000))
    assert pt.memory.stats()["in_use"] > before
    del fused
    gc.collect()
    assert pt.memory.stats()["in_use"] == before


@pytest.mark.parametrize("depth", [10**5, None])
def test_results_nested_too_deeply(depth):
    def f(x):
        result = [x + 1]
        if depth is None:
            result.append(result)
        for _ in range(depth or 0):
            result = [result]
        return result

    with pytest.raises(RecursionError, match="fuse: nested more than 100 deep"):
        pt.fuse(f)(pt.ones(3))
