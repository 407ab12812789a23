"""Many threads on shared tensors, models and tapes; processes made in every way while the pool is
busy; limits of the system. Signals: test_interruption.py. What only atomic changes keep right:
test_free_threading.py."""

import contextlib
import os
import textwrap
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from conftest import TESTS, at_once, output_of, run_python

import pytensor as pt
from pytensor import layers, models

pytestmark = pytest.mark.once


def test_shared_tensors_are_read_by_many(rng, threads):
    threads(3)
    x = pt.asarray(rng.standard_normal((200, 150)))
    views = [x, x.T, x[::2], x[:, 5:100], x.reshape(-1)]

    def work(i):
        return [float(pt.sum(pt.tanh(view)) + pt.max(view)) for view in views for _ in range(10)]

    found = at_once(work)
    assert all(values == found[0] for values in found)


def test_a_model_predicts_in_many_threads(rng, threads):
    threads(2)
    model = models.Sequential(
        [
            layers.Dense(64, activation="relu", input_shape=(20,)),
            layers.Dense(5, activation="softmax"),
        ]
    )
    model.compile(optimizer="sgd", loss="categorical_crossentropy")
    x = rng.standard_normal((300, 20)).astype("float32")
    expected = np.asarray(model.predict(x, verbose=0)).tobytes()
    for found in at_once(
        lambda i: [np.asarray(model.predict(x, verbose=0)).tobytes() for _ in range(5)]
    ):
        assert found == [expected] * 5


def test_each_thread_has_its_own_tapes(rng):
    """A tape records only its thread's calls, even on tensors that other threads differentiate."""
    shared = pt.asarray(rng.standard_normal((30, 20)))

    def work(i):
        grads = []
        for _ in range(40):
            with pt.GradientTape() as tape:
                tape.watch(shared)
                out = pt.sum(pt.sin(shared * (i + 1)))
            grads.append(np.asarray(tape.gradient(out, shared)).tobytes())
        return grads

    for i, grads in enumerate(at_once(work)):
        expected = np.asarray(pt.cos(shared * (i + 1)) * (i + 1)).tobytes()
        assert grads == [expected] * 40


def test_first_tapes_at_the_same_time():
    """The first tape loads the rules of derivatives: no other thread may see only some of them."""
    code = """
        import threading
        import pytensor as pt
        x, barrier, found = pt.asarray([1.0, 2.0]), threading.Barrier(8), []

        def work():
            barrier.wait()
            with pt.GradientTape() as tape:
                tape.watch(x)
                y = pt.sum(x * x)
            found.append(tape.gradient(y, x))

        workers = [threading.Thread(target=work) for _ in range(8)]
        for worker in workers: worker.start()
        for worker in workers: worker.join()
        print([g is not None and g.tolist() for g in found] == [[2.0, 4.0]] * 8)
    """
    assert output_of(code) == "True"


def test_models_are_trained_side_by_side(rng, threads):
    threads(2)
    x = rng.standard_normal((256, 10)).astype("float32")
    y = x @ rng.standard_normal((10, 3)).astype("float32")
    start = [rng.standard_normal((10, 3)).astype("float32"), np.zeros(3, "float32")]

    def work(i):
        model = models.Sequential([layers.Dense(3, input_shape=(10,))])
        model.set_weights(start)
        model.compile(optimizer="adam", loss="mse")
        model.fit(x, y, epochs=3, batch_size=32, verbose=0, shuffle=False)
        return [np.asarray(w).tobytes() for w in model.get_weights()]

    found = at_once(work)
    assert all(weights == found[0] for weights in found)


def test_numbers_of_threads_change_while_others_compute(rng, threads):
    a = pt.asarray(rng.standard_normal((300, 300)))
    expected = bytes(pt.exp(a @ a * 0.01))
    stop = threading.Event()

    def work(i):
        if i == 0:
            for n in (1, 4, 2, 5, 1, 3) * 10:
                pt.set_num_threads(n)
            stop.set()
            return True
        good = True
        while not stop.is_set():
            good = good and bytes(pt.exp(a @ a * 0.01)) == expected
        return good

    assert at_once(work, 4) == [True] * 4


def test_limits_of_memory_change_while_others_allocate():
    def work(i):
        for k in range(300):
            if i == 0:
                pt.memory.trim()
                pt.memory.stats()
            else:
                assert float(pt.full((i * 1000 + k,), 1.0).sum()) == i * 1000 + k
        return True

    assert all(at_once(work, 4))


