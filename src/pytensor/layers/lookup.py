"""StringLookup, IntegerLookup and TextVectorization: tokens as the integers of a vocabulary."""

from __future__ import annotations

import collections
import os
import string
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, SupportsIndex

import numpy as np

from pytensor import _functions as pt
from pytensor._core import Tensor
from pytensor._support.arguments import integer
from pytensor.layers.encoding import batches_of, checked_mode, counted, encoded, encoded_shape
from pytensor.layers.graph import Symbolic
from pytensor.layers.layer import Layer

if TYPE_CHECKING:
    from typing import TypeAlias, Unpack

    from pytensor.layers.layer import NameOptions, Shape

    Token: TypeAlias = "str | int"
    Vocabulary: TypeAlias = "Sequence[Token] | np.ndarray | str | os.PathLike[str] | None"

__all__ = ["IntegerLookup", "StringLookup", "TextVectorization"]

_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


class Lookup(Layer):
    """What the layers with a vocabulary share.

    The integers of a vocabulary are, in this order: 0 for the mask token, if there is one and the
    output is integers; one for each group of unknown tokens; one for each token.
    """

    token_type: ClassVar[type] = str

    def _set_up(
        self,
        max_tokens: SupportsIndex | None,
        num_oov_indices: SupportsIndex,
        mask_token: Token | None,
        oov_token: Token,
        vocabulary: Vocabulary,
        idf_weights: Sequence[float] | None,
        invert: bool,
        output_mode: str,
        pad_to_max_tokens: bool,
    ) -> None:
        """Set the attributes; the subclasses' constructors document the arguments.

        It is no constructor, whose arguments would be part of every subclass's config.
        """
        self.num_oov_indices = integer(f"{self.name}: num_oov_indices", num_oov_indices, 0)
        self.output_mode = checked_mode(self.name, output_mode, _MODES)
        self.mask_token = mask_token
        self.oov_token = oov_token
        self.invert = bool(invert)
        self.pad_to_max_tokens = bool(pad_to_max_tokens)
        self.max_tokens = (
            None
            if max_tokens is None
            else integer(f"{self.name}: max_tokens", max_tokens, self._first + 1)
        )
        if self.invert and output_mode != "int":
            raise ValueError(f"{self.name}: invert: expected output_mode='int'")
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise ValueError(f"{self.name}: pad_to_max_tokens: expected max_tokens")
        self.vocabulary: list[Token] | None = None  # without the special tokens
        self.idf_weights: list[float] | None = None  # of these tokens
        self._numbers: dict[Token, int] = {}
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)
        elif idf_weights is not None:
            raise ValueError(f"{self.name}: idf_weights: expected a vocabulary too")

    # ------------------------------------------------------------------------------ vocabulary

    @property
    def _mask_indices(self) -> int:
        """How many integers the mask token takes."""
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _first(self) -> int:
        """The integer of the first token."""
        return self._mask_indices + self.num_oov_indices

    def _special(self) -> list[Token]:
        mask = [] if self.mask_token is None else [self.mask_token]
        return mask * self._mask_indices + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Token]:
        """Return the tokens, each at the place of its integer.

        Args:
            include_special_tokens: whether to begin with the mask token and the unknown ones.
        """
        tokens = list(self._tokens_known())
        return self._special() + tokens if include_special_tokens else tokens

    def vocabulary_size(self) -> int:
        """Return the number of integers in use, special ones included."""
        return self._first + len(self._tokens_known())

    def _tokens_known(self) -> list[Token]:
        if self.vocabulary is None:
            raise ValueError(
                f"{self.name}: no vocabulary yet: call adapt(data) or set_vocabulary first"
            )
        return self.vocabulary

    def set_vocabulary(
        self, vocabulary: Vocabulary, idf_weights: Sequence[float] | None = None
    ) -> None:
        """Set the tokens.

        Args:
            vocabulary: the tokens, most frequent first, with or without the special ones at the
                beginning; or the path of a text file with one token a line.
            idf_weights: a number for each token, for output_mode="tf_idf"; see `adapt`.

        Raises:
            ValueError: a token occurs twice, or there are more than max_tokens; weights are
                missing, or more or fewer than tokens.
        """
        if isinstance(vocabulary, (str, os.PathLike)):
            lines = Path(vocabulary).read_text("utf-8").split("\n")
            vocabulary = lines[:-1] if lines[-1] == "" else lines
        tokens = [self._token(token) for token in np.asarray(vocabulary, object).ravel()]
        weights = None if idf_weights is None else [float(weight) for weight in idf_weights]
        special = self._special()
        if special and tokens[: len(special)] == special:
            del tokens[: len(special)]
            if weights is not None:
                del weights[: len(special)]
        if self.max_tokens is not None and len(tokens) > self.max_tokens - self._first:
            raise ValueError(
                f"{self.name}: vocabulary: found {len(tokens)} tokens: max_tokens="
                f"{self.max_tokens} leaves room for {self.max_tokens - self._first}"
            )
        if len(set(tokens)) != len(tokens):
            repeated = next(token for token, n in collections.Counter(tokens).items() if n > 1)
            raise ValueError(f"{self.name}: vocabulary: {repeated!r} is in it twice")
        if self.mask_token in tokens and self._mask_indices:
            raise ValueError(
                f"{self.name}: vocabulary: the mask token {self.mask_token!r} is in it: expected "
                "all special tokens at the beginning, or none"
            )
        if (self.output_mode == "tf_idf") != (weights is not None):
            needed = "needed for" if weights is None else "used only by"
            raise ValueError(f"{self.name}: idf_weights: {needed} output_mode='tf_idf'")
        if weights is not None and len(weights) != len(tokens):
            raise ValueError(
                f"{self.name}: idf_weights: found {len(weights)}: expected one for each of the "
                f"{len(tokens)} tokens"
            )
        self.vocabulary, self.idf_weights = tokens, weights
        self._numbers = {token: k for k, token in enumerate(tokens, self._first)}

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Take the most frequent tokens of the data as the vocabulary, in place of any other.

        Of two equally frequent tokens the later one in the order of the alphabet is first. For
        output_mode="tf_idf" the weight of a token that is in m of n documents (rows) is
        log(1 + n / (1 + m)).

        Args:
            data: an array of tokens (or of texts), or an iterable of batches of them.
            steps: the most batches to take; None for all.
        """
        counts: collections.Counter[Token] = collections.Counter()
        documents: collections.Counter[Token] = collections.Counter()
        n = 0
        for batch in batches_of(f"{self.name}: adapt", data, steps):
            rows = self._rows(batch)
            n += len(rows)
            for row in rows:
                counts.update(row)
                documents.update(set(row))
        for token in (self.mask_token, self.oov_token):
            if token is not None:
                counts.pop(token, None)
        tokens = sorted(counts, key=lambda token: (counts[token], token), reverse=True)
        if self.max_tokens is not None:
            del tokens[self.max_tokens - self._first :]
        weights = None
        if self.output_mode == "tf_idf":
            frequencies = np.array([documents[token] for token in tokens], np.float64)
            weights = np.log(1 + n / (1 + frequencies)).tolist()
        self.set_vocabulary(tokens, weights)

    # ----------------------------------------------------------------------------------- calls

    def _token(self, value: Any) -> Token:
        """Return a token as a str or int of Python's."""
        if self.token_type is str:
            if isinstance(value, bytes):
                value = value.decode("utf-8")
            if not isinstance(value, str):
                raise TypeError(f"{self.name}: token {value!r}: expected a string")
            return str(value)
        if isinstance(value, (float, np.floating)) and value == int(value):
            value = int(value)
        return integer(f"{self.name}: token", value, -(2**63))

    def _array(self, x: Any) -> np.ndarray:
        """Return x as an array of objects of Python's."""
        array = np.asarray(x)
        if array.dtype.kind == "f" and self.token_type is int:
            whole = array.astype(np.int64)
            if (whole != array).any():
                raise ValueError(
                    f"{self.name}: found {array.dtype} with fractions: expected integers"
                )
            array = whole
        kinds = "USO" if self.token_type is str else "iuO"
        if array.size and array.dtype.kind not in kinds:
            expected = "strings" if self.token_type is str else "integers"
            raise TypeError(f"{self.name}: found {array.dtype}: expected {expected}")
        return array.astype(object)

    def _rows(self, x: Any) -> list[list[Token]]:
        """Return the tokens of a batch, row by row."""
        array = self._array(x)
        rows = array.reshape(len(array), -1) if array.ndim > 1 else array.reshape(-1, 1)
        return [[self._token(token) for token in row] for row in rows]

    def _number(self, token: Token) -> int:
        """Return the integer of a token; -1 for the mask token if it takes none."""
        if token == self.mask_token and self.mask_token is not None:
            return 0 if self._mask_indices else -1
        found = self._numbers.get(token)
        if found is not None:
            return found
        if not self.num_oov_indices:
            raise ValueError(
                f"{self.name}: {token!r} is not in the vocabulary: expected num_oov_indices >= 1, "
                "or known tokens only"
            )
        group = token if isinstance(token, int) else zlib.crc32(token.encode())
        return self._mask_indices + group % self.num_oov_indices

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Return the integers, or vectors, of tokens.

        Args:
            *arguments: x: tokens of any shape; with `invert`, integers; or a symbolic tensor.
            **options: have no effect, but for `x`.

        Returns:
            An int64 Tensor of the shape of x for output_mode="int", else float32 vectors; with
            `invert`, an ndarray of tokens.
        """
        x = arguments[0] if arguments else options["x"]
        if isinstance(x, Symbolic):
            return super().__call__(*arguments, **options)
        return self.call(x)

    def call(self, x: Any) -> Any:
        """Return the integers, or vectors, of tokens."""
        self._tokens_known()
        if self.invert:
            return self._inverted(np.asarray(x))
        array = self._array(x)
        flat = [self._number(self._token(token)) for token in array.ravel()]
        indices = np.array(flat, np.int64).reshape(array.shape)
        if self.output_mode != "tf_idf":
            return encoded(indices, self.output_mode, self._depth())
        counts = encoded(indices, "count", self._depth())
        return counts * pt.asarray(self._weights())

    def _inverted(self, numbers: np.ndarray) -> np.ndarray:
        if numbers.dtype.kind not in "iuf" or (numbers != numbers.astype(np.int64)).any():
            raise TypeError(f"{self.name}: found {numbers.dtype}: expected integers")
        tokens = self.get_vocabulary()
        flat = [
            tokens[k] if 0 <= k < len(tokens) else self.oov_token
            for k in numbers.astype(np.int64).ravel().tolist()
        ]
        kind = np.int64 if self.token_type is int else object
        return np.array(flat, kind).reshape(numbers.shape)

    def _depth(self) -> int:
        """The length of the vectors."""
        if self.pad_to_max_tokens and self.max_tokens is not None:
            return self.max_tokens
        return self.vocabulary_size()

    def _weights(self) -> np.ndarray:
        """Return the weights of all integers; unknown tokens have the mean of the known ones."""
        known = np.asarray(self.idf_weights or (), np.float32)
        weights = np.zeros(self._depth(), np.float32)
        weights[: self._first] = known.mean() if known.size else 0
        weights[self._first : self._first + known.size] = known
        return weights

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape for integers; (batch, ..., vocabulary) for vectors."""
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        return encoded_shape(input_shape, mode, 0 if mode == "int" else self._depth())


