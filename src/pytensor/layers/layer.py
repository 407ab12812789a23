"""Layer, the base class of all layers: names, weights, calls."""

from __future__ import annotations

import functools
import inspect
import math
import threading
import warnings
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, SupportsIndex, TypeVar, overload

import numpy as np

from pytensor import _functions as pt
from pytensor import constraints, initializers, regularizers
from pytensor._autodiff.trees import leaves, map_leaves
from pytensor._core import Tensor
from pytensor._support.arguments import known as known_names
from pytensor._support.arguments import open_shape, snake_case
from pytensor._support.inheritance import overridden
from pytensor.layers import graph
from pytensor.layers.graph import Symbolic, map_shapes, shapes_of, symbolic_in
from pytensor.serialization import Configurable, constructor_arguments, constructor_config

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
        input_shape: Sequence[SupportsIndex | None] | None

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
    # id of a tensor -> the tensor, and its mask: which of its time steps are to be used. None while
    # no layer runs.
    masks: dict[int, tuple[Tensor, Tensor]] | None = None
    # How many more elements new weights may have, None for any number: a file could claim more
    # than it holds.
    room: int | None = None


mode = _Mode()


class _Structure:
    """Counts changes.

    Attributes:
        version: Those to what training compiles: layers, weights, what is trainable.
        settings: Those to attributes of layers, which a recorded step has read.
    """

    version = 0
    settings = 0


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

    supports_masking: bool = False  # whether the mask of the input is that of the output
    _no_settings: frozenset[str] = frozenset()  # attributes that `call` does not read
    _added_losses: Sequence[Tensor] = ()
    _built_for: Any = None  # the shape of the input that build was called for
    activity_regularizer: Resolved[RegularizerLike, Callable[[Tensor], Tensor] | None] = Resolved(
        regularizers.get, "A function of the outputs whose value the loss adds, or None."
    )

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[SupportsIndex | None] | None = None,
        activity_regularizer: RegularizerLike = None,
        **older: Any,
    ) -> None:
        """Set the options that every layer takes.

        Args:
            name: the layer's name; by default the class's in snake case, numbered within a model.
            trainable: whether training changes the weights.
            input_shape: the shape of one sample, without the batch axis.
            activity_regularizer: a regularizer of the outputs; the loss adds its value divided by
                the batch size.
            **older: `input_dim=n`, which older editions write for `input_shape=(n,)`.

        Raises:
            TypeError: there is another argument; the message says which is similar.
        """
        if "input_dim" in older and input_shape is None:
            input_shape = (older.pop("input_dim"),)
        for wrong in older:
            known = constructor_arguments(type(self))  # type: ignore[arg-type]
            raise TypeError(
                f"{type(self).__name__}: got an unexpected keyword argument {wrong!r}: "
                f"{known_names(wrong, known)}"
            )
        self.name = snake_case(type(self).__name__) if name is None else str(name)
        self.named_by_user = name is not None
        self.declared_shape = (
            None if input_shape is None else open_shape(f"{self.name}: input_shape", input_shape)
        )
        self.built = False
        self._nodes: list[graph.Node] = []  # the calls with symbolic tensors
        self.activity_regularizer = activity_regularizer
        self._own_weights: dict[str, tuple[Tensor, bool]] = {}  # by name, and whether trainable
        self._regularizers: dict[str, Callable[[Tensor], Tensor]] = {}  # by the weight's name
        self._constraints: dict[str, Callable[[Tensor], Tensor]] = {}
        self._trainable = bool(trainable)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; what was recorded with another value is recorded again."""
        if name[0] != "_" and name not in self._no_settings:
            structure.settings += vars(self).get(name, value) is not value
        super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the calls: a model keeps those that it consists of."""
        return {**vars(self), "_nodes": []}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments by name, as values that JSON can hold."""
        return constructor_config(self, input_shape=self.declared_shape)

    # ------------------------------------------------------------------ for a subclass to define

    def build(self, input_shape: Shape) -> None:
        """Make the weights with add_weight.

        Where `call` takes several tensors, build may take the shapes of all, by name: build(self,
        query_shape, value_shape) for call(self, query, value).

        Args:
            input_shape: the shape of the input, (None, ...), the batch axis first; None stands for
                an open length. A list or a dictionary of shapes, if the input is one of tensors.
        """
        self.built = True

    def call(self, x: Any) -> Any:
        """Return the layer's output for a batch x.

        A subclass may add an argument `training`: whether the layer is being trained; an argument
        `mask`: a bool tensor that tells which time steps of x are to be used, or None; and any
        others, which users pass by name.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define call(self, x)")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output for inputs of a shape.

        Unless a subclass knows better, this runs the layer on one sample of zeros.
        """
        specified = map_shapes(Symbolic, input_shape)
        return map_leaves(lambda leaf: leaf.shape, self._probed(specified, {}))

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        """Return the mask of the output: a bool tensor (batch, steps), or None.

        Args:
            x: the input.
            mask: its mask, or None; a list of them, if the input is a list.
        """
        return mask if self.supports_masking else None

    @property
    def makes_masks(self) -> bool:
        """Whether the output may have a mask if the input has none."""
        return type(self).compute_mask is not Layer.compute_mask or any(
            layer.makes_masks for layer in self.sublayers().values()
        )

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
        if None in shape:
            found = tuple(self._built_for or (None, None))[1:]
            raise TypeError(
                f"{self.name}: input_shape: found {found}: expected known lengths where the "
                f"weight {name!r} of shape {tuple(shape)} depends on them"
            )
        if mode.room is not None:
            mode.room -= math.prod(shape)
            if mode.room < 0:
                raise ValueError(
                    f"layer {self.name!r}: weight {name!r} of shape {tuple(shape)}: "
                    "more elements than are there"
                )
        weight = initializers.get(initializer)(tuple(shape))
        if not np.asarray(weight).flags.c_contiguous:  # as a custom initializer may return it
            weight = pt.asarray(np.array(weight, order="C"))
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
    def non_trainable_weights(self) -> list[Tensor]:
        """The weights that training does not change."""
        return [weight for _, weight, trained in self.named_weights() if not trained]

    # The names that other libraries give them.
    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

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

    def ensure_built(self, input_shape: Any, **others: Any) -> None:
        """Build the layer for inputs of a shape, unless it is built already.

        Args:
            input_shape: the shape of what `call` takes first.
            **others: those of what it takes besides, by name.
        """
        if not self.built:
            self._built_for = input_shape
            self.build(**_by_shape(type(self), "build", input_shape, others))
            self.built = True

    def __call__(
        self, *arguments: Any, training: bool | None = None, mask: Any = None, **options: Any
    ) -> Any:
        """Return the output for a batch; the first call builds the layer.

        For a symbolic tensor (see Input) it returns another one, and records the call.

        Args:
            *arguments: the batch x, (batch, ...), converted to float32; or a list or a dictionary
                of tensors, if `call` takes one. Then anything else that `call` takes.
            training: whether dropout and the like are active; by default as in the layer that
                calls this one, and False outside any layer.
            mask: the mask of x, by default the one that the layer which made x gave it.
            **options: what `call` takes by name.
        """
        if len(arguments) != 1:
            x, options = _by_name(self, arguments, options)
            training = options.pop("training", training)
            mask = options.pop("mask", mask)
        else:
            x = arguments[0]
        if type(x) is not Tensor or x.dtype is not pt.float32:
            x = map_leaves(as_input, x) if is_structure(x) else as_input(x)
        if options:
            options = {name: map_leaves(as_option, value) for name, value in options.items()}
        if (type(x) is not Tensor or options) and symbolic_in((x, options)):
            if training is not None:
                options["training"] = bool(training)
            if mask is not None:
                options["mask"] = mask
            return graph.record(self, x, options)
        if not self.built:
            self.ensure_built(
                shapes_of(x), **{name: shapes_of(value) for name, value in options.items()}
            )
        outer = mode.training
        outermost = mode.losses is None
        if outermost:
            mode.losses = []
        masks = mode.masks
        if masks is None:
            mode.masks = {}
        if mask is not None:
            set_mask(x, mask)
        mode.training = outer if training is None else bool(training)
        try:
            masking = bool(mode.masks) or type(self).compute_mask is not Layer.compute_mask
            return self.stage(mode.training, masking)(x, **options)
        finally:
            mode.training = outer
            mode.masks = masks
            if outermost:
                self._added_losses, mode.losses = mode.losses or (), None

    def symbolic_outputs(self, x: Any, options: dict[str, Any]) -> Any:
        """Return what `call` would return, as symbolic tensors; build the layer for them.

        Args:
            x: A symbolic tensor, or a structure of them.
            options: What `call` takes besides.

        Raises:
            ValueError: The layer cannot take inputs of these shapes.
        """
        shape = shapes_of(x)
        others = {name: shapes_of(value) for name, value in options.items()}
        try:
            self.ensure_built(shape, **others)
            if type(self).compute_output_shape is Layer.compute_output_shape:
                return self._probed(x, options)
            found = self.compute_output_shape(
                **_by_shape(type(self), "compute_output_shape", shape, others)
            )
        except (ValueError, IndexError) as error:
            text = str(error)
            about = f"{self.name}: input shape {_shape_text(shape)}"
            is_known = self._built_for in (None, shape)
            if text.startswith(f"{self.name}: " if is_known else about):
                raise
            if not is_known:
                about += f" (it was built for {_shape_text(self._built_for)})"
            text = text.removeprefix(f"{self.name}: ")
            raise ValueError(f"{about}: {text}") from error
        return map_shapes(Symbolic, found)

    def _probed(self, x: Any, options: dict[str, Any]) -> Any:
        """What `call` returns, as symbolic tensors, by running it on zeros.

        Open lengths but that of the batch are 1 in a first run and 2 in a second: those of the
        outputs that differ are open too.
        """

        def run(length: int) -> Any:
            def zeros(leaf: Any) -> Any:
                if not isinstance(leaf, Symbolic):
                    return leaf
                shape = (1, *(length if n is None else n for n in leaf.shape[1:]))
                return pt.zeros(shape, dtype=leaf.dtype)

            given = {**map_leaves(zeros, options), "training": False}
            return self(map_leaves(zeros, x), **given)

        def as_symbolic(*found: Tensor) -> Symbolic:
            shapes = zip(*(tensor.shape[1:] for tensor in found), strict=True)
            lengths = [same[0] if len(set(same)) == 1 else None for same in shapes]
            return Symbolic((None, *lengths), found[0].dtype)

        tensors = symbolic_in((x, options))
        is_open = any(None in tensor.shape[1:] for tensor in tensors)
        return map_leaves(as_symbolic, run(1), *([run(2)] if is_open else []))

    # ------------------------------------------------------------------------------ in a graph

    def _only_node(self, what: str) -> graph.Node:
        if len(self._nodes) != 1:
            raise AttributeError(
                f"{self.name}: {what}: the layer was called with {len(self._nodes)} symbolic "
                "inputs: expected one"
            )
        return self._nodes[0]

    @property
    def input(self) -> Any:
        """The symbolic tensor that the layer was called with; AttributeError unless there is one.

        With `output` it makes a model of a part of another: Model(model.input, layer.output).
        """
        return self._only_node("input").x

    @property
    def output(self) -> Any:
        """The symbolic tensor that the layer returned; AttributeError unless there is one."""
        return self._only_node("output").outputs

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

    def stage(
        self, training: bool, masking: bool = False, logits: bool = False
    ) -> Callable[..., Any]:
        """Return call as a function of x alone, and of options that users pass by name.

        Args:
            training: whether dropout and the like are active.
            masking: whether the masks of x and of the output have to be dealt with.
            logits: whether to return what comes before separable_activation.
        """
        call: Callable[..., Any] = self.call
        if logits:
            call = self.pre_activation  # type: ignore[attr-defined]
        elif "training" in parameters(type(self).call):
            call = functools.partial(self.call, training=training)  # type: ignore[call-arg]
        if not self._trainable:
            call = functools.partial(_frozen, call)
        if self.activity_regularizer is not None:
            call = functools.partial(self._regularized, call)
        return functools.partial(self._masked, call) if masking else call

    def _regularized(self, call: Callable[..., Any], x: Any, **options: Any) -> Any:
        """Return call(x), and add the regularizer's value for it to the loss."""
        out = call(x, **options)
        if self.activity_regularizer is not None:
            for part in leaves(out):
                self.add_loss(self.activity_regularizer(part) / len(part))
        return out

    def _masked(self, call: Callable[..., Any], x: Any, **options: Any) -> Any:
        """Return call(x), with the mask of x if it takes one, and give the output its mask."""
        names = parameters(type(self).call)
        mask = mask_of(x)
        if mask is not None and "mask" in names:
            options.setdefault("mask", mask)
        for name, value in [(names[0] if names else "", x), *options.items()]:
            if f"{name}_mask" in names and f"{name}_mask" not in options:
                options[f"{name}_mask"] = mask_of(value)
        out = call(x, **options)
        if (
            mask is not None
            and not self.supports_masking
            and type(self).compute_mask is Layer.compute_mask
            and not self.sublayers()
        ):
            warnings.warn(
                f"{self.name}: a {type(self).__name__} does not support masks: the layers after it "
                "do not see the mask of its input",
                stacklevel=2,
            )
        if mask is not None or type(self).compute_mask is not Layer.compute_mask:
            set_mask(out, self.compute_mask(x, mask))
        return out


