"""Model card: what a model file was trained for and on, as lines of text."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def model_card(model: str | Path) -> list[list[str]]:
    """Return [label, text] for each line of a model's card.

    Args:
        model: bundled name or model file.

    Raises:
        SpecsrError: no such model, or a damaged one.
    """
    # imported here: a report without a model does not load torch
    from specsr.models.bundled import load_model, model_path
    from specsr.models.model import read_info
    from specsr.models.record import plain, training_words

    loaded = load_model(model)
    info = read_info(model_path(model))
    config, record = info["config"], info["record"]
    scales = config.get("scales") or [config["scale"]]
    lines = [
        ["name", info["name"]],
        ["pair", f"{info['pair']}, scale {', '.join(f'{a} x {b}' for a, b in scales)}"],
        [
            "network",
            f"{info['architecture'].upper()}, {config['n_resblocks']} blocks x "
            f"{config['n_feats']} features, {loaded.parameters / 1e6:.2f} M parameters",
        ],
    ]
    if info["pair"] != "image":  # pixels have neither rate nor level
        lines += [
            ["trained on rates", f"{info['rates'][0]:g} to {info['rates'][1]:g} Hz"],
            ["trained on grids", "; ".join(sorted({_grid_words(g) for g in info["grids"]}))],
            ["range of levels", f"± {info['db_range']:g} dB about the median level of the map"],
        ]
    training = record.get("config", {})
    data = training.get("data", {})
    found = []
    if data.get("synth", {}).get("count"):
        found.append(f"{data['synth']['count']} synthetic machines")
    found += [Path(folder).name for folder in data.get("folders", [])]
    if real := data.get("real", {}).get("folders"):
        found.append("recordings: " + ", ".join(Path(folder).name for folder in real))
    if found:
        lines.append(["data", ", ".join(found)])
    if "loss" in training.get("train", {}):
        lines.append(["loss (last stage)", training["train"]["loss"]])
    if words := training_words(record):
        lines.append(["training", words])
    if "seed" in training.get("train", {}):
        seeds = f"{training['train']['seed']} of the draws"
        if data.get("synth", {}).get("count") and "seed" in data["synth"]:
            seeds += f", {data['synth']['seed']} of the first machine"
        lines.append(["seeds", seeds])
    if "start" in record:
        lines.append(["initial weights", record["start"]])
    if "validation_l1_db" in record:
        lines.append(["held-out L1", f"{record['validation_l1_db']:.2f} dB"])
    if "validation_psnr_db" in record:
        lines.append(["held-out PSNR", f"{record['validation_psnr_db']:.2f} dB"])
    if training.get("note"):
        lines.append(["note", training["note"]])
    return [[label, plain(text)] for label, text in lines]


def _grid_words(grid: dict[str, Any]) -> str:
    return f"{grid['window']} {grid['n_fft']}/{grid['hop_length']}"
