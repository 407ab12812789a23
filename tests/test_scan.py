"""scan, while_loop, cond: the bits of plain loops, JAX's derivatives, and clear errors."""

import gc
import os
import signal
import threading
import weakref

import numpy as np
import pytest
from test_jit import assert_same

import pytensor as pt

pytestmark = pytest.mark.once


def tensors(*shapes, dtype="float32", seed=0):
    rng = np.random.default_rng(seed)
    found = [pt.asarray((rng.standard_normal(s) * 0.5).astype(dtype)) for s in shapes]
    return found if len(found) > 1 else found[0]


def mapped(f, *trees):
    if isinstance(trees[0], dict):
        return {key: mapped(f, *(tree[key] for tree in trees)) for key in trees[0]}
    if isinstance(trees[0], (list, tuple)):
        return type(trees[0])(mapped(f, *parts) for parts in zip(*trees, strict=True))
    return None if trees[0] is None else f(*trees)


def leaves(tree):
    found = []
    mapped(found.append, tree)
    return found


def plain(f, init, xs=None, length=None, reverse=False, **_):
    """What scan computes, as a loop in Python."""
    n = leaves(xs)[0].shape[0] if length is None else length
    carry, ys = mapped(pt.asarray, init), []
    for i in reversed(range(n)) if reverse else range(n):
        carry, y = f(carry, mapped(lambda t, i=i: t[i], xs))
        ys.append(y)
    if reverse:
        ys.reverse()
    return carry, mapped(lambda *parts: pt.stack([pt.asarray(p) for p in parts]), *ys)


W, U, B = tensors((4, 4), (4, 4), (4,))
XS = tensors((6, 4), seed=1)
H = tensors((4,), seed=2)


def recurrence(h, x):
    h = pt.tanh(x @ W + h @ U + B)
    return h, h


def counted(state, x):
    n, total = state["n"], state["total"]
    return {"n": n + 1, "total": total + x * n}, (total[:2], [n * 2, None])


def cell(state, x):
    h, c = state
    i, f, o, g = pt.split(pt.concat([x, h]) @ pt.concat([W, U], axis=1)[:, :8].T[:, :4].T, 4)
    c = pt.sigmoid(f) * c + pt.sigmoid(i) * pt.tanh(g)
    return (pt.sigmoid(o) * pt.tanh(c), c), h


SCANS = {
    "recurrence": (recurrence, H, XS, {}),
    "reverse": (recurrence, H, XS, {"reverse": True}),
    "one step": (recurrence, H, XS[:1], {}),
    "batch": (recurrence, pt.zeros((3, 4)), tensors((6, 3, 4)), {}),
    "strided": (recurrence, H, tensors((4, 12)).T[::2], {}),
    "trees": (counted, {"n": 0, "total": pt.zeros(4)}, XS, {}),
    "numbers": (lambda s, x: (s + x, s * x), 0.0, pt.asarray([1.0, 2.0, 3.0]), {}),
    "no xs": (lambda h, _: (h * 0.9 + 0.1, None), H, None, {"length": 5}),
    "length": (lambda h, x: (h + x["a"], x["b"]), H, {"a": XS, "b": XS[:, 0]}, {"length": 6}),
    "no change": (lambda h, x: (h, (h, h, x, B)), H, XS, {}),
    "swap": (lambda s, x: ((s[1], s[0]), s[0] - s[1]), (H, B), XS, {}),
    "shared": (lambda s, x: ((y := s[0] * x, y), (y, y)), (H, B), XS, {}),
    "views": (lambda h, x: (h[::-1] * x, h.reshape(2, 2).T @ W[:2]), H, XS, {}),
    "indices": (lambda h, k: (h + W[k], pt.argmax(h)), H, pt.asarray([3, 0, -1, 2]), {}),
    "numpy": (lambda h, x: (pt.sort(h) + x, pt.linalg.vector_norm(h)), H, XS, {}),
    "in place": (lambda h, x: (set_first(h * 1, x), h), H, XS, {}),
    "doubles": (lambda h, x: (h + pt.exp(x), h * 2), H.astype("float64"), XS.astype("float64"), {}),
    "bools": (lambda h, x: (h ^ (x > 0), pt.any(h)), H > 0, XS, {}),
    "nested": (lambda h, x: pt.scan(lambda c, v: (c * v + h, c), h, XS[:3] * x), H, XS, {}),
}


