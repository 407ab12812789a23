"""pytensor.nn.dot_product_attention, pytensor.layers.MultiHeadAttention."""

import numpy as np
import pytest
from test_recurrent import parts

import pytensor as pt
from pytensor import _core, layers, models, nn
from pytensor._functions import attention


def normal(*shape, seed=0, dtype="float64"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def operands(batch=2, queries=5, keys=7, heads=3, size=4, value_size=6, groups=None):
    groups = heads if groups is None else groups
    return (
        normal(batch, queries, heads, size),
        normal(batch, keys, groups, size, seed=1),
        normal(batch, keys, groups, value_size, seed=2),
    )


def naive(q, k, v, allowed, scale):
    """One query after the other."""
    out = np.zeros((*q.shape[:3], v.shape[-1]))
    for b, i, h in np.ndindex(*q.shape[:3]):
        s = np.array([scale * q[b, i, h] @ k[b, j, h] for j in range(k.shape[1])])
        s = np.where(allowed[b, h, i], s, -1e30)
        weights = np.exp(s - s.max())
        out[b, i, h] = weights / weights.sum() @ v[b, :, h]
    return out


@pytest.mark.parametrize("block", [1, 60, 1 << 18])
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("mask_shape", [None, (2, 3, 5, 7), (2, 1, 1, 7), (5, 7), (7,)])
def test_it_is_what_loops_compute(monkeypatch, mask_shape, is_causal, block):
    monkeypatch.setattr(attention, "_BLOCK", block)
    q, k, v = operands()
    mask = None if mask_shape is None else normal(*mask_shape, seed=3) > -0.3
    allowed = np.ones((2, 3, 5, 7), bool) if mask is None else np.broadcast_to(mask, (2, 3, 5, 7))
    if is_causal:
        allowed = allowed & (np.arange(7) <= np.arange(5)[:, None])
    for scale in (None, 0.3):
        found = nn.dot_product_attention(q, k, v, mask=mask, is_causal=is_causal, scale=scale)
        expected = naive(q, k, v, allowed, 0.5 if scale is None else scale)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("block", [40, 1 << 18])
@pytest.mark.parametrize("is_causal", [False, True])
def test_derivatives_to_order_two(monkeypatch, is_causal, block):
    monkeypatch.setattr(attention, "_BLOCK", block)
    mask = normal(2, 1, 5, 7, seed=3) > -0.5

    def f(q, k, v):
        out = nn.dot_product_attention(q, k, v, mask=mask, is_causal=is_causal)
        return pt.sum(pt.sin(out))

    pt.check_grads(f, [pt.asarray(x) for x in operands()], order=2)


def test_groups_of_heads_share_keys():
    q, k, v = operands(heads=6, groups=2)
    found = nn.dot_product_attention(q, k, v)
    alike = nn.dot_product_attention(q, np.repeat(k, 3, axis=2), np.repeat(v, 3, axis=2))
    np.testing.assert_array_equal(found, alike)


@pytest.mark.oracle
def test_bias_and_groups_are_those_of_pytorch():
    torch = pytest.importorskip("torch", reason="needs pytensor-kernels[peers]")
    q, k, v = (x.astype("float32") for x in operands(heads=4, groups=2))
    bias, mask = normal(2, 4, 5, 7, seed=4, dtype="float32"), normal(2, 4, 5, 7, seed=5) > 0
    mask[..., 0] = True
    heads_first = [torch.tensor(x.swapaxes(1, 2).copy()) for x in (q, k, v)]
    heads_first[1:] = [x.repeat_interleave(2, dim=1) for x in heads_first[1:]]
    added = torch.tensor(bias, requires_grad=True)
    seen = added.masked_fill(~torch.tensor(mask), -torch.inf)
    theirs = torch.nn.functional.scaled_dot_product_attention(*heads_first, attn_mask=seen)
    (theirs**2).sum().backward()

    def f(b):
        return nn.dot_product_attention(q, k, v, bias=b, mask=mask)

    expected = theirs.detach().numpy().swapaxes(1, 2)
    np.testing.assert_allclose(f(bias), expected, rtol=1e-4, atol=1e-5)
    g = pt.grad(lambda b: pt.sum(f(b) ** 2))(bias)
    np.testing.assert_allclose(g, added.grad.numpy(), rtol=1e-3, atol=1e-5)


def test_a_query_that_sees_nothing_takes_the_mean():
    q, k, v = operands(heads=1)
    found = nn.dot_product_attention(q, k, v, mask=np.zeros((5, 7), bool))
    np.testing.assert_allclose(found, np.broadcast_to(v.mean(1, keepdims=True), found.shape))


@pytest.mark.parametrize("lengths", [(0, 3), (3, 0), (0, 0)])
def test_nothing(lengths):
    q, k, v = operands(queries=lengths[0], keys=max(1, lengths[1]))
    found = nn.dot_product_attention(q, k[:, : lengths[1]], v[:, : lengths[1]])
    assert found.shape == (2, lengths[0], 3, 6)


def test_memory_does_not_grow_with_the_square_of_the_length():
    q, k, v = (pt.asarray(x, dtype=pt.float32) for x in operands(1, 4096, 4096, 1, 8, 8))
    pt.memory.reset_peak()
    before = pt.memory.stats()["in_use"]
    pt.grad(lambda q: pt.sum(nn.dot_product_attention(q, k, v)))(q)
    assert pt.memory.stats()["peak"] - before < 4096 * 4096 * 4 / 4


# (batch, queries, keys, heads): one block of a head; several; parts of the queries of few heads
SIZES = [(2, 5, 7, 3), (5, 150, 300, 4), (1, 700, 900, 1)]


def gradients(*inputs, composed=False, **options):
    """Those of the sum of sines, by the kernels, or by what the tape can differentiate again."""

    def f(q, k, v):
        return pt.sum(pt.sin(nn.dot_product_attention(q, k, v, **options)))

    if not composed:
        return pt.grad(f, argnums=(0, 1, 2))(*inputs)
    with pt.GradientTape() as outer:
        outer.watch(*inputs)
        return pt.grad(f, argnums=(0, 1, 2))(*inputs)


@pytest.mark.parametrize("mask_axes", [None, (1, 0, 0, 1), (0, 1, 1, 1), (1, 1, 1, 0)])
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_gradients_of_the_kernels_are_the_composed_ones(sizes, is_causal, mask_axes):
    batch, queries, keys, heads = sizes
    mask = None
    if mask_axes is not None:
        full = (batch, heads, queries, keys)
        shape = [n if has else 1 for n, has in zip(full, mask_axes, strict=True)]
        mask = normal(*shape, seed=3) > -0.5
    inputs = [pt.asarray(x) for x in operands(batch, queries, keys, heads)]
    options = {"mask": mask, "is_causal": is_causal}
    expected = gradients(*inputs, composed=True, **options)
    for ours, theirs in zip(gradients(*inputs, **options), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-13)


def test_many_blocks_are_what_numpy_computes():
    q, k, v = operands(1, 700, 900, 2)
    scores = np.einsum("bihd,bjhd->bhij", q, k) * 0.5
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    expected = np.einsum("bhij,bjhd->bihd", weights / weights.sum(-1, keepdims=True), v)
    np.testing.assert_allclose(nn.dot_product_attention(q, k, v), expected, rtol=1e-11, atol=1e-13)


def test_a_query_that_sees_nothing_has_no_gradient():
    inputs = [pt.asarray(x) for x in operands(heads=1)]
    mask = np.ones((5, 7), bool)
    mask[2] = False
    for composed in (False, True):
        dq = gradients(*inputs, mask=mask, composed=composed)[0]
        assert np.all(np.asarray(dq)[:, 2] == 0)
        assert np.any(np.asarray(dq)[:, 1] != 0)


def test_nan_stays_in_its_head_and_unseen_keys_do_not_count():
    q, k, v = operands()
    k[0, 6, 1] = v[0, 6, 1] = np.nan
    found = np.asarray(nn.dot_product_attention(q, k, v))
    assert np.isnan(found[0, :, 1]).all() and np.isfinite(found[1]).all()
    assert np.isfinite(found[0, :, [0, 2]]).all()
    assert np.isfinite(nn.dot_product_attention(q, k, v, is_causal=True)).all()


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("is_causal", [False, True])
def test_any_number_of_threads_gives_the_same_bits(sizes, is_causal):
    batch, queries, keys, heads = sizes
    inputs = [pt.asarray(x, dtype=pt.float32) for x in operands(batch, queries, keys, heads)]
    before = pt.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            pt.set_num_threads(threads)
            results = [nn.dot_product_attention(*inputs, is_causal=is_causal)]
            results += gradients(*inputs, is_causal=is_causal)
            found.append(b"".join(np.asarray(x).tobytes() for x in results))
    finally:
        pt.set_num_threads(before)
    assert len(set(found)) == 1


@pytest.mark.parametrize("with_mask", [False, True])
def test_programs_and_samples_have_the_same_bits(with_mask):
    inputs = [pt.asarray(x, dtype=pt.float32) for x in operands(3, 20, 30)]
    mask = pt.asarray(normal(3, 1, 1, 30, seed=3) > -0.5) if with_mask else None
    recorded = pt.jit(lambda q, k, v: gradients(q, k, v, mask=mask))
    expected = [np.asarray(x).tobytes() for x in gradients(*inputs, mask=mask)]
    for _ in range(2):
        assert [np.asarray(x).tobytes() for x in recorded(*inputs)] == expected

    def of_one(q, k, v):
        return nn.dot_product_attention(q[None], k[None], v[None])[0]

    together = nn.dot_product_attention(*inputs)
    assert np.asarray(pt.vmap(of_one)(*inputs)).tobytes() == np.asarray(together).tobytes()


def test_other_dtypes_are_composed():
    q, k, v = operands()
    mixed = nn.dot_product_attention(q.astype("float32"), k, v)
    np.testing.assert_allclose(mixed, nn.dot_product_attention(q, k, v), rtol=1e-5)
    dq, dk, dv = gradients(*(pt.asarray(x) for x in (q.astype("float32"), k, v)))
    for ours, theirs in zip((dq, dk, dv), gradients(*map(pt.asarray, (q, k, v))), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {"g": (2, 5, 3, 5)},
        {"q": (2, 5, 4)},
        {"k": (2, 7, 3, 5)},
        {"v": (2, 6, 3, 6)},
        {"mask": (4, 7)},
        {"mask": (1, 2, 3, 5, 7)},
    ],
    ids=str,
)
def test_the_kernels_refuse_shapes_that_do_not_match(change):
    shapes = {"g": (2, 5, 3, 6), "q": (2, 5, 3, 4), "k": (2, 7, 3, 4), "v": (2, 7, 3, 6)}
    g, q, k, v = (pt.zeros(change.get(name, shape)) for name, shape in shapes.items())
    mask = pt.zeros(change["mask"], dtype=pt.bool) if "mask" in change else None
    with pytest.raises(ValueError, match=r"attention_gradients: .*expected"):
        _core.attention_gradients(g, q, k, v, mask, 1.0, False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query": normal(2, 5, 4)}, "expected .batch, length, heads, size"),
        ({"query": normal(3, 5, 3, 4)}, "expected one batch"),
        ({"key": normal(2, 7, 3, 5)}, "one size of query and key"),
        ({"value": normal(2, 6, 3, 5)}, "as many values as keys"),
        ({"query": normal(2, 5, 4, 4)}, "4 heads of query, 3 of key: expected a divisor"),
        ({"mask": np.ones((5, 6), bool)}, r"mask of shape \(5, 6\): expected one that broadcasts"),
        ({"bias": normal(1, 2, 3, 5, 7)}, "bias of shape"),
    ],
)
def test_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        names = ("query", "key", "value")
        nn.dot_product_attention(**dict(zip(names, operands(), strict=True)) | change)


