"""What phases say without effect, and phases in words."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigWarning

START = {"CURVE": "linear", "FROM": 0, "TO": 1}


def said(phases: dict[str, Any], total: int = 100) -> list[str]:
    """What check and the build say of phases, each text once."""
    node = {"NAME": "PhasesLR", "PHASES": phases}
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scepter_opt.check({"lr_scheduler": node})
        scepter_opt.build_lr_scheduler(optimizer, node, total_steps=total)
    return list(dict.fromkeys(str(each.message) for each in caught if each.category is ConfigWarning))


@pytest.mark.parametrize(
    ("phases", "text"),
    [
        ({"a": {"CURVE": "cosine_restarts", "TO": 0, "CYCLES": 1, "DECAY": 0.5}}, "a.DECAY = 0.5: changes nothing"),
        ({"a": {"CURVE": "cosine_restarts", "TO": 0, "CYCLES": 1, "LENGTH_MULT": 2}}, "a.LENGTH_MULT = 2.0: changes"),
        ({"w": {**START, "LENGTH": "0.1%"}, "a": {"CURVE": "cosine", "TO": 0}}, "w.LENGTH = '0.1%': rounds to 0 ticks"),
        ({"a": {"CURVE": "step", "GAMMA": 0.5, "AT": [30, 200]}}, "a.AT: the phase is over 100 ticks after"),
        ({"a": {"PHASES": {"b": {"CURVE": "constant", "CLOCK": "schedule"}}}}, "a.PHASES.b.CLOCK"),
    ],
)
def test_what_has_no_effect_is_said_once(phases: dict[str, Any], text: str) -> None:
    (message,) = said(phases)
    assert message.startswith("lr_scheduler.PHASES.")
    assert text in message


def test_what_has_an_effect_is_not() -> None:
    assert (
        said({"w": {**START, "LENGTH": "5%"}, "a": {"CURVE": "cosine_restarts", "TO": 0, "CYCLES": 2, "DECAY": 0.5}})
        == []
    )


class Recorder:
    """A logger that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)


def test_a_schedule_is_told_in_one_line() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    phases = {"w": {**START, "LENGTH": "5%"}, "a": {"PHASES": {"b": {"CURVE": "cosine", "TO_VALUE": 0.01}}}}
    logger = Recorder()
    scepter_opt.build_lr_scheduler(optimizer, {"NAME": "PhasesLR", "PHASES": phases}, total_steps=100, logger=logger)
    (line,) = logger.lines
    assert "w linear from 0 to 1 over 5 ticks, a (b cosine to the value 0.01 over 95 ticks) over 95 ticks" in line
