"""What the derivatives of numpy_rows.py's rows call: linear algebra, sorting, einsum.

g is the gradient of a result, t the tangent of an input; both of any number of matrices, the axes
before the last two. Formulas: M. Giles, "An extended collection of matrix derivative results"
(2008); J. Townsend, "Differentiating the singular value decomposition" (2016); Golub and Pereyra
(1973) for the pseudoinverse; M. Seeger et al., "Auto-differentiating linear algebra" (2017) for
Cholesky and QR.

Complex matrices: the formulas of functions with a complex derivative, such as inv and solve, are
those of real ones, transposes and all. The others are written for the conjugate of g, with which
adjoints take the place of transposes, and return the conjugate of the gradient. Phases of vectors
are not unique; they stay as JAX has it.
"""

from __future__ import annotations

import math

from pytensor import _functions as pt
from pytensor import linalg
from pytensor._autodiff.array_rules import component, conj, expand_axes, real, shares
from pytensor._functions.contraction import free_letters, spelt


def as_matrices(g):
    """One number for each matrix as (..., 1, 1)."""
    return g[..., None, None]


def by_rows(v):
    """(..., n) as (..., n, 1): it scales the rows of a matrix."""
    return v[..., :, None]


def by_columns(v):
    """(..., n) as (..., 1, n): it scales the columns."""
    return v[..., None, :]


def diagonals(m):
    """The diagonals of square matrices, (..., n)."""
    return linalg.diagonal(m)


def halved(m):
    """The lower triangle with half of the diagonal: for a symmetric S, L + L^T is S again."""
    return pt.tril(m) - 0.5 * m * pt.eye(m.shape[-1], dtype=m.dtype)


def adjoint(m):
    """The conjugate of the transpose."""
    return conj(m.mT)


def conjugates(g):
    """The conjugates of several gradients, of which any may be None."""
    return tuple(None if part is None else conj(part) for part in g)


def symmetric(m):
    """The symmetric part; of complex matrices the Hermitian one."""
    return 0.5 * (m + adjoint(m))


def by_gaps(m, w):
    """m[i, j] / (w[j] - w[i]), and 0 on the diagonal; infinite or NaN where others are equal."""
    one = pt.eye(m.shape[-1], dtype=m.dtype)
    return m * (1 - one) / (by_columns(w) - by_rows(w) + one)


def parts(first, second):
    """The sum of two gradients of which either may be None."""
    if first is None or second is None:
        return second if first is None else first
    return first + second


# ------------------------------------------------------------------- systems of equations


def solve_gradient_x(g, x, y_shape, out):
    """d solve(x, y) / dx."""
    if len(y_shape) == 1:
        g, out = g[..., None], out[..., None]
    return -linalg.solve(x.mT, g) @ out.mT


def solve_gradient_y(g, x, y_shape):
    """d solve(x, y) / dy."""
    if len(y_shape) == 1:
        return linalg.solve(x.mT, g[..., None])[..., 0]
    return linalg.solve(x.mT, g)


def solve_tangent_x(t, x, y_shape, out):
    """How solve(x, y) changes with x."""
    if len(y_shape) == 1:
        return -linalg.solve(x, t @ out[..., None])[..., 0]
    return -linalg.solve(x, t @ out)


def pinv_gradient(g, x, out):
    """d pinv(x) / dx, for a rank that does not change."""
    p, turned, g = out, adjoint(out), adjoint(g)
    rest = g - x @ (p @ g)  # (I - x p) g^T
    return -turned @ adjoint(g) @ turned + rest @ p @ turned + turned @ (p @ (g - (g @ p) @ x))


def pinv_tangent(t, x, out):
    """How pinv(x) changes."""
    p, s = out, out @ adjoint(out)
    turned, q = adjoint(t), adjoint(out)
    return -p @ t @ p + s @ (turned - (turned @ x) @ p) + (turned - p @ (x @ turned)) @ q @ p


def power(x, n):
    """matrix_power as differentiable products."""
    if n < 0:
        x, n = linalg.inv(x), -n
    out = None
    while n:
        if n & 1:
            out = x if out is None else out @ x
        n >>= 1
        x = x @ x if n else x
    return pt.broadcast_to(pt.eye(x.shape[-1], dtype=x.dtype), x.shape) if out is None else out


