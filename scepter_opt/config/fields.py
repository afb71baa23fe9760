"""The annotated types that keys are declared with: plain types to OmegaConf, with their bounds to pydantic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

if TYPE_CHECKING:
    from ..errors import Problem


@dataclass(frozen=True)
class CheckedAs:
    """The true type of a key for which OmegaConf can only declare a wider one."""

    type: Any


class Nested:
    """A key whose value is checked by code of its own, with problems at keys below it."""

    def check(self, value: Any, owner: type, imports: bool | None) -> tuple[Any, list[Problem]]:
        """The checked value and the problems, with keys relative to this one.

        Args:
            value: What the node holds, in plain Python.
            owner: The Config class that the key belongs to.
            imports: Whether import paths are resolved now (True), later (None) or refused (False).
        """
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value, for editors; empty is anything."""
        return {}


@dataclass(frozen=True)
class Later(Nested):
    """A Nested that is imported when there is something to check, so that composing does not wait for it."""

    path: str

    def check(self, value: Any, owner: type, imports: bool | None) -> tuple[Any, list[Problem]]:
        if isinstance(value, Mapping) and not value:
            return {}, []
        from .imports import resolve

        nested: Nested = resolve(self.path)()
        return nested.check(value, owner, imports)


@dataclass(frozen=True)
class Bounds:
    """The range of a number. annotated_types' marks do as well, and take as long to import as all of this package."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None


@dataclass(frozen=True)
class Import:
    """Marks a text as the import path of a callable, `package.module.function`."""


NonNegative = Annotated[float, Bounds(ge=0)]
"""A number of at least 0."""
Positive = Annotated[float, Bounds(gt=0)]
"""A number above 0."""
Fraction = Annotated[float, Bounds(ge=0, le=1)]
"""A number from 0 to 1."""
Beta = Annotated[float, Bounds(ge=0, lt=1)]
"""A decay rate of a running average: from 0 to below 1."""
Betas = tuple[Beta, Beta]
"""The decay rates of the first and the second moment."""

# Composition takes any number, so that 200.0 passes for 200; the check asks for a whole one.
WholeFromZero = Annotated[int | float, CheckedAs(Annotated[int, Bounds(ge=0)])]
"""A whole number of at least 0; a whole float such as 200.0 counts."""
WholeFromOne = Annotated[int | float, CheckedAs(Annotated[int, Bounds(ge=1)])]
"""A whole number of at least 1, such as a number of ticks (scheduler steps or epochs)."""
OptionalWholeFromOne = Annotated[int | float | None, CheckedAs(Annotated[int, Bounds(ge=1)] | None)]
"""A WholeFromOne, or null."""

Numbers = Annotated[Any, CheckedAs(float | list[float])]
"""A number for every group, or a list with one number per group."""
Texts = Annotated[Any, CheckedAs(str | list[str] | None)]
"""A text or several, or null."""
ImportPath = Annotated[str, Import()]
"""Import path of a callable, such as `my_project.schedules.decay`."""
ImportPaths = Annotated[Any, CheckedAs(ImportPath | list[ImportPath])]
"""Import path of a callable, or a list with one per group."""


def metadata(annotation: Any) -> Iterator[Any]:
    """What stands in the Annotated layers of a type, `CheckedAs` followed to its true type."""
    for mark in getattr(annotation, "__metadata__", ()):
        yield mark
        if isinstance(mark, CheckedAs):
            yield from metadata(mark.type)
    for argument in getattr(annotation, "__args__", ()) or ():
        yield from metadata(argument)
