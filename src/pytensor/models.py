"""Models: layers put together, which can be trained, saved and loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from pytensor import _functions as pt
from pytensor import serialization
from pytensor._autodiff.trees import leaves, map_leaves
from pytensor._core import Tensor
from pytensor._support import html
from pytensor._support.arguments import integer, open_shape
from pytensor._support.arguments import known as known_names
from pytensor._support.files import as_path
from pytensor._support.names import missing
from pytensor._training import model_files, state
from pytensor._training.foreign_weights import load_keras_weights, load_torch_weights
from pytensor._training.model import Shape, arranged
from pytensor._training.model_files import load_model, save_model
from pytensor._training.trainer import Trainer
from pytensor.layers import Input, Layer
from pytensor.layers.graph import (
    Graph,
    Node,
    Reference,
    Symbolic,
    fits,
    map_shapes,
    record,
    symbolic_in,
)
from pytensor.layers.layer import mode, structure, unique_name

__all__ = [
    "Model",
    "Sequential",
    "load_keras_weights",
    "load_model",
    "load_torch_weights",
    "save_model",
]


class _Kept(Trainer):
    """What models have to be looked at and kept by."""

    _graph: Graph | None

    @property
    def layers(self) -> list[Layer]:
        """The layers; see Model."""
        raise NotImplementedError(f"{type(self).__name__} does not define layers")

    def summary(
        self, line_length: int | None = None, print_fn: Callable[[str], Any] | None = None
    ) -> None:
        """Print the layers, their output shapes and numbers of parameters, as a table.

        Args:
            line_length: The longest line, at least 40; by default 80.
            print_fn: Called with each line. By default print; a notebook shows a table instead.
        """
        if print_fn is None:
            if html.in_notebook():
                html.display(self)
                return
            print_fn = print
        longest = integer("summary: line_length", 80 if line_length is None else line_length, 40)
        head, rows, totals = self._summary()
        widths = _column_widths([head, *rows], longest - 2 - 3 * (len(head) - 1))

        def lines(row: Sequence[str]) -> list[str]:
            cells = [_wrapped(text, width) for text, width in zip(row, widths, strict=True)]
            found = []
            for parts in zip_longest(*cells, fillvalue=""):
                padded = [
                    f"{part:>{width}}" if k == 2 else f"{part:<{width}}"
                    for k, (part, width) in enumerate(zip(parts, widths, strict=True))
                ]
                found.append(f" {'   '.join(padded)}".rstrip())
            return found

        rule = sum(widths) + 3 * len(widths) - 1
        print_fn(f'Model: "{self.name}"')
        print_fn("_" * rule)
        for line in lines(head):
            print_fn(line)
        print_fn("=" * rule)
        for row in rows:
            for line in lines(row):
                print_fn(line)
        print_fn("=" * rule)
        for total in totals:
            print_fn(f" {total}")
        print_fn("_" * rule)

    def _summary(self) -> tuple[tuple[str, ...], list[tuple[str, ...]], list[str]]:
        """The head and the rows of the table of layers, and the lines below it."""
        graph = self._graph
        nodes: dict[int, list[Node]] = {}
        for node in () if graph is None else graph.nodes:
            nodes.setdefault(id(node.layer), []).append(node)
        calls = [] if graph is None else graph.nodes
        is_chain = all(after.x is before.outputs for before, after in pairwise(calls))
        rows = []
        named = [(layer.name, layer) for layer in self.layers]
        if "_layers" not in vars(self):
            named = list(self.sublayers().items())
        for name, layer in named:
            made = nodes.get(id(layer), [])
            shape = map_leaves(lambda t: t.shape, made[0].outputs) if made else "?"
            sources = [tensor.name for node in made for tensor in node.inputs]
            rows.append(
                (
                    f"{name} ({type(layer).__name__})",
                    str(shape),
                    f"{layer.count_params():,}" if self.built else "0 (not built)",
                    ", ".join(sources) or "-",
                )[: 3 if is_chain else 4]
            )
        weights = list({id(w): (w, trained) for _, w, trained in self.named_weights()}.values())
        total = sum(weight.size for weight, _ in weights)
        trainable = sum(weight.size for weight, trained in weights if trained)
        head = ("Layer (type)", "Output shape", "Params", "Connected to")[: 3 if is_chain else 4]
        return (
            head,
            rows,
            [
                f"{kind} params: {count:,} ({_memory(4 * count)})"
                for kind, count in (
                    ("Total", total),
                    ("Trainable", trainable),
                    ("Non-trainable", total - trainable),
                )
            ],
        )

    def _repr_html_(self) -> str:
        head, rows, totals = self._summary()
        return html.summary(self.name, head, rows, totals)

    def save(self, path: str | os.PathLike[str], include_optimizer: bool = True) -> None:
        """Write the whole model to a safetensors file; see save_model."""
        model_files.save_model(self, path, include_optimizer)

    def write_checkpoint(self, function: str, path: os.PathLike[str], notes: Any = None) -> None:
        """Write all that the training depends on, between two steps of fit.

        Where several ranks share the work, all must call it; rank 0 writes.
        """
        if self.run is None:
            raise RuntimeError(f"{function}: the model is not running: expected a call during fit")
        distribution = self.run.distribution
        with distribution.whole_metrics():
            if distribution.is_first:
                training = state.state(self)
                model_files.write_model(function, self, as_path(function, path), training, notes)

    def read_checkpoint(
        self, name: str, path: os.PathLike[str], may_be_missing: bool = False
    ) -> bool:
        """Go back to where a checkpoint was written; return whether there is one.

        Raises:
            OSError: The file cannot be read.
            ValueError: The file is not a checkpoint, or not one of this model, data or optimizer.
        """
        if self.run is None:
            raise RuntimeError(f"{name}: the model is not running: expected a call during fit")
        file = as_path(name, path)

        def content() -> Any:
            if may_be_missing and not file.exists():
                return None
            return model_files.read_model(name, file)

        found = self.run.distribution.from_first(content)
        if found is None:
            return False
        arrays, about = found
        model_files.assign_weights(name, self, arrays)
        state.restore(name, self, about.get("training"), arrays)
        return True

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


class Model(_Kept):
    """Layers between inputs and outputs, in any arrangement; or a subclass that defines `call`.

    A layer that is called with an Input returns a symbolic tensor, which further layers take. A
    model consists of all the layers between its inputs and its outputs. Layers may be called
    several times, and models may be called like layers.

    A subclass makes its layers in the constructor and defines call(x), with an argument `training`
    if it needs it; it may define train_step(data), test_step(data) and predict_step(data) as well.

    Attributes:
        layers: The list of layers.
        history: The History of the last fit, None before it.
        stop_training, stop_evaluating, stop_predicting: Set to True, by a callback, they end fit,
            evaluate or predict after the current batch; where several ranks share batches, after
            the epoch.

    >>> left, right = pt.layers.Input((4,), name="left"), pt.layers.Input((2,), name="right")
    >>> both = pt.layers.Concatenate()([left, pt.layers.Dense(3, activation="relu")(right)])
    >>> model = pt.models.Model([left, right], pt.layers.Dense(1)(both))
    >>> model.compile("sgd", "mse")
    >>> x = {"left": np.ones((8, 4)), "right": np.ones((8, 2))}
    >>> history = model.fit(x, np.ones(8), epochs=2, verbose=0)
    >>> model.predict(x, verbose=0).shape
    (8, 1)

    >>> class Perceptron(pt.models.Model):
    ...     def __init__(self, units):
    ...         super().__init__()
    ...         self.hidden = pt.layers.Dense(units, activation="tanh")
    ...         self.out = pt.layers.Dense(1)
    ...     def call(self, x):
    ...         return self.out(self.hidden(x))
    ...
    >>> Perceptron(8)(np.ones((3, 2))).shape
    (3, 1)
    """

    _graph: Graph | None = None
    _specified: tuple[Any, Any] | None = None  # inputs and outputs of `call` of a subclass

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        """Find the layers between inputs and outputs.

        Args:
            inputs: An Input or another symbolic tensor; or a list or dictionary of them. A subclass
                that defines `call` needs neither inputs nor outputs.
            outputs: A symbolic tensor that depends on them; or a list or dictionary.
            name: As for Layer.
            trainable: As for Layer.

        Raises:
            TypeError: Something is no symbolic tensor, or one of both is missing.
            ValueError: An output depends on an Input that is not given, or two layers were given
                one name.
        """
        super().__init__(name=name, trainable=trainable)
        self._compiled: dict[Any, Any] = {}
        if (inputs is None) != (outputs is None):
            missing = "inputs" if inputs is None else "outputs"
            raise TypeError(f"{self.name}: {missing}: missing: expected inputs and outputs")
        if inputs is not None:
            self._adopt(Graph(self.name, inputs, outputs))

    def _adopt(self, graph: Graph) -> None:
        """Take a graph for the model's own; its layers get names that no two share."""
        names: set[str] = {layer.name for layer in graph.layers if layer.named_by_user}
        if len(names) < sum(layer.named_by_user for layer in graph.layers):
            given = [layer.name for layer in graph.layers if layer.named_by_user]
            twice = next(name for name in given if given.count(name) > 1)
            raise ValueError(
                f"{self.name}: the name {twice!r} is taken: expected a name of its own for each "
                "layer"
            )
        for layer in graph.layers:
            if not layer.named_by_user:
                layer.name = unique_name(layer.name, names)
                names.add(layer.name)
        self._graph = graph
        self._layers = graph.layers
        self.built = True
        structure.version += 1

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy or a pickle holds: the graph without references back to it."""
        graph = self._graph
        described = None if graph is None else graph.described(_input_like)
        return {**super().__getstate__(), "_graph": described, "_compiled": {}}

    def __setstate__(self, attributes: dict[str, Any]) -> None:
        """Make the graph again."""
        vars(self).update(attributes)
        if attributes["_graph"] is not None:
            self._graph = Graph.restored(self.name, attributes["_graph"])

    # ------------------------------------------------------------------------------- the layers

    @property
    def layers(self) -> list[Layer]:
        """The layers, each after those it depends on; Inputs are among them.

        Of a model that a subclass defines, those in its attributes.
        """
        if "_layers" in vars(self):
            return self._layers
        return list(self.sublayers().values())

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name, or by its place among the layers.

        Raises:
            ValueError: There is no such layer, or not exactly one of both is given.

        >>> model = pt.models.Sequential([pt.layers.Dense(2, name="first", input_shape=(3,))])
        >>> model.get_layer("first") is model.get_layer(index=0)
        True
        """
        if (name is None) == (index is None):
            raise ValueError("get_layer: expected either name or index")
        layers = self.layers
        if index is not None:
            index = integer("get_layer: index", index, 0)
            if index >= len(layers):
                raise ValueError(f"get_layer: index: found {index}: expected below {len(layers)}")
            return layers[index]
        by_name = {layer.name: layer for layer in layers}
        if "_layers" not in vars(self):  # in attributes, where two may have one name
            by_name = self.sublayers()
        if name not in by_name:
            raise ValueError(
                f"get_layer: {self.name!r} has no layer {name!r}: {known_names(name, by_name)}"
            )
        return by_name[name]

    # ------------------------------------------------------------------------ inputs and outputs

    @property
    def input(self) -> Any:
        """The model's inputs, symbolic tensors in the structure that it was given."""
        return self._own_graph("input").inputs

    @property
    def output(self) -> Any:
        """The model's outputs, likewise."""
        return self._own_graph("output").outputs

    @property
    def inputs(self) -> list[Symbolic]:
        """A list of the inputs."""
        return self._own_graph("inputs").flat_inputs

    @property
    def outputs(self) -> list[Symbolic]:
        """A list of the outputs."""
        return self._own_graph("outputs").flat_outputs

    def _own_graph(self, what: str) -> Graph:
        if self._graph is None:
            raise AttributeError(
                f"{self.name}: {what}: found no graph of layers: expected a model from inputs to "
                "outputs, or a Sequential whose input shape is known"
            )
        return self._graph

    @property
    def input_shape(self) -> Any:
        """The shape of the input, (None, ...), or a structure of them; None while unknown."""
        if self._graph is None:
            return None
        return map_leaves(lambda tensor: tensor.shape, self._graph.inputs)

    @property
    def output_shape(self) -> Any:
        """The shape of the output, likewise."""
        if self._graph is not None:
            return map_leaves(lambda tensor: tensor.shape, self._graph.outputs)
        if self._specified is not None:
            return map_leaves(lambda tensor: tensor.shape, self._specified[1])
        return None

    @property
    def calls(self) -> list[Node]:
        """The calls of the layers, each after those it depends on."""
        return [node for node in self._own_graph("calls").nodes if node.inputs]

    @property
    def input_tensors(self) -> list[Symbolic]:
        """The inputs as symbolic tensors; none while they are unknown."""
        if self._graph is not None and not self.takes_structures:
            return self._graph.flat_inputs
        return [] if self._specified is None else symbolic_in(self._specified[0])

    @property
    def input_names(self) -> list[str]:
        """The names by which data can be given to the inputs."""
        if self._graph is None:
            return []
        return _names(self._graph.inputs, [tensor.name for tensor in self._graph.flat_inputs])

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs, by which losses, metrics and targets can be given."""
        if self._graph is not None and not self.takes_structures:
            return _names(self._graph.outputs, [tensor.name for tensor in self._graph.flat_outputs])
        if self._specified is None:
            return []
        outputs = self._specified[1]
        return _names(outputs, [f"output_{k + 1}" for k in range(len(leaves(outputs)))])

    @property
    def takes_structures(self) -> bool:
        """Whether data of any structure go to `call` as they are, since a subclass defines it."""
        return type(self).call is not Model.call

    @property
    def has_call(self) -> bool:
        """Whether the model computes anything when it is called."""
        return (
            self.takes_structures
            or "_layers" in vars(self)
            or not (self.steps_itself("train_step") or self.steps_itself("predict_step"))
        )

    # ------------------------------------------------------------------------------- as a layer

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of a shape, the batch axis first: (None, 784).

        Raises:
            ValueError: The model is built for another shape.
        """
        if self.takes_structures:
            self.built = True
            self._built_for = input_shape
            x = map_shapes(lambda shape: Symbolic((None, *shape[1:])), input_shape)
            self._specified = x, self._probed(x, {})
            return
        expected = self.input_shape
        if expected is None:
            raise TypeError(
                f"{self.name}: found neither inputs and outputs nor a subclass that defines call"
            )
        given = [tuple(shape.shape) for shape in leaves(map_shapes(Symbolic, input_shape))]
        if len(given) != len(self.inputs) or not all(
            fits(shape, tensor.shape) for shape, tensor in zip(given, self.inputs, strict=True)
        ):
            raise ValueError(f"{self.name}: found input shape {input_shape}: built for {expected}")

    def prepare(self, x: Any) -> None:
        """Build the model for samples x, of which only the shapes are used."""
        shapes = map_leaves(lambda part: (None, *part.shape[1:]), x)
        if self.takes_structures:
            self.ensure_built(shapes)
            if self._specified is None:
                tensors = map_leaves(lambda part: Symbolic((None, *part.shape[1:])), x)
                self._specified = tensors, self._probed(tensors, {})
        else:
            self.ensure_built(shapes)

    def call(self, x: Any, training: bool = False) -> Any:
        """Run the layers."""
        graph = self._own_graph("call")
        given = self._given(x)
        for value, tensor in zip(given, graph.flat_inputs, strict=True):
            if not fits(value.shape, tensor.shape):
                of = "" if len(given) == 1 else f" of {tensor.name!r}"
                raise ValueError(
                    f"{self.name}: x{of} has shape {value.shape}: expected {tensor.shape}"
                )
        forward = self._function(training, bool(mode.masks) or self._masking)
        return self.packed(_as_list(forward(given if len(given) > 1 else given[0])))

    def _given(self, x: Any) -> list[Any]:
        """What was given for each input, in their order."""
        names = self.input_names
        if len(names) == 1 and not isinstance(x, (list, tuple, dict)):
            return [x]
        return arranged(f"{self.name}: x", x, names, "input")

    def symbolic_outputs(self, x: Any, options: dict[str, Any]) -> Any:
        """Return what `call` would return, as symbolic tensors.

        Raises:
            ValueError: The model cannot take inputs of these shapes.
        """
        if self.takes_structures:
            self.ensure_built(map_leaves(lambda tensor: tensor.shape, x))
            return self._probed(x, options)
        self.ensure_built(map_leaves(lambda tensor: tensor.shape, x))
        graph, given = self._own_graph("call"), self._given(x)
        for value, tensor in zip(given, graph.flat_inputs, strict=True):
            if not fits(value.shape, tensor.shape):
                of = "" if len(given) == 1 else f" of {tensor.name!r}"
                raise ValueError(
                    f"{self.name}: input shape {value.shape}{of}: expected {tensor.shape}"
                )
        if all(a.shape == b.shape for a, b in zip(given, graph.flat_inputs, strict=True)):
            return map_leaves(lambda t: Symbolic(t.shape, t.dtype), graph.outputs)
        return map_leaves(lambda t: Symbolic(t.shape, t.dtype), graph.infer(given))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the output for inputs of a shape."""
        outputs = self.symbolic_outputs(map_shapes(Symbolic, input_shape), {})
        return map_leaves(lambda tensor: tensor.shape, outputs)

    # ----------------------------------------------------------------------------- for training

    def forward(self, training: bool, logits: Sequence[bool] = ()) -> Callable[[Any], Any]:
        """Return the model as a function of a batch; see _training.model."""
        if not self.takes_structures:
            return self._function(training, self._masking, tuple(logits))
        stage = self.stage(training, masking=True)

        def forward(x: Any) -> Any:
            out = stage(x)
            return out if type(out) is Tensor else _one_or_list(leaves(out))

        return forward

    def _function(
        self, training: bool, masking: bool, logits: tuple[bool, ...] = ()
    ) -> Callable[[Any], Any]:
        """The graph, compiled; again where its layers have changed."""
        key = training, masking, logits
        version, function = self._compiled.get(key, (None, None))
        if version != structure.version:
            function = self._own_graph("call").compile(*key)
            self._compiled[key] = structure.version, function
        return function

    @property
    def _masking(self) -> bool:
        """makes_masks, looked up again where layers have changed."""
        version, found = self._compiled.get("masking", (None, False))
        if version != structure.version:
            found = self.makes_masks
            self._compiled["masking"] = structure.version, found
        return found

    def packed(self, outputs: list[Any]) -> Any:
        """Return a list of what belongs to the outputs in the structure in which `call` has it."""
        if self._graph is not None and not self.takes_structures:
            like = self._graph.outputs
        else:
            like = None if self._specified is None else self._specified[1]
        if like is None or isinstance(like, Symbolic):
            return outputs[0] if len(outputs) == 1 else outputs
        items = iter(outputs)
        return map_leaves(lambda _: next(items), like)

    @property
    def output_activations(self) -> list[Callable[..., Any] | None]:
        """The activations that the outputs end with; None for one that does not say."""
        if self._graph is None or self.takes_structures:
            return [None] * len(self.output_names)
        version, found = self._compiled.get("activations", (None, []))
        if version != structure.version:
            found = [self._graph.separable(k) for k in range(len(self._graph.flat_outputs))]
            self._compiled["activations"] = structure.version, found
        return found

    @property
    def output_activation(self) -> Callable[..., Any] | None:
        """The activation that the only output ends with; None if it does not say."""
        found = self.output_activations
        return found[0] if len(found) == 1 else None

    def output_shapes(self, x: Any) -> list[Shape]:
        """Return the shapes of the outputs for samples x, of which only the shapes are used."""
        n = len(leaves(x)[0])
        found = [tensor.shape for tensor in self.output_tensors]
        if any(None in shape[1:] for shape in found):  # a length that the samples decide
            tensors = map_leaves(lambda part: Symbolic((None, *part.shape[1:])), x)
            if self.takes_structures or self._graph is None:
                outputs = self._probed(tensors, {})
            else:
                outputs = self._graph.infer(leaves(tensors))
            found = [tensor.shape for tensor in leaves(outputs)]
        return [(n, *shape[1:]) for shape in found]

    @property
    def output_tensors(self) -> list[Symbolic]:
        """The outputs as symbolic tensors; none while they are unknown."""
        if self._graph is not None and not self.takes_structures:
            return self._graph.flat_outputs
        return [] if self._specified is None else leaves(self._specified[1])

    # ------------------------------------------------------------------------------- as a config

    def get_config(self) -> dict[str, Any]:
        """Return the layers and how they are connected; of a subclass with a constructor of its
        own, the arguments of that."""
        if self._graph is None or type(self).__init__ is not Model.__init__:
            config = serialization.constructor_config(self, inputs=None, outputs=None)
            return {name: value for name, value in config.items() if name not in _GIVEN}
        described = self._graph.described(_input_like)
        layers = list({id(entry[0]): entry[0] for entry in described["nodes"]}.values())
        places = {id(layer): k for k, layer in enumerate(layers)}
        return {
            "name": self.name,
            "trainable": self.trainable,
            "layers": [serialization.serialize(layer) for layer in layers],
            "nodes": [
                {"layer": places[id(layer)], "x": _encoded(x), "options": _encoded(options)}
                for layer, x, options, _ in described["nodes"]
            ],
            "inputs": _encoded(described["inputs"]),
            "outputs": _encoded(described["outputs"]),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return a new model, with new weights, from what get_config returned.

        Raises:
            TypeError, ValueError: config has another form, or a layer in it is unknown (see
                serialization.register_serializable).
        """
        if not isinstance(config, dict) or "nodes" not in config:
            return super().from_config(config)
        made: list[list[Any]] = []
        try:
            layers = [serialization.deserialize(layer) for layer in config["layers"]]
            for entry in config["nodes"]:
                layer = layers[entry["layer"]]
                if isinstance(layer, Input):
                    made.append([layer])
                    continue
                x, options = _decoded(entry["x"], made), _decoded(entry["options"], made)
                if not symbolic_in((x, options)):
                    raise ValueError(f"{layer.name}: found no inputs: expected a connected layer")
                made.append(leaves(record(layer, x, options)))
            inputs, outputs = (_decoded(config[key], made) for key in ("inputs", "outputs"))
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise TypeError(
                f"{cls.__name__}: config: found {error}: expected what get_config returns"
            ) from error
        model = cls(inputs, outputs, name=config.get("name"))
        model._trainable = bool(config.get("trainable", True))  # the layers have their own
        return model

    def to_json(self, **options: Any) -> str:
        """Return the architecture, without weights, as text; options are those of json.dumps."""
        return serialization.to_json(self, **options)

    @staticmethod
    def from_json(text: str, custom_objects: dict[str, Any] | None = None) -> Any:
        """Return a new model, with new weights, from what to_json returned.

        Args:
            text: The text.
            custom_objects: Classes and functions by name, besides those that were registered.

        Raises:
            TypeError, ValueError: text is not that of a model, or a layer in it is unknown.
        """
        model = serialization.from_json(text, custom_objects)
        if not isinstance(model, Model):
            raise TypeError(f"from_json: found a {type(model).__name__}: expected a model")
        return model


