"""Layers: each has a constructor, build (makes the weights, once the input shape is known) and
call (the computation, recorded by any tape that watches the weights).

Shapes have the batch axis first, as None where its length is open: (None, 784). Weights and
activations are float32.

A layer of one's own:

    class Scale(layers.Layer):
        def build(self, input_shape):
            self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")

        def call(self, x):
            return x * self.factor

It may contain other layers, as attributes or in lists: their weights are found and trained.
"""

from __future__ import annotations

import functools
import inspect
import math
import threading

import numpy as np

import pytensor as pt
from pytensor import activations, initializers, random
from pytensor._arguments import integer, number, sample_shape, snake_case
from pytensor._core import Tensor
from pytensor.nn import linear
from pytensor.serialization import Configurable, constructor_config

__all__ = ["Activation", "Dense", "Dropout", "Flatten", "Input", "Layer", "Rescaling"]


class _Mode(threading.local):
    """Whether the layers that run in this thread are being trained."""

    training = False


mode = _Mode()


class _Structure:
    """version counts the changes of what training compiles: layers, weights, what is trainable."""

    version = 0


structure = _Structure()


class Layer(Configurable):
    """Base class. A subclass defines call, and build if it has weights."""

    def __init__(self, name=None, trainable=True, input_shape=None):
        """Keep the name, whether to train, and the shape of one sample (without the batch axis).

        name: by default the class's in snake case, numbered within a model.
        """
        self.name = snake_case(type(self).__name__) if name is None else str(name)
        self.named_by_user = name is not None
        self.declared_shape = (None if input_shape is None
                               else sample_shape(f"{self.name}: input_shape", input_shape))
        self.built = False
        self._own_weights = {}  # name -> (tensor, trainable)
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

    def add_weight(self, shape, initializer="glorot_uniform", trainable=True, name=None):
        """Return a new float32 weight, a Tensor that training changes in place.

        Raises:
            ValueError: the layer has a weight of that name already.
        """
        name = unique_name("weight" if name is None else name,
                           self._own_weights if name is None else ())
        if name in self._own_weights:
            raise ValueError(f"layer {self.name!r} has a weight {name!r} already: was it built "
                             "twice?")
        weight = initializers.get(initializer)(tuple(shape))
        self._own_weights[name] = weight, bool(trainable)
        structure.version += 1
        return weight

    def sublayers(self):
        """Return {name: layer} of the layers in this one's attributes, and in lists there."""
        found = {}
        for value in vars(self).values():
            for item in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(item, Layer) and not any(item is known for known in found.values()):
                    found[unique_name(item.name, found)] = item
        return found

    def named_weights(self, prefix="", trainable=True):
        """Yield (path, tensor, whether it is trained) for the own weights, then the sublayers'."""
        trainable = trainable and self._trainable
        for name, (weight, trained) in self._own_weights.items():
            yield prefix + name, weight, trained and trainable
        for name, layer in self.sublayers().items():
            yield from layer.named_weights(f"{prefix}{name}/", trainable)

    def named_layers(self, prefix=""):
        """Yield (path, layer) for the sublayers and theirs."""
        for name, layer in self.sublayers().items():
            yield prefix + name, layer
            yield from layer.named_layers(f"{prefix}{name}/")

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
        """Whether training changes the weights of this layer; set it to False to freeze them."""
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        self._trainable = bool(value)
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
            raise ValueError(f"set_weights: {len(values)} arrays: {self.name!r} has {len(named)} "
                             "weights")
        for (path, weight, _), value in zip(named, values, strict=True):
            if value.shape != weight.shape:
                raise ValueError(f"set_weights: {path}: found shape {value.shape}: expected "
                                 f"{weight.shape}")
        for (_, weight, _), value in zip(named, values, strict=True):
            weight[...] = value

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
        mode.training = outer if training is None else bool(training)
        try:
            return self.stage(mode.training)(x)
        finally:
            mode.training = outer

    def stage(self, training):
        """Return call as a function of x alone."""
        if _takes_training(type(self)):
            return functools.partial(self.call, training=training)
        return self.call


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


class Input(Layer):
    """The shape of one sample: as the first of a model, it lets the model be built at once."""

    def __init__(self, shape, name=None):
        """Shape: that of one sample, without the batch axis: (784,)."""
        super().__init__(name=name, input_shape=shape)

    def get_config(self):
        """Return the constructor's arguments by name."""
        return constructor_config(self, shape=self.declared_shape)

    def call(self, x):
        """Return x."""
        return x


