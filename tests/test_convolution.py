"""Convolutions, pooling and pad."""

import itertools
import math

import numpy as np
import pytest
from conftest import LAYOUTS
from hypothesis import given
from hypothesis import strategies as st

import pytensor as pt
from pytensor import _core, nn

TOLERANCE = {"float32": 2e-6, "float64": 1e-14}


def padded(x, pairs, value=0.0):
    return np.pad(x, [(0, 0), *pairs, (0, 0)], constant_values=value)


def windows(x, size, strides, dilation):
    """For each element of a window its index, and the elements of x there."""
    lengths = [
        (n - (k - 1) * d - 1) // s + 1
        for n, k, s, d in zip(x.shape[1:], size, strides, dilation, strict=False)
    ]
    for tap in np.ndindex(*size):
        yield (
            tap,
            x[
                (
                    slice(None),
                    *(
                        slice(t * d, t * d + (n - 1) * s + 1, s)
                        for t, d, s, n in zip(tap, dilation, strides, lengths, strict=True)
                    ),
                )
            ],
        )


def convolution(x, w, strides, dilation, pairs, groups=1):
    """conv by its definition: a product for each element of the kernel and each group."""
    outs = []
    x = padded(x, pairs)
    for xs, ws in zip(np.split(x, groups, -1), np.split(w, groups, -1), strict=True):
        outs.append(
            sum(part @ ws[tap] for tap, part in windows(xs, w.shape[:-2], strides, dilation))
        )
    return np.concatenate(outs, -1)


def assert_near(found, expected, terms):
    """Equality up to rounding errors of a sum of so many terms of about 1."""
    found = np.asarray(found)
    assert (found.shape, found.dtype) == (expected.shape, found.dtype)
    bound = TOLERANCE[found.dtype.name] * math.sqrt(terms + 1) * 4
    np.testing.assert_allclose(found, expected, rtol=bound, atol=bound)


