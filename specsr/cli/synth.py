"""``specsr synth``: a synthetic run-up with a known truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from specsr.cli.document import fact, wrote
from specsr.cli.options import Overwrite
from specsr.cli.output import check_files, say
from specsr.errors import SpecsrError


def synth(
    out: Annotated[Path, typer.Option("-o", "--out", help="Recording to write.")],
    seed: Annotated[int, typer.Option(help="Seed of the machine and its noise.", min=0)] = 0,
    rate: Annotated[float, typer.Option(help="Sampling rate, Hz.")] = 25600.0,
    duration: Annotated[float, typer.Option(help="Length, s.")] = 6.0,
    line_to_noise: Annotated[
        Optional[float],
        typer.Option(help="Level of the orders over the noise, dB [default: random]."),
    ] = None,
    clean: Annotated[
        Optional[Path], typer.Option(help="Also write the part without noise to this file.")
    ] = None,
    truth: Annotated[
        Optional[Path], typer.Option(help="Also write the expected map to this file (.npz, .h5).")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Generate a synthetic run-up with exactly known levels.

    Samples in Pa, with the speed."""
    import numpy as np

    from specsr import io
    from specsr.jobs.plan import kind_of
    from specsr.maps.transform import SpectrogramTransform
    from specsr.synth.draws import random_run_up

    for path, kind in ((out, "recording"), (clean, "recording"), (truth, "map")):
        if path is not None and kind_of(path) not in (kind, "either"):
            raise SpecsrError(f"{path}: expected a suffix for a {kind}")
    check_files([out, clean, truth], [], overwrite)
    from specsr.synth.synthesis import synthesise  # imports torch, after the checks

    made = synthesise(random_run_up(seed, rate, duration, line_to_noise))
    # a full scale above the peaks, for integer formats (FLAC)
    full_scale = float(2 ** np.ceil(np.log2(np.abs(made.signal.samples).max())))
    io.write(out, made.signal.replace(full_scale=full_scale), overwrite=overwrite)
    run = made.run
    wrote(out)
    fact(
        rate=rate, duration=duration, rpm=run.rpm, level_db=made.signal.level()[0],
        orders=run.orders,
    )  # fmt: skip
    say(
        f"{out}: {duration:g} s at {rate:g} Hz, {run.rpm[0]:.0f} to {run.rpm[1]:.0f} rpm, "
        f"{len(run.orders)} orders, {made.signal.level()[0]:.1f} dB re 20 µPa"
    )
    if clean is not None:
        io.write(clean, made.clean.replace(full_scale=full_scale), overwrite=overwrite)
        wrote(clean)
    if truth is not None:
        grid = SpectrogramTransform(2048, 256).grid(made.signal)
        io.write_map(truth, made.truth(grid), overwrite=overwrite)
        wrote(truth)
