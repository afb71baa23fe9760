"""PlateauLR as a Config; as an object it is in tests/runtime/test_plateau_lr.py."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigError, ConfigWarning

WARMUP: dict[str, Any] = {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": "10%"}


def sgd() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def test_what_no_run_can_be_is_named_by_check() -> None:
    steps = {"CURVE": "step", "GAMMA": 0.1, "AT": [30, 20], "LENGTH": 50}
    with pytest.raises(ConfigError, match=r"lr_scheduler.PHASES.a: .*each must be above the one before"):
        scepter_opt.check({"lr_scheduler": {"NAME": "PlateauLR", "PHASES": {"a": steps}}})
    scepter_opt.check({"lr_scheduler": {"NAME": "PlateauLR", "PHASES": {"a": WARMUP}}})


def test_a_share_needs_the_total_in_ticks() -> None:
    node = {"NAME": "PlateauLR", "PHASES": {"warmup": WARMUP}}
    with pytest.raises(ConfigError, match="steps_per_epoch is unknown"):
        scepter_opt.build_lr_scheduler(sgd(), node, 1000)
    made: Any = scepter_opt.build_lr_scheduler(sgd(), node, 1000, steps_per_epoch=10)
    assert made.begin == 10


def test_what_changes_nothing_is_said() -> None:
    cycles = {"CURVE": "cosine_restarts", "TO": 1, "FROM": 0, "CYCLES": 1, "DECAY": 0.5, "LENGTH": 5}
    with pytest.warns(ConfigWarning, match=r"^lr_scheduler.PHASES.a.DECAY = 0.5: changes nothing"):
        scepter_opt.check({"lr_scheduler": {"NAME": "PlateauLR", "PHASES": {"a": cycles}}})
    node = {"NAME": "PlateauLR", "INTERVAL": "step", "PHASES": {"a": {**WARMUP, "LENGTH": "1%"}}}
    with pytest.warns(ConfigWarning, match=r"^lr_scheduler.PHASES.a.LENGTH = '1%': rounds to 0 ticks"):
        scepter_opt.build_lr_scheduler(sgd(), node, 10)


class Heard:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, line: str) -> None:
        self.lines.append(line)


def test_it_is_one_line_in_the_log() -> None:
    heard = Heard()
    node = {"NAME": "PlateauLR", "PATIENCE": 3, "PHASES": {"warmup": {**WARMUP, "LENGTH": 5}}}
    scepter_opt.build_lr_scheduler(sgd(), node, logger=heard)
    scepter_opt.build_lr_scheduler(sgd(), {"NAME": "PlateauLR", "FACTOR": 0.5}, logger=heard)
    assert heard.lines == [
        "PlateauLR: warmup linear from 0 to 1 over 5 ticks, then times 0.1 after 3 metrics without improvement",
        "PlateauLR: times 0.5 after 10 metrics without improvement",
    ]


def test_phases_of_so_many_ticks_need_no_total() -> None:
    node = {"NAME": "PlateauLR", "PHASES": {"warmup": {**WARMUP, "LENGTH": 3}}}
    scheduler: Any = scepter_opt.build_lr_scheduler(sgd(), node, 1000)
    assert scheduler.begin == 3
