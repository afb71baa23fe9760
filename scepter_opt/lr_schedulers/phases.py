"""PhasesLR: the learning rate and other settings as named phases, each a curve of some length."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Le

from ..components.keywords import construct, target_class
from ..config.base import OpenConfig
from ..config.fields import As, OptionalLength
from ..config.validation import fields
from ..errors import ConfigError, Problem, did_you_mean
from ..schedules.fitting import Ruler, UnknownYet, epoch_ticks
from ..schedules.horizon import Horizon
from ..schedules.phases import Clock, NamedPhases, Phase, Phases
from ..schedules.timeline import Timeline, Timelines
from .base_scheduler import BaseScheduler, SchedulerConfig
from .registry import LR_SCHEDULERS

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler
    from typing_extensions import Self


RATE = "LEARNING_RATE"
_BETAS = {"MOMENTUM": 0, "BETA2": 1}


@LR_SCHEDULERS.register_class()
class PhasesLR(BaseScheduler):
    """Named phases in order, each a curve that multiplies every group's own rate."""

    target = "scepter_opt.runtime.phases_lr.PhasesLR"

    @dataclass(kw_only=True)
    class Config(SchedulerConfig):
        horizon = "TOTAL_STEPS"
        refused_in = {"ChainedScheduler": "it sets rates, and does not multiply what others have made"}  # noqa: RUF012  # a ClassVar of the base

        PHASES: Annotated[Any, Phases()] = field(default_factory=dict)
        """Named phases, in order: each a CURVE from where the phase before ended, with its LENGTH."""
        TOTAL_STEPS: OptionalLength = None
        """Ticks of the schedule; null takes the run's length from the call."""
        CLOCK: Clock = Clock.phase
        """What curves after the first phase count from: the start of their phase or of the schedule (as timm does)."""
        FIRST_STEP: Annotated[int | float, As(Annotated[int, Ge(0), Le(1)])] = 0
        """Tick of the schedule at the first step: 0, or 1, with which a warm-up from 0 begins above it."""
        TRUNCATE: bool = False
        """Whether the run may end before the schedule does."""
        SETTINGS: Annotated[Any, NamedPhases("settings of the optimizer with their phases: {WEIGHT_DECAY: {...}}")] = (
            field(default_factory=dict)
        )
        """Phases of other settings, by the optimizer's keys; of BETAS, MOMENTUM is the first and BETA2 the second."""
        RULES: Annotated[Any, NamedPhases("rules of PARAM_GROUPS with their phases: {head: {...}}")] = field(
            default_factory=dict
        )
        """Phases that multiply the curve for the parameters of a rule of PARAM_GROUPS."""

        def problems(self) -> Iterable[Problem]:
            yield from _unknown_settings(self.SETTINGS)
            try:
                timelines = self.with_horizon(Horizon()).timelines()
                for timeline in (timelines.rate, *timelines.settings.values(), *timelines.rules.values()):
                    timeline.curve()
            except UnknownYet:
                return
            except ConfigError as error:
                yield from error.problems

        def conflicts_with(self, optimizer: Any) -> Iterable[Problem]:
            if not isinstance(optimizer, OpenConfig):
                yield from _settings_against(self.SETTINGS, optimizer)
                yield from _rules_against(self.RULES, optimizer)

        def with_horizon(self, run: Horizon) -> Self:
            """The same Config with every length in ticks."""
            total = self._total(run)
            ruler = Ruler(total, epoch_ticks(self, run), exact=self.TOTAL_STEPS is not None, truncate=self.TRUNCATE)
            phases = ruler.fit(self.PHASES, "PHASES")
            end = Timeline.of(phases, "PHASES", Clock.phase, 0).end
            others = dataclasses.replace(ruler, total=end if total is None else total, exact=False)
            return dataclasses.replace(
                self,
                PHASES=phases,
                SETTINGS={name: others.fit(found, f"SETTINGS.{name}") for name, found in self.SETTINGS.items()},
                RULES={name: others.fit(found, f"RULES.{name}") for name, found in self.RULES.items()},
            )

        def _total(self, run: Horizon) -> int | None:
            """Ticks of the schedule, said by the config or by the call.

            Raises:
                ConfigError: Both say it, and differently.
            """
            said = None if self.TOTAL_STEPS is None else int(self.TOTAL_STEPS)
            if run.total_steps is None:
                return said
            ticks = self.ticks_of(run)
            if said is None or said == ticks or (self.TRUNCATE and ticks < said):
                return ticks if said is None else said
            message = f"the call's total_steps makes {ticks}; leave one of them out, or make them equal."
            if ticks < said:
                message += " TRUNCATE: true lets the run end before the schedule does."
            raise ConfigError([Problem("TOTAL_STEPS", message, said)])

        def timelines(self) -> Timelines:
            """The phases as curves, once `with_horizon` has made every length a number of ticks."""

            def timeline(phases: Mapping[str, Phase], key: str) -> Timeline:
                return Timeline.of(phases, key, self.CLOCK, int(self.FIRST_STEP))

            return Timelines(
                timeline(self.PHASES, "PHASES"),
                {name: timeline(found, f"SETTINGS.{name}") for name, found in self.SETTINGS.items()},
                {name: timeline(found, f"RULES.{name}") for name, found in self.RULES.items()},
            )

    def __call__(self, optimizer: Optimizer) -> LRScheduler:
        scheduler: LRScheduler = construct(target_class(self.target), optimizer, self.cfg.timelines())
        return scheduler


