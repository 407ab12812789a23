"""Packages that pytensor installs with itself, but can do without until something needs them."""

from __future__ import annotations

import importlib
from types import ModuleType


def needed(module: str, user: str) -> ModuleType:
    """Import a module of such a package.

    Args:
        module: The module's name, such as "safetensors.numpy".
        user: What needs it, for the message: a function's name.

    Raises:
        ImportError: The package is not installed.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise ImportError(f"{user}: needs {package}: pip install {package}") from None
