"""What the guard of fused steps looks at, when, and what it leaves as it was."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt

FUSED = ("SGD", "Adam", "AdamW", "Adagrad")
HYBRID = {
    "NAME": "Hybrid",
    "OPTIMIZERS": {"sgd": {"NAME": "SGD", "MOMENTUM": 0.9}, "adamw": {"NAME": "AdamW"}},
    "DEFAULT": "adamw",
    "PARAM_GROUPS": {"some": {"WHERE": {"NAMES": "some"}, "SET": {"OPTIMIZER": "sgd"}}},
}
pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")


def weights(*shape: int) -> nn.Parameter:
    generator = torch.Generator().manual_seed(0)
    return nn.Parameter(torch.randn(shape, generator=generator))


def gradient(*shape: int) -> torch.Tensor:
    """One that lies the other way round."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(shape[::-1], generator=generator).t()


def fused(optimizer: torch.optim.Optimizer) -> list[Any]:
    return [group["fused"] for group in optimizer.param_groups]


def steps(optimizer: torch.optim.Optimizer) -> list[Any]:
    """The flags that each of the following steps is made with."""
    seen: list[Any] = []
    cls: Any = type(optimizer)
    inner = cls.step.__wrapped__

    def spy(self: Any, closure: Any = None) -> Any:
        def looks() -> Any:
            loss = closure()
            seen.append(fused(self))
            return loss

        return inner(self, looks)

    spy.hooked = True  # type: ignore[attr-defined]  # not torch's wrapper: hooks run in the one around this
    optimizer.step = torch.optim.Optimizer.profile_hook_step(spy).__get__(optimizer)  # type: ignore[method-assign]
    return seen


def loop(name: str, parameter: nn.Parameter, given: torch.Tensor, count: int = 1, **keywords: Any) -> torch.Tensor:
    """The weights after steps of torch's loop."""
    twin = nn.Parameter(parameter.detach().clone())
    optimizer = getattr(torch.optim, name)([twin], foreach=False, fused=False, **keywords)
    for _ in range(count):
        twin.grad = given.clone()
        optimizer.step()
    return twin.detach()


# When it looks


@pytest.mark.parametrize("name", FUSED)
def test_an_odd_gradient_costs_that_one_step_its_kernel(name: str) -> None:
    parameter = weights(4, 3)
    optimizer = scepter_opt.build_optimizer([parameter], {"NAME": name, "LEARNING_RATE": 0.1})
    seen = steps(optimizer)
    for given in (torch.ones(4, 3), gradient(4, 3), torch.ones(4, 3)):
        parameter.grad = given
        optimizer.step()
    assert seen == [[True], [False], [True]]
    assert fused(optimizer) == [True]


@pytest.mark.parametrize("name", FUSED)
@pytest.mark.parametrize("way", ["position", "keyword"])
def test_gradients_of_a_closure_are_looked_at_after_it(name: str, way: str) -> None:
    parameter = weights(4, 3)
    right = loop(name, parameter, gradient(4, 3), 2, lr=0.1)
    optimizer = scepter_opt.build_optimizer([parameter], {"NAME": name, "LEARNING_RATE": 0.1})

    def closure() -> float:
        parameter.grad = gradient(4, 3)
        return 3.0

    for _ in range(2):
        parameter.grad = None
        loss = optimizer.step(closure) if way == "position" else optimizer.step(closure=closure)
        assert loss == 3.0
    torch.testing.assert_close(parameter.detach(), right)


@pytest.mark.parametrize("name", FUSED)
def test_gradients_that_a_later_hook_sets_are_looked_at(name: str) -> None:
    parameter = weights(4, 3)
    right = loop(name, parameter, gradient(4, 3), lr=0.1)
    optimizer = scepter_opt.build_optimizer([parameter], {"NAME": name, "LEARNING_RATE": 0.1})

    def sets(*_: Any) -> None:
        parameter.grad = gradient(4, 3)

    optimizer.register_step_pre_hook(sets)
    optimizer.step()
    torch.testing.assert_close(parameter.detach(), right)


def test_a_step_without_a_closure_still_returns_nothing() -> None:
    parameter = weights(4)
    optimizer = scepter_opt.build_optimizer([parameter], {"NAME": "AdamW"})
    parameter.grad = torch.ones(4)
    assert optimizer.step() is None


@pytest.mark.parametrize("after", ["step", "state_dict", "load_state_dict"])
def test_a_step_that_raises_leaves_no_group_without_its_kernel(after: str) -> None:
    parameter = weights(4, 3)
    optimizer = scepter_opt.build_optimizer([parameter], {"NAME": "Adam"})
    saved = copy.deepcopy(optimizer.state_dict())
    parameter.grad = torch.eye(4, 3).to_sparse()
    with pytest.raises(RuntimeError, match="does not support sparse gradients"):
        optimizer.step()
    parameter.grad = torch.ones(4, 3)
    if after == "step":
        optimizer.step()
    elif after == "state_dict":
        assert optimizer.state_dict()["param_groups"][0]["fused"] is True
    else:
        optimizer.load_state_dict(saved)
    assert fused(optimizer) == [True]


# Whose steps


