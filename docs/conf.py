"""How Sphinx makes the site of these pages and of the package's docstrings.

    pip install ".[docs]"
    python -m sphinx -W --keep-going docs site

This file writes the pages of the reference, one for each public module, into docs/api, and the
chapter's notebooks into the site. For links that open these in Colab and nbviewer, put into
PYTENSOR_DOCS_GITHUB where the site is published: OWNER/REPOSITORY/BRANCH.
"""

import inspect
import os
import re
import sys
from pathlib import Path

import numpy as np
from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx import addnodes

import pytensor

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tools")]
import browser_kernels  # noqa: E402
import notebooks  # noqa: E402
import reference  # noqa: E402

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
html_js_files = ["site.js"]
html_math_renderer = "mathml"  # browsers set it themselves: no script, nothing fetched
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
autoclass_content = "both"  # the class's docstring, then the constructor's
autodoc_member_order = "bysource"
autodoc_typehints = "none"
python_maximum_signature_line_length = 88

# ----------------------------------------------------------------------- pages of the reference

MODULES = reference.modules()
ENTRIES = reference.entries(MODULES)
DOCUMENTED = {thing for thing in reference.things(MODULES).values() if inspect.isclass(thing)}
LINKS = reference.Links(MODULES)


def write_reference(folder):
    """Write a page for each public module, and the list of them."""
    folder.mkdir(exist_ok=True)
    index = [
        "# Reference",
        "",
        "Every public function and class, with one entry each. Examples "
        "assume `import numpy as np` and `import pytensor as pt`; modules such as `pt.layers` "
        "are imported when they are first used. The tests run every example.",
        "",
    ]
    for section, names in reference.SECTIONS.items():
        names = [name for name in names if name in MODULES]
        index += [f"## {section}", "", "| module | |", "|---|---|"]
        for name in names:
            index.append(f"| [{name}]({name}.md) | {about(MODULES[name]).replace('|', '')} |")
            write_if_new(folder / f"{name}.md", module_page(name, MODULES[name]))
        index += ["", "```{toctree}", ":hidden:", f":caption: {section}", "", *names, "```", ""]
    write_if_new(folder / "index.md", index)
    for page in folder.glob("*.md"):
        if page.stem not in (*MODULES, "index"):
            page.unlink()


def write_if_new(path, lines):
    """Write a page if its text changed: Sphinx reads again what is newer."""
    text = "\n".join([*lines, ""])
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def about(module):
    """The first sentence of a module, without its name."""
    return reference.first_sentence(module).removeprefix(f"{module.__name__}: ")


def module_page(module_name, module):
    """The lines of a module's page: what it is, a table of its names, and their entries."""
    names = ENTRIES[module_name]
    lines = [f"# {module_name}", "", "```{eval-rst}", f".. automodule:: {module_name}", "```", ""]
    for heading, listed in reference.groups(module, names).items():
        lines += [f"## {heading}", ""] if heading else []
        lines += ["| | |", "|---|---|"]
        for name in listed:
            summary = escaped_in_table(reference.first_sentence(getattr(module, name)))
            lines.append(f"| {{py:obj}}`{name} <{names[name]}>` | {summary} |")
        lines += ["", "```{eval-rst}"]
        for name in listed:
            if names[name] == f"{module_name}.{name}":
                lines += entry(names[name], getattr(module, name))
        lines += ["```", ""]
    constants = reference.constants(module)
    if constants:
        lines += ["## Constants and dtypes", "", "```{eval-rst}"]
        for name, value in constants.items():
            what = f"NumPy's dtype {value}" if isinstance(value, np.dtype) else repr(value)
            lines += [f".. py:data:: {module_name}.{name}", "", f"   {what}", ""]
        lines += ["```", ""]
    return lines


def entry(full, thing):
    """The directive for a function or a class."""
    if not inspect.isclass(thing):
        return [f".. autofunction:: {full}", ""]
    members = reference.members(thing, DOCUMENTED)
    shown = (
        [f"   :members: {', '.join(members)}", "   :undoc-members:", "   :inherited-members:"]
        if members
        else []
    )
    bases = any(base in DOCUMENTED for base in thing.__mro__[1:])
    return [f".. autoclass:: {full}", *shown, *["   :show-inheritance:"] * bases, ""]


def process_bases(app, name, cls, options, bases):
    """Name the nearest base class that has an entry, not those between."""
    bases[:] = [base for base in cls.__mro__[1:] if base in DOCUMENTED][:1] or bases


