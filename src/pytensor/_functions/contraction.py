"""einsum as products of matrices, two operands at a time.

np.einsum multiplies and adds element by element, over all axes at once: fine for a few elements,
and thirty times slower than a product of large matrices. Here np.einsum_path chooses which two
operands to contract first; each contraction sums the axes that only one operand has, and is then
one (batched) product.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np

from pytensor._core import MAX_NDIM, Tensor, asarray, is_reproducible, matmul, permute_dims, reshape

# With this many products of elements np.einsum takes longer than the calls here do (30 us). More
# where an element takes part in few: np.einsum then only waits for memory, if on one thread.
_MIN_PRODUCTS = 1 << 15
_MIN_PASSES = 1 << 20
_FEW = 8


def einsum(subscripts: str, operands: Sequence[np.ndarray]) -> np.ndarray | Tensor:
    """Return np.einsum of ndarrays of one dtype, with its errors but without its faults.

    np.einsum reads subscripts up to a null character only, and the diagonal of (0, n) beyond the
    end of memory.
    """
    if not isinstance(subscripts, str):
        raise TypeError(f"found {subscripts!r}: expected subscripts, as in 'ij,jk->ik'")
    if "\0" in subscripts:
        raise ValueError(f"found a null character in {subscripts!r}")
    for term, x in zip(subscripts.partition("->")[0].split(","), operands, strict=False):
        if x.size == 0:
            before, _, after = term.replace(" ", "").partition("...")
            axes = [
                *zip(before, x.shape, strict=False),
                *zip(after[::-1], x.shape[::-1], strict=False),
            ]
            for (letter, n), (other, m) in itertools.combinations(axes, 2):
                if letter == other and n != m:
                    raise ValueError(
                        f"{subscripts!r}: {letter} stands for axes of lengths {n} and "
                        f"{m} of shape {x.shape}"
                    )
    plan, always = None, is_reproducible()
    if always or math.prod(x.size for x in operands) > _MIN_PRODUCTS:
        plan = _plan(subscripts, tuple(x.shape for x in operands), always)
    if plan is None:
        return np.einsum(subscripts, *operands)
    terms, result, path = plan
    parts = [(asarray(x), term) for x, term in zip(operands, terms, strict=True)]
    for positions in path:
        chosen = [parts.pop(position) for position in sorted(positions, reverse=True)]
        kept = set(result).union(*(term for _, term in parts))
        wanted = result if not parts else None
        parts.append(_contracted(chosen[::-1], kept, wanted))
    out, term = parts[0]
    if term != result:
        out = permute_dims(out, [term.index(letter) for letter in result]).copy()
    return out


@functools.lru_cache(maxsize=256)
def _plan(
    subscripts: str, shapes: tuple[tuple[int, ...], ...], always: bool
) -> tuple[list[str], str, list[tuple[int, ...]]] | None:
    """The letters of each operand and of the result, and the path.

    The path is a list of positions of the operands to contract; each result is appended to them.
    None for what np.einsum does better: errors, views, and, unless `always`, what is small.
    """
    try:
        terms, result = spelt(subscripts, [len(shape) for shape in shapes])
        lengths: dict[str, int] = {}
        for term, shape in zip(terms, shapes, strict=True):
            for letter, n in zip(term, shape, strict=True):
                lengths[letter] = max(lengths.get(letter, 1), n)
        products = math.prod(lengths.values())
        elements = sum(map(math.prod, shapes)) + math.prod(lengths[letter] for letter in result)
        enough = _MIN_PASSES if products < _FEW * elements else _MIN_PRODUCTS
        if products < enough and not always:
            return None
        # NumPy decides what is an error, on small arrays with as many different lengths.
        short = {n: min(n, 2 + i) for i, n in enumerate(sorted({*lengths.values()} - {1}))}
        np.einsum(subscripts, *(np.zeros([short.get(n, n) for n in shape]) for shape in shapes))
        if len(terms) < 3:
            path: list[tuple[int, ...]] = [tuple(range(len(terms)))]
        else:
            path = np.einsum_path(
                f"{','.join(terms)}->{result}",
                *(np.broadcast_to(0.0, shape) for shape in shapes),
                optimize="greedy",
            )[0][1:]
    except (ValueError, IndexError, KeyError, TypeError, StopIteration):
        return None
    is_view = len(terms) == 1 and set(terms[0]) == set(result)
    if is_view or max(map(len, path)) > 2 or len(lengths) > MAX_NDIM:
        return None
    return terms, result, path


def _contracted(
    parts: Sequence[tuple[Tensor, str]], kept: set[str], result: str | None
) -> tuple[Tensor, str]:
    """The sum of products of one or two tensors over the letters that are not kept.

    Each tensor comes with its letters; so does the result, in the order of `result` where possible.
    """
    if len(parts) == 1:
        return _summed(*parts[0], kept)
    (x, x_term), (y, y_term) = (_once(*part) for part in parts)
    x, x_term, y, y_term = *_narrowed(x, x_term, y, y_term), *_narrowed(y, y_term, x, x_term)
    x, x_term = _summed(x, x_term, kept.union(y_term))
    y, y_term = _summed(y, y_term, kept.union(x_term))
    left = [letter for letter in x_term if letter not in y_term]
    right = [letter for letter in y_term if letter not in x_term]
    if result is not None:
        free = [letter for letter in result if letter in left or letter in right]
        if free and free[0] in right:
            x, x_term, left, y, y_term, right = y, y_term, right, x, x_term, left
        left.sort(key=result.index)
        right.sort(key=result.index)
    batch = [
        letter
        for letter in result or x_term
        if letter in x_term and letter in y_term and letter in kept
    ]
    inner = [letter for letter in x_term if letter in y_term and letter not in kept]
    lengths = dict(zip(x_term + y_term, x.shape + y.shape, strict=True))

    def matrices(t: Tensor, term: str, *groups: Iterable[str]) -> Tensor:
        """t with an axis for each group of letters."""
        order = [term.index(letter) for group in groups for letter in group]
        return reshape(
            permute_dims(t, order),
            [math.prod(lengths[letter] for letter in group) for group in groups],
        )

    if inner:
        out = matmul(
            matrices(x, x_term, batch, left, inner), matrices(y, y_term, batch, inner, right)
        )
    else:
        from pytensor._ops import logical_and, multiply

        product = logical_and if x.dtype == bool else multiply
        out = product(matrices(x, x_term, batch, left, ()), matrices(y, y_term, batch, (), right))
    term = "".join(batch + left + right)
    return reshape(out, [lengths[letter] for letter in term]), term


def _once(x: Tensor, term: str) -> tuple[Tensor, str]:
    """x with each letter once: the diagonals of those that occur twice."""
    letters = "".join(dict.fromkeys(term))
    return (
        (x, term)
        if letters == term
        else (asarray(np.einsum(f"{term}->{letters}", x.numpy())), letters)
    )


def _narrowed(x: Tensor, x_term: str, y: Tensor, y_term: str) -> tuple[Tensor, str]:
    """x without its axes of length 1 along which it is repeated to fit y."""
    longer = {letter for letter, n in zip(y_term, y.shape, strict=True) if n != 1}
    axes = [
        axis for axis, letter in enumerate(x_term) if x.shape[axis] != 1 or letter not in longer
    ]
    if len(axes) == x.ndim:
        return x, x_term
    return reshape(x, [x.shape[axis] for axis in axes]), "".join(x_term[axis] for axis in axes)


def _summed(x: Tensor, term: str, kept: set[str]) -> tuple[Tensor, str]:
    """x summed over the letters that are not kept, in its own dtype: booleans by "or"."""
    from pytensor._ops import any, sum

    x, term = _once(x, term)
    axes = tuple(axis for axis, letter in enumerate(term) if letter not in kept)
    if axes:
        x = any(x, axis=axes) if x.dtype == bool else sum(x, axis=axes, dtype=x.dtype)
    return x, "".join(letter for letter in term if letter in kept)


def spelt(subscripts: str, ndims: Sequence[int]) -> tuple[list[str], str]:
    """Return the letters of each operand, and of the result, with dots spelt out.

    Args:
        subscripts: as for einsum.
        ndims: how many axes each operand has.
    """
    text = subscripts.replace(" ", "")
    left, arrow, result = text.partition("->")
    terms = left.split(",")
    letters = iter(free_letters(terms, result))
    widths = [
        ndim - len(term.replace("...", "")) if "..." in term else 0
        for term, ndim in zip(terms, ndims, strict=True)
    ]
    dots = "".join(next(letters) for _ in range(max(widths)))
    if not arrow:
        once = sorted(c for c in set(left) if c.isalpha() and left.count(c) == 1)
        result = "..." + "".join(once)
    terms = [
        term.replace("...", dots[len(dots) - width :])
        for term, width in zip(terms, widths, strict=True)
    ]
    return terms, result.replace("...", dots)


def of_samples(subscripts: str, mapped: Sequence[bool], ndims: Sequence[int]) -> str | None:
    """Return the subscripts for a batch of samples, the first axis of mapped operands.

    None where all letters are taken.

    Args:
        subscripts: as for einsum.
        mapped: whether each operand differs between samples.
        ndims: how many axes each operand of one sample has.
    """
    terms, result = spelt(subscripts, ndims)
    free = free_letters(terms, result)
    if not free:
        return None
    letter = free[0]
    terms = [letter * more + term for term, more in zip(terms, mapped, strict=True)]
    return f"{','.join(terms)}->{letter}{result}"


def free_letters(terms: Iterable[str], result: str) -> list[str]:
    """Return the letters that are in no term and not in the result."""
    used = set("".join(terms) + result)
    return [chr(c) for c in (*range(97, 123), *range(65, 91)) if chr(c) not in used]
