"""pytensor.checkpoints: runs that go on from a checkpoint end as if never interrupted."""

import copy
import json

import numpy as np
import pytest

from pytensor import callbacks, layers, models, optimizers, random, utils
from pytensor.checkpoints import Checkpoint
from pytensor.datasets import digits

files = pytest.importorskip("safetensors.numpy", reason="needs safetensors")
load_file, save_file = files.load_file, files.save_file

pytestmark = pytest.mark.once

EPOCHS, BATCH = 3, 32


@pytest.fixture(scope="module")
def data():
    """100 images, 4 steps an epoch."""
    return digits.load_data(100, 0)[0]


def network(optimizer="adam", units=6):
    """A network with all kinds of random numbers, always with the same weights at first."""
    utils.set_random_seed(3)
    model = models.Sequential(
        [
            layers.Flatten(input_shape=(28, 28)),
            layers.Rescaling(1 / 255),
            layers.Dropout(0.2),
            layers.Dense(units, activation="relu"),
            layers.Dropout(0.1, seed=4),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(copy.deepcopy(optimizer), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Interruption(callbacks.Callback):
    """Ends a run after so many steps, after all other callbacks."""

    runs_last = True

    def __init__(self, steps):
        self.steps = steps

    def on_train_batch_end(self, batch, logs=None):
        self.steps -= 1
        if self.steps == 0:
            raise KeyboardInterrupt


class Falling(callbacks.Callback):
    """A learning rate that falls with every epoch begun."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate *= 0.5


def fit(model, data, *more, epochs=EPOCHS, restore=True):
    x, y = data
    stop = callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=restore)
    return model.fit(
        x,
        y,
        epochs=epochs,
        batch_size=BATCH,
        validation_split=0.1,
        verbose=0,
        callbacks=[stop, Falling(), *more],
    )


@pytest.mark.parametrize(
    "optimizer",
    ["sgd", "rmsprop", "adam", "adagrad", optimizers.SGD(0.01, momentum=0.9)],
    ids=["sgd", "rmsprop", "adam", "adagrad", "momentum"],
)
def test_resumes_after_any_step_bit_by_bit(tmp_path, data, optimizer):
    whole = network(optimizer)
    history = fit(whole, data, Checkpoint(tmp_path / "whole")).history
    expected = (tmp_path / "whole").read_bytes()
    for steps in (1, 2, 3, 4, 8, 9):  # 3 steps an epoch
        path = tmp_path / f"after-{steps}"
        with pytest.raises(KeyboardInterrupt):
            fit(network(optimizer), data, Checkpoint(path, save_freq=1), Interruption(steps))
        assert path.read_bytes() != expected
        again = network(optimizer)
        random.seed(99)  # what was before the resumption does not matter
        assert fit(again, data, Checkpoint(path, resume=True)).history == history
        assert path.read_bytes() == expected
    assert again.optimizer.iterations == 3 * EPOCHS


def test_the_file_is_a_model(tmp_path, data):
    model = network()
    fit(model, data, Checkpoint(tmp_path / "file", notes={"by": "test"}))
    loaded = models.load_model(tmp_path / "file")
    x, y = data
    assert loaded.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    assert loaded.optimizer.iterations == model.optimizer.iterations
    another = network()
    another.load_weights(tmp_path / "file")
    assert another.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)


class Quarters:
    """The data as a stream of four batches."""

    def __init__(self, data):
        self.x, self.y = data

    def __len__(self):
        return 4

    def __getitem__(self, i):
        rows = slice(25 * i, 25 * i + 25)
        return self.x[rows], self.y[rows]


@pytest.mark.parametrize("steps", [4, 6])
def test_a_stream_resumes_with_a_new_model(tmp_path, data, steps):
    """After an epoch and in the middle of one, where the metrics go on as well."""
    whole, path = tmp_path / "whole", tmp_path / "parts"
    network().fit(Quarters(data), epochs=3, verbose=0, callbacks=[Checkpoint(whole, 2)])
    with pytest.raises(KeyboardInterrupt):
        stop = Interruption(steps)
        network().fit(Quarters(data), epochs=3, verbose=0, callbacks=[Checkpoint(path, 2), stop])
    resumed = Checkpoint(path, 2, resume=True)
    network().fit(Quarters(data), epochs=3, verbose=0, callbacks=[resumed])
    assert path.read_bytes() == whole.read_bytes()


def test_more_epochs_after_the_end(tmp_path, data):
    fit(network(), data, Checkpoint(tmp_path / "whole"), epochs=4, restore=False)
    fit(network(), data, Checkpoint(tmp_path / "parts"), epochs=2, restore=False)
    parts = network()
    history = fit(parts, data, Checkpoint(tmp_path / "parts", resume=True), epochs=4, restore=False)
    assert history.epoch == [0, 1, 2, 3]
    assert (tmp_path / "parts").read_bytes() == (tmp_path / "whole").read_bytes()
    before = parts.get_weights()
    # Nothing is left to do.
    fit(parts, data, Checkpoint(tmp_path / "parts", resume=True), epochs=4, restore=False)
    assert all(map(np.array_equal, parts.get_weights(), before))


def test_a_run_that_stopped_early_stays_stopped(tmp_path, data):
    x, y = data
    stop = callbacks.EarlyStopping("loss", patience=1, mode="max")  # as soon as the loss falls
    model = network()
    model.fit(x, y, epochs=9, verbose=0, callbacks=[stop, Checkpoint(tmp_path / "file")])
    assert stop.stopped_epoch == 1
    history = network().fit(
        x,
        y,
        epochs=9,
        verbose=0,
        callbacks=[
            callbacks.EarlyStopping("loss", patience=1, mode="max"),
            Checkpoint(tmp_path / "other", resume=tmp_path / "file"),
        ],
    )
    assert len(history.epoch) == 2
    assert (tmp_path / "file").read_bytes() == (tmp_path / "other").read_bytes()


def test_resume_without_a_file_starts_from_scratch(tmp_path, data):
    fit(network(), data, Checkpoint(tmp_path / "first", resume=True), epochs=1)
    fit(network(), data, Checkpoint(tmp_path / "second"), epochs=1)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_a_copy_made_during_a_run_does_not_run(data):
    copies, model = [], network()
    hook = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: copies.append(copy.deepcopy(model))
    )
    fit(model, data, hook, epochs=1)
    assert copies[0].run is None and model.run is None


# --- refused --------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path, data):
    """A checkpoint after one epoch."""
    fit(network(), data, Checkpoint(tmp_path / "file"), epochs=1)
    return tmp_path / "file"


def refused(path, data, model=None, **options):
    """Try to resume; return the message. The weights must not have changed."""
    model = network() if model is None else model
    before = model.get_weights()
    x, y = data
    with pytest.raises(ValueError) as caught:
        model.fit(
            x,
            y,
            epochs=2,
            verbose=0,
            callbacks=[Checkpoint(path, resume=True)],
            **{"batch_size": BATCH, "validation_split": 0.1, **options},
        )
    assert str(caught.value).startswith(f"Checkpoint: {path}: ")
    return str(caught.value), all(map(np.array_equal, model.get_weights(), before))


def test_refuses_another_architecture(path, data):
    message, same = refused(path, data, network(units=7))
    assert "dense/kernel: float32 (784, 6) in the file, float32 (784, 7) in the model" in message
    assert same


def test_refuses_another_optimizer(path, data):
    message, _ = refused(path, data, network("sgd"))
    assert "dense/kernel: found 2 tensors of optimizer state: expected 0, for sgd" in message


def test_refuses_other_data_and_batches(path, data):
    message, _ = refused(path, data, batch_size=16)
    assert "batch_size was 32 and is 16: expected the data and options of the run" in message
    message, _ = refused(path, data, validation_split=0.5)
    assert "samples was 90 and is 50" in message


def test_refuses_a_model_without_training(tmp_path, data):
    models.save_model(network(), tmp_path / "model")
    message, _ = refused(tmp_path / "model", data)
    assert message.endswith("a model, but no checkpoint of its training")


@pytest.mark.parametrize("length", [0, 7, 100, -1])
def test_refuses_a_truncated_file(path, data, length):
    path.write_bytes(path.read_bytes()[:length])
    message, same = refused(path, data)
    assert "not a whole safetensors file" in message and same


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda about: about.update(version=2), "found version 2 of the format: expected 1"),
        (lambda about: about["training"].pop("random"), "'random' is missing"),
        (lambda about: about["training"]["random"].update(bit_generator="MT19937"), "PCG64"),
        (lambda about: about["training"]["position"].pop("step"), "'step' is missing"),
        (lambda about: about["training"]["position"].update(step=-1), "step: found -1"),
        (lambda about: about["training"]["position"].update(step=1, order_state="x"), "state"),
        (lambda about: about["training"].pop("data"), "samples was None and is 90"),
        (lambda about: about["training"]["random"].update(has_uint32=2**40), "too large"),
        (lambda about: about["training"].update(optimizer=5), "int"),
        (
            lambda about: about["training"]["optimizer"].update(iterations=-1),
            "iterations: found -1",
        ),
    ],
)
def test_refuses_a_state_that_was_changed(path, data, change, message):
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    about = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["pytensor"])
    change(about)
    save_file(load_file(path), path, {"pytensor": json.dumps(about)})
    assert message in refused(path, data)[0]


def test_refuses_missing_arrays(path, data):
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + size])["__metadata__"]
    arrays = load_file(path)
    del arrays["training:optimizer/dense/kernel/1"]
    save_file(arrays, path, metadata)
    assert "'training:optimizer/dense/kernel/1' is missing" in refused(path, data)[0]


def test_refuses_arguments(tmp_path):
    with pytest.raises(TypeError, match="Checkpoint: path: found None"):
        Checkpoint(None)
    with pytest.raises(ValueError, match="save_freq: found 0: expected at least 1"):
        Checkpoint(tmp_path / "file", save_freq=0)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        network().fit(
            np.zeros((2, 28, 28)),
            np.zeros(2, int),
            verbose=0,
            callbacks=[Checkpoint(tmp_path / "file", resume=tmp_path / "nowhere")],
        )


def test_arrays_whose_keys_would_clash(tmp_path):
    class Keeper(callbacks.Callback):
        kept = ("found",)

        def __init__(self, first, second):
            self.found = {"a": {"b": first}, "a/b": second}

    keeper = Keeper(np.zeros(2), np.ones(3))
    model = network()
    x, y = np.zeros((2, 28, 28)), np.zeros(2, int)
    model.fit(x, y, verbose=0, callbacks=[keeper, Checkpoint(tmp_path / "file")])
    again = Keeper(None, None)
    model.fit(x, y, verbose=0, callbacks=[again, Checkpoint(tmp_path / "file", resume=True)])
    assert again.found["a"]["b"].tolist() == [0, 0]
    assert again.found["a/b"].tolist() == [1, 1, 1]
