"""``specsr benchmark``: speed, image scores and cost of a training step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from specsr.benchmark.options import STEPS, BenchmarkOptions, SpeedOptions
from specsr.cli.document import fact, wrote
from specsr.cli.options import DocumentOut, MarkdownOut, Overwrite, network_options, numbers, words
from specsr.cli.output import bar, check_files, say, show, write_document, write_text
from specsr.errors import SpecsrError
from specsr.models.options import InferOptions

TITLES = {
    "network": "Network: EDSR baseline x4, one channel",
    "accuracy": "Accuracy of the arithmetic: image-x4 on a zone plate",
    "jobs": "Whole jobs on one channel at 48 kHz",
    "phase": "Phase",
    "start": "Start-up",
}

Table = list[dict[str, Any]]


def benchmark_speed(
    context: typer.Context,
    only: Annotated[
        str, typer.Option(help="Parts to measure, with commas.")
    ] = ",".join(TITLES),
    side: Annotated[
        int, typer.Option(help="Rows and columns of the network's input.", min=8)
    ] = SpeedOptions.side,
    seconds: Annotated[
        float, typer.Option(help="Length of the recording of whole jobs, s.", min=2.0)
    ] = SpeedOptions.seconds,
    repeats: Annotated[
        int, typer.Option(help="Number of runs, of which the fastest counts.", min=1)
    ] = SpeedOptions.repeats,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = SpeedOptions.device,
    out: DocumentOut = None,
    markdown: MarkdownOut = None,
    overwrite: Overwrite = False,
) -> None:  # fmt: skip
    """Compare the speed with plain reference code, and show where the time of whole jobs goes.

    Ratios are of times within this run.
    """
    from specsr.benchmark.timing import machine, slow_kinds
    from specsr.scores.markdown import markdown_table

    wanted = words(only)
    if unknown := [name for name in wanted if name not in TITLES]:
        raise SpecsrError(f"--only is {', '.join(unknown)}: expected of {', '.join(TITLES)}")
    check_files([out, markdown], [], overwrite)

    def command_line(arguments: list[str]) -> None:
        context.find_root().command.main(arguments, standalone_mode=False)

    say("measuring: matrix products")
    facts = machine(device)
    slow = slow_kinds(facts)
    parts = _parts(SpeedOptions(side, seconds, repeats, device), slow, command_line)
    tables: dict[str, Table] = {}
    for name in wanted:
        say(f"measuring: {TITLES[name]}")
        tables[name] = parts[name]()
    sections = ["# Speed", "\n".join(f"- {key}: {value}" for key, value in facts.items())]
    sections += [f"## {TITLES[name]}\n\n{markdown_table(rows)}" for name, rows in tables.items()]
    text = "\n\n".join(sections) + "\n"
    show(text)
    fact(machine=facts, tables=tables)
    _write(out, markdown, text, overwrite)


def _parts(
    options: SpeedOptions, slow: dict[str, float], command_line: Callable[[list[str]], None]
) -> dict[str, Callable[[], Table]]:
    """Return the measurements of `TITLES` by name."""
    from specsr.benchmark.jobs import jobs, phase, start_up
    from specsr.benchmark.network import accuracy, network
    from specsr.models.bundled import bundled_info

    commands = {"band": "upscale", "denoise": "denoise"}
    models: dict[str, list[str]] = {command: [] for command in commands.values()}
    for name, info in bundled_info().items():
        if command := commands.get(info["pair"]):
            models[command].append(name)
    return {
        "network": lambda: network(options, slow, bar("measuring")),
        "accuracy": lambda: accuracy(slow),
        "jobs": lambda: jobs(options, models, command_line),
        "phase": lambda: phase(options),
        "start": lambda: start_up(options.repeats),
    }


@network_options("precision", "device")
def benchmark_images(
    folder: Annotated[
        Path, typer.Argument(help="Folder of sets: Set5/HR, Set5/LR_bicubic/X2, DIV2K, ...")
    ],
    model: Annotated[
        Optional[list[str]],
        typer.Option("--model", help="Name or file, repeatable [default: all bundled]."),
    ] = None,
    sets: Annotated[
        str, typer.Option(help="Sets, such as Set5,Set14 [default: all in the folder].")
    ] = "",
    scales: Annotated[str, typer.Option(help="Scales to score.")] = ",".join(
        map(str, BenchmarkOptions.scales)
    ),
    protocol: Annotated[
        str, typer.Option(help="Protocols of luma: paper, float or both; DIV2K is scored in RGB.")
    ] = ",".join(BenchmarkOptions.protocols),
    plus: Annotated[
        str, typer.Option(help="Sets to score with self-ensemble too (8x slower), or 'all'.")
    ] = "",
    limit: Annotated[
        Optional[int], typer.Option(help="Number of images of each set [default: all].", min=1)
    ] = None,
    save_images: Annotated[
        Optional[Path], typer.Option(help="Also write the scored images to this folder.")
    ] = None,
    out: DocumentOut = None,
    markdown: MarkdownOut = None,
    overwrite: Overwrite = False,
    network: InferOptions = InferOptions(),
) -> None:
    """Score image models on benchmark sets: PSNR and SSIM beside published values."""
    from specsr.benchmark.images import run_benchmark
    from specsr.io.image import find_images

    images = find_images([folder]) if folder.is_dir() else []
    check_files([out, markdown], [*images, *(model or [])], overwrite)
    if save_images is not None and save_images.exists() and not overwrite:
        raise SpecsrError(f"{save_images} exists: choose another folder, or allow --overwrite")
    wanted = numbers(scales, "--scales")
    if any(scale != int(scale) for scale in wanted):
        raise SpecsrError(f"--scales is {scales!r}: expected whole numbers, such as 2,3,4")
    options = BenchmarkOptions(
        sets=words(sets), scales=tuple(map(int, wanted)), protocols=words(protocol),
        plus=words(plus), limit=limit, save_images=save_images, infer=network,
    )  # fmt: skip
    report = run_benchmark(folder, model, options, bar("scoring"))
    show(report.markdown())
    fact(**report.to_dict())
    _write(out, markdown, report.markdown(), overwrite)


def benchmark_step(
    configs: Annotated[list[Path], typer.Argument(help="YAML configs to compare.")],
    change: Annotated[
        Optional[list[str]],
        typer.Option("--set", help="Change of all configs as section.key=value, repeatable."),
    ] = None,
    steps: Annotated[
        int, typer.Option(help="Number of steps, of which the fastest counts.", min=1)
    ] = STEPS,
) -> None:
    """Compare time and memory of one training step between configs."""
    from specsr.scores.markdown import markdown_table
    from specsr.train.config_file import load_config

    loaded = [load_config(path, change) for path in configs]
    from specsr.benchmark.step import step_cost  # imports torch, after the checks

    rows = []
    for config in bar("measuring")(loaded):
        cost = step_cost(config, steps)
        peak = None if cost.peak_bytes is None else round(cost.peak_bytes / 2**20)
        rows.append({
            "config": cost.name, "parameters": cost.parameters,
            "time of a step, ms": round(1000 * cost.seconds),
            "kept for the backward pass, MiB": cost.kept_bytes / 2**20,
            "peak on GPU, MiB": peak,
        })  # fmt: skip
    fact(steps=rows)
    show(markdown_table(rows, decimals=1))


def _write(out: Path | None, markdown: Path | None, text: str, overwrite: bool) -> None:
    """Write the tables as Markdown, and the JSON document of the command."""
    if markdown is not None:
        write_text(markdown, text, overwrite)
        wrote(markdown)
    if out is not None:
        write_document(out, overwrite)
