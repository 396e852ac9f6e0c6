"""Option groups that commands and jobs share, as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from specsr.choices import DB_RANGE, WINDOW
from specsr.errors import SpecsrError

AUTO = Path("auto")
"""In place of a table of speeds or a recording of noise: found in the recording."""


@dataclass(frozen=True)
class Reading:
    """How recordings are read; None leaves a value to the file.

    Attributes:
        unit: unit of the samples in place of the file's; nothing is scaled.
        calib: units per digital full scale in place of the file's.
        channels: names or positions (0 is the first); None for all that fit together.
        rate: sampling rate in Hz, for files without one.
        tone: recording of a calibrator that ``calib`` was computed from; no output may replace it.
    """

    unit: str | None = None
    calib: float | None = None
    channels: tuple[str, ...] | None = None
    rate: float | None = None
    tone: Path | None = field(default=None, metadata={"recorded": False})

    def arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of `specsr.io.read`."""
        given = asdict(self)
        del given["tone"]
        return given


@dataclass(frozen=True)
class Resolution:
    """Window and hop of the map that a recording is turned into; None leaves a value to the job.

    Attributes:
        df: spacing of the rows, Hz.
        overlap: fraction of a window shared with the next, 0 to below 1.
        n_fft: instead of ``df``: samples in one window.
        hop_length: instead of ``overlap``: samples from one frame to the next.
        window: name of a scipy window.
    """

    df: float | None = None
    overlap: float | None = None
    n_fft: int | None = None
    hop_length: int | None = None
    window: str = WINDOW

    @property
    def given(self) -> tuple[str, ...]:
        """Options of the command line whose values are not the defaults."""
        changed = [f.name for f in fields(self) if getattr(self, f.name) != f.default]
        return tuple(f"--{name.replace('_', '-')}" for name in changed)

    def arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of `specsr.spectrogram` and of `map_transform`."""
        return asdict(self)


@dataclass(frozen=True)
class Speed:
    """Source of the machine speed; without one the speed stored in the file is used.

    Attributes:
        table: file of times in s and speeds in 1/min, see `specsr.nvh.speed.read_rpm`; or `AUTO`:
            the speed is found in the recording (`specsr.find_speed`), ``auto:800:6000`` between
            limits in 1/min.
        channel: name or position of the channel that holds the speed.
        scale: 1/min per unit of that channel.
        tacho: name or position of the channel that holds tacho pulses.
        pulses: tacho pulses per revolution.
        threshold: tacho level at which a pulse starts, in the unit of the channel; None for an
            automatic one (`specsr.nvh.speed.rpm_from_pulses`).
        orders: those that have lines, for a speed found in the recording; empty if unknown.

    Raises:
        SpecsrError: more than one source.
    """

    table: Path | None = None
    channel: str | None = None
    scale: float = 1.0
    tacho: str | None = None
    pulses: float = 1.0
    threshold: float | None = None
    orders: tuple[float, ...] = field(default=(), metadata={"recorded": False})

    def __post_init__(self) -> None:
        if sum(source is not None for source in (self.table, self.channel, self.tacho)) > 1:
            raise SpecsrError(
                "the speed has more than one source: give one of --rpm, --rpm-channel and "
                "--tacho-channel"
            )
        _ = self.limits  # a text that is none is an error

    @property
    def is_auto(self) -> bool:
        """Whether the speed is to be found in the recording."""
        return str(self.table).split(":")[0] == str(AUTO)

    @property
    def limits(self) -> tuple[float, float] | None:
        """Limits of a speed that is found, 1/min; None for those of `SpeedSearch`.

        Raises:
            SpecsrError: ``auto`` is not followed by two numbers.
        """
        if not self.is_auto or self.table == AUTO:
            return None
        try:
            low, high = map(float, str(self.table).split(":")[1:])
        except ValueError:
            raise SpecsrError(
                f"--rpm {self.table}: expected auto, or auto:LOW:HIGH in 1/min, such as "
                "auto:800:6000"
            ) from None
        return low, high

    def knowing(self, orders: Iterable[float]) -> Speed:
        """Return the source with orders that are cut, as those with lines, if it is to be found.

        A single order decides nothing.
        """
        known = tuple(orders)
        return replace(self, orders=known) if self.is_auto and len(known) > 1 else self

    @property
    def given(self) -> bool:
        """Whether a source is given."""
        return self.table is not None or self.from_channel

    @property
    def from_channel(self) -> bool:
        """Whether the source is a channel of the recording."""
        return self.channel is not None or self.tacho is not None


@dataclass(frozen=True)
class NoiseSource:
    """Where the noise is recorded alone; without a file or span it is not known.

    Attributes:
        file: recording of the noise; or `AUTO`: it is found in the recording itself
            (`specsr.find_noise`).
        span: first and last time in s of a stretch of the recording itself without the machine.
        follow: the level of the noise changes with time; None: where the recording shows it.

    Raises:
        SpecsrError: a file and a span, a span before the recording, or ``follow`` without either.
    """

    file: Path | None = None
    span: tuple[float, float] | None = None
    follow: bool | None = None

    def __post_init__(self) -> None:
        if self.file is not None and self.span is not None:
            raise SpecsrError("--noise and --noise-from: two sources of the noise, leave one out")
        if self.follow is not None and not self.given:
            option = "--follow-noise" if self.follow else "--no-follow-noise"
            raise SpecsrError(f"{option}: add --noise FILE, --noise auto or --noise-from 0:1.5")
        if self.span is not None and self.span[0] < 0:
            raise SpecsrError(
                f"--noise-from starts at {self.span[0]:g} s: expected times from 0 s up"
            )

    @property
    def given(self) -> bool:
        """Whether the noise is known or to be found."""
        return self.file is not None or self.span is not None

    @property
    def is_auto(self) -> bool:
        """Whether the noise is to be found in the recording."""
        return self.file == AUTO

    @property
    def files(self) -> tuple[Path, ...]:
        """The file of the noise, if it is one."""
        return () if self.file is None or self.is_auto else (self.file,)


def carrier_hz(carrier: str) -> float | None:
    """Return the frequency of a carrier in Hz, None if it is the name of a channel: no number.

    Raises:
        SpecsrError: an empty name, or a number that is no frequency.
    """
    try:
        found = float(carrier)
    except ValueError:
        if carrier.strip():
            return None
        found = 0.0
    if not 0 < found < float("inf"):
        raise SpecsrError(
            f"--carrier is {carrier!r}: expected a frequency above 0 Hz, such as 8000, or the name "
            "of the channel that holds it"
        )
    return found


@dataclass(frozen=True)
class Batch:
    """How the files of a job are processed.

    Attributes:
        overwrite: replace existing outputs.
        resume: skip the files that the manifest of the output folder lists as done.
        cluster: ``local:N`` or the address of a Dask scheduler; None for this process.
    """

    overwrite: bool = False
    resume: bool = False
    cluster: str | None = None


@dataclass(frozen=True)
class Figure:
    """Options of the figures of a job.

    Attributes:
        plot: file to draw into besides the other outputs; None for no such file.
        max_freq: highest frequency, Hz; None for all.
        db_range: dB from the top of the colour scale to its bottom.
    """

    plot: Path | None = None
    max_freq: float | None = None
    db_range: float = DB_RANGE
