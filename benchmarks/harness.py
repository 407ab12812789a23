"""How everything in this directory is timed and compared: the one place that knows.

A cell of the benchmark is one piece of work (an op at a size and a dtype) done by several
contenders: our kernel, NumPy, the plain Python loop, PyTorch, JAX. One test measures one cell.

Every library has a process of its own (worker.py), which stays open for the whole run, with the
same number of threads and on the same cores as the others. In one process their thread pools
would disturb each other: idle threads of PyTorch and of NumPy's BLAS spin for up to 100 ms after
their last job and take a core from whoever comes next. A process that has no turn is stopped
(SIGSTOP), whatever its threads are doing.

1. Every contender runs once; its result must agree with the reference, NumPy's if it takes part.
2. A burst that does not count finds out how many back-to-back calls last 20 ms, and warms up.
3. The contenders take turns, one burst each, in an order that rotates. What disturbs the machine
   for a second disturbs all of them alike; contenders measured one after the other would each meet
   a different machine.

The first call of a burst is the cold one: the pool sleeps, and the caches hold what the others
left. It is timed by itself. Some calls that are not timed wake the pool; then comes the burst.

pytest-benchmark times one function per test. Here its fixture is copied once per contender and gets
the bursts measured above, so tables, `--benchmark-json`, `--benchmark-compare` and
`--benchmark-disable` (agreement only, no timing) work as they always do. Nothing asserts a time.
"""

from __future__ import annotations

import contextlib
import copy
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field, replace
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
from libraries import Missing
from worker import pack, unpack

REFERENCE = "numpy"
OURS = "pytensor"
BEFORE = "before"  # an earlier version of ours, in an environment of its own
MARGIN = 1.1  # on the calls of a burst, which may be faster than those that warmed up
NEEDED = (OURS, REFERENCE)  # without these two there is no run; others may fail


@dataclass(frozen=True)
class Case:
    """What is measured.

    family: the table of the report that the cell belongs to.
    name, size, dtype: what tells the cells of a family apart. size is a number of elements, or a
    text such as "128x784x512".
    threads: of every contender; None: as many as the run has at most.
    flops, bytes: the work of one call, where the report shows a rate: arithmetic operations, and
    bytes that have to be read and written.
    rtol, atol: how far results may be from the reference; by default some roundings of the dtype.
    limit: seconds for each contender; calls that take long have fewer bursts, at least one.
    """

    family: str
    name: str
    size: int | str = ""
    dtype: str = "float32"
    threads: int | None = None
    flops: float | None = None
    bytes: float | None = None
    rtol: float | None = None
    atol: float | None = None
    limit: float = 3.0

    @property
    def group(self):
        """The name of the cell in pytest-benchmark's tables."""
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}" if self.threads else ""
        return " ".join(
            str(part)
            for part in (self.family, self.name, self.size, self.dtype, threads)
            if part != ""
        )

    def tolerance(self):
        """(rtol, atol) for results of this dtype."""
        eps = np.finfo(self.dtype).eps if self.dtype.startswith("float") else 0
        return (
            256 * eps if self.rtol is None else self.rtol,
            16 * eps if self.atol is None else self.atol,
        )


@dataclass
class Contender:
    """Who does the work: a library, the statement that is timed, and the names in it.

    library: the name in the tables; process: the library in whose process it runs, by default the
    first word of that name.
    inputs: names and their values, as NumPy arrays, which become the library's own, or as anything
    else that can be pickled.
    setup: Python that runs once before, among the library's names (libraries.py); it raises
    libraries.Missing where the library cannot do the work. Where the statement depends on the
    library, setup assigns it to the name `statement`.
    result: the expression to compare after one call; by default the statement's own value.
    "": there is nothing to compare.
    extra: an expression for a dictionary that goes into the JSON, evaluated at the end.
    """

    library: str
    statement: str
    inputs: dict = field(default_factory=dict, repr=False)
    setup: str = ""
    result: str | None = None
    extra: str = ""
    process: str = ""

    def __post_init__(self):
        """Fill in the process."""
        self.process = self.process or self.library.split()[0].rstrip(",")


