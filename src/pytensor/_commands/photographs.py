"""Digits in photographs and scans, brought into the form of MNIST: `predict --fit`.

A page is not evenly lit, the camera adds noise, and there may be specks, rules and shadows on it.
So the ink is what is darker than the paper beside it, not than the whole page: the paper's
brightness is a morphological closing, which fills strokes and leaves the edges of shadows (Serra,
"Image Analysis and Mathematical Morphology", 1982); where ink begins is Otsu's threshold ("A
Threshold Selection Method from Gray-Level Histograms", 1979); the digit is the connected part with
the most ink, and the strokes that belong to it. Then, as MNIST was made: fitted into 20 x 20 pixels
of 28 x 28, grey levels kept, the centre of mass in the middle.
"""

from __future__ import annotations

import math

import numpy as np

# Larger pictures are reduced to this longer side, in pixels, which averages noise away.
_SIDE = 400
# Strokes are narrower than this share of the longer side.
_STROKE = 1 / 6
# The digits of MNIST fill a square of this share of the image.
_INNER = 20 / 28
# What absorbs less than this share of the light is not ink: paper has folds and pores.
_FAINTEST = 0.1
# What is fewer standard deviations of the noise above the paper is not ink.
_CLEAREST_NOISE = 6.0


# What is darker than this share of the background, at the border, is ink and not a shadow.
_DARKEST_SHADOW = 0.6
# The standard deviation, in pixels, of the Gaussian that smooths; what it leaves of white noise.
_SMOOTHING = 1.0
_KEPT_NOISE = 1 / (2 * math.sqrt(math.pi) * _SMOOTHING)


class NoDigitError(ValueError):
    """Nothing on the page could be a digit; the message says why."""


def find_digit(grey: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the digit on a page in the form of MNIST.

    Args:
        grey: (rows, columns), from 0, black, to 255; dark ink on light paper or light ink on dark.
        shape: (height, width) of the result.

    Returns:
        uint8 of that shape, 0 the background and 255 the ink.

    Raises:
        NoDigitError: nothing stands out, or only noise or edges.
    """
    from scipy import ndimage

    grey = _reduced(np.asarray(grey, np.float64))
    smooth = ndimage.gaussian_filter(grey, _SMOOTHING, mode="nearest")
    if smooth.max() - smooth.min() < 16:
        raise NoDigitError("nothing stands out from the background")
    background, is_dark = _background(smooth)
    if is_dark:
        smooth, background = 255 - smooth, 255 - background
    ink = _absorbed(smooth, background)
    if ink.max() < _FAINTEST:
        raise NoDigitError("nothing stands out from the background")
    found = ink > _threshold(ink)
    digit = _parts_of_digit(found, ink)
    paper = ink[~ndimage.binary_dilation(found, iterations=2)]
    noise = _deviation(paper - np.median(paper)) if paper.size else 0.0
    noise = max(noise, _noise(grey) * _KEPT_NOISE / max(np.median(smooth), 1))
    strength = float(np.median(ink[digit]) - (np.median(paper) if paper.size else 0.0))
    if strength < max(_FAINTEST, _CLEAREST_NOISE * noise):
        raise NoDigitError("nothing stands out from the noise of the background")
    # The pen's soft edge is part of it; marks nearby are not.
    near = ndimage.binary_dilation(digit, iterations=2)
    level = np.quantile(ink[digit], 0.6)
    base = np.median(paper) if paper.size else 0.0
    ink = np.where(near, np.clip((ink - base) / (level - base), 0, 1), 0)
    ink[ink < 0.15] = 0
    return _as_mnist(ink, shape)


def _deviation(values: np.ndarray) -> float:
    """The standard deviation of normal noise about 0; a minority of outliers does not count."""
    return float(np.median(abs(values))) / 0.6745  # half of them are nearer to 0 than that


def _noise(grey: np.ndarray) -> float:
    """The standard deviation of a picture's noise, by second differences along both axes, to which
    paper and strokes add little (Immerkaer, "Fast Noise Variance Estimation", 1996)."""
    differences = np.diff(np.diff(grey, 2, axis=0), 2, axis=1)
    return _deviation(differences) / 6 if differences.size else 0.0


def _reduced(grey: np.ndarray) -> np.ndarray:
    """A picture brought to at most _SIDE pixels, each the mean of what it covers."""
    from PIL import Image

    factor = _SIDE / max(grey.shape)
    if factor >= 1:
        return grey
    size = [max(1, round(length * factor)) for length in grey.shape[::-1]]
    return np.asarray(
        Image.fromarray(grey.astype(np.float32)).resize(size, Image.Resampling.BOX), np.float64
    )


def _background(smooth: np.ndarray) -> tuple[np.ndarray, bool]:
    """A slowly varying background, of the picture's shape, and whether it is dark: whether what
    stands out from it most is lighter."""
    terms = _quadratic(smooth.shape)
    step = max(1, max(smooth.shape) // 128)  # strokes are wider, and there is less to solve
    some = terms[::step, ::step].reshape(-1, terms.shape[-1])
    values = smooth[::step, ::step].ravel()
    kept = np.ones(len(values), bool)
    is_light = values > _threshold(values)
    if 0.3 < is_light.mean() < 0.7:  # cropped to the digit: paper is most of the border
        border = np.concatenate((smooth[0], smooth[-1], smooth[:, 0], smooth[:, -1]))
        kept = is_light == (np.median(border) > _threshold(values))
    for _ in range(4):  # each time without the outliers
        coefficients = np.linalg.lstsq(some[kept], values[kept], rcond=None)[0]
        difference = values - some @ coefficients
        kept = abs(difference) <= max(2.5 * _deviation(difference[kept]), 1.0)
        if kept.sum() < len(kept) / 4:
            break
    lighter, darker = (np.quantile(np.maximum(sign * difference, 0), 0.998) for sign in (1, -1))
    return terms @ coefficients, bool(lighter > darker)


def _quadratic(shape: tuple[int, ...]) -> np.ndarray:
    """The terms of a quadratic function of a picture's rows and columns, (rows, columns, 6)."""
    y, x = (2 * axis / max(1, axis.max()) - 1 for axis in np.indices(shape))
    return np.stack((np.ones_like(x), x, y, x * x, x * y, y * y), axis=-1)


def _absorbed(smooth: np.ndarray, background: np.ndarray) -> np.ndarray:
    """The share of the light that ink takes, in a picture of dark ink on light paper."""
    from scipy import ndimage

    size = 2 * max(2, math.ceil(_STROKE * max(smooth.shape) / 2)) + 1
    # Light that falls off towards the border is taken to fall off further beyond it. Strokes that
    # reach the border, as in a picture cropped to the digit, end there.
    margin = [(m, m) for m in (min(size, length - 1) for length in smooth.shape)]
    inside = tuple(slice(m, m + n) for (m, _), n in zip(margin, smooth.shape, strict=True))
    wide = np.pad(smooth, margin, mode="reflect", reflect_type="odd")
    level = np.pad(background, margin, mode="edge")
    is_ink = np.pad(smooth < _DARKEST_SHADOW * background, margin, mode="edge")
    is_ink[inside] = False
    wide[is_ink] = level[is_ink]
    paper = ndimage.grey_closing(wide, size=(size, size))[inside]
    ink = 1 - smooth / np.maximum(paper, 1)
    return np.maximum(ink - np.median(ink), 0)


def _threshold(values: np.ndarray) -> float:
    """Otsu's threshold: the one with the least variance within the two classes."""
    counts, edges = np.histogram(values, 256)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1 + int(np.nanargmax(between[:-1]))])


