"""The derivative of every function: against differences, in both modes, twice; and against JAX."""

import importlib
import itertools
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import pytensor as pt
from pytensor import nn
from pytensor._tables import numpy_rows
from pytensor._tables.ops import ELEMENTWISE, REDUCTIONS, TABLE

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
case(
    "where",
    lambda xp, x, y: xp.where(xp.asarray(normal(2, 3) > 0), x, y),
    normal(3),
    normal(4, 2, 1),
)
case(
    "where and a number",
    lambda xp, x: xp.where(xp.asarray(normal(2, 3) > 0), x, 2.0) * x,
    normal(3),
)
case("pow of a number", lambda xp, x: 2.5**x + x**3 + x**0.5, positive(4))
case("pow of a negative number", lambda xp, x: x**2 + x**3 + x**-1.0, -positive(4))
case("clip by numbers", lambda xp, x: xp.clip(x, -0.5, 0.5), normal(7))

for row in REDUCTIONS:
    for axis, keepdims in itertools.product([None, 1, (0, 2)], [False, True]):
        if any(row.d):
            case(
                f"{row.name} {axis} {keepdims}",
                lambda xp, x, name=row.name, axis=axis, keep=keepdims: getattr(xp, name)(
                    x, axis=axis, keepdims=keep
                ),
                CUBE,
            )
for axis in (None, 1, (0, 2)):
    case(f"mean {axis}", lambda xp, x, a=axis: xp.mean(x, axis=a) * 2, CUBE)
    case(f"var {axis}", lambda xp, x, a=axis: xp.var(x, axis=a), CUBE)
    case(f"std {axis}", lambda xp, x, a=axis: xp.std(x, axis=a, keepdims=True), CUBE)
case("mean keepdims", lambda xp, x: xp.mean(x, keepdims=True) * x, CUBE)
case("std corrected", lambda xp, x: xp.std(x, correction=1), CUBE)
for k, rows in enumerate(([2, 0, 5], [0, 0, 3], [0, 0, 0], [-2, 0, 3, 0, 5])):
    case(f"prod of zeros {k}", lambda xp, x: xp.prod(x), np.array(rows, float))

