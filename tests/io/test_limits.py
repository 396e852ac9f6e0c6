"""Files of strangers: what exceeds the memory limit is refused before it is read."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zipfile
import zlib

import h5py
import numpy as np
import pytest
from PIL import Image

from specsr.errors import SpecsrError
from specsr.io import MAPS, WRITERS, limits, read, read_map, write, write_map
from specsr.signal import Signal
from support.command import run
from support.hdf5_samples import own_fields, refused
from support.io_samples import make_map, noise

BOUND = 200e6
"""Largest peak memory of a process that refuses a file, bytes."""


def npz_bomb(path):
    """512 MB of zeros in 0.5 MB."""
    np.savez_compressed(path, samples=np.zeros((1, 1 << 26)), rate=np.array(48000.0))


def npz_header_bomb(path):
    """A header of a .npy that expands to 512 MB."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("samples.npy", "w", force_zip64=True) as member,
    ):
        member.write(b"\x93NUMPY\x02\x00" + struct.pack("<I", 1 << 29))
        for _ in range(512):
            member.write(b" " * (1 << 20))


def hdf5_bomb(path):
    """512 MB of zeros, compressed chunk by chunk."""
    with h5py.File(path, "w") as file:
        own_fields(file)
        options = {"chunks": (1, 1 << 20), "compression": "gzip"}
        made = file.create_dataset("samples", (1, 1 << 26), np.float64, **options)
        content = zlib.compress(bytes(8 << 20), 9)
        for first in range(0, 1 << 26, 1 << 20):
            made.id.write_direct_chunk((0, first), content)


def hdf5_chunk_bomb(path):
    """Few values in a chunk of 512 MB."""
    with h5py.File(path, "w") as file:
        own_fields(file)
        made = file.create_dataset(
            "samples", (1, 1000), np.float64, maxshape=(1, None), chunks=(1, 1 << 26),
            compression="gzip",
        )  # fmt: skip
        made.id.write_direct_chunk((0, 0), deflated(1 << 29))


def hdf5_inflating_bomb(path):
    """A chunk that declares 8 kB and inflates to 512 MB."""
    with h5py.File(path, "w") as file:
        own_fields(file)
        options = {"chunks": (1, 1000), "compression": "gzip"}
        made = file.create_dataset("samples", (1, 1000), np.float64, **options)
        made.id.write_direct_chunk((0, 0), deflated(1 << 29))


def hdf5_text_bomb(path):
    """Many names that are all the same text of 1 MB: 512 MB when read."""
    with h5py.File(path, "w", libver="latest") as file:
        own_fields(file)
        file["samples"] = noise()
        file["channels"] = np.array(["x" * (1 << 20)] + ["y"] * 511, dtype=object)
    data = path.read_bytes()
    with h5py.File(path) as file:
        at = file["channels"].id.get_offset()
    path.write_bytes(data[:at] + data[at : at + 16] * 512 + data[at + 512 * 16 :])


def mat_bomb(path):
    """A compressed variable of 512 MB."""
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    parts = struct.pack("<IIII", 6, 8, 6, 0) + struct.pack("<IIii", 5, 8, 1, 1 << 26)
    parts += struct.pack("<II", 0x10001, ord("x")) + struct.pack("<II", 9, 1 << 29)
    squeezed = deflated(1 << 29, struct.pack("<II", 14, len(parts) + (1 << 29)) + parts)
    path.write_bytes(head + struct.pack("<II", 15, len(squeezed)) + squeezed)


def flac_bomb(path):
    """512 MB of silence."""
    import soundfile

    with soundfile.SoundFile(path, "w", 48000, 8, "PCM_16") as file:
        for _ in range(16):
            file.write(np.zeros((1 << 20, 8), np.int16))


def png_bomb(path):
    """A gray image of 13000 x 13000 pixels in 0.2 MB."""

    def chunk(name, content):
        check = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)

    size = 13000
    head = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
        + chunk(b"IDAT", deflated(size * (size + 1))) + chunk(b"IEND", b"")
    )  # fmt: skip


def deep_tiff_bomb(path):
    """A header of 16-bit colours of 13000 x 13000 pixels, which only OpenCV decodes."""
    made = io.BytesIO()
    Image.new("L", (8, 8)).save(made, "TIFF")
    tags = {256: (4, 13000), 257: (4, 13000), 258: (3, 16), 259: (3, 1), 262: (3, 2),
            273: (4, 8), 277: (3, 3), 278: (4, 13000), 279: (4, 0)}  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, *kind[:1], 1, kind[1])
                       for tag, kind in tags.items())  # fmt: skip
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4))


def csv_bomb(path):
    """A table of one line without an end, 200 MB that take no room on the disk."""
    path.write_bytes(b"a,b\n1,2\n")
    os.truncate(path, 200_000_000)


def uff_bomb(path):
    """A header that declares 2e8 points."""
    write(path, Signal(noise(1), 48000.0))
    data = path.read_bytes()
    assert data.count(b"      1001") == 1
    path.write_bytes(data.replace(b"      1001", b" 200000000"))


def mdf_bomb(path):
    """A group that declares 1e8 cycles."""
    write(path, Signal(noise(1), 48000.0))
    data = bytearray(path.read_bytes())
    at = data.index(b"##CG")
    links = struct.unpack_from("<Q", data, at + 16)[0]
    assert struct.unpack_from("<Q", data, at + 32 + 8 * links)[0] == 1001
    struct.pack_into("<Q", data, at + 32 + 8 * links, 10**8)
    path.write_bytes(data)


