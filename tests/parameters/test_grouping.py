from __future__ import annotations

import pytest
from torch import nn

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
