"""A learning-rate range test goes through batches again and again, and the loader knows nothing of it."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from torch import nn

from scepter_opt import find_lr


def net() -> nn.Module:
    return nn.Linear(2, 1)


def test_batches_are_given_again_and_the_loader_knows_nothing_of_it() -> None:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader: Any = torch.utils.data.DataLoader(list(range(12)), batch_size=4, shuffle=True)  # type: ignore[arg-type]  # numbers are a dataset
    seen: list[list[int]] = []

    def train_step(batch: torch.Tensor) -> float:
        optimizer.step()
        seen.append(batch.tolist())
        return 1.0

    torch.manual_seed(1)
    once = [batch.tolist() for batch in loader]
    torch.manual_seed(1)
    find_lr(model, optimizer, train_step, loader, steps=21)
    assert seen[:3] == once
    assert [sorted(chain.from_iterable(seen[i : i + 3])) for i in range(0, 21, 3)] == [list(range(12))] * 7
    assert [batch.tolist() for batch in loader] == once


def test_an_epoch_with_workers_that_is_under_way_goes_on() -> None:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader: Any = torch.utils.data.DataLoader(list(range(6)), num_workers=0)  # type: ignore[arg-type]  # numbers are a dataset
    loader._iterator = under_way = iter(loader)  # as with persistent_workers
    assert next(under_way).tolist() == [0]

    def train_step(_: Any) -> float:
        optimizer.step()
        return 1.0

    find_lr(model, optimizer, train_step, loader, steps=20)
    assert loader._iterator is under_way
    assert [batch.item() for batch in under_way] == [1, 2, 3, 4, 5]