# --- the layer ------------------------------------------------------------------------------

X, Y = normal(2, 5, 8, dtype="float32"), normal(2, 7, 6, seed=1, dtype="float32")


@pytest.mark.oracle
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("options", [{}, {"value_dim": 3, "use_bias": False}, {"output_shape": 9}])
def test_the_layer_is_that_of_keras(options, masked):
    keras = pytest.importorskip("keras")
    results = []
    for library in (layers, keras.layers):
        layer = library.MultiHeadAttention(3, 4, **options)
        layer(X, Y)
        random = np.random.default_rng(0)
        layer.set_weights([0.5 * random.normal(size=w.shape) for w in layer.get_weights()])
        given = {}
        if masked:
            given = {
                "query_mask": np.ones((2, 5), bool),
                "value_mask": normal(2, 7, seed=3) > -0.5,
                "attention_mask": normal(2, 5, 7, seed=4) > -1,
                "use_causal_mask": True,
            }
            # Every query sees a key: of others Keras makes one thing or another.
            given["value_mask"][:, 0] = given["attention_mask"][:, :, 0] = True
            if library is not layers:
                convert = keras.ops.convert_to_tensor
                given = {n: v if v is True else convert(v) for n, v in given.items()}
        results.append(parts(layer(X, Y, return_attention_scores=True, **given)))
        plain = parts(layer(X, Y, **given))[0]
        np.testing.assert_allclose(plain, results[-1][0], rtol=1e-4, atol=1e-5)
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_dropout_of_weights():
    layer = layers.MultiHeadAttention(2, 4, dropout=0.5, seed=0)
    layer(X, X)
    np.testing.assert_array_equal(layer(X, X), layer(X, X))
    assert (np.asarray(layer(X, X, training=True)) != np.asarray(layer(X, X))).any()


