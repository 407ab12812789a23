"""vmap: the results of a function for each sample, stacked; and clear errors."""

from functools import partial

import numpy as np
import pytest
from test_derivatives import CASES, IN_PROGRAMS, OURS
from test_jit import assert_same, close, derivatives
from test_jit import tensors as float32_tensors

import pytensor as pt
from pytensor._autodiff import transforms

pytestmark = pytest.mark.once

N = 3

tensors = partial(float32_tensors, dtype="float64")


def samples(args):
    """Three samples of each array, which all lie where the function is smooth."""
    for x in args:
        steps = np.arange(N).reshape(-1, *[1] * np.ndim(x))
        yield pt.asarray(np.stack([x] * N) * (1 + 1e-3 * steps))


def stacked(f, *args):
    """What vmap(f) is: f's results for each sample, one after the other."""

    def join(*parts):
        if isinstance(parts[0], (list, tuple)):
            return [join(*part) for part in zip(*parts, strict=True)]
        return pt.stack(parts)

    return join(*(f(*(x[i] for x in args)) for i in range(N)))


@pytest.mark.parametrize("name", IN_PROGRAMS)
def test_values(name):
    f, args = CASES[name]
    args = list(samples(args))
    g = lambda *x: f(OURS, *x)  # noqa: E731
    expected = stacked(g, *args)
    mapped = pt.vmap(g)
    for _ in range(2):
        close(mapped(*args), expected)
    close(pt.jit(mapped)(*args), expected)


@pytest.mark.parametrize("name", IN_PROGRAMS)
def test_derivatives(name):
    """vmap(grad(f)) and the like, of first and second order."""
    f, args = CASES[name]
    args = list(samples(args))
    g = derivatives(lambda *x: f(OURS, *x))
    close(pt.vmap(g)(*args), stacked(g, *args))


@pytest.mark.parametrize("name", IN_PROGRAMS)
def test_derivatives_of_mapped_functions(name):
    """grad(vmap(f)), of first and second order, in both modes."""
    f, args = CASES[name]
    args = list(samples(args))
    g = lambda *x: f(OURS, *x)  # noqa: E731
    close(derivatives(pt.vmap(g))(*args), stacked(derivatives(g), *args))


@pytest.mark.parametrize("name", IN_PROGRAMS)
def test_nested(name):
    """Samples of samples; the inner ones along the last axis, of the first argument alone."""
    f, args = CASES[name]
    args = list(samples(args))
    x, rest = pt.stack([args[0], args[0] * 1.001], axis=-1), [y[0] for y in args[1:]]
    g = lambda *x: f(OURS, *x)  # noqa: E731
    mapped = pt.vmap(pt.vmap(g, (-1, *[None] * len(rest))), (0, *[None] * len(rest)))
    expected = [stacked(lambda x: g(x, *rest), x[..., k]) for k in range(2)]
    for k in range(2):
        close(take(mapped(x, *rest), (slice(None), k)), expected[k])


def take(tree, key):
    return [take(part, key) for part in tree] if isinstance(tree, (list, tuple)) else tree[key]


@pytest.mark.parametrize("name", IN_PROGRAMS)
def test_jacobians(name, monkeypatch):
    """All passes at once, or in pieces, against one after the other."""
    f, args = CASES[name]
    args = [pt.asarray(x) for x in args]
    g = lambda *x: f(OURS, *x)  # noqa: E731
    value = g(*args)
    real = {
        mode: all(t.dtype.kind == "f" for t in tensors)
        for mode, tensors in (
            ("rev", value if isinstance(value, list) else [value]),
            ("fwd", args[:1]),
        )
    }
    for mode in real:
        if not real[mode]:
            with pytest.raises(TypeError, match="is complex: expected real"):
                pt.jacobian(g, mode=mode)(*args)
    found = []
    for n, most in ((10**9, 0), (1, 10**9), (4, 0)):
        monkeypatch.setattr(transforms, "_MIN_PASSES", n)
        monkeypatch.setattr(transforms, "_MAX_ELEMENTS", most)
        found += [pt.jacobian(g, mode=mode)(*args) for mode in real if real[mode]]
    for other in found[1:]:
        close(other, found[0])


