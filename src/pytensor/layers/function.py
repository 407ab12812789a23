"""Layers without weights that pass on a mask or call a function: Identity, Masking, Lambda."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytensor import _functions as pt
from pytensor import activations
from pytensor._autodiff.trees import map_leaves
from pytensor._core import Tensor
from pytensor._functions import on_demand
from pytensor._support.arguments import number, open_shape
from pytensor.layers import graph
from pytensor.layers.graph import Symbolic, symbolic_in
from pytensor.layers.layer import Layer, as_option
from pytensor.serialization import constructor_config

if TYPE_CHECKING:
    from typing import Unpack

    from pytensor.layers.layer import Options, Shape

__all__ = ["Identity", "Lambda", "Masking"]


class Identity(Layer):
    """Returns its input.

    >>> pt.layers.Identity()([[1.0, 2.0]])
    Tensor([[1., 2.]], dtype=float32)
    """

    supports_masking = True

    def call(self, x: Tensor) -> Tensor:
        """Return x."""
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape."""
        return input_shape


class Masking(Layer):
    """Masks the time steps in which all features have a certain value, that of a padding.

    The layers that follow, the losses and the metrics leave these steps out, so that sequences of
    different lengths can share a batch. The output is 0 there.

    >>> x = pt.asarray([[[1.0, 2.0], [0.0, 0.0]]])  # one sequence; its second step is padding
    >>> pt.layers.Masking().compute_mask(x)
    Tensor([[ True, False]], dtype=bool)
    """

    supports_masking = True

    def __init__(self, mask_value: float = 0.0, **options: Unpack[Options]) -> None:
        """Create the layer.

        Args:
            mask_value: the value of a step that is to be left out.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.mask_value = number(f"{self.name}: mask_value", mask_value)

    def compute_mask(self, x: Tensor, mask: Any = None) -> Tensor:
        """Return in which steps any feature has another value, (batch, steps)."""
        return pt.any(x != self.mask_value, axis=-1)

    def call(self, x: Tensor) -> Tensor:
        """Return x, with 0 in the masked steps."""
        return pt.where(self.compute_mask(x).reshape((*x.shape[:-1], 1)), x, 0.0)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape."""
        if len(input_shape) < 3:
            raise ValueError(
                f"{self.name}: input shape {tuple(input_shape)}: expected (batch, steps, features)"
            )
        return input_shape


