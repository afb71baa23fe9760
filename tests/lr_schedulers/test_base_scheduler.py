"""What all schedulers have in common: the total, what a run never comes to, and whether a step takes a metric."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigError, ConfigWarning, Horizon
from tests.support import SCHEDULERS, said, scheduler_node


def sgd() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9)


def build(node: Any, total: Any = None, epoch: int | None = None) -> Any:
    return scepter_opt.build_lr_scheduler(sgd(), node, total, epoch)


# The total, which SCEPTER's solver writes into every node

LONG = {"OneCycleLR": 30, "StepAnnealingLR": 16, "PhasesLR": 60}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_takes_the_total_in_its_node(name: str) -> None:
    total = LONG.get(name, 60)
    node = {**scheduler_node(name), "TOTAL_STEPS": total}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConfigWarning)
        scepter_opt.check({"lr_scheduler": node})
        build(node)
        build(node, total)
        build(node, Horizon(total, steps_per_epoch=1))
    with pytest.raises(ConfigError, match=rf"TOTAL_STEPS = {total}: the call's total_steps makes {total + 1}"):
        build({**node, "INTERVAL": "step"}, total + 1)


@pytest.mark.parametrize("name", ["CosineAnnealingLR", "LinoPolyLR", "PolynomialLR", "LinearLR", "ConstantLR"])
def test_the_total_fills_an_open_end(name: str) -> None:
    config: Any = scepter_opt.LR_SCHEDULERS.entry(name).config
    key = config.horizon
    made = build({"NAME": name, key: None, "TOTAL_STEPS": 40})
    held = {attribute.lower(): value for attribute, value in vars(made).items()}
    assert held[key.lower()] == 40


def test_a_plateau_by_epochs_takes_the_total_in_steps_as_well() -> None:
    node = {"NAME": "ReduceLROnPlateau", "TOTAL_STEPS": 1000}
    build(node, 1000)
    build(node, 1000, epoch=10)
    with pytest.raises(ConfigError, match="makes 50"):
        build(node, 500, epoch=10)


def test_a_class_of_ones_own_is_given_the_total() -> None:
    @scepter_opt.LR_SCHEDULERS.register_class()
    class Total(torch.optim.lr_scheduler.LambdaLR):
        def __init__(self, optimizer: torch.optim.Optimizer, total_steps: int, power: float = 1.0) -> None:
            self.total_steps = total_steps
            super().__init__(optimizer, lambda t: (1 - t / total_steps) ** power)

    scepter_opt.check({"NAME": "Total"})
    assert build({"NAME": "Total"}, 40).total_steps == build({"NAME": "Total", "TOTAL_STEPS": 40}).total_steps == 40
    assert build({"NAME": "Total", "INTERVAL": "epoch"}, 40, epoch=10).total_steps == 4
    with pytest.raises(ConfigError, match="TOTAL_STEPS: is needed"):
        build({"NAME": "Total"})


def test_a_class_of_ones_own_with_a_default_keeps_it_where_no_total_is_known() -> None:
    @scepter_opt.LR_SCHEDULERS.register_class()
    class Optional(torch.optim.lr_scheduler.ExponentialLR):
        def __init__(self, optimizer: torch.optim.Optimizer, total_steps: int = 7) -> None:
            self.total_steps = total_steps
            super().__init__(optimizer, 0.9)

    assert build({"NAME": "Optional"}).total_steps == 7
    assert build({"NAME": "Optional"}, 40).total_steps == 40


# What a run never comes to

LINEAR = {"NAME": "LinearLR"}
NEVER: list[tuple[dict[str, Any], str]] = [
    ({"NAME": "CosineAnnealingLR", "T_MAX": 300}, "T_MAX = 300"),
    ({"NAME": "LinoPolyLR", "END_EPOCH": 300}, "END_EPOCH = 300"),
    ({"NAME": "MultiStepLR", "MILESTONES": [30, 100]}, r"MILESTONES = \[30, 100\]"),
    ({"NAME": "StepLR", "STEP_SIZE": 300}, "STEP_SIZE = 300"),
    ({"NAME": "LinearLR", "TOTAL_ITERS": 300}, "TOTAL_ITERS = 300"),
    ({"NAME": "ConstantLR", "TOTAL_ITERS": 300}, "TOTAL_ITERS = 300"),
    ({"NAME": "PolynomialLR", "TOTAL_ITERS": 300}, "TOTAL_ITERS = 300"),
    ({"NAME": "CosineAnnealingWarmRestarts", "T_0": 300}, "T_0 = 300"),
    ({"NAME": "CyclicLR", "BASE_LR": 0.1, "MAX_LR": 1, "STEP_SIZE_UP": 300}, "STEP_SIZE_UP = 300"),
    ({"NAME": "WarmupToConstantLR", "WARMUP_STEPS": 300}, "WARMUP_STEPS = 300"),
    ({"NAME": "StepAnnealingLR", "WARMUP_STEPS": 300}, "WARMUP_STEPS = 300"),
    ({"NAME": "ReduceLROnPlateau", "PATIENCE": 300, "INTERVAL": "step"}, "PATIENCE = 300"),
    ({"NAME": "PlateauLR", "PATIENCE": 300, "INTERVAL": "step"}, "PATIENCE = 300"),
    (
        {
            "NAME": "SequentialLR",
            "MILESTONES": [300],
            "SCHEDULERS": {"a": {"NAME": "LinearLR"}, "b": {"NAME": "NoneLR"}},
        },
        r"MILESTONES = \[300\]",
    ),
]


@pytest.mark.parametrize(("node", "key"), NEVER, ids=lambda value: str(value)[:30])
def test_a_tick_that_the_run_never_comes_to_is_said(node: dict[str, Any], key: str) -> None:
    with pytest.warns(ConfigWarning, match=rf"^lr_scheduler.{key}: the run is over after 100 ticks, and never comes"):
        build(node, 100)
    with pytest.warns(ConfigWarning, match=rf"^lr_scheduler.{key}: the run is over after 100 ticks"):
        scepter_opt.check({"lr_scheduler": {**node, "TOTAL_STEPS": 100}})
    with said() as texts:
        build(node, 400)
    assert [text for text in texts if "never comes" in text] == []


@pytest.mark.parametrize("name", SCHEDULERS)
def test_nothing_is_said_of_defaults(name: str) -> None:
    """Five ticks of warm-up, ten thousand of it: torch's and SCEPTER's own numbers."""
    required = {"MAX_LR": 1, "BASE_LR": 0.1, "STEP_SIZE": 2, "MILESTONES": [2], "GAMMA": 0.9, "T_0": 2}
    required |= {"WARMUP_STEPS": 2, "PHASES": {"hold": {"CURVE": "constant"}}, "LR_LAMBDA": "tests.support.decay"}
    config: Any = scepter_opt.LR_SCHEDULERS.entry(name).config
    from scepter_opt.config.validation import fields

    keys = {key: required[key] for key, field in fields(config).items() if field.required and key in required}
    if name == "PhasesLR":
        keys["PHASES"] = required["PHASES"]
    if "SCHEDULERS" in fields(config):
        keys["SCHEDULERS"] = {"a": {"NAME": "LinearLR"}, "b": {"NAME": "NoneLR"}}
    with said() as texts:
        build({"NAME": name, **keys}, 3, epoch=1)
    assert texts == []


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ({"NAME": "CosineAnnealingLR", "T_MAX": 30}, "T_MAX = 30: the run has 100 ticks: the rate rises again"),
        ({"NAME": "LinoPolyLR", "END_EPOCH": 30}, "END_EPOCH = 30: the run has 100 ticks: the rate is 0"),
    ],
)
def test_an_end_before_the_runs_is_said_with_its_step(node: dict[str, Any], text: str) -> None:
    with said() as texts:
        build(node, 100)
    assert texts == [f"lr_scheduler.{text} from step 30 on."]
    with said() as texts:
        build({**node, "INTERVAL": "epoch"}, 1000, epoch=10)
    assert texts == [f"lr_scheduler.{text} from step 300 on."]
    with said() as texts:
        build(node, 30)
        build({"NAME": node["NAME"]}, 100)
    assert texts == []


# Metrics


@pytest.mark.parametrize("name", SCHEDULERS)
def test_the_class_says_whether_a_step_takes_a_metric_as_the_object_does(name: str) -> None:
    made = build(scheduler_node(name))
    component: Any = scepter_opt.LR_SCHEDULERS.entry(name).component
    parameter = inspect.signature(made.step).parameters.get("metrics")
    told = "none" if parameter is None else "required" if parameter.default is parameter.empty else "optional"
    assert component.metric == told


def test_of_anothers_class_the_signature_says_it() -> None:
    @scepter_opt.LR_SCHEDULERS.register_class()
    class Needing(torch.optim.lr_scheduler.ReduceLROnPlateau):
        pass

    assert scepter_opt.LR_SCHEDULERS.entry("Needing").component.metric == "required"
