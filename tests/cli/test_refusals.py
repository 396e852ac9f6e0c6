"""Refusals of files and names come before torch is imported, which takes seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

REFUSED = (
    "upscale none.wav -o b.wav", "upscale a.wav -o b.xyz", "upscale a.wav -o old.wav",
    "upscale a.wav -o a.wav", "upscale a.wav -o b.wav --resume", "upscale a.png -o old.png",
    "upscale a.png -o b.wav", "upscale none.png -o b.png",
    "denoise none.wav -o b.wav", "denoise a.wav -o b.xyz", "denoise a.wav -o old.wav",
    "spectrogram none.wav -o b.npz", "spectrogram a.wav -o b.xyz",
    "spectrogram a.wav -o old.npz", "spectrogram none.wav -o b.npz --expected",
    "orders none.wav -o b.csv", "orders a.wav -o b.xyz", "orders a.wav -o old.csv",
    "orders none.wav --method vold-kalman -o b.csv",
    "orders a.wav --method vold-kalman -o b.xyz", "orders a.wav --method vold-kalman -o old.csv",
    "levels none.wav", "levels a.wav -o b.xyz", "levels a.wav -o old.csv",
    "report none.wav -o b.html", "report a.wav -o b.xyz", "report a.wav -o old.html",
    "evaluate none.wav a.wav", "evaluate a.wav none.wav", "synth -o b.xyz", "synth -o old.wav",
    "train none.yaml", "benchmark step none.yaml", "info none.wav",
    "convert none.pt -o b.safetensors", "convert old.wav -o b.xyz",
    "export none.safetensors -o b.onnx", "export map -o b.xyz",
)  # fmt: skip
RUN = """
import contextlib, io, json, sys
from specsr.cli.app import main
found = []
for command in json.loads(sys.argv[1]):
    sys.argv = ["specsr", *command.split()]
    with contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code
    found.append([code, err.getvalue(), "torch" in sys.modules])
print(json.dumps(found))
"""


def test_no_refusal_of_a_file_or_name_imports_torch(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(1000), 8000)
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    for suffix in ("wav", "npz", "csv", "html", "png"):
        (tmp_path / f"old.{suffix}").write_bytes(b"kept")
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(REFUSED)], capture_output=True, text=True,
        cwd=tmp_path, check=True,
    )  # fmt: skip
    for command, (code, err, imported) in zip(REFUSED, json.loads(done.stdout)):
        assert code == 1 and err.startswith("error: ") and err.count("\n") == 1, (command, err)
        assert not imported, command