def set_first(h, x):
    h[0] = x[1]
    h[1:3] += 1
    return h


def test_plain_loop_of_the_nested_one_is_the_same():
    f, init, xs, _ = SCANS["nested"]
    g = lambda h, x: plain(lambda c, v: (c * v + h, c), h, XS[:3] * x)  # noqa: E731
    assert_same(pt.scan(f, init, xs), plain(g, init, xs))


@pytest.mark.parametrize("name", SCANS)
def test_values(name):
    f, init, xs, options = SCANS[name]
    expected = plain(f, init, xs, **options)
    assert_same(pt.scan(f, init, xs, **options), expected)
    recorded = pt.jit(lambda init, xs: pt.scan(f, init, xs, **options))
    for _ in range(3):
        assert_same(recorded(init, xs), expected)


@pytest.mark.parametrize("options", [{}, {"reverse": True}])
@pytest.mark.parametrize("wrap", [lambda f: f, pt.jit])
def test_gradients_are_those_of_the_loop(options, wrap):
    def gradients(scan):
        def loss(w, u, b, h, xs):
            def step(h, x):
                h = pt.tanh(x @ w + h @ u + b)
                return h, h * w[0]

            last, ys = scan(step, h, xs, **options)
            return pt.sum(last) + pt.sum(ys**2)

        return pt.value_and_grad(loss, (0, 1, 2, 3, 4))

    arguments = (W, U, B, H, XS)
    recorded = wrap(gradients(pt.scan))
    expected = gradients(plain)(*arguments)
    for _ in range(2):
        value, found = recorded(*arguments)
        assert_same(value, expected[0])
        for part, expected_part in zip(found, expected[1], strict=True):
            np.testing.assert_allclose(part, expected_part, rtol=2e-6, atol=2e-6)


def floats(tree):
    return mapped(lambda t: t if t.dtype.kind == "f" else None, tree)


DIFFERENTIABLE = [name for name in SCANS if name not in ("bools", "in place")]


@pytest.mark.parametrize("wrap", [lambda f: f, pt.jit])
@pytest.mark.parametrize("pieces", [None, 2, 4])
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_derivatives(name, pieces, wrap):
    """By carries, slices and tensors from outside; the loop in Python is the oracle."""
    f, init, xs, options = SCANS[name]
    init = mapped(pt.asarray, init)
    moving = [t for t in leaves((init, xs)) if t.dtype.kind == "f"] + [W, U, B]

    def value(scan, variables):
        values = iter(variables)
        tree = mapped(lambda t: next(values) if t.dtype.kind == "f" else t, (init, xs))
        out = scan(f, tree[0], tree[1], **options)
        return sum(pt.sum(pt.sin(t)) for t in leaves(out) if t.dtype.kind == "f")

    def both(scan):
        def derivatives(*variables):
            variables = [pt.stop_gradient(v) for v in variables[:-3]]
            with pt.GradientTape(persistent=True) as tape:
                tape.watch(*variables, W, U, B)
                y = value(scan, variables)
            sources = [*variables, W, U, B]
            along = [pt.cos(v) for v in sources]
            return tape.gradient(y, sources), tape.jvp(y, sources, along)

        return derivatives

    scan = pt.scan if pieces is None else lambda *a, **k: pt.scan(*a, checkpoint_every=pieces, **k)
    expected, found = both(plain)(*moving), wrap(both(scan))(*moving)
    for part, expected_part in zip([*found[0], found[1]], [*expected[0], expected[1]], strict=True):
        zero = 0 if expected_part is None else expected_part
        np.testing.assert_allclose(0 if part is None else part, zero, rtol=3e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["recurrence", "reverse", "trees", "shared", "nested", "no xs"])
def test_second_derivatives(name):
    f, init, xs, options = SCANS[name]
    init = mapped(pt.asarray, init)

    def value(h, w):
        start = mapped(lambda t: h if t.shape == H.shape and t.dtype.kind == "f" else t, init)

        def step(carry, x):
            after, y = f(carry, x)
            return mapped(lambda t: pt.sin(t * w) if t.dtype.kind == "f" else t, after), y

        out = pt.scan(step, start, xs, **options)
        return sum(pt.sum(t * t) for t in leaves(out) if t.dtype.kind == "f")

    # float32 inside the bodies: the differences are coarse
    pt.check_grads(
        lambda h, w: value(h.astype("float32"), w.astype("float32")).astype("float64"),
        (H, B + 1),
        order=2,
        rtol=0.1,
        atol=0.1,
        eps=1e-3,
    )


