"""The pool seen from Python: the same bits for any number of threads, fork, Python's threads."""

import json
import platform
import subprocess
import threading

import numpy as np
import pytest
from conftest import output_of, run_python

import pytensor as pt

ISAS = ("baseline", "avx2", "avx512")
NAMES = {"baseline": "neon"} if platform.machine() == "aarch64" else {}  # its name differs there

# A bit of everything that is shared among threads, as hexadecimal digests.
DIGESTS = """
    import hashlib, json
    import numpy as np, pytensor as pt
    from pytensor import _core, nn
    rng = np.random.default_rng(1)
    x = pt.asarray(rng.standard_normal((700, 500)))
    w = pt.asarray(rng.standard_normal((500, 300)))
    f = x.astype("float32")

    def results():
        yield "add", x + x.T.reshape(700, 500)
        yield "transposed", f.T.copy()
        yield "added across", f.T.astype("float64") + x.reshape(500, 700)
        yield "tanh", pt.tanh(f)
        yield "sin", pt.sin(f * 1e6)
        yield "broadcast", f * f[:1] + f[:, :1]
        yield "sum", pt.sum(f)
        yield "columns", pt.sum(f, axis=0)
        yield "rows", pt.prod(f * 0.1 + 1, axis=1)
        yield "argmax", pt.argmax(f)
        yield "matmul", f @ w.astype("float32")
        yield "matmul64", x @ w
        yield "integers", (x * 9).astype("int32") @ (w * 9).astype("int32")
        yield "batched", f.reshape(7, 100, 500) @ f.reshape(7, 500, 100)
        yield "linear", nn.linear(x, w, w[0], relu=True)
        yield "softmax", pt.softmax(f)
        yield "gather", _core.gather_rows(x, np.arange(699, -1, -1), dtype="float32", scale=0.5)
        yield "gradient", pt.grad(lambda w: pt.sum(pt.tanh(x @ w)))(w)
        weights = f.copy()
        pt.optimizers.RMSprop().apply([f], [weights])
        yield "rmsprop", weights

    def digests():
        return {name: hashlib.sha256(bytes(t.copy())).hexdigest() for name, t in results()}
"""


def test_bits_do_not_depend_on_the_number_of_threads():
    code = (
        DIGESTS
        + """
    found = []
    for n in (1, 2, 3, 4, 7):
        pt.set_num_threads(n)
        assert pt.get_num_threads() == n
        found.append(digests())
    print(json.dumps([[k for k in d if d[k] != found[0][k]] for d in found]))
    print(len(set(found[0].values())) == len(found[0]))
    """
    )
    assert output_of(code) == "[[], [], [], [], []]\nTrue"


def supported(isa):
    return run_python("import pytensor", PYTENSOR_ISA=isa).returncode == 0


@pytest.mark.parametrize("isa", ISAS)
def test_each_instruction_set_computes(isa):
    if not supported(isa):
        pytest.skip(f"this machine has no {isa}")
    code = (
        DIGESTS
        + """
    assert pt.build_config()["instruction set"] == NAME, pt.build_config()
    before = digests()
    pt.set_num_threads(3)
    assert digests() == before
    expected = np.asarray(x) @ np.asarray(w)
    np.testing.assert_allclose(x @ w, expected, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(pt.exp(x), np.exp(np.asarray(x)), rtol=1e-14)
    np.testing.assert_allclose(pt.sum(x, axis=0), np.asarray(x).sum(0), rtol=1e-10)
    assert pt.sum(pt.ones((1000, 1000))).item() == 1e6
    print("done")
    """
    )
    assert output_of(f"    NAME = {NAMES.get(isa, isa)!r}\n" + code, PYTENSOR_ISA=isa) == "done"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PYTENSOR_ISA", "sse9", r"PYTENSOR_ISA"),
        ("PYTENSOR_NUM_THREADS", "0", r"PYTENSOR_NUM_THREADS"),
        ("PYTENSOR_NUM_THREADS", "-2", r"PYTENSOR_NUM_THREADS"),
        ("PYTENSOR_NUM_THREADS", "many", r"PYTENSOR_NUM_THREADS"),
        ("PYTENSOR_NUM_THREADS", "99999999999999999999", r"PYTENSOR_NUM_THREADS"),
        ("PYTENSOR_ALLOCATOR", "jemalloc", r"PYTENSOR_ALLOCATOR"),
        ("PYTENSOR_TILE", "0x0", r"PYTENSOR_TILE"),
        ("PYTENSOR_TILE", "99x1", r"PYTENSOR_TILE"),
        ("PYTENSOR_TILE", "4x2x2", r"PYTENSOR_TILE"),
        ("PYTENSOR_REPRODUCIBLE", "yes", r"PYTENSOR_REPRODUCIBLE"),
    ],
)
def test_invalid_environment_variables(variable, value, message):
    process = run_python("import pytensor", **{variable: value})
    assert process.returncode == 1
    last = process.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: ") and message in last and value[:8] in last


