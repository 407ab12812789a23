"""A subset, at every commit, of what tools/accuracy.py measures: at most 1 ULP."""

import math

import numpy as np
import pytest

import pytensor as pt
from pytensor.op_table import ELEMENTWISE

# Rows of one floating-point input that round, with NumPy's reference to be had in the next type.
ROWS = [row for row in ELEMENTWISE if row.kind == "unary" and "f" in row.types
        and row.result == "same"]
# About 2^18 of the 2^32 float32 numbers: a stride that is odd, so that all low bits take part.
STRIDE = 16411
LONG = np.finfo(np.longdouble).nmant > 60


def errors(got, truth):
    """|got - truth| in ULP of got's dtype at the truth (of a wider dtype); infinity counts as the
    power of two that comes next."""
    info = np.finfo(got.dtype)
    top = truth.dtype.type(2) ** info.maxexp
    clip = np.clip(truth, -top, top)
    _, exponent = np.frexp(clip)
    ulp = np.ldexp(truth.dtype.type(1), np.clip(exponent - 1, info.minexp, info.maxexp - 1)
                   - info.nmant)
    error = np.abs(np.clip(got.astype(truth.dtype), -top, top) - clip) / ulp
    wrong_zero = (got == 0) & (np.signbit(got) != np.signbit(truth))
    one_nan = np.isnan(got) != np.isnan(truth)
    both_nan = np.isnan(got) & np.isnan(truth)
    return np.where(both_nan, 0, np.where(one_nan | wrong_zero, np.inf, error))


def reference(row, x):
    """The row's NumPy expression, in x's dtype."""
    if row.name == "sign":
        return np.sign(x) + 0  # -0 gives +0
    if row.name == "relu":
        return np.where(x < 0, 0, x)  # -0 stays
    with np.errstate(all="ignore"):
        return np.asarray(eval(row.numpy, {"np": np, "math": math, "x": x}))


def check(row, x, wide):
    got = np.asarray(getattr(pt, row.name)(pt.asarray(x)))
    with np.errstate(all="ignore"):
        error = errors(got, reference(row, x.astype(wide)))
    worst = int(np.argmax(error))
    assert error[worst] <= 1, f"{row.name}({float(x[worst]).hex()}): {error[worst]} ULP"
    if wide is np.float64:
        assert np.isfinite(got).sum() > 1000 and len(np.unique(got)) > 2


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_float32_of_all_magnitudes(row):
    stride = 16 * STRIDE + 1 if "vectorize" in row.numpy else STRIDE
    bits = np.arange(0, 2**32, stride, dtype=np.uint64).astype(np.uint32)
    with np.errstate(invalid="ignore"):
        check(row, bits.view(np.float32), np.float64)


@pytest.mark.skipif(not LONG, reason="long double has no more digits than double here")
@pytest.mark.parametrize("row", [r for r in ROWS if "math." not in r.numpy], ids=lambda r: r.name)
def test_float64(row, rng):
    x = rng.uniform(*row.domain[0], 20000)
    bits = rng.integers(0, 2**64, 20000, dtype=np.uint64).view(np.float64)
    if row.name in ("sin", "cos", "tan"):  # the C library's own are off for some large ones
        bits = bits[np.abs(bits) < 2.0**62]
    check(row, np.concatenate([x, 1e-3 * x, bits]), np.longdouble)


# sin, cos and tan of large float64 numbers, among them the one that comes closest to a multiple of
# pi/2, by mpmath with 1600 bits; the C library is off by 8 ULP there (glibc 2.36).
LARGE_ANGLES = {
    "0x1.6ac5b262ca1ffp+849": ("0x1p+0", "-0x1.14ae72e6ba22fp-61", "-0x1.d9ba9a7975636p+60"),
    "-0x1.6ac5b262ca1ffp+851": ("-0x1.14ae72e6ba22fp-59", "0x1p+0", "-0x1.14ae72e6ba22fp-59"),
    "0x1.fffffffffffffp+1023": ("0x1.452fc98b34e97p-8", "-0x1.fffe62ecfab75p-1",
                                "-0x1.4530cfe729484p-8"),
    "0x1.0000000000001p+20": ("0x1.526ccb338edb1p-2", "0x1.e33ada9254f48p-1",
                              "0x1.6692e57c0f96cp-2"),
    "-0x1.3e2a4f1p+36": ("-0x1.b3360ebc1de32p-2", "0x1.cf74d4f533328p-1", "-0x1.e0cbdb081a3edp-2"),
}


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_large_angles(name):
    for x, expected in LARGE_ANGLES.items():
        truth = float.fromhex(expected[["sin", "cos", "tan"].index(name)])
        got = getattr(pt, name)(pt.asarray([float.fromhex(x)] * 3, dtype="float64"))
        for value in got.tolist():
            assert abs(value - truth) <= math.ulp(truth), (name, x, value.hex())


def test_identities(rng):
    for dtype in ("float32", "float64"):
        x = pt.asarray(rng.standard_normal(1001).astype(dtype) * 3)
        for f in (pt.sin, pt.tan, pt.tanh, pt.erf):
            np.testing.assert_array_equal(f(-x), -f(x))
        np.testing.assert_array_equal(pt.cos(-x), pt.cos(x))
        zero = pt.zeros(3, dtype=dtype)
        assert pt.cos(zero).tolist() == pt.exp(zero).tolist() == [1.0] * 3
        for f in (pt.log, pt.log2, pt.log10):
            assert f(zero + 1).tolist() == [0.0] * 3
        assert pt.log2(pt.asarray([0.25, 8, 1024.0], dtype=dtype)).tolist() == [-2, 3, 10]
        for f in (pt.sin, pt.tan, pt.tanh, pt.erf, pt.expm1, pt.log1p, pt.sqrt):
            assert np.signbit(np.asarray(f(-zero))).all()


@pytest.mark.parametrize("shape", [(1000,), (123_457,), (1_000_003,)])
@pytest.mark.parametrize("kind", ["uniform", "both signs", "wide"])
def test_sums_stay_within_the_bound_of_pairwise_blocks(shape, kind, rng):
    """The bound of src/kernels/reduce.h, with L = 32 and B = 1024 for float32."""
    x = rng.uniform(0, 1, shape) if kind == "uniform" else rng.standard_normal(shape)
    x = (x * 10.0 ** rng.integers(-9, 9, shape) if kind == "wide" else x).astype(np.float32)
    exact = math.fsum(x.tolist())
    additions = 32 + 10 + math.ceil(max(0, math.log2(x.size / 1024)))
    bound = additions * 2.0**-24 * math.fsum(np.abs(x).tolist())
    assert abs(pt.sum(pt.asarray(x)).item() - exact) <= bound
    assert abs(pt.mean(pt.asarray(x)).item() * x.size - exact) <= bound + abs(exact) * 2.0**-23
