"""The command `python -m pytensor.train`: train a dense network to classify or to predict a number.

Without options it trains the first network of the book, 784-512-10, on MNIST; if MNIST is not
available, on digits that the package draws itself. The same options give the same weights, bit for
bit, with any number of threads, and however often the run was interrupted and resumed.

Its parts are in `_commands`: `training_options`, `training_data`, `training_network`,
`training_run` and `training_report`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytensor import _commands, utils
from pytensor._commands import training_report as report
from pytensor._commands.training_data import load_data, steps_per_epoch
from pytensor._commands.training_network import build
from pytensor._commands.training_options import NAME, parse
from pytensor._commands.training_run import make_distribution, set_threads, train

if TYPE_CHECKING:
    from pytensor.distributed import DataParallel


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: the options; by default those of the command line.

    Returns:
        The exit code, as described in `_commands.run`.
    """
    ranks: list[DataParallel] = []
    code = _commands.run(
        NAME, lambda: run(parse(argv), ranks), lambda: ranks[0].give_way() if ranks else ""
    )
    if code and ranks and ranks[0].size > 1:
        ranks[0].abort(code)
    return code


def run(options: argparse.Namespace, ranks: list[DataParallel] | None = None) -> None:
    """Load the data, train, and print the result.

    Args:
        options: as `parse` returns them.
        ranks: a list to which the DataParallel of --distributed is added.

    Raises:
        UsageError: the data cannot be read, or a path cannot be used.
        OutputError: a file could not be written after all.
        FloatingPointError: the loss is no longer a finite number.
        Interrupted: Ctrl-C or SIGTERM ended the training.
        OSError: stdout cannot be written.
    """
    distribution = make_distribution(options)
    if distribution is not None and ranks is not None:
        ranks.append(distribution)
    is_first = distribution is None or distribution.is_first
    if is_first:
        report.check_outputs(options)
    if options.threads is not None:
        set_threads(options.threads)
    utils.set_random_seed(options.seed)
    name, data = (
        load_data(options)
        if distribution is None
        else distribution.first_goes_ahead(lambda: load_data(options))
    )
    network = build(options, data)
    if is_first and not options.quiet:
        print(report.describe(options, name, data, network, distribution), flush=True)
    if options.dry_run:
        if is_first:
            network.summary()
            steps = steps_per_epoch(options, data)
            print(f"dry run: {steps} steps an epoch; nothing was trained or written")
        return
    start = time.perf_counter()
    epochs = train(options, network, data, distribution)
    seconds = time.perf_counter() - start
    if not is_first:
        return
    print(report.result(options, network, data, epochs, seconds), flush=True)
    if options.plot is not None:  # last: if it cannot be written, the result is known
        report.draw(options, name, network, data)


if __name__ == "__main__":
    sys.exit(main())
