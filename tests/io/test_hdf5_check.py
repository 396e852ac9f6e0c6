"""HDF5 files at which the library hangs or takes too much memory: refused in one line."""

from __future__ import annotations

import os
import resource
import struct
from pathlib import Path

import h5py
import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.io import hdf5_check, read
from specsr.signal import Signal

HEAP = b"GCOL\x01\0\0\0"
"""Start of the heap that holds texts; 16 bytes, then objects: number, size, content."""


def stored(path: Path, number: int, field: str, value: int) -> Path:
    """Store a recording, then change the size of an object in its heap, or a text's length."""
    with h5py.File(path, "w") as file:
        file["mic"] = np.arange(100.0)
        file.attrs["fs"] = 1000.0
        file.attrs["unit"] = "Pa"
    data = bytearray(path.read_bytes())
    heap = data.index(HEAP)
    if field == "text":  # its length, its heap, its number there
        [at] = [i for i in range(heap) if data[i : i + 12] == struct.pack("<LQ", 2, heap)]
        struct.pack_into("<L", data, at, value)
    else:
        at = heap + 16
        while data[at : at + 2] != struct.pack("<H", number):
            at += 16 + (struct.unpack_from("<Q", data, at + 8)[0] + 7) // 8 * 8
        struct.pack_into("<Q", data, at + 8, value)
    path.write_bytes(data)
    return path


def test_a_file_at_which_hdf5_hangs_is_refused_and_the_next_one_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5_check, "CPU_SECONDS", 0.0)
    path = stored(tmp_path / "a.h5", 0, "size", 0)
    with pytest.raises(SpecsrError, match=r"a\.h5: is damaged: HDF5 hangs or crashes at it"):
        read(path)
    good = stored(tmp_path / "b.h5", 1, "size", 2)
    assert read(good).unit == "Pa" and read(good).rate == 1000


def test_a_text_longer_than_its_file_takes_no_memory(tmp_path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SpecsrError, match=r"a\.h5: is damaged"):
        read(stored(tmp_path / "a.h5", 0, "text", 0xF0000000))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def test_a_changed_file_is_checked_again_and_a_fork_has_a_process_of_its_own(tmp_path):
    path = stored(tmp_path / "a.h5", 1, "size", 2)
    assert read(path).unit == "Pa"
    child = os.fork()
    if not child:
        try:
            made = read(stored(tmp_path / "b.h5", 1, "size", 2))
            os._exit(0 if isinstance(made, Signal) else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    stored(path, 0, "text", 0xF0000000)
    with pytest.raises(SpecsrError, match="is damaged"):
        read(path)
