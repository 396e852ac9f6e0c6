"""Run the checks and write the table.

python tests/conformance                    docs/CONFORMANCE.md; exit 1 where a check fails
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conformance import images, level_curves, levels, orders, sound_quality  # noqa: E402
from conformance.check import Check, Group  # noqa: E402
from specsr.io import replacing  # noqa: E402
from specsr.scores.markdown import markdown_table  # noqa: E402

GROUPS: tuple[Group, ...] = (
    *levels.GROUPS,
    *level_curves.GROUPS,
    *orders.GROUPS,
    *sound_quality.GROUPS,
    *images.GROUPS,
)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "CONFORMANCE.md"
HEAD = """# Conformance

Values by specsr beside values that do not come from it: tables of standards, definitions, and
analytic signals. `python tests/conformance` writes this page; the tests run the same checks. It is
no certificate: a standard also has requirements on instruments, which software cannot meet.
"""


def page(found: list[tuple[Group, list[Check]]]) -> str:
    """Return the page of all checks."""
    checks = [check for _, group in found for check in group]
    passed = sum(check.passed for check in checks)
    parts = [HEAD + f"\n{passed} of {len(checks)} checks passed.\n"]
    for group, rows in found:
        table = markdown_table([
            {"check": row.name, "expected": row.expected, "found": f"{row.found:.5g}",
             "unit": row.unit, "passed": "yes" if row.passed else "NO"}
            for row in rows
        ])  # fmt: skip
        parts.append(f"## {group.title}\n\nSource: {group.source}.\n\n{table}\n")
    return "\n".join(parts)


def main() -> None:
    found = [(group, group.checks()) for group in GROUPS]
    with replacing(PAGE, overwrite=True) as (path,):
        path.write_text(page(found), encoding="utf-8")
    failed = [(g.title, c) for g, rows in found for c in rows if not c.passed]
    for title, check in failed:
        print(f"{title}: {check.name}: {check.found:g}, expected {check.expected} {check.unit}")
    print(f"{sum(len(rows) for _, rows in found)} checks, {len(failed)} failed: {PAGE.name}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
