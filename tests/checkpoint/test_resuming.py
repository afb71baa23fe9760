"""Every optimizer under every scheduler, stopped at some step and saved to a file, goes on bit for bit."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import checkpoint
from tests.support import OPTIMIZERS, SCHEDULERS, make_model, optimizer_node, same, scheduler_node, train

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
FUSED = ("Adagrad", "Adam", "AdamW", "SGD")
RULES = {"bias": {"WHERE": {"KINDS": "bias"}, "SET": {"LR_MULT": 0.5}, "OPTIONAL": True}}
STEPS = 8
# Each optimizer under some schedulers, each scheduler over some optimizers; all pairs are in the long test.
PAIRS = [
    (optimizer, scheduler)
    for one, optimizer in enumerate(OPTIMIZERS)
    for two, scheduler in enumerate(SCHEDULERS)
    if (one + two) % 4 == 0
]


def built(optimizer: str, scheduler: str, implementation: str, rules: bool) -> tuple[Any, Any, Any]:
    model = make_model(optimizer)
    node = optimizer_node(optimizer, IMPLEMENTATION=implementation)
    if rules and optimizer != "LBFGS":
        node["PARAM_GROUPS"] = {**node.get("PARAM_GROUPS", {}), **RULES}
    made = scepter_opt.build_optimizer(model, node)
    return model, made, scepter_opt.build_lr_scheduler(made, scheduler_node(scheduler))


def groups(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    return [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]


def check(folder: Path, optimizer: str, scheduler: str, implementation: str, rules: bool, stop: int) -> None:
    model, first, schedule = built(optimizer, scheduler, implementation, rules)
    train(model, first, schedule, stop)
    checkpoint.save(folder, model=model, optimizer=first, scheduler=schedule, step=stop)
    unbroken = train(model, first, schedule, STEPS, stop)
    other, second, resumed = built(optimizer, scheduler, implementation, rules)
    report = checkpoint.load(folder, model=other, optimizer=second, scheduler=resumed)
    assert report.same
    assert same(train(other, second, resumed, STEPS, stop), unbroken)
    assert groups(second) == groups(first)
    one, two = (
        [optimizer.state.get(p, {}) for g in optimizer.param_groups for p in g["params"]]
        for optimizer in (first, second)
    )
    assert same(one, two)


@pytest.mark.parametrize(("optimizer", "scheduler"), PAIRS)
def test_a_run_goes_on_bit_for_bit(optimizer: str, scheduler: str, tmp_path: Path) -> None:
    drawn = random.Random(f"{optimizer} {scheduler}")
    check(tmp_path, optimizer, scheduler, "for_loop", drawn.random() < 0.5, drawn.randrange(12))


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_fused_run_goes_on_bit_for_bit(scheduler: str, tmp_path: Path) -> None:
    drawn = random.Random(scheduler)
    check(tmp_path, drawn.choice(FUSED), scheduler, "fused", drawn.random() < 0.5, drawn.randrange(12))


@pytest.mark.long
@pytest.mark.parametrize("rules", [False, True], ids=["plain", "rules"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_all_of_them_go_on_from_several_steps(optimizer: str, rules: bool, tmp_path: Path) -> None:
    for scheduler in SCHEDULERS:
        for implementation in ("for_loop", "fused") if optimizer in FUSED else ("for_loop",):
            for stop in random.Random(f"{optimizer} {scheduler} {rules}").sample(range(20), 3):
                folder = tmp_path / f"{scheduler} {implementation} {stop}"
                check(folder, optimizer, scheduler, implementation, rules, stop)
