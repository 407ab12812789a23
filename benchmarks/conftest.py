"""Options of the benchmark run, the threads of everyone, and what heads the output.

    pytest benchmarks --benchmark-json=run.json          # everything: some 15 minutes
    pytest benchmarks --quick                            # all code, few sizes: a minute
    pytest benchmarks --sizes 16,1000 -k "exp or log"    # a part
"""

from __future__ import annotations

import os
import sys

import pytest

ALL_SIZES = (16, 1_000, 100_000, 1_000_000, 16_000_000)
QUICK_SIZES = (16, 1_000, 100_000)
PEERS = "torch,jax,autograd,numexpr"


def pytest_addoption(parser):
    """Add the options."""
    group = parser.getgroup("pytensor")
    group.addoption("--quick", action="store_true",
                    help="measure every benchmark shortly, at small sizes: the figures are rough")
    group.addoption("--sizes", default=None, metavar="N,N,...",
                    help="numbers of elements of element-wise operations and reductions")
    group.addoption("--threads", type=int, default=None, metavar="N",
                    help="threads of every library; by default the cores that there are")
    group.addoption("--peers", default=PEERS, metavar="NAME,...",
                    help=f"libraries to compare with where installed ({PEERS}; none: only NumPy)")


def pytest_configure(config):
    """Set the threads, before NumPy and the peers are loaded; choose the peers."""
    if "numpy" in sys.modules:
        raise pytest.UsageError("a plugin has loaded NumPy: its threads cannot be set any more; "
                                "keep the plugin out with -p no:NAME")
    set_threads(config.getoption("--threads") or n_cores())
    import libraries

    libraries.choose(config.getoption("--peers").split(","))


def n_cores():
    """How many cores this process may use."""
    return (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1)


def set_threads(n):
    """Give every library n threads.

    XLA has no option for that: it uses the cores that the process may use, and so do the others.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n])
    for library in ("PYTENSOR", "OPENBLAS", "OMP", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"):
        os.environ[f"{library}_NUM_THREADS"] = str(n)


def pytest_report_header(config):
    """Put the machine, the versions and build_config() above everything."""
    import machine

    return machine.header()


def pytest_benchmark_update_machine_info(config, machine_info):
    """Put them into the JSON as well; whose computer it is stays out of it."""
    import machine

    machine_info.pop("node", None)
    machine_info["pytensor"] = {**machine.describe(), "quick": config.getoption("--quick")}


def pytest_generate_tests(metafunc):
    """Run a test that takes a size at each of the run's sizes."""
    if "size" in metafunc.fixturenames:
        metafunc.parametrize("size", _sizes(metafunc.config))


def _sizes(config):
    text = config.getoption("--sizes")
    if text is None:
        return QUICK_SIZES if config.getoption("--quick") else ALL_SIZES
    try:
        return [int(part.replace("_", "")) for part in text.split(",")]
    except ValueError:
        raise pytest.UsageError(f"--sizes: {text}: expected integers and commas") from None


@pytest.fixture
def quick(request):
    """Whether figures may be rough (--quick): a test may then take less work."""
    return request.config.getoption("--quick")


@pytest.fixture
def compare(benchmark, quick):
    """Compare contenders: compare(case, contenders). See measure.py."""
    import measure

    return measure.Comparison(benchmark, measure.QUICK if quick else measure.FULL)
