"""The panel of steps: forms, the lines that it shows, a run from the first to the last line."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

import numpy as np
import panel as pn
import pytest
from bokeh.document import Document
from bokeh.events import ConnectionLost
from panel.io.state import set_curdoc

import specsr
from specsr.app import process, steps, work_panel
from specsr.app.screen import ScreenMap
from specsr.app.session import Result, Session
from specsr.app.source import Source
from specsr.app.work_forms import forms, numbers
from specsr.errors import SpecsrError
from specsr.jobs.options import AUTO, Speed


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A session with a map and a result of it."""
    noise = np.random.default_rng(0).normal(size=4000)
    spec = specsr.spectrogram(specsr.Signal(noise, 8000), n_fft=256)
    session = Session(tmp_path)
    screen = ScreenMap.of(spec)
    session.add(Result(11, "a.npz", Path("/data/a b.npz"), "map", screen))
    fine = tmp_path / "a b-x2.npz"
    specsr.write_map(fine, spec)
    command = ("upscale", "/data/a b.npz", "-o", fine.name, "--scale", "2")
    session.add(
        Result(12, "up", fine, "map", screen, command=command, python="first = 1", parent=11)
    )
    return session


def test_forms_stand_for_the_defaults_of_the_command_line() -> None:
    made = [form.options() for form in forms()]
    assert made == [steps.Upscale(), steps.Denoise(), steps.Map(), steps.Orders(), steps.Levels()]


def test_forms_show_what_a_result_can_have() -> None:
    upscale, denoise, *_ = forms()
    as_map = upscale.widgets[1]
    shown = {}
    for kind in ("recording", "map"):
        upscale.fit(kind)
        shown[kind] = [widget.name for widget in upscale.widgets if widget.visible]
    assert shown["recording"] == [
        "Factor (--scale)",
        "Result",
        "Model of recordings (--model)",
        "Further orders (--orders)",
    ]
    assert shown["map"] == [
        "Factor (--scale)",
        "Reproduces (--consistency)",
        "Model of maps (--model)",
        "Further orders (--orders)",
    ]
    as_map.value = True
    upscale.fit("recording")
    assert as_map.visible and len([w for w in upscale.widgets if w.visible]) == 5
    assert upscale.options() == steps.Upscale(as_map=True)
    denoise.widgets[0].value = "orders"
    denoise.fit("recording")
    assert [w.name for w in denoise.widgets if w.visible] == [
        "Method (--method)",
        "Lines beside a carrier (--carrier)",
        "Keep impacts (--keep)",
        "Remove also what is no noise (--strict)",
        "Also as a recording: what was removed (--removed)",
    ]
    assert denoise.options() == steps.Denoise(orders=True)
    denoise.widgets[4].value, denoise.widgets[5].value = "8000", True
    assert denoise.options() == steps.Denoise(orders=True, carrier="8000", keep="impacts")
    denoise.widgets[4].value = "nan"
    with pytest.raises(SpecsrError, match="--carrier is 'nan'"):
        denoise.options()
    denoise.widgets[0].value, denoise.widgets[5].value = "found", False
    assert denoise.options() == steps.Denoise(noise="auto")
    for widget in denoise.widgets[6:]:
        widget.value = True
    assert denoise.options() == steps.Denoise(noise="auto", follow=True, removed=True)
    denoise.widgets[0].value = "floor"
    assert denoise.options() == steps.Denoise(method="floor", strict=True, removed=True)
    denoise.widgets[6].value = None
    for widget in denoise.widgets[7:]:
        widget.value = False
    denoise.widgets[0].value, denoise.widgets[2].value = "stretch", "0.5:1"
    assert denoise.options() == steps.Denoise(noise_from=(0.5, 1.0))
    denoise.widgets[2].value = "1:0.5"
    with pytest.raises(SpecsrError, match="--noise-from"):
        denoise.options()


@pytest.mark.parametrize("value", ["found", "stretch", "orders"])
def test_methods_that_need_a_recording_are_not_offered_for_a_map(value: str) -> None:
    denoise = forms()[1]
    method = denoise.widgets[0]
    every, method.value = dict(method.options), value
    denoise.fit("map")
    assert set(method.options.values()) == {*every.values()} - {"found", "stretch", "orders"}
    assert denoise.options() == steps.Denoise()
    method.value = "file"
    denoise.fit("recording")
    assert dict(method.options) == every and method.value == "file"


