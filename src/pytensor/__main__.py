"""The command `python -m pytensor`: lists the commands and what this installation runs on."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pytensor import _commands
from pytensor import _functions as pt

NAME = "pytensor"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; argv and the exit code are as in `pytensor.train.main`."""
    return _commands.run(NAME, lambda: run(argv))


def run(argv: Sequence[str] | None = None) -> None:
    """Print version, instruction set, threads, and the commands."""
    parser = _commands.Parser(
        prog=f"python -m {NAME}",
        allow_abbrev=False,
        description="Show the commands of pytensor and what this installation runs on.",
    )
    parser.parse_args(argv)
    config = pt.build_config()
    print(f"""{_commands.version()}, kernels for {config["instruction set"]}, \
threads: {config["threads"]}

  python -m pytensor.train             train a network on MNIST
  python -m pytensor.train table.csv   train on a table of text and numbers
  python -m pytensor.predict MODEL X   predict images or the rows of a table

Each takes --help. In Python:

  import pytensor as pt                tensors, functions, gradients: pt.grad
  from pytensor import layers, models networks: compile, fit, predict
  from pytensor.datasets import mnist  data: mnist, digits, files ...""")


if __name__ == "__main__":
    sys.exit(main())
