"""A schedule for trainers that know of steps alone."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigError, Driver
from scepter_opt.integrations.trainer_schedules import TrainerSchedule

HALVED = {"NAME": "StepLR", "STEP_SIZE": 1, "GAMMA": 0.5, "INTERVAL": "epoch"}
PLATEAU = {"NAME": "ReduceLROnPlateau", "PATIENCE": 0, "FACTOR": 0.5, "MONITOR": "loss"}
LENGTH = 3


class Trainer:
    """Makes steps, and says so."""

    def __init__(self, node: dict[str, Any], length: int | None = LENGTH) -> None:
        self.optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        driver = Driver(scepter_opt.build_lr_scheduler(self.optimizer, node), node)
        self.made = 0
        self.schedule = TrainerSchedule(
            driver, node.get("MONITOR"), lambda: length is not None and self.made % length == 0
        )

    def train(self, steps: int) -> Trainer:
        for _ in range(steps):
            self.schedule.settle()
            self.optimizer.step()
            self.made += 1
            self.schedule.step()
        return self

    @property
    def rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])


def test_the_last_step_of_an_epoch_is_its_end() -> None:
    trainer = Trainer(HALVED)
    assert [trainer.train(1).rate for _ in range(7)] == [1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25]
    assert trainer.schedule.get_last_lr() == [0.25]


def test_an_epoch_of_unknown_length_ends_when_it_is_said() -> None:
    trainer = Trainer(HALVED, length=None).train(5)
    assert trainer.rate == 1.0
    trainer.schedule.end_epoch()
    assert trainer.rate == 0.5


def test_an_epochs_end_waits_for_its_metric() -> None:
    trainer = Trainer(PLATEAU)
    for epoch, loss in enumerate((1.0, 1.0, 1.0)):
        trainer.train(LENGTH)
        assert trainer.schedule.lacks_metric
        trainer.schedule.measured({"accuracy": 0.5})
        assert trainer.schedule.waiting == ["epoch"]
        trainer.schedule.measured({"loss": loss})
        assert not trainer.schedule.waiting
        assert trainer.rate == 0.5**epoch


def test_what_was_measured_within_an_epoch_serves_when_the_next_step_begins() -> None:
    trainer = Trainer(PLATEAU).train(2)
    trainer.schedule.measured({"loss": 1.0})
    trainer.train(1)
    assert trainer.schedule.waiting
    assert not trainer.schedule.lacks_metric
    trainer.schedule.settle()
    assert not trainer.schedule.waiting
    # and not for the epoch after it
    with pytest.raises(ConfigError, match="waits for a metric, and none was given"):
        trainer.train(LENGTH + 1)


def test_a_metric_of_another_name_is_an_error_with_the_names_that_there_are() -> None:
    trainer = Trainer(PLATEAU).train(LENGTH)
    trainer.schedule.measured({"los": 1.0})
    with pytest.raises(ConfigError, match=r"there is no such metric. Did you mean los\?"):
        trainer.schedule.settle()


@pytest.mark.parametrize("node", [HALVED, PLATEAU])
@pytest.mark.parametrize("stop", [2, 3, 4])
def test_saved_at_any_step_it_goes_on_where_it_was(node: dict[str, Any], stop: int) -> None:
    def run(trainer: Trainer, steps: int) -> Trainer:
        for _ in range(steps):
            trainer.train(1)
            if trainer.made % 2 == 0:
                trainer.schedule.measured({"loss": 1.0, "other": 2.0})
        return trainer

    file = io.BytesIO()
    stopped = run(Trainer(node), stop)
    torch.save([stopped.schedule.state_dict(), stopped.optimizer.state_dict()], file)
    file.seek(0)
    schedule, optimizer = torch.load(file, weights_only=True)
    resumed = Trainer(node)
    resumed.made = stop
    resumed.optimizer.load_state_dict(optimizer)
    resumed.schedule.load_state_dict(schedule)
    assert resumed.schedule.waiting == stopped.schedule.waiting
    assert [run(resumed, 1).rate for _ in range(8)] == [run(stopped, 1).rate for _ in range(8)]


def test_another_state_is_refused() -> None:
    trainer = Trainer(HALVED)
    with pytest.raises(
        ConfigError, match="lr_scheduler: the checkpoint's is of a scheduler that the trainer stepped itself"
    ):
        trainer.schedule.load_state_dict(trainer.schedule.driver.scheduler.state_dict())


def test_what_is_asked_of_a_scheduler_is_the_schedulers() -> None:
    schedule = Trainer(HALVED).schedule
    assert schedule.last_epoch == 0
    assert schedule.base_lrs == [1.0]
    with pytest.raises(AttributeError):
        _ = schedule.no_such_thing
