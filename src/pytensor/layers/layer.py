"""Layer, the base class of all layers: names, weights, calls."""

from __future__ import annotations

import functools
import inspect
import math
import threading
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, SupportsIndex, TypeVar, overload

import numpy as np

from pytensor import _functions as pt
from pytensor import constraints, initializers, regularizers
from pytensor._core import Tensor
from pytensor._support.arguments import sample_shape, snake_case
from pytensor._support.inheritance import overridden
from pytensor.serialization import Configurable, constructor_config

if TYPE_CHECKING:
    from typing import Self, TypeAlias, TypedDict

    from numpy.typing import ArrayLike, NDArray

    from pytensor.constraints import ConstraintLike
    from pytensor.initializers import InitializerLike
    from pytensor.regularizers import RegularizerLike

    # The lengths of the axes: integers, or None for one that is open, as that of the batch is.
    Shape: TypeAlias = tuple[Any, ...]

    class NameOptions(TypedDict, total=False):
        """What a layer with a regularizer of its outputs passes on to Layer."""

        name: str | None
        trainable: bool
        input_shape: Sequence[SupportsIndex] | None

    class Options(NameOptions, total=False):
        """The keyword arguments that every layer passes on to Layer."""

        activity_regularizer: RegularizerLike


__all__ = ["Layer"]

_Given = TypeVar("_Given")
_Held = TypeVar("_Held")


class _Mode(threading.local):
    """What the layers that run in this thread need to know."""

    training = False  # whether they are being trained
    frozen = False  # whether they are inside a layer whose trainable is False
    losses: list[Tensor] | None = None  # what they add to the loss; None while no layer runs
    # How many more elements new weights may have, None for any number: a file could claim more
    # than it holds.
    room: int | None = None


mode = _Mode()


class _Structure:
    """Counts the changes to what training compiles: layers, weights, what is trainable."""

    version = 0


structure = _Structure()


class Resolved(Generic[_Given, _Held]):
    """An attribute that passes each value it is set to through a function: the name of an
    activation becomes the activation."""

    def __init__(self, get: Callable[[_Given], _Held], doc: str) -> None:
        self._get = get
        self.__doc__ = doc

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, layer: None, owner: type[Any] | None = None) -> Self: ...
    @overload
    def __get__(self, layer: object, owner: type[Any] | None = None) -> _Held: ...
    def __get__(self, layer: object, owner: type[Any] | None = None) -> Self | _Held:
        if layer is None:
            return self
        try:
            return vars(layer)[self._name]
        except KeyError:
            raise AttributeError(f"{type(layer).__name__} has no {self._name} yet") from None

    def __set__(self, layer: object, value: _Given) -> None:
        found = self._get(value)
        structure.version += self._name in vars(layer)
        vars(layer)[self._name] = found


