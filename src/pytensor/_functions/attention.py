"""Attention: softmax(query key^T) value.

A kernel computes it and its gradients. What the kernel has no form of, and derivatives of the
gradients, are composed, block by block of queries.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pytensor import _core
from pytensor._core import Tensor, asarray, permute_dims, softmax, stop_gradient
from pytensor._functions.creation import arange
from pytensor._functions.joining import concat, repeat
from pytensor._functions.shapes import expand_dims
from pytensor._ops import where

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["dot_product_attention"]

# Elements of the scores that are in memory at a time: a megabyte of float32, about an L2 cache.
_BLOCK = 1 << 18

# The score of what is not seen. Not -inf: where a query sees no key, all weights are then equal
# instead of NaN.
_HIDDEN = -1e30


def dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    bias: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    scale: float | None = None,
    is_causal: bool = False,
) -> Tensor:
    """Return softmax(scale * query key^T + bias) value, for each head (Vaswani et al. 2017).

    Neither the forward nor the backward pass keeps the scores of all queries and keys: they are
    computed for some queries at a time, unless there is a bias.

    Args:
        query: floats, (batch, queries, heads, size).
        key: (batch, keys, heads or a divisor of heads, size).
        value: (batch, keys, heads as in key, value size).
        bias: what is added to the scores, broadcastable to (batch, heads, queries, keys).
        mask: bool, broadcastable to the same: False where a query does not see a key. A query that
            sees none takes the mean of all values.
        scale: 1 / sqrt(size) by default.
        is_causal: whether query i sees only keys up to i.

    Returns:
        A tensor (batch, queries, heads, value size).

    Raises:
        ValueError: the shapes do not match.

    >>> q = pt.zeros((1, 2, 1, 4))
    >>> v = pt.asarray([[[[1.0]], [[3.0]]]])
    >>> pt.nn.dot_product_attention(q, q, v, is_causal=True)[0, :, 0, 0]
    Tensor([1., 2.], dtype=float32)
    """
    q, k, v = (asarray(operand) for operand in (query, key, value))
    name = "dot_product_attention"
    if {q.ndim, k.ndim, v.ndim} != {4}:
        raise ValueError(
            f"{name}: shapes {q.shape}, {k.shape}, {v.shape}: expected (batch, length, heads, size)"
        )
    if k.shape[:3] != v.shape[:3] or q.shape[0] != k.shape[0] or q.shape[3] != k.shape[3]:
        raise ValueError(
            f"{name}: query {q.shape}, key {k.shape}, value {v.shape}: expected one batch, one "
            "size of query and key, as many values as keys"
        )
    heads, groups = q.shape[2], k.shape[2]
    if groups == 0 or heads % groups:
        raise ValueError(f"{name}: {heads} heads of query, {groups} of key: expected a divisor")
    if groups != heads:
        k, v = (repeat(operand, heads // groups, axis=2) for operand in (k, v))
    factor = 1 / math.sqrt(max(1, q.shape[3])) if scale is None else float(scale)
    allowed = None if mask is None else asarray(mask)
    full = (q.shape[0], heads, q.shape[1], k.shape[1])
    for what, array in (("mask", allowed), ("bias", bias)):
        if array is not None:
            _check_broadcast(name, what, asarray(array).shape, full)
    if bias is None:
        return attend(q, k, v, allowed, factor, bool(is_causal))
    q, k, v = map(heads_first, (q, k, v))
    weights = softmax(scores(q, k, allowed, factor, is_causal, 0, asarray(bias)))
    return heads_first(weights @ v)


def _check_broadcast(name: str, what: str, shape: tuple[int, ...], full: tuple[int, ...]) -> None:
    padded = (1,) * (len(full) - len(shape)) + shape
    if len(padded) > len(full) or any(
        n not in (1, length) for n, length in zip(padded, full, strict=True)
    ):
        raise ValueError(f"{name}: {what} of shape {shape}: expected one that broadcasts to {full}")


def attend(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scale: float, is_causal: bool
) -> Tensor:
    """Return softmax(scale * q k^T) v; q, k and v (batch, length, heads, size)."""
    inputs = q, k, v
    q, k, v = map(stop_gradient, inputs)
    mask = None if mask is None else mask.astype("bool")
    if has_kernel(q, k, v):
        out = _core.attention(q, k, v, mask, scale, is_causal)
    else:
        q, k, v = map(heads_first, (q, k, v))
        parts = [
            softmax(scores(q[..., rows, :], k, rows_of(mask, rows), scale, is_causal, rows.start))
            @ v
            for rows in blocks(q, k)
        ]
        out = heads_first(parts[0] if len(parts) == 1 else concat(parts, axis=-2))
    _core.record_call("attention", inputs, (out,), (inputs, mask, scale, is_causal))
    return out


def heads_first(x: Tensor) -> Tensor:
    """Return x, (batch, length, heads, size), as (batch, heads, length, size), or the reverse."""
    return permute_dims(x, (0, 2, 1, 3))


def has_kernel(q: Tensor, k: Tensor, v: Tensor) -> bool:
    """Return whether the kernels take these dtypes."""
    return q.dtype is k.dtype is v.dtype and q.dtype.kind == "f"


def blocks(q: Tensor, k: Tensor) -> Iterator[slice]:
    """Yield slices of the queries whose scores are computed at a time, at least one."""
    batch, heads, n, _ = q.shape
    size = max(1, _BLOCK // max(1, batch * heads * k.shape[2]))
    for start in range(0, max(1, n), size):
        yield slice(start, min(n, start + size))


def rows_of(mask: Tensor | None, rows: slice) -> Tensor | None:
    """Return the part of a mask that belongs to some queries."""
    return mask if mask is None or mask.ndim < 2 or mask.shape[-2] == 1 else mask[..., rows, :]


def scores(
    q: Tensor,
    k: Tensor,
    mask: Tensor | None,
    scale: float,
    is_causal: bool,
    first: int,
    bias: Any = None,
) -> Tensor:
    """Return scale * q k^T + bias, with a very low number where the mask is False.

    Args:
        q: queries, of which the first one is number `first`.
        k: keys.
        mask: that of these queries, or None.
        scale: a factor.
        is_causal: whether query i sees only keys up to i.
        first: the number of the first query.
        bias: what is added, or None.
    """
    s = (q * scale) @ k.mT
    if bias is not None:
        s = s + bias
    return hide(s, mask, is_causal, first, _HIDDEN)


def hide(s: Tensor, mask: Tensor | None, is_causal: bool, first: int, value: float) -> Tensor:
    """Return s, (..., queries, keys), with a value where a query does not see a key."""
    if mask is not None:
        s = where(mask, s, value)
    if is_causal:
        queries = expand_dims(arange(first, first + s.shape[-2]), axis=1)
        s = where(arange(s.shape[-1]) <= queries, s, value)
    return s
