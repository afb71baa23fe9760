from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim import lr_scheduler

from scepter_opt import audit


def net() -> nn.ModuleDict:
    return nn.ModuleDict({"table": nn.Embedding(4, 3), "norm": nn.LayerNorm(3), "head": nn.Linear(3, 2)})


def notes(model: nn.Module, groups: Any, scheduler: Any = None, **keywords: Any) -> dict[str, tuple[str, ...]]:
    optimizer = torch.optim.AdamW(groups, **keywords)
    found = audit(model, optimizer, scheduler and scheduler(optimizer))
    assert not found.faults
    return {note.name: note.names or note.places for note in found.notes}


def test_each_kind_is_named_once_with_all_its_parameters() -> None:
    model = net()
    assert notes(model, model.parameters()) == {
        "norms decayed": ("norm.weight", "norm.bias"),
        "biases decayed": ("head.bias",),
        "embeddings decayed": ("table.weight",),
    }
    assert notes(model, model.parameters(), weight_decay=0.0) == {}


def test_some_that_are_left_out_tell_that_the_others_were_missed() -> None:
    model = net()
    plain = [model["norm"].weight, model["head"].bias]
    rest = [model["norm"].bias, model["head"].weight, model["table"].weight]
    found = notes(model, [{"params": plain, "weight_decay": 0.0}, {"params": rest}])
    assert found["norms decayed for want of a name match"] == ("norm.bias",)
    assert "biases decayed" not in found


def test_what_is_frozen_is_not_decayed() -> None:
    model = net()
    model["norm"].requires_grad_(False)
    found = notes(model, model.parameters())
    assert found["frozen parameters"] == ("norm.weight", "norm.bias")
    assert "norms decayed" not in found


def test_groups_that_differ_in_nothing_could_be_one() -> None:
    model = net()
    groups: list[dict[str, Any]] = [{"params": list(part.parameters())} for part in model.values()]
    assert notes(model, groups, weight_decay=0.0) == {"groups that could be one": ("group 0", "group 1", "group 2")}
    groups[1]["lr"] = 0.5
    assert notes(model, groups, weight_decay=0.0) == {"groups that could be one": ("group 0", "group 2")}


def test_groups_that_a_scheduler_parts_later_are_two() -> None:
    model = net()
    groups = [{"params": list(part.parameters())} for part in model.values()]
    functions = [lambda tick: 1.0**tick, lambda tick: 0.5**tick, lambda tick: 1.0**tick]
    found = notes(model, groups, lambda optimizer: lr_scheduler.LambdaLR(optimizer, functions), weight_decay=0.0)
    assert found == {"groups that could be one": ("group 0", "group 2")}


def test_a_group_of_frozen_parameters_has_a_rate_that_is_never_used() -> None:
    model = net()
    model["table"].requires_grad_(False)
    head = [*model["norm"].parameters(), *model["head"].parameters()]
    found = notes(
        model, [{"params": list(model["table"].parameters()), "lr": 1e-5}, {"params": head}], weight_decay=0.0
    )
    assert found["a second rate never used"] == ("table.weight",)
