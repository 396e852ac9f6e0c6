"""Phase estimation: exact where the phase is known, accurate elsewhere, levels kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import ShortTimeFFT

from specsr.errors import SpecsrError
from specsr.maps import phase as ph
from specsr.maps.griffin_lim import admm, griffin_lim
from specsr.maps.transform import SpectrogramTransform, istft, stft
from specsr.signal import Signal
from support.phase_samples import (
    RATE,
    grid_of,
    harmonics,
    map_of,
    spectrum_of,
)

# -- to_signal ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["auto", "known"])
def test_known_phase_is_the_exact_inverse(method):
    x = np.stack([harmonics(3001), harmonics(3001, 1)])
    spec = map_of(x, scaling="psd")
    back = ph.to_signal(spec, method)
    np.testing.assert_allclose(back.samples, x, atol=1e-5)


@pytest.mark.parametrize("method", ["auto", "pghi", "admm", "gl"])
@pytest.mark.parametrize("scaling", ["rms", "psd"])
def test_estimated_phase_keeps_levels_and_metadata(method, scaling):
    x = np.stack([harmonics(6001), 0.1 * harmonics(6001, 1)])
    rpm = np.linspace(900, 1800, 6001)
    signal = Signal(x, RATE, "Pa", ("mic", "seat"), 1.5, rpm=rpm)
    spec = SpectrogramTransform(256, 64, scaling=scaling)(signal).replace(phase=None)
    back = ph.to_signal(spec, method, iterations=40)
    assert back.samples.shape == x.shape and back.samples.dtype == np.float32
    assert (back.rate, back.unit, back.channels, back.start) == (RATE, "Pa", ("mic", "seat"), 1.5)
    np.testing.assert_array_equal(back.rpm, rpm)
    np.testing.assert_allclose(back.level(), signal.level(), atol=0.1)
    again = SpectrogramTransform(256, 64, scaling=scaling)(back)
    error = np.linalg.norm(again.magnitude - spec.magnitude) / np.linalg.norm(spec.magnitude)
    assert 20 * np.log10(error) < -15


def test_a_partly_known_phase_is_kept():
    x = harmonics()
    spec = map_of(x)
    known = spec.freqs < 1500
    noisy = np.where(known[:, None], spec.phase, 0.123).astype(np.float32)
    partly = spec.replace(phase=noisy, known=known)
    back = ph.to_signal(partly, "auto", iterations=60)
    again = SpectrogramTransform(256, 64)(back)
    error = again.magnitude * np.exp(1j * again.phase) - spec.magnitude * np.exp(1j * spec.phase)
    assert np.linalg.norm(error[:, known]) < 0.01 * np.linalg.norm(spec.magnitude[:, known])
    assert np.linalg.norm(back.samples - x) < 0.2 * np.linalg.norm(x)
    blind = ph.to_signal(spec.replace(phase=None), "auto", iterations=60)
    assert np.linalg.norm(blind.samples - x) > 0.5 * np.linalg.norm(x)


@pytest.mark.parametrize("method", ["auto", "pghi", "admm", "gl"])
def test_silence_gives_silence(method):
    x = np.zeros((2, 2000), np.float32)
    x[1] = harmonics(2000)
    back = ph.to_signal(map_of(x).replace(phase=None), method, iterations=10)
    assert not back.samples[0].any()
    assert back.samples[1].any()


@settings(max_examples=30, deadline=None)
@given(
    length=st.integers(1, 80),
    half=st.integers(1, 24),
    part=st.floats(0.1, 0.6),
    method=st.sampled_from(["auto", "pghi", "admm", "gl"]),
)
def test_tiny_signals(length, half, part, method):
    x = np.random.default_rng(length).standard_normal(length)
    transform = SpectrogramTransform(2 * half, max(1, int(2 * half * part)))
    spec = transform(Signal(x, RATE))
    if not spec.grid.is_invertible():
        return
    back = ph.to_signal(spec.replace(phase=None), method, iterations=8)
    assert back.length == length
    assert np.isfinite(back.samples).all()
    assert np.abs(back.samples).max() < 10 * np.abs(x).max()


def test_one_sample_is_recovered_up_to_its_sign():
    spec = map_of(np.array([0.25])).replace(phase=None)
    back = ph.to_signal(spec, iterations=60)
    assert abs(back.samples.item()) == pytest.approx(0.25, rel=1e-3)


@pytest.mark.parametrize("method", ["auto", "pghi"])
def test_a_constant_is_recovered_up_to_its_sign(method):
    spec = map_of(np.full(4000, 0.5)).replace(phase=None)
    back = ph.to_signal(spec, method, iterations=60)
    np.testing.assert_allclose(np.abs(back.samples[0, 300:-300]), 0.5, rtol=0.02)


@pytest.mark.parametrize("method", ["auto", "pghi", "gl"])
def test_channels_do_not_influence_each_other(method):
    x = np.stack([harmonics(3000), 1e-3 * harmonics(3000, 1), harmonics(3000, 2)])
    spec = map_of(x).replace(phase=None)
    together = ph.to_signal(spec, method, iterations=12)
    for i in range(3):
        alone = spec.replace(magnitude=spec.magnitude[i : i + 1], channels=("a",))
        single = ph.to_signal(alone, method, iterations=12)
        np.testing.assert_allclose(
            together.samples[i], single.samples[0], atol=1e-5 * np.abs(x[i]).max()
        )


def test_a_gain_of_the_map_is_a_gain_of_the_signal():
    spec = map_of(harmonics(3000)).replace(phase=None)
    loud = ph.to_signal(spec, iterations=10).samples
    scaled = spec.replace(magnitude=spec.magnitude * 2.0**-40)
    quiet = ph.to_signal(scaled, iterations=10).samples
    np.testing.assert_allclose(quiet * 2.0**40, loud, rtol=1e-3, atol=1e-4)


def test_the_seed_sets_the_random_phase():
    spec = map_of(harmonics(3000)).replace(phase=None)
    one, same, other = (
        ph.to_signal(spec, "gl", iterations=5, seed=seed).samples for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.1


def test_progress_counts_every_iteration_of_every_channel():
    spec = map_of(np.stack([harmonics(2000)] * 2)).replace(phase=None)
    seen = []
    ph.to_signal(spec, iterations=8, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(k, 16) for k in range(1, 17)]


def test_spectral_convergence_agrees_with_scipy():
    """Spectral convergence from scipy's STFT of the samples."""
    x = harmonics()
    spec = map_of(x).replace(phase=None)
    back = ph.to_signal(spec, iterations=40).samples[0].astype(float)
    transform = ShortTimeFFT(spec.grid.window_samples(), 64, RATE, phase_shift=None)
    first, last = 0, spec.grid.frames
    true, ours = (np.abs(transform.stft(s, first, last)) for s in (x, back))
    assert 20 * np.log10(np.linalg.norm(ours - true) / np.linalg.norm(true)) < -25


