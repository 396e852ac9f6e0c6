"""The command line.  Heavy imports wait until a command needs them."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from . import __version__, cli_info
from .cli_enhance import denoise, spectrogram, upscale
from .cli_images import benchmark_images, benchmark_step, convert
from .cli_levels import levels
from .cli_options import Overwrite, Reading, bar, complain, numbers, reads_recordings, say
from .cli_orders import orders
from .cli_report import report
from .cli_speed import benchmark_speed
from .errors import SpecsrError

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

app = typer.Typer(
    name="specsr",
    help="Super-resolve and denoise spectrograms of audio and NVH recordings, and images.",
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


app.command(
    epilog="Examples:  specsr upscale logger.wav -o full.wav --scale 2   |   "
    "specsr upscale map.npz -o fine.npz -o heard.wav --scale 4 --plot fine.png   |   "
    "specsr upscale photo.png -o big.png --scale 4   |   "
    "specsr upscale FOLDER -o out --cluster local:4 --resume"
)(upscale)
app.command(
    epilog="Examples:  specsr denoise cabin.wav -o quiet.wav --plot quiet.png   |   "
    "specsr denoise run.wav --orders --rpm rpm.csv -o orders.wav   |   "
    "specsr denoise FOLDER -o out --cluster tcp://host:8786 --resume"
)(denoise)
app.command(
    epilog="Examples:  specsr spectrogram run.wav -o run.npz -o run.png --df 5 --overlap 0.75   "
    "|   specsr spectrogram FOLDER -o maps --resume"
)(spectrogram)
app.command(
    epilog="Examples:  specsr orders run.wav --rpm rpm.csv --cut 2,4 -o cuts.csv -o run.png   |   "
    "specsr orders car.flac --unit Pa --rpm-channel 1 --rpm-scale 4821.43 -o car.png"
)(orders)
app.command(
    epilog="Example:  specsr levels cabin.wav --calib 2.76 --unit Pa -o bands.csv -o bands.png"
)(levels)
app.command(
    epilog="Example:  specsr report logger.wav full.wav original.wav -o report.html --orders 2,4 "
    "--model band"
)(report)
app.command(
    epilog="Examples:  specsr info run.tdms   |   specsr info *.wav   |   "
    "specsr info mic.wav --calib-tone calibrator.wav 94"
)(cli_info.info)


app.command(epilog="Example:  specsr convert edsr_baseline_x2.pt -o edsr_baseline_x2.safetensors")(
    convert
)
benchmark = typer.Typer(help="Scores under published protocols, and costs.", no_args_is_help=True)
benchmark.command(
    "images",
    epilog="Example:  specsr benchmark images ../benchmark --sets Set5,B100 --scales 2 --plus Set5",
)(benchmark_images)
benchmark.command(
    "step",
    epilog="Example:  specsr benchmark step configs/edsr-baseline-x2.yaml "
    "configs/srresnet-l2-x2.yaml --set train.batch=4",
)(benchmark_step)
benchmark.command(
    "speed",
    epilog="Example:  specsr benchmark speed --only network,jobs --markdown speed.md",
)(benchmark_speed)
app.add_typer(benchmark, name="benchmark")


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
    from .scenes import random_run_up
    from .spectrogram import SpectrogramTransform
    from .synth import synthesise

    for path, kind in ((out, "recording"), (clean, "recording"), (truth, "map")):
        if path is not None:
            if kind_of(path) not in (kind, "either"):
                raise SpecsrError(f"{path}: expected a name for a {kind}")
            io.check_output(path, overwrite)
    made = synthesise(random_run_up(seed, rate, duration, line_to_noise))
    # a full scale that integer formats (FLAC) can hold the peaks of
    full_scale = float(2 ** np.ceil(np.log2(np.abs(made.signal.samples).max())))
    io.write(out, made.signal.replace(full_scale=full_scale), overwrite=overwrite)
    run = made.run
    say(
        f"{out}: {duration:g} s at {rate:g} Hz, {run.rpm[0]:.0f} to {run.rpm[1]:.0f} rpm, "
        f"{len(run.orders)} orders, {made.signal.level()[0]:.1f} dB re 20 µPa"
    )
    if clean is not None:
        io.write(clean, made.clean.replace(full_scale=full_scale), overwrite=overwrite)
    if truth is not None:
        grid = SpectrogramTransform(2048, 256).grid(made.signal)
        io.write_map(truth, made.truth(grid), overwrite=overwrite)


@app.command(
    epilog="Examples:  specsr train configs/map.yaml train.steps=20000 --out runs/map --resume   "
    "|   specsr train configs/map.yaml train.devices=2   |   "
    "torchrun --nproc-per-node 2 -m specsr train configs/map.yaml"
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
    """Train a model from a config, on one device or several.

    A run that was killed goes on with --resume and ends as if it had not been.
    """
    from .config import load_config

    loaded = load_config(config, overrides)
    from .train import train as run
    from .weights import read_info

    path = run(loaded, out or Path("runs") / loaded.name, resume, bar(loaded.name))
    if path is None:  # another process wrote it and speaks
        return
    record = read_info(path)["record"]
    wait = record.get("loader_wait", 0.0)
    say(
        f"{path}: {record['steps']} steps in {record['seconds']} s, {wait:.1%} of them waiting for "
        f"data; use it with --model {path}"
    )
    if wait > 0.05 and record["seconds"] > 60:
        say(f"more train.workers than {loaded.train.workers} would shorten the waiting")


@app.command(
    epilog="Example:  specsr evaluate restored.wav original.wav --low logger.wav --cut 12000 "
    "--orders 2,4"
)
@reads_recordings
def evaluate(
    result: Annotated[Path, typer.Argument(help="Recording or map to judge.")],
    reference: Annotated[Path, typer.Argument(help="What it should be.")],
    cut: Annotated[
        Optional[float], typer.Option(help="Split the distances at this frequency, Hz.")
    ] = None,
    order_list: Annotated[
        str, typer.Option("--orders", help="Orders to compare, such as 2,4 (needs rpm).")
    ] = "",
    bandwidth: Annotated[
        Optional[float], typer.Option(help="Width of an order in orders; the line's own if none.")
    ] = None,
    low: Annotated[
        Optional[Path],
        typer.Option(help="What the result was made from: scores simpler ways beside it."),
    ] = None,
    db_range: Annotated[float, typer.Option(help="Range of levels behind the PSNR, dB.")] = 80.0,
    json_out: Annotated[
        Optional[Path], typer.Option("--json", help="Also write the numbers here.")
    ] = None,
    overwrite: Overwrite = False,
    reading: Reading = Reading(),
) -> None:
    """Compare a result with its reference: levels, bands, orders, loudness, distances.

    Errors are result minus reference. A PSNR holds for its range of levels only, an order's level
    for the band it names.
    """
    from . import io
    from .evaluation import evaluate as compare

    if json_out is not None:
        io.check_output(json_out, overwrite)

    def load(path: Path) -> Any:
        return io.read_map(path) if io.is_map(path) else reading.read(path)

    scores = compare(
        load(result),
        load(reference),
        cut=cut,
        orders=numbers(order_list, "--orders"),
        range_db=db_range,
        bandwidth=bandwidth,
        low=None if low is None else load(low),
    )
    typer.echo(scores.table())
    if str(scores.settings["loudness"]).startswith("not"):
        say(f"loudness {scores.settings['loudness']}")
    if json_out is not None:
        with io.replacing(json_out, overwrite=overwrite) as [partial]:
            partial.write_text(json.dumps(scores.to_dict(), indent=1, allow_nan=False) + "\n")
        say(f"{json_out}: written")


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

    table = Table(
        "model", "pair", "scale", "network", "size", "held-out L1 (image: PSNR)", "training"
    )
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
            f"{record.get('validation_psnr_db', record.get('validation_l1_db')):.2f} dB",
            f"{record['steps']} steps, {record['seconds'] / 60:.0f} min, {record['device']}",
        )
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def _interrupt_again(lost: Any) -> None:
    """Interrupt once more if Ctrl-C came within a callback of Python's own, which drops it."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(lost)


def main() -> None:
    """Entry point: a user's mistake gives one line and exit code 1, never a traceback."""
    sys.unraisablehook = _interrupt_again
    try:
        app()
    except SpecsrError as error:
        complain(str(error))
        raise SystemExit(1) from None
    except SystemExit as stop:  # typer turns an interrupt into this code, and says nothing
        if stop.code == INTERRUPTED:
            complain("interrupted: nothing half-written was left")
        raise
    except KeyboardInterrupt:
        complain("interrupted: nothing half-written was left")
        raise SystemExit(INTERRUPTED) from None
    except MemoryError:
        complain("not enough memory for this input: cut it into parts")
        raise SystemExit(1) from None
