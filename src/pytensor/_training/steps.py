"""The steps of a model: what happens to one batch in training, in evaluation and in prediction.

There is one step of training (train_step) for every model, layer and loss: forward under a tape,
the loss, the gradients, the optimizer, the metrics.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from pytensor import _core
from pytensor import _functions as pt
from pytensor._autodiff.trees import leaves
from pytensor._core import GradientTape, Tensor
from pytensor._training.batches import Batches
from pytensor._training.distribution import SINGLE_PROCESS, Distribution
from pytensor._training.model import Model
from pytensor._training.objective import Outcome
from pytensor._training.recording import Recorded, is_recordable
from pytensor._training.results import Results
from pytensor.activations import softmax
from pytensor.layers.layer import mode, structure


class LossNotFinite(FloatingPointError):
    """The loss of a step is NaN or infinite; fit adds where that happened.

    Args:
        value: The loss.
        data: The tensors of the batch by name, or None.
    """

    def __init__(self, value: float, **data: Tensor | None) -> None:
        self.value = value
        self._data = data
        super().__init__(self.told())

    def told(self, rows: np.ndarray | None = None) -> str:
        """Return the message, which says whether the data are to blame.

        Args:
            rows: The row in the data set of each row of the batch, None where there are no rows.
        """
        text = f"the loss is {self.value}"
        for name, tensor in self._data.items():
            values = np.asarray(0.0 if tensor is None else tensor)
            wrong = ~np.isfinite(values)
            if wrong.any():
                place = tuple(int(i[0]) for i in wrong.nonzero())
                count, shown = int(wrong.sum()), list(place)
                if rows is not None and shown:
                    shown[0] = int(rows[shown[0]])
                of = " of the batch" if rows is None else ", in the rows of this step,"
                text += (
                    f": {name}{of} has {count} element{'s' * (count > 1)} that "
                    f"{'are' if count > 1 else 'is'} not finite, the first is {values[place]} "
                    f"at {shown}"
                )
        return text


class Steps:
    """The steps of a model, each made again when what it is made of has changed."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def get(
        self,
        make: Callable[[Model, Any, Distribution], Callable[..., Any]],
        model: Model,
        results: Results | None,
        distribution: Distribution,
    ) -> Callable[..., Any]:
        """Return make(model, results, distribution), or what it returned last."""
        made_of = (
            structure.version,
            model.optimizer,
            model.loss,
            model.output_activations,
            model.run_eagerly,
            results,
            distribution,
        )
        known, step = self._made.get(make.__name__, (None, None))
        if known is None or any(a is not b and a != b for a, b in zip(known, made_of, strict=True)):
            step = make(model, results, distribution)
            self._made[make.__name__] = made_of, step
        return step


def _forward(
    model: Model, results: Results, training: bool
) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., None], tuple[Any, ...]]:
    """Everything between a batch and its metrics.

    Returns:
        The model as a function of x; judge(y, outputs, weights), which returns the loss and the
        Outcome; update(value, y, outcome, weights) for the metrics, and the same in two parts, see
        Results.recorded. Where the last activation belongs to a loss, outputs are logits.
    """
    activations = model.output_activations
    logits, judge = model.objective.compiled(activations)
    used = [f if own else None for f, own in zip(activations, logits, strict=True)]
    forward = model.forward(training, logits)
    return forward, judge, results.updater(used), results.recorded(used)


def total_of(loss: Any, terms: Iterable[Any]) -> Tensor:
    """Return the loss, or None, and what is added to it.

    Raises:
        ValueError: There is neither.
    """
    for term in terms:
        loss = term if loss is None else loss + term
    if loss is None:
        raise ValueError(
            "fit: found no loss: compile was given none, and no layer adds one with add_loss"
        )
    return loss