RANKS = (
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3, 3), (3,)),
    ((3,), (3, 3)),
    ((3,), (3, 4)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3,)),
    ((5, 2, 3), (3, 4)),
    ((3,), (5, 3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((1, 2, 3), (5, 3, 4)),
    ((5, 2, 3), (1, 3, 4)),
    ((2, 1, 2, 3), (3, 3, 2)),
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
case(
    "broadcast_arrays",
    lambda xp, x, y: [a * a for a in xp.broadcast_arrays(x, y)],
    normal(2, 1),
    normal(3),
)
case("flip", lambda xp, x: xp.flip(x, axis=1), CUBE)
case("expand_dims and squeeze", lambda xp, x: xp.squeeze(xp.expand_dims(x * x, axis=0)), CUBE)
case("concat", lambda xp, x: xp.concat([x, x * x, x[:0]]), CUBE)
case(
    "concat along the last axis",
    lambda xp, x: xp.concat([x, xp.ones((2, 3, 1)), x[..., 1:]], axis=-1),
    CUBE,
)
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
case(
    "linear and relu",
    lambda xp, x, w, b: xp.linear(x, w, b, relu=True),
    MATRIX,
    normal(4, 5),
    normal(5),
)
case(
    "conv",
    lambda xp, x, w, b: xp.conv(x, w, b, strides=(2, 1), padding=((1, 0), (2, 1)), dilation=(1, 2)),
    normal(2, 5, 4, 2),
    normal(3, 2, 2, 3, seed=4),
    normal(3),
)
case(
    "conv with relu, in groups",
    lambda xp, x, w: xp.conv(x, w, strides=(2,), padding=((1, 1),), groups=2, relu=True),
    normal(2, 7, 4),
    normal(3, 2, 6, seed=4),
)
case(
    "conv of each channel",
    lambda xp, x, w: xp.conv(x, w, padding=((1, 1),) * 3, groups=2),
    normal(2, 2, 3, 2, 2),
    normal(2, 2, 2, 1, 4, seed=4),
)
case(
    "conv_transpose",
    lambda xp, x, w, b: xp.conv_transpose(x, w, b, strides=(2, 1), dilation=(1, 2)),
    normal(2, 3, 2, 3),
    normal(3, 2, 2, 3, seed=4),
    normal(2),
)
case("max_pool", lambda xp, x: xp.max_pool(x, (3, 2), strides=(2, 1)), normal(2, 6, 3, 2))
case("avg_pool", lambda xp, x: xp.avg_pool(x, (2, 1), padding="same"), normal(2, 5, 3, 2))
case("pad", lambda xp, x: xp.pad(x, ((1, 0), (2, 3))) + xp.pad(x, ((0, 1), (3, 2)), "edge"), MATRIX)
case("pad reflect", lambda xp, x: xp.pad(x, ((1, 0), (2, 3)), "reflect"), MATRIX)
case("pad with a number", lambda xp, x: xp.pad(x, 1, constant_values=2.0), MATRIX)
case(
    "softmax_cross_entropy",
    lambda xp, x, y: xp.softmax_cross_entropy(x, y),
    CUBE,
    positive(2, 3, 4),
)
case(
    "sparse_softmax_cross_entropy", lambda xp, x: xp.sparse_softmax_cross_entropy(x, INDICES), CUBE
)

fused = pt.fuse(lambda x, y: pt.exp(-x * x) * y + pt.tanh(y) / (1 + x**2))
case("fuse", lambda xp, x, y: xp.fused(x, y), normal(2, 3), normal(3))

# ------------------------------------------------------------------ computed by NumPy, composed

for name, row in numpy_rows.TABLE.items():
    if row.kind in ("unary", "binary") and row.d and "f" in row.types:
        shapes = ((2, 3), (3,))[: len(row.inputs)]
        case(
            name,
            lambda xp, *x, name=name: getattr(xp, name)(*x),
            *(normal(*s, seed=k) for k, s in enumerate(shapes)),
        )

for axis in (0, -1):
    for initial in (False, True):
        for name in ("cumulative_sum", "cumulative_prod"):
            case(
                f"{name} {axis} {initial}",
                lambda xp, x, name=name, a=axis, i=initial: (
                    getattr(xp, name)(x, axis=a, include_initial=i) ** 2
                ),
                MATRIX,
            )
case("cumulative_sum of a vector", lambda xp, x: xp.cumulative_sum(x), VECTOR)
case(
    "cumulative_prod of zeros", lambda xp, x: xp.cumulative_prod(x), np.array([2.0, 0, 3, 0, 5, 1])
)
case("sort", lambda xp, x: xp.sort(x) * xp.sort(x, axis=0, descending=True), MATRIX)
case("take_along_axis", lambda xp, x: xp.take_along_axis(x, xp.argsort(x, axis=1), axis=1), MATRIX)
for text, shapes in {
    "ij,jk->ik": [(2, 3), (3, 4)],
    "ij,jk": [(2, 3), (3, 4)],
    "ii": [(3, 3)],
    "ii->i": [(3, 3)],
    "iij->j": [(3, 3, 2)],
    "ij->": [(2, 3)],
    "ij->ji": [(2, 3)],
    "ij,j,ik->k": [(2, 3), (3,), (2, 2)],
    "...i,...i": [(2, 1, 3), (4, 3)],
    "...ij,jk->...ik": [(2, 2, 3), (3, 2)],
    "bij,bjk->ik": [(2, 2, 3), (2, 3, 2)],
    "i,j->ij": [(2,), (3,)],
    "ij,kl->i": [(2, 3), (2, 2)],
    "iii->i": [(2, 2, 2)],
    "ij,ij->ij": [(1, 3), (2, 3)],
    "ij,jl": [(2, 1), (3, 2)],
    "ii,i": [(1, 1), (3,)],
    "ij,jm": [(2, 1), (3, 1)],
    "...i,...i->...": [(1, 3), (2, 1)],
}.items():
    case(
        f"einsum {text}",
        lambda xp, *x, text=text: xp.einsum(text, *x),
        *(normal(*shape, seed=k) for k, shape in enumerate(shapes)),
    )
case("einsum of one twice", lambda xp, x: xp.einsum("ij,kj->ik", x, x), MATRIX)

case(
    "add_at",
    lambda xp, x, y: xp.add_at(x, (slice(None), np.array([0, 2, 2])), y) ** 2,
    MATRIX,
    normal(3),
)
case("set_at", lambda xp, x, y: xp.set_at(x, (1, slice(None, None, 2)), y) * x, MATRIX, normal(2))
case("roll", lambda xp, x: xp.roll(x, (1, -2), axis=(0, 1)), MATRIX)
case("repeat", lambda xp, x: xp.repeat(x, 3, axis=1) ** 2, MATRIX)
case("tile", lambda xp, x: xp.tile(x, (2, 1, 3)) ** 2, MATRIX)
case("diff", lambda xp, x: xp.diff(x, n=2, axis=1) ** 2, MATRIX)
case("unstack", lambda xp, x: [a * a for a in xp.unstack(x, axis=1)], MATRIX)
case("meshgrid", lambda xp, x, y: [a * a for a in xp.meshgrid(x, y)], VECTOR, normal(2))
case("moveaxis", lambda xp, x: xp.moveaxis(x, 0, 2) ** 2, CUBE)
case("matrix_transpose", lambda xp, x: xp.matrix_transpose(x) ** 2, CUBE)
case("vecdot", lambda xp, x, y: xp.vecdot(x, y), CUBE, normal(3, 4))
case("clip by one bound", lambda xp, x: xp.clip(x, -0.5) + xp.clip(x, max=0.5), normal(7))
case("logsumexp", lambda xp, x: xp.logsumexp(x, axis=1) + xp.logsumexp(x), CUBE)

# -------------------------------------------------------------------------------- linear algebra

BATCH, TALL, WIDE = normal(2, 3, 3, seed=8), normal(2, 4, 3, seed=9), normal(2, 3, 4, seed=10)


def spd(x):
    """A positive definite matrix, as a differentiable function."""
    return x @ x.mT + x.shape[-1] * np.eye(x.shape[-1])


for name in ("inv", "det", "trace", "diagonal"):
    case(f"linalg.{name}", lambda xp, x, name=name: getattr(xp.linalg, name)(x), BATCH)
case("linalg.slogdet", lambda xp, x: xp.linalg.slogdet(x)[1], BATCH)
case("linalg.solve", lambda xp, x, y: xp.linalg.solve(x, y), BATCH, normal(3, 2))
case("linalg.solve of a vector", lambda xp, x, y: xp.linalg.solve(x, y), SQUARE, normal(3))
case("linalg.cholesky", lambda xp, x: xp.linalg.cholesky(spd(x)), BATCH)
case("linalg.cholesky upper", lambda xp, x: xp.linalg.cholesky(spd(x), upper=True), SQUARE)
case("linalg.eigh", lambda xp, x: list(xp.linalg.eigh(spd(x))), BATCH)
case("linalg.eigh of values", lambda xp, x: xp.linalg.eigh(spd(x))[0], BATCH)
case("linalg.eigh of vectors", lambda xp, x: xp.linalg.eigh(spd(x))[1], SQUARE)
case("linalg.eigvalsh", lambda xp, x: xp.linalg.eigvalsh(spd(x)), BATCH)
for name, x in {"square": BATCH, "tall": TALL, "wide": WIDE}.items():
    case(f"linalg.svd {name}", lambda xp, x: list(xp.linalg.svd(x, full_matrices=False)), x)
    case(f"linalg.svdvals {name}", lambda xp, x: xp.linalg.svdvals(x), x)
    case(f"linalg.pinv {name}", lambda xp, x: xp.linalg.pinv(x), x)
    case(f"linalg.qr {name}", lambda xp, x: list(xp.linalg.qr(x)), x)
case("linalg.svd of values", lambda xp, x: xp.linalg.svd(x, full_matrices=False)[1], TALL)
case("linalg.svd of vectors", lambda xp, x: xp.linalg.svd(x, full_matrices=False)[0], TALL)
case("linalg.svd full of square", lambda xp, x: list(xp.linalg.svd(x)), SQUARE)
NOT_IN_JAX = {"complex sign"}  # which it takes for constant
for name, x in {"tall": TALL, "wide": WIDE}.items():
    NOT_IN_JAX.add(f"linalg.svd full of {name}")
    case(f"linalg.svd full of {name}", lambda xp, x: list(xp.linalg.svd(x)), x)
case("linalg.qr of R", lambda xp, x: xp.linalg.qr(x)[1], TALL)
for n in (-2, 0, 1, 5):
    case(f"linalg.matrix_power {n}", lambda xp, x, n=n: xp.linalg.matrix_power(x, n) + 0 * x, BATCH)
for ord in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
    case(
        f"linalg.matrix_norm {ord}",
        lambda xp, x, ord=ord: xp.linalg.matrix_norm(x, ord=ord, keepdims=True),
        TALL,
    )
for ord in (1, 2, 3.5, np.inf, -np.inf, -2):
    case(
        f"linalg.vector_norm {ord}",
        lambda xp, x, ord=ord: xp.linalg.vector_norm(x, axis=(0, 2), ord=ord),
        CUBE,
    )
case("linalg.vector_norm of all", lambda xp, x: xp.linalg.vector_norm(x), CUBE)
case("linalg.cross", lambda xp, x, y: xp.linalg.cross(x, y), normal(2, 3), normal(3))
case("linalg.outer", lambda xp, x, y: xp.linalg.outer(x, y), normal(2), normal(3))

# ------------------------------------------------------------------------------- complex numbers

# What takes real numbers alone, by the first word of the case; and what needs a case of its own,
# because its matrix has to be Hermitian or because the phases of its vectors are not unique.
REAL = {"astype", "avg_pool", "clip", "conv", "conv_transpose", "fuse", "linear", "log_softmax"}
REAL |= {"logsumexp", "max_pool", "softmax", "softmax_cross_entropy", "sort"}
REAL |= {"sparse_softmax_cross_entropy", "take_along_axis"}
REAL |= {row.name for row in ELEMENTWISE + REDUCTIONS if row.name not in numpy_rows.COMPLEX}
OWN = {"linalg.cholesky", "linalg.eigh", "linalg.eigvalsh", "linalg.svd"}


def turned(x, seed=20):
    """Complex numbers with x as their real parts."""
    return x + 1j * normal(*np.shape(x), seed=seed)


last = {name.split()[0]: name for name in CASES}  # one case of each, mostly the most general
for name in last.values():
    f, args = CASES[name]
    if name.split()[0] not in REAL | OWN:
        case(f"complex {name}", f, *(turned(x, seed=20 + k) for k, x in enumerate(args)))

Z, W = turned(normal(2, 3)), turned(normal(3, seed=4), seed=21)
for name in ("conj", "real", "imag", "abs", "sign"):
    case(f"complex {name}", lambda xp, x, name=name: getattr(xp, name)(x) * abs(x), Z)
case("real and complex", lambda xp, x, y: xp.exp(x * y) / (x + y) - y**x, positive(2, 3), W)
case("real to complex", lambda xp, x: xp.abs(xp.exp(1j * x) + x) * xp.real(x * (2 - 1j)), MATRIX)
case("matmul of real and complex", lambda xp, x, y: x @ y, MATRIX, turned(normal(4, 2)))
case(
    "concat of real and complex", lambda xp, x, y: xp.concat([x, y, x * y]), VECTOR, turned(VECTOR)
)
case(
    "where of real and complex", lambda xp, x, y: xp.where(MATRIX > 0, x, y), MATRIX, turned(MATRIX)
)
case("set_at of real in complex", lambda xp, x, y: xp.set_at(x, (0, slice(2)), y) * x, Z, normal(2))
case("einsum of real and complex", lambda xp, x, y: xp.einsum("ij,j", x, y), normal(2, 3), W)
case("power of a complex number", lambda xp, x: x**2 + x**-1.5 + (1 + 2j) ** x + x ** (1 - 1j), Z)


def hermitian(xp, x):
    """A positive definite matrix, as a differentiable function."""
    return x @ xp.conj(x.mT) + x.shape[-1] * np.eye(x.shape[-1])


def without_phases(xp, *vectors):
    """The parts of products of vectors that do not depend on their phases."""
    return [xp.abs(v) ** 2 for v in vectors]


C_BATCH, C_TALL, C_WIDE = turned(BATCH), turned(TALL), turned(WIDE)
case("complex linalg.cholesky", lambda xp, x: xp.linalg.cholesky(hermitian(xp, x)), C_BATCH)
case(
    "complex linalg.cholesky upper",
    lambda xp, x: xp.linalg.cholesky(hermitian(xp, x), upper=True),
    C_BATCH,
)


def values_and_vectors(xp, x):
    """eigh without the phases of its vectors."""
    w, v = xp.linalg.eigh(hermitian(xp, x))
    return [w, *without_phases(xp, v), v[..., :1] @ xp.conj(v[..., :1].mT)]


def both_vectors(xp, x, full_matrices=False):
    """svd without the phases of its vectors: only U and Vh together have them."""
    u, s, vh = xp.linalg.svd(x, full_matrices=full_matrices)
    return [s, *without_phases(xp, u, vh), u[..., :2] @ vh[..., :2, :]]


case("complex linalg.eigh", values_and_vectors, C_BATCH)
case("complex linalg.eigvalsh", lambda xp, x: xp.linalg.eigvalsh(hermitian(xp, x)), C_BATCH)
for name, x in {"square": C_BATCH, "tall": C_TALL, "wide": C_WIDE}.items():
    case(f"complex linalg.svd {name}", both_vectors, x)
    if name != "square":
        NOT_IN_JAX.add(f"complex linalg.svd full of {name}")
        case(f"complex linalg.svd full of {name}", lambda xp, x: both_vectors(xp, x, True), x)
for name, x in {"square": SQUARE, "complex": turned(SQUARE)}.items():
    case(f"linalg.eigvals {name}", lambda xp, x: [xp.linalg.eigvals(x)], x)
case("linalg.eig complex", lambda xp, x: list(xp.linalg.eig(x)), turned(SQUARE))
case("linalg.eig square", lambda xp, x: without_phases(xp, xp.linalg.eig(x)[1]), SQUARE)

# ---------------------------------------------------------------------------- Fourier transforms

for name, row in numpy_rows.TABLE.items():
    if not name.startswith("fft."):
        continue
    short = name.removeprefix("fft.")
    point = normal(3, 4) if "c" not in row.types else turned(normal(3, 4))
    several = "s" in row.parameters
    options = (
        [{"s": (2, 5), "norm": "ortho"}, {"s": (5, 3), "axes": (-1, 0), "norm": "forward"}]
        if several
        else [{"n": 3, "norm": "ortho"}, {"n": 6, "axis": -2, "norm": "forward"}]
    )
    for chosen in ({}, *options):
        case(
            f"{name} {chosen}" if chosen else name,
            lambda xp, x, short=short, chosen=chosen: getattr(xp.fft, short)(x, **chosen),
            point,
        )
    if "f" in row.types and "c" in row.types:
        case(
            f"{name} of real numbers",
            lambda xp, x, short=short: getattr(xp.fft, short)(x) ** 2,
            normal(3, 4),
        )
for name in ("fftshift", "ifftshift"):
    case(
        f"fft.{name}", lambda xp, x, name=name: getattr(xp.fft, name)(x) ** 2, turned(normal(3, 4))
    )


# Those that are tried in programs and by vmap too: of Fourier transforms one each.
IN_PROGRAMS = [name for name in CASES if not (name.startswith("fft.") and " " in name)]


class Namespace:
    """The first of several modules that has a name."""

    def __init__(self, *modules):
        self.modules = modules

    def __getattr__(self, name):
        return next(getattr(m, name) for m in self.modules if hasattr(m, name))


OURS = Namespace(SimpleNamespace(fused=fused), nn, pt)


def jax_namespace(jax):
    """JAX under our names."""
    np_, nn_ = jax.numpy, jax.nn

    def linear(x, w, b=0.0, relu=False):
        return nn_.relu(x @ w + b) if relu else x @ w + b

    def axes(x):
        letters = "DHW"[-(x.ndim - 2) :]
        return f"N{letters}C", f"{letters}IO", f"N{letters}C"

    def conv(x, w, b=0.0, *, strides=None, padding, dilation=None, groups=1, relu=False):
        out = jax.lax.conv_general_dilated(
            x,
            w,
            strides or (1,) * (x.ndim - 2),
            padding,
            rhs_dilation=dilation,
            dimension_numbers=axes(x),
            feature_group_count=groups,
        )
        return nn_.relu(out + b) if relu else out + b

    def conv_transpose(x, w, b, strides, dilation):
        reach = [(k - 1) * d + 1 for k, d in zip(w.shape[:-2], dilation, strict=True)]
        return b + jax.lax.conv_general_dilated(
            x,
            np_.swapaxes(np_.flip(w, range(w.ndim - 2)), -1, -2),
            (1,) * len(reach),
            [(k - 1, max(k, s) - 1) for k, s in zip(reach, strides, strict=True)],
            lhs_dilation=strides,
            rhs_dilation=dilation,
            dimension_numbers=axes(x),
        )

    def max_pool(x, size, strides):
        starts = [
            range(0, n - k + 1, s) for n, k, s in zip(x.shape[1:], size, strides, strict=False)
        ]
        parts = [
            x[:, i : i + size[0], j : j + size[1]].max((1, 2)) for i in starts[0] for j in starts[1]
        ]
        shape = (x.shape[0], *map(len, starts), x.shape[-1])
        return np_.stack(parts, 1).reshape(shape)

    def avg_pool(x, size, padding):
        return np_.stack([x[:, i : i + size[0]].mean(1) for i in range(0, x.shape[1], size[0])], 1)

    def sparse(x, labels):
        return -np_.take_along_axis(nn_.log_softmax(x), labels[..., None], axis=-1)[..., 0]

    def eig(x):
        return jax.lax.linalg.eig(x, compute_left_eigenvectors=False, enable_eigvec_derivs=True)

    return Namespace(
        SimpleNamespace(
            linalg=Namespace(SimpleNamespace(eig=eig, eigvals=lambda x: eig(x)[0]), np_.linalg),
            linear=linear,
            conv=conv,
            conv_transpose=conv_transpose,
            max_pool=max_pool,
            avg_pool=avg_pool,
            logsumexp=nn_.logsumexp,
            add_at=lambda x, key, y: x.at[key].add(y),
            set_at=lambda x, key, y: x.at[key].set(y),
            nextafter=lambda x, y: x,  # it has no derivative there
            relu_gradient=lambda x, y: np_.where(y > 0, x, 0),
            where_positive=lambda x, y, z: np_.where(x > 0, y, z),
            softmax_cross_entropy=lambda x, y: -(y * nn_.log_softmax(x)).sum(-1),
            sparse_softmax_cross_entropy=sparse,
            fused=lambda x, y: np_.exp(-x * x) * y + np_.tanh(y) / (1 + x**2),
        ),
        np_,
        nn_,
        jax.scipy.special,
    )


@pytest.mark.parametrize("name", CASES)
def test_differences(name):
    f, args = CASES[name]
    pt.check_grads(lambda *x: f(OURS, *x), args, order=2)


@pytest.mark.parametrize("name", CASES)
def test_float32_stays_float32(name):
    f, args = CASES[name]
    args = tuple(x.astype("complex64" if x.dtype.kind == "c" else "float32") for x in args)
    value, pullback = pt.vjp(lambda *x: f(OURS, *x), *args)
    gradients = pullback(value)
    tangents = pt.jvp(lambda *x: f(OURS, *x), gradients, gradients)
    assert [(g.dtype, g.shape) for g in gradients] == [(x.dtype, x.shape) for x in args]
    for out, tangent in zip(*map(parts, tangents), strict=True):
        assert (out.dtype, out.shape) == (tangent.dtype, tangent.shape)


def parts(value):
    return value if isinstance(value, list) else [value]


def test_every_rule_has_a_case():
    """But for those with tests of their own, in the files of transformations, jit and scan."""
    others = {"custom_gradient", "attention", "program", "scan", "while_loop", "cond"}
    tested = {name.split()[0] for name in CASES}
    tested |= {name.removeprefix("complex ").split()[0] for name in CASES}
    aliases = {  # the others are gradients of these
        "complex_abs": "complex",
        "complex_sign": "complex",
        "conv_weights": "conv",
        "getitem": "index",
        "max_pool_pick": "max_pool",
        "max_pool_spread": "max_pool",
        "scatter": "index",
    }
    for row in (*TABLE, *numpy_rows.TABLE.values()):
        if row.d and any(row.d) and row.name not in others:
            assert aliases.get(row.name, row.name) in tested, row.name


# autograd's names of ours, and its own helpers that stand for a function.
AUTOGRAD = {
    "absolute": "abs",
    "amax": "max",
    "amin": "min",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "concatenate": "concat",
    "conjugate": "conj",
    "cumsum": "cumulative_sum",
    "fabs": "abs",
    "fliplr": "flip",
    "flipud": "flip",
    "full": "full_like",
    "norm": "linalg.vector_norm",
    "power": "pow",
    "ravel": "reshape",
    "rollaxis": "moveaxis",
    "swapaxes": "moveaxis",
    "transpose": "permute_dims",
}


@pytest.mark.oracle
def test_what_autograd_differentiates_is_here_or_on_the_list():
    anp = pytest.importorskip("autograd.numpy", reason="needs pytensor-kernels[oracles]")
    from autograd.core import primitive_vjps

    page = " ".join((Path(__file__).parent.parent / "docs/autodiff.md").read_text().split())
    listed = set(re.findall(r"`(\w+)`", page.partition("and pytensor does not:")[2]))
    tested = {name.removeprefix("complex ").split()[0] for name in CASES}
    tested |= {name.rpartition(".")[2] for name in tested} | {"squeeze"}
    theirs = {
        f.__name__
        for f in primitive_vjps
        if any(hasattr(m, f.__name__) for m in (anp, anp.linalg, anp.fft))
    } | {"concatenate"}
    theirs -= {"array_from_args", "concatenate_args", "make_diagonal", "truncate_pad"}  # helpers
    ours = {name for name in theirs if AUTOGRAD.get(name, name) in tested}
    assert len(ours) > 70
    assert listed == theirs - ours


@pytest.fixture(scope="module")
def jax():
    """JAX, with 64 bits."""
    pytest.importorskip("jax", reason="needs pytensor-kernels[oracles]")
    jax = importlib.import_module("jax")
    options = {"jax_enable_x64": True, "jax_disable_most_optimizations": True}
    before = {name: jax.config.read(name) for name in options}
    for name, value in options.items():
        jax.config.update(name, value)
    yield jax
    for name, value in before.items():
        jax.config.update(name, value)


def random_like(rng, x):
    """Numbers of the shape and the kind of x."""
    numbers = rng.standard_normal(np.shape(x))
    return numbers + 1j * rng.standard_normal(np.shape(x)) if x.dtype.kind == "c" else numbers


def products(vjp, jvp, f, args, tangents, weights):
    """Value, gradients, tangent, and the tangent of the gradients."""

    def pulled(*x):
        return vjp(f, *x)[1](weights)

    value, tangent = jvp(f, args, tangents)
    gradients, curvature = jvp(pulled, args, tangents)
    return [value, tangent, *gradients, *curvature]


@pytest.mark.oracle
@pytest.mark.parametrize("name", [name for name in CASES if name not in NOT_IN_JAX])
def test_jax(name, jax):
    f, args = CASES[name]
    rng = np.random.default_rng(1)
    tangents = tuple(random_like(rng, x) for x in args)
    theirs = jax_namespace(jax)

    def combined(xp):
        def g(*x):
            out = f(xp, *x)
            return sum((p * p * p).sum() for p in out) if isinstance(out, list) else out

        return g

    weights = random_like(rng, combined(OURS)(*map(pt.asarray, args)))
    ours = products(
        pt.vjp, pt.jvp, combined(OURS), tuple(map(pt.asarray, args)), tangents, pt.asarray(weights)
    )
    g = combined(theirs)
    expected = jax.jit(
        lambda args, tangents, weights: products(jax.vjp, jax.jvp, g, args, tangents, weights)
    )(args, tangents, weights)
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


# -------------------------------------------------------------------------------------- corners


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (pt.relu, 0.0, 0),
        (pt.abs, 0.0, 0),
        (pt.sqrt, 0.0, np.inf),
        (pt.sign, 2.0, 0),
        (lambda x: pt.maximum(x, x), 1.0, 1),
        (lambda x: pt.maximum(x, 1.0), 1.0, 0.5),
        (lambda x: pt.clip(x, 0.0, 1.0), 1.0, 1),
        (lambda x: pt.clip(x, 0.0, 1.0), 2.0, 0),
        (lambda x: x**0, 0.0, 0),
        (lambda x: x**1, 0.0, 1),
        (lambda x: x**2, 0.0, 0),
        (lambda y: pt.asarray(0.0) ** y, 2.0, 0),
        (lambda y: pt.asarray(-2.0) ** y, 2.0, np.nan),
        (lambda x: pt.hypot(x, 0.0), 0.0, 0),
        (lambda x: pt.linalg.vector_norm(pt.stack([x])), 0.0, 0),
        (lambda x: pt.where(x > 0, pt.sqrt(pt.where(x > 0, x, 1.0)), 0.0), -1.0, 0),
        (lambda x: pt.std(pt.stack([x, x])), 1.0, np.nan),
        (lambda x: pt.linalg.det(pt.reshape(x, (1, 1))), 2.0, 1),
    ],
)
def test_corners(f, x, slope):
    for found in (pt.grad(f)(x), pt.jvp(f, (x,), (1.0,))[1]):
        np.testing.assert_array_equal(found, np.float32(slope))


