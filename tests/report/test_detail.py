"""Maps of a report: every cell is in the page, cropped first; and the report on paper."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib.figure import SubFigure
from report.test_report import Page, _array, _arrays, figures

from specsr.errors import SpecsrError
from specsr.maps.pooling import pool
from specsr.maps.shaft_speed import ShaftSpeed
from specsr.maps.transform import spectrogram
from specsr.report import detail
from specsr.report.content import mean_spectra
from specsr.report.page import Drawing, ReportOptions
from specsr.report.page import Page as Parts
from specsr.report.printed import HEIGHT, MARGIN, render_pdf
from specsr.report.report import make_page, make_report
from specsr.signal import Signal

pytest.importorskip("bokeh")
RATE = 8000.0


def recording(channels: int = 1, seconds: float = 1.0) -> Signal:
    """Two tones three rows of a window of 4096 samples apart, in noise."""
    time = np.arange(round(RATE * seconds)) / RATE
    tones = sum(np.sin(2 * np.pi * k * RATE / 4096 * time) for k in (600, 603))
    noise = np.random.default_rng(0).standard_normal((channels, time.size))
    names = tuple(f"mic {i}" for i in range(channels))
    return Signal(tones + 1e-3 * noise, RATE, "Pa", names, rpm=900 + 0 * time)


def stored(text: str, dtype: str = "uint16") -> list[np.ndarray]:
    """Return the maps in a page, the largest first."""
    found = [_array(e) for o in figures(Page(text)) if o["name"] == "ColumnDataSource"
             for e in _arrays(o) if e["dtype"] == dtype]  # fmt: skip
    return sorted(found, key=lambda image: -image.size)


def test_lines_that_a_coarse_row_would_join_are_apart_in_the_page() -> None:
    fine = spectrogram(recording(), n_fft=4096, hop_length=512)
    text = make_report(fine, options=ReportOptions(audio_seconds=0))
    [full, small] = [each for each in stored(text) if each.shape[0] > 100]
    assert full.shape == fine.magnitude.shape[1:] and small.shape[0] <= detail.DRAWN[0]
    base = 5 * np.ceil(fine.db.max() / 5) - 250
    assert np.abs(full / detail.STEPS + base - fine.db[0]).max() <= 0.5 / detail.STEPS + 1e-4
    column = full[:, full.shape[1] // 2].astype(int)
    assert min(column[600], column[603]) - column[[601, 602]].max() > 3 * detail.STEPS
    joined = small[:, small.shape[1] // 2].astype(int)  # the block of both is one line
    assert np.argmax(joined) in (600 // 4, 603 // 4)


def test_a_part_is_cropped_before_anything_is_shrunk() -> None:
    fine = spectrogram(recording(), n_fft=4096, hop_length=128)
    options = ReportOptions(audio_seconds=0, max_freq=1200.0, span=(0.4, 0.6))
    [full, *_] = stored(make_report(fine, options=options))
    step = RATE / 4096
    assert full.shape[0] == np.ceil(1200 / step + 0.5)  # up to the row that 1200 Hz falls into
    columns = 0.2 * RATE / 128
    assert columns <= full.shape[1] <= columns + 2
    with pytest.raises(SpecsrError, match="is from 2 to 3 s: expected times from 0 to 1"):
        make_report(fine, options=ReportOptions(span=(2.0, 3.0)))


def test_equal_maps_have_no_difference_and_a_page_has_a_most_of_cells(monkeypatch) -> None:
    monkeypatch.setattr(detail, "MOST_CELLS", 40_000)
    fine = spectrogram(recording(), n_fft=4096, hop_length=128).replace(phase=None)
    text = make_report(fine, fine, fine, options=ReportOptions(audio_seconds=0))
    assert all(not each.any() for each in stored(text, "int16"))
    rows, columns = fine.magnitude.shape[1:]
    size = -(-rows * columns // 40_000)
    assert stored(text)[0].shape == (rows, -(-columns // size))


def test_a_difference_zoomed_out_is_its_mean() -> None:
    values = np.tile(np.array([[-100], [300]], np.int16), (600, 8))
    spec = spectrogram(recording(), n_fft=2398, hop_length=1142)
    assert spec.magnitude.shape[1:] == (1200, 9)
    found = detail.cells(np.column_stack([values, values[:, :1]]), spec, (slice(None),) * 2, "mean")
    assert np.unique(found.drawn.data["image"][0]).tolist() == [100]
    assert found.full.data["image"][0].shape == (1200, 9)


def test_panels_name_the_channel_and_draw_all_shafts() -> None:
    two = recording(2)
    fine = spectrogram(two, n_fft=1024)
    fine = fine.replace(shafts=(ShaftSpeed("fan", 0 * two.rpm + 900.0),))
    page = Page(make_report(fine, options=ReportOptions(channel=1, audio_seconds=0, orders=(2,))))
    objects = figures(page)
    titles = [o["attributes"].get("text") for o in objects if o["name"] == "Title"]
    assert "input, mic 1" in titles and "Speed" in titles
    labels = str([o["attributes"] for o in objects if o["name"] == "LegendItem"])
    assert "fan" in labels and "order 2" in labels
    axes = [o["attributes"].get("axis_label") for o in objects if o["name"] == "LinearAxis"]
    assert "Time (s)" in axes and "Speed (rpm)" not in axes  # cuts of a steady speed


def test_white_noise_has_one_density_at_every_window() -> None:
    noise = Signal(np.random.default_rng(1).standard_normal((1, 80_000)), RATE, "V")
    maps = {f"{n}": spectrogram(noise, n_fft=n) for n in (256, 2048)}
    maps["means"] = pool(maps["2048"].replace(phase=None), 4, 4)
    spectra, label = mean_spectra(maps, 0, None)
    assert label == "dB/Hz re 1 V"
    for _, levels in spectra.values():  # 1 V² over 4000 Hz; the mean of 310 or more cells
        assert np.mean(levels[2:-2]) == pytest.approx(10 * np.log10(1 / 4000), abs=0.2)


@pytest.mark.slow
def test_a_report_on_paper_has_the_same_bytes_again() -> None:
    two = recording(2)
    options = ReportOptions(title="A $^ <title>", orders=(2, 4), command="specsr report a b")
    page = make_page([two, two, two], ["a$b_c", "b", "c"], options=options)
    found = render_pdf(page, options.title)
    assert found.startswith(b"%PDF") and found == render_pdf(page, options.title)
    assert len(re.findall(rb"/Type /Page\b", found)) >= 3


def test_a_long_table_takes_more_pages_and_wide_cells_are_wrapped() -> None:
    page = Parts()
    page.table([["a", "b"], *[["word " * 60, "1.0"]] * 40], "a $^ name")
    page.text("not printed", "screen")
    found = render_pdf(page, "a $^ <title>")
    assert found.startswith(b"%PDF") and len(re.findall(rb"/Type /Page\b", found)) >= 2


def test_a_heading_stands_on_the_page_of_its_figure_which_fills_the_page() -> None:
    places: dict[str, list[float]] = {}

    def drawing(name: str, height: float) -> Drawing:
        def draw(figure: SubFigure) -> None:
            figure.text(0.5, 0.5, name)
            places[name] = [figure.bbox.height / figure.figure.bbox.height * HEIGHT]

        return Drawing(name, lambda: None, draw, height)

    def pages(*heights: float) -> int:
        page = Parts()
        for k, height in enumerate(heights):
            page.heading(f"heading {k}")
            page.text("text of the figure")
            page.text("not printed", "screen")
            page.parts.append(drawing(f"{k}", height))
        return len(re.findall(rb"/Type /Page\b", render_pdf(page, "title")))

    assert pages(270.0) == 1 and 230 < places["0"][0] < HEIGHT - 2 * MARGIN  # reduced to fit
    assert pages(150.0, 95.0) == 1
    assert places["1"][0] < 95.0 and places["0"] == pytest.approx([150.0])
    assert pages(200.0, 95.0) == 2 and places["1"] == pytest.approx([95.0])


def test_a_silent_recording_has_no_spectrum() -> None:
    sound = recording()
    silent = Signal(0 * sound.samples, RATE, sound.unit)
    options = ReportOptions(audio_seconds=0)
    for sources, drawn in (((silent,), False), ((silent, sound), True)):
        parts = make_page(sources, options=options).parts
        assert "Silent, without a spectrum: input." in [getattr(p, "text", "") for p in parts]
        assert ("spectra" in [getattr(p, "name", "") for p in parts]) == drawn
