"""The commands that work on recordings and maps: upscale, denoise, spectrogram."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from .cli_images import all_images, upscale_images
from .cli_options import (
    SEGMENT,
    ConsistencyName,
    Device,
    Ensemble,
    Inputs,
    MaxFreq,
    ModelOption,
    Outs,
    Overwrite,
    PairName,
    PhaseName,
    Plot,
    Precision,
    PrecisionOption,
    Reading,
    Segment,
    Suffix,
    bar,
    complain,
    infer_options,
    reads_recordings,
    say,
    targets,
)
from .errors import SpecsrError


@reads_recordings
def upscale(
    inputs: Inputs,
    out: Outs,
    scale: Annotated[int, typer.Option(help="2, 3, 4: how many times finer, or the rate.")] = 2,
    pair: Annotated[
        Optional[PairName],
        typer.Option(help="What made it coarse; a recording: band, a map: pool, if not given."),
    ] = None,
    model: ModelOption = None,
    phase: Annotated[
        PhaseName, typer.Option(help="How a waveform gets its phase.")
    ] = PhaseName.auto,
    consistency: Annotated[
        Optional[ConsistencyName],
        typer.Option(help="Hold what was measured: per cell, per band (a map's default) or not."),
    ] = None,
    rpm: Annotated[
        Optional[Path],
        typer.Option(help="Table of time in s and speed in 1/min (.csv): guides a map's lines."),
    ] = None,
    plot: Plot = None,
    max_freq: MaxFreq = None,
    suffix: Suffix = None,
    ensemble: Ensemble = False,
    precision: PrecisionOption = Precision.auto,
    device: Device = "auto",
    segment: Segment = SEGMENT,
    overwrite: Overwrite = False,
    reading: Reading = Reading(),
) -> None:
    """Super-resolve recordings and maps.

    A recording comes out at SCALE times its rate with an estimated upper band (pair band), its own
    band unchanged.  A map comes out SCALE times finer in frequency and time.  A recording with
    --pair pool or stft: its coarse map is made first, then refined and compared with the fine one.
    With the speed of the machine, in the file or as --rpm, lines are looked for where the orders
    are.
    A long audio file is read, restored and written piece by piece, in bounded memory.
    A picture comes out SCALE times as large, alpha and gray kept; so do folders of pictures.
    """
    from . import enhance, io, jobs
    from .cli_stream import Panel, long_recording, write_pieces
    from .prefill import KNOWN_PART
    from .spectrogram import SpectrogramTransform

    pair_name = pair.value if pair else None
    if pair_name == "image" or (pair_name is None and all_images(inputs)):
        sound = {
            "--phase": phase is not PhaseName.auto, "--consistency": consistency,
            "--plot": plot, "--max-freq": max_freq, "--rpm": rpm, "--unit": reading.unit,
            "--calib": reading.calib, "--channel": reading.channels,
        }  # fmt: skip
        upscale_images(
            inputs, out, scale, model, suffix, infer_options(ensemble, precision, device),
            overwrite, [name for name, given in sound.items() if given],
        )  # fmt: skip
        return
    kind = targets(out, plot)
    default = suffix or (".npz" if pair_name in ("pool", "stft") else None)
    todo = jobs.plan(inputs, kind, default, overwrite)
    goals = dict(todo)
    common = {"model": model, "options": infer_options(ensemble, precision, device, segment)}
    n_fft = 2048
    coarse = max(2, n_fft // scale // 2 * 2)

    def note(low_rate: float) -> str:
        top = enhance.band_top(enhance.find_model(model, "band", (1, 1)))
        rate = low_rate * scale
        end = f"up to {top:g} Hz, empty above" if top < rate / 2 else "above"
        return f"{rate:g} Hz: measured below {low_rate / 2 * KNOWN_PART:g} Hz, estimated {end}"

    def work(path: Path) -> jobs.Result:
        shared = {**common, "progress": bar(path.name)}
        if io.is_map(path):
            low = _with_rpm(io.read_map(path), rpm)
            return _upscale_map(
                low, None, pair_name or "pool", scale, consistency, max_freq, shared
            )
        if pair_name in ("pool", "stft"):
            signal = _with_rpm(reading.read(path), rpm)
            transform = enhance.map_transform(scale)
            low = enhance.low_map(signal, scale, pair_name, transform)
            fine = transform(signal)
            return _upscale_map(low, fine, pair_name, scale, consistency, max_freq, shared)
        if rpm is not None:
            raise SpecsrError("--rpm guides maps: give a map, or --pair pool")
        shared |= {
            "phase": phase.value, "consistency": consistency.value if consistency else "cell"
        }  # fmt: skip
        fine_title = f"restored x{scale}"
        with long_recording(path, goals[path], reading, segment) as long:
            if long is not None:
                fine_transform = SpectrogramTransform(n_fft)
                result = write_pieces(
                    long, enhance.upscale_pieces(long, scale, **shared), goals[path],
                    fine_transform, overwrite, ratio=scale,
                    panels=[
                        Panel("input", SpectrogramTransform(coarse), of_input=True),
                        Panel(fine_title, fine_transform),
                    ],
                )  # fmt: skip
                return replace(result, notes=(note(long.rate),), max_freq=max_freq)
        signal = reading.read(path)
        restored = enhance.upscale_band(signal, scale, **shared)
        maps = {
            "input": signal.spectrogram(n_fft=coarse),
            fine_title: restored.spectrogram(n_fft=n_fft),
        }
        return jobs.Result(restored, maps, notes=(note(signal.rate),), max_freq=max_freq)

    if jobs.run(todo, work, phase.value, overwrite, say, complain):
        raise typer.Exit(1)


def _with_rpm(x: Any, table: Path | None) -> Any:
    """A recording or map with the speed of a table, if there is one."""
    if table is None:
        return x
    from .speed import read_rpm

    return x.replace(rpm=read_rpm(table, getattr(x, "grid", x)))


def _upscale_map(
    low: Any,
    reference: Any,
    pair: str,
    scale: int,
    consistency: ConsistencyName | None,
    max_freq: float | None,
    shared: dict[str, Any],
) -> Any:
    """Refine one map; with a reference, put it and the difference beside it."""
    import numpy as np

    from . import enhance, jobs
    from .consistency import consistency_db

    mode = consistency.value if consistency else enhance.DEFAULT_CONSISTENCY
    high = enhance.upscale_map(low, scale, pair=pair, consistency=mode, **shared)
    maps = {"low resolution": low, f"super-resolved x{scale}": high}
    notes = [
        f"{high.grid.rows} rows of {high.grid.df:g} Hz, {high.grid.frames} columns of "
        f"{1000 * high.grid.dt:.3g} ms: every cell is estimated"
    ]
    if low.rpm is not None:
        found = enhance.find_model(shared["model"], pair, (scale, scale))
        used = "guides the lines" if enhance.is_guided(found) else f"is not used by {found.name}"
        notes.append(f"speed {low.rpm.min():.0f} to {low.rpm.max():.0f} 1/min {used}")
    if high.std_db is not None:
        share = 100 * (high.std_db > 3).mean()
        notes.append(
            f"doubt: typically \N{PLUS-MINUS SIGN} {np.median(high.std_db):.1f} dB, over 3 dB in "
            f"{share:.0f} % of the cells (std_db in the map)"
        )
    if pair == "pool":
        columns = -(-high.grid.frames // scale)  # a full map may have one more at its end
        powers = (
            high.image().astype(float) ** 2, low.image()[..., :columns].astype(float) ** 2
        )  # fmt: skip
        per_cell, per_band = (
            consistency_db(*powers, (scale, scale), per=p) for p in ("cell", "band")
        )
        notes.append(
            f"measured again it differs from the input by {per_cell:.2f} dB a cell, "
            f"{per_band:.4f} dB a band (rms)"
        )
    difference = None
    if reference is not None:
        maps["reference"] = reference
        difference = (f"super-resolved x{scale}", "reference")
    return jobs.Result(high, maps, difference, tuple(notes), max_freq)


@reads_recordings
def denoise(
    inputs: Inputs,
    out: Outs,
    model: ModelOption = None,
    attenuation: Annotated[float, typer.Option(help="Largest attenuation of a cell, dB.")] = 40.0,
    plot: Plot = None,
    max_freq: MaxFreq = None,
    suffix: Suffix = None,
    ensemble: Ensemble = False,
    precision: PrecisionOption = Precision.auto,
    device: Device = "auto",
    segment: Segment = SEGMENT,
    overwrite: Overwrite = False,
    reading: Reading = Reading(),
) -> None:
    """Take noise out of recordings; length, channels and levels stay.

    A long audio file is read, denoised and written piece by piece, in bounded memory.
    """
    from . import enhance, io, jobs
    from .cli_stream import Panel, long_recording, write_pieces
    from .spectrogram import SpectrogramTransform

    todo = jobs.plan(inputs, targets(out, plot), suffix, overwrite)
    goals = dict(todo)
    options = infer_options(ensemble, precision, device, segment)
    titles = ("denoised", "noisy")

    def work(path: Path) -> jobs.Result:
        shared = {
            "model": model, "attenuation": attenuation, "options": options,
            "progress": bar(path.name),
        }  # fmt: skip
        with long_recording(path, goals[path], reading, segment) as long:
            if long is not None:
                transform = SpectrogramTransform()
                panels = [Panel("noisy", transform, of_input=True), Panel("denoised", transform)]
                result = write_pieces(
                    long, enhance.denoise_pieces(long, **shared), goals[path], transform,
                    overwrite, panels=panels,
                )  # fmt: skip
                return replace(result, difference=titles, max_freq=max_freq)
        if io.is_map(path):
            noisy: Any = io.read_map(path)
            before = noisy
        else:
            noisy = reading.read(path)
            before = noisy.spectrogram()
        clean = enhance.denoise(noisy, **shared)
        after = clean if io.is_map(path) else clean.spectrogram()
        maps = {"noisy": before, "denoised": after}
        return jobs.Result(clean, maps, titles, max_freq=max_freq)

    if jobs.run(todo, work, "auto", overwrite, say, complain):
        raise typer.Exit(1)


@reads_recordings
def spectrogram(
    inputs: Inputs,
    out: Outs,
    df: Annotated[Optional[float], typer.Option(help="Distance of the rows, Hz.")] = None,
    overlap: Annotated[Optional[float], typer.Option(help="Overlap, 0 to below 1.")] = None,
    n_fft: Annotated[
        Optional[int], typer.Option(help="Window in samples, instead of --df.")
    ] = None,
    hop_length: Annotated[
        Optional[int], typer.Option(help="Hop in samples, instead of --overlap.")
    ] = None,
    window: Annotated[str, typer.Option(help="A scipy window.")] = "hann",
    scaling: Annotated[str, typer.Option(help="rms or psd.")] = "rms",
    max_freq: MaxFreq = None,
    suffix: Suffix = None,
    segment: Segment = SEGMENT,
    overwrite: Overwrite = False,
    reading: Reading = Reading(),
) -> None:
    """Write calibrated spectrograms as maps (.npz, .h5) or pictures.

    The map of a long audio file is written as it is made, in bounded memory.
    """
    from . import jobs
    from .cli_stream import Panel, long_recording, write_pieces
    from .spectrogram import SpectrogramTransform
    from .streaming import blocks

    todo = jobs.plan(inputs, list(out), suffix or ".npz", overwrite)
    goals = dict(todo)
    options = {
        "df": df, "overlap": overlap, "n_fft": n_fft, "hop_length": hop_length, "window": window,
        "scaling": scaling,
    }  # fmt: skip

    def note(grid: Any) -> str:
        text = (
            f"{grid.rows} rows of {grid.df:g} Hz, {grid.frames} columns of "
            f"{1000 * grid.dt:.4g} ms, {grid.level_label}"
        )
        if grid.is_invertible():
            return text
        return (
            text + "; this window and hop cannot be turned back into a waveform (more overlap can)"
        )

    def work(path: Path) -> jobs.Result:
        with long_recording(path, goals[path], reading, segment) as long:
            if long is not None:
                transform = SpectrogramTransform.for_rate(long.rate, **options)
                grid = replace(transform.grid(long.cut(0, 1)), length=long.length)
                size = max(1, round(segment * long.rate))
                result = write_pieces(
                    long, blocks(long, size, bar(path.name)), goals[path], transform, overwrite,
                    panels=[Panel(path.stem, transform)],
                )  # fmt: skip
                written = jobs.Written(f"levels in {grid.level_label}")
                return replace(result, output=written, notes=(note(grid),), max_freq=max_freq)
        spec = reading.read(path).spectrogram(**options)
        return jobs.Result(spec, {path.stem: spec}, notes=(note(spec.grid),), max_freq=max_freq)

    if jobs.run(todo, work, "auto", overwrite, say, complain):
        raise typer.Exit(1)
