"""pytensor.callbacks."""

import io
import re
import sys

import numpy as np
import pytest

import pytensor as pt
from pytensor import callbacks, layers, models
from pytensor.checkpoints import Checkpoint

X = np.linspace(-1, 1, 40, dtype=np.float32).reshape(20, 2)
Y = X[:, :1] - X[:, 1:]


def model():
    network = models.Sequential([layers.Dense(1, kernel_initializer="ones", input_shape=(2,))])
    network.compile("sgd", "mse", metrics=["mse"])
    return network


class Recorder(callbacks.Callback):
    """Notes every call."""

    def __init__(self):
        self.calls = []


def _recorded(hook):
    def method(self, *arguments, **keywords):
        assert self.model is not None
        self.calls.append((hook, *arguments))

    return method


for _hook in callbacks.HOOKS:
    setattr(Recorder, _hook, _recorded(_hook))


class Script:
    """A model whose monitored values are given: what EarlyStopping sees of training."""

    def __init__(self, callback, values, monitor="val_loss"):
        self.stop_training = False
        self.weights = None
        callback.set_model(self)
        callback.on_train_begin()
        for epoch, value in enumerate(values):
            self.weights = epoch
            callback.on_epoch_end(epoch, {monitor: value})
            if self.stop_training:
                break
        self.epochs = epoch + 1
        callback.on_train_end()

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


# --------------------------------------------------------------------------------------- hooks


def test_order_of_hooks():
    recorder = Recorder()
    network = model()
    history = network.fit(
        X,
        Y,
        batch_size=12,
        epochs=2,
        validation_data=(X[:5], Y[:5]),
        verbose=0,
        callbacks=[recorder],
    )
    names = [call[0] for call in recorder.calls]
    batch = ["on_train_batch_begin", "on_train_batch_end"]
    epoch = [
        "on_epoch_begin",
        *batch,
        *batch,
        "on_test_begin",
        "on_test_batch_begin",
        "on_test_batch_end",
        "on_test_end",
        "on_epoch_end",
    ]
    assert names == ["on_train_begin", *epoch, *epoch, "on_train_end"]
    assert recorder.params == {"verbose": 0, "epochs": 2, "steps": 2}
    last = recorder.calls[-2]
    assert last[:2] == ("on_epoch_end", 1)
    assert last[2] == {name: values[-1] for name, values in history.history.items()}
    assert list(last[2]) == ["loss", "mse", "val_loss", "val_mse"]
    assert recorder.calls[-1][1] == last[2]
    batches = [call for call in recorder.calls if call[0] == "on_train_batch_end"]
    assert [call[1] for call in batches] == [0, 1, 0, 1]
    assert batches[1][2]["loss"] == history.history["loss"][0]


def test_hooks_of_evaluate_and_predict():
    recorder = Recorder()
    network = model()
    loss = network.evaluate(X, Y, batch_size=20, verbose=0, callbacks=[recorder], return_dict=True)
    network.predict(X, batch_size=20, verbose=0, callbacks=[recorder])
    assert [call[0] for call in recorder.calls] == [
        "on_test_begin",
        "on_test_batch_begin",
        "on_test_batch_end",
        "on_test_end",
        "on_predict_begin",
        "on_predict_batch_begin",
        "on_predict_batch_end",
        "on_predict_end",
    ]
    assert recorder.calls[3][1] == loss


def test_one_callback_without_a_list():
    recorder = Recorder()
    network = model()
    network.fit(X, Y, verbose=0, callbacks=recorder)
    network.evaluate(X, Y, verbose=0, callbacks=recorder)
    assert {"on_epoch_end", "on_test_end"} <= {call[0] for call in recorder.calls}


def test_lambda_callback():
    seen = []
    network = model()
    network.fit(
        X,
        Y,
        epochs=3,
        verbose=0,
        callbacks=[
            callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: seen.append((epoch, logs["loss"])),
                on_train_end=None,
            )
        ],
    )
    assert seen == list(enumerate(network.history.history["loss"]))


