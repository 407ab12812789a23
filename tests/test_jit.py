"""jit: the same bits as the function itself, from a recording; and clear errors."""

import copy
import gc
import pickle
import threading
import weakref

import numpy as np
import pytest
from conftest import check_leaves
from test_derivatives import CASES, IN_PROGRAMS, OURS

import pytensor as pt

pytestmark = pytest.mark.once


def assert_same(result, expected):
    """Equal bits, shapes and dtypes of tensors, or of nested ones."""
    check_leaves(assert_same_leaf, result, expected)


def assert_same_leaf(result, expected):
    if isinstance(expected, pt.Tensor):
        assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
        assert result.copy().numpy().tobytes() == expected.copy().numpy().tobytes()
    else:
        assert result == expected


def check(f, *args, **kwargs):
    """The recorded function, at the call that records it and at later ones, against f."""
    recorded = pt.jit(f)
    expected = f(*args, **kwargs)
    for _ in range(3):
        assert_same(recorded(*args, **kwargs), expected)
    return recorded


def calls_blas(name):
    """Whether a case has products of complex matrices: NumPy's, whose bits depend on where
    operands lie."""
    return name.startswith("complex")


def derivatives(f):
    """f's value, its gradient and tangent along the ones, and the derivative of the gradient."""

    def of_floats(*args):
        def gradient(*args):
            value, pullback = pt.vjp(f, *args)
            return pullback(value)

        ones = tuple(pt.ones_like(x) for x in args)
        return (pt.jvp(f, args, ones), gradient(*args), pt.jvp(gradient, args, ones)[1])

    return of_floats


# -------------------------------------------------------------------------------------- values


@pytest.mark.parametrize("name", IN_PROGRAMS)
def test_values(name):
    f, args = CASES[name]
    args = [pt.asarray(x) for x in args]
    g = lambda *x: f(OURS, *x)  # noqa: E731
    if calls_blas(name):
        close(pt.jit(g)(*args), g(*args))
    else:
        check(g, *args)


@pytest.mark.parametrize("name", IN_PROGRAMS)
def test_derivatives(name):
    f, args = CASES[name]
    args = [pt.asarray(x) for x in args]
    g = derivatives(lambda *x: f(OURS, *x))
    if calls_blas(name):
        close(pt.jit(g)(*args), g(*args))
    elif (
        name == "fuse"
    ):  # one operation for the tape outside, which adds its gradients up otherwise
        close(pt.jit(g)(*args), g(*args))
    else:
        check(g, *args)


# ----------------------------------------------------------------------- arguments, results


def tensors(*shapes, dtype="float32", seed=0):
    rng = np.random.default_rng(seed)
    return [pt.asarray(rng.uniform(-2, 2, shape).astype(dtype)) for shape in shapes]


def test_nested_arguments():
    w, b, x = tensors((4, 3), 3, (5, 4))
    parameters = {"dense": [w, b], "scale": (2.0, None), "name": "a"}

    def f(parameters, x, *, power=1):
        w, b = parameters["dense"]
        return {"y": (x @ w + b) * parameters["scale"][0] ** power, "parts": [w, (b,)]}

    recorded = check(f, parameters, x)
    for power in (2, 2.0, 3):
        assert_same(recorded(parameters, x, power=power), f(parameters, x, power=power))
    assert_same(
        recorded({**parameters, "dense": [w.numpy(), b.numpy()]}, x.numpy()), f(parameters, x)
    )
    with pytest.raises(TypeError, match=r"^jit: f: an argument is a set: expected a tensor"):
        recorded({1}, x)


@pytest.mark.parametrize(
    "view", [lambda x: x.T, lambda x: x[::2, ::-2], lambda x: pt.broadcast_to(x[:1], x.shape)]
)
def test_views_as_arguments(view):
    (x,) = tensors((6, 6))
    recorded = check(lambda x: pt.tanh(x) @ x + x.sum(0), view(x))
    assert_same(recorded(x), pt.tanh(x) @ x + x.sum(0))