def test_third_derivatives():
    x = pt.asarray(0.7, dtype="float64")
    a = pt.asarray(1.1, dtype="float64")
    f = lambda x: pt.scan(lambda c, _: (pt.sin(c * a), None), x, length=3)[0]  # noqa: E731
    g = lambda x: pt.sin(pt.sin(pt.sin(x * a) * a) * a)  # noqa: E731
    for _ in range(3):
        f, g = pt.grad(f), pt.grad(g)
        np.testing.assert_allclose(f(x), g(x), rtol=1e-12)
        np.testing.assert_allclose(pt.jit(f)(x), g(x), rtol=1e-12)
        np.testing.assert_allclose(
            pt.jvp(f, (x,), (pt.ones_like(x),))[1], pt.jvp(g, (x,), (pt.ones_like(x),))[1]
        )


def test_gradients_are_separate_from_those_of_changed_tensors():
    with pt.GradientTape() as tape:
        tape.watch(W)
        _, ys = pt.scan(recurrence, H, XS)
    ys.fill(0)
    with pytest.raises(RuntimeError, match="scan saved was changed"):
        tape.gradient(ys, W)
    u = U.copy()
    with pt.GradientTape() as tape:
        tape.watch(W)
        _, ys = pt.scan(lambda h, x: (h @ u + x @ W, h), H, XS)
    u.fill(0)
    with pytest.raises(RuntimeError, match="scan saved was changed"):
        tape.gradient(ys, W)


def test_tensors_from_outside_are_read_at_each_call():
    w = W.copy()
    f = pt.jit(lambda h: pt.scan(lambda h, x: (h @ w + x, h), h, XS))
    for k in range(3):
        w.fill(0.1 * k)
        assert_same(f(H), plain(lambda h, x: (h @ w + x, h), H, XS))


def test_no_steps():
    last, ys = pt.scan(recurrence, H, XS[:0])
    assert_same(last, H)
    assert ys.shape == (0, 4)
    last, ys = pt.jit(lambda h: pt.scan(lambda h, _: (h + 1, h), h, length=0))(H)
    assert_same(last, H)

    def loss(w, h, xs):
        last, ys = pt.scan(lambda h, x: (h @ w + x, h), h, xs)
        return pt.sum(last * 2) + pt.sum(ys)

    g = pt.grad(loss, (0, 1, 2))(W, H, XS[:0])
    assert_same(g, (pt.zeros_like(W), pt.full(4, 2.0), XS[:0]))


def test_random_numbers_are_those_of_the_loop():
    def step(h, x):
        return h + pt.random.normal((4,)), pt.random.uniform((2,)) * x[0]

    for scan in (pt.scan, pt.jit(lambda *a: pt.scan(step, *a[1:]))):
        pt.random.seed(3)
        found = [scan(step, H, XS) if scan is pt.scan else scan(0, H, XS) for _ in range(2)]
        pt.random.seed(3)
        assert_same(found, [plain(step, H, XS) for _ in range(2)])


def test_layers_with_random_numbers():
    layer = pt.layers.Dropout(0.5, seed=1)

    def loss(w):
        step = lambda h, x: (layer(pt.tanh(h @ w + x), training=True), h)  # noqa: E731
        return pt.sum(pt.scan(step, H, XS)[1])

    assert pt.grad(loss)(W).shape == W.shape
    step = lambda h, x: (layer(h * x, training=True), h)  # noqa: E731
    with pytest.raises(RuntimeError, match=r"scan: dropout.* draws random numbers"):
        pt.grad(lambda h: pt.sum(pt.scan(step, h, XS, checkpoint_every=2)[0]))(H)


# ---------------------------------------------------------------------------- while_loop


