"""Pictures as files: written by suffix, whole or not at all, in the colours of their levels."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.plots import maps as plots
from specsr.plots.save import DPI, save_figure
from support.plot_samples import flat


@pytest.mark.parametrize(
    ("suffix", "magic"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".SVG", b"<?xml")]
)
def test_figures_are_written_by_suffix_and_kept(tmp_path: Path, suffix: str, magic: bytes) -> None:
    path = tmp_path / "new" / f"map{suffix}"
    ax = plots.plot_map(flat(60))
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
        save_figure(plots.plot_map(flat(60)).figure, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    path.write_bytes(b"old")
    figure = plots.plot_map(flat(60)).figure

    def fail(target: Path, **options: object) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    figure.savefig = fail
    with pytest.raises(SpecsrError, match="map.png: could not be written"):
        save_figure(figure, path, overwrite=True)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["map.png"]


def test_saved_dots_have_the_colour_of_their_level(tmp_path: Path) -> None:
    from matplotlib import colormaps
    from matplotlib.image import imread

    spec = flat(40)
    magnitude = spec.magnitude.copy()
    magnitude[0, 4, 10] *= 100  # 80 dB: the top; the rest lies halfway down
    ax = plots.plot_map(spec.replace(magnitude=magnitude))
    save_figure(ax, tmp_path / "map.png")
    picture = imread(tmp_path / "map.png")

    def colour(row: int, column: int) -> np.ndarray:
        place = ax.transData.transform((spec.times[column], spec.freqs[row]))
        x, y = (place / ax.figure.dpi * DPI).astype(int)
        return picture[picture.shape[0] - 1 - y, x]

    magma = colormaps["magma"]
    np.testing.assert_allclose(colour(4, 10), magma(1.0), atol=0.02)
    np.testing.assert_allclose(colour(4, 12), magma(0.5), atol=0.02)
    np.testing.assert_allclose(colour(6, 10), magma(0.5), atol=0.02)


def test_matplotlib_is_imported_late_and_pyplot_never(tmp_path: Path) -> None:
    script = (
        "import sys, numpy as np\n"
        "from specsr import plots\n"
        "from specsr.maps.spec_map import Grid, SpecMap\n"
        "assert 'matplotlib' not in sys.modules and 'torch' not in sys.modules\n"
        "g = Grid(1000.0, 32, 8, 300)\n"
        "s = SpecMap(np.ones((1, g.rows, g.frames)), g)\n"
        "plots.save_figure(plots.plot_comparison({'a': s, 'b': s}, 'b'), sys.argv[1])\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    folder = Path(plots.__file__).parents[1]
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.png")], cwd=folder, capture_output=True
    )
    assert result.returncode == 0, result.stderr.decode()
