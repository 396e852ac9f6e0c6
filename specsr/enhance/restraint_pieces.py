"""The map of a recording is attenuated in pieces, and what is no noise is given back."""

from __future__ import annotations

from collections.abc import Callable, Generator

import numpy as np

from specsr.enhance.decided import Decision, Draft, process_decided
from specsr.enhance.restraint import BANDS, band_shares, restrained_map
from specsr.enhance.segments import Plan
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.progress import Progress
from specsr.signal import Signal, Source


def attenuated_pieces(
    noisy: Source,
    transform: SpectrogramTransform,
    attenuated: Callable[[SpecMap, int, Progress | None], SpecMap],
    plan: Plan,
    device: str,
    strict: bool = False,
    progress: Progress | None = None,
) -> Generator[Signal, None, None]:
    """Yield a recording with its map attenuated, in pieces.

    Args:
        noisy: the recording, or an open file (`specsr.io.stream`).
        transform: of its maps.
        attenuated: function (map, position of its first channel, progress) -> attenuated map.
        plan: lengths of the segments.
        device: torch device to compute on, or ``"auto"``.
        strict: give nothing back (`specsr.enhance.restraint`).
        progress: as for `specsr.enhance.segments.process`.
    """

    def draft(part: Signal, first: int, steps: Progress | None) -> Draft[np.ndarray]:
        spec = transform(part)
        clean = attenuated(spec, first, steps)
        none = np.zeros((len(part.channels), len(BANDS)))
        return Draft(clean.magnitude, none if strict else band_shares(spec, clean, device))

    def finish(part: Signal, first: int, magnitude: np.ndarray, decision: Decision) -> Signal:
        spec = transform(part)
        clean = spec.replace(magnitude=magnitude)
        if not strict:
            clean = restrained_map(spec, clean, device, decision)
        signal = SpectrogramTransform.inverse(clean, device)
        return signal.replace(full_scale=part.full_scale)

    return process_decided(noisy, draft, finish, plan, progress)
