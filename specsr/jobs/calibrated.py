"""How recordings are read, with the calibration by a calibrator or a level of full scale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from specsr import io
from specsr.errors import SpecsrError
from specsr.io.snapshot import snapshot
from specsr.jobs.options import Reading
from specsr.nvh import calibration
from specsr.units import parse_unit, reference_label


def calibrated_reading(
    unit: str | None = None,
    calib: float | None = None,
    calib_tone: tuple[Path, float] | None = None,
    full_scale: float | None = None,
    channels: Sequence[str] | None = None,
    rate: float | None = None,
) -> tuple[Reading, str]:
    """Return how recordings are read, and a note on a calibrator or full scale; "" without one.

    Args:
        unit, calib, channels, rate: as those of `Reading`.
        calib_tone: recording of a calibrator and its level in dB.
        full_scale: level of a full-scale sine, dB.

    Raises:
        SpecsrError: more than one calibration, or a calibrator that cannot be read or evaluated;
            the message names its file.
    """
    if sum(value is not None for value in (calib, calib_tone, full_scale)) > 1:
        raise SpecsrError("--calib, --calib-tone and --full-scale exclude each other: give one")
    source, note = None, ""
    if full_scale is not None:
        unit = parse_unit(unit or "Pa")
        calib = calibration.at_full_scale(full_scale, unit)
        note = f"a full-scale sine is {full_scale:g} dB {reference_label(unit)}"
    elif calib_tone is not None:
        source, level = calib_tone
        unit = parse_unit(unit or "Pa")
        try:
            read = snapshot([source])
            recorded = io.read(source, unit="1", calib=1.0)
            read.check()
            tone = calibration.calibrate(recorded, level, unit)
        except SpecsrError as error:
            text = str(error)
            raise SpecsrError(text if str(source) in text else f"{source}: {text}") from None
        calib = tone.calib
        note = f"{source}: {level:g} dB {reference_label(unit)}: {tone}"
    return Reading(unit, calib, tuple(channels) if channels else None, rate, source), note
