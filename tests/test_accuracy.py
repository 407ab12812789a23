"""float32 correctly rounded and float64 within 1 ULP, on a sample of the inputs that
tools/accuracy.py measures; special cases of functions of two floating-point numbers; the error
bound of sums.
"""

import math
import os
import subprocess
import sys

import numpy as np
import pytest

import pytensor as pt
from pytensor._tables.ops import ELEMENTWISE

# Functions of one floating-point number that round; NumPy computes the reference in a wider type.
ROWS = [
    row for row in ELEMENTWISE if row.kind == "unary" and "f" in row.types and row.result == "same"
]
# About 2^18 of the 2^32 float32 numbers; the stride is odd, so that the low bits vary.
STRIDE = 16411
LONG = np.finfo(np.longdouble).nmant > 60
NEEDS_LONG = pytest.mark.skipif(not LONG, reason="long double has no more digits than double here")
FLOATS = ["float32", pytest.param("float64", marks=NEEDS_LONG)]
WIDE = {"float32": np.float64, "float64": np.longdouble}
NAN, INF, PI = math.nan, math.inf, math.pi
# Functions of two numbers, and the largest error of float64 in ULP. logaddexp: in ULP of the
# largest of |x|, |y|, log 2 and the result, since its sum may cancel.
BINARY = {
    "pow": 1,
    "remainder": 1,
    "atan2": 1,
    "hypot": 1,
    "logaddexp": 1,
    "copysign": 0,
    "nextafter": 0,
}
NUMPY_NAMES = {"atan2": "arctan2", "pow": "power"}


def errors(got, truth):
    """Return |got - truth| in ULP of got's dtype; truth has a wider dtype.

    Infinity counts as the next power of two.
    """
    info = np.finfo(got.dtype)
    top = truth.dtype.type(2) ** info.maxexp
    clip = np.clip(truth, -top, top)
    _, exponent = np.frexp(clip)
    ulp = np.ldexp(
        truth.dtype.type(1), np.clip(exponent - 1, info.minexp, info.maxexp - 1) - info.nmant
    )
    error = np.abs(np.clip(got.astype(truth.dtype), -top, top) - clip) / ulp
    wrong_zero = (got == 0) & (np.signbit(got) != np.signbit(truth))
    one_nan = np.isnan(got) != np.isnan(truth)
    both_nan = np.isnan(got) & np.isnan(truth)
    return np.where(both_nan, 0, np.where(one_nan | wrong_zero, np.inf, error))


def misrounded(got, truth, slack=2.0**-50):
    """Return where got, float32, is not the float nearest to truth, float64 with that error."""
    with np.errstate(all="ignore"):
        low, high = (truth - np.abs(truth) * slack, truth + np.abs(truth) * slack)
        nearest = [x.astype(np.float32) for x in (low, high)]
    right = [
        (got == x) & (np.signbit(got) == np.signbit(x)) | (np.isnan(got) & np.isnan(x))
        for x in nearest
    ]
    return ~(right[0] | right[1])


def reference(row, x):
    """The row's NumPy expression, in x's dtype."""
    if row.name == "sign":
        return np.sign(x) + 0  # +0 for -0 too
    if row.name == "relu":
        return np.where(x < 0, 0, x)  # -0 stays
    with np.errstate(all="ignore"):
        return np.asarray(eval(row.numpy, {"np": np, "math": math, "x": x}))


def check(row, x, wide):
    got = np.asarray(getattr(pt, row.name)(pt.asarray(x)))
    with np.errstate(all="ignore"):
        error = errors(got, reference(row, x.astype(wide)))
        if wide is np.float64:
            truth = reference(row, x.astype(wide))
            error = np.where(misrounded(got, truth), np.maximum(error, 2), 0)
    worst = int(np.argmax(error))
    assert error[worst] <= 1, f"{row.name}({float(x[worst]).hex()}): {error[worst]} ULP"
    if wide is np.float64:
        assert np.isfinite(got).sum() > 1000 and len(np.unique(got)) > 2


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_float32_inputs_of_all_magnitudes_are_correctly_rounded(row):
    stride = 16 * STRIDE + 1 if "vectorize" in row.numpy else STRIDE
    bits = np.arange(0, 2**32, stride, dtype=np.uint64).astype(np.uint32)
    with np.errstate(invalid="ignore"):
        check(row, bits.view(np.float32), np.float64)


