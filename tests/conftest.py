"""Shared fixtures: real data beside the project, where it is there."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# property tests draw the same examples in every run; --hypothesis-profile=search draws others.
# No test depends on how fast the machine is.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=200, deadline=None)
settings.load_profile("repeatable")

# one test process a core: more threads in each would only get in each other's way
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real recordings and images beside the project; the test is skipped without it."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real data is not beside the project")
    return folder


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As many threads as in the processes of their own: sums depend on the number."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules of most slow tests: at the end one process would wait for another."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Measure the coverage of the first case of every fast test; it takes half as long again."""
    case = getattr(item, "callspec", None)
    if not item.get_closest_marker("slow") and not (case and any(case.indices.values())):
        return (yield)
    stopped = []  # in a process of xdist more than one measures, one inside another
    if coverage := sys.modules.get("coverage"):
        while measuring := coverage.Coverage.current():
            measuring.stop()
            stopped.append(measuring)
    processes = os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
    try:
        return (yield)
    finally:
        if processes is not None:
            os.environ["COVERAGE_PROCESS_CONFIG"] = processes
        for measuring in reversed(stopped):
            measuring.start()


def pytest_terminal_summary(terminalreporter, exitstatus, config) -> None:
    """Name the seed of the order after a failure."""
    seed = config.getoption("randomly_seed", None)
    if exitstatus and isinstance(seed, int):
        terminalreporter.write_line(f"order of this run: --randomly-seed={seed}")
