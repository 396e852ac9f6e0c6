"""Reports: one self-contained file with its text, tables, figures and audio."""

from __future__ import annotations

import base64
import gzip
import io
import json
import sys

import numpy as np
import pytest

import specsr
from specsr.errors import SpecsrError
from specsr.maps.pooling import pool
from specsr.maps.transform import spectrogram
from specsr.models.card import model_card
from specsr.report.audio import flac
from specsr.report.detail import STEPS
from specsr.report.page import ReportOptions
from specsr.report.report import make_report
from specsr.synth.machine import RunUp
from specsr.synth.synthesis import synthesise
from support.report_page import Page, figures, upscaled

pytest.importorskip("bokeh")


@pytest.fixture(scope="module")
def signals() -> dict[str, specsr.Signal]:
    return upscaled()


@pytest.fixture(scope="module")
def page(signals) -> Page:
    options = ReportOptions(orders=(2, 4), title="Run <1> & more", max_freq=5000.0)
    names = ["low.wav", "high.wav", "full.wav"]
    return Page(make_report(*signals.values(), names=names, model="band", options=options))


def test_all_sections_are_present_and_nothing_is_fetched(page: Page) -> None:
    assert page.outside == []
    assert page.headings == [
        "Recordings and maps", "Settings", "Maps", "Audio", "Order cuts", "Mean spectra",
        "Third octaves", "Scores", "Model", "Versions",
    ]  # fmt: skip
    assert len("".join(page.scripts)) < 8e6


def test_facts_and_estimated_part_are_stated(page: Page, signals) -> None:
    head, *rows = page.tables["facts"]
    assert "level, dB re 20 µPa" in head
    assert [row[0] for row in rows] == ["input", "super-resolved", "reference"]
    assert [row[1] for row in rows] == ["low.wav", "high.wav", "full.wav"]
    levels = [float(row[head.index("level, dB re 20 µPa")]) for row in rows]
    assert levels == pytest.approx([s.level()[0] for s in signals.values()], abs=0.051)
    [text] = page.notes["estimated"]
    assert text.startswith("Measured below 5760 Hz")


def test_maps_share_colours_and_zoom_and_contain_the_levels(page: Page, signals) -> None:
    objects = figures(page)
    titles = [o["attributes"].get("text") for o in objects if o["name"] == "Title"]
    for title in ("input", "super-resolved", "reference", "super-resolved - reference, dB"):
        assert title in titles
    by_id = {o["id"]: o for o in objects}  # later references to an object give only its id
    glyphs = [o["attributes"]["glyph"]["id"] for o in objects if o["name"] == "GlyphRenderer"]
    drawn = [by_id[name] for name in glyphs]
    mappers = [g["attributes"]["color_mapper"]["id"] for g in drawn if g["name"] == "Image"]
    assert len(mappers) == 6  # two of the fade, three maps, the difference
    assert len(set(mappers)) == 2
    ranges = [o for o in objects if o["name"] == "Figure" and "Range1d" in str(o["attributes"])]
    assert ranges  # the first contains the shared ranges, the others refer to them
    assert sum(o["name"] == "Range1d" for o in objects) == 2
    assert "Speed" in titles
    assert {"Slider", "RangeSlider", "HoverTool", "BoxZoomTool", "WheelZoomTool"} <= {
        o["name"] for o in objects
    }
    hovers = json.dumps([o["attributes"]["tooltips"] for o in objects if o["name"] == "HoverTool"])
    assert all(word in hovers for word in ('"Hz"', '"s"', '"rpm"', "dB re 20"))
    # the highest level of the reference, as drawn
    spec = spectrogram(signals["reference"], n_fft=2048)
    base = 5 * np.ceil(max(spectrogram(s).db.max() for s in signals.values()) / 5) - 250.0
    images = [o for o in objects if o["name"] == "ColumnDataSource" and "image" in str(o)[:400]]
    drawn = [_array(entry) for o in images for entry in _arrays(o) if entry["dtype"] == "uint16"]
    tops = [image.max() / STEPS + base for image in drawn]
    # half a step of the stored levels
    assert spec.db.max() == pytest.approx(max(tops), abs=0.5 / STEPS + 1e-4)


def _arrays(node) -> list[dict]:
    """Two-dimensional arrays below a node of the document."""
    if isinstance(node, dict):
        if node.get("type") == "ndarray" and len(node["shape"]) == 2:
            return [node]
        return [x for value in node.values() for x in _arrays(value)]
    return [x for value in node for x in _arrays(value)] if isinstance(node, list) else []


def _array(entry: dict) -> np.ndarray:
    data = base64.b64decode(entry["array"]["data"])
    data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    return np.frombuffer(data, entry["dtype"]).reshape(entry["shape"])


def test_players_contain_the_audio_at_one_gain(page: Page, signals) -> None:
    import soundfile

    assert len(page.audio) == 3
    gains = []
    for src, signal in zip(page.audio, signals.values()):
        kind, data = src.split(",", 1)
        assert kind == "data:audio/flac;base64"
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
        assert (len(samples), rate) == (signal.length, signal.rate)
        gains.append(np.dot(samples, signal.samples[0]) / np.dot(*2 * [signal.samples[0]]))
    assert gains == pytest.approx([gains[0]] * 3, rel=1e-3)


@pytest.mark.parametrize("rate, played", [(2000.0, 8000), (51200.13, 51200), (400000.0, 192000)])
def test_players_keep_the_pitch_at_any_rate(rate: float, played: int) -> None:
    """Browsers play 8 to 192 kHz; a rate outside is converted, not relabelled."""
    import soundfile

    times = np.arange(round(rate)) / rate
    file = io.BytesIO(flac(specsr.Signal(0.5 * np.sin(2 * np.pi * 300 * times), rate)))
    samples, found = soundfile.read(file)
    assert found == played
    assert len(samples) == pytest.approx(played, abs=1)
    assert np.argmax(np.abs(np.fft.rfft(samples))) == 300