def test_results():
    (x,) = tensors((3, 4))
    recorded = check(
        lambda x: (
            x,
            x.T,
            x[1],
            x + 1,
            (x * 2)[0],
            pt.zeros(3),
            None,
            3,
            "text",
            pt.exp(x).mT,
            pt.asarray([1.0, 2.0]),
        ),
        x,
    )
    results = recorded(x)
    assert results[0] is not x
    results[0].fill(0)
    assert (x != 0).any()
    results[5].fill(1)  # a constant of the program is not handed out
    assert recorded(x)[5].tolist() == [0, 0, 0]
    check(lambda x: (x * x, x * x), x)
    check(lambda: pt.ones(3) * 2)
    with pytest.raises(TypeError, match="jit: <lambda>: the function returned a set"):
        pt.jit(lambda x: {1})(x)


def test_captured_tensors_are_read_at_each_call():
    x, w = tensors(10, 10)
    array = np.ones(10, "float32")
    f = lambda x: pt.sort(w) * x + pt.asarray(array)  # noqa: E731
    recorded = check(f, x)
    w.fill(3)
    array[:] = 7
    assert_same(recorded(x), f(x))


def test_what_is_written_outside_is_written_at_each_call():
    count = pt.zeros(())
    table = pt.zeros((2, 3))

    @pt.jit
    def f(x):
        nonlocal count
        count += 1
        table[1] += x
        return x * count

    x = pt.ones(3)
    for k in range(1, 5):
        assert f(x).tolist() == [k] * 3
        assert count.item() == k
        assert table.tolist() == [[0] * 3, [k] * 3]
    with pytest.raises(ValueError, match="shares its memory"):
        f(table[1])


def test_writing_inside():
    def f(x):
        y = x * 1
        y += x
        y[1] = 0.0
        y[pt.asarray([True, False, True])] = 5.0
        z = pt.empty(3)
        z[...] = y
        z *= 2
        total = pt.asarray([0.0, 0.0, 1.0])
        total += z
        pt.add(z, 1, out=y)
        return y, z, total, x

    check(f, *tensors(3))


def test_random_numbers_are_drawn_at_each_call():
    layer = pt.layers.Dropout(0.5)

    def f(x):
        return (
            x + pt.random.normal(3),
            pt.random.permutation(x),
            pt.random.uniform(()),
            layer(pt.ones(20), training=True),
        )

    (x,) = tensors(3)
    pt.random.seed(1)
    expected = [f(x) for _ in range(4)]
    pt.random.seed(1)
    recorded = pt.jit(f)
    for k in range(4):
        assert_same(recorded(x), expected[k])
    with pytest.raises(TypeError, match=r"^random\.generator: a function is being recorded"):
        pt.jit(lambda x: pt.random.generator().random() * x)(x)


@pytest.mark.parametrize("transform", [pt.jit, pt.vmap, lambda f: pt.jit(pt.vmap(f))])
def test_derivatives_see_the_numbers_that_were_drawn(transform):
    """The slope of x times random numbers is those numbers; and the next ones follow."""
    (x,) = tensors(20)
    layer = pt.layers.Dropout(0.5, seed=2)

    def f(x):
        return x * pt.random.normal(()) * layer(x * 0 + 1, training=True)

    recorded = transform(f)
    value_and_grad = pt.value_and_grad(lambda x: pt.sum(recorded(x)))
    for g in (value_and_grad, pt.jit(value_and_grad)):
        drawn = []
        for _ in range(3):
            value, gradient = g(x)
            np.testing.assert_allclose(pt.sum(x * gradient), value, rtol=1e-5)
            drawn.append(gradient.numpy().tobytes())
        assert len(set(drawn)) == 3
    pt.random.seed(3)
    recorded(x), recorded(x)
    expected = pt.random.normal(3)
    pt.random.seed(3)
    g(x), pt.grad(lambda x: pt.sum(recorded(x)))(x)
    assert_same(pt.random.normal(3), expected)


