"""A data set cut into mini-batches, straight from the user's memory.

Nothing is copied but the rows of the batch at hand: bytes stay bytes until they are gathered and
converted in one pass.
"""

from __future__ import annotations

import numpy as np

import pytensor as pt
from pytensor import random
from pytensor._core import gather_rows


def as_source(name, data):
    """Return data as a tensor (n, ...) in C order, n >= 1, sharing the memory where it can.

    Raises:
        ValueError: data is missing, empty or a single number.
        TypeError: data holds no real numbers.
    """
    if data is None:
        raise ValueError(f"{name}: missing: expected an array of samples")
    source = pt.asarray(data)
    if source.dtype.kind == "c":
        raise TypeError(f"{name}: found dtype {source.dtype}: expected real numbers")
    if source.ndim == 0 or source.size == 0:
        raise ValueError(f"{name}: found shape {source.shape}: expected at least one sample, "
                         "(n, ...)")
    if not np.asarray(source).flags.c_contiguous:
        source = source.copy()
    return source


class Position:
    """Where a run of training is.

    epoch: the epochs done. step: the batches of the next epoch done. order_state: the random state
    that the order of that epoch's samples was drawn from.
    """

    def __init__(self):
        """At the start."""
        self.epoch = self.step = 0
        self.order_state = None


class Batches:
    """Iterates over pairs (x, y) of tensors of at most batch_size rows; y is None where it was.

    Each iteration over a shuffled set draws a new order from pytensor.random. It begins at the step
    that position says: amid an epoch it draws the epoch's order once more, from the same state.
    """

    def __init__(self, x, y, y_dtype, batch_size, shuffle=False):
        """x and y: from as_source, of one length. x becomes float32, y y_dtype."""
        self._x = x
        self._y = y
        self._y_dtype = y_dtype
        self._batch_size = batch_size
        self._shuffle = shuffle
        self.position = Position()
        self.n_samples = x.shape[0]
        self.steps = -(-self.n_samples // batch_size)

    def __iter__(self):
        """Yield the batches; the last one is smaller where batch_size does not divide."""
        return self._shuffled() if self._shuffle else self._in_order()

    def _shuffled(self):
        x, y, y_dtype, size = self._x, self._y, self._y_dtype, self._batch_size
        order = pt.asarray(self._order())
        for start in range(self.position.step * size, self.n_samples, size):
            rows = order[start:start + size]
            yield (gather_rows(x, rows, dtype=pt.float32),
                   gather_rows(y, rows, dtype=y_dtype))

    def _order(self):
        """The order of the epoch's samples; the random numbers go on from where they were."""
        generator, position = random.generator(), self.position
        now = generator.bit_generator.state
        if position.step == 0:
            position.order_state = now
            return generator.permutation(self.n_samples)
        generator.bit_generator.state = position.order_state
        try:
            return generator.permutation(self.n_samples)
        finally:
            generator.bit_generator.state = now

    def _in_order(self):
        x, y, y_dtype, size = self._x, self._y, self._y_dtype, self._batch_size
        for start in range(self.position.step * size, self.n_samples, size):
            yield (x[start:start + size].astype(pt.float32, copy=False),
                   None if y is None
                   else y[start:start + size].astype(y_dtype, copy=False))
