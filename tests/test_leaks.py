"""Nothing is kept: references to arguments, dtypes and None, blocks of Python's and of tensors'
memory stay as many as they are, over errors of every kind; cycles are collected; tracemalloc sees
no growth.

tools/soak.py has the operations that succeed, over hours if need be."""

import functools
import gc
import operator
import os
import sys
import tracemalloc
import weakref

import numpy as np
import pytest

import pytensor as pt
from pytensor import layers, losses, models, nn

pytestmark = pytest.mark.once

# How often each error is raised; set PYTENSOR_REPEATS to change it.
REPEATS = int(os.environ.get("PYTENSOR_REPEATS", "2000"))

A = pt.asarray(np.random.default_rng(0).standard_normal((3, 4)))
B = pt.asarray(np.ones((4, 3), "float32"))
ROWS = pt.asarray([0, 2, 9])
UNSIGNED = pt.asarray([1, 2, 3], dtype="uint64")
READ_ONLY = pt.broadcast_to(pt.ones(3), (2, 3))
ARRAY = np.ones((5, 2))
TEXT = "text"
MODEL = models.Sequential([layers.Dense(3, input_shape=(4,))])
MODEL.compile("sgd", "mse")


def tape(*, watch=A, persistent=False):
    used = pt.GradientTape(persistent=persistent)
    with used:
        used.watch(watch)
    return used


def recorded(work):
    with pt.GradientTape() as used:
        used.watch(A)
        work()


def used_twice():
    used = tape()
    used.gradient(A, A)
    used.gradient(A, A)


def changed_in_place():
    x = A.copy()
    with pt.GradientTape() as used:
        used.watch(x)
        y = pt.exp(x * x)
    x += 1
    used.gradient(y, x)


def raising(*arguments):
    raise KeyError("the function's own")


ERRORS = {
    # creation
    "asarray of an object": lambda: pt.asarray(object()),
    "asarray of text": lambda: pt.asarray(TEXT),
    "asarray of a ragged list": lambda: pt.asarray([[1.0, 2.0], [3.0]]),
    "asarray of an object array": lambda: pt.asarray(np.array([None, A], object)),
    "asarray without a copy": lambda: pt.asarray([1.0], copy=False),
    "asarray of another device": lambda: pt.asarray(1.0, device="gpu"),
    "no such dtype": lambda: pt.zeros(3, dtype=TEXT),
    "a dtype that is not stored": lambda: pt.zeros(3, dtype="float16"),
    "a negative shape": lambda: pt.zeros((2, -1)),
    "a shape of text": lambda: pt.zeros(TEXT),
    "a large shape": lambda: pt.zeros((2**40, 2**40)),
    "no memory": lambda: pt.zeros(2**58),
    "out of range": lambda: pt.full(3, 300, dtype="uint8"),
    "Tensor has no constructor": lambda: pt.Tensor(ARRAY),
    # arithmetic
    "shapes": lambda: A + B,
    "shapes of an array": lambda: A * ARRAY,
    "an operand of text": lambda: A + TEXT,
    "None": lambda: A - None,
    "dtypes": lambda: UNSIGNED + ROWS,
    "no rule": lambda: pt.bitwise_and(A, A),
    "into another shape": lambda: pt.exp(A, out=B),
    "into another dtype": lambda: pt.exp(A, out=pt.zeros((3, 4), dtype="int32")),
    "into what is read-only": lambda: pt.exp(READ_ONLY, out=READ_ONLY),
    "into no tensor": lambda: pt.exp(A, out=ARRAY),
    "in place into what is read-only": lambda: operator.iadd(READ_ONLY, 1.0),
    "an integer out of range": lambda: ROWS + 2**70,
    "truth": lambda: bool(A),
    "float": lambda: float(A),
    "index": lambda: operator.index(A),
    "length": lambda: len(A[0, 0]),
    "hash": lambda: hash(A),
    # views and indices
    "index out of range": lambda: A[7],
    "too many indices": lambda: A[0, 0, 0],
    "two ellipses": lambda: A[..., ...],
    "index of text": lambda: A[TEXT],
    "rows out of range": lambda: A[ROWS],
    "mask of another shape": lambda: A[B > 0],
    "assignment of another shape": lambda: operator.setitem(A, 0, ARRAY),
    "assignment of text": lambda: operator.setitem(A, 0, TEXT),
    "assignment to what is read-only": lambda: operator.setitem(READ_ONLY, 0, 1.0),
    "assignment of a lesser dtype": lambda: operator.setitem(ROWS, 0, 1.5),
    "reshape": lambda: A.reshape(5, -1),
    "reshape without a copy": lambda: A.T.reshape(-1, copy=False),
    "permute_dims": lambda: pt.permute_dims(A, (0, 0)),
    "broadcast_to": lambda: pt.broadcast_to(A, (2, 2)),
    "concat": lambda: pt.concat([A, B]),
    "stack": lambda: pt.stack([A, B]),
    # reductions and products
    "no such axis": lambda: pt.sum(A, axis=5),
    "an axis twice": lambda: pt.sum(A, axis=(0, 0)),
    "an axis of text": lambda: pt.sum(A, axis=TEXT),
    "nothing to choose from": lambda: pt.max(pt.zeros(0)),
    "matmul": lambda: A @ A,
    "matmul with an array": lambda: A @ ARRAY,
    "dot": lambda: pt.dot(A, A),
    "linear": lambda: nn.linear(A, B),
    "softmax": lambda: pt.softmax(A, axis=3),
    "labels": lambda: nn.sparse_softmax_cross_entropy(A, ROWS),
    # buffers
    "a writable buffer of what is read-only": lambda: np.frombuffer(
        memoryview(READ_ONLY).cast("B"), "u1"
    ),
    "array without a copy": lambda: np.asarray(A, dtype="int8", copy=False),
    # tapes
    "watch": lambda: tape(watch=ROWS),
    "a tape that is used twice": used_twice,
    "a tape that is not made": lambda: pt.GradientTape(persistent=ARRAY),
    "a target that is no tensor": lambda: tape().gradient(TEXT, A),
    "a source that is no tensor": lambda: tape().gradient(A, [A, TEXT]),
    "output_gradient of another shape": lambda: tape().gradient(A, A, output_gradient=B),
    "changed in place": changed_in_place,
    "assignment under a tape": lambda: recorded(lambda: operator.setitem(A, 0, 1.0)),
    "in place under a tape": lambda: recorded(lambda: operator.iadd(A, 1.0)),
    "to another library under a tape": lambda: recorded(lambda: np.asarray(A)),
    "an error under a tape": lambda: recorded(lambda: A + B),
    "grad of no number": lambda: pt.grad(lambda x: x)(A),
    "grad of the function's error": lambda: pt.grad(raising)(A),
    "custom_gradient": lambda: pt.grad(
        lambda x: pt.sum(pt.custom_gradient(lambda x: (x * 2, raising))(x))
    )(A),
    "checkpoint": lambda: pt.grad(pt.checkpoint(raising))(A),
    # fuse
    "fuse of no function": lambda: pt.fuse(TEXT),
    "fuse of what is not element-wise": lambda: pt.fuse(pt.sum)(A),
    "fuse of the function's error": lambda: pt.fuse(raising)(A),
    "fuse of an object": lambda: pt.fuse(pt.exp)(object()),
    # models
    "a batch of another shape": lambda: MODEL.train_on_batch(B, B),
    "no such loss": lambda: losses.get(TEXT),
}
WATCHED = [
    None,
    True,
    TEXT,
    ARRAY,
    A,
    B,
    ROWS,
    UNSIGNED,
    READ_ONLY,
    MODEL,
    pt.Tensor,
    *(np.dtype(name) for name in ("bool", "int64", "uint64", "float32", "float64")),
]


