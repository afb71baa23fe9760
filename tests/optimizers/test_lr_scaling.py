from __future__ import annotations

from typing import Any

import pytest

import scepter_opt
from tests.parameters.models import Net, rates, rule


@pytest.mark.parametrize(("how", "rate"), [("linear", 0.4), ("sqrt", 0.2)])
def test_rates_follow_the_batch_size(how: str, rate: float) -> None:
    rules = {"head": rule({"NAMES": "head"}, {"LR_MULT": 10}), "bias": rule({"NAMES": "token"}, {"LEARNING_RATE": 0.2})}
    node = {"NAME": "SGD", "LEARNING_RATE": 0.1, "LR_SCALING": {"RULE": how, "BATCH_SIZE": 1024}, "PARAM_GROUPS": rules}
    found = scepter_opt.plan(node, Net())
    said = rates(found)
    assert (said["encoder_proj.bias"], said["head.bias"], said["token"]) == pytest.approx((rate, rate * 10, rate * 2))
    optimizer = scepter_opt.build_optimizer(Net(), scepter_opt.check(node))
    assert optimizer.defaults["lr"] == pytest.approx(rate)


@pytest.mark.parametrize("own", [{}, {"LR_SCALING": {"BATCH_SIZE": 256}}])
def test_the_config_of_a_plan_has_final_rates(own: dict[str, Any]) -> None:
    scaling = {"LR_SCALING": {"BATCH_SIZE": 1024}}
    parts = {"sgd": {"NAME": "SGD", "LEARNING_RATE": 0.1, **own}, "adam": {"NAME": "Adam"}}
    rules = {"head": rule({"NAMES": "head"}, {"OPTIMIZER": "sgd"})}
    for node in (
        {"NAME": "SGD", **scaling},
        {"NAME": "Hybrid", "DEFAULT": "adam", "OPTIMIZERS": parts, "PARAM_GROUPS": rules, **scaling},
    ):
        planned = scepter_opt.plan(node, Net())
        assert rates(scepter_opt.plan(planned.config, Net())) == rates(planned)
