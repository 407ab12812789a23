"""A network inputs-hidden-outputs (relu, softmax) in every library, behind the same few methods.

    forward(x)             the probabilities of a batch
    train_on_batch(x, y)   one step on a batch of one-hot targets; returns the loss, a float
    fit(x, y)              one epoch in batches of 128, shuffled; returns the accuracy over it
    weights()              [w1, b1, w2, b2], with w1 of shape (inputs, hidden)

x and y are NumPy arrays, converted by `data` before the time is taken. Every network computes loss
and accuracy in every step of an epoch, since `fit` does. The optimizers are SGD (learning rate
0.01) and RMSprop as in Keras: rate 0.001, rho 0.9, epsilon 1e-7.
"""

from __future__ import annotations

from itertools import pairwise

import libraries
import numpy as np

BATCH = 128
SGD_RATE, RATE, RHO, EPSILON = 0.01, 0.001, 0.9, 1e-7


def glorot(sizes, seed=0):
    """Initial weights [w1, b1, w2, b2]: Glorot uniform, zero biases."""
    generator = np.random.default_rng(seed)
    weights = []
    for n_in, n_out in pairwise(sizes):
        limit = (6 / (n_in + n_out)) ** 0.5
        weights += [generator.uniform(-limit, limit, (n_in, n_out)).astype(np.float32),
                    np.zeros(n_out, np.float32)]
    return weights


class Pytensor:
    """Ours, through the public API of models."""

    library = "pytensor"

    def __init__(self, weights, optimizer):
        """Start from copies of the weights; optimizer: "sgd" or "rmsprop"."""
        pt = libraries.pytensor()
        w1, _, w2, _ = weights
        self.model = pt.models.Sequential([
            *self.input_layers(pt, w1.shape[0]),
            pt.layers.Dense(w1.shape[1], activation="relu"),
            pt.layers.Dense(w2.shape[1], activation="softmax")])
        self.model.set_weights(weights)
        self.model.compile(
            pt.optimizers.SGD(SGD_RATE) if optimizer == "sgd" else pt.optimizers.RMSprop(RATE),
            loss="categorical_crossentropy",
            metrics=["accuracy"] if optimizer == "rmsprop" else None)
        self.forward = self.model.predict_on_batch
        self.train_on_batch = self.model.train_on_batch

    @staticmethod
    def input_layers(pt, n_inputs):
        """The layers before the dense ones: a list."""
        return [pt.layers.Input((n_inputs,))]

    @staticmethod
    def data(*arrays):
        """Tensors on the arrays' memory."""
        return [libraries.pytensor().asarray(array) for array in arrays]

    def fit(self, x, y):
        """One epoch."""
        history = self.model.fit(x, y, epochs=1, batch_size=BATCH, verbose=0)
        return history.history["accuracy"][0]

    def weights(self):
        """[w1, b1, w2, b2]."""
        return self.model.get_weights()


class PytensorBytes(Pytensor):
    """Ours on the images as they are stored: a byte for each pixel, scaled within the network."""

    library = "pytensor uint8"

    @staticmethod
    def input_layers(pt, n_inputs):
        """The layers before the dense ones: a list."""
        return [pt.layers.Rescaling(1 / 255, input_shape=(n_inputs,))]

    @staticmethod
    def data(x, y):
        """Tensors: x in bytes, y as it is."""
        if x.dtype != np.uint8:
            x = (x * 255).round().astype(np.uint8)
        return Pytensor.data(x, y)


class PytensorAllColumns(Pytensor):
    """Ours with no column of zeros left out: a column of -0.0 counts as one in use."""

    library = "pytensor, all columns"

    @staticmethod
    def data(x, y):
        """Tensors, every 0 in x as -0."""
        return Pytensor.data(np.where(x == 0, np.float32(-0.0), x), y)


