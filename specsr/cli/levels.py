"""``specsr levels``: overall levels, loudness, sharpness and third octaves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional, get_args

import typer

from specsr.choices import Weighting
from specsr.cli.curves import check_suffixes, write_tables_and_figures
from specsr.cli.document import current, fact
from specsr.cli.level_curve import Curve, curve_options, write_curve
from specsr.cli.options import FigureOuts, Overwrite, reading_options, speed_options
from specsr.cli.output import check_files, csv_text, say, show, write_text
from specsr.cli.vibration import Vibration, vibration_options
from specsr.errors import SpecsrError
from specsr.jobs.options import Reading, Speed
from specsr.names import plain

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from specsr.nvh.background import Corrected
    from specsr.nvh.levels import BandLevels
    from specsr.signal import Signal


@reading_options()
@curve_options()
@speed_options()
@vibration_options()
def levels(
    source: Annotated[Path, typer.Argument(help="A recording or a map.")],
    out: FigureOuts = None,
    weighting: Annotated[
        Optional[Weighting],
        typer.Option(
            help="Frequency weighting of third octaves and curves [default: Z]; without -o the "
            "third octaves are printed."
        ),
    ] = None,
    dc: Annotated[
        bool, typer.Option("--dc", help="Count the mean of the samples (DC) in the levels.")
    ] = False,
    df: Annotated[
        float, typer.Option(help="Row spacing of the density in the figure and of --psd, Hz.")
    ] = 2.0,
    density: Annotated[
        Optional[Path],
        typer.Option(
            "--psd",
            help="Also write the power spectral density of a recording to this table (.csv), in "
            "unit²/Hz.",
        ),
    ] = None,
    background: Annotated[
        Optional[Path],
        typer.Option(
            "--background",
            help="Recording of the background alone: third octaves are corrected for it (K1 of "
            "ISO 3744).",
        ),
    ] = None,
    overwrite: Overwrite = False,
    vibration: Vibration = Vibration(),
    speed: Speed = Speed(),
    curve: Curve = Curve(),
    reading: Reading = Reading(),
) -> None:
    """Print levels, loudness and sharpness; write or print third octaves.

    Loudness (ISO 532-1, stationary) and sharpness (DIN 45692) need a recording in Pa.
    The mean of the samples (DC) is left out; --dc counts it in the levels.
    --over time or rpm reads a curve instead: the overall level with Fast or Slow averaging, rms or
    peak of each step, and the levels of orders (--cut) beside it, in one table and figure.
    --quantity integrates or differentiates a vibration first.  --psd writes the density, Welch.
    --background corrects third octaves for a recording of the background noise alone: 15 dB over it
    nothing is corrected, within 6 dB the level is an upper bound.
    """
    curve.check()
    vibration.check()
    from specsr.jobs.inputs import load
    from specsr.maps.spec_map import SpecMap
    from specsr.nvh.levels import overall_level, psd, third_octave_levels
    from specsr.scores.markdown import markdown_table
    from specsr.units import reference_label

    outputs = out or []
    check_suffixes(outputs)
    if curve.over is not None and dc:
        raise SpecsrError("--dc: not with --over, which leaves the mean out")
    if curve.over is not None and background is not None:
        raise SpecsrError("--background: not with --over, it corrects third octaves")
    if density is not None:
        if curve.over is not None:
            raise SpecsrError("--psd: not with --over, it is of the whole recording")
        if density.suffix.lower() != ".csv":
            raise SpecsrError(f"{density}: expected .csv for the table of the density")
    read = check_files(
        [*outputs, density], [source, background, reading.tone, speed.table], overwrite
    )
    raw = load(source, reading, speed)
    loaded = vibration.of(source, raw)
    read.check()
    if curve.over is not None:
        if isinstance(loaded, SpecMap):
            raise SpecsrError(f"{source}: is a map: levels over time and speed need a recording")
        edge = vibration.edge(raw, loaded)
        write_curve(source, loaded, curve, weighting or "Z", outputs, overwrite, edge)
        return
    if density is not None:
        if isinstance(loaded, SpecMap):
            raise SpecsrError(f"{source}: is a map: --psd needs a recording")
        text = _psd_csv(*psd(loaded.without_mean(), df), loaded)
        write_text(density, text, overwrite, f"{source} -> {density}")
    quality: dict[str, Any] = {}
    if isinstance(loaded, SpecMap):
        unit, label = loaded.grid.unit, loaded.grid.level_label
    else:
        unit, label = loaded.unit, f"dB {reference_label(loaded.unit)}"
        quality = _quality(loaded)
        if not dc:
            _say_means(loaded)
    weightings = reversed(get_args(Weighting)) if unit in ("Pa", "V", "1") else ("Z",)
    overall = {w: overall_level(loaded, w, dc) for w in weightings}
    values = {f"level, {label}, {w}": level for w, level in overall.items()} | quality
    titles = tuple(map(plain, loaded.channels))
    if len({"quantity", *titles}) <= len(titles):
        titles = tuple(f"{i}: {name}" for i, name in enumerate(titles))
    rows = [
        {"quantity": name} | dict(zip(titles, map(float, each))) for name, each in values.items()
    ]
    show(markdown_table(rows, decimals=2))
    fact(file=source, channels=loaded.channels, unit=unit, level_label=label, levels_db=overall)
    fact(**{name.replace(", ", "_").replace(" ", "_"): each for name, each in quality.items()})
    asked = weighting is not None and not outputs
    if not (outputs or background is not None or asked or current().wanted):
        return
    weighting = weighting or "Z"
    bands = third_octave_levels(loaded, weighting=weighting)
    corrected: Corrected | None = None
    if background is not None:
        from specsr.nvh.background import without_background

        noise = vibration.of(background, load(background, reading))
        own = noise.grid.unit if isinstance(noise, SpecMap) else noise.unit
        if own != unit:
            raise SpecsrError(f"{background}: is in {own}, {source} in {unit}")
        noise_bands = third_octave_levels(noise, weighting=weighting)
        order = _matching(noise.channels, loaded.channels, background)
        noise_bands = replace(noise_bands, levels=noise_bands.levels[order])
        corrected = without_background(bands, noise_bands)
        _print_corrected(corrected, titles, label, weighting)
        bands = replace(bands, levels=corrected.levels)
    fact(weighting=weighting, third_octaves=bands, background=corrected)
    if asked:
        _print_bands(bands, titles, label, weighting)

    def figure() -> Figure:
        from specsr.plots.views import plot_levels

        if isinstance(loaded, SpecMap):
            density, reference = None, loaded.grid.reference
        else:
            density, reference = psd(loaded, df), loaded.reference
        return plot_levels(bands, label, density, reference, loaded.channels, weighting, corrected)

    def table() -> str:
        return _bands_csv(bands, loaded.channels, corrected)

    write_tables_and_figures(source, outputs, overwrite, table, figure)


def _print_bands(
    bands: BandLevels, titles: tuple[str, ...], label: str, weighting: Weighting
) -> None:
    """Print third octaves: those that the rows of a map resolve."""
    from specsr.scores.markdown import markdown_table

    name = f"third octave, Hz ({label}, {weighting})"
    rows = [
        {name: f"{nominal:g}"} | dict(zip(titles, map(float, levels)))
        for nominal, levels, resolved in zip(bands.nominal, bands.levels.T, bands.resolved)
        if resolved
    ]
    show("\n" + markdown_table(rows, decimals=2))


def _say_means(signal: Signal) -> None:
    """Name the means that are left out, where they change the level by 0.05 dB or more."""
    levels = zip(signal.channels, signal.level(), signal.level(dc=True), signal.samples)
    for name, without, level, samples in levels:
        if level - without >= 0.05:
            say(
                f"  {name}: the mean, {samples.mean(dtype=float):.4g} {signal.unit}, is left out "
                f"(with it the level is {level:.2f} dB: --dc)"
            )


def _quality(signal: Signal) -> dict[str, Any]:
    """Return loudness and sharpness by name; none, with a message, if they cannot be computed."""
    from specsr.nvh.sound_quality import steady_quality, to_phon

    try:
        found = steady_quality(signal)
    except SpecsrError as error:
        say(f"  no loudness: {error}")
        return {}
    return {
        "loudness, sone": found.sone,
        "loudness level, phon": to_phon(found.sone),
        "sharpness, acum": found.acum,
    }


def _matching(background: tuple[str, ...], channels: tuple[str, ...], path: Path) -> list[int]:
    """Return the channel of a background for each channel: of its name, or the only one.

    With names that no channel has, the positions count, with a message.
    """
    if len(background) == 1:
        return [0]
    if set(channels) <= set(background):
        return [background.index(name) for name in channels]
    say(f"  {path}: its channels have other names, they are taken by their position")
    return list(range(len(background)))


def _print_corrected(found: Corrected, titles: tuple[str, ...], label: str, weighting: str) -> None:
    """Print the sums of third octaves with and without the background, and the upper bounds."""
    import numpy as np

    from specsr.nvh.background import CLOSEST

    def total(levels: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.asarray(10 * np.log10(np.sum(10 ** (levels / 10), axis=-1)))

    low, high = found.nominal[0], found.nominal[-1]
    measured, without = total(found.levels + found.correction), total(found.levels)
    for i, (name, noise) in enumerate(zip(titles, total(found.background))):
        bound = found.upper_bound[i]
        say(
            f"  {name}: sum of third octaves from {low:g} to {high:g} Hz, {label}, {weighting}: "
            f"{measured[i]:.2f} with, {without[i]:.2f} without the background ({bound.sum()} of "
            f"{bound.size} within {CLOSEST:g} dB of it are upper bounds)"
        )
        if noise >= measured[i]:
            say(
                f"  warning: {name}: the background, {noise:.2f} dB, is at least as loud as the "
                "recording: nothing is known of the source; check files and calibration"
            )


def _psd_csv(freqs: np.ndarray, power: np.ndarray, signal: Signal) -> str:
    """Return the density of every channel as CSV text: a row for each frequency."""
    columns = ["freq_hz", *(f"{name} [({signal.unit})^2/Hz]" for name in signal.channels)]
    rows = ([f"{f:.6g}", *(f"{x:.6g}" for x in each)] for f, each in zip(freqs, power.T))
    return csv_text(columns, rows)


def _bands_csv(
    bands: BandLevels, channels: tuple[str, ...], corrected: Corrected | None = None
) -> str:
    columns = ["channel", "nominal_hz", "centre_hz", "level_db", "resolved"]
    rows: list[list[Any]] = [
        [name, f"{nominal:g}", f"{centre:.6g}", f"{level:.6g}", int(resolved)]
        for name, each in zip(channels, bands.levels)
        for nominal, centre, level, resolved in zip(
            bands.nominal, bands.centres, each, bands.resolved
        )
    ]
    if corrected is not None:
        columns += ["correction_db", "upper_bound"]
        more = zip(corrected.correction.ravel(), corrected.upper_bound.ravel())
        rows = [[*row, f"{k1:.4g}", int(bound)] for row, (k1, bound) in zip(rows, more)]
    return csv_text(columns, rows)
