"""The warnings that specsr logs while it works on a file, as notes on its result."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collected_warnings(own_thread: bool = False) -> Iterator[list[str]]:
    """Yield a list that receives the warnings that specsr logs in this context.

    Args:
        own_thread: only those of this thread, where others work on other files.
    """
    messages: list[str] = []
    thread = threading.get_ident()

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not own_thread or record.thread == thread:
                messages.append(record.getMessage())

    collector = Collector(logging.WARNING)
    log = logging.getLogger("specsr")
    log.addHandler(collector)
    try:
        yield messages
    finally:
        log.removeHandler(collector)
