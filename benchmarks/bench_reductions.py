"""Every reduction of the op table: of all elements, and along the axes of a matrix."""

import numpy as np
import pytest
import samples
from contenders import naive_loop, of_row
from harness import Case

from pytensor._tables.ops import REDUCTIONS

NAIVE_SIZE = 1_000


@pytest.mark.parametrize(("row", "dtype"), samples.cells(REDUCTIONS), ids=samples.label)
def test_all_elements(row, dtype, size, compare):
    """One number of a one-dimensional array."""
    inputs = {"x": sample(row, size, dtype)}
    found = of_row(row, inputs)
    if size == NAIVE_SIZE and dtype == samples.dtypes(row)[0]:
        found.append(naive_loop(row, inputs))
    compare(case_of(row, row.name, size, inputs["x"]), found)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("row", "dtype"), samples.cells(REDUCTIONS), ids=samples.label)
def test_along_an_axis(row, dtype, axis, compare):
    """The columns or the rows of a matrix (1000, 1000)."""
    inputs = {"x": sample(row, (1000, 1000), dtype)}
    compare(
        case_of(row, f"{row.name} axis={axis}", "1000x1000", inputs["x"]),
        of_row(row, inputs, axis=axis),
    )


def sample(row, shape, dtype):
    """The input; for a product, one that stays in range: the logarithms have mean 0, and of a long
    array all but some 1000 factors are 1."""
    x = samples.inputs(row, shape, dtype)["x"]
    if row.name == "prod":
        x /= np.exp(np.log(x).mean())
        if x.ndim == 1:
            factors = x[:: x.size // 1000 + 1].copy()
            x[:] = 1
            x[:: x.size // 1000 + 1] = factors
    return x


def case_of(row, name, size, x):
    """The case; a sum may be off by roundings of the largest partial sums."""
    eps = np.finfo(x.dtype).eps if x.dtype.kind == "f" else 0
    longest = x.size if isinstance(size, int) else 1000
    return Case(
        "reductions",
        name,
        size,
        x.dtype.name,
        bytes=x.nbytes,
        rtol=16 * eps * (16 + longest**0.5) if row.name == "prod" else None,
        atol=eps * longest if row.name == "sum" else None,
    )
