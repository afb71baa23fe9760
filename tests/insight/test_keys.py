"""What can be said at a place: keys with their types, values and torch's arguments."""

from __future__ import annotations

import inspect

import pytest

from scepter_opt import LR_SCHEDULERS, OPTIMIZERS, ConfigError
from scepter_opt.components.keywords import target_class
from scepter_opt.config.validation import fields
from scepter_opt.insight.keys import Key, sections
from scepter_opt.schedules.curves import CURVES


def keys(name: str, key: str = "") -> dict[str, Key]:
    return {each.name: each for section in sections(name, key) for each in section.keys}


@pytest.mark.parametrize("name", [*OPTIMIZERS.own_entries(), *LR_SCHEDULERS.own_entries()])
def test_the_arguments_that_are_named_are_torchs_and_everything_is_documented(name: str) -> None:
    shown = keys(name)
    registry = OPTIMIZERS if OPTIMIZERS.has(name) else LR_SCHEDULERS
    entry = registry.entry(name)
    assert entry.config is not None
    assert {"NAME", *shown} == fields(entry.config).keys()
    assert all(key.documentation and key.type for key in shown.values())
    target = str(entry.component.target)
    named = {word for key in shown.values() for word in key.keyword.split(", ") if word}
    if target.startswith("torch."):
        known = set(inspect.signature(target_class(target)).parameters)
        assert named - {"foreach", "fused"} <= known
    else:
        assert named <= {"foreach", "fused"}


def test_of_a_recipe_the_last_file_that_says_a_key_is_named() -> None:
    shown = keys("warmup_cosine_timm")
    assert shown["CLOCK"].source == "lr_scheduler/warmup_cosine_timm.yaml"
    assert shown["FIRST_STEP"].source == "default"


def test_what_is_below_a_key_is_shown_with_it() -> None:
    assert {"WHERE", "KINDS", "LR_MULT"} <= keys("adamw", "PARAM_GROUPS").keys()
    assert {"BATCH_SIZE", "RULE"} <= keys("adamw", "LR_SCALING").keys()
    assert {"CURVE", "AT"} <= keys("step", "FINISH").keys()
    assert {"LENGTH", *CURVES} <= keys("warmup_cosine", "PHASES").keys()
    assert list(keys("adamw", "lr")) == ["LEARNING_RATE"]
    assert list(keys("phases", "GAMMA")) == list(keys("warmup_cosine", "PHASES.decay.GAMMA")) == ["GAMMA"]
    assert list(keys("curves", "one_minus_sqrt")) == ["one_minus_sqrt"]


@pytest.mark.parametrize("topic", ["phases", "param_groups", "param-groups", "lr_scaling", "finish"])
def test_a_topic_is_shown_by_its_name(topic: str) -> None:
    assert keys(topic)


def test_a_preset_is_shown_as_its_rules() -> None:
    assert keys("no_decay")["no_decay"].value == {
        "WHERE": {"KINDS": ["bias", "norm", "vector", "scalar"]},
        "SET": {"WEIGHT_DECAY": 0.0},
    }


def test_a_key_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"LERNING_RATE: there is no such key\. Did you mean LEARNING_RATE\?"):
        sections("sgd", "LERNING_RATE")
