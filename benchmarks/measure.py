"""How everything in this directory is timed and compared: the one place that knows.

A cell of the benchmark is one piece of work (an op at a size and a dtype) done by several
contenders: our kernel, NumPy, the plain Python loop, PyTorch, JAX. One test measures one cell:

1. Every contender runs once; its result must agree with NumPy's.
2. The number of calls that make a round is found for each: a round lasts long enough for the clock.
3. The contenders take turns, one round each, in an order that rotates. What disturbs the machine
   for a second disturbs all of them alike; contenders measured one after the other would each meet
   a different machine.

Before every round the process comes to rest (see `come_to_rest`), since the thread pools of
PyTorch and of NumPy's BLAS spin for a while after their last job and would take a core from whoever
comes next. A call that is not timed wakes a contender's own threads again.

pytest-benchmark times one function per test. Here its fixture is copied once per contender and gets
the rounds measured above, so tables, `--benchmark-json`, `--benchmark-compare` and
`--benchmark-disable` (agreement only, no timing) work as they always do. Nothing asserts a time.
"""

from __future__ import annotations

import copy
import glob
import math
import threading
import time
import timeit
from dataclasses import dataclass, field

import numpy as np

REFERENCE = "numpy"
OURS = "pytensor"


@dataclass(frozen=True)
class Case:
    """What is measured.

    family: the table of the report that the cell belongs to.
    name, size, dtype: what tells the cells of a family apart. size is a number of elements, or a
    text such as "128x784x512".
    flops, bytes: the work of one call, where the report shows a rate: arithmetic operations, and
    bytes that have to be read and written.
    rtol, atol: how far results may be from NumPy's; by default some roundings of the dtype.
    patience: seconds; what takes longer for one call is not measured again.
    min_rounds: how often the contenders take turns at least.
    """

    family: str
    name: str
    size: int | str = ""
    dtype: str = "float32"
    flops: float | None = None
    bytes: float | None = None
    rtol: float | None = None
    atol: float | None = None
    patience: float = 1.0
    min_rounds: int | None = None

    @property
    def group(self):
        """The name of the cell in pytest-benchmark's tables."""
        return " ".join(str(part) for part in (self.family, self.name, self.size, self.dtype)
                        if part != "")

    def tolerance(self):
        """(rtol, atol) for results of this dtype."""
        eps = np.finfo(self.dtype).eps if self.dtype.startswith("float") else 0
        return (256 * eps if self.rtol is None else self.rtol,
                16 * eps if self.atol is None else self.atol)


@dataclass
class Contender:
    """Who does the work: a library, the statement that is timed, and the names in it.

    result: the expression to compare with NumPy's after one call; by default the statement's own
    value. "": there is nothing to compare.
    """

    library: str
    statement: str
    names: dict = field(repr=False)
    result: str | None = None

    def first_result(self):
        """Run once and return what is to be compared."""
        if self.result is None:
            return eval(self.statement, self.names)
        exec(self.statement, self.names)
        return eval(self.result, self.names) if self.result else None


@dataclass(frozen=True)
class Effort:
    """How long to measure: seconds for each contender of a cell, seconds of a round, rounds."""

    seconds: float
    round_seconds: float
    min_rounds: int


# A round of 4 ms is 10^5 ticks of the clock; 5 rounds give quartiles. For --quick the figures only
# have to be plausible.
FULL = Effort(seconds=0.06, round_seconds=0.004, min_rounds=5)
QUICK = Effort(seconds=0.004, round_seconds=0.001, min_rounds=3)


class Comparison:
    """Measures a case; what the fixture `compare` gives to a test."""

    def __init__(self, benchmark, effort):
        """Keep pytest-benchmark's fixture of the test and how long to measure."""
        self._benchmark = benchmark
        self._effort = effort

    def __call__(self, case, contenders, **extra_info):
        """Check the contenders against each other, time them and hand the rounds over.

        extra_info: goes into the JSON with every contender, beside what the case says.

        Raises:
            AssertionError: a result is not NumPy's.
        """
        self._benchmark._mode = "compare(...)"  # the fixture has been used
        check_agreement(case, contenders)
        if self._benchmark.disabled:
            return
        rounds = take_turns(case, contenders, self._effort)
        for contender, (calls, seconds) in zip(contenders, rounds, strict=True):
            self._report(case, contender, calls, seconds, extra_info)

    def _report(self, case, contender, calls, seconds, extra_info):
        row = copy.copy(self._benchmark)
        row.name = contender.library
        row.fullname = f"{self._benchmark.fullname}[{contender.library}]"
        row.group = case.group
        row.extra_info = {"library": contender.library, "family": case.family, "case": case.name,
                          "size": case.size, "dtype": case.dtype, "flops": case.flops,
                          "bytes": case.bytes, **extra_info}
        stats = row._make_stats(calls)
        for duration in seconds:
            stats.update(duration)


