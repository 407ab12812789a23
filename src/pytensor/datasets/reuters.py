"""Reuters: 11 228 newswires, as lists of word numbers, of 46 topics.

Source: D. D. Lewis, Reuters-21578; the file is the one that Keras publishes.
"""

from __future__ import annotations

import os
from typing import BinaryIO

import numpy as np

from pytensor._support.arguments import integer, number

from . import _archive, _published, _synthetic, _texts


def load_data(
    path: str | os.PathLike[str] | None = None,
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[tuple[_texts.Texts, np.ndarray], tuple[_texts.Texts, np.ndarray]]:
    """Load Reuters from the disk or, the first time, from the network.

    Places, arguments and errors are those of `imdb.load_data`, with the file `reuters.npz`.

    Args:
        path: the file, or a directory with it, or with a directory `reuters` that has it.
        num_words: words whose number is not below this are replaced by `oov_char`; None keeps all.
        skip_top: words whose number is below this are replaced too.
        maxlen: newswires of this many words or more, the start included, are left out.
        test_split: the share of the newswires that is kept for the test, in [0, 1).
        seed: of the order of the newswires.
        start_char: the number that begins every newswire; None for no such number.
        oov_char: the number that replaces a word; None leaves the word out.
        index_from: what is added to the words' ranks.

    Returns:
        ((x_train, y_train), (x_test, y_test)): NumPy arrays. x has shape (8982,) and (2246,) and
        holds lists of integers; y has the same shape and dtype int64, in [0, 46).

    >>> (x, y), (x_test, y_test) = pt.datasets.reuters.load_data(num_words=10000)  # doctest: +SKIP
    """

    def read(content: BinaryIO) -> tuple[list[list[int]], np.ndarray]:
        found = _archive.members(content, ("x",), ("y",))
        return _texts.shuffled(found["x"], found["y"], np.random.RandomState(seed))

    seed = integer("reuters.load_data: seed", seed, 0)
    share = number("reuters.load_data: test_split", test_split, 0, 1, below_high=True)
    instead = "; or take made-up texts, reuters.synthetic_data()"
    texts, labels = _texts.prepared(
        "reuters.load_data",
        *_published.load("reuters", path, read, instead),
        num_words=num_words,
        skip_top=skip_top,
        maxlen=maxlen,
        start_char=start_char,
        oov_char=oov_char,
        index_from=index_from,
    )
    train = int(len(texts) * (1 - share))
    return (
        (_texts.as_array(texts[:train]), labels[:train]),
        (_texts.as_array(texts[train:]), labels[train:]),
    )


def get_word_index(path: str | os.PathLike[str] | None = None) -> dict[str, int]:
    """Return the ranks of the words, {word: rank}; in the texts a word has rank + `index_from`.

    The file, `reuters_word_index.json`, is looked for as by `load_data`; its errors are the same.

    >>> pt.datasets.reuters.get_word_index()["the"]  # doctest: +SKIP
    1
    """
    return _texts.words("reuters", path)


def synthetic_data(
    n_train: int = 2000, n_test: int = 500, seed: int = 0, num_words: int = 10000
) -> tuple[tuple[_texts.Texts, np.ndarray], tuple[_texts.Texts, np.ndarray]]:
    """Make up texts of 46 topics in the form of `load_data`, that need no file.

    Args:
        n_train: number of training texts.
        n_test: number of test texts.
        seed: the same seed gives the same texts.
        num_words: word numbers are below this.

    >>> (x, y), (x_test, y_test) = pt.datasets.reuters.synthetic_data(100, 20)
    >>> x.shape, y.shape
    ((100,), (100,))
    """
    return _synthetic.texts(
        "reuters.synthetic_data", n_train, n_test, seed, classes=46, num_words=num_words
    )
