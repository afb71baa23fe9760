"""A snapshot brings everything back in place, bit for bit."""

from __future__ import annotations

import copy
import random
from collections import deque
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt.checkpoint.snapshot import Snapshot
from tests.support import OPTIMIZERS, make_loss, make_model, optimizer_node


def told(value: Any) -> Any:
    """A value down to the bits and the objects of its tensors, as plain values to compare."""
    if isinstance(value, torch.Tensor):
        if value.layout is not torch.strided:
            return id(value), value._indices().tolist(), value._values().tolist(), value.is_coalesced()
        flat = value.detach().contiguous().reshape(-1).view(torch.uint8).tolist() if value.numel() else []
        return id(value), value.shape, value.stride(), value.dtype, value.requires_grad, flat, told_gradient(value)
    if isinstance(value, dict):
        return id(value), [
            (id(key) if isinstance(key, torch.Tensor) else key, told(item)) for key, item in value.items()
        ]
    if isinstance(value, (list, tuple, deque)):
        return type(value), [told(item) for item in value]
    if isinstance(value, (nn.Module, torch.optim.Optimizer)):
        return told_of(value)
    return repr(value) if isinstance(value, (bool, int, float, str, type(None))) else id(value)


def told_gradient(tensor: torch.Tensor) -> Any:
    return None if not tensor.is_leaf or tensor.grad is None else told(tensor.grad)


def told_of(item: Any) -> Any:
    """All of a model or an optimizer."""
    if isinstance(item, nn.Module):
        return [(m.training, told(m._parameters), told(m._buffers)) for m in item.modules()]
    return told(vars(item))


def random_numbers() -> Any:
    return torch.rand(3).tolist(), random.random(), np.random.rand()  # its own global state


@pytest.mark.parametrize("before", [0, 2])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_and_its_model_are_as_they_were(name: str, before: int) -> None:
    model = make_model(name)
    optimizer = scepter_opt.build_optimizer(model, optimizer_node(name))
    closure = make_loss(model)
    for _ in range(before):
        optimizer.step(closure)
    was = told_of(model), told_of(optimizer)
    taken = Snapshot([model, optimizer])
    for _ in range(3):
        for group in optimizer.param_groups:
            group["lr"], group["new"] = 0.5, 1
        optimizer.step(closure)
    optimizer.zero_grad()
    assert (told_of(model), told_of(optimizer)) != was
    taken.restore()
    assert (told_of(model), told_of(optimizer)) == was


@pytest.mark.parametrize("name", ["AdamW", "Hybrid", "SGD"])
def test_a_run_goes_on_from_it_as_if_nothing_had_been(name: str) -> None:
    def run(interlude: bool) -> Any:
        model = make_model(name)
        keys = {"IMPLEMENTATION": "auto"} if name != "Hybrid" else {}
        optimizer = scepter_opt.build_optimizer(model, optimizer_node(name, **keys))
        closure = make_loss(model)
        optimizer.step(closure)
        if interlude:
            taken = Snapshot([model, optimizer])
            for _ in range(4):
                optimizer.step(closure)
            taken.restore()
        for _ in range(3):
            optimizer.step(closure)
        return [p.tolist() for p in model.parameters()], optimizer.state_dict()["state"]

    assert repr(run(True)) == repr(run(False))


