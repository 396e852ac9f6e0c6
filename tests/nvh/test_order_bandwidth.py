"""Bandwidth that adapts: a resonance within the tolerance, noise as with the narrow filter."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.io import stream, write
from specsr.jobs.order_inputs import OrderCutting
from specsr.jobs.orders import OrderFiles, cut_orders
from specsr.nvh.order_bandwidth import limits
from specsr.nvh.order_blocks import order_pieces
from specsr.nvh.order_waveforms import ExtractedOrders, extract_orders
from specsr.nvh.shafts import Shaft, shaft_orders
from specsr.nvh.speed import revolutions
from specsr.nvh.vold_kalman import VoldKalman
from specsr.signal import Signal
from support.command import run

RATE = 2000.0
N = round(12 * RATE)
TIMES = np.arange(N) / RATE
UP = np.linspace(900, 4500, N)
NOISE = np.random.default_rng(3).standard_normal(N)
ADAPTIVE = VoldKalman(1.5, widest=12.0)


def tone(order: float, envelope: np.ndarray | complex = 1.0) -> np.ndarray:
    return (envelope * np.exp(2j * np.pi * order * revolutions(UP / 60, RATE))).real


def mode(order: float, hz: float = 120.0, damping: float = 0.03) -> np.ndarray:
    """Return the response of a mode along the run-up, with a part that does not resonate."""
    ratio = order * UP / 60 / hz
    return 0.2 + 1.6 * damping / (1 - ratio**2 + 2j * damping * ratio)


def errors(found: ExtractedOrders, line: int, envelope: np.ndarray) -> np.ndarray:
    """Return the errors of a cut without the first and last second, dB."""
    cut = found.cuts[line]
    inner = (cut.times > 1) & (cut.times < TIMES[-1] - 1)
    truth = 20 * np.log10(np.interp(cut.times, TIMES, np.abs(envelope)) / np.sqrt(2))
    return (cut.levels[0] - truth)[inner]


def test_a_resonance_is_followed_within_one_db_of_a_filter_of_one_and_a_half_hertz() -> None:
    envelopes = [mode(2), mode(4)]
    parts = [tone(k, a) for k, a in zip((2, 4), envelopes)]
    # 20 dB below the orders over the whole band
    signal = Signal(sum(parts) + 0.1 * np.std(sum(parts)) * NOISE, RATE, rpm=UP)
    constant, adapted = (
        extract_orders(signal, [2, 4], method=method) for method in (VoldKalman(1.5), ADAPTIVE)
    )
    assert max(np.abs(errors(constant, i, a)).max() for i, a in enumerate(envelopes)) > 2
    for i, (envelope, part) in enumerate(zip(envelopes, parts)):
        assert np.abs(errors(adapted, i, envelope)).max() < 1.0
        assert np.corrcoef(adapted.waveform(i).samples[0], part)[0, 1] > 0.99
    rest = adapted.whole.orders.samples[0] - sum(parts)
    assert np.std(rest) < 0.1 * np.std(sum(parts))  # -20 dB
    width = adapted.whole.bandwidth
    assert width.min() == 1.5 and width.max() > 4 and np.median(width) == 1.5
    widest = adapted.whole.times[np.argmax(width[1])]  # where order 4 passes 120 Hz
    assert abs(np.interp(widest, TIMES, 4 * UP / 60) - 120) < 15


@pytest.mark.parametrize("level", [0.0, 0.1, 3.0])
def test_noise_alone_does_not_widen_the_filter(level: float) -> None:
    signal = Signal(level * tone(2) + NOISE, RATE, rpm=UP)
    constant, adapted = (
        extract_orders(signal, [2, 5.5], method=method) for method in (VoldKalman(1.5), ADAPTIVE)
    )
    assert (adapted.whole.bandwidth > 1.5).mean() < 0.02
    for one, two in zip(constant.cuts, adapted.cuts):
        power = [np.nanmean(10 ** (cut.levels / 10)) for cut in (one, two)]
        assert 10 * np.log10(power[1] / power[0]) == pytest.approx(0, abs=0.3)


def test_a_line_beside_an_order_that_is_not_cut_does_not_widen_the_filter() -> None:
    signal = Signal(tone(2) + tone(2.2) + 0.01 * NOISE, RATE, rpm=UP)
    found = extract_orders(signal, [2], method=ADAPTIVE)
    middle = (found.whole.times > 2) & (found.whole.times < 10)
    assert np.median(found.whole.bandwidth[0, middle]) == 1.5


def test_the_limits_of_an_order_are_its_neighbours_and_the_range() -> None:
    rpm = np.full((3, 1), 1200.0)  # 20 Hz
    freqs = np.array([[20.0], [26.0], [495.0]])
    narrow = np.full((3, 1), 1.5)
    assert limits(freqs, rpm, narrow, 1000.0)[:, 0] == pytest.approx([3.0, 3.0, 10.0])
    assert limits(freqs[:1], rpm[:1] / 10, narrow[:1], 1000.0) == pytest.approx(1.5)
    assert limits(freqs[2:], 10 * rpm[2:], narrow[2:], 1000.0) == pytest.approx(10.0)


def test_bandwidths_that_do_not_ascend_are_named() -> None:
    for widest in (1.5, 1.0, np.inf, np.nan):
        with pytest.raises(SpecsrError, match="the widest bandwidth is"):
            VoldKalman(1.5, widest=widest)
    signal = Signal(tone(2), RATE, rpm=UP)
    with pytest.raises(SpecsrError, match="a bandwidth of 300 Hz"):
        extract_orders(signal, [2], method=VoldKalman(1.5, widest=300.0))


def test_blocks_of_a_stream_have_the_bits_of_the_whole(tmp_path) -> None:
    signal = Signal((tone(2, mode(2)) + 0.02 * NOISE)[None].astype(np.float32), RATE, rpm=UP)
    shaft = Shaft("", UP)
    lines = shaft_orders([2, 4], [shaft])
    path = tmp_path / "run.wav"
    write(path, signal.replace(rpm=None), subtype="FLOAT")
    with stream.opened(path) as source:
        found = [list(order_pieces(x, lines, ADAPTIVE, 3.0)) for x in (signal, source)]
    for one, two in zip(*found, strict=True):
        assert np.array_equal(one.waveforms, two.waveforms)
        assert np.array_equal(one.bandwidth, two.bandwidth)
    # other blocks choose nearly the same
    whole = extract_orders(signal, [2, 4], method=ADAPTIVE)
    joined = np.concatenate([piece.waveforms for piece in found[0]], axis=-1)
    assert np.std(joined - whole.whole.waveforms) < 1e-2 * np.std(whole.whole.waveforms)


@pytest.mark.parametrize("length", [1, 10, 700])
def test_short_recordings_and_silence(length: int) -> None:
    for gain in (1.0, 0.0, 1e-160, 1e150):
        part = Signal(gain * tone(2)[:length], RATE, rpm=UP[:length])
        found = extract_orders(part, [2, 4], method=VoldKalman(1.5, "Hz", 1, 12.0))
        assert np.isfinite(found.whole.waveforms).all()
        assert np.abs(found.whole.residual.samples).max() <= gain


def notes(
    signal: Signal, method: VoldKalman, orders: list[float], sure: float | None = None
) -> list[str]:
    """Return the notes of a cut in one block, as the command prints them."""
    found: list[str] = []
    confidence = None if sure is None else (TIMES[[0, -1]], np.full(2, sure))
    lines = shaft_orders(orders, [Shaft("", UP, confidence=confidence)])
    cutting = OrderCutting("", (), method)
    cut_orders(signal, lines, cutting, OrderFiles(), lambda: None, note=found.append)
    return found


def test_a_stated_bandwidth_that_a_resonance_outruns_is_named_and_the_cut_stays_the_same() -> None:
    signal = Signal(tone(2, mode(2)) + tone(5.5) + 0.05 * NOISE, RATE, rpm=UP)
    (note,) = notes(signal, VoldKalman(1.5), [2, 5.5])
    assert note.startswith("order 2 changes faster than 1.5 Hz follows")
    assert "--max-bandwidth 12" in note
    time = float(note.split("most of all at ")[1].split(" s")[0])
    assert abs(np.interp(time, TIMES, 2 * UP / 60) - 120) < 15
    (unsure,) = notes(signal, VoldKalman(1.5), [2, 5.5], sure=0.46)
    assert "the speed may be at fault" in unsure and "confidence of 0.46 there" in unsure
    assert "resonance" not in unsure
    assert notes(signal, VoldKalman(1.5), [2, 5.5], sure=0.95) == [note]
    assert notes(signal, ADAPTIVE, [2, 5.5]) == []
    assert notes(signal, VoldKalman(6.0), [2, 5.5]) == []
    lines = shaft_orders([2, 5.5], [Shaft("", UP)])
    plain, seen = (
        [piece.envelopes for piece in order_pieces(signal, lines, VoldKalman(1.5), watch=watch)]
        for watch in (False, True)
    )
    assert all(np.array_equal(a, b) for a, b in zip(plain, seen, strict=True))


def test_noise_alone_is_not_named() -> None:
    for level in (0.0, 0.1, 3.0):
        signal = Signal(level * tone(2) + NOISE, RATE, rpm=UP)
        assert notes(signal, VoldKalman(1.5), [2, 5.5]) == []


def test_a_line_that_crosses_is_named_and_the_bandwidth_stays_constant(tmp_path, capsys) -> None:
    steady = np.cos(2 * np.pi * 130 * TIMES)  # order 3 passes it at 5.7 s
    signal = Signal(tone(3) + steady + 0.05 * NOISE, RATE, rpm=UP)
    (note,) = notes(signal, VoldKalman(), [3])
    time = float(note.split("most of all at ")[1].split(" s")[0])
    # knots 12 times a second: a line 12 Hz away looks as one on the order
    assert abs(np.interp(time, TIMES, 3 * UP / 60) - 130) < 15
    assert "where another line crosses it, add that line to --cut" in note
    # so the command widens nothing by itself
    path, table, cuts = (tmp_path / name for name in ("run.wav", "rpm.csv", "cuts.csv"))
    write(path, Signal(0.1 * signal.samples, RATE), subtype="FLOAT")
    np.savetxt(
        table, [(0, 900), (TIMES[-1], 4500)], delimiter=",", header="time_s,rpm", comments=""
    )
    options = ("--method", "vold-kalman", "--rpm", table, "--cut", "3", "-o", cuts)
    code, _, err = run(capsys, "orders", path, *options)
    assert code == 0 and "order 3 changes faster than 1.5 Hz follows" in err
    header, *rows = (line.split(",") for line in cuts.read_text().splitlines())
    column = next(i for i, name in enumerate(header) if name.startswith("bandwidth"))
    assert {float(row[column]) for row in rows} == {1.5}
