"""Schedulers that hold others: every part's mistakes, their runs, and what is said of them."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigError, ConfigWarning

PHASES = {"warmup": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": 20}, "decay": {"CURVE": "cosine", "TO": 0}}


def sgd() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def sequence(*milestones: int, **parts: dict[str, Any]) -> dict[str, Any]:
    return {"NAME": "SequentialLR", "MILESTONES": list(milestones), "SCHEDULERS": parts}


def test_the_mistakes_of_all_parts_are_named_at_once_beside_what_only_a_run_can_say() -> None:
    wrong = {"NAME": "PhasesLR", "PHASES": {"a": {"CURVE": "cosine", "TO": 0, "LENGTH": 50}}}
    node = sequence(20, 40, a=wrong, b=wrong, c={"NAME": "CosineAnnealingLR"})
    with pytest.raises(ConfigError) as caught:
        scepter_opt.check({"lr_scheduler": node})
    assert [problem.key for problem in caught.value.problems] == [
        "lr_scheduler.SCHEDULERS.a.PHASES",
        "lr_scheduler.SCHEDULERS.b.PHASES",
    ]
    assert "more than the 20 of the run" in str(caught.value)


def test_an_end_that_only_the_run_knows_is_left_to_the_build() -> None:
    node = sequence(20, a={"NAME": "LinearLR"}, b={"NAME": "CosineAnnealingLR"})
    scepter_opt.check({"lr_scheduler": node})
    with pytest.raises(ConfigError, match=r"lr_scheduler.SCHEDULERS.b.T_MAX: is needed"):
        scepter_opt.build_lr_scheduler(sgd(), node)


@pytest.mark.parametrize("last", [{"NAME": "PhasesLR", "PHASES": PHASES}, {"NAME": "CosineAnnealingLR"}])
def test_a_part_that_a_short_run_never_comes_to_stops_no_run(last: dict[str, Any]) -> None:
    node = sequence(10, a={"NAME": "LinearLR"}, b=last)
    with pytest.warns(ConfigWarning, match=r"^lr_scheduler.MILESTONES = \[10\]: the run is over after 3 ticks"):
        scheduler = scepter_opt.build_lr_scheduler(sgd(), node, total_steps=3)
    for _ in range(3):
        scheduler.optimizer.step()
        scheduler.step()
    assert scheduler.get_last_lr() == pytest.approx([1 / 3 + 3 * (2 / 3) / 5])


def test_what_is_said_of_a_part_has_its_full_key() -> None:
    parts: dict[str, Any] = {"a": {"NAME": "LinearLR"}, "b": {"NAME": "CosineAnnealingLR", "T_MAX": 30}}
    with pytest.warns(ConfigWarning, match=r"^lr_scheduler.SCHEDULERS.b.T_MAX = 30: the run has 80 ticks"):
        scepter_opt.build_lr_scheduler(sgd(), sequence(20, **parts), total_steps=100)
    cycles = {"CURVE": "cosine_restarts", "TO": 0, "CYCLES": 1, "DECAY": 0.5}
    node = sequence(20, a=parts["a"], b={"NAME": "PhasesLR", "PHASES": {"cycles": cycles}})
    with pytest.warns(ConfigWarning, match=r"^lr_scheduler.SCHEDULERS.b.PHASES.cycles.DECAY = 0.5: changes nothing"):
        scepter_opt.check({"lr_scheduler": node})


def test_nothing_is_said_of_a_sequence_that_fits_its_run() -> None:
    parts: dict[str, Any] = {
        "a": {"NAME": "LinearLR", "TOTAL_ITERS": 20},
        "b": {"NAME": "CosineAnnealingLR", "T_MAX": 80},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scepter_opt.check({"lr_scheduler": {**sequence(20, **parts), "TOTAL_STEPS": 100}})
        scepter_opt.build_lr_scheduler(sgd(), sequence(20, **parts), total_steps=100)


def test_the_total_belongs_to_the_holder() -> None:
    part = {"NAME": "StepLR", "STEP_SIZE": 3, "TOTAL_STEPS": 100}
    with pytest.raises(ConfigError, match=r"SCHEDULERS.a.TOTAL_STEPS = 100: belongs on the SequentialLR"):
        scepter_opt.check(sequence(a=part))


class Heard:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, line: str) -> None:
        self.lines.append(line)


def test_a_holder_is_one_line_in_the_log_with_its_parts() -> None:
    heard = Heard()
    node = sequence(20, a={"NAME": "LinearLR", "TOTAL_ITERS": 20}, b={"NAME": "PhasesLR", "PHASES": PHASES})
    scepter_opt.build_lr_scheduler(sgd(), node, total_steps=100, logger=heard)
    assert heard.lines == [
        (
            "SequentialLR: a (LinearLR: TOTAL_ITERS 20), b (PhasesLR: warmup linear from 0 to 1 over 20 ticks, "
            "decay cosine to 0 over 60 ticks) at 20"
        )
    ]
