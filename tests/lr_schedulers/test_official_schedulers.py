"""Every scheduler of torch's is torch's: its defaults, its keywords, its rates, with every optimizer."""

from __future__ import annotations

import copy
import inspect
import pickle
from io import BytesIO
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt.config.validation import fields
from scepter_opt.lr_schedulers import SchedulerConfig
from tests.support import (
    SCHEDULERS,
    TORCH_OPTIMIZERS,
    TORCH_SCHEDULERS,
    by_hand,
    keyword,
    make_model,
    optimizer_node,
    pairs,
    same,
    scheduler_node,
    train,
)

# One value per key that is no class's default, and valid for every class that has the key.
OTHER: dict[str, Any] = {
    "STEP_SIZE": 7,
    "GAMMA": 0.5,
    "MILESTONES": [2, 5],
    "FACTOR": 0.5,
    "TOTAL_ITERS": 9,
    "START_FACTOR": 0.25,
    "END_FACTOR": 0.75,
    "POWER": 2.0,
    "T_MAX": 33,
    "ETA_MIN": 0.001,
    "T_0": 6,
    "T_MULT": 2,
    "LR_LAMBDA": {"LambdaLR": "tests.support.ratio", "MultiplicativeLR": "tests.support.decay"},
    "MODE": {"ReduceLROnPlateau": "max", "CyclicLR": "triangular2"},
    "PATIENCE": 3,
    "THRESHOLD": 0.01,
    "THRESHOLD_MODE": "abs",
    "COOLDOWN": 2,
    "MIN_LR": 0.001,
    "EPS": 1e-3,
    "BASE_LR": 0.02,
    "MAX_LR": 0.2,
    "STEP_SIZE_UP": 9,
    "STEP_SIZE_DOWN": 4,
    "SCALE_FN": "tests.support.ratio",
    "SCALE_MODE": "iterations",
    "CYCLE_MOMENTUM": True,
    "BASE_MOMENTUM": 0.5,
    "MAX_MOMENTUM": 0.99,
    "TOTAL_STEPS": 40,
    "EPOCHS": 4,
    "STEPS_PER_EPOCH": 10,
    "PCT_START": 0.5,
    "ANNEAL_STRATEGY": "linear",
    "DIV_FACTOR": 10.0,
    "FINAL_DIV_FACTOR": 100.0,
    "THREE_PHASE": True,
}
SCHEDULERS_OF_SCEPTER = ["NoneLR", "LinoPolyLR", "WarmupToConstantLR", "StepAnnealingLR"]
PARTS = {"SequentialLR", "ChainedScheduler"}


def own_keys(name: str) -> list[str]:
    """The keys that a class hands to torch."""
    config = scepter_opt.LR_SCHEDULERS.entry(name).config
    assert config is not None
    common = fields(SchedulerConfig).keys() - {"TOTAL_STEPS" if name == "OneCycleLR" else ""}
    return [key for key in fields(config) if key not in common]


def comparable(scheduler: Any) -> dict[str, Any]:
    """What a scheduler holds, without what cannot be compared."""
    held = {key: value for key, value in vars(scheduler).items() if key not in ("optimizer", "built_from")}
    groups = [
        {key: value for key, value in group.items() if key != "params"} for group in scheduler.optimizer.param_groups
    ]
    plain = {key: value if not callable(value) else getattr(value, "__qualname__", "") for key, value in held.items()}
    if "lr_lambdas" in plain:
        plain["lr_lambdas"] = [function.__qualname__ for function in held["lr_lambdas"]]
    if "_schedulers" in plain:
        plain["_schedulers"] = [comparable(part) for part in held["_schedulers"]]
    plain.pop("_scale_fn_ref", None)
    return {"held": plain, "groups": groups}


def test_every_torch_scheduler_is_here() -> None:
    assert set(TORCH_SCHEDULERS) <= set(SCHEDULERS)


@pytest.mark.parametrize("name", TORCH_SCHEDULERS)
def test_every_keyword_of_torch_has_a_key(name: str) -> None:
    keywords = set(inspect.signature(getattr(torch.optim.lr_scheduler, name)).parameters) - {"optimizer"}
    assert {keyword(key) for key in own_keys(name)} == keywords


def open_ended(key: str) -> bool:
    """Keys that torch requires and that the call may fill here."""
    return key in ("T_MAX", "SCHEDULERS")


@pytest.mark.parametrize("name", TORCH_SCHEDULERS)
def test_defaults_are_torchs(name: str) -> None:
    parameters = inspect.signature(getattr(torch.optim.lr_scheduler, name)).parameters
    config = scepter_opt.LR_SCHEDULERS.entry(name).config
    assert config is not None
    for key in own_keys(name):
        field, theirs = fields(config)[key], parameters[keyword(key)].default
        if theirs is inspect.Parameter.empty:
            assert field.required or open_ended(key)
        else:
            assert getattr(field.default, "value", field.default) == theirs


