"""The registry of optimizers, and the straight line from a node and parameters to torch's optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..checking import check_node
from ..errors import below
from ..reading import full_key
from ..registry import Registry

if TYPE_CHECKING:
    from torch.optim import Optimizer


class OptimizerRegistry(Registry):
    """Optimizers by name."""

    def build(self, cfg: Any, logger: Any = None, *, parameters: Any) -> Optimizer:
        """Check a node and build the optimizer that it describes.

        Args:
            cfg: The node: any mapping with `NAME`, or a Config.
            logger: Told what was built; anything with `info`.
            parameters: A module, a mapping of names to modules or tensors, `named_parameters()`, tensors, or torch's
                list of group dicts.

        Raises:
            ConfigError: Anything is wrong; nothing was changed.
        """
        from ..parameters.plan import make_plan

        config = check_node(cfg, self)
        with below(full_key(cfg) or self.kind):
            plan = make_plan(config, parameters)
            optimizer: Optimizer = self.entry(config.NAME).component(config, logger)(plan.groups())
        if logger is not None:
            logger.info(f"{config.NAME}: {plan.short()}")
        return optimizer


OPTIMIZERS = OptimizerRegistry("optimizer", modules=("scepter_opt.optimizers.adaptive_optimizers", "scepter_opt.optimizers.official_optimizers"))
"""Every optimizer by name. A new file of the package's own is added to `modules`."""


def build_optimizer(params: Any, cfg: Any, logger: Any = None) -> Optimizer:
    """Build the optimizer that a node describes, over a model's parameters.

    Args:
        params: A module, a mapping of names to modules or tensors, `named_parameters()`, tensors, or torch's list of
            group dicts.
        cfg: The node: any mapping with `NAME`, or a Config.
        logger: Told what was built; anything with `info`.

    Raises:
        ConfigError: Anything is wrong; nothing was changed.

    >>> import torch
    >>> type(build_optimizer(torch.nn.Linear(2, 1), {"NAME": "SGD", "LEARNING_RATE": 0.1}))
    <class 'torch.optim.sgd.SGD'>
    """
    return OPTIMIZERS.build(cfg, logger, parameters=params)
