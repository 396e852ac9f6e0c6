"""Lines that follow a machine's speed kept, all else taken away.

Within a window long enough to lift weak orders out of the noise, a run-up sweeps them over many
rows.  So each frame is read on a time axis that runs with the speed (the fan-chirp transform:
Képesi, Weruaga, Speech Communication 48, 2006), on which they stand still.  What is a line is
judged along its way through the frames around: at all frequencies that keep their ratio to the
speed, so whines and gears that are no multiple of it are kept as well, and tones that stand still
while the speed changes are not.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import maximum_filter1d, median_filter, uniform_filter1d

from specsr.enhance import segments as streaming
from specsr.errors import SpecsrError
from specsr.progress import Progress
from specsr.signal import Signal

SECONDS = 0.32
"""About the length of a window."""
FRAMES = 13
"""Frames over which a line is followed."""
THRESHOLD, OWN_WAY = 5.0, 0.7
"""Power over the noise from which on there is a line, and what part it must be of the power found
along the row instead."""
BANDS = ((36, 9), (60, 15), (100, 25), (10**9, 41))
"""(Up to row, rows whose median is the noise): narrow where noise is steep."""
EDGE = 0.3
"""Part of the noise within six rows that is taken for noise at least."""
OVERSAMPLING = 4
"""Of what is read between samples."""


def keep_orders(
    noisy: Signal, segment: float = 20.0, progress: Progress | None = None
) -> Signal:  # fmt: skip
    """Return what follows the speed that a recording carries; samples, channels and units stay.

    Orders, gears and whines are kept, whatever their ratio to the speed; steady tones, broadband
    noise and impacts are taken away.

    Args:
        noisy: with ``rpm`` at every sample.  Where it is zero or not a number, the speed beside it
            is held.
        segment: seconds that are worked on at a time.
        progress: wraps the segments.

    Raises:
        SpecsrError: no speed, or shorter than a window.
    """
    return streaming.join(keep_orders_pieces(noisy, segment, progress))


def keep_orders_pieces(
    noisy: streaming.Source, segment: float = 20.0, progress: Progress | None = None
) -> Generator[Signal, None, None]:
    """Yield the result of `keep_orders` in pieces of ``segment`` seconds, in order.

    Args and errors are those of `keep_orders`; ``noisy`` may be a recording that is read as it is
    needed (`specsr.io.stream`).
    """
    n_fft = window_length(noisy.rate)
    if noisy.length < n_fft:
        raise SpecsrError(
            f"the recording has {noisy.length} samples: orders are followed through windows of "
            f"{n_fft} ({n_fft / noisy.rate:.2f} s); give a longer one, or denoise without --orders"
        )
    if noisy.cut(0, 1).rpm is None:
        raise SpecsrError(
            "orders are kept by the speed of the machine, and the recording has none: give it "
            "with --rpm (rpm=), or denoise without --orders"
        )
    plan = streaming.plan(segment, noisy.rate, n_fft // 4, margin(noisy.rate), noisy.length)
    yield from streaming.process(noisy, lambda part, _: _kept(part, n_fft), plan, progress)


def _kept(noisy: Signal, n_fft: int) -> Signal:
    """Return what follows the speed; nothing, where it stands still throughout."""
    speed = _whole_speed(noisy)
    if not speed.any():
        return noisy.replace(samples=np.zeros_like(noisy.samples))
    frames = Frames.along(speed, noisy.rate, n_fft)
    out = []
    for channel in noisy.samples:
        spectra = frames.spectra(np.asarray(channel, dtype=np.float64))
        out.append(frames.signal(spectra * line_gain(np.square(np.abs(spectra)), frames.speed)))
    return noisy.replace(samples=np.stack(out).astype(noisy.samples.dtype))


def window_length(rate: float) -> int:
    """Samples of a window: a power of two of about `SECONDS`."""
    return 2 ** round(math.log2(SECONDS * rate))


def margin(rate: float) -> int:
    """Samples around a stretch that its result depends on."""
    n_fft = window_length(rate)
    # the frames that are followed, the noise around them, and twice a window read at another speed
    return (FRAMES // 2 + 3) * (n_fft // 4) + 4 * n_fft


def _whole_speed(signal: Signal) -> np.ndarray:
    """Return turns a second at every sample, held where unknown; zeros if it is nowhere known."""
    rpm = np.asarray(signal.rpm, dtype=np.float64)
    known = np.nonzero(np.isfinite(rpm) & (rpm > 0))[0]
    if not len(known):
        return np.zeros(len(rpm))
    return np.interp(np.arange(len(rpm)), known, rpm[known]) / 60


@dataclass(frozen=True, eq=False)
class Frames:
    """Windowed frames on time axes that run with the speed.

    Attributes:
        places: sample that each point of each frame is read at, [n_fft, T].
        speed: at the middle of each frame, [T].
        length: samples of the signal.
    """

    places: np.ndarray
    speed: np.ndarray
    length: int

    @classmethod
    def along(cls, speed: np.ndarray, rate: float, n_fft: int) -> Frames:
        """Return frames, a quarter of a window apart, for a speed at every sample."""
        length = len(speed)
        middle = np.minimum(np.arange(0, length + n_fft // 4, n_fft // 4), length - 1)
        # beyond the ends the speed is held
        held = np.pad(speed, 2 * n_fft, mode="edge")
        turns = np.concatenate([[0.0], np.cumsum((held[1:] + held[:-1]) / 2)]) / rate
        aside = (np.arange(n_fft) - n_fft // 2)[:, None] / rate
        wanted = turns[middle + 2 * n_fft] + aside * speed[middle]
        places = np.interp(wanted, turns, np.arange(len(turns)) - 2 * n_fft)
        return cls(places, speed[middle], length)

    @property
    def window(self) -> np.ndarray:
        """Hann, [n_fft]."""
        return np.hanning(len(self.places) + 1)[:-1]

    def spectra(self, samples: np.ndarray) -> np.ndarray:
        """Return the spectra of all frames, [n_fft // 2 + 1, T]; samples [N]."""
        n_fft = len(self.places)
        between = _between(np.pad(samples, 2 * n_fft))
        return np.fft.rfft(self.window[:, None] * between(self.places + 2 * n_fft), axis=0)

    def signal(self, spectra: np.ndarray) -> np.ndarray:
        """Return the samples [N] of spectra, each frame read back on the common time axis."""
        n_fft, count = self.places.shape
        room = 3 * n_fft
        total, weight = np.zeros(self.length + 2 * room), np.zeros(self.length + 2 * room)
        taps = self.window
        pieces = np.fft.irfft(spectra, n_fft, axis=0) * taps[:, None]
        edge = 64
        for piece, places in zip(pieces.T, self.places.T, strict=True):
            first, last = math.ceil(places[0]), math.floor(places[-1])
            at = np.interp(np.arange(first, last + 1), places, np.arange(n_fft))
            part = slice(first + room, last + 1 + room)
            total[part] += _between(np.pad(piece, edge))(at + edge)
            weight[part] += np.interp(at, np.arange(n_fft), taps**2)
        whole = slice(room, room + self.length)
        return total[whole] / np.maximum(weight[whole], 1e-3)


def _between(samples: np.ndarray) -> CubicSpline:
    """Return a function that reads samples at any place between them."""
    import soxr

    fine = soxr.resample(samples, 1, OVERSAMPLING, quality="VHQ")
    return CubicSpline(np.arange(len(fine)) / OVERSAMPLING, fine)


def line_gain(power: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """Return the gain of every cell: near 1 on lines that follow the speed, else 0, [F, T].

    Args:
        power: of the frames, [F, T].
        speed: at their middles, [T].
    """
    ratio = power / np.maximum(noise_floor(power), 1e-300)
    way = along_orders(ratio, speed)
    is_line = (way > THRESHOLD) & (way > OWN_WAY * uniform_filter1d(ratio, FRAMES, axis=1))
    return np.where(is_line, 1 - 1 / np.maximum(way, 1.0), 0.0)


def noise_floor(power: np.ndarray) -> np.ndarray:
    """Return the mean power of the noise around every cell: its median over rows, [F, T].

    The power of noise is exponentially distributed, its median ln 2 of the mean.  Beside a steep
    edge, such as half the rate, it is no less than what leaks over.
    """
    out = np.empty_like(power)
    first = 0
    for last, wide in BANDS:
        last = min(last, len(power))
        if last > first:
            room = slice(max(0, first - wide), min(len(power), last + wide))
            smooth = median_filter(power[room], (wide, 5), mode="nearest")
            out[first:last] = smooth[first - room.start : last - room.start]
        first = last
    leaks = EDGE * maximum_filter1d(out, 13, axis=0)
    return np.maximum(out, leaks) / math.log(2)


def along_orders(cells: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """Return the mean of cells over `FRAMES` at frequencies that keep their ratio to the speed."""
    rows, columns = cells.shape
    half = FRAMES // 2
    weights = np.hanning(FRAMES + 2)[1:-1]
    total, weighed = np.zeros_like(cells), np.zeros(columns)
    for away, weight in zip(range(-half, half + 1), weights, strict=True):
        other = np.clip(np.arange(columns) + away, 0, columns - 1)
        # beyond the ends there is nothing to average
        weight = weight * (other == np.arange(columns) + away)
        weighed += weight
        row = np.arange(rows)[:, None] * (speed[other] / speed)
        below = np.minimum(row.astype(int), rows - 2)
        part = row - below
        value = (1 - part) * cells[below, other] + part * cells[below + 1, other]
        total += weight * np.where(row <= rows - 1, value, 0.0)
    return total / weighed
