"""Tasks: `nox -l` lists them, `nox -s lint` runs one, `nox` runs what a change should pass.

Each session has its own virtual environment, into which it installs a wheel that the session
`wheel` has built. CI (.ci/run) runs `nox --tags ci`, in the order of this file.
"""

from __future__ import annotations

import functools
import inspect
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import nox

ROOT = Path(__file__).parent
ACCEPTANCE = ROOT.parent / "shared" / "acceptance"
TORCH = "torch==2.13.0"  # this release has a build for the processor alone; others bring gigabytes
INSTRUCTION_SETS = ("baseline", "avx2", "avx512")
STARTED = float(os.environ.get("STARTED", time.time()))  # .ci/run sets it

nox.needs_version = ">=2025.5.1"
nox.options.sessions = ["tests", "lint", "types"]
nox.options.default_venv_backend = "virtualenv"  # uv has no pip, whose settings a machine may need
nox.options.reuse_venv = "yes"


def heading(text: str) -> None:
    """Print a heading with the seconds since the start."""
    print(f"\n=== {text} (after {time.time() - STARTED:.0f} s)", flush=True)


def task(*, ci: bool = True, requires: Sequence[str] = ("wheel",)) -> Callable:
    """A session under a heading, its name and the first sentence of its docstring."""

    def register(function: Callable[[nox.Session], None]) -> Callable:
        @functools.wraps(function)
        def with_heading(session: nox.Session) -> None:
            heading(f"{session.name}: {inspect.getdoc(function).splitlines()[0]}")
            function(session)

        return nox.session(with_heading, tags=["ci"] if ci else [], requires=requires)

    return register


def wheel_directory(session: nox.Session) -> Path:
    """The directory in which the session `wheel` leaves one."""
    return session.cache_dir / "wheel"


def install(session: nox.Session, *extras: str) -> None:
    """Install the package with some of its extras from the wheel."""
    (wheel,) = wheel_directory(session).glob("*.whl")
    # pip leaves an installed wheel of the same version as it is.
    session.install("-q", "--no-deps", "--force-reinstall", str(wheel))
    session.install("-q", f"{wheel}[{','.join(extras)}]")


def pytest(session: nox.Session, *arguments: str, **environment: str) -> None:
    """Run pytest with the checkout's tests on the installed package."""
    session.run("python", "-m", "pytest", "-q", *arguments, env=environment)


@task(requires=())
def lint(session: nox.Session) -> None:
    """The hooks of pre-commit on all files: formatters and linters of Python, Cython and C."""
    session.install("-q", "pre-commit>=4")
    session.run(
        *("pre-commit", "run", "--all-files", "--show-diff-on-failure"),
        env={"PRE_COMMIT_HOME": str(session.cache_dir / "pre-commit")},
    )


@task(requires=())
def wheel(session: nox.Session) -> None:
    """A build without warnings, with the tools whose hashes are pinned; its contents and size."""
    session.install("-q", "--require-hashes", "-r", "build-requirements.txt")
    directory = wheel_directory(session)
    shutil.rmtree(directory, ignore_errors=True)
    session.run(
        *("pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--check-build-dependencies"),
        *("-w", str(directory), "-Csetup-args=-Dwerror=true", "."),
    )
    session.run("python", "tools/check_wheel.py", *map(str, directory.glob("*.whl")))


@task()
def types(session: nox.Session) -> None:
    """Annotations: mypy on the package, its stubs against the namespace, programs of users."""
    install(session, "dev", "test")
    session.run("python", "-m", "mypy")
    session.run(
        *("python", "-m", "mypy.stubtest", "pytensor._core", "pytensor._ops"),
        *("--ignore-unused-allowlist", "--allowlist", "tools/stubtest_allowlist.txt"),
        *("--mypy-config-file", "pyproject.toml"),
    )
    pytest(session, "tests/test_typing.py")


