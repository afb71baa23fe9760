"""A range test in several processes, with workers that stay, and with steps that are really compiled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import find_lr
from tests.checkpoint.test_snapshot import told_of
from tests.processes import together
from tests.support import OPTIMIZERS, make_loss, make_model, optimizer_node

pytestmark = pytest.mark.long


def found_in_one_of_several() -> str:
    """Its losses are of data of its own, and those of one process diverge far earlier than those of the other."""
    rank = torch.distributed.get_rank()
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    wrapped = nn.parallel.DistributedDataParallel(model)
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "SGD"})
    rows = torch.randn(8, 3, generator=torch.Generator().manual_seed(rank))

    def train_step() -> torch.Tensor:
        optimizer.zero_grad()
        loss: torch.Tensor = (wrapped(rows) - 1).square().mean() * (1 if rank else 100)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
        return loss

    was = told_of(model), told_of(optimizer)
    found = find_lr(wrapped, optimizer, train_step)
    assert (told_of(model), told_of(optimizer)) == was
    return found.to_json()


def test_two_processes_stop_at_the_same_rate(tmp_path: Path) -> None:
    first, second = together(tmp_path, 2, found_in_one_of_several)
    assert first == second
    assert '"diverged": true' in first


class Numbers(torch.utils.data.Dataset[int]):
    """A few of them, for workers to load."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, item: int) -> int:
        return item


def test_workers_that_stay_and_are_under_way_are_left_alone() -> None:
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader: Any = torch.utils.data.DataLoader(
        Numbers(), 2, num_workers=1, persistent_workers=True, multiprocessing_context="fork"
    )
    under_way = iter(loader)
    assert next(under_way).tolist() == [0, 1]
    seen: list[list[int]] = []

    def train_step(batch: torch.Tensor) -> float:
        optimizer.step()
        seen.append(batch.tolist())
        return 1.0

    find_lr(model, optimizer, train_step, loader, steps=20)
    assert seen[:2] == [[0, 1], [2, 3]]
    assert next(under_way).tolist() == [2, 3]
    assert iter(loader) is under_way


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's compiler warns of its own parts
@pytest.mark.parametrize("name", [n for n in OPTIMIZERS if scepter_opt.OPTIMIZERS.own_entries()[n].component.compiles])
def test_compiled_steps_go_on_as_those_that_were_never_tried(name: str) -> None:
    def run(tried: bool) -> Any:
        torch.compiler.reset()
        model = make_model(name)
        optimizer = scepter_opt.build_optimizer(model, {**optimizer_node(name), "IMPLEMENTATION": "compiled"})
        closure = make_loss(model)
        if tried:
            find_lr(model, optimizer, lambda: optimizer.step(closure), steps=20)
        for _ in range(4):
            optimizer.step(closure)
        return [parameter.tolist() for parameter in model.parameters()], repr(optimizer.state_dict()["state"])

    assert run(True) == run(False)
