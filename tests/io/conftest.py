"""File systems that the tests of outputs share."""

from __future__ import annotations

import errno
import os

import pytest


@pytest.fixture(params=["links", errno.EPERM, errno.EOPNOTSUPP])
def file_system(request, monkeypatch):
    """File systems with hard links, and without."""
    if request.param != "links":

        def refused(*names):
            raise OSError(request.param, os.strerror(request.param))

        monkeypatch.setattr(os, "link", refused)
    return request.param