# Slopes in float64's closed forms: what float32 must not lose on the way to them.
SLOPES = {
    "acos": lambda x: -1 / np.sqrt((1 - x) * (1 + x)),
    "acosh": lambda x: 1 / np.sqrt((x - 1) * (x + 1)),
    "asin": lambda x: 1 / np.sqrt((1 - x) * (1 + x)),
    "asinh": lambda x: 1 / np.sqrt(1 + x * x),
    "atan": lambda x: 1 / (1 + x * x),
    "atanh": lambda x: 1 / ((1 - x) * (1 + x)),
    "cosh": np.sinh,
    "sinh": np.cosh,
    "exp": np.exp,
    "expm1": np.exp,
    "log": lambda x: 1 / x,
    "log1p": lambda x: 1 / (1 + x),
    "log2": lambda x: 1 / (x * np.log(2)),
    "log10": lambda x: 1 / (x * np.log(10)),
    "sqrt": lambda x: 0.5 / np.sqrt(x),
    "reciprocal": lambda x: -1 / x / x,
    "erf": lambda x: 2 / np.sqrt(np.pi) * np.exp(-x * x),
    "softplus": lambda x: 1 / (1 + np.exp(-x)),
    "divide": (lambda x, y: 1 / y, lambda x, y: -x / y / y),
    "pow": (lambda x, y: y * x ** (y - 1), lambda x, y: x**y * np.log(x)),
    "atan2": (lambda x, y: y / (x * x + y * y), lambda x, y: -x / (x * x + y * y)),
    "hypot": (lambda x, y: x / np.hypot(x, y), lambda x, y: y / np.hypot(x, y)),
    "logaddexp": (lambda x, y: 1 / (1 + np.exp(y - x)), lambda x, y: 1 / (1 + np.exp(x - y))),
}
MAGNITUDES = np.array(
    [
        1e-37,
        1e-30,
        1e-20,
        1e-10,
        1e-3,
        0.5,
        0.999,
        0.9999999,
        1,
        1.0000001,
        1.5,
        7,
        16,
        80,
        1e5,
        1e10,
        1e19,
        1e20,
        1e30,
        1e38,
        np.inf,
    ],
    np.float32,
)
MAGNITUDES = np.concatenate([MAGNITUDES, -MAGNITUDES])


