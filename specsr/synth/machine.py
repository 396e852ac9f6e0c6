"""Machine."""

from __future__ import annotations

from dataclasses import dataclass

from specsr.errors import SpecsrError


@dataclass(frozen=True)
class Resonance:
    """A mode of the structure: frequency in Hz, damping ratio, gain against the direct path."""

    freq: float
    damping: float
    gain: float


@dataclass(frozen=True)
class Order:
    """A tone locked to the speed: frequency ``offset + order * rpm / 60``.

    ``level`` is dB against the other tones before speed and resonances act on it, ``phase`` is in
    rad.  ``modulation`` (depth) and ``wobble`` (rad) give it sidebands once a turn, as an
    eccentric gear has.  With an ``offset`` in Hz it is a sideband of a switching frequency, with
    order 0 a tone of its own, which the speed does not make louder.  ``span`` is when it sounds,
    s, with ramps of 20 ms; None: always.
    """

    order: float
    level: float
    phase: float = 0.0
    modulation: float = 0.0
    wobble: float = 0.0
    offset: float = 0.0
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class Impact:
    """A decaying oscillation that starts at ``time`` s: its peak is ``level`` dB over the rms."""

    time: float
    freq: float
    damping: float
    level: float


@dataclass(frozen=True)
class RunUp:
    """All that defines a synthetic run-up; see `specsr.random_run_up` for plausible draws.

    Attributes:
        rate: sampling rate in Hz.
        duration: s.
        rpm: speed in 1/min at evenly spaced times, the first at the start and the last at the end,
            joined linearly; two for a plain run-up.
        fluctuation: rms of the slow speed fluctuation, relative.
        orders: the tones.
        resonances: the modes they pass through, beside a direct path of gain 1.
        exponent: amplitudes grow with (rpm / mean rpm) ** exponent.
        impacts: clicks and knocks.
        noise_shape: (frequency in Hz, dB) points of the noise spectrum, joined linearly over
            log frequency.
        noise_exponent: as ``exponent``, for the noise.
        noise_modulation: (order, depth) of a noise that swells with the turns, as tyres, fans and
            combustion make it; depth 0 for none.
        line_to_noise: rms of the deterministic part over that of the noise, dB; inf for none.
        level: overall rms level of the deterministic part, dB re 20 µPa.
        seed: of fluctuation and noise.
    """

    rate: float = 25600.0
    duration: float = 6.0
    rpm: tuple[float, ...] = (900.0, 5400.0)
    fluctuation: float = 0.003
    orders: tuple[Order, ...] = (Order(2, 0), Order(4, -6), Order(6, -10))
    resonances: tuple[Resonance, ...] = ()
    exponent: float = 1.0
    impacts: tuple[Impact, ...] = ()
    noise_shape: tuple[tuple[float, float], ...] = ((20.0, 0.0), (20000.0, -30.0))
    noise_exponent: float = 1.0
    noise_modulation: tuple[float, float] = (1.0, 0.0)
    line_to_noise: float = 15.0
    level: float = 85.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rate <= 0 or self.duration <= 0 or round(self.rate * self.duration) < 2:
            raise SpecsrError(
                f"{self.duration} s at {self.rate} Hz: expected a duration and rate above zero "
                "that make at least two samples"
            )
        if len(self.rpm) < 2 or min(self.rpm) <= 0:
            raise SpecsrError(f"rpm is {self.rpm}: expected two or more speeds above zero")
        if not self.orders and not self.impacts:
            raise SpecsrError("a run-up needs at least one order or impact")
