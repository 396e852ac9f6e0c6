"""Training of the model `noise`: the signal-to-noise ratio of every cell, from a known noise.

    python benchmarks/train_noise.py --out runs/noise

Synthetic machines of all kinds of `specsr.synth` (their deterministic part) and recordings of
instruments and speech, in noise: white, coloured, and recordings of audio/train.  The spectrum of
the noise comes from another stretch of it.  Maps have windows of 40 to 320 ms, as
`specsr.denoise(noise=...)` makes them; their expected power is that of the bundled model
`expected`, so the network is small.  Examples are kept in OUT/examples.npz.

The loss is the energy of what is wrong after the gain r / (1 + r), r the estimated ratio, over that
of the noise, in dB: the improvement of the signal-to-noise ratio of the waveform.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from common import DATA, progress, read_first, run

from specsr import Signal, SpectrogramTransform
from specsr.enhance.expected import expected
from specsr.enhance.noise_profile import followed, noise_spectrum
from specsr.models.config import EDSRConfig
from specsr.models.description import Analysis
from specsr.models.model import Model, save_model
from specsr.models.network import build
from specsr.pairs.noise_input import CHANNELS, noise_image
from specsr.synth.draws import FUNCTIONS, random_machine
from specsr.synth.synthesis import synthesise
from specsr.train.losses import uncertainty_loss
from specsr.train.noise import coloured_noise

SEED = 400_000
RATES = (25600.0, 25600.0, 25600.0, 8192.0, 44100.0, 48000.0)
ROW_HZ = (25.0, 12.5, 6.25, 3.125)
SECONDS = 5.0
STEADY = ("car_hvac", "background", "ambient", "aircraft", "helicopter")
LEFT_OUT = (
    "chicken",
    "bee",
    "thunder",
    "eagle",
    "elephant",
    "archer",
    "typing",
    "snoring",
    "fireworks",
    "spinetail",
)
CLEAN = ("instrument", "speech_fullband", "machine", "vehicle")
SNR = (-5.0, 30.0)
ROWS, COLUMNS = 512, 128
PATCH = (128, 64)
DEEPEST = -20.0  # dB re the noise: levels below it are alike for the uncertainty
CONFIG = EDSRConfig(
    scale=(1, 1), n_resblocks=4, n_feats=24, in_channels=CHANNELS, out_channels=1, mean=(0.0,),
    std=20.0, fold=(2, 2), input_skip=True, uncertainty=True,
)  # fmt: skip


def long_files(data: Path, names: tuple[str, ...], seconds: float) -> list[Path]:
    """Return the recordings of some folders of audio/train that are long enough."""
    import soundfile

    files = [p for n in names for p in sorted((data / "audio" / "train" / n).glob("*.flac"))]
    return [
        p for p in files
        if soundfile.info(p).duration >= seconds and not any(w in p.name for w in LEFT_OUT)
    ]  # fmt: skip


def clean_part(rng: np.random.Generator, rate: float, files: list[Path]) -> Signal:
    """Return a signal without noise."""
    if rng.random() < 0.15:
        samples, native = read_first(files[int(rng.integers(len(files)))])
        first = int(rng.integers(0, max(1, samples.size - round(SECONDS * native))))
        found = Signal(samples[first : first + round(SECONDS * native)], native).resample(rate)
        if found.samples.any():
            return found
    kind = str(rng.choice(list(FUNCTIONS)))
    seed = int(rng.integers(1 << 30)) + SEED
    made = synthesise(random_machine(seed, rate, SECONDS, {kind: 1.0}))
    return made.clean.replace(samples=made.clean.samples.astype(np.float64))


def noise_part(
    rng: np.random.Generator, length: int, rate: float, files: list[Path]
) -> tuple[np.ndarray, np.ndarray]:
    """Return noise [length] and another stretch of the same noise."""
    if rng.random() < 0.35:
        made = coloured_noise(length + round(rng.uniform(1, 5) * rate), rng)
        return made[:length], made[length:]
    samples, native = read_first(files[int(rng.integers(len(files)))])
    samples = Signal(samples, native).resample(rate).samples[0]
    share = rng.uniform(0.5, 0.7)
    border = max(samples.size - length, int((1 - share) * samples.size))
    parts = samples[border:], samples[:border]
    return np.resize(parts[0], length), parts[1][: round(6 * rate)]


def example(seed: int, noises: list[Path], cleans: list[Path]) -> tuple[np.ndarray, float]:
    """Return input, gain times power and power of the cells, true ratio: [6, ROWS, COLUMNS].

    Powers are relative to the mean power of the noise in the whole map.
    """
    rng = np.random.default_rng([SEED, seed])
    rate = float(rng.choice(RATES))
    clean = clean_part(rng, rate, cleans)
    noise, profile = noise_part(rng, clean.length, rate, noises)
    varies = rng.random() < 0.25
    if varies:
        points = rng.normal(0, 4, max(3, round(SECONDS * rng.uniform(0.5, 2))))
        level = np.interp(np.linspace(0, points.size - 1, noise.size), range(points.size), points)
        noise = noise * 10 ** (level / 20)
    power = np.mean(np.square(clean.samples)) * 10 ** (-rng.uniform(*SNR) / 10)
    gain = np.sqrt(power / np.mean(np.square(noise)))
    n_fft = int(np.clip(2 ** round(np.log2(rate / float(rng.choice(ROW_HZ)))), 512, 16384))
    transform = SpectrogramTransform(n_fft, n_fft // 4)
    noisy = clean.replace(samples=clean.samples + gain * noise, rpm=None)
    alone = Signal(gain * profile, rate, clean.unit)
    spec, truth, rest = (
        transform(x) for x in (noisy, clean, clean.replace(samples=gain * noise[None]))
    )
    estimate = expected(spec)
    power = np.square(estimate.image()[0], dtype=np.float64)
    known = noise_spectrum(alone, transform)[0, :-1]
    known *= 10 ** (rng.normal(0, 0.5) / 10)
    at = followed(known, power, spec.grid) if varies else known[:, None]
    measured = np.square(spec.image()[0], dtype=np.float64)
    assert estimate.uncertainty_db is not None
    image = noise_image(power, measured, estimate.uncertainty_db[0, :-1], at)
    assert spec.phase is not None and truth.phase is not None
    turn = np.cos(spec.phase - truth.phase)[0, :-1]
    scale = np.mean(np.square(rest.image()[0], dtype=np.float64))
    ours = truth.image()[0].astype(np.float64)
    wanted = ours * spec.image()[0] * turn / scale
    ratio = 10 * np.log10(np.maximum(np.square(ours) / np.maximum(at, 1e-30), 1e-6))
    own = np.square(rest.image()[0], dtype=np.float64) / scale
    whole = np.stack([*image, wanted, measured / scale, ratio, own]).astype(np.float32)
    rows, columns = whole.shape[1:]
    # the noise is often strongest at low frequencies
    first = 0 if rng.random() < 0.5 else int(rng.integers(0, max(1, rows - ROWS)))
    start = int(rng.integers(0, max(1, columns - COLUMNS + 1)))
    part = whole[:, first : first + ROWS, start : start + COLUMNS]
    pad = [(0, 0), (0, ROWS - part.shape[1]), (0, COLUMNS - part.shape[2])]
    return np.pad(part, pad, mode="symmetric")


def examples(out: Path, count: int, data: Path) -> np.ndarray:
    """Return all examples, float32 [count, 7, ROWS, COLUMNS], made once."""
    file = out / "examples.npy"
    if file.is_file():
        return np.load(file, mmap_mode="r")
    noises, cleans = long_files(data, STEADY, 4.0), long_files(data, CLEAN, 2.0)
    made = [example(i, noises, cleans) for i in progress(range(count), count, "examples:")]
    np.save(file, np.stack(made))
    return np.load(file, mmap_mode="r")


def loss_of(net: torch.nn.Module, part: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss in dB of a batch [B, 7, F, T], and the mean change of SI-SDR in dB."""
    image, wanted, measured, ratio, own = part[:, :3], *part[:, 3:].unbind(1)
    found = net(image)
    power = torch.pow(10.0, found[:, 0].clamp(-40, 80) / 10)
    gain = power / (1 + power)
    # |s - g x|² = |s|² + g² |x|² - 2 g Re(s x*), and |s|² = 2 Re(s x*) - |x|² + |n|²
    wrong = (gain.square() - 1) * measured + 2 * (1 - gain) * wanted + own
    wrong, noise = wrong.sum((1, 2)).clamp_min(0), own.sum((1, 2))
    share = wrong / (noise + 0.03 * own.shape[1] * own.shape[2])
    improved = -10 * torch.log10(share + 1e-3).mean()
    level = 10 * torch.log10(power.square() / (1 + power).square() * 1e-30 + 1e-30)
    level = 10 * torch.log10(power / (1 + power)) * 2 + image[:, 1]
    error = level.clamp_min(DEEPEST) - ratio.clamp_min(DEEPEST)
    return -improved + 0.3 * uncertainty_loss(error.detach(), found[:, 1]), improved


