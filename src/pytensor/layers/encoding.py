"""CategoryEncoding and Discretization: integers as vectors, numbers as integers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from pytensor import _functions as pt
from pytensor._core import Tensor
from pytensor._support.arguments import check_below, integer, number
from pytensor.layers.layer import Layer

if TYPE_CHECKING:
    from typing import Unpack

    from numpy.typing import ArrayLike

    from pytensor.layers.layer import NameOptions, Shape

__all__ = ["CategoryEncoding", "Discretization"]


def encoded(
    indices: np.ndarray, mode: str, depth: int, weights: np.ndarray | None = None
) -> Tensor:
    """Return integers as "int", "one_hot", "multi_hot" or "count".

    Args:
        indices: integers in [0, depth) of any shape; others, as -1, count for nothing.
        mode: the kind of encoding.
        depth: the length of the vectors.
        weights: how much each integer counts, for "count".
    """
    if mode == "int":
        return pt.asarray(indices.astype(np.int64))
    if mode == "one_hot":
        if indices.ndim > 1 and indices.shape[-1] == 1:
            indices = indices[..., 0]
        indices = indices[..., None]
    if indices.ndim == 0:
        indices = indices[None]
    rows = int(math.prod(indices.shape[:-1]))
    length = indices.shape[-1]
    number_of_row = np.repeat(np.arange(rows), length)
    sums = counted(
        indices.ravel(), number_of_row, rows, depth, None if weights is None else weights.ravel()
    )
    if mode != "count":
        sums = sums > 0
    return pt.asarray(sums.astype(np.float32).reshape(*indices.shape[:-1], depth))


def counted(
    indices: np.ndarray, rows: np.ndarray, n: int, depth: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return how often each index in [0, depth) is in each of n rows, (n, depth).

    Args:
        indices: (m,); those outside [0, depth) are left out.
        rows: the number of the row that each index belongs to, (m,).
        n: the number of rows.
        depth: the number of indices.
        weights: how much each index counts, (m,); 1 by default.
    """
    inside = (indices >= 0) & (indices < depth)
    places = (rows * depth + indices)[inside]
    chosen = None if weights is None else weights[inside]
    return np.bincount(places, chosen, n * depth).reshape(n, depth)


def encoded_shape(shape: Shape, mode: str, depth: int) -> Shape:
    """Return the shape of what `encoded` returns for indices of a shape."""
    if mode == "int":
        return shape
    if mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
    return (*shape[:-1], depth)


def checked_mode(layer: str, mode: str, known: Sequence[str]) -> str:
    """Check the argument output_mode of a layer."""
    if mode not in known:
        expected = ", ".join(map(repr, known))
        raise ValueError(f"{layer}: output_mode: found {mode!r}: expected one of {expected}")
    return mode


def batches_of(name: str, data: Any, steps: int | None = None) -> Iterator[Any]:
    """Yield data as batches: an array, list or table is one; other iterables yield theirs.

    Args:
        name: the caller, for messages.
        data: an array-like, or an iterable of batches, each an array or a tuple (x, ...).
        steps: the most batches to take; None for all.
    """
    if isinstance(data, (list, tuple, np.ndarray, Tensor)) or hasattr(data, "__array__"):
        yield data
        return
    if isinstance(data, (str, bytes)) or not isinstance(data, Iterable):
        raise TypeError(f"{name}: data: found {data!r:.80}: expected an array or batches")
    for step, batch in enumerate(data):
        if steps is not None and step >= steps:
            return
        yield batch[0] if isinstance(batch, tuple) else batch


