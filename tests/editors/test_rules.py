"""Rules of PARAM_GROUPS: selectors, settings by optimizer, parts of a Hybrid."""

from __future__ import annotations

from typing import Any

import pytest

from scepter_opt.optimizers import OPTIMIZERS, BaseOptimize
from tests.editors.schemas import is_red, made, problems, schema

WHERE = {"NAMES": "*"}


def node(name: str, settings: Any, **keys: Any) -> dict[str, Any]:
    return {"NAME": name, "PARAM_GROUPS": {"a": {"WHERE": WHERE, "SET": settings}}, **keys}


@pytest.mark.parametrize("settings", [{"WEIGHT_DECAY": 0}, {"LR_MULT": "0.1", "FREEZE": False}, None, {}, "${rules.a}"])
def test_a_rule_sets_what_its_optimizer_has(settings: Any) -> None:
    assert not problems("node.optimizer", node("AdamW", settings))


@pytest.mark.parametrize(
    "settings", [{"WEIGHT_DECYA": 0}, {"MOMENTUM": 0.9}, {"PARAM_GROUPS": {}}, {"OPTIMIZER": "x"}, {"LR_MULT": -1}, 3]
)
def test_a_rule_sets_nothing_else(settings: Any) -> None:
    assert is_red("node.optimizer", node("AdamW", settings))


def test_a_multiplier_is_for_what_the_class_has() -> None:
    # SparseAdam has no weight decay
    assert is_red("node.optimizer", node("SparseAdam", {"WEIGHT_DECAY_MULT": 2}))
    assert not problems("node.optimizer", node("SparseAdam", {"LR_MULT": 2}))


@pytest.mark.parametrize(
    "rules", [{"WHERE": WHERE}, {"default": {"WHERE": WHERE}}, {"a": {"KINDS": "bias"}}, "no_decay"]
)
def test_rules_have_names_that_are_their_own(rules: Any) -> None:
    assert is_red("node.optimizer", {"NAME": "SGD", "PARAM_GROUPS": rules})


def test_a_rule_of_a_hybrid_sets_what_one_of_its_parts_has() -> None:
    parts = {"first": {"NAME": "SGD"}, "second": {"NAME": "AdamW"}}
    keys = {"OPTIMIZERS": parts, "DEFAULT": "first"}
    assert not problems(
        "node.optimizer", node("Hybrid", {"MOMENTUM": 0.9, "BETAS": [0.9, 0.99], "OPTIMIZER": "first"}, **keys)
    )
    assert is_red("node.optimizer", node("Hybrid", {"NS_STEPS": 5}, **keys))
    # of a part that another file completes nobody knows what it is
    assert not problems("node.optimizer", node("Hybrid", {"NS_STEPS": 5}, **keys | {"OPTIMIZERS": {"first": {}}}))


def test_a_preset_sets_what_any_optimizer_has() -> None:
    assert not problems("param_groups", {"a": {"WHERE": WHERE, "SET": {"NS_STEPS": 5, "BETAS": [0.9, 0.99]}}})
    assert is_red("param_groups", {"a": {"WHERE": WHERE, "SET": {"NS_STEP": 5}}})


def test_where_a_class_takes_any_key_so_do_its_rules() -> None:
    @OPTIMIZERS.register_class()
    class Anything(BaseOptimize):
        """Takes any key."""

    validator = made(schema("node.optimizer"))
    assert validator.is_valid(node("Anything", {"MINE": 1, "LR_MULT": 2}, OTHER=1))
    assert not validator.is_valid(node("Anything", {"LR_MULT": -1}))
    assert not validator.is_valid({"NAME": "Anything", "PARAM_GROUPS": {"a": {"WEHRE": WHERE}}})
    # a preset may be for it
    assert made(schema("param_groups")).is_valid({"a": {"WHERE": WHERE, "SET": {"MINE": 1}}})
