"""The floors that docs/architecture.md draws: who imports whom."""

import ast
import graphlib
import re

import pytest
from conftest import TESTS

ROOT = TESTS.parent
PACKAGE = ROOT / "src" / "pytensor"
KERNELS = ROOT / "src" / "kernels"
PAGE = ROOT / "docs" / "architecture.md"

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not PAGE.exists() or not PACKAGE.exists(), reason="not in a checkout"),
]


def drawn_floors():
    """The picture as [(floor, [module, ...]), ...], the top floor first."""
    picture = PAGE.read_text(encoding="utf-8").split("```")[1]
    floors = []
    for line in picture.splitlines():
        if re.match(r" {3}\w", line):
            name, _, modules = line.strip().partition("  ")
            floors.append((name, modules.split()))
        elif line.strip(" |"):
            floors[-1][1].extend(line.replace("|", " ").split())
    return floors


def module_of(path):
    """src/pytensor/layers/dense.py as "layers.dense"; the package itself is ""."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
COMPILED = {"_core", "_ops"}


def imports(path, module):
    """The modules of this package that a file imports, wherever the import stands."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package[: len(package) - node.level + 1]
                base = ".".join(filter(None, ["pytensor", *above, base]))
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "pytensor":
                yield known(name.removeprefix("pytensor").strip("."))


def known(name):
    """The module that a dotted name lies in: "losses.get" is in "losses"."""
    while name and name not in MODULES and name not in COMPILED:
        name = name.rpartition(".")[0]
    return name


def floor_of(module):
    """The number of a module's floor, from the top; that of its package if it is not drawn."""
    while module and module not in FLOOR:
        module = module.rpartition(".")[0]
    return FLOOR.get(module)


FLOOR = (
    {module: number for number, (_, modules) in enumerate(drawn_floors()) for module in modules}
    if PAGE.exists()
    else {}
)


def test_every_module_has_a_floor():
    places = [module for _, modules in drawn_floors() for module in modules]
    assert len(places) == len(set(places))
    assert [module for module in MODULES if module and floor_of(module) is None] == []
    folders = {path.name for path in KERNELS.iterdir() if path.is_dir()}
    assert [
        module
        for module in places
        if module not in MODULES and module not in COMPILED and module not in folders
    ] == []


@pytest.mark.parametrize("module", [module for module in MODULES if module])
def test_imports_go_down(module):
    wrong = {
        name: name
        for name in imports(MODULES[module], module)
        if name and floor_of(name) < floor_of(module)
    }
    assert not wrong


def test_no_circle():
    graph = {
        module: {name for name in imports(path, module) if name and name != module}
        for module, path in MODULES.items()
        if module
    }
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_only_commands_import_the_package_itself():
    """Others would read a namespace that is not yet whole."""
    importing = {
        module
        for module, path in MODULES.items()
        if module
        for name in imports(path, module)
        if not name
    }
    assert {module for module in importing if floor_of(module) > 0} == set()


def test_the_core_imports_nothing_of_the_package():
    for path in [*(PACKAGE / "_core").iterdir()]:
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"^\s*(?:import|from) +pytensor.*", text, flags=re.M)
        assert [line for line in found if not re.search(r"_kernels cimport", line)] == [], path.name


# What the files of a folder of kernels include, beside the folder's own and pt.h.
BELOW = {
    "services": set(),
    "math": set(),
    "loops": {"math", "services"},
    "products": {"loops", "math", "services"},
    "networks": {"loops", "math", "services"},
}


@pytest.mark.parametrize("folder", BELOW)
def test_kernels_include_what_lies_below(folder):
    homes = {path.name: path.parent.name for path in KERNELS.rglob("*.[ch]")}
    for path in (KERNELS / folder).iterdir():
        included = re.findall(r'#include "(\w+\.h)"', path.read_text(encoding="utf-8"))
        found = {homes.get(name, "generated") for name in included}
        assert found <= {folder, "kernels", "generated"} | BELOW[folder], path.name


def test_kernels_know_no_python():
    for path in KERNELS.rglob("*.[ch]"):
        assert "Python.h" not in path.read_text(encoding="utf-8"), path.name
