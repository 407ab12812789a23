"""Export to ONNX, the exchange format of networks (the extra [onnx]).

    onnx.export(model, "model.onnx")

Source of the operators: https://onnx.ai/onnx/operators. Custom layers and masks cannot be
exported.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Container
from types import ModuleType
from typing import Any

import numpy as np

from pytensor import _functions as pt
from pytensor import activations, layers
from pytensor._autodiff.trees import leaves, map_leaves
from pytensor._functions.convolution import transposed_lengths
from pytensor._support.files import as_path, write_atomically
from pytensor.layers import Layer
from pytensor.layers.graph import Symbolic
from pytensor.layers.layer import parameters
from pytensor.models import Model, Sequential

# The first version in which reductions take their axes as an input and Mish exists.
OPSET = 18


def export(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model as an ONNX file, for inference: dropout is left out, batch normalization uses
    its moving means.

    The graph has the input "input", (batch, ...), and the output "output"; where a model has
    several of them, they have the names of the model's. Open lengths stay open.

    Args:
        model: a built model of layers from `pytensor.layers`.
        path: the file to write.

    Raises:
        ImportError: onnx is missing; the message names the extra.
        TypeError: path is not a path, or a layer, a mask or an activation cannot be exported.
        ValueError: the model is not built.
        OSError: the file cannot be written.

    >>> from pytensor import onnx
    >>> model = pt.models.Sequential([pt.layers.Dense(3, input_shape=(4,))])
    >>> onnx.export(model, "model.onnx")  # doctest: +SKIP
    """
    try:
        import onnx
        from onnx import helper
    except ImportError:
        raise ImportError("onnx.export needs onnx: pip install 'pytensor-kernels[onnx]'") from None
    path = as_path("onnx.export", path)
    if not model.built:
        raise ValueError(
            f"onnx.export: {model.name!r} is not built: give it an input shape, or "
            "call build or fit first"
        )
    if model.takes_structures:
        _add(_Graph(onnx), model, "input", ())  # which says that it cannot
    inputs, outputs = model.input_tensors, model.output_tensors
    names = model.input_names if len(inputs) > 1 else ["input"]
    results = model.output_names if len(outputs) > 1 else ["output"]
    results = [f"{name}_output" if name in names else name for name in results]
    graph = _Graph(onnx, {*names, *results})
    found = _network(graph, model, names if len(names) > 1 else names[0], ())
    for name, result in zip([found] if isinstance(found, str) else found, results, strict=True):
        graph.nodes.append(helper.make_node("Identity", [name], [result]))

    def described(names: list[str], tensors: list[Symbolic], what: str) -> list[Any]:
        return [
            helper.make_tensor_value_info(
                name,
                helper.np_dtype_to_tensor_dtype(tensor.dtype),
                ["batch", *(f"{what}_{name}_{k}" if n is None else n for k, n in enumerate(shape))],
            )
            for name, tensor in zip(names, tensors, strict=True)
            for shape in [tensor.shape[1:]]
        ]

    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            model.name,
            described(names, inputs, "input"),
            described(results, outputs, "output"),
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="pytensor",
        ir_version=8,
    )
    onnx.checker.check_model(proto, full_check=True)
    write_atomically(path, proto.SerializeToString(deterministic=True))


class _Graph:
    """Nodes and constants so far; names are numbered, and none of those that are taken."""

    def __init__(self, onnx: ModuleType, taken: Container[str] = ()) -> None:
        self._onnx = onnx
        self._taken = taken
        self.nodes: list[Any] = []
        self.is_masked = False  # whether a layer so far makes a mask
        self.constants: list[Any] = []

    def __call__(self, op: str, *inputs: Any, **attributes: Any) -> str:
        """Add a node and return the name of its output.

        Args:
            op: the operator.
            inputs: names, or numbers and arrays, which become constants; "" for none.
            attributes: those of the operator.
        """
        return self.several(1, op, *inputs, **attributes)[0]

    def several(self, n_outputs: int, op: str, *inputs: Any, **attributes: Any) -> list[str]:
        """Add a node of several outputs and return their names."""
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        name = self._free(f"{op.lower()}_{len(self.nodes)}")
        outputs = [name, *(self._free(f"{name}_{k}") for k in range(1, n_outputs))]
        self.nodes.append(self._onnx.helper.make_node(op, names, outputs, name=name, **attributes))
        return outputs

    def _free(self, name: str) -> str:
        while name in self._taken:
            name += "_"
        return name

    def _constant(self, value: Any) -> str:
        array = np.array(value)
        if array.dtype.kind == "f":
            array = array.astype(np.float32)
        name = self._free(f"constant_{len(self.constants)}")
        self.constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name


