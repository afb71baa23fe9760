"""A checked Config as plain values, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt.config.plain import flat, plain
from tests.support import OPTIMIZERS, SCHEDULERS, optimizer_node, scheduler_node

NODES = [*(scheduler_node(name) for name in SCHEDULERS), *(optimizer_node(name) for name in OPTIMIZERS)]
NODES += [
    scheduler_node(
        "PhasesLR",
        PHASES={
            "up": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": "33.3%", "INCLUDE": "end", "HOLD": "2 epochs"},
            "in": {"PHASES": {"a": {"CURVE": "step", "AT": [5, "50%"], "GAMMA": 0.5}}},
        },
        SETTINGS={"WEIGHT_DECAY": {"rise": {"CURVE": "cosine", "FROM": 1, "TO": 3}}},
        RULES={"head": {"SETTINGS": {"BETA1": {"all": {"CURVE": "constant", "TO": 0.5}}}}},
    )
]


@pytest.mark.parametrize("node", NODES, ids=[f"{number} {node['NAME']}" for number, node in enumerate(NODES)])
def test_what_is_written_out_reads_as_the_same_config(node: dict[str, Any]) -> None:
    config = scepter_opt.check(node)
    written = plain(config)
    assert written == json.loads(json.dumps(written))
    again = scepter_opt.check(written)
    assert again == config
    assert plain(again) == written


def test_numbers_of_torch_are_numbers_and_objects_what_messages_show() -> None:
    assert plain({"a": torch.tensor(0.5), 1: (2, None), "f": len}) == {
        "a": 0.5,
        "1": [2, None],
        "f": "<built-in function len>",
    }


def test_dotted_keys_lead_to_values_and_to_empty_mappings() -> None:
    assert flat({"A": {"B": 1, "C": {}}, "D": [1]}) == {"A.B": 1, "A.C": {}, "D": [1]}
