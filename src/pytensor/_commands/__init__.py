"""What `python -m pytensor`, `pytensor.train` and `pytensor.predict` share: how options are read,
what a newcomer sees when something is wrong, and how the process ends.
"""

from __future__ import annotations

import argparse
import errno
import math
import os
import sys
from pathlib import Path

from pytensor._support import files
from pytensor._support.arguments import known
from pytensor._support.version import __version__


class UsageError(Exception):
    """What the user asked for cannot be done; the message is one line and names it."""


class OutputError(Exception):
    """What the work gave cannot be written; the message is one line and names the option."""

    def __init__(self, option, path, error):
        """error: the OSError."""
        super().__init__(f"{option}: {path}: {error.strerror or error}")


class Interrupted(Exception):
    """A signal ended the work.

    Attributes:
        code: the exit code, 128 + the signal's number.
    """

    def __init__(self, message, code=130):
        """Keep the code."""
        super().__init__(message)
        self.code = code


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line that starts with the option's name; has --version."""

    def __init__(self, **options):
        """Options: those of ArgumentParser."""
        super().__init__(**options)
        self.add_argument(
            "--version", action="version", version=version(), help="show the version and stop"
        )

    def error(self, message):
        """Raise UsageError instead of ending the process."""
        unknown, _, given = message.partition("unrecognized arguments: ")
        if not unknown and given.startswith("--"):
            hint = known(given.split()[0].partition("=")[0], self._option_string_actions)
            if hint.startswith("did you mean"):
                message = f"{message}: {hint}"
        raise UsageError(message.removeprefix("argument "))


def version():
    """Return "pytensor 0.1.0", say."""
    return f"pytensor {__version__}"


def run(name, work, who=str):
    """Call work() as the command of that name; it may return an exit code.

    Args:
        who: is called before a message; returns what shall stand in front of it.

    Returns:
        The exit code: 0; 1, the work failed or its output cannot be written; 2, an option or the
        data are wrong, or stdout is closed; 128 + n, ended by signal n (Ctrl-C: 130).
    """

    def complain(message, code):
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
        # Python's own last flush shall not complain about it as well.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 1  # who read the output wants no more of it (`| head`)
        return complain(f"standard output: {error}", 1)
    return code or 0


def check_writable(option, path):
    """Find out before the work whether its result can be kept.

    Raises:
        UsageError: path is a directory, or a device or a pipe, or its directory takes no files.
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


def grouped(number):
    """Write an integer with spaces between its thousands."""
    return f"{number:,}".replace(",", " ")


def count(text):
    """Read an integer >= 1."""
    return _integer(text, 1)


def seed(text):
    """Read an integer >= 0."""
    return _integer(text, 0)


def _integer(text, least):
    try:
        value = int(text)
    except ValueError:
        value = None
    if value is None or value < least:
        raise argparse.ArgumentTypeError(f"{text}: expected an integer >= {least}")
    return value


def positive(text):
    """Read a number > 0."""
    return number(text, lambda value: 0 < value < math.inf, "a number > 0")


def share(text):
    """Read a number in [0, 1)."""
    return number(text, lambda value: 0 <= value < 1, "a number in [0, 1)")


def number(text, is_right, expected):
    """Read a number for which is_right."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not is_right(value):
        raise argparse.ArgumentTypeError(f"{text}: expected {expected}")
    return value


def path(text):
    """Read a path; it may begin with ~."""
    return Path(text).expanduser()