def raise_often(work, n):
    for _ in range(n):
        try:
            work()
        except Exception:
            continue
        raise AssertionError("no error")


def counts():
    gc.collect()
    return (
        [sys.getrefcount(x) for x in WATCHED],
        sys.getallocatedblocks(),
        pt.memory.stats()["in_use"],
    )


@pytest.fixture(scope="module", autouse=True)
def old_objects_are_left_alone():
    """Exempts existing objects from the following collections."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("name", ERRORS)
def test_errors_keep_no_references(name):
    work = ERRORS[name]
    raise_often(work, 20)
    references, blocks, in_use = counts()
    raise_often(work, REPEATS)
    references_after, blocks_after, in_use_after = counts()
    # a leak occurs at each call; the interpreter itself keeps far fewer objects
    for x, before, after in zip(WATCHED, references, references_after, strict=True):
        assert abs(after - before) < REPEATS / 5, f"references to {type(x)}"
    assert blocks_after - blocks < REPEATS / 5
    assert in_use_after == in_use


def doubled(used, x):
    return x * 2, lambda g: g * 2 if used else g


def test_cycles_of_tapes_and_functions_are_collected():
    gc.collect()
    in_use = pt.memory.stats()["in_use"]
    for _ in range(50):
        x = pt.ones(1000)
        with pt.GradientTape(persistent=True) as used:
            used.watch(x)
            # a cycle: the record holds the function, the function the tape, the tape the record
            y = pt.custom_gradient(functools.partial(doubled, used))(x)
            fused = pt.fuse(lambda x, y=y: x + y)
        holder = [used, fused, y]
        holder.append(holder)
        fused.itself = fused
        fused(x)
        seen = weakref.ref(fused), weakref.ref(y)
    del x, y, used, fused, holder
    gc.collect()
    assert [reference() for reference in seen] == [None, None]
    assert pt.memory.stats()["in_use"] == in_use


def test_tracemalloc_sees_no_growth():
    x, y = np.ones((8, 4), "float32"), np.ones((8, 3), "float32")
    fused = pt.fuse(lambda a: pt.exp(a) + 1)
    slope = pt.grad(lambda a: pt.sum(pt.tanh(a @ a.T)))

    def work(n):
        for k in range(n):
            MODEL.train_on_batch(x, y)
            slope(A)
            fused(A)
            fused(pt.ones(k % 40 + 1))  # more programs than it keeps
            pt.asarray([[1.0, float(k)]]).tolist()
            gc.collect(0)

    work(60)
    tracemalloc.start()
    try:
        work(250)  # until the interpreter's lists of free tuples hold traced ones
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        work(200)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 20_000