class Odd(nn.Module):
    """A module that registers its buffer anew, has one without a name in the state, and a tied weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.norm = nn.BatchNorm1d(3)
        self.count: torch.Tensor
        self.register_buffer("count", torch.zeros(()), persistent=False)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        self.count = self.count + 1
        out: torch.Tensor = self.norm(self.second(self.first(rows)))
        return out


def test_flags_buffers_and_gradients_of_a_model_are_as_they_were() -> None:
    model = Odd().train()
    model.second.eval()
    model(torch.randn(4, 3)).sum().backward()
    model.norm.weight.requires_grad_(False)
    was = told_of(model)
    taken = Snapshot([model])
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    model.train()(torch.randn(4, 3)).sum().backward()
    model.first.bias.grad = None
    model.register_buffer("late", torch.ones(2))
    model.norm.weight.data = torch.full((3,), 7.0).double()
    assert told_of(model) != was
    taken.restore()
    assert told_of(model) == was


def test_random_numbers_come_again() -> None:
    generators = [torch.Generator().manual_seed(3), np.random.default_rng(3), random.Random(3)]

    def drawn() -> Any:
        first, second, third = generators
        return random_numbers(), torch.rand(2, generator=first), second.random(), third.random()  # type: ignore[attr-defined, call-overload]  # each has its own

    taken = Snapshot(generators)
    once = repr(drawn())
    assert repr(drawn()) != once
    taken.restore()
    assert repr(drawn()) == once


@pytest.mark.parametrize("own", [True, False], ids=["its own generator", "torch's generator"])
def test_a_loader_gives_the_same_batches(own: bool) -> None:
    generator = torch.Generator().manual_seed(5) if own else None
    loader: Any = torch.utils.data.DataLoader(list(range(20)), batch_size=4, shuffle=True, generator=generator)  # type: ignore[arg-type]  # numbers are a dataset
    taken = Snapshot([loader])
    once = [batch.tolist() for batch in loader]
    assert [batch.tolist() for batch in loader] != once
    taken.restore()
    assert [batch.tolist() for batch in loader] == once


def test_a_scaler_is_as_it_was() -> None:
    scaler = torch.amp.GradScaler("cpu", growth_interval=1)
    weight = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)

    def step() -> None:
        optimizer.zero_grad()
        scaler.scale(weight.sum()).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        scaler.step(optimizer)
        scaler.update()

    fresh, taken = copy.deepcopy(scaler.state_dict()), Snapshot([scaler])
    step()
    assert scaler.state_dict() != fresh
    taken.restore()
    assert scaler.state_dict() == fresh
    assert scaler._scale is None  # it is made at the first step
    step()
    warm, taken = copy.deepcopy(scaler.state_dict()), Snapshot([scaler])
    step()
    assert scaler.state_dict() != warm
    taken.restore()
    assert scaler.state_dict() == warm


class Average:
    """What else changes in a training step, in attributes of all kinds."""

    def __init__(self) -> None:
        self.mean, self.count = torch.zeros(2), 0
        self.last = deque([torch.ones(1)], maxlen=2)
        self.names = {"a"}
        self.inner = nn.Linear(2, 1)

    def update(self) -> None:
        self.mean.add_(1)
        self.count += 1
        self.last.append(torch.zeros(1))
        self.last[0].add_(5)
        self.names.add("b")
        self.inner.weight.data.zero_()


def test_any_object_has_its_attributes_again() -> None:
    average = Average()

    def state() -> Any:
        return told(vars(average)), sorted(average.names)

    was, taken = state(), Snapshot([average])
    average.update()
    assert state() != was
    taken.restore()
    assert state() == was


class Projector:
    """An object in an optimizer's state, as GaLore's classes keep one."""

    def __init__(self) -> None:
        self.matrix = torch.eye(2)


def test_objects_in_an_optimizers_state_are_as_they_were() -> None:
    weight = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    projector = optimizer.state[weight]["projector"] = Projector()
    taken = Snapshot([optimizer])
    projector.matrix.mul_(3)
    projector.matrix = torch.zeros(1)
    taken.restore()
    assert optimizer.state[weight]["projector"] is projector
    assert torch.equal(projector.matrix, torch.eye(2))


def test_a_sparse_gradient_comes_back_with_its_own_number_of_values() -> None:
    model = nn.Embedding(6, 2, sparse=True)
    model(torch.tensor([1, 2])).sum().backward()
    was, taken = told_of(model), Snapshot([model])
    model(torch.tensor([3, 4, 5])).sum().backward()
    assert told_of(model) != was
    taken.restore()
    assert told_of(model) == was


def test_not_a_number_has_the_same_bits_again() -> None:
    weight = torch.tensor([0x7FC00123, 0x7F800001, -0x80000000], dtype=torch.int64).to(torch.int32).view(torch.float32)
    bits = weight.view(torch.int32).tolist()
    holder = nn.Module()
    holder.register_buffer("weight", weight)
    taken = Snapshot([holder])
    weight.zero_()
    taken.restore()
    assert weight.view(torch.int32).tolist() == bits
