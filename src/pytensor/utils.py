"""Small helpers around training."""

from __future__ import annotations

import numpy as np

from pytensor import _functions as pt
from pytensor import random
from pytensor._support.arguments import integer


def to_categorical(labels, num_classes=None):
    """Turn class numbers into one-hot rows: label k becomes a row of zeros with a 1 at k.

    Args:
        labels: integers >= 0, of shape (n,).
        num_classes: the length of a row, an integer >= 1; by default the largest label plus 1.

    Returns:
        A float32 Tensor of shape (n, num_classes).

    Raises:
        TypeError: the labels are no integers, or num_classes is none.
        ValueError: the labels have another rank than 1 or are out of range; num_classes is below 1,
            or missing where there are no labels to tell it.

    >>> pt.utils.to_categorical([0, 2, 1])
    Tensor([[1., 0., 0.],
            [0., 0., 1.],
            [0., 1., 0.]], dtype=float32)
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" and labels.size:
        raise TypeError(f"to_categorical: labels of {labels.dtype}: expected integers")
    if labels.ndim != 1:
        raise ValueError(f"to_categorical: labels of shape {labels.shape}: expected (n,)")
    if num_classes is None:
        if not labels.size:
            raise ValueError("to_categorical: no labels: num_classes is needed")
        num_classes = int(labels.max()) + 1
    else:
        num_classes = integer("to_categorical: num_classes", num_classes, 1)
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise ValueError(f"to_categorical: label {wrong}: expected 0 ... {num_classes - 1}")
    rows = np.zeros((len(labels), num_classes), np.float32)
    rows[np.arange(len(labels)), labels.astype(np.intp)] = 1
    return pt.asarray(rows)


def set_random_seed(seed):
    """Seed everything random in this package: initial weights, shuffling, dropout, `pt.random`.

    Raises:
        TypeError, ValueError: as `pytensor.random.seed` does.

    >>> pt.utils.set_random_seed(0)
    """
    random.seed(seed)
