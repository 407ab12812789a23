"""A cell's recurrence over all time steps as one operation in C, or by the cell's steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytensor import _core
from pytensor import _functions as pt
from pytensor._autodiff.transforms import custom_gradient
from pytensor._core import GradientTape, Tensor


def run(
    cell: Any, z: Tensor, states: Sequence[Tensor], mask: Tensor | None, dropped: Tensor | None
) -> tuple[Tensor, list[Tensor]]:
    """Return the first state after each time step, (batch, steps, units), and all last states.

    Args:
        cell: a Cell of recurrent.py whose recurrence is in C.
        z: the inputs' products, (batch, steps, gates * units).
        states: those before the first step, (batch, units) each.
        mask: bool, (batch, steps): the steps that change the states; None for all.
        dropped: factors of the first state where it enters the product, (batch, units), or None.
    """
    kernel, bias = cell.recurrent_kernel, cell.recurrent_bias()
    inputs = [z, kernel, *states] + ([] if bias is None else [bias])

    def recurrence(*tensors: Tensor) -> Any:
        sequence, last, kept = _core.recurrence(cell.kind, z, kernel, bias, states, mask, dropped)

        def pullback(g: list[Tensor | None]) -> Any:
            if _core.is_recording():  # the derivative will be differentiated
                with GradientTape() as tape:
                    tape.watch(inputs)
                    again, after = _by_steps(cell, z, states, kernel, bias, mask, dropped)
                return tape.gradient([again, *after], inputs, output_gradient=g)
            dz, dm, d_states = _core.recurrence_gradient(kept, g[0], g[1:])
            rows = pt.reshape(dm, (-1, dm.shape[-1]))
            entering = pt.concat([pt.expand_dims(states[0], axis=1), sequence[:, :-1]], axis=1)
            if dropped is not None:
                entering = entering * pt.expand_dims(dropped, axis=1)
            d_kernel = pt.reshape(entering, (-1, cell.units)).T @ rows
            return [dz, d_kernel, *d_states] + ([] if bias is None else [pt.sum(rows, axis=0)])

        return [sequence, *last], pullback

    sequence, *last = custom_gradient(recurrence)(*inputs)
    return sequence, last


def by_steps(
    cell: Any, z: Tensor, states: Sequence[Tensor], mask: Tensor | None, dropped: Tensor | None
) -> tuple[Tensor, list[Tensor]]:
    """Return what `run` returns, of any cell, in operations that have all derivatives."""
    return _by_steps(cell, z, states, cell.recurrent_kernel, cell.recurrent_bias(), mask, dropped)


def _by_steps(
    cell: Any,
    z: Tensor,
    states: Sequence[Tensor],
    kernel: Tensor,
    bias: Tensor | None,
    mask: Tensor | None,
    dropped: Tensor | None,
) -> tuple[Tensor, list[Tensor]]:
    states = list(states)
    sequence = []
    for t in range(z.shape[1]):
        after = cell.step(z[:, t], states, kernel, bias, dropped)
        states = after if mask is None else chosen(mask[:, t], after, states)
        sequence.append(states[0])
    if not sequence:
        return pt.zeros((len(z), 0, cell.units)), states
    return pt.stack(sequence, axis=1), states


def chosen(use: Tensor, new: Sequence[Tensor], old: Sequence[Tensor]) -> list[Tensor]:
    """Return new tensors for the samples where `use`, (batch,), is True, old ones for others."""
    return [
        pt.where(pt.reshape(use, (len(use), *[1] * (one.ndim - 1))), one, other)
        for one, other in zip(new, old, strict=True)
    ]
