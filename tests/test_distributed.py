"""Data-parallel training. What needs MPI is skipped without the extra [mpi]."""

import inspect
import os
import shutil
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pytest

from pytensor import distributed
from pytensor._training import distribution

pytestmark = pytest.mark.once

# The longest a job may take, in seconds. (It takes one; machines are busy.)
LIMIT = 60

SCRIPT = """
import sys
import numpy as np
import pytensor as pt
from pytensor import callbacks, checkpoints, layers, models, random
from pytensor.distributed import DataParallel

def make_model(noisy):
    random.seed(5 + noisy)
    stack = [layers.Dense(16, activation="relu", kernel_regularizer="l2")]
    if noisy:
        stack += [layers.BatchNormalization(), layers.Dropout(0.3), layers.Dropout(0.3, seed=1)]
    model = models.Sequential([*stack, layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

def data(n=67):
    generator = np.random.default_rng(3)
    x = generator.normal(size=(n, 7)).astype("float32")
    return x, x[:, :3].argmax(1)

def save(path, model, history=None):
    if history is not None:
        np.savez(path, *model.get_weights(),
                 **{key: np.array(values) for key, values in history.history.items()})
    else:
        np.savez(path, *model.get_weights())
"""


@pytest.fixture(scope="session")
def mpi():
    """Run a script on several ranks; return exit code, output and seconds."""
    pytest.importorskip("mpi4py", reason="needs pytensor-kernels[mpi]")
    mpiexec = shutil.which(
        "mpiexec",
        path=os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")]),
    )
    if (
        mpiexec is None
        or subprocess.run(
            [sys.executable, "-c", "from mpi4py import MPI"], capture_output=True
        ).returncode
    ):
        pytest.skip("needs mpiexec and an MPI library: pytensor-kernels[mpi]")

    def run(n, *command, code=0, before_end=None):
        start = time.monotonic()
        process = subprocess.Popen(
            [mpiexec, "-n", str(n), sys.executable, *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PYTENSOR_NUM_THREADS": "1"},
        )
        try:
            if before_end is not None:
                before_end(process)
            output, _ = process.communicate(timeout=LIMIT)
        except BaseException:
            process.kill()
            raise
        if code is not None:
            assert process.returncode == code, output
        return process.returncode, output, time.monotonic() - start

    return run


@pytest.fixture
def script(mpi, tmp_path):
    """Run a program after SCRIPT on so many ranks."""

    def run(n, text, **options):
        path = tmp_path / "script.py"
        path.write_text(SCRIPT + text)
        return mpi(n, path, **options)

    return run


def weights(path):
    with np.load(path) as archive:
        return {key: archive[key] for key in archive}


FIT = """
noisy, deterministic = {noisy}, {deterministic}
x, y = data()
model = make_model(noisy)
distribution = DataParallel(deterministic=deterministic) if {distribute} else None
if distribution is not None and distribution.rank:
    random.seed(99)  # what rank 0 has counts
    model = models.Sequential(models.Sequential.from_config(model.get_config()).layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.build((None, 7))
elif distribution is not None:
    model.build((None, 7))
else:
    model.build((None, 7))
# batches of 22, 22 and 2 samples: the last has fewer than there are shards
history = model.fit(x, y, batch_size=22, epochs=4, verbose=0, validation_split=0.3,
                    distribution=distribution)
if distribution is None or distribution.is_first:
    save({path!r}, model, history)
if distribution is not None:
    all_weights = distribution.comm.allgather([w.tobytes() for w in model.get_weights()])
    assert all(found == all_weights[0] for found in all_weights)
"""


def fitted(script, tmp_path, n, noisy, deterministic, distribute=True):
    path = str(tmp_path / f"{n}.npz")
    script(
        n, FIT.format(noisy=noisy, deterministic=deterministic, distribute=distribute, path=path)
    )
    return weights(path)


def test_the_same_bits_for_1_2_and_4_ranks(script, tmp_path):
    one, two, four = (
        fitted(script, tmp_path, n, noisy=True, deterministic=True) for n in (1, 2, 4)
    )
    assert len(one) == 8 + 4  # weights; loss and accuracy, also of the validation
    for key, value in one.items():
        assert np.array_equal(value, two[key]) and np.array_equal(value, four[key]), key


def test_weights_match_a_single_process_up_to_rounding(script, tmp_path):
    plain = fitted(script, tmp_path, 1, False, False, distribute=False)
    for n in (1, 2, 3):
        found = fitted(script, tmp_path, n, False, False)
        assert found.keys() == plain.keys()
        for key, value in plain.items():
            np.testing.assert_allclose(found[key], value, rtol=1e-4, atol=1e-5, err_msg=key)


TWO_AND_TWO = """
random.seed(5)
left, right = layers.Input((3,), name="left"), layers.Input((4,), name="right")
both = layers.Concatenate()([layers.Dense(5)(left), layers.Dense(5, activation="relu")(right)])
both = layers.add([both, layers.Dense(10)(both)])
ends = [layers.Dense(1, name="p")(both), layers.Dense(3, activation="softmax", name="q")(both)]
model = models.Model([left, right], ends)
model.compile("adam", ["mse", "sparse_categorical_crossentropy"], metrics=[["mae"], ["accuracy"]])
x, y = data()
inputs, targets = {{"left": x[:, :3], "right": x[:, 3:]}}, [x[:, :1], y]
history = model.fit(inputs, targets, batch_size=16, epochs=2, verbose=0,
                    validation_data=(inputs, targets),
                    distribution=DataParallel(deterministic=True))
save({path!r}, model, history)
"""


def test_several_inputs_and_outputs(script, tmp_path):
    found = []
    for n in (1, 2, 4):
        path = str(tmp_path / f"{n}.npz")
        script(n, TWO_AND_TWO.format(path=path))
        found.append(weights(path))
    for key, value in found[0].items():
        assert all(np.array_equal(value, other[key]) for other in found[1:]), key


ENDS = {
    "raise": "raise ValueError('on purpose')",
    "exit": "sys.exit(3)",
    "kill": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
}


@pytest.mark.parametrize("how", ENDS)
def test_a_failing_rank_ends_the_job(script, how):
    code, output, seconds = script(
        2,
        f"""
x, y = data()
model = make_model(False)
distribution = DataParallel()
def end(batch, logs):
    if distribution.rank == 1 and batch == 2:
        {ENDS[how]}
model.fit(x, y, batch_size=8, epochs=10**6, verbose=0, distribution=distribution,
          callbacks=[callbacks.LambdaCallback(on_train_batch_end=end)])
""",
        code=None,
    )
    assert code != 0 and seconds < LIMIT
    if how == "raise":
        assert "rank 1 of 2" in output and "ValueError: on purpose" in output
    if how == "kill":
        assert "KILLED" in output.upper()


def test_a_loss_that_is_not_finite_raises_on_all_ranks(script):
    _, output, _ = script(
        2,
        """
x, y = data()
x[2:5] = np.nan
distribution = DataParallel()
model = make_model(False)
before = None
try:
    model.fit(x, y, batch_size=67, verbose=0, distribution=distribution)
except FloatingPointError as error:
    finite = all(np.isfinite(w).all() for w in model.get_weights())
    for _ in range(distribution.rank):
        distribution.comm.Barrier()
    print(f"rank {distribution.rank}: {error}; {finite}", flush=True)
    for _ in range(distribution.size - 1 - distribution.rank):
        distribution.comm.Barrier()
""",
    )
    assert output.count("fit: epoch 1, step 1 of 1: the loss is nan") == 2
    assert output.count("; True") == 2


def test_metrics_that_are_not_sums_are_merged(script):
    _, output, _ = script(
        2,
        """
from pytensor import metrics
x, _ = data()
y = 1000 + x[:, :2]
model = models.Sequential([layers.Dense(2, bias_initializer="ones")])
model.compile("sgd", "mse", metrics=["r2_score", "mse"])
model.optimizer.learning_rate = 1e-30
history = model.fit(x, y, batch_size=16, verbose=0, distribution=DataParallel()).history
predictions = model.predict(x, verbose=0)
for name in ("r2_score", "mse"):
    print(abs(history[name][0] / metrics.get(name)(y, predictions) - 1) < 1e-6, flush=True)
""",
    )
    assert output.count("True") == 4, output


def test_evaluate_in_a_callback_uses_all_samples_on_each_rank(script):
    _, output, _ = script(
        2,
        """
x, y = data()
model = models.Sequential([layers.Dense(2)])
model.compile("sgd", "mse", metrics=["mae"])
y = x[:, :2]
found = []
evaluate = pt.callbacks.LambdaCallback(
    on_epoch_end=lambda epoch, logs: found.append(model.evaluate(x, y, verbose=0))
)
model.fit(x, y, batch_size=16, verbose=0, callbacks=[evaluate], distribution=DataParallel())
print(found == [model.evaluate(x, y, verbose=0)], flush=True)
""",
    )
    assert output.count("True") == 2, output


def test_one_process_and_many_have_one_interface():
    """What the trainer may call: the same names, arguments and attributes."""
    single, several = distribution.Distribution, distributed.DataParallel
    for name, thing in vars(single).items():
        if not name.startswith("_") and inspect.isfunction(thing):
            assert vars(several).keys() >= {name}
            assert [*inspect.signature(getattr(several, name)).parameters] == [
                *inspect.signature(thing).parameters
            ], name


def test_one_process_alone():
    alone = distribution.SINGLE_PROCESS
    assert (alone.rank, alone.size, alone.is_first, alone.shares) == (0, 1, True, False)
    assert alone.from_first(lambda: 3) == alone.first_goes_ahead(lambda: 3) == 3
    assert (alone.any_signal(True), alone.any_signal(False)) == (True, False)
    assert alone.cut(5) == [(0, 5)] and alone.share(5, lambda *rows: rows) == (0, 5)


def test_errors_about_what_cannot_be_shared(script):
    _, output, _ = script(
        2,
        """
from pytensor import losses, metrics
class Largest(metrics.Metric):
    def update_state(self, y_true, y_pred):
        pass
    def result(self):
        return 0.0
    def reset_state(self):
        pass
distribution = DataParallel()
for loss, found in ((losses.MeanSquaredError(reduction="sum"), []), ("mse", [Largest()])):
    model = models.Sequential([layers.Dense(2)])
    model.compile("sgd", loss, metrics=found)
    try:
        model.fit(np.ones((8, 3)), np.ones((8, 2)), verbose=0, distribution=distribution)
    except ValueError as error:
        if distribution.is_first:
            print(error, flush=True)
try:
    DataParallel(deterministic=True, shards=3)
except ValueError as error:
    if distribution.is_first:
        print(error, flush=True)
distribution._unfinished = False
""",
    )
    assert "reduction is 'sum': expected 'sum_over_batch_size'" in output
    assert "metric 'largest' keeps nothing: expected `kept`" in output
    assert "shards: found 3 for 2 ranks: expected a power of 2" in output


RESUME = """
x, y = data()
model = make_model(True)
distribution = DataParallel(deterministic=True)
used = [checkpoints.Checkpoint({checkpoint!r}, save_freq=2, resume=True)]
stop = {stop}
def end(batch, logs):
    if stop and model.optimizer.iterations == stop and distribution.is_first:
        import os, signal; os.kill(os.getpid(), signal.SIGKILL)
used.append(callbacks.LambdaCallback(on_train_batch_end=end))
history = model.fit(x, y, batch_size=8, epochs=3, verbose=0, callbacks=used,
                    distribution=distribution)
if distribution.is_first:
    save({path!r}, model, history)
"""


def test_a_killed_run_resumes_with_another_number_of_ranks(script, tmp_path):
    def run(name, n, stop, checkpoint, code=0):
        path = tmp_path / f"{name}.npz"
        script(
            n,
            RESUME.format(stop=stop, path=str(path), checkpoint=str(tmp_path / checkpoint)),
            code=code,
        )
        return path

    whole = weights(run("whole", 1, 0, "whole.safetensors"))
    run("parts", 2, 13, "parts.safetensors", code=None)  # in the middle of the second epoch
    assert (tmp_path / "parts.safetensors").exists() and not (tmp_path / "parts.npz").exists()
    assert not list(tmp_path.glob(".*tmp"))
    found = weights(run("parts", 4, 0, "parts.safetensors"))
    for key, value in whole.items():
        if key.startswith("arr_"):
            assert np.array_equal(value, found[key]), key
        else:  # the sums of the interrupted epoch begin with a rounded one
            np.testing.assert_allclose(found[key], value, rtol=1e-6)


@pytest.fixture
def command(mpi, tmp_path):
    """Run pytensor.train on so many ranks."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2000, 5)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=x, y=x.argmax(1))

    def run(n, *options, **more):
        return mpi(
            n,
            "-m",
            "mpi4py",
            "-m",
            "pytensor.train",
            "--distributed",
            "mpi",
            "--dataset",
            tmp_path / "data.npz",
            "--hidden",
            "16",
            "--epochs",
            "2",
            *options,
            **more,
        )

    return run


def test_the_command_writes_and_prints_once(command, tmp_path):
    log, model = tmp_path / "log.csv", tmp_path / "model.safetensors"
    _, output, _ = command(2, "--log", log, "--save", model, "--batch-size", "1000")
    assert output.count("test accuracy") == 1 and output.count("data.npz:") == 1
    assert "2 processes of 1 thread" in output and output.count("Epoch 2/2") == 1
    assert len(log.read_text().splitlines()) == 3 and model.exists()
    _, output, _ = command(1, "--resume", model, "--epochs", "3", "--batch-size", "1000")
    assert "Epoch 3/3" in output and "Epoch 2/3" not in output


def test_an_error_on_all_ranks_is_printed_once(command, tmp_path):
    _, output, _ = command(2, "--save", tmp_path / "no" / "model", code=2)
    assert output.count("pytensor.train: ") == 1 and "--save" in output


def test_an_interrupted_command_saves_the_run(command, tmp_path):
    model = tmp_path / "model.safetensors"

    def interrupt(process):
        until = time.monotonic() + LIMIT
        while not model.exists() and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)

    code, output, _ = command(
        2,
        "--save",
        model,
        "--epochs",
        "100000",
        "--batch-size",
        "500",
        code=None,
        before_end=interrupt,
    )
    assert code != 0 and output.count("the run is kept") == 1


# -------------------------------------------------------------------------------- without MPI


def test_without_mpi4py_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ImportError, match=r"pip install 'pytensor-kernels\[mpi\]'"):
        distributed.DataParallel()


def test_without_mpi4py_the_command_says_so():
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.modules['mpi4py'] = None; "
            "from pytensor.train import main; sys.exit(main(sys.argv[1:]))",
            "--distributed",
            "mpi",
        ],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 2 and len(found.stderr.splitlines()) == 1
    assert "--distributed: needs mpi4py" in found.stderr


def test_import_pytensor_imports_no_mpi():
    code = "import sys, pytensor, pytensor.models; print('mpi4py' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
        == "False\n"
    )


@pytest.mark.parametrize(
    ("own", "others", "quota", "expected"),
    [
        (range(8), [range(8)] * 4, 8, 2),  # all may use all
        (range(8), [range(8)] * 3, 8, 2),
        (range(2), [range(2), range(2, 4)], 2, 2),  # bound to processors of their own
        (range(4), [range(4), range(2, 8)], 4, 3),  # two of four are shared
        (range(2), [range(2)] * 4, 2, 1),  # more ranks than processors
        (range(8), [range(8)] * 2, 4, 2),  # a cgroup's quota of 4
    ],
)
def test_a_rank_runs_its_share_of_the_threads(monkeypatch, own, others, quota, expected):
    node = types.SimpleNamespace(
        allgather=lambda _: [set(other) for other in others], Free=lambda: None
    )
    comm = types.SimpleNamespace(Split_type=lambda kind: node)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(own))
    monkeypatch.setattr("pytensor._functions.build_config", lambda: {"default threads": quota})
    mpi = types.SimpleNamespace(COMM_TYPE_SHARED=0)
    assert distributed._share_of_processors(mpi, comm) == expected


def test_the_parts_of_a_batch_are_the_batch():
    for n in (0, 1, 3, 22, 128):
        for ranks in (1, 2, 4):
            parts = []
            for rank in range(ranks):
                share = types.SimpleNamespace(rank=rank, n_own=4 // ranks, shards=4)
                parts += distributed.DataParallel.cut(share, n)
            rows = [row for start, stop in parts for row in range(start, stop)]
            assert rows == list(range(n)) and len(parts) == 4
