"""Expected maps by overlap: from the map alone, from the recording, and by an ensemble.

*map*: `specsr.expected`, which has the columns of a map.  *recording*:
`specsr.expected_spectrogram`, and so `specsr spectrogram --expected`, which computes further ones
between them where the windows overlap by 50 % or less, up to 75 %, and leaves them out of the
result.  *ensemble*: both with `--ensemble`, for twice the time: from 87.5 % overlap on the second
pass is over every second column, else it is backwards in time.

Machines, truth and scores are those of `benchmarks/expected.py`, of seeds that nothing was chosen
on, under Hann 2048: the machines of the other generator (*) at 50 and 87.5 % overlap, four run-ups
of `specsr.synth` at 25 to 87.5 %.  Errors are rms in dB per machine, averaged over the machines of
a kind.  Without further columns the recording gives what the map does.
"""

from __future__ import annotations

import argparse
from functools import partial

import generator
from common import in_processes, jobs_option, parser, publish, run, some
from expected import RUN_UPS, SEED, Case, other, own, scores
from expected_methods import mean_of_columns, power
from expected_tables import table

from specsr.enhance.expected import expected
from specsr.enhance.expected_recording import expected_spectrogram, further
from specsr.models.bundled import find_model
from specsr.models.options import InferOptions
from specsr.synth.draws import random_run_up

N_FFT = 2048
HOPS = {"25 %": 1536, "50 %": 1024, "75 %": 512, "87.5 %": 256}
OTHER = ("50 %", "87.5 %")
METHODS = ("columns", "map", "recording", "map, ensemble", "recording, ensemble")

Machine = tuple[str, str, int]
"""Kind, overlap, seed; the kind of a run-up of `specsr.synth` is ``run-up``."""


def machines() -> list[Machine]:
    """Return every machine at every overlap."""
    made = [("run-up", at, s) for at in HOPS for s in range(SEED, SEED + RUN_UPS // 2)]
    return made + [(kind, at, seed) for at in OTHER for kind, seed in generator.machine_set(0)]


def case(machine: Machine) -> Case:
    """Return one machine with its truth."""
    kind, overlap, seed = machine
    grid = N_FFT, HOPS[overlap]
    return own("", random_run_up(seed), grid) if kind == "run-up" else other(kind, seed, grid)


def judge(machine: Machine, args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Return the scores of every method on one machine."""
    one = case(machine)
    grid = one.measured.grid
    model = find_model(args.model, "speckle", (1, 1))

    found = {}
    for method in args.only:
        if method == "columns":
            found[method] = scores(one, mean_of_columns(power(one.measured)), None)
            continue
        options = InferOptions(device="cpu", ensemble="ensemble" in method)
        as_map = method.replace("recording", "map")
        if as_map in found and further(grid) == 1:
            found[method] = found[as_map]
            continue
        if as_map == method:
            clean = expected(one.measured, model=model, options=options)
        else:
            clean = expected_spectrogram(
                one.signal, n_fft=N_FFT, hop_length=grid.hop_length, model=model, options=options
            )
        assert clean.uncertainty_db is not None
        found[method] = scores(one, power(clean), clean.uncertainty_db[0, :-1])
    return found


def main() -> None:
    arguments = parser(__doc__, METHODS, "expected_overlap")
    jobs_option(arguments)
    args = arguments.parse_args()
    todo = some(machines(), args.limit)
    found = list(in_processes(partial(judge, args=args), todo, args.jobs, "machine"))
    names = [f"{c}, dB" for c in ("all", "lines", "single", "close")]
    names += ["place, rows", "found, %", "invented, %", "clicks, dB"]
    names += ["within, all, %", "within, lines, %"]
    tables = {}
    for overlap in dict.fromkeys(at for _, at, _ in todo):
        at = [i for i, machine in enumerate(todo) if machine[1] == overlap]
        kinds = [todo[i][0] + (" *" if todo[i][0] != "run-up" else "") for i in at]
        every = [(f"all ({len(at)})", found[i]) for i in at]
        rows = table(every, names, every[0][0])
        by_kind = [(kind, found[i]) for kind, i in zip(kinds, at, strict=True)]
        if len(set(kinds)) > 1:
            rows += [r for kind in dict.fromkeys(kinds) for r in table(by_kind, names, kind)]
        tables[f"{overlap} overlap"] = rows
    publish(
        args, "Expected maps by overlap", __doc__.split("\n", 2)[2], tables,
        facts={"machines": len(todo), "model": args.model or "expected"}, digits=2,
    )  # fmt: skip


if __name__ == "__main__":
    run(main)