class Layer(Configurable):
    """Base class of all layers. A subclass defines `call`, and `build` if it has weights.

    >>> class Scale(pt.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")
    ...     def call(self, x):
    ...         return x * self.factor
    ...
    >>> Scale()([[1.0, 2.0]])
    Tensor([[1., 2.]], dtype=float32)
    """

    _added_losses: Sequence[Tensor] = ()
    activity_regularizer: Resolved[RegularizerLike, Callable[[Tensor], Tensor] | None] = Resolved(
        regularizers.get, "A function of the outputs whose value the loss adds, or None."
    )

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[SupportsIndex] | None = None,
        activity_regularizer: RegularizerLike = None,
    ) -> None:
        """Set the options that every layer takes.

        Args:
            name: the layer's name; by default the class's in snake case, numbered within a model.
            trainable: whether training changes the weights.
            input_shape: the shape of one sample, without the batch axis.
            activity_regularizer: a regularizer of the outputs; the loss adds its value divided by
                the batch size.
        """
        self.name = snake_case(type(self).__name__) if name is None else str(name)
        self.named_by_user = name is not None
        self.declared_shape = (
            None if input_shape is None else sample_shape(f"{self.name}: input_shape", input_shape)
        )
        self.built = False
        self.activity_regularizer = activity_regularizer
        self._own_weights: dict[str, tuple[Tensor, bool]] = {}  # by name, and whether trainable
        self._regularizers: dict[str, Callable[[Tensor], Tensor]] = {}  # by the weight's name
        self._constraints: dict[str, Callable[[Tensor], Tensor]] = {}
        self._trainable = bool(trainable)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments by name, as values that JSON can hold."""
        return constructor_config(self, input_shape=self.declared_shape)

    # ------------------------------------------------------------------ for a subclass to define

    def build(self, input_shape: Shape) -> None:
        """Make the weights with add_weight.

        Args:
            input_shape: the shape of the input, (None, ...), the batch axis first.
        """
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Return the layer's output for a batch x.

        A subclass may add an argument `training`: whether the layer is being trained.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define call(self, x)")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output for inputs of a shape.

        Unless a subclass knows better, this runs the layer on one sample of zeros.
        """
        return (None, *self(pt.zeros((1, *input_shape[1:])), training=False).shape[1:])

    # ----------------------------------------------------------------------------------- weights

    def add_weight(
        self,
        shape: Sequence[int],
        initializer: InitializerLike = "glorot_uniform",
        trainable: bool = True,
        name: str | None = None,
        regularizer: RegularizerLike = None,
        constraint: ConstraintLike = None,
    ) -> Tensor:
        """Return a new float32 weight, a Tensor that training changes in place.

        Args:
            shape: the lengths of its axes.
            initializer: where the first values come from.
            trainable: whether training changes it.
            name: its name in the layer, "weight" by default.
            regularizer: a function of the weight whose value the loss adds.
            constraint: a function that brings the weight back into its range after each step.

        Raises:
            ValueError: the layer has a weight of that name already.
        """
        name = unique_name(
            "weight" if name is None else name, self._own_weights if name is None else ()
        )
        if name in self._own_weights:
            raise ValueError(
                f"layer {self.name!r} has a weight {name!r} already: was it built twice?"
            )
        if mode.room is not None:
            mode.room -= math.prod(shape)
            if mode.room < 0:
                raise ValueError(
                    f"layer {self.name!r}: weight {name!r} of shape {tuple(shape)}: "
                    "more elements than are there"
                )
        weight = initializers.get(initializer)(tuple(shape))
        self._own_weights[name] = weight, bool(trainable)
        penalty, bound = regularizers.get(regularizer), constraints.get(constraint)
        if penalty is not None:
            self._regularizers[name] = penalty
        if bound is not None:
            self._constraints[name] = bound
        structure.version += 1
        return weight

    def sublayers(self) -> dict[str, Layer]:
        """Return the layers in this one's attributes, and in lists and dictionaries there, by
        name."""
        found: dict[str, Layer] = {}
        for value in vars(self).values():
            for item in _layers_in(value):
                if not any(item is known for known in found.values()):
                    found[unique_name(item.name, found)] = item
        return found

    def named_weights(self, prefix: str = "") -> Iterator[tuple[str, Tensor, bool]]:
        """Yield (path, tensor, whether it is trained) for the layer's own weights, then for those
        of its sublayers.

        No two paths are the same: if names that contain a slash clash, the later one is numbered.

        Args:
            prefix: what all paths begin with.
        """
        yield from _with_unique_paths(self._weights_below(prefix, True))

    def _weights_below(self, prefix: str, trainable: bool) -> Iterator[tuple[str, Tensor, bool]]:
        trainable = trainable and self._trainable
        for name, (weight, trained) in self._own_weights.items():
            yield prefix + name, weight, trained and trainable
        for name, layer in self.sublayers().items():
            yield from layer._weights_below(f"{prefix}{name}/", trainable)

    def named_layers(self, prefix: str = "") -> Iterator[tuple[str, Layer]]:
        """Yield (path, layer) for the sublayers at any depth; paths as in named_weights."""
        yield from _with_unique_paths(self._layers_below(prefix))

    def _layers_below(self, prefix: str) -> Iterator[tuple[str, Layer]]:
        for name, layer in self.sublayers().items():
            yield prefix + name, layer
            yield from layer._layers_below(f"{prefix}{name}/")

    @property
    def weights(self) -> list[Tensor]:
        """All weights, a list of Tensors."""
        return [weight for _, weight, _ in self.named_weights()]

    @property
    def trainable_weights(self) -> list[Tensor]:
        """The weights that training changes."""
        return [weight for _, weight, trained in self.named_weights() if trained]

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights of this layer; set it to False to freeze them.

        Setting it also sets it in all inner layers, at any depth. A layer inside a frozen one is
        frozen, whatever its own value.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for layer in self.sublayers().values():
            layer.trainable = value
        structure.version += 1

    def count_params(self) -> int:
        """Return the number of elements of all weights."""
        return sum(weight.size for weight in self.weights)

    def get_weights(self) -> list[NDArray[np.float32]]:
        """Return copies of all weights, a list of ndarrays."""
        return [np.array(weight) for weight in self.weights]

    def set_weights(self, values: Sequence[ArrayLike]) -> None:
        """Overwrite all weights, in the order of get_weights.

        Args:
            values: one array per weight, of its shape.

        Raises:
            ValueError: the number of arrays or a shape differs; then no weight has changed.
        """
        named = list(self.named_weights())
        tensors = [pt.asarray(value) for value in values]
        if len(tensors) != len(named):
            raise ValueError(
                f"set_weights: {len(tensors)} arrays: {self.name!r} has {len(named)} weights"
            )
        for (path, weight, _), value in zip(named, tensors, strict=True):
            if value.shape != weight.shape:
                raise ValueError(
                    f"set_weights: {path}: found shape {value.shape}: expected {weight.shape}"
                )
        for (_, weight, _), value in zip(named, tensors, strict=True):
            weight[...] = value

    # ------------------------------------------------------------- regularizers and constraints

    def attached(self, kind: str) -> list[tuple[Callable[[Tensor], Tensor], Tensor]]:
        """Return the trained weights that have a regularizer or a constraint, as pairs of function
        and weight.

        Args:
            kind: "regularizers" or "constraints".
        """
        if not self._trainable:
            return []
        found = [
            (function, self._own_weights[name][0])
            for name, function in getattr(self, f"_{kind}").items()
            if self._own_weights[name][1]
        ]
        for layer in self.sublayers().values():
            found += layer.attached(kind)
        return found

    def apply_constraints(self) -> None:
        """Apply the constraints of all weights; fit does so after every step."""
        for constraint, weight in self.attached("constraints"):
            weight[...] = constraint(weight)

    def add_loss(self, value: Tensor) -> None:
        """Add a tensor of shape () to the loss that training minimizes; to be called in call."""
        if mode.losses is not None:
            mode.losses.append(value)

    @property
    def losses(self) -> list[Tensor]:
        """What the loss adds: the regularizers' values now, and what the last call added."""
        return [
            regularizer(weight) for regularizer, weight in self.attached("regularizers")
        ] + list(self._added_losses)

    # ----------------------------------------------------------------------------------- calling

    def ensure_built(self, input_shape: Shape) -> None:
        """Build the layer for inputs of a shape, unless it is built already."""
        if not self.built:
            self.build(input_shape)
            self.built = True

    def __call__(self, x: ArrayLike, training: bool | None = None) -> Tensor:
        """Return the output for a batch; the first call builds the layer.

        Args:
            x: the batch, (batch, ...), converted to float32.
            training: whether dropout and the like are active; by default as in the layer that
                calls this one, and False outside any layer.
        """
        x = as_input(x)
        self.ensure_built((None, *x.shape[1:]))
        outer = mode.training
        outermost = mode.losses is None
        if outermost:
            mode.losses = []
        mode.training = outer if training is None else bool(training)
        try:
            return self.stage(mode.training)(x)
        finally:
            mode.training = outer
            if outermost:
                self._added_losses, mode.losses = mode.losses or (), None

    @property
    def separable_activation(self) -> Callable[..., Tensor] | None:
        """The activation with which `call` ends, if `pre_activation` returns what comes before it.

        Else None, as where a subclass defines `call` but not `pre_activation`, or where a
        regularizer needs the output of the activation.
        """
        if (
            not hasattr(self, "pre_activation")
            or overridden(type(self), "pre_activation", "call")
            or self.activity_regularizer is not None
        ):
            return None
        return getattr(self, "activation", None)

    def stage(self, training: bool) -> Callable[[Tensor], Tensor]:
        """Return call as a function of x alone."""
        call: Callable[[Tensor], Tensor] = (
            functools.partial(self.call, training=training)  # type: ignore[call-arg]
            if _takes_training(type(self).call)
            else self.call
        )
        if not self._trainable:
            call = functools.partial(_frozen, call)
        return (
            call
            if self.activity_regularizer is None
            else functools.partial(self._regularized, call)
        )

    def _regularized(self, call: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """Return call(x), and add the regularizer's value for it to the loss."""
        out = call(x)
        if self.activity_regularizer is not None:
            self.add_loss(self.activity_regularizer(out) / len(out))
        return out


def _frozen(call: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return call(x); the layers inside see that they are in a frozen one."""
    outer, mode.frozen = mode.frozen, True
    try:
        return call(x)
    finally:
        mode.frozen = outer


def _layers_in(value: Any) -> Iterator[Layer]:
    """Yield the layers that an attribute's value is or contains, in lists and dictionaries."""
    if isinstance(value, Layer):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _layers_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _layers_in(item)


def _with_unique_paths(found: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Yield tuples that begin with a path, each path made unique."""
    taken: set[str] = set()
    for path, *about in found:
        path = unique_name(path, taken)
        taken.add(path)
        yield path, *about


def as_input(x: ArrayLike) -> Tensor:
    """Return anything array-like as a float32 Tensor."""
    tensor = x if type(x) is Tensor else pt.asarray(x)
    return tensor if tensor.dtype is pt.float32 else tensor.astype(pt.float32)


@functools.cache
def _takes_training(call: Callable[..., Tensor]) -> bool:
    return "training" in inspect.signature(call).parameters


def unique_name(name: str, taken: Container[str]) -> str:
    """Return name, or name_1, name_2, ...: the first that is not taken."""
    candidate, count = name, 0
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    return candidate