# Inputs whose results lie closest to a tie between two floats, of all that tools/accuracy.py found,
# and the nearest float, by mpmath with 200 bits.
HARDEST = [
    ("acos", "0x1.9f1e8p-5", "0x1.852556p+0"),
    ("acosh", "0x1.d9a88p+126", "0x1.62947cp+6"),
    ("asin", "0x1.250cp-11", "0x1.250c02p-11"),
    ("asinh", "0x1.d9a88p+126", "0x1.62947cp+6"),
    ("atan", "0x1.1ad646p-4", "0x1.1a6386p-4"),
    ("cos", "0x1.4555p+51", "0x1.115d7ep-1"),
    ("erf", "0x1.81d5acp-13", "0x1.b35e28p-13"),
    ("exp", "-0x1.d2259ap+3", "0x1.fa6636p-22"),
    ("expm1", "0x1.84a5bap-4", "0x1.97aed6p-4"),
    ("log", "0x1.b121a6p+76", "0x1.a9a3f2p+5"),
    ("log10", "0x1.0acfc8p+67", "0x1.42fdd8p+4"),
    ("log10", "0x1.fbd0bep-1", "-0x1.d3272ap-9"),
    ("log10", "0x1.fbb75cp-1", "-0x1.de44bep-9"),
    ("log10", "0x1.08b054p+0", "0x1.dafda8p-7"),
    ("log1p", "0x1.800006p-21", "0x1.7ffffep-21"),
    ("log2", "0x1.40f572p-2", "-0x1.ac7b44p+0"),
    ("sigmoid", "-0x1p-24", "0x1p-1"),
    ("sin", "0x1.8d9d8p+73", "-0x1.d32b7ap-1"),
    ("sinh", "0x1.250cp-11", "0x1.250c02p-11"),
    ("softplus", "0x1.9b0dp-5", "0x1.6fe5d8p-1"),
    ("tan", "0x1.791cp+63", "0x1.41bc1ep+0"),
    ("tanh", "0x1.86fbc4p-10", "0x1.86fbb2p-10"),
]


@pytest.mark.parametrize(("name", "hard", "expected"), HARDEST)
def test_the_hardest_float32_inputs_are_correctly_rounded_anywhere(name, hard, expected, rng):
    function, hard, expected = getattr(pt, name), float.fromhex(hard), float.fromhex(expected)
    domain = next(row.domain[0] for row in ROWS if row.name == name)
    x = rng.uniform(*domain, 1500).astype(np.float32)
    alone = np.array([function(pt.asarray(x[i : i + 1])).item() for i in range(x.size)])
    for share in (0.003, 0.1, 0.9):  # of a block that is computed again
        mixed, is_hard = x.copy(), rng.random(x.size) < share
        mixed[is_hard] = hard
        got = function(pt.asarray(mixed)).numpy()
        np.testing.assert_array_equal(got, np.where(is_hard, np.float32(expected), alone))
        in_place = pt.asarray(mixed)
        in_place[...] = function(in_place)
        np.testing.assert_array_equal(in_place.numpy(), got)


def test_ties_of_two_numbers_are_correctly_rounded():
    def same(got, expected):
        np.testing.assert_array_equal(got.numpy(), expected)

    # squares of 13 bits and Pythagorean hypotenuses of 25 bits are ties, and round to even
    m = np.arange(5793, 8192, 2, dtype=np.float64)
    same(pt.pow(pt.asarray(m.astype("float32")), 2.0), (m * m).astype(np.float32))
    m, n = np.arange(4200, 4400, 2, dtype=np.float64), 1801.0
    sides = [pt.asarray(side.astype("float32")) for side in (m * m - n * n, 2 * m * n)]
    same(pt.hypot(*sides), (m * m + n * n).astype(np.float32))
    # y / x is a tie between subnormal numbers, and the angle 2^-300 less
    odd = np.arange(1, 4097, 2, dtype=np.float64)
    for k in (1, 30, 127):
        y, x = (odd * 2.0 ** (k - 150)).astype("float32"), np.full(odd.size, 2.0**k, "float32")
        down = ((odd - 1) / 2 * 2.0**-149).astype("float32")
        same(pt.atan2(pt.asarray(y), pt.asarray(x)), down)


