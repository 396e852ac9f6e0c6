"""Checkpoints: the state of a run on disk, from which it is resumed bit for bit."""

from __future__ import annotations

import os
import random
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from specsr.errors import SpecsrError
from specsr.io.atomic import replacing


def random_states() -> dict[str, Any]:
    """Return the states of all global random generators (PyTorch, NumPy, Python).

    The batches are drawn by generators of their own, seeded for each step.
    """
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 (the global generator)
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest],
        "python": random.getstate(),
    }


def restore_random_states(states: dict[str, Any]) -> None:
    """Restore the states that `random_states` returned."""
    torch.set_rng_state(states["torch"].cpu())
    if states["cuda"] and torch.cuda.device_count() == len(states["cuda"]):
        torch.cuda.set_rng_state_all([state.cpu() for state in states["cuda"]])
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), *rest))  # noqa: NPY002
    random.setstate(states["python"])


def previous(path: Path) -> Path:
    """Return the path of the checkpoint before the last one."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint atomically, flushed to the disk; the last one is kept as `previous`.

    Raises:
        SpecsrError: it cannot be written; the last checkpoint is unchanged.
    """
    with replacing(path, overwrite=True) as [partial]:
        torch.save(state, partial)
        if path.exists():
            _keep(path)


def _keep(path: Path) -> None:
    """Hard-link the last checkpoint to its backup name, so that one valid file always exists."""
    spare = path.with_name(f".specsr-{path.stem}.old")
    spare.unlink(missing_ok=True)
    try:
        os.link(path, spare)
    except OSError:  # a file system without links
        shutil.copy2(path, spare)
    os.replace(spare, previous(path))


def load(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a checkpoint; code in it is never run, and all checksums are verified.

    Raises:
        SpecsrError: it is damaged or not a checkpoint of a run; the message names the checkpoint to
            continue from.
    """
    with refusing(path):
        with zipfile.ZipFile(path) as archive:
            if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
                raise zipfile.BadZipFile("compressed parts, which PyTorch never writes")
            if damaged := archive.testzip():  # torch does not verify the checksums
                raise zipfile.BadZipFile(f"{damaged} is damaged")
        state = torch.load(path, map_location=device, weights_only=True)
        if not {"net", "average", "optimiser", "step", "model"} <= set(state):
            raise KeyError("parts of a run are missing")
    return state


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turn errors of a checkpoint's content into a `SpecsrError` that names the one to use."""
    try:
        yield
    except SpecsrError as error:
        if str(path) in str(error):
            raise
        raise _refused(path, error) from None
    # the content decides where it fails: in zipfile, pickle, torch, numpy or pydantic
    except Exception as error:
        raise _refused(path, error) from None


def _refused(path: Path, error: Exception) -> SpecsrError:
    fix = "choose another --out"
    if previous(path).exists():
        fix = f"rename {previous(path).name} beside it to {path.name} and resume from there"
    reason = " ".join((str(error) or type(error).__name__).split())[:200]
    return SpecsrError(f"{path}: damaged, or not a checkpoint of a run: {fix} ({reason})")


def changes(before: dict[str, Any], now: dict[str, Any], at: str = "") -> list[str]:
    """Return the differences of two configs, as ``section.key: before -> now``."""
    found = []
    for key in {**before, **now}:
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict) and old and new:
            found += changes(old, new, f"{at}{key}.")
        elif old != new and key in before:  # options of later versions had their default
            found.append(f"{at}{key}: {old} -> {new}")
    return found
