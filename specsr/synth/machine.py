"""Parameters of a synthetic machine run: orders, resonances, impacts, noise and speed."""

from __future__ import annotations

from dataclasses import dataclass

from specsr.errors import SpecsrError


@dataclass(frozen=True)
class Resonance:
    """A structural mode (single degree of freedom).

    Attributes:
        freq: natural frequency, Hz.
        damping: damping ratio.
        gain: factor relative to the direct path.
    """

    freq: float
    damping: float
    gain: float


@dataclass(frozen=True)
class Order:
    """A tone locked to the speed, with frequency ``offset + order * rpm / 60``.

    Attributes:
        order: multiple of the rotation frequency; 0 for a tone of constant frequency, whose level
            does not depend on the speed; negative for a lower sideband of ``offset``.
        level: dB relative to the other tones, before the effects of speed and resonances.
        phase: at the start, rad.
        modulation: depth of an amplitude modulation at order 1, which gives sidebands such as
            those of an eccentric gear.
        phase_modulation: peak of a phase modulation at order 1, rad.
        offset: constant part of the frequency, Hz; with an order, a sideband of a switching
            frequency.
        span: start and end of the tone in s, with ramps of 20 ms; None: the whole run.
    """

    order: float
    level: float
    phase: float = 0.0
    modulation: float = 0.0
    phase_modulation: float = 0.0
    offset: float = 0.0
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class Impact:
    """A decaying oscillation.

    Attributes:
        time: start, s.
        freq: frequency, Hz.
        damping: damping ratio.
        level: of the peak over the rms of the orders, dB.
    """

    time: float
    freq: float
    damping: float
    level: float


@dataclass(frozen=True)
class RunUp:
    """All parameters of a synthetic run-up; see `specsr.random_run_up` for plausible values.

    Attributes:
        rate: sampling rate, Hz.
        duration: s.
        rpm: speeds in 1/min at evenly spaced times from start to end, linear in between; two for
            a plain run-up.
        fluctuation: rms of the slow speed fluctuation, relative.
        orders: the tones.
        resonances: modes that the tones pass through, in parallel to a direct path of gain 1.
        exponent: amplitudes are proportional to (rpm / mean rpm) ** exponent.
        impacts: clicks and knocks.
        noise_shape: points of the noise spectrum (frequency in Hz, level in dB), linear over log
            frequency in between.
        noise_exponent: as ``exponent``, for the noise.
        noise_modulation: order and depth of an amplitude modulation of the noise, as tyres, fans
            and combustion cause it; depth 0 for none.
        line_to_noise: rms of the deterministic part over the rms of the noise, dB; inf for no
            noise.
        level: overall rms level of the deterministic part, dB re 20 µPa.
        seed: of fluctuation and noise.

    Raises:
        SpecsrError: fewer than two samples, fewer than two speeds or one that is not above zero,
            or neither orders nor impacts.

    Example:
        >>> machine = specsr.RunUp(rate=8000, duration=2.0, rpm=(1200, 2400, 1200))
        >>> specsr.synthesise(machine).rpm.shape
        (16000,)
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
                "that give at least two samples"
            )
        if len(self.rpm) < 2 or min(self.rpm) <= 0:
            raise SpecsrError(f"rpm is {self.rpm}: expected two or more speeds above zero")
        if not self.orders and not self.impacts:
            raise SpecsrError("a run-up needs at least one order or impact")
