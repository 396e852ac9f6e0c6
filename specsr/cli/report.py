"""The command that writes a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from specsr.cli.options import MaxFreq, Overwrite, numbers, reads_recordings, say
from specsr.errors import SpecsrError
from specsr.jobs.options import Reading

SECONDS_HELP = "Length of the audio players, s; 0 for none."
MODEL_HELP = "Model that made SR (bundled name or .safetensors file): shows its card."


@reads_recordings
def report(
    low: Annotated[Path, typer.Argument(metavar="IN", help="Measured recording or map.")],
    high: Annotated[
        Optional[Path], typer.Argument(metavar="[SR]", help="What was made of it.")
    ] = None,
    reference: Annotated[
        Optional[Path], typer.Argument(metavar="[REFERENCE]", help="What it should be.")
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="Page to write (.html).")] = Path(
        "report.html"
    ),
    orders: Annotated[str, typer.Option(help="Orders to draw and cut, such as 2,4.")] = "",
    rpm: Annotated[
        Optional[Path], typer.Option(help="Table of time in s and speed in 1/min (.csv) for IN.")
    ] = None,
    bandwidth: Annotated[
        Optional[float], typer.Option(help="Width of the cuts in orders; the line's own if none.")
    ] = None,
    model: Annotated[Optional[str], typer.Option(help=MODEL_HELP)] = None,
    show: Annotated[int, typer.Option(help="Channel to show of those read, 0 is the first.")] = 0,
    db_range: Annotated[float, typer.Option(help="Range of colours and scores, dB.")] = 80.0,
    max_freq: MaxFreq = None,
    audio_seconds: Annotated[float, typer.Option(help=SECONDS_HELP)] = 30.0,
    title: Annotated[Optional[str], typer.Option(help="Title of the page.")] = None,
    overwrite: Overwrite = False,
    reading: Reading = Reading(),
) -> None:
    """Write one HTML page that opens anywhere: maps, sound, orders, bands and scores.

    Maps of input, result, reference and their difference share colours and zoom; a slider fades
    from the input to the result.  What is measured and what is estimated is said.
    """
    from specsr import io

    if out.suffix.lower() not in (".html", ".htm"):
        raise SpecsrError(f"{out}: expected a name that ends in .html")
    io.check_output(out, overwrite)
    paths = [path for path in (low, high, reference) if path is not None]
    from specsr.nvh.speed import read_rpm
    from specsr.report.report import ReportOptions, make_report

    def load(path: Path) -> Any:
        return io.read_map(path) if io.is_map(path) else reading.read(path)

    sources = [load(path) for path in paths]
    if rpm is not None:
        if io.is_map(low):
            raise SpecsrError("--rpm is for a recording: a map brings its speed along")
        sources[0] = sources[0].replace(rpm=read_rpm(rpm, sources[0]))
    options = ReportOptions(
        orders=numbers(orders, "--orders"), channel=show, db_range=db_range, max_freq=max_freq,
        bandwidth=bandwidth, audio_seconds=audio_seconds, title=title or f"{low.name}: report",
    )  # fmt: skip
    page = make_report(*sources, names=[p.name for p in paths], model=model, options=options)
    with io.replacing(out, overwrite=overwrite) as [partial]:
        partial.write_text(page, encoding="utf-8")
    say(f"{out}: {len(page.encode()) / 1e6:.1f} MB, opens without network")