class StringLookup(Lookup):
    """Strings as the integers of a vocabulary, or as vectors.

    >>> layer = pt.layers.StringLookup(vocabulary=["a", "b"])
    >>> layer([["b", "a", "z"]])
    Tensor([[2, 1, 0]], dtype=int64)
    >>> layer.get_vocabulary()
    ['[UNK]', 'a', 'b']
    """

    def __init__(
        self,
        max_tokens: SupportsIndex | None = None,
        num_oov_indices: SupportsIndex = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Vocabulary = None,
        idf_weights: Sequence[float] | None = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        **options: Unpack[NameOptions],
    ) -> None:
        """Create the layer.

        Args:
            max_tokens: the most integers in use, special ones included; None for any number.
            num_oov_indices: how many integers unknown strings share, by their CRC-32; with 0 they
                are an error.
            mask_token: a string that becomes 0 and, in vectors, counts for nothing.
            oov_token: what `invert` returns for unknown strings.
            vocabulary: the strings, as for `set_vocabulary`; None if `adapt` finds them.
            idf_weights: numbers for "tf_idf", as for `set_vocabulary`.
            invert: whether the layer turns integers into strings instead.
            output_mode: "int"; "one_hot", "multi_hot" or "count" as in CategoryEncoding; "tf_idf":
                counts times the weights that `adapt` finds.
            pad_to_max_tokens: whether vectors have the length max_tokens, even if there are fewer
                tokens.
            **options: `name`, `trainable` and `input_shape`, as in Layer.
        """
        super().__init__(**options)
        self._set_up(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            pad_to_max_tokens,
        )


