"""Every mistake in a schedule has its text: `python -m tests.lr_schedulers.test_phases_messages` writes it anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigWarning
from scepter_opt.components.user_classes import UserClasses
from tests.support import messages_of

FILE = Path(__file__).parent.parent / "messages" / "phases.txt"

SGD = {"NAME": "SGD", "LEARNING_RATE": 0.1}
WARMUP = {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": 500}
DECAY = {"CURVE": "cosine", "TO": 0}


def node(phases: Any = None, **keys: Any) -> dict[str, Any]:
    """A scheduler's node: a warm-up and a decay, or other phases."""
    return {"NAME": "PhasesLR", "PHASES": {"warmup": WARMUP, "decay": DECAY} if phases is None else phases, **keys}


def checked(phases: Any = None, optimizer: Any = SGD, **keys: Any) -> Callable[[], Any]:
    return lambda: scepter_opt.check({"optimizer": optimizer, "lr_scheduler": node(phases, **keys)})


def phase(**keys: Any) -> Callable[[], Any]:
    """A check of a decay with other keys, after the warm-up."""
    return checked({"warmup": WARMUP, "decay": {**DECAY, **keys}})


def built(
    phases: Any = None, total: Any = None, epoch: Any = None, lr: float = 0.1, decay: float = 0.0, **keys: Any
) -> Callable[[], Any]:
    def build() -> Any:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr, weight_decay=decay)
        optimizer.param_groups[0] |= {"name": "no_decay+body", "rules": [["no_decay", "body"]]}
        return scepter_opt.build_lr_scheduler(optimizer, node(phases, **keys), total, epoch)

    return build


def driven(metrics: Any, name: str = "PlateauLR", **keys: Any) -> Callable[[], Any]:
    def drive() -> Any:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        cfg = {"NAME": name, **keys}
        return scepter_opt.Driver(scepter_opt.build_lr_scheduler(optimizer, cfg), cfg).end_epoch(metrics)

    return drive


ADAM_GROUPS = {"NAME": "AdamW", "PARAM_GROUPS": {"head": {"WHERE": {"NAMES": "head"}}}}

