"""Options of the benchmark run, who takes part, and what heads the output.

pytest benchmarks --benchmark-json=run.json          # everything: see docs/benchmarks.md
pytest benchmarks --quick                            # all code, few sizes: a minute or two
pytest benchmarks -k "products and float32"          # a part: by file, test or parameter
pytest benchmarks --sizes 16,1000 -k "exp or log"
pytest benchmarks --before v0.1=/tmp/old/bin/python  # and an earlier version
"""

from __future__ import annotations

import os

import contenders
import harness
import machine
import pytest
import samples

ALL_SIZES = (16, 1_000, 100_000, 1_000_000, 16_000_000)
QUICK_SIZES = (1_000, 100_000)


def pytest_addoption(parser):
    """Add the options."""
    group = parser.getgroup("pytensor")
    group.addoption(
        "--quick",
        action="store_true",
        help="measure every benchmark shortly, at small sizes: the figures are rough",
    )
    group.addoption(
        "--sizes",
        default=None,
        metavar="N,N,...",
        help="numbers of elements of element-wise operations and reductions",
    )
    group.addoption(
        "--threads",
        default=None,
        metavar="N,N,...",
        help="threads of every library: products and networks are measured with each "
        "of these numbers, the rest with the highest; by default 1 and the cores "
        "that there are, with --quick these alone",
    )
    peers = ",".join(contenders.PEERS)
    group.addoption(
        "--peers",
        default=peers,
        metavar="NAME,...",
        help=f"libraries to compare with where installed ({peers}; none: only NumPy)",
    )
    group.addoption(
        "--before",
        default=None,
        metavar="NAME=PYTHON",
        help="an earlier version of pytensor to compare with: what to call it, such as its commit, "
        "and the interpreter of an environment that has it",
    )


def pytest_configure(config):
    """Choose the peers."""
    contenders.choose(config.getoption("--peers").split(","))


def cores():
    """The cores that this process may use, a list of numbers."""
    return (
        sorted(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else list(range(os.cpu_count() or 1))
    )


def numbers(config, option, default):
    """The integers of an option, or the default where it is not given."""
    text = config.getoption(option)
    if text is None:
        return default
    try:
        found = [int(part.replace("_", "")) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise pytest.UsageError(f"{option}: found {text}: expected positive integers and commas")
    return found


def thread_counts(config):
    """The numbers of threads to measure with, ascending."""
    n = len(cores())
    found = numbers(config, "--threads", [n] if config.getoption("--quick") else [1, n])
    if max(found) > n:
        raise pytest.UsageError(
            f"--threads: found {max(found)}: expected at most {n}, the cores that there are"
        )
    return sorted(set(found))


def before(config):
    """(name, interpreter) of the earlier version, or (None, None)."""
    text = config.getoption("--before")
    if text is None:
        return None, None
    name, _, python = text.partition("=")
    if not (name and os.access(python, os.X_OK)):
        raise pytest.UsageError(f"--before: found {text}: expected NAME=PYTHON, an interpreter")
    return name, python


def describe(config):
    """The machine, the versions, the threads and who is missing: what JSON can hold."""
    return {
        **machine.describe(sorted(contenders.taking_part)),
        "threads": thread_counts(config),
        "absent": contenders.absent,
        "quick": config.getoption("--quick"),
        "before": before(config)[0],
    }


def pytest_report_header(config):
    """Put the machine, the versions, build_config() and the absent above everything."""
    return machine.header(describe(config))


def pytest_benchmark_update_machine_info(config, machine_info):
    """Put them into the JSON as well; whose computer it is stays out of it."""
    machine_info.pop("node", None)
    lost = config.stash.get(LOST, {})
    machine_info["pytensor"] = {
        **describe(config),
        "lost": [
            {"cell": cell, "library": library, "why": why} for (cell, library), why in lost.items()
        ],
    }


def pytest_generate_tests(metafunc):
    """Run a test that takes a size or a number of threads with each of the run's."""
    config = metafunc.config
    if "size" in metafunc.fixturenames:
        quick = config.getoption("--quick")
        metafunc.parametrize(
            "size", numbers(config, "--sizes", QUICK_SIZES if quick else ALL_SIZES)
        )
    if "threads" in metafunc.fixturenames:
        metafunc.parametrize(
            "threads", thread_counts(config), ids=lambda n: f"{n} thread{'s' * (n != 1)}"
        )


def pytest_collection_modifyitems(config, items):
    """Leave the second dtype of a row out at the ends of the sizes, unless these were asked for:
    there, calls and the memory's bandwidth are measured, as the first dtype is enough for."""
    if config.getoption("--sizes") is not None:
        return

    def is_left_out(item):
        given = item.callspec.params if hasattr(item, "callspec") else {}
        return (
            "row" in given
            and given.get("size") in (ALL_SIZES[0], ALL_SIZES[-1])
            and given["dtype"] != samples.dtypes(given["row"])[0]
        )

    left_out = [item for item in items if is_left_out(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not is_left_out(item)]


@pytest.fixture
def quick(request):
    """Whether figures may be rough (--quick): a test may then take less work."""
    return request.config.getoption("--quick")


LOST = pytest.StashKey()


@pytest.fixture(scope="session")
def crew(request):
    """The libraries' processes."""
    config = request.config
    some = cores()[: thread_counts(config)[-1]]
    with harness.Crew(some, before=before(config)[1]) as found:
        config.stash[LOST] = found.lost
        yield found


@pytest.fixture
def compare(benchmark, crew, quick):
    """Compare contenders: compare(case, contenders). See harness.py."""
    return harness.Comparison(benchmark, crew, harness.QUICK if quick else harness.FULL)


def pytest_terminal_summary(terminalreporter, config):
    """Tell which libraries died at what."""
    lost = config.stash.get(LOST, {})
    if lost:
        terminalreporter.section("libraries that were lost")
        for (cell, library), why in lost.items():
            terminalreporter.write_line(f"{cell}: {library} is missing: {why}")
