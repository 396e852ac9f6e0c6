"""``specsr upscale`` and ``spectrogram``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from specsr.choices import (
    SCALE,
    SEGMENT,
    Consistency,
    Phase,
    Scaling,
    UpscalePair,
)
from specsr.cli.curves import check_figure_options
from specsr.cli.images import all_images, upscale_images
from specsr.cli.options import (
    Inputs,
    Outs,
    Suffix,
    batch_options,
    figure_options,
    network_options,
    reading_options,
    resolution_options,
    speed_options,
)
from specsr.cli.output import files_read, run_job
from specsr.errors import SpecsrError
from specsr.jobs.options import Batch, Figure, Reading, Resolution, Speed
from specsr.models.options import InferOptions


@batch_options()
@reading_options()
@network_options()
@figure_options()
@speed_options()
@resolution_options()
def upscale(
    inputs: Inputs,
    out: Outs,
    scale: Annotated[
        int, typer.Option(help="Factor: of the rate, of both axes of a map, of the image size.")
    ] = SCALE,
    pair: Annotated[
        Optional[UpscalePair],
        typer.Option(
            help="How the low resolution came about [default: band for recordings, pool for maps]."
        ),
    ] = None,
    model: Annotated[
        Optional[str],
        typer.Option(
            help="Model: bundled name or .safetensors file; without a network: bicubic for a map, "
            "noise-fill for a recording (noise of a typical spectrum) [default: bundled]."
        ),
    ] = None,
    phase: Annotated[Phase, typer.Option(help="Phase method for waveforms.")] = "auto",
    consistency: Annotated[
        Optional[Consistency],
        typer.Option(
            help="What the result reproduces of a map: the measured power of every cell (default), "
            "that power without the scatter of noise (expected), or nothing."
        ),
    ] = None,
    orders: Annotated[
        Optional[str],
        typer.Option(
            help="Orders that the machine has beside half orders: 3.57,1:2:9, of a second shaft "
            "pump=0.482*1..6, of a bearing bearing=balls/ball/pitch, of a --shaft fan=7,14."
        ),
    ] = None,
    shaft: Annotated[
        Optional[list[str]],
        typer.Option(
            "--shaft",
            help="Further shaft of a map, repeatable: 'fan: fan.csv' (times and speeds), "
            "'fan: CHANNEL' of the recording, 'fan: 1480', or 'pump: rpm*0.482' with its --orders; "
            "without --orders fan=7,14 all its whole orders are tried.",
        ),
    ] = None,
    top: Annotated[
        Optional[float],
        typer.Option(
            help="Highest frequency with content in Hz of a recording at a higher rate, such as "
            "22050 where it was made at 44.1 kHz [default: assumed, a note states which].",
        ),
    ] = None,
    find_speed: Annotated[
        bool,
        typer.Option(
            help="Estimate the speed from the map, or correct a given one, if the evidence is "
            "clear."
        ),
    ] = True,
    suffix: Suffix = None,
    speed: Speed = Speed(),
    resolution: Resolution = Resolution(),
    figure: Figure = Figure(),
    network: InferOptions = InferOptions(),
    reading: Reading = Reading(),
    batch: Batch = Batch(),
) -> None:
    """Super-resolve recordings, maps and images.

    A recording becomes a recording at SCALE times its rate (pair band): the upper band is
    estimated up to --top, the measured band is kept.  With a speed, the orders given by --orders
    continue above it.  A map becomes SCALE times finer in frequency and time.
    A recording with --pair pool is turned into a coarse map, which is made finer and compared with
    the fine map of the recording.  --df (or --n-fft), --overlap (or --hop-length) and --window are
    those of the fine map; without them the window follows the speed and the rate.
    A map that looks like a full STFT is refused, unless --pair pool states that its cells are
    means.
    The speed of the machine, in the file or given by --rpm, --rpm-channel or --tacho-channel,
    places the orders of a map; without it, harmonic lines are searched for.  Every --shaft adds
    orders at a speed of its own; one that the map is no evidence of is not used.
    Long audio files are processed in segments, in bounded memory.
    An image becomes SCALE times larger; alpha and gray are kept.
    """
    if pair == "image" or (pair is None and all_images(inputs)):
        foreign = {
            "--phase": phase != "auto", "--consistency": consistency, "--plot": figure.plot,
            "--max-freq": figure.max_freq, "--range": figure.db_range != Figure().db_range,
            "--rpm": speed.table, "--rpm-channel": speed.channel, "--tacho-channel": speed.tacho,
            "--no-find-speed": not find_speed, "--orders": orders, "--shaft": shaft, "--top": top,
            "--unit": reading.unit, "--calib": reading.calib,
            "--channel": reading.channels, "--segment": network.segment != SEGMENT,
            **dict.fromkeys(resolution.given, True),
        }  # fmt: skip
        if given := [name for name, value in foreign.items() if value]:
            raise SpecsrError(f"{', '.join(given)}: not for images: leave it out")
        upscale_images(inputs, out, scale, model, suffix, network, batch)
        return
    from specsr.jobs.plan import plan
    from specsr.jobs.speed_inputs import shaft_tables

    default = ".npz" if suffix is None and pair == "pool" else suffix
    shafts = tuple(shaft or ())
    read = files_read(reading.tone, speed.table, model, *shaft_tables(shafts))
    todo = plan(inputs, _targets(out, figure), default, batch, read=read)
    check_figure_options(figure, (target for _, targets in todo.files for target in targets))
    from specsr.jobs.upscale import Upscale  # imports torch, after the checks

    work = Upscale(
        reading, scale, pair, model, phase, consistency, speed, find_speed, orders, shafts,
        top, resolution, figure, network,
    )  # fmt: skip
    run_job(todo, work, batch)


@batch_options()
@reading_options()
@network_options()
@figure_options("max_freq", "db_range")
@resolution_options()
def spectrogram(
    inputs: Inputs,
    out: Outs,
    scaling: Annotated[
        Scaling, typer.Option(help="Magnitudes: rms, or density in unit/sqrt(Hz).")
    ] = "rms",
    expected: Annotated[
        bool,
        typer.Option(
            "--expected",
            help="The expected map: a network removes the random scatter of the cells; lines and "
            "band levels are kept, with an uncertainty of every cell.",
        ),
    ] = False,
    sharp: Annotated[
        bool,
        typer.Option(
            "--sharp",
            help="The expected map, sharper than one window: lines as narrow as under a window of "
            "--n-fft samples (8192), clicks as short as under a 16th of it.",
        ),
    ] = False,
    model: Annotated[
        Optional[str],
        typer.Option(
            "--model",
            help="Model of --expected or --sharp: bundled name or .safetensors file [default: "
            "bundled].",
        ),
    ] = None,
    suffix: Suffix = None,
    resolution: Resolution = Resolution(),
    figure: Figure = Figure(),
    network: InferOptions = InferOptions(),
    reading: Reading = Reading(),
    batch: Batch = Batch(),
) -> None:
    """Write calibrated spectrograms as maps (.npz, .h5) or figures.

    Long audio files are processed in segments, in bounded memory.
    """
    from specsr.jobs.plan import plan

    read = files_read(reading.tone, model)
    todo = plan(inputs, list(out), ".npz" if suffix is None else suffix, batch, read=read)
    check_figure_options(figure, (target for _, targets in todo.files for target in targets))
    if expected and sharp:
        raise SpecsrError("--expected, --sharp: a sharp map is an expected one, leave one out")
    if expected:
        from specsr.jobs.expected import ExpectedSpectrogram

        work = ExpectedSpectrogram(reading, resolution, scaling, figure, model, network)
        run_job(todo, work, batch)
        return
    if sharp:
        from specsr.jobs.sharp import SharpSpectrogram

        sharp_work = SharpSpectrogram(reading, resolution, scaling, figure, model, network)
        run_job(todo, sharp_work, batch)
        return
    foreign = {
        "--model": model is not None, "--ensemble": network.ensemble,
        "--precision": network.precision != InferOptions().precision,
        "--device": network.device != InferOptions().device,
    }  # fmt: skip
    if given := [name for name, value in foreign.items() if value]:
        raise SpecsrError(
            f"{', '.join(given)}: for --expected or --sharp: add it, or leave this out"
        )
    from specsr.jobs.spectrogram import Spectrogram  # imports torch, after the checks

    run_job(todo, Spectrogram(reading, resolution, scaling, figure, network.segment), batch)


def _targets(out: list[Path], figure: Figure) -> list[Path]:
    """Return all files to write, the figure of ``--plot`` last."""
    return [*out, figure.plot] if figure.plot else list(out)