@pytest.mark.parametrize(
    ("name", "key"),
    [(n, k) for n in TORCH_SCHEDULERS if n not in PARTS for k in own_keys(n) if k != "LAST_EPOCH"],
)
def test_a_value_reaches_torch(name: str, key: str) -> None:
    value = OTHER[key][name] if isinstance(OTHER[key], dict) else OTHER[key]
    node = scheduler_node(name, **{key: value})
    if key in ("EPOCHS", "STEPS_PER_EPOCH"):
        node |= {"EPOCHS": 4, "STEPS_PER_EPOCH": 10}
        del node["TOTAL_STEPS"]
    if key in ("BASE_MOMENTUM", "MAX_MOMENTUM"):
        node["CYCLE_MOMENTUM"] = True
    default = scheduler_node(name)
    if (name, key) == ("CyclicLR", "GAMMA"):
        node["MODE"] = default["MODE"] = "exp_range"
    if key == "SCALE_MODE":
        node["SCALE_FN"] = default["SCALE_FN"] = "tests.support.ratio"
    made = []
    for build in (scepter_opt.build_lr_scheduler, by_hand):
        for given in (node, default):
            model = make_model("SGD")
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
            made.append(comparable(build(optimizer, given)))
    ours, our_default, theirs, _ = made
    assert ours == theirs
    assert ours != our_default


def test_parts_of_a_scheduler_reach_torch() -> None:
    for name in PARTS:
        optimizers = [torch.optim.SGD(make_model("SGD").parameters(), lr=0.1) for _ in range(2)]
        ours = scepter_opt.build_lr_scheduler(optimizers[0], scheduler_node(name))
        assert comparable(ours) == comparable(by_hand(optimizers[1], scheduler_node(name)))


@pytest.mark.parametrize(
    ("optimizer", "scheduler"), pairs(TORCH_OPTIMIZERS, [*TORCH_SCHEDULERS, *SCHEDULERS_OF_SCEPTER])
)
def test_every_pair_equals_torchs_bit_for_bit(optimizer: str, scheduler: str) -> None:
    results = []
    # else a step of LBFGS takes as long as twenty of the others
    few = {"MAX_ITER": 2} if optimizer == "LBFGS" else {}
    for hand in (False, True):
        model = make_model(optimizer)
        node = scheduler_node(scheduler)
        if hand:
            keywords = {keyword(key): value for key, value in few.items()}
            made = getattr(torch.optim, optimizer)(model.parameters(), lr=0.02, **keywords)
            schedule = by_hand(made, node)
        else:
            made = scepter_opt.build_optimizer(model, optimizer_node(optimizer, LEARNING_RATE=0.02, **few))
            schedule = scepter_opt.build_lr_scheduler(made, node)
        results.append(train(model, made, schedule, steps=20))
    assert same(*results)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_saved_state_is_read_back_with_weights_only(name: str) -> None:
    model, scheduler = built(name)
    train(model, scheduler.optimizer, scheduler, 3)
    state = scheduler.state_dict()
    file = BytesIO()
    torch.save(state, file)
    file.seek(0)
    if name in ("LambdaLR", "MultiplicativeLR"):
        assert state["lr_lambdas"] == [None]
    assert same(torch.load(file, weights_only=True), state)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers_pickle(name: str) -> None:
    model, scheduler = built(name)
    train(model, scheduler.optimizer, scheduler, 3)
    again = pickle.loads(pickle.dumps(scheduler))
    assert same(again.state_dict(), scheduler.state_dict())


@pytest.mark.parametrize("name", SCHEDULERS)
def test_stopped_anywhere_and_resumed_the_rates_go_on(name: str) -> None:
    for stop in range(1, 20, 3):
        model, scheduler = built(name)
        unbroken = train(model, scheduler.optimizer, scheduler, 20)[0]
        model, scheduler = built(name)
        first = train(model, scheduler.optimizer, scheduler, stop)[0]
        saved = copy.deepcopy((model.state_dict(), scheduler.optimizer.state_dict(), scheduler.state_dict()))
        model, scheduler = built(name)
        model.load_state_dict(saved[0])
        scheduler.optimizer.load_state_dict(saved[1])
        scheduler.load_state_dict(saved[2])
        assert first + train(model, scheduler.optimizer, scheduler, 20 - stop, start=stop)[0] == unbroken


def built(name: str) -> tuple[Any, Any]:
    """A model, and a scheduler of its SGD."""
    model = make_model("SGD")
    optimizer = scepter_opt.build_optimizer(model, optimizer_node("SGD", LEARNING_RATE=0.1))
    return model, scepter_opt.build_lr_scheduler(optimizer, scheduler_node(name))
