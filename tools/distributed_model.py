"""What a step of data-parallel training costs: measured here, predicted for more ranks, drawn.

    python tools/distributed_model.py measure     # into benchmarks/distributed.json; a minute
    python tools/distributed_model.py             # tables on stdout, docs/images/distributed.png

The model. N ranks with b samples each; W weights, S = 4 W bytes of gradients:

    T(N) = compute(W, b) + buffer(W) + exchange(S, N)
    compute = c0 + c1 W b + c2 W     (seconds; fitted to steps of one thread; the update is c2 W)
    buffer = c3 W                    (gradients into the flat buffer and back)
    exchange = min of
        ring               2 (N - 1) alpha + 2 (N - 1) / N S beta
        halving, doubling  2 log2(N) alpha + 2 (N - 1) / N S beta    (Thakur et al. 2005)
        tree                 log2(N) (alpha + 2 S beta)
    alpha: seconds per message; beta: seconds per byte, half of the addition included.

compute and buffer are measured twice: alone, and while every processor of the machine does the same
(they share its memory's bandwidth), which is how a cluster is used. The simulation has a clock for
every rank: steps scatter as measured, and who is early waits.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
PARAMETERS = ROOT / "benchmarks" / "distributed.json"
IMAGE = ROOT / "docs" / "images" / "distributed.png"

BATCH = 128
NETWORKS = {"0.4 M": (512,), "3.6 M": (1536, 1536), "36 M": (5632, 5632)}
PREDICTED = {"0.4 M": 407_050, "4 M": 4e6, "40 M": 4e7, "400 M": 4e8}
RANKS = [2**k for k in range(11)]
# name: alpha, beta; None: as measured. Those of networks between machines cannot be measured on one
# machine: they are what such networks' makers and users state.
WIRES = {
    "shared memory, as measured": None,
    "10 Gbit/s Ethernet (assumed: 30 us)": (30e-6, 1 / 1.25e9),
    "100 Gbit/s InfiniBand (assumed: 2 us)": (2e-6, 1 / 12.5e9),
}


# ------------------------------------------------------------------------------- measurements


def fast(seconds):
    """The 10th percentile: what a step takes while no other process wants the processor."""
    return float(np.percentile(seconds, 10))


class Clock:
    """A callback that notes when each step ends."""

    def __new__(cls):
        """A callbacks.Callback: pytensor is imported by the measuring processes alone."""
        from pytensor import callbacks

        ends = []
        callback = callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: ends.append(time.perf_counter())
        )
        callback.ends = ends
        return callback


def step_seconds(hidden, batch, n_steps, distribution):
    """Seconds of each step of fit, the first ones left out, of a network on random numbers."""
    from pytensor import layers, models, random

    random.seed(0)
    model = models.Sequential([layers.Input((784,))])
    for units in hidden:
        model.add(layers.Dense(units, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile("rmsprop", "sparse_categorical_crossentropy")
    generator = np.random.default_rng(0)
    x = generator.random((batch * n_steps, 784), dtype=np.float32)
    y = generator.integers(0, 10, len(x))
    clock = Clock()
    model.fit(
        x, y, batch_size=batch, epochs=1, verbose=0, callbacks=[clock], distribution=distribution
    )
    return np.diff(clock.ends)[2:]


def measure_rank(what):
    """What one of several ranks does. Rank 0 prints JSON."""
    from mpi4py import MPI

    import pytensor as pt
    from pytensor.distributed import DataParallel

    comm = MPI.COMM_WORLD
    found = {}
    if what == "exchange":
        for size in (8, 1 << 12, 1 << 16, 1 << 20, 1 << 22, 1 << 24, 1 << 26):
            flat = np.zeros(size // 4, np.float32)
            seconds = []
            for _ in range(max(5, min(200, (1 << 26) // size))):
                comm.Barrier()
                start = time.perf_counter()
                comm.Allreduce(MPI.IN_PLACE, flat, MPI.SUM)
                seconds.append(time.perf_counter() - start)
            found[size] = fast(seconds)
    elif what == "buffer":
        dw, flat = pt.ones(1 << 22), np.zeros(1 << 22, np.float32)
        view = pt.asarray(flat)
        seconds = []
        for _ in range(30):
            comm.Barrier()
            start = time.perf_counter()
            pt.multiply(dw, 64, out=view)
            np.multiply(flat, np.float32(0.5), out=flat)
            seconds.append(time.perf_counter() - start)
        found = fast(seconds) / flat.size
    elif what == "overhead":
        pt.set_num_threads(2)
        alone = DataParallel(threads=2)
        plain, shared = [], []
        for _ in range(5):  # in turns
            plain += step_seconds((512,), BATCH, 300, None).tolist()
            shared += step_seconds((512,), BATCH, 300, alone).tolist()
        found = {"plain": fast(plain), "distributed": fast(shared)}
    else:
        pt.set_num_threads(1)
        share = DataParallel(
            MPI.COMM_SELF if what == "full" else None,
            threads=1,
            deterministic=what == "deterministic",
        )
        for name, hidden in NETWORKS.items():
            n_steps = {"0.4 M": 200, "3.6 M": 30, "36 M": 6}[name]
            if what == "deterministic" and name != "0.4 M":
                continue
            several = what == "full" or (what == "steps" and comm.size == 1)
            for batch in (BATCH // 4, BATCH, 4 * BATCH) if several else (BATCH,):
                comm.Barrier()
                seconds = step_seconds(hidden, batch, n_steps, share)
                found[f"{name}, {batch}"] = {
                    "seconds": fast(seconds),
                    "scatter": np.sort(seconds).tolist()
                    if name == "0.4 M" and batch == BATCH
                    else [],
                }
    if comm.rank == 0:
        print(json.dumps(found))


def measure():
    """Run the measurements on 1, 2 and 4 ranks, and write what they give."""
    mpiexec = shutil.which(
        "mpiexec",
        path=os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")]),
    )

    def run(n, what):
        done = subprocess.run(
            [mpiexec, "-n", str(n), sys.executable, "-m", "mpi4py", __file__, "rank", what],
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    found = {
        "processors": len(os.sched_getaffinity(0)),
        "batch": BATCH,
        "overhead": run(1, "overhead"),
        "exchange": run(2, "exchange"),
        "buffer": run(2, "buffer"),
        "full": run(2, "full"),
        "steps": {n: run(n, "steps") for n in (1, 2, 4)},
        "deterministic": {n: run(n, "deterministic") for n in (1, 2, 4)},
    }
    PARAMETERS.write_text(json.dumps(found, indent=1) + "\n")


# --------------------------------------------------------------------------------- the model


def n_weights(hidden):
    """Of the network of these hidden layers."""
    sizes = (784, *hidden, 10)
    return sum(a * b + b for a, b in itertools.pairwise(sizes))


class Model:
    """Predictions from measured parameters."""

    def __init__(self, found, full=True):
        """Fit the parameters; all points count by their relative error.

        full: of steps while all processors are busy, instead of one.
        """
        rows, seconds = [], []
        for key, value in (found["full"] if full else found["steps"]["1"]).items():
            name, batch = key.rsplit(", ", 1)
            weights = n_weights(NETWORKS[name])
            rows.append((1, weights * int(batch), weights))
            seconds.append(value["seconds"])
        rows, seconds = np.array(rows, float), np.array(seconds)
        scale = rows.max(axis=0)
        coefficients = _nonnegative(rows / scale / seconds[:, None]) / scale
        self.c0, self.c1, self.c2 = coefficients.tolist()
        exchange = {int(size): value for size, value in found["exchange"].items()}
        self.alpha = exchange[8]
        large = max(exchange)
        self.beta = (exchange[large] - 2 * self.alpha) / large
        self.c3 = found["buffer"]
        scatter = np.array(found["full"][f"0.4 M, {BATCH}"]["scatter"])
        # the slowest tenth is left out: then the machine did something else
        scatter = scatter[: len(scatter) * 9 // 10]
        self.scatter = scatter / scatter.mean()

    def compute(self, weights, batch):
        """Seconds of a step on one rank, the update included."""
        return self.c0 + self.c1 * weights * batch + self.c2 * weights

    def buffer(self, weights):
        """Seconds of the passes over the flat buffer."""
        return self.c3 * weights

    def exchange(self, n_bytes, n, wire=None):
        """Seconds of an exchange among n ranks."""
        if n == 1:
            return 0.0
        alpha, beta = wire or (self.alpha, self.beta)
        bandwidth = 2 * (n - 1) / n * n_bytes * beta
        steps = math.log2(n)
        return min(
            2 * (n - 1) * alpha + bandwidth,
            2 * steps * alpha + bandwidth,
            steps * (alpha + 2 * n_bytes * beta),
        )

    def efficiency(self, weights, n, wire, batch=BATCH):
        """T(1) / T(n), for the same samples on each rank."""
        alone = self.compute(weights, batch)
        if n == 1:
            return 1.0
        return alone / (alone + self.buffer(weights) + self.exchange(4 * weights, n, wire))

    def simulated(
        self, weights, n, wire, batch=BATCH, byte_share=1.0, update_share=1.0, n_steps=60
    ):
        """The same, from a clock for each rank: steps with the measured scatter, then halving and
        doubling, in which who is early waits.

        byte_share: bytes sent, as a share of the gradients'; update_share: of the weights, that a
        rank updates.
        """
        alpha, beta = wire or (self.alpha, self.beta)
        generator = np.random.default_rng(0)
        samples = self.c0 + self.c1 * weights * batch
        update = self.c2 * weights
        buffer = self.buffer(weights) if n > 1 else 0.0
        clocks = np.zeros(n)
        ranks = np.arange(n)
        distances = [2**k for k in range(round(math.log2(n)))]
        for _ in range(n_steps):
            own = samples + update * update_share + buffer
            clocks += own * generator.choice(self.scatter, n)
            for k, distance in [*enumerate(distances, 1), *reversed([*enumerate(distances, 1)])]:
                seconds = alpha + 4 * weights * byte_share / 2**k * beta
                clocks = np.maximum(clocks, clocks[ranks ^ distance]) + seconds
        return (samples + update) * n_steps / clocks.max()


def _nonnegative(rows):
    """The least-squares solution of rows @ x = 1 without negative elements: by leaving out."""
    kept = list(range(rows.shape[1]))
    while True:
        found = np.linalg.lstsq(rows[:, kept], np.ones(len(rows)), rcond=None)[0]
        if (found >= 0).all():
            solution = np.zeros(rows.shape[1])
            solution[kept] = found
            return solution
        kept.pop(int(found.argmin()))


# ------------------------------------------------------------------------------------ reports


def tables(found, model):
    """Print the tables of docs/distributed.md."""

    def table(heads, rows):
        print(f"| {' | '.join(heads)} |\n|---{'|---:' * (len(heads) - 1)}|")
        for row in rows:
            print(f"| {' | '.join(row)} |")
        print()

    def ms(seconds):
        return f"{seconds * 1e3:.3g} ms"

    overhead = found["overhead"]
    print(
        f"one rank: {ms(overhead['plain'])} a step without, {ms(overhead['distributed'])} with "
        f"distribution: {overhead['distributed'] / overhead['plain'] - 1:+.1%}\n"
    )
    alone = Model(found, full=False)
    print(
        f"alpha {model.alpha * 1e6:.2g} us, beta {model.beta * 1e9:.2g} ns per byte "
        f"({1e-9 / model.beta:.2g} GB/s); c0 {model.c0 * 1e6:.3g} us, "
        f"c1 {model.c1 * 1e12:.3g} ps per weight and sample "
        f"({6e-9 / model.c1:.3g} GFLOP/s), c2 {model.c2 * 1e9:.3g} ns, "
        f"c3 {model.c3 * 1e9:.3g} ns per weight\n"
    )
    processors = found["processors"]
    rows = []
    for name, hidden in NETWORKS.items():
        weights = n_weights(hidden)
        for n in (1, 2, 4):
            # more ranks than processors take turns, and each has its own weights to update
            turns = max(1, n / processors)
            predicted = (
                alone.compute(weights, BATCH)
                if n == 1
                else (
                    turns * (model.compute(weights, BATCH / n) + model.buffer(weights))
                    + model.exchange(4 * weights, n)
                )
            )
            measured = found["steps"][str(n)][f"{name}, {BATCH}"]["seconds"]
            rows.append(
                (name, str(n), ms(measured), ms(predicted), f"{predicted / measured - 1:+.0%}")
            )
    table(("weights", "ranks", "measured", "model", "error"), rows)
    table(
        ("deterministic, 0.4 M", "step", "otherwise"),
        [
            (
                f"{n} rank{'s' * (n > 1)}",
                *(
                    ms(found[kind][str(n)][f"0.4 M, {BATCH}"]["seconds"])
                    for kind in ("deterministic", "steps")
                ),
            )
            for n in (1, 2, 4)
        ],
    )
    wire = list(WIRES.values())[1]
    rows = []
    for change, options in (
        ("128 samples on each rank", {}),
        ("1 024 samples (LAMB, LARS)", {"batch": 1024}),
        ("8 192 samples", {"batch": 8192}),
        ("gradients in 16 bits", {"byte_share": 0.5}),
        ("a hundredth of the gradients", {"byte_share": 0.02}),
        ("optimizer's state shared out", {"update_share": 1 / 1024}),
        ("1 024 samples and 16 bits", {"batch": 1024, "byte_share": 0.5}),
    ):
        rows.append(
            (
                change,
                *(
                    f"{model.simulated(weights, 1024, wire, **options):.0%}"
                    for weights in PREDICTED.values()
                ),
            )
        )
    table((f"1 024 ranks, {list(WIRES)[1]}", *PREDICTED), rows)


def draw(model):
    """Draw the predicted efficiency."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(WIRES), sharey=True)
    colours = ("#0b5d8a", "#d9822b", "#4c9a5b", "#8a3b6e")
    for axes, (title, wire) in zip(panels, WIRES.items(), strict=True):
        for colour, (name, weights) in zip(colours, PREDICTED.items(), strict=True):
            axes.plot(
                RANKS,
                [model.efficiency(weights, n, wire) for n in RANKS],
                color=colour,
                label=f"{name} weights",
            )
            axes.plot(
                RANKS,
                [model.simulated(weights, n, wire) for n in RANKS],
                "o",
                markersize=4,
                color=colour,
            )
        axes.set_xscale("log", base=2)
        axes.set_xticks(RANKS[::2], [f"{n:,}".replace(",", " ") for n in RANKS[::2]])
        axes.set_title(title, fontsize=10)
        axes.set_xlabel(f"ranks, {BATCH} samples on each")
        axes.grid(alpha=0.3)
        axes.set_ylim(0, 1.05)
    panels[0].set_ylabel("efficiency, T(1) / T(N)")
    panels[0].yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    panels[-1].legend(title="lines: formula; dots: simulation", fontsize=8, title_fontsize=8)
    figure.savefig(IMAGE, dpi=100, metadata={"Software": None})


def main():
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "command", nargs="?", choices=("measure", "rank", "report"), default="report"
    )
    parser.add_argument("what", nargs="?", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.command == "rank":
        measure_rank(options.what)
    elif options.command == "measure":
        measure()
    else:
        found = json.loads(PARAMETERS.read_text())
        model = Model(found)
        tables(found, model)
        draw(model)


if __name__ == "__main__":
    main()
