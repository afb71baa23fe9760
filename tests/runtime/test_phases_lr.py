"""PhasesLR as an object: groups of every kind, other settings, rules."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

import scepter_opt
from tests.runtime.phase_schedulers import FACTORS, HEAD, NODE, RISE, WARMUP, build, column, go, group, sgd


def test_groups_keep_their_proportions() -> None:
    optimizer = sgd(group(1.0), group(0.01))
    scheduler = build(optimizer)
    for factor in FACTORS[:-1]:
        assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([factor, 0.01 * factor], abs=1e-15)
        assert scheduler.get_last_lr() == [g["lr"] for g in optimizer.param_groups]
        go(scheduler, 1)


def test_the_last_value_holds_with_one_warning_when_the_run_goes_on() -> None:
    scheduler = build(sgd())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        go(scheduler, 12)
    with pytest.warns(UserWarning, match="12 ticks is over"):
        go(scheduler, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        go(scheduler, 5)
    assert scheduler.get_last_lr() == pytest.approx([0.02])


def test_torchs_warning_about_the_order_of_steps_is_kept() -> None:
    scheduler = build(sgd())
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        scheduler.step()


def test_a_group_added_later_brings_its_own_rate() -> None:
    optimizer = sgd()
    scheduler = build(optimizer)
    go(scheduler, 2)
    optimizer.add_param_group(group(1.0))
    go(scheduler, 1)
    assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([0.075, 0.75])
    assert scheduler.base_lrs == [0.1, 1.0]


def test_groups_that_a_checkpoint_replaces_are_found() -> None:
    optimizer = sgd()
    scheduler = build(optimizer)
    go(scheduler, 2)
    optimizer.load_state_dict(optimizer.state_dict())
    go(scheduler, 1)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.075)


@pytest.mark.parametrize("shape", [(), (1,)])
def test_tensor_rates_are_updated_in_place(shape: tuple[int, ...]) -> None:
    rate = torch.full(shape, 0.1, dtype=torch.float64)
    optimizer = torch.optim.Adam([group(rate)], lr=rate, capturable=False, foreach=False)
    scheduler = build(optimizer)
    go(scheduler, 3)
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == pytest.approx(0.075)
    copied = scheduler.get_last_lr()[0]
    copied.zero_()
    assert rate.item() == pytest.approx(0.075)


def test_an_end_by_value_is_what_a_parameter_without_multipliers_gets() -> None:
    optimizer = sgd(group(0.1), group(0.01))
    scheduler = build(optimizer, PHASES={"decay": {"CURVE": "linear", "FROM": 1, "TO_VALUE": 0.02, "LENGTH": 10}})
    go(scheduler, 10)
    assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([0.02, 0.002])


class TestSettings:
    def test_weight_decay_keeps_proportions_and_holds_its_last_value(self) -> None:
        optimizer = sgd(group(), group(weight_decay=0.1), group(weight_decay=0.0), weight_decay=0.4)
        scheduler = build(optimizer, SETTINGS={"WEIGHT_DECAY": RISE})
        go(scheduler, 2)
        assert [g["weight_decay"] for g in optimizer.param_groups] == pytest.approx([0.6, 0.15, 0.0])
        go(scheduler, 10)
        assert [g["weight_decay"] for g in optimizer.param_groups] == pytest.approx([0.8, 0.2, 0.0])
        assert optimizer.param_groups[0]["initial_weight_decay"] == 0.4

    def test_momentum_is_the_first_beta_where_there_are_betas(self) -> None:
        keys: dict[str, Any] = {
            "SETTINGS": {"MOMENTUM": {"warm": {"CURVE": "linear", "FROM_VALUE": 0.5, "TO_VALUE": 0.9, "LENGTH": 4}}}
        }
        first = build(sgd(momentum=0.8), **keys)
        assert column(first, 5, "momentum") == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9])
        second = build(torch.optim.AdamW([group()], betas=(0.8, 0.99)), **keys)
        betas = column(second, 5, "betas")
        assert [beta for beta, _ in betas] == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9])
        assert {type(pair) for pair in betas} == {tuple}
        assert {beta for _, beta in betas} == {0.99}

    def test_the_second_beta(self) -> None:
        keys: dict[str, Any] = {
            "SETTINGS": {"BETA2": {"warm": {"CURVE": "linear", "FROM_VALUE": 0.9, "TO": 1, "LENGTH": 9}}}
        }
        scheduler = build(torch.optim.AdamW([group()], betas=(0.8, 0.99)), **keys)
        assert [beta for _, beta in column(scheduler, 3, "betas")] == pytest.approx([0.9, 0.91, 0.92])

    def test_any_other_number_of_the_optimizer(self) -> None:
        scheduler = build(
            torch.optim.Adam([group()]), SETTINGS={"EPS": {"e": {"CURVE": "constant", "TO": 10, "LENGTH": 3}}}
        )
        assert scheduler.optimizer.param_groups[0]["eps"] == pytest.approx(1e-7)

    def test_a_fused_optimizer_trains_with_them(self) -> None:
        parameter = torch.ones(3, requires_grad=True)
        optimizer = torch.optim.AdamW([{"params": [parameter], "fused": True}])
        scheduler = build(
            optimizer, SETTINGS={"MOMENTUM": {"m": {"CURVE": "linear", "FROM": 1, "TO": 0.5, "LENGTH": 9}}}
        )
        for _ in range(3):
            parameter.square().sum().backward()  # type: ignore[no-untyped-call]  # torch has no type for it
            optimizer.step()
            scheduler.step()
        assert parameter[0] < 1


class TestRules:
    def test_a_rule_multiplies_the_curve_of_its_groups_only(self) -> None:
        optimizer = sgd(
            group(name="default"),
            group(name="no_decay+head", rules=[["no_decay", "head"]]),
            group(0.01, name="head"),
            group(name="head+less"),
        )
        scheduler = build(optimizer, RULES=HEAD)
        go(scheduler, 1)
        assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([0.025, 0.0, 0.0, 0.025])
        go(scheduler, 2)
        assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([0.075, 0.075, 0.0075, 0.075])

    def test_rules_multiply_each_other(self) -> None:
        optimizer = sgd(group(1.0, name="a+b", rules=[["a", "b"]]))
        half = {"half": {"CURVE": "constant", "TO": 0.5, "LENGTH": 2}}
        scheduler = build(optimizer, RULES={"a": half, "b": half})
        go(scheduler, 4)
        assert optimizer.param_groups[0]["lr"] == scheduler.get_last_lr()[0] == 0.25

    def test_a_rule_without_set_keeps_its_parameters_in_groups_of_their_own(self) -> None:
        model = torch.nn.ModuleDict({"body": torch.nn.Linear(2, 2), "head": torch.nn.Linear(2, 1)})
        node = {"NAME": "SGD", "LEARNING_RATE": 0.1, "PARAM_GROUPS": {"head": {"WHERE": {"NAMES": "head"}}}}
        scheduler_node = {**NODE, "RULES": HEAD}
        scepter_opt.check({"optimizer": node, "lr_scheduler": scheduler_node})
        optimizer = scepter_opt.build_optimizer(model, node)
        scheduler = scepter_opt.build_lr_scheduler(optimizer, scheduler_node)
        go(scheduler, 1)
        assert sorted((g["name"], g["lr"]) for g in optimizer.param_groups) == [("default", 0.025), ("head", 0.0)]


def test_parts_of_a_hybrid_have_their_own_values_and_keys() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 1))
    node = {
        "NAME": "Hybrid",
        "OPTIMIZERS": {
            "muon": {"NAME": "Muon", "LEARNING_RATE": 0.02, "MOMENTUM": 0.95},
            "adamw": {"NAME": "AdamW", "LEARNING_RATE": 0.001},
        },
        "DEFAULT": "adamw",
        "PARAM_GROUPS": {
            "matrices": {"WHERE": {"KINDS": ["matrix"]}, "SET": {"OPTIMIZER": "muon"}},
            "last": {"WHERE": {"NAMES": "1"}, "SET": {"LR_MULT": 0.5}},
        },
    }
    keys: dict[str, Any] = {
        "PHASES": {"decay": {"CURVE": "linear", "FROM": 1, "TO_VALUE": 0.0005}},
        "SETTINGS": {"MOMENTUM": {"m": {"CURVE": "linear", "FROM": 1, "TO_VALUE": 0.45}}},
        "RULES": {"last": HEAD["head"]},
    }
    scepter_opt.check({"optimizer": node, "lr_scheduler": {**NODE, **keys}})
    optimizer = scepter_opt.build_optimizer(model, node)
    scheduler = build(optimizer, 10, **keys)
    shown = scepter_opt.preview({**NODE, **keys}, 10, scepter_opt.plan(node, model))
    assert [*shown.settings["MOMENTUM"]] == ["matrices", "matrices+last"]
    for step in range(10):
        for one in optimizer.param_groups:
            assert shown[one["name"]][step] == one["lr"]
            if one["optimizer"] == "muon":
                assert shown.settings["MOMENTUM"][one["name"]][step] == one["momentum"]
        go(scheduler, 1)
    ends = {one["name"]: (one["lr"], one.get("momentum"), one.get("betas")) for one in optimizer.param_groups}
    betas = (0.9, 0.999)
    assert ends == {
        "default": (pytest.approx(0.0005), None, betas),
        "last": (pytest.approx(0.00025), None, betas),
        "matrices": (pytest.approx(0.0005), pytest.approx(0.45), None),
        "matrices+last": (pytest.approx(0.00025), pytest.approx(0.45), None),
    }


def test_the_schedules_clock_can_be_one_phases_own() -> None:
    phases = {"warmup": WARMUP, "decay": {"CURVE": "linear", "TO": 0, "LENGTH": 6, "CLOCK": "schedule"}}
    seen = column(build(sgd(group(1.0)), PHASES=phases), 10)
    assert seen == pytest.approx([0, 0.25, 0.5, 0.75, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])


def test_a_rule_that_shares_its_group_cannot_have_phases_of_its_own() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    rules: dict[str, Any] = {
        "head": {"WHERE": {"NAMES": "2"}, "SET": {"LR_MULT": 2}},
        "neck": {"WHERE": {"NAMES": "1"}, "SET": {"LR_MULT": 2}},
    }
    schedule = {
        "NAME": "PhasesLR",
        "PHASES": {"all": {"CURVE": "constant"}},
        "RULES": {
            "head": {"frozen": {"CURVE": "constant", "TO": 0, "LENGTH": 3}, "on": {"CURVE": "constant", "TO": 1}}
        },
    }
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "SGD", "PARAM_GROUPS": rules})
    with pytest.raises(scepter_opt.ConfigError, match=r"RULES.head: its parameters share the group head\|neck"):
        scepter_opt.build_lr_scheduler(optimizer, schedule, 10)
    rules["last"] = {"WHERE": {"NAMES": "2"}}
    schedule["RULES"] = {"last": schedule["RULES"]["head"]}  # type: ignore[index]  # a node of nodes
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "SGD", "PARAM_GROUPS": rules})
    scepter_opt.build_lr_scheduler(optimizer, schedule, 10)
    assert {group["name"]: group["lr"] for group in optimizer.param_groups} == {
        "default": 0.001,
        "neck": 0.002,
        "head+last": 0.0,
    }
