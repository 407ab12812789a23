"""Every reduction of the op table: of all elements, and along the axes of a matrix."""

import libraries
import numpy as np
import pytest
import samples
from loops import naive_loop
from measure import Case, Contender

from pytensor._tables.ops import REDUCTIONS

NAIVE_LIMIT = 1_000


@pytest.mark.parametrize(("row", "dtype"), samples.cells(REDUCTIONS), ids=samples.label)
def test_all_elements(row, dtype, size, compare):
    """One number of a one-dimensional array."""
    x = sample(row, size, dtype)
    contenders = reducers(row, None, x)
    if size <= NAIVE_LIMIT:
        contenders.append(Contender("naive", "loop(x)",
                                    {"loop": naive_loop(row, x.dtype.kind), "x": x}))
    compare(case_of(row, row.name, size, x), contenders)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("row", "dtype"), samples.cells(REDUCTIONS), ids=samples.label)
def test_along_an_axis(row, dtype, axis, compare):
    """The columns or the rows of a matrix (1000, 1000)."""
    x = sample(row, (1000, 1000), dtype)
    compare(case_of(row, f"{row.name} axis={axis}", "1000x1000", x), reducers(row, axis, x))


def sample(row, shape, dtype):
    """The input; for a product, one that stays in range: the logarithms have mean 0, and of a long
    array all but some 1000 factors are 1."""
    x = samples.inputs(row, shape, dtype)["x"]
    if row.name == "prod":
        x /= np.exp(np.log(x).mean())
        if x.ndim == 1:
            factors = x[::x.size // 1000 + 1].copy()
            x[:] = 1
            x[::x.size // 1000 + 1] = factors
    return x


def reducers(row, axis, x):
    """All libraries' calls of a reduction."""
    torch, jax = libraries.torch_expression(row), libraries.jax_expression(row)
    if torch and axis is not None:
        torch = torch.replace("(x)", f"(x, dim={axis})")
    return [libraries.ours(f"pt.{row.name}(x, axis={axis})", x=x),
            libraries.numpy(of_axis(row.numpy, axis), x=x),
            *libraries.peers(torch, jax and of_axis(jax, axis), x=x)]


def of_axis(reference, axis):
    """The table's reference with its parameters filled in."""
    return reference.replace("axis=axis", f"axis={axis}").replace("keepdims=keepdims",
                                                                  "keepdims=False")


def case_of(row, name, size, x):
    """The case; a sum may be off by roundings of the largest partial sums."""
    eps = np.finfo(x.dtype).eps if x.dtype.kind == "f" else 0
    longest = x.size if isinstance(size, int) else 1000
    return Case("reductions", name, size, x.dtype.name, bytes=x.nbytes,
                rtol=16 * eps * (16 + longest**0.5) if row.name == "prod" else None,
                atol=eps * longest if row.name == "sum" else None)
