"""Memory that is held per parameter: by an optimizer beyond torch's own, and by a plan beside the names.

$ python benchmarks/bench_memory.py
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import torch
from bench_plan import many_parameters, twenty_rules
from timing import Row, show

import scepter_opt

PART = "memory"


def held(make: Callable[[], Any]) -> int:
    """Bytes of Python's memory that are alive only because of what `make` returns."""
    make()  # what is kept for all later ones
    gc.collect()
    tracemalloc.start()
    made = make()
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del made
    return size


def optimizers(count: int) -> Iterator[Row]:
    """SGD and AdamW after a step, so that the state is there."""
    model = many_parameters(count)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)

    def stepped(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
        optimizer.step()
        return optimizer

    for name in ("SGD", "AdamW"):
        cls, node = getattr(torch.optim, name), {"NAME": name, "IMPLEMENTATION": "torch"}
        sizes = {
            "scepter_opt": held(lambda node=node: stepped(scepter_opt.build_optimizer(model, node))),  # type: ignore[misc]  # a lambda's default
            "torch": held(lambda cls=cls: stepped(cls(model.named_parameters()))),  # type: ignore[misc]  # the same
        }
        for maker, size in sizes.items():
            row = Row(part=PART, case=f"{name}, {count:,} parameters", name=maker, value=size / count)
            yield {**row, "unit": "bytes per parameter", "ratio": size / sizes["torch"], "to": "torch"}


def plan(count: int) -> Row:
    """A plan with twenty rules."""
    model = many_parameters(count)
    node = {"NAME": "AdamW", "PARAM_GROUPS": twenty_rules()}
    names = sum(len(name) + 49 for name, _ in model.named_parameters())  # a str is its length and 49 bytes
    size = held(lambda: scepter_opt.plan(node, model)) - names
    case = f"plan of {count:,} parameters, 20 rules, beside the names"
    return Row(part=PART, case=case, name="scepter_opt", value=size / count, unit="bytes per parameter")


def rows(count: int = 10_000) -> Iterator[Row]:
    """Optimizers and a plan; ratios are to torch's own."""
    yield from optimizers(count)
    yield plan(10 * count)


if __name__ == "__main__":
    show(rows())
