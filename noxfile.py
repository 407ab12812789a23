"""Tasks: `nox -l` lists them, `nox -s lint` runs one, `nox` runs what a change should pass.

Every session has a virtual environment of its own, in which it installs one wheel, built once. CI
(.ci/run) runs the sessions that SESSIONS_OF_CI lists, in that order.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

ROOT = Path(__file__).parent
ACCEPTANCE = ROOT.parent / "shared" / "acceptance"
TORCH = "torch==2.13.0"  # this release has a build for the processor alone; others bring gigabytes
INSTRUCTION_SETS = ("baseline", "avx2", "avx512")

nox.options.sessions = ["tests", "lint", "types"]
nox.options.reuse_existing_virtualenvs = True

_built: list[Path] = []


def install(session: nox.Session, *extras: str) -> None:
    """Install the package with its extras, from a wheel that the first session builds."""
    if not _built:
        directory = Path(session.create_tmp()).parent / "wheel"
        shutil.rmtree(directory, ignore_errors=True)
        session.run("pip", "wheel", "-q", "--no-deps", "-w", str(directory), ".", silent=True)
        _built.extend(directory.glob("*.whl"))
    names = f"[{','.join(extras)}]" if extras else ""
    session.install("-q", f"{_built[0]}{names}")


def pytest(session: nox.Session, *arguments: str, **environment: str) -> None:
    """Run pytest with the checkout's tests on the installed package."""
    session.run("python", "-m", "pytest", "-q", *arguments, env=environment)


@nox.session
def tests(session: nox.Session) -> None:
    """The tests, or those that the arguments name: `nox -s tests -- tests/test_fuse.py -x`."""
    install(session, "test")
    pytest(session, *session.posargs)


@nox.session
def acceptance(session: nox.Session) -> None:
    """Programs that a reader of the chapter would write, where they are beside the checkout."""
    install(session, "test")
    for program in sorted(ACCEPTANCE.glob("*.py")):
        # Seeded, for the same run each time: they choose no seed, and of the networks that five
        # epochs give (test accuracy 0.979, standard deviation 0.002) one in forty is below 0.975.
        session.run(
            "python",
            "-c",
            "import runpy, sys; from pytensor import random; "
            "random.seed(0); runpy.run_path(sys.argv[1], run_name='__main__')",
            str(program),
        )


@nox.session
def instruction_sets(session: nox.Session) -> None:
    """The tests on every instruction set that this machine has but does not choose by itself."""
    install(session, "test")
    chosen = session.run(
        "python",
        "-c",
        "import pytensor as pt; print(pt.build_config()['instruction set'])",
        silent=True,
    )
    for name in INSTRUCTION_SETS:
        if name == str(chosen).strip():
            continue
        missing = session.run(
            "python",
            "-c",
            "import pytensor",
            env={"PYTENSOR_ISA": name},
            silent=True,
            success_codes=[0, 1],
        )
        if missing:
            session.log(f"no {name} here: {str(missing).strip().splitlines()[-1]}")
        else:
            pytest(session, "-m", "not once and not oracle", PYTENSOR_ISA=name)


@nox.session
def system_allocator(session: nox.Session) -> None:
    """The tests without the cache of memory blocks."""
    install(session, "test")
    pytest(session, "-m", "not once and not oracle", PYTENSOR_ALLOCATOR="system")


@nox.session
def fuzz(session: nox.Session) -> None:
    """The fuzzers' corpus, then a minute of new inputs.

    They are seeded: a commit does not fail for what the next run happens to find in old code.
    """
    install(session, "test", "fuzz")
    pytest(session, "tests/test_fuzz.py")
    session.run("python", "tools/fuzz.py", "--seconds", "60", "--seed", "1")


@nox.session
def benchmarks(session: nox.Session) -> None:
    """A short run of the benchmarks, without peers and with them."""
    install(session, "bench")
    pytest(session, "benchmarks", "--quick", "-k", "add or sum or forward")
    session.install("-q", TORCH)
    install(session, "bench", "peers")
    pytest(session, "benchmarks", "--quick")


