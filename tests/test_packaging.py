"""Recipe, image, workflows and citation state what pyproject.toml states."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ON_CONDA_FORGE = {
    "torch": "pytorch",
    "soundfile": "pysoundfile",
    "soxr": "soxr-python",
    "matplotlib": "matplotlib-base",
    "opencv-python-headless": "py-opencv",
}
"""Names of conda-forge that differ from those of PyPI."""

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(path: str) -> Any:
    """Return a YAML file."""
    return yaml.safe_load((ROOT / path).read_text())


def test_recipe_and_citation_have_the_version_of_the_project() -> None:
    assert read("packaging/conda/recipe.yaml")["context"]["version"] == PROJECT["version"]
    assert read("CITATION.cff")["version"] == PROJECT["version"]
    assert read("CITATION.cff")["license"] == PROJECT["license"]


def test_the_recipe_has_the_dependencies_of_the_project() -> None:
    recipe = read("packaging/conda/recipe.yaml")
    found = [line.replace(" ", "") for line in recipe["requirements"]["run"]]
    expected = []
    for line in PROJECT["dependencies"]:
        name, versions = re.fullmatch(r"([\w-]+)(.*)", line).groups()
        expected.append(ON_CONDA_FORGE.get(name, name) + versions)
    least, below = PROJECT["requires-python"].removeprefix(">=").split(",")
    assert recipe["context"]["python_min"] == least
    assert sorted(found) == sorted([*expected, "python>=${{python_min}}," + below])


def test_the_wheel_is_tried_on_every_python_that_it_is_for() -> None:
    tried = read(".github/workflows/ci.yml")["jobs"]["wheel"]["strategy"]["matrix"]["python"]
    assert [f"3.{minor}" for minor in range(10, 14)] == tried
    assert PROJECT["requires-python"] == ">=3.10,<3.14"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_their_hash(path: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", path.read_text())
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), (action, comment)


def test_the_image_holds_the_files_that_it_copies() -> None:
    copied = re.findall(
        r"^COPY (?!--from)(.*) \S+$", (ROOT / "packaging/Dockerfile").read_text(), re.M
    )
    kept = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.M)
    names = [name for line in copied for name in line.split()]
    assert sorted(names) == sorted(kept)
    assert all((ROOT / name).exists() for name in names)
