"""The command line.  Heavy imports wait until a command needs them."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from . import __version__
from .cli_options import (
    Calib,
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
    Suffix,
    UnitOption,
)
from .errors import SpecsrError

app = typer.Typer(
    name="specsr",
    help="Super-resolve and denoise spectrograms of audio and NVH recordings.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"specsr {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    verbose: Annotated[int, typer.Option("-v", "--verbose", count=True, help="Say more.")] = 0,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    level = [logging.WARNING, logging.INFO, logging.DEBUG][min(verbose, 2)]
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr, force=True)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _complain(text: str) -> None:
    typer.echo(f"error: {text}", err=True)


def _bar(label: str) -> Callable[[Iterable[Any]], Iterable[Any]]:
    """Return a wrapper that shows progress on a terminal, with time left."""

    def wrap(steps: Iterable[Any]) -> Iterable[Any]:
        from rich.console import Console
        from rich.progress import track

        console = Console(stderr=True)
        return track(
            steps, description=label, console=console, transient=True,
            disable=not console.is_terminal,
        )  # fmt: skip

    return wrap


def _options(ensemble: bool, precision: Precision, device: str) -> Any:
    from .infer import InferOptions

    return InferOptions(ensemble=ensemble, precision=precision.value, device=device)


def _targets(out: list[Path], plot: Path | None) -> list[Path]:
    return [*out, plot] if plot else list(out)


def _numbers(text: str, what: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise SpecsrError(
            f"{what} is {text!r}: expected numbers with commas, such as 2,4"
        ) from None


@app.command(
    epilog="Examples:  specsr upscale logger.wav -o full.wav --scale 2   |   "
    "specsr upscale map.npz -o fine.npz -o heard.wav --scale 4 --plot fine.png"
)
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
    plot: Plot = None,
    max_freq: MaxFreq = None,
    suffix: Suffix = None,
    ensemble: Ensemble = False,
    precision: PrecisionOption = Precision.float32,
    device: Device = "auto",
    unit: UnitOption = None,
    calib: Calib = None,
    overwrite: Overwrite = False,
) -> None:
    """Super-resolve recordings and maps.

    A recording comes out at SCALE times its rate with an estimated upper band (pair band), its own
    band unchanged.  A map comes out SCALE times finer in frequency and time.  A recording with
    --pair pool or stft: its coarse map is made first, then refined and compared with the fine one.
    """
    from . import enhance, io, jobs
    from .prefill import KNOWN_PART

    pair_name = pair.value if pair else None
    kind = _targets(out, plot)
    default = suffix or (".npz" if pair_name in ("pool", "stft") else None)
    todo = jobs.plan(inputs, kind, default, overwrite)
    common = {"model": model, "options": _options(ensemble, precision, device)}

    def work(path: Path) -> jobs.Result:
        shared = {**common, "progress": _bar(path.name)}
        if io.is_map(path):
            low = io.read_map(path)
            return _upscale_map(
                low, None, pair_name or "pool", scale, consistency, max_freq, shared
            )
        signal = io.read(path, unit=unit, calib=calib)
        if pair_name in ("pool", "stft"):
            transform = enhance.map_transform(scale)
            low = enhance.low_map(signal, scale, pair_name, transform)
            fine = transform(signal)
            return _upscale_map(low, fine, pair_name, scale, consistency, max_freq, shared)
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

    phase_name = "auto" if phase is PhaseName.known and pair_name != "band" else phase.value
    if jobs.run(todo, work, phase_name, overwrite, _say, _complain):
        raise typer.Exit(1)


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
    from . import enhance, jobs
    from .consistency import consistency_db

    mode = consistency.value if consistency else enhance.DEFAULT_CONSISTENCY
    high = enhance.upscale_map(low, scale, pair=pair, consistency=mode, **shared)
    maps = {"low resolution": low, f"super-resolved x{scale}": high}
    notes = [
        f"{high.grid.rows} rows of {high.grid.df:g} Hz, {high.grid.frames} columns of "
        f"{1000 * high.grid.dt:.3g} ms: every cell is estimated"
    ]
    if pair == "pool":
        powers = (high.image().astype(float) ** 2, low.image().astype(float) ** 2)
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


@app.command(epilog="Example:  specsr denoise cabin.wav -o quiet.wav --plot quiet.png")
def denoise(
    inputs: Inputs,
    out: Outs,
    model: ModelOption = None,
    attenuation: Annotated[float, typer.Option(help="Largest attenuation of a cell, dB.")] = 40.0,
    plot: Plot = None,
    max_freq: MaxFreq = None,
    suffix: Suffix = None,
    ensemble: Ensemble = False,
    precision: PrecisionOption = Precision.float32,
    device: Device = "auto",
    unit: UnitOption = None,
    calib: Calib = None,
    overwrite: Overwrite = False,
) -> None:
    """Take noise out of recordings; length, channels and levels stay."""
    from . import enhance, io, jobs

    todo = jobs.plan(inputs, _targets(out, plot), suffix, overwrite)
    options = _options(ensemble, precision, device)

    def work(path: Path) -> jobs.Result:
        if io.is_map(path):
            noisy: Any = io.read_map(path)
            before = noisy
        else:
            noisy = io.read(path, unit=unit, calib=calib)
            before = noisy.spectrogram()
        clean = enhance.denoise(
            noisy, model=model, attenuation=attenuation, options=options, progress=_bar(path.name)
        )
        after = clean if io.is_map(path) else clean.spectrogram()
        maps = {"noisy": before, "denoised": after}
        return jobs.Result(clean, maps, ("denoised", "noisy"), max_freq=max_freq)

    if jobs.run(todo, work, "auto", overwrite, _say, _complain):
        raise typer.Exit(1)


@app.command(
    epilog="Example:  specsr spectrogram run.wav -o run.npz -o run.png --df 5 --overlap 0.75"
)
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
    unit: UnitOption = None,
    calib: Calib = None,
    overwrite: Overwrite = False,
) -> None:
    """Write calibrated spectrograms as maps (.npz, .h5) or pictures."""
    from . import io, jobs

    todo = jobs.plan(inputs, list(out), suffix or ".npz", overwrite)

    def work(path: Path) -> jobs.Result:
        spec = io.read(path, unit=unit, calib=calib).spectrogram(
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

    if jobs.run(todo, work, "auto", overwrite, _say, _complain):
        raise typer.Exit(1)


@app.command(epilog="Example:  specsr synth -o run.wav --seed 7 --truth truth.npz")
def synth(
    out: Annotated[Path, typer.Option("-o", "--out", help="Recording to write.")],
    seed: Annotated[int, typer.Option(help="Another seed, another machine.", min=0)] = 0,
    rate: Annotated[float, typer.Option(help="Sampling rate, Hz.")] = 25600.0,
    duration: Annotated[float, typer.Option(help="Seconds.")] = 6.0,
    line_to_noise: Annotated[
        Optional[float], typer.Option(help="Orders over noise, dB; drawn if not given.")
    ] = None,
    clean: Annotated[
        Optional[Path], typer.Option(help="Also write the part without noise here.")
    ] = None,
    truth: Annotated[
        Optional[Path], typer.Option(help="Also write the expected map (.npz, .h5) here.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Make a synthetic run-up in Pa, with its speed; its truth is known exactly."""
    import numpy as np

    from . import io
    from .jobs import kind_of
    from .spectrogram import SpectrogramTransform
    from .synth import random_run_up, synthesise

    for path, kind in ((out, "recording"), (clean, "recording"), (truth, "map")):
        if path is not None:
            if kind_of(path) != kind:
                raise SpecsrError(f"{path}: expected a name for a {kind}")
            io.check_output(path, overwrite)
    made = synthesise(random_run_up(seed, rate, duration, line_to_noise))
    # a full scale that integer formats (FLAC) can hold the peaks of
    full_scale = float(2 ** np.ceil(np.log2(np.abs(made.signal.samples).max())))
    io.write(out, made.signal.replace(full_scale=full_scale), overwrite=overwrite)
    run = made.run
    _say(
        f"{out}: {duration:g} s at {rate:g} Hz, {run.rpm[0]:.0f} to {run.rpm[1]:.0f} rpm, "
        f"{len(run.orders)} orders, {made.signal.level()[0]:.1f} dB re 20 µPa"
    )
    if clean is not None:
        io.write(clean, made.clean.replace(full_scale=full_scale), overwrite=overwrite)
    if truth is not None:
        grid = SpectrogramTransform(2048, 256).grid(made.signal)
        io.write_map(truth, made.truth(grid), overwrite=overwrite)


