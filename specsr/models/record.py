"""Form of the training record in a model file, and its words in lists, cards and tables.

A record is informative: every field may be missing and others are kept.  A field that specsr reads
has its type and range checked when the file is read, so that its readers need no checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0, le=10**15)]
Number = Annotated[float, Field(ge=-1e15, le=1e15)]
Text = Annotated[str, Field(max_length=100_000)]
Texts = Annotated[list[Text], Field(max_length=10_000)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", frozen=True)


class _Synth(_Part):
    count: Count = 0
    seed: Annotated[int, Field(ge=-(10**15), le=10**15)] = 0


class _Real(_Part):
    folders: Texts = []


class _Data(_Part):
    synth: _Synth = _Synth()
    real: _Real = _Real()
    folders: Texts = []


class _Train(_Part):
    loss: Text = ""
    seed: Annotated[int, Field(ge=-(10**15), le=10**15)] = 0


class _Pair(_Part):
    ratios: Annotated[list[Number], Field(min_length=1, max_length=1000)] = [1.0]


class _Config(_Part):
    note: Text = ""
    data: _Data = _Data()
    train: _Train = _Train()
    pair: _Pair = _Pair()


class Record(_Part):
    """Fields of a record that specsr reads; `specsr.models.model.Model.record` holds all."""

    steps: Count = 0
    seconds: Number = 0.0
    loader_wait: Number = 0.0
    device: Text = ""
    validation_l1_db: Number = 0.0
    validation_psnr_db: Number = 0.0
    examples: Count = 0
    start: Text = ""
    stages: Texts = []
    source: Text = ""
    architecture: Text = ""
    gray: bool = False
    config: _Config = _Config()


def plain(text: str) -> str:
    """Return a text of a file on one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in text)


def training_words(record: Mapping[str, Any]) -> str:
    """Return steps, time and device of a training as words; empty without steps."""
    if "steps" not in record:
        return ""
    parts = [f"{record['steps']} steps"]
    if "seconds" in record:
        parts.append(f"{record['seconds'] / 60:.0f} min")
    if record.get("device"):
        parts.append(plain(record["device"]))
    return ", ".join(parts)


def score_words(record: Mapping[str, Any]) -> str:
    """Return the score on held-out examples as words; a dash without one."""
    score = record.get("validation_psnr_db", record.get("validation_l1_db"))
    return "-" if score is None else f"{score:.2f} dB"
