"""Random inputs, the same in every run."""

from __future__ import annotations

import numpy as np


def uniform(shape, dtype="float32", low=-1.0, high=1.0, seed=0):
    """An array of numbers from low to high; integers if the dtype is one, both for bool."""
    generator = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return generator.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        return generator.integers(int(low), int(high), shape, dtype=dtype, endpoint=True)
    array = generator.random(shape, dtype=dtype)
    array *= high - low
    array += low
    return array


def inputs(row, shape, dtype):
    """Inputs for a row of the op table, from its domain: {"x": ..., "y": ..., "z": ...}."""
    arrays = {
        name: uniform(shape, dtype, *domain, seed)
        for seed, (name, domain) in enumerate(zip(row.inputs, row.domain, strict=True))
    }
    if row.name == "where":  # its first input is a condition
        arrays["x"] = arrays["x"] > 0
    return arrays


def dtypes(row):
    """The dtypes to measure a row with: floating-point ones, else integers, else bool."""
    if "f" in row.types:
        return ["float32", "float64"]
    return ["int32", "int64"] if "i" in row.types else ["bool"]


def cells(rows):
    """All pairs (row, dtype) to measure, for pytest.mark.parametrize."""
    return [(row, dtype) for row in rows for dtype in dtypes(row)]


def zeros_but(zeros, key, x):
    """A matrix (1000, 1000) of zeros, with x at an index; zeros: the library's function."""
    z = zeros((1000, 1000), dtype=x.dtype)
    z[key] = x
    return z


def label(value):
    """The name of a row in pytest's ids."""
    return getattr(value, "name", None)