# -------------------------------------------------------------------------------- processes


def total(n):
    """What the child processes compute."""
    x = pt.asarray(np.arange(float(n)))
    return pt.sum(x * x).item()


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_processes_from_concurrent_futures(method):
    with ProcessPoolExecutor(2, mp_context=get_context(method)) as pool:
        assert list(pool.map(total, [10, 100_000])) == [285.0, total(100_000)]


def test_fork_while_the_pool_is_busy():
    """At any moment: many forks while four threads keep pool and allocator busy."""
    code = """
        import os, threading, time, warnings
        import numpy as np, pytensor as pt
        warnings.simplefilter("ignore", DeprecationWarning)
        pt.set_num_threads(3)
        a = pt.asarray(np.random.default_rng(0).standard_normal((200, 200)))
        expected, stop = bytes(pt.tanh(a @ a)), threading.Event()

        def work():
            while not stop.is_set():
                assert bytes(pt.tanh(a @ a)) == expected
                pt.memory.trim()

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers: worker.start()
        bad = 0
        for k in range(30):
            time.sleep(0.0007 * (k % 5))
            pid = os.fork()
            if pid == 0:
                os._exit(0 if bytes(pt.tanh(a @ a)) == expected else 1)
            bad += os.waitpid(pid, 0)[1] != 0
        stop.set()
        for worker in workers: worker.join()
        print(bad)
    """
    assert output_of(code, timeout=120) == "0"


# What processes made by fork compute beside the parent's threads; warnings are Python's, of forks
# in a process with threads.
BUSY = """
    import multiprocessing, os, subprocess, sys, threading, warnings
    import numpy as np, pytensor as pt
    warnings.simplefilter("ignore", DeprecationWarning)
    pt.set_num_threads(3)
    a = pt.asarray(np.random.default_rng(0).standard_normal((200, 200)))
    stop = threading.Event()

    def compute(_=None):
        with pt.GradientTape() as tape:
            tape.watch(a)
            y = pt.sum(pt.tanh(a @ a))
        return bytes(tape.gradient(y, a))

    expected = compute()

    def in_child(work):
        "The exit code of a child that does the work: 0 if it returns true."
        pid = os.fork()
        if pid == 0:
            code = 3
            try:
                code = 0 if work() else 1
            finally:
                os._exit(code)
        return os.waitpid(pid, 0)[1]

    def while_busy(work, n=3):
        "What work() returns while n threads compute, whose results are looked at too."
        found = []

        def keep_computing():
            while not stop.is_set():
                found.append(compute() == expected)

        workers = [threading.Thread(target=keep_computing) for _ in range(n)]
        for worker in workers: worker.start()
        try:
            result = work()
        finally:
            stop.set()
            for worker in workers: worker.join()
        return result, all(found)
"""


def busy(code):
    return output_of(BUSY + code, timeout=120)


def test_threads_fork_at_the_same_time():
    assert (
        busy("""
    codes = []

    def fork_often():
        codes.extend([in_child(lambda: compute() == expected) for _ in range(6)])

    def fork_in_threads():
        forkers = [threading.Thread(target=fork_often) for _ in range(4)]
        for forker in forkers: forker.start()
        for forker in forkers: forker.join()

    print(while_busy(fork_in_threads, 2)[1], codes == [0] * 24)
    """)
        == "True True"
    )


def test_a_fork_inside_a_tape():
    """Both continue recording and compute the whole gradient."""
    assert (
        busy("""
    def fork_inside():
        with pt.GradientTape() as tape:
            tape.watch(a)
            y = pt.tanh(a @ a)
            pid = os.fork()
            y = pt.sum(y)
        good = bytes(tape.gradient(y, a)) == expected
        if pid == 0:
            os._exit(0 if good else 1)
        return good, os.waitpid(pid, 0)[1]

    print(while_busy(lambda: [fork_inside() for _ in range(5)]) == ([(True, 0)] * 5, True))
    """)
        == "True"
    )


