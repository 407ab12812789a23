"""Recorded steps of training: the same bits as the ordinary ones, or the ordinary ones."""

import gc
import os
import signal

import numpy as np
import pytest
from conftest import check_leaves

import pytensor as pt
from pytensor import _core
from pytensor._training import recording

pytestmark = pytest.mark.once

L = pt.layers


@pytest.fixture(autouse=True)
def made(monkeypatch):
    """The recorded functions that a test makes."""
    found = []
    jit_or = _core.jit_or

    def noted(*args):
        found.append(jit_or(*args))
        return found[-1]

    monkeypatch.setattr(recording._core, "jit_or", noted)
    return found


def n_programs(made):
    return sum(len(_core.programs_of(f)) for f in made)


def data(shape=(50, 6), outputs=3, kind="floats", seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape).astype("float32")
    n = shape[0]
    labels = rng.integers(0, outputs, n)
    y = {
        "floats": rng.normal(size=(n, outputs)).astype("float32"),
        "one hot": np.eye(outputs, dtype="float32")[labels],
        "labels": labels,
        "bits": rng.integers(0, 2, (n, outputs)).astype("float32"),
    }[kind]
    return x, y


def state_of(model):
    """All that training changes, as bytes."""
    optimizer = model.optimizer
    kept = (
        []
        if optimizer is None
        else [
            part.numpy().tobytes()
            for w in model.weights_to_train()
            for part in optimizer.state_of(w)
        ]
    )
    return (
        [np.asarray(w).tobytes() for w in model.weights],
        kept,
        None if optimizer is None else (optimizer.iterations, optimizer.learning_rate),
        pt.random.generator().bit_generator.state,
    )


def compare(build, train, made, recorded=True):
    """Train a model as it is and from recordings; both must end alike."""
    found = []
    for eagerly in (True, False):
        pt.random.seed(3)
        model = build()
        model.run_eagerly = eagerly
        before = n_programs(made)
        result = train(model)
        found.append((state_of(model), result))
        if eagerly:
            assert n_programs(made) == before
    assert recorded in (None, n_programs(made) > 0)
    assert found[0][0] == found[1][0]
    same(found[0][1], found[1][1])


def same(a, b):
    check_leaves(same_leaf, a, b)


def same_leaf(a, b):
    assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def dense(*sizes, last=None, optimizer="adam", loss="mse", layers=(), **options):
    """A function that builds a model of Dense layers, with others before the last."""

    def build():
        made = [L.Dense(n, activation="relu") for n in sizes[:-1]]
        model = pt.models.Sequential(
            [*made, *(layer() for layer in layers), L.Dense(sizes[-1], activation=last)]
        )
        made_optimizer = optimizer() if callable(optimizer) else optimizer
        model.compile(made_optimizer, loss() if callable(loss) else loss, **options)
        return model

    return build


def fit(x, y, **options):
    """A function that trains a model, evaluates it and predicts."""
    options = {"epochs": 3, "batch_size": 8, "verbose": 0, **options}

    def train(model):
        history = model.fit(x, y, **options).history
        return (
            history,
            model.evaluate(x, y, batch_size=8, verbose=0, return_dict=True),
            (model.predict(x, batch_size=8, verbose=0)),
        )

    return train


# ------------------------------------------------------------------- losses, metrics, optimizers


@pytest.mark.parametrize("name", sorted(pt.optimizers._BY_NAME))
def test_optimizers(name, made):
    compare(dense(5, 3, optimizer=name), fit(*data()), made)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: pt.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        lambda: pt.optimizers.SGD(0.1, clipvalue=0.01),
        lambda: pt.optimizers.SGD(0.1, clipnorm=0.1),
        lambda: pt.optimizers.Adam(global_clipnorm=0.1),
        lambda: pt.optimizers.Adam(amsgrad=True, weight_decay=0.1),
        lambda: pt.optimizers.RMSprop(centered=True, momentum=0.5),
        lambda: pt.optimizers.Adam(use_ema=True, ema_overwrite_frequency=4),
        lambda: pt.optimizers.SGD(gradient_accumulation_steps=3),
        lambda: pt.optimizers.Adam(pt.schedules.ExponentialDecay(0.1, 4, 0.5)),
        lambda: pt.optimizers.Nadam(pt.schedules.CosineDecay(0.1, 20), weight_decay=0.1),
    ],
)
def test_options_of_optimizers(optimizer, made):
    compare(dense(5, 3, optimizer=optimizer), fit(*data()), made)