# ------------------------------------------------------------------------------- activations

_SELU = {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}


def _gelu(g: _Graph, x: str) -> str:
    return g("Mul", g("Mul", x, 0.5), g("Add", g("Erf", g("Mul", x, math.sqrt(0.5))), 1.0))


def _soft_shrink(g: _Graph, x: str) -> str:
    return g("Sub", x, g("Clip", x, -0.5, 0.5))


def _hard_shrink(g: _Graph, x: str) -> str:
    return _unless_at_most(g, g("Abs", x), 0.5, x, 0.0)


def _unless_at_most(g: _Graph, x: str, limit: float, y: Any, z: Any) -> str:
    """z where x <= limit, else y: so also where x is NaN. (ONNX's Shrink makes 0 of that.)"""
    return g("Where", g("LessOrEqual", x, limit), z, y)


def _squareplus(g: _Graph, x: str) -> str:
    size = g("Abs", x)
    larger = g("Max", size, 2.0)
    ratio = g("Div", g("Min", size, 2.0), larger)
    length = g("Mul", larger, g("Sqrt", g("Add", g("Mul", ratio, ratio), 1.0)))
    return g("Mul", g("Add", x, length), 0.5)


_ACTIVATIONS: dict[Callable[..., Any], Callable[[_Graph, str], str]] = {
    activations.linear: lambda g, x: x,
    activations.relu: lambda g, x: g("Relu", x),
    activations.leaky_relu: lambda g, x: g("LeakyRelu", x, alpha=0.2),
    activations.relu6: lambda g, x: g("Clip", x, 0.0, 6.0),
    activations.elu: lambda g, x: g("Elu", x, alpha=1.0),
    activations.celu: lambda g, x: g("Celu", x, alpha=1.0),
    activations.selu: lambda g, x: g("Selu", x, **_SELU),
    activations.gelu: _gelu,
    activations.silu: lambda g, x: g("Mul", x, g("Sigmoid", x)),
    activations.mish: lambda g, x: g("Mish", x),
    activations.softplus: lambda g, x: g("Softplus", x),
    activations.softsign: lambda g, x: g("Softsign", x),
    activations.exponential: lambda g, x: g("Exp", x),
    activations.tanh: lambda g, x: g("Tanh", x),
    activations.sigmoid: lambda g, x: g("Sigmoid", x),
    activations.log_sigmoid: lambda g, x: g("Neg", g("Softplus", g("Neg", x))),
    activations.hard_tanh: lambda g, x: g("Clip", x, -1.0, 1.0),
    activations.hard_sigmoid: lambda g, x: g("HardSigmoid", x, alpha=1 / 6, beta=0.5),
    activations.hard_silu: lambda g, x: g("HardSwish", x),
    activations.soft_shrink: _soft_shrink,
    activations.hard_shrink: _hard_shrink,
    activations.tanh_shrink: lambda g, x: g("Sub", x, g("Tanh", x)),
    activations.squareplus: _squareplus,
    activations.softmax: lambda g, x: g("Softmax", x, axis=-1),
    activations.log_softmax: lambda g, x: g("LogSoftmax", x, axis=-1),
}


def _activation(g: _Graph, layer: Any, x: str) -> str:
    try:
        return _ACTIVATIONS[layer.activation](g, x)
    except (KeyError, TypeError):
        raise TypeError(
            f"onnx.export: {layer.name}: the activation {layer.activation!r} has no "
            "counterpart: expected one of pytensor.activations"
        ) from None


# ------------------------------------------------------------------------------------ layers
# Each function adds a layer of its class and returns the name of its output.


