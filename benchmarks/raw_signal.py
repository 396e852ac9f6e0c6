"""With the raw signal at hand: other analyses of it beside a map super-resolved without it.

Six synthetic run-ups of 6 s at 25.6 kHz.  specsr and bicubic get the mean power of 4 x 4 cells of
the Hann 2048/256 map; every other method gets the signal, and the order map the speed as well.

*Single* and *close* orders: level in dB read at the known frequency of every order (the highest
cell within one row of the method), minus its true rms at that instant, rms.  Orders at least 8 dB
above the noise of a Hann 2048 cell.  Close ones have another tone within 100 Hz, from 30 dB weaker
to 10 dB stronger; orders beside a still stronger one are left out.
*Placed*: distance in Hz of the highest cell within 25 Hz of a single order from its frequency, rms.
*Found* and *false*: ridges over three windows or more with a prominence of 6 dB, against the
expected power on the method's own grid: an order map against that of the deterministic part and
the noise, all others against the STFT of their window.  A reassigned STFT holds no levels: a cell
holds what was moved there, or nothing; its rows are those of the Hann 8192 map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from common import parser, progress, publish, run

from specsr import RunUp, SpecMap, SpectrogramTransform, order_map, random_run_up, synthesise
from specsr.enhance.maps import upscale_map
from specsr.maps import levels
from specsr.maps.pooling import pool
from specsr.scores.ridges import RidgeErrors, compare_ridges, ridge_length
from specsr.synth.synthesis import Synthetic

SEED, MACHINES = 950_000, 6
FINE = SpectrogramTransform(2048, 256)
LONG = SpectrogramTransform(8192, 256)
RESOLUTION = 0.1  # orders; a window spans ten revolutions
AUDIBLE = 8.0  # dB over the noise
WEAKER, STRONGER = 30.0, 10.0  # dB: other tones beside an order
NEAR, REACH = 100.0, 25.0  # Hz
EDGE, STEP = 0.6, 0.02  # s


@dataclass(frozen=True, eq=False)
class Found:
    """The map of a method and its truth.

    Attributes:
        power: mean square, [F, T].
        times: s, [T].
        rows: spacing of the rows in Hz at every column, [T]; row i is i times that.
        truth: expected mean square on the same grid, for the ridges, [F, T].
        length: least length of a ridge, columns.
    """

    power: np.ndarray
    times: np.ndarray
    rows: np.ndarray
    truth: np.ndarray
    length: int


def of_map(spec: SpecMap, made: Synthetic, power: np.ndarray | None = None) -> Found:
    """Return a map over frequency, or other power on its grid, with its truth."""
    grid = spec.grid
    found = spec.power[0] if power is None else power
    rows = np.full(grid.frames, grid.df)
    return Found(found, spec.times, rows, made.expected_power(grid), ridge_length(grid))


def super_resolved(
    made: Synthetic, model: str | None, speed: bool, consistency: str = "measured"
) -> Found:
    """Return specsr's result, or that of bicubic interpolation, from the pooled map."""
    low = pool(FINE(made.signal), 4, 4)
    low = low if speed else low.replace(rpm=None)
    return of_map(upscale_map(low, 4, model=model, consistency=consistency), made)  # type: ignore


def multitaper(made: Synthetic) -> Found:
    """Return the mean power of four Slepian tapers (NW 2.5) in frames of 2048/256.

    Source: Thomson, Proc. IEEE 70(9), 1982.  Scaled so that the highest cell of a sine reads 1.
    """
    from scipy.signal.windows import dpss

    spec = FINE(made.signal)
    tapers = dpss(FINE.n_fft, 2.5, 4)
    half = FINE.n_fft // 2
    padded = np.pad(made.signal.samples[0].astype(np.float64), (half, FINE.n_fft))
    starts = np.arange(spec.grid.frames) * spec.grid.hop_length
    frames = padded[starts[:, None] + np.arange(FINE.n_fft)]
    power = sum(np.square(np.abs(np.fft.rfft(frames * taper))) for taper in tapers)
    lobe = sum(np.square(np.abs(np.fft.rfft(taper, 16 * FINE.n_fft))) for taper in tapers)
    return of_map(spec, made, 2 * power.T / lobe.max())