def test_weights_excluded_from_decay(made):
    def build():
        model = dense(5, 3, optimizer=lambda: pt.optimizers.AdamW(0.1))()
        model.build((None, 6))
        model.optimizer.exclude_from_weight_decay([model.layers[0].bias])
        return model

    compare(build, fit(*data()), made)


def test_custom_optimizer(made):
    class Signs(pt.optimizers.Optimizer):
        def update(self, w, dw):
            w -= self.learning_rate * pt.sign(dw)

    class Slower(pt.optimizers.Adam):
        def update(self, w, dw, *state):
            super().update(w, dw * 0.5, *state)

    for optimizer in (lambda: Signs(0.01), Slower):
        compare(dense(5, 3, optimizer=optimizer), fit(*data()), made)


LOSSES = [
    ("mse", None, "floats"),
    ("mae", None, "floats"),
    ("huber", None, "floats"),
    ("log_cosh", None, "floats"),
    ("mape", None, "floats"),
    ("msle", "relu", "bits"),
    ("poisson", "softplus", "bits"),
    ("kl_divergence", "softmax", "one hot"),
    ("cosine_similarity", None, "floats"),
    ("categorical_hinge", None, "one hot"),
    ("categorical_crossentropy", "softmax", "one hot"),
    ("categorical_crossentropy", "sigmoid", "one hot"),
    ("sparse_categorical_crossentropy", "softmax", "labels"),
    ("binary_crossentropy", "sigmoid", "bits"),
    ("binary_crossentropy", "tanh", "bits"),
    ("binary_focal_crossentropy", "sigmoid", "bits"),
    ("categorical_focal_crossentropy", "softmax", "one hot"),
]


@pytest.mark.parametrize(("loss", "last", "kind"), LOSSES)
def test_losses(loss, last, kind, made):
    metrics = ["accuracy"] if kind in ("labels", "one hot") else ["mae"]
    compare(dense(5, 3, last=last, loss=loss, metrics=metrics), fit(*data(kind=kind)), made)


def test_loss_that_reads_targets(made):
    x, y = data(kind="bits")
    compare(dense(5, 3, loss="hinge"), fit(x, 2 * y - 1), made, recorded=None)


def test_metrics(made):
    x, y = data(kind="one hot")
    metrics = ["accuracy", pt.metrics.AUC(), pt.metrics.TopKCategoricalAccuracy(2), "mse"]
    weighted = [pt.metrics.CategoricalAccuracy(), "mae", pt.metrics.Precision()]

    def build():
        options = {"metrics": metrics, "weighted_metrics": weighted}
        return dense(5, 3, last="softmax", loss="categorical_crossentropy", **options)()

    weights = np.linspace(0, 2, len(x)).astype("float32")
    for options in ({}, {"sample_weight": weights}, {"class_weight": {0: 0.5, 2: 3.0}}):
        compare(build, fit(x, y, **options), made)


def test_custom_loss_and_metric(made):
    custom = lambda t, p: pt.mean(pt.square(t - p) * (2.0 if float(p[0, 0]) > 0 else 1.0), -1)  # noqa: E731
    compare(dense(5, 3, loss=lambda: custom), fit(*data()), made, recorded=None)
    made.clear()
    largest = lambda t, p: pt.max(pt.abs(t - p), -1)  # noqa: E731
    compare(dense(5, 3, metrics=[largest, "mae"]), fit(*data()), made)


