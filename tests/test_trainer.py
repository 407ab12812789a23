"""The trainer: training against a loop in NumPy, Keras's meanings, speed and bits, errors."""

import copy
import math
import pickle
import re

import numpy as np
import pytest

import pytensor as pt
from pytensor import activations, callbacks, layers, losses, metrics, models, optimizers, random

RNG = np.random.default_rng(0)
N, FEATURES, CLASSES = 45, 6, 3
X = RNG.normal(size=(N, FEATURES)).astype(np.float32)
LABELS = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)
ONE_HOT = np.eye(CLASSES, dtype=np.float32)[LABELS]


def classifier(loss="categorical_crossentropy", optimizer="sgd", units=8, **options):
    network = models.Sequential(
        [
            layers.Dense(units, activation="relu", input_shape=(FEATURES,)),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    network.compile(optimizer, loss, metrics=["accuracy"], **options)
    return network


class ByHand:
    """The same classifier in NumPy, float64, with gradients by hand."""

    def __init__(self, network):
        self.weights = [w.astype(np.float64) for w in network.get_weights()]

    def forward(self, x):
        w1, b1, w2, b2 = self.weights
        hidden = np.maximum(x @ w1 + b1, 0)
        logits = hidden @ w2 + b2
        e = np.exp(logits - logits.max(-1, keepdims=True))
        return hidden, e / e.sum(-1, keepdims=True)

    def loss_and_accuracy(self, x, t):
        _, p = self.forward(x)
        return -(t * np.log(p)).sum(-1), p.argmax(-1) == t.argmax(-1)

    def step(self, x, t, rate):
        hidden, p = self.forward(x)
        dlogits = (p - t) / len(x)
        dhidden = dlogits @ self.weights[2].T * (hidden > 0)
        gradients = x.T @ dhidden, dhidden.sum(0), hidden.T @ dlogits, dlogits.sum(0)
        self.weights = [w - rate * g for w, g in zip(self.weights, gradients, strict=True)]

    def epoch(self, x, t, size, rate):
        """Loss and accuracy, every sample at the step in which it is used."""
        found = []
        for i in range(0, len(x), size):
            found.append(self.loss_and_accuracy(x[i : i + size], t[i : i + size]))
            self.step(x[i : i + size], t[i : i + size], rate)
        return [np.concatenate(values).mean() for values in zip(*found, strict=True)]


# ------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_fit_against_numpy(loss):
    """Ragged last batch, validation split, evaluation: every number of the history."""
    network = classifier(loss, optimizers.SGD(0.5))
    reference = ByHand(network)
    y = LABELS if loss.startswith("sparse") else ONE_HOT
    history = network.fit(
        X, y, batch_size=16, epochs=5, shuffle=False, verbose=0, validation_split=0.2
    )
    n_train = 36  # of 45; the last 9 validate
    for epoch in range(5):
        expected = reference.epoch(X[:n_train], ONE_HOT[:n_train], 16, 0.5)
        validation = reference.loss_and_accuracy(X[n_train:], ONE_HOT[n_train:])
        expected += [values.mean() for values in validation]
        found = [
            history.history[name][epoch]
            for name in ("loss", "accuracy", "val_loss", "val_accuracy")
        ]
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        assert all(type(value) is float for value in found)
    for found, expected in zip(network.weights, reference.weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    expected = [values.mean() for values in reference.loss_and_accuracy(X, ONE_HOT)]
    np.testing.assert_allclose(network.evaluate(X, y, batch_size=7, verbose=0), expected, rtol=1e-5)
    np.testing.assert_allclose(
        network.predict(X, batch_size=7, verbose=0), reference.forward(X)[1], rtol=1e-4, atol=1e-6
    )


def test_logits_and_probabilities_train_alike():
    """The fused path and the one by the formula with clipping, which a custom activation takes."""
    random.seed(0)
    fused = classifier(optimizer="rmsprop")
    plain = models.Sequential(
        [
            layers.Dense(8, activation="relu", input_shape=(FEATURES,)),
            layers.Dense(CLASSES, activation=lambda x: activations.softmax(x)),
        ]
    )
    logits = models.Sequential(
        [layers.Dense(8, activation="relu", input_shape=(FEATURES,)), layers.Dense(CLASSES)]
    )
    apart = models.Sequential(
        [
            layers.Dense(8, activation="relu", input_shape=(FEATURES,)),
            layers.Dense(CLASSES),
            layers.Activation("softmax"),
        ]
    )
    for other, loss in (
        (plain, "categorical_crossentropy"),
        (logits, losses.CategoricalCrossentropy(from_logits=True)),
        (apart, losses.categorical_crossentropy),
    ):
        other.compile("rmsprop", loss, metrics=["accuracy"])
        other.set_weights(fused.get_weights())
    histories = [
        network.fit(X, ONE_HOT, epochs=5, batch_size=16, shuffle=False, verbose=0).history
        for network in (fused, plain, logits, apart)
    ]
    for network, history in zip((plain, logits, apart), histories[1:], strict=True):
        np.testing.assert_allclose(history["loss"], histories[0]["loss"], rtol=1e-5)
        assert history["accuracy"] == histories[0]["accuracy"]
        for found, expected in zip(network.weights, fused.weights, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_a_very_bad_start_gives_a_finite_loss():
    """Logits of 1e4 would give log(0) from probabilities."""
    network = classifier()
    network.set_weights([w * 1e4 for w in network.get_weights()])
    history = network.fit(X, ONE_HOT, verbose=0)
    assert history.history["loss"][0] > 100


def test_binary_and_metrics_that_need_probabilities():
    network = models.Sequential([layers.Dense(1, activation="sigmoid", input_shape=(FEATURES,))])
    network.compile(
        "sgd",
        "binary_crossentropy",
        metrics=["accuracy", losses.binary_crossentropy, metrics.BinaryAccuracy()],
    )
    y = (LABELS > 0).astype(np.int32)
    found = network.evaluate(X, y, verbose=0, return_dict=True)
    p = np.asarray(network(X), dtype=np.float64)[:, 0]
    loss = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
    accuracy = ((p > 0.5) == y).mean()
    assert list(found) == ["loss", "accuracy", "binary_crossentropy", "binary_accuracy"]
    np.testing.assert_allclose(list(found.values()), [loss, accuracy, loss, accuracy], rtol=1e-5)
    assert network.metrics_names == list(found)


def test_on_batch():
    network = classifier(optimizer=optimizers.SGD(0.5))
    reference = ByHand(network)
    for i in range(3):
        x, t = X[i * 10 :][:10], ONE_HOT[i * 10 :][:10]
        expected = [values.mean() for values in reference.loss_and_accuracy(x, t)]
        np.testing.assert_allclose(network.test_on_batch(x, t), expected, rtol=1e-4)
        np.testing.assert_allclose(network.train_on_batch(x, t), expected, rtol=1e-4)
        reference.step(x, t, 0.5)
        np.testing.assert_allclose(network.predict_on_batch(x), reference.forward(x)[1], rtol=1e-4)
    for found, expected in zip(network.weights, reference.weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert list(network.test_on_batch(X, ONE_HOT, return_dict=True)) == ["loss", "accuracy"]


def test_returns_without_metrics():
    network = classifier()
    network.compile("sgd", "categorical_crossentropy")
    assert type(network.evaluate(X, ONE_HOT, verbose=0)) is float
    assert type(network.train_on_batch(X, ONE_HOT)) is float


# -------------------------------------------------------------------------------------- data


@pytest.mark.parametrize("convert", [np.asarray, pt.asarray, np.ndarray.tolist])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8", "bool"])
def test_any_array(convert, dtype):
    x = (X > 0).astype(dtype) if dtype in ("uint8", "bool") else X.astype(dtype)
    network = classifier()
    expected = network.get_weights()
    network.fit(x.astype(np.float32), ONE_HOT, verbose=0, shuffle=False)
    trained = network.get_weights()
    network.set_weights(expected)
    network.compile("sgd", "categorical_crossentropy")
    network.fit(convert(x), convert(ONE_HOT.astype(np.uint8)), verbose=0, shuffle=False)
    for found, weight in zip(network.weights, trained, strict=True):
        np.testing.assert_array_equal(found, weight)


def test_data_is_not_copied():
    """60 MB of bytes are trained on with less than 60 MB of memory."""
    x = np.zeros((60_000, 1000), np.uint8)
    network = models.Sequential([layers.Dense(1, input_shape=(1000,))])
    network.compile("sgd", "mse")
    pt.memory.reset_peak()
    before = pt.memory.stats()["in_use"]
    network.fit(x, np.zeros(len(x)), batch_size=1000, verbose=0, validation_split=0.5)
    assert pt.memory.stats()["peak"] - before < 30e6


def test_labels_of_many_kinds():
    network = classifier("sparse_categorical_crossentropy")
    weights = network.get_weights()
    results = []
    for y in (
        LABELS,
        LABELS.astype(np.uint8),
        LABELS.reshape(-1, 1),
        LABELS.tolist(),
        LABELS.astype(np.float64),
    ):
        network.set_weights(weights)
        results.append(network.fit(X, y, verbose=0, shuffle=False).history)
    assert all(result == results[0] for result in results)


def test_one_feature():
    network = models.Sequential([layers.Dense(1)])
    network.compile("sgd", "mse")
    network.fit(np.arange(4.0), np.arange(4.0), verbose=0)
    assert network.input_shape == (None, 1)


def test_images():
    network = models.Sequential([layers.Flatten(), layers.Dense(CLASSES, activation="softmax")])
    network.compile("sgd", "categorical_crossentropy")
    network.fit(X.reshape(N, 2, 3), ONE_HOT, verbose=0)
    assert network.predict(X.reshape(N, 2, 3), verbose=0).shape == (N, CLASSES)


def test_predictions_do_not_share_memory_with_the_data():
    x = X.copy()
    out = models.Sequential([layers.Flatten()]).predict(x, verbose=0)
    assert not np.shares_memory(np.asarray(out), x)


def test_validation_data_overrides_the_split():
    network = classifier()
    history = network.fit(
        X,
        ONE_HOT,
        verbose=0,
        validation_split=0.5,
        validation_data=(X[:4], ONE_HOT[:4]),
        validation_batch_size=3,
    )
    assert history.history["val_loss"] == [
        network.evaluate(X[:4], ONE_HOT[:4], batch_size=3, verbose=0)[0]
    ]


def test_every_epoch_is_shuffled_differently():
    seen = []

    class Spy(layers.Layer):
        def call(self, x, training=False):
            if training:
                seen.extend(np.asarray(x)[:, 0].tolist())
            return x

    network = models.Sequential([Spy(), layers.Dense(1)])
    network.compile("sgd", "mse")
    x = np.arange(50, dtype=np.float32)
    for shuffle, ordered in ((True, False), (False, True)):
        seen.clear()
        network.optimizer.learning_rate = 0
        network.fit(x, x, epochs=2, verbose=0, shuffle=shuffle)
        assert sorted(seen) == sorted([*x, *x])
        assert (seen[:50] == x.tolist()) is ordered
        assert (seen[:50] == seen[50:]) is ordered


# ------------------------------------------------------------------------- learning, and bits


def test_learns_xor():
    random.seed(0)
    network = models.Sequential(
        [layers.Dense(8, activation="tanh"), layers.Dense(1, activation="sigmoid")]
    )
    network.compile(optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    x, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    history = network.fit(x, y, epochs=200, verbose=0)
    assert history.history["accuracy"][-1] == 1
    assert history.history["loss"][-1] < 0.01
    assert (np.asarray(network.predict(x, verbose=0)) > 0.5).ravel().tolist() == y


def blobs(n=1000):
    """Ten classes of noisy 8 x 8 images, as bytes."""
    generator = np.random.default_rng(3)
    patterns = generator.integers(0, 200, (10, 64))
    labels = generator.integers(0, 10, n)
    return (patterns[labels] + generator.integers(0, 56, (n, 64))).astype(np.uint8), labels


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam", "adagrad"])
def test_learns_images(optimizer):
    random.seed(0)
    x, y = blobs()
    network = models.Sequential(
        [
            layers.Rescaling(1 / 255),
            layers.Dense(32, activation="relu"),
            layers.Dropout(0.1),
            layers.Dense(10, activation="softmax"),
        ]
    )
    network.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    network.optimizer.learning_rate *= 10
    history = network.fit(x[:800], y[:800], epochs=12, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0] / 3
    assert network.evaluate(x[800:], y[800:], verbose=0)[1] > 0.95


def trained_bits(threads):
    before = pt.get_num_threads()
    pt.set_num_threads(threads)
    try:
        random.seed(11)
        x, y = blobs(600)
        network = models.Sequential(
            [
                layers.Dense(256, activation="relu", input_shape=(64,)),
                layers.Dropout(0.2),
                layers.Dense(10, activation="softmax"),
            ]
        )
        network.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = network.fit(x, y, epochs=2, batch_size=128, verbose=0, validation_split=0.1)
        return [w.tobytes() for w in network.get_weights()], history.history
    finally:
        pt.set_num_threads(before)


def test_same_bits_for_a_seed_and_any_threads():
    first = trained_bits(1)
    for threads in (1, 2, 4):
        assert trained_bits(threads) == first


# --------------------------------------------------------------------------- custom parts


def test_custom_layer_and_loss():
    """A layer that uses its weights transposed, and a loss of its own, take the same step."""

    class Tied(layers.Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight((4, input_shape[-1]), name="kernel")
            self.mixing = self.add_weight((4, 4), name="mixing")

        def call(self, x):
            return pt.tanh(x @ self.kernel.T @ self.mixing.T) @ self.kernel

    def huber(y_true, y_pred):
        distance = abs(y_true - y_pred)
        return pt.where(distance < 1, 0.5 * distance**2, distance - 0.5).mean(axis=-1)

    random.seed(0)
    network = models.Sequential([Tied()])
    network.compile(optimizers.Adam(0.01), huber, metrics=[huber])
    history = network.fit(X, X, epochs=30, verbose=0).history
    assert history["loss"][-1] < 0.8 * history["loss"][0]
    np.testing.assert_allclose(history["loss"], history["huber"], rtol=1e-5)


def test_function_losses_get_integers():
    def misses(y_true, y_pred):
        assert y_true.dtype == pt.uint8
        return losses.sparse_categorical_crossentropy(y_true, y_pred)

    network = classifier(misses)
    network.fit(X, LABELS.astype(np.uint8), verbose=0)


def test_function_losses_with_one_output():
    """y of shape (n,) does not broadcast against predictions (n, 1)."""

    def distance(y_true, y_pred):
        assert y_true.shape == y_pred.shape
        return abs(y_true - y_pred).mean(-1)

    network = models.Sequential([layers.Dense(1, input_shape=(FEATURES,))])
    network.compile("sgd", distance)
    network.fit(X, X[:, 0], verbose=0)


def test_frozen_layers_stay():
    network = classifier(optimizer="rmsprop")
    network.fit(X, ONE_HOT, verbose=0)
    network.layers[0].trainable = False
    before = network.get_weights()
    network.fit(X, ONE_HOT, verbose=0)
    network.train_on_batch(X, ONE_HOT)
    changed = [
        (found != expected).any()
        for found, expected in zip(network.get_weights(), before, strict=True)
    ]
    assert changed == [False, False, True, True]
    network.layers[0].trainable = True
    network.train_on_batch(X, ONE_HOT)
    assert (network.get_weights()[0] != before[0]).any()


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
def test_a_layer_in_two_containers_is_updated_once(optimizer):
    """Its gradient is the sum over both places; the step is one, and so is the regularizer."""
    shared = layers.Dense(FEATURES, kernel_regularizer="l2", kernel_constraint="non_neg")
    network = models.Sequential([models.Sequential([shared]), models.Sequential([shared])])
    network.build((None, FEATURES))
    network.compile(optimizer, "mse")
    kernel, bias = (pt.asarray(w) for w in shared.get_weights())
    with pt.GradientTape() as tape:
        tape.watch(kernel, bias)
        out = (X @ kernel + bias) @ kernel + bias
        loss = ((out - X) ** 2).mean() + 0.01 * (kernel**2).sum()
    optimizer = optimizers.get(optimizer)
    optimizer.apply(tape.gradient(loss, [kernel, bias]), [kernel, bias])
    assert network.train_on_batch(X, X) == pytest.approx(loss.item(), rel=1e-5)
    for found, expected in zip(shared.get_weights(), (pt.maximum(kernel, 0), bias), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert network.optimizer.iterations == 1


def test_adding_a_layer_after_training():
    network = models.Sequential(
        [layers.Dense(8, activation="relu", input_shape=(FEATURES,)), layers.Dense(CLASSES)]
    )
    network.compile("sgd", losses.CategoricalCrossentropy(from_logits=True))
    network.train_on_batch(X, ONE_HOT)
    network.add(layers.Activation("softmax"))
    network.compile("sgd", "categorical_crossentropy")
    out = network.predict_on_batch(X)
    np.testing.assert_allclose(out.sum(axis=-1), np.ones(N), rtol=1e-5)
    network.pop()
    assert abs(float(network.predict_on_batch(X)[0].sum()) - 1) > 1e-5


def test_stop_training():
    network = classifier()

    def stop(epoch, logs):
        network.stop_training = epoch == 1

    history = network.fit(
        X, ONE_HOT, epochs=9, verbose=0, callbacks=[callbacks.LambdaCallback(on_epoch_end=stop)]
    )
    assert history.epoch == [0, 1]
    assert len(network.fit(X, ONE_HOT, epochs=3, verbose=0).epoch) == 3


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_trains_independently(duplicate):
    network = classifier(optimizer="adam")
    network.fit(X, ONE_HOT, verbose=0, shuffle=False)
    before = network.get_weights()
    copied = duplicate(network)
    history = copied.fit(X, ONE_HOT, verbose=0, shuffle=False).history
    for found, expected in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, expected)
    # the optimizer's state went along
    assert network.fit(X, ONE_HOT, verbose=0, shuffle=False).history == history
    for found, expected in zip(network.get_weights(), copied.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_zero_epochs():
    assert classifier().fit(X, ONE_HOT, epochs=0, verbose=0).history == {}


# --------------------------------------------------------------------------------- bad input


def with_nan():
    x = X.copy()
    x[20, 0] = math.nan
    return x


def test_nan_loss():
    network = classifier()
    before = network.get_weights()
    with pytest.raises(
        FloatingPointError,
        match=r"^fit: epoch 1, step 2 of 3: the loss is nan: x, in the rows of "
        r"this step, has 1 element that is not finite, the first is nan at "
        r"\[20, 0\]$",
    ) as caught:
        network.fit(with_nan(), ONE_HOT, batch_size=15, epochs=3, shuffle=False, verbose=0)
    assert caught.type is FloatingPointError
    # the first step was made, the second was not
    reference = classifier()
    reference.set_weights(before)
    reference.train_on_batch(X[:15], ONE_HOT[:15])
    for found, expected in zip(network.weights, reference.weights, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_infinite_loss():
    network = models.Sequential([layers.Dense(1, input_shape=(FEATURES,))])
    network.compile("sgd", "mse")
    with pytest.raises(FloatingPointError, match=r"^train_on_batch: the loss is inf$"):
        network.train_on_batch(X * 1e30, X[:, 0])
    network.optimizer.learning_rate = 1e6
    with pytest.raises(FloatingPointError, match=r"^fit: epoch \d+, step 1 of 1: the loss is "):
        network.fit(X, X[:, 0], batch_size=N, epochs=50, verbose=0)


def test_terminate_on_nan(capsys):
    network = classifier()
    history = network.fit(
        with_nan(),
        ONE_HOT,
        batch_size=15,
        epochs=3,
        shuffle=False,
        verbose=0,
        callbacks=[callbacks.TerminateOnNaN()],
    )
    assert np.isnan(history.history["loss"]).tolist() == [True]
    assert capsys.readouterr().out == "Batch 1: the loss is nan: training ends\n"


# ------------------------------------------------------------------------- weights of samples

WEIGHTS = RNG.random(N).astype("f4") * 3
CLASS_WEIGHT = {0: 1.0, 1: 0.2, 2: 3.0}


def same_weights(first, second):
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_integer_weights_act_like_repeated_samples():
    """Weights 0 and 2 give the gradients of a set where samples stand never or twice."""
    counts = np.arange(N) % 3
    network, reference = classifier(), classifier()
    reference.set_weights(network.get_weights())
    loss = losses.CategoricalCrossentropy(reduction="sum")
    network.compile(optimizers.SGD(0.01), loss)
    reference.compile(optimizers.SGD(0.01), loss)
    network.train_on_batch(X, ONE_HOT, sample_weight=counts)
    reference.train_on_batch(X.repeat(counts, 0), ONE_HOT.repeat(counts, 0))
    for a, b in zip(network.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("loss", "y"),
    [("categorical_crossentropy", ONE_HOT), ("sparse_categorical_crossentropy", LABELS)],
)
def test_class_weights_act_like_sample_weights(loss, y):
    by_sample = np.array([CLASS_WEIGHT[label] for label in LABELS])
    networks = [classifier(loss) for _ in range(3)]
    for network in networks[1:]:
        network.set_weights(networks[0].get_weights())
    options = {"epochs": 2, "batch_size": 10, "verbose": 0, "shuffle": False}
    networks[0].fit(X, y, class_weight=CLASS_WEIGHT, **options)
    networks[1].fit(X, y, sample_weight=by_sample, **options)
    stream = [(X[i : i + 10], y[i : i + 10]) for i in range(0, N, 10)]
    networks[2].fit(Batches(stream), class_weight=CLASS_WEIGHT, epochs=2, verbose=0)
    same_weights(networks[0], networks[1])
    same_weights(networks[0], networks[2])


def test_metrics_and_weighted_metrics():
    network = classifier()
    network.compile(
        "sgd",
        "categorical_crossentropy",
        ["accuracy"],
        [metrics.CategoricalAccuracy("weighted"), "auc"],
    )
    found = network.evaluate(X, ONE_HOT, sample_weight=WEIGHTS, verbose=0, return_dict=True)
    right = np.asarray(network.predict(X, verbose=0)).argmax(-1) == LABELS
    assert list(found) == ["loss", "accuracy", "weighted", "auc"] == network.metrics_names
    assert found["accuracy"] == pytest.approx(right.mean())
    assert found["weighted"] == pytest.approx((right * WEIGHTS).sum() / WEIGHTS.sum())
    assert network.test_on_batch(X, ONE_HOT, WEIGHTS) == pytest.approx(list(found.values()))


def test_sample_weights_of_validation_data():
    network = classifier()
    history = network.fit(
        X, ONE_HOT, epochs=1, verbose=0, validation_data=(X, ONE_HOT, WEIGHTS)
    ).history
    weighted = network.evaluate(X, ONE_HOT, sample_weight=WEIGHTS, verbose=0)
    assert history["val_loss"] == [weighted[0]]
    history = network.fit(
        X, ONE_HOT, epochs=1, verbose=0, validation_split=0.4, sample_weight=WEIGHTS
    ).history
    weighted = network.evaluate(X[27:], ONE_HOT[27:], sample_weight=WEIGHTS[27:], verbose=0)
    assert history["val_loss"] == [weighted[0]]


@pytest.mark.oracle
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"class_weight": CLASS_WEIGHT},
        {"sample_weight": WEIGHTS},
        {"sample_weight": WEIGHTS, "validation_split": 0.25},
        {"validation_data": (X[:9], ONE_HOT[:9], WEIGHTS[:9])},
    ],
    ids=lambda options: " ".join(options),
)
def test_fit_matches_keras(keras, options):
    ours = classifier()
    theirs = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Dense(8, "relu"),
            keras.layers.Dense(CLASSES, "softmax"),
        ]
    )
    theirs.set_weights(ours.get_weights())
    ours.compile(
        optimizers.Adam(0.01),
        "categorical_crossentropy",
        ["accuracy", "mse"],
        ["categorical_accuracy"],
    )
    theirs.compile(
        keras.optimizers.Adam(0.01),
        "categorical_crossentropy",
        metrics=["accuracy", "mse"],
        weighted_metrics=["categorical_accuracy"],
    )
    options = {"batch_size": 10, "epochs": 3, "shuffle": False, "verbose": 0, **options}
    found = ours.fit(X, ONE_HOT, **options).history
    expected = theirs.fit(X, ONE_HOT, **options).history
    assert found.keys() == expected.keys()
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], rtol=2e-4, atol=1e-6)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


# ------------------------------------------------------------------------------------- streams


class Batches:
    """An object that can be iterated over again."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


def cut(*arrays, size=10):
    return [tuple(array[i : i + size] for array in arrays) for i in range(0, N, size)]


def forever(batches):
    while True:
        yield from batches


@pytest.mark.parametrize(
    ("stream", "steps"),
    [
        (lambda: Batches(cut(X, ONE_HOT, WEIGHTS)), None),
        (lambda: forever(cut(X, ONE_HOT, WEIGHTS)), 5),
        (lambda: (list(batch) for batch in cut(X, ONE_HOT, WEIGHTS) * 3), 5),
    ],
)
def test_streams_train_like_arrays(stream, steps):
    network, reference = classifier(), classifier()
    network.set_weights(reference.get_weights())
    expected = reference.fit(
        X,
        ONE_HOT,
        10,
        3,
        sample_weight=WEIGHTS,
        shuffle=False,
        verbose=0,
        validation_data=(X, ONE_HOT, WEIGHTS),
        validation_batch_size=10,
    )
    found = network.fit(
        stream(),
        epochs=3,
        steps_per_epoch=steps,
        verbose=0,
        validation_data=Batches(cut(X, ONE_HOT, WEIGHTS)),
    )
    same_weights(network, reference)
    assert found.history == expected.history
    assert network.evaluate(stream(), steps=steps, verbose=0) == reference.evaluate(
        X, ONE_HOT, 10, sample_weight=WEIGHTS, verbose=0
    )
    assert (
        network.predict(stream(), steps=5, verbose=0).tolist()
        == reference.predict(X, 10, verbose=0).tolist()
    )
    assert network.predict(iter([X[:10], X[10:]]), verbose=0).shape == (N, CLASSES)


def test_a_stream_builds_the_model(capsys):
    network = models.Sequential([layers.Dense(CLASSES)])
    network.compile("sgd", "mse", ["mae"])
    network.fit(Batches(cut(X, ONE_HOT)), epochs=2, verbose=2)
    assert network.input_shape == (None, FEATURES)
    assert "Epoch 2/2 - 5/5 steps" in capsys.readouterr().out


def test_training_ends_when_a_stream_runs_out():
    network = classifier()
    with pytest.warns(UserWarning, match="fit: x: 2 batches: expected 5, as asked for"):
        history = network.fit(
            iter(cut(X, ONE_HOT) + cut(X, ONE_HOT)[:2]), steps_per_epoch=5, epochs=9, verbose=0
        )
    assert history.epoch == [0, 1]


def test_evaluate_returns_nan():
    assert math.isnan(classifier().evaluate(with_nan(), ONE_HOT, verbose=0)[0])


def uncompiled(method, *arguments):
    return lambda: getattr(models.Sequential([layers.Dense(1)]), method)(*arguments)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (uncompiled("fit", X, X), RuntimeError, "fit: the model is not compiled: call compile"),
        (uncompiled("evaluate", X, X), RuntimeError, "evaluate: the model is not compiled"),
        (uncompiled("train_on_batch", X, X), RuntimeError, "train_on_batch: the model is not"),
        (uncompiled("test_on_batch", X, X), RuntimeError, "test_on_batch: the model is not"),
        (lambda: classifier().compile("sgd"), ValueError, "compile: loss: missing"),
        (
            lambda: classifier("crossentropy"),
            ValueError,
            "unknown loss 'crossentropy': did you mean 'binary_cross",
        ),
        (
            lambda: classifier(optimizer="sdg"),
            ValueError,
            r"unknown optimizer 'sdg': did you mean 'sgd'\?$",
        ),
        (
            lambda: classifier().compile("sgd", "mse", metrics=["acuracy"]),
            ValueError,
            r"unknown metric 'acuracy': did you mean 'accuracy'\?$",
        ),
        (
            lambda: classifier().compile("sgd", "mse", metrics="accuracy"),
            TypeError,
            "compile: metrics: found 'accuracy': expected a list",
        ),
        (
            lambda: classifier().compile("sgd", "mse", metrics=["mse", "mse"]),
            ValueError,
            "compile: metrics: the name 'mse' is taken",
        ),
        (
            lambda: classifier().fit(X, ONE_HOT[:40]),
            ValueError,
            "fit: x has 45 samples and y 40: expected the same number",
        ),
        (lambda: classifier().fit(X), ValueError, "fit: y: missing"),
        (lambda: classifier().fit(), ValueError, "fit: x: missing"),
        (
            lambda: classifier().fit(X[:0], ONE_HOT[:0]),
            ValueError,
            r"fit: x: found shape \(0, 6\): expected at least one sample",
        ),
        (
            lambda: classifier().fit(X[:, :5], ONE_HOT),
            ValueError,
            r"fit: x has shape \(45, 5\): expected \(n, 6\)",
        ),
        (
            lambda: classifier().fit(X.reshape(N, 2, 3), ONE_HOT),
            ValueError,
            r"fit: x has shape \(45, 2, 3\): expected \(n, 6\)",
        ),
        (
            lambda: classifier().fit(X, LABELS),
            ValueError,
            r"fit: y: shape \(45,\): expected \(45, 3\), one-hot rows; for class numbers use "
            r"sparse_",
        ),
        (lambda: classifier().fit(X, LABELS.reshape(-1, 1)), ValueError, "one-hot rows"),
        (
            lambda: classifier().fit(X, np.eye(4)[LABELS]),
            ValueError,
            r"fit: y: targets of shape \(45, 4\): expected \(45, 3\)",
        ),
        (
            lambda: classifier("mse").fit(X, LABELS),
            ValueError,
            r"fit: y: targets of shape \(45,\): expected \(45, 3\)",
        ),
        (
            lambda: classifier("sparse_categorical_crossentropy").fit(X, ONE_HOT),
            ValueError,
            r"fit: y: labels of shape \(45, 3\): expected \(45,\), integers",
        ),
        (
            lambda: classifier("sparse_categorical_crossentropy").fit(X[:3], [0, 3, 1]),
            ValueError,
            r"fit: y: label 3 at position 1: expected an integer in \[0, 3\), one of 3 classes",
        ),
        (
            lambda: classifier("sparse_categorical_crossentropy").evaluate(X[:2], [0, -1]),
            ValueError,
            "evaluate: y: label -1 at position 1",
        ),
        (
            lambda: classifier().fit(X, ONE_HOT, batch_size=0),
            ValueError,
            "fit: batch_size: found 0: expected at least 1",
        ),
        (
            lambda: classifier().fit(X, ONE_HOT, batch_size=1.5),
            TypeError,
            "fit: batch_size: found 1.5: expected an integer",
        ),
        (
            lambda: classifier().evaluate(X, ONE_HOT, batch_size=-1),
            ValueError,
            "evaluate: batch_size: found -1",
        ),
        (lambda: classifier().predict(X, batch_size=0), ValueError, "predict: batch_size: found 0"),
        (
            lambda: classifier().fit(X, ONE_HOT, epochs=-1),
            ValueError,
            "fit: epochs: found -1: expected at least 0",
        ),
        (lambda: classifier().fit(X, ONE_HOT, initial_epoch=-1), ValueError, "initial_epoch"),
        (
            lambda: classifier().fit(X, ONE_HOT, validation_split=1),
            ValueError,
            r"fit: validation_split: found 1: expected a number in \[0, 1\)",
        ),
        (
            lambda: classifier().fit(X, ONE_HOT, validation_split=-0.1),
            ValueError,
            "fit: validation_split: found -0.1",
        ),
        (
            lambda: classifier().fit(X, ONE_HOT, validation_split=0.99),
            ValueError,
            "fit: validation_split: 0.99 of 45 samples leaves none to train with",
        ),
        (
            lambda: classifier().fit(X, ONE_HOT, validation_data=X),
            ValueError,
            r"fit: validation_data: found a value of type ndarray: expected a pair \(x, y\)",
        ),
        (
            lambda: classifier().fit(X, ONE_HOT, validation_data=(X, LABELS)),
            ValueError,
            r"fit: validation_data: y: shape \(45,\)",
        ),
        (
            lambda: classifier().predict(X[:, :5]),
            ValueError,
            r"predict: x has shape \(45, 5\): expected \(n, 6\)",
        ),
        (lambda: classifier().predict_on_batch(X[:, :5]), ValueError, "predict_on_batch: x has"),
        (lambda: classifier().fit(["a"], [1]), TypeError, "expected numbers"),
        (lambda: models.Sequential().predict(X), ValueError, "the model has no layers"),
        (
            lambda: classifier().fit(X, ONE_HOT, sample_weight=WEIGHTS[:9]),
            ValueError,
            "fit: x has 45 samples and sample_weight 9: expected the same number",
        ),
        (
            lambda: classifier().fit(X, ONE_HOT, sample_weight=ONE_HOT, verbose=0),
            ValueError,
            r"sample_weight: found shape \(32, 3\): expected \(32,\)",
        ),
        (
            lambda: classifier().fit(X, ONE_HOT, sample_weight=WEIGHTS, class_weight={}),
            ValueError,
            "fit: found sample_weight and class_weight: expected one of them",
        ),
        (lambda: classifier().fit(X, ONE_HOT, class_weight=[1]), TypeError, "fit: class_weight"),
        (
            lambda: classifier().fit(X, ONE_HOT, steps_per_epoch=3),
            ValueError,
            "fit: steps_per_epoch: found 3 for an array x: expected None",
        ),
        (lambda: classifier().fit(iter([]), verbose=0), ValueError, "fit: x: no batches left"),
        (
            lambda: classifier().fit(iter([(X, ONE_HOT)]), epochs=2, verbose=0),
            ValueError,
            "fit: x: no batches left: expected an object that can be iterated over again",
        ),
        (
            lambda: classifier().fit(iter([X]), verbose=0),
            ValueError,
            r"fit: x: found a batch of type ndarray: expected \(x, y\) or \(x, y, sample_weight\)",
        ),
        (
            lambda: classifier().fit(iter([(X[:, :2], ONE_HOT)]), verbose=0),
            ValueError,
            r"fit: x has shape \(45, 2\): expected \(n, 6\)",
        ),
        (
            lambda: classifier().fit(iter([(X, ONE_HOT)]), ONE_HOT),
            ValueError,
            "fit: x yields batches: expected y and sample_weight in them",
        ),
        (
            lambda: classifier().fit(iter([(X, ONE_HOT)]), validation_split=0.5),
            ValueError,
            "fit: validation_split: x yields batches",
        ),
        (
            lambda: classifier(losses.MeanSquaredError(reduction=None)),
            ValueError,
            "compile: loss: mean_squared_error has reduction=None",
        ),
        (lambda: classifier(weighted_metrics="mse"), TypeError, "compile: weighted_metrics"),
        (lambda: classifier(weighted_metrics=["accuracy"]), ValueError, "'accuracy' is taken"),
    ],
)
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_refuses_to_train_nothing():
    network = classifier()
    network.trainable = False
    with pytest.raises(ValueError, match="fit: 'sequential' has no weights to train"):
        network.fit(X, ONE_HOT, verbose=0)


# ------------------------------------------------------------- changes after the first step


def small_network(optimizer="sgd"):
    random.seed(5)
    network = models.Sequential(
        [
            layers.Dense(8, activation="relu", input_shape=(64,)),
            layers.Dense(10, activation="softmax"),
        ]
    )
    network.compile(optimizer, "sparse_categorical_crossentropy")
    return network


def test_another_optimizer_loss_or_activation_is_used():
    x, y = blobs(200)
    x = np.asarray(x) / 255
    network = small_network("rmsprop")
    network.fit(x, y, epochs=20, verbose=0)
    network.optimizer = optimizers.SGD(0.0)
    before = [w.tobytes() for w in network.get_weights()]
    network.fit(x, y, verbose=0)
    assert [w.tobytes() for w in network.get_weights()] == before
    loss = network.evaluate(x, y, verbose=0)
    network.layers[-1].activation = activations.sigmoid  # no logits of a softmax any more
    p = np.asarray(network.predict(x, verbose=0))
    p = np.clip(p / p.sum(1, keepdims=True), 1e-7, 1 - 1e-7)
    expected = -np.log(p[np.arange(200), np.asarray(y)]).mean()
    assert network.evaluate(x, y, verbose=0) == pytest.approx(expected, rel=1e-4)
    assert loss != pytest.approx(expected, rel=0.01)


def test_momentum_can_be_switched_on():
    x, y = blobs(200)
    network = small_network(optimizers.SGD(0.01))
    network.fit(x, y, verbose=0)
    network.optimizer.momentum = 0.9
    other = small_network(optimizers.SGD(0.01, momentum=0.9))
    other.set_weights(network.get_weights())
    for n in (network, other):
        random.seed(6)
        n.fit(x, y, epochs=2, verbose=0)
    for a, b in zip(network.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="momentum: found 2"):
        network.optimizer.momentum = 2


def test_a_subclass_of_sequential_is_called():
    class Doubled(models.Sequential):
        def call(self, x, training=False):
            return super().call(x, training) * 2

    x, y = blobs(50)
    network = Doubled([layers.Dense(10, activation="softmax", input_shape=(64,))])
    plain = models.Sequential(network.layers)
    predicted = network.predict(x, batch_size=50, verbose=0)
    np.testing.assert_array_equal(predicted, network(x))
    np.testing.assert_array_equal(predicted, plain(x) * 2)
    network.compile("sgd", "mse")
    plain.compile("sgd", "mse")
    targets = np.eye(10, dtype="f4")[np.asarray(y)]
    assert network.evaluate(x, targets, verbose=0) != plain.evaluate(x, targets, verbose=0)


@pytest.mark.parametrize("hook", ["on_train_batch_begin", "on_train_batch_end", "on_epoch_begin"])
def test_a_callback_must_not_compile(hook):
    x, y = blobs(100)
    network = small_network()
    again = callbacks.LambdaCallback(**{hook: lambda *_: network.compile("sgd", "mse")})
    with pytest.raises(RuntimeError, match="compile: the model is running"):
        network.fit(x, y, verbose=0, callbacks=[again])
    network.compile("sgd", "sparse_categorical_crossentropy")
    network.fit(x, y, verbose=0)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_class_weights_do_not_apply_to_validation(loss):
    y = LABELS if "sparse" in loss else ONE_HOT
    network, other = classifier(loss), classifier(loss)
    for model in (network, other):
        model.compile("sgd", loss, weighted_metrics=["accuracy"])
    other.set_weights(network.get_weights())
    options = {"class_weight": CLASS_WEIGHT, "epochs": 2, "verbose": 0, "shuffle": False}
    found = network.fit(X, y, validation_split=0.4, **options).history
    expected = other.fit(X[:27], y[:27], validation_data=(X[27:], y[27:]), **options).history
    assert found == expected
    last = network.evaluate(X[27:], y[27:], verbose=0)
    assert [found["val_loss"][-1], found["val_accuracy"][-1]] == last


@pytest.mark.parametrize(
    ("n", "split", "n_train"),
    [
        (10, 0.8, 2),
        (10, 0.9, 1),
        (10, 0.7, 3),
        (10, 0.25, 7),
        (7, 5 / 7, 2),
        (100, 0.55, 45),
        (100, 0.57, 43),
        (100, 0.29, 71),
        (3, 2 / 3, 1),
        (45, 0.95, 2),
    ],
)
def test_validation_split(n, split, n_train):
    network = classifier()
    x, y = np.resize(X, (n, FEATURES)), np.resize(ONE_HOT, (n, CLASSES))
    network.fit(x, y, batch_size=1, verbose=0, validation_split=split)
    assert network.optimizer.iterations == n_train


class Stopper(callbacks.Callback):
    """Sets an attribute after the third batch."""

    def __init__(self, kind, attribute):
        self.ended = 0

        def after(batch, logs=None):
            self.ended = batch + 1
            if batch == 2:
                setattr(self.model, attribute, True)

        setattr(self, f"on_{kind}_batch_end", after)


def endless():
    while True:
        yield X[:5], ONE_HOT[:5]


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_stopping_after_a_batch(verbose, capsys):
    network = classifier()
    stopper = Stopper("train", "stop_training")
    history = network.fit(
        endless(), epochs=4, verbose=verbose, callbacks=[stopper], validation_data=(X, ONE_HOT)
    ).history
    assert stopper.ended == 3 == network.optimizer.iterations
    assert [len(values) for values in history.values()] == [1, 1, 1, 1]
    assert "None" not in capsys.readouterr().out
    network.fit(X, ONE_HOT, batch_size=5, epochs=4, verbose=0, callbacks=[stopper])
    assert (stopper.ended, network.optimizer.iterations) == (3, 6)
    network.fit(X, ONE_HOT, batch_size=5, epochs=2, verbose=0)
    assert network.optimizer.iterations == 24


def test_stopping_an_evaluation_and_a_prediction(capsys):
    network = classifier()
    stopper = Stopper("test", "stop_evaluating")
    found = network.evaluate(endless(), callbacks=[stopper])
    assert stopper.ended == 3
    assert found == pytest.approx(network.evaluate(X[:5], ONE_HOT[:5], verbose=0))
    stopper = Stopper("predict", "stop_predicting")
    assert network.predict(endless(), callbacks=[stopper]).shape == (15, CLASSES)
    assert network.predict(X, batch_size=5, verbose=0, callbacks=[stopper]).shape == (15, CLASSES)
    assert network.predict(X, batch_size=5, verbose=0).shape == (N, CLASSES)
    assert "None" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "call",
    [
        lambda batches: classifier().fit(batches, verbose=0),
        lambda batches: classifier().fit(batches, validation_split=0.5, verbose=0),
        lambda batches: classifier().evaluate(batches, verbose=0),
    ],
)
@pytest.mark.parametrize("sizes", [(20, 25), (20, 20)], ids=["ragged", "alike"])
def test_a_list_of_batches(call, sizes):
    batches = [(X[:n], ONE_HOT[:n]) for n in sizes]
    with pytest.raises(
        ValueError,
        match=r"x: found a list of 2 batches: expected samples and y, "
        r"or batches from an iterator, iter\(x\)",
    ):
        call(batches)
    with pytest.raises(ValueError, match="expected samples of one shape, or batches from an iter"):
        classifier().predict([X, X[:3]], verbose=0)
    with pytest.raises(
        ValueError, match="fit: y: found a list of 2 parts that do not form an array"
    ):
        classifier().fit(X, [[1, 2], [3]], verbose=0)


@pytest.mark.parametrize("shuffle", [True, False])
def test_nan_is_reported_by_its_row_in_the_data(shuffle):
    y = ONE_HOT.copy()
    y[33, 1] = math.nan
    for x, targets, name, place in (
        (with_nan(), ONE_HOT, r": x,", "[20, 0]"),
        (X, y, r": y,", "[33, 1]"),
    ):
        network = models.Sequential([layers.Dense(y.shape[1], input_shape=(FEATURES,))])
        network.compile("sgd", "mse")
        with pytest.raises(
            FloatingPointError, match=f"{name} in the rows of this step, .* at {re.escape(place)}$"
        ):
            network.fit(x, targets, batch_size=7, shuffle=shuffle, verbose=0)
    with pytest.raises(FloatingPointError, match=r"x of the batch has .* at \[0, 0\]$"):
        network.fit(iter([(with_nan()[20:], ONE_HOT[20:])]), verbose=0)


def test_shapes_are_reported_as_given():
    with pytest.raises(ValueError, match=r"^fit: x has shape \(45,\): expected \(n, 6\)$"):
        classifier().fit(X[:, 0], ONE_HOT, verbose=0)


def test_softmax_of_one_output_warns():
    network = models.Sequential([layers.Dense(1, "softmax", input_shape=(FEATURES,))])
    network.compile("sgd", "binary_crossentropy")
    with pytest.warns(UserWarning, match="softmax of one output is 1 whatever the input"):
        network.fit(X, np.arange(N) % 2, verbose=0)
    network.fit(X, np.arange(N) % 2, verbose=0)  # once is enough


@pytest.mark.parametrize(
    ("frequency", "expected"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4]), ([1, 5], [1, 5])]
)
def test_validation_freq(frequency, expected):
    network = models.Sequential([layers.Dense(1, input_shape=(2,))])
    network.compile("sgd", "mse")
    seen = []
    note = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(epoch + 1) if "val_loss" in logs else None
    )
    x, y = np.ones((4, 2)), np.ones(4)
    history = network.fit(
        x,
        y,
        epochs=5,
        validation_data=(x, y),
        validation_freq=frequency,
        verbose=0,
        callbacks=[note],
    ).history
    assert seen == expected
    assert len(history["val_loss"]) == len(expected)
    with pytest.raises(ValueError, match="fit: validation_freq: found 0"):
        network.fit(x, y, validation_freq=0)
