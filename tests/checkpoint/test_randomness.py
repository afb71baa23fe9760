"""The states of random numbers are kept and brought back."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scepter_opt import checkpoint


def test_random_states_are_restored_unless_asked_not_to(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, step=0)

    def draw() -> Any:
        return random.random(), float(np.random.random()), float(np.random.normal()), torch.rand(()).item()

    first = draw()
    checkpoint.load(tmp_path)
    assert draw() == first
    checkpoint.load(tmp_path, random=False)
    assert draw() != first
    checkpoint.save(tmp_path / "without", step=0, random=False)
    assert "random states were not saved" in str(checkpoint.load(tmp_path / "without"))
