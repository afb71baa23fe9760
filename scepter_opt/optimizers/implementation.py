"""IMPLEMENTATION: which of torch's `foreach` and `fused` a group gets, and what cannot be had."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import ConfigError, Problem


class Implementation(str, enum.Enum):
    """How a step is computed: torch's `foreach` and `fused` together."""

    auto = "auto"
    torch = "torch"
    fused = "fused"
    foreach = "foreach"
    for_loop = "for_loop"


_SPECIAL = (Implementation.fused, Implementation.foreach)


def check_implementations(config: Any) -> Iterator[Problem]:
    """What is wrong with an optimizer's IMPLEMENTATION, and with those of its rules."""
    choices = {"IMPLEMENTATION": config.IMPLEMENTATION}
    for name, rule in (config.PARAM_GROUPS or {}).items():
        choices[f"PARAM_GROUPS.{name}.SET.IMPLEMENTATION"] = rule.SET.get("IMPLEMENTATION")
    for key, choice in choices.items():
        if choice in _SPECIAL and not config.several:
            message = unavailable(config, Implementation(choice))
            if message:
                yield Problem(key, message, choice.value)


def unavailable(config: Any, choice: Implementation) -> str:
    """Why an optimizer cannot compute its step so; empty where it can."""
    from .registry import OPTIMIZERS

    has = OPTIMIZERS.entry(config.NAME).component.implementations
    if choice not in _SPECIAL:
        return ""
    if choice.value not in has:
        names = ", ".join(["auto", "torch", *sorted(has), "for_loop"])
        return f"{config.NAME} has no {choice.value} step: choose one of {names}."
    if config.get("DIFFERENTIABLE"):
        return f"autograd cannot go through a {choice.value} step: set DIFFERENTIABLE to false."
    return ""


def flags(choice: Implementation, has: tuple[str, ...], tensors: Iterable[Any]) -> dict[str, bool]:
    """torch's flags for one group. They go into its dict, never into the constructor's defaults.

    Args:
        choice: What the configuration says.
        has: Which of foreach and fused the class has.
        tensors: The group's parameters.

    Raises:
        ConfigError: A tensor is of a kind that the choice cannot take.
    """
    if choice in (Implementation.auto, Implementation.torch):
        return {}
    if choice is Implementation.fused:
        odd = next((tensor for tensor in tensors if not tensor.is_floating_point()), None)
        if odd is not None:
            message = f"fused steps take floating-point tensors, and there is one of {odd.dtype}."
            raise ConfigError([Problem("IMPLEMENTATION", message, choice.value)])
    return {flag: flag == choice.value for flag in has}
