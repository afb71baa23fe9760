from __future__ import annotations

import copy
import io
import json
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

import scepter_opt
from scepter_opt import Audit, audit
from tests.auditing.faults import FAULTS, Net, body_and_head
from tests.support import OPTIMIZERS, SCHEDULERS, make_loss, make_model, optimizer_node, same, scheduler_node, tick

SETTINGS = {"no_decay": {"WHERE": {"KINDS": ["bias", "norm"]}, "SET": {"LR_MULT": 0.5}}}


@pytest.mark.parametrize("case", FAULTS)
def test_faults_of_public_code_are_found_by_name(case: str) -> None:
    name, make = FAULTS[case]
    found = make()
    assert name in [finding.name for finding in found.findings]
    assert name in str(found)
    # all but one make training go wrong; decay of a norm may be meant
    assert bool(found.faults) == (name != "norms decayed for want of a name match")


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_no_optimizer_of_this_package_has_a_fault(name: str, steps: int) -> None:
    model = make_model(name)
    rules = {} if name in ("Hybrid", "LBFGS", "Muon", "SparseAdam") else {"PARAM_GROUPS": SETTINGS}
    optimizer = scepter_opt.build_optimizer(model, optimizer_node(name, **rules))
    for _ in range(steps):
        optimizer.step(make_loss(model))
    assert audit(model, optimizer).faults == ()


@pytest.mark.parametrize("name", SCHEDULERS)
def test_no_scheduler_of_this_package_has_a_fault_at_any_step(name: str) -> None:
    model = Net()
    node = {"NAME": "AdamW", "WEIGHT_DECAY": 0.0, "PARAM_GROUPS": SETTINGS}
    optimizer = scepter_opt.build_optimizer(model, node)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, scheduler_node(name))
    for step in range(20):
        found = audit(model, optimizer, scheduler)
        assert found.faults == (), f"at step {step}: {found}"
        assert "a scheduler that cannot be tried" not in str(found)
        optimizer.step()
        tick(scheduler, 1.0)


def usual() -> dict[str, Any]:
    """torch's own code as tutorials have it: an optimizer and a scheduler over two groups."""
    return {
        "step": lambda o: lr_scheduler.StepLR(o, 30),
        "multi step at once": lambda o: lr_scheduler.MultiStepLR(o, [1, 2]),
        "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 100),
        "cosine to a floor": lambda o: lr_scheduler.CosineAnnealingLR(o, 100, eta_min=1e-4),
        "restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 10),
        "one cycle": lambda o: lr_scheduler.OneCycleLR(o, [0.01, 0.1], total_steps=100),
        "linear warm-up of one epoch": lambda o: lr_scheduler.LinearLR(o, 0.1, total_iters=1),
        "polynomial": lambda o: lr_scheduler.PolynomialLR(o, 100),
        "exponential by tens": lambda o: lr_scheduler.ExponentialLR(o, 0.1),
        "lambda": lambda o: lr_scheduler.LambdaLR(o, lambda n: min(1.0, (n + 1) / 10)),
        "plateau": lr_scheduler.ReduceLROnPlateau,
        "warm-up, then cosine": lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.LinearLR(o, 0.01, total_iters=5), lr_scheduler.CosineAnnealingLR(o, 95)], [5]
        ),
        "chained": lambda o: lr_scheduler.ChainedScheduler(
            [lr_scheduler.ConstantLR(o, 0.1, 2), lr_scheduler.ExponentialLR(o, 0.9)], optimizer=o
        ),
        "warm-up and plateau": lambda o: [lr_scheduler.LinearLR(o, 0.1), lr_scheduler.ReduceLROnPlateau(o)],
    }


@pytest.mark.parametrize("name", usual())
def test_the_usual_code_has_no_fault_at_any_step(name: str) -> None:
    model = Net()
    optimizer = torch.optim.SGD(body_and_head(model, 0.01, 0.1), lr=0.1, momentum=0.9)
    scheduler = usual()[name](optimizer)
    for step in range(12):
        found = audit(model, optimizer, scheduler)
        assert found.faults == (), f"at step {step}: {found}"
        optimizer.step()
        for each in scheduler if isinstance(scheduler, list) else [scheduler]:
            tick(each, 1.0)