def test_regularizers_and_constraints(made):
    def build():
        model = pt.models.Sequential(
            [
                L.Dense(5, "relu", kernel_regularizer=pt.regularizers.L1L2(0.1, 0.2)),
                L.Dense(4, kernel_constraint="max_norm", bias_regularizer="l2"),
                L.Dense(3, activity_regularizer="l1", kernel_constraint="non_neg"),
            ]
        )
        model.compile("adam", "mse", metrics=["mae"])
        return model

    compare(build, fit(*data()), made)
    made.clear()

    def changing(model):
        results = []
        x, y = data()
        for k in range(6):
            if k == 3:
                model.layers[0].kernel_regularizer.l2 = 5.0
            results.append(model.train_on_batch(x, y))
        return results

    compare(build, changing, made)


# ------------------------------------------------------------------------------------ layers


@pytest.mark.parametrize(
    "layer",
    [
        lambda: L.Dropout(0.4),
        lambda: L.Dropout(0.4, seed=5),
        lambda: L.AlphaDropout(0.3),
        lambda: L.GaussianNoise(0.3),
        lambda: L.GaussianDropout(0.3),
        lambda: L.BatchNormalization(),
        lambda: L.LayerNormalization(),
        lambda: L.UnitNormalization(),
        lambda: L.PReLU(),
        lambda: L.Rescaling(0.5, 1.0),
    ],
)
def test_layers(layer, made):
    compare(dense(5, 4, 3, layers=[layer, layer]), fit(*data()), made)


