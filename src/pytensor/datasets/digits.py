"""Ten digits that the package draws itself: 28 x 28 pixels, laid out like MNIST, no file needed.

Every image is a pen moved along the strokes of one of the ways to write its digit: the control
points are shaken, the curve is slanted, turned and scaled, fitted into 20 x 20 pixels as MNIST's
are, and drawn with a pen whose width and softness vary.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pytensor import _functions as pt
from pytensor._support.arguments import integer

if TYPE_CHECKING:
    from pytensor._core import Tensor

SIDE = 28

# How one writes the digits: for each digit its variants, for each variant its strokes, for each
# stroke the points (x, y) that a smooth curve goes through, x to the right and y down, the digit
# within the unit square. A stroke that ends where it starts is smooth there too; where one stroke
# ends and the next one starts in the same point, the two meet in a corner and stay together.
_GLYPHS = (
    (  # 0: closed; begun and ended beside each other
        [
            [
                (0.50, 0.00),
                (0.20, 0.15),
                (0.08, 0.50),
                (0.20, 0.85),
                (0.50, 1.00),
                (0.80, 0.85),
                (0.92, 0.50),
                (0.80, 0.15),
                (0.50, 0.00),
            ]
        ],
        [
            [
                (0.62, 0.06),
                (0.40, 0.03),
                (0.15, 0.30),
                (0.10, 0.70),
                (0.40, 1.00),
                (0.75, 0.85),
                (0.90, 0.50),
                (0.75, 0.12),
                (0.45, 0.00),
            ]
        ],
    ),
    (  # 1: a stroke; with a flag; with flag and foot
        [[(0.50, 0.00), (0.50, 0.50), (0.50, 1.00)]],
        [[(0.28, 0.24), (0.52, 0.00)], [(0.52, 0.00), (0.52, 0.50), (0.52, 1.00)]],
        [[(0.28, 0.22), (0.52, 0.00)], [(0.52, 0.00), (0.52, 1.00)], [(0.24, 1.00), (0.80, 1.00)]],
    ),
    (  # 2: with a corner; with a loop
        [
            [
                (0.10, 0.25),
                (0.30, 0.03),
                (0.65, 0.03),
                (0.84, 0.27),
                (0.68, 0.55),
                (0.35, 0.82),
                (0.06, 1.00),
            ],
            [(0.06, 1.00), (0.50, 0.97), (0.94, 1.00)],
        ],
        [
            [
                (0.12, 0.22),
                (0.38, 0.00),
                (0.74, 0.10),
                (0.76, 0.40),
                (0.50, 0.75),
                (0.20, 0.98),
                (0.06, 0.88),
                (0.20, 0.76),
                (0.52, 0.92),
                (0.95, 0.94),
            ]
        ],
    ),
    (  # 3: round; with a flat top
        [
            [(0.12, 0.12), (0.42, 0.00), (0.78, 0.12), (0.74, 0.36), (0.40, 0.47)],
            [(0.40, 0.47), (0.78, 0.56), (0.87, 0.80), (0.50, 1.00), (0.08, 0.90)],
        ],
        [
            [(0.10, 0.02), (0.84, 0.02)],
            [(0.84, 0.02), (0.42, 0.40)],
            [(0.42, 0.40), (0.78, 0.48), (0.86, 0.78), (0.50, 1.00), (0.10, 0.90)],
        ],
    ),
    (  # 4: open; closed
        [
            [(0.16, 0.00), (0.08, 0.30), (0.16, 0.52), (0.45, 0.57), (0.92, 0.50)],
            [(0.80, 0.02), (0.74, 0.50), (0.68, 1.00)],
        ],
        [[(0.62, 0.00), (0.05, 0.66)], [(0.05, 0.66), (0.95, 0.66)], [(0.62, 0.00), (0.62, 1.00)]],
    ),
    (  # 5: with corners; in one sweep
        [
            [(0.86, 0.00), (0.26, 0.00)],
            [(0.26, 0.00), (0.18, 0.45)],
            [(0.18, 0.45), (0.50, 0.36), (0.84, 0.55), (0.80, 0.85), (0.45, 1.00), (0.08, 0.90)],
        ],
        [
            [
                (0.88, 0.03),
                (0.40, 0.02),
                (0.20, 0.25),
                (0.35, 0.43),
                (0.70, 0.52),
                (0.82, 0.76),
                (0.50, 1.00),
                (0.10, 0.93),
            ]
        ],
    ),
    (  # 6: round; upright
        [
            [
                (0.70, 0.00),
                (0.35, 0.20),
                (0.12, 0.60),
                (0.25, 0.93),
                (0.55, 1.00),
                (0.84, 0.80),
                (0.70, 0.55),
                (0.40, 0.56),
                (0.16, 0.76),
            ]
        ],
        [
            [
                (0.45, 0.00),
                (0.22, 0.40),
                (0.15, 0.76),
                (0.42, 1.00),
                (0.78, 0.86),
                (0.72, 0.62),
                (0.42, 0.60),
                (0.17, 0.82),
            ]
        ],
    ),
    (  # 7: plain; with a bar; with a hook
        [[(0.08, 0.06), (0.50, 0.04), (0.90, 0.03)], [(0.90, 0.03), (0.60, 0.45), (0.40, 1.00)]],
        [
            [(0.08, 0.04), (0.90, 0.02)],
            [(0.90, 0.02), (0.58, 0.48), (0.38, 1.00)],
            [(0.26, 0.52), (0.82, 0.48)],
        ],
        [
            [(0.10, 0.22), (0.12, 0.04)],
            [(0.12, 0.04), (0.50, 0.05), (0.90, 0.02)],
            [(0.90, 0.02), (0.66, 0.40), (0.56, 1.00)],
        ],
    ),
    (  # 8: in one stroke; of two rings
        [
            [
                (0.50, 0.00),
                (0.20, 0.10),
                (0.22, 0.32),
                (0.50, 0.48),
                (0.84, 0.70),
                (0.80, 0.92),
                (0.50, 1.00),
                (0.20, 0.92),
                (0.16, 0.70),
                (0.50, 0.48),
                (0.78, 0.32),
                (0.80, 0.10),
                (0.50, 0.00),
            ]
        ],
        [
            [
                (0.50, 0.45),
                (0.22, 0.34),
                (0.24, 0.08),
                (0.50, 0.00),
                (0.76, 0.08),
                (0.78, 0.34),
                (0.50, 0.45),
            ],
            [
                (0.50, 0.45),
                (0.16, 0.58),
                (0.14, 0.88),
                (0.50, 1.00),
                (0.86, 0.88),
                (0.84, 0.58),
                (0.50, 0.45),
            ],
        ],
    ),
    (  # 9: with a straight tail; with a curved one
        [
            [
                (0.84, 0.18),
                (0.55, 0.00),
                (0.20, 0.10),
                (0.10, 0.35),
                (0.35, 0.52),
                (0.68, 0.44),
                (0.84, 0.18),
            ],
            [(0.84, 0.18), (0.80, 0.60), (0.70, 1.00)],
        ],
        [
            [(0.84, 0.20), (0.52, 0.00), (0.18, 0.12), (0.16, 0.40), (0.50, 0.50), (0.84, 0.20)],
            [(0.84, 0.20), (0.86, 0.62), (0.64, 0.94), (0.22, 0.96)],
        ],
    ),
)

# At least as many as any variant has control points; changing it changes every image.
_MOST_POINTS = 16
# A digit's strokes together are about 60 pixels long at most; pieces of about half a pixel leave
# no gaps once the pen has blurred them.
_PIECES = 112
# Images drawn at once. Measured: 250 take a fifth longer (calls), 4 000 a sixth (cache misses).
_CHUNK = 1000
# Pixels between the strokes' middle and the frame; leaves room for the broadest pen's half.
_MARGIN = 1.5
# The pen's profile, a Gaussian, as the symmetric matrix that blurs along one axis. Drops of total 1
# per pixel of line leave a ridge as high as the profile, blurred across the line; the square root
# makes that height 1, as both axes are multiplied.
_PEN_SIGMA = 0.9  # pixels
_PEN = np.exp(-0.5 * (np.subtract.outer(np.arange(SIDE), np.arange(SIDE)) / _PEN_SIGMA) ** 2)
_PEN /= np.sqrt(_PEN_SIGMA * np.sqrt(2 * np.pi))


def load_data(
    n_train: int = 20000, n_test: int = 4000, seed: int = 0
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Draw a data set of handwriting-like digits.

    The same arguments give the same images; asking for more images extends the set without
    changing its beginning. Every ten consecutive images show all ten digits.

    Args:
        n_train: number of training images, an integer >= 0.
        n_test: number of test images, an integer >= 0.
        seed: an integer >= 0.

    Returns:
        ((train_images, train_labels), (test_images, test_labels)): uint8 Tensors of shapes
        (n, 28, 28), 0 the background and 255 the ink, and (n,), the digits.

    Raises:
        TypeError: an argument is not an integer.
        ValueError: an argument is negative.

    >>> (x, y), (x_test, y_test) = pt.datasets.digits.load_data(100, 20)
    >>> x.shape, y.shape, x_test.shape
    ((100, 28, 28), (100,), (20, 28, 28))
    """
    n_train, n_test, seed = (
        integer(f"digits.load_data: {name}", value, 0)
        for name, value in (("n_train", n_train), ("n_test", n_test), ("seed", seed))
    )
    streams = np.random.SeedSequence(seed).spawn(2)
    (x, y), (x_test, y_test) = draw(n_train, streams[0]), draw(n_test, streams[1])
    return (pt.asarray(x), pt.asarray(y)), (pt.asarray(x_test), pt.asarray(y_test))


