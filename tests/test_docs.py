"""The pages: the excerpts and the paths in them, without running listings."""

import importlib
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs/chapter").glob("*.md"))
# Pages give paths from here.
PLACES = [ROOT, ROOT / "src" / "pytensor", ROOT / "src" / "kernels"]
# A word without a slash is a path if it looks like this.
SOURCE = re.compile(r".*\.(build|c|h|in|md|pxd|pxi|pyi?|pyx|sh|supp|toml|txt|ya?ml)")
# Created by readers, or by commands on the pages; and a weight's path in a model file.
NOT_OURS = {
    "benchmarks/results/MACHINE.json",
    "dense/kernel",
    "run.toml",
    "script.py",
    "site/index.html",
    "build/",
}


@pytest.fixture
def run_docs(monkeypatch):
    """The tool as a module."""
    pytest.importorskip("matplotlib", reason="needs pytensor-kernels[plot]")
    monkeypatch.syspath_prepend(ROOT / "tools")
    return importlib.import_module("run_docs")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_excerpts_are_lines_of_the_code(run_docs, path):
    page = run_docs.Page(path)
    page.run(listings=False)
    assert not page.failures, "python tools/run_docs.py --write brings them up to date"
    assert run_docs.render(page.parts) == path.read_text()


def test_every_picture_is_shown():
    shown = "".join(path.read_text() for path in PAGES)
    pictures = sorted((ROOT / "docs/chapter/images").glob("*.png"))
    assert pictures
    assert [picture.name for picture in pictures if f"(images/{picture.name})" not in shown] == []


def named_paths(text):
    """The paths in a page: in inline code, and in listings those below one of our folders."""
    fences = "".join(re.findall(r"^```.*?^```", text, flags=re.S | re.M))
    yield from re.findall(r"\b(?:benchmarks|docs|tests|tools)/[\w*./-]*\w", fences)
    for code in re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)):
        for word in code.split():
            if re.fullmatch(r"\.?\w[\w*./-]*", word) and ("/" in word or SOURCE.fullmatch(word)):
                yield word


def exists(path, page):
    """Whether a path leads somewhere from PLACES or the page; a bare name may be in any folder."""
    files = (file for place in [*PLACES, page.parent] for file in place.glob(path))
    if "/" not in path:
        folders = (ROOT / name for name in ("benchmarks", "docs", "src", "tests", "tools"))
        files = (*files, *(file for folder in folders for file in folder.rglob(path)))
    return any(files)


@pytest.mark.parametrize(
    "page",
    [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_paths_that_pages_name_exist(page):
    paths = set(named_paths(page.read_text(encoding="utf-8"))) - NOT_OURS
    assert sorted(path for path in paths if not exists(path, page)) == []


@pytest.mark.parametrize(
    "text, paths",
    [
        ("`src/a.py`, `loops/b.c` and `c.h`", ["src/a.py", "loops/b.c", "c.h"]),
        ("run `pytest tests/test_x.py -k a`", ["tests/test_x.py"]),
        ("```sh\npython tools/x.py < in.txt\n```\n`d/`", ["tools/x.py", "d/"]),
        ("`x / y`, `np.exp(t)`, `ij,jk->ik`, `t.T`, text/plain", []),
    ],
)
def test_named_paths(text, paths):
    assert list(named_paths(text)) == paths
    assert not any(exists(path, ROOT / "page.md") for path in paths)


LISTING = "```python\n%s\n```\n\n```text\n%s\n```\n"


@pytest.mark.parametrize(
    "code, shown, good",
    [
        ("1 + 1", "2", True),
        ("1 + 1", "3", False),
        ("print('a'); 'b'", "a\n'b'", True),
        ("2 / 3", "0.667", True),
        ("2 / 3", "0.7", False),
        ("print('took', 3, 'ms')", "took ... ms", True),
        ("print(1)\nNone", "1", True),
        ("undefined", "", False),
    ],
)
def test_a_page_is_held_to_its_output(run_docs, tmp_path, monkeypatch, code, shown, good):
    monkeypatch.setattr(run_docs, "ROOT", tmp_path)
    path = tmp_path / "page.md"
    path.write_text(LISTING % (code, shown))
    page = run_docs.Page(path)
    page.run()
    assert (page.failures == []) == good, page.failures
    if not good and code != "undefined":
        run_docs.Page(path, write=True).run()
        page = run_docs.Page(path)
        page.run()
        assert page.failures == []


def test_output_that_is_not_shown_is_found_and_written(run_docs, tmp_path, monkeypatch):
    monkeypatch.setattr(run_docs, "ROOT", tmp_path)
    path = tmp_path / "page.md"
    path.write_text("```python\nx = 3\n```\n\n```python\nprint(x)\n```\n\nText.\n")
    page = run_docs.Page(path)
    page.run()
    assert ["its output is not shown" in failure for failure in page.failures] == [True]
    run_docs.Page(path, write=True).run()
    assert path.read_text() == (
        "```python\nx = 3\n```\n\n```python\nprint(x)\n```\n\n```text\n3\n```\n\nText.\n"
    )


def test_a_picture_is_compared_and_written(run_docs, tmp_path, monkeypatch):
    monkeypatch.setattr(run_docs, "ROOT", tmp_path)
    path = tmp_path / "page.md"
    text = (
        "```python\nfrom pytensor import plot\nplot.curves({'loss': %s})\n```\n\n"
        "![A](images/a.png)\n"
    )

    def failures(values, write=False):
        path.write_text(text % values)
        page = run_docs.Page(path, write)
        page.run()
        return [failure.split(": ", 1)[1] for failure in page.failures]

    assert failures([3, 2, 1]) == ["a.png is not what the listing draws"]
    assert failures([3, 2, 1], write=True) == []
    assert failures([3, 2, 1]) == []
    assert failures([1, 8, 1]) == ["a.png is not what the listing draws"]
    assert failures([3, 2, 1]) == []


def test_excerpts(run_docs, tmp_path, monkeypatch):
    monkeypatch.setattr(run_docs, "ROOT", tmp_path)
    (tmp_path / "a.py").write_text(
        'def f(x):\n    """One.\n\n    Two.\n    """\n    if x:\n        return 1\n    return 2\n'
    )
    (tmp_path / "b.c").write_text("int f() {\n    if (1) {\n        g();\n    }\n}\nint g() {\n}\n")
    assert run_docs.excerpt('a.py "def f" ... "return 2"') == [
        "def f(x):",
        "    if x:",
        "        return 1",
        "    return 2",
    ]
    assert run_docs.excerpt('b.c "int f" ... "}"')[-1] == "}"
    assert run_docs.excerpt('b.c "int f" "if" ... "}"') == ["if (1) {", "    g();", "}"]
    assert run_docs.excerpt('b.c "int g"') == ["int g() {"]
    with pytest.raises(run_docs.Stale, match=r"b\.c has no line 'int h' any more"):
        run_docs.excerpt('b.c "int h" ... "}"')


@pytest.mark.oracle
def test_listings_of_autodiff(run_docs):
    pytest.importorskip("scipy", reason="needs pytensor-kernels[oracles]")
    pytest.importorskip("sklearn", reason="needs pytensor-kernels[oracles]")
    page = run_docs.Page(ROOT / "docs/autodiff.md")
    page.run()
    assert page.count > 6 and not page.failures