class IntegerLookup(Lookup):
    """Integers of any size as the integers of a vocabulary, or as vectors.

    >>> layer = pt.layers.IntegerLookup(vocabulary=[1000, 7])
    >>> layer([[7, 1000, 8]])
    Tensor([[2, 1, 0]], dtype=int64)
    """

    token_type = int

    def __init__(
        self,
        max_tokens: SupportsIndex | None = None,
        num_oov_indices: SupportsIndex = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Vocabulary = None,
        *,
        idf_weights: Sequence[float] | None = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        **options: Unpack[NameOptions],
    ) -> None:
        """Create the layer; the arguments are those of StringLookup, with integers for strings.

        Args:
            max_tokens: the most integers in use.
            num_oov_indices: how many integers unknown ones share, by their remainder.
            mask_token: an integer that becomes 0 and, in vectors, counts for nothing.
            oov_token: what `invert` returns for unknown integers.
            vocabulary: the integers; None if `adapt` finds them.
            idf_weights: numbers for "tf_idf".
            invert: whether the layer turns places in the vocabulary into integers instead.
            output_mode: "int", "one_hot", "multi_hot", "count" or "tf_idf".
            pad_to_max_tokens: whether vectors have the length max_tokens.
            **options: `name`, `trainable` and `input_shape`, as in Layer.
        """
        super().__init__(**options)
        self._set_up(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            pad_to_max_tokens,
        )