def slogdet_gradient(g, x, out):
    """d slogdet(x) / dx: the sign only turns, and only where it is complex."""
    g_sign, total = g
    if g_sign is not None and out[0].dtype.kind == "c":
        total = parts(total, 1j * pt.imag(g_sign * out[0]))
    return None if total is None else as_matrices(total) * linalg.inv(x).mT


def slogdet_tangent(t, x, out):
    """How the sign and the logarithm change."""
    change = linalg.trace(linalg.solve(x, t))
    if change.dtype.kind != "c":
        return None, change
    return 1j * pt.imag(change) * out[0], real(change)


# ------------------------------------------------------------------------ decompositions


def cholesky_gradient(g, out, upper):
    """d cholesky(x) / dx, symmetric."""
    lower, g = (adjoint(out), adjoint(g)) if upper else (out, g)
    turned = adjoint(lower)
    inner = symmetric(2 * halved(turned @ g))
    left = linalg.solve(turned, inner)  # L^-T S
    return 0.5 * adjoint(linalg.solve(turned, adjoint(left)))  # L^-T S L^-1


def cholesky_tangent(t, out, upper):
    """How cholesky(x) changes."""
    lower = adjoint(out) if upper else out
    inner = linalg.solve(lower, adjoint(linalg.solve(lower, symmetric(t))))
    change = lower @ halved(inner)
    return adjoint(change) if upper else change


def eigh_gradient(g, out):
    """d eigh(x) / dx, symmetric."""
    (gw, gv), (w, v) = g, out
    turned = adjoint(v)
    values = None if gw is None else (v * by_columns(gw)) @ turned
    vectors = None if gv is None else v @ by_gaps(turned @ gv, w) @ turned
    return symmetric(parts(values, vectors))


def eigh_tangent(t, out):
    """How eigenvalues and eigenvectors change."""
    w, v = out
    inner = adjoint(v) @ symmetric(t) @ v
    return diagonals(inner), v @ by_gaps(inner, w)


def eigvalsh_gradient(g, x):
    """d eigvalsh(x) / dx."""
    v = linalg.eigh(x).eigenvectors
    return (v * by_columns(g)) @ adjoint(v)


def eigvalsh_tangent(t, x):
    """How eigenvalues change."""
    v = linalg.eigh(x).eigenvectors
    return diagonals(adjoint(v) @ symmetric(t) @ v)


def eig_tangent(t, out):
    """How eigenvalues and eigenvectors change: vectors of length 1 whose largest element stays
    real, as LAPACK's are."""
    w, v = out
    inner = linalg.solve(v, t @ v)
    change = v @ by_gaps(inner, w)
    largest = pt.argmax(pt.abs(v), axis=-2, keepdims=True)
    turn = pt.imag(pt.take_along_axis(change, largest, axis=-2)) / real(
        pt.take_along_axis(v, largest, axis=-2)
    )
    growth = real(pt.sum(conj(v) * change, axis=-2, keepdims=True))
    return diagonals(inner), change - v * (growth + 1j * turn)


def eigvals_gradient(g, x):
    """d eigvals(x) / dx."""
    v = linalg.eig(x).eigenvectors
    return linalg.solve(v.mT, by_rows(g) * v.mT)


def eigvals_tangent(t, x):
    """How eigenvalues change."""
    v = linalg.eig(x).eigenvectors
    return diagonals(linalg.solve(v, t @ v))


def svd_gradient(g, x, out):
    """d svd(x) / dx."""
    (gu, gs, gvh), (u, s, vh) = g, out
    m, n = x.shape[-2:]
    k = min(m, n)
    for g_full, t in ((gu, u), (gvh, vh)):
        if g_full is not None and max(t.shape[-2:]) > k + 1:
            raise NotImplementedError(
                "linalg.svd: with full_matrices=True more than one vector beyond the singular "
                f"values of matrices ({m}, {n}) is not unique, and has no derivative: take "
                "full_matrices=False"
            )
    total = None if gs is None else (u[..., :k] * by_columns(gs)) @ vh[..., :k, :]
    if gu is not None:
        total = parts(total, _vectors_gradient(gu, u, s, vh[..., :k, :]))
    if gvh is not None:
        part = _vectors_gradient(adjoint(gvh), adjoint(vh), s, adjoint(u[..., :k]), False)
        total = parts(total, adjoint(part))
    return total


