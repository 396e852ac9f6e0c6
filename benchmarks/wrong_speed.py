"""Effect of a wrong speed on a super-resolved map.

Run-ups of the map benchmark (x4, consistency measured) with the true speed, the speed changed by a
factor, delayed, and not given: errors in dB against the exact expected power, over all cells and on
lines; with the speed used as given, and with the speed corrected or estimated by the map
(`specsr.nvh.speed_track`).
"""

from __future__ import annotations

import numpy as np
from common import parser, progress, publish, run
from map import FRESH, Case, case, rms

from specsr.enhance.maps import upscale_map
from specsr.maps import levels
from specsr.maps.spec_map import SpecMap
from specsr.nvh.speed_options import SpeedOptions
from specsr.synth.draws import random_run_up

SCALE = 4
CHANGES: dict[str, tuple[float, float] | None] = {
    "not given": None, "true": (0.0, 0.0), "0.1 % too high": (0.1, 0.0),
    "0.3 % too high": (0.3, 0.0), "0.5 % too high": (0.5, 0.0), "1 % too high": (1.0, 0.0),
    "20 ms late": (0.0, 0.02), "50 ms late": (0.0, 0.05),
}  # fmt: skip
"""Name -> change in percent and delay in s; None for no speed."""


def changed(low: SpecMap, change: tuple[float, float] | None) -> SpecMap:
    """Return the map with its speed changed and delayed, or without one."""
    if change is None or low.rpm is None:
        return low.replace(rpm=None)
    at = np.arange(low.rpm.size)
    late = np.interp(at - change[1] * low.grid.rate, at, low.rpm)
    return low.replace(rpm=(1 + change[0] / 100) * late)


def errors(
    one: Case, change: tuple[float, float] | None, model: str | None, search: bool
) -> np.ndarray:
    """Errors of one run-up in dB, [F, T]."""
    high = upscale_map(changed(one.low, change), SCALE, model=model, speed=SpeedOptions(search))
    return levels.to_db(np.square(high.image()[0], dtype=np.float64)) - one.truth


def main() -> None:
    args = parser(__doc__.splitlines()[0], tuple(CHANGES), "wrong_speed").parse_args()
    cases = [case(random_run_up(FRESH + i), SCALE) for i in range(args.limit or 8)]
    tables = {}
    for search, how in ((False, "used as given"), (True, "corrected or estimated")):
        rows = []
        for name in progress(args.only, len(args.only), how):
            found = [errors(one, CHANGES[name], args.model, search) for one in cases]

            def over(mask: str, found: list[np.ndarray] = found) -> float:
                return rms(np.concatenate([e[getattr(x, mask)] for e, x in zip(found, cases)]))

            rows.append({
                "speed": name, "all, RMSE dB": rms(np.concatenate([e.ravel() for e in found])),
                "lines, RMSE dB": over("lines"), "single lines, RMSE dB": over("single"),
                "close lines, RMSE dB": over("close"),
            })  # fmt: skip
        tables[f"x{SCALE}, {len(cases)} run-ups, speed {how}"] = rows
    publish(args, "A wrong speed", __doc__, tables, digits=2)


if __name__ == "__main__":
    run(main)
