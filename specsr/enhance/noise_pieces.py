"""A known noise is removed from a recording in pieces, by maps with windows of several lengths.

What is decided from a segment (`specsr.enhance.excess`, `specsr.enhance.restraint`) fades from one
to the next; the level of noise that is followed comes from the whole recording.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator

import numpy as np

from specsr.enhance.decided import Decision, Draft, process_decided
from specsr.enhance.excess import EXCESS_SECONDS, excess_shares
from specsr.enhance.known_noise import KnownNoise, NoiseGain, noise_gain
from specsr.enhance.measured_columns import whole_grid
from specsr.enhance.noise_profile import FOLLOWED_SECONDS
from specsr.enhance.noise_windows import (
    RISK_SECONDS,
    blend_transform,
    least_error,
    noise_transforms,
    usable,
)
from specsr.enhance.pulses import pulse_reach, restored
from specsr.enhance.restraint import restrained, signal_shares
from specsr.enhance.segments import plan, segments
from specsr.models.options import InferOptions
from specsr.progress import Progress
from specsr.signal import Signal, Source


def noise_pieces(
    noisy: Source, noise: KnownNoise, attenuation: float, options: InferOptions,
    progress: Progress | None = None, again: Callable[[], Source] | None = None,
) -> Generator[Signal, None, None]:  # fmt: skip
    """Yield a recording without its noise in pieces of ``options.segment`` seconds, in order.

    Arguments and errors are those of `without_noise`, and

    Args:
        again: opens the recording once more; None if ``noisy`` can be read twice.
    """
    transforms = usable(noise_transforms(noisy.rate), noise.recording.length)
    longer, blend = (
        each.grid(noisy.cut(0, 1)) for each in (transforms[0], blend_transform(noisy.rate))
    )
    reach = sum(model.net.reach((1, 1))[1] for model in noise.models)
    margin = reach * longer.hop_length + 4 * longer.n_fft
    margin += round((FOLLOWED_SECONDS + EXCESS_SECONDS / 2 + RISK_SECONDS) * noisy.rate)
    around, step = pulse_reach(noisy.rate)
    margin += around
    fold = max(model.net.config.fold[1] for model in noise.models)
    hop = math.lcm(longer.hop_length * fold, blend.hop_length, step)
    cuts = plan(options.segment, noisy.rate, hop, margin, noisy.length)
    changes: list[np.ndarray] = []
    if noise.follow.any() and len(segments(noisy.length, cuts.size, cuts.margin)) > 1:
        grids = [whole_grid(transform, noisy) for transform in transforms]
        changes = [
            noise.changes(noisy if again is None else again(), grid, options) for grid in grids
        ]
    start = noisy.cut(0, 1).start

    def draft(part: Signal, first: int, steps: Progress | None) -> Draft[list[NoiseGain]]:
        gains = []
        for i, transform in enumerate(transforms):
            spec = transform(part)
            change = None
            if changes:
                at = round((part.start - start) * part.rate) // spec.grid.hop_length
                rows = slice(first, first + len(part.channels))
                change = changes[i][rows, at : at + spec.grid.frames]
            found = noise_gain(spec, noise, attenuation, options, steps, first, change)
            gains.append(found[0])
        shares = [
            excess_shares(transform(part), each.gain, options.device)
            for transform, each in zip(transforms, gains, strict=True)
        ]
        if noise.found:
            clean = waveform(part, gains, Decision.constant(np.stack(shares)))
            shares.append(signal_shares(part, clean))
        return Draft(gains, np.stack(shares))

    def waveform(part: Signal, gains: list[NoiseGain], decision: Decision) -> Signal:
        maps = [transform(part) for transform in transforms]
        final = [
            gain.final(spec, options.device, decision[i])
            for i, (spec, gain) in enumerate(zip(maps, gains, strict=True))
        ]
        clean = least_error(maps, final, [gain.powers() for gain in gains], options.device)
        return clean.replace(full_scale=part.full_scale)

    def finish(part: Signal, first: int, gains: list[NoiseGain], decision: Decision) -> Signal:
        clean = waveform(part, gains, decision)
        if noise.found:
            return restrained(part, clean, decision[len(transforms)], options.device)
        return restored(
            part, clean, noise.channels(first, len(part.channels)), attenuation, options.device
        )

    return process_decided(noisy, draft, finish, cuts, progress)
