"""The tensor operations as plain Python loops, for reading rather than for use.

Each function works on one element at a time, takes arrays, tensors or nested lists, and returns
NumPy arrays. The tests compare the kernels with these loops; the benchmarks start from them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pytensor._core import _Operand

MATRIX, VECTOR = ("rows", "columns"), ("elements",)  # names of axes, for messages
IMAGE = ("rows", "columns", "channels")
KERNEL = ("rows", "columns", "channels", "filters")


def relu(x: _Operand) -> np.ndarray:
    """Return max(x, 0) of each element of a matrix (rows, columns), as a new array.

    >>> pt.naive.relu([[-1.0, 2.0]])
    array([[0., 2.]])
    """
    x = _with_rank("relu", x, 2).copy()
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] = max(x[i, j], 0)
    return x


def add(x: _Operand, y: _Operand) -> np.ndarray:
    """Return the sum of two matrices of the same shape.

    Raises:
        ValueError: an argument is not a matrix, or the shapes differ.

    >>> pt.naive.add([[1.0, 2.0]], [[3.0, 4.0]])
    array([[4., 6.]])
    """
    x, y = _pair("add", x, MATRIX, y, MATRIX)
    z = np.empty(x.shape, np.result_type(x, y))
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            z[i, j] = x[i, j] + y[i, j]
    return z


def add_matrix_and_vector(x: _Operand, y: _Operand) -> np.ndarray:
    """Add a vector (columns,) to each row of a matrix (rows, columns).

    Raises:
        ValueError: `x` is not a matrix, `y` is not a vector, or they have other numbers of columns.

    >>> pt.naive.add_matrix_and_vector([[1.0, 2.0], [3.0, 4.0]], [10.0, 20.0])
    array([[11., 22.],
           [13., 24.]])
    """
    x, y = _pair("add_matrix_and_vector", x, MATRIX, y, VECTOR, meet=(1, 0))
    z = np.empty(x.shape, np.result_type(x, y))
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            z[i, j] = x[i, j] + y[j]
    return z


def vector_dot(x: _Operand, y: _Operand) -> Any:
    """Return the dot product of two vectors (n,), a NumPy scalar.

    Raises:
        ValueError: an argument is not a vector, or the lengths differ.

    >>> float(pt.naive.vector_dot([1.0, 2.0], [3.0, 4.0]))
    11.0
    """
    x, y = _pair("vector_dot", x, VECTOR, y, VECTOR, meet=(0, 0))
    z = np.result_type(x, y).type(0)
    for i in range(x.shape[0]):
        z += x[i] * y[i]
    return z


def matrix_vector_dot(x: _Operand, y: _Operand) -> np.ndarray:
    """Return the product of a matrix (rows, columns) and a vector (columns,): (rows,).

    Raises:
        ValueError: `x` is not a matrix, `y` is not a vector, or they have other numbers of columns.

    >>> pt.naive.matrix_vector_dot([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0])
    array([3., 7.])
    """
    x, y = _pair("matrix_vector_dot", x, MATRIX, y, VECTOR, meet=(1, 0))
    z = np.zeros(x.shape[0], np.result_type(x, y))
    for i in range(x.shape[0]):
        z[i] = vector_dot(x[i], y)
    return z


def matrix_dot(x: _Operand, y: _Operand) -> np.ndarray:
    """Return the product of two matrices (rows, n) and (n, columns): (rows, columns).

    Raises:
        ValueError: an argument is not a matrix, or `x` has not as many columns as `y` rows.

    >>> pt.naive.matrix_dot([[1.0, 2.0]], [[3.0], [4.0]])
    array([[11.]])
    """
    x, y = _pair("matrix_dot", x, MATRIX, y, MATRIX, meet=(1, 0))
    z = np.zeros((x.shape[0], y.shape[1]), np.result_type(x, y))
    for i in range(x.shape[0]):
        for j in range(y.shape[1]):
            z[i, j] = vector_dot(x[i, :], y[:, j])
    return z


def conv(x: _Operand, w: _Operand) -> np.ndarray:
    """Return the convolution of an image with filters of (rows, columns, channels, filters).

    Raises:
        ValueError: the numbers of axes are others, `w` has other channels than `x`, or is larger.

    >>> pt.naive.conv([[[1.0], [2.0], [4.0]]], [[[[-1.0]], [[1.0]]]])
    array([[[1.],
            [2.]]])
    """
    x, w = _pair("conv", x, IMAGE, w, KERNEL, meet=(2, 2))
    n_rows, n_columns = (_places("conv", x.shape[d], w.shape[d]) for d in (0, 1))
    z = np.zeros((n_rows, n_columns, w.shape[3]), np.result_type(x, w))
    for i in range(n_rows):
        for j in range(n_columns):
            for f in range(w.shape[3]):
                for row in range(w.shape[0]):
                    for column in range(w.shape[1]):
                        for c in range(w.shape[2]):
                            z[i, j, f] += x[i + row, j + column, c] * w[row, column, c, f]
    return z


def max_pool(x: _Operand, size: int) -> np.ndarray:
    """Return the largest element of each window of size by size of an image, window by window.

    >>> pt.naive.max_pool([[[1.0], [5.0]], [[2.0], [3.0]]], 2)
    array([[[5.]]])
    """
    x = _with_rank("max_pool", x, 3)
    z = np.full((x.shape[0] // size, x.shape[1] // size, x.shape[2]), -np.inf, x.dtype)
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            for c in range(z.shape[2]):
                for row in range(size):
                    for column in range(size):
                        z[i, j, c] = max(z[i, j, c], x[size * i + row, size * j + column, c])
    return z


def softmax(x: _Operand) -> np.ndarray:
    """Return exp(x) / sum(exp(x)) of each row of a matrix (rows, columns).

    >>> pt.naive.softmax([[0.0, 1.0]])
    array([[0.26894142, 0.73105858]])
    """
    x = _with_rank("softmax", x, 2)
    z = np.empty(x.shape, np.result_type(x, 0.0))
    for i in range(x.shape[0]):
        largest = max(x[i])  # subtracted, so that exp does not overflow: it cancels out
        total = 0.0
        for j in range(x.shape[1]):
            z[i, j] = math.exp(x[i, j] - largest)
            total += z[i, j]
        for j in range(x.shape[1]):
            z[i, j] /= total
    return z


def categorical_crossentropy(y_true: _Operand, y_pred: _Operand) -> np.ndarray:
    """Return -sum(y_true * log(y_pred)) of each row: (rows, classes) twice to (rows,).

    Raises:
        ValueError: an argument is not a matrix, the shapes differ, or a probability is not above 0.

    >>> pt.naive.categorical_crossentropy([[0.0, 1.0]], [[0.2, 0.8]])
    array([0.22314355])
    """
    y_true, y_pred = _pair("categorical_crossentropy", y_true, MATRIX, y_pred, MATRIX)
    z = np.zeros(y_true.shape[0], np.result_type(y_true, y_pred, 0.0))
    for i in range(y_true.shape[0]):
        for j in range(y_true.shape[1]):
            z[i] -= y_true[i, j] * math.log(y_pred[i, j])
    return z


def gradient(f: Callable[[np.ndarray], Any], x: _Operand, step: float = 1e-4) -> np.ndarray:
    """Return how fast f changes with each element of a vector x (n,).

    That is (f(x + step) - f(x - step)) / (2 step), with one element of x moved at a time.

    Args:
        f: a function from a float64 array (n,) to a number.
        x: where to take the slope.
        step: how far to move each element.

    >>> pt.naive.gradient(lambda x: x[0] ** 2, [3.0])
    array([6.])
    """
    x = _with_rank("gradient", x, 1).astype(np.float64)
    z = np.empty(x.shape)
    for i in range(x.shape[0]):
        above, below = x.copy(), x.copy()
        above[i] += step
        below[i] -= step
        z[i] = (float(f(above)) - float(f(below))) / (2 * step)
    return z


def sgd_step(w: _Operand, dw: _Operand, learning_rate: float) -> np.ndarray:
    """Return the weights (n,) after a step against their gradient dw (n,).

    Raises:
        ValueError: an argument is not a vector, or the shapes differ.

    >>> pt.naive.sgd_step([1.0], [2.0], 0.1)
    array([0.8])
    """
    w, dw = _pair("sgd_step", w, VECTOR, dw, VECTOR)
    w = w.copy()
    for i in range(w.shape[0]):
        w[i] -= learning_rate * dw[i]
    return w


def momentum_step(
    w: _Operand, dw: _Operand, velocity: _Operand, learning_rate: float, momentum: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and velocity, (n,) both, after a step of gradient descent with momentum.

    Raises:
        ValueError: an argument is not a vector, or the shapes differ.

    >>> pt.naive.momentum_step([1.0], [2.0], [0.0], 0.1, 0.9)
    (array([0.8]), array([-0.2]))
    """
    w, dw = _pair("momentum_step", w, VECTOR, dw, VECTOR)
    w, velocity = _pair("momentum_step", w, VECTOR, velocity, VECTOR)
    w, velocity = w.copy(), velocity.copy()
    for i in range(w.shape[0]):
        velocity[i] = momentum * velocity[i] - learning_rate * dw[i]
        w[i] += velocity[i]
    return w, velocity


