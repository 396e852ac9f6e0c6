"""Model card of a model file as the README that model hubs read: YAML front matter and Markdown."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from specsr.models.bundled import bundled_models, load_model, model_path
from specsr.models.card import model_card
from specsr.models.model import read_info


@dataclass(frozen=True)
class _Purpose:
    """What the models of a pair are for."""

    task: str
    tags: tuple[str, ...]
    text: str
    command: str
    kept: str


_MAPS = ("audio", "spectrogram", "nvh")
_PURPOSES = {
    "pool": _Purpose(
        "audio-to-audio",
        (*_MAPS, "super-resolution"),
        "Makes a spectrogram of mean power finer in frequency and time.",
        "specsr upscale map.npz --model {name} --scale 4 -o fine.npz",
        "The mean power of every coarse cell is kept; every fine cell is an estimate, with its "
        "uncertainty.",
    ),
    "band": _Purpose(
        "audio-to-audio",
        (*_MAPS, "bandwidth-extension"),
        "Estimates the upper band of a recording that was logged at a low rate.",
        "specsr upscale logger.wav --model {name} --scale 2 -o full.wav",
        "The measured band is kept; everything above it is an estimate.",
    ),
    "denoise": _Purpose(
        "audio-to-audio",
        (*_MAPS, "denoising"),
        "Reduces the noise of a recording.",
        "specsr denoise cabin.wav --model {name} -o quiet.wav",
        "The phase of every cell is kept; its attenuation is an estimate.",
    ),
    "noise": _Purpose(
        "audio-to-audio",
        (*_MAPS, "denoising"),
        "Removes noise that was recorded alone from a recording.",
        "specsr denoise run.wav --noise idle.wav --model {name} -o quiet.wav",
        "The phase of every cell is kept; its attenuation is an estimate.",
    ),
    "speckle": _Purpose(
        "audio-to-audio",
        (*_MAPS, "denoising"),
        "Estimates the expected spectrogram of a recording: without the random scatter of noise.",
        "specsr spectrogram run.wav --expected --model {name} -o clean.npz",
        "The power of lines and third octaves over time is kept; every other level is an estimate, "
        "with its uncertainty.",
    ),
    "windows": _Purpose(
        "audio-to-audio",
        (*_MAPS, "super-resolution"),
        "Combines three windows into one spectrogram that is sharp in frequency and time.",
        "specsr spectrogram run.wav --sharp --model {name} -o sharp.npz",
        "Every level is an estimate, with its uncertainty.",
    ),
    "image": _Purpose(
        "image-to-image",
        ("image", "super-resolution"),
        "Enlarges images.",
        "specsr upscale photo.png --model {name} --scale {scale} -o big.png",
        "Every pixel is an estimate; fine texture may be invented.",
    ),
}
_SCORES = {
    "validation_l1_db": ("mae", "mean absolute error of levels, dB"),
    "validation_psnr_db": ("psnr", "PSNR, dB"),
    "validation_improvement_db": ("si-sdr-improvement", "improvement of the signal, dB"),
}
"""Fields of a training record, with the metric that they hold."""


def hub_card(model: str | Path) -> str:
    """Return the card of a model as Markdown with YAML front matter, from the model's own record.

    Args:
        model: bundled name or model file; only a bundled one has the licence of specsr.

    Raises:
        SpecsrError: no such model, or a damaged one.
    """
    facts = dict(model_card(model))
    info = read_info(model_path(model))
    purpose = _PURPOSES.get(info["pair"])
    name, record = facts.pop("name"), info["record"]
    front: dict[str, Any] = {"license": "mit"} if str(model) in bundled_models() else {}
    front |= {
        "library_name": "specsr",
        "pipeline_tag": purpose.task if purpose else "audio-to-audio",
        "tags": [*(purpose.tags if purpose else _MAPS), info["architecture"]],
    }
    metrics = [
        {"type": kind, "name": text, "value": round(float(record[field]), 4)}
        for field, (kind, text) in _SCORES.items()
        if field in record
    ]
    if metrics:
        dataset = {"name": "held-out examples of the training", "type": "held-out"}
        result = {"task": {"type": front["pipeline_tag"]}, "dataset": dataset, "metrics": metrics}
        front["model-index"] = [{"name": name, "results": [result]}]
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=100)
    parts = [f"---\n{head}---", f"# {_cell(name)}"]
    if purpose:
        scale = load_model(model).net.scales[-1][0]
        command = purpose.command.format(name=shlex.quote(name), scale=scale)
        parts += [
            f"{purpose.text} {purpose.kept}",
            f"```sh\npip install specsr\n{command}\n```",
        ]
    rows = [f"| {label} | {_cell(text)} |" for label, text in facts.items()]
    parts.append("\n".join(["| | |", "| --- | --- |", *rows]))
    parts.append("Scores and limits: docs/results.md and docs/models.md of specsr.")
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    """Return a text of a file for Markdown: no markup of its own."""
    for mark in "\\`|<>[]*_#":
        text = text.replace(mark, f"\\{mark}")
    return text
