"""The command `python -m pytensor.predict`: apply a trained network to images or a table."""

from __future__ import annotations

import argparse
import csv
import io
import math
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pytensor import _commands, models
from pytensor._commands import OutputError, UsageError, check_writable, count, photographs
from pytensor._support.files import write_atomically
from pytensor._training import model_files
from pytensor.datasets import tables

if TYPE_CHECKING:
    from PIL import Image

NAME = "pytensor.predict"
# The endings of tables; any other file is an image.
TABLES = (".csv", ".tsv", ".tab", ".txt", ".data", ".dat")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: the options; by default those of the command line.

    Returns:
        The exit code, as described in `_commands.run`.
    """
    return _commands.run(NAME, lambda: run(parse(argv)))


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the options.

    Raises:
        UsageError: an option is unknown or its value wrong.
        SystemExit: --help or --version was given.
    """
    parser = _commands.Parser(
        prog=f"python -m {NAME}",
        allow_abbrev=False,
        description="Apply a network saved by python -m pytensor.train --save. For images, print "
        "the most likely classes and their probabilities; for a table, add columns with the "
        "prediction for each row.",
        epilog="Images must be like those the network was trained on: 8-bit grey, of the same "
        "size, white on black for MNIST. --fit converts photographs and scans.",
    )
    add = parser.add_argument
    add("model", type=_commands.path, metavar="MODEL", help="a safetensors file")
    add(
        "images",
        type=_commands.path,
        nargs="+",
        metavar="FILE",
        help="a PNG, JPEG ... image; or, for a network trained on one, a table such as CSV",
    )
    add("--output", type=_commands.path, metavar="FILE",
        help="write the table to this file (default: print it)")  # fmt: skip
    add(
        "--top",
        type=count,
        default=3,
        metavar="N",
        help="how many classes to print (default: %(default)s)",
    )
    add("--fit", action="store_true",
        help="first find the digit in a photograph or a scan, in dark or light ink, and convert it "
        "to the form of MNIST: grey, white on black, scaled and centred")  # fmt: skip
    return parser.parse_args(argv)


def run(options: argparse.Namespace) -> int:
    """Print a line for each image, errors on stderr; or write a table.

    Returns:
        The exit code: 2 if an image cannot be used, else 0.

    Raises:
        UsageError: the model or a table cannot be read, or they do not match.
        OutputError: the table cannot be written.
    """
    notes = read_notes(options.model)
    encoding = read_encoding(options.model, notes)
    if encoding is not None and options.images[0].suffix.lower() in TABLES:
        predict_table(options, notes, encoding)
        return 0
    if options.output is not None:
        raise UsageError(
            f"--output: {options.output}: is for tables: expected a network that was "
            f"trained on one, and a file whose name ends in {', '.join(TABLES)}"
        )
    network, classes = load_model(options.model)
    shape = image_shape(options.model, network)
    input_shape: Any = network.input_shape
    code = 0
    for path in options.images:
        try:
            image = read_image(path, shape, options.fit)
        except UsageError as error:
            print(f"{NAME}: {error}", file=sys.stderr, flush=True)
            code = 2
            continue
        row = np.asarray(network.predict_on_batch(image.reshape(1, *input_shape[1:])))[0]
        if (row < 0).any() or not abs(row.sum() - 1) <= 1e-3:
            raise UsageError(
                f"{options.model}: its outputs are not probabilities: expected a "
                "network that ends in a softmax"
            )
        best, *others = row.argsort()[::-1][: options.top]
        then = ", ".join(f"{classes[k]} ({row[k]:.4f})" for k in others)
        print(
            f"{path}: {classes[best]}, probability {row[best]:.4f}{f'; then {then}' * bool(then)}",
            flush=True,
        )
    return code


def read_notes(path: Path) -> dict[str, Any]:
    """Return the notes in a model file."""
    try:
        notes = model_files.read_notes(path)
    except (OSError, ValueError) as error:
        raise UsageError(str(error).removeprefix("read_notes: ")) from error
    return notes if isinstance(notes, dict) else {}


def read_encoding(path: Path, notes: dict[str, Any]) -> tables.Encoding | None:
    """Return the Encoding of a network that was trained on a table, else None."""
    if "table" not in notes:
        return None
    try:
        return tables.Encoding.from_config(notes["table"])
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error


def predict_table(
    options: argparse.Namespace, notes: dict[str, Any], encoding: tables.Encoding
) -> None:
    """Write a table with the predictions as its last columns."""
    if len(options.images) > 1:
        raise UsageError(f"{options.images[1]}: found a second file: expected one table")
    if options.output is not None:
        check_writable("--output", options.output)
    path = options.images[0]
    try:
        network = models.load_model(options.model, compile=False)
        table = tables.read(path)
        x = encoding.numbers(table, _positions(table, encoding))
        outputs = np.asarray(network.predict(x, verbose=0))
    except (OSError, ValueError) as error:
        raise UsageError(
            str(error).removeprefix("load_model: ").removeprefix("predict: ")
        ) from error
    classes = notes.get("classes")
    if classes:
        if outputs.shape[1:] != (len(classes),):
            raise UsageError(
                f"{options.model}: gives {outputs.shape[1:]} for {len(classes)} "
                "classes: not written by python -m pytensor.train"
            )
        best = outputs.argmax(axis=1)
        new = {
            f"predicted_{encoding.target}": [classes[k] for k in best],
            "probability": [f"{p:.4f}" for p in outputs.max(axis=1)],
        }
    else:
        new = {f"predicted_{encoding.target}": [f"{value:.7g}" for value in outputs[:, 0]]}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if table.has_names:
        writer.writerow([*table.names, *new])
    writer.writerows([*row, *more] for row, *more in zip(table.rows, *new.values(), strict=True))
    if options.output is None:
        print(text.getvalue(), end="", flush=True)
        return
    try:
        write_atomically(options.output, text.getvalue().encode())
    except OSError as error:
        raise OutputError("--output", options.output, error) from error


