"""Layers: each has a constructor, `build` (makes the weights, once the input shape is known) and
`call` (the computation, recorded by any tape that watches the weights).

Shapes have the batch axis first, with None for an open length: (None, 784). Weights and activations
are float32.

A custom layer:

    class Scale(layers.Layer):
        def build(self, input_shape):
            self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")

        def call(self, x):
            return x * self.factor

A layer may contain others, as attributes or in lists and dictionaries; their weights are trained
with its own.
"""

from typing import TYPE_CHECKING

from pytensor._support.names import missing
from pytensor.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from pytensor.layers.attention import MultiHeadAttention
from pytensor.layers.convolution import (
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from pytensor.layers.dense import Dense
from pytensor.layers.dropout import AlphaDropout, Dropout, GaussianDropout, GaussianNoise
from pytensor.layers.embedding import Embedding
from pytensor.layers.encoding import CategoryEncoding, Discretization
from pytensor.layers.function import Identity, Lambda, Masking
from pytensor.layers.function import Operation as Operation  # which files of models may name
from pytensor.layers.layer import Layer
from pytensor.layers.lookup import IntegerLookup, StringLookup, TextVectorization
from pytensor.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from pytensor.layers.normalization import BatchNormalization, LayerNormalization, UnitNormalization
from pytensor.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from pytensor.layers.recurrent import (
    GRU,
    LSTM,
    RNN,
    GRUCell,
    LSTMCell,
    SimpleRNN,
    SimpleRNNCell,
    StackedRNNCells,
)
from pytensor.layers.regularization import ActivityRegularization
from pytensor.layers.rescaling import Normalization, Rescaling
from pytensor.layers.resizing import (
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from pytensor.layers.shape import Flatten, Input, Permute, RepeatVector, Reshape
from pytensor.layers.wrappers import Bidirectional, TimeDistributed

__all__ = [
    "ELU",
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "ActivityRegularization",
    "Add",
    "AlphaDropout",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "BatchNormalization",
    "Bidirectional",
    "CategoryEncoding",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Discretization",
    "Dot",
    "Dropout",
    "Embedding",
    "Flatten",
    "GRUCell",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "Identity",
    "Input",
    "IntegerLookup",
    "LSTMCell",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "Minimum",
    "MultiHeadAttention",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "SeparableConv1D",
    "SeparableConv2D",
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "StackedRNNCells",
    "StringLookup",
    "Subtract",
    "TextVectorization",
    "TimeDistributed",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]


if not TYPE_CHECKING:  # type checkers would take any name for one of the module

    def __getattr__(name):
        raise missing("layers", name, globals())
