"""A data set cut into mini-batches, straight from the user's memory; or batches as they come.

Nothing is copied but the rows of the batch at hand: bytes stay bytes until they are gathered and
converted in one pass.
"""

from __future__ import annotations

import contextlib
import warnings
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pytensor import _functions as pt
from pytensor import random
from pytensor._core import gather_rows
from pytensor._support.arguments import floor, integer, number
from pytensor.datasets.shards import Shards


def as_source(name, data):
    """Return data as a tensor (n, ...) in C order, n >= 1, sharing the memory where it can.

    Raises:
        ValueError: data is missing, empty, a single number, or of parts that differ in shape.
        TypeError: data holds no real numbers.
    """
    if data is None:
        raise ValueError(f"{name}: missing: expected an array of samples")
    if hasattr(data, "to_numpy") and (hasattr(data, "columns") or hasattr(data, "name")):
        data = _of_frame(name, data)
    try:
        source = pt.asarray(data)
    except ValueError as error:
        if not isinstance(data, (list, tuple)):
            raise
        raise ValueError(
            f"{name}: found a list of {len(data)} parts that make no array: expected "
            "samples of one shape, or batches from an iterator, iter(list) for one "
            f"({error})"
        ) from None
    if source.dtype.kind == "c":
        raise TypeError(f"{name}: found dtype {source.dtype}: expected real numbers")
    if source.ndim == 0 or source.size == 0:
        raise ValueError(
            f"{name}: found shape {source.shape}: expected at least one sample, (n, ...)"
        )
    if not np.asarray(source).flags.c_contiguous:
        source = source.copy()
    return source


def _of_frame(name, data):
    """The numbers in a DataFrame or a Series, of pandas, polars or a library alike, as an array."""
    if not hasattr(data, "columns"):
        label = "" if data.name in (None, "") else f": column {data.name!r}"
        return _of_column(
            f"{name}{label}",
            data,
            "turn classes into numbers, such as numpy.unique(y, return_inverse=True)[1]",
        )
    if not len(data.columns) or not len(data):
        return np.empty((len(data), len(data.columns)))
    columns = [
        _of_column(
            f"{name}: column {label!r}",
            data[label],
            "leave the column out, or make "
            "columns of 0 and 1 of it: get_dummies of pandas, to_dummies of polars",
        )
        for label in data.columns
    ]
    return np.stack(columns, axis=1)


