"""SHA-256 of results, to compare machines: operations, gradients, random numbers, trained weights.

    python tools/digests.py                      # compares with tools/digests.txt; exit status
    python tools/digests.py --write              # replaces the digests of the groups that run
    python tools/digests.py --add                # adds those of this instruction set that differ
    python tools/digests.py --group elementwise  # one group; may be given several times
    mpiexec -n 2 python -m mpi4py tools/digests.py --group ranks    # on any number of ranks

A line of the file that ends in the name of an instruction set, as in [avx2], is one that differs
there; elementary functions that are not yet the same everywhere, and what uses them, have some.

All products go through the package's own tiles (`set_reproducible`), whose order of summation no
machine changes. A NaN is a NaN: signs and payloads, which processors choose, do not count. The
group `mnist` needs the files of MNIST, `ranks` mpi4py and MPI; both run only if named or, with
--all, together with the rest. docs/reproducibility.md says what the digests promise.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import pytensor as pt
from pytensor._tables import ops

FILE = Path(__file__).with_name("digests.txt")
FLOATS = ("float32", "float64")
DTYPES = (*FLOATS, "int32", "int64", "uint8", "bool")

# Names and what computes each: a tensor, or any nesting of lists, tuples and dictionaries of them.
Operations = Iterator[tuple[str, Callable[[], Any]]]


def integers(name: str, shape: tuple[int, ...], n: int) -> np.ndarray:
    """Return int64 in [0, n) that the name decides."""
    return np.random.Generator(np.random.PCG64(zlib.crc32(name.encode()))).integers(n, size=shape)


def draw(
    name: str, shape: tuple[int, ...], dtype: str, low: float = -4, high: float = 4
) -> pt.Tensor:
    """Return numbers in [low, high] that the name decides, without a rounding machines differ in.

    >>> draw("example", (2,), "float32").dtype
    dtype('float32')
    """
    if dtype == "bool":
        return pt.asarray(integers(name, shape, 2) == 1)
    if dtype[0] in "iu":
        low = max(low, 0) if dtype[0] == "u" else low
        high = max(high, low + 1)
        return pt.asarray((integers(name, shape, int(high - low) + 1) + int(low)).astype(dtype))
    steps = integers(name, shape, 2**20 + 1).astype("float64") * 2.0**-20
    return pt.asarray((steps * (high - low) + low).astype(dtype))


def arguments(row: ops.Row, dtype: str, shape: tuple[int, ...]) -> list[pt.Tensor]:
    """Return inputs of the shape, from the row's domain."""
    return [draw(f"{row.name} {i}", shape, dtype, *domain) for i, domain in enumerate(row.domain)]


def rows(*kinds: str) -> Iterator[tuple[ops.Row, str]]:
    """Yield the rows of the op table of these kinds with each dtype that they take."""
    for row in ops.TABLE:
        for dtype in DTYPES:
            if row.kind in kinds and np.dtype(dtype).kind in row.types:
                yield row, dtype


# ------------------------------------------------------------------------------------- groups


def elementwise() -> Operations:
    """Every element-wise row: common values, and numbers of every magnitude."""
    for row, dtype in rows("unary", "binary", "ternary"):
        function = getattr(pt, row.name)
        yield (
            f"{row.name} {dtype}",
            lambda function=function, row=row, dtype=dtype: function(
                *arguments(row, dtype, (53, 61))
            ),
        )
        if dtype in FLOATS:
            bits = 8 * np.dtype(dtype).itemsize

            def everything(function=function, row=row, dtype=dtype, bits=bits):
                patterns = [
                    integers(f"{row.name} {i} bits", (4001,), 2**63 - 1).astype("uint64")
                    >> np.uint64(63 - bits if bits < 63 else 0)
                    for i in range(len(row.domain))
                ]
                if bits == 64:  # the sign, which numbers below 2^63 don't have
                    patterns = [p << np.uint64(1) for p in patterns]
                return function(
                    *(pt.asarray(p.astype(f"uint{bits}").view(dtype)) for p in patterns)
                )

            yield f"{row.name} {dtype} of all magnitudes", everything
    for dtype in FLOATS:
        for name in pt.activations.__all__:
            function = getattr(pt.activations, name)
            if name not in ("get", "deserialize", "serialize"):
                yield (
                    f"activation {name} {dtype}",
                    lambda function=function, dtype=dtype: function(
                        draw("activation", (53, 61), dtype)
                    ),
                )
    fused = pt.fuse(lambda a, b, c, d: a * b + c * pt.exp(d) - pt.tanh(a))
    for dtype in FLOATS:
        yield (
            f"fuse {dtype}",
            lambda dtype=dtype: fused(*(draw(f"fuse {i}", (203, 107), dtype) for i in range(4))),
        )


