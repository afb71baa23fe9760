from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError
from tests.parameters.models import Net, names, plan, rule

FORMS: dict[str, Any] = {
    "module": lambda m: m,
    "mapping of modules": lambda m: {"net": m},
    "named": lambda m: m.named_parameters(),
    "mapping of tensors": lambda m: dict(m.named_parameters()),
    "groups": lambda m: [{"params": list(m.named_parameters())}],
    "groups of torch": lambda m: torch.optim.SGD(list(m.named_parameters())).param_groups[:1],
    "tensors": lambda m: m.parameters(),
}


def test_tied_parameters_count_once_under_all_their_names() -> None:
    found = plan({"head": rule({"NAMES": "head"}, {"LR_MULT": 2})})
    assert found["head.weight"] == found["embed.weight"]
    assert found["embed.weight"].tied == ("head.weight",)
    assert sum(len(group["params"]) for group in found.groups()) == len(list(Net().parameters()))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_parameters_is_covered_once(form: str) -> None:
    model = Net()
    parameters = FORMS[form](model)
    if form == "groups of torch":
        parameters = [{key: parameters[0][key] for key in ("params", "param_names", "lr", "weight_decay")}]
    optimizer = scepter_opt.build_optimizer(parameters, {"NAME": "SGD"})
    covered = [id(tensor) for group in optimizer.param_groups for tensor in group["params"]]
    assert covered == [id(tensor) for tensor in model.parameters()]


def test_a_mapping_prefixes_names() -> None:
    models = {"generator": nn.Linear(2, 2), "critic": nn.Linear(2, 2)}
    found = plan({"g": rule({"NAMES": "generator"}, {"LR_MULT": 2})}, models)
    assert names(found, "g") == ["generator.weight", "generator.bias"]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (None, "cannot be trained"),
        ("model", "cannot be trained"),
        ([], "no parameters to train"),
        ([1], "is 1 \\(int\\), not a tensor"),
        (torch.ones(2, requires_grad=True), "a single Tensor"),
        ([("a", torch.ones(2)), torch.ones(2)], "some parameters have names and some have none"),
        ([("a", torch.ones(2, requires_grad=True)), ("a", torch.ones(2, requires_grad=True))], "two parameters have"),
        ([torch.ones(2, requires_grad=True) * 2], "result of an operation \\(MulBackward0\\)"),
        ([{"lr": 1}], "has no `params`"),
        ([{"params": []}, torch.ones(2)], "group dicts and something else"),
        ([{"params": nn.Linear(2, 2)}], "give its named_parameters"),
        ([{"params": [torch.ones(2, requires_grad=True)], "lr_scale": 1}], "lr_scale = 1: AdamW has no such setting"),
        ([{"params": [torch.ones(2, requires_grad=True)], "lr": -1}], "at least 0"),
        ([torch.ones(2)], "all 1 parameters are frozen"),
        (nn.LazyLinear(2), "has no shape yet"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_cannot_be_trained_is_refused(parameters: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        scepter_opt.plan({"NAME": "AdamW"}, parameters)


def test_a_nameless_tensor_given_twice_is_refused() -> None:
    tensor = torch.ones(2, requires_grad=True)
    with pytest.raises(ConfigError, match="is there twice"):
        scepter_opt.plan({"NAME": "AdamW"}, [tensor, tensor])
    with pytest.raises(ConfigError, match="is in two group dicts"):
        scepter_opt.plan({"NAME": "AdamW"}, [{"params": [tensor]}, {"params": [tensor]}])


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"], 3, "ab"])
def test_a_group_dict_has_a_name_for_each_of_its_parameters(names: Any) -> None:
    group = {"params": [nn.Parameter(torch.ones(2)) for _ in range(2)], "param_names": names}
    with pytest.raises(ConfigError, match="give a name for each of the 2 `params`"):
        scepter_opt.build_optimizer([group], {"NAME": "SGD"})
