"""``specsr evaluate``: compare a result with its reference."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from specsr.choices import DB_RANGE
from specsr.cli.document import fact
from specsr.cli.options import (
    Bandwidth,
    DocumentOut,
    LevelRange,
    Overwrite,
    order_numbers,
    reading_options,
)
from specsr.cli.output import check_files, say, show, write_document
from specsr.jobs.options import Reading


@reading_options()
def evaluate(
    result: Annotated[Path, typer.Argument(help="Recording or map to evaluate.")],
    reference: Annotated[Path, typer.Argument(help="Recording or map to compare it with.")],
    cut: Annotated[
        Optional[float], typer.Option(help="Frequency that divides the LSD in two bands, Hz.")
    ] = None,
    order_list: Annotated[
        str, typer.Option("--orders", help="Orders to compare, such as 2,4; needs a speed.")
    ] = "",
    bandwidth: Bandwidth = None,
    low: Annotated[
        Optional[Path],
        typer.Option(
            help="The low-resolution input; baselines computed from it (resampling, bicubic with "
            "and without back-projection) are scored alongside."
        ),
    ] = None,
    db_range: LevelRange = DB_RANGE,
    out: DocumentOut = None,
    overwrite: Overwrite = False,
    reading: Reading = Reading(),
) -> None:
    """Compare a result with its reference.

    Levels, third octaves, orders, loudness and spectral distances.

    Errors are result minus reference.  A PSNR holds for its level range only, the level of an
    order for the bandwidth in its name.
    """
    from specsr.jobs.inputs import load

    read = check_files([out], [result, reference, low, reading.tone], overwrite)
    signals = load(result, reading), load(reference, reading)
    from specsr.scores.evaluate import EvaluateOptions  # these import torch, after the checks
    from specsr.scores.evaluate import evaluate as compare

    scores = compare(
        *signals,
        cut=cut,
        orders=order_numbers(order_list, "--orders"),
        low=None if low is None else load(low, reading),
        options=EvaluateOptions(bandwidth=bandwidth, db_range=db_range),
    )
    read.check()
    fact(**scores.to_dict())
    show(scores.table())
    if scores.settings["cropped"]:
        say(f"compared: {scores.settings['cropped']}")
    if str(scores.settings["loudness"]).startswith("not"):
        say(f"loudness {scores.settings['loudness']}")
    if out is not None:
        write_document(out, overwrite)
