"""A speed over its own times, read at the samples of a recording: gaps, signs, and coverage."""

from __future__ import annotations

import numpy as np

from specsr.errors import SpecsrError

FASTEST = 1e6
"""Highest speed of a machine, 1/min."""
_SLACK = 0.05
"""Largest part of a recording at either end that a speed may leave out without a note."""


def check_speed(rpm: np.ndarray, name: str, fix: str) -> None:
    """Raise `SpecsrError` for a speed above `FASTEST`: its unit is another.

    Args:
        rpm: speed, 1/min, any shape; values that are not finite are passed over.
        name: of the speed, for the message.
        fix: end of the message.
    """
    highest = float(np.max(np.abs(rpm), where=np.isfinite(rpm), initial=0.0))
    if highest > FASTEST:
        raise SpecsrError(
            f"{name} reaches {highest:.4g} 1/min: expected {FASTEST:g} 1/min at most; {fix}"
        )


def filled(rpm: np.ndarray, name: str) -> tuple[np.ndarray, list[str]]:
    """Return a speed with its values that are not finite interpolated, [M], and a note on them."""
    known = np.flatnonzero(np.isfinite(rpm))
    gaps = len(rpm) - len(known)
    if not gaps or not len(known):
        return rpm, []
    first = int(np.argmin(np.isfinite(rpm)))
    note = f"{name} has {gaps} values that are not numbers, the first at position {first}: "
    return np.interp(np.arange(len(rpm)), known, rpm[known]), [f"{note}it is interpolated there"]


def speeds_at(
    times: np.ndarray, own: np.ndarray, rpm: np.ndarray, name: str, signed: bool = True
) -> tuple[np.ndarray | None, list[str]]:
    """Return a speed at the samples of a recording, and notes on what was done.

    Between its values the speed is interpolated linearly, also over values that are not finite.
    Before the first and after the last one it is held.  A negative speed is that of a shaft that
    turns backwards; orders depend on its magnitude alone.

    Args:
        times: of the samples, s, [N].
        own: of the values of the speed, s, increasing, [M].
        rpm: speed, 1/min, [M].
        name: of the speed, for the notes: "the speed n".
        signed: keep negative speeds; otherwise their sign is dropped.

    Returns:
        The speed at ``times``, 1/min, float64 [N], and one sentence for each change.  None instead
        of a speed that holds no finite value or covers none of the samples.
    """
    if not np.isfinite(rpm).any():
        return None, [f"{name} holds no finite value and is skipped"]
    rpm, notes = filled(rpm, name)
    if own[0] > times[-1] or own[-1] < times[0]:
        return None, [f"{name} covers none of the samples and is skipped"]
    lowest = float(rpm.min())
    if lowest < 0:
        kept = "it is kept" if signed else "its sign is dropped"
        notes.append(f"{name} is negative down to {lowest:.6g} 1/min: {kept}")
        rpm = rpm if signed else np.abs(rpm)
    notes += not_covered(times, own, name)
    return np.interp(times, own, rpm), notes


def not_covered(times: np.ndarray, own: np.ndarray, name: str) -> list[str]:
    """Return a note if the times of a speed end before, or start after, those of a recording."""
    # times that end within two of their steps cover the end as well as they can
    step = (own[-1] - own[0]) / max(1, len(own) - 1)
    slack = min(2 * step, _SLACK * (times[-1] - times[0])) + 1e-9
    if own[0] <= times[0] + slack and own[-1] >= times[-1] - slack:
        return []
    return [
        f"{name} covers {own[0]:.6g} to {own[-1]:.6g} s only, the recording {times[0]:.6g} to "
        f"{times[-1]:.6g} s: it is held constant before and after"
    ]
