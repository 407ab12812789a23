"""The benchmark harness: turns, measurements, libraries that crash; the report."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent
sys.path += [str(ROOT / "benchmarks"), str(ROOT / "tools")]

import benchmark_report  # noqa: E402
import harness  # noqa: E402
from harness import Bursts, Case, Cell, Contender, Crew, Effort  # noqa: E402

EFFORT = Effort(bursts=3, burst_seconds=1e-4)


@pytest.fixture
def crew():
    """Processes with one thread each."""
    with Crew([min(os.sched_getaffinity(0))]) as found:
        yield found


def of_numpy(statement, library="numpy", **more):
    """Return a contender that runs a statement in the process of a library, NumPy by default."""
    return Contender(library, statement, {"x": np.arange(3.0)}, **more)


# ---------------------------------------------------------------------------------- turns and plans


def test_turns_rotate_and_each_contender_gets_its_number():
    wanted = {"a": 3, "b": 3, "c": 2}
    assert "".join(harness.turns(list(wanted), wanted.get)) == "abcbcaab"
    assert list(harness.turns([], wanted.get)) == []


@pytest.mark.parametrize(
    "seconds, limit, calls, bursts",
    [
        (1e-6, 3, 22_000, 9),  # back to back for 20 ms, with a margin
        (0.1, 3, 1, 9),
        (1.0, 3, 1, 3),  # as many as the limit allows
        (10.0, 3, 1, 1),
    ],
)
def test_the_plan_keeps_within_the_time_limit(seconds, limit, calls, bursts):
    assert harness.FULL.plan(seconds, limit) == (pytest.approx(calls, abs=1), bursts)


def test_full_effort_is_what_the_report_says():
    assert harness.FULL.bursts >= 9
    assert harness.FULL.burst_seconds >= 0.02
    assert "nine bursts each,\nof at least 20 ms" in benchmark_report.HEAD


def test_the_cold_median_is_none_without_cold_calls():
    assert Bursts(cold=[3.0, 1.0, 2.0]).cold_median == 2.0
    assert Bursts().cold_median is None


# ------------------------------------------------------------------------------------- processes


def test_contenders_are_measured(crew):
    contenders = [of_numpy("x + 1"), of_numpy("x + y", "numpy, again", setup="y = 1")]
    with Cell(crew, Case("test", "add")) as cell:
        results = cell.prepare(contenders)
        np.testing.assert_array_equal(results["numpy"], [[1.0, 2.0, 3.0]])
        harness.check_agreement(Case("test", "add"), results)
        found = cell.take_turns(contenders, EFFORT)
    assert list(found) == ["numpy", "numpy, again"]
    for bursts in found.values():
        assert bursts.calls > 1
        assert len(bursts.seconds) == len(bursts.cold) == 3
        assert min(bursts.seconds + bursts.cold) > 0


def test_one_long_call_makes_a_burst(crew):
    contender = of_numpy("time.sleep(0.02)", setup="import time", result="")
    case = Case("test", "sleep", limit=0.03)
    with Cell(crew, case) as cell:
        assert cell.prepare([contender]) == {"numpy": []}
        found = cell.take_turns([contender], EFFORT)["numpy"]
    assert (found.calls, len(found.seconds), found.cold) == (1, 1, [])


def test_large_arrays_keep_their_memory_order_and_leave_no_files(crew):
    x = np.arange(20_000.0).reshape(100, 200).T
    contender = Contender("numpy", "x * x.flags.f_contiguous", {"x": x})
    with Cell(crew, Case("test", "order")) as cell:
        (found,) = cell.prepare([contender])["numpy"]
        np.testing.assert_array_equal(found, x)
    assert os.listdir(crew.directory) == []


def test_a_process_gets_its_cores_and_threads(crew):
    contender = Contender(
        "numpy",
        "[len(os.sched_getaffinity(0)), int(os.environ['OMP_NUM_THREADS'])]",
        setup="import os",
    )
    with Cell(crew, Case("test", "threads")) as cell:
        assert cell.prepare([contender]) == {"numpy": [1, 1]}


def test_a_process_is_stopped_between_its_turns(crew):
    worker = crew.get("numpy")
    pid = worker._process.pid
    deadline = time.monotonic() + 10
    while state(pid) != "T":
        assert time.monotonic() < deadline
        time.sleep(0.001)


def state(pid):
    """Return the state of a process as a letter, as ps does."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize(
    "end, after, why",
    [
        ("os._exit(3)", 0, "exit status 3"),
        ("os.kill(os.getpid(), 9)", 1, "SIGKILL"),  # while warming up
        ("os.abort()", 3, "SIGABRT"),  # in the second burst
    ],
)
def test_a_crashed_library_is_reported_and_the_others_go_on(crew, end, after, why):
    dying = Contender(
        "other",
        f"{end} if next(n) >= {after} else time.sleep(0.01)",
        result="",
        setup="import os, itertools, time; n = itertools.count()",
    )
    case = Case("test", "death", "", "")
    contenders = [dying, of_numpy("x + 1")]
    with Cell(crew, case) as cell:
        cell.prepare(contenders)
        assert list(cell.take_turns(contenders, EFFORT)) == ["numpy"]
    ((key, text),) = crew.lost.items()
    assert key == ("test death", "other")
    assert why in text
    assert crew.get("other").is_alive  # the next cell has a new one