def test_jacobians_in_programs_and_of_second_order(monkeypatch):
    w, x = tensors((6, 5), 6)
    f = lambda x: {"y": pt.tanh(pt.tanh(x @ w) @ w.T) * x, "n": pt.sum(x)}  # noqa: E731
    expected = [g(f)(x) for g in (pt.jacobian, pt.hessian)]
    of_jacobian = pt.grad(lambda x: pt.sum(pt.jacobian(f)(x)["y"] ** 2))
    gradient = of_jacobian(x)
    monkeypatch.setattr(transforms, "_MIN_PASSES", 2)
    for g, e in zip((pt.jacobian, pt.hessian), expected, strict=True):
        eager = g(f)(x)
        close(list(eager.values()), list(e.values()))
        assert_same(pt.jit(g(f))(x), eager)
    close(of_jacobian(x), gradient)


def test_jacobians_of_what_cannot_be_recorded():
    """A derivative of the user's that reads values is called once per pass."""

    @pt.custom_gradient
    def f(x):
        return x**2, lambda g: pt.asarray(2 * x.numpy() * g.numpy())

    x = pt.arange(20.0, dtype="float64")
    assert_same(pt.jacobian(f)(x), pt.eye(20, dtype="float64") * 2 * x)
    g = pt.checkpoint(lambda x: pt.sin(x) ** 2)
    close(pt.jacobian(g)(x), pt.eye(20, dtype="float64") * pt.sin(2 * x))


# ------------------------------------------------------------------------------ axes and trees


def test_axes():
    x, y = tensors((2, 3, 4), (4, 5))
    f = lambda x, y: (x @ y, x.T)  # noqa: E731
    for axis in (0, 1, -2, -3):
        for out in (0, 1, 2, -1):
            a, b = pt.vmap(f, (axis, None), (out, 0))(x, y)
            expected = [f(part, y) for part in pt.unstack(x, axis=axis)]
            close(a, pt.stack([e[0] for e in expected], axis=out))
            close(b, pt.stack([e[1] for e in expected], axis=0))
    assert_same(pt.vmap(lambda x, y: y * 2, (0, None))(x, y[0]), pt.stack([y[0] * 2] * 2))
    assert_same(pt.vmap(lambda x, y: y * 2, (0, None), None)(x, y), y * 2)
    assert_same(pt.vmap(lambda x: x, 2, 2)(x), x)
    assert_same(pt.vmap(lambda x: 1.0)(x), pt.ones(2))
    assert_same(pt.vmap(pt.sum)(x.numpy()), pt.sum(x, axis=(1, 2)))


def test_trees_as_in_jax():
    jax = pytest.importorskip("jax")
    rng = np.random.default_rng(0)
    w, b, x, scale = (rng.standard_normal(s).astype("float32") for s in ((3, 4), 4, (5, 3), 5))

    def f(xp):
        def model(parameters, x, *, scale):
            y = xp.tanh(x @ parameters["w"] + parameters["b"][0]) * scale
            return {"y": y, "sums": (xp.sum(y), [parameters["w"] * scale])}

        return model

    parameters = {"w": w, "b": [b]}
    for in_axes, out_axes in (
        ((None, 0), 0),
        (({"w": None, "b": None}, 0), {"y": 1, "sums": 0}),
        (({"w": None, "b": [None]}, 0), {"y": -1, "sums": (0, [2])}),
    ):
        ours = pt.vmap(f(pt), in_axes, out_axes)(parameters, x, scale=scale)
        theirs = jax.vmap(f(jax.numpy), in_axes, out_axes)(parameters, x, scale=scale)
        ours, theirs = (flat(jax, tree) for tree in (ours, theirs))
        for a, e in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, e, rtol=2e-6, atol=1e-6)
    each = {"w": np.stack([w] * 5, -1), "b": [np.stack([b] * 5)]}
    ours = pt.vmap(f(pt), ({"w": 2, "b": 0}, 0))(each, x, scale=scale)
    theirs = jax.vmap(f(jax.numpy), ({"w": 2, "b": 0}, 0))(each, x, scale=scale)
    for a, e in zip(flat(jax, ours), flat(jax, theirs), strict=True):
        np.testing.assert_allclose(a, e, rtol=2e-6, atol=1e-6)


