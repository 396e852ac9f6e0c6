"""Slow steps of `specsr.upscale_map` whose results are kept: between consistency modes, and runs.

The network and the search for the speed do not depend on the later steps.  Their results are kept
by the content of their arguments.  On request they are also kept in a folder, by arguments and by
the source text that they depend on: a run with other constants of the later steps takes seconds.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

import specsr
from specsr.enhance import maps
from specsr.io.atomic import replacing
from specsr.models.model import Model

STEPS = ("network_estimate", "given_speed", "found_speed")
"""Functions as named in `specsr.enhance.maps`."""

SOURCES = ("models", "nvh", "maps", "pairs/order_input.py")
"""Source below ``specsr`` that the results depend on, beside the steps themselves."""


@contextmanager
def kept_steps(folder: Path | None = None) -> Iterator[None]:
    """Keep the results of the slow steps inside the block, and in a folder if one is given."""
    memory: dict[str, Any] = {}
    kept = {name: _kept(name, getattr(maps, name), memory, folder) for name in STEPS}
    with patch.multiple(maps, **kept):  # type: ignore[arg-type]
        yield


def _kept(
    name: str, function: Callable[..., Any], memory: dict[str, Any], folder: Path | None
) -> Callable[..., Any]:
    source = "" if folder is None else inspect.getsource(function) + source_digest()

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        key = hashlib.blake2b(digest_size=20)
        for part in (name, args, sorted(named.items()), source):
            _add(key, part)
        at = key.hexdigest()
        if at not in memory:
            file = None if folder is None else folder / f"{at}.pickle"
            if file is not None and file.is_file():
                memory[at] = pickle.loads(file.read_bytes())  # own files only
            else:
                memory[at] = function(*args, **named)
                if file is not None:
                    with replacing(file, overwrite=True) as (made,):
                        made.write_bytes(pickle.dumps(memory[at]))
        return pickle.loads(pickle.dumps(memory[at]))  # the caller may change its own copy

    return call


def _add(key: Any, part: Any) -> None:
    """Add an argument to a digest: arrays, dataclasses and models by content."""
    if isinstance(part, np.ndarray):
        key.update(f"{part.dtype}{part.shape}".encode())
        key.update(np.ascontiguousarray(part).tobytes())
    elif isinstance(part, Model):
        key.update(_weights(part))
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        for field in dataclasses.fields(part):
            _add(key, (field.name, getattr(part, field.name)))
    elif isinstance(part, (list, tuple)):
        key.update(f"{len(part)}".encode())
        for item in part:
            _add(key, item)
    else:
        key.update(repr(part).encode())


@functools.lru_cache(maxsize=4)
def _weights(model: Model) -> bytes:
    key = hashlib.blake2b(digest_size=20)
    for name, value in model.net.state_dict().items():
        _add(key, (name, value.numpy()))
    return key.digest()


@functools.lru_cache(maxsize=1)
def source_digest() -> str:
    """Digest of the source text that the results depend on."""
    root = Path(specsr.__file__).parent
    key = hashlib.blake2b(digest_size=20)
    for name in SOURCES:
        path = root / name
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            key.update(file.name.encode() + file.read_bytes() if file.is_file() else b"")
    return key.hexdigest()