@nox.session
def oracles(session: nox.Session) -> None:
    """Tests against other libraries, and those of pictures."""
    session.install("-q", TORCH)
    install(session, "test", "oracles", "plot", "image")
    pytest(session, "-m", "oracle", KERAS_BACKEND="torch")
    pytest(session, "tests/test_plot.py", "tests/test_docs.py", "tests/test_predict.py")
    pytest(session, "tests/test_train.py", "-k", "plot")
    pytest(session, "tests/test_file_faults.py", "-k", "ONNX or picture")


@nox.session
def distributed(session: nox.Session) -> None:
    """Data-parallel training: its tests; MNIST on two ranks and on one gives the same weights."""
    install(session, "test", "mpi")
    pytest(session, "tests/test_distributed.py")
    directory = Path(session.create_tmp())
    for ranks in (2, 1):
        session.run(
            "mpiexec",
            "-n",
            str(ranks),
            "python",
            "-m",
            "mpi4py",
            "-m",
            "pytensor.train",
            "--distributed",
            "mpi",
            "--deterministic",
            "--save",
            str(directory / f"{ranks}.safetensors"),
        )
    session.run(
        "python",
        "-c",
        """
import sys
from safetensors.numpy import load_file
one, two = map(load_file, sys.argv[1:])
assert one.keys() == two.keys() and len(one) >= 8, list(one)
for name, array in one.items():
    assert array.tobytes() == two[name].tobytes(), f"{name}: other bits on two ranks"
""",
        str(directory / "1.safetensors"),
        str(directory / "2.safetensors"),
    )


@nox.session
def lint(session: nox.Session) -> None:
    """The hooks of pre-commit on all files: formatters and linters of Python, Cython and C."""
    session.install("-q", "pre-commit>=4")
    session.run("pre-commit", "run", "--all-files", "--show-diff-on-failure")


@nox.session
def types(session: nox.Session) -> None:
    """Annotations: mypy on the package, its stubs against the namespace."""
    install(session, "dev")
    session.run("python", "-m", "mypy")
    with session.chdir(session.create_tmp()):  # not the checkout's package, which is not built
        session.run(
            "python",
            "-m",
            "mypy.stubtest",
            "pytensor._core",
            "pytensor._ops",
            "--ignore-unused-allowlist",
            "--mypy-config-file",
            str(ROOT / "pyproject.toml"),
            "--allowlist",
            str(ROOT / "tools" / "stubtest_allowlist.txt"),
        )


@nox.session
def wheel(session: nox.Session) -> None:
    """A build without warnings, with the tools whose hashes are pinned; the wheel's contents."""
    session.install("-q", "--require-hashes", "-r", "build-requirements.txt")
    directory = Path(session.create_tmp()) / "wheel"
    shutil.rmtree(directory, ignore_errors=True)
    session.run(
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--check-build-dependencies",
        "-w",
        str(directory),
        "-Csetup-args=-Dwerror=true",
        ".",
    )
    session.run("python", "tools/check_wheel.py", str(next(directory.glob("*.whl"))))


@nox.session
def docs(session: nox.Session) -> None:
    """The chapter's listings, excerpts and pictures; the site without warnings."""
    install(session, "docs")
    session.run("python", "tools/run_docs.py")
    session.run(
        "python",
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "docs",
        str(Path(session.create_tmp()) / "site"),
    )


@nox.session
def c_tests(session: nox.Session) -> None:
    """The tests of the services in C: plain, then under sanitizers."""
    session.install("-q", "--require-hashes", "-r", "build-requirements.txt")
    for sanitizer in ("none", "thread", "address,undefined"):
        directory = Path(session.create_tmp()) / sanitizer
        shutil.rmtree(directory, ignore_errors=True)
        session.run(
            "meson",
            "setup",
            str(directory),
            f"-Db_sanitize={sanitizer}",
            "-Db_lundef=false",
            "-Dbuildtype=debugoptimized",
            silent=True,
        )
        session.run("meson", "test", "-C", str(directory), "--print-errorlogs", "-q")


SESSIONS_OF_CI = (
    "lint",
    "acceptance",
    "instruction_sets",
    "system_allocator",
    "fuzz",
    "benchmarks",
    "oracles",
    "distributed",
    "types",
    "wheel",
    "docs",
    "c_tests",
)
if os.environ.get("CI"):
    nox.options.sessions = list(SESSIONS_OF_CI)
    nox.options.stop_on_first_error = True
