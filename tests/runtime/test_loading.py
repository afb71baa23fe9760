"""What holds after torch's own `load_state_dict`, whoever wrote the checkpoint."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from tests.support import make_loss, make_model

FUSED = ("SGD", "Adam", "AdamW", "Adagrad")
FLAGS = {"auto": (True, False), "torch": (None, None), "for_loop": (False, False), "foreach": (False, True)}


def saved(name: str, **keywords: Any) -> dict[str, Any]:
    """The state of one of torch's own after a step."""
    model = make_model(name)
    optimizer = getattr(torch.optim, name)(model.parameters(), **keywords)
    make_loss(model)()
    optimizer.step()
    return copy.deepcopy(optimizer.state_dict())


def flags(optimizer: torch.optim.Optimizer) -> list[Any]:
    return [(group["fused"], group["foreach"]) for group in optimizer.param_groups]


@pytest.mark.parametrize("flag", ["fused", "foreach", None])
@pytest.mark.parametrize("choice", FLAGS)
@pytest.mark.parametrize("name", FUSED)
def test_the_implementation_is_the_configs(name: str, choice: str, flag: str | None) -> None:
    optimizer = scepter_opt.build_optimizer(make_model(name), {"NAME": name, "IMPLEMENTATION": choice})
    optimizer.load_state_dict(saved(name, lr=0.5, **({flag: True} if flag else {})))
    assert flags(optimizer) == [FLAGS[choice]]
    assert optimizer.param_groups[0]["lr"] == 0.5  # the value is the checkpoint's, as in torch


@pytest.mark.parametrize("name", FUSED)
@pytest.mark.parametrize("tensor", [True, False])
def test_a_rate_stays_the_tensor_or_number_that_it_was(name: str, tensor: bool) -> None:
    optimizer = scepter_opt.build_optimizer(make_model(name), {"NAME": name, "TENSOR_LR": tensor})
    scepter_opt.build_lr_scheduler(optimizer, {"NAME": "ConstantLR"})
    before = optimizer.param_groups[0]["lr"]
    state = saved(name, lr=0.25 if tensor else torch.tensor(0.25))
    state["param_groups"][0]["initial_lr"] = state["param_groups"][0]["lr"]
    optimizer.load_state_dict(state)
    group = optimizer.param_groups[0]
    assert float(group["lr"]) == float(group["initial_lr"]) == 0.25
    assert isinstance(group["lr"], torch.Tensor) is isinstance(group["initial_lr"], torch.Tensor) is tensor
    assert (group["lr"] is before) is tensor


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Adagrad"])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_state_lies_as_its_parameter(name: str, layout: torch.memory_format) -> None:
    keys = {"MOMENTUM": 0.9} if name == "SGD" else {}
    other = torch.contiguous_format if layout is torch.channels_last else torch.channels_last
    made = []
    for form in (other, layout):
        parameter = nn.Parameter(torch.ones(2, 3, 4, 4).contiguous(memory_format=form))
        optimizer = scepter_opt.build_optimizer([parameter], {"NAME": name, **keys})
        parameter.grad = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)).contiguous(
            memory_format=form
        )
        made.append((optimizer, parameter))
    (earlier, parameter), (optimizer, resumed) = made
    earlier.step()
    optimizer.load_state_dict(copy.deepcopy(earlier.state_dict()))
    for key, value in optimizer.state[resumed].items():
        torch.testing.assert_close(value, earlier.state[parameter][key], check_stride=False)
        if value.ndim:
            assert value.stride() == resumed.stride()


def test_a_part_of_a_hybrid_keeps_its_own() -> None:
    node = {
        "NAME": "Hybrid",
        "OPTIMIZERS": {"sgd": {"NAME": "SGD", "IMPLEMENTATION": "for_loop"}, "adamw": {"NAME": "AdamW"}},
        "DEFAULT": "adamw",
        "PARAM_GROUPS": {"bias": {"WHERE": {"KINDS": "bias"}, "SET": {"OPTIMIZER": "sgd"}}},
    }
    optimizer = scepter_opt.build_optimizer(make_model("AdamW"), node)
    before = flags(optimizer)
    assert sorted(before) == [(False, False), (True, False)]
    state = copy.deepcopy(optimizer.state_dict())
    for group in state["param_groups"]:
        group.update(fused=None, foreach=None)
    optimizer.load_state_dict(state)
    assert flags(optimizer) == before
    assert all(part.param_groups[0]["fused"] in (True, False) for part in optimizer.parts.values())  # type: ignore[attr-defined]


def test_another_number_of_groups_is_refused_by_torch() -> None:
    optimizer = scepter_opt.build_optimizer(make_model("AdamW"), {"NAME": "AdamW"})
    state = saved("AdamW")
    state["param_groups"] *= 2
    with pytest.raises(ValueError, match="different number of parameter groups"):
        optimizer.load_state_dict(state)


def test_a_state_without_names_leaves_groups_their_names_and_rules() -> None:
    rules = {name: {"WHERE": {"KINDS": name}, "SET": {"LR_MULT": 0.5}} for name in ("bias", "matrix")}
    optimizer = scepter_opt.build_optimizer(make_model("AdamW"), {"NAME": "AdamW", "PARAM_GROUPS": rules})
    before = [(group["name"], group["rules"]) for group in optimizer.param_groups]
    assert ("matrix|bias" in dict(before)) or ("bias|matrix" in dict(before))
    state = copy.deepcopy(optimizer.state_dict())
    for group in state["param_groups"]:
        del group["name"], group["rules"]
    optimizer.load_state_dict(state)
    assert [(group["name"], group["rules"]) for group in optimizer.param_groups] == before
    # both are read where a schedule is for a rule whose parameters share their group
    phases = {"rise": {"CURVE": "linear", "FROM": 0.0, "TO": 1.0}}
    with pytest.raises(scepter_opt.ConfigError, match="its parameters share the group"):
        scepter_opt.build_lr_scheduler(
            optimizer, {"NAME": "PhasesLR", "PHASES": phases, "RULES": {"bias": phases}}, total_steps=10
        )
