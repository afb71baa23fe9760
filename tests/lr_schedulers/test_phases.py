"""PhasesLR as a Config: what it makes of its keys, what it says, and how little work a build is."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigError
from tests.support import said

WARMUP = {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": "10%"}
DECAY = {"CURVE": "cosine", "TO": 0.1}
NODE: dict[str, Any] = {"NAME": "PhasesLR", "PHASES": {"warmup": WARMUP, "decay": DECAY}}
ALL: dict[str, Any] = {
    **NODE,
    "SETTINGS": {"WEIGHT_DECAY": {"rise": {"CURVE": "linear", "FROM": 1, "TO": 2, "LENGTH": "50%"}}},
    "RULES": {"head": {"PHASES": {"warmup": WARMUP}, "SETTINGS": {"MOMENTUM": {"warmup": {**WARMUP, "FROM": 0.5}}}}},
}


def optimizer(**keys: Any) -> torch.optim.Optimizer:
    model = torch.nn.ModuleDict({"body": torch.nn.Linear(2, 2), "head": torch.nn.Linear(2, 1)})
    node = {"NAME": "SGD", "MOMENTUM": 0.9, "WEIGHT_DECAY": 0.1, "PARAM_GROUPS": {"head": {"WHERE": {"NAMES": "head"}}}}
    return scepter_opt.build_optimizer(model, {**node, **keys})


def calls(task: Callable[[], Any]) -> Counter[str]:
    """The functions of the package that a call runs, by qualified name."""
    found: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and "scepter_opt" in frame.f_code.co_filename:
            found[frame.f_code.co_qualname if hasattr(frame.f_code, "co_qualname") else frame.f_code.co_name] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        task()
    finally:
        sys.setprofile(before)
    return found


def named(found: Counter[str], name: str) -> int:
    return sum(count for function, count in found.items() if function.rpartition(".")[2] == name)


@pytest.mark.parametrize(("node", "lengths", "schedules"), [(NODE, 1, 1), (ALL, 4, 4)])
def test_a_length_is_read_once_and_a_phase_fitted_once_per_build(node: Any, lengths: int, schedules: int) -> None:
    made = optimizer()
    found = calls(lambda: scepter_opt.build_lr_scheduler(made, node, total_steps=100))
    assert named(found, "_number_and_unit") == lengths
    assert named(found, "fit") == named(found, "_lengths") == schedules


def test_parts_are_fitted_by_their_holder_once() -> None:
    node = {"NAME": "SequentialLR", "MILESTONES": [20], "SCHEDULERS": {"a": NODE, "b": NODE}}
    made = optimizer()
    found = calls(lambda: scepter_opt.build_lr_scheduler(made, node, total_steps=100))
    assert (named(found, "fit"), named(found, "_number_and_unit")) == (2, 2)


# What is wrong is found before there is a model


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"TOTAL_STEPS": 100, "PHASES": {"a": {**DECAY, "LENGTH": 200}}}, "PHASES"),
        ({"PHASES": {"a": {"CURVE": "step", "GAMMA": 0.1, "AT": [30, 20]}}}, "PHASES.a"),
        ({"PHASES": {"a": {**DECAY, "LENGTH": 5}}, "SETTINGS": {"EPS": {"a": {**DECAY, "LENGTH": 9}}}}, "SETTINGS.EPS"),
        ({"TOTAL_STEPS": 100, "RULES": {"head": {"PHASES": {"a": {**DECAY, "LENGTH": 101}}}}}, "RULES.head.PHASES"),
    ],
)
def test_what_no_run_can_be_is_named_by_check(keys: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        scepter_opt.check({"a": {"lr_scheduler": {**NODE, **keys}}})
    assert [problem.key for problem in caught.value.problems] == [f"a.lr_scheduler.{key}"]


def test_what_only_a_run_can_say_is_left_to_the_build() -> None:
    for epochs in ({"LENGTH": "2 epochs"}, {"LENGTH": "5%"}):
        scepter_opt.check({**NODE, "PHASES": {"warmup": {**WARMUP, **epochs}, "decay": DECAY}})


def test_cycles_are_judged_by_the_optimizers_own_rate_where_it_is_known() -> None:
    """Of FROM_VALUE and TO a Config alone knows too little: right for one rate, wrong for another."""
    cycles = {"CURVE": "cosine_restarts", "FROM": 1, "TO_VALUE": 0.5, "CYCLES": 2, "DECAY": 0.4}
    node = {"NAME": "PhasesLR", "PHASES": {"cycles": cycles}, "TOTAL_STEPS": 20}
    scepter_opt.check(node)
    scepter_opt.check({"optimizer": {"NAME": "SGD", "LEARNING_RATE": 10}, "lr_scheduler": node})
    with pytest.raises(ConfigError, match=r"DECAY = 0\.4: the last cycle starts at 0.4, past the end 0.5"):
        scepter_opt.check({"optimizer": {"NAME": "SGD", "LEARNING_RATE": 1}, "lr_scheduler": node})


# The total


def test_a_total_may_be_said_where_the_run_begins_later() -> None:
    made = optimizer()
    node = {"NAME": "PhasesLR", "PHASES": {"decay": DECAY}, "TOTAL_STEPS": 1000, "FIRST_STEP": 500}
    for total in (500, 1000):
        scepter_opt.build_lr_scheduler(made, node, total_steps=total)
    with pytest.raises(ConfigError, match="the call's total_steps makes 600"):
        scepter_opt.build_lr_scheduler(made, node, total_steps=600)


# What is said


ONE_CYCLE = {"CURVE": "cosine_restarts", "TO": 0, "CYCLES": 1}
REMARKS: list[tuple[dict[str, Any], str]] = [
    (
        {"PHASES": {"a": {**ONE_CYCLE, "LENGTH_MULT": 2}}},
        "PHASES.a.LENGTH_MULT = 2.0: changes nothing",
    ),
    ({"PHASES": {"a": {**ONE_CYCLE, "DECAY": 0.5}}}, "PHASES.a.DECAY = 0.5: changes nothing"),
    (
        {"PHASES": {"warmup": WARMUP, "hold": {"CURVE": "constant", "CLOCK": "schedule"}}},
        "PHASES.hold.CLOCK = 'schedule': changes nothing: constant has one value.",
    ),
    ({"PHASES": {"a": DECAY}, "CLOCK": "schedule"}, "CLOCK = 'schedule': changes nothing"),
    (
        {"PHASES": {"warmup": WARMUP, "hold": {"CURVE": "constant"}}, "CLOCK": "schedule"},
        "CLOCK = 'schedule': changes nothing",
    ),
    (
        {"PHASES": {"warmup": {**WARMUP, "LENGTH": "0.1%"}, "decay": DECAY}, "TOTAL_STEPS": 100},
        "PHASES.warmup.LENGTH = '0.1%': rounds to 0 ticks",
    ),
    (
        {"PHASES": {"all": {"PHASES": {"warmup": {**WARMUP, "LENGTH": "0.1%"}, "decay": DECAY}}}, "TOTAL_STEPS": 100},
        "PHASES.all.PHASES.warmup.LENGTH = '0.1%': rounds to 0 ticks",
    ),
    (
        {"PHASES": {"a": {"CURVE": "step", "GAMMA": 0.1, "AT": [50, 100]}}, "TOTAL_STEPS": 100},
        "PHASES.a.AT: the phase is over 100 ticks after what its clock counts from, and never comes to 100.",
    ),
    (
        {
            "PHASES": {"warmup": WARMUP, "a": {"CURVE": "step", "GAMMA": 0.1, "EVERY": 90}},
            "TOTAL_STEPS": 100,
        },
        "PHASES.a.EVERY: the phase is over 90 ticks after what its clock counts from, and never comes to 90.",
    ),
]
SILENT: list[dict[str, Any]] = [
    {},
    {"PHASES": {"warmup": WARMUP, "decay": {**DECAY, "CLOCK": "schedule"}}},
    {"PHASES": {"warmup": WARMUP, "decay": DECAY}, "CLOCK": "schedule"},
    {"PHASES": {"warmup": {**WARMUP, "LENGTH": 0}, "decay": DECAY}},
    {"PHASES": {"a": {**ONE_CYCLE, "DECAY": 1, "LENGTH_MULT": 1}}},
    {"PHASES": {"a": {"CURVE": "step", "GAMMA": 0.1, "AT": [50, 99]}}},
    {"PHASES": {"hold": {"CURVE": "constant"}}},
]


@pytest.mark.parametrize(("keys", "text"), REMARKS, ids=lambda value: str(value)[:40])
def test_what_changes_nothing_is_said_once_by_check_and_by_a_build(keys: dict[str, Any], text: str) -> None:
    node = {**NODE, **keys}
    with said() as by_check:
        scepter_opt.check({"lr_scheduler": node})
    with said() as by_build:
        scepter_opt.build_lr_scheduler(optimizer(), node, keys.get("TOTAL_STEPS", 100))
    for texts in (by_check, by_build):
        assert len(texts) == 1
        assert texts[0].startswith(f"lr_scheduler.{text}")
    assert by_check == by_build


@pytest.mark.parametrize("keys", SILENT, ids=str)
def test_nothing_is_said_where_all_is_in_effect(keys: dict[str, Any]) -> None:
    with said() as texts:
        scepter_opt.check({"lr_scheduler": {**NODE, **keys}})
        scepter_opt.build_lr_scheduler(optimizer(), {**NODE, **keys}, 100)
    assert texts == []


HYBRID = {
    "NAME": "Hybrid",
    "DEFAULT": "adamw",
    "OPTIMIZERS": {"muon": {"NAME": "Muon", "WEIGHT_DECAY": 0.1}, "adamw": {"NAME": "AdamW", "WEIGHT_DECAY": 0.01}},
    "PARAM_GROUPS": {"matrices": {"WHERE": {"KINDS": "matrix"}, "SET": {"OPTIMIZER": "muon"}}},
}
DOWN = {"down": {"CURVE": "linear", "TO": 0, "LENGTH": 10}}


def test_a_setting_that_bends_every_part_of_a_hybrid_says_so_and_under_a_rule_it_bends_one() -> None:
    model = torch.nn.Linear(2, 2)
    node = {**NODE, "SETTINGS": {"WEIGHT_DECAY": DOWN}}
    text = "lr_scheduler.SETTINGS.WEIGHT_DECAY: is scheduled in muon, adamw, every part that has it."
    made = scepter_opt.build_optimizer(model, HYBRID)
    with said() as texts:
        scepter_opt.check({"optimizer": HYBRID, "lr_scheduler": node})
        scepter_opt.build_lr_scheduler(made, node, 100)
    assert [each.partition(" For some")[0] for each in texts][:1] == [text]
    assert "every part that has it" in texts[1]

    node = {**NODE, "RULES": {"matrices": {"SETTINGS": {"WEIGHT_DECAY": DOWN}}}}
    made = scepter_opt.build_optimizer(model, HYBRID)
    with said() as texts:
        scepter_opt.check({"optimizer": HYBRID, "lr_scheduler": node})
        scheduler = scepter_opt.build_lr_scheduler(made, node, 100)
    assert texts == []
    for _ in range(5):
        made.step()
        scheduler.step()
    decays = {group["optimizer"]: group["weight_decay"] for group in made.param_groups}
    assert decays == {"muon": pytest.approx(0.05), "adamw": 0.01}
    shown = scepter_opt.preview(node, 100, scepter_opt.plan(HYBRID, model))
    assert {name: column[5] for name, column in shown.settings["WEIGHT_DECAY"].items()} == {
        "matrices": pytest.approx(0.05)
    }


def test_a_momentum_schedule_over_muon_and_adamw_is_muons() -> None:
    up = {"up": {"CURVE": "linear", "FROM_VALUE": 0.85, "TO_VALUE": 0.95, "LENGTH": 10}}
    made = scepter_opt.build_optimizer(torch.nn.Linear(2, 2), HYBRID)
    with said() as texts:
        node = {**NODE, "SETTINGS": {"MOMENTUM": up, "BETA1": {"down": {**DOWN["down"], "FROM": 0.5}}}}
        scepter_opt.check({"optimizer": HYBRID, "lr_scheduler": node})
        scheduler = scepter_opt.build_lr_scheduler(made, node, 100)
    for _ in range(5):
        made.step()
        scheduler.step()
    assert texts == []
    muon, adamw = sorted(made.param_groups, key=lambda group: group["optimizer"], reverse=True)
    assert muon["momentum"] == pytest.approx(0.9)
    assert adamw["betas"] == (pytest.approx(0.9 * 0.25), 0.999)


# In the log


class Heard:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, line: str) -> None:
        self.lines.append(line)


def test_a_schedule_is_one_line_in_the_log_with_ticks_and_ends() -> None:
    heard = Heard()
    scepter_opt.build_lr_scheduler(optimizer(), ALL, 100, logger=heard)
    assert heard.lines == [
        (
            "PhasesLR: warmup linear from 0 to 1 over 10 ticks, decay cosine to 0.1 over 90 ticks; "
            "WEIGHT_DECAY: rise linear from 1 to 2 over 50 ticks; head: warmup linear from 0 to 1 over 10 ticks; "
            "head MOMENTUM: warmup linear from 0.5 to 1 over 10 ticks"
        )
    ]


def test_without_a_logger_it_is_in_the_packages_own(caplog: pytest.LogCaptureFixture) -> None:
    phases = {"all": {"PHASES": {"a": {"CURVE": "constant", "TO_VALUE": 0.5}}, "LENGTH": 5}, "b": {"CURVE": "constant"}}
    with caplog.at_level(logging.INFO, "scepter_opt"):
        scepter_opt.build_lr_scheduler(optimizer(), {"NAME": "PhasesLR", "PHASES": phases})
        scepter_opt.build_lr_scheduler(optimizer(), {"NAME": "CosineAnnealingLR", "ETA_MIN": 0.001}, 100)
        scepter_opt.build_lr_scheduler(optimizer(), {"NAME": "NoneLR"})
    messages = [record.getMessage() for record in caplog.records if record.name == "scepter_opt"]
    assert [message for message in messages if "\n" not in message] == [  # a plan takes several lines
        "PhasesLR: all (a constant to the value 0.5 over 5 ticks) over 5 ticks, b constant",
        "CosineAnnealingLR: T_MAX 100, ETA_MIN 0.001",
        "NoneLR",
    ]