def escaped_in_table(text):
    """A sentence in which Markdown finds no markup."""
    return re.sub(r"([\\|*_<`\[\]])", r"\\\1", text)


def link_names(app, doctree):
    """Make links of the names in running text that the reference has entries for."""
    for literal in list(doctree.findall(nodes.literal)):
        target = LINKS.target(literal.astext())
        if target is None or isinstance(
            literal.parent, (nodes.title, nodes.reference, addnodes.pending_xref)
        ):
            continue
        link = addnodes.pending_xref(
            "",
            refdomain="py",
            reftype="obj",
            reftarget=target,
            refexplicit=True,
            refwarn=False,
            refdoc=app.env.docname,
        )
        literal.replace_self(link)
        link += literal


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
    if block[0].startswith(">>>"):
        return [".. code-block:: pycon", "", *("    " + line for line in block)]
    indented = all(line.startswith("    ") for line in block)
    if indented or any(map(FORMULA.search, block)):
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


# pt.max, pt.dot(x, y), see asarray
MENTION = re.compile(r"(?<![`\w.])(pt(?:\.\w+)+(?:\([^()]*\))?|see (\w+)(?![\w.]))")


def mention(match):
    """A name in a docstring's text as code, so that it becomes a link."""
    if match[2] is None:
        return f"`{match[1]}`"
    return f"see `pt.{match[2]}`" if f"pytensor.{match[2]}" in LINKS.full else match[0]


def escaped(text):
    """Text in which RST finds no markup, but `code` set as code."""
    text = MENTION.sub(mention, text)
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a lone backquote
        parts = [text.replace("`", "'")]
    return "".join(
        f"``{part}``" if i % 2 and part.strip() else re.sub(r"([\\*|_])", r"\\\1", part)
        for i, part in enumerate(parts)
    )


EXCERPT = re.compile(r"<!-- excerpt: (\S+) .*-->\n```(\w+)")


def process_page(app, name, source):
    """Put the name of its file above each excerpt, and links to its notebook on each page of the
    chapter (see tools/run_docs.py, tools/notebooks.py)."""
    source[0] = EXCERPT.sub(r"```{code-block} \2\n:caption: \1\n:class: excerpt\n", source[0])
    if HERE / f"{name}.md" in notebooks.pages():
        head, _, rest = source[0].partition("\n")
        source[0] = f"{head}\n\n{notebook_links(Path(name).name)}\n{rest}"


# ------------------------------------------------------------------------------------- notebooks

GITHUB = os.environ.get("PYTENSOR_DOCS_GITHUB", "")


def notebook_links(name):
    """Links to download a page's notebook and to open it elsewhere."""
    links = {"Download this page as a notebook": f"../notebooks/{name}.ipynb"}
    if GITHUB:
        owner, repository, branch = GITHUB.split("/")
        path = f"{owner}/{repository}/blob/{branch}/notebooks/{name}.ipynb"
        links["Open in Colab"] = f"https://colab.research.google.com/github/{path}"
        links["Open in nbviewer"] = f"https://nbviewer.org/github/{path}"
    return (
        '<p class="notebook-links">'
        + " ".join(
            f'<a href="{target}"{" download" * target.startswith("..")}>{text}</a>'
            for text, target in links.items()
        )
        + "</p>\n"
    )


def write_notebooks(app, error):
    """Put the notebooks into the site."""
    if error is None and app.builder.format == "html":
        install = None
        if GITHUB:
            owner, repository, _ = GITHUB.split("/")
            install = f"pytensor-kernels[plot] @ git+https://github.com/{owner}/{repository}"
        notebooks.write(Path(app.outdir) / "notebooks", install)


# -------------------------------------------------------------------------------------- formulas


def visit_math(translator, node):
    """A formula in a line of text."""
    translator.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def visit_math_block(translator, node):
    """A formula on lines of its own."""
    translator.body.append(tex2mathml(node.astext(), as_block=True))
    raise nodes.SkipNode


def process_docstring(app, what, name, thing, options, lines):
    """Let Sphinx read the docstring as RST."""
    lines[:] = as_rst(lines)


def setup(app):
    """Called by Sphinx."""
    write_reference(Path(app.srcdir) / "api")
    try:
        browser_kernels.write(Path(app.srcdir) / "_static")
    except ImportError as error:
        print(f"{error}: the page browser.md will say so")
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.connect("build-finished", write_notebooks)
    app.connect("autodoc-process-bases", process_bases)
    app.connect("source-read", process_page)
    app.connect("autodoc-process-docstring", process_docstring)
    app.connect("doctree-read", link_names)
