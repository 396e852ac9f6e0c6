"""Makes the wheel reproducible; all settings are in pyproject.toml."""

import os

from setuptools import setup

# the time of every file in the wheel, unless the caller sets one: 2026-01-01 UTC
os.environ.setdefault("SOURCE_DATE_EPOCH", "1767225600")
os.umask(0o022)  # modes of the files that the build writes

setup()
