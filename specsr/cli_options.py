"""Arguments and options that several commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Optional

import typer


class PairName(str, Enum):
    """Pairs that upscale knows."""

    pool = "pool"
    stft = "stft"
    band = "band"


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
    bool, typer.Option("--ensemble", help="Average with the time-reversed pass (twice the time).")
]
PrecisionOption = Annotated[Precision, typer.Option(help="Arithmetic of the network.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