def test_networks():
    model = pt.models.Sequential(
        [
            pt.layers.Dense(32, activation="relu", input_shape=(16,)),
            pt.layers.Dense(4, activation="softmax"),
        ]
    )
    x, y = pt.ones((8, 16)), pt.asarray([1, 0, 3, 2, 1, 1, 0, 0])

    def loss(x, y):
        weights = model.weights
        with pt.GradientTape() as tape:
            tape.watch(weights)
            value = pt.nn.sparse_softmax_cross_entropy(model(x), y).mean()
        return value, tape.gradient(value, weights)

    check(loss, x, y)


def test_wide_layers_skip_columns_of_zeros():
    x = np.random.default_rng(0).standard_normal((128, 784)).astype("float32")
    x[:, ::2] = 0
    dense = np.ones((128, 784), "float32")
    w, b = tensors((784, 128), 128)

    def f(x):
        with pt.GradientTape() as tape:
            tape.watch(w, b)
            y = pt.sum(pt.nn.linear(x, w, b, relu=True) ** 2)
        return y, tape.gradient(y, [w, b])

    recorded = check(f, pt.asarray(x))
    assert_same(recorded(dense), f(pt.asarray(dense)))


def test_index_errors_are_those_of_the_function():
    x, logits = tensors(5, (2, 4))
    take = pt.jit(lambda x, k: x[k])
    assert take(x, pt.asarray([1, -1])).tolist() == x[pt.asarray([1, 4])].tolist()
    loss = pt.jit(pt.nn.sparse_softmax_cross_entropy)
    loss(logits, pt.asarray([0, 3]))
    for _ in range(2):
        with pytest.raises(IndexError, match="index 7 is out of range for axis 0 with length 5"):
            take(x, pt.asarray([1, 7]))
        with pytest.raises(ValueError, match="label 4 at position 1 is not one of 4 classes"):
            loss(logits, pt.asarray([0, 4]))


def test_repeated_and_constant_calls_are_made_once():
    calls = []

    def noted(x):
        calls.append(x)
        return pt.asarray(x.numpy() + 1)

    from pytensor._core import call_each_time

    recorded = pt.jit(
        lambda x: (
            pt.exp(x) + pt.exp(x) + pt.sum(pt.ones(50) * 2) + call_each_time("noted", noted, x)
        )
    )
    (x,) = tensors(50)
    recorded(x)
    text = pt.program_text(recorded)
    assert text.count("exp") == 1
    assert "sum" not in text
    recorded(x)
    assert len(calls) == 2


# ----------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize("name", IN_PROGRAMS)
def test_derivatives_of_programs(name):
    """grad(jit(f)), of first and second order, in both modes."""
    f, args = CASES[name]
    args = [pt.asarray(x) for x in args]
    recorded = pt.jit(lambda *x: f(OURS, *x))
    expected = derivatives(lambda *x: f(OURS, *x))(*args)
    for _ in range(2):
        close(derivatives(recorded)(*args), expected)


def close(result, expected):
    if isinstance(expected, (list, tuple)):
        for part, expected_part in zip(result, expected, strict=True):
            close(part, expected_part)
    else:
        np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-9)


def test_gradients_of_what_is_captured():
    x, w, table = tensors((5, 4), (4, 3), (2, 3))
    row = table[1]

    def f(x):
        return {"y": pt.tanh(x @ w) * row, "n": pt.argmax(x), "w": w.T}

    def gradients(f):
        with pt.GradientTape() as tape:
            tape.watch(x, w, row)
            out = f(x)
            total = pt.sum(out["y"] ** 2) + pt.sum(out["w"][0])
        return tape.gradient(total, [x, w, row])

    recorded = pt.jit(f)
    for _ in range(3):
        assert_same(gradients(recorded), gradients(f))
    w.fill(0.5)
    assert_same(gradients(recorded), gradients(f))


