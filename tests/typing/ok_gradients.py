"""Gradients: of functions, by a tape, and of fused functions."""

from __future__ import annotations

import pytensor as pt


def loss(w: pt.Tensor, x: pt.Tensor) -> pt.Tensor:
    """A scalar."""
    return pt.sum(pt.tanh(pt.dot(x, w)) ** 2)


def descend(w: pt.Tensor, x: pt.Tensor, steps: int) -> pt.Tensor:
    """The weights after some steps of gradient descent."""
    gradient = pt.grad(loss)
    for _ in range(steps):
        dw: pt.Tensor = gradient(w, x)
        w = w - 0.1 * dw
    return w


def by_tape(w: pt.Tensor, x: pt.Tensor) -> pt.Tensor:
    """The gradient by a tape."""
    with pt.GradientTape() as tape:
        tape.watch(w)
        value = loss(w, x)
    dw: pt.Tensor = tape.gradient(value, w)
    return dw


@pt.fuse
def step(w: pt.Tensor, dw: pt.Tensor, rate: float) -> pt.Tensor:
    """A step of gradient descent in one pass over memory."""
    return w - rate * pt.tanh(dw)


def main() -> None:
    """Use them."""
    pt.random.seed(0)
    x = pt.asarray(pt.random.generator().normal(size=(8, 3)))
    w = pt.ones((3, 2), dtype="float64")
    value, dw = pt.value_and_grad(loss)(w, x)
    w = step(w, dw, 0.1)
    print(float(value), descend(w, x, 3).shape, by_tape(w, x).shape)
    out, pull = pt.vjp(pt.tanh, x)
    print(pull(pt.ones_like(out)), pt.stop_gradient(out).shape)


if __name__ == "__main__":
    main()
