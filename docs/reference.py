"""What the reference has an entry for, and where: one entry for each public name.

docs/conf.py makes the pages of docs/api from this, and tests/test_reference.py holds the package's
docstrings to it.
"""

from __future__ import annotations

import importlib
import inspect
import re
import types
from collections import Counter

# The pages, in the order of the site. A name that several modules have gets its entry on the first
# of these pages, and a link on the others.
SECTIONS = {
    "Tensors": (
        "pytensor",
        "pytensor.nn",
        "pytensor.linalg",
        "pytensor.fft",
        "pytensor.random",
        "pytensor.memory",
    ),
    "Networks": (
        "pytensor.models",
        "pytensor.layers",
        "pytensor.activations",
        "pytensor.initializers",
        "pytensor.regularizers",
        "pytensor.constraints",
        "pytensor.losses",
        "pytensor.metrics",
        "pytensor.optimizers",
        "pytensor.schedules",
        "pytensor.callbacks",
        "pytensor.checkpoints",
        "pytensor.utils",
        "pytensor.ops",
        "pytensor.backend",
    ),
    "Data": (
        "pytensor.datasets",
        "pytensor.datasets.mnist",
        "pytensor.datasets.fashion_mnist",
        "pytensor.datasets.kmnist",
        "pytensor.datasets.cifar10",
        "pytensor.datasets.imdb",
        "pytensor.datasets.reuters",
        "pytensor.datasets.boston_housing",
        "pytensor.datasets.california_housing",
        "pytensor.datasets.digits",
        "pytensor.datasets.files",
        "pytensor.datasets.idx",
    ),
    "Files, other libraries, other machines": (
        "pytensor.serialization",
        "pytensor.onnx",
        "pytensor.sklearn",
        "pytensor.distributed",
        "pytensor.threadpools",
    ),
    "Pictures and plain loops": ("pytensor.plot", "pytensor.naive"),
}

# Methods that the pages mention without their class.
METHODS = ("add", "compile", "evaluate", "fit", "predict", "summary", "train_on_batch")


def modules():
    """The modules by name, without those whose optional libraries are missing here."""
    found = {}
    for name in (name for names in SECTIONS.values() for name in names):
        try:
            found[name] = importlib.import_module(name)
        except ImportError as error:
            print(f"reference: {name} left out: {error}")
    return found


def is_code(thing):
    """Whether it is a function or a class."""
    return inspect.isroutine(thing) or inspect.isclass(thing)


def names_of(module):
    """The public functions and classes of a module, in the order in which it lists them."""
    names = getattr(module, "__all__", None)
    if names is None:
        inside = ("pytensor",) if module.__name__ == "pytensor" else (module.__name__,)
        names = [
            name
            for name in dir(module)
            if not name.startswith("_")
            and is_code(getattr(module, name))
            and (getattr(module, name).__module__ or "").startswith(inside)
        ]
    return {
        name: getattr(module, name)
        for name in names
        if not name.startswith("_") and is_code(getattr(module, name))
    }


def entries(found=None):
    """Where each public thing has its entry: {module: {name: "home.name"}}; home may be another."""
    homes, result = {}, {}
    for module_name, module in (found or modules()).items():
        result[module_name] = {}
        for name, thing in names_of(module).items():
            home = homes.setdefault(id(thing), f"{module_name}.{name}")
            result[module_name][name] = home
    return result


def things(found=None):
    """Everything that has an entry, by its full name."""
    found = found or modules()
    return {
        home: getattr(found[module], name)
        for module, names in entries(found).items()
        for name, home in names.items()
        if home == f"{module}.{name}"
    }


def members(cls, documented):
    """The public attributes of a class that its entry lists.

    Those that a base class with an entry of its own defines are listed there.
    """
    names = {}
    for base in cls.__mro__:
        if base is cls or (base.__module__.startswith("pytensor") and base not in documented):
            for name, value in vars(base).items():
                plain = not (callable(value) or hasattr(value, "__get__"))
                if not name.startswith("_") and not plain and not inspect.isclass(value):
                    names.setdefault(name)
    return list(names)


def groups(module, names):
    """The names of pytensor's own namespace under headings; those of other modules under none."""
    if module.__name__ != "pytensor":
        return {"": list(names)}
    from pytensor._autodiff import loops, transforms
    from pytensor._functions import (
        array_api,
        creation,
        elementwise,
        indexing,
        joining,
        products,
        programs,
        shapes,
        statistics,
    )
    from pytensor._tables import numpy_rows, ops

    long_tail = numpy_rows.TABLE
    known = {
        "Derivatives": set(transforms.__all__) | {"RowGradient"},
        "Element by element": {row.name for row in ops.ELEMENTWISE}
        | {name for name, row in long_tail.items() if row.kind != "other"},
        "Reductions": {row.name for row in ops.REDUCTIONS} | {"mean"} | set(statistics.__all__),
        "Products": {"dot", "einsum", "matmul"} | set(products.__all__),
        "Programs": {"fuse", "jit", "vmap"} | set(programs.__all__) | set(loops.__all__),
        "Softmax": {"softmax", "log_softmax"},
        "Sorting, searching, sets, running sums": {
            name for name, row in long_tail.items() if row.kind == "other"
        }
        | {"cumulative_prod", "cumulative_sum"},
        "Creation": {"Tensor", "asarray", "zeros", "ones", "full", "empty"} | set(creation.__all__),
        "Types": set(array_api.__all__),
        "Shape, order, selection": {"broadcast_to", "permute_dims", "reshape"}.union(
            shapes.__all__, joining.__all__, indexing.__all__, elementwise.__all__
        ),
    }
    result = {
        heading: []
        for heading in (
            "Creation",
            "Element by element",
            "Reductions",
            "Products",
            "Shape, order, selection",
            "Sorting, searching, sets, running sums",
            "Softmax",
            "Programs",
            "Derivatives",
            "Types",
            "Settings",
        )
    }
    for name in names:
        heading = next(
            (heading for heading, all_names in known.items() if name in all_names), "Settings"
        )
        result[heading].append(name)
    return {heading: listed for heading, listed in result.items() if listed}


def constants(module):
    """The public values of a module that are neither code nor modules: dtypes, pi."""
    if module.__name__ != "pytensor":
        return {}
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not is_code(value)
        and not isinstance(value, types.ModuleType)
    }


def first_sentence(thing):
    """What a table says of it."""
    text = " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
    return re.split(r"(?<!et al)(?<!e\.g)(?<!\.)\. ", text)[0].rstrip(".")


class Links:
    """Full names by what the pages call things: `pt.relu`, `layers.Dense`, `Dense`, `grad(f)`."""

    def __init__(self, found=None):
        """Look up all entries."""
        from pytensor._autodiff import transforms

        found = found or modules()
        self.full = {}
        for module, names in entries(found).items():
            for name, home in names.items():
                self.full[f"{module}.{name}"] = home
        for name in found:
            self.full[name] = name
        short = Counter(full.rpartition(".")[2] for full in set(self.full.values()))
        self.bare = {}
        for home in set(self.full.values()):
            name = home.rpartition(".")[2]
            if short[name] == 1 and (name[0].isupper() or name in transforms.__all__):
                self.bare[name] = home
        for name in METHODS:
            self.bare[name] = f"pytensor.models.Sequential.{name}"

    def target(self, text):
        """The full name of what a piece of code names, or None."""
        name = text.partition("(")[0]
        if name.startswith("pt."):
            name = "pytensor." + name[3:]
        for full in (name, f"pytensor.{name}"):
            if "." in name and full in self.full:
                return self.full[full]
        return self.bare.get(name)
