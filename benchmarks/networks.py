"""A network in every library, behind the same few methods.

    forward(x)             the results of a batch
    train_on_batch(x, y)   one step on a batch; returns the loss, a float
    fit(x, y)              one epoch in batches, shuffled; returns the accuracy over it
    weights()              [w, b, ...] of the dense layers, with w of shape (inputs, outputs)

A `Network` says what it is, in data; a class for each library builds it. x and y are NumPy arrays,
converted by `data` before the time is taken. Every network computes loss and accuracy in every step
of an epoch, since `fit` does. The optimizers are as in Keras: SGD with rate 0.01; RMSprop with rate
0.001, rho 0.9, epsilon 1e-7; Adam with rate 0.001, betas 0.9 and 0.999, epsilon 1e-7.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

SGD_RATE, RATE, RHO, BETA1, BETA2, EPSILON = 0.01, 0.001, 0.9, 0.9, 0.999, 1e-7
MOMENTUM, VARIANCE_EPSILON = 0.99, 1e-3  # of batch normalization


@dataclass(frozen=True)
class Network:
    """Dense layers, each hidden one with an activation, normalization, dropout; softmax and
    cross-entropy at the end, or for one output the mean squared error.

    sizes: of the input and of each layer; batch: samples in a step.
    words: if not 0, the input is a bag of 100 words of so many, and the mean of their rows of a
    table, sizes[0] wide, goes into the first layer.
    """

    sizes: tuple[int, ...]
    optimizer: str = "sgd"
    batch: int = 128
    activation: str = "relu"
    dtype: str = "float32"
    normalize: bool = False
    dropout: float = 0.0
    words: int = 0

    @property
    def is_plain(self):
        """Whether it is dense layers only: what NumPy by hand has."""
        return not (self.normalize or self.dropout or self.words)

    @property
    def name(self):
        """Such as "20-64-64-1 adam"."""
        if len(self.sizes) > 6:
            sizes = f"{len(self.sizes) - 1} layers of {self.sizes[0]}"
        else:
            sizes = "-".join(map(str, self.sizes))
        parts = [
            f"bags of 100 of {self.words} words," * bool(self.words),
            sizes,
            "tanh" * (self.activation == "tanh"),
            "BatchNormalization" * self.normalize,
            "Dropout" * bool(self.dropout),
            self.optimizer,
        ]
        return " ".join(part for part in parts if part)

    @property
    def loss(self):
        """Its name."""
        return "mse" if self.sizes[-1] == 1 else "categorical_crossentropy"

    def weights(self, seed=0):
        """Initial weights [w, b, ...] of the dense layers: Glorot uniform, zero biases."""
        generator = np.random.default_rng(seed)
        found = []
        for n_in, n_out in pairwise(self.sizes):
            limit = (6 / (n_in + n_out)) ** 0.5
            found += [
                generator.uniform(-limit, limit, (n_in, n_out)).astype(self.dtype),
                np.zeros(n_out, self.dtype),
            ]
        return found

    def table(self):
        """The initial table of words."""
        generator = np.random.default_rng(1)
        return generator.uniform(-0.05, 0.05, (self.words, self.sizes[0])).astype(self.dtype)

    def data(self):
        """A random batch {"x": ..., "y": ...}; y is one-hot, or one number for each sample."""
        generator = np.random.default_rng(2)
        n_out = self.sizes[-1]
        x = (
            generator.integers(0, self.words, (self.batch, 100))
            if self.words
            else generator.uniform(-1, 1, (self.batch, self.sizes[0])).astype(self.dtype)
        )
        y = (
            generator.uniform(-1, 1, (self.batch, 1))
            if n_out == 1
            else np.eye(n_out)[generator.integers(0, n_out, self.batch)]
        )
        return {"x": x, "y": y.astype(self.dtype)}

    def flops(self):
        """Floating-point operations of one training step, products only.

        A layer (n_in, n_out) takes 2 * batch * n_in * n_out forward and as many for the gradient of
        its weights; as many again for the gradient of its input, except in the first layer, where
        nobody needs it, unless the table of words does.
        """
        layer = [2 * self.batch * n_in * n_out for n_in, n_out in pairwise(self.sizes)]
        return 3 * sum(layer) - layer[0] * (not self.words)


def in_pairs(weights):
    """[w, b, w, b, ...] as [(w, b), (w, b), ...]."""
    return list(zip(weights[::2], weights[1::2], strict=True))


class Pytensor:
    """Ours, through the public API of models, which are float32."""

    library = "pytensor"

    def __init__(self, network):
        """Build and compile the model."""
        self._network = network
        pt = importlib.import_module("pytensor")
        layers, n_out = pt.layers, network.sizes[-1]
        found, self._dense = self.input_layers(pt), []
        for n in network.sizes[1:-1]:
            self._dense.append(layers.Dense(n, activation=network.activation))
            found.append(self._dense[-1])
            if network.normalize:
                found.append(layers.BatchNormalization())
            if network.dropout:
                found.append(layers.Dropout(network.dropout))
        self._dense.append(layers.Dense(n_out, activation=None if n_out == 1 else "softmax"))
        self.model = pt.models.Sequential([*found, self._dense[-1]])
        for dense, weights in zip(self._dense, in_pairs(network.weights()), strict=True):
            dense.set_weights(weights)
        if network.words:
            self.model.layers[0].set_weights([network.table()])
        self._compile(pt, ["accuracy"] if network.optimizer == "rmsprop" else None)

    def _compile(self, pt, metrics=None):
        """Compile the model."""
        network = self._network
        optimizers = {
            "sgd": pt.optimizers.SGD(SGD_RATE),
            "rmsprop": pt.optimizers.RMSprop(RATE),
            "adam": pt.optimizers.Adam(RATE),
        }
        self.model.compile(optimizers[network.optimizer], loss=network.loss, metrics=metrics)
        self.forward = self.model.predict_on_batch
        self.train_on_batch = self.model.train_on_batch

    def input_layers(self, pt):
        """The layers before the dense ones: a list."""
        if not self._network.words:
            return [pt.layers.Input((self._network.sizes[0],))]

        class Mean(pt.layers.Layer):
            """The mean over the words of a bag."""

            def call(self, x):
                return x.mean(axis=1)

            def compute_output_shape(self, input_shape):
                return (input_shape[0], input_shape[2])

        return [
            pt.layers.Embedding(self._network.words, self._network.sizes[0], input_shape=(100,)),
            Mean(),
        ]

    def data(self, *arrays):
        """Tensors on the arrays' memory."""
        pt = importlib.import_module("pytensor")
        return [pt.asarray(array) for array in arrays]

    def fit(self, x, y):
        """One epoch."""
        history = self.model.fit(x, y, epochs=1, batch_size=self._network.batch, verbose=0)
        return history.history["accuracy"][0]

    def weights(self):
        """[w, b, ...]."""
        return [w for dense in self._dense for w in dense.get_weights()]


