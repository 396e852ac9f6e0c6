"""Serial number and checksums of OGG files."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile as sf

from specsr.io import ogg, read, write
from specsr.signal import Signal
from support.io_samples import noise


def pages(content: bytes) -> list[tuple[int, int, bytes]]:
    """Return serial number, stored checksum, and bytes without the checksum of every page."""
    found, at = [], 0
    while at < len(content):
        segments = content[at + 26]
        end = at + 27 + segments + sum(content[at + 27 : at + 27 + segments])
        page = content[at:end]
        serial, check = (int.from_bytes(page[i : i + 4], "little") for i in (14, 22))
        found.append((serial, check, page[:22] + bytes(4) + page[26:]))
        at = end
    return found


def test_the_checksum_is_that_of_libogg_and_the_sound_is_unchanged(tmp_path):
    path = tmp_path / "a.ogg"
    sf.write(path, noise(2, 100_000).T / 8, 48000, format="OGG", subtype="VORBIS")
    before, (decoded, _) = pages(path.read_bytes()), sf.read(path)
    assert len(before) > 3
    assert all(check == ogg.checksum(page) for _, check, page in before)
    ogg.set_serial(path)
    after = pages(path.read_bytes())
    assert {serial for serial, _, _ in after} == {ogg.SERIAL}
    assert all(check == ogg.checksum(page) for _, check, page in after)
    assert [page[18:] for *_, page in after] == [page[18:] for *_, page in before]
    np.testing.assert_array_equal(sf.read(path)[0], decoded)


@pytest.mark.parametrize("suffix", [".ogg", ".oga"])
def test_two_files_of_one_signal_have_the_same_bytes(tmp_path, suffix):
    signal = Signal(noise(2, 100_000) / 8, 48000)
    for name in "ab":
        write(tmp_path / f"{name}{suffix}", signal)
    first, second = ((tmp_path / f"{name}{suffix}").read_bytes() for name in "ab")
    assert first == second and read(tmp_path / f"a{suffix}").length == 100_000


@pytest.mark.parametrize("damage", [b"Og", b"RIFF" + bytes(40)])
def test_other_content_is_an_error(tmp_path, damage):
    (tmp_path / "a.ogg").write_bytes(damage)
    with pytest.raises(ValueError, match="no OGG page at byte 0"):
        ogg.set_serial(tmp_path / "a.ogg")
