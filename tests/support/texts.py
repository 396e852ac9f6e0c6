"""Text of all characters for the tests with drawn examples."""

from __future__ import annotations

from hypothesis import strategies as st

# every character but the halves of pairs: those of st.text(), which first asks the codec about
# each of them, and that takes seconds
CHARACTERS = st.characters(exclude_categories=["Cs"])


def texts(min_size: int = 0, max_size: int | None = None) -> st.SearchStrategy[str]:
    """What st.text() draws."""
    return st.text(CHARACTERS, min_size=min_size, max_size=max_size)
