"""Reports of pairs with known scores."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.maps.pooling import pool
from specsr.maps.transform import SpectrogramTransform, spectrogram
from specsr.nvh import sound_quality
from specsr.scores import metrics
from specsr.scores.evaluate import EvaluateOptions, evaluate
from specsr.scores.map_errors import map_errors
from specsr.signal import Signal
from specsr.synth.machine import RunUp
from specsr.synth.synthesis import synthesise

RATE = 25600


def noise(seed: int, channels: int = 1, length: int = RATE) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal((channels, length))


@pytest.fixture
def pair() -> tuple[Signal, Signal]:
    """A result 6 dB too loud in its first channel and equal in its second."""
    reference = Signal(noise(0, 2), RATE, "Pa", ("left", "right"), rpm=np.full(RATE, 3000.0))
    gains = np.array([[10**0.3], [1.0]])
    return reference.replace(samples=reference.samples * gains), reference


def test_a_gain_appears_in_every_level(pair) -> None:
    report = evaluate(*pair, cut=6400, orders=(2, 8.5))
    loud, equal = report.channels["left"], report.channels["right"]
    assert report.kind == "signal"
    assert loud.overall_error_db == pytest.approx(6, abs=1e-4)
    assert [loud.lsd, loud.lsd_lf, loud.lsd_hf] == pytest.approx([0.6] * 3, abs=1e-6)
    assert loud.snr_db == pytest.approx(-20 * math.log10(10**0.3 - 1))
    assert loud.si_sdr_db > 200
    assert loud.spectral_convergence_db == pytest.approx(20 * math.log10(10**0.3 - 1), abs=1e-4)
    assert [loud.map.bias_db, loud.map.rmse_db] == pytest.approx([6, 6], abs=1e-3)
    assert loud.map.psnr_db == pytest.approx(20 * math.log10(80 / 6), abs=1e-3)
    assert list(loud.orders) == ["2", "8.5"]
    for error in (loud.third_octave, *loud.orders.values()):
        assert [error.max_abs_db, error.bias_db, error.rmse_db] == pytest.approx([6] * 3, abs=1e-3)
    assert equal.overall_error_db == equal.lsd == equal.lsd_hf == equal.map.rmse_db == 0
    assert equal.snr_db == equal.map.psnr_db == math.inf
    assert equal.map.ssim == pytest.approx(1)
    assert equal.third_octave.max_abs_db == equal.orders["2"].max_abs_db == 0


def test_the_mean_is_over_the_channels(pair) -> None:
    report = evaluate(*pair, cut=6400, orders=(2,))
    assert report.mean.overall_error_db == pytest.approx(3, abs=1e-4)
    assert report.mean.lsd == pytest.approx(0.3, abs=1e-6)
    assert report.mean.map.bias_db == pytest.approx(3, abs=1e-3)
    assert report.mean.map.db_range == 80
    assert report.mean.orders["2"].bias_db == pytest.approx(3, abs=1e-3)
    assert report.mean.snr_db == math.inf


def test_the_report_is_strict_json(pair) -> None:
    report = evaluate(*pair, cut=6400, orders=(2,))
    stored = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert stored["channels"]["right"]["snr_db"] is None
    assert stored["channels"]["left"]["lsd"] == pytest.approx(0.6, abs=1e-6)
    assert stored["mean"]["map"]["db_range"] == 80
    assert stored["settings"]["cut"] == 6400
    assert stored["settings"]["unit"] == "Pa"


def test_the_table_names_ranges_cuts_and_channels(pair) -> None:
    lines = (
        evaluate(*pair, cut=6400, orders=(2,), options=EvaluateOptions(db_range=60))
        .table()
        .splitlines()
    )
    cells = {
        name: values
        for name, *values in ([c.strip() for c in line.strip("|").split("|")] for line in lines)
    }
    assert cells["score"] == ["mean", "left", "right"]
    assert cells["overall level error, dB"] == ["3.000", "6.000", "0.000"]
    assert cells["SNR, dB"][2] == "inf"
    assert {"LSD below 6400 Hz", "LSD from 6400 Hz", "map PSNR over 60 dB, dB"} <= set(cells)
    assert "order 2 in 50 Hz, RMSE, dB" in cells
    assert len({len(line) for line in lines}) == 1
    mono = evaluate(*(x.replace(samples=x.samples[:1], channels=()) for x in pair)).table()
    assert "mean" not in mono
    assert "order" not in mono
    assert "below" not in mono


def test_scores_equal_the_functions() -> None:
    reference, result = (Signal(noise(s), RATE, "Pa", full_scale=4.0) for s in (1, 2))
    scores = evaluate(result, reference).mean
    a, b = reference.samples[0], result.samples[0]
    assert scores.lsd == pytest.approx(metrics.lsd(a / 4, b / 4, RATE))
    assert scores.snr_db == pytest.approx(metrics.snr(a, b))
    assert scores.si_sdr_db == pytest.approx(metrics.si_sdr(a, b))
    levels = spectrogram(reference).db[0], spectrogram(result).db[0]
    assert scores.map == map_errors(*levels)
    assert scores.lsd_lf is None


@pytest.mark.parametrize("scaling", ["rms", "psd"])
def test_maps_score_like_their_signals(scaling: str) -> None:
    # silent edges: a map and the LSD of a waveform continue a signal differently
    sounding = np.pad(np.ones(RATE - 4096), 2048)
    signals = [Signal(noise(s) * sounding, RATE, rpm=np.full(RATE, 3000.0)) for s in (1, 2)]
    transform = SpectrogramTransform(scaling=scaling)
    options = EvaluateOptions(transform=transform)
    one = evaluate(*signals, cut=4000, orders=(4,), options=options).mean
    report = evaluate(*map(transform, signals), cut=4000, orders=(4,))
    two = report.mean
    assert report.kind == "map"
    assert two.snr_db is None and two.si_sdr_db is None
    assert two.map == one.map
    assert two.orders == one.orders
    assert two.overall_error_db == one.overall_error_db
    for name in ("lsd", "lsd_lf", "lsd_hf"):
        assert getattr(two, name) == pytest.approx(getattr(one, name), rel=1e-4)


def test_pooled_maps_are_compared_cell_by_cell() -> None:
    spec = spectrogram(Signal(noise(3), RATE))
    grid = spec.grid.pooled(4, 4)
    reference = spec.replace(
        magnitude=np.abs(noise(4, grid.rows, grid.frames)) + 0.01, grid=grid, phase=None
    )
    result = reference.replace(magnitude=reference.magnitude * 10 ** (-3 / 20))
    scores = evaluate(result, reference).mean
    assert scores.lsd == pytest.approx(0.3, abs=1e-5)
    assert scores.map.bias_db == pytest.approx(-3, abs=1e-4)
    assert scores.overall_error_db == pytest.approx(-3, abs=1e-4)


def test_silence_and_one_sample_give_a_report() -> None:
    for length in (1, 5000):
        silent = Signal(np.zeros(length), RATE)
        loud = Signal(np.ones(length), RATE)
        for result, reference in ((silent, loud), (loud, silent), (silent, silent)):
            report = evaluate(result, reference, cut=4000, orders=(2,), rpm=3000)
            json.dumps(report.to_dict(), allow_nan=False)
            assert "LSD" in report.table()


def test_low_rates_have_no_third_octaves() -> None:
    slow = Signal(noise(5, length=3000), 50)
    report = evaluate(slow, slow, options=EvaluateOptions(SpectrogramTransform(256)))
    assert report.mean.third_octave is None
    assert "third" not in report.table()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rate": 2 * RATE}, "51200.*Signal.resample"),
        ({"samples": noise(0, 2, 100), "rpm": None}, "length in samples of 100.*cut"),
        ({"samples": noise(0), "channels": ()}, "channel count of 1"),
        ({"unit": "V"}, "unit V"),
    ],
)
def test_signals_that_differ_are_refused(pair, change: dict, words: str) -> None:
    reference = pair[1]
    with pytest.raises(SpecsrError, match=words):
        evaluate(reference.replace(**change), reference)


def test_other_errors_name_the_cause(pair) -> None:
    signal = pair[1]
    spec = spectrogram(signal)
    with pytest.raises(SpecsrError, match="one is a signal"):
        evaluate(spec, signal)
    with pytest.raises(SpecsrError, match="n_fft 1024"):
        evaluate(spectrogram(signal, n_fft=1024), spec)
    quiet = signal.replace(rpm=None)
    with pytest.raises(SpecsrError, match="pass rpm"):
        evaluate(quiet, quiet, orders=(2,))
    for x in (signal, spec):
        with pytest.raises(SpecsrError, match="row"):
            evaluate(x, x, cut=RATE)


def test_loudness_and_weighted_level_follow_a_gain() -> None:
    pytest.importorskip("mosqito")
    reference = Signal(0.2 * noise(3), RATE, "Pa")
    louder = reference.replace(samples=reference.samples * 10**0.5)
    report = evaluate(louder, reference)
    assert report.settings["loudness"].startswith("ISO 532-1")
    scores = report.mean
    assert scores.overall_a_error_db == pytest.approx(10, abs=1e-3)
    # 10 phon double the loudness of a tone; that of broadband noise grows a little less
    assert 60 < scores.loudness_error_percent < 105
    true, found = (sound_quality.loudness(x).sone[0] for x in (reference, louder))
    assert scores.loudness_error_percent == pytest.approx(100 * (found / true - 1))
    lines = dict(report.rows()[1])
    assert lines["loudness error, %"] == [scores.loudness_error_percent]


@pytest.mark.parametrize(
    ("unit", "length", "words"),
    [("1", RATE, "not in Pa"), ("m/s2", RATE, "not in Pa"), ("Pa", 2048, "shorter than")],
)
def test_the_reason_for_a_missing_loudness_is_stated(unit: str, length: int, words: str) -> None:
    signal = Signal(noise(4, length=length), RATE, unit)
    report = evaluate(signal, signal)
    assert words in report.settings["loudness"]
    assert report.mean.loudness_error_percent is None
    assert "loudness" not in report.table()
    assert (report.mean.overall_a_error_db is None) == (unit == "m/s2")
    assert "maps have no loudness" in evaluate(*2 * [spectrogram(signal)]).settings["loudness"]


def test_order_errors_state_the_requested_bandwidth(pair) -> None:
    report = evaluate(*pair, orders=(2, 8.5), options=EvaluateOptions(bandwidth=4.0))
    error = report.channels["left"].orders["8.5"]
    assert error.bias_db == pytest.approx(6, abs=1e-3)
    # 4 orders at 3000 rpm
    assert (error.lowest_bandwidth_hz, error.highest_bandwidth_hz) == pytest.approx((200, 200))
    assert "order 8.5 in 200 Hz, RMSE, dB" in report.table()


def test_baselines_are_scored_alongside() -> None:
    run = synthesise(RunUp(duration=2.0, line_to_noise=np.inf))
    full = run.signal
    low = full.resample(RATE / 2)
    report = evaluate(full, full, low=low, orders=(2,))
    names, lines = report.rows()
    assert names == ["result", "resampled"]
    table = dict(lines)
    assert table["LSD"][0] == 0 < table["LSD"][1]
    fine = spectrogram(full, n_fft=2048, hop_length=256)
    coarse = pool(fine, 4, 4)
    report = evaluate(fine, fine, low=coarse)
    assert list(report.baselines) == ["repeated cells", "bicubic", "bicubic, back-projection"]
    assert report.mean.whittle_deviance == 0
    assert all(scores.whittle_deviance > 0.1 for scores in report.baselines.values())
    repeated = report.baselines["repeated cells"]
    # repeated cells keep their mean power
    assert repeated.overall_error_db == pytest.approx(0, abs=0.05)
    assert repeated.map.rmse_db > report.mean.map.rmse_db == 0
    same = evaluate(full, full, low=full)
    assert list(same.baselines) == ["input"] and same.baselines["input"].lsd == 0
    json.dumps(report.to_dict(), allow_nan=False)


def test_an_input_of_another_kind_is_refused(pair) -> None:
    with pytest.raises(SpecsrError, match="both of one kind"):
        evaluate(*pair, low=spectrogram(pair[1]))
    with pytest.raises(SpecsrError, match="cut both"):
        evaluate(*pair, low=pair[1].replace(samples=pair[1].samples[:, :9000], rpm=None))
    with pytest.raises(SpecsrError, match="channels"):
        evaluate(*pair, low=pair[1].replace(samples=pair[1].samples[:1], channels=()))
    fine = spectrogram(pair[1])
    with pytest.raises(SpecsrError, match="whole number"):
        evaluate(fine, fine, low=spectrogram(pair[1], n_fft=600, hop_length=100))


def test_reports_become_pandas_tables(pair) -> None:
    pytest.importorskip("pandas")
    report = evaluate(*pair, cut=6400, orders=(2,), low=pair[0])
    frame = report.to_frame()
    assert list(frame.columns) == ["mean", "left", "right", "input"]
    assert frame.loc["overall level error, dB"].tolist() == pytest.approx([3, 6, 0, 3], abs=1e-4)
    assert frame.attrs["cut"] == 6400 and frame.index.name == "score"
    assert frame.dtypes.unique().tolist() == [np.float64]


@pytest.mark.parametrize("pooled", [False, True])
def test_maps_that_differ_by_a_column_are_compared_over_the_common_part(pair, pooled) -> None:
    """The columns that both have are those of the same samples, up to the last window."""
    result, reference = (spectrogram(x, n_fft=512, hop_length=256) for x in pair)
    if pooled:
        result, reference = (pool(x.replace(phase=None), 2, 2) for x in (result, reference))
    dt = round(reference.grid.dt * RATE)
    shorter = spectrogram(pair[0].cut(0, RATE - dt), n_fft=512, hop_length=256)
    shorter = pool(shorter.replace(phase=None), 2, 2) if pooled else shorter
    assert shorter.grid.frames == reference.grid.frames - 1
    for a, b in ((shorter, reference), (reference, shorter)):
        report = evaluate(a, b, orders=(2,))
        assert "the longer one has" in report.settings["cropped"]
        assert abs(report.channels["left"].overall_error_db) == pytest.approx(6, abs=0.02)
    assert evaluate(result, reference).settings["cropped"] is None
    half = spectrogram(pair[0].cut(0, RATE // 2), n_fft=512, hop_length=256)
    with pytest.raises(SpecsrError, match="cut the longer one|grid with cell"):
        evaluate(half, reference)