def test_a_crash_of_numpy_ends_the_run(crew):
    contender = of_numpy("os._exit(1)", setup="import os")
    with Cell(crew, Case("test", "death")) as cell, pytest.raises(harness.WorkerDied):
        cell.prepare([contender])


def test_a_library_that_does_not_answer_is_killed(crew):
    worker = crew.get("other")
    worker._timeout = 0.5
    with Cell(crew, Case("test", "hang")) as cell:
        assert cell.prepare([Contender("other", "time.sleep(60)", setup="import time")]) == {}
    assert "no answer within 0.5 s" in crew.lost["test hang float32", "other"]
    assert not worker.is_alive


def test_a_library_without_the_function_is_left_out(crew):
    contender = Contender("other", "0", setup="import libraries; raise libraries.Missing('f')")
    with Cell(crew, Case("test", "missing")) as cell:
        assert cell.prepare([contender, of_numpy("x")]).keys() == {"numpy"}
    assert crew.lost == {}


def test_an_error_in_a_statement_is_raised(crew):
    with (
        Cell(crew, Case("test", "error")) as cell,
        pytest.raises(harness.WorkFailed, match="ZeroDivisionError"),
    ):
        cell.prepare([of_numpy("1 / 0", "other")])


@pytest.fixture
def crew_with_before():
    """Processes with one thread each, an earlier version's among them."""
    with Crew([min(os.sched_getaffinity(0))], before=sys.executable) as found:
        yield found


def test_an_earlier_version_does_the_work_of_ours(crew, crew_with_before):
    ours = [of_numpy("pt.asarray(x) + 1", library) for library in ("pytensor", "pytensor uint8")]
    given = [*ours, of_numpy("x + 1")]
    assert crew.with_before(given) == given
    contenders = crew_with_before.with_before(given)
    with Cell(crew_with_before, Case("test", "before")) as cell:
        results = cell.prepare(contenders)
        assert list(results)[3:] == ["before", "before uint8"]
        for found in results.values():
            np.testing.assert_array_equal(found, [[1.0, 2.0, 3.0]])
        assert len(cell.take_turns(contenders, EFFORT)) == 5
        workers = {crew_with_before.get(name)._process.pid for name in ("pytensor", "before")}
        assert len(workers) == 2


def test_an_earlier_version_may_fail_or_be_wrong(crew_with_before):
    new = Contender("before", "pt.no_such_function()")
    with Cell(crew_with_before, Case("test", "before")) as cell:
        assert cell.prepare([new, of_numpy("x")]).keys() == {"numpy"}
    found = {"numpy": [np.ones(3)], "before": [np.zeros(3)], "before uint8": [np.zeros(3)]}
    harness.check_agreement(Case("test", "before"), found)


