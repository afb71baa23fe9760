"""What cycles leave unread is said; their rates and bounds are in test_torch_cycles.py."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigWarning

CYCLIC: dict[str, Any] = {"NAME": "CyclicLR", "BASE_LR": 0.01, "MAX_LR": 0.1}
ONE_CYCLE: dict[str, Any] = {"NAME": "OneCycleLR", "MAX_LR": 0.1, "TOTAL_STEPS": 100}
OFF = {"CYCLE_MOMENTUM": False}


def said(cfg: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scepter_opt.check(cfg)
    return [str(warning.message) for warning in caught if warning.category is ConfigWarning]


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({**CYCLIC, **OFF, "BASE_MOMENTUM": 0.5}, ["BASE_MOMENTUM = 0.5: changes nothing: CYCLE_MOMENTUM is false."]),
        ({**ONE_CYCLE, **OFF, "MAX_MOMENTUM": 0.9}, ["MAX_MOMENTUM = 0.9: changes nothing: CYCLE_MOMENTUM is false."]),
        ({**CYCLIC, "GAMMA": 0.9}, ["GAMMA = 0.9: changes nothing beside MODE triangular: it is exp_range's."]),
        (
            {**CYCLIC, "GAMMA": 0.9, "MODE": "triangular2"},
            ["GAMMA = 0.9: changes nothing beside MODE triangular2: it is exp_range's."],
        ),
        (
            {**CYCLIC, "GAMMA": 0.9, "SCALE_FN": "math.sqrt"},
            ["GAMMA = 0.9: changes nothing beside a SCALE_FN: it is exp_range's."],
        ),
        ({**CYCLIC, "GAMMA": 0.9, "MODE": "exp_range"}, []),
        ({**CYCLIC, "BASE_MOMENTUM": 0.5}, []),
        ({**CYCLIC, **OFF}, []),
        (ONE_CYCLE, []),
    ],
)
def test_what_changes_nothing(node: dict[str, Any], expected: list[str]) -> None:
    assert said({"lr_scheduler": node}) == [f"lr_scheduler.{text}" for text in expected]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9)
        scepter_opt.build_lr_scheduler(optimizer, node)
    assert [str(warning.message) for warning in caught] == [f"lr_scheduler.{text}" for text in expected]


SCALING = {"RULE": "linear", "BASE_BATCH_SIZE": 256, "BATCH_SIZE": 512}
HYBRID = {
    "NAME": "Hybrid",
    "DEFAULT": "adamw",
    "OPTIMIZERS": {"muon": {"NAME": "Muon", "LEARNING_RATE": 0.02}, "adamw": {"NAME": "AdamW"}},
    "PARAM_GROUPS": {"m": {"WHERE": {"KINDS": "matrix"}, "SET": {"OPTIMIZER": "muon"}}},
}


@pytest.mark.parametrize("node", [CYCLIC, ONE_CYCLE])
@pytest.mark.parametrize(
    ("optimizer", "unread"),
    [
        ({"NAME": "SGD", "LEARNING_RATE": 0.5}, "SGD's LEARNING_RATE 0.5 is never read"),
        ({"NAME": "SGD", "LR_SCALING": SCALING}, "SGD's LR_SCALING is never read"),
        (
            {"NAME": "SGD", "LEARNING_RATE": 0.5, "LR_SCALING": SCALING},
            "SGD's LEARNING_RATE 0.5 and LR_SCALING is never",
        ),
        (HYBRID, "Hybrid's LEARNING_RATE 0.02 of muon is never read"),
        ({"NAME": "SGD"}, ""),
    ],
)
def test_a_learning_rate_that_is_never_read_is_said(node: Any, optimizer: Any, unread: str) -> None:
    """A sweep over it would train the same job again and again."""
    texts = said({"optimizer": optimizer, "lr_scheduler": {**node, **OFF}})
    assert texts == ([] if not unread else texts)
    assert all(text.startswith(f"lr_scheduler.MAX_LR = 0.1: is the rate: {unread}") for text in texts)
    assert len(texts) == bool(unread)