@NEEDS_LONG
@pytest.mark.parametrize("row", [r for r in ROWS if "math." not in r.numpy], ids=lambda r: r.name)
def test_float64_inputs_are_within_one_ulp(row, rng):
    x = rng.uniform(*row.domain[0], 20000)
    bits = rng.integers(0, 2**64, 20000, dtype=np.uint64).view(np.float64)
    if row.name in ("sin", "cos", "tan"):  # the C library's are wrong for some large ones
        bits = bits[np.abs(bits) < 2.0**62]
    check(row, np.concatenate([x, 1e-3 * x, bits]), np.longdouble)


SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    INF,
    -INF,
    NAN,
    1e-45,
    -1e-40,
    1e-310,
    1e30,
    -3e38,
    1e300,
    89.41,
    710.4,
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("row", [r for r in ROWS if "math." not in r.numpy], ids=lambda r: r.name)
def test_special_inputs_leave_their_neighbours_alone(row, dtype, rng):
    function = getattr(pt, row.name)
    x = rng.uniform(*row.domain[0], 64).astype(dtype)
    alone = np.asarray(function(pt.asarray(x)))
    with np.errstate(all="ignore"):
        for special in np.array(SPECIAL).astype(dtype):
            mixed = x.copy()
            mixed[1::2] = special
            got = np.asarray(function(pt.asarray(mixed)))
            assert got[::2].tobytes() == alone[::2].tobytes(), special
            error = errors(got, reference(row, mixed.astype(WIDE[dtype])))
            assert error[1::2].max() <= 1, special


# sin, cos and tan of large float64 numbers, among them the one that comes closest to a multiple of
# pi/2, by mpmath with 1600 bits; the C library is off by 8 ULP there (glibc 2.36).
LARGE_ANGLES = {
    "0x1.6ac5b262ca1ffp+849": ("0x1p+0", "-0x1.14ae72e6ba22fp-61", "-0x1.d9ba9a7975636p+60"),
    "-0x1.6ac5b262ca1ffp+851": ("-0x1.14ae72e6ba22fp-59", "0x1p+0", "-0x1.14ae72e6ba22fp-59"),
    "0x1.fffffffffffffp+1023": (
        "0x1.452fc98b34e97p-8",
        "-0x1.fffe62ecfab75p-1",
        "-0x1.4530cfe729484p-8",
    ),
    "0x1.0000000000001p+20": (
        "0x1.526ccb338edb1p-2",
        "0x1.e33ada9254f48p-1",
        "0x1.6692e57c0f96cp-2",
    ),
    "-0x1.3e2a4f1p+36": ("-0x1.b3360ebc1de32p-2", "0x1.cf74d4f533328p-1", "-0x1.e0cbdb081a3edp-2"),
}


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_large_angles_are_within_one_ulp(name):
    for x, expected in LARGE_ANGLES.items():
        truth = float.fromhex(expected[["sin", "cos", "tan"].index(name)])
        got = getattr(pt, name)(pt.asarray([float.fromhex(x)] * 3, dtype="float64"))
        for value in got.tolist():
            assert abs(value - truth) <= math.ulp(truth), (name, x, value.hex())


def test_identities_of_unary_functions_hold_exactly(rng):
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


def both_orders(cases):
    return cases + [(y, x, result) for x, y, result in cases]


