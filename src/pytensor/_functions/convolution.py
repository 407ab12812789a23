"""Convolutions and pooling along one to three axes, between those of the batch and the channels.

This file reads what users write, such as padding="same", and finds the shape of the result; the
core takes numbers. layers/ asks the same functions for the shapes of its outputs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex

import numpy as np

from pytensor import _core
from pytensor._core import Tensor, asarray, full
from pytensor._functions.joining import repeat
from pytensor._support.arguments import integer, known

if TYPE_CHECKING:
    from typing import TypeAlias

    from pytensor._core import _Operand

    # One number for all axes, or one for each.
    Lengths: TypeAlias = SupportsIndex | Sequence[SupportsIndex]
    # How many elements to add: one number for all ends, or for each axis one or a pair.
    Padding: TypeAlias = (
        Literal["valid", "same", "causal"]
        | SupportsIndex
        | Sequence[SupportsIndex | Sequence[SupportsIndex]]
    )

__all__ = ["avg_pool", "conv", "conv_transpose", "max_pool"]

MOST_AXES = 3


def lengths_for(name: str, value: Any, n_axes: int, least: int = 1) -> tuple[int, ...]:
    """Return one integer, or a sequence of them, as one for each axis."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != n_axes:
            raise ValueError(
                f"{name}: found {value!r}: expected an integer, or {n_axes}, one for each axis"
            )
        return tuple(integer(name, length, least) for length in value)
    return (integer(name, value, least),) * n_axes


def _pairs(name: str, padding: Any, n_axes: int) -> list[tuple[int, int]]:
    """Return padding that was given as numbers as (before, after) for each axis."""
    if isinstance(padding, Sequence):
        if len(padding) != n_axes:
            raise ValueError(
                f"{name}: found {padding!r}: expected an integer, or {n_axes} integers or pairs, "
                "one for each axis"
            )
        ends = [lengths_for(name, of_axis, 2, 0) for of_axis in padding]
    else:
        ends = [lengths_for(name, padding, 2, 0)] * n_axes
    return [(before, after) for before, after in ends]


def _covered(size: int, dilation: int) -> int:
    """How far a kernel of a size reaches."""
    return (size - 1) * dilation + 1


