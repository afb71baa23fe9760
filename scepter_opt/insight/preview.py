"""A schedule as numbers, before there is an optimizer."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Real
from operator import mul
from typing import Any, final

from ..components.checking import check_node
from ..config.names import keyword_of
from ..config.nodes import full_key
from ..errors import ConfigError, Problem, below
from ..lr_schedulers.base_scheduler import SchedulerConfig
from ..lr_schedulers.building import Silent, horizon
from ..lr_schedulers.metrics import metric_for
from ..lr_schedulers.pairing import shared_rule
from ..lr_schedulers.phases import PhasesLR
from ..lr_schedulers.registry import LR_SCHEDULERS
from ..optimizers.base_optimizer import OptimizerConfig
from ..parameters.plan import Plan
from ..schedules.group_settings import RATE, Setting, rules_of
from ..schedules.horizon import Horizon
from ..schedules.joining import values
from ..schedules.timeline import Timeline, Timelines
from .notebooks import curves_html
from .spans import Span, spans_of


@final
class Preview(Mapping[str, "array[float]"]):
    """The values of one setting at every tick, by group; each is made when it is asked for."""

    def __init__(
        self,
        columns: Mapping[str, tuple[float, Sequence[array[float]]]],
        phases: Mapping[str, Sequence[tuple[Span, ...]]] | None = None,
    ) -> None:
        self._columns = columns
        self.settings: dict[str, Preview] = {}
        """The same for the other settings that are scheduled, by the optimizer's keys."""
        self.phases = dict(phases or {})
        """By group the phases of each schedule that its values are multiplied by; empty of what is not of phases."""
        self.scheduler = ""
        """NAME of the scheduler."""
        self.unit = "tick"
        """What one tick is: step, epoch, or tick where it is several of them."""

    def __getitem__(self, group: str) -> array[float]:
        base, factors = self._columns[group]
        product = product_of(factors)
        return product[:] if base == 1.0 else array("d", map(base.__mul__, product))

    def parts(self, group: str) -> tuple[float, Sequence[array[float]]]:
        """The number and the curves whose product a group's values are; groups may share the curves, as objects."""
        return self._columns[group]

    @property
    def ticks(self) -> int:
        """Ticks of the run."""
        return len(next(iter(self._columns.values()))[1][0]) if self._columns else 0

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        return f"Preview({self.ticks} ticks of {', '.join(self)})"

    def _repr_html_(self) -> str:
        return curves_html({RATE: self, **self.settings}, self.unit)


def product_of(curves: Sequence[array[float]]) -> array[float]:
    """The product of curves at every tick; of one curve it is the curve itself, not a copy."""
    product = curves[0]
    for others in curves[1:]:
        product = array("d", map(mul, product, others))
    return product


def unit_of(config: Any) -> str:
    """What one tick of a scheduler is: step, epoch, or tick where it is several of them."""
    return str(_value(config.get("INTERVAL", "step"))) if config.get("FREQUENCY", 1) == 1 else "tick"


def preview(cfg: Any, total_steps: int | Horizon, groups: Any = None, steps_per_epoch: int | None = None) -> Preview:
    """The rate of every group at every tick of a run.

    A scheduler that waits for a metric is shown as if the metric always improved.

    Args:
        cfg: A scheduler's node.
        total_steps: Optimizer steps of the whole run, or a Horizon.
        groups: Rates by group (`{"backbone": 0.01, "head": 0.1}`), one rate, torch's group dicts, or a plan; by
            default one group of rate 1. Of group dicts, the one named `default`, else the first, has the optimizer's
            own values.
        steps_per_epoch: Optimizer steps per epoch.

    Returns:
        By group an array of rates, one per tick; `settings` has the other settings that are scheduled.

    Raises:
        ConfigError: Anything is wrong with the node, or the total does not fit.

    >>> node = {"NAME": "PhasesLR", "PHASES": {"warmup": {"CURVE": "linear", "FROM": 0, "TO": 1}}}
    >>> preview(node, total_steps=4, groups={"body": 1.0, "head": 2.0})["head"]
    array('d', [0.0, 0.5, 1.0, 1.5])
    """
    config = check_node(cfg, LR_SCHEDULERS)
    key = full_key(cfg) or "lr_scheduler"
    with below(key):
        run = horizon(total_steps, steps_per_epoch)
        ticks = _ticks(config, run)
        listed = _listed(groups)
        if isinstance(config, PhasesLR.Config) and not config.FINISH:
            shown = _of_phases(config.with_horizon(run).timelines(), listed, _own_values(groups, listed), ticks)
            return _described(shown, config)
    return _described(_of_any(config, listed, ticks, run, key), config)


