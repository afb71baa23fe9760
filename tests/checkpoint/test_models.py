"""A model's values by name."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

import scepter_opt
from scepter_opt import checkpoint
from tests.checkpoint.nets import Net, build, trained
from tests.support import same


def test_new_parameters_begin_anew_and_old_ones_are_left_if_asked(tmp_path: Path) -> None:
    model = Net()
    optimizer = build(model)
    trained(model, optimizer)
    checkpoint.save(tmp_path, model=model, optimizer=optimizer, step=2)
    again = Net(1)
    again.extra = nn.Linear(2, 2)
    del again.head
    other = build(again)
    own = again.extra.weight.clone()
    report = checkpoint.load(tmp_path, model=again, optimizer=other, missing="cold")
    assert report.new == ("extra.weight", "extra.bias")
    assert report.left_over == ("head.weight", "head.bias")
    assert torch.equal(again.extra.weight, own)
    assert again.extra.weight not in other.state
    assert same(dict(other.state[again.body.weight]), dict(optimizer.state[model.body.weight]))
    node = {"NAME": "AdamW", "MISSING_STATE": "cold"}
    plain = scepter_opt.build_optimizer(again, node)
    plain.load_state_dict(optimizer.state_dict())
    assert again.extra.weight not in plain.state
    assert same(dict(plain.state[again.body.weight]), dict(optimizer.state[model.body.weight]))