@task(ci=False)
def tests(session: nox.Session) -> None:
    """The tests, or those that the arguments name: `nox -s tests -- tests/test_fuse.py -x`."""
    install(session, "test")
    pytest(session, *session.posargs)


@task()
def acceptance(session: nox.Session) -> None:
    """Programs that a reader of the chapter would write, if they are beside the checkout."""
    install(session, "test")
    for program in sorted(ACCEPTANCE.glob("*.py")):
        heading(f"acceptance: {program.name}")
        # Seeded, for the same run each time: they choose no seed, and of the networks that five
        # epochs give (test accuracy 0.979, standard deviation 0.002) one in forty is below 0.975.
        code = """
import runpy, sys
from pytensor import random
random.seed(0)
runpy.run_path(sys.argv[1], run_name="__main__")
"""
        session.run("python", "-c", code, str(program))


@task()
def instruction_sets(session: nox.Session) -> None:
    """The tests on every instruction set that this machine has but does not choose by itself."""
    install(session, "test")
    code = "import pytensor as pt; print(pt.build_config()['instruction set'])"
    chosen = session.run("python", "-c", code, silent=True).strip()
    for name in INSTRUCTION_SETS:
        if name == chosen:
            heading(f"{name} is what this machine chooses: tested by the README's command")
            continue
        error = session.run(
            *("python", "-c", "import pytensor"),
            env={"PYTENSOR_ISA": name},
            silent=True,
            success_codes=[0, 1],
        )
        if error:
            heading(f"no {name} here: {error.strip().splitlines()[-1]}")
        else:
            heading(f"tests with PYTENSOR_ISA={name}")
            pytest(session, "-m", "not once and not oracle", PYTENSOR_ISA=name)


@task()
def digests(session: nox.Session) -> None:
    """Digests of results: AVX2 and AVX-512; 1, 2 and 4 threads; 1 and 2 ranks."""
    install(session, "mpi")
    for isa in INSTRUCTION_SETS[1:]:
        error = session.run(
            *("python", "-c", "import pytensor"),
            env={"PYTENSOR_ISA": isa},
            silent=True,
            success_codes=[0, 1],
        )
        if error:
            heading(f"no {isa} here: {error.strip().splitlines()[-1]}")
            continue
        for threads in ("1", "2", "4"):
            heading(f"digests with PYTENSOR_ISA={isa}, {threads} threads")
            environment = {"PYTENSOR_ISA": isa, "PYTENSOR_NUM_THREADS": threads}
            session.run("python", "tools/digests.py", "--all", env=environment)
        heading(f"digests with PYTENSOR_ISA={isa}, 2 ranks")
        session.run(
            *("mpiexec", "-n", "2", "python", "-m", "mpi4py"),
            *("tools/digests.py", "--group", "ranks"),
            env={"PYTENSOR_ISA": isa},
        )


@task(requires=())
def aarch64(session: nox.Session) -> None:
    """A build for aarch64, its digests and some tests, under qemu; skips without the tools."""
    for tool in ("aarch64-linux-gnu-gcc", "qemu-aarch64-static"):
        if shutil.which(tool) is None:
            session.skip(f"{tool} is missing (Debian: gcc-aarch64-linux-gnu, qemu-user-static)")
    session.install("-q", "--require-hashes", "-r", "build-requirements.txt")
    environment = {
        "AARCH64": str(session.cache_dir / "aarch64"),
        "PYTHON": str(Path(session.bin) / "python"),
    }
    for arguments in (["digests"], ["tests", "tests/test_op_table.py", "-k", "float32"]):
        session.run("tools/aarch64.sh", *arguments, external=True, env=environment)


@task()
def system_allocator(session: nox.Session) -> None:
    """The tests without the cache of memory blocks."""
    install(session, "test")
    pytest(session, "-m", "not once and not oracle", PYTENSOR_ALLOCATOR="system")


