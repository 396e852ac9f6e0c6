"""The wheel is reproducible: built twice, it has the same bytes."""

from __future__ import annotations

import subprocess
from importlib.metadata import PackageNotFoundError, version

import pytest

from support.build_twice import checksums


def new_enough() -> bool:
    """Whether this environment can build the wheel without fetching setuptools."""
    try:
        return int(version("setuptools").split(".")[0]) >= 77
    except PackageNotFoundError:
        return False


@pytest.mark.slow
def test_a_wheel_built_twice_has_the_same_bytes() -> None:
    isolated = not new_enough()
    try:
        first, second = checksums(isolated)
    except subprocess.CalledProcessError as error:
        if isolated and "No matching distribution found for setuptools" in error.stderr:
            pytest.skip("needs setuptools 77, or a network to fetch it from")
        raise AssertionError(error.stderr) from None
    assert first == second