def _positions(table: tables.Table, encoding: tables.Encoding) -> list[int]:
    """Where an encoding's columns are in a table, which may lack names and the target column."""
    names = [column["name"] for column in encoding.columns]
    if table.has_names or not all(name.isdecimal() for name in names):
        if not table.has_names:
            raise ValueError(
                f"{table.path}: found no names of columns in line 1: expected {', '.join(names)}"
            )
        return [table.column(name) for name in names]
    target, numbers = int(encoding.target), [int(name) for name in names]
    if len(table.names) == max(*numbers, target):  # one fewer than in training
        numbers = [number - (number > target) for number in numbers]
    return [table.column(number) for number in numbers]


def load_model(path: Path) -> tuple[models.Sequential, list[str]]:
    """Return the network in a file and the names of its classes."""
    try:
        network, notes = models.load_model(path, compile=False), model_files.read_notes(path)
    except (OSError, ValueError) as error:
        raise UsageError(str(error).removeprefix("load_model: ")) from error
    output_shape: Any = network.output_shape
    if len(output_shape) != 2 or output_shape[1] < 2:
        raise UsageError(f"{path}: gives {output_shape}: expected (None, classes)")
    n = output_shape[1]
    classes = notes.get("classes") if isinstance(notes, dict) else None
    if not isinstance(classes, list) or len(classes) != n:
        classes = range(n)
    return network, [str(name) for name in classes]


def image_shape(path: Path, network: models.Sequential) -> tuple[int, int]:
    """Return the (height, width) of the images that a network takes."""
    sample: Any = network.input_shape
    shape = sample[1:]
    if len(shape) == 3 and shape[2] == 1:
        shape = shape[:2]
    if len(shape) == 1 and math.isqrt(shape[0]) ** 2 == shape[0]:
        shape = (math.isqrt(shape[0]),) * 2
    if len(shape) != 2:
        raise UsageError(f"{path}: takes samples of shape {sample[1:]}: expected grey images")
    return shape


# Pillow's modes of images, in words.
_MODES = {
    "1": "black and white",
    "L": "8-bit grey",
    "P": "colours of a palette",
    "RGB": "colour",
    "RGBA": "colour with transparency",
    "LA": "8-bit grey with transparency",
    "PA": "colours of a palette with transparency",
    "CMYK": "colour (CMYK)",
    "YCbCr": "colour",
    "LAB": "colour (Lab)",
    "HSV": "colour (HSV)",
    "I": "32-bit grey",
    "F": "grey, floating-point",
}


def read_image(path: Path, shape: tuple[int, int], fit: bool = False) -> np.ndarray:
    """Return an image file as uint8 of a shape.

    Args:
        path: the file.
        shape: (height, width).
        fit: convert an image of any size and kind to the form of MNIST.

    Raises:
        UsageError: the image cannot be read; without fit, it has another size or kind; with fit,
            it shows no digit.
    """
    try:
        from PIL import Image
    except ImportError:
        raise UsageError("needs Pillow: pip install 'pytensor-kernels[image]'") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                image.load()
                if fit:
                    return photographs.find_digit(_as_grey(image), shape)
                height, width = shape
                if image.mode != "L" or image.size != (width, height):
                    kind = _MODES.get(
                        image.mode, "16-bit grey" if image.mode.startswith("I;16") else image.mode
                    )
                    raise UsageError(
                        f"{path}: is {kind}, {image.width} x {image.height}: expected 8-bit grey, "
                        f"{width} x {height}; --fit makes that of it"
                    )
                return np.asarray(image)
    except ImportError:
        raise UsageError("--fit: needs SciPy: pip install 'pytensor-kernels[image]'") from None
    except photographs.NoDigitError as error:
        raise UsageError(f"{path}: no digit found: {error}") from error
    except (
        MemoryError,
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        reason = getattr(error, "strerror", None) or str(error).partition(" '")[0] or "too large"
        raise UsageError(f"{path}: not an image that can be read: {reason}") from error


def _as_grey(image: Image.Image) -> np.ndarray:
    """An image of any kind as grey, 0 ... 255, rotated as its EXIF data say."""
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode[0] in "IF":  # Pillow would clip these at 255
        values = np.nan_to_num(np.asarray(image, np.float64))
        return (values - values.min()) * (255 / max(np.ptp(values), 255))
    paper = Image.new("RGBA", image.size, "white")  # seen through transparency
    paper.alpha_composite(image.convert("RGBA"))
    return np.asarray(paper.convert("L"))


if __name__ == "__main__":
    sys.exit(main())
