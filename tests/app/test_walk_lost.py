"""A page whose server is killed, in chromium."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.browser import Walk

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_page_shows_that_its_server_is_gone(chromium, inputs: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "specsr", "app", str(inputs), "--no-browser"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(tmp_path)}
    ) as server:
        assert server.stderr is not None
        context = chromium.new_context(viewport={"width": 1280, "height": 800})
        try:
            walk = Walk(context.new_page(), server.stderr.readline().split()[-1])
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
        finally:
            os.kill(server.pid, signal.SIGKILL)
        walk.page.get_by_role("alert").filter(has_text="Connection lost").wait_for()
        walk.page.wait_for_function(
            "() => [...Bokeh.documents[0].all_models].filter(m => m.type == 'Button' ||"
            " m.type == 'Select').every(m => m.disabled)"
        )
        walk.shot("lost-1280")
        context.close()
