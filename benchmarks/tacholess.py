"""Speed from the sound alone against the true speed: `specsr speed` and two simple methods.

Machines of benchmarks/generator.py (set 0; constants were chosen on set 1): cars, and the first of
every other kind with a shaft; cars with their noise scaled to 0 to 30 dB below the deterministic
part, in the whole band; two shafts, one rising and one falling, with a start value each; two real
run-ups with a speed channel; recordings without a machine.

- Limits: 0.8 and 1.2 times the lowest and highest true speed, rounded outwards to 100 rpm.
- Orders: the eight strongest of the machine, read from its deterministic part; half orders for the
  real car; 16, 24 to 48 for the other recording.
- Median: of the relative error over time, %.  Within 3 %: share of the instants.  Up to a factor:
  after division by the simple factor p/q (p, q up to 4) that most instants have within 3 %, of
  several the one next to the median ratio.
- Sure and right: of the instants with a confidence above 0.9, those within 3 % up to a factor.
- Confidence: the instants of all machines by their confidence, those within 3 % up to a factor.
  `--confidence` prints this alone, also by kind, with two orders in white noise and the noise
  alone; the confidence was fitted on sets 1 and 2.
- Other cars: run-ups and run-downs of sets 4 and 5, noise 12 dB below, on which no constant of
  specsr was chosen.

Methods: *specsr, limits and orders*; *specsr, limits*; *maximum*: the highest harmonic sum of every
column of one map (windows of 0.2 s), with limits and orders; *pyin*: `librosa.pyin` at 4 kHz, with
the limits up to four times the highest speed, since it follows the lowest common multiple.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from common import data_folder, parser, progress, publish, run
from generator import machine_set, make
from real_recordings import RUN_UP_RPM
from tacholess_methods import KINDS, METHODS, found_by, limits, specsr_speed, strongest
from tacholess_scores import confidence_by_kind, reliability, right, scores

from specsr.nvh.tacholess import SpeedSearch
from specsr.signal import Signal

HALF_ORDERS = tuple(k / 2 for k in range(1, 41))
RATIOS = (0, 6, 12, 30)


def other_cars() -> list[dict[str, object]]:
    chosen = [x for n in (4, 5) for x in machine_set(n) if x[0].startswith("car")]
    rows: list[dict[str, object]] = []
    for kind, seed in progress(chosen, len(chosen), "other cars"):
        machine = make(kind, seed)
        assert machine.rpm is not None
        noise = machine.samples() - machine.clean
        mixed = machine.clean + noise * np.std(machine.clean) / np.std(noise) * 10 ** (-12 / 20)
        signal = Signal(mixed.astype(np.float32), machine.rate)
        options = SpeedSearch(limits(machine.rpm), orders=strongest(machine))
        row = scores(specsr_speed(signal, options), machine.rpm, machine.rate)
        rows.append({"kind": kind, "seed": seed} | row)
    means = {key: float(np.nanmean([float(row[key]) for row in rows])) for key in row}  # type: ignore[arg-type]
    return [*rows, {"kind": "mean", "seed": ""} | means]


def by_kind(
    only: Sequence[str], limit: int | None
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Return the errors by kind, and the reliability of the confidence."""
    chosen = [
        (kind, seed) for kind, seed in machine_set(0)
        if kind in KINDS and (kind.startswith("car") or seed % 100 == 0)
    ][:limit]  # fmt: skip
    rows: list[dict[str, object]] = []
    instants: dict[str, list[np.ndarray]] = {}
    results: dict[tuple[str, str], list[dict[str, float]]] = {}
    for kind, seed in progress(chosen, len(chosen), "machines"):
        machine = make(kind, seed)
        assert machine.rpm is not None
        signal = Signal(machine.samples().astype(np.float32), machine.rate)
        for method in only:
            found = found_by(method, signal, limits(machine.rpm), strongest(machine))
            results.setdefault((kind, method), []).append(scores(found, machine.rpm, machine.rate))
            if found[2] is not None:
                both = right(found, machine.rpm, machine.rate)
                instants.setdefault(method, []).append(np.stack(both))
    for (kind, method), each in results.items():
        means = {name: float(np.mean([row.get(name, np.nan) for row in each])) for name in each[0]}
        rows.append({"kind": kind, "machines": len(each), "method": method} | means)
    return rows, reliability(instants)


