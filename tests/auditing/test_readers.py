from __future__ import annotations

import functools
from typing import Any

import torch
from torch import nn

from scepter_opt.auditing.readers import mentioned


def helper(group: dict[str, Any]) -> Any:
    return group["by_a_helper"]


def loop(optimizer: Any, step: int) -> None:
    for group in optimizer.param_groups:
        group["lr"] = step * group["by_a_function"]


class Base:
    def read(self, group: dict[str, Any]) -> Any:
        return [each["in_a_comprehension"] for each in [group]]


class Reader(Base):
    def step(self, group: dict[str, Any]) -> Any:
        return group["by_itself"] + helper(group)

    @property
    def rate(self) -> Any:
        return vars(self)["by_a_property"]

    @staticmethod
    def static(group: dict[str, Any]) -> Any:
        return group.get("by_a_static_method")


def test_texts_of_a_class_its_bases_and_the_functions_that_they_call_are_found() -> None:
    expected = {"by_itself", "by_a_helper", "in_a_comprehension", "by_a_property", "by_a_static_method"}
    found = mentioned([Reader()])
    assert expected <= found
    assert "by_a_function" not in found


def test_a_function_and_a_partial_of_it_are_read_too() -> None:
    assert "by_a_function" in mentioned([loop])
    assert "by_a_function" in mentioned([functools.partial(loop, step=3)])
    assert "by_itself" in mentioned([Reader().step])


def test_hooks_of_an_optimizer_are_read() -> None:
    optimizer = torch.optim.SGD(nn.Linear(2, 1).parameters(), lr=0.1)
    assert "by_a_function" not in mentioned([optimizer])
    optimizer.register_step_pre_hook(lambda optimizer, *_: loop(optimizer, 1))
    assert "by_a_function" in mentioned([optimizer])


def test_torchs_optimizers_mention_their_own_keys() -> None:
    for cls in (torch.optim.SGD, torch.optim.AdamW, torch.optim.NAdam):
        optimizer = cls(nn.Linear(2, 1).parameters(), lr=0.1)
        assert {"lr", "weight_decay", "maximize"} <= mentioned([optimizer])
