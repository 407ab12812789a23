"""Layers around a layer: Bidirectional, TimeDistributed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytensor import _functions as pt
from pytensor import serialization
from pytensor._core import Tensor
from pytensor.layers.layer import Layer, parameters

if TYPE_CHECKING:
    from typing import Unpack

    from pytensor.layers.layer import Options, Shape
    from pytensor.layers.recurrent import RNN

__all__ = ["Bidirectional", "TimeDistributed"]

_MERGE_MODES = ("concat", "sum", "mul", "ave", None)


class Bidirectional(Layer):
    """A recurrent layer in both directions of time, and what the two return merged.

    >>> layer = pt.layers.Bidirectional(pt.layers.LSTM(4, return_sequences=True))
    >>> layer(pt.ones((2, 5, 3))).shape
    (2, 5, 8)
    """

    supports_masking = True

    def __init__(
        self,
        layer: RNN,
        merge_mode: str | None = "concat",
        *,
        backward_layer: RNN | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Create the layer.

        Args:
            layer: a recurrent layer; a copy of it goes forward.
            merge_mode: "concat", "sum", "mul" or "ave", how the outputs become one; None to return
                both.
            backward_layer: the layer that goes backward, with go_backwards=True; by default a copy
                of `layer`.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        if merge_mode not in _MERGE_MODES:
            expected = ", ".join(map(repr, _MERGE_MODES))
            raise ValueError(
                f"{self.name}: merge_mode: found {merge_mode!r}: expected one of {expected}"
            )
        for one in (layer, backward_layer):
            if one is not None and not hasattr(one, "go_backwards"):
                raise TypeError(f"{self.name}: layer: found {one!r}: expected a recurrent layer")
        self.merge_mode = merge_mode
        self.forward_layer: RNN = _copy(layer, "forward")
        self.backward_layer: RNN = (
            _copy(layer, "backward", go_backwards=not layer.go_backwards)
            if backward_layer is None
            else backward_layer
        )
        if self.forward_layer.go_backwards == self.backward_layer.go_backwards:
            raise ValueError(
                f"{self.name}: both layers have go_backwards={self.forward_layer.go_backwards}: "
                "expected different directions"
            )
        for attribute in ("return_sequences", "return_state", "stateful"):
            pair = [getattr(one, attribute) for one in (self.forward_layer, self.backward_layer)]
            if pair[0] != pair[1]:
                raise ValueError(
                    f"{self.name}: {attribute}: found {pair[0]} and {pair[1]}: expected the same"
                )
        for one in (self.forward_layer, self.backward_layer):
            # The outputs of masked steps could not be merged otherwise: the step before one in
            # either direction is another one.
            one.zero_output_for_mask = one.return_sequences

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments by name, as values that JSON can hold."""
        return serialization.constructor_config(
            self,
            layer=self.forward_layer,
            backward_layer=self.backward_layer,
            input_shape=self.declared_shape,
        )

    def build(self, sequences_shape: Shape) -> None:
        """Build both layers."""
        for one in (self.forward_layer, self.backward_layer):
            one.ensure_built(sequences_shape)
        self.built = True

    def call(
        self,
        sequences: Tensor,
        initial_state: Any = None,
        mask: Tensor | None = None,
        training: bool = False,
    ) -> Any:
        """Return the merged outputs; then the states of both directions, if asked for.

        Args:
            sequences: (batch, steps, ...).
            initial_state: the states to begin with: those of the forward layer, then the others.
            mask: a bool tensor (batch, steps): the time steps to use.
            training: whether the cells are being trained.
        """
        half = 0 if initial_state is None else len(initial_state) // 2
        given = (None, None) if not half else (initial_state[:half], initial_state[half:])
        outputs, states = [], []
        for one, before in zip((self.forward_layer, self.backward_layer), given, strict=True):
            found = one(sequences, initial_state=before, mask=mask, training=training)
            if one.return_state:
                found, *after = found
                states += after
            if one.return_sequences and one is self.backward_layer:
                found = pt.flip(found, axis=1)
            outputs.append(found)
        merged = self._merged(*outputs)
        if not states:
            return merged
        return [*(merged if isinstance(merged, list) else [merged]), *states]

    def _merged(self, forward: Tensor, backward: Tensor) -> Any:
        if self.merge_mode == "concat":
            return pt.concat([forward, backward], axis=-1)
        if self.merge_mode == "sum":
            return forward + backward
        if self.merge_mode == "mul":
            return forward * backward
        if self.merge_mode == "ave":
            return (forward + backward) / 2
        return [forward, backward]

    def reset_state(self) -> None:
        """Let the next batch begin with new states."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    def compute_mask(self, sequences: Any, mask: Any = None) -> Any:
        """Return the mask of the sequences, where they are returned; states have none."""
        output = mask if self.forward_layer.return_sequences else None
        outputs = [output] * (2 if self.merge_mode is None else 1)
        if self.forward_layer.return_state:
            masks = self.forward_layer.compute_mask(sequences, mask)
            return outputs + 2 * [None] * (len(masks) - 1)
        return outputs if self.merge_mode is None else output

    def compute_output_shape(self, sequences_shape: Shape, initial_state_shape: Any = None) -> Any:
        """The shapes of the merged outputs, then of the states."""
        shapes = [
            one.compute_output_shape(sequences_shape)
            for one in (self.forward_layer, self.backward_layer)
        ]
        states: list[Any] = []
        if self.forward_layer.return_state:
            states = [state for _, *of_one in shapes for state in of_one]
            shapes = [output for output, *_ in shapes]
        if self.merge_mode is None:
            return [*shapes, *states]
        merged = shapes[0]
        if self.merge_mode == "concat":
            merged = (*merged[:-1], merged[-1] + shapes[1][-1])
        return [merged, *states] if states else merged


class TimeDistributed(Layer):
    """A layer applied to each time step by itself.

    The input has the shape (batch, steps, ...).

    >>> layer = pt.layers.TimeDistributed(pt.layers.Flatten())
    >>> layer(pt.ones((2, 5, 3, 4))).shape
    (2, 5, 12)
    """

    supports_masking = True

    def __init__(self, layer: Layer, **options: Unpack[Options]) -> None:
        """Create the layer.

        Args:
            layer: the layer.
            **options: `name`, `trainable`, `input_shape` and `activity_regularizer`, as in Layer.
        """
        super().__init__(**options)
        if not isinstance(layer, Layer):
            raise TypeError(f"{self.name}: layer: found {layer!r}: expected a layer")
        self.layer = layer

    def _step_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) < 3:
            raise ValueError(
                f"{self.name}: input shape {input_shape}: expected (batch, steps, ...)"
            )
        return (input_shape[0], *input_shape[2:])

    def build(self, input_shape: Shape) -> None:
        """Build the layer for the shape of one step."""
        self.layer.ensure_built(self._step_shape(input_shape))
        self.built = True

    def call(self, x: Tensor, mask: Tensor | None = None, training: bool = False) -> Tensor:
        """Return what the layer returns for each step, (batch, steps, ...)."""
        self._step_shape(x.shape)
        options: dict[str, Any] = {"training": training}
        if mask is not None and mask.ndim > 2 and "mask" in parameters(type(self.layer).call):
            options["mask"] = pt.reshape(mask, (-1, *mask.shape[2:]))
        batch, steps = x.shape[:2]
        # All steps at once, as samples of one batch.
        out = self.layer(pt.reshape(x, (batch * steps, *x.shape[2:])), **options)
        return pt.reshape(out, (batch, steps, *out.shape[1:]))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, steps, ...) -> (batch, steps, what the layer makes of the rest)."""
        batch, *rest = self.layer.compute_output_shape(self._step_shape(input_shape))
        return (batch, input_shape[1], *rest)


def _copy(layer: Any, prefix: str, **changes: Any) -> Any:
    """Return a new layer from the config of one."""
    config = {**layer.get_config(), "name": f"{prefix}_{layer.name.removeprefix(f'{prefix}_')}"}
    return type(layer).from_config({**config, **changes})