def train_step(
    model: Model, results: Any, distribution: Distribution, own: bool = True
) -> Callable[..., None]:
    """Return step(x, y, weights of samples or None): one update of the weights.

    Args:
        model: The model.
        results: What the step updates.
        distribution: How the work is shared.
        own: Whether to do what a subclass defines as train_step.

    Raises:
        ValueError: The model has no weights to train.
    """
    if own and model.steps_itself("train_step"):
        return _own_step(model, results, distribution, "train_step")
    forward, judge, update, in_parts = _forward(model, results, training=True)
    weights = model.weights_to_train()
    if not weights:
        raise ValueError(f"fit: {model.name!r} has no weights to train")
    if any(
        activation is softmax and tensor.shape[-1] == 1
        for activation, tensor in zip(model.output_activations, model.output_tensors, strict=True)
    ):
        warnings.warn(
            "fit: softmax of one output is 1 whatever the input: expected a sigmoid, "
            "or one output for each class",
            stacklevel=6,
        )
    optimizer = model.optimizer
    optimizer.build(weights)
    regularizers = model.attached_once("regularizers")
    constraints = model.attached_once("constraints")
    by_rows = optimizer.takes_row_gradients and not distribution.shares

    def run_forward(x: Any, y: Any, sample_weight: Any) -> tuple[GradientTape, Tensor, Outcome]:
        mode.training = True
        added: list[Tensor] = []
        mode.losses, mode.masks = added, {}
        try:
            with GradientTape() as tape:
                tape.watch(*weights)
                loss, outcome = judge(y, forward(x), sample_weight)
                for regularizer, w in regularizers:
                    loss = regularizer(w) if loss is None else loss + regularizer(w)
                if added or loss is None:
                    loss = total_of(loss, added)
        finally:
            mode.training = False
            mode.losses = mode.masks = None
        return tape, loss, outcome

    def differentiate(x: Any, y: Any, sample_weight: Any) -> tuple[float, Any, Outcome]:
        tape, loss, outcome = run_forward(x, y, sample_weight)
        value = loss.item()
        gradients = (
            tape.gradient(loss, weights, row_gradients=by_rows) if math.isfinite(value) else ()
        )
        return value, gradients, outcome

    def apply(gradients: Any) -> None:
        optimizer.apply(gradients, weights)
        constrain()

    def constrain() -> None:
        for constraint, w in constraints:
            w[...] = constraint(w)

    update_weights = distribution.train_step(model, differentiate, apply, update)

    def step(x: Any, y: Any, sample_weight: Any = None) -> None:
        value = update_weights(x, y, sample_weight)
        if not math.isfinite(value):
            parts = {"x": x, "y": y, "sample_weight": sample_weight}
            raise LossNotFinite(
                value,
                **{
                    name + path: part
                    for name, whole in parts.items()
                    for path, part in _parts(distribution.joined(whole))
                },
            )

    functions = _functions_to_record(model, regularizers, distribution)
    if functions is None:
        return step

    _, take, terms = in_parts

    def recorded(x: Any, y: Any, sample_weight: Any, key: Any, numbers: Any) -> tuple[Any, ...]:
        tape, loss, outcome = run_forward(x, y, sample_weight)
        if not _core.holds(pt.isfinite(loss)):
            raise TypeError("the loss is not finite")  # and the ordinary step says so
        gradients = tape.gradient(loss, weights, row_gradients=key is not None and by_rows)
        measured = _measured(in_parts, y, outcome, sample_weight)
        if key is None:
            return loss, *measured, gradients
        optimizer.record_step(gradients, weights, numbers)
        return loss, *measured, None

    def ordinary(x: Any, y: Any, sample_weight: Any, *_: Any) -> None:
        step(x, y, sample_weight)

    run = Recorded(recorded, ordinary, functions)

    def replay(x: Any, y: Any, sample_weight: Any = None) -> None:
        optimizer.build(weights)
        key = optimizer.recording_key()
        numbers = None if key is None else _core.doubles(optimizer.next_numbers())
        result = run(x, y, sample_weight, key, numbers)
        if result is None:  # the ordinary step ran
            return
        loss, found, n, outcome, gradients = result
        if gradients is None:
            optimizer.took_steps(1, optimizer.next_rate)
        else:
            optimizer.apply(gradients, weights)
        constrain()
        take(loss.item(), found, n, y, outcome, sample_weight)

    def on_batches(batches: Batches, first: int, batch: tuple[Any, ...]) -> bool:
        optimizer.build(weights)
        key, n = optimizer.recording_key(), batches.whole_ahead(first)
        if terms is None or constraints or key is None or n < 2:
            return False
        numbers, rates = optimizer.numbers_ahead(n)
        return _run_batches(
            run,
            batches,
            first,
            (*batch, key, numbers[0].copy()),
            [numbers],
            lambda result: terms(result[0], result[1], result[2], result[3][1]),
            lambda count: optimizer.took_steps(count, rates[count - 1]),
        )

    replay.on_batches = on_batches  # type: ignore[attr-defined]
    return replay


