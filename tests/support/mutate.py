"""Mutation test of the core: small faults put into a copy of the code, one at a time.

    python tests/support/mutate.py [MODULE ...] [--each N] [--seed N] [--limit S] [--out FILE]

For each mutant the tests of its module (`TESTS`) run until the first failure.  A mutant that no
test notices survives: it is printed as a diff.  Endless loops end by time-out and count as killed.
The choice of mutants depends on the seed and the code alone.  ``--out`` keeps the results, one JSON
object per line; mutants that are recorded there as killed do not run again.

A process of its own is forked for each mutant after the libraries are imported, so most take a few
seconds.  The checkout itself is never changed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.mutants import choose, mutants  # noqa: E402 (a script has no package)

LEVELS = "nvh/test_levels.py nvh/test_third_octaves.py"
GRID = "maps/test_grid.py maps/test_spec_map.py"
PHASE = "maps/test_phase.py maps/test_griffin_lim.py maps/test_pghi.py"
FIT = "nvh/test_order_model.py nvh/test_order_fit.py nvh/test_order_evidence.py"
SPEED = "nvh/test_speed_search.py nvh/test_speed_curve.py"
WRITE = (
    "io/test_atomic.py io/test_commit.py io/test_races.py io/test_outputs.py io/test_temporaries.py"
)
TRACK = "nvh/test_speed_extension.py " + " ".join(  # the fast ones of a slow file
    f"nvh/test_speed_track.py::test_{name}"
    for name in (
        "an_inaccurate_speed_is_refined",
        "noise_supports_no_speed",
        "few_lines_support_no_speed",
        "a_speed_is_extended_no_further_than_the_lines",
        "a_measured_speed_with_a_small_error_or_delay_is_corrected",
    )
)
FINITE = "models/test_precision.py::test_an_output_that_is_not_finite_is_refused"
TESTS = {
    "maps/grid": GRID,
    "maps/transform": "maps/test_transform.py maps/test_spec_map.py maps/test_grid.py",
    "maps/pooling": f"maps/test_pooling.py {GRID} pairs/test_consistency.py",
    "maps/levels": "maps/test_levels.py pairs/test_band_input.py",
    "maps/polar": "maps/test_levels.py maps/test_spec_map.py",
    "maps/pghi": PHASE,
    "maps/griffin_lim": PHASE,
    "maps/windows": f"maps/test_windows.py nvh/test_order_cut.py {LEVELS}",
    "pairs/pair": "pairs/test_pair.py",
    "pairs/consistency": "pairs/test_consistency.py",
    "pairs/order_input": "pairs/test_order_input.py",
    "pairs/band_input": "pairs/test_band_input.py",
    "models/tiling": f"models/test_tiling.py models/test_tile_sizes.py {FINITE}",
    "nvh/order_lines": FIT,
    "nvh/order_updates": FIT,
    "nvh/order_model": FIT,
    "nvh/order_evidence": FIT,
    "nvh/order_fit": FIT,
    "nvh/order_stretches": FIT,
    "nvh/speed_use": "nvh/test_speed_use.py",
    "nvh/known_orders": "nvh/test_known_orders.py",
    "nvh/speed_track": TRACK,
    "nvh/speed_search": SPEED,
    "nvh/speed_curve": SPEED,
    "nvh/order_cut": "nvh/test_order_cut.py",
    "nvh/levels": f"{LEVELS} nvh/test_weighting.py",
    "nvh/weighting": f"nvh/test_weighting.py {LEVELS}",
    "scores/metrics": "scores/test_metrics.py",
    "scores/map_errors": "scores/test_map_errors.py",
    "scores/ridges": "scores/test_ridges.py",
    "scores/similarity": "scores/test_map_errors.py images/test_metrics.py",
    "io/atomic": WRITE,
    "io/commit": WRITE,
    "jobs/manifest": "jobs/test_manifest.py jobs/test_resumed.py jobs/test_outputs.py",
    "train/checkpoint": "train/test_checkpoint_files.py",
}
"""Module below ``specsr`` -> test files below ``tests``, fast and close to it."""

LIBRARIES = (
    "numpy", "scipy.signal", "scipy.ndimage", "scipy.sparse", "scipy.optimize", "scipy.interpolate",
    "scipy.linalg", "numba", "torch", "soxr", "soundfile", "h5py", "PIL", "cv2", "pydantic", "yaml",
    "typer", "rich", "hypothesis.extra.numpy", "librosa", "matplotlib.figure",
    "torchmetrics.functional", "pytest",
)  # fmt: skip
"""Imported once, before the forks."""


def run_tests(work: Path, tests: list[str], limit: float) -> tuple[str, float]:
    """Run tests of a copy in a forked process: passed, failed or time-out, and the seconds."""
    start = time.monotonic()
    log = os.open(work / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    child = os.fork()
    if child == 0:
        code = 3
        try:
            os.setsid()
            os.dup2(log, 1)
            os.dup2(log, 2)
            code = _child(work, tests)
        finally:
            os._exit(code)
    os.close(log)
    done, status = 0, 0
    while not done and time.monotonic() - start < limit:
        time.sleep(0.02)
        done, status = os.waitpid(child, os.WNOHANG)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # also what the tests have started
    if not done:
        os.waitpid(child, 0)
        return "time-out", time.monotonic() - start
    passed = os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0
    return "passed" if passed else "failed", time.monotonic() - start


def _child(work: Path, tests: list[str]) -> int:
    import pytest
    from hypothesis import settings

    resource.setrlimit(resource.RLIMIT_DATA, (6 << 30, 6 << 30))  # endless loops that collect
    os.chdir(work)
    sys.path[:0] = [str(work)]
    os.environ["PYTHONPATH"] = str(work)
    settings.register_profile("mutate", max_examples=20, derandomize=True, database=None)
    settings.load_profile("mutate")
    options = "-x -q -o addopts= --import-mode=importlib"
    options += "".join(f" -p no:{name}" for name in ("cacheprovider", "xdist", "cov", "randomly"))
    code = int(
        pytest.main([*options.split(), "-m", "not slow", f"--basetemp={work / 'tmp'}", *tests])
    )
    import specsr

    assert Path(specsr.__file__).is_relative_to(work), specsr.__file__
    return code


def copy(root: Path, work: Path) -> None:
    """Copy what the tests need."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in ("specsr", "tests", "examples", "configs", "pyproject.toml"):
        if (root / name).is_dir():
            shutil.copytree(root / name, work / name, ignore=ignored)
        elif (root / name).exists():
            shutil.copy2(root / name, work / name)


