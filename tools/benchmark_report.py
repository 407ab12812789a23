"""Keep what matters of a benchmark run, one file for each machine, and show all of them in a page.

    pytest benchmarks --benchmark-json=run.json
    python tools/benchmark_report.py run.json --name zen4

writes benchmarks/results/zen4.json, which replaces that machine's former run; then
docs/benchmarks.md from all files there, and docs/images/benchmarks.png from the first of them
(--results, --output, --image). Without a run only the page and the picture are made.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

OURS, FUSED, NUMPY, NAIVE, BEFORE = "pytensor", "pytensor fused", "numpy", "naive", "before"
OUTSIDE_CACHES = 64e6  # bytes moved: from here on the bandwidth of the memory is a limit
NOISE = 1.03  # medians closer than that are level
# A cold call is shown where it takes so many times a warm one's time, and so many seconds longer:
# what it takes to wake a thread.
COLD, COLD_SECONDS = 1.5, 20e-6

NAMES = {
    "numpy": "NumPy",
    "torch": "PyTorch",
    "jax": "JAX",
    "jax scan": "JAX, one scan",
    "jax eager": "JAX, eager",
    "pytensor uint8": "pytensor, uint8 images",
    "pytensor checkpoint": "pytensor, 10 checkpoints",
    "before": "pytensor, the version before",
    "python": "Python alone",
    "naive": "naive loop",
}

# The families in the order of the page, each with what it shows.
FAMILIES = {
    "networks": "The forward pass of one sample or a batch (`predict_on_batch`) and one training "
    "step with its loss (`train_on_batch`), through each library's public API. JAX's step is "
    "compiled, PyTorch's is eager. For float64, pytensor uses `value_and_grad`.",
    "autodiff": "Value and gradient of a chain of 100 operations on 16 elements, and the product "
    "of its Hessian with a vector. NumPy's derivatives are written by hand. JAX runs compiled, and "
    "eagerly like the others.",
    "calls": "The cost of a call: operations on 16 elements.",
    "products": "`dot`; flop are 2 m n k. A *t* marks a transposed view.",
    "functions": "The handwritten functions of the op table.",
    "broadcasting": "Operands that have different shapes or are not contiguous.",
    "expressions": "Several operations together: the cost of temporaries.",
    "reductions": "Every reduction of the op table, over all elements and along an axis.",
    "element-wise": "Every element-wise row of the op table.",
    "threads": "Work of different kinds with one thread and with all.",
}


def title(library):
    """A library's name as it calls itself."""
    return NAMES.get(library, library.replace("numpy", "NumPy"))


# ------------------------------------------------------------------------ what is kept of a run


def condensed(run):
    """What is kept of pytest-benchmark's JSON: the machine, and of each cell its libraries' times.

    Times are in seconds, with four digits.
    """
    cells = {}
    for benchmark in run["benchmarks"]:
        info, stats = dict(benchmark["extra_info"]), benchmark["stats"]
        library = info.pop("library")
        own = {
            key: info.pop(key)
            for key in ("cold", "peak_bytes", "peak_kib", "installed_bytes")
            if info.get(key) is not None or info.pop(key, None)
        }
        if "cold" in own:
            own["cold"] = rounded(own["cold"])
        cell = cells.setdefault(benchmark["group"], {**info, "libraries": {}})
        cell["libraries"][library] = {
            **{key: rounded(stats[key]) for key in ("median", "q1", "q3", "min")},
            "bursts": stats["rounds"],
            **own,
        }
    commit = run.get("commit_info", {})
    return {
        "machine": run["machine_info"]["pytensor"],
        "date": str(run.get("datetime", ""))[:10],
        "commit": f"{str(commit.get('id'))[:10]}{' and changes' * bool(commit.get('dirty'))}",
        "cells": list(cells.values()),
    }


def rounded(seconds):
    """Four digits of a number."""
    return float(f"{seconds:.4g}")


