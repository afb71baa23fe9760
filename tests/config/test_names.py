"""Keys and torch's keywords."""

from __future__ import annotations

import inspect

import pytest
import torch

from scepter_opt.config.names import key_of, keyword_of
from tests.support import TORCH_OPTIMIZERS


@pytest.mark.parametrize("name", TORCH_OPTIMIZERS)
def test_every_keyword_of_torch_comes_back_from_its_key(name: str) -> None:
    for keyword in list(inspect.signature(getattr(torch.optim, name)).parameters)[1:]:
        assert keyword_of(key_of(keyword)) == keyword
