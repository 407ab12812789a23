"""Shared by several test files: dtypes, memory layouts, code that runs in a separate process."""

import importlib.util
import os
import shutil
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

import pytensor as pt

settings.register_profile("suite", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("suite")

TESTS = Path(__file__).parent

KINDS = {
    "b": ("bool",),
    "i": ("int8", "int16", "int32", "int64"),
    "u": ("uint8", "uint16", "uint32", "uint64"),
    "f": ("float32", "float64"),
}
DTYPES = tuple(name for names in KINDS.values() for name in names)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Skips what needs safetensors where there is none, as on free-threaded CPython."""
    try:
        return (yield)
    except ImportError as error:
        if "safetensors" in str(error) and importlib.util.find_spec("safetensors") is None:
            pytest.skip(str(error))
        raise


def contiguous(array):
    """Return the array as a tensor in C order."""
    return pt.asarray(array.copy(order="C"))


def strided(array):
    """Return the same elements as every second one of a larger tensor, along each axis."""
    large = np.ones([2 * n + 1 for n in array.shape], array.dtype)
    inner = tuple(slice(1, None, 2) for _ in array.shape)
    large[inner] = array
    return pt.asarray(large)[inner]


def backwards(array):
    """Return the same elements, stored from last to first along each axis."""
    turned = tuple(slice(None, None, -1) for _ in array.shape)
    return pt.asarray(array[turned].copy())[turned]


def transposed(array):
    """Return the same elements in Fortran order."""
    return pt.asarray(array.T.copy()).T


LAYOUTS = {f.__name__: f for f in (contiguous, strided, backwards, transposed)}


def check_leaves(check, result, expected):
    """Call check on the leaves of nested lists, tuples and dictionaries of the same structure."""
    assert type(result) is type(expected)
    if isinstance(expected, dict):
        assert list(result) == list(expected)
        result, expected = list(result.values()), list(expected.values())
    if isinstance(expected, (list, tuple)):
        assert len(result) == len(expected)
        for part, expected_part in zip(result, expected, strict=True):
            check_leaves(check, part, expected_part)
    else:
        check(result, expected)


def run_python(code, *, timeout=60, cwd=None, **environment):
    """Run code in a new interpreter; return the finished process. A hang raises TimeoutExpired."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **environment},
        timeout=timeout,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def output_of(code, *, timeout=60, cwd=None, **environment):
    """Return what code prints in a new interpreter, which must exit with status 0."""
    process = run_python(code, timeout=timeout, cwd=cwd, **environment)
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def at_once(work, n=6):
    """Return the results of work(i) in n threads that start together."""
    barrier = threading.Barrier(n)

    def started(i):
        barrier.wait(timeout=30)
        return work(i)

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(started, range(n), timeout=120))


def preloading(name, directory):
    """Return an environment in which a process preloads tests/c/NAME.c, compiled in the directory.

    Libraries that this process preloads, a sanitizer's, come first.
    """
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        pytest.skip("there is no C compiler")
    library = directory / f"{name}.so"
    source = TESTS / "c" / f"{name}.c"
    subprocess.run(
        [
            compiler,
            "-shared",
            "-fPIC",
            "-O1",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-o",
            library,
            source,
            "-ldl",
        ],
        check=True,
    )
    before = os.environ.get("LD_PRELOAD", "").split()
    return {**os.environ, "LD_PRELOAD": " ".join([*before, str(library)])}


@pytest.fixture
def rng():
    """A generator of random numbers, the same in every test."""
    return np.random.default_rng(7)


@pytest.fixture
def threads():
    """A function that sets the number of threads until the end of the test."""
    before = pt.get_num_threads()
    yield pt.set_num_threads
    pt.set_num_threads(before)


@pytest.fixture(scope="session")
def keras():
    """Keras 3, on PyTorch if installed, else on JAX."""
    if "KERAS_BACKEND" not in os.environ:
        os.environ["KERAS_BACKEND"] = "torch" if importlib.util.find_spec("torch") else "jax"
    return pytest.importorskip("keras", reason="needs pytensor-kernels[oracles]")
