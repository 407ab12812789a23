"""The command `python -m pytensor`: what there is, and what this installation computes with."""

from __future__ import annotations

import sys

from pytensor import _commands
from pytensor import _functions as pt

NAME = "pytensor"


def main(argv=None):
    """Run the command; argv and the exit code: as those of `pytensor.train.main`."""
    return _commands.run(NAME, lambda: run(argv))


def run(argv=None):
    """Print the commands, the places to read on, and version, instruction set and threads."""
    parser = _commands.Parser(
        prog=f"python -m {NAME}",
        allow_abbrev=False,
        description="Shows the commands of pytensor, and what this installation computes with.",
    )
    parser.parse_args(argv)
    config = pt.build_config()
    print(f"""{_commands.version()}, kernels for {config["instruction set"]}, \
threads: {config["threads"]}

  python -m pytensor.train             train a network on MNIST
  python -m pytensor.train table.csv   train one on a table of text and numbers
  python -m pytensor.predict MODEL X   what it says about images or a table

Each takes --help. In Python:

  import pytensor as pt                tensors, functions, gradients: pt.grad
  from pytensor import layers, models networks: compile, fit, predict
  from pytensor.datasets import mnist  data: mnist, digits, files ...""")


if __name__ == "__main__":
    sys.exit(main())