def train(out: Path, steps: int, seconds: float, count: int, data: Path) -> None:
    """Train and write OUT/noise.safetensors, now and then and at the end."""
    torch.manual_seed(SEED)
    out.mkdir(parents=True, exist_ok=True)
    known = examples(out, count, data)
    held = max(1, len(known) // 16)
    net = build(CONFIG)
    average = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.998)
    )
    optimiser = torch.optim.Adam(net.parameters(), 2e-3)
    rng, begin = np.random.default_rng(SEED), time.monotonic()
    for step in range(steps):
        passed = time.monotonic() - begin
        share = max(step / steps, passed / seconds)
        if share >= 1:
            break
        rate = 2e-3 * min(1, (step + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * share)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        batch = []
        for _ in range(8):
            each = known[int(rng.integers(held, len(known)))]
            i = int(rng.integers(0, ROWS - PATCH[0] + 1)) if rng.random() < 0.6 else 0
            j = int(rng.integers(0, COLUMNS - PATCH[1] + 1))
            part = each[:, i : i + PATCH[0], j : j + PATCH[1]]
            batch.append(part[..., ::-1] if rng.random() < 0.5 else part)
        loss, _ = loss_of(net, torch.from_numpy(np.stack(batch)))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        average.update_parameters(net)
        if step % 500 == 499:
            write(average.module, known[:held], out, step + 1, passed, count)
    write(average.module, known[:held], out, step, time.monotonic() - begin, count)


def recipe(count: int) -> dict[str, object]:
    """Return what the card of the model states, in the form of a config."""
    folder = "../shared/data/audio/train/"
    return {
        "note": "recipe: benchmarks/train_noise.py",
        "data": {
            "synth": {"count": count, "seed": SEED},
            "folders": [folder + name for name in CLEAN],
            "noise": [folder + name for name in STEADY],
        },
        "train": {"loss": "energy of the error of the waveform, uncertainty", "seed": SEED},
    }


def write(
    net: torch.nn.Module, held: np.ndarray, out: Path, steps: int, seconds: float, count: int
) -> float:
    """Write the model; print and return the improvement on the examples held out, dB."""
    net.eval()
    with torch.no_grad():
        score = np.mean([float(loss_of(net, torch.from_numpy(x[None]))[1]) for x in held])
    net.train()
    grids = tuple(Analysis(n, n // 4) for n in (512, 1024, 2048, 4096, 8192, 16384))
    record = {"steps": steps, "seconds": round(seconds), "held_out_improvement_db": float(score)}
    record["config"] = recipe(count)
    model = Model("noise", net, "noise", grids, (min(RATES), max(RATES)), 60.0, record)
    save_model(out / "noise.safetensors", model, overwrite=True)
    print(f"{steps} steps, {seconds:.0f} s: held-out improvement {score:.2f} dB", flush=True)
    return float(score)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", type=Path, required=True, help="folder of the run")
    options.add_argument("--steps", type=int, default=12000, help="steps (default: %(default)s)")
    options.add_argument("--seconds", type=float, default=3600.0, help="most seconds of training")
    options.add_argument("--examples", type=int, default=600, help="number of examples")
    options.add_argument("--data", type=Path, default=DATA, help="folder with audio/train")
    args = options.parse_args()
    train(args.out, args.steps, args.seconds, args.examples, args.data)


if __name__ == "__main__":
    run(main)
