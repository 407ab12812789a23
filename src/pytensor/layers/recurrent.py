"""Recurrent layers: SimpleRNN, LSTM, GRU, their cells, and RNN with any cell.

A cell computes one time step: call(x, states) returns (output, new states). RNN goes through the
time steps. The cells of this module also compute many steps at once: `project` multiplies the
inputs of all steps by the kernel in one product, and `_recurrence.run` goes through the steps in C.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, SupportsIndex

from pytensor import _core, activations, constraints, initializers, regularizers
from pytensor import _functions as pt
from pytensor._core import Tensor
from pytensor._support.arguments import integer, number
from pytensor.layers import _recurrence
from pytensor.layers.dropout import Noise
from pytensor.layers.layer import Layer, Resolved, parameters
from pytensor.nn import linear
from pytensor.serialization import constructor_arguments, constructor_config

if TYPE_CHECKING:
    from typing import Unpack

    from pytensor.activations import ActivationLike
    from pytensor.constraints import ConstraintLike
    from pytensor.initializers import InitializerLike, Seed
    from pytensor.layers.layer import NameOptions, Options, Shape
    from pytensor.regularizers import RegularizerLike

    States = list[Tensor]

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "GRUCell",
    "LSTMCell",
    "SimpleRNN",
    "SimpleRNNCell",
    "StackedRNNCells",
]


class Cell(Noise):
    """What the cells of this module share: a kernel, a recurrent kernel and a bias, by gates."""

    gates: ClassVar[int]
    kind: ClassVar[str]  # the recurrence in C
    activation: Resolved[ActivationLike, Callable[..., Tensor]] = Resolved(
        activations.get, "The activation, a function; a name or None can be assigned."
    )

    def __init__(
        self,
        units: SupportsIndex,
        activation: ActivationLike = "tanh",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        *,
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: Seed = None,
        **options: Unpack[NameOptions],
    ) -> None:
        """Create the cell; its weights are made when the input shape is known.

        Args:
            units: the length of the output and of each state.
            activation: of the candidate and the output: the name of an activation, or a function.
            use_bias: whether to add a bias.
            kernel_initializer: first values of the kernel, (inputs, gates * units).
            recurrent_initializer: first values of the recurrent kernel, (units, gates * units).
            bias_initializer: first values of the bias.
            kernel_regularizer: what the loss adds for the kernel; see `regularizers`.
            recurrent_regularizer: what the loss adds for the recurrent kernel.
            bias_regularizer: what the loss adds for the bias.
            kernel_constraint: applied to the kernel after each step; see `constraints`.
            recurrent_constraint: applied to the recurrent kernel after each step.
            bias_constraint: applied to the bias after each step.
            dropout: the share of the inputs that is dropped while training; the same ones in all
                time steps of a sample.
            recurrent_dropout: the share of the states that is dropped likewise.
            seed: a seed for both; by default the random numbers come from `random`.
            **options: `name`, `trainable` and `input_shape`, as in Layer.
        """
        super().__init__(seed, **options)
        self.units = integer(f"{self.name}: units", units, 1)
        self.activation = activation
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = number(f"{self.name}: dropout", dropout, 0, 1, below_high=True)
        self.recurrent_dropout = number(
            f"{self.name}: recurrent_dropout", recurrent_dropout, 0, 1, below_high=True
        )
        self.kernel: Tensor = None  # type: ignore[assignment]  # made by build
        self.recurrent_kernel: Tensor = None  # type: ignore[assignment]
        self.bias: Tensor | None = None

    @property
    def state_size(self) -> int | list[int]:
        """The length of the state, or a list of those of several."""
        return self.units

    @property
    def output_size(self) -> int:
        """The length of the output."""
        return self.units

    def build(self, input_shape: Shape) -> None:
        """Make the kernels and the bias."""
        if len(input_shape) != 2:
            raise ValueError(f"{self.name}: input shape {input_shape}: expected (batch, inputs)")
        width = self.gates * self.units
        self.kernel = self.add_weight(
            (input_shape[-1], width),
            self.kernel_initializer,
            name="kernel",
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            (self.units, width),
            self.recurrent_initializer,
            name="recurrent_kernel",
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                self.bias_shape(),
                self.bias_values,
                name="bias",
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.built = True

    def bias_shape(self) -> tuple[int, ...]:
        """Return the shape of the bias."""
        return (self.gates * self.units,)

    def bias_values(self, shape: tuple[int, ...]) -> Tensor:
        """Return the first values of the bias."""
        return self.bias_initializer(shape)

    def get_initial_state(self, batch_size: int) -> States:
        """Return states of zeros."""
        return [pt.zeros((batch_size, size)) for size in sizes(self.state_size)]

    # --------------------------------------------------------------------------- the time steps

    def factors(self, shape: tuple[int, ...], rate: float, training: bool) -> Tensor | None:
        """Return factors of dropout, 0 or 1 / (1 - rate), or None for none."""
        if not training or not rate:
            return None
        return self.kept(shape, rate).astype(pt.float32) / (1 - rate)

    def input_bias(self) -> Tensor | None:
        """Return the bias that is added to the inputs' product."""
        return self.bias

    def recurrent_bias(self) -> Tensor | None:
        """Return the bias that is added to the states' product."""
        return None

    def project(self, x: Tensor) -> Tensor:
        """Return x @ kernel + bias, for one or many time steps."""
        return linear(x, self.kernel, self.input_bias())

    def step(
        self,
        z: Tensor,
        states: Sequence[Tensor],
        kernel: Tensor,
        bias: Tensor | None,
        dropped: Tensor | None,
    ) -> States:
        """Return the new states, of which the first is the output.

        Args:
            z: what `project` returned for a time step, (batch, gates * units).
            states: the states before.
            kernel: the recurrent kernel.
            bias: the recurrent bias.
            dropped: factors of the state that enters the product, or None.
        """
        raise NotImplementedError

    def call(self, x: Tensor, states: Any = None, training: bool = False) -> tuple[Tensor, Any]:
        """Return the output and the new states of a time step.

        Args:
            x: the input, (batch, inputs).
            states: the states before; zeros by default. A list, or a tensor where there is one.
            training: whether to drop inputs and states.
        """
        if states is None:
            states = self.get_initial_state(len(x))
        several = isinstance(states, (list, tuple))
        before = list(states) if several else [states]
        factors = self.factors(x.shape, self.dropout, training)
        z = self.project(x if factors is None else x * factors)
        dropped = self.factors(before[0].shape, self.recurrent_dropout, training)
        after = self.step(z, before, self.recurrent_kernel, self.recurrent_bias(), dropped)
        return after[0], after if several else after[0]

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """The shapes of the output and of the states."""
        states = [(input_shape[0], size) for size in sizes(self.state_size)]
        return [(input_shape[0], self.output_size), states]

    @property
    def in_c(self) -> bool:
        """Whether the recurrence in C computes what `step` does."""
        return self.activation is activations.tanh and type(self).step in _STEPS