def take_turns(case, contenders, effort):
    """Time the contenders, round by round.

    Returns: for each contender the number of calls in a round, and the seconds of each round.
    """
    timers = [timeit.Timer(c.statement, globals=c.names) for c in contenders]
    plans = [_plan(timer, case, effort) for timer in timers]
    samples = [[] if n_rounds else [once] for _, n_rounds, once in plans]
    for turn in range(max(n_rounds for _, n_rounds, _ in plans)):
        for i in range(len(timers)):
            k = (i + turn) % len(timers)
            calls, n_rounds, once = plans[k]
            if turn >= n_rounds:
                continue
            come_to_rest()
            if once < 0.01:  # longer calls do not notice that their threads were asleep
                timers[k].timeit(1)
            samples[k].append(timers[k].timeit(calls))
    return [(calls, seconds) for (calls, _, _), seconds in zip(plans, samples, strict=True)]


def _plan(timer, case, effort):
    """(calls in a round, rounds, seconds of a call): no rounds where one call was long enough."""
    calls, seconds = 1, timer.timeit(1)
    if seconds > case.patience:
        return 1, 0, seconds
    while seconds < effort.round_seconds:
        # at most tenfold: the first calls are slower than those that follow
        calls = min(10 * calls, math.ceil(1.2 * calls * effort.round_seconds / seconds))
        seconds = timer.timeit(calls)
    n_rounds = max(case.min_rounds or effort.min_rounds, math.ceil(effort.seconds / seconds))
    return calls, n_rounds, seconds / calls


def come_to_rest():
    """Wait until no other thread of this process runs any more, for at most half a second.

    OpenBLAS's threads keep looking for work for some 100 ms, OpenMP's for some ms, ours for less.
    """
    deadline = time.perf_counter() + 0.5
    while time.perf_counter() < deadline:
        time.sleep(0.001)
        if not others_run():
            return


def others_run():
    """Whether another thread of this process is running or waits for a processor.

    The system's own account of processor time will not do: it learns of a thread that runs on
    another processor only at that one's next tick, up to 10 ms later.
    """
    own = str(threading.get_native_id())
    for path in glob.glob("/proc/self/task/[0-9]*"):  # none where the system has no /proc
        try:
            with open(f"{path}/stat") as file:
                state = file.read().rpartition(")")[2].split()[0]
        except OSError:  # it has ended
            continue
        if state == "R" and not path.endswith(f"/{own}"):
            return True
    return False


def check_agreement(case, contenders):
    """Raise AssertionError unless each contender's result is NumPy's, within the tolerance."""
    libraries = [contender.library for contender in contenders]
    if REFERENCE not in libraries or OURS not in libraries:
        raise AssertionError(f"{case.group}: contenders are {libraries}: expected {OURS} and "
                             f"{REFERENCE} among them")
    rtol, atol = case.tolerance()
    expected = _arrays(contenders[libraries.index(REFERENCE)].first_result())
    for contender in contenders:
        if contender.library == REFERENCE:
            continue
        found = _arrays(contender.first_result())
        message = f"{case.group}: {contender.library} against {REFERENCE}"
        assert len(found) == len(expected), message
        for ours, theirs in zip(found, expected, strict=True):
            assert_close(ours, theirs, rtol, atol, message)


def _arrays(result):
    """A result, or a list of results, of any library as a list of ndarrays."""
    parts = result if isinstance(result, (tuple, list)) else [result]
    return [np.asarray(part) for part in parts if part is not None]


def assert_close(found, expected, rtol, atol, message):
    """As numpy.testing.assert_allclose, for large arrays too: block by block, in the cache."""
    assert found.shape == expected.shape, f"{message}: {found.shape}, not {expected.shape}"
    found, expected = found.reshape(-1), expected.reshape(-1)
    for start in range(0, found.size, 1 << 16):
        a, b = found[start:start + (1 << 16)], expected[start:start + (1 << 16)]
        if a.dtype.kind == b.dtype.kind == "f":
            if (np.abs(a - b) <= atol + rtol * np.abs(b)).all():
                continue
        elif (a == b).all():
            continue
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=message)
