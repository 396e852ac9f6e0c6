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
from fractions import Fraction

import numpy as np
from common import data_folder, parser, progress, publish, run
from generator import Machine, hann, machine_set, make
from real_recordings import RUN_UP_RPM
from scipy.signal import ShortTimeFFT

from specsr.errors import SpecsrError
from specsr.nvh.tacholess import SpeedSearch, find_speed
from specsr.nvh.tacholess_map import HarmonicMap
from specsr.nvh.tacholess_path import speeds_between
from specsr.signal import Signal

METHODS = ("specsr, limits and orders", "specsr, limits", "maximum", "pyin")
KINDS = ("car run-up", "car run-down", "e-drive", "gearbox", "bearing", "diesel", "two fans",
         "drone", "turbo", "squeal")  # fmt: skip
FACTORS = sorted({Fraction(p, q) for p in range(1, 5) for q in range(1, 5)})
HALF_ORDERS = tuple(k / 2 for k in range(1, 41))
RATIOS = (0, 6, 12, 30)
BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.01)
Found = tuple[np.ndarray, np.ndarray, np.ndarray | None]
"""Times in s, speed in 1/min and confidence."""


def strongest(machine: Machine, count: int = 8) -> tuple[float, ...]:
    """Return the strongest orders of the deterministic part of a machine."""
    assert machine.rpm is not None
    turns = np.cumsum(machine.rpm) / 60 / machine.rate
    size = 1 << 18
    even = np.interp(np.linspace(0, turns[-1], size), turns, machine.clean)
    power = np.abs(np.fft.rfft(even * hann(size)))
    orders = np.arange(power.size) / turns[-1]
    power[orders < 0.3] = 0
    found = []
    for _ in range(count):
        found.append(float(orders[power.argmax()]))
        power[np.abs(orders - found[-1]) < 0.3] = 0
    return tuple(sorted(found))


def limits(rpm: np.ndarray) -> tuple[float, float]:
    """Return limits around a speed, 1/min."""
    low, high = 0.8 * rpm[rpm > 60].min(), 1.2 * rpm.max()
    return max(100 * np.floor(low / 100), 50.0), 100 * np.ceil(high / 100)


def specsr_speed(signal: Signal, options: SpeedSearch) -> Found:
    try:
        found = find_speed(signal, options)
    except SpecsrError:  # no candidate within the limits
        times = np.arange(0, signal.duration, 0.05)
        return times, np.full(times.size, np.nan), np.zeros(times.size)
    return found.times - signal.start, found.rpm, found.confidence


def maximum(signal: Signal, options: SpeedSearch) -> Found:
    size = 2 * round(0.1 * signal.rate)
    transform = ShortTimeFFT(hann(size), round(0.05 * signal.rate), signal.rate)
    power = transform.spectrogram(signal.samples.astype(float), p0=0)
    top = round(4000 * size / signal.rate)
    made = HarmonicMap.of(power[:, :top], signal.rate / size)
    speeds = speeds_between(*options.rpm_range)
    best = next(made.scores(speeds / 60, np.array(options.orders))).argmax(axis=0)
    times = np.arange(power.shape[-1]) * round(0.05 * signal.rate) / signal.rate
    return times, speeds[best], None


def pyin(signal: Signal, options: SpeedSearch) -> Found:
    import librosa

    low = signal.resample(4000.0)
    least, most = (speed / 60 for speed in options.rpm_range)
    size = 2048 if least * 2048 > 2.5 * 4000 else 8192
    found, _, _ = librosa.pyin(
        low.samples[0].astype(float), fmin=max(least, 1.1 * 4000 * 2 / size),
        fmax=min(4 * most, 1000.0), sr=4000, frame_length=size, hop_length=200, fill_na=None,
    )  # fmt: skip
    return np.arange(found.size) * 0.05, 60 * found, None


def found_by(method: str, signal: Signal, span: tuple[float, float], orders: Sequence[float],
             start: float | None = None) -> Found:  # fmt: skip
    if method.startswith("specsr"):
        own = tuple(orders) if "orders" in method else ()
        return specsr_speed(signal, SpeedSearch(span, start, own))
    options = SpeedSearch(span, orders=tuple(orders))
    return (maximum if method == "maximum" else pyin)(signal, options)


def factor_of(ratio: np.ndarray) -> float:
    """Return the simple factor that most ratios of a speed to the true one have."""
    middle = float(np.nan_to_num(np.median(ratio)))

    def fit(factor: Fraction) -> tuple[float, float]:
        near = np.abs(ratio / float(factor) - 1) < 0.03
        return float(near.mean()), -abs(middle / float(factor) - 1)

    return float(max(FACTORS, key=fit))


