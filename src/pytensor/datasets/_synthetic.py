"""Made-up data in the shapes of published sets, for tests and examples without a network.

A network can learn from it, and what it learns says nothing about the published set. The same
arguments give the same data on every machine.
"""

from __future__ import annotations

import numpy as np

from pytensor import _functions as pt
from pytensor._core import Tensor
from pytensor._support.arguments import integer

from . import _texts

Pair = tuple[Tensor, Tensor]
TextPair = tuple[_texts.Texts, np.ndarray]


def _sizes(function: str, n_train: int, n_test: int, seed: int) -> tuple[int, int, int]:
    """Check the arguments that all of these functions share."""
    return (
        integer(f"{function}: n_train", n_train, 0),
        integer(f"{function}: n_test", n_test, 0),
        integer(f"{function}: seed", seed, 0),
    )


def texts(
    function: str, n_train: int, n_test: int, seed: int, *, classes: int, num_words: int
) -> tuple[TextPair, TextPair]:
    """Make texts of 20 to 200 words; a third of the words occur in the texts of one class only."""
    n_train, n_test, seed = _sizes(function, n_train, n_test, seed)
    num_words = integer(f"{function}: num_words", num_words, 5 + 4 * classes)
    random = np.random.default_rng(seed)
    n = n_train + n_test
    labels = random.permutation(n) % classes
    rows = []
    for label in labels:
        length = int(random.integers(20, 201))
        # Numbers from 4 on are words; few words are frequent, most are rare.
        word = 4 + ((num_words - 4) * random.random(length) ** 3).astype(np.int64)
        own = random.random(length) < 1 / 3
        word[own] = np.minimum(word[own] // classes * classes + label, num_words - 1)
        rows.append([1, *word.tolist()])
    labels = labels.astype(np.int64)
    return (
        (_texts.as_array(rows[:n_train]), labels[:n_train]),
        (_texts.as_array(rows[n_train:]), labels[n_train:]),
    )


def table(
    function: str,
    n_train: int,
    n_test: int,
    seed: int,
    *,
    features: int,
    low: float,
    high: float,
    dtype: type[np.floating],
) -> tuple[Pair, Pair]:
    """Make rows of positive features on different scales, and a number that depends on them."""
    n_train, n_test, seed = _sizes(function, n_train, n_test, seed)
    random = np.random.default_rng(seed)
    scales = 10.0 ** random.uniform(-1, 2, features)
    weights = random.uniform(-1, 1, features)
    z = random.random((n_train + n_test, features))
    y = (z - 0.5) @ weights + 0.5 * z[:, 0] * z[:, -1] + random.normal(0, 0.05, len(z))
    y = low + (high - low) / (1 + np.exp(-3 * y))
    x, y = (z * scales).astype(dtype), y.astype(dtype)
    return (
        (pt.asarray(x[:n_train]), pt.asarray(y[:n_train])),
        (pt.asarray(x[n_train:]), pt.asarray(y[n_train:])),
    )


def colour_images(
    function: str, n_train: int, n_test: int, seed: int, *, side: int = 32, classes: int = 10
) -> tuple[Pair, Pair]:
    """Make noisy stripes: the class is their direction, their colour is random."""
    n_train, n_test, seed = _sizes(function, n_train, n_test, seed)
    random = np.random.default_rng(seed)
    n = n_train + n_test
    labels = (random.permutation(n) % classes).astype(np.uint8)
    angle = np.pi * (labels + random.uniform(-0.2, 0.2, n)) / classes
    grid = np.arange(side)
    along = np.cos(angle)[:, None, None] * grid[:, None] + np.sin(angle)[:, None, None] * grid
    wave = 0.5 + 0.5 * np.sin(
        along * random.uniform(0.5, 1.0, (n, 1, 1)) + random.uniform(0, 6, (n, 1, 1))
    )
    colours = random.uniform(0, 255, (2, n, 1, 1, 3))
    images = colours[0] + (colours[1] - colours[0]) * wave[..., None]
    images += random.normal(0, 16, images.shape)
    x = np.clip(images, 0, 255).astype(np.uint8)
    y = labels[:, None]
    return (
        (pt.asarray(x[:n_train]), pt.asarray(y[:n_train])),
        (pt.asarray(x[n_train:]), pt.asarray(y[n_train:])),
    )
