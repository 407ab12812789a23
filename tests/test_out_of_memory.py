"""Whatever allocation fails: MemoryError or the right result, nothing leaks, no tape is left
recording, and the same call works the next time. Of Python's own allocations, and of what the
kernels ask the system for; those of pytensor's allocator are test_memory.py's.

CPython's own test module lets the k-th allocation of its allocators fail, here for every k until
the operation is done. This file is the program of a process of its own as well."""

import functools
import gc
import importlib
import operator
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import TESTS, output_of, preloading, run_python

import pytensor as pt
from pytensor import _core, layers, models, nn, optimizers, utils

pytestmark = pytest.mark.once

A = pt.asarray(np.random.default_rng(0).standard_normal((13, 14)))
S = pt.asarray(np.arange(16, dtype="float32"))
NUMBERS = pt.asarray([3, 0, -1, 3])
UNSIGNED = pt.asarray([1, 2, 3, 4], dtype="uint64")
CUBE = pt.asarray(np.arange(24.0).reshape(2, 4, 3))
LIST = [[1.0, 2.0], [3.0, 4.0]]
ARRAY = np.arange(6.0).reshape(2, 3)
FUSED = pt.fuse(lambda x, y: (pt.exp(x * 2) + y, x - y))


def gradient():
    """A tape is entered, records, is exited and differentiates."""
    with pt.GradientTape() as tape:
        tape.watch(A)
        y = pt.sum(pt.tanh(A @ A.T) * 2.0)
    return tape.gradient(y, A)


def nested_tapes():
    with pt.GradientTape() as outer:
        outer.watch(A)
        with pt.GradientTape() as inner:
            inner.watch(A)
            y = pt.sum(A * A * A)
        g = inner.gradient(y, A)
    return outer.gradient(g, A)


def fused_under_a_tape():
    """A program is made while a tape records, which must continue to record afterwards."""
    with pt.GradientTape() as tape:
        tape.watch(S)
        f = pt.fuse(lambda x: x * 3.0 + 1.0)
        y = f(S[2:])
        assert _core.is_recording()
        z = pt.sum(y * y)
    return tape.gradient(z, S)


def assigned(key, value):
    t = A.copy()
    t[key] = value
    return t


def several_results():
    """A call with several results, recorded by record_call."""
    with pt.GradientTape() as tape:
        tape.watch(CUBE)
        first, second = pt.unstack(CUBE)
        y = pt.sum(first * second)
    return tape.gradient(y, CUBE)


def network(optimizer):
    utils.set_random_seed(0)
    net = models.Sequential(
        [
            layers.Dense(6, activation="relu", input_shape=(5,)),
            layers.Dense(3, activation="softmax"),
        ]
    )
    net.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


NET = network("sgd")
TRAINED = {
    "adam": network("adam"),
    "momentum": network(optimizers.SGD(momentum=0.9, nesterov=True)),
}
X = np.random.default_rng(1).standard_normal((8, 5)).astype("float32")
Y = np.arange(8) % 3


def train(optimizer):
    """A step; memory may run out when it is partly done."""
    return bool(TRAINED[optimizer].train_on_batch(X, Y)[0] >= 0)


