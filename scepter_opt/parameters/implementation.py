"""IMPLEMENTATION: which of torch's `foreach` and `fused` a group gets, and what cannot be had."""

from __future__ import annotations

import enum
import importlib.util
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError, Problem


class Implementation(str, enum.Enum):
    """How a step is computed: torch's `foreach` and `fused` together."""

    auto = "auto"
    torch = "torch"
    fused = "fused"
    foreach = "foreach"
    for_loop = "for_loop"
    compiled = "compiled"


# What not every class has; the loop is always there, and with it auto and torch's own choice.
_SPECIAL = (Implementation.fused, Implementation.foreach, Implementation.compiled)


def check_implementations(config: Any) -> Iterator[Problem]:
    """What is wrong with an optimizer's IMPLEMENTATION, and with those of its rules."""
    choices = {"IMPLEMENTATION": config.IMPLEMENTATION}
    for name, rule in (config.PARAM_GROUPS or {}).items():
        choices[f"PARAM_GROUPS.{name}.SET.IMPLEMENTATION"] = rule.SET.get("IMPLEMENTATION")
    for key, choice in choices.items():
        if choice in _SPECIAL and not config.several:
            message = unavailable(config, Implementation(choice), rule=key != "IMPLEMENTATION")
            if message:
                yield Problem(key, message, choice.value)
    if config.TENSOR_LR and not config.several:
        yield from check_tensor_rate(config)


def check_tensor_rate(config: Any) -> Iterator[Problem]:
    """What is wrong with a rate that is a tensor."""
    if not config.component.tensor_lr:
        yield Problem("TENSOR_LR", f"{config.NAME} takes no tensor as its rate: set it to false.", True)


def unavailable(config: Any, choice: Implementation, rule: bool = False) -> str:
    """Why an optimizer cannot compute its step so; empty where it can.

    Args:
        config: Its Config.
        choice: How.
        rule: Whether a rule says it, for some groups.
    """
    component = config.component
    has = component.implementations + ("compiled",) * component.compiles
    if rule and choice is not config.IMPLEMENTATION and Implementation.compiled in (choice, config.IMPLEMENTATION):
        return "a step is compiled for all groups or for none: say it on the optimizer."
    if choice not in _SPECIAL:
        return ""
    if choice.value not in has:
        names = ", ".join(["auto", "torch", *sorted(has), "for_loop"])
        return f"{config.NAME} has no {choice.value} step: choose one of {names}."
    if choice is Implementation.foreach and config.get("TENSOR_LR") and not config.get("CAPTURABLE"):
        return "a foreach step takes no tensor as its rate: choose auto, or set TENSOR_LR to false."
    if config.get("DIFFERENTIABLE"):
        return f"autograd cannot go through a {choice.value} step: set DIFFERENTIABLE to false."
    return ""


@dataclass(frozen=True)
class StepChoice:
    """How a group's step is computed, and why."""

    implementation: Implementation
    """fused, foreach, for_loop or compiled, which is a loop that is compiled; torch where the choice is torch's."""
    reason: str
    """Why, for people; empty where the configuration says so."""

    def flags(self, has: Iterable[str]) -> dict[str, bool]:
        """torch's flags for a group's dict (never for the constructor's defaults) of a class that has these."""
        if self.implementation is Implementation.torch:
            return {}
        return {flag: flag == self.implementation.value for flag in has}


