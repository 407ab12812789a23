"""Turn the saved JSON of a benchmark run into a page and a picture.

    pytest benchmarks --benchmark-json=run.json
    python tools/benchmark_report.py run.json

writes docs/benchmarks.md and docs/images/benchmarks.png (--output, --image).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from dataclasses import dataclass
from pathlib import Path

OURS, FUSED, NUMPY, NAIVE = "pytensor", "pytensor fused", "numpy", "naive"
OUTSIDE_CACHES = 64e6  # bytes moved: from here on the bandwidth of the memory is a limit
NOISE = 1.03  # medians closer than that are level

NAMES = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX", "jax scan": "JAX, one scan",
         "jax eager": "JAX, eager", "pytensor uint8": "pytensor, uint8 images",
         "pytensor checkpoint": "pytensor, 10 checkpoints",
         "python": "Python alone", "naive": "naive loop"}

# The families in the order of the page, each with what it shows.
FAMILIES = {
    "networks": "One sample or batch forward (`predict_on_batch`), one step with its loss "
                "(`train_on_batch`), through the public API of each library.",
    "autodiff": "Value and gradient of a chain of 100 operations on 16 elements, and the product "
                "of its Hessian with a vector. NumPy: derived by hand. JAX: compiled, and eager as "
                "the others are.",
    "calls": "What a call costs: operations on 16 elements.",
    "products": "`dot`; flop are 2 m n k. A *t* marks a transposed view.",
    "functions": "The handwritten functions of the op table.",
    "broadcasting": "Operands of different shapes, or with steps in memory.",
    "expressions": "Several operations at once: what temporaries cost.",
    "reductions": "Every reduction of the op table: of all elements, and along an axis.",
    "element-wise": "Every element-wise row of the op table.",
    "threads": "With one thread each, and with two.",
}


def title(library):
    """A library's name as it calls itself."""
    return NAMES.get(library, library.replace("numpy", "NumPy"))


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
        peers = [name for name in self.stats
                 if not name.startswith((OURS, NUMPY)) and name not in (NAIVE, "python")]
        return min(peers, key=self.seconds, default=None)

    def speed(self, library):
        """How many times faster than a library we are, or None."""
        theirs = self.seconds(library)
        return theirs and theirs / self.seconds(OURS)

    def is_slower(self, library):
        """Whether we are slower beyond noise: by more than NOISE, the quartiles apart."""
        ours, theirs = self.stats[OURS], self.stats[library]
        return ours["median"] > NOISE * theirs["median"] and ours["q1"] > theirs["q3"]


def main(argv=None):
    """Read the run, write the page and the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, metavar="RUN.json", help="from --benchmark-json")
    parser.add_argument("--output", type=Path, default=Path("docs/benchmarks.md"))
    parser.add_argument("--image", type=Path, default=Path("docs/images/benchmarks.png"))
    options = parser.parse_args(argv)
    run = json.loads(options.run.read_text())
    if "pytensor" not in run.get("machine_info", {}):
        parser.error(f"{options.run}: not a run of `pytest benchmarks`")
    cells = read(run["benchmarks"])
    draw(cells, describe_short(run["machine_info"]["pytensor"]), options.image)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    image = os.path.relpath(options.image, options.output.parent)
    options.output.write_text(page(run, cells, image))
    print(f"{options.output}, {options.image}: {len(cells)} cells")
    return 0


def read(benchmarks):
    """The cells of a run, in the order in which they were measured."""
    cells = {}
    for benchmark in benchmarks:
        info = benchmark["extra_info"]
        cell = cells.setdefault(benchmark["group"], Cell(info, {}))
        cell.stats[info["library"]] = benchmark["stats"]
    return list(cells.values())


def of_family(cells, family):
    """The cells of one family."""
    return [cell for cell in cells if cell.info["family"] == family]


# ------------------------------------------------------------------------------- the limits


def sgemm_peak(cells):
    """The machine's highest rate in a float32 product, flop/s, by whichever library; or None."""
    rates = [cell.info["flops"] / stats["min"] for cell in of_family(cells, "machine")
             if cell.info["flops"] for stats in cell.stats.values()]
    return max(rates, default=None)


def copy_bandwidth(cells):
    """The machine's highest rate of copying, bytes read and written a second; or None."""
    rates = [cell.info["bytes"] / stats["median"] for cell in of_family(cells, "machine")
             if cell.info["bytes"] for name, stats in cell.stats.items() if name != OURS]
    return max(rates, default=None)


def share_of_limit(cell, peak, bandwidth):
    """Our part of what the machine can do, or None where neither limit applies."""
    info, seconds = cell.info, cell.seconds(OURS)
    if info["flops"] and peak and info["dtype"] == "float32":
        return info["flops"] / seconds / peak
    if info["bytes"] and info["bytes"] >= OUTSIDE_CACHES and bandwidth:
        return info["bytes"] / seconds / bandwidth
    return None


