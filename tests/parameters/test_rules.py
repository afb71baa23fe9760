from __future__ import annotations

import math
from typing import Any

import pytest

import scepter_opt
from scepter_opt import ConfigError
from tests.parameters.models import rule

HEAD = {"NAMES": "head"}

BEFORE_THE_MODEL = [
    ({"r": rule({"NAMES": "re:("})}, "r.WHERE.NAMES", "not a regular expression"),
    ({"r": rule({"NAMES": [""]})}, "r.WHERE.NAMES[0]", "is empty"),
    ({"r": rule({"NAME": "x"})}, "r.WHERE.NAME", "Did you mean NAMES?"),
    ({"r": rule({"KINDS": "biass"})}, "r.WHERE.KINDS", "Did you mean bias?"),
    ({"r": rule({"NDIM": -1})}, "r.WHERE.NDIM", "at least 0"),
    ({"r": rule({"NAMES": "x", "EXCEPT": {"KIND": "x"}})}, "r.WHERE.EXCEPT.KIND", "Did you mean KINDS?"),
    ({"r": rule({"NAMES": "x", "EXCEPT": {}})}, "r.WHERE.EXCEPT", "is empty"),
    ({"r": {"SET": {"LR_MULT": 1}}}, "r.WHERE", "is required"),
    ({"r": rule({}, {"LR_MULT": 1})}, "r.WHERE", "is empty"),
    ({"r": rule(None)}, "r.WHERE", "is empty"),
    ({"r": {"NAMES": "x", **rule(HEAD)}}, "r.NAMES", "Did you mean WHERE.NAMES?"),
    ({"r": {"LR_MULT": 1, **rule(HEAD)}}, "r.LR_MULT", "Did you mean SET.LR_MULT?"),
    ({"r": rule(HEAD, {"WEIGHT_DECY": 1})}, "r.SET.WEIGHT_DECY", "Did you mean WEIGHT_DECAY?"),
    ({"r": rule(HEAD, {"lr": 1})}, "r.SET.lr", "Did you mean LEARNING_RATE?"),
    ({"r": rule(HEAD, {"OPTIMIZER": "muon"})}, "r.SET.OPTIMIZER", "only a Hybrid has parts"),
    ({"r": rule(HEAD, {"ONLY": "x"})}, "r.SET.ONLY", "holds for the whole optimizer"),
    ({"r": rule(HEAD, {"BETAS": [0.9]})}, "r.SET.BETAS", "exactly 2 values"),
    ({"r": rule(HEAD, {"LR_MULT": -1})}, "r.SET.LR_MULT", "at least 0"),
    ({"r": rule(HEAD, {"LR_MULT": math.nan})}, "r.SET.LR_MULT", "finite"),
    ({"r": rule(HEAD, {"WEIGHT_DECAY_MULT": math.inf})}, "r.SET.WEIGHT_DECAY_MULT", "finite"),
    ({"r": rule(HEAD, {"LAYER_DECAY": 0})}, "r.SET.LAYER_DECAY", "above 0"),
    ({"r": rule(HEAD, {"LAYERS": r"(\d+)"})}, "r.SET.LAYERS", "LAYER_DECAY, which is missing"),
    ({"r": rule(HEAD, {"LAYER_DECAY": 0.5, "LAYERS": "x"})}, "r.SET.LAYERS", "needs a group"),
    ({"r": rule(HEAD, [1])}, "r.SET", "must be a node"),
    ({"r": "x"}, "r", "must be a rule"),
    ({1: rule(HEAD), "1": rule(HEAD)}, "1", "two rules of this name"),
    ({"default": rule(HEAD)}, "default", "choose another"),
]


@pytest.mark.parametrize(("rules", "key", "words"), BEFORE_THE_MODEL, ids=lambda value: str(value)[:40])
def test_a_bad_rule_is_refused_before_there_is_a_model(rules: Any, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        scepter_opt.check({"optimizer": {"NAME": "AdamW", "PARAM_GROUPS": rules}})
    told = {problem.key: problem.message for problem in caught.value.problems}
    assert words in told[f"optimizer.PARAM_GROUPS.{key}"]


@pytest.mark.parametrize("rules", ["no_decay", [1], 3])
def test_rules_are_named(rules: Any) -> None:
    with pytest.raises(ConfigError, match="must be named rules"):
        scepter_opt.check({"NAME": "AdamW", "PARAM_GROUPS": rules})


def test_every_problem_of_every_rule_is_told_at_once() -> None:
    rules = {"a": rule({"NAME": "x"}, {"lr": 1}), "b": rule({}, {"EPS": -1})}
    with pytest.raises(ConfigError) as caught:
        scepter_opt.check({"NAME": "AdamW", "PARAM_GROUPS": rules, "EPS": -1})
    assert {problem.key for problem in caught.value.problems} == {
        "PARAM_GROUPS.a.WHERE.NAME", "PARAM_GROUPS.a.SET.lr", "PARAM_GROUPS.b.WHERE", "PARAM_GROUPS.b.SET.EPS", "EPS",
    }  # fmt: skip


def test_a_combination_that_a_rule_makes_is_refused_by_the_check() -> None:
    with pytest.raises(ConfigError, match=r"PARAM_GROUPS.r.SET.NESTEROV = True: Nesterov momentum needs MOMENTUM"):
        scepter_opt.check({"NAME": "SGD", "PARAM_GROUPS": {"r": rule(HEAD, {"NESTEROV": True})}})
