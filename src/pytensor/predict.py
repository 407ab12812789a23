"""The command `python -m pytensor.predict`: what a trained network says about images or a table."""

from __future__ import annotations

import csv
import io
import math
import sys
import warnings

import numpy as np

from pytensor import _commands, models
from pytensor._commands import OutputError, UsageError, check_writable, count, photographs
from pytensor._support.files import write_atomically
from pytensor._training import model_files
from pytensor.datasets import tables

NAME = "pytensor.predict"
# How the names of tables end; all else is an image.
TABLES = (".csv", ".tsv", ".tab", ".txt", ".data", ".dat")


def main(argv=None):
    """Run the command.

    Args:
        argv: the options, a list of strings; by default those of the command line.

    Returns:
        The exit code, as `_commands.run` tells.
    """
    return _commands.run(NAME, lambda: run(parse(argv)))


def parse(argv=None):
    """Parse the options.

    Raises:
        UsageError: an option is unknown or its value wrong.
        SystemExit: --help was asked for and given.
    """
    parser = _commands.Parser(
        prog=f"python -m {NAME}",
        allow_abbrev=False,
        description="Tell what a network that python -m pytensor.train --save wrote sees in "
        "images: the class and its probability, and the next ones. Or give a table back with what "
        "it predicts for each row.",
        epilog="An image is expected as the network was trained with: 8-bit grey, of the same "
        "size, white on black for MNIST. --fit makes that of a photograph or a scan.",
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
        help="write the table there (to the screen)")  # fmt: skip
    add("--top", type=count, default=3, metavar="N", help="how many classes to tell (%(default)s)")
    add("--fit", action="store_true",
        help="find the digit on a photograph or a scan first, of dark ink or light, and bring it "
        "into MNIST's form: grey, white on black, scaled and centred")  # fmt: skip
    return parser.parse_args(argv)


def run(options):
    """Print a line for each image, on stderr what is wrong with one; or a table.

    Returns:
        The exit code: 2 if something is wrong with an image, else 0.
    Raises:
        UsageError: the model or a table cannot be read, or they do not go together.
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
    code = 0
    for path in options.images:
        try:
            image = read_image(path, shape, options.fit)
        except UsageError as error:
            print(f"{NAME}: {error}", file=sys.stderr, flush=True)
            code = 2
            continue
        row = np.asarray(network.predict_on_batch(image.reshape(1, *network.input_shape[1:])))[0]
        if (row < 0).any() or not abs(row.sum() - 1) <= 1e-3:
            raise UsageError(
                f"{options.model}: its outputs are no probabilities: expected a "
                "network that ends in a softmax"
            )
        best, *others = row.argsort()[::-1][: options.top]
        then = ", ".join(f"{classes[k]} ({row[k]:.4f})" for k in others)
        print(
            f"{path}: {classes[best]}, probability {row[best]:.4f}{f'; then {then}' * bool(then)}",
            flush=True,
        )
    return code


def read_notes(path):
    """Return what the writer of a model noted, a dictionary."""
    try:
        notes = model_files.read_notes(path)
    except (OSError, ValueError) as error:
        raise UsageError(str(error).removeprefix("read_notes: ")) from error
    return notes if isinstance(notes, dict) else {}


def read_encoding(path, notes):
    """Return the tables.Encoding of a network that was trained on a table, else None."""
    if "table" not in notes:
        return None
    try:
        return tables.Encoding.from_config(notes["table"])
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error


def predict_table(options, notes, encoding):
    """Write a table with what is predicted for each row: as columns at its end."""
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


def _positions(table, encoding):
    """Where the columns of an encoding are in a table, which may be without names, and without the
    column of the target."""
    names = [column["name"] for column in encoding.columns]
    if table.has_names or not all(name.isdecimal() for name in names):
        if not table.has_names:
            raise ValueError(
                f"{table.path}: found no names of columns in line 1: expected {', '.join(names)}"
            )
        return [table.column(name) for name in names]
    target, numbers = int(encoding.target), [int(name) for name in names]
    if len(table.names) == max(*numbers, target):  # one less than there were
        numbers = [number - (number > target) for number in numbers]
    return [table.column(number) for number in numbers]


def load_model(path):
    """Return the network in a file and the names of its classes."""
    try:
        network, notes = models.load_model(path, compile=False), model_files.read_notes(path)
    except (OSError, ValueError) as error:
        raise UsageError(str(error).removeprefix("load_model: ")) from error
    if len(network.output_shape) != 2 or network.output_shape[1] < 2:
        raise UsageError(f"{path}: gives {network.output_shape}: expected (None, classes)")
    n = network.output_shape[1]
    classes = notes.get("classes") if isinstance(notes, dict) else None
    if not isinstance(classes, list) or len(classes) != n:
        classes = range(n)
    return network, [str(name) for name in classes]


def image_shape(path, network):
    """Return (height, width) of the images that a network takes."""
    shape = network.input_shape[1:]
    if len(shape) == 3 and shape[2] == 1:
        shape = shape[:2]
    if len(shape) == 1 and math.isqrt(shape[0]) ** 2 == shape[0]:
        shape = (math.isqrt(shape[0]),) * 2
    if len(shape) != 2:
        raise UsageError(
            f"{path}: takes samples of shape {network.input_shape[1:]}: expected grey images"
        )
    return shape


# Pillow's names of the kinds of images, in words.
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


def read_image(path, shape, fit=False):
    """Return an image file as uint8, of that shape.

    fit: make the file's image one of MNIST's form, whatever its size and kind.
    Raises: UsageError: it cannot be read; without fit it is of another size or kind; with fit there
        is no digit on it.
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


def _as_grey(image):
    """An image of any kind as grey, 0 ... 255, the way up that it was taken."""
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode[0] in "IF":  # which Pillow would clip at 255
        values = np.nan_to_num(np.asarray(image, np.float64))
        return (values - values.min()) * (255 / max(np.ptp(values), 255))
    paper = Image.new("RGBA", image.size, "white")  # what is transparent shows
    paper.alpha_composite(image.convert("RGBA"))
    return np.asarray(paper.convert("L"))


if __name__ == "__main__":
    sys.exit(main())
