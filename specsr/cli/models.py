"""``specsr models``, ``convert`` and ``export``: bundled models, and files of other programs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Optional

import typer

from specsr.choices import OPSET
from specsr.cli.document import current, fact, wrote
from specsr.cli.options import Overwrite
from specsr.cli.output import cell, check_files, say, show, show_table
from specsr.errors import SpecsrError


def models(
    card: Annotated[
        Optional[str],
        typer.Option(help="Instead: the card of a model (name or file) as model hubs read it."),
    ] = None,
) -> None:
    """List the bundled models: pair, scale, score and training."""
    if card is not None:
        from specsr.models.hub_card import hub_card

        text = hub_card(card)
        fact(card=text)
        show(text.rstrip("\n"))
        return
    from specsr.models.bundled import bundled_info, model_path
    from specsr.models.record import score_words, training_words

    infos = bundled_info()
    fact(models=infos)
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
    if out.suffix != ".safetensors":
        raise SpecsrError(f"{out}: expected a name that ends in .safetensors")
    if not checkpoint.is_file():
        raise SpecsrError(f"{checkpoint}: no such checkpoint: check the name")
    read = check_files([out], [checkpoint], overwrite)
    from specsr.models.edsr_pytorch import convert as run  # these import torch, after the checks
    from specsr.models.model import save_model

    model = run(checkpoint, name=name or out.stem, res_scale=res_scale, gray=gray)
    read.check()
    save_model(out, model, overwrite, half)
    wrote(out)
    config = model.net.config
    fact(
        name=model.name, network=type(model.net).__name__, scales=model.net.scales,
        config=config, parameters=model.parameters,
    )  # fmt: skip
    scales = ", ".join(f"x{scale[0]}" for scale in model.net.scales)
    say(
        f"{checkpoint} -> {out}: {type(model.net).__name__} {scales}, {config.n_resblocks} blocks "
        f"x {config.n_feats} features, {config.in_channels} channels, residual scaling "
        f"{config.res_scale:g}, {model.parameters:,} parameters"
    )


def export(
    model: Annotated[str, typer.Argument(help="Model: bundled name or .safetensors file.")],
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--out", help="ONNX file (.onnx) to write; for several scales NAME-x2.onnx, ..."
        ),
    ],
    scale: Annotated[
        Optional[str],
        typer.Option(help="Scale, such as 4, or 4x1 (rows x columns) [default: all of the model]."),
    ] = None,
    opset: Annotated[
        int, typer.Option(help="Version of ONNX's operator set, 13 to 20; lower is read by more.")
    ] = OPSET,
    overwrite: Overwrite = False,
) -> None:
    """Export a model as ONNX, for use in C++, MATLAB, a browser and other programs.

    The graph takes any batch, rows and columns.  Its results are compared with PyTorch.  What to
    compute before and after it: docs/models.md.
    """
    chosen = None if scale is None else _scale(scale)
    if out.suffix.lower() != ".onnx":
        raise SpecsrError(f"{out}: expected a name that ends in .onnx")
    if Path(model).suffix and not Path(model).is_file():
        raise SpecsrError(f"{model}: no such model file; `specsr models` lists the bundled ones")
    read = check_files([out] if chosen else [], [model], overwrite)
    from specsr.models.bundled import load_model  # these import torch, after the checks
    from specsr.models.onnx_export import onnx_paths, save_onnx, scale_name

    loaded = load_model(model)
    read.check()
    check_files([*onnx_paths(out, loaded, chosen)], [model], overwrite)
    fact(model=model, opset=opset, files=[])
    for file in save_onnx(out, loaded, chosen, opset, overwrite):
        wrote(file.path)
        current().result["files"].append(file)
        unit = "of 255" if loaded.pair == "image" else "dB"
        checked = (
            "not compared with PyTorch: pip install 'specsr[onnx]'"
            if file.difference is None
            else f"largest difference to PyTorch {file.difference:.1e} {unit}"
        )
        say(
            f"{model} -> {file.path}: {scale_name(file.scale)}, opset {opset}, "
            f"{file.path.stat().st_size / 1e6:.1f} MB, {checked}"
        )


def _scale(text: str) -> tuple[int, int]:
    """Return (s_f, s_t) of 4, x4 or 4x1."""
    found = re.fullmatch(r"x?([1-9]\d{0,3})(?:x([1-9]\d{0,3}))?", text)
    if not found:
        raise SpecsrError(f"--scale is {text!r}: expected a whole number such as 4, or 4x1")
    return int(found[1]), int(found[2] or found[1])