def tangent_by(f, args, k):
    """Forward mode's derivative of f by argument number k."""
    return pt.jvp(lambda x: f(*args[:k], x, *args[k + 1 :]), (args[k],), (pt.ones_like(args[k]),))[
        1
    ]


@pytest.mark.parametrize("size", [1e-40, 1e-25, 1.0, 1e20, 1e37])
@pytest.mark.parametrize("ord", [-2, 0.5, 2, 3])
def test_norms_at_extreme_arguments(size, ord):
    """No power overflows or vanishes where the norm and its slope do not."""
    x = np.array([[3, -4], [1, 2]], np.float32) * np.float32(size)
    double = x.astype(np.float64)

    def norm(x):
        return pt.linalg.vector_norm(x, axis=1, ord=ord)

    for f in (norm, pt.linalg.matrix_norm):
        found, expected = (
            pt.value_and_grad(lambda x, f=f: f(x).sum())(pt.asarray(y)) for y in (x, double)
        )
        for ours, right in zip(found, expected, strict=True):
            rtol = 1e-4 if size < 1e-30 else 1e-6  # denormal numbers have few digits
            np.testing.assert_allclose(ours, right, rtol=rtol, atol=1e-44)
    for value in (np.inf, np.nan):
        np.testing.assert_array_equal(pt.linalg.vector_norm([value, 1.0], ord=2), value)


