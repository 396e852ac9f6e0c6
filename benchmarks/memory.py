"""Memory and time of the commands on long recordings, each in a process of its own.

python benchmarks/memory.py                     one hour through each (the models take hours)
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
COMMANDS = {
    "spectrogram": (["--n-fft", "2048", "--hop-length", "512"], "map.h5"),
    "denoise": ([], "out.w64"),
    "upscale": (["--scale", "2"], "out.w64"),
}

PROTOCOL = """
A recording of {rate} Hz with {channels} channels (float WAV: three orders of a slow run-up over
noise, in Pa) goes through each command in a process of its own with one thread. The peak is the
largest resident memory of that process as the operating system counts it (`wait4`), the Python
interpreter, PyTorch and the model included; the bound is {bound:.0f} MB. The seconds are those of
the whole process, start and writing included, on a machine that did other work besides; real time
is the length of the recording over the processor's seconds. The minutes column says how much was
run: a peak that stays between two lengths stays for an hour too, since nothing but the files grows
with the length.
"""


def generate(path: Path, minutes: float, channels: int) -> None:
    """Write the recording block by block, with a sidecar that gives its unit."""
    rng = np.random.default_rng(7)
    total, block = round(minutes * 60 * RATE), 10 * RATE
    with soundfile.SoundFile(str(path), "w", RATE, channels, "FLOAT") as file:
        for first in range(0, total, block):
            t = np.arange(first, min(total, first + block)) / RATE
            turns = 15 * t + 25 * t**2 / (120 * minutes)  # 15 to 40 turns a second
            tones = sum(np.sin(2 * np.pi * order * turns) / order for order in (2, 4, 6))
            noise = rng.standard_normal((t.size, channels), dtype=np.float32)
            file.write((0.2 * tones[:, None] + 0.05 * noise).astype(np.float32))
    path.with_name(path.name + ".json").write_text(
        '{"format": "specsr-signal", "unit": "Pa", "full_scale": 1.0}\n'
    )


def measure(command: str, source: Path, folder: Path) -> dict[str, float]:
    """Return what a command took: memory, time of the clock and of the processor, output."""
    options, name = COMMANDS[command]
    out = folder / name
    words = [
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
    process = subprocess.Popen(words, env=environment, cwd=ROOT)
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
    made.add_argument("--folder", type=Path, help="for the recordings; a temporary one if none")
    for command in COMMANDS:
        made.add_argument(
            f"--{command}", type=float, nargs="+", default=[60.0], metavar="MINUTES",
            help=f"lengths that go through {command}",
        )  # fmt: skip
    args = made.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(dir=args.folder) as name, suppress(KeyboardInterrupt):
        source = Path(name) / "recording.wav"  # what was measured before an interrupt is kept
        for command in args.only:
            for minutes in getattr(args, command):
                generate(source, minutes, args.channels)
                row = measure(command, source, Path(name))
                rows.append({
                    "command": command, "minutes": f"{minutes:g}",
                    "input MB": source.stat().st_size / 1e6, **row,
                    "within the bound": "yes" if row["peak MB"] < BOUND else "NO",
                    "x real time": 60 * minutes / row["processor s"],
                })  # fmt: skip
                print(rows[-1], file=sys.stderr, flush=True)
    if not rows:
        raise SpecsrError("interrupted before the first command was done")
    protocol = PROTOCOL.format(rate=RATE, channels=args.channels, bound=BOUND)
    facts = {"channels": args.channels, "processors": os.cpu_count()}
    publish(
        args,
        "Long recordings: memory and time",
        protocol,
        {"One process a row": rows},
        facts=facts,
        digits=1,
    )


if __name__ == "__main__":
    run(main)
