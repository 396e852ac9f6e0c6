"""The one exception type that specsr raises for a mistake its user can mend."""

from __future__ import annotations


class SpecsrError(ValueError):
    """A user's mistake: the message names the file or value, what was expected, and the mend.

    The command line prints the message without a traceback and exits with a non-zero code.
    """
