"""Noise found in real recordings: what it takes from those alone, and what it gains in noise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import data_folder, parser, progress, publish, read_first, run, some
from denoise_cases import DURATION, SHORTEST, SNRS, real_cases, real_paths

from specsr import Signal, denoise, find_noise
from specsr.scores.metrics import si_sdr

STEADY = ("car_hvac", "drone", "helicopter", "machine", "vehicle", "vehicles_short")
"""Folders of recordings of machines, all of which are taken alone."""

CENTRES = 1000 * 2.0 ** (np.arange(-13, 13) / 3)
"""Mid-frequencies of third octaves, 50 Hz to 16 kHz."""

LEAST_DB = 40.0
"""Third octaves further below the loudest one are not scored, dB."""

METHODS: dict[str, Callable[[Signal], Signal]] = {
    "denoise": lambda noisy: denoise(noisy),
    "found": lambda noisy: denoise(noisy, noise=find_noise(noisy)),
}

PROTOCOL = f"""
Recordings of audio/val of {SHORTEST:g} s and more, first channel, native rate, at most
{DURATION:g} s. *denoise*: `specsr denoise`. *found*: `specsr denoise --noise auto`, which removes
what is there throughout the recording.

*Alone*: machines as they were recorded. No noise was added, so what is removed is their own sound
or the background of the recording, which cannot be told apart. Change of the overall level, and the
largest and the median change of third octaves down to {LEAST_DB:g} dB below the loudest, dB.

*In recorded noise*: the recordings and noises of the *real* set of `denoise.py`; SI-SDR, dB, of the
input (the ratio in the heading), and of the results.
"""


def alone(data: Path) -> list[Path]:
    """Return the recordings of machines that are long enough."""
    import soundfile

    folder = data_folder(data, "audio", "val")
    paths = [path for name in STEADY for path in sorted((folder / name).glob("*.flac"))]
    return [path for path in paths if soundfile.info(path).duration >= SHORTEST]


def changes(before: Signal, after: Signal) -> dict[str, float]:
    """Return the changes of the overall level and of third octaves, dB."""
    powers = [np.square(np.abs(np.fft.rfft(x.samples[0]))) for x in (before, after)]
    freqs = np.fft.rfftfreq(before.length, 1 / before.rate)
    bands = np.array(
        [
            [power[(freqs >= f / 2 ** (1 / 6)) & (freqs < f * 2 ** (1 / 6))].sum() for f in CENTRES]
            for power in powers
        ]
    )
    bands = bands[:, bands[0] > 10 ** (-LEAST_DB / 10) * bands[0].max()]
    change = 10 * np.log10(np.maximum(bands[1], 1e-12 * bands[0]) / bands[0])
    overall = float(10 * np.log10(powers[1].sum() / powers[0].sum()))
    return {"level": overall, "largest": float(change.min()), "median": float(np.median(change))}


def main() -> None:
    args = parser(__doc__.splitlines()[0], tuple(METHODS), "denoise_alone").parse_args()
    paths = some(alone(args.data), args.limit)
    changed = []
    for path in progress(paths, len(paths), "alone:"):
        samples, rate = read_first(path)
        before = Signal(samples[None, : round(DURATION * rate)], rate)
        row: dict[str, object] = {"recording": f"{path.parent.name}/{path.stem}"}
        for method in args.only:
            found = changes(before, METHODS[method](before))
            row |= {f"{method}, {key}": value for key, value in found.items()}
        changed.append(row)
    mixed = []
    paths = some(real_paths(args.data), args.limit)
    cases = zip(paths, real_cases(args.data, args.limit), strict=True)
    for path, case in progress(cases, len(paths), "in noise:"):
        row = {"recording": f"{path.parent.name}/{path.stem}"}
        for snr in SNRS:
            noisy = case.at(snr).noisy
            for method in args.only:
                result = METHODS[method](noisy).samples[0]
                row[f"{method}, {snr} dB"] = float(si_sdr(case.clean.samples[0], result))
        mixed.append(row)
    tables = {"Alone: change of level, dB": changed, "In recorded noise: SI-SDR, dB": mixed}
    publish(args, "Noise found in real recordings", PROTOCOL, tables, digits=1)


if __name__ == "__main__":
    run(main)
