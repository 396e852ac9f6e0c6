"""catman files (``.bin`` of HBK catman AP): channels of numbers with their sample interval.

Layout of header version 5012 and later (HBK's description of the format): a header of the file,
one of each channel, then the values of channel after channel as 8 or 4-byte floats, or as 2-byte
integers between two limits, then at most the display formats of the channels.  Read here, not by
apread: that needs opencv-python, which replaces files of opencv-python-headless, and leaves out
channels without a channel of time.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import sampling, unread
from specsr.io.catman_head import VERSIONS, Head, read_heads, read_text, take, unpack
from specsr.io.limits import Total, array_memory
from specsr.io.recording import Channel, Contents
from specsr.io.sampling import Sampling

SUFFIXES = (".bin",)
INVALID = -1e6
"""Value that catman stores where an amplifier gave none: overflow, or no sensor."""
_FORMATS_FOLLOW = 4001
"""Mark in front of the display formats, one text for each channel, behind the last value."""
_RATES = (1e-6, 1e9)
"""Lowest and highest sampling rate of an undamaged file, Hz."""


def read_catman(path: Path) -> Contents:
    """Return the channels of a catman file that hold numbers, in their units.

    Raises:
        SpecsrError: it is no catman file, of an older version, damaged, cut off, or holds no
            waveform.
    """
    if not is_catman(path):
        raise unread.other_content(path, "catman, which start with its version")
    size = path.stat().st_size
    with open(path, "rb") as file:
        heads, start = read_heads(file)
        _check_sizes(file, heads, start, size)
        found: list[tuple[Head, np.ndarray]] = []
        texts = []
        total = Total("its channels")
        for head in heads:
            if head.numeric and head.length:
                total.add(array_memory(head.length, np.dtype(np.float64)))
                file.seek(start)
                found.append((head, _values(file, head)))
            elif head.length:
                texts.append(head.shown)
            start += head.nbytes
    channels, notes = [], []
    clocks = [one for one in found if _is_clock(*one)]
    used: set[int] = set()
    for head, samples in found:
        if any(head is clock for clock, _ in clocks):
            continue
        samples, gaps = _with_gaps(samples)
        axes = _axes(head, clocks)
        used |= {id(axis) for axis, _ in axes}
        sampled = _sampling(head, axes)
        channels.append(Channel(head.name, samples, label=head.unit, **sampled.fields()))
        notes += [f"channel {head.shown}: {note}" for note in (sampled.note, gaps) if note]
    notes += [
        f"channel {head.shown} is skipped: it holds times" for head, _ in clocks
        if id(head) not in used
    ]  # fmt: skip
    notes += [f"channel {name} is skipped: it holds texts" for name in texts]
    if not channels:
        raise SpecsrError("holds no waveform: expected a channel of numbers beside its time")
    return Contents(tuple(channels), tuple(dict.fromkeys(notes)))


def is_catman(path: Path) -> bool:
    """Return whether a file starts as a catman file of a known version does."""
    with open(path, "rb") as file:
        head = file.read(6)
    if len(head) < 6:
        return False
    version, start = struct.unpack("<hi", head)
    return 5000 <= version <= VERSIONS[1] and 0 < start <= path.stat().st_size


def _check_sizes(file: BinaryIO, heads: list[Head], start: int, size: int) -> None:
    """Raise `SpecsrError` if the values end elsewhere than at the end or at the display formats.

    A wrong length of one channel would shift the values of all channels behind it.
    """
    end = start + sum(head.nbytes for head in heads)
    if end > size:
        raise SpecsrError(
            f"is cut off: its headers declare {end - start} bytes of values, the file holds "
            f"{max(0, size - start)}; copy it again"
        )
    if end == size:
        return
    file.seek(end)
    try:
        (mark,) = unpack(file, "h")
        for _ in heads:
            read_text(file)
    except SpecsrError:
        mark = 0
    if mark != _FORMATS_FOLLOW:
        raise SpecsrError(
            f"is damaged: its values end at byte {end} by its headers, {size - end} bytes follow "
            "that are no display formats; copy it again"
        )


def _values(file: BinaryIO, head: Head) -> np.ndarray:
    limits = struct.unpack("<dd", take(file, 16)) if head.before else None
    stored = np.frombuffer(take(file, head.length * head.dtype.itemsize), head.dtype)
    if limits is None:
        return stored.astype(head.dtype.newbyteorder("="))
    low, high = limits
    if not np.isfinite([low, high]).all():
        raise SpecsrError(
            f"is damaged: channel {head.shown} has values from {low} to {high}: expected two "
            "numbers; copy it again"
        )
    return low + stored * ((high - low) / 32767)


def _with_gaps(samples: np.ndarray) -> tuple[np.ndarray, str]:
    """Return samples with invalid values as NaN, and a note on them or ""."""
    bad = samples == INVALID
    if not bad.any():
        return samples, ""
    return np.where(bad, samples.dtype.type(np.nan), samples), (
        f"{int(bad.sum())} of {bad.size} values are {INVALID:.0f}, which catman stores for "
        "overflow, and become gaps"
    )


def _is_clock(head: Head, samples: np.ndarray) -> bool:
    """Return whether a channel holds the times of others.

    One without a unit does if its values increase: a reaction time is a quantity.
    """
    rises = samples[-1] > samples[0] and bool((np.diff(samples) >= 0).all())
    return head.may_be_time and (bool(head.unit) or rises)


def _axes(head: Head, clocks: list[tuple[Head, np.ndarray]]) -> list[tuple[Head, np.ndarray]]:
    """Return the clock of a channel, or none.

    Files with several rates have one for each; that of the same interval belongs to the channel.
    A clock that is stored with few digits cannot tell its steps and is left out.
    """
    same = [one for one in clocks if one[0].length == head.length and _resolved(*one)]
    near = [
        one for one in same
        if not head.step or not one[0].step or abs(one[0].step - head.step) <= 0.01 * head.step
    ]  # fmt: skip
    return (near or same)[:1]


def _sampling(head: Head, axes: list[tuple[Head, np.ndarray]]) -> Sampling:
    """Return the sampling of a channel, from its interval and its clock.

    Raises:
        SpecsrError: times that do not increase, or a rate that no recording has.
    """
    facts: list[tuple[str, Sampling]] = []
    if head.step:
        facts.append(("the sample interval", sampling.of_step(head.step, label="s")))
    for axis, times in axes:
        if head.length > 1:
            facts.append((axis.shown, sampling.of_values(times, axis.unit)))
    for name, one in facts:
        if one.rate is not None and not _RATES[0] <= one.rate <= _RATES[1]:
            raise SpecsrError(
                f"is damaged: channel {head.shown} has a rate of {one.rate:.6g} Hz by {name}: "
                f"expected {_RATES[0]:g} to {_RATES[1]:g} Hz; copy it again"
            )
    uneven = next((one for _, one in facts if one.times is not None), None)
    return uneven or sampling.agreed(facts)


def _resolved(head: Head, times: np.ndarray) -> bool:
    """Return whether time stamps are stored with the digits that their steps need."""
    span = float(np.abs(times).max())
    digits = span / 32767 if head.before else span * float(np.finfo(times.dtype).eps)
    return digits * max(1, head.length - 1) <= 0.05 * float(times[-1] - times[0])