def test_state_that_lies_otherwise_is_laid_once_and_the_step_stays_fused() -> None:
    parameter = nn.Parameter(torch.randn(2, 3, 4, 4))
    right = nn.Parameter(parameter.detach().clone())
    optimizer = scepter_opt.build_optimizer([parameter], {"NAME": "AdamW"})
    other = torch.optim.AdamW([right], foreach=False, fused=False)
    seen = steps(optimizer)
    for number in range(3):
        given = torch.randn(2, 3, 4, 4)
        parameter.grad = torch.empty_like(parameter).copy_(given)
        right.grad = given
        optimizer.step()
        other.step()
        if number == 0:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    assert seen == [[True]] * 3
    torch.testing.assert_close(parameter, right)


def test_a_part_of_a_hybrid_is_guarded_as_alone() -> None:
    some, rest = weights(4, 3), weights(5, 2)
    rights = loop("SGD", some, gradient(4, 3), 2, momentum=0.9), loop("AdamW", rest, torch.ones(5, 2), 2)
    optimizer = scepter_opt.build_optimizer({"some": some, "rest": rest}, HYBRID)
    seen = steps(optimizer)
    for _ in range(2):
        some.grad, rest.grad = gradient(4, 3), torch.ones(5, 2)
        optimizer.step()
    assert sorted(seen[0]) == sorted(seen[1]) == [False, True]
    assert fused(optimizer) == [True, True]
    torch.testing.assert_close((some.detach(), rest.detach()), rights)


def test_a_late_gradient_in_a_hybrid_trains() -> None:
    model = {"some": weights(4), "some.more": weights(4), "rest": weights(3)}
    optimizer = scepter_opt.build_optimizer(model, HYBRID)
    model["some"].grad = torch.ones(4)
    optimizer.step()
    before = model["some.more"].detach().clone()
    model["some.more"].grad = torch.ones(4)
    optimizer.step()
    torch.testing.assert_close(model["some.more"].detach(), before - 1e-3)


def test_a_group_that_is_added_later_is_looked_at() -> None:
    first, second = weights(4, 3), weights(4, 3)
    right = loop("AdamW", second, gradient(4, 3))
    optimizer = scepter_opt.build_optimizer([first], {"NAME": "AdamW"})
    optimizer.add_param_group({"params": [second], "fused": True})
    first.grad, second.grad = torch.ones(4, 3), gradient(4, 3)
    optimizer.step()
    torch.testing.assert_close(second.detach(), right)
    assert fused(optimizer) == [True, True]


def test_what_has_no_gradient_keeps_nothing_from_its_kernel() -> None:
    frozen = nn.Parameter(torch.ones(4, 12)[:, :3], requires_grad=False)
    whole = nn.Parameter(torch.zeros(3, dtype=torch.uint8), requires_grad=False)
    trained = weights(4, 3)
    optimizer = scepter_opt.build_optimizer([trained], {"NAME": "SGD"})
    optimizer.param_groups[0]["params"] += [frozen, whole]
    seen = steps(optimizer)
    trained.grad = torch.ones(4, 3)
    optimizer.step()
    assert seen == [[True]]


@pytest.mark.parametrize("name", FUSED)
def test_a_scaler_unscales_odd_gradients_and_skips_them(name: str) -> None:
    parameter = weights(4, 3)
    right = loop(name, parameter, gradient(4, 3), lr=0.1)
    optimizer = scepter_opt.build_optimizer([parameter], {"NAME": name, "LEARNING_RATE": 0.1})
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    for factor in (float("inf"), 1.0):
        scaler.scale(torch.zeros(()))
        parameter.grad = gradient(4, 3) * scaler.get_scale() * factor
        scaler.step(optimizer)
        scaler.update()
    torch.testing.assert_close(parameter.detach(), right)


@pytest.mark.parametrize("how", ["deepcopy", "pickle", "copy of the copy"])
@pytest.mark.parametrize("node", [{"NAME": "SGD", "MOMENTUM": 0.9}, {"NAME": "AdamW"}, HYBRID], ids=lambda n: n["NAME"])
def test_a_copy_is_guarded_as_its_original(how: str, node: dict[str, Any]) -> None:
    model = {"some": weights(4, 3), "rest": weights(5, 2)}
    optimizer = scepter_opt.build_optimizer(model, node)
    if how == "pickle":
        copied, twin = pickle.loads(pickle.dumps((model, optimizer)))
    else:
        copied, twin = copy.deepcopy((model, optimizer))
        if how == "copy of the copy":
            copied, twin = copy.deepcopy((copied, twin))
    assert type(twin) is type(optimizer)
    for parameters, stepped in ((model, optimizer), (copied, twin)):
        for parameter in parameters.values():
            parameter.grad = gradient(*parameter.shape)
        stepped.step()
        assert set(fused(stepped)) == {True}
    for one, other in zip(model.values(), copied.values(), strict=True):
        assert one is not other
        assert torch.equal(one, other)
    assert len(twin._optimizer_step_pre_hooks) == 1


def test_an_optimizer_is_freed_with_its_last_name() -> None:
    import gc
    import weakref

    optimizer = scepter_opt.build_optimizer([weights(3)], {"NAME": "AdamW"})
    left = weakref.ref(optimizer)
    gc.disable()
    try:
        del optimizer
        assert left() is None
    finally:
        gc.enable()
