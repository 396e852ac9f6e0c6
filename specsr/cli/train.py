"""Train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from specsr.cli.options import bar, say


def train(
    config: Annotated[Path, typer.Argument(help="A YAML config, such as those in configs/.")],
    overrides: Annotated[
        Optional[list[str]], typer.Argument(help="Changes as section.key=value.")
    ] = None,
    out: Annotated[
        Optional[Path],
        typer.Option("-o", "--out", help="Folder of the run; runs/NAME if not given."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint.")
    ] = False,
) -> None:
    """Train a model from a config, on one device or several.

    A run that was killed goes on with --resume and ends as if it had not been.
    """
    from specsr.train.config_file import load_config

    loaded = load_config(config, overrides)
    from specsr.models.model import read_info
    from specsr.train.train import train as run

    path = run(loaded, out or Path("runs") / loaded.name, resume, bar(loaded.name))
    if path is None:  # another process wrote it and speaks
        return
    record = read_info(path)["record"]
    wait = record.get("loader_wait", 0.0)
    say(
        f"{path}: {record['steps']} steps in {record['seconds']} s, {wait:.1%} of them waiting for "
        f"data; use it with --model {path}"
    )
    if wait > 0.05 and record["seconds"] > 60:
        say(f"more train.workers than {loaded.train.workers} would shorten the waiting")
