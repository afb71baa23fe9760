from __future__ import annotations

import copy
import io
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from tests.parameters.models import rule

RULES = {"head": rule({"NAMES": "head"}, {"LR_MULT": 10}), "bias": rule({"KINDS": "bias"}, {"WEIGHT_DECAY": 0.0})}


def net() -> nn.ModuleDict:
    torch.manual_seed(0)
    return nn.ModuleDict({"backbone": nn.Linear(2, 2), "head": nn.Linear(2, 1)})


def build(model: nn.Module, name: str = "SGD", **keys: Any) -> torch.optim.Optimizer:
    return scepter_opt.build_optimizer(model, {"NAME": name, "LEARNING_RATE": 0.1, **keys})


def test_rules_are_data_that_torch_loads_as_weights_only() -> None:
    optimizer = build(net(), PARAM_GROUPS=RULES)
    expected = [[[]], [["head"]], [["head", "bias"]], [["bias"]]]
    assert [group["rules"] for group in optimizer.param_groups] == expected
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    loaded = torch.load(file, weights_only=True)
    assert [group["rules"] for group in loaded["param_groups"]] == expected


@pytest.mark.parametrize("saved_rules", [None, [["other"]]])
def test_the_rules_of_the_configuration_survive_loading(saved_rules: Any) -> None:
    optimizer = build(net(), PARAM_GROUPS=RULES)
    expected = [group["rules"] for group in optimizer.param_groups]
    state = copy.deepcopy(optimizer.state_dict())
    for group in state["param_groups"]:
        del group["rules"]
        group.update({} if saved_rules is None else {"rules": saved_rules})
    optimizer.load_state_dict(state)
    assert [group["rules"] for group in optimizer.param_groups] == expected
    assert [group.get("rules") for group in state["param_groups"]] == [saved_rules] * 4


def test_a_state_of_another_grouping_without_names_is_torchs_to_refuse() -> None:
    optimizer = build(net(), PARAM_GROUPS=RULES)
    with pytest.raises(ValueError, match="different number of parameter groups"):
        optimizer.load_state_dict(torch.optim.SGD(net().parameters()).state_dict())


def test_groups_without_names_are_added_and_find_their_names_in_the_model() -> None:
    model = net()
    optimizer = build(model, ONLY="head")
    extra, single = nn.Linear(1, 1), nn.Parameter(torch.ones(1))
    model["late"] = nn.Linear(1, 1, bias=False)
    optimizer.add_param_group({"params": model["backbone"].parameters(), "lr": 0.01})
    optimizer.add_param_group({"params": [*model["late"].parameters(), *extra.parameters()]})
    optimizer.add_param_group({"params": single})
    assert [group["param_names"] for group in optimizer.param_groups[1:]] == [
        ["backbone.weight", "backbone.bias"],
        ["late.weight", "param_groups[2].1", "param_groups[2].2"],
        ["param_groups[3].0"],
    ]
    assert optimizer.param_groups[1]["lr"] == 0.01


def test_what_torch_refuses_of_a_later_group_it_still_refuses() -> None:
    model = net()
    optimizer = build(model)
    with pytest.raises(ValueError, match="more than one parameter group"):
        optimizer.add_param_group({"params": list(model["head"].parameters())})
    with pytest.raises(TypeError, match="ordered collections"):
        optimizer.add_param_group({"params": {nn.Parameter(torch.ones(1))}})
    with pytest.raises(TypeError, match="must be a dict"):
        optimizer.add_param_group([nn.Parameter(torch.ones(1))])  # type: ignore[arg-type]  # what torch refuses
    assert len(optimizer.param_groups) == 1


def test_an_optimizer_over_nameless_tensors_takes_nameless_groups_as_torchs_does() -> None:
    optimizer = scepter_opt.build_optimizer([nn.Parameter(torch.ones(1))], {"NAME": "SGD"})
    optimizer.add_param_group({"params": [nn.Parameter(torch.ones(1))]})
    assert all("param_names" not in group for group in optimizer.param_groups)