class Dense(Layer):
    """Fully connected: activation(x @ kernel + bias), kernel (inputs, units), bias (units,).

    x: (batch, ..., inputs). Output: (batch, ..., units).
    """

    def __init__(self, units, activation=None, use_bias=True,
                 kernel_initializer="glorot_uniform", bias_initializer="zeros", **options):
        """Units: an integer >= 1; activation: a name, a function or None; options: as in Layer."""
        super().__init__(**options)
        self.units = integer(f"{self.name}: units", units, 1)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel = self.bias = None

    def build(self, input_shape):
        """Make kernel and bias."""
        if len(input_shape) < 2:
            raise ValueError(f"{self.name}: input shape {input_shape}: expected (batch, ..., "
                             "inputs)")
        self.kernel = self.add_weight((input_shape[-1], self.units), self.kernel_initializer,
                                      name="kernel")
        if self.use_bias:
            self.bias = self.add_weight((self.units,), self.bias_initializer, name="bias")
        self.built = True

    def call(self, x):
        """Return activation(x @ kernel + bias); relu in the same pass over memory."""
        if self.activation is activations.relu:
            return linear(x, self.kernel, self.bias, relu=True)
        return self.activation(self.pre_activation(x))

    def pre_activation(self, x):
        """Return x @ kernel + bias: the logits, where the activation is softmax or sigmoid."""
        return linear(x, self.kernel, self.bias)

    def compute_output_shape(self, input_shape):
        """(batch, ..., inputs) -> (batch, ..., units)."""
        if self.built and input_shape[-1] != self.kernel.shape[0]:
            raise ValueError(f"{self.name}: input shape {input_shape}: expected (batch, ..., "
                             f"{self.kernel.shape[0]}), the shape it was built for")
        return (*input_shape[:-1], self.units)


class Activation(Layer):
    """An activation function as a layer of its own."""

    def __init__(self, activation, **options):
        """Activation: a name or a function; options: as in Layer."""
        super().__init__(**options)
        self.activation = activations.get(activation)

    def call(self, x):
        """Return activation(x)."""
        return self.activation(x)

    def pre_activation(self, x):
        """Return x: the logits, where the activation is softmax or sigmoid."""
        return x

    def compute_output_shape(self, input_shape):
        """Any shape stays itself."""
        return input_shape


class Dropout(Layer):
    """While training, sets each element to 0 with probability rate, and divides the others by
    1 - rate, so that their expectation stays (Srivastava et al. 2014). Otherwise returns x.
    """

    def __init__(self, rate, seed=None, **options):
        """Rate: in [0, 1]; seed: random numbers of its own; options: as in Layer."""
        super().__init__(**options)
        self.rate = number(f"{self.name}: rate", rate, 0, 1)
        self.seed = seed
        self._generator = (None if seed is None
                           else random.new_generator(f"{self.name}: seed", seed))

    def call(self, x, training=False):
        """Return x with elements dropped if training."""
        if not training or self.rate == 0:
            return x
        if self.rate == 1:
            return pt.where(False, x, 0.0)  # 0 also for inf and NaN; the gradient is 0
        generator = random.generator() if self._generator is None else self._generator
        kept = generator.random(x.shape, dtype=np.float32) >= self.rate
        return x * pt.asarray(kept * np.float32(1 / (1 - self.rate)))

    def compute_output_shape(self, input_shape):
        """Any shape stays itself."""
        return input_shape


class Flatten(Layer):
    """(batch, a, b, ...) -> (batch, a * b * ...)."""

    def call(self, x):
        """Return x as rows, without copying where it is contiguous."""
        if x.ndim == 0:
            raise ValueError(f"{self.name}: x has shape (): expected (batch, ...)")
        return x.reshape((x.shape[0], math.prod(x.shape[1:])))

    def compute_output_shape(self, input_shape):
        """(batch, a, b, ...) -> (batch, a * b * ...)."""
        return (input_shape[0], math.prod(input_shape[1:]))


class Rescaling(Layer):
    """x * scale + offset: with scale 1 / 255, bytes become numbers in [0, 1]."""

    def __init__(self, scale, offset=0.0, **options):
        """Scale and offset: numbers, or lists of one for each feature; options: as in Layer."""
        super().__init__(**options)
        self.scale, self._scale = self._factor("scale", scale)
        self.offset, self._offset = self._factor("offset", offset)

    def _factor(self, argument, value):
        """A number or list as get_config returns it, and as call computes with it."""
        if not hasattr(value, "__len__") or isinstance(value, str):
            value = number(f"{self.name}: {argument}", value)
            return value, value
        value = [number(f"{self.name}: {argument}", part) for part in value]
        return value, pt.asarray(value, dtype=pt.float32)

    def call(self, x):
        """Return x * scale + offset."""
        x = x * self._scale
        return x if isinstance(self._offset, float) and not self._offset else x + self._offset

    def compute_output_shape(self, input_shape):
        """Any shape stays itself."""
        return input_shape