def collatz(state):
    n, count = state
    return pt.where(n % 2 == 0, n // 2, 3 * n + 1), count + 1


@pytest.mark.parametrize("wrap", [lambda f: f, pt.jit])
def test_while_loop(wrap):
    f = wrap(lambda n: pt.while_loop(lambda s: s[0] != 1, collatz, (n, 0)))
    for n, steps in ((27, 111), (1, 0), (2, 1)):
        n = pt.asarray(n)
        last, count = f(n)
        assert (last.item(), count.item()) == (1, steps)
    assert n.item() == 2


def newton(a):
    def better(x):
        return (x + a / x) / 2

    return pt.while_loop(lambda x: pt.abs(x * x - a) > 1e-9, better, a * 0 + 1)


def test_while_loop_has_tangents():
    a = pt.asarray(2.0, dtype="float64")
    one = pt.ones_like(a)
    for f in (newton, pt.jit(newton)):
        value, tangent = pt.jvp(f, (a,), (one,))
        np.testing.assert_allclose((value, tangent), (2**0.5, 0.5 / 2**0.5), rtol=1e-6)
    second = pt.jvp(lambda a: pt.jvp(newton, (a,), (one,))[1], (a,), (one,))[1]
    np.testing.assert_allclose(second, -0.25 * 2**-1.5, rtol=1e-4)
    with pytest.raises(ValueError, match=r"while_loop: it has no gradient.*use scan"):
        pt.grad(newton)(a)


def test_while_loop_of_a_tensor_from_outside_in_its_condition():
    limit = pt.asarray(10.0)
    f = pt.jit(lambda x: pt.while_loop(lambda x: x < limit, lambda x: x + B[0] ** 2 + 1, x))
    for value in (10.0, 20.0):
        limit.fill(value)
        x = pt.asarray(0.0)
        while x < limit:
            x = x + B[0] ** 2 + 1
        assert_same(f(pt.asarray(0.0)), x)


# ---------------------------------------------------------------------------------- cond


def test_cond():
    up = lambda x, k: {"y": pt.exp(x) @ W, "n": k}  # noqa: E731
    down = lambda x, k: {"y": x * 2 + B, "n": k + 1}  # noqa: E731
    recorded = pt.jit(lambda p, x: pt.cond(p, up, down, x, 1))
    for p in (True, False, pt.asarray(3), pt.asarray([0.0]), np.array(True)):
        expected = mapped(pt.asarray, (up if bool(p) else down)(H, 1))
        assert_same(mapped(pt.asarray, pt.cond(p, up, down, H, 1)), expected)
        p = pt.asarray(p)
        assert_same(recorded(p, H), expected)
        assert_same(recorded(p, H), expected)
    text = pt.program_text(recorded)
    assert "cond(" in text
    assert "exp" in text


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_cond_has_derivatives(sign, order):
    weight = W.astype("float64")

    def f(x, w):
        inner = pt.jit(
            lambda x: pt.cond(
                pt.sum(x) > 0, lambda a, b: pt.sin(a @ w) * b, lambda a, b: a * b * b, x, x
            )
        )
        return inner(x)

    x = (pt.abs(H) * sign).astype("float64")
    pt.check_grads(f, (x, weight), order=order, rtol=1e-4, atol=1e-5)


def test_branches_in_loops():
    def step(h, x):
        return pt.cond(pt.sum(x) > 0, lambda h: pt.sin(h @ W), lambda h: h * x, h), h

    def by_python(h, x):
        return (pt.sin(h @ W) if pt.sum(x) > 0 else h * x), h

    assert_same(pt.scan(step, H, XS), plain(by_python, H, XS))
    for wrap in (lambda f: f, pt.jit):
        found = wrap(pt.grad(lambda h: pt.sum(pt.scan(step, h, XS)[1])))(H)
        expected = pt.grad(lambda h: pt.sum(plain(by_python, h, XS)[1]))(H)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    f = pt.jit(lambda x: pt.cond(x > 0, lambda x: newton(x), lambda x: -x, x))
    np.testing.assert_allclose(f(pt.asarray(4.0, dtype="float64")), 2.0)
    np.testing.assert_allclose(f(pt.asarray(-4.0, dtype="float64")), 4.0)


# ------------------------------------------------------------------------------ with JAX


@pytest.mark.oracle
@pytest.mark.parametrize("options", [{}, {"reverse": True}])
def test_scan_agrees_with_jax(options):
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    def functions(np_, scan):
        def step(state, x):
            h, n = state
            h = np_.tanh(x["x"] @ W_ + h @ U_ + x["b"])
            return (h, n + 1), {"h": h, "square": np_.sum(h * h)}

        def loss(h, xs):
            (last, n), ys = scan(step, (h, 0), xs, **options)
            return np_.sum(np_.sin(ys["h"])) + np_.sum(ys["square"] * n) + np_.sum(last)

        return loss

    xs = {"x": np.asarray(XS), "b": np.asarray(XS)[:, ::-1].copy()}
    h = np.asarray(H)
    W_, U_ = np.asarray(W), np.asarray(U)
    expected = jax.value_and_grad(functions(jnp, jax.lax.scan), (0, 1))(h, xs)
    hessian = jax.hessian(functions(jnp, jax.lax.scan))(h, xs)
    tangent = jax.jvp(functions(jnp, jax.lax.scan), (h, xs), (h, xs))[1]
    W_, U_ = W, U
    ours = functions(pt, pt.scan)
    value, gradients = pt.value_and_grad(ours, (0, 1))(H, mapped(pt.asarray, xs))
    for part, expected_part in zip(
        leaves((value, gradients)),
        leaves(mapped(lambda _, t: t, (value, gradients), expected)),
        strict=True,
    ):
        np.testing.assert_allclose(part, expected_part, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        pt.jit(pt.hessian(lambda h: ours(h, mapped(pt.asarray, xs))))(H),
        hessian,
        rtol=1e-4,
        atol=1e-4,
    )
    arguments = (H, mapped(pt.asarray, xs))
    np.testing.assert_allclose(pt.jvp(ours, arguments, arguments)[1], tangent, rtol=1e-5)


@pytest.mark.oracle
def test_while_loop_and_cond_agree_with_jax():
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    def functions(np_, while_loop, cond):
        def f(x):
            y = while_loop(lambda s: s[0] < 5, lambda s: (s[0] + 1, np_.sin(s[1]) * x), (0, x))[1]
            return cond(np_.sum(y) > 0, lambda y: np_.exp(y), lambda y: y * y, y)

        return f

    theirs = functions(jnp, jax.lax.while_loop, jax.lax.cond)
    ours = functions(pt, pt.while_loop, pt.cond)
    for sign in (1, -1):
        x = np.asarray(H) * sign
        expected = jax.jvp(theirs, (x,), (x,))
        for f in (ours, pt.jit(ours)):
            found = pt.jvp(f, (pt.asarray(x),), (pt.asarray(x),))
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


# -------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: pt.scan(lambda h, x: h, H, XS), TypeError, "scan: the function returned a tensor"),
        (
            lambda: pt.scan(lambda h, x: (h[:2], x), H, XS),
            ValueError,
            r"scan: the carry has shape \(2,\) after a step: expected \(4,\)",
        ),
        (
            lambda: pt.scan(lambda h, x: ({"a": h["a"] > 0}, x), {"a": H}, XS),
            TypeError,
            r"scan: the carry\['a'\] has dtype bool after a step: expected float32",
        ),
        (
            lambda: pt.scan(lambda h, x: ((h[0],), x), (H, H), XS),
            TypeError,
            "scan: the function returned a tuple of length 1 as the carry",
        ),
        (lambda: pt.scan(lambda h, x: ([h], x), H, XS), TypeError, "expected a tensor like"),
        (
            lambda: pt.scan(recurrence, H, (XS, XS[:3])),
            ValueError,
            "scan: xs: tensor 1 has length 3 along its first axis: expected that of the first",
        ),
        (lambda: pt.scan(recurrence, H, XS, length=5), ValueError, "expected length, 5"),
        (lambda: pt.scan(recurrence, H, None), ValueError, "expected length, the number of steps"),
        (lambda: pt.scan(recurrence, H, 3.0), ValueError, "tensor 0 is 0-d"),
        (lambda: pt.scan(recurrence, H, XS, length=-1), ValueError, "length: found -1"),
        (lambda: pt.scan(recurrence, "h", XS), TypeError, "scan: init: found a str"),
        (lambda: pt.scan(recurrence, H, XS, checkpoint_every=0), ValueError, "checkpoint_every"),
        (
            lambda: pt.scan(lambda h, x: (h * float(x[0]), x), H, XS),
            TypeError,
            r"^scan: line \d+ of test_scan.py: float: a value is read",
        ),
        (
            lambda: pt.scan(lambda h, x: (pt.add(W[0], x, out=W[0]), x), H, XS),
            TypeError,
            "scan: .* changes a tensor from outside the function in place",
        ),
        (
            lambda: pt.scan(lambda h, x: (pt.add(h, x, out=h), x), H, XS),
            TypeError,
            "scan: .* changes an argument in place",
        ),
        (lambda: pt.scan(lambda h, x: (h @ XS, x), H, XS), ValueError, "matmul"),
        (
            lambda: pt.while_loop(lambda x: x > 0, lambda x: x, H),
            ValueError,
            r"while_loop: cond_fun: found a tensor of shape \(4,\): expected one element",
        ),
        (
            lambda: pt.while_loop(lambda x: x[0] > 0, lambda x: x[:2], H),
            ValueError,
            "while_loop: the carry has shape",
        ),
        (lambda: pt.cond(H, pt.exp, pt.sin, H), ValueError, "cond: pred: found a tensor of shape"),
        (
            lambda: pt.jit(lambda x: pt.cond(x[0] > 0, lambda x: x, lambda x: (x, x), x))(H),
            (TypeError, ValueError),
            "cond: true_fun returned",
        ),
        (
            lambda: pt.jit(lambda x: pt.cond(x[0] > 0, lambda x: [x], lambda x: (x,), x))(H),
            TypeError,
            "expected the same structure",
        ),
        (
            lambda: pt.jit(lambda x: pt.cond(x[0] > 0, lambda x: x, lambda x: x > 0, x))(H),
            TypeError,
            "cond: true_fun returned float32",
        ),
        (
            lambda: pt.fuse(lambda x: pt.scan(lambda h, x: (h + x, None), x, length=2)[0])(H),
            TypeError,
            "fuse: scan is not element-wise",
        ),
    ],
)
def test_errors(call, error, match):
    before = W.copy()
    with pytest.raises(error, match=match):
        call()
    assert_same(pt.scan(recurrence, H, XS), plain(recurrence, H, XS))
    assert_same(W, before)