def mask_of(x: Any) -> Any:
    """Return the mask of a tensor or None; of a structure, its masks, or None if there are none."""
    masks = mode.masks
    if not masks:
        return None
    if type(x) is Tensor:
        return masks[id(x)][1] if id(x) in masks else None
    found = map_leaves(mask_of, x) if isinstance(x, (list, tuple, dict)) else None
    return found if any(mask is not None for mask in leaves(found)) else None


def set_mask(x: Any, mask: Any) -> None:
    """Give a tensor a mask, or each in a structure its own, for the layers after it."""
    if mask is None or mode.masks is None:
        return
    if isinstance(x, (list, tuple)) and isinstance(mask, (list, tuple)):
        for part, of in zip(x, mask, strict=False):
            set_mask(part, of)
    elif isinstance(x, dict) and isinstance(mask, dict):
        for key in x.keys() & mask.keys():
            set_mask(x[key], mask[key])
    elif type(x) is Tensor:
        mode.masks[id(x)] = x, pt.asarray(mask).astype(pt.bool, copy=False)


def _frozen(call: Callable[..., Any], x: Any, **options: Any) -> Any:
    """Return call(x); the layers inside see that they are in a frozen one."""
    outer, mode.frozen = mode.frozen, True
    try:
        return call(x, **options)
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


