"""A page whose server is killed, in chromium."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.browser import Walk, app

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_page_shows_that_its_server_is_gone(chromium, inputs: Path, tmp_path: Path) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    with app(inputs, tmp_path) as server:
        walk = Walk(context.new_page(), server.address)
        walk.page.get_by_text("run.wav").first.wait_for(state="attached")  # in the list
        for name in ("run.wav", "true.npz"):
            walk.open(inputs / name)
        walk.page.get_by_role("checkbox", name="1: run.wav").check()
        walk.page.get_by_label("Weighting").first.select_option("A")
        walk.page.get_by_label("Beside").select_option("difference")
        walk.page.get_by_text("minus 1: run.wav").wait_for()
        walk.shot("difference-a-1280")
        walk.page.get_by_label("Up", exact=True).select_option("order")
        walk.page.wait_for_timeout(1500)
        walk.shot("low-orders-1280")
        assert walk.problems == []
        server.process.kill()
        walk.page.get_by_role("alert").filter(has_text="Connection lost").wait_for()
    walk.until(
        "[...Bokeh.documents[0].all_models].filter(m => m.type == 'Button' ||"
        " m.type == 'Select').every(m => m.disabled)"
    )
    walk.shot("lost-1280")
    context.close()