def test_wrong_indices_inside_loops():
    step = lambda h, k: (h + W[k], None)  # noqa: E731
    f = pt.jit(lambda ks: pt.scan(step, H, ks)[0])
    g = pt.jit(lambda ks: pt.cond(ks[0] == 0, lambda ks: pt.scan(step, H, ks)[0], lambda ks: H, ks))
    for run in (lambda ks: pt.scan(step, H, ks), f, g):
        run(pt.asarray([0, 1, 2]))
        for _ in range(2):
            with pytest.raises(IndexError, match="index 9 is out of"):
                run(pt.asarray([0, 1, 9]))


def root(a):
    """The square root; for a negative number the loop would never end."""
    close = 1e-5 * a
    return pt.while_loop(lambda x: pt.abs(x * x - a) > close, lambda x: (x + a / x) / 2, a)


NEVER_ENDING = {
    "a branch": lambda x: pt.jit(lambda x: pt.cond(x > 0, root, pt.zeros_like, x))(x),
    "a branch in a loop": lambda x: pt.scan(
        lambda c, x: (c + pt.cond(x > 0, root, pt.zeros_like, x), None), 0.0, pt.stack([x, x])
    )[0],
    "a branch of a sample": lambda x: pt.vmap(lambda x: pt.cond(x > 0, root, pt.zeros_like, x))(
        pt.stack([x, x])
    )[0],
    "a loop in a loop": lambda x: pt.while_loop(
        lambda x: x > 0, lambda x: pt.while_loop(lambda y: y < 10, lambda y: y * 2, x), x * 0
    ),
    "a loop in no steps": lambda x: pt.scan(lambda c, x: (root(c), x), x * 0, length=0)[0],
    "a scan of loops in no steps": lambda x: pt.scan(
        lambda c, x: (pt.scan(lambda c, _: (root(c), None), c, length=2)[0], x), x * 0, length=0
    )[0],
    "a loop of no sample": lambda x: pt.sum(
        pt.vmap(lambda x: pt.while_loop(lambda x: x < 10, lambda x: x * 2, x))(pt.zeros(0))
    ),
}