@st.composite
def problems(draw):
    """Arguments of a convolution that leaves a result: shapes, strides and so on."""
    n_axes = draw(st.integers(1, 3))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    channels = groups * draw(st.sampled_from([1, 2, 5, 17]))
    filters = groups * draw(st.sampled_from([1, 3, 16, 33, 70]))
    if draw(st.booleans()) and groups > 1:  # depthwise
        groups = channels
        filters = channels * draw(st.sampled_from([1, 2]))
    size = [draw(st.integers(1, 4)) for _ in range(n_axes)]
    strides = [draw(st.integers(1, 3)) for _ in range(n_axes)]
    dilation = [draw(st.integers(1, 2)) for _ in range(n_axes)]
    pairs = [(draw(st.integers(0, 3)), draw(st.integers(0, 3))) for _ in range(n_axes)]
    lengths = [
        max((k - 1) * d + 1 - sum(p), 1) + draw(st.integers(0, (40, 7, 3)[n_axes - 1]))
        for k, d, p in zip(size, dilation, pairs, strict=True)
    ]
    x = (draw(st.integers(1, 3)), *lengths, channels)
    return x, (*size, channels // groups, filters), strides, dilation, pairs, groups


@given(problems(), st.sampled_from(["float32", "float64"]), st.integers(0, 99))
def test_conv_and_its_gradients(problem, dtype, seed):
    """Values by the definition; the gradients as transposes of linear maps, by inner products."""
    x_shape, w_shape, strides, dilation, pairs, groups = problem
    rng = np.random.default_rng(seed)
    x, w = (rng.standard_normal(shape).astype(dtype) for shape in (x_shape, w_shape))
    b = rng.standard_normal(w_shape[-1]).astype(dtype)
    options = {"strides": strides, "dilation": dilation, "padding": pairs, "groups": groups}
    exact = convolution(*(t.astype("f8") for t in (x, w)), strides, dilation, pairs, groups) + b
    terms = math.prod(w_shape[:-1])
    assert_near(nn.conv(x, w, b, **options), exact, terms)
    assert_near(nn.conv(x, w, b, **options, relu=True), np.maximum(exact, 0), terms)

    g = rng.standard_normal(exact.shape).astype(dtype)
    _, pullback = pt.vjp(lambda x, w, b: nn.conv(x, w, b, **options), *map(pt.asarray, (x, w, b)))
    dx, dw, db = map(np.asarray, pullback(pt.asarray(g)))
    assert (dx.shape, dw.shape) == (x.shape, w.shape)
    u, v = rng.standard_normal(x_shape), rng.standard_normal(w_shape)
    scale = TOLERANCE[dtype] * 40 * math.sqrt(x.size + w.size + g.size) * math.sqrt(g.size + 1)
    along_x = convolution(u, w.astype("f8"), strides, dilation, pairs, groups)
    along_w = convolution(x.astype("f8"), v, strides, dilation, pairs, groups)
    assert abs((dx * u).sum() - (g * along_x).sum()) <= scale
    assert abs((dw * v).sum() - (g * along_w).sum()) <= scale
    assert_near(db, g.astype("f8").sum(axis=tuple(range(g.ndim - 1))), g.size)


LARGE = [  # channels and filters beyond one block of the kernels
    ((2, 9, 8, 200), (3, 3, 200, 70), 1, "same"),
    ((2, 9, 8, 3), (3, 3, 3, 600), 1, "valid"),
    ((3, 1000, 4), (5, 4, 20), 1, "same"),
    ((2, 20, 20, 20), (17, 18, 1, 20), 20, "same"),
    ((70, 6, 6, 2), (2, 2, 2, 3), 1, "valid"),
]


@pytest.mark.parametrize(("x_shape", "w_shape", "groups", "padding"), LARGE)
def test_large_convolutions(x_shape, w_shape, groups, padding):
    rng = np.random.default_rng(1)
    x, w = (rng.standard_normal(shape).astype("f4") for shape in (x_shape, w_shape))
    ones = (1,) * (len(x_shape) - 2)
    n = [(k - 1) // 2 if padding == "same" else 0 for k in w_shape[:-2]]
    pairs = [(a, k - 1 - a if padding == "same" else 0) for a, k in zip(n, w_shape, strict=False)]
    options = {"padding": padding, "groups": groups}
    exact = convolution(x.astype("f8"), w.astype("f8"), ones, ones, pairs, groups)
    assert_near(nn.conv(x, w, **options), exact, math.prod(w_shape[:-1]))
    g = rng.standard_normal(exact.shape).astype("f4")
    _, pullback = pt.vjp(lambda x, w: nn.conv(x, w, **options), pt.asarray(x), pt.asarray(w))
    dx, dw = map(np.asarray, pullback(pt.asarray(g)))
    _, pullback = pt.vjp(
        lambda x, w: nn.conv(x, w, **options), *(pt.asarray(t.astype("f8")) for t in (x, w))
    )
    for found, expected, terms in zip(
        (dx, dw),
        map(np.asarray, pullback(pt.asarray(g.astype("f8")))),
        (math.prod(w_shape[:-2]) * w_shape[-1], g[..., 0].size),
        strict=True,
    ):
        assert_near(found, expected, terms)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(layout):
    rng = np.random.default_rng(2)
    x, w, b = (rng.standard_normal(s) for s in ((2, 7, 6, 3), (3, 2, 3, 5), (5,)))
    expected = convolution(x, w, (1, 2), (1, 1), [(0, 0)] * 2) + b
    found = nn.conv(layout(x), layout(w), layout(b), strides=(1, 2))
    assert_near(found, expected, 18)
    pooled = nn.max_pool(layout(x), 2)
    assert np.array_equal(pooled, nn.max_pool(x, 2))


def test_padding_by_name():
    x, w = np.ones((1, 5, 1)), np.ones((4, 1, 1))
    assert nn.conv(x, w, padding="same").ravel().tolist() == [3, 4, 4, 3, 2]
    assert nn.conv(x, w, padding="causal").ravel().tolist() == [1, 2, 3, 4, 4]
    assert nn.conv(x, w).ravel().tolist() == [4, 4]
    assert nn.conv(x, w, padding="same", strides=2).ravel().tolist() == [3, 4, 2]
    assert nn.conv(x, w, padding="causal", dilation=2).ravel().tolist() == [1, 1, 2, 2, 3]
    assert nn.conv(x, w, padding=1).ravel().tolist() == [3, 4, 4, 3]
    assert nn.conv(x, w, padding=[(0, 2)]).ravel().tolist() == [4, 4, 3, 2]


@given(problems(), st.sampled_from(["valid", "same"]), st.integers(0, 99))
def test_conv_transpose(problem, padding, seed):
    """By its definition: each element adds the kernel, times its value."""
    x_shape, w_shape, strides, dilation, _, groups = problem
    rng = np.random.default_rng(seed)
    x_shape = (*x_shape[:-1], w_shape[-1])
    x, w = rng.standard_normal(x_shape), rng.standard_normal(w_shape)
    reach = [(k - 1) * d + 1 for k, d in zip(w_shape, dilation, strict=False)]
    n = [
        (length - 1) * s + max(k, s)
        for length, s, k in zip(x_shape[1:], strides, reach, strict=False)
    ]
    full = np.zeros((x_shape[0], *n, w_shape[-2] * groups))
    for tap in np.ndindex(*w_shape[:-2]):
        key = tuple(
            slice(t * d, t * d + (length - 1) * s + 1, s)
            for t, d, s, length in zip(tap, dilation, strides, x_shape[1:], strict=False)
        )
        full[(slice(None), *key)] += np.concatenate(
            [
                xs @ ws[tap].T
                for xs, ws in zip(np.split(x, groups, -1), np.split(w, groups, -1), strict=True)
            ],
            -1,
        )
    if padding == "same":
        lengths = [length * s for length, s in zip(x_shape[1:], strides, strict=False)]
        cut = [max(k - 1 - (s + k - 1) // 2, 0) for s, k in zip(strides, reach, strict=True)]
        full = padded(full, [(0, max(reach))] * len(n))
        key = (slice(a, a + length) for a, length in zip(cut, lengths, strict=True))
        full = full[(slice(None), *key)]
    options = {"strides": strides, "dilation": dilation, "padding": padding, "groups": groups}
    b = rng.standard_normal(full.shape[-1])
    assert_near(nn.conv_transpose(x, w, b, **options), full + b, math.prod(w_shape))
    found = nn.conv_transpose(x, w, b, **options, relu=True)
    assert_near(found, np.maximum(full + b, 0), math.prod(w_shape))


def test_output_padding_adds_results():
    x, w = np.ones((1, 3, 1)), np.ones((3, 1, 1))
    assert nn.conv_transpose(x, w, strides=2).ravel().tolist() == [1, 1, 2, 1, 2, 1, 1]
    longer = nn.conv_transpose(x, w, strides=2, output_padding=1)
    assert longer.ravel().tolist() == [1, 1, 2, 1, 2, 1, 1, 0]
    shorter = nn.conv_transpose(x, w, strides=2, padding=1)
    assert shorter.ravel().tolist() == [1, 2, 1, 2, 1]


def test_the_bits_do_not_depend_on_the_number_of_threads():
    rng = np.random.default_rng(3)
    before = pt.get_num_threads()
    shapes = (
        ((4, 20, 20, 24), (3, 3, 24, 40), 1),
        ((1, 3000, 3), (7, 3, 5), 1),
        ((8, 16, 16, 32), (3, 3, 1, 32), 32),
        ((4, 16, 16, 32), (3, 3, 8, 32), 4),
    )
    for x_shape, w_shape, groups in shapes:
        x, w = (pt.asarray(rng.standard_normal(s).astype("f4")) for s in (x_shape, w_shape))
        found = []
        for n_threads in (1, 2, 3, 7):
            pt.set_num_threads(n_threads)
            out, pullback = pt.vjp(
                lambda x, w, groups=groups: nn.conv(x, w, padding="same", groups=groups), x, w
            )
            pooled, unpool = pt.vjp(lambda x: nn.max_pool(x, 3, strides=2), x)
            found.append([out, *pullback(out), pooled, *unpool(pooled)])
        pt.set_num_threads(before)
        for others in found[1:]:
            for a, b in zip(found[0], others, strict=True):
                assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_nan_and_infinity_stay_where_they_are():
    x, w = np.ones((1, 6, 6, 2), "f4"), np.ones((3, 3, 2, 5), "f4")
    for value, relu in itertools.product((np.nan, np.inf, -np.inf), (False, True)):
        x[0, 2, 2, 1] = value
        out = np.asarray(nn.conv(x, w, relu=relu))
        seen = np.zeros((4, 4), bool)
        seen[:3, :3] = True
        wanted = 0.0 if relu and value == -np.inf else value
        np.testing.assert_array_equal(out[0, seen], np.full((9, 5), wanted, "f4"))
        assert (out[0, ~seen] == 18).all()


def test_no_elements():
    w = pt.zeros((3, 3, 2, 5))
    assert nn.conv(pt.zeros((0, 6, 6, 2)), w).shape == (0, 4, 4, 5)
    assert nn.conv(pt.zeros((2, 6, 6, 2)), pt.zeros((3, 3, 2, 0))).shape == (2, 4, 4, 0)
    out = nn.conv(pt.zeros((2, 6, 6, 0)), pt.zeros((3, 3, 0, 4)), pt.ones(4))
    assert out.shape == (2, 4, 4, 4) and bool(pt.all(out == 1))
    _, pullback = pt.vjp(lambda w: nn.conv(pt.zeros((0, 6, 6, 2)), w), w)
    assert pullback(pt.zeros((0, 4, 4, 5)))[0].tolist() == pt.zeros((3, 3, 2, 5)).tolist()
    assert nn.max_pool(pt.zeros((0, 6, 2))).shape == (0, 3, 2)
    assert nn.max_pool(pt.zeros((2, 6, 0))).shape == (2, 3, 0)
    assert nn.avg_pool(pt.zeros((2, 6, 0))).shape == (2, 3, 0)
    assert nn.avg_pool(pt.zeros((0, 6, 3))).shape == (0, 3, 3)
    empty = nn.conv(pt.zeros((1, 0, 1)), pt.ones((3, 1, 1)), padding=2)
    assert empty.tolist() == [[[0.0], [0.0]]]


X, W = pt.zeros((2, 8, 8, 4)), pt.zeros((3, 3, 4, 6))
WRONG = {
    "rank": (lambda: nn.conv(pt.zeros((8, 4)), W), r"conv: x has shape \(8, 4\) and w"),
    "rank of w": (lambda: nn.conv(X, pt.zeros((3, 4, 6))), r"w \(3, 4, 6\): expected \(batch"),
    "too many axes": (lambda: nn.conv(pt.zeros((1,) * 6), pt.zeros((1,) * 6)), "1 to 3 axes"),
    "channels": (lambda: nn.conv(X, pt.zeros((3, 3, 5, 6))), "conv: x has 4 channels and w"),
    "groups": (lambda: nn.conv(X, pt.zeros((3, 3, 1, 6)), groups=4), "divisible by groups"),
    "no result": (lambda: nn.conv(X, pt.zeros((9, 3, 4, 6))), "covers 9 elements of one of 8"),
    "no result by dilation": (lambda: nn.conv(X, W, dilation=4), "covers 9 elements"),
    "an empty kernel": (lambda: nn.conv(X, pt.zeros((0, 3, 4, 6))), "at least 1 long"),
    "strides": (lambda: nn.conv(X, W, strides=0), "conv: strides: found 0: expected at least 1"),
    "number of strides": (lambda: nn.conv(X, W, strides=(1, 1, 1)), "expected an integer, or 2"),
    "padding": (
        lambda: nn.conv(X, W, padding="sane"),
        "unknown padding 'sane': known are causal, same, valid",
    ),
    "negative padding": (lambda: nn.conv(X, W, padding=-1), "found -1: expected at least 0"),
    "causal": (lambda: nn.conv(X, W, padding="causal"), "with 2 axes: expected one"),
    "bias": (lambda: nn.conv(X, W, pt.zeros(5)), r"b has shape \(5,\): expected \(6,\)"),
    "transposed channels": (lambda: nn.conv_transpose(X, W), "conv_transpose: x has 4 channels"),
    "nothing is left": (
        lambda: nn.conv_transpose(pt.zeros((1, 1, 1)), pt.zeros((2, 1, 1)), padding=1),
        "nothing is left of one of 1",
    ),
    "windows": (lambda: nn.max_pool(X, 9), "max_pool: axes of lengths .* covers 9 elements"),
    "padding of windows": (lambda: nn.avg_pool(X, 2, padding=2), "each window has an element"),
    "rank of a pooled tensor": (lambda: nn.max_pool(pt.zeros((3, 3))), "expected .batch, ..., ch"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    call, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        call()


def test_dtypes_are_checked():
    for call in (
        lambda: nn.conv(X, pt.zeros(W.shape, dtype="float64")),
        lambda: nn.conv(X.astype("int32"), W),
        lambda: nn.conv(X, W, pt.zeros(6, dtype="float64")),
        lambda: nn.max_pool(X.astype("int32")),
    ):
        with pytest.raises(TypeError, match=r"a tensor of dtype .*: expected"):
            call()
    with pytest.raises(TypeError, match=r"strides: found 1\.5: expected an integer"):
        nn.conv(X, W, strides=1.5)


@pytest.mark.parametrize(
    "arguments",
    [
        ((2, 8, 8, 4), (2, 6, 6, 6), ((1, 1), (1, 1), (0, 0), 0)),
        ((2, 8, 8, 4), (2, 6, 6, 7), ((1, 1), (1, 1), (0, 0), 1)),
        ((2, 8, 8, 4), (3, 6, 6, 6), ((1, 1), (1, 1), (0, 0), 1)),
        ((2, 8, 8, 4), (2, 6, 6, 6), ((0, 1), (1, 1), (0, 0), 1)),
        ((2, 8, 8, 4), (2, 6, 6, 6), ((1, 1), (1, 2**50), (0, 0), 1)),
        ((2, 8, 8, 4), (2, 6, 6, 6), ((1, 1), (1, 1), (0, 2**60), 1)),
        ((2, 8, 8, 4), (2, 6, 6, 6), ((1,), (1, 1), (0, 0), 1)),
        ((8, 4), (6, 6), ((), (), (), 1)),
        ((), (), ((), (), (), 1)),
    ],
)
def test_the_core_checks_what_it_is_given(arguments):
    x, out, geometry = arguments
    for call in (
        lambda: _core.conv(pt.zeros(x), W, None, geometry, out),
        lambda: _core.conv_transpose(pt.zeros(out), W, None, geometry, x),
        lambda: _core.conv_weights(pt.zeros(x), pt.zeros(out), geometry, W.shape),
    ):
        with pytest.raises(ValueError):
            call()
    with pytest.raises(ValueError):
        _core.max_pool(pt.zeros(x), ((2, 2), *geometry[:1], geometry[2]), out[:-1])


# --------------------------------------------------------------------------------------- pooling


def pooled(x, size, strides, pairs, function):
    """The function of each window, whose first axis is that of its elements."""
    x = padded(x, pairs, np.nan)
    return function(np.stack([w for _, w in windows(x, size, strides, (1,) * len(size))]))


@given(problems(), st.sampled_from(["float32", "float64"]), st.booleans(), st.integers(0, 99))
def test_pooling(problem, dtype, same, seed):
    x_shape, w_shape, strides, _, _, _ = problem
    size = [min(k, n) for k, n in zip(w_shape[:-2], x_shape[1:], strict=False)]
    x = np.random.default_rng(seed).standard_normal(x_shape).astype(dtype)
    lengths = x_shape[1:-1]
    total = [
        max((-(-n // s) - 1) * s + k - n, 0) for n, s, k in zip(lengths, strides, size, strict=True)
    ]
    pairs = [(t // 2, t - t // 2) if same else (0, 0) for t in total]
    options = {"strides": strides, "padding": "same" if same else "valid"}
    greatest = pooled(x, size, strides, pairs, lambda w: np.nanmax(w, axis=0))
    assert np.array_equal(nn.max_pool(x, size, **options), greatest)
    means = pooled(x.astype("f8"), size, strides, pairs, lambda w: np.nanmean(w, axis=0))
    assert_near(nn.avg_pool(x, size, **options), means, math.prod(size))

    g = np.random.default_rng(seed + 1).standard_normal(greatest.shape)
    for pool, function in (
        (nn.max_pool, lambda w: w == np.nanmax(w, axis=0)),
        (nn.avg_pool, lambda w: ~np.isnan(w) / (~np.isnan(w)).sum(axis=0)),
    ):
        shares = pooled(x.astype("f8"), size, strides, pairs, function)
        expected = padded(np.zeros(x.shape), pairs)
        for (_, part), share in zip(
            windows(expected, size, strides, (1,) * len(size)), shares, strict=True
        ):
            part += share * g
        key = (slice(a, a + n) for (a, _), n in zip(pairs, lengths, strict=True))
        _, pullback = pt.vjp(lambda x, pool=pool: pool(x, size, **options), pt.asarray(x))
        (dx,) = pullback(pt.asarray(g.astype(dtype)))
        assert_near(dx, expected[(slice(None), *key)], math.prod(size))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    ("size", "strides", "padding"),
    [(2, 2, "valid"), (3, 1, "same"), ((1, 5), (2, 2), "same"), (4, 3, "valid"), (5, 1, "valid")],
    ids=str,
)
@pytest.mark.parametrize("channels", [1, 3, 6, 15])
def test_a_few_channels_have_the_bits_of_many(channels, size, strides, padding, dtype):
    """They are taken for several windows at once, many are not; with NaN and ties between zeros."""
    rng = np.random.default_rng(0)
    signs = rng.choice([1.0, -1.0], (2, 11, 23, channels))
    x = (rng.integers(0, 2, signs.shape) * signs).astype(dtype)
    x[rng.random(x.shape) < 0.1] = np.nan
    t = rng.standard_normal(x.shape).astype(dtype)
    more = [
        np.concatenate([a, np.zeros((2, 11, 23, 16 - channels), dtype)], axis=-1) for a in (x, t)
    ]

    def pooled(x):
        return nn.max_pool(x, size, strides=strides, padding=padding)

    found, tangent = pt.jvp(pooled, (pt.asarray(x),), (pt.asarray(t),))
    expected, expected_tangent = pt.jvp(pooled, (pt.asarray(more[0]),), (pt.asarray(more[1]),))
    g = rng.standard_normal(expected.shape).astype(dtype)
    (dx,) = pt.vjp(pooled, pt.asarray(x))[1](pt.asarray(g[..., :channels]))
    (expected_dx,) = pt.vjp(pooled, pt.asarray(more[0]))[1](pt.asarray(g))
    for ours, theirs in ((found, expected), (tangent, expected_tangent), (dx, expected_dx)):
        assert np.asarray(ours).tobytes() == np.asarray(theirs)[..., :channels].tobytes()


def test_the_largest_is_the_first_of_equals_and_nan():
    x = pt.asarray([[[1.0], [1.0], [np.nan], [np.nan], [-np.inf], [-np.inf]]])
    out, pullback = pt.vjp(nn.max_pool, x)
    np.testing.assert_array_equal(out.ravel(), [1, np.nan, -np.inf])
    (dx,) = pullback(pt.ones(out.shape))
    assert dx.ravel().tolist() == [1, 0, 1, 0, 1, 0]
    _, tangent = pt.jvp(nn.max_pool, (x,), (pt.asarray([[[1.0], [2], [3], [4], [5], [6]]]),))
    assert tangent.ravel().tolist() == [1, 3, 5]


# ------------------------------------------------------------------------------------------- pad


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric", "wrap"])
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_pad(mode, dtype):
    x = np.arange(12).reshape(3, 4).astype(dtype)
    for width in (0, 1, (2, 5), ((0, 1),), ((2, 0), (1, 7))):
        expected = np.pad(x, width, mode)
        found = pt.pad(x, width, mode)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    if mode == "constant":
        found = pt.pad(x, 1, constant_values=1)
        np.testing.assert_array_equal(found, np.pad(x, 1, constant_values=1))
    else:
        with pytest.raises(ValueError, match="axis 0 has no element to repeat"):
            pt.pad(pt.zeros((0, 2)), ((1, 0), (0, 0)), mode)


def test_errors_of_pad():
    with pytest.raises(ValueError, match="pad: unknown mode 'mirror'"):
        pt.pad([1], 1, "mirror")
    with pytest.raises(ValueError, match=r"pad_width is .* for 1 axes"):
        pt.pad([1], ((1, 2), (3, 4)))
    with pytest.raises(ValueError, match="pad: pad_width: found -1"):
        pt.pad([1], -1)
    with pytest.raises(TypeError, match=r"pad: pad_width: found 1\.5"):
        pt.pad([1], 1.5)


# ---------------------------------------------------------------------------------------- oracle


@pytest.mark.oracle
@pytest.mark.parametrize("n_axes", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_torch(n_axes, groups):
    torch = pytest.importorskip("torch", reason="needs pytensor-kernels[oracles]")
    functions = torch.nn.functional
    rng = np.random.default_rng(n_axes)
    lengths = (9, 8, 7)[:n_axes]
    for strides, dilation, padding, size in itertools.product((1, 2), (1, 2), (0, 1), (2, 3)):
        x, w = (
            rng.standard_normal((2, *lengths, 6)),
            rng.standard_normal((size,) * n_axes + (6 // groups, 12)),
        )
        theirs = torch.tensor(np.moveaxis(x, -1, 1).copy(), requires_grad=True)
        kernel = torch.tensor(np.moveaxis(w, (-1, -2), (0, 1)).copy(), requires_grad=True)
        out = getattr(functions, f"conv{n_axes}d")(
            theirs, kernel, stride=strides, dilation=dilation, padding=padding, groups=groups
        )
        found, pullback = pt.vjp(
            lambda x, w, s=strides, d=dilation, p=padding: nn.conv(
                x, w, strides=s, dilation=d, padding=p, groups=groups
            ),
            pt.asarray(x),
            pt.asarray(w),
        )
        np.testing.assert_allclose(found, np.moveaxis(out.detach().numpy(), 1, -1), atol=1e-12)
        dx, dw = pullback(found)
        out.backward(out.detach())
        np.testing.assert_allclose(dx, np.moveaxis(theirs.grad.numpy(), 1, -1), atol=1e-10)
        np.testing.assert_allclose(
            dw, np.moveaxis(kernel.grad.numpy(), (0, 1), (-1, -2)), atol=1e-10
        )
        back = getattr(functions, f"conv_transpose{n_axes}d")(
            out.detach(),
            kernel.detach(),
            stride=strides,
            dilation=dilation,
            padding=padding,
            groups=groups,
        )
        found = nn.conv_transpose(
            found, w, strides=strides, dilation=dilation, padding=padding, groups=groups
        )
        np.testing.assert_allclose(found, np.moveaxis(back.numpy(), 1, -1), atol=1e-10)
