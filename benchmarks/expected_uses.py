"""What expected maps give to order cuts, to finding lines and to the search of a speed.

Synthetic machines with exact truth: set 0 of `benchmarks/generator.py` (*) and one of every kind of
`specsr.synth`.  Maps: Hann, 4096 samples, 75 % overlap.  Beside the measured map: the mean power of
three columns.

*Order cuts*: half orders up to 12, cut from the order map (0.1 orders, 75 % overlap, 0.4 orders
wide) and from the map (main lobe and sweep).  Truth: the cut of the deterministic part plus the
noise expected in the band, weighted by the window.  Cells are sorted by the level of the line over
that noise.  rms error and mean error (bias) in dB per machine, averaged over machines.
Within: share of cells whose error lies within the uncertainty of the cut.

*Real run-ups*: each recording is split into two with independent noise (`specsr.train.splitting`).
d is the rms difference in dB of cuts of the one from measured cuts of the other.  Two measured cuts
have the same scatter s, so s² = d²/2; the scatter e of another cut follows from d² = s² + e².

*Lines* are ridges: maxima over frequency that last three windows.  Found: share of the ridges of
the truth (6 dB) within three rows of a ridge; invented: share of the ridges without a maximum of
the truth within three rows.  The prominence of each method is the least with which 0.5 % are
invented over all machines.

*Speed*: `specsr.nvh.speed_search.find_line_spacing`.  The spacing of lines is the speed up to a
factor: that with the least error of 0.5, 1, 1.5, 2, 3, 4 and 6 is chosen for each machine.  Found:
share of columns with a spacing; right: within 1 % and 3 % of the speed, of all columns; error:
median over found columns.  *Noise*: machines without their deterministic part, where every spacing
found is false.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import generator
import numpy as np
from common import mean_error, parser, progress, publish, run, some
from generator import machine_set
from real_recordings import JUDGE, piece
from scipy.ndimage import binary_dilation, uniform_filter1d

from specsr import Signal, SpecMap, SpectrogramTransform, expected, order_cut, order_map
from specsr.errors import SpecsrError
from specsr.maps.levels import to_db
from specsr.nvh.order_cut import OrderCut
from specsr.nvh.runs import turning
from specsr.nvh.speed_search import find_line_spacing
from specsr.scores.ridges import FAINT, peaks, ridge_length, ridges
from specsr.synth.draws import ALL_KINDS, random_machine
from specsr.synth.synthesis import synthesise
from specsr.train.splitting import split

METHODS = {"measured": "measured", "columns": "mean of 3 columns", "expected": "expected"}
"""Method -> its label."""
PARTS = ("orders", "real", "lines", "speed")
SEED, RATE, SECONDS = 980_300, 25600.0, 5.0
ORDERS = tuple(k / 2 for k in range(1, 25))
CLASSES = {"under 0 dB": (-20, 0), "0 to 10 dB": (0, 10), "10 to 20 dB": (10, 20),
           "over 20 dB": (20, np.inf)}  # fmt: skip
"""Level of the line over the noise in the band."""
REAL_ORDERS = (1, 2, 3, 4, 5, 6, 8, 10, 12)
PROMINENCES = (3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20)
INVENTED = 0.005
REACH = 3
FACTORS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""Spacings of lines over the rotation frequency."""
MAP = SpectrogramTransform(4096, 1024)
OFFSETS = np.linspace(-0.5, 0.5, 41)
"""Times within a window at which the density of the noise is read, in windows."""
WEIGHTS = np.cos(np.pi * OFFSETS) ** 4 / np.sum(np.cos(np.pi * OFFSETS) ** 4)
"""Energy of the Hann window at them."""


@dataclass(frozen=True, eq=False)
class Machine:
    """A synthetic machine: recording and deterministic part with the speed, density of its noise.

    ``density(freqs, times)`` is the one-sided power spectral density of the noise in unit²/Hz.
    """

    kind: str
    signal: Signal
    clean: Signal
    density: Callable[[np.ndarray, np.ndarray], np.ndarray]


def _other(kind: str, seed: int) -> Machine:
    """Return a machine of the other generator."""
    made = generator.make(kind, seed)
    freqs = np.fft.rfftfreq(generator.TAPS, 1 / made.rate)

    def density(at: np.ndarray, times: np.ndarray) -> np.ndarray:
        first = np.clip(np.round(times * made.rate).astype(int), 0, made.clean.size - 1)
        return sum(
            np.interp(at, freqs, np.square(noise.response))
            * np.square(np.broadcast_to(noise.gain, made.clean.shape)[first])
            * (2 / made.rate)
            for noise in made.noises
        )

    sides = (x.astype(np.float32)[None] for x in (made.samples(), made.clean))
    signal, clean = (Signal(x, made.rate, "Pa", rpm=made.rpm) for x in sides)
    return Machine(f"{kind} *", signal, clean, density)


