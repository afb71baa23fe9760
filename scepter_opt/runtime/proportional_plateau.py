"""torch's ReduceLROnPlateau with floors in proportion to the rates of the groups, also of those added later."""

from __future__ import annotations

from typing import Any, final

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from .named_schedulers import ByName


@final
class ProportionalPlateau(ByName, ReduceLROnPlateau):
    """torch's ReduceLROnPlateau, which a group without a floor does not stop: it gets one in proportion to its rate.

    Args:
        optimizer: torch's optimizer.
        share: The floor of a group at a rate of 1.
        keywords: What torch's class takes, with a list as `min_lr`.
    """

    def __init__(self, optimizer: Optimizer, share: float, **keywords: Any) -> None:
        super().__init__(optimizer, **keywords)
        self.share = share

    def _reduce_lr(self, epoch: int) -> None:
        later = self.optimizer.param_groups[len(self.min_lrs) :]
        self.min_lrs += [self.share * float(group["lr"]) for group in later]
        super()._reduce_lr(epoch)