class PytensorBytes(Pytensor):
    """Ours on the images as they are stored: a byte for each pixel, scaled within the network."""

    library = "pytensor uint8"

    def input_layers(self, pt):
        """The layers before the dense ones: a list."""
        return [pt.layers.Rescaling(1 / 255, input_shape=(self._network.sizes[0],))]

    def data(self, x, y):
        """Tensors: x in bytes, y as it is."""
        if x.dtype != np.uint8:
            x = (x * 255).round().astype(np.uint8)
        return super().data(x, y)


class PytensorAllColumns(Pytensor):
    """Ours with no column of zeros left out: a column of -0.0 counts as one in use."""

    library = "pytensor, all columns"

    def data(self, x, y):
        """Tensors, every 0 in x as -0."""
        return super().data(np.where(x == 0, np.float32(-0.0), x), y)


class PytensorTape:
    """Ours with value_and_grad and an update by hand (SGD): dense layers of any dtype."""

    library = "pytensor"

    def __init__(self, network):
        """Start from the network's weights."""
        self._pt = pt = importlib.import_module("pytensor")
        self._weights = self.data(*network.weights())
        activation = {"relu": pt.relu, "tanh": pt.tanh}[network.activation]

        def loss(weights, x, y):
            *hidden, (w, b) = in_pairs(weights)
            for hidden_w, hidden_b in hidden:
                x = activation(x @ hidden_w + hidden_b)
            return pt.nn.softmax_cross_entropy(x @ w + b, y).mean()

        self._value_and_grad = pt.value_and_grad(loss)

    def data(self, *arrays):
        """Tensors on the arrays' memory."""
        return [self._pt.asarray(array) for array in arrays]

    def train_on_batch(self, x, y):
        """One step; returns the loss."""
        loss, gradients = self._value_and_grad(self._weights, x, y)
        for w, dw in zip(self._weights, gradients, strict=True):
            w -= SGD_RATE * dw
        return float(loss)

    def weights(self):
        """[w, b, ...]."""
        return self._weights


