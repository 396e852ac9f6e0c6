"""Arguments, options and messages that several commands share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from specsr.errors import SpecsrError

if TYPE_CHECKING:
    pass
from specsr.choices import SEGMENT
from specsr.jobs.options import Batch, Reading


class PairName(str, Enum):
    """Pairs that upscale knows."""

    pool = "pool"
    stft = "stft"
    band = "band"
    image = "image"


class PhaseName(str, Enum):
    """Ways to a phase."""

    auto = "auto"
    known = "known"
    pghi = "pghi"
    admm = "admm"
    gl = "gl"


class ConsistencyName(str, Enum):
    """Ways to hold what was measured."""

    cell = "cell"
    row = "row"
    off = "off"


class Precision(str, Enum):
    """Arithmetic of the network."""

    float32 = "float32"
    bfloat16 = "bfloat16"


Inputs = Annotated[list[Path], typer.Argument(help="Recordings, map files or folders of them.")]
Input = Annotated[Path, typer.Argument(help="A recording.")]
Outs = Annotated[
    list[Path],
    typer.Option(
        "-o", "--out", help="What to write: the suffix decides (.wav .w64 .flac .tdms: recording, "
        ".npz .h5: map, .mat .uff .csv: what the result is, .png .pdf .svg: picture); a folder for "
        "several inputs. Can be given again."
    ),
]  # fmt: skip
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]
ModelOption = Annotated[
    Optional[str], typer.Option("--model", help="Bundled model's name or a .safetensors file.")
]
Plot = Annotated[Optional[Path], typer.Option("--plot", help="Also draw the maps into this file.")]
MaxFreq = Annotated[
    Optional[float], typer.Option("--max-freq", help="Highest frequency of the picture, Hz.")
]
Suffix = Annotated[
    Optional[str], typer.Option("--suffix", help="Suffix of the files in an output folder.")
]
Ensemble = Annotated[
    bool,
    typer.Option(
        "--ensemble", help="Average with the time-reversed pass (pictures: 8 flips and turns)."
    ),
]
PrecisionOption = Annotated[Precision, typer.Option(help="Arithmetic of the network.")]
Segment = Annotated[
    float,
    typer.Option(
        help="Seconds of a long recording worked on at a time: bounds the memory, and is one step "
        "of the bar.", min=0.01,
    ),
]  # fmt: skip
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]


_READING = {
    "unit": Annotated[
        Optional[str],
        typer.Option("--unit", help="Unit of the samples: Pa, m/s2, g, m/s, N, V or 1."),
    ],
    "calib": Annotated[
        Optional[float], typer.Option("--calib", help="Units per digital full scale.")
    ],
    "calib_tone": Annotated[
        Optional[tuple[Path, float]],
        typer.Option(
            "--calib-tone", metavar="FILE DB",
            help="Instead: a recorded calibrator and its level in dB, such as tone.wav 94.",
        ),
    ],
    "full_scale": Annotated[
        Optional[float],
        typer.Option("--full-scale", help="Instead: level of a full-scale sine, dB, such as 120."),
    ],
    "channel": Annotated[
        Optional[list[str]],
        typer.Option("--channel", help="A channel by name or position (0 is the first); again "
                     "for more. A speed channel becomes the rpm."),
    ],
    "rate": Annotated[
        Optional[float],
        typer.Option("--file-rate", help="Sampling rate in Hz, for files that give none."),
    ],
}  # fmt: skip


_BATCH = {
    "overwrite": Overwrite,
    "resume": Annotated[
        bool,
        typer.Option("--resume", help="Go on with a job into a folder: skip what its "
                     "specsr-manifest.jsonl says is done, do the rest, renew what is out of date."),
    ],
    "cluster": Annotated[
        Optional[str],
        typer.Option("--cluster", metavar="WHERE",
                     help="Do the files of a folder side by side: local:4 (processes of this "
                     "machine) or tcp://host:8786 (a Dask scheduler)."),
    ],
}  # fmt: skip


def _with_options(
    command: Callable[..., None], name: str, options: dict[str, Any], build: Callable[..., Any]
) -> Callable[..., None]:
    """Give a command options that it gets, built into one object, as its argument ``name``."""
    signature = inspect.signature(command, eval_str=True)
    added = [
        inspect.Parameter(
            key, inspect.Parameter.KEYWORD_ONLY, annotation=kind,
            default=False if kind.__origin__ is bool else None,
        )
        for key, kind in options.items()
    ]  # fmt: skip
    own = [p for p in signature.parameters.values() if p.name != name]

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        said = {key: given.pop(key) for key in options}
        command(**given, **{name: build(**said)})

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + added
    with_options.__signature__ = signature.replace(parameters=parameters)  # type: ignore
    with_options.__annotations__ = {p.name: p.annotation for p in parameters}
    return with_options


def reads_recordings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `Reading`, which it gets as its argument ``reading``."""
    return _with_options(command, "reading", _READING, _reading)


