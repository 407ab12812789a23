"""Layer, the base class of all layers: names, weights, calls."""

from __future__ import annotations

import functools
import inspect
import math
import threading

import numpy as np

from pytensor import _functions as pt
from pytensor import constraints, initializers, regularizers
from pytensor._core import Tensor
from pytensor._support.arguments import sample_shape, snake_case
from pytensor.serialization import Configurable, constructor_config

__all__ = ["Layer"]


class _Mode(threading.local):
    """What the layers that run in this thread should know.

    training: whether they are being trained. frozen: whether they are in a layer whose trainable
    is False. losses: what they add to the loss, a list, or None while none runs. room: how many
    elements the weights may have that are made from now on, None for any number: a file could claim
    more than it holds.
    """

    training = False
    frozen = False
    losses = None
    room = None


mode = _Mode()


class _Structure:
    """version counts the changes of what training compiles: layers, weights, what is trainable."""

    version = 0


structure = _Structure()


class Resolved:
    """An attribute of a layer that holds what get(value) makes of a value, whenever it is set: an
    activation of its name."""

    def __init__(self, get, doc):
        self._get = get
        self.__doc__ = doc

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, layer, owner=None):
        if layer is None:
            return self
        try:
            return vars(layer)[self._name]
        except KeyError:
            raise AttributeError(f"{type(layer).__name__} has no {self._name} yet") from None

    def __set__(self, layer, value):
        found = self._get(value)
        structure.version += self._name in vars(layer)
        vars(layer)[self._name] = found


