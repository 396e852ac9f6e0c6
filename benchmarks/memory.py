"""Memory and time of commands on long recordings, each in a process of its own.

python benchmarks/memory.py                     one hour each (hours of run time)
python benchmarks/memory.py --only denoise --denoise 2 6
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import soundfile
from common import ROOT, parser, publish, run

from specsr.errors import SpecsrError

RATE = 51200
BOUND = 1500.0
CUTS = ["--rpm", "{folder}/rpm.csv", "--cut", "2,4,6"]
COMMANDS: dict[str, tuple[str, list[str], str]] = {
    "spectrogram": ("spectrogram", ["--n-fft", "2048", "--hop-length", "512"], "map.h5"),
    "denoise": ("denoise", [], "out.w64"),
    "upscale": ("upscale", ["--scale", "2"], "out.w64"),
    "speed": ("speed", ["--rpm-range", "600:3600", "--orders", "2,4,6"], "speed.csv"),
    "orders": ("orders", CUTS, "cuts.csv"),
    "vold-kalman": ("orders", [*CUTS, "--method", "vold-kalman"], "cuts.csv"),
}
"""Row -> command, its options, and the name of its output."""

PROTOCOL = """
Each command processes a recording of {rate} Hz with {channels} channels (float WAV in Pa: three
orders of a slow run-up, and noise) in a process of its own with one thread. The peak is the maximum
resident memory of that process (`wait4`), including the Python interpreter, PyTorch and the model;
the bound is {bound:.0f} MB. The seconds are those of the whole process, including start and
writing, on a shared machine; `x real time` is the length of the recording over the processor
time. The minutes column is the length of the recording: a peak that is equal for two lengths also
holds for an hour, since only the files grow with the length.  speed finds the speed without a
tacho; orders cuts three orders by angle, vold-kalman by the joint filter, both at a known speed.
"""


def generate(path: Path, minutes: float, channels: int) -> None:
    """Write the recording block by block, with a sidecar for its unit and a table of its speed."""
    rng = np.random.default_rng(7)
    total, block = round(minutes * 60 * RATE), 10 * RATE
    with soundfile.SoundFile(str(path), "w", RATE, channels, "FLOAT") as file:
        for first in range(0, total, block):
            t = np.arange(first, min(total, first + block)) / RATE
            revolutions = 15 * t + 25 * t**2 / (120 * minutes)  # rotation frequency 15 to 40 Hz
            tones = sum(np.sin(2 * np.pi * order * revolutions) / order for order in (2, 4, 6))
            noise = rng.standard_normal((t.size, channels), dtype=np.float32)
            file.write((0.2 * tones[:, None] + 0.05 * noise).astype(np.float32))
    table = "time_s,rpm\n" + f"0,900\n{60 * minutes:g},2400\n"
    path.with_name("rpm.csv").write_text(table)
    path.with_name(path.name + ".json").write_text(
        '{"format": "specsr-signal", "unit": "Pa", "full_scale": 1.0}\n'
    )


def measure(command: str, options: list[str], source: Path, out: Path) -> dict[str, float]:
    """Return output size, peak memory, wall-clock and processor time of a command."""
    arguments = [
        sys.executable,
        "-m",
        "specsr",
        command,
        str(source),
        "-o",
        str(out),
        "--overwrite",
        *options,
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    start = time.monotonic()
    process = subprocess.Popen(arguments, env=environment, cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SpecsrError(f"specsr {command} failed with exit code {process.returncode}")
    size = out.stat().st_size
    out.unlink()
    return {
        "output MB": size / 1e6, "peak MB": usage.ru_maxrss * 1024 / 1e6, "seconds": seconds,
        "processor s": usage.ru_utime + usage.ru_stime,
    }  # fmt: skip


def main() -> None:
    made = parser(__doc__.split("\n")[0], list(COMMANDS), "memory")
    made.add_argument("--channels", type=int, default=2)
    made.add_argument(
        "--folder", type=Path, help="folder for the recordings (default: a temporary one)"
    )
    for command in COMMANDS:
        made.add_argument(
            f"--{command}", type=float, dest=command, nargs="+", default=[60.0], metavar="MINUTES",
            help=f"lengths of the recordings for {command} (default: 60)",
        )  # fmt: skip
    args = made.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(dir=args.folder) as name, suppress(KeyboardInterrupt):
        # an interrupt keeps the rows measured before it
        source = Path(name) / "recording.wav"
        for command in args.only:
            for minutes in getattr(args, command):
                generate(source, minutes, args.channels)
                own, options, output = COMMANDS[command]
                options = [option.format(folder=name) for option in options]
                row = measure(own, options, source, Path(name) / output)
                rows.append({
                    "command": command, "minutes": f"{minutes:g}",
                    "input MB": source.stat().st_size / 1e6, **row,
                    "within the bound": "yes" if row["peak MB"] < BOUND else "NO",
                    "x real time": 60 * minutes / row["processor s"],
                })  # fmt: skip
                print(rows[-1], file=sys.stderr, flush=True)
    if not rows:
        raise SpecsrError("interrupted before the first command was finished: no rows to write")
    protocol = PROTOCOL.format(rate=RATE, channels=args.channels, bound=BOUND)
    facts = {"channels": args.channels, "processors": os.cpu_count()}
    publish(
        args,
        "Long recordings: memory and time",
        protocol,
        {"One process per row": rows},
        facts=facts,
        digits=1,
    )


if __name__ == "__main__":
    run(main)
