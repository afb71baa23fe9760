from __future__ import annotations

import torch
from torch import nn

from scepter_opt import audit


def stepped(model: nn.Module, optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return optimizer


def test_a_checkpoint_of_a_model_of_another_width_is_a_fault() -> None:
    small, large = nn.Linear(2, 3), nn.Linear(4, 3)
    before = stepped(small, torch.optim.AdamW(small.parameters(), weight_decay=0.0))
    after = torch.optim.AdamW(large.parameters(), weight_decay=0.0)
    after.load_state_dict(before.state_dict())  # torch looks at no shape
    (fault,) = audit(large, after).faults
    assert (fault.name, fault.names) == ("state of another shape", ("weight",))
    assert "exp_avg (3, 2) of a parameter (3, 4)" in fault.what
    assert audit(small, before).faults == ()


def test_factors_of_adafactor_are_meant_to_have_other_shapes() -> None:
    model = nn.Linear(2, 3)
    assert audit(model, stepped(model, torch.optim.Adafactor(model.parameters()))).faults == ()


def test_state_that_no_group_has_is_a_note() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    groups = [{"params": list(part.parameters()), "lr": rate} for part, rate in zip(model, (0.1, 0.2), strict=True)]
    optimizer = stepped(model, torch.optim.SGD(groups, momentum=0.9))
    assert audit(model, optimizer).findings == ()
    del optimizer.param_groups[1]
    model[1].requires_grad_(False)
    notes = {note.name: note.what for note in audit(model, optimizer).notes}
    assert "SGD keeps the state of 2 tensors" in notes["state of parameters in no group"]
