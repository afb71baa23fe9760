from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

import scepter_opt
from scepter_opt import ConfigError
from tests.parameters.models import Net, rule

NODE: dict[str, Any] = {"NAME": "SGD", "PARAM_GROUPS": {"f": rule({"NAMES": "encoder.0"}, {"FREEZE": True})}}


def frozen(model: torch.nn.Module) -> list[str]:
    return [name for name, parameter in model.named_parameters() if not parameter.requires_grad]


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