def choose_step(config: Any, tensors: Sequence[Any], owners: Iterable[Any]) -> StepChoice:
    """How the step of a group is computed.

    Args:
        config: The Config of the optimizer, or of the part of a Hybrid.
        tensors: The group's parameters.
        owners: The modules that hold them, None where unknown. One that announces sparse gradients is a hint: that
            others are dense, nobody knows before the step.

    Raises:
        ConfigError: The configuration asks for what these parameters cannot have.
    """
    _check_devices(config, tensors)
    # what is frozen gets no gradient: it slows nobody
    training = [pair for pair in zip(tensors, owners, strict=True) if pair[0].requires_grad]
    if training:
        tensors, owners = zip(*training, strict=True)
    choice = Implementation(config.IMPLEMENTATION)
    if choice in (Implementation.torch, Implementation.for_loop):
        return StepChoice(choice, "")
    # each owner once, and without torch's own search for attributes: there may be a hundred thousand parameters
    sparse = any(vars(owner).get("sparse") is True for owner in set(owners) if owner is not None)
    if choice is Implementation.auto:
        reason = _not_fused(config.component, tensors, sparse, bool(config.get("DIFFERENTIABLE")))
        if reason:
            return StepChoice(Implementation.torch, reason)
        return StepChoice(Implementation.fused, f"the fastest on {tensors[0].device.type}")
    # torch would refuse it in the first step, and what is not asked for by name is no error: auto passes it by
    odd = next((tensor for tensor in tensors if not tensor.is_floating_point()), None)
    if choice is Implementation.fused and odd is not None:
        message = f"fused steps take floating-point tensors, and there is one of {odd.dtype}: choose auto or for_loop."
        raise ConfigError([Problem("IMPLEMENTATION", message, choice.value)])
    if choice is Implementation.compiled:
        _check_compiler(config, tensors)
    wrong = _wrong(config.component, tensors) if choice is Implementation.fused else ""
    if wrong:
        raise ConfigError([Problem("IMPLEMENTATION", f"{wrong}: choose auto or for_loop.", choice.value)])
    if sparse:
        message = f"a {choice.value} step takes no sparse gradients, and an embedding here gives them: choose auto."
        raise ConfigError([Problem("IMPLEMENTATION", message, choice.value)])
    return StepChoice(choice, "")


def _not_fused(component: Any, tensors: Sequence[Any], sparse: bool, differentiable: bool) -> str:
    """Why a fused step is not the fastest that is valid; empty where it is."""
    from ..components.keywords import has_keyword, target_class

    # elsewhere torch's own choice holds: the loop on a CPU, foreach on CUDA
    devices = component.fastest_fused
    target = target_class(component.target)
    # another's class may have a keyword of that name too, and nobody has measured or tested what it does
    if not devices or target.__module__.partition(".")[0] != "torch" or not has_keyword(target, "fused"):
        return "the class has no fused step"
    if differentiable:
        return "autograd goes through the step"
    if sparse:
        return "an embedding gives sparse gradients"
    kinds = {tensor.device.type for tensor in tensors}
    if not kinds <= set(devices):
        return f"not known to be faster fused on {', '.join(sorted(kinds - set(devices)))}"
    if not all(tensor.is_floating_point() for tensor in tensors):
        return "not all parameters are floating-point"
    if not component.fused_takes_dtensors and any(hasattr(kind, "device_mesh") for kind in set(map(type, tensors))):
        return "the fused kernel has no rule for distributed tensors"
    if component.fused_slow_strided and any(t.is_cpu and not t.is_contiguous() for t in tensors):
        return "the loop is faster for parameters that are not contiguous"
    return _wrong(component, tensors)


def _wrong(component: Any, tensors: Sequence[Any]) -> str:
    """Why a fused step would be wrong, silently; empty where the guard can answer for it."""
    from ..components.keywords import target_class

    unfit = target_class("scepter_opt.runtime.guard.unfit")
    return str(unfit(target_class(component.target), tensors))


def _check_compiler(config: Any, tensors: Sequence[Any]) -> None:
    """Refuse a compiled step where nothing can compile it, or where torch would make it uncompiled without a word."""
    kinds = {tensor.device.type for tensor in tensors}
    message = ""
    if "cuda" in kinds and config.get("CAPTURABLE") is False:
        message = "on a GPU torch compiles only a step that can be captured: set CAPTURABLE to true, or choose auto."
    elif "cuda" in kinds and importlib.util.find_spec("triton") is None:
        message = "on a GPU torch compiles by triton, which is not installed: install it, or choose auto."
    elif "cpu" in kinds and not any(map(shutil.which, (os.environ.get("CXX", "g++"), "clang++", "cl"))):
        message = "torch compiles by a C++ compiler, and there is none: install g++ or clang, or choose auto."
    if message:
        raise ConfigError([Problem("IMPLEMENTATION", message, Implementation.compiled.value)])


def _check_devices(config: Any, tensors: Sequence[Any]) -> None:
    """Refuse what only the parameters' device can refuse."""
    if config.get("CAPTURABLE") and any(tensor.device.type == "cpu" for tensor in tensors):
        message = "a step on the CPU cannot be captured: move the model to its GPU before this, or set it to false."
        raise ConfigError([Problem("CAPTURABLE", message, True)])
