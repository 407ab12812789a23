"""Prove float32 correctly rounded, measure the errors of float64; write docs/accuracy.md.

    python tools/accuracy.py                    the whole: an hour or two on one core
    python tools/accuracy.py --stride 256 --samples 1000000 --pairs 1000000 --output page.md
                                                a few minutes

float32, one argument:  every N-th of the 2**32 inputs (--stride; by default all), on every
                        instruction set that this machine has; of these inputs every 64th for NumPy
                        and PyTorch.
float32, two arguments: --pairs random pairs (10**8; 10**9 take five to ten minutes a function) and
                        those known to be hard.
float64:                --samples random inputs (10**8).

Random inputs: half of them uniform over the interval where the function is interesting, half of
them random bit patterns, then all special values and hard cases; NumPy and PyTorch on the same.

The loops are the library's own, linked from the same static libraries; tools/accuracy.c judges
them: each float32 must be the one nearest to the true value, which glibc's double decides, with a
margin of 512 ULP, or else MPFR; of float64 and of other libraries the largest error counts. Needs
MPFR's headers, meson, ninja and cython; PyTorch where it is to be compared. Rows with one or two
floating-point inputs and a floating-point result join by themselves: one without a reference in
accuracy.c, and without a reason in LEFT_OUT, is an error. What is measured is kept in --results,
and not measured again while the sources that it depends on stay as they are. Exit status 1 if a
float32 of ours is not the nearest, or an error of float64 exceeds 1 ULP.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import itertools
import json
import math
import platform
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from importlib import metadata
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src" / "pytensor" / "_tables"))

from ops import ELEMENTWISE  # noqa: E402

del sys.path[0]  # pytensor's module random is not Python's

ISAS = ("baseline", "avx2", "avx512")
TITLES = {
    "baseline": "baseline",
    "avx2": "AVX2",
    "avx512": "AVX-512",
    "numpy": "NumPy",
    "torch": "PyTorch",
}
LIBRARIES = tuple(TITLES)
CHUNK = 1 << 20
PEER_STRIDE = 64
LIMIT = 1.0  # ULP: the promise
# Where half of the float64 samples of a row are drawn; elsewhere the op table's domain.
INTERVALS = {
    "exp": ((-750, 712),),
    "expm1": ((-3, 3),),
    "sigmoid": ((-40, 40),),
    "softplus": ((-40, 40),),
    "log": ((0, 4),),
    "log2": ((0, 4),),
    "log10": ((0, 4),),
    "log1p": ((-1, 3),),
    "sin": ((-100, 100),),
    "cos": ((-100, 100),),
    "tan": ((-100, 100),),
    "tanh": ((-3, 3),),
    "erf": ((-6, 6),),
    "sqrt": ((0, 9),),
    "pow": ((0, 4), (-200, 200)),
    "divide": ((-4, 4), (-4, 4)),
    "remainder": ((-99, 99), (-4, 4)),
    "acos": ((-1, 1),),
    "acosh": ((1, 4),),
    "asin": ((-1, 1),),
    "atanh": ((-1, 1),),
    "cosh": ((-20, 20),),
    "sinh": ((-20, 20),),
    "atan2": ((-4, 4), (-4, 4)),
    "logaddexp": ((-4, 4), (-4, 4)),
}
# Rows that choose among their inputs, or are tested against exact arithmetic elsewhere.
LEFT_OUT = {
    "maximum": "chooses an input",
    "minimum": "chooses an input",
    "relu_gradient": "chooses",
    "floor_divide": "test_op_table.py compares it with Python's integers and floats",
}
# Rows that never round: no comparison with others.
EXACT = {
    "abs",
    "negative",
    "positive",
    "sign",
    "relu",
    "round",
    "floor",
    "ceil",
    "trunc",
    "copysign",
    "nextafter",
}
PEER_NAMES = {"numpy": {"pow": "power"}, "torch": {}}

SPECIALS = [
    0.0,
    2.0**-1074,
    2.0**-1022,
    2.0**-149,
    2.0**-126,
    2.0**-60,
    0.5,
    1 - 2.0**-24,
    1.0,
    1.5,
    2.0,
    3.0,
    4.5,
    2.0**24,
    2.0**24 + 2,
    2.0**53,
    2.0**53 + 2,
    2.0**128 - 2.0**104,
    sys.float_info.max,
    math.inf,
    math.nan,
]
SPECIALS += [-x for x in SPECIALS]
# float64 inputs whose results lie closest to a tie, or to a multiple of pi/2 (Muller et al.,
# Handbook of Floating-Point Arithmetic, chapters 10 and 11), and the ends of ranges.
HARD = [
    float.fromhex(x)
    for x in (
        "0x1.6ac5b262ca1ffp+849",
        "0x1.9e9cbbfd6080bp-31",
        "0x1.62a88613629b5p+678",
        "0x1.921fb54442d18p+0",
        "0x1.921fb54442d18p+1",
        "0x1.62e42fefa39efp+9",
        "-0x1.74910d52d3051p+9",
        "-0x1.6232bdd7abcd2p+9",
        "0x1.fffffffffffffp-1",
        "0x1.0000000000001p+0",
    )
]
HARD += [-x for x in HARD]


class Worst(ctypes.Structure):
    """accuracy.c's worst_case."""

    _fields_ = (
        ("error", ctypes.c_double),
        ("x", ctypes.c_double),
        ("y", ctypes.c_double),
        ("misrounded", ctypes.c_uint64),
    )


