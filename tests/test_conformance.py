"""Every value of docs/CONFORMANCE.md, computed again."""

from __future__ import annotations

from pathlib import Path

import pytest
from conformance.__main__ import GROUPS, PAGE
from conformance.check import Check, Group

SLOW = [pytest.param(g, id=g.title, marks=pytest.mark.slow) for g in GROUPS if g.slow]
QUICK = [pytest.param(g, id=g.title) for g in GROUPS if not g.slow]


@pytest.mark.parametrize("group", [*QUICK, *SLOW])
def test_every_check_passes_and_is_on_the_page(group: Group) -> None:
    if group.title.startswith(("Loudness", "Sharpness", "Roughness")):
        pytest.importorskip("mosqito")
    page = PAGE.read_text(encoding="utf-8")
    part = page.split(f"## {group.title}\n")[1].split("\n## ")[0]
    checks = group.checks()
    assert not [check for check in checks if not check.passed]
    rows = [row.split("|")[1:3] for row in part.splitlines() if row.startswith("| ")]
    listed = [(name.strip(), expected.strip()) for name, expected in rows[1:]]
    assert listed == [(check.name, check.expected) for check in checks]


def test_a_value_outside_its_limits_fails() -> None:
    assert not Check("x", "1 ± 0.1", 1.2, 0.9, 1.1, "dB").passed
    assert not Check("x", "1 ± 0.1", float("nan"), 0.9, 1.1, "dB").passed


def test_the_page_names_the_command() -> None:
    assert "`python tests/conformance`" in Path(PAGE).read_text(encoding="utf-8")
