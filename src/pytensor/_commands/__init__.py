"""Shared by `python -m pytensor`, `pytensor.train` and `pytensor.predict`: how options are read,
how errors are shown, and how the process ends.
"""

from __future__ import annotations

import argparse
import errno
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from pytensor._support import files
from pytensor._support.arguments import known
from pytensor._support.version import __version__


class UsageError(Exception):
    """The user's request cannot be met; the message is one line that names the cause."""


class OutputError(Exception):
    """A result cannot be written; the message is one line that names the option."""

    def __init__(self, option: str, path: str | os.PathLike[str], error: OSError) -> None:
        """Put the option and the path before what the error says."""
        super().__init__(f"{option}: {path}: {error.strerror or error}")


class Interrupted(Exception):
    """A signal ended the work.

    Attributes:
        code: the exit code, 128 + the signal's number.
    """

    def __init__(self, message: str, code: int = 130) -> None:
        """Keep the code."""
        super().__init__(message)
        self.code = code


class Parser(argparse.ArgumentParser):
    """Reports an error in one line that starts with the option's name; has --version."""

    def __init__(self, **options: Any) -> None:
        """Take the options of ArgumentParser."""
        super().__init__(**options)
        self.add_argument(
            "--version", action="version", version=version(), help="show the version and stop"
        )

    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of ending the process."""
        unknown, _, given = message.partition("unrecognized arguments: ")
        if not unknown and given.startswith("--"):
            options = [name for name in self._option_string_actions if name.startswith("--")]
            hint = known(given.split()[0].partition("=")[0], options)
            if hint.startswith("did you mean") or len(options) <= 6:
                message = f"{message}: {hint}"
        raise UsageError(message.removeprefix("argument "))


def version() -> str:
    """Return the name and the version, such as "pytensor 0.1.0"."""
    return f"pytensor {__version__}"


def run(name: str, work: Callable[[], int | None], who: Callable[[], str] = str) -> int:
    """Call work() as the command of that name, and report its errors in one line.

    Args:
        name: the command's name, for messages.
        work: may return an exit code.
        who: called before a message; returns a text to put before it.

    Returns:
        The exit code: 0; 1 if the work failed or its output cannot be written; 2 if an option or
        the data are wrong, or stdout is closed; 128 + n if signal n ended it (Ctrl-C: 130).
    """

    def complain(message: object, code: int) -> int:
        print(f"{name}: {who()}{message}", file=sys.stderr, flush=True)
        return code

    try:
        if sys.stdout is None:
            raise UsageError("standard output: closed: expected a place for the result")
        try:
            code = work()
        finally:
            sys.stdout.flush()  # here, not at the end of Python: its failure is reported
    except UsageError as error:
        return complain(error, 2)
    except (FloatingPointError, MemoryError, OutputError) as error:
        return complain(str(error) or "out of memory", 1)
    except Interrupted as error:
        return complain(error, error.code)
    except KeyboardInterrupt:
        return complain("interrupted", 130)
    except OSError as error:
        if error.filename is not None:
            return complain(f"{error.filename}: {error.strerror}", 1)
        # Python's last flush must not report it as well.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 1  # the reader has closed the pipe (`| head`)
        return complain(f"standard output: {error}", 1)
    return code or 0


def check_writable(option: str, path: Path) -> None:
    """Find out before the work whether its result can be written to a path.

    Raises:
        UsageError: path is a directory, a device or a pipe, or its directory is not writable.
    """
    try:
        files.check_writable(path)
    except OSError as error:
        reason = (
            error.strerror
            if error.errno == errno.EINVAL
            else f"cannot write in {path.parent}: {error}"
        )
        raise UsageError(f"{option}: {path}: {reason}") from error


def grouped(number: int) -> str:
    """Write an integer with spaces between its thousands."""
    return f"{number:,}".replace(",", " ")


def count(text: str) -> int:
    """Read an integer >= 1."""
    return _integer(text, 1)


def seed(text: str) -> int:
    """Read an integer >= 0."""
    return _integer(text, 0)


def _integer(text: str, least: int) -> int:
    try:
        value: int | None = int(text)
    except ValueError:
        value = None
    if value is None or value < least:
        raise argparse.ArgumentTypeError(f"{text}: expected an integer >= {least}")
    return value


def positive(text: str) -> float:
    """Read a number > 0."""
    return number(text, lambda value: 0 < value < math.inf, "a number > 0")


def share(text: str) -> float:
    """Read a number in [0, 1)."""
    return number(text, lambda value: 0 <= value < 1, "a number in [0, 1)")


def number(text: str, is_right: Callable[[float], bool], expected: str) -> float:
    """Read a number that is_right accepts; the message says what was expected."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not is_right(value):
        raise argparse.ArgumentTypeError(f"{text}: expected {expected}")
    return value


def path(text: str) -> Path:
    """Read a path; it may begin with ~."""
    return Path(text).expanduser()
