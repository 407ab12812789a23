"""IMDB: 50 000 film reviews, as lists of word numbers, labelled as negative or positive.

Source: A. L. Maas et al., "Learning Word Vectors for Sentiment Analysis" (2011); the file is the
one that Keras publishes.
"""

from __future__ import annotations

import os
from typing import BinaryIO

import numpy as np

from pytensor._support.arguments import integer

from . import _archive, _published, _synthetic, _texts


def load_data(
    path: str | os.PathLike[str] | None = None,
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[tuple[_texts.Texts, np.ndarray], tuple[_texts.Texts, np.ndarray]]:
    """Load IMDB from the disk or, the first time, from the network.

    The file, `imdb.npz`, is looked for in these places, in this order: `path`, if given, and
    nowhere else; the directory `imdb` in the one that PYTENSOR_DATA names; the user's cache (see
    `mnist.load_data`); the network. What comes from the network must have the published SHA-256.

    A word's number is its rank by frequency (1 is the most frequent) plus `index_from`; 0 is free
    for padding.

    Args:
        path: the file, or a directory with it, or with a directory `imdb` that has it.
        num_words: words whose number is not below this are replaced by `oov_char`; None keeps all.
        skip_top: words whose number is below this are replaced too.
        maxlen: reviews of this many words or more, the start included, are left out.
        seed: of the order of the reviews.
        start_char: the number that begins every review; None for no such number.
        oov_char: the number that replaces a word; None leaves the word out.
        index_from: what is added to the words' ranks.

    Returns:
        ((x_train, y_train), (x_test, y_test)): NumPy arrays. x has shape (25000,) and holds lists
        of integers, since reviews have different lengths; y has shape (25000,) and dtype int64,
        0 for negative and 1 for positive.

    Raises:
        ValueError: the file is corrupt or not what its name says; an argument is out of range; no
            review is shorter than `maxlen`.
        FileNotFoundError: `path` has no such file.
        DownloadError: no place has the file and it cannot be downloaded.

    >>> (x, y), (x_test, y_test) = pt.datasets.imdb.load_data(num_words=10000)  # doctest: +SKIP
    >>> x[0][:5]  # doctest: +SKIP
    [1, 14, 22, 16, 43]
    """

    def read(content: BinaryIO) -> list[tuple[list[list[int]], np.ndarray]]:
        found = _archive.members(content, ("x_train", "x_test"), ("y_train", "y_test"))
        random = np.random.RandomState(seed)
        return [
            _texts.shuffled(found["x_train"], found["y_train"], random),
            _texts.shuffled(found["x_test"], found["y_test"], random),
        ]

    seed = integer("imdb.load_data: seed", seed, 0)
    instead = "; or take made-up texts, imdb.synthetic_data()"
    (x, y), (x_test, y_test) = (
        _texts.prepared(
            "imdb.load_data",
            texts,
            labels,
            num_words=num_words,
            skip_top=skip_top,
            maxlen=maxlen,
            start_char=start_char,
            oov_char=oov_char,
            index_from=index_from,
        )
        for texts, labels in _published.load("imdb", path, read, instead)
    )
    return (_texts.as_array(x), y), (_texts.as_array(x_test), y_test)


def get_word_index(path: str | os.PathLike[str] | None = None) -> dict[str, int]:
    """Return the ranks of the words, {word: rank}; in the texts a word has rank + `index_from`.

    The file, `imdb_word_index.json`, is looked for as by `load_data`; its errors are the same.

    >>> pt.datasets.imdb.get_word_index()["the"]  # doctest: +SKIP
    1
    """
    return _texts.words("imdb", path)


def synthetic_data(
    n_train: int = 2000, n_test: int = 500, seed: int = 0, num_words: int = 10000
) -> tuple[tuple[_texts.Texts, np.ndarray], tuple[_texts.Texts, np.ndarray]]:
    """Make up texts in the form of `load_data`, of 20 to 200 words, that need no file.

    Args:
        n_train: number of training texts.
        n_test: number of test texts.
        seed: the same seed gives the same texts.
        num_words: word numbers are below this.

    >>> (x, y), (x_test, y_test) = pt.datasets.imdb.synthetic_data(100, 20)
    >>> x.shape, y.shape, x[0][0]
    ((100,), (100,), 1)
    """
    return _synthetic.texts(
        "imdb.synthetic_data", n_train, n_test, seed, classes=2, num_words=num_words
    )
