"""Bandwidth extension: recordings at 24, 16 and 8 kHz upscaled to 48 kHz, scored by LSD.

The estimated band of every method starts at the same row: at `KNOWN_PART` of the band of the
low-resolution recording, the start of the roll-off of its resampler.

Other programs are scored on the same recordings with the same formula: `band_peers.py` has the
steps for each.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import numpy as np
from band_cases import (
    MACHINES,
    RATE,
    Case,
    is_read_speech,
    kind_of,
    mean_spectrum,
    recordings,
    score,
)
from band_joints import joint_table, joints, level_table, octave_errors
from band_methods import Specsr, griffin, noise, oracle, oracle_noise, sbr, soxr
from band_peers import PUBLISHED, peer_options, peers_of, with_band, write_inputs
from common import mean_error, parser, progress, publish, run

from specsr.choices import NOISE_FILL
from specsr.models.bundled import bundled_for, find_model

PROTOCOL = """
Recordings: all of audio/val except speech_16k with at least 1.2 s, first channel, resampled to
48 kHz (soxr VHQ, float64) if they have another rate and cut to a multiple of the scale. Low
resolution: resampled to 48 kHz / scale by soxr VHQ. LSD: Hann 2048/512 of the waveform at 48 kHz,
log10 of power clamped to 1e-8, rms over rows, mean over frames (`specsr.scores.metrics.lsd`).
LSD-LF below half the low rate, LSD-HF above. Mean over the recordings. All training and averaging
uses audio/train only.

Methods: *soxr*: resampled, nothing added. *sbr*: spectral band replication, the top of the known
band copied upward with its phase, levels along the tilt of the known band. *noise*: noise with the
mean spectrum of the training recordings, level continued from the cut in every frame.
*griffin-lim*: the same levels without noise, phase by fast Griffin-Lim with the known band
reinserted. *specsr*: `specsr.upscale_band`, which takes `band-speech` for what sounds like speech
and `band` for all else; *bundled*: each bundled model for all; *noise-fill*: its method without a
network; *top given*: with `top` = half the rate of the recording's file, so that it is known which
recordings are empty above 22.05 kHz. The last column is the run time over the length of the
recordings in this run, on one core that other work may share: compare its rows with each other.
Methods of specsr that come to the same thing for a recording run once.

Bounds take their levels (mean dB) from the true map and, but for the noise, their phase from fast
Griffin-Lim, so the error that remains is that of unknown fluctuations. *oracle*: levels over 9 rows
x 5 frames. *oracle, third octaves*: over third octaves x 5 frames; a wall within a third octave,
as of a codec, is not in them. *oracle, steady*: over third octaves and the whole recording: the
right spectrum, which does not follow the recording. *oracle, noise*: noise with the levels of
third octaves.

Levels: error of the mean level of each third octave above the cut (up to 20 kHz), default model.
*half-width*: 68 % of the errors of all recordings lie within it; *covered*: share of a kind's
errors within the half-width of the other kinds, over all kinds.