def _network(g: _Graph, model: Any, x: Any, shape: Any) -> Any:
    """Add the layers of a model; x is a name or a list of names, as is what this returns."""
    tensors = model.input_tensors
    names = dict(zip(map(id, tensors), x if isinstance(x, list) else [x], strict=True))

    def of(leaf: Any) -> Any:
        return names[id(leaf)] if isinstance(leaf, Symbolic) else leaf

    for node in model.calls:
        known = _OPTIONS.get(type(node.layer), ())
        others = [name for name in node.options if name not in known]
        if others and type(node.layer) is not layers.Operation:
            raise TypeError(
                f"onnx.export: {node.layer.name}: found further arguments of its call, "
                f"{', '.join(others)}: expected {' or '.join(known) or 'none'}"
            )
        if g.is_masked and {"mask", "value_mask"} & set(parameters(type(node.layer).call)):
            raise TypeError(
                f"onnx.export: {node.layer.name}: a mask has no counterpart: expected a model "
                "without Masking and mask_zero"
            )
        shapes = map_leaves(lambda t: getattr(t, "shape", None), node.x)
        options = {name: map_leaves(of, option) for name, option in node.options.items()}
        found = _add(g, node.layer, map_leaves(of, node.x), shapes, **options)
        outputs = leaves(node.outputs)
        for tensor, name in zip(outputs, [found] if len(outputs) == 1 else found, strict=True):
            names[id(tensor)] = name
    found = [of(tensor) for tensor in model.output_tensors]
    return found if len(found) > 1 else found[0]


