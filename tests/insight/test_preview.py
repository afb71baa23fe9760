"""A preview is what the built scheduler does, without an optimizer."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from array import array
from pathlib import Path
from typing import Any

import pytest
import torch

import scepter_opt
from tests.support import SCHEDULERS, scheduler_node, tick

ROOT = Path(__file__).parent.parent.parent
PHASES = {
    "NAME": "PhasesLR",
    "PHASES": {
        "warmup": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": "20%"},
        "decay": {"CURVE": "cosine", "TO_VALUE": 0.01},
    },
}
RULES = {"head": {"longer": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": "50%"}}}
SETTINGS = {"WEIGHT_DECAY": {"rise": {"CURVE": "linear", "FROM": 1, "TO_VALUE": 0.4}}}


@pytest.mark.parametrize("name", [*SCHEDULERS, "with all"])
def test_a_preview_is_what_the_scheduler_does(name: str) -> None:
    node = {**PHASES, "RULES": RULES, "SETTINGS": SETTINGS} if name == "with all" else scheduler_node(name)
    groups: list[dict[str, Any]] = [
        {"lr": 0.1, "name": "default", "weight_decay": 0.1},
        {"lr": 0.03, "name": "head", "weight_decay": 0.0},
    ]
    given = [{**group, "params": [torch.zeros(1, requires_grad=True)]} for group in groups]
    optimizer = torch.optim.SGD(given, lr=0.1, weight_decay=0.1, momentum=0.9)
    before = [dict(group) for group in groups]
    totals = {"PhasesLR": 60, "StepAnnealingLR": 16, "LinoPolyLR": 12, "CosineAnnealingLR": 15, "SequentialLR": 20}
    total = totals.get(name, 30)
    run = scepter_opt.Horizon(total, steps_per_epoch=1)
    shown = scepter_opt.preview(node, run, groups)
    assert groups == before
    scheduler = scepter_opt.build_lr_scheduler(optimizer, node, run)
    for step in range(total):
        for group in optimizer.param_groups:
            assert shown[group["name"]][step] == group["lr"]
            if name == "with all":
                assert shown.settings["WEIGHT_DECAY"][group["name"]][step] == group["weight_decay"]
        optimizer.step()
        tick(scheduler, metric=-step)


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (None, {"default": 1.0}),
        (0.5, {"default": 0.5}),
        ({"body": 0.1, "head": 1}, {"body": 0.1, "head": 1.0}),
        ([0.1, 0.2], {"0": 0.1, "1": 0.2}),
        ([{"lr": 0.1, "name": "a"}, {"lr": 0.2, "name": "a"}], {"a": 0.1, "a[1]": 0.2}),
    ],
)
def test_groups_can_be_given_in_several_ways(groups: Any, expected: dict[str, float]) -> None:
    node = {"NAME": "PhasesLR", "PHASES": {"hold": {"CURVE": "constant"}}}
    shown = scepter_opt.preview(node, 3, groups)
    assert {name: list(values) for name, values in shown.items()} == {k: [v] * 3 for k, v in expected.items()}
    assert repr(shown) == f"Preview(3 ticks of {', '.join(expected)})"


def test_a_preview_counts_the_nodes_own_ticks() -> None:
    node = {"NAME": "PhasesLR", "INTERVAL": "epoch", "PHASES": {"d": {"CURVE": "linear", "FROM": 1, "TO": 0}}}
    shown = scepter_opt.preview(node, scepter_opt.Horizon(100, 25))["default"]
    assert shown == array("d", [1.0, 0.75, 0.5, 0.25])


def test_what_is_shown_can_be_changed_without_changing_the_preview() -> None:
    shown = scepter_opt.preview(PHASES, 10)
    shown["default"][3] = 7.0
    assert shown["default"][3] != 7.0


@pytest.mark.parametrize(
    ("node", "total", "groups"),
    [
        (PHASES, 0, None),
        ({**PHASES, "TOTAL_STEPS": 50}, 100, None),
        ({**PHASES, "RULES": RULES}, 100, {"body": 0.1}),
        ({**PHASES, "RULES": RULES}, 100, None),
        (PHASES, 100, 0.0),
        (PHASES, 100, []),
        (PHASES, 100, {}),
        (PHASES, 100, torch.nn.Linear(2, 2)),
        (PHASES, 100, torch.nn.Sequential(torch.nn.Linear(2, 2))),
        (PHASES, 100, {"model": torch.nn.Linear(2, 2)}),
        (PHASES, 100, "body"),
        ({"NAME": "StepLR", "STEP_SIZE": 3}, 100, {}),
        ({"NAME": "StepLR", "STEP_SIZE": 3}, 100, torch.nn.Linear(2, 2)),
        ({"NAME": "StepLR"}, 100, None),
    ],
)
def test_what_cannot_be_is_a_config_error(node: Any, total: int, groups: Any) -> None:
    with pytest.raises(scepter_opt.ConfigError):
        scepter_opt.preview(node, total, groups)


def test_a_million_steps_take_little_memory() -> None:
    tracemalloc.start()
    shown = scepter_opt.preview(PHASES, 1_000_000, {"body": 0.1})
    assert len(shown["body"]) == 1_000_000
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()


def test_a_preview_of_phases_and_a_plain_schedule_import_no_torch() -> None:
    script = f"""
import sys
sys.modules["torch"] = None
import scepter_opt
assert len(scepter_opt.preview({PHASES!r}, 10)["default"]) == 10
assert scepter_opt.schedule({PHASES!r}, 10)(0) == 0.0
scepter_opt.Horizon(3)
print("done")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "done\n", done.stderr


def test_a_schedule_is_a_plain_function_of_values() -> None:
    node = {
        "NAME": "PhasesLR",
        "PHASES": {
            "warmup": {"CURVE": "linear", "FROM": 0.9, "TO_VALUE": 0.99, "LENGTH": "1 epoch"},
            "hold": {"CURVE": "constant"},
        },
    }
    momentum = scepter_opt.schedule(node, scepter_opt.Horizon(100, 10))
    assert [momentum(tick) for tick in (0, 5, 10, 99, 10**9)] == pytest.approx([0.9, 0.945, 0.99, 0.99, 0.99])


def test_a_curve_for_a_rule_whose_parameters_share_a_group_is_refused_as_the_build_does() -> None:
    rules = {
        "heads": {"WHERE": {"NAMES": "1"}, "SET": {"WEIGHT_DECAY": 0.0}},
        "all": {"WHERE": {"NAMES": "*"}, "SET": {"WEIGHT_DECAY": 0.0}},
    }
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    adamw = {"NAME": "AdamW", "PARAM_GROUPS": rules}
    node = {
        "NAME": "PhasesLR",
        "PHASES": {"a": {"CURVE": "constant"}},
        "RULES": {"heads": {"b": {"CURVE": "constant", "TO": 0.5}}},
    }
    optimizer = scepter_opt.build_optimizer(model, adamw)
    said = []
    for ask in (
        lambda: scepter_opt.preview(node, 10, scepter_opt.plan(adamw, model)),
        lambda: scepter_opt.preview(node, 10, optimizer.param_groups),
        lambda: scepter_opt.build_lr_scheduler(optimizer, node, 10),
    ):
        with pytest.raises(scepter_opt.ConfigError, match="its parameters share the group") as caught:
            ask()
        said.append(str(caught.value))
    assert len(set(said)) == 1
