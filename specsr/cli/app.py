"""The command line.  Heavy imports wait until a command needs them."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import Annotated, Any

import typer

from specsr.cli import info as cli_info
from specsr.cli.benchmark import benchmark_images, benchmark_speed, benchmark_step
from specsr.cli.enhance import denoise, spectrogram, upscale
from specsr.cli.evaluate import evaluate
from specsr.cli.levels import levels
from specsr.cli.models import convert, models
from specsr.cli.options import complain
from specsr.cli.orders import orders
from specsr.cli.report import report
from specsr.cli.synth import synth
from specsr.cli.train import train
from specsr.errors import SpecsrError
from specsr.version import __version__

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


app.command(epilog="Example:  specsr synth -o run.wav --seed 7 --truth truth.npz")(synth)
app.command(
    epilog="Examples:  specsr train configs/map.yaml train.steps=20000 --out runs/map --resume   "
    "|   specsr train configs/map.yaml train.devices=2   |   "
    "torchrun --nproc-per-node 2 -m specsr train configs/map.yaml"
)(train)
app.command(
    epilog="Example:  specsr evaluate restored.wav original.wav --low logger.wav --cut 12000 "
    "--orders 2,4"
)(evaluate)
app.command()(models)


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
