"""Arguments and options that several commands share; groups of them become one object each."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Optional

import typer

from specsr.choices import Precision
from specsr.cli.group import Group
from specsr.cli.output import say
from specsr.errors import SpecsrError
from specsr.jobs.options import Batch, Figure, Reading, Resolution, Speed
from specsr.models.options import InferOptions

Inputs = Annotated[list[Path], typer.Argument(help="Recordings, map files or folders of them.")]
Outs = Annotated[
    list[Path],
    typer.Option(
        "-o", "--out", help="Output file, repeatable; the suffix sets the kind (.wav .w64 .flac "
        ".tdms: recording; .npz .h5: map; .mat .uff .csv: recording or map, as the result; .png "
        ".pdf .svg: figure). For several inputs: a folder."
    ),
]  # fmt: skip
FigureOuts = Annotated[
    Optional[list[Path]],
    typer.Option(
        "-o", "--out", help="Output file, repeatable: table (.csv) or figure (.png .pdf .svg)."
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing outputs.")]
ModelOption = Annotated[
    Optional[str],
    typer.Option("--model", help="Model: bundled name or .safetensors file [default: bundled]."),
]
Suffix = Annotated[
    Optional[str],
    typer.Option("--suffix", help="Suffix of the files in an output folder, such as .flac."),
]
Bandwidth = Annotated[
    Optional[float],
    typer.Option(
        "--bandwidth",
        help="Bandwidth of an order, in orders [default: the width of its line in the map].",
    ),
]
LevelRange = Annotated[
    float,
    typer.Option("--range", help="Level range below the maximum that the errors count, dB."),
]
DocumentOut = Annotated[
    Optional[Path],
    typer.Option("-o", "--out", help="Also write the document of --json to this file."),
]
MarkdownOut = Annotated[
    Optional[Path], typer.Option("--markdown", help="Also write the tables to this file.")
]


def _reading(
    unit: str | None = None,
    calib: float | None = None,
    calib_tone: tuple[Path, float] | None = None,
    full_scale: float | None = None,
    channels: list[str] | None = None,
    rate: float | None = None,
) -> Reading:
    """Return how recordings are read; a calibrator tone is evaluated and reported here."""
    if calib_tone is None and full_scale is None:
        return Reading(unit, calib, tuple(channels) if channels else None, rate)
    from specsr.jobs.calibrated import calibrated_reading

    found, note = calibrated_reading(unit, calib, calib_tone, full_scale, channels, rate)
    say(note)
    return found


reading_options = Group(
    "reading",
    _reading,
    {
        "unit": Annotated[
            Optional[str],
            typer.Option("--unit", help="Unit of the samples: Pa, m/s2, g, m/s, m, N, V or 1."),
        ],
        "calib": Annotated[
            Optional[float], typer.Option("--calib", help="Units per digital full scale.")
        ],
        "calib_tone": Annotated[
            Optional[tuple[Path, float]],
            typer.Option(
                "--calib-tone", metavar="FILE DB",
                help="Instead: recording of a calibrator and its level in dB, such as tone.wav 94.",
            ),
        ],
        "full_scale": Annotated[
            Optional[float],
            typer.Option(
                "--full-scale", help="Instead: level of a full-scale sine, dB, such as 120."
            ),
        ],
        "channels": Annotated[
            Optional[list[str]],
            typer.Option(
                "--channel", help="Channel by name or position (0 is the first), repeatable. A "
                "channel in 1/min becomes the speed.",
            ),
        ],
        "rate": Annotated[
            Optional[float],
            typer.Option("--file-rate", help="Sampling rate in Hz, for files without one."),
        ],
    },
)  # fmt: skip

batch_options = Group(
    "batch",
    Batch,
    {
        "overwrite": Overwrite,
        "resume": Annotated[
            bool,
            typer.Option(
                "--resume", help="Continue a job into a folder: skip files that its "
                "specsr-manifest.jsonl lists as done and that are up to date.",
            ),
        ],
        "cluster": Annotated[
            Optional[str],
            typer.Option(
                "--cluster", metavar="WHERE", help="Process the files of a folder in parallel: "
                "local:4 (processes of this machine) or tcp://host:8786 (Dask scheduler).",
            ),
        ],
    },
)  # fmt: skip

network_options = Group(
    "network",
    InferOptions,
    {
        "ensemble": Annotated[
            bool,
            typer.Option(
                "--ensemble", help="Self-ensemble: average with the time-reversed pass (2x "
                "slower; --expected with an overlap from 87.5 %: over every second column); for "
                "images over 8 flips and rotations (8x slower).",
            ),
        ],
        "precision": Annotated[
            Precision,
            typer.Option(
                "--precision",
                help="Arithmetic of the network; tf32 is for CUDA, on a CPU it is float32.",
            ),
        ],
        "device": Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")],
        "segment": Annotated[
            float,
            typer.Option(
                "--segment", min=0.01,
                help="Segment length for long recordings, s; bounds memory use.",
            ),
        ],
    },
)  # fmt: skip

speed_options = Group(
    "speed",
    Speed,
    {
        "table": Annotated[
            Optional[Path],
            typer.Option(
                "--rpm", help="Speed table (.csv): time in s, speed in 1/min; or auto: found in "
                "the recording (auto:800:6000 between limits), see specsr speed.",
            ),
        ],
        "channel": Annotated[
            Optional[str],
            typer.Option("--rpm-channel", help="Speed channel of the recording: name or position."),
        ],
        "scale": Annotated[
            float,
            typer.Option("--rpm-scale", help="1/min per unit of the speed channel (uncalibrated)."),
        ],
        "tacho": Annotated[
            Optional[str],
            typer.Option("--tacho-channel", help="Channel with tacho pulses: name or position."),
        ],
        "pulses": Annotated[
            float, typer.Option("--pulses", help="Tacho pulses per revolution.")
        ],
        "threshold": Annotated[
            Optional[float],
            typer.Option(
                "--tacho-threshold",
                help="Tacho level at which a pulse starts [default: automatic].",
            ),
        ],
    },
)  # fmt: skip

resolution_options = Group(
    "resolution",
    Resolution,
    {
        "df": Annotated[Optional[float], typer.Option("--df", help="Row spacing, Hz.")],
        "overlap": Annotated[
            Optional[float],
            typer.Option("--overlap", help="Overlap of the windows, 0 to below 1."),
        ],
        "n_fft": Annotated[
            Optional[int],
            typer.Option("--n-fft", help="Window length in samples, instead of --df."),
        ],
        "hop_length": Annotated[
            Optional[int],
            typer.Option("--hop-length", help="Hop in samples, instead of --overlap."),
        ],
        "window": Annotated[
            str, typer.Option("--window", help="Window function, a name that scipy knows.")
        ],
    },
)  # fmt: skip

figure_options = Group(
    "figure",
    Figure,
    {
        "plot": Annotated[
            Optional[Path],
            typer.Option("--plot", help="Also draw the maps to this file (.png .pdf .svg)."),
        ],
        "max_freq": Annotated[
            Optional[float], typer.Option("--max-freq", help="Highest frequency of figures, Hz.")
        ],
        "db_range": Annotated[
            float, typer.Option("--range", help="Range of the colour scale of figures, dB.")
        ],
    },
)  # fmt: skip


def numbers(text: str, option: str) -> tuple[float, ...]:
    """Return the comma-separated numbers of an option.

    Raises:
        SpecsrError: other text, nan or inf; the message names the option.
    """
    try:
        found = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        found = (math.nan,)
    if not all(map(math.isfinite, found)):
        raise SpecsrError(f"{option} is {text!r}: expected numbers with commas, such as 2,4")
    return found


def order_numbers(text: str, option: str) -> tuple[float, ...]:
    """Return the orders of an option; errors are those of `numbers`, and an order of 0 or less."""
    found = numbers(text, option)
    if wrong := [order for order in found if order <= 0]:
        raise SpecsrError(f"{option} holds {wrong[0]:g}: expected orders above zero, such as 2,4")
    return found


def interval(text: str, option: str, what: str, example: str) -> tuple[float, float]:
    """Return the two numbers of an option such as 800:6000, the lower one first.

    Args:
        text: value of the option.
        option: its name.
        what: what is expected, for the message.
        example: of a value.

    Raises:
        SpecsrError: other text, nan or inf, or a first number that is not below the second.
    """
    try:
        low, high = map(float, text.split(":"))
        valid = math.isfinite(low) and math.isfinite(high) and low < high
    except ValueError:
        valid = False
    if not valid:
        raise SpecsrError(
            f"{option} is {text!r}: expected {what}, the lower one first, such as {example}"
        )
    return low, high


def words(text: str) -> tuple[str, ...]:
    """Return the comma-separated words of an option."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
