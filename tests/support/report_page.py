"""What a page of a report holds: its text, tables, scripts and figures."""

from __future__ import annotations

import ast
import json
import re
from html.parser import HTMLParser

import specsr
from specsr.synth.machine import RunUp
from specsr.synth.synthesis import synthesise


class Page(HTMLParser):
    """Headings, tables, paragraphs and scripts of a page, and addresses that it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings, self.notes, self.audio, self.scripts = [], {}, [], []
        self.tables: dict[str, list[list[str]]] = {}
        self.outside, self.open, self.table = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        given = dict(attrs)
        self.open.append((tag, given.get("class", "")))
        if tag == "table":
            self.table = given["id"]
            self.tables[self.table] = []
        elif tag == "tr":
            self.tables[self.table].append([])
        elif tag in ("td", "th"):
            self.tables[self.table][-1].append("")
        elif tag == "audio":
            self.audio.append(given["src"])
        for name in ("src", "href"):
            if name in given and not given[name].startswith("data:"):
                self.outside.append(given[name])
        if tag in ("meta", "link", "img"):
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tag, kind = self.open[-1] if self.open else ("", "")
        if tag == "h2":
            self.headings.append(data)
        elif tag == "p":
            self.notes.setdefault(kind, []).append(data)
        elif tag in ("td", "th"):
            self.tables[self.table][-1][-1] += data
        elif tag == "script":
            self.scripts.append(data)


def figures(page: Page) -> list[dict]:
    """Every object of the Bokeh documents in the page."""
    text = next(s for s in page.scripts if "const docs_json" in s)
    [raw] = re.findall(r"const docs_json = ('(?:[^'\\]|\\.)*');", text)
    found: list[dict] = []

    def walk(node) -> None:
        if isinstance(node, dict):
            if "name" in node and "attributes" in node:
                found.append(node)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(json.loads(ast.literal_eval(raw)))
    return found


def upscaled() -> dict[str, specsr.Signal]:
    """Return a run-up at half its rate, that at the full rate, and the run-up itself."""
    run = RunUp(duration=2.0, rpm=(1500.0, 4500.0), line_to_noise=20.0)
    full = synthesise(run).signal
    low = full.resample(full.rate / 2)
    return {"low": low, "high": low.resample(full.rate), "reference": full}
