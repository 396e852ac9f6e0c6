"""Walks through the page in chromium: steps, cancel, undo, listening, reading off, saving."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest

import specsr
from support.browser import Walk

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def run(walk: Walk, step: str) -> None:
    walk.page.get_by_label("Step", exact=True).select_option(step)
    walk.page.get_by_role("button", name=step, exact=True).click()


def tab(walk: Walk, name: str) -> None:
    walk.page.get_by_text(name, exact=True).last.click()


def save(walk: Walk, button: str, folder: Path, name: str) -> None:
    walk.page.get_by_label("Folder", exact=True).fill(str(folder))
    walk.page.get_by_label("Folder", exact=True).press("Tab")
    walk.page.get_by_label("Name of the file").fill(name)
    walk.page.get_by_label("Name of the file").press("Tab")
    walk.page.get_by_role("button", name=button, exact=True).click()


def test_a_map_is_upscaled_looked_at_read_off_and_saved(
    walk: Walk, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk.open(inputs / "coarse.npz")
    walk.page.get_by_label("Factor (--scale)").select_option("4")
    walk.page.get_by_text("Lines that do the same").click()
    walk.value("Command line", "^specsr upscale .* --scale 4$")
    run(walk, "Upscale")
    walk.page.get_by_text("2: upscaled x4 of 1").first.wait_for()
    walk.drawn()
    walk.page.get_by_text("Map shown: 1 | 2").wait_for()
    walk.shot("upscaled-1280")
    # a reload would lose the result: the browser asks, until it is saved
    walk.until("typeof window.onbeforeunload == 'function'")

    tab(walk, "Read off")
    walk.page.get_by_role("button", name="Follow the view").wait_for()
    walk.settled()
    walk.page.set_viewport_size({"width": 1920, "height": 1080})
    walk.settled()
    walk.shot("read-off-1920")

    tab(walk, "Save")
    save(walk, "Save result", tmp_path, "fine")
    walk.status().filter(has_text="fine.npz: written").wait_for()
    walk.until("window.onbeforeunload === null")
    # the same by the line that is shown, here with the name of the input
    monkeypatch.chdir(tmp_path)
    by_library = specsr.upscale(specsr.read_map(inputs / "coarse.npz"), 4)
    np.testing.assert_array_equal(specsr.read_map("fine.npz").magnitude, by_library.magnitude)
    walk.page.get_by_role("button", name="Save result", exact=True).click()
    walk.status().filter(has_text="exists already").wait_for()
    save(walk, "Save order cuts (.csv)", tmp_path, "table")
    walk.status().filter(has_text="table-cuts.csv: written").wait_for()
    rows = list(csv.DictReader((tmp_path / "table-cuts.csv").open()))
    levels = [float(r["level_db"] or "nan") for r in rows if r["result"].startswith("2:")]
    cut = specsr.order_cut(by_library, None, 2.0)
    found = np.array(levels[: len(cut.times)])
    np.testing.assert_allclose(found, cut.levels[0], rtol=1e-5, equal_nan=True)
    # the view follows the zoom, and with it what is read off
    walk.page.evaluate(
        "() => Bokeh.documents[0].get_model_by_name('maps').x_range.setv({start: 1, end: 2})"
    )
    tab(walk, "Listen")
    walk.page.get_by_role("button", name="Load 1.00 to 2.00 s").wait_for()
    tab(walk, "Save")
    save(walk, "Save order cuts (.csv)", tmp_path, "zoom")
    walk.status().filter(has_text="zoom-cuts.csv: written").wait_for()
    times = [float(row["time_s"]) for row in csv.DictReader((tmp_path / "zoom-cuts.csv").open())]
    assert min(times) >= 1 and max(times) <= 2 and max(times) - min(times) > 0.9
    save(walk, "Save figure", tmp_path, "figure")
    walk.status().filter(has_text="figure.png: written").wait_for()
    assert (tmp_path / "figure.png").stat().st_size > 10000
    walk.shot("save-1920")

    # undo: the earlier result is chosen, the next step starts from it
    walk.page.get_by_role("radio", name="1: coarse.npz").check()
    walk.page.get_by_text("Map shown: 1:").wait_for()
    walk.page.get_by_role("button", name="Remove from the page").click()
    walk.page.get_by_text("1: coarse.npz").first.wait_for(state="detached")


def test_sounds_play_in_step_and_orders_give_a_table(walk: Walk, inputs: Path) -> None:
    walk.open(inputs / "run.wav")
    run(walk, "Orders")
    walk.status().filter(has_text="in the tables of the steps").wait_for()
    tab(walk, "Read off")
    tab(walk, "Tables of steps")
    walk.page.get_by_text(re.compile(r"order,channel,time_s")).wait_for()
    walk.shot("tables-1280")

    walk.page.get_by_label("Step", exact=True).select_option("Denoise")
    walk.page.get_by_label("Method (--method)").select_option("orders, without a model (--orders)")
    removed = walk.page.get_by_text("Also as a recording: what was removed (--removed)")
    removed.evaluate("label => label.previousElementSibling.click()")  # not its label for a browser
    run(walk, "Denoise")
    walk.page.get_by_text("3: orders of 1").first.wait_for()
    walk.page.get_by_text("2: removed from 1").first.wait_for()
    tab(walk, "Listen")
    walk.page.get_by_role("button", name=re.compile("^Load ")).click()
    walk.page.get_by_role("button", name="3: orders of 1").wait_for()
    walk.page.get_by_role("button", name="Play").click()
    player = walk.page.locator(".sounds")
    player.and_(walk.page.locator("[data-state=playing]")).wait_for()
    walk.page.get_by_role("button", name="1: run.wav", pressed=True).wait_for()
    walk.page.get_by_role("button", name="3: orders of 1", pressed=False).click()
    walk.page.get_by_role("button", name="3: orders of 1", pressed=True).wait_for()
    walk.page.get_by_role("button", name="1: run.wav", pressed=False).wait_for()
    assert player.get_attribute("data-state") == "playing"  # no gap: nothing was started anew
    walk.page.get_by_role("button", name="Match levels").click()
    walk.page.get_by_text(re.compile(r"matched by [+-][\d.]+ dB")).wait_for()
    walk.shot("listen-1280")
    walk.page.get_by_role("button", name="Pause").click()
    player.and_(walk.page.locator("[data-state=stopped]")).wait_for()


def test_a_step_is_cancelled_and_leaves_nothing(walk: Walk, tmp_path: Path) -> None:
    # the step takes many times as long as the click needs
    noise = np.random.default_rng(0).normal(size=600 * 8000).astype(np.float32)
    specsr.write(tmp_path / "run.wav", specsr.Signal(noise, 8000, "Pa"))
    walk.open(tmp_path / "run.wav")
    walk.page.get_by_label("Step", exact=True).select_option("Map")
    run(walk, "Map")
    walk.page.get_by_role("button", name="Cancel", exact=True).click()
    walk.status().filter(has_text="cancelled, nothing is left of it").wait_for()
    assert walk.page.get_by_text("2: expected of 1").count() == 0
    assert walk.page.get_by_role("button", name="Map", exact=True).is_enabled()


def test_a_step_that_fails_shows_the_line_of_the_command(walk: Walk, inputs: Path) -> None:
    walk.open(inputs / "run.wav")
    walk.page.get_by_label("Step", exact=True).select_option("Denoise")
    walk.page.get_by_label("Method (--method)").select_option("noise alone in a file (--noise)")
    walk.page.get_by_label("Noise alone (--noise)").fill(str(inputs / "missing.wav"))
    walk.page.get_by_label("Noise alone (--noise)").press("Tab")
    run(walk, "Denoise")
    walk.status().filter(has_text="missing.wav: no such file").wait_for()
    assert walk.page.get_by_text("2: denoised").count() == 0