def reductions() -> Operations:
    """Every reduction along each axis, of several lengths; what is composed of reductions."""
    shapes = {"": (203, 517), " of 7": (31, 7), " of 70000": (3, 70000)}

    def composed(x: pt.Tensor, axis: Any) -> Any:
        yield pt.mean(x, axis=axis)
        yield pt.var(x, axis=axis, correction=1)
        yield pt.std(x, axis=axis)
        yield pt.logsumexp(x, axis=axis)
        yield pt.count_nonzero(x > 0.5, axis=axis)
        yield pt.linalg.vector_norm(x, axis=axis)
        yield pt.linalg.vector_norm(x, axis=axis, ord=1)
        yield pt.linalg.vector_norm(x, axis=axis, ord=3)

    for row, dtype in rows("reduction"):
        function = getattr(pt, row.name)
        for what, shape in shapes.items():
            low, high = (0.99, 1.01) if row.name == "prod" else (-4, 4)

            def reduced(function=function, row=row, dtype=dtype, shape=shape, low=low, high=high):
                x = draw(row.name, shape, dtype, low, high)
                return [function(x, axis=axis) for axis in (None, 0, 1)]

            yield f"{row.name} {dtype}{what}", reduced
    for dtype in FLOATS:
        for what, shape in shapes.items():
            yield (
                f"statistics {dtype}{what}",
                lambda dtype=dtype, shape=shape: [
                    list(composed(draw("statistics", shape, dtype), axis)) for axis in (None, 0, 1)
                ],
            )
            for name in ("softmax", "log_softmax"):
                yield (
                    f"{name} {dtype}{what}",
                    lambda name=name, dtype=dtype, shape=shape: getattr(pt, name)(
                        draw(name, shape, dtype)
                    ),
                )
    for dtype in DTYPES:
        for name in ("cumulative_sum", "cumulative_prod"):

            def cumulated(name=name, dtype=dtype):
                function = getattr(pt, name)
                low, high = (0.99, 1.01) if name.endswith("prod") else (-4, 4)
                x = draw(name, (203, 517), dtype, low, high)
                line = draw(name, (70001,), dtype, low, high)
                return [
                    function(line),
                    function(x, axis=0),
                    function(x, axis=1, include_initial=True),
                ]

            yield f"{name} {dtype}", cumulated


def gradients() -> Operations:
    """The gradient of every row with respect to each input, and of losses."""

    def slope(function: Callable[..., pt.Tensor], inputs: list[pt.Tensor], **options: Any) -> Any:
        with pt.GradientTape(persistent=True) as tape:
            for x in inputs:
                tape.watch(x)
            out = function(*inputs, **options)
            target = pt.sum(out * draw("weights", out.shape, str(out.dtype)))
        found = [tape.gradient(target, x) for x in inputs]
        return [x for x in found if x is not None]

    for row, dtype in rows("unary", "binary", "ternary", "reduction"):
        if dtype not in FLOATS or row.result != "same" or not any(row.d):
            continue
        options = {"axis": 0} if row.kind == "reduction" else {}
        yield (
            f"gradient {row.name} {dtype}",
            lambda row=row, dtype=dtype, options=options: slope(
                getattr(pt, row.name), arguments(row, dtype, (53, 61)), **options
            ),
        )
    for dtype in FLOATS:
        for name, function in {
            "matmul": lambda x, y: x @ y,
            "einsum": lambda x, y: pt.einsum("ij,jk->ki", x, y),
            "linear": lambda x, y: pt.nn.linear(x, y, y[0], relu=True),
            "softmax": lambda x, y: pt.softmax(x) @ y,
            "log_softmax": lambda x, y: pt.log_softmax(x) @ y,
            "logsumexp": lambda x, y: pt.logsumexp(x @ y, axis=1),
            "var": lambda x, y: pt.var(x @ y, axis=0),
            "cumulative_sum": lambda x, y: pt.cumulative_sum(x @ y, axis=0),
            "cumulative_prod": lambda x, y: pt.cumulative_prod(1 + 0.01 * (x @ y), axis=0),
            "indexing": lambda x, y: x[::2, [5, 1, 1]] * y[:3, :1].T,
            "sort": lambda x, y: pt.sort(x, axis=0) @ y,
        }.items():
            yield (
                f"gradient {name} {dtype}",
                lambda function=function, dtype=dtype: slope(
                    function, [draw("x", (97, 83), dtype), draw("y", (83, 41), dtype)]
                ),
            )
    for dtype in FLOATS:
        for name, kind in losses():
            yield (
                f"loss {name} {dtype}",
                lambda kind=kind, dtype=dtype: loss_and_slope(kind, dtype),
            )
    yield (
        "hessian",
        lambda: pt.hessian(lambda x: pt.sum(pt.tanh(x) ** 3 * x[::-1]))(
            draw("hessian", (13,), "float64")
        ),
    )
    yield (
        "jvp",
        lambda: pt.jvp(
            lambda x: pt.softmax(pt.sin(x) @ x.T),
            (draw("x", (23, 31), "float32"),),
            (draw("t", (23, 31), "float32"),),
        ),
    )


