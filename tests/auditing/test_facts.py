from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from scepter_opt import ConfigError
from scepter_opt.auditing.facts import gather, inside


def test_groups_are_called_by_their_names_and_by_their_optimizer_where_there_are_several() -> None:
    body, head = nn.Linear(2, 2), nn.Linear(2, 1)
    groups: list[dict[str, Any]] = [{"params": body.weight, "name": "weights"}, {"params": body.bias}]
    one = torch.optim.SGD(groups, lr=0.1)
    other = torch.optim.SGD(head.parameters(), lr=0.1)
    model = nn.ModuleDict({"body": body, "head": head})
    assert [group.label for group in gather(model, one).groups] == ["weights", "group 1"]
    assert [group.label for group in gather(model, {"a": one, "b": other}).groups] == [
        "a: weights",
        "a: group 1",
        "b: group 0",
    ]
    assert [group.label for group in gather(model, [one, other]).groups][-1] == "optimizer 1: group 0"


def test_members_are_found_by_identity_and_the_rest_are_strangers() -> None:
    model, other = nn.Linear(2, 1), nn.Linear(2, 1)
    facts = gather(model, torch.optim.SGD([*model.parameters(), other.weight], lr=0.1))
    (group,) = facts.groups
    assert facts.names(group.members) == ["weight", "bias"]
    assert [id(tensor) for tensor in group.strangers] == [id(other.weight)]
    assert facts.values(group.members) == 3


@pytest.mark.parametrize("wrap", [lambda m: m, nn.Sequential, lambda m: nn.ModuleDict({"body": m, "module": m})])
def test_a_module_within_a_module_is_no_wrapper(wrap: Any) -> None:
    model = wrap(nn.Linear(2, 1))
    assert not gather(model, torch.optim.SGD(model.parameters(), lr=0.1)).wrapped


def test_a_compiled_model_is_wrapped() -> None:
    model: Any = torch.compile(nn.Linear(2, 1), backend="eager")
    facts = gather(model, torch.optim.SGD(model.parameters(), lr=0.1))
    assert facts.wrapped
    assert facts.parameters.names == ["weight", "bias"]


MODEL = nn.Linear(2, 1)
SGD = torch.optim.SGD(MODEL.parameters(), lr=0.1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (([MODEL.weight], SGD), "model.*: must be a module, or a mapping of names to modules"),
        (({}, SGD), "model.*: must be a module, or a mapping of names to modules"),
        ((MODEL, MODEL), "optimizer.*: must be an optimizer: it has no param_groups"),
        ((MODEL, torch.optim.SGD), "optimizer.*: must be an optimizer: it has no param_groups"),
        ((MODEL, {"muon": SGD, "adamw": None}), "adamw.*: must be an optimizer"),
        ((MODEL, []), "optimizer: there is none"),
        ((MODEL, SGD, 3), "scheduler = 3: must have a step"),
        ((MODEL, SGD, "cosine"), "scheduler = 'cosine': must have a step"),
        ((MODEL, SGD, torch.optim.lr_scheduler.StepLR), "scheduler.*: must have a step"),
    ],
)
def test_what_is_of_another_kind_is_refused(given: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        gather(*given)


def test_schedulers_are_one_or_several() -> None:
    scheduler = torch.optim.lr_scheduler.StepLR(SGD, 3)
    for given in (scheduler, [scheduler], {"lr": scheduler}):
        assert gather(MODEL, SGD, given).schedulers == [scheduler]
    assert gather(MODEL, SGD).schedulers == []


def test_optimizers_inside_one_are_found_wherever_it_keeps_them() -> None:
    hybrid = torch.optim.SGD(MODEL.parameters(), lr=0.1)
    one, two, three = (torch.optim.SGD(MODEL.parameters(), lr=0.1) for _ in range(3))
    vars(hybrid).update(inner=one, several=[two], named={"three": three}, itself=hybrid)
    assert list(map(id, inside(hybrid))) == list(map(id, [one, two, three]))
    assert inside(SGD) == []