def writes_files(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `Batch`, which it gets as its argument ``batch``."""
    return _with_options(command, "batch", _BATCH, Batch)


def _reading(
    unit: str | None,
    calib: float | None,
    calib_tone: tuple[Path, float] | None,
    full_scale: float | None,
    channel: list[str] | None,
    rate: float | None,
) -> Reading:
    """Return what the options say; a calibrator tone is measured and reported here."""
    if sum(value is not None for value in (calib, calib_tone, full_scale)) > 1:
        raise SpecsrError("--calib, --calib-tone and --full-scale say the same: give one of them")
    if calib_tone is not None or full_scale is not None:
        from specsr import io
        from specsr.nvh import calibration
        from specsr.units import parse_unit, reference_label

        unit = parse_unit(unit or "Pa")
        if calib_tone is None:
            assert full_scale is not None  # one of the two was given
            calib = calibration.at_full_scale(full_scale, unit)
            say(f"a full-scale sine is {full_scale:g} dB {reference_label(unit)}")
        else:
            path, level = calib_tone
            try:
                recorded = io.read(path, unit="1", calib=1.0)
                tone = calibration.calibrate(recorded, level, unit)
            except SpecsrError as error:
                text = str(error)
                raise SpecsrError(text if str(path) in text else f"{path}: {text}") from None
            calib = tone.calib
            say(f"{path}: {level:g} dB {reference_label(unit)}: {tone}")
    return Reading(unit, calib, tuple(channel) if channel else None, rate)


def say(text: str) -> None:
    """Tell the user what was done (stderr: stdout is for results)."""
    typer.echo(text, err=True)


def complain(text: str) -> None:
    """Tell the user what went wrong."""
    typer.echo(f"error: {text}", err=True)


def numbers(text: str, what: str) -> tuple[float, ...]:
    """Return the numbers of an option, parted by commas."""
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise SpecsrError(
            f"{what} is {text!r}: expected numbers with commas, such as 2,4"
        ) from None


def bar(label: str, total: int | None = None) -> Callable[[Iterable[Any]], Iterable[Any]]:
    """Return a wrapper that shows progress on a terminal, with time left.

    ``total`` is the number of steps, for iterables that do not know theirs.
    """

    def wrap(steps: Iterable[Any]) -> Iterable[Any]:
        from rich.console import Console
        from rich.progress import track

        console = Console(stderr=True)
        return track(
            steps, description=label, total=total, console=console, transient=True,
            disable=not console.is_terminal,
        )  # fmt: skip

    return wrap


def infer_options(
    ensemble: bool, precision: Precision, device: str, segment: float = SEGMENT
) -> Any:
    """Return the `specsr.models.options.InferOptions` of the command line's options."""
    from specsr.models.options import InferOptions

    return InferOptions(
        ensemble=ensemble, precision=precision.value, device=device, segment=segment
    )


def targets(out: list[Path], plot: Path | None) -> list[Path]:
    """Return all files to write, the picture of ``--plot`` last."""
    return [*out, plot] if plot else list(out)
