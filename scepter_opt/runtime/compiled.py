"""A step through torch.compile: compiled once, whatever the schedule; hooks and closures stay outside."""

from __future__ import annotations

import inspect
import logging
import time
import types
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

from .hybrid import HybridOptimizer

BACKEND = "inductor"
"""What torch.compile compiles by."""


def compile_steps(optimizer: Optimizer, parts: tuple[str, ...] = (), logger: Any = None) -> None:
    """Have the steps of an optimizer compiled when the first is made.

    It is done before a scheduler is built, which wraps `step` and counts its calls.

    Args:
        optimizer: One whose rates are tensors, or a compiled step is compiled again for each new one.
        parts: Of a Hybrid those whose steps are compiled; the other parts' are made as they are.
        logger: Told how long compiling took; anything with `info`.
    """
    if isinstance(optimizer, HybridOptimizer):
        optimizer.steps.update((part, _Compiled(logger)) for part in parts)
        return
    compiled = _Compiled(logger)

    def step(self: Optimizer, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        compiled(self)
        return loss

    # a bound method, as schedulers of torch's take it apart; its class stays whole
    optimizer.step = types.MethodType(Optimizer.profile_hook_step(step), optimizer)  # type: ignore[method-assign]


class _Compiled:
    """The step of one optimizer, compiled at its first call, which says what compiling took."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger if logger is not None else logging.getLogger("scepter_opt")
        self._step: Any = None
        self._had_state = False

    def __call__(self, optimizer: Optimizer) -> None:
        """Make a step."""
        from torch._dynamo.utils import counters  # with torch's compiler, which takes a while to import

        first = _first_state(optimizer)
        count = first.get("step")
        begins = self._step is None or (self._had_state and not first)  # at first, and where state was taken away
        if begins or (isinstance(count, torch.Tensor) and count.dtype is not torch.float64):
            _count_exactly(optimizer)
        if self._step is None:
            self._step = torch.compile(_own_code(type(optimizer)), backend=BACKEND)
        graphs, start = counters["stats"]["unique_graphs"], time.perf_counter()
        with torch.no_grad():
            self._step(optimizer)
        self._had_state = self._had_state or bool(_first_state(optimizer))
        if counters["stats"]["unique_graphs"] != graphs:
            name, seconds = type(optimizer).__name__, time.perf_counter() - start
            self._logger.info(f"{name}: compiling its step took {seconds:.1f} s")


def _first_state(optimizer: Optimizer) -> Any:
    """The state of the first parameter that has one: the parts of a Hybrid share what holds it."""
    members = (p for group in optimizer.param_groups for p in group["params"]) if optimizer.state else ()
    return next((optimizer.state[p] for p in members if p in optimizer.state), {})


def _count_exactly(optimizer: Optimizer) -> None:
    """Have steps counted in float64.

    torch's loop computes 1 - beta ** step from Python's numbers, a compiled step from the count that is in the state:
    in float32 that loses four digits of the first updates.
    """
    cls: Any = type(optimizer)
    lists = len(inspect.signature(cls._init_group).parameters) - 2
    for group in optimizer.param_groups:
        cls._init_group(optimizer, group, *([] for _ in range(lists)))
    for state in optimizer.state.values():
        if isinstance(state.get("step"), torch.Tensor):
            state["step"] = state["step"].double()


def _own_code(cls: type[Optimizer]) -> Callable[[Optimizer], Any]:
    """A copy of a class's step without torch's wrappers.

    torch.compile keeps what it compiled with the code, a few versions at most, and then falls back to the loop without
    a word: optimizers that shared it would use up each other's.
    """
    step: Any = inspect.unwrap(cls.step)
    code = step.__code__.replace()
    return types.FunctionType(code, step.__globals__, step.__name__, step.__defaults__, step.__closure__)
