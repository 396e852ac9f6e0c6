"""Sphinx extension: the contents, the entries of the reference, and the gallery with its pictures.

The pages are plain Markdown, readable in the repository as they are.  What only a site can have is
added while a page is read: the list of contents, an entry for every name of a page of the
reference, and for every script of the gallery a page with its picture beside its code.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import runpy
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from links import broken_links
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

import specsr

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "docs" / "gallery"
PICTURES = ROOT / "build" / "gallery"
NOTEBOOKS = ROOT / "build" / "notebooks"
"""Notebooks with their outputs, if they ran (`tests/test_notebooks.py`)."""

CONTENTS = {
    "Start": ["/docs/tutorial", "/docs/install", "/docs/gallery"],
    "How to": [
        "/docs/pairs",
        "/docs/nvh",
        "/docs/images",
        "/docs/models",
        "/docs/formats",
        "/docs/app",
        "/docs/json",
    ],  # fmt: skip
    "Reference": ["/docs/reference/index", "/docs/reference/commands"],
    "Evidence": ["/docs/results", "/docs/CONFORMANCE", "/benchmarks/results/README"],
    "Development": ["/CONTRIBUTING", "/docs/testing", "/SECURITY", "/CHANGELOG"],
}
"""Pages by the heading of the side bar; further pages of docs/ follow below ``How to``."""

log = logging.getLogger(__name__)


def title_and_code(script: str) -> tuple[str, str, str]:
    """Return the title, the text below it and the code of a script of the gallery."""
    tree = ast.parse(script)
    title, _, text = (ast.get_docstring(tree) or "").partition("\n")
    code = "".join(script.splitlines(keepends=True)[tree.body[0].end_lineno :])
    return title.rstrip("."), text.strip(), code.strip("\n")


def picture_of(name: str) -> Path:
    """Return the picture of a script; no other picture of the site has its name."""
    return PICTURES / f"gallery-{name}.png"


def script_page(name: str, script: str) -> str:
    """Return the page of a script as Markdown: its text, its picture, its code."""
    title, text, code = title_and_code(script)
    picture = "/" + picture_of(name).relative_to(ROOT).as_posix()
    run = f"python docs/gallery/{name}.py {name}.png"
    return (
        f"# {title}\n\n{text}\n\n"
        f"```{{image}} {picture}\n:alt: {title}\n```\n\n"
        f"```python\n{code}\n```\n\nTo run it: `{run}`\n"
    )


def gallery_page(text: str) -> str:
    """Return the page of the gallery with a picture for every script, and all its pages."""
    cards, names = [], []
    for path in sorted(SCRIPTS.glob("*.py")):
        title = title_and_code(path.read_text())[0]
        names.append(f"/docs/gallery/{path.stem}")
        cards.append(
            f'<a href="gallery/{path.stem}.html"><img loading="lazy" alt="" '
            f'src="../_images/{picture_of(path.stem).name}"><span>{title}</span></a>'
        )
    grid = '```{raw} html\n<div class="gallery">\n' + "\n".join(cards) + "\n</div>\n```\n"
    notebooks = [f"/notebooks/{path.stem}" for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    return text.replace("<!-- pictures -->", grid) + toctree(names + notebooks)


def contents() -> str:
    """Return the contents of the site: every page has its place in the side bar."""
    named = {page for pages in CONTENTS.values() for page in pages}
    found = [f"/docs/{path.stem}" for path in sorted((ROOT / "docs").glob("*.md"))]
    further = [page for page in found if page not in {*named, "/docs/index"}]
    listed = {**CONTENTS, "How to": CONTENTS["How to"] + further}
    return "".join(toctree(pages, caption) for caption, pages in listed.items())


def toctree(names: list[str], caption: str = "") -> str:
    """Return a hidden list of contents as Markdown."""
    head = f":caption: {caption}\n" if caption else ""
    return "\n```{toctree}\n:hidden:\n" + head + "\n".join(names) + "\n```\n"


def reference_page(text: str) -> str:
    """Return a page of the reference with the entry of every name that it lists."""

    def entry(found: re.Match[str]) -> str:
        kind = "class" if inspect.isclass(getattr(specsr, found[1])) else "function"
        members = "   :members:\n" if kind == "class" else ""
        return f"```{{eval-rst}}\n.. auto{kind}:: specsr.{found[1]}\n{members}```\n"

    return re.sub(r"^- `specsr\.(\w+)`.*(?:\n  .*)*$", entry, text, flags=re.M)


def commands_page(text: str) -> str:
    """Return the page of the commands with the help text of each."""
    from typer.main import get_command
    from typer.testing import CliRunner

    from specsr.cli.app import app

    def found(command: Any, words: list[str]) -> list[str]:
        inner = getattr(command, "commands", {})
        own = [] if inner else [" ".join(words)]
        return own + [line for name in sorted(inner) for line in found(inner[name], [*words, name])]

    for line in found(get_command(app), []):
        result = CliRunner().invoke(app, [*line.split(), "--help"], terminal_width=96)
        text += f"\n## specsr {line}\n\n```text\n{result.stdout.strip()}\n```\n"
    return text


def read_page(app: Sphinx, name: str, source: list[str]) -> None:
    """Add to a page what only the site has."""
    text = source[0]
    if name == "docs/index":
        text += contents()
    elif name == "docs/gallery":
        text = gallery_page(text)
    elif name.startswith("docs/gallery/"):
        text = script_page(name.rsplit("/", 1)[1], text)
    elif name == "docs/reference/index":
        names = re.findall(r"^- .*\((\w+)\.md\)", text, re.M)
        text += toctree([f"/docs/reference/{name}" for name in names])
    elif name == "docs/reference/commands":
        text = commands_page(text)
    elif name.startswith("docs/reference/"):
        text = reference_page(text)
    elif name == "benchmarks/results/README":
        tables = sorted(path.stem for path in (ROOT / "benchmarks" / "results").glob("[!R]*.md"))
        text += toctree([f"/benchmarks/results/{table}" for table in tables])
    elif name.startswith("notebooks/"):
        ran = NOTEBOOKS / f"{name.rsplit('/', 1)[1]}.ipynb"
        text = ran.read_text() if ran.is_file() else text
    # a folder shows its README in the repository
    source[0] = text.replace("](../benchmarks/results)", "](../benchmarks/results/README.md)")


def escape_bars(
    app: Sphinx, kind: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Show ``|x|`` in a docstring as written: to docutils it is a substitution."""
    for at, line in enumerate(lines):
        parts = line.split("``")
        parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
        lines[at] = "``".join(parts)