@pytest.mark.parametrize("name", SLOPES)
def test_slopes_at_extreme_arguments(name):
    """No intermediate result overflows or vanishes where the slope does not."""
    slopes = SLOPES[name] if isinstance(SLOPES[name], tuple) else (SLOPES[name],)
    args = [np.array(x) for x in np.broadcast_arrays(*np.ix_(*[MAGNITUDES] * len(slopes)))]
    found = pt.vjp(getattr(pt, name), *args)[1](np.ones(args[0].shape, np.float32))
    value = np.asarray(getattr(pt, name)(*args))
    for k, (g, slope) in enumerate(zip(found, slopes, strict=True)):
        with np.errstate(all="ignore"):
            expected = slope(*(x.astype(np.float64) for x in args)).astype(np.float32)
        known = ~np.isnan(expected) & ~np.isnan(value)
        if name == "pow":  # the parity of y - 1 gets lost where y is large
            known &= args[0] > 0
        assert known.sum() > 10 and len(np.unique(expected[known])) > 3
        np.testing.assert_allclose(
            np.asarray(g)[known],
            expected[known],
            rtol=1e-5,
            atol=np.finfo(np.float32).smallest_normal,
        )
        tangent = tangent_by(getattr(pt, name), args, k)
        np.testing.assert_array_equal(np.asarray(tangent)[known], np.asarray(g)[known])


