"""The tape and the gradients of functions; derivatives of table rows stand in test_op_table.py."""

import array
import contextlib
import gc
import itertools
import threading
from collections import namedtuple

import numpy as np
import pytest
from conftest import output_of
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pytensor as pt
from pytensor import _core, nn


def numerical(f, arrays, k, h=1e-6):
    """d f(*arrays) / d arrays[k] by central differences, f scalar."""
    result = np.empty_like(arrays[k])
    for index in np.ndindex(*result.shape):
        values = []
        for step in (h, -h):
            moved = arrays[k].copy()
            moved[index] += step
            values.append(float(f(*(moved if i == k else a for i, a in enumerate(arrays)))))
        result[index] = (values[0] - values[1]) / (2 * h)
    return result


def check_gradient(f, *arrays, order=1):
    """The gradient of weighted f against differences, in float64; with order 2 also of that."""
    arrays = [np.asarray(a, "f8") for a in arrays]
    shape = f(*map(pt.asarray, arrays)).shape
    weights = np.random.default_rng(11).standard_normal(shape)

    def weighted(*inputs):
        return pt.sum(f(*inputs) * weights)

    found = pt.grad(weighted, argnums=tuple(range(len(arrays))))(*arrays)
    for k, g in enumerate(found):
        assert (g.shape, g.dtype) == (arrays[k].shape, pt.float64)
        np.testing.assert_allclose(g, numerical(weighted, arrays, k), rtol=1e-6, atol=1e-7)
    if order == 2:
        for k in range(len(arrays)):
            check_gradient(pt.grad(weighted, argnums=k), *arrays)


def normal(*shape, seed=3):
    return np.random.default_rng(seed).standard_normal(shape)


# ------------------------------------------------------------------------------------- the tape


def test_gradient_of_watched_tensors():
    x, y = pt.asarray([1.0, 2.0]), pt.asarray([3.0, 4.0])
    with pt.GradientTape() as tape:
        tape.watch(x)
        out = pt.sum(x * y * x)
    assert tape.gradient(out, x).tolist() == [6, 16]
    with pt.GradientTape() as tape:
        tape.watch(x, y)
        middle = x * y
        out = middle * x
    gx, gm, gy = tape.gradient(out, (x, middle, y))
    assert (gx.tolist(), gm.tolist(), gy.tolist()) == ([6, 16], [1, 2], [1, 4])


def test_the_target_may_be_a_source():
    x = pt.asarray([1.0, 2.0])
    with pt.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * 3
    assert tape.gradient(x, x).tolist() == [1, 1]
    assert [g.tolist() for g in tape.gradient(y, [y, x])] == [[1, 1], [3, 3]]


def test_sources_keep_their_structure():
    Pair = namedtuple("Pair", "a b")
    x, y, z = (pt.asarray(float(v)) for v in (1, 2, 3))
    with pt.GradientTape() as tape:
        tape.watch([x, {"y": y}])
        out = x * y
    g = tape.gradient(out, {"list": [x, (y, z)], "pair": Pair(x, z), "empty": []})
    assert g["list"][0].item() == 2 and g["list"][1][0].item() == 1 and g["list"][1][1] is None
    assert isinstance(g["pair"], Pair) and g["pair"].a.item() == 2 and g["pair"].b is None
    assert g["empty"] == []


def test_unconnected_gives_none():
    x, y = pt.asarray(1.0), pt.asarray(2.0)
    with pt.GradientTape(persistent=True) as tape:
        tape.watch(x)
        out = y * 2
        cut = pt.stop_gradient(x) * 3
        flat = pt.floor(x * 2.5)
        numbers = pt.argmax(pt.stack([x, x]))
    for target in (out, cut, flat, numbers, y):
        assert tape.gradient(target, x) is None
    assert pt.grad(lambda x: y * 2)(x).item() == 0
    a, b = pt.grad(lambda x, z: z * 2, argnums=(0, 1))(pt.ones((2, 3)), 1.0)
    assert a.tolist() == [[0] * 3] * 2 and b.item() == 2


def test_output_gradient():
    x = pt.asarray([1.0, 2.0, 3.0])
    with pt.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x
    assert tape.gradient(y, x, output_gradient=[1.0, 0.0, -1.0]).tolist() == [2, 0, -6]
    with pytest.raises(ValueError, match=r"output_gradient has shape \(2,\).* target, \(3,\)"):
        tape.gradient(y, x, output_gradient=[1.0, 2.0])


