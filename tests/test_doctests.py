"""The examples in the docstrings of the public names give what they state."""

from __future__ import annotations

import doctest
import inspect
from pathlib import Path

import numpy as np
import pytest

import specsr

NEEDS = {"to_xarray": "xarray", "loudness": "mosqito"}
"""Names whose examples need an optional library."""

EXAMPLES = [name for name in specsr.__all__ if ">>>" in (getattr(specsr, name).__doc__ or "")]

SLOW = {"find_speed", "loudness", "to_xarray", "plot_comparison"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in EXAMPLES],
)
def test_an_example_gives_what_it_states(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    text = inspect.getdoc(getattr(specsr, name)) or ""
    test = doctest.DocTestParser().get_doctest(
        text, {"np": np, "specsr": specsr}, name, f"specsr.{name}", 0
    )
    problems: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=problems.append)
    plt.close("all")
    assert not problems, "".join(problems)


def test_most_functions_have_an_example() -> None:
    functions = [name for name in specsr.__all__ if inspect.isfunction(getattr(specsr, name))]
    assert len(set(functions) & set(EXAMPLES)) > 0.75 * len(functions)
