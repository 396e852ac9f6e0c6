"""Recordings in memory: samples with their rate, unit, calibration, channel names and rpm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from specsr.errors import SpecsrError
from specsr.names import check_names
from specsr.units import REFERENCES, parse_unit


def fit_length(samples: np.ndarray, length: int) -> np.ndarray:
    """Return samples [..., N] cut or zero-padded at their end to [..., length]."""
    missing = max(0, length - samples.shape[-1])
    return np.pad(samples[..., :length], [(0, 0)] * (samples.ndim - 1) + [(0, missing)])


def channel_position(channels: Sequence[str], channel: int | str) -> int:
    """Return the position of a channel.

    Args:
        channels: names of the channels.
        channel: name, position (0 is the first) or position as text; names come first.

    Raises:
        SpecsrError: no such channel; the message lists the available ones.
    """
    if channel in channels:
        return channels.index(str(channel))
    if isinstance(channel, str) and channel.isdecimal():
        channel = int(channel)
    if isinstance(channel, str) or not 0 <= channel < len(channels):
        raise SpecsrError(
            f"no channel {channel!r}: expected one of {', '.join(channels)}, or 0 to "
            f"{len(channels) - 1}"
        )
    return int(channel)


@dataclass(frozen=True, eq=False)
class Signal:
    """A recording of one or more channels with its calibration.

    Attributes:
        samples: real samples in ``unit``, shape [C, N], float32 or float64.
        rate: sampling rate in Hz; not always an integer.
        unit: unit of the samples (a key of `REFERENCES`; other spellings are converted).
        channels: one name per channel; defaults to ``ch1``, ``ch2``, ...
        start: time of the first sample in s.
        full_scale: value in ``unit`` that corresponds to digital full scale (1.0) in a file.
        rpm: machine speed in 1/min at every sample, float64 [N]; None if unknown.

    Raises:
        SpecsrError: no samples, a wrong shape, an invalid rate, an unknown unit, a name with NUL
            or a lone surrogate, or a sample that is not finite (the message gives its channel and
            position).

    Example:
        >>> t = np.arange(8000) / 8000
        >>> tone = specsr.Signal(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 8000, unit="Pa")
        >>> tone.samples.shape, tone.duration
        ((1, 8000), 1.0)
        >>> tone.level().round(2)  # 1 Pa rms
        array([93.98])
    """

    samples: np.ndarray
    rate: float
    unit: str = "1"
    channels: tuple[str, ...] = ()
    start: float = 0.0
    full_scale: float = 1.0
    rpm: np.ndarray | None = None

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples)
        if samples.dtype not in (np.float32, np.float64):
            if not np.issubdtype(samples.dtype, np.number) or np.iscomplexobj(samples):
                raise SpecsrError(f"samples are {samples.dtype}: expected real numbers")
            samples = samples.astype(np.float64 if samples.dtype.itemsize > 2 else np.float32)
        if samples.ndim == 1:
            samples = samples[None]
        if samples.ndim != 2:
            raise SpecsrError(f"samples have shape {samples.shape}: expected [channels, samples]")
        if samples.shape[0] == 0 or samples.shape[1] == 0:
            raise SpecsrError(
                "the recording is empty: expected at least one channel and one sample"
            )
        if not (np.isfinite(self.rate) and self.rate > 0):
            raise SpecsrError(f"rate is {self.rate}: expected a sampling rate in Hz above zero")
        if not (np.isfinite(self.full_scale) and self.full_scale > 0):
            raise SpecsrError(f"full_scale is {self.full_scale}: expected a value above zero")
        if not np.isfinite(self.start):
            raise SpecsrError(f"start is {self.start}: expected a time in s")
        bad = ~np.isfinite(samples)
        if bad.any():
            channel, position = np.argwhere(bad)[0]
            raise SpecsrError(
                f"channel {channel + 1} holds {samples[channel, position]} at sample {position} "
                f"({position / self.rate:.6g} s), {int(bad.sum())} samples in total are not "
                "finite: cut or repair them first (numpy.nan_to_num replaces them)"
            )
        channels = tuple(map(str, self.channels)) or tuple(
            f"ch{i + 1}" for i in range(samples.shape[0])
        )
        if len(channels) != samples.shape[0]:
            raise SpecsrError(f"{len(channels)} channel names for {samples.shape[0]} channels")
        check_names(channels)
        if self.rpm is not None:
            rpm = np.asarray(self.rpm, dtype=np.float64)
            if rpm.shape != (samples.shape[1],):
                raise SpecsrError(f"rpm has shape {rpm.shape}: expected [{samples.shape[1]}]")
            if not np.isfinite(rpm).all():
                position = int(np.argmin(np.isfinite(rpm)))
                raise SpecsrError(
                    f"rpm holds {rpm[position]} at sample {position}: fill its gaps first "
                    "(numpy.interp), or leave rpm out"
                )
            object.__setattr__(self, "rpm", rpm)
        object.__setattr__(self, "samples", samples)
        object.__setattr__(self, "rate", float(self.rate))
        object.__setattr__(self, "unit", parse_unit(self.unit))
        object.__setattr__(self, "channels", channels)

    @property
    def length(self) -> int:
        """Number of samples in each channel, N."""
        return self.samples.shape[1]

    @property
    def duration(self) -> float:
        """Duration in s."""
        return self.length / self.rate

    @property
    def reference(self) -> float:
        """Value of 0 dB in ``unit``, from `REFERENCES`."""
        return REFERENCES[self.unit]

    def level(self, dc: bool = False) -> np.ndarray:
        """Return the overall rms level of every channel, dB re `reference`, float64 [C].

        A silent channel has the level -inf.

        Args:
            dc: count the mean of the samples (DC) too, such as the offset of a sensor; without it
                a constant is silent.
        """
        found = np.empty(len(self.samples))
        for i, samples in enumerate(self.samples):
            row = np.asarray(samples, dtype=np.float64)
            with np.errstate(divide="ignore", over="ignore", under="ignore", invalid="ignore"):
                row = row if dc else _without_mean(row)
                level = 20 * np.log10(np.sqrt(np.mean(np.square(row))) / self.reference)
                if not np.isfinite(level):  # silent, or squares beyond float64
                    peak = np.abs(row).max()
                    part = np.sqrt(np.mean(np.square(row / peak))) if peak > 0 else 0.0
                    level = 20 * (np.log10(peak) + np.log10(part) - np.log10(self.reference))
            found[i] = level
        return found

    def without_mean(self) -> Signal:
        """Return a copy in which every channel has the mean zero, float64."""
        return self.replace(
            samples=np.array([_without_mean(x.astype(np.float64)) for x in self.samples])
        )

    def replace(self, **changes: Any) -> Signal:
        """Return a checked copy with some attributes changed."""
        return replace(self, **changes)

    def cut(self, first: int, last: int) -> Signal:
        """Return samples ``first`` to ``last`` (exclusive), with their start time and rpm."""
        if (first, last) == (0, self.length):
            return self
        rpm = None if self.rpm is None else self.rpm[first:last]
        return self.replace(
            samples=self.samples[:, first:last], start=self.start + first / self.rate, rpm=rpm
        )

    def resample(self, rate: float) -> Signal:
        """Return the signal at another rate: ``round(N * rate / self.rate)`` samples, same start.

        Uses soxr with its "VHQ" filter.  An integer multiple of the rate gives exactly that
        multiple of the samples.  ``rpm`` is interpolated linearly.

        Args:
            rate: new sampling rate, Hz.

        Raises:
            SpecsrError: an invalid rate, or one too low to hold a single sample.
        """
        if rate == self.rate:
            return self
        if not (np.isfinite(rate) and rate > 0):
            raise SpecsrError(f"rate is {rate}: expected a sampling rate in Hz above zero")
        import soxr

        length = round(self.length * rate / self.rate)
        if length < 1:
            raise SpecsrError(
                f"{self.length} samples at {self.rate:g} Hz are shorter than one sample at "
                f"{rate:g} Hz: expected a higher rate"
            )
        resampled = soxr.resample(self.samples.T, self.rate, rate, quality="VHQ").T
        samples = fit_length(resampled.astype(self.samples.dtype, copy=False), length)
        rpm = self.rpm
        if rpm is not None:
            rpm = np.interp(np.arange(length) / rate, np.arange(self.length) / self.rate, rpm)
        return self.replace(samples=samples, rate=rate, rpm=rpm)


def _without_mean(samples: np.ndarray) -> np.ndarray:
    """Return float64 samples [N] minus their mean; exactly zero for a constant."""
    peak = np.abs(samples).max()
    if samples.min() == samples.max():
        return np.zeros_like(samples)
    scaled = samples / peak  # the sum of large samples exceeds float64
    return peak * (scaled - scaled.mean())


class Source(Protocol):
    """A recording read in parts: a `Signal`, or an open file (`specsr.io.stream`)."""

    @property
    def length(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def start(self) -> float: ...
    @property
    def channels(self) -> tuple[str, ...]: ...
    def cut(self, first: int, last: int) -> Signal:
        """Return samples ``first`` to ``last`` (exclusive); both rise from call to call."""
