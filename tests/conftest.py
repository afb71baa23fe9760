"""What holds for all tests."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator

import pytest
import torch

from scepter_opt.components.user_classes import UserClasses

# run by tests as processes of their own, or imported by tests that are skipped where another package is missing
collect_ignore = ["apps", "hosts/rebuilt", "hosts/tiny_data.py", "hosts/lightning_app.py"]


def pytest_configure() -> None:
    """One thread in each process: tests run side by side, and their tensors are small."""
    os.environ["OMP_NUM_THREADS"] = "1"


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
