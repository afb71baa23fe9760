"""The rows of a plan: what is decided for each parameter, in columns, since there can be a hundred thousand."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..errors import ConfigError, Problem
from .grouping import Group
from .named_parameters import Parameters
from .resolution import Combination
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
    frozen: bool
    """Whether all that it matches is frozen now."""


@dataclass(frozen=True)
class ParameterColumns:
    """What a plan says of the parameters themselves; a column has an entry for each."""

    names: list[str]
    tied: dict[int, list[str]]
    shapes: list[tuple[int, ...]]
    owners: list[str]
    kinds: list[int]

    @classmethod
    def of(cls, parameters: Parameters) -> ParameterColumns:
        """The columns of parameters; a parameter without a name is called by its position."""
        # few different shapes for many parameters: equal ones are one object
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
    """By key the rule that decided it, for people; of a factor all rules, joined with `*`."""
    group: Group | None
    """Its group with the final settings, None where it is frozen and the optimizer cannot take it."""
    frozen: bool
    """Whether it is not trained now; once it is, it trains at the settings of its group."""


class Rows:
    """What is decided for each parameter.

    Args:
        optimizer: NAME of the optimizer.
        rules: What became of each rule.
        group_settings: What torch's groups get.
        combinations: What is the same for many parameters, once each.
        column: Per parameter its combination.
        parameters: The parameters; None where the rows were read from a file.
        columns: What was read from a file of the parameters.
    """

    def __init__(
        self,
        *,
        optimizer: str,
        rules: tuple[RuleUse, ...],
        group_settings: list[Group],
        combinations: list[Combination],
        column: array[int],
        parameters: Parameters | None = None,
        columns: ParameterColumns | None = None,
    ) -> None:
        self.optimizer = optimizer
        self.rules = rules
        self.group_settings = group_settings
        self.combinations = combinations
        self.column = column
        self._parameters = parameters
        self._columns = columns

    @cached_property
    def columns(self) -> ParameterColumns:
        """Names, shapes, owners and kinds."""
        # made when somebody looks: a build needs none of them
        return self._columns if self._columns is not None else ParameterColumns.of(self.parameters)

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
            decided={key: " * ".join(names) or "given" for key, names in combination.decided.items()},
            group=None if combination.left_out else self.group_settings[combination.group],
            frozen=combination.frozen,
        )

    def __getitem__(self, name: str) -> Row:
        """The parameter of a name.

        Raises:
            KeyError: There is none.
        """
        # people look up a few names: a table of a hundred thousand would cost every build more than it saves
        for position, first in enumerate(self.columns.names):
            if name == first or name in self.columns.tied.get(position, ()):
                return self.row(position)
        raise KeyError(name)

    @cached_property
    def members(self) -> list[list[int]]:
        """Per group the positions of its parameters."""
        members: list[list[int]] = [[] for _ in self.group_settings]
        for position, number in enumerate(self.column):
            group = self.combinations[number].group
            if group >= 0:
                members[group].append(position)
        return members