def deflated(size, first=b""):
    """Return zeros, compressed, without holding them."""
    made = zlib.compressobj(9)
    parts = [made.compress(first)]
    parts += [made.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join(parts) + made.compress(bytes(size % (1 << 20))) + made.flush()


BOMBS = {
    "a.npz": npz_bomb, "head.npz": npz_header_bomb, "a.h5": hdf5_bomb, "chunk.h5": hdf5_chunk_bomb,
    "inflating.h5": hdf5_inflating_bomb, "text.h5": hdf5_text_bomb, "seven.mat": hdf5_bomb,
    "a.mat": mat_bomb, "a.flac": flac_bomb, "a.png": png_bomb, "a.tif": deep_tiff_bomb,
    "a.csv": csv_bomb, "a.uff": uff_bomb, "a.mf4": mdf_bomb,
}  # fmt: skip

READ = """
import re, sys
from pathlib import Path
from specsr.errors import SpecsrError
from specsr.io import limits, read
from specsr.io.image import is_image, read_image
import cv2, h5py, soundfile
try:
    with limits.max_memory("150M"):
        (read_image if is_image(sys.argv[1]) else read)(sys.argv[1])
except SpecsrError as error:
    print(error)
status = Path("/proc/self/status").read_text()
print(1024 * int(re.search(r"VmHWM:\\s*(\\d+)", status)[1]))
"""


@pytest.mark.parametrize("name", BOMBS)
def test_a_file_that_exceeds_the_limit_is_refused_before_it_is_read(tmp_path, name):
    path = tmp_path / name
    BOMBS[name](path)
    done = subprocess.run(
        [sys.executable, "-c", READ, path], capture_output=True, text=True, check=True, timeout=600
    )
    *message, peak = done.stdout.splitlines()
    assert len(message) == 1 and str(path) in message[0], (message, done.stderr)
    assert "of memory, the limit is" in message[0] or "declare" in message[0]
    assert int(peak) < BOUND


@pytest.mark.parametrize("suffix", sorted(set(WRITERS) | {".hdf"}))
def test_the_limit_holds_for_every_format(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    made = path if suffix in WRITERS else path.with_suffix(".h5")
    write(made, Signal(noise(2, 200_000), 48000.0))
    made.replace(path)
    with limits.max_memory("1M"):
        refused(path, "of memory, the limit is 1.05 MB")
    assert read(path).length == 200_000


@pytest.mark.parametrize("suffix", sorted(MAPS))
def test_the_limit_holds_for_maps(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    if suffix in (".npy", ".hdf"):
        pytest.skip("not written")
    spec = make_map(20_000, channels=1)
    write_map(path, spec)
    with limits.max_memory("200K"):
        refused(path, "of memory, the limit is 0.205 MB", read_map)
    assert read_map(path).magnitude.shape == spec.magnitude.shape


def test_the_limit_of_the_command_line_and_of_the_environment(tmp_path, capsys, monkeypatch):
    path = tmp_path / "a.npz"
    write(path, Signal(noise(1, 100_000), 48000.0))
    assert run(capsys, "info", path)[0] == 0
    code, _, error = run(capsys, "--max-memory", "1M", "info", path)
    assert code == 1 and "needs 1.3 MB of memory, the limit is 1.05 MB" in error
    assert "--max-memory" in error and len(error.splitlines()) == 1
    monkeypatch.setenv(limits.MAX_MEMORY_VARIABLE, "1M")
    refused(path, "the limit is 1.05 MB")
    assert run(capsys, "--max-memory", "2M", "info", path)[0] == 0
    code, _, error = run(capsys, "--max-memory", "much", "info", path)
    assert code == 1 and "memory limit is 'much': expected a size" in error


def test_sizes_and_the_default_limit():
    sizes = {"8G": 8 << 30, "512M": 512 << 20, "1.5 GiB": 3 << 29, "100": 100, 7: 7}
    assert {text: limits.parse_size(text) for text in sizes} == sizes
    for text in ("", "-1G", "0", "8X"):
        with pytest.raises(SpecsrError, match="expected a size"):
            limits.parse_size(text)
    default = limits.memory_limit()
    assert 1 << 20 < default < 1 << 50
    with limits.max_memory("8M"):
        assert limits.memory_limit() == 8 << 20
    assert limits.memory_limit() == default


def test_limits_of_control_groups_count(tmp_path):
    for folder, most, used, cached in (("", "max", 0, 0), ("job", "1000", 700, 300),
                                       ("job/step", "900", 650, 100)):  # fmt: skip
        group = tmp_path / folder
        group.mkdir(exist_ok=True)
        (group / "memory.max").write_text(f"{most}\n")
        (group / "memory.current").write_text(f"{used}\n")
        (group / "memory.stat").write_text(f"anon 5\ninactive_file {cached}\n")
    own = tmp_path / "cgroup"
    own.write_text("0::/job/step\n")
    assert limits.free_of_groups(tmp_path, str(own)) == 900 - 650 + 100
    own.write_text("0::/job\n")
    assert limits.free_of_groups(tmp_path, str(own)) == 1000 - 700 + 300
