"""What holds for all tests."""

from __future__ import annotations

import copy
import os
from collections import defaultdict
from collections.abc import Generator, Iterator

import pytest
import torch
from coverage import Coverage

from scepter_opt.components.user_classes import UserClasses

# run by tests as processes of their own, or imported by tests that are skipped where another package is missing
collect_ignore = ["apps", "hosts/rebuilt", "hosts/tiny_data.py", "hosts/lightning_app.py"]


MEASURED = 3
"""Of how many cases of a test coverage is measured."""


def pytest_configure() -> None:
    """One thread in each process: tests run side by side, and their tensors are small."""
    os.environ["OMP_NUM_THREADS"] = "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure coverage in some cases of each test.

    Tracing makes the package's own steps three times as slow, and the other cases walk the same lines.
    """
    cases = defaultdict(list)
    for item in items:
        cases[item.nodeid.partition("[")[0]].append(item)
    for same in cases.values():
        stride = -(-len(same) // MEASURED)
        for number, item in enumerate(same):
            if number % stride:
                item.add_marker("unmeasured")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Stop tracing in what is not measured.

    pytest-cov's own mark for that does nothing in the processes of xdist, each of which has two measurements.
    """
    stopped = []
    while item.get_closest_marker("unmeasured") and (coverage := Coverage.current()):
        coverage.stop()
        stopped.append(coverage)
    try:
        return (yield)
    finally:
        for coverage in reversed(stopped):
            coverage.start()


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Tests run side by side, and their tensors are small."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    before = copy.deepcopy(UserClasses().entries)
    yield
    UserClasses().entries = before
