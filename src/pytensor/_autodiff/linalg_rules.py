"""What the derivatives of numpy_rows.py's rows call: linear algebra, sorting, einsum.

g is the gradient of a result, t the tangent of an input; both of any number of matrices, the axes
before the last two. Formulas: M. Giles, "An extended collection of matrix derivative results"
(2008); J. Townsend, "Differentiating the singular value decomposition" (2016); Golub and Pereyra
(1973) for the pseudoinverse; M. Seeger et al., "Auto-differentiating linear algebra" (2017) for
Cholesky and QR.
"""

from __future__ import annotations

import math

from pytensor import _functions as pt
from pytensor import linalg
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


def symmetric(m):
    """The symmetric part."""
    return 0.5 * (m + m.mT)


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
    p, g = out, g.mT
    rest = g - x @ (p @ g)  # (I - x p) g^T
    return -p.mT @ g.mT @ p.mT + rest @ p @ p.mT + p.mT @ (p @ (g - (g @ p) @ x))


def pinv_tangent(t, x, out):
    """How pinv(x) changes."""
    p, s = out, out @ out.mT
    turned = t.mT
    return -p @ t @ p + s @ (turned - (turned @ x) @ p) + (turned - p @ (x @ turned)) @ p.mT @ p


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


# ------------------------------------------------------------------------ decompositions


def cholesky_gradient(g, out, upper):
    """d cholesky(x) / dx, symmetric."""
    lower, g = (out.mT, g.mT) if upper else (out, g)
    inner = symmetric(2 * halved(lower.mT @ g))
    left = linalg.solve(lower.mT, inner)  # L^-T S
    return 0.5 * linalg.solve(lower.mT, left.mT).mT  # L^-T S L^-1


def cholesky_tangent(t, out, upper):
    """How cholesky(x) changes."""
    lower = out.mT if upper else out
    inner = linalg.solve(lower, linalg.solve(lower, symmetric(t)).mT)
    change = lower @ halved(inner)
    return change.mT if upper else change


def eigh_gradient(g, out):
    """d eigh(x) / dx, symmetric."""
    (gw, gv), (w, v) = g, out
    values = None if gw is None else (v * by_columns(gw)) @ v.mT
    vectors = None if gv is None else v @ by_gaps(v.mT @ gv, w) @ v.mT
    return symmetric(parts(values, vectors))


def eigh_tangent(t, out):
    """How eigenvalues and eigenvectors change."""
    w, v = out
    inner = v.mT @ symmetric(t) @ v
    return diagonals(inner), v @ by_gaps(inner, w)


def eigvalsh_gradient(g, x):
    """d eigvalsh(x) / dx."""
    v = linalg.eigh(x).eigenvectors
    return (v * by_columns(g)) @ v.mT


def eigvalsh_tangent(t, x):
    """How eigenvalues change."""
    v = linalg.eigh(x).eigenvectors
    return diagonals(v.mT @ symmetric(t) @ v)


def svd_gradient(g, x, out, full_matrices):
    """d svd(x) / dx."""
    (gu, gs, gvh), (u, s, vh) = g, out
    m, n = x.shape[-2:]
    if full_matrices and m != n and (gu is not None or gvh is not None):
        raise NotImplementedError(
            "linalg.svd: U and Vh with full_matrices=True have no derivative "
            f"for matrices ({m}, {n}): take full_matrices=False"
        )
    k = min(m, n)
    u, vh, v = u[..., :k], vh[..., :k, :], vh[..., :k, :].mT
    total = None if gs is None else (u * by_columns(gs)) @ vh
    if gu is not None:
        inner = by_gaps(u.mT @ gu, s * s)
        part = u @ ((inner + inner.mT) * by_columns(s)) @ vh
        if m > k:
            part = part + ((gu - u @ (u.mT @ gu)) / by_columns(s)) @ vh
        total = parts(total, part)
    if gvh is not None:
        inner = by_gaps(vh @ gvh.mT, s * s)
        part = (u * by_columns(s)) @ (inner + inner.mT) @ vh
        if n > k:
            part = part + (u / by_columns(s)) @ (gvh - (gvh @ v) @ vh)
        total = parts(total, part)
    return total


def svdvals_gradient(g, x):
    """d svdvals(x) / dx."""
    u, _, vh = linalg.svd(x, full_matrices=False)
    return (u * by_columns(g)) @ vh


def svdvals_tangent(t, x):
    """How singular values change."""
    u, _, vh = linalg.svd(x, full_matrices=False)
    return diagonals(u.mT @ t @ vh.mT)


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
        gq = parts(gq, right @ of_right.mT)
    gx = _square_qr_gradient(gq, gr, q, r[..., :m])
    return pt.concat([gx, pt.zeros_like(right) if of_right is None else q @ of_right], axis=-1)


def _square_qr_gradient(gq, gr, q, r):
    inner = parts(None if gr is None else r @ gr.mT, None if gq is None else -gq.mT @ q)
    total = parts(gq, q @ (pt.tril(inner) + pt.tril(inner, k=-1).mT))
    return linalg.solve(r, total.mT).mT


# --------------------------------------------------------------------------------- norms


def vector_norm_slope(x, out, axis, keepdims, ord):
    """d vector_norm(x) / dx; 0 where the norm is 0."""
    from pytensor._autodiff.array_rules import component, expand_axes, shares

    out = expand_axes(out, axis, keepdims)
    if ord == 0:
        return pt.zeros_like(x)
    if abs(ord) == math.inf:
        size = pt.abs(x)
        return pt.sign(x) * shares(size, out, axis, True)
    if ord == 1:
        return pt.sign(x)
    if ord == 2:
        return component(x, out)
    size = pt.abs(x)
    # A size of 0 to a negative power has no slope of use; 0 ** (ord - 1) is 0 where ord > 1.
    ratio = component(pt.where(size == 0, 1, size), out)
    return pt.where(size == 0, 0, pt.sign(x) * ratio ** (ord - 1))


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
