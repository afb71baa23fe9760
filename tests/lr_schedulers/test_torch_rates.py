"""Rates in the situations of torch's own tests, through configs: of one scheduler, of several, of held ones."""

from __future__ import annotations

import warnings
from math import cos, pi
from typing import Any

import pytest
import torch

from scepter_opt import ConfigError
from tests.lr_schedulers.torch_situations import Rate, build, near, parts, rates_of, sgd

STEP = {"NAME": "StepLR", "GAMMA": 0.1, "STEP_SIZE": 3}
MULTI = {"NAME": "MultiStepLR", "GAMMA": 0.1, "MILESTONES": [2, 5, 9]}
EXP = {"NAME": "ExponentialLR", "GAMMA": 0.9}
COS = {"NAME": "CosineAnnealingLR", "T_MAX": 10, "ETA_MIN": 1e-10}


def linear(start: float, ticks: int, end: float = 1.0) -> dict[str, Any]:
    return {"NAME": "LinearLR", "START_FACTOR": start, "END_FACTOR": end, "TOTAL_ITERS": ticks}


def const(factor: float, ticks: int) -> dict[str, Any]:
    return {"NAME": "ConstantLR", "FACTOR": factor, "TOTAL_ITERS": ticks}


def line(start: float, ticks: int, end: float = 1.0) -> Rate:
    return lambda t: start + min(t, ticks) / ticks * (end - start)


def drops(*ticks: int) -> Rate:
    return lambda t: 0.1 ** sum(t >= tick for tick in ticks)