class Numpy:
    """NumPy by hand, as well as it can be: float32, in place, products in BLAS."""

    library = "numpy"

    def __init__(self, weights, optimizer):
        """Start from copies of the weights; optimizer: "sgd" or "rmsprop"."""
        self._weights = [w.copy() for w in weights]
        self._gradients = [np.empty_like(w) for w in weights]
        self._squares = [np.zeros_like(w) for w in weights]
        self._scratch = [np.empty_like(w) for w in weights]
        self._update = self._sgd if optimizer == "sgd" else self._rmsprop
        self._buffers = {}  # by size of the batch

    @staticmethod
    def data(*arrays):
        """The arrays."""
        return list(arrays)

    def _buffers_for(self, n):
        if n not in self._buffers:
            w1, _, w2, _ = self._weights
            shapes = (w1.shape[0], w1.shape[1], w2.shape[1], w2.shape[1], w1.shape[1])
            self._buffers[n] = [np.empty((n, columns), np.float32) for columns in shapes]
        return self._buffers[n]

    def forward(self, x):
        """The probabilities (n, outputs), in a buffer."""
        w1, b1, w2, b2 = self._weights
        _, h, p, _, _ = self._buffers_for(len(x))
        np.matmul(x, w1, out=h)
        h += b1
        np.maximum(h, 0, out=h)
        np.matmul(h, w2, out=p)
        p += b2
        p -= p.max(axis=1, keepdims=True)
        np.exp(p, out=p)
        p /= p.sum(axis=1, keepdims=True)
        return p

    def train_on_batch(self, x, y):
        """One step; returns the loss."""
        return self._step(x, y, self.forward(x))

    def _step(self, x, y, p):
        """The step after p = forward(x); returns the loss. Overwrites p."""
        _, h, _, _, dh = self._buffers_for(len(x))
        loss = -np.log(np.maximum((p * y).sum(axis=1), 1e-7)).mean()
        p -= y
        p /= len(x)
        dw1, db1, dw2, db2 = self._gradients
        np.matmul(h.T, p, out=dw2)
        np.sum(p, axis=0, out=db2)
        np.matmul(p, self._weights[2].T, out=dh)
        dh *= h > 0
        np.matmul(x.T, dh, out=dw1)
        np.sum(dh, axis=0, out=db1)
        self._update()
        return float(loss)

    def _sgd(self):
        for w, dw in zip(self._weights, self._gradients, strict=True):
            dw *= SGD_RATE
            w -= dw

    def _rmsprop(self):
        for w, dw, square, scratch in zip(self._weights, self._gradients, self._squares,
                                          self._scratch, strict=True):
            np.multiply(dw, dw, out=scratch)  # square += (1 - rho) * (dw**2 - square)
            scratch -= square
            scratch *= 1 - RHO
            square += scratch
            np.add(square, EPSILON, out=scratch)
            np.sqrt(scratch, out=scratch)
            dw /= scratch
            dw *= RATE
            w -= dw

    def fit(self, x, y):
        """One epoch."""
        order = np.random.default_rng(0).permutation(len(x))
        correct = 0
        for start in range(0, len(x), BATCH):
            rows = order[start:start + BATCH]
            batch, _, _, targets, _ = self._buffers_for(len(rows))
            np.take(x, rows, axis=0, out=batch, mode="clip")  # "raise" would copy once more
            np.take(y, rows, axis=0, out=targets, mode="clip")
            p = self.forward(batch)
            correct += int((p.argmax(axis=1) == targets.argmax(axis=1)).sum())
            self._step(batch, targets, p)
        return correct / len(x)

    def weights(self):
        """[w1, b1, w2, b2]."""
        return self._weights