def pow_cases(info, big, least, odd):
    cases = [
        (NAN, 2.0, NAN),
        (2.0, NAN, NAN),
        (0.0, NAN, NAN),
        (-1.0, NAN, NAN),
        (NAN, INF, NAN),
        (-1.0, INF, 1.0),
        (-1.0, -INF, 1.0),
        (-1.0, 2 * odd, 1.0),
        (-2.0, 0.5, NAN),
        (-least, 1.5, NAN),
        (-big, -0.5, NAN),
        (4.0, 0.5, 2.0),
        (-3.0, 3.0, -27.0),
    ]
    cases += [(x, y, 1.0) for x in (NAN, INF, -INF, -2.0, 0.0, -0.0, least) for y in (0.0, -0.0)]
    cases += [(1.0, y, 1.0) for y in (NAN, INF, -INF, big, -3.0)]
    for sign in (1, -1):
        cases += [
            (sign * x, y, result)
            for x in (2.0, 1 + info.eps, big, INF)
            for y, result in ((INF, INF), (-INF, 0.0))
        ]
        cases += [
            (sign * x, y, result)
            for x in (0.5, 1 - info.eps, least, 0.0)
            for y, result in ((INF, 0.0), (-INF, INF))
        ]
    for y in (1.0, 3.0, odd):
        cases += [
            (-INF, y, -INF),
            (-INF, -y, -0.0),
            (-0.0, y, -0.0),
            (-0.0, -y, -INF),
            (-1.0, y, -1.0),
            (-1.0, -y, -1.0),
        ]
    for y in (0.5, 2.0, 2 * odd, big):
        cases += [(-INF, y, INF), (-INF, -y, 0.0), (-0.0, y, 0.0), (-0.0, -y, INF)]
    for y in (0.5, 3.0, odd, big):
        cases += [(INF, y, INF), (INF, -y, 0.0), (0.0, y, 0.0), (0.0, -y, INF)]
    # both ends of the range
    lowest, top = float(info.minexp - info.nmant), float(info.maxexp)
    return [
        *cases,
        (2.0, lowest, least),
        (-2.0, lowest - 1.0, 0.0 if lowest % 2 else -0.0),
        (2.0, float(info.minexp), info.smallest_normal),
        (2.0, top - 1, 2.0 ** (top - 1)),
        (2.0, top, INF),
        (-2.0, top + 1, -INF),
        (0.5, -top, INF),
        (big, 1.0, big),
        (least, 1.0, least),
        (-big, 1.0, -big),
        (big, 2.0, INF),
        (-big, 3.0, -INF),
        (least, 2.0, 0.0),
        (-least, 3.0, -0.0),
        (least, -1.0, INF),
        (-0.5, odd, -0.0),
        (-2.0, odd, -INF),
    ]


def remainder_cases(info, big, least, odd):
    cases = [(NAN, 2.0, NAN), (2.0, NAN, NAN), (NAN, 0.0, NAN), (INF, NAN, NAN)]
    cases += [(x, y, NAN) for x in (INF, -INF) for y in (1.0, -1.0, 0.0, INF, -INF)]
    cases += [(x, y, NAN) for x in (0.0, -0.0, 1.0, -1.0) for y in (0.0, -0.0)]
    for x in (0.5, 1.0, 3.0, big, least):
        cases += [
            (0.0, x, 0.0),
            (-0.0, x, 0.0),
            (0.0, -x, -0.0),
            (-0.0, -x, -0.0),
            (x, INF, x),
            (x, -INF, -INF),
            (-x, INF, INF),
            (-x, -INF, -x),
            (x, x, 0.0),
            (-x, x, 0.0),
            (x, -x, -0.0),
            (-x, -x, -0.0),
        ]
    return [
        *cases,
        (0.0, INF, 0.0),
        (-0.0, -INF, -0.0),
        (6.0, 3.0, 0.0),
        (6.0, -3.0, -0.0),
        (5.0, 3.0, 2.0),
        (-5.0, 3.0, 1.0),
        (5.0, -3.0, -1.0),
        (-5.0, -3.0, -2.0),
        (-least, 1.0, 1.0),
        (least, -1.0, -1.0),
        (5 * least, 3 * least, 2 * least),
        (-5 * least, 3 * least, least),
        (big, least, 0.0),
        (big, 3.0, int(big) % 3),
        (-big, 7.0, -int(big) % 7),
        (odd, 2.0, 1.0),
        (1.0, big, 1.0),
        (-1.0, big, big),
    ]


def atan2_cases(info, big, least, odd):
    cases = [(NAN, 2.0, NAN), (2.0, NAN, NAN), (NAN, 0.0, NAN), (INF, NAN, NAN), (NAN, NAN, NAN)]
    for sign in (1, -1):  # the result has the sign of the first argument
        cases += [
            (sign * y, x, sign * result)
            for y, x, result in (
                (0.0, 0.0, 0.0),
                (0.0, -0.0, PI),
                (INF, INF, PI / 4),
                (INF, -INF, 3 * PI / 4),
                (big, least, PI / 2),
                (least, big, 0.0),
                (least, 1.0, least),
                (least, -1.0, PI),
                (info.smallest_normal, 2.0, info.smallest_normal / 2),
                (1.0, big, 1 / big),
            )
        ]
        for x in (0.5, 1.0, 3.0, big, least):
            cases += [
                (sign * y, x, sign * result)
                for y, x, result in (
                    (x, 0.0, PI / 2),
                    (x, -0.0, PI / 2),
                    (0.0, x, 0.0),
                    (0.0, -x, PI),
                    (x, INF, 0.0),
                    (x, -INF, PI),
                    (INF, x, PI / 2),
                    (INF, -x, PI / 2),
                    (x, x, PI / 4),
                    (x, -x, 3 * PI / 4),
                )
            ]
    return cases