def step3(t: int) -> float:
    return 0.1 ** (t // 3)


multi = drops(2, 5, 9)


def exp(t: int) -> float:
    return 0.9**t


def cosine(t: int) -> float:
    return (1 + cos(pi * t / 10)) / 2


SINGLE: dict[str, tuple[dict[str, Any], Rate]] = {
    "step": (STEP, step3),
    "multi step": (MULTI, multi),
    "constant": (const(0.5, 5), lambda t: 0.5 if t < 5 else 1.0),
    "linear": (linear(0.5, 4), line(0.5, 4)),
    "linear to another end": (linear(0.25, 4, 0.6), line(0.25, 4, 0.6)),
    "exponential": (EXP, exp),
    "polynomial": (
        {"NAME": "PolynomialLR", "POWER": 0.9, "TOTAL_ITERS": 5},
        lambda t: (1 - t / 5) ** 0.9 if t < 5 else 0.0,
    ),
}


@pytest.mark.parametrize("name", SINGLE)
def test_every_group_follows_the_factor(name: str) -> None:
    node, factor = SINGLE[name]
    optimizer = sgd()
    seen = rates_of(optimizer, [make(optimizer, node)], 20)
    assert seen == [near(rate * factor(t) for t in range(20)) for rate in (0.05, 0.5)]


@pytest.mark.parametrize("name", SINGLE)
def test_the_last_rate_is_told(name: str) -> None:
    node, factor = SINGLE[name]
    optimizer = sgd()
    scheduler = make(optimizer, node)
    for t in range(12):
        assert [float(rate) for rate in scheduler.get_last_lr()] == near([0.05 * factor(t), 0.5 * factor(t)])
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("name", SINGLE)
def test_a_position_can_be_given_and_stays(name: str) -> None:
    """The closed form of each, tick by tick, and ten times the same."""
    node, factor = SINGLE[name]
    optimizer = sgd()
    scheduler = make(optimizer, node)
    for t in [*range(20), *[2] * 10]:
        optimizer.step()
        with pytest.warns(UserWarning, match="epoch parameter in `scheduler.step"):
            scheduler.step(t)
        assert float(optimizer.param_groups[0]["lr"]) == pytest.approx(0.05 * factor(t), rel=1e-9, abs=1e-15)


def make(optimizer: torch.optim.Optimizer, node: dict[str, Any]) -> Any:
    return build(optimizer, node["NAME"], **{key: value for key, value in node.items() if key != "NAME"})


def test_a_cosine_with_an_absolute_floor() -> None:
    optimizer = sgd()
    seen = rates_of(optimizer, [make(optimizer, COS)], 10)
    assert seen == [near(1e-10 + (rate - 1e-10) * cosine(t) for t in range(10)) for rate in (0.05, 0.5)]


def test_a_cosine_past_its_end_rises_as_torchs_closed_form_does() -> None:
    node = {**COS, "T_MAX": 5}
    stepped, told = sgd(), sgd()
    one, other = make(stepped, node), make(told, node)
    for t in range(1, 20):
        stepped.step()
        told.step()
        one.step()
        with pytest.warns(UserWarning, match="epoch parameter"):
            other.step(t)
        assert [float(group["lr"]) for group in stepped.param_groups] == near(
            float(group["lr"]) for group in told.param_groups
        )


def test_a_cosine_goes_on_after_a_tick() -> None:
    optimizer = sgd()
    node = {**COS, "T_MAX": 5, "ETA_MIN": 0.1}
    scheduler = make(optimizer, node)
    optimizer.step()
    scheduler.step()
    before = [float(rate) for rate in scheduler.get_last_lr()]
    again = make(optimizer, {**node, "LAST_EPOCH": 0})
    assert [float(rate) for rate in again.get_last_lr()] == near(before)


@pytest.mark.parametrize("factor", [0.0, 1.1])
def test_a_linear_start_outside_its_bounds_is_refused(factor: float) -> None:
    with pytest.raises(ConfigError, match="START_FACTOR"):
        make(sgd(), linear(factor, 4))


SEVERAL: dict[str, tuple[list[dict[str, Any]], Rate]] = {
    "step and multi step": ([STEP, MULTI], lambda t: step3(t) * multi(t)),
    "step and exponential": ([STEP, EXP], lambda t: step3(t) * exp(t)),
    "exponential and multi step": ([MULTI, EXP], lambda t: multi(t) * exp(t)),
    "exponential and linear": ([linear(0.4, 4, 0.9), EXP], lambda t: line(0.4, 4, 0.9)(t) * exp(t)),
    "step and constant": ([STEP, const(0.4, 4)], lambda t: step3(t) * (0.4 if t < 4 else 1)),
    "linear and multi step": ([MULTI, linear(0.4, 4)], lambda t: multi(t) * line(0.4, 4)(t)),
    "cosine and step": ([{**COS, "ETA_MIN": 0}, STEP], lambda t: cosine(t) * step3(t)),
    "cosine and multi step": ([{**COS, "ETA_MIN": 0}, MULTI], lambda t: cosine(t) * multi(t)),
    "cosine and linear": ([linear(0.4, 4), {**COS, "ETA_MIN": 0}], lambda t: cosine(t) * line(0.4, 4)(t)),
    "cosine and exponential": ([{**COS, "ETA_MIN": 0}, EXP], lambda t: cosine(t) * exp(t)),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_several_over_one_optimizer_multiply(name: str) -> None:
    nodes, factor = SEVERAL[name]
    optimizer = sgd()
    seen = rates_of(optimizer, [make(optimizer, node) for node in nodes], 10)
    assert seen == [near(rate * factor(t) for t in range(10)) for rate in (0.05, 0.5)]


CHAINED: dict[str, tuple[dict[str, Any], Rate]] = {
    "step": (parts(a=STEP), step3),
    "linear": (parts(a=linear(0.4, 3)), line(0.4, 3)),
    "linear and multi step": (
        parts(a=linear(0.4, 3), b={**MULTI, "MILESTONES": [4, 8, 10]}),
        lambda t: line(0.4, 3)(t) * drops(4, 8, 10)(t),
    ),
    "three": (
        parts(a=EXP, b=const(0.2, 4), c=STEP),
        lambda t: exp(t) * (0.2 if t < 4 else 1) * step3(t),
    ),
    "polynomial and constant": (
        parts(a={"NAME": "PolynomialLR", "POWER": 0.9, "TOTAL_ITERS": 5}, b=const(0.1, 5)),
        lambda t: 0.1 * (1 - t / 5) ** 0.9 if t < 5 else 0.0,
    ),
}


@pytest.mark.parametrize("name", CHAINED)
def test_a_chain_multiplies_and_tells_the_last_rate(name: str) -> None:
    keys, factor = CHAINED[name]
    optimizer = sgd()
    scheduler = build(optimizer, "ChainedScheduler", **keys)
    last = scheduler._schedulers[-1]
    assert scheduler.get_last_lr() == last.get_last_lr()
    seen = rates_of(optimizer, [scheduler], 10)
    assert seen == [near(rate * factor(t) for t in range(10)) for rate in (0.05, 0.5)]
    assert scheduler.get_last_lr() == last.get_last_lr()


CHAIN = {"NAME": "ChainedScheduler", **parts(a=linear(0.1, 5), b=const(0.1, 5))}
SEQUENCES: dict[str, tuple[dict[str, Any], list[int], Rate]] = {
    "exponential, then step": (
        parts(a={**EXP, "GAMMA": 0.8}, b={**STEP, "STEP_SIZE": 4}),
        [3],
        lambda t: 0.8**t if t < 3 else 0.1 ** ((t - 3) // 4),
    ),
    "constant, then exponential": (parts(a=const(0.1, 3), b=EXP), [3], lambda t: 0.1 if t < 3 else 0.9 ** (t - 3)),
    "three": (
        parts(a=const(0.1, 3), b={**EXP, "GAMMA": 0.8}, c={**STEP, "STEP_SIZE": 2}),
        [3, 6],
        lambda t: 0.1 if t < 3 else 0.8 ** (t - 3) if t < 6 else 0.1 ** ((t - 6) // 2),
    ),
    "constants": (parts(a=const(1, 5), b=const(0.1, 5)), [10], lambda t: 1.0 if t < 10 else 0.1 if t < 15 else 1.0),
    "a chain, then constant": (
        parts(a=CHAIN, b=const(0.5, 5)),
        [5],
        lambda t: 0.1 * line(0.1, 5)(t) if t < 5 else 0.5 if t < 10 else 1.0,
    ),
    "up and down again": (
        parts(a=linear(0.1, 4, 0.8), b=linear(0.8, 4, 0.1)),
        [4],
        lambda t: line(0.1, 4, 0.8)(t) if t < 4 else line(0.8, 4, 0.1)(t - 4),
    ),
}


def sequence(optimizer: torch.optim.Optimizer, keys: dict[str, Any], milestones: list[int]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch steps a chain once as it takes it in, and warns of that
        return build(optimizer, "SequentialLR", MILESTONES=milestones, **keys)


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_sequence_takes_over_at_its_milestones_without_a_word(name: str) -> None:
    keys, milestones, factor = SEQUENCES[name]
    optimizer = sgd()
    scheduler = sequence(optimizer, keys, milestones)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seen = rates_of(optimizer, [scheduler], 19)
    assert seen == [near(rate * factor(t) for t in range(19)) for rate in (0.05, 0.5)]


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_sequence_tells_its_last_rate(name: str) -> None:
    keys, milestones, factor = SEQUENCES[name]
    optimizer = sgd()
    scheduler = sequence(optimizer, keys, milestones)
    for t in range(12):
        assert [float(rate) for rate in scheduler.get_last_lr()] == near([0.05 * factor(t), 0.5 * factor(t)])
        optimizer.step()
        scheduler.step()
