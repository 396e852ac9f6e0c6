"""Orders above the band of a logger: continued at a known speed, beside network and noise alone.

Recordings are decimated, brought back to a higher rate, and compared above the cut with what they
were before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from common import data_folder, parser, progress, publish, run, some
from real_run_up import recording
from scipy.ndimage import gaussian_filter1d

from specsr import BandOptions, Signal, upscale_band
from specsr.choices import NOISE_FILL
from specsr.nvh.speed import revolutions
from specsr.synth.draws import random_run_up
from specsr.synth.synthesis import synthesise

STEP = 0.02  # s
PARTS = 4  # of a step, over which a demodulated line is averaged first
CLEAR, THERE = 10.0, 6.0  # dB
HALF = tuple(np.arange(1, 81) / 2)
SEEDS = range(700000, 700012)
METHODS = ("network", "noise", "orders on network", "orders on noise")

PROTOCOL = f"""
An order at a time (every {STEP} s) has a line if its power, demodulated at the exact speed with a
Gaussian window, stands {CLEAR:g} dB over the mean of that a quarter order beside it on either side
(smoothed over 0.2 s). Only frequencies from the cut (half the low rate) to 90 % of half the rate of
the result count, and of orders that have such a line somewhere in the recording before decimation.
*found*: share of the true lines that stand {THERE:g} dB clear in the result. *invented*: share of
the places without a true line (less than {THERE:g} dB clear) that have one of {CLEAR:g} dB in the
result. *level error*: rms of the difference of the levels at the true lines, dB; *bias*: its mean.

Synthetic: 12 run-ups (`specsr.random_run_up`, 6 s at 6.4 kHz) of seeds that no model was trained
on, decimated by 4 (1.6 kHz) and brought back, with the orders of the machine given. Recorded: the
car run-up with its speed (970 to 4820 1/min in 20 s), decimated to rates that leave orders above
the cut, with the half orders 0.5 to 40 given; its content ends at 7.4 kHz. *network*: the bundled
band model, from 24 kHz up. *noise*: `--model noise-fill`. *orders on ...*: with the speed and the
orders given.