def test_masks_reach_it():
    """Of an embedding: padding is not seen, and the mask goes on."""
    embed = layers.Embedding(9, 4, mask_zero=True)
    layer = layers.MultiHeadAttention(1, 4)
    inputs = pt.layers.Input((5,))
    x = embed(inputs)
    model = pt.models.Model(inputs, layer(x, x))
    short, long = np.array([[3, 4, 0, 0, 0]]), np.array([[3, 4, 0, 0, 0]])
    long[0, 4] = 0
    first = model.predict(short, verbose=0)
    embed.embeddings[0] = 100.0
    np.testing.assert_allclose(model.predict(long, verbose=0)[:, :2], first[:, :2], rtol=1e-5)


def test_a_small_transformer_learns(tmp_path):
    """To copy the token that follows the only 1 in a sequence."""
    pt.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    x = random.integers(2, 8, (1024, 8))
    at = random.integers(0, 7, 1024)
    x[np.arange(1024), at] = 1
    y = x[np.arange(1024), at + 1]
    inputs = layers.Input((8,))
    h = layers.Embedding(8, 16)(inputs)
    h = h + layers.Reshape((8, 16))(layers.Dense(128)(layers.Flatten()(h)))
    for _ in range(2):
        a = layers.MultiHeadAttention(2, 8)(h, h)
        h = layers.LayerNormalization()(layers.Add()([h, a]))
        f = layers.Dense(16)(layers.Dense(32, activation="relu")(h))
        h = layers.LayerNormalization()(layers.Add()([h, f]))
    outputs = layers.Dense(8, activation="softmax")(layers.Flatten()(h))
    model = pt.models.Model(inputs, outputs)
    model.compile(
        pt.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x, y, epochs=12, batch_size=64, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] > 0.9
    model.save(tmp_path / "model.safetensors")
    again = pt.models.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_the_layer_refuses():
    with pytest.raises(ValueError, match="num_heads: found 0"):
        layers.MultiHeadAttention(0, 2)
    with pytest.raises(ValueError, match=r"query of shape .*expected \(batch, steps, size\)"):
        layers.MultiHeadAttention(1, 2)(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="dropout: found 1"):
        layers.MultiHeadAttention(1, 2, dropout=1)


def test_scores_of_a_graph_of_layers():
    x, y = layers.Input((None, 6)), layers.Input((5, 4))
    layer = layers.MultiHeadAttention(2, 3)
    found = layer(x, y, return_attention_scores=True)
    assert [tensor.shape for tensor in found] == [(None, None, 6), (None, 2, None, 5)]
    model = models.Model([x, y], found)
    data = [pt.asarray(normal(2, n, m), dtype=pt.float32) for n, m in ((3, 6), (5, 4))]
    for a, b in zip(model(data), layer(*data, return_attention_scores=True), strict=True):
        np.testing.assert_array_equal(a, b)


def test_batches_of_nothing_and_float64():
    layer = layers.MultiHeadAttention(2, 3)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 5, 8)), rng.standard_normal((2, 7, 6))
    expected = layer(x.astype("float32"), y.astype("float32")).numpy()
    assert np.array_equal(layer(pt.asarray(x), pt.asarray(y)), expected)
    assert layer(x[:0], y[:0]).shape == (0, 5, 8)
    assert layer(x[:, :0], y).shape == (2, 0, 8)
    assert np.array_equal(layer(x, y[:, :0]), np.zeros((2, 5, 8)))
