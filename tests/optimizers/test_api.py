"""What people call for optimizers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from omegaconf import OmegaConf
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import scepter_opt
from scepter_opt import ConfigError, ConfigWarning
from tests.parameters.models import Net, rule

MODELS = {"generator": nn.Linear(2, 2), "critic": nn.Linear(2, 1)}

NODES: dict[str, Any] = {
    "generator": {"NAME": "Adam", "ONLY": "generator"},
    "critic": {"NAME": "SGD", "ONLY": "critic.*"},
}

NODE: dict[str, Any] = {"NAME": "SGD", "PARAM_GROUPS": {"f": rule({"NAMES": "encoder.0"}, {"FREEZE": True})}}


def frozen(model: torch.nn.Module) -> list[str]:
    return [name for name, parameter in model.named_parameters() if not parameter.requires_grad]


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


def test_freeze_freezes_and_the_optimizer_keeps_it_apart() -> None:
    model = Net()
    assert scepter_opt.freeze(model, NODE) == frozen(model)
    assert len(frozen(model)) == 10
    assert scepter_opt.freeze(model, NODE) == []
    optimizer = scepter_opt.build_optimizer(model, NODE)
    others, held = optimizer.param_groups
    assert not any(name.startswith("encoder.0") for name in others["param_names"])
    assert (held["name"], held["param_names"]) == ("f", frozen(model))


def test_build_optimizer_freezes_and_plan_does_not() -> None:
    model = Net()
    scepter_opt.plan(NODE, model)
    assert frozen(model) == []
    scepter_opt.build_optimizer(model, NODE)
    assert len(frozen(model)) == 10


def test_a_later_rule_keeps_a_parameter_from_freezing() -> None:
    rules = NODE["PARAM_GROUPS"] | {"bias": rule({"NAMES": "*.0.attn.bias"}, {"FREEZE": False})}
    assert "encoder.0.attn.bias" not in scepter_opt.freeze(Net(), NODE | {"PARAM_GROUPS": rules})


def test_what_torch_refuses_freezes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("no")

    monkeypatch.setattr(torch.optim.SGD, "__init__", refuse)
    model = Net()
    with pytest.raises(ConfigError, match="SGD refuses: no"):
        scepter_opt.build_optimizer(model, NODE)
    assert frozen(model) == []


@pytest.fixture
def _one_process(tmp_path: Path) -> Iterator[None]:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("_one_process")
def test_a_model_inside_ddp_is_not_frozen() -> None:
    model = DistributedDataParallel(Net())
    for call in (scepter_opt.build_optimizer, scepter_opt.freeze):
        with pytest.raises(ConfigError, match="inside DistributedDataParallel already"):
            call(model, NODE)
    assert frozen(model) == []
    early = Net()
    scepter_opt.freeze(early, NODE)
    assert len(scepter_opt.build_optimizer(DistributedDataParallel(early), NODE).param_groups) == 2


def test_nothing_is_frozen_where_the_build_of_another_is_refused() -> None:
    models = {"generator": nn.Linear(2, 2), "critic": nn.Linear(2, 1)}
    freezing = {"f": rule({"NAMES": "generator.bias"}, {"FREEZE": True})}
    deaf = rule({"NAMES": "critic.bias"}, {"INITIAL_ACCUMULATOR_VALUE": 0.5})
    nodes = {
        "generator": NODES["generator"] | {"PARAM_GROUPS": freezing},
        "critic": {"NAME": "NoGroupsForAll", "ONLY": "critic", "PARAM_GROUPS": {"r": deaf}},
    }

    @scepter_opt.OPTIMIZERS.register_class(name="NoGroupsForAll")
    class NoGroups(scepter_opt.BaseOptimize):
        def __call__(self, parameters: Any) -> Any:
            return None

    with pytest.raises(ConfigError, match=r"optimizers.critic.NAME = 'NoGroupsForAll': its __call__ returns nothing"):
        scepter_opt.build_optimizers(models, nodes)
    assert models["generator"].bias.requires_grad
    del nodes["critic"]
    scepter_opt.build_optimizers({"generator": models["generator"]}, nodes)
    assert not models["generator"].bias.requires_grad


def test_a_sequence_of_modules_is_a_module() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    nodes = {name: {"NAME": "SGD", "ONLY": only} for name, only in (("body", "0"), ("head", "1"))}
    for parameters in (model, model.named_parameters(), iter(list(model.named_parameters()))):
        found = scepter_opt.build_optimizers(parameters, nodes)
        assert found["head"].param_groups[0]["param_names"] == ["1.weight", "1.bias"]


def test_frozen_parameters_may_be_in_none_and_not_in_two() -> None:
    models = {"generator": nn.Linear(2, 2), "critic": nn.Linear(2, 1)}
    models["critic"].requires_grad_(False)
    scepter_opt.build_optimizers(models, {"generator": NODES["generator"]})
    twice = {"critic": {"NAME": "SGD", "ONLY": ["critic", "generator.bias"]}}
    twice["all"] = {"NAME": "SGD", "ONLY": ["critic", "generator.weight"]}
    with pytest.raises(ConfigError, match=r"trains critic.weight, which critic trains too"):
        scepter_opt.build_optimizers(models, twice)


def test_a_warning_that_is_an_error_leaves_all_models_as_they_were() -> None:
    models = {"first": Net(), "second": Net()}
    freezing = {"head": rule({"NAMES": "first.head"}, {"FREEZE": True})}
    nodes = {
        "first": {"NAME": "SGD", "ONLY": "first", "PARAM_GROUPS": freezing},
        "second": {"NAME": "SGD", "ONLY": "second", "DAMPENING": 0.5},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConfigWarning)
        with pytest.raises(ConfigWarning, match=r"optimizers.second.DAMPENING"):
            scepter_opt.build_optimizers(models, nodes)
    assert frozen(models["first"]) == []