def test_a_child_forks_before_and_after_restarting_its_pool():
    assert (
        busy("""
    def with_children():
        first = in_child(lambda: compute() == expected)
        good = compute() == expected        # starts the pool of this process
        second = in_child(lambda: compute() == expected and in_child(
            lambda: compute() == expected) == 0)
        return good and compute() == expected and (first, second) == (0, 0)

    print(while_busy(lambda: [in_child(with_children) for _ in range(3)]))
    """)
        == "([0, 0, 0], True)"
    )


def test_a_pool_of_forked_processes_while_threads_compute():
    assert (
        busy("""
    def map_in_processes():
        with multiprocessing.get_context("fork").Pool(2) as pool:
            return [found == expected for found in pool.map(compute, range(8))]

    print(while_busy(map_in_processes) == ([True] * 8, True))
    """)
        == "True"
    )


def test_programs_are_started_while_threads_compute():
    """vfork and posix_spawn do not run fork handlers."""
    assert (
        busy("""
    def start_programs():
        codes = [subprocess.run([sys.executable, "-S", "-c", "pass"]).returncode for _ in range(5)]
        for _ in range(5):
            pid = os.posix_spawn("/bin/true", ["true"], os.environ)
            codes.append(os.waitpid(pid, 0)[1])
        return codes

    print(while_busy(start_programs) == ([0] * 10, True))
    """)
        == "True"
    )


class Squares:
    """A data set whose samples are computed with pytensor."""

    def __len__(self):
        return 12

    def __getitem__(self, i):
        if not 0 <= i < len(self):
            raise IndexError(i)
        x = pt.asarray(np.full((150, 150), float(i)))
        return np.asarray(x @ x)