def reassigned(made: Synthetic) -> Found:
    """Return the power of the cells of a Hann 2048/256 map, each moved to its centre of energy.

    Its rows are those of `LONG`.  Source: Auger, Flandrin, IEEE Trans. Signal Process. 43(5), 1995;
    librosa.
    """
    import librosa

    spec, grid = LONG(made.signal), FINE.grid(made.signal)
    freqs, times, magnitude = librosa.reassigned_spectrogram(
        made.signal.samples[0].astype(np.float64), sr=grid.rate, n_fft=grid.n_fft,
        hop_length=grid.hop_length, fill_nan=True,
    )  # fmt: skip
    row = np.clip(np.round(freqs / spec.grid.df), 0, spec.grid.rows - 1).astype(int)
    column = np.clip(np.round(times / grid.dt), 0, grid.frames - 1).astype(int)
    power = np.zeros((spec.grid.rows, grid.frames))
    np.add.at(power, (row, column), 2 * np.square(magnitude / grid.window_samples().sum()))
    return of_map(spec, made, np.maximum(power, 1e-15))


def over_orders(made: Synthetic) -> Found:
    """Return the order map at the known speed, with the frequencies of its rows over time."""
    highest = max(order for order in made.envelopes if audible(made, order).any())
    found, clean = (
        order_map(each, resolution=RESOLUTION, max_order=max(highest, 1.0))
        for each in (made.signal, made.clean)
    )
    grid = found.spec.grid
    rows = grid.df * found.rpm / 60
    window = grid.window_samples()
    bandwidth = grid.n_fft * np.square(window).sum() / window.sum() ** 2
    freqs = np.arange(grid.rows)[:, None] * rows
    at = np.clip(np.round(found.times * made.run.rate), 0, made.noise.size - 1).astype(int)
    noise = made.noise_psd(freqs.ravel()).reshape(freqs.shape) * np.square(made.noise_gain[at])
    truth = clean.spec.power[0] + noise * bandwidth * rows
    return Found(found.spec.power[0], found.times, rows, truth, ridge_length(grid))


METHODS: dict[str, tuple[str, Callable[[Synthetic], Found]]] = {
    "bicubic": (
        "bicubic, back-projection, from the pooled map",
        lambda made: super_resolved(made, "bicubic", False),
    ),
    "specsr": (
        "specsr, from the pooled map",
        lambda made: super_resolved(made, None, False),
    ),
    "speed": (
        "specsr, from the pooled map, speed known",
        lambda made: super_resolved(made, None, True),
    ),
    "expected": (
        "specsr, consistency expected, speed known",
        lambda made: super_resolved(made, None, True, "expected"),
    ),
    "stft": ("STFT, Hann 2048", lambda made: of_map(FINE(made.signal), made)),
    "long": ("STFT, Hann 8192", lambda made: of_map(LONG(made.signal), made)),
    "multitaper": ("multitaper, 4 tapers of 2048", multitaper),
    "reassigned": ("reassigned STFT, Hann 2048", reassigned),
    "orders": ("order map, speed known", over_orders),
}


def tones(made: Synthetic) -> tuple[np.ndarray, np.ndarray]:
    """Return order and level of every tone with its sidebands: [K], and dB over time, [K, N]."""
    orders, level = [], []
    for tone in made.run.orders:
        own = db(np.square(made.envelopes[tone.order].astype(np.float64)))
        for side in (-1, 0, 1) if tone.modulation or tone.phase_modulation else (0,):
            depth = max(tone.modulation, tone.phase_modulation) / 2
            orders.append(tone.order + side)
            level.append(own + 20 * np.log10(max(depth, 1e-9)) if side else own)
    return np.array(orders), np.stack(level)


def audible(made: Synthetic, order: float) -> np.ndarray:
    """Return at which instants of the raster an order is well above the noise of a fine cell."""
    at = raster(made)
    grid = FINE.grid(made.signal)
    window = grid.window_samples()
    bandwidth = grid.rate * np.square(window).sum() / window.sum() ** 2
    freq = order * made.rpm[at] / 60
    noise = made.noise_psd(freq) * np.square(made.noise_gain[at]) * bandwidth
    level = np.square(made.envelopes[order][at].astype(np.float64))
    return (db(level) > db(noise) + AUDIBLE) & (freq > NEAR) & (freq < 0.45 * grid.rate)


