"""What the fused steps of the installed torch get wrong, shown on them without the guard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from tests.runtime.test_guard import FUSED, gradient, weights

pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")


def _gaps(name: str, flag: bool) -> torch.Tensor:
    return _stepped(name, flag, nn.Parameter(torch.ones(4, 12)[:, :3]), torch.ones(4, 3))


def _other_gradient(name: str, flag: bool) -> torch.Tensor:
    return _stepped(name, flag, weights(4, 3), gradient(4, 3))


def _other_state(name: str, flag: bool) -> torch.Tensor:
    parameter = weights(4, 3)
    optimizer = _optimizer(name, flag, parameter)
    parameter.grad = gradient(4, 3).contiguous()
    optimizer.step()
    for key, value in optimizer.state[parameter].items():
        if value.ndim:
            optimizer.state[parameter][key] = value.t().contiguous().t()
    optimizer.step()
    return parameter.detach()


def _half(name: str, flag: bool) -> torch.Tensor:
    return _stepped(
        name, flag, nn.Parameter(torch.ones(64, dtype=torch.bfloat16)), torch.ones(64, dtype=torch.bfloat16)
    )


def _late(name: str, flag: bool) -> torch.Tensor:
    early, late = weights(4), weights(4)
    optimizer = _optimizer(name, flag, early, late)
    early.grad = torch.ones(4)
    optimizer.step()
    late.grad = torch.ones(4)
    optimizer.step()
    return late.detach()


def _sparse(name: str, flag: bool) -> torch.Tensor:
    return _stepped(name, flag, weights(4, 3), torch.eye(4, 3).to_sparse())


def _optimizer(name: str, flag: bool, *parameters: nn.Parameter) -> torch.optim.Optimizer:
    momentum = {"momentum": 0.9} if name == "SGD" else {}
    made: torch.optim.Optimizer = getattr(torch.optim, name)(
        list(parameters), lr=0.5, foreach=False, fused=flag, **momentum
    )
    return made


def _stepped(name: str, flag: bool, parameter: nn.Parameter, given: torch.Tensor) -> torch.Tensor:
    parameter.grad = given
    _optimizer(name, flag, parameter).step()
    return parameter.detach()


FLAWS = ((_gaps, FUSED), (_other_gradient, FUSED), (_other_state, FUSED), (_half, ["SGD"]), (_late, ["SGD"]))


@pytest.mark.parametrize(("flaw", "names"), [*FLAWS, (_sparse, ["SGD", "Adagrad"])])
def test_the_installed_torch_still_needs_each_entry(flaw: Callable[..., torch.Tensor], names: list[str]) -> None:
    for name in names:
        right = flaw(name, False)
        try:
            found = flaw(name, True)
        except (RuntimeError, TypeError):
            continue
        message = f"{name} of torch {torch.__version__} needs no guard against {flaw.__name__} any more: leave it out"
        assert not torch.allclose(found, right, rtol=1e-3), message
