"""Run the listings of documentation pages, and hold the pages to what comes out.

    python tools/run_docs.py            # check: every difference is an error
    python tools/run_docs.py --write    # bring outputs, excerpts and pictures up to date

A page is Markdown. In it

- a fence ```python is run; all those of a page share their names. Its output, what it prints and
  the value of its last line as a Python session shows it, is in a fence ```text right after it;
  `...` in it stands for any text, and numbers with a point may differ by a hundredth;
- where the value of the last line is a figure, the next line is its picture: ![text](images/x.png);
- <!-- varies --> in front of an output or a picture: it depends on the data at hand, on rounding
  or on the machine, and is not compared; empty the output to have it written anew;
- <!-- about --> in front of an output: numbers with a point may differ by 0.03, and seconds by
  anything; without MNIST it is not compared;
- <!-- excerpt: PATH "first line" ... "last line" --> in front of a fence: its lines stand in that
  file of the repository. Several texts on a side of the dots are looked for one after the other,
  and the last one found counts; without "last line" it is one line. A closing bracket as last line
  is one indented as the first. Docstrings are left out.

Without arguments the pages are those of docs/chapter, and docs/training.md.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import doctest
import functools
import io
import os
import re
import shlex
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from pytensor import datasets, plot

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*sorted((ROOT / "docs/chapter").glob("*.md")), ROOT / "docs/training.md"]
FENCE = re.compile(r"```(\w*)$")
PICTURE = re.compile(r"!\[.*\]\((.+\.png)\)$")
MARK = re.compile(r"<!-- (varies|about|excerpt: .+) -->$")
FLOAT = re.compile(r"-?\d+\.\d*(?:e[+-]?\d+)?")
SECONDS = re.compile(r"\d+\.\d+ s\b")
DPI = 100
LARGEST = 100_000  # bytes of a picture: they are part of the repository


class Stale(Exception):
    """The page is not what its listings give."""


@dataclass
class Part:
    """A piece of a page: a fence, a picture, a blank line, or a line of prose."""

    kind: str  # "python", "text" and so on: a fence's language; "picture", "blank", "prose"
    line: int  # the number of its first line
    lines: list = field(default_factory=list)  # of a fence: what is inside
    mark: str = ""


def main(argv=None):
    """Run the pages; the exit code is 1 if one is stale."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", type=Path, default=PAGES, metavar="PAGE.md")
    parser.add_argument("--write", action="store_true", help="bring the pages up to date")
    options = parser.parse_args(argv)
    failures = 0
    for path in options.pages:
        start = time.perf_counter()
        page = Page(path.resolve(), options.write)
        page.run()
        print(
            f"{path.name}: {page.count} listings in {time.perf_counter() - start:.1f} s, "
            f"{len(page.failures)} stale",
            flush=True,
        )
        for failure in page.failures:
            print(failure, file=sys.stderr)
        failures += len(page.failures)
    if failures:
        print("To bring the pages up to date: python tools/run_docs.py --write", file=sys.stderr)
    return 1 if failures else 0


class Page:
    """One page: its parts, and the names that its listings have defined."""

    def __init__(self, path, write=False):
        """Read the page."""
        self.path, self.write = path, write
        self.parts = parse(path.read_text())
        self.names = {"__name__": "__main__"}
        self.failures = []
        self.count = 0

    def run(self, listings=True):
        """Check excerpts, and run listings; write the page if it changed and that is wanted."""
        with tempfile.TemporaryDirectory() as directory, contextlib.chdir(directory):
            position = 0
            while position < len(self.parts):
                part = self.parts[position]
                position += 1
                try:
                    if part.mark.startswith("excerpt:"):
                        self.excerpt(part)
                    elif part.kind == "python" and listings:
                        position = self.listing(part, position)
                except Stale as error:
                    self.failures.append(f"{self.path.relative_to(ROOT)}:{part.line}: {error}")
        text = render(self.parts)
        if self.write and text != self.path.read_text():
            self.path.write_text(text)

    def listing(self, part, position):
        """Run one listing and check what follows it. Returns the position after that."""
        self.count += 1
        printed, figure = self.execute(part)
        if self.parts[position].kind == "blank" and printed:
            position += 1
        shown = self.parts[position]
        if shown.kind != "text" and printed:
            if not self.write:
                raise Stale(f"its output is not shown:\n{printed}")
            shown = Part("text", part.line)
            self.parts[position - 1 : position] = [
                Part("blank", 0, [""]),
                shown,
                Part("blank", 0, [""]),
            ]
        if shown.kind == "text":
            position += 1
            expected = "\n".join(shown.lines) + "\n"
            if not self.as_good(shown, expected, printed):
                if not self.write:
                    raise Stale(
                        f"the page shows\n{indented(shown.lines)}\nbut the output is\n"
                        f"{indented(printed.splitlines())}"
                    )
                shown.lines = printed.splitlines()
        if figure is not None:
            while self.parts[position].kind == "blank":
                position += 1
            picture = self.parts[position]
            if picture.kind != "picture":
                raise Stale(
                    "its last value is a figure: expected a line ![...](images/....png) after it"
                )
            self.picture(picture, figure)
            position += 1
        return position

    def as_good(self, shown, expected, printed):
        """Whether what is shown does for what was printed."""
        if shown.lines and (shown.mark == "varies" or (shown.mark and not has_mnist())):
            return True
        if shown.mark == "about":
            return same_output(SECONDS.sub("_ s", expected), SECONDS.sub("_ s", printed), atol=0.03)
        return same_output(expected, printed)

    def execute(self, part):
        """Run a listing. Returns what it prints, and the figure that is its last value or None."""
        source = "\n" * part.line + "\n".join(part.lines)  # so that a traceback shows the line
        output = io.StringIO()
        try:
            tree = ast.parse(source, str(self.path))
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            with contextlib.redirect_stdout(output):
                exec(compile(tree, str(self.path), "exec"), self.names)
                value = None
                if last is not None:
                    value = eval(
                        compile(ast.Expression(last.value), str(self.path), "eval"), self.names
                    )
        except Exception:
            raise Stale(f"an exception:\n{traceback.format_exc(limit=-1)}") from None
        if hasattr(value, "savefig"):
            return output.getvalue(), value
        if value is not None:
            output.write(repr(value) + "\n")
        return output.getvalue(), None

    def picture(self, part, figure):
        """Compare a figure with the picture that the page shows, or write it."""
        path = self.path.parent / PICTURE.match(part.lines[0])[1]
        drawn = Path("picture.png")
        plot.save(figure, drawn, dpi=DPI)
        # 128 colours are enough, and a third of the bytes.
        Image.open(drawn).convert("RGB").quantize(128).save(drawn, optimize=True)
        if drawn.stat().st_size > LARGEST:
            raise Stale(
                f"{path.name}: {drawn.stat().st_size:,} bytes: expected at most {LARGEST:,}"
            )
        if path.exists() and same_picture(path, drawn, compare=self.write or not part.mark):
            return
        if not self.write:
            raise Stale(f"{path.name} is not what the listing draws")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(drawn.read_bytes())

    def excerpt(self, part):
        """Compare an excerpt with the file it comes from, or write it."""
        lines = excerpt(part.mark.removeprefix("excerpt:"))
        if lines != part.lines:
            if not self.write:
                raise Stale(
                    f"the excerpt is\n{indented(part.lines)}\nbut in the file it is\n"
                    f"{indented(lines)}"
                )
            part.lines = lines


