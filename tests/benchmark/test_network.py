"""Speed benchmark of a network: reference, counted arithmetic, rows; no time is asserted."""

from __future__ import annotations

import torch

from specsr.benchmark.network import Reference, accuracy, multiplications, network, same_network
from specsr.benchmark.options import SpeedOptions
from specsr.models.options import InferOptions
from specsr.models.tiling import run_tiled


def test_the_reference_is_the_published_network():
    plain = Reference()
    published = 1_517_571  # parameters of the baseline x4 for RGB; here one channel in and out
    one_channel = published - 2 * 9 * 64 - 2 * (9 * 64 + 1)
    assert sum(p.numel() for p in plain.parameters()) == one_channel
    net = same_network(plain)
    image = torch.randn(1, 20, 17)
    with torch.inference_mode():
        expected = plain(image[None])[0]
    for options in (
        InferOptions(precision="float32"), InferOptions(tile=(9, 9), precision="float32"),
    ):  # fmt: skip
        output = run_tiled(net, image, (4, 4), options)
        torch.testing.assert_close(output, expected, atol=1e-4, rtol=0)


def test_multiplications_are_counted_at_the_size_of_their_layer():
    plain = Reference(n_resblocks=1, n_feats=2)
    body = 9 * (2 + 3 * 4)
    assert multiplications(plain) == body + 9 * 16 + 4 * 9 * 16 + 16 * 9 * 2


def test_network_rows_agree_within_their_arithmetic():
    rows = network(SpeedOptions(side=24, repeats=1))
    assert [row["method"] for row in rows] == [
        "reference, eager float32", "specsr, float32, plain convolutions", "specsr, float32",
        "specsr, bfloat16",
    ]  # fmt: skip
    assert rows[0]["times as fast"] == 1 and rows[0]["error, dB"] is None
    assert rows[1]["error, dB"] < -100 and rows[2]["error, dB"] < -100
    assert -70 < rows[3]["error, dB"] < -25


def test_slow_arithmetic_has_a_row_without_numbers(monkeypatch):
    """On a processor without bfloat16 its rows would take hours."""
    slow, used = {"bfloat16": 38.2}, []

    def watched(net, image, scale, options):
        used.append(options.precision)
        return run_tiled(net, image, scale, options)

    monkeypatch.setattr("specsr.benchmark.network.run_tiled", watched)
    found = [network(SpeedOptions(side=24, repeats=1), slow), accuracy(slow)]
    assert set(used) == {"float32"}
    for *rows, last in found:
        assert last.keys() == rows[0].keys()
        assert last.pop("method") == (
            "specsr, bfloat16: not measured, 38 times slower than float32 here"
        )
        assert set(last.values()) == {None}
        assert not any("bfloat16" in row["method"] for row in rows)


def test_arithmetic_changes_the_psnr_by_less_than_a_fiftieth_of_a_db():
    rows = accuracy()
    assert rows[0]["PSNR, dB"] > 20  # the image is reproduced at all
    assert all(abs(row["change, dB"]) < 0.02 for row in rows)
