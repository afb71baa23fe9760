"""IMPLEMENTATION: compiled: what is compiled, how often, and that it steps as the loop does."""

from __future__ import annotations

import copy
import pickle
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt.runtime import compiled
from tests.optimizers.runs import Run, loops, wrong
from tests.optimizers.situations import Situation, Weight
from tests.support import OPTIMIZERS, SCHEDULERS, make_loss, make_model, scheduler_node, tick

CLASSES = sorted(n for n, e in scepter_opt.OPTIMIZERS.own_entries().items() if e.component.compiles)
OTHERS = sorted(set(OPTIMIZERS) - {*CLASSES, "Hybrid"})
HYBRID = {
    "NAME": "Hybrid",
    "OPTIMIZERS": {"muon": {"NAME": "Muon"}, "adamw": {"NAME": "AdamW", "IMPLEMENTATION": "compiled"}},
    "DEFAULT": "adamw",
    "PARAM_GROUPS": {"hidden": {"WHERE": {"KINDS": "matrix"}, "SET": {"OPTIMIZER": "muon"}}},
}
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's compiler warns of its own parts


class Counted:
    """A backend that compiles nothing, and counts."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph: Any, _: Any) -> Any:
        self.graphs += 1
        return graph.forward


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    torch.compiler.reset()
    backend = Counted()
    monkeypatch.setattr(compiled, "BACKEND", backend)
    yield backend
    torch.compiler.reset()


def built(model: nn.Module, node: dict[str, Any], how: str = "compiled") -> torch.optim.Optimizer:
    if node["NAME"] == "Hybrid":
        parts = {**node["OPTIMIZERS"], "adamw": {"NAME": "AdamW", "IMPLEMENTATION": how}}
        return scepter_opt.build_optimizer(model, {**node, "OPTIMIZERS": parts})
    return scepter_opt.build_optimizer(model, {**node, "IMPLEMENTATION": how})


def trained(node: dict[str, Any], how: str, steps: int, scheduler: dict[str, Any] | None = None) -> list[torch.Tensor]:
    """The weights after some steps, by closures in every other one."""
    model = make_model(node["NAME"])
    optimizer = built(model, node, how)
    ticked = scepter_opt.build_lr_scheduler(optimizer, scheduler) if scheduler else None
    closure = make_loss(model)
    for number in range(steps):
        if number % 2:
            assert optimizer.step(closure) is not None
        else:
            closure()
            optimizer.step()
        if ticked is not None:
            tick(ticked, metric=1.0)
    return [parameter.detach() for parameter in model.parameters()]


@pytest.mark.parametrize("name", CLASSES)
def test_a_step_is_compiled_once_and_steps_as_the_loop(name: str, count: Counted) -> None:
    found, right = trained({"NAME": name}, "compiled", 8), trained({"NAME": name}, "for_loop", 8)
    assert count.graphs == 1
    for one, other in zip(found, right, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_no_schedule_compiles_again(name: str, count: Counted) -> None:
    node = {"NAME": "SGD", "LEARNING_RATE": 0.1}
    found = trained(node, "compiled", 12, scheduler_node(name))
    assert count.graphs == 1
    for one, other in zip(found, trained(node, "for_loop", 12, scheduler_node(name)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_schedule_of_another_setting_compiles_once_more_at_most(count: Counted) -> None:
    decay = {"all": {"CURVE": "linear", "FROM": 1.0, "TO": 0.1, "LENGTH": 20}}
    phases = {"NAME": "PhasesLR", "PHASES": decay, "SETTINGS": {"WEIGHT_DECAY": decay}}
    trained({"NAME": "AdamW"}, "compiled", 15, phases)
    assert count.graphs <= 2


def test_groups_with_settings_of_their_own_are_compiled_as_one(count: Counted) -> None:
    rules = {"bias": {"WHERE": {"KINDS": "bias"}, "SET": {"WEIGHT_DECAY": 0.0, "LR_MULT": 2.0}}}
    node = {"NAME": "AdamW", "PARAM_GROUPS": rules}
    found, right = trained(node, "compiled", 6), trained(node, "for_loop", 6)
    assert count.graphs == 1
    for one, other in zip(found, right, strict=True):
        torch.testing.assert_close(one, other)


def test_a_part_of_a_hybrid_is_compiled_alone(count: Counted) -> None:
    found, right = trained(HYBRID, "compiled", 6), trained(HYBRID, "for_loop", 6)
    assert count.graphs == 1
    for one, other in zip(found, right, strict=True):
        torch.testing.assert_close(one, other)


def test_many_optimizers_do_not_use_up_each_others_compilations(count: Counted) -> None:
    for _ in range(12):
        trained({"NAME": "SGD"}, "compiled", 2)
    assert count.graphs == 12


def test_hooks_run_once_a_step_and_are_not_compiled(count: Counted) -> None:
    model = make_model("RMSprop")
    optimizer = built(model, {"NAME": "RMSprop"})
    calls: list[str] = []
    optimizer.register_step_pre_hook(lambda *_: calls.append("before"))
    optimizer.register_step_post_hook(lambda *_: calls.append("after"))
    closure = make_loss(model)
    for _ in range(3):
        closure()
        optimizer.step()
    assert calls == ["before", "after"] * 3
    assert count.graphs == 1


def test_a_scaler_skips_and_unscales(count: Counted) -> None:
    weights = {}
    for how in ("compiled", "for_loop"):
        model = make_model("RAdam")
        optimizer = built(model, {"NAME": "RAdam"}, how)
        scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
        for factor in (1.0, float("inf"), 1.0):
            optimizer.zero_grad()
            scaler.scale(model(torch.ones(2, 4)).square().mean() * factor).backward()
            scaler.step(optimizer)
            scaler.update()
        weights[how] = [parameter.detach() for parameter in model.parameters()]
    assert count.graphs == 1
    torch.testing.assert_close(weights["compiled"], weights["for_loop"])


@pytest.mark.parametrize("node", [{"NAME": "RMSprop"}, HYBRID], ids=lambda node: str(node["NAME"]))
@pytest.mark.parametrize("how", ["deepcopy", "pickle", "load_state_dict"])
def test_what_goes_on_is_compiled_as_well(node: dict[str, Any], how: str, count: Counted) -> None:
    model = make_model(node["NAME"])
    optimizer = built(model, node)
    for _ in range(3):
        make_loss(model)()
        optimizer.step()
    if how == "load_state_dict":
        other = copy.deepcopy(model)
        twin = built(other, node)
        rates = [group["lr"] for group in twin.param_groups]
        saved = optimizer.state_dict()
        for group in saved["param_groups"]:
            group.update(lr=float(group["lr"]))  # as a checkpoint without tensors has it
        twin.load_state_dict(copy.deepcopy(saved))
        assert all(one is group["lr"] for one, group in zip(rates, twin.param_groups, strict=True))
    else:
        pair = (model, optimizer)
        other, twin = copy.deepcopy(pair) if how == "deepcopy" else pickle.loads(pickle.dumps(pair))
    before = count.graphs
    for parameters, stepped in ((model, optimizer), (other, twin)):
        for _ in range(3):
            make_loss(parameters)()
            stepped.step()
    assert before < count.graphs <= before + 2
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, two)


def test_what_compiling_took_is_in_the_log(count: Counted) -> None:
    class Log:
        lines: list[str] = []  # noqa: RUF012  # of this test alone

        def info(self, line: str) -> None:
            self.lines.append(line)

    model = make_model("ASGD")
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "ASGD", "IMPLEMENTATION": "compiled"}, logger=Log())
    make_loss(model)()
    optimizer.step()
    assert count.graphs == 1
    assert Log.lines[-1].startswith("ASGD: compiling its step took ")


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch compiles by a C++ compiler")
def test_torchs_own_compiler_makes_the_same_step() -> None:
    torch.compiler.reset()
    weights = []
    for how in ("compiled", "for_loop"):
        parameter = nn.Parameter(torch.arange(1.0, 9.0))
        optimizer = built(nn.ParameterList([parameter]), {"NAME": "RMSprop"}, how)
        for _ in range(3):
            parameter.grad = parameter.detach().sin()
            optimizer.step()
        weights.append(parameter.detach())
    torch.testing.assert_close(*weights)


# What is refused


@pytest.mark.parametrize("name", OTHERS)
def test_a_class_that_torch_cannot_compile_is_refused(name: str) -> None:
    with pytest.raises(scepter_opt.ConfigError, match=f"{name} has no compiled step: choose one of auto, torch, "):
        scepter_opt.check({"NAME": name, "IMPLEMENTATION": "compiled"})


def test_a_step_is_not_compiled_for_some_groups_alone() -> None:
    rules = {"bias": {"WHERE": {"KINDS": "bias"}, "SET": {"IMPLEMENTATION": "compiled"}}}
    with pytest.raises(scepter_opt.ConfigError, match="compiled for all groups or for none: say it on the optimizer"):
        scepter_opt.check({"NAME": "AdamW", "PARAM_GROUPS": rules})
    rules["bias"]["SET"]["IMPLEMENTATION"] = "fused"
    with pytest.raises(scepter_opt.ConfigError, match="compiled for all groups or for none"):
        scepter_opt.check({"NAME": "AdamW", "IMPLEMENTATION": "compiled", "PARAM_GROUPS": rules})


def test_without_a_compiler_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(scepter_opt.ConfigError, match=r"there is none: install g\+\+ or clang, or choose auto"):
        built(make_model("RMSprop"), {"NAME": "RMSprop"})


def test_sparse_gradients_that_are_announced_are_refused() -> None:
    with pytest.raises(scepter_opt.ConfigError, match="a compiled step takes no sparse gradients"):
        built(nn.Embedding(5, 3, sparse=True), {"NAME": "SGD"})


@pytest.mark.long
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch compiles by a C++ compiler")
@pytest.mark.parametrize("name", CLASSES)
def test_torchs_own_compiler_is_as_right_as_the_loop(name: str) -> None:
    torch.compiler.reset()
    shapes = ((70,), (4, 6), (2, 3, 2, 2))
    weights = tuple(Weight(shape, torch.float32, "plain", ("backward",) * 10) for shape in shapes)
    keys = {"LEARNING_RATE": 0.05, **({"MOMENTUM": 0.9} if name == "SGD" else {})}
    situation = Situation(name, keys, weights, False, "list", False, None, None, None, False, 0)

    def make(run: Run) -> Any:
        return scepter_opt.build_optimizer(list(run.tensors), {"NAME": name, "IMPLEMENTATION": "compiled", **keys})

    own, loop, exact = Run(situation), Run(situation), Run(situation, twice=True)
    own.run(make)
    for run in (loop, exact):
        run.run(loops([[0, 1, 2]]))
    assert len(own.done) == 10
    assert not list(wrong(own, loop, exact))


@pytest.mark.parametrize("node", [{"NAME": "AdamW"}, HYBRID], ids=["alone", "a part"])
@pytest.mark.usefixtures("count")
def test_state_that_was_taken_away_is_counted_as_exactly_when_it_is_made_again(node: dict[str, Any]) -> None:
    model = make_model(node["NAME"])
    optimizer, closure = built(model, node), make_loss(model)
    for _ in range(2):
        optimizer.step(closure)
        counts = [state["step"].dtype for state in optimizer.state.values() if "step" in state]
        assert counts
        assert set(counts) == {torch.float64}
        optimizer.state.clear()