def load(data, wanted, loaded):
    """A loader's worker: the samples whose numbers it is sent, until it is sent None."""
    while (i := wanted.get()) is not None:
        loaded.put((i, data[i]))


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_workers_load_samples_through_queues(method, threads):
    threads(3)
    data, context = Squares(), get_context(method)
    expected = data[5]  # the parent's pool runs before its workers start
    wanted, loaded = context.Queue(), context.Queue()
    workers = [context.Process(target=load, args=(data, wanted, loaded)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for i in [*range(len(data)), None, None]:
        wanted.put(i)
    found = dict(loaded.get(timeout=60) for _ in range(len(data)))
    for worker in workers:
        worker.join(timeout=60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert sorted(found) == list(range(len(data)))
    np.testing.assert_array_equal(found[5], expected)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_pytorch_loads_what_pytensor_computes(threads):
    data_of = pytest.importorskip("torch.utils.data", reason="needs pytensor-kernels[peers]")
    threads(3)
    data = Squares()
    expected = [data[i] for i in range(len(data))]
    for _ in range(2):
        batches = list(data_of.DataLoader(data, batch_size=4, num_workers=2, timeout=60))
        np.testing.assert_array_equal(np.concatenate([np.asarray(b) for b in batches]), expected)


@pytest.mark.oracle
def test_joblib(rng):
    joblib = pytest.importorskip("joblib", reason="needs pytensor-kernels[oracles]")
    for backend in ("loky", "threading"):
        found = joblib.Parallel(2, backend=backend)(joblib.delayed(total)(n) for n in (10, 5000))
        assert found == [285.0, total(5000)]


def test_an_interpreter_ends_while_a_pool_of_executors_computes():
    code = """
        from concurrent.futures import ThreadPoolExecutor
        import pytensor as pt
        pt.set_num_threads(3)
        a = pt.ones((300, 300))
        pool = ThreadPoolExecutor(3)
        futures = [pool.submit(lambda: float((a @ a).sum())) for _ in range(40)]
        print(futures[0].result())
    """
    assert float(output_of(code)) == 300.0**3


# -------------------------------------------------------- the end of an interpreter, and others


def test_an_interpreter_ends_while_daemon_threads_compute():
    """In any kernel, the process must neither hang nor crash."""
    code = """
        import threading, time
        import pytensor as pt
        pt.set_num_threads(3)
        a, x = pt.ones((300, 300)), pt.ones(1_000_000)
        slope = pt.grad(lambda x: pt.sum(x * x))
        slope(x)
        n_started = threading.Semaphore(0)

        def keep_computing(f):
            f()
            n_started.release()
            while True:
                f()

        for f in (lambda: a @ a, lambda: pt.exp(x), lambda: pt.sum(x), lambda: slope(x)):
            threading.Thread(target=keep_computing, args=(f,), daemon=True).start()
        for _ in range(4):
            n_started.acquire()
        time.sleep(DELAY)
        print("done")
    """
    for i in range(20):
        assert output_of(f"DELAY = {i} / 4000\n" + textwrap.dedent(code)) == "done"


def test_a_process_ends_while_a_thread_is_inside_openblas():
    """OpenBLAS's destructor unmaps the buffers that the product reads."""
    code = """
        import threading
        import pytensor as pt
        pt.set_num_threads(N_THREADS)
        a = pt.ones((1500, 1500))
        n_started = threading.Semaphore(0)

        def keep_computing():
            pt.ones((300, 300)) @ pt.ones((300, 300))
            n_started.release()
            while True:
                a @ a

        for _ in range(2):
            threading.Thread(target=keep_computing, daemon=True).start()
        for _ in range(2):
            n_started.acquire()
        print("done")
    """
    for i in range(16):
        assert output_of(f"N_THREADS = {1 + i % 2}\n" + textwrap.dedent(code)) == "done"


def test_tensors_compute_until_the_interpreter_is_gone():
    """In handlers of atexit, and in __del__ when modules are cleared already: operators and methods
    need none of them."""
    code = """
        import atexit, builtins, os, sys
        import pytensor as pt
        pt.set_num_threads(3)
        a = pt.ones((300, 300))
        with pt.GradientTape(persistent=True) as tape:
            tape.watch(a)
            y = (a @ a).sum()

        class Last:
            def __init__(self, name):
                self.name, self.a, self.tape, self.y, self.write = name, a, tape, y, os.write

            def __del__(self):
                total = (self.a @ self.a + self.a * 2.5).sum().item()
                if self.name == b"atexit":
                    total += self.tape.gradient(self.y, self.a).sum().item()
                self.write(1, b"%s %d\\n" % (self.name, total))

        cycle, builtins.last = Last(b"cycle"), Last(b"builtins")
        cycle.itself, sys.last = cycle, Last(b"sys")
        atexit.register(Last.__del__, Last(b"atexit"))
        one = Last(b"global")
    """
    lines = output_of(code).splitlines()
    atexit = f"atexit {27_225_000 + 300**2 * 600}"  # the gradient is 600 throughout
    assert lines[0] == atexit and lines.count(atexit) <= 2  # its own __del__ may come too
    assert sorted(set(lines) - {atexit}) == [
        f"{name} 27225000" for name in ("builtins", "cycle", "global", "sys")
    ]


def test_os_exit_and_sys_exit_while_the_pool_is_idle_and_busy():
    begin = """
        import os, sys, threading
        import pytensor as pt
        pt.set_num_threads(3)
        a = pt.ones((300, 300))
        a @ a
        def keep_computing():
            while True:
                a @ a
    """
    busy = """
        threading.Thread(target=keep_computing, daemon=True).start()
    """
    in_thread = """
        thread = threading.Thread(target=lambda: (a @ a, sys.exit(5)))
        thread.start()
        thread.join()
        sys.exit(int((a @ a)[0, 0].item()) - 293)
    """
    for code, expected in (
        (begin + "    os._exit(7)", 7),
        (begin + busy + "    os._exit(7)", 7),
        (begin + in_thread, 7),
        (begin + busy + in_thread, 7),
    ):
        process = run_python(code)
        assert (process.returncode, process.stderr) == (expected, "")


@pytest.mark.parametrize(
    "again",
    [
        "importlib.reload(pt)",
        "importlib.reload(pt._core)",
        "[sys.modules.pop(name) for name in list(sys.modules) if name.split('.')[0] == 'pytensor']",
    ],
)
def test_repeated_import(again):
    """The old module and the new one work, with each other's tensors."""
    code = f"""
        import importlib, sys
        import pytensor as pt
        pt.set_num_threads(3)
        x, before = pt.ones(3), pt.ones(1_000_000)
        {again}
        import pytensor as new
        for lib in (pt, new):
            print(lib.grad(lambda x: lib.sum(x * x))(x).tolist(), (lib.ones(3) + x).tolist(),
                  lib.sum(lib.exp(before * 0)).item(), lib.get_num_threads(),
                  lib.fuse(lambda x: x * 3)(x).tolist())
    """
    line = "[2.0, 2.0, 2.0] [2.0, 2.0, 2.0] 1000000.0 3 [3.0, 3.0, 3.0]"
    assert output_of(code).splitlines() == [line, line]


IN_AN_INTERPRETER = """
try:
    import pytensor as pt
except ImportError as error:
    print("ImportError", flush=True)
else:
    slope = pt.grad(lambda x: pt.sum(x * x))
    a = pt.ones((300, 300))
    print(slope(pt.ones(3)).tolist(), (a @ a).sum().item(), flush=True)
"""


@pytest.mark.parametrize("first", ["main", "sub"])
def test_subinterpreters(first):
    """Subinterpreters import it or raise ImportError (as NumPy may); the main one is unaffected."""
    code = f"""
        import importlib
        try:
            interpreters = importlib.import_module("_interpreters")
        except ImportError:
            interpreters = importlib.import_module("_xxsubinterpreters")

        def in_another():
            number = interpreters.create()
            failure = interpreters.run_string(number, {IN_AN_INTERPRETER!r})
            assert failure is None, failure
            interpreters.destroy(number)

        if {first!r} == "sub":
            in_another()
        exec({IN_AN_INTERPRETER!r})
        in_another()
        exec({IN_AN_INTERPRETER!r})
        print("end")
    """
    lines = output_of(code).splitlines()
    works = "[2.0, 2.0, 2.0] 27000000.0"
    assert lines[-1] == "end" and set(lines[:-1]) <= {"ImportError", works}, lines
    assert len(lines) == (4 if first == "main" else 5)
    if first == "main":
        assert lines[0] == lines[2] == works


# ------------------------------------------------------------------------ limits of the system


def test_affinity_is_the_default_number_of_threads():
    code = """
        import os
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        import pytensor as pt
        print(pt.get_num_threads(), pt.build_config()["default threads"])
    """
    assert output_of(code, PYTENSOR_NUM_THREADS="") == "1 1"


@contextlib.contextmanager
def control_group(processors):
    """The path of a new control group on this machine with a quota of processors."""
    version_1 = Path("/sys/fs/cgroup/cpu")
    root = version_1 if version_1.is_dir() else Path("/sys/fs/cgroup")
    path = root / f"pytensor-test-{os.getpid()}"
    quota = int(processors * 100_000)
    with contextlib.ExitStack() as at_end:
        try:
            path.mkdir()
            at_end.callback(path.rmdir)
            if root == version_1:
                (path / "cpu.cfs_period_us").write_text("100000")
                (path / "cpu.cfs_quota_us").write_text(str(quota))
            else:
                (path / "cpu.max").write_text(f"{quota} 100000")
        except OSError as error:
            pytest.skip(f"no control group may be made here: {error}")
        yield path


@pytest.mark.parametrize(("quota", "expected"), [(0.5, 1), (1, 1), (1.5, 2)])
def test_the_quota_of_a_control_group_is_the_default_number_of_threads(quota, expected):
    code = """
        import os
        open(GROUP + "/cgroup.procs", "w").write(str(os.getpid()))
        import pytensor as pt
        print(pt.get_num_threads(), pt.build_config()["default threads"])
    """
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one processor")
    with control_group(quota) as path:
        process = run_python(
            f"GROUP = {str(path)!r}\n" + textwrap.dedent(code), PYTENSOR_NUM_THREADS=""
        )
    if "PermissionError" in process.stderr:
        pytest.skip("no process may be put into a control group here")
    assert process.stdout.split() == [str(expected)] * 2, process.stderr


FEWER_THREADS = """
    import warnings
    import numpy as np, pytensor as pt
    from limits import address_space
    warnings.simplefilter("always")
    x = pt.asarray(np.arange(1_000_000.0) * 1e-6)
    out = pt.empty_like(x)
    pt.set_num_threads(1)
    expected = bytes(pt.exp(x))
    def compute():  # what a loop's jump raises in CPython 3.13 passes by a block around it
        for _ in range(3):
            pt.exp(x, out=out)
        for _ in range(1000): pass  # the warning comes at the interpreter's next turn
    with address_space(1 << 20), warnings.catch_warnings(record=True) as caught:
        pt.set_num_threads(200)
        warnings.simplefilter("always")
        compute()
    print([str(w.message) for w in caught if issubclass(w.category, RuntimeWarning)])
    print(memoryview(out) == memoryview(expected).cast("d"))
"""


def test_fewer_threads_if_some_cannot_start():
    """With fewer threads than requested, results are right and there is one warning."""
    lines = output_of(FEWER_THREADS, cwd=TESTS).splitlines()
    assert lines[0] == (
        "['pytensor: set_num_threads(200): the system started fewer threads; "
        "continuing with those']"
    ), lines
    assert lines[1] == "True"


def test_one_warning_may_be_an_error():
    process = run_python(
        "import warnings; warnings.simplefilter('error')\n"
        + textwrap.dedent(FEWER_THREADS).replace('"always"', '"error"'),
        cwd=TESTS,
    )
    assert "RuntimeWarning: pytensor: set_num_threads(200)" in process.stderr


# --------------------------------------------------------------------------------- threadpoolctl


@pytest.mark.oracle
@pytest.mark.parametrize("first", ["threadpoolctl", "pytensor"])
def test_threadpoolctl_reads_and_sets_the_pool(first):
    pytest.importorskip("threadpoolctl", reason="needs pytensor-kernels[oracles]")
    code = f"""
        import importlib
        importlib.import_module({first!r})
        import threadpoolctl
        import pytensor as pt
        import pytensor.threadpools
        pt.set_num_threads(3)
        ours = [m for m in threadpoolctl.threadpool_info() if m["user_api"] == "pytensor"]
        print(len(ours), ours[0]["num_threads"], ours[0]["version"] == pt.__version__,
              "_core" in ours[0]["filepath"])
        with threadpoolctl.threadpool_limits(1):
            print(pt.get_num_threads())
        with threadpoolctl.threadpool_limits(2, user_api="pytensor"):
            print(pt.get_num_threads())
        print(pt.get_num_threads())
    """
    assert output_of(code).split() == ["1", "3", "True", "True", "1", "2", "3"]


BLAS_FROM_OUTSIDE = """
    import ctypes
    from pathlib import Path
    import numpy as np
    import threadpoolctl
    import pytensor as pt
    rng = np.random.default_rng(0)
    # Few columns: of more, the tiles of our own compute the product.
    x, y = (rng.standard_normal((n, 600)).astype("float32") for n in (700, 20))
    def bits():
        return bytes((pt.asarray(x) @ pt.asarray(y).T).numpy().data.tobytes())
    expected = bits()
    path, = Path(pt._core.__file__).parent.glob("*openblas.so")
    library = ctypes.CDLL(str(path))
    threads = library.scipy_openblas_get_num_threads
"""


@pytest.mark.oracle
def test_threadpoolctl_does_not_change_our_openblas():
    """It sets the threads of NumPy's OpenBLAS, and does not find the package's."""
    pytest.importorskip("threadpoolctl", reason="needs pytensor-kernels[oracles]")
    code = textwrap.dedent(BLAS_FROM_OUTSIDE) + textwrap.dedent("""
        def blas():
            return [m for m in threadpoolctl.threadpool_info() if m["user_api"] == "blas"]
        print(any(str(path) == m["filepath"] for m in blas()))
        for n in (2, 3, 1):
            with threadpoolctl.threadpool_limits(n, user_api="blas"):
                print({m["num_threads"] for m in blas()} <= {n}, threads(), bits() == expected)
    """)
    assert output_of(code).split() == ["False"] + ["True", "1", "True"] * 3


def test_products_reset_openblas_to_one_thread():
    """Other code may find the library by its symbols."""
    code = (
        textwrap.dedent(BLAS_FROM_OUTSIDE.replace("    import threadpoolctl\n", ""))
        + """
library.scipy_openblas_set_num_threads(3)
print(threads(), bits() == expected, threads())
"""
    )
    assert output_of(code).split() == ["3", "True", "1"]


# --------------------------------------------------------------------------------- long running


def test_memory_stays_flat_over_many_operations():
    """A hundred thousand operations of all kinds; tools/soak.py runs millions."""
    code = """
        import runpy, sys
        sys.argv = ["soak.py", "100000"]
        runpy.run_path(SOAK, run_name="__main__")
    """
    soak = TESTS.parent / "tools" / "soak.py"
    if not soak.exists():
        pytest.skip("not in a checkout")
    assert "flat" in output_of(f"SOAK = {str(soak)!r}\n" + textwrap.dedent(code), timeout=200)