def draw(
    n: int, stream: np.random.SeedSequence | np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw `n` digits from the random numbers of a `numpy.random.SeedSequence` or Generator.

    Returns:
        images: uint8 array (n, 28, 28).
        labels: uint8 array (n,).

    >>> images, labels = pt.datasets.digits.draw(5, np.random.default_rng(0))
    >>> images.shape, labels.shape
    ((5, 28, 28), (5,))
    """
    hands, shakes, noises, orders = map(np.random.default_rng, stream.spawn(4))
    labels = orders.random((-(-n // 10), 10)).argsort(axis=1).astype(np.uint8).reshape(-1)[:n]
    images = np.empty((n, SIDE, SIDE), np.uint8)
    for start in range(0, n, _CHUNK):
        stop = min(start + _CHUNK, n)
        hand = _Hand(stop - start, hands, shakes)
        ink = np.empty((stop - start, SIDE, SIDE))
        for digit, variants in enumerate(_variants()):
            chosen = labels[start:stop] == digit
            which = (hand.variant * len(variants)).astype(int)
            for number, variant in enumerate(variants):
                rows = np.flatnonzero(chosen & (which == number))
                ink[rows] = _spread(*hand.write(rows, *variant))
        images[start:stop] = hand.develop(ink, noises.standard_normal(ink.shape, np.float32))
    return images, labels


class _Hand:
    """What makes `n` images differ: how each one's strokes are bent and its pen behaves."""

    def __init__(self, n: int, uniform: np.random.Generator, normal: np.random.Generator) -> None:
        def between(low: float, high: float, column: int) -> np.ndarray:
            return low + (high - low) * numbers[:, column]

        numbers = uniform.random((n, 9))
        self.variant = numbers[:, 0]
        self.turn = between(-0.20, 0.20, 1)  # radians
        self.slant = between(-0.15, 0.45, 2)  # most people's writing leans to the right
        self.width = between(0.55, 0.95, 3)  # of the height
        self.size = between(17.0, 20.5, 4)  # pixels, the larger side of the digit
        self.shift = np.stack((between(-1.5, 1.5, 5), between(-1.5, 1.5, 6)), axis=1)  # pixels
        self.threshold = between(0.12, 0.55, 7)  # the lower, the broader the line
        self.softness = between(0.25, 0.50, 8)
        self.shake = 0.045 * normal.standard_normal((n, _MOST_POINTS, 2))

    def write(
        self, rows: np.ndarray, points: np.ndarray, lines: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Move the pen along one variant's strokes for the images `rows`.

        Args:
            rows: integer array (n,), the images.
            points: (c, 2), the variant's control points.
            lines: (2 * pieces, c), from control points to the beginnings of the straight pieces
                that the strokes consist of, then to their ends.

        Returns:
            centres: (n, pieces, 2), the middle of each piece, in pixels.
            lengths: (n, pieces), in pixels.
        """
        turn, slant, width = self.turn[rows], self.slant[rows], self.width[rows]
        cos, sin = np.cos(turn), np.sin(turn)
        # Columns of the map: scale x, then lean to the right (y points down), then turn.
        across = np.stack((cos * width, sin * width), axis=1)
        down = np.stack((-slant * cos - sin, -slant * sin + cos), axis=1)
        at = points + self.shake[rows, : len(points)]
        at = at[:, :, :1] * across[:, None] + at[:, :, 1:] * down[:, None]
        at = lines @ at
        at *= (self.size[rows] / np.ptp(at, axis=1).max(axis=1))[:, None, None]
        first, last = np.split(at, 2, axis=1)
        centres = (first + last) / 2
        lengths = np.hypot(*np.moveaxis(last - first, 2, 0))
        weights = lengths / lengths.sum(axis=1, keepdims=True)
        # The centre of the ink goes to the centre of the image and is shifted from there, but no
        # farther than the frame allows.
        offset = (SIDE - 1) / 2 + self.shift[rows] - (weights[:, :, None] * centres).sum(axis=1)
        offset = np.clip(offset, _MARGIN - at.min(axis=1), SIDE - 1 - _MARGIN - at.max(axis=1))
        return centres + offset[:, None], lengths

    def develop(self, ink: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Turn ink (n, 28, 28), 1 in the middle of a line, into uint8 pixels."""
        ink = ink + 0.03 * noise
        ink -= self.threshold[:, None, None]
        ink /= self.softness[:, None, None]
        return (np.clip(ink, 0, 1) * 255 + 0.5).astype(np.uint8)


def _spread(centres: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Draw pieces of line, (n, pieces, 2) and (n, pieces), as ink (n, 28, 28).

    Each piece is one drop, shared among the four pixels around it, then blurred by the pen.
    """
    n = len(centres)
    corner = centres.astype(int)
    x, y = np.moveaxis(centres - corner, 2, 0)
    at = np.arange(n)[:, None] * SIDE**2 + corner[:, :, 1] * SIDE + corner[:, :, 0]
    parts = ((0, (1 - x) * (1 - y)), (1, x * (1 - y)), (SIDE, (1 - x) * y), (SIDE + 1, x * y))
    ink = np.zeros(n * SIDE**2)
    for offset, part in parts:
        ink += np.bincount((at + offset).ravel(), (lengths * part).ravel(), n * SIDE**2)
    return _PEN @ ink.reshape(n, SIDE, SIDE) @ _PEN


@functools.cache
def _variants() -> tuple[tuple[tuple[np.ndarray, np.ndarray], ...], ...]:
    """Trace the glyphs at the first use: it takes 10 ms, which importing must not cost."""
    return tuple(tuple(map(_trace, variants)) for variants in _GLYPHS)


def _trace(strokes: Sequence[Sequence[tuple[float, float]]]) -> tuple[np.ndarray, np.ndarray]:
    """Prepare a variant: its control points and the matrix `lines` of `_Hand.write`.

    A stroke is a Catmull-Rom curve, cut into pieces according to its share of the whole length.
    """
    points = list(dict.fromkeys(point for stroke in strokes for point in stroke))
    spans = [span for stroke in strokes for span in _spans([points.index(p) for p in stroke])]
    at = np.array(points)
    length = np.array([np.hypot(*(at[b] - at[a])) for _, a, b, _ in spans])
    # Each span's share of the pieces, rounded so that the sum is right.
    bounds = np.rint(np.cumsum(length) / length.sum() * _PIECES).astype(int)
    starts, ends = [], []
    for span, pieces in zip(spans, np.diff(bounds, prepend=0), strict=True):
        t = np.linspace(0, 1, pieces + 1)[:, None]
        basis = (
            np.hstack(
                (
                    -t + 2 * t**2 - t**3,
                    2 - 5 * t**2 + 3 * t**3,
                    t + 4 * t**2 - 3 * t**3,
                    t**3 - t**2,
                )
            )
            / 2
        )
        matrix = np.zeros((pieces + 1, len(points)))
        for column, point in enumerate(span):
            matrix[:, point] += basis[:, column]
        starts.append(matrix[:-1])
        ends.append(matrix[1:])
    return at, np.concatenate(starts + ends)


def _spans(stroke: list[int]) -> list[tuple[int, int, int, int]]:
    """List (before, from, to, after) of each curve between neighbours in a stroke of indices."""
    closed = stroke[0] == stroke[-1]
    before, after = (stroke[-2], stroke[1]) if closed else (stroke[0], stroke[-1])
    line = [before, *stroke, after]
    return list(zip(line, line[1:], line[2:], line[3:], strict=False))