def hypot_cases(info, big, least, odd):
    cases = [(NAN, 2.0, NAN), (NAN, 0.0, NAN), (NAN, NAN, NAN)]
    cases += [(x, y, INF) for x in (INF, -INF) for y in (NAN, 0.0, -3.0, INF, -INF)]
    cases += [
        (x, y, abs(y))
        for x in (0.0, -0.0)
        for y in (0.0, -0.0, 1.0, -1.0, big, -big, least, -least)
    ]
    cases += [(3 * s, -4 * s, 5 * s) for s in (least, info.smallest_normal, 1.0, big / 8)]
    return both_orders(
        [
            *cases,
            (big, 1.0, big),
            (big, least, big),
            (least, 1.0, 1.0),
            (big, big, INF),
            (big, big / 2, INF),
            (big / 2, big / 2, big / 2 * math.sqrt(2)),
        ]
    )


def logaddexp_cases(info, big, least, odd):
    cases = [
        (NAN, 2.0, NAN),
        (NAN, NAN, NAN),
        (NAN, INF, NAN),
        (NAN, -INF, NAN),
        (INF, -INF, INF),
        (INF, INF, INF),
        (-INF, -INF, -INF),
        (INF, 1.0, INF),
        (big, big, big),
        (-big, -big, -big),
        (big, -big, big),
        (0.0, 0.0, math.log(2)),
        (999.0, 999.0, 999 + math.log(2)),
        (-999.0, -999.0, -999 + math.log(2)),
        (least, least, math.log(2)),
    ]
    return both_orders(cases + [(-INF, x, x) for x in (1.0, -3.0, big, -big, least)])


def copysign_cases(info, big, least, odd):
    signed = [sign * x for x in (0.0, least, 1.0, big, INF) for sign in (1, -1)]
    return [
        *((x, y, math.copysign(x, y)) for x in signed for y in signed),
        (2.0, math.copysign(NAN, -1.0), -2.0),
        (-2.0, math.copysign(NAN, 1.0), 2.0),
        (NAN, 1.0, NAN),
    ]


def nextafter_cases(info, big, least, odd):
    cases = [(NAN, 2.0, NAN), (2.0, NAN, NAN), (NAN, NAN, NAN), (0.0, -0.0, -0.0)]
    normal, eps = info.smallest_normal, info.eps
    return cases + [
        (sign * x, sign * y, sign * result)
        for sign in (1, -1)
        for x, y, result in (
            (0.0, 1.0, least),
            (-0.0, INF, least),
            (0.0, least, least),
            (least, 0.0, 0.0),
            (least, -1.0, 0.0),
            (big, INF, INF),
            (INF, 0.0, big),
            (INF, -INF, big),
            (INF, INF, INF),
            (1.0, 2.0, 1 + eps),
            (1.0, 0.0, 1 - eps / 2),
            (1.0, 1.0, 1.0),
            (1 + eps, -INF, 1.0),
            (normal, 0.0, normal - least),
            (normal - least, 1.0, normal),
        )
    ]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "function",
    [
        pow_cases,
        remainder_cases,
        atan2_cases,
        hypot_cases,
        logaddexp_cases,
        copysign_cases,
        nextafter_cases,
    ],
)
def test_special_cases(function, dtype):
    """Cases from the Array API standard and C99's Annex F, and at the ends of the range."""
    name, info = function.__name__.removesuffix("_cases"), np.finfo(dtype)
    odd = 2.0 ** (info.nmant + 1) - 1  # the largest odd number
    with np.errstate(over="ignore"):
        cases = np.array(function(info, float(info.max), float(info.smallest_subnormal), odd)).T
    x, y = (pt.asarray(v.astype(dtype)) for v in cases[:2])
    whole = np.asarray(getattr(pt, name)(x, y))
    single = np.array([getattr(pt, name)(a, b).item() for a, b in zip(x, y, strict=True)], dtype)
    for got in (whole, single):
        assert got.dtype == dtype
        # pi / 4 and the like are float64 numbers
        wrong = errors(got, cases[2].astype(WIDE[dtype])) > 1
        wrong |= np.isinf(got) != np.isinf(cases[2])  # one ULP off the largest number
        assert not wrong.any(), [*zip(*(v[wrong].tolist() for v in (*cases, got)), strict=True)]


