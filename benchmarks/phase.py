"""Phase estimation: spectral convergence, run time and NVH levels of every method.

    python benchmarks/phase.py [--data FOLDER] [--out FOLDER] [--threads 2]

Ten seconds of speech and of a run-up at 22.05 kHz, Hann 1024/256, 1024/128 and 4096/1024 (rows of
5.4 Hz, which resolve the lowest third octaves).  Every method gets the true magnitudes only, unless
its name states otherwise.  Prints a Markdown table and writes it and the numbers as ``phase.md``
and ``phase.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

from phase_signals import RATE, SECONDS, nvh_errors, run_up, speech

from specsr.maps.griffin_lim import RHO, admm, griffin_lim
from specsr.scores.markdown import markdown_table

GRIDS = ((1024, 256), (1024, 128), (4096, 1024))
DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
GATES = {"level": 0.1, "third octave": 0.5, "order": 0.2, "loudness": 1.0}
"""Largest accepted errors in dB; of loudness in percent."""


def methods(magnitude, spectrum, grid) -> dict[str, Callable]:
    """Return name -> function that returns samples as an array."""
    import librosa
    import torch

    from specsr.enhance.band_options import ITERATIONS
    from specsr.maps.phase import POLISH, pghi, random_phase, to_signal
    from specsr.maps.polar import angle
    from specsr.maps.spec_map import SpecMap
    from specsr.maps.transform import istft

    def librosa_gl(momentum):
        def run():
            return librosa.griffinlim(
                magnitude.numpy(), n_iter=32, hop_length=grid.hop_length, momentum=momentum,
                pad_mode="constant", length=(grid.fine_frames - 1) * grid.hop_length,
                random_state=0,
            )[: grid.length]  # fmt: skip

        return run

    def ours(step, known=None):
        def run():
            phase = None if known is None else spectrum.angle()
            start = pghi(magnitude, grid, phase, known)
            given = dict(known=known, known_spectrum=None if known is None else spectrum)
            return istft(step(start, given), grid).numpy()

        return run

    def gl(iterations):
        return lambda start, given: griffin_lim(magnitude, grid, start, iterations, **given)

    def with_admm(iterations, rho=RHO):
        return lambda start, given: admm(magnitude, grid, start, iterations, rho, **given)

    def schedule(iterations):
        """The sequence of `specsr.to_signal`."""
        polish = round(iterations * POLISH)
        return lambda start, given: gl(polish)(with_admm(iterations - polish)(start, given), given)

    def from_random(step):
        return lambda: istft(step(random_phase(magnitude), {}), grid).numpy()

    low = torch.arange(grid.rows) < grid.rows // 4
    half = torch.arange(grid.rows) < grid.rows // 2
    spec = SpecMap(
        (magnitude.numpy() * grid.factor()[:, None]).astype("float32")[None], grid,
        phase=angle(spectrum).numpy()[None], known=half.numpy(), channels=("1",),
    )  # fmt: skip
    return {
        "librosa Griffin-Lim 32, momentum 0": librosa_gl(0),
        "librosa Griffin-Lim 32, momentum .99": librosa_gl(0.99),
        "PGHI": ours(lambda start, _: start),
        "fast Griffin-Lim 100": from_random(gl(100)),
        "ADMM 100 (rho .1)": from_random(with_admm(100, 0.1)),
        "PGHI, fast Griffin-Lim 32": ours(gl(32)),
        "PGHI, ADMM 32 (rho .1)": ours(with_admm(32, 0.1)),
        "PGHI, ADMM 24 (falling memory), fast Griffin-Lim 8": ours(schedule(32)),
        "PGHI, ADMM 75, fast Griffin-Lim 25 (default)": ours(schedule(100)),
        "default, true phase below fs/8 known": ours(schedule(100), low),
        f"{ITERATIONS}, true phase below fs/4 known, all rows": ours(schedule(ITERATIONS), half),
        f"{ITERATIONS}, true phase below fs/4 known (upscale x2)": lambda: to_signal(
            spec, iterations=ITERATIONS
        ).samples[0],
    }


def measure(samples, n_fft: int, hop_length: int, repeats: int) -> list[dict]:
    """Run every method on one signal; times are the shortest of interleaved repeats."""
    import numpy as np
    import torch

    from specsr.maps.grid import Grid
    from specsr.maps.transform import stft
    from specsr.scores.metrics import spectral_convergence

    grid = Grid(RATE, n_fft, hop_length, samples.size)
    spectrum = stft(torch.from_numpy(samples.astype(np.float32)), grid)
    magnitude = spectrum.abs()
    runs = methods(magnitude, spectrum, grid)
    next(iter(runs.values()))()
    runs["PGHI"]()  # compiles, excluded from the measured time
    wall = dict.fromkeys(runs, float("inf"))
    busy = dict(wall)
    found = {}
    for _ in range(repeats):
        for name, run in runs.items():
            print(f"Hann {n_fft}/{hop_length}: {name}", file=sys.stderr)
            begin, begin_busy = time.perf_counter(), time.process_time()
            found[name] = run()
            wall[name] = min(wall[name], time.perf_counter() - begin)
            busy[name] = min(busy[name], time.process_time() - begin_busy)
    base = busy["librosa Griffin-Lim 32, momentum 0"]
    return [
        {
            "method": name,
            "grid": f"{n_fft}/{hop_length}",
            "convergence_db": float(
                spectral_convergence(
                    magnitude.numpy(), stft(torch.as_tensor(found[name]), grid).abs().numpy()
                )
            ),
            "real_time_factor": wall[name] / SECONDS,
            "processor_factor": busy[name] / SECONDS,
            "times_librosa_32": busy[name] / base,
            "samples": found[name].astype(np.float64),
        }
        for name in runs
    ]


def table(rows: list[dict], sources: dict[str, str], threads: int) -> str:
    """Return the Markdown page."""
    lines = [
        "# Phase estimation",
        "",
        f"{SECONDS} s at {RATE} Hz, Hann window/hop; speech: {sources['speech']}; "
        f"run-up: {sources['run-up']}. Spectral convergence in dB, lower is better.",
        "",
        f"Time with {threads} thread(s) per second of sound, the slower of the two signals: wall "
        "clock (real-time factor, affected by the load of the machine), processor time, and "
        "processor time relative to librosa's 32 Griffin-Lim iterations in the same run.",
        "",
        "Errors of the run-up in dB: overall level; largest error of the third octaves 25 Hz to "
        "8 kHz (and its centre), and from 100 Hz, where they are wider than a row of n_fft 1024; "
        "largest error of the orders (0.4 orders wide, within 20 dB of the loudest); ISO 532-1 "
        "loudness in percent.",
        "",
    ]
    cells = []
    for row in rows:
        error = row["nvh_errors_db"]
        cells.append({
            "Hann": row["grid"], "method": row["method"],
            "speech": f"{row['speech_db']:.1f}", "run-up": f"{row['run_up_db']:.1f}",
            "wall": f"{row['real_time_factor']:.3f}",
            "processor": f"{row['processor_factor']:.3f}",
            "x librosa": f"{row['times_librosa_32']:.2f}",
            "level": f"{error['level']:.2f}",
            "third octave": f"{error['third octave']:.2f} ({error['worst band, Hz']:.0f} Hz)",
            "from 100 Hz": f"{error['third octave from 100 Hz']:.2f}",
            "order": f"{error['order']:.2f}", "loudness": f"{error['loudness']:.2f}",
            "gates": "pass" if row["pass"] else f"fail: {', '.join(row['failed'])}",
        })  # fmt: skip
    limits = ", ".join(
        f"{name} {limit:g} {'%' if name == 'loudness' else 'dB'}" for name, limit in GATES.items()
    )
    rendered = markdown_table(cells, text=("Hann", "method", "gates"))
    return "\n".join([*lines, rendered, "", f"Gates: {limits}."]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the recordings")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (default: 2)")
    parser.add_argument("--repeats", type=int, default=3, help="repeats of the timing (default: 3)")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import torch

    torch.set_num_threads(arguments.threads)
    voice, source = speech(arguments.data)
    machine, rpm, orders = run_up()
    sources = {"speech": source, "run-up": "800 to 6000 rpm, 18 orders, noise at -15 dB"}

    rows = []
    for grid in GRIDS:
        voices = measure(voice, *grid, arguments.repeats)
        machines = measure(machine, *grid, arguments.repeats)
        for one, two in zip(voices, machines, strict=True):
            errors = nvh_errors(machine, two["samples"], rpm, orders)
            failed = [name for name, limit in GATES.items() if errors[name] > limit]
            times = ("real_time_factor", "processor_factor", "times_librosa_32")
            rows.append(
                {
                    "grid": one["grid"],
                    "method": one["method"],
                    "speech_db": one["convergence_db"],
                    "run_up_db": two["convergence_db"],
                    **{name: max(one[name], two[name]) for name in times},
                    "nvh_errors_db": errors,
                    "pass": not failed,
                    "failed": failed,
                }
            )
    page = table(rows, sources, arguments.threads)
    print(page)
    arguments.out.mkdir(parents=True, exist_ok=True)
    numbers = {
        "threads": arguments.threads,
        "cpu": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "sources": sources,
        "gates_db": GATES,
        "rows": rows,
    }
    for name, text in {"phase.md": page, "phase.json": json.dumps(numbers, indent=1)}.items():
        new = arguments.out / (name + ".new")
        new.write_text(text, encoding="utf-8")
        os.replace(new, arguments.out / name)


if __name__ == "__main__":
    main()
