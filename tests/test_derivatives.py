"""The derivative of every function: against differences, in both modes, twice; and against JAX."""

import importlib
import itertools
from types import SimpleNamespace

import numpy as np
import pytest

import pytensor as pt
from pytensor import nn
from pytensor.op_table import ELEMENTWISE, REDUCTIONS, TABLE

pytestmark = pytest.mark.once


def normal(*shape, seed=3):
    return np.asarray(np.random.default_rng(seed).standard_normal(shape))


def positive(*shape, seed=3):
    return np.abs(normal(*shape, seed=seed)) + 0.5


CUBE, MATRIX, SQUARE, VECTOR = normal(2, 3, 4), normal(3, 4), normal(3, 3, seed=8), normal(5)
INDICES = np.array([[0, 3, 1], [2, 2, 0]])

# By name: a function of a namespace (ours or JAX's) and of arrays, and the arrays.
CASES = {}


def case(name, f, *args):
    CASES[name] = (f, args)


def sample(row):
    """Inputs of a row, off integers, where kinks are, that broadcast."""
    rng = np.random.default_rng(5)
    shapes = ((2, 3), (3,), (2, 1))
    for k, (low, high) in enumerate(row.domain):
        x = rng.uniform(low, high, shapes[k])
        x = np.where(np.abs(x - np.round(x)) < 0.02, x + 0.05, x)
        yield np.clip(x, low + 0.01, high - 0.01)


for row in ELEMENTWISE:
    if any(row.d) and row.name != "where":
        case(row.name, lambda xp, *x, name=row.name: getattr(xp, name)(*x), *sample(row))
case("where", lambda xp, x, y: xp.where(xp.asarray(normal(2, 3) > 0), x, y), normal(3),
     normal(4, 2, 1))
case("where and a number", lambda xp, x: xp.where(xp.asarray(normal(2, 3) > 0), x, 2.0) * x,
     normal(3))
case("pow of a number", lambda xp, x: 2.5 ** x + x ** 3 + x ** 0.5, positive(4))
case("pow of a negative number", lambda xp, x: x ** 2 + x ** 3 + x ** -1.0, -positive(4))
case("clip by numbers", lambda xp, x: xp.clip(x, -0.5, 0.5), normal(7))

for row in REDUCTIONS:
    for axis, keepdims in itertools.product([None, 1, (0, 2)], [False, True]):
        if any(row.d):
            case(f"{row.name} {axis} {keepdims}",
                 lambda xp, x, name=row.name, axis=axis, keep=keepdims:
                 getattr(xp, name)(x, axis=axis, keepdims=keep), CUBE)
for axis in (None, 1, (0, 2)):
    case(f"mean {axis}", lambda xp, x, a=axis: xp.mean(x, axis=a) * 2, CUBE)
    case(f"var {axis}", lambda xp, x, a=axis: xp.var(x, axis=a), CUBE)
    case(f"std {axis}", lambda xp, x, a=axis: xp.std(x, axis=a, keepdims=True), CUBE)
case("mean keepdims", lambda xp, x: xp.mean(x, keepdims=True) * x, CUBE)
case("std corrected", lambda xp, x: xp.std(x, correction=1), CUBE)
for k, rows in enumerate(([2, 0, 5], [0, 0, 3], [0, 0, 0], [-2, 0, 3, 0, 5])):
    case(f"prod of zeros {k}", lambda xp, x: xp.prod(x), np.array(rows, float))

RANKS = (
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((5, 2, 3), (3,)),
    ((5, 2, 3), (3, 4)), ((3,), (5, 3, 4)), ((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)),
    ((1, 2, 3), (5, 3, 4)), ((5, 2, 3), (1, 3, 4)), ((2, 1, 2, 3), (3, 3, 2)),
)
for x, y in RANKS:
    case(f"matmul {x} {y}", lambda xp, x, y: x @ y, normal(*x), normal(*y, seed=4))