def losses() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the classes of losses."""
    for name in pt.losses.__all__:
        kind = getattr(pt.losses, name)
        if (
            isinstance(kind, type)
            and issubclass(kind, pt.losses.Loss)
            and kind is not pt.losses.Loss
        ):
            yield name, kind


def loss_and_slope(kind: Callable[[], Any], dtype: str) -> Any:
    """Return the loss of a batch and its gradient with respect to the predictions."""
    target, prediction = (
        draw("target", (67, 11), dtype, 0, 1),
        draw("guess", (67, 11), dtype, 0.1, 1),
    )
    if kind is pt.losses.SparseCategoricalCrossentropy:
        target = pt.asarray(integers("target", (67,), 11))
    with pt.GradientTape() as tape:
        tape.watch(prediction)
        value = kind()(target, prediction)
    return value, tape.gradient(value, prediction)


def metrics() -> Operations:
    """Every metric after two batches."""
    for name in pt.metrics.__all__:
        kind = getattr(pt.metrics, name)
        if not isinstance(kind, type) or kind in (pt.metrics.Metric, pt.metrics.MeanFunction):
            continue

        def measured(kind=kind):
            metric = kind()
            for batch in (67, 130):
                target = draw("target", (batch, 11), "float32", 0, 1)
                guess = draw("guess", (batch, 11), "float32", 0.1, 1)
                if kind in (pt.metrics.Mean, pt.metrics.Sum):
                    metric.update_state(guess)
                    continue
                if "Sparse" in kind.__name__:
                    target = pt.asarray(integers("target", (batch,), 11))
                elif kind.__name__ not in ("MeanSquaredError",):
                    target = (target > 0.5).astype("float32")
                metric.update_state(target, guess)
            return pt.asarray(metric.result())

        yield f"metric {name}", measured


def products() -> Operations:
    """Products of many shapes, layouts and dtypes."""
    shapes = [
        (128, 784, 512),
        (784, 128, 512),
        (1, 784, 512),
        (64, 512, 10),
        (33, 1, 17),
        (5, 3000, 7),
    ]
    for dtype in (*FLOATS, "int32", "uint8"):
        for m, k, n in shapes:

            def product(dtype=dtype, m=m, k=k, n=n):
                x, y = draw("x", (m, k), dtype), draw("y", (k, n), dtype)
                return x @ y, x.T.copy().T @ y, x @ y.T.copy().T

            yield f"matmul {m} x {k} x {n} {dtype}", product
    for dtype in FLOATS:
        yield (
            f"matmul batched {dtype}",
            lambda dtype=dtype: draw("x", (7, 33, 65), dtype) @ draw("y", (7, 65, 21), dtype),
        )
        yield (
            f"matmul vectors {dtype}",
            lambda dtype=dtype: [
                draw("x", (513,), dtype) @ draw("y", (513,), dtype),
                draw("x", (65, 513), dtype) @ draw("y", (513,), dtype),
                draw("x", (513,), dtype) @ draw("y", (513, 65), dtype),
            ],
        )
        yield (
            f"tensordot {dtype}",
            lambda dtype=dtype: pt.tensordot(
                draw("x", (7, 33, 65), dtype), draw("y", (65, 33, 4), dtype), axes=([1, 2], [1, 0])
            ),
        )
        yield (
            f"vecdot {dtype}",
            lambda dtype=dtype: pt.vecdot(draw("x", (33, 65), dtype), draw("y", (33, 65), dtype)),
        )
        yield (
            f"einsum {dtype}",
            lambda dtype=dtype: [
                pt.einsum(subscripts, draw("x", (33, 33), dtype), draw("y", (33, 33), dtype))
                for subscripts in ("ij,jk->ik", "ij,ij->i", "ij,kj->", "ij,ij->ij", "ii,jk->jk")
            ],
        )
        yield (
            f"linear {dtype}",
            lambda dtype=dtype: pt.nn.linear(
                draw("x", (64, 300), dtype),
                draw("y", (300, 70), dtype),
                draw("z", (70,), dtype),
                relu=True,
            ),
        )
        yield (
            f"outer, trace, cross {dtype}",
            lambda dtype=dtype: [
                pt.linalg.outer(draw("x", (33,), dtype), draw("y", (21,), dtype)),
                pt.linalg.trace(draw("x", (301, 301), dtype)),
                pt.linalg.cross(draw("x", (33, 3), dtype), draw("y", (33, 3), dtype)),
            ],
        )


def with_gradients(function: Callable[..., Any], *inputs: pt.Tensor) -> list[Any]:
    """Return what the function returns, and its gradients at a cotangent the name decides."""
    out, pullback = pt.vjp(function, *inputs)
    return [out, pullback(draw("cotangent", out.shape, str(out.dtype)))]


def sequences_and_images() -> Operations:
    """Convolutions, pooling, recurrent layers and attention, with their gradients."""
    kernels = {  # shape of x and of the kernel, options
        "of images": ((9, 14, 14, 6), (5, 5, 6, 16), {"padding": "same"}),
        "of one channel": ((9, 28, 28, 1), (3, 3, 1, 32), {}),
        "of many channels": ((3, 9, 9, 64), (3, 3, 64, 96), {}),
        "with strides": ((4, 15, 13, 5), (3, 2, 5, 7), {"strides": (2, 3)}),
        "with dilation": ((4, 15, 13, 5), (3, 2, 5, 7), {"dilation": (2, 3)}),
        "of size 1": ((5, 8, 8, 33), (1, 1, 33, 17), {}),
        "of groups": ((4, 11, 9, 8), (3, 3, 4, 6), {"groups": 2}),
        "of each channel": ((4, 11, 9, 70), (3, 3, 1, 70), {"groups": 70, "padding": "same"}),
        "of sequences": ((5, 50, 7), (4, 7, 9), {"padding": "causal"}),
        "of videos": ((2, 6, 7, 8, 3), (2, 3, 3, 3, 5), {}),
    }
    for dtype in FLOATS:
        for name, (shape, kernel, options) in kernels.items():
            yield (
                f"convolution {name} {dtype}",
                lambda shape=shape, kernel=kernel, options=options, dtype=dtype: with_gradients(
                    lambda x, w: pt.nn.conv(x, w, **options),
                    draw("x", shape, dtype),
                    draw("w", kernel, dtype),
                ),
            )
        yield (
            f"transposed convolution {dtype}",
            lambda dtype=dtype: with_gradients(
                lambda x, w: pt.nn.conv_transpose(x, w, strides=2),
                draw("x", (4, 7, 6, 5), dtype),
                draw("w", (3, 3, 4, 5), dtype),
            ),
        )
        for pool in (pt.nn.max_pool, pt.nn.avg_pool):
            yield (
                f"{pool.__name__} {dtype}",
                lambda pool=pool, dtype=dtype: with_gradients(
                    lambda x: pool(x, 3, strides=2, padding="same"),
                    draw("x", (4, 15, 13, 5), dtype),
                ),
            )
        yield (
            f"attention {dtype}",
            lambda dtype=dtype: with_gradients(
                lambda q, k, v: pt.nn.dot_product_attention(q, k, v, is_causal=True),
                *(draw(name, (2, 37, 3, 8), dtype) for name in "qkv"),
            ),
        )
    for name in ("SimpleRNN", "LSTM", "GRU"):

        def recurrence(name=name):
            pt.random.seed(10)
            layer = getattr(pt.layers, name)(
                19, recurrent_initializer="glorot_uniform", return_sequences=True
            )
            layer.build((33, 21, 6))
            return with_gradients(layer, draw("x", (33, 21, 6), "float32"))

        yield f"recurrence {name}", recurrence


def selection() -> Operations:
    """Indexing, sorting, sets, conversions."""
    for dtype in DTYPES:
        yield (
            f"indexing {dtype}",
            lambda dtype=dtype: [
                draw("x", (53, 61), dtype)[::-2, 3:40:3],
                draw("x", (53, 61), dtype)[[5, 3, -1], 7],
                pt.take(draw("x", (53, 61), dtype), pt.asarray([4, 4, 0]), axis=1),
                pt.set_at(draw("x", (53, 61), dtype), (slice(None), 3), draw("y", (53,), dtype)),
                pt.add_at(pt.zeros((9,), dtype="int32"), pt.asarray(integers("i", (99,), 9)), 1),
            ],
        )
        yield (
            f"sort {dtype}",
            lambda dtype=dtype: [
                pt.sort(draw("x", (53, 61), dtype), axis=0),
                pt.argsort(draw("x", (53, 61), dtype), descending=True),
                *pt.unique_all(draw("x", (997,), dtype)),
            ],
        )
        yield (
            f"astype {dtype}",
            lambda dtype=dtype: [
                draw("x", (53, 61), dtype, 0, 4).astype(other) for other in DTYPES
            ],
        )


def random_numbers() -> Operations:
    """Distributions, shuffles, initializers, masks, the data set that the package draws."""
    for dtype in FLOATS:
        for name in ("normal", "uniform"):
            yield (
                f"random {name} {dtype}",
                lambda name=name, dtype=dtype: getattr(pt.random, name)(
                    (101, 103), dtype=dtype, generator=np.random.default_rng(1)
                ),
            )
    yield (
        "random integers",
        lambda: pt.random.integers(-5, 1000, (1001,), generator=np.random.default_rng(2)),
    )
    yield (
        "random permutation",
        lambda: pt.random.permutation(1001, generator=np.random.default_rng(3)),
    )
    for name in pt.initializers.__all__:
        kind = getattr(pt.initializers, name)
        # Orthogonal's QR decomposition is LAPACK's.
        if isinstance(kind, type) and name not in ("Initializer", "Orthogonal"):

            def initial(kind=kind):
                pt.random.seed(4)
                return kind()((67, 41))

            yield f"initializer {name}", initial
    for layer in (
        pt.layers.Dropout(0.3, seed=5),
        pt.layers.AlphaDropout(0.3, seed=6),
        pt.layers.GaussianDropout(0.3, seed=7),
        pt.layers.GaussianNoise(0.3, seed=8),
    ):
        yield (
            f"layer {type(layer).__name__}",
            lambda layer=layer: layer(draw("x", (67, 41), "float32"), training=True),
        )
    yield "data set of digits", lambda: pt.datasets.digits.load_data(500, 100)


def trained(optimizer: Any, x: np.ndarray, y: np.ndarray, layers: list[Any], **options: Any) -> Any:
    """Return the loss of each epoch and the weights after training on the images."""
    pt.random.seed(9)
    model = pt.models.Sequential([pt.layers.Input((784,)), *layers])
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, **{"batch_size": 128, "verbose": 0} | options)
    return list(history.history.values()), model.get_weights()


def layers(width: int, *, plain: bool = False) -> list[Any]:
    """Return the layers of a classifier: with batch normalization and dropout, unless plain."""
    between = [] if plain else [pt.layers.BatchNormalization(), pt.layers.Dropout(0.25)]
    return [
        pt.layers.Dense(width, activation="relu"),
        *between,
        pt.layers.Dense(10, activation="softmax"),
    ]


def optimizers() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield names of optimizers and what makes them, with their options that change the loops."""
    for name in pt.optimizers.__all__:
        kind = getattr(pt.optimizers, name)
        if name != "Optimizer" and isinstance(kind, type):
            yield name, kind
    yield "SGD with momentum", lambda: pt.optimizers.SGD(momentum=0.9)
    yield "SGD, Nesterov", lambda: pt.optimizers.SGD(momentum=0.9, nesterov=True)
    yield "RMSprop, centered", lambda: pt.optimizers.RMSprop(centered=True, momentum=0.9)
    yield "Adam, amsgrad", lambda: pt.optimizers.Adam(amsgrad=True)
    yield "Adam, clipped", lambda: pt.optimizers.Adam(global_clipnorm=1.0, weight_decay=0.01)
    yield "Adam, cosine decay", lambda: pt.optimizers.Adam(pt.schedules.CosineDecay(0.01, 20))