# -- errors ----------------------------------------------------------------------------------


def test_a_band_is_as_consistent_as_with_iterations_over_all_rows():
    """The unknown rows alone (`specsr.maps.subband`) against the same steps over the whole map."""
    x = harmonics(16000) + 0.1 * np.random.default_rng(1).standard_normal(16000)
    spec = map_of(x)
    known = np.arange(129) < 64
    found = SpectrogramTransform(256, 64)(
        ph.to_signal(spec.replace(known=known), "auto", iterations=16)
    )
    grid, rows = spec.grid, torch.from_numpy(known)
    magnitude = torch.from_numpy(spec.magnitude[0])
    true = torch.from_numpy(spec.phase[0])
    start = ph.pghi(magnitude, grid, true, rows)
    whole = admm(magnitude, grid, start, 12, known=rows, known_spectrum=start)
    whole = griffin_lim(magnitude, grid, whole, 4, known=rows, known_spectrum=start)
    again = stft(istft(whole, grid), grid).abs().numpy()
    band, inner = spec.magnitude[0][64:], slice(4, -4)

    def error(magnitude):
        return 20 * np.log10(
            np.linalg.norm((magnitude[64:] - band)[:, inner]) / np.linalg.norm(band[:, inner])
        )

    assert error(found.magnitude[0]) < error(again) + 0.5
    assert error(again) < -15


def test_empty_rows_stay_empty_and_cost_no_estimate():
    spec = map_of(harmonics(3000))
    known = np.arange(129) < 64
    empty = spec.magnitude * known[:, None]
    back = ph.to_signal(spec.replace(magnitude=empty, known=known), "auto", iterations=4)
    exact = ph.to_signal(spec.replace(magnitude=empty), "known")
    np.testing.assert_allclose(back.samples, exact.samples, atol=2e-6)


@pytest.mark.parametrize("method", ["auto", "known", "pghi", "gl"])
def test_devices_by_name(method):
    spec = map_of(harmonics(2000))
    if method != "known":
        spec = spec.replace(known=np.arange(129) < 64)
    one = ph.to_signal(spec, method, iterations=4, device="cpu").samples
    for device in (torch.device("cpu"), *([] if torch.cuda.is_available() else ["auto"])):
        again = ph.to_signal(spec, method, iterations=4, device=device).samples
        np.testing.assert_array_equal(one, again)
    with pytest.raises(SpecsrError, match="device is 'tpu': expected auto, cpu or cuda"):
        ph.to_signal(spec, method, device="tpu")


def test_errors_name_the_fix():
    spec = map_of(harmonics(2000))
    bare = spec.replace(phase=None)
    with pytest.raises(SpecsrError, match="magic.*auto, known, pghi, admm, gl"):
        ph.to_signal(spec, "magic")
    with pytest.raises(SpecsrError, match="0 of 129 rows.*auto"):
        ph.to_signal(bare, "known")
    with pytest.raises(SpecsrError, match="64 of 129 rows.*auto"):
        ph.to_signal(spec.replace(known=np.arange(129) < 64), "known")
    with pytest.raises(SpecsrError, match="iterations is -1"):
        ph.to_signal(bare, iterations=-1)
    gaps = SpectrogramTransform(256, 256)(Signal(harmonics(2000), RATE)).replace(phase=None)
    with pytest.raises(SpecsrError, match="use more overlap"):
        ph.to_signal(gaps)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_agrees_with_cpu():
    spec = map_of(harmonics()).replace(phase=None)
    cpu = ph.to_signal(spec, iterations=5).samples
    gpu = ph.to_signal(spec, iterations=5, device="cuda").samples
    np.testing.assert_allclose(gpu, cpu, atol=1e-2)


@pytest.mark.parametrize("method", [griffin_lim, admm])
def test_known_rows_of_several_channels_are_those_of_each_channel(method):
    grid = grid_of(700, 64, 16)
    spectra = torch.stack([spectrum_of(harmonics(700), grid), ph.random_phase(
        spectrum_of(harmonics(700), grid).abs(), seed=1)])  # fmt: skip
    start = ph.random_phase(spectra.abs(), seed=5)
    known = torch.arange(33) < 20
    both = method(spectra.abs(), grid, start, 3, known=known, known_spectrum=spectra)
    for channel in (0, 1):
        alone = method(
            spectra[channel].abs(), grid, start[channel], 3, known=known,
            known_spectrum=spectra[channel],
        )  # fmt: skip
        torch.testing.assert_close(both[channel], alone, rtol=1e-6, atol=1e-7)
