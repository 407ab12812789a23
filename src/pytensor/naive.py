"""The plain Python loops behind the tensor operations: to be read, not to be used.

Each function is what its name says, one element at a time, on arrays, Tensors or nested lists, and
returns NumPy arrays. The tests hold the kernels to these loops; the benchmarks start from them.
"""

from __future__ import annotations

import math

import numpy as np

MATRIX, VECTOR = ("rows", "columns"), ("elements",)  # names of axes, for messages


def relu(x):
    """Return max(x, 0) of each element of a matrix (rows, columns), as a new array.

    >>> pt.naive.relu([[-1.0, 2.0]])
    array([[0., 2.]])
    """
    x = _with_rank("relu", x, 2).copy()
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] = max(x[i, j], 0)
    return x


def add(x, y):
    """Return the sum of two matrices of the same shape.

    Raises:
        ValueError: an argument is no matrix, or the shapes differ.

    >>> pt.naive.add([[1.0, 2.0]], [[3.0, 4.0]])
    array([[4., 6.]])
    """
    x, y = _pair("add", x, MATRIX, y, MATRIX)
    z = np.empty(x.shape, np.result_type(x, y))
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            z[i, j] = x[i, j] + y[i, j]
    return z


def add_matrix_and_vector(x, y):
    """Add a vector (columns,) to each row of a matrix (rows, columns).

    Raises:
        ValueError: `x` is no matrix, `y` no vector, or their columns differ in number.

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


def vector_dot(x, y):
    """Return the dot product of two vectors (n,), a NumPy scalar.

    Raises:
        ValueError: an argument is no vector, or the lengths differ.

    >>> float(pt.naive.vector_dot([1.0, 2.0], [3.0, 4.0]))
    11.0
    """
    x, y = _pair("vector_dot", x, VECTOR, y, VECTOR, meet=(0, 0))
    z = np.result_type(x, y).type(0)
    for i in range(x.shape[0]):
        z += x[i] * y[i]
    return z


def matrix_vector_dot(x, y):
    """Return the product of a matrix (rows, columns) and a vector (columns,): (rows,).

    Raises:
        ValueError: `x` is no matrix, `y` no vector, or their columns differ in number.

    >>> pt.naive.matrix_vector_dot([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0])
    array([3., 7.])
    """
    x, y = _pair("matrix_vector_dot", x, MATRIX, y, VECTOR, meet=(1, 0))
    z = np.zeros(x.shape[0], np.result_type(x, y))
    for i in range(x.shape[0]):
        z[i] = vector_dot(x[i], y)
    return z


def matrix_dot(x, y):
    """Return the product of two matrices (rows, n) and (n, columns): (rows, columns).

    Raises:
        ValueError: an argument is no matrix, or the columns of `x` are not as many as the rows of
            `y`.

    >>> pt.naive.matrix_dot([[1.0, 2.0]], [[3.0], [4.0]])
    array([[11.]])
    """
    x, y = _pair("matrix_dot", x, MATRIX, y, MATRIX, meet=(1, 0))
    z = np.zeros((x.shape[0], y.shape[1]), np.result_type(x, y))
    for i in range(x.shape[0]):
        for j in range(y.shape[1]):
            z[i, j] = vector_dot(x[i, :], y[:, j])
    return z


def softmax(x):
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


def categorical_crossentropy(y_true, y_pred):
    """Return -sum(y_true * log(y_pred)) of each row: (rows, classes) twice to (rows,).

    Raises:
        ValueError: an argument is no matrix, the shapes differ, or a probability is not above 0.

    >>> pt.naive.categorical_crossentropy([[0.0, 1.0]], [[0.2, 0.8]])
    array([0.22314355])
    """
    y_true, y_pred = _pair("categorical_crossentropy", y_true, MATRIX, y_pred, MATRIX)
    z = np.zeros(y_true.shape[0], np.result_type(y_true, y_pred, 0.0))
    for i in range(y_true.shape[0]):
        for j in range(y_true.shape[1]):
            z[i] -= y_true[i, j] * math.log(y_pred[i, j])
    return z


def gradient(f, x, step=1e-4):
    """Return how fast f changes with each element of a vector x (n,): (f(x + step) - f(x - step)) /
    (2 step), one element of x moved at a time.

    f: takes a float64 array (n,) and returns a number.

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


def sgd_step(w, dw, learning_rate):
    """Return the weights (n,) after a step against their gradient dw (n,).

    Raises:
        ValueError: an argument is no vector, or the shapes differ.

    >>> pt.naive.sgd_step([1.0], [2.0], 0.1)
    array([0.8])
    """
    w, dw = _pair("sgd_step", w, VECTOR, dw, VECTOR)
    w = w.copy()
    for i in range(w.shape[0]):
        w[i] -= learning_rate * dw[i]
    return w


def momentum_step(w, dw, velocity, learning_rate, momentum):
    """Return weights and velocity, (n,) both, after a step of gradient descent with momentum.

    Raises:
        ValueError: an argument is no vector, or the shapes differ.

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


def _pair(name, x, x_axes, y, y_axes, meet=None):
    """Two arrays with these axes; meet: the axis of each that has to be as long as the other's, by
    default all."""
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


def _with_rank(name, x, rank):
    x = np.asarray(x)
    if x.ndim != rank:
        raise ValueError(f"{name}: {x.shape}: expected {rank} dimension{'s' * (rank > 1)}")
    return x
