"""Mini-batches of a data set, straight from the user's memory; or batches as an iterator has them.

Nothing is copied but the rows of the current batch: bytes stay bytes until they are gathered and
converted in one pass.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from pytensor import _functions as pt
from pytensor import random
from pytensor._autodiff.trees import leaves, map_leaves
from pytensor._core import Tensor, gather_rows
from pytensor._training.distribution import SINGLE_PROCESS, Distribution
from pytensor.datasets.shards import Shards


@dataclass
class Position:
    """Where a run of training is.

    Attributes:
        epoch: The number of epochs done.
        step: The number of batches of the next epoch done.
        order_state: The random state that the order of that epoch's samples was drawn from.
    """

    epoch: int = 0
    step: int = 0
    order_state: Any = None


@dataclass
class Samples:
    """Samples with their targets and weights, checked by data.py, all of one length n.

    Where a model has several inputs, x is a list, or what else its `call` takes; where it has
    several outputs, so are y, weights and y_dtype.

    Attributes:
        x: A tensor (n, ...) or Shards.
        y: A tensor (n, ...), or None.
        weights: A tensor (n, ...), or None.
        y_dtype: The dtype of batches of y.
        x_dtype: That of batches of x; None stands for float32.
    """

    x: Any
    y: Tensor | None = None
    weights: Tensor | None = None
    y_dtype: Any = None
    x_dtype: Any = None

    def __post_init__(self) -> None:
        """Fill in the dtypes."""
        if self.x_dtype is None:
            self.x_dtype = map_leaves(lambda _: pt.float32, self.x)

    def __len__(self) -> int:
        return length(self.x)

    def __getitem__(self, rows: slice) -> Samples:
        return Samples(
            map_leaves(lambda part: part[rows], self.x),
            map_present(lambda part: part[rows], self.y),
            map_present(lambda part: part[rows], self.weights),
            self.y_dtype,
            self.x_dtype,
        )

    @property
    def targets_shape(self) -> Any:
        """The shape of y, () if there is none; a list of shapes where y is one of tensors."""
        if self.y is None:
            return ()
        return map_present(lambda part: part.shape, self.y)

    def batch(self) -> tuple[Any, Any, Any]:
        """Return all samples as one batch: x, y and weights, as a step takes them."""
        return (
            map_leaves(_as_dtype, self.x, self.x_dtype),
            map_present(_as_dtype, self.y, self.y_dtype),
            self.weights,
        )


def _as_dtype(part: Any, dtype: Any) -> Tensor:
    return part.astype(dtype, copy=False)


def length(x: Any) -> int:
    """Return the number of samples in x, a tensor or a structure of them."""
    return len(x if isinstance(x, (Tensor, Shards)) else leaves(x)[0])


def map_present(function: Callable[..., Any], structure: Any, *others: Any) -> Any:
    """Return the structure with function(leaf, ...) in place of each leaf but None."""
    if type(structure) is Tensor:
        return function(structure, *others)
    return map_leaves(
        lambda leaf, *more: None if leaf is None else function(leaf, *more), structure, *others
    )


class Batches:
    """The batches of samples: triples (x, y, weights) of at most batch_size rows.

    Each iteration over a shuffled set draws a new order from pytensor.random. It begins at the step
    that position says; in the middle of an epoch it draws the epoch's order again, from the same
    state.

    Args:
        samples: The data set.
        batch_size: The number of rows in a batch of all ranks together.
        shuffle: Whether to take the samples in a new order in each epoch.
        distribution: Decides which rows of a batch are this rank's.

    Attributes:
        position: The epochs and steps done.
        steps: The number of batches in an epoch.
        samples: The data set.
        ran_out: Whether there were fewer batches than expected.
    """

    ran_out = False

    def __init__(
        self,
        samples: Samples,
        batch_size: int,
        shuffle: bool = False,
        distribution: Distribution = SINGLE_PROCESS,
    ) -> None:
        self.samples = samples
        self._batch_size = batch_size
        self._shuffle = shuffle
        self._is_plain = (
            type(samples.x) is Tensor
            and samples.x_dtype is pt.float32
            and type(samples.y) is Tensor
            and not isinstance(samples.weights, list)
        )
        self.distribution = distribution
        self.position = Position()
        self.n_samples = len(samples)
        self.steps: int | None = -(-self.n_samples // batch_size)

    def about(self) -> dict[str, Any]:
        """Return what must be the same for another run to go on where this one was."""
        return {"samples": self.n_samples, "batch_size": self._batch_size, "shuffle": self._shuffle}

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield the batches; the last one is smaller where batch_size does not divide."""
        self._drawn = self._order() if self._shuffle else None
        batches = self._from(self.position.step, self._drawn)
        has_shards = any(isinstance(part, Shards) for part in leaves(self.samples.x))
        return _prefetched(batches) if has_shards else batches

    def rows(self, step: int) -> np.ndarray:
        """Return the rows of x that this rank takes in a step of the current epoch, in order."""
        start = step * self._batch_size
        rows = np.arange(start, min(start + self._batch_size, self.n_samples))
        rows = np.concatenate([rows[i:j] for i, j in self.distribution.cut(len(rows))])
        return rows if self._drawn is None else np.asarray(self._drawn)[rows]

    def after(self, step: int) -> Iterator[tuple[Any, ...]]:
        """Yield the batches of the current epoch from a step on."""
        return self._from(step, self._drawn)

    def whole_ahead(self, step: int) -> int:
        """Return how many whole batches, up to 1000, sources can tell of from a step on."""
        if not self._is_plain or self.distribution is not SINGLE_PROCESS:
            return 0
        return min((self.n_samples - step * self._batch_size) // self._batch_size, 1000)

    def sources(self, step: int) -> tuple[list[Tensor], Tensor | None, int, int]:
        """Return what the batches from a step on are made of, for run_batches.

        Returns:
            x, y and, if there are any, weights; the order of the epoch's rows, None for that of the
            data; where in it the step begins; and the number of rows in a batch.
        """
        samples = self.samples
        data: list[Any] = [samples.x, samples.y, samples.weights]
        size = self._batch_size
        return [part for part in data if part is not None], self._drawn, step * size, size

    def _from(self, step: int, order: Tensor | None) -> Generator[tuple[Any, ...], None, None]:
        size, n, rows_of, share = (
            self._batch_size,
            self.n_samples,
            self._rows,
            self.distribution.share,
        )
        for start in range(step * size, n, size):

            def rows(i: int, j: int, start: int = start) -> tuple[Any, ...]:
                return rows_of(order, start + i, start + j)

            yield share(min(size, n - start), rows)

    def _rows(self, order: Tensor | None, start: int, stop: int) -> tuple[Any, ...]:
        """x, y and weights of the samples from start to stop, in the order if there is one."""
        samples = self.samples
        x, weights = samples.x, samples.weights
        y: Any = samples.y
        rows: Any = slice(start, stop) if order is None else order[start:stop]
        if self._is_plain:  # a single tensor each: the usual case, without the detours below
            if order is None:
                return (
                    x[rows].astype(samples.x_dtype, copy=False),
                    y[rows].astype(samples.y_dtype, copy=False),
                    None if weights is None else weights[rows],
                )
            return (
                gather_rows(x, rows, dtype=samples.x_dtype),
                gather_rows(y, rows, dtype=samples.y_dtype),
                None if weights is None else gather_rows(weights, rows),
            )

        def of(part: Any, dtype: Any) -> Any:
            if isinstance(part, Shards):
                numbers = np.arange(start, stop) if order is None else np.asarray(rows)
                return pt.asarray(part[numbers]).astype(dtype, copy=False)
            if order is None:
                return part[rows].astype(dtype, copy=False)
            if dtype.kind != "f" and part.dtype is not dtype:
                return gather_rows(part, rows).astype(dtype)
            return gather_rows(part, rows, dtype=dtype)

        def weights_of(part: Any) -> Any:
            return part[rows] if order is None else gather_rows(part, rows)

        return (
            map_leaves(of, x, samples.x_dtype),
            map_present(of, y, samples.y_dtype),
            map_present(weights_of, weights),
        )

    def _order(self) -> Tensor:
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


def _prefetched(items: Iterator[Any], ahead: int = 2) -> Generator[Any, None, None]:
    """The items of a generator, which another thread makes that is so many ahead."""
    with ThreadPoolExecutor(1, "prefetch") as worker:
        made = deque(worker.submit(next, items, None) for _ in range(ahead))
        while (item := made.popleft().result()) is not None:
            made.append(worker.submit(next, items, None))
            yield item


class Stream:
    """The batches of an iterator, or of an object that can be iterated over again.

    Without steps an epoch is all that the source has. With steps, it goes on where the epoch before
    ended, and starts again at the end if the source can.

    Args:
        name: The name of the source, for messages.
        source: What data.is_stream is true of.
        checked: checked(batch) returns a batch of the source as Samples.
        steps: The number of batches in an epoch.
        distribution: As for Batches.

    Attributes:
        position: The epochs and steps done.
        steps: The number of batches in an epoch, None until the first one has shown it.
        ran_out: Whether there were fewer batches than steps.
        samples: Those of the first batch, None before it.
    """

    def __init__(
        self,
        name: str,
        source: Any,
        checked: Callable[[Any], Samples],
        steps: int | None = None,
        distribution: Distribution = SINGLE_PROCESS,
    ) -> None:
        self._name = name
        self._source = source
        self._checked = checked
        self._asked = self.steps = steps
        self.distribution = distribution
        self._open: Iterator[Any] | None = None  # the iterator that an epoch goes on with
        self.position = Position()
        self.ran_out = False
        self.samples: Samples | None = None

    def about(self) -> dict[str, Any]:
        """Return what must be the same for another run to go on where this one was."""
        return {"steps_per_epoch": self._asked}

    def rows(self, step: int) -> None:
        """Return None: what rows of a data set the batches are made of is not known."""

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield the batches of an epoch; in the middle of one, without those that are done.

        Raises:
            ValueError: There are no batches.
        """
        done = self.position.step
        count = 0
        for batch in self._epoch():
            count += 1
            if count > done:
                yield self._share(self._checked(batch))
            elif count == 1:  # the metrics depend on it, even if no batch is left
                self.samples = self._checked(batch)
        if count == 0:
            raise ValueError(
                f"{self._name}: no batches left: expected an object that can be "
                "iterated over again in every epoch, or an iterator that goes on, with "
                "the number of its batches in an epoch"
            )
        if self._asked is not None and count < self._asked:
            self.ran_out = True
            warnings.warn(
                f"{self._name}: {count} batches: expected {self._asked}, as asked for", stacklevel=2
            )
        self.steps = count

    def _share(self, samples: Samples) -> tuple[Any, ...]:
        """This rank's share of a batch."""
        batch = samples.batch()
        self.samples = samples if self.samples is None else self.samples

        def rows(i: int, j: int) -> tuple[Any, ...]:
            return tuple(map_present(lambda part: part[i:j], part) for part in batch)

        return self.distribution.share(len(samples), rows)

    def _epoch(self) -> Iterator[Any]:
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


def _iterator(source: Any) -> Iterator[Any]:
    if hasattr(source, "__iter__"):
        return iter(source)
    return (source[i] for i in range(len(source)))
