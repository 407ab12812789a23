"""The listings of docs/autodiff.md are run, one after the other, and print what the page shows."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs/autodiff.md").read_text()

pytestmark = [pytest.mark.once, pytest.mark.oracle]


def test_listings(capsys):
    pytest.importorskip("scipy", reason="needs pytensor-kernels[oracles]")
    pytest.importorskip("sklearn", reason="needs pytensor-kernels[oracles]")
    names = {}
    found = re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", PAGE, re.DOTALL)
    assert len(found) > 6
    for source, output in found:
        exec(compile(source, "docs/autodiff.md", "exec"), names)
        assert capsys.readouterr().out == output
