"""Layers that merge several inputs into one, and the functions of the same names."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

from pytensor import _functions as pt
from pytensor._core import Tensor
from pytensor._functions.overflow import unit
from pytensor._support.arguments import integer
from pytensor.layers.graph import is_shape
from pytensor.layers.layer import Layer

if TYPE_CHECKING:
    from typing import Unpack

    from pytensor.layers.layer import Options, Shape

__all__ = [
    "Add",
    "Average",
    "Concatenate",
    "Dot",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]


class _Merge(Layer):
    """Base of the layers that take a list of tensors and combine their elements."""

    supports_masking = True
    makes_masks = False  # type: ignore[assignment]  # it combines those of its inputs

    # How many inputs it takes; most is None where there is no limit.
    least: int = 1
    most: int | None = None

    def combined(self, x: Tensor, y: Tensor) -> Tensor:
        """Return what becomes of the inputs so far and the next one."""
        raise NotImplementedError(f"{type(self).__name__} does not define combined(self, x, y)")

    def checked(self, x: Any) -> list[Any]:
        """Return the inputs, or their shapes, as a list; ValueError unless there are enough."""
        if not isinstance(x, (list, tuple)) or is_shape(x):
            raise ValueError(f"{self.name}: found a single input: expected a list of them")
        if len(x) < self.least or (self.most is not None and len(x) > self.most):
            expected = f"at least {self.least}" if self.most is None else str(self.most)
            raise ValueError(f"{self.name}: found {len(x)} inputs: expected {expected}")
        return list(x)

    def call(self, x: Any) -> Tensor:
        """Return the inputs, combined from first to last; axis 1 is where shorter ones grow."""
        tensors = self.checked(x)
        self.compute_output_shape([tensor.shape for tensor in tensors])
        ndim = max(tensor.ndim for tensor in tensors)
        return functools.reduce(self.combined, (_widened(tensor, ndim) for tensor in tensors))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the shape to which the inputs broadcast."""
        shapes = self.checked(input_shape)
        ndim = max(map(len, shapes))
        wide = [(*shape[:1], *[1] * (ndim - len(shape)), *shape[1:]) for shape in shapes]
        found = []
        for lengths in zip(*wide, strict=True):
            known = {length for length in lengths if length not in (None, 1)}
            if len(known) > 1:
                raise ValueError(
                    f"{self.name}: input shapes {', '.join(map(str, map(tuple, shapes)))}: "
                    "expected shapes that broadcast"
                )
            found.append(known.pop() if known else None if None in lengths else 1)
        return tuple(found)

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        """Return which steps any of the inputs has; None if an input has no mask."""
        if mask is None or any(part is None for part in mask):
            return None
        return functools.reduce(pt.logical_or, mask)


def _widened(x: Tensor, ndim: int) -> Tensor:
    """A tensor with further axes of length 1 after the first."""
    return x if x.ndim == ndim else x.reshape((*x.shape[:1], *[1] * (ndim - x.ndim), *x.shape[1:]))


class Add(_Merge):
    """The sum of several inputs.

    >>> pt.layers.Add()([pt.ones((1, 3)), pt.full((1, 3), 2.0)])
    Tensor([[3., 3., 3.]], dtype=float32)
    """

    def combined(self, x: Tensor, y: Tensor) -> Tensor:
        """Return x + y."""
        return x + y


class Subtract(_Merge):
    """The first of two inputs minus the second.

    >>> pt.layers.Subtract()([pt.ones((1, 3)), pt.full((1, 3), 2.0)])
    Tensor([[-1., -1., -1.]], dtype=float32)
    """

    least, most = 2, 2

    def combined(self, x: Tensor, y: Tensor) -> Tensor:
        """Return x - y."""
        return x - y


class Multiply(_Merge):
    """The product of several inputs, element by element.

    >>> pt.layers.Multiply()([pt.full((1, 3), 3.0), pt.full((1, 3), 2.0)])
    Tensor([[6., 6., 6.]], dtype=float32)
    """

    def combined(self, x: Tensor, y: Tensor) -> Tensor:
        """Return x * y."""
        return x * y


class Average(Add):
    """The mean of several inputs, element by element.

    >>> pt.layers.Average()([pt.ones((1, 3)), pt.full((1, 3), 2.0)])
    Tensor([[1.5, 1.5, 1.5]], dtype=float32)
    """

    def call(self, x: Any) -> Tensor:
        """Return the sum of the inputs divided by their number."""
        return super().call(x) / len(x)


class _Extreme(_Merge):
    """Base of Maximum and Minimum: what is masked in one input is taken from the others."""

    def call(self, x: Any, mask: Any = None) -> Tensor:
        """Return the extremes, element by element."""
        if mask is None:
            return super().call(x)
        self.compute_output_shape([tensor.shape for tensor in self.checked(x)])
        ndim = max(tensor.ndim for tensor in x)
        out, known = None, None
        for tensor, steps in zip(x, mask, strict=True):
            tensor = _widened(tensor, ndim)
            steps = None if steps is None else _along(steps, tensor)
            if out is None:
                out, known = tensor, steps
                continue
            if steps is not None:
                tensor = pt.where(steps, tensor, out)
            if known is not None:
                out = pt.where(known, out, tensor)
            known = None if steps is None or known is None else pt.logical_or(known, steps)
            out = self.combined(out, tensor)
        assert out is not None
        return out


