"""The one exception type that specsr raises for mistakes that its user can fix."""

from __future__ import annotations


class SpecsrError(ValueError):
    """A user's mistake: the message names the file or value, what was expected, and the fix.

    The command line prints the message without a traceback and exits with a non-zero code.
    """