def _functions_to_record(
    model: Model, regularizers: Iterable[Any], distribution: Distribution
) -> list[Any] | None:
    """The losses and regularizers that a recorded step calls; None if it is not to be recorded."""
    functions = [f for f, _ in regularizers] + [head.loss for head in model.objective.heads]
    is_single = distribution is SINGLE_PROCESS
    return functions if is_single and is_recordable(model, functions) else None


def _measured(
    in_parts: tuple[Any, ...], y: Any, outcome: Outcome, sample_weight: Any
) -> tuple[Any, int, Any]:
    """What a recorded step returns for the metrics: (their sums, the number of samples, the
    outcome, without the outputs where nobody reads them)."""
    sums, _, terms = in_parts
    n = len(leaves(outcome[0])[0])
    found = sums(y, outcome, sample_weight)
    return found, n, outcome if terms is None else (n, *outcome[1:])


def _run_batches(
    run: Recorded,
    batches: Batches,
    first: int,
    args: tuple[Any, ...],
    more: list[Tensor],
    terms: Callable[[Any], list[Any]],
    took: Callable[[int], None] | None = None,
) -> bool:
    """Run a recorded step on batch after batch, and update the metrics.

    Args:
        run: The step.
        batches: Where the batches come from; position.step becomes the number of those done.
        first: The number of the first one.
        args: The arguments of the step for it.
        more: The tensors (batches, ...) that arguments besides the batches are rows of.
        terms: terms(result) returns what Results.recorded calls terms.
        took: took(count) takes into account that so many batches are done, if any.

    Returns:
        Whether it can be done.
    """
    data, order, start, size = batches.sources(first)
    sums: list[Any] = []
    progress: list[Any] = []

    def listed(result: Any) -> list[Any]:
        sums.extend(terms(result))
        return [(value, *factors, getattr(metric, name)) for metric, name, value, *factors in sums]

    n = batches.whole_ahead(first)
    try:
        return run.on_batches(args, [*data, *more], order, start, size, n, listed, progress)
    finally:
        if progress and progress[0]:
            for (metric, name, *_), total in zip(sums, progress[1:], strict=True):
                setattr(metric, name, total)
            batches.position.step = first + progress[0]
            if took is not None:
                took(progress[0])


