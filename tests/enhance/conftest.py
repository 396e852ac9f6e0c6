"""Jobs that the tests of processing in segments share."""

from __future__ import annotations

import pytest

from specsr.enhance.band import upscale_band, upscale_pieces
from specsr.enhance.band_options import BandOptions
from specsr.enhance.denoise import denoise, denoise_pieces
from specsr.models.model import save_model
from support.segment_samples import tiny


@pytest.fixture(scope="module", params=["denoise", "band"])
def job(request, tmp_path_factory):
    """Command, pieces and whole function, options and model file of a job."""
    model = tiny(request.param)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(path, model)
    if request.param == "denoise":
        return "denoise", denoise_pieces, denoise, {"model": model}, path
    options = {"model": model, "band": BandOptions(iterations=2)}
    return "upscale", upscale_pieces, upscale_band, options, path
