"""Names and values of options in error messages, as they were typed."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from typer.models import OptionInfo

from specsr.names import plain

_NAMED = re.compile(r"(\w+)(?= is \S)")
"""Name of a value at the start of a message: ``attenuation is -3.0 dB: ...``."""


def wrong_use(error: Any) -> str:
    """Return a wrong use of the command line as one line: option, value, the way to help."""
    text = plain(error.format_message()).replace("Value error, ", "").rstrip(".")
    details = getattr(error.__cause__, "errors", None)  # of pydantic; its text omits the value
    if details and text.endswith(str(error.message).rstrip(".")):
        text = f"{text}, not {plain(str(details()[0]['input']))!r}"
    used = "specsr" if error.ctx is None else error.ctx.command_path
    return f"{text}; {used} -h shows what is expected"


def as_typed(text: str, command: Callable[..., Any]) -> str:
    """Return an error message that starts with the name of a value with its option instead.

    Messages that start with a file are returned as they are: the value may be of the file.

    Args:
        text: the message.
        command: function of the command; ``option_keys`` are those of its groups of options.
    """
    found = _NAMED.match(text)
    if found is None:
        return text
    keys = getattr(command, "option_keys", {})
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        for option in getattr(parameter.annotation, "__metadata__", ()):
            if keys.get(name, name) == found[1] and isinstance(option, OptionInfo):
                typed = [word for word in option.param_decls or () if word.startswith("--")]
                default = f"--{name.replace('_', '-')}"
                return (typed or [default])[0].split("/")[0] + text[found.end() :]
    return text
