"""The command `python -m pytensor.train`: train a dense network on images of digits.

Without options it is the first network of the book, 784-512-10, on MNIST; where MNIST cannot be
had, on the digits that the package draws itself. A run with the same options gives the same
weights, bit by bit, whatever the number of threads.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from pathlib import Path

import pytensor as pt
from pytensor import datasets, layers, models, optimizers, utils

CLASSES = 10
OPTIMIZERS = ("sgd", "rmsprop", "adam", "adagrad")


class UsageError(Exception):
    """What the user asked for cannot be done; the message is one line and names it."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line that starts with the option's name."""

    def error(self, message):
        raise UsageError(message.removeprefix("argument "))


def main(argv=None):
    """Run the command.

    Args:
        argv: the options, a list of strings; by default those of the command line.

    Returns:
        The exit code: 0; 1, the training failed or its output cannot be written; 2, an option or
        the data are wrong, or stdout is closed; 130, interrupted with Ctrl-C.
    """
    try:
        try:
            run(parse(argv))
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # here, not at the end of Python: its failure is reported
    except UsageError as error:
        return _complain(error, 2)
    except (FloatingPointError, MemoryError) as error:
        return _complain(str(error) or "out of memory", 1)
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    except OSError as error:
        # Python's own last flush shall not complain about it as well.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 1  # who read the output wants no more of it (`| head`)
        return _complain(f"standard output: {error}", 1)
    return 0


def parse(argv=None):
    """Parse and check the options.

    Raises:
        UsageError: an option is unknown or its value wrong.
        SystemExit: --help was asked for and given.
    """
    parser = _Parser(
        prog="python -m pytensor.train",
        description="Train a dense network on 28 x 28 images of digits. Without options: "
        "784-512-10, RMSprop, 5 epochs, on MNIST; where MNIST cannot be had, on digits that the "
        "package draws itself.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--epochs", type=_count, default=5, metavar="N", help="passes over the data (%(default)s)")
    add("--batch-size", type=_count, default=128, metavar="N",
        help="images in one step (%(default)s)")  # fmt: skip
    add("--hidden", type=_count, default=[512], nargs="+", metavar="N",
        help="units of each hidden layer, e.g. --hidden 256 128 (512)")  # fmt: skip
    add("--optimizer", choices=OPTIMIZERS, default="rmsprop", help="(%(default)s)")
    add("--learning-rate", type=_rate, metavar="X", help="(the optimizer's own)")
    add("--dataset", choices=("mnist", "digits"),
        help="insist on this data (mnist; if it cannot be had, digits)")  # fmt: skip
    add("--data-dir", type=Path, metavar="DIR",
        help="where MNIST's files are: DIR or DIR/mnist "
        "($PYTENSOR_DATA, then the cache, then the network)")  # fmt: skip
    add("--seed", type=_seed, default=0, metavar="N", help="of all random numbers (%(default)s)")
    add("--threads", type=_count, metavar="N",
        help="($PYTENSOR_NUM_THREADS, else all the cores this process may use)")  # fmt: skip
    add("--save", type=Path, metavar="PATH", help="write the trained weights to this file")
    add("--quiet", action="store_true", help="print nothing but the result")
    options = parser.parse_args(argv)
    if options.data_dir is not None and options.dataset == "digits":
        raise UsageError(f"--data-dir: {options.data_dir}: --dataset digits reads no files")
    return options


def run(options):
    """Train as the options say.

    Raises:
        UsageError: the data cannot be had, a path cannot be used, or there is no stdout.
        FloatingPointError: the loss is no longer a number.
        OSError: stdout cannot be written.
    """
    if sys.stdout is None:
        raise UsageError("standard output: closed: expected a place for the result")
    if options.save is not None:
        check_writable(options.save)
    if options.threads is not None:
        set_threads(options.threads)
    utils.set_random_seed(options.seed)
    network = build(options)
    name, (train_images, train_labels), (test_images, test_labels) = load_data(options)
    if not options.quiet:
        print(describe(options, name, len(train_images), len(test_images), network))
    rows, targets = as_rows(train_images), utils.to_categorical(train_labels, CLASSES)
    start = time.perf_counter()
    network.fit(
        rows,
        targets,
        epochs=options.epochs,
        batch_size=options.batch_size,
        verbose=0 if options.quiet else "auto",
    )
    seconds = time.perf_counter() - start
    loss, accuracy = network.evaluate(
        as_rows(test_images),
        utils.to_categorical(test_labels, CLASSES),
        batch_size=options.batch_size,
        verbose=0,
    )
    if options.save is not None:
        save(network, options.save)
    rate = grouped(round(options.epochs * len(train_images) / seconds))
    epochs = f"{options.epochs} epoch{'s' * (options.epochs > 1)}"
    print(
        f"test loss {loss:.4f}, test accuracy {accuracy:.4f}; "
        f"{epochs} in {seconds:.1f} s, {rate} images/s"
    )


