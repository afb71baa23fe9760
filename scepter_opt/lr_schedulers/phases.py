"""PhasesLR: the learning rate and other settings as named phases, each a curve of some length."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from ..components.keywords import construct, target_class
from ..config.base import OpenConfig
from ..config.fields import OptionalWholeFromOne, WholeFromZero
from ..errors import ConfigError, Problem
from ..schedules.fitting import Fitting, epoch_ticks
from ..schedules.group_settings import RATE
from ..schedules.horizon import Horizon, UnknownYet
from ..schedules.phases import Clock, NamedPhases, Phase, Phases
from ..schedules.remarks import in_words, remarks_on_drops, remarks_on_fit, remarks_on_phases
from ..schedules.timeline import Timeline, Timelines
from . import pairing
from .base_scheduler import BaseScheduler, SchedulerConfig
from .registry import LR_SCHEDULERS

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler
    from typing_extensions import Self

_SETTINGS = NamedPhases("settings of the optimizer with their phases: {WEIGHT_DECAY: {...}}")
_RULES = NamedPhases("rules of PARAM_GROUPS with their phases: {head: {...}}", _SETTINGS)
# A value far below any optimizer's own, one far above, and 1.
_VALUES = (1e-9, 1e9, 1.0)


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
        TOTAL_STEPS: OptionalWholeFromOne = None
        """Ticks of the schedule; null takes the run's length from the call."""
        CLOCK: Clock = Clock.phase
        """What curves after the first phase count from: the start of their phase or of the schedule (as timm does)."""
        FIRST_STEP: WholeFromZero = 0
        """Tick of the schedule at the first step; with 1 a warm-up from 0 begins above it."""
        TRUNCATE: bool = False
        """Whether the run may end before the schedule does."""
        SETTINGS: Annotated[Any, _SETTINGS] = field(default_factory=dict)
        """Phases of other settings, by the optimizer's keys; BETA1 and BETA2 are the numbers of BETAS."""
        RULES: Annotated[Any, _RULES] = field(default_factory=dict)
        """Phases that multiply the curve for the parameters of a rule of PARAM_GROUPS; or its PHASES and SETTINGS."""

        def problems(self) -> Iterable[Problem]:
            yield from _under("SETTINGS", pairing.unknown_settings(self.SETTINGS))
            for rule, settings in self.settings_of_rules():
                yield from _under(f"RULES.{rule}.SETTINGS", pairing.unknown_settings(settings))

        def settings_of_rules(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
            """The other settings that are scheduled for some parameters alone, by rule."""
            for rule, written in self.RULES.items():
                if _is_in_parts(written) and written.get("SETTINGS"):
                    yield rule, written["SETTINGS"]

        def conflicts_with(self, optimizer: Any) -> Iterable[Problem]:
            if isinstance(optimizer, OpenConfig):
                return
            yield from _under("SETTINGS", pairing.settings_against(self.SETTINGS, optimizer))
            for rule, settings in self.settings_of_rules():
                yield from _under(f"RULES.{rule}.SETTINGS", pairing.settings_against(settings, optimizer))
            yield from _under("RULES", pairing.rules_against(self.RULES, optimizer))
            try:
                timelines = self.with_horizon(Horizon()).timelines()
            except ConfigError:  # said already, or only a build can know
                return
            yield from _impossible_curves(timelines, lambda name: pairing.own_values(name, optimizer))

        def remarks(self) -> Iterable[Problem]:
            for schedule in _schedules(self):
                yield from _under(schedule.key, remarks_on_phases(schedule.phases))
            _, *others = _leaves(self.PHASES)
            if self.CLOCK is Clock.schedule and all(phase.shape == "constant" or phase.CLOCK for phase in others):
                yield Problem("CLOCK", "changes nothing: it is for curves after the first phase.", self.CLOCK)

        def remarks_with(self, optimizer: Any) -> Iterable[Problem]:
            for name in self.SETTINGS:
                parts = pairing.parts_with(name, optimizer) or {}
                yield from pairing.reach(name, list(parts))

        def remarks_on(self, fitted: Self, run: Horizon) -> Iterable[Problem]:
            for written, schedule in zip(_schedules(self), _schedules(fitted), strict=True):
                yield from _under(schedule.key, remarks_on_fit(written.phases, schedule.phases))
                yield from remarks_on_drops(Timeline.of(schedule.phases, schedule.key))
            end = Timeline.of(fitted.PHASES, "PHASES").end
            if end is not None and end <= self.FIRST_STEP:
                message = f"the schedule of {end} ticks is over before the first step: its last values hold."
                yield Problem("FIRST_STEP", message, self.FIRST_STEP)

        def remarks_at(self, optimizer: Any) -> Iterable[Problem]:
            for name in self.SETTINGS:
                yield from pairing.reach(name, pairing.parts_that_have(name, optimizer))

        def try_out(self, run: Horizon) -> Self:
            fitted = self.with_horizon(run)
            problems = list(_impossible_curves(fitted.timelines(), lambda _: []))
            if problems:
                raise ConfigError(problems)
            return fitted

        def with_horizon(self, run: Horizon) -> Self:
            """The same Config with every length in ticks."""
            total = self._total(run)
            fitting = Fitting(
                total,
                epoch_ticks(self, run),
                exact=self.TOTAL_STEPS is not None,
                truncate=self.TRUNCATE,
                clock=self.CLOCK,
                first_step=int(self.FIRST_STEP),
            )
            # Settings and rules may be shorter than the rate's schedule, and take their shares of it: of the run, or
            # where that is unknown of as long as the rate's phases are.
            phases = fitting.fit(self.PHASES, "PHASES")
            end = Timeline.of(phases, "PHASES").end
            others = dataclasses.replace(fitting, total=end if total is None else total, exact=False)

            def fit_rule(rule: Mapping[str, Any], key: str) -> dict[str, Any]:
                if not _is_in_parts(rule):
                    return others.fit(rule, key)
                fitted: dict[str, Any] = {}
                if "PHASES" in rule:
                    fitted["PHASES"] = others.fit(rule["PHASES"], f"{key}.PHASES")
                if "SETTINGS" in rule:
                    fitted["SETTINGS"] = fit_all(rule["SETTINGS"], f"{key}.SETTINGS", others.fit)
                return fitted

            def fit_all(named: Mapping[str, Any], key: str, fit: Callable[[Any, str], Any]) -> dict[str, Any]:
                return {name: fit(phases, f"{key}.{name}") for name, phases in named.items()}

            return dataclasses.replace(
                self,
                TOTAL_STEPS=total,
                PHASES=phases,
                SETTINGS=fit_all(self.SETTINGS, "SETTINGS", others.fit),
                RULES=fit_all(self.RULES, "RULES", fit_rule),
            )

        def _agree(self, said: int, ticks: int, run: Horizon) -> bool:
            # a run that begins at a later tick may end with the schedule
            return said in (ticks, ticks + int(self.FIRST_STEP)) or (self.TRUNCATE and ticks < said)

        def _hint_of_length(self, said: int, ticks: int) -> str:
            return " TRUNCATE: true lets the run end before the schedule does." if ticks < said else ""

        def timelines(self) -> Timelines:
            """The phases as curves, once `with_horizon` has made every length a number of ticks."""
            settings: dict[str, dict[str, Timeline]] = {"": {}}
            for schedule in _schedules(self):
                timeline = Timeline.of(schedule.phases, schedule.key, int(self.FIRST_STEP))
                settings.setdefault(schedule.rule, {})[schedule.setting] = timeline
            return Timelines(settings.pop(""), settings)

        def describe(self) -> str:
            return f"{self.NAME}: {'; '.join(map(_described, _schedules(self)))}"

    def __call__(self, optimizer: Optimizer) -> LRScheduler:
        timelines = self.cfg.timelines()
        pairing.refuse_unfit(timelines, optimizer)
        scheduler: LRScheduler = construct(target_class(self.target), optimizer, timelines)
        return scheduler


@dataclass(frozen=True)
class _Schedule:
    """Phases of one setting, for all parameters or for those of a rule."""

    key: str
    rule: str
    setting: str
    phases: Mapping[str, Phase]


def _schedules(config: Any) -> Iterator[_Schedule]:
    """Every schedule that a Config holds."""
    yield _Schedule("PHASES", "", RATE, config.PHASES)
    for name, phases in config.SETTINGS.items():
        yield _Schedule(f"SETTINGS.{name}", "", name, phases)
    for rule, written in config.RULES.items():
        key = f"RULES.{rule}"
        if not _is_in_parts(written):
            yield _Schedule(key, rule, RATE, written)
            continue
        if "PHASES" in written:
            yield _Schedule(f"{key}.PHASES", rule, RATE, written["PHASES"])
        for name, phases in written.get("SETTINGS", {}).items():
            yield _Schedule(f"{key}.SETTINGS.{name}", rule, name, phases)


def _is_in_parts(rule: Mapping[str, Any]) -> bool:
    """Whether a rule's schedule is written as its PHASES and SETTINGS, and not as phases at once."""
    return bool(rule.keys() & {"PHASES", "SETTINGS"})


def _leaves(phases: Mapping[str, Phase]) -> Iterator[Phase]:
    """Phases that hold no others."""
    for phase in phases.values():
        yield from _leaves(phase.PHASES) if phase.PHASES else (phase,)


def _impossible_curves(timelines: Timelines, own_values: Callable[[str], list[float]]) -> Iterator[Problem]:
    """Phases that make no curve: of the optimizer's own values, or of any, where those are not known."""
    # Of FROM_VALUE and TO_VALUE nobody knows which way they go before there is a value to divide them by. What is wrong
    # for a tiny one, a huge one and 1 is wrong for all; the rest is left to the pair, or to the build.
    for _, name, _, timeline in timelines.keyed():
        known = own_values(name)
        errors = [error for value in known or _VALUES if (error := _error(timeline, value))]
        if errors and (known or len(errors) == len(_VALUES)):
            yield from errors[-1].problems


def _error(timeline: Timeline, own: float) -> ConfigError | None:
    """What is wrong with a timeline's curve, as far as it can be known."""
    try:
        timeline.curve(own)
    except UnknownYet:
        return None
    except ConfigError as error:
        return error
    return None


def _described(schedule: _Schedule) -> str:
    of = " ".join(filter(None, [schedule.rule, "" if schedule.setting == RATE else schedule.setting]))
    return (f"{of}: " if of else "") + in_words(schedule.phases)


def _under(prefix: str, problems: Iterable[Problem]) -> Iterator[Problem]:
    return (problem.under(prefix) for problem in problems)