class Lambda(Layer):
    """A function as a layer.

    To be saved with its model, the function has to be one of this package, or registered (see
    serialization.register_serializable): no lambda.

    >>> pt.layers.Lambda(lambda x: x * 2)([[1.0, 2.0]])
    Tensor([[2., 4.]], dtype=float32)
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Sequence[int | None] | Callable[[Any], Any] | None = None,
        mask: Any = None,
        arguments: Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer.

        Args:
            function: takes a tensor, or a list of them; and `training` or `mask`, if it has
                arguments of these names.
            output_shape: the shape of a sample of the output, or a function that returns that of
                the output for that of the input; by default the function is run on zeros.
            mask: that of the output, or a function of the input and its mask; by default None.
            arguments: what the function is given besides, by name.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        if isinstance(function, str):  # as a file of a model has it
            function = getattr(activations, function, None) or _named(function)
        if not callable(function):
            raise TypeError(f"{self.name}: function: found {function!r}: expected a function")
        self.function = function
        self.arguments = dict(arguments or {})
        self.mask = mask
        self.output_shape = (
            output_shape
            if output_shape is None or callable(output_shape)
            else open_shape(f"{self.name}: output_shape", output_shape)
        )
        try:
            self._takes = set(inspect.signature(function).parameters) & {"mask", "training"}
        except ValueError:  # it does not say
            self._takes = set()

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments by name; of a tensor function, its name."""
        name = getattr(self.function, "__name__", "")
        if name in pt.__all__ and getattr(pt, name) is self.function:
            return constructor_config(self, input_shape=self.declared_shape, function=name)
        return super().get_config()

    def call(self, x: Any, mask: Any = None, training: bool = False) -> Any:
        """Return function(x)."""
        known = {"mask": mask, "training": training}
        return self.function(x, **{name: known[name] for name in self._takes} | self.arguments)

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        """Return what the constructor was given for it."""
        return self.mask(x, mask) if callable(self.mask) else self.mask

    @property
    def makes_masks(self) -> bool:
        """Whether the constructor was given a mask."""
        return self.mask is not None

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return what the constructor was given, or what running the function on zeros shows."""
        if callable(self.output_shape):
            return self.output_shape(input_shape)
        if self.output_shape is not None:
            return (None, *self.output_shape)
        return super().compute_output_shape(input_shape)


class Operation(Layer):
    """A tensor function as a layer: what operators, indices and ops do with symbolic tensors."""

    makes_masks = False  # type: ignore[assignment]

    def __init__(self, function: str, **options: Unpack[Options]) -> None:
        """Create the layer.

        Args:
            function: its name in pytensor, or "getitem".
            **options: as in Layer.
        """
        super().__init__(**options)
        self.function = function
        _named(function)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments by name."""
        return constructor_config(self, input_shape=None)

    def call(self, x: Any, **options: Any) -> Any:
        """Return the function's value; x holds the arguments, options those given by name."""
        return _named(self.function)(*x, **options)

    def compute_mask(self, x: Any, mask: Any = None) -> None:
        """Return None: what becomes of the time steps depends on the function."""

    def symbolic_outputs(self, x: Any, options: dict[str, Any]) -> Any:
        """Return what `call` would return: run on zeros, once with open lengths of 2, once of 3."""

        def run(length: int) -> Any:
            def zeros(leaf: Any) -> Any:
                if not isinstance(leaf, Symbolic):
                    return leaf
                shape = tuple(length if n is None else n for n in leaf.shape)
                return pt.ones(shape, dtype=leaf.dtype)

            try:
                return _named(self.function)(*map_leaves(zeros, x), **map_leaves(zeros, options))
            except (TypeError, ValueError, IndexError) as error:
                shapes = ", ".join(str(tensor.shape) for tensor in symbolic_in((x, options)))
                raise type(error)(f"{self.name}: input shapes {shapes}: {error}") from error

        def as_symbolic(a: Any, b: Any) -> Symbolic:
            if not isinstance(a, Tensor):
                raise TypeError(f"{self.name}: found a {type(a).__name__}: expected a tensor")
            lengths = zip(a.shape, b.shape, strict=True)
            return Symbolic((i if i == j else None for i, j in lengths), a.dtype)

        self.built = True
        return map_leaves(as_symbolic, run(2), run(3))


# Functions that do something else than to compute a tensor.
_NO_OPERATION = frozenset(("build_config", "fuse", "get_num_threads", "set_num_threads"))


@functools.cache
def _named(name: str) -> Callable[..., Any]:
    """The tensor function of a name."""
    if name == "getitem":
        return _getitem
    if name in activations.__all__ and name not in {*pt.__all__, "get"}:
        return getattr(activations, name)
    function = getattr(pt, name) if name in pt.__all__ else on_demand.attribute({}, "", name)
    if not callable(function) or isinstance(function, type) or name in _NO_OPERATION:
        raise AttributeError(f"operation: found {name!r}: expected the name of a function")
    return function


def _getitem(x: Tensor, *key: Any) -> Tensor:
    """x[key]; a slice is written as ["slice", start, stop, step], so that JSON can hold it."""

    def part(item: Any) -> Any:
        if isinstance(item, list) and item[:1] == ["slice"]:
            return slice(*item[1:])
        return Ellipsis if item == "..." else item

    found = tuple(map(part, key))
    return x[found if len(found) != 1 else found[0]]


def operation(name: str, *arguments: Any, **options: Any) -> Any:
    """Return what the tensor function of a name returns, recorded if an argument is symbolic."""
    if name == "getitem":
        x, key = arguments
        items = key if isinstance(key, tuple) else (key,)
        arguments = (x, *map(_written, items))
    if not symbolic_in((arguments, options)):
        return _named(name)(*arguments, **options)
    layer = Operation(name)
    layer.name = name
    return graph.record(layer, map_leaves(as_option, list(arguments)), options)


def _written(item: Any) -> Any:
    if isinstance(item, slice):
        return ["slice", item.start, item.stop, item.step]
    return "..." if item is Ellipsis else item


graph.hand_down(operation)
