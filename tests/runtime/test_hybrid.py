"""A Hybrid is one torch optimizer, and equals its parts run separately."""

from __future__ import annotations

import copy
import types
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

import scepter_opt
from scepter_opt.runtime.hybrid import HybridOptimizer
from tests.optimizers.hybrids import OF_VECTORS, apart, assert_shared, build, hybrid_node, train
from tests.support import SCHEDULERS, make_loss, make_model, same, scheduler_node, tick

pytestmark = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has Muon since 2.9")


@pytest.mark.parametrize("vectors", OF_VECTORS)
def test_it_equals_its_parts_run_separately(vectors: str) -> None:
    model, optimizer = build(vectors)
    assert same(train(model, [optimizer]), train(*apart(vectors)))


@pytest.mark.parametrize("name", SCHEDULERS)
def test_under_every_scheduler_it_equals_its_parts_run_separately(name: str) -> None:
    # what is absolute goes by the default part's rate, and alone by each part's own: there both are equal
    absolute = scepter_opt.LR_SCHEDULERS.entry(name).component.Config.absolute_rates
    rates = (0.02, 0.02) if absolute else (0.02, 0.005)
    model, optimizer = build(rates=rates)
    other, parts = apart("AdamW", rates)
    results = []
    for trained, optimizers in ((model, list[torch.optim.Optimizer]([optimizer])), (other, parts)):
        schedulers = [scepter_opt.build_lr_scheduler(each, scheduler_node(name)) for each in optimizers]
        trace = []
        for step in range(20):
            trace.append(train(trained, optimizers, 1))
            for scheduler in schedulers:
                tick(scheduler, 1.0 if step > 3 else 1.0 - 0.1 * step)
            groups = [group for each in optimizers for group in each.param_groups]
            trace.append([group["lr"] for group in sorted(groups, key=lambda group: "momentum" in group)])
        results.append(trace)
    assert same(*results)


def test_hooks_run_once_per_step() -> None:
    model, optimizer = build()
    calls: list[tuple[str, Any]] = []

    def note(what: str) -> Callable[..., None]:
        return lambda *arguments: calls.append((what, arguments[0]))

    with ExitStack() as stack:
        for handle in (
            register_optimizer_step_pre_hook(note("all before")),
            optimizer.register_step_pre_hook(note("before")),
            optimizer.register_step_post_hook(note("after")),
            register_optimizer_step_post_hook(note("all after")),
        ):
            stack.callback(handle.remove)
        train(model, [optimizer], 1)
    assert [what for what, _ in calls] == ["all before", "before", "after", "all after"]
    assert all(caller is optimizer for _, caller in calls)


def test_a_closure_is_called_once_with_gradients() -> None:
    model, optimizer = build()
    inner, losses = make_loss(model), list[torch.Tensor]()

    def closure() -> torch.Tensor:
        assert torch.is_grad_enabled()
        losses.append(inner())
        return losses[-1]

    with torch.no_grad():
        assert optimizer.step(closure) is losses[0]
    assert len(losses) == 1
    assert same([parameter.detach() for parameter in model.parameters()], train(*apart("AdamW"), 1)[1])


@pytest.mark.parametrize("implementation", ["torch", "fused"])
def test_a_grad_scaler_unscales_and_skips(implementation: str) -> None:
    node = hybrid_node()
    node["OPTIMIZERS"]["rest"]["IMPLEMENTATION"] = implementation
    model = make_model("SGD")
    optimizer = scepter_opt.build_optimizer(model, node)
    other, parts = apart("AdamW")
    parts[1].param_groups[0]["fused"] = {"fused": True, "torch": None}[implementation]
    results = []
    for trained, optimizers in ((model, [optimizer]), (other, parts)):
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        inputs = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
        trace = []
        for step in range(5):
            trained.zero_grad()
            loss = trained(inputs).square().mean() * (float("inf") if step == 2 else 1.0)
            scaler.scale(loss).backward()
            for each in optimizers:
                scaler.unscale_(each)
            torch.nn.utils.clip_grad_norm_(trained.parameters(), 0.5)
            for each in optimizers:
                scaler.step(each)
            scaler.update()
            trace.append([scaler.get_scale(), *(parameter.detach().clone() for parameter in trained.parameters())])
        results.append(trace)
    assert same(*results)
    assert same(results[0][1][1:], results[0][2][1:])
    assert results[0][2][0] == 512.0


def test_a_part_that_was_built_fused_is_scaled_as_the_others_are() -> None:
    model = make_model("SGD")
    matrices = [parameter for parameter in model.parameters() if parameter.ndim == 2]
    others = [parameter for parameter in model.parameters() if parameter.ndim != 2]
    optimizer = HybridOptimizer(
        [{"params": matrices, "optimizer": "plain"}, {"params": others, "optimizer": "fused"}],
        {"plain": torch.optim.SGD, "fused": partial(torch.optim.AdamW, fused=True)},
        default="plain",
    )
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    scaler.scale(model(torch.full((5, 4), float("inf"))).sum()).backward()
    scaler.step(optimizer)
    assert same([parameter.detach() for parameter in model.parameters()], before)