def digits(n: int = 2048) -> tuple[np.ndarray, np.ndarray]:
    """Return images from 0 to 1 and labels of the data set that the package draws."""
    (x, y), _ = pt.datasets.digits.load_data(n, 0)
    return np.asarray(x).reshape(n, 784).astype("float32") / np.float32(255), np.asarray(y)


def training() -> Operations:
    """The weights after an epoch of the digits that the package draws, with each optimizer."""
    for name, make in optimizers():
        yield f"digits, {name}", lambda make=make: trained(make(), *digits(), layers(32))
    yield (
        "digits, plain, 3 epochs",
        lambda: trained("rmsprop", *digits(), layers(64, plain=True), epochs=3),
    )
    yield (
        "digits, a line at a time",
        lambda: trained("adam", *digits(160), layers(16, plain=True), batch_size=1),
    )


def mnist() -> Operations:
    """The weights after an epoch of MNIST, with each optimizer."""

    def images() -> tuple[np.ndarray, np.ndarray]:
        (x, y), _ = pt.datasets.mnist.load_data()
        return np.asarray(x).reshape(-1, 784).astype("float32") / np.float32(255), np.asarray(y)

    for name, make in optimizers():
        yield f"MNIST, {name}", lambda make=make: trained(make(), *images(), layers(32))
    yield (
        "MNIST, 784-512-10, RMSprop",
        lambda: trained("rmsprop", *images(), layers(512, plain=True)),
    )