def sizes(state_size: Any) -> list[Any]:
    """Return the sizes of a cell's states as a list."""
    return list(state_size) if isinstance(state_size, (list, tuple)) else [state_size]


def _times(state: Tensor, dropped: Tensor | None) -> Tensor:
    return state if dropped is None else state * dropped


class SimpleRNNCell(Cell):
    """One time step of SimpleRNN: h = activation(x @ kernel + h @ recurrent_kernel + bias).

    >>> cell = pt.layers.SimpleRNNCell(4)
    >>> output, states = cell(pt.ones((2, 3)), states=[pt.zeros((2, 4))])
    >>> output.shape
    (2, 4)
    """

    gates = 1
    kind = "simple"

    def step(
        self,
        z: Tensor,
        states: Sequence[Tensor],
        kernel: Tensor,
        bias: Tensor | None,
        dropped: Tensor | None,
    ) -> States:
        """Return the new state."""
        return [self.activation(z + _times(states[0], dropped) @ kernel)]


class _Gated(Cell):
    """A cell whose gates have an activation of their own."""

    recurrent_activation: Resolved[ActivationLike, Callable[..., Tensor]] = Resolved(
        activations.get, "The gates' activation, a function; a name or None can be assigned."
    )

    @property
    def in_c(self) -> bool:
        """Whether the recurrence in C computes what `step` does."""
        return super().in_c and self.recurrent_activation is activations.sigmoid


