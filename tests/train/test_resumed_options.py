"""Runs that are resumed: damaged and former checkpoints, changed options, what is logged."""

from __future__ import annotations

import csv
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.models.model import read_info
from specsr.train import checkpoint
from specsr.train.log import RunLog, Waiting
from specsr.train.train import train
from support.tiny_config import nine_steps
from support.train_samples import tensors

pytestmark = pytest.mark.usefixtures("one_thread")


def plain_log(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    folder = tmp_path_factory.mktemp("written")
    net = {"weight": torch.arange(300.0), "bias": torch.ones(3)}
    state = {"net": net, "average": net, "optimiser": {}, "step": 3, "model": {"n": 1}}
    path = folder / "checkpoint.pt"
    checkpoint.save(path, state)
    return path, path.read_bytes()


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_checkpoint_is_refused_or_was_not_hurt(
    written: tuple[Path, bytes], data: Any
) -> None:
    """A bit turned or an end cut off: never weights that are not those that were written."""
    path, content = written
    if data.draw(st.booleans()):
        damaged = bytearray(content)
        damaged[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    else:
        damaged = bytearray(content[: data.draw(st.integers(0, len(content) - 1))])
    path.write_bytes(damaged)
    try:
        state = checkpoint.load(path)
    except SpecsrError as error:
        assert "choose another --out" in str(error)
        return
    assert state["step"] == 3 and torch.equal(state["net"]["weight"], torch.arange(300.0))
    assert torch.equal(state["average"]["bias"], torch.ones(3))


def test_a_damaged_checkpoint_names_the_one_before_it(tmp_path: Path) -> None:
    options, folder = nine_steps(tmp_path), tmp_path / "run"
    train(options, folder)
    shutil.copytree(folder, tmp_path / "whole")
    path = folder / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SpecsrError, match=r"rename checkpoint\.previous\.pt beside it to checkp"):
        train(options, folder, resume=True)
    (folder / "checkpoint.previous.pt").replace(path)  # what the message says
    train(options, folder, resume=True)
    ours, theirs = (tensors(checkpoint.load(f / path.name)) for f in (folder, tmp_path / "whole"))
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert plain_log(folder) == plain_log(tmp_path / "whole")


def test_changed_options_are_logged_and_recorded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "run"
    train(nine_steps(tmp_path, steps=3), folder)
    best = checkpoint.load(folder / "checkpoint.pt")["best"]
    train(nine_steps(tmp_path, steps=6, loss="l2"), folder, resume=True)
    assert "resumed at step 3 with changed options" in caplog.text
    assert "train.loss: l1 -> l2" in caplog.text
    caplog.clear()
    path = train(nine_steps(tmp_path, steps=9, loss="l2"), folder, resume=True)
    assert "train.steps: 6 -> 9" in caplog.text and "loss" not in caplog.text
    assert read_info(path)["record"]["stages"] == [
        "step 3: train.steps: 3 -> 6", "step 3: train.loss: l1 -> l2", "step 6: train.steps: 6 -> 9"
    ]  # fmt: skip
    assert [row["step"] for row in plain_log(folder)] == ["3", "6", "9"]
    assert checkpoint.load(folder / "checkpoint.pt")["best"] <= best
    caplog.clear()
    train(nine_steps(tmp_path, steps=9, loss="l2"), folder, resume=True)
    assert "already at step 9 of 9" in caplog.text


def test_scores_of_other_examples_are_not_compared(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train(nine_steps(tmp_path, steps=3), folder)
    state = checkpoint.load(folder / "checkpoint.pt")
    torch.save({**state, "best": -1.0}, folder / "checkpoint.pt")  # better than any can be
    train(nine_steps(tmp_path, steps=6), folder, resume=True)
    assert checkpoint.load(folder / "checkpoint.pt")["best"] == -1.0
    train(nine_steps(tmp_path, steps=9, hold_out=2), folder, resume=True)
    assert checkpoint.load(folder / "checkpoint.pt")["best"] > 0


@given(
    steps=st.lists(st.integers(1, 99), min_size=1, max_size=6, unique=True).map(sorted),
    start=st.integers(1, 99), cut=st.integers(0, 20),
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_rows_beyond_the_checkpoint_go(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], start: int, cut: int
) -> None:
    """Also where a kill cut the last row short, which is then beyond the checkpoint."""
    folder = tmp_path_factory.mktemp("log")
    with RunLog(folder, ["score"], 0) as log:
        for step in steps:
            log.write(step, 1.0, 1e-3, 2.0 * step, {"score": 3.0 * step})
    kept = [step for step in steps if step <= start]
    path = folder / "log.csv"
    if len(kept) < len(steps):
        path.write_bytes(path.read_bytes()[: -cut or None])
    with RunLog(folder, ["score"], start) as log:
        log.write(100, 1.0, 1e-3, 5.0, {"score": 6.0})
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [*kept, 100]
    assert [float(row["score"]) for row in rows] == [3.0 * step for step in kept] + [6.0]


def test_waiting_is_counted_and_work_is_not() -> None:
    def slow() -> Any:
        for item in range(5):
            time.sleep(0.02)
            yield item

    began = time.monotonic()
    waiting = Waiting(slow())
    for _ in waiting:
        time.sleep(0.05)
    # however long either sleep took
    assert 0.1 <= waiting.seconds <= time.monotonic() - began - 5 * 0.05
