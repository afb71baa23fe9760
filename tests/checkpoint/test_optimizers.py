"""An optimizer's state by name, whoever built it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from scepter_opt import ConfigError, checkpoint
from tests.checkpoint.nets import Net, build, trained
from tests.support import same


def test_tensors_alone_have_no_names_and_the_model_gives_them() -> None:
    model = Net()
    optimizer = torch.optim.AdamW(model.parameters())
    with pytest.raises(ConfigError, match="optimizer: has parameters without names: give model= too"):
        checkpoint.state(optimizer=optimizer, step=1)
    trained(model, optimizer)
    state = checkpoint.state(model=model, optimizer=optimizer, step=2)
    # an optimizer of torch's own, whose parameters come in another order
    again = Net(1)
    other = torch.optim.AdamW(list(again.parameters())[::-1])
    assert checkpoint.restore(state, model=again, optimizer=other).same
    trained(model, optimizer)
    trained(again, other)
    assert same(model.state_dict(), again.state_dict())


def test_lbfgs_refuses_another_order() -> None:
    model, again = Net(), nn.Module()
    torch.manual_seed(1)
    again.head, again.body = nn.Linear(4, 2), nn.Linear(3, 4)
    again.register_buffer("seen", torch.zeros(()))
    optimizer, other = build(model, "LBFGS"), build(again, "LBFGS")

    def closure() -> Any:
        optimizer.zero_grad()
        loss = model(torch.ones(2, 3)).square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    state = checkpoint.state(model=model, optimizer=optimizer, step=1)
    with pytest.raises(ConfigError, match="one vector over all parameters, and their order differs"):
        checkpoint.restore(state, model=again, optimizer=other)
    with pytest.raises(ConfigError, match="one vector over all parameters, and their order differs"):
        other.load_state_dict(optimizer.state_dict())


def test_a_tie_that_is_undone_gives_both_the_state_of_the_one() -> None:
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    model[1].weight = model[0].weight
    optimizer = build(model)
    trained(model, optimizer)
    state = checkpoint.state(model=model, optimizer=optimizer, step=2)
    again = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    other = build(again)
    assert checkpoint.restore(state, model=again, optimizer=other).left_over == ()
    (tied,) = model.parameters()
    for weight in again.parameters():
        assert torch.equal(weight, tied)
        assert same(dict(other.state[weight]), dict(optimizer.state[tied]))
    trained(again, other)  # each goes its own way: none writes into the other's state
    assert not torch.equal(other.state[again[0].weight]["exp_avg"], other.state[again[1].weight]["exp_avg"])