def test_only_defined_hooks_are_called():
    runner = callbacks.CallbackList([callbacks.History(), callbacks.Callback()], None)
    assert [hook for hook, methods in runner.hooks.items() if methods] == ["on_epoch_end"]


def test_history():
    network = model()
    history = network.fit(X, Y, epochs=3, initial_epoch=1, verbose=0)
    assert history is network.history
    assert history.epoch == [1, 2]
    assert [len(values) for values in history.history.values()] == [2, 2]


# ------------------------------------------------------------------------------- EarlyStopping

FALLING_THEN_RISING = [5.0, 4.0, 3.0, 3.5, 3.2, 3.1, 2.0, 2.5]


@pytest.mark.parametrize(
    ("options", "values", "epochs"),
    [
        ({}, FALLING_THEN_RISING, 4),
        ({"patience": 1}, FALLING_THEN_RISING, 4),
        ({"patience": 3}, FALLING_THEN_RISING, 6),
        ({"patience": 4}, FALLING_THEN_RISING, 8),
        ({"min_delta": 1.5}, FALLING_THEN_RISING, 2),
        ({"mode": "max"}, FALLING_THEN_RISING, 2),
        ({"start_from_epoch": 4}, FALLING_THEN_RISING, 8),
        ({"patience": 2, "baseline": 1.0}, FALLING_THEN_RISING, 4),
        ({"patience": 1}, [float("nan")] * 4, 2),
    ],
)
def test_early_stopping(options, values, epochs):
    assert Script(callbacks.EarlyStopping(**options), values).epochs == epochs


def test_early_stopping_by_accuracy():
    for monitor in ("val_accuracy", "acc", "binary_accuracy"):
        stopping = callbacks.EarlyStopping(monitor)
        assert Script(stopping, [0.1, 0.2, 0.3, 0.2, 0.9], monitor).epochs == 4


def test_restoring_the_best_weights(capsys):
    stopping = callbacks.EarlyStopping(patience=2, restore_best_weights=True, verbose=1)
    assert Script(stopping, FALLING_THEN_RISING).weights == 2
    assert stopping.best_epoch == 2
    assert stopping.best == 3
    assert capsys.readouterr().out == (
        "Epoch 5: early stopping\nRestoring the weights of the best epoch, 3\n"
    )
    # Keras restores them also where training ended by itself
    assert Script(stopping, [3.0, 4.0]).weights == 0
    assert Script(callbacks.EarlyStopping(patience=2), FALLING_THEN_RISING).weights == 4


def test_early_stopping_in_fit():
    network = models.Sequential([layers.Dense(1, kernel_initializer="ones", input_shape=(2,))])
    network.compile("sgd", "mse")
    network.optimizer.learning_rate = 5.0  # diverges from the first step on
    weights = []
    history = network.fit(
        X,
        Y,
        epochs=9,
        batch_size=20,
        verbose=0,
        validation_split=0.2,
        callbacks=[
            callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: weights.append(network.get_weights())
            ),
            callbacks.EarlyStopping(patience=3, restore_best_weights=True),
        ],
    )
    assert len(history.epoch) == 4
    assert np.argmin(history.history["val_loss"]) == 0
    for found, best in zip(network.get_weights(), weights[0], strict=True):
        np.testing.assert_array_equal(found, best)


# ------------------------------------------------------------------------------------ progress


def test_lines(capsys):
    network = model()
    network.fit(X, Y, batch_size=8, epochs=2, validation_split=0.5)
    network.evaluate(X, Y)
    network.predict(X, batch_size=5)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    values = r"loss: \d\.\d{4}(e-\d\d)? - mse: \d\.\d{4}(e-\d\d)?"
    validation = values.replace("loss", "val_loss").replace("mse", "val_mse")
    for epoch in (1, 2):
        assert re.fullmatch(
            rf"Epoch {epoch}/2 - 2/2 steps - \d+\.\d s - {values} - {validation}", lines[epoch - 1]
        )
    assert re.fullmatch(rf"1/1 steps - \d+\.\d s - {values}", lines[2])
    assert re.fullmatch(r"4/4 steps - \d+\.\d s", lines[3])


