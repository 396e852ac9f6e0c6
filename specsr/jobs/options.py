"""Options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from specsr.signal import Signal


@dataclass(frozen=True)
class Reading:
    """How recordings are read: what the user says about channels and calibration.

    Attributes:
        unit: unit of the samples, over that of the file.
        calib: units per digital full scale, over that of the file.
        channels: names or positions; None for all that fit together.
        rate: Hz, for files that give none.
    """

    unit: str | None = None
    calib: float | None = None
    channels: tuple[str, ...] | None = None
    rate: float | None = None

    def read(self, path: Path) -> Signal:
        """Return a recording."""
        from specsr import io

        return io.read(
            path, unit=self.unit, calib=self.calib, channels=self.channels, rate=self.rate
        )


@dataclass(frozen=True)
class Batch:
    """How the files of a job are gone through.

    Attributes:
        overwrite: replace outputs that exist.
        resume: skip what the manifest of the output folder says is done.
        cluster: ``local:N`` or the address of a Dask scheduler; None for this process.
    """

    overwrite: bool = False
    resume: bool = False
    cluster: str | None = None