def test_a_library_that_cannot_be_imported_is_tried_once(crew, tmp_path, monkeypatch):
    (tmp_path / "numexpr.py").write_text(
        "with open(__file__ + '.log', 'a') as f: f.write('x')\nraise ImportError('broken')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for _ in range(2):
        with pytest.raises(harness.WorkerDied, match=r"does not start(.|\n)*broken"):
            crew.get("numexpr")
    assert (tmp_path / "numexpr.py.log").read_text() == "x"


def test_results_that_differ_raise_an_error():
    case = Case("test", "agreement", rtol=1e-3, atol=0)
    harness.check_agreement(case, {"numpy": [np.ones(3)], "a": [np.ones(3) + 5e-4]})
    with pytest.raises(AssertionError, match="a against numpy"):
        harness.check_agreement(case, {"a": [np.ones(3) + 5e-3], "numpy": [np.ones(3)]})
    with pytest.raises(AssertionError, match="not"):
        harness.check_agreement(case, {"a": [np.ones(3)], "numpy": [np.ones((3, 1))]})


RUN = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background jobs
sys.path.insert(0, sys.argv[1])
from harness import Crew
with Crew([int(sys.argv[2])]) as crew:
    print(crew.get("numpy")._process.pid, crew.directory, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_no_process_survives_the_run(ending):
    core = str(min(os.sched_getaffinity(0)))
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(ROOT / "benchmarks"), core],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as run:
        pid, directory = run.stdout.readline().split()
        run.send_signal(ending)
        run.wait(30)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and state(pid) != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    if ending == signal.SIGINT:
        assert not Path(directory).exists()
    else:  # nothing was left to remove it; it holds arrays only while a contender is prepared
        Path(directory).rmdir()


# ---------------------------------------------------------------------------------- the report


def benchmark(library, median, *, threads=1, cold=None, **info):
    """Return one library's entry in pytest-benchmark's JSON."""
    extra = {
        "family": "products",
        "case": "square",
        "size": "2x2 by 2x2",
        "dtype": "float32",
        "flops": 16,
        "bytes": None,
        "threads": threads,
        "cold": cold,
        **info,
    }
    return {
        "group": str((extra["family"], extra["case"], extra["size"], threads)),
        "extra_info": {"library": library, **extra},
        "stats": {
            "median": median,
            "q1": 0.99 * median,
            "q3": 1.01 * median,
            "min": median,
            "rounds": 9,
        },
    }


def a_run(*benchmarks, processor="Some(R) CPU"):
    """Return a run as pytest-benchmark writes it to JSON."""
    return {
        "benchmarks": list(benchmarks),
        "datetime": "2020-01-02T03",
        "commit_info": {},
        "machine_info": {
            "pytensor": {
                "processor": processor,
                "cores": 2,
                "caches": "L1d 32K",
                "memory": "1 GiB",
                "system": "Linux",
                "python": "3",
                "versions": {"numpy": "2"},
                "numpy blas": "",
                "build_config": {"instruction set": "avx2"},
                "threads": [1, 2],
                "absent": {"jax": "not installed"},
                "quick": False,
                "lost": [],
            }
        },
    }


def machine(*benchmarks, **more):
    """Return what the report makes of a run."""
    return benchmark_report.Machine(benchmark_report.condensed(a_run(*benchmarks, **more)))


def test_the_saved_file_is_json_and_holds_everything(tmp_path):
    result = benchmark_report.condensed(
        a_run(benchmark("pytensor", 1 / 3, cold=2 / 3), benchmark("numpy", 1e-6, peak_kib=7))
    )
    benchmark_report.save(result, tmp_path / "results" / "a.json")
    assert json.loads((tmp_path / "results" / "a.json").read_text()) == result
    (cell,) = result["cells"]
    assert cell["libraries"]["pytensor"] == {
        "median": 0.3333,
        "q1": 0.33,
        "q3": 0.3367,
        "min": 0.3333,
        "bursts": 9,
        "cold": 0.6667,
    }
    assert cell["libraries"]["numpy"]["peak_kib"] == 7
    assert "peak_kib" not in cell


@pytest.mark.parametrize(
    "warm, cold, shown",
    [
        (1e-3, 1.4e-3, "1.00 ms"),
        (1e-3, 1.6e-3, "1.00 ms (cold 1.60 ms)"),
        (1e-6, 5e-6, "1.00 µs"),  # less than a thread takes to wake
        (1e-6, 25e-6, "1.00 µs (cold 25.0 µs)"),
        (1e-3, None, "1.00 ms"),
    ],
)
def test_a_cold_call_is_shown_if_it_differs_much(warm, cold, shown):
    (cell,) = machine(benchmark("pytensor", warm, cold=cold)).cells
    assert cell.timed("pytensor") == shown
    assert cell.timed("torch") == ""


@pytest.mark.parametrize("ours, slower", [(1.02, False), (1.025, False), (1.04, True)])
def test_slower_means_by_more_than_noise(ours, slower):
    (cell,) = machine(benchmark("pytensor", ours), benchmark("numpy", 1.0)).cells
    assert cell.is_slower("numpy") is slower


def test_limits_are_per_thread_and_name_their_source():
    fma = benchmark("C", 1.0, family="machine", case="fma", size="", flops=64)
    products = [
        benchmark("numpy", 0.5),
        benchmark("pytensor", 1.0),
        benchmark("pytensor", 0.25, threads=2),
        benchmark("numpy", 1.0, threads=2),
    ]
    found = machine(fma, *products)
    assert found.peaks["float32"] == (64, "measured: fused multiply-adds in registers")
    assert found.peaks["float64"] is None
    _, one, two = found.cells
    assert (found.share_of_limit(one), found.share_of_limit(two)) == (0.25, 0.5)
    assert machine(*products).peaks["float32"] == (32, "the fastest product of any library")
    text = "\n".join(benchmark_report.family_section("products", found))
    assert "4.00x" in text  # the speed-up with two threads


def test_an_earlier_version_has_a_section_and_is_no_peer():
    run = a_run(
        *(benchmark(name, t) for name, t in [("pytensor", 2.0), ("before", 1.0), ("numpy", 3.0)]),
        *(benchmark(name, 1.0, case="wide") for name in ("pytensor", "numpy")),
    )
    run["machine_info"]["pytensor"]["before"] = "v0"
    found = benchmark_report.Machine(benchmark_report.condensed(run))
    assert [cell.best_peer for cell in found.cells] == [None, None]
    text = benchmark_report.page([found], "image.png")
    assert "The same cells with v0" in text
    assert "| products | 1 | 0.50x | 1 |" in text
    assert "1 cell is slower" in text
    assert "version before" not in benchmark_report.page([machine(benchmark("pytensor", 1.0))], "")


def test_machines_are_shown_side_by_side():
    runs = [
        machine(benchmark("pytensor", 1.0), benchmark("numpy", 2.0), processor=name)
        for name in ("Zen", "Lake")
    ]
    text = benchmark_report.page(runs, "image.png")
    assert "|  | Zen, avx2 | Lake, avx2 |" in text
    assert text.count("## products") == 1
    assert text.index("**Zen, avx2**") < text.index("**Lake, avx2**")
    assert "JAX: not installed" in text
