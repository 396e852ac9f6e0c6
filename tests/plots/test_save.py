"""Figures as files: formats, complete writes, colours of the levels."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.plots.maps import plot_map
from specsr.plots.save import DPI, save_figure
from support.plot_samples import flat


@pytest.mark.parametrize(
    ("suffix", "magic"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".SVG", b"<?xml")]
)
def test_figures_are_written_by_suffix_and_not_overwritten(
    tmp_path: Path, suffix: str, magic: bytes
) -> None:
    path = tmp_path / "new" / f"map{suffix}"
    ax = plot_map(flat(60))
    save_figure(ax.figure, path)
    written = path.read_bytes()
    assert written.startswith(magic)
    with pytest.raises(SpecsrError, match=f"map{suffix}: exists already"):
        save_figure(ax.figure, path)
    assert path.read_bytes() == written
    ax.set_title("again")
    save_figure(ax, path, overwrite=True)
    assert path.read_bytes() != written
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["map.jpg", "map", "map.tmp"])
def test_unknown_suffix_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecsrError, match=f"{name}: unknown suffix .*.png, .pdf, .svg"):
        save_figure(plot_map(flat(60)).figure, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    path.write_bytes(b"old")
    figure = plot_map(flat(60)).figure

    def fail(target: Path, **options: object) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    figure.savefig = fail
    with pytest.raises(SpecsrError, match="map.png: could not be written"):
        save_figure(figure, path, overwrite=True)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["map.png"]


def test_saved_pixels_have_the_colour_of_their_level(tmp_path: Path) -> None:
    from matplotlib import colormaps
    from matplotlib.image import imread

    spec = flat(40)
    magnitude = spec.magnitude.copy()
    magnitude[0, 4, 10] *= 100  # 80 dB: the top of the scale; 40 dB is its middle
    ax = plot_map(spec.replace(magnitude=magnitude))
    save_figure(ax, tmp_path / "map.png")
    pixels = imread(tmp_path / "map.png")

    def colour(row: int, column: int) -> np.ndarray:
        place = ax.transData.transform((spec.times[column], spec.freqs[row]))
        x, y = (place / ax.figure.dpi * DPI).astype(int)
        return pixels[pixels.shape[0] - 1 - y, x]

    magma = colormaps["magma"]
    np.testing.assert_allclose(colour(4, 10), magma(1.0), atol=0.02)
    np.testing.assert_allclose(colour(4, 12), magma(0.5), atol=0.02)
    np.testing.assert_allclose(colour(6, 10), magma(0.5), atol=0.02)


def test_matplotlib_is_imported_late_and_pyplot_never(tmp_path: Path) -> None:
    script = (
        "import sys, numpy as np\n"
        "from specsr.maps.grid import Grid\n"
        "from specsr.maps.spec_map import SpecMap\n"
        "from specsr.plots.comparison import plot_comparison\n"
        "from specsr.plots.save import save_figure\n"
        "assert 'matplotlib' not in sys.modules and 'torch' not in sys.modules\n"
        "g = Grid(1000.0, 32, 8, 300)\n"
        "s = SpecMap(np.ones((1, g.rows, g.frames)), g)\n"
        "save_figure(plot_comparison({'a': s, 'b': s}, 'b'), sys.argv[1])\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.png")], capture_output=True
    )
    assert result.returncode == 0, result.stderr.decode()