def _dense(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    x = g("MatMul", x, layer.kernel)
    if layer.use_bias:
        x = g("Add", x, layer.bias)
    return _activation(g, layer, x)


def _relu(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    out = g("Relu", x)
    if layer.threshold or layer.negative_slope:
        below = (
            g("Mul", g("Sub", x, layer.threshold), layer.negative_slope)
            if layer.negative_slope
            else 0.0
        )
        out = _unless_at_most(g, x, layer.threshold, x, below)
    return out if layer.max_value is None else g("Min", out, layer.max_value)


def _scaled(g: _Graph, layer: Any, x: str, ndim: int) -> str:
    """gamma * x + beta."""
    if layer.scale:
        x = g("Mul", x, layer.along(layer.gamma, ndim))
    return g("Add", x, layer.along(layer.beta, ndim)) if layer.center else x


def _batch_normalization(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    ndim = len(shape)
    deviation = pt.sqrt(layer.moving_variance + layer.epsilon)
    centred = g("Sub", x, layer.along(layer.moving_mean, ndim))
    return _scaled(g, layer, g("Div", centred, layer.along(deviation, ndim)), ndim)


def _overflow_scale(g: _Graph, x: str, axes: np.ndarray) -> str:
    """What to divide x by so that its squares do not overflow, as overflow.scale_of computes it."""
    largest = g("ReduceMax", g("Abs", x), axes, keepdims=1)
    is_large = g("And", g("Greater", largest, 1e15), g("Less", largest, math.inf))
    return g("Where", is_large, largest, 1.0)


def _layer_normalization(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    ndim = len(shape)
    axes = np.array(layer.axes(ndim), np.int64)
    scale = _overflow_scale(g, x, axes)
    x = g("Div", x, scale)
    centred = g("Sub", x, g("ReduceMean", x, axes, keepdims=1))
    variance = g("ReduceMean", g("Mul", centred, centred), axes, keepdims=1)
    if layer.epsilon:  # in the unit of the variance, and never 0: the variance may be
        least = min(layer.epsilon, 1e-30)
        epsilon = g("Max", g("Div", g("Div", layer.epsilon, scale), scale), least)
        variance = g("Add", variance, epsilon)
    return _scaled(g, layer, g("Div", centred, g("Sqrt", variance)), ndim)


def _unit_normalization(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    axes = np.array(layer.axis if isinstance(layer.axis, list) else [layer.axis], np.int64)
    x = g("Div", x, _overflow_scale(g, x, axes))
    squares = g("ReduceSum", g("Mul", x, x), axes, keepdims=1)
    return g("Div", x, g("Sqrt", g("Max", squares, 1e-24)))


def _softmax(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    if not isinstance(layer.axis, list):
        return g("Softmax", x, axis=layer.axis)
    axes = np.array(layer.axis, np.int64)
    powers = g("Exp", g("Sub", x, g("ReduceMax", x, axes, keepdims=1)))
    return g("Div", powers, g("ReduceSum", powers, axes, keepdims=1))


def _rescaling(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    return g("Add", g("Mul", x, layer.scale), layer.offset)


def _embedding(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    g.is_masked = g.is_masked or layer.mask_zero
    return g("Gather", layer.embeddings, g("Cast", x, to=7), axis=0)  # 7: int64


def _reshape(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    return g("Reshape", x, np.array([0, *layer.target_shape], np.int64))  # 0: as it is


# ONNX has the channels before the other axes, so what follows goes through two transpositions.


def _channels_first(
    g: _Graph, x: str, n_axes: int, op: str, *operands: Any, **attributes: Any
) -> str:
    """The operator on (batch, channels, ...), between transpositions."""
    first = [0, n_axes + 1, *range(1, n_axes + 1)]
    last = [0, *range(2, n_axes + 2), 1]
    return g("Transpose", g(op, g("Transpose", x, perm=first), *operands, **attributes), perm=last)


def _windows(layer: Any, size: Any) -> dict[str, Any]:
    """The attributes of a window's shape, steps and padding."""
    dilation = getattr(layer, "dilation_rate", (1,) * layer.n_axes)
    attributes: dict[str, Any] = {"kernel_shape": size, "strides": layer.strides}
    if any(apart > 1 for apart in dilation):
        attributes["dilations"] = dilation
    if layer.padding == "same":
        attributes["auto_pad"] = "SAME_UPPER"
    elif layer.padding == "causal":
        attributes["pads"] = [(size[0] - 1) * dilation[0], 0]
    return attributes


def _conv_of(g: _Graph, layer: Any, x: str, w: Any, bias: Any, groups: int) -> str:
    operands = [np.moveaxis(np.asarray(w), (-1, -2), (0, 1))]
    if bias is not None:
        operands.append(bias)
    windows = _windows(layer, layer.kernel_size)
    return _channels_first(g, x, layer.n_axes, "Conv", *operands, group=groups, **windows)


def _conv(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    x = _conv_of(g, layer, x, layer.kernel, layer.bias, layer.groups)
    return _activation(g, layer, x)


def _of_each_channel(kernel: Any) -> np.ndarray:
    """The kernel (..., 1, channels * filters) of a convolution in as many groups as channels."""
    w = np.asarray(kernel)
    return w.reshape((*w.shape[:-2], 1, -1))


def _depthwise(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    w, n = _of_each_channel(layer.kernel), layer.kernel.shape[-2]
    return _activation(g, layer, _conv_of(g, layer, x, w, layer.bias, n))


def _separable(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    w, n = _of_each_channel(layer.depthwise_kernel), layer.depthwise_kernel.shape[-2]
    x = _conv_of(g, layer, x, w, None, n)
    x = g("MatMul", x, np.asarray(layer.pointwise_kernel).reshape((-1, layer.filters)))
    return _activation(g, layer, g("Add", x, layer.bias) if layer.use_bias else x)


def _conv_transpose(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    lengths: Any = shape[1:-1]
    found, before = transposed_lengths(
        layer.name,
        layer.padding,
        layer.output_padding,
        lengths,
        layer.kernel_size,
        layer.strides,
        layer.dilation_rate,
    )
    after, added = [], []
    for n, length, k, step, apart, cut in zip(
        found, lengths, layer.kernel_size, layer.strides, layer.dilation_rate, before, strict=True
    ):
        rest = (length - 1) * step + (k - 1) * apart + 1 - cut - n
        after.append(max(rest, 0))
        added.append(max(-rest, 0))
    operands = [np.moveaxis(np.asarray(layer.kernel), (-1, -2), (0, 1))]
    if layer.use_bias:
        operands.append(layer.bias)
    x = _channels_first(
        g,
        x,
        layer.n_axes,
        "ConvTranspose",
        *operands,
        strides=layer.strides,
        dilations=layer.dilation_rate,
        pads=[*before, *after],
        output_padding=added,
    )
    return _activation(g, layer, x)


def _pooling(op: str) -> Callable[[_Graph, Any, str, tuple[int | None, ...]], str]:
    def pool(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
        return _channels_first(g, x, layer.n_axes, op, **_windows(layer, layer.pool_size))

    return pool


def _global_pooling(op: str) -> Callable[[_Graph, Any, str, tuple[int | None, ...]], str]:
    def pool(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
        axes = np.arange(1, 1 + layer.n_axes, dtype=np.int64)
        return g(op, x, axes, keepdims=int(layer.keepdims))

    return pool


def _zero_padding(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    ends = np.array([(0, 0), *layer.padding, (0, 0)], np.int64)
    return g("Pad", x, ends.T.ravel())


def _up_sampling(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    bilinear = getattr(layer, "interpolation", "nearest") == "bilinear"
    scales = np.array([1, 1, *layer.size], np.float32)
    return _channels_first(
        g,
        x,
        layer.n_axes,
        "Resize",
        "",
        scales,
        mode="linear" if bilinear else "nearest",
        coordinate_transformation_mode="half_pixel" if bilinear else "asymmetric",
        nearest_mode="floor",
    )


# The activations that ONNX's recurrent operators know, and their attribute alpha.
_RECURRENT_ACTIVATIONS = {
    activations.tanh: ("Tanh", 0.0),
    activations.sigmoid: ("Sigmoid", 0.0),
    activations.relu: ("Relu", 0.0),
    activations.linear: ("Affine", 1.0),
    activations.leaky_relu: ("LeakyRelu", 0.2),
    activations.elu: ("Elu", 1.0),
    activations.softsign: ("Softsign", 0.0),
    activations.softplus: ("Softplus", 0.0),
}


def _recurrent(op: str, *order: int) -> Callable[..., Any]:
    """What adds a recurrent layer; order: our number of the operator's first gate, second, ..."""

    def turned(array: Any) -> np.ndarray:
        """Weights (..., gates * units) as the operator has them, (1, gates * units, ...)."""
        parts = np.split(np.asarray(array), len(order), axis=-1)
        return np.concatenate([parts[k].T for k in order])[None]

    def add(g: _Graph, layer: Any, x: str, shape: Any, initial_state: Any = None) -> Any:
        cell = layer.cell
        if layer.stateful:
            raise TypeError(f"onnx.export: {layer.name}: found stateful=True: expected False")
        functions = [cell.activation] * (2 if op == "LSTM" else 1)
        if len(order) > 1:
            functions.insert(0, cell.recurrent_activation)
        try:
            known = [_RECURRENT_ACTIVATIONS[function] for function in functions]
        except (KeyError, TypeError):
            raise TypeError(
                f"onnx.export: {layer.name}: one of the activations {functions} has no counterpart "
                f"in {op}: known are {', '.join(f.__name__ for f in _RECURRENT_ACTIVATIONS)}"
            ) from None
        bias = np.zeros((2, 1, len(order) * cell.units), np.float32)
        for to, own in zip(bias, (cell.input_bias(), cell.recurrent_bias()), strict=True):
            if own is not None:
                to[...] = turned(own)
        states = initial_state if isinstance(initial_state, (list, tuple)) else [initial_state]
        axis = np.array([0], np.int64)
        steps, *last = g.several(
            3 if op == "LSTM" else 2,
            op,
            g("Transpose", x, perm=[1, 0, 2]),
            turned(cell.kernel),
            turned(cell.recurrent_kernel),
            np.concatenate(list(bias), axis=-1),
            "",
            *(g("Unsqueeze", state, axis) for state in states if state is not None),
            hidden_size=cell.units,
            direction="reverse" if layer.go_backwards else "forward",
            activations=[name for name, _ in known],
            activation_alpha=[alpha for _, alpha in known],
            **({"linear_before_reset": int(cell.reset_after)} if op == "GRU" else {}),
        )
        last = [g("Squeeze", state, axis) for state in last]
        output = last[0]
        if layer.return_sequences:
            output = g("Transpose", g("Squeeze", steps, np.array([1], np.int64)), perm=[1, 0, 2])
            # The operator gives the steps in the order of time.
            output = _reversed(g, output) if layer.go_backwards else output
        return [output, *last] if layer.return_state else output

    return add


def _reversed(g: _Graph, x: str) -> str:
    """The steps of (batch, steps, ...) in the other order."""
    first, end, axis, step = (np.array([k], np.int64) for k in (-1, np.iinfo(np.int64).min, 1, -1))
    return g("Slice", x, first, end, axis, step)


def _bidirectional(g: _Graph, layer: Any, x: str, shape: Any) -> Any:
    outputs, states = [], []
    for one in (layer.forward_layer, layer.backward_layer):
        found = _add(g, one, x, shape)
        output, *after = found if isinstance(found, list) else [found]
        is_reversed = one.return_sequences and one is layer.backward_layer
        outputs.append(_reversed(g, output) if is_reversed else output)
        states += after
    if layer.merge_mode == "concat":
        outputs = [g("Concat", *outputs, axis=-1)]
    elif layer.merge_mode is not None:
        merged = g("Mul" if layer.merge_mode == "mul" else "Add", *outputs)
        outputs = [g("Div", merged, 2.0) if layer.merge_mode == "ave" else merged]
    return [*outputs, *states] if len(outputs) + len(states) > 1 else outputs[0]


def _time_distributed(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    batch_and_steps = g("Shape", x, start=0, end=2)

    def reshaped(x: str, before: Any, length: str | tuple[int | None, ...]) -> str:
        return g("Reshape", x, g("Concat", before, length, axis=0))

    rest = g("Shape", x, start=2)
    x = reshaped(x, np.array([-1], np.int64), rest)
    out = _add(g, layer.layer, x, (None, *shape[2:]))
    return reshaped(out, batch_and_steps, g("Shape", out, start=1))


def _attention(
    g: _Graph,
    layer: Any,
    query: str,
    shape: Any,
    value: str,
    key: str | None = None,
    use_causal_mask: bool = False,
    return_attention_scores: bool = False,
) -> Any:
    def projected(name: str, x: str, size: int) -> str:
        kernel, bias = layer.projections[name]
        x = g("MatMul", x, np.asarray(kernel).reshape((size, -1)))
        return x if bias is None else g("Add", x, np.asarray(bias).ravel())

    def heads(name: str, x: str, perm: list[int]) -> str:
        kernel, _ = layer.projections[name]
        shape = np.array([0, 0, *kernel.shape[1:]], np.int64)
        return g("Transpose", g("Reshape", projected(name, x, len(kernel)), shape), perm=perm)

    q = heads("query", query, [0, 2, 1, 3])
    k = heads("key", value if key is None else key, [0, 2, 3, 1])
    v = heads("value", value, [0, 2, 1, 3])
    scores = g("Mul", g("MatMul", q, k), 1 / math.sqrt(layer.key_dim))
    if use_causal_mask:
        ones = g("Expand", 1.0, g("Shape", scores, start=2))
        is_seen = g("Greater", g("Trilu", ones, upper=0), 0.5)
        scores = g("Where", is_seen, scores, -math.inf)
    weights = g("Softmax", scores, axis=-1)
    out = g("Transpose", g("MatMul", weights, v), perm=[0, 2, 1, 3])
    out = g("Reshape", out, np.array([0, 0, layer.num_heads * layer.value_dim], np.int64))
    out = projected("attention_output", out, layer.num_heads * layer.value_dim)
    return [out, weights] if return_attention_scores else out


def _nothing(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    return x


def _merged(op: str) -> Callable[..., str]:
    """What adds a layer that combines its inputs by an operator."""

    def add(g: _Graph, layer: Any, x: list[str], shapes: list[Any]) -> str:
        ndim = max(map(len, shapes))
        found = []
        for name, shape in zip(x, shapes, strict=True):
            if len(shape) < ndim:
                axes = np.arange(1, 1 + ndim - len(shape), dtype=np.int64)
                name = g("Unsqueeze", name, axes)
            found.append(name)
        total = found[0]
        for name in found[1:]:
            total = g(op, total, name)
        return g("Div", total, float(len(x))) if type(layer) is layers.Average else total

    return add


def _dot(g: _Graph, layer: Any, x: list[str], shapes: list[Any]) -> str:
    if layer.normalize:
        raise TypeError(f"onnx.export: {layer.name}: found normalize=True: expected False")
    out = g("Einsum", *x, equation=layer.equation(shapes))
    return g("Unsqueeze", out, np.array([1], np.int64)) if max(map(len, shapes)) == 2 else out


def _repeat_vector(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    wide = g("Unsqueeze", x, np.array([1], np.int64))
    return g("Tile", wide, np.array([1, layer.n, 1], np.int64))


def _masking(g: _Graph, layer: Any, x: str, shape: tuple[int | None, ...]) -> str:
    g.is_masked = True
    padding = g("Cast", g("Equal", x, layer.mask_value), to=1)
    is_padding = g("Greater", g("ReduceMin", padding, np.array([-1], np.int64), keepdims=1), 0.5)
    return g("Where", is_padding, 0.0, x)


_OPERATORS = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "pow": "Pow",
    "matmul": "MatMul",
    "negative": "Neg",
    "abs": "Abs",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "relu": "Relu",
    "maximum": "Max",
    "minimum": "Min",
}


def _operation(g: _Graph, layer: Any, x: list[Any], shapes: Any, **options: Any) -> str:
    if layer.function not in _OPERATORS or options:
        raise TypeError(
            f"onnx.export: {layer.name}: the function {layer.function!r} has no counterpart: known "
            f"are {', '.join(_OPERATORS)}"
        )
    numbers = [float(part) if isinstance(part, (int, float)) else part for part in x]
    return g(_OPERATORS[layer.function], *numbers)


_LAYERS: dict[type, Callable[..., Any]] = {
    Model: _network,
    Sequential: _network,
    layers.Dense: _dense,
    layers.Activation: lambda g, layer, x, shape: _activation(g, layer, x),
    layers.ReLU: _relu,
    layers.LeakyReLU: lambda g, layer, x, shape: (
        g("LeakyRelu", x, alpha=layer.negative_slope) if layer.negative_slope else g("Relu", x)
    ),
    layers.PReLU: lambda g, layer, x, shape: g("PRelu", x, layer.alpha),
    layers.ELU: lambda g, layer, x, shape: g("Elu", x, alpha=layer.alpha),
    layers.Softmax: _softmax,
    layers.BatchNormalization: _batch_normalization,
    layers.LayerNormalization: _layer_normalization,
    layers.UnitNormalization: _unit_normalization,
    layers.Rescaling: _rescaling,
    layers.Embedding: _embedding,
    layers.Flatten: lambda g, layer, x, shape: g("Flatten", x, axis=1),
    layers.Reshape: _reshape,
    layers.Permute: lambda g, layer, x, shape: g("Transpose", x, perm=[0, *layer.dims]),
    layers.RepeatVector: _repeat_vector,
    layers.Masking: _masking,
    layers.Add: _merged("Add"),
    layers.Average: _merged("Add"),
    layers.Subtract: _merged("Sub"),
    layers.Multiply: _merged("Mul"),
    layers.Maximum: _merged("Max"),
    layers.Minimum: _merged("Min"),
    layers.Concatenate: lambda g, layer, x, shapes: g("Concat", *x, axis=layer.axis),
    layers.Dot: _dot,
    layers.SimpleRNN: _recurrent("RNN", 0),
    layers.LSTM: _recurrent("LSTM", 0, 3, 1, 2),
    layers.GRU: _recurrent("GRU", 0, 1, 2),
    layers.Bidirectional: _bidirectional,
    layers.TimeDistributed: _time_distributed,
    layers.MultiHeadAttention: _attention,
    layers.Operation: _operation,
    **dict.fromkeys((layers.Conv1D, layers.Conv2D, layers.Conv3D), _conv),
    **dict.fromkeys(
        (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose), _conv_transpose
    ),
    **dict.fromkeys((layers.DepthwiseConv1D, layers.DepthwiseConv2D), _depthwise),
    **dict.fromkeys((layers.SeparableConv1D, layers.SeparableConv2D), _separable),
    **dict.fromkeys(
        (layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D), _pooling("MaxPool")
    ),
    **dict.fromkeys(
        (layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D),
        _pooling("AveragePool"),
    ),
    **dict.fromkeys(
        (layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D),
        _global_pooling("ReduceMax"),
    ),
    **dict.fromkeys(
        (
            layers.GlobalAveragePooling1D,
            layers.GlobalAveragePooling2D,
            layers.GlobalAveragePooling3D,
        ),
        _global_pooling("ReduceMean"),
    ),
    **dict.fromkeys(
        (layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D), _zero_padding
    ),
    **dict.fromkeys((layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D), _up_sampling),
    **dict.fromkeys(
        (
            layers.Dropout,
            layers.AlphaDropout,
            layers.GaussianDropout,
            layers.GaussianNoise,
            layers.ActivityRegularization,
            layers.Identity,
        ),
        _nothing,
    ),
}

# Further arguments of calls that can be exported.
_OPTIONS: dict[type, tuple[str, ...]] = {
    **dict.fromkeys((layers.SimpleRNN, layers.LSTM, layers.GRU), ("initial_state",)),
    layers.MultiHeadAttention: ("value", "key", "use_causal_mask", "return_attention_scores"),
}


def _add(g: _Graph, layer: Layer, x: Any, shape: Any, **options: Any) -> Any:
    """Add a layer to a graph, for an input of that shape, or a list of them."""
    # Not isinstance: a subclass may compute something else.
    if type(layer) not in _LAYERS:
        raise TypeError(
            f"onnx.export: {layer.name}: a {type(layer).__name__} has no counterpart: "
            f"known are {', '.join(sorted(cls.__name__ for cls in _LAYERS))}"
        )
    return _LAYERS[type(layer)](g, layer, x, shape, **options)
