"""Cards of models for model hubs: front matter and text come from the model's own record."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from specsr.models.bundled import bundled_info, load_model
from specsr.models.card import model_card
from specsr.models.hub_card import hub_card
from specsr.models.model import save_model

TASKS = {"audio-to-audio", "image-to-image"}  # as the hubs name them


def front_matter(card: str) -> dict[str, Any]:
    """Return the YAML between the first two lines of dashes."""
    start, head, _ = card.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(head)


@pytest.mark.parametrize("name", bundled_info())
def test_the_front_matter_of_a_bundled_model_holds_its_facts(name: str) -> None:
    info = bundled_info()[name]
    card = hub_card(name)
    front = front_matter(card)
    assert front["license"] == "mit" and front["library_name"] == "specsr"
    assert front["pipeline_tag"] in TASKS and info["architecture"] in front["tags"]
    assert (front["pipeline_tag"] == "image-to-image") == (info["pair"] == "image")
    scores = {
        metric["value"]
        for model in front.get("model-index", [])
        for result in model["results"]
        for metric in result["metrics"]
    }
    record = info["record"]
    names = ("validation_l1_db", "validation_psnr_db", "validation_improvement_db")
    stated = [record[key] for key in names if key in record]
    assert scores == {round(value, 4) for value in stated}
    for label, _ in model_card(name)[1:]:
        assert f"| {label} |" in card


def test_an_image_model_has_neither_rates_nor_levels() -> None:
    labels = [label for label, _ in model_card("image-x2")]
    assert "trained on rates" not in labels and "range of levels" not in labels


def test_a_file_of_others_has_no_licence_and_no_markup_of_its_own(tmp_path: Path) -> None:
    name = "x; rm <b>|[a](b)"
    record = {"config": {"note": "<img src=x> | `code`"}}
    path = tmp_path / "theirs.safetensors"
    save_model(path, replace(load_model("map-small"), name=name, record=record))
    card = hub_card(path)
    front = front_matter(card)
    assert "license" not in front and "model-index" not in front
    _, body = card[4:].split("\n---\n", 1)
    text, command, rest = body.split("```")
    assert f"--model {shlex.quote(name)} " in command
    assert not re.search(r"(?<!\\)[<>]", text + rest)
    rows = [line for line in body.splitlines() if line.startswith("| note")]
    assert len(rows) == 1 and len(re.findall(r"(?<!\\)\|", rows[0])) == 3
