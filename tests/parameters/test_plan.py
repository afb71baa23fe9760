from __future__ import annotations

import builtins
import logging
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError, Plan
from tests.parameters.models import Net, decays, names, plan, rates, rule

EVERY = sorted(set(scepter_opt.OPTIMIZERS.own_entries()) - {"Hybrid", "LBFGS", "Muon", "SparseAdam"})
NO_DECAY = {"no_decay": rule({"KINDS": ["bias", "norm"]}, {"WEIGHT_DECAY": 0.0})}


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


def test_tied_parameters_count_once_under_all_their_names() -> None:
    found = plan({"head": rule({"NAMES": "head"}, {"LR_MULT": 2})})
    assert found["head.weight"] == found["embed.weight"]
    assert found["embed.weight"].tied == ("head.weight",)
    assert sum(len(group["params"]) for group in found.groups()) == len(list(Net().parameters()))


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


def test_group_dicts_carry_names_and_only_what_differs() -> None:
    model = Net()
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "AdamW", "PARAM_GROUPS": NO_DECAY})
    default, no_decay = optimizer.param_groups
    assert (default["name"], default["weight_decay"]) == ("default", 0.01)
    assert (no_decay["name"], no_decay["weight_decay"]) == ("no_decay", 0.0)
    assert no_decay["param_names"][0] == "encoder.0.norm.weight"
    assert dict(model.named_parameters())["encoder.0.norm.weight"] is no_decay["params"][0]
    assert set(plan(NO_DECAY).groups()[0]) == {"params", "name", "rules", "foreach", "fused"}


def test_settings_reach_torch_in_its_own_types() -> None:
    settings = {"BETAS": [0.8, 0.9], "AMSGRAD": True, "IMPLEMENTATION": "for_loop"}
    optimizer = scepter_opt.build_optimizer(
        Net(), {"NAME": "AdamW", "PARAM_GROUPS": {"head": rule({"NAMES": "head"}, settings)}}
    )
    head = optimizer.param_groups[1]
    assert (head["betas"], head["amsgrad"], head["foreach"], head["fused"]) == ((0.8, 0.9), True, False, False)
    assert (optimizer.param_groups[0]["foreach"], optimizer.param_groups[0]["fused"]) == (False, True)


def test_implementation_goes_into_the_groups_and_not_into_the_defaults() -> None:
    optimizer = scepter_opt.build_optimizer(Net(), {"NAME": "AdamW", "IMPLEMENTATION": "fused"})
    assert optimizer.defaults["fused"] is None
    assert [group["fused"] for group in optimizer.param_groups] == [True]
    with pytest.raises(ConfigError, match="fused steps take floating-point tensors"):
        scepter_opt.build_optimizer(
            [torch.ones(2, dtype=torch.complex64, requires_grad=True)], {"NAME": "AdamW", "IMPLEMENTATION": "fused"}
        )


@pytest.mark.parametrize("name", EVERY)
def test_every_key_of_every_optimizer_can_be_set_by_a_rule(name: str) -> None:
    entry = scepter_opt.OPTIMIZERS.own_entries()[name]
    config = scepter_opt.check({"NAME": name})
    common = {"NAME", "PARAM_GROUPS", "ONLY", "ALLOW_REST", "LR_SCALING", "TENSOR_LR"}
    settings = {key: value for key, value in config.items() if key not in common}
    model = nn.Sequential(nn.Linear(2, 2))
    node = {"NAME": name, "LEARNING_RATE": 0.7, "PARAM_GROUPS": {"bias": rule({"KINDS": "bias"}, settings)}}
    default, bias = scepter_opt.build_optimizer(model, node).param_groups
    assert entry.component.target.endswith(name)
    differing = {key for key in default if key != "params" and default[key] != bias[key]}
    assert differing == {"param_names", "lr", "name", "rules"}


def test_frozen_parameters_are_in_their_groups_and_named_in_the_plan() -> None:
    model = Net()
    model.embed.requires_grad_(False)
    for parameters in (model, dict(model.named_parameters()), list(model.named_parameters()), {"net": model}):
        found = scepter_opt.plan({"NAME": "SGD"}, parameters)
        assert [row.name.removeprefix("net.") for row in found if row.frozen] == ["embed.weight"]
        assert sum(len(group["params"]) for group in found.groups()) == len(list(model.parameters()))
    assert "frozen now, each in its group: 1 parameter: net.embed.weight" in found.short()
    assert "default (frozen)" in str(found)


