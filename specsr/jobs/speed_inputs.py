"""Speeds that the options of a command name: channels, tables and constants, also of shafts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from specsr import io
from specsr.errors import SpecsrError
from specsr.io.speeds import check_speed
from specsr.jobs.options import Reading, Speed
from specsr.maps.spec_map import SpecMap
from specsr.nvh.known_orders import parse_orders
from specsr.nvh.shafts import ShaftText, named_orders, parse_shafts
from specsr.nvh.speed import read_rpm, rpm_from_pulses
from specsr.nvh.speed_options import SpeedOptions
from specsr.signal import Signal


def speed_channel(path: Path, reading: Reading, speed: Speed) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the channel of a speed: its name, the speed in 1/min, and its times in s, [M].

    It is read by itself: a tacho channel, or one of another rate, is not among the others, and the
    calibration of the options is that of the sound.

    Args:
        path: the recording.
        reading: how recordings are read.
        speed: names the channel.

    Raises:
        SpecsrError: no such channel, no pulses in it, or a speed too high for a machine.
    """
    found, rpm, times = channel_values(path, reading, speed)
    fix = "--rpm-scale is 1/min per unit" if speed.tacho is None else "check --pulses"
    check_speed(rpm, f"{path}: the speed of {found}", fix)
    return found, rpm, times


def channel_values(
    path: Path, reading: Reading, speed: Speed
) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the channel that a speed names as `speed_channel`, whatever its values."""
    name = speed.channel if speed.channel is not None else speed.tacho
    read = io.read(path, **replace(reading, channels=(str(name),), calib=None).arguments())
    values = read.samples[0].astype(float)
    if speed.tacho is None:
        rpm = values * speed.scale
    else:
        rpm = rpm_from_pulses(values, read.rate, speed.pulses, threshold=speed.threshold)
    return read.channels[0], rpm, read.start + np.arange(read.length) / read.rate


def shaft_channel(
    shaft: ShaftText, path: Path, reading: Reading
) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the channel that a shaft names, as `speed_channel`.

    Raises:
        SpecsrError: the shaft names neither a file nor a channel of the recording, or its speed is
            too high for a machine.
    """
    try:
        found = channel_values(path, reading, Speed(channel=shaft.source))
    except SpecsrError as error:
        raise SpecsrError(
            f"shaft {shaft.name}: {shaft.source} is no file and no channel: {error}"
        ) from None
    check_speed(
        shaft.ratio * found[1], f"shaft {shaft.name}: its speed", f"add a factor: {found[0]}*0.001"
    )
    return found


def shaft_tables(shafts: Sequence[str]) -> tuple[Path, ...]:
    """Return the files that hold the speeds of shafts, given in text."""
    found = [parse_shafts((text,))[0] for text in shafts]
    return tuple(shaft.table for shaft in found if shaft.table is not None)


def absolute_shafts(shafts: Sequence[str]) -> tuple[str, ...]:
    """Return shafts in text with absolute paths of their files."""
    found = []
    for text in shafts:
        (shaft,) = parse_shafts((text,))
        path = text if shaft.table is None else os.path.abspath(shaft.table)
        found.append(path if path == text else f"{shaft.name}: {path}*{shaft.ratio!r}")
    return tuple(found)


def check_orders(
    orders: str | None, shafts: Sequence[str]
) -> tuple[Sequence[ShaftText], dict[str, tuple[float, ...]]]:
    """Return the shafts and their orders, "" for those of the recording or map itself.

    Raises:
        SpecsrError: a text that is not valid.
    """
    named = parse_shafts(shafts)
    if orders is None:
        return named, {}
    if named:
        return named, named_orders(orders, [shaft.name for shaft in named])
    return named, {"": parse_orders(orders)}


def speed_options(
    find: bool, orders: str | None, shafts: Sequence[str], x: Signal | SpecMap, path: Path,
    reading: Reading,
) -> tuple[SpeedOptions, tuple[str, ...]]:  # fmt: skip
    """Return the options of a finer map, and the channels of ``x`` that are speeds of shafts.

    Args:
        find: search for the speed, or correct it.
        orders: in text; an item with the name of a shaft, such as ``fan=7,14``, is an order of
            that, all others are orders of the speed of ``x``.
        shafts: in text; one whose speed is a multiple of that of ``x`` adds its orders to those.
        x: the recording or map.
        path: its file.
        reading: how recordings are read.

    Raises:
        SpecsrError: a text that is not valid, a speed that cannot be read, or orders missing.
    """
    named, own = check_orders(orders, shafts)
    known = set(own.pop("", ()))
    speeds: dict[str, np.ndarray | float] = {}
    channels = []
    for shaft in named:
        if shaft.of_recording:
            if x.rpm is None:
                raise SpecsrError(
                    f"shaft {shaft.name}: {path} has no speed: give one (--rpm speed.csv)"
                )
            if shaft.name not in own:
                raise SpecsrError(
                    f"shaft {shaft.name}: its speed is a multiple of that of the machine: name its "
                    f"orders, such as --orders {shaft.name}=1..6"
                )
            known.update(shaft.ratio * order for order in own.pop(shaft.name))
        elif shaft.rpm is not None:
            speeds[shaft.name] = shaft.ratio * shaft.rpm
        elif shaft.table is not None:
            grid = x.grid if isinstance(x, SpecMap) else x
            speeds[shaft.name] = shaft.ratio * read_rpm(shaft.table, grid)
        elif isinstance(x, SpecMap):
            raise SpecsrError(
                f"shaft {shaft.name}: {shaft.source}: no such file; a map has no channels: give a "
                "table of times and speeds"
            )
        else:
            name, rpm, times = shaft_channel(shaft, path, reading)
            at = x.start + np.arange(x.length) / x.rate
            speeds[shaft.name] = shaft.ratio * np.abs(np.interp(at, times, rpm))
            channels.append(name)
    groups = {"": tuple(sorted(known)), **own}
    return SpeedOptions(find, groups if own else groups[""], speeds), tuple(channels)
