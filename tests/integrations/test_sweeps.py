"""Sweeps: their combinations, as Hydra composes them."""

from __future__ import annotations

import pytest

from scepter_opt import ConfigError
from scepter_opt.cli.composing import compose
from scepter_opt.integrations.sweeps import Sweep, check_combinations, said_of, with_params


def test_an_interval_is_checked_at_its_ends_and_a_range_at_all_of_it() -> None:
    def values(override: str) -> list[str]:
        sweep = Sweep([override], [], compose)
        return [each for _, (each,) in sweep.combinations(100)]

    assert values("optimizer.LEARNING_RATE=interval(0.1,0.5)") == [
        "optimizer.LEARNING_RATE=0.1", "optimizer.LEARNING_RATE=0.5",
    ]  # fmt: skip
    assert len(values("optimizer.LEARNING_RATE=range(1,11)")) == 10
    assert len(values("optimizer.LEARNING_RATE=choice(0.1,0.2,0.3)")) == 3


def test_a_value_is_set_as_hydra_composes_it() -> None:
    overrides = ["optimizer=sgd,adamw", "optimizer.LEARNING_RATE=0.1,1e-3", "optimizer.PARAM_GROUPS={},null"]
    fast = Sweep(overrides, [], compose)
    for combination in fast.combinations(100):
        others, values = combination
        slow = Sweep([], [*others, *values], compose)
        assert fast.config(combination) == slow.config(next(slow.combinations(100)))


def test_a_sweep_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"the override optimizer=\[sgd cannot be read"):
        Sweep(["optimizer=[sgd"], [], compose)


def test_a_group_of_all_its_options_needs_hydras_loader() -> None:
    with pytest.raises(ConfigError, match=r"the override optimizer=glob\(s\*\) cannot be read: "):
        Sweep(["optimizer=glob(s*)"], [], compose)


@pytest.mark.parametrize("most", [7, 10, 23])
def test_of_a_sweep_that_is_too_long_each_value_comes_first_and_nothing_twice(most: int) -> None:
    overrides = ["optimizer=sgd,adam", "optimizer.LEARNING_RATE=1,2,3,4", "optimizer.WEIGHT_DECAY=5,6,7"]
    sweep = Sweep(overrides, [], compose)
    assert sweep.total == 24
    found = [" ".join((*others, *values)) for others, values in sweep.combinations(most)]
    assert len(set(found)) == len(found) == most
    first = "optimizer=sgd optimizer.LEARNING_RATE=1 optimizer.WEIGHT_DECAY=5"
    assert found[:7] == [
        first,
        first.replace("sgd", "adam"),
        *(first.replace("RATE=1", f"RATE={rate}") for rate in (2, 3, 4)),
        *(first.replace("DECAY=5", f"DECAY={decay}") for decay in (6, 7)),
    ]
    checked = check_combinations(sweep, sweep.combinations(most))
    assert list(said_of(checked, sweep.total)) == [
        (f"{most} combinations, 0 of them wrong", 0),
        (f"{24 - most} further combinations were not looked at", 0),
    ]


def test_all_combinations_are_given_where_they_are_not_too_many() -> None:
    sweep = Sweep(["optimizer=sgd,adam", "optimizer.LEARNING_RATE=1,2,3"], [], compose)
    found = list(sweep.combinations(6))
    assert len(set(found)) == 6
    assert [others for others, _ in found] == [("optimizer=sgd",)] * 3 + [("optimizer=adam",)] * 3


def test_the_command_line_wins_over_a_configs_own_sweep() -> None:
    hydra = {"sweeper": {"params": {"a": "1,2", "+b": "3,4"}}}
    assert with_params(hydra, ["a=5"]) == ["+b=3,4", "a=5"]
    assert with_params(hydra, ["b=5"]) == ["a=1,2", "b=5"]
    assert with_params({}, ["b=5"]) == ["b=5"]