@app.command(
    epilog="Example:  specsr train configs/map.yaml train.steps=20000 --out runs/map --resume"
)
def train(
    config: Annotated[Path, typer.Argument(help="A YAML config, such as those in configs/.")],
    overrides: Annotated[
        Optional[list[str]], typer.Argument(help="Changes as section.key=value.")
    ] = None,
    out: Annotated[
        Optional[Path],
        typer.Option("-o", "--out", help="Folder of the run; runs/NAME if not given."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint.")
    ] = False,
) -> None:
    """Train a model from a config."""
    from .config import load_config

    loaded = load_config(config, overrides)
    from .train import train as run

    path = run(loaded, out or Path("runs") / loaded.name, resume, _bar(loaded.name))
    _say(f"{path}: use it with --model {path}")


@app.command(
    epilog="Example:  specsr evaluate restored.wav original.wav --cut 12000 --json scores.json"
)
def evaluate(
    result: Annotated[Path, typer.Argument(help="Recording or map to judge.")],
    reference: Annotated[Path, typer.Argument(help="What it should be.")],
    cut: Annotated[
        Optional[float], typer.Option(help="Split the distances at this frequency, Hz.")
    ] = None,
    orders: Annotated[str, typer.Option(help="Orders to compare, such as 2,4 (needs rpm).")] = "",
    db_range: Annotated[float, typer.Option(help="Range of levels behind the PSNR, dB.")] = 80.0,
    json_out: Annotated[
        Optional[Path], typer.Option("--json", help="Also write the numbers here.")
    ] = None,
    unit: UnitOption = None,
    calib: Calib = None,
    overwrite: Overwrite = False,
) -> None:
    """Compare a result with its reference: distances, levels, bands, orders."""
    from . import io
    from .evaluation import evaluate as compare

    if json_out is not None:
        io.check_output(json_out, overwrite)

    def load(path: Path) -> Any:
        return io.read_map(path) if io.is_map(path) else io.read(path, unit=unit, calib=calib)

    report = compare(
        load(result),
        load(reference),
        cut=cut,
        orders=_numbers(orders, "--orders"),
        range_db=db_range,
    )
    typer.echo(report.table())
    if json_out is not None:
        with io.replacing(json_out, overwrite=overwrite) as [partial]:
            partial.write_text(json.dumps(report.to_dict(), indent=1, allow_nan=False) + "\n")
        _say(f"{json_out}: written")


@app.command()
def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """List the bundled models: pair, scale, size, scores and how they were trained."""
    from .weights import BUNDLED, bundled_models, read_info

    infos = {name: read_info(BUNDLED / f"{name}.safetensors") for name in bundled_models()}
    if as_json:
        typer.echo(json.dumps(infos, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("model", "pair", "scale", "network", "size", "held-out L1", "training")
    for name, info in infos.items():
        config, record = info["config"], info["record"]
        scales = config.get("scales") or [config["scale"]]
        shown = ", ".join(f"x{a}" if a == b else f"{a}x{b}" for a, b in scales)
        if info["pair"] == "band":
            ratios = record["config"]["pair"]["ratios"]
            shown = f"rate x{min(ratios):g} to x{max(ratios):g}"
        table.add_row(
            name,
            info["pair"],
            shown,
            f"{info['architecture'].upper()} {config['n_resblocks']} x {config['n_feats']}",
            f"{(BUNDLED / f'{name}.safetensors').stat().st_size / 1e6:.1f} MB",
            f"{record['validation_l1_db']:.2f} dB",
            f"{record['steps']} steps, {record['seconds'] / 60:.0f} min, {record['device']}",
        )
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def main() -> None:
    """Entry point: a user's mistake gives one line and exit code 1, never a traceback."""
    try:
        app()
    except SpecsrError as error:
        _complain(str(error))
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        _complain("interrupted: nothing half-written was left")
        raise SystemExit(130) from None
    except MemoryError:
        _complain("not enough memory for this input: cut it into parts")
        raise SystemExit(1) from None