Lines before decimation: what there is to find above the cut, and to continue in the octave below
it. *places*: orders at a time. *with a line*: share of them; *by chance*: the same of white noise
at the same speed and orders. *over the noise*: median over all places; *best order*: power of the
order with the most lines over its noise, mean over its time there, as a continued line would have.
*often*: orders that have a line in a quarter of their time there or more, of those that are there
for a second. *duration*: median time that a line stands clear without a break.
"""

LASTING = 1.0
"""Least time in s of an order in a range of frequencies, for it to be counted."""
OFTEN = 0.25
"""Share of its time with a line from which on an order has one often."""


@dataclass(frozen=True, eq=False)
class Case:
    """One recording before decimation, with its speed; by how much it is decimated; its orders."""

    name: str
    true: Signal
    scale: int
    orders: tuple[float, ...] = HALF


def clear_db(signal: Signal, orders: Sequence[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return level of every order over time, its level over the noise, both dB, and frequency, Hz.

    All [O, T].
    """
    assert signal.rpm is not None
    rotation = signal.rpm / 60
    turns = revolutions(rotation, signal.rate)
    part = round(STEP / PARTS * signal.rate)
    width = 0.4 / (0.25 * float(rotation.mean())) * signal.rate / part
    count = signal.length // part
    samples = signal.samples[0].astype(np.complex64)

    def power(order: float) -> np.ndarray:
        turned = samples * np.exp(np.complex64(-2j * np.pi) * (order * turns % 1).astype("f4"))
        means = turned[: count * part].reshape(count, part).mean(axis=1)
        smooth = gaussian_filter1d(means, width, truncate=3)[::PARTS]
        return 2 * np.square(np.abs(smooth)) + 1e-20

    line = np.array([power(order) for order in orders])
    beside = np.array([(power(o - 0.25) + power(o + 0.25)) / 2 for o in orders])
    beside = gaussian_filter1d(beside, 0.2 / STEP, axis=1)
    level = 10 * np.log10(line)
    return (
        level,
        level - 10 * np.log10(beside),
        np.outer(orders, rotation[part // 2 :: part][:count:PARTS]),
    )


def score(case: Case, found: Signal) -> dict[str, np.ndarray]:
    """Return marks of found and invented lines and the errors of levels, each flat."""
    true_level, true_clear, freqs = clear_db(case.true, case.orders)
    level, clear, _ = clear_db(found.replace(rpm=case.true.rpm), case.orders)
    cut = case.true.rate / case.scale / 2
    inside = (freqs > cut) & (freqs < 0.45 * case.true.rate)
    line = inside & (true_clear > CLEAR)
    empty = inside & (true_clear < THERE) & (clear > -np.inf)
    return {
        "found": clear[line] > THERE,
        "invented": clear[empty] > CLEAR,
        "error": (level - true_level)[line],
    }


def restored(case: Case, method: str, model: str | None) -> Signal:
    """Return the recording brought back from the logger's rate."""
    low = case.true.resample(case.true.rate / case.scale)
    given = case.orders if method.startswith("orders") else ()
    noise = method.endswith("noise")
    return upscale_band(
        low, case.scale, model=NOISE_FILL if noise else model, band=BandOptions(orders=given)
    )


def durations(line: np.ndarray) -> np.ndarray:
    """Return the times in s for which marks over time, [O, T], are set without a break."""
    edges = np.diff(np.pad(line.astype(int), ((0, 0), (1, 1))), axis=1)
    return (np.nonzero(edges < 0)[1] - np.nonzero(edges > 0)[1]) * STEP


def lines_before(cases: Sequence[Case]) -> list[dict[str, object]]:
    """Return what the recordings before decimation have above the cut and in the octave below."""
    rows = []
    for title, low, high in (("above the cut", 1.0, np.inf), ("octave below", 0.5, 1.0)):
        places = count = by_chance = often = orders = 0
        over, best, lasting = [], [], []
        for case in cases:
            white = np.random.default_rng(0).standard_normal(case.true.samples.shape)
            noise = clear_db(case.true.replace(samples=white), case.orders)[1]
            _, clear, freqs = clear_db(case.true, case.orders)
            cut = case.true.rate / case.scale / 2
            inside = (freqs > low * cut) & (freqs < min(high * cut, 0.45 * case.true.rate))
            line = inside & (clear > CLEAR)
            places, count = places + int(inside.sum()), count + int(line.sum())
            by_chance += int((noise[inside] > CLEAR).sum())
            over.append(clear[inside])
            lasting.append(durations(line))
            there = inside.sum(axis=1) * STEP >= LASTING
            share = line[there].sum(axis=1) / inside[there].sum(axis=1)
            orders, often = orders + share.size, often + int((share >= OFTEN).sum())
            if share.size:
                i = np.flatnonzero(there)[np.argmax(share)]
                best.append(10 * np.log10(np.mean(10 ** (clear[i, inside[i]] / 10))))
        spans = np.concatenate(lasting)
        rows.append({
            "range": title, "places": places, "with a line, %": 100 * count / places,
            "by chance, %": 100 * by_chance / places,
            "over the noise, dB": float(np.median(np.concatenate(over))),
            "best order, dB": float(np.median(best)), "often": f"{often} of {orders}",
            "duration, s": float(np.median(spans)) if spans.size else float("nan"),
        })  # fmt: skip
    return rows


def synthetic(limit: int | None) -> list[Case]:
    """Return the synthetic run-ups."""
    made = []
    for seed in some(list(SEEDS), limit):
        machine = random_run_up(seed, 6400.0, 6.0)
        orders = {x.order for x in machine.orders if x.order > 0 and not x.offset}
        made.append(Case(f"run-up {seed}", synthesise(machine).signal, 4, tuple(sorted(orders))))
    return made


def recorded(folder: object) -> dict[str, list[Case]]:
    """Return the car run-up at rates that leave orders above the cut."""
    car = recording(folder)
    cases = {}
    for rate, scale in ((24000.0, 6), (6400.0, 4), (3200.0, 4)):
        name = f"Car run-up, {rate / scale / 1000:g} to {rate / 1000:g} kHz"
        true = car.resample(rate)
        cases[name] = [Case("car", true.cut(0, true.length // scale * scale), scale)]
    return cases


def main() -> None:
    options = parser(__doc__.splitlines()[0], METHODS, "band_orders")
    args = options.parse_args()
    sets = {"Synthetic run-ups, 1.6 to 6.4 kHz": synthetic(args.limit)}
    sets |= recorded(data_folder(args.data, "audio", "train", "runup_rpm"))
    tables = {}
    for title, cases in sets.items():
        rows = []
        for method in progress(args.only, len(args.only), title):
            if not method.endswith("noise") and cases[0].true.rate < 24000:
                continue  # too low a rate for the network
            scores = [score(case, restored(case, method, args.model)) for case in cases]
            parts = {k: np.concatenate([s[k] for s in scores]) for k in scores[0]}
            if not parts["error"].size:
                continue
            rows.append({
                "method": method, "true lines": parts["error"].size,
                "found, %": 100 * float(parts["found"].mean()),
                "invented, %": 100 * float(parts["invented"].mean()),
                "level error, dB": float(np.sqrt(np.mean(np.square(parts["error"])))),
                "bias, dB": float(np.mean(parts["error"])),
            })  # fmt: skip
        if rows:
            tables[title] = rows
            tables[f"{title}: lines before decimation"] = lines_before(cases)
    publish(args, "Orders above the band of a logger", PROTOCOL, tables)


if __name__ == "__main__":
    run(main)