def _parts(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The tensors in the data of a batch, with their places."""
    if isinstance(data, (list, tuple)):
        for k, part in enumerate(data):
            yield from _parts(part, f"{path}[{k}]")
    elif isinstance(data, dict):
        for key, part in data.items():
            yield from _parts(part, f"{path}[{key!r}]")
    else:
        yield path, data


def test_step(
    model: Model, results: Any, distribution: Distribution, own: bool = True
) -> Callable[..., None]:
    """Return step(x, y, weights of samples or None): the metrics of a batch; as train_step."""
    if own and model.steps_itself("test_step"):
        return _own_step(model, results, distribution, "test_step")
    forward, judge, update, in_parts = _forward(model, results, training=False)
    regularizers = model.attached_once("regularizers")

    def judged(x: Any, y: Any, sample_weight: Any) -> tuple[Any, list[Tensor], Outcome]:
        added: list[Tensor] = []
        mode.losses, mode.masks = added, {}
        try:
            loss, outcome = judge(y, forward(x), sample_weight)
        finally:
            mode.losses = mode.masks = None
        return loss, [*(regularizer(w) for regularizer, w in regularizers), *added], outcome

    def value_of(loss: Any, terms: Iterable[Tensor]) -> float:
        value: float = 0.0 if loss is None else loss.item()
        for term in terms:
            value += term.item()
        return value

    def step(x: Any, y: Any, sample_weight: Any = None) -> None:
        loss, added, outcome = judged(x, y, sample_weight)
        update(value_of(loss, added), y, outcome, sample_weight)

    functions = _functions_to_record(model, regularizers, distribution)
    if functions is None:
        return distribution.test_step(step)

    _, take, terms = in_parts

    def recorded(x: Any, y: Any, sample_weight: Any) -> tuple[Any, ...]:
        loss, added, outcome = judged(x, y, sample_weight)
        return loss, added, *_measured(in_parts, y, outcome, sample_weight)

    run = Recorded(recorded, step, functions)

    def replay(x: Any, y: Any, sample_weight: Any = None) -> None:
        result = run(x, y, sample_weight)
        if result is not None:  # else the ordinary step ran
            loss, added, found, n, outcome = result
            take(value_of(loss, added), found, n, y, outcome, sample_weight)

    def on_batches(batches: Batches, first: int, batch: tuple[Any, ...]) -> bool:
        if terms is None or regularizers or batches.whole_ahead(first) < 2:
            return False

        def listed(result: Any) -> list[Any]:
            loss, added, found, n, outcome = result
            return [] if added or loss is None else terms(loss, found, n, outcome[1])

        return _run_batches(run, batches, first, batch, [], listed)

    replay.on_batches = on_batches  # type: ignore[attr-defined]
    return replay


def predict_step(
    model: Model, results: Results | None, distribution: Distribution
) -> Callable[[Any], Any]:
    """Return step(x): the predictions for a batch."""
    if model.steps_itself("predict_step"):
        return _with_masks(model.predict_step)  # type: ignore[attr-defined]
    forward = model.forward(training=False)
    several = len(model.output_names) > 1
    packed = model.packed

    def step(x: Any) -> Any:
        outputs = forward(x)
        return packed(outputs if several else [outputs])

    masked = _with_masks(step)
    return Recorded(masked, masked) if is_recordable(model, ()) else masked


def _with_masks(step: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A step during which masks are passed on from one call of a layer to the next."""

    def masked(data: Any) -> Any:
        mode.masks = {}
        try:
            return step(data)
        finally:
            mode.masks = None

    return masked


def _own_step(
    model: Model, results: Any, distribution: Distribution, method: str
) -> Callable[..., None]:
    """Return step(x, y, weights) for a method that a subclass defines, with data as it takes them.

    Raises:
        ValueError: Several ranks share the batches.
    """
    if distribution.shares:
        raise ValueError(
            f"fit: distribution: {model.name!r} defines {method}: expected a model that does not, "
            "whose gradients the ranks can sum up"
        )
    call = _with_masks(getattr(model, method))

    def step(x: Any, y: Any = None, sample_weight: Any = None) -> None:
        y = model.packed(y) if isinstance(y, list) else y
        if sample_weight is not None:
            data: Any = (x, y, sample_weight)
        else:
            data = x if y is None else (x, y)
        logs = call(data)
        if not isinstance(logs, dict):
            raise TypeError(f"{method}: found {logs!r}: expected a dictionary of results by name")
        results.take({name: _number(f"{method}: {name}", value) for name, value in logs.items()})
        value = logs.get("loss")
        if value is not None and method == "train_step" and not math.isfinite(float(value)):
            raise LossNotFinite(float(value), **dict(_parts(x, "x")))

    return step


def _number(name: str, value: Any) -> Any:
    """A result as a float, or an array as it is."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: found {value!r}: expected a number")
    return float(array) if array.ndim == 0 else array
