"""``specsr train``: train a model from a config."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from specsr.cli.document import fact, wrote
from specsr.cli.output import bar, say

if TYPE_CHECKING:
    from specsr.train.config import Config


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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print data, size and estimated time; train nothing.")
    ] = False,
) -> None:
    """Train a model from a config, on one device or several.

    An interrupted run that continues with --resume ends with the same weights as one without
    interruption.
    """
    from specsr.train.config_file import load_config

    loaded = load_config(config, overrides)
    if dry_run:
        return _estimate(loaded)
    from specsr.models.model import read_info
    from specsr.train.train import train as run

    path = run(loaded, out or Path("runs") / loaded.name, resume, bar(loaded.name))
    if path is None:  # another process of the run writes the model and the messages
        return
    record = read_info(path)["record"]
    wrote(path)
    fact(model=path, record=record)
    wait = record.get("loader_wait", 0.0)
    say(
        f"{path}: {record['steps']} steps in {record['seconds']} s, {wait:.1%} of it waiting for "
        f"data; use it with --model {path}"
    )
    if wait > 0.05 and record["seconds"] > 60:
        say(f"more than {loaded.train.workers} train.workers would reduce the waiting")


def _estimate(config: Config) -> None:
    """Print what a run would train on, the size of its network, and its memory and time."""
    from specsr.benchmark.step import step_cost
    from specsr.train.data import sources
    from specsr.train.train import check

    check(config)
    say(f"{config.name}: {', '.join(sources(config))}")
    cost = step_cost(config, 2)
    fact(
        name=config.name, data=sources(config), parameters=cost.parameters,
        step_seconds=cost.seconds, step_bytes=cost.kept_bytes, steps=config.train.steps,
    )  # fmt: skip
    kept, train = cost.kept_bytes / 2**30, config.train
    say(f"{cost.parameters:,} parameters, {kept:.2f} GiB of activations in a step of "
        f"{train.batch // train.accumulate} crops")  # fmt: skip
    hours = cost.seconds * train.steps / 3600
    say(f"{cost.seconds:.2g} s for a step at the first scale: {train.steps} steps take {hours:.1f} "
        "h of one core, or of the GPU if it runs on one")  # fmt: skip