def save(result, path):
    """Write what was condensed, a cell on a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    *head, cells = ({key: value} for key, value in result.items())
    lines = [json.dumps(part)[1:-1] for part in head]
    rows = ",\n  ".join(map(json.dumps, cells["cells"]))
    path.write_text("{" + ",\n ".join([*lines, f'"cells": [\n  {rows}]']) + "}\n")


@dataclass
class Cell:
    """One piece of work, and the statistics of each library that did it."""

    info: dict
    stats: dict

    def seconds(self, library):
        """The median time of a call, or None."""
        return self.stats[library]["median"] if library in self.stats else None

    @property
    def best_peer(self):
        """The fastest of the other libraries, NumPy apart; None if none took part."""
        peers = [
            name
            for name in self.stats
            if not name.startswith((OURS, NUMPY, BEFORE)) and name not in (NAIVE, "python")
        ]
        return min(peers, key=self.seconds, default=None)

    def speed(self, library):
        """How many times faster than a library we are, or None."""
        theirs, ours = self.seconds(library), self.seconds(OURS)
        return theirs and ours and theirs / ours

    def is_slower(self, library):
        """Whether we are slower beyond noise: by more than NOISE, the quartiles apart."""
        if library not in self.stats or OURS not in self.stats:
            return False
        ours, theirs = self.stats[OURS], self.stats[library]
        return ours["median"] > NOISE * theirs["median"] and ours["q1"] > theirs["q3"]

    def timed(self, library):
        """A library's time as text; with that of a cold call where it differs much."""
        if library not in self.stats:
            return ""
        warm, cold = self.seconds(library), self.stats[library].get("cold")
        if cold and cold > COLD * warm and cold - warm > COLD_SECONDS:
            return f"{duration(warm)} (cold {duration(cold)})"
        return duration(warm)


class Machine:
    """One machine's run: what it is, its cells, and the limits that follow from them."""

    def __init__(self, result):
        """Read what was condensed."""
        self.found, self.date, self.commit = result["machine"], result["date"], result["commit"]
        self.cells = []
        for info in result["cells"]:
            info = dict(info)
            self.cells.append(Cell(info, info.pop("libraries")))
        names = re.sub(r"\((R|TM)\)|@.*| CPU| Processor", "", self.found["processor"])
        self.name = f"{' '.join(names.split())}, {self.found['build_config']['instruction set']}"
        self.peaks = {dtype: self._peak(dtype) for dtype in ("float32", "float64")}

    def of(self, family, threads=None):
        """The cells of one family."""
        return [
            cell
            for cell in self.cells
            if cell.info["family"] == family and threads in (None, cell.info["threads"])
        ]

    @property
    def threads(self):
        """The most threads of the run."""
        return max(self.found["threads"])

    def _peak(self, dtype):
        """(flop/s of a core, how it is known), or None."""

        def rates(cells):
            return [
                cell.info["flops"] / stats["min"]
                for cell in cells
                if cell.info["dtype"] == dtype and cell.info["flops"]
                for stats in cell.stats.values()
            ]

        fma = rates(cell for cell in self.of("machine") if cell.info["case"] == "fma")
        if fma:
            return max(fma), "measured: fused multiply-adds in registers"
        products = rates(self.of("products", 1))
        return (max(products), "the fastest product of any library") if products else None

    def product_rate(self, dtype, threads):
        """The highest rate of any library in a product, flop/s, and whose; or None."""
        rates = [
            (cell.info["flops"] / stats["min"], title(library))
            for cell in self.of("products", threads)
            if cell.info["dtype"] == dtype
            for library, stats in cell.stats.items()
        ]
        return max(rates, default=None)

    def bandwidth(self, threads):
        """The rate of copying with so many threads, bytes read and written a second; or None."""
        rates = [
            cell.info["bytes"] / cell.seconds(NUMPY)
            for cell in self.of("machine", threads)
            if cell.info["case"] == "copy" and NUMPY in cell.stats
        ]
        return max(rates, default=None)

    def share_of_limit(self, cell, library=OURS):
        """A library's part of what the machine can do, or None where no limit is known."""
        info, seconds = cell.info, cell.seconds(library)
        if info["flops"] and seconds and self.peaks.get(info["dtype"]):
            return info["flops"] / seconds / (info["threads"] * self.peaks[info["dtype"]][0])
        bandwidth = self.bandwidth(info["threads"])
        if info["bytes"] and seconds and info["bytes"] >= OUTSIDE_CACHES and bandwidth:
            return info["bytes"] / seconds / bandwidth
        return None


