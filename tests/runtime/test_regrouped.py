"""Loaded over groups that have changed, in whatever order, every scheduler goes on with each parameter's rates."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from tests.runtime.named_runs import FAST, NODES, ORDERS, REGROUPED, SLOW, Run, built, go, groups_of
from tests.support import by_hand, make_model, pairs, said, same

STOPS, END = (1, 6), 11
LATER = {"late": {"WHERE": {"NAMES": "4"}, "SET": {"LR_MULT": 2}}}
# rules before, and what the optimizer is built with after
NOBODYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "one of two that differ": (FAST, {"rules": {}}),
    "new parameters": ({}, {"rules": LATER, "extra": True, "MISSING_STATE": "cold"}),
}


@pytest.mark.parametrize(("name", "regrouped"), pairs([*NODES], [*REGROUPED]))
def test_regrouped_and_loaded_in_any_order_a_run_goes_on_bit_for_bit(name: str, regrouped: str) -> None:
    before, after = REGROUPED[regrouped]
    unbroken = built(name, before).train(0, END)
    saving, trained = built(name, before), 0
    for stop in STOPS:
        saving.train(trained, stop)
        trained, saved = stop, saving.saved()
        groups = []
        for order, acts in ORDERS.items():
            run = Run(NODES[name], after)
            run.model.load_state_dict(saved[0])
            for act in acts:
                act(run, saved)
            groups.append(groups_of(run.optimizer))
            assert groups[-1] == groups[0], order
            assert run.settings() == unbroken[stop - 1][0], order
            assert same(run.train(stop, END), unbroken[stop:]), order


def test_the_rules_of_these_tests_regroup() -> None:
    made = {
        name: [[group["param_names"] for group in built("NoneLR", rules).optimizer.param_groups] for rules in both]
        for name, both in REGROUPED.items()
    }
    assert {name: [len(groups) for groups in both] for name, both in made.items()} == {
        "as they were": [4, 4],
        "one to two": [1, 2],
        "two to one": [2, 1],
        "two to four": [2, 4],
        "four to two": [4, 2],
        "in another order": [4, 4],
        "in another order and apart": [4, 4],
    }
    before, after = made["in another order"]
    assert before != after
    assert sorted(before) == sorted(after)


# OneCycleLR's first rate is a number, and rounded where loading makes it a tensor as the rate is
@pytest.mark.parametrize("name", [name for name in NODES if "OneCycleLR" not in name])
def test_rates_that_are_tensors_go_on_too_and_stay_the_same_tensors(name: str) -> None:
    before, after = REGROUPED["in another order"]
    saving = Run(NODES[name], before, TENSOR_LR=True)
    saving.build_optimizer()
    saving.build_scheduler()
    saving.train(0, 3)
    saved = saving.saved()
    unbroken = saving.train(3, END)
    for build_optimizer, *acts in ORDERS.values():
        run = Run(NODES[name], after, TENSOR_LR=True)
        run.model.load_state_dict(saved[0])
        build_optimizer(run, saved)
        tensors = [group["lr"] for group in run.optimizer.param_groups]
        for act in acts:
            act(run, saved)
        assert same(run.train(3, END), unbroken)
        assert all(group["lr"] is rate for group, rate in zip(run.optimizer.param_groups, tensors, strict=True))


@pytest.mark.parametrize("change", NOBODYS)
@pytest.mark.parametrize("name", NODES)
def test_a_group_that_no_saved_one_stands_for_joins_the_schedule_in_any_order(name: str, change: str) -> None:
    before, after = NOBODYS[change]
    saving = built(name, before)
    saving.train(0, 3)
    saved = saving.saved()
    # at the configuration's rates, as far in the schedule as what was saved
    reference = Run(NODES[name], **after)
    reference.build_optimizer()
    reference.build_scheduler()
    reference.train(0, 3)
    groups, rates = groups_of(reference.optimizer), go(reference.scheduler, 5)
    for order, acts in ORDERS.items():
        run = Run(NODES[name], **after)
        with said() as texts:
            for act in acts:
                act(run, saved)
        assert ["LEARNING_RATE (default): configuration 0.1, checkpoint [0.1, " in text for text in texts] == (
            [True] if change == "one of two that differ" else []
        )
        assert [group["lr"] for group in groups_of(run.optimizer)] == pytest.approx([g["lr"] for g in groups]), order
        assert [group.get("initial_lr") for group in groups_of(run.optimizer)] == pytest.approx(
            [group.get("initial_lr") for group in groups]
        ), order
        assert go(run.scheduler, 5) == [pytest.approx(row) for row in rates], order


def test_a_group_that_was_added_has_its_own_floor() -> None:
    saved = built("ReduceLROnPlateau", {}).saved()
    run = built("ReduceLROnPlateau", {})
    run.optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))], "lr": 0.5})
    run.load_scheduler(saved)
    assert go(run.scheduler, 3)[-1] == pytest.approx([0.01, 0.05])


@pytest.mark.parametrize("name", ["ExponentialLR", "StepLR", "LinoPolyLR", "PhasesLR", "NoneLR"])
def test_a_group_that_was_added_to_both_runs_loads_without_a_word(name: str) -> None:
    runs = [built(name, SLOW) for _ in range(2)]
    for run in runs:
        run.optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))], "lr": 0.5})
    go(runs[0].scheduler, 5)
    saved = runs[0].saved()
    with said() as texts:
        runs[1].load_optimizer(saved)
        runs[1].load_scheduler(saved)
    assert texts == []
    assert go(runs[1].scheduler, 5) == go(runs[0].scheduler, 5)


@pytest.mark.parametrize("name", ["LambdaLR", "CosineAnnealingWarmRestarts", "LinearLR"])
def test_an_optimizer_of_torchs_over_a_wrapped_model_loads_as_in_torch(name: str) -> None:
    wrapped = nn.ModuleDict({"module": make_model("SGD")})  # as DDP names its parameters
    torchs, ours, loaded = [torch.optim.SGD(wrapped.named_parameters(), lr=lr) for lr in (0.1, 0.1, 0.2)]
    reference = by_hand(torchs, NODES[name])
    saving = scepter_opt.build_lr_scheduler(ours, NODES[name])
    assert go(saving, 3) == go(reference, 3)
    scheduler = scepter_opt.build_lr_scheduler(loaded, NODES[name])
    loaded.load_state_dict(copy.deepcopy(ours.state_dict()))
    scheduler.load_state_dict(copy.deepcopy(saving.state_dict()))
    assert go(scheduler, 5) == go(reference, 5)