def _described(shown: Preview, config: Any) -> Preview:
    """A preview that knows what it is of."""
    for each in (shown, *shown.settings.values()):
        each.scheduler, each.unit = config.NAME, unit_of(config)
    return shown


def _ticks(config: Any, run: Horizon) -> int:
    if isinstance(config, SchedulerConfig):
        return config.ticks_of(run)
    if run.total_steps is None:
        raise ConfigError([Problem("", "a preview needs total_steps.")])
    return run.total_steps


def _value(choice: Any) -> Any:
    return getattr(choice, "value", choice)


def _listed(groups: Any) -> dict[str, dict[str, Any]]:
    """Group dicts by name, whatever was given."""
    if groups is None or isinstance(groups, Real):
        return {"default": {"lr": 1.0 if groups is None else groups}}
    if isinstance(groups, Mapping):
        given: list[Any] = [{"lr": rate, "name": str(name)} for name, rate in groups.items()]
    elif isinstance(groups, Plan):
        given = list(_of_plan(groups))
    elif isinstance(groups, Iterable) and not isinstance(groups, str):
        given = [{"lr": group} if isinstance(group, Real) else group for group in groups]
    else:
        given = [groups]
    listed: dict[str, dict[str, Any]] = {}
    for position, group in enumerate(given):
        if not (isinstance(group, Mapping) and hasattr(group.get("lr", 1.0), "__float__")):
            message = (
                "groups are rates by name ({body: 0.01}), torch's group dicts, or a plan: "
                f"scepter_opt.plan(cfg.optimizer, model); not a {type(groups).__name__}."
            )
            raise ConfigError([Problem("", message)])
        name = str(group.get("name", position))
        settings = {key: group[key] for key in group if key != "params"}
        listed[name if name not in listed else f"{name}[{position}]"] = settings
    if not listed:
        raise ConfigError([Problem("", "a preview needs at least one group.")])
    return listed


def _of_plan(plan: Plan) -> Iterator[dict[str, Any]]:
    """The groups of a plan, with all that their optimizer would fill in."""
    for group in plan.group_settings:
        values = {"LEARNING_RATE": group.learning_rate, "WEIGHT_DECAY": group.weight_decay, **group.settings}
        own = dict(plan.config.parts()[group.part].items()) if isinstance(plan.config, OptimizerConfig) else {}
        named = {keyword_of(key): value for key, value in {**own, **values}.items() if value is not None}
        yield {**named, "name": group.name, "rules": group.rules, "optimizer": group.part}


