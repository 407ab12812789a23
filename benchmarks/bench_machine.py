"""What the machine can do: the limits that the report holds the other figures against."""

import importlib.util
import subprocess
import threading

import libraries
import machine
import numpy as np
import pytest
import samples
import threadpoolctl
from measure import Case, Contender

import pytensor as pt


@pytest.mark.parametrize("n", [512, 1024, 2048, 4096])
def test_sgemm_peak(n, compare, quick):
    """The product of two square matrices; the best rate of all sizes counts as the peak."""
    if quick and n > 1024:
        pytest.skip("takes long")
    arrays = {"x": samples.uniform((n, n)), "y": samples.uniform((n, n), seed=1)}
    compare(Case("machine", "sgemm", f"{n}x{n}", flops=2 * n**3, rtol=1e-3, atol=1e-4 * n**0.5,
                 patience=60),
            [libraries.ours("x @ y", **arrays), libraries.numpy("x @ y", **arrays),
             *libraries.peers("x @ y", **arrays)])


class Copies:
    """Copies one large array onto another, in slices, with threads that exist already."""

    def __init__(self, source, n_threads):
        """Start the threads."""
        self._out = np.zeros_like(source)
        self._parts = list(zip(np.array_split(self._out, n_threads),
                               np.array_split(source, n_threads), strict=True))
        self._start = threading.Barrier(n_threads)
        self._end = threading.Barrier(n_threads)
        self._run = True
        for part in self._parts[1:]:
            threading.Thread(target=self._work, args=part, daemon=True).start()

    def _work(self, out, source):
        while self._start.wait() >= 0 and self._run:
            np.copyto(out, source)
            self._end.wait()

    def copy(self):
        """Copy once; NumPy lets go of the interpreter meanwhile. Returns the copy."""
        self._start.wait()
        np.copyto(*self._parts[0])
        self._end.wait()
        return self._out

    def stop(self):
        """Let the threads end."""
        self._run = False
        self._start.wait()


def test_copy_bandwidth(compare, quick):
    """memcpy of 256 MiB into memory that is mapped, with one thread and with all; ours beside it.

    A copy reads and writes every byte: that counts as two.
    """
    source = samples.uniform((4 if quick else 64) * 2**20)
    threads = pt.get_num_threads()
    one, all_threads = Copies(source, 1), Copies(source, threads)
    contenders = [libraries.ours("pt.positive(x)", x=source),
                  Contender("numpy", "copies.copy()", {"copies": one})]
    if threads > 1:
        contenders.append(Contender(f"numpy, {threads} threads", "copies.copy()",
                                    {"copies": all_threads}))
    try:
        compare(Case("machine", "copy", source.size, bytes=2 * source.nbytes), contenders)
    finally:
        one.stop()
        all_threads.stop()


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("name", ["exp", "matmul"])
def test_threads(name, n_threads, compare):
    """How the pool scales: the same work with one thread and with two."""
    if n_threads > pt.get_num_threads():
        pytest.skip("fewer cores")
    before = pt.get_num_threads()
    x = samples.uniform((1024, 1024))
    pt.set_num_threads(n_threads)
    call = f"{name}(x, x)" if name == "matmul" else f"{name}(x)"
    pools = threadpoolctl.ThreadpoolController()  # NumPy's BLAS; ours has one thread always
    pools = pools.select(filepath=[p["filepath"] for p in pools.info() if "numpy" in p["filepath"]])
    try:
        with pools.limit(limits=n_threads):
            compare(Case("threads", f"{name} 1024x1024", f"{n_threads} threads", rtol=1e-3,
                         atol=1e-3),
                    [libraries.ours(f"pt.{call}", x=x), libraries.numpy(f"np.{call}", x=x)],
                    threads=n_threads)
    finally:
        pt.set_num_threads(before)


def run(code):
    """Run code in a fresh interpreter."""
    subprocess.run(machine.command(code), check=True, stdout=subprocess.DEVNULL)


def test_import(compare, quick):
    """The start of an interpreter that imports a library; "python" imports nothing.

    In an editable install of ours the import looks whether something has to be rebuilt: only a
    regular install has a figure that counts.
    """
    found = {"pytensor": "import pytensor", "numpy": "import numpy", "python": "pass"}
    found |= {name: f"import {name}" for name in ("torch", "jax")
              if name in libraries.chosen and importlib.util.find_spec(name)}
    contenders = [Contender(name, f"run({code!r})", {"run": run}, result="")
                  for name, code in found.items()]
    sizes = {name: machine.module_bytes(distribution)
             for name, distribution in (("pytensor", "pytensor-kernels"), ("numpy", "numpy"),
                                        ("torch", "torch"), ("jax", "jaxlib"))
             if name in found}
    compare(Case("import", "import", "", "", patience=60, min_rounds=1 if quick else 5),
            contenders, installed_bytes=sizes, editable=sizes["pytensor"] is None)