def _own(kind: str, seed: int) -> Machine:
    """Return a machine of `specsr.synth`."""
    made = synthesise(random_machine(seed, RATE, SECONDS, {kind: 1.0}))

    def density(at: np.ndarray, times: np.ndarray) -> np.ndarray:
        first = np.clip(np.round(times * RATE).astype(int), 0, made.noise.size - 1)
        return made.noise_psd(at) * np.square(made.noise_gain[first])

    def first_channel(signal: Signal) -> Signal:
        return replace(signal, samples=signal.samples[:1], channels=())

    return Machine(kind, first_channel(made.signal), first_channel(made.clean), density)


def machines(limit: int | None) -> list[tuple[str, Callable[[], Machine]]]:
    """Return every machine as its kind and a function that makes it."""
    made: list[tuple[str, Callable[[], Machine]]] = [
        (kind, lambda k=kind, s=seed: _other(k, s)) for kind, seed in machine_set(0)
    ]
    made += [(kind, lambda k=kind, s=SEED + i: _own(k, s)) for i, kind in enumerate(ALL_KINDS)]
    return some(made, limit)


def clean_map(spec: SpecMap) -> SpecMap:
    """Return the expected map."""
    return expected(spec)


def mean_of_columns(spec: SpecMap) -> SpecMap:
    """Return the map of the mean power of each column and its two neighbours."""
    power = uniform_filter1d(np.square(spec.magnitude, dtype=np.float64), 3, -1, mode="nearest")
    return spec.replace(magnitude=np.sqrt(power), phase=None)


MAPS: dict[str, Callable[[SpecMap], SpecMap]] = {
    "measured": lambda spec: spec, "columns": mean_of_columns, "expected": clean_map,
}  # fmt: skip


def rms(values: np.ndarray) -> float:
    """Return the root of the mean square; nan for none."""
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else float("nan")


# Order cuts


def angle_cuts(
    signal: Signal, only: Sequence[str], orders: Sequence[float]
) -> dict[str, list[OrderCut]]:
    """Return method -> cuts of the order map."""
    made = order_map(signal, max_order=max(orders) + 1)
    found = {name: replace(made, spec=MAPS[name](made.spec)) for name in only}
    return {name: [by.cut(k) for k in orders] for name, by in found.items()}


def order_scores(
    machine: Machine, found: dict[str, list[OrderCut]], plain: list[OrderCut], window: np.ndarray
) -> dict[str, dict]:
    """Return method -> class -> rms error, bias and coverage of the cuts of one machine.

    Args:
        machine: for its noise.
        found: cuts of each method.
        plain: cuts of the deterministic part.
        window: samples that the window of each column reaches over, [offset, T].
    """
    only = list(found)
    errors: dict[str, dict[str, list[np.ndarray]]] = {n: {c: [] for c in CLASSES} for n in only}
    inside: dict[str, list[np.ndarray]] = {c: [] for c in CLASSES}
    for i, line in enumerate(plain):
        rotation_hz = machine.signal.rpm[window] / 60
        width = line.bandwidth / line.rpm * 60  # orders
        density = machine.density(line.order * rotation_hz, window / machine.signal.rate)
        noise = WEIGHTS @ (density * rotation_hz) * width
        power = 10 ** (line.levels[0] / 10) * machine.clean.reference**2
        truth = 10 * np.log10((power + noise) / machine.clean.reference**2)
        ratio = 10 * np.log10(np.maximum(power, 1e-300) / np.maximum(noise, 1e-300))
        for name in only:
            cut = found[name][i]
            error = cut.levels[0] - truth
            for title, (low, high) in CLASSES.items():
                kept = np.isfinite(error) & (ratio >= low) & (ratio < high)
                errors[name][title].append(error[kept])
                if cut.uncertainty_db is not None:
                    inside[title].append(np.abs(error[kept]) <= cut.uncertainty_db[0, kept])
    result: dict[str, dict] = {name: {} for name in only}
    for name in only:
        for title in CLASSES:
            all_errors = np.concatenate(errors[name][title])
            result[name] |= {title: rms(all_errors)}
            bias = float(np.mean(all_errors)) if all_errors.size else float("nan")
            result[name] |= {f"bias, {title}": bias}
            if name == "expected" and inside[title]:
                share = np.concatenate(inside[title])
                result[name] |= {
                    f"within, {title}": 100 * share.mean() if share.size else float("nan")
                }
    return result


