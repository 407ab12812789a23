"""pytensor._support.names: what modules say about names that they do not have."""

import importlib

import pytest

import pytensor as pt
from pytensor._support import names


@pytest.mark.parametrize("module", names._OF_KERAS)
def test_names_that_are_missing_are_missing(module):
    found = pt if module == "pytensor" else importlib.import_module(f"pytensor.{module}")
    listed = names._OF_KERAS[module].split()
    assert not set(listed) & set(getattr(found, "__all__", ()))
    with pytest.raises(AttributeError, match=f"has no attribute {listed[-1]!r} yet: docs/keras.md"):
        getattr(found, listed[-1])
