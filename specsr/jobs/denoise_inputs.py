"""Inputs of ``denoise`` beside the recording: the noise, and the frequency of a carrier."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from specsr import io
from specsr.enhance.found_noise import find_noise
from specsr.enhance.noise_profile import SECONDS as SHORTEST
from specsr.enhance.noise_profile import Noise, silent_channels
from specsr.errors import SpecsrError
from specsr.io import stream
from specsr.jobs.inputs import load_recording, without_channels
from specsr.jobs.options import NoiseSource, Reading, Speed, carrier_hz
from specsr.jobs.speed_inputs import channel_values
from specsr.signal import Signal, Source

log = logging.getLogger(__name__)


def known_noise(path: Path, reading: Reading, source: NoiseSource) -> Noise | None:
    """Return the noise in a recording or map, None if it is not known.

    Args:
        path: the recording or map.
        reading: channels and calibration, also of the noise.
        source: of the noise.

    Raises:
        SpecsrError: a file that cannot be read, a stretch beyond the recording, or a map without a
            file of the noise.
    """
    if not source.given:
        return None
    if source.file is not None and not source.is_auto:
        return Noise(_of_file(source.file, reading), source.follow)
    if io.is_map(path):
        option = "--noise auto finds it in" if source.is_auto else "--noise-from names a stretch of"
        raise SpecsrError(f"{path}: is a map: {option} a recording; give --noise FILE")
    with opened(path, reading) as recording:
        if source.span is None:
            try:
                found = replace(find_noise(recording), follow=source.follow)
            except SpecsrError as error:
                raise SpecsrError(f"{path}: --noise auto: {error}") from None
            if silent := silent_channels(found.recording):
                log.warning(
                    "%s: --noise auto: no noise throughout in %s: silent in part, or constant; "
                    "nothing is removed from it", path, ", ".join(silent),
                )  # fmt: skip
            return found
        return Noise(_stretch(path, recording, source.span), source.follow)


def _of_file(file: Path, reading: Reading) -> Signal:
    try:
        found = load_recording(file, reading)
        if found.unit == "1":  # also that of a speed which is read by itself
            kinds = {channel.name: channel.kind for channel in io.read_channels(file).channels}
            if all(kinds.get(name) == "speed" for name in found.channels):
                raise SpecsrError("is a speed in 1/min: --noise takes a recording of the noise")
    except SpecsrError as error:
        text = str(error)
        raise SpecsrError(text if str(file) in text else f"{file}: {text}") from None
    return found


def _stretch(path: Path, recording: Source, span: tuple[float, float]) -> Signal:
    first, last = (round(at * recording.rate) for at in span)
    if last - first < SHORTEST * recording.rate:
        raise SpecsrError(
            f"{path}: --noise-from is a stretch of {span[1] - span[0]:.3g} s: expected at least "
            f"{SHORTEST:g} s, better two or more"
        )
    if last > recording.length:
        raise SpecsrError(
            f"{path}: --noise-from ends at {span[1]:g} s: the recording has "
            f"{recording.length / recording.rate:.4g} s"
        )
    return recording.cut(first, last)


@contextmanager
def opened(path: Path, reading: Reading) -> Iterator[Source]:
    """Yield a recording, open if it can be streamed, else in memory."""
    with stream.opened(path, **reading.arguments()) as found:
        yield load_recording(path, reading) if found is None else found


def with_carrier(
    path: Path, reading: Reading, noisy: Signal, carrier: str
) -> tuple[Signal, float | np.ndarray]:
    """Return a recording and the frequency of its carrier in Hz, one value or one for each sample.

    Args:
        path: the recording.
        reading: how it is read.
        noisy: the recording as read; a channel with the frequency is taken out of it.
        carrier: frequency in Hz, or the name of a channel that holds it in Hz.

    Raises:
        SpecsrError: no such channel, no other one, or a number that is no frequency.
    """
    number = carrier_hz(carrier)
    if number is not None:
        return noisy, number
    try:
        name, values, times = channel_values(path, reading, Speed(channel=carrier))
    except SpecsrError as error:
        raise SpecsrError(
            f"--carrier {carrier}: neither a frequency in Hz, such as 8000, nor a channel: {error}"
        ) from None
    wanted = noisy.start + np.arange(noisy.length) / noisy.rate
    return without_channels(noisy, (name,)), np.interp(wanted, times, values)