@pytest.mark.parametrize("unfrozen_by", ["requires_grad_", "add_param_group"])
def test_a_frozen_backbone_trains_once_it_is_unfrozen(unfrozen_by: str) -> None:
    model, reference = net(), net()
    model["backbone"].requires_grad_(False)
    optimizer = build(model, IMPLEMENTATION="torch", PARAM_GROUPS={"head": RULES["head"]})
    body, head = reference["backbone"].parameters(), reference["head"].parameters()
    groups: list[Any] = [{"params": body}, {"params": head, "lr": 1.0}]
    torchs = torch.optim.SGD(groups, lr=0.1)
    reference["backbone"].requires_grad_(False)
    for step in range(4):
        if step == 2:
            model["backbone"].requires_grad_(True)
            reference["backbone"].requires_grad_(True)
            held = {id(p) for group in optimizer.param_groups for p in group["params"]}
            # what tutorials and callbacks filter out, since it is in a group already
            assert not [p for p in model["backbone"].parameters() if id(p) not in held]
            extra = nn.Linear(1, 1)
            if unfrozen_by == "add_param_group":
                optimizer.add_param_group({"params": list(extra.parameters()), "lr": 0.01})
        for each, stepped in ((model, optimizer), (reference, torchs)):
            each.zero_grad()
            each["head"](each["backbone"](torch.ones(1, 2))).square().sum().backward()
            stepped.step()
    pairs = zip(model.parameters(), reference.parameters(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


def test_a_frozen_parameter_that_the_class_cannot_take_is_left_out_and_named() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Embedding(2, 2), nn.Linear(2, 2, bias=False))
    model[0].bias.requires_grad_(False)
    model[1].requires_grad_(False)
    model[2].requires_grad_(False)
    plan = scepter_opt.plan({"NAME": "Muon"}, model)
    assert [row.name for row in plan if row.group is None] == ["0.bias", "1.weight"]
    assert "frozen, and left out since Muon cannot take it: 2 parameters: 0.bias, 1.weight" in plan.short()
    assert "frozen now, each in its group: 1 parameter: 2.weight" in plan.short()
    assert "left out (frozen)" in str(plan)
    assert str(scepter_opt.Plan.from_json(plan.to_json())) == str(plan)
    assert build(model, "Muon").param_groups[0]["param_names"] == ["0.weight", "2.weight"]


def test_a_hybrid_takes_later_groups_without_names_into_its_default_part() -> None:
    node = {
        "NAME": "Hybrid",
        "OPTIMIZERS": {"muon": {"NAME": "Muon"}, "adamw": {"NAME": "AdamW", "LEARNING_RATE": 0.5}},
        "DEFAULT": "adamw",
        "PARAM_GROUPS": {"matrices": rule({"KINDS": "matrix"}, {"OPTIMIZER": "muon"})},
    }
    optimizer = scepter_opt.build_optimizer(net(), node)
    optimizer.add_param_group({"params": [nn.Parameter(torch.ones(1))]})
    group = optimizer.param_groups[-1]
    assert (group["optimizer"], group["lr"], group["param_names"]) == ("adamw", 0.5, ["param_groups[2].0"])


def test_thawing_what_is_frozen_already_is_said() -> None:
    model = net()
    model["backbone"].requires_grad_(False)
    thaw = {"thaw": rule({"NAMES": "*"}, {"FREEZE": False})}
    with pytest.warns(scepter_opt.ConfigWarning, match=r"^optimizer.PARAM_GROUPS.thaw.SET.FREEZE = False: what is fro"):
        build(model, PARAM_GROUPS=thaw)
    build(net(), PARAM_GROUPS=thaw)  # nothing is frozen, nothing is said
    freeze = {"freeze": rule({"NAMES": "head"}, {"FREEZE": True})}
    build(net(), PARAM_GROUPS=thaw | freeze)