# --------------------------------------------------------------------------------- the page


def page(run, cells, image):
    """The page, Markdown."""
    peak, bandwidth = sgemm_peak(cells), copy_bandwidth(cells)
    parts = [HEAD.format(image=image), *machine_section(run, cells, peak, bandwidth),
             *summary_section(cells), *mnist_section(cells, peak), *process_section(cells)]
    known = [*FAMILIES, *sorted({cell.info["family"] for cell in cells}
                                - {*FAMILIES, "machine", "MNIST", "whole run", "import"})]
    for family in known:
        chosen = of_family(cells, family)
        if chosen:
            parts += family_section(family, chosen, peak, bandwidth)
    return "\n".join(parts).rstrip() + "\n"


HEAD = """# Benchmarks

Generated from one run, not edited:

    pytest benchmarks --benchmark-json=run.json
    python tools/benchmark_report.py run.json

![Speed relative to NumPy]({image})

Every benchmark first checks that all results agree with NumPy's. The libraries take turns within a
cell, with the same number of threads each; a time is the median over the rounds, of one call.
A speed of **2.0x** means half of the other's time. ▼ marks what is slower beyond noise: the median
by more than 3 %, and the quartiles do not overlap. *Best peer* is the fastest of the other
libraries that took part. *Of limit* is the share of the machine's own limit: its highest float32
rate in any product for what has floating-point operations to count, its copy bandwidth for what
moves more bytes than the caches hold.
"""


def machine_section(run, cells, peak, bandwidth):
    """What it was measured on, and the limits."""
    found = run["machine_info"]["pytensor"]
    commit = run.get("commit_info", {})
    versions = ", ".join(f"{title(name)} {number}"
                         for name, number in found["versions"].items())
    rows = [
        ("processor", f"{found['processor']}, {found['cores']} cores in use"),
        ("caches of a core", found["caches"]), ("memory", found["memory"]),
        ("system", f"{found['system']}, Python {found['python']}"), ("versions", versions),
        ("NumPy's BLAS", found["numpy blas"]),
        *((f"`build_config()`: {key}", value) for key, value in found["build_config"].items()),
        ("commit", f"{str(commit.get('id'))[:10]}{' and changes' * bool(commit.get('dirty'))}"),
        ("date", str(run.get("datetime", ""))[:10]),
    ]
    if peak:
        rates = {name: max(cell.info["flops"] / cell.stats[name]["min"]
                           for cell in of_family(cells, "machine")
                           if cell.info["flops"] and name in cell.stats)
                 for cell in of_family(cells, "machine") if cell.info["flops"]
                 for name in cell.stats}
        rows.append(("sgemm peak", "; ".join(
            f"{title(name)} {rate / 1e9:.0f} GFLOP/s" for name, rate in rates.items())))
    for cell in of_family(cells, "machine"):
        if cell.info["bytes"]:
            rows.append(("copy bandwidth", "; ".join(
                f"{title(name)} {cell.info['bytes'] / stats['median'] / 1e9:.1f} GB/s"
                for name, stats in cell.stats.items()) + " (bytes read and written)"))
    rough = ["This was a run with `--quick`: the figures are rough.\n"] if found["quick"] else []
    return [*rough, "## Machine and build\n", *table(("", ""), rows, "---")]


def summary_section(cells):
    """One row for each family."""
    rows = []
    for family in FAMILIES:
        chosen = of_family(cells, family)
        if family == "threads" or not chosen:
            continue
        with_peer = [cell for cell in chosen if cell.best_peer]
        rows.append((
            f"[{family}](#{family})", len(chosen), times(mean_speed(chosen, lambda _: NUMPY)),
            sum(cell.is_slower(NUMPY) for cell in chosen),
            times(mean_speed(with_peer, lambda cell: cell.best_peer)),
            sum(cell.is_slower(cell.best_peer) for cell in with_peer) if with_peer else "",
        ))
    return ["## At a glance\n",
            *table(("family", "cells", "speed to NumPy (geometric mean)", "slower than NumPy",
                    "speed to best peer", "slower than best peer"), rows)]


def mean_speed(cells, library_of):
    """The geometric mean of our speed relative to a library, or None."""
    speeds = [cell.speed(library_of(cell)) for cell in cells]
    return math.exp(sum(map(math.log, speeds)) / len(speeds)) if speeds else None


