"""Random nodes give a working object or a ConfigError, and are never changed."""

from __future__ import annotations

import copy
import dataclasses
import math
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

import scepter_opt
from scepter_opt.components.registry import registries
from scepter_opt.config.validation import fields
from tests import support

KEYS = sorted({key for r in registries() for e in r.own_entries().values() if e.config for key in fields(e.config)})
NAMES = [name for registry in registries() for name in registry.own_entries()]


class Odd(Mapping[str, Any]):
    """A mapping that makes its children when it is asked, has no end of them, or fails."""

    def __init__(self, way: str) -> None:
        self.__dict__["way"] = way

    def __iter__(self) -> Iterator[str]:
        if self.way == "no keys":
            raise RuntimeError("no keys today")
        return iter(["NAME", "LEARNING_RATE", "a"])

    def __len__(self) -> int:
        return 3

    def __getitem__(self, key: str) -> Any:
        if self.way == "no values":
            raise OSError
        if self.way == "endless":
            return Odd("endless")
        return {"NAME": "SGD", "LEARNING_RATE": 0.1, "a": {"B": 1}}[key]

    def __getattr__(self, name: str) -> Any:
        if self.__dict__.get("way") == "no attributes" and not name.startswith("__"):
            raise RuntimeError(name)
        raise AttributeError(name)


def nested(levels: int) -> dict[str, Any]:
    """A mapping of so many levels, with a node of an optimizer at the bottom."""
    inner: dict[str, Any] = {"NAME": "SGD", "lr": 0.1}
    for _ in range(levels):
        inner = {"optimizer": inner}
    return inner


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.integers(),
    st.integers(10**300, 10**320),
    st.floats(),
    st.floats(0, 1),
    st.text(max_size=8),
    st.sampled_from(["1e-4", "10e-5", "auto", "cosine", "${X}", "${NAME}", "???", "${oc.env:HOME}", "${", "math.sqrt"]),
    st.binary(max_size=3),
    st.sampled_from(NAMES),
)
# What no sane config holds, each of which once was raised as something else, or took minutes.
LONG = ["9" * 10_000, "*" * 2000, "x." * 3000 + "y", "1" * 3000 + "%"]
LONG += ["re:a{99999999999}", f"re:{'(' * 3000}{')' * 3000}"]
# more digits than Python prints; a strategy prints its own values
huge = st.sampled_from([4500, 5000]).map(lambda digits: 10**digits)
odd = st.one_of(
    st.sampled_from(LONG),
    huge,
    st.integers(10**300, 10**320),
    st.builds(np.array, st.lists(st.floats(0, 1), max_size=3)),
    st.sampled_from([np.float32(0.5), np.int64(3), np.bool_(True), np.array(["SGD"]), torch.tensor(0.1)]),
    st.builds(Odd, st.sampled_from(["lazy", "endless", "no keys", "no values", "no attributes"])),
    st.builds(nested, st.integers(30, 120)),
    st.frozensets(st.integers(0, 3), max_size=2),
)
keys = st.one_of(st.sampled_from(KEYS), st.text(max_size=6), st.integers(), st.none(), st.booleans(), huge)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(keys, st.just("NAME")), inner, max_size=4),
        st.tuples(inner, inner),
    ),
    max_leaves=8,
)


