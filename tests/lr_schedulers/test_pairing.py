"""What a scheduler asks of its optimizer, as a Config and as an object, is the same."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigError

LINE: dict[str, Any] = {"CURVE": "linear", "FROM": 1, "TO": 0.5, "LENGTH": 10}
NODE: dict[str, Any] = {"NAME": "PhasesLR", "PHASES": {"hold": {"CURVE": "constant"}}}
HYBRID: dict[str, Any] = {
    "NAME": "Hybrid",
    "DEFAULT": "adamw",
    "OPTIMIZERS": {"muon": {"NAME": "Muon"}, "adamw": {"NAME": "AdamW"}},
    "PARAM_GROUPS": {"m": {"WHERE": {"KINDS": "matrix"}, "SET": {"OPTIMIZER": "muon"}}},
}


def settings(**phases: Any) -> dict[str, Any]:
    return {**NODE, "SETTINGS": {name: {"a": {**LINE, **keys}} for name, keys in phases.items()}}


REFUSED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"NAME": "AdamW"}, settings(DAMPENING={}), "has no such setting to schedule"),
    ({"NAME": "SGD"}, settings(MOMENTUM={}), "MOMENTUM is 0, and a factor on 0 stays 0"),
    ({"NAME": "SGD", "MOMENTUM": 0.9}, settings(BETA1={}), "has no such setting to schedule"),
    ({"NAME": "AdamW"}, settings(MOMENTUM={}, BETA1={}), "MOMENTUM: is BETA1 where an optimizer has BETAS"),
    (HYBRID, settings(DAMPENING={}), "has no such setting to schedule"),
    ({"NAME": "AdamW"}, {**NODE, "RULES": {"head": {"a": LINE}}}, "RULES.head: .*no .*rule"),
    (
        {"NAME": "AdamW", "PARAM_GROUPS": {"head": {"WHERE": {"NAMES": "*"}}}},
        {**NODE, "RULES": {"head": {"SETTINGS": {"DAMPENING": {"a": LINE}}}}},
        "RULES.head.SETTINGS.DAMPENING: .*no such setting to schedule",
    ),
]


@pytest.mark.parametrize(("optimizer", "node", "message"), REFUSED, ids=lambda value: str(value)[-40:])
def test_a_pair_is_refused_as_configs_and_as_objects(optimizer: Any, node: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        scepter_opt.check({"optimizer": optimizer, "lr_scheduler": node})
    made = scepter_opt.build_optimizer(torch.nn.Linear(2, 2), optimizer)
    before = copy.deepcopy(made.state_dict())
    with pytest.raises(ConfigError, match=message.replace("RULES.head: .*no .*rule", "RULES.head: no group")):
        scepter_opt.build_lr_scheduler(made, node, 100)
    assert made.state_dict() == before


MOMENTUM = settings(MOMENTUM={})
ACCEPTED = [
    ({"NAME": "AdamW"}, settings(MOMENTUM={}, BETA2={}, EPS={})),
    ({"NAME": "AdamW"}, settings(BETA1={}, BETA2={})),
    (HYBRID, settings(MOMENTUM={}, BETA1={})),
    ({"NAME": "SGD", "PARAM_GROUPS": {"b": {"WHERE": {"KINDS": "bias"}, "SET": {"MOMENTUM": 0.5}}}}, MOMENTUM),
]


@pytest.mark.parametrize(("optimizer", "node"), ACCEPTED, ids=lambda value: str(value)[-40:])
def test_a_pair_is_taken_as_configs_and_as_objects(optimizer: Any, node: Any) -> None:
    scepter_opt.check({"optimizer": optimizer, "lr_scheduler": node})
    made = scepter_opt.build_optimizer(torch.nn.Linear(2, 2), optimizer)
    scheduler = scepter_opt.build_lr_scheduler(made, node, 100)
    for _ in range(12):
        made.step()
        scheduler.step()


@pytest.mark.parametrize("own", [{}, {"FROM": None, "FROM_VALUE": 0.9, "TO": None, "TO_VALUE": 1.0}])
@pytest.mark.parametrize("beside", [False, True])
def test_a_beta_that_reaches_1_is_refused_also_as_the_product_of_two_curves(own: Any, beside: bool) -> None:
    rise = {**LINE, "TO": 1.2, **own}
    node = settings(MOMENTUM=rise)
    if beside:
        half = {"a": {**LINE, "FROM": 0.5, "TO": 1.1}}
        node = {**settings(MOMENTUM={"TO": 1.05}), "RULES": {"all": {"SETTINGS": {"MOMENTUM": half}}}}
    optimizer = {"NAME": "AdamW", "PARAM_GROUPS": {"all": {"WHERE": {"NAMES": "*"}}}}
    made = scepter_opt.build_optimizer(torch.nn.Linear(2, 2), optimizer)
    with pytest.raises(ConfigError, match=r"SETTINGS.MOMENTUM: goes up to 1.* and a beta must be below 1"):
        scepter_opt.build_lr_scheduler(made, node, 100)
