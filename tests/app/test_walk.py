"""Walks through the page in chromium: open, look, read off, refusals, two pages, hostile names."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import specsr
from specsr.app.opening import screen_map
from support.browser import HOSTILE, MAPS, Walk

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ALPHAS = f"{MAPS}.map(r => r.glyph.global_alpha.value)"
"""How far each map of the slider is seen, 0 to 1."""


def test_a_recording_is_read_as_the_library_has_it_and_shown_on_all_axes(
    walk: Walk, inputs: Path, tmp_path: Path
) -> None:
    walk.open(inputs / "run.wav")
    walk.shot("recording-1280")
    screen = screen_map(inputs / "run.wav", tmp_path)
    text, before = walk.page.get_by_role("note"), "nothing"
    for x, y in ((0.3, 0.2), (0.7, 0.05)):
        walk.click(x, y)
        text.filter(has_text=re.compile(r"\d+ rpm"), has_not_text=before).wait_for()
        found = re.search(r"([\d.]+) s, (\d+) rpm, ([\d.]+) Hz, order ([\d.]+) \| 1: ([-\d.]+) dB",
                          text.inner_text())  # fmt: skip
        assert found is not None, text.inner_text()
        before = found[0]
        time, rpm, freq, order, level = map(float, found.groups())
        # the text has three and one decimals: one of the cells that these may mean
        plane = screen.plane(0)
        near = {
            round(plane.value(time + a, freq + b), 1)
            for a in (-5e-4, 0, 5e-4)
            for b in (-0.05, 0, 0.05)
        }
        assert level in near
        assert rpm == pytest.approx(screen.rpm_at(time), abs=1)
        assert order == pytest.approx(60 * freq / rpm, rel=2e-3)
    walk.page.set_viewport_size({"width": 1920, "height": 1080})
    walk.drawn()
    walk.shot("recording-1920")

    walk.page.get_by_role("button", name="Harmonics").click()
    walk.click(0.5, 0.02)
    lines = (
        "Bokeh.documents[0].get_model_by_name('maps').renderers"
        ".find(r => r.glyph.type == 'MultiLine').data_source.data.ys"
    )
    walk.until(f"{lines}.length == 8")
    first, second = walk.page.evaluate(f"() => {lines}.slice(0, 2).map(y => Array.from(y))")
    assert second == pytest.approx([2 * y for y in first])
    assert first[-1] > 1.5 * first[0]  # they rise with the speed
    walk.shot("harmonics-1920")
    walk.page.set_viewport_size({"width": 1280, "height": 800})
    walk.page.get_by_label("Across").select_option("rpm")
    walk.page.get_by_label("Up", exact=True).select_option("order")
    walk.until(f"{lines}[0][0] == {lines}[0].at(-1)")
    walk.drawn()
    walk.shot("orders-1280")


def test_the_slider_fades_between_maps_and_the_difference_is_beside(
    walk: Walk, inputs: Path
) -> None:
    """One map is opened by its path, the other one is dropped on the page."""
    walk.open(inputs / "coarse.npz")
    walk.unfold()
    walk.page.locator("input[type=file]").set_input_files([inputs / "true.npz"])
    walk.status().filter(has_text="true.npz: check how it is read").wait_for()
    walk.page.get_by_role("button", name="Open", exact=True).last.click()
    walk.page.get_by_role("checkbox", name="2: true.npz").wait_for()
    walk.page.get_by_role("checkbox", name="1: coarse.npz").check()
    walk.page.get_by_text("Map shown: 1 | 2").wait_for()
    walk.until(f"{ALPHAS}[0] == 1 && {ALPHAS}[1] == 1")
    handle = walk.page.get_by_role("slider").first
    handle.focus()
    for _ in range(25):
        handle.press("ArrowLeft")
    walk.until(f"Math.abs({ALPHAS}[1] - 0.5) < 0.3")
    walk.page.get_by_label("Beside").select_option("difference")
    walk.page.get_by_text("minus 1: coarse.npz").wait_for()
    walk.shot("difference-1280")


def test_damaged_incomplete_and_hostile_files(walk: Walk, inputs: Path) -> None:
    field = walk.page.get_by_label("Path of a file or folder")
    for name in ("damaged.wav", "nothing.wav"):
        field.fill(str(inputs / name))
        field.press("Enter")
        with pytest.raises(specsr.SpecsrError) as error:
            specsr.read(inputs / name)
        walk.status().filter(has_text=str(error.value)).wait_for()
    walk.shot("damaged-1280")
    shutil.copyfile(inputs / "run.wav", inputs / "nothing.wav")
    field.press("Enter")  # the path is still there, and so is the file now
    walk.status().filter(has_text="nothing.wav: check how it is read").wait_for()
    # a rate is missing: it is asked for
    field.fill(str(inputs / "bare.npy"))
    field.press("Enter")
    walk.status().filter(has_text="--file-rate").wait_for()
    rate = walk.page.get_by_label("Rate, Hz (--file-rate)")
    rate.fill("8000")
    rate.press("Tab")
    walk.page.get_by_role("button", name="Open", exact=True).last.click()
    walk.page.get_by_text("1: bare.npy").first.wait_for()
    walk.drawn()
    # names that are markup run nothing
    walk.open(inputs / HOSTILE, title="<img src=x onerror=")
    walk.click(0.5, 0.5)
    walk.page.get_by_role("note").wait_for()
    walk.page.mouse.move(700, 400)
    walk.page.wait_for_timeout(500)
    walk.shot("hostile-1280")
    assert walk.page.evaluate("() => typeof window.hit") == "undefined"
    assert walk.page.locator("img[src=x]").count() == 0
    assert "\u202e" not in walk.page.inner_text("body")


def test_two_pages_are_apart(walk: Walk, chromium, served: str, inputs: Path) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    other = Walk(context.new_page(), served)
    walk.open(inputs / "true.npz")
    other.open(inputs / "run.wav")
    assert walk.page.get_by_text("run.wav", exact=False).filter(has_text=": run").count() == 0
    assert other.page.get_by_text("1: run.wav").count()
    context.close()
    assert other.problems == []


def test_a_recording_is_dropped_with_its_sidecar(walk: Walk, inputs: Path) -> None:
    files = [inputs / "run.wav.json", inputs / "run.wav"]
    walk.page.locator("input[type=file]").set_input_files(files)
    walk.page.get_by_text("from the sidecar run.wav.json").first.wait_for()


def test_a_wrong_token_is_refused(chromium, served: str) -> None:
    page = chromium.new_page()
    for address in (served[:-2], served.rsplit("/", 2)[0] + "/"):
        response = page.goto(address)
        assert response is not None and response.status == 403
    page.close()
