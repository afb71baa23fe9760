from __future__ import annotations

import copy
import logging
import pickle
import warnings
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError, ConfigWarning

RISE: dict[str, Any] = {"CURVE": "linear", "FROM": 0.5, "TO": 1.0}


def test_a_plain_function_may_do_without_a_name_and_says_what_changes_nothing() -> None:
    assert scepter_opt.schedule({"PHASES": {"rise": RISE}}, 10)(5) == 0.75
    short = {"warmup": {**RISE, "LENGTH": "1%"}, "hold": {"CURVE": "constant"}}
    with pytest.warns(ConfigWarning, match=r"^schedule.PHASES.warmup.LENGTH = '1%': rounds to 0 ticks"):
        assert scepter_opt.schedule({"PHASES": short}, 10)(0) == 1.0


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"NAME": "StepLR", "STEP_SIZE": 3}, "NAME = 'StepLR': must be PhasesLR"),
        ({"PHASES": {"rise": RISE}, "SETTINGS": {"EPS": {"a": RISE}}}, "SETTINGS: belongs to an optimizer's schedule"),
        ({"PHASES": {"rise": RISE}, "RULES": {"head": {"a": RISE}}}, "RULES: belongs to an optimizer's schedule"),
        ({"PHASES": {"rise": {**RISE, "LENGTH": 50}}}, "more than the 10"),
    ],
)
def test_what_is_no_plain_function_is_refused(node: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        scepter_opt.schedule(node, 10)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda function: pickle.loads(pickle.dumps(function))])
def test_a_model_that_holds_one_is_copied_and_saved(copied: Any) -> None:
    model = torch.nn.Linear(1, 1)
    model.momentum = scepter_opt.schedule({"PHASES": {"rise": RISE}}, 10)  # type: ignore[assignment]  # any attribute
    assert copied(model).momentum(5) == 0.75


def test_a_preview_is_no_build_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), warnings.catch_warnings():
        warnings.simplefilter("error")
        scepter_opt.preview({"NAME": "StepLR", "STEP_SIZE": 3}, 10)
        scepter_opt.preview({"NAME": "PhasesLR", "PHASES": {"rise": RISE}}, 10)
    assert caplog.records == []


MODELS = {"generator": nn.Linear(2, 2), "critic": nn.Linear(2, 1)}
NODES = {"generator": {"NAME": "Adam", "ONLY": "generator"}, "critic": {"NAME": "SGD", "ONLY": "critic.*"}}


def test_each_gets_its_scheduler() -> None:
    optimizers = scepter_opt.build_optimizers(MODELS, NODES)
    nodes = {"generator": {"NAME": "CosineAnnealingLR"}, "critic": {"NAME": "NoneLR"}}
    found = scepter_opt.build_lr_schedulers(optimizers, nodes, total_steps=10)
    assert {name: type(one).__name__ for name, one in found.items()} == {
        "generator": "CosineAnnealingLR", "critic": "NoneLR",
    }  # fmt: skip
    assert found["critic"].optimizer is optimizers["critic"]
    with pytest.raises(ConfigError) as caught:
        scepter_opt.build_lr_schedulers(optimizers, {"generators": {"NAME": "NoneLR"}, "critic": {"NAME": "NoneLR"}})
    assert [problem.key for problem in caught.value.problems] == ["lr_schedulers.generators", "lr_schedulers.generator"]
    with pytest.raises(ConfigError, match=r"lr_schedulers.generator.T_MAX: is needed"):
        scepter_opt.build_lr_schedulers(optimizers, nodes)


def test_one_of_several_that_cannot_be_built_leaves_the_optimizers_of_all_as_they_were() -> None:
    optimizers = {name: torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0) for name in ("first", "second")}
    before = copy.deepcopy([each.state_dict() for each in optimizers.values()])
    nodes = {"first": {"NAME": "LinearLR"}, "second": {"NAME": "CosineAnnealingLR"}}
    with pytest.raises(ConfigError, match=r"lr_schedulers.second.T_MAX: is needed"):
        scepter_opt.build_lr_schedulers(optimizers, nodes)
    assert [each.state_dict() for each in optimizers.values()] == before
    # LinearLR of torch's counts the calls of `step` by wrapping it
    assert all("step" not in vars(each) for each in optimizers.values())