def parse(text):
    """The parts of a page."""
    parts, fence, mark = [], None, ""
    for number, line in enumerate(text.splitlines(), start=1):
        if fence is not None:
            if line == "```":
                fence = None
            else:
                fence.lines.append(line)
            continue
        if match := FENCE.match(line):
            fence = Part(match[1] or "plain", number, mark=mark)
            parts.append(fence)
        elif PICTURE.match(line):
            parts.append(Part("picture", number, [line], mark))
        elif match := MARK.match(line):
            mark = match[1]
            continue  # it is a part of what follows
        else:
            parts.append(Part("prose" if line.strip() else "blank", number, [line]))
        mark = ""
    return [*parts, Part("end", 0)]


def render(parts):
    """The text of the parts: parse, undone."""
    lines = []
    for part in parts[:-1]:
        if part.mark:
            lines.append(f"<!-- {part.mark} -->")
        if part.kind in ("picture", "prose", "blank"):
            lines += part.lines
        else:
            lines += ["```" + part.kind.replace("plain", ""), *part.lines, "```"]
    return "\n".join(lines) + "\n"


def excerpt(mark):
    """The lines that a mark names: PATH "first" ... "last"."""
    path, *texts = shlex.split(mark)
    source = (ROOT / path).read_text().splitlines()
    dots = texts.index("...") if "..." in texts else len(texts)
    start = -1
    for text in texts[:dots]:
        start = find(source, text, start + 1, path)
    indentation = re.match(" *", source[start])[0]
    end = start
    for text in texts[dots + 1 :]:
        closing = text in ("}", ")", "]")
        end = find(source, indentation + text if closing else text, end, path, closing)
    lines = without_docstring(source[start : end + 1])
    margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return [line[margin:] for line in lines]


def find(source, text, start, path, whole=False):
    """The first line from start on with the text in it, or that is the text."""
    for number in range(start, len(source)):
        if source[number] == text if whole else text in source[number]:
            return number
    raise Stale(f"excerpt: {path} has no line {text!r} any more")


def without_docstring(lines):
    """The lines of a Python function without those of its docstring."""
    quotes = [i for i, line in enumerate(lines) if '"""' in line]
    if not quotes:
        return lines
    first = quotes[0]
    last = first if lines[first].count('"""') == 2 else quotes[1]
    return lines[:first] + lines[last + 1 :]


@functools.cache
def has_mnist():
    """Whether MNIST can be had; where it cannot, the pages run on drawn digits."""
    try:
        datasets.mnist.load_data()
    except datasets.DownloadError:
        return False
    return True


def same_output(expected, found, rtol=0.01, atol=1e-6):
    """Whether an output is the expected one, `...` being any text and numbers nearly equal."""
    # how many spaces there are in a line is the numbers' affair
    expected, found = (
        "\n".join(" ".join(line.split()) for line in text.strip().splitlines())
        for text in (expected, found)
    )
    if doctest.OutputChecker().check_output(expected, found, doctest.ELLIPSIS):
        return True
    numbers = [[float(text) for text in FLOAT.findall(output)] for output in (expected, found)]
    return FLOAT.sub("#", expected).replace("[ ", "[") == FLOAT.sub("#", found).replace(
        "[ ", "["
    ) and np.allclose(*numbers, rtol, atol)


def same_picture(path, other, compare):
    """Whether two pictures are as good as equal: fonts and rounding may differ, not more."""
    one, two = Image.open(path).convert("RGB"), Image.open(other).convert("RGB")
    if any(abs(a - b) > 0.05 * a for a, b in zip(one.size, two.size, strict=True)):
        return False
    one, two = (
        np.asarray(image.resize((80, 60), Image.Resampling.BOX), float) for image in (one, two)
    )
    return not compare or np.abs(one - two).mean() < 2.5


def indented(lines):
    """Lines as a block in a message."""
    return "\n".join(f"    {line}" for line in lines)


if __name__ == "__main__":
    # What a listing prints is for a page, not for a terminal.
    os.environ["COLUMNS"] = "88"
    sys.exit(main())