def flat(jax, tree):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def test_gradients_of_what_samples_share():
    """Weights among the arguments, and from outside, also under jit and of second order."""
    w, b, x, y = tensors((4, 3), 3, (6, 4), (6, 3))

    def loss(w, x, y):
        return pt.sum((pt.nn.linear(x, w, b, relu=True) - y) ** 2)

    mapped = pt.vmap(loss, (None, 0, 0))

    def by_samples(w, b_):
        return pt.sum(mapped(w, x, y)) + pt.sum(b_)

    def at_once(w, b_):
        return loss(w, x, y) + pt.sum(b_)

    for transform in (
        lambda f: f,
        pt.grad,
        lambda f: pt.jit(pt.grad(f)),
        lambda f: pt.grad(lambda w, b: pt.sum(pt.grad(f)(w, b) ** 2)),
        lambda f: lambda w, b: pt.hvp(f)(w, b, pt.ones_like(w)),
    ):
        np.testing.assert_allclose(transform(by_samples)(w, b), transform(at_once)(w, b), rtol=1e-4)
    with pt.GradientTape() as tape:
        tape.watch(b)
        total = pt.sum(mapped(w, x, y))
    with pt.GradientTape() as expected:
        expected.watch(b)
        value = loss(w, x, y)
    np.testing.assert_allclose(tape.gradient(total, b), expected.gradient(value, b), rtol=1e-5)


def test_the_gradient_of_shared_weights_is_one_product():
    """Not the sum of an array of each sample's: as in the program of a function of batches."""
    w, v, k = tensors((40, 30), (30, 5), (3, 3, 2, 4))
    x, image = tensors((20, 40), (20, 1, 8, 8, 2))

    def loss(p, x, image):
        y = pt.nn.conv(image, p[2], strides=(1, 1), padding="same")
        return pt.sum(pt.tanh(pt.nn.linear(x, p[0], relu=True) @ p[1]) ** 2) + pt.sum(y**2)

    mapped = pt.jit(pt.grad(lambda p: pt.sum(pt.vmap(loss, (None, 0, 0))(p, x, image))))
    at_once = pt.grad(lambda p: loss(p, x, image[:, 0]))
    close(mapped([w, v, k]), at_once([w, v, k]))
    assert "(20, 40, 30)" not in pt.program_text(mapped)
    assert pt.program_text(mapped).count("conv_weights") == 1


def test_results_that_share_memory():
    """One result twice, along different axes, with a number and None; and their gradients."""
    (x,) = tensors((3, 2))

    def f(x):
        y = x * x
        return y, y, 2.0, None, y[::-1]

    mapped = pt.vmap(f, out_axes=(0, 1, 0, 0, 0))
    a, b, number, nothing, c = mapped(x)
    assert_same(
        (a, b, number, c), (x * x, (x * x).T, pt.full(3, 2.0, dtype="float32"), (x * x)[:, ::-1])
    )
    assert nothing is None
    total = lambda x: sum(pt.sum(part * part) for part in mapped(x) if part is not None)  # noqa: E731
    close(pt.grad(total)(x), 12 * x**3)


def test_numbers_of_rows():
    """Indices by sample into shared and own tables, and the errors about them."""
    (table, own), rows = tensors((5, 2), (3, 5, 2)), pt.asarray([[0, -1], [2, 2], [4, 1]])
    close(pt.vmap(lambda k: table[k])(rows), table[rows])
    close(pt.vmap(lambda t, k: t[k])(own, rows), pt.stack([own[i][rows[i]] for i in range(3)]))
    flipped = own[::-1, ::-1]
    two = pt.asarray([2, 0])
    close(pt.vmap(lambda t: t[two], 1)(flipped), pt.stack([flipped[:, i][two] for i in range(5)]))
    mapped = pt.vmap(lambda k: table[k])
    mapped(rows)
    for _ in range(2):
        with pytest.raises(IndexError, match="index 5 is out of range for axis 0 with length 5"):
            mapped(pt.asarray([[0, 1], [0, 5], [1, 1]]))


