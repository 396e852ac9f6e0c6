"""Noise reduction with a recording of the noise alone: a Wiener gain for every cell of a map.

The gain is r / (1 + r), r the ratio of signal to noise in the power of a cell.  The network `noise`
estimates r from the expected power (`specsr.enhance.expected`), its uncertainty, the measured power
and the power of the noise (`specsr.enhance.noise_profile`).  The gain of least squared error for
the waveform is that of Wiener; it is raised where a line stands clear (`specsr.enhance.line_gain`).
The log-spectral one of Ephraim and Malah (IEEE Trans. ASSP 33(2), 1985) from the same r is kept for
comparison in ``benchmarks/denoise_kinds.py``.  What is removed beyond the power of the noise and is
no noise is given back (`specsr.enhance.excess`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from specsr.enhance.decided import Decision
from specsr.enhance.excess import without_excess
from specsr.enhance.expected import PAIR as EXPECTED
from specsr.enhance.expected import expected
from specsr.enhance.followed_noise import level_changes, whole_changes
from specsr.enhance.level_interval import magnitude_uncertainty
from specsr.enhance.line_gain import with_clear_cells
from specsr.enhance.noise_change import changing, rises_of
from specsr.enhance.noise_level import excess_db, lowered
from specsr.enhance.noise_profile import Noise, fitting, noise_spectrum
from specsr.enhance.noise_windows import attenuated, level_transforms, usable
from specsr.enhance.restraint import restrained_map
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.models.bundled import find_model
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.models.tiling import run_tiled
from specsr.pairs.noise_input import noise_image
from specsr.progress import Progress
from specsr.signal import Signal, Source

PAIR = "noise"
"""Pair of the models for the ratio of signal to noise."""


@dataclass(frozen=True, eq=False)
class KnownNoise:
    """What is known of the noise.

    Attributes:
        recording: of the noise alone, rate and channels of the recording that it is in, or one
            channel.
        follow: channels in which its level is followed, bool [C].
        found: it comes from the recording that it is in.
        models: for expected maps and for `PAIR`.
    """

    recording: Signal
    follow: np.ndarray
    found: bool
    models: tuple[Model, Model]

    @classmethod
    def of(
        cls, noise: Signal | Noise, noisy: Source | SpecMap, model: str | Path | Model | None,
        again: Callable[[], Source] | None = None,
    ) -> KnownNoise:  # fmt: skip
        """Return the noise of a recording or map.

        Noise that is louder than the recording or map is lowered to it.  Where ``noise`` leaves
        open whether it is followed, they decide.  An open file is read for both only if it can be
        opened ``again``.

        Args:
            noise: recording of the noise, with options or without.
            noisy: the recording or map that it is in.
            model: for `PAIR`; None: the bundled one.
            again: opens the recording once more.

        Raises:
            SpecsrError: as `specsr.enhance.noise_profile.fitting`, or no such model.
        """
        given = Noise(noise) if isinstance(noise, Signal) else noise
        models = find_model(None, EXPECTED, (1, 1)), find_model(model, PAIR, (1, 1))
        fitted = fitting(given.recording, noisy, given.found)
        follow = np.full(len(noisy.channels), bool(given.follow))
        known = cls(fitted, follow, given.found, models)
        if given.found:
            return known
        transforms: list[SpectrogramTransform] = []
        if not isinstance(noisy, SpecMap):
            shorter = min(fitted.length, noisy.length)
            transforms = usable(level_transforms(noisy.rate), shorter, least=0)
        rises = rises_of(noisy, transforms, known.spectrum, again)
        excess = np.array([excess_db(maps) for maps in rises])
        known = replace(known, recording=lowered(fitted, excess, noisy.channels))
        if given.follow is not None:
            return known
        over = [[each + by for each in maps] for maps, by in zip(rises, excess, strict=True)]
        return replace(known, follow=changing(over, noisy.channels))

    def followed(self, first: int, count: int) -> np.ndarray:
        """Return `follow` of ``count`` channels from the position ``first`` on."""
        return self.follow[first : first + count]

    def spectrum(self, grid: Grid) -> np.ndarray:
        """Return the power of the noise in the rows of a map, [C, F] or [1, F]."""
        transform = SpectrogramTransform(grid.n_fft, grid.hop_length, grid.window, grid.scaling)
        return noise_spectrum(self.recording, transform)

    def channels(self, first: int, count: int) -> Signal:
        """Return the noise in ``count`` channels from the position ``first`` on."""
        if len(self.recording.channels) == 1:
            return self.recording
        last = first + count
        return self.recording.replace(
            samples=self.recording.samples[first:last], channels=self.recording.channels[first:last]
        )

    def changes(self, noisy: Source, grid: Grid, options: InferOptions) -> np.ndarray:
        """Return the changes of its level in a recording that is read in pieces, dB, [C, T].

        Args:
            noisy: the recording, read from its start.
            grid: of its whole map.
            options: how the network for expected maps is run.
        """
        found = whole_changes(noisy, grid, self.spectrum(grid), self.models[0], options)
        return found * self.follow[:, None]


def signal_to_noise(
    estimate: SpecMap, measured: SpecMap, noise: np.ndarray, model: Model, options: InferOptions,
    change: np.ndarray | None = None,
) -> list[np.ndarray]:  # fmt: skip
    """Return the ratio of signal to noise in the power of every cell, for each channel, [F, T].

    Args:
        estimate: expected map.
        measured: the map that it comes from.
        noise: power of the noise in every row, [C, F + 1] or [1, F + 1], up to half the rate.
        model: a model for `PAIR`.
        options: how the network is run.
        change: of the level of the noise, dB, [C, T]; None where it is steady.
    """
    assert estimate.uncertainty_db is not None
    found = []
    powers = noise_powers(noise, estimate.image(), change)
    for i, (ours, theirs) in enumerate(zip(estimate.image(), measured.image(), strict=True)):
        power, cells = (np.square(x, dtype=np.float64) for x in (ours, theirs))
        image = noise_image(power, cells, estimate.uncertainty_db[i, :-1], powers[i])
        result = run_tiled(model.net, torch.from_numpy(image), (1, 1), options).numpy()
        found.append(10 ** (np.clip(result[0].astype(np.float64), -60, 80) / 10))
    return found


def noise_powers(
    noise: np.ndarray, cells: np.ndarray, change: np.ndarray | None = None
) -> list[np.ndarray]:
    """Return the mean power of the noise in the cells of every channel, [F, T] or [F, 1].

    Args:
        noise: power of the noise in every row, [C, F + 1] or [1, F + 1], up to half the rate.
        cells: of a map, [C, F, T].
        change: of the level of the noise, dB, [C, T]; None where it is steady.
    """
    known = np.broadcast_to(noise[:, :-1], (len(cells), noise.shape[1] - 1))[..., None]
    return list(known if change is None else known * 10 ** (change[:, None] / 10))


def without_noise(
    noisy: SpecMap, noise: KnownNoise, attenuation: float, options: InferOptions,
    progress: Progress | None = None,
) -> SpecMap:  # fmt: skip
    """Return a full map with every cell attenuated by the share of the noise in it.

    Args:
        noisy: measured map, with or without a phase, which is kept.
        noise: what is known of the noise.
        attenuation: largest attenuation of a cell, dB.
        options: how the networks are run.
        progress: wraps the blocks.

    Returns:
        A map with the uncertainty of its levels.

    Raises:
        SpecsrError: as `specsr.expected` and `specsr.enhance.noise_profile.noise_spectrum`.
    """
    found, estimate = noise_gain(noisy, noise, attenuation, options, progress)
    clean = attenuated(noisy, found.final(noisy, options.device))
    if noise.found:
        clean = restrained_map(noisy, clean, options.device)
    maps = clean.image(), noisy.image(), estimate.image()
    return clean.replace(uncertainty_db=magnitude_uncertainty(*maps, found.powers()))


@dataclass(frozen=True, eq=False)
class NoiseGain:
    """Gains of a map before what is no noise is given back.

    Attributes:
        gain: 0 to 1, of all rows but the last, float32 [C, F - 1, T].
        spectrum: power of the noise, [C, F].
        change: of its level, dB, [C, T]; None where it is steady.
    """

    gain: np.ndarray
    spectrum: np.ndarray
    change: np.ndarray | None

    def powers(self) -> list[np.ndarray]:
        """Return the mean power of the noise, for each channel [F - 1, T] or [F - 1, 1]."""
        return noise_powers(self.spectrum, self.gain, self.change)

    def final(self, noisy: SpecMap, device: str, decision: Decision | None = None) -> np.ndarray:
        """Return the gains with what is no noise given back, [C, F - 1, T].

        Args:
            noisy: the map that the gains are for.
            device: torch device to compute on, or ``"auto"``.
            decision: as for `specsr.enhance.excess.without_excess`.
        """
        return without_excess(noisy, self.gain, self.powers(), device, decision)


def noise_gain(
    noisy: SpecMap, noise: KnownNoise, attenuation: float, options: InferOptions,
    progress: Progress | None = None, channel: int | None = None,
    change: np.ndarray | None = None,
) -> tuple[NoiseGain, SpecMap]:  # fmt: skip
    """Return the gains of a full map by the share of the noise in its cells, and its expected map.

    Arguments and errors are those of `without_noise`, and

    Args:
        channel: position of the first channel of the map in the recording.
        change: of the level of the noise, dB, [C, T]; None to find it in the map if it is followed.
    """
    spectrum = noise.spectrum(noisy.grid)
    if channel is not None and len(spectrum) > 1:
        spectrum = spectrum[channel : channel + len(noisy.channels)]
    estimate = expected(noisy, model=noise.models[0], options=options, progress=progress)
    follow = noise.followed(channel or 0, len(noisy.channels))
    if follow.any() and change is None:
        change = level_changes(spectrum, estimate) * follow[:, None]
    ratios = signal_to_noise(estimate, noisy, spectrum, noise.models[1], options, change)
    found = NoiseGain(cell_gains(ratios, estimate, spectrum, change, attenuation), spectrum, change)
    return found, estimate


def cell_gains(
    ratios: Sequence[np.ndarray], estimate: SpecMap, noise: np.ndarray,
    change: np.ndarray | None, attenuation: float,
) -> np.ndarray:  # fmt: skip
    """Return the gains of all rows but the last, float32 [C, F, T].

    Args:
        ratios: of signal to noise in power, for each channel [F, T].
        estimate: expected map.
        noise, change: as for `noise_powers`.
        attenuation: largest attenuation of a cell, dB.
    """
    powers = noise_powers(noise, estimate.image(), change)
    return np.stack([
        with_clear_cells(wiener(ratio, attenuation), cells, power, estimate.grid)
        for ratio, cells, power in zip(ratios, estimate.image(), powers, strict=True)
    ]).astype(np.float32)  # fmt: skip


def wiener(ratio: np.ndarray, attenuation: float) -> np.ndarray:
    """Return the gain of least squared error for ratios of signal to noise in power.

    ``attenuation`` is the largest one in dB.
    """
    return np.maximum(ratio / (1 + ratio), 10 ** (-attenuation / 20))
