"""Export to ONNX, the exchange format of networks (the extra [onnx]).

    onnx.export(model, "model.onnx")

Source of the operators: https://onnx.ai/onnx/operators. Custom layers cannot be exported.
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
        TypeError: path is not a path, or a layer or an activation cannot be exported.
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
        self.constants: list[Any] = []

    def __call__(self, op: str, *inputs: Any, **attributes: Any) -> str:
        """Add a node and return the name of its output.

        Args:
            op: the operator.
            inputs: names, or numbers and arrays, which become constants.
            attributes: those of the operator.
        """
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        name = self._free(f"{op.lower()}_{len(self.nodes)}")
        self.nodes.append(self._onnx.helper.make_node(op, names, [name], name=name, **attributes))
        return name

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
        if node.options and type(node.layer) is not layers.Operation:
            raise TypeError(
                f"onnx.export: {node.layer.name}: found further arguments of its call, "
                f"{', '.join(node.options)}: expected none"
            )
        shapes = map_leaves(lambda t: getattr(t, "shape", None), node.x)
        found = _add(g, node.layer, map_leaves(of, node.x), shapes, **node.options)
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


def _add(g: _Graph, layer: Layer, x: Any, shape: Any, **options: Any) -> Any:
    """Add a layer to a graph, for an input of that shape, or a list of them."""
    # Not isinstance: a subclass may compute something else.
    if type(layer) not in _LAYERS:
        raise TypeError(
            f"onnx.export: {layer.name}: a {type(layer).__name__} has no counterpart: "
            f"known are {', '.join(sorted(cls.__name__ for cls in _LAYERS))}"
        )
    return _LAYERS[type(layer)](g, layer, x, shape, **options)
