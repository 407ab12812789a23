"""Build the kernels for another system, and run their tests in C there.

    python tools/systems.py native musl windows macos-arm64 macos-x86_64 wasm

native      this machine, by its own compiler ($CC)
musl        Linux with musl instead of glibc, by musl-gcc; the programs are static and run here
windows     x86-64; run by Wine, if it is installed
macos-...   compiled and linked; they cannot run here
wasm        WebAssembly with SIMD, without threads; run by Node.js (20 or later), if it is installed

All are built without OpenBLAS, so the products are those of pytensor's own loops; for macOS the
source files that load OpenBLAS are compiled too. Warnings are errors. tests/c/test_kernels.c
compares what the kernels compute with numbers that were written on x86-64.

Needs meson and ninja; for musl, musl-gcc (Debian: musl-tools), whose strtoll, unlike that of Zig's
library, passes over all digits of a number out of range; for the other systems Zig's compiler
(`pip install ziglang`). Builds stay in
build/systems. Exit status 1 if something fails; a system whose programs cannot be run is only
compiled, which the last line about it says.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WASI = """
const { WASI } = require("node:wasi"), fs = require("node:fs");
const wasi = new WASI({ version: "preview1", args: process.argv.slice(2), env: process.env,
                        returnOnExit: true });
WebAssembly.instantiate(fs.readFileSync(process.argv[2]), wasi.getImportObject())
    .then(({ instance }) => process.exit(wasi.start(instance)));
"""


@dataclass(frozen=True)
class System:
    """How to compile for a system, and how to run its programs here.

    Attributes:
        target: Zig's name; empty for another compiler.
        compiler: This other compiler; None for this machine's.
        meson: Meson's names of the system and of the family of processors.
        runner: The programs that run its programs; empty if they run by themselves.
        runs: Whether they run here at all.
        options: For Meson.
        c_args: For the compiler.
        link_args: For the linker.
    """

    target: str = ""
    compiler: str | None = None
    meson: tuple[str, str] = ("linux", "x86_64")
    runner: tuple[str, ...] = ()
    runs: bool = True
    options: tuple[str, ...] = ("-Dblas=false",)
    c_args: tuple[str, ...] = ()
    link_args: tuple[str, ...] = ()


SYSTEMS = {
    "native": System(),
    "musl": System(compiler="musl-gcc", link_args=("-static",)),
    "windows": System("x86_64-windows-gnu", meson=("windows", "x86_64"), runner=("wine",)),
    "macos-arm64": System("aarch64-macos", meson=("darwin", "aarch64"), runs=False),
    "macos-x86_64": System("x86_64-macos", meson=("darwin", "x86_64"), runs=False),
    "wasm": System(
        "wasm32-wasi",
        meson=("wasi", "wasm32"),
        runner=("node", "--no-warnings", "wasi.cjs"),
        options=("-Dblas=false", "-Dthreads=false"),
        c_args=("-msimd128",),
        link_args=("-Wl,-z,stack-size=1048576",),
    ),
}


def cross_file(system: System, directory: Path) -> Path:
    """Write what Meson needs to know about a system; return the file."""
    zig = [sys.executable, "-m", "ziglang"]
    name, family = system.meson
    lines = ["[binaries]"]
    if system.target:
        lines += [f"c = {[*zig, 'cc', '-target', system.target]}", f"ar = {[*zig, 'ar']}"]
    else:
        lines += [f"c = '{system.compiler}'", "ar = 'ar'"]
    if system.runner:
        runner = [str(directory / word) if word.endswith("js") else word for word in system.runner]
        lines.append(f"exe_wrapper = {runner}")
    lines += [
        "[built-in options]",
        f"c_args = {list(system.c_args)}",
        f"c_link_args = {list(system.link_args)}",
        "[host_machine]",
        f"system = '{name}'",
        f"cpu_family = '{family}'",
        f"cpu = '{family}'",
        "endian = 'little'",
    ]
    file = directory / "cross.ini"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def build_and_test(name: str, directory: Path) -> str:
    """Build for a system and run the tests; return what was done.

    Raises:
        subprocess.CalledProcessError: The build or a test failed.
    """
    system = SYSTEMS[name]
    build = directory / name
    build.mkdir(parents=True, exist_ok=True)
    (build / "wasi.cjs").write_text(WASI, encoding="utf-8")
    environment = os.environ | {"WINEPREFIX": str(build / "wine"), "WINEDEBUG": "-all"}
    meson = [shutil.which("meson") or "meson"]
    if not (build / "meson" / "build.ninja").exists():
        options = [*system.options, "-Dextension=false", "-Dwerror=true"]
        if system.target or system.compiler:
            options += ["--cross-file", str(cross_file(system, build))]
        subprocess.run(
            [*meson, "setup", str(build / "meson"), str(ROOT), *options],
            cwd=build,  # Meson's questions to Zig leave files
            check=True,
            stdout=subprocess.DEVNULL,
        )
    can_run = system.runs and (not system.runner or shutil.which(system.runner[0]))
    targets = ["all", *(f"tests/c/{test}" for test in tests(build / "meson", meson))]
    subprocess.run(["ninja", "--quiet", "-C", str(build / "meson"), *targets], check=True)
    if not can_run:
        return "compiled and linked, not run"
    subprocess.run(
        [*meson, "test", "-C", str(build / "meson"), "-q", "--no-rebuild", "--print-errorlogs"],
        check=True,
        env=environment,
    )
    return "compiled, and all tests in C passed"


def tests(build: Path, meson: list[str]) -> list[str]:
    """The names of the test programs, which nothing else builds."""
    listed = subprocess.run(
        [*meson, "introspect", "--targets", str(build)], check=True, capture_output=True, text=True
    ).stdout
    return [
        Path(target["filename"][0]).name
        for target in json.loads(listed)
        if target["type"] == "executable"
    ]


def main() -> None:
    """Build for the systems on the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("systems", nargs="+", choices=SYSTEMS, metavar="SYSTEM")
    parser.add_argument("--directory", type=Path, default=ROOT / "build" / "systems")
    arguments = parser.parse_args()
    for name in arguments.systems:
        try:
            print(f"{name}: {build_and_test(name, arguments.directory.resolve())}", flush=True)
        except subprocess.CalledProcessError as error:
            sys.exit(f"{name}: failed: {error}")


if __name__ == "__main__":
    main()
