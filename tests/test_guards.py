"""What makes things slow, counted instead of timed: calls, groups, imports, and what is held."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from tests.support import OPTIMIZERS, make_loss, make_model

ROOT = Path(__file__).parent.parent
PACKAGE = str(Path(scepter_opt.__file__).parent)
# What composing `optimizer=sgd lr_scheduler=cosine_annealing` needs of the package.
COMPOSE = """
import sys
import scepter_opt
from hydra import compose, initialize

with initialize(version_base="1.3", config_path=None):
    compose(overrides=["+optimizer=sgd", "+lr_scheduler=cosine_annealing"])
print(*sorted(sys.modules))
"""
ALLOWED = {
    "components",
    "components.component",
    "components.entry",
    "components.registry",
    "components.user_classes",
    "conf",
    "config",
    "config.base",
    "config.fields",
    "config.plain",
    "config.ranges",
    "errors",
    "integrations",
    "integrations.hydra_plugins",
    "integrations.study_sweeper",
    "lr_schedulers",
    "lr_schedulers.base_scheduler",
    "lr_schedulers.metrics",
    "lr_schedulers.official_schedulers",
    "lr_schedulers.registry",
    "optimizers",
    "optimizers.base_optimizer",
    "optimizers.common_keys",
    "optimizers.official_optimizers",
    "optimizers.registry",
    "parameters",
    "parameters.implementation",
}


def calls(task: Callable[[], Any], only: str = "") -> Counter[str]:
    """The Python functions that a call runs, by name, of files that begin so."""
    found: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(only):
            found[frame.f_code.co_name] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        task()
    finally:
        sys.setprofile(before)
    return found


def groups_of(count: int) -> torch.optim.Optimizer:
    return torch.optim.SGD([{"params": [torch.zeros(1, requires_grad=True)]} for _ in range(count)], lr=0.1)


@pytest.mark.parametrize("count", [1, 50])
def test_a_tick_of_phases_calls_the_same_few_functions_however_many_groups(count: int) -> None:
    phases = {
        "warmup": {"CURVE": "linear", "FROM": 0.1, "TO": 1.0, "LENGTH": 10},
        "decay": {"CURVE": "cosine", "TO": 0.0},
    }
    optimizer = groups_of(count)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, {"NAME": "PhasesLR", "PHASES": phases}, total_steps=100)
    optimizer.step()
    for _ in range(20):
        scheduler.step()
    found = calls(scheduler.step, PACKAGE)
    assert found["step"] == 1
    assert sum(found.values()) <= 3, found


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "Hybrid"])
def test_nothing_of_ours_stands_in_a_step_but_the_guard_of_fused_ones(name: str) -> None:
    model = make_model(name)
    optimizer = scepter_opt.build_optimizer(model, {"NAME": name})
    closure = make_loss(model)
    closure()
    step: Any = (lambda: optimizer.step(closure)) if name == "LBFGS" else optimizer.step
    guarded = any(group.get("fused") for group in optimizer.param_groups)
    assert guarded is (name in ("Adam", "AdamW", "Adagrad", "SGD"))
    once = ("before_step", "closure_and_look", "_look", "kernel_of", "_looks_right", "takes")
    guard = {"restore": 2} | dict.fromkeys(once, 1)
    assert calls(step, PACKAGE) == (guard if guarded else {})


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(8)
        self.qkv, self.proj = nn.Linear(8, 24), nn.Linear(8, 8)


def test_a_vision_transformer_of_12_blocks_has_28_groups() -> None:
    model = nn.ModuleDict({"patch_embed": nn.Conv2d(3, 8, 4), "blocks": nn.Sequential(*(Block() for _ in range(12)))})
    model.update({"norm": nn.LayerNorm(8), "head": nn.Linear(8, 2)})
    rules = {
        "no_decay": {"WHERE": {"KINDS": ["bias", "norm"]}, "SET": {"WEIGHT_DECAY": 0.0}},
        "layers": {"WHERE": {"NAMES": "*"}, "SET": {"LAYER_DECAY": 0.75}},
    }
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "AdamW", "PARAM_GROUPS": rules})
    assert len(optimizer.param_groups) == 28  # stem, 12 blocks and head, each with and without decay


def test_composing_imports_no_more_than_it_needs() -> None:
    done = subprocess.run([sys.executable, "-c", COMPOSE], cwd=ROOT, capture_output=True, text=True, check=True)
    found = set(done.stdout.split())
    assert not found & {"torch", "pydantic", "rich", "matplotlib", "numpy"}
    assert {name.removeprefix("scepter_opt.") for name in found if name.startswith("scepter_opt.")} <= ALLOWED


@pytest.mark.parametrize("name", ["SGD", "AdamW", "Adagrad"])
def test_nothing_is_held_beside_torchs_own_state(name: str) -> None:
    model = make_model(name)
    ours = scepter_opt.build_optimizer(model, {"NAME": name})
    theirs = getattr(torch.optim, name)(model.named_parameters(), fused=True)
    for optimizer in (ours, theirs):
        make_loss(model)()
        optimizer.step()
    # by the first copies have their hooks again, by the second groups may come without names, which the third finds
    added = {"__reduce_ex__", "add_param_group", "_roots"}
    assert vars(ours).keys() <= vars(theirs).keys() | added
    assert [set(state) for state in ours.state.values()] == [set(state) for state in theirs.state.values()]
    assert set(ours.param_groups[0]) - set(theirs.param_groups[0]) == {"name", "rules", "settings"}
    assert all(not vars(parameter) for parameter in model.parameters())


PARTS = {"muon": {"NAME": "Muon"}, "adamw": {"NAME": "AdamW"}}
MATRICES = {"WHERE": {"KINDS": "matrix"}, "SET": {"OPTIMIZER": "muon"}}
HYBRID = {"NAME": "Hybrid", "OPTIMIZERS": PARTS, "DEFAULT": "adamw", "PARAM_GROUPS": {"hidden": MATRICES}}


@pytest.mark.parametrize(("node", "nodes"), [({"NAME": "AdamW"}, 1), (HYBRID, 3)])
def test_a_build_looks_each_component_up_once(node: dict[str, Any], nodes: int) -> None:
    model = nn.Linear(2, 2)
    scepter_opt.build_optimizer(model, node)  # what is imported or read once is not counted
    assert calls(lambda: scepter_opt.build_optimizer(model, node), PACKAGE)["_named"] == nodes


def test_a_schedulers_build_looks_each_component_up_once() -> None:
    optimizer, node = groups_of(1), {"NAME": "CosineAnnealingLR"}
    scepter_opt.build_lr_scheduler(optimizer, node, total_steps=5)
    assert calls(lambda: scepter_opt.build_lr_scheduler(optimizer, node, total_steps=5), PACKAGE)["_named"] == 1
