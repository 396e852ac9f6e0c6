"""The command that measures speed on the user's machine."""

from __future__ import annotations

import io as text_io
import json
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from specsr.benchmark.timing import SpeedOptions, machine
from specsr.cli.options import Device, Overwrite, Precision, PrecisionOption, bar, say
from specsr.errors import SpecsrError

TITLES = {
    "network": "Network: EDSR baseline x4, one channel",
    "accuracy": "What the arithmetic costs: image-x4 on a zone plate",
    "jobs": "Whole jobs on one channel at 48 kHz",
    "phase": "Phase",
    "start": "Start-up",
}


def benchmark_speed(
    only: Annotated[str, typer.Option(help=f"Of {','.join(TITLES)}.")] = ",".join(TITLES),
    side: Annotated[int, typer.Option(help="Rows and columns of the network's input.", min=8)]
    = 256,
    seconds: Annotated[float, typer.Option(help="Length of the jobs' recording, s.", min=2.0)]
    = 60.0,
    repeats: Annotated[int, typer.Option(help="Runs of which the fastest counts.", min=1)] = 3,
    device: Device = "cpu",
    json_out: Annotated[
        Optional[Path], typer.Option("--json", help="Also write every number here.")
    ] = None,
    markdown: Annotated[
        Optional[Path], typer.Option("--markdown", help="Also write the tables here.")
    ] = None,
    overwrite: Overwrite = False,
    *,
    context: typer.Context,
) -> None:  # fmt: skip
    """Speed beside plain reference code, as ratios within this run, and where the time goes."""
    from specsr import io
    from specsr.benchmark import jobs as bench
    from specsr.benchmark import network as speed_network
    from specsr.models.bundled import BUNDLED, bundled_models
    from specsr.models.model import read_info

    def command_line(words: list[str]) -> None:
        context.find_root().command.main(words, standalone_mode=False)

    wanted = [name.strip() for name in only.split(",")]
    if unknown := [name for name in wanted if name not in TITLES]:
        raise SpecsrError(f"--only is {', '.join(unknown)}: expected of {', '.join(TITLES)}")
    for path in (json_out, markdown):
        if path is not None:
            io.check_output(path, overwrite)
    options = SpeedOptions(side, seconds, repeats, device)
    pairs = {"band": "upscale", "denoise": "denoise"}
    models: dict[str, list[str]] = {command: [] for command in pairs.values()}
    for name in bundled_models():
        if command := pairs.get(read_info(BUNDLED / f"{name}.safetensors")["pair"]):
            models[command].append(name)
    runs = {
        "network": lambda: speed_network.network(options),
        "accuracy": speed_network.accuracy,
        "jobs": lambda: bench.jobs(options, models, command_line),
        "phase": lambda: bench.phase(options),
        "start": lambda: bench.start_up(repeats),
    }
    facts = machine(device)
    tables: dict[str, list[dict[str, Any]]] = {}
    for name in wanted:
        say(f"measuring: {TITLES[name]}")
        tables[name] = runs[name]()
    lines = [f"- {key}: {value}" for key, value in facts.items()]
    parts = ["# Speed", "\n".join(lines)]
    parts += [f"## {TITLES[name]}\n\n{_table(rows)}" for name, rows in tables.items()]
    text = "\n\n".join(parts) + "\n"
    typer.echo(text)
    numbers = json.dumps({"machine": facts, "tables": tables}, indent=1) + "\n"
    for path, content in ((json_out, numbers), (markdown, text)):
        if path is not None:
            with io.replacing(path, overwrite=overwrite) as [partial]:
                partial.write_text(content, encoding="utf-8")
            say(f"{path}: written")


def _table(rows: list[dict[str, Any]]) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(box=box.MARKDOWN)
    for name in columns:
        right = any(isinstance(row.get(name), (int, float)) for row in rows)
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in columns))
    out = text_io.StringIO()
    Console(file=out, width=400, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().strip().splitlines())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, (int, float)):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}" if value else "0"


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
    from specsr import io
    from specsr.benchmark.images import BenchmarkOptions, run_benchmark
    from specsr.models.options import InferOptions

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
    from specsr.benchmark.step import step_cost
    from specsr.train.config_file import load_config

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