def pairs(name, dtype, rng):
    """Return random pairs: of moderate size, of all magnitudes, nearly equal, nearly opposite, at
    both ends of the range, and pairs that are hard for the named function."""
    bits, n, top = np.dtype(dtype.replace("float", "uint")), 6000, np.finfo(dtype).maxexp
    any_x, any_y = rng.integers(0, 2 ** (8 * bits.itemsize), (2, n), bits).view(dtype)
    x, y = rng.uniform(-4, 4, (2, n))
    scale = np.ldexp(1.0, rng.integers(top - 5, top - 2, n))
    found = [
        (x, y),
        (any_x, any_y),
        (any_x, y),
        (x, any_y),
        (x, x * (1 + 1e-6 * y)),
        (x, -x * (1 + 1e-3 * y)),
        (x * scale, y * scale),
        (x / scale, y / scale),
    ]
    if name == "pow":
        base = np.exp2(x)
        found += [
            (base, 40 * y),
            (-base, np.round(40 * y)),
            (1 + 1e-3 * x, 2000 * y),
            (base, 1.01 * top * y / (4 * x)),
        ]
    if name == "remainder":
        found += [(1000 * x, y), (np.round(1000 * x) * np.round(8 * y), np.round(8 * y) + 0.5)]
    if name == "logaddexp":
        found += [(100 * x, 100 * y), (1e-3 * x - math.log(2), 1e-3 * y - math.log(2))]
    with np.errstate(all="ignore"):
        return [np.concatenate([pair[k].astype(dtype) for pair in found]) for k in (0, 1)]


def binary_reference(name, x, y, wide):
    if name == "nextafter":  # the bits, as integers, order like the magnitudes
        step = np.where((y > x) == (x > 0), 1, -1)
        away = (x.view(f"int{8 * x.itemsize}") + step).astype(f"int{8 * x.itemsize}").view(x.dtype)
        away = np.where(x == 0, np.copysign(np.finfo(x.dtype).smallest_subnormal, y), away)
        return np.where(x == y, y, np.where(np.isnan(x) | np.isnan(y), NAN, away)).astype(wide)
    return getattr(np, NUMPY_NAMES.get(name, name))(x.astype(wide), y.astype(wide))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_numbers_are_within_their_bound(name, dtype, rng):
    x, y = pairs(name, dtype, rng)
    got = np.asarray(getattr(pt, name)(pt.asarray(x), pt.asarray(y)))
    with np.errstate(all="ignore"):
        truth = binary_reference(name, x, y, WIDE[dtype])
        error = errors(got, truth)
        if name == "logaddexp":
            size = np.max(np.abs([x, y, truth.astype(dtype), np.full_like(x, math.log(2))]), axis=0)
            error = np.where(np.isfinite(size), np.abs(got - truth) / np.spacing(size), error)
        if dtype == "float32":
            wrong = misrounded(got, truth, 2.0**-30 if name == "logaddexp" else 2.0**-50)
            error = np.where(wrong, np.maximum(error, 2), 0)
    worst = int(np.argmax(error))
    assert error[worst] <= BINARY[name], (
        f"{name}({float(x[worst]).hex()}, {float(y[worst]).hex()}): {error[worst]} ULP"
    )
    assert np.isfinite(got).mean() > 0.5 and len(np.unique(got)) > 1000


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_symmetries_hold_exactly(dtype, rng):
    def same(a, b):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(np.signbit(a.numpy()), np.signbit(b.numpy()))

    for name in ("atan2", "pow"):
        x, y = (pt.asarray(v[~np.isnan(v)][:30000]) for v in pairs(name, dtype, rng))
        same(pt.hypot(x, y), pt.hypot(y, x))
        same(pt.hypot(x, y), pt.hypot(-x, pt.abs(y)))
        same(pt.logaddexp(x, y), pt.logaddexp(y, x))
        same(pt.atan2(-x, y), -pt.atan2(x, y))
        same(pt.nextafter(-x, -y), -pt.nextafter(x, y))
        same(pt.copysign(x, y), pt.copysign(pt.abs(x), y))
        same(pt.copysign(pt.copysign(x, y), x), x)
    n = pt.round(y)
    assert (np.abs(n.numpy() % 2) == 1).sum() > 1000
    even = pt.asarray(n.numpy() % 2 == 0)
    power = pt.pow(pt.abs(x), n)
    finite = pt.isfinite(n)
    same(pt.pow(-pt.abs(x), n)[finite], pt.where(even, power, -power)[finite])
    finite = pt.isfinite(x) & (y != 0)
    same(pt.remainder(-x, -y)[finite], -pt.remainder(x, y)[finite])
    up = pt.nextafter(x, pt.asarray(INF, dtype=dtype))
    assert (up.numpy()[np.isfinite(x.numpy())] > x.numpy()[np.isfinite(x.numpy())]).all()


