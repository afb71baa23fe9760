"""The plan: which parameter gets which settings, as a value that can be printed, saved and compared.

What several optimizers as one (`several` on a Config) need of it: a rule sends parameters to a part by
`SET: {OPTIMIZER: part}`, the Config answers `parts()`, `default_part` and `with_parts()`, settings are checked against
the part that a parameter ends in, and every group dict says its part under `optimizer`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

from ..errors import ConfigError, Problem
from ..optimizers.implementation import Step
from .deciding import Combination
from .grouping import Group
from .named import Parameters
from .selectors import kind_bits, kinds_of


@dataclass(frozen=True)
class RuleUse:
    """What became of a rule."""

    name: str
    """Its name in PARAM_GROUPS."""
    hits: int
    """Parameters that it matches."""
    shadowed: bool
    """Whether later rules overrule everything that it sets."""


@dataclass(frozen=True)
class Columns:
    """What a plan says of the parameters themselves; a column has an entry for each."""

    names: list[str]
    tied: dict[int, list[str]]
    shapes: list[tuple[int, ...]]
    owners: list[str]
    kinds: list[int]

    @classmethod
    def of(cls, parameters: Parameters) -> Columns:
        """The columns of parameters; a parameter without a name is called by its position."""
        shapes: dict[Any, tuple[int, ...]] = {}
        return cls(
            names=parameters.names if parameters.has_names else [f"[{i}]" for i in range(len(parameters))],
            tied={i: [name for name, _ in others] for i, others in parameters.tied.items()},
            shapes=[shapes.setdefault(tensor.shape, tuple(tensor.shape)) for tensor in parameters.tensors],
            owners=["" if owner is None else type(owner).__name__ for owner in parameters.owners],
            kinds=kind_bits(parameters),
        )


@dataclass(frozen=True)
class Row:
    """One parameter of a plan."""

    name: str
    """Its name without the parts that wrappers add; its position where it has none."""
    tied: tuple[str, ...]
    """Its further names."""
    shape: tuple[int, ...]
    """Its sizes."""
    owner: str
    """Class of the module that owns it; empty where it is unknown."""
    kinds: tuple[str, ...]
    """bias, norm, embedding, matrix, vector, scalar."""
    rules: tuple[str, ...]
    """The rules that match it, in order."""
    decided: Mapping[str, str]
    """By key the rule that decided it; of a factor all rules, joined with `*`."""
    group: Group | None
    """Its group with the final settings, None where it is frozen."""


@final
class Plan:
    """Which parameter gets which settings.

    Args:
        optimizer: NAME of the optimizer.
        rules: What became of each rule.
        groups: torch's groups.
        combinations: What is the same for many parameters, once each.
        column: Per parameter its combination.
        config: The Config with final rates; None in a plan that was read from a file.
        parameters: The parameters; None in a plan that was read from a file.
        columns: What was read from a file of the parameters.
        steps: What was read from a file of how steps are computed.
    """

    def __init__(
        self,
        optimizer: str,
        rules: tuple[RuleUse, ...],
        groups: list[Group],
        combinations: list[Combination],
        column: array[int],
        *,
        config: Any = None,
        parameters: Parameters | None = None,
        columns: Columns | None = None,
        steps: list[Step] | None = None,
    ) -> None:
        self.optimizer = optimizer
        self.rules = rules
        self.settings = groups
        self.combinations = combinations
        self.column = column
        self.config = config
        self._parameters = parameters
        self._columns = columns
        self._steps = steps

    @cached_property
    def columns(self) -> Columns:
        """Names, shapes, owners and kinds."""
        return self._columns if self._columns is not None else Columns.of(self.parameters)

    @property
    def parameters(self) -> Parameters:
        """The parameters.

        Raises:
            ConfigError: The plan was read from a file.
        """
        if self._parameters is None:
            message = "this plan was read from a file, and has no parameters to build with."
            raise ConfigError([Problem("", message)])
        return self._parameters

    def __len__(self) -> int:
        return len(self.column)

    def __iter__(self) -> Iterator[Row]:
        return map(self.row, range(len(self)))

    def row(self, position: int) -> Row:
        """One parameter."""
        columns, combination = self.columns, self.combinations[self.column[position]]
        return Row(
            name=columns.names[position],
            tied=tuple(columns.tied.get(position, ())),
            shape=columns.shapes[position],
            owner=columns.owners[position],
            kinds=tuple(kinds_of(columns.kinds[position])),
            rules=combination.rules,
            decided=combination.decided,
            group=None if combination.frozen else self.settings[combination.group],
        )

    def __getitem__(self, name: str) -> Row:
        """The parameter of a name.

        Raises:
            KeyError: There is none.
        """
        for position, first in enumerate(self.columns.names):
            if name == first or name in self.columns.tied.get(position, ()):
                return self.row(position)
        raise KeyError(name)

    def groups(self) -> list[dict[str, Any]]:
        """torch's list of group dicts. What is not in one is the optimizer's own.

        Raises:
            ConfigError: The configuration asks for what the parameters cannot have, or the plan was read from a file.
        """
        from .handing import group_dicts

        return group_dicts(self)

    @cached_property
    def steps(self) -> list[Step]:
        """Per group how its step is computed, and why.

        Raises:
            ConfigError: The configuration asks for what the parameters cannot have.
        """
        if self._steps is not None:
            return self._steps
        from .handing import decide_steps

        return decide_steps(self)

    @cached_property
    def members(self) -> list[list[int]]:
        """Per group the positions of its parameters."""
        members: list[list[int]] = [[] for _ in self.settings]
        for position, number in enumerate(self.column):
            group = self.combinations[number].group
            if group >= 0:
                members[group].append(position)
        return members

    def taken(self) -> list[tuple[str, Any]]:
        """Names and tensors of what is trainable before the plan, be it trained or frozen by a rule."""
        found = self.parameters
        return [pair for pair in zip(found.names, found.tensors, strict=True) if pair[1].requires_grad]

    def to_freeze(self) -> list[tuple[str, Any]]:
        """Names and tensors of what rules freeze and the model does not.

        Raises:
            ConfigError: The model is inside DistributedDataParallel already, which must not see parameters freeze.
        """
        found = self.parameters
        frozen = [i for i, number in enumerate(self.column) if self.combinations[number].frozen]
        change = [(found.names[i], found.tensors[i]) for i in frozen if found.tensors[i].requires_grad]
        if change:
            from torch.nn.parallel import DistributedDataParallel

            if any(isinstance(module, DistributedDataParallel) for _, module in found.modules()):
                message = (
                    f"freezes {change[0][0]}, and the model is inside DistributedDataParallel already. Call "
                    "scepter_opt.freeze(model, cfg.optimizer) before wrapping it."
                )
                raise ConfigError([Problem("PARAM_GROUPS", message)])
        return change

    def short(self) -> str:
        """The groups, a line each."""
        from .showing import short

        return short(self)

    def __str__(self) -> str:
        from .showing import text

        return text(self)

    def __rich__(self) -> Any:
        from .showing import table

        return table(self)

    def to_json(self) -> str:
        """The plan as JSON."""
        from .saving import to_json

        return to_json(self)

    @staticmethod
    def from_json(text: str) -> Plan:
        """A plan as it was saved, to look at and to compare; it builds nothing.

        Raises:
            ConfigError: The text is no plan.
        """
        from .saving import from_json

        return from_json(text)

    def diff(self, other: Plan) -> Any:
        """What differs in another plan, such as an earlier one: empty and false where nothing does."""
        from .saving import diff

        return diff(self, other)
