"""``specsr models`` and ``convert``: bundled models, and checkpoints of EDSR-PyTorch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Optional

import typer

from specsr.cli.options import Overwrite
from specsr.cli.output import cell, check_files, say, show, show_table
from specsr.errors import SpecsrError


def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """List the bundled models: pair, scale, score and training."""
    from specsr.models.bundled import bundled_info, model_path
    from specsr.models.record import score_words, training_words

    infos = bundled_info()
    if as_json:
        show(json.dumps(infos, indent=1))
        return
    from rich.table import Table

    table = Table(
        "model", "pair", "scale", "network", "size", "held-out L1 (image: PSNR)", "training"
    )
    for name, info in infos.items():
        config, record = info["config"], info["record"]
        scales = config.get("scales") or [config["scale"]]
        shown = ", ".join(f"x{a}" if a == b else f"{a}x{b}" for a, b in scales)
        ratios = record.get("config", {}).get("pair", {}).get("ratios")
        if info["pair"] == "band" and ratios:
            shown = f"rate x{min(ratios):g} to x{max(ratios):g}"
        table.add_row(
            cell(name),
            info["pair"],
            shown,
            f"{info['architecture'].upper()} {config['n_resblocks']} x {config['n_feats']}",
            f"{model_path(name).stat().st_size / 1e6:.1f} MB",
            score_words(record),
            training_words(record),
        )
    show_table(table, 140)


def convert(
    checkpoint: Annotated[
        Path, typer.Argument(help="EDSR or MDSR checkpoint of EDSR-PyTorch (.pt, .pth).")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Model file (.safetensors) to write.")],
    name: Annotated[
        Optional[str], typer.Option(help="Name of the model [default: that of the file].")
    ] = None,
    res_scale: Annotated[
        Optional[float],
        typer.Option(
            help="Residual scaling [default: as published, 0.1 for 256 features, else 1]."
        ),
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Store in half precision.")] = False,
    gray: Annotated[bool, typer.Option("--gray", help="Merge the RGB channels into one.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Convert a published checkpoint to a model file.

    Code in the checkpoint is never executed.
    """
    from specsr.models.edsr_pytorch import convert as run
    from specsr.models.model import save_model

    if out.suffix != ".safetensors":
        raise SpecsrError(f"{out}: expected a name that ends in .safetensors")
    read = check_files([out], [checkpoint], overwrite)
    model = run(checkpoint, name=name or out.stem, res_scale=res_scale, gray=gray)
    read.check()
    save_model(out, model, overwrite, half)
    config = model.net.config
    scales = ", ".join(f"x{scale[0]}" for scale in model.net.scales)
    say(
        f"{checkpoint} -> {out}: {type(model.net).__name__} {scales}, {config.n_resblocks} blocks "
        f"x {config.n_feats} features, {config.in_channels} channels, residual scaling "
        f"{config.res_scale:g}, {model.parameters:,} parameters"
    )
