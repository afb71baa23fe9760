from __future__ import annotations

import builtins
import logging
from typing import Any

import pytest
import torch

import scepter_opt
from tests.parameters.models import Net, plan, rule

NO_DECAY = {"no_decay": rule({"KINDS": ["bias", "norm"]}, {"WEIGHT_DECAY": 0.0})}


def test_a_plan_prints_with_and_without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    found = plan(NO_DECAY)
    assert "│ embed.weight = head.weight" in str(found)
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("rich"):
            raise ModuleNotFoundError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    lines = str(found).splitlines()
    assert lines[0] == "rule no_decay: 16 parameters"
    assert any(line.startswith("embed.weight = head.weight  10x4") for line in lines)
    assert lines[-4].startswith("2 groups from 1 rule")


def test_a_plan_of_many_parameters_is_printed_without_frames() -> None:
    tensors = {f"weight_{number}": torch.zeros(1, requires_grad=True) for number in range(201)}
    lines = str(scepter_opt.plan({"NAME": "SGD"}, tensors)).splitlines()
    assert lines[0].split() == ["parameter", "shape", "kind", "decided", "by", "lr", "weight", "decay", "group"]
    assert lines[1].split()[:2] == ["weight_0", "1"]


def test_build_optimizer_logs_the_short_form(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        scepter_opt.build_optimizer(Net(), {"NAME": "AdamW", "PARAM_GROUPS": NO_DECAY}, logging.getLogger("it"))
    assert "AdamW: 2 groups from 1 rule" in caplog.text
