"""The command line: registers every command.  Heavy imports wait until a command needs them."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from io import TextIOWrapper
from typing import Annotated, Any, Optional

import typer

from specsr.cli import document
from specsr.cli.benchmark import benchmark_images, benchmark_speed, benchmark_step
from specsr.cli.browser_app import browser_app
from specsr.cli.common import Verbose, add_command, add_verbosity, examples, start_messages
from specsr.cli.compare import compare
from specsr.cli.denoise import denoise
from specsr.cli.diagnosis import average, cepstrum
from specsr.cli.enhance import spectrogram, upscale
from specsr.cli.envelope import envelope
from specsr.cli.evaluate import evaluate
from specsr.cli.info import info
from specsr.cli.levels import levels
from specsr.cli.models import convert, export, models
from specsr.cli.orders import orders
from specsr.cli.output import complain, detach, show, show_document
from specsr.cli.report import report
from specsr.cli.sound_quality import sound_quality
from specsr.cli.speed import speed
from specsr.cli.synth import synth
from specsr.cli.train import train
from specsr.cli.usage import wrong_use
from specsr.errors import SpecsrError
from specsr.version import __version__

INTERRUPTED = 130
"""Exit code after Ctrl-C, as that of shells."""
_NO_MEMORY = "not enough memory for this input: cut it into parts"


app = typer.Typer(
    name="specsr",
    help="Super-resolve and denoise spectrograms of audio and NVH recordings, and images.",
    epilog=examples("specsr upscale logger.wav -o full.wav", "specsr upscale --help"),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
benchmark = typer.Typer(
    help="Speed, image scores and training cost.",
    epilog=examples("specsr benchmark speed --only network"),
    no_args_is_help=True,
)


def _print_version(value: bool) -> None:
    if value:
        show(f"specsr {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    context: typer.Context,
    verbose: Verbose = 0,
    max_memory: Annotated[
        Optional[str],
        typer.Option(
            "--max-memory",
            metavar="SIZE",
            help="Memory that one input may take, such as 8G or "
            "512M [default: half of the free memory]. Also: SPECSR_MAX_MEMORY.",
        ),
    ] = None,  # fmt: skip
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    start_messages()
    add_verbosity(verbose)
    if max_memory is not None:
        from specsr.io import limits

        context.with_resource(limits.max_memory(max_memory))


@benchmark.callback()
def _benchmark(verbose: Verbose = 0) -> None:
    add_verbosity(verbose)


add_command(
    app,
    "specsr upscale logger.wav -o full.wav --scale 2",
    "specsr upscale logger.wav -o full.wav --top 11000",
    "specsr upscale run.wav -o full.wav --model noise-fill --rpm rpm.csv --orders 1:1:40",
    "specsr upscale map.npz -o fine.npz -o fine.wav --scale 4 --plot fine.png",
    "specsr upscale map.npz -o fine.npz --rpm rpm.csv",
    "specsr upscale map.npz -o fine.npz --shaft 'fan: fan.csv' --orders fan=7,14",
    "specsr upscale photo.png -o big.png --scale 4",
    "specsr upscale FOLDER -o out --cluster local:4 --resume",
)(upscale)
add_command(
    app,
    "specsr denoise cabin.wav -o quiet.wav --plot quiet.png",
    "specsr denoise run.wav --noise idle.wav -o quiet.wav --plot quiet.png",
    "specsr denoise run.wav --noise-from 0:1.5 -o quiet.wav --removed removed.wav",
    "specsr denoise run.wav --noise auto --keep impacts -o quiet.wav",
    "specsr denoise cabin.wav --method floor -o quiet.wav",
    "specsr denoise run.wav --orders --rpm rpm.csv -o orders.wav",
    "specsr denoise run.wav --orders --carrier 6000 --rpm rpm.csv -o orders.wav",
    "specsr denoise FOLDER -o out --cluster tcp://host:8786 --resume",
)(denoise)
add_command(
    app,
    "specsr spectrogram run.wav -o run.npz -o run.png --df 5 --overlap 0.75",
    "specsr spectrogram run.wav --expected -o clean.npz -o clean.png",
    "specsr spectrogram run.wav --sharp --n-fft 8192 -o sharp.npz -o sharp.png",
    "specsr spectrogram FOLDER -o maps --resume",
)(spectrogram)
add_command(
    app,
    "specsr orders run.wav --rpm rpm.csv --cut 2,4 -o cuts.csv -o run.png",
    "specsr orders car.flac --unit Pa --rpm-channel 1 --rpm-scale 4821.43 -o car.png",
    "specsr orders run.wav --tacho-channel 2 --pulses 60 --method vold-kalman --max-bandwidth 12",
    "specsr orders run.wav --expected --cut 2,4 -o cuts.csv -o run.png",
)(orders)
add_command(
    app,
    "specsr speed run.wav -o rpm.csv --plot speed.png --rpm-range 800:6000 --orders 2,4,6",
)(speed)
add_command(
    app,
    "specsr levels cabin.wav --calib 2.76 --unit Pa -o bands.csv -o bands.png",
    "specsr levels run.wav --rpm rpm.csv --over rpm --weighting A --cut 2,4 -o levels.png",
    "specsr levels run.wav --background idle.wav -o bands.csv --psd psd.csv",
    "specsr levels mount.wav --over time --quantity velocity --scale linear -o v.csv",
)(levels)
add_command(
    app,
    "specsr sound-quality cabin.wav --calib 2.76 --unit Pa -o curves.png",
    name="sound-quality",
)(sound_quality)
add_command(
    app,
    "specsr compare before.wav after.wav --rpm-channel rpm --cut 2,4 -o compare.csv",
    "specsr compare FOLDER --reference before -o compare.png --difference -o compare.html",
)(compare)
add_command(
    app,
    "specsr envelope gearbox.wav --band auto -o envelope.csv -o envelope.png",
    "specsr envelope run.wav --rpm rpm.csv --bearing 9/7.94/39.04 -o orders.png",
)(envelope)
add_command(
    app,
    "specsr cepstrum gearbox.wav -o cepstrum.csv -o cepstrum.png",
)(cepstrum)
add_command(
    app,
    "specsr average gearbox.wav --rpm rpm.csv --ratio 0.482 -o turn.csv",
)(average)
add_command(
    app,
    "specsr report logger.wav full.wav original.wav -o report.html --model band",
    "specsr report run.wav fine.npz -o report.html --orders 2,4 --rpm rpm.csv",
    "specsr report map.npz fine.npz -o report.pdf --max-freq 2000 --time 0.5:1.5",
)(report)
add_command(
    app,
    "specsr info run.tdms",
    "specsr info *.wav",
    "specsr info mic.wav --calib-tone calibrator.wav 94",
)(info)
add_command(
    app,
    "specsr evaluate restored.wav original.wav --low logger.wav --cut 12000 --orders 2,4",
)(evaluate)
add_command(app, "specsr app", "specsr app run.wav", "specsr app FOLDER --no-browser", name="app")(
    browser_app
)
add_command(
    app,
    "specsr synth -o run.wav --seed 7 --truth truth.npz",
)(synth)
add_command(
    app,
    "specsr train configs/map.yaml train.steps=20000 --out runs/map --resume",
    "specsr train configs/map.yaml train.devices=2",
    "torchrun --nproc-per-node 2 -m specsr train configs/map.yaml",
)(train)
add_command(app, "specsr models", "specsr models --json", "specsr models --card map")(models)
add_command(app, "specsr convert edsr_baseline_x2.pt -o edsr_baseline_x2.safetensors")(convert)
add_command(
    app,
    "specsr export map -o map.onnx --scale 4",
    "specsr export runs/map/map.safetensors -o map.onnx",
)(export)
add_command(
    benchmark,
    "specsr benchmark speed --only network,jobs --markdown speed.md",
    name="speed",
    within="benchmark",
)(benchmark_speed)
add_command(
    benchmark,
    "specsr benchmark images ../benchmark --sets Set5,B100 --scales 2 --plus Set5",
    name="images",
    within="benchmark",
)(benchmark_images)
add_command(
    benchmark,
    "specsr benchmark step configs/edsr-baseline-x2.yaml configs/srresnet-l2-x2.yaml "
    "--set train.batch=4",
    name="step",
    within="benchmark",
)(benchmark_step)
app.add_typer(benchmark, name="benchmark")


def _interrupt_again(lost: Any) -> None:
    """Repeat an interrupt (Ctrl-C) that Python ignored because it came within a finaliser."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(lost)


def main() -> None:
    """Run the command line; an error of the user gives one line and exit code 1, no traceback."""
    sys.unraisablehook = _interrupt_again
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # not every terminal has every character
            stream.reconfigure(errors="backslashreplace")
    reported = document.start()
    code = _run()
    if reported.wanted:
        try:
            show_document(reported)
        except SpecsrError as error:
            complain(str(error))
            code = code or 1
    _flush()
    if isinstance(code, int) and code:
        raise SystemExit(code)


def _run() -> object:
    """Run the command of the command line and report its error; return the exit code."""
    code: object = 1
    try:
        # not standalone: names in arguments are shown by `complain`, not as they are
        code = app(standalone_mode=False)
    except SpecsrError as error:
        complain(str(error))
    except KeyboardInterrupt:
        code = INTERRUPTED
    except MemoryError:
        complain(_NO_MEMORY)
    except typer.Abort:
        complain("aborted")
    except OSError as error:
        file = f"{error.filename}: " if error.filename else ""
        complain(f"{file}{error.strerror or error}: free some space or choose another file")
    except Exception as error:
        if "can't allocate memory" in str(error):  # RuntimeError of torch
            complain(_NO_MEMORY)
        elif hasattr(error, "format_message"):  # a wrong use of the command line
            code = _usage(error)
        else:
            raise
    if code == INTERRUPTED:  # typer turns an interrupt into this code, without a message
        complain("interrupted: no incomplete output was left")
    return code


def _usage(error: Any) -> int:
    """Show a wrong use of the command line as one line; return the exit code."""
    if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help
        with suppress(OSError):
            error.show()
    else:
        complain(wrong_use(error))
    return int(error.exit_code)


def _flush() -> None:
    """Flush stdout and stderr, so that Python does not fail at it after the end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            detach(stream)