def ranks() -> Operations:
    """The same training shared by the ranks that mpiexec started."""
    for name in ("sgd", "rmsprop", "adam"):

        def together(name=name):
            distribution = pt.distributed.DataParallel(deterministic=True)
            return trained(name, *digits(), layers(32), distribution=distribution)

        yield f"digits on ranks, {name}", together


GROUPS: dict[str, Callable[[], Operations]] = {
    "elementwise": elementwise,
    "reductions": reductions,
    "gradients": gradients,
    "metrics": metrics,
    "products": products,
    "sequences-and-images": sequences_and_images,
    "selection": selection,
    "random": random_numbers,
    "training": training,
    "mnist": mnist,
    "ranks": ranks,
}
ON_REQUEST = ("mnist", "ranks")


# ------------------------------------------------------------------------------------ digests


def update(sha: Any, value: Any) -> None:
    """Feed a hash with the structure, dtypes, shapes and bits of a result."""
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, (list, tuple)):
        sha.update(b"(%d" % len(value))
        for part in value:
            update(sha, part)
        return
    array = np.array(value, order="C")
    if array.dtype.kind == "f":
        array[np.isnan(array)] = np.nan
    little = array.astype(array.dtype.newbyteorder("<"))
    sha.update(f"{array.dtype.str[1:]}{array.shape}".encode() + little.tobytes())


