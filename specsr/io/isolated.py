"""Reading in a process of its own, for libraries that can crash or hang on damaged files.

The process runs `specsr.io.isolated_script`, which runs one of the scripts beside it
(`specsr.io.mdf_process` and its like) with a limit of memory and of time.  A crash of the library
is an error message here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io.limits import MAX_MEMORY_VARIABLE, memory_limit

TIME_LIMIT, BYTES_PER_SECOND = 60, 2e6
"""Time limit of reading: `TIME_LIMIT` s plus the size of the file over `BYTES_PER_SECOND`."""


def read_isolated(path: Path, script: str, form: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the facts and the arrays of a file that a script reads in a process of its own.

    Args:
        path: the file.
        script: name of the script beside this file, such as ``"mdf_process.py"``; it holds a
            function ``read(path)``, which returns arrays by name and among them ``facts``, a text
            of JSON.
        form: name of the format, for messages.

    Raises:
        SpecsrError: the process crashed, failed, or exceeded the limit of time or memory.
    """
    seconds = TIME_LIMIT + path.stat().st_size / BYTES_PER_SECOND
    limit = memory_limit()
    with tempfile.TemporaryDirectory(prefix="specsr-read-") as folder:
        out = Path(folder, "channels.npz")
        # Passed as text: run by its name it would put this folder first on the import path.
        runner = Path(__file__).with_name("isolated_script.py").read_text(encoding="utf-8")
        # what the library holds, the channels and their file are held at a time, so a limit of the
        # process is a bound for blocks whose sizes are wrong
        command = [
            sys.executable, "-c", runner, str(Path(__file__).with_name(script)),
            str(path.resolve()), str(out), str(limit),
        ]  # fmt: skip
        # files that the library unpacks go with the folder
        environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), folder)
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, timeout=seconds, cwd=folder, env=environment,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise SpecsrError(f"is damaged: it could not be read within {seconds:.0f} s") from None
        if done.returncode or not out.is_file():
            raise _failed(done, form, limit)
        with np.load(out, allow_pickle=False) as file:
            arrays = dict(file)
    return json.loads(str(arrays.pop("facts"))), arrays


def _failed(done: subprocess.CompletedProcess[bytes], form: str, limit: int) -> SpecsrError:
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    why = lines[-1][:300] if done.returncode > 0 and lines else "its reader crashed"
    if done.returncode == 3:
        return SpecsrError(
            f"cannot be read here: the library for files of {form} does not load ({why}); convert "
            "the file with the program that wrote it, or read it on another system"
        )
    if why.startswith(("MemoryError", "_ArrayMemoryError")):
        return SpecsrError(
            f"needs more memory as {form} than the limit of {limit / 1e9:.3g} GB: the file is "
            f"damaged, or raise the limit (specsr --max-memory SIZE, or {MAX_MEMORY_VARIABLE})"
        )
    return SpecsrError(
        f"cannot be read as {form} ({why}): the file is damaged or cut off; copy it again"
    )