def _settings_of(config: type) -> list[str]:
    """The settings of an optimizer that can be scheduled: its numbers but the rate, and both betas."""
    known = fields(config)
    floats = [key for key, each in known.items() if getattr(each.annotation, "__origin__", each.annotation) is float]
    return [key for key in floats if key != RATE] + (list(_BETAS) if "BETAS" in known else [])


def _unknown_settings(settings: Mapping[str, Any]) -> Iterator[Problem]:
    """Settings that no optimizer can have."""
    from ..components.registry import registry

    configs = [entry.config for entry in registry("optimizer").entries().values()] if settings else []
    known = dict.fromkeys(key for config in configs if config for key in _settings_of(config))
    for name in settings:
        if name == RATE:
            yield Problem(f"SETTINGS.{name}", "is what PHASES is for.")
        elif name not in known and None not in configs:
            yield Problem(f"SETTINGS.{name}", f"no optimizer has such a setting.{did_you_mean(name, list(known))}")


def _settings_against(settings: Mapping[str, Any], optimizer: Any) -> Iterator[Problem]:
    parts = list(optimizer.parts().values())
    if any(isinstance(part, OpenConfig) for part in parts):
        return
    for name in settings:
        holding = [part for part in parts if name in _settings_of(type(part))]
        if not holding:
            names = [key for part in parts for key in _settings_of(type(part))]
            hint = did_you_mean(name, names) or f" It has {', '.join(dict.fromkeys(names)) or 'none'}."
            yield Problem(f"SETTINGS.{name}", f"{optimizer.NAME} has no such setting to schedule.{hint}")
        elif all(part.get(name, 1) == 0 for part in holding) and not _set_by_a_rule(optimizer, name):
            message = f"{optimizer.NAME}'s {name} is 0, and a factor on 0 stays 0: give the optimizer a value."
            yield Problem(f"SETTINGS.{name}", message)


def _set_by_a_rule(optimizer: Any, name: str) -> bool:
    rules = (optimizer.get("PARAM_GROUPS") or {}).values()
    return any(name in (getattr(rule, "SET", None) or {}) for rule in rules)


def _rules_against(rules: Mapping[str, Any], optimizer: Any) -> Iterator[Problem]:
    known = list(optimizer.get("PARAM_GROUPS") or {})
    for name in rules:
        if name not in known:
            hint = did_you_mean(name, known) or f" There are {', '.join(known) or 'none'}."
            yield Problem(f"RULES.{name}", f"{optimizer.NAME}'s PARAM_GROUPS have no such rule.{hint}")
