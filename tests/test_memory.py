"""The allocator seen from Python: figures, limit, trimming, running out of memory."""

import gc

import numpy as np
import pytest
from conftest import output_of

import pytensor as pt
from pytensor import _core, layers, memory, models, nn

MIB = 1 << 20


@pytest.fixture(autouse=True)
def fresh():
    """No garbage of other tests, no cache; no limit afterwards."""
    gc.collect()
    memory.trim()
    yield
    memory.set_limit(None)
    _core.memory_fail_after(-1)


def in_use():
    return memory.stats()["in_use"]


def test_stats_follow_tensors():
    before = in_use()
    t = pt.empty(MIB, dtype="uint8")
    view, other = t[5:], pt.asarray(np.zeros(MIB, "u1"))
    assert in_use() - before == MIB
    memory.reset_peak()
    pt.empty(3 * MIB, dtype="uint8")
    stats = memory.stats()
    assert stats["peak"] - stats["in_use"] == 3 * MIB
    del t
    assert in_use() - before == MIB  # the view holds it
    del view, other
    assert in_use() == before


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 1000, 4096, 100_000, 3 * MIB, 40 * MIB])
def test_every_size_is_given_back(size):
    before = in_use()
    for _ in range(3):
        t = pt.full(size, 7, dtype="uint8")
        assert np.asarray(t).ctypes.data % 64 == 0
        assert (np.asarray(t) == 7).all()
        del t
    assert in_use() == before


def test_cache_serves_and_is_trimmed():
    if pt.build_config()["allocator"] == "system":
        pytest.skip("no cache to look at")
    pt.empty((1000, 1000))
    hits = memory.stats()["hits"]
    assert memory.stats()["cached"] >= 4_000_000
    pt.empty((1000, 1000))
    assert memory.stats()["hits"] == hits + 1
    memory.trim()
    assert memory.stats()["cached"] == 0


def test_limit():
    memory.set_limit(in_use() + 10 * MIB)
    keep = pt.zeros(8 * MIB, dtype="uint8")
    with pytest.raises(
        MemoryError,
        match=r"no memory for a tensor of shape \(4194304,\) and dtype "
        r"uint8 \(4194304 bytes\)",
    ):
        pt.zeros(4 * MIB, dtype="uint8")
    del keep
    assert pt.zeros(4 * MIB, dtype="uint8").size == 4 * MIB
    memory.set_limit(None)
    assert pt.zeros(11 * MIB, dtype="uint8").size == 11 * MIB
    for wrong, error in ((-1, ValueError), ("a", TypeError), (2**70, ValueError)):
        with pytest.raises(error, match=f"^set_limit: n_bytes: found {wrong!r}: expected "):
            memory.set_limit(wrong)


A = pt.asarray(np.random.default_rng(0).standard_normal((130, 140)))
WORK = {
    "creation": lambda: pt.zeros((100, 100)),
    "conversion": lambda: A.astype("float32"),
    "list": lambda: pt.asarray([[1.0, 2.0], [3.0, 4.0]]),
    "add": lambda: A.T + A.T * A[0, 0],
    "broadcast": lambda: A + 1 - A[:1],
    "in place": lambda: A.copy().__iadd__(A[:, ::-1]),
    "sum": lambda: pt.sum(A.T, axis=0),
    "large sum": lambda: pt.sum(pt.ones((700, 700))),
    "argmax": lambda: pt.argmax(A[:, ::-1], axis=0),
    "reshape": lambda: A.T.reshape(-1),
    "index": lambda: A[pt.asarray([0, -1])],
    "assignment": lambda: A.copy().__setitem__(slice(1, None), A[:-1]),
    "matmul": lambda: A @ A.T,
    "matmul of odd strides": lambda: A[:, ::2] @ A.T[::2, ::-1],
    "batched": lambda: A.reshape(10, 13, 140) @ A.reshape(10, 140, 13),
    "integers": lambda: A.astype("int32") @ A.T.astype("int32"),
    "concat": lambda: pt.concat([A, A.T.reshape(A.shape)]),
    "linear": lambda: nn.linear(A, A.T, A[:, 0]),
    "softmax": lambda: pt.softmax(A, axis=0),
    "cross-entropy": lambda: nn.sparse_softmax_cross_entropy(A, pt.arange(130)),
    "gradient": lambda: pt.grad(lambda x: pt.sum(pt.tanh(x @ A.T)))(A),
    "second derivative": lambda: pt.grad(lambda x: pt.sum(pt.grad(lambda y: pt.sum(y * y * y))(x)))(
        A
    ),
}


@pytest.mark.parametrize("name", WORK)
def test_each_allocation_may_fail_and_nothing_leaks(name):
    expected = WORK[name]()
    gc.collect()
    before = in_use()
    for k in range(1, 300):
        _core.memory_fail_after(k)
        try:
            result = WORK[name]()
        except MemoryError as error:
            assert "no memory" in str(error)
        else:
            break
        finally:
            _core.memory_fail_after(-1)
        gc.collect()
        assert in_use() == before, f"allocation {k} failed, and something leaked"
    assert 1 < k < 299, "no allocation has failed"
    if expected is not None:
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
def test_each_allocation_of_a_training_step_may_fail(optimizer):
    """MemoryError, nothing leaked, and the step after it works."""
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((16, 6)).astype("float32"), np.arange(16) % 3
    model = models.Sequential(
        [
            layers.Dense(8, activation="relu", input_shape=(6,)),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])

    def step():
        model.fit(x, y, epochs=1, batch_size=16, verbose=0)
        gc.collect()
        return in_use()

    step()
    before = step()
    for k in range(1, 400):
        _core.memory_fail_after(k)
        try:
            step()
        except MemoryError:
            pass
        else:
            break
        finally:
            _core.memory_fail_after(-1)
        assert step() == before, f"allocation {k} failed, and something leaked"
        assert all(np.isfinite(w).all() for w in map(np.asarray, model.get_weights()))
    assert 5 < k < 399, "no allocation has failed"


def test_system_allocator_gives_the_same_results():
    code = """
        import numpy as np, pytensor as pt
        x = pt.asarray(np.arange(300_000.0).reshape(500, 600))
        y = pt.sum(pt.tanh(x / 1e5) @ pt.sqrt(x.T))
        del x
        stats = pt.memory.stats()
        print(pt.build_config()["allocator"], float(y), stats["cached"] > 0, stats["in_use"])
    """
    system = output_of(code, PYTENSOR_ALLOCATOR="system").split()
    caching = output_of(code, PYTENSOR_ALLOCATOR="").split()
    assert (system[0], caching[0]) == ("system", "caching")
    assert (system[2], caching[2]) == ("False", "True")
    assert system[1] == caching[1] and system[3] == caching[3]


def test_more_than_the_machine_has():
    code = """
        import pytensor as pt
        kept = []
        try:
            for _ in range(64):
                kept.append(pt.empty(2**45, dtype="uint8"))
        except MemoryError as error:
            print("refused", "(35184372088832,)" in str(error))
        kept.clear()
        print(pt.ones(3).tolist())
    """
    assert output_of(code) == "refused True\n[1.0, 1.0, 1.0]"