@dataclass(frozen=True)
class Effort:
    """How long to measure: the number of bursts, how many seconds each of them lasts, and how many
    they may take together, whatever the case allows."""

    bursts: int
    burst_seconds: float
    limit: float = math.inf

    def plan(self, seconds, limit):
        """(calls in a burst, bursts) for a call that takes so many seconds."""
        calls = max(1, math.ceil(MARGIN * self.burst_seconds / seconds))
        return calls, min(self.bursts, max(1, int(min(limit, self.limit) / (calls * seconds))))


# For --quick the figures only have to be plausible.
FULL = Effort(bursts=9, burst_seconds=0.02)
QUICK = Effort(bursts=3, burst_seconds=0.001, limit=0.5)


@dataclass
class Bursts:
    """What was measured of a contender: calls in a burst, seconds of each burst and cold call."""

    calls: int = 1
    seconds: list = field(default_factory=list)
    cold: list = field(default_factory=list)

    @property
    def cold_median(self):
        """The median time of a cold call, or None."""
        return statistics.median(self.cold) if self.cold else None


class WorkerDied(Exception):
    """A library's process has ended or does not answer."""


class WorkFailed(Exception):
    """A library raised an error; the text has its traceback."""


class Worker:
    """The process of one library, stopped unless it has a turn."""

    def __init__(self, library, threads, cores, timeout, python=sys.executable):
        """Start it with an interpreter. threads: how many it may have, on as many of the cores;
        timeout: seconds."""
        self.library, self._timeout = library, timeout
        self._connection, theirs = Pipe()
        variables = {
            f"{name}_NUM_THREADS": str(threads)
            for name in ("PYTENSOR", "OPENBLAS", "OMP", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
        }
        # In a session of its own, out of reach of the terminal's Ctrl-C, which is ours to answer.
        self._process = subprocess.Popen(
            [
                python,
                str(Path(__file__).with_name("worker.py")),
                library,
                str(theirs.fileno()),
                ",".join(map(str, cores[:threads])),
            ],
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **variables},
        )
        theirs.close()

    @property
    def is_alive(self):
        """Whether the process runs or is stopped."""
        return self._process.poll() is None

    def send(self, *message):
        """Give it something to do, and let it go on.

        Raises:
            WorkerDied: it has ended.
        """
        self._process.send_signal(signal.SIGCONT)
        try:
            self._connection.send(message)
        except OSError:
            raise self._death() from None

    def receive(self):
        """Wait for the answer, then stop the process.

        Raises:
            Missing: the library cannot do this.
            WorkFailed: it raised an error.
            WorkerDied: there is no answer and will not be one.
        """
        try:
            if not self._connection.poll(self._timeout):
                self.kill()
                raise WorkerDied(f"{self.library}: no answer within {self._timeout:g} s")
            kind, value = self._connection.recv()
        except (EOFError, OSError):
            raise self._death() from None
        self._process.send_signal(signal.SIGSTOP)
        if kind == "missing":
            raise Missing(f"{self.library}: {value}")
        if kind == "error":
            raise WorkFailed(f"{self.library}: {value}")
        return value

    def ask(self, *message):
        """Send a message and return the answer."""
        self.send(*message)
        return self.receive()

    def _death(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self.kill()
        code = self._process.returncode
        how = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        return WorkerDied(f"{self.library}: its process has ended: {how}")

    def kill(self):
        """End the process, which may be stopped or hang."""
        self._process.kill()
        self._process.wait()
        self._connection.close()


class Crew:
    """The processes of a run, each started when it is first needed. A context manager."""

    def __init__(self, cores, timeout=300.0, before=None):
        """cores: those that may be used; timeout: seconds after which no answer is expected;
        before: the interpreter of an environment with an earlier version of ours."""
        self._cores, self._timeout = cores, timeout
        self.max_threads, self._before = len(cores), before
        self._workers, self._broken = {}, {}
        self.lost = {}  # (group of a cell, library): why it is missing there
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self._temporary = tempfile.TemporaryDirectory(prefix="benchmark-", dir=memory)
        self.directory = self._temporary.name

    def __enter__(self):
        """Return the crew."""
        return self

    def __exit__(self, *_):
        """End all processes."""
        self.close()

    def get(self, library, threads=None):
        """The library's worker; one that has died is replaced.

        Raises:
            WorkerDied: it does not start.
        """
        key = library, threads or self.max_threads
        if key in self._broken:
            raise WorkerDied(self._broken[key])
        if key not in self._workers or not self._workers[key].is_alive:
            python = self._before if library == BEFORE else sys.executable
            worker = self._workers[key] = Worker(*key, self._cores, self._timeout, python)
            try:
                worker.receive()  # it has imported its library
            except (WorkerDied, WorkFailed) as error:
                self._broken[key] = f"it does not start: {error}"
                raise WorkerDied(self._broken[key]) from None
        return self._workers[key]

    def with_before(self, contenders):
        """The contenders, and the earlier version's of ours if it takes part; a list."""
        ours = [c for c in contenders if c.process == OURS and self._before]
        return [
            *contenders,
            *(replace(c, library=c.library.replace(OURS, BEFORE), process=BEFORE) for c in ours),
        ]

    def close(self):
        """End all processes and remove their files."""
        for worker in self._workers.values():
            worker.kill()
        self._workers.clear()
        self._temporary.cleanup()


class Cell:
    """The contenders of one case at work, each in its library's process. A context manager."""

    def __init__(self, crew, case):
        """Nobody has been prepared yet."""
        self._crew, self._case = crew, case
        self._workers = {}  # by contender's library, those that are left

    def __enter__(self):
        """Return the cell."""
        return self

    def __exit__(self, *_):
        """Let the workers forget it all."""
        for worker in set(self._workers.values()):
            with contextlib.suppress(WorkerDied):
                worker.ask("clear")

    @contextlib.contextmanager
    def _may_lose(self, contender):
        """Leave a contender out that cannot do this, or, if there can be a run without it, that
        has died. An earlier version of ours may also fail."""
        try:
            yield
        except (WorkerDied, Missing, WorkFailed) as error:
            self._workers.pop(contender.library, None)
            failed = isinstance(error, WorkFailed) and contender.process != BEFORE
            if failed or contender.process in NEEDED:
                raise
            if isinstance(error, WorkerDied):
                self._crew.lost[self._case.group, contender.library] = str(error)

    def prepare(self, contenders):
        """Let everyone run once.

        Returns: {library: its result, a list of arrays} of those who did.
        """
        packed = {}  # by identity, since contenders share arrays
        results = {}
        for contender in contenders:
            inputs = {}
            for name, value in contender.inputs.items():
                if id(value) not in packed:
                    packed[id(value)] = pack(value, self._crew.directory)
                inputs[name] = packed[id(value)]
            with self._may_lose(contender):
                worker = self._crew.get(contender.process, self._case.threads)
                self._workers[contender.library] = worker
                parts = worker.ask(
                    "prepare",
                    contender.library,
                    contender.setup,
                    contender.statement,
                    contender.result,
                    inputs,
                    self._crew.directory,
                )
                results[contender.library] = [unpack(part) for part in parts]
        for path in packed.values():
            if isinstance(path, Path):
                path.unlink()
        return results

    def take_turns(self, contenders, effort):
        """Time those who are left: {library: Bursts}."""
        found, plans = {}, {}
        for contender in contenders:
            library = contender.library
            if library in self._workers:
                with self._may_lose(contender):
                    seconds = self._workers[library].ask("warm", library, effort.burst_seconds)
                    calls, n = effort.plan(seconds, self._case.limit)
                    # a long call is a burst by itself, the one to warm up included
                    found[library] = Bursts(calls, [seconds] if n == 1 else [])
                    plans[library] = 0 if n == 1 else n
        for contender in turns(
            [c for c in contenders if c.library in plans],
            lambda contender: plans[contender.library],
        ):
            library = contender.library
            if library in self._workers:
                calls = found[library].calls
                with self._may_lose(contender):
                    seconds, cold = self._workers[library].ask("burst", library, calls)
                    found[library].seconds.append(seconds)
                    found[library].cold += [cold] if cold else []
        return {library: bursts for library, bursts in found.items() if library in self._workers}

    def extra(self, contender):
        """The dictionary that goes into the JSON with this contender."""
        if not contender.extra:
            return {}
        return self._workers[contender.library].ask("evaluate", contender.library, contender.extra)


def turns(participants, n_turns):
    """Yield the participants round by round, the first one of a round in rotation; each of them
    n_turns(participant) times."""
    for turn in range(max(map(n_turns, participants), default=0)):
        for i in range(len(participants)):
            participant = participants[(i + turn) % len(participants)]
            if turn < n_turns(participant):
                yield participant


class Comparison:
    """Measures a case; what the fixture `compare` gives to a test."""

    def __init__(self, benchmark, crew, effort):
        """Keep pytest-benchmark's fixture of the test, the processes, and how long to measure."""
        self._benchmark, self._crew, self._effort = benchmark, crew, effort

    def __call__(self, case, contenders, **extra_info):
        """Check the contenders against each other, time them and hand the bursts over.

        extra_info: goes into the JSON with every contender, beside what the case says.

        Raises:
            AssertionError: a result is not the reference's.
            WorkerDied: pytensor or NumPy is missing.
            WorkFailed: a contender raised an error.
        """
        self._benchmark._mode = "compare(...)"  # the fixture has been used
        contenders = self._crew.with_before(contenders)
        with Cell(self._crew, case) as cell:
            check_agreement(case, cell.prepare(contenders))
            if self._benchmark.disabled:
                return
            found = cell.take_turns(contenders, self._effort)
            for contender in contenders:
                if contender.library in found:
                    self._report(
                        case,
                        contender,
                        found[contender.library],
                        {**extra_info, **cell.extra(contender)},
                    )

    def _report(self, case, contender, bursts, extra_info):
        row = copy.copy(self._benchmark)
        row.name = contender.library
        row.fullname = f"{self._benchmark.fullname}[{contender.library}]"
        row.group = case.group
        row.extra_info = {
            "library": contender.library,
            "family": case.family,
            "case": case.name,
            "size": case.size,
            "dtype": case.dtype,
            "flops": case.flops,
            "bytes": case.bytes,
            "threads": case.threads or self._crew.max_threads,
            "cold": bursts.cold_median,
            **extra_info,
        }
        stats = row._make_stats(bursts.calls)
        for seconds in bursts.seconds:
            stats.update(seconds)


def check_agreement(case, results):
    """Raise AssertionError unless each library's result is the reference's, within the tolerance.

    results: {library: a list of arrays}. The reference is NumPy, or else the first of them. An
    earlier version of ours may have had faults.
    """
    results = {library: found for library, found in results.items() if BEFORE not in library}
    reference = REFERENCE if REFERENCE in results else next(iter(results))
    rtol, atol = case.tolerance()
    for library, found in results.items():
        message = f"{case.group}: {library} against {reference}"
        assert len(found) == len(results[reference]), message
        for ours, theirs in zip(found, results[reference], strict=True):
            assert_close(ours, theirs, rtol, atol, message)


def assert_close(found, expected, rtol, atol, message):
    """As numpy.testing.assert_allclose, for large arrays too: block by block, in the cache."""
    assert found.shape == expected.shape, f"{message}: {found.shape}, not {expected.shape}"
    found, expected = found.reshape(-1), expected.reshape(-1)
    for start in range(0, found.size, 1 << 16):
        a, b = found[start : start + (1 << 16)], expected[start : start + (1 << 16)]
        if a.dtype.kind == b.dtype.kind == "f":
            if (np.abs(a - b) <= atol + rtol * np.abs(b)).all():
                continue
        elif (a == b).all():
            continue
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=message)