def main(argv=None):
    """Keep the run if there is one, write the page and the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "run", type=Path, nargs="?", metavar="RUN.json", help="from --benchmark-json"
    )
    parser.add_argument("--name", help="of the machine's file; by default after its processor")
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--output", type=Path, default=Path("docs/benchmarks.md"))
    parser.add_argument("--image", type=Path, default=Path("docs/images/benchmarks.png"))
    options = parser.parse_args(argv)
    if options.run:
        run = json.loads(options.run.read_text())
        if "pytensor" not in run.get("machine_info", {}):
            parser.error(f"{options.run}: not a run of `pytest benchmarks`")
        result = condensed(run)
        name = options.name or re.sub(r"[^a-z0-9]+", "-", Machine(result).name.lower()).strip("-")
        save(result, options.results / f"{name}.json")
    paths = sorted(options.results.glob("*.json"))
    if not paths:
        parser.error(f"{options.results}: found no run: expected one as an argument")
    machines = [Machine(json.loads(path.read_text())) for path in paths]
    draw(machines[0], options.image)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    image = os.path.relpath(options.image, options.output.parent)
    options.output.write_text(page(machines, image))
    print(
        f"{options.output}, {options.image}: "
        f"{', '.join(f'{m.name}: {len(m.cells)} cells' for m in machines)}"
    )
    return 0


# --------------------------------------------------------------------------------- the page


def page(machines, image):
    """The page, Markdown."""
    parts = [
        HEAD.format(image=image),
        *machine_section(machines),
        *summary_section(machines),
        *lost_section(machines),
        *each(machines, "The version before", before_section),
        *each(machines, "MNIST epoch", mnist_section),
        *each(machines, "Import", import_section),
        *each(machines, "A process from start to end", process_section),
    ]
    families = dict.fromkeys(
        [
            *FAMILIES,
            *sorted(
                {cell.info["family"] for machine in machines for cell in machine.cells}
                - {"machine", "MNIST", "whole run", "import"}
            ),
        ]
    )
    for family in families:
        parts += each(
            machines,
            family,
            lambda machine, family=family: family_section(family, machine),
            FAMILIES.get(family),
        )
    return "\n".join(parts).rstrip() + "\n"


def each(machines, heading, section, text=None):
    """A section with the tables of every machine that has some, one below the other."""
    found = [(machine, section(machine)) for machine in machines]
    found = [(machine, lines) for machine, lines in found if lines]
    if not found:
        return []
    parts = [f"## {heading}\n", *([f"{text}\n"] if text else [])]
    for machine, lines in found:
        parts += [f"**{machine.name}**\n", *lines] if len(machines) > 1 else lines
    return parts


HEAD = """# Benchmarks

This page is generated; do not edit it. Each machine's tables come from one run there, which takes
about 35 minutes:

    pytest benchmarks --benchmark-json=run.json
    python tools/benchmark_report.py run.json --name MACHINE

The run's results are kept in `benchmarks/results/MACHINE.json`. Use `-k` to run a part of the
benchmarks, such as `-k "products and float32"`, or `--quick` to run all of the code in about two
minutes, with rough figures.

![Speed relative to NumPy]({image})