def test_only_a_persistent_tape_answers_twice():
    x = pt.asarray(3.0)
    for persistent in (False, True):
        with pt.GradientTape(persistent=persistent) as tape:
            tape.watch(x)
            y = x * x
        assert tape.gradient(y, x).item() == 6
        if persistent:
            assert tape.gradient(y, x).item() == 6
        else:
            with pytest.raises(RuntimeError, match="this tape was used already"):
                tape.gradient(y, x)


def test_a_failed_gradient_is_not_followed_by_a_wrong_one():
    x = pt.asarray([1.0, 2.0])
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    x += 1
    with pytest.raises(RuntimeError, match="multiply saved was changed in place"):
        tape.gradient(y, x)
    with pytest.raises(RuntimeError, match="used already"):
        tape.gradient(y, x)


def test_operations_outside_are_not_recorded():
    x = pt.asarray(2.0)
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    z = y * y
    assert tape.gradient(z, x) is None


def test_a_tape_may_record_again():
    x = pt.asarray(2.0)
    tape = pt.GradientTape(persistent=True)
    with tape:
        tape.watch(x)
        y = x * x
    with tape:
        z = y * y
    assert tape.gradient(z, x).item() == 32


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (
            lambda tape, x: tape.watch(pt.asarray([1, 2])),
            TypeError,
            "watch: found a tensor of dtype int64: expected a floating-point or complex tensor",
        ),
        (lambda tape, x: tape.watch(1.0), TypeError, "watch: found a float"),
        (lambda tape, x: tape.watch([x, np.ones(2)]), TypeError, "watch: found a ndarray"),
        (lambda tape, x: tape.gradient(1.0, x), TypeError, "gradient: the target is a float"),
        (
            lambda tape, x: tape.gradient(x, [x, None]),
            TypeError,
            "gradient: a source is a NoneType: expected a tensor",
        ),
        (lambda tape, x: tape.__enter__(), RuntimeError, "this GradientTape is recording already"),
    ],
)
def test_misuse(f, error, message):
    x = pt.asarray(1.0)
    with pt.GradientTape() as tape:
        tape.watch(x)
        with pytest.raises(error, match=message):
            f(tape, x)
        y = x * 2
    assert tape.gradient(y, x).item() == 2


def test_tapes_are_left_in_order():
    outer, inner = pt.GradientTape(), pt.GradientTape()
    with pytest.raises(RuntimeError, match="must be exited in reverse order"):
        inner.__exit__(None, None, None)
    outer.__enter__()
    inner.__enter__()
    with pytest.raises(RuntimeError, match="must be exited in reverse order"):
        outer.__exit__(None, None, None)
    assert _core.is_recording()
    inner.__exit__(None, None, None)
    assert not _core.is_recording()


def test_a_tape_left_out_of_order_records_no_more():
    """A generator that is dropped leaves its tape long after the tape around it was left."""
    x = pt.asarray([1.0, 2.0])

    def squares():
        with pt.GradientTape() as tape:
            tape.watch(x)
            yield x * x

    def f():
        with pt.GradientTape():
            generator = squares()
            next(generator)
            kept.append(generator)

    kept = []
    with pytest.raises(RuntimeError, match="must be exited in reverse order"):
        f()
    kept.pop().close()
    assert not _core.is_recording()
    x += 1
    assert pt.grad(lambda x: (x * x).sum())(x).tolist() == [4, 6]


def test_threads_that_end_inside_a_tape_take_it_along():
    def enter():
        pt.GradientTape().__enter__()

    for _ in range(200):  # more than the tapes there are
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
    assert pt.grad(lambda x: x * x)(pt.asarray(3.0)).item() == 6


def test_an_exception_inside_leaves_no_recording_behind():
    x = pt.asarray([1.0, 2.0])

    def f(x):
        raise KeyError(x * 2)

    for _ in range(200):  # more than the tapes there are
        with pytest.raises(KeyError, match="Tensor"):
            pt.grad(f)(x)
        with pytest.raises(KeyError, match="Tensor"), pt.GradientTape() as tape:
            tape.watch(x)
            f(x)
    x += 1  # no tape objects any more
    assert x.tolist() == [2, 3]


