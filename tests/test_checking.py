"""check: an app's whole config, or one node, before anything heavy."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from omegaconf import OmegaConf

import scepter_opt
from scepter_opt import OPTIMIZERS, ConfigError
from tests.support import scheduler_node

SGD = {"NAME": "SGD", "LEARNING_RATE": 0.1}
COSINE = {"NAME": "CosineAnnealingLR", "T_MAX": 10}
CYCLIC = scheduler_node("CyclicLR", CYCLE_MOMENTUM=True)


def keys_of(cfg: Any) -> list[str]:
    """The keys at which check has found nodes."""
    return list(scepter_opt.check(cfg))


@pytest.mark.parametrize(
    ("cfg", "expected"),
    [
        ({"optimizer": SGD, "lr_scheduler": COSINE}, ["optimizer", "lr_scheduler"]),
        ({"optim": SGD, "scheduler": COSINE}, ["optim", "scheduler"]),
        ({"OPTIMIZER": SGD, "LR_SCHEDULER": COSINE}, ["OPTIMIZER", "LR_SCHEDULER"]),
        ({"optimizers": {"a": SGD, "b": SGD}, "lr_schedulers": {"a": COSINE}},
         ["optimizers.a", "optimizers.b", "lr_schedulers.a"]),
        ({"SOLVER": {"NAME": "Solver", "OPTIMIZER": SGD, "LR_SCHEDULER": COSINE}},
         ["SOLVER.OPTIMIZER", "SOLVER.LR_SCHEDULER"]),
        ({"train": {"anything": SGD}}, ["train.anything"]),
        ({"stages": [{"opt": SGD}, SGD]}, ["stages[0].opt", "stages[1]"]),
        ({"NAME": "my run", "optimizer": SGD}, ["optimizer"]),
        ({"optimizer": {"_target_": "torch.optim.SGD", "lr": 0.1}, "mine": SGD}, ["optimizer", "mine"]),
            ({"optimizer": {"_target_": "my.Own", "lr": 0.1}, "mine": SGD}, ["mine"]),
        ({"model": {"NAME": "ResNet", "optimizer": SGD}}, ["model.optimizer"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("wrap", [dict, OmegaConf.create, MappingProxyType])
def test_nodes_are_found(cfg: Any, expected: list[str], wrap: Any) -> None:
    cfg = json.loads(json.dumps(cfg))  # the same node at two places is one node
    assert keys_of(wrap(cfg)) == expected


def test_a_node_reached_by_two_paths_is_reported_once() -> None:
    cfg = OmegaConf.create(
        {
            "partial": {"_target_": "scepter_opt.build_optimizer", "cfg": "${optimizer}"},
            "optimizer": {**SGD, "MOMENTUM": -1},
        }
    )
    with pytest.raises(ConfigError) as caught:
        scepter_opt.check(cfg)
    assert [problem.key for problem in caught.value.problems] == ["optimizer.MOMENTUM"]


def test_a_misspelt_name_at_a_usual_place_is_found_also_below() -> None:
    with pytest.raises(ConfigError, match=r"SOLVER.OPTIMIZER.NAME = 'AdmW'.*Did you mean AdamW"):
        scepter_opt.check({"SOLVER": {"OPTIMIZER": {"NAME": "AdmW"}}, "optimizer": SGD})


def test_typed_nodes_are_found_without_name_and_anywhere() -> None:
    config: Any = OPTIMIZERS.entry("SGD").config
    cfg = OmegaConf.create({"deep": {"er": OmegaConf.structured(config)}})
    assert scepter_opt.check(cfg)["deep.er"].NAME == "SGD"
    assert scepter_opt.check(config(LEARNING_RATE=0.5)).NAME == "SGD"
    assert scepter_opt.check(OmegaConf.structured(config(LEARNING_RATE=0.5))).LEARNING_RATE == 0.5


def test_a_saved_config_has_lost_its_types_and_is_found_by_name(tmp_path: Path) -> None:
    config: Any = OPTIMIZERS.entry("SGD").config
    OmegaConf.save({"a": {"b": OmegaConf.structured(config(NAME="SGD"))}}, tmp_path / "config.yaml")
    assert keys_of(OmegaConf.load(tmp_path / "config.yaml")) == ["a.b"]


def test_instances_are_checked_again() -> None:
    config: Any = OPTIMIZERS.entry("SGD").config
    with pytest.raises(ConfigError, match="LEARNING_RATE = -1: must be at least 0"):
        scepter_opt.check(config(LEARNING_RATE=-1))


@pytest.mark.parametrize(
    "cfg",
    [
        {"optimizer": {"NAME": "Adagrad"}, "lr_scheduler": CYCLIC},
        {"a": {"optimizer": {"NAME": "Adagrad"}, "lr_scheduler": CYCLIC}, "b": {"optimizer": SGD}},
        {"optimizers": {"g": {"NAME": "Adagrad"}, "d": SGD}, "lr_schedulers": {"g": CYCLIC, "d": CYCLIC}},
        {"one": {"NAME": "Adagrad"}, "other": {"deep": CYCLIC}},
    ],
)
def test_pairs_are_checked(cfg: Any) -> None:
    with pytest.raises(ConfigError, match="CYCLE_MOMENTUM") as caught:
        scepter_opt.check(cfg)
    assert len(caught.value.problems) == 1


def test_what_is_no_pair_is_not_checked_as_one() -> None:
    cfg = {"a": {"optimizer": {"NAME": "Adagrad"}}, "b": {"optimizer": {"NAME": "SGD"}, "lr_scheduler": CYCLIC}}
    assert len(scepter_opt.check(cfg)) == 3


def test_problems_of_all_nodes_come_at_once_and_as_data() -> None:
    with pytest.raises(ConfigError) as caught:
        scepter_opt.check({"optimizer": {**SGD, "MOMENTUM": -1, "lr": 2}, "lr_scheduler": {**COSINE, "ETA_MIN": "x"}})
    found = [(problem.key, problem.value) for problem in caught.value.problems]
    assert found == [("optimizer.MOMENTUM", -1), ("optimizer.lr", 2), ("lr_scheduler.ETA_MIN", "x")]


def test_a_node_is_not_changed_and_not_shared() -> None:
    node = {"NAME": "SequentialLR", **scheduler_node("SequentialLR")}
    before = copy.deepcopy(node)
    config = scepter_opt.check(node)
    config.SCHEDULERS["warmup"].TOTAL_ITERS = 99
    config.MILESTONES.append(7)
    assert node == before


def test_checking_an_app_imports_no_torch() -> None:
    script = """
import sys
from collections.abc import Iterator, Mapping
sys.modules["torch"] = None
import scepter_opt
scepter_opt.check({"optimizer": {"NAME": "SGD"}, "lr_scheduler": {"NAME": "CosineAnnealingLR"}})
try:
    scepter_opt.check({"optimizer": {"NAME": "SGD", "lr": 1}})
except scepter_opt.ConfigError as error:
    print(len(error.problems))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=False
    )
    assert done.stdout == "1\n", done.stderr
