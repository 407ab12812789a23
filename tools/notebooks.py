"""Make Jupyter notebooks of the chapter's pages.

    python tools/notebooks.py DIRECTORY             # without outputs, as the site offers them
    python tools/notebooks.py --execute DIRECTORY   # run them first; an error in a cell ends it

The pages are those of docs/chapter, with the syntax that tools/run_docs.py describes. Listings
become cells of code, all else cells of text; what is folded on a page (<details>) stays one cell of
text, its listings included. Outputs and pictures are left out: running a notebook makes them again.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import nbformat
import run_docs

CHAPTER = run_docs.ROOT / "docs/chapter"
LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s]+)\.md(#[^)]*)?\)")


def pages():
    """The pages that have listings."""
    return [path for path in sorted(CHAPTER.glob("*.md")) if "```python" in path.read_text()]


def notebook(path, install=None):
    """The notebook of a page; install: arguments of pip for a first, commented cell."""
    cells, text = [], []

    def flush():
        source = "\n".join(text).strip()
        if source:
            cells.append(nbformat.v4.new_markdown_cell(LINK.sub(linked, source)))
        text.clear()

    folded = False
    for part in run_docs.parse(path.read_text())[:-1]:
        if part.kind == "prose" and part.lines[0].startswith("<details"):
            flush()
            folded = True
        if part.kind == "python" and not part.mark and not folded:
            flush()
            cells.append(nbformat.v4.new_code_cell("\n".join(part.lines)))
        elif part.kind == "picture" or (part.kind == "text" and not folded):
            continue
        elif part.kind in ("prose", "blank"):
            if not part.lines[0].startswith(('<div class="demo', "</div")):
                text.extend(part.lines)
        else:
            text.extend(["```" + part.kind.replace("plain", ""), *part.lines, "```"])
        if part.kind == "prose" and part.lines[0].startswith("</details"):
            flush()
            folded = False
    flush()
    if install:
        cells.insert(
            1,
            nbformat.v4.new_code_cell(
                "# Where pytensor is not installed yet (building it takes a few minutes):\n"
                f'# %pip install -q "{install}"'
            ),
        )
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # the same bytes each time
    return nbformat.v4.new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        },
    )


def linked(match):
    """A link to a page: to its notebook if there is one, else its text alone."""
    text, page, _ = match.groups()
    known = (CHAPTER / f"{page}.md") in pages()
    return f"[{text}]({page}.ipynb)" if known else text


def write(folder, install=None):
    """Write all notebooks, without outputs, into a directory."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in pages():
        nbformat.write(notebook(path, install), folder / f"{path.stem}.ipynb")


def main(argv=None):
    """Write the notebooks; with --execute, run them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--execute", action="store_true", help="run them, and keep the outputs")
    options = parser.parse_args(argv)
    write(options.directory)
    if options.execute:
        import nbclient

        for path in sorted(options.directory.glob("*.ipynb")):
            made = nbformat.read(path, as_version=4)
            nbclient.NotebookClient(made, timeout=600, kernel_name="python3").execute()
            outputs = [output for cell in made.cells for output in cell.get("outputs", ())]
            pictures = sum("image/png" in output.get("data", ()) for output in outputs)
            print(f"{path.name}: {len(made.cells)} cells, {pictures} pictures", flush=True)
            nbformat.write(made, path)


if __name__ == "__main__":
    sys.exit(main())
