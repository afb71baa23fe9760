"""Runs that several tests resume are made once."""

from __future__ import annotations

import pytest

from tests.hosts.resuming import Runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory)
