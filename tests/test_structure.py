"""The order of packages is kept: imports run downwards, without circles; sizes stay small."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import specsr
from support import structure

ROOT = Path(specsr.__file__).parent
EXCEPTIONS = {
    "io.uff": "one format of many record types, read in one pass",
    "io.recording": "what fits together to one signal, judged in one place",
}
"""Files that may be longer than `structure.LINES`."""


@pytest.fixture(scope="module")
def graph() -> structure.Graph:
    return structure.imports(ROOT)


def test_every_package_has_a_place_in_the_order(graph: structure.Graph) -> None:
    assert structure.rooms(graph).keys() == set().union(*structure.ORDER)


def test_imports_run_downwards_without_circles(graph: structure.Graph) -> None:
    assert structure.upward(graph) == []
    assert structure.circles(graph) == []
    assert structure.circles(structure.rooms(graph)) == []


def test_nothing_below_the_command_line_imports_it(graph: structure.Graph) -> None:
    importers = {
        name for name, targets in graph.items() if any(t.startswith("cli") for t in targets)
    }
    assert {name.partition(".")[0] for name in importers} <= {"cli", "__main__"}


def test_files_and_parameter_lists_stay_short() -> None:
    assert {name for name, _ in structure.long_files(ROOT)} <= EXCEPTIONS.keys()
    assert structure.long_functions(ROOT) == []


def test_packages_are_empty_but_for_a_line_that_says_what_they_are_for() -> None:
    for path in sorted(ROOT.glob("*/__init__.py")):
        body = ast.parse(path.read_text()).body
        assert isinstance(body[0], ast.Expr), path
        assert path.parent.name == "io" or len(body) == 1, path


def test_public_names_are_those_of_the_stub_and_load_when_used() -> None:
    for name in specsr.__all__:
        assert getattr(specsr, name) is getattr(specsr, name)
    heavy = "('numpy', 'torch', 'matplotlib')"
    code = f"import sys, specsr; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from pkg.a import b", {"a.b"}),
        ("from pkg.a.b import f", {"a.b"}),
        ("from .b import f", {"a.b"}),
        ("from . import b", {"a.b"}),
        ("from .. import c", {"c"}),
        ("import pkg.c as x", {"c"}),
        ("def f():\n    from pkg import c", {"c"}),
        ("import pkgs.c\nfrom other import b", set()),
    ],
)
def test_imports_are_found_however_they_are_written(tmp_path, source: str, found: set) -> None:
    package = tmp_path / "pkg"
    (package / "a").mkdir(parents=True)
    for name in ("__init__", "c", "a/__init__", "a/b"):
        (package / f"{name}.py").write_text("")
    (package / "a" / "here.py").write_text(source)
    assert structure.imports(package)["a.here"] - {"a"} == found


def test_circles_and_levels_of_a_small_graph() -> None:
    straight = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert structure.circles(straight) == [] and structure.levels(straight) == 3
    assert structure.circles({**straight, "c": {"a"}}) == [{"a", "b", "c"}]


def test_an_import_upwards_is_found() -> None:
    assert structure.upward({"maps.grid": {"nvh.view"}, "nvh.view": {"maps.grid"}}) == [
        ("maps.grid", "nvh.view")
    ]
