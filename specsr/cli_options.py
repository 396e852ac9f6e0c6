"""Arguments, options and messages that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Optional

import typer


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
    band = "band"
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
        "-o", "--out", help="What to write: the suffix decides (.wav .flac .ogg: recording, .npz "
        ".h5: map, .png .pdf .svg: picture); a folder for several inputs. Can be given again."
    ),
]  # fmt: skip
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]
UnitOption = Annotated[
    Optional[str], typer.Option("--unit", help="Unit of the samples: Pa, m/s2, g, V or 1.")
]
Calib = Annotated[Optional[float], typer.Option("--calib", help="Units per digital full scale.")]
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
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]


def say(text: str) -> None:
    """Tell the user what was done (stderr: stdout is for results)."""
    typer.echo(text, err=True)


def complain(text: str) -> None:
    """Tell the user what went wrong."""
    typer.echo(f"error: {text}", err=True)


def bar(label: str) -> Callable[[Iterable[Any]], Iterable[Any]]:
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


def infer_options(ensemble: bool, precision: Precision, device: str) -> Any:
    """Return the `specsr.infer.InferOptions` of the command line's options."""
    from .infer import InferOptions

    return InferOptions(ensemble=ensemble, precision=precision.value, device=device)


def targets(out: list[Path], plot: Path | None) -> list[Path]:
    """Return all files to write, the picture of ``--plot`` last."""
    return [*out, plot] if plot else list(out)
