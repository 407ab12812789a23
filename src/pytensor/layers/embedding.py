"""Embedding: integers to rows of a table that is trained."""

from __future__ import annotations

import numpy as np

from pytensor import _functions as pt
from pytensor import constraints, initializers, regularizers
from pytensor._support.arguments import check_below, integer
from pytensor.layers.layer import Layer

__all__ = ["Embedding"]


class Embedding(Layer):
    """Row embeddings[i] for each integer i.

    x: (batch, ...), integers in [0, input_dim), of any dtype. Output: (batch, ..., output_dim).

    >>> pt.layers.Embedding(10, 4)(pt.asarray([[1, 2, 3]])).shape
    (1, 3, 4)
    """

    def __init__(
        self,
        input_dim,
        output_dim,
        embeddings_initializer="uniform",
        embeddings_regularizer=None,
        embeddings_constraint=None,
        **options,
    ):
        """input_dim: how many integers there are, at most 2**24, below which float32 has them all.

        options: as in Layer.
        """
        super().__init__(**options)
        self.input_dim = integer(f"{self.name}: input_dim", input_dim, 1)
        if self.input_dim > 2**24:
            raise ValueError(f"{self.name}: input_dim: found {input_dim}: expected at most 2**24")
        self.output_dim = integer(f"{self.name}: output_dim", output_dim, 1)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.embeddings = None

    def build(self, input_shape):
        """Make the table."""
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            name="embeddings",
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )
        self.built = True

    def call(self, x):
        """Return the rows.

        Raises:
            ValueError: an element of x is no integer in [0, input_dim).
        """
        check_below(f"{self.name}: index", np.asarray(x), self.input_dim)
        return self.embeddings[x.astype(pt.int64)]

    def compute_output_shape(self, input_shape):
        """(batch, ...) -> (batch, ..., output_dim)."""
        return (*input_shape, self.output_dim)
