"""Progress as lines of JSON."""

from __future__ import annotations

import pytest

from specsr import progress
from specsr.cli.output import bar


def read(text: str) -> list[dict]:
    found = [progress.parsed(line) for line in text.splitlines()]
    assert None not in found
    return [fields for fields in found if fields is not None]


@pytest.mark.parametrize("total", [None, 3])
def test_lines_count_the_steps(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, total: int | None
) -> None:
    monkeypatch.setenv(progress.VARIABLE, "json")
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    steps = iter("abc") if total else "abc"
    assert "".join(bar('a "name"\x1b\n', total)(steps)) == "abc"
    captured = capsys.readouterr()
    found = read(captured.err)
    assert captured.out == ""
    assert [fields["done"] for fields in found] == [0, 1, 2, 3]
    assert {fields["total"] for fields in found} == {3}
    assert {fields["label"] for fields in found} == {'a "name"\\x1b\\n'}
    assert found[0]["seconds_left"] is None and found[-1]["seconds_left"] == 0
    for fields in found[1:]:
        left = fields["seconds"] / fields["done"] * (3 - fields["done"])
        assert fields["seconds_left"] == pytest.approx(left, abs=2e-3)


def test_steps_without_a_length_have_no_total(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress.lines("x")(i for i in range(2))) == [0, 1]
    assert {fields["total"] for fields in read(capsys.readouterr().err)} == {None}


def test_lines_are_rare_but_for_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    list(progress.lines("x")(range(10000)))
    found = read(capsys.readouterr().err)
    assert found[-1]["done"] == 10000
    assert len(found) < 1000


def test_a_bar_stays_without_the_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(progress.VARIABLE, raising=False)
    assert list(bar("x")(range(2))) == [0, 1]
    assert progress.VARIABLE not in capsys.readouterr().err


@pytest.mark.parametrize("line", ["error: no", "", '{"progress": 3}', '{"progress": {"done"', "{}"])
def test_other_lines_are_messages(line: str) -> None:
    assert progress.parsed(line) is None
