"""Expected maps of few columns: from the map alone, and from the recording with denser windows.

`specsr.expected` has the columns of a map; `specsr.expected_spectrogram`, and so `specsr
spectrogram --expected`, computes further ones between them where the windows overlap by 50 % or
less, up to 75 %, and leaves them out of the result.  Machines, truth and scores are those of
`benchmarks/expected.py`, of seeds that nothing was chosen on, under Hann 2048: the machines of the
other generator (*) at 50 % overlap, four run-ups of `specsr.synth` at 50 and 25 %.  Errors are rms
in dB per machine, averaged over the machines of a kind.
"""

from __future__ import annotations

from collections.abc import Callable

import generator
from common import parser, progress, publish, run, some
from expected import RUN_UPS, SEED, Case, other, own, scores
from expected_methods import mean_of_columns, power
from expected_tables import table

from specsr.enhance.expected import expected
from specsr.enhance.expected_recording import expected_spectrogram
from specsr.models.bundled import find_model
from specsr.models.options import InferOptions
from specsr.synth.draws import random_run_up

N_FFT = 2048
HOPS = {"50 %": 1024, "25 %": 1536}
ON_CPU = InferOptions(device="cpu")


def cases(limit: int | None) -> list[tuple[str, Callable[[], Case]]]:
    """Return every machine as its name and a function that makes its `Case`."""
    made: list[tuple[str, Callable[[], Case]]] = []
    for name, hop in HOPS.items():
        for seed in range(SEED, SEED + RUN_UPS // 2):
            made.append(
                (
                    f"run-up, {name}",
                    lambda s=seed, h=hop: own("", random_run_up(s), (N_FFT, h)),
                )
            )
    for kind, seed in generator.machine_set(0):
        made.append(
            (f"{kind} *", lambda k=kind, s=seed: other(k, s, (N_FFT, HOPS["50 %"])))
        )  # fmt: skip
    return some(made, limit)


def main() -> None:
    args = parser(
        __doc__, ["columns", "specsr", "recording"], "expected_overlap"
    ).parse_args()  # fmt: skip
    model = find_model(args.model, "speckle", (1, 1))
    machines = []
    todo = cases(args.limit)
    for kind, make in progress(todo, len(todo), "machine"):
        case = make()
        grid = case.measured.grid
        alone = expected(case.measured, model=model, options=ON_CPU)
        dense = expected_spectrogram(
            case.signal, n_fft=grid.n_fft, hop_length=grid.hop_length, model=model, options=ON_CPU
        )
        found = {"columns": scores(case, mean_of_columns(power(case.measured)), None)}
        for name, clean in (("specsr", alone), ("recording", dense)):
            assert clean.uncertainty_db is not None
            found[name] = scores(case, power(clean), clean.uncertainty_db[0, :-1])
        machines.append((kind, {n: found[n] for n in args.only}))
    names = [f"{c}, dB" for c in ("all", "lines", "single", "close")]
    names += ["place, rows", "found, %", "invented, %", "clicks, dB"]
    names += ["within, all, %", "within, lines, %"]
    kinds = list(dict.fromkeys(kind for kind, _ in machines))
    publish(
        args, "Expected maps of few columns", __doc__.split("\n", 2)[2],
        {
            "All machines": table([("all", found) for _, found in machines], names, "all"),
            "By kind": [row for kind in kinds for row in table(machines, names, kind)],
        },
        facts={"machines": len(machines), "model": model.name}, digits=2,
    )  # fmt: skip


if __name__ == "__main__":
    run(main)