INF = np.inf


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("f", "args", "slopes"),
    [
        (pt.logaddexp, (INF, 2), (1, 0)),
        (pt.logaddexp, (-INF, 2), (0, 1)),
        (pt.logaddexp, (INF, INF), (0.5, 0.5)),
        (pt.logaddexp, (-INF, -INF), (0.5, 0.5)),
        (pt.logaddexp, (INF, -INF), (1, 0)),
        (pt.logaddexp, (1e30, -1e30), (1, 0)),
        (pt.hypot, (INF, 2), (1, 0)),
        (pt.hypot, (2, -INF), (0, -1)),
        (pt.hypot, (3e-25, 4e-25), (0.6, 0.8)),
        (pt.hypot, (3e30, -4e30), (0.6, -0.8)),
        (pt.atan2, (INF, 2), (0, 0)),
        (pt.atan2, (2, INF), (0, 0)),
        (pt.atan2, (1e-25, 1e-25), (5e24, -5e24)),
        (pt.pow, (INF, 0), (0, INF)),
        (pt.pow, (-INF, 0), (0, np.nan)),
        (pt.pow, (0, 0), (0, 0)),
        (pt.pow, (1e-30, 0), (0, np.log(1e-30))),
        (pt.pow, (INF, -2), (0, 0)),
        (pt.pow, (0, -2), (-INF, 0)),
        (pt.pow, (0.5, INF), (0, 0)),
        (pt.pow, (2, -INF), (0, 0)),
        (pt.pow, (1, 0), (0, 0)),
        (pt.pow, (0, 3), (0, 0)),
        (lambda *x: pt.prod(pt.stack(x)), (INF, 1, 2), (2, INF, INF)),
        (lambda *x: pt.prod(pt.stack(x)), (1e30, 1e-30, 1e-35), (1e-65, 1e-5, 1)),
        (lambda *x: pt.prod(pt.stack(x)), (1e-30, 0, 1e30), (0, 1, 0)),
        (lambda *x: pt.logsumexp(pt.stack(x)), (INF, 2, 1), (1, 0, 0)),
        (lambda *x: pt.logsumexp(pt.stack(x)), (INF, 2, INF), (0.5, 0, 0.5)),
        (lambda *x: pt.logsumexp(pt.stack(x)), (-INF, 2, 2), (0, 0.5, 0.5)),
        (lambda *x: pt.logsumexp(pt.stack(x)), (-INF, -INF), (0.5, 0.5)),
        (lambda *x: pt.linalg.vector_norm(pt.stack(x)), (INF, 1, 2), (1, 0, 0)),
        (lambda *x: pt.linalg.vector_norm(pt.stack(x), ord=3), (-INF, 1, 2), (-1, 0, 0)),
    ],
)
def test_slopes_at_the_ends(f, args, slopes, dtype):
    args = [pt.asarray(float(x), dtype=dtype) for x in args]
    found = pt.grad(f, argnums=tuple(range(len(args))))(*args)
    for k, (g, slope) in enumerate(zip(found, slopes, strict=True)):
        np.testing.assert_allclose(g, np.asarray(slope, dtype), rtol=1e-6)
        if np.isfinite(slopes).all():  # those of the other elements count 0 times
            np.testing.assert_array_equal(tangent_by(f, args, k), g)


