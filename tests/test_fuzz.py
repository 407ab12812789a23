"""The fuzzers' corpus, replayed file by file without the engine; the engine on planted faults.

Files named valid-... must be accepted, files named claims-... or refused-... rejected. The others,
found by tools/fuzz.py, may be either; fuzz_targets.py says what else counts as a fault.
"""

import importlib.util
import os
import runpy
import subprocess
import sys
import textwrap

import pytest
from conftest import TESTS, output_of

pytest.importorskip("safetensors", reason="needs safetensors")
from fuzz_targets import TARGETS, Target, limited_memory

CORPUS = TESTS / "corpus"
FUZZ = TESTS.parent / "tools" / "fuzz.py"


def files_of(name, beginning=""):
    if name == "image":
        for library in ("PIL", "scipy"):
            pytest.importorskip(library, reason="needs pytensor-kernels[fuzz]")
    return sorted((CORPUS / name).glob(f"{beginning}*"))


def test_the_corpus_has_one_small_directory_per_target():
    files = list(CORPUS.rglob("*"))
    assert {path.name for path in CORPUS.iterdir()} == TARGETS.keys()
    assert sum(path.stat().st_size for path in files if path.is_file()) < 300_000


@pytest.mark.parametrize("name", TARGETS)
def test_targets_accept_valid_files_and_reject_bad_ones(name):
    files = files_of(name)
    accepted = {}
    with limited_memory():
        for path in files:
            try:
                accepted[path.name] = TARGETS[name].accepts(path.read_bytes())
            except BaseException as error:
                error.add_note(f"{path}: {path.read_bytes()!r}")
                raise
    wrong = [
        name
        for name, is_accepted in accepted.items()
        if (name.startswith("valid-") and not is_accepted)
        or (name.startswith(("claims-", "refused-")) and is_accepted)
    ]
    assert not wrong
    assert any(name.startswith("valid-") for name in accepted)


@pytest.mark.once
def test_files_that_claim_to_be_huge_cost_neither_memory_nor_time():
    """In a separate process, whose peak memory is known."""
    growth, seconds = output_of(
        """
        import resource, sys, time
        from pathlib import Path
        from fuzz_targets import TARGETS

        def run(beginning):
            for path in Path("corpus").glob(f"*/{beginning}-*"):
                if path.parent.name != "image" or "PIL" in sys.modules:
                    TARGETS[path.parent.name].accepts(path.read_bytes())

        try:
            import PIL.Image
        except ImportError:
            pass
        run("valid")
        before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
        run("claims")
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before,
              time.perf_counter() - start)
        """,
        cwd=TESTS,
    ).split()
    assert int(growth) < 16_384  # KiB
    assert float(seconds) < 5
    assert len(list(CORPUS.glob("*/claims-*"))) >= 10


def test_errors_that_are_not_allowed_are_faults():
    refused = Target(lambda data: [].index(data), (ValueError,), ())
    assert not refused.accepts(b"")
    assert Target(len, (ValueError,), ()).accepts(b"")
    with pytest.raises(IndexError):
        Target(lambda data: data[0], (ValueError,), ()).accepts(b"")


# ------------------------------------------------------------------------------- the engine


def fuzz(directory, *arguments, code="own = len"):
    """Run the fuzzer on a target that is defined by this code."""
    (directory / "own_targets.py").write_text(
        textwrap.dedent(code)
        + textwrap.dedent("""
        from fuzz_targets import Target
        TARGETS = {"own": Target(own, (ValueError,), ())}
        """)
    )
    return subprocess.run(
        [
            sys.executable,
            str(FUZZ),
            "--module",
            "own_targets",
            "--corpus",
            str(directory / "corpus"),
            "--failures",
            str(directory / "failures"),
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(directory)},
    )


needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="needs pytensor-kernels[fuzz]"
)


@pytest.mark.once
@needs_atheris
def test_a_fault_is_found_by_coverage_and_reported(tmp_path):
    """Four bytes in a row: random inputs would need thousands of millions of tries."""
    process = fuzz(
        tmp_path,
        "--seconds",
        "60",
        code="""
        def own(data):
            if data[:1] == b"f":
                if data[1:2] == b"u":
                    if data[2:3] == b"z":
                        if data[3:4] == b"z":
                            {}["key"]
        """,
    )
    assert process.returncode == 1, process.stdout + process.stderr
    assert "KeyError: 'key'" in process.stdout
    (found,) = (tmp_path / "failures").iterdir()
    assert found.read_bytes().startswith(b"fuzz")
    assert f"{found}: {len(found.read_bytes())} bytes: {found.read_bytes()!r}" in process.stdout


@pytest.mark.once
@needs_atheris
def test_a_crash_is_reported(tmp_path):
    process = fuzz(
        tmp_path,
        "--seconds",
        "2",
        code="""
        import ctypes
        def own(data):
            ctypes.string_at(0)
        """,
    )
    assert process.returncode == 1
    assert "fuzz: own: exit code" in process.stdout


@pytest.mark.once
@needs_atheris
def test_keep_adds_inputs_that_reach_more_code_and_leaves_named_files(tmp_path):
    corpus = tmp_path / "corpus" / "own"
    corpus.mkdir(parents=True)
    (corpus / "named").write_bytes(b"nothing new")
    useless = corpus / ("0" * 40)
    useless.write_bytes(b"nothing new either")
    process = fuzz(
        tmp_path,
        "--seconds",
        "3",
        "--keep",
        code="""
        def own(data):
            if data[:1] == b"a":
                data.count(b"b")
        """,
    )
    assert process.returncode == 0, process.stdout
    assert (corpus / "named").exists() and not useless.exists()
    assert any(path.read_bytes().startswith(b"a") for path in corpus.iterdir())
    assert not any((tmp_path / "failures").iterdir())


@pytest.mark.once
def test_without_atheris_one_line_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "atheris", None)
    monkeypatch.setattr(sys, "argv", [str(FUZZ)])
    with pytest.raises(SystemExit) as exit:
        runpy.run_path(str(FUZZ), run_name="__main__")
    assert exit.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("fuzz: needs Atheris: pip install '.[fuzz]'") and said.count("\n") == 1


@pytest.mark.once
@needs_atheris
def test_an_unknown_target_is_a_usage_error(tmp_path):
    process = fuzz(tmp_path, "idx")
    assert process.returncode == 2
    assert "idx: expected some of" in process.stderr
