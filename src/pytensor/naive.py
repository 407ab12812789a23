"""The plain Python loops behind the tensor operations: to be read, not to be used.

Each function is what its name says, one element at a time, on arrays, Tensors or nested lists, and
returns NumPy arrays. The tests hold the kernels to these loops; the benchmarks start from them.
"""

from __future__ import annotations

import numpy as np


def relu(x):
    """Return max(x, 0) of each element of a matrix (rows, columns), as a new array."""
    x = _with_rank("relu", x, 2).copy()
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] = max(x[i, j], 0)
    return x


def add(x, y):
    """Return the sum of two matrices of the same shape.

    Raises:
        ValueError: an argument is no matrix, or the shapes differ.
    """
    x, y = _with_rank("add", x, 2), _with_rank("add", y, 2)
    if x.shape != y.shape:
        raise ValueError(f"add: {x.shape} and {y.shape}: the shapes differ")
    z = np.empty(x.shape, np.result_type(x, y))
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            z[i, j] = x[i, j] + y[i, j]
    return z


def add_matrix_and_vector(x, y):
    """Add a vector (columns,) to each row of a matrix (rows, columns).

    Raises:
        ValueError: `x` is no matrix, `y` no vector, or their columns differ in number.
    """
    x, y = _with_rank("add_matrix_and_vector", x, 2), _with_rank("add_matrix_and_vector", y, 1)
    if x.shape[1] != y.shape[0]:
        raise ValueError(
            f"add_matrix_and_vector: {x.shape} and {y.shape}: "
            f"{x.shape[1]} columns against {y.shape[0]} elements"
        )
    z = np.empty(x.shape, np.result_type(x, y))
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            z[i, j] = x[i, j] + y[j]
    return z


def vector_dot(x, y):
    """Return the dot product of two vectors (n,), a NumPy scalar.

    Raises:
        ValueError: an argument is no vector, or the lengths differ.
    """
    x, y = _with_rank("vector_dot", x, 1), _with_rank("vector_dot", y, 1)
    if x.shape != y.shape:
        raise ValueError(
            f"vector_dot: {x.shape} and {y.shape}: "
            f"{x.shape[0]} elements against {y.shape[0]} elements"
        )
    z = np.result_type(x, y).type(0)
    for i in range(x.shape[0]):
        z += x[i] * y[i]
    return z


def matrix_vector_dot(x, y):
    """Return the product of a matrix (rows, columns) and a vector (columns,): (rows,).

    Raises:
        ValueError: `x` is no matrix, `y` no vector, or their columns differ in number.
    """
    x, y = _with_rank("matrix_vector_dot", x, 2), _with_rank("matrix_vector_dot", y, 1)
    if x.shape[1] != y.shape[0]:
        raise ValueError(
            f"matrix_vector_dot: {x.shape} and {y.shape}: "
            f"{x.shape[1]} columns against {y.shape[0]} elements"
        )
    z = np.zeros(x.shape[0], np.result_type(x, y))
    for i in range(x.shape[0]):
        z[i] = vector_dot(x[i], y)
    return z


def matrix_dot(x, y):
    """Return the product of two matrices (rows, n) and (n, columns): (rows, columns).

    Raises:
        ValueError: an argument is no matrix, or the columns of `x` are not as many as the rows of
            `y`.
    """
    x, y = _with_rank("matrix_dot", x, 2), _with_rank("matrix_dot", y, 2)
    if x.shape[1] != y.shape[0]:
        raise ValueError(
            f"matrix_dot: {x.shape} and {y.shape}: {x.shape[1]} columns against {y.shape[0]} rows"
        )
    z = np.zeros((x.shape[0], y.shape[1]), np.result_type(x, y))
    for i in range(x.shape[0]):
        for j in range(y.shape[1]):
            z[i, j] = vector_dot(x[i, :], y[:, j])
    return z


def _with_rank(name, x, rank):
    x = np.asarray(x)
    if x.ndim != rank:
        raise ValueError(f"{name}: {x.shape}: expected {rank} dimension{'s' * (rank > 1)}")
    return x
