"""A scheduler from a checkpoint: at its position, on the schedule that a policy makes of the two."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, final

from ..components.signatures import parameters_of
from ..config.names import key_of
from ..config.plain import plain
from ..errors import ConfigError, Problem
from ..lr_schedulers.building import Silent
from ..lr_schedulers.metrics import metric_of
from ..lr_schedulers.registry import LR_SCHEDULERS
from ..parameters.merging import OF_CYCLES, SETTINGS, Difference
from ..schedules.group_settings import copied
from ..schedules.horizon import Horizon
from ..schedules.record import BUILT_FROM, FINISH, position_of, same_rates, up_to_finish
from .objects import inner_scheduler, place
from .optimizers import OptimizerPlan, of_schedules, write_group
from .policy import Policy
from .positions import share_kept, ticks_here
from .schedules import decided, differences

# What a scheduler that waits for a metric has counted; its place in the schedule is last_epoch.
_COUNTED = ("last_epoch", "_step_count", "best", "num_bad_epochs", "cooldown_counter")


@final
class SchedulerPlan:
    """What loading a scheduler will do; nothing is changed before `apply`.

    Args:
        name: Its name among several; empty of one.
        scheduler: A scheduler, wrapped or not.
        saved: What the checkpoint has of it.
        groups: What the groups of its optimizer become.
        policy: Which side holds.
    """

    def __init__(
        self, name: str, scheduler: Any, saved: Mapping[str, Any], groups: OptimizerPlan, policy: Policy
    ) -> None:
        self.scheduler = inner_scheduler(scheduler)
        self._key = place("scheduler", name)
        self._cls: type = type(self.scheduler)
        self._saved = saved
        self._groups = groups
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.keys: list[str] = []
        self.differences: list[Difference] = []
        self.share = Fraction(1)
        """What a number of optimizer steps in the checkpoint is multiplied by to be one here."""
        self._position = position_of(saved["state"])
        self._moved = False
        self._finishing: dict[str, Any] | None = None
        """The state from which a schedule with a FINISH goes on."""
        self._effective: dict[str, Any] | None = None
        """What the schedule that holds is built from; None where it is the scheduler's own."""
        own, other = getattr(self.scheduler, BUILT_FROM, None), saved[BUILT_FROM]
        if own and other:
            self._compare(own, other, policy)
        else:
            self._compare_foreign(policy)

    # Planning

    def _compare(self, own: Mapping[str, Any], other: Mapping[str, Any], policy: Policy) -> None:
        share = share_kept(own, other)
        moves = share not in (None, 1)
        key = own["key"]
        self.keys = [f"{key}.{name}" for name in (*own["node"], "total_steps", "steps_per_epoch")]
        self.differences = list(differences(up_to_finish(own, other), other, policy.side, moves))
        if any(one.held == "error" for one in self.differences):
            return
        holds = decided(own, other, self.differences)
        self._effective, trial = dict(own), self.scheduler
        if any(one.held == "checkpoint" for one in self.differences):
            trial = self._try_out(holds)
        run = self._effective
        share = share_kept(run, other)
        if share is None:
            share = Fraction(1)
            if run["steps_per_epoch"] != other["steps_per_epoch"]:
                self.notes.append(
                    f"{key}: the step is kept, since the epochs of the two runs are not known to be equal"
                )
        self.share = share
        position = ticks_here(self._position, run, other, share)
        if position is None:
            message = (
                "differs from the checkpoint's, and how many steps an epoch has is not known: give steps_per_epoch."
            )
            self.problems.append(Problem(f"{key}.INTERVAL", message, own["node"].get("INTERVAL")))
            return
        self._moved, self._position = position != self._position, position
        if FINISH in run["node"] and not self.problems:
            self._finishing = {**self._saved["state"], "last_epoch": position}
            if self._finishing.get("start") is not None:
                self._finishing["start"] = ticks_here(self._finishing["start"], run, other, share)
            try:
                trial.start_of(self._finishing)
            except ConfigError as error:
                self.problems += [problem.under(key) for problem in error.problems]

    def _try_out(self, holds: Mapping[str, Any]) -> Any:
        """Build the schedule that holds on an optimizer that is thrown away, to know that it can be built."""
        import torch

        groups = [{**one, "params": [torch.zeros(())]} for one in self._begun()]
        scratch = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
        vars(scratch)["parts"] = getattr(self._groups.optimizer, "parts", {})
        try:
            built = _built(holds, scratch)
        except ConfigError as error:
            message = "the schedule that policy makes of configuration and checkpoint cannot be:"
            self.problems += [Problem(p.key, f"{message} {p.message}", p.value) for p in error.problems]
            return None
        if len({_metric_of(built), _metric_of(self.scheduler)} - {None}) > 1:
            message = "one of the two waits for a metric, and what calls it goes by the configuration's: take that."
            self.problems.append(Problem(f"{holds['key']}.NAME", message, holds["node"]["NAME"]))
        self._effective = dict(getattr(built, BUILT_FROM))
        return built

    def _compare_foreign(self, policy: Policy) -> None:
        """Compare by what the classes' constructors take, as far as that stands in their states."""
        saved, cls = self._saved, self._cls
        own = self.scheduler.state_dict()
        if cls.__name__ != saved["class"]:
            message = (
                f"the checkpoint's is a {saved['class']}, and what the two were built from is not known: build that."
            )
            self.problems.append(Problem(f"{self._key}.NAME", message, cls.__name__))
            return
        for name in parameters_of(cls):
            key = f"{self._key}.{key_of(name)}"
            if name in own and name in saved["state"] and name not in _COUNTED:
                here, there = plain(own[name]), plain(saved["state"][name])
                self.keys.append(key)
                if here != there:
                    self.differences.append(Difference(key, here, there, policy.side(key)))

    # Applying

    @property
    def differs(self) -> bool:
        """Whether rates at the position are others than the checkpoint's."""
        record = self._effective
        saved = self._saved[BUILT_FROM]
        own = record is not None and not same_rates(up_to_finish(record, saved), saved)
        return own or self._moved or self._groups.moved_rates

    def apply(self) -> None:
        """Bring the scheduler to its position, and its rates into the groups, which have their values."""
        with _quiet():
            if self._effective is None:
                self._apply_foreign()
                return
            if not same_rates(self._effective, getattr(self.scheduler, BUILT_FROM)):
                self._become(self._effective)
            state = self._saved["state"]
            finishing = self._finishing
            if finishing is not None and (not self.differs or self.scheduler.start_of(finishing) is not None):
                self.scheduler.load_state_dict(finishing)
                self._groups.write_values()
                self.scheduler.write_rates()
            elif not self.differs:
                self.scheduler.load_state_dict(dict(state))
                self._groups.write_values()
            elif hasattr(self.scheduler, "timelines"):
                self._begin()
                own = self.scheduler.state_dict()
                self.scheduler.load_state_dict({**own, **_counters(state, own), "last_epoch": self._position})
            elif metric_of(self.scheduler.step) != "none":
                self._go_on_waiting(state)
            else:
                self._begin()
                self._become(self._effective)
                for _ in range(self._position):
                    self.scheduler.step()

    def _apply_foreign(self) -> None:
        """Load the state as the class does, but for what the configuration holds."""
        state, own = dict(self._saved["state"]), self.scheduler.state_dict()
        names = {key_of(name): name for name in parameters_of(self._cls)}
        for one in self.differences:
            if one.held == "config":
                name = names[one.key.rpartition(".")[2]]
                state[name] = own[name]
        self.scheduler.load_state_dict(state)
        self._groups.write_values()
        if self._groups.moved_rates and "base_lrs" in vars(self.scheduler):
            groups = self.scheduler.optimizer.param_groups
            self.scheduler.base_lrs = [copied(group.get("initial_lr", group["lr"])) for group in groups]

    def _become(self, record: Mapping[str, Any]) -> None:
        """Make the scheduler one of another node, of whatever class: whoever holds it goes on holding it."""
        built = _built(record, self.scheduler.optimizer)
        self.scheduler.__class__ = type(built)
        if "is_observed" in vars(built):  # said by the driver, which brings its metric
            built.is_observed = vars(self.scheduler).get("is_observed", False)
        vars(self.scheduler).clear()
        vars(self.scheduler).update(vars(built))

    def _go_on_waiting(self, state: Mapping[str, Any]) -> None:
        """Go on with what was counted of a metric; of another scheduler there is nothing, and the rates begin anew."""
        if "best" in state:
            self._groups.write_values()
        else:
            self._begin()
        counted = {key: state[key] for key in _COUNTED if key in state}
        vars(self.scheduler).update(counted | {"last_epoch": self._position})
        self.scheduler._last_lr = [plain(group["lr"]) for group in self.scheduler.optimizer.param_groups]

    def _begin(self) -> None:
        """Give the groups the values that they had before any schedule: torch's schedulers go by the ticks before."""
        for group, begun in zip(self.scheduler.optimizer.param_groups, self._begun(), strict=True):
            for key in of_schedules(group).keys() - begun.keys():
                del group[key]
            write_group(group, begun)

    def _begun(self) -> Iterator[dict[str, Any]]:
        """The groups as they were before any schedule, with the settings that hold."""
        for group, one in zip(self._groups.optimizer.param_groups, self._groups.merged, strict=True):
            said, scheduled = one.get(SETTINGS, {}), of_schedules(one)
            begun = {
                key: value for key, value in one.items() if key not in scheduled or key in group.keys() - set(OF_CYCLES)
            }
            begun = {key: value for key, value in begun.items() if not key.startswith("initial_")}
            for name in scheduled:
                value = said.get(key_of(name), one.get(f"initial_{name}", one[name]))
                if name in begun:
                    begun[name] = tuple(value) if isinstance(value, list) else plain(value)
            yield {**begun, "initial_lr": begun["lr"]}


def _metric_of(scheduler: Any) -> str | None:
    """Whether a step takes a metric; None of a FINISH that goes without what was before it."""
    ticked = getattr(scheduler, "before", None) if hasattr(scheduler, "finish") else scheduler
    return None if ticked is None else metric_of(ticked.step)


def _counters(state: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What a schedule of phases has counted of a metric, if it is one that does."""
    return {key: state[key] for key in ("reached", "best", "bad", "cooling") if key in state and key in own}


def _built(record: Mapping[str, Any], optimizer: Any) -> Any:
    """A scheduler of a node."""
    run = Horizon(record["total_steps"], record["steps_per_epoch"])
    with _quiet():
        return LR_SCHEDULERS.build(record["node"], Silent(), optimizer=optimizer, total_steps=run, key=record["key"])


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch says of ticks without steps, and what the build has said already."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield
