"""What a phase can say; its messages are in tests/lr_schedulers/test_phases_messages.py."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scepter_opt.components.checking import check_node
from scepter_opt.config.documentation import documentation
from scepter_opt.lr_schedulers.phases import PhasesLR
from scepter_opt.schedules.curves import CURVES
from scepter_opt.schedules.horizon import Horizon
from scepter_opt.schedules.lengths import Length
from scepter_opt.schedules.phases import Clock, Include, Phase, check_phase

ROOT = Path(__file__).parents[2]
# One function and one row: a curve with a key of its own is checked, documented, drawn and previewed.
ONE_MORE = """
import math
from scepter_opt.schedules import curves
from scepter_opt.config.fields import Positive

def tanh(start, end, length, steepness=3.0):
    return lambda k: end + (start - end) * (1 - math.tanh(steepness * min(k, length) / length) / math.tanh(steepness))

curves.CURVES["tanh"] = curves.Curve(tanh, {"STEEPNESS": curves.Key(Positive, "How steep it is.")})

import scepter_opt
phase = {"CURVE": "tanh", "TO": 0.5, "STEEPNESS": 2}
node = {"NAME": "PhasesLR", "PHASES": {"fall": phase}}
scepter_opt.check(node)
print([round(rate, 3) for rate in scepter_opt.preview(node, total_steps=4)["default"]])
try:
    scepter_opt.check({"NAME": "PhasesLR", "PHASES": {"fall": {**phase, "STEEPNES": 2, "STEEPNESS": -1}}})
except scepter_opt.ConfigError as error:
    print(error)
try:
    scepter_opt.check({"NAME": "PhasesLR", "PHASES": {"fall": {**phase, "CURVE": "cosine"}}})
except scepter_opt.ConfigError as error:
    print(error)
"""
PRINTED = """
[1.0, 0.76, 0.605, 0.531]
2 problems in the configuration
  PHASES.fall.STEEPNESS = -1: must be above 0. (How steep it is.)
  PHASES.fall.STEEPNES = 2: a phase of the curve tanh has no such key. Did you mean STEEPNESS?
1 problem in the configuration
  PHASES.fall.STEEPNESS = 2: a phase of the curve cosine has no such key. It has CURVE, LENGTH, FROM, FROM_VALUE, TO,
  TO_VALUE, INCLUDE, HOLD, CLOCK.
"""


def test_one_more_curve_is_one_function_and_one_row() -> None:
    done = subprocess.run([sys.executable, "-c", ONE_MORE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == PRINTED.split(), done.stderr


def test_a_phase_has_the_keys_of_all_curves_with_their_documentation() -> None:
    texts = documentation(Phase)
    for curve in CURVES.values():
        for key, described in curve.keys.items():
            assert key in Phase.__dataclass_fields__
            assert texts[key] == described.documentation
    assert all(text.endswith(".") for text in texts.values())


def config(**phases: Any) -> PhasesLR.Config:
    made: PhasesLR.Config = check_node({"NAME": "PhasesLR", "PHASES": phases}, None)
    return made


WARMUP = {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": "5%", "INCLUDE": "end", "HOLD": "1 epoch"}
DROPS = {"CURVE": "step", "GAMMA": 0.5, "AT": ["1 epoch", 30], "CLOCK": "schedule"}


def test_it_holds_what_was_read() -> None:
    warmup, drops = config(warmup=WARMUP, drops=DROPS).PHASES.values()
    assert (Length.parse("5%"), Length.parse("1 epoch"), Include.end) == (warmup.LENGTH, warmup.HOLD, warmup.INCLUDE)
    assert drops["AT"] == [Length.parse("1 epoch"), Length.parse(30)]
    assert (drops.CLOCK, list(drops)) == (Clock.schedule, ["CURVE", "CLOCK", "GAMMA", "AT"])


def test_a_config_that_is_checked_again_is_the_same() -> None:
    once = config(warmup=WARMUP, all={"PHASES": {"drops": DROPS, "no": None}})
    again = check_node(once, None)
    assert again == once
    assert again.PHASES["warmup"].LENGTH is once.PHASES["warmup"].LENGTH


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda phase: pickle.loads(pickle.dumps(phase))])
def test_phases_are_copied_and_pickled(copied: Any) -> None:
    made = config(warmup=WARMUP, drops=DROPS)
    assert copied(made) == made
    fitted = made.with_horizon(Horizon(1000, 100))
    assert copied(fitted.timelines()) == fitted.timelines()


@pytest.mark.parametrize(
    ("first", "allowed"),
    [
        ({"CURVE": "cosine", "TO": 0}, True),
        ({"CURVE": "cosine", "TO_VALUE": 0.5}, True),
        ({"CURVE": "linear", "TO": 1}, False),
        ({"CURVE": "linear", "FROM": 1, "TO": 1}, True),
        ({"CURVE": "constant", "TO": 1}, True),
        ({"CURVE": "step", "GAMMA": 0.1, "EVERY": 5}, True),
        ({"PHASES": {"no": {"CURVE": "linear", "TO": 0, "LENGTH": 0}, "up": {"CURVE": "linear", "TO": 1}}}, False),
    ],
)
def test_the_first_phase_begins_at_1_where_that_leads_somewhere(first: Any, allowed: bool) -> None:
    from scepter_opt import ConfigError

    if allowed:
        assert config(first=first).with_horizon(Horizon(10)).timelines().rate.curve()(0) == 1.0
    else:
        with pytest.raises(ConfigError, match="begins at 1 without it"):
            config(first=first)


def test_null_takes_back_a_key_of_another_curve_and_never_one_that_there_is_not() -> None:
    phase = {"CURVE": "linear", "TO": 0.1}
    assert check_phase({**phase, "POWER": None}, None)[1] == []
    (problem,) = check_phase({**phase, "LENGHT": None}, None)[1]
    assert problem.key == "LENGHT"
    assert "Did you mean LENGTH?" in problem.message