class LSTMCell(_Gated):
    """One time step of LSTM (Hochreiter, Schmidhuber 1997; with forget gate, Gers et al. 2000).

    The four parts of z = x @ kernel + h @ recurrent_kernel + bias are i, f, g, o:
    c = sigmoid(f) * c + sigmoid(i) * tanh(g), h = sigmoid(o) * tanh(c).

    >>> cell = pt.layers.LSTMCell(4)
    >>> output, (h, c) = cell(pt.ones((2, 3)), states=[pt.zeros((2, 4))] * 2)
    >>> output.shape, c.shape
    ((2, 4), (2, 4))
    """

    gates = 4
    kind = "lstm"

    def __init__(
        self,
        units: SupportsIndex,
        activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True,
        **options: Any,
    ) -> None:
        """Create the cell.

        Args:
            units: as in SimpleRNNCell.
            activation: of the candidate and of the output.
            recurrent_activation: of the three gates.
            use_bias: as in SimpleRNNCell, like the initializers.
            kernel_initializer: first values of the kernel, (inputs, 4 * units).
            recurrent_initializer: first values of the recurrent kernel, (units, 4 * units).
            bias_initializer: first values of the bias, (4 * units,).
            unit_forget_bias: whether the bias of the forget gate begins with 1.
            **options: the other arguments of SimpleRNNCell.
        """
        super().__init__(
            units,
            activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            **options,
        )
        self.recurrent_activation = recurrent_activation
        self.unit_forget_bias = bool(unit_forget_bias)

    @property
    def state_size(self) -> list[int]:
        """The lengths of the states h and c."""
        return [self.units, self.units]

    def bias_values(self, shape: tuple[int, ...]) -> Tensor:
        """Return the first values of the bias."""
        if not self.unit_forget_bias:
            return self.bias_initializer(shape)
        first, rest = (self.bias_initializer((n * self.units,)) for n in (1, 2))
        return pt.concat([first, pt.ones((self.units,)), rest])

    def step(
        self,
        z: Tensor,
        states: Sequence[Tensor],
        kernel: Tensor,
        bias: Tensor | None,
        dropped: Tensor | None,
    ) -> States:
        """Return the new h and c."""
        h, c = states
        z = z + _times(h, dropped) @ kernel
        i, f, g, o = (z[:, k * self.units : (k + 1) * self.units] for k in range(4))
        gate, activation = self.recurrent_activation, self.activation
        c = gate(f) * c + gate(i) * activation(g)
        return [gate(o) * activation(c), c]