def is_structure(x: Any) -> bool:
    """Whether x is a list, tuple or dictionary of tensors, not an array written as a list."""
    if isinstance(x, dict):
        return True
    return (
        isinstance(x, (list, tuple))
        and len(x) > 0
        and all(part is None or hasattr(part, "__array__") or is_structure(part) for part in x)
        and any(part is not None for part in x)
    )


def as_input(x: Any) -> Any:
    """Return anything array-like as a float32 Tensor; a symbolic tensor or None as it is."""
    if x is None or isinstance(x, Symbolic):
        return x
    tensor = x if type(x) is Tensor else pt.asarray(x)
    return tensor if tensor.dtype is pt.float32 else tensor.astype(pt.float32)


def as_option(value: Any) -> Any:
    """Return an array as a tensor, of float32 if it holds floats; other values as they are."""
    if isinstance(value, np.ndarray):
        value = pt.asarray(value)
    if type(value) is Tensor and value.dtype is pt.float64:
        return value.astype(pt.float32)
    return value


@functools.cache
def parameters(method: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a method's parameters, without self."""
    found = list(inspect.signature(method).parameters.values())[1:]
    return tuple(p.name for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))


def _by_name(layer: Layer, arguments: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, Any]:
    """The first argument of `call`, and the others by name."""
    names = parameters(type(layer).call)
    if len(arguments) > len(names):
        raise TypeError(
            f"{layer.name}: found {len(arguments)} arguments: call takes {', '.join(names)}"
        )
    given = dict(zip(names, arguments, strict=False))
    for name in given.keys() & options.keys():
        raise TypeError(f"{layer.name}: found {name!r} twice: expected it once")
    given |= options
    if not names or names[0] not in given:
        raise TypeError(f"{layer.name}: found no {names[0] if names else 'x'!r}: expected it first")
    return given.pop(names[0]), given


def _by_shape(cls: type[Layer], method: str, input_shape: Any, others: Any) -> dict[str, Any]:
    """The arguments of build or compute_output_shape: one shape, or those of several tensors."""
    names = parameters(getattr(cls, method))
    if len(names) < 2:
        return {names[0] if names else "input_shape": input_shape}
    given = {"input_shape": input_shape, f"{parameters(cls.call)[0]}_shape": input_shape}
    given |= {f"{name}_shape": shape for name, shape in others.items()}
    return {name: given[name] for name in names if given.get(name) is not None}


def _shape_text(shape: Any) -> str:
    """A shape, or a structure of shapes."""
    return str(map_shapes(tuple, shape))


def unique_name(name: str, taken: Container[str]) -> str:
    """Return name, or name_1, name_2, ...: the first that is not taken."""
    candidate, count = name, 0
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    return candidate
