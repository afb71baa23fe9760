"""A schedule that was changed before resuming: the side that a policy names holds, as in an unbroken run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError, checkpoint
from tests.support import said, tick

pytestmark = pytest.mark.filterwarnings("ignore::scepter_opt.ConfigWarning", "ignore:the schedule of:UserWarning")
STOP, END, TOTAL = 7, 25, 30
PHASES = {"up": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": 5}, "down": {"CURVE": "cosine", "TO": 0.1}}
PARTS = {"up": {"NAME": "LinearLR", "TOTAL_ITERS": 5}, "down": {"NAME": "CosineAnnealingLR", "T_MAX": 25}}
# each schedule twice: as it was saved, and as the configuration has it now
# ruff: noqa: E501  # a table, a line each
CHANGED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "STEP_SIZE": ({"NAME": "StepLR", "STEP_SIZE": 3}, {"NAME": "StepLR", "STEP_SIZE": 4}),
    "MILESTONES": ({"NAME": "MultiStepLR", "MILESTONES": [3, 9]}, {"NAME": "MultiStepLR", "MILESTONES": [5, 8, 12]}),
    "T_MAX": ({"NAME": "CosineAnnealingLR", "T_MAX": 15}, {"NAME": "CosineAnnealingLR", "T_MAX": 20}),
    "ETA_MIN": ({"NAME": "CosineAnnealingLR"}, {"NAME": "CosineAnnealingLR", "ETA_MIN": 0.01}),
    "T_0": ({"NAME": "CosineAnnealingWarmRestarts", "T_0": 4}, {"NAME": "CosineAnnealingWarmRestarts", "T_0": 5, "T_MULT": 2}),
    "GAMMA": ({"NAME": "ExponentialLR", "GAMMA": 0.9}, {"NAME": "ExponentialLR", "GAMMA": 0.8}),
    "TOTAL_ITERS": ({"NAME": "LinearLR", "TOTAL_ITERS": 10}, {"NAME": "LinearLR", "TOTAL_ITERS": 20}),
    "POWER": ({"NAME": "PolynomialLR", "TOTAL_ITERS": 30}, {"NAME": "PolynomialLR", "TOTAL_ITERS": 30, "POWER": 2.0}),
    "MAX_LR": ({"NAME": "OneCycleLR", "MAX_LR": 0.2}, {"NAME": "OneCycleLR", "MAX_LR": 0.3}),
    "PCT_START": ({"NAME": "OneCycleLR", "MAX_LR": 0.2}, {"NAME": "OneCycleLR", "MAX_LR": 0.2, "PCT_START": 0.5}),
    "STEP_SIZE_UP": (
        {"NAME": "CyclicLR", "BASE_LR": 0.01, "MAX_LR": 0.1, "STEP_SIZE_UP": 5},
        {"NAME": "CyclicLR", "BASE_LR": 0.01, "MAX_LR": 0.1, "STEP_SIZE_UP": 4},
    ),
    "MODE": (
        {"NAME": "CyclicLR", "BASE_LR": 0.01, "MAX_LR": 0.1, "STEP_SIZE_UP": 5},
        {"NAME": "CyclicLR", "BASE_LR": 0.01, "MAX_LR": 0.1, "STEP_SIZE_UP": 5, "MODE": "exp_range", "GAMMA": 0.9},
    ),
    "LR_LAMBDA": ({"NAME": "LambdaLR", "LR_LAMBDA": "tests.support.decay"}, {"NAME": "LambdaLR", "LR_LAMBDA": "tests.support.ratio"}),
    "a product": (
        {"NAME": "MultiplicativeLR", "LR_LAMBDA": "tests.support.decay"},
        {"NAME": "MultiplicativeLR", "LR_LAMBDA": "tests.support.ratio"},
    ),
    "a milestone of a sequence": (
        {"NAME": "SequentialLR", "SCHEDULERS": PARTS, "MILESTONES": [5]},
        {"NAME": "SequentialLR", "SCHEDULERS": PARTS, "MILESTONES": [9]},
    ),
    "a part of a sequence": (
        {"NAME": "SequentialLR", "SCHEDULERS": PARTS, "MILESTONES": [5]},
        {"NAME": "SequentialLR", "SCHEDULERS": {**PARTS, "down": {"NAME": "ExponentialLR", "GAMMA": 0.9}}, "MILESTONES": [5]},
    ),
    "a part of a chain": (
        {"NAME": "ChainedScheduler", "SCHEDULERS": {"a": PARTS["up"], "b": {"NAME": "ExponentialLR", "GAMMA": 0.9}}},
        {"NAME": "ChainedScheduler", "SCHEDULERS": {"a": PARTS["up"], "b": {"NAME": "ExponentialLR", "GAMMA": 0.8}}},
    ),
    "END_EPOCH": ({"NAME": "LinoPolyLR", "END_EPOCH": 20}, {"NAME": "LinoPolyLR", "END_EPOCH": 30, "POWER": 2.0}),
    "WARMUP_STEPS": ({"NAME": "WarmupToConstantLR", "WARMUP_STEPS": 10}, {"NAME": "WarmupToConstantLR", "WARMUP_STEPS": 20}),
    "phases": ({"NAME": "PhasesLR", "PHASES": PHASES}, {"NAME": "PhasesLR", "PHASES": {**PHASES, "end": {"CURVE": "linear", "TO": 0, "LENGTH": "20%"}}}),
    "SETTINGS": (
        {"NAME": "PhasesLR", "PHASES": PHASES},
        {"NAME": "PhasesLR", "PHASES": PHASES, "SETTINGS": {"WEIGHT_DECAY": {"rise": {"CURVE": "linear", "FROM": 1, "TO": 3}}}},
    ),
    "RULES": (
        {"NAME": "PhasesLR", "PHASES": PHASES, "RULES": {"head": {"up": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": 9}}}},
        {"NAME": "PhasesLR", "PHASES": PHASES, "RULES": {"head": {"up": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": 12}}}},
    ),
    "torch to torch": ({"NAME": "StepLR", "STEP_SIZE": 3}, {"NAME": "OneCycleLR", "MAX_LR": 0.2}),
    "a cycle to phases": ({"NAME": "OneCycleLR", "MAX_LR": 0.2}, {"NAME": "PhasesLR", "PHASES": PHASES}),
    "phases to a sequence": (
        {"NAME": "PhasesLR", "PHASES": PHASES},
        {"NAME": "SequentialLR", "SCHEDULERS": PARTS, "MILESTONES": [5]},
    ),
    "none to a cosine": ({"NAME": "NoneLR"}, {"NAME": "CosineAnnealingLR"}),
}  # fmt: skip
OPTIMIZER: dict[str, Any] = {
    "NAME": "SGD", "LEARNING_RATE": 0.1, "MOMENTUM": 0.85, "WEIGHT_DECAY": 0.1,
    "PARAM_GROUPS": {"head": {"WHERE": {"NAMES": "head"}, "SET": {"LR_MULT": 3}}},
}  # fmt: skip


class Run:
    """A model of two groups, its optimizer and its scheduler, ticked as a loop would."""

    def __init__(self, node: dict[str, Any], total: int = TOTAL, epoch: int | None = None, **keys: Any) -> None:
        torch.manual_seed(0)
        self.model = nn.ModuleDict({"body": nn.Linear(2, 2), "head": nn.Linear(2, 1)})
        self.optimizer = scepter_opt.build_optimizer(self.model, {**OPTIMIZER, **keys})
        self.scheduler = scepter_opt.build_lr_scheduler(self.optimizer, node, total, epoch)

    def seen(self, first: int, last: int) -> list[Any]:
        """What a schedule writes, at each step, by group."""
        keys = ("lr", "momentum", "weight_decay")
        seen = []
        for step in range(first, last):
            seen.append({group["name"]: [float(group[key]) for key in keys] for group in self.optimizer.param_groups})
            self.optimizer.step()
            tick(self.scheduler, max(1.0 - 0.1 * step, 0.6))
        return seen

    def save(self, step: int = STOP) -> dict[str, Any]:
        return checkpoint.state(model=self.model, optimizer=self.optimizer, scheduler=self.scheduler, step=step)

    def restore(self, state: Any, **keys: Any) -> scepter_opt.LoadReport:
        return checkpoint.restore(state, model=self.model, optimizer=self.optimizer, scheduler=self.scheduler, **keys)


def close(one: list[Any], other: list[Any]) -> None:
    assert len(one) == len(other)
    for here, there in zip(one, other, strict=True):
        assert here.keys() == there.keys()
        for name in here:
            assert here[name] == pytest.approx(there[name], rel=1e-12, abs=1e-15), name


@pytest.mark.parametrize("way", [1, -1], ids=["there", "and back"])
@pytest.mark.parametrize("policy", ["config", "checkpoint"])
@pytest.mark.parametrize("name", CHANGED)
def test_the_side_that_a_policy_names_holds_as_in_an_unbroken_run(name: str, policy: str, way: int) -> None:
    saved, now = CHANGED[name][::way]
    before, run = Run(saved), Run(now)
    before.seen(0, STOP)
    state = before.save()
    with pytest.raises(ConfigError, match="Say who holds"):
        run.restore(state)
    report = run.restore(state, policy=policy)
    assert report.differences
    assert {one.held for one in report.differences} == {policy}
    holds = now if policy == "config" else saved
    close(run.seen(STOP, END), Run(holds).seen(0, END)[STOP:])
    # what holds is what is saved from there on
    again = Run(holds)
    assert again.restore(run.save(END)).same
    assert getattr(again.scheduler, "last_epoch", END) == END  # a chain has none


def test_of_a_plateau_the_counters_go_on_under_other_settings() -> None:
    node = {"NAME": "ReduceLROnPlateau", "PATIENCE": 1, "MONITOR": "loss"}
    before, run = Run(node), Run({**node, "FACTOR": 0.5})
    before.seen(0, 12)
    report = run.restore(before.save(12), policy="config")
    assert [(one.key, one.held) for one in report.differences] == [("lr_scheduler.FACTOR", "config")]
    for key in ("best", "num_bad_epochs", "cooldown_counter", "last_epoch"):
        assert getattr(run.scheduler, key) == getattr(before.scheduler, key)
    rates = [group["lr"] for group in before.optimizer.param_groups]
    assert [group["lr"] for group in run.optimizer.param_groups] == rates
    assert vars(run.scheduler)["factor"] == 0.5


def test_a_scheduler_that_waits_for_a_metric_does_not_become_one_that_does_not() -> None:
    before, run = Run({"NAME": "ReduceLROnPlateau"}), Run({"NAME": "StepLR", "STEP_SIZE": 3})
    with pytest.raises(ConfigError, match="one of the two waits for a metric"):
        run.restore(before.save(), policy="checkpoint")


def test_a_policy_may_be_per_key() -> None:
    before = Run({"NAME": "StepLR", "STEP_SIZE": 3, "GAMMA": 0.5})
    before.seen(0, STOP)
    run = Run({"NAME": "StepLR", "STEP_SIZE": 4, "GAMMA": 0.9}, LEARNING_RATE=0.2)
    policy = {"STEP_SIZE": "checkpoint", "lr_scheduler.GAMMA": "config", "optimizer": "config"}
    report = run.restore(before.save(), policy=policy)
    assert {one.key: one.held for one in report.differences} == {
        "optimizer.LEARNING_RATE": "config",
        "lr_scheduler.STEP_SIZE": "checkpoint",
        "lr_scheduler.GAMMA": "config",
    }
    hand = Run({"NAME": "StepLR", "STEP_SIZE": 3, "GAMMA": 0.9}, LEARNING_RATE=0.2)
    close(run.seen(STOP, END), hand.seen(0, END)[STOP:])


def test_a_key_of_a_policy_that_nothing_has_is_refused() -> None:
    before, run = Run({"NAME": "StepLR", "STEP_SIZE": 3}), Run({"NAME": "StepLR", "STEP_SIZE": 3})
    with pytest.raises(ConfigError, match=r"policy.GAMA = 'config': there is no such setting. Did you mean GAMMA"):
        run.restore(before.save(), policy={"GAMA": "config"})
    with pytest.raises(ConfigError, match=r"policy = 'confg': must be one of .* Did you mean config"):
        run.restore(before.save(), policy="confg")


@pytest.mark.parametrize("interval", ["step", "epoch"])
def test_a_batch_size_that_changed_keeps_the_share_of_the_run(interval: str) -> None:
    node = {"NAME": "PhasesLR", "PHASES": PHASES | {"up": {**PHASES["up"], "LENGTH": "20%"}}, "INTERVAL": interval}
    before, run = Run(node, 40, 8), Run(node, 20, 4)
    ticks = 16 if interval == "step" else 2
    before.seen(0, ticks)
    report = run.restore(before.save(16), policy="config")
    assert (report.saved_step, report.step) == (16, 8)
    assert run.scheduler.last_epoch == (8 if interval == "step" else 2)
    close(run.seen(0, 1), Run(node, 20, 4).seen(0, 9)[8:] if interval == "step" else Run(node, 20, 4).seen(0, 3)[2:])


def test_where_epochs_are_not_known_the_step_is_kept_and_the_report_says_so() -> None:
    node = {"NAME": "PhasesLR", "PHASES": PHASES}
    before, run = Run(node, 40, 8), Run(node, 20)
    before.seen(0, 8)
    report = run.restore(before.save(8), policy="config")
    assert (report.step, run.scheduler.last_epoch) == (8, 8)
    assert "the step is kept" in str(report)


def test_a_driver_goes_on_at_the_share_too() -> None:
    node = {"NAME": "PhasesLR", "PHASES": PHASES}
    before, run = Run(node, 40, 8), Run(node, 20, 4)
    drivers = [scepter_opt.Driver(each.scheduler, node) for each in (before, run)]
    for step in range(16):
        before.optimizer.step()
        drivers[0].step()
        if step % 8 == 7:
            drivers[0].end_epoch()
    state = checkpoint.state(optimizer=before.optimizer, scheduler=before.scheduler, driver=drivers[0])
    checkpoint.restore(state, optimizer=run.optimizer, scheduler=run.scheduler, driver=drivers[1], policy="config")
    assert drivers[1].state_dict() == {"steps": 8, "epochs": 2}
    assert run.scheduler.last_epoch == 8


def orders() -> Iterator[tuple[str, ...]]:
    """Every order in which an optimizer and its scheduler can be built and loaded."""
    deeds = ("build", "load optimizer", "load scheduler")
    return (order for order in itertools.permutations(deeds) if order.index("build") < order.index("load scheduler"))


@pytest.mark.parametrize("policy", ["config", "checkpoint"])
@pytest.mark.parametrize(
    "name", ["LEARNING_RATE", "STEP_SIZE", "T_MAX", "MAX_LR", "STEP_SIZE_UP", "phases", "a part of a sequence"]
)
def test_the_order_of_building_and_loading_does_not_matter(name: str, policy: str) -> None:
    saved, now = CHANGED.get(name, ({"NAME": "LinearLR", "TOTAL_ITERS": 20},) * 2)
    before = Run(saved)
    before.seen(0, STOP)
    state = before.save()
    keys: dict[str, Any] = {"LEARNING_RATE": 0.3} if name == "LEARNING_RATE" else {}
    whole = Run(now, **keys)
    whole.restore(state, policy=policy)
    expected = [{k: v for k, v in group.items() if k != "params"} for group in whole.optimizer.param_groups]
    rates = whole.seen(STOP, END)
    for order in orders():
        run = Run({"NAME": "NoneLR"}, **keys)
        for deed in order:
            if deed == "build":
                run.scheduler = scepter_opt.build_lr_scheduler(run.optimizer, now, TOTAL)
            elif deed == "load optimizer":
                checkpoint.restore(state, optimizer=run.optimizer, policy=policy)
            else:
                checkpoint.restore(state, scheduler=run.scheduler, policy=policy)
        groups = [{k: v for k, v in group.items() if k != "params"} for group in run.optimizer.param_groups]
        assert groups == expected, order
        assert run.seen(STOP, END) == rates, order


def test_a_schedule_that_changes_still_knows_that_its_driver_brings_the_metric() -> None:
    optimizers = [torch.optim.SGD(nn.Linear(2, 1).named_parameters(), lr=0.1) for _ in range(2)]
    nodes: list[Any] = [
        {"NAME": "PlateauLR", "INTERVAL": "step", "MONITOR": "loss", "PATIENCE": n, "PHASES": {}} for n in (1, 2)
    ]
    saved, here = (scepter_opt.build_lr_scheduler(o, n, 100, 10) for o, n in zip(optimizers, nodes, strict=True))
    driver = scepter_opt.Driver(here, nodes[1])
    checkpoint.restore(checkpoint.state(scheduler=saved, step=0), scheduler=here, policy="checkpoint", random=False)
    assert vars(here)["patience"] == 1
    with said() as texts:
        for _ in range(10):
            driver.step({"loss": 1.0})
    assert texts == []