for x, y in [((3,), (3,)), ((2, 2, 3), (3, 4)), ((), (3,)), ((2, 3), (2, 3, 4)), ((3,), (2, 3, 2))]:
    case(f"dot {x} {y}", lambda xp, x, y: xp.dot(x, y), normal(*x), normal(*y, seed=4))
case("tensordot", lambda xp, x: xp.tensordot(x, x, axes=((1, 2), (1, 2))), CUBE)
case("tensordot of 1", lambda xp, x, y: xp.tensordot(x, y, axes=1), CUBE, normal(4, 2))

case("reshape", lambda xp, x: xp.reshape(x, (4, 6)), CUBE)
case("reshape of a transpose", lambda xp, x: x.T.reshape(-1), CUBE)
case("permute_dims", lambda xp, x: xp.permute_dims(x, (2, 0, 1)), CUBE)
case("mT", lambda xp, x: x.mT, CUBE)
case("broadcast_to", lambda xp, x: xp.broadcast_to(x[:, :1], (5, 2, 3, 4)), CUBE)
case("broadcast_arrays",
     lambda xp, x, y: [a * a for a in xp.broadcast_arrays(x, y)], normal(2, 1), normal(3))
case("flip", lambda xp, x: xp.flip(x, axis=1), CUBE)
case("expand_dims and squeeze", lambda xp, x: xp.squeeze(xp.expand_dims(x * x, axis=0)), CUBE)
case("concat", lambda xp, x: xp.concat([x, x * x, x[:0]]), CUBE)
case("concat along the last axis",
     lambda xp, x: xp.concat([x, xp.ones((2, 3, 1)), x[..., 1:]], axis=-1), CUBE)
case("concat flattened", lambda xp, x: xp.concat([x, x[0]], axis=None), CUBE)
case("stack", lambda xp, x: xp.stack([x, x * 2, x], axis=1), CUBE)
case("index", lambda xp, x: x[1, ..., 2], CUBE)
case("slices", lambda xp, x: x[:, ::-2, 1:], CUBE)
case("newaxis", lambda xp, x: x[:, None, 0], CUBE)
case("mask", lambda xp, x: x[CUBE > 0] ** 2, CUBE)
case("repeated rows", lambda xp, x: x[xp.asarray([0, 1, 1, 0])], CUBE)
case("index arrays", lambda xp, x: x[np.array([0, 1]), :, np.array([3, 3])], CUBE)
case("take", lambda xp, x: xp.take(x, xp.asarray([2, 0, 2]), axis=1), CUBE)
case("iteration", lambda xp, x: sum(row * i for i, row in enumerate(x)), CUBE)
case("tril", lambda xp, x: xp.tril(x), CUBE)
case("triu", lambda xp, x: xp.triu(x, k=1), CUBE)
case("astype", lambda xp, x: xp.astype(x, "float64") * x, CUBE)
case("copy", lambda xp, x: x.copy() * x.flatten().reshape(2, 3, 4), CUBE)
case("full_like of a value", lambda xp, x: xp.full_like(x, 2.0) * x + xp.ones_like(x), CUBE)

case("softmax", lambda xp, x: xp.softmax(x), CUBE)
case("softmax along the first axis", lambda xp, x: xp.softmax(x, axis=0), CUBE)
case("log_softmax", lambda xp, x: xp.log_softmax(x), CUBE)
case("linear", lambda xp, x, w, b: xp.linear(x, w, b), MATRIX, normal(4, 5), normal(5))
case("linear of more axes", lambda xp, x, w: xp.linear(x, w), CUBE, normal(4, 5))
case("linear and relu",
     lambda xp, x, w, b: xp.linear(x, w, b, relu=True), MATRIX, normal(4, 5), normal(5))
case("softmax_cross_entropy",
     lambda xp, x, y: xp.softmax_cross_entropy(x, y), CUBE, positive(2, 3, 4))
case("sparse_softmax_cross_entropy",
     lambda xp, x: xp.sparse_softmax_cross_entropy(x, INDICES), CUBE)

fused = pt.fuse(lambda x, y: pt.exp(-x * x) * y + pt.tanh(y) / (1 + x ** 2))
case("fuse", lambda xp, x, y: xp.fused(x, y), normal(2, 3), normal(3))

