"""What holds for fitted phases: lengths that sum up, no jumps, kept proportions, floors, and nesting."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from itertools import pairwise
from math import cos, pi
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scepter_opt
from scepter_opt.components.checking import check_node
from scepter_opt.lr_schedulers.phases import PhasesLR
from scepter_opt.schedules.horizon import Horizon

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
factors = st.floats(0.01, 2.0)


@st.composite
def curves(draw: st.DrawFn) -> dict[str, Any]:
    """A phase without a length and without FROM."""
    shape = draw(st.sampled_from(["constant", "linear", "cosine", "polynomial", "exponential", "one_minus_sqrt"]))
    return {"CURVE": shape, **({"TO": draw(factors)} if shape != "constant" else {})}


@st.composite
def schedules(draw: st.DrawFn) -> tuple[dict[str, Any], int]:
    """Phases, one of which takes the rest, and a total that has room for them."""
    count = draw(st.integers(1, 5))
    rest = draw(st.integers(0, count - 1))
    total = draw(st.integers(count * 40, 5000))
    phases = {}
    for number in range(count):
        phase = draw(curves())
        if number != rest:
            phase["LENGTH"] = draw(
                st.one_of(
                    st.integers(1, 25),
                    st.floats(0.1, 90 / count).map(lambda share: f"{share:.3f}%"),
                    st.sampled_from(["1 epoch", "2 epochs"]),
                )
            )
        if number == 0:
            phase["FROM"] = draw(factors)
            if phase["CURVE"] == "constant":
                phase["TO"] = phase.pop("FROM")
        phases[f"p{number}"] = phase
    return phases, total


def fitted(phases: Mapping[str, Any], total: int) -> Any:
    config: PhasesLR.Config = check_node({"NAME": "PhasesLR", "PHASES": phases, "TOTAL_STEPS": total}, None)
    return config.with_horizon(Horizon(None, steps_per_epoch=7))


def fits(phases: Mapping[str, Any], total: int) -> bool:
    try:
        fitted(phases, total)
    except scepter_opt.ConfigError:
        return False
    return True


possible = schedules().filter(lambda drawn: fits(*drawn))


@FEW
@given(possible)
def test_lengths_sum_to_the_total(drawn: tuple[dict[str, Any], int]) -> None:
    phases, total = drawn
    assert sum(phase.LENGTH for phase in fitted(phases, total).PHASES.values()) == total


@FEW
@given(possible)
def test_no_jump_where_no_from_is_given(drawn: tuple[dict[str, Any], int]) -> None:
    config = fitted(*drawn)
    curve = config.timelines().rate.curve()
    pieces = config.timelines().rate.pieces
    for before, after in pairwise(pieces):
        if before.end > before.begin and after.end > after.begin:
            end = before.phase.TO if before.phase.CURVE != "constant" or before.phase.TO else curve(before.begin)
            assert curve(after.begin) == end


@FEW
@given(possible, st.data())
def test_values_stay_between_the_ends_of_their_phase(drawn: tuple[dict[str, Any], int], data: st.DataObject) -> None:
    phases, total = drawn
    curve = fitted(phases, total).timelines().rate.curve()
    ends = [phase[end] for phase in phases.values() for end in ("FROM", "TO") if end in phase] or [1.0]
    tick = data.draw(st.integers(0, 2 * total))
    assert min([1.0, *ends] if "FROM" not in phases["p0"] else ends) <= curve(tick) <= max([1.0, *ends])


@FEW
@given(possible, st.integers(0, 4), st.integers(1, 5))
def test_nested_phases_equal_flat_ones(drawn: tuple[dict[str, Any], int], begin: int, count: int) -> None:
    phases, total = drawn
    lengths = {name: phase.LENGTH for name, phase in fitted(phases, total).PHASES.items()}
    # a share that rounds to 0 still leads to its end, which a LENGTH of 0 would leave out
    flat = {name: {**phase, "LENGTH": lengths[name]} for name, phase in phases.items() if lengths[name]}
    first = next(iter(flat.values()))
    if first["CURVE"] != "constant":
        first.setdefault("FROM", 0.5)
    names = list(flat)[begin % len(flat) : begin + count]
    nested: dict[str, Any] = {}
    for name, phase in flat.items():
        if name in names:
            nested.setdefault("inner", {"PHASES": {}})["PHASES"][name] = phase
        else:
            nested[name] = phase
    one, other = (fitted(each, total).timelines().rate.curve() for each in (flat, nested))
    assert [one(tick) for tick in range(0, total, 7)] == [other(tick) for tick in range(0, total, 7)]


@FEW
@given(possible, st.lists(st.floats(1e-6, 10), min_size=2, max_size=4))
def test_groups_keep_their_proportions_and_no_floor_lifts_one(
    drawn: tuple[dict[str, Any], int], rates: list[float]
) -> None:
    phases, total = drawn
    groups = [{"params": [torch.zeros(1)], "lr": rate} for rate in rates]
    optimizer = torch.optim.SGD(groups, lr=rates[0])
    node = {"NAME": "PhasesLR", "PHASES": phases}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scepter_opt.ConfigWarning)  # a length may round to 0
        scheduler = scepter_opt.build_lr_scheduler(optimizer, node, Horizon(total, 7))
    curve = fitted(phases, total).timelines().rate.curve()
    for tick in (0, 1, total // 2, total - 1, total):
        scheduler.load_state_dict({"last_epoch": tick, "total_steps": total})
        assert [group["lr"] for group in optimizer.param_groups] == [rate * curve(tick) for rate in rates]


def test_a_share_inside_a_phase_by_the_schedules_clock_is_of_the_schedule_wherever_the_clock_stands() -> None:
    drops = {"CURVE": "step", "GAMMA": 0.5, "AT": ["40%", "60%"]}
    warmup = {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": 200}
    for_the_phase = fitted({"warmup": warmup, "drops": {**drops, "CLOCK": "schedule"}}, 1000)
    node = {"NAME": "PhasesLR", "PHASES": {"warmup": warmup, "drops": drops}, "CLOCK": "schedule", "TOTAL_STEPS": 1000}
    for_all: Any = check_node(node, None).with_horizon(Horizon())
    for config in (for_the_phase, for_all):
        assert config.PHASES["drops"]["AT"] == [400, 600]
        curve = config.timelines().rate.curve()
        assert [curve(tick) for tick in (200, 399, 400, 599, 600)] == [1.0, 1.0, 0.5, 0.5, 0.25]


def test_without_it_a_share_is_of_the_phase() -> None:
    config = fitted(
        {
            "hold": {"CURVE": "constant", "LENGTH": 200},
            "drops": {"CURVE": "step", "GAMMA": 0.5, "EVERY": "25%", "HOLD": "10%"},
        },
        1000,
    )
    assert (config.PHASES["drops"]["EVERY"], config.PHASES["drops"].HOLD) == (200, 80)


def test_boundaries_that_repeat_keep_the_fraction_of_their_length() -> None:
    config: Any = check_node(
        {
            "NAME": "PhasesLR",
            "FREQUENCY": 3,
            "PHASES": {"drops": {"CURVE": "step", "GAMMA": 0.5, "EVERY": "1 epoch", "LENGTH": "9 epochs"}},
        },
        None,
    ).with_horizon(Horizon(None, steps_per_epoch=100))
    curve = config.timelines().rate.curve()
    assert config.PHASES["drops"].LENGTH == 300
    assert [tick for tick in range(1, 300) if curve(tick) < curve(tick - 1)] == [33, 67, 100, 133, 167, 200, 233, 267]


@pytest.mark.parametrize("left_out", [{"LENGTH": 0}, {"LENGTH": "0%"}, {"LENGTH": "0 epochs"}, None])
def test_a_phase_of_no_length_changes_nothing_for_the_others(left_out: Any) -> None:
    """A sweep of a warm-up down to none: the clock of what follows stays, and so does where it begins without one."""
    for clock in ("phase", "schedule"):
        warmup = None if left_out is None else {"CURVE": "linear", "FROM": 0.25, "TO": 0.5, **left_out}
        phases = {"warmup": warmup, "decay": {"CURVE": "linear", "TO": 0, "LENGTH": 50}, "hold": {"CURVE": "constant"}}
        node = {"NAME": "PhasesLR", "CLOCK": clock, "PHASES": phases, "TOTAL_STEPS": 100}
        curve = check_node(node, None).with_horizon(Horizon()).timelines().rate.curve()
        total = {"phase": 50, "schedule": 100}[clock]
        assert [curve(tick) for tick in range(50)] == pytest.approx([1 - tick / total for tick in range(50)])


def test_a_run_may_begin_in_the_middle_of_phases_that_are_longer_than_it() -> None:
    phases = {"decay": {"CURVE": "cosine", "TO": 0, "LENGTH": 1000}}
    config: Any = check_node({"NAME": "PhasesLR", "FIRST_STEP": 500, "PHASES": phases}, None)
    curve = config.with_horizon(Horizon(500)).timelines().rate.curve()
    assert [curve(k) for k in range(501)] == pytest.approx([(1 + cos(pi * (500 + k) / 1000)) / 2 for k in range(501)])
    with pytest.raises(scepter_opt.ConfigError, match="more than the 400"):
        config.with_horizon(Horizon(400))