def _own_values(groups: Any, listed: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By part of a Hybrid the settings of a parameter without multipliers."""
    own: dict[str, dict[str, Any]] = {}
    if isinstance(groups, Plan) and isinstance(groups.config, OptimizerConfig):
        for part, config in groups.config.parts().items():
            own[part] = {keyword_of(key): value for key, value in config.items()}
    # what a parameter without multipliers gets: the group of no rule, where there is one
    for group in sorted(listed.values(), key=lambda group: group.get("name") != "default"):
        own.setdefault(group.get("optimizer", ""), group)
    return own


class _Factors:
    """The factors of timelines at every tick, each made once for each of the optimizer's own values."""

    def __init__(self, own: Mapping[str, dict[str, Any]], ticks: int) -> None:
        self._own = own
        self._ticks = ticks
        self._made: dict[tuple[str, float], array[float]] = {}

    def of(self, key: str, timeline: Timeline, setting: Setting, group: dict[str, Any]) -> array[float]:
        """The factors of a group's setting."""
        value = _number(setting, self._own[group.get("optimizer", "")])
        if (key, value) not in self._made:
            self._made[key, value] = values(timeline.curve(value), 0, self._ticks)
        return self._made[key, value]


def _of_phases(
    timelines: Timelines, groups: Mapping[str, dict[str, Any]], own: Mapping[str, dict[str, Any]], ticks: int
) -> Preview:
    shared = [problem for rule in timelines.rules if (problem := shared_rule(rule, groups.values()))]
    if shared:
        raise ConfigError(shared)
    known = {name for group in groups.values() for rules in rules_of(group) for name in rules}
    missing = [rule for rule in timelines.rules if rule not in known]
    if missing:
        message = f"none of these groups is made by it: {', '.join(sorted(known)) or 'they have no names'}."
        raise ConfigError([Problem(f"RULES.{missing[0]}", message)])
    factors = _Factors(own, ticks)
    spans = {key: spans_of(timeline, key, rule, ticks) for key, _, rule, timeline in timelines.keyed()}
    shown = {}
    # The same product as the scheduler's: each group's base value, times the curve of all groups, times those of the
    # rules that all its parameters have. Curves are kept as arrays by the optimizer's own value, so that a hundred
    # groups of layer-wise decay share one array.
    for name in timelines.names:
        setting = Setting.of(name, groups.values())
        columns, phases = {}, {}
        for group_name, group in groups.items():
            rules = rules_of(group)[0]
            hit = [
                (key, timeline)
                for key, each, rule, timeline in timelines.keyed()
                if each == name and (not rule or rule in rules)
            ]
            # without any group that has the setting (only rates were given) factors are shown for all
            if hit and (name == RATE or setting.is_in(group) or not any(map(setting.is_in, groups.values()))):
                curves = [factors.of(key, timeline, setting, group) for key, timeline in hit]
                columns[group_name] = (_number(setting, group), curves)
                phases[group_name] = [spans[key] for key, _ in hit]
        shown[name] = Preview(columns, phases)
    rates = shown.pop(RATE)
    rates.settings.update(shown)
    return rates


def _number(setting: Setting, group: dict[str, Any]) -> float:
    """A group's value before any schedule; 1 where it is not said, so that factors are shown."""
    return float(setting.base(dict(group))) if setting.is_in(group) else 1.0


def _of_any(config: Any, groups: Mapping[str, dict[str, Any]], ticks: int, run: Horizon, key: str) -> Preview:
    """The rates that a scheduler sets on an optimizer that is thrown away."""
    import torch

    # What is not made of curves is run, on an optimizer of one number a group that is thrown away. Momentum is there
    # for what cycles it.
    given = [{**group, "lr": float(group.get("lr", 1.0)), "params": [torch.zeros(())]} for group in groups.values()]
    optimizer = torch.optim.SGD(given, lr=given[0]["lr"], momentum=0.9)
    scheduler = LR_SCHEDULERS.build(config, Silent(), optimizer=optimizer, total_steps=run, key=key)
    optimizer.step()  # torch warns if this never happens
    columns = {name: array("d") for name in groups}
    for tick in range(ticks):
        for column, group in zip(columns.values(), optimizer.param_groups, strict=True):
            column.append(float(group["lr"]))
        if metric_for(config.component, scheduler) == "none":
            scheduler.step()
        else:
            # ever better, so that nothing drops
            scheduler.step(tick if str(_value(config.get("MODE"))) == "max" else -tick)
    return Preview({name: (1.0, [column]) for name, column in columns.items()})
