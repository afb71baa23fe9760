"""The base of every optimizer: its Config's keys become torch's keywords, in one place for all."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from ..components.component import Component
from ..config.base import Config
from ..config.fields import Later, Texts
from ..errors import Problem
from ..parameters.implementation import Implementation, check_implementations

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from typing_extensions import Self

    from ..config.ranges import Range


class MissingState(str, enum.Enum):
    """What becomes of parameters that only one of an optimizer and a loaded state has."""

    error = "error"
    cold = "cold"


@dataclass(kw_only=True)
class OptimizerConfig(Config):
    """The keys that every optimizer has."""

    IMPLEMENTATION: Implementation = Implementation.auto
    """How a step is computed: auto takes the fastest that is right, torch leaves the choice to torch."""
    TENSOR_LR: bool = False
    """Whether rates are tensors, which a captured or compiled step reads anew at each step."""
    PARAM_GROUPS: Annotated[Any, Later("scepter_opt.parameters.rules.Rules")] = field(default_factory=dict)
    """Rules by name, in order: which parameters (WHERE) get which settings (SET)."""
    ONLY: Texts = None
    """Names of the parameters to train, as a rule's NAMES; null is all."""
    MISSING_STATE: MissingState = MissingState.error
    """What a loaded state may lack: error is nothing, cold lets new parameters begin anew, and drops those not here."""
    ALLOW_REST: bool = False
    """Whether parameters may be left that none of several optimizers trains."""
    LR_SCALING: Annotated[Any, Later("scepter_opt.optimizers.lr_scaling.LRScalingField")] = field(default_factory=dict)
    """How the learning rates follow the batch size: RULE, BASE_BATCH_SIZE, BATCH_SIZE; empty is not at all."""

    @property
    def tensor_rates(self) -> bool:
        """Whether rates are tensors: a compiled step would be compiled again for each new number."""
        return self.TENSOR_LR or self.IMPLEMENTATION is Implementation.compiled

    several: ClassVar[bool] = False
    """Whether this is several optimizers as one, with parts that rules send parameters to."""

    def parts(self) -> Mapping[str, Any]:
        """The Configs that parameters end in, by part: of one optimizer the nameless part, which is itself."""
        return {"": self}

    @property
    def default_part(self) -> str:
        """The part that takes what no rule sends elsewhere."""
        return ""

    def with_parts(self, parts: Mapping[str, Any]) -> Self:
        """The same with these Configs in place of its parts."""
        config: Self = parts[""]
        return config

    def problems(self) -> Iterator[Problem]:
        """What is wrong between keys each of which is right alone."""
        if self.ONLY or self.PARAM_GROUPS:
            # most nodes have neither, and checking them is not to import what checks rules
            from ..parameters.rules import check_rules
            from ..parameters.where import check_names

            yield from check_names("ONLY", self.ONLY)
            yield from check_rules(self)
        yield from check_implementations(self)

    def remarks(self) -> Iterator[Problem]:
        """What the node says without effect; keys are relative to it."""
        return idle_keys(self, self.PARAM_GROUPS or {})

    def remarks_alone(self) -> Iterator[Problem]:
        if self.ALLOW_REST:
            message = "does nothing on an optimizer alone, which may leave parameters: it is for build_optimizers."
            yield Problem("ALLOW_REST", message, True)

    def rehearsal(self) -> tuple[list[Problem], list[Problem]]:
        return [], list(self.remarks())


def idle_keys(config: OptimizerConfig, rules: Mapping[str, Any]) -> Iterator[Problem]:
    """What an optimizer or one of its rules says, and which does nothing without another key.

    Args:
        config: The optimizer's Config, or that of a part of a Hybrid.
        rules: The rules over its parameters; one that sets the other key brings the first to life.
    """
    from ..config.validation import fields

    multiplier = [("WEIGHT_DECAY_MULT", "WEIGHT_DECAY")] if "WEIGHT_DECAY" in config else []
    for key, needed in [*config.idle, *multiplier]:
        if config.get(needed) or any(rule.SET.get(needed) for rule in rules.values()):
            continue
        places = {f"PARAM_GROUPS.{name}.SET.{key}": rule.SET[key] for name, rule in rules.items() if key in rule.SET}
        if key in config and config[key] != fields(type(config))[key].default:
            places[key] = config[key]
        for place, value in places.items():
            yield Problem(place, f"does nothing without {needed}.", value)


