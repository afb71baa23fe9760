"""Which class a defaults list chooses for a place."""

from __future__ import annotations

from typing import Any

import pytest

from scepter_opt.editors.defaults import names_in, options_of, shipped_options
from tests.editors.schemas import is_red, problems

OF_SGD, OF_ADAMW = {"MOMENTUM": 0.9}, {"BETAS": [0.9, 0.95]}


@pytest.mark.parametrize(
    "item",
    [
        {"optimizer": "sgd"},
        {"override optimizer": "sgd"},
        {"override /optimizer": "sgd"},
        {"/optimizer": "sgd"},
        {"optimizer@optimizer": "sgd"},
        {"/optimizer@_global_.optimizer": "sgd"},
        {"optional optimizer": "sgd"},
    ],
)
def test_an_option_chooses_the_keys_of_its_place(item: Any) -> None:
    assert not problems("app", {"defaults": [item, "_self_"], "optimizer": OF_SGD})
    assert is_red("app", {"defaults": [item, "_self_"], "optimizer": OF_ADAMW})


@pytest.mark.parametrize(
    "defaults",
    [
        [],
        [{"optimizer": "mine"}],
        [{"optimizer": "${chosen}"}],
        [{"optimizer": None}],
        [{"optimizer@generator": "sgd"}],
        [{"model/optimizer": "sgd"}],
        [{"optimizer": "sgd"}, {"other@optimizer": "mine"}],
    ],
)
def test_where_it_is_not_known_which_all_keys_are_green(defaults: list[Any]) -> None:
    values = {"defaults": defaults, "optimizer": {**OF_SGD, **OF_ADAMW}}
    assert not problems("app", values)
    assert is_red("app", {**values, "optimizer": {"MOMENTUN": 0.9}})


def test_a_node_that_says_its_class_is_that_ones() -> None:
    assert is_red("app", {"defaults": [{"optimizer": "sgd"}], "optimizer": {"NAME": "AdamW", **OF_SGD}})


def test_several_nodes_have_the_keys_of_the_one_class_that_is_chosen_for_them() -> None:
    chosen = [{"optimizer@optimizers.a": "sgd"}, {"optimizer@optimizers.b": "sgd"}]
    assert not problems("app", {"defaults": chosen, "optimizers": {"a": OF_SGD}})
    assert is_red("app", {"defaults": chosen, "optimizers": {"a": OF_ADAMW}})
    # of two classes it is not known which is whose
    chosen[1] = {"optimizer@optimizers.b": "adamw"}
    assert not problems("app", {"defaults": chosen, "optimizers": {"a": OF_SGD, "b": OF_ADAMW}})


@pytest.mark.parametrize(
    "defaults",
    [
        ["sgd", "_self_"],
        ["/optimizer/sgd"],
        [{"optional /scepter_opt/schema/optimizer@_here_": "sgd"}, {"/param_groups@PARAM_GROUPS": "none"}, "_self_"],
        [{"/optimizer@_here_": "sgd"}],
        ["sgd", {"/optimizer@OPTIMIZERS.a": "adamw"}, "/param_groups/no_decay@PARAM_GROUPS"],
    ],
)
def test_an_options_file_has_the_keys_of_what_it_extends(defaults: list[Any]) -> None:
    assert not problems("optimizer", {"defaults": defaults, **OF_SGD})
    assert is_red("optimizer", {"defaults": defaults, **OF_ADAMW})


@pytest.mark.parametrize("defaults", [["mine"], ["sgd", "mine"], ["_self_"], [{"/optimizer@_here_": "mine"}, "sgd"]])
def test_what_extends_something_unknown_has_any_keys(defaults: list[Any]) -> None:
    assert not problems("optimizer", {"defaults": defaults, **OF_SGD, **OF_ADAMW})


def test_a_recipe_of_phases_has_the_keys_of_phases() -> None:
    assert not problems("app", {"defaults": [{"lr_scheduler": "warmup_cosine"}], "lr_scheduler": {"TRUNCATE": True}})
    assert is_red("app", {"defaults": [{"lr_scheduler": "warmup_cosine"}], "lr_scheduler": {"STEP_SIZE": 3}})


def test_an_option_that_means_two_classes_means_none() -> None:
    options = {"optimizer": {"a": "SGD", "b": "Adam"}, "optim": {"a": "Adam", "b": "Adam"}, "data": {"c": ""}}
    assert options_of("optimizer", options) == {"a": "", "b": "Adam"}
    assert names_in(options, "optimizer") == ["SGD", "Adam"]


def test_typed_schemas_are_options_of_the_classes_alone() -> None:
    options = shipped_options(
        [("optimizer", "sgd", "SGD"), ("optimizer", "mine", "SGD")], [("optimizer", "sgd", "SGD")]
    )
    assert options == {"optimizer": {"sgd": "SGD", "mine": "SGD"}, "scepter_opt/schema/optimizer": {"sgd": "SGD"}}