def scores(found: Found, rpm: np.ndarray, rate: float) -> dict[str, float]:
    """Return the errors of a found speed against the true one at every sample."""
    times, speed, confidence = found
    truth = np.interp(times, np.arange(rpm.size) / rate, rpm)
    turns = truth > 60
    ratio = speed[turns] / truth[turns]
    row = {"median, %": 100 * np.median(np.abs(ratio - 1)),
           "within 3 %": 100 * np.mean(np.abs(ratio - 1) < 0.03)}  # fmt: skip
    free = np.abs(ratio / factor_of(ratio) - 1)
    row |= {"up to a factor: median, %": 100 * np.median(free),
            "within 3 % of it": 100 * np.mean(free < 0.03)}  # fmt: skip
    if confidence is not None:
        sure = confidence[turns] > 0.9
        row["confidence"] = float(confidence.mean())
        row["sure and right, %"] = 100 * np.mean(free[sure] < 0.03) if sure.any() else np.nan
    return row


def right(found: Found, rpm: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the confidence and whether the speed is within 3 % up to a factor, at all instants."""
    times, speed, confidence = found
    assert confidence is not None
    truth = np.interp(times, np.arange(rpm.size) / rate, rpm)
    turns = truth > 60
    ratio = speed[turns] / truth[turns]
    return confidence[turns], np.abs(ratio / factor_of(ratio) - 1) < 0.03


def confidence_by_kind(
    limit: int | None,
) -> dict[str, list[dict[str, object]]]:
    """Return the share of right instants by confidence, of all machines and of every kind."""
    cases = [
        (kind, seed) for kind, seed in machine_set(0) if kind in KINDS and seed % 100 == 0
    ][:limit]  # fmt: skip
    kinds: dict[str, dict[str, list[np.ndarray]]] = {method: {} for method in METHODS[:2]}
    for kind, seed in progress(cases, len(cases), "confidence"):
        machine = make(kind, seed)
        assert machine.rpm is not None
        signal = Signal(machine.samples().astype(np.float32), machine.rate)
        for method, each in kinds.items():
            found = found_by(method, signal, limits(machine.rpm), strongest(machine))
            each.setdefault(kind, []).append(np.stack(right(found, machine.rpm, machine.rate)))
    rpm = np.linspace(1200, 2600, 4 * 4096)
    turns = np.cumsum(rpm) / 60 / 4096
    rng = np.random.default_rng(7)
    for orders in ((1.0, 2.0), (2.0, 4.0)):
        for below in (6, 20):
            lines = sum(np.cos(2 * np.pi * k * turns + k) for k in orders)
            noise = rng.standard_normal(rpm.size) * np.std(lines) * 10 ** (-below / 20)
            for method, each in kinds.items():
                found = found_by(method, Signal(lines + noise, 4096.0), (900, 5000), orders)
                each.setdefault("two orders", []).append(np.stack(right(found, rpm, 4096.0)))
        for method, each in kinds.items():
            found = found_by(method, Signal(noise, 4096.0), (900, 5000), orders)
            assert found[2] is not None
            each.setdefault("noise", []).append(np.stack([found[2], np.zeros(len(found[2]))]))
    rows: list[dict[str, object]] = []
    for method, each in kinds.items():
        for kind, parts in each.items():
            confidence, good = np.concatenate(parts, axis=1)
            row: dict[str, object] = {"method": method, "kind": kind}
            for low, high in ((0, 0.5), (0.5, 0.9), (0.9, 1.01)):
                at = (confidence >= low) & (confidence < high)
                row[f"{low:g} to {min(high, 1):g}: instants"] = int(at.sum())
                row[f"{low:g} to {min(high, 1):g}: right, %"] = (
                    100 * good[at].mean() if at.any() else np.nan
                )
            rows.append(row)
    machines = {
        method: [part for kind, parts in each.items() if kind in KINDS for part in parts]
        for method, each in kinds.items()
    }
    return {"Confidence, machines": reliability(machines), "Confidence by kind": rows}


def reliability(instants: dict[str, list[np.ndarray]]) -> list[dict[str, object]]:
    """Return the share of right instants by their confidence."""
    rows: list[dict[str, object]] = []
    for method, each in instants.items():
        confidence, good = np.concatenate(each, axis=1)
        for low, high in zip(BINS, BINS[1:]):
            at = (confidence >= low) & (confidence < high)
            if at.any():
                rows.append({
                    "method": method, "confidence": f"{low:g} to {min(high, 1):g}",
                    "instants": int(at.sum()), "mean confidence, %": 100 * confidence[at].mean(),
                    "right, %": 100 * good[at].mean(),
                })  # fmt: skip
    return rows


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
