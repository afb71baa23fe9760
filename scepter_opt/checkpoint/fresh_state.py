"""State that another class, or another setting, made: what of it an optimizer can go on with."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, final

from ..parameters.state import part_of


@final
class FreshState:
    """Knows what state an optimizer makes for itself, by a step on a small tensor that is thrown away.

    Args:
        optimizer: Any of torch's kind.
    """

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer
        self._made: dict[Any, Mapping[str, Any]] = {}

    def fit(
        self, state: Any, group: Mapping[str, Any], settings: Mapping[str, Any], parameter: Any, same: bool
    ) -> tuple[Any, str]:
        """The state that a parameter goes on with; None where it begins anew, and then why.

        What the optimizer would begin with as zeros, and the state lacks, is zeros.

        Args:
            state: The parameter's in the checkpoint.
            group: Its group.
            settings: What the settings of the group will be.
            parameter: The parameter.
            same: Whether the state is of the same class, which may keep more than it needs.
        """
        import torch

        key = (id(group), parameter.ndim, parameter.dtype)
        if key not in self._made:
            self._made[key] = self._fresh(group, settings, parameter)
        fresh = {name: value for name, value in self._made[key].items() if value is not None}
        if not isinstance(state, Mapping) or not fresh:
            return (state, "") if same else (None, "nothing of the other class's state is known to be its own")
        if not same and not any(name in state for name in fresh if name != "step"):
            return None, "the two classes share no state"
        taken = dict(state) if same else {name: value for name, value in state.items() if name in fresh}
        for name, value in fresh.items():
            is_like = isinstance(value, torch.Tensor) and value.ndim == parameter.ndim and value.shape != ()
            if taken.get(name) is not None:
                if not same and is_like and taken[name].shape != parameter.shape:
                    return None, f"its {name} is of another shape"
                continue
            if not is_like or value.any():
                return None, f"the checkpoint has no {name}"
            taken[name] = torch.zeros_like(parameter, dtype=value.dtype, requires_grad=False)
        return taken, ""

    def _fresh(self, group: Mapping[str, Any], settings: Mapping[str, Any], parameter: Any) -> Mapping[str, Any]:
        """The state of a tensor of as many dimensions after a step with a gradient of zeros; empty where unknown."""
        import torch

        part = part_of(self._optimizer, group)
        probe = torch.zeros((2,) * parameter.ndim, dtype=parameter.dtype, requires_grad=True)
        probe.grad = torch.zeros_like(probe)
        # what its class was constructed with, and neither its groups nor its state
        scratch = object.__new__(type(part))
        vars(scratch).update(vars(part))
        scratch.state = defaultdict(dict)
        flags = {flag: False for flag in ("foreach", "fused", "capturable") if flag in group}
        rate = {"lr": float(settings["lr"])} if "lr" in settings else {}
        scratch.param_groups = [{**settings, **flags, **rate, "params": [probe]}]
        step: Any = type(part).step
        try:
            with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
                warnings.simplefilter("ignore")
                getattr(step, "__wrapped__", step)(scratch)
        except Exception:  # a class of somebody's own may need more than a gradient
            return {}
        made: Mapping[str, Any] = scratch.state.get(probe, {})
        return made
