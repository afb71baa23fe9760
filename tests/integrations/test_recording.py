"""What a step was made with is recorded by group every so many steps, under names that every logger takes."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import pytest

import scepter_opt
from scepter_opt import ConfigError
from scepter_opt.integrations.recording import group_names, recorder_of
from tests.integrations.recorded_loop import HEAD, HYBRID, Loop


def test_all_numbers_of_each_group_are_recorded_every_so_many_steps() -> None:
    loop = Loop({"NAME": "AdamW", "PARAM_GROUPS": HEAD}, record_every=3)
    for _ in range(7):
        loop.step()
    assert [step for _, step in loop.log] == [3, 6]
    assert loop.log[0][0] == {
        "lr/default": 1e-3,
        "beta1/default": 0.9,
        "beta2/default": 0.999,
        "eps/default": 1e-8,
        "weight_decay/default": 0.01,
        "lr/head": 1e-2,
        "beta1/head": 0.9,
        "beta2/head": 0.999,
        "eps/head": 1e-8,
        "weight_decay/head": 0.5,
    }


def test_rates_and_settings_are_those_that_the_step_was_made_with() -> None:
    phases = {"all": {"CURVE": "linear", "FROM": 1.0, "TO": 0.0}}
    beta = {"all": {"CURVE": "linear", "FROM_VALUE": 0.5, "TO_VALUE": 0.7}}
    schedule = {"NAME": "PhasesLR", "PHASES": phases, "SETTINGS": {"BETA1": beta}}
    loop = Loop({"NAME": "AdamW", "LEARNING_RATE": 1.0}, schedule, record_every=1)
    made_with = []
    for _ in range(5):
        (group,) = loop.optimizer.param_groups
        made_with.append((group["lr"], group["betas"][0]))
        loop.step()
    recorded = [(values["lr/default"], values["beta1/default"]) for values, _ in loop.log]
    assert recorded == made_with
    assert recorded[:2] == [(1.0, 0.5), pytest.approx((0.95, 0.51))]


def test_a_tensor_rate_is_recorded_as_a_number() -> None:
    loop = Loop({"NAME": "AdamW", "TENSOR_LR": True, "LEARNING_RATE": 0.25}, record_every=1)
    loop.step()
    assert loop.log[0][0]["lr/default"] == 0.25
    assert all(type(value) is float for value in loop.log[0][0].values())


def test_each_part_of_a_hybrid_has_its_own_settings() -> None:
    loop = Loop(HYBRID, record_every=1, norms=True)
    loop.step()
    ((values, _),) = loop.log
    assert values["lr/hidden"] == 0.02
    assert values["momentum/hidden"] == 0.95
    assert values["lr/default"] == 1e-3
    assert "momentum/default" not in values
    assert "beta1/hidden" not in values
    assert values["grad_norm/hidden"] > 0


def test_a_driver_without_a_record_computes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("nothing was asked for")

    monkeypatch.setattr("scepter_opt.integrations.recording.settings", never)
    monkeypatch.setattr("scepter_opt.integrations.recording.norm", never)
    loop = Loop({"NAME": "AdamW"}, record=None)
    for _ in range(51):
        loop.step()
    rare = Loop({"NAME": "AdamW"}, norms=True)  # every 50 steps by default
    for _ in range(49):
        rare.step()
    with pytest.raises(AssertionError, match="nothing was asked for"):
        rare.step()


def test_a_resumed_run_counts_on() -> None:
    first = Loop({"NAME": "AdamW"}, record_every=4, norms=True)
    for _ in range(7):
        first.step()
    state = scepter_opt.checkpoint.state(
        model=first.model, optimizer=first.optimizer, scheduler=first.scheduler, driver=first.driver
    )
    second = Loop({"NAME": "AdamW"}, record_every=4, norms=True)
    scepter_opt.checkpoint.restore(
        state, model=second.model, optimizer=second.optimizer, scheduler=second.scheduler, driver=second.driver
    )
    for loop in (first, second):
        for _ in range(2):
            loop.step()
    assert [step for _, step in second.log] == [8]
    assert second.log == first.log[1:]


def test_a_copy_records_nothing() -> None:
    loop = Loop({"NAME": "AdamW"}, record_every=1, norms=True)
    loop.step()
    for other in (copy.deepcopy(loop.driver), pickle.loads(pickle.dumps(loop.driver))):
        other.scheduler.optimizer.step()
        other.step()
    assert len(loop.log) == 1
    loop.step()
    assert len(loop.log) == 2


def test_names_of_groups_are_such_as_every_logger_takes() -> None:
    groups = [{"name": name} for name in ("a+b|c", "layers[0]", "layers[1]", "x/y", "é", "..", "a.b.c")]
    names = group_names([*groups, {}])
    assert names == ["a.b.c", "layers.0", "layers.1", "x.y", "4", "5", "a.b.c.6", "7"]
    # MLflow's rule
    assert all(re.fullmatch(r"[/\w.\- :]*", f"lr/{name}") for name in names)


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no function": (
        {"record": "runs"},
        (
            "record: must be a function of values by name and the step, as wandb.log and mlflow.log_metrics are; "
            "not a str."
        ),
    ),
    "never": (
        {"record": print, "record_every": 0},
        "record_every = 0: must be a whole number of at least 1: steps from one record to the next.",
    ),
    "a share": (
        {"record": print, "record_every": 0.5},
        "record_every = 0.5: must be a whole number of at least 1: steps from one record to the next.",
    ),
    "a choice": ({"record": print, "norms": "grad"}, "norms = 'grad': must be true or false."),
    "norms of nothing": ({"norms": True, "record": None}, "norms = True: are given to `record`, and there is none."),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_refused(case: str) -> None:
    keywords, message = MISTAKES[case]
    with pytest.raises(ConfigError) as error:
        Loop({"NAME": "SGD"}, **keywords)
    assert [str(problem) for problem in error.value.problems] == [message]


class Writer:
    """As TensorBoard's."""

    def add_scalar(self, name: str, value: float, step: int) -> None:
        pass


def test_a_writer_of_scalars_is_told_how() -> None:
    with pytest.raises(ConfigError, match=r"not a Writer\. Each value is one scalar: def record"):
        Loop({"NAME": "SGD"}, record=Writer())


class Bare:
    """A scheduler without an optimizer."""

    def step(self) -> None:
        pass


def test_a_scheduler_without_an_optimizer_has_nothing_to_record() -> None:
    with pytest.raises(ConfigError, match="record: needs the scheduler's optimizer, and this one has none"):
        recorder_of(Bare(), print, 1, False)
