"""The documentation holds: links, names, paths, commands and options exist."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import specsr
from specsr.cli.app import app
from support import structure

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
PLACES = (
    "specsr", "tests", "docs", "configs", "benchmarks", "examples", "notebooks", "packaging", ".ci",
    ".github",
)  # fmt: skip
SCRIPTS = sorted((ROOT / "docs" / "gallery").glob("*.py"))

pages = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)


def code(text: str) -> list[str]:
    """Return the code of a page: blocks, fenced or indented, then spans in backticks."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    indented = re.findall(r"(?:^ {4}(?![*-] ).*\n)+", text, re.M)
    return [*blocks, *indented, *re.findall(r"`([^`]+)`", text)]


def resolves(name: str) -> bool:
    """Return whether a dotted name is a module, or an attribute of one."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        try:
            for part in parts[count:]:
                found = getattr(found, part)
        except AttributeError:
            return False
        return True
    return False


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words behind ``specsr`` of every command line in the code of a page."""
    for block in code(text):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|\|", line.split(" #")[0]):
                try:
                    words = shlex.split(part)
                except ValueError:  # prose with an apostrophe, no command
                    continue
                starts = [i for i, word in enumerate(words) if Path(word).name == "specsr"]
                if starts and starts[0] in (0, words.index("-m") + 1 if "-m" in words else 0):
                    yield words[starts[0] + 1 :]


def options(words: list[str]) -> tuple[set[str], set[str]]:
    """Return the options among the words of a command line, and those that the command has."""
    command = typer.main.get_command(app)
    known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
        known |= {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    group = hasattr(command, "commands")
    assert not group or not words or words[0].startswith("-"), f"no command {words[0]}"
    given = {w.split("=")[0] for w in words if re.fullmatch(r"--?[a-z][a-z0-9-]*(=.*)?", w)}
    return given, known | {"--help", "-h"}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda path: path.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    local = [link for link in links if not link.startswith(("http://", "https://"))]
    missing = [link for link in local if not (page.parent / link).exists()]
    assert not missing


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub and the site make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda path: path.name)
def test_links_lead_to_headings(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]*\.md|)#([^)]+)\)", page.read_text())
    missing = [
        (name, anchor)
        for name, anchor in links
        if anchor not in anchors(page.parent / name if name else page)
    ]
    assert not missing


@pages
def test_names_of_the_package_exist(page: Path) -> None:
    found = [name for part in code(page.read_text())
             for name in re.findall(r"(?<![\w./-])specsr(?:\.[A-Za-z_]\w*)+", part)]  # fmt: skip
    missing = sorted({name for name in found if not resolves(name)})
    assert not missing


@pages
def test_paths_exist(page: Path) -> None:
    spans = [word for part in code(page.read_text()) for word in part.split()]
    paths = {word for word in spans if re.match(rf"({'|'.join(map(re.escape, PLACES))})/", word)}
    paths = {path for path in paths if not re.search(r"NAME|[<*]", path)}
    missing = sorted(path for path in paths if not (ROOT / path).exists())
    assert not missing


@pages
def test_commands_have_their_options(page: Path) -> None:
    for words in commands(page.read_text()):
        given, known = options(words)
        assert given <= known, (words, given - known)


@pages
def test_options_belong_to_a_command(page: Path) -> None:
    def every(command: Any) -> set[str]:
        own = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
        return own.union(*map(every, getattr(command, "commands", {}).values()))

    spans = [part.split()[0] for part in code(page.read_text()) if part.startswith("--")]
    missing = sorted(set(spans) - every(typer.main.get_command(app)))
    assert not missing


def test_the_limits_in_security_md_are_those_of_the_code() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    rows = re.findall(r"^\|[^|]*\| (\d+) \| `(specsr[\w.]+)\.(\w+)` \|$", text, re.M)
    assert len(rows) >= 9
    for value, module, name in rows:
        assert getattr(importlib.import_module(module), name) == int(value), name


def test_the_reference_has_an_entry_for_every_public_name() -> None:
    pages = (ROOT / "docs" / "reference").glob("*.md")
    found = [name for page in pages
             for name in re.findall(r"^- `specsr\.(\w+)`: ", page.read_text(), re.M)]  # fmt: skip
    assert sorted(found) == sorted(set(specsr.__all__) - {"__version__"})


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_of_the_gallery_has_a_title_and_writes_its_figure(script: Path) -> None:
    title, empty, text = (ast.get_docstring(ast.parse(script.read_text())) or "").split("\n", 2)
    assert 0 < len(title) <= 60 and not title.endswith(".") and not empty and text
    assert "sys.argv[1]" in script.read_text()


def test_the_map_of_the_code_lists_every_file() -> None:
    text = (ROOT / "docs" / "index.md").read_text()
    listed = set()
    for package, files in re.findall(r"^\| `(\w+/?)` \|[^|]*\|(.*)\|$", text, re.M):
        if package.endswith("/"):
            listed |= {f"{package}{name}" for name in re.findall(r"`(\w+)`", files)}
        else:
            listed.add(package)
    there = {
        path.relative_to(ROOT / "specsr").with_suffix("").as_posix()
        for path in (ROOT / "specsr").rglob("*.py")
        if not path.name.startswith("__")
    }
    assert sorted(listed - there) == [] and sorted(there - listed) == []


def test_the_figures_of_the_structure_are_those_of_the_code() -> None:
    text = (ROOT / "docs" / "index.md").read_text()
    stated = re.findall(r"^\| [a-z].* \| \d+ \| (\d+) \|$", text, re.M)
    root = ROOT / "specsr"
    graph = structure.imports(root)
    packages = structure.rooms(graph)
    counted = [
        len(packages),
        len(structure.circles(graph)),
        len(structure.upward(graph)),
        structure.levels(packages),
        len(structure.long_files(root)),
        len(structure.long_functions(root)),
    ]
    assert list(map(int, stated)) == counted
