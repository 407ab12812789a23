"""State that threads share, changed by several at once, as they do without a GIL.

With a GIL the threads take turns as often as the interpreter lets them.
"""

import sys
import sysconfig

import numpy as np
import pytest
from conftest import at_once, output_of

import pytensor as pt
from pytensor import layers, models, random
from pytensor._core import RowGradient

pytestmark = pytest.mark.once

HAS_GIL = not sysconfig.get_config_var("Py_GIL_DISABLED")


@pytest.fixture(autouse=True)
def often():
    """Threads take turns after a microsecond where there is a GIL."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_importing_leaves_the_gil_off():
    code = """
        import sys, warnings
        warnings.simplefilter("error")
        import pytensor as pt
        x = pt.asarray([3.0])
        print(pt.grad(lambda x: pt.sum(x * x))(x).item(),
              getattr(sys, "_is_gil_enabled", lambda: True)())
    """
    assert output_of(code, PYTHONWARNINGS="error") == f"6.0 {HAS_GIL}"


@pytest.mark.parametrize("decorator", [pt.fuse, pt.jit, lambda f: pt.vmap(f, in_axes=(0, None))])
def test_a_recorded_function_is_shared(decorator):
    """Threads record, find, reorder and evict its programs, of which it keeps 32."""
    f = decorator(lambda x, k: (x * 2 + 1) * x - k)
    xs = [pt.asarray(np.arange(float(n))) for n in range(1, 41)]
    expected = [np.arange(float(n)) * (np.arange(float(n)) * 2 + 1) for n in range(1, 41)]

    def work(i):
        rng = np.random.default_rng(i)
        for n in rng.integers(len(xs), size=400):
            k = int(rng.integers(2))
            if not np.array_equal(f(xs[n], k).numpy(), expected[n] - k):
                return False
        return True

    assert all(at_once(work))


def test_a_recorded_function_writes_to_a_shared_tensor():
    """Each thread's function changes its own row of one tensor, whose changes are counted."""
    total = pt.zeros((6, 50))
    functions = []
    for row in range(6):

        def add(x, row=total[row]):
            row += x
            return row * 1

        functions.append(pt.jit(add))
    with pt.GradientTape() as tape:
        tape.watch(total)
        y = pt.sum(total * total)

    def work(i):
        return [functions[i](pt.ones(50)).numpy()[0] for _ in range(100)]

    assert at_once(work) == [list(range(1, 101))] * 6
    with pytest.raises(RuntimeError, match="changed in place"):
        tape.gradient(y, total)


def test_tapes_of_many_threads_watch_the_same_tensors():
    """Outer and inner tapes, in forward and reverse mode; the tensors belong to some tape first."""
    shared = [pt.asarray(np.linspace(0.1, 1.0, n)) for n in range(1, 9)]

    def work(i):
        good = True
        for k in range(60):
            x = shared[(i + k) % len(shared)]
            with pt.GradientTape() as outer:
                outer.watch(shared)
                with pt.GradientTape() as inner:
                    inner.watch(x)
                    y = pt.sum(x * x * x)
                first = inner.gradient(y, x)
                loss = pt.sum(first)
            if k % 2:
                found = outer.gradient(loss, x)
                good = good and np.allclose(found, 6 * x.numpy())
            else:
                found = outer.jvp(loss, x, pt.ones(x.shape, dtype=x.dtype))
                good = good and np.isclose(found.item(), 6 * x.numpy().sum())
            good = good and np.allclose(first, 3 * x.numpy() ** 2)
        return good

    assert all(at_once(work))


def test_threads_watch_with_one_tape():
    shared = [pt.asarray(np.full(3, float(n))) for n in range(300)]
    for _ in range(5):
        tape = pt.GradientTape()
        at_once(lambda i, tape=tape: tape.watch(shared[i * 10 :]))
        with tape:
            y = sum(pt.sum(x * x) for x in shared)
        for x, dx in zip(shared, tape.gradient(y, shared), strict=True):
            assert (dx is None) == (x is None) and np.array_equal(dx, 2 * x.numpy())


