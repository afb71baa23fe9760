from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from math import cos, pi
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scepter_opt
from scepter_opt import ConfigError

Warmup = Callable[[int, int], float]

# At tick k of a warm-up of n ticks, as each code base computes it.
WARMUPS: dict[str, tuple[str, Warmup]] = {
    "start: transformers, optax, timm": ("start", lambda k, n: k / n),
    "end: nanochat, torchtitan": ("end", lambda k, n: (k + 1) / n),
    "both: numpy.linspace in DINOv2 and BEiT": ("both", lambda k, n: k / (n - 1) if n > 1 else 0.0),
    "neither: pi0": ("neither", lambda k, n: 1 / (n + 1) + (1 - 1 / (n + 1)) * k / n),
}


def near(values: Any) -> Any:
    return pytest.approx(list(values), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", WARMUPS)
@given(share=st.integers(1, 60), total=st.integers(20, 2000))
def test_the_ends_among_the_ticks_are_those_that_are_included_at_any_length(name: str, share: int, total: int) -> None:
    include, formula = WARMUPS[name]
    phases = {
        "warmup": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": f"{share}%", "INCLUDE": include},
        "hold": {"CURVE": "constant"},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scepter_opt.ConfigWarning)  # a share may round to 0
        curve = scepter_opt.schedule({"PHASES": phases}, total)
    length = int(share * total / 100 + 0.5)
    assert [curve(k) for k in range(total)] == near([formula(k, length) if k < length else 1.0 for k in range(total)])


@pytest.mark.parametrize("include", ["start", "end", "both", "neither"])
def test_the_next_phase_begins_at_the_end_whether_it_was_among_the_ticks_or_not(include: str) -> None:
    phases = {
        "warmup": {"CURVE": "linear", "FROM": 0, "TO": 0.5, "LENGTH": 4, "INCLUDE": include},
        "decay": {"CURVE": "linear", "TO": 0, "LENGTH": 5},
    }
    curve = scepter_opt.schedule({"PHASES": phases})
    assert [curve(k) for k in range(4, 12)] == near([0.5, 0.4, 0.3, 0.2, 0.1, 0.0, 0.0, 0.0])


def test_an_included_end_by_the_schedules_clock() -> None:
    phases = {
        "warmup": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": 10, "INCLUDE": "end"},
        "decay": {"CURVE": "cosine", "TO": 0.1, "INCLUDE": "end"},
    }
    curve = scepter_opt.schedule({"PHASES": phases, "CLOCK": "schedule"}, 100)
    decay = [0.1 + 0.9 * (1 + cos(pi * (k + 1) / 100)) / 2 for k in range(10, 100)]
    assert [curve(k) for k in range(10, 100)] == near(decay)


def test_stairs_take_the_value_at_the_beginning_of_each_stretch() -> None:
    """A cosine that is read by epochs, under a warm-up by steps: as timm, and as a scheduler that steps per epoch."""
    phases = {
        "warmup": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": 30},
        "decay": {"CURVE": "cosine", "TO": 0, "HOLD": "1 epoch"},
    }
    for clock, origin, length in (("phase", 30, 970), ("schedule", 0, 1000)):
        curve = scepter_opt.schedule({"PHASES": phases, "CLOCK": clock}, 1000, steps_per_epoch=100)
        stairs = [(1 + cos(pi * ((k - origin) // 100 * 100) / length)) / 2 for k in range(30, 1000)]
        assert [curve(k) for k in range(1001)] == near([*(k / 30 for k in range(30)), *stairs, 0.0])


@pytest.mark.parametrize("first", [0, 1, 7, 500])
def test_the_run_begins_at_any_position(first: int) -> None:
    phases = {"warmup": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": "10%"}, "decay": {"CURVE": "cosine", "TO": 0}}
    whole = scepter_opt.schedule({"PHASES": phases}, 1000)
    later = scepter_opt.schedule({"PHASES": phases, "FIRST_STEP": first}, 1000)
    assert [later(k) for k in range(1200)] == [whole(k + first) for k in range(1200)]


@pytest.mark.parametrize(
    ("phase", "formula"),
    [
        ({"CURVE": "power", "POWER": 0.8, "TIMESCALE": 50}, lambda k: (50 / (50 + k)) ** 0.8),
        ({"CURVE": "power", "POWER": 1, "TIMESCALE": "5%", "FLOOR": 0.2}, lambda k: max(0.2, 50 / (50 + k))),
        ({"CURVE": "inverse_sqrt", "TIMESCALE": 100, "FLOOR": 0.5}, lambda k: max(0.5, (100 / (100 + k)) ** 0.5)),
        ({"CURVE": "inverse_sqrt", "TIMESCALE": 100, "TOWARDS": 0.5}, lambda k: 0.5 + 0.5 * (100 / (100 + k)) ** 0.5),
    ],
)
def test_curves_without_an_end(phase: dict[str, Any], formula: Callable[[int], float]) -> None:
    curve = scepter_opt.schedule({"PHASES": {"decay": phase}}, 1000)
    assert [curve(k) for k in range(1000)] == near(formula(k) for k in range(1000))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda function: pickle.loads(pickle.dumps(function))])
def test_a_plain_schedule_is_copied_and_pickled(copied: Any) -> None:
    rise = {"CURVE": "cosine", "FROM": 0.99, "TO": 1.0, "HOLD": 3, "LENGTH": 40}
    phases = {"rise": rise, "hold": {"CURVE": "constant"}}
    momentum = scepter_opt.schedule({"PHASES": phases, "FIRST_STEP": 2}, 100)
    again = copied(momentum)
    assert [again(k) for k in range(120)] == [momentum(k) for k in range(120)]


def test_growth_without_an_end_is_refused_where_the_call_gives_none() -> None:
    phases = {"grow": {"CURVE": "step", "GAMMA": 10, "EVERY": 1}}
    scepter_opt.check({"NAME": "PhasesLR", "PHASES": phases})
    with pytest.raises(ConfigError, match="grows without an end"):
        scepter_opt.schedule({"PHASES": phases})
    assert scepter_opt.schedule({"PHASES": phases}, 10)(9) == 1e9
    with pytest.raises(ConfigError, match="too large for a number"):
        scepter_opt.schedule({"PHASES": phases}, 1000)


@pytest.mark.parametrize("first", [{"CURVE": "linear", "TO_VALUE": 0.1}, {"CURVE": "cosine", "TO_VALUE": 0.1}])
def test_a_first_phase_to_the_optimizers_own_value_goes_nowhere(first: dict[str, Any]) -> None:
    node = {"NAME": "PhasesLR", "PHASES": {"warmup": first}, "TOTAL_STEPS": 10}
    scepter_opt.check(node)
    with pytest.raises(ConfigError, match=r"PHASES.warmup.FROM: is required: the first phase begins at 1 without it"):
        scepter_opt.check({"optimizer": {"NAME": "SGD", "LEARNING_RATE": 0.1}, "lr_scheduler": node})
    scepter_opt.check({"optimizer": {"NAME": "SGD", "LEARNING_RATE": 0.2}, "lr_scheduler": node})
    with pytest.raises(ConfigError, match="ends at the optimizer's own value too"):
        scepter_opt.preview(node, 10, 0.1)
    assert scepter_opt.preview(node, 10, 0.2)["default"][0] == 0.2


def test_phases_that_all_round_to_no_ticks_are_their_end() -> None:
    phases = {"warmup": {"CURVE": "linear", "FROM": 0, "TO": 0.5, "LENGTH": "1%"}}
    node = {"NAME": "PhasesLR", "PHASES": {"hold": {"CURVE": "constant"}}, "RULES": {"head": phases}}
    with pytest.warns(scepter_opt.ConfigWarning, match="rounds to 0"):
        scepter_opt.check({**node, "TOTAL_STEPS": 3})
    shown = scepter_opt.preview(node, 3, {"head": 1.0, "body": 1.0})
    assert (list(shown["head"]), list(shown["body"])) == ([0.5] * 3, [1.0] * 3)