def test_silence(capsys):
    network = model()
    network.fit(X, Y, verbose=0, validation_split=0.5)
    network.evaluate(X, Y, verbose=0)
    network.predict(X, verbose=0)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def test_bar_on_a_terminal(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    network = model()
    network.fit(X, Y, batch_size=4, epochs=2, validation_split=0.5)
    network.evaluate(X, Y)
    network.predict(X, batch_size=5)
    shown = screen.getvalue()
    states = [re.split(r"\r", line)[-1] for line in shown.strip().split("\n")]
    assert len(states) == 4
    for epoch in (1, 2):
        assert re.match(
            rf"Epoch {epoch}/2: loss [\d.]+, mse [\d.]+, val_loss [\d.]+, "
            r"val_mse [\d.]+ 3/3 \|#+\| 00:00, ",
            states[epoch - 1],
        )
    assert re.match(r"loss [\d.]+, mse [\d.]+ 1/1 \|#+\| ", states[2])
    assert re.match(r" ?4/4 \|#+\| ", states[3])


@pytest.mark.parametrize("verbose", ["auto", 0, 1, 2])
def test_without_a_stdout(monkeypatch, capsys, verbose):
    network = model()
    monkeypatch.setattr(sys, "stdout", None)
    network.fit(X, Y, epochs=2, verbose=verbose, validation_split=0.5)
    network.evaluate(X, Y, verbose=verbose)
    network.predict(X, verbose=verbose)
    monkeypatch.undo()
    assert len(network.history.epoch) == 2
    assert capsys.readouterr() == ("", "")


def test_a_stdout_without_isatty(monkeypatch):
    written = []

    class Stream:
        write = staticmethod(written.append)
        flush = staticmethod(lambda: None)

    monkeypatch.setattr(sys, "stdout", Stream())
    model().fit(X, Y)
    assert "".join(written).startswith("Epoch 1/1 - 1/1 steps")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: model().fit(X, Y, verbose=3),
            ValueError,
            "verbose: found 3: expected 0, 1, 2 or 'auto'",
        ),
        (
            lambda: model().fit(X, Y, verbose=0, callbacks=5),
            TypeError,
            "callbacks: found 5: expected a list of callbacks",
        ),
        (
            lambda: model().fit(X, Y, verbose=0, callbacks=["history"]),
            TypeError,
            "callbacks: found 'history': expected objects of a subclass",
        ),
        (
            lambda: callbacks.LambdaCallback(on_epoch=print),
            TypeError,
            "LambdaCallback: unknown hook 'on_epoch': known are on_train_begin",
        ),
        (
            lambda: callbacks.EarlyStopping(mode="up"),
            ValueError,
            "unknown mode 'up': known are auto, max, min",
        ),
        (lambda: callbacks.EarlyStopping(patience=-1), ValueError, "patience: found -1"),
        (lambda: callbacks.EarlyStopping(min_delta="x"), TypeError, "min_delta: found 'x'"),
        (
            lambda: callbacks.EarlyStopping(monitor=5),
            TypeError,
            "^EarlyStopping: monitor: found 5: expected a name in the logs",
        ),
        (
            lambda: callbacks.EarlyStopping(baseline="a"),
            TypeError,
            "^EarlyStopping: baseline: found 'a': expected a number",
        ),
        (
            lambda: model().fit(X, Y, verbose=0, callbacks=[callbacks.EarlyStopping()]),
            ValueError,
            "EarlyStopping: monitor 'val_loss' is not in the logs: known are loss, mse",
        ),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ------------------------------------------------------------------ by the value of a metric


