"""Coroutines of a page: their changes of widgets wait for the lock of its document."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

import panel as pn

P = ParamSpec("P")
R = TypeVar("R")


def queued(function: Callable[P, Awaitable[R]]) -> Callable[P, Any]:
    """Return a coroutine function whose changes of Panel's objects are queued, in their order.

    Panel writes a change to the browser at once if the document is the current one.  After an
    ``await`` it still is, but another message may be on its way, and the change can be lost: the
    browser then goes on showing the former state.  Without a current document Panel queues the
    change, and makes it with the lock.
    """

    @functools.wraps(function)
    async def run(*args: P.args, **more: P.kwargs) -> R:
        pn.state.curdoc = None  # in the context of this task alone
        return await function(*args, **more)

    return run
