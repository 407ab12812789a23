"""Data-parallel training by several processes, the ranks, on one machine or many, with MPI.

    mpiexec -n 4 python -m mpi4py script.py

    model.fit(x, y, batch_size=128, distribution=pt.distributed.DataParallel())

Every rank has the whole model. Of each batch (the global batch: its size does not depend on the
number of ranks) it computes the gradient for its share; the sum over the ranks, in one flat buffer,
is the gradient of the batch, which every rank's optimizer applies to the same weights. See
docs/distributed.md.
"""

from __future__ import annotations

import atexit
import contextlib
import copy
import math
import os
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from pytensor import _functions as pt
from pytensor import random
from pytensor._autodiff.trees import leaves, map_leaves
from pytensor._core import Tensor
from pytensor._support.arguments import integer
from pytensor._training.batches import length
from pytensor._training.distribution import Distribution
from pytensor._training.state import (
    TRAINING,
    layers_with_generator,
    optimizer_state,
    restore_optimizer,
)

__all__ = ["DataParallel"]

# What follows the gradients in the buffer: samples, their losses' sum, signals.
_N_SUMS = 3


class DataParallel(Distribution):
    """How fit shares its work: each rank takes a part of every batch.

    Attributes:
        rank: The number of this process, from 0.
        size: How many processes there are.
        is_first: Whether this is rank 0, which alone writes files and to the screen.
        signal: Set it to a number other than 0 to let the other ranks know of something.
        signals: The sum of what the ranks had set `signal` to before the last step.

    >>> distribution = pt.distributed.DataParallel(deterministic=True)  # doctest: +SKIP
    >>> model.fit(x, y, distribution=distribution)  # doctest: +SKIP
    """

    signal = signals = 0

    def __init__(
        self,
        comm: Any = None,
        *,
        deterministic: bool = False,
        shards: int = 4,
        threads: int | None = None,
    ) -> None:
        """Make one on all ranks of comm.

        Args:
            comm: An mpi4py communicator; by default that of all ranks that mpiexec started.
            deterministic: Compute the same bits for any number of ranks that divides shards. Then
                each batch is cut into this many parts, the gradient of each part is computed by
                itself, and they are summed up pair by pair, in the same order whichever rank
                computed them.
            shards: A power of 2.
            threads: The threads of this rank; by default, unless PYTENSOR_NUM_THREADS is set, its
                share of the processors that the ranks of its node may use.

        Raises:
            ImportError: mpi4py or an MPI library is missing.
            ValueError: The number of ranks does not divide shards.
        """
        try:
            from mpi4py import MPI
        except (ImportError, RuntimeError) as error:
            raise ImportError(
                "DataParallel: needs mpi4py and an MPI library: pip install "
                f"'pytensor-kernels[mpi]' ({str(error).splitlines()[0]})"
            ) from error
        self._sum = MPI.SUM
        self._in_place = MPI.IN_PLACE
        self.comm = MPI.COMM_WORLD if comm is None else comm
        self.rank, self.size = self.comm.rank, self.comm.size
        self.is_first = self.rank == 0
        self.deterministic = bool(deterministic)
        self.shards = integer("DataParallel: shards", shards, 1) if deterministic else self.size
        if deterministic and (self.shards & (self.shards - 1) or self.shards % self.size):
            raise ValueError(
                f"DataParallel: shards: found {self.shards} for {self.size} ranks: "
                "expected a power of 2 that the number of ranks divides"
            )
        # Alone, without shards, nothing is to be cut or summed up: fit does what it always does.
        self.shares = self.shards > 1
        self.n_own = self.shards // self.size
        self._unfinished = False
        self._states: list[Any] | None = None
        if threads is not None:
            pt.set_num_threads(threads)
        elif "PYTENSOR_NUM_THREADS" not in os.environ and self.size > 1:
            pt.set_num_threads(_share_of_processors(MPI, self.comm))
        if self.size > 1:
            self._end_together()

    # --------------------------------------------------------------------------- errors of one

    def _end_together(self) -> None:
        """Let an error that ends this process end all: the others would wait for it forever."""
        usual = sys.excepthook

        def end_all(kind: Any, error: Any, trace: Any) -> None:
            if usual is sys.__excepthook__:
                text = "".join(traceback.format_exception(kind, error, trace))
                print(f"rank {self.rank} of {self.size}:\n{text}", end="", file=sys.stderr)
            else:
                usual(kind, error, trace)
            self.abort(1)

        sys.excepthook = end_all
        atexit.register(self._end_unfinished)

    def _end_unfinished(self) -> None:
        """End all ranks if this process ends before the run does."""
        if self._unfinished:
            self.abort(1)

    def abort(self, code: int) -> None:
        """End all ranks at once, the job with this exit code."""
        self._unfinished = False
        sys.stdout.flush()
        sys.stderr.flush()
        self.comm.Abort(code)

    def give_way(self) -> str:
        """Before an error message: give rank 0 the time to print it, if it has the same one.

        So an error that all ranks have in common, such as a wrong option, is reported once: rank 0
        ends the job in the meantime.

        Returns:
            What the message of this rank begins with.
        """
        if self.is_first:
            return ""
        time.sleep(1)
        return f"rank {self.rank}: "

    @contextlib.contextmanager
    def fitting(self, model: Any) -> Iterator[None]:
        """Return the context in which fit runs: all ranks start alike, and none ends alone."""
        self._unfinished = self.size > 1
        self._states = None
        self.signal = self.signals = 0
        try:
            self._synchronise(model)
            yield
        except FloatingPointError:
            self._unfinished = False  # of the loss of all: every rank has this error
            raise
        self._unfinished = False

    # ----------------------------------------------------------------------------- what is alike

    def from_first(self, function: Callable[[], Any]) -> Any:
        """Return on all ranks what function() returns on rank 0, which alone calls it."""
        return self.comm.bcast(function() if self.is_first else None)

    def first_goes_ahead(self, function: Callable[[], Any]) -> Any:
        """Return function(), called on all ranks, but on rank 0 first: it may fill a cache."""
        if not self.is_first:
            self.comm.Barrier()
        value = function()
        if self.is_first:
            self.comm.Barrier()
        return value

    def any_signal(self, signal: bool) -> bool:
        """Return whether any rank had set its signal by the last step; set that of this rank."""
        self.signal = int(signal)
        return bool(self.signals)

    def _synchronise(self, model: Any) -> None:
        """Give all ranks the weights, the optimizer's state and the random numbers of rank 0."""

        def kept() -> tuple[Any, Any, Any]:
            optimizer = model.optimizer
            return (
                model.get_weights() if model.built else None,
                optimizer_state(model) if optimizer.iterations else None,
                random.generator().bit_generator.state,
            )

        weights, optimizer, state = self.from_first(kept)
        random.generator().bit_generator.state = state
        if weights is not None and not self.is_first:
            model.set_weights(weights)
        if optimizer is not None and not self.is_first:
            found, arrays = optimizer
            restore_optimizer(
                "fit: distribution",
                model,
                found,
                {TRAINING + name: array for name, array in arrays.items()},
            )

    def begin_epoch(self, position: Any) -> None:
        """Give all ranks one state of the random numbers, before an epoch's order is drawn."""
        state = self.from_first(lambda: random.generator().bit_generator.state)
        random.generator().bit_generator.state = state
        drawn_from = position.order_state if position.step else None
        self._epoch = (drawn_from or state)["state"]["state"], position.epoch
        self._position = position

    def end_epoch(self, model: Any) -> None:
        """Stop training on all ranks if one has stopped, after an epoch.

        On processors of different kinds, the optimizer's steps may differ in the last bits: then
        the weights of rank 0 go to all.
        """
        digest = 0
        for weight in model.weights:
            digest = zlib.crc32(np.asarray(weight).data, digest)
        found = self.comm.allgather((bool(model.stop_training), digest))
        model.stop_training = any(stop for stop, _ in found)
        if len({digest for _, digest in found}) > 1:
            self._synchronise(model)

    # ---------------------------------------------------------------------------------- the data

    def cut(self, n: int) -> list[tuple[int, int]]:
        """Return the parts of a batch of n samples that are this rank's, each (start, stop)."""
        own = range(self.rank * self.n_own, (self.rank + 1) * self.n_own)
        return [(n * k // self.shards, n * (k + 1) // self.shards) for k in own]

    def share(self, n: int, rows: Callable[[int, int], tuple[Any, ...]]) -> tuple[Any, ...]:
        """Return the x, the y and the weights of this rank's parts of a batch: three tuples."""
        return tuple(zip(*[rows(start, stop) for start, stop in self.cut(n)], strict=True))

    def joined(self, share: Any) -> Tensor | None:
        """Return the x, the y or the weights of this rank's parts as one tensor."""
        if share[0] is None:
            return None
        return map_leaves(
            lambda *parts: None if parts[0] is None else pt.concat(list(parts)), *share
        )

    # ----------------------------------------------------------------------------------- metrics
    # A metric's state is what Metric.merged merges, mostly sums over samples. Each shard has its
    # own state, so that the sums of metrics do not depend on the number of ranks either.

    def begin_metrics(self, metrics: Iterable[Any]) -> None:
        """Start to accumulate in metrics; what they already hold belongs to all ranks together.

        Raises:
            ValueError: A metric does not say which sums it keeps.
        """
        metrics = list(metrics)
        for metric in metrics:
            if not metric.kept:
                raise ValueError(
                    f"fit: distribution: metric {metric.name!r} keeps nothing: "
                    "expected `kept`, the names of the sums that it accumulates"
                )
        self._metrics = metrics
        total = _state(metrics)
        for metric in metrics:
            metric.reset_state()
        self._states = [copy.deepcopy(_state(metrics)) for _ in range(self.n_own)]
        if self.is_first:
            self._states[0] = total
        _set_state(metrics, self._states[0])

    @contextlib.contextmanager
    def _metrics_of(self, shard: int) -> Iterator[None]:
        """Within this context, the metrics accumulate in a shard's own sums."""
        states = self._states or []
        if self.n_own == 1:
            yield
            states[0] = _state(self._metrics)
            return
        _set_state(self._metrics, states[shard])
        yield
        states[shard] = _state(self._metrics)

    @contextlib.contextmanager
    def whole_metrics(self) -> Iterator[None]:
        """Return a context in which the metrics are those of all ranks, all of which enter it."""
        if self._states is None:
            yield
            return
        states = [state for states in self.comm.allgather(self._states) for state in states]
        total = states[0]
        for state in states[1:]:
            total = [
                [metric.merged(a, b) for a, b in zip(*pair, strict=True)]
                for metric, *pair in zip(self._metrics, total, state, strict=True)
            ]
        _set_state(self._metrics, total)
        try:
            yield
        finally:
            _set_state(self._metrics, self._states[0])

    # ----------------------------------------------------------------------------------- the step

    def test_step(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """Return step(xs, ys, weights) for this rank's parts, from that for a batch."""

        def parts_step(*parts: Any) -> None:
            for shard, (x, *others) in enumerate(zip(*parts, strict=True)):
                if length(x):
                    with self._metrics_of(shard):
                        step(x, *others)

        return parts_step

    def train_step(
        self,
        model: Any,
        differentiate: Callable[..., tuple[float, Any, Any]],
        apply: Callable[[Any], None],
        update: Callable[..., None],
    ) -> Callable[..., float]:
        """Return step(xs, ys, weights): one update of the weights, by the gradient of all ranks.

        Args:
            model: The model that is trained.
            differentiate: As for Distribution.train_step, as are apply and update.
            apply: Updates the weights.
            update: Updates the metrics.

        Returns:
            The step. It returns the loss of the whole batch; if that is not finite, it has updated
            nothing.

        Raises:
            ValueError: The loss is not a mean over samples.
            TypeError: A weight is not float32.
        """
        for loss in leaves(model.loss):
            reduction = getattr(loss, "reduction", "mean")
            if reduction not in ("sum_over_batch_size", "mean"):
                raise ValueError(
                    f"fit: distribution: the loss's reduction is {reduction!r}: expected "
                    "'sum_over_batch_size', the mean over samples"
                )
        weights = model.weights_to_train()
        others = [
            w for _, w, trained in model.named_weights() if not trained and w.dtype is pt.float32
        ]
        buffers = _Buffers(weights, others, self.size)
        generators = [layer for _, layer in layers_with_generator(model)]

        def part_of(shard: int, x: Any, y: Any, sample_weight: Any, before: list[Tensor]) -> _Part:
            """What a part of a batch adds to the sums."""
            part = buffers.take()
            n = length(x)
            if n == 0:
                part.flat[:] = 0
                part.sums[2] = self.signal
                return part
            numbers = (*self._epoch, self._position.step, self.rank * self.n_own + shard)
            with random.stream(*numbers), _own_streams(generators, numbers):
                value, gradients, outcome = differentiate(x, y, sample_weight)
            if not math.isfinite(value):
                part.flat[:] = 0
                part.sums[:] = n, value, self.signal
                return part
            for k, (view, dw) in enumerate(zip(part.gradients, gradients, strict=True)):
                part.present[k] = dw is not None
                if dw is None:
                    view[...] = 0
                else:
                    pt.multiply(dw, n, out=view)
            for view, w, kept in zip(part.others, others, before, strict=True):
                pt.multiply(w, n, out=view)
                w[...] = kept
            part.sums[:] = n, n * value, self.signal
            with self._metrics_of(shard):
                update(value, y, outcome, sample_weight)
            return part

        def step(xs: Any, ys: Any, sample_weights: Any) -> float:
            before = [w.copy() for w in others]
            waiting: list[
                tuple[_Part, int]
            ] = []  # sums of 1, 2, 4, ... parts: as in a binary number, no two are alike
            for shard, batch in enumerate(zip(xs, ys, sample_weights, strict=True)):
                part, count = part_of(shard, *batch, before), 1
                while waiting and waiting[-1][1] == count:
                    left, _ = waiting.pop()
                    np.add(left.flat, part.flat, out=left.flat)
                    buffers.give_back(part)
                    part, count = left, 2 * count
                waiting.append((part, count))
            self._reduce(part.flat, buffers)
            n, loss, self.signals = part.sums.tolist()
            if math.isfinite(loss):
                np.multiply(
                    part.flat[: buffers.n_means],
                    np.float32(1 / n),
                    out=part.flat[: buffers.n_means],
                )
                apply(
                    [
                        view if there else None
                        for view, there in zip(part.gradients, part.present > 0, strict=True)
                    ]
                )
                for w, view in zip(others, part.others, strict=True):
                    w[...] = view
            buffers.give_back(part)
            return loss / n

        return step

    def _reduce(self, flat: np.ndarray, buffers: _Buffers) -> None:
        """Replace a flat buffer by the sum of those of all ranks."""
        if self.size == 1:
            return
        if not self.deterministic:
            self.comm.Allreduce(self._in_place, flat, self._sum)
            return
        # Recursive halving, then doubling (Thakur, Rabenseifner, Gropp 2005). In the first half,
        # ranks that are 1, 2, 4, ... apart exchange halves of what they still sum up: the order is
        # that of the tree which `step` begins.
        first, last = 0, len(flat)
        halves = []
        received = buffers.scratch(last // 2)
        distance = 1
        while distance < self.size:
            middle = (first + last) // 2
            partner = self.rank ^ distance
            lower, upper = flat[first:middle], flat[middle:last]
            sent, kept = (lower, upper) if self.rank & distance else (upper, lower)
            self.comm.Sendrecv(sent, partner, recvbuf=received[: len(kept)], source=partner)
            np.add(kept, received[: len(kept)], out=kept)
            halves.append((partner, kept, sent))
            first, last = (middle, last) if self.rank & distance else (first, middle)
            distance *= 2
        for partner, own, other in reversed(halves):
            self.comm.Sendrecv(own, partner, recvbuf=other, source=partner)


class _Part:
    """A flat buffer and its parts: gradients and other weights, as tensors that share its memory;
    present, which gradients there are; sums."""

    def __init__(self, weights: list[Tensor], others: list[Tensor], n_elements: int) -> None:
        self.flat = np.zeros(n_elements, np.float32)
        self.gradients, start = self._views(weights, 0)
        self.others, start = self._views(others, start)
        self.present = self.flat[start : start + len(weights)]
        self.sums = self.flat[start + len(weights) :][:_N_SUMS]

    def _views(self, tensors: list[Tensor], start: int) -> tuple[list[Tensor], int]:
        views = []
        for tensor in tensors:
            stop = start + tensor.size
            views.append(pt.asarray(self.flat[start:stop].reshape(tensor.shape)))
            start = stop
        return views, start


class _Buffers:
    """Flat buffers for the gradients of weights and for other weights; they are reused.

    n_means: the number of elements, at the beginning, to divide by the number of samples.
    """

    def __init__(self, weights: list[Tensor], others: list[Tensor], n_ranks: int) -> None:
        for weight in weights:
            if weight.dtype is not pt.float32:
                raise TypeError(
                    f"fit: distribution: found a weight of dtype {weight.dtype}: expected float32"
                )
        self._weights, self._others = weights, others
        self.n_means = sum(weight.size for weight in (*weights, *others))
        n_elements = self.n_means + len(weights) + _N_SUMS
        self._n_elements = -(-n_elements // n_ranks) * n_ranks
        self._free: list[_Part] = []
        self._scratch = np.empty(0, np.float32)

    def take(self) -> _Part:
        return (
            self._free.pop() if self._free else _Part(self._weights, self._others, self._n_elements)
        )

    def give_back(self, part: _Part) -> None:
        self._free.append(part)

    def scratch(self, n: int) -> np.ndarray:
        if len(self._scratch) < n:
            self._scratch = np.empty(n, np.float32)
        return self._scratch


@contextlib.contextmanager
def _own_streams(layers: list[Any], numbers: tuple[int, ...]) -> Iterator[None]:
    """Within this context, layers with their own random numbers draw from other streams."""
    before = [layer._generator for layer in layers]
    for k, layer in enumerate(layers):
        layer._generator = np.random.default_rng([*numbers, k])
    try:
        yield
    finally:
        for layer, generator in zip(layers, before, strict=True):
            layer._generator = generator


def _state(metrics: Iterable[Any]) -> list[list[Any]]:
    """What metrics have accumulated: a list for each, of numbers, arrays or None."""
    return [[getattr(metric, key) for key in metric.kept] for metric in metrics]


def _set_state(metrics: Iterable[Any], state: list[list[Any]]) -> None:
    for metric, values in zip(metrics, state, strict=True):
        for key, value in zip(metric.kept, values, strict=True):
            setattr(metric, key, value)


def _share_of_processors(mpi: Any, comm: Any) -> int:
    """How many threads a rank may run without slowing the other ranks of its node: its share of
    each processor that it may use, and of a cgroup's quota."""
    node = comm.Split_type(mpi.COMM_TYPE_SHARED)
    allowed = os.sched_getaffinity(0)
    everyone = node.allgather(allowed)
    node.Free()
    share = sum(1 / sum(processor in other for other in everyone) for processor in allowed)
    quota = int(pt.build_config()["default threads"])  # not above the affinity; below it, a quota's
    if quota < len(allowed):
        share = min(share, quota / len(everyone))
    return max(1, int(share + 1e-9))