@pytest.mark.parametrize("shape", [(1000,), (123_457,), (1_000_003,)])
@pytest.mark.parametrize("kind", ["uniform", "both signs", "wide"])
def test_sums_stay_within_the_bound_of_pairwise_blocks(shape, kind, rng):
    """The bound of src/kernels/loops/reduce.h, with L = 32 and B = 1024 for float32."""
    x = rng.uniform(0, 1, shape) if kind == "uniform" else rng.standard_normal(shape)
    x = (x * 10.0 ** rng.integers(-9, 9, shape) if kind == "wide" else x).astype(np.float32)
    exact = math.fsum(x.tolist())
    additions = 32 + 10 + math.ceil(max(0, math.log2(x.size / 1024)))
    bound = additions * 2.0**-24 * math.fsum(np.abs(x).tolist())
    assert abs(pt.sum(pt.asarray(x)).item() - exact) <= bound
    assert abs(pt.mean(pt.asarray(x)).item() * x.size - exact) <= bound + abs(exact) * 2.0**-23


# Results on every instruction set with fused multiply-add. The loops run in a process of their own
# for each, which prints a digest for every function.
ISAS = ("baseline", "avx2", "avx512")
DIGESTS = """
import hashlib, sys
import numpy as np
import pytensor as pt
from pytensor._tables.ops import ELEMENTWISE

rng = np.random.default_rng(6)
for row in ELEMENTWISE:
    if "f" not in row.types or len(row.inputs) > 2 or row.result != "same":
        continue
    for dtype in ("float32", "float64"):
        bits = np.dtype(dtype.replace("float", "uint"))
        x = []
        for low, high in row.domain:
            near = rng.uniform(low, high, 30000)
            special = rng.permutation([0, -0.0, 1, -1, np.inf, -np.inf, 1e-45, -3e38] * 50)
            far = np.exp(rng.uniform(-40, 40, 30000)) * rng.choice([-1, 1], 30000)
            any = rng.integers(0, 2 ** (8 * bits.itemsize), 30000, bits).view(dtype)
            parts = (near, special, far, any)
            x.append(np.concatenate([part.astype(dtype) for part in parts]))
        with np.errstate(all="ignore"):
            out = np.asarray(getattr(pt, row.name)(*map(pt.asarray, x)))
        out = np.where(np.isnan(out), np.nan, out)  # one NaN, whatever its bits
        print(row.name, dtype, hashlib.sha256(out.tobytes()).hexdigest())
"""


def test_instruction_sets_with_fma_give_the_same_bits():
    digests = {}
    for isa in ISAS:
        environment = {**os.environ, "PYTENSOR_ISA": isa}
        run = subprocess.run(
            [sys.executable, "-c", DIGESTS], env=environment, capture_output=True, text=True
        )
        if run.returncode == 0:
            digests[isa] = dict(line.rsplit(" ", 1) for line in run.stdout.splitlines())
    best = digests[max(digests, key=ISAS.index)]
    assert len(best) > 60
    for isa, found in digests.items():
        wrong = [key for key in best if found[key] != best[key]]
        if isa == "baseline":  # without FMA, float64 is rounded elsewhere
            wrong = [key for key in wrong if key.endswith("float32")]
        assert not wrong, (isa, wrong)
