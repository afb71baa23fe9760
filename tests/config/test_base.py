"""What a checked node is: a typed Config, or an open one."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass
from typing import Any

import pytest

from scepter_opt import BaseOptimize, OptimizerConfig
from scepter_opt.config.base import OpenConfig
from scepter_opt.optimizers.official_optimizers import SGD


def test_typed_and_open_configs_read_alike() -> None:
    readables: list[Any] = [SGD.Config(NAME="SGD", MOMENTUM=0.9), OpenConfig({"NAME": "SGD", "MOMENTUM": 0.9})]
    for config in readables:
        assert config.MOMENTUM == config["MOMENTUM"] == config.get("MOMENTUM") == 0.9
        assert ("MOMENTUM", 0.9) in list(config.items())
        assert config.get("NOT_THERE", 3) == 3
        assert config.have("NAME")
        assert not config.have("NOT_THERE")
        assert "NAME" in config
        assert {"NAME", "MOMENTUM"} <= set(config)
        with pytest.raises(KeyError):
            config["NOT_THERE"]


def test_an_open_config_names_its_keys_where_one_is_missing() -> None:
    with pytest.raises(AttributeError, match="no key B; the keys are A"):
        OpenConfig({"A": 1}).B  # noqa: B018  # reading it is the point


def test_an_open_config_copies_and_pickles_with_what_builds_from_it() -> None:
    config = OpenConfig({"A": {"B": [{"C": 1}]}}, SGD)
    for again in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert again == config
        assert again.component is SGD
        assert again.A.B[0].C == 1


def test_a_config_knows_its_component() -> None:
    assert SGD.Config.component is SGD
    assert SGD.Config(NAME="SGD").component is SGD


def test_classes_that_share_a_config_have_one_each() -> None:
    @dataclass(kw_only=True)
    class Shared(OptimizerConfig):
        KEY: int = 1

    class One(BaseOptimize):
        Config = Shared

    class Other(BaseOptimize):
        Config = Shared

    class Below(One):
        pass

    components = {cls: cls.Config.component for cls in (One, Other, Below)}
    assert components == {cls: cls for cls in components}
    assert all(cls.Config(NAME="x").KEY == 1 for cls in components)


def test_an_open_config_is_true_where_it_has_keys() -> None:
    config = OpenConfig({"A": {}, "B": {"C": 1}})
    assert (bool(config.A), bool(config.B), len(config)) == (False, True, 2)
