"""Training steps of networks that are not dense: LeNet-5, an LSTM, a small transformer."""

import importlib
from dataclasses import dataclass

import networks
import numpy as np
import pytest
from contenders import of_network
from harness import Case


def drawn(*shapes):
    """Initial weights: Glorot uniform, biases like the rest, so that none is left out unnoticed."""
    generator = np.random.default_rng(0)
    found = []
    for *before, n_out in shapes:
        limit = (6 / (np.prod(before) + n_out)) ** 0.5
        found.append(generator.uniform(-limit, limit, (*before, n_out)).astype(np.float32))
    return found


def one_hot(classes, n):
    """Random labels of n samples."""
    return np.eye(classes, dtype=np.float32)[np.random.default_rng(1).integers(0, classes, n)]


# Each network builds itself in every library. Its weights are in the order of our layers.


@dataclass(frozen=True)
class LeNet5:
    """Two convolutions, each with max pooling, and three dense layers (LeCun et al. 1998)."""

    name = "LeNet-5"
    batch, optimizer, loss = 128, "adam", "categorical_crossentropy"

    def weights(self):
        """Kernels and biases."""
        layers = (5, 5, 1, 6), (5, 5, 6, 16), (400, 120), (120, 84), (84, 10)
        return drawn(*(shape for kernel in layers for shape in (kernel, kernel[-1:])))

    def data(self):
        """Images and labels."""
        x = np.random.default_rng(2).random((self.batch, 28, 28, 1), np.float32)
        return {"x": x, "y": one_hot(10, self.batch)}

    def flops(self):
        """Of a step: three times the products forward, without the first layer's gradient."""
        first = 28 * 28 * 25 * 6
        rest = 10 * 10 * 150 * 16 + 400 * 120 + 120 * 84 + 84 * 10
        return 2 * self.batch * (2 * first + 3 * rest)

    def pytensor(self, pt):
        """Ours."""
        layers = pt.layers
        return pt.models.Sequential(
            [
                layers.Input((28, 28, 1)),
                layers.Conv2D(6, 5, padding="same", activation="relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(16, 5, activation="relu"),
                layers.MaxPooling2D(),
                layers.Flatten(),
                layers.Dense(120, activation="relu"),
                layers.Dense(84, activation="relu"),
                layers.Dense(10, activation="softmax"),
            ]
        )

    def torch(self, torch):
        """(PyTorch's module, the weights in its order): channels first, which is faster here."""
        nn = torch.nn
        model = nn.Sequential(
            *(nn.Conv2d(1, 6, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(400, 120), nn.ReLU()),
            *(nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
        )
        weights = self.weights()
        weights[4] = weights[4].reshape(5, 5, 16, 120).transpose(2, 0, 1, 3).reshape(400, 120)
        return model, [w.transpose(3, 2, 0, 1) if w.ndim == 4 else w.T for w in weights]

    def torch_data(self, x, y):
        """The batch as PyTorch keeps it."""
        return x.permute(0, 3, 1, 2).contiguous(), y

    def jax(self, jax, weights, x):
        """JAX's logits."""
        lax = jax.lax
        pairs = networks.in_pairs(weights)
        for (w, b), padding in zip(pairs[:2], ("SAME", "VALID"), strict=True):
            x = lax.conv_general_dilated(
                x, w, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
            x = jax.nn.relu(x + b)
            x = lax.reduce_window(x, -np.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        x = x.reshape(len(x), -1)
        for w, b in pairs[2:-1]:
            x = jax.nn.relu(x @ w + b)
        return x @ pairs[-1][0] + pairs[-1][1]


@dataclass(frozen=True)
class Lstm:
    """Words in a table of 10 000, an LSTM of 32 units, one logistic unit."""

    steps: int = 500
    batch, optimizer, loss = 128, "rmsprop", "binary_crossentropy"

    @property
    def name(self):
        """With the length of the sequences."""
        return f"Embedding(10 000, 32), LSTM(32), {self.steps} time steps"

    def weights(self):
        """Table; kernel, recurrent kernel, bias; kernel, bias."""
        return drawn((10_000, 32), (32, 128), (32, 128), (128,), (32, 1), (1,))

    def data(self):
        """Sequences of words and labels."""
        generator = np.random.default_rng(2)
        return {
            "x": generator.integers(0, 10_000, (self.batch, self.steps)),
            "y": generator.integers(0, 2, (self.batch, 1)).astype(np.float32),
        }

    def flops(self):
        """Of a step: three times the products forward."""
        return 6 * self.batch * (self.steps * 2 * 32 * 128 + 32)

    def pytensor(self, pt):
        """Ours."""
        layers = pt.layers
        return pt.models.Sequential(
            [
                layers.Input((self.steps,)),
                layers.Embedding(10_000, 32),
                layers.LSTM(32),
                layers.Dense(1, activation="sigmoid"),
            ]
        )

    def torch(self, torch):
        """(PyTorch's module, the weights in its order); of its two biases one stays 0."""
        nn = torch.nn
        model = nn.ModuleList([nn.Embedding(10_000, 32), nn.LSTM(32, 32), nn.Linear(32, 1)])
        table, lstm, dense = model
        lstm.bias_hh_l0.requires_grad_(False)
        model.forward = lambda x: dense(lstm(table(x))[1][0][0])
        *weights, w, b = self.weights()
        return model, [weights[0], *(w.T for w in weights[1:]), np.zeros(128), w.T, b]

    def torch_data(self, x, y):
        """The batch as PyTorch's LSTM wants it: time first."""
        return x.T.contiguous(), y

    def jax(self, jax, weights, x):
        """JAX's logits."""
        jnp, sigmoid = jax.numpy, jax.nn.sigmoid
        table, kernel, recurrent, bias, w, b = weights

        def step(state, z):
            h, c = state
            i, f, g, o = jnp.split(z + h @ recurrent, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
            return (sigmoid(o) * jnp.tanh(c), c), None

        zeros = jnp.zeros((len(x), 32), jnp.float32)
        (h, _), _ = jax.lax.scan(step, (zeros, zeros), table[x.T] @ kernel + bias)
        return h @ w + b


@dataclass(frozen=True)
class Transformer:
    """Two blocks: attention with four heads, a dense layer of 128 and one of 64, each added to its
    input and normalized; the mean over time, ten classes (Vaswani et al. 2017)."""

    name = "transformer, 2 blocks of 64, 128 time steps"
    batch, optimizer, loss = 32, "adam", "categorical_crossentropy"

    def weights(self):
        """Of each block: the projections of queries, keys, values and of the heads' results; scale
        and offset; kernels and biases; scale and offset. Then kernel and bias."""
        attention = [(64, 4, 16), (4, 16)] * 3 + [(4, 16, 64), (64,)]
        dense = [(64, 128), (128,), (128, 64), (64,)]
        scale = (64,), (64,)
        weights = drawn(*[*attention, *scale, *dense, *scale] * 2, (64, 10), (10,))
        for i in (8, 14, 24, 30):
            weights[i] += 1
        return weights

    def data(self):
        """Sequences of vectors, and labels."""
        x = np.random.default_rng(2).standard_normal((self.batch, 128, 64), np.float32)
        return {"x": x, "y": one_hot(10, self.batch)}

    def flops(self):
        """Of a step: three times the products forward, those of queries, keys and values too."""
        projections, dense, attention = 4 * 64 * 64, 2 * 64 * 128, 2 * 128 * 64
        block = projections + dense + attention  # of a time step
        return 6 * self.batch * (128 * 2 * block + 64 * 10)

    def pytensor(self, pt):
        """Ours."""
        layers = pt.layers
        x = inputs = pt.Input((128, 64))
        for _ in range(2):
            x = layers.LayerNormalization()(
                layers.Add()([x, layers.MultiHeadAttention(4, 16)(x, x)])
            )
            y = layers.Dense(64)(layers.Dense(128, activation="relu")(x))
            x = layers.LayerNormalization()(layers.Add()([x, y]))
        x = layers.GlobalAveragePooling1D()(x)
        return pt.models.Model(inputs, layers.Dense(10, activation="softmax")(x))

    def torch(self, torch):
        """(PyTorch's module, the weights in its order)."""
        nn = torch.nn
        *blocks, dense = model = nn.ModuleList(
            [
                *(
                    nn.TransformerEncoderLayer(64, 4, 128, 0, layer_norm_eps=1e-3, batch_first=True)
                    for _ in range(2)
                ),
                nn.Linear(64, 10),
            ]
        )
        model.forward = lambda x: dense(nn.Sequential(*blocks)(x).mean(1))
        weights, found = self.weights(), []
        for start in (0, 16):
            *attention, out, out_b, g, b, w1, b1, w2, b2, g2, b_2 = weights[start : start + 16]
            found += [
                np.concatenate([w.reshape(64, 64).T for w in attention[::2]]),
                np.concatenate([b.reshape(64) for b in attention[1::2]]),
                *(out.reshape(64, 64).T, out_b, w1.T, b1, w2.T, b2, g, b, g2, b_2),
            ]
        return model, [*found, weights[-2].T, weights[-1]]

    def torch_data(self, x, y):
        """The batch."""
        return x, y

    def jax(self, jax, weights, x):
        """JAX's logits."""

        def normalized(x, scale, offset):
            rate = jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-3)
            return (x - x.mean(-1, keepdims=True)) * rate * scale + offset

        for start in (0, 16):
            *attention, out, out_b, g, b, w1, b1, w2, b2, g2, b_2 = weights[start : start + 16]
            heads = [
                jax.numpy.einsum("bti,ihd->bthd", x, w) + b for w, b in networks.in_pairs(attention)
            ]
            y = jax.nn.dot_product_attention(*heads)
            x = normalized(x + jax.numpy.einsum("bthd,hdo->bto", y, out) + out_b, g, b)
            x = normalized(x + jax.nn.relu(x @ w1 + b1) @ w2 + b2, g2, b_2)
        return x.mean(1) @ weights[-2] + weights[-1]


class Pytensor(networks.Pytensor):
    """Ours, through the public API of models."""

    def __init__(self, network):
        """Build and compile the model."""
        self._network = network
        pt = importlib.import_module("pytensor")
        self.model = network.pytensor(pt)
        self.model.set_weights(network.weights())
        self._compile(pt)


class Torch(networks.Torch):
    """PyTorch, eagerly."""

    def __init__(self, network):
        """Build the model."""
        self._network = network
        self.torch = torch = importlib.import_module("torch")
        self.model, weights = network.torch(torch)
        with torch.no_grad():
            for parameter, w in zip(self.model.parameters(), weights, strict=True):
                parameter.copy_(torch.tensor(w))
        self._compile()

    def data(self, x, y):
        """Tensors, in the order of axes that PyTorch likes best."""
        return self._network.torch_data(*super().data(x, y))


class Jax(networks.Jax):
    """JAX: the step is one compiled function."""

    def __init__(self, network):
        """Compile the functions."""
        self._network = network
        self.jax = jax = importlib.import_module("jax")

        def results_of(weights, moving, key, x):
            return network.jax(jax, weights, x), (moving, key)

        self._compile([jax.numpy.array(w) for w in network.weights()], [], results_of)


@pytest.mark.parametrize("kind", [LeNet5, Lstm, Transformer], ids=lambda kind: kind.__name__)
def test_step(kind, threads, compare, quick):
    """One step with its loss, through train_on_batch; the losses of the next three agree.

    Less closely with RMSprop: PyTorch adds epsilon to the root, not under it, and the gradients of
    the words' rows are as small as that.
    """
    network = kind(50) if quick and kind is Lstm else kind()
    compare(
        Case(
            "networks",
            f"{network.name}, {network.optimizer} step",
            f"batch {network.batch}",
            threads=threads,
            flops=network.flops(),
            rtol=0.02 if network.optimizer == "rmsprop" else 1e-3,
            atol=0,
        ),
        of_network(
            network,
            "net.train_on_batch(x, y)",
            (Pytensor, Torch, Jax),
            network.data(),
            "[net.train_on_batch(x, y) for _ in range(3)]",
        ),
    )
