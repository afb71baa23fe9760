from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from scepter_opt import audit


def test_tied_parameters_are_one() -> None:
    model = nn.ModuleDict({"embedding": nn.Embedding(4, 3), "head": nn.Linear(3, 4, bias=False)})
    model["head"].weight = model["embedding"].weight
    assert audit(model, torch.optim.SGD(model.parameters(), lr=0.1)).findings == ()


def test_what_is_frozen_need_not_be_in_a_group() -> None:
    model = nn.Linear(2, 1)
    model.bias.requires_grad_(False)
    found = audit(model, torch.optim.SGD([model.weight], lr=0.1))
    assert found.faults == ()
    assert [(note.name, note.names) for note in found.notes] == [("frozen parameters", ("bias",))]


def test_a_parameter_in_two_groups_is_named_with_both() -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD([{"params": [model.weight], "name": "a"}], lr=0.1)
    optimizer.param_groups.append({**optimizer.param_groups[0], "params": list(model.parameters()), "name": "b"})
    (fault,) = audit(model, optimizer).faults
    assert (fault.name, fault.names, fault.places) == ("a parameter in two groups", ("weight",), ("a", "b"))


def test_a_loss_with_parameters_of_its_own_is_a_note_until_it_is_passed() -> None:
    model, loss = nn.Linear(2, 1), nn.Linear(1, 1)
    optimizer = torch.optim.SGD([*model.parameters(), *loss.parameters()], lr=0.1)
    found = audit(model, optimizer)
    assert [finding.name for finding in found.findings] == ["parameters of another module"]
    assert not found.faults
    assert audit({"model": model, "loss": loss}, optimizer).findings == ()


def test_of_another_model_is_said_once_and_why_it_may_be() -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    (fault,) = audit(copy.deepcopy(model), optimizer).faults
    assert fault.name == "parameters of another model"
    assert fault.names == ("weight", "bias")
    assert "Their shapes are the same" in fault.what
    (other,) = audit(nn.Linear(3, 1), optimizer).faults
    assert "Their shapes are the same" not in other.what


class Around(torch.optim.Optimizer):
    """Steps by an optimizer inside it, whose groups it shares at first."""

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        self.inner = inner
        super().__init__(inner.param_groups, {})
        self.inner.param_groups = self.param_groups

    def step(self, closure: Any = None) -> Any:
        return self.inner.step(closure)


def test_a_wrapper_that_shares_its_groups_is_right_and_after_loading_it_is_not() -> None:
    model = nn.Linear(2, 1)
    optimizer = Around(torch.optim.SGD(model.parameters(), lr=0.1))
    assert audit(model, optimizer).findings == ()
    optimizer.load_state_dict(optimizer.state_dict())  # which makes group dicts anew
    optimizer.param_groups[0]["lr"] = 0.001
    assert optimizer.inner.param_groups[0]["lr"] == 0.1
    (fault,) = audit(model, optimizer).faults
    assert fault.name == "groups lost by a wrapper"
    assert "Around has 1 group that the optimizer inside it does not" in fault.what


def test_an_empty_group_of_a_model_without_a_wrapper_is_a_note() -> None:
    model = nn.Linear(2, 1)
    groups: list[dict[str, Any]] = [{"params": list(model.parameters())}, {"params": [], "lr": 0.01}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    found = audit(model, optimizer)
    assert not found.faults
    assert [(note.name, note.places) for note in found.notes] == [("a second rate never used", ("group 1",))]