_GIVEN = ("inputs", "outputs", "input_shape", "activity_regularizer")  # no part of a config


class Sequential(Model):
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

    needs_loss = True

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
        self._layers: list[Layer] = []
        # The calls that make the chain, that of an Input first; none while its shape is unknown.
        self._calls: list[Node] = []
        self._made: Graph | None = None
        for layer in layers or ():
            self.add(layer)

    @property
    def _graph(self) -> Graph | None:  # type: ignore[override]
        if self._made is None and self.built:
            self._made = Graph(self.name, self._calls[0].outputs, self._calls[-1].outputs)
        return self._made

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy or a pickle holds; the first call, of the Input alone, by itself."""
        first = self._calls[0].layer if self._calls else None
        return {**super().__getstate__(), "_made": None, "_calls": first}

    def __setstate__(self, attributes: dict[str, Any]) -> None:
        """Make the graph again."""
        described = attributes.pop("_graph")
        vars(self).update(attributes)
        first = attributes["_calls"]
        self._calls = [] if first is None else [first.output.node]
        if described is not None:
            self._made = Graph.restored(self.name, described)
            self._calls = self._made.nodes

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
        if any(layer is known for known in self._layers):
            raise ValueError(f"add: the layer {layer.name!r} is in the model already")
        if _contains(layer, self):
            raise ValueError(
                f"add: {layer.name!r} is the model itself or contains it: expected another layer"
            )
        if isinstance(layer, Input):
            if self._layers or self._calls:
                raise ValueError("add: an Input comes first, before all layers")
            self._calls = [layer.node]
            return
        names = {known.name for known in self._layers}
        if layer.named_by_user and layer.name in names:
            raise ValueError(f"add: the name {layer.name!r} is taken: expected a name of its own")
        declared = None if layer.declared_shape is None else (None, *layer.declared_shape)
        before = self.output_shape
        if before is None and not self._layers:
            before = declared
        if declared is not None and declared != before:
            raise ValueError(
                f"add: {layer.name!r} has input_shape={layer.declared_shape}: "
                f"expected {'none' if before is None else before[1:]}, "
                "the output shape of the layers before it"
            )
        layer.name = unique_name(layer.name, names)
        if before is not None:
            if not self._calls:
                self._calls = [Input(before[1:]).node]
            self._append(layer)
            self.built = True
        self._layers.append(layer)
        structure.version += 1

    def _append(self, layer: Layer) -> None:
        """Call a layer with what the calls so far return."""
        last = self._calls[-1].outputs
        out = record(layer, last, {})
        if not isinstance(out, Symbolic):
            raise ValueError(
                f"add: {layer.name!r} returns {len(leaves(out))} tensors: expected one, or a Model "
                "from inputs to outputs"
            )
        self._calls.append(out.node)
        self._made = None

    def pop(self) -> Layer:
        """Remove the last layer and return it.

        Raises:
            IndexError: There is none.
        """
        if not self._layers:
            raise IndexError("pop: the model has no layers")
        structure.version += 1
        layer = self._layers.pop()
        if self.built:
            layer._nodes.remove(self._calls.pop())
        self._made = None
        if not self._layers:
            self.built = False
            self._calls = []
        return layer

    @property
    def input_shape(self) -> Shape | None:
        """The shape of the input, (None, ...), or None while it is unknown."""
        return self._calls[0].outputs.shape if self._calls else None

    @property
    def output_shape(self) -> Shape | None:
        """The shape of the output, (None, ...), or None while the input shape is unknown."""
        return self._calls[-1].outputs.shape if self._calls else None

    # ------------------------------------------------------------------------------- as a config

    def get_config(self) -> dict[str, Any]:
        """Return name, trainable, input_shape of a sample (None while unknown) and layers."""
        shape = self.input_shape
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "input_shape": None if shape is None else list(shape[1:]),
            "layers": [serialization.serialize(layer) for layer in self._layers],
        }
        if self._calls and self._calls[0].outputs.dtype is not pt.float32:
            config["input_dtype"] = self._calls[0].outputs.dtype.name
        return config

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
            model.add(Input(shape, dtype=config.get("input_dtype")))
        for layer in layers:
            model.add(serialization.deserialize(layer))
        model._trainable = bool(config.get("trainable", True))  # the layers have their own
        return model

    # ------------------------------------------------------------------------------- as a layer

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of a shape, the batch axis first: (None, 784).

        Raises:
            ValueError: There are no layers, or the model is built for another shape.
        """
        shape: Shape = (None, *open_shape(f"{self.name}: input_shape", tuple(input_shape)[1:]))
        if not self._layers:
            raise ValueError(f"{self.name}: the model has no layers: add some first")
        if self.built:
            if not fits(shape, self.input_shape or ()):
                raise ValueError(
                    f"{self.name}: found input shape {shape}: built for {self.input_shape}"
                )
            return
        self._calls = [Input(shape[1:]).node]
        try:
            for layer in self._layers:
                self._append(layer)
        except BaseException:
            self._calls = []
            raise
        self.built = True

    @property
    def takes_structures(self) -> bool:
        """Return False: the input is a single tensor, even where a subclass defines `call`."""
        return False

    def forward(self, training: bool, logits: Sequence[bool] = ()) -> Callable[[Any], Any]:
        """Return the model as a function of a batch; see _training.model."""
        if type(self).call is not Model.call:  # a subclass defines it
            return self.stage(training, self._masking)
        return super().forward(training, logits)

    @property
    def output_activations(self) -> list[Callable[..., Any] | None]:
        """The activation that the output ends with, or None if it does not say."""
        if type(self).call is not Model.call:
            return [None]
        return [self._layers[-1].separable_activation]


