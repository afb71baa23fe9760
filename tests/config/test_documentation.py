"""The strings under fields."""

from __future__ import annotations

import pytest

from scepter_opt.components.entry import Entry
from scepter_opt.components.registry import registries
from scepter_opt.config.documentation import documentation, summary
from scepter_opt.config.validation import own_first
from scepter_opt.optimizers.official_optimizers import SGD

ENTRIES = [entry for registry in registries() for entry in registry.own_entries().values()]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_key_is_documented_in_one_sentence(entry: Entry) -> None:
    assert entry.config is not None
    for field in own_first(entry.config):
        text = documentation(entry.config).get(field.key, "")
        assert text.endswith("."), f"{entry.name}.{field.key}"


def test_a_class_is_summed_up_by_the_first_line_of_its_own_docstring() -> None:
    class Silent(SGD):
        pass

    assert summary(SGD) == "Stochastic gradient descent, optionally with (Nesterov) momentum."
    assert summary(Silent) == ""


def test_keys_of_a_class_without_source_have_no_documentation() -> None:
    namespace: dict[str, type] = {}
    exec("class Config:\n    KEY: int = 1\n    'Lost.'", namespace)
    assert documentation(namespace["Config"]) == {}
