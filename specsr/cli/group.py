"""Groups of options that become one object, which is an argument of the command."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Command = Callable[..., None]


@dataclass(frozen=True)
class Group:
    """Options of the command line that become one object, which is an argument of the command.

    Called, it returns a decorator that gives a command these options, or only those named.
    Default values are those of ``build``.

    Attributes:
        name: argument of the command.
        build: called with the values of the options by name; returns the object.
        options: parameter of ``build`` -> option, as typer takes it.
    """

    name: str
    build: Callable[..., Any]
    options: Mapping[str, Any]

    def __call__(self, *names: str) -> Callable[[Command], Command]:
        chosen = names or tuple(self.options)
        defaults = inspect.signature(self.build).parameters
        added = [
            inspect.Parameter(
                f"{self.name}_{key}", inspect.Parameter.KEYWORD_ONLY,
                annotation=self.options[key], default=defaults[key].default,
            )
            for key in chosen
        ]  # fmt: skip

        def decorate(command: Command) -> Command:
            signature = inspect.signature(command, eval_str=True)
            own = [p for p in signature.parameters.values() if p.name != self.name]

            @functools.wraps(command)
            def with_options(**given: Any) -> None:
                values = {key: given.pop(f"{self.name}_{key}") for key in chosen}
                command(**given, **{self.name: self.build(**values)})

            keys = {f"{self.name}_{key}": key for key in chosen}
            with_options.option_keys = getattr(command, "option_keys", {}) | keys  # type: ignore
            parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + added
            with_options.__signature__ = signature.replace(parameters=parameters)  # type: ignore
            with_options.__annotations__ = {p.name: p.annotation for p in parameters}
            return with_options

        return decorate