def _contains(layer: Layer, model: Layer) -> bool:
    """Whether a layer is the model or has it somewhere inside."""
    return layer is model or any(_contains(part, model) for part in layer.sublayers().values())


def _names(given: Any, names: list[str]) -> list[str]:
    """The names of inputs or outputs: the keys of a dictionary, or else those of their layers."""
    if isinstance(given, dict) and len(given) == len(names):
        return list(given)
    found: list[str] = []
    for name in names:
        found.append(unique_name(name, found))
    return found


def _input_like(tensor: Symbolic) -> Input:
    """An Input for a tensor in the middle of another graph."""
    return Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name)


def _as_list(outputs: Any) -> list[Any]:
    return outputs if type(outputs) is list else [outputs]


def _one_or_list(outputs: list[Any]) -> Any:
    return outputs[0] if len(outputs) == 1 else outputs


def _encoded(value: Any) -> Any:
    """A structure of references to nodes and of constants in the types of JSON."""
    if isinstance(value, Reference):
        return {"tensor": [value.node, value.k]}
    if isinstance(value, dict):
        return {"dictionary": [[key, _encoded(part)] for key, part in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_encoded(part) for part in value]
    if isinstance(value, Tensor):
        return {"array": np.asarray(value).tolist(), "dtype": value.dtype.name}
    if isinstance(value, np.dtype):
        return {"dtype": value.name}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(
        f"get_config: found an argument {value!r} of a layer's call: expected tensors, numbers or "
        "texts"
    )


def _decoded(value: Any, made: list[list[Any]]) -> Any:
    """The structure that _encoded wrote, with the tensors that the nodes so far returned."""
    if isinstance(value, list):
        return [_decoded(part, made) for part in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        node, k = (integer("config: tensor", number, 0) for number in value["tensor"])
        if node >= len(made):
            raise ValueError(
                f"config: node {len(made)} depends on node {node}, which comes later: expected a "
                "graph without cycles"
            )
        return made[node][k]
    if "dictionary" in value:
        return {key: _decoded(part, made) for key, part in value["dictionary"]}
    if "array" in value:
        return pt.asarray(value["array"], dtype=value["dtype"])
    return np.dtype(value["dtype"])


def _column_widths(rows: list[Any], room: int) -> list[int]:
    """The widths of the columns of a table; the widest are cut until they fit into the room."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    while sum(widths) > room:
        widest = max((k for k in range(len(widths)) if k != 2), key=lambda k: widths[k])
        if widths[widest] <= 8:
            break
        widths[widest] -= 1
    return widths


def _wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most a width, broken at spaces where that is possible."""
    lines: list[str] = []
    while len(text) > width:
        cut = text.rfind(" ", 1, width + 1)
        cut = width if cut <= 0 else cut
        lines.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*lines, text]


def _memory(n_bytes: float) -> str:
    """A number of bytes with a unit."""
    units = ["GB", "MB", "KB", "B"]
    while n_bytes >= 1024 and len(units) > 1:
        n_bytes /= 1024
        units.pop()
    return f"{n_bytes:.2f} {units[-1]}"


if not TYPE_CHECKING:  # type checkers would take any name for one of the module

    def __getattr__(name):
        raise missing("models", name, globals())
