"""The base of every optimizer: its Config's keys become torch's keywords, in one place for all."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ..config import Config, own_config
from ..errors import ConfigError, Problem
from ..signatures import construct, keywords, target_class

if TYPE_CHECKING:
    from torch.optim import Optimizer


class Implementation(str, enum.Enum):
    """How a step is computed: torch's `foreach` and `fused` together."""

    auto = "auto"
    torch = "torch"
    fused = "fused"
    foreach = "foreach"
    for_loop = "for_loop"


@dataclass(kw_only=True)
class OptimizerConfig(Config):
    """The keys that every optimizer has."""

    IMPLEMENTATION: Implementation = Implementation.auto
    """How a step is computed: auto takes the fastest that is valid, torch leaves the choice to torch."""


class BaseOptimize:
    """Builds an optimizer from a Config. A subclass names its class by `target`, or overrides `__call__`.

    Args:
        cfg: The checked Config; without a nested `Config` class one through which any key is read.
        logger: Anything with `info`, or None.
    """

    target: ClassVar[str | type] = ""
    """The torch.optim.Optimizer to build: a class, or where it is imported from."""
    Config: ClassVar[type[OptimizerConfig] | None] = None
    """The keys with types, defaults and documentation; None lets any key pass."""
    implementations: ClassVar[tuple[str, ...]] = ()
    """Which of fused and foreach the class has."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        own_config(cls)

    def __init__(self, cfg: Any, logger: Any = None) -> None:
        self.cfg = cfg
        self.logger = logger

    def __call__(self, parameters: Iterable[Any]) -> Optimizer:
        """Build the optimizer.

        Args:
            parameters: torch's list of group dicts.
        """
        if not self.target:
            message = f"{type(self).__name__} builds nothing: give it a `target`, or override __call__."
            raise ConfigError([Problem("NAME", message)])
        target = target_class(self.target)
        optimizer: Optimizer = construct(target, parameters, **keywords(self.cfg, OptimizerConfig, target))
        return optimizer
