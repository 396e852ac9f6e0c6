"""Structure of the code, read from its imports: order of packages, circles, sizes.

    python tests/support/structure.py [FOLDER]

prints the figures of a package folder (this checkout's ``specsr`` if none is named).  Nothing is
imported; every import statement counts, also those inside functions and for type checkers.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

ORDER = (
    {"__main__"},
    {"cli"},
    {"app"},
    {"benchmark"},
    {"jobs", "train"},
    {"report", "enhance", "images"},
    {"scores", "plots", "models"},
    {"synth", "nvh", "pairs", "io"},
    {"maps"},
    {"signal"},
    {"units"},
    {"names"},
    {"errors", "progress", "version", "choices", "extras"},
)
"""Packages and files from the top down: each may import from its own line and those below it."""

PARAMETERS = 8
LINES = 300

Graph = dict[str, set[str]]


def modules(root: Path) -> dict[str, Path]:
    """Return dotted names below the root package, such as ``maps.grid``, and their files."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path
    return found


def imports(root: Path) -> Graph:
    """Return module -> modules of the same root package that it imports."""
    files = modules(root)
    graph: Graph = {}
    for name, path in files.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        graph[name] = set(_imported(ast.parse(path.read_text()), root.name, package, files))
        graph[name].discard(name)
    return graph


def _imported(tree: ast.AST, root: str, package: str, files: Mapping[str, Path]) -> Iterable[str]:
    """Yield the modules that a syntax tree imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            yield from (_below(n, root) for n in names if n == root or n.startswith(f"{root}."))
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                above = package.split(".") if package else []
                base = ".".join(above[: len(above) - node.level + 1])
                source = ".".join(filter(None, (base, node.module)))
            elif node.module and (node.module == root or node.module.startswith(f"{root}.")):
                source = _below(node.module, root)
            else:
                continue
            for alias in node.names:
                inner = f"{source}.{alias.name}".strip(".")
                yield inner if inner in files else source


def _below(name: str, root: str) -> str:
    return name.removeprefix(root).strip(".")


def rooms(graph: Graph) -> Graph:
    """Return the same graph between packages and files at the top."""
    found: Graph = {}
    for name, targets in graph.items():
        room = name.partition(".")[0]
        if room:
            others = {t.partition(".")[0] for t in targets} - {room, ""}
            found.setdefault(room, set()).update(others)
    return found


def circles(graph: Graph) -> list[set[str]]:
    """Return the strongly connected components of more than one node (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            part = set(stack[at:])
            del stack[at:]
            if len(part) > 1:
                found.append(part)

    for node in graph:
        if node not in index:
            visit(node)
    return found


def upward(graph: Graph) -> list[tuple[str, str]]:
    """Return the imports that run from a lower line of `ORDER` to a higher one."""
    height = {room: -i for i, line in enumerate(ORDER) for room in line}
    return sorted(
        (name, target)
        for name, targets in graph.items()
        for target in targets
        if name and target
        and height[target.partition(".")[0]] > height[name.partition(".")[0]]
    )  # fmt: skip


def levels(graph: Graph) -> int:
    """Return the number of nodes on the longest path through a graph without circles."""
    depth: dict[str, int] = {}

    def of(node: str) -> int:
        if node not in depth:
            depth[node] = 1 + max((of(other) for other in graph.get(node, ())), default=0)
        return depth[node]

    return max(map(of, graph), default=0)


def long_functions(root: Path) -> list[tuple[str, int]]:
    """Return functions of more than `PARAMETERS` parameters; those of ``cli`` are typer's."""
    found = []
    for name, path in modules(root).items():
        if name.partition(".")[0] == "cli":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                count = sum(a.arg not in ("self", "cls") for a in every)
                if count > PARAMETERS:
                    found.append((f"{name}.{node.name}", count))
    return found


def long_files(root: Path) -> list[tuple[str, int]]:
    """Return files of more than `LINES` lines."""
    sizes = ((name, path.read_text().count("\n")) for name, path in modules(root).items())
    return [(name, size) for name, size in sizes if size > LINES]


def main(root: Path) -> None:
    """Print the figures."""
    graph = imports(root)
    packages = rooms(graph)
    loops = circles(graph)
    known = set().union(*ORDER) >= set(packages)
    print(f"files or packages at the top: {len(packages)}")
    print(f"levels of imports between them: {levels(packages) if not circles(packages) else '-'}")
    print(f"circles of packages: {len(circles(packages))} {[sorted(c) for c in circles(packages)]}")
    print(f"circles of files: {len(loops)} {[sorted(c) for c in loops]}")
    rising = upward(graph) if known else None
    print(f"imports that run upwards: {'-' if rising is None else len(rising)}")
    for name, target in rising or []:
        print(f"  {name} -> {target}")
    for title, rows in (
        (f"files over {LINES} lines", long_files(root)),
        (f"functions of over {PARAMETERS} parameters, but commands", long_functions(root)),
    ):
        print(f"{title}: {len(rows)}")
        for name, size in rows:
            print(f"  {name}: {size}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2] / "specsr"))
