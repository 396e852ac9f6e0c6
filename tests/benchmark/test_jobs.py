"""The speed benchmark measures what it says; its times are never asserted."""

from __future__ import annotations

import json

import pytest
import torch

from specsr.benchmark import jobs as bench
from specsr.benchmark import network as speed_network
from specsr.benchmark.timing import SpeedOptions
from specsr.models.options import InferOptions
from specsr.models.tiling import run_tiled
from support.command import run

TINY = SpeedOptions(side=24, seconds=2.0, repeats=1)


def test_the_reference_is_the_published_network():
    plain = speed_network.Reference()
    published = 1_517_571  # parameters of the baseline x4 for RGB; here one channel in and out
    one_channel = published - 2 * 9 * 64 - 2 * (9 * 64 + 1)
    assert sum(p.numel() for p in plain.parameters()) == one_channel
    net = speed_network.same_network(plain)
    image = torch.randn(1, 20, 17)
    with torch.inference_mode():
        wanted = plain(image[None])[0]
    for way in (InferOptions(precision="float32"), InferOptions(tile=(9, 9), precision="float32")):
        torch.testing.assert_close(run_tiled(net, image, (4, 4), way), wanted, atol=1e-4, rtol=0)


def test_multiplications_are_counted_at_the_size_where_they_happen():
    plain = speed_network.Reference(n_resblocks=1, n_feats=2)
    body = 9 * (2 + 3 * 4)
    assert speed_network._multiplications(plain) == body + 9 * 16 + 4 * 9 * 16 + 16 * 9 * 2


def test_network_rows_agree_within_their_arithmetic():
    rows = speed_network.network(TINY)
    assert [row["way"].split(" (")[0] for row in rows] == [
        "reference, eager float32", "specsr, float32, plain convolutions", "specsr, float32",
        "specsr, bfloat16", "specsr, auto",
    ]  # fmt: skip
    assert rows[0]["times as fast"] == 1 and rows[0]["error, dB"] is None
    assert rows[1]["error, dB"] < -100 and rows[2]["error, dB"] < -100
    assert -70 < rows[3]["error, dB"] < -25


def test_arithmetic_changes_the_psnr_by_less_than_a_fiftieth_of_a_db():
    rows = speed_network.accuracy()
    assert rows[0]["PSNR, dB"] > 20  # else the picture says nothing
    assert all(abs(row["change, dB"]) < 0.02 for row in rows)


def test_the_parts_of_a_job_do_not_exceed_it():
    rows = bench.jobs(TINY, {"upscale": ["band"], "denoise": ["denoise"]})
    for row in rows:
        parts = [value for key, value in row.items() if key.endswith("%")]
        assert all(value >= -1e-6 for value in parts)
        assert sum(parts) == pytest.approx(100)
        assert row["network, %"] > 0 and row["phase, %"] > 0 and row["read, %"] > 0


def test_tables_and_numbers_are_written(tmp_path, capsys):
    code, shown, _ = run(
        capsys, "benchmark", "speed", "--only", "network", "--side", "16", "--repeats", "1",
        "--json", tmp_path / "s.json", "--markdown", tmp_path / "s.md",
    )  # fmt: skip
    assert code == 0 and "| specsr, float32" in shown
    assert (tmp_path / "s.md").read_text().strip() == shown.strip()
    stored = json.loads((tmp_path / "s.json").read_text())
    assert stored["machine"]["threads"] == torch.get_num_threads()
    assert len(stored["tables"]["network"]) == 5


def test_an_unknown_part_is_refused(capsys):
    code, _, said = run(capsys, "benchmark", "speed", "--only", "network,colour")
    assert code == 1 and "colour: expected of network" in said
