"""``specsr train``: train a model from a config."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from specsr.cli.output import bar, say


def train(
    config: Annotated[Path, typer.Argument(help="YAML config, such as those in configs/.")],
    overrides: Annotated[
        Optional[list[str]], typer.Argument(help="Changes to the config as section.key=value.")
    ] = None,
    out: Annotated[
        Optional[Path],
        typer.Option("-o", "--out", help="Folder of the run [default: runs/NAME]."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue from the last checkpoint.")
    ] = False,
) -> None:
    """Train a model from a config, on one device or several.

    An interrupted run that continues with --resume ends with the same weights as one without
    interruption.
    """
    from specsr.train.config_file import load_config

    loaded = load_config(config, overrides)
    from specsr.models.model import read_info
    from specsr.train.train import train as run

    path = run(loaded, out or Path("runs") / loaded.name, resume, bar(loaded.name))
    if path is None:  # another process of the run writes the model and the messages
        return
    record = read_info(path)["record"]
    wait = record.get("loader_wait", 0.0)
    say(
        f"{path}: {record['steps']} steps in {record['seconds']} s, {wait:.1%} of it waiting for "
        f"data; use it with --model {path}"
    )
    if wait > 0.05 and record["seconds"] > 60:
        say(f"more than {loaded.train.workers} train.workers would reduce the waiting")
