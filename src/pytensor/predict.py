"""The command `python -m pytensor.predict`: what a trained network sees in images."""

from __future__ import annotations

import math
import sys
import warnings

import numpy as np

from pytensor import _command, models
from pytensor._command import UsageError, count
from pytensor._training import model_files

NAME = "pytensor.predict"
# The digits of MNIST fill a square of this share of the image, about their centre of mass.
_INNER = 20 / 28


def main(argv=None):
    """Run the command.

    Args:
        argv: the options, a list of strings; by default those of the command line.

    Returns:
        The exit code, as `_command.run` tells.
    """
    return _command.run(NAME, lambda: run(parse(argv)))


def parse(argv=None):
    """Parse the options.

    Raises:
        UsageError: an option is unknown or its value wrong.
        SystemExit: --help was asked for and given.
    """
    parser = _command.Parser(
        prog=f"python -m {NAME}", allow_abbrev=False,
        description="Tell what a network that python -m pytensor.train --save wrote sees in "
        "images: the class and its probability, and the next ones.",
        epilog="An image is expected as the network was trained with: 8-bit grey, of the same "
        "size, white on black for MNIST. --fit makes that of a photograph or a scan.",
    )
    add = parser.add_argument
    add("model", type=_command.path, metavar="MODEL", help="a safetensors file")
    add("images", type=_command.path, nargs="+", metavar="IMAGE", help="a PNG, JPEG ... file")
    add("--top", type=count, default=3, metavar="N", help="how many classes to tell (%(default)s)")
    add("--fit", action="store_true",
        help="bring each image into MNIST's form first: grey, white on black, the digit alone, "
        "scaled and centred")  # fmt: skip
    return parser.parse_args(argv)


def run(options):
    """Print a line for each image.

    Raises:
        UsageError: the model or an image cannot be read, or they do not fit each other.
    """
    network, classes = load_model(options.model)
    shape = image_shape(options.model, network)
    images = np.stack([read_image(path, shape, options.fit) for path in options.images])
    x = images.reshape((len(images), *network.input_shape[1:]))
    probabilities = np.asarray(network.predict(x, verbose=0))
    if (probabilities < 0).any() or (abs(probabilities.sum(axis=1) - 1) > 1e-3).any():
        raise UsageError(f"{options.model}: its outputs are no probabilities: expected a network "
                         "that ends in a softmax")
    for path, row in zip(options.images, probabilities, strict=True):
        best, *others = row.argsort()[::-1][:options.top]
        then = ", ".join(f"{classes[k]} ({row[k]:.4f})" for k in others)
        print(f"{path}: {classes[best]}, probability {row[best]:.4f}"
              f"{f'; then {then}' * bool(then)}")


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
        raise UsageError(f"{path}: takes samples of shape {network.input_shape[1:]}: expected grey "
                         "images")
    return shape


def read_image(path, shape, fit=False):
    """Return an image file as uint8, of that shape.

    fit: make the file's image one of MNIST's form, whatever its size and mode.
    Raises: UsageError: it cannot be read, or without fit is of another size or mode.
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
                height, width = shape
                if fit:
                    return _fitted(path, image, shape)
                if image.mode != "L" or image.size != (width, height):
                    raise UsageError(
                        f"{path}: is {image.mode}, {image.width} x {image.height}: expected L "
                        f"(8-bit grey), {width} x {height}; --fit makes that of it")
                return np.asarray(image)
    except (MemoryError, OSError, SyntaxError, ValueError, Image.DecompressionBombError,
            Image.DecompressionBombWarning) as error:
        reason = getattr(error, "strerror", None) or str(error).partition(" '")[0] or "too large"
        raise UsageError(f"{path}: not an image that can be read: {reason}") from error


def _fitted(path, image, shape):
    """A picture of a digit in the form of MNIST's: see the module."""
    from PIL import Image

    height, width = shape
    paper = Image.new("RGBA", image.size, "white")  # what is transparent shows
    paper.alpha_composite(image.convert("RGBA"))
    ink = np.asarray(paper.convert("L")).astype(float)
    border = np.concatenate((ink[0], ink[-1], ink[:, 0], ink[:, -1]))
    background = np.median(border)
    ink = background - ink if background > 127 else ink - background
    # Paper is not even and JPEG leaves ripples: less than a fifth of the darkest ink is none.
    strongest = ink.max()
    if strongest < 16:
        raise UsageError(f"{path}: nothing stands out from the background")
    ink = np.where(ink > 0.2 * strongest, ink * (255 / strongest), 0)
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    ink = ink[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    factor = _INNER * min(height / ink.shape[0], width / ink.shape[1])
    small = [max(1, round(length * factor)) for length in ink.shape]
    digit = Image.fromarray(ink.astype(np.uint8)).resize(small[::-1], Image.Resampling.BOX
                                                         if factor < 1 else
                                                         Image.Resampling.BILINEAR)
    digit = np.asarray(digit).astype(float)
    out = np.zeros(shape)
    starts = []
    for axis, (length, size) in enumerate(zip(digit.shape, shape, strict=True)):
        weights = digit.sum(axis=1 - axis)
        centre = (np.arange(length) * weights).sum() / max(weights.sum(), 1e-9)
        starts.append(int(np.clip(round((size - 1) / 2 - centre), 0, size - length)))
    top, left = starts
    out[top:top + digit.shape[0], left:left + digit.shape[1]] = digit * (255 / max(digit.max(), 1))
    return out.astype(np.uint8)


if __name__ == "__main__":
    sys.exit(main())