def test_many_tapes():
    """Those that are 64 places apart share a bit of the tensors, not what they know."""
    x = pt.asarray(2.0)
    pulls = [pt.vjp(lambda x, k=k: x * x * k, x)[1] for k in range(200)]
    assert [pull(1.0)[0].item() for pull in pulls] == [4.0 * k for k in range(200)]
    tapes = [pt.GradientTape(persistent=True) for _ in range(70)]
    others = [pt.asarray(float(k)) for k in range(70)]
    with contextlib.ExitStack() as stack:
        for tape, other in zip(tapes, others, strict=True):
            stack.enter_context(tape)
            tape.watch(other)
        y = pt.asarray(0.0)
        for other in others:
            y = y + other * other
        square = others[3] * others[3]
    for k, tape in enumerate(tapes):
        assert tape.gradient(y, others[k]).item() == 2 * k
        assert (tape.gradient(square, others[k]) is None) == (k != 3)
    f = g = lambda x: x * x * x
    for _ in range(3):
        g = pt.grad(g)
    assert (f(x).item(), g(x).item()) == (8, 6)


def test_no_more_tapes_than_places():
    tapes = []
    x = pt.asarray(2.0)
    with pytest.raises(RuntimeError, match="more than 65536 tapes are alive: expected at most"):
        while True:
            tapes.append(pt.GradientTape())
    with tapes[-1] as last:
        last.watch(x)
        y = x * x
    assert last.gradient(y, x).item() == 4
    del tapes, last
    for _ in range(100):
        pt.GradientTape()
    f = g = lambda x: x * x * x
    for _ in range(3):
        g = pt.grad(g)
    assert (f(x).item(), g(x).item()) == (8, 6)


def test_a_forgotten_tape_is_no_dangling_one():
    code = """
        import pytensor as pt
        tape = pt.GradientTape()
        tape.__enter__()
        x = pt.ones(3)
        tape.watch(x)
        del tape
        for _ in range(1000):
            y = x * x
        print(y.tolist())
    """
    assert output_of(code) == "[1.0, 1.0, 1.0]"


def test_dead_tensors_are_not_taken_for_new_ones():
    """Memory of freed tensors is used again, and with it their identity."""
    x = pt.asarray([2.0])
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = x
        for _ in range(50):
            y = y * 1.0
            pt.asarray([3.0]) * 2.0  # may take the place of a tensor that the tape knew
        other = [pt.asarray([float(i)]) for i in range(50)]
    assert tape.gradient(y, [x, *other])[1:] == [None] * 50


# ----------------------------------------------------------------------------- in-place changes


