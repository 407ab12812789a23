"""What the commands share, and python -m pytensor."""

import subprocess
import sys

import pytest

import pytensor as pt
from pytensor import __main__, _commands, predict, train
from pytensor._support import arguments

pytestmark = pytest.mark.once


@pytest.mark.parametrize("command", [__main__, train, predict])
def test_version(command, capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"pytensor {pt.__version__}\n"


def test_what_there_is():
    process = subprocess.run(
        [sys.executable, "-m", "pytensor"], capture_output=True, text=True, check=True
    )
    assert process.stdout.startswith(f"pytensor {pt.__version__}, ")
    for command in ("pytensor.train", "pytensor.predict"):
        assert f"python -m {command}" in process.stdout
    assert all(len(line) < 80 for line in process.stdout.splitlines())


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("--epoch", ": did you mean '--epochs'?"),
        ("--lerning-rate=3", "'--learning-rate'?"),
        ("--quite", "'--quiet'?"),
        ("--no-such-thing", "--no-such-thing"),
    ],
)
def test_misspelt_options(given, hint, capsys):
    assert train.main([given]) == 2
    assert capsys.readouterr().err.endswith(hint + "\n")


def test_usage_errors_have_one_line(capsys):
    assert _commands.run("name", lambda: _commands.Parser().parse_args(["-x"])) == 2
    assert capsys.readouterr().err == "name: unrecognized arguments: -x\n"


def test_names_near_by():
    names = [
        "GlorotUniform",
        "glorot_uniform",
        "HeNormal",
        "he_normal",
        "ones",
        "zeros",
        "a",
        "b",
        "c",
    ]
    assert arguments.known("glorotuniform", names) == "did you mean 'glorot_uniform'?"
    assert arguments.known("GlorotUnifrom", names) == "did you mean 'GlorotUniform'?"
    assert arguments.known("he", names) == "did you mean 'he_normal'?"
    assert arguments.known("xyz", names) == (
        "known are a, b, c, glorot_uniform, he_normal, ones, zeros"
    )
    assert arguments.known("one", ["ones", "zeros"]) == "known are ones, zeros"


def test_misspelt_functions():
    with pytest.raises(AttributeError, match="has no attribute 'rellu'") as caught:
        pt.rellu  # noqa: B018
    assert (caught.value.name, caught.value.obj) == ("rellu", pt)  # what Python suggests from


def test_a_misspelt_option_of_a_command_with_few(capsys):
    assert __main__.main(["--versoin"]) == 2
    assert capsys.readouterr().err == (
        "pytensor: unrecognized arguments: --versoin: known are --help, --version\n"
    )
