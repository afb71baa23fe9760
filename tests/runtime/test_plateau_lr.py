"""PlateauLR: torch's ReduceLROnPlateau, but after phases, with relative floors, and with all counters in its state."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import scepter_opt
from tests.support import without_ours

WARMUP = {"warmup": {"CURVE": "linear", "FROM": 0.0, "TO": 1.0, "LENGTH": 4}}


def optimizer_of(*rates: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        [{"params": [torch.zeros(1, requires_grad=True)], "lr": rate} for rate in rates], lr=rates[0]
    )


def build(*rates: float, **keys: Any) -> Any:
    scheduler = scepter_opt.build_lr_scheduler(optimizer_of(*(rates or (1.0,))), {"NAME": "PlateauLR", **keys})
    scheduler.optimizer.step()
    return scheduler


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(0, 10, width=16), min_size=1, max_size=40),
    st.sampled_from(["min", "max"]),
    st.sampled_from(["rel", "abs"]),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_without_phases_it_drops_when_torchs_does(
    metrics: list[float], mode: str, threshold_mode: str, patience: int, cooldown: int
) -> None:
    ours = build(MODE=mode, THRESHOLD_MODE=threshold_mode, PATIENCE=patience, COOLDOWN=cooldown, FACTOR=0.5)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer_of(1.0),
        mode=mode,  # type: ignore[arg-type]  # a choice
        threshold_mode=threshold_mode,  # type: ignore[arg-type]  # a choice
        patience=patience,
        cooldown=cooldown,
        factor=0.5,
        eps=0.0,
    )
    for metric in metrics:
        ours.step(metric)
        theirs.step(metric)
        assert ours.get_last_lr() == theirs.get_last_lr()


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-10, 10, width=16), min_size=1, max_size=40), st.integers(0, 2), st.floats(0, 0.5, width=16))
def test_an_improvement_is_a_share_of_the_bests_size_whatever_its_sign(
    mode: str, threshold_mode: str, metrics: list[float], patience: int, threshold: float
) -> None:
    scheduler = build(
        MODE=mode, THRESHOLD_MODE=threshold_mode, PATIENCE=patience, THRESHOLD=threshold, FACTOR=0.5, MIN_FACTOR=0
    )
    best, bad, rate = None, 0, 1.0
    for metric in metrics:
        gain = 0.0 if best is None else best - metric if mode == "min" else metric - best
        least = threshold * (abs(best) if threshold_mode == "rel" and best is not None else 1)
        if best is None or gain > least:
            best, bad = metric, 0
        else:
            bad += 1
        if bad > patience:
            rate, bad = rate / 2, 0
        scheduler.step(metric)
        assert scheduler.get_last_lr() == [rate]


def test_a_negative_metric_that_gets_worse_drops_the_rate_and_one_that_gets_better_does_not() -> None:
    """Of a log-likelihood: torch's own takes -2 for better than -1.9999 is for worse, the wrong way round."""
    worse, better = (build(PATIENCE=0, FACTOR=0.5, THRESHOLD=0.01) for _ in range(2))
    for step in range(4):
        worse.step(-2.0 + 0.001 * step)
        better.step(-2.0 - 0.1 * step)
    assert (worse.get_last_lr(), better.get_last_lr()) == ([0.125], [1.0])


# Trainers that pass no metric


def test_it_says_once_that_no_metric_comes() -> None:
    scheduler = build(PHASES=WARMUP, PATIENCE=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(6):
            scheduler.step()
    with pytest.warns(scepter_opt.ConfigWarning, match="^MONITOR: 3 ticks came without a metric: without one the rate"):
        scheduler.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(9):
            scheduler.step()


def test_it_says_nothing_where_a_metric_comes_between_ticks() -> None:
    node = {"NAME": "PlateauLR", "INTERVAL": "step", "MONITOR": "loss", "PATIENCE": 1}
    optimizer = optimizer_of(1.0)
    driver = scepter_opt.Driver(scepter_opt.build_lr_scheduler(optimizer, node), node)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            for _ in range(10):
                optimizer.step()
                driver.step()
            driver.end_epoch({"loss": 1.0})


def test_the_metric_counts_after_the_phases() -> None:
    scheduler = build(PHASES=WARMUP, PATIENCE=1, FACTOR=0.5)
    rates = []
    for _ in range(9):
        rates.append(scheduler.get_last_lr()[0])
        scheduler.step(1.0)
    assert rates == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 0.5, 0.5]


def test_the_floor_is_relative_and_groups_keep_their_proportions() -> None:
    scheduler = build(1.0, 0.001, PATIENCE=0, FACTOR=0.1, MIN_FACTOR=0.05)
    for _ in range(5):
        scheduler.step(1.0)
    assert scheduler.get_last_lr() == pytest.approx([0.05, 0.00005])


def test_a_step_without_a_metric_is_a_tick_and_a_metric_may_come_between() -> None:
    scheduler = build(PHASES=WARMUP, PATIENCE=0, FACTOR=0.5)
    scheduler.observe(1.0)
    for _ in range(5):
        scheduler.step()
    scheduler.observe(1.0)
    scheduler.observe(1.0)
    assert scheduler.last_epoch == 5
    assert scheduler.get_last_lr() == [group["lr"] for group in scheduler.optimizer.param_groups] == [0.5]


def test_its_state_has_all_counters() -> None:
    scheduler = build(PHASES=WARMUP, PATIENCE=1)
    for _ in range(6):
        scheduler.step(1.0)
    counters = {"reached": 1.0, "best": 1.0, "bad": 1, "cooling": 0}
    assert without_ours(scheduler.state_dict()) == {"last_epoch": 6, "total_steps": None, **counters}
    again = build(PHASES=WARMUP, PATIENCE=1)
    again.load_state_dict(scheduler.state_dict())
    again.step(1.0)
    assert again.get_last_lr() == pytest.approx([0.1])


def test_a_metric_that_is_nan_is_an_error() -> None:
    with pytest.raises(scepter_opt.ConfigError, match="NaN"):
        build().step(float("nan"))


def test_a_warning_that_is_an_error_takes_no_tick_away() -> None:
    scheduler = build(PATIENCE=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", scepter_opt.ConfigWarning)
        with pytest.raises(scepter_opt.ConfigWarning, match="MONITOR"):
            scheduler.step()
        scheduler.step()
    assert scheduler.last_epoch == 2