CASES: dict[str, Callable[[], Any]] = {
    "no phases": checked({}),
    "a list of phases": checked([WARMUP, DECAY]),
    "one phase without a name": checked(WARMUP),
    "a phase that is a text": checked({"warmup": "linear"}),
    "no curve": checked({"warmup": {"FROM": 0, "LENGTH": 5}, "decay": DECAY}),
    "an unknown curve": phase(CURVE="cosin"),
    "a misspelt key": phase(LENGHT=5),
    "a key of another curve": phase(POWER=2),
    "a curve and phases": phase(PHASES={"a": DECAY}),
    "no TO": checked({"warmup": WARMUP, "decay": {"CURVE": "linear"}}),
    "TO of a curve that has none": checked({"warmup": WARMUP, "decay": {"CURVE": "inverse_sqrt", "TO": 0}}),
    "TO and TO_VALUE": phase(TO_VALUE=0.1),
    "no FROM in the first, which goes nowhere": checked({"warmup": {"CURVE": "linear", "TO": 1}}),
    "no FROM in the first of nested ones": checked({"all": {"PHASES": {"warmup": {"CURVE": "linear", "TO": 1}}}}),
    "a negative factor": phase(TO=-0.1),
    "a factor that is a text": phase(TO="low"),
    "exponential to 0": phase(CURVE="exponential"),
    "step without GAMMA and drops": checked({"warmup": WARMUP, "drops": {"CURVE": "step"}}),
    "step with drops twice": checked({"drops": {"CURVE": "step", "FROM": 1, "GAMMA": 0.1, "EVERY": 5, "AT": [3]}}),
    "restarts without CYCLES": phase(CURVE="cosine_restarts"),
    "a constant that moves": checked({"hold": {"CURVE": "constant", "FROM": 1, "TO": 0.5}}),
    "a share without a percent sign": phase(LENGTH=0.05),
    "a share above 100 %": phase(LENGTH="120%"),
    "a negative length": phase(LENGTH=-5),
    "all phases left out": checked({"warmup": {**WARMUP, "LENGTH": 0}, "decay": None}),
    "one, or the whole": phase(LENGTH=1.0),
    "a length of 400 digits": phase(LENGTH="9" * 400),
    "stairs of no length": phase(HOLD=0),
    "an end that a curve does not have": checked({"a": {"CURVE": "step", "GAMMA": 0.1, "EVERY": 5, "INCLUDE": "end"}}),
    "an unknown end": phase(INCLUDE="ends"),
    "power without POWER": checked({"warmup": WARMUP, "decay": {"CURVE": "power"}}),
    "a floor above the start": checked({"warmup": WARMUP, "decay": {"CURVE": "inverse_sqrt", "FLOOR": 2}}),
    "too many cycles": phase(CURVE="cosine_restarts", CYCLES=10**8),
    "cycles that start past their end": checked(
        {"a": {"CURVE": "cosine_restarts", "FROM_VALUE": 0.1, "TO_VALUE": 0.06, "CYCLES": 2, "DECAY": 0.5}},
        TOTAL_STEPS=50,
    ),
    "cycles of this rate that start past their end": checked(
        {"a": {"CURVE": "cosine_restarts", "TO_VALUE": 0.06, "CYCLES": 2, "DECAY": 0.5}}, TOTAL_STEPS=50
    ),
    "half a tick": phase(LENGTH=2.5),
    "a length in words": phase(LENGTH="2 hours"),
    "a length that is true": phase(LENGTH=True),
    "a drop that is none": checked({"drops": {"CURVE": "step", "FROM": 1, "GAMMA": 0.1, "AT": [3, "x"]}}),
    "two phases that take the rest": checked({"hold": {"CURVE": "constant"}, "decay": DECAY}),
    "shares above the whole": checked({"a": {**WARMUP, "LENGTH": "60%"}, "b": {**DECAY, "LENGTH": "50%"}}),
    "shares below the whole": checked({"a": {**WARMUP, "LENGTH": "60%"}, "b": {**DECAY, "LENGTH": "20%"}}),
    "shares that leave nothing": checked({"a": {**WARMUP, "LENGTH": "100%"}, "b": DECAY}),
    "an unknown clock": checked(CLOCK="schedul"),
    "a first step before the schedule": checked(FIRST_STEP=-2),
    "a total of zero": checked(TOTAL_STEPS=0),
    "a total that is not whole": checked(TOTAL_STEPS=1000.5),
    "longer than TOTAL_STEPS": checked({"warmup": WARMUP, "decay": {**DECAY, "LENGTH": 600}}, TOTAL_STEPS=1000),
    "shorter than TOTAL_STEPS": checked({"warmup": WARMUP, "decay": {**DECAY, "LENGTH": 300}}, TOTAL_STEPS=1000),
    "nothing left of TOTAL_STEPS": checked(TOTAL_STEPS=500),
    "longer than the phase around": checked(
        {"all": {"LENGTH": 900, "PHASES": {"warmup": WARMUP, "decay": {**DECAY, "LENGTH": 500}}}}
    ),
    "longer than the phase around, with a total": checked(
        {"all": {"LENGTH": 900, "PHASES": {"warmup": WARMUP, "decay": {**DECAY, "LENGTH": 500}}}}, TOTAL_STEPS=900
    ),
    "more cycles than ticks": checked(
        {"a": {**DECAY, "FROM": 1, "CURVE": "cosine_restarts", "CYCLES": 9}}, TOTAL_STEPS=5
    ),
    "drops that do not increase": checked(
        {"a": {"CURVE": "step", "FROM": 1, "GAMMA": 0.1, "AT": [30, 20]}}, TOTAL_STEPS=50
    ),
    "drops that grow without an end": built({"a": {"CURVE": "step", "GAMMA": 10, "EVERY": 5}}),
    "inverse_sqrt first": checked({"a": {"CURVE": "inverse_sqrt", "FROM": 1}}, TOTAL_STEPS=50),
    "a setting that no optimizer has": checked(SETTINGS={"WEIGHT_DECY": {"a": {**WARMUP, "LENGTH": None}}}),
    "the rate as a setting": checked(SETTINGS={"LEARNING_RATE": {"a": WARMUP}}),
    "a setting that this optimizer has not": checked(
        optimizer={"NAME": "LBFGS"}, SETTINGS={"MOMENTUM": {"a": {**WARMUP, "LENGTH": None}}}
    ),
    "a setting that is 0": checked(SETTINGS={"WEIGHT_DECAY": {"a": {**WARMUP, "LENGTH": None}}}),
    "a misspelt phase of a setting": checked(SETTINGS={"WEIGHT_DECAY": {"a": {**WARMUP, "CURVE": "liner"}}}),
    "an unknown rule": checked(optimizer=ADAM_GROUPS, RULES={"haed": {"a": {**WARMUP, "LENGTH": None}}}),
    "a rule where there are none": checked(RULES={"head": {"a": WARMUP}}),
    "settings that are a list": checked(SETTINGS=["MOMENTUM"]),
    "a misspelt key of a rule": checked(
        optimizer=ADAM_GROUPS, RULES={"head": {"PHASES": {"a": WARMUP}, "SETTNGS": {}}}
    ),
    "a misspelt setting of a rule": checked(
        optimizer=ADAM_GROUPS, RULES={"head": {"SETTINGS": {"WEIGHT_DECY": {"a": WARMUP}}}}
    ),
    "a setting of a rule that this optimizer has not": checked(
        optimizer=ADAM_GROUPS, RULES={"head": {"SETTINGS": {"DAMPENING": {"a": WARMUP}}}}
    ),
    "one beta under two names": checked(
        optimizer={"NAME": "AdamW"}, SETTINGS={"MOMENTUM": {"a": {**WARMUP, "FROM": 0.5}}, "BETA1": {"a": WARMUP}}
    ),
    "in a ChainedScheduler": lambda: scepter_opt.check({"NAME": "ChainedScheduler", "SCHEDULERS": {"a": node()}}),
    "settings in a SequentialLR": lambda: scepter_opt.check(
        {"NAME": "SequentialLR", "MILESTONES": [], "SCHEDULERS": {"a": node(SETTINGS={"MOMENTUM": {"a": WARMUP}})}}
    ),
    "a rest before a metric": lambda: scepter_opt.check({"NAME": "PlateauLR", "PHASES": {"a": WARMUP, "b": DECAY}}),
    "no total for the rest": built(),
    "no total for a share": built({"warmup": {**WARMUP, "LENGTH": "5%"}, "hold": {"CURVE": "constant"}}),
    "no total for a share before a metric": lambda: scepter_opt.build_lr_scheduler(
        torch.optim.SGD([torch.zeros(1, requires_grad=True)]),
        {"NAME": "PlateauLR", "PHASES": {"a": {**WARMUP, "LENGTH": "5%"}}},
    ),
    "no end for the schedule's clock": built(
        {
            "decay": {"CURVE": "cosine", "FROM": 1, "TO": 0.5, "LENGTH": 9, "CLOCK": "schedule"},
            "hold": {"CURVE": "constant"},
        }
    ),
    "no length of an epoch": built({"warmup": {**WARMUP, "LENGTH": "2 epochs"}, "decay": DECAY}, total=1000),
    "no length of an epoch for the total": built(total=1000, INTERVAL="epoch"),
    "totals that differ": built(total=1000, TOTAL_STEPS=900),
    "a run that is shorter than TOTAL_STEPS": built(total=800, TOTAL_STEPS=900),
    "a run that is shorter than the phases": built({"warmup": WARMUP, "decay": {**DECAY, "LENGTH": 600}}, total=1000),
    "a run that is shorter than the warm-up": built(total=400),
    "a call's total of zero": built(total=0),
    "a call's total that is not whole": built(total=10.5),
    "epochs of two lengths": built(total=scepter_opt.Horizon(100, 10), epoch=20),
    "a value of a rate of 0": built(
        {"warmup": WARMUP, "decay": {"CURVE": "cosine", "TO_VALUE": 0.1}}, total=1000, lr=0
    ),
    "a setting that is 0 in the optimizer": built(
        total=1000, SETTINGS={"WEIGHT_DECAY": {"rise": {"CURVE": "linear", "FROM": 1, "TO": 2}}}
    ),
    "a setting that is not in the optimizer": built(
        total=1000, SETTINGS={"BETA2": {"rise": {"CURVE": "linear", "FROM": 1, "TO": 2}}}
    ),
    "a beta above 1": lambda: scepter_opt.build_lr_scheduler(
        torch.optim.Adam([torch.zeros(1, requires_grad=True)]),
        node(SETTINGS={"MOMENTUM": {"rise": {"CURVE": "linear", "FROM": 1, "TO": 1.2}}}),
        total_steps=1000,
    ),
    "a rule that made no group": built(total=1000, RULES={"bodi": {"a": WARMUP}}),
    "a plain function with settings": lambda: scepter_opt.schedule(node(SETTINGS={"EPS": {"a": WARMUP}}), 1000),
    "a plain function of another class": lambda: scepter_opt.schedule({"NAME": "StepLR", "STEP_SIZE": 3}, 1000),
    "no metrics": driven(None, MONITOR="loss"),
    "a metric that is not there": driven({"validation_loss": 1, "accuracy": 1}, MONITOR="valid_loss"),
    "a metric that is NaN": driven({"loss": float("nan")}, MONITOR="loss"),
    "a tensor that is NaN": driven({"loss": torch.tensor(float("nan"))}, "ReduceLROnPlateau", MONITOR="loss"),
    "no MONITOR": driven({"loss": 1}, "ReduceLROnPlateau"),
    "no MONITOR where a metric is optional": driven({"loss": 1}),
}


def messages() -> str:
    """Every case with its message."""
    return messages_of(CASES)


@pytest.fixture(autouse=True)
def _no_classes_of_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another test's optimizer, which takes any key, would have any setting."""
    monkeypatch.setattr(UserClasses(), "entries", {})


def test_messages_are_as_written() -> None:
    assert messages() == FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
def test_every_mistake_is_a_config_error(case: str) -> None:
    with pytest.raises(scepter_opt.ConfigError):
        CASES[case]()


if __name__ == "__main__":
    FILE.write_text(messages(), encoding="utf-8")


def test_a_schedule_that_is_over_before_the_first_step_is_said() -> None:
    phases = {"a": {"CURVE": "linear", "TO": 0.0}}
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    with pytest.warns(ConfigWarning, match=r"lr_scheduler.FIRST_STEP = 500: the schedule of 40 ticks is over before"):
        scepter_opt.build_lr_scheduler(optimizer, {"NAME": "PhasesLR", "PHASES": phases, "FIRST_STEP": 500}, 40)