@st.composite
def nodes(draw: st.DrawFn) -> dict[Any, Any]:
    """A node that has a name (most often a known one), keys of that class, and others."""
    oddity = draw(st.sampled_from(["none"] * 6 + ["keys", "name", "no name", "itself", "value", "value"]))
    name = draw(st.one_of(leaves, odd) if oddity == "name" else st.sampled_from(NAMES))
    known = next((r.entries()[name] for r in registries() if r.has(name)), None)
    own = list(fields(known.config)) if known and known.config else KEYS
    # half of all nodes are nearly right, so that what passes the check is built, and not only refused
    if known and known.config and draw(st.booleans()):
        node: dict[Any, Any] = copy.deepcopy(support.KEYS.get(known.name, {}))
        for key in draw(st.lists(st.sampled_from(own), max_size=3, unique=True)):
            default = fields(known.config)[key].default
            node[key] = draw(st.sampled_from([default, default, 0.5, 2, 7.0, "1e-1", True]))
        node = {key: value for key, value in node.items() if value is not dataclasses.MISSING}
    else:
        node = draw(st.dictionaries(st.sampled_from(own), values, max_size=5))
    if oddity == "value" and own:
        node[draw(st.sampled_from([*own, draw(keys)]))] = draw(st.one_of(odd, st.lists(odd, max_size=2)))
    if oddity == "keys":
        node |= draw(st.dictionaries(keys, values, max_size=2))
    if oddity != "no name":
        node["NAME"] = name
    if oddity == "itself":
        node[draw(st.sampled_from(own))] = node
    return node


def survive(node: Any) -> None:
    """Check a node, alone and in an app's config, and build it."""
    before = copy.deepcopy(node)
    module = torch.nn.Linear(2, 2, bias=False)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    groups = copy.deepcopy(optimizer.state_dict())
    for attempt in (
        lambda: scepter_opt.check(node),
        lambda: scepter_opt.check({"optimizer": node, "deep": {"inner": [node]}}),
        lambda: scepter_opt.build_optimizer(module, node),
        lambda: scepter_opt.build_lr_scheduler(optimizer, node, total_steps=20),
    ):
        made, refusal = None, None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", scepter_opt.ConfigWarning)  # what is said of a node is no refusal
                made = attempt()
        except scepter_opt.ConfigError as error:
            refusal = error
        if refusal is not None:
            assert str(refusal)
            assert refusal.problems
            assert optimizer.state_dict() == groups
        if isinstance(made, torch.optim.lr_scheduler.LRScheduler):
            assert made.optimizer is optimizer
    assert equal(node, before)


def equal(one: Any, other: Any, depth: int = 0) -> bool:
    """Equality in which NaN equals itself and a node may hold itself."""
    if depth > 20:
        return True
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    if isinstance(one, DictConfig):
        return equal(OmegaConf.to_container(one), OmegaConf.to_container(other), depth + 1)
    if isinstance(one, dict):
        return list(one) == list(other) and all(equal(one[key], other[key], depth + 1) for key in one)
    if isinstance(one, (np.ndarray, torch.Tensor)):
        return type(one) is type(other) and bool(np.array_equal(np.asarray(one), np.asarray(other)))
    if isinstance(one, Odd):
        return isinstance(other, Odd) and one.way == other.way
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(equal(a, b, depth + 1) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and bool(one == other)


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@settings(max_examples=300, deadline=None, suppress_health_check=QUIET, derandomize=True)
@given(nodes())
def test_any_mapping_is_built_or_refused(node: dict[Any, Any]) -> None:
    survive(node)


@settings(max_examples=150, deadline=None, suppress_health_check=QUIET, derandomize=True)
@given(nodes())
def test_any_omegaconf_node_is_built_or_refused(node: dict[Any, Any]) -> None:
    try:
        made = OmegaConf.create(node)
    except (OmegaConfBaseException, RecursionError, ValueError, AssertionError, OSError, RuntimeError, TypeError):
        return  # not a config that Hydra could have made
    survive(made)


@pytest.mark.long
@settings(max_examples=50_000, deadline=None, suppress_health_check=QUIET)
@given(nodes())
def test_any_mapping_is_built_or_refused_at_length(node: dict[Any, Any]) -> None:
    survive(node)


@pytest.mark.long
@settings(max_examples=50_000, deadline=None, suppress_health_check=QUIET)
@given(nodes())
def test_any_omegaconf_node_is_built_or_refused_at_length(node: dict[Any, Any]) -> None:
    try:
        made = OmegaConf.create(node)
    except (OmegaConfBaseException, RecursionError, ValueError, AssertionError, OSError, RuntimeError, TypeError):
        return
    survive(made)
