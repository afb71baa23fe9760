"""Plans of several processes are compared; building says nothing to anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch.distributed as dist
from torch import nn

import scepter_opt
from scepter_opt import ConfigError
from tests.processes import together

RULES = {"no_decay": {"WHERE": {"KINDS": ["bias", "norm"]}, "SET": {"WEIGHT_DECAY": 0.0}}}
NODE: dict[str, Any] = {"NAME": "AdamW", "PARAM_GROUPS": RULES}
OTHER_RULES = {"no_decay": {"WHERE": {"KINDS": "norm"}, "SET": {"WEIGHT_DECAY": 0.0}}}
FREEZING = RULES | {"frozen": {"WHERE": {"NAMES": "1"}, "SET": {"FREEZE": True}}}
TAIL = "{} in process 0, and {} in process {}."


def net(width: int = 4, layers: int = 2) -> nn.Module:
    return nn.Sequential(nn.Linear(3, width), nn.LayerNorm(width), *(nn.Linear(width, 2) for _ in range(layers - 1)))


def plan_of(case: str) -> Any:
    models = {"shape": net(5), "fewer": net(layers=1), "names": {"net": net()}}
    nodes = {
        "settings": NODE | {"LEARNING_RATE": 0.5},
        "rules": NODE | {"PARAM_GROUPS": OTHER_RULES},
        "frozen": NODE | {"PARAM_GROUPS": FREEZING},
        "optimizer": {"NAME": "SGD"},
    }
    return scepter_opt.plan(nodes.get(case, NODE), models.get(case, net()))


def compared(cases: list[str], who: list[int]) -> list[str]:
    """What each comparison raises, where some processes have another plan."""
    results = []
    for case in cases:
        plan = plan_of(case if dist.get_rank() in who else "")
        try:
            plan.compare_across_ranks(60)
            results.append("")
        except ConfigError as error:
            results.append(str(error))
    return results


def test_a_difference_is_an_error_in_every_process_with_the_first_row_that_differs(tmp_path: Path) -> None:
    expected = {
        "": "",
        "settings": "0.weight: LEARNING_RATE is " + TAIL.format(0.001, 0.5, 1),
        "rules": "0.bias: WEIGHT_DECAY is " + TAIL.format(0.0, 0.01, 1),
        "frozen": "1.weight: frozen is " + TAIL.format(False, True, 1),
        "shape": "0.weight: shape is " + TAIL.format((4, 3), (5, 3), 1),
        "fewer": "Parameter 4 is " + TAIL.format("2.weight", "missing", 1),
        "names": "Parameter 0 is " + TAIL.format("0.weight", "net.0.weight", 1),
        "optimizer": "The optimizer is " + TAIL.format("AdamW", "SGD", 1),
    }
    first, second = together(tmp_path, 2, compared, list(expected), [1])
    assert first == second
    head = "1 problem in the configuration\n  plan: process 1 has another plan than process 0. "
    assert first == [head + tail if tail else "" for tail in expected.values()]


def test_all_processes_that_differ_are_named(tmp_path: Path) -> None:
    (message,) = {each for (each,) in together(tmp_path, 3, compared, ["settings"], [1, 2])}
    assert "plan: processes 1, 2 have another plan than process 0. 0.weight" in message


def builds_alone() -> Any:
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor.debug import CommDebugMode

    model = net()
    fully_shard(model)
    dist.barrier()
    if dist.get_rank() == 0:
        # whoever asked another process for anything would wait for it here
        with CommDebugMode() as collectives:  # type: ignore[no-untyped-call]  # torch has no type for it
            plan = scepter_opt.plan(NODE, model)
            str(plan), plan.short(), plan.to_json()
            for node in (NODE, NODE | {"IMPLEMENTATION": "torch"}, {"NAME": "SGD", "PARAM_GROUPS": RULES}):
                optimizer = scepter_opt.build_optimizer(model, node)
                scepter_opt.build_lr_scheduler(optimizer, {"NAME": "CosineAnnealingLR"}, 10)
        assert collectives.get_total_counts() == 0
        with pytest.raises(ConfigError, match=r"process 1 did not call it within 0\.2 seconds"):
            plan.compare_across_ranks(0.2)
    dist.barrier()
    return [row.shape for row in scepter_opt.plan(NODE, model)]


def test_building_communicates_nothing_and_a_plan_has_whole_shapes(tmp_path: Path) -> None:
    shapes = [row.shape for row in scepter_opt.plan(NODE, net())]
    assert together(tmp_path, 2, builds_alone) == [shapes, shapes]


def test_one_process_compares_nothing() -> None:
    scepter_opt.plan(NODE, net()).compare_across_ranks()
