"""Image benchmark: published rows, and sets or scales that do not exist."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from specsr.benchmark.images import run_benchmark
from specsr.benchmark.options import BenchmarkOptions
from specsr.benchmark.published import PUBLISHED
from specsr.errors import SpecsrError
from specsr.io.image import write_image
from support.image_samples import model, photo, write_sets

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    return write_sets(tmp_path / "sets")


def test_missing_sets_and_scales_are_refused(tmp_path: Path, sets: Path) -> None:
    for options, message in (
        ({"sets": ("Set9",)}, "no set Set9"), ({"protocols": ("best",)}, "protocol is best"),
        ({"scales": (5,)}, "none of the models has x5"),
    ):  # fmt: skip
        with pytest.raises(SpecsrError, match=message):
            run_benchmark(sets, [model()], BenchmarkOptions(**options))
    write_image(sets / "Set5/HR/2.png", photo().astype(np.uint16))
    with pytest.raises(SpecsrError, match=r"2\.png: expected uint8"):
        run_benchmark(sets, [model()], BenchmarkOptions(sets=("Set5",), scales=(2,)))
    with pytest.raises(SpecsrError, match="no such folder"):
        run_benchmark(tmp_path / "nowhere", [model()])


@pytest.mark.parametrize("name", ["Set5", pytest.param("B100", marks=pytest.mark.slow)])
def test_published_bicubic_rows_are_reproduced(shared_data: Path, name: str) -> None:
    options = BenchmarkOptions(sets=(name,), protocols=("paper",))
    report = run_benchmark(shared_data / "images/benchmark", [], options)
    assert len(report.rows) == 3
    for row in report.rows:
        psnr, ssim = PUBLISHED["paper"][name, row.scale]["Bicubic"]
        assert row.psnr == pytest.approx(psnr, abs=0.005)
        assert row.ssim == pytest.approx(ssim, abs=0.0005)


@pytest.mark.slow
def test_bicubic_psnr_of_set14(shared_data: Path) -> None:
    options = BenchmarkOptions(sets=("Set14",), protocols=("paper",))
    report = run_benchmark(shared_data / "images/benchmark", [], options)
    measured = {row.scale: row.psnr for row in report.rows}
    assert measured == pytest.approx({2: 30.232, 3: 27.541, 4: 26.000}, abs=0.001)


@pytest.mark.slow
def test_bundled_models_beat_a_plus_on_set5(shared_data: Path) -> None:
    report = run_benchmark(
        shared_data / "images/benchmark", None, BenchmarkOptions(("Set5",), protocols=("paper",))
    )
    for row in report.rows:
        if row.method != "bicubic":
            psnr, ssim = PUBLISHED["paper"]["Set5", row.scale]["A+"]
            assert row.psnr > psnr and row.ssim > ssim, row