def digest(value: Any) -> str:
    """Return the SHA-256 of a result, in hexadecimal.

    >>> digest(pt.asarray([float("nan")])) == digest(-pt.asarray([float("nan")]))
    True
    """
    sha = hashlib.sha256()
    update(sha, value)
    return sha.hexdigest()


def read() -> dict[str, str]:
    """Return the digests of the file by name."""
    lines = FILE.read_text().splitlines() if FILE.exists() else []
    return {name: value for value, name in (line.split(maxsplit=1) for line in lines)}


def main(argv: list[str] | None = None) -> int:
    """Compute the digests; compare or write them. Returns how the process exits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--group", action="append", choices=GROUPS, help="instead of all others")
    parser.add_argument("--all", action="store_true", help=f"also {' and '.join(ON_REQUEST)}")
    parser.add_argument("--write", action="store_true", help="replace the digests of these groups")
    parser.add_argument("--add", action="store_true", help="add those that differ here")
    options = parser.parse_args(argv)
    names = options.group or [g for g in GROUPS if options.all or g not in ON_REQUEST]
    pt.set_reproducible("machines")
    isa = pt.build_config()["instruction set"]
    known, n, different = read(), 0, 0
    for group in names:
        for name, compute in GROUPS[group]():
            found, here = digest(compute()), f"{name} [{isa}]"
            if options.write:
                known[name] = found
            if options.write or options.add:
                known.pop(here, None)
            if options.add and found != known.get(name):
                known[here] = found
            n += 1
            if found != known.get(here, known.get(name)):
                different += 1
                print(f"{group}: {name}: {'differs' if name in known else 'not in the file'}")
    if options.write or options.add:
        FILE.write_text("".join(f"{known[name]}  {name}\n" for name in known))
    own = sum(name.endswith(f" [{isa}]") for name in known)
    print(
        f"{n} digests, {different} different; {own} of {isa} alone; {pt.get_num_threads()} threads"
    )
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
