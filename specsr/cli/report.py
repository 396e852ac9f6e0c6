"""``specsr report``: one page on a result, as HTML or PDF."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from specsr.choices import AUDIO_SECONDS
from specsr.cli.document import fact, wrote
from specsr.cli.options import (
    Bandwidth,
    Overwrite,
    figure_options,
    interval,
    reading_options,
    speed_options,
)
from specsr.cli.output import check_files, say
from specsr.errors import SpecsrError
from specsr.jobs.options import Figure, Reading, Speed


@reading_options()
@figure_options("max_freq", "db_range")
@speed_options()
def report(
    low: Annotated[Path, typer.Argument(metavar="IN", help="Measured recording or map.")],
    high: Annotated[
        Optional[Path], typer.Argument(metavar="[SR]", help="Super-resolved or denoised result.")
    ] = None,
    reference: Annotated[
        Optional[Path], typer.Argument(metavar="[REFERENCE]", help="Reference for the result.")
    ] = None,
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Page to write: .html, or .pdf for paper.")
    ] = Path("report.html"),
    orders: Annotated[
        str, typer.Option(help="Orders to draw and cut, such as 2,4 or 0.5..6 or 0.482*1..3.")
    ] = "",
    bandwidth: Bandwidth = None,
    model: Annotated[
        Optional[str],
        typer.Option(
            help="Model that produced SR (name or .safetensors file); adds its model card."
        ),
    ] = None,
    show: Annotated[
        str, typer.Option(help="Channel to show: name, or position among those read.")
    ] = "0",
    time: Annotated[
        Optional[str],
        typer.Option(
            "--time",
            metavar="FROM:TO",
            help="Part of the maps and players, s, such as 10:20 [default: all].",
        ),
    ] = None,
    audio_seconds: Annotated[
        float, typer.Option(help="Length of the audio players, s; 0 for none.")
    ] = AUDIO_SECONDS,
    title: Annotated[Optional[str], typer.Option(help="Title of the page.")] = None,
    device: Annotated[
        str, typer.Option(help="Estimates the phase of maps for the players: auto, cpu or cuda.")
    ] = "auto",
    overwrite: Overwrite = False,
    speed: Speed = Speed(),
    figure: Figure = Figure(),
    reading: Reading = Reading(),
) -> None:
    """Write one page, HTML or PDF: maps, audio, speed, orders, spectra, levels and scores.

    The maps of input, result and reference and their difference share colour scale and zoom; a
    slider fades from the input to the result.  Measured and estimated parts are marked.  Zoomed in,
    every cell is drawn.  A PDF file has A4 pages, without players.
    The speed is that of the files, or that of IN is given by --rpm, --rpm-channel or
    --tacho-channel.  --range is also the level range of the scores.
    """
    from specsr import io
    from specsr.io.file_info import read_origin
    from specsr.io.origin import line
    from specsr.jobs.inputs import check_turning, load
    from specsr.nvh.known_orders import parse_orders
    from specsr.signal import channel_position

    if out.suffix.lower() not in (".html", ".htm", ".pdf"):
        raise SpecsrError(f"{out}: expected a name that ends in .html or .pdf")
    span = None if time is None else interval(time, "--time", "two times in s", "10:20")
    read = check_files([out], [low, high, reference, speed.table, reading.tone, model], overwrite)
    others = [path for path in (high, reference) if path is not None]
    sources = [load(low, reading, speed), *(load(path, reading) for path in others)]
    if orders.strip() and sources[0].rpm is not None:
        check_turning(low, sources[0].rpm, speed)
    origins = {path.name: read_origin(path) for path in (low, *others)}
    read.check()
    from specsr.report.page import Heading, ReportOptions  # these import torch, after the checks
    from specsr.report.report import make_page

    options = ReportOptions(
        orders=parse_orders(orders) if orders.strip() else (),
        channel=channel_position(sources[0].channels, show),
        db_range=figure.db_range, max_freq=figure.max_freq, span=span, bandwidth=bandwidth,
        audio_seconds=audio_seconds, title=title or f"{low.name}: report",
        origins=[f"{name}: {line(origin)}." for name, origin in origins.items() if origin],
        command=shlex.join(["specsr", *sys.argv[1:]]), device=device,
    )  # fmt: skip
    names = [path.name for path in (low, *others)]
    page = make_page(sources, names, model, options)
    if out.suffix.lower() == ".pdf":
        from specsr.report.printed import render_pdf

        content, note = render_pdf(page, options.title), ""
    else:
        content, note = page.render(options.title).encode(), ", opens without network"
    with io.replacing(out, overwrite=overwrite) as [partial]:
        partial.write_bytes(content)
    wrote(out)
    sections = [part.text for part in page.parts if isinstance(part, Heading)]
    fact(files=[low, *others], sections=sections, bytes=len(content))
    say(f"{out}: {len(content) / 1e6:.2g} MB{note}")
