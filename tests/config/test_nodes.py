"""Nodes of any make, as plain Python."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from omegaconf import DictConfig, OmegaConf

from scepter_opt import check
from scepter_opt.config.base import OpenConfig
from scepter_opt.config.nodes import config_type, full_key, is_node, read

PLAIN = {"NAME": "Mine", "RATE": 0.1, "INNER": {"LIST": [1, {"A": None}]}, "TEXT": "x"}


@dataclasses.dataclass
class Typed:
    NAME: str = "Mine"
    RATE: float = 0.1


class Scepter:
    """As in the original: the dict stands in cfg_dict."""

    def __init__(self, cfg_dict: dict[str, Any]) -> None:
        self.cfg_dict = cfg_dict


@pytest.mark.parametrize("wrap", [dict, OmegaConf.create, MappingProxyType, OpenConfig, Scepter])
def test_any_mapping_reads_as_the_same_plain_values(wrap: Any) -> None:
    assert read(wrap(PLAIN)) == (PLAIN, [])


def test_typed_nodes_read_by_their_fields_and_tell_their_type() -> None:
    for node in (Typed(), OmegaConf.structured(Typed)):
        assert read(node) == ({"NAME": "Mine", "RATE": 0.1}, [])
        assert config_type(node) is Typed
    assert config_type(OmegaConf.create(PLAIN)) is None


def test_interpolations_are_resolved_and_the_one_at_fault_is_named() -> None:
    root = OmegaConf.create({"base": 0.5, "node": {"A": "${base}", "B": "${nowhere}", "C": {"D": "${base}"}}})
    values, problems = read(root.node)
    assert (values["A"], values["C"]) == (0.5, {"D": 0.5})
    assert [problem.key for problem in problems] == ["B"]
    assert "nowhere" in problems[0].message


def test_a_missing_value_stays_missing() -> None:
    assert read(OmegaConf.create({"NAME": "???"})) == ({"NAME": "???"}, [])


@pytest.mark.parametrize("value", [None, 3, [1], "adam", {1, 2}])
def test_what_is_no_node_is_said(value: Any) -> None:
    values, problems = read(value)
    assert not values
    assert len(problems) == 1


def test_a_set_has_no_order_and_what_holds_itself_no_end() -> None:
    circle: dict[str, Any] = {"A": {1, 2}}
    circle["B"] = circle
    _, problems = read(circle)
    assert problems[0].message == "a set has no order: write a list."
    assert "deep" in problems[-1].message


def test_keys_are_full_also_in_lists_and_below_other_nodes() -> None:
    root = OmegaConf.create({"a": {"b": [{"NAME": "x"}]}})
    assert isinstance(root, DictConfig)
    assert (full_key(root), full_key(root.a), full_key(root.a.b[0]), full_key({})) == ("", "a", "a.b[0]", "")


def test_a_key_of_more_digits_than_python_writes_has_no_full_key_and_its_node_is_found() -> None:
    cfg = OmegaConf.create({"part": {10**4500: {"NAME": "Adadelta"}}})
    assert full_key(cfg.part[10**4500]) == ""
    assert [type(node).__qualname__ for node in check(cfg).values()] == ["Adadelta.Config"]


def test_a_null_or_missing_node_is_none() -> None:
    root = OmegaConf.create({"a": None, "b": "???"})
    assert is_node(root)
    assert not is_node(root.a)
    assert not is_node(3)


class Failing(Mapping[str, Any]):
    """Fails in a way of its own: at its keys, or at a value."""

    def __init__(self, at: str) -> None:
        self.at = at

    def __iter__(self) -> Iterator[str]:
        if self.at == "keys":
            raise RuntimeError("no keys today")
        return iter(["GOOD", "BAD"])

    def __getitem__(self, key: str) -> Any:
        if key == "BAD":
            raise OSError
        return 1

    def __len__(self) -> int:
        return 2


class Endless(Failing):
    """Makes two children whenever it is asked for one."""

    def __getitem__(self, key: str) -> Any:
        return Endless("")


class Strange:
    """Answers no question about itself."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_a_mapping_that_fails_is_said_and_the_rest_is_read() -> None:
    values, problems = read(Failing("value"))
    assert values["GOOD"] == 1
    assert [(problem.key, problem.message) for problem in problems] == [("BAD", "cannot be read: OSError")]
    _, problems = read({"A": Failing("keys"), "B": Strange()})
    assert [(problem.key, problem.message) for problem in problems] == [("A", "cannot be read: no keys today")]


def test_a_mapping_without_end_is_not_followed_into_each_of_its_branches() -> None:
    _, problems = read(Endless(""))
    assert [problem.message for problem in problems] == ["is nested more than 40 levels deep."]


def test_arrays_of_numpy_are_lists_and_its_scalars_numbers() -> None:
    values, problems = read({"A": np.array([[0.5, 1.5]]), "B": np.float32(0.5), "C": np.array(["x"]), "D": np.int64(3)})
    assert not problems
    assert values == {"A": [[0.5, 1.5]], "B": 0.5, "C": ["x"], "D": 3}
    assert type(values["A"][0][0]) is float


def test_keys_of_any_size_and_kind_are_read() -> None:
    _, problems = read({10**5000: {1, 2}, (1, 2): {3}})
    assert [problem.message for problem in problems] == ["a set has no order: write a list."] * 2
