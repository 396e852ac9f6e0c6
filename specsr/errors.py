"""The one exception type that specsr raises for mistakes that its user can fix."""

from __future__ import annotations


class SpecsrError(ValueError):
    """A user's mistake: the message names the file or value, what was expected, and the fix.

    The command line prints the message without a traceback and exits with a non-zero code.
    """


def expect(value: object, kinds: type | tuple[type, ...], fix: str = "") -> None:
    """Raise `SpecsrError` unless a value is of one of some types; ``fix`` ends the message."""
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    if not isinstance(value, kinds):
        names = " or ".join(kind.__name__ for kind in kinds)
        raise SpecsrError(f"got a {type(value).__name__}: expected a {names}{fix}")
