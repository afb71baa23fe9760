"""torch's schedulers that hold others: one after the other, or all at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from ..components.checking import inspect_named
from ..components.keywords import construct, target_class
from ..config.base import Conflict, OpenConfig
from ..config.fields import Nested
from ..config.validation import fields
from ..errors import ConfigError, Problem, below
from ..schedules.fitting import epoch_ticks
from ..schedules.horizon import Horizon, UnknownYet
from .base_scheduler import BaseScheduler, SchedulerConfig, TorchSchedulerConfig
from .official_schedulers import INCREASING, NO_LAST_EPOCH, Milestones
from .registry import LR_SCHEDULERS

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler
    from typing_extensions import Self

OF_THE_HOLDER = ("INTERVAL", "FREQUENCY", "MONITOR", "TOTAL_STEPS", "FINISH")
"""Keys that say when the holder ticks and when it ends, which is for the holder to say."""


@dataclass(frozen=True)
class NamedSchedulers(Nested):
    """Named nodes of schedulers, in order."""

    holder: str
    """NAME of the scheduler that holds them."""

    def check(self, value: Any, owner: type, imports: bool | None) -> tuple[Any, list[Problem]]:
        if not isinstance(value, Mapping) or not value:
            return None, [Problem("", "must be named nodes: {warmup: {NAME: LinearLR, ...}, ...}.", value)]
        return inspect_named(value.items(), LR_SCHEDULERS, imports, self._refusals)

    def _refusals(self, position: int, node: Any, config: Any) -> list[Problem]:
        if config is None or isinstance(config, OpenConfig):
            return []
        problems = []
        if self.holder in config.refused_in:
            message = f"cannot be part of {self.holder}: {config.refused_in[self.holder]}."
            problems.append(Problem("NAME", message, config.NAME))
        elif self.holder == "SequentialLR" and position and "SCHEDULERS" in config:
            message = f"cannot take over in mid-training: torch runs it only as the first part of {self.holder}."
            problems.append(Problem("NAME", message, config.NAME))
        if config.get("SETTINGS"):
            message = f"belongs on a scheduler of its own: {self.holder} hands over nothing but the rate."
            problems.append(Problem("SETTINGS", message))
        for key in OF_THE_HOLDER:
            value = getattr(config, key)
            if key != config.horizon and value != fields(type(config))[key].default:
                problems.append(Problem(key, f"belongs on the {self.holder} that holds this node.", value))
        # each part would write its own rate, the last over those of all others
        if config.get("LAST_EPOCH", -1) >= 0:
            message = f"a part goes on with the {self.holder} that holds it: load the state_dict of that."
            problems.append(Problem("LAST_EPOCH", message, config.LAST_EPOCH))
        return problems


@dataclass(kw_only=True)
class HolderConfig(SchedulerConfig):
    """The keys of schedulers that hold others. Abstract."""

    SCHEDULERS: Annotated[Any, NamedSchedulers("")] = field(default_factory=dict)
    """Named nodes of schedulers, in order."""

    def runs_of_parts(self, run: Horizon) -> Iterator[Horizon | None]:
        """The run of each part, in order; None for one that it never comes to."""
        raise NotImplementedError

    def with_horizon(self, run: Horizon) -> Self:
        return self._with_parts(run, lambda part, its_run: part.with_horizon(its_run))

    def try_out(self, run: Horizon) -> Self:
        return self._with_parts(run, lambda part, its_run: part.try_out(its_run))

    def _with_parts(self, run: Horizon, fit: Callable[[Any, Horizon], Any]) -> Self:
        """The same Config with its parts fitted: to the tick at which the next takes over, or to the run's end.

        Raises:
            ConfigError: All problems of all parts; UnknownYet where there are none but those.
        """
        # Parts are fitted here and nowhere else, each to its own stretch of the run. What only the run can say is told
        # only where nothing else is wrong: check has no run, and would stop at the first such part.
        parts, problems, unknown = {}, list[Problem](), list[Problem]()
        for (name, part), its_run in zip(self.SCHEDULERS.items(), self.runs_of_parts(run), strict=True):
            try:
                parts[name] = part if isinstance(part, OpenConfig) else fit(*_with_a_run(part, its_run))
            except ConfigError as error:
                kind = unknown if isinstance(error, UnknownYet) else problems
                kind += [problem.under(f"SCHEDULERS.{name}") for problem in error.problems]
        if problems or unknown:
            raise ConfigError(problems) if problems else UnknownYet(unknown)
        filled: Any = {"SCHEDULERS": parts, "TOTAL_STEPS": self._total(run)}
        return dataclasses.replace(self, **filled)

    def remarks(self) -> Iterator[Problem]:
        for name, part in self._typed_parts():
            yield from (remark.under(f"SCHEDULERS.{name}") for remark in part.remarks())

    def remarks_on(self, fitted: Self, run: Horizon) -> Iterator[Problem]:
        yield from super().remarks_on(fitted, run)
        runs = dict(zip(self.SCHEDULERS, self.runs_of_parts(run), strict=True))
        for name, part in self._typed_parts():
            its_run = runs[name]
            said = () if its_run is None else part.remarks_on(fitted.SCHEDULERS[name], its_run)
            yield from (remark.under(f"SCHEDULERS.{name}") for remark in said)

    def describe(self) -> str:
        parts = [f"{name} ({_described(part)})" for name, part in self.SCHEDULERS.items()]
        milestones = f" at {', '.join(map(str, self.get('MILESTONES')))}" if "MILESTONES" in self else ""
        return f"{self.NAME}: {', '.join(parts)}{milestones}"

    def _typed_parts(self) -> Iterator[tuple[str, SchedulerConfig]]:
        return ((name, part) for name, part in self.SCHEDULERS.items() if not isinstance(part, OpenConfig))


def _described(part: Any) -> str:
    return part.describe() if isinstance(part, SchedulerConfig) else str(part.NAME)


class _Composed(BaseScheduler):
    """Builds the parts, then their holder. Abstract."""

    def _parts(self, optimizer: Optimizer) -> list[LRScheduler]:
        parts = []
        for name, config in self.cfg.SCHEDULERS.items():
            with below(f"SCHEDULERS.{name}"):
                # each writes its first rate when it is built: SequentialLR puts that right, and a chain means it
                parts.append(config.component(config, self.logger)(optimizer))
        return parts


@LR_SCHEDULERS.register_class()
class SequentialLR(_Composed):
    """Schedulers one after the other, each from its milestone on."""

    target = "torch.optim.lr_scheduler.SequentialLR"

    @dataclass(kw_only=True)
    class Config(HolderConfig, TorchSchedulerConfig):
        reached = ("MILESTONES",)
        conflicts: ClassVar[tuple[Conflict, ...]] = (
            INCREASING,
            NO_LAST_EPOCH,
            Conflict(
                ("MILESTONES", "SCHEDULERS"),
                lambda c: len(c.MILESTONES) != len(c.SCHEDULERS) - 1,
                "one milestone is needed between each scheduler and the next.",
            ),
        )
        SCHEDULERS: Annotated[Any, NamedSchedulers("SequentialLR")] = field(default_factory=dict)
        """Named nodes of schedulers, in order."""
        MILESTONES: Milestones
        """Ticks at which the next scheduler takes over, increasing."""

        def runs_of_parts(self, run: Horizon) -> Iterator[Horizon | None]:
            # the last part's run ends with the holder's, if that is known
            milestones, total = [int(milestone) for milestone in self.MILESTONES], self._total(run)
            for begin, end in zip([0, *milestones], [*milestones, total], strict=True):
                yield _run_of_part(self, run, None if end is None else end - begin)

    def __call__(self, optimizer: Optimizer) -> LRScheduler:
        scheduler: LRScheduler = self.construct(optimizer, schedulers=self._parts(optimizer))
        return scheduler


def _run_of_part(holder: HolderConfig, run: Horizon, length: int | None) -> Horizon | None:
    """A run of a part, in ticks of its holder; None where nothing is left for it."""
    epoch = epoch_ticks(holder, run)
    whole = int(epoch) if epoch is not None and epoch.denominator == 1 else None
    return Horizon(length, whole) if length is None or length > 0 else None


def _with_a_run(part: SchedulerConfig, run: Horizon | None) -> tuple[SchedulerConfig, Horizon]:
    """A part with the run that it is fitted to: one that its turn never comes to fits into any."""
    # a smoke run of three steps must not die of a part that the real run comes to after a thousand
    if run is not None:
        return part, run
    truncated: Any = {"TRUNCATE": True} if "TRUNCATE" in part else {}
    return dataclasses.replace(part, **truncated), Horizon(1, 1)


@LR_SCHEDULERS.register_class()
class ChainedScheduler(_Composed):
    """Schedulers all at once, each changing the rate that the others have made."""

    target = "torch.optim.lr_scheduler.ChainedScheduler"

    @dataclass(kw_only=True)
    class Config(HolderConfig):
        SCHEDULERS: Annotated[Any, NamedSchedulers("ChainedScheduler")] = field(default_factory=dict)
        """Named nodes of schedulers, in order."""

        def runs_of_parts(self, run: Horizon) -> Iterator[Horizon | None]:
            yield from [_run_of_part(self, run, self._total(run))] * len(self.SCHEDULERS)

    def __call__(self, optimizer: Optimizer) -> LRScheduler:
        # alone among torch's schedulers it takes the schedulers first, and the optimizer by name
        scheduler: LRScheduler = construct(
            self.built(target_class(self.target)), self._parts(optimizer), optimizer=optimizer
        )
        return scheduler
