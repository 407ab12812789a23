"""Merge gcov's counts over all instruction sets and dtypes, and print them beside Python's as
Markdown; list what no test reached.

    python tools/coverage_report.py BUILD PYTHON.json MISSED.txt

BUILD is a Meson directory configured with -Db_coverage=true, PYTHON.json comes from `coverage
json`. A line of C is compiled once for each dtype and instruction set that it is included for: it
counts as reached if one of them reached it, and a branch as taken if one of them took it (of those
that have all the branches: constants fold some away). Cython's lines are those of its source; its
branches are not counted, as most are checks that Cython writes.
"""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# Coverage

What the tests reach, written by `tools/coverage.sh`, which says how it is measured. C: a line
counts if it was reached for one dtype and instruction set. Branches are both ways of every
condition (Python: and every iteration or none of a loop).
"""


def gcov(build):
    """The counts of every object in build: {file: {line: [(count, counts of branches)...]}}."""
    found = defaultdict(lambda: defaultdict(list))
    for data in sorted(build.rglob("*.gcda")):
        if "src" not in data.relative_to(build).parts:
            continue  # the stress programs in C have their own command
        text = subprocess.run(
            [
                "gcov",
                "--json-format",
                "--stdout",
                "--branch-probabilities",
                data.relative_to(build),
            ],
            cwd=build,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        for file in json.loads(text)["files"]:
            path = (build / file["file"]).resolve()
            if path.is_relative_to(ROOT / "src") and path.exists():
                with open(path, "rb") as source:
                    length = sum(1 for _ in source)
                for line in file["lines"]:
                    if line["line_number"] <= length:  # Cython's own functions come after the last
                        found[path][line["line_number"]].append(
                            (line["count"], [branch["count"] for branch in line["branches"]])
                        )
    return found


def merged(lines):
    """The numbers (lines, lines missed, branches, branches taken) over all instances of a file."""
    missed = sorted(n for n, instances in lines.items() if not any(count for count, _ in instances))
    branches = taken = 0
    for instances in lines.values():
        most = max(len(counts) for _, counts in instances)
        branches += most
        taken += sum(
            map(any, zip(*(counts for _, counts in instances if len(counts) == most), strict=True))
        )
    return len(lines), missed, branches, taken


def ranges(numbers):
    """The numbers as text: 3-5, 9."""
    parts = []
    for n in numbers:
        if parts and n == parts[-1][1] + 1:
            parts[-1][1] = n
        else:
            parts.append([n, n])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def table(title, rows):
    """The rows (file, lines, missed, branches, taken) as a Markdown table under a title."""

    def percent(part, whole):
        return f"{100 * part / whole:.1f} %" if whole else ""

    total = [
        "**all**",
        *(
            sum(column)
            for column in zip(*((n, len(missed), b, t) for _, n, missed, b, t in rows), strict=True)
        ),
    ]
    body = [(name, n, len(missed), b, t) for name, n, missed, b, t in rows]
    print(f"\n## {title}\n\n| file | lines | reached | branches | taken |\n|---|--:|--:|--:|--:|")
    for name, n, missed, b, t in [*body, total]:
        print(f"| {name} | {n} | {percent(n - missed, n)} | {b or ''} | {percent(t, b)} |")


def main(build, python, missed_lines):
    """Print the tables; write the lines that were not reached to a file."""
    with open(python, encoding="utf-8") as file:
        files = json.load(file)["files"]
    rows = {"Python": [], "Cython": [], "C": []}
    for name, data in sorted(files.items()):
        counts = data["summary"]
        rows["Python"].append(
            (
                name.removeprefix("src/pytensor/"),
                counts["num_statements"],
                data["missing_lines"],
                counts["num_branches"],
                counts["covered_branches"],
            )
        )
    for path, lines in sorted(gcov(Path(build).resolve()).items()):
        n, missed, branches, taken = merged(lines)
        if path.suffix in (".c", ".h"):
            rows["C"].append((path.name, n, missed, branches, taken))
        elif path.suffix in (".pyx", ".pxi"):
            rows["Cython"].append((path.name, n, missed, 0, 0))
    print(HEAD.rstrip())
    for title, of_language in rows.items():
        table(title, of_language)
    with open(missed_lines, "w", encoding="utf-8") as file:
        for of_language in rows.values():
            file.writelines(
                f"{name}: {ranges(missed)}\n" for name, _, missed, _, _ in of_language if missed
            )


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
