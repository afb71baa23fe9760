"""The groups of rules are those that a plan makes of a model, as far as rules alone tell them."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

import scepter_opt
from scepter_opt.cli.composing import compose
from scepter_opt.insight.rule_groups import groups_of_rules


def groups(*overrides: str) -> dict[str, dict[str, Any]]:
    return {group["name"]: group for group in groups_of_rules(scepter_opt.check(compose(overrides).optimizer))}


def test_without_rules_there_is_one_group_at_the_rate() -> None:
    (group,) = groups("optimizer=sgd", "optimizer.LEARNING_RATE=0.3").values()
    assert (group["name"], group["lr"], group["rules"]) == ("default", 0.3, [[]])


def test_a_rule_has_its_multipliers_and_settings() -> None:
    made = groups(
        "optimizer.LEARNING_RATE=0.1",
        "optimizer.WEIGHT_DECAY=0.5",
        "+optimizer.PARAM_GROUPS.a={WHERE: {NAMES: a}, SET: {LR_MULT: 10, WEIGHT_DECAY_MULT: 0.5, EPS: 1e-3}}",
        "+optimizer.PARAM_GROUPS.b={WHERE: {NAMES: b}, SET: {LEARNING_RATE: 0.2, LR_MULT: 2}}",
        "+optimizer.PARAM_GROUPS.c={WHERE: {NAMES: c}, SET: {FREEZE: true}}",
        "+optimizer.LR_SCALING={BATCH_SIZE: 512}",
    )
    assert {name: group["lr"] for name, group in made.items()} == {"default": 0.2, "a": 2.0, "b": 0.8}
    assert (made["a"]["weight_decay"], made["a"]["eps"], made["b"]["weight_decay"]) == (0.25, 1e-3, 0.5)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "adagrad"])
def test_the_rates_are_those_of_a_plan(optimizer: str) -> None:
    overrides = [
        f"optimizer={optimizer}",
        "+optimizer.LR_SCALING={BATCH_SIZE: 1024, RULE: sqrt}",
        "+optimizer.PARAM_GROUPS.head={WHERE: {NAMES: '1'}, SET: {LEARNING_RATE: 0.3, LR_MULT: 0.5}}",
    ]
    plan = scepter_opt.plan(compose(overrides).optimizer, nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)))
    rates = {group.name: group.learning_rate for group in plan.group_settings}
    assert {name: group["lr"] for name, group in groups(*overrides).items()} == rates


def test_a_hybrid_has_a_group_for_each_part_and_rule() -> None:
    made = groups("optimizer=muon_adamw", "optimizer.OPTIMIZERS.muon.LEARNING_RATE=0.02")
    assert {name: (group["optimizer"], group["lr"]) for name, group in made.items()} == {
        "muon": ("muon", 0.02),
        "default": ("adamw", 0.001),
        "hidden_matrices": ("muon", 0.02),
        "embeddings": ("adamw", 0.001),
        "tokens": ("adamw", 0.001),
        "heads": ("adamw", 0.001),
    }


def test_a_class_without_a_config_is_read_as_it_was_written() -> None:
    from scepter_opt.config.base import OpenConfig

    rules = {"a": {"WHERE": {"NAMES": "a"}, "SET": {"LR_MULT": 2.0}}, "b": {"WHERE": {"NAMES": "b"}}}
    made = groups_of_rules(OpenConfig({"NAME": "Mine", "LEARNING_RATE": 0.1, "PARAM_GROUPS": rules}))
    assert [(group["name"], group["lr"]) for group in made] == [("default", 0.1), ("a", 0.2), ("b", 0.1)]
