"""Texts as lists of word numbers: what `imdb` and `reuters` share."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from pytensor._support.arguments import integer

from . import _published

# A list of texts, each a list of word numbers, as an ndarray of objects.
Texts = np.ndarray


def words(name: str, path: str | os.PathLike[str] | None) -> dict[str, int]:
    """Read the numbers of the words of a data set."""

    def read(content: BinaryIO) -> dict[str, int]:
        try:
            found = json.load(content)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"expected JSON: {error}") from error
        if type(found) is not dict or not set(map(type, found.values())) <= {int}:
            raise ValueError("expected a JSON object from words to integers")
        return found

    return _published.load(f"{name} words", path, read)


def shuffled(
    texts: Sequence[list[int]], labels: np.ndarray, random: np.random.RandomState
) -> tuple[list[list[int]], np.ndarray]:
    """Return texts and labels in the order that Keras gives them for a generator."""
    if labels.shape != (len(texts),) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"found labels of shape {labels.shape} and {labels.dtype}: "
            f"expected ({len(texts)},) integers"
        )
    order = np.arange(len(texts))
    random.shuffle(order)
    return [texts[k] for k in order.tolist()], labels[order]


def prepared(
    function: str,
    texts: list[list[int]],
    labels: np.ndarray,
    *,
    num_words: int | None,
    skip_top: int,
    maxlen: int | None,
    start_char: int | None,
    oov_char: int | None,
    index_from: int | None,
) -> tuple[list[list[int]], np.ndarray]:
    """Number the words as Keras does.

    The arguments are those of `imdb.load_data`; texts of `maxlen` words or more are left out.
    """
    skip_top = integer(f"{function}: skip_top", skip_top, 0)
    shift = integer(f"{function}: index_from", index_from or 0, 0)
    if start_char is not None:
        start_char = integer(f"{function}: start_char", start_char, 0)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + (start_char is not None)
    if maxlen is not None:
        kept = lengths < integer(f"{function}: maxlen", maxlen, 1)
        if not kept.any():
            raise ValueError(f"{function}: maxlen {maxlen}: no text is shorter")
        texts = [text for text, keep in zip(texts, kept, strict=True) if keep]
        labels, lengths = labels[kept], lengths[kept]
    # The start is no word, so it is not shifted.
    numbered = texts if start_char is None else ([start_char - shift, *text] for text in texts)
    flat = np.fromiter((word for text in numbered for word in text), np.int64, int(lengths.sum()))
    flat += shift
    least = integer(f"{function}: num_words", num_words, 1) if num_words else math.inf
    inside = (skip_top <= flat) & (flat < least)
    if oov_char is not None:
        flat[~inside] = integer(f"{function}: oov_char", oov_char, 0)
        ends = lengths.cumsum()
    else:
        ends = np.concatenate([[0], inside.cumsum()])[lengths.cumsum()]
        flat = flat[inside]
    numbers = flat.tolist()
    starts = [0, *ends[:-1]]
    return [numbers[a:b] for a, b in zip(starts, ends, strict=True)], labels


def as_array(texts: Sequence[list[int]]) -> Texts:
    """Return lists as an ndarray of objects, also where all have the same length."""
    array = np.empty(len(texts), object)
    array[:] = texts
    return array
