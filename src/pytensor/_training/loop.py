"""The loops of fit, evaluate and predict: epochs and batches, with the callbacks' hooks between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytensor._training.batches import Batches, Stream
from pytensor._training.distribution import SINGLE_PROCESS
from pytensor._training.model import Model
from pytensor._training.steps import LossNotFinite, Steps, predict_step, test_step, train_step
from pytensor.callbacks import CallbackList

Logs = dict[str, Any]


class Loop:
    """Runs the steps of a model over batches.

    Args:
        model: The model.
        steps: Its steps.
        results_for: results_for(batches, kind) returns the Results of the model for "train" or
            "test", made when it is first called.
        callbacks: The callbacks to run.
    """

    def __init__(
        self,
        model: Model,
        steps: Steps,
        results_for: Callable[[Any, str], Any],
        callbacks: CallbackList,
    ) -> None:
        self._model = model
        self._steps = steps
        self._results_for = results_for
        self._callbacks = callbacks

    def train(
        self,
        batches: Batches | Stream,
        validation: Batches | Stream | None,
        initial_epoch: int,
        epochs: int,
        validates: Callable[[int], bool] = lambda epoch: True,
    ) -> None:
        """Train until the number of epochs is reached, or a callback stops the model.

        Raises:
            FloatingPointError: The loss is not finite, and no callback ends the run at that.
        """
        model, run = self._model, self._callbacks.run
        model.stop_training = False
        position = batches.position
        position.epoch = initial_epoch
        logs: Logs = {}
        run("on_train_begin", logs)  # where a Checkpoint may move the position
        while position.epoch < epochs and not model.stop_training and not batches.ran_out:
            epoch = position.epoch
            run("on_epoch_begin", epoch, {})
            try:
                logs = self._run(train_step, batches, "train")
            except FloatingPointError as error:
                raise FloatingPointError(f"fit: epoch {epoch + 1}, {error}") from None
            if validation is not None and validates(epoch + 1):
                found = self.evaluate(validation)
                logs |= {f"val_{name}": value for name, value in found.items()}
            position.epoch, position.step = epoch + 1, 0
            run("on_epoch_end", epoch, logs)
            batches.distribution.end_epoch(model)
        if position.epoch >= epochs or model.stop_training:
            model.optimizer.finalize(model.weights_to_train())
        run("on_train_end", logs)

    def evaluate(self, batches: Batches | Stream) -> Logs:
        """Return loss and metrics of the batches by name."""
        self._model.stop_evaluating = False
        self._callbacks.run("on_test_begin", {})
        logs = self._run(test_step, batches, "test")
        self._callbacks.run("on_test_end", logs)
        return logs

    def predict(self, batches: Batches | Stream) -> list[Any]:
        """Return the predictions for each batch."""
        model, run = self._model, self._callbacks.run
        outputs: list[Any] = []
        model.stop_predicting = False
        run("on_predict_begin", {})
        for i, (x, _, _) in enumerate(batches):
            run("on_predict_batch_begin", i, {})
            outputs.append(self._steps.get(predict_step, model, None, SINGLE_PROCESS)(x))
            run("on_predict_batch_end", i, {"outputs": outputs[-1]})
            if model.stop_predicting:
                break
        self._set_steps(batches.steps or len(outputs))
        run("on_predict_end", {})
        return outputs

    def _run(self, make: Callable[..., Any], batches: Batches | Stream, kind: str) -> Logs:
        """Run the step that make returns on every batch, with the hooks of that kind."""
        model, distribution = self._model, batches.distribution
        before = self._callbacks.hooks[f"on_{kind}_batch_begin"]
        after = self._callbacks.hooks[f"on_{kind}_batch_end"]
        position, is_training = batches.position, kind == "train"
        done = first = position.step
        step = on_batches = None
        distribution.begin_epoch(position)
        i, left = first - 1, iter(batches)
        while (batch := next(left, None)) is not None:
            i += 1
            if step is None:  # the first batch of a stream decides what to build
                results = self._begin(batches, kind)
                step = self._steps.get(make, model, results, distribution)
                distribution.begin_metrics(list(results))
                if isinstance(batches, Batches) and not (before or after):
                    on_batches = getattr(step, "on_batches", None)
            if (
                on_batches is not None and isinstance(batches, Batches) and i >= first + 2
            ):  # two steps have made a recording
                reached = self._on_batches(on_batches, batches, i, batch, is_training)
                if reached is None:
                    on_batches = None
                elif reached > i:
                    done, i, left = reached, reached - 1, batches.after(reached)
                    continue
            for hook in before:
                hook(i, {})
            try:
                step(*batch)
            except LossNotFinite as error:
                if self._callbacks.ends_at_nan:
                    logs = results.logs() | {"loss": error.value}
                    for hook in after:
                        hook(i, logs)
                    return logs
                of = "" if batches.steps is None else f" of {batches.steps}"
                raise FloatingPointError(
                    f"step {i + 1}{of}: {error.told(batches.rows(i))}"
                ) from None
            done = i + 1
            if is_training:
                position.step = done
            if after:
                logs = results.logs()
                for hook in after:
                    hook(i, logs)
            # Ranks that share batches must agree, which they do after the epoch.
            if not distribution.shares and (
                model.stop_training if is_training else model.stop_evaluating
            ):
                break
        self._set_steps(batches.steps or done)
        if step is None:  # the last step of the epoch was done before
            results = self._begin(batches, kind)
        with distribution.whole_metrics():
            return results.logs()

    def _on_batches(
        self,
        on_batches: Callable[..., bool],
        batches: Any,
        i: int,
        batch: tuple[Any, ...],
        is_training: bool,
    ) -> int | None:
        """Run as many steps as can be without Python between them.

        Returns:
            The number of batches done in this epoch; None if that can't be done at all.
        """
        position = batches.position
        before, position.step = position.step, i
        try:
            return position.step if on_batches(batches, i, batch) else None
        finally:
            if not is_training:
                position.step = before

    def _begin(self, batches: Batches | Stream, kind: str) -> Any:
        """The results of the epoch: new, or as they were in the middle of it."""
        results, run = self._results_for(batches, kind), self._model.run
        if batches.position.step == 0:
            results.reset()
        elif run is not None and run.restore_metrics is not None:
            run.restore_metrics(list(results))
            run.restore_metrics = None
        return results

    def _set_steps(self, steps: int) -> None:
        """Tell the callbacks the number of batches in a run, where it was unknown before."""
        params = self._callbacks.params
        if params["steps"] is None:
            params["steps"] = steps
