"""vjp, jvp, jacobian, hessian, hvp, custom_gradient, checkpoint, check_grads."""

from collections import namedtuple

import numpy as np
import pytest

import pytensor as pt
from pytensor import _core, memory

pytestmark = pytest.mark.once


def normal(*shape, seed=3):
    return pt.asarray(np.random.default_rng(seed).standard_normal(shape))


def f(x, y):
    return pt.tanh(x) * y + pt.sum(x * y, axis=-1, keepdims=True) ** 2


X, Y = normal(2, 3), normal(3, seed=4)


# ------------------------------------------------------------------------------- vjp and jvp


def test_vjp_and_jvp_are_transposes():
    tangents, weights = (normal(2, 3, seed=5), normal(3, seed=6)), normal(2, 3, seed=7)
    value, pullback = pt.vjp(f, X, Y)
    same, tangent = pt.jvp(f, (X, Y), tangents)
    assert value.tolist() == same.tolist() == f(X, Y).tolist()
    gradients = pullback(weights)
    inner = sum((g * t).sum().item() for g, t in zip(gradients, tangents, strict=True))
    assert inner == pytest.approx((tangent * weights).sum().item(), rel=1e-12)
    assert [g.tolist() for g in pullback(weights)] == [g.tolist() for g in gradients]  # again


def test_nested_arguments_and_values():
    Pair = namedtuple("Pair", "a b")

    def g(p, scale):
        return {"s": p.a * scale[0], "t": (pt.exp(p.b["w"]), scale[0])}

    primals = (Pair(X, {"w": Y}), [pt.asarray(2.0, dtype="float64")])
    value, pullback = pt.vjp(g, *primals)
    dp, (dscale,) = pullback({"s": pt.ones((2, 3)), "t": (None, 3.0)})
    assert isinstance(dp, Pair)
    np.testing.assert_allclose(dp.a, np.full((2, 3), 2))
    assert dp.b["w"].tolist() == [0, 0, 0]
    assert dscale.item() == pytest.approx(X.sum().item() + 3)
    value, tangent = pt.jvp(g, primals, (Pair(None, {"w": pt.ones(3)}), [1.0]))
    np.testing.assert_allclose(tangent["s"], X)
    np.testing.assert_allclose(tangent["t"][0], value["t"][0])
    assert tangent["t"][1].item() == 1