def test_nothing_is_changed_and_nothing_steps() -> None:
    model = Net()
    optimizer = torch.optim.AdamW(body_and_head(model, 0.01, 0.1), weight_decay=0.1)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=50)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    scheduler.step()
    before = copy.deepcopy([model.state_dict(), optimizer.state_dict(), scheduler.state_dict()])
    seed = torch.random.get_rng_state()
    assert audit(model, optimizer, scheduler).findings
    assert same([model.state_dict(), optimizer.state_dict(), scheduler.state_dict()], before)
    assert torch.equal(seed, torch.random.get_rng_state())


class Adapter(nn.Module):
    """A wrapper as PEFT's: the model lies two names deeper, and most of it is frozen."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.base_model = nn.ModuleDict({"model": model})
        model.requires_grad_(False)
        self.lora_A = nn.Linear(8, 2, bias=False)


@pytest.mark.parametrize("wrap", ["compile", "adapter", "data parallel"])
def test_a_wrapped_model_is_the_model(wrap: str) -> None:
    wrappers: dict[str, Any] = {
        "compile": lambda model: torch.compile(model, backend="eager"),
        "adapter": Adapter,
        "data parallel": lambda model: nn.ModuleDict({"module": model}),
    }
    wrapped = wrappers[wrap](Net())
    trained = [parameter for parameter in wrapped.parameters() if parameter.requires_grad]
    found = audit(wrapped, torch.optim.SGD(trained, lr=0.1))
    assert found.faults == ()
    assert [note.name for note in found.notes] == ["frozen parameters"] * (wrap == "adapter")


def test_seventy_billion_values_on_the_meta_device_take_no_memory() -> None:
    with torch.device("meta"):
        width = 8192
        model = nn.ModuleList(
            nn.ModuleDict({"norm": nn.LayerNorm(width), "mlp": nn.Linear(width, 13 * width, bias=False)})
            for _ in range(80)
        )
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.1)
    found = audit(model, optimizer, lr_scheduler.CosineAnnealingLR(optimizer, 100))
    assert found.faults == ()
    assert found.summary == "240 parameters with 69,794,529,280 values, 1 group of AdamW"
    assert [note.name for note in found.notes] == ["norms decayed"]


def test_it_is_text_data_and_json() -> None:
    model = Net()
    found = audit(model, torch.optim.AdamW(model.head.parameters()))
    assert repr(found) == "Audit(1 fault, 1 note)"
    data = json.loads(found.to_json())
    assert data == json.loads(json.dumps(found.to_dict()))
    first = data["findings"][0]
    # text shortens names, data has them all
    assert (first["name"], first["fault"]) == ("parameters in no group", True)
    assert len(first["names"]) == first["count"] == 28
    assert str(found).startswith("1 fault, 1 note: 30 parameters with 1,202 values, 1 group of AdamW\nfault: ")


def test_as_a_table_every_word_is_there() -> None:
    from rich.console import Console

    model = Net()
    found = audit(model, torch.optim.SGD(model.head.parameters(), lr=0.1))
    console = Console(width=60, record=True, file=io.StringIO())
    console.print(found)
    # the last column, put together again from its lines
    cells = [line.split("│")[3].strip() for line in console.export_text().splitlines() if line.count("│") == 4]
    assert "".join("".join(cells).split()) == "".join((found.faults[0].why + found.faults[0].do).split())


def test_faults_come_first() -> None:
    model = Net()
    found = audit(model, torch.optim.AdamW(model.blocks.parameters()))
    assert [finding.fault for finding in found.findings] == sorted((f.fault for f in found.findings), reverse=True)
    assert isinstance(found, Audit)
    assert found.faults + found.notes == found.findings