_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_STANDARDIZE: dict[str, Callable[[str], str]] = {
    "lower_and_strip_punctuation": lambda text: text.lower().translate(_NO_PUNCTUATION),
    "lower": str.lower,
    "strip_punctuation": lambda text: text.translate(_NO_PUNCTUATION),
}
_SPLIT: dict[str, Callable[[str], list[str]]] = {"whitespace": str.split, "character": list}


class TextVectorization(Lookup):
    """Texts as rows of word numbers, or as vectors of words.

    Integer 0 is padding, 1 an unknown word.

    >>> layer = pt.layers.TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["The film was good.", "The film was bad!"])
    >>> layer.get_vocabulary()
    ['', '[UNK]', 'was', 'the', 'film', 'good', 'bad']
    >>> layer(["A good film"])
    Tensor([[1, 5, 4, 0]], dtype=int64)
    """

    def __init__(
        self,
        max_tokens: SupportsIndex | None = None,
        standardize: str | Callable[[np.ndarray], Any] | None = "lower_and_strip_punctuation",
        split: str | Callable[[np.ndarray], Any] | None = "whitespace",
        ngrams: int | Sequence[int] | None = None,
        output_mode: str = "int",
        output_sequence_length: SupportsIndex | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Vocabulary = None,
        idf_weights: Sequence[float] | None = None,
        **options: Unpack[NameOptions],
    ) -> None:
        """Create the layer.

        Args:
            max_tokens: the most integers in use, special ones included; None for any number.
            standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation", None, or a
                function from an array of texts to one.
            split: "whitespace", "character", None (the text is one token), or a function from an
                array of texts to a sequence of lists of tokens.
            ngrams: the largest number of neighbouring tokens that are joined to one; or a tuple of
                such numbers, 1 for the tokens themselves.
            output_mode: "int": a row of word numbers; "multi_hot", "count", "tf_idf": a vector
                for each text, as in StringLookup.
            output_sequence_length: the length of the rows of "int", which are padded with zeros or
                cut at the end; None for that of the longest text.
            pad_to_max_tokens: whether vectors have the length max_tokens.
            vocabulary: the words, as for `set_vocabulary`; None if `adapt` finds them.
            idf_weights: numbers for "tf_idf", as for `set_vocabulary`.
            **options: `name`, `trainable` and `input_shape`, as in Layer.
        """
        super().__init__(**options)
        self._set_up(
            max_tokens,
            1,
            "",
            "[UNK]",
            vocabulary,
            idf_weights,
            False,
            output_mode,
            pad_to_max_tokens,
        )
        checked_mode(self.name, output_mode, ("int", "multi_hot", "count", "tf_idf"))
        self.standardize = self._known("standardize", standardize, _STANDARDIZE)
        self.split = self._known("split", split, _SPLIT)
        self.output_sequence_length = (
            None
            if output_sequence_length is None
            else integer(f"{self.name}: output_sequence_length", output_sequence_length, 1)
        )
        if self.output_sequence_length is not None and output_mode != "int":
            raise ValueError(f"{self.name}: output_sequence_length: expected output_mode='int'")
        self.ngrams = ngrams
        widths = ngrams if isinstance(ngrams, Sequence) else range(1, (ngrams or 1) + 1)
        self._widths = [integer(f"{self.name}: ngrams", width, 1) for width in widths]

    def _known(self, argument: str, value: Any, known: dict[str, Any]) -> Any:
        if value is not None and not callable(value) and value not in known:
            expected = ", ".join(map(repr, known))
            raise ValueError(
                f"{self.name}: {argument}: found {value!r}: expected {expected}, None or a function"
            )
        return value

    def _rows(self, x: Any) -> list[list[Token]]:
        """Return the tokens of each text."""
        array = self._array(x)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim > 1 or (array.ndim == 0 and not array.size):
            raise ValueError(
                f"{self.name}: texts of shape {array.shape}: expected (batch,) or (batch, 1)"
            )
        texts = [str(self._token(text)) for text in array.ravel()]
        if callable(self.standardize):
            texts = [str(self._token(text)) for text in self.standardize(np.array(texts))]
        elif self.standardize is not None:
            texts = list(map(_STANDARDIZE[self.standardize], texts))
        if callable(self.split):
            rows = [[str(self._token(t)) for t in row] for row in self.split(np.array(texts))]
        elif self.split is None:
            rows = [[text] for text in texts]
        else:
            rows = list(map(_SPLIT[self.split], texts))
        if self._widths == [1]:
            return [[*row] for row in rows]
        return [
            [
                " ".join(row[start : start + width])
                for width in self._widths
                for start in range(len(row) - width + 1)
            ]
            for row in rows
        ]

    def call(self, x: Any) -> Tensor:
        """Return the word numbers, or a vector, of each text."""
        self._tokens_known()
        numbers = [[self._number(token) for token in row] for row in self._rows(x)]
        lengths = [len(row) for row in numbers]
        if self.output_mode == "int":
            length = self.output_sequence_length or max(lengths, default=0)
            padded = np.zeros((len(numbers), length), np.int64)
            for out, row in zip(padded, numbers, strict=True):
                out[: len(row)] = row[:length]
            return pt.asarray(padded if np.ndim(x) else padded[0])
        flat = np.array([number for row in numbers for number in row], np.int64)
        rows = np.repeat(np.arange(len(numbers)), lengths)
        vectors = counted(flat, rows, len(numbers), self._depth()).astype(np.float32)
        if self.output_mode == "multi_hot":
            vectors = np.minimum(vectors, 1)
        elif self.output_mode == "tf_idf":
            vectors *= self._weights()
        return pt.asarray(vectors if np.ndim(x) else vectors[0])

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch,) -> (batch, output_sequence_length), or (batch, vocabulary)."""
        length = self.output_sequence_length if self.output_mode == "int" else self._depth()
        return (input_shape[0], length)