FORMS: dict[str, Any] = {
    "module": lambda m: m,
    "mapping of modules": lambda m: {"net": m},
    "named": lambda m: m.named_parameters(),
    "mapping of tensors": lambda m: dict(m.named_parameters()),
    "groups": lambda m: [{"params": list(m.named_parameters())}],
    "groups of torch": lambda m: torch.optim.SGD(list(m.named_parameters())).param_groups[:1],
    "tensors": lambda m: m.parameters(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_parameters_is_covered_once(form: str) -> None:
    model = Net()
    parameters = FORMS[form](model)
    if form == "groups of torch":
        parameters = [{key: parameters[0][key] for key in ("params", "param_names", "lr", "weight_decay")}]
    optimizer = scepter_opt.build_optimizer(parameters, {"NAME": "SGD"})
    covered = [id(tensor) for group in optimizer.param_groups for tensor in group["params"]]
    assert covered == [id(tensor) for tensor in model.parameters()]


def test_a_mapping_prefixes_names() -> None:
    models = {"generator": nn.Linear(2, 2), "critic": nn.Linear(2, 2)}
    found = plan({"g": rule({"NAMES": "generator"}, {"LR_MULT": 2})}, models)
    assert names(found, "g") == ["generator.weight", "generator.bias"]


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


def test_a_tensor_rate_in_a_group_dict_is_kept() -> None:
    rate = torch.tensor(0.1)
    model = nn.Linear(2, 2)
    optimizer = scepter_opt.build_optimizer([{"params": list(model.parameters()), "lr": rate}], {"NAME": "SGD"})
    assert optimizer.param_groups[0]["lr"] is rate


def test_only_takes_part_of_a_model() -> None:
    found = plan(NO_DECAY, ONLY=["encoder.*", "head"])
    assert {row.name.split(".")[0] for row in found} == {"encoder", "embed", "head"}
    with pytest.raises(ConfigError, match=r"optimizer.ONLY = 'encodr': matches nothing: the nearest names are encoder"):
        plan({}, ONLY="encodr")


@pytest.mark.parametrize(("how", "rate"), [("linear", 0.4), ("sqrt", 0.2)])
def test_rates_follow_the_batch_size(how: str, rate: float) -> None:
    rules = {"head": rule({"NAMES": "head"}, {"LR_MULT": 10}), "bias": rule({"NAMES": "token"}, {"LEARNING_RATE": 0.2})}
    node = {"NAME": "SGD", "LEARNING_RATE": 0.1, "LR_SCALING": {"RULE": how, "BATCH_SIZE": 1024}, "PARAM_GROUPS": rules}
    found = scepter_opt.plan(node, Net())
    said = rates(found)
    assert (said["encoder_proj.bias"], said["head.bias"], said["token"]) == pytest.approx((rate, rate * 10, rate * 2))
    optimizer = scepter_opt.build_optimizer(Net(), scepter_opt.check(node))
    assert optimizer.defaults["lr"] == pytest.approx(rate)


def test_the_plan_works_on_the_meta_device() -> None:
    with torch.device("meta"):
        model = Net()
    assert plan(NO_DECAY, model).diff(plan(NO_DECAY)).changed == {}


def test_a_plan_is_saved_and_compared() -> None:
    found = plan(NO_DECAY)
    again = Plan.from_json(found.to_json())
    assert not found.diff(again)
    assert (str(again), again.to_json()) == (str(found), found.to_json())
    with pytest.raises(ConfigError, match="read from a file"):
        again.groups()
    model = Net()
    model.token.requires_grad_(False)
    model.register_parameter("extra", nn.Parameter(torch.ones(2)))
    changed = plan(NO_DECAY | {"head": rule({"NAMES": "head"}, {"LR_MULT": 10})}, model).diff(again)
    assert changed.added == ("extra",)
    assert changed.changed["head.bias"] == {"LEARNING_RATE": (0.001, 0.01)}
    assert changed.changed["token"]["frozen"] == (False, True)
    assert "~ head.bias: LEARNING_RATE 0.001 -> 0.01" in str(changed)
    with pytest.raises(ConfigError, match="no plan that to_json wrote"):
        Plan.from_json("{}")


def test_a_plan_prints_with_and_without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    found = plan(NO_DECAY)
    assert "│ embed.weight = head.weight" in str(found)
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("rich"):
            raise ModuleNotFoundError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    lines = str(found).splitlines()
    assert lines[0] == "rule no_decay: 16 parameters"
    assert any(line.startswith("embed.weight = head.weight  10x4") for line in lines)
    assert lines[-4].startswith("2 groups from 1 rule")


def test_build_optimizer_logs_the_short_form(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        scepter_opt.build_optimizer(Net(), {"NAME": "AdamW", "PARAM_GROUPS": NO_DECAY}, logging.getLogger("it"))
    assert "AdamW: 2 groups from 1 rule" in caplog.text


def test_a_setting_that_a_class_does_not_read_from_groups_is_refused() -> None:
    class Deaf(torch.optim.SGD):
        def __init__(self, params: Any, lr: float = 0.1, loudness: float = 1.0) -> None:
            super().__init__(params, lr=lr)
            self.loudness = loudness

    scepter_opt.OPTIMIZERS.register_class(name="DeafForRules")(Deaf)
    with pytest.raises(ConfigError, match=r"PARAM_GROUPS.head.SET.LOUDNESS = 2.0: DeafForRules has one value"):
        scepter_opt.build_optimizer(
            Net(), {"NAME": "DeafForRules", "PARAM_GROUPS": {"head": rule({"NAMES": "head"}, {"LOUDNESS": 2.0})}}
        )


def test_rules_apply_to_a_class_without_config() -> None:
    @scepter_opt.OPTIMIZERS.register_class(name="OpenForRules")
    class Open(scepter_opt.BaseOptimize):
        def __call__(self, parameters: Any) -> Any:
            return torch.optim.SGD(parameters, lr=self.cfg.LEARNING_RATE)

    node = {"NAME": "OpenForRules", "LEARNING_RATE": 1.0}
    assert len(scepter_opt.build_optimizer(Net(), node).param_groups) == 1
    rules = {"head": rule({"NAMES": "head"}, {"LR_MULT": 0.5, "MOMENTUM": 0.9})}
    head = scepter_opt.build_optimizer(Net(), node | {"PARAM_GROUPS": rules}).param_groups[1]
    assert (head["lr"], head["momentum"]) == (0.5, 0.9)
    with pytest.raises(ConfigError, match=r"PARAM_GROUPS.head.WHERE.NAME"):
        scepter_opt.check(node | {"PARAM_GROUPS": {"head": rule({"NAME": "x"})}})