class Values(callbacks.Callback):
    """Puts values of one's own in the logs, epoch by epoch."""

    def __init__(self, *values, name="val_loss"):
        self.values = values
        self.name = name

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]


def fit(*callbacks_, epochs=4, network=None, **options):
    network = model() if network is None else network
    return network, network.fit(
        X, Y, epochs=epochs, verbose=0, callbacks=list(callbacks_), **options
    )


def test_model_checkpoint_after_every_epoch(tmp_path, capsys):
    network, _ = fit(
        callbacks.ModelCheckpoint(tmp_path / "{epoch:02d}-{loss:.9f}.safetensors", verbose=1),
        epochs=2,
    )
    first, second = sorted(tmp_path.iterdir())
    assert first.name.startswith("01-1.40")
    again = models.load_model(second)
    for a, b in zip(again.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert capsys.readouterr().out.splitlines()[1] == f"Epoch 2: written to {second}"


@pytest.mark.parametrize(
    ("options", "values", "best"),
    [
        ({}, (3, 1, 2, 4), 2),
        ({"mode": "max"}, (3, 1, 2, 4), 4),
        ({"initial_value_threshold": 0.5}, (3, 1, 2, 4), None),
        ({}, (float("nan"), 3, float("nan"), 4), 2),
    ],
)
def test_model_checkpoint_of_the_best(tmp_path, options, values, best):
    path = tmp_path / "best.safetensors"
    written = []
    network = model()
    network.save_weights = lambda path: written.append(network.optimizer.iterations)
    fit(
        Values(*values),
        callbacks.ModelCheckpoint(path, save_best_only=True, save_weights_only=True, **options),
        network=network,
    )
    assert (written[-1] if written else None) == best


def test_model_checkpoint_by_batches(tmp_path):
    fit(
        callbacks.ModelCheckpoint(tmp_path / "{epoch}.{batch}", save_freq=3), epochs=2, batch_size=5
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.3", "2.2"]


def test_reduce_lr_on_plateau(capsys):
    reducing = callbacks.ReduceLROnPlateau(
        factor=0.5, patience=2, cooldown=1, min_lr=0.003, verbose=1
    )
    _, history = fit(Values(5, 4, 4, 4, 4, 4, 4, 4, 4), reducing, epochs=9)
    assert history.history["learning_rate"] == pytest.approx([0.01] * 4 + [0.005] * 2 + [0.003] * 3)
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 4: the learning rate falls to 0.005",
        "Epoch 6: the learning rate falls to 0.003",
    ]


@pytest.mark.parametrize(
    "schedule",
    [lambda epoch: 0.1 / (epoch + 1), lambda epoch, rate: 0.1 if epoch == 0 else rate / 2],
)
def test_learning_rate_scheduler(schedule, capsys):
    _, history = fit(callbacks.LearningRateScheduler(schedule, verbose=1), epochs=2)
    assert history.history["learning_rate"] == [0.1, 0.05]
    assert capsys.readouterr().out.splitlines()[1] == "Epoch 2: the learning rate is 0.05"


@pytest.mark.parametrize(
    ("monitor", "metrics", "expected"),
    [
        ("auc", ["auc"], True),
        ("val_auc", ["auc"], True),
        ("accuracy", ["accuracy"], True),
        ("loss", ["auc"], False),
        ("mse", ["mse"], False),
        ("val_my_acc", [], True),
        ("false_negatives", ["false_negatives"], False),
        ("precision", ["precision"], True),
    ],
)
def test_the_direction_of_a_metric(monitor, metrics, expected):
    network = models.Sequential([layers.Dense(1, activation="sigmoid", input_shape=(2,))])
    network.compile("sgd", "mse", metrics=metrics)
    network.train_on_batch(X, Y > 0)
    stopping = callbacks.EarlyStopping(monitor)
    stopping.set_model(network)
    assert stopping.improves(2.0, 1.0) is expected


@pytest.mark.oracle
@pytest.mark.parametrize(
    "make",
    [
        lambda c: c.ReduceLROnPlateau("loss", factor=0.3, patience=2, min_delta=0.02, cooldown=1),
        lambda c: c.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        lambda c: c.EarlyStopping("loss", min_delta=0.05, patience=2),
        lambda c: c.EarlyStopping("loss", patience=1, baseline=1e-3, start_from_epoch=2),
    ],
    ids=["plateau", "scheduler", "stopping", "baseline"],
)
def test_training_matches_keras(keras, make):
    ours = model()
    theirs = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    theirs.set_weights(ours.get_weights())
    theirs.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mse"])
    ours.optimizer.learning_rate = 0.1
    options = {"epochs": 12, "shuffle": False, "verbose": 0}
    found = ours.fit(X, Y, callbacks=[make(callbacks)], **options).history
    expected = theirs.fit(X, Y, callbacks=[make(keras.callbacks)], **options).history
    assert found.keys() == expected.keys()
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-3, atol=1e-9)


