"""Wrong uses of layers, models, losses, optimizers and callbacks."""

from __future__ import annotations

import numpy as np

from pytensor import callbacks, layers, losses, metrics, models, optimizers

x, y = np.zeros((8, 3)), np.zeros((8, 1))
model = models.Sequential()

layers.Dense("three")  # error
layers.Dense()  # error
layers.Dense(3, activations="relu")  # error
layers.Dense(3, activation=1)  # error
layers.Dropout("half")  # error
layers.Convolution(3)  # error
model.add("dense")  # error
model.add(layers.Dense)  # error
model.compile(3, "mse")  # error
model.compile("sgd", "mse", metric=["accuracy"])  # error
model.fit(x, y, epoch=2)  # error
model.fit(x, y, epochs="two")  # error
model.fit(x, y, callbacks=["early"])  # error
model.evaluate(x, y, batches=2)  # error
model.predictions(x)  # error
models.Sequential(3)  # error
optimizers.Adam(lr=0.1)  # error
optimizers.SGD(learning_rate="fast")  # error
optimizers.SGD(0.1, momentum=None)  # error
losses.Huber(deltas=1.0)  # error
losses.CategoricalCrossentropy(label_smoothing="much")  # error
metrics.Accuracy(names="a")  # error
callbacks.EarlyStopping(patience="long")  # error
callbacks.EarlyStop()  # error