def by_turns(signal: Signal, cut: OrderCut, turns: float) -> np.ndarray:
    """Return samples within windows of so many turns about each column, [offset, T]."""
    angle = np.cumsum(signal.rpm) / 60 / signal.rate
    at = np.interp(cut.times, np.arange(signal.length) / signal.rate, angle)
    found = np.interp(at + turns * OFFSETS[:, None], angle, np.arange(signal.length))
    return np.round(found).astype(int)


def by_samples(signal: Signal, cut: OrderCut, length: int) -> np.ndarray:
    """Return samples within windows of so many samples about each column, [offset, T]."""
    at = cut.times * signal.rate + length * OFFSETS[:, None]
    return np.clip(np.round(at), 0, signal.length - 1).astype(int)


def real_cuts(signal: Signal, only: Sequence[str]) -> dict[str, float]:
    """Return the scatter of cuts of a real run-up, and the mean difference from measured ones."""
    one, other = split(signal.replace(rpm=None), 2048, np.random.default_rng(0))
    one, other = (x.replace(rpm=signal.rpm) for x in (one, other))
    found = angle_cuts(one, list(dict.fromkeys(["measured", *only])), REAL_ORDERS)
    reference = angle_cuts(other, ["measured"], REAL_ORDERS)["measured"]
    squares, row = {}, {}
    for name, cuts in found.items():
        error = np.concatenate([
            (a.levels - b.levels)[np.isfinite(a.levels) & np.isfinite(b.levels)]
            for a, b in zip(cuts, reference)
        ])  # fmt: skip
        squares[name] = np.mean(np.square(error))
        row[f"{name}, bias"] = float(error.mean())
    own = squares["measured"] / 2
    row |= {name: float(np.sqrt(max(squares[name] - own, 0))) for name in found}
    return {key: row[key] for key in sorted(row)}


# Lines


def line_counts(machine: Machine, maps: dict[str, SpecMap]) -> dict[str, np.ndarray]:
    """Return method -> [prominence, (true found, true, ours invented, ours)] of one machine."""
    grid = maps["measured"].grid
    flat = machine.density(grid.freqs()[:-1, None], grid.times()[None] - grid.start)
    power = np.square(MAP(machine.clean).image()[0], dtype=np.float64)
    window = grid.window_samples()
    bandwidth = grid.rate * np.square(window).sum() / window.sum() ** 2
    truth = to_db(power + flat * bandwidth)
    length, tall = ridge_length(grid), np.ones((2 * REACH + 1, 1), dtype=bool)
    true = ridges(truth, length)
    near_true = binary_dilation(peaks(truth, FAINT), tall)
    found = {}
    for name, spec in maps.items():
        db = to_db(np.square(spec.image()[0], dtype=np.float64))
        counts = []
        for prominence in PROMINENCES:
            ours = ridges(db, length, prominence)
            hit = true & binary_dilation(ours, tall)
            counts.append((hit.sum(), true.sum(), (ours & ~near_true).sum(), ours.sum()))
        found[name] = np.array(counts)
    return found


def line_tables(found: list[tuple[str, dict[str, np.ndarray]]], only: Sequence[str]) -> list[dict]:
    """Return rows: each method at the least prominence that invents few, over all and by kind."""
    rows = []
    for name in only:
        shares = [mean_shares([one[name] for _, one in found])]
        allowed = np.flatnonzero(shares[0][:, 1] <= INVENTED)
        at = int(allowed[0]) if allowed.size else len(PROMINENCES) - 1
        row = {"method": METHODS[name], "prominence, dB": PROMINENCES[at]}
        row |= {"invented, %": 100 * shares[0][at, 1], "found, %": 100 * shares[0][at, 0]}
        for kind in dict.fromkeys(kind for kind, _ in found):
            own = mean_shares([one[name] for of, one in found if of == kind])
            row[kind] = 100 * own[at, 0]
        rows.append(row)
    return rows


def mean_shares(counts: list[np.ndarray]) -> np.ndarray:
    """Return the mean shares found and invented over machines, [prominence, 2]."""
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.array([
            np.stack([one[:, 0] / one[:, 1], np.nan_to_num(one[:, 2] / one[:, 3])], axis=1)
            for one in counts
        ])  # fmt: skip
    return np.nanmean(shares, axis=0)


# Speed


def speed_scores(machine: Machine, maps: dict[str, SpecMap]) -> dict[str, dict]:
    """Return method -> scores of the search on one machine, and on its noise alone."""
    noise = MAP(machine.signal.replace(samples=machine.signal.samples - machine.clean.samples))
    result: dict[str, dict] = {}
    for name, spec in maps.items():
        row: dict[str, float] = {}
        if machine.signal.rpm is not None:
            at = np.arange(machine.signal.length) / machine.signal.rate
            true = np.interp(spec.grid.times(), at, machine.signal.rpm) / 60
            row |= right(spacing_of(spec), true)
        row["false in noise, %"] = 100 * (spacing_of(MAPS[name](noise)) > 0).mean()
        result[name] = row
    return result


