"""The optimizer step that all examples make."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.optim import Optimizer


def descend(optimizer: Optimizer, loss: Callable[[], Tensor]) -> float:
    """One optimizer step; returns the loss before it.

    The closure serves every optimizer: LBFGS calls it several times, the others once.
    """

    def closure() -> float:
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return value.item()

    return optimizer.step(closure)
