"""Imports and includes go down the floors that docs/architecture.md draws."""

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
    """Return the picture as [(floor, [module, ...]), ...], the top floor first."""
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
    """Return "layers.dense" for src/pytensor/layers/dense.py, "" for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
COMPILED = {"_core", "_ops"}


def imports(path, module):
    """Yield the package's modules that a file imports, at its top or inside functions."""
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
    """Return the module that defines a dotted name: "losses" for "losses.get"."""
    while name and name not in MODULES and name not in COMPILED:
        name = name.rpartition(".")[0]
    return name


def floor_of(module):
    """Return the number of a module's floor, from the top; its package's if it is not drawn."""
    while module and module not in FLOOR:
        module = module.rpartition(".")[0]
    return FLOOR.get(module)


FLOOR = (
    {module: number for number, (_, modules) in enumerate(drawn_floors()) for module in modules}
    if PAGE.exists()
    else {}
)


def test_every_module_is_on_exactly_one_floor():
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
def test_imports_go_downward(module):
    wrong = {
        name: name
        for name in imports(MODULES[module], module)
        if name and floor_of(name) < floor_of(module)
    }
    assert not wrong


def test_imports_have_no_cycle():
    graph = {
        module: {name for name in imports(path, module) if name and name != module}
        for module, path in MODULES.items()
        if module
    }
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


def test_only_commands_import_the_package_itself():
    """Elsewhere the namespace may still be incomplete at import."""
    importing = {
        module
        for module, path in MODULES.items()
        if module
        for name in imports(path, module)
        if not name
    }
    assert {module for module in importing if floor_of(module) > 0} == set()


def test_the_core_imports_nothing_from_the_package():
    for path in [*(PACKAGE / "_core").iterdir()]:
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"^\s*(?:import|from) +pytensor.*", text, flags=re.M)
        assert [line for line in found if not re.search(r"_kernels cimport", line)] == [], path.name


# The folders that each folder of kernels may include, besides itself and pt.h.
BELOW = {
    "port": set(),
    "services": {"port"},
    "math": set(),
    "loops": {"math", "port", "services"},
    "products": {"loops", "math", "port", "services"},
    "networks": {"loops", "math", "port", "products", "services"},
}


@pytest.mark.parametrize("folder", BELOW)
def test_kernels_include_only_lower_folders(folder):
    homes = {path.name: path.parent.name for path in KERNELS.rglob("*.[ch]")}
    for path in (KERNELS / folder).iterdir():
        included = re.findall(r'#include "(\w+\.h)"', path.read_text(encoding="utf-8"))
        found = {homes.get(name, "generated") for name in included}
        assert found <= {folder, "kernels", "generated"} | BELOW[folder], path.name


def test_kernels_do_not_use_python_h():
    for path in KERNELS.rglob("*.[ch]"):
        assert "Python.h" not in path.read_text(encoding="utf-8"), path.name


# Standard C, and what Clang and GCC have on every system: CPUID and vector instructions.
ANYWHERE = {
    *("assert.h", "float.h", "limits.h", "math.h", "stdatomic.h", "stdbool.h", "stddef.h"),
    *(
        "stdint.h",
        "stdio.h",
        "stdlib.h",
        "string.h",
        "cblas.h",
        "cpuid.h",
        "arm_neon.h",
        "immintrin.h",
    ),
}


def test_only_the_port_knows_the_system():
    systems = re.compile(
        r"__(linux|gnu_linux|ANDROID|APPLE|MACH|unix|FreeBSD|GLIBC|MINGW\w*|wasm\w*|wasi)(__)?\b"
        r"|_WIN(32|64)\b|_(GNU|DARWIN_C|POSIX_C|XOPEN)_SOURCE"
    )
    for path in KERNELS.rglob("*.[ch]"):
        if path.parent.name != "port":
            text = path.read_text(encoding="utf-8")
            assert systems.search(text) is None, path.name
            assert set(re.findall(r"#\s*include <([^>]+)>", text)) <= ANYWHERE, path.name
