"""Notes on the speeds that a finer map was made with."""

from __future__ import annotations

import numpy as np

from specsr.maps.shaft_speed import ShaftSpeed
from specsr.maps.spec_map import SpecMap


def shaft_note(shaft: ShaftSpeed) -> str:
    """Return how a further shaft was used."""
    known = shaft.rpm[shaft.rpm > 0]
    sure = np.zeros(1) if shaft.confidence is None else shaft.confidence[shaft.confidence > 0]
    if not known.size:
        return f"shaft {shaft.name}: its speed is nowhere above zero: not used"
    if not sure.any():
        return f"shaft {shaft.name}: the lines of this map are no evidence of its speed: not used"
    return (
        f"shaft {shaft.name}: {known.min():.0f} to {known.max():.0f} 1/min, confidence "
        f"{100 * sure.mean():.0f} %"
    )


def speed_note(before: SpecMap, high: SpecMap) -> str | None:
    """Return which speed a finer map was made with, or None without one."""
    if high.rpm is None or high.rpm_source is None or high.rpm_confidence is None:
        return None
    known = high.rpm > 0
    if not known.any():
        return "the given speed is nowhere above zero: not used"
    confidence = 100 * high.rpm_confidence[high.rpm_confidence > 0]
    if not confidence.size:
        return "the lines of this map are no evidence of the given speed: not used"
    low, top = high.rpm[known].min(), high.rpm[known].max()
    sure = f"confidence {confidence.mean():.0f} %"
    if high.rpm_source == "found":
        part = f"in {100 * known.mean():.0f} % of it, {sure}"
        if before.rpm is None:
            return f"speed found in the map: lines {low / 60:.4g} to {top / 60:.4g} Hz apart {part}"
        return (
            f"speed found in the map, in place of the given one: {low:.0f} to {top:.0f} 1/min, "
            f"up to a simple factor, {part}"
        )
    corrected = ", corrected by the lines of the map" if high.rpm_source == "corrected" else ""
    return f"speed {low:.0f} to {top:.0f} 1/min{corrected}, {sure}"