@pytest.mark.parametrize(
    ("place", "name", "f", "shapes", "times"),
    [
        (np.linalg, "inv", pt.linalg.inv, [(3, 3)], 1),
        (np.linalg, "solve", pt.linalg.solve, [(3, 3), (3, 2)], 1),
        (np.linalg, "solve", pt.linalg.solve, [(3, 3), (3,)], 4),
        (np.linalg, "solve", pt.linalg.solve, [(3, 3), (2, 3, 2)], 4),
        (np.linalg, "solve", lambda b: pt.linalg.solve(pt.eye(3) * 2.0, b), [(3, 2)], 1),
        (np.linalg, "svd", lambda a: pt.linalg.svd(a).S, [(2, 3)], 1),
        (np.fft, "fft", lambda a: pt.abs(pt.fft.fft(a)), [(2, 3)], 1),
        (np.fft, "fft", lambda a: pt.abs(pt.fft.fft(a, axis=0)), [(2, 3)], 4),
        (np, "einsum", lambda a, b: pt.einsum("ij,jk", a, b), [(2, 3), (3, 2)], 1),
        (np, "einsum", lambda a: pt.einsum("...i,i,k", a, a[0], pt.ones(2)), [(2, 3)], 1),
    ],
)
def test_numpy_is_called_once_where_it_takes_batches(monkeypatch, place, name, f, shapes, times):
    calls, function = [], getattr(place, name)

    def noted(*args, **kwargs):
        calls.append(args)
        return function(*args, **kwargs)

    args = tensors(*((4, *shape) for shape in shapes))
    args[0] = args[0] + 3 * pt.eye(3) if shapes[0] == (3, 3) else args[0]
    expected = pt.stack([f(*(x[i] for x in args)) for i in range(4)])
    mapped = pt.vmap(f)
    mapped(*args)
    twice = pt.vmap(mapped)
    twice(*(x[None] for x in args))
    monkeypatch.setattr(place, name, noted)
    close(mapped(*args), expected)
    assert len(calls) == times
    close(twice(*(x[None] for x in args))[0], expected)
    assert len(calls) == 2 * times


def test_per_sample_gradients_of_networks():
    model = pt.models.Sequential(
        [
            pt.layers.Conv2D(4, 3, activation="relu", input_shape=(6, 6, 2)),
            pt.layers.MaxPooling2D(2),
            pt.layers.BatchNormalization(),
            pt.layers.Flatten(),
            pt.layers.Dense(5, activation="softmax"),
        ]
    )
    (x,), labels = tensors((4, 6, 6, 2)), pt.asarray([0, 4, 2, 2])

    def gradients(x, label):
        weights = model.trainable_weights
        with pt.GradientTape() as tape:
            tape.watch(weights)
            y = pt.nn.sparse_softmax_cross_entropy(model(x[None]), label[None])[0]
        return tape.gradient(y, weights)

    expected = [gradients(x[i], labels[i]) for i in range(4)]
    for f in (pt.vmap(gradients), pt.jit(pt.vmap(gradients))):
        for k, part in enumerate(f(x, labels)):
            np.testing.assert_allclose(part, pt.stack([e[k] for e in expected]), 1e-4, 1e-6)


def test_many_axes():
    """So many that there is no place for another one in a kernel's call."""
    x = pt.reshape(pt.arange(8.0), (2, 2, 2) + (1,) * 11)
    close(pt.vmap(lambda x: pt.sum(x.T * x, axis=0))(x), stacked_of(2, x))
    y = pt.ones((2,) + (1,) * 15)
    assert pt.vmap(lambda y: y * 2)(y).shape == y.shape
    with pytest.raises(ValueError, match="at most 15"):
        pt.vmap(lambda y: y[None])(y)


def stacked_of(n, x):
    return pt.stack([pt.sum(x[i].T * x[i], axis=0) for i in range(n)])


def test_no_samples():
    mapped = pt.vmap(lambda x: (pt.exp(x) @ pt.ones((3, 2)), pt.sort(x)), out_axes=(1, 0))
    a, b = mapped(pt.zeros((0, 3)))
    assert (a.shape, b.shape) == ((2, 0), (0, 3))
    assert pt.grad(lambda x: pt.sum(mapped(x)[0]))(pt.zeros((0, 3))).shape == (0, 3)


def test_random_numbers_differ_between_samples():
    layer = pt.layers.Dropout(0.5)
    f = pt.vmap(lambda x: (pt.random.normal(4), layer(x, training=True)))
    pt.random.seed(1)
    noise, kept = f(pt.ones((5, 40)))
    assert len({row.numpy().tobytes() for row in noise}) == 5
    assert len({row.numpy().tobytes() for row in kept}) == 5
    for g in (pt.vmap(lambda x: pt.random.normal(4)), lambda x: f(x)[0]):
        for _ in range(2):
            pt.random.seed(1)
            assert_same(g(pt.ones((5, 40))), noise)
    pt.random.seed(1)
    assert_same(noise, pt.stack([pt.random.normal(4) for _ in range(5)]))
    pt.random.seed(1)
    twice = pt.vmap(pt.vmap(lambda x: pt.random.normal(4)))
    assert_same(twice(pt.ones((1, 5))), noise[None])
    pt.random.seed(1)
    assert_same(pt.jit(twice)(pt.ones((1, 5))), noise[None])