@pytest.mark.parametrize("value", ["1", "3", ""])
def test_number_of_threads_from_the_environment(value):
    code = "import pytensor as pt; print(pt.get_num_threads(), pt.build_config()['threads'])"
    first, second = map(int, output_of(code, PYTENSOR_NUM_THREADS=value).split())
    assert first == second and first == int(value or first) and first >= 1


@pytest.mark.parametrize("n", [0, -1, 257, 2**70])
def test_set_num_threads_rejects(n):
    before = pt.get_num_threads()
    with pytest.raises(ValueError, match=f"set_num_threads: {n}: expected 1 to 256"):
        pt.set_num_threads(n)
    with pytest.raises(TypeError, match="float"):
        pt.set_num_threads(2.0)
    assert pt.get_num_threads() == before


def test_a_forked_child_computes_while_the_parent_does():
    code = """
        import os, threading, warnings
        import numpy as np, pytensor as pt
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's, of fork among threads
        pt.set_num_threads(4)
        a = pt.asarray(np.random.default_rng(0).standard_normal((400, 400)))
        expected = bytes(pt.exp(a @ a * 0.01))
        stop = threading.Event()

        def compute():
            while not stop.is_set():
                assert bytes(pt.exp(a @ a * 0.01)) == expected

        threads = [threading.Thread(target=compute) for _ in range(2)]
        for thread in threads:
            thread.start()
        children = []
        for _ in range(8):
            pid = os.fork()
            if pid == 0:
                ok = bytes(pt.exp(a @ a * 0.01)) == expected and pt.get_num_threads() == 4
                ok = ok and pt.zeros((1000, 1000)).sum().item() == 0
                grandchild = os.fork()
                if grandchild == 0:
                    os._exit(0 if bytes(pt.exp(a @ a * 0.01)) == expected else 3)
                os._exit(0 if ok and os.waitpid(grandchild, 0)[1] == 0 else 2)
            children.append(pid)
        codes = [os.waitpid(pid, 0)[1] for pid in children]
        stop.set()
        for thread in threads:
            thread.join()
        print(codes)
    """
    assert output_of(code) == str([0] * 8)


def test_multiprocessing_with_fork():
    code = """
        import multiprocessing, warnings
        import numpy as np, pytensor as pt
        warnings.simplefilter("ignore", DeprecationWarning)
        pt.set_num_threads(2)
        x = pt.asarray(np.arange(1_000_000.0))
        total = pt.sum(x * x).item()

        def work(i):
            return pt.sum(x * x).item() + i

        with multiprocessing.get_context("fork").Pool(2) as pool:
            print(pool.map(work, range(4)) == [total + i for i in range(4)])
    """
    assert output_of(code) == "True"


def test_python_threads_compute_concurrently(rng, threads):
    threads(2)
    arrays = [rng.standard_normal((300, 300)) for _ in range(4)]
    expected = [np.asarray(pt.tanh(pt.asarray(a) @ a)).tobytes() for a in arrays]
    wrong = []

    def work(i):
        a = pt.asarray(arrays[i])
        for _ in range(30):
            if np.asarray(pt.tanh(a @ arrays[i])).tobytes() != expected[i]:
                wrong.append(i)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for n in (1, 4, 2, 3, 2):
        pt.set_num_threads(n)  # waits for running work and does not disturb it
    for worker in workers:
        worker.join(timeout=60)
        assert not worker.is_alive()
    assert wrong == []


def test_an_interpreter_ends_while_its_threads_compute():
    code = """
        import threading
        import pytensor as pt
        pt.set_num_threads(4)
        a = pt.ones((500, 500))
        def forever():
            while True:
                a @ a
        for _ in range(2):
            threading.Thread(target=forever, daemon=True).start()
        a @ a
        print("end")
    """
    try:
        assert output_of(code, timeout=30) == "end"
    except subprocess.TimeoutExpired:
        pytest.fail("the interpreter did not end")


def test_imports_side_by_side():
    """Two threads that import and compute at the same time do not start two pools."""
    code = """
        import json, threading
        results = []
        def work():
            import pytensor as pt
            results.append(pt.sum(pt.ones((600, 700))).item())
        threads = [threading.Thread(target=work) for _ in range(4)]
        for t in threads: t.start()
        for t in threads: t.join()
        print(json.dumps(results))
    """
    assert json.loads(output_of(code)) == [420000.0] * 4
