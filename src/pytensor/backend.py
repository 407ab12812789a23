"""What is left of a module of older editions: `from pytensor import backend as K`.

Its functions on tensors are those of `ops`.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from pytensor import utils
from pytensor._support.names import missing

__all__ = ["clear_session"]


def clear_session() -> None:
    """Call utils.clear_session, with a DeprecationWarning.

    >>> pt.backend.clear_session()  # doctest: +SKIP
    """
    warnings.warn(
        "backend.clear_session: write utils.clear_session", DeprecationWarning, stacklevel=2
    )
    utils.clear_session()


if not TYPE_CHECKING:

    def __getattr__(name):
        if name.startswith("_"):
            raise missing("backend", name, globals())
        raise AttributeError(
            f"module 'pytensor.backend' has no attribute {name!r}: functions on tensors are in "
            "pytensor.ops; docs/keras.md lists what is supported",
            name=name,
        )