# NumPy's own failures are left out: its indexing by masks and lists gives SystemError, and
# np.errstate, around each operation on complex numbers, ends the process.
WORK = {
    "creation": {
        "asarray of a number": lambda: pt.asarray(1.5),
        "asarray of a list": lambda: pt.asarray(LIST),
        "asarray of a list, with a dtype": lambda: pt.asarray(LIST, dtype="float64"),
        "asarray of an array": lambda: pt.asarray(ARRAY),
        "asarray of an array, with a dtype": lambda: pt.asarray(ARRAY, dtype=np.int32),
        "asarray of a range": lambda: pt.asarray(range(5)),
        "a copy of an array": lambda: pt.asarray(ARRAY.T, copy=True),
        "empty": lambda: pt.empty_like(NUMBERS[:0]),
        "zeros": lambda: pt.zeros((3, 4), dtype="int8"),
        "full": lambda: pt.full([2, 3], 7, dtype=np.float64),
        "arange": lambda: pt.arange(1000, 1010),
        "astype": lambda: A.astype("float32"),
        "to NumPy": lambda: np.asarray(A),
        "0-d to NumPy": lambda: A[0, 0].numpy(),
        "tolist": lambda: A.tolist(),
        "shape and dtype": lambda: (CUBE.shape, A.strides, str(A.dtype)),
        "item": lambda: A[0, 0].item() + float(A[1, 1]) + int(NUMBERS[0]),
    },
    "arithmetic": {
        "add": lambda: S + S,
        "a number": lambda: S + 1.5,
        "number - tensor": lambda: 2 - S,
        "an array": lambda: A[:2, :3] + ARRAY,
        "broadcast": lambda: CUBE + A[:4, :1],
        "power": lambda: S**2.5,
        "integers": lambda: NUMBERS < 2**70,
        "where": lambda: pt.where(A > 0, A, 0.5),
        "exp": lambda: pt.exp(A.T),
        "clip": lambda: pt.clip(A, -0.5, 0.5),
        "in place": lambda: operator.iadd(A.copy(), A),
        "into out": lambda: pt.exp(A, out=pt.empty_like(A)),
        "shapes that do not broadcast": functools.partial(operator.add, A, S),
        "an operand of another kind": functools.partial(operator.add, A, "text"),
        "dtypes of no common one": functools.partial(operator.add, NUMBERS, UNSIGNED),
    },
    "indexing": {
        "basic": lambda: A[1:, None, 2],
        "index array": lambda: S[NUMBERS],
        "out of range": functools.partial(operator.getitem, A, 99),
        "assign a number": lambda: assigned((slice(1, 3), 0), 1.5),
        "assign a tensor": lambda: assigned(slice(1, None), A[:-1]),
        "assign a list": lambda: assigned((0, slice(0, 2)), [1.0, 2.0]),
        "assign another shape": functools.partial(operator.setitem, A.copy(), 0, S),
    },
    "reductions and products": {
        "sum": lambda: pt.sum(A, axis=(0,), keepdims=True),
        "mean": lambda: A.mean(axis=-1),
        "argmax": lambda: pt.argmax(A, axis=0),
        "any": lambda: pt.any(A > 3, axis=[0, 1]),
        "no such axis": functools.partial(pt.sum, A, axis=5),
        "matmul": lambda: A @ A.T,
        "matmul with an array": lambda: A[:, :3] @ ARRAY.T,
        "a batch": lambda: CUBE @ CUBE.mT,
        "dot": lambda: pt.dot(A[0], A[1]),
        "dot of three axes": lambda: pt.dot(A[:, :4], CUBE.mT),
        "linear": lambda: nn.linear(A, A.T, A[:, 0], relu=True),
        "softmax": lambda: pt.softmax(A, axis=0),
        "cross-entropy": lambda: nn.sparse_softmax_cross_entropy(A, pt.arange(13)),
    },
    "shapes": {
        "reshape": lambda: A.T.reshape(2, -1),
        "permute_dims": lambda: pt.permute_dims(CUBE, (1, 0, 2)),
        "broadcast_to": lambda: pt.broadcast_to(S, (3, 16)),
    },
    "joining": {"concat": lambda: pt.concat([A, A[:2]]), "stack": lambda: pt.stack([S, S], axis=1)},
    "tapes": {
        "gradient": gradient,
        "nested": nested_tapes,
        "several results": several_results,
        "grad": lambda: pt.grad(lambda x: pt.sum(pt.sin(x)))(A),
        "jvp": lambda: pt.jvp(lambda x: pt.sin(x) @ A.T, (A,), (A,)),
        "checkpoint": lambda: pt.grad(lambda x: pt.sum(pt.checkpoint(pt.sin)(x)))(A),
    },
    "fuse": {
        "a known program": lambda: FUSED(S, 2.0),
        "a new program": lambda: pt.fuse(lambda x, y: pt.exp(x * 2) + y)(S, A[0, 0]),
        "what is not element-wise": lambda: pt.fuse(pt.sum)(S),
        "under a tape": fused_under_a_tape,
    },
    "training": {
        "predict_on_batch": lambda: NET.predict_on_batch(X),
        "train_on_batch": lambda: train("adam"),
        "train_on_batch with momentum": lambda: train("momentum"),
    },
}
# Groups that run functions written in Python, and the part of the failures that may leak something:
# CPython loses the arguments of a function with a closure when there is no memory for its cell.
IN_PYTHON = {"joining": 0, "tapes": 0.15, "fuse": 0.1, "training": 0.1}


