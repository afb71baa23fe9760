"""Nodes for hydra.utils.instantiate, read as the class's own."""

from __future__ import annotations

import sys
from typing import Any

import hydra
import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError
from tests.support import make_model, same, train


class Mine(torch.optim.SGD):
    """Somebody's own optimizer, registered nowhere."""

    def __init__(self, params: Any, lr: float = 0.5, decay: float = 0.0) -> None:
        super().__init__(params, lr=lr, weight_decay=decay)


@pytest.mark.parametrize(
    "node",
    [
        {"_target_": "torch.optim.AdamW", "lr": 0.01, "betas": [0.8, 0.9], "foreach": False},
        {"_target_": "torch.optim.adamw.AdamW", "_partial_": True, "lr": "1e-2", "weight_decay": 0.1, "foreach": False},
        {"_target_": "torch.optim.SGD", "lr": 0.1, "momentum": 0.9, "nesterov": True, "foreach": False},
    ],
)
def test_it_trains_as_instantiate_would(node: dict[str, Any]) -> None:
    ours, theirs = make_model("SGD"), make_model("SGD")
    optimizer = scepter_opt.build_optimizer(ours, node)
    plain = {key: float(value) if key == "lr" else value for key, value in node.items() if key != "_partial_"}
    reference = hydra.utils.instantiate(plain, params=list(theirs.parameters()))
    still = torch.optim.lr_scheduler.LambdaLR
    traces = [
        train(model, each, still(each, lambda _: 1.0), steps=5)
        for model, each in ((ours, optimizer), (theirs, reference))
    ]
    assert same(*traces)


def test_our_keys_stand_beside_torchs_keywords() -> None:
    rules = {"bias": {"WHERE": {"KINDS": "bias"}, "SET": {"WEIGHT_DECAY": 0.0}}}
    node = {"_target_": "torch.optim.AdamW", "lr": 0.01, "PARAM_GROUPS": rules}
    optimizer = scepter_opt.build_optimizer(nn.Linear(2, 2), node)
    assert [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups] == [(0.01, 0.01), (0.01, 0.0)]


def test_a_scheduler_of_torchs_is_read_too_and_paired() -> None:
    cfg = {
        "optimizer": {"_target_": "torch.optim.Adagrad", "lr": 0.1},
        "lr_scheduler": {"_target_": "torch.optim.lr_scheduler.CyclicLR", "base_lr": 0.1, "max_lr": 1.0},
    }
    with pytest.raises(ConfigError, match="Adagrad has neither MOMENTUM nor BETAS to cycle"):
        scepter_opt.check(cfg)
    cfg["lr_scheduler"] = {"_target_": "torch.optim.lr_scheduler.StepLR", "step_size": 3}
    assert [config.NAME for config in scepter_opt.check(cfg).values()] == ["Adagrad", "StepLR"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"lr": -1}, "optimizer.lr = -1: must be at least 0."),
        ({"lr_rate": 1}, "optimizer.lr_rate = 1: SGD has no such key."),
        ({"lr": 1, "LEARNING_RATE": 2}, "optimizer.LEARNING_RATE = 2: is lr by another name: leave one of them out."),
        ({"_args_": [1]}, "optimizer._args_ = [1]: has no names"),
        ({"fused": True, "IMPLEMENTATION": "torch"}, "optimizer.fused: is said by IMPLEMENTATION already"),
    ],
)
def test_a_mistake_is_named_as_it_was_written(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        scepter_opt.check({"optimizer": {"_target_": "torch.optim.SGD", **keys}})
    assert message in str(caught.value)


def test_a_class_that_torch_does_not_have_is_named() -> None:
    with pytest.raises(ConfigError, match=r"optimizer._target_ = 'torch.optim.Adamw': .* Did you mean AdamW"):
        scepter_opt.check({"optimizer": {"_target_": "torch.optim.Adamw"}})


@pytest.mark.parametrize(
    ("flags", "implementation"),
    [
        ({}, "auto"),
        ({"fused": None, "foreach": None}, "auto"),
        ({"fused": True}, "fused"),
        ({"foreach": True}, "foreach"),
        ({"foreach": False}, "for_loop"),
        ({"foreach": False, "fused": False}, "for_loop"),
        ({"fused": False}, "torch"),
    ],
)
def test_torchs_flags_are_the_implementation_that_they_stand_for(flags: dict[str, Any], implementation: str) -> None:
    config = scepter_opt.check({"_target_": "torch.optim.AdamW", **flags})
    assert config.IMPLEMENTATION.value == implementation


def test_any_class_of_torchs_kind_is_built_and_checked_where_imports_are_allowed() -> None:
    node = {"_target_": f"{__name__}.Mine", "lr": 0.25, "decay": 0.5}
    sys.modules.setdefault(__name__, sys.modules[Mine.__module__])
    optimizer = scepter_opt.build_optimizer(nn.Linear(2, 2), node)
    assert type(optimizer) is Mine
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["weight_decay"]) == (0.25, 0.5)
    assert list(scepter_opt.check({"optimizer": node}, imports=True)) == ["optimizer"]
    with pytest.raises(ConfigError, match=r"optimizer.dcay = 1: .* Did you mean DECAY"):
        scepter_opt.check({"optimizer": {**node, "dcay": 1}}, imports=True)


