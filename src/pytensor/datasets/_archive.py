"""Arrays out of .npz archives, whose errors name the file."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence

import numpy as np


def read(path: str | os.PathLike[str], choices: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
    """Read arrays from an .npz archive, none of them pickled.

    Args:
        path: the file.
        choices: a list of tuples of keys; the first whose keys are all there is read.

    Returns:
        {key: array}.

    Raises:
        ValueError: it is not an archive, has none of these keys, or is damaged.
        OSError: it cannot be opened.
    """
    expected = " or ".join(", ".join(keys) for keys in choices)
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path}: found no .npz archive, expected one with {expected}")
    try:
        with np.load(path, allow_pickle=False) as archive:
            for keys in choices:
                if all(key in archive for key in keys):
                    return {key: archive[key] for key in keys}
            found = ", ".join(archive) or "no arrays"
    except Exception as error:
        # A key that is not an array, an array of objects, a damaged or false header: neither
        # zipfile nor NumPy document which errors these raise. An error with a file name comes
        # from opening the file.
        if isinstance(error, OSError) and error.filename is not None:
            raise
        found = str(error) or type(error).__name__
        raise ValueError(f"{path}: corrupt or no such archive: {found}") from error
    raise ValueError(f"{path}: found {found}: expected {expected}")