def main(argv=None):
    """Measure what is not measured yet, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", help="rows to measure; by default all")
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--samples", type=int, default=10**8)
    parser.add_argument("--pairs", type=int, default=10**8)
    parser.add_argument(
        "--of", nargs="+", metavar="LIBRARY", help=f"some of {', '.join(LIBRARIES)}"
    )
    parser.add_argument("--dtype", choices=("float32", "float64"), help="by default both")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "accuracy")
    parser.add_argument("--results", type=Path, help="by default accuracy.json in --build")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "accuracy.md")
    argv = sys.argv[1:] if argv is None else argv
    options = parser.parse_args(argv)
    if min(options.stride, options.samples, options.pairs, options.threads) < 1:
        parser.error("--stride, --samples, --pairs and --threads: expected positive numbers")
    results_file = options.results or options.build / "accuracy.json"
    library = load(options.build)
    rows = measured_rows(library)
    unknown = set(options.rows) - {row.name for row in rows}
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: no row that is measured")

    wanted = [
        (row, dtype)
        for dtype in ("float32", "float64")
        for row in rows
        if row.name in (options.rows or [row.name])
    ]
    # those that never round last: what is done is kept
    wanted.sort(key=lambda cell: (cell[0].name in EXACT, len(cell[0].inputs), cell[1]))
    results = json.loads(results_file.read_text()) if results_file.exists() else {}
    for row, dtype in wanted:
        if dtype != (options.dtype or dtype):
            continue
        exhaustive = dtype == "float32" and len(row.inputs) == 1
        samples = options.pairs if dtype == "float32" else options.samples
        inputs = -(-(2**32) // options.stride) if exhaustive else samples
        known = results.setdefault(f"{row.name} {dtype}", {"worst": {}, "of": {}})
        plan = {name: [inputs, sources] for name, sources in sources_of(row).items()}
        stale = [name for name in plan if known["of"].get(name) != plan[name]]
        stale = [name for name in stale if name in (options.of or LIBRARIES)]
        if not stale:
            continue
        started = time.monotonic()
        job = Job(library, row, dtype, stale)
        job.run(
            strided(options.stride) if exhaustive else sampled(row, dtype, samples),
            options.threads,
            PEER_STRIDE if exhaustive else 1,
        )
        known["inputs"] = inputs
        known["worst"] |= job.found()
        known["of"] |= {name: plan[name] for name in stale}
        results_file.write_text(json.dumps(results, indent=1))
        print(
            f"{row.name:12} {dtype} {time.monotonic() - started:5.0f} s ",
            "  ".join(
                f"{name} {w.error:.4f} {w.misrounded or ''}" for name, w in job.worst.items()
            ),
            flush=True,
        )

    names = itertools.product((row.name for row in rows), ("float32", "float64"))
    cells = {key: results[" ".join(key)] for key in names if " ".join(key) in results}
    ours = [
        (key, name, worst)
        for key, cell in cells.items()
        for name, worst in cell["worst"].items()
        if name in ISAS
    ]
    wrong = [
        f"{' '.join(key)} on {name}: {worst['misrounded']} results not the nearest, "
        f"largest error {worst['error']:.4f} at {', '.join(worst['at'])}"
        for key, name, worst in ours
        if (worst["misrounded"] if key[1] == "float32" else worst["error"] > LIMIT)
    ]
    print(*wrong or [f"{options.output}: {len(ours)} cells, nothing wrong"], sep="\n")
    options.output.write_text(page(cells))
    return int(bool(wrong))


def load(build):
    """Build accuracy.c with the kernels; the library."""
    if not (build / "build.ninja").exists():
        subprocess.run(["meson", "setup", build, ROOT], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(
        ["ninja", "-C", build, "tools/libaccuracy.so"], check=True, stdout=subprocess.DEVNULL
    )
    library = ctypes.CDLL(str(build / "tools" / "libaccuracy.so"))
    library.accuracy_loop.restype = ctypes.c_bool
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    library.accuracy_loop.argtypes = (
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_bool,
        pointer,
        pointer,
        pointer,
        size,
    )
    library.accuracy_judge.restype = None
    library.accuracy_judge.argtypes = (
        ctypes.c_char_p,
        ctypes.c_bool,
        pointer,
        pointer,
        size,
        size,
        ctypes.POINTER(pointer),
        size,
        ctypes.POINTER(Worst),
    )
    return library


def measured_rows(library):
    """Rows with something to measure; SystemExit if one lacks a reference."""
    rows = [
        row
        for row in ELEMENTWISE
        if "f" in row.types
        and len(row.inputs) < 3
        and row.result == "same"
        and row.name not in LEFT_OUT
    ]
    for row in rows:
        if library.accuracy_inputs(row.name.encode()) != len(row.inputs):
            raise SystemExit(
                f"accuracy: {row.name}: no reference in tools/accuracy.c, and no reason in LEFT_OUT"
            )
    return rows


def sources_of(row):
    """A digest of what the row's loops are made from, by instruction set; others' versions."""
    kernels = ROOT / "src" / "kernels"
    files = {
        *(kernels / "math").glob("math_*.h"),
        kernels / "math" / "exact_f32.c",
        kernels / "loops" / "elementwise_loop.h",
        kernels / "loops" / "dtype_functions.h",
        kernels / "meson.build",
    }
    not_read = {
        "baseline": ("vector", "avx512", "quick"),
        "avx2": ("avx512", "quick"),
        "avx512": (),
    }
    digests = {}
    for isa in (ISAS[i] for i in instruction_sets()):
        found = sorted(f for f in files if not any(word in f.name for word in not_read[isa]))
        text = b"".join(path.read_bytes() for path in found) + repr(row.c).encode()
        digests[isa] = hashlib.sha256(text).hexdigest()[:16]
    return digests | {name: metadata.version(name) for name in peers_of(row.name)}


def instruction_sets():
    """Indices in ISAS of those that this machine has."""
    if platform.machine() != "x86_64":
        return [0]
    flags = set(Path("/proc/cpuinfo").read_text().split("flags", 1)[1].split("\n")[0].split())
    needed = (set(), {"avx2", "fma"}, {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"})
    return [i for i in range(3) if needed[i] <= flags]


# -------------------------------------------------------------------------------- inputs


def strided(stride):
    """Every stride-th float32, in chunks; one argument."""
    for start in range(0, 2**32, CHUNK * stride):
        bits = start + np.arange(CHUNK, dtype=np.uint64) * stride
        yield (bits.astype(np.uint32).view(np.float32),)


def sampled(row, dtype, samples):
    """Special values and hard cases, then random ones, in chunks; one array per argument."""
    rng = np.random.default_rng([ELEMENTWISE.index(row), len(row.inputs)])
    intervals = INTERVALS.get(row.name, row.domain)
    known = [*SPECIALS, *HARD, *(math.nextafter(x, to) for x in HARD for to in (0, math.inf))]
    first = np.array(list(itertools.product(known, repeat=len(row.inputs)))).T
    if dtype == "float32" and row.name in HARD_PAIRS:
        first = np.hstack([first, HARD_PAIRS[row.name]()])
    for start in range(0, samples, CHUNK):
        arguments = []
        for k, (low, high) in enumerate(intervals):
            if row.name == "pow" and start // CHUNK % 2:  # results that neither vanish nor overflow
                low, high = ((0.96, 1.04), (-9000, 9000))[k]
            x = rng.uniform(low, high, CHUNK).astype(dtype)
            unsigned = np.dtype(dtype.replace("float", "uint"))
            x[1::2] = rng.integers(
                0, 2 ** (8 * unsigned.itemsize), CHUNK // 2, dtype=unsigned
            ).view(dtype)
            if start == 0:
                with np.errstate(over="ignore"):
                    x[: first.shape[1]] = first[k].astype(dtype)
            arguments.append(x)
        yield tuple(arguments)


def hard_powers():
    """Powers that are floats or ties between two, and neighbours: x = m^k, y = a/k."""
    pairs = []
    for k in (1, 2, 4, 8, 16):
        for a in (1, *range(2, 18), 21, 25):
            most = min(2 ** (25 / a), 2 ** (24 / k))
            m = np.arange(1, int(most) + 1, dtype=np.float64)
            x, y = m[-4096:] ** k, a / k
            for scale in (1.0, 2.0 ** (-8 * k), -1.0):
                pairs.append((scale * x, np.full(x.size, y)))
    x, y = (np.concatenate(part).astype(np.float32) for part in zip(*pairs, strict=True))
    up, down = (np.nextafter(y, np.float32(to)) for to in (np.inf, 0))
    return np.array([np.tile(x, 3), np.concatenate([y, up, down])])


def hard_hypotenuses():
    """Pythagorean triples: hypotenuses of 25 bits are ties."""
    m, n = np.meshgrid(np.arange(2, 5793), np.arange(1, 5793, 37))
    hypotenuse = m * m + n * n
    good = (n < m) & (hypotenuse >= 2**24) & (hypotenuse < 2**25) & (hypotenuse % 2 == 1)
    m, n = m[good], n[good]
    x, y = (m * m - n * n).astype(np.float32), (2 * m * n).astype(np.float32)
    scales = np.array([[1.0], [2.0**-149], [2.0**90]])
    return np.array([(scales * x).ravel(), (scales * y).ravel()])


def hard_quotients():
    """Quotients that are ties between subnormal floats, where the angle is 2^-300 less."""
    odd = np.arange(1, 4097, 2, dtype=np.float64)
    pairs = [(odd * 2.0 ** (k - 150), np.full(odd.size, 2.0**k)) for k in range(1, 128)]
    y, x = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return np.array([np.concatenate([y, -y]), np.concatenate([x, x])])


HARD_PAIRS = {"pow": hard_powers, "hypot": hard_hypotenuses, "atan2": hard_quotients}


# ------------------------------------------------------------------------------- the search


class Job:
    """The largest errors of one row and dtype, by library."""

    def __init__(self, library, row, dtype, names):
        """Nothing found yet of the libraries and instruction sets in names."""
        self.library, self.row, self.dtype = library, row, dtype
        self.own = {name: partial(self.loop, ISAS.index(name)) for name in ISAS if name in names}
        self.peers = {name: f for name, f in peers_of(row.name).items() if name in names}
        self.worst = {}

    def run(self, chunks, threads, peer_stride):
        """Judge all chunks; the peers on every peer_stride-th input."""

        def work(numbered):
            number, arguments = numbered
            got = {name: f(*arguments) for name, f in self.own.items()}
            found = self.judged(arguments, got)
            if self.peers:  # on some of the inputs
                some = tuple(
                    np.ascontiguousarray(x[number % peer_stride :: peer_stride]) for x in arguments
                )
                with np.errstate(all="ignore"):
                    theirs = {name: f(*some) for name, f in self.peers.items()}
                found += self.judged(some, theirs)
            return found

        with ThreadPoolExecutor(threads) as pool:
            numbered = enumerate(chunks)
            while batch := list(itertools.islice(numbered, 8 * threads)):
                for found in pool.map(work, batch):
                    for name, worst in found:
                        known = self.worst.setdefault(name, Worst())
                        worst.misrounded += known.misrounded
                        self.worst[name] = max(known, worst, key=lambda w: w.error)
                        self.worst[name].misrounded = worst.misrounded

    def loop(self, isa, *arguments):
        """The results of a loop of ours."""
        out = np.empty_like(arguments[0])
        pointers = [x.ctypes.data for x in arguments]
        op = ELEMENTWISE.index(self.row)
        if not self.library.accuracy_loop(
            isa, op, self.dtype == "float64", pointers[0], pointers[-1], out.ctypes.data, out.size
        ):
            raise SystemExit(f"accuracy: {self.row.name}: no loop for {self.dtype}")
        return out

    def judged(self, arguments, results):
        """[(library, Worst)]."""
        if not results:
            return []
        arrays = [np.ascontiguousarray(array) for array in results.values()]
        assert all(
            array.dtype == arguments[0].dtype and array.shape == arguments[0].shape
            for array in arrays
        )
        pointers = (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))
        worst = (Worst * len(arrays))()
        for name, w in zip(results, worst, strict=True):
            if name in self.worst:
                known = self.worst[name]
                w.error, w.x, w.y = known.error, known.x, known.y
        self.library.accuracy_judge(
            self.row.name.encode(),
            self.dtype == "float64",
            arguments[0].ctypes.data,
            arguments[-1].ctypes.data,
            len(arrays) * (results.keys() <= self.own.keys()),
            len(arrays),
            pointers,
            arguments[0].size,
            worst,
        )
        return list(zip(results, worst, strict=True))

    def found(self):
        """{library: the largest error, where it is, how many results are not the nearest}."""
        return {
            name: {
                "error": w.error,
                "at": [float.hex(v) for v in (w.x, w.y)[: len(self.row.inputs)]],
                "misrounded": w.misrounded,
            }
            for name, w in self.worst.items()
        }


def peers_of(name):
    """The functions of other libraries on NumPy arrays, by library."""
    if name in EXACT:
        return {}
    peers = {}
    ufunc = getattr(np, PEER_NAMES["numpy"].get(name, name), None)
    if isinstance(ufunc, np.ufunc):
        peers["numpy"] = ufunc
    try:
        import torch
    except ImportError:
        return peers
    torch.set_num_threads(1)
    function = getattr(torch, PEER_NAMES["torch"].get(name, name), None)
    if function is not None:
        peers["torch"] = lambda *x: function(*map(torch.from_numpy, x)).numpy()
    return peers


# ----------------------------------------------------------------------------------- the page

HEAD = """# Accuracy

