"""The command that measures speed on the user's machine."""

from __future__ import annotations

import io as text_io
import json
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from .cli_options import Device, Overwrite, say
from .errors import SpecsrError

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
) -> None:  # fmt: skip
    """Speed beside plain reference code, as ratios within this run, and where the time goes."""
    from . import io, speed_network
    from . import speed_benchmark as bench
    from .weights import BUNDLED, bundled_models, read_info

    wanted = [name.strip() for name in only.split(",")]
    if unknown := [name for name in wanted if name not in TITLES]:
        raise SpecsrError(f"--only is {', '.join(unknown)}: expected of {', '.join(TITLES)}")
    for path in (json_out, markdown):
        if path is not None:
            io.check_output(path, overwrite)
    options = bench.SpeedOptions(side, seconds, repeats, device)
    pairs = {"band": "upscale", "denoise": "denoise"}
    models: dict[str, list[str]] = {command: [] for command in pairs.values()}
    for name in bundled_models():
        if command := pairs.get(read_info(BUNDLED / f"{name}.safetensors")["pair"]):
            models[command].append(name)
    runs = {
        "network": lambda: speed_network.network(options),
        "accuracy": speed_network.accuracy,
        "jobs": lambda: bench.jobs(options, models),
        "phase": lambda: bench.phase(options),
        "start": lambda: bench.start_up(repeats),
    }
    facts = bench.machine(device)
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
