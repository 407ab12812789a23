"""Models: layers, losses, metrics, optimizers, callbacks, training, evaluation, files."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import pytensor as pt
from pytensor import callbacks, layers, losses, metrics, models, optimizers, regularizers
from pytensor.utils import to_categorical


def network(units: int, n_classes: int) -> models.Sequential:
    """A network of every kind of layer."""
    model = models.Sequential(
        [
            layers.Input((8,)),
            layers.Dense(units, activation="relu", kernel_regularizer=regularizers.L2(1e-4)),
            layers.BatchNormalization(),
            layers.Dropout(0.2, seed=1),
            layers.Dense(units, activation=pt.tanh, kernel_initializer="he_normal"),
            layers.LayerNormalization(),
            layers.Activation("relu"),
        ]
    )
    model.add(layers.Dense(n_classes, activation="softmax", name="classes"))
    return model


def main() -> None:
    """Train one."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 8)).astype("float32")
    labels = rng.integers(0, 3, 64)
    y = to_categorical(labels, 3)

    model = network(16, 3)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.compile(
        optimizer=optimizers.AdamW(
            optimizers.schedules.CosineDecay(0.01, 300), weight_decay=0.01, clipnorm=1.0
        ),
        loss=losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy", metrics.CategoricalAccuracy(name="again")],
    )
    history = model.fit(
        x,
        y,
        batch_size=16,
        epochs=2,
        verbose=0,
        validation_split=0.25,
        class_weight={0: 1.0, 1: 2.0, 2: 1.0},
        callbacks=[
            callbacks.EarlyStopping("val_loss", patience=5, restore_best_weights=True),
            callbacks.ReduceLROnPlateau(factor=0.5),
            callbacks.TerminateOnNaN(),
            callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
        ],
    )
    first: float = history.history["loss"][0]
    result = model.evaluate(x, y, verbose=0)
    predicted = model.predict(x[:5], verbose=0)
    classes = np.argmax(predicted, axis=-1)
    print(first, result, classes, model.count_params())
    for layer in model.layers:
        print(layer.name, [weight.shape for weight in layer.weights])

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.safetensors"
        models.save_model(model, path)
        loaded = models.load_model(path)
        loaded.predict(x, verbose=0)
    other = models.Sequential.from_json(model.to_json())
    other.set_weights(model.get_weights())

    momentum = optimizers.SGD(learning_rate=0.1, momentum=0.9, nesterov=True)
    regression = models.Sequential([layers.Dense(1, input_shape=(8,))])
    regression.compile(momentum, "mse", metrics=["mae"])
    regression.fit(x, x.sum(axis=1), epochs=1, verbose=0)
    regression.summary()


if __name__ == "__main__":
    main()