def test_aux():
    value, pullback, aux = pt.vjp(lambda x: (x * x, "aux"), 3.0, has_aux=True)
    assert (value.item(), pullback(1.0)[0].item(), aux) == (9, 6, "aux")
    value, tangent, aux = pt.jvp(lambda x: (x * x, [x]), (3.0,), (2.0,), has_aux=True)
    assert (value.item(), tangent.item(), aux[0].item()) == (9, 12, 3)
    (value, aux), g = pt.value_and_grad(lambda x: (x * x, "aux"), has_aux=True)(3.0)
    assert (value.item(), aux, g.item()) == (9, "aux", 6)
    g, aux = pt.grad(lambda x: (x * x, {"n": 1}), has_aux=True)(3.0)
    assert (g.item(), aux) == (6, {"n": 1})
    with pytest.raises(TypeError, match=r"grad: the function returned a tensor .* a pair"):
        pt.grad(lambda x: x, has_aux=True)(3.0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pt.jvp(f, X, Y), TypeError, "jvp: primals: found a Tensor: expected a tuple"),
        (
            lambda: pt.jvp(f, (X, Y), (X,)),
            ValueError,
            "jvp: tangents: found a tuple: expected a tuple of 2 parts",
        ),
        (
            lambda: pt.jvp(f, (X, Y), (Y, X)),
            ValueError,
            r"jvp: tangents has shape \(3,\): expected that of the source, \(2, 3\)",
        ),
        (
            lambda: pt.jvp(lambda p: p["a"], ({"a": X},), ({"b": X},)),
            ValueError,
            r"jvp: tangents: found a dict: expected a dictionary with the keys \['a'\]",
        ),
        (lambda: pt.jvp(f, (X, 1), (X, 1)), TypeError, "jvp: an argument has dtype int64"),
        (lambda: pt.vjp(f, X, "a"), TypeError, "asarray: str has"),
        (
            lambda: pt.vjp(f, X, Y)[1](pt.ones(2)),
            ValueError,
            r"gradient: output_gradient has shape \(2,\): expected that of the target, \(2, 3\)",
        ),
        (
            lambda: pt.jvp(lambda x: 3.0, (X,), (X,)),
            TypeError,
            "jvp: the target is a float: expected a tensor",
        ),
        (lambda: pt.jacobian(lambda x: 3.0)(X), TypeError, "jacobian: the function returned a"),
        (lambda: pt.jacobian(f, mode="both")(X), ValueError, "jacobian: mode: found 'both'"),
        (lambda: pt.jacobian(f, argnums="x")(X), TypeError, "jacobian: argnums: found 'x'"),
        (lambda: pt.hessian(f, argnums=2)(X, Y), ValueError, "jacobian: argument 2 of 2"),
        (
            lambda: pt.hvp(f)(),
            ValueError,
            "hvp: found no arguments: expected those of the function and a vector",
        ),
        (lambda: pt.check_grads(f, (X, Y), modes=("both",)), ValueError, "modes: found 'both'"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_tape_pushes_tangents():
    x = pt.asarray([1.0, 2.0])
    with pt.GradientTape(persistent=True) as tape:
        tape.watch(x)
        middle = x * x
        y = middle * x
    assert tape.jvp(y, x, [1.0, 0.0]).tolist() == [3, 0]
    assert tape.jvp([y, x], [x, middle], [None, pt.ones(2)])[0].tolist() == [1, 2]
    assert tape.jvp(y, pt.ones(2), pt.ones(2)) is None
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    assert tape.jvp(y, x, x).tolist() == [2, 8]
    with pytest.raises(RuntimeError, match="jvp: this tape was used already"):
        tape.jvp(y, x, x)


def test_several_targets():
    x = pt.asarray([1.0, 2.0])
    with pt.GradientTape(persistent=True) as tape:
        tape.watch(x)
        a, b = x * 2, x * x
    assert tape.gradient([a, {"b": b}], x).tolist() == [4, 6]
    seeds = [None, ([1, 0], [2, 1])]
    assert tape.gradient([a, (b, b)], x, output_gradient=seeds).tolist() == [6, 4]
    assert tape.gradient([], x) is None


@pytest.mark.parametrize("inner", ["fwd", "rev"])
@pytest.mark.parametrize("outer", ["fwd", "rev"])
def test_modes_compose(outer, inner):
    def derivative(g, mode):
        if mode == "rev":
            return lambda x: pt.vjp(g, x)[1](1.0)[0]
        return lambda x: pt.jvp(g, (x,), (1.0,))[1]

    g = derivative(derivative(lambda x: pt.sin(x) * x**3, inner), outer)
    x = 0.7
    expected = 6 * x * np.sin(x) + 6 * x**2 * np.cos(x) - x**3 * np.sin(x)
    assert g(pt.asarray(x, dtype="float64")).item() == pytest.approx(expected, rel=1e-12)
    third = pt.grad(g)(pt.asarray(x, dtype="float64")).item()
    expected = 6 * np.sin(x) + 18 * x * np.cos(x) - 9 * x**2 * np.sin(x) - x**3 * np.cos(x)
    assert third == pytest.approx(expected, rel=1e-12)


def test_perturbations_are_not_confused_in_forward_mode():
    """d/dx (x * d/dy (x + y)) is 1, not 2 (Siskind and Pearlmutter)."""

    def d(g):
        return lambda x: pt.jvp(g, (x,), (1.0,))[1]

    assert d(lambda x: x * d(lambda y: x + y)(pt.asarray(1.0)))(pt.asarray(1.0)).item() == 1
    same = pt.asarray(3.0)
    assert d(lambda x: x * d(lambda y: x * y)(same))(same).item() == 6


# ------------------------------------------------------------------------ jacobian and hessian


@pytest.mark.parametrize("mode", [None, "fwd", "rev"])
def test_jacobian(mode):
    w = normal(4, 3)
    j = pt.jacobian(lambda x: pt.tanh(w @ x), mode=mode)(Y)
    y = np.tanh(np.asarray(w) @ np.asarray(Y))
    np.testing.assert_allclose(j, (1 - y**2)[:, None] * np.asarray(w), rtol=1e-12)
    jx, jy = pt.jacobian(f, argnums=(0, 1), mode=mode)(X, Y)
    assert (jx.shape, jy.shape) == ((2, 3, 2, 3), (2, 3, 3))
    nested = pt.jacobian(lambda p: [p["x"] * 2, {"s": p["x"].sum()}], mode=mode)({"x": Y, "y": X})
    assert nested[0]["x"].tolist() == (2 * np.eye(3)).tolist()
    assert not np.asarray(nested[0]["y"]).any() and nested[0]["y"].shape == (3, 2, 3)
    assert nested[1]["s"]["x"].tolist() == [1, 1, 1]
    assert pt.jacobian(lambda x: x * 1.0, mode=mode)(pt.zeros((0, 2))).shape == (0, 2, 0, 2)
    assert pt.jacobian(pt.sin, mode=mode)(0.0).item() == 1


def test_jacobian_takes_the_cheaper_mode():
    calls = []

    @pt.custom_gradient
    def square(x):
        return x * x, lambda g: calls.append(1) or g * 2 * x

    pt.jacobian(lambda x: pt.sum(square(x)))(pt.ones(50))
    assert len(calls) == 1
    calls.clear()
    pt.jacobian(lambda x: square(x) * pt.ones(50))(pt.asarray(2.0))
    assert len(calls) == 1


def test_hessian_and_hvp():
    def g(x):
        return pt.sum(pt.exp(x * pt.flip(x))) + x[0] ** 3

    h = pt.hessian(g)(Y)
    assert h.shape == (3, 3)
    np.testing.assert_allclose(h, pt.jacobian(pt.grad(g))(Y), rtol=1e-12)
    v = normal(3, seed=9)
    np.testing.assert_allclose(pt.hvp(g)(Y, v), np.asarray(h) @ np.asarray(v), rtol=1e-12)
    (hxx, hxy), (hyx, hyy) = pt.hessian(lambda x, y: pt.sum(f(x, y)), argnums=(0, 1))(X, Y)
    assert [b.shape for b in (hxx, hxy, hyx, hyy)] == [(2, 3, 2, 3), (2, 3, 3), (3, 2, 3), (3, 3)]
    np.testing.assert_allclose(hxy, np.moveaxis(np.asarray(hyx), 0, 2), rtol=1e-12)
    hx, hy = pt.hvp(lambda x, y: pt.sum(f(x, y)), argnums=(0, 1))(X, Y, (X, Y))
    np.testing.assert_allclose(hx, np.tensordot(hxx, X, 2) + np.tensordot(hxy, Y, 1), rtol=1e-12)
    np.testing.assert_allclose(hy, np.tensordot(hyx, X, 2) + np.tensordot(hyy, Y, 1), rtol=1e-12)
    assert pt.hvp(lambda p, n: pt.sum(p["w"] ** n))({"w": Y}, 3, {"w": v})["w"].shape == (3,)
    assert pt.hessian(lambda x: x * 2)(1.0).item() == 0  # it does not depend on x any more
    assert pt.hvp(lambda x: x * 2)(1.0, 1.0).item() == 0


def test_fused_functions():
    def plain(x, y):
        return pt.exp(-x * x) * y + pt.tanh(y)

    fused = pt.fuse(plain)
    for derivative in (pt.jacobian, pt.hessian, lambda f: pt.jacobian(pt.hessian(f))):
        assert derivative(fused)(Y, X[0]).tolist() == derivative(plain)(Y, X[0]).tolist()


# ------------------------------------------------------------------------------ custom_gradient


def test_custom_gradient():
    @pt.custom_gradient
    def log1pexp(x):
        """Softplus."""
        e = pt.exp(x)
        return pt.log(1 + e), lambda g: g * (1 - 1 / (1 + e))

    assert log1pexp.__doc__ == "Softplus."
    assert pt.grad(log1pexp)(pt.asarray(100.0)).item() == 1  # not inf / inf
    assert log1pexp(0.0).item() == pytest.approx(np.log(2))
    pt.check_grads(log1pexp, (Y,), order=3)
    np.testing.assert_allclose(
        pt.hessian(lambda x: pt.sum(log1pexp(x)))(Y),
        pt.hessian(lambda x: pt.sum(pt.softplus(x)))(Y),
        rtol=1e-10,
    )


def test_custom_gradient_of_several_arguments_and_results():
    @pt.custom_gradient
    def g(x, p, n):
        a, b = p["a"], p["b"]
        return (
            (x * a, {"n": n, "s": b * b}),
            lambda g: (g[0] * a, {"a": pt.sum(g[0] * x), "b": g[1]["s"] * 2 * b}, None),
        )

    x, p = pt.asarray([1.0, 2.0]), {"a": pt.asarray(3.0), "b": pt.asarray(5.0)}
    value, aux = g(x, p, 7)
    assert value.tolist() == [3, 6] and aux["n"] == 7 and aux["s"].item() == 25
    dx, dp = pt.grad(lambda x, p: pt.sum(g(x, p, 7)[0]) * g(x, p, 7)[1]["s"], (0, 1))(x, p)
    assert (dx.tolist(), dp["a"].item(), dp["b"].item()) == ([75, 75], 75, 90)
    assert pt.grad(lambda x: pt.sum(g(x, p, 7)[0]))(x).tolist() == [3, 3]  # p is no variable
    assert pt.grad(lambda b: g(x, {"a": p["a"], "b": b}, 7)[1]["s"])(5.0).item() == 10


def test_custom_gradients_are_taken_as_they_are():
    reverse = pt.custom_gradient(lambda x: (x, lambda g: -g))
    assert pt.grad(lambda x: reverse(x) * 3)(2.0).item() == -3
    assert pt.jvp(reverse, (2.0,), (1.0,))[1].item() == -1
    nothing = pt.custom_gradient(lambda x: (x * x, lambda g: None))
    assert pt.grad(nothing)(2.0).item() == 0
    with pytest.raises(ZeroDivisionError):
        pt.grad(pt.custom_gradient(lambda x: (x, lambda g: 1 / 0)))(2.0)


@pytest.mark.parametrize(
    ("g", "error", "message"),
    [
        (
            lambda x, y: x * y,
            TypeError,
            "custom_gradient: the function returned a tensor of dtype float64: expected a pair",
        ),
        (
            lambda x, y: (x * y, lambda g: g),
            TypeError,
            "derivative returned a tensor of dtype float64: expected a tuple of 2 gradients",
        ),
        (
            lambda x, y: (x * y, lambda g: (g, g)),
            ValueError,
            r"custom_gradient: a gradient has shape \(2, 3\): expected that of the argument, "
            r"\(3,\)",
        ),
    ],
)
def test_custom_gradient_refuses(g, error, message):
    with pytest.raises(error, match=message):
        pt.grad(lambda y: pt.sum(pt.custom_gradient(g)(X, y)))(Y)


def test_custom_gradient_refuses_what_it_reads_unasked():
    def outer(x, cut):
        g = pt.custom_gradient(lambda y: (cut(x) * y, lambda g: g * cut(x)))
        return g(pt.asarray(2.0))

    with pytest.raises(TypeError, match="custom_gradient: the function reads a tensor that a tape"):
        pt.grad(lambda x: outer(x, lambda x: x))(3.0)
    assert pt.grad(lambda x: outer(x, pt.stop_gradient))(3.0).item() == 0


def test_custom_gradient_guards_its_arguments():
    square = pt.custom_gradient(lambda x: (x * x, lambda g: g * 2 * x))
    x = pt.asarray(3.0)
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = square(x)
    x += 1
    with pytest.raises(RuntimeError, match="that custom_gradient saved was changed in place"):
        tape.gradient(y, x)


# ----------------------------------------------------------------------------------- checkpoint


def layer(x, w):
    return pt.tanh(x @ w) + x


def test_checkpoint_changes_no_derivative():
    w = normal(3, 3)
    plain = lambda x, w: pt.sum(layer(layer(x, w), w))  # noqa: E731
    kept = pt.checkpoint(layer)
    less = lambda x, w: pt.sum(kept(kept(x, w), w))  # noqa: E731
    whole = pt.checkpoint(lambda x, w: pt.checkpoint(plain)(x, w))
    for g in (less, whole):
        assert g(X, w).tolist() == plain(X, w).tolist()
        for a, b in zip(pt.grad(plain, (0, 1))(X, w), pt.grad(g, (0, 1))(X, w), strict=True):
            assert a.tolist() == b.tolist()
        np.testing.assert_allclose(pt.hessian(g, 1)(X, w), pt.hessian(plain, 1)(X, w), rtol=1e-12)
        pt.check_grads(g, (X, w), order=2)


def test_checkpoint_sees_what_the_function_reads():
    def f(w, x):
        inner = pt.checkpoint(lambda x: {"y": x @ w, "x": x, "n": 3})
        out = inner(x)
        assert out["x"] is x and out["n"] == 3
        return pt.sum(out["y"] ** 2)

    np.testing.assert_allclose(
        pt.grad(f)(normal(3, 3), X),
        pt.grad(lambda w: pt.sum((X @ w) ** 2))(normal(3, 3)),
        rtol=1e-12,
    )


def test_checkpoint_repeats_random_numbers():
    from pytensor import random

    def f(x):
        return x * pt.asarray(random.generator().standard_normal(3))

    random.seed(5)
    expected = random.generator().standard_normal(3)
    following = random.generator().random()
    random.seed(5)
    np.testing.assert_array_equal(pt.grad(lambda x: pt.sum(pt.checkpoint(f)(x)))(Y), expected)
    assert random.generator().random() == following
    runs = iter([1.0, 2.0])
    with pytest.raises(RuntimeError, match="checkpoint: the function computed something else"):
        pt.grad(pt.checkpoint(lambda x: x * next(runs)))(2.0)


def test_checkpoint_saves_memory():
    def chain(x):
        for _ in range(50):
            x = pt.sin(x) * 1.01
        return x

    def peak(piece):
        def f(x):
            for _ in range(10):
                x = piece(x)
            return pt.sum(x)

        memory.trim()
        memory.reset_peak()
        before = memory.stats()["in_use"]
        pt.grad(f)(pt.ones(100_000))
        return memory.stats()["peak"] - before

    assert peak(pt.checkpoint(chain)) < peak(chain) / 4


def test_gradients_free_memory_as_they_go():
    """The backward pass of a long chain needs no more than what the tape kept."""
    x = pt.ones(100_000)
    with pt.GradientTape() as tape:
        tape.watch(x)
        y = x
        for _ in range(200):
            y = pt.sin(y)
    memory.reset_peak()
    kept = memory.stats()["in_use"]
    tape.gradient(y, x)
    assert memory.stats()["peak"] < kept + 10 * x.nbytes
    del y
    assert memory.stats()["in_use"] < kept - 190 * x.nbytes


# ---------------------------------------------------------------------------------- check_grads


@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_check_grads_finds_errors(mode):
    wrong = pt.custom_gradient(lambda x: (pt.sin(x), lambda g: g * 1.001 * pt.cos(x)))
    with pytest.raises(AssertionError, match=f"check_grads: {mode} of result 0: found .*, by diff"):
        pt.check_grads(wrong, (Y,), modes=(mode,))
    # right once, wrong twice
    half = pt.custom_gradient(lambda x: (pt.sin(x), lambda g: g * pt.stop_gradient(pt.cos(x))))
    pt.check_grads(half, (Y,), modes=(mode,))
    with pytest.raises(AssertionError, match=f"check_grads: {mode} of {mode} of result 0"):
        pt.check_grads(half, (Y,), order=2, modes=(mode,))


def test_check_grads_varies_what_is_floating_point():
    pt.check_grads(lambda x, n, p: [x**n, p["s"] * x, n], (2.0, 3, {"s": np.float32(1.5)}), order=2)
    pt.check_grads(lambda x: x.astype("float32") ** 2, (2.0,), rtol=0.05, atol=0.05, eps=0.01)


def test_deep_chains_in_forward_mode():
    def chain(x):
        for _ in range(100_000):
            x = x * 0.99999
        return x

    value, tangent = pt.jvp(chain, (0.5,), (1.0,))
    assert value.item() == pytest.approx(0.5 * tangent.item(), rel=1e-3)
    assert not _core.is_recording()


# ------------------------------------------------------------------------------ complex numbers

Z = np.array([1 + 1j, 2 - 3j])


def test_gradients_of_complex_numbers():
    """JAX's conventions: df/dx - i df/dy; with holomorphic=True the complex derivative."""
    squares = lambda z: pt.sum(pt.real(z * pt.conj(z)))  # noqa: E731
    np.testing.assert_allclose(pt.grad(squares)(Z), 2 * Z.conj())
    np.testing.assert_allclose(pt.jacobian(squares)(Z), 2 * Z.conj())
    cubes = lambda z: pt.sum(z**3)  # noqa: E731
    np.testing.assert_allclose(pt.grad(cubes, holomorphic=True)(Z), 3 * Z**2)
    np.testing.assert_allclose(pt.hessian(cubes, holomorphic=True)(Z), np.diag(6 * Z))
    np.testing.assert_allclose(
        pt.jacobian(lambda x: pt.exp(1j * x))(np.array([0.0, 1.0])),
        np.diag(1j * np.exp(1j * np.array([0, 1]))),
        rtol=1e-6,
    )
    x = pt.asarray([0.5, 2.0])
    found = pt.grad(lambda x: pt.abs(pt.sum(x * (1 + 1j))))(x)
    assert found.dtype == pt.float32
    np.testing.assert_allclose(found, [np.sqrt(2)] * 2, rtol=1e-6)


def test_complex_numbers_in_loops_and_custom_derivatives():
    A, xs = pt.asarray(np.array([[0.9 + 0.1j, 0.2], [0.1j, 0.8]])), pt.asarray(np.linspace(0, 1, 4))

    def loop(z):
        c, ys = pt.scan(lambda c, x: (A @ c * pt.exp(x * 1j), pt.abs(c)), z, xs)
        return pt.sum(pt.abs(c) ** 2) + pt.sum(ys)

    squared = pt.custom_gradient(lambda z: (z * z, lambda g: g * 2 * z))
    for f in (
        loop,
        pt.jit(loop),
        squared,
        pt.checkpoint(lambda z: pt.sin(z) * pt.conj(z)),
        lambda z: pt.cond(pt.real(z[0]) > 0, lambda z: z**2, lambda z: z, z),
    ):
        pt.check_grads(f, (Z,), order=2)
    with pytest.raises(AssertionError, match="rev of result 0"):
        pt.check_grads(pt.custom_gradient(lambda z: (z * z, lambda g: g * z)), (Z,), modes=["rev"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pt.grad(pt.sum)(Z), "dtype complex128: expected a complex one for a holomorphic"),
        (lambda: pt.grad(pt.sum, holomorphic=True)(Z.real), "dtype float64: expected a complex"),
        (lambda: pt.grad(lambda z: pt.sum(pt.abs(z)), holomorphic=True)(Z), "dtype float64: exp"),
        (lambda: pt.jacobian(pt.exp)(Z), "the value is complex|an argument is complex"),
        (lambda: pt.jacobian(pt.exp, mode="fwd")(Z), "an argument is complex: expected real"),
        (lambda: pt.jacobian(pt.exp, holomorphic=True)(Z.real), "argument has dtype float64"),
        (lambda: pt.jacobian(pt.abs, holomorphic=True)(Z), "expected a complex tensor"),
    ],
)
def test_errors_about_complex_numbers(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_complex_results_in_place_have_no_gradient():
    z = pt.asarray(Z)
    with pt.GradientTape() as tape:
        tape.watch(z)
        with pytest.raises(RuntimeError, match="multiply: a GradientTape records these tensors"):
            z *= 2
        with pytest.raises(RuntimeError, match="multiply: a GradientTape records these tensors"):
            pt.zeros_like(z).__imul__(z)
