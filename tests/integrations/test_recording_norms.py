"""Norms of gradients and updates are measured in the recorded step, and only there."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import Driver
from scepter_opt.integrations.recording import group_names, norm
from tests.integrations.recorded_loop import CONSTANT, HEAD, HYBRID, Log, Loop, loss_of, net


def by_hand(node: dict[str, Any]) -> dict[str, float]:
    """The norms of the second step, computed apart, in float64."""
    model = net()
    optimizer = scepter_opt.build_optimizer(model, node)
    for _ in range(2):
        optimizer.zero_grad()
        loss_of(model).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        before = {id(p): p.detach().double().clone() for p in model.parameters()}
        optimizer.step()
    found = {}
    for name, group in zip(group_names(optimizer.param_groups), optimizer.param_groups, strict=True):
        gradients = torch.cat([p.grad.double().flatten() for p in group["params"]])
        weights = torch.cat([before[id(p)].flatten() for p in group["params"]])
        updates = torch.cat([(p.detach().double() - before[id(p)]).flatten() for p in group["params"]])
        found[f"grad_norm/{name}"] = gradients.square().sum().sqrt().item()
        found[f"update_norm/{name}"] = updates.square().sum().sqrt().item()
        found[f"update_to_weight/{name}"] = (updates.square().sum() / weights.square().sum()).sqrt().item()
    return found


@pytest.mark.parametrize("implementation", ["auto", "fused", "foreach", "for_loop"])
def test_norms_are_those_of_the_recorded_step(implementation: str) -> None:
    node = {"NAME": "AdamW", "PARAM_GROUPS": HEAD, "IMPLEMENTATION": implementation}
    loop = Loop(node, record_every=2, norms=True)
    loop.step()
    loop.step()
    ((values, step),) = loop.log
    expected = by_hand(node)
    assert step == 2
    assert {name: value for name, value in values.items() if name in expected} == pytest.approx(expected, rel=1e-4)


def test_recording_changes_no_step() -> None:
    plain, recorded = Loop(HYBRID), Loop(HYBRID, record_every=2, norms=True)
    for _ in range(5):
        plain.step()
        recorded.step()
    assert recorded.weights() == plain.weights()


def hooks(optimizer: Any) -> int:
    return len(optimizer._optimizer_step_pre_hooks) + len(optimizer._optimizer_step_post_hooks)


def test_a_step_that_is_not_recorded_has_no_hook() -> None:
    without = hooks(Loop({"NAME": "AdamW"}).optimizer)
    assert hooks(Loop({"NAME": "AdamW"}, record_every=1).optimizer) == without
    loop = Loop({"NAME": "AdamW"}, record_every=3, norms=True)
    counts = []
    for _ in range(7):
        counts.append(hooks(loop.optimizer) - without)
        loop.step()
    assert counts == [0, 0, 2, 0, 0, 2, 0]


def test_a_closure_is_measured_when_it_has_made_the_gradients() -> None:
    expected = by_hand({"NAME": "SGD"})
    loop = Loop({"NAME": "SGD"}, record_every=2, norms=True)
    for _ in range(2):

        def closure() -> Any:
            loop.optimizer.zero_grad()
            loss = loss_of(loop.model)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            return loss

        loop.optimizer.zero_grad()
        assert isinstance(loop.optimizer.step(closure), torch.Tensor)
        loop.driver.step()
    ((values, _),) = loop.log
    assert {name: values[name] for name in expected} == pytest.approx(expected, rel=1e-4)


def test_of_the_closures_calls_the_first_is_recorded() -> None:
    loop = Loop({"NAME": "LBFGS"}, record_every=1, norms=True)
    norms = []

    def closure() -> Any:
        loop.optimizer.zero_grad()
        loss = loss_of(loop.model)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        norms.append(
            math.sqrt(sum(p.grad.square().sum().item() for p in loop.model.parameters() if p.grad is not None))
        )
        return loss

    loop.optimizer.step(closure)
    loop.driver.step()
    assert len(norms) > 3
    assert loop.log[0][0]["grad_norm/default"] == pytest.approx(norms[0])


@pytest.mark.parametrize("constructor", [True, False], ids=["fused in the constructor", "by the group"])
def test_gradients_are_recorded_unscaled_and_a_skipped_step_is_none(constructor: bool) -> None:
    model, log = net(), Log()
    if constructor:
        optimizer: Any = torch.optim.SGD(model.parameters(), lr=0.01, fused=True)
    else:
        optimizer = scepter_opt.build_optimizer(model, {"NAME": "SGD", "LEARNING_RATE": 0.01})
    scheduler = scepter_opt.build_lr_scheduler(optimizer, CONSTANT)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)
    driver = Driver(
        scheduler, CONSTANT, scaler=scaler, record=lambda v, n: log.append((v, n)), record_every=1, norms=True
    )
    expected = 0.0
    for factor in (math.inf, 1.0, 100.0):  # the first is skipped
        optimizer.zero_grad()
        loss = factor * loss_of(model)
        gradients = torch.autograd.grad(loss, list(model.parameters()), retain_graph=True)
        expected = math.sqrt(sum(gradient.square().sum().item() for gradient in gradients))
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        scaler.step(optimizer)
        scaler.update()
        driver.step()
    assert [step for _, step in log] == [1, 2]
    name = "0" if constructor else "default"
    assert log[-1][0][f"grad_norm/{name}"] == pytest.approx(expected, rel=1e-3)
    assert log[-1][0][f"update_norm/{name}"] == pytest.approx(0.01 * expected, rel=1e-3)


def test_accumulated_gradients_are_recorded_at_the_step_that_they_make() -> None:
    loop = Loop({"NAME": "SGD"}, record_every=1, norms=True, counts_steps=True)
    for batch in range(4):
        loss_of(loop.model).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        if batch % 2:
            loop.optimizer.step()
            loop.optimizer.zero_grad()
        loop.driver.step()
    assert [step for _, step in loop.log] == [1, 2]
    assert loop.log[0][0]["grad_norm/default"] > 0


def test_frozen_parameters_do_not_count_and_zeros_have_no_ratio() -> None:
    model = net()
    nn.init.zeros_(model[2].weight)  # type: ignore[index]  # a Sequential
    nn.init.zeros_(model[2].bias)  # type: ignore[index]  # a Sequential
    for parameter in model[0].parameters():  # type: ignore[index]  # a Sequential
        parameter.requires_grad_(False)
    groups = [{"params": model[0].parameters()}, {"params": model[2].parameters()}]  # type: ignore[index]  # a Sequential
    optimizer = torch.optim.SGD(groups, lr=0.1)
    scheduler, log = scepter_opt.build_lr_scheduler(optimizer, CONSTANT), Log()
    driver = Driver(scheduler, CONSTANT, record=lambda v, n: log.append((v, n)), record_every=1, norms=True)
    loss_of(model).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    optimizer.step()
    driver.step()
    ((values, _),) = log
    assert values["grad_norm/0"] == values["update_norm/0"] == values["update_to_weight/0"] == 0.0
    assert values["update_norm/1"] > 0
    assert values["update_to_weight/1"] == math.inf


TENSORS: dict[str, tuple[Callable[[], list[torch.Tensor]], float]] = {
    "none": (list, 0.0),
    "empty": (lambda: [torch.zeros(0)], 0.0),
    "of one dtype": (lambda: [torch.full((2, 2), 3.0), torch.full((5,), 4.0)], math.sqrt(4 * 9 + 5 * 16)),
    "of several": (lambda: [torch.tensor([3.0]), torch.tensor([4.0]).bfloat16(), torch.tensor(12.0).double()], 13.0),
    "halves that would overflow": (lambda: [torch.full((4,), 60000.0).half()], 120000.0),
    "complex": (lambda: [torch.tensor([3 + 4j])], 5.0),
    "sparse": (
        lambda: [torch.sparse_coo_tensor(torch.tensor([[0, 0, 2]]), [1.0, 2.0, 4.0], (4,), check_invariants=True)],
        5.0,
    ),
}


@pytest.mark.parametrize("case", TENSORS)
def test_norms_are_right_for_all_kinds_of_tensors(case: str) -> None:
    make, expected = TENSORS[case]
    assert float(norm(make())) == pytest.approx(expected, rel=1e-3)
