"""What the figures were measured on: the machine and the versions, without names and paths; and
what the machine can do at most."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np


def describe(taking_part):
    """The machine, the libraries' versions and our build, a dictionary of what JSON can hold."""
    import pytensor as pt  # here, since processes of other libraries use the rest of this module

    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "caches": caches(),
        "memory": memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {
            "pytensor": pt.__version__,
            **{
                name: importlib.metadata.version(name)
                for name in taking_part
                if name not in ("pytensor", "naive")
            },
        },
        "numpy blas": numpy_blas(),
        "build_config": pt.build_config(),
    }


def header(found):
    """What was described, as lines of text."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    config = ", ".join(f"{name}: {value}" for name, value in found["build_config"].items())
    absent = "; ".join(f"{name} ({why})" for name, why in found["absent"].items()) or "nobody"
    return [
        f"machine: {found['processor']}, {found['cores']} cores, {found['caches']}, "
        f"{found['memory']}; threads: {', '.join(map(str, found['threads']))}",
        f"versions: python {found['python']}, {versions}; numpy's BLAS: {found['numpy blas']}",
        f"pytensor.build_config(): {config}",
        f"missing: {absent}",
    ]


def processor():
    """The processor's name."""
    text = _read("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in text.splitlines()
        if line.startswith("model name")
    ]
    return names[0] if names else platform.processor() or platform.machine()


def caches():
    """The data caches of the first core, such as "L1d 48K, L2 1024K, L3 32768K"."""
    found = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind, level = _read(index / "type"), _read(index / "level")
        if kind != "Instruction":
            found.append(f"L{level}{'d' * (kind == 'Data')} {_read(index / 'size')}")
    return ", ".join(found) or "caches unknown"


def memory():
    """The size of the memory."""
    try:
        n_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "memory unknown"
    return f"{n_bytes / 2**30:.0f} GiB"


def numpy_blas():
    """Name and version of the BLAS that NumPy multiplies with."""
    try:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    except (KeyError, TypeError):
        return "unknown"
    return f"{blas.get('name', '?')} {blas.get('version', '?')}"


def peak_kib():
    """The most memory that this process has had resident, KiB.

    getrusage will not do: its figure starts with that of the process that started this one.
    """
    lines = _read("/proc/self/status").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), None)


def module_bytes(name):
    """The size in bytes of an installed package's files, or None if they are not known."""
    files = importlib.metadata.files(name) or ()
    sizes = [file.locate().stat().st_size for file in files if file.locate().is_file()]
    editable = any(
        str(file).endswith("direct_url.json") and '"editable": true' in file.read_text()
        for file in files
    )
    return None if editable or not sizes else sum(sizes)


# Chains of fused multiply-adds that do not wait for each other: more than the latency of one (4
# cycles, on some processors 5) times the two that a core can start in a cycle. The vectors are as
# wide as the compiler's -march=native has them.
FMA = r"""
#if defined(__AVX512F__)
enum { BYTES = 64 };
#elif defined(__AVX__)
enum { BYTES = 32 };
#else
enum { BYTES = 16 };
#endif
#if defined(__x86_64__)
#define REGISTER "+x"
#else
#define REGISTER "+w"
#endif
typedef REAL vector __attribute__((vector_size(BYTES)));

// Variables of their own: an array of them would not stay in registers.
#define CHAINS 12
#define EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define START(j) vector acc##j = term * (REAL)j;
#define STEP(j) acc##j = acc##j * factor + term;
#define ADD(j) sum += acc##j;

double run(long flop)
{
    vector factor = {0}, term = factor + (REAL)1, sum = factor;
    __asm__("" : REGISTER(factor), REGISTER(term)); // not known to the compiler any more
    EACH(START)
    for (long i = flop / (2 * CHAINS * (BYTES / (long)sizeof(REAL))); i > 0; i--) {
        EACH(STEP)
    }
    EACH(ADD)
    return sum[0];
}
"""


def fma_kernel(dtype):
    """A function of a number of operations: it does as many, as fused multiply-adds in registers.

    Raises: OSError: there is no C compiler, or it does not know -march=native.
    """
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise OSError("no C compiler")
    with tempfile.TemporaryDirectory() as directory:
        library = Path(directory, "fma.so")
        done = subprocess.run(
            [
                compiler,
                "-shared",
                "-fPIC",
                "-O3",
                "-march=native",
                "-ffp-contract=fast",
                f"-DREAL={'float' if dtype == 'float32' else 'double'}",
                "-x",
                "c",
                "-",
                "-o",
                library,
            ],
            input=FMA,
            text=True,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise OSError(f"{compiler}: {done.stderr.strip()}")
        function = ctypes.CDLL(str(library)).run
    function.argtypes, function.restype = [ctypes.c_long], ctypes.c_double
    return function


class Copies:
    """Copies one large array onto another, in slices, with threads that exist already."""

    def __init__(self, source, n_threads):
        """Start the threads."""
        self._out = np.zeros_like(source)
        self._parts = list(
            zip(
                np.array_split(self._out, n_threads), np.array_split(source, n_threads), strict=True
            )
        )
        self._start = threading.Barrier(n_threads)
        self._end = threading.Barrier(n_threads)
        for part in self._parts[1:]:
            threading.Thread(target=self._work, args=part, daemon=True).start()

    def _work(self, out, source):
        while True:
            self._start.wait()
            np.copyto(out, source)
            self._end.wait()

    def copy(self):
        """Copy once; NumPy lets go of the interpreter meanwhile. Returns the copy."""
        self._start.wait()
        np.copyto(*self._parts[0])
        self._end.wait()
        return self._out


def run(code):
    """Run code in a fresh interpreter; returns what it prints."""
    return subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def _read(path):
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
