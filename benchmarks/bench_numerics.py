"""How far the weights of each implementation are from the loop's after 20 steps.

$ python benchmarks/bench_numerics.py
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from timing import Row, show

import scepter_opt

STEPS = 20
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "AdamW": {"NAME": "AdamW"},
    "Adam": {"NAME": "Adam"},
    "SGD with momentum": {"NAME": "SGD", "LEARNING_RATE": 0.01, "MOMENTUM": 0.9},
    "Adagrad": {"NAME": "Adagrad"},
}
SHAPES = ((512, 256), (256,), (64, 3, 7, 7))


def weights(node: dict[str, Any], dtype: torch.dtype) -> list[torch.Tensor]:
    """The weights after some steps with the same gradients each time that this is called."""
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(shape, generator=generator).mul_(0.02).to(dtype).requires_grad_() for shape in SHAPES]
    optimizer = scepter_opt.build_optimizer(tensors, node)
    for _ in range(STEPS):
        for tensor in tensors:
            tensor.grad = torch.randn(tensor.shape, generator=generator).mul_(0.01).to(dtype)
        optimizer.step()
    return [tensor.detach() for tensor in tensors]


def distance(ones: list[torch.Tensor], others: list[torch.Tensor]) -> float:
    """The largest difference of two weights, over the largest weight of their tensor."""
    pairs = zip(ones, others, strict=True)
    return max(float((one - other).abs().max() / other.abs().max()) for one, other in pairs)


def rows() -> Iterator[Row]:
    """float32 and float64; each against the loop."""
    for dtype in (torch.float32, torch.float64):
        for name, node in OPTIMIZERS.items():
            loop = weights({**node, "IMPLEMENTATION": "for_loop"}, dtype)
            for choice in ("foreach", "fused"):
                found = distance(weights({**node, "IMPLEMENTATION": choice}, dtype), loop)
                case = f"{name}, {STEPS} steps, {str(dtype).removeprefix('torch.')}"
                yield Row(part="numerics", case=case, name=choice, value=found, unit="of the largest weight")


if __name__ == "__main__":
    show(rows())
