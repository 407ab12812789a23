"""What a class promises about a method, and whether a subclass still keeps the promise."""

from __future__ import annotations


def overridden(cls: type, promise: str, *methods: str) -> bool:
    """Whether a subclass redefines a method without repeating the promise made about it.

    Args:
        cls: the class.
        promise: the name of the attribute or method that says something about the methods.
        methods: their names.
    """
    for base in cls.__mro__:
        if promise in vars(base):
            return False
        if any(method in vars(base) for method in methods):
            return True
    return False