# ---------------------------------------------------------------------------------- into files


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    _, history = fit(callbacks.CSVLogger(path, separator=";"), epochs=2)
    lines = [line.split(";") for line in path.read_text().splitlines()]
    assert lines[0] == ["epoch", "loss", "mse"]
    assert [float(line[1]) for line in lines[1:]] == history.history["loss"]
    fit(callbacks.CSVLogger(path, separator=";", append=True), epochs=1)
    assert [line.split(";")[0] for line in path.read_text().splitlines()] == [
        "epoch",
        "0",
        "1",
        "0",
    ]
    fit(callbacks.CSVLogger(path), epochs=1)
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.oracle
def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard", reason="needs pytensor-kernels[tensorboard]")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = callbacks.TensorBoard(tmp_path, histogram_freq=1, update_freq=2)
    _, history = fit(board, epochs=2, batch_size=5, validation_data=(X, Y))
    found = {}
    for kind in ("train", "validation"):
        events = EventAccumulator(str(tmp_path / kind))
        events.Reload()
        found[kind] = events
    values = [event.value for event in found["train"].Scalars("epoch_loss")]
    np.testing.assert_allclose(values, history.history["loss"], rtol=1e-6)
    values = [event.value for event in found["validation"].Scalars("epoch_mse")]
    np.testing.assert_allclose(values, history.history["val_mse"], rtol=1e-6)
    assert [event.step for event in found["train"].Scalars("batch_loss")] == [2, 4, 6, 8]
    histogram = found["train"].Histograms("dense/kernel/histogram")[-1].histogram_value
    assert histogram.num == 2


def test_tensorboard_names_the_missing_package(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'pytensor-kernels\[tensorboard\]'"):
        fit(callbacks.TensorBoard(tmp_path))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda path: callbacks.ModelCheckpoint(path / "no" / "x"),
            FileNotFoundError,
            "No such file or directory: '.*/no/x'$",
        ),
        (lambda path: callbacks.ModelCheckpoint(path), OSError, "no regular file"),
        (
            lambda path: callbacks.ModelCheckpoint(path / "{nothing}"),
            ValueError,
            "ModelCheckpoint: filepath .*'nothing': expected one of epoch, loss, mse",
        ),
        (
            lambda path: callbacks.ModelCheckpoint(path / "x", save_best_only=True),
            ValueError,
            "ModelCheckpoint: monitor 'val_loss' is not in the logs",
        ),
        (
            lambda path: callbacks.ModelCheckpoint(path / "x", save_freq="batch"),
            TypeError,
            "ModelCheckpoint: save_freq: found 'batch'",
        ),
        (lambda path: callbacks.ModelCheckpoint(3), TypeError, "ModelCheckpoint: path: found 3"),
        (lambda path: callbacks.CSVLogger(path / "no" / "x"), FileNotFoundError, "/no/x"),
        (lambda path: callbacks.ReduceLROnPlateau(factor=1.0), ValueError, "factor: found 1"),
        (lambda path: callbacks.ReduceLROnPlateau(mode="up"), ValueError, "unknown mode 'up'"),
        (lambda path: callbacks.LearningRateScheduler(0.1), TypeError, "schedule: found 0.1"),
        (
            lambda path: callbacks.LearningRateScheduler(lambda epoch: -1),
            ValueError,
            "learning_rate: found -1",
        ),
    ],
)
def test_refuses_more(make, error, message, tmp_path):
    with pytest.raises(error, match=message):
        fit(make(tmp_path), epochs=1)


