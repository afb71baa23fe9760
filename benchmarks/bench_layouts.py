"""Steps of the classes that `auto` decides on, for other dtypes and layouts; is `auto` the fastest that is right?

$ python benchmarks/bench_layouts.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from bench_step import KEYS, implementations, parameters
from shapes import Shape
from timing import Row, compared, show

import scepter_opt

PART = "dtypes and layouts"
MEDIUM: list[Shape] = [(256, 128)] * 60
FILTERS: list[Shape] = [(64, 32, 3, 3)] * 60
CASES: dict[str, Callable[[], list[torch.Tensor]]] = {
    "float32": lambda: parameters(MEDIUM),
    "bfloat16": lambda: [laid(tensor, dtype=torch.bfloat16) for tensor in parameters(MEDIUM)],
    "channels_last": lambda: [laid(t, memory_format=torch.channels_last) for t in parameters(FILTERS)],
    "cut from larger ones": lambda: [cut(tensor) for tensor in parameters(MEDIUM)],
}
WITHIN = 1.1


def laid(tensor: torch.Tensor, **how: Any) -> torch.Tensor:
    """The same in another dtype or memory format, its gradient too."""
    assert tensor.grad is not None
    made = tensor.detach().to(**how).requires_grad_()
    made.grad = tensor.grad.to(**how)
    return made


def cut(tensor: torch.Tensor) -> torch.Tensor:
    """One that has gaps, as pruning and model surgery leave them."""
    made = tensor.detach().repeat(1, 2)[:, : tensor.shape[1]].requires_grad_()
    made.grad = tensor.grad
    return made


def rows(rounds: int = 15) -> Iterator[Row]:
    """Each class over each case; what is not right is refused and has no row."""
    fused = [name for name, entry in scepter_opt.OPTIMIZERS.own_entries().items() if entry.component.fastest_fused]
    for case, make in CASES.items():
        for name in fused:
            said = f"{name}{' with momentum' * (name in KEYS)}, {case}"
            yield from compared(PART, said, implementations(name, make()), "torch", rounds)


def slower(found: list[Row]) -> Iterator[str]:
    """Where `auto` is not within a tenth of the fastest."""
    for case in dict.fromkeys(row["case"] for row in found):
        times = {row["name"]: row["value"] for row in found if row["case"] == case}
        best = min(times, key=lambda name: times[name])
        if times["auto"] > WITHIN * times[best]:
            yield f"{case}: auto takes {times['auto'] / times[best]:.2f} times as long as {best}"


if __name__ == "__main__":
    measured = list(rows())
    show(measured)
    print(*slower(measured), sep="\n")