@pytest.mark.parametrize("name", NEVER_ENDING)
def test_recording_runs_no_loop_that_the_program_may_not(name):
    assert NEVER_ENDING[name](pt.asarray(-2.0)).item() == 0


def test_recording_fails_at_no_value_that_the_program_may_not_have():
    """A branch or body that is only recorded computes on whatever is there."""
    inverse = pt.jit(lambda m: pt.cond(pt.linalg.det(m) != 0, pt.linalg.inv, pt.zeros_like, m))
    assert_same(inverse(pt.zeros((2, 2))), pt.zeros((2, 2)))
    assert_same(inverse(2 * pt.eye(2)), pt.eye(2) / 2)
    gradient = pt.jit(pt.grad(lambda m: pt.sum(inverse(m))))
    assert_same(gradient(pt.zeros((2, 2))), pt.zeros((2, 2)))
    assert_same(gradient(2 * pt.eye(2)), pt.full((2, 2), -0.25))
    factor = pt.vmap(lambda m: pt.cond(m[0, 0] > 0, pt.linalg.cholesky, pt.zeros_like, m))
    m = pt.stack([-pt.eye(2), 4 * pt.eye(2)])
    assert_same(factor(m), pt.stack([pt.zeros((2, 2)), 2 * pt.eye(2)]))
    x = pt.asarray([1.0, 2.0, 3.0])
    for index in (lambda x, i: x[i], lambda x, i: pt.stack([x, x])[:, i][0], pt.take):
        element = pt.jit(lambda x, i, index=index: pt.cond(i < 3, index, lambda x, i: x[0], x, i))
        assert element(x, pt.asarray(7)).item() == 1 and element(x, pt.asarray(2)).item() == 3
    for function in (pt.linalg.inv, pt.linalg.cholesky, lambda m: pt.linalg.solve(m, m)):
        assert pt.vmap(function)(pt.zeros((0, 2, 2))).shape == (0, 2, 2)


