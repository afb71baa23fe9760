"""Phases by curve, lengths, settings and rules with phases of their own, FINISH."""

from __future__ import annotations

from typing import Any

import pytest

from tests.editors.schemas import is_red, problems

LINEAR = {"CURVE": "linear", "TO": 0.1}


def phases(phase: Any, **keys: Any) -> dict[str, Any]:
    return {"NAME": "PhasesLR", "PHASES": {"a": phase}, **keys}


@pytest.mark.parametrize(
    "phase",
    [
        LINEAR,
        {**LINEAR, "POWER": None},
        {"CURVE": "${curve}", "POWER": 2},
        # the curve is another file's to say
        {"LENGTH": "5%", "POWER": 2},
        {"CURVE": "polynomial", "TO": 0, "POWER": 2},
        {"PHASES": {"b": LINEAR}, "LENGTH": "2 epochs", "CURVE": None},
        {"CURVE": "step", "GAMMA": 0.1, "AT": ["30%", 500]},
        None,
        "${phases.a}",
    ],
)
def test_a_phase_has_the_keys_of_its_curve(phase: Any) -> None:
    assert not problems("node.lr_scheduler", phases(phase))


@pytest.mark.parametrize(
    "phase",
    [
        {"CURVE": "lineer", "TO": 0.1},
        {**LINEAR, "POWER": 2},
        {**LINEAR, "PHASES": {"b": LINEAR}},
        {"PHASES": {"b": LINEAR}, "TO": 1},
        {"LENGHT": "5%"},
        {**LINEAR, "LENGHT": None},
        {"CURVE": "step", "GAMMA": 0.1, "AT": "30%"},
        {**LINEAR, "LENGTH": 0.05},
        {**LINEAR, "LENGTH": "5 percent"},
        {**LINEAR, "LENGTH": True},
        "cosine",
    ],
)
def test_a_phase_has_no_others(phase: Any) -> None:
    assert is_red("node.lr_scheduler", phases(phase))


def test_one_mistake_in_the_name_of_a_curve_is_one_problem() -> None:
    assert len(problems("node.lr_scheduler", phases({"CURVE": "polinomial", "TO": 0, "POWER": 2}))) == 1


def test_settings_and_rules_have_phases_of_their_own() -> None:
    in_parts = {"PHASES": {"b": LINEAR}, "SETTINGS": {"WEIGHT_DECAY": {"b": LINEAR}}}
    good = phases(LINEAR, SETTINGS={"MOMENTUM": {"b": LINEAR}}, RULES={"head": {"b": LINEAR}, "tail": in_parts})
    assert not problems("node.lr_scheduler", good)
    for bad in (
        {"SETTINGS": {"MOMENTUN": {"b": LINEAR}}},
        {"SETTINGS": {"LEARNING_RATE": {"b": LINEAR}}},
        {"RULES": {"head": {**in_parts, "SETTING": {}}}},
        {"RULES": {"head": {"b": {**LINEAR, "POWER": 2}}}},
    ):
        assert is_red("node.lr_scheduler", phases(LINEAR, **bad)), bad


def test_a_finish_is_a_curve_to_an_end() -> None:
    node = {"NAME": "NoneLR", "FINISH": {"CURVE": "one_minus_sqrt", "TO": 0, "LENGTH": "10%", "AT": 900}}
    assert not problems("node.lr_scheduler", node)
    assert not problems("node.lr_scheduler", {"NAME": "NoneLR", "FINISH": None})
    for bad in (
        {"CURVE": "step", "GAMMA": 1},
        {**LINEAR, "FROM": 1},
        {**LINEAR, "CLOCK": "phase"},
        {**LINEAR, "AT": -1},
    ):
        assert is_red("node.lr_scheduler", {"NAME": "NoneLR", "FINISH": bad}), bad