def test_second_derivatives_of_a_power():
    x, y = pt.asarray(2.0, dtype="float64"), pt.asarray(0.0, dtype="float64")
    for first, second in ((0, 1), (1, 0)):
        mixed = pt.grad(lambda *a, k=first: pt.grad(pt.pow, argnums=k)(*a), argnums=second)
        assert mixed(x, y).item() == 0.5
    twice = pt.grad(pt.grad(pt.pow))
    for x in (0.0, 1e-30, 3.0, INF):
        assert twice(pt.asarray(x), pt.asarray(0.0)).item() == 0
    assert twice(pt.asarray(0.0), pt.asarray(2.0)).item() == 2


@pytest.mark.parametrize(
    "f",
    [
        lambda x: pt.linalg.vector_norm(x) ** 2 / 2,
        lambda x: pt.hypot(x[0], x[1]),
        lambda x: pt.linalg.vector_norm(x, ord=3),
        lambda x: pt.linalg.matrix_norm(pt.stack([x, x])),
    ],
)
def test_a_length_of_0_has_no_second_derivative(f):
    np.testing.assert_array_equal(pt.grad(f)(pt.zeros(2)), [0, 0])
    assert pt.isfinite(pt.hessian(f)(pt.ones(2))).all()
    with pytest.raises(ValueError, match="second derivative: found a length of 0"):
        pt.hessian(f)(pt.zeros(2))
    with pytest.raises(ValueError, match="second derivative: found a length of 0"):
        pt.jvp(pt.grad(f), (pt.zeros(2),), (pt.ones(2),))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("f", "n"), [(pt.maximum, 2), (pt.minimum, 2), (pt.clip, 3), (pt.max, 1), (pt.min, 1)]
)
def test_what_selects_has_the_slope_nan_where_it_is_nan(f, n, dtype):
    """Whichever argument is NaN, and by whichever one differentiates; beside it nothing changes."""
    values = np.array([[0.5, 1.5, -2.0, 1.0], [0.0, 2.0, 0.0, 1.0], [1.0, 3.0, 1.0, 1.0]], dtype)[
        :n
    ]
    for bad in range(n):
        poisoned = values.copy()
        poisoned[bad, 1] = np.nan
        for k in range(n):
            slopes = [
                pt.grad(lambda x, k=k, a=a: f(*a[:k], x, *a[k + 1 :]).sum())(a[k]).numpy()
                for a in ([*map(pt.asarray, values)], [*map(pt.asarray, poisoned)])
            ]
            if n == 1:  # one result for all elements
                assert np.isnan(slopes[1]).all()
                continue
            expected = slopes[0].copy()
            expected[1] = np.nan
            np.testing.assert_array_equal(slopes[1], expected)
            tangents = [pt.asarray(np.full(4, i == k, dtype)) for i in range(n)]
            _, tangent = pt.jvp(f, tuple(map(pt.asarray, poisoned)), tuple(tangents))
            assert np.isnan(tangent.numpy()).tolist() == [False, True, False, False]


