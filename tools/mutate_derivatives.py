"""Break each derivative of the op table in turn, and see that the tests notice.

    python tools/mutate_derivatives.py [row...]     by default all rows

For every expression in the columns d and jvp: the sign flipped, a term of a sum dropped, a factor
dropped, a sum and a difference or a quotient and a product exchanged, a number changed, a
comparison turned, two arguments exchanged. Each mutant runs the tests of derivatives in a process
of its own, forked from one that has collected them. Exit status 1 if the tests let a mutant live
that EQUIVALENT does not explain.
"""

from __future__ import annotations

import ast
import copy
import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

import pytest

import pytensor as pt
from pytensor import _core
from pytensor._autodiff import rules
from pytensor._tables import ops

TESTS = Path(__file__).resolve().parent.parent / "tests"
FILES = [
    "test_derivatives.py",
    "test_op_table.py",
    "test_products.py",
    "test_autodiff.py",
    "test_transformations.py",
]
# (row, mutant): why it computes the same, or differs only where no derivative exists.
EQUIVALENT = {
    ("clip", "d[2]: where(maximum(y, x) > z, g, 0)"): "the maximum of the same two",
    ("linear", "d[2]: g.sum(axis=tuple(range(1)))"): "the tape sums what is left, to z's shape",
    ("linear", "d[2]: g.sum(axis=tuple(range(g.ndim - 2)))"): "the same",
}

SWAPS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
TURNED = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE, ast.Eq: ast.NotEq}


def mutants(expression):
    """Texts, each with one fault."""
    tree = ast.parse(expression, mode="eval")
    found = [f"-({expression})"]
    for number, node in enumerate(ast.walk(tree)):
        for change in changes(node):
            mutant = copy.deepcopy(tree)
            target = next(n for k, n in enumerate(ast.walk(mutant)) if k == number)
            new = change(target)
            if new is not target:
                mutant = Put(target, new).visit(mutant)
            found.append(ast.unparse(ast.fix_missing_locations(mutant)))
    same = ast.unparse(tree)
    return [m for m in dict.fromkeys(found) if m != same]


class Put(ast.NodeTransformer):
    """Replaces one node by another."""

    def __init__(self, old, new):
        """old: a node of the tree."""
        self.old, self.new = old, new

    def visit(self, node):
        """The node, or what takes its place."""
        return self.new if node is self.old else self.generic_visit(node)


def changes(node):
    """Functions that give a node a fault: in place, or by another node."""
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
            yield lambda n: n.left
            yield lambda n: n.right
            yield lambda n: ast.BinOp(n.left, SWAPS[type(n.op)](), n.right)
        elif isinstance(node.op, ast.MatMult):
            yield lambda n: ast.BinOp(n.right, n.op, n.left)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield lambda n: n.operand
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield lambda n: ast.Constant(n.value + 1)
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in TURNED:
        yield lambda n: ast.Compare(n.left, [TURNED[type(n.ops[0])]()], n.comparators)
    elif isinstance(node, ast.Call) and len(node.args) >= 2:
        yield lambda n: ast.Call(n.func, [*n.args[:-2], n.args[-1], n.args[-2]], n.keywords)


def mutated_rows(row):
    """[(text, row with that fault)]."""
    for column in ("d", "jvp"):
        value = getattr(row, column, None)
        if isinstance(value, str):
            yield from ((text, replace(row, **{column: text})) for text in mutants(value))
        elif value:
            for k, expression in enumerate(value):
                for text in mutants(expression) if expression else ():
                    changed = (*value[:k], text, *value[k + 1 :])
                    yield f"{column}[{k}]: {text}", replace(row, **{column: changed})


class Quick:
    """A pytest plugin: keeps what was collected; runs the tests of one row's name first."""

    def __init__(self):
        """Nothing collected."""
        self.name = None
        self.lives = []

    def pytest_collection_modifyitems(self, items):
        """Tests whose parameters name the row come first; the others in their order."""
        items.sort(
            key=lambda item: (
                f"[{self.name}" not in item.name
                and f"{self.name}]" not in item.name
                and self.name not in item.name
            )
        )

    def pytest_runtestloop(self, session):
        """Fork a process for each mutant, which runs the tests up to the first failure."""
        numbers = {
            r.name: k
            for k, r in enumerate(
                ops.ELEMENTWISE + ops.REDUCTIONS + [r for r in ops.TABLE if r.kind == "other"]
            )
        }
        for row in wanted(sys.argv[1:]):
            self.name = row.name
            self.pytest_collection_modifyitems(session.items)
            texts = list(mutated_rows(row))
            lives = []
            for text, mutant in texts:
                pid = os.fork()
                if pid == 0:
                    os._exit(run_mutant(session, numbers[row.name], mutant))
                if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0:
                    lives.append(text)
            unexplained = [t for t in lives if (row.name, t) not in EQUIVALENT]
            self.lives += [(row.name, t) for t in unexplained]
            print(
                f"{row.name:28} {len(texts):3} mutants, {len(texts) - len(lives):3} caught"
                + "".join(f"\n    LIVES: {t}" for t in unexplained),
                file=sys.__stdout__,
                flush=True,
            )
            COUNTS.append((len(texts), len(lives)))
        return True


COUNTS: list[tuple[int, int]] = []


def wanted(names):
    """The rows to break."""
    unknown = set(names) - set(ops.ROWS)
    if unknown:
        raise SystemExit(f"mutate_derivatives: {', '.join(sorted(unknown))}: no such row")
    return [row for row in ops.TABLE if any(row.d) and row.name in (names or [row.name])]


def run_mutant(session, number, mutant):
    """In a process of its own: 0 if all tests pass."""
    from _pytest.runner import runtestprotocol

    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        try:
            _core.set_rules({number: rules._compile(mutant)})
        except Exception:
            return 1
        for k, item in enumerate(session.items):
            following = session.items[k + 1] if k + 1 < len(session.items) else None
            for report in runtestprotocol(item, nextitem=following, log=False):
                if report.failed:
                    return 1
    return 0


def main():
    """Collect once, then run."""
    wanted(sys.argv[1:])
    pt.set_num_threads(1)
    pt.grad(pt.exp)(pt.asarray(0.0))  # loads the rules
    plugin = Quick()
    plugin.name = ""
    with redirect_stderr(io.StringIO()):
        pytest.main(
            [
                "-o",
                "addopts=",
                "-p",
                "no:terminal",
                "-p",
                "no:cacheprovider",
                "-m",
                "not oracle",
                *(str(TESTS / name) for name in FILES if (TESTS / name).exists()),
            ],
            [plugin],
        )
    total = sum(n for n, _ in COUNTS)
    lives = sum(n for _, n in COUNTS)
    print(
        f"{total} mutants of {len(COUNTS)} rows: {total - lives} caught, "
        f"{lives - len(plugin.lives)} equivalent, {len(plugin.lives)} alive"
    )
    return int(bool(plugin.lives) or not COUNTS)


if __name__ == "__main__":
    sys.exit(main())