def mnist_section(cells, peak):
    """The epoch, with what it takes at least."""
    parts = []
    for cell in of_family(cells, "MNIST"):
        n, ours, flops = cell.info["size"], cell.seconds(OURS), cell.info["flops"]
        rows = [(title(name), duration(stats["median"]), f"{n / stats['median']:,.0f}",
                 "" if name == OURS else f"{ours / stats['median']:.2f}",
                 percent(peak and flops / stats["median"] / peak))
                for name, stats in sorted(cell.stats.items(), key=lambda item: item[1]["median"])]
        parts += [
            f"## MNIST epoch\n\n784-512-10, RMSprop, batches of 128, loss and accuracy of every "
            f"step, {n:,} images ({cell.info['case'].removeprefix('epoch of ')}).\n",
            *table(("library", "epoch", "images/s", "our time / theirs", "of sgemm peak"), rows),
            "Operations of an epoch: for each image and layer 2 · inputs · outputs forward, as "
            "many for the gradient of the weights, and as many for the gradient of the input, "
            "which the first layer does not need: "
            f"{n:,} · (3 · 2 · (784 · 512 + 512 · 10) - 2 · 784 · 512) = {flops / 1e9:.1f} GFLOP. "
            + (f"At {peak / 1e9:.0f} GFLOP/s that is {duration(flops / peak)}; what is between "
               "is everything that is no product.\n" if peak else "\n")]
    return parts


def process_section(cells):
    """Import and whole processes."""
    parts = []
    for cell in of_family(cells, "import"):
        sizes, base = cell.info["installed_bytes"], cell.seconds("python") or 0
        rows = [(title(name), duration(stats["median"]),
                 duration(stats["median"] - base) if name != "python" else "",
                 f"{sizes[name] / 1e6:.0f} MB" if sizes.get(name) else "")
                for name, stats in sorted(cell.stats.items(), key=lambda item: item[1]["median"])]
        parts += ["## Import\n",
                  *table(("", "a process that imports it", "beyond Python alone",
                          "installed, without dependencies"), rows)]
        if cell.info.get("editable"):
            parts.append("pytensor was installed editable, which looks for changes at every "
                         "import: no figure that counts.\n")
    for cell in of_family(cells, "whole run"):
        peaks = cell.info["peak_kib"]  # None where the system does not tell
        rows = [(title(name), duration(stats["median"]),
                 f"{peaks[name] / 1024:.0f} MiB" if peaks[name] else "",
                 f"{peaks[OURS] / peaks[name]:.2f}" if peaks[name] and name != OURS else "")
                for name, stats in sorted(cell.stats.items(), key=lambda item: item[1]["median"])]
        parts += [f"## A process from start to end\n\nImport, load {cell.info['size']:,} images, "
                  "train for one epoch.\n",
                  *table(("library", "time", "most memory resident", "our memory / theirs"), rows)]
    return parts


def family_section(family, cells, peak, bandwidth):
    """The table of a family; folded where it is long."""
    # columns of the families that have them
    extra = [name for name in (FUSED, NAIVE) if any(name in cell.stats for cell in cells)]
    heads = ["operation", "size", "dtype", "pytensor", "NumPy", "best peer", "",
             "speed to NumPy", "speed to best peer", "of limit"]
    rows = []
    for cell in sorted(cells, key=lambda cell: cell.info["dtype"]):
        info, peer = cell.info, cell.best_peer
        rows.append([
            f"`{info['case']}`", size_text(info["size"]), info["dtype"],
            duration(cell.seconds(OURS)), duration(cell.seconds(NUMPY)),
            duration(cell.seconds(peer)) if peer else "", title(peer) if peer else "",
            compared(cell, NUMPY), compared(cell, peer) if peer else "",
            percent(share_of_limit(cell, peak, bandwidth)),
            *(duration(cell.seconds(name)) if name in cell.stats else "" for name in extra),
        ])
    lines = table([*heads, *map(title, extra)], rows)
    if len(rows) > 60:
        lines = [f"<details><summary>{len(rows)} cells</summary>\n", *lines, "</details>\n"]
    return [f"## {family}\n\n{FAMILIES.get(family, '')}\n", *lines, *memory_tables(cells)]


def memory_tables(cells):
    """The most memory at a time, of the cells that measured it."""
    lines = []
    for cell in cells:
        peaks = cell.info.get("peak_bytes")
        if peaks:
            one = cell.info["operand_bytes"]
            rows = [(title(name), f"{size / 1e6:.1f} MB", f"{size / one:.0f}",
                     duration(cell.seconds(name))) for name, size in peaks.items()]
            lines += [f"Memory of the `{cell.info['case']}`, {size_text(cell.info['size'])} "
                      "elements:\n",
                      *table(("", "most at a time", "in tensors of that size", "time"), rows)]
    return lines


def compared(cell, library):
    """Our speed relative to a library, marked where we are slower."""
    return times(cell.speed(library)) + " ▼" * cell.is_slower(library)


