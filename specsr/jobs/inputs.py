"""Read the input of a command: a recording or a map, with the machine speed of the options."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from specsr import io
from specsr.errors import SpecsrError
from specsr.jobs.options import Reading, Speed
from specsr.maps.spec_map import SpecMap
from specsr.nvh.speed import read_rpm, rpm_from_pulses, take_channel
from specsr.signal import Signal


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
    spec = io.read_map(path)
    return spec if speed.table is None else spec.replace(rpm=read_rpm(speed.table, spec.grid))


def load_recording(path: Path, reading: Reading, speed: Speed = Speed()) -> Signal:
    """Return the recording in a file; a speed or tacho channel is no channel of the result.

    Args and errors are those of `load`; a map is an error as well.
    """
    if io.is_map(path):
        raise SpecsrError(
            f"{path}: is a map: expected a recording; specsr upscale, levels, orders and info "
            "take maps"
        )
    signal = io.read(path, **reading.arguments())
    if speed.table is not None:
        return signal.replace(rpm=read_rpm(speed.table, signal))
    name = speed.channel if speed.channel is not None else speed.tacho
    if name is None:
        return signal
    # read separately: a tacho channel, or one of another rate, is not among the others; and the
    # calibration of the options is that of the sound
    own = replace(reading, channels=(name,), calib=None)
    source = io.read(path, **own.arguments())
    if source.channels[0] in signal.channels:
        _, signal = take_channel(signal, source.channels[0])
    values = source.samples[0].astype(float)
    if speed.tacho is None:
        rpm = values * speed.scale
    else:
        rpm = rpm_from_pulses(values, source.rate, speed.pulses, threshold=speed.threshold)
    measured, wanted = (x.start + np.arange(x.length) / x.rate for x in (source, signal))
    return signal.replace(rpm=np.interp(wanted, measured, rpm))
