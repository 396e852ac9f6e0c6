"""The commands that work on recordings and maps: upscale, denoise, spectrogram."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from .cli_images import all_images, upscale_images
from .cli_options import (
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
    overwrite: Overwrite = False,
    reading: Reading = Reading(),
) -> None:
    """Super-resolve recordings and maps.

    A recording comes out at SCALE times its rate with an estimated upper band (pair band), its own
    band unchanged.  A map comes out SCALE times finer in frequency and time.  A recording with
    --pair pool or stft: its coarse map is made first, then refined and compared with the fine one.
    With the speed of the machine, in the file or as --rpm, lines are looked for where the orders
    are.
    A picture comes out SCALE times as large, alpha and gray kept; so do folders of pictures.
    """
    from . import enhance, io, jobs
    from .prefill import KNOWN_PART

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
    common = {"model": model, "options": infer_options(ensemble, precision, device)}

    def work(path: Path) -> jobs.Result:
        shared = {**common, "progress": bar(path.name)}
        if io.is_map(path):
            low = _with_rpm(io.read_map(path), rpm)
            return _upscale_map(
                low, None, pair_name or "pool", scale, consistency, max_freq, shared
            )
        signal = reading.read(path)
        if pair_name in ("pool", "stft"):
            signal = _with_rpm(signal, rpm)
            transform = enhance.map_transform(scale)
            low = enhance.low_map(signal, scale, pair_name, transform)
            fine = transform(signal)
            return _upscale_map(low, fine, pair_name, scale, consistency, max_freq, shared)
        if rpm is not None:
            raise SpecsrError("--rpm guides maps: give a map, or --pair pool")
        restored = enhance.upscale_band(
            signal, scale, phase=phase.value,
            consistency=consistency.value if consistency else "cell", **shared,
        )  # fmt: skip
        n_fft = 2048
        maps = {
            "input": signal.spectrogram(n_fft=max(2, n_fft // scale // 2 * 2)),
            f"restored x{scale}": restored.spectrogram(n_fft=n_fft),
        }
        top = enhance.band_top(enhance.find_model(model, "band", (1, 1)))
        end = f"up to {top:g} Hz, empty above" if top < restored.rate / 2 else "above"
        measured = signal.rate / 2 * KNOWN_PART
        note = f"{restored.rate:g} Hz: measured below {measured:g} Hz, estimated {end}"
        return jobs.Result(restored, maps, notes=(note,), max_freq=max_freq)

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
    overwrite: Overwrite = False,
    reading: Reading = Reading(),
) -> None:
    """Take noise out of recordings; length, channels and levels stay."""
    from . import enhance, io, jobs

    todo = jobs.plan(inputs, targets(out, plot), suffix, overwrite)
    options = infer_options(ensemble, precision, device)

    def work(path: Path) -> jobs.Result:
        if io.is_map(path):
            noisy: Any = io.read_map(path)
            before = noisy
        else:
            noisy = reading.read(path)
            before = noisy.spectrogram()
        clean = enhance.denoise(
            noisy, model=model, attenuation=attenuation, options=options, progress=bar(path.name)
        )
        after = clean if io.is_map(path) else clean.spectrogram()
        maps = {"noisy": before, "denoised": after}
        return jobs.Result(clean, maps, ("denoised", "noisy"), max_freq=max_freq)

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
    overwrite: Overwrite = False,
    reading: Reading = Reading(),
) -> None:
    """Write calibrated spectrograms as maps (.npz, .h5) or pictures."""
    from . import jobs

    todo = jobs.plan(inputs, list(out), suffix or ".npz", overwrite)

    def work(path: Path) -> jobs.Result:
        spec = reading.read(path).spectrogram(
            df=df,
            overlap=overlap,
            n_fft=n_fft,
            hop_length=hop_length,
            window=window,
            scaling=scaling,
        )
        grid = spec.grid
        note = (
            f"{grid.rows} rows of {grid.df:g} Hz, {grid.frames} columns of "
            f"{1000 * grid.dt:.4g} ms, {grid.level_label}"
        )
        if not grid.is_invertible():
            note += "; this window and hop cannot be turned back into a waveform (more overlap can)"
        return jobs.Result(spec, {path.stem: spec}, notes=(note,), max_freq=max_freq)

    if jobs.run(todo, work, "auto", overwrite, say, complain):
        raise typer.Exit(1)
