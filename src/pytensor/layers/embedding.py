"""Embedding: turns integers into rows of a trained table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from pytensor import _core, constraints, initializers, regularizers
from pytensor import _functions as pt
from pytensor._support.arguments import check_below, integer
from pytensor.layers.layer import Layer

if TYPE_CHECKING:
    from typing import Unpack

    from pytensor._core import Tensor
    from pytensor.constraints import ConstraintLike
    from pytensor.initializers import InitializerLike
    from pytensor.layers.layer import Options, Shape
    from pytensor.regularizers import RegularizerLike

__all__ = ["Embedding"]


class Embedding(Layer):
    """A table of vectors: the output for an integer i is the row embeddings[i].

    The input has the shape (batch, ...) and holds integers in [0, input_dim), of any dtype. The
    output has the shape (batch, ..., output_dim).

    >>> pt.layers.Embedding(10, 4)(pt.asarray([[1, 2, 3]])).shape
    (1, 3, 4)
    """

    def __init__(
        self,
        input_dim: SupportsIndex,
        output_dim: SupportsIndex,
        embeddings_initializer: InitializerLike = "uniform",
        embeddings_regularizer: RegularizerLike = None,
        embeddings_constraint: ConstraintLike = None,
        mask_zero: bool = False,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer; the table is made by `build` or at the first call.

        Args:
            input_dim: the number of rows, at most 2**24, up to where float32 holds every integer.
            output_dim: the length of a row.
            embeddings_initializer: first values of the table; see `initializers`.
            embeddings_regularizer: what the loss adds for the table; see `regularizers`.
            embeddings_constraint: applied to the table after each step; see `constraints`.
            mask_zero: whether 0 stands for padding: the layers that follow, the losses and the
                metrics leave these steps out.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.input_dim = integer(f"{self.name}: input_dim", input_dim, 1)
        if self.input_dim > 2**24:
            raise ValueError(f"{self.name}: input_dim: found {input_dim}: expected at most 2**24")
        self.output_dim = integer(f"{self.name}: output_dim", output_dim, 1)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = bool(mask_zero)
        self.embeddings: Tensor = None  # type: ignore[assignment]  # made by build

    def build(self, input_shape: Shape) -> None:
        """Make the table."""
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            name="embeddings",
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Return the rows for the integers x.

        Raises:
            ValueError: an element of x is not an integer in [0, input_dim).
        """
        rows = x.astype(pt.int64)
        # A quick look; check_below, which takes several times as long, finds what is wrong.
        if _core.is_tracing():
            are_rows = (rows.astype(x.dtype) == x) & (rows >= 0) & (rows < self.input_dim)
            fit = _core.holds(pt.all(are_rows))
        else:
            fit = x.size == 0 or (
                bool(pt.all(rows.astype(x.dtype) == x))
                and pt.min(rows).item() >= 0
                and pt.max(rows).item() < self.input_dim
            )
        if not fit:
            check_below(f"{self.name}: index", np.asarray(x), self.input_dim)
        return self.embeddings[rows]

    @property
    def makes_masks(self) -> bool:
        """Whether 0 stands for padding."""
        return self.mask_zero

    def compute_mask(self, x: Tensor, mask: Any = None) -> Any:
        """Return where x is not 0, if 0 stands for padding."""
        return x != 0 if self.mask_zero else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, ...) -> (batch, ..., output_dim)."""
        return (*input_shape, self.output_dim)
