"""A checkpoint into objects: all of it is planned and can be refused before anything is changed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import chain
from typing import Any, final

from ..errors import ConfigError, Problem, did_you_mean
from .models import ModelPlan
from .objects import KINDS, Objects, inner, inner_scheduler, place, unknown_names
from .optimizers import OptimizerPlan
from .policy import Policy
from .randomness import restore_random_states
from .renaming import Renaming
from .report import LoadReport, undecided
from .saving import replaced_here
from .schedulers import SchedulerPlan
from .sharding import own_random_states

_MISSING = ("error", "cold")


@final
class Restoration:
    """What loading a checkpoint will do.

    Args:
        saved: The state that `collect_state` made.
        objects: What is to be brought to it.
        policy: Which side holds where settings differ.
        missing: `error`, or `cold` to let what only one side has.
        rename: Old names of parameters with new ones.
    """

    def __init__(
        self, saved: Mapping[str, Any], objects: Objects, policy: Any, missing: str, rename: Mapping[str, str] | None
    ) -> None:
        if missing not in _MISSING:
            message = f"must be one of {', '.join(_MISSING)}.{did_you_mean(missing, _MISSING)}"
            raise ConfigError([Problem("missing", message, missing)])
        self._saved, self._objects = saved, objects
        self._policy, self._renaming = Policy(policy), Renaming(rename)
        self._cold = missing == "cold"
        self._new: list[str] = []
        self._problems: list[Problem] = []
        given = {kind: self._known(kind) for kind in KINDS}
        self._models = [
            ModelPlan(name, model, saved["model"][name], self._renaming, self._cold)
            for name, model in given["model"].items()
        ]
        self._optimizers = {
            name: self._optimizer_plan(name, optimizer, saved["optimizer"][name])
            for name, optimizer in given["optimizer"].items()
        }
        self._beside: list[OptimizerPlan] = []
        """The optimizers of schedulers that are loaded without them: only their groups' values are."""
        self._others = [(kind, name, item) for kind in ("driver", "scaler") for name, item in given[kind].items()]
        self._schedulers: list[SchedulerPlan] = []
        for name, item in given["scheduler"].items():
            scheduler = inner_scheduler(item)
            if saved["scheduler"][name]["optimizer"] is None or not hasattr(scheduler, "optimizer"):
                self._others.append(("scheduler", name, scheduler))  # of somebody's own, that sets no rates
            else:
                self._schedulers.append(self._scheduler_plan(name, scheduler))
        self._check()

    def _known(self, kind: str) -> dict[str, Any]:
        """The objects that the checkpoint has too."""
        given, there = getattr(self._objects, kind), self._saved.get(kind) or {}
        if self._cold:
            self._new += [place(kind, name) for name in given if name not in there]
        else:
            self._problems += unknown_names(kind, given, there)
        return {name: item for name, item in given.items() if name in there}

    def _optimizer_plan(self, name: str, optimizer: Any, state: Mapping[str, Any] | None) -> OptimizerPlan:
        problem = replaced_here(inner(optimizer), self._objects, name)
        self._problems += [problem] if problem else []
        groups = self._saved["groups"][name]
        roots = self._objects.roots()
        return OptimizerPlan(name, optimizer, groups, state, roots, self._policy, self._renaming, self._cold)

    def _scheduler_plan(self, name: str, scheduler: Any) -> SchedulerPlan:
        saved = self._saved["scheduler"][name]
        own = self._objects.optimizer_of(scheduler)
        if own is not None and own in self._optimizers:
            groups = self._optimizers[own]
        else:
            groups = self._optimizer_plan(saved["optimizer"], scheduler.optimizer, None)
            self._beside.append(groups)
        return SchedulerPlan(name, scheduler, saved, groups, self._policy)

    def _plans(self) -> Iterator[OptimizerPlan | SchedulerPlan]:
        yield from self._optimizers.values()
        yield from self._beside
        yield from self._schedulers

    def _check(self) -> None:
        problems = [*self._problems, *chain.from_iterable(plan.problems for plan in (*self._models, *self._plans()))]
        # what the model is missing its optimizer is too, and once is enough
        if not any(plan.problems for plan in self._models):
            problems += chain.from_iterable(plan.of_names for plan in (*self._optimizers.values(), *self._beside))
        names = [name for values in self._saved["model"].values() for name in values]
        names += [name for groups in self._saved["groups"].values() for name in groups["shapes"]]
        problems += self._renaming.unused(names)
        problems += self._policy.unknown([key for plan in self._plans() for key in plan.keys])
        problems += undecided(self._differences())
        shares = {plan.share for plan in self._schedulers}
        if len(shares) > 1:
            message = f"the steps of an epoch have changed, and differently for {len(self._schedulers)} schedulers."
            problems.append(Problem("steps_per_epoch", message))
        if problems:
            raise ConfigError(problems)

    def _differences(self) -> list[Any]:
        return [one for plan in self._plans() for one in plan.differences]

    def apply(self, random: bool, logger: Any, **found: Any) -> LoadReport:
        """Change the objects, and say what was done.

        Args:
            random: Whether random states are restored.
            logger: Told of it.
            found: What is known of the files: `entry` and `passed_over`.
        """
        share = self._schedulers[0].share if self._schedulers else Fraction(1)
        plans: list[OptimizerPlan | SchedulerPlan | ModelPlan] = [*self._plans(), *self._models]
        for plan in plans:
            plan.apply()
        for kind, name, item in self._others:
            state = self._saved[kind][name]["state"] if kind == "scheduler" else self._saved[kind][name]
            if kind == "driver" and "steps" in state:
                state = {**state, "steps": int(state["steps"] * share)}
            item.load_state_dict(state)
        notes = [note for plan in self._plans() for note in plan.notes]
        states = own_random_states(self._saved)
        if random and states is not None:
            notes += restore_random_states(states)
        elif random:
            notes.append("random states were not saved")
        report = self._report(share, random and states is not None, notes, found)
        (logger or logging.getLogger("scepter_opt")).info(str(report))
        return report

    def _report(self, share: Fraction, random: bool, notes: list[str], found: Mapping[str, Any]) -> LoadReport:
        asked = {kind: getattr(self._objects, kind) for kind in KINDS}
        there = [(kind, name) for kind in KINDS for name in self._saved.get(kind) or {}]
        matches = [plan.match for plan in self._optimizers.values()]
        new = [
            *self._new,
            *(name for plan in self._models for name in plan.new),
            *(n for m in matches for n in m.missing),
        ]
        left = [*(name for plan in self._models for name in plan.left_over), *(n for m in matches for n in m.left)]
        return LoadReport(
            step=int(self._saved["step"] * share),
            saved_step=self._saved["step"],
            loaded=(*(place(k, n) for k, n in there if n in asked[k]), *(("random",) if random else ())),
            not_loaded=tuple(place(kind, name) for kind, name in there if name not in asked[kind]),
            differences=tuple(self._differences()),
            new=tuple(dict.fromkeys(new)),
            left_over=tuple(dict.fromkeys(left)),
            renamed=tuple(self._renaming.done.items()),
            notes=tuple(dict.fromkeys(notes)),
            extra=self._saved.get("extra"),
            **found,
        )