This page is generated by `python tools/accuracy.py`; do not edit it. It lists the largest error of
every floating-point function, in ULP (units in the last place of the true result; 0.5 is correct
rounding, the best possible).

**float32 is correctly rounded** on every instruction set: each result is the float nearest to the
true value, so that there is one right answer. Functions of one number are checked for all 2^32
inputs, or as many evenly spaced ones as the second table says (NumPy and PyTorch: every
{peer_stride}th), functions of two for as many random pairs, and up to 520,000 that are known to be
hard: exact ties and their neighbours. Fewer than 2^32 are no proof; no result was wrong. The
true value is glibc's in double, which is taken to be within 2^-44 of it (512 ULP of double; glibc
documents 4). Where that leaves two floats, and wherever a result is not the one, MPFR decides with
640 bits. Square roots, sums, products and quotients are rounded to double and then to float, which
is correct for them (Figueroa 1995).

**float64 is within 1 ULP.** Errors are found by comparing with long double and, where it matters,
confirmed with MPFR (to 10^-5), on {samples} random inputs, half of them uniform where the
function is interesting, half of them random bit patterns, and all special values and hard cases;
NumPy and PyTorch get the same inputs. Wrong infinities count as 2^128 or 2^1024; a wrong NaN, or a
zero with the wrong sign, counts as ∞. `logaddexp` is a sum that cancels where e^x + e^y is near 1;
its errors are in ULP of the largest of |x|, |y|, log 2 and the result.

