"""Full STFT maps among maps without a cell size: how many are refused, warned of or taken.

`specsr upscale` takes the cells of a map as means of power.  A map that does not state the size of
its cells is judged by its noise (`specsr.maps.cells`): a full STFT is refused, an unclear map gives
a warning, the others are taken.  Here every recording becomes full maps and means over 2 x 2, 3 x 3
and 4 x 4 cells, of several windows, lengths of the window, overlaps and durations.  *Missed*: full
maps that are taken; *refused* means: false alarms.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from common import data_folder, parser, progress, publish, read_first, run, some

from specsr import Signal, SpectrogramTransform
from specsr.maps.cells import noise_statistics
from specsr.maps.pooling import pool_power
from specsr.synth.draws import random_machine
from specsr.synth.synthesis import synthesise

SEED, MACHINES = 700_000, 24
"""Machines drawn with seeds outside the training data of the models."""

PER_FOLDER = 6
WINDOWS = ("hann", "hamming", "blackmanharris", "flattop", "boxcar")
OVERLAPS = (0.0, 0.5, 0.75, 0.875, 0.9)
SCALES = (1, 2, 3, 4)
SECONDS = (1.0, 8.0)


def recordings(folder: Path, limit: int | None) -> list[tuple[str, Path | int]]:
    """Return the sources: kind, and file or seed."""
    found: list[tuple[str, Path | int]] = []
    for part in ("train", "map_train", "val"):
        for each in sorted({path.parent for path in (folder / "audio" / part).rglob("*.flac")}):
            files = some(sorted(each.glob("*.flac")), PER_FOLDER)
            found += [("recordings", path) for path in files]
    found += [("synthetic machines", SEED + i) for i in range(MACHINES)]
    return some(found, limit)


def signal(source: Path | int) -> Signal:
    """Return the first channel of a recording, or a synthetic machine."""
    if isinstance(source, int):
        return synthesise(random_machine(source)).signal
    samples, rate = read_first(source)
    return Signal(samples[None, : int(max(SECONDS) * rate)], rate)


def verdicts(whole: Signal, turn: int) -> Iterator[tuple[str, int, float, str]]:
    """Yield window, scale, duration and verdict of the maps of a recording.

    Lengths of window and overlaps take turns over the recordings, so that all meet.
    """
    for i, window in enumerate(WINDOWS):
        for j, seconds in enumerate(SECONDS):
            n_fft = (768, 2304, 4608)[(turn + i + j) % 3]  # multiples of 2, 3 and 4
            overlap = OVERLAPS[(turn // 3 + i + 2 * j) % len(OVERLAPS)]
            hop = round(n_fft * (1 - overlap))
            part = whole.cut(0, min(whole.length, round(seconds * whole.rate)))
            if part.length < 4 * n_fft or not part.samples.any():
                continue
            power = SpectrogramTransform(n_fft, hop, window)(part).power[:, :-1]
            for scale in SCALES:
                held = pool_power(power, scale, scale) if scale > 1 else power
                found = noise_statistics(held, n_fft // scale, hop * scale)
                yield window, scale, seconds, found.kind


def rows(counts: dict[tuple[str, int], Counter[str]], label: str) -> list[dict[str, object]]:
    """Return the rows of a table."""
    made = []
    for name in dict.fromkeys(name for name, _ in counts):
        full = counts[name, 1]
        means = [counts[name, scale] for scale in SCALES[1:]]
        made.append(
            {
                label: name,
                "full maps": full.total(),
                "refused, %": percent(full, "full"),
                "warned, %": percent(full, "unclear"),
                "missed, %": percent(full, "means"),
                "means": sum(each.total() for each in means),
                **{
                    f"x{scale} refused, %": percent(each, "full")
                    for scale, each in zip(SCALES[1:], means)
                },
                "means warned, %": percent(sum(means, Counter()), "unclear"),
            }
        )
    return made


def percent(found: Counter[str], kind: str) -> float:
    """Return the share of a verdict."""
    return 100 * found[kind] / max(1, found.total())


def main() -> None:
    arguments = parser(__doc__.splitlines()[0], ("noise",), "full_maps")
    args = arguments.parse_args()
    data_folder(args.data, "audio")
    sources = recordings(args.data, args.limit)
    tables: dict[str, dict[tuple[str, int], Counter[str]]] = {
        name: defaultdict(Counter) for name in ("window", "source", "duration")
    }
    for turn, (kind, source) in enumerate(progress(sources, len(sources), "sources")):
        for window, scale, seconds, verdict in verdicts(signal(source), turn):
            for name, key in (
                ("window", window), ("source", kind), ("duration", f"up to {seconds:g} s")
            ):  # fmt: skip
                tables[name][key, scale][verdict] += 1
    publish(
        args, "Full STFT maps recognised", __doc__,
        {f"By {name}": rows(counts, name) for name, counts in tables.items()},
        facts={"recordings and machines": len(sources)}, digits=2,
    )  # fmt: skip


if __name__ == "__main__":
    run(main)
