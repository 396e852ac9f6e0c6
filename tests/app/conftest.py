"""A running page in chromium, for the walks through it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr.maps.pooling import pool
from support.browser import HOSTILE, WAIT, Walk, app


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run-up, its coarse and its true map, a damaged file, and hostile names."""
    folder = tmp_path_factory.mktemp("inputs")
    rate = 8000
    machine = specsr.RunUp(rate=rate, duration=4.0, rpm=(900.0, 2400.0))
    signal = specsr.synthesise(machine).signal
    specsr.write(folder / "run.wav", signal)
    fine = specsr.spectrogram(signal, n_fft=512, hop_length=128)
    specsr.write_map(folder / "true.npz", fine)
    specsr.write_map(folder / "coarse.npz", pool(fine, 4, 4))
    (folder / "damaged.wav").write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt ")
    np.save(folder / "bare.npy", signal.samples[0])
    hostile = specsr.Signal(
        signal.samples[:, :rate], rate, "Pa", ("<img src=x onerror='hit=1'>\u202e\"'`${hit=1}",)
    )
    specsr.write(folder / "hostile.npz", hostile)
    (folder / "hostile.npz").rename(folder / HOSTILE)
    return folder


@pytest.fixture(scope="module")
def chromium():
    """The system's chromium; the test is skipped without it.

    Closed after each module: as long as it runs, no other loop of asyncio can.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        # chromium needs no sandbox of its own in a container, where it often cannot make one
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"], timeout=WAIT)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running ``specsr app``, which leaves nothing behind."""
    temporary = tmp_path_factory.mktemp("temporary")
    with app(inputs, temporary) as server:
        yield server.address
    errors = "".join(server.errors)
    assert server.process.returncode == 0 and "Traceback" not in errors, errors
    assert list(temporary.glob("specsr-app-*")) == []


@pytest.fixture
def walk(chromium, served: str) -> Iterator[Walk]:
    """A page at 1280 x 800; nothing may have gone wrong in it at the end."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    found = Walk(context.new_page(), served)
    yield found
    context.close()
    assert found.problems == []
