"""Layers that declare or change shapes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

from pytensor import _functions as pt
from pytensor._support.arguments import integer, sample_shape
from pytensor.layers import graph
from pytensor.layers.graph import Symbolic
from pytensor.layers.layer import Layer
from pytensor.serialization import constructor_config

if TYPE_CHECKING:
    from typing import Unpack

    from numpy.typing import DTypeLike

    from pytensor._core import Tensor
    from pytensor.layers.layer import Options, Shape

__all__ = ["Flatten", "Input", "Permute", "RepeatVector", "Reshape"]


class Input(Layer, Symbolic):
    """Stands for the data that a model will get: a symbolic tensor, and the layer it comes from.

    Layers that are called with it return symbolic tensors too, and Model(inputs, outputs) makes a
    model of them. As the first layer of a Sequential, it lets the model be built at once.

    >>> model = pt.models.Sequential([pt.layers.Input((4,)), pt.layers.Dense(2)])
    >>> model.output_shape
    (None, 2)
    >>> x = pt.layers.Input((4,), name="features")
    >>> pt.models.Model(x, pt.layers.Dense(2)(x) + 1).output_shape
    (None, 2)
    """

    name: str = ""  # each has its own; the class attribute hides the property of Symbolic

    def __init__(
        self,
        shape: Sequence[SupportsIndex | None],
        *,
        dtype: DTypeLike | None = None,
        name: str | None = None,
    ) -> None:
        """Create the layer.

        Args:
            shape: the shape of one sample, without the batch axis: (784,). None stands for a length
                that may differ from batch to batch: (None, 16).
            dtype: that of the batches, float32 by default; an integer type for class numbers or
                indices of words.
            name: as in Layer; data can be given to a model by it.
        """
        Layer.__init__(self, name=name, input_shape=shape)
        Symbolic.__init__(self, (None, *(self.declared_shape or ())), dtype)
        if self.dtype.kind not in "fiub":
            raise TypeError(f"{self.name}: dtype: found {dtype!r}: expected one of numbers")
        self.built = True
        graph.Node(self, None, {}, self)

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the node."""
        return {name: value for name, value in vars(self).items() if name not in ("node", "_nodes")}

    def __setstate__(self, attributes: dict[str, Any]) -> None:
        """Make the node again."""
        vars(self).update(attributes, _nodes=[])
        graph.Node(self, None, {}, self)

    __reduce_ex__ = object.__reduce_ex__

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments by name."""
        return constructor_config(self, shape=self.declared_shape)

    def call(self, x: Tensor) -> Tensor:
        """Return x."""
        return x

    @property
    def input(self) -> Input:
        """The layer itself."""
        return self


class Flatten(Layer):
    """Flattens each sample: (batch, a, b, ...) -> (batch, a * b * ...).

    >>> pt.layers.Flatten()(pt.zeros((5, 28, 28))).shape
    (5, 784)
    """

    def call(self, x: Tensor) -> Tensor:
        """Return each sample as a row, without a copy if x is contiguous."""
        if x.ndim == 0:
            raise ValueError(f"{self.name}: x has shape (): expected (batch, ...)")
        return x.reshape((x.shape[0], math.prod(x.shape[1:])))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, a, b, ...) -> (batch, a * b * ...)."""
        lengths = input_shape[1:]
        return (input_shape[0], None if None in lengths else math.prod(lengths))


class Reshape(Layer):
    """Changes the shape of each sample: (batch, ...) -> (batch, *target_shape).

    >>> pt.layers.Reshape((2, 3))(pt.zeros((5, 6))).shape
    (5, 2, 3)
    """

    def __init__(self, target_shape: Sequence[SupportsIndex], **options: Unpack[Options]) -> None:
        """Create the layer.

        Args:
            target_shape: the new shape of a sample; one length may be -1, to be computed.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        lengths = list(target_shape)
        self._open = lengths.index(-1) if -1 in lengths else None
        self.target_shape: tuple[int, ...] = sample_shape(
            f"{self.name}: target_shape",
            [1 if i == self._open else length for i, length in enumerate(lengths)],
        )
        if self._open is not None:
            self.target_shape = tuple(int(length) for length in lengths)

    def call(self, x: Tensor) -> Tensor:
        """Return x in the new shape, without a copy if it is contiguous."""
        return x.reshape((x.shape[0], *self.compute_output_shape(x.shape)[1:]))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, ...) -> (batch, *target_shape)."""
        if None in input_shape[1:]:
            return (input_shape[0], *(None if n == -1 else n for n in self.target_shape))
        size, shape = math.prod(input_shape[1:]), list(self.target_shape)
        if self._open is not None:
            shape[self._open] = size // max(-math.prod(shape), 1)
        if math.prod(shape) != size:
            raise ValueError(
                f"{self.name}: target_shape {self.target_shape}: expected one of "
                f"{size} elements, as the input's {tuple(input_shape[1:])}"
            )
        return (input_shape[0], *shape)


class Permute(Layer):
    """Reorders the axes of each sample: Permute((2, 1)) swaps the two axes of (batch, a, b).

    >>> pt.layers.Permute((2, 1))(pt.zeros((5, 2, 3))).shape
    (5, 3, 2)
    """

    def __init__(self, dims: Sequence[SupportsIndex], **options: Unpack[Options]) -> None:
        """Create the layer.

        Args:
            dims: the new order of the axes, which count from 1: that of the batch, 0, stays.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.dims = tuple(integer(f"{self.name}: dims", axis, 1) for axis in dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                f"{self.name}: dims: found {self.dims}: expected 1 ... {len(self.dims)}, each once"
            )

    def call(self, x: Tensor) -> Tensor:
        """Return a view of x with its axes in the new order."""
        self.compute_output_shape(x.shape)
        return pt.permute_dims(x, (0, *self.dims))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, ...) -> (batch, ...), the lengths in the new order."""
        if len(input_shape) != len(self.dims) + 1:
            raise ValueError(
                f"{self.name}: input shape {tuple(input_shape)}: expected {len(self.dims)} axes "
                f"beside the batch, for dims={self.dims}"
            )
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))


class RepeatVector(Layer):
    """Repeats each vector n times: (batch, features) -> (batch, n, features).

    >>> pt.layers.RepeatVector(3)([[1.0, 2.0]])
    Tensor([[[1., 2.],
             [1., 2.],
             [1., 2.]]], dtype=float32)
    """

    def __init__(self, n: SupportsIndex, **options: Unpack[Options]) -> None:
        """Create the layer.

        Args:
            n: how often, at least 1.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.n = integer(f"{self.name}: n", n, 1)

    def call(self, x: Tensor) -> Tensor:
        """Return x n times along a new axis 1."""
        batch, _, features = self.compute_output_shape(x.shape)
        return pt.broadcast_to(x.reshape((batch, 1, features)), (batch, self.n, features))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, features) -> (batch, n, features)."""
        if len(input_shape) != 2:
            raise ValueError(
                f"{self.name}: input shape {tuple(input_shape)}: expected (batch, features)"
            )
        return (input_shape[0], self.n, input_shape[1])
