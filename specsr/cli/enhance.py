"""The commands that work on recordings and maps: upscale, denoise, spectrogram."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from specsr.choices import SEGMENT
from specsr.cli.images import all_images, upscale_images
from specsr.cli.options import (
    ConsistencyName,
    Device,
    Ensemble,
    Inputs,
    MaxFreq,
    ModelOption,
    Outs,
    PairName,
    PhaseName,
    Plot,
    Precision,
    PrecisionOption,
    Segment,
    Suffix,
    bar,
    complain,
    infer_options,
    reads_recordings,
    say,
    targets,
    writes_files,
)
from specsr.jobs.options import Batch, Reading


@writes_files
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
    find_speed: Annotated[
        bool,
        typer.Option(
            help="Look for a map's lines that move together, or correct a speed that is a little "
            "off, where the map plainly says so."
        ),
    ] = True,
    plot: Plot = None,
    max_freq: MaxFreq = None,
    suffix: Suffix = None,
    ensemble: Ensemble = False,
    precision: PrecisionOption = Precision.float32,
    device: Device = "auto",
    segment: Segment = SEGMENT,
    reading: Reading = Reading(),
    batch: Batch = Batch(),
) -> None:
    """Super-resolve recordings and maps.

    A recording comes out at SCALE times its rate with an estimated upper band (pair band), its own
    band unchanged.  A map comes out SCALE times finer in frequency and time.  A recording with
    --pair pool or stft: its coarse map is made first, then refined and compared with the fine one.
    With the speed of the machine, in the file or as --rpm, lines are looked for where the orders
    are; without it, where lines of the map move together.
    A long audio file is read, restored and written piece by piece, in bounded memory.
    A picture comes out SCALE times as large, alpha and gray kept; so do folders of pictures.
    """
    from specsr.jobs import plan as jobs
    from specsr.jobs.run import run
    from specsr.jobs.upscale import Upscale

    pair_name = pair.value if pair else None
    if pair_name == "image" or (pair_name is None and all_images(inputs)):
        sound = {
            "--phase": phase is not PhaseName.auto, "--consistency": consistency,
            "--plot": plot, "--max-freq": max_freq, "--rpm": rpm,
            "--no-find-speed": not find_speed, "--unit": reading.unit,
            "--calib": reading.calib, "--channel": reading.channels,
        }  # fmt: skip
        upscale_images(
            inputs, out, scale, model, suffix, infer_options(ensemble, precision, device),
            batch, [name for name, given in sound.items() if given],
        )  # fmt: skip
        return
    kind = targets(out, plot)
    default = suffix or (".npz" if pair_name in ("pool", "stft") else None)
    todo = jobs.plan(inputs, kind, default, batch)
    work = Upscale(
        reading, scale, pair_name, model, phase.value, consistency.value if consistency else None,
        rpm, find_speed, max_freq, infer_options(ensemble, precision, device, segment),
    )  # fmt: skip
    if run(todo, work, batch, say, complain, bar):
        raise typer.Exit(1)


@writes_files
@reads_recordings
def denoise(
    inputs: Inputs,
    out: Outs,
    model: ModelOption = None,
    attenuation: Annotated[float, typer.Option(help="Largest attenuation of a cell, dB.")] = 40.0,
    orders: Annotated[
        bool,
        typer.Option(
            "--orders", help="Keep what follows the speed of the machine alone; no model is used."
        ),
    ] = False,
    rpm: Annotated[
        Optional[Path],
        typer.Option(help="With --orders: table of time in s and speed in 1/min (.csv)."),
    ] = None,
    plot: Plot = None,
    max_freq: MaxFreq = None,
    suffix: Suffix = None,
    ensemble: Ensemble = False,
    precision: PrecisionOption = Precision.float32,
    device: Device = "auto",
    segment: Segment = SEGMENT,
    reading: Reading = Reading(),
    batch: Batch = Batch(),
) -> None:
    """Take noise out of recordings; length, channels and levels stay.

    With --orders, orders, gears and whines are kept and all else is taken away: steady tones,
    broadband sound, impacts.  It goes by the speed, in the file or as --rpm.
    A long audio file is read, denoised and written piece by piece, in bounded memory (with --orders
    it is read whole).
    """
    from specsr.jobs import plan as jobs
    from specsr.jobs.denoise import Denoise
    from specsr.jobs.run import run

    todo = jobs.plan(inputs, targets(out, plot), suffix, batch)
    options = infer_options(ensemble, precision, device, segment)
    work = Denoise(reading, model, attenuation, max_freq, options, orders, rpm)
    if run(todo, work, batch, say, complain, bar):
        raise typer.Exit(1)


@writes_files
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
    reading: Reading = Reading(),
    batch: Batch = Batch(),
) -> None:
    """Write calibrated spectrograms as maps (.npz, .h5) or pictures.

    The map of a long audio file is written as it is made, in bounded memory.
    """
    from specsr.jobs import plan as jobs
    from specsr.jobs.run import run
    from specsr.jobs.spectrogram import Spectrogram

    todo = jobs.plan(inputs, list(out), suffix or ".npz", batch)
    work = Spectrogram(reading, df, overlap, n_fft, hop_length, window, scaling, max_freq, segment)
    if run(todo, work, batch, say, complain, bar):
        raise typer.Exit(1)
