"""Several optimizers as one: named parts, rules that send parameters to them, and one part for the rest."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from ..components.checking import inspect_named
from ..components.imported import remarks_on
from ..components.keywords import construct, target_class
from ..config.base import OpenConfig
from ..config.fields import Nested
from ..config.validation import fields
from ..errors import Problem, below, did_you_mean
from ..parameters.implementation import Implementation, check_implementations
from .base_optimizer import BaseOptimize, OptimizerConfig, idle_keys
from .registry import OPTIMIZERS

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from typing_extensions import Self

OF_THE_WHOLE = ("PARAM_GROUPS", "ONLY", "ALLOW_REST", "MISSING_STATE")
"""Keys that say which parameters there are, which is for the Hybrid to say."""


@dataclass(frozen=True)
class HybridParts(Nested):
    """Named nodes of optimizers."""

    def check(self, value: Any, owner: type, imports: bool | None) -> tuple[Any, list[Problem]]:
        if not isinstance(value, Mapping) or not value:
            return None, [Problem("", "must be named nodes: {muon: {NAME: Muon, ...}, adamw: {...}}.", value)]
        return inspect_named(value.items(), OPTIMIZERS, imports, _refusals)


def _refusals(_: int, node: Any, config: Any) -> Iterator[Problem]:
    """Why a node cannot be a part of a Hybrid."""
    name = node.get("NAME") if isinstance(node, Mapping) else None
    # one that is refused may have problems of its own, and then has no Config to ask
    component = config.component if config is not None else OPTIMIZERS.has(name) and OPTIMIZERS.entry(name).component
    reason = component.refused_in_hybrid if component else ""
    if reason:
        yield Problem("NAME", f"cannot be part of a Hybrid: {reason}.", name)
        return
    for key in OF_THE_WHOLE if isinstance(node, Mapping) else ():
        # an option's node has all keys, most of them at their defaults
        if node.get(key) and node[key] != fields(OptimizerConfig)[key].default:
            yield Problem(key, "belongs on the Hybrid that holds this node, and says what each part takes.")
    if isinstance(config, OpenConfig) and not config.unread:
        message = "cannot be part of a Hybrid, whose rules go by keys: give the class a nested Config."
        yield Problem("NAME", message, config.NAME)


@OPTIMIZERS.register_class()
class Hybrid(BaseOptimize):
    """Several optimizers as one, each for the parameters that rules send to it by SET: {OPTIMIZER: its name}."""

    target = "scepter_opt.runtime.hybrid.HybridOptimizer"
    # parts of parts would be a second way to write the same
    refused_in_hybrid = "name its parts here instead"

    @dataclass(kw_only=True)
    class Config(OptimizerConfig):
        several: ClassVar[bool] = True

        OPTIMIZERS: Annotated[Any, HybridParts()] = field(default_factory=dict)
        """Named nodes of the parts: {muon: {NAME: Muon, ...}, adamw: {NAME: AdamW, ...}}."""
        DEFAULT: str
        """Name of the part that takes what no rule sends elsewhere; absolute rates of schedulers are for its rate."""
        IMPLEMENTATION: Implementation = Implementation.auto
        """How the steps of those parts are computed that leave it at auto."""

        def parts(self) -> Mapping[str, Any]:
            parts = {}
            # what the Hybrid says of all holds for the parts that say nothing of their own
            for name, config in self.OPTIMIZERS.items():
                changes: dict[str, Any] = {}
                if isinstance(config, OpenConfig):  # of a class that is imported when it is built, with its keys
                    parts[name] = config
                    continue
                if self.IMPLEMENTATION is not Implementation.auto and config.IMPLEMENTATION is Implementation.auto:
                    changes["IMPLEMENTATION"] = self.IMPLEMENTATION
                if self.TENSOR_LR and not config.TENSOR_LR:
                    changes["TENSOR_LR"] = True
                parts[name] = dataclasses.replace(config, **changes) if changes else config
            return parts

        @property
        def default_part(self) -> str:
            return self.DEFAULT

        def with_parts(self, parts: Mapping[str, Any]) -> Self:
            return dataclasses.replace(self, OPTIMIZERS=dict(parts))

        def remarks(self) -> Iterator[Problem]:
            for name, config in self.OPTIMIZERS.items():
                idle = [] if isinstance(config, OpenConfig) else idle_keys(config, self.PARAM_GROUPS or {})
                for problem in [*remarks_on(config), *idle]:
                    is_rules = problem.key.startswith("PARAM_GROUPS.")
                    yield problem if is_rules else problem.under(f"OPTIMIZERS.{name}")

        def problems(self) -> Iterator[Problem]:
            names = list(self.OPTIMIZERS)
            if self.DEFAULT not in names:
                message = f"there is no such part.{did_you_mean(self.DEFAULT, names)} There are {', '.join(names)}."
                yield Problem("DEFAULT", message, self.DEFAULT)
            for name, config in self.parts().items():
                for problem in check_implementations(config) if config is not self.OPTIMIZERS[name] else ():
                    yield dataclasses.replace(problem, message=f"the part {name} cannot have it: {problem.message}")
            yield from super().problems()

    def __call__(self, parameters: Iterable[Any]) -> Optimizer:
        """Build the optimizer.

        Args:
            parameters: torch's list of group dicts, each with the name of its part under `optimizer`.
        """
        # makers, not parts: a part is built when it has groups, and again for groups that are added later
        makers = {name: partial(build_part, name, config) for name, config in self.cfg.parts().items()}
        optimizer: Optimizer = construct(target_class(self.target), parameters, makers, self.cfg.DEFAULT)
        return optimizer


def build_part(name: str, config: Any, groups: list[dict[str, Any]]) -> Optimizer:
    """The optimizer of a part. It has no logger, since the Hybrid keeps what builds its parts, and is pickled."""
    with below(f"OPTIMIZERS.{name}"):
        optimizer: Optimizer = config.component(config)(groups)
    return optimizer
