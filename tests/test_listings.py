"""Programs with the calls that a book's chapters 2 to 7 make, on made-up data."""

import numpy as np
import pytest

from pytensor import Input, Model, Sequential, callbacks, layers, models, optimizers, regularizers
from pytensor import utils as keras_utils
from pytensor.datasets import boston_housing, cifar10, digits, imdb, reuters
from pytensor.utils import to_categorical


@pytest.fixture(autouse=True)
def seeded():
    keras_utils.set_random_seed(0)


def vectorized(sequences, dimension):
    results = np.zeros((len(sequences), dimension))
    for i, sequence in enumerate(sequences):
        results[i, sequence] = 1.0
    return results


def test_a_first_network():
    (train_images, train_labels), (test_images, test_labels) = digits.load_data(2000, 500)
    train_images = train_images.reshape((2000, 28 * 28)).astype("float32") / 255
    test_images = test_images.reshape((500, 28 * 28)).astype("float32") / 255
    network = Sequential()
    network.add(layers.Dense(128, activation="relu", input_shape=(28 * 28,)))
    network.add(layers.Dense(10, activation="softmax"))
    network.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
    network.fit(train_images, to_categorical(train_labels), epochs=5, batch_size=128, verbose=0)
    _, accuracy = network.evaluate(test_images, to_categorical(test_labels), verbose=0)
    assert accuracy > 0.85


def test_two_classes_of_reviews():
    (train_data, train_labels), (test_data, test_labels) = imdb.synthetic_data(
        800, 200, num_words=1000
    )
    assert max(max(sequence) for sequence in train_data) < 1000
    x_train, x_test = vectorized(train_data, 1000), vectorized(test_data, 1000)
    y_train = np.asarray(train_labels).astype("float32")
    model = Sequential(
        [
            layers.Dense(16, kernel_regularizer=regularizers.L2(0.001), activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(
        optimizer=optimizers.RMSprop(learning_rate=0.01),
        loss="binary_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(
        x_train[200:],
        y_train[200:],
        epochs=5,
        batch_size=64,
        validation_data=(x_train[:200], y_train[:200]),
        verbose=0,
    )
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert model.evaluate(x_test, test_labels, verbose=0)[1] > 0.8
    assert model.predict(x_test, verbose=0).shape == (200, 1)


def test_topics_of_newswires():
    (train_data, train_labels), _ = reuters.synthetic_data(500, 10, num_words=500)
    model = Sequential(
        [layers.Dense(64, activation="relu"), layers.Dense(46, activation="softmax")]
    )
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        vectorized(train_data, 500), np.array(train_labels), epochs=5, batch_size=64, verbose=0
    )
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_prices_with_folds():
    (train_data, train_targets), (test_data, _) = boston_housing.synthetic_data(120, 30)
    mean = train_data.mean(axis=0)
    train_data -= mean
    std = train_data.std(axis=0)
    train_data /= std
    test_data -= mean
    test_data /= std
    k, scores = 3, []
    fold = len(train_data) // k
    for i in range(k):
        inside = slice(i * fold, (i + 1) * fold)
        x = np.concatenate([train_data[: i * fold], train_data[(i + 1) * fold :]], axis=0)
        y = np.concatenate([train_targets[: i * fold], train_targets[(i + 1) * fold :]], axis=0)
        model = Sequential([layers.Dense(32, activation="relu"), layers.Dense(1)])
        model.compile(optimizers.RMSprop(0.01), loss="mse", metrics=["mae"])
        model.fit(x, y, epochs=60, batch_size=8, verbose=0)
        scores.append(model.evaluate(train_data[inside], train_targets[inside], verbose=0)[1])
    assert np.mean(scores) < float(np.asarray(train_targets).std())


def test_a_convolutional_network(tmp_path):
    (x, y), (x_test, y_test) = cifar10.synthetic_data(600, 200)
    x, x_test = x.astype("float32") / 255, x_test.astype("float32") / 255
    model = Sequential()
    model.add(layers.Conv2D(16, (3, 3), activation="relu", input_shape=(32, 32, 3)))
    model.add(layers.MaxPooling2D((2, 2)))
    model.add(layers.Conv2D(32, (3, 3), activation="relu"))
    model.add(layers.MaxPooling2D((2, 2)))
    model.add(layers.Flatten())
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
    path = tmp_path / "best.safetensors"
    model.fit(
        x,
        y,
        epochs=15,
        batch_size=32,
        validation_data=(x_test, y_test),
        callbacks=[callbacks.ModelCheckpoint(path, save_best_only=True)],
        verbose=0,
    )
    assert models.load_model(path).evaluate(x_test, y_test, verbose=0)[1] > 0.5


@pytest.mark.parametrize(
    "middle",
    [
        lambda: [layers.Flatten()],
        lambda: [layers.SimpleRNN(8, return_sequences=True), layers.SimpleRNN(8)],
        lambda: [layers.LSTM(8)],
        lambda: [layers.Bidirectional(layers.GRU(8, dropout=0.1, recurrent_dropout=0.1))],
        lambda: [
            layers.Conv1D(8, 7, activation="relu"),
            layers.MaxPooling1D(5),
            layers.GlobalMaxPooling1D(),
        ],
    ],
    ids=["flatten", "simple", "lstm", "bidirectional", "conv1d"],
)
def test_words_as_sequences(middle):
    (texts, labels), _ = imdb.synthetic_data(400, 0, num_words=200)
    x = keras_utils.pad_sequences(texts, maxlen=50)
    model = Sequential(
        [
            layers.Embedding(200, 8, input_shape=(50,)),
            *middle(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, labels, epochs=6, batch_size=32, validation_split=0.2, verbose=0)
    assert history.history["accuracy"][-1] > 0.7


def test_weather_by_windows():
    series = np.sin(np.arange(600) * 0.1)[:, None] + np.random.default_rng(0).normal(
        0, 0.05, (600, 3)
    )
    batches = keras_utils.timeseries_dataset_from_array(
        series[:-20].astype("float32"), series[20:, 0].astype("float32"), 20, batch_size=32
    )
    inputs = Input(shape=(20, 3))
    outputs = layers.Dense(1)(layers.GRU(8)(inputs))
    model = Model(inputs, outputs)
    model.compile(optimizers.RMSprop(0.01), loss="mse", metrics=["mae"])
    history = model.fit(batches, epochs=6, verbose=0)
    assert history.history["mae"][-1] < 0.25


def test_a_model_of_two_inputs_and_two_outputs():
    random = np.random.default_rng(0)
    title, body = random.integers(0, 2, (2, 128, 30)).astype("float32")
    priority, department = title.mean(axis=1), (body.sum(axis=1) > 15).astype(int)
    first, second = Input(shape=(30,), name="title"), Input(shape=(30,), name="body")
    features = layers.Dense(16, activation="relu")(layers.Concatenate()([first, second]))
    outputs = [
        layers.Dense(1, activation="sigmoid", name="priority")(features),
        layers.Dense(2, activation="softmax", name="department")(features),
    ]
    model = Model(inputs=[first, second], outputs=outputs)
    model.compile(
        optimizer="adam",
        loss={"priority": "mse", "department": "sparse_categorical_crossentropy"},
        metrics={"priority": ["mae"], "department": ["accuracy"]},
    )
    history = model.fit(
        {"title": title, "body": body},
        {"priority": priority, "department": department},
        epochs=5,
        verbose=0,
    )
    assert history.history["loss"][-1] < history.history["loss"][0]
    found = model.predict({"title": title, "body": body}, verbose=0)
    assert [part.shape for part in found] == [(128, 1), (128, 2)]