def test_cuts_levels_scores_and_card_are_present(page: Page) -> None:
    legends = json.dumps([o["attributes"] for o in figures(page) if o["name"] == "LegendItem"])
    assert "reference, order 4 (0.4 orders wide)" in legends
    scores = {row[0]: row[1:] for row in page.tables["scores"]}
    assert scores["result minus reference"] == ["result", "resampled"]
    for label in ("overall level error, dB", "LSD from 5760 Hz", "map PSNR over 80 dB, dB"):
        assert float(scores[label][0]) == pytest.approx(float(scores[label][1]), abs=1e-6)
    assert any(label.startswith("order 2 in ") for label in scores)
    card = dict(page.tables["model"])
    assert card["name"] == "band" and "steps" in card["training"]
    assert card["network"].startswith("EDSR, 12 blocks x 48")


def test_a_title_is_escaped(signals) -> None:
    options = ReportOptions(title="<script>x</script>", audio_seconds=0)
    text = make_report(signals["low"], options=options)
    assert "<script>x" not in text and "&lt;script&gt;x" in text
    alone = Page(text)
    assert alone.headings == [
        "Recordings and maps", "Settings", "Maps", "Mean spectra", "Third octaves", "Versions",
    ]  # fmt: skip
    assert alone.audio == [] and "estimated" not in alone.notes


def test_orders_beyond_the_map_are_named(signals, caplog) -> None:
    options = ReportOptions(orders=(2, 1e6), audio_seconds=0)
    text = make_report(next(iter(signals.values())), options=options)
    assert "Not readable: orders 1e+06; " in text
    assert caplog.messages[-1].startswith("Not readable: orders 1e+06; ")


def test_maps_are_compared_with_a_recording_on_their_grid(signals) -> None:
    full = signals["reference"]
    fine = spectrogram(full, n_fft=2048, hop_length=256)
    coarse = pool(fine, 4, 4)
    high = fine.replace(phase=None, known=np.zeros(fine.grid.rows, bool))
    page = Page(make_report(coarse, high, full, options=ReportOptions(orders=(2,))))
    assert page.notes["estimated"][0].startswith("All levels of the result are estimated")
    assert len(page.audio) == 2  # a pooled map has no waveform
    scores = {row[0]: row[1:] for row in page.tables["scores"]}
    assert scores["result minus reference"] == [
        "result", "repeated cells", "bicubic", "bicubic, back-projection"
    ]  # fmt: skip
    assert float(scores["map RMSE over 80 dB, dB"][0]) == pytest.approx(0, abs=1e-6)
    assert any("No model given" in note for note in page.notes["note"])
    assert not any("million cells" in note for note in page.notes["note"])


def test_the_requested_channel_is_shown(signals) -> None:
    low = signals["low"]
    both = low.replace(
        samples=np.concatenate([low.samples, 0.1 * low.samples]), channels=("left", "right")
    )
    page = Page(make_report(both, options=ReportOptions(channel=1, audio_seconds=0)))
    head, row = page.tables["facts"]
    level = float(row[head.index("level, dB re 20 µPa")])
    assert level == pytest.approx(low.level()[0] - 20, abs=0.051)
    assert "Channel shown: right, of left, right." in page.notes["note"]


def test_without_a_reference_the_input_is_subtracted(signals) -> None:
    fine = spectrogram(signals["reference"], n_fft=2048, hop_length=256).replace(phase=None)
    page = Page(make_report(pool(fine, 4, 4), fine, options=ReportOptions(audio_seconds=0)))
    titles = [o["attributes"].get("text") for o in figures(page) if o["name"] == "Title"]
    assert "super-resolved - input (repeated cells), dB" in titles


def test_the_reason_for_missing_scores_is_stated(signals) -> None:
    short = signals["reference"]
    short = short.replace(samples=short.samples[:, :-500], rpm=short.rpm[:-500])
    options = ReportOptions(audio_seconds=0)
    page = Page(make_report(signals["low"], signals["high"], short, options=options))
    assert any("not scored" in note and "length" in note for note in page.notes["note"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"channel": 3}, "channel is 3"),
        ({"db_range": 0.0}, "db_range is 0"),
        ({"orders": (2,)}, "none of the recordings carries one"),
    ],
)
def test_errors_name_the_cause(signals, change: dict, words: str) -> None:
    with pytest.raises(SpecsrError, match=words):
        make_report(signals["low"].replace(rpm=None), options=ReportOptions(**change))


def test_different_units_are_refused(signals) -> None:
    low = signals["low"]
    with pytest.raises(SpecsrError, match="one unit"):
        make_report(low, low.replace(unit="V"))


def test_a_missing_bokeh_is_named(signals, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "bokeh", None)
    with pytest.raises(SpecsrError, match=r"reports need bokeh.*specsr\[report\]"):
        make_report(signals["low"])


def test_every_bundled_model_has_a_card() -> None:
    for name in specsr.bundled_models():
        card = dict(model_card(name))
        assert card["name"] == name and "M parameters" in card["network"]
        assert "training" in card and "data" in card


def test_the_device_of_a_report_estimates_the_phase_of_its_maps() -> None:
    """A map without phase needs an estimate; the device is refused where there is no such."""
    fine = spectrogram(synthesise(RunUp(duration=0.3)).signal).replace(phase=None)
    assert len(Page(make_report(fine, options=ReportOptions(device="cpu"))).audio) == 1
    with pytest.raises(SpecsrError, match="device is 'tpu': expected auto, cpu or cuda"):
        make_report(fine, options=ReportOptions(device="tpu"))