def table(heads, rows, align="---:"):
    """A Markdown table, a list with one text; align: of all columns but the first."""
    align = ["---", *[align] * (len(heads) - 1)]
    return ["\n".join("| " + " | ".join(map(str, row)) + " |" for row in (heads, align, *rows))
            + "\n"]


def describe_short(found):
    """The machine in one line, for the picture."""
    peers = ", ".join(f"{title(name)} {number}" for name, number in found["versions"].items()
                      if name in ("numpy", "torch", "jax"))
    return (f"{found['processor']}, {found['build_config']['threads']} threads each, "
            f"{found['build_config']['instruction set']}; {peers}")


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


def draw(cells, machine, path):
    """Write the picture: a map of all operations of the op table, and bars for the rest."""
    try:
        import matplotlib
    except ImportError:
        raise SystemExit("benchmark_report: matplotlib is missing: pip install "
                         "'pytensor-kernels[plot]'") from None
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 9, "font.family": "DejaVu Sans"})
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(15, 15), width_ratios=(1, 1), layout="constrained")
    figure.suptitle(f"Speed relative to NumPy\n{machine}", fontsize=12)
    draw_map(figure, left, cells)
    draw_bars(right, cells)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_map(figure, axes, cells):
    """Operations by sizes and dtypes, coloured by our speed relative to NumPy."""
    chosen = [cell for family in ("element-wise", "reductions")
              for cell in of_family(cells, family) if isinstance(cell.info["size"], int)]
    names = list(dict.fromkeys(cell.info["case"] for cell in chosen))
    sizes = sorted({cell.info["size"] for cell in chosen})
    # the first dtype of a row and the second one (float32 and float64 where it has them)
    speeds = [[math.nan] * (2 * len(sizes)) for _ in names]
    dtypes = {name: list(dict.fromkeys(c.info["dtype"] for c in chosen if c.info["case"] == name))
              for name in names}
    for cell in chosen:
        name = cell.info["case"]
        column = (len(sizes) * dtypes[name].index(cell.info["dtype"])
                  + sizes.index(cell.info["size"]))
        speeds[names.index(name)][column] = math.log2(cell.speed(NUMPY))
    # PuOr stays readable with any colour vision; 16 times either way is its end
    image = axes.imshow(speeds, cmap="PuOr", vmin=-4, vmax=4, aspect="auto")
    for i, line in enumerate(speeds):
        for j, value in enumerate(line):
            if not math.isnan(value):
                axes.text(j, i, f"{2**value:.2g}" if 2**value < 99.5 else f"{2**value:.0f}",
                          ha="center", va="center", fontsize=7.5,
                          color="white" if abs(value) > 2.6 else "black")
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


def draw_bars(axes, cells):
    """Everything else in float32: our speed as a bar, the peers' as marks."""
    families = ("MNIST", "networks", "autodiff", "products", "functions", "broadcasting", "calls")
    rows = [(family, cell) for family in families for cell in of_family(cells, family)
            if cell.info["dtype"] == "float32"]
    labels, seen = [], set()
    for i, (family, cell) in enumerate(rows):
        speed = cell.speed(NUMPY)
        axes.barh(i, speed - 1, left=1, height=0.72, color=FASTER if speed >= 1 else SLOWER)
        for name, (marker, color) in MARKERS.items():
            rivals = [n for n in cell.stats if n.startswith(name) and n != "jax eager"]
            if rivals:
                fastest = min(map(cell.seconds, rivals))
                axes.scatter(cell.seconds(NUMPY) / fastest, i, s=20, marker=marker, color=color,
                             edgecolor="black", linewidth=0.8, zorder=3,
                             label=None if name in seen else title(name))
                seen.add(name)
        name = cell.info["case"].replace("epoch of ", "epoch of real " if "synth" not in
                                         cell.info["case"] else "epoch of ")
        labels.append(f"{name} {size_text(cell.info['size'])}" if family in
                      ("networks", "products", "functions") else name)
        if i and rows[i - 1][0] != family:
            axes.axhline(i - 0.5, color="0.8", linewidth=0.8)
    axes.axvline(1, color="black", linewidth=1.2)
    axes.set_xscale("log", base=2)
    low, high = axes.get_xlim()
    axes.set_xlim(max(low, 1 / 32), min(high, 64))
    ticks = [2.0**k for k in range(-5, 7) if axes.get_xlim()[0] <= 2.0**k <= axes.get_xlim()[1]]
    axes.set_xticks(ticks, [f"1/{1 / tick:.0f}" if tick < 1 else f"{tick:.0f}" for tick in ticks])
    axes.set_yticks(range(len(rows)), labels)
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