@task()
def fuzz(session: nox.Session) -> None:
    """The fuzzers' corpus, then a minute of new inputs.

    They are seeded: a commit does not fail because of what the next run finds in old code.
    """
    install(session, "test", "fuzz")
    pytest(session, "tests/test_fuzz.py")
    session.run("python", "tools/fuzz.py", "--seconds", "60", "--seed", "1")


@task()
def benchmarks(session: nox.Session) -> None:
    """A short run of the benchmarks without other libraries than NumPy."""
    install(session, "bench")
    pytest(session, "benchmarks", "--quick", "-k", "add or sum or forward")


@task()
def libraries(session: nox.Session) -> None:
    """A short run of the benchmarks with other libraries; tests against them; tests of pictures."""
    session.install("-q", TORCH)
    install(session, "test", "bench", "peers", "oracles", "plot", "image")
    pytest(session, "benchmarks", "--quick")
    pytest(session, "-m", "oracle", KERAS_BACKEND="torch")
    names = ("plot", "docs", "reference", "predict")
    pytest(session, *(f"tests/test_{name}.py" for name in names))
    pytest(session, "tests/test_train.py", "-k", "plot")
    pytest(session, "tests/test_file_faults.py", "-k", "ONNX or picture")


@task()
def distributed(session: nox.Session) -> None:
    """Data-parallel training: its tests; MNIST on two ranks and on one gives the same weights."""
    install(session, "test", "mpi")
    pytest(session, "tests/test_distributed.py")
    directory = Path(session.create_tmp())
    files = [str(directory / f"{ranks}.safetensors") for ranks in (2, 1)]
    for ranks, file in zip((2, 1), files, strict=True):
        session.run(
            *("python", "tools/check_accuracy.py", "mpiexec", "-n", str(ranks)),
            *("python", "-m", "mpi4py", "-m", "pytensor.train", "--distributed", "mpi"),
            *("--deterministic", "--save", file),
        )
    code = """
import sys
from safetensors.numpy import load_file
one, two = map(load_file, sys.argv[1:])
assert one.keys() == two.keys() and len(one) >= 8, list(one)
for name, array in one.items():
    assert array.tobytes() == two[name].tobytes(), f"{name}: other bits on two ranks"
"""
    session.run("python", "-c", code, *files)


@task()
def docs(session: nox.Session) -> None:
    """The chapter's listings, excerpts, pictures and notebooks; the site without warnings."""
    install(session, "docs", "test")
    directory = Path(session.create_tmp())
    session.run("python", "tools/run_docs.py")
    pytest(session, "tests/test_html.py", "tests/test_browser.py")
    session.run("python", "tools/notebooks.py", "--execute", str(directory / "notebooks"))
    site = str(directory / "site")
    session.run("python", "-m", "sphinx", "-q", "-W", "--keep-going", "docs", site)


@task(requires=())
def c_tests(session: nox.Session) -> None:
    """The tests of the services in C: plain, then with sanitizers."""
    session.install("-q", "--require-hashes", "-r", "build-requirements.txt")
    for sanitizer in ("none", "thread", "address,undefined"):
        heading(f"c_tests: sanitizer: {sanitizer}")
        directory = str(Path(session.create_tmp()) / sanitizer)
        shutil.rmtree(directory, ignore_errors=True)
        session.run(
            *("meson", "setup", directory, f"-Db_sanitize={sanitizer}", "-Db_lundef=false"),
            "-Dbuildtype=debugoptimized",
            silent=True,
        )
        session.run("meson", "test", "-C", directory, "--print-errorlogs", "-q")


@task(requires=())
def systems(session: nox.Session) -> None:
    """The kernels without OpenBLAS here, and on WebAssembly and musl: their tests in C."""
    session.install("-q", "meson>=1.4", "ninja", "ziglang>=0.13")
    directory = str(Path(session.create_tmp()) / "systems")
    musl = ["musl"] if shutil.which("musl-gcc") else []
    session.run("python", "tools/systems.py", "native", "wasm", *musl, "--directory", directory)
