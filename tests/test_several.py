from __future__ import annotations

from typing import Any

import pytest
from omegaconf import OmegaConf
from torch import nn

import scepter_opt
from scepter_opt import ConfigError

MODELS = {"generator": nn.Linear(2, 2), "critic": nn.Linear(2, 1)}
NODES: dict[str, Any] = {
    "generator": {"NAME": "Adam", "ONLY": "generator"},
    "critic": {"NAME": "SGD", "ONLY": "critic.*"},
}


def test_each_takes_its_own() -> None:
    found = scepter_opt.build_optimizers(MODELS, OmegaConf.create({"optimizers": NODES}).optimizers)
    assert {name: group["param_names"] for name, o in found.items() for group in o.param_groups} == {
        "generator": ["generator.weight", "generator.bias"],
        "critic": ["critic.weight", "critic.bias"],
    }


def test_a_parameter_in_two_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"optimizers.critic.ONLY = '\*': trains generator.weight, which generator"):
        scepter_opt.build_optimizers(MODELS, NODES | {"critic": {"NAME": "SGD", "ONLY": "*"}})


def test_a_parameter_in_none_is_refused_unless_it_is_allowed() -> None:
    alone = {"generator": NODES["generator"]}
    with pytest.raises(ConfigError, match=r"optimizers: none trains critic.weight and 1 more"):
        scepter_opt.build_optimizers(MODELS, alone)
    alone = {"generator": NODES["generator"] | {"ALLOW_REST": True}}
    assert list(scepter_opt.build_optimizers(MODELS, alone)) == ["generator"]


def test_nothing_is_frozen_where_another_fails() -> None:
    models = {"generator": nn.Linear(2, 2), "critic": nn.Linear(2, 1)}
    freezing = {"f": {"WHERE": {"NAMES": "generator.bias"}, "SET": {"FREEZE": True}}}
    nodes = {"generator": NODES["generator"] | {"PARAM_GROUPS": freezing}, "critic": {"NAME": "LBFGS", "ONLY": "x"}}
    with pytest.raises(ConfigError, match=r"optimizers.critic.ONLY"):
        scepter_opt.build_optimizers(models, nodes)
    assert models["generator"].bias.requires_grad


def test_all_problems_of_all_nodes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        scepter_opt.build_optimizers(MODELS, {"a": {"NAME": "Adam", "lr": 1}, "b": {"NAME": "SDG"}})
    assert [problem.key for problem in caught.value.problems] == ["optimizers.a.lr", "optimizers.b.NAME"]


@pytest.mark.parametrize("nodes", [{}, None, 3, {"NAME": "Adam"}])
def test_nodes_have_names(nodes: Any) -> None:
    with pytest.raises(ConfigError, match="must be named nodes"):
        scepter_opt.build_optimizers(MODELS, nodes)


def test_each_gets_its_scheduler() -> None:
    optimizers = scepter_opt.build_optimizers(MODELS, NODES)
    nodes = {"generator": {"NAME": "CosineAnnealingLR"}, "critic": {"NAME": "NoneLR"}}
    found = scepter_opt.build_lr_schedulers(optimizers, nodes, total_steps=10)
    assert {name: type(one).__name__ for name, one in found.items()} == {
        "generator": "CosineAnnealingLR", "critic": "NoneLR",
    }  # fmt: skip
    assert found["critic"].optimizer is optimizers["critic"]
    with pytest.raises(ConfigError) as caught:
        scepter_opt.build_lr_schedulers(optimizers, {"generators": {"NAME": "NoneLR"}, "critic": {"NAME": "NoneLR"}})
    assert [problem.key for problem in caught.value.problems] == ["lr_schedulers.generators", "lr_schedulers.generator"]
    with pytest.raises(ConfigError, match=r"lr_schedulers.generator.T_MAX: is needed"):
        scepter_opt.build_lr_schedulers(optimizers, nodes)
