"""The page of a report in a browser without a network."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import specsr
from specsr.maps.transform import spectrogram
from specsr.report.detail import STEPS
from specsr.report.page import ReportOptions
from specsr.report.report import make_report
from support.browser import WAIT
from support.report_page import upscaled


@pytest.fixture(scope="module")
def signals() -> dict[str, specsr.Signal]:
    return upscaled()


@pytest.mark.slow
def test_the_page_draws_in_a_browser_without_network(signals, tmp_path) -> None:
    """Needs playwright and a Chromium on the path."""
    api = pytest.importorskip("playwright.sync_api")
    browser_path = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if browser_path is None:
        pytest.skip("no Chromium on the path")
    path = tmp_path / "report.html"
    options = ReportOptions(orders=(2,))
    path.write_text(make_report(*signals.values(), options=options), encoding="utf-8")
    with api.sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox"], timeout=WAIT
        )
        tab = browser.new_context(offline=True).new_page()
        tab.set_default_timeout(WAIT)
        problems, requests = [], []
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        tab.on("request", lambda r: requests.append(r.url) if r.url.startswith("http") else None)
        tab.goto(path.as_uri())
        tab.wait_for_function(
            "window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].is_idle"
        )
        seconds = tab.evaluate(
            "Promise.all([...document.querySelectorAll('audio')].map(a => a.duration ||"
            " new Promise(done => a.onloadedmetadata = () => done(a.duration))))"
        )
        # the slider fades to the second map
        models = "[...Bokeh.documents[0]._all_models.values()]"
        tab.evaluate(f"() => {{{models}.find(m => m.type == 'Slider').value = 60}}")
        tab.wait_for_function(
            f"{models}.some(m => m.type == 'Image' && m.global_alpha.value == 0.6)"
        )
        # zoomed in, single cells of the reference are drawn: 1025 rows of 25 Hz, 512 samples
        zoom = (
            "() => {const f = %s.find(m => m.type == 'Figure' && m.title.text == 'reference');"
            "f.x_range.setv({start: 0.5, end: 1}); f.y_range.setv({start: 1000, end: 2000})}"
        )
        tab.evaluate(zoom % models)
        image = f"{models}.filter(m => m.type == 'ColumnDataSource' && m.data.image)"
        tab.wait_for_function(f"{image}.some(s => s.data.dh[0] < 1100)")
        seen = tab.evaluate(
            f"{image}.filter(s => s.data.dh[0] < 1100).map(s => ({{x: s.data.x[0], y: s.data.y[0],"
            "shape: s.data.image[0].shape, dh: s.data.dh[0], top: Math.max(...s.data.image[0])}))"
        )
        browser.close()
    spec = spectrogram(signals["reference"], n_fft=2048)
    df, dt = spec.grid.df, spec.grid.dt
    found = next(s for s in seen if abs(s["dh"] / s["shape"][0] - df) < 1e-9 and s["top"] > 1000)
    first = round((found["y"] + df / 2) / df), round((found["x"] + dt / 2) / dt)
    part = spec.db[0, first[0] :, first[1] :][: found["shape"][0], : found["shape"][1]]
    assert first[0] <= 1000 / df and first[0] + found["shape"][0] >= 2000 / df
    base = 5 * np.ceil(max(spectrogram(s).db.max() for s in signals.values()) / 5) - 250.0
    assert part.max() == pytest.approx(found["top"] / STEPS + base, abs=0.5 / STEPS + 1e-4)
    assert problems == [] and requests == []
    assert seconds == pytest.approx([2.0, 2.0, 2.0], abs=0.01)
