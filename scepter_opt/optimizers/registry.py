"""The registry of optimizers, and the straight line from a node and parameters to torch's optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..components.component import Component
from ..components.registry import Registry
from ..config.base import OpenConfig
from ..errors import ConfigError, Problem, node_key, say
from ..parameters.implementation import Implementation

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from ..parameters.grouping import Group
    from ..parameters.plan import Plan
    from ..parameters.resolution import Combination


class OptimizerRegistry(Registry):
    """Optimizers by name."""

    torch_base = "torch.optim.Optimizer"

    def base(self) -> type[Component]:
        """BaseOptimize."""
        from .base_optimizer import BaseOptimize

        return BaseOptimize

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
        from ..components.checking import checked
        from ..parameters.planning import make_plan

        with checked(cfg, self) as config:
            plan = make_plan(config, parameters)
            frozen = plan.to_freeze()
            optimizer = self.construct(plan, logger)
            self.tell(plan, logger)
            for remark in () if isinstance(config, OpenConfig) else config.remarks_alone():
                say(remark)
            # last: where warnings are errors, what is said leaves the model as it was
            for _, tensor in frozen:
                tensor.requires_grad_(False)
            return optimizer

    def construct(self, plan: Plan, logger: Any = None) -> Optimizer:
        """The optimizer of a plan. The model is not changed.

        Raises:
            ConfigError: Anything is wrong.
        """
        import torch

        optimizer: Optimizer = plan.config.component(plan.config, logger)(plan.groups())
        if optimizer is None:
            raise ConfigError([Problem("NAME", "its __call__ returns nothing: return the optimizer.", plan.optimizer)])
        # a class without a Config may return what it likes
        if isinstance(optimizer, torch.optim.Optimizer):
            _check_groups(plan, optimizer)
            _equip(plan, optimizer, logger)
            if plan.scales:
                from ..parameters.state import remember_scales  # composing needs none of it

                remember_scales(optimizer, plan.scales)
        return optimizer

    def tell(self, plan: Plan, logger: Any = None) -> None:
        """Say what is remarkable in a plan, and log it in short."""
        own = [] if isinstance(plan.config, OpenConfig) else plan.config.remarks()
        for remark in [*own, *plan.remarks]:
            say(remark)
        self.log(logger, lambda: f"{plan.optimizer}: {plan.short()}")


def _check_groups(plan: Plan, optimizer: Any) -> None:
    """Refuse a class that does not keep its groups, or reads a rule's setting from elsewhere.

    torch keeps in a group whatever stands there, read or not.
    """
    tensors, members = plan.parameters.tensors, plan.members
    built_of = {id(tensor): group for group in optimizer.param_groups for tensor in group["params"]}
    combination_of = {combination.group: combination for combination in plan.combinations}
    planned_of: dict[int, int] = {}
    for number, group in enumerate(plan.group_settings):
        # one parameter tells of its group: a class that sorts them anew has put two of ours into one
        built = built_of.get(id(tensors[members[number][0]]))
        other = planned_of.setdefault(id(built), number)
        if other != number:
            names = f"{plan.group_settings[other].name} and {group.name}"
            message = f"{plan.optimizer} does not keep the groups that it is given: it makes one of {names}."
            raise ConfigError([Problem("PARAM_GROUPS", message)])
        part = getattr(optimizer, "parts", {}).get(group.part, optimizer)
        _check_read(part, group, combination_of[number], group.part or plan.optimizer)


def _check_read(part: Any, group: Group, combination: Combination, owner: str) -> None:
    """Refuse a setting of a group that is none of the optimizer's defaults, which are what it reads in its groups."""
    from ..config.names import keyword_of
    from ..parameters.resolution import place_of

    # the defaults list what torch's classes look up in a group; IMPLEMENTATION is ours, and has become flags there
    known = {keyword.lower() for keyword in getattr(part, "defaults", ())} | {"implementation"}
    for key, value in group.settings.items():
        if keyword_of(key) not in known:
            message = f"{owner} has one value for all groups, which no rule can change."
            raise ConfigError([Problem(place_of(combination.decided, key), message, value)])


def _equip(plan: Plan, optimizer: Any, logger: Any) -> None:
    """Add what keeps steps right, what is the configuration's when a state is loaded, and groups without names."""
    from ..components.keywords import target_class

    ways = [(step.implementation, group.part) for step, group in zip(plan.steps, plan.group_settings, strict=True)]
    target_class("scepter_opt.runtime.equipment.equip_built")(
        optimizer,
        fused=any(way is Implementation.fused for way, _ in ways),
        compiled=tuple(dict.fromkeys(part for way, part in ways if way is Implementation.compiled)),
        own_flags=not isinstance(plan.config, OpenConfig),
        cold=str(getattr(plan.config.get("MISSING_STATE"), "value", "")) == "cold",
        key=node_key() or "optimizer",
        roots=plan.parameters.roots,
        logger=logger,
    )


OPTIMIZERS = OptimizerRegistry(
    "optimizer",
    {
        "scepter_opt.optimizers.adaptive_optimizers": (
            "Adadelta Adafactor Adagrad Adam Adamax AdamW NAdam RAdam RMSprop SparseAdam"
        ),
        "scepter_opt.optimizers.hybrid": "Hybrid",
        "scepter_opt.optimizers.library_optimizers": (
            "pytorch_optimizer.ADOPT pytorch_optimizer.AdEMAMix pytorch_optimizer.Lion pytorch_optimizer.Prodigy "
            "pytorch_optimizer.SOAP schedulefree.AdamWScheduleFree=schedule_free_adamw "
            "torchao.optim.AdamW8bit=adamw_8bit"
        ),
        "scepter_opt.optimizers.official_optimizers": "ASGD LBFGS Muon Rprop SGD",
    },
)
"""Every optimizer by name. A new class of the package's own is added to the row of its module."""
