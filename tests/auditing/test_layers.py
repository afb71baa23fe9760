from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from scepter_opt import audit


class Tower(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(3, 3, bias=False)
        self.blocks = nn.ModuleList(nn.Linear(3, 3, bias=False) for _ in range(4))
        self.head = nn.Linear(3, 3, bias=False)


def found(rate_of: Callable[[int], float], key: str = "lr") -> list[str]:
    model = Tower()
    parts: list[Any] = [model.stem, *model.blocks, model.head]
    groups = [{"params": list(part.parameters()), key: rate_of(depth)} for depth, part in enumerate(parts)]
    return [fault.name for fault in audit(model, torch.optim.SGD(groups, lr=0.1)).faults]


RISING = "rates rising towards the stem"


@pytest.mark.parametrize(
    ("rate_of", "expected"),
    [
        (lambda depth: 0.5**depth, True),
        (lambda depth: 0.5 ** (5 - depth), False),
        (lambda depth: 0.1 + 0 * depth, False),
        (lambda depth: 1.0 if depth == 5 else 0.1, False),  # a head of its own
        (lambda depth: 0.1 if depth == 5 else 1.0, False),  # two rates are no rule
        (lambda depth: [1.0, 1.0, 0.5, 0.5, 0.2, 0.1][depth], True),  # layers in pairs
        (lambda depth: [1.0, 0.1, 0.5, 0.1, 1.0, 0.1][depth], False),  # no order at all
        (lambda depth: [1.0, 0.5, 0.2, 0.1, 0.05, 1.0][depth], True),  # with a head at full rate
    ],
)
def test_only_rates_that_rise_from_block_to_block_are_a_fault(rate_of: Callable[[int], float], expected: bool) -> None:
    assert found(rate_of) == [RISING] * expected


def test_multipliers_count_too() -> None:
    assert RISING in found(lambda depth: 0.5**depth, "lr_scale")
    assert RISING not in found(lambda depth: 0.5 ** (5 - depth), "lr_scale")


def test_a_model_without_blocks_has_no_order() -> None:
    model = nn.ModuleDict({name: nn.Linear(2, 2) for name in ("a", "b", "c")})
    groups = [
        {"params": list(part.parameters()), "lr": rate} for part, rate in zip(model.values(), (3, 2, 1), strict=True)
    ]
    assert audit(model, torch.optim.SGD(groups, lr=0.1)).faults == ()