Joints: the model `band` in segments of 1 s with joints 10 ms wide, the first eight recordings of
4 s and more. Level of the estimated band in the 10 ms of a joint over that in the 50 ms on either
side, mean over joints; the same at the same places of the whole; and both above 20 kHz, where a
step would be heard as a click.
"""


Scores = dict[tuple[int, str], list[dict[str, float]]]
"""(scale, method) -> scores of every recording."""


def table(found: Scores, keep: list[bool]) -> list[dict]:
    """Return one row per scale and method: mean over the recordings marked by ``keep``."""
    rows = []
    for (scale, method), scores in found.items():
        kept = [s for s, used in zip(scores, keep, strict=True) if used]
        means = {key: mean_error(s[key] for s in kept)[0] for key in kept[0]}
        rows.append({"from": f"{RATE / scale / 1000:g} kHz", "method": method} | means)
    return rows


METHODS = ("soxr", "sbr", "noise", "griffin-lim", "oracle", "specsr", "bundled", "noise-fill")


def main() -> None:
    options = parser(__doc__.splitlines()[0], METHODS, "band")
    options.add_argument("--scales", nargs="+", type=int, default=[2, 3, 6], metavar="S",
                         help="ratios of 48 kHz to the low rate (default: 2 3 6)")  # fmt: skip
    options.add_argument("--phase", nargs="+", default=["auto"], metavar="PHASE",
                         help="phases of specsr: auto, pghi, admm, gl (default: auto)")  # fmt: skip
    options.add_argument("--iterations", type=int, default=32, metavar="N",
                         help="iterations of the griffin-lim method (%(default)s)")  # fmt: skip
    peer_options(options)
    args = options.parse_args()
    if args.peer_input:
        write_inputs(recordings(args.data, args.limit), args.scales, args.peer_input)
        return
    methods: dict[str, Callable[[Case], np.ndarray]] = {
        "soxr": soxr,
        "sbr": sbr,
        "noise": noise,
        "griffin-lim": functools.partial(griffin, iterations=args.iterations),
        "oracle": functools.partial(oracle, iterations=args.iterations, over="cells"),
        "oracle, third octaves": functools.partial(
            oracle, iterations=args.iterations, over="third octaves"
        ),
        "oracle, steady": functools.partial(oracle, iterations=args.iterations, over="steady"),
        "oracle, noise": oracle_noise,
    }
    names = [name for name in methods if name.split(",")[0] in args.only]
    chosen = [args.model] if args.model else bundled_for("band", (1, 1))
    models = [find_model(name, "band", (1, 1)) for name in chosen]
    made: dict[str, Specsr] = {}
    for phase in args.phase if "specsr" in args.only else ():
        name = ("specsr" if not args.model else f"specsr, {models[0].name}") + (
            "" if phase == "auto" else f" ({phase})"
        )
        made[name] = Specsr(models[0] if args.model else None, phase)
        made[f"{name}, top given"] = Specsr(made[name].model, phase, True)
    for model in models if "bundled" in args.only and not args.model else ():
        made[f"specsr, {model.name}"] = Specsr(model)
    if "noise-fill" in args.only:
        made[f"specsr, {NOISE_FILL}"] = Specsr(NOISE_FILL)
        made[f"specsr, {NOISE_FILL}, top given"] = Specsr(NOISE_FILL, top_given=True)
    methods |= made
    names += made
    for name, method in peers_of(args).items():
        methods |= {name: method, f"{name}, band put back": with_band(method)}
        names += [name, f"{name}, band put back"]

    mean_db = mean_spectrum(args.data)
    all_recordings = recordings(args.data, args.limit)
    found: Scores = {(scale, name): [] for scale in args.scales for name in names}
    seconds = dict.fromkeys(found, 0.0)
    errors: dict[str, list[tuple[float, float]]] = {}
    jobs = [(scale, recording) for scale in args.scales for recording in all_recordings]
    default = "specsr" if not args.model else f"specsr, {models[0].name}"
    joint = []
    for scale, recording in progress(jobs, len(jobs), "band:"):
        case = Case(recording, scale, mean_db)
        kind = kind_of(recording.name)
        results: dict[object, tuple[np.ndarray, dict[str, float], float]] = {}
        for name in names:
            method = methods[name]
            key = method.same(case) if isinstance(method, Specsr) else name
            if key not in results:
                started = time.perf_counter()
                samples = method(case)
                used = time.perf_counter() - started
                results[key] = samples, score(case, samples), used
            samples, scores, used = results[key]
            seconds[scale, name] += used
            found[scale, name].append(scores)
            if name == default:
                errors.setdefault(kind, []).extend(octave_errors(case, samples))
        if default in names and recording.samples.size > 4 * RATE and len(joint) < 8:
            joint.append((scale, *joints(case, models[0])))

    full = [r.native == RATE for r in all_recordings]
    low = [not native for native in full]
    length = sum(r.samples.size for r in all_recordings) / RATE
    facts = {
        "recordings": len(full),
        "of these from files at 44.1 kHz (content up to 22.05 kHz)": sum(low),
        "total length, s": length,
    }
    kinds = [kind_of(recording.name) for recording in all_recordings]
    read = [is_read_speech(recording.name) for recording in all_recordings]
    sets = {
        "All": [True] * len(full), "Files at 48 kHz": full, "Files at 44.1 kHz": low,
        "Machines and vehicles": [kind in MACHINES for kind in kinds],
        "Read speech (VCTK)": read,
        "Voices of games": [k == "speech_fullband" and not r for k, r in zip(kinds, read)],
        "Instruments": [kind == "instrument" for kind in kinds],
        "Surroundings": [kind in ("ambient", "background") for kind in kinds],
    }  # fmt: skip
    tables = {
        f"{title} ({sum(keep)})": table(found, keep) for title, keep in sets.items() if any(keep)
    }
    for row, time_used in zip(next(iter(tables.values())), seconds.values(), strict=True):
        read = args.peer_output and row["method"].startswith(args.peer_output.name)
        row["run time / length"] = None if read else time_used / length
    tables |= {"Published for VCTK": PUBLISHED}
    if errors:
        tables["Levels of the estimated band"] = level_table(errors)
    if joint:
        tables["Joints of segments"] = joint_table(joint)
    publish(args, "Bandwidth extension to 48 kHz", PROTOCOL, tables, facts=facts)


if __name__ == "__main__":
    run(main)
