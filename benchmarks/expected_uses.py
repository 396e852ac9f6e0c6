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

from collections.abc import Sequence

import numpy as np
from common import mean_error, parser, progress, publish, run
from expected_uses_machines import MAPS, METHODS, Machine, machines
from expected_uses_orders import ORDERS, angle_cuts, by_samples, by_turns, order_scores, real_cuts
from real_recordings import JUDGE, piece
from scipy.ndimage import binary_dilation

from specsr import SpecMap, SpectrogramTransform, order_cut
from specsr.errors import SpecsrError
from specsr.maps.levels import to_db
from specsr.nvh.runs import turning
from specsr.nvh.speed_search import find_line_spacing
from specsr.scores.ridges import FAINT, peaks, ridge_length, ridges

PARTS = ("orders", "real", "lines", "speed")
PROMINENCES = (3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20)
INVENTED = 0.005
REACH = 3
FACTORS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""Spacings of lines over the rotation frequency."""
MAP = SpectrogramTransform(4096, 1024)


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