def test_what_does_run_still_fails():
    inverse = pt.jit(lambda m: pt.cond(m[0, 1] == 0, pt.linalg.inv, pt.zeros_like, m))
    for _ in range(2):
        with pytest.raises(np.linalg.LinAlgError, match="Singular"):
            inverse(pt.zeros((2, 2)))
    assert_same(inverse(pt.ones((2, 2))), pt.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"linalg\.inv"):  # of no value
        pt.jit(lambda m: pt.cond(pt.sum(m) > 0, pt.linalg.inv, lambda m: m, m))(pt.zeros((2, 3)))
    with pytest.raises(IndexError):
        pt.jit(lambda x, i: pt.cond(i < 3, lambda x, i: x[i], lambda x, i: x[0], x, i))(
            pt.ones(2), pt.asarray(2)
        )


def test_leaked_tensors():
    caught = []

    def step(h, x):
        caught.append(h * x)
        return h + x, x

    pt.scan(step, H, XS)
    with pytest.raises(TypeError, match="scan: leaked tensor"):
        caught[0] + 1
    with pytest.raises(TypeError, match="scan: leaked tensor"):
        pt.scan(lambda h, x: (h + caught[0], x), H, XS)


def test_errors_of_python_inside_loops():
    from pytensor._core import call_each_time

    calls = []

    def failing(x):
        calls.append(1)
        if len(calls) % 4 == 0:
            raise KeyError("later")
        return x

    step = lambda h, x: (call_each_time("failing", failing, h), x)  # noqa: E731
    f = pt.jit(lambda h: pt.scan(step, h, XS)[0])
    for run in (lambda h: pt.scan(step, h, XS), f):
        with pytest.raises(KeyError, match="later"):
            run(H)
            run(H)


