"""The registry of schedulers, and the straight line from a node and an optimizer to torch's scheduler."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..components.component import Component
from ..components.registry import Registry
from ..errors import ConfigError, Problem, say
from .base_scheduler import SchedulerConfig

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from ..schedules.horizon import Horizon


class SchedulerRegistry(Registry):
    """Schedulers by name."""

    torch_base = "torch.optim.lr_scheduler.LRScheduler"

    def base(self) -> type[Component]:
        """BaseScheduler."""
        from .base_scheduler import BaseScheduler

        return BaseScheduler

    def build(
        self,
        cfg: Any,
        logger: Any = None,
        *,
        optimizer: Optimizer,
        total_steps: int | Horizon | None = None,
        steps_per_epoch: int | None = None,
        key: str | None = None,
    ) -> LRScheduler:
        """Check a node and build the scheduler that it describes.

        Args:
            cfg: The node: any mapping with `NAME`, or a Config.
            logger: Told what was built; anything with `info`.
            optimizer: torch's optimizer whose rates it sets.
            total_steps: Optimizer steps of the whole run, or a Horizon, which knows the steps per epoch too.
            steps_per_epoch: Optimizer steps per epoch.
            key: Full key for the messages; by default the node's own.

        Raises:
            ConfigError: Anything is wrong; nothing was changed.
        """
        from ..components.checking import checked
        from ..config.nodes import full_key
        from .building import horizon, untouched

        key = key or full_key(cfg) or self.kind
        with checked(cfg, self, key) as config, untouched(optimizer):
            build = self._build_finish if config.get("FINISH") else self._build
            return build(config, logger, optimizer, horizon(total_steps, steps_per_epoch), key)

    def _build(self, config: Any, logger: Any, optimizer: Optimizer, run: Horizon, key: str) -> LRScheduler:
        from ..schedules.record import BUILT_FROM, record
        from .pairing import refuse_unrated
        from .proportions import in_proportion

        remarks: list[Problem] = []
        written = fitted = config
        if isinstance(config, SchedulerConfig):
            if config.needs_rate:
                refuse_unrated(optimizer)
            fitted = config.with_horizon(run)
            # of the Config as it was written: what was filled in is nobody's mistake
            remarks += [*config.remarks(), *config.remarks_on(fitted, run), *config.remarks_at(optimizer)]
            config = in_proportion(fitted, optimizer)
        scheduler: LRScheduler = config.component(config, logger)(optimizer)
        if scheduler is None:
            message = "its __call__ returns nothing: return the scheduler."
            raise ConfigError([Problem("NAME", message, config.NAME)])
        with suppress(AttributeError):  # of a class with slots
            setattr(scheduler, BUILT_FROM, record(written, fitted, run, key))
        # inside the build, so that where warnings are errors the optimizer is left as it was
        for remark in remarks:
            say(remark)
        self.log(logger, config.describe if isinstance(config, SchedulerConfig) else lambda: str(config.NAME))
        return scheduler

    def _build_finish(self, config: Any, logger: Any, optimizer: Optimizer, run: Horizon, key: str) -> LRScheduler:
        from ..schedules.record import BUILT_FROM, record
        from .finishing import build_finish, fitted_finish, without_finish
        from .pairing import refuse_unrated

        refuse_unrated(optimizer)
        # without AT the schedule before it is the checkpoint's, and is ticked no more
        begins_loaded = config.FINISH.AT is None
        before = None if begins_loaded else self._build(without_finish(config), logger, optimizer, run, key)
        scheduler = build_finish(config, before, optimizer, run, key)
        fitted = fitted_finish(config, getattr(before, BUILT_FROM, {}).get("fitted"), run)
        setattr(scheduler, BUILT_FROM, {**record(config, config, run, key), "fitted": fitted})
        self.log(logger, config.FINISH.describe)
        return scheduler


LR_SCHEDULERS = SchedulerRegistry(
    "lr_scheduler",
    {
        "scepter_opt.lr_schedulers.official_schedulers": (
            "StepLR MultiStepLR ConstantLR LinearLR ExponentialLR PolynomialLR CosineAnnealingLR "
            "CosineAnnealingWarmRestarts LambdaLR MultiplicativeLR ReduceLROnPlateau"
        ),
        "scepter_opt.lr_schedulers.cyclic_schedulers": "CyclicLR OneCycleLR",
        "scepter_opt.lr_schedulers.composed_schedulers": "SequentialLR ChainedScheduler",
        "scepter_opt.lr_schedulers.scepter_schedulers": "NoneLR LinoPolyLR WarmupToConstantLR StepAnnealingLR",
        "scepter_opt.lr_schedulers.phases": "PhasesLR",
        "scepter_opt.lr_schedulers.plateau": "PlateauLR",
    },
)
"""Every scheduler by name. A new class of the package's own is added to the row of its module."""