# -------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("f", "in_axes", "out_axes", "shapes", "error", "message"),
    [
        (pt.add, 0, 0, (3, 4), ValueError, "the mapped axes have lengths 3 and 4"),
        (
            pt.add,
            (0, 1),
            0,
            (3, 3),
            ValueError,
            r"in_axes: found 1 for argument 1, a tensor of sha",
        ),
        (pt.add, 0, 0, (3, ()), ValueError, "in_axes: found 0 for argument 1, a tensor without ax"),
        (pt.add, (0,), 0, (3, 3), ValueError, "in_axes: found 1 entries: expected 2"),
        (pt.add, None, 0, (3, 3), ValueError, "no argument is mapped"),
        (pt.add, (0, (0, 0)), 0, (3, 3), ValueError, r"in_axes: found \(0, 0\) for argument 1"),
        (pt.add, 0, 1, (3, 3), ValueError, "out_axes: found 1 for a result of shape"),
        (pt.add, 0, None, (3, 3), ValueError, "out_axes: found None for a result that depends"),
        (pt.add, 0, (0, 0), (3, 3), ValueError, r"out_axes: found \(0, 0\) for the result"),
        (lambda x: {1}, 0, 0, (3,), TypeError, "the function returned a set"),
        (lambda x: x if x > 0 else -x, 0, 0, (3,), TypeError, "line .*: a value is read"),
        (lambda x: x.__iadd__(1), 0, 0, (3,), TypeError, "changes an argument in place"),
    ],
)
def test_errors(f, in_axes, out_axes, shapes, error, message):
    mapped = pt.vmap(f, in_axes, out_axes)
    args = [pt.ones(shape) for shape in shapes]
    for g in (mapped, mapped, pt.jit(mapped)):
        with pytest.raises(error, match=message):
            g(*args)


def test_errors_of_arguments():
    for axes in ("0", 0.5, (0, "x"), {"a": 1.5}, True):
        with pytest.raises(TypeError, match=r"^vmap: in_axes: found "):
            pt.vmap(pt.add, axes)
        with pytest.raises(TypeError, match=r"^vmap: out_axes: found "):
            pt.vmap(pt.add, 0, axes)
    with pytest.raises(TypeError, match=r"^vmap: found an? int: expected a function"):
        pt.vmap(3)
    x = pt.ones(3)
    with pytest.raises(TypeError, match=r"argument 1: found 2.0, which has no axis 0"):
        pt.vmap(pt.add)(x, 2.0)
    with pytest.raises(TypeError, match=r"argument flag: found True, which has no axis 0"):
        pt.vmap(lambda x, flag: x)(x, flag=True)
    assert pt.vmap(pt.add, (0, None))(x, 2.0).tolist() == [3, 3, 3]
    with pytest.raises(TypeError, match="fuse: vmap is not element-wise"):
        pt.fuse(lambda x: pt.vmap(pt.exp)(x))(x)


def test_nothing_outside_is_changed():
    count = pt.zeros(())

    def f(x):
        count[...] = x
        return x

    with pytest.raises(TypeError, match="assignment changes a tensor from outside the function"):
        pt.vmap(f)(pt.ones(3))
    assert count.item() == 0

    def inside(x):
        y = x * 1
        y[0] = 0.0
        y[pt.asarray([False, True, True])] += x[0]
        z = pt.zeros(3)
        z[1:] = y[1:]
        return y, z

    (x,) = tensors((4, 3))
    mapped = pt.vmap(inside)(x)
    for k in range(2):
        close(mapped[k], pt.stack([inside(x[i])[k] for i in range(4)]))


def test_what_is_captured_is_read_at_each_call():
    w, x = tensors(3, (2, 3))
    mapped = pt.vmap(lambda x: pt.sort(w) * x)
    mapped(x)
    w.fill(3)
    assert_same(mapped(x), x * 3)


def test_views_as_arguments(threads):
    (x,) = tensors((40, 60, 50))
    f = lambda x: pt.tanh(x @ x.T) + pt.cumulative_sum(x[:, 0])  # noqa: E731
    for view in (x, x[::2, ::-1, 1::2], x.T, pt.broadcast_to(x[:1], x.shape)):
        expected = pt.stack([f(part) for part in view])
        for n in (1, 2, 8):
            threads(n)
            np.testing.assert_allclose(pt.vmap(f)(view), expected, 2e-5, 1e-4)
    assert_same(pt.vmap(pt.exp)(x[::-2]), pt.exp(x[::-2]))