class GRUCell(_Gated):
    """One time step of GRU (Cho et al. 2014).

    z and r are the sigmoids of their parts of x @ kernel + h @ recurrent_kernel + bias, and
    h = z * h + (1 - z) * tanh(candidate). The candidate is the third part of x @ kernel + bias,
    plus r * (h @ recurrent_kernel + recurrent bias), or, without reset_after,
    (r * h) @ recurrent_kernel.

    >>> cell = pt.layers.GRUCell(4)
    >>> output, (h,) = cell(pt.ones((2, 3)), states=[pt.zeros((2, 4))])
    >>> output.shape
    (2, 4)
    """

    gates = 3
    kind = "gru"

    def __init__(
        self,
        units: SupportsIndex,
        activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        *,
        reset_after: bool = True,
        **options: Any,
    ) -> None:
        """Create the cell.

        Args:
            units: as in SimpleRNNCell.
            activation: of the candidate.
            recurrent_activation: of the two gates.
            use_bias: as in SimpleRNNCell, like the initializers.
            kernel_initializer: first values of the kernel, (inputs, 3 * units).
            recurrent_initializer: first values of the recurrent kernel, (units, 3 * units).
            bias_initializer: first values of the bias: (2, 3 * units), for the inputs and for the
                states; (3 * units,) without reset_after.
            reset_after: whether the reset gate is applied after the product with the recurrent
                kernel.
            **options: the other arguments of SimpleRNNCell.
        """
        super().__init__(
            units,
            activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            **options,
        )
        self.recurrent_activation = recurrent_activation
        self.reset_after = bool(reset_after)

    def bias_shape(self) -> tuple[int, ...]:
        """Return the shape of the bias."""
        width = 3 * self.units
        return (2, width) if self.reset_after else (width,)

    def input_bias(self) -> Tensor | None:
        """Return the bias that is added to the inputs' product."""
        return self.bias[0] if self.reset_after and self.bias is not None else self.bias

    def recurrent_bias(self) -> Tensor | None:
        """Return the bias that is added to the states' product."""
        return self.bias[1] if self.reset_after and self.bias is not None else None

    def step(
        self,
        z: Tensor,
        states: Sequence[Tensor],
        kernel: Tensor,
        bias: Tensor | None,
        dropped: Tensor | None,
    ) -> States:
        """Return the new state."""
        h, n = states[0], self.units
        entering = _times(h, dropped)
        if self.reset_after:
            inner = linear(entering, kernel, bias)
            gates = self.recurrent_activation(z[:, : 2 * n] + inner[:, : 2 * n])
            candidate = gates[:, n:] * inner[:, 2 * n :]
        else:
            inner = entering @ kernel[:, : 2 * n]
            gates = self.recurrent_activation(z[:, : 2 * n] + inner)
            candidate = (gates[:, n:] * entering) @ kernel[:, 2 * n :]
        update = gates[:, :n]
        candidate = self.activation(z[:, 2 * n :] + candidate)
        return [update * h + (1 - update) * candidate]

    @property
    def in_c(self) -> bool:
        """Whether the recurrence in C computes what `step` does."""
        return super().in_c and self.reset_after


_STEPS = {SimpleRNNCell.step, LSTMCell.step, GRUCell.step}  # those that C computes too


class StackedRNNCells(Layer):
    """Cells one above the other as one cell: the output of each is the input of the next.

    >>> cell = pt.layers.StackedRNNCells([pt.layers.GRUCell(4), pt.layers.LSTMCell(2)])
    >>> pt.layers.RNN(cell)(pt.ones((2, 5, 3))).shape
    (2, 2)
    """

    def __init__(self, cells: Sequence[Layer], **options: Unpack[NameOptions]) -> None:
        """Create the cell.

        Args:
            cells: the cells, the first one nearest to the inputs.
            **options: `name`, `trainable` and `input_shape`, as in Layer.
        """
        super().__init__(**options)
        self.cells = [_checked(self.name, cell) for cell in cells]
        if not self.cells:
            raise ValueError(f"{self.name}: no cells: expected at least one")

    @property
    def state_size(self) -> list[Any]:
        """The sizes of the states of all cells, in their order."""
        return [size for cell in self.cells for size in sizes(cell.state_size)]  # type: ignore[attr-defined]

    @property
    def output_size(self) -> int:
        """The length of the output, that of the last cell."""
        return output_size(self.cells[-1])

    def build(self, input_shape: Shape) -> None:
        """Build the cells."""
        for cell in self.cells:
            cell.ensure_built(input_shape)
            input_shape = (input_shape[0], output_size(cell))
        self.built = True

    def get_initial_state(self, batch_size: int) -> States:
        """Return the states of all cells to begin with."""
        return [state for cell in self.cells for state in initial_states(cell, batch_size)]

    def call(  # type: ignore[override]
        self, x: Tensor, states: Sequence[Tensor], training: bool = False
    ) -> tuple[Tensor, States]:
        """Return the output of the last cell, and the states of all."""
        after: States = []
        rest = list(states)
        for cell in self.cells:
            count = len(sizes(cell.state_size))  # type: ignore[attr-defined]
            x, new = _called(cell, x, rest[:count], training)
            del rest[:count]
            after += new
        return x, after


def output_size(cell: Any) -> int:
    """Return the length of a cell's output: its output_size, or that of its first state."""
    found = getattr(cell, "output_size", None)
    return sizes(cell.state_size)[0] if found is None else found