class Numpy:
    """NumPy by hand, as well as it can be: in place, products in BLAS."""

    library = "numpy"

    def __init__(self, network):
        """Start from the network's weights."""
        self._network = network
        self._weights = network.weights()
        self._gradients = [np.empty_like(w) for w in self._weights]
        self._means = [np.zeros_like(w) for w in self._weights]
        self._squares = [np.zeros_like(w) for w in self._weights]
        self._scratch = [np.empty_like(w) for w in self._weights]
        self._update = {"sgd": self._sgd, "rmsprop": self._rmsprop, "adam": self._adam}[
            network.optimizer
        ]
        self._steps = 0
        self._buffers = {}  # by size of the batch

    def data(self, *arrays):
        """The arrays."""
        return list(arrays)

    def _buffers_for(self, n):
        """For n samples: (the input of every layer and the result, their gradients)."""
        if n not in self._buffers:
            self._buffers[n] = [
                [np.empty((n, size), self._network.dtype) for size in self._network.sizes]
                for _ in range(2)
            ]
        return self._buffers[n]

    def forward(self, x):
        """The results (n, outputs), in a buffer."""
        values = [x, *self._buffers_for(len(x))[0][1:]]
        layers = in_pairs(self._weights)
        for (w, b), x_in, out in zip(layers, values[:-1], values[1:], strict=True):
            np.matmul(x_in, w, out=out)
            out += b
            if out is values[-1]:
                break
            if self._network.activation == "relu":
                np.maximum(out, 0, out=out)
            else:
                np.tanh(out, out=out)
        if self._network.sizes[-1] > 1:
            out -= out.max(axis=1, keepdims=True)
            np.exp(out, out=out)
            out /= out.sum(axis=1, keepdims=True)
        return out

    def train_on_batch(self, x, y):
        """One step; returns the loss."""
        return self._step(x, y, self.forward(x))

    def _step(self, x, y, p):
        """The step after p = forward(x); returns the loss. Overwrites p."""
        values, slopes = self._buffers_for(len(x))
        values = [x, *values[1:]]
        if self._network.sizes[-1] > 1:
            loss = -np.log(np.maximum((p * y).sum(axis=1), 1e-7)).mean()
            p -= y
        else:
            p -= y
            loss = (p * p).mean()
            p *= 2
        p /= len(x)
        g = p
        for i in reversed(range(len(self._weights) // 2)):
            h, dh = values[i], slopes[i]
            np.matmul(h.T, g, out=self._gradients[2 * i])
            np.sum(g, axis=0, out=self._gradients[2 * i + 1])
            if i:
                np.matmul(g, self._weights[2 * i].T, out=dh)
                if self._network.activation == "relu":
                    dh *= h > 0
                else:
                    np.multiply(h, h, out=h)
                    np.subtract(1, h, out=h)
                    dh *= h
                g = dh
        self._update()
        return float(loss)

    def _sgd(self):
        for w, dw in zip(self._weights, self._gradients, strict=True):
            dw *= SGD_RATE
            w -= dw

    def _rmsprop(self):
        for w, dw, square, scratch in zip(
            self._weights, self._gradients, self._squares, self._scratch, strict=True
        ):
            average(square, dw, RHO, scratch, squared=True)
            np.add(square, EPSILON, out=scratch)
            np.sqrt(scratch, out=scratch)
            dw /= scratch
            dw *= RATE
            w -= dw

    def _adam(self):
        self._steps += 1
        rate = adam_rate(self._steps)
        for w, dw, mean, square, scratch in zip(
            self._weights, self._gradients, self._means, self._squares, self._scratch, strict=True
        ):
            average(mean, dw, BETA1, scratch)
            average(square, dw, BETA2, scratch, squared=True)
            np.sqrt(square, out=scratch)
            scratch += EPSILON
            np.divide(mean, scratch, out=scratch)
            scratch *= rate
            w -= scratch

    def fit(self, x, y):
        """One epoch."""
        order = np.random.default_rng(0).permutation(len(x))
        correct = 0
        for start in range(0, len(x), self._network.batch):
            rows = order[start : start + self._network.batch]
            (batch, *_), (*_, targets) = self._buffers_for(len(rows))
            np.take(x, rows, axis=0, out=batch, mode="clip")  # "raise" would copy once more
            np.take(y, rows, axis=0, out=targets, mode="clip")
            p = self.forward(batch)
            correct += int((p.argmax(axis=1) == targets.argmax(axis=1)).sum())
            self._step(batch, targets, p)
        return correct / len(x)

    def weights(self):
        """[w, b, ...]."""
        return self._weights


def average(moving, values, share, scratch, squared=False):
    """moving += (1 - share) * (values or their squares - moving), in place."""
    if squared:
        np.multiply(values, values, out=scratch)
        scratch -= moving
    else:
        np.subtract(values, moving, out=scratch)
    scratch *= 1 - share
    moving += scratch


def adam_rate(step):
    """The rate of a step of Adam, the bias of both averages corrected."""
    return RATE * (1 - BETA2**step) ** 0.5 / (1 - BETA1**step)


class Torch:
    """PyTorch, eagerly: nn.Sequential and torch.optim."""

    library = "torch"

    def __init__(self, network):
        """Build the model."""
        self.torch = torch = importlib.import_module("torch")
        self._network, nn = network, torch.nn
        self._dense = [
            nn.Linear(*sizes, dtype=getattr(torch, network.dtype))
            for sizes in pairwise(network.sizes)
        ]
        found = []
        if network.words:
            table = torch.from_numpy(network.table())
            found.append(nn.EmbeddingBag.from_pretrained(table, freeze=False, mode="mean"))
        for dense in self._dense:
            found.append(dense)
            if dense is self._dense[-1]:
                break
            found.append({"relu": nn.ReLU, "tanh": nn.Tanh}[network.activation]())
            if network.normalize:
                found.append(
                    nn.BatchNorm1d(dense.out_features, eps=VARIANCE_EPSILON, momentum=1 - MOMENTUM)
                )
            if network.dropout:
                found.append(nn.Dropout(network.dropout))
        with torch.no_grad():
            for dense, (w, b) in zip(self._dense, in_pairs(network.weights()), strict=True):
                dense.weight.copy_(torch.from_numpy(w).T)
                dense.bias.copy_(torch.from_numpy(b))
        self.model = nn.Sequential(*found)
        self._compile()

    def _compile(self):
        """Choose the optimizer and the loss."""
        torch, network = self.torch, self._network
        parameters, optim = self.model.parameters(), torch.optim
        if network.optimizer == "sgd":
            self.optimizer = optim.SGD(parameters, SGD_RATE)
        elif network.optimizer == "rmsprop":
            self.optimizer = optim.RMSprop(parameters, RATE, alpha=RHO, eps=EPSILON)
        else:
            self.optimizer = optim.Adam(parameters, RATE, (BETA1, BETA2), eps=EPSILON)
        functional = torch.nn.functional
        self._loss = {
            "mse": functional.mse_loss,
            "binary_crossentropy": functional.binary_cross_entropy_with_logits,
            "categorical_crossentropy": functional.cross_entropy,
        }[network.loss]

    def data(self, *arrays):
        """Tensors on the arrays' memory."""
        return [self.torch.from_numpy(array) for array in arrays]

    def forward(self, x):
        """The probabilities."""
        with self.torch.inference_mode():
            return self.torch.softmax(self.model(x), -1)

    def _step(self, x, y):
        results = self.model(x)
        loss = self._loss(results, y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach(), results.detach()

    def train_on_batch(self, x, y):
        """One step; returns the loss."""
        return self._step(x, y)[0].item()

    def fit(self, x, y):
        """One epoch."""
        order = self.torch.randperm(len(x))
        total = correct = 0
        for rows in order.split(self._network.batch):
            targets = y[rows]
            loss, logits = self._step(x[rows], targets)
            total += loss
            correct += (logits.argmax(1) == targets.argmax(1)).sum()
        return correct.item() / len(x)

    def weights(self):
        """[w, b, ...]."""
        return [p.detach().numpy().T for dense in self._dense for p in dense.parameters()]


class Jax:
    """JAX: the step is one compiled function."""

    library = "jax"

    def __init__(self, network):
        """Compile the functions."""
        self.jax = jax = importlib.import_module("jax")
        jnp = jax.numpy
        self._network = network
        hidden = network.sizes[1:-1]
        parameters = {"dense": [jnp.array(w) for w in network.weights()]}
        if network.words:
            parameters["table"] = jnp.array(network.table())
        moving = []
        if network.normalize:
            parameters["normalize"] = [
                value for n in hidden for value in (jnp.ones(n), jnp.zeros(n))
            ]
            parameters = jax.tree.map(lambda w: w.astype(network.dtype), parameters)
            moving = [
                value.astype(network.dtype) for n in hidden for value in (jnp.zeros(n), jnp.ones(n))
            ]
        activation = {"relu": jax.nn.relu, "tanh": jnp.tanh}[network.activation]

        def results_of(parameters, moving, key, x):
            if network.words:
                x = parameters["table"][x].mean(1)
            *layers, (last_w, last_b) = in_pairs(parameters["dense"])
            moved = []
            for i, (w, b) in enumerate(layers):
                x = activation(x @ w + b)
                if network.normalize:
                    scale, offset = parameters["normalize"][2 * i : 2 * i + 2]
                    mean, variance = x.mean(0), x.var(0)
                    moved += [
                        MOMENTUM * old + (1 - MOMENTUM) * new
                        for old, new in zip(
                            moving[2 * i : 2 * i + 2], (mean, variance), strict=True
                        )
                    ]
                    x = (x - mean) * jax.lax.rsqrt(variance + VARIANCE_EPSILON) * scale + offset
                if network.dropout:
                    key, own = jax.random.split(key)
                    keep = jax.random.bernoulli(own, 1 - network.dropout, x.shape)
                    x = jnp.where(keep, x / (1 - network.dropout), 0)
            return x @ last_w + last_b, (moved, key)

        self._compile(parameters, moving, results_of)

    def _compile(self, parameters, moving, results_of):
        """Compile the functions around results_of(parameters, moving averages of the normalization,
        key of the random numbers, x), which returns the results and a pair of what follows on the
        moving averages and the key. The state is (parameters, moments, moving averages, key, number
        of steps)."""
        jax, network = self.jax, self._network
        jnp = jax.numpy
        n_moments = {"sgd": 0, "rmsprop": 1, "adam": 2}[network.optimizer]
        moments = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(n_moments)]
        self.state = parameters, moments, moving, jax.random.key(0), jnp.zeros((), jnp.float32)

        def loss_of(parameters, moving, key, x, y):
            results, rest = results_of(parameters, moving, key, x)
            if network.loss == "mse":
                loss = ((results - y) ** 2).mean()
            elif network.loss == "binary_crossentropy":
                loss = -jax.nn.log_sigmoid(jnp.where(y, results, -results)).mean()
            else:
                loss = -(y * jax.nn.log_softmax(results)).sum(-1).mean()
            return loss, (results, rest)

        def update(parameters, moments, gradients, step):
            if network.optimizer == "sgd":
                return jax.tree.map(lambda w, g: w - SGD_RATE * g, parameters, gradients), []
            if network.optimizer == "rmsprop":
                squares = jax.tree.map(
                    lambda s, g: RHO * s + (1 - RHO) * g * g, *moments, gradients
                )
                return jax.tree.map(
                    lambda w, g, s: w - RATE * g / jnp.sqrt(s + EPSILON),
                    parameters,
                    gradients,
                    squares,
                ), [squares]
            means, squares = moments
            means = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, means, gradients)
            squares = jax.tree.map(lambda s, g: BETA2 * s + (1 - BETA2) * g * g, squares, gradients)
            rate = adam_rate(step)
            return jax.tree.map(
                lambda w, m, s: w - rate * m / (jnp.sqrt(s) + EPSILON), parameters, means, squares
            ), [means, squares]

        def step(state, x, y):
            parameters, moments, moving, key, n_steps = state
            (loss, (results, (moving, key))), gradients = jax.value_and_grad(loss_of, has_aux=True)(
                parameters, moving, key, x, y
            )
            parameters, moments = update(parameters, moments, gradients, n_steps + 1)
            state = parameters, moments, moving, key, n_steps + 1
            return state, loss, (results.argmax(1) == y.argmax(1)).sum()

        self._forward = jax.jit(
            lambda state, x: jax.nn.softmax(results_of(state[0], state[2], state[3], x)[0])
        )
        self._step = step
        self._compiled_step = jax.jit(step, donate_argnums=0)
        self._key = jax.random.key(1)

    def data(self, *arrays):
        """Arrays of JAX."""
        return [self.jax.numpy.asarray(array) for array in arrays]

    def forward(self, x):
        """The probabilities."""
        return self._forward(self.state, x).block_until_ready()

    def train_on_batch(self, x, y):
        """One step; returns the loss."""
        self.state, loss, _ = self._compiled_step(self.state, x, y)
        return float(loss)

    def _order(self, n):
        self._key, key = self.jax.random.split(self._key)
        return self.jax.random.permutation(key, n)

    def fit(self, x, y):
        """One epoch, the loop over batches in Python."""
        order = self._order(len(x))
        correct = 0
        for start in range(0, len(x), self._network.batch):
            rows = order[start : start + self._network.batch]
            self.state, _, right = self._compiled_step(self.state, x[rows], y[rows])
            correct += right
        return int(correct) / len(x)

    def weights(self):
        """[w, b, ...]."""
        return self.state[0]["dense"]


class JaxScan(Jax):
    """JAX with the whole epoch in one compiled function: a scan over the batches.

    A scan wants batches of one size: the last, smaller one is a step of its own.
    """

    library = "jax scan"

    def __init__(self, network):
        """Compile the functions."""
        super().__init__(network)
        jax, step, batch = self.jax, self._step, network.batch

        def epoch(state, x, y, order):
            whole = len(x) // batch * batch

            def one(state, rows):
                state, _, right = step(state, x[rows], y[rows])
                return state, right

            state, right = jax.lax.scan(one, state, order[:whole].reshape(-1, batch))
            correct = right.sum()
            if whole < len(x):
                state, rest = one(state, order[whole:])
                correct += rest
            return state, correct

        self._epoch = jax.jit(epoch, donate_argnums=0)

    def fit(self, x, y):
        """One epoch."""
        self.state, correct = self._epoch(self.state, x, y, self._order(len(x)))
        return int(correct) / len(x)


PLAIN = (Pytensor, Numpy, Torch, Jax)
VARIANTS = (PytensorBytes, PytensorAllColumns, JaxScan)  # differ from one of these in one point
