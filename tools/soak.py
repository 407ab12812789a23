"""Let the library work for long, and watch its memory: it must stay flat.

    python tools/soak.py [OPERATIONS]       by default 10**6

Runs operations of all kinds in turn, with errors among them; after a first tenth, in which caches
fill, resident memory, the allocator's bytes in use and Python's number of objects must not grow.
Exit status 1 if they do.
"""

from __future__ import annotations

import gc
import sys

import numpy as np

import pytensor as pt
from pytensor import nn

LIMIT = 4 << 20  # bytes that resident memory may grow: the interpreter's own unrest
SLACK = 200  # objects

RNG = np.random.default_rng(0)
A = pt.asarray(RNG.standard_normal((20, 30)).astype("float32"))
B = pt.asarray(RNG.standard_normal((30, 10)).astype("float32"))
FUSED = pt.fuse(lambda x, y: pt.tanh(x) * y + 1)


def fails(function, *arguments):
    """A call that is refused."""
    try:
        function(*arguments)
    except (TypeError, ValueError, IndexError):
        return
    raise AssertionError("no error")


OPERATIONS = [
    lambda: A + A * 2,
    lambda: A @ B,
    lambda: A.T[::2, 1:],
    lambda: A[A > 0],
    lambda: pt.sum(A, axis=0),
    lambda: A.reshape(-1)[5:],
    lambda: pt.asarray([[1, 2], [3, 4]]),
    lambda: A.tolist(),
    lambda: np.asarray(A),
    lambda: pt.asarray(np.asarray(A)),
    lambda: A.astype("int32"),
    lambda: pt.grad(lambda x: pt.sum(pt.tanh(x @ B)))(A),
    lambda: nn.linear(A, B, B[0]),
    lambda: pt.softmax(A),
    lambda: A.copy().__setitem__(0, 1.0),
    lambda: FUSED(A, A),
    lambda: np.from_dlpack(A),
    lambda: memoryview(A)[0, 0],
    lambda: pt.concat([A, A]),
    lambda: repr(A[0, 0]),
    lambda: pt.where(A > 0, A, -A),
    lambda: pt.argmax(A, axis=1),
    lambda: fails(pt.matmul, A, A),
    lambda: fails(A.__getitem__, 99),
    lambda: fails(pt.exp, "a"),
    lambda: fails(A.reshape, 7),
    lambda: pt.zeros((3, 0)).sum(),
    lambda: A[pt.asarray([0, 3])],
]


def resident():
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def measured():
    """(resident bytes, bytes in tensors, objects), garbage collected."""
    gc.collect()
    pt.memory.trim()
    return resident(), pt.memory.stats()["in_use"], len(gc.get_objects())


def main():
    """Run; say how much grew."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10**6
    rounds = -(-n // len(OPERATIONS))
    before = None
    for i in range(rounds):
        if i == rounds // 10:
            before = measured()
        for operation in OPERATIONS:
            operation()
    grown = [after - was for after, was in zip(measured(), before, strict=True)]
    flat = grown[0] < LIMIT and grown[1] == 0 and grown[2] < SLACK
    print(
        f"{rounds * len(OPERATIONS):,} operations: resident memory grew by "
        f"{grown[0] / 1024:.0f} KiB, tensors by {grown[1]} bytes, objects by {grown[2]}: "
        f"{'flat' if flat else 'a leak'}"
    )
    return int(not flat)


if __name__ == "__main__":
    status = main()
    if status:
        sys.exit(status)
