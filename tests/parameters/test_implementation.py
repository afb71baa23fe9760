"""How a step is computed: what `auto` takes, what is refused, and rates that are tensors."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed.device_mesh
import torch.distributed.tensor
from torch import nn

import scepter_opt
from scepter_opt.parameters.implementation import choose_step
from tests.support import SCHEDULERS, make_loss, make_model, scheduler_node, tick

FUSED = ["Adam", "AdamW", "SGD", "Adagrad"]
LOOP = ["ASGD", "Adadelta", "Adafactor", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop"]
FLAGS = {"fused", "foreach"}
HYBRID = {
    "NAME": "Hybrid",
    "OPTIMIZERS": {"muon": {"NAME": "Muon"}, "adamw": {"NAME": "AdamW"}},
    "DEFAULT": "adamw",
    "PARAM_GROUPS": {"hidden": {"WHERE": {"KINDS": "matrix"}, "SET": {"OPTIMIZER": "muon"}}},
}


def flags(model: Any, name: str = "AdamW", **keys: Any) -> list[dict[str, Any]]:
    """torch's flags in each group."""
    optimizer = scepter_opt.build_optimizer(model, {"NAME": name, **keys})
    return [{key: group.get(key) for key in FLAGS} for group in optimizer.param_groups]


def problem(model: Any, name: str = "AdamW", **keys: Any) -> str:
    with pytest.raises(scepter_opt.ConfigError) as caught:
        scepter_opt.build_optimizer(model, {"NAME": name, **keys})
    return str(caught.value)


# What auto takes


@pytest.mark.parametrize("name", FUSED)
def test_auto_is_fused_where_that_is_the_fastest(name: str) -> None:
    assert flags(make_model(name), name) == [{"fused": True, "foreach": False}]


@pytest.mark.parametrize("name", FUSED)
def test_flags_are_in_the_groups_and_not_in_the_defaults(name: str) -> None:
    model = make_model(name)
    for choice in ("auto", "fused", "foreach", "for_loop", "torch"):
        optimizer = scepter_opt.build_optimizer(model, {"NAME": name, "IMPLEMENTATION": choice})
        assert {optimizer.defaults[flag] for flag in FLAGS} == {None}


@pytest.mark.parametrize("name", LOOP)
def test_auto_leaves_the_choice_to_torch_where_a_class_has_no_fused_step(name: str) -> None:
    assert flags(make_model(name), name)[0]["foreach"] is None


@pytest.mark.parametrize("name", FUSED)
@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("torch", {"fused": None, "foreach": None}),
        ("for_loop", {"fused": False, "foreach": False}),
        ("foreach", {"fused": False, "foreach": True}),
        ("fused", {"fused": True, "foreach": False}),
    ],
)
def test_a_choice_is_taken_as_it_is(name: str, choice: str, expected: dict[str, Any]) -> None:
    assert flags(make_model(name), name, IMPLEMENTATION=choice) == [expected]


@pytest.mark.parametrize("name", FUSED)
def test_auto_is_not_fused_for_complex_parameters(name: str) -> None:
    tensors = [torch.zeros(3, dtype=torch.complex64, requires_grad=True)]
    assert flags(tensors, name) == [{"fused": None, "foreach": None}]


@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")
@pytest.mark.parametrize("name", ["SGD", "Adagrad"])
def test_auto_takes_sparse_gradients(name: str) -> None:
    model = nn.Embedding(5, 3, sparse=True)
    optimizer = scepter_opt.build_optimizer(model, {"NAME": name})
    assert optimizer.param_groups[0]["fused"] is None
    model(torch.tensor([1, 2])).sum().backward()
    optimizer.step()


def test_auto_is_not_fused_where_autograd_goes_through_the_step() -> None:
    assert flags(make_model("AdamW"), DIFFERENTIABLE=True) == [{"fused": None, "foreach": None}]


def test_auto_is_not_fused_on_the_meta_device() -> None:
    assert flags(nn.Linear(2, 2, device="meta")) == [{"fused": None, "foreach": None}]


