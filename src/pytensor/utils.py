"""Small helpers around training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

from pytensor import _functions as pt
from pytensor import random
from pytensor._support.arguments import integer

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pytensor._core import Tensor

__all__ = ["set_random_seed", "to_categorical"]


def to_categorical(labels: ArrayLike, num_classes: SupportsIndex | None = None) -> Tensor:
    """Turn class numbers into one-hot rows: label k becomes a row of zeros with a 1 at k.

    Args:
        labels: integers >= 0, of shape (n,).
        num_classes: the length of a row, an integer >= 1; by default the largest label plus 1.

    Returns:
        A float32 Tensor of shape (n, num_classes).

    Raises:
        TypeError: the labels or num_classes are not integers.
        ValueError: the labels are not one-dimensional or are out of range; num_classes is below 1,
            or missing although there are no labels.

    >>> pt.utils.to_categorical([0, 2, 1])
    Tensor([[1., 0., 0.],
            [0., 0., 1.],
            [0., 1., 0.]], dtype=float32)
    """
    numbers = np.asarray(labels)
    if numbers.dtype.kind not in "iu" and numbers.size:
        raise TypeError(f"to_categorical: labels of {numbers.dtype}: expected integers")
    if numbers.ndim != 1:
        raise ValueError(f"to_categorical: labels of shape {numbers.shape}: expected (n,)")
    if num_classes is None:
        if not numbers.size:
            raise ValueError("to_categorical: no labels: num_classes is needed")
        length = int(numbers.max()) + 1
    else:
        length = integer("to_categorical: num_classes", num_classes, 1)
    if numbers.size and (numbers.min() < 0 or numbers.max() >= length):
        wrong = numbers.min() if numbers.min() < 0 else numbers.max()
        raise ValueError(f"to_categorical: label {wrong}: expected 0 ... {length - 1}")
    rows = np.zeros((len(numbers), length), np.float32)
    rows[np.arange(len(numbers)), numbers.astype(np.intp)] = 1
    return pt.asarray(rows)


def set_random_seed(seed: int | Sequence[int]) -> None:
    """Seed everything random in this package: initial weights, shuffling, dropout, `pt.random`.

    Args:
        seed: an integer, at least 0, or a sequence of them.

    Raises:
        TypeError: seed is not an integer.
        ValueError: seed is negative.

    >>> pt.utils.set_random_seed(0)
    """
    random.seed(seed)
