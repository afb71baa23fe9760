"""The optimizer step that all examples make."""

from __future__ import annotations

from collections.abc import Callable

from processes import Processes
from torch import Tensor
from torch.optim import Optimizer


def descend(optimizer: Optimizer, loss: Callable[[], Tensor], processes: Processes) -> float:
    """One optimizer step; returns the loss before it, the mean of all processes'.

    The closure serves every optimizer: LBFGS calls it several times, the others once.
    """

    def closure() -> float:
        optimizer.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return processes.mean(value.item())

    return optimizer.step(closure)