def _vectors_gradient(g, u, s, vh, with_phases=True):
    """The gradient of the matrix through its singular vectors u of one side, those of the other
    being vh."""
    k = s.shape[-1]
    first = u[..., :k]
    inner = adjoint(first) @ g[..., :k]
    gaps = by_gaps(inner, s * s)
    change = (gaps + adjoint(gaps)) * by_columns(s)
    if with_phases and inner.dtype.kind == "c":
        change = change + by_columns(1j * pt.imag(diagonals(inner)) / s) * pt.eye(k, dtype=s.dtype)
    total = first @ change @ vh
    if u.shape[-2] > k:
        total = total + ((g[..., :k] - first @ inner) / by_columns(s)) @ vh
    if u.shape[-1] > k:
        rest, g_rest = u[..., k:], g[..., k:]
        total = total - rest @ ((adjoint(g_rest) @ first) / by_columns(s)) @ vh
    return total


def svd_tangent(t, x, out):
    """How U, singular values and Vh change; NaN for vectors beyond them that are not unique."""
    u, s, vh = out
    k = s.shape[-1]
    v = adjoint(vh[..., :k, :])
    inner = adjoint(u[..., :k]) @ t @ v
    turned = adjoint(inner)
    of_u = by_gaps(inner * by_columns(s) + by_rows(s) * turned, s * s)
    of_v = by_gaps(by_rows(s) * inner + turned * by_columns(s), s * s)
    if inner.dtype.kind == "c":  # of the phases, which only U and V together decide
        turn = 1j * pt.imag(diagonals(inner)) / s
        of_u = of_u + by_columns(turn) * pt.eye(k, dtype=s.dtype)
    return (
        _vectors_tangent(u, of_u, t @ v, inner, s),
        real(diagonals(inner)),
        adjoint(_vectors_tangent(adjoint(vh), of_v, adjoint(t) @ u[..., :k], turned, s)),
    )


def _vectors_tangent(u, turning, moved, inner, s):
    """How the singular vectors u of one side change. turning: among those that belong to s; moved:
    the change of the matrix times those of the other side; inner: in terms of u."""
    k = s.shape[-1]
    m, width = u.shape[-2:]
    first = u[..., :k]
    change = first @ turning
    if m > k:
        change = change + (moved - first @ inner) / by_columns(s)
    if width == k:
        return change
    rest = u[..., k:]
    beyond = -first @ adjoint((adjoint(rest) @ moved) / by_columns(s))
    return pt.concat([change, beyond if width == k + 1 else beyond * math.nan], axis=-1)


def svdvals_gradient(g, x):
    """d svdvals(x) / dx."""
    u, _, vh = linalg.svd(x, full_matrices=False)
    return (u * by_columns(g)) @ vh


def svdvals_tangent(t, x):
    """How singular values change."""
    u, _, vh = linalg.svd(x, full_matrices=False)
    return diagonals(adjoint(u) @ t @ adjoint(vh))


def qr_gradient(g, x, out, mode):
    """d qr(x) / dx, for matrices of full rank."""
    (gq, gr), (q, r) = g, out
    m, n = x.shape[-2:]
    if mode == "complete" and m > n:
        raise NotImplementedError(
            "linalg.qr: mode='complete' has no derivative for matrices "
            f"({m}, {n}): take mode='reduced'"
        )
    if m >= n:
        return _square_qr_gradient(gq, gr, q, r)
    # The columns on the left decide Q, those on the right are Q times theirs of R.
    right, of_right = x[..., m:], None
    if gr is not None:
        gr, of_right = gr[..., :m], gr[..., m:]
        gq = parts(gq, right @ adjoint(of_right))
    gx = _square_qr_gradient(gq, gr, q, r[..., :m])
    return pt.concat([gx, pt.zeros_like(right) if of_right is None else q @ of_right], axis=-1)


