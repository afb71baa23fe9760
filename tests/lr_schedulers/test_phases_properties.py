"""What holds for all phases: no jumps, kept proportions, floors, nesting, and lengths that sum up."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import scepter_opt
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
    node = {"NAME": "PhasesLR", "PHASES": phases, "TOTAL_STEPS": total, "TRUNCATE": False}
    config: PhasesLR.Config = scepter_opt.check(node)
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
    flat = {name: {**phase, "LENGTH": fitted(phases, total).PHASES[name].LENGTH} for name, phase in phases.items()}
    flat = {name: phase for name, phase in flat.items() if phase["LENGTH"]}
    names = list(flat)[begin : begin + count]
    assume(names)
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
    scheduler = scepter_opt.build_lr_scheduler(optimizer, node, Horizon(total, 7))
    curve = fitted(phases, total).timelines().rate.curve()
    for tick in (0, 1, total // 2, total - 1, total):
        scheduler.load_state_dict({"last_epoch": tick, "total_steps": total})
        assert [group["lr"] for group in optimizer.param_groups] == [rate * curve(tick) for rate in rates]