def test_csv_logger_appends_to_foreign_files(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text('epoch,accuracy,loss\r\n0,0.5,"1.5"\r\n\r\n1,0.75,1.25')  # no last newline
    _, history = fit(callbacks.CSVLogger(path, append=True), epochs=2)
    lines = [line.split(",") for line in path.read_text().splitlines()]
    loss, mse = history.history["loss"], history.history["mse"]
    assert lines == [
        ["epoch", "accuracy", "loss", "mse"],
        ["0", "0.5", "1.5", "NA"],
        ["1", "0.75", "1.25", "NA"],
        ["0", "NA", str(loss[0]), str(mse[0])],
        ["1", "NA", str(loss[1]), str(mse[1])],
    ]
    for text in ("", "\n"):
        path.write_text(text)
        fit(callbacks.CSVLogger(path, append=True), epochs=1)
        assert path.read_text().startswith("epoch,loss,mse\n0,")
    with pytest.raises(
        ValueError,
        match=r"CSVLogger: .*log\.csv: the first line is .*separated "
        "by ';'",
    ):
        fit(callbacks.CSVLogger(path, separator=";", append=True))


def test_csv_logger_appends_once_after_a_resumption(tmp_path):
    path, checkpoint = tmp_path / "log.csv", tmp_path / "model"
    fit(callbacks.CSVLogger(path), epochs=1)
    for epochs in (2, 4):
        fit(
            callbacks.CSVLogger(path, append=True),
            Checkpoint(checkpoint, resume=True),
            epochs=epochs,
        )
    assert [line.split(",")[0] for line in path.read_text().splitlines()] == [
        "epoch",
        "0",
        "0",
        "1",
        "2",
        "3",
    ]


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_outputs_of_predicted_batches(verbose, capsys):
    network, found = model(), []
    out = network.predict(
        X,
        batch_size=8,
        verbose=verbose,
        callbacks=[
            callbacks.LambdaCallback(
                on_predict_batch_end=lambda batch, logs: found.append(np.asarray(logs["outputs"]))
            )
        ],
    )
    assert [len(part) for part in found] == [8, 8, 4]
    np.testing.assert_array_equal(np.concatenate(found), out)


def test_backup_and_restore(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(24, 3)).astype(np.float32)
    y = x[:, :1] * 2

    def run(directory, stop_after=None, **options):
        pt.random.seed(1)
        model = models.Sequential([layers.Dense(2, input_shape=(3,)), layers.Dense(1)])
        model.compile(pt.optimizers.Adam(0.01), "mse")
        count = iter(range(100))

        def stop(*_):
            if next(count) == stop_after:
                raise KeyboardInterrupt

        used = [
            callbacks.BackupAndRestore(directory, **options),
            callbacks.LambdaCallback(on_train_batch_end=stop),
        ]
        return model, model.fit(x, y, epochs=3, batch_size=5, verbose=0, callbacks=used).history

    whole, history = run(tmp_path / "a")
    assert list((tmp_path / "a").iterdir()) == []  # deleted at the end
    for options in ({}, {"save_freq": 2, "delete_checkpoint": False}):
        directory = tmp_path / f"b{len(options)}"
        with pytest.raises(KeyboardInterrupt):
            run(directory, stop_after=8, **options)
        pt.random.seed(7)
        resumed, again = run(directory, **options)
        assert again == history
        for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert (directory / "latest.safetensors").exists() == bool(options)
