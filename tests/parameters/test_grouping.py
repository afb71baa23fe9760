from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError
from tests.parameters.models import plan, rule

HEAD = {"NAMES": "head"}


def test_equal_settings_share_a_group() -> None:
    rules = {
        "a": rule({"NAMES": "head"}, {"WEIGHT_DECAY": 0.0}),
        "b": rule({"NAMES": "encoder.0"}, {"WEIGHT_DECAY_MULT": 0}),
        "c": rule({"NAMES": "encoder.1"}, {"WEIGHT_DECAY": 0.01, "LR_MULT": 1}),
    }
    found = plan(rules)
    assert [group.name for group in found.group_settings] == ["default", "a|b", "c"]
    assert [group.rules for group in found.group_settings] == [((),), (("a",), ("b",)), (("c",),)]
    assert found.short().startswith("3 groups from 3 rules")


def test_a_rule_without_set_keeps_its_parameters_apart() -> None:
    found = plan({"head": rule({"NAMES": "head"})})
    assert [group["name"] for group in found.groups()] == ["default", "head"]


def test_groups_of_one_name_are_numbered() -> None:
    found = plan({"slow": rule({"NAMES": "*"}, {"LAYER_DECAY": 0.5})})
    assert [group.name for group in found.group_settings] == ["slow[0]", "slow[1]", "slow[2]", "slow[3]"]


def test_lbfgs_takes_one_group() -> None:
    with pytest.raises(ConfigError, match="LBFGS takes one group only, and there are 2"):
        plan({"r": rule(HEAD, {"LEARNING_RATE": 0.5})}, name="LBFGS")


def test_muon_takes_matrices_only() -> None:
    with pytest.raises(ConfigError, match=r"Muon takes parameters of 2 dimensions, not 0.bias \(of 1\)"):
        plan({}, nn.Sequential(nn.Linear(2, 2)), name="Muon")


def test_muon_takes_an_embedding_only_from_a_rule_that_names_it() -> None:
    model = nn.Sequential(nn.Embedding(2, 2), nn.Linear(2, 2, bias=False))
    for rules in ({}, {"r": rule({"NDIM": 2}, {"LR_MULT": 2})}, {"r": rule({"KINDS": "matrix"})}):
        with pytest.raises(ConfigError, match=r"Muon takes an embedding such as 0.weight only from a rule"):
            plan(rules, model, name="Muon")
    for where in ({"NAMES": "0"}, {"MODULES": "Embedding"}, {"KINDS": ["embedding"]}):
        assert len(plan({"r": rule(where)}, model, name="Muon")) == 2


@pytest.mark.parametrize("name", ["a+b", "a|b", "a[0]", "a.b", "default[0]", "*"])
def test_a_rule_of_any_name_has_its_own_curve(name: str) -> None:
    model = nn.Sequential(*(nn.Linear(2, 2, bias=False) for _ in range(3)))
    rules = {
        "a": rule({"NAMES": "0"}, {"LR_MULT": 2.0}),
        "b": rule({"NAMES": "1"}, {"LR_MULT": 3.0}),
        name: rule({"NAMES": "2"}, {"LR_MULT": 5.0}),
    }
    schedule = {"NAME": "PhasesLR", "PHASES": {"c": {"CURVE": "constant"}}}
    for scheduled in rules:
        warmup = {scheduled: {"w": {"CURVE": "linear", "FROM": 0, "TO": 1}}}
        optimizer = scepter_opt.build_optimizer(model, {"NAME": "SGD", "LEARNING_RATE": 1.0, "PARAM_GROUPS": rules})
        scepter_opt.build_lr_scheduler(optimizer, {**schedule, "RULES": warmup}, total_steps=10)
        rates = {group["param_names"][0]: group["lr"] for group in optimizer.param_groups}
        expected = {"0.weight": 2.0, "1.weight": 3.0, "2.weight": 5.0}
        assert rates == expected | {f"{list(rules).index(scheduled)}.weight": 0.0}


def test_names_of_groups_differ_also_where_a_rule_is_called_like_a_number() -> None:
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(3)))
    rules = {
        "a": rule({"NAMES": "*"}, {"LAYER_DECAY": 0.5}),
        "a[0]": rule({"NAMES": "0.bias"}),
        "a[1]": rule({"EXCEPT": {"NAMES": "*"}}, OPTIONAL=True),
    }
    found = [group.name for group in plan(rules, model).group_settings]
    assert len(set(found)) == len(found) == 4


@pytest.mark.parametrize("factor", [0.5, 1.0])
def test_a_schedules_rule_reaches_all_its_parameters_at_any_multiplier(factor: float) -> None:
    model = nn.ModuleDict({"backbone": nn.Linear(2, 2), "head": nn.Linear(2, 1)})
    model["backbone"].pos_embed = nn.Parameter(torch.ones(2))
    rules = {
        "backbone": rule({"NAMES": "backbone"}, {"LR_MULT": factor}),
        "pos": rule({"NAMES": "backbone.pos_embed"}, {"WEIGHT_DECAY": 0.0}),
    }
    frozen = {"NAME": "PhasesLR", "PHASES": {"c": {"CURVE": "constant"}}}
    frozen["RULES"] = {"backbone": {"off": {"CURVE": "constant", "TO": 0, "LENGTH": 5}}}
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "AdamW", "PARAM_GROUPS": rules})
    scepter_opt.build_lr_scheduler(optimizer, frozen, total_steps=10)
    rates = {name: group["lr"] for group in optimizer.param_groups for name in group["param_names"]}
    assert {name for name, rate in rates.items() if rate == 0} == {
        "backbone.weight", "backbone.bias", "backbone.pos_embed",
    }  # fmt: skip
    assert len(optimizer.param_groups) == 3


@pytest.mark.parametrize("settings", [{"FREEZE": True}, {"FREEZE": False}, None, {"WEIGHT_DECAY": 0.01}])
def test_what_a_rule_speaks_of_is_kept_apart_though_it_changes_no_setting(settings: Any) -> None:
    found = plan({"head": rule({"NAMES": "head.bias"}, settings)})
    assert [group.rules for group in found.group_settings] == [((),), (("head",),)]


def test_no_group_is_made_of_what_is_left_out() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    for bias in (model[0].bias, model[1].bias):
        bias.requires_grad_(False)
    slow = {"slow": rule({"KINDS": "bias"}, {"LR_MULT": 0.5})}
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "Muon", "PARAM_GROUPS": slow})
    assert [group["param_names"] for group in optimizer.param_groups] == [["0.weight", "1.weight"]]
    # the same where it leaves a whole part of a Hybrid without parameters
    parts = {"muon": {"NAME": "Muon"}, "adamw": {"NAME": "AdamW"}}
    rules = {"matrices": rule({"KINDS": "matrix"}, {"OPTIMIZER": "adamw"})}
    node = {"NAME": "Hybrid", "DEFAULT": "muon", "OPTIMIZERS": parts, "PARAM_GROUPS": rules}
    hybrid = scepter_opt.build_optimizer(model, node)
    assert [(group["optimizer"], group["param_names"]) for group in hybrid.param_groups] == [
        ("adamw", ["0.weight", "1.weight"])
    ]
