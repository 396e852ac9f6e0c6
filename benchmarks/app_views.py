"""Time of the views of long recordings on the page of ``specsr app``: open, then look at parts.

python benchmarks/app_views.py                  some minutes, 4 GB in the temporary folder
python benchmarks/app_views.py --only 10        10 min alone
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import parser, publish, run
from memory import RATE, generate

from specsr.app.look_figures import SIZE
from specsr.app.opening import screen_map
from specsr.app.screen import Axes, difference

LENGTHS = {"10": 10, "60": 60}
"""Minutes."""
PARTS = (1.0, 0.5, 0.1, 0.02, 0.004)
"""Length of a view as a fraction of the recording."""
REPEATS = 20
PROTOCOL = f"""
A recording of {RATE} Hz, float32 samples, one channel, is opened as the page does it: rows of 10
Hz, overlap 75 %, magnitudes and levels of detail in files. A view is a part of the map at a random
place, over all frequencies, in at most {SIZE[0]} x {SIZE[1]} cells. Milliseconds of one thread of
the processor, median and largest of {REPEATS} places each, after one that is not counted. `max`
draws cells by their highest level, `rms` by their mean power, `difference` is that of two maps. The
page adds the transfer to the browser.
"""


def measured(folder: Path, minutes: int) -> tuple[dict, list[dict]]:
    """Return the facts of opening and a row per length of view."""
    source = folder / f"{minutes}.wav"
    generate(source, minutes, 1)
    start = time.thread_time()
    screen = screen_map(source, folder)
    opened = time.thread_time() - start
    planes = {by: screen.plane(0, Axes(by=by)) for by in ("max", "rms")}
    fact = {
        "minutes": minutes, "rows": screen.grid.rows, "columns": screen.grid.frames,
        "opening, s": opened, "levels of detail, s": time.thread_time() - start - opened,
    }  # fmt: skip
    rng = np.random.default_rng(0)
    seconds, top = 60.0 * minutes, RATE / 2
    rows = []
    for part in PARTS:
        row = {"minutes": minutes, "view, s": part * seconds}
        for name in (*planes, "difference"):
            times = []
            for _ in range(REPEATS + 1):
                first = rng.uniform(0, (1 - part) * seconds)
                x = (first, first + part * seconds)
                start = time.thread_time()
                if name == "difference":
                    difference(planes["rms"], planes["rms"], x, (0, top), SIZE)
                else:
                    planes[name].picture(x, (0, top), SIZE)
                times.append(1000 * (time.thread_time() - start))
            row |= {f"{name}, ms": float(np.median(times[1:])), f"{name}, largest": max(times[1:])}
        rows.append(row)
    return fact, rows


def main() -> None:
    args = parser(__doc__.split("\n")[0], list(LENGTHS), "app_views").parse_args()
    facts, views = [], []
    for name in args.only:
        with tempfile.TemporaryDirectory() as folder:
            fact, rows = measured(Path(folder), LENGTHS[name])
        print(fact, file=sys.stderr, flush=True)
        facts.append(fact)
        views += rows
    publish(args, "Views on the page", PROTOCOL, {"Opening": facts, "Views": views}, digits=1)


if __name__ == "__main__":
    run(main)