class BaseOptimize(Component):
    """Builds an optimizer from a Config. A subclass names its class by `target`, or overrides `__call__`.

    Args:
        cfg: The checked Config; without a nested `Config` class one through which any key is read.
        logger: Anything with `info`, or None.
    """

    common = OptimizerConfig
    implementations: ClassVar[tuple[str, ...]] = ()
    """Which of fused and foreach the class has."""
    compiles: ClassVar[bool] = False
    """Whether torch can compile its step, and gains by it."""
    dimensions: ClassVar[int | None] = None
    """The number of dimensions that every parameter must have; None where any will do."""
    refused_kinds: ClassVar[tuple[str, ...]] = ()
    """Kinds of parameters that it takes only from a rule that names them."""
    tensor_lr: ClassVar[bool] = True
    """Whether its rate may be a tensor."""
    # what torch wraps around every step reads DIFFERENTIABLE from the defaults, whatever the groups say
    read_once: ClassVar[tuple[str, ...]] = ("DIFFERENTIABLE",)
    """Keys that the class reads from its constructor for all groups, whatever a group says: no rule can set them."""
    one_group: ClassVar[bool] = False
    """Whether it takes a single group only."""
    refused_in_hybrid: ClassVar[str] = ""
    """Why it cannot be a part of a Hybrid; empty where it can."""
    fastest_fused: ClassVar[tuple[str, ...]] = ()
    """Devices on which its fused step is the fastest that it has; benchmarks/bench_step.py has the numbers."""
    fused_slow_strided: ClassVar[bool] = False
    """Whether its fused step on a CPU is slower than the loop for parameters that are not contiguous."""
    refused_in_shards: ClassVar[str] = ""
    """Why it cannot take distributed tensors; empty where it can."""
    fused_takes_dtensors: ClassVar[bool] = False
    """Whether its fused kernel has a rule for distributed tensors."""
    search_space: ClassVar[Mapping[str, Range]] = {}
    """Where its keys are searched, as far as it is elsewhere than for others: search/spaces.py has what is common."""

    @classmethod
    def facts_of(cls, target: type) -> dict[str, Any]:
        from ..components.signatures import parameters_of

        closure = inspect.signature(target.step).parameters.get("closure")  # type: ignore[attr-defined]  # an Optimizer
        # nearly every step takes a closure, and does without one: only where it has no default is it needed
        needs_closure = closure is not None and closure.default is closure.empty
        return {
            "implementations": tuple(flag for flag in ("foreach", "fused") if flag in parameters_of(target)),
            "refused_in_hybrid": "its step needs a closure" if needs_closure else "",
        }

    @classmethod
    def check_open(cls, values: Mapping[Any, Any], imports: bool | None) -> tuple[dict[Any, Any], list[Problem]]:
        from ..parameters.rules import Rules
        from ..parameters.where import check_names

        checked, problems = super().check_open(values, imports)
        if values.get("PARAM_GROUPS") is not None:
            # the plan checks them again, and reads them then
            problems += [p.under("PARAM_GROUPS") for p in Rules().check(values["PARAM_GROUPS"], None, imports)[1]]
        if not any(problem.key.startswith("ONLY") for problem in problems):
            problems += check_names("ONLY", values.get("ONLY"))
        return checked, problems

    def __call__(self, parameters: Iterable[Any]) -> Optimizer:
        """Build the optimizer.

        Args:
            parameters: torch's list of group dicts.
        """
        optimizer: Optimizer = self.construct(parameters)
        return optimizer
