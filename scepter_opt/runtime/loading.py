"""What torch's own `load_state_dict` may not change: rules, the implementation of a step, and what its rates are."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any, final

import torch
from torch.optim import Optimizer

from .layouts import lay_state

FLAGS = ("foreach", "fused")
"""torch's flags that IMPLEMENTATION stands for."""
RULES = ("name", "rules")
"""Which rules made a group is for the configuration to say, not for a checkpoint, which may lack them."""
RATES = ("lr", "initial_lr")


@final
class OwnSettings:
    """Keeps flags, rules and rates of the groups what the configuration made them, whoever wrote the checkpoint.

    The values of all settings are the checkpoint's, as in torch. Where state goes, torch decides by the group's flags,
    so they are put in before it loads; a rate that is a tensor stays the same tensor, which a captured or compiled step
    reads.
    """

    def __init__(self, keys: tuple[str, ...] = (*FLAGS, *RULES)) -> None:
        self._keys = keys
        self._rates: list[Any] = []

    def before_load(self, optimizer: Optimizer, state_dict: dict[str, Any]) -> dict[str, Any]:
        """A load_state_dict pre-hook: the checkpoint with the flags of the groups that are here."""
        groups = []
        for own, loaded in zip_longest(optimizer.param_groups, state_dict["param_groups"]):
            if own is None or loaded is None:
                return state_dict  # torch refuses another number of groups
            others = {key: value for key, value in loaded.items() if key not in self._keys}
            groups.append(others | {key: own[key] for key in self._keys if key in own})
        self._rates = [group.get("lr") for group in optimizer.param_groups]
        return {**state_dict, "param_groups": groups}

    def after_load(self, optimizer: Optimizer) -> None:
        """A load_state_dict post-hook: rates of the kind that they were, and state that lies as its parameters do."""
        for group, rate in zip(optimizer.param_groups, self._rates, strict=True):
            for key in RATES:
                if key in group:
                    group[key] = _as_was(group[key], rate)
            if isinstance(rate, torch.Tensor):
                group["lr"] = rate.copy_(group["lr"])
            lay_state(group["params"], optimizer.state)
        self._rates.clear()


def _as_was(loaded: Any, rate: Any) -> Any:
    """A loaded rate as a tensor where the group's is one, else as a number."""
    if isinstance(rate, torch.Tensor):
        return torch.as_tensor(loaded, dtype=rate.dtype, device=rate.device)
    return loaded.item() if isinstance(loaded, torch.Tensor) else loaded
