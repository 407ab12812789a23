"""Models: layers put together, which can be trained, saved and loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from pytensor import serialization
from pytensor._support import html
from pytensor._support.arguments import sample_shape
from pytensor._training import model_files
from pytensor._training.foreign_weights import load_keras_weights, load_torch_weights
from pytensor._training.model import Shape
from pytensor._training.model_files import load_model, save_model
from pytensor._training.trainer import Trainer
from pytensor.layers import Input, Layer
from pytensor.layers.layer import as_input, structure, unique_name

__all__ = ["Sequential", "load_keras_weights", "load_model", "load_torch_weights", "save_model"]


class Sequential(Trainer):
    """Layers one after another.

    It is built, that is, its weights are made, as soon as the input shape is known: from the first
    layer (input_shape=..., or an Input), from build, or from the first data. A model is itself a
    layer, so it can be part of another model.

    Attributes:
        layers: The list of layers, without an Input.
        input_shape: (None, ...), or None while it is unknown.
        history: The History of the last fit, None before it.
        stop_training, stop_evaluating, stop_predicting: Set to True, by a callback, they end fit,
            evaluate or predict after the current batch; where several ranks share batches, after
            the epoch.

    >>> model = pt.models.Sequential([
    ...     pt.layers.Dense(8, activation="relu", input_shape=(4,)),
    ...     pt.layers.Dense(3, activation="softmax"),
    ... ])
    >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    >>> x, y = np.random.default_rng(0).normal(size=(64, 4)), np.arange(64) % 3
    >>> history = model.fit(x, y, epochs=2, batch_size=16, verbose=0)
    >>> model.predict(x[:5], verbose=0).shape
    (5, 3)
    """

    def __init__(
        self, layers: Iterable[Layer] | None = None, name: str | None = None, trainable: bool = True
    ) -> None:
        """Add layers.

        Args:
            layers: The layers to add, in order; the first may be an Input.
            name: As for Layer.
            trainable: As for Layer.

        Raises:
            TypeError, ValueError: As add.
        """
        super().__init__(name=name, trainable=trainable)
        self.layers: list[Layer] = []
        self.input_shape = None
        self._output_shapes: list[Shape] = []  # of the layers, once built
        for layer in layers or ():
            self.add(layer)

    # ------------------------------------------------------------------------------- the layers

    def add(self, layer: Layer) -> None:
        """Append a layer; build it if the shape of its input is known.

        Raises:
            TypeError: It is not a Layer.
            ValueError: Its input shape is not the output shape of the layer before, its name is
                taken, or it is or contains this model.
        """
        if not isinstance(layer, Layer):
            hint = ": make one by calling it" if isinstance(layer, type) else ""
            raise TypeError(f"add: found {layer!r}{hint}: expected a Layer")
        if any(layer is known for known in self.layers):
            raise ValueError(f"add: the layer {layer.name!r} is in the model already")
        if _contains(layer, self):
            raise ValueError(
                f"add: {layer.name!r} is the model itself or contains it: expected another layer"
            )
        if isinstance(layer, Input):
            if self.layers or self.input_shape is not None:
                raise ValueError("add: an Input comes first, before all layers")
            self.input_shape = (None, *(layer.declared_shape or ()))
            return
        names = {known.name for known in self.layers}
        if layer.named_by_user and layer.name in names:
            raise ValueError(f"add: the name {layer.name!r} is taken: expected a name of its own")
        declared = None if layer.declared_shape is None else (None, *layer.declared_shape)
        before = self.output_shape
        if before is None and not self.layers:
            before = declared
        if declared is not None and declared != before:
            raise ValueError(
                f"add: {layer.name!r} has input_shape={layer.declared_shape}: "
                f"expected {'none' if before is None else before[1:]}, "
                "the output shape of the layers before it"
            )
        layer.name = unique_name(layer.name, names)
        if before is not None:
            self._output_shapes.append(_built(layer, before))
            if not self.layers:
                self.input_shape = before
            self.built = True
        self.layers.append(layer)
        structure.version += 1

    def pop(self) -> Layer:
        """Remove the last layer and return it.

        Raises:
            IndexError: There is none.
        """
        if not self.layers:
            raise IndexError("pop: the model has no layers")
        structure.version += 1
        layer = self.layers.pop()
        if self.built:
            self._output_shapes.pop()
        if not self.layers:
            self.built = False
            self.input_shape = None
        return layer

    @property
    def output_shape(self) -> Shape | None:
        """The shape of the output, (None, ...), or None while the input shape is unknown."""
        if self.built:
            return self._output_shapes[-1]
        return None if self.layers else self.input_shape

    # ------------------------------------------------------------------------------- as a config

    def get_config(self) -> dict[str, Any]:
        """Return name, trainable, input_shape of a sample (None while unknown) and layers."""
        shape = self.input_shape
        return {
            "name": self.name,
            "trainable": self.trainable,
            "input_shape": None if shape is None else list(shape[1:]),
            "layers": [serialization.serialize(layer) for layer in self.layers],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Sequential:
        """Return a new model, with new weights, from what get_config returned.

        Raises:
            TypeError, ValueError: config has another form, or a layer in it is unknown (see
                serialization.register_serializable).
        """
        try:
            shape, layers = config["input_shape"], list(config["layers"])
        except (TypeError, KeyError):
            raise TypeError(
                f"{cls.__name__}: config: found {config!r}: expected a dictionary with "
                "input_shape and layers"
            ) from None
        model = cls(name=config.get("name"))
        if shape is not None:
            model.add(Input(shape))
        for layer in layers:
            model.add(serialization.deserialize(layer))
        model._trainable = bool(config.get("trainable", True))  # the layers have their own
        return model

    def to_json(self, **options: Any) -> str:
        """Return the architecture, without weights, as text; options are those of json.dumps."""
        return serialization.to_json(self, **options)

    @staticmethod
    def from_json(text: str, custom_objects: dict[str, Any] | None = None) -> Sequential:
        """Return a new model, with new weights, from what to_json returned.

        Args:
            text: The text.
            custom_objects: Classes and functions by name, besides those that were registered.

        Raises:
            TypeError, ValueError: text is not that of a model, or a layer in it is unknown.
        """
        model = serialization.from_json(text, custom_objects)
        if not isinstance(model, Sequential):
            raise TypeError(f"from_json: found a {type(model).__name__}: expected a model")
        return model

    # ------------------------------------------------------------------------------- as a layer

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of a shape, the batch axis first: (None, 784).

        Raises:
            ValueError: There are no layers, or the model is built for another shape.
        """
        shape: Shape = (None, *sample_shape(f"{self.name}: input_shape", tuple(input_shape)[1:]))
        if not self.layers:
            raise ValueError(f"{self.name}: the model has no layers: add some first")
        if self.built and shape != self.input_shape:
            raise ValueError(
                f"{self.name}: found input shape {shape}: built for {self.input_shape}"
            )
        if not self.built:
            self.input_shape = shape
            for layer in self.layers:
                shape = _built(layer, shape)
                self._output_shapes.append(shape)
            self.built = True

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """Return the output for a batch of samples.

        Args:
            x: Anything array-like, (n, ...).
            training: Whether dropout and the like are active; False by default.

        Raises:
            ValueError: The shape of x is not the one that the model was built for.
        """
        x = as_input(x)
        if self.built and x.shape[1:] != (self.input_shape or ())[1:]:
            raise ValueError(f"{self.name}: x has shape {x.shape}: expected {self.input_shape}")
        return super().__call__(x, training)

    def call(self, x: Any, training: bool = False) -> Any:
        """Run the layers in turn."""
        for layer in self.layers:
            x = layer.stage(training)(x)
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output for inputs of a shape."""
        self.build(input_shape)
        return self._output_shapes[-1]

    # ----------------------------------------------------------------------------- for training

    def stages(self, training: bool, logits: bool = False) -> list[Callable[..., Any]]:
        """Return the layers as functions of x; with logits, the last one without its activation."""
        if type(self).call is not Sequential.call:  # a subclass defines it
            return [self.stage(training)]
        stages = [layer.stage(training) for layer in self.layers]
        if logits:
            last: Any = self.layers[-1]
            stages[-1] = last.pre_activation
        return stages

    @property
    def output_activation(self) -> Callable[..., Any] | None:
        """The activation that the last layer ends with, or None if it does not say."""
        if type(self).call is not Sequential.call:
            return None
        return self.layers[-1].separable_activation

    # ------------------------------------------------------------------------- looking, keeping

    def summary(self, print_fn: Callable[[str], Any] | None = None) -> None:
        """Print the layers, their output shapes and numbers of parameters, as a table.

        Args:
            print_fn: Called with each line. By default print; a notebook shows a table instead.
        """
        if print_fn is None:
            if html.in_notebook():
                html.display(self)
                return
            print_fn = print
        rows, totals = self._summary()
        head = ("Layer (type)", "Output shape", "Params")
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(3)]

        def line(row: tuple[str, str, str]) -> str:
            return f" {row[0]:<{widths[0]}}   {row[1]:<{widths[1]}}   {row[2]:>{widths[2]}}"

        rule = len(line(head)) + 1
        print_fn(f'Model: "{self.name}"')
        print_fn("_" * rule)
        print_fn(line(head))
        print_fn("=" * rule)
        for row in rows:
            print_fn(line(row))
        print_fn("=" * rule)
        for total in totals:
            print_fn(f" {total}")
        print_fn("_" * rule)

    def _summary(self) -> tuple[list[tuple[str, str, str]], list[str]]:
        """The rows of the table of layers, and the lines below it."""
        rows = [
            (
                f"{layer.name} ({type(layer).__name__})",
                str(self._output_shapes[i]) if self.built else "?",
                f"{layer.count_params():,}" if self.built else "0 (not built)",
            )
            for i, layer in enumerate(self.layers)
        ]
        weights = list(self.named_weights())
        total = sum(weight.size for _, weight, _ in weights)
        trainable = sum(weight.size for _, weight, trained in weights if trained)
        return rows, [
            f"{kind} params: {count:,} ({_memory(4 * count)})"
            for kind, count in (
                ("Total", total),
                ("Trainable", trainable),
                ("Non-trainable", total - trainable),
            )
        ]

    def _repr_html_(self) -> str:
        return html.summary(self.name, *self._summary())

    def save(self, path: str | os.PathLike[str], include_optimizer: bool = True) -> None:
        """Write the whole model to a safetensors file; see save_model."""
        model_files.save_model(self, path, include_optimizer)

    def save_weights(self, path: str | os.PathLike[str]) -> None:
        """Write all weights to a safetensors file; a crash leaves the old file or the new one.

        Raises:
            TypeError: path is not a path.
            ValueError: The model is not built, or path has the ending of another format (.h5).
            OSError: The file cannot be written.
        """
        model_files.save_weights(self, path)

    def load_weights(self, path: str | os.PathLike[str]) -> None:
        """Read all weights from a file that save_weights or save wrote.

        Raises:
            TypeError: path is not a path.
            OSError: The file cannot be read.
            ValueError: The file is not a safetensors file, or its names, shapes or dtypes are not
                those of the model; the message lists what differs, and no weight has changed.
        """
        model_files.load_weights(self, path)


def _contains(layer: Layer, model: Layer) -> bool:
    """Whether a layer is the model or has it somewhere inside."""
    return layer is model or any(_contains(part, model) for part in layer.sublayers().values())


def _built(layer: Layer, input_shape: Shape) -> Shape:
    """Make a layer's weights for inputs of a shape; return the shape of its output."""
    layer.ensure_built(input_shape)
    return tuple(layer.compute_output_shape(input_shape))


def _memory(n_bytes: float) -> str:
    """A number of bytes with a unit."""
    units = ["GB", "MB", "KB", "B"]
    while n_bytes >= 1024 and len(units) > 1:
        n_bytes /= 1024
        units.pop()
    return f"{n_bytes:.2f} {units[-1]}"
