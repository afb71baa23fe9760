"""Nodes below nodes: parts of a Hybrid, schedulers of schedulers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.editors.schemas import is_red, problems


@pytest.mark.parametrize(
    ("part", "red"),
    [
        ({"NAME": "Muon", "NS_STEPS": 3}, False),
        ({"LEARNING_RATE": "${..adamw.LEARNING_RATE}"}, False),
        ({"NAME": "Muon", "PARAM_GROUPS": {}, "ONLY": None, "MISSING_STATE": "error"}, False),
        ({"NAME": "Muon", "NS_STEP": 3}, True),
        ({"NAME": "LBFGS"}, True),
        ({"NAME": "Hybrid"}, True),
        ({"NAME": "Muon", "ONLY": "a"}, True),
        ({"NAME": "Muon", "MISSING_STATE": "cold"}, True),
        ("muon", True),
    ],
)
def test_a_part_of_a_hybrid_is_a_node_that_can_be_one(part: Any, red: bool) -> None:
    assert is_red("node.optimizer", {"NAME": "Hybrid", "OPTIMIZERS": {"a": part}, "DEFAULT": "a"}) is red


@pytest.mark.parametrize(
    ("part", "red"),
    [
        ({"NAME": "LinearLR", "TOTAL_ITERS": 4}, False),
        ({"NAME": "LinearLR", "INTERVAL": "step", "MONITOR": None}, False),
        ({"NAME": "SequentialLR", "SCHEDULERS": {"b": {"NAME": "StepLR", "STEP_SIZE": 3}}, "MILESTONES": []}, False),
        ({"NAME": "LinearLR", "INTERVAL": "epoch"}, True),
        ({"NAME": "LinearLR", "MONITOR": "loss"}, True),
        ({"NAME": "OneCycleLR", "MAX_LR": 0.1}, True),
        ({"NAME": "StepLR", "STEP_SIZE": 0}, True),
    ],
)
def test_a_part_of_a_scheduler_is_a_node_that_can_be_one(part: Any, red: bool) -> None:
    node = {"NAME": "SequentialLR", "SCHEDULERS": {"a": part}, "MILESTONES": [3]}
    assert is_red("node.lr_scheduler", node) is red


def test_it_depends_on_the_holder() -> None:
    part = {"NAME": "PhasesLR", "PHASES": {"a": {"CURVE": "linear", "TO": 0}}}
    assert is_red("node.lr_scheduler", {"NAME": "ChainedScheduler", "SCHEDULERS": {"a": part}})
    assert not problems("node.lr_scheduler", {"NAME": "SequentialLR", "SCHEDULERS": {"a": part}, "MILESTONES": []})