def test_gradients_of_shared_arguments_and_results():
    (x,) = tensors(4)

    def f(parameters, *, scale):
        y = parameters["a"] * parameters["b"] * scale
        return [y, y, parameters["a"]]

    def total(f):
        return pt.grad(lambda x: sum(pt.sum(t) for t in f({"a": x, "b": x}, scale=3.0)))

    assert_same(total(pt.jit(f))(x), total(f)(x))
    recorded = pt.jit(lambda x: pt.exp(x * x))
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = recorded(x)
    x.fill(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        tape.gradient(y, x)


def test_recordings_of_recordings():
    (x,) = tensors(6)
    inner = pt.jit(lambda x: pt.sum(pt.sin(x) * x))
    f = lambda x: pt.sum(pt.sin(x) * x)  # noqa: E731
    assert_same(pt.jit(pt.grad(inner))(x), pt.jit(pt.grad(f))(x))
    v = pt.ones(6)
    for g in (pt.hvp(inner), pt.jit(pt.hvp(inner)), pt.jit(pt.hvp(f))):
        close(g(x, v), pt.hvp(f)(x, v))
    close(pt.hessian(inner)(x), pt.hessian(f)(x))
    close(pt.jit(pt.hessian(f))(x), pt.hessian(f)(x))


# -------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("f", "what"),
    [
        (lambda x: x if x.sum() > 0 else -x, "bool"),
        (lambda x: x * float(x[0]), "float"),
        (lambda x: x * x.max().item(), "item"),
        (lambda x: pt.asarray(x.numpy() * 2), "reading the elements"),
        (lambda x: x[: int(x[0])], "int"),
        (lambda x: [1, 2][pt.argmax(x)], "index"),
        (lambda x: pt.asarray(np.sin(np.asarray(x))), "reading the elements"),
        (lambda x: x.tolist(), "reading the elements"),
        (lambda x: 1.0 in x, "bool"),
    ],
)
def test_values_are_not_readable(f, what):
    recorded = pt.jit(f)
    for _ in range(2):
        with pytest.raises(
            TypeError,
            match=rf"^jit: <lambda>: line \d+ of test_jit.py: {what}: "
            "a value is read while the function is recorded",
        ):
            recorded(pt.ones(3))
    assert pt.jit(lambda x: x + 1)(pt.ones(1)).tolist() == [2]


def test_arguments_are_not_changed():
    def add(x):
        x += 1
        return x

    def fill(x):
        x[0].fill(3)
        return x

    for f in (add, fill, lambda x: pt.add(x, 1, out=x)):
        x = pt.ones((2, 2))
        with pytest.raises(TypeError, match="changes an argument in place"):
            pt.jit(f)(x)
        assert (x == 1).all()


def test_shapes_that_depend_on_values():
    (x,) = tensors(6)
    recorded = pt.jit(lambda x: x[x > 0])
    assert_same(recorded(x), x[x > 0])
    with pytest.raises(ValueError, match="shapes must not depend on values"):
        recorded(-x - 5)


def test_leaked_tensors():
    caught = []

    @pt.jit
    def f(x):
        caught.append(x * 1)
        return x + 1

    f(pt.ones(3))
    (leaked,) = caught
    for use in (
        lambda: leaked + 1,
        lambda: leaked.sum(),
        lambda: leaked @ leaked,
        lambda: f(leaked),
        lambda: leaked[0],
        lambda: leaked.numpy(),
        lambda: pt.softmax(leaked),
        lambda: pt.jit(lambda x: x + leaked)(pt.ones(3)),
        lambda: repr(leaked),
        lambda: pt.concat([leaked, leaked]),
        lambda: pt.sort(leaked),
        lambda: pt.ones(3).__iadd__(leaked),
        lambda: leaked.__iadd__(1),
        lambda: pt.grad(lambda x: pt.sum(x * leaked))(pt.ones(3)),
    ):
        with pytest.raises(TypeError, match=r"^jit: leaked tensor"):
            use()


def test_exceptions_leave_nothing_behind():
    runs = []

    @pt.jit
    def f(x):
        runs.append(x)
        if len(runs) < 3:
            raise KeyError("no")
        return x * 2

    for _ in range(2):
        with pytest.raises(KeyError):
            f(pt.ones(3))
    assert f(pt.ones(3)).tolist() == [2, 2, 2]
    f(pt.ones(3))
    assert len(runs) == 3


