"""Which side a policy names for a key."""

from __future__ import annotations

import pytest

from scepter_opt import ConfigError
from scepter_opt.checkpoint.policy import Policy


@pytest.mark.parametrize(
    ("given", "key", "side"),
    [
        ("config", "optimizer.LEARNING_RATE", "config"),
        ({}, "optimizer.LEARNING_RATE", "error"),
        ({"LEARNING_RATE": "checkpoint"}, "optimizers.critic.LEARNING_RATE", "checkpoint"),
        ({"optimizers.critic": "config", "LEARNING_RATE": "checkpoint"}, "optimizers.critic.BETAS", "config"),
        ({"optimizers.critic": "config"}, "optimizers.generator.BETAS", "error"),
        ({"PHASES": "config", "PHASES.decay": "checkpoint"}, "lr_scheduler.PHASES.decay.TO", "checkpoint"),
        ({"PHASES": "config", "PHASES.decay": "checkpoint"}, "lr_scheduler.PHASES.warmup.TO", "config"),
        ({"lr_scheduler": "config", "lr_scheduler.T_MAX": "checkpoint"}, "lr_scheduler.T_MAX", "checkpoint"),
        ({"total_steps": "config"}, "lr_scheduler.total_steps", "config"),
    ],
)
def test_the_longest_key_that_is_written_decides(given: object, key: str, side: str) -> None:
    assert Policy(given).side(key) == side


def test_a_side_that_there_is_not_is_refused_with_its_key() -> None:
    with pytest.raises(ConfigError, match=r"policy.T_MAX = 'chekpoint': must be one of .*\. Did you mean checkpoint\?"):
        Policy({"T_MAX": "chekpoint"})


def test_a_key_that_no_setting_has_is_a_problem() -> None:
    (problem,) = Policy({"BETAS": "config", "BETA": "config"}).unknown(["optimizer.BETAS", "optimizer.LEARNING_RATE"])
    assert str(problem) == "policy.BETA = 'config': there is no such setting. Did you mean BETAS?"
