"""``specsr sound-quality``: loudness, sharpness and roughness over time, prominent tones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from specsr.cli.curves import check_suffixes, read_recording, write_tables_and_figures
from specsr.cli.document import fact
from specsr.cli.options import FigureOuts, Overwrite, reading_options
from specsr.cli.output import csv_text, say, show
from specsr.errors import SpecsrError
from specsr.jobs.options import Reading
from specsr.names import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from specsr.nvh.sound_quality_curves import SoundQualityCurves
    from specsr.nvh.tonality import Tone
    from specsr.nvh.tone_blocks import ToneBlocks
    from specsr.signal import Signal


@reading_options()
def sound_quality(
    source: Annotated[Path, typer.Argument(help="A recording in Pa.")],
    out: FigureOuts = None,
    field: Annotated[str, typer.Option(help="Sound field: free or diffuse.")] = "free",
    overwrite: Overwrite = False,
    reading: Reading = Reading(),
) -> None:
    """Print loudness, sharpness and roughness with percentiles, and prominent tones over time.

    Loudness over time (ISO 532-1), sharpness from it (DIN 45692) and roughness (Daniel, Weber 1997,
    no standard) by MoSQITo; tone-to-noise and prominence ratio of tones by ECMA-418-1, from
    2 s, of the whole recording and in blocks of 2 s.  5 % is the value that is exceeded 5 % of the
    time, such as N5.  -o writes the curves and the tones over time.
    """
    outputs = out or []
    check_suffixes(outputs)
    signal = read_recording(source, outputs, overwrite, reading)

    from specsr.nvh.sound_quality_curves import sound_quality_curves

    try:
        curves = sound_quality_curves(signal, field)
    except SpecsrError as error:
        raise SpecsrError(f"{source}: {error}") from None
    fact(file=source, channels=signal.channels, curves=curves)
    _print_curves(curves, signal)
    _print_tones(signal)
    blocks = _blocks(signal)
    fact(tone_blocks=blocks)

    def figure() -> Figure:
        from specsr.plots.sound_quality import plot_sound_quality

        return plot_sound_quality(curves, signal.channels, blocks, title=source.name)

    def table() -> str:
        return _csv(curves, blocks, signal.channels)

    write_tables_and_figures(source, outputs, overwrite, table, figure)


def _print_curves(curves: SoundQualityCurves, signal: Signal) -> None:
    import numpy as np

    from specsr.nvh.sound_quality_curves import PERCENTAGES, exceeded
    from specsr.scores.markdown import markdown_table

    series = {
        "loudness, sone": curves.loudness, "sharpness, acum": curves.sharpness,
        "roughness, asper": curves.roughness,
    }  # fmt: skip
    rows: list[dict[str, Any]] = []
    known_percentiles: dict[str, Any] = {}
    for quantity, values in series.items():
        percentiles = {f"{p} %": exceeded(values, p) for p in PERCENTAGES}
        known_percentiles[quantity.partition(",")[0]] = percentiles
        for i, name in enumerate(signal.channels):
            known = values[i][np.isfinite(values[i])]
            row = {"quantity": quantity, "channel": plain(name)}
            row["highest"] = f"{known.max():.3g}" if known.size else "-"
            for title, each in percentiles.items():
                row[title] = f"{each[i]:.3g}" if np.isfinite(each[i]) else "-"
            rows.append(row)
    fact(exceeded=known_percentiles)
    show(markdown_table(rows, text=("quantity", "channel")))


def _print_tones(signal: Signal) -> None:
    from specsr.nvh.tonality import FEWEST, tones
    from specsr.scores.markdown import markdown_table

    if signal.duration < FEWEST:
        fact(tones=None)
        say(f"  no tones: the recording is shorter than {FEWEST:g} s")
        return
    by_channel = tones(signal)
    fact(tones=by_channel)
    rows = [
        _tone_row(name, tone)
        for name, found in zip(signal.channels, by_channel) for tone in found
    ]  # fmt: skip
    if not rows:
        say("  no prominent tones (ECMA-418-1)")
        return
    show("\n" + markdown_table(rows, text=("channel", "prominent by")))


def _tone_row(channel: str, tone: Tone) -> dict[str, Any]:
    return {
        "tone, Hz": f"{tone.freq:.0f}", "channel": plain(channel),
        "level, dB": f"{tone.level_db:.1f}", "tone-to-noise, dB": f"{tone.tnr_db:.1f}",
        "prominence, dB": "-" if tone.pr_db != tone.pr_db else f"{tone.pr_db:.1f}",
        "prominent by": " and ".join(word.upper() for word in tone.prominent),
    }  # fmt: skip


def _blocks(signal: Signal) -> ToneBlocks | None:
    """Print the tones over time and return them; None for one block or less."""
    from specsr.nvh.tonality import FEWEST
    from specsr.nvh.tone_blocks import lasting_tones, tone_blocks
    from specsr.scores.markdown import markdown_table

    if signal.duration <= FEWEST:
        fact(tone_blocks=None)
        return None
    found = tone_blocks(signal)
    fact(tone_blocks=found)
    rows: list[dict[str, Any]] = []
    for name, each in zip(signal.channels, found.tones):
        for one in lasting_tones(found.times, each):
            row = {"tone, Hz": _range([tone.freq for tone in one.tones]), "channel": plain(name)}
            first, last = one.times[0] - found.block / 2, one.times[-1] + found.block / 2
            row["from, s"], row["to, s"] = f"{first:.4g}", f"{last:.4g}"
            row |= dict(list(_tone_row(name, one.strongest).items())[2:])
            rows.append(row)
    if rows:
        show(f"\nIn blocks of {found.block:.3g} s, the strongest of each tone:")
        show(markdown_table(rows, text=("tone, Hz", "channel", "prominent by")))
    return found


def _range(values: list[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.0f}" if high - low < 0.5 else f"{low:.0f} to {high:.0f}"


def _csv(curves: SoundQualityCurves, blocks: ToneBlocks | None, channels: tuple[str, ...]) -> str:
    """Return the curves as CSV text: a row for each value; nan is an empty cell."""

    def cell(value: float) -> str:
        return "" if value != value else f"{value:.5g}"

    rows = []
    for name, times, values in (
        ("loudness_sone", curves.times, curves.loudness),
        ("sharpness_acum", curves.times, curves.sharpness),
        ("roughness_asper", curves.window_times, curves.roughness),
    ):
        for channel, each in zip(channels, values):
            rows += [
                (channel, name, f"{t:.6g}", "", cell(v))
                for t, v in zip(times.tolist(), each.tolist())
            ]
    for channel, of_block in zip(channels, blocks.tones if blocks else ()):
        for name, value in (("tone_to_noise_db", "tnr_db"), ("prominence_db", "pr_db")):
            rows += [
                (channel, name, f"{t:.6g}", f"{tone.freq:.5g}", cell(getattr(tone, value)))
                for t, found in zip(blocks.times.tolist() if blocks else (), of_block)
                for tone in found
            ]
    return csv_text(["channel", "quantity", "time_s", "freq_hz", "value"], rows)
