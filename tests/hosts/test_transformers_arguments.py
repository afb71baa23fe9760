"""Converted training arguments, against what transformers' own Trainer and schedules make of them."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt.conversion import convert
from scepter_opt.conversion.transformers_schedules import SCHEDULES

transformers: Any = pytest.importorskip("transformers")
pytest.importorskip("accelerate")  # which its Trainer needs
pytestmark = pytest.mark.hosts

TOTAL, RATE = 1000, 0.3
# By type, the keywords that are tried beside none.
KEYWORDS: dict[str, list[dict[str, Any]]] = {
    "cosine": [{}, {"num_cycles": 1.5}],
    "cosine_with_restarts": [{}, {"num_cycles": 3}],
    "polynomial": [{}, {"lr_end": 0.01, "power": 2.0}],
    "inverse_sqrt": [{}, {"timescale": 50}],
    "cosine_with_min_lr": [{"min_lr": 0.01}, {"min_lr_rate": 0.1}],
    "cosine_warmup_with_min_lr": [{"min_lr_rate": 0.1}, {"min_lr": 0.01, "warmup_lr_rate": 0.2}],
    "warmup_stable_decay": [
        {"num_decay_steps": 200},
        {"num_decay_steps": 900},
        {"num_decay_steps": 200, "num_stable_steps": 500, "min_lr_ratio": 0.1},
        {"num_decay_steps": 200, "warmup_type": "cosine", "decay_type": "linear", "min_lr_ratio": 0.1},
        {"num_decay_steps": 200, "warmup_type": "1-sqrt", "decay_type": "1-sqrt"},
    ],
    "reduce_lr_on_plateau": [{}, {"factor": 0.5, "patience": 3, "min_lr": 0.01, "mode": "max"}],
}
CASES = [(name, keywords) for name in SCHEDULES for keywords in KEYWORDS.get(name, [{}])]


def rates(scheduler_of: Any, name: str) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    scheduler, seen = scheduler_of(optimizer), []
    for step in range(TOTAL):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(*([max(0.5, 1 - 0.01 * step)] if name == "reduce_lr_on_plateau" else []))
    return seen


@pytest.mark.filterwarnings("ignore:Both num_training_steps:UserWarning")
@pytest.mark.parametrize("warmup", [0, 1, 100, 0.1])
@pytest.mark.parametrize(("name", "keywords"), CASES)
def test_rates_are_those_of_get_scheduler(name: str, keywords: dict[str, Any], warmup: float) -> None:
    if warmup != 100 and (keywords.get("num_cycles", 1) != 1 or keywords.get("num_decay_steps") == 900):
        pytest.skip("cycles of whole steps, and a decay that fills the run, are for one length of the warm-up")
    if warmup == 1 and "warmup_lr_rate" in keywords:
        pytest.skip("has no counterpart, and is told")
    values = {"learning_rate": RATE, "max_steps": TOTAL, "lr_scheduler_type": name, "warmup_steps": warmup}
    conversion = convert({**values, "lr_scheduler_kwargs": keywords})
    assert not conversion.unconverted
    node = conversion.nodes["lr_scheduler"]
    steps = 100 if warmup == 0.1 else int(warmup)
    theirs = rates(lambda o: transformers.get_scheduler(name, o, steps, TOTAL, keywords), name)
    ours = rates(lambda o: scepter_opt.build_lr_scheduler(o, node, TOTAL), name)
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-15)


def test_every_schedule_of_transformers_is_known() -> None:
    assert {kind.value for kind in transformers.SchedulerType} == {*SCHEDULES, "greedy"}


def test_every_optimizer_of_transformers_is_converted_or_told_to_be_anothers() -> None:
    names = importlib.import_module("transformers.training_args").OptimizerNames
    reports = [
        convert({"learning_rate": 1, "lr_scheduler_type": "linear", "optim": name.value}).report() for name in names
    ]
    assert not [report for report in reports if "is no optimizer of transformers'" in report]
    assert sum("has no counterpart" not in report for report in reports) == 6


def test_no_argument_of_transformers_is_taken_for_a_misspelt_one() -> None:
    names = [field.name for field in dataclasses.fields(transformers.TrainingArguments)]
    values = {**dict.fromkeys(names), "lr_scheduler_type": "linear"}
    assert not convert(values).unconverted


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.attention = nn.Embedding(8, 4), nn.Linear(4, 4)
        self.ln_1, self.norm, self.batch = nn.LayerNorm(4), nn.Linear(4, 4, bias=False), nn.BatchNorm1d(4)
        self.q_norm, self.normal = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
        self.RMSNorm_2, self.Bias = nn.Linear(4, 4, bias=False), nn.Parameter(torch.ones(4))


@pytest.mark.parametrize("name", ["adamw_torch", "adamw_torch_fused", "sgd", "adagrad", "rmsprop", "adafactor"])
def test_groups_are_those_of_its_trainer(name: str, tmp_path: Path) -> None:
    values = {
        "learning_rate": 0.01,
        "weight_decay": 0.1,
        "adam_beta2": 0.95,
        "optim": name,
        "optim_args": {"sgd": "momentum=0.9", "rmsprop": "alpha=0.9,centered=true", "adagrad": "eps=1e-6"}.get(name),
    }
    model = Model()
    arguments = transformers.TrainingArguments(output_dir=str(tmp_path), report_to=[], use_cpu=True, **values)
    theirs = transformers.Trainer(model=model, args=arguments).create_optimizer()
    ours = scepter_opt.build_optimizer(model, convert(values).nodes["optimizer"])
    assert isinstance(ours, type(theirs))
    assert settings(ours) == settings(theirs)


def settings(optimizer: torch.optim.Optimizer) -> dict[int, dict[str, Any]]:
    """What each parameter is trained with; a fused step has no foreach, said or not."""
    return {
        id(parameter): {k: v or None for k, v in group.items() if k in optimizer.defaults}
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
