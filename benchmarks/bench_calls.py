"""What a call costs: operations on 16 elements, where the work itself is next to nothing."""

import numpy as np
import pytest
import samples
from contenders import contenders
from harness import Case

# name: the statement in pytensor, NumPy and PyTorch; a compiled function of JAX has no such calls
CASES = {
    "x + y": ["x + y"] * 3,
    "x + 1.5": ["x + 1.5"] * 3,
    "x += y": ["x.__iadd__(y)"] * 3,
    "x > y": ["x > y"] * 3,
    "x[3]": ["x[3]"] * 3,
    "x[2:8]": ["x[2:8]"] * 3,
    "x.sum()": ["x.sum()"] * 3,
    "x.max(axis=0)": ["x.max(axis=0)", "x.max(axis=0)", "x.amax(0)"],
    "x @ y": ["x @ y"] * 3,
    "x.reshape((4, 4))": ["x.reshape((4, 4))"] * 3,
    "x.astype(float64)": ["x.astype('float64')"] * 2 + ["x.to(torch.float64)"],
    "float(x.sum())": ["float(x.sum())"] * 3,
    "zeros(16)": ["pt.zeros(16)", "np.zeros(16, np.float32)", "torch.zeros(16)"],
    "asarray(list)": [
        "pt.asarray([1.0, 2.0, 3.0, 4.0])",
        "np.array([1, 2, 3, 4], np.float32)",
        "torch.tensor([1.0, 2.0, 3.0, 4.0])",
    ],
    "asarray(ndarray)": ["pt.asarray(a)", "np.asarray(a)", "torch.from_numpy(a)"],
}


@pytest.mark.parametrize("name", CASES)
def test_call(name, compare):
    """One call on 16 elements."""
    ours, numpy, torch = CASES[name]
    # y is tiny: x += y is called many thousand times
    inputs = {"x": samples.uniform(16), "y": samples.uniform(16, seed=1) * np.float32(1e-9)}
    found = contenders(inputs, pytensor=ours, numpy=numpy, torch=torch)
    for contender in found:
        contender.setup = "a = np.asarray(x)"  # what asarray(ndarray) takes over
    compare(Case("calls", name, 16), found)