def simple_rnn(
    x: _Operand, kernel: _Operand, recurrent_kernel: _Operand, bias: _Operand
) -> np.ndarray:
    """Return the states of a recurrent layer after each step: tanh(x @ kernel + h @ recurrent + b).

    Args:
        x: a sequence, (steps, inputs).
        kernel: (inputs, units).
        recurrent_kernel: (units, units).
        bias: (units,).

    Returns:
        The states, (steps, units); the one before the first step is zero.

    Raises:
        ValueError: the shapes do not match.

    >>> pt.naive.simple_rnn([[1.0], [0.0]], [[1.0]], [[2.0]], [0.0])
    array([[0.76159416],
           [0.90937605]])
    """
    x, kernel = _pair("simple_rnn", x, ("steps", "inputs"), kernel, MATRIX, meet=(1, 0))
    recurrent_kernel, bias = np.asarray(recurrent_kernel), np.asarray(bias)
    units = kernel.shape[1]
    if recurrent_kernel.shape != (units, units) or bias.shape != (units,):
        raise ValueError(
            f"simple_rnn: recurrent_kernel {recurrent_kernel.shape}, bias {bias.shape}: "
            f"expected ({units}, {units}) and ({units},)"
        )
    states = np.zeros((x.shape[0], units), np.result_type(x, kernel, recurrent_kernel, bias, 0.0))
    h = np.zeros(units)
    for t in range(x.shape[0]):
        for j in range(units):
            total = bias[j]
            for i in range(x.shape[1]):
                total += x[t, i] * kernel[i, j]
            for i in range(units):
                total += h[i] * recurrent_kernel[i, j]
            states[t, j] = math.tanh(total)
        h = states[t]
    return states


