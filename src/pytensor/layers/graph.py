"""Graphs of layers: symbolic tensors, the calls that they come from, and how a graph runs.

A layer that is called with a symbolic tensor, which has a shape and a dtype but no elements, does
not compute: it records the call as a Node and returns new symbolic tensors. A Graph is what lies
between some of them; it compiles to a function of tensors.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pytensor import _functions as pt
from pytensor._autodiff.trees import leaves, map_leaves
from pytensor._core import Tensor

Shape = tuple[Any, ...]

# operation(name, *arguments), which records a call of a function by its name. It is a layer, so
# the module of that layer puts it here.
_handed_down: dict[str, Callable[..., Any]] = {}


def hand_down(operation: Callable[..., Any]) -> None:
    """Keep what operators and indices of symbolic tensors call."""
    _handed_down["operation"] = operation


def _operator(name: str, reflected: bool = False) -> Callable[..., Any]:
    """Return a method that records a function of the symbolic tensor and another operand."""

    def method(self: Symbolic, *others: Any) -> Any:
        arguments = (*others, self) if reflected else (self, *others)
        return _handed_down["operation"](name, *arguments)

    return method


class Symbolic:
    """A tensor without elements: the output of a layer in a graph that has not run.

    Attributes:
        shape: The lengths of its axes, None for open ones: (None, 784).
        dtype: Its dtype.
        node: The call that it comes from.
    """

    node: Node
    __array_ufunc__ = None  # NumPy leaves operators to this class

    def __init__(self, shape: Iterable[Any], dtype: Any = None) -> None:
        """Make one; the Node that returns it sets its node."""
        self.shape: Shape = tuple(shape)
        self.dtype = pt.float32 if dtype is None else np.dtype(dtype)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def name(self) -> str:
        """The name of the layer that it comes from."""
        return self.node.layer.name

    def __repr__(self) -> str:
        """Return shape, dtype and origin."""
        return f"<symbolic tensor {self.shape} {self.dtype} of {self.name!r}>"

    __add__ = _operator("add")
    __radd__ = _operator("add", True)
    __sub__ = _operator("subtract")
    __rsub__ = _operator("subtract", True)
    __mul__ = _operator("multiply")
    __rmul__ = _operator("multiply", True)
    __truediv__ = _operator("divide")
    __rtruediv__ = _operator("divide", True)
    __floordiv__ = _operator("floor_divide")
    __rfloordiv__ = _operator("floor_divide", True)
    __mod__ = _operator("remainder")
    __pow__ = _operator("pow")
    __rpow__ = _operator("pow", True)
    __matmul__ = _operator("matmul")
    __rmatmul__ = _operator("matmul", True)
    __neg__ = _operator("negative")
    __abs__ = _operator("abs")
    __lt__ = _operator("less")
    __le__ = _operator("less_equal")
    __gt__ = _operator("greater")
    __ge__ = _operator("greater_equal")
    __getitem__ = _operator("getitem")

    def _no_elements(self, *_: Any) -> Any:
        raise TypeError(
            f"{self!r} has no elements: expected a layer or a function of ops that takes it, or "
            "a Model from inputs to outputs to call with data"
        )

    __iter__ = __len__ = __bool__ = __float__ = __int__ = __array__ = _no_elements


class Node:
    """A call of a layer with symbolic tensors.

    Attributes:
        layer: The layer.
        x: What it was called with: a symbolic tensor, or a structure of them and of constants.
        options: Its further arguments, by name.
        outputs: The symbolic tensors that it returned.
        inputs: The symbolic tensors in x and options.
    """

    def __init__(self, layer: Any, x: Any, options: dict[str, Any], outputs: Any) -> None:
        """Record a call."""
        self.layer, self.x, self.options, self.outputs = layer, x, options, outputs
        self.inputs = symbolic_in((x, options))
        for tensor in leaves(outputs):
            tensor.node = self
        layer._nodes.append(self)


def symbolic_in(structure: Any) -> list[Symbolic]:
    """Return the symbolic tensors in a structure."""
    if isinstance(structure, Symbolic):
        return [structure]
    return [leaf for leaf in leaves(structure) if isinstance(leaf, Symbolic)]


def record(layer: Any, x: Any, options: dict[str, Any]) -> Any:
    """Return what a layer returns for symbolic tensors, and record the call."""
    outputs = layer.symbolic_outputs(x, options)
    return Node(layer, x, options, outputs).outputs


def shapes_of(structure: Any) -> Any:
    """Return the shapes of the tensors in a structure, with an open batch axis; None for others."""
    return map_leaves(
        lambda leaf: (None, *leaf.shape[1:]) if isinstance(leaf, (Symbolic, Tensor)) else None,
        structure,
    )


def is_shape(value: Any) -> bool:
    """Whether a value is a shape, and not a structure of shapes."""
    return isinstance(value, (tuple, list)) and all(
        length is None or isinstance(length, (int, np.integer)) for length in value
    )


def map_shapes(function: Callable[[Shape], Any], structure: Any) -> Any:
    """Return the structure with function(shape) in place of each shape."""
    if structure is None:
        return None
    if is_shape(structure):
        return function(tuple(structure))
    if isinstance(structure, dict):
        return {key: map_shapes(function, part) for key, part in structure.items()}
    return [map_shapes(function, part) for part in structure]


def fits(shape: Sequence[Any], expected: Sequence[Any]) -> bool:
    """Whether a shape is the expected one, where open axes have any length."""
    return len(shape) == len(expected) and all(
        known is None or length is None or length == known
        for length, known in zip(shape, expected, strict=True)
    )


class Graph:
    """The layers between symbolic tensors.

    Attributes:
        inputs: The tensors it begins with, in the structure that the model was given.
        outputs: Those it ends with.
        flat_inputs: A list of the inputs.
        flat_outputs: A list of the outputs.
        nodes: The calls in between, each after those it depends on.
        layers: The layers, in this order.
    """

    def __init__(self, name: str, inputs: Any, outputs: Any) -> None:
        """Find the layers.

        Args:
            name: That of the model, for messages.
            inputs: A symbolic tensor, or a structure of them.
            outputs: The same.

        Raises:
            TypeError: Something else is among them.
            ValueError: There are none, an input occurs twice, or an output depends on an Input that
                is not among the inputs.
        """
        self.inputs, self.outputs = inputs, outputs
        self.flat_inputs = _checked(f"{name}: inputs", inputs)
        self.flat_outputs = _checked(f"{name}: outputs", outputs)
        given = {id(tensor) for tensor in self.flat_inputs}
        if len(given) < len(self.flat_inputs):
            names = [tensor.name for tensor in self.flat_inputs]
            raise ValueError(f"{name}: inputs: found {names}: expected each once")
        order = self._order(name, given)
        depths = dict.fromkeys(order, 0)
        for node in reversed(order):
            for tensor in node.inputs:
                if id(tensor) not in given or tensor.node in depths:
                    depths[tensor.node] = max(depths[tensor.node], depths[node] + 1)
        for tensor in self.flat_inputs:  # an input may be of no use
            if not tensor.node.inputs and tensor.node not in depths:
                depths[tensor.node] = 0
                order.insert(0, tensor.node)
        place = {node: k for k, node in enumerate(order)}
        self.nodes = sorted(order, key=lambda node: (-depths[node], place[node]))
        deepest: dict[int, tuple[int, int]] = {}
        for node in self.nodes:
            known = deepest.get(id(node.layer), (0, len(order)))
            deepest[id(node.layer)] = (min(known[0], -depths[node]), min(known[1], place[node]))
        found = {id(node.layer): node.layer for node in self.nodes}
        self.layers = sorted(found.values(), key=lambda layer: deepest[id(layer)])

    def _order(self, name: str, given: set[int]) -> list[Node]:
        """The nodes that the outputs depend on, each after those it depends on."""
        order: dict[Node, None] = {}
        for output in self.flat_outputs:
            waiting: list[tuple[Symbolic, Iterator[Symbolic]]] = []
            tensor: Symbolic | None = output
            while True:
                if tensor is not None and tensor.node not in order:
                    is_given = id(tensor) in given
                    if not is_given and not tensor.node.inputs:
                        raise ValueError(
                            f"{name}: not connected: the output {output.name!r} "
                            f"{output.shape} depends on the input {tensor.name!r} {tensor.shape}: "
                            f"found the inputs {[known.name for known in self.flat_inputs]}: "
                            "expected it among them"
                        )
                    if not is_given:
                        waiting.append((tensor, iter(tensor.node.inputs)))
                    elif not tensor.node.inputs:
                        order[tensor.node] = None
                if not waiting:
                    break
                parent, rest = waiting[-1]
                tensor = next(rest, None)
                if tensor is None:
                    waiting.pop()
                    order[parent.node] = None
        return list(order)

    # ------------------------------------------------------------------------------- running it

    def compile(
        self, training: bool, masking: bool = False, logits: Sequence[bool] = ()
    ) -> Callable[[Any], Any]:
        """Return the graph as a function.

        Args:
            training: Whether dropout and the like are active.
            masking: Whether masks have to be passed on.
            logits: For each output, whether to leave out its last activation.

        Returns:
            forward(x): x is a tensor, or a list where there are several inputs; likewise what it
            returns.
        """
        slots = {id(tensor): k for k, tensor in enumerate(self.flat_inputs)}
        calls = []
        for node in self.nodes:
            outputs = leaves(node.outputs)
            if all(id(tensor) in slots for tensor in outputs):  # an input
                continue
            for tensor in outputs:
                slots.setdefault(id(tensor), len(slots))
            without_activation = any(
                asked and tensor is outputs[0]
                for asked, tensor in zip(logits, self.flat_outputs, strict=False)
            )
            calls.append((node, node.layer.stage(training, masking, without_activation)))
        simple = all(
            isinstance(node.x, Symbolic) and not node.options and isinstance(node.outputs, Symbolic)
            for node, _ in calls
        )
        if simple and len(self.flat_inputs) == len(self.flat_outputs) == 1:
            tensor = self.flat_inputs[0]
            for node, _ in calls:
                if node.x is not tensor:
                    break
                tensor = node.outputs
            else:
                if tensor is self.flat_outputs[0]:
                    return _chain([function for _, function in calls])
        last = {slots[id(tensor)]: k for k, (node, _) in enumerate(calls) for tensor in node.inputs}
        kept = [slots[id(tensor)] for tensor in self.flat_outputs]
        steps = [
            (
                *_reader(node, function, slots),
                [slots[id(tensor)] for tensor in leaves(node.outputs)],
                [slot for slot, when in last.items() if when == k and slot not in kept],
            )
            for k, (node, function) in enumerate(calls)
        ]
        return functools.partial(
            _run, len(slots), steps, None if len(self.flat_inputs) == 1 else True, kept
        )

    def separable(self, k: int) -> Callable[..., Any] | None:
        """Return the activation that output k ends with, if it can be left out; else None."""
        tensor = self.flat_outputs[k]
        others = sum(t is tensor for node in self.nodes for t in node.inputs)
        if others or sum(t is tensor for t in self.flat_outputs) > 1:
            return None
        return tensor.node.layer.separable_activation if tensor.node.inputs else None

    def infer(self, inputs: Sequence[Symbolic]) -> Any:
        """Return what the graph returns for inputs of other shapes, as symbolic tensors."""
        known = dict(zip(map(id, self.flat_inputs), inputs, strict=True))

        def of(leaf: Any) -> Any:
            return known[id(leaf)] if isinstance(leaf, Symbolic) else leaf

        for node in self.nodes:
            if all(id(tensor) in known for tensor in leaves(node.outputs)):
                continue
            outputs = node.layer.symbolic_outputs(
                map_leaves(of, node.x), map_leaves(of, node.options)
            )
            for tensor, new in zip(leaves(node.outputs), leaves(outputs), strict=True):
                new.node = node
                known[id(tensor)] = new
        return map_leaves(of, self.outputs)

    # ------------------------------------------------------------------------------- keeping it

    def described(self, make_input: Callable[[Symbolic], Symbolic]) -> dict[str, Any]:
        """Return the graph without the nodes, which refer to one another: for copies and files.

        Its "nodes" are tuples (layer, x, options, outputs): a Reference takes the place of each
        symbolic tensor in x and options, a Specification of those in outputs.

        Args:
            make_input: Returns an Input for a tensor in the middle of another graph.
        """
        places: dict[int, Reference] = {}
        entries: list[tuple[Any, ...]] = []
        for tensor in self.flat_inputs:
            places[id(tensor)] = Reference(len(entries), 0)
            entries.append((make_input(tensor) if tensor.node.inputs else tensor, None, {}, None))

        def of(leaf: Any) -> Any:
            return places[id(leaf)] if isinstance(leaf, Symbolic) else leaf

        for node in self.nodes:
            if not node.inputs:
                continue
            x, options = map_leaves(of, node.x), map_leaves(of, node.options)
            for k, tensor in enumerate(leaves(node.outputs)):
                places.setdefault(id(tensor), Reference(len(entries), k))
            outputs = map_leaves(lambda t: Specification(t.shape, t.dtype), node.outputs)
            entries.append((node.layer, x, options, outputs))
        return {
            "nodes": entries,
            "inputs": map_leaves(of, self.inputs),
            "outputs": map_leaves(of, self.outputs),
        }

    @classmethod
    def restored(cls, name: str, described: dict[str, Any]) -> Graph:
        """Return a graph of what `described` returned."""
        made: list[list[Symbolic]] = []

        def of(leaf: Any) -> Any:
            return made[leaf.node][leaf.k] if isinstance(leaf, Reference) else leaf

        for layer, x, options, outputs in described["nodes"]:
            if outputs is None:
                made.append([layer])
                continue
            new = map_leaves(lambda s: Symbolic(s.shape, s.dtype), outputs)
            Node(layer, map_leaves(of, x), map_leaves(of, options), new)
            made.append(leaves(new))
        return cls(name, *(map_leaves(of, described[key]) for key in ("inputs", "outputs")))


@dataclass
class Reference:
    """Output k of a node, by its number, of a described graph."""

    node: int
    k: int


@dataclass
class Specification:
    """The shape and the dtype of a symbolic tensor of a described graph."""

    shape: Shape
    dtype: Any


def _checked(name: str, structure: Any) -> list[Symbolic]:
    """The symbolic tensors of inputs or outputs, which must have no other parts."""
    given = [structure] if isinstance(structure, Symbolic) else leaves(structure)
    if not given:
        raise ValueError(f"{name}: found none: expected at least one symbolic tensor")
    for tensor in given:
        if not isinstance(tensor, Symbolic):
            found = f"a {type(tensor).__name__}" if hasattr(tensor, "shape") else repr(tensor)
            raise TypeError(
                f"{name}: found {found}: expected symbolic tensors, which Input makes and "
                "layers return for them"
            )
    return given


def _chain(functions: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """Return functions that are called one after the other as one."""

    def forward(x: Any) -> Any:
        for function in functions:
            x = function(x)
        return x

    return forward


def _reader(
    node: Node, function: Callable[..., Any], slots: dict[int, int]
) -> tuple[Callable[..., Any], Any]:
    """A function, and what it is called with: a slot, a list of slots or None for all values."""
    x, options = node.x, node.options
    if not options and isinstance(x, Symbolic):
        return function, slots[id(x)]
    if not options and isinstance(x, list) and all(isinstance(part, Symbolic) for part in x):
        return function, [slots[id(part)] for part in x]

    def of(values: list[Any]) -> Callable[[Any], Any]:
        return lambda leaf: values[slots[id(leaf)]] if isinstance(leaf, Symbolic) else leaf

    def call(values: list[Any]) -> Any:
        read = of(values)
        return function(map_leaves(read, x), **map_leaves(read, options))

    return call, None


def _run(
    n_slots: int, steps: list[tuple[Any, ...]], several: bool | None, kept: list[int], x: Any
) -> Any:
    """Run a compiled graph that is not a chain."""
    values: list[Any] = list(x) if several else [x]
    values += [None] * (n_slots - len(values))
    for function, read, written, dead in steps:
        if type(read) is int:
            out = function(values[read])
        elif read is None:
            out = function(values)
        else:
            out = function([values[slot] for slot in read])
        if len(written) == 1:
            values[written[0]] = out if type(out) is Tensor else leaves(out)[0]
        else:
            for slot, part in zip(written, leaves(out), strict=True):
                values[slot] = part
        for slot in dead:
            values[slot] = None
    return [values[slot] for slot in kept] if len(kept) > 1 else values[kept[0]]
