"""The command that reads levels off a recording or map."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from specsr.cli.options import Overwrite, reads_recordings, say
from specsr.errors import SpecsrError
from specsr.jobs.options import Reading

if TYPE_CHECKING:
    from specsr.nvh.levels import BandLevels


@reads_recordings
def levels(
    source: Annotated[Path, typer.Argument(help="A recording or a map.")],
    out: Annotated[
        Optional[list[Path]],
        typer.Option(
            "-o", "--out", help="Third octaves as a table (.csv) or picture (.png .pdf .svg)."
        ),
    ] = None,
    weighting: Annotated[str, typer.Option(help="Of the third octaves: A, C or Z.")] = "Z",
    df: Annotated[float, typer.Option(help="Rows of the density in the picture, Hz.")] = 2.0,
    overwrite: Overwrite = False,
    reading: Reading = Reading(),
) -> None:
    """Print overall levels, loudness and sharpness; write third octaves.

    Loudness (ISO 532-1, stationary) and sharpness (DIN 45692) are those of recordings in Pa.
    """
    from specsr import io
    from specsr.nvh.levels import overall_level, third_octave_levels

    outputs = out or []
    for path in outputs:
        if path.suffix.lower() not in (".csv", ".png", ".pdf", ".svg"):
            raise SpecsrError(f"{path}: expected .csv for the bands or .png, .pdf, .svg")
        io.check_output(path, overwrite)
    is_map = io.is_map(source)
    read: Any = io.read_map(source) if is_map else reading.read(source)
    kind, label = (
        (read.grid.unit, read.grid.level_label) if is_map else (read.unit, _label(read.unit))
    )
    shown = ("A", "C", "Z") if kind in ("Pa", "V", "1") else ("Z",)
    rows = {f"level, {label}, {w}": overall_level(read, w) for w in reversed(shown)}
    if not is_map:
        rows |= _quality(read)
    typer.echo(f"| | {' | '.join(read.channels)} |")
    typer.echo(f"| :--- |{' ---: |' * len(read.channels)}")
    for name, values in rows.items():
        typer.echo(f"| {name} | {' | '.join(f'{x:.2f}' for x in values)} |")
    bands: Any = third_octave_levels(read, weighting=weighting) if outputs else None
    for path in outputs:
        if path.suffix.lower() == ".csv":
            _write(path, bands, read.channels, overwrite)
        else:
            from specsr.nvh.levels import psd
            from specsr.plots.save import save_figure
            from specsr.plots.views import plot_levels

            density = None if is_map else psd(read, df)
            reference = read.grid.reference if is_map else read.reference
            figure = plot_levels(bands, label, density, reference, read.channels, weighting)
            save_figure(figure, path, overwrite=overwrite)
        say(f"{source} -> {path}")


def _label(unit: str) -> str:
    from specsr.units import reference_label

    return f"dB {reference_label(unit)}"


def _quality(signal: Any) -> dict[str, Any]:
    """Loudness and sharpness where they can be taken; why not is said."""
    from specsr.nvh import sound_quality

    try:
        loud = sound_quality.loudness(signal)
        return {
            "loudness, sone": loud.sone,
            "loudness level, phon": loud.phon,
            "sharpness, acum": sound_quality.sharpness(signal),
        }
    except SpecsrError as error:
        say(f"  no loudness: {error}")
        return {}


def _write(path: Path, bands: BandLevels, channels: tuple[str, ...], overwrite: bool) -> None:
    from specsr.io import replacing

    with (
        replacing(path, overwrite=overwrite) as [partial],
        open(partial, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(["channel", "nominal_hz", "centre_hz", "level_db", "resolved"])
        for name, each in zip(channels, bands.levels):
            for nominal, centre, level, ok in zip(
                bands.nominal, bands.centres, each, bands.resolved
            ):
                writer.writerow([name, f"{nominal:g}", f"{centre:.6g}", f"{level:.6g}", int(ok)])