def _pair(
    name: str,
    x: _Operand,
    x_axes: tuple[str, ...],
    y: _Operand,
    y_axes: tuple[str, ...],
    meet: tuple[int, int] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays with these axes; meet: the axes that must be equally long, by default all."""
    x, y = _with_rank(name, x, len(x_axes)), _with_rank(name, y, len(y_axes))
    if meet is None:
        if x.shape != y.shape:
            raise ValueError(f"{name}: {x.shape} and {y.shape}: the shapes differ")
    elif x.shape[meet[0]] != y.shape[meet[1]]:
        raise ValueError(
            f"{name}: {x.shape} and {y.shape}: {x.shape[meet[0]]} {x_axes[meet[0]]} "
            f"against {y.shape[meet[1]]} {y_axes[meet[1]]}"
        )
    return x, y


def _places(name: str, length: int, window: int) -> int:
    """In how many places along an axis a window fits."""
    if window > length:
        raise ValueError(f"{name}: the kernel covers {window} elements of an axis of {length}")
    return length - window + 1


def _with_rank(name: str, x: Any, rank: int) -> np.ndarray:
    x = np.asarray(x)
    if x.ndim != rank:
        raise ValueError(f"{name}: {x.shape}: expected {rank} dimension{'s' * (rank > 1)}")
    return x
