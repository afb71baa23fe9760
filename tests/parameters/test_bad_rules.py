from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError
from tests.parameters.models import Net, plan, rule

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


def test_a_combination_that_two_rules_make_is_decided_by_what_they_match() -> None:
    nesterov = {"a": rule(HEAD, {"NESTEROV": True})}
    assert len(plan(nesterov | {"b": rule(HEAD, {"MOMENTUM": 0.9})}, name="SGD").group_settings) == 2
    with pytest.raises(ConfigError, match=r"PARAM_GROUPS.a.SET.NESTEROV"):
        plan(nesterov | {"b": rule({"NAMES": "encoder"}, {"MOMENTUM": 0.9})}, name="SGD")


AT_THE_PLAN = [
    ({"NAMES": "enocder.*"}, "the nearest names are encoder"),
    ({"MODULES": "LayerNrom"}, "the nearest classes are LayerNorm"),
    ({"KINDS": "scalar"}, "the kinds there are: vector"),
    ({"NDIM": 4}, "the dimensions there are: 1"),
    ({"MARKED": "no_weight_decay"}, "no parameter has this attribute"),
    ({"NAMES": "head", "KINDS": "norm"}, "no parameter has all of these together"),
    ({"NAMES": "head", "EXCEPT": {"NAMES": "*"}}, "left out by EXCEPT"),
]


@pytest.mark.parametrize(("where", "words"), AT_THE_PLAN)
def test_a_rule_that_matches_nothing_shows_what_is_near(where: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan({"r": rule(where, {"LR_MULT": 2})})
    assert caught.value.problems[0].key == "optimizer.PARAM_GROUPS.r.WHERE"
    assert words in str(caught.value)
    assert plan({"r": rule(where, {"LR_MULT": 2}, OPTIONAL=True)}).rules[0].hits == 0


def test_a_rule_that_matches_only_frozen_parameters_says_so() -> None:
    model = Net()
    model.encoder.requires_grad_(False)
    found = plan({"r": rule({"NAMES": "encoder"}, {"LR_MULT": 2})}, model)
    assert "rule r matches only what is frozen" in found.short()
    freeze = {"f": rule({"NAMES": "encoder"}, {"FREEZE": True}), "r": rule({"NAMES": "encoder.0"}, {"LR_MULT": 2})}
    assert [use.frozen for use in plan(freeze).rules] == [True, True]
    assert [use.frozen for use in plan(freeze | {"a": rule({"NAMES": "*"})}).rules] == [True, True, False]


def test_a_failure_changes_nothing() -> None:
    model = Net()
    rules = {"f": rule({"NAMES": "encoder"}, {"FREEZE": True}), "r": rule({"NAMES": "nowhere"})}
    for call in (lambda n: scepter_opt.build_optimizer(model, n), lambda n: scepter_opt.freeze(model, n)):
        with pytest.raises(ConfigError):
            call({"NAME": "AdamW", "PARAM_GROUPS": rules})
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("settings", [{"FREEZE": True}, {"FREEZE": True, "LR_MULT": 2}])
def test_all_frozen_is_refused(settings: Any) -> None:
    with pytest.raises(ConfigError, match="parameters are frozen"):
        plan({"r": rule({"NAMES": "*"}, settings)})


@pytest.mark.parametrize("where", [{"NAMES": "x"}, {"KINDS": "bias"}, {"MODULES": "Linear"}, {"KINDS": "norm"}])
def test_rules_that_need_names_refuse_nameless_tensors(where: Any) -> None:
    with pytest.raises(ConfigError, match=r"pass the module|pass it"):
        plan({"r": rule(where, {"LR_MULT": 2})}, list(Net().parameters()))


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


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (None, "cannot be trained"),
        ("model", "cannot be trained"),
        ([], "no parameters to train"),
        ([1], "is 1 \\(int\\), not a tensor"),
        (torch.ones(2, requires_grad=True), "a single Tensor"),
        ([("a", torch.ones(2)), torch.ones(2)], "some parameters have names and some have none"),
        ([("a", torch.ones(2, requires_grad=True)), ("a", torch.ones(2, requires_grad=True))], "two parameters have"),
        ([torch.ones(2, requires_grad=True) * 2], "result of an operation \\(MulBackward0\\)"),
        ([{"lr": 1}], "has no `params`"),
        ([{"params": []}, torch.ones(2)], "group dicts and something else"),
        ([{"params": nn.Linear(2, 2)}], "give its named_parameters"),
        ([{"params": [torch.ones(2, requires_grad=True)], "lr_scale": 1}], "lr_scale = 1: AdamW has no such setting"),
        ([{"params": [torch.ones(2, requires_grad=True)], "lr": -1}], "at least 0"),
        ([torch.ones(2)], "all 1 parameters are frozen"),
        (nn.LazyLinear(2), "has no shape yet"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_cannot_be_trained_is_refused(parameters: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        scepter_opt.plan({"NAME": "AdamW"}, parameters)


def test_a_nameless_tensor_given_twice_is_refused() -> None:
    tensor = torch.ones(2, requires_grad=True)
    with pytest.raises(ConfigError, match="is there twice"):
        scepter_opt.plan({"NAME": "AdamW"}, [tensor, tensor])
    with pytest.raises(ConfigError, match="is in two group dicts"):
        scepter_opt.plan({"NAME": "AdamW"}, [{"params": [tensor]}, {"params": [tensor]}])


@pytest.mark.parametrize("name", ["Muon", "LBFGS", "SparseAdam"])
def test_an_implementation_that_a_class_lacks_is_refused_by_the_check(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} has no fused step"):
        scepter_opt.check({"NAME": name, "IMPLEMENTATION": "fused"})
    with pytest.raises(ConfigError, match=r"PARAM_GROUPS.r.SET.IMPLEMENTATION = 'foreach'"):
        scepter_opt.check({"NAME": name, "PARAM_GROUPS": {"r": rule(HEAD, {"IMPLEMENTATION": "foreach"})}})