CHANGES = {
    "+=": lambda x: x.__iadd__(1),
    "assignment": lambda x: x.__setitem__(0, 5.0),
    "boolean assignment": lambda x: x.__setitem__(x > 0, 5.0),
    "fill": lambda x: x.fill(3.0),
    "out": lambda x: pt.exp(pt.ones((2, 3), dtype=x.dtype), out=x),
    "of a view": lambda x: x[:1].__imul__(2.0),
    "of a transpose": lambda x: x.T.fill(2.0),
    "through an ndarray and back": lambda x: pt.asarray(np.asarray(x)).fill(2.0),
    "optimizer step": lambda x: pt.optimizers.SGD().apply([pt.ones((2, 3), dtype=x.dtype)], [x]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changing_what_a_tape_saved_is_an_error(name):
    x = pt.asarray(normal(2, 3))
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = pt.sum(x * x)
    CHANGES[name](x)
    with pytest.raises(RuntimeError, match="a tensor that multiply saved was changed in place"):
        tape.gradient(y, x)


def test_changing_what_no_derivative_needs_is_none():
    x, c = pt.asarray(normal(2, 3)), pt.asarray(normal(2, 3))
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = pt.sum(x + c)
    x += 1
    c += 1
    assert tape.gradient(y, x).tolist() == [[1] * 3] * 2


def test_constants_and_results_are_guarded_too():
    x, c = pt.asarray(normal(3)), pt.asarray(normal(3))
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = x * c
    c += 1
    with pytest.raises(RuntimeError, match="multiply saved was changed"):
        tape.gradient(y, x)
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = pt.exp(x)
    y += 1
    with pytest.raises(RuntimeError, match="exp saved was changed"):
        tape.gradient(y, x)


@pytest.mark.parametrize(
    "key, written", [([0, 2, 2, 0], [0, 0, 1, 1]), ([3, 1, 0, 2], [1] * 4), (slice(None), [1] * 4)]
)
def test_a_value_that_another_replaces_has_no_gradient(key, written):
    x, values = pt.asarray([1.0, 2.0, 3.0, 4.0]), pt.asarray([5.0, 6.0, 7.0, 8.0])
    w = pt.asarray([1.0, 10.0, 100.0, 1000.0])
    loss = lambda x, values: pt.sum(w * pt.set_at(x, key, values) ** 2)  # noqa: E731
    dx, dvalues = pt.grad(loss, argnums=(0, 1))(x, values)
    kept = np.ones(4)
    kept[key] = 0
    np.testing.assert_array_equal(dx, 2 * np.asarray(w) * np.asarray(x) * kept)
    np.testing.assert_array_equal(dvalues, 2 * np.asarray(w)[key] * np.asarray(values) * written)
    np.testing.assert_array_equal(  # forward, of one number for them all
        pt.jvp(lambda v: pt.set_at(x, key, v), (pt.asarray(9.0),), (pt.asarray(1.0),))[1], 1 - kept
    )


@pytest.mark.parametrize(
    "key", [[0, 2], np.array([0, 2]), pt.asarray([0, 2]), array.array("q", [0, 2])]
)
def test_an_index_that_changes_later_does_no_harm(key):
    x = pt.asarray([1.0, 2.0, 3.0])
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = x[key] * 2
    key[0] = 1
    assert tape.gradient(y, x).tolist() == [2, 0, 2]
    key[0] = 0
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = pt.add_at(pt.zeros(4), key, x[:2]) * pt.asarray([1.0, 2.0, 3.0, 4.0])
    key[0] = 1
    assert tape.gradient(y, x).tolist() == [1, 3, 0]
    axes = [0]
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = pt.sum(pt.expand_dims(x, 1), axis=axes)
    axes[0] = 1
    assert tape.gradient(y, x).tolist() == [1, 1, 1]


@pytest.mark.parametrize("name", [n for n in CHANGES if n != "optimizer step"])
def test_in_place_operations_under_a_tape_raise_and_change_nothing(name):
    x = pt.asarray(normal(2, 3))
    before = x.tolist()
    with pt.GradientTape() as tape:
        tape.watch(x)
        if "ndarray" in name:
            return  # another tensor: what it changes is noticed by gradient()
        with pytest.raises(RuntimeError, match="a GradientTape records these tensors"):
            CHANGES[name](x)
        assert x.tolist() == before
        y = pt.sum(x * x)
    np.testing.assert_allclose(tape.gradient(y, x), 2 * np.asarray(x))


def test_recorded_values_do_not_go_into_constants():
    x, c = pt.asarray(normal(3)), pt.zeros(3, dtype="float64")
    with pt.GradientTape() as tape:
        tape.watch(x)
        for change in (
            lambda: c.__iadd__(x),
            lambda: c.__setitem__(0, x[0]),
            lambda: pt.exp(x, out=c),
            lambda: c.__setitem__([0, 1], x[:2]),
        ):
            with pytest.raises(RuntimeError, match="a GradientTape records these tensors"):
                change()
        c += 1  # a constant into a constant is nobody's business
    assert c.tolist() == [1, 1, 1]


# --------------------------------------------------------------------------- higher derivatives


def test_derivatives_of_derivatives():
    def f(x):
        return pt.sum(pt.sin(x) * x**3)

    x = normal(5)
    check_gradient(f, x, order=2)
    d = pt.grad(lambda x: x**4)
    assert pt.grad(pt.grad(d))(2.0).item() == 48
    assert pt.grad(pt.grad(lambda x: x * x))(pt.asarray(3.0)).item() == 2


def test_nested_tapes():
    x = pt.asarray(2.0)
    with pt.GradientTape() as outer:
        outer.watch(x)
        with pt.GradientTape() as inner:
            inner.watch(x)
            y = x * x * x
        first = inner.gradient(y, x)
    assert (first.item(), outer.gradient(first, x).item()) == (12, 12)


def test_a_persistent_tape_may_differentiate_what_it_recorded_of_itself():
    x = pt.asarray(2.0)
    with pt.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x * x
        first = tape.gradient(y, x)
    assert tape.gradient(first, x).item() == 12


def test_perturbations_are_not_confused():
    """d/dx (x * d/dy (x + y)) is 1, not 2 (Siskind and Pearlmutter)."""
    f = pt.grad(lambda x: x * pt.grad(lambda y: x + y)(pt.asarray(1.0)))
    assert f(pt.asarray(1.0)).item() == 1
    same = pt.asarray(3.0)
    assert pt.grad(lambda x: x * pt.grad(lambda y: x * y)(same))(same).item() == 6


# ------------------------------------------------------------------------------ grad's arguments


def test_value_and_grad():
    value, g = pt.value_and_grad(lambda x: pt.sum(x * x))(pt.asarray([1.0, 2.0]))
    assert (value.item(), g.tolist()) == (5, [2, 4])
    value, (ga, gb) = pt.value_and_grad(lambda a, b, c=1: a * b * c, argnums=(0, -1))(2.0, 3.0)
    assert (value.item(), ga.item(), gb.item()) == (6, 3, 2)
    assert pt.grad(lambda x, n: x * n)(2.0, n=5).item() == 5
    g = pt.grad(lambda p: pt.sum(p["w"] * p["b"][0]))({"w": pt.ones(2), "b": [pt.ones(2) * 3]})
    assert (g["w"].tolist(), g["b"][0].tolist()) == ([3, 3], [1, 1])
    assert pt.grad(lambda x: pt.sum(x))(np.ones((2, 2), "f8")).dtype == pt.float64

    def named(x):
        """What it does."""
        return x * x

    assert (pt.grad(named).__name__, pt.grad(named).__doc__) == ("named", "What it does.")


def test_grad_keeps_named_tuples():
    Weights = namedtuple("Weights", "w b")
    Layers = namedtuple("Layers", "first more")

    def value(p):
        return pt.sum(p.first.w * p.first.b) + pt.sum(p.more[0].w)

    p = Layers(Weights(pt.ones(2), pt.ones(2) * 3), [Weights(pt.ones(2), pt.ones(2))])
    g = pt.grad(value)(p)
    assert (type(g), type(g.first)) == (Layers, Weights)
    assert (type(g.more), type(g.more[0])) == (list, Weights)
    assert (g.first.w.tolist(), g.first.b.tolist()) == ([3, 3], [1, 1])
    assert (g.more[0].w.tolist(), g.more[0].b.tolist()) == ([1, 1], [0, 0])


def test_argnums():
    def f(x, y):
        return x * y

    assert pt.grad(f, np.int64(1))(2.0, 3.0).item() == 2
    assert [g.item() for g in pt.grad(f, [np.int8(0), -1])(2.0, 3.0)] == [3, 2]
    for wrong in ("a", 0.5, None, (0, "a")):
        for function in (pt.grad, pt.value_and_grad):
            with pytest.raises(TypeError, match=r"^grad: argnums: found .*: expected an int"):
                function(f, wrong)


@pytest.mark.parametrize(
    ("f", "arguments", "error", "message"),
    [
        (
            lambda x: x,
            [pt.ones(2)],
            ValueError,
            r"grad: the function returned a tensor of shape"
            r" \(2,\): expected one element",
        ),
        (lambda x: 1.0, [1.0], TypeError, "grad: the function returned a float: expected a tensor"),
        (lambda x: x, [1], TypeError, "grad: an argument has dtype int64: expected a floating"),
        (lambda x: x, [[1.0, 2]], TypeError, "grad: an argument has dtype int64"),
        (lambda x: x, [], ValueError, "grad: argument 0 of 0 arguments"),
        (lambda x: x, ["a"], TypeError, "asarray: str has elements of dtype"),
    ],
)
def test_grad_refuses(f, arguments, error, message):
    with pytest.raises(error, match=message):
        pt.grad(f)(*arguments)


# ------------------------------------------------------------------- un-broadcasting and dtypes


@given(
    hnp.mutually_broadcastable_shapes(num_shapes=2, min_dims=0, max_dims=4, max_side=3),
    st.sampled_from(["add", "multiply", "divide", "maximum"]),
)
def test_gradients_have_the_shape_before_broadcasting(shapes, name):
    x, y = (np.asarray(normal(*s, seed=i) + 3 * i) for i, s in enumerate(shapes.input_shapes))
    f = getattr(pt, name)
    gx, gy = pt.grad(lambda x, y: pt.sum(f(x, y)), argnums=(0, 1))(x, y)
    assert (gx.shape, gy.shape) == (x.shape, y.shape)
    full = np.broadcast_arrays(x, y)
    wide = pt.grad(lambda x, y: pt.sum(f(x, y)), argnums=(0, 1))(*map(np.array, full))
    for g, w, a in zip((gx, gy), wide, (x, y), strict=True):
        extra = w.ndim - a.ndim
        axes = tuple(d for d in range(w.ndim) if d < extra or a.shape[d - extra] == 1)
        np.testing.assert_allclose(g, np.asarray(w).sum(axes).reshape(a.shape), rtol=1e-12)


def test_three_operands_broadcast():
    x, low, high = normal(4, 1, 3), np.full((2, 1), -0.5), np.array([0.3, 0.4, 0.6])
    check_gradient(pt.clip, x, low, high)
    condition = pt.asarray(normal(2, 3) > 0)
    check_gradient(lambda a, b: pt.where(condition, a, b), normal(3), normal(4, 2, 1))
    check_gradient(lambda a: pt.where(condition, a, 2.0) * a, normal(3), order=2)


@pytest.mark.parametrize(
    ("x", "y"),
    list(itertools.product(["float32", "float64", "int32", "bool"], ["float32", "float64"])),
)
def test_mixed_dtypes(x, y):
    a, b = pt.asarray([1.0, 0.0, 3.0]).astype(x), pt.asarray([0.5, 2.0, 4.0]).astype(y)
    for f, expected in ((pt.multiply, [1, 0, 3]), (pt.matmul, [1, 0, 3]), (pt.add, [1, 1, 1])):
        with pt.GradientTape() as tape:
            tape.watch([t for t in (a, b) if t.dtype.kind == "f"])
            out = pt.sum(f(a.astype("int32") if x == "bool" and f is pt.add else a, b))
        ga, gb = tape.gradient(out, (a, b))
        if x == "bool":
            expected = [float(bool(v)) for v in expected]
        assert (gb.dtype, gb.tolist()) == (y, expected)
        assert ga is None if a.dtype.kind != "f" else ga.dtype == x
    g = pt.grad(lambda b: pt.sum(b.astype("float64") * b.astype("float32") ** 2))(b)
    np.testing.assert_allclose(g, 3 * np.asarray(b) ** 2, rtol=1e-6)
    assert g.dtype == y


def test_powers_of_python_numbers_keep_their_digits():
    x = np.array([0.5, 1.5])
    np.testing.assert_allclose(pt.grad(lambda x: pt.sum(2**x))(x), 2**x * np.log(2), rtol=1e-14)
    np.testing.assert_allclose(pt.grad(lambda x: pt.sum(x**3))(x), 3 * x**2, rtol=1e-14)
    np.testing.assert_allclose(
        pt.grad(lambda x: pt.sum(pt.asarray([2, 3]) ** x))(x),
        np.array([2, 3]) ** x * np.log([2, 3]),
        rtol=1e-14,
    )
    assert pt.grad(lambda x: pt.sum(x**0))(np.zeros(2)).tolist() == [0, 0]


# ------------------------------------------------------------------------------------ nothing


@pytest.mark.parametrize(
    ("x", "y"),
    [((2, 3, 0), (0, 5)), ((0, 3), (3, 2)), ((4, 0, 3), (3, 2)), ((2, 0), (0, 3)), ((0,), (0,))],
)
def test_matmul_gradients_of_nothing(x, y):
    gx, gy = pt.grad(lambda x, y: pt.sum(x @ y), argnums=(0, 1))(pt.zeros(x), pt.zeros(y))
    assert (gx.shape, gy.shape) == (x, y)
    assert not np.asarray(gx).any() and not np.asarray(gy).any()


def test_linear_gradients_of_nothing():
    for x, w in (((0, 3), (3, 2)), ((2, 3, 0), (0, 2))):
        grads = pt.grad(lambda x, w, b: pt.sum(nn.linear(x, w, b)), argnums=(0, 1, 2))(
            pt.zeros(x), pt.zeros(w), pt.zeros(2)
        )
        assert [g.shape for g in grads] == [x, w, (2,)]
        assert grads[2].tolist() == [np.prod(x[:-1])] * 2


@pytest.mark.parametrize(
    "f",
    [
        *[
            lambda x, name=name, axis=axis: pt.sum(getattr(pt, name)(x, axis=axis))
            for name in (
                "sum",
                "prod",
                "mean",
                "var",
                "std",
                "logsumexp",
                "cumulative_sum",
                "cumulative_prod",
                "sort",
                "softmax",
                "log_softmax",
            )
            for axis in (0, 1)
        ],
        pt.mean,
        pt.var,
        lambda x: pt.std(x, correction=1),
        lambda x: x.mean(keepdims=True),
        *[
            lambda x, ord=ord: pt.sum(pt.linalg.matrix_norm(x, ord=ord))
            for ord in ("fro", "nuc", 1, 2, np.inf)
        ],
        *[lambda x, ord=ord: pt.linalg.vector_norm(x, ord=ord) for ord in (1, 2, 3, 0)],
        lambda x: pt.sum(x @ x.T),
        lambda x: pt.sum(pt.einsum("ij,ik->jk", x, x)),
        lambda x: pt.linalg.trace(x),
        lambda x: pt.sum(pt.vecdot(x, x)),
    ],
)
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_functions_of_no_elements(f, shape):
    """They have an empty gradient, and a tangent of the result's shape."""
    x = pt.zeros(shape)
    result = f(x)
    gradient = pt.grad(lambda x: pt.sum(f(x)))(x)
    assert gradient.shape == shape and gradient.dtype == pt.float32
    assert pt.jvp(f, (x,), (x,))[1].shape == result.shape


# ------------------------------------------------------------------------------ long and parallel


def test_long_chains():
    x = pt.asarray(0.5)
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = x
        for _ in range(100_000):
            y = y * 0.99999
    np.testing.assert_allclose(tape.gradient(y, x).item(), 0.99999**100_000, rtol=0.02)
    del tape, y


def test_tapes_in_threads_do_not_see_each_other():
    shared = pt.asarray([1.0, 2.0, 3.0])
    barrier = threading.Barrier(4)
    results, failures = {}, []

    def work(number):
        try:
            barrier.wait(timeout=20)
            for _ in range(200):
                with pt.GradientTape() as tape:
                    tape.watch(shared)
                    y = pt.sum(shared * shared * float(number))
                results[number] = tape.gradient(y, shared).tolist()
                expected = [2 * number * v for v in (1, 2, 3)]
                assert results[number] == expected
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not failures and sorted(results) == [1, 2, 3, 4]


def test_a_tape_records_its_own_thread_only():
    x = pt.asarray(2.0)
    out = []
    with pt.GradientTape() as tape:
        tape.watch(x)
        thread = threading.Thread(target=lambda: out.append(x * 5))
        thread.start()
        thread.join(timeout=20)
    assert tape.gradient(out[0], x) is None


def test_a_list_of_recorded_tensors_is_refused_not_cut_off():
    w = pt.asarray([1.0, 2.0])
    with pt.GradientTape() as tape:
        tape.watch(w)
        with pytest.raises(TypeError, match=r"asarray: a GradientTape records .* stack keeps"):
            pt.asarray([w, w])
        total = pt.sum(pt.stack([w, w]))
    assert tape.gradient(total, w).tolist() == [2, 2]


def test_full_passes_the_gradient_to_its_value():
    assert pt.grad(lambda x: pt.sum(pt.full((2, 3), x)))(1.5).item() == 6


# --------------------------------------------------------------------- what has gone wrong once


def test_endless_sources():
    x = pt.asarray([1.0, 2.0])
    endless = []
    endless.append(endless)
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = x * x
        with pytest.raises(RecursionError):
            pt.asarray(endless)
    with pytest.raises(RecursionError):
        tape.gradient(y, endless)


def test_gradient_of_a_product_of_a_sum():
    """g is broadcast along an axis before one of length 1."""
    rng = np.random.default_rng(2)
    x, w = rng.standard_normal((8, 1, 4, 3)), pt.asarray(rng.standard_normal((3, 2)))
    g = pt.grad(lambda x: ((x @ w).sum(axis=0) ** 2).sum())(pt.asarray(x))
    s = (x @ np.asarray(w)).sum(0, keepdims=True)
    np.testing.assert_allclose(g, np.broadcast_to(2 * s @ np.asarray(w).T, x.shape), rtol=1e-12)


def test_bounds_of_a_slice_are_fixed_when_it_is_taken():
    x, i, j = pt.arange(6.0), pt.asarray(1), pt.asarray(3)
    with pt.GradientTape(persistent=True) as tape:
        tape.watch(x)
        part, one = x[i:j].sum(), x[i]
    i += 2
    j += 2
    assert tape.gradient(part, x).tolist() == [0, 1, 1, 0, 0, 0]
    assert tape.gradient(one, x).tolist() == [0, 1, 0, 0, 0, 0]


def test_powers_of_python_numbers_keep_the_dtype():
    x = pt.asarray(np.array([1.7, 2.3]))
    np.testing.assert_allclose(
        pt.grad(lambda x: (x**3.3).sum())(x), 3.3 * np.asarray(x) ** 2.3, rtol=1e-14
    )
    np.testing.assert_allclose(
        pt.grad(lambda x: (2.1**x).sum())(x), 2.1 ** np.asarray(x) * np.log(2.1), rtol=1e-14
    )


@pytest.mark.parametrize("seed", [[1, 2], np.array([1.0, 2.0]), np.array([1, 2], np.float32)])
def test_output_gradient_takes_the_dtype_of_the_target(seed):
    x = pt.asarray([3.0, 4.0])
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = -x
    g = tape.gradient(y, x, output_gradient=seed)
    assert g.dtype == pt.float32 and g.tolist() == [-1, -2]


def test_clip_with_crossed_bounds():
    f = pt.grad(pt.clip, (0, 1, 2))
    assert [g.item() for g in f(0.0, 2.0, 1.0)] == [0, 0, 1]
    assert [g.item() for g in f(0.0, 1.0, 2.0)] == [0, 1, 0]
    assert [g.item() for g in f(3.0, 1.0, 2.0)] == [0, 0, 1]
    assert [g.item() for g in f(1.5, 1.0, 2.0)] == [1, 0, 0]


def test_a_tape_that_is_not_made_leaves_the_others_alone():
    x = pt.asarray([1.0, 2.0])
    with pt.GradientTape() as outer:
        outer.watch(x)
        for wrong in ({"persistent": np.ones(2)}, {"forever": True}):
            with pytest.raises((TypeError, ValueError)):
                pt.GradientTape(**wrong)
        with pt.GradientTape() as inner:
            inner.watch(x)
            y = pt.sum(x * x)
    assert outer.gradient(y, x).tolist() == inner.gradient(y, x).tolist() == [2.0, 4.0]


# ----------------------------------------------------------------- what changes during a call


@pytest.mark.parametrize("make", [np.array, pt.asarray, lambda axis: [np.array(axis)]])
def test_an_axis_that_changes_after_the_call_changes_no_gradient(make):
    x = pt.asarray([[1.0, 2.0], [4.0, 3.0]])
    for function, expected in (
        (pt.max, [[0, 0], [1, 2]]),
        (pt.mean, [[0.5, 1], [0.5, 1]]),
        (pt.cumulative_sum, [[2, 4], [1, 2]]),
    ):
        axis = make(0)
        if function is pt.cumulative_sum and isinstance(axis, list):
            continue
        with pt.GradientTape() as tape:
            tape.watch(x)
            y = function(x, axis=axis) * pt.asarray([1.0, 2.0])
        (axis[0] if isinstance(axis, list) else axis)[...] = 1
        np.testing.assert_array_equal(tape.gradient(y, x), expected)


def test_a_garbage_collection_may_leave_the_tape():
    # at any allocation of a call that is about to be recorded
    x = pt.ones(3)
    for n in range(1, 40):
        tape = pt.GradientTape()
        left = []

        def leave(phase, info, tape=tape, left=left):
            if not left:
                left.append(tape.__exit__())

        gc.collect()
        thresholds = gc.get_threshold()
        with contextlib.suppress(RuntimeError), tape:  # it was left already
            tape.watch(x)
            gc.callbacks.append(leave)
            gc.set_threshold(n)
            try:
                for _ in range(20):
                    pt.softmax(x)
            finally:
                gc.callbacks.remove(leave)
                gc.set_threshold(*thresholds)
        assert not _core.is_recording()