class Torch:
    """PyTorch, eagerly: nn.Sequential and torch.optim."""

    library = "torch"

    def __init__(self, weights, optimizer):
        """Start from copies of the weights; optimizer: "sgd" or "rmsprop"."""
        self.torch = torch = libraries.torch()
        w1, b1, w2, b2 = (torch.from_numpy(w.copy()) for w in weights)
        first, second = (torch.nn.Linear(*w.shape) for w in (w1, w2))
        with torch.no_grad():
            for layer, w, b in ((first, w1, b1), (second, w2, b2)):
                layer.weight.copy_(w.T)
                layer.bias.copy_(b)
        self.model = torch.nn.Sequential(first, torch.nn.ReLU(), second)
        parameters = self.model.parameters()
        self.optimizer = (torch.optim.SGD(parameters, SGD_RATE) if optimizer == "sgd" else
                          torch.optim.RMSprop(parameters, RATE, alpha=RHO, eps=EPSILON))

    @staticmethod
    def data(*arrays):
        """Tensors on the arrays' memory."""
        return [libraries.torch().from_numpy(array) for array in arrays]

    def forward(self, x):
        """The probabilities."""
        with self.torch.inference_mode():
            return self.torch.softmax(self.model(x), -1)

    def _step(self, x, y):
        logits = self.model(x)
        loss = self.torch.nn.functional.cross_entropy(logits, y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach(), logits.detach()

    def train_on_batch(self, x, y):
        """One step; returns the loss."""
        return self._step(x, y)[0].item()

    def fit(self, x, y):
        """One epoch."""
        order = self.torch.randperm(len(x))
        total = correct = 0
        for rows in order.split(BATCH):
            targets = y[rows]
            loss, logits = self._step(x[rows], targets)
            total += loss
            correct += (logits.argmax(1) == targets.argmax(1)).sum()
        return correct.item() / len(x)

    def weights(self):
        """[w1, b1, w2, b2]."""
        return [p.detach().numpy().T for p in self.model.parameters()]


class Jax:
    """JAX: the step is one compiled function."""

    library = "jax"

    def __init__(self, weights, optimizer):
        """Start from copies of the weights; optimizer: "sgd" or "rmsprop"."""
        self.jax = jax = libraries.jax()
        jnp = jax.numpy
        squares = [jnp.zeros(w.shape, jnp.float32) for w in weights] if optimizer != "sgd" else []
        self.state = [jnp.array(w) for w in weights], squares

        def logits_of(parameters, x):
            w1, b1, w2, b2 = parameters
            return jnp.maximum(x @ w1 + b1, 0) @ w2 + b2

        def loss_of(parameters, x, y):
            logits = logits_of(parameters, x)
            return -(y * jax.nn.log_softmax(logits)).sum(-1).mean(), logits

        def step(state, x, y):
            parameters, squares = state
            (loss, logits), gradients = jax.value_and_grad(loss_of, has_aux=True)(parameters, x, y)
            if squares:
                squares = [RHO * s + (1 - RHO) * g * g
                           for s, g in zip(squares, gradients, strict=True)]
                parameters = [w - RATE * g / jnp.sqrt(s + EPSILON) for w, g, s
                              in zip(parameters, gradients, squares, strict=True)]
            else:
                parameters = [w - SGD_RATE * g for w, g in zip(parameters, gradients, strict=True)]
            return (parameters, squares), loss, (logits.argmax(1) == y.argmax(1)).sum()

        self._forward = jax.jit(lambda parameters, x: jax.nn.softmax(logits_of(parameters, x)))
        self._step = step
        self._compiled_step = jax.jit(step, donate_argnums=0)
        self._key = jax.random.key(0)

    @staticmethod
    def data(*arrays):
        """Arrays of JAX."""
        return [libraries.jax().numpy.asarray(array) for array in arrays]

    def forward(self, x):
        """The probabilities."""
        return self._forward(self.state[0], x).block_until_ready()

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
        for start in range(0, len(x), BATCH):
            rows = order[start:start + BATCH]
            self.state, _, right = self._compiled_step(self.state, x[rows], y[rows])
            correct += right
        return int(correct) / len(x)

    def weights(self):
        """[w1, b1, w2, b2]."""
        return self.state[0]


class JaxScan(Jax):
    """JAX with the whole epoch in one compiled function: a scan over the batches.

    A scan wants batches of one size: the last, smaller one is a step of its own.
    """

    library = "jax scan"

    def __init__(self, weights, optimizer):
        """Start from copies of the weights; optimizer: "sgd" or "rmsprop"."""
        super().__init__(weights, optimizer)
        jax, step = self.jax, self._step

        def epoch(state, x, y, order):
            whole = len(x) // BATCH * BATCH

            def one(state, rows):
                state, _, right = step(state, x[rows], y[rows])
                return state, right

            state, right = jax.lax.scan(one, state, order[:whole].reshape(-1, BATCH))
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


def flops(sizes, batch):
    """Floating-point operations of one training step, products only.

    A layer (n_in, n_out) takes 2 * batch * n_in * n_out forward and as many for the gradient of its
    weights; as many again for the gradient of its input, except in the first layer, where nobody
    needs it.
    """
    layer = [2 * batch * n_in * n_out for n_in, n_out in pairwise(sizes)]
    return 3 * sum(layer) - layer[0]


def participants():
    """The networks that take part in this run."""
    found = [Pytensor, PytensorBytes, PytensorAllColumns, Numpy]
    if "torch" in libraries.chosen:
        found.append(Torch)
    if "jax" in libraries.chosen:
        found += [Jax, JaxScan]
    return found
