"""Samplers and pruners by short names."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from scepter_opt import ConfigError
from scepter_opt.integrations.optuna_parts import class_of, module_of, pruner_of, sampler_of

optuna = pytest.importorskip("optuna")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("tpe", "TPESampler"),
        ("TPESampler", "TPESampler"),
        ("cma_es", "CmaEsSampler"),
        ("cmaes", "CmaEsSampler"),
        ({"name": "random"}, "RandomSampler"),
    ],
)
def test_a_sampler_is_found_by_its_name_in_any_spelling(said: Any, name: str) -> None:
    assert class_of("sampler", said) == name


def test_arguments_are_the_classes_own() -> None:
    pruner = pruner_of({"name": "asha", "min_resource": 23, "reduction_factor": 3})
    assert type(pruner) is optuna.pruners.SuccessiveHalvingPruner
    assert (pruner._min_resource, pruner._reduction_factor) == (23, 3)
    waiting = pruner_of({"name": "patient", "wrapped_pruner": "median", "patience": 2})
    assert type(waiting._wrapped_pruner) is optuna.pruners.MedianPruner
    assert type(pruner_of(None)) is type(pruner_of("none")) is optuna.pruners.NopPruner


def test_what_is_filled_is_given_to_those_that_have_it() -> None:
    assert type(sampler_of("random", seed=1, search_space={"a": [1]})) is optuna.samplers.RandomSampler
    assert type(sampler_of("grid", seed=1, search_space={"a": [1]})) is optuna.samplers.GridSampler


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("medain", "pruner = 'medain': there is no such pruner. Did you mean median? There are asha, "),
        (
            {"name": "asha", "min_resorce": 1},
            "pruner.min_resorce = 1: SuccessiveHalvingPruner has no such argument. Did",
        ),
        ({"min_resource": 1}, "pruner = {'min_resource': 1}: has no name: {name: asha, ...}."),
        ({"name": "percentile"}, "pruner.percentile: PercentilePruner needs it."),
        ({"name": "median", "n_startup_trials": -1}, "MedianPruner refuses this: "),
    ],
)
def test_what_there_is_not_is_an_error(said: Any, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        pruner_of(said)
    assert words in str(raised.value)


def test_without_optuna_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"hydra/sweeper = 'optuna_study': needs optuna: pip install 'scepter_opt"):
        module_of("optuna")
