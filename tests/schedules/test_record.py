"""What a scheduler keeps of what it was built from."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch

import scepter_opt
from tests.support import SCHEDULERS, make_model, scheduler_node


def built(node: dict[str, Any], total: int | None = None, epoch: int | None = None) -> Any:
    optimizer = torch.optim.SGD(make_model("SGD").parameters(), lr=0.1, momentum=0.9)
    return scepter_opt.build_lr_scheduler(optimizer, node, total, epoch)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_scheduler_is_built_again_from_what_it_keeps(name: str) -> None:
    scheduler = built(scheduler_node(name), None, 5)
    kept = scheduler.built_from
    again = built(kept["node"], kept["total_steps"], kept["steps_per_epoch"])
    assert again.built_from == kept
    assert type(again) is type(scheduler)
    for copied in (copy.deepcopy(scheduler), pickle.loads(pickle.dumps(scheduler))):
        assert copied.built_from == kept


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"LENGTH": 5}, {"LENGTH": "10%"}),  # the same ticks, written otherwise
        ({"LENGTH": "10%"}, {"LENGTH": "1 epochs"}),
    ],
)
def test_what_is_written_otherwise_gives_equal_rates(one: dict[str, Any], other: dict[str, Any]) -> None:
    phases = [
        {"up": {"CURVE": "linear", "FROM": 0, "TO": 1, **how}, "down": {"CURVE": "cosine", "TO": 0}}
        for how in (one, other)
    ]
    first, second = (built({"NAME": "PhasesLR", "PHASES": each}, 50, 5).built_from for each in phases)
    assert first["node"] != second["node"]
    assert first["fitted"] == second["fitted"]


def test_a_total_that_makes_nothing_is_no_part_of_the_rates() -> None:
    step, cosine = {"NAME": "StepLR", "STEP_SIZE": 5}, {"NAME": "CosineAnnealingLR"}
    assert built(step, 50).built_from["fitted"] == built(step, 80).built_from["fitted"]
    assert built(cosine, 50).built_from["fitted"] != built(cosine, 80).built_from["fitted"]