def test_infinite_ties_share_the_slope():
    for f in (pt.maximum, pt.minimum):
        for x in (np.inf, -np.inf, 1.0):
            for k in range(2):
                args = [pt.asarray(x), pt.asarray(x)]
                slope = pt.grad(lambda v, f=f, k=k, a=args: f(*a[:k], v, *a[k + 1 :]))(args[k])
                assert slope.item() == 0.5


def test_infinite_slopes_in_what_was_not_taken():
    f = lambda x: pt.where(x > 0, pt.sqrt(x), 0.0)  # noqa: E731
    assert np.isnan(pt.grad(f)(-1.0).item())  # 0 times NaN
    assert pt.jvp(f, (-1.0,), (1.0,))[1].item() == 0


def test_vectors_beyond_the_singular_values():
    """Several are not unique: no derivative. All else is, with full_matrices=True too."""
    x, t = normal(4, 2), normal(4, 2, seed=4)
    (tangent, s, vh), thin = (
        pt.jvp(lambda x, full=full: tuple(pt.linalg.svd(x, full_matrices=full)), (x,), (t,))[1]
        for full in (True, False)
    )
    np.testing.assert_allclose(tangent[:, :2], thin[0], rtol=1e-12)
    assert pt.isnan(tangent[:, 2:]).all()
    for full, other in zip((s, vh), thin[1:], strict=True):
        np.testing.assert_allclose(full, other, rtol=1e-12)
    for name in ("S", "Vh"):
        f = lambda x, full, name=name: pt.sum(  # noqa: E731
            getattr(pt.linalg.svd(x, full_matrices=full), name) ** 3
        )
        both = [pt.grad(lambda x, f=f, full=full: f(x, full))(x) for full in (True, False)]
        np.testing.assert_allclose(*both, rtol=1e-12)


def test_equal_eigenvalues():
    """Values have derivatives, vectors have none: infinite or NaN, no number that looks good."""
    x = np.diag([1.0, 1.0, 2.0])
    for f in (pt.linalg.eigvalsh, lambda x: pt.linalg.eigh(x).eigenvalues, pt.linalg.svdvals):
        np.testing.assert_allclose(pt.grad(lambda x, f=f: pt.sum(f(x)))(x), np.eye(3), atol=1e-12)
        assert pt.isfinite(pt.jvp(f, (x,), (np.eye(3),))[1]).all()
    vectors = lambda x: pt.linalg.eigh(x).eigenvectors  # noqa: E731
    change = normal(3, 3)
    assert not pt.isfinite(pt.jvp(vectors, (x,), (change + change.T,))[1]).all()
    assert not pt.isfinite(pt.grad(lambda x: pt.sum(vectors(x) * change))(x)).all()


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (
            lambda x: pt.linalg.svd(x[:2]).Vh,
            NotImplementedError,
            r"linalg.svd: with full_matrices=True more than one .*"
            r" \(2, 4\) is not unique.*: take full_matrices=False",
        ),
        (
            lambda x: pt.linalg.qr(x.mT, mode="complete").Q,
            NotImplementedError,
            r"linalg.qr: mode='complete' has no derivative for matrices \(4, 3\)",
        ),
        (lambda x: pt.linalg.det(x[:, :3] * 0), np.linalg.LinAlgError, "linalg.inv: Singular"),
        (lambda x: pt.unique_values(x), NotImplementedError, "unique_values: no derivative is kn"),
        (lambda x: pt.asarray(np.exp(np.asarray(x))), RuntimeError, "what another library"),
        (lambda x: pt.asarray(np.linalg.norm(x)), RuntimeError, "a GradientTape records this tens"),
    ],
)
def test_what_has_no_derivative_says_so(f, error, message):
    with pytest.raises(error, match=message):
        pt.grad(lambda x: pt.sum(f(x)))(MATRIX)


def test_values_may_leave_a_tape_by_name():
    x = pt.asarray([1.0, 2.0])
    g = pt.grad(lambda x: pt.sum(x * x.numpy() * x[0].item() * float(x[0]) * x.tolist()[1]))(x)
    assert g.tolist() == [2, 4]
    with pt.GradientTape() as tape:  # which does not know x
        np.asarray(x)
        tape.watch(pt.ones(2))
    assert pt.grad(lambda x: pt.sum(pt.linalg.svd(x).S))(MATRIX).shape == MATRIX.shape
