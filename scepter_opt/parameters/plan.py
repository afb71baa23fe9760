"""Config and parameters to torch's list of group dicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError, Problem


class Plan:
    """Which parameter gets which settings."""

    def __init__(self, groups: list[dict[str, Any]]) -> None:
        self._groups = groups

    def groups(self) -> list[dict[str, Any]]:
        return self._groups

    def short(self) -> str:
        return f"{len(self._groups)} groups"


def make_plan(config: Any, parameters: Any) -> Plan:
    import torch

    if isinstance(parameters, torch.nn.Module):
        named = [(n, p) for n, p in parameters.named_parameters() if p.requires_grad]
    elif isinstance(parameters, Mapping):
        named = list(parameters.items())
    else:
        named = list(parameters)
    if not named:
        raise ConfigError([Problem("", "there are no parameters to train.")])
    return Plan([{"params": named, "name": "default"}])
