"""FINISH on any scheduler's node: built, refused, previewed, logged and recorded."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import LR_SCHEDULERS, BaseScheduler, ConfigError
from scepter_opt.runtime.finish_lr import FinishLR
from tests.support import SCHEDULERS, scheduler_node

FINISH = {"CURVE": "linear", "TO": 0, "LENGTH": 5}


def built_from(node: dict[str, Any], steps_per_epoch: int | None = None) -> dict[str, Any]:
    scheduler: Any = scepter_opt.build_lr_scheduler(sgd(), node, None, steps_per_epoch)
    built: dict[str, Any] = scheduler.built_from
    return built


def sgd(**keys: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(2, requires_grad=True)], **{"lr": 0.1, "momentum": 0.9, **keys})


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_takes_it_and_leaves_the_rates_to_the_checkpoint(name: str) -> None:
    optimizer = sgd(lr=0.025)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, scheduler_node(name, FINISH=FINISH))
    assert isinstance(scheduler, FinishLR)
    assert optimizer.param_groups[0]["lr"] == 0.025
    with pytest.raises(ConfigError, match=r"lr_scheduler.FINISH: begins where a checkpoint is loaded, and none was. "):
        scheduler.step()
    assert optimizer.param_groups[0]["lr"] == 0.025


@pytest.mark.parametrize("name", SCHEDULERS)
def test_null_and_nothing_are_no_finish(name: str) -> None:
    nothing: Any
    for nothing in (None, {}):
        scheduler: Any = scepter_opt.build_lr_scheduler(sgd(), scheduler_node(name, FINISH=nothing))
        assert not isinstance(scheduler, FinishLR)
        assert "FINISH" not in scheduler.built_from["node"]


@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step", "ignore:the schedule of", "ignore::scepter_opt.ConfigWarning")
@pytest.mark.parametrize("name", SCHEDULERS)
def test_with_at_the_schedule_is_ticked_up_to_there_and_can_be_previewed(name: str) -> None:
    node = scheduler_node(name, INTERVAL="step")
    total = {"LinoPolyLR": 12, "StepAnnealingLR": 16, "OneCycleLR": 30}.get(name, 60)
    before = scepter_opt.preview(node, total, 0.1)["default"]
    ended = scepter_opt.preview({**node, "FINISH": {"CURVE": "linear", "TO": 0.0, "AT": 7}}, total, 0.1)["default"]
    assert ended[:8] == before[:8]
    rest = total - 7
    assert list(ended[7:]) == pytest.approx([before[7] * (1 - k / rest) for k in range(rest)], abs=1e-15)


class Own(BaseScheduler):
    """A class without a Config."""

    def __call__(self, optimizer: Any) -> Any:
        return torch.optim.lr_scheduler.ExponentialLR(optimizer, self.cfg.get("RATIO"))


def test_a_class_without_a_config_takes_it_too() -> None:
    LR_SCHEDULERS.register_class()(Own)
    node = {"NAME": "Own", "RATIO": 0.5, "FINISH": {**FINISH, "AT": 2, "TO": 0.05}}
    optimizer = sgd(lr=1.0)
    scheduler: Any = scepter_opt.build_lr_scheduler(optimizer, node)
    rates = []
    for _ in range(7):
        optimizer.step()
        rates.append(scheduler.get_last_lr()[0])
        scheduler.step()
    rates += scheduler.get_last_lr()
    assert rates == pytest.approx([1.0, 0.5, 0.25, 0.21, 0.17, 0.13, 0.09, 0.05])
    assert scheduler.built_from["node"] == node
    with pytest.raises(ConfigError, match=r"FINISH.CURVE = 'nonsense': must be one of linear"):
        scepter_opt.build_lr_scheduler(sgd(), {**node, "FINISH": {"CURVE": "nonsense"}})
    with pytest.raises(ConfigError, match=r"lr_scheduler.TOTAL_STEPS = 10: FINISH begins after 2 ticks and takes 5"):
        scepter_opt.build_lr_scheduler(sgd(), node, 10)


def test_what_it_is_built_from_is_its_curve_alone_where_a_checkpoint_leads_to_it() -> None:
    node = scheduler_node("PhasesLR", FINISH=FINISH)
    built = built_from(node)
    assert built["fitted"] == {"NAME": "PhasesLR", "FINISH": {"CURVE": "linear", "LENGTH": 5, "TO": 0.0}}
    assert built["node"]["FINISH"] == built["fitted"]["FINISH"]
    at = built_from(scheduler_node("PhasesLR", FINISH={**FINISH, "AT": 55}))
    assert at["fitted"]["PHASES"].keys() == {"warmup", "decay"}
    epochs = scheduler_node("PhasesLR", FINISH={**FINISH, "LENGTH": "2 epochs"})
    lengths = [built_from(epochs, steps)["fitted"]["FINISH"]["LENGTH"] for steps in (5, 10)]
    assert lengths == [10, 20]


def test_check_finds_what_is_wrong_with_it() -> None:
    node = {"NAME": "CosineAnnealingLR", "T_MAX": 10, "FINISH": {"CURVE": "one_minus_sqrt", "LENGTH": "10%"}}
    with pytest.raises(ConfigError, match=r"lr_scheduler.FINISH.TO: is required: one_minus_sqrt ends there"):
        scepter_opt.check({"lr_scheduler": node})
    node["FINISH"] = {"CURVE": "one_minus_sqrt", "TO": 0, "LENGTH": "10%"}
    scepter_opt.check({"lr_scheduler": node})


@pytest.mark.parametrize("holder", ["SequentialLR", "ChainedScheduler"])
def test_a_part_has_none_of_its_own(holder: str) -> None:
    node = scheduler_node(holder)
    node["SCHEDULERS"] = {**node["SCHEDULERS"], "decay": {**node["SCHEDULERS"]["decay"], "FINISH": FINISH}}
    with pytest.raises(ConfigError, match=rf"decay.FINISH = .*: belongs on the {holder} that holds this node"):
        scepter_opt.check(node)


def test_a_plain_function_has_none() -> None:
    with pytest.raises(ConfigError, match="FINISH: belongs to an optimizer's schedule"):
        scepter_opt.schedule(scheduler_node("PhasesLR", FINISH=FINISH))


def test_the_log_says_both_schedules(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "scepter_opt"):
        scepter_opt.build_lr_scheduler(sgd(), scheduler_node("StepLR", FINISH={**FINISH, "AT": 5}))
    assert caplog.messages == ["StepLR: STEP_SIZE 3", "FINISH: linear to 0 over 5, from tick 5 on"]
