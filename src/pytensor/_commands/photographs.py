"""Digits out of photographs and scans, in the form of MNIST's: the work of `predict --fit`.

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

# The longer side, in pixels, that larger pictures are brought to, which averages noise away.
_SIDE = 400
# Strokes are narrower than this share of the longer side.
_STROKE = 1 / 6
# The digits of MNIST fill a square of this share of the image.
_INNER = 20 / 28
# Ink that absorbs less of the light than this share is none: paper has folds and pores.
_FAINTEST = 0.1
# Ink that is fewer standard deviations of the paper's noise above the paper is none.
_CLEAREST_NOISE = 6.0


# The standard deviation, in pixels, of the Gaussian that smooths; what it leaves of white noise.
_SMOOTHING = 1.0
_KEPT_NOISE = 1 / (2 * math.sqrt(math.pi) * _SMOOTHING)


class NoDigitError(ValueError):
    """There is nothing on the page that could be a digit; the message says what there is."""


def find_digit(grey, shape):
    """Return the digit on a page in the form of MNIST's.

    grey: (rows, columns), 0, black, ... 255; dark ink on light paper or light ink on dark.
    shape: (height, width) of the result.
    Returns: uint8 of that shape, 0 the background and 255 the ink.
    Raises:
        NoDigitError: there is nothing that stands out, or nothing but noise or edges.
    """
    from scipy import ndimage

    grey = _reduced(np.asarray(grey, np.float64))
    smooth = ndimage.gaussian_filter(grey, _SMOOTHING, mode="nearest")
    if smooth.max() - smooth.min() < 16:
        raise NoDigitError("nothing stands out from the background")
    if _is_light_on_dark(smooth):
        smooth = 255 - smooth
    ink = _absorbed(smooth)
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
    # The pen's soft edge belongs to it, what is beside it does not.
    near = ndimage.binary_dilation(digit, iterations=2)
    level = np.quantile(ink[digit], 0.6)
    base = np.median(paper) if paper.size else 0.0
    ink = np.where(near, np.clip((ink - base) / (level - base), 0, 1), 0)
    ink[ink < 0.15] = 0
    return _as_mnist(ink, shape)


def _deviation(values):
    """The standard deviation of normal noise about 0, whatever a minority of the values is."""
    return float(np.median(abs(values))) / 0.6745  # half of them are nearer to 0 than that


def _noise(grey):
    """The standard deviation of a picture's noise, by second differences along both axes, to which
    paper and strokes give little (Immerkaer, "Fast Noise Variance Estimation", 1996)."""
    differences = np.diff(np.diff(grey, 2, axis=0), 2, axis=1)
    return _deviation(differences) / 6 if differences.size else 0.0


def _reduced(grey):
    """A picture brought to at most _SIDE pixels, each the mean of what it covers."""
    from PIL import Image

    factor = _SIDE / max(grey.shape)
    if factor >= 1:
        return grey
    size = [max(1, round(length * factor)) for length in grey.shape[::-1]]
    return np.asarray(
        Image.fromarray(grey.astype(np.float32)).resize(size, Image.Resampling.BOX), np.float64
    )


def _is_light_on_dark(smooth):
    """Whether what differs most from a background that varies slowly is lighter than that."""
    step = max(1, max(smooth.shape) // 128)  # strokes are broader, and there is less to solve
    smooth = smooth[::step, ::step]
    rows, columns = np.indices(smooth.shape)
    y, x = (2 * axis.ravel() / max(1, axis.max()) - 1 for axis in (rows, columns))
    terms = np.stack((np.ones_like(x), x, y, x * x, x * y, y * y), axis=1)
    values = smooth.ravel()
    kept = np.ones(len(values), bool)
    for _ in range(4):  # each time without what stands out
        coefficients = np.linalg.lstsq(terms[kept], values[kept], rcond=None)[0]
        difference = values - terms @ coefficients
        spread = _deviation(difference)
        kept = abs(difference) <= max(2.5 * spread, 1.0)
        if kept.sum() < len(kept) / 4:
            break
    lighter, darker = (np.quantile(np.maximum(sign * difference, 0), 0.998) for sign in (1, -1))
    return lighter > darker


def _absorbed(smooth):
    """The share of the light that ink takes, in a picture of dark ink on light paper."""
    from scipy import ndimage

    size = 2 * max(2, math.ceil(_STROKE * max(smooth.shape) / 2)) + 1
    # Where the light falls off towards the border, it is taken to go on doing so beyond.
    margin = [min(size, length - 1) for length in smooth.shape]
    wide = np.pad(smooth, [(m, m) for m in margin], mode="reflect", reflect_type="odd")
    paper = ndimage.grey_closing(wide, size=(size, size))
    paper = paper[tuple(slice(m, m + n) for m, n in zip(margin, smooth.shape, strict=True))]
    ink = 1 - smooth / np.maximum(paper, 1)
    return np.maximum(ink - np.median(ink), 0)


def _threshold(values):
    """Otsu's threshold: that which leaves the least variance within the two classes."""
    counts, edges = np.histogram(values, 256)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return edges[1 + int(np.nanargmax(between[:-1]))]


def _parts_of_digit(found, ink):
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


def _as_mnist(ink, shape):
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
