"""Faults for the mutation test: small changes of a module, found in its syntax tree."""

from __future__ import annotations

import ast
import difflib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

COMPARE: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
STORED = (ast.Attribute, ast.Subscript)
"""Assignments that can be left out without an unknown name afterwards."""
_PAIRS = ("exists lexists", "floor ceil", "max min", "maximum minimum", "any all", "argmax argmin")
NAMES = {"round": "int", **{a: b for a, b in map(str.split, _PAIRS)}}
NAMES |= {b: a for a, b in NAMES.items() if b != "int"}


@dataclass(frozen=True)
class Mutant:
    """One fault: the bytes ``start`` to ``end`` of a module are replaced by ``new``."""

    module: str
    kind: str
    start: int
    end: int
    new: str
    key: str

    def apply(self, source: bytes) -> bytes:
        """Return the source with the fault."""
        return source[: self.start] + self.new.encode() + source[self.end :]

    def diff(self, source: bytes) -> str:
        """Return the changed lines as a unified diff without context."""
        old, new = (x.decode().splitlines() for x in (source, self.apply(source)))
        name = f"specsr/{self.module}.py"
        return "\n".join(difflib.unified_diff(old, new, name, name, lineterm="", n=0))


def faults(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield kind and replacement of each fault of one node, the nodes within it left out."""
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            for new in COMPARE[type(op)]:
                ops = [*node.ops[:i], new(), *node.ops[i + 1 :]]
                yield (
                    "comparison",
                    f"({ast.unparse(ast.Compare(node.left, ops, node.comparators))})",
                )
    elif isinstance(node, ast.BinOp) and (other := OPERATORS.get(type(node.op))):
        yield "arithmetic", f"({ast.unparse(ast.BinOp(node.left, other(), node.right))})"
    elif isinstance(node, ast.BoolOp):
        swapped = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and, or", f"({ast.unparse(ast.BoolOp(swapped, node.values))})"
    elif isinstance(node, ast.UnaryOp):
        yield "sign, not", f"({ast.unparse(node.operand)})"
    elif isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bool):
            yield "constant", str(not value)
        elif isinstance(value, int):
            yield from (
                ("constant", str(value + 1)),
                ("constant", f"{value - 1}" if value else "(-1)"),
            )
        elif isinstance(value, float):
            yield "constant", repr(value * 1.1 if value else 1.0)
    elif isinstance(node, ast.Return) and node.value and ast.unparse(node.value) != "None":
        yield "return", "return None"
    elif isinstance(node, ast.Name) and node.id in NAMES:
        yield "function", NAMES[node.id]
    elif isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield "function", f"{ast.unparse(node.value)}.{NAMES[node.attr]}"
    elif (
        isinstance(node, (ast.AugAssign, ast.Raise, ast.Continue, ast.Break))
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
        or (isinstance(node, ast.Assign) and isinstance(node.targets[0], STORED))
    ):
        yield "statement", "pass"


def parts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes within a node in which faults are put: no texts, types or decorators.

    Nor the -1 of a ``reshape``: NumPy takes any negative number for the remaining size.
    """
    if isinstance(node, (ast.JoinedStr, ast.Raise, ast.Import, ast.ImportFrom)):
        return
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns", "decorator_list"):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST) and not (
                    isinstance(node, ast.Call)
                    and ast.unparse(node.func).endswith(".reshape")
                    and ast.unparse(part) == "-1"
                ):
                    yield part


def mutants(module: str, source: bytes) -> list[Mutant]:
    """Return all mutants of a module, in the order of the code."""
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    found: list[Mutant] = []
    seen: dict[str, int] = {}

    def add(node: ast.AST, kind: str, new: str) -> None:
        assert isinstance(node, (ast.expr, ast.stmt))
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        # without line numbers: a change elsewhere in the file leaves the choice as it is
        key = (
            f"{module}: {lines[node.lineno - 1].decode().strip()} [{node.col_offset}] {kind} {new}"
        )
        seen[key] = seen.get(key, 0) + 1
        mutant = Mutant(module, kind, start, end, new, f"{key} #{seen[key]}")
        found.append(mutant)

    def visit(node: ast.AST) -> None:
        for kind, new in faults(node):
            add(node, kind, new)
        test = getattr(node, "test", ast.Compare())
        if not isinstance(test, (ast.Compare, ast.BoolOp, ast.UnaryOp)) and any(parts(node)):
            add(test, "condition", f"(not ({ast.unparse(test)}))")
        for part in parts(node):
            visit(part)

    visit(ast.parse(source))
    return found


def choose(found: list[Mutant], each: int, seed: int) -> list[Mutant]:
    """Return ``each`` mutants, drawn by a hash of seed and key; all of them for 0."""
    if not each:
        return found
    return sorted(found, key=lambda m: hashlib.sha256(f"{seed} {m.key}".encode()).digest())[:each]