def _of_column(name, column, remedy):
    """A column of numbers as an array."""
    if getattr(column, "ndim", 1) != 1:
        raise ValueError(f"{name}: found {column.shape[1]} columns of that name: expected one")
    values = np.asarray(column.to_numpy())
    if values.dtype.kind not in "fiub":
        items = [item for item in values.tolist() if item is not None]
        wrong = next(
            (
                item
                for item in items
                if not isinstance(item, (int, float)) and str(item) not in ("<NA>", "nan", "NaT")
            ),
            None,
        )
        if wrong is not None or values.dtype.kind not in "O":
            found = f"{type(wrong).__name__} ({wrong!r})" if wrong is not None else values.dtype
            raise TypeError(f"{name}: found {found}: expected numbers: {remedy}")
        # Numbers, and None or pandas.NA where one is missing.
        values = np.array(
            [item if isinstance(item, (int, float)) else np.nan for item in values.tolist()],
            np.float64,
        )
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise ValueError(
            f"{name}: found nothing in row {int(np.isnan(values).argmax())}: expected "
            "a number: fill missing values (pandas: fillna, polars: fill_null), or "
            "leave those rows out"
        )
    return values


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
    """Iterates over triples (x, y, weights) of tensors of at most batch_size rows; y and weights
    are None where they were.

    Each iteration over a shuffled set draws a new order from pytensor.random. It begins at the step
    that position says: amid an epoch it draws the epoch's order once more, from the same state.
    """

    ran_out = False
    cut = None

    def __init__(self, x, y, weights, y_dtype, batch_size, shuffle=False):
        """x, y and weights: from as_source, of one length. x becomes float32, y y_dtype.

        cut: cut(n) may say which rows of a batch of n to read, a list of (start, stop): then x, y
            and weights are lists, a part for each.
        """
        self._x = x
        self._y = y
        self._weights = weights
        self._y_dtype = y_dtype
        self._batch_size = batch_size
        self._shuffle = shuffle
        self.position = Position()
        self.n_samples = x.shape[0]
        self.steps = -(-self.n_samples // batch_size)

    def about(self):
        """Return what must be the same for another run to go on where this one was."""
        return {"samples": self.n_samples, "batch_size": self._batch_size, "shuffle": self._shuffle}

    def __iter__(self):
        """Yield the batches; the last one is smaller where batch_size does not divide."""
        self._drawn = self._order() if self._shuffle else None
        batches = self._from(self.position.step, self._drawn)
        return _prefetched(batches) if isinstance(self._x, Shards) else batches

    def rows(self, step):
        """Return the rows of x that a step of the epoch at hand takes, in its order, an ndarray."""
        start = step * self._batch_size
        rows = np.arange(start, min(start + self._batch_size, self.n_samples))
        if self.cut is not None:
            rows = np.concatenate([rows[first:last] for first, last in self.cut(len(rows))])
        return rows if self._drawn is None else np.asarray(self._drawn)[rows]

    def _from(self, step, order):
        size, n, cut, rows_of = self._batch_size, self.n_samples, self.cut, self._rows
        for start in range(step * size, n, size):
            stop = min(start + size, n)
            if cut is None:
                yield rows_of(order, start, stop)
            else:
                yield tuple(
                    zip(
                        *[
                            rows_of(order, start + first, start + last)
                            for first, last in cut(stop - start)
                        ],
                        strict=True,
                    )
                )

    def _rows(self, order, start, stop):
        """x, y and weights of the samples from start to stop, in the order if there is one."""
        x, y, weights = self._x, self._y, self._weights
        rows = slice(start, stop) if order is None else order[start:stop]
        if isinstance(x, Shards):
            x = x[np.arange(start, stop) if order is None else np.asarray(rows)]
            x = pt.asarray(x).astype(pt.float32, copy=False)
        elif order is None:
            x = x[rows].astype(pt.float32, copy=False)
        else:
            x = gather_rows(x, rows, dtype=pt.float32)
        if order is None:
            return (
                x,
                None if y is None else y[rows].astype(self._y_dtype, copy=False),
                None if weights is None else weights[rows],
            )
        return (
            x,
            gather_rows(y, rows, dtype=self._y_dtype),
            None if weights is None else gather_rows(weights, rows),
        )

    def _order(self):
        """The order of the epoch's samples; the random numbers go on from where they were."""
        generator, position = random.generator(), self.position
        now = generator.bit_generator.state
        if position.step == 0:
            position.order_state = now
            return pt.asarray(generator.permutation(self.n_samples))
        generator.bit_generator.state = position.order_state
        try:
            return pt.asarray(generator.permutation(self.n_samples))
        finally:
            generator.bit_generator.state = now


def _prefetched(items, ahead=2):
    """The items of a generator, which another thread makes that is so many ahead."""
    with ThreadPoolExecutor(1, "prefetch") as worker:
        made = deque(worker.submit(next, items, None) for _ in range(ahead))
        while (item := made.popleft().result()) is not None:
            made.append(worker.submit(next, items, None))
            yield item


def is_stream(x):
    """Whether x gives batches, one after the other, and is no array or list of samples."""
    if isinstance(x, (list, tuple, str, dict)) or hasattr(x, "__array__"):
        return False
    with contextlib.suppress(TypeError):
        memoryview(x)
        return False
    return (
        hasattr(x, "__next__")
        or hasattr(x, "__iter__")
        or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))
    )


