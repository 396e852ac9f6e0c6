"""Checkpoints: the one before is kept, damage is refused, all random states come back."""

from __future__ import annotations

import os
import pickle
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from specsr.errors import SpecsrError
from specsr.train import checkpoint


def state(step: int) -> dict[str, Any]:
    net = {"weight": torch.arange(30.0) + step}
    return {"net": net, "average": net, "optimiser": {}, "step": step, "model": {"n": 1}}


@pytest.mark.parametrize("links", [True, False])
def test_the_last_checkpoint_is_kept_as_the_previous_one(tmp_path, monkeypatch, links) -> None:
    path = tmp_path / "checkpoint.pt"
    if not links:

        def refuse(*_: object) -> None:
            raise OSError(1, "no links")

        monkeypatch.setattr(os, "link", refuse)
    assert checkpoint.previous(path) == tmp_path / "checkpoint.previous.pt"
    (tmp_path / ".specsr-checkpoint.old").write_bytes(b"left by a killed run")
    checkpoint.save(path, state(1))
    assert not checkpoint.previous(path).exists()
    for step in (2, 3):
        checkpoint.save(path, state(step))
        assert checkpoint.load(path)["step"] == step
        assert checkpoint.load(checkpoint.previous(path))["step"] == step - 1
        assert sorted(os.listdir(tmp_path)) == ["checkpoint.previous.pt", "checkpoint.pt"]
    torch.testing.assert_close(checkpoint.load(path)["net"]["weight"], torch.arange(30.0) + 3)


def test_a_failed_save_keeps_the_last_checkpoint(tmp_path, monkeypatch) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, state(1))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(SpecsrError, match="No space left"):
        checkpoint.save(path, state(2))
    assert checkpoint.load(path)["step"] == 1


class Harmful:
    """Unpickling it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return (open, (str(self.path), "w"))


def rezipped(path: Path, compression: int, turned: bool = False) -> None:
    """Write the parts of a checkpoint anew; ``turned``: a byte of a tensor without its checksum."""
    with zipfile.ZipFile(path) as archive:
        parts = {part.filename: archive.read(part) for part in archive.infolist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    if turned:
        content = bytearray(path.read_bytes())
        at = bytes(content).index(np.arange(1, 31, dtype=np.float32).tobytes())
        content[at] ^= 1
        path.write_bytes(content)


@pytest.mark.parametrize(
    "damage", ["cut", "missing part", "code", "compressed", "turned bit", "no checkpoint"]
)
@pytest.mark.parametrize("spare", [False, True])
def test_what_is_no_whole_checkpoint_is_refused_with_the_fix(tmp_path, damage, spare) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, state(1))
    if spare:
        checkpoint.save(path, state(1))
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-50])
    elif damage == "missing part":
        torch.save({"net": {}, "step": 1}, path)
    elif damage == "code":
        torch.save({**state(1), "more": Harmful(tmp_path / "harm")}, path)
    elif damage == "compressed":
        rezipped(path, zipfile.ZIP_DEFLATED)
    elif damage == "turned bit":
        rezipped(path, zipfile.ZIP_STORED, turned=True)
    else:
        path.write_bytes(pickle.dumps(1))
    fix = r"rename checkpoint\.previous\.pt" if spare else "choose another --out"
    with pytest.raises(SpecsrError, match=rf"checkpoint\.pt: damaged.*{fix}"):
        checkpoint.load(path)
    assert not (tmp_path / "harm").exists()


def test_a_checkpoint_zipped_anew_is_read(tmp_path) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, state(1))
    rezipped(path, zipfile.ZIP_STORED)
    assert checkpoint.load(path)["step"] == 1


def test_random_states_come_back(tmp_path) -> None:
    def draw() -> list[float]:
        numpy = np.random.normal()  # noqa: NPY002 (the global generator)
        return [random.gauss(0, 1), numpy, float(torch.randn(1))]

    draw()  # a spare value of the normal distribution is held by Python and NumPy
    states = checkpoint.random_states()
    torch.save(states, tmp_path / "states.pt")
    expected = [draw() for _ in range(3)]
    checkpoint.restore_random_states(torch.load(tmp_path / "states.pt", weights_only=True))
    assert [draw() for _ in range(3)] == expected


@pytest.mark.parametrize("devices, restored", [(2, True), (1, False)])
def test_states_of_gpus_come_back_on_as_many(monkeypatch, devices, restored) -> None:
    held = [torch.arange(4, dtype=torch.uint8), torch.ones(4, dtype=torch.uint8)]
    found: list = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: held)
    monkeypatch.setattr(torch.cuda, "set_rng_state_all", found.extend)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)
    states = checkpoint.random_states()
    checkpoint.restore_random_states(states)
    assert len(found) == (2 if restored else 0)
    assert all(torch.equal(a, b) for a, b in zip(found, held))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert checkpoint.random_states()["cuda"] == []


def test_changes_of_nested_configs() -> None:
    before = {"a": 1, "b": {"c": 2, "d": {"e": 3}}, "gone": 4, "same": 5}
    now = {"a": 1, "b": {"c": 9, "d": {"e": 8}, "new": 1}, "same": 5, "later": 6}
    assert checkpoint.changes(before, now) == ["b.c: 2 -> 9", "b.d.e: 3 -> 8", "gone: 4 -> None"]
    assert checkpoint.changes({"a": {"b": 1}}, {"a": None}) == ["a: {'b': 1} -> None"]
    assert checkpoint.changes({"a": None}, {"a": {"b": 1}}) == ["a: None -> {'b': 1}"]
    # such as data.synth.named
    assert checkpoint.changes({"a": {}}, {"a": {"b": 1}}) == ["a: {} -> {'b': 1}"]


def test_the_reason_of_a_refusal_is_one_short_line_with_the_file(tmp_path) -> None:
    path = tmp_path / "checkpoint.pt"
    for error, reason in (
        (ValueError("two\nlines"), "two lines"), (ValueError(), "ValueError"),
        (SpecsrError("no model"), "no model"), (KeyError("x" * 500), "'" + 199 * "x"),
    ):  # fmt: skip
        with pytest.raises(SpecsrError) as found, checkpoint.refusing(path):
            raise error
        assert str(found.value).endswith(f"choose another --out ({reason})")
        assert str(found.value).startswith(f"{path}: damaged")
    named = SpecsrError(f"{path}: could not be read")  # has its own fix
    with pytest.raises(SpecsrError) as found, checkpoint.refusing(path):
        raise named
    assert found.value is named