def set_threads(count):
    """Set the number of threads; one that the pool does not take is the option's fault."""
    try:
        pt.set_num_threads(count)
    except ValueError as error:
        raise UsageError(f"--threads: {str(error).removeprefix('set_num_threads: ')}") from error


def load_data(options):
    """Load the data asked for, or explain on stderr why it is other data.

    Returns:
        The name of the data set, and the pairs (images, labels) for training and test.
    """
    if options.dataset == "digits":
        return "digits", *datasets.digits.load_data()
    try:
        return "mnist", *datasets.mnist.load_data(options.data_dir)
    except datasets.DownloadError as error:
        if options.dataset == "mnist":
            raise UsageError(f"--dataset: mnist: {error}") from error
        print(
            "MNIST is not on this machine and cannot be downloaded (is there a network?): training "
            "on digits that\nthis package draws itself. To use MNIST, name the directory of its "
            "files with --data-dir DIR.",
            file=sys.stderr,
        )
        return "digits", *datasets.digits.load_data()
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error


def build(options):
    """Build and compile the network 784 - hidden layers (relu) - 10 (softmax).

    Raises:
        UsageError: there is no memory for layers of these sizes.
    """
    network = models.Sequential()
    shape = {"input_shape": (28 * 28,)}
    try:
        for units in options.hidden:
            network.add(layers.Dense(units, activation="relu", **shape))
            shape = {}
        network.add(layers.Dense(CLASSES, activation="softmax"))
    except (ValueError, MemoryError) as error:
        sizes = " ".join(map(str, options.hidden))
        raise UsageError(f"--hidden: {sizes}: too large: {error}") from error
    optimizer = optimizers.get(options.optimizer)
    if options.learning_rate is not None:
        optimizer.learning_rate = options.learning_rate
    network.compile(optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    return network


def describe(options, name, n_train, n_test, network):
    """Return the line that says what is about to be trained on what."""
    sizes = "-".join(map(str, (28 * 28, *options.hidden, CLASSES)))
    threads = pt.get_num_threads()
    return (
        f"{name}: {grouped(n_train)} training and {grouped(n_test)} test images; "
        f"network {sizes}, {grouped(network.count_params())} parameters, {options.optimizer}, "
        f"batches of {options.batch_size}, {threads} thread{'s' * (threads > 1)}"
    )


def as_rows(images):
    """Turn uint8 images (n, 28, 28) into float32 rows (n, 784) between 0 and 1."""
    return images.reshape((len(images), -1)).astype("float32") / 255


def check_writable(path):
    """Find out before the training whether its result can be kept."""
    # A finished file takes the place of what is there; that must not happen to a directory, and
    # not to a device such as /dev/null.
    if path.exists() and not path.is_file():
        raise UsageError(f"--save: {path}: is there and is no regular file")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UsageError(f"--save: {path}: cannot write in {path.parent}: {error}") from error


def save(network, path):
    """Write the weights; what went wrong since `check_writable` is one line as well."""
    try:
        network.save_weights(path)
    except OSError as error:
        raise UsageError(f"--save: {path}: {error}") from error


def grouped(number):
    """Write an integer with spaces between its thousands."""
    return f"{number:,}".replace(",", " ")


def _count(text):
    return _integer(text, 1)


def _seed(text):
    return _integer(text, 0)


def _integer(text, least):
    try:
        value = int(text)
    except ValueError:
        value = None
    if value is None or value < least:
        raise argparse.ArgumentTypeError(f"{text}: expected an integer >= {least}")
    return value


def _rate(text):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text}: expected a number > 0")
    return value


def _complain(message, code):
    print(f"pytensor.train: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
