"""Which schedulers a config has, and how long they run."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from scepter_opt.checking import check
from scepter_opt.cli.schedulers import horizon_of, pairs
from scepter_opt.errors import ConfigError

SGD, STEP = {"NAME": "SGD"}, {"NAME": "StepLR", "STEP_SIZE": 3}


def test_the_only_two_are_a_pair_and_others_are_paired_by_name() -> None:
    told = [
        (key, optimizer and optimizer.NAME)
        for key, _, optimizer in pairs(OmegaConf.create({"optimizer": SGD, "lr_scheduler": STEP}))
    ]
    assert told == [("lr_scheduler", "SGD")]
    several = {"optimizers": {"a": SGD, "b": {"NAME": "Adam"}}, "lr_schedulers": {"b": STEP, "a": STEP}}
    told = [(key, optimizer and optimizer.NAME) for key, _, optimizer in pairs(OmegaConf.create(several))]
    assert told == [("lr_schedulers.b", "Adam"), ("lr_schedulers.a", "SGD")]


def test_a_config_without_a_scheduler_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is none: choose one by lr_scheduler=OPTION"):
        list(pairs(OmegaConf.create({"optimizer": SGD})))


def test_the_length_is_what_was_said_else_the_schedulers_own() -> None:
    scheduler = check({**STEP, "TOTAL_STEPS": 50})
    assert horizon_of(scheduler, None, None).total_steps == 50
    assert horizon_of(scheduler, 60, 6).total_steps == 60
    with pytest.raises(ConfigError, match="how long is the run"):
        horizon_of(check(STEP), None, None)
    with pytest.raises(ConfigError, match="total_steps = -1"):
        horizon_of(scheduler, -1, None)
