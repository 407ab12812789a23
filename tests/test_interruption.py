"""Signals during a kernel: a long product checks for them every 0.1 s.

The tests of long products assert no time. Without that question Python runs a handler once the call
is over, and once for all the signals that came meanwhile: a handler that ran twice during one call
shows it.
"""

import signal
import subprocess
import sys
import textwrap
import time

import pytest
from conftest import output_of

pytestmark = pytest.mark.once

# during(name, handler): handler(k) is called at the k-th signal of a timer, while a product runs
# that takes long enough for two signals. Returns the product and what it should be everywhere.
SIGNALS = """
    import os, signal, threading, warnings
    import pytensor as pt
    warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads

    def long_call(name, n):
        '''A function of no arguments, and the elements of what it gives.'''
        if name == "matmul":
            x = pt.ones((n, n), dtype="float64")
            return lambda: x @ x, n
        if name == "matmul of integers":
            x = pt.ones((n // 2, n // 2), dtype="int64")
            return lambda: x @ x, n // 2
        if name == "batched matmul":
            x = pt.ones((n // 8, 512, 512))
            return lambda: x @ x, 512
        if name == "runs of matmul":  # none of which takes as long
            x, y = pt.ones((n, 1, 8, 2048)), pt.ones((1, 8, 2048, 8))
            return lambda: x @ y, 2048
        x = pt.zeros((n, n))
        x[:, ::3] = 1  # linear leaves out columns of zeros
        w = pt.ones((n, n))
        return lambda: pt.nn.linear(x, w), len(range(0, n, 3))

    def during(name, handler):
        calls = []

        def handle(number, frame):
            calls.append(number)
            handler(len(calls))

        signal.signal(signal.SIGALRM, handle)
        for n in (1024, 2048, 4096, 8192):
            call, expected = long_call(name, n)
            calls.clear()
            signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
            try:
                out = call()
                n_during = len(calls)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            if n_during > 1:
                return out, expected
        raise AssertionError(f"{name}: no handler ran during the call")

    def is_right(out, expected):
        return bool(pt.all(out == expected))

    pt.set_num_threads(N_THREADS)
"""
CALLS = ["matmul", "matmul of integers", "batched matmul", "runs of matmul", "linear"]


def run(code, n_threads, **values):
    """The output of SIGNALS and code in a separate process."""
    given = "".join(f"{name} = {value!r}\n" for name, value in values.items())
    return output_of(
        f"N_THREADS = {n_threads}\n{given}" + textwrap.dedent(SIGNALS) + textwrap.dedent(code),
        timeout=120,
    )


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("name", CALLS)
def test_handlers_run_during_a_long_call(name, n_threads):
    """The call continues where it was, and its result is right."""
    code = "print(is_right(*during(NAME, lambda k: None)))"
    assert run(code, n_threads, NAME=name) == "True"


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("name", CALLS)
def test_an_exception_in_a_handler_ends_the_call(name, n_threads):
    code = """
        def handler(k):
            if k == 2: raise KeyboardInterrupt

        before = pt.memory.stats()["in_use"]
        try:
            during(NAME, handler)
        except KeyboardInterrupt:
            print("ended")
        print(pt.memory.stats()["in_use"] - before)
        call, expected = long_call(NAME, 1024)
        print(is_right(call(), expected))
    """
    assert run(code, n_threads, NAME=name).split() == ["ended", "0", "True"]


def test_an_interruption_takes_precedence_over_memory_errors():
    """If a task also ran out of memory, the product raises the handler's exception."""
    code = """
        from pytensor import _core

        def handler(number, frame):
            raise KeyboardInterrupt

        signal.signal(signal.SIGALRM, handler)
        call, _ = long_call("linear", 6144)
        for k in range(5, 9):  # of the first, operands and results, MemoryError would be due
            _core.memory_fail_after(k)
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            try:
                call()
            except (KeyboardInterrupt, MemoryError, SystemError) as error:
                print(type(error).__name__)
    """
    assert run(code, 2).split() == ["KeyboardInterrupt"] * 4


def test_a_handler_may_compute_set_threads_and_fork():
    code = """
        x = pt.ones((500, 500))
        found = []

        def handler(k):
            if k > 3: return
            pt.set_num_threads(k)
            pid = os.fork()
            if pid == 0:
                os._exit(0 if is_right(x @ x, 500) else 1)
            found.append(os.waitpid(pid, 0)[1] == 0 and is_right(x @ x, 500))

        print(is_right(*during("matmul", handler)), len(found) > 1 and all(found))
    """
    assert run(code, 2) == "True True"


