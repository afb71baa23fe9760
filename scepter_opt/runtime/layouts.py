"""How tensors lie in memory, and state laid as its parameter lies."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from functools import lru_cache
from typing import Any

import torch


def has_strides(tensor: torch.Tensor, strides: tuple[int, ...]) -> bool:
    """Whether a tensor has these strides; those of dimensions of size 1 do not count."""
    return all(size == 1 or one == two for size, one, two in zip(tensor.shape, tensor.stride(), strides, strict=True))


@lru_cache(1024)
def is_dense(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether a tensor of this shape and these strides has neither gaps nor overlaps.

    >>> is_dense((4, 3), (1, 4)), is_dense((4, 3), (6, 1)), is_dense((4, 3), (0, 1))
    (True, False, False)
    """
    expected = 1
    for stride, size in sorted(zip(strides, shape, strict=True)):
        if size != 1:
            if stride != expected:
                return False
            expected *= size
    return True


def lay_state(parameters: Iterable[Any], states: MutableMapping[Any, Any]) -> None:
    """Lay the state of parameters as torch would make it for them now, where it lies otherwise.

    Args:
        parameters: Those whose state is looked at.
        states: An optimizer's `state`; tensors of a parameter's shape are replaced by equal ones.
    """
    for parameter in parameters:
        state = states.get(parameter)
        if not isinstance(state, dict):
            continue
        is_contiguous = parameter.layout is torch.strided and parameter.is_contiguous()
        for key, value in state.items():
            if not isinstance(value, torch.Tensor) or value.layout is not torch.strided:
                continue
            # what nearly all are comes first: there may be hundreds of thousands
            if (is_contiguous and value.is_contiguous()) or value.shape != parameter.shape:
                continue
            laid = torch.empty_like(parameter, dtype=value.dtype, device=value.device, requires_grad=False)
            if not has_strides(value, laid.stride()):
                state[key] = laid.copy_(value)