def initial_states(cell: Any, batch_size: int) -> States:
    """Return the states that a cell begins with: zeros, unless it makes others."""
    if hasattr(cell, "get_initial_state"):
        found = cell.get_initial_state(batch_size=batch_size)
        return list(found) if isinstance(found, (list, tuple)) else [found]
    return [pt.zeros(_state_shape(batch_size, size)) for size in sizes(cell.state_size)]


def _state_shape(batch: Any, size: Any) -> tuple[Any, ...]:
    return (batch, *(size if isinstance(size, (list, tuple)) else (size,)))


def _checked(name: str, cell: Any) -> Any:
    """Refuse what is no cell."""
    if isinstance(cell, (list, tuple)):
        return StackedRNNCells(cell)
    for attribute in ("call", "state_size"):
        if not isinstance(cell, Layer) or not hasattr(cell, attribute):
            raise TypeError(
                f"{name}: cell: found {cell!r}: expected a layer with call(x, states) and "
                "state_size"
            )
    return cell


def _called(cell: Layer, x: Tensor, states: States, training: bool) -> tuple[Tensor, States]:
    """Return the output and the list of states of a cell, whose own may be a single tensor."""
    options = {"training": training} if "training" in parameters(type(cell).call) else {}
    result = cell.call(x, states, **options)  # type: ignore[call-arg]
    if not isinstance(result, (list, tuple)) or len(result) != 2:
        raise TypeError(
            f"{cell.name}: call returned {type(result).__name__}: expected (output, states)"
        )
    output, after = result
    return output, list(after) if isinstance(after, (list, tuple)) else [after]


