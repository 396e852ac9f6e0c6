"""The page: its panels, and the line that shows what happened."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import panel as pn
from bokeh.events import ConnectionLost
from bokeh.models import CustomJS

from specsr.app.listen_panel import Listen
from specsr.app.look_panel import Look
from specsr.app.open_panel import Open
from specsr.app.read_off_panel import read_off_panel
from specsr.app.save_panel import Save
from specsr.app.session import Session
from specsr.app.work_panel import Work
from specsr.names import plain

_STATUS = """
:host { font-size: 13px; }
.error { color: #b00020; font-weight: 600; }
"""
_SIDE = 350

# the browser asks before it leaves a page that would lose something
_LEAVE = "window.onbeforeunload = cb_obj.active ? (event) => event.preventDefault() : null;"
_LOST = """
window.onbeforeunload = null;
for (const model of Bokeh.documents[0].all_models)
    if ("disabled" in model.properties) model.disabled = true;
const bar = document.createElement("div");
bar.textContent = "Connection lost: the server has ended; start `specsr app` again.";
bar.setAttribute("role", "alert");
bar.style.cssText = "position: fixed; inset: 0 0 auto 0; z-index: 1000; padding: 6px 12px;"
    + "background: #b00020; color: white; font: 600 14px sans-serif;";
if (document.querySelector("[role=alert]") == null) document.body.append(bar);
"""
_REVEAL = """
setTimeout(() => {
    const {el} = Bokeh.index.find_one_by_id(cb_obj.id)
    if (el.getBoundingClientRect().top > 0.45 * window.innerHeight) {
        el.style.scrollMarginTop = "45vh"
        el.scrollIntoView({block: "start", behavior: "smooth"})
    }
}, 600)
"""  # a chosen tab gets the lower half of the window, the maps above it stay in view


def page(folder: Path, start: Path | None = None) -> Any:
    """Return a page.

    Args:
        folder: for its temporary files.
        start: file or folder that is open from the start; None for none.
    """
    session = Session(folder, pn.state.curdoc)
    status = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[_STATUS], min_height=22)
    reading = pn.indicators.Progress(value=0, max=100, width=120, visible=False, align="center")

    def tell(*_: Any) -> None:
        problem, text = (
            html.escape(session.without_folder(plain(line)))
            for line in (session.error, session.message)
        )
        error = f'<span class="error">{problem}</span>  '
        status.object = f'<div role="status">{error if session.error else ""}{text}</div>'
        reading.param.update(visible=session.busy >= 0, value=int(100 * max(session.busy, 0)))

    session.param.watch(tell, ["message", "error", "busy"])
    leave = pn.widgets.Checkbox(value=False, visible=False)
    leave.jscallback(value=_LEAVE)
    session.param.watch(
        lambda *_: leave.param.update(value=session.unsaved), ["results", "running", "saved"]
    )
    if pn.state.curdoc is not None:
        pn.state.curdoc.js_on_event(ConnectionLost, CustomJS(code=_LOST))
    session.message = "open a recording or map"
    wide = {"sizing_mode": "stretch_width"}
    files = pn.Card(Open(session, start).view(), title="Open", **wide)
    session.param.watch(lambda _: files.param.update(collapsed=True), "results")
    side = pn.Column(
        files,
        pn.Card(Work(session).view(), title="Work", **wide),
        width=_SIDE, scroll="y", styles={"height": "100vh", "flex": "none"},
    )  # fmt: skip
    tabs = pn.Tabs(
        ("Listen", Listen(session).view()), ("Read off", read_off_panel(session)),
        ("Save", Save(session).view()), **wide,
    )  # fmt: skip
    tabs.jscallback(active=_REVEAL)
    main = pn.Column(
        pn.Row(status, reading, **wide), Look(session).view(), tabs, scroll="y",
        styles={"height": "100vh", "min-width": "0"}, **wide,
    )  # fmt: skip
    return pn.Row(side, main, leave, **wide)