@pytest.mark.parametrize("text", ["", "a", "2,x", ","])
def test_numbers_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(SpecsrError, match="--cut"):
        numbers(text, "--cut")


def test_a_command_names_files_by_paths_that_work_anywhere(tmp_path: Path) -> None:
    own = work_panel.source_in(Source(str(tmp_path / "a.wav"), "recording"), tmp_path)
    assert own.path == "a.wav"
    speed = Speed(table=Path("rpm.csv"))
    other = work_panel.source_in(Source("a.wav", "recording", speed=speed), tmp_path)
    assert Path(other.path) == Path.cwd() / "a.wav"
    assert other.speed.table == Path.cwd() / "rpm.csv"
    auto = work_panel.source_in(Source("a.wav", "recording", speed=Speed(table=AUTO)), tmp_path)
    assert auto.speed.is_auto


def test_the_lines_hold_all_steps_to_the_result(session: Session) -> None:
    work = work_panel.Work(session)
    shown = work.command[0].value.splitlines()
    assert shown == [
        "# result 12",
        "specsr upscale '/data/a b.npz' -o 'a b-x2.npz' --scale 2",
        "# this step",
        "specsr upscale 'a b-x2.npz' -o 'a b-x2-x2.npz' --scale 2",
    ]
    assert work.python[0].value.startswith("# result 12\nfirst = 1\n# this step\nimport specsr\n")
    session.choose(11)
    assert session.shown == (11,)
    assert work.command[0].value == "specsr upscale '/data/a b.npz' -o 'a b-x2-2.npz' --scale 2"
    work.kind.value = "Map"
    assert work.run.disabled and "takes a recording" in work.progress.object


@pytest.mark.parametrize("end", ["done", "failed", "cancelled", "cancelled before it starts"])
def test_a_run_ends_with_a_result_or_a_line(
    session: Session, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """The command is a script here, which copies its input, fails or waits."""
    script = {
        "done": "import shutil; shutil.copy(a[1], a[3]); print('note')",
        "failed": "print('error: no \\x1b[31m way', file=sys.stderr); sys.exit(1)",
    }.get(end, "import time; time.sleep(600)")
    program = (sys.executable, "-c", f"import sys; a = sys.argv[1:]; {script}")
    monkeypatch.setattr(
        work_panel, "Child", lambda arguments, folder: process.Child(arguments, folder, program)
    )
    monkeypatch.setattr(work_panel, "POLL", 0.02)
    work = work_panel.Work(session)

    async def press() -> None:
        running = asyncio.create_task(work.start())
        while end == "cancelled" and work.child is None:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)  # the task has begun
        if end.startswith("cancelled"):
            await work.stop_step()
        await asyncio.wait_for(running, 300)

    asyncio.run(press())
    assert work.cancel.disabled and not work.run.disabled
    if end == "done":
        made = session.get(session.active)
        assert made.file.name == "a b-x2-x2.npz" and made.parent == 12
        assert made.command[-2:] == ("--scale", "2")
        assert len(session.results) == 3
    else:
        assert len(session.results) == 2
        assert session.error == ("no \\x1b[31m way" if end == "failed" else "")
        assert end.startswith("cancelled") == ("nothing is left" in session.message)
    assert not list(session.folder.glob(".*"))


@pytest.mark.parametrize("end", ["connection", "session"])
def test_a_page_that_is_closed_ends_its_step_without_a_word(
    session: Session, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """At once when its connection is lost, or with its session."""
    program = (sys.executable, "-c", "import time; time.sleep(600)")
    monkeypatch.setattr(
        work_panel, "Child", lambda arguments, folder: process.Child(arguments, folder, program)
    )
    document, destroyed = Document(), []
    monkeypatch.setattr(type(pn.state), "on_session_destroyed", lambda _, f: destroyed.append(f))
    with set_curdoc(document):
        work = work_panel.Work(session)

    async def walk() -> None:
        running = asyncio.ensure_future(work.start())
        while work.child is None:
            await asyncio.sleep(0.01)
        assert session.running and session.unsaved
        if end == "connection":
            document.callbacks.trigger_event(ConnectionLost())
        else:
            destroyed[0](document.session_context)
        await running
        shutil.rmtree(session.folder)

    asyncio.run(walk())
    assert not session.running and session.error == ""
    work.preview()  # without its folder there is no step
    assert work.run.disabled


def test_a_result_that_is_not_saved_is_known(session: Session) -> None:
    assert session.unsaved
    session.saved |= {12}
    assert not session.unsaved  # the map 11 was opened
