"""Every public name has one entry in the reference, with an example that runs."""

import doctest
import importlib
import inspect
import warnings
from pathlib import Path

import numpy as np
import pytest

import pytensor as pt

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def reference():
    """docs/reference.py as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs")
        return importlib.import_module("reference")


@pytest.fixture(scope="module")
def things(reference):
    """Everything that has an entry, by its full name."""
    return reference.things()


def test_every_public_name_has_one_entry(reference, things):
    pages = reference.entries()
    assert {
        "pytensor.relu",
        "pytensor.exp",
        "pytensor.sum",
        "pytensor.einsum",
        "pytensor.layers.Dropout",
        "pytensor.losses.MeanSquaredError",
        "pytensor.metrics.MeanSquaredError",
    } <= things.keys()
    # One name here and there is one entry, and a link to it.
    assert pages["pytensor.nn"]["relu"] == pages["pytensor"]["relu"] == "pytensor.relu"
    assert pages["pytensor.schedules"]["CosineDecay"] == "pytensor.schedules.CosineDecay"
    for module, names in pages.items():
        assert names or reference.constants(importlib.import_module(module)), module
        for name, home in names.items():
            assert home in things, f"{module}.{name}"


def test_no_function_of_the_namespace_is_left_out(reference, things):
    documented = {id(thing) for thing in things.values()}
    for name in dir(pt):
        thing = getattr(pt, name)
        if not name.startswith("_") and reference.is_code(thing):
            assert id(thing) in documented, name
            assert thing.__module__.startswith("pytensor"), (name, thing.__module__)


def test_all_names_of_pytensor_stand_under_a_heading(reference):
    names = reference.entries()["pytensor"]
    groups = reference.groups(pt, names)
    assert sorted(name for group in groups.values() for name in group) == sorted(names)
    assert set(groups["Settings"]) == {
        "build_config",
        "get_num_threads",
        "set_num_threads",
        "set_reproducible",
    }


def test_a_class_lists_what_its_undocumented_bases_define(reference, things):
    classes = {thing for thing in things.values() if inspect.isclass(thing)}
    assert {"fit", "compile", "predict", "evaluate", "add", "summary"} <= set(
        reference.members(pt.models.Sequential, classes)
    )
    assert "add_weight" in reference.members(pt.layers.Layer, classes)
    assert "add_weight" not in reference.members(pt.layers.Dense, classes)


def test_names_in_texts_find_their_entries(reference):
    links = reference.Links()
    assert links.target("pt.max") == "pytensor.max"
    assert links.target("layers.Dense(10)") == "pytensor.layers.Dense"
    assert links.target("pt.nn.relu") == "pytensor.relu"
    assert links.target("GradientTape") == "pytensor.GradientTape"
    assert links.target("fit") == "pytensor.models.Sequential.fit"
    assert links.target("MeanSquaredError") is None  # a loss and a metric
    assert links.target("matrix.shape") is None


def test_every_entry_has_an_example(things):
    without = [name for name, thing in things.items() if ">>> " not in (thing.__doc__ or "")]
    assert not without


class Checker(doctest.OutputChecker):
    """Takes numbers that agree to a hundredth: their last digits depend on the processor."""

    def check_output(self, want, got, optionflags):
        """As doctest asks."""
        if super().check_output(want, got, optionflags | doctest.ELLIPSIS):
            return True
        wanted, found = (
            "".join(" " if c in "[]()," else c for c in text).replace("=", " ").split()
            for text in (want, got)
        )
        return len(wanted) == len(found) and all(map(self.same, wanted, found))

    @staticmethod
    def same(wanted, found):
        """Whether two words are as good as equal."""
        try:
            return bool(np.isclose(complex(wanted), complex(found), rtol=0.01, atol=1e-6))
        except ValueError:
            return wanted == found


def test_examples_run(things, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    finder = doctest.DocTestFinder(recurse=False)
    runner = doctest.DocTestRunner(Checker(), optionflags=doctest.ELLIPSIS)
    failed = {}
    for name, thing in things.items():
        if "plot" in name and not importlib.util.find_spec("matplotlib"):
            continue
        examples = finder.find(thing, name, module=False, globs={"pt": pt, "np": np})
        with warnings.catch_warnings():
            if name.startswith("pytensor.sklearn"):  # it warns of a few iterations
                warnings.simplefilter("ignore")
            said = []
            if any(runner.run(test, out=said.append).failed for test in examples):
                failed[name] = "".join(said)
    pt.random.seed(None)
    assert not failed, "\n".join(failed.values())