def test_layers_of_images(made):
    def build():
        model = pt.models.Sequential(
            [
                L.Conv2D(4, 3, activation="relu"),
                L.BatchNormalization(),
                L.MaxPooling2D(),
                L.Dropout(0.2),
                L.GlobalAveragePooling2D(),
                L.Dense(3, "softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    compare(build, fit(*data((50, 8, 8, 1), kind="labels")), made)


RECURRENT = {
    "states": lambda cell: [cell(5)],
    "dropout": lambda cell: [cell(5, dropout=0.2, recurrent_dropout=0.3)],
    "two": lambda cell: [cell(5, return_sequences=True, go_backwards=True), cell(4)],
    "zeros": lambda cell: [
        cell(5, return_sequences=True, zero_output_for_mask=True),
        L.GlobalAveragePooling1D(),
    ],
    "both ways": lambda cell: [L.Bidirectional(cell(5))],
    "by steps": lambda cell: [cell(5, activation="relu")],
    "each step": lambda cell: [
        cell(5, return_sequences=True),
        L.TimeDistributed(L.Dense(2)),
        L.Flatten(),
    ],
}


@pytest.mark.parametrize("layers", sorted(RECURRENT))
@pytest.mark.parametrize("cell", [L.LSTM, L.GRU, L.SimpleRNN])
def test_layers_of_sequences(cell, layers, made):
    def build():
        model = pt.models.Sequential(
            [
                L.Embedding(10, 4, mask_zero=layers != "each step"),
                L.Dropout(0.3),
                *RECURRENT[layers](cell),
                L.Dense(3),
            ]
        )
        model.compile("adam", "mse")
        return model

    rng = np.random.default_rng(0)
    compare(build, fit(rng.integers(0, 10, (50, 7)), data()[1]), made)


def test_stateful_layers(made):
    """Their states are kept in Python: such a step is not recorded."""

    def build():
        model = pt.models.Sequential([L.Input((7, 4)), L.GRU(5, stateful=True), L.Dense(3)])
        model.compile("adam", "mse")
        return model

    compare(build, fit(*data((48, 7, 4))), made, recorded=False)
    layer = L.GRU(5, stateful=True)
    layer(pt.ones((2, 7, 4)))
    step = pt.jit(layer.call)
    with pytest.raises(TypeError, match="stateful"):
        step(pt.ones((2, 7, 4)))


def test_attention(made):
    def build():
        x = pt.layers.Input((7, 6))
        y = L.LayerNormalization()(x + L.MultiHeadAttention(2, 3)(x, x))
        model = pt.models.Model(x, L.Dense(3)(L.GlobalAveragePooling1D()(y)))
        model.compile("adam", "mse")
        return model

    compare(build, fit(*data((50, 7, 6))), made)


def test_several_inputs_and_outputs(made):
    def build():
        a, b = L.Input((6,), name="a"), L.Input((4,), name="b")
        both = L.Concatenate()([L.Dense(5)(a), L.Dense(5)(b)])
        model = pt.models.Model(
            [a, b], [L.Dense(3, name="p")(both), L.Dense(3, "softmax", name="q")(both)]
        )
        losses = {"p": "mse", "q": "sparse_categorical_crossentropy"}
        metrics = {"p": ["mae", "mse"], "q": ["accuracy"]}
        model.compile("adam", losses, metrics, loss_weights={"p": 0.5, "q": 2.0})
        return model

    x, y = data()
    z = data((50, 4))[0]
    weights = {"p": np.linspace(0, 1, 50), "q": np.linspace(1, 0, 50)}
    labels = data(kind="labels")[1]
    train = fit([x, z], {"p": y, "q": labels})
    compare(build, train, made)
    made.clear()
    compare(build, fit({"a": x, "b": z}, [y, labels], sample_weight=weights), made)


def test_overflow(made):
    """Batches that overflow run as they are, the moving averages and random numbers included."""
    x, y = data((64, 6))
    x[16:24] *= 1e25
    layers = [lambda: L.Dropout(0.3), L.BatchNormalization, lambda: L.Dropout(0.3)]

    def build():
        model = pt.models.Sequential(
            [*(layer() for layer in layers), L.LayerNormalization(), L.Dense(3)]
        )
        model.compile("adam", "mse")
        return model

    compare(build, fit(x, y, shuffle=False), made)


def test_custom_layers(made):
    class Growing(L.Layer):
        factor = 1.0

        def call(self, x):
            self.factor += 0.5
            return x * self.factor

    compare(dense(5, 3, layers=[Growing]), fit(*data()), made, recorded=None)
    compare(dense(5, 3, layers=[lambda: L.Lambda(lambda x: x * 2)]), fit(*data()), made, None)

    class Own(pt.models.Model):
        def __init__(self):
            super().__init__()
            self.dense = L.Dense(3)

        def call(self, x):
            return self.dense(x) if float(x[0, 0]) > 0 else self.dense(-x)

    def build():
        model = Own()
        model.compile("adam", "mse")
        return model

    compare(build, fit(*data()), made, recorded=None)


# ------------------------------------------------------------------------------------ changes


@pytest.mark.filterwarnings("ignore:sgd. the loss does not depend:UserWarning")
@pytest.mark.filterwarnings("ignore:adam. the loss does not depend:UserWarning")
def test_changes_between_steps(made):
    """What is set on the model, its layers, its optimizer or its weights counts from then on."""
    x, y = data()

    def changes(model):
        drop, last = model.layers[1], model.layers[-1]
        yield
        drop.rate = 0.1
        yield
        model.optimizer.learning_rate = 0.5
        yield
        last.trainable = False
        yield
        last.trainable = True
        model.optimizer.weight_decay = 0.1
        yield
        model.optimizer.clipvalue = 0.01
        yield
        model.optimizer.clipvalue = None
        model.optimizer.clipnorm = 0.1
        yield
        model.optimizer.clipnorm = None
        model.optimizer.momentum = 0.9
        yield
        model.optimizer.nesterov = True
        yield
        model.set_weights([w * 0.5 for w in model.get_weights()])
        yield
        last.bias[...] = 3.0
        yield
        last.activation = "tanh"
        yield
        model.layers[0].kernel = model.layers[0].kernel * 2
        yield
        model.compile("adam", "mae", metrics=["mse"], run_eagerly=model.run_eagerly)
        yield
        model.layers[1].noise_shape = None
        yield

    def train(model):
        results = [model.train_on_batch(x, y)]
        for _ in changes(model):
            for _ in range(3):
                results.append(model.train_on_batch(x, y))
                results.append(model.test_on_batch(x, y))
        return results, model.predict_on_batch(x)

    layers = [lambda: L.Dropout(0.5)]
    compare(dense(5, 3, optimizer=lambda: pt.optimizers.SGD(0.1), layers=layers), train, made)


def test_callbacks(made):
    x, y = data()

    class Meddling(pt.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 2:
                self.model.optimizer.learning_rate = 0.01 * (1 + batch)
                self.model.layers[1].rate = 0.2 + 0.01 * self.model.optimizer.iterations

        def on_train_batch_end(self, batch, logs=None):
            self.seen = [*getattr(self, "seen", ()), dict(logs)]
            if len(self.seen) == 16:
                self.model.stop_training = True

    def train(model):
        meddling = Meddling()
        history = fit(
            x, y, callbacks=[meddling, pt.callbacks.ReduceLROnPlateau("loss", patience=0)]
        )(model)
        return history, meddling.seen

    compare(dense(5, 3, layers=[lambda: L.Dropout(0.5)]), train, made)


def test_early_stopping_and_validation(made):
    x, y = data((70, 6))
    stopping = lambda: pt.callbacks.EarlyStopping(patience=1, restore_best_weights=True)  # noqa: E731

    def train(model):
        return fit(x, y, validation_split=0.3, epochs=8, callbacks=[stopping()])(model)

    optimizer = lambda: pt.optimizers.SGD(0.5)  # noqa: E731
    compare(dense(5, 3, optimizer=optimizer), train, made)


def test_batches_of_many_sizes(made):
    x, y = data((70, 6))

    def batches():
        for _ in range(3):
            for n in range(1, 45):
                yield x[:n], y[:n]

    def train(model):
        return model.fit(batches(), verbose=0, epochs=1).history

    compare(dense(5, 3), train, made, recorded=None)


def test_resume(made, tmp_path):
    x, y = data()

    def train(model):
        path = tmp_path / f"{model.run_eagerly}.ckpt"
        model.fit(x, y, epochs=2, batch_size=8, verbose=0)
        model.save(path)
        again = pt.models.load_model(path)
        again.run_eagerly = model.run_eagerly
        results = [fit(x, y, epochs=4, initial_epoch=2)(m) for m in (model, again)]
        same(state_of(model)[:3], state_of(again)[:3]) if not shuffled else None
        return results

    shuffled = True
    compare(dense(5, 3), train, made)


def test_loss_that_is_not_finite(made):
    x, y = data((64, 6))
    x[33, 2] = np.nan

    def train(model):
        with pytest.raises(FloatingPointError) as error:
            fit(x, y, shuffle=False)(model)
        return str(error.value)

    compare(dense(5, 3, layers=[lambda: L.Dropout(0.3)]), train, made)


def test_labels_out_of_range(made):
    x, y = data(kind="labels")

    def train(model):
        results = []
        for labels in (y, y, y, y):
            results.append(model.train_on_batch(x, labels))
        with pytest.raises(ValueError, match="label"):
            model.train_on_batch(x, y + 7)
        return [*results, model.train_on_batch(x, y)]

    compare(dense(5, 3, last="softmax", loss="sparse_categorical_crossentropy"), train, made)


# ---------------------------------------------------------------------------- batch after batch


@pytest.fixture
def runs(monkeypatch):
    """How many batches ran without Python between them, for each time that some did."""
    found = []
    run_batches = _core.run_batches

    def noted(*args):
        try:
            return run_batches(*args)
        finally:
            found.append(args[-1][0] if args[-1] else None)

    monkeypatch.setattr(recording._core, "run_batches", noted)
    return found


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("kind", ["floats", "labels"])
def test_whole_epochs(kind, shuffle, made, runs):
    """2 batches make a recording, 7 run without Python, and the smaller last one as usual."""
    x, y = data((77, 6), kind=kind)
    weights = np.linspace(0, 1, 77).astype("float32")
    loss = "mse" if kind == "floats" else "sparse_categorical_crossentropy"
    last, metrics = ("softmax", ["accuracy"]) if kind == "labels" else (None, ["mae", "mse"])

    def build():
        schedule = pt.schedules.CosineDecay(0.1, 40)
        optimizer = pt.optimizers.Nadam(schedule, weight_decay=0.01)
        return dense(5, 3, last=last, loss=loss, metrics=metrics, optimizer=lambda: optimizer)()

    for options in ({}, {"sample_weight": weights}):
        compare(build, fit(x, y, shuffle=shuffle, **options), made)
    assert runs.count(7) >= 6
    assert set(runs) == {7}


def test_conversions_between_batches(made, runs):
    """Bytes are gathered and converted; parts of arrays in order that need it are not."""
    x, y = data((77, 6))
    x = (x * 50 + 100).astype("uint8")
    compare(dense(5, 3, metrics=["mae"]), fit(x, y), made)
    assert set(runs[:3]) == {7}
    compare(dense(5, 3, metrics=["mae"]), fit(x, y, shuffle=False), made)
    compare(dense(5, 3), fit(x[::-1], y[::-1]), made)


def test_what_needs_python_between_batches(made, runs):
    class Halving(pt.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.5**step

    x, y = data((77, 6))
    for options in (
        {"layers": [lambda: L.Dropout(0.5)]},
        {"optimizer": lambda: pt.optimizers.SGD(0.1, clipnorm=1.0)},
        {"optimizer": lambda: pt.optimizers.SGD(Halving())},
        {"metrics": [pt.metrics.AUC()]},
    ):
        train = lambda model: model.fit(x, abs(y), batch_size=8, epochs=2, verbose=0).history  # noqa: E731
        compare(dense(5, 3, last="sigmoid", **options), train, made)
    assert set(runs) <= {None}


def test_loss_that_is_not_finite_between_batches(made, runs):
    x, y = data((77, 6))
    x[50, 2] = np.inf

    def train(model):
        with pytest.raises(FloatingPointError) as error:
            fit(x, y, shuffle=False)(model)
        return str(error.value)

    compare(dense(5, 3, metrics=["mae"]), train, made)
    assert runs == [4, 0]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers")
def test_interrupted_between_batches(made, runs):
    """Ctrl-C ends an epoch after a whole step, which is counted."""
    x, y = data((16000, 6))
    build = dense(50, 3, optimizer=lambda: pt.optimizers.SGD(1e-3))
    pt.random.seed(3)
    model = build()

    def stop(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    try:
        model.fit(x, y, batch_size=8, epochs=1, verbose=0, shuffle=False)
        for _ in range(100):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            model.fit(x, y, batch_size=8, epochs=1, verbose=0, shuffle=False)
    except KeyboardInterrupt:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    done = model.optimizer.iterations
    pt.random.seed(3)
    again = build()
    again.run_eagerly = True
    again.fit(x, y, batch_size=8, verbose=0, shuffle=False, epochs=done // 2000)
    rest = done % 2000 * 8
    if rest:
        again.fit(x[:rest], y[:rest], batch_size=8, verbose=0, shuffle=False)
    same(model.get_weights(), again.get_weights())


# ------------------------------------------------------------------------------- large layers


@pytest.mark.parametrize("optimizer", ["sgd", "adam", lambda: pt.optimizers.SGD(clipvalue=1e-3)])
@pytest.mark.parametrize("unused", [0, 10, 300, 784])
def test_columns_of_zeros(optimizer, unused, made):
    """Where inputs are zero in a whole batch, which ones changes from batch to batch."""
    x, y = data((256, 784), 10, "one hot")
    x = np.maximum(x, 0)
    for k in range(4):
        x[64 * k : 64 * (k + 1), 7 * k : 7 * k + unused] = 0

    def train(model):
        return fit(x, y, batch_size=64, shuffle=False, epochs=2)(model)

    options = {"last": "softmax", "loss": "categorical_crossentropy", "optimizer": optimizer}
    compare(dense(128, 10, **options), train, made)


def test_threads(threads, made):
    x, y = data((512, 300), 10)

    def train(model):
        results = []
        for n in (1, 2, 8):
            threads(n)
            results.append(model.fit(x, y, batch_size=256, epochs=2, verbose=0).history)
        return results

    compare(dense(200, 10), train, made)


def peak_of_step(model, x, y):
    """Return the most memory that a step takes beside what is there before it, bytes."""
    gc.collect()
    pt.memory.reset_peak()
    before = pt.memory.stats()["in_use"]
    model.train_on_batch(x, y)
    return pt.memory.stats()["peak"] - before


@pytest.mark.parametrize("unused", [0, 150])
def test_memory(unused, made):
    """A recorded step takes at most as much as the ordinary one."""
    x, y = data((256, 300), 10)
    x[:, :unused] = 0
    peaks = []
    for eagerly in (True, False):
        model = dense(400, 200, 10, run_eagerly=eagerly)()
        for _ in range(4):
            model.train_on_batch(x, y)
        peaks.append(peak_of_step(model, x, y))
    assert n_programs(made) == 1
    assert peaks[1] <= peaks[0]


def networks():
    """Networks whose steps take memory for different reasons, with the shape of their inputs."""
    return {
        "dense": ((784,), [L.Dense(512, activation="relu")]),
        "normalized": (
            (300,),
            [L.Dense(256), L.BatchNormalization(), L.Activation("relu"), L.Dropout(0.3)],
        ),
        "LeNet": (
            (28, 28, 1),
            [
                L.Conv2D(6, 5, activation="tanh", padding="same"),
                L.AveragePooling2D(),
                L.Conv2D(16, 5, activation="relu"),
                L.MaxPooling2D(),
                L.Flatten(),
                L.Dense(84, activation="relu"),
            ],
        ),
        "embedding": ((50,), [L.Embedding(1000, 32), L.Flatten(), L.Dense(16, activation="relu")]),
    }


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam"])
@pytest.mark.parametrize("name", ["dense", "normalized", "LeNet", "embedding"])
def test_memory_of_networks(name, optimizer, threads, made):
    threads(1)  # what the tasks of a product need depends on how many run at once
    peaks = []
    for eagerly in (True, False):
        shape, layers = networks()[name]
        x, y = data((128, *shape), 10, "labels")
        if name == "embedding":
            x = np.random.default_rng(0).integers(0, 1000, x.shape).astype("int32")
        model = pt.models.Sequential([L.Input(shape, dtype=str(x.dtype)), *layers, L.Dense(10)])
        loss = pt.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss, metrics=["accuracy"], run_eagerly=eagerly)
        for _ in range(3):
            model.train_on_batch(x, y)
        peaks.append(peak_of_step(model, x, y))
    assert n_programs(made) == 1
    assert peaks[1] <= peaks[0]


def test_recordings_are_freed(made):
    x, y = data()
    for _ in range(2):
        gc.collect()
        before = pt.memory.stats()["in_use"]
        model = dense(5, 3)()
        for _ in range(3):
            model.train_on_batch(x, y)
        assert n_programs(made)
        made.clear()
        del model
        gc.collect()
        assert pt.memory.stats()["in_use"] <= before


def test_run_eagerly_is_kept(tmp_path):
    model = dense(5, 3, run_eagerly=True)()
    model.fit(*data(), verbose=0)
    assert model.get_compile_config()["run_eagerly"] is True
    model.save(tmp_path / "model.ckpt")
    assert pt.models.load_model(tmp_path / "model.ckpt").run_eagerly


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:os.fork.* was called:RuntimeWarning")  # JAX's, if it is loaded
def test_fork(made):
    """A step recorded before a fork runs in the child and in the parent."""
    x, y = data((512, 300), 10)
    model = dense(200, 10)()
    for _ in range(3):
        model.train_on_batch(x, y)
    assert n_programs(made)
    weights = model.get_weights()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            model.train_on_batch(x, y)
            os.write(write, np.asarray(model.get_weights()[0]).tobytes()[:64])
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    same(model.get_weights(), weights)
    model.train_on_batch(x, y)
    assert os.read(read, 64) == model.get_weights()[0].tobytes()[:64]
