"""MultiHeadAttention."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, SupportsIndex

from pytensor import _functions as pt
from pytensor import constraints, initializers, regularizers
from pytensor._core import Tensor
from pytensor._functions import attention
from pytensor._support.arguments import integer, number
from pytensor.layers.dropout import Noise
from pytensor.layers.graph import Symbolic
from pytensor.nn import linear, softmax

if TYPE_CHECKING:
    from typing import Unpack

    from pytensor.constraints import ConstraintLike
    from pytensor.initializers import InitializerLike, Seed
    from pytensor.layers.layer import Options, Shape
    from pytensor.regularizers import RegularizerLike

__all__ = ["MultiHeadAttention"]


class MultiHeadAttention(Noise):
    """Attention with several heads (Vaswani et al. 2017, "Attention is all you need").

    Queries, keys and values are projected for each head; the heads' results are projected to the
    output. If query and value are the same tensor, a sequence attends to itself.

    >>> layer = pt.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    >>> x = pt.ones((3, 5, 8))
    >>> layer(x, x).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        num_heads: SupportsIndex,
        key_dim: SupportsIndex,
        value_dim: SupportsIndex | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: SupportsIndex | None = None,
        *,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        seed: Seed = None,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer.

        Args:
            num_heads: the number of heads.
            key_dim: the size of a head's queries and keys.
            value_dim: the size of a head's values; key_dim by default.
            dropout: the share of the attention weights that is dropped while training.
            use_bias: whether the projections add a bias.
            output_shape: the size of the output; by default that of the query.
            kernel_initializer: first values of the projections; see `initializers`.
            bias_initializer: first values of the biases.
            kernel_regularizer: what the loss adds for the projections; see `regularizers`.
            bias_regularizer: what the loss adds for the biases.
            kernel_constraint: applied to the projections after each step; see `constraints`.
            bias_constraint: applied to the biases after each step.
            seed: a seed for dropout; by default the random numbers come from `random`.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(seed, **options)
        self.num_heads = integer(f"{self.name}: num_heads", num_heads, 1)
        self.key_dim = integer(f"{self.name}: key_dim", key_dim, 1)
        self.value_dim = (
            self.key_dim if value_dim is None else integer(f"{self.name}: value_dim", value_dim, 1)
        )
        self.dropout = number(f"{self.name}: dropout", dropout, 0, 1, below_high=True)
        self.use_bias = bool(use_bias)
        self.output_shape = (
            None if output_shape is None else integer(f"{self.name}: output_shape", output_shape, 1)
        )
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.projections: dict[str, tuple[Tensor, Tensor | None]] = {}

    def build(
        self, query_shape: Shape, value_shape: Shape | None = None, key_shape: Shape | None = None
    ) -> None:
        """Make the projections, each with a kernel and a bias."""
        value_shape = query_shape if value_shape is None else value_shape
        key_shape = value_shape if key_shape is None else key_shape
        for name, shape in (("query", query_shape), ("value", value_shape), ("key", key_shape)):
            if len(shape) != 3:
                raise ValueError(
                    f"{self.name}: {name} of shape {shape}: expected (batch, steps, size)"
                )
        heads = self.num_heads
        self._project("query", (query_shape[-1],), (heads, self.key_dim))
        self._project("key", (key_shape[-1],), (heads, self.key_dim))
        self._project("value", (value_shape[-1],), (heads, self.value_dim))
        output = query_shape[-1] if self.output_shape is None else self.output_shape
        self._project("attention_output", (heads, self.value_dim), (output,))
        self.built = True

    def _project(self, name: str, before: tuple[int, ...], after: tuple[int, ...]) -> None:
        """Make the weights of a projection from axes of some lengths to others."""
        kernel = self.add_weight(
            (*before, *after),
            self.kernel_initializer,
            name=f"{name}/kernel",
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        bias = None
        if self.use_bias:
            bias = self.add_weight(
                after,
                self.bias_initializer,
                name=f"{name}/bias",
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.projections[name] = kernel, bias

    def _projected(self, name: str, x: Tensor, inputs: int) -> Tensor:
        """The projection of x, whose last `inputs` axes it sums over."""
        kernel, bias = self.projections[name]
        after = kernel.shape[inputs:]
        size = math.prod(kernel.shape[:inputs])
        x = pt.reshape(x, (*x.shape[: x.ndim - inputs], size))
        kernel = pt.reshape(kernel, (size, -1))
        out = linear(x, kernel, None if bias is None else pt.reshape(bias, (-1,)))
        return pt.reshape(out, (*x.shape[:-1], *after))

    def call(  # type: ignore[override]
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        query_mask: Tensor | None = None,
        value_mask: Tensor | None = None,
        key_mask: Tensor | None = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """Return the output, (batch, queries, size of the query).

        Args:
            query: (batch, queries, size).
            value: (batch, keys, size).
            key: (batch, keys, size); the value by default.
            query_mask: bool, (batch, queries).
            value_mask: bool, (batch, keys): the keys that may be seen.
            key_mask: likewise.
            attention_mask: bool, (batch, queries, keys), or with an axis for the heads before the
                queries: the keys that each query may see.
            return_attention_scores: whether to return the weights too, (batch, heads, queries,
                keys).
            training: whether to drop weights.
            use_causal_mask: whether query i sees only keys up to i.
        """
        q = self._projected("query", query, 1)
        k = self._projected("key", value if key is None else key, 1)
        v = self._projected("value", value, 1)
        mask = self._mask(query_mask, value_mask, key_mask, attention_mask)
        drops = training and self.dropout > 0
        if not drops and not return_attention_scores:
            out = attention.dot_product_attention(q, k, v, mask=mask, is_causal=use_causal_mask)
            return self._projected("attention_output", out, 2)
        q, k, v = (pt.permute_dims(x, (0, 2, 1, 3)) for x in (q, k, v))
        scale = 1 / math.sqrt(self.key_dim)
        weights = softmax(attention.scores(q, k, mask, scale, use_causal_mask, 0))
        used = self.dropped(weights, self.dropout) if drops else weights
        out = self._projected("attention_output", pt.permute_dims(used @ v, (0, 2, 1, 3)), 2)
        return [out, weights] if return_attention_scores else out

    def _mask(self, query: Any, value: Any, key: Any, given: Any) -> Tensor | None:
        """All masks as one, (batch, 1 or heads, queries, keys)."""
        masks = []
        if query is not None:
            masks.append(pt.asarray(query)[:, None, :, None])
        for mask in (value, key):
            if mask is not None:
                masks.append(pt.asarray(mask)[:, None, None, :])
        if given is not None:
            mask = pt.asarray(given).astype(pt.bool)
            masks.append(mask if mask.ndim == 4 else pt.expand_dims(mask, axis=-3))
        found = None
        for mask in masks:
            found = mask if found is None else found & mask
        return found

    def compute_mask(self, query: Any, mask: Any = None) -> Any:
        """Return the mask of the query."""
        return mask

    def symbolic_outputs(self, x: Any, options: dict[str, Any]) -> Any:
        """Return what `call` would return, as symbolic tensors: the weights too, if asked for."""
        out = super().symbolic_outputs(x, options)
        if not options.get("return_attention_scores"):
            return out
        keys = options["value"].shape[1]
        return [out, Symbolic((x.shape[0], self.num_heads, x.shape[1], keys))]

    def compute_output_shape(
        self, query_shape: Shape, value_shape: Any = None, key_shape: Any = None
    ) -> Shape:
        """(batch, queries, size) -> the same, or with output_shape for the size."""
        size = query_shape[-1] if self.output_shape is None else self.output_shape
        return (*query_shape[:-1], size)
