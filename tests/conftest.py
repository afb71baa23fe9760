"""What holds for all tests."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
import torch

from scepter_opt.components.registry import UserClasses

collect_ignore = ["apps"]  # run by tests as processes of their own


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
