"""The commands that work on images: upscale (of pictures), benchmark images, convert."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from .cli_options import Batch, Device, Overwrite, Precision, PrecisionOption, bar, complain, say
from .errors import SpecsrError


def all_images(inputs: list[Path]) -> bool:
    """Whether every input is a picture, or a folder that holds pictures and no recordings."""
    from . import io
    from .io.image import find_images, is_image

    def images_only(path: Path) -> bool:
        if not path.is_dir():
            return is_image(path)
        try:
            find_images([path])
        except SpecsrError:
            return False
        try:
            io.find_inputs([path])
        except SpecsrError:
            return True
        return False

    return all(images_only(path) for path in inputs)


def upscale_images(
    inputs: list[Path], out: list[Path], scale: int, model: str | None, suffix: str | None,
    options: Any, batch: Batch, foreign: list[str],
) -> None:  # fmt: skip
    """Enlarge pictures; ``foreign`` names options given that have no meaning for them."""
    from . import jobs
    from .batch import run
    from .image import image_model
    from .tasks import Enlarge

    if foreign:
        raise SpecsrError(f"{', '.join(foreign)}: for sound, not for pictures: leave it out")
    todo = jobs.plan(inputs, out, suffix, batch, images=True)
    image_model(model, scale)  # a wrong one is a mistake of the command, not of every file
    if run(todo, Enlarge(scale, model, options), batch, say, complain, bar):
        raise typer.Exit(1)


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def benchmark_images(
    folder: Annotated[
        Path, typer.Argument(help="Folder of sets: Set5/HR, Set5/LR_bicubic/X2, DIV2K, ...")
    ],
    model: Annotated[
        Optional[list[str]],
        typer.Option(
            "--model", help="Name or file; can be given again.  All bundled if not given."
        ),
    ] = None,
    sets: Annotated[
        str, typer.Option(help="Such as Set5,Set14.  All in the folder if not given.")
    ] = "",
    scales: Annotated[str, typer.Option(help="Such as 2,3,4.")] = "2,3,4",
    protocol: Annotated[
        str, typer.Option(help="paper, float, or both; DIV2K is always scored in RGB.")
    ] = "paper,float",
    plus: Annotated[
        str,
        typer.Option(help="Sets to score also as mean over 8 flips and turns (8 x the time); all."),
    ] = "",
    limit: Annotated[
        Optional[int], typer.Option(help="Only the first images of each set.", min=1)
    ] = None,
    save_images: Annotated[
        Optional[Path], typer.Option(help="Also write the images that were scored here.")
    ] = None,
    json_out: Annotated[
        Optional[Path], typer.Option("--json", help="Also write every number here.")
    ] = None,
    markdown: Annotated[
        Optional[Path], typer.Option("--markdown", help="Also write the tables here.")
    ] = None,
    precision: PrecisionOption = Precision.float32,
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Score image models: PSNR and SSIM, published figures beside them."""
    from . import io
    from .image_benchmark import BenchmarkOptions, run_benchmark
    from .infer import InferOptions

    for path in (json_out, markdown):
        if path is not None:
            io.check_output(path, overwrite)
    if save_images is not None and save_images.exists() and not overwrite:
        raise SpecsrError(f"{save_images} exists: choose another folder, or allow --overwrite")
    try:
        numbers = tuple(int(part) for part in _list(scales))
    except ValueError:
        raise SpecsrError(f"--scales is {scales!r}: expected such as 2,3,4") from None
    options = BenchmarkOptions(
        sets=tuple(_list(sets)), scales=numbers, protocols=tuple(_list(protocol)),
        plus=tuple(_list(plus)), limit=limit, save_images=save_images,
        infer=InferOptions(precision=precision.value, device=device),
    )  # fmt: skip
    report = run_benchmark(folder, model, options, bar("scoring"))
    typer.echo(report.markdown())
    for path, text in ((json_out, report.json()), (markdown, report.markdown())):
        if path is not None:
            with io.replacing(path, overwrite=overwrite) as [partial]:
                partial.write_text(text, encoding="utf-8")
            say(f"{path}: written")


def benchmark_step(
    configs: Annotated[list[Path], typer.Argument(help="YAML configs to compare.")],
    change: Annotated[
        Optional[list[str]], typer.Option("--set", help="section.key=value, for all of them.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps to take the fastest of.", min=1)] = 5,
) -> None:
    """Time and memory of one training step of configs, such as with and without batch norm."""
    from .config import load_config
    from .step_cost import step_cost

    loaded = [load_config(path, change) for path in configs]
    typer.echo("| config | parameters | time a step | kept for the backward pass | peak on GPU |")
    typer.echo("| --- | ---: | ---: | ---: | ---: |")
    for config in bar("measuring")(loaded):
        cost = step_cost(config, steps)
        peak = f"{cost.peak_bytes / 2**20:.0f} MiB" if cost.peak_bytes else "-"
        typer.echo(
            f"| {cost.name} | {cost.parameters:,} | {1000 * cost.seconds:.0f} ms | "
            f"{cost.kept_bytes / 2**20:.1f} MiB | {peak} |"
        )


def convert(
    checkpoint: Annotated[Path, typer.Argument(help="EDSR or MDSR of EDSR-PyTorch (.pt, .pth).")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Model file (.safetensors) to write.")],
    name: Annotated[Optional[str], typer.Option(help="Name of the model; the file's if not given.")]
    = None,
    res_scale: Annotated[
        Optional[float],
        typer.Option(help="Residual scaling; as published (0.1 for 256 features, else 1) if not."),
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Store in half precision.")] = False,
    gray: Annotated[bool, typer.Option("--gray", help="Turn RGB into one channel.")] = False,
    overwrite: Overwrite = False,
) -> None:  # fmt: skip
    """Turn a published checkpoint into a model file; no code in it is run."""
    from . import io
    from .convert import convert as run
    from .weights import save_model

    if out.suffix != ".safetensors":
        raise SpecsrError(f"{out}: expected a name that ends in .safetensors")
    io.check_output(out, overwrite)
    model = run(checkpoint, name=name or out.stem, res_scale=res_scale, gray=gray)
    save_model(out, model, overwrite, half)
    config = model.net.config
    scales = ", ".join(f"x{scale[0]}" for scale in model.net.scales)
    say(
        f"{checkpoint} -> {out}: {type(model.net).__name__} {scales}, {config.n_resblocks} blocks "
        f"x {config.n_feats} features, {config.in_channels} channels, residual scaling "
        f"{config.res_scale:g}, {model.parameters:,} parameters"
    )
