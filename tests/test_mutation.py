"""The mutation test itself, on a toy module."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.mutants import choose, mutants
from support.mutate import TESTS

ROOT = Path(__file__).parents[1]

TOY = b'''"""A toy: 1 + 1."""
import os


def clip(value: int | None, most: int = 10) -> int:
    """Return -1 < 2."""
    if value is None:
        raise ValueError(f"value is {value}: 1 + 1")
    return min(value, most)


def count(items):
    """Return the number of items."""
    at = 0
    while at < len(items):
        at += 1
    return at
'''

TOY_TESTS = """import pytest
from specsr.toy import clip, count


def test_clip():
    assert [clip(5), clip(10), clip(12), clip(7, 6)] == [5, 10, 10, 6]
    with pytest.raises(ValueError):
        clip(None)


def test_count():
    assert (count(""), count("abc")) == (0, 3)
"""


def test_faults_lie_in_code_and_in_nothing_else() -> None:
    changes = [m.diff(TOY).splitlines()[3:] for m in mutants("toy", TOY)]
    assert [[line[0] + line[1:].strip() for line in change] for change in changes] == [
        ["-def clip(value: int | None, most: int = 10) -> int:", f"+{line}"] for line in (
            "def clip(value: int | None, most: int = 11) -> int:",
            "def clip(value: int | None, most: int = 9) -> int:",
        )
    ] + [
        ["-if value is None:", "+if (value is not None):"],
        ['-raise ValueError(f"value is {value}: 1 + 1")', "+pass"],
        ["-return min(value, most)", "+return None"],
        ["-return min(value, most)", "+return max(value, most)"],
        ["-at = 0", "+at = 1"],
        ["-at = 0", "+at = (-1)"],
        ["-while at < len(items):", "+while (at <= len(items)):"],
        ["-while at < len(items):", "+while (at >= len(items)):"],
        ["-at += 1", "+pass"],
        ["-at += 1", "+at += 2"],
        ["-at += 1", "+at += 0"],
        ["-return at", "+return None"],
    ]  # fmt: skip


def test_the_rest_of_a_reshape_is_no_place_for_a_fault() -> None:
    found = mutants("toy", b"x = y.reshape(-1, 2) + z.mean(-1)")
    assert [m.new for m in found if m.kind == "constant"] == ["3", "1", "2", "0"]


def test_the_choice_depends_on_the_seed_and_not_on_other_lines() -> None:
    def chosen(source: bytes, seed: int) -> list[str]:
        return [mutant.key for mutant in choose(mutants("toy", source), 5, seed)]

    assert chosen(TOY, 0) == chosen(TOY, 0) != chosen(TOY, 1)
    assert chosen(TOY.replace(b"import os\n", b"import os\nimport sys\n\n"), 0) == chosen(TOY, 0)
    assert len({mutant.key for mutant in mutants("toy", TOY)}) == len(mutants("toy", TOY)) == 14


@pytest.mark.parametrize("module", TESTS)
def test_every_module_of_the_table_has_mutants_and_tests(module: str) -> None:
    source = (ROOT / "specsr" / f"{module}.py").read_bytes()
    found = mutants(module, source)
    assert len(found) >= 4 and all(mutant.apply(source) != source for mutant in found)
    for name in TESTS[module].split():
        path, _, test = name.partition("::")
        assert f"def {test}(" in (ROOT / "tests" / path).read_text() or not test


@pytest.mark.slow
def test_survivors_are_found_and_recorded(tmp_path: Path) -> None:
    for name, content in {
        "specsr/__init__.py": "", "specsr/toy.py": TOY.decode(), "pyproject.toml": "",
        "tests/test_toy.py": TOY_TESTS, "tests/test_weak.py": "import specsr.toy\ndef test(): 0",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)

    call = (
        # the libraries of every mutant are imported once, before the forks
        f"import sys, pytest, hypothesis; sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "from pathlib import Path; from support.mutate import main\n"
        "options = ['--each', '0', '--limit', '1', '--out', 'out.jsonl']\n"
        "sys.exit(main(options, Path.cwd(), {'toy': sys.argv[1]}))"
    )

    def run(tests: str) -> tuple[int, str]:
        command = [sys.executable, "-B", "-c", call, tests]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=1200,
            env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # the toy needs none
        )  # fmt: skip
        assert not done.stderr, done.stderr + done.stdout
        return done.returncode, done.stdout

    code, out = run("test_weak.py")
    assert code == 1 and "-    while at < len(items):\n+    while (at <= len(items)):" in out
    assert "| all | 14 | 0 (0.0%) | 0 | 14 |" in out
    code, out = run("test_toy.py")
    # counting from -1 gives the same: a mutant that no test can kill
    assert code == 1 and out.count("survived (") == 1 and "-    at = 0\n+    at = (-1)" in out
    assert "| all | 14 | 13 (92.9%) | 3 | 1 |" in out
    results = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [r["result"] for r in results[:14]] == ["passed"] * 14 and len(results) == 28
    assert (tmp_path / "specsr" / "toy.py").read_bytes() == TOY
    assert "| all | 14 | 13 " in run("test_weak.py")[1]  # the killed ones do not run again