def plain(result):
    """A value that can be compared by ==."""
    if isinstance(result, (list, tuple)):
        return [plain(part) for part in result]
    if isinstance(result, (pt.Tensor, np.ndarray)):
        array = np.asarray(result)
        return array.dtype.str, array.shape, array.tobytes()
    if isinstance(result, Exception):
        return type(result), str(result)
    return result


class Driver:
    """Runs one operation with every allocation failing."""

    def __init__(self, work):
        self.hooks = importlib.import_module("_testcapi")
        self.work = work
        self.swallowed = []
        sys.unraisablehook = lambda info: self.swallowed.append((info.exc_type, info.object))
        for _ in range(3):  # caches, lazy imports
            self.expected = plain(self.outcome())
        gc.collect()
        gc.freeze()
        gc.disable()
        self.in_use = self.bytes_in_use()
        self.n_leaks = 0

    def outcome(self):
        """What the operation returns or raises."""
        try:
            return self.work()
        except Exception as error:
            return error.with_traceback(None)

    def outcome_without_memory(self, k, stop):
        """The same with the allocations from the k-th to stop failing (0: all of them); and whether
        memory is still there."""
        sys._getframe()  # makes the frame an object now: CPython forgets an error that has none
        result = None
        is_left = True
        self.hooks.set_nomemory(k - 1, stop)
        try:
            result = self.work()
        except Exception as error:
            result = error
        try:
            bytearray(1)
        except MemoryError:
            is_left = False
        self.hooks.remove_mem_hooks()
        if isinstance(result, Exception):
            result.__traceback__ = None
        return result, is_left

    def bytes_in_use(self):
        gc.collect()
        return pt.memory.stats()["in_use"]

    def check(self, k, stop):
        """The operation with these failures; whether it is over before the first."""
        case = f"allocation {k}{'' if stop else ' and all after it'}"
        result, over = self.outcome_without_memory(k, stop)
        if not isinstance(result, MemoryError):
            assert plain(result) == self.expected, f"{case}: {result!r}"
        assert not _core.is_recording(), f"{case}: a tape records still ({result!r})"
        assert not self.swallowed, f"{case}: {self.swallowed}"
        result = None
        in_use = self.bytes_in_use()
        if in_use != self.in_use:
            self.n_leaks += 1
            print(f"{case}: {in_use - self.in_use} bytes leaked")
            self.in_use = in_use
        again = self.outcome()
        assert plain(again) == self.expected, f"{case}: the next call gave {again!r}"
        return over

    def drive(self, lost):
        """Every allocation: alone, and with all that follow. How many the operation makes."""
        n = 1
        while not self.check(n, 0):
            n += 1
        for k in range(1, n):
            self.check(k, k)
        assert self.n_leaks <= lost * 2 * n, f"{self.n_leaks} of {2 * n} failures leaked"
        return n - 1


if __name__ == "__main__":
    group = sys.argv[1]
    for name, work in WORK[group].items():
        print(f"{name}:", flush=True)
        print(Driver(work).drive(IN_PYTHON.get(group, 0)), "allocations", flush=True)


@pytest.fixture(scope="module")
def functions_may_fail():
    """Whether Python itself survives when there is no memory to make a function; 3.13 does not."""
    code = """
        import _testcapi

        def make():
            return lambda x: (x, make)

        for k in range(1, 20):
            for _ in range(50):
                _testcapi.set_nomemory(k - 1, k)
                try:
                    make()
                except MemoryError:
                    pass
                _testcapi.remove_mem_hooks()
            texts = [str((i, k)) for i in range(1000)]
    """
    return run_python(code).returncode == 0


@pytest.mark.parametrize("group", WORK)
def test_each_python_allocation_may_fail(group, request):
    pytest.importorskip("_testcapi", reason="needs CPython's own tests")
    if group in IN_PYTHON and not request.getfixturevalue("functions_may_fail"):
        pytest.skip("this Python crashes by itself when memory is out")
    untraced = {**os.environ, "COVERAGE_PROCESS_CONFIG": ""}  # coverage fails without memory
    process = subprocess.run(
        [sys.executable, __file__, group],
        timeout=120,
        capture_output=True,
        text=True,
        check=False,
        env=untraced,
    )
    assert process.returncode == 0, process.stdout[-1000:] + process.stderr[-3000:]
    counts = [
        int(line.split()[0])
        for line in process.stdout.splitlines()
        if line.endswith(" allocations")
    ]
    assert len(counts) == len(WORK[group]) and min(counts) > 0, process.stdout


