"""Evaluate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from specsr.cli.options import Overwrite, numbers, reads_recordings, say
from specsr.jobs.options import Reading


@reads_recordings
def evaluate(
    result: Annotated[Path, typer.Argument(help="Recording or map to judge.")],
    reference: Annotated[Path, typer.Argument(help="What it should be.")],
    cut: Annotated[
        Optional[float], typer.Option(help="Split the distances at this frequency, Hz.")
    ] = None,
    order_list: Annotated[
        str, typer.Option("--orders", help="Orders to compare, such as 2,4 (needs rpm).")
    ] = "",
    bandwidth: Annotated[
        Optional[float], typer.Option(help="Width of an order in orders; the line's own if none.")
    ] = None,
    low: Annotated[
        Optional[Path],
        typer.Option(help="What the result was made from: scores simpler ways beside it."),
    ] = None,
    db_range: Annotated[float, typer.Option(help="Range of levels behind the PSNR, dB.")] = 80.0,
    json_out: Annotated[
        Optional[Path], typer.Option("--json", help="Also write the numbers here.")
    ] = None,
    overwrite: Overwrite = False,
    reading: Reading = Reading(),
) -> None:
    """Compare a result with its reference: levels, bands, orders, loudness, distances.

    Errors are result minus reference. A PSNR holds for its range of levels only, an order's level
    for the band it names.
    """
    from specsr import io
    from specsr.scores.evaluate import evaluate as compare

    if json_out is not None:
        io.check_output(json_out, overwrite)

    def load(path: Path) -> Any:
        return io.read_map(path) if io.is_map(path) else reading.read(path)

    scores = compare(
        load(result),
        load(reference),
        cut=cut,
        orders=numbers(order_list, "--orders"),
        range_db=db_range,
        bandwidth=bandwidth,
        low=None if low is None else load(low),
    )
    typer.echo(scores.table())
    if str(scores.settings["loudness"]).startswith("not"):
        say(f"loudness {scores.settings['loudness']}")
    if json_out is not None:
        with io.replacing(json_out, overwrite=overwrite) as [partial]:
            partial.write_text(json.dumps(scores.to_dict(), indent=1, allow_nan=False) + "\n")
        say(f"{json_out}: written")
