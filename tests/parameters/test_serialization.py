"""Plans as JSON."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from scepter_opt import ConfigError, Plan
from tests.parameters.models import Net, plan, rule

NO_DECAY = {"no_decay": rule({"KINDS": ["bias", "norm"]}, {"WEIGHT_DECAY": 0.0})}


def test_the_plan_works_on_the_meta_device() -> None:
    with torch.device("meta"):
        model = Net()
    assert plan(NO_DECAY, model).diff(plan(NO_DECAY)).changed == {}


def test_a_plan_is_saved_and_compared() -> None:
    found = plan(NO_DECAY)
    again = Plan.from_json(found.to_json())
    assert not found.diff(again)
    assert (str(again), again.to_json()) == (str(found), found.to_json())
    with pytest.raises(ConfigError, match="read from a file"):
        again.groups()
    model = Net()
    model.token.requires_grad_(False)
    model.register_parameter("extra", nn.Parameter(torch.ones(2)))
    changed = plan(NO_DECAY | {"head": rule({"NAMES": "head"}, {"LR_MULT": 10})}, model).diff(again)
    assert changed.added == ("extra",)
    assert changed.changed["head.bias"] == {"LEARNING_RATE": (0.001, 0.01)}
    assert changed.changed["token"]["frozen"] == (False, True)
    assert "~ head.bias: LEARNING_RATE 0.001 -> 0.01" in str(changed)
    with pytest.raises(ConfigError, match="no plan that to_json wrote"):
        Plan.from_json("{}")


@pytest.mark.parametrize(
    "text", ["", "null", "3", "[]", "[" * 100_000, '{"scepter_opt plan": 1}', '{"scepter_opt plan": 2}']
)
def test_what_is_no_plan_is_said(text: str) -> None:
    with pytest.raises(ConfigError, match="this text is no plan that to_json wrote"):
        Plan.from_json(text)


SAVED = plan(NO_DECAY).to_json()


def damaged(value: Any, data: st.DataObject) -> Any:
    """The same with one thing lost, or replaced by another."""
    others: st.SearchStrategy[Any] = st.sampled_from([None, -1, 99_999, "x", [], {}, [None], 10**30, True, 0.5])
    if not isinstance(value, (dict, list)) or not value or data.draw(st.integers(0, 3)) == 0:
        return data.draw(others)
    key = data.draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
    copied: Any = value.copy()
    if data.draw(st.booleans()):
        del copied[key]
    else:
        copied[key] = damaged(copied[key], data)
    return copied


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.data())
def test_a_damaged_plan_is_refused_or_can_be_looked_at_whole(data: st.DataObject) -> None:
    look(data)


@pytest.mark.long
@settings(max_examples=3000, deadline=None)
@given(st.data())
def test_a_plan_damaged_in_many_ways_is_refused_or_can_be_looked_at_whole(data: st.DataObject) -> None:
    look(data)


def look(data: st.DataObject) -> None:
    """Read a damaged plan, and do everything with it if it is read."""
    whole = Plan.from_json(SAVED)
    text = json.dumps(damaged(json.loads(SAVED), data))
    with contextlib.suppress(ConfigError):
        read = Plan.from_json(text)
        assert str(read)
        assert read.short()
        assert Plan.from_json(read.to_json()).to_json() == read.to_json()
        read.diff(whole)
        whole.diff(read)