def _along(mask: Tensor, x: Tensor) -> Tensor:
    """A mask with axes of length 1 at its end, to broadcast with x."""
    return mask.reshape((*mask.shape, *[1] * (x.ndim - mask.ndim)))


class Maximum(_Extreme):
    """The largest of several inputs, element by element.

    >>> pt.layers.Maximum()([pt.asarray([[1.0, 4.0]]), pt.asarray([[3.0, 2.0]])])
    Tensor([[3., 4.]], dtype=float32)
    """

    def combined(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the larger elements."""
        return pt.maximum(x, y)


class Minimum(_Extreme):
    """The smallest of several inputs, element by element.

    >>> pt.layers.Minimum()([pt.asarray([[1.0, 4.0]]), pt.asarray([[3.0, 2.0]])])
    Tensor([[1., 2.]], dtype=float32)
    """

    def combined(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the smaller elements."""
        return pt.minimum(x, y)


class Concatenate(_Merge):
    """The inputs one after the other, along an axis.

    >>> pt.layers.Concatenate()([pt.ones((1, 2)), pt.zeros((1, 1))])
    Tensor([[1., 1., 0.]], dtype=float32)
    """

    def __init__(self, axis: SupportsIndex = -1, **options: Unpack[Options]) -> None:
        """Create the layer.

        Args:
            axis: the axis along which the inputs may have different lengths, not that of the batch.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.axis = integer(f"{self.name}: axis", axis, -pt.inf)

    def call(self, x: Any) -> Tensor:
        """Return the inputs, joined."""
        tensors = self.checked(x)
        self.compute_output_shape([tensor.shape for tensor in tensors])
        return pt.concat(tensors, axis=self.axis)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the shapes of the inputs with their lengths along the axis summed up."""
        shapes = self.checked(input_shape)
        texts = ", ".join(str(tuple(shape)) for shape in shapes)
        ndim = len(shapes[0])
        axis = self.axis + ndim if self.axis < 0 else self.axis
        if not 1 <= axis < ndim:
            raise ValueError(
                f"{self.name}: axis: found {self.axis} for input shapes {texts}: expected an axis "
                "of theirs other than the first"
            )
        found: list[Any] = list(shapes[0])
        for shape in shapes[1:]:
            if len(shape) != ndim or any(
                k != axis and None not in (a, b) and a != b
                for k, (a, b) in enumerate(zip(shape, found, strict=False))
            ):
                raise ValueError(
                    f"{self.name}: input shapes {texts}: expected shapes that differ in axis "
                    f"{self.axis} alone"
                )
            for k, length in enumerate(shape):
                if k == axis:
                    found[k] = None if None in (length, found[k]) else found[k] + length
                elif found[k] is None:
                    found[k] = length
        return tuple(found)

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        """Return the masks, joined likewise; an input without a mask is used in full."""
        if mask is None or all(part is None for part in mask):
            return None
        full = [
            pt.ones(tensor.shape, dtype=pt.bool)
            if steps is None
            else pt.broadcast_to(_along(steps, tensor), tensor.shape)
            for tensor, steps in zip(x, mask, strict=True)
        ]
        return pt.any(pt.concat(full, axis=self.axis), axis=-1)


class Dot(_Merge):
    """The products of two inputs, summed over an axis of each, sample by sample.

    >>> x, y = pt.asarray([[1.0, 2.0]]), pt.asarray([[3.0, 4.0]])
    >>> pt.layers.Dot(axes=1)([x, y])
    Tensor([[11.]], dtype=float32)
    >>> pt.layers.Dot(axes=(2, 1))([pt.ones((5, 2, 3)), pt.ones((5, 3, 4))]).shape
    (5, 2, 4)
    """

    least, most = 2, 2

    def __init__(
        self,
        axes: SupportsIndex | Sequence[SupportsIndex],
        normalize: bool = False,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer.

        Args:
            axes: the axis to sum over, or a pair of them, one for each input; not that of the
                batch.
            normalize: whether to divide by the lengths of the vectors, which gives their cosines.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        pair = axes if isinstance(axes, (list, tuple)) else [axes, axes]
        if len(pair) != 2:
            raise ValueError(f"{self.name}: axes: found {axes}: expected one or two")
        found = [integer(f"{self.name}: axes", axis, -pt.inf) for axis in pair]
        self.axes: int | list[int] = found if isinstance(axes, (list, tuple)) else found[0]
        self.normalize = bool(normalize)

    def _axes(self, shapes: list[Any]) -> list[int]:
        """The axes to sum over, counted from 0, for inputs of these shapes."""
        pair = self.axes if isinstance(self.axes, list) else [self.axes, self.axes]
        axes = [a + len(shape) if a < 0 else a for a, shape in zip(pair, shapes, strict=True)]
        texts = " and ".join(str(tuple(shape)) for shape in shapes)
        if not all(1 <= a < len(shape) for a, shape in zip(axes, shapes, strict=True)):
            raise ValueError(
                f"{self.name}: axes: found {self.axes} for input shapes {texts}: expected axes of "
                "theirs other than the first"
            )
        lengths = {shape[a] for a, shape in zip(axes, shapes, strict=True)} - {None}
        if len(lengths) > 1:
            raise ValueError(
                f"{self.name}: input shapes {texts}: expected the same length along axes {axes}"
            )
        return axes

    def call(self, x: Any) -> Tensor:
        """Return the sums of products."""
        first, second = self.checked(x)
        equation = self.equation([first.shape, second.shape])
        if self.normalize:
            i, j = self._axes([first.shape, second.shape])
            first, second = unit(first, i, 1e-24), unit(second, j, 1e-24)
        out = pt.einsum(equation, first, second)
        return out.reshape((*out.shape, 1)) if out.ndim == 1 else out

    def equation(self, shapes: list[Any]) -> str:
        """Return what einsum has to do for inputs of these shapes."""
        i, j = self._axes(shapes)
        # Letters for the axes: a for the batch, z for what is summed over.
        left = ["a", *(chr(ord("b") + k) for k in range(len(shapes[0]) - 1))]
        right = ["a", *(chr(ord("m") + k) for k in range(len(shapes[1]) - 1))]
        left[i] = right[j] = "z"
        kept = [letter for letter in left + right[1:] if letter != "z"]
        return f"{''.join(left)},{''.join(right)}->{''.join(kept)}"

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the shapes of both without the axes summed over, (batch, 1) if none is left."""
        first, second = self.checked(input_shape)
        i, j = self._axes([first, second])
        kept = (*first[:i], *first[i + 1 :], *second[1:j], *second[j + 1 :])
        return kept if len(kept) > 1 else (*kept, 1)

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        """Return None."""
        return None


def add(inputs: Sequence[Any], **options: Unpack[Options]) -> Any:
    """Return Add(**options)(inputs), for tensors or symbolic ones.

    >>> pt.layers.add([pt.ones((1, 2)), pt.ones((1, 2))])
    Tensor([[2., 2.]], dtype=float32)
    """
    return Add(**options)(inputs)


def subtract(inputs: Sequence[Any], **options: Unpack[Options]) -> Any:
    """Return Subtract(**options)(inputs), for tensors or symbolic ones.

    >>> pt.layers.subtract([pt.ones((1, 2)), pt.ones((1, 2))])
    Tensor([[0., 0.]], dtype=float32)
    """
    return Subtract(**options)(inputs)


def multiply(inputs: Sequence[Any], **options: Unpack[Options]) -> Any:
    """Return Multiply(**options)(inputs), for tensors or symbolic ones.

    >>> pt.layers.multiply([pt.ones((1, 2)), pt.full((1, 2), 3.0)])
    Tensor([[3., 3.]], dtype=float32)
    """
    return Multiply(**options)(inputs)


def average(inputs: Sequence[Any], **options: Unpack[Options]) -> Any:
    """Return Average(**options)(inputs), for tensors or symbolic ones.

    >>> pt.layers.average([pt.ones((1, 2)), pt.zeros((1, 2))])
    Tensor([[0.5, 0.5]], dtype=float32)
    """
    return Average(**options)(inputs)


def maximum(inputs: Sequence[Any], **options: Unpack[Options]) -> Any:
    """Return Maximum(**options)(inputs), for tensors or symbolic ones.

    >>> pt.layers.maximum([pt.ones((1, 2)), pt.zeros((1, 2))])
    Tensor([[1., 1.]], dtype=float32)
    """
    return Maximum(**options)(inputs)


def minimum(inputs: Sequence[Any], **options: Unpack[Options]) -> Any:
    """Return Minimum(**options)(inputs), for tensors or symbolic ones.

    >>> pt.layers.minimum([pt.ones((1, 2)), pt.zeros((1, 2))])
    Tensor([[0., 0.]], dtype=float32)
    """
    return Minimum(**options)(inputs)


def concatenate(inputs: Sequence[Any], axis: SupportsIndex = -1, **options: Unpack[Options]) -> Any:
    """Return Concatenate(axis, **options)(inputs), for tensors or symbolic ones.

    >>> pt.layers.concatenate([pt.ones((1, 2)), pt.zeros((1, 1))])
    Tensor([[1., 1., 0.]], dtype=float32)
    """
    return Concatenate(axis, **options)(inputs)


def dot(
    inputs: Sequence[Any],
    axes: SupportsIndex | Sequence[SupportsIndex] = -1,
    *,
    normalize: bool = False,
    **options: Unpack[Options],
) -> Any:
    """Return Dot(axes, normalize, **options)(inputs), for tensors or symbolic ones.

    >>> pt.layers.dot([pt.ones((1, 2)), pt.ones((1, 2))], axes=1)
    Tensor([[2.]], dtype=float32)
    """
    return Dot(axes, normalize, **options)(inputs)
