"""Libraries that accept any namespace of the Array API standard, with tensors."""

import numpy as np
import pytest
from conftest import output_of

import pytensor as pt

pytestmark = [pytest.mark.once, pytest.mark.oracle]
REASON = "needs pytensor-kernels[oracles]"

SKLEARN = """
import numpy as np, pytensor as pt, sklearn, warnings
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, confusion_matrix, mean_squared_error, r2_score
from sklearn.preprocessing import MinMaxScaler, StandardScaler
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
x, y = rng.standard_normal((60, 5)), rng.integers(0, 3, 60)
results = []
for convert in (np.asarray, pt.asarray):
    sklearn.set_config(array_api_dispatch=convert is pt.asarray)
    a, b = convert(x), convert(y)
    pca = PCA(n_components=2, svd_solver="full").fit(a)
    results.append([pca.transform(a) @ pca.components_,
    Ridge(solver="svd").fit(a, a[:, 0]).predict(a),
                    StandardScaler().fit_transform(a), MinMaxScaler().fit_transform(a),
                    LinearDiscriminantAnalysis(solver="svd").fit(a, b).predict(a),
                    confusion_matrix(b, b), accuracy_score(b, b), r2_score(a[:, 0], a[:, 1]),
                    mean_squared_error(a[:, 0], a[:, 1])])
for found, expected in zip(results[1], results[0], strict=True):
    assert isinstance(found, (float, pt.Tensor)), type(found)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
"""
SCIPY = """
import numpy as np, pytensor as pt
from scipy import fft, integrate, signal, special, stats
x = np.random.default_rng(0).uniform(1, 2, (20, 3))
for f in (special.logsumexp, special.softmax, special.erf, special.expit, stats.zscore, stats.skew,
          stats.kurtosis, stats.gmean, stats.variation, stats.entropy, fft.fft, fft.dctn,
          integrate.trapezoid, signal.hilbert,
          lambda a: stats.ttest_ind(a, a[::-1] * 2).pvalue):
    try:
        found = f(pt.asarray(x))
    except TypeError:
        assert f is fft.dctn  # of NumPy, CuPy, PyTorch and JAX only
        continue
    assert type(found) is pt.Tensor
    np.testing.assert_allclose(found, f(x), rtol=1e-9)
"""

# what a function gives may be an argument of its own, broadcast, which is then written to
TANHSINH = """
import numpy as np, pytensor as pt
from scipy import integrate
def integrals(xp):
    a, b = xp.asarray([0.0, 1.0], dtype="float64"), xp.asarray([[2.0], [np.inf]], dtype="float64")
    c = xp.asarray([0.5, 1.5], dtype="float64")
    decay = integrate.tanhsinh(lambda x, c: xp.exp(-c * x) / x**0.5, a, b, args=(c,))
    power = integrate.tanhsinh(lambda x, c: xp.broadcast_arrays(x, c)[1], a, b[:1], args=(c,))
    log = integrate.tanhsinh(lambda x: -x, a, b, log=True)
    series = integrate.nsum(lambda k: 1 / k**2, a + 1, b[1])
    return [decay.integral, power.integral, log.integral, series.sum]
for found, expected in zip(integrals(pt), integrals(np), strict=True):
    assert type(found) is pt.Tensor
    np.testing.assert_allclose(found, expected, rtol=1e-9)
"""


@pytest.mark.parametrize(
    "library, code", [("sklearn", SKLEARN), ("scipy", SCIPY), ("scipy", TANHSINH)]
)
def test_library_accepts_tensors(library, code):
    pytest.importorskip(library, reason=REASON)
    output_of(code, timeout=120, SCIPY_ARRAY_API="1")


def test_einops():
    einops = pytest.importorskip("einops.array_api", reason=REASON)
    t = pt.asarray(np.arange(12.0).reshape(4, 3))
    np.testing.assert_array_equal(
        einops.rearrange(t, "(a b) c -> b (a c)", a=2), [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]
    )
    np.testing.assert_array_equal(einops.reduce(t, "a b -> b", "max"), [9, 10, 11])
    assert einops.repeat(t, "a b -> a n b", n=5).shape == (4, 5, 3)


def test_torch_shares_memory():
    torch = pytest.importorskip("torch", reason=REASON)
    t = pt.zeros((2, 3))
    other = torch.from_dlpack(t.T)
    t[1, 2] = 7
    assert other.shape == (3, 2) and other[2, 1].item() == 7
    back = pt.from_dlpack(other)
    other[0, 0] = 5
    assert t[0, 0].item() == back[0, 0].item() == 5