def test_recursion():
    @pt.jit
    def f(x, n):
        return x if n == 0 else f(x, n - 1) * x

    assert f(pt.asarray(2.0), 5).item() == 64

    @pt.jit
    def endless(x):
        return endless(x)

    with pytest.raises(RecursionError):
        endless(pt.ones(3))
    assert pt.jit(lambda x: x + 1)(pt.ones(1)).tolist() == [2]


def test_repr_shows_shapes():
    texts = []

    @pt.jit
    def f(x):
        texts.append(f"{x * 2!r}")
        return x

    f(pt.ones((2, 3)))
    assert texts == ["Tensor(shape=(2, 3), dtype=float32, being recorded)"]


def test_programs_are_freed():
    gc.collect()
    before = pt.memory.stats()["in_use"]
    w = pt.ones(1000)
    recorded = pt.jit(pt.grad(lambda x: pt.sum(pt.tanh(x) * w * pt.ones(1000))))
    for n in (1000, 1000, 1):
        recorded(pt.ones(n))
    recorded = w = None
    gc.collect()
    assert pt.memory.stats()["in_use"] == before


def test_number_of_programs_is_limited():
    runs = []

    def f(x, n):
        runs.append(n)
        return x * n

    recorded = pt.jit(f)
    for n in (*range(40), *range(39, 20, -1)):
        assert_same(recorded(pt.ones(3), n), pt.ones(3) * n)
    assert runs == list(range(40))


def test_memory_is_reused():
    """A chain of products needs two buffers at a time."""
    (w,) = tensors((256, 256))

    def f(x):
        for _ in range(20):
            x = pt.tanh(x @ w)
        return x

    recorded = check(f, w)
    pt.memory.reset_peak()
    before = pt.memory.stats()["in_use"]
    recorded(w)
    assert pt.memory.stats()["peak"] - before < 4.1 * w.nbytes


def test_out_of_memory():
    from pytensor._core import memory_fail_after

    f = lambda x: (pt.tanh(x @ x) @ x, x.sum(0))  # noqa: E731
    recorded = pt.jit(f)
    (x,) = tensors((100, 100))
    for k in range(1, 40):
        memory_fail_after(k)
        try:
            result = recorded(x)
        except MemoryError:
            continue
        memory_fail_after(-1)
        assert_same(result, f(x))
        if k > 12:
            break
    memory_fail_after(-1)
    assert_same(recorded(x), f(x))


def test_python_threads_share_a_recorded_function():
    args = {n: tensors((n, n))[0] for n in (3, 30, 200)}
    f = lambda x: pt.sort(pt.tanh(x @ x) + x.sum(0))  # noqa: E731
    expected = {n: f(args[n]) for n in args}
    recorded = pt.jit(f)
    failures = []

    def work():
        try:
            for _ in range(20):
                for n in args:
                    assert_same(recorded(args[n]), expected[n])
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


def test_transformations_of_large_tensors(threads):
    """Large enough for several threads and tasks."""
    (x,) = tensors((300, 500))
    f = pt.grad(lambda x: pt.sum(pt.tanh(x @ x.T) * 0.01 + pt.exp(-x).sum(0)[:300]))
    expected = f(x)
    recorded = pt.jit(f)
    for n in (1, 2, 8):
        threads(n)
        assert_same(recorded(x), expected)


# ------------------------------------------------------------------------ what programs rely on


def test_branches_on_overflow():
    """A program relies on the branch that f took; where it doesn't hold, f itself runs."""
    layer = pt.layers.BatchNormalization()
    (x,) = tensors((6, 3))
    layer(x)
    before = layer.get_weights()

    def f(x):
        return layer(x, training=True), pt.losses.categorical_hinge(pt.ones((6, 3)), x)

    usual, huge = x, x * 1e30
    for order in ([usual] * 3, [usual, huge, usual, huge, usual], [huge, huge, usual, usual, huge]):
        results = []
        for g in (f, pt.jit(f)):
            layer.set_weights(before)
            results.append([[g(x) for x in order], layer.get_weights()])
        assert_same(results[1][0], results[0][0])
        for a, b in zip(results[0][1], results[1][1], strict=True):
            assert a.tobytes() == b.tobytes()