OURS = SimpleNamespace(**{**vars(pt), **vars(nn)}, fused=fused)


def jax_namespace(jax):
    """JAX under our names."""
    np_, nn_ = jax.numpy, jax.nn

    def linear(x, w, b=0.0, relu=False):
        return nn_.relu(x @ w + b) if relu else x @ w + b

    def sparse(x, labels):
        return -np_.take_along_axis(nn_.log_softmax(x), labels[..., None], axis=-1)[..., 0]

    special = SimpleNamespace(
        sigmoid=nn_.sigmoid, relu=nn_.relu, softplus=nn_.softplus, softmax=nn_.softmax,
        log_softmax=nn_.log_softmax, erf=jax.scipy.special.erf, linear=linear,
        relu_gradient=lambda x, y: np_.where(y > 0, x, 0),
        softmax_cross_entropy=lambda x, y: -(y * nn_.log_softmax(x)).sum(-1),
        sparse_softmax_cross_entropy=sparse,
        fused=lambda x, y: np_.exp(-x * x) * y + np_.tanh(y) / (1 + x ** 2))

    class Namespace:
        def __getattr__(self, name):
            return getattr(special, name, None) or getattr(np_, name)

    return Namespace()


@pytest.mark.parametrize("name", CASES)
def test_differences(name):
    f, args = CASES[name]
    pt.check_grads(lambda *x: f(OURS, *x), args, order=2)


@pytest.mark.parametrize("name", CASES)
def test_float32_stays_float32(name):
    f, args = CASES[name]
    value, pullback = pt.vjp(lambda *x: f(OURS, *x), *(x.astype("float32") for x in args))
    gradients = pullback(value)
    tangents = pt.jvp(lambda *x: f(OURS, *x), gradients, gradients)
    assert {g.dtype for g in gradients} == {pt.float32}
    for out, tangent in zip(*map(parts, tangents), strict=True):
        assert (out.dtype, out.shape) == (tangent.dtype, tangent.shape)


def parts(value):
    return value if isinstance(value, list) else [value]


def test_every_rule_has_a_case():
    """The transformations' own row is in test_transformations.py."""
    tested = {name.split()[0] for name in CASES}
    aliases = {"getitem": "index", "scatter": "index"}  # the gradient of an index is a scatter
    for row in TABLE:
        if any(row.d) and row.name != "custom_gradient":
            assert aliases.get(row.name, row.name) in tested, row.name


@pytest.fixture(scope="module")
def jax():
    """JAX, with 64 bits."""
    pytest.importorskip("jax", reason="needs pytensor-kernels[oracles]")
    jax = importlib.import_module("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield jax
    jax.config.update("jax_enable_x64", before)


def products(vjp, jvp, f, args, tangents, weights):
    """Value, gradients, tangent, and the tangent of the gradients."""
    def pulled(*x):
        return vjp(f, *x)[1](weights)

    value, tangent = jvp(f, args, tangents)
    gradients, curvature = jvp(pulled, args, tangents)
    return [value, tangent, *gradients, *curvature]


@pytest.mark.oracle
@pytest.mark.parametrize("name", CASES)
def test_jax(name, jax):
    f, args = CASES[name]
    rng = np.random.default_rng(1)
    tangents = tuple(rng.standard_normal(np.shape(x)) for x in args)
    theirs = jax_namespace(jax)

    def combined(xp):
        def g(*x):
            out = f(xp, *x)
            return sum(part.sum() for part in out) if isinstance(out, list) else out

        return g

    weights = rng.standard_normal(combined(OURS)(*map(pt.asarray, args)).shape)
    ours = products(pt.vjp, pt.jvp, combined(OURS), tuple(map(pt.asarray, args)), tangents,
                    pt.asarray(weights))
    g = combined(theirs)
    expected = jax.jit(lambda args, tangents, weights: products(
        jax.vjp, jax.jvp, g, args, tangents, weights))(args, tangents, weights)
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)