def main(
    arguments: list[str] | None = None, root: Path = ROOT, table: dict[str, str] = TESTS
) -> int:
    """Run the mutation test; return 1 if a mutant survived."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("modules", nargs="*", default=[*table], metavar="MODULE")
    parser.add_argument("--each", type=int, default=12, help="mutants per module; 0 for all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=20, help="time-out, s; tests add theirs")
    parser.add_argument("--out", type=Path, help="file of the results (JSON lines)")
    options = parser.parse_args(arguments)
    earlier: dict[str, str] = {}
    if options.out and options.out.exists():
        records = map(json.loads, options.out.read_text().splitlines())
        earlier = {record["key"]: record["result"] for record in records}
    rows = []
    with tempfile.TemporaryDirectory(prefix="specsr-mutate-") as name:
        work = Path(name)
        copy(root, work)
        for module in options.modules:
            path = work / "specsr" / f"{module}.py"
            source = path.read_bytes()
            tests = [f"tests/{test}" for test in table[module].split()]
            chosen = choose(mutants(module, source), options.each, options.seed)
            todo = [m for m in chosen if earlier.get(m.key) not in ("failed", "time-out")]
            if todo:
                state, seconds = run_tests(work, tests, 600)
                if state != "passed":
                    print((work / "log.txt").read_text(errors="replace")[-3000:])
                    raise SystemExit(f"{module}: its tests fail without a fault ({state})")
            for mutant in todo:
                path.write_bytes(mutant.apply(source))
                result, _ = run_tests(work, tests, options.limit + 5 * seconds)
                path.write_bytes(source)
                earlier[mutant.key] = result
                if result == "passed":
                    print(f"survived ({mutant.kind}):\n{mutant.diff(source)}\n", flush=True)
                if options.out:
                    with open(options.out, "a") as file:
                        record = {"key": mutant.key, "result": result, "diff": mutant.diff(source)}
                        file.write(json.dumps(record) + "\n")
            results = [earlier[m.key] for m in chosen]
            rows.append((module, len(results), results.count("passed"), results.count("time-out")))
            print("{}: {} mutants, {} survived, {} time-outs".format(*rows[-1]), flush=True)
    print_table(rows)
    return int(any(row[2] for row in rows))


def print_table(rows: list[tuple[str, int, int, int]]) -> None:
    """Print mutants, killed and survived per module and in all, as Markdown."""
    total = ("all", *(sum(row[i] for row in rows) for i in (1, 2, 3)))
    print(
        "\n| module | mutants | killed | of these by time-out | survived |\n|---|---|---|---|---|"
    )
    for name, count, survived, timed_out in (*rows, total):
        share = f" ({1 - survived / max(count, 1):.1%})" if name == "all" else ""
        print(f"| {name} | {count} | {count - survived}{share} | {timed_out} | {survived} |")


if __name__ == "__main__":
    # one thread: a fork keeps no others, and figures do not depend on the number of cores
    os.environ.update(OMP_NUM_THREADS="1", NUMBA_NUM_THREADS="1", MPLBACKEND="agg")
    sys.dont_write_bytecode = True  # a fault may keep size and time of its file
    for library in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(library)
    raise SystemExit(main())
