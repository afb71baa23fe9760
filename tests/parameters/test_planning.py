from __future__ import annotations

from typing import Any

import pytest

import scepter_opt
from scepter_opt import ConfigError, ConfigWarning
from tests.parameters.models import Net, decays, plan, rates, rule

NO_DECAY = {"no_decay": rule({"KINDS": ["bias", "norm"]}, {"WEIGHT_DECAY": 0.0})}

HEAD = {"NAMES": "head"}


def test_a_rule_that_names_a_module_leaves_its_longer_neighbour_alone() -> None:
    found = plan({"backbone": rule({"NAMES": "encoder"}, {"LR_MULT": 0.1})}, LEARNING_RATE=1.0)
    assert rates(found)["encoder_proj.weight"] == 1.0
    assert rates(found)["encoder.0.attn.weight"] == 0.1


def test_a_custom_rule_does_not_cancel_no_decay() -> None:
    found = plan(NO_DECAY | {"head": rule({"NAMES": "encoder"}, {"LR_MULT": 10})})
    for row in found:
        expected = 0.0 if {"bias", "norm"} & set(row.kinds) else 0.01
        assert row.group is not None
        assert row.group.weight_decay == expected


def test_my_norm_and_rms_norm_are_not_decayed_and_attention_is() -> None:
    found = decays(plan(NO_DECAY))
    assert [found[f"encoder.0.{name}"] for name in ("norm2.scale", "norm3.weight", "attn.weight")] == [0, 0, 0.01]


def test_frozen_parameters_are_in_their_groups_and_named_in_the_plan() -> None:
    model = Net()
    model.embed.requires_grad_(False)
    for parameters in (model, dict(model.named_parameters()), list(model.named_parameters()), {"net": model}):
        found = scepter_opt.plan({"NAME": "SGD"}, parameters)
        assert [row.name.removeprefix("net.") for row in found if row.frozen] == ["embed.weight"]
        assert sum(len(group["params"]) for group in found.groups()) == len(list(model.parameters()))
    assert "frozen now, each in its group: 1 parameter: net.embed.weight" in found.short()
    assert "default (frozen)" in str(found)


def test_only_takes_part_of_a_model() -> None:
    found = plan(NO_DECAY, ONLY=["encoder.*", "head"])
    assert {row.name.split(".")[0] for row in found} == {"encoder", "embed", "head"}
    with pytest.raises(ConfigError, match=r"optimizer.ONLY = 'encodr': matches nothing: the nearest names are encoder"):
        plan({}, ONLY="encodr")


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


@pytest.mark.parametrize("name", ["Muon", "LBFGS", "SparseAdam"])
def test_an_implementation_that_a_class_lacks_is_refused_by_the_check(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} has no fused step"):
        scepter_opt.check({"NAME": name, "IMPLEMENTATION": "fused"})
    with pytest.raises(ConfigError, match=r"PARAM_GROUPS.r.SET.IMPLEMENTATION = 'foreach'"):
        scepter_opt.check({"NAME": name, "PARAM_GROUPS": {"r": rule(HEAD, {"IMPLEMENTATION": "foreach"})}})


@pytest.mark.parametrize(
    ("where", "key"),
    [
        ({"NAMES": ["encoder", "haed"]}, "NAMES = 'haed'"),
        ({"NAMES": "encoder", "EXCEPT": {"NAMES": "haed"}}, "EXCEPT.NAMES = 'haed'"),
        ({"MODULES": ["Linear", "LinearNorm"]}, "MODULES = 'LinearNorm'"),
    ],
)
def test_a_name_that_matches_nothing_beside_others_is_said(where: Any, key: str) -> None:
    node = {"NAME": "AdamW", "PARAM_GROUPS": {"r": rule(where, {"WEIGHT_DECAY": 0.0})}}
    with pytest.warns(ConfigWarning, match=rf"optimizer.PARAM_GROUPS.r.WHERE.{key}: matches nothing"):
        scepter_opt.build_optimizer(Net(), node)


def test_one_rule_without_a_name_and_a_preset_at_the_wrong_place_are_told() -> None:
    with pytest.raises(ConfigError, match="PARAM_GROUPS: is one rule without a name"):
        scepter_opt.check(
            {"optimizer": {"NAME": "AdamW", "PARAM_GROUPS": {"WHERE": {"NAMES": "a"}, "SET": {"LR_MULT": 2}}}}
        )
    with pytest.raises(ConfigError, match=r"chosen by param_groups@optimizer.PARAM_GROUPS=OPTION"):
        scepter_opt.check({"optimizer": {"NAME": "AdamW", "PARAM_GROUPS": "no_decay"}})