def test_a_child_forked_by_a_handler_ends_the_call_too():
    code = """
        children = []

        def handler(k):
            if not children: children.append(os.fork())

        good = is_right(*during("matmul", handler))
        if children[0] == 0: os._exit(0 if good else 1)
        print(good, os.waitpid(children[0], 0)[1])
    """
    assert run(code, 2) == "True 0"


def test_another_thread_may_fork_while_the_call_asks():
    """The one that forks has the interpreter, and waits for the pool; the one that has the pool
    waits for the interpreter: neither may keep what it has."""
    code = """
        stop, bad = threading.Event(), []

        def work():
            while not stop.is_set():
                pid = os.fork()
                if pid == 0: os._exit(0)
                bad.append(os.waitpid(pid, 0)[1])

        worker = threading.Thread(target=work)
        worker.start()
        good = [is_right(*during("matmul", lambda k: None)) for _ in range(3)]
        stop.set()
        worker.join()
        print(all(good), len(bad) > 0, any(bad))
    """
    assert run(code, 2) == "True True False"


def test_other_threads_compute_undisturbed():
    """Signals are for the main thread."""
    code = """
        done, found = threading.Event(), []

        def work():
            call, expected = long_call("matmul", 2048)
            found.extend(is_right(call(), expected) for _ in range(2))
            done.set()

        def turn():  # what a loop's jump raises in CPython 3.13 passes by a `try` around it
            while not done.is_set(): pass

        worker = threading.Thread(target=work)
        worker.start()
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.15)
            turn()
        except KeyboardInterrupt:
            pass
        done.wait()
        print(found)
    """
    assert run(code, 2) == "[True, True]"


def test_the_thread_that_forked_is_the_main_one_of_its_child():
    code = """
        def work():
            pid = os.fork()
            if pid == 0:
                os._exit(0 if is_right(*during("matmul", lambda k: None)) else 1)
            print(os.waitpid(pid, 0)[1])

        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
    """
    assert run(code, 2) == "0"


def test_a_tape_and_a_training_survive():
    code = """
        from pytensor import layers, models

        def handler(k):
            if k == 2: raise KeyboardInterrupt

        v = pt.ones((3,))
        try:
            with pt.GradientTape() as tape:
                tape.watch(v)
                y = v * v
                during("matmul", handler)
        except KeyboardInterrupt:
            print("ended")
        print(tape.gradient(y, v).tolist())

        model = models.Sequential([layers.Dense(4, activation="relu", input_shape=(3,)),
                                   layers.Dense(1)])
        model.compile(optimizer="adam", loss="mse")
        x, y = pt.ones((64, 3)), pt.ones((64, 1))
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        try:
            model.fit(x, y, epochs=10**9, verbose=0)
        except KeyboardInterrupt:
            print("ended")
        history = model.fit(x, y, epochs=2, verbose=0)
        print(len(history.history["loss"]))
    """
    assert run(code, 2).splitlines() == ["ended", "[2.0, 2.0, 2.0]", "ended", "2"]


def test_a_subinterpreter_leaves_signals_to_the_main_interpreter():
    """A product in a subinterpreter could not raise the exception of a handler."""
    code = """
        import importlib, signal
        try:
            interpreters = importlib.import_module("_interpreters")
        except ImportError:
            interpreters = importlib.import_module("_xxsubinterpreters")

        def handler(number, frame):
            signal.signal(signal.SIGALRM, signal.SIG_IGN)  # once
            raise KeyboardInterrupt

        in_another = '''
        import signal
        try:
            import pytensor as pt
        except ImportError:
            print("ImportError", flush=True)
        else:
            x = pt.ones((2048, 2048), dtype="float64")
            _ = [x @ x for _ in range(5)]
            print("computed", flush=True)
        '''
        signal.signal(signal.SIGALRM, handler)
        def turn():  # see above
            while True: pass

        signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
        try:
            interpreters.run_string(interpreters.create(), textwrap.dedent(in_another))
            turn()
        except KeyboardInterrupt:
            print("interrupted")
    """
    lines = output_of("import textwrap\n" + textwrap.dedent(code)).splitlines()
    assert lines[-1] == "interrupted" and set(lines[:-1]) <= {"ImportError", "computed"}, lines


def test_everything_works_after_interrupting_a_long_product():
    """Ctrl-C ends the program's loop as soon as the product at work is done."""
    code = textwrap.dedent("""
        import signal, time
        import pytensor as pt
        signal.signal(signal.SIGINT, signal.default_int_handler)
        a = pt.ones((400, 400))
        a @ a
        print("ready", flush=True)
        try:
            while True:
                a @ a
        except KeyboardInterrupt:
            pass
        print(float((a @ a)[0, 0]), pt.sum(pt.ones(1_000_000)).item())
    """)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out.split()) == (0, ["400.0", "1000000.0"])
    assert time.monotonic() - started < 10
