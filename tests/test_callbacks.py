"""pytensor.callbacks."""

import io
import re
import sys

import numpy as np
import pytest

from pytensor import callbacks, layers, models

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
    history = network.fit(X, Y, batch_size=12, epochs=2, validation_data=(X[:5], Y[:5]), verbose=0,
                          callbacks=[recorder])
    names = [call[0] for call in recorder.calls]
    batch = ["on_train_batch_begin", "on_train_batch_end"]
    epoch = ["on_epoch_begin", *batch, *batch, "on_test_begin", "on_test_batch_begin",
             "on_test_batch_end", "on_test_end", "on_epoch_end"]
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
        "on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end",
        "on_predict_begin", "on_predict_batch_begin", "on_predict_batch_end", "on_predict_end"]
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
    network.fit(X, Y, epochs=3, verbose=0, callbacks=[callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((epoch, logs["loss"])), on_train_end=None)])
    assert seen == list(enumerate(network.history.history["loss"]))


def test_only_what_is_defined_is_called():
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
    assert capsys.readouterr().out == ("Epoch 5: early stopping\n"
                                       "Restoring the weights of the best epoch, 3\n")
    # Keras restores them also where training ended by itself
    assert Script(stopping, [3.0, 4.0]).weights == 0
    assert Script(callbacks.EarlyStopping(patience=2), FALLING_THEN_RISING).weights == 4


def test_early_stopping_in_fit():
    network = models.Sequential([layers.Dense(1, kernel_initializer="ones", input_shape=(2,))])
    network.compile("sgd", "mse")
    network.optimizer.learning_rate = 5.0  # diverges from the first step on
    weights = []
    history = network.fit(
        X, Y, epochs=9, batch_size=20, verbose=0, validation_split=0.2,
        callbacks=[callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: weights.append(network.get_weights())),
            callbacks.EarlyStopping(patience=3, restore_best_weights=True)])
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
        assert re.fullmatch(rf"Epoch {epoch}/2 - 2/2 steps - \d+\.\d s - {values} - {validation}",
                            lines[epoch - 1])
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
        assert states[epoch - 1].startswith(f"Epoch {epoch}/2: 100%")
        assert re.search(r"3/3 .*loss: .*mse: .*val_loss: .*val_mse: ", states[epoch - 1])
    assert re.search(r"100%.*1/1 .*loss: ", states[2])
    assert re.search(r"100%.*4/4 ", states[3])


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


def test_a_stdout_that_does_not_say_what_it_is(monkeypatch):
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
        (lambda: model().fit(X, Y, verbose=3), ValueError,
         "verbose: found 3: expected 0, 1, 2 or 'auto'"),
        (lambda: model().fit(X, Y, verbose=0, callbacks=5), TypeError,
         "callbacks: found 5: expected a list of callbacks"),
        (lambda: model().fit(X, Y, verbose=0, callbacks=["history"]), TypeError,
         "callbacks: found 'history': expected objects of a subclass"),
        (lambda: callbacks.LambdaCallback(on_epoch=print), TypeError,
         "LambdaCallback: unknown hook 'on_epoch': known are on_train_begin"),
        (lambda: callbacks.EarlyStopping(mode="up"), ValueError,
         "unknown mode 'up': known are auto, max, min"),
        (lambda: callbacks.EarlyStopping(patience=-1), ValueError, "patience: found -1"),
        (lambda: callbacks.EarlyStopping(min_delta="x"), TypeError, "min_delta: found 'x'"),
        (lambda: callbacks.EarlyStopping(monitor=5), TypeError,
         "^EarlyStopping: monitor: found 5: expected a name in the logs"),
        (lambda: callbacks.EarlyStopping(baseline="a"), TypeError,
         "^EarlyStopping: baseline: found 'a': expected a number"),
        (lambda: model().fit(X, Y, verbose=0, callbacks=[callbacks.EarlyStopping()]), ValueError,
         "EarlyStopping: monitor 'val_loss' is not in the logs: known are loss, mse"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
