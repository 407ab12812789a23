"""The functions of _tables/numpy_rows.py, each made when its name is first looked up.

So `import pytensor` neither reads that table nor compiles its expressions. Type checkers see stubs
that the build writes from the table: numpy_functions.pyi, numpy_linalg.pyi and numpy_fft.pyi.
"""

from __future__ import annotations

import sys
from typing import Any


def attribute(namespace: dict[str, Any], module: str, name: str) -> Any:
    """Do what the `__getattr__` of a module has to: make the function, or raise AttributeError.

    Args:
        namespace: the module's globals, which keep the function.
        module: "" for pytensor itself, "linalg" or "fft".
        name: the name that was looked up.
    """
    from pytensor._functions.by_numpy import TABLE, function

    path = f"{module}.{name}" if module else name
    if path not in TABLE:
        from pytensor._support.names import yet

        place = "pytensor" + (module and f".{module}")
        text = f"module {place!r} has no attribute {name!r}{yet(module or 'pytensor', name)}"
        # from obj Python suggests another name
        raise AttributeError(text, name=name, obj=sys.modules[place])
    return namespace.setdefault(name, function(path))
