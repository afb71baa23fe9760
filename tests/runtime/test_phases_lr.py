"""PhasesLR as an object: groups of every kind, other settings, rules, torch's protocols."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

import scepter_opt
from scepter_opt import ConfigError

WARMUP = {"CURVE": "linear", "FROM": 0.0, "TO": 1.0, "LENGTH": 4}
DECAY = {"CURVE": "linear", "TO": 0.2, "LENGTH": 8}
NODE = {"NAME": "PhasesLR", "PHASES": {"warmup": WARMUP, "decay": DECAY}}
FACTORS = [0.0, 0.25, 0.5, 0.75, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]


def group(lr: Any = 0.1, **settings: Any) -> dict[str, Any]:
    return {"params": [torch.zeros(1, requires_grad=True)], "lr": lr, **settings}


def sgd(*groups: dict[str, Any], **keys: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(list(groups) or [group()], **{"lr": 0.1, **keys})


def build(optimizer: torch.optim.Optimizer, total: int | None = None, **keys: Any) -> Any:
    return scepter_opt.build_lr_scheduler(optimizer, {**NODE, **keys}, total)


def go(scheduler: Any, steps: int) -> None:
    for _ in range(steps):
        scheduler.optimizer.step()
        scheduler.step()


def column(scheduler: Any, steps: int, key: str = "lr", position: int = 0) -> list[Any]:
    seen = []
    for _ in range(steps):
        seen.append(copy.deepcopy(scheduler.optimizer.param_groups[position][key]))
        go(scheduler, 1)
    return seen


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


RISE = {"rise": {"CURVE": "linear", "FROM": 1, "TO": 2, "LENGTH": 4}}
REST: dict[str, Any] = {"PHASES": {"warmup": WARMUP, "decay": {"CURVE": "linear", "TO": 0}}}
HEAD = {
    "head": {
        "frozen": {"CURVE": "constant", "TO": 0, "LENGTH": 2},
        "on": {"CURVE": "constant", "TO": 1, "LENGTH": 1},
    }
}


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
    for step in range(10):
        for one in optimizer.param_groups:
            momentum = one["betas"][0] if one["optimizer"] == "adamw" else one["momentum"]
            assert shown[one["name"]][step] == one["lr"]
            assert shown.settings["MOMENTUM"][one["name"]][step] == momentum
        go(scheduler, 1)
    ends = {one["name"]: (one["lr"], one.get("momentum", one.get("betas", (0,))[0])) for one in optimizer.param_groups}
    half = pytest.approx((0.00025, 0.45))
    assert ends == {"default": pytest.approx((0.0005, 0.45)), "matrices": pytest.approx((0.0005, 0.45))} | {
        "last": half,
        "matrices+last": half,
    }


class TestProtocols:
    def test_rates_are_right_for_any_position(self) -> None:
        scheduler = build(sgd(group(1.0)))
        for position in (11, 0, 5, 100, 3):
            scheduler.last_epoch = position
            assert scheduler.get_lr() == pytest.approx([FACTORS[min(position, 12)]])
        scheduler.last_epoch = 6
        go(scheduler, 1)
        assert scheduler.get_last_lr() == pytest.approx([0.7])

    def test_its_state_is_its_position_and_loading_writes_the_rates(self) -> None:
        first = build(sgd())
        go(first, 7)
        assert first.state_dict() == {"last_epoch": 7, "total_steps": 12}
        second = build(sgd())
        second.load_state_dict(first.state_dict())
        assert second.optimizer.param_groups[0]["lr"] == first.optimizer.param_groups[0]["lr"]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            second.step()

    def test_another_total_is_said_and_the_configs_curve_holds(self) -> None:
        first = build(sgd())
        go(first, 7)
        second = build(sgd(), PHASES={"decay": {"CURVE": "linear", "FROM": 1, "TO": 0, "LENGTH": 20}})
        with pytest.warns(UserWarning, match="saved in a schedule of 12 ticks, and this one has 20"):
            second.load_state_dict(first.state_dict())
        assert second.get_last_lr() == pytest.approx([0.1 * 13 / 20])

    @pytest.mark.parametrize("copied", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
    def test_a_copy_goes_on_by_itself(self, copied: Any) -> None:
        scheduler = build(
            sgd(group(), group(name="head")), RULES={"head": {"half": {"CURVE": "constant", "TO": 0.5, "LENGTH": 2}}}
        )
        go(scheduler, 3)
        again = copied(scheduler)
        go(again, 4)
        assert scheduler.last_epoch == 3
        assert again.get_last_lr() == pytest.approx([0.07, 0.035])
        assert [g["lr"] for g in again.optimizer.param_groups] == again.get_last_lr()

    @pytest.mark.parametrize("first", [True, False])
    def test_it_stands_in_torchs_sequential(self, first: bool) -> None:
        def make() -> Any:
            optimizer = sgd(group(1.0))
            parts: list[Any] = [build(optimizer), CosineAnnealingLR(optimizer, 10)]
            if not first:
                parts = [LinearLR(optimizer, 0.5, total_iters=4), build(optimizer)]
            return SequentialLR(optimizer, parts, [4])

        seen = column(make(), 14)
        if first:
            assert seen[:4] == pytest.approx(FACTORS[:4])
        else:
            assert seen[:4] == pytest.approx([0.5, 0.625, 0.75, 0.875])
            assert seen[4:] == pytest.approx(FACTORS[:10])
        for stop in range(1, 14):
            whole = make()
            go(whole, stop)
            saved = copy.deepcopy((whole.optimizer.state_dict(), whole.state_dict()))
            again = make()
            again.optimizer.load_state_dict(saved[0])
            again.load_state_dict(saved[1])
            assert column(again, 14 - stop) == seen[stop:]

    def test_it_stands_in_a_sequential_node(self) -> None:
        node = {
            "NAME": "SequentialLR",
            "MILESTONES": [10],
            "SCHEDULERS": {
                "a": {"NAME": "ConstantLR", "FACTOR": 0.5, "TOTAL_ITERS": 99},
                "b": {"NAME": "PhasesLR", "PHASES": {"decay": {"CURVE": "linear", "FROM": 1, "TO": 0}}},
            },
        }
        shown = scepter_opt.preview(node, 20)["default"]
        assert list(shown[:12]) == pytest.approx([*[0.5] * 10, 1.0, 0.9])

    def test_a_position_can_be_given_as_torch_takes_it(self) -> None:
        scheduler = build(sgd(group(1.0)))
        scheduler.optimizer.step()
        with pytest.warns(UserWarning, match="epoch parameter"):
            scheduler.step(5)
        assert scheduler.get_last_lr() == pytest.approx([0.9])


class TestHorizon:
    def test_config_or_call_says_the_total(self) -> None:
        for total, keys in ((14, {}), (None, {"TOTAL_STEPS": 14}), (14, {"TOTAL_STEPS": 14.0})):
            scheduler = build(sgd(group(1.0)), total, **REST, **keys)
            go(scheduler, 9)
            assert scheduler.get_last_lr() == pytest.approx([0.5])
            assert scheduler.total_steps == 14

    def test_ticks_of_epochs(self) -> None:
        horizon = scepter_opt.Horizon(total_steps=1400, steps_per_epoch=50)
        scheduler = scepter_opt.build_lr_scheduler(
            sgd(), {**NODE, **REST, "INTERVAL": "epoch", "FREQUENCY": 2}, horizon
        )
        assert scheduler.total_steps == 14  # type: ignore[attr-defined]  # torch's type has none

    def test_a_longer_run_holds_and_a_shorter_one_needs_truncate(self) -> None:
        assert build(sgd(), 100).total_steps == 12
        assert build(sgd(), 5, TRUNCATE=True).total_steps == 12
        assert build(sgd(), 5, TRUNCATE=True, TOTAL_STEPS=12).total_steps == 12
        assert build(sgd(), 3, TRUNCATE=True, **REST).get_last_lr() == [0.0]
        for keys in ({}, {"TOTAL_STEPS": 12}):
            with pytest.raises(ConfigError):
                build(sgd(), 5, **keys)

    def test_what_is_the_same_however_long_it_is_needs_no_total(self) -> None:
        phases = {"warmup": WARMUP, "decay": {"CURVE": "inverse_sqrt"}}
        scheduler = build(sgd(group(1.0)), PHASES=phases)
        scheduler.load_state_dict({"last_epoch": 10**9, "total_steps": None})
        assert scheduler.get_last_lr() == pytest.approx([(4 / 10**9) ** 0.5])

    def test_a_warm_up_that_rounds_to_nothing_is_left_out(self) -> None:
        phases = {"warmup": {**WARMUP, "LENGTH": "1%"}, "decay": {"CURVE": "linear", "TO": 0}}
        assert build(sgd(group(1.0)), 10, PHASES=phases).get_last_lr() == [1.0]

    def test_a_failed_build_leaves_the_optimizer_as_it_was(self) -> None:
        optimizer = sgd()
        before = copy.deepcopy(optimizer.state_dict())
        with pytest.raises(ConfigError):
            build(optimizer, SETTINGS={"WEIGHT_DECAY": RISE})
        assert optimizer.state_dict() == before


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
