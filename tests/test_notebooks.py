"""Every notebook runs from top to bottom."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPECSR_CONFIGS", str(path.parents[1] / "configs"))
    monkeypatch.setenv("SPECSR_STEPS", "4")  # the ablations in a reduced form
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.read(path, as_version=4)
    # in a copy of their surroundings: what they write is gone with it
    home = tmp_path / "notebooks"
    home.mkdir()
    shutil.copytree(path.parents[1] / "examples", tmp_path / "examples")
    nbclient.NotebookClient(
        notebook, timeout=1800, kernel_name="python3", resources={"metadata": {"path": str(home)}}
    ).execute()
    if kept := os.environ.get("SPECSR_NOTEBOOKS"):  # a folder: for the pages of the site
        Path(kept).mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, Path(kept) / path.name)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert outputs and not any(output["output_type"] == "error" for output in outputs)
    assert any("image/png" in output.get("data", {}) for output in outputs)
