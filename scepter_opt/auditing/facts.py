"""What an audit looks at: a model's parameters, the groups that hold them, and who else has a say in the groups."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigError, Problem
from ..parameters.named_parameters import Parameters, collect

DESCRIBING = frozenset({"params", "param_names", "name", "rules", "settings"})
"""Keys of a group that say what it is, and not how it is trained."""


@dataclass
class Group:
    """A group of one of the optimizers."""

    label: str
    """What it is called: its name, else its position; with the optimizer's where there are several."""
    optimizer: Any
    settings: dict[str, Any]
    """The group dict itself."""
    members: list[int] = field(default_factory=list)
    """Positions of the model's parameters, as often as they are in it."""
    strangers: list[Any] = field(default_factory=list)
    """Tensors that are none of the model's."""

    def like(self, other: Group, beside: Collection[str] = ()) -> bool:
        """Whether another group of the same optimizer is trained in the same way.

        Args:
            other: The other.
            beside: Further keys in which they may differ.
        """
        left = DESCRIBING.union(beside)
        own, others = ({key: group.settings[key] for key in group.settings.keys() - left} for group in (self, other))
        return self.optimizer is other.optimizer and bool(own == others)


@dataclass
class Facts:
    """What an audit looks at."""

    parameters: Parameters
    optimizers: dict[str, Any]
    """By name; a single one has an empty name."""
    schedulers: list[Any]
    """What changes rates: objects with a `step`, or functions of a training loop."""
    groups: list[Group] = field(default_factory=list)
    holders: dict[int, list[Group]] = field(default_factory=dict)
    """By position of a parameter the groups that hold it."""
    wrapped: bool = False
    """Whether a wrapper adds to the names of the model's parameters."""

    def trainable(self, position: int) -> bool:
        """Whether a parameter of the model is trained now."""
        return bool(self.parameters.tensors[position].requires_grad)

    def names(self, positions: Iterable[int]) -> list[str]:
        """The names of some of the model's parameters."""
        return [self.parameters.names[position] for position in positions]

    def values(self, positions: Iterable[int]) -> int:
        """How many numbers some of the model's parameters have together."""
        return sum(self.parameters.tensors[position].numel() for position in positions)

    def groups_of(self, optimizer: Any) -> list[Group]:
        """The groups of one optimizer, in its order."""
        return [group for group in self.groups if group.optimizer is optimizer]


def inside(optimizer: Any) -> list[Any]:
    """The optimizers that one holds: those which a wrapper or a hybrid steps."""
    held: list[Any] = []
    for value in vars(optimizer).values():
        several = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else [value]
        held += [each for each in several if isinstance(getattr(each, "param_groups", None), list)]
    return [each for each in held if each is not optimizer and hasattr(each, "step")]


def gather(model: Any, optimizer: Any, scheduler: Any = None) -> Facts:
    """What an audit looks at.

    Args:
        model: A module, or a mapping of names to modules.
        optimizer: An optimizer of torch's kind, several of them, or a mapping of names to them.
        scheduler: What changes rates, one or several.

    Raises:
        ConfigError: One of them is of another kind.
    """
    import torch

    modules = list(model.values()) if isinstance(model, Mapping) else [model]
    if not modules or not all(isinstance(module, torch.nn.Module) for module in modules):
        raise ConfigError([Problem("model", "must be a module, or a mapping of names to modules.", model)])
    facts = Facts(collect(model), _by_name(optimizer), _listed(scheduler))
    parameters = facts.parameters
    known = {name for position in range(len(parameters)) for name in parameters.all_names(position)}
    facts.wrapped = any(
        (f"{prefix}.{name}" if prefix else name) not in known
        for prefix, module in parameters.roots
        for name, _ in module.named_parameters()
    )
    position_of = {id(tensor): position for position, tensor in enumerate(facts.parameters.tensors)}
    for name, each in facts.optimizers.items():
        for number, settings in enumerate(each.param_groups):
            said = settings.get("name")
            own = said if isinstance(said, str) and said else f"group {number}"
            group = Group(f"{name}: {own}" if name else own, each, settings)
            for tensor in settings["params"]:
                position = position_of.get(id(tensor))
                if position is None:
                    group.strangers.append(tensor)
                else:
                    group.members.append(position)
                    facts.holders.setdefault(position, []).append(group)
            facts.groups.append(group)
    return facts


def _by_name(optimizer: Any) -> dict[str, Any]:
    if isinstance(optimizer, Mapping):
        optimizers = {str(name): each for name, each in optimizer.items()}
    elif isinstance(optimizer, (list, tuple)):
        optimizers = {f"optimizer {number}": each for number, each in enumerate(optimizer)}
    else:
        optimizers = {"": optimizer}
    for name, each in optimizers.items():
        # not by its class: what wraps an optimizer has its groups, and is none of torch's
        groups = getattr(each, "param_groups", None)
        if isinstance(each, type) or not isinstance(groups, list) or not all("params" in group for group in groups):
            raise ConfigError([Problem(name or "optimizer", "must be an optimizer: it has no param_groups.", each)])
    if not optimizers:
        raise ConfigError([Problem("optimizer", "there is none.")])
    return optimizers


def _listed(scheduler: Any) -> list[Any]:
    several = scheduler.values() if isinstance(scheduler, Mapping) else scheduler
    listed = isinstance(scheduler, (Mapping, list, tuple))
    schedulers = list(several) if listed else [] if scheduler is None else [scheduler]
    for each in schedulers:
        if isinstance(each, type) or not (callable(getattr(each, "step", None)) or callable(each)):
            message = "must have a step, or be the function by which a training loop sets rates."
            raise ConfigError([Problem("scheduler", message, each)])
    # Accelerate's stands around one of torch's
    return [getattr(each, "scheduler", each) for each in schedulers]
