"""Several optimizers as one: a torch optimizer whose groups and state are those of its parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, final

import torch
from torch.optim import Optimizer

from ..errors import ConfigError, Problem, did_you_mean

Maker = Callable[[list[dict[str, Any]]], Optimizer]
"""Builds the optimizer of a part over group dicts."""


@final
class HybridOptimizer(Optimizer):
    """One optimizer whose groups are each stepped by one of several others, its parts.

    The group dicts are those of the parts, and all share one `state`, so that schedulers, GradScaler, clipping, saving
    and distributed checkpoints treat it as any optimizer of torch's. Hooks run once per step, and so does the closure.
    `defaults` has the rate of the default part only: no momentum is common to all parts, for torch's cycles to cycle.
    A GradScaler unscales the gradients and skips the step itself, also where groups are fused.

    Args:
        params: torch's group dicts, each with the name of its part under `optimizer`; the default part without.
        parts: What builds the optimizer of each part; called for the parts that have groups.
        default: The part whose rate stands in `defaults`; where it has no groups, that of the first part which has.

    Raises:
        ConfigError: A group names a part that there is not, or a part does not keep the groups that it is given.

    >>> from functools import partial
    >>> weight, bias = torch.nn.Linear(2, 2).parameters()
    >>> groups = [{"params": [weight], "optimizer": "muon"}, {"params": [bias], "optimizer": "adamw"}]
    >>> makers = {"muon": partial(torch.optim.Muon, lr=0.02), "adamw": torch.optim.AdamW}
    >>> optimizer = HybridOptimizer(groups, makers, default="adamw")
    >>> [(group["optimizer"], group["lr"]) for group in optimizer.param_groups]
    [('muon', 0.02), ('adamw', 0.001)]
    """

    parts: dict[str, Optimizer]
    """The optimizers of the parts that have groups, by name. They are stepped by this one."""

    @property
    def steps(self) -> dict[str, Callable[[Optimizer], Any]]:
        """What makes the step of a part in place of its class, by its name; copies have none."""
        # made when it is first asked for: a copy is equipped before it is given its state
        steps: dict[str, Callable[[Optimizer], Any]] = self.__dict__.setdefault("_steps", {})
        return steps

    def __init__(self, params: Iterable[dict[str, Any]], parts: Mapping[str, Maker], default: str) -> None:
        self._makers, self._default = dict(parts), default
        groups = list(params)
        names = [self._part_of(group) for group in groups]
        self.parts = {
            name: self._made(name, [group for group, own in zip(groups, names, strict=True) if own == name])
            for name in self._makers
            if name in names
        }
        # each part keeps its order; torch's constructor gets the groups in the order of all
        shares = {name: iter(part.param_groups) for name, part in self.parts.items()}
        states = [part.state for part in self.parts.values()]
        super().__init__([next(shares[name]) for name in names], self._defaults(default))
        for state in states:
            self.state.update(state)  # some classes, Adagrad say, make state when they are built
        self._share()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Step all parts.

        Args:
            closure: Called once, with gradients enabled; its loss is returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        if not torch.compiler.is_compiling():
            self._share()  # callers reset an optimizer by giving it another `state`, or other `param_groups`
        for name, part in self.parts.items():
            (self.steps.get(name) or _unhooked_step(type(part)))(part)
        return loss

    def train(self) -> None:
        """Tell the parts that have such a method, as those without a schedule do, that training begins."""
        self._tell("train")

    def eval(self) -> None:
        """Tell the parts that have such a method that evaluation begins."""
        self._tell("eval")

    def _tell(self, what: str) -> None:
        self._share()  # the parts change the parameters of their groups, by their state
        for part in self.parts.values():
            if hasattr(part, what):
                getattr(part, what)()

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group to one of the parts.

        Args:
            param_group: As for any optimizer, with the name of the part under `optimizer`; the default part without.

        Raises:
            ConfigError: There is no such part.
            ValueError: The part refuses it, or has a parameter already; nothing was changed.
        """
        if any(param_group is group for part in self.parts.values() for group in part.param_groups):
            super().add_param_group(param_group)  # from the constructor
            return
        name = self._part_of(param_group)
        # torch checks some things, such as Muon's dimensions, only when it builds
        fresh = self._made(name, [param_group])
        (group,) = fresh.param_groups
        super().add_param_group(group)
        if name in self.parts:
            self.parts[name].add_param_group(group)
        else:
            self.parts[name] = fresh
        self.state.update(fresh.state)
        self._share()

    def _part_of(self, group: Mapping[str, Any]) -> str:
        name = group.get("optimizer", self._default)
        if name not in self._makers:
            names = list(self._makers)
            message = f"there is no such part.{did_you_mean(name, names)} There are {', '.join(names)}."
            raise ConfigError([Problem("optimizer", message, name)])
        return str(name)

    def _made(self, name: str, groups: list[dict[str, Any]]) -> Optimizer:
        part = self._makers[name](groups)
        if len(part.param_groups) != len(groups):
            message = f"made {len(part.param_groups)} groups of the {len(groups)} given: a part keeps its groups."
            raise ConfigError([Problem(f"OPTIMIZERS.{name}", message)])
        for group in part.param_groups:
            group["optimizer"] = name
        return part

    def _defaults(self, default: str) -> dict[str, Any]:
        parts = [self.parts[default], *self.parts.values()] if default in self.parts else list(self.parts.values())
        rates = [part.defaults["lr"] for part in parts if "lr" in part.defaults]
        # torch takes parameters that are no leaves where autograd goes through the step
        through = any(part.defaults.get("differentiable", False) for part in parts)
        return ({"lr": rates[0]} if rates else {}) | ({"differentiable": True} if through else {})

    def _share(self) -> None:
        """Give the parts the groups and the state that are here."""
        for name, part in self.parts.items():
            part.param_groups = self._groups_of(name)
            part.state = self.state

    def _groups_of(self, name: str) -> list[dict[str, Any]]:
        return [group for group in self.param_groups if group["optimizer"] == name]

    # Saving, copying and loading

    def __getstate__(self) -> dict[str, Any]:
        parts = {}
        for name, part in self.parts.items():
            own = part.__getstate__()
            parts[name] = type(part), {key: own[key] for key in own if key not in ("state", "param_groups")}
        return {**super().__getstate__(), "parts": parts, "_makers": self._makers, "_default": self._default}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        saved = state.pop("parts", None)
        if saved is None:  # load_state_dict brings groups and state only
            self._keep_parts(state["param_groups"])
            saved = {name: (type(part), {}) for name, part in self.parts.items()}
        else:
            state["parts"] = {name: cls.__new__(cls) for name, (cls, _) in saved.items()}
        super().__setstate__(state)
        for name, part in self.parts.items():
            groups = self._groups_of(name)
            members = [tensor for group in groups for tensor in group["params"] if tensor in self.state]
            # of its own parameters only: Adagrad's asks all that is there for its "step"
            own = defaultdict(dict, {tensor: self.state[tensor] for tensor in members})
            part.__setstate__({**saved[name][1], "state": own, "param_groups": groups})
            self.state.update(own)
        self._share()

    def _keep_parts(self, loaded: list[dict[str, Any]]) -> None:
        """Refuse groups that another part had: the state of one optimizer is nothing to another."""
        for number, (here, there) in enumerate(zip(self.param_groups, loaded, strict=True)):
            if there.setdefault("optimizer", here["optimizer"]) != here["optimizer"]:
                place = here.get("name", number)
                message = f"the loaded state is of this part, and the group {place} is {here['optimizer']}'s."
                raise ConfigError([Problem(f"param_groups[{number}].optimizer", message, there["optimizer"])])


def _unhooked_step(cls: type[Optimizer]) -> Callable[[Optimizer], Any]:
    """A class's step without what torch wraps around it: that runs hooks, the global ones too, once per part."""
    step: Any = cls.step
    return step.__wrapped__ if getattr(step, "hooked", False) else step  # type: ignore[no-any-return]  # torch's wrapper
