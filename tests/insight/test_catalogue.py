"""Every option of the config groups, and what a word means."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scepter_opt import LR_SCHEDULERS, OPTIMIZERS, ConfigError
from scepter_opt.insight.catalogue import find, options

CONF = Path(__file__).parents[2] / "conf"


def test_every_file_of_the_groups_is_an_option_once() -> None:
    known = [(option.group, option.name) for option in options()]
    assert len(set(known)) == len(known)
    for group in ("optimizer", "lr_scheduler", "param_groups"):
        assert {name for of, name in known if of == group} == {path.stem for path in (CONF / group).glob("*.yaml")}


def test_what_users_register_is_an_option_of_theirs() -> None:
    @OPTIMIZERS.register_class()
    class Calm(torch.optim.SGD):
        """Descent without haste."""

    (option,) = options("optimizers", "haste")
    assert (option.choice, option.of, option.sort) == ("optimizer=calm", "Calm", "yours")


@pytest.mark.parametrize("registry", [OPTIMIZERS, LR_SCHEDULERS])
def test_a_class_is_found_by_its_option_its_name_and_the_override(registry: type) -> None:
    for name, entry in registry.own_entries().items():  # type: ignore[attr-defined]  # a registry
        for word in (name, entry.option, f"{entry.kind}={entry.option}"):
            assert find(word).of == name


@pytest.mark.parametrize(
    ("word", "choice"),
    [
        ("warmup_cosine", "lr_scheduler=warmup_cosine"),
        ("PhasesLR", "lr_scheduler=phases"),
        ("no_decay", "param_groups@optimizer.PARAM_GROUPS=no_decay"),
        ("param_groups@optimizer.PARAM_GROUPS=no_decay", "param_groups@optimizer.PARAM_GROUPS=no_decay"),
        ("muon_adamw", "optimizer=muon_adamw"),
        ("ADAMW", "optimizer=adamw"),
    ],
)
def test_recipes_and_presets_are_found(word: str, choice: str) -> None:
    assert find(word).choice == choice


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("adanw", "there is no such option. Did you mean AdamW?"),
        ("optimizer=warmup_cosine", "there is no such optimizer. There is lr_scheduler=warmup_cosine."),
        ("optimiser=sgd", "there is no group optimiser."),
    ],
)
def test_what_is_not_there_is_named_with_the_nearest(word: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find(word)
    assert message in str(caught.value)