class RNN(Layer):
    """A cell applied to one time step after the other.

    The input has the shape (batch, steps, ...); the output (batch, units), that of the last step,
    or (batch, steps, units).

    >>> class Sum(pt.layers.Layer):  # adds up what it has seen
    ...     state_size = 3
    ...     def call(self, x, states):
    ...         total = states[0] + x
    ...         return total, [total]
    ...
    >>> pt.layers.RNN(Sum())(pt.ones((2, 5, 3))).tolist()
    [[5.0, 5.0, 5.0], [5.0, 5.0, 5.0]]
    """

    supports_masking = True

    def __init__(
        self,
        cell: Layer | Sequence[Layer],
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer.

        Args:
            cell: a layer with call(x, states), which returns (output, new states), and with
                `state_size`, an integer or a list of them, and perhaps `output_size` and
                `get_initial_state(batch_size)`; or a list of cells, one above the other.
            return_sequences: whether to return the outputs of all time steps.
            return_state: whether to return the last states too: [output, state, ...].
            go_backwards: whether to begin with the last time step; outputs are in that order.
            stateful: whether a batch begins with the states with which the one before ended.
            unroll: has no effect, as there is nothing to compile.
            zero_output_for_mask: whether the output of a masked time step is zero; by default it
                is that of the step before.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        self.cell = _checked(self.name, cell)
        self.return_sequences = bool(return_sequences)
        self.return_state = bool(return_state)
        self.go_backwards = bool(go_backwards)
        self.stateful = bool(stateful)
        self.unroll = bool(unroll)
        self.zero_output_for_mask = bool(zero_output_for_mask)
        self._kept: list[Any] = []  # the states, where stateful

    @property
    def states(self) -> States | None:
        """The states with which the last batch ended, if the layer is stateful; None at first."""
        return self._kept or None

    def build(self, sequences_shape: Shape) -> None:
        """Build the cell."""
        if len(sequences_shape) < 3:
            raise ValueError(
                f"{self.name}: input shape {sequences_shape}: expected (batch, steps, ...)"
            )
        self.cell.ensure_built((sequences_shape[0], *sequences_shape[2:]))
        self.built = True

    def reset_state(self) -> None:
        """Let the next batch begin with new states."""
        self._kept = []

    reset_states = reset_state

    def get_initial_state(self, batch_size: int) -> States:
        """Return the states to begin with, a list of tensors (batch_size, ...)."""
        return initial_states(self.cell, batch_size)

    def call(
        self,
        sequences: Tensor,
        initial_state: Any = None,
        mask: Tensor | None = None,
        training: bool = False,
    ) -> Any:
        """Return the output of the last time step, or of all; then the states, if asked for.

        Args:
            sequences: (batch, steps, ...).
            initial_state: the states to begin with, a tensor or a list of them.
            mask: a bool tensor (batch, steps): the time steps to use. The others leave the states
                as they are.
            training: whether the cell is being trained.
        """
        if self.stateful and _core.is_tracing():
            raise TypeError(
                f"{self.name}: the states that a stateful layer keeps from call to call can't be "
                "recorded: pass them as initial_state, and return them"
            )
        states = self._states_before(len(sequences), initial_state)
        if mask is not None and mask.shape != sequences.shape[:2]:
            raise ValueError(
                f"{self.name}: mask of shape {mask.shape}: expected {sequences.shape[:2]}, "
                "(batch, steps)"
            )
        if self.go_backwards:
            sequences = pt.flip(sequences, axis=1)
            mask = None if mask is None else pt.flip(mask, axis=1)
        if isinstance(self.cell, Cell):
            outputs, states = self._by_cell(self.cell, sequences, states, mask, training)
        else:
            outputs, states = self._by_steps(sequences, states, mask, training)
        if self.stateful:
            self._kept = [pt.stop_gradient(state) for state in states]
        return [outputs, *states] if self.return_state else outputs

    def _states_before(self, batch: int, given: Any) -> States:
        """The states to begin with."""
        if given is not None:
            states = list(given) if isinstance(given, (list, tuple)) else [given]
            count = len(sizes(self.cell.state_size))
            if len(states) != count:
                raise ValueError(
                    f"{self.name}: initial_state: found {len(states)} tensors: expected {count}"
                )
        elif self.stateful and self._kept:
            states = self._kept
        else:
            return self.get_initial_state(batch)
        for state in states:
            if len(state) != batch:
                raise ValueError(
                    f"{self.name}: states of {len(state)} samples, a batch of {batch}: expected "
                    "as many" + (", or reset_state()" if given is None else "")
                )
        return states

    def _by_cell(
        self, cell: Cell, x: Tensor, states: States, mask: Tensor | None, training: bool
    ) -> tuple[Tensor, States]:
        """The outputs and the last states, where the cell can compute many steps at once."""
        factors = cell.factors((len(x), *x.shape[2:]), cell.dropout, training)
        if factors is not None:
            x = x * pt.expand_dims(factors, axis=1)
        z = cell.project(x)
        dropped = cell.factors(states[0].shape, cell.recurrent_dropout, training)
        compute = _recurrence.run if cell.in_c else _recurrence.by_steps
        sequence, after = compute(cell, z, states, mask, dropped)
        if mask is not None:
            sequence = self._masked_outputs(sequence, mask)
        if self.return_sequences:
            return sequence, after
        return sequence[:, -1] if x.shape[1] else pt.zeros((len(x), cell.units)), after

    def _masked_outputs(self, sequence: Tensor, mask: Tensor) -> Tensor:
        """Outputs of masked steps: zero, or the output before, which is zero at the beginning."""
        if self.zero_output_for_mask:
            shown = mask
        else:
            shown = pt.cumulative_sum(mask.astype(pt.int32), axis=1) > 0
        return pt.where(pt.expand_dims(shown, axis=-1), sequence, 0.0)

    def _by_steps(
        self, x: Tensor, states: States, mask: Tensor | None, training: bool
    ) -> tuple[Tensor, States]:
        """The outputs and the last states of any cell, one time step after the other."""
        outputs: list[Tensor] = []
        output = pt.zeros((len(x), output_size(self.cell)))
        for t in range(x.shape[1]):
            new, after = _called(self.cell, x[:, t], states, training)
            if mask is not None:
                before = pt.zeros(new.shape) if self.zero_output_for_mask else output
                new, *after = _recurrence.chosen(mask[:, t], [new, *after], [before, *states])
            output, states = new, after
            outputs.append(output)
        if not self.return_sequences:
            return output, states
        if not outputs:
            return pt.zeros((len(x), 0, output_size(self.cell))), states
        return pt.stack(outputs, axis=1), states

    def compute_mask(self, sequences: Any, mask: Any = None) -> Any:
        """Return the mask of the sequences, where they are returned; states have none."""
        output = mask if self.return_sequences else None
        if isinstance(output, (list, tuple)):
            output = output[0]
        if not self.return_state:
            return output
        return [output] + [None] * len(sizes(self.cell.state_size))

    def compute_output_shape(self, sequences_shape: Shape, initial_state_shape: Any = None) -> Any:
        """(batch, steps, ...) -> (batch, units), or (batch, steps, units); then the states'."""
        if len(sequences_shape) < 3:
            raise ValueError(
                f"{self.name}: input shape {sequences_shape}: expected (batch, steps, ...)"
            )
        batch, steps = sequences_shape[:2]
        units = output_size(self.cell)
        output = (batch, steps, units) if self.return_sequences else (batch, units)
        if not self.return_state:
            return output
        return [output, *(_state_shape(batch, size) for size in sizes(self.cell.state_size))]


class _OneCell(RNN):
    """An RNN with one of the cells of this module, which has the cell's arguments."""

    cell_class: ClassVar[type[Cell]]

    def __init__(
        self,
        units: SupportsIndex,
        *arguments: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        activity_regularizer: RegularizerLike = None,
        name: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[SupportsIndex | None] | None = None,
        **options: Any,
    ) -> None:
        """Create the layer and its cell.

        Args:
            units: the length of the output.
            *arguments: further arguments of the cell, by position.
            return_sequences: as in RNN, like the arguments that follow.
            return_state: whether to return the last states too.
            go_backwards: whether to begin with the last time step.
            stateful: whether a batch begins where the one before ended.
            unroll: has no effect.
            zero_output_for_mask: whether the output of a masked time step is zero.
            activity_regularizer: what the loss adds for the outputs.
            name: the layer's name.
            trainable: whether training changes the weights.
            input_shape: the shape of one sample, (steps, inputs).
            **options: further arguments of the cell, by name.
        """
        super().__init__(
            self.cell_class(units, *arguments, **options),
            return_sequences,
            return_state,
            go_backwards,
            stateful,
            unroll,
            zero_output_for_mask,
            activity_regularizer=activity_regularizer,
            name=name,
            trainable=trainable,
            input_shape=input_shape,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the layer and of its cell by name."""
        cell = self.cell.get_config()
        own = constructor_config(
            self, units=self.cell.units, input_shape=self.declared_shape, cell=None
        )
        del own["cell"]
        return {**{name: cell[name] for name in cell if name not in _OF_LAYERS}, **own}

    def __getattr__(self, name: str) -> Any:
        """The cell's arguments and weights are the layer's too: layer.units, layer.kernel."""
        cell = vars(self).get("cell")
        if cell is None or name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(cell, name)


_OF_LAYERS = frozenset(constructor_arguments(Layer))


class SimpleRNN(_OneCell):
    """A recurrent layer: h = activation(x @ kernel + h @ recurrent_kernel + bias), step by step.

    The arguments are those of SimpleRNNCell, then those of RNN by name.

    >>> layer = pt.layers.SimpleRNN(4, return_sequences=True)
    >>> layer(pt.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    cell_class = SimpleRNNCell


class LSTM(_OneCell):
    """Long short-term memory; see LSTMCell for the formula.

    The arguments are those of LSTMCell, then those of RNN by name.

    >>> layer = pt.layers.LSTM(4, return_state=True)
    >>> output, h, c = layer(pt.ones((2, 5, 3)))
    >>> output.shape, c.shape
    ((2, 4), (2, 4))
    """

    cell_class = LSTMCell


class GRU(_OneCell):
    """Gated recurrent unit; see GRUCell for the formula.

    The arguments are those of GRUCell, then those of RNN by name.

    >>> layer = pt.layers.GRU(4)
    >>> layer(pt.ones((2, 5, 3))).shape
    (2, 4)
    """

    cell_class = GRUCell
