"""Run the command line in this process, which is faster than a new process."""

from __future__ import annotations

import sys

import pytest

from specsr.cli.app import main


def run(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of ``specsr ARGS``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["specsr", *map(str, args)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err