def test_a_persistent_tape_is_asked_by_many():
    """Among its records, a recurrent layer and a layer whose inputs are mostly zero."""
    rng = np.random.default_rng(0)
    recurrent = layers.LSTM(8)
    x = pt.asarray(rng.standard_normal((4, 5, 3)).astype("float32"))
    recurrent(x)
    sparse = np.zeros((64, 512), "float32")
    sparse[:, :9] = rng.standard_normal((64, 9))
    kernel = pt.asarray(rng.standard_normal((512, 128)).astype("float32"))
    with pt.GradientTape(persistent=True) as tape:
        tape.watch(x, kernel)
        y = pt.sum(recurrent(x)) + pt.sum(pt.tanh(pt.nn.linear(pt.asarray(sparse), kernel)))
    expected = [bytes(d) for d in tape.gradient(y, [x, kernel])]

    def work(i):
        for k in range(20):
            found = tape.gradient(y, [x, kernel], row_gradients=bool((i + k) % 2))
            found[1] = found[1].dense() if isinstance(found[1], RowGradient) else found[1]
            if [bytes(d) for d in found] != expected:
                return False
        return True

    assert all(at_once(work))


def test_one_thread_gets_the_gradient_of_a_tape():
    x = pt.asarray(np.linspace(0.0, 1.0, 50))
    for _ in range(30):
        with pt.GradientTape() as tape:
            tape.watch(x)
            y = x
            for _ in range(20):
                y = y * 1.5

        def work(i, tape=tape, y=y):
            try:
                return tape.gradient(y, x)
            except RuntimeError as error:
                assert "used already" in str(error)

        found = [dx for dx in at_once(work) if dx is not None]
        assert len(found) == 1 and np.allclose(found[0], 1.5**20)


def test_a_row_gradient_is_asked_by_many():
    rng = np.random.default_rng(0)
    x = pt.asarray(rng.standard_normal((64, 512)).astype("float32"))
    kernel = pt.asarray(rng.standard_normal((512, 512)).astype("float32"))
    for _ in range(10):
        with pt.GradientTape() as tape:
            tape.watch(kernel)
            y = pt.nn.linear(x, kernel)
        dw = tape.gradient(y, kernel, row_gradients=True)
        assert isinstance(dw, RowGradient)
        found = at_once(lambda i, dw=dw: (str(dw.dtype), bytes(dw.dense())))
        assert found == [found[0]] * 6


def test_functions_and_derivatives_are_made_by_the_first_of_many():
    """Functions that NumPy computes, and their derivatives, are made when they are first used."""
    code = """
        import threading
        import pytensor as pt
        names = ["sort", "cumulative_sum", "linalg.inv", "linalg.qr", "linalg.eigh", "fft.rfft",
                 "linalg.cholesky", "linalg.det", "linalg.svd"]
        x = pt.asarray([[2.0, 0.5], [0.5, 3.0]])
        barrier, wrong = threading.Barrier(8), []

        def function(name):
            at = pt
            for part in name.split("."):
                at = getattr(at, part)
            return at

        def work():
            for name in names:
                barrier.wait()
                f = function(name)
                if name.startswith("fft"):
                    f(x)
                    continue
                with pt.GradientTape() as tape:
                    tape.watch(x)
                    out = f(x, axis=0) if name == "cumulative_sum" else f(x)
                    out = out[0] if isinstance(out, tuple) else out
                    y = pt.sum(out)
                if tape.gradient(y, x) is None:
                    wrong.append(name)

        workers = [threading.Thread(target=work) for _ in range(8)]
        for worker in workers: worker.start()
        for worker in workers: worker.join()
        print(wrong)
    """
    for _ in range(2):
        assert output_of(code) == "[]"


def test_threads_draw_from_one_generator():
    """The first use makes it, in whichever thread; no number is drawn twice."""
    for k in range(20):
        with random.stream(k):
            assert len({id(g) for g in at_once(lambda i: random.generator())}) == 1
    random.seed(3)
    found = at_once(lambda i: [random.generator().random() for _ in range(200)])
    random.seed(3)
    numbers = sorted(number for part in found for number in part)
    assert numbers == sorted(random.generator().random() for _ in range(1200))


def test_networks_are_trained_in_two_threads(threads):
    """With an own generator each, the weights are those of training one after the other."""
    threads(2)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 8, 4)).astype("float32")
    y = rng.integers(3, size=64)

    def make():
        random.seed(5)
        model = models.Sequential(
            [
                layers.Conv1D(6, 3, activation="relu", input_shape=(8, 4)),
                layers.BatchNormalization(),
                layers.GRU(8),
                layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
        return model

    def trained(model):
        model.fit(x, y, epochs=3, batch_size=16, verbose=0, shuffle=False)
        return [np.asarray(w).tobytes() for w in model.get_weights()]

    expected = trained(make())
    networks = [make() for _ in range(2)]
    assert at_once(lambda i: trained(networks[i]), 2) == [expected] * 2