def run_script(script: Path, picture: Path) -> None:
    """Run a script of the gallery from the root of the repository."""
    os.environ["MPLBACKEND"] = "agg"
    os.chdir(ROOT)
    sys.argv = [str(script), str(picture)]
    runpy.run_path(str(script), run_name="__main__")
    if not picture.is_file():
        raise ExtensionError(f"{script}: wrote no picture to {picture}, its first argument")


def run_scripts(app: Sphinx) -> None:
    """Make the pictures of the gallery that are missing or older than the code."""
    if app.builder.format != "html":
        return
    PICTURES.mkdir(parents=True, exist_ok=True)
    changed = max(path.stat().st_mtime for path in (ROOT / "specsr").rglob("*.py"))
    jobs = {}
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        for script in sorted(SCRIPTS.glob("*.py")):
            picture = picture_of(script.stem)
            newest = max(changed, script.stat().st_mtime)
            if not picture.is_file() or picture.stat().st_mtime < newest:
                picture.unlink(missing_ok=True)
                jobs[script] = pool.submit(run_script, script, picture)
        for script, job in jobs.items():
            log.info("gallery: %s", script.name)
            try:
                job.result()
            except Exception as error:
                raise ExtensionError(f"{script}: {type(error).__name__}: {error}") from error


def finish(app: Sphinx, error: Exception | None) -> None:
    """Lead from the root of the site to its first page, and check all links of the site."""
    if error is None and app.builder.format == "html":
        page = '<!doctype html><meta charset="utf-8"><title>specsr</title>'
        page += '<meta http-equiv="refresh" content="0; url=docs/index.html">'
        page += '<a href="docs/index.html">specsr</a>\n'
        (Path(app.outdir) / "index.html").write_text(page)
        if broken := broken_links(Path(app.outdir)):
            raise ExtensionError("links that lead nowhere:\n" + "\n".join(broken))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", run_scripts)
    app.connect("source-read", read_page)
    app.connect("autodoc-process-docstring", escape_bars)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
