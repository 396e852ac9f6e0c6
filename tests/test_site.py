"""The site of the documentation: its check of links finds what leads nowhere."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
broken_links = runpy.run_path(str(ROOT / "docs" / "site" / "links.py"))["broken_links"]

PAGE = '<!doctype html><h1 id="one">One</h1><img src="_images/a%20b.png">'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site of two pages and a picture."""
    (tmp_path / "_images").mkdir()
    (tmp_path / "_images" / "a b.png").write_bytes(b"")
    (tmp_path / "index.html").write_text(PAGE)
    return tmp_path


@pytest.mark.parametrize(
    "link", ["index.html", "index.html#one", "#two", "", "https://example.org/x", "mailto:a@b.c"]
)
def test_links_that_lead_somewhere_pass(site: Path, link: str) -> None:
    (site / "other.html").write_text(f'<a id="two" href="{link}">x</a>')
    assert broken_links(site) == []


@pytest.mark.parametrize("link", ["none.html", "index.html#two", "#one", "../x.html", "_images"])
def test_links_that_lead_nowhere_are_listed(site: Path, link: str) -> None:
    (site / "other.html").write_text(f'<a id="two" href="{link}">x</a>')
    assert broken_links(site) == [f"other.html: {link}"]