def paddings(
    name: str,
    padding: Padding,
    lengths: Sequence[int],
    size: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
) -> list[tuple[int, int]]:
    """Return how many elements are added before and after each axis of a convolution's input.

    Args:
        name: the function or layer, for messages.
        padding: "valid", "same", "causal", or numbers.
        lengths: of the input's axes.
        size: of the kernel.
        strides: the steps of the kernel.
        dilation: the steps within the kernel.
    """
    reach = [_covered(*of_axis) for of_axis in zip(size, dilation, strict=True)]
    if padding == "valid":
        return [(0, 0)] * len(reach)
    if padding == "same":  # as TensorFlow and Keras: the odd one comes last
        total = [
            max((-(-length // step) - 1) * step + covers - length, 0)
            for length, step, covers in zip(lengths, strides, reach, strict=True)
        ]
        return [(n // 2, n - n // 2) for n in total]
    if padding == "causal":
        if len(reach) != 1:
            raise ValueError(f'{name}: padding "causal" with {len(reach)} axes: expected one')
        return [(reach[0] - 1, 0)]
    if isinstance(padding, str):
        raise ValueError(
            f"{name}: unknown padding {padding!r}: {known(padding, ('valid', 'same', 'causal'))}"
        )
    return _pairs(f"{name}: padding", padding, len(reach))


def output_lengths(
    name: str,
    lengths: Sequence[int],
    size: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    pairs: Sequence[tuple[int, int]],
) -> tuple[int, ...]:
    """Return the lengths of a convolution's result; ValueError if an axis has none."""
    found = []
    for length, k, step, apart, (before, after) in zip(
        lengths, size, strides, dilation, pairs, strict=True
    ):
        rest = length + before + after - _covered(k, apart)
        if rest < 0:
            raise ValueError(
                f"{name}: axes of lengths {tuple(lengths)} with padding {list(pairs)}: the kernel "
                f"covers {_covered(k, apart)} elements of one of {length}: expected an input that "
                "is at least as long"
            )
        found.append(rest // step + 1)
    return tuple(found)


def transposed_lengths(
    name: str,
    padding: Padding,
    output_padding: Lengths | None,
    lengths: Sequence[int],
    size: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the lengths of a transposed convolution's result, and how many elements are cut off
    before the first; as Keras on JAX and TensorFlow have them."""
    n_axes = len(size)
    added = (
        [None] * n_axes
        if output_padding is None
        else lengths_for(f"{name}: output_padding", output_padding, n_axes, 0)
    )
    pairs = (
        None
        if isinstance(padding, str) and padding in ("valid", "same")
        else paddings(name, padding, lengths, size, strides, dilation)
    )
    if padding == "causal":
        raise ValueError(f'{name}: padding "causal": expected "valid", "same" or numbers')
    found, before = [], []
    for d, (length, k, step, apart, extra) in enumerate(
        zip(lengths, size, strides, dilation, added, strict=True)
    ):
        reach = _covered(k, apart)
        if pairs is not None:
            cut = pairs[d][0]
            n = (length - 1) * step + reach - sum(pairs[d]) + (extra or 0)
        elif padding == "valid":
            cut = 0
            n = (length - 1) * step + (max(reach, step) if extra is None else reach + extra)
        else:
            pad = step + reach - 2 if extra is None else reach + reach % 2 - 2 + extra
            cut = max(reach - 1 - (pad + 1) // 2, 0)
            n = length * step if extra is None else (length - 1) * step + reach % 2 + extra
        if length < 1 or n < 1:
            raise ValueError(
                f"{name}: axes of lengths {tuple(lengths)} with a kernel of {tuple(size)}, strides "
                f"{tuple(strides)} and padding {padding!r}: nothing is left of one of {length}: "
                "expected a longer input or less padding"
            )
        found.append(n)
        before.append(cut)
    return tuple(found), tuple(before)


def _spatial(name: str, x: Tensor, w: Tensor) -> int:
    """Return the number of axes between batch and channels; checks that of w."""
    n_axes = x.ndim - 2
    if not 1 <= n_axes <= MOST_AXES or w.ndim != x.ndim or 0 in w.shape[:-2]:
        raise ValueError(
            f"{name}: x has shape {x.shape} and w {w.shape}: expected (batch, ..., channels) and "
            f"(..., channels, filters) with 1 to {MOST_AXES} axes for ..., at least 1 long in w"
        )
    return n_axes


def conv(
    x: _Operand,
    w: _Operand,
    b: _Operand | None = None,
    *,
    strides: Lengths = 1,
    padding: Padding = "valid",
    dilation: Lengths = 1,
    groups: SupportsIndex = 1,
    relu: bool = False,
) -> Tensor:
    """Return the convolution of x with w along one to three axes.

    out[n, j, f] = b[f] + sum over t and c of x[n, strides * j + dilation * t - before, c] *
    w[t, c, f], where j and t stand for one to three indices, and x is 0 where padding was added.
    (In signal processing this is a correlation: w is not reversed.)

    Args:
        x: a floating-point tensor of shape (batch, ..., channels).
        w: the kernel, of shape (..., channels / groups, filters) and the same dtype.
        b: a bias of shape (filters,), or None.
        strides: the steps from one result to the next, one for all axes or one for each.
        padding: "valid" for none; "same" for as many zeros as give ceil(length / strides) results,
            the odd one after; "causal" for zeros before only, so that no result depends on later
            elements (one axis); or numbers: one for all ends, or one or (before, after) for each
            axis.
        dilation: the steps from one element of x under the kernel to the next.
        groups: channels and filters are divided into this number of parts, and each part of the
            filters sees one of the channels; with as many groups as channels it is depthwise.
        relu: whether to replace negative results by 0, in the same pass.

    Returns:
        A tensor of shape (batch, ..., filters).

    Raises:
        ValueError: the shapes do not fit, or leave no result.
        TypeError: the dtypes differ or are not floating-point.

    >>> x = pt.asarray([[[1.0], [2.0], [3.0], [4.0]]])
    >>> w = pt.asarray([[[1.0]], [[-1.0]]])
    >>> pt.nn.conv(x, w).ravel()
    Tensor([-1., -1., -1.], dtype=float32)
    """
    x, w = asarray(x), asarray(w)
    n_axes = _spatial("conv", x, w)
    steps = lengths_for("conv: strides", strides, n_axes)
    apart = lengths_for("conv: dilation", dilation, n_axes)
    n_groups = integer("conv: groups", groups, 1)
    channels, filters = x.shape[-1], w.shape[-1]
    if w.shape[-2] * n_groups != channels or filters % n_groups:
        raise ValueError(
            f"conv: x has {channels} channels and w the shape {w.shape}, with groups {n_groups}: "
            "expected (..., channels / groups, filters), both divisible by groups"
        )
    size = w.shape[:-2]
    pairs = paddings("conv", padding, x.shape[1:-1], size, steps, apart)
    lengths = output_lengths("conv", x.shape[1:-1], size, steps, apart, pairs)
    if 1 < n_groups == channels < filters:  # the kernel for one channel and one filter is faster
        x, n_groups = repeat(x, filters // channels, axis=-1), filters
    geometry = (steps, apart, tuple(before for before, _ in pairs), n_groups)
    return _core.conv(x, w, b, geometry, (x.shape[0], *lengths, filters), bool(relu))


def conv_transpose(
    x: _Operand,
    w: _Operand,
    b: _Operand | None = None,
    *,
    strides: Lengths = 1,
    padding: Padding = "valid",
    output_padding: Lengths | None = None,
    dilation: Lengths = 1,
    groups: SupportsIndex = 1,
    relu: bool = False,
) -> Tensor:
    """Return the transposed convolution of x with w: what maps a convolution's results back.

    Each element of x adds w, times its value, to the result, `strides` further for each step in x.

    Args:
        x: a floating-point tensor of shape (batch, ..., channels).
        w: the kernel, of shape (..., filters / groups, channels) and the same dtype.
        b: a bias of shape (filters,), or None.
        strides: the steps in the result for one in x, one for all axes or one for each.
        padding: "valid" for (length - 1) * strides + max(kernel, strides) results; "same" for
            length * strides; or numbers, as for conv: so many results are cut off at the ends.
        output_padding: how many results to add after the last, one number for all axes or one for
            each. With "valid" (length - 1) * strides + kernel are there without it, with "same"
            (length - 1) * strides + kernel % 2, as in Keras.
        dilation: the steps from one element of the result under the kernel to the next.
        groups: as for conv.
        relu: whether to replace negative results by 0, in the same pass.

    Returns:
        A tensor of shape (batch, ..., filters).

    Raises:
        ValueError: the shapes do not fit, or leave no result.
        TypeError: the dtypes differ or are not floating-point.

    >>> x = pt.asarray([[[1.0], [2.0]]])
    >>> w = pt.asarray([[[1.0]], [[-1.0]]])
    >>> pt.nn.conv_transpose(x, w, strides=2).ravel()
    Tensor([ 1., -1.,  2., -2.], dtype=float32)
    """
    x, w = asarray(x), asarray(w)
    n_axes = _spatial("conv_transpose", x, w)
    steps = lengths_for("conv_transpose: strides", strides, n_axes)
    apart = lengths_for("conv_transpose: dilation", dilation, n_axes)
    n_groups = integer("conv_transpose: groups", groups, 1)
    if w.shape[-1] != x.shape[-1] or x.shape[-1] % n_groups:
        raise ValueError(
            f"conv_transpose: x has {x.shape[-1]} channels and w the shape {w.shape}, with groups "
            f"{n_groups}: expected (..., filters / groups, channels), divisible by groups"
        )
    lengths, before = transposed_lengths(
        "conv_transpose", padding, output_padding, x.shape[1:-1], w.shape[:-2], steps, apart
    )
    shape = (x.shape[0], *lengths, w.shape[-2] * n_groups)
    return _core.conv_transpose(x, w, b, (steps, apart, before, n_groups), shape, bool(relu))


def _windows(
    name: str, x: Tensor, size: Lengths, strides: Lengths | None, padding: Padding
) -> tuple[tuple[int, ...], tuple[int, ...], list[tuple[int, int]], tuple[int, ...]]:
    """Return size, strides, padding and the result's lengths of a pooling."""
    n_axes = x.ndim - 2
    if not 1 <= n_axes <= MOST_AXES:
        raise ValueError(
            f"{name}: x has shape {x.shape}: expected (batch, ..., channels) with 1 to {MOST_AXES} "
            "axes between"
        )
    lengths = x.shape[1:-1]
    sizes = lengths_for(f"{name}: size", size, n_axes)
    steps = sizes if strides is None else lengths_for(f"{name}: strides", strides, n_axes)
    ones = (1,) * n_axes
    pairs = paddings(name, padding, lengths, sizes, steps, ones)
    for k, ends in zip(sizes, pairs, strict=True):
        if max(ends) >= k:
            raise ValueError(
                f"{name}: padding {pairs} with windows of {sizes}: expected less, so that each "
                "window has an element"
            )
    return sizes, steps, pairs, output_lengths(name, lengths, sizes, steps, ones, pairs)


def max_pool(
    x: _Operand, size: Lengths = 2, *, strides: Lengths | None = None, padding: Padding = "valid"
) -> Tensor:
    """Return the largest element of each window of x, NaN if one is NaN.

    The gradient goes to the first of equal elements.

    Args:
        x: a floating-point tensor of shape (batch, ..., channels), with one to three axes between.
        size: the lengths of a window, one for all axes or one for each.
        strides: the steps from one window to the next; by default their size.
        padding: as for conv; elements that are added do not take part.

    Returns:
        A tensor of shape (batch, ..., channels).

    Raises:
        ValueError: the shapes do not fit, or leave no result.
        TypeError: x is not floating-point.

    >>> pt.nn.max_pool(pt.asarray([[[1.0], [5.0], [2.0], [3.0]]])).ravel()
    Tensor([5., 3.], dtype=float32)
    """
    x = asarray(x)
    sizes, steps, pairs, lengths = _windows("max_pool", x, size, strides, padding)
    windows = (sizes, steps, tuple(before for before, _ in pairs))
    return _core.max_pool(x, windows, (x.shape[0], *lengths, x.shape[-1]))


def avg_pool(
    x: _Operand, size: Lengths = 2, *, strides: Lengths | None = None, padding: Padding = "valid"
) -> Tensor:
    """Return the mean of each window of x.

    Args:
        x: a floating-point tensor of shape (batch, ..., channels), with one to three axes between.
        size: the lengths of a window, one for all axes or one for each.
        strides: the steps from one window to the next; by default their size.
        padding: as for conv; elements that are added do not count.

    Returns:
        A tensor of shape (batch, ..., channels).

    Raises:
        ValueError: the shapes do not fit, or leave no result.
        TypeError: x is not floating-point.

    >>> pt.nn.avg_pool(pt.asarray([[[1.0], [5.0], [2.0], [3.0]]])).ravel()
    Tensor([3. , 2.5], dtype=float32)
    """
    x = asarray(x)
    sizes, steps, pairs, lengths = _windows("avg_pool", x, size, strides, padding)
    channels = x.shape[-1]
    if channels == 0:
        return _core.max_pool(x, (sizes, steps, (0,) * len(sizes)), (x.shape[0], *lengths, 0))
    is_whole = not any(map(any, pairs))
    weight = 1 / math.prod(sizes) if is_whole else 1
    # A convolution of each channel, whose derivatives this has too.
    w = full((*sizes, 1, channels), weight, dtype=x.dtype)
    geometry = (steps, (1,) * len(sizes), tuple(before for before, _ in pairs), channels)
    sums = _core.conv(x, w, None, geometry, (x.shape[0], *lengths, channels))
    return sums if is_whole else sums * asarray(_shares(x, sizes, steps, pairs, lengths))


def _shares(
    x: Tensor,
    sizes: Sequence[int],
    steps: Sequence[int],
    pairs: Sequence[tuple[int, int]],
    lengths: Sequence[int],
) -> Any:
    """Return 1 / the number of elements of each window, as an ndarray of shape (..., 1)."""
    counts = np.ones((), dtype=np.float64)
    for d, (k, step, (before, _), n) in enumerate(zip(sizes, steps, pairs, lengths, strict=True)):
        starts = np.arange(n) * step - before
        of_axis = np.minimum(starts + k, x.shape[1 + d]) - np.maximum(starts, 0)
        counts = counts[..., None] * of_axis
    return (1 / counts[..., None]).astype(x.dtype)
