from __future__ import annotations

import pytest

import scepter_opt
from scepter_opt import ConfigError
from tests.parameters.models import Net, decays, plan, rates, rule

NO_DECAY = {"no_decay": rule({"KINDS": ["bias", "norm"]}, {"WEIGHT_DECAY": 0.0})}

HEAD = {"NAMES": "head"}


def test_last_matching_rule_wins_per_key() -> None:
    found = plan(NO_DECAY | {"head": rule({"NAMES": "head"}, {"LEARNING_RATE": 0.5, "EPS": 1e-3})})
    assert (decays(found)["head.bias"], rates(found)["head.bias"]) == (0.0, 0.5)
    assert found["head.bias"].decided == {"WEIGHT_DECAY": "no_decay", "LEARNING_RATE": "head", "EPS": "head"}
    later = plan(NO_DECAY | {"all": rule({"NAMES": "*"}, {"WEIGHT_DECAY": 0.3})})
    assert set(decays(later).values()) == {0.3}
    assert [use.shadowed for use in later.rules] == [True, False]


def test_multipliers_multiply() -> None:
    rules = {
        "all": rule({"NAMES": "*"}, {"LR_MULT": 0.5, "WEIGHT_DECAY_MULT": 3}),
        "rate": rule({"NAMES": "encoder"}, {"LEARNING_RATE": 0.1}),
        "encoder": rule({"NAMES": "encoder.0"}, {"LR_MULT": 0.5, "WEIGHT_DECAY_MULT": 2}),
    }
    found = plan(rules, LEARNING_RATE=1.0, WEIGHT_DECAY=0.1)
    assert rates(found)["token"] == 0.5
    assert rates(found)["encoder.1.attn.bias"] == 0.05
    assert rates(found)["encoder.0.attn.bias"] == 0.025
    assert decays(found)["encoder.0.attn.bias"] == pytest.approx(0.6)
    assert found["encoder.0.attn.bias"].decided["LR_MULT"] == "all * encoder"


def test_group_dicts_keep_their_settings_and_rules_apply_on_top() -> None:
    model = Net()
    groups = [
        {"params": list(model.encoder.named_parameters(prefix="encoder")), "lr": 0.1, "betas": [0.5, 0.6]},
        {"params": model.head.named_parameters(prefix="head"), "name": "top", "weight_decay": 0.2},
    ]
    rules = {"slow": rule({"NAMES": ["encoder.0", "head.bias"]}, {"LR_MULT": 0.5})}
    found = scepter_opt.build_optimizer(groups, {"NAME": "AdamW", "PARAM_GROUPS": rules, "LEARNING_RATE": 1.0})
    said = [(group["name"], group["lr"], group["betas"], group["weight_decay"]) for group in found.param_groups]
    assert said == [
        ("default", 0.1, (0.5, 0.6), 0.01),
        ("slow", 0.05, (0.5, 0.6), 0.01),
        ("top", 1.0, (0.9, 0.999), 0.2),
        ("top+slow", 0.5, (0.9, 0.999), 0.2),
    ]


def test_a_combination_that_two_rules_make_is_decided_by_what_they_match() -> None:
    nesterov = {"a": rule(HEAD, {"NESTEROV": True})}
    assert len(plan(nesterov | {"b": rule(HEAD, {"MOMENTUM": 0.9})}, name="SGD").group_settings) == 2
    with pytest.raises(ConfigError, match=r"PARAM_GROUPS.a.SET.NESTEROV"):
        plan(nesterov | {"b": rule({"NAMES": "encoder"}, {"MOMENTUM": 0.9})}, name="SGD")
