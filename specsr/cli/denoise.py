"""``specsr denoise``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from specsr.choices import MAX_ATTENUATION, DenoiseMethod, Keep
from specsr.cli.curves import check_figure_options
from specsr.cli.group import Group
from specsr.cli.options import (
    Inputs,
    ModelOption,
    Outs,
    Suffix,
    batch_options,
    figure_options,
    interval,
    network_options,
    reading_options,
    speed_options,
)
from specsr.cli.output import files_read, run_job
from specsr.errors import SpecsrError
from specsr.jobs.options import Batch, Figure, NoiseSource, Reading, Speed
from specsr.models.options import InferOptions


def _noise(
    noise: Path | None = None, noise_from: str | None = None, follow_noise: bool | None = None
) -> NoiseSource:
    """Return where the noise is recorded alone."""
    span = None
    if noise_from is not None:
        span = interval(noise_from, "--noise-from", "two times in s", "0:1.5")
    return NoiseSource(noise, span, follow_noise)


noise_options = Group(
    "noise",
    _noise,
    {
        "noise": Annotated[
            Optional[Path],
            typer.Option(
                "--noise", metavar="FILE", help="Recording of the noise alone, such as the "
                "background with the machine at rest: its spectrum is removed; or auto: found in "
                "the recording.",
            ),
        ],
        "noise_from": Annotated[
            Optional[str],
            typer.Option(
                "--noise-from", metavar="A:B", help="Instead: times in s of a stretch of the "
                "recording without the machine, such as 0:1.5.",
            ),
        ],
        "follow_noise": Annotated[
            Optional[bool],
            typer.Option(
                "--follow-noise/--no-follow-noise", help="The level of the noise changes with "
                "time, alike in all third octaves; broadband sound of the machine that does so is "
                "removed too. Default: with --noise and --noise-from where the recording shows it.",
            ),
        ],
    },
)  # fmt: skip


@batch_options()
@reading_options()
@network_options()
@figure_options()
@speed_options()
@noise_options()
def denoise(
    inputs: Inputs,
    out: Outs,
    method: Annotated[
        DenoiseMethod,
        typer.Option(
            help="network: a network estimates the level of every cell without noise; floor: the "
            "share of the steady noise between the lines is removed from the expected power."
        ),
    ] = "network",
    model: ModelOption = None,
    attenuation: Annotated[
        float, typer.Option(help="Largest attenuation of a cell, dB.")
    ] = MAX_ATTENUATION,
    orders: Annotated[
        bool,
        typer.Option(
            "--orders",
            help="Keep components that track the shaft speed, and impacts, pulses and "
            "tones; uses no model.",
        ),
    ] = False,
    carrier: Annotated[
        Optional[str],
        typer.Option(
            "--carrier",
            metavar="HZ|NAME",
            help="With --orders: also keep lines at a carrier +- k orders, such as those of an "
            "inverter. Its switching frequency, Hz, or the channel that holds it.",
        ),
    ] = None,
    keep: Annotated[
        Optional[Keep],
        typer.Option(help="Leave as measured: impacts, such as knocks, clicks, bearing pulses."),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Also remove what is no noise by its distribution: with --orders "
            "whatever does not track the speed.",
        ),
    ] = False,
    removed: Annotated[
        Optional[Path],
        typer.Option(help="Also write what was removed to this audio file, to listen to."),
    ] = None,
    suffix: Suffix = None,
    speed: Speed = Speed(),
    noise: NoiseSource = NoiseSource(),
    figure: Figure = Figure(),
    network: InferOptions = InferOptions(),
    reading: Reading = Reading(),
    batch: Batch = Batch(),
) -> None:
    """Remove noise from recordings and maps.

    Length, channels and levels are kept.

    --noise and --noise-from name the noise alone: what has its spectrum is removed, other sound
    stays.  A map as output then has the uncertainty of its levels.
    --noise auto removes what is there throughout the recording, between the lines of the machine;
    steady sound of the machine without lines is removed with it.
    --method floor removes noise that is steady and has no lines; tones, orders and whatever comes
    and goes stay.  It takes any rate from 2 kHz, and maps of any window, as --noise does.
    --orders keeps components that track the shaft speed (orders, gear mesh, whine); with --strict
    it removes impacts, steady tones and whatever else does not track it.  It needs a recording
    with its speed: in the file, or given by --rpm, --rpm-channel or --tacho-channel.
    Without --noise FILE and --strict, removed parts that differ from noise by their distribution
    are given back.
    --plot shows what was removed beside the rest.
    Long audio files are processed in segments, in bounded memory (with --orders or --removed they
    are read whole).
    """
    from specsr.jobs.plan import kind_of, plan

    targets = [path for path in (*out, figure.plot) if path is not None]
    read = files_read(reading.tone, speed.table, model, *noise.files)
    for file in noise.files:
        if not file.is_file():
            raise SpecsrError(f"{file}: no such file: --noise takes a recording of the noise")
    todo = plan(inputs, targets, suffix, batch, read=read)
    check_figure_options(figure, (target for _, written in todo.files for target in written))
    if removed is not None:
        from specsr.io.atomic import check_outputs

        if todo.folder is not None:
            raise SpecsrError(f"--removed {removed}: for one recording: leave it out for a folder")
        if kind_of(removed) != "recording":
            raise SpecsrError(f"--removed {removed}: expected an audio file, such as removed.wav")
        check_outputs([*targets, removed], [*inputs, *read], batch.overwrite)
    from specsr.jobs.denoise import Denoise  # imports torch, after the checks

    work = Denoise(
        reading, method, model, attenuation, orders, strict, speed, noise, removed, figure, network,
        carrier, keep,
    )  # fmt: skip
    run_job(todo, work, batch)
