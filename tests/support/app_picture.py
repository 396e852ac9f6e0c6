"""The picture of docs/app.md: the example as a coarse map, super-resolved, in the page.

python tests/support/app_picture.py docs/app.jpg
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

import specsr
from specsr.maps.pooling import pool
from support.browser import Walk, app

ROOT = Path(__file__).resolve().parents[2]
SIZE = {"width": 1440, "height": 860}


def main(target: Path) -> None:
    """Write the picture as JPEG."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        example = specsr.read(ROOT / "examples" / "runup.flac")
        coarse = pool(specsr.spectrogram(example, n_fft=2048, hop_length=512), 4, 4)
        specsr.write_map(folder / "coarse.npz", coarse)
        specsr.write_map(folder / "fine.npz", specsr.upscale(coarse, scale=4))
        with app(folder, folder) as server:
            shoot(server.address, folder, target)


def shoot(address: str, folder: Path, target: Path) -> None:
    """Open both maps, fade between them, and lay the harmonic cursor over them."""
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        walk = Walk(browser.new_page(viewport=SIZE), address)  # type: ignore[arg-type]
        walk.open(folder / "coarse.npz")
        walk.open(folder / "fine.npz")
        walk.page.get_by_role("checkbox", name="1: coarse.npz").check()
        walk.page.get_by_label("Beside").select_option("uncertainty")
        walk.zoom((0.0, 6.1), (0.0, 2500.0))
        walk.page.get_by_role("button", name="Harmonics").click()
        base = walk.page.get_by_label("Base, order")
        base.fill("2")
        base.press("Tab")
        walk.page.wait_for_timeout(3000)
        image = Image.open(io.BytesIO(walk.page.screenshot())).convert("RGB")
        image.save(target, quality=72, optimize=True)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
