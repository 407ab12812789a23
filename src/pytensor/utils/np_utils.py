"""The module in which older editions of Keras kept what is now in utils."""

import warnings
from typing import TYPE_CHECKING

from pytensor import utils

if not TYPE_CHECKING:  # type checkers would take any name for one of the module

    def __getattr__(name):
        value = getattr(utils, name)
        if not name.startswith("__"):
            warnings.warn(f"utils.np_utils: write utils.{name}", DeprecationWarning, stacklevel=2)
        return value