def by_noise(only: Sequence[str]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    up, down = (make(kind, dict(machine_set(0))[kind]) for kind in ("car run-up", "car run-down"))
    cases = [("run-up", up, up.clean), ("coast-down", down, down.clean)]
    size = min(up.clean.size, down.clean.size)
    both = up.clean[:size] + down.clean[:size]
    cases += [("two shafts, rising", up, both), ("two shafts, falling", down, both)]
    for name, machine, clean in progress(cases, len(cases), "noise"):
        assert machine.rpm is not None
        noise = (machine.samples() - machine.clean)[: clean.size]
        for below in RATIOS:
            mixed = clean + noise * np.std(clean) / np.std(noise) * 10 ** (-below / 20)
            signal = Signal(mixed.astype(np.float32), machine.rate)
            for method in only:
                start = round(float(machine.rpm[0]), -2) if name.startswith("two") else None
                found = found_by(method, signal, limits(machine.rpm), strongest(machine), start)
                row = scores(found, machine.rpm[: clean.size], machine.rate)
                rows.append({"recording": name, "line to noise, dB": below, "method": method} | row)
    return rows


def real(args: object, only: Sequence[str]) -> list[dict[str, object]]:
    import soundfile

    folder = data_folder(args.data, "audio", "train", "runup_rpm")  # type: ignore[attr-defined]
    other = data_folder(args.data, "fixtures", "wav")  # type: ignore[attr-defined]
    rows = []
    for path, scale, orders, start in (
        (folder / "car_runup_with_rpm.flac", RUN_UP_RPM, HALF_ORDERS, 1000.0),
        (other / "xtract_demo_signal_1_pressure_rpm_calibrated.wav", 4999.96, (16, 24, 32, 40, 48),
         None),
    ):  # fmt: skip
        samples, rate = soundfile.read(path)
        rpm = samples[:, 1] * scale
        signal = Signal(samples[:, :1].T, float(rate))
        for method in only:
            for first in (None, start) if start and method.startswith("specsr") else (None,):
                found = found_by(method, signal, limits(rpm), orders, first)
                named = method + (", start value" if first else "")
                row = scores(found, rpm, float(rate))
                rows.append({"recording": path.stem, "method": named} | row)
    return rows


def without_machine(args: object) -> list[dict[str, object]]:
    import soundfile

    rng = np.random.default_rng(0)
    white = rng.standard_normal(6 * 16000)
    pink = np.fft.irfft(np.fft.rfft(white) / np.sqrt(np.arange(1, white.size // 2 + 2)))
    clicks = make("clicks", dict(machine_set(0))["clicks"])
    turns = 50 * np.arange(white.size) / 16000
    hum = sum(np.sin(2 * np.pi * k * turns + k) / k for k in (1, 2, 3, 4, 6, 8))
    cases = [("white noise", white, 16000.0), ("pink noise", pink, 16000.0),
             ("clicks and mains hum", clicks.samples(), clicks.rate),
             ("mains hum alone", hum + 0.1 * white, 16000.0)]  # fmt: skip
    folder = data_folder(args.data, "audio", "val", "background")  # type: ignore[attr-defined]
    for path in sorted(folder.glob("*.flac"))[:3]:
        samples, rate = soundfile.read(path, always_2d=True)
        cases.append((path.stem, samples[: round(6 * rate), 0], float(rate)))
    rows: list[dict[str, object]] = []
    for name, samples, rate in progress(cases, len(cases), "no machine"):
        confidence = specsr_speed(Signal(samples, rate), SpeedSearch())[2]
        assert confidence is not None
        rows.append({
            "recording": name, "mean confidence": float(confidence.mean()),
            "highest": float(confidence.max()), "above 0.5, %": 100 * np.mean(confidence > 0.5),
        })  # fmt: skip
    return rows


def main() -> None:
    options = parser(__doc__.splitlines()[0], METHODS, "tacholess")
    options.add_argument("--confidence", action="store_true", help="the confidence alone")
    args = options.parse_args()
    if args.confidence:
        tables = confidence_by_kind(args.limit)
        publish(args, "Confidence of a speed from the sound", __doc__, tables, digits=3)
        return
    specsr_only = [method for method in args.only if method.startswith("specsr")]
    kinds, sure = by_kind(args.only, args.limit)
    tables = {"Kinds of machines, means": kinds}
    if specsr_only:
        tables["Confidence"] = sure
        tables["Other cars"] = other_cars()
        tables["Noise"] = by_noise(specsr_only[:1])
        tables["Recordings without a machine"] = without_machine(args)
    tables["Real run-ups"] = real(args, args.only)
    publish(args, "Speed from the sound", __doc__, tables, digits=3)


if __name__ == "__main__":
    run(main)
