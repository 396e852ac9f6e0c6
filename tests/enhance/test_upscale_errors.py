"""Super-resolution: options and inputs that do not fit end in one line that names them."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.enhance.maps import upscale_map
from specsr.enhance.resolution import low_map
from specsr.errors import SpecsrError
from specsr.io import limits
from specsr.maps.grid import Grid
from specsr.maps.pooling import pool
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform, spectrogram
from specsr.models.bundled import find_model
from support import music as samples


@pytest.fixture(scope="module")
def run() -> specsr.synth.synthesis.Synthetic:
    return specsr.synthesise(specsr.random_run_up(4321, 25600.0, 2.0, line_to_noise=20.0))


@pytest.fixture(scope="module")
def music() -> specsr.Signal:
    return samples.music()


def test_errors_name_the_option(run, music):
    low = pool(spectrogram(run.signal, hop_length=256), 4, 4)
    with pytest.raises(specsr.SpecsrError, match="has scale 2, 3, 4, not 5x5"):
        specsr.upscale(low, scale=5)
    with pytest.raises(specsr.SpecsrError, match="trained for the pair 'band'"):
        specsr.upscale(low, scale=4, model="band")
    with pytest.raises(specsr.SpecsrError, match="consistency is 'rows'"):
        specsr.upscale(low, scale=4, consistency="rows")
    with pytest.raises(specsr.SpecsrError, match="no bundled model"):
        find_model("nosuch", "pool", (4, 4))
    with pytest.raises(specsr.SpecsrError, match="rate is 1000 Hz"):
        specsr.upscale(music.replace(rate=1000.0), scale=2)


def one_line(call, words: str) -> None:
    """Assert that a call raises a `SpecsrError` of one line that matches ``words``."""
    with pytest.raises(specsr.SpecsrError, match=words) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pair": "band"}, "pair is 'band': expected pool or stft for a map"),
        ({"pair": "image"}, "pair is 'image': expected one of band, pool, stft"),
        (
            {"consistency": "cells"},
            "consistency is 'cells': expected one of measured, expected, off",
        ),
        ({"scale": 1}, "scale is 1: expected a whole number from 2 up"),
        ({"scale": 2.5}, r"scale is 2\.5"),
        ({"scale": (2, 2, 2)}, r"scale is \(2, 2, 2\)"),
        ({"scale": (2, 0)}, r"scale is \(2, 0\)"),
    ],
)
def test_options_that_do_not_fit_a_map_are_refused(run, options, words):
    low = pool(spectrogram(run.signal, hop_length=256), 4, 4)
    one_line(lambda: specsr.upscale(low, **options), words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"consistency": "cells"},
            "consistency is 'cells': expected one of measured, expected, off",
        ),
        (
            {"consistency": "measured"},
            "consistency is 'measured': the pair band takes only 'off'; leave it out",
        ),
        ({"scale": (2, 1)}, r"scale is \(2, 1\): the pair band takes one whole number"),
        ({"scale": 1}, "scale is 1: the pair band takes a whole number from 2 up"),
        (
            {"speed": specsr.SpeedOptions(find=False)},
            "speed is for maps: leave it out for the pair band",
        ),
        ({"pair": "pool", "scale": 0}, "scale is 0: expected a whole number from 2 up"),
    ],
)
def test_options_that_do_not_fit_a_recording_are_refused(music, options, words):
    one_line(lambda: specsr.upscale(music, **options), words)


def test_only_low_map_takes_a_transform(run, music):
    transform = SpectrogramTransform(1024, 512, "hamming")
    low = specsr.low_map(run.signal, 2, transform=transform)
    assert low.grid == pool(transform(run.signal), 2, 2).grid
    for x in (low, music):
        with pytest.raises(TypeError, match="transform"):
            specsr.upscale(x, transform=transform)
    one_line(lambda: low_map(music, 2, "band", transform), "pair is 'band': expected pool or stft")
    one_line(lambda: low_map(music, 3, transform=transform), "cannot be pooled by 3: choose n_fft")


def test_a_finer_map_that_exceeds_the_memory_is_refused_before_any_work():
    grid = Grid(48000.0, 24000, 256, 256 * 11_999, cell=(4, 4))
    low = SpecMap(np.ones((1, grid.rows, grid.frames), np.float32), grid)
    with (
        limits.max_memory("1G"),
        pytest.raises(SpecsrError, match=r"a finer map of 12001 x 12000 cells needs 4.0 GB"),
    ):
        upscale_map(low, 4)


@pytest.mark.parametrize(
    "verb",
    [specsr.upscale, specsr.denoise, specsr.spectrogram, specsr.plot, specsr.to_xarray],
    ids=lambda verb: verb.__name__,
)
def test_verbs_name_the_type_that_they_expect(verb):
    one_line(lambda: verb("run.wav"), "got a str: expected a (Signal|SpecMap)")


def test_an_attenuation_that_is_no_number_is_named(music):
    one_line(lambda: specsr.denoise(music, attenuation=np.nan), "attenuation is nan")


@pytest.mark.parametrize("wrong", [{"ensemble": True}, True], ids=["dict", "bool"])
@pytest.mark.parametrize(
    "verb",
    [
        specsr.upscale, specsr.upscale_band, upscale_map, specsr.denoise, specsr.sharp_map,
        specsr.upscale_image,
    ],
    ids=lambda verb: verb.__name__,
)  # fmt: skip
def test_options_of_another_type_are_named_with_the_type_that_makes_them(run, music, verb, wrong):
    x = {"upscale_map": low_map(music, 4), "upscale_image": np.zeros((8, 8), np.uint8)}
    one_line(
        lambda: verb(x.get(verb.__name__, music), options=wrong),
        f"got a {type(wrong).__name__}: expected a InferOptions; specsr.InferOptions",
    )