class Layer(Configurable):
    """Base class. A subclass defines call, and build if it has weights.

    >>> class Scale(pt.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")
    ...     def call(self, x):
    ...         return x * self.factor
    ...
    >>> Scale()([[1.0, 2.0]])
    Tensor([[1., 2.]], dtype=float32)
    """

    _added_losses = ()
    _without_layers = ()  # names of attributes that hold layers which are not this one's
    activity_regularizer = Resolved(regularizers.get, "What the loss adds for outputs, or None.")

    def __init__(self, name=None, trainable=True, input_shape=None, activity_regularizer=None):
        """Keep the options that every layer takes.

        name: by default the class's in snake case, numbered within a model.
        trainable: whether to train the weights.
        input_shape: the shape of one sample, without the batch axis.
        activity_regularizer: what the loss adds for the outputs, divided by the batch size.
        """
        self.name = snake_case(type(self).__name__) if name is None else str(name)
        self.named_by_user = name is not None
        self.declared_shape = (
            None if input_shape is None else sample_shape(f"{self.name}: input_shape", input_shape)
        )
        self.built = False
        self.activity_regularizer = activity_regularizer
        self._own_weights = {}  # name -> (tensor, trainable)
        self._regularizers = {}  # names of own weights -> functions
        self._constraints = {}
        self._trainable = bool(trainable)

    def get_config(self):
        """Return the constructor's arguments by name, of a kind that JSON can hold."""
        return constructor_config(self, input_shape=self.declared_shape)

    # ------------------------------------------------------------------ for a subclass to define

    def build(self, input_shape):
        """Make the weights with add_weight. input_shape: (None, ...), the batch axis first."""
        self.built = True

    def call(self, x):
        """Return the layer's output for a batch x. May take a second argument, training."""
        raise NotImplementedError(f"{type(self).__name__} does not define call(self, x)")

    def compute_output_shape(self, input_shape):
        """Return the shape of the output for inputs of a shape; here, by trying one sample."""
        return (None, *self(pt.zeros((1, *input_shape[1:])), training=False).shape[1:])

    # ----------------------------------------------------------------------------------- weights

    def add_weight(
        self,
        shape,
        initializer="glorot_uniform",
        trainable=True,
        name=None,
        regularizer=None,
        constraint=None,
    ):
        """Return a new float32 weight, a Tensor that training changes in place.

        regularizer: gives what the loss adds for it; constraint: what it becomes after each step.
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
        if regularizer is not None:
            self._regularizers[name] = regularizers.get(regularizer)
        if constraint is not None:
            self._constraints[name] = constraints.get(constraint)
        structure.version += 1
        return weight

    def sublayers(self):
        """Return {name: layer} of the layers in this one's attributes, and in lists and
        dictionaries there."""
        found = {}
        for attribute, value in vars(self).items():
            if attribute in self._without_layers:
                continue
            for item in _layers_in(value):
                if not any(item is known for known in found.values()):
                    found[unique_name(item.name, found)] = item
        return found

    def named_weights(self, prefix=""):
        """Yield (path, tensor, whether it is trained) for the own weights, then the sublayers'.

        prefix: what all paths begin with. No two paths are the same: where names with a slash would
        make them so, the later one gets a number.
        """
        yield from _with_unique_paths(self._weights_below(prefix, True))

    def _weights_below(self, prefix, trainable):
        trainable = trainable and self._trainable
        for name, (weight, trained) in self._own_weights.items():
            yield prefix + name, weight, trained and trainable
        for name, layer in self.sublayers().items():
            yield from layer._weights_below(f"{prefix}{name}/", trainable)

    def named_layers(self, prefix=""):
        """Yield (path, layer) for the sublayers and theirs; paths as in named_weights."""
        yield from _with_unique_paths(self._layers_below(prefix))

    def _layers_below(self, prefix):
        for name, layer in self.sublayers().items():
            yield prefix + name, layer
            yield from layer._layers_below(f"{prefix}{name}/")

    @property
    def weights(self):
        """All weights, a list of Tensors."""
        return [weight for _, weight, _ in self.named_weights()]

    @property
    def trainable_weights(self):
        """The weights that training changes."""
        return [weight for _, weight, trained in self.named_weights() if trained]

    @property
    def trainable(self):
        """Whether training changes the weights of this layer; set it to False to freeze them.

        What is set, all inner layers get as well, at any depth. A layer in a frozen one is frozen,
        whatever it says of itself.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        self._trainable = bool(value)
        for layer in self.sublayers().values():
            layer.trainable = value
        structure.version += 1

    def count_params(self):
        """Return the number of elements of all weights."""
        return sum(weight.size for weight in self.weights)

    def get_weights(self):
        """Return copies of all weights, a list of ndarrays."""
        return [np.array(weight) for weight in self.weights]

    def set_weights(self, values):
        """Overwrite all weights.

        Raises:
            ValueError: the number of arrays or a shape differs; then no weight has changed.
        """
        named = list(self.named_weights())
        values = [pt.asarray(value) for value in values]
        if len(values) != len(named):
            raise ValueError(
                f"set_weights: {len(values)} arrays: {self.name!r} has {len(named)} weights"
            )
        for (path, weight, _), value in zip(named, values, strict=True):
            if value.shape != weight.shape:
                raise ValueError(
                    f"set_weights: {path}: found shape {value.shape}: expected {weight.shape}"
                )
        for (_, weight, _), value in zip(named, values, strict=True):
            weight[...] = value

    # ------------------------------------------------------------- regularizers and constraints

    def attached(self, kind):
        """Return [(function, weight)] for the trained weights that have a regularizer, or a
        constraint: kind is "regularizers" or "constraints"."""
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

    def apply_constraints(self):
        """Bring all weights to what their constraints allow; fit does so after every step."""
        for constraint, weight in self.attached("constraints"):
            weight[...] = constraint(weight)

    def add_loss(self, value):
        """In call: add a tensor of shape () to the loss that training makes smaller."""
        if mode.losses is not None:
            mode.losses.append(value)

    @property
    def losses(self):
        """What the loss adds: for weights as they are, and what the last call added. A list."""
        return [
            regularizer(weight) for regularizer, weight in self.attached("regularizers")
        ] + list(self._added_losses)

    # ----------------------------------------------------------------------------------- calling

    def ensure_built(self, input_shape):
        """Build the layer for inputs of a shape, unless it is built."""
        if not self.built:
            self.build(input_shape)
            self.built = True

    def __call__(self, x, training=None):
        """Return the output for a batch, building the layer at the first call.

        x: anything array-like, (batch, ...), converted to float32. training: whether dropout and
        the like are active; by default as in the layer that calls, False outside of one.
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
                self._added_losses, mode.losses = mode.losses, None

    def stage(self, training):
        """Return call as a function of x alone."""
        call = (
            functools.partial(self.call, training=training)
            if _takes_training(type(self))
            else self.call
        )
        if not self._trainable:
            call = functools.partial(_frozen, call)
        return (
            call
            if self.activity_regularizer is None
            else functools.partial(self._regularized, call)
        )

    def _regularized(self, call, x):
        """call(x), with what activity_regularizer says of it added to the loss."""
        out = call(x)
        self.add_loss(self.activity_regularizer(out) / len(out))
        return out


def _frozen(call, x):
    """call(x), the layers inside knowing that they are in a frozen one."""
    outer, mode.frozen = mode.frozen, True
    try:
        return call(x)
    finally:
        mode.frozen = outer


def _layers_in(value):
    """Yield the layers that a value of an attribute is or holds, in lists and dictionaries."""
    if isinstance(value, Layer):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _layers_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _layers_in(item)


def _with_unique_paths(found):
    """Yield the tuples found, which begin with a path, each path once."""
    taken = set()
    for path, *about in found:
        path = unique_name(path, taken)
        taken.add(path)
        yield path, *about


def as_input(x):
    """Anything array-like as a float32 Tensor."""
    if type(x) is not Tensor:
        x = pt.asarray(x)
    return x if x.dtype is pt.float32 else x.astype(pt.float32)


@functools.cache
def _takes_training(layer_class):
    return "training" in inspect.signature(layer_class.call).parameters


def unique_name(name, taken):
    """Return name, or name_1, name_2, ...: the first that is not taken."""
    candidate, count = name, 0
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    return candidate