def test_groups_that_differ_have_their_own_flags() -> None:
    model = nn.ModuleDict({"words": nn.Embedding(5, 3, sparse=True), "head": nn.Linear(3, 2)})
    rules = {"words": {"WHERE": {"NAMES": "words"}, "SET": {"LR_MULT": 0.5}}}
    optimizer = scepter_opt.build_optimizer(model, {"NAME": "SGD", "PARAM_GROUPS": rules})
    assert {group["name"]: group["fused"] for group in optimizer.param_groups} == {"words": None, "default": True}
    model["head"](model["words"](torch.tensor([1, 2]))).sum().backward()
    optimizer.step()


def test_a_distributed_tensor_is_fused_where_the_kernel_has_a_rule(tmp_path: Path) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        mesh = torch.distributed.device_mesh.init_device_mesh("cpu", (1,))
        tensor = torch.distributed.tensor.distribute_tensor(torch.ones(4, 2), mesh).requires_grad_()
        assert {name: flags([tensor], name)[0]["fused"] for name in FUSED} == {
            "Adam": True, "AdamW": True, "SGD": None, "Adagrad": None,
        }  # fmt: skip
        for name in FUSED:
            tensor.grad = torch.distributed.tensor.distribute_tensor(torch.ones(4, 2), mesh)
            scepter_opt.build_optimizer([tensor], {"NAME": name}).step()
    finally:
        torch.distributed.destroy_process_group()


def test_a_part_of_a_hybrid_has_flags_as_alone() -> None:
    model = make_model("SGD")
    optimizer = scepter_opt.build_optimizer(model, HYBRID)
    assert {group["optimizer"]: group.get("fused") for group in optimizer.param_groups} == {"muon": None, "adamw": True}
    off = scepter_opt.build_optimizer(model, {**HYBRID, "IMPLEMENTATION": "for_loop"})
    assert [group["fused"] for group in off.param_groups if group["optimizer"] == "adamw"] == [False]


def test_a_class_of_a_users_is_left_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(torch.optim.SGD):
        pass

    monkeypatch.setattr(scepter_opt.OPTIMIZERS.entry("SGD").component, "target", Own)
    assert flags(make_model("SGD"), "SGD") == [{"fused": None, "foreach": None}]


def test_what_was_taken_and_how_to_undo_it_is_in_the_plan() -> None:
    said = scepter_opt.plan({"NAME": "AdamW"}, make_model("AdamW")).short()
    assert "step: fused (the fastest on cpu); IMPLEMENTATION=torch undoes it" in said


@pytest.mark.parametrize("name", FUSED)
def test_a_scaler_skips_a_step_that_is_fused_by_auto(name: str) -> None:
    model = make_model(name)
    optimizer = scepter_opt.build_optimizer(model, {"NAME": name})
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    for overflow in (True, False):
        optimizer.zero_grad()
        loss = model(torch.ones(2, 4)).square().mean() * (float("inf") if overflow else 1.0)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        kept = all(map(torch.equal, before, model.parameters()))
        assert kept is overflow
    assert scaler.get_scale() == 4.0


@pytest.mark.parametrize("name", FUSED)
def test_auto_is_not_fused_where_a_kernel_is_wrong_from_the_first_step_on(name: str) -> None:
    half = [torch.ones(64, dtype=torch.bfloat16, requires_grad=True)]
    assert flags(half, name)[0]["fused"] is (None if name == "SGD" else True)
    cut = torch.ones(4, 6)[:, :3].requires_grad_()
    assert flags([cut], name)[0]["fused"] is None
    for wrong in [[cut]] + [half] * (name == "SGD"):
        assert "is wrong for" in problem(wrong, name, IMPLEMENTATION="fused")


@pytest.mark.parametrize("name", FUSED)
def test_auto_is_fused_for_dense_parameters_that_are_not_contiguous_where_that_is_faster(name: str) -> None:
    assert flags([torch.ones(4, 6).t().requires_grad_()], name)[0]["fused"] is (None if name == "SGD" else True)


@pytest.mark.parametrize("name", FUSED)
def test_what_is_frozen_decides_nothing(name: str) -> None:
    frozen = nn.Parameter(torch.zeros(3, dtype=torch.uint8), requires_grad=False)
    trained = nn.Parameter(torch.ones(3))
    step = choose_step(scepter_opt.check({"NAME": name}), [frozen, trained], [None, None])
    assert step.implementation == "fused"