def test_gradients_of_branches():
    loss = lambda x: pt.losses.binary_crossentropy(pt.ones((4, 3)), x, from_logits=True).sum()  # noqa: E731
    (x,) = tensors((4, 3))
    recorded, composed = pt.jit(pt.grad(loss)), pt.grad(pt.jit(loss))
    for k in (1.0, 1.0, pt.inf, 1.0, pt.inf):
        assert_same(recorded(x * k), pt.grad(loss)(x * k))
        assert_same(composed(x * k), pt.grad(loss)(x * k))


def test_random_numbers_before_a_branch_that_fails():
    drop, norm = pt.layers.Dropout(0.5), pt.layers.LayerNormalization()
    (x,) = tensors((4, 3))
    norm(x)
    f = lambda x: drop(norm(drop(x, training=True)), training=True)  # noqa: E731
    results = []
    for g in (f, pt.jit(f)):
        pt.random.seed(7)
        results.append([g(x * k) for k in (1, 1, 1e30, 1, 1e30)])
    assert_same(results[0], results[1])


def test_branches_under_vmap():
    with pytest.raises(TypeError, match="a value is read"):
        pt.vmap(lambda x: pt.losses.categorical_hinge(x, x))(pt.ones((2, 3, 4)))


def test_columns_in_use_differ_between_calls():
    """Columns of zeros in the factor of a large product are left out, also in programs."""
    (w, x) = tensors((784, 100), (100, 784))
    f = pt.value_and_grad(lambda w, x: pt.sum(pt.nn.linear(x, w, relu=True)))
    recorded = pt.jit(f)
    for unused in (0, 300, 784, 40, 0):
        part = x.numpy().copy()
        part[:, :unused] = 0
        part = pt.asarray(part)
        for weights in (w, pt.asarray(w.numpy().T.copy()).T):
            assert_same(recorded(weights, part), f(weights, part))


def test_a_step_of_an_optimizer_is_refused():
    weight = pt.ones(3)
    optimizer = pt.optimizers.Adam()
    optimizer.build([weight])
    recorded = pt.jit(lambda g: optimizer.apply([g], [weight]))
    with pytest.raises(
        TypeError, match=r"line .* of test_jit.py: adam_step: a step of an optimizer can't"
    ):
        recorded(pt.ones(3))
    np.testing.assert_array_equal(weight, 1)


# --------------------------------------------------------------------------------------- methods


class Scaled:
    """A class with a recorded method."""

    def __init__(self, factor):
        self.factor = factor
        self.calls = 0

    @pt.jit
    def times(self, x):
        """x times the factor."""
        self.calls += 1
        return x * self.factor


def test_each_object_has_programs_of_its_method():
    two, three = Scaled(2.0), Scaled(pt.asarray(3.0))
    for _ in range(3):
        assert two.times(pt.ones(2)).tolist() == [2, 2]
        assert three.times(pt.ones(2)).tolist() == [3, 3]
    assert (two.calls, three.calls) == (1, 1)
    three.factor[...] = 4.0
    assert three.times(pt.ones(2)).tolist() == [4, 4]
    assert two.times.__doc__ == Scaled.times.__doc__ == "x times the factor."
    assert two.times is two.times


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_copied_object_has_its_own_programs(copied):
    two = Scaled(2.0)
    two.times(pt.ones(1))
    other = copied(two)
    other.factor, other.calls = 5.0, 0
    assert other.times(pt.ones(1)).tolist() == [5]
    assert two.times(pt.ones(1)).tolist() == [2]
    assert (two.calls, other.calls) == (1, 1)


def test_programs_of_a_method_end_with_the_object():
    two = Scaled(2.0)
    two.times(pt.ones(1))
    reference = weakref.ref(two)
    del two
    gc.collect()
    assert reference() is None


def test_a_method_needs_a_dict():
    class Slotted:
        __slots__ = ()

        @pt.jit
        def f(self, x):
            return x

    with pytest.raises(TypeError, match="jit: f: Slotted has no __dict__"):
        Slotted().f(pt.ones(1))
