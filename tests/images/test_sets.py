"""Layouts, cache and crops of image pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from specsr.errors import SpecsrError
from specsr.images.imresize import reduce
from specsr.images.pixels import to_float, to_pixels
from specsr.images.sets import ImagePair, find_pairs, load_pair
from specsr.io.image import read_image, write_image
from specsr.train.config import Config
from specsr.train.images import ImageCrops, load_training


def photo(rows: int = 60, columns: int = 48, channels: int = 3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = (rows, columns, channels) if channels > 1 else (rows, columns)
    return rng.integers(0, 256, shape, dtype=np.uint8)


def config(scales=(2,), channels: int = 3, folders=("x",), **train) -> Config:
    return Config.model_validate({
        "name": "test",
        "pair": {"kind": "image", "scales": list(scales)},
        "model": {"name": "mdsr" if len(scales) > 1 else "edsr", "channels": channels},
        "data": {"folders": list(folders), "cache": train.pop("cache", "cache")},
        "train": {"batch": 4, "patch": [8, 8], **train},
    })  # fmt: skip


def test_benchmark_layout_and_its_low_images(tmp_path: Path) -> None:
    write_image(tmp_path / "HR/bird.png", photo())
    write_image(tmp_path / "LR_bicubic/X2/birdx2.png", photo(30, 24))
    [files] = find_pairs(tmp_path, [2, 3])
    assert files.low == {2: tmp_path / "LR_bicubic/X2/birdx2.png"}
    pair = load_pair(files, [2, 3])
    assert np.array_equal(pair.low[2], photo(30, 24))  # read
    assert np.array_equal(pair.low[3], reduce(photo(), 3))  # made


def test_div2k_layout_keeps_train_and_valid_apart(tmp_path: Path) -> None:
    for split, name in (("train", "0001"), ("valid", "0801")):
        write_image(tmp_path / f"DIV2K_{split}_HR/{name}.png", photo())
        low = tmp_path / f"DIV2K_{split}_LR_bicubic/X3/{name}x3.png"
        write_image(low, reduce(photo(), 3))
    assert [f.high.stem for f in find_pairs(tmp_path, [3])] == ["0001"]
    assert [f.high.stem for f in find_pairs(tmp_path, [3], "valid")] == ["0801"]
    assert find_pairs(tmp_path, [3])[0].low[3].name == "0001x3.png"


def test_any_folder_is_searched_and_reduced(tmp_path: Path) -> None:
    write_image(tmp_path / "a/one.png", photo(31, 25, 1))
    write_image(tmp_path / "two.png", photo().astype(np.uint16) * 257)
    write_image(tmp_path / ".hidden/three.png", photo())
    files = find_pairs(tmp_path, [4])
    assert [f.high.stem for f in files] == ["one", "two"]
    pairs = [load_pair(f, [4]) for f in files]
    assert pairs[0].low[4].shape == (7, 6)
    assert pairs[1].low[4].dtype == np.uint16


def test_missing_and_mismatched_pairs_are_named(tmp_path: Path) -> None:
    write_image(tmp_path / "HR/bird.png", photo())
    (tmp_path / "LR_bicubic/X2").mkdir(parents=True)
    with pytest.raises(SpecsrError, match=r"birdx2\.png.*missing"):
        find_pairs(tmp_path, [2])
    write_image(tmp_path / "LR_bicubic/X2/birdx2.png", photo(20, 16))
    [files] = find_pairs(tmp_path, [2])
    with pytest.raises(SpecsrError, match=r"birdx2\.png: 20 x 16.*needs 30 x 24"):
        load_pair(files, [2])
    write_image(tmp_path / "LR_bicubic/X2/birdx2.png", photo(30, 24, 1), overwrite=True)
    with pytest.raises(SpecsrError, match="with 1 channel, but"):
        load_pair(files, [2])
    with pytest.raises(SpecsrError, match="no such folder"):
        find_pairs(tmp_path / "nowhere", [2])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpecsrError, match="holds no image"):
        find_pairs(tmp_path / "empty", [2])
    write_image(tmp_path / "tiny/dot.png", photo(1, 9))
    with pytest.raises(SpecsrError, match=r"dot\.png.*smaller than one cell"):
        load_pair(find_pairs(tmp_path / "tiny", [2])[0], [2])


def test_cache_survives_an_interrupted_write_and_a_changed_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "in/one.png", photo())
    [files], cache = find_pairs(tmp_path / "in", [2]), tmp_path / "cache"

    def interrupted(file, array) -> None:
        file.write(b"\x93NUMPY")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load_pair(files, [2], cache)
    assert not list(cache.glob("*"))
    expected = reduce(photo(), 2)
    assert np.array_equal(load_pair(files, [2], cache).low[2], expected)
    for stored in cache.iterdir():  # cut short by other means
        stored.write_bytes(stored.read_bytes()[:100])
    assert np.array_equal(load_pair(files, [2], cache).low[2], expected)
    again = load_pair(files, [2], cache)
    assert isinstance(again.low[2], np.memmap)
    write_image(tmp_path / "in/one.png", photo(40, 40, seed=5), overwrite=True)
    assert load_pair(files, [2], cache).low[2].shape == (20, 20, 3)


@pytest.mark.parametrize("patch", [[8, 8], [6, 9]])
def test_crops_stay_aligned_under_flips_and_turns(patch: list[int]) -> None:
    pairs = []
    for seed in range(3):
        low = photo(20, 17, seed=seed)
        high = {s: np.kron(low, np.ones((s, s, 1), np.uint8)) for s in (2, 3)}
        pairs.append({s: ImagePair(str(seed), high[s], {s: low}) for s in (2, 3)})
    seen = set()
    for s in (2, 3):
        square = patch[0] == patch[1]
        crops = ImageCrops([p[s] for p in pairs], config([s], batch=1, patch=patch), 40)
        for step in range(len(crops)):
            low, high, scale, _ = crops[step]
            assert scale == (s, s) and high.shape[2:] == (low.shape[2] * s, low.shape[3] * s)
            assert low.dtype == high.dtype == torch.uint8
            enlarged = low.repeat_interleave(s, -1).repeat_interleave(s, -2)
            assert torch.equal(enlarged, high)
            assert square or tuple(low.shape[2:]) == tuple(patch)
            seen.add(low.numpy().tobytes())
    assert len(seen) > 35  # places and turns vary


def test_all_eight_turns_occur_equally() -> None:
    low = np.arange(64, dtype=np.uint8).reshape(8, 8)
    pair = ImagePair("one", np.kron(low, np.ones((2, 2), np.uint8)), {2: low})
    crops = ImageCrops([pair], config(channels=1, batch=16), 50)
    counts: dict[bytes, int] = {}
    for step in range(50):
        for image in crops[step][0]:
            counts[image.numpy().tobytes()] = counts.get(image.numpy().tobytes(), 0) + 1
    assert len(counts) == 8 and min(counts.values()) > 60


def test_batches_are_a_function_of_seed_and_step() -> None:
    pair = ImagePair("one", photo(64, 64), {2: photo(32, 32), 3: photo(21, 21)})
    options = config([2, 3], scale_weights=[1, 3], patches=[[12, 12], [8, 8]])
    one, other = ImageCrops([pair], options, 60), ImageCrops([pair], options, 60)
    scales = []
    for step in (5, 3, 59):
        assert all(torch.equal(a, b) for a, b in zip(one[step][:2], other[step][:2]))
    for low, _, scale, _ in (one[step] for step in range(60)):
        assert low.shape[2] == {2: 12, 3: 8}[scale[0]]  # each scale has its own patch
        scales.append(scale[0])
    assert 30 < scales.count(3) < 57
    assert not torch.equal(ImageCrops([pair], config([2], seed=1), 60)[5][0], one[5][0][:, :, :8])
    with pytest.raises(IndexError):
        one[60]


def test_patches_too_large_are_refused() -> None:
    pair = ImagePair("one", photo(64, 64), {2: photo(32, 32)})
    with pytest.raises(SpecsrError, match=r"no image is as large as a patch of 33 x 33 at x2"):
        ImageCrops([pair], config(patch=[8, 33]), 4)


def test_channels_become_what_the_network_takes() -> None:
    colour, gray = photo(5, 4), photo(5, 4, 1)
    assert to_float(gray, 3).shape == (3, 5, 4) and to_float(np.dstack([colour, gray]), 3).max()
    assert np.array_equal(to_float(colour, 3), to_float(colour.astype(np.uint16) * 257, 3))
    y = colour @ np.array([65.481, 128.553, 24.966]) / 255 + 16
    assert to_float(colour, 1)[0] == pytest.approx(y, rel=1e-5)
    deep = np.arange(0, 65536, 13, dtype=np.uint16).reshape(1, -1)
    assert np.array_equal(to_pixels(to_float(deep, 1), np.uint16), deep)


def test_validation_images_are_not_trained_on(tmp_path: Path) -> None:
    for i in range(16):
        write_image(tmp_path / f"in/{i:02d}.png", photo(24, 24, seed=i))
    write_image(tmp_path / "held/other.png", photo(24, 24))
    options = config(folders=[str(tmp_path / "in")], cache=str(tmp_path / "cache"), hold_out=4)
    seen, held = load_training(options, list)
    assert len(held) == 2 and len(seen) == 14
    assert not {p.name for p in seen} & {p.name for p in held}
    data = options.data.model_copy(update={"validate_on": [str(tmp_path / "held")]})
    seen, held = load_training(options.model_copy(update={"data": data}), list)
    assert len(seen) == 16 and [p.name for p in held] == ["other"]


def test_low_images_beside_the_project_fit(shared_data: Path) -> None:
    folder = shared_data / "images/benchmark/Set5"
    for files in find_pairs(folder, [2, 3, 4]):
        pair = load_pair(files, [2, 3, 4])
        for scale in (2, 3, 4):
            assert np.array_equal(pair.low[scale], reduce(read_image(files.high), scale))