A subset is tested on every commit (`pytest tests/test_accuracy.py`). Measured on {machine},
{today}; {versions}. Not measured here, because they choose among their inputs or the tests compare
them with exact arithmetic: {left_out}.

Sums are added in blocks, pairwise: the error of a sum of n float32 numbers is at most
(42 + log2(n / 1024)) 2^-24 sum|x|. `src/kernels/loops/reduce.h` has the scheme and the bound for
every dtype; the tests compare with `math.fsum`.
"""


def page(cells):
    """The page, Markdown: its beginning, and tables of cells."""
    samples = {cell["inputs"] for (_, dtype), cell in cells.items() if dtype == "float64"}
    versions = f"NumPy {np.__version__}"
    if any("torch" in cell["worst"] for cell in cells.values()):
        versions += f", PyTorch {metadata.version('torch')}"
    parts = [
        HEAD.format(
            samples=" or ".join(f"{n:,}" for n in sorted(samples, reverse=True)),
            peer_stride=PEER_STRIDE,
            machine=processor(),
            today=date.today(),
            versions=versions,
            left_out=", ".join(f"`{name}`" for name in LEFT_OUT),
        )
    ]
    for dtype in ("float32", "float64"):
        found = {name: cell for (name, of), cell in cells.items() if of == dtype}
        columns = [
            name for name in LIBRARIES if any(name in cell["worst"] for cell in found.values())
        ]
        heads = [TITLES[name] for name in columns]
        parts.append(f"## {dtype}\n")
        parts.append(
            table(
                ["function", *heads],
                [
                    [
                        f"`{name}`",
                        *(
                            ulp(
                                cell["worst"].get(column),
                                name not in EXACT and dtype == "float32" and column in ISAS,
                            )
                            for column in columns
                        ),
                    ]
                    for name, cell in found.items()
                ],
            )
        )
        if dtype == "float32":
            ours = [name for name in columns if name in ISAS]
            parts.append("How many inputs were compared:\n")
            parts.append(
                table(
                    ["function", *(TITLES[name] for name in ours)],
                    [
                        [f"`{name}`", *(count(cell, library) for library in ours)]
                        for name, cell in found.items()
                    ],
                )
            )
        parts.append("<details><summary>the inputs of these errors</summary>\n")
        parts.append(
            table(
                ["function", *heads],
                [
                    [f"`{name}`", *(at(cell["worst"].get(column)) for column in columns)]
                    for name, cell in found.items()
                ],
            )
        )
        parts.append("</details>\n")
    return "\n".join(parts)


def count(cell, library):
    """How many inputs were compared."""
    n = cell["of"].get(library, [0])[0]
    return "" if n == 0 else f"2^{n.bit_length() - 1}" if n & (n - 1) == 0 else f"{n:,}"


def table(heads, rows):
    """A Markdown table."""
    align = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (heads, align, *rows)) + "\n"


def ulp(worst, is_proved=False):
    """An error for the page, rounded up, but for accuracy.c's MARGIN. is_proved: only results near
    ties have one; if there was none, all were nearest."""
    if worst is None:
        return ""
    error = worst["error"] or 0.5 * is_proved
    if math.isinf(error):
        return "∞"
    if error == 0:
        return "0"
    return f"{math.ceil(error * 1e3 - 0.02) / 1e3:.3f}" if error < 100 else f"{error:.3g}"


def at(worst):
    """Where it is, for the page."""
    return "`" + ", ".join(map(short, worst["at"])) + "`" if worst and worst["error"] else ""


def short(text):
    """A hexadecimal number without zeros at its end."""
    mantissa, _, exponent = text.partition("p")
    if not exponent:
        return text
    return (mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa) + "p" + exponent


def processor():
    """The machine's processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main())