def _parts_of_digit(found: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Where the digit is: the part with the most ink, and strokes beside it."""
    from scipy import ndimage

    labels, count = ndimage.label(found, np.ones((3, 3)))
    if not count:
        raise NoDigitError("nothing stands out from the background")
    amounts = ndimage.sum_labels(ink, labels, np.arange(1, count + 1))
    boxes = ndimage.find_objects(labels)
    inside = [
        all(
            part.start > 0 and part.stop < length
            for part, length in zip(box, found.shape, strict=True)
        )
        for box in boxes
    ]
    # The edge of the paper and rules across it reach the border; digits only if nothing else does.
    order = sorted(range(count), key=lambda k: (inside[k], amounts[k]), reverse=True)
    main = order[0]
    box = boxes[main]
    side = max(part.stop - part.start for part in box)
    if side < 6 or amounts[main] < 0.3 * amounts[inside].sum():
        raise NoDigitError(f"nothing but {count} specks")
    digit = labels == main + 1
    for k in order[1:]:
        gap = max(
            max(other.start - part.stop, part.start - other.stop)
            for part, other in zip(box, boxes[k], strict=True)
        )
        if inside[k] and gap < 0.25 * side and amounts[k] > 0.06 * amounts[main]:
            digit |= labels == k + 1
    return digit


def _as_mnist(ink: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Ink (0 ... 1) scaled into the inner square, its centre of mass in the middle."""
    from PIL import Image

    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    factor = _INNER * min(size / length for size, length in zip(shape, ink.shape, strict=True))
    small = [max(1, round(length * factor)) for length in ink.shape]
    how = Image.Resampling.BOX if factor < 1 else Image.Resampling.BILINEAR
    digit = np.asarray(Image.fromarray((255 * ink).astype(np.uint8)).resize(small[::-1], how))
    digit = digit.astype(np.float64)
    starts = []
    for axis, (length, size) in enumerate(zip(digit.shape, shape, strict=True)):
        weights = digit.sum(axis=1 - axis)
        centre = (np.arange(length) * weights).sum() / weights.sum()
        starts.append(int(np.clip(round(size / 2 - centre), 0, size - length)))
    top, left = starts
    out = np.zeros(shape)
    out[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return np.clip(out * (255 / np.quantile(digit, 0.97)), 0, 255).astype(np.uint8)