def _square_qr_gradient(gq, gr, q, r):
    inner = parts(None if gr is None else r @ adjoint(gr), None if gq is None else -adjoint(gq) @ q)
    lower = pt.tril(inner, k=-1)
    diagonal = real(inner) * pt.eye(inner.shape[-1], dtype=real(inner).dtype)  # as that of R is
    total = parts(gq, q @ (lower + diagonal + adjoint(lower)))
    return adjoint(linalg.solve(r, adjoint(total)))


# --------------------------------------------------------------------------------- norms


def vector_norm_slope(x, out, axis, keepdims, ord):
    """d vector_norm(x) / dx; 0 where the norm is 0."""
    out = expand_axes(out, axis, keepdims)
    if ord == 0:
        return pt.zeros_like(x)
    if abs(ord) == math.inf:
        size = pt.abs(x)
        return conj(pt.sign(x)) * shares(size, out, axis, True)
    if ord == 1:
        return conj(pt.sign(x))
    if ord == 2:
        return component(conj(x), out)
    size = pt.abs(x)
    # A size of 0 to a negative power has no slope of use; 0 ** (ord - 1) is 0 where ord > 1.
    ratio = component(pt.where(size == 0, 1, size), out)
    return pt.where(size == 0, 0, conj(pt.sign(x)) * ratio ** (ord - 1))


def matrix_norm_composed(x, keepdims, ord):
    """matrix_norm in differentiable functions."""
    if ord == "fro":
        return linalg.vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if 0 in x.shape[-2:]:
        values = pt.sum(x, axis=(-2, -1))
    elif ord in (1, -1, math.inf, -math.inf):
        axis = -2 if abs(ord) == 1 else -1
        sums = pt.sum(pt.abs(x), axis=axis, keepdims=True)
        values = pt.max(sums, axis=(-2, -1)) if ord > 0 else pt.min(sums, axis=(-2, -1))
    else:
        s = linalg.svdvals(x)
        values = (pt.sum if ord == "nuc" else pt.max if ord == 2 else pt.min)(s, axis=-1)
    return as_matrices(values) if keepdims else values


# ---------------------------------------------------------------------- sorting


def sort_gradient(g, x, axis, descending, stable):
    """d sort(x) / dx: each element's gradient back where it came from."""
    order = pt.argsort(x, axis=axis, descending=descending, stable=stable)
    return pt.take_along_axis(g, pt.argsort(order, axis=axis), axis=axis)


def sort_tangent(t, x, axis, descending, stable):
    """How sorted elements change."""
    order = pt.argsort(x, axis=axis, descending=descending, stable=stable)
    return pt.take_along_axis(t, order, axis=axis)


# --------------------------------------------------------------------------------- einsum


def einsum_gradient(g, i, subscripts, operands):
    """d einsum(subscripts, *operands) / d operand i: g and the other operands, summed over what
    operand i does not have."""
    terms, result = spelt(subscripts, [x.ndim for x in operands])
    own = terms[i]
    inputs, factors = [result], [g]
    for k, operand in enumerate(operands):
        if k != i:
            inputs.append(terms[k])
            factors.append(operand)
    known, longer = set("".join(inputs)), set()
    for term, factor in zip(inputs, factors, strict=True):
        longer |= {letter for letter, n in zip(term, factor.shape, strict=True) if n != 1}
    names, free = [], iter(free_letters(terms, result))
    for axis, letter in enumerate(own):
        n = operands[i].shape[axis]
        if n == 1 and letter in longer:  # it was broadcast: the tape knows that of element-wise ops
            continue
        if letter in names:  # a diagonal: another letter, tied to the first
            other = next(free)
            inputs.append(letter + other)
            factors.append(pt.eye(n, dtype=g.dtype))
            letter = other
        elif letter not in known or (n != 1 and letter not in longer):
            # summed over on its own, or the others broadcast
            inputs.append(letter)
            factors.append(pt.ones(n, dtype=g.dtype))
        names.append(letter)
    return pt.reshape(
        pt.einsum(f"{','.join(inputs)}->{''.join(names)}", *factors), operands[i].shape
    )


def einsum_tangent(t, i, subscripts, operands):
    """How einsum changes with operand i."""
    return pt.einsum(subscripts, *operands[:i], t, *operands[i + 1 :])