# What is refused


def test_fused_is_refused_where_it_cannot_be() -> None:
    assert "RMSprop has no fused step: choose one of auto, torch, compiled, foreach, for_loop." in problem(
        make_model("RMSprop"), "RMSprop", IMPLEMENTATION="fused"
    )
    complex_ones = [torch.zeros(3, dtype=torch.complex64, requires_grad=True)]
    assert "choose auto or for_loop" in problem(complex_ones, IMPLEMENTATION="fused")
    assert "set DIFFERENTIABLE to false" in problem(make_model("AdamW"), IMPLEMENTATION="fused", DIFFERENTIABLE=True)


@pytest.mark.parametrize("choice", ["fused", "foreach"])
def test_sparse_gradients_are_refused_where_they_cannot_be(choice: str) -> None:
    said = problem(nn.Embedding(5, 3, sparse=True), "SGD", IMPLEMENTATION=choice)
    assert f"a {choice} step takes no sparse gradients" in said
    assert "choose auto" in said


def test_capturing_on_a_cpu_is_refused() -> None:
    assert "move the model to its GPU before this, or set it to false" in problem(make_model("AdamW"), CAPTURABLE=True)


def test_a_tensor_as_rate_is_refused_where_it_cannot_be() -> None:
    assert "Muon takes no tensor as its rate: set it to false." in problem(make_model("Muon"), "Muon", TENSOR_LR=True)
    assert "choose auto, or set TENSOR_LR to false" in problem(
        make_model("AdamW"), TENSOR_LR=True, IMPLEMENTATION="foreach"
    )


# Rates that are tensors


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_updates_a_tensor_in_place(name: str) -> None:
    made: list[Any] = []
    for tensor in (True, False):
        model = make_model("AdamW")
        optimizer = scepter_opt.build_optimizer(model, {"NAME": "AdamW", "LEARNING_RATE": 0.1, "TENSOR_LR": tensor})
        scheduler = scepter_opt.build_lr_scheduler(optimizer, scheduler_node(name))
        made.append((optimizer, scheduler, make_loss(model), optimizer.param_groups[0]["lr"]))
    rate = made[0][3]
    assert isinstance(rate, torch.Tensor)
    for step in range(12):
        for optimizer, scheduler, closure, _ in made:
            optimizer.step(closure)
            tick(scheduler, metric=1.0 if step > 3 else 1.0 - 0.1 * step)
        assert made[0][0].param_groups[0]["lr"] is rate
        assert float(rate) == pytest.approx(made[1][0].param_groups[0]["lr"], rel=1e-5, abs=1e-9)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's compiler warns of its own parts
@pytest.mark.filterwarnings("ignore:Detected call of:UserWarning")  # a compiled step is not counted
def test_a_compiled_step_follows_the_schedule_without_compiling_again() -> None:
    compiled = 0

    def count(graph: Any, _: Any) -> Any:
        nonlocal compiled
        compiled += 1
        return graph.forward

    torch.compiler.reset()
    weights, rates = [], []
    for compiles in (True, False):
        model = make_model("AdamW")
        node = {"NAME": "AdamW", "LEARNING_RATE": 0.1, "TENSOR_LR": True, "IMPLEMENTATION": "for_loop"}
        optimizer = scepter_opt.build_optimizer(model, node)
        scheduler = scepter_opt.build_lr_scheduler(optimizer, scheduler_node("PhasesLR"))
        closure = make_loss(model)
        step: Any = optimizer.step
        if compiles:
            step = types.MethodType(torch.compile(type(optimizer).step, backend=count), optimizer)
        seen = []
        for tick_number in range(10):
            closure()
            step()
            scheduler.step()
            if tick_number in (2, 9):
                seen.append(compiled)
        rates.append(float(optimizer.param_groups[0]["lr"]))
        weights.append([parameter.detach() for parameter in model.parameters()])
        if compiles:
            assert seen[0] == seen[1] > 0
    torch.compiler.reset()
    assert rates[0] == rates[1]
    for one, other in zip(*weights, strict=True):
        torch.testing.assert_close(one, other)