def raster(made: Synthetic) -> np.ndarray:
    """Return the samples at which levels are read."""
    length = made.noise.size / made.run.rate
    return np.round(np.arange(EDGE, length - EDGE, STEP) * made.run.rate).astype(int)


def db(power: np.ndarray) -> np.ndarray:
    """Return a mean square in dB re 1 Pa²."""
    return 10 * np.log10(np.maximum(power, 1e-30))


def read(found: Found, freq: np.ndarray, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return level in dB at frequencies over time, and the distance of the highest cell in Hz."""
    column = np.abs(found.times[:, None] - seconds).argmin(axis=0)
    height = np.interp(seconds, found.times, found.rows)  # rows of an order map follow the speed
    row = np.round(freq / height).astype(int)

    def within(reach: int) -> np.ndarray:
        offsets = np.arange(-reach, reach + 1)[:, None]
        return db(found.power[np.clip(row + offsets, 0, len(found.power) - 1), column])

    wide = max(1, int(REACH / height.min()))
    near = within(wide)
    outside = np.abs(np.arange(-wide, wide + 1)[:, None] * height) > REACH
    best = row + np.where(outside, -np.inf, near).argmax(axis=0) - wide
    return within(1).max(axis=0), np.abs(best * height - freq)


def errors(found: Found, made: Synthetic) -> dict[str, np.ndarray]:
    """Return the errors of the audible orders of a machine: single, close (dB), placed (Hz)."""
    at = raster(made)
    seconds = at / made.run.rate
    orders, level = tones(made)
    kept: dict[str, list[np.ndarray]] = {"single": [], "close": [], "placed": []}
    for order, envelope in made.envelopes.items():
        heard = audible(made, order)
        if not heard.any():
            continue
        rotation = made.rpm[at] / 60
        true = db(np.square(envelope[at].astype(np.float64)))
        others = orders != order
        apart = np.abs(orders[others] - order)[:, None] * rotation
        above = np.where(apart < NEAR, level[others][:, at] - true, -np.inf)
        heard &= ~(above > STRONGER).any(axis=0)
        alone = ~(above > -WEAKER).any(axis=0)
        found_db, distance = read(found, order * rotation, seconds)
        kept["single"].append((found_db - true)[heard & alone])
        kept["close"].append((found_db - true)[heard & ~alone])
        kept["placed"].append(distance[heard & alone])
    return {name: np.concatenate(values) for name, values in kept.items()}


def ridges(found: Found) -> RidgeErrors:
    """Return the ridges of a map compared with its truth."""
    return compare_ridges(levels.to_db(found.truth), levels.to_db(found.power), found.length)


def row(method: str, machines: list[Synthetic]) -> dict[str, object]:
    """Return the scores of a method over all machines."""
    label, analyse = METHODS[method]
    found = [analyse(made) for made in machines]
    each = [errors(one, made) for one, made in zip(found, machines)]
    lines = [ridges(one) for one in found]

    def rms(name: str) -> float:
        return float(np.sqrt(np.mean(np.square(np.concatenate([one[name] for one in each])))))

    leveled = method != "reassigned"
    return {
        "method": label,
        "single orders, dB rms": rms("single") if leveled else None,
        "close orders, dB rms": rms("close") if leveled else None,
        "placed, Hz rms": rms("placed"),
        "found, %": 100 * float(np.nanmean([one.found for one in lines])),
        "false, %": 100 * float(np.nanmean([one.invented for one in lines])),
    }


def main() -> None:
    args = parser(__doc__.splitlines()[0], list(METHODS), "raw_signal").parse_args()
    runs: list[RunUp] = [random_run_up(SEED + i) for i in range(args.limit or MACHINES)]
    machines = [synthesise(each) for each in runs]
    rows = [row(method, machines) for method in progress(args.only, len(args.only), "methods")]
    publish(
        args, "With the raw signal at hand", __doc__ + f"\nSeeds from {SEED}.",
        {f"{len(machines)} run-ups": rows}, digits=2,
    )  # fmt: skip


if __name__ == "__main__":
    run(main)
