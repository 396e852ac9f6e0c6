"""Training runs in processes of their own that kill themselves by SIGKILL at a chosen line."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import torch

import specsr
from specsr.train.config import Config
from specsr.train.train import train

ROOT = Path(specsr.__file__).parent
WATCHED = (
    *(str(ROOT / "train" / name) for name in ("train.py", "learner.py", "checkpoint.py", "log.py")),
    str(ROOT / "io" / "atomic.py"),
    str(ROOT / "models" / "model.py"),
    str(torch.serialization.__file__),
)
"""Files whose lines a run may be killed at: the loop, and everything that writes."""


class Killer:
    """Trace function that counts the lines run in the watched files.

    With ``at``, (file, count), it kills the process at the line of that file with that count.
    """

    def __init__(self, at: tuple[str, int] | None) -> None:
        self.at = at
        self.counts = dict.fromkeys(WATCHED, 0)

    def __call__(self, frame: FrameType, event: str, arg: Any) -> Any:
        return self.line if frame.f_code.co_filename in WATCHED else None

    def line(self, frame: FrameType, event: str, arg: Any) -> Any:
        name = frame.f_code.co_filename
        if event == "line":
            self.counts[name] += 1
            if (name, self.counts[name]) == self.at:
                os.kill(os.getpid(), signal.SIGKILL)
        return self.line


def run(
    tree: dict, folder: str, resume: bool, at: tuple[str, int] | None = None, counts: str = ""
) -> None:
    """Train, killed ``at`` a line of a watched file; or write their numbers of lines to a file."""
    torch.set_num_threads(1)
    killer = Killer(at)
    sys.settrace(killer)
    train(Config.model_validate(tree), folder, resume=resume)
    sys.settrace(None)
    if counts:
        Path(counts).write_text(json.dumps(killer.counts))


def torn(tree: dict, folder: str) -> None:
    """Train, killed inside torch.save when half of the third checkpoint's bytes are written."""
    torch.set_num_threads(1)
    whole, calls = torch.save, []

    def half(state: Any, path: Any) -> None:
        calls.append(path)
        whole(state, path)
        if len(calls) == 3:
            content = Path(path).read_bytes()
            Path(path).write_bytes(content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)

    torch.save = half
    train(Config.model_validate(tree), folder)


def in_process(function: Any, *args: Any) -> int:
    """Call a function of this module in a process of its own and return its exit code."""
    context = multiprocessing.get_context("forkserver")
    # imported once, and forked from there for each run; torch imports the second one, which takes
    # seconds, for its first optimiser
    context.set_forkserver_preload(["specsr.train.train", "torch._dynamo"])
    process = context.Process(target=function, args=args)
    process.start()
    process.join(300)
    assert process.exitcode is not None
    return process.exitcode
