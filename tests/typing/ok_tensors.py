"""Tensors: how they are made, computed with, and given to NumPy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

import pytensor as pt


def normalized(x: pt.Tensor, axis: int = -1) -> pt.Tensor:
    """x with mean 0 and variance 1 along an axis."""
    mean = pt.mean(x, axis=axis, keepdims=True)
    variance = pt.mean((x - mean) ** 2, axis=axis, keepdims=True)
    return (x - mean) / pt.sqrt(variance + 1e-6)


def creation() -> list[pt.Tensor]:
    """Tensors of all origins."""
    array: npt.NDArray[np.float64] = np.arange(6.0).reshape(2, 3)
    return [
        pt.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
        pt.asarray(array, dtype="float32"),
        pt.asarray(3, dtype=pt.int64),
        pt.zeros((2, 3)),
        pt.ones(3, dtype=np.float64),
        pt.full((2, 3), 0.5),
        pt.arange(6),
        pt.linspace(0.0, 1.0, 5),
        pt.eye(3),
        pt.zeros_like(pt.ones((2, 2))),
        pt.asarray(pt.random.generator().normal(size=(2, 3))),
    ]


def main() -> None:
    """Use them."""
    x = pt.reshape(pt.arange(6, dtype="float32"), (2, 3))
    rows, columns = x.shape
    y = normalized(x) + pt.exp(-x) * 2 - 1 / (1 + pt.abs(x))
    y[0] = 0.0
    y[:, 1] += 1
    z = pt.where(y > 0, y, pt.zeros_like(y))
    product = z @ x.T
    parts = pt.concat([product, pt.dot(z, x.T)], axis=0)
    stacked = pt.stack([x, z])
    total = pt.sum(parts) + pt.max(stacked) + pt.einsum("ij,ij->", x, z)
    ordered = pt.sort(pt.cumulative_sum(pt.reshape(x, (-1,))), descending=True)
    largest, smallest = pt.max(ordered), pt.min(ordered)
    number: float = float(total)
    array: npt.NDArray[np.float32] = np.asarray(ordered, dtype=np.float32)
    matrix = product + rows * pt.eye(rows)
    inverse = pt.linalg.inv(matrix)
    length = pt.linalg.vector_norm(inverse)
    kinds = [str(t.dtype) for t in creation()]
    print(number, array, columns, largest.item(), smallest.item(), length, kinds, pi_is(pt.pi))


def pi_is(value: float) -> str:
    """A number as text."""
    return f"{value:.2f}"


if __name__ == "__main__":
    main()
