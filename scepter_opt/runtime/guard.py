"""The guard: a step that a fused kernel of torch's would get wrong, or refuse, is made by torch's loop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch.optim import Optimizer

from .layouts import has_strides, is_dense, lay_state

_FLOATS = frozenset({torch.float32, torch.float64, torch.bfloat16, torch.float16})
_HALVES = frozenset({torch.bfloat16, torch.float16})


@dataclass(frozen=True)
class Kernel:
    """What a class's fused step can take."""

    state: tuple[str, ...]
    """The state that lies as its parameter does."""
    on_cpu: frozenset[torch.dtype] = _FLOATS
    """The dtypes that it computes rightly on a CPU."""
    elsewhere: frozenset[torch.dtype] = _FLOATS
    """Those on other devices."""
    mixes_dtypes: bool = True
    """Whether the loop takes state of another dtype than the parameter, which no fused step does."""


# The tests hold each entry against the installed torch, and say which it needs no more.
KERNELS: Mapping[type[Optimizer], Kernel] = {
    torch.optim.Adam: Kernel(("exp_avg", "exp_avg_sq", "max_exp_avg_sq"), mixes_dtypes=False),
    torch.optim.AdamW: Kernel(("exp_avg", "exp_avg_sq", "max_exp_avg_sq"), mixes_dtypes=False),
    torch.optim.Adagrad: Kernel(("sum",), elsewhere=frozenset()),
    torch.optim.SGD: Kernel(("momentum_buffer",), on_cpu=_FLOATS - _HALVES),  # pytorch/pytorch#191763
}


@final
class Guard:
    """Looks at what a fused step would get, right before it, and takes the flag from a group for that one step.

    It looks in the step's closure, which a step without one is given: gradients may exist only after the closure, and
    hooks that run after this one may set others. It reads no values, so nothing waits for a device.
    """

    def __init__(self) -> None:
        self._loops: list[dict[str, Any]] = []

    def before_step(self, optimizer: Optimizer, arguments: Any, keywords: Any) -> tuple[Any, dict[str, Any]]:
        """A step pre-hook: the step's arguments with a closure that looks after the one given."""
        self.restore()  # a step that raised had no post-hook
        others = dict(keywords)
        closure = others.pop("closure", None) if len(arguments) < 2 else arguments[1]

        def closure_and_look() -> Any:
            loss = None if closure is None else closure()
            self._look(optimizer)
            return loss

        return (arguments[0], closure_and_look, *arguments[2:]), others

    def restore(self, *_: Any) -> None:
        """Any hook that follows a step, or that a step which raised is followed by: groups are fused again."""
        for group in self._loops:
            group["fused"] = True
        self._loops.clear()

    def _look(self, optimizer: Optimizer) -> None:
        parts = getattr(optimizer, "parts", {})
        for group in optimizer.param_groups:
            if group.get("fused"):
                kernel = kernel_of(type(parts.get(group.get("optimizer"), optimizer)))
                if kernel is None or _looks_right(kernel, group, optimizer.state):
                    continue
                # state that lies otherwise is laid once, and need not slow the steps that follow
                lay_state(group["params"], optimizer.state)
                if not _looks_right(kernel, group, optimizer.state):
                    group["fused"] = False
                    self._loops.append(group)


def _looks_right(kernel: Kernel, group: Mapping[str, Any], states: Mapping[Any, Mapping[str, Any]]) -> bool:
    try:
        return takes(kernel, group, states)
    except RuntimeError:  # a sparse tensor has no strides
        return False


def kernel_of(cls: type[Optimizer]) -> Kernel | None:
    """What the fused step of a class can take; None where it has no such step, or one that is not torch's."""
    for base, kernel in KERNELS.items():
        if issubclass(cls, base):
            return kernel
    return None


def unfit(cls: type[Optimizer], parameters: Iterable[torch.Tensor]) -> str:
    """Why the fused step of a class would not compute parameters rightly as they are; empty where it would."""
    kernel = kernel_of(cls)
    if kernel is None:
        return ""
    for parameter in parameters:
        if parameter.dtype not in (kernel.on_cpu if parameter.is_cpu else kernel.elsewhere):
            dtype, device = str(parameter.dtype).removeprefix("torch."), parameter.device.type
            return f"the fused step of {cls.__name__} is wrong for {dtype} on {device}"
        if not parameter.is_contiguous() and not is_dense(parameter.shape, parameter.stride()):
            return "the fused step is wrong for a parameter that is a part of a larger tensor"
    return ""


def takes(  # noqa: C901  # one loop: calls for its parts would cost more than what they do
    kernel: Kernel, group: Mapping[str, Any], states: Mapping[Any, Mapping[str, Any]]
) -> bool:
    """Whether a kernel computes the step of a group as torch's loop does. Parameters without a gradient do not count.

    It runs at every step for every parameter, hence in one loop: contiguity first, strides only where there is none.
    """
    keys = kernel.state if group.get("amsgrad", True) else kernel.state[:2]
    mixes, momentum = kernel.mixes_dtypes, group.get("momentum", 0) != 0
    everywhere = kernel.on_cpu is kernel.elsewhere
    sure: Any = None
    dense: dict[tuple[int, ...], tuple[int, ...]] = {}
    begun = begins = False
    for parameter in group["params"]:
        gradient = parameter.grad
        if gradient is None:
            continue
        dtype, shape = parameter.dtype, parameter.shape
        if dtype is not sure:
            if dtype not in (kernel.on_cpu if parameter.is_cpu else kernel.elsewhere):
                return False
            sure = dtype if everywhere else None
        if gradient.shape != shape or (mixes and gradient.dtype is not dtype):
            return False
        if parameter.is_contiguous():
            strides = None
            if not gradient.is_contiguous():
                return False
        else:
            strides = parameter.stride()
            if dense.get(strides) != shape:
                if not is_dense(shape, strides):
                    return False
                dense[strides] = shape
            if gradient.stride() != strides and not has_strides(gradient, strides):
                return False
        state = states.get(parameter)
        if state:
            for value in map(state.get, keys):
                if value is None:
                    continue
                if value.shape != shape or (mixes and value.dtype is not dtype):
                    return False
                if strides is None:
                    if not value.is_contiguous():
                        return False
                elif value.stride() != strides and not has_strides(value, strides):
                    return False
        if momentum:
            if state and state.get("momentum_buffer") is not None:
                begun = True
            else:
                begins = True
    return not (begun and begins)
