"""Check the links between the pages of a built site: every file and every anchor exists."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """Links, sources of images and scripts, and anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors = {"", "top"}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name in ("id", "name"):
                self.anchors.add(value)
            elif (name == "href" and tag != "base") or name == "src":
                self.links.add(value)


def broken_links(site: Path) -> list[str]:
    """Return "page: link" for each link of a site to a file or an anchor that it does not have.

    Links to other sites are left out (``sphinx-build -b linkcheck`` tries them).
    """
    site = site.resolve()
    pages: dict[Path, _Page] = {}
    for path in sorted(site.rglob("*.html")):
        pages[path] = _Page()
        pages[path].feed(path.read_text(encoding="utf-8"))
    found = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[target].anchors if target in pages else None
            inside = target.is_relative_to(site) and target.is_file()
            if not inside or (anchors is not None and unquote(parts.fragment) not in anchors):
                found.append(f"{path.relative_to(site)}: {link}")
    return found
