"""How Sphinx makes the site of these pages and of the package's docstrings.

    pip install ".[docs]"
    python -m sphinx -W --keep-going docs site

The pages of the reference, one for each public module, are written into docs/api by this file.
"""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytensor

project = "pytensor"
release = pytensor.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"pytensor {release}"
html_copy_source = False
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
myst_heading_anchors = 3
autoclass_content = "both"  # the class's docstring, then the constructor's
autodoc_member_order = "bysource"
autodoc_typehints = "none"
python_maximum_signature_line_length = 88

# ----------------------------------------------------------------------- pages of the reference


def public_modules():
    """The names of the modules without an underscore, "pytensor" itself first."""
    yield "pytensor"
    for found in pkgutil.walk_packages(pytensor.__path__, "pytensor."):
        if not re.search(r"\._|\.lib|pytensor\.op_table", found.name):
            yield found.name


def write_reference(folder):
    """Write a page for each public module, and the list of them."""
    folder.mkdir(exist_ok=True)
    rows, names = [], []
    for name in public_modules():
        try:
            module = importlib.import_module(name)
        except ImportError as error:  # a module of an extra that is not installed here
            print(f"reference: {name} left out: {error}")
            continue
        options = [":members:", ":undoc-members:"]
        if hasattr(module, "__path__"):  # a package: its functions come from modules of its own
            options.append(":imported-members:")
        else:
            core = [name for name in getattr(module, "__all__", ())
                    if getattr(getattr(module, name), "__module__", "").startswith("pytensor._")]
            options += [f":exclude-members: {', '.join(core)}"] if core else []
        text = "\n".join([f"# {name}", "", "```{eval-rst}", f".. automodule:: {name}",
                          *(f"   {option}" for option in options), "```", ""])
        page = folder / f"{name}.md"
        if not page.exists() or page.read_text() != text:  # Sphinx reads again what is newer
            page.write_text(text)
        first = " ".join((module.__doc__ or "").split("\n\n")[0].split()).split(". ")[0]
        rows.append(f"| [{name}]({name}.md) | {first.removeprefix(f'{name}: ').rstrip('.')} |")
        names.append(name)
    for page in folder.glob("*.md"):
        if page.stem not in names and page.stem != "index":
            page.unlink()
    (folder / "index.md").write_text("\n".join([
        "# Reference", "", "| module | |", "|---|---|", *rows, "", "```{toctree}", ":hidden:", "",
        *names, "```", ""]))


# ----------------------------------------------------- docstrings, which are plain text, as RST

SECTION = re.compile(r"(Args|Arguments|Attributes|Columns|Raises|Returns|Yields):?$")
ITEM = re.compile(r"([\w*][\w*, ./]*?): +(\S.*)")
NAMES = re.compile(r"\w+((, | and )\w+)*: ")  # of arguments, in a paragraph that is no section
FORMULA = re.compile(r"[\w\[\]]+(\(.*\))? [-+*/]?= |^\S.* {3,}\S")


def as_rst(lines):
    """A docstring in RST: its sections as lists, its formulas and indented code as they stand."""
    # Inherited ones may have underlined headings, which would be sections of the page.
    lines = [line for line in lines if not re.fullmatch(r"\s*([^\w\s])\1{2,}\s*", line)]
    result, position = [], 0
    while position < len(lines):
        block = []
        while position < len(lines) and lines[position].strip():
            block.append(lines[position])
            position += 1
        if block and SECTION.match(block[0]):
            while position < len(lines) and (not lines[position] or lines[position][0] == " "):
                block.append(lines[position])
                position += 1
            result += [f"**{block[0].rstrip(':')}**", "", *items(block[1:]), ""]
        elif block:
            after_code = next((line for line in reversed(result) if line), "").startswith("    ")
            new = paragraph(block)
            # code goes on after a blank line
            result += [*(new[2:] if after_code and new[0] == "::" else new), ""]
        position += 1 if not block else 0
    return result


def paragraph(block):
    """Lines between two blank ones: code, formulas, or text."""
    session = block[0].startswith(">>>")
    indented = all(line.startswith("    ") for line in block)
    if session or indented or any(map(FORMULA.search, block)):
        return ["::", "", *("    " + line for line in block)]
    text = []
    for line in block:
        if not text or NAMES.match(line):
            text.append(escaped(line.strip()))
        else:
            text[-1] += " " + escaped(line.strip())
    return [f"| {line}" for line in text] if len(text) > 1 else text


def items(block):
    """The body of a section: "name: text" with deeper lines that go on, or text."""
    margin = min((len(line) - len(line.lstrip()) for line in block if line.strip()), default=0)
    result = []
    for line in block:
        line = line[margin:]
        match = ITEM.match(line) if line[:1] != " " else None
        if match:
            result.append(f"* ``{match[1].strip()}``: {escaped(match[2])}")
        elif line.strip() and result:
            result[-1] += " " + escaped(line.strip())
        elif line.strip():
            result.append(escaped(line.strip()))
    return result


def escaped(text):
    """Text in which RST finds no markup, but `code` set as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a lone backquote
        parts = [text.replace("`", "'")]
    return "".join(f"``{part}``" if i % 2 and part.strip() else re.sub(r"([\\*|_])", r"\\\1", part)
                   for i, part in enumerate(parts))


EXCERPT = re.compile(r"<!-- excerpt: (\S+) .*-->\n```(\w+)")


def process_page(app, name, source):
    """Put the name of its file above each excerpt (see tools/run_docs.py)."""
    source[0] = EXCERPT.sub(r"```{code-block} \2\n:caption: \1\n:class: excerpt\n", source[0])


def process_docstring(app, what, name, thing, options, lines):
    """Let Sphinx read the docstring as RST."""
    lines[:] = as_rst(lines)


def skip_member(app, what, name, thing, skip, options):
    """Leave out what is no function or class (dtypes, constants, modules), or another package's."""
    is_code = inspect.isroutine(thing) or inspect.isclass(thing)
    foreign = not (getattr(thing, "__module__", None) or "pytensor").startswith("pytensor")
    return True if (what == "module" and not is_code) or (is_code and foreign) else None


def setup(app):
    """Called by Sphinx."""
    write_reference(Path(app.srcdir) / "api")
    app.connect("source-read", process_page)
    app.connect("autodoc-process-docstring", process_docstring)
    app.connect("autodoc-skip-member", skip_member)