# -------------------------------------------------------------- the kernels' calls of the system

KERNELS = """
    import ctypes, os, sys, warnings
    import numpy as np

    warnings.simplefilter("ignore")  # of threads that could not be started
    faults = ctypes.CDLL(None)
    faults.faults_failed.restype = ctypes.c_char_p

    def work():
        try:
            import pytensor as pt
            pt.set_num_threads(2)
            x = pt.asarray(np.arange(1_000_000.0))
            y = pt.fuse(lambda x: pt.sqrt(x) + 1)(x)
            m = pt.ones((300, 300))
            return float(pt.sum(y)), float((m @ m)[0, 0]), pt.zeros(3).tolist()
        except (MemoryError, ImportError) as error:
            return type(error).__name__, "no memory" in str(error)

    for k in range(60):
        sys.stdout.flush()
        if os.fork() == 0:
            faults.faults_arm(k)
            found = work()
            failed = faults.faults_failed().decode()
            faults.faults_arm(0)
            print(failed, found, work(), sep="|", flush=True)
            os._exit(0 if failed or k == 0 else 1)
        status = os.wait()[1]
        if status:
            print("the last ended with", status)
            break
"""


def test_each_system_call_of_the_kernels_may_fail(tmp_path):
    """At import and in work of all kinds. The next time all is well; but for the handlers of forks,
    which are registered at load: without them there is no import."""
    if "san" in os.environ.get("LD_PRELOAD", ""):
        pytest.skip("a sanitizer has malloc and its like to itself")
    environment = preloading("failing_memory", tmp_path)
    environment["OPENBLAS_NUM_THREADS"] = "3"  # of the user's, for another use of OpenBLAS
    cases = [line.split("|") for line in output_of(KERNELS, **environment).splitlines()]
    (_, expected, again), *cases, (done, *_), end = cases
    assert (done, end) == ("", ["the last ended with 256"]) and again == expected
    for k, (function, found, again) in enumerate(cases, 1):
        assert found in (expected, "('ImportError', True)", "('MemoryError', True)"), (k, function)
        assert again == (found if function == "pthread_atfork" else expected), (k, function)
    assert {function for function, *_ in cases} == {
        "calloc",
        "fopen",
        "mmap",
        "posix_memalign",
        "pthread_atfork",
        "pthread_create",
        "setenv",
        "strdup",
    }


@pytest.mark.parametrize(
    ("mebibytes", "n_threads", "warm"),
    [(4, 1, False), (4, 2, False), (50, 1, False), (50, 2, False), (16, 2, True)],
)
def test_a_product_without_memory_for_openblas(mebibytes, n_threads, warm):
    """OpenBLAS would end the process. With memory for one thread only, one thread computes."""
    code = f"""
        import warnings
        import pytensor as pt
        from limits import address_space
        warnings.simplefilter("ignore")  # of threads that could not be started
        # Few columns: of more, the tiles of our own compute the product.
        a, b = pt.ones((300, 300)), pt.ones((300, 20))
        if {warm}:
            a @ b
        with address_space({mebibytes} << 20):
            try:
                print(float((a @ b)[0, 0]))
            except MemoryError as error:
                print(error)
        print(float((a @ b)[0, 0]))
    """
    if "asan" in os.environ.get("LD_PRELOAD", ""):
        pytest.skip("a sanitizer's address space has no such limit")
    # Other threads reserve nothing meanwhile, for malloc or for NumPy.
    lines = output_of(
        code,
        timeout=30,
        cwd=TESTS,
        PYTENSOR_NUM_THREADS=str(n_threads),
        MALLOC_ARENA_MAX="1",
        OPENBLAS_NUM_THREADS="1",
    ).splitlines()
    expected = "matmul: no memory to pack the operands" if mebibytes < 32 and not warm else "300.0"
    assert lines == [expected, "300.0"]


def test_a_product_of_integers_needs_no_memory_of_openblas():
    code = """
        import pytensor as pt
        from limits import address_space
        a = pt.ones((300, 300), dtype="int64")
        with address_space(8 << 20):
            print((a @ a)[0, 0].item())
    """
    if "asan" in os.environ.get("LD_PRELOAD", ""):
        pytest.skip("a sanitizer's address space has no such limit")
    assert output_of(code, cwd=TESTS, PYTENSOR_NUM_THREADS="1") == "300"