Each library runs in its own process, which stays open, with the same number of threads on the same
cores. While a process waits for its turn it is stopped, so it disturbs no one. Every benchmark
first checks that all results agree. Then the libraries take turns within a cell: nine bursts each,
of at least 20 ms of back-to-back calls, after one that does not count (fewer bursts if one call
takes a third of a second or longer). The time is the median over the bursts of the time per call,
with the thread pool awake and warm caches. The first call of a burst, when the threads are asleep
and the caches hold what others left, is timed separately; it is shown as *cold* if it takes at
least half as long again and at least 20 µs longer.

A speed of **2.0x** means half of the other library's time. ▼ marks what is slower beyond noise: the
median by more than 3 %, with quartiles that do not overlap. *Best peer* is the fastest of the other
libraries that took part. *Of limit* is the share of the machine's own limit: the rate of fused
multiply-adds of the cores in use, for work with floating-point operations to count, or the copy
bandwidth, for work that moves more bytes than the caches hold.
"""


def machine_section(machines):
    """What it was measured on, and the limits: a column for each machine."""
    rows = {}
    for i, machine in enumerate(machines):
        for key, value in describe(machine):
            rows.setdefault(key, [""] * len(machines))[i] = value
    rough = [
        f"{machine.name}: a run with `--quick`, the figures are rough.\n"
        for machine in machines
        if machine.found["quick"]
    ]
    return [
        "## Machines and builds\n",
        *rough,
        *table(
            ("", *(machine.name for machine in machines)),
            [(key, *values) for key, values in rows.items()],
            "---",
        ),
    ]


def describe(machine):
    """Pairs of a property and its value, texts."""
    found = machine.found
    yield from [
        ("processor", f"{found['processor']}, {found['cores']} cores"),
        ("threads of each library", ", ".join(map(str, found["threads"]))),
        ("caches of a core", found["caches"]),
        ("memory", found["memory"]),
    ]
    for dtype, peak in machine.peaks.items():
        if peak:
            yield (f"peak of a core, {dtype}", f"{peak[0] / 1e9:.0f} GFLOP/s ({peak[1]})")
    for dtype in machine.peaks:
        for threads in found["threads"]:
            rate = machine.product_rate(dtype, threads)
            if rate:
                yield (
                    f"fastest product, {dtype}, {threads} thread{'s' * (threads > 1)}",
                    f"{rate[0] / 1e9:.0f} GFLOP/s ({rate[1]})",
                )
    for threads in found["threads"]:
        bandwidth = machine.bandwidth(threads)
        if bandwidth:
            yield (
                f"copy bandwidth, {threads} thread{'s' * (threads > 1)}",
                f"{bandwidth / 1e9:.1f} GB/s (bytes read and written)",
            )
    yield "system", f"{found['system']}, Python {found['python']}"
    yield (
        "versions",
        ", ".join(f"{title(name)} {number}" for name, number in found["versions"].items()),
    )
    if found["absent"]:
        yield (
            "not measured",
            ", ".join(f"{title(name)}: {why}" for name, why in found["absent"].items()),
        )
    yield "NumPy's BLAS", found["numpy blas"]
    yield from (
        (f"`build_config()`: {key}", value)
        for key, value in found["build_config"].items()
        if "threads" not in key
    )
    yield from [("commit", machine.commit), ("date", machine.date)]


def summary_section(machines):
    """One row for each family and machine."""
    rows = []
    for family in FAMILIES:
        for machine in machines:
            chosen = machine.of(family)
            if family == "threads" or not chosen:
                continue
            with_peer = [cell for cell in chosen if cell.best_peer]
            rows.append(
                (
                    f"[{family}](#{family})",
                    *([machine.name] if len(machines) > 1 else []),
                    len(chosen),
                    times(mean_speed(chosen, lambda _: NUMPY)),
                    sum(cell.is_slower(NUMPY) for cell in chosen),
                    times(mean_speed(with_peer, lambda cell: cell.best_peer)),
                    sum(cell.is_slower(cell.best_peer) for cell in with_peer) if with_peer else "",
                )
            )
    return [
        "## At a glance\n",
        *table(
            (
                "family",
                *(["machine"] if len(machines) > 1 else []),
                "cells",
                "speed to NumPy (geometric mean)",
                "slower than NumPy",
                "speed to best peer",
                "slower than best peer",
            ),
            rows,
        ),
    ]


def mean_speed(cells, library_of):
    """The geometric mean of our speed relative to a library, or None."""
    speeds = [cell.speed(library_of(cell)) for cell in cells]
    speeds = [speed for speed in speeds if speed]
    return math.exp(sum(map(math.log, speeds)) / len(speeds)) if speeds else None


def lost_section(machines):
    """Which libraries died at what."""
    lines = [
        f"- {machine.name}: {lost['cell']}: {title(lost['library'])} is missing: {lost['why']}"
        for machine in machines
        for lost in machine.found["lost"]
    ]
    return ["## Libraries that were lost\n", "\n".join(lines) + "\n"] if lines else []


def before_section(machine):
    """Ours against an earlier version, a row for each family; then what has become slower."""
    cells = [cell for cell in machine.cells if BEFORE in cell.stats and OURS in cell.stats]
    if not cells:
        return []
    slower = [cell for cell in cells if cell.is_slower(BEFORE)]
    families = dict.fromkeys(cell.info["family"] for cell in cells)
    parts = [
        f"The same cells with {machine.found['before']}, in the same run.\n",
        *table(
            ("family", "cells", "speed to the version before (geometric mean)", "slower"),
            [
                (
                    family,
                    sum(cell.info["family"] == family for cell in cells),
                    times(
                        mean_speed(
                            [cell for cell in cells if cell.info["family"] == family],
                            lambda _: BEFORE,
                        )
                    ),
                    sum(cell.info["family"] == family for cell in slower),
                )
                for family in families
            ],
        ),
    ]
    if slower:
        rows = [
            (
                cell.info["family"],
                f"`{cell.info['case']}`",
                size_text(cell.info["size"]),
                cell.info["dtype"],
                cell.info["threads"],
                duration(cell.seconds(OURS)),
                duration(cell.seconds(BEFORE)),
                times(cell.speed(BEFORE)),
            )
            for cell in sorted(slower, key=lambda cell: cell.speed(BEFORE))
        ]
        heads = ("family", "operation", "size", "dtype", "threads", "now", "before", "speed")
        number = "1 cell is slower" if len(rows) == 1 else f"{len(rows)} cells are slower"
        parts += [f"<details><summary>{number}</summary>\n", *table(heads, rows), "</details>\n"]
    return parts


def mnist_section(machine):
    """The epoch, with what it takes at least."""
    parts = []
    for cell in machine.of("MNIST"):
        n, ours, flops = cell.info["size"], cell.seconds(OURS), cell.info["flops"]
        threads = cell.info["threads"]
        rows = [
            (
                title(name),
                duration(stats["median"]),
                f"{n / stats['median']:,.0f}",
                "" if name == OURS else f"{ours / stats['median']:.2f}",
                percent(machine.share_of_limit(cell, name)),
            )
            for name, stats in sorted(cell.stats.items(), key=lambda item: item[1]["median"])
        ]
        parts += [
            f"784-512-10, RMSprop, batches of 128, loss and accuracy of every step, {n:,} images "
            f"({cell.info['case'].removeprefix('epoch of ')}), {threads} "
            f"thread{'s' * (threads > 1)}.\n",
            *table(("library", "epoch", "images/s", "our time / theirs", "of peak"), rows),
        ]
        peak = machine.peaks["float32"]
        if peak:
            peak = peak[0] * threads
            parts.append(
                "Operations in an epoch: for each image and layer, 2 · inputs · outputs for the "
                "forward pass, as many for the gradient of the weights, and as many for the "
                "gradient of the input, which the first layer does not need: "
                f"{n:,} · (3 · 2 · (784 · 512 + 512 · 10) - 2 · 784 · 512) = {flops / 1e9:.1f} "
                f"GFLOP. At {peak / 1e9:.0f} GFLOP/s that is {duration(flops / peak)}.\n"
            )
    return parts


def import_section(machine):
    """What an import takes."""
    parts = []
    for cell in machine.of("import"):
        base = cell.seconds("python") or 0
        rows = [
            (
                title(name),
                duration(stats["median"]),
                duration(stats["median"] - base) if name != "python" else "",
                f"{stats['installed_bytes'] / 1e6:.0f} MB" if stats.get("installed_bytes") else "",
            )
            for name, stats in sorted(cell.stats.items(), key=lambda item: item[1]["median"])
        ]
        parts += table(
            (
                "",
                "a process that imports it",
                "beyond Python alone",
                "installed, without dependencies",
            ),
            rows,
        )
        if cell.info.get("editable"):
            parts.append(
                "pytensor was installed editable, which looks for changes at every "
                "import: no figure that counts.\n"
            )
    return parts


def process_section(machine):
    """Whole processes."""
    parts = []
    for cell in machine.of("whole run"):
        peaks = {name: stats.get("peak_kib") for name, stats in cell.stats.items()}
        rows = [
            (
                title(name),
                duration(stats["median"]),
                f"{peaks[name] / 1024:.0f} MiB" if peaks[name] else "",
                f"{peaks[OURS] / peaks[name]:.2f}" if peaks[name] and name != OURS else "",
            )
            for name, stats in sorted(cell.stats.items(), key=lambda item: item[1]["median"])
        ]
        parts += [
            f"Import, load {cell.info['size']:,} images, and train for one epoch.\n",
            *table(("library", "time", "most memory resident", "our memory / theirs"), rows),
        ]
    return parts


def family_section(family, machine):
    """The table of a family; folded where it is long."""
    cells = machine.of(family)
    if not cells:
        return []
    # columns of the families that have them
    extra = [name for name in (FUSED, NAIVE) if any(name in cell.stats for cell in cells)]
    several = len({cell.info["threads"] for cell in cells}) > 1
    heads = [
        "operation",
        "size",
        "dtype",
        *["threads"] * several,
        "pytensor",
        "NumPy",
        "best peer",
        "",
        "speed to NumPy",
        "speed to best peer",
        "of limit",
        *["speed to one thread"] * several,
    ]
    alone = {identity(cell): cell for cell in cells if cell.info["threads"] == 1}
    order = list(dict.fromkeys(map(identity, cells)))
    rows = []
    for cell in sorted(
        cells,
        key=lambda cell: (cell.info["dtype"], order.index(identity(cell)), cell.info["threads"]),
    ):
        info, peer = cell.info, cell.best_peer
        one = alone.get(identity(cell))
        rows.append(
            [
                f"`{info['case']}`",
                size_text(info["size"]),
                info["dtype"],
                *[info["threads"]] * several,
                cell.timed(OURS),
                cell.timed(NUMPY),
                cell.timed(peer),
                title(peer) if peer else "",
                compared(cell, NUMPY),
                compared(cell, peer),
                percent(machine.share_of_limit(cell)),
                *[times(one.seconds(OURS) / cell.seconds(OURS)) if one and one is not cell else ""]
                * several,
                *map(cell.timed, extra),
            ]
        )
    lines = table([*heads, *map(title, extra)], rows)
    if len(rows) > 60:
        lines = [f"<details><summary>{len(rows)} cells</summary>\n", *lines, "</details>\n"]
    return [*lines, *memory_tables(cells)]


def identity(cell):
    """What two cells have in common that differ in their threads only."""
    return cell.info["case"], cell.info["size"], cell.info["dtype"]


def memory_tables(cells):
    """The most memory at a time, of the cells that measured it."""
    lines = []
    for cell in cells:
        peaks = {
            name: stats["peak_bytes"] for name, stats in cell.stats.items() if "peak_bytes" in stats
        }
        if peaks:
            one = cell.info["operand_bytes"]
            rows = [
                (
                    title(name),
                    f"{size / 1e6:.1f} MB",
                    f"{size / one:.0f}",
                    duration(cell.seconds(name)),
                )
                for name, size in peaks.items()
            ]
            lines += [
                f"Memory of the `{cell.info['case']}`, {size_text(cell.info['size'])} elements:\n",
                *table(("", "most at a time", "in tensors of that size", "time"), rows),
            ]
    return lines


def compared(cell, library):
    """Our speed relative to a library, marked where we are slower; "" where there is none."""
    return times(cell.speed(library)) + " ▼" * cell.is_slower(library)


def table(heads, rows, align="---:"):
    """A Markdown table, a list with one text; align: of all columns but the first."""
    align = ["---", *[align] * (len(heads) - 1)]
    return [
        "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (heads, align, *rows)) + "\n"
    ]


def describe_short(machine):
    """The machine in one line, for the picture."""
    versions = machine.found["versions"]
    peers = ", ".join(
        f"{title(name)} {versions[name]}" for name in ("numpy", "torch", "jax") if name in versions
    )
    return f"{machine.name}, {machine.threads} threads each; {peers}"


def duration(seconds):
    """Three digits and a unit: 1.23 µs."""
    for unit, factor in (("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0)):
        if seconds < 999.5 * factor or unit == "s":
            value = seconds / factor
            digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
            return f"{value:.{digits}f} {unit}"
    raise AssertionError


def times(speed):
    """A speed with its sign: 2.3x; one digit more below ten."""
    return "" if speed is None else f"{speed:.{2 if speed < 9.995 else 0}f}x"


def percent(share):
    """A share of 1, in percent."""
    return "" if share is None else f"{100 * share:.0f} %"


def size_text(size):
    """A number of elements: 16, 1k, 1M."""
    if not isinstance(size, int):
        return size
    for factor, unit in ((1_000_000, "M"), (1_000, "k")):
        if size >= factor and size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)


# ------------------------------------------------------------------------------ the picture


def draw(machine, path):
    """Write the picture: a map of all operations of the op table, and bars for the rest."""
    try:
        import matplotlib
    except ImportError:
        raise SystemExit(
            "benchmark_report: matplotlib is missing: pip install 'pytensor-kernels[plot]'"
        ) from None
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 9, "font.family": "DejaVu Sans"})
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(15, 17), width_ratios=(1, 1), layout="constrained"
    )
    figure.suptitle(f"Speed relative to NumPy\n{describe_short(machine)}", fontsize=12)
    draw_map(figure, left, machine)
    draw_bars(right, machine)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_map(figure, axes, machine):
    """Operations by sizes and dtypes, coloured by our speed relative to NumPy."""
    chosen = [
        cell
        for family in ("element-wise", "reductions")
        for cell in machine.of(family)
        if isinstance(cell.info["size"], int)
    ]
    if not chosen:  # a run of a part
        axes.set_axis_off()
        return
    names = list(dict.fromkeys(cell.info["case"] for cell in chosen))
    sizes = sorted({cell.info["size"] for cell in chosen})
    # the first dtype of a row and the second one (float32 and float64 where it has them)
    speeds = [[math.nan] * (2 * len(sizes)) for _ in names]
    dtypes = {
        name: list(dict.fromkeys(c.info["dtype"] for c in chosen if c.info["case"] == name))
        for name in names
    }
    for cell in chosen:
        name = cell.info["case"]
        column = len(sizes) * dtypes[name].index(cell.info["dtype"]) + sizes.index(
            cell.info["size"]
        )
        speeds[names.index(name)][column] = math.log2(cell.speed(NUMPY))
    # PuOr stays readable with any colour vision; 16 times either way is its end
    image = axes.imshow(speeds, cmap="PuOr", vmin=-4, vmax=4, aspect="auto")
    for i, line in enumerate(speeds):
        for j, value in enumerate(line):
            if not math.isnan(value):
                axes.text(
                    j,
                    i,
                    f"{2**value:.2g}" if 2**value < 99.5 else f"{2**value:.0f}",
                    ha="center",
                    va="center",
                    fontsize=7.5,
                    color="white" if abs(value) > 2.6 else "black",
                )
    axes.set_xticks(range(2 * len(sizes)), [size_text(size) for size in sizes] * 2)
    axes.set_yticks(range(len(names)), names)
    axes.axvline(len(sizes) - 0.5, color="black", linewidth=1.5)
    axes.tick_params(top=True, labeltop=True, length=0)
    axes.set_xlabel("elements;  left: float32 (int32, bool),  right: float64 (int64)")
    axes.set_title("Every row of the op table: times as fast as NumPy", pad=22)
    bar = figure.colorbar(image, ax=axes, location="bottom", fraction=0.02, pad=0.03, extend="both")
    bar.set_ticks(range(-4, 5), labels=["1/16", "1/8", "1/4", "1/2", "1", "2", "4", "8", "16"])
    bar.set_label("times as fast as NumPy (orange: slower, purple: faster)")


FASTER, SLOWER = "#7B67A8", "#E89B3C"  # the two ends of the map, paler
MARKERS = {"torch": ("o", "black"), "jax": ("D", "white")}


def draw_bars(axes, machine):
    """Everything else in float32, with all threads: our speed as a bar, the peers' as marks.

    Of the dense layers those with a batch of 128.
    """
    families = ("MNIST", "networks", "autodiff", "products", "functions", "broadcasting", "calls")
    rows = [
        (family, cell)
        for family in families
        for cell in machine.of(family, machine.threads)
        if cell.info["dtype"] == "float32"
        and cell.speed(NUMPY)
        and (cell.info["case"] != "dense layer" or cell.info["size"].startswith("128x"))
    ]
    labels, seen = [], set()
    for i, (family, cell) in enumerate(rows):
        speed = cell.speed(NUMPY)
        axes.barh(i, speed - 1, left=1, height=0.72, color=FASTER if speed >= 1 else SLOWER)
        for name, (marker, color) in MARKERS.items():
            rivals = [n for n in cell.stats if n.startswith(name) and n != "jax eager"]
            if rivals:
                fastest = min(map(cell.seconds, rivals))
                axes.scatter(
                    cell.seconds(NUMPY) / fastest,
                    i,
                    s=20,
                    marker=marker,
                    color=color,
                    edgecolor="black",
                    linewidth=0.8,
                    zorder=3,
                    label=None if name in seen else title(name),
                )
                seen.add(name)
        name = cell.info["case"].replace(
            "epoch of ", "epoch of real " if "synth" not in cell.info["case"] else "epoch of "
        )
        labels.append(
            f"{name} {size_text(cell.info['size'])}"
            if family in ("networks", "products", "functions")
            else name
        )
        if i and rows[i - 1][0] != family:
            axes.axhline(i - 0.5, color="0.8", linewidth=0.8)
    axes.axvline(1, color="black", linewidth=1.2)
    axes.set_xscale("log", base=2)
    low, high = axes.get_xlim()
    axes.set_xlim(max(low, 1 / 32), min(high, 64))
    ticks = [2.0**k for k in range(-5, 7) if axes.get_xlim()[0] <= 2.0**k <= axes.get_xlim()[1]]
    axes.set_xticks(ticks, [f"1/{1 / tick:.0f}" if tick < 1 else f"{tick:.0f}" for tick in ticks])
    axes.set_yticks(range(len(rows)), labels, fontsize=8)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.set_xlabel("times as fast as NumPy (logarithmic); bars: pytensor, marks: its peers")
    axes.set_title("Networks, products, functions, calls (float32)", pad=22)
    if seen:
        axes.legend(loc="lower right", framealpha=1)


if __name__ == "__main__":
    sys.exit(main())