def test_other_targets_are_passed_over() -> None:
    cfg = {
        "optimizer": {"_target_": "scepter_opt.build_optimizer", "_partial_": True, "cfg": {"NAME": "SGD"}},
        "scheduler": {"_target_": "my_project.schedule", "rate": "not ours"},
    }
    assert list(scepter_opt.check(cfg)) == ["optimizer.cfg"]


@pytest.mark.parametrize("key", ["NAME", "name"])
def test_another_name_beside_the_target_is_refused(key: str) -> None:
    node = {"_target_": "torch.optim.AdamW", "lr": 0.1}
    with pytest.raises(ConfigError, match=rf"^1 .*\n  optimizer.{key} = 'SGD': this node is AdamW's by its _target_"):
        scepter_opt.build_optimizer(nn.Linear(2, 2), {**node, key: "SGD"})
    optimizer = scepter_opt.build_optimizer(nn.Linear(2, 2), {**node, "NAME": "AdamW"})
    assert (type(optimizer), optimizer.defaults["lr"]) == (torch.optim.AdamW, 0.1)


def test_a_flag_that_the_class_lacks_is_shown_as_it_was_written() -> None:
    with pytest.raises(ConfigError, match=r"optimizer.fused = True: LBFGS has no fused step"):
        scepter_opt.build_optimizer(nn.Linear(2, 2), {"_target_": "torch.optim.LBFGS", "fused": True})


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"fused": "yes"}, "optimizer.fused = 'yes': must be true, false or null"),
        ({"foreach": 1}, "optimizer.foreach = 1: must be true, false or null"),
        ({"foreach": True, "fused": True}, "optimizer.fused = True: cannot be with foreach"),
    ],
)
def test_flags_that_torch_would_not_take_are_refused(flags: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        scepter_opt.build_optimizer(nn.Linear(2, 2), {"_target_": "torch.optim.AdamW", **flags})


@pytest.mark.parametrize("target", ["torch.optm.AdamW", "AdamW", "torch.AdamW"])
def test_a_path_that_is_nearly_torchs_is_told(target: str) -> None:
    cfg = {"optimizer": {"_target_": target, "lr": 1}, "lr_scheduler": {"NAME": "CosineAnnealingLR"}}
    with pytest.raises(ConfigError, match=r"optimizer._target_ = .* Did you mean torch.optim.AdamW\?"):
        scepter_opt.check(cfg)


CALLS: dict[str, dict[str, Any]] = {
    "optimizer": {"_target_": "scepter_opt.build_optimizer", "_partial_": True, "NAME": "SGD", "LEARNING_RATE": 0.5},
    "scheduler": {
        "_target_": "scepter_opt.build_lr_scheduler",
        "_partial_": True,
        "NAME": "StepLR",
        "STEP_SIZE": 2,
        "total_steps": 6,
    },
}


def test_a_call_of_ours_that_is_given_the_keys_is_a_node() -> None:
    cfg = {"model": CALLS}
    assert {key: config.NAME for key, config in scepter_opt.check(cfg).items()} == {
        "model.optimizer": "SGD",
        "model.scheduler": "StepLR",
    }
    assert scepter_opt.check(CALLS["optimizer"]).LEARNING_RATE == 0.5
    plan = scepter_opt.plan(CALLS["optimizer"], nn.Linear(2, 2))
    assert [group.learning_rate for group in plan.group_settings] == [0.5]
    optimizer = scepter_opt.build_optimizer(nn.Linear(2, 2), CALLS["optimizer"])
    assert type(optimizer) is torch.optim.SGD
    rates = list(scepter_opt.preview(CALLS["scheduler"], total_steps=4)["default"])
    assert rates == pytest.approx([1.0, 1.0, 0.1, 0.1])


def test_hydra_instantiates_it_as_it_stands() -> None:
    model = nn.Linear(2, 2)
    made = hydra.utils.instantiate(CALLS)
    optimizer = made["optimizer"](params=model.parameters())
    scheduler = made["scheduler"](optimizer=optimizer)
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert (optimizer.param_groups[0]["lr"], scheduler.step_size) == (0.5, 2)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({**CALLS["optimizer"], "LERNING_RATE": 1}, "optimizer.LERNING_RATE = 1: SGD has no such key. Did you mean"),
        ({**CALLS["optimizer"], "NAME": "StepLR"}, "optimizer.NAME = 'StepLR': is an entry of lr_scheduler; an entry"),
        ({"_target_": "scepter_opt.build_optimizer"}, "optimizer.NAME: is required"),
        (CALLS["scheduler"], "optimizer._target_: builds an entry of lr_scheduler; an entry of optimizer is needed"),
    ],
)
def test_a_mistake_in_it_is_named(node: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        scepter_opt.build_optimizer(nn.Linear(2, 2), node)
    assert message in str(caught.value)
    if "NAME" in node and "scheduler" not in node["_target_"]:
        with pytest.raises(ConfigError):
            scepter_opt.check({"model": {"optimizer": node}})


def test_keywords_beside_a_node_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"optimizer.LEARNING_RATE = 1: is given beside cfg: write it there"):
        scepter_opt.build_optimizer(nn.Linear(2, 2), {"NAME": "SGD"}, LEARNING_RATE=1)
    optimizer = torch.optim.SGD([torch.zeros(1)])
    with pytest.raises(ConfigError, match=r"lr_scheduler.GAMMA = 1: is given beside cfg"):
        scepter_opt.build_lr_scheduler(optimizer, {"NAME": "StepLR", "STEP_SIZE": 1}, GAMMA=1)
    with pytest.raises(ConfigError, match="optimizer = None: must be a node"):
        scepter_opt.build_optimizer(nn.Linear(2, 2))


def test_torchs_nodes_are_planned_and_previewed_as_they_stand() -> None:
    rules = {"bias": {"WHERE": {"KINDS": "bias"}, "SET": {"LR_MULT": 2}}}
    node = {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.1, "PARAM_GROUPS": rules}
    plan = scepter_opt.plan(node, nn.Linear(2, 2).parameters())
    assert [group.learning_rate for group in plan.group_settings] == [0.1, 0.2]
    schedule = {"_target_": "torch.optim.lr_scheduler.StepLR", "_partial_": True, "step_size": 1, "gamma": 0.5}
    rates = scepter_opt.preview({**schedule, "INTERVAL": "epoch"}, 30, plan, steps_per_epoch=10)
    assert {name: list(values) for name, values in rates.items()} == {
        "default": [0.1, 0.05, 0.025],
        "bias": [0.2, 0.1, 0.05],
    }