def refuse_list_of_batches(function, x):
    """Refuse a list of batches (x, y), which would be taken for samples.

    Raises:
        ValueError: x is one.
    """
    if (
        isinstance(x, (list, tuple))
        and x
        and all(
            isinstance(part, (list, tuple))
            and len(part) in (2, 3)
            and all(hasattr(array, "__array__") for array in part)
            for part in x
        )
    ):
        raise ValueError(
            f"{function}: x: found a list of {len(x)} batches: expected samples and "
            "y, or batches from an iterator, iter(x) for one"
        )


def count_to_train_with(n, validation_split):
    """How many of n samples are left to train with, the share of the others being as given."""
    return floor(n * (1 - validation_split))


class Stream:
    """Iterates over the batches of an iterator, or of an object that can be iterated over anew.

    steps: batches in an epoch, None until the first one has shown it. ran_out: whether there are
    less batches than were asked for. cut: as in Batches.
    """

    cut = None

    def __init__(self, name, source, checked, steps=None):
        """Source: see is_stream; checked(batch): what to yield for one; steps: of an epoch.

        Without steps an epoch is all that source has. With steps, it goes on where the epoch before
        ended, and starts anew at the end if source can.
        """
        self._name = name
        self._source = source
        self._checked = checked
        self._asked = self.steps = steps
        self._open = None  # the iterator that an epoch goes on with
        self.position = Position()
        self.ran_out = False

    def about(self):
        """Return what must be the same for another run to go on where this one was."""
        return {"steps_per_epoch": self._asked}

    def rows(self, step):
        """Return None: what rows of a data set the batches are made of is not known."""

    def __iter__(self):
        """Yield the batches of an epoch; amid one, without those that are done.

        Raises:
            ValueError: there are no batches.
        """
        done = self.position.step
        count = 0
        for batch in self._epoch():
            count += 1
            if count > done:
                batch = self._checked(batch)
                yield batch if self.cut is None else _parts(batch, self.cut(len(batch[0])))
        if count == 0:
            raise ValueError(
                f"{self._name}: no batches left: expected an object that can be "
                "iterated over anew in every epoch, or an iterator that goes on, with "
                "the number of its batches in an epoch"
            )
        if self._asked is not None and count < self._asked:
            self.ran_out = True
            warnings.warn(
                f"{self._name}: {count} batches: expected {self._asked}, as asked for", stacklevel=2
            )
        self.steps = count

    def _epoch(self):
        if self._asked is None:
            yield from _iterator(self._source)
            return
        for _ in range(self._asked):
            if self._open is None:
                self._open = _iterator(self._source)
            batch = next(self._open, None)
            if batch is None and self._open is not self._source:
                self._open = _iterator(self._source)
                batch = next(self._open, None)
            if batch is None:
                return
            yield batch


def _parts(batch, cuts):
    """x, y and weights as lists of parts."""
    return tuple(
        [None if tensor is None else tensor[start:stop] for start, stop in cuts] for tensor in batch
    )


def _iterator(source):
    if hasattr(source, "__iter__"):
        return iter(source)
    return (source[i] for i in range(len(source)))


def weights_of_classes(name, y, class_weight):
    """The weight of each sample from that of its class, float32 (n,); 1 for what is not listed.

    y: class numbers (n,) or (n, 1), or one-hot rows (n, classes).
    """
    if not isinstance(class_weight, dict):
        raise TypeError(
            f"{name}: class_weight: found {class_weight!r}: expected a dictionary from "
            "class numbers to weights"
        )
    labels = np.asarray(y)
    if labels.ndim > 2:
        raise ValueError(
            f"{name}: class_weight: targets of shape {labels.shape}: expected (n,) or (n, classes)"
        )
    if labels.ndim == 2:
        labels = labels.argmax(-1) if labels.shape[1] > 1 else labels[:, 0]
    weights = np.ones(len(labels), np.float32)
    for label, weight in class_weight.items():
        weights[np.rint(labels) == integer(f"{name}: class_weight", label, 0)] = number(
            f"{name}: class_weight[{label}]", weight, 0
        )
    return pt.asarray(weights)