def test_groups_are_added_to_the_part_that_they_name() -> None:
    model, optimizer = build()
    train(model, [optimizer])
    more = nn.Linear(3, 3)
    optimizer.add_param_group({"params": [("more.weight", more.weight)], "optimizer": "muon", "lr": 0.5})
    optimizer.add_param_group({"params": [("more.bias", more.bias)], "optimizer": "rest"})
    assert [(group["optimizer"], group["lr"]) for group in optimizer.param_groups] == [
        ("rest", 0.005), ("muon", 0.02), ("muon", 0.5), ("rest", 0.005),
    ]  # fmt: skip
    assert optimizer.param_groups[2].keys() == optimizer.param_groups[1].keys() - {"name", "rules", "settings"}
    assert_shared(optimizer)
    assert_shared(copy.deepcopy(optimizer))
    optimizer.add_param_group({"params": [torch.ones(2, requires_grad=True)]})
    assert optimizer.param_groups[-1]["optimizer"] == "rest"
    before = more.weight.detach().clone()
    more(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    assert not torch.equal(before, more.weight)


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ({"optimizer": "mun"}, "there is no such part. Did you mean muon"),
        ({"optimizer": "muon"}, "OPTIMIZERS.muon: Muon refuses: Muon only supports 2D"),
        ({"optimizer": "rest", "params": "known"}, "some parameters appear in more than one"),
    ],
)
def test_a_group_that_cannot_be_is_refused_and_nothing_changes(group: dict[str, Any], message: str) -> None:
    model, optimizer = build()
    before = list(optimizer.param_groups)
    params: dict[str, Any] = {"known": list(model.named_parameters())}
    given = params.get(group.get("params", ""), [("cube", torch.ones(2, 2, 2, requires_grad=True))])
    with pytest.raises(ValueError, match=message):
        optimizer.add_param_group({**group, "params": given})
    assert list(map(id, optimizer.param_groups)) == list(map(id, before))
    assert_shared(optimizer)


def test_another_state_and_other_groups_can_be_assigned() -> None:
    model, optimizer = build()
    train(model, [optimizer])
    optimizer.state = type(optimizer.state)(dict)
    optimizer.param_groups = optimizer.param_groups[1:]
    other, parts = apart("AdamW")
    other.load_state_dict(model.state_dict())
    assert same(train(model, [optimizer]), train(other, parts[:1]))
    assert set(optimizer.state) == set(optimizer.param_groups[0]["params"])


def test_sparse_and_dense_gradients_have_each_their_part() -> None:
    results = []
    for by_hand in (False, True):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Embedding(8, 3, sparse=True), nn.Linear(3, 2))
        rules = {"sparse": {"WHERE": {"KINDS": "embedding"}, "SET": {"OPTIMIZER": "sparse"}}}
        parts = {"sparse": {"NAME": "SparseAdam"}, "dense": {"NAME": "Adam", "IMPLEMENTATION": "torch"}}
        node = {"NAME": "Hybrid", "OPTIMIZERS": parts, "DEFAULT": "dense", "PARAM_GROUPS": rules}
        optimizers = [scepter_opt.build_optimizer(model, node)]
        if by_hand:
            optimizers = [torch.optim.SparseAdam(model[0].parameters()), torch.optim.Adam(model[1].parameters())]
        for _ in range(3):
            model.zero_grad()
            model(torch.tensor([1, 3, 3])).square().sum().backward()
            for optimizer in optimizers:
                optimizer.step()
        results.append([parameter.detach() for parameter in model.parameters()])
    assert same(*results)


# torch warns of its own use of torch.jit
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_compiled_step_does_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for compiled in (False, True):
        model, optimizer = build()
        if compiled:
            step = torch.compile(HybridOptimizer.step, backend="eager")
            monkeypatch.setattr(optimizer, "step", types.MethodType(step, optimizer))
        results.append(train(model, [optimizer]))
    for one, other in zip(*(weights for _, weights in results), strict=True):
        torch.testing.assert_close(one, other, atol=1e-2, rtol=0)


def test_train_and_eval_reach_the_parts_that_have_them() -> None:
    class Averaging(torch.optim.SGD):
        """As optimizers without a schedule do: what is evaluated is not what is trained."""

        def train(self) -> None:
            self.mode = "train"

        def eval(self) -> None:
            self.mode = "eval"

    model = make_model("SGD")
    matrices = [parameter for parameter in model.parameters() if parameter.ndim == 2]
    others = [parameter for parameter in model.parameters() if parameter.ndim != 2]
    optimizer = HybridOptimizer(
        [{"params": matrices, "optimizer": "a"}, {"params": others}],
        {"a": Averaging, "b": torch.optim.SGD},
        default="b",
    )
    part: Any = optimizer.parts["a"]
    optimizer.eval()
    assert part.mode == "eval"
    optimizer.train()
    assert part.mode == "train"


def test_a_part_all_of_whose_parameters_are_frozen_is_built_and_trains_later() -> None:
    model: Any = make_model("SGD")
    for parameter in model.parameters():
        parameter.requires_grad_(parameter.ndim != 2)
    optimizer = scepter_opt.build_optimizer(model, hybrid_node())
    assert set(optimizer.parts) == {"muon", "rest"}  # type: ignore[attr-defined]  # a Hybrid
    before = model[0].weight.detach().clone()
    make_loss(model)()
    optimizer.step()
    assert torch.equal(before, model[0].weight)
    model[0].weight.requires_grad_(True)
    make_loss(model)()
    optimizer.step()
    assert not torch.equal(before, model[0].weight)