def spacing_of(spec: SpecMap) -> np.ndarray:
    """Return the spacing of the lines found in a map, Hz, [T]."""
    return find_line_spacing(np.square(spec.image()[0], dtype=np.float64), spec.grid)


def right(spacing: np.ndarray, rotation_hz: np.ndarray) -> dict[str, float]:
    """Return shares of columns found and right, and the median error."""
    used = spacing > 0
    if not used.any():
        return {"found, %": 0, "right within 1 %": 0, "within 3 %": 0, "error, %": np.nan}
    errors = [np.abs(spacing[used] / (f * rotation_hz[used]) - 1) for f in FACTORS]
    best = min(errors, key=np.median)
    count = spacing.size / 100
    return {
        "found, %": 100 * used.mean(),
        "right within 1 %": (best < 0.01).sum() / count,
        "within 3 %": (best < 0.03).sum() / count,
        "error, %": 100 * float(np.median(best)),
    }


def means(found: list[tuple[str, dict[str, dict]]], only: Sequence[str], kinds: bool) -> list[dict]:
    """Return one row a method, over all machines or by kind."""
    rows = []
    for kind in dict.fromkeys(kind for kind, _ in found) if kinds else [None]:
        chosen = [one for of, one in found if kind in (None, of)]
        for name in only:
            row: dict = {"kind": kind} if kinds else {}
            row["method"] = METHODS[name]
            for key in dict.fromkeys(key for one in chosen for key in one[name]):
                values = [one[name].get(key, np.nan) for one in chosen]
                row[key] = mean_error(values)[0]
            rows.append(row)
    return rows


def main() -> None:
    options = parser(__doc__.splitlines()[0], list(METHODS), "expected_uses")
    options.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART",
                         help=f"parts to run, of {', '.join(PARTS)} (default: all)")  # fmt: skip
    args = options.parse_args()
    todo = machines(args.limit)
    orders: dict[str, list] = {"angle": [], "rows": []}
    lines: list = []
    speeds: list = []
    only = list(dict.fromkeys(["measured", *args.only]))
    for _, make in progress(todo, len(todo), "machine"):
        machine = make()
        kind, rpm = machine.kind, machine.signal.rpm
        if "orders" in args.parts and rpm is not None:
            try:
                found = angle_cuts(machine.signal, only, ORDERS)
                plain = angle_cuts(machine.clean, ["measured"], ORDERS)["measured"]
                turns = by_turns(machine.signal, plain[0], 10)
                orders["angle"].append((kind, order_scores(machine, found, plain, turns)))
            except SpecsrError as error:  # too slow for a window of the order map
                print(f"{kind}: {error}")
        measured = MAP(machine.signal)
        maps = {name: MAPS[name](measured) for name in only}
        if "orders" in args.parts and rpm is not None:
            found = {name: [order_cut(m, rpm, k) for k in ORDERS] for name, m in maps.items()}
            clean = MAP(machine.clean)
            plain = [order_cut(clean, rpm, k) for k in ORDERS]
            near = by_samples(machine.signal, plain[0], MAP.n_fft)
            orders["rows"].append((kind, order_scores(machine, found, plain, near)))
        if "lines" in args.parts:
            lines.append((kind, line_counts(machine, maps)))
        if "speed" in args.parts:
            speeds.append((kind, speed_scores(machine, maps)))
    tables: dict[str, list] = {}
    titles = {"angle": "Order cuts of order maps", "rows": "Order cuts of maps"}
    for source, title in titles.items():
        if orders[source]:
            tables[title] = means(orders[source], only, False)
            tables[f"{title}, by kind"] = means(orders[source], only, True)
    if "real" in args.parts:
        tables["Order cuts of real run-ups, scatter in dB"] = [
            {"recording": recording.name}
            | real_cuts(turning(piece(recording, args.data, 30.0)[0]), only)
            for recording in JUDGE
            if recording.rpm_at_full_scale
        ]
    if lines:
        tables["Lines found with 0.5 % invented"] = line_tables(lines, only)
    if speeds:
        tables["Speed"] = means(speeds, only, False)
        tables["Speed, by kind"] = means(speeds, only, True)
    publish(args, "Uses of expected maps", __doc__.split("\n", 2)[2], tables, digits=2)


if __name__ == "__main__":
    run(main)
