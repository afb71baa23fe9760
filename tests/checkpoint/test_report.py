"""What a load did, as text, as JSON and as a flag."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from scepter_opt import checkpoint
from tests.checkpoint.nets import Net, build, trained


def test_a_report_is_text_json_and_a_flag(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = Net()
    optimizer = build(model, LEARNING_RATE=0.01)
    trained(model, optimizer)
    entry = checkpoint.save(tmp_path, model=model, optimizer=optimizer, step=2)
    again = Net(1)
    other = build(again, LEARNING_RATE=0.02, WEIGHT_DECAY=0.0)
    policy = {"LEARNING_RATE": "config", "WEIGHT_DECAY": "checkpoint"}
    with caplog.at_level(logging.INFO, "scepter_opt"):
        report = checkpoint.load(entry, model=again, optimizer=other, policy=policy)
    assert caplog.messages[-1] == str(report)
    assert str(report) == (
        f"loaded at step 2 from {entry}\n"
        "  optimizer.WEIGHT_DECAY (default)   configuration 0.0   checkpoint 0.01  the checkpoint's holds\n"
        "  optimizer.LEARNING_RATE (default)  configuration 0.02  checkpoint 0.01  the config's holds"
    )
    assert not report.same
    written = json.loads(report.to_json())
    assert written["same"] is False
    assert written["differences"][1] == {
        "key": "optimizer.LEARNING_RATE", "config": 0.02, "checkpoint": 0.01, "held": "config", "groups": ["default"],
        "reason": "",
    }  # fmt: skip
    group = other.param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (0.02, 0.01)
