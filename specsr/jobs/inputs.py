"""Read the input of a command: a recording or a map, with the machine speed of the options."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from specsr import io
from specsr.errors import SpecsrError
from specsr.io import stream
from specsr.jobs.options import Reading, Speed
from specsr.jobs.speed_inputs import speed_channel
from specsr.maps.spec_map import SpecMap
from specsr.nvh.speed import read_rpm, take_channel
from specsr.signal import Signal

if TYPE_CHECKING:
    from specsr.nvh.tacholess import FoundSpeed

log = logging.getLogger(__name__)

WHOLE = 1 << 24
"""Samples, over all channels, up to which a recording is read whole."""


def load(path: Path, reading: Reading, speed: Speed = Speed()) -> Signal | SpecMap:
    """Return the recording or map in a file.

    Args:
        path: the file.
        reading: channels and calibration of a recording; a map has its own.
        speed: source of the machine speed, in place of the one in the file.  A map takes a table.

    Raises:
        SpecsrError: the file or the table cannot be read, or the speed is to come from a channel
            that the file does not have.
    """
    if not io.is_map(path):
        return load_recording(path, reading, speed)
    if speed.from_channel:
        raise SpecsrError(
            f"{path}: is a map: give its speed as a table (--rpm); --rpm-channel and "
            "--tacho-channel are for recordings"
        )
    if speed.is_auto:
        raise SpecsrError(
            f"{path}: is a map: --rpm auto finds the speed of recordings; upscale finds that of a "
            "map by itself"
        )
    spec = io.read_map(path)
    return spec if speed.table is None else spec.replace(rpm=read_rpm(speed.table, spec.grid))


def load_recording(path: Path, reading: Reading, speed: Speed = Speed()) -> Signal:
    """Return the recording in a file; a speed or tacho channel is no channel of the result.

    Args and errors are those of `load`; a map is an error as well.
    """
    if io.is_map(path):
        raise SpecsrError(
            f"{path}: is a map: expected a recording; specsr upscale, denoise, levels, orders, "
            "report, info and spectrogram --expected take maps"
        )
    signal = io.read(path, **reading.arguments())
    if speed.is_auto:
        return signal.replace(rpm=tacholess_speed(path, signal, speed).at(signal))
    if speed.table is not None:
        return signal.replace(rpm=read_rpm(speed.table, signal))
    if not speed.from_channel:
        return signal
    name, rpm, times = speed_channel(path, reading, speed)
    signal = without_channels(signal, (name,))
    wanted = signal.start + np.arange(signal.length) / signal.rate
    return signal.replace(rpm=np.interp(wanted, times, rpm))


def check_turning(path: Path, rpm: Sequence[float] | np.ndarray, speed: Speed) -> None:
    """Raise `SpecsrError` for a speed that is zero throughout: it has no orders.

    Args:
        path: the recording or map.
        rpm: the speed, or its lowest and highest value, 1/min.
        speed: source of the speed.
    """
    if np.any(np.asarray(rpm)):
        return
    of = "" if speed.table is None or speed.is_auto else f" of {speed.table}"
    raise SpecsrError(
        f"{path}: the speed{of} is zero throughout: expected 1/min of a shaft that turns; check "
        "the table or channel of the speed, or leave orders out"
    )


def tacholess_speed(path: Path, signal: Signal, speed: Speed) -> FoundSpeed:
    """Return the speed found in a recording; notes name it.

    Args:
        path: its file.
        signal: the recording.
        speed: limits and orders of the search.

    Raises:
        SpecsrError: no speed is found.
    """
    from specsr.nvh.tacholess import SpeedSearch, find_speed
    from specsr.nvh.tacholess_notes import cautions

    orders = speed.orders
    try:
        found = find_speed(
            signal, SpeedSearch(speed.limits or SpeedSearch.rpm_range, orders=orders)
        )
    except SpecsrError as error:
        raise SpecsrError(f"{path}: --rpm auto: {error}") from None
    if not found.is_found:
        beside = f" but those of the mains ({found.mains:g} Hz)" if found.mains else ""
        if found.rival is not None:
            beside = " rather than another that explains the recording as well"
        raise SpecsrError(
            f"{path}: --rpm auto: no lines that follow one speed{beside}; give limits (--rpm "
            "auto:800:6000), or orders to specsr speed, or a table"
        )
    log.warning(
        "%s: speed found: %.0f to %.0f rpm if the lines are at %s%s (confidence %.2f); specsr "
        "speed shows other candidates",
        path, found.rpm.min(), found.rpm.max(), found.candidates[found.chosen].lines,
        f", with strong ones at {', '.join(f'{k:g}' for k in orders)}" if orders else "",
        found.confidence.mean(),
    )  # fmt: skip
    if orders and speed.limits is None:
        log.warning(
            "%s: where stronger orders are not cut, the speed may be off by a factor: limits "
            "decide (--rpm auto:800:6000)", path,
        )  # fmt: skip
    for line in cautions(found):
        log.warning("%s: specsr speed: %s", path, line)
    return found


def without_channels(signal: Signal, names: Sequence[str]) -> Signal:
    """Return a recording without some channels, as far as it has them.

    Raises:
        SpecsrError: no other channel is left.
    """
    for name in set(names) & set(signal.channels):
        _, signal = take_channel(signal, name)
    return signal


@contextmanager
def whole_or_open(path: Path, reading: Reading) -> Iterator[Signal | stream.Recording]:
    """Yield a recording without a speed of the options: long audio files open, others in memory.

    Raises:
        SpecsrError: as `specsr.jobs.inputs.load_recording`.
    """
    with ExitStack() as stack:
        found = None
        if not io.is_map(path):
            found = stack.enter_context(stream.opened(path, **reading.arguments()))
        if found is None or found.length * len(found.channels) <= WHOLE:
            yield load_recording(path, reading)
            return
        for note in found.notes:
            log.warning("%s: %s", path, note)
        yield found
