"""The device asked for reaches the phase, not the network alone."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.enhance import band
from specsr.enhance.noise_profile import Noise
from specsr.maps import phase
from specsr.maps.pooling import pool
from specsr.maps.transform import SpectrogramTransform
from specsr.models.options import InferOptions
from support.command import run

RATE = 24000.0
SIGNAL = specsr.Signal(
    0.1 * np.random.default_rng(0).standard_normal((1, 6000)).astype(np.float32), RATE
)


@pytest.fixture
def seen(monkeypatch) -> list[str]:
    """Devices that phases are estimated and inverted on, in order."""
    found: list[str] = []
    for module in (band, phase):
        monkeypatch.setattr(
            module, "to_signal",
            lambda *given, device="none", own=module.to_signal, **more: (
                found.append(device) or own(*given, device=device, **more)
            ),
        )  # fmt: skip
    inverse = SpectrogramTransform.inverse
    monkeypatch.setattr(
        SpectrogramTransform, "inverse",
        lambda spec, device="none": found.append(device) or inverse(spec, device),
    )  # fmt: skip
    return found


def test_upscale_and_denoise_pass_their_device(seen):
    options = InferOptions(device="cpu")
    specsr.upscale_band(SIGNAL, 2, band=specsr.BandOptions(iterations=2), options=options)
    assert seen == ["cpu"]
    specsr.denoise(SIGNAL, options=options)
    assert seen == ["cpu"] * 4  # what was removed, what was kept, the result


@pytest.mark.parametrize("found", [False, True])
def test_denoise_with_a_known_noise_passes_its_device(seen, found):
    noise = Noise(SIGNAL.replace(samples=SIGNAL.samples[:, ::-1].copy()), found=found)
    specsr.denoise(SIGNAL, noise=noise, options=InferOptions(device="cpu"))
    assert seen and set(seen) == {"cpu"}


def test_a_waveform_written_from_a_map_is_computed_on_the_device(seen, tmp_path, capsys):
    low = pool(specsr.spectrogram(SIGNAL, n_fft=512, hop_length=128), 2, 2)
    specsr.write_map(tmp_path / "low.npz", low)
    out = tmp_path / "fine.wav"
    code, _, err = run(
        capsys, "upscale", tmp_path / "low.npz", "--scale", 2, "--phase", "pghi", "--device", "cpu",
        "-o", out,
    )  # fmt: skip
    assert code == 0, err
    assert seen == ["cpu"] and out.exists()


@pytest.mark.parametrize("words", [("--keep", "impacts"), ("--orders", "--keep", "impacts")])
def test_impacts_and_orders_are_given_back_on_the_device(seen, tmp_path, capsys, words):
    run_up = specsr.synthesise(specsr.RunUp(rate=RATE, duration=1.0, rpm=(1200, 2400))).signal
    specsr.write(tmp_path / "run.h5", run_up)
    code, _, err = run(
        capsys, "denoise", tmp_path / "run.h5", *words, "--device", "cpu",
        "-o", tmp_path / "quiet.wav",
    )  # fmt: skip
    assert code == 0, err
    assert len(seen) >= 3 and set(seen) == {"cpu"}
