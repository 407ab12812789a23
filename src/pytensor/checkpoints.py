"""Checkpoints: a model's file with everything that its training depends on.

Besides weights and architecture, that is: the optimizer's state, the epochs and steps done, the
random numbers and the order of the epoch's samples, what metrics have accumulated, and what
callbacks keep (Callback.kept). So a run that was killed at any point, and resumed from its last
checkpoint, ends with the weights of one that was never interrupted, bit by bit, if data, options
and callbacks are the same.

    checkpoint = checkpoints.Checkpoint("model.safetensors", resume=True)
    model.fit(x, y, epochs=20, callbacks=[checkpoint])
"""

from __future__ import annotations

import os
from typing import Any

from pytensor._support.files import as_model_path, as_path
from pytensor.callbacks import Logs, Resuming

__all__ = ["Checkpoint"]


class Checkpoint(Resuming):
    """Writes a checkpoint while a model is trained, and at the end. fit calls it after the others.

    The file is one that models.load_model can read at any time.

    >>> from tempfile import mkdtemp
    >>> path = f"{mkdtemp()}/model.safetensors"
    >>> model = pt.models.Sequential([pt.layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> keep = pt.checkpoints.Checkpoint(path, resume=True)
    >>> history = model.fit(np.ones((8, 2)), np.ones(8), epochs=2, verbose=0, callbacks=[keep])
    >>> pt.models.load_model(path).built
    True
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        save_freq: int | str = "epoch",
        resume: bool | str | os.PathLike[str] = False,
        notes: Any = None,
    ) -> None:
        """Choose the file, and when to write it.

        Args:
            path: The file, replaced each time.
            save_freq: "epoch", after every epoch; or an integer n, after every n steps as well.
            resume: The path of a checkpoint to put the model back to before the first epoch; or
                True: path, if that file exists.
            notes: As for models.save_model.

        Raises:
            TypeError: A path is not a path, or save_freq has the wrong type.
            ValueError: The file's ending is that of another format, or save_freq is below 1.
        """
        self.path = as_model_path("Checkpoint", path)
        self._write_every("Checkpoint", save_freq)
        self.notes = notes
        self.resume_from = (
            None
            if not resume
            else self.path
            if resume is True
            else as_path("Checkpoint: resume", resume)
        )
        self._may_be_missing = resume is True

    def on_train_begin(self, logs: Logs = None) -> None:
        """Go back to where the run was.

        Raises:
            OSError: The checkpoint cannot be read.
            ValueError: The file is not a checkpoint, or not one of this model, data or optimizer.
        """
        if self.resume_from is not None:
            self._resume("Checkpoint", self.resume_from, self._may_be_missing)

    def on_train_end(self, logs: Logs = None) -> None:
        """Write again: other callbacks, such as EarlyStopping, may have changed the weights."""
        self.write()

    def write(self) -> None:
        """Write the checkpoint now, between two steps.

        Where several ranks share the work, all must call it; rank 0 writes.

        Raises:
            OSError: The file cannot be written.
        """
        self.model.write_checkpoint("Checkpoint", self.path, self.notes)
