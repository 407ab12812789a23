"""The process of one library: `python worker.py LIBRARY FD CORES`; harness.py starts it.

Messages on the connection FD are tuples of a command's name and its arguments; each is answered by
("done", value), ("missing", why) or ("error", traceback).
"""

from __future__ import annotations

import ctypes
import math
import os
import signal
import sys
import tempfile
import timeit
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

import libraries
import numpy as np

INLINE = 4096  # bytes; larger arrays go through files in memory
WAKING = 0.1  # of a burst: so long calls go on untimed before it, for the pool to be awake


def pack(value, directory):
    """A value as it goes over the connection: of a large array, the Path of a file with it."""
    if not isinstance(value, np.ndarray) or value.nbytes <= INLINE:
        return value
    descriptor, path = tempfile.mkstemp(".npy", dir=directory)
    with open(descriptor, "wb") as file:
        np.save(file, value)
    return Path(path)


def unpack(value):
    """What was packed; the file is read as it is needed, and its name is gone."""
    if not isinstance(value, Path):
        return value
    array = np.load(value, mmap_mode="r")
    value.unlink()
    return array


class Jobs:
    """The work that was prepared, by the names of the contenders."""

    def __init__(self, names, convert):
        """names: what every statement sees; convert: makes an array the library's own."""
        self._names, self._convert = names, convert
        self._jobs = {}

    def prepare(self, name, setup, statement, result, inputs, directory):
        """Set a job up and run it once; returns what is to be compared, a list."""
        names = dict(self._names)
        for key, value in inputs.items():
            value = np.load(value) if isinstance(value, Path) else value
            names[key] = self._convert(value) if isinstance(value, np.ndarray) else value
        exec(setup, names)
        statement = names.get("statement", statement)
        if result is None:
            found = eval(statement, names)
        else:
            exec(statement, names)
            found = eval(result, names) if result else []
        self._jobs[name] = timeit.Timer(statement, globals=names), names
        parts = found if isinstance(found, (tuple, list)) else [found]
        return [pack(np.asarray(part), directory) for part in parts if part is not None]

    def warm(self, name, burst_seconds):
        """A burst to warm up; returns the seconds of a call in it."""
        timer, _ = self._jobs[name]
        calls, seconds = 1, timer.timeit(1)
        while seconds < burst_seconds / 2:
            # at most tenfold: the first calls are slower than those that follow
            calls = min(10 * calls, math.ceil(calls * burst_seconds / seconds))
            seconds = timer.timeit(calls)
        if calls > 1:  # warm by now
            seconds = timer.timeit(calls)
        return seconds / calls

    def burst(self, name, calls):
        """(seconds of so many calls, seconds of the cold one before them or None)."""
        timer, _ = self._jobs[name]
        if calls == 1:  # long as it is, it does not notice that its threads were asleep
            return timer.timeit(1), None
        cold = timer.timeit(1)
        timer.timeit(math.ceil(WAKING * calls))
        return timer.timeit(calls), cold

    def evaluate(self, name, expression):
        """The value of an expression among the job's names."""
        return eval(expression, self._jobs[name][1])

    def clear(self):
        """Forget all jobs."""
        self._jobs.clear()


def die_with_parent():
    """Let the system end this process when its parent ends, even while it is stopped (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main(library, descriptor, cores):
    """Import the library and answer until the connection ends."""
    die_with_parent()
    if hasattr(os, "sched_setaffinity"):  # XLA has no option for its threads: it counts the cores
        os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    connection = Connection(int(descriptor))
    jobs = None
    while True:
        try:
            if jobs is None:  # the answer to the start
                jobs, value = Jobs(*libraries.load(library)), None
            else:
                command, *arguments = connection.recv()
                value = getattr(jobs, command)(*arguments)
            answer = "done", value
        except EOFError:
            return
        except libraries.Missing as error:
            answer = "missing", str(error)
        except Exception:
            answer = "error", traceback.format_exc()
        connection.send(answer)
        if jobs is None:  # there is no library to work with
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