class CategoryEncoding(Layer):
    """Integers as vectors of zeros and ones, or of counts.

    >>> layer = pt.layers.CategoryEncoding(4, output_mode="multi_hot")
    >>> layer([[0, 1], [0, 3]])
    Tensor([[1., 1., 0., 0.],
            [1., 0., 0., 1.]], dtype=float32)
    """

    def __init__(
        self,
        num_tokens: SupportsIndex,
        output_mode: str = "multi_hot",
        **options: Unpack[NameOptions],
    ) -> None:
        """Create the layer.

        Args:
            num_tokens: the length of a vector; inputs are integers in [0, num_tokens).
            output_mode: "one_hot": a vector for each integer, (batch, ...) -> (batch, ...,
                num_tokens), where a last axis of length 1 is dropped; "multi_hot": a vector for
                each row, with ones where the row has the integer, (batch, ..., n) -> (batch, ...,
                num_tokens); "count": how often the row has it.
            **options: `name`, `trainable` and `input_shape`, as in Layer.
        """
        super().__init__(**options)
        self.num_tokens = integer(f"{self.name}: num_tokens", num_tokens, 1)
        self.output_mode = checked_mode(self.name, output_mode, ("one_hot", "multi_hot", "count"))

    def _indices(self, x: np.ndarray) -> np.ndarray:
        check_below(f"{self.name}: integer", x, self.num_tokens)
        return x.astype(np.int64)

    def call(self, x: Tensor, count_weights: ArrayLike | None = None) -> Tensor:
        """Return the vectors for integers x.

        Args:
            x: integers of any dtype, (batch, ...).
            count_weights: how much each integer counts, of the shape of x, for "count".
        """
        indices = self._indices(np.asarray(x))
        if count_weights is None:
            return encoded(indices, self.output_mode, self.num_tokens)
        if self.output_mode != "count":
            raise ValueError(f"{self.name}: count_weights: expected output_mode='count'")
        weights = np.asarray(count_weights, np.float64)
        if weights.shape != indices.shape:
            raise ValueError(
                f"{self.name}: count_weights of shape {weights.shape}: expected {indices.shape}"
            )
        return encoded(indices, "count", self.num_tokens, weights)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, ..., n) -> (batch, ..., num_tokens); see output_mode."""
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)


class Discretization(Layer):
    """Numbers as the integers of the bins that they fall into.

    >>> layer = pt.layers.Discretization(bin_boundaries=[0.0, 1.0])
    >>> layer([[-1.0, 0.0, 0.5, 2.0]])
    Tensor([[0, 1, 1, 2]], dtype=int64)
    """

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: SupportsIndex | None = None,
        *,
        output_mode: str = "int",
        **options: Unpack[NameOptions],
    ) -> None:
        """Create the layer, with either boundaries or a number of bins for `adapt` to find them.

        Args:
            bin_boundaries: where bins begin, in ascending order: boundaries [0, 1] are the bins
                (-inf, 0), [0, 1), [1, inf).
            num_bins: the number of bins.
            output_mode: "int": the number of the bin, int64; "one_hot", "multi_hot", "count" as in
                CategoryEncoding.
            **options: `name`, `trainable` and `input_shape`, as in Layer.
        """
        super().__init__(**options)
        if bin_boundaries is None and num_bins is None:
            raise ValueError(f"{self.name}: expected bin_boundaries or num_bins")
        self.num_bins = None if num_bins is None else integer(f"{self.name}: num_bins", num_bins, 1)
        self.output_mode = checked_mode(
            self.name, output_mode, ("int", "one_hot", "multi_hot", "count")
        )
        self.bin_boundaries = None if bin_boundaries is None else self._ascending(bin_boundaries)

    def _ascending(self, boundaries: Sequence[float]) -> list[float]:
        found = [number(f"{self.name}: bin_boundaries", value) for value in boundaries]
        if self.num_bins is not None and len(found) >= self.num_bins:
            raise ValueError(
                f"{self.name}: {len(found)} bin_boundaries: expected at most num_bins - 1, "
                f"{self.num_bins - 1}"
            )
        if sorted(found) != found:
            raise ValueError(
                f"{self.name}: bin_boundaries: found {found}: expected ascending numbers"
            )
        return found

    def adapt(self, data: ArrayLike | Iterable[ArrayLike], steps: int | None = None) -> None:
        """Choose boundaries between which there are equally many numbers.

        They are the quantiles k / num_bins of all numbers; Keras approximates them.

        Args:
            data: numbers of any shape, or an iterable of batches of them.
            steps: the most batches to take; None for all.
        """
        if self.num_bins is None:
            raise ValueError(f"{self.name}: adapt: the boundaries were given: expected num_bins")
        batches = [
            np.asarray(batch, np.float32).ravel()
            for batch in batches_of(f"{self.name}: adapt", data, steps)
        ]
        numbers = np.concatenate(batches) if batches else np.empty(0, np.float32)
        if not np.isfinite(numbers).all() or not numbers.size:
            found = "no numbers" if not numbers.size else "NaN or inf"
            raise ValueError(f"{self.name}: adapt: found {found}: expected finite numbers")
        shares = np.arange(1, self.num_bins) / self.num_bins
        self.bin_boundaries = np.unique(np.quantile(numbers, shares)).tolist()

    def call(self, x: Tensor) -> Tensor:
        """Return the numbers of the bins; NaN falls into the last one."""
        boundaries = self._boundaries()
        bins = np.searchsorted(np.asarray(boundaries, np.float32), np.asarray(x), side="right")
        return encoded(bins, self.output_mode, self._depth())

    def _boundaries(self) -> list[float]:
        if self.bin_boundaries is None:
            raise ValueError(f"{self.name}: no boundaries yet: call adapt(data) first")
        return self.bin_boundaries

    def _depth(self) -> int:
        return len(self._boundaries()) + 1 if self.num_bins is None else self.num_bins

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """As for CategoryEncoding; the input's shape for "int"."""
        return encoded_shape(input_shape, self.output_mode, self._depth())