def test_memory_is_freed():
    def run():
        w = W.copy()
        f = pt.jit(pt.grad(lambda h: pt.sum(pt.scan(lambda h, x: (h @ w, h), h, XS)[0])))
        f(H)
        f(H)
        return weakref.ref(f), w

    run()
    gc.collect()
    before = pt.memory.stats()["in_use"] if hasattr(pt.memory, "stats") else None
    f, w = run()
    del w
    gc.collect()
    assert f() is None
    for _ in range(20):
        run()
        with pytest.raises(ZeroDivisionError):
            pt.scan(lambda h, x: (h, 1 // 0), H, XS)
    gc.collect()
    if before is not None:
        assert pt.memory.stats()["in_use"] <= before


def test_checkpoints_need_less_memory():
    w = tensors((64, 64)) * 0.1
    xs = tensors((400, 64))

    def peak(**options):
        def loss(w):
            def step(h, x):
                for _ in range(4):
                    h = pt.sin(h @ w + x)
                return h, None

            return pt.sum(pt.scan(step, pt.zeros(64), xs, **options)[0])

        gradient = pt.grad(loss)
        gradient(w)
        pt.memory.reset_peak()
        found = gradient(w)
        return pt.memory.stats()["peak"] - pt.memory.stats()["in_use"], found

    (most, expected), (least, found) = peak(), peak(checkpoint_every=20)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    assert least < most / 3


# --------------------------------------------------------------------- threads, forks, signals


def test_threads_share_a_loop():
    f = pt.jit(pt.value_and_grad(lambda h: pt.sum(pt.scan(recurrence, h, XS)[1])))
    inputs = [H * k for k in range(8)]
    expected = [f(h) for h in inputs]
    found = [None] * len(inputs)

    def run(k):
        for _ in range(20):
            found[k] = f(inputs[k])

    threads = [threading.Thread(target=run, args=(k,)) for k in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_same(found, expected)


@pytest.mark.filterwarnings("ignore:os.fork")  # JAX, if it is imported
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_forks():
    f = pt.jit(lambda h: pt.scan(recurrence, h, tensors((50, 64, 4)))[0])
    h = tensors((64, 4))
    expected = f(h)
    child = os.fork()
    if child == 0:
        os._exit(0 if f(h).tolist() == expected.tolist() else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers")
@pytest.mark.parametrize("kind", ["scan", "while_loop"])
def test_signals_interrupt(kind):
    class Stop(Exception):
        pass

    def handler(*_):
        raise Stop

    def run():
        if kind == "scan":
            pt.scan(lambda h, _: (pt.sin(h), None), H, length=10**9)
        else:
            pt.while_loop(lambda h: pt.sum(h) < 100, pt.sin, H)

    old = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(Stop):
            run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert_same(pt.scan(recurrence, H, XS), plain(recurrence, H, XS))


def test_programs_as_text():
    f = pt.jit(pt.grad(lambda h: pt.sum(pt.scan(recurrence, h, XS)[0])))
    f(H)
    text = pt.program_text(f)
    assert text.count("scan(") == 2
    assert text.count("tanh") == 1


# ---------------------------------------------------------------------------------- vmap


def test_loops_of_each_sample():
    starts = tensors((3, 4), seed=5)
    f = lambda h, k: pt.scan(lambda h, x: (h * x + k, h @ W), h, XS)  # noqa: E731
    expected = [f(starts[i], i) for i in range(3)]
    expected = mapped(lambda *parts: pt.stack(parts), *expected)
    found = pt.vmap(f)(starts, pt.arange(3))
    for part, expected_part in zip(found, expected, strict=True):
        np.testing.assert_allclose(part, expected_part, rtol=1e-6)
    found = pt.vmap(pt.grad(lambda h: pt.sum(f(h, 1)[1])), in_axes=1, out_axes=1)(starts.T.copy())
    for i in range(3):
        expected = pt.grad(lambda h: pt.sum(f(h, 1)[1]))(starts[i])
        np.testing.assert_allclose(found[:, i], expected, rtol=1e-5)
    last = pt.vmap(lambda x: pt.while_loop(lambda x: x < 100, lambda x: 3 * x, x))(pt.arange(1, 4))
    assert last.tolist() == [243, 162, 243]
    f = lambda x: pt.cond(x > 0, lambda x: x * 2, lambda x: x - 1, x)  # noqa: E731
    assert pt.vmap(f)(pt.asarray([1, -1, 5])).tolist() == [2, -2, 10]


def test_batches_in_a_loop():
    f = lambda h, x: (pt.vmap(lambda a, b: a * b + a)(h, x), pt.sum(h))  # noqa: E731
    plain_step = lambda h, x: (h * x + h, pt.sum(h))  # noqa: E731
    assert_same(pt.scan(f, H, XS), plain(plain_step, H, XS))
