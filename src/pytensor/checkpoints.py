"""Checkpoints: a model's file with all that its training depends on.

That is, besides weights and architecture: the optimizer's state, the epochs and steps done, the
random numbers and the order of the epoch's samples, what metrics have accumulated, and what
callbacks keep (Callback.kept). So a run that was killed at any point and goes on from its last
checkpoint ends with the weights of one that was never interrupted, bit by bit, if data, options and
callbacks are the same.

    checkpoint = checkpoints.Checkpoint("model.safetensors", resume=True)
    model.fit(x, y, epochs=20, callbacks=[checkpoint])
"""

from __future__ import annotations

from pytensor._support.arguments import integer
from pytensor._support.files import as_model_path, as_path
from pytensor._training import model_files, state
from pytensor.callbacks import Callback

__all__ = ["Checkpoint"]


class Checkpoint(Callback):
    """Writes a checkpoint while a model is trained, and at its end. fit calls it after all others.

    The file is a model's: models.load_model reads it at any time.

    >>> from tempfile import mkdtemp
    >>> path = f"{mkdtemp()}/model.safetensors"
    >>> model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> keep = pt.checkpoints.Checkpoint(path, resume=True)
    >>> history = model.fit(np.ones((8, 2)), np.ones(8), epochs=2, verbose=0, callbacks=[keep])
    >>> pt.models.load_model(path).built
    True
    """

    runs_last = True

    def __init__(self, path, save_freq="epoch", resume=False, notes=None):
        """path: the file, replaced at each time.

        save_freq: "epoch", after every epoch, or an integer, after so many steps as well.
        resume: True, or the path of a checkpoint: before the first epoch, put the model back to
            that; True: to path, if there is such a file.
        notes: as for models.save_model.
        """
        self.path = as_model_path("Checkpoint", path)
        if save_freq != "epoch":
            save_freq = integer("Checkpoint: save_freq", save_freq, 1)
            self.on_train_batch_end = self._count_step
        self.save_freq = save_freq
        self.notes = notes
        self.resume_from = (
            None
            if not resume
            else self.path
            if resume is True
            else as_path("Checkpoint: resume", resume)
        )
        self._may_be_missing = resume is True
        self._steps = 0
        self._rate = None

    def on_train_begin(self, logs=None):
        """Go back to where the run was.

        Raises:
            OSError: the checkpoint cannot be read.
            ValueError: it is none, or not of this model, data or optimizer.
        """
        if self.resume_from is None:
            return
        name = f"Checkpoint: {self.resume_from}"
        found = self.model.run.distribution.from_first(lambda: self._read(name))
        if found is None:
            return
        arrays, about = found
        model_files.assign_weights(name, self.model, arrays)
        state.restore(name, self.model, about.get("training"), arrays)
        if self.model.run.position.step:
            self._rate = self.model.optimizer.learning_rate

    def _read(self, name):
        """The file to go on from, or None."""
        if self._may_be_missing and not self.resume_from.exists():
            return None
        return model_files.read_model(name, self.resume_from)

    def on_epoch_begin(self, epoch, logs=None):
        """Amid an epoch, undo what a schedule has done a second time."""
        if self._rate is not None and self.model.optimizer.learning_rate != self._rate:
            self.model.optimizer.learning_rate = self._rate
        self._rate = None

    def on_epoch_end(self, epoch, logs=None):
        """Write."""
        self.write()

    def on_train_end(self, logs=None):
        """Write once more: other callbacks may have changed the weights, EarlyStopping for one."""
        self.write()

    def _count_step(self, batch, logs=None):
        self._steps += 1
        if self._steps % self.save_freq == 0:
            self.write()

    def write(self):
        """Write the checkpoint now, between two steps; raises as models.save_model does.

        Of many ranks, all call it, and rank 0 writes.
        """
        distribution = self.model.run.distribution
        with distribution.whole_metrics():
            if distribution.is_first:
                model_files.write_model(
                    "Checkpoint", self.model, self.path, state.state(self.model), self.notes
                )
