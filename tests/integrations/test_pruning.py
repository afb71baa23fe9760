"""What a driver reports, and to whom."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigError
from scepter_opt.integrations.trial_address import Address


def driver() -> scepter_opt.Driver:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    node = {"NAME": "StepLR", "STEP_SIZE": 1}
    return scepter_opt.Driver(scepter_opt.build_lr_scheduler(optimizer, node), node)


def test_without_a_study_nothing_is_reported_and_no_optuna_imported() -> None:
    code = (
        "import sys; from scepter_opt.integrations.pruning import Reporting; "
        "assert Reporting().report(0.5) is None; print([m for m in sys.modules if 'optuna' in m or m == 'torch'])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("much",), "driver.report = 'much': takes a number."),
        ((torch.zeros(2),), "takes a number."),
        ((0.5, -1), "driver.report = -1: is given a step that is no whole number from 0."),
        ((0.5, True), "driver.report = True: is given a step"),
    ],
)
def test_what_cannot_be_reported_is_an_error(given: tuple[Any, ...], words: str) -> None:
    with Address("sqlite:///nowhere.db", "study", 0, None).in_environment(), pytest.raises(ConfigError) as raised:
        driver().report(*given)
    assert words in str(raised.value)


def test_the_step_is_by_default_that_of_the_optimizer(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("optuna")
    from scepter_opt.integrations import optuna

    told: list[tuple[float, int]] = []
    monkeypatch.setattr(optuna, "report", lambda _, value, step: told.append((value, step)))
    reporting = driver()
    with Address("sqlite:///nowhere.db", "study", 0, None).in_environment():
        reporting.report(torch.tensor(0.5))
        reporting.scheduler.optimizer.step()
        reporting.step()
        reporting.report(0.25)
        reporting.report(0.125, step=7)
    reporting.report(0.0)
    assert told == [(0.5, 0), (0.25, 1), (0.125, 7)]
