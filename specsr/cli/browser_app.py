"""``specsr app``: a page in the browser to open, look, work, listen and save."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from specsr.cli.output import say
from specsr.errors import SpecsrError


def browser_app(
    path: Annotated[
        Optional[Path],
        typer.Argument(metavar="[FILE|FOLDER]", help="Recording or map to open, or their folder."),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port of the server; 0 for a free one.")
    ] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address only; open no browser.")
    ] = False,
) -> None:
    """Open a page in the browser: see maps, super-resolve, read off, listen, save.

    The server answers on this machine alone, at the address it prints.  Nothing is sent anywhere.
    Ctrl-C ends it and removes its temporary files.
    """
    if path is not None and not path.exists():
        raise SpecsrError(f"{path}: no such file or folder: check the name")
    from specsr.extras import require

    require("panel", "app", "the page")
    from specsr.app.page import page
    from specsr.app.server import Served, serve

    def ready(served: Served) -> None:
        say(f"specsr: {served.address}")
        say("Ctrl-C ends it")
        if not no_browser:
            import threading
            import webbrowser

            # a browser of the terminal is waited for
            link = served.link().as_uri()
            threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()

    serve(lambda folder: page(folder, path), port, ready)
