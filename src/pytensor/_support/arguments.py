"""Checks of arguments that the functions, layers, optimizers and the trainer share.

A message names the function, the argument, what was found and what was expected.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

_Entry = TypeVar("_Entry")


def snake_case(name: str) -> str:
    """Turn the name of a class into that of an argument: GlorotUniform into glorot_uniform."""
    # Conv2DTranspose: conv2d_transpose; L1L2: l1_l2
    words = r"(?<=[a-z])(?=[A-Z])|(?<=[0-9])(?=[A-Z][a-z0-9])|(?<=[A-Z])(?=[A-Z][a-z])"
    return re.sub(words, "_", name).lower()


def known(identifier: Any, names: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: "did you mean 'relu'?".

    It lists all names where there are few, or none is similar.
    """
    import difflib  # here, since it is seldom needed

    # Of GlorotUniform and glorot_uniform only the one in the case that was asked for is shown.
    names = sorted(names, key=lambda name: (name.islower() == str(identifier).islower(), name))
    by_key = {_key(name): name for name in names}
    if len(by_key) > 6:
        asked = _key(str(identifier))
        near = difflib.get_close_matches(asked, by_key, 3)
        if near and difflib.SequenceMatcher(None, near[0], asked).ratio() > 0.8:
            del near[1:]
        if not near and len(asked) > 1:
            near = [key for key in by_key if key.startswith(asked)][:3]
        if near:
            *others, last = [repr(by_key[key]) for key in near]
            return f"did you mean {', '.join(others)}{' or ' * bool(others)}{last}?"
    return f"known are {', '.join(sorted(by_key.values()))}"


def _key(name: str) -> str:
    """A name without case, underscores, hyphens and spaces, which people confuse."""
    return re.sub("[-_ ]", "", name).lower()


def lookup(kind: str, identifier: Any, table: Mapping[str, _Entry]) -> _Entry:
    """Return table[identifier]; the error lists the most similar names, or all.

    Args:
        kind: what the table holds, for the message: "activation".
    """
    if not isinstance(identifier, str):
        raise TypeError(f"{kind}: found {identifier!r}: expected a name or an object of its own")
    try:
        return table[identifier]
    except KeyError:
        raise ValueError(f"unknown {kind} {identifier!r}: {known(identifier, table)}") from None


def integer(name: str, value: Any, least: float) -> int:
    """Return value as an int of at least `least` (which may be -math.inf)."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: found {value!r}: expected an integer") from None
    if number < least:
        raise ValueError(f"{name}: found {number}: expected at least {least}")
    return number


def number(
    name: str,
    value: Any,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    above_low: bool = False,
    below_high: bool = False,
) -> float:
    """Return value as a finite float in [low, high]; above_low, below_high exclude the ends."""
    try:
        if isinstance(value, (str, bytes)):  # float would parse them
            raise TypeError
        result = float(value)
    except OverflowError:
        result = math.inf
    except (TypeError, ValueError):
        raise TypeError(f"{name}: found {value!r}: expected a number") from None
    if not math.isfinite(result):
        raise ValueError(f"{name}: found {result:g}: expected a finite number")
    excluded = (above_low and result == low) or (below_high and result == high)
    if excluded or not low <= result <= high:
        if high == math.inf:
            expected = f"{'above' if above_low else 'at least'} {low:g}"
        else:
            expected = (
                f"a number in {'(' if above_low else '['}{low:g}, "
                f"{high:g}{')' if below_high else ']'}"
            )
        raise ValueError(f"{name}: found {result:g}: expected {expected}")
    return result


def floor(value: float) -> int:
    """Return the floor of a quotient, which rounding errors may have put just below an integer."""
    nearest = round(value)
    is_it = abs(value - nearest) <= 1e-9 + 1e-12 * abs(value)
    return nearest if is_it else math.floor(value)


def sample_shape(name: str, shape: Any) -> tuple[int, ...]:
    """Return the shape of one sample as a tuple of integers >= 1."""
    try:
        return tuple(integer(name, length, 1) for length in shape)
    except TypeError:
        raise TypeError(
            f"{name}: found {shape!r}: expected a tuple of integers, the shape of one "
            "sample without the batch axis"
        ) from None


def open_shape(name: str, shape: Any) -> tuple[int | None, ...]:
    """Return the shape of one sample as a tuple of integers >= 1, and None for open lengths."""
    try:
        lengths = tuple(shape)
    except TypeError:
        return sample_shape(name, shape)
    known = iter(sample_shape(name, [n for n in lengths if n is not None]))
    return tuple(None if n is None else next(known) for n in lengths)


def check_below(name: str, values: np.ndarray, limit: int, what: str = "") -> None:
    """Check that an ndarray holds only integers in [0, limit); the error names the first other one.

    Args:
        name: what the values are, for the message.
        values: the ndarray.
        limit: the bound.
        what: more about these integers, for the end of the message.
    """
    values = values.ravel()
    wrong = ~((values >= 0) & (values < limit) & (values == np.floor(values)))
    if wrong.any():
        position = int(wrong.argmax())
        raise ValueError(
            f"{name} {values[position]} at position {position}: expected an integer "
            f"in [0, {limit}){what}"
        )
