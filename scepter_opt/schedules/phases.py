"""What a phase can say: its keys, and what is wrong with them before any total is known."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Literal, TypeVar

from ..config.base import Readable
from ..config.fields import Nested, NonNegative
from ..config.validation import validate
from ..errors import Problem, did_you_mean, text_of
from .curves import CURVES
from .lengths import Length, Lengths

P = TypeVar("P", bound=type)


class Clock(str, enum.Enum):
    """What a curve's ticks are counted from."""

    phase = "phase"
    schedule = "schedule"


class Include(str, enum.Enum):
    """Which ends of a curve are among a phase's ticks."""

    start = "start"
    end = "end"
    both = "both"
    neither = "neither"


def _with_keys_of_curves(cls: P) -> P:
    """Give a class the keys of all curves as fields, with their documentation."""
    # what make_dataclass makes neither pickles nor is known to mypy; annotations added here are fields as those that
    # are written
    cls.__documentation__ = {}  # type: ignore[attr-defined]  # config.documentation reads it beside the source
    for curve in CURVES.values():
        for name, key in curve.keys.items():
            several = key.length == "several"
            annotation = Annotated[Any, Lengths(several)] if key.length else key.type | None
            cls.__annotations__[name] = annotation
            cls.__documentation__[name] = key.documentation  # type: ignore[attr-defined]  # as above
            setattr(cls, name, None)
    return cls


@dataclass(kw_only=True, repr=False)
@_with_keys_of_curves
class Phase(Readable):
    """A curve of some length, or phases inside a phase. Keys that are not said are None; the curves' own come last."""

    CURVE: str | None = None
    """Shape of the phase."""
    PHASES: Annotated[Any, Phases("inside")] = None
    """Phases inside the phase, in place of a curve."""
    LENGTH: Annotated[Any, Lengths(above=False)] = None
    """Length in ticks (500), as a share (5%) or in epochs (2 epochs); one phase may leave it out and takes the rest."""
    FROM: NonNegative | None = None
    """Factor at the start; by default where the phase before ended, and 1 in the first phase."""
    TO: NonNegative | None = None
    """Factor at the end."""
    FROM_VALUE: NonNegative | None = None
    """The start as the setting's own value, in place of a factor."""
    TO_VALUE: NonNegative | None = None
    """The end as the setting's own value, in place of a factor."""
    INCLUDE: Include | None = None
    """Which ends of the curve are among the phase's ticks: start (the default), end, both or neither."""
    HOLD: Annotated[Any, Lengths()] = None
    """Length of stairs: the value at the beginning of each stretch holds for all of it."""
    CLOCK: Clock | None = None
    """What the curve's ticks are counted from: the start of the phase or of the schedule."""

    def keys(self) -> Iterator[str]:
        return (key for key in self.__dataclass_fields__ if getattr(self, key) is not None)

    def have(self, key: object) -> bool:
        return key in self.__dataclass_fields__ and getattr(self, str(key)) is not None

    def __repr__(self) -> str:
        return f"Phase({', '.join(f'{key}={value!r}' for key, value in self.items())})"

    @property
    def shape(self) -> str:
        """Name of the curve; empty for one that holds phases."""
        return self.CURVE or ""

    @property
    def left_out(self) -> bool:
        """Whether it is written with a LENGTH of 0, which leaves it out, with its FROM."""
        return isinstance(self.LENGTH, Length) and self.LENGTH.amount == 0


@dataclass(frozen=True)
class Phases(Nested):
    """Named phases, in order."""

    role: Literal["schedule", "inside", "beside", "leading"] = "schedule"
    """The whole schedule, inside a phase, beside the schedule (may be shorter), or before something else."""

    def check(self, value: Any, owner: type, imports: bool | None) -> tuple[Any, list[Problem]]:
        form = "must be named phases: {warmup: {CURVE: linear, FROM: 0, TO: 1, LENGTH: 5%}, ...}."
        if self.role == "leading" and value == {}:
            return {}, []
        if not isinstance(value, Mapping) or not value:
            return None, [Problem("", form, value)]
        if "CURVE" in value:
            return None, [Problem("", f"is one phase without a name; {form}")]
        phases: dict[str, Phase] = {}
        problems: list[Problem] = []
        for name, written in value.items():
            phase, wrong = check_phase(written, imports)
            problems += [problem.under(text_of(name)) for problem in wrong]
            phases[text_of(name)] = phase
        if problems:
            return None, problems
        # what is left out stays among the phases, for its place before the next, and is no part of any sum
        there = {name: phase for name, phase in phases.items() if not phase.left_out}
        if not there and self.role in ("schedule", "inside"):
            return None, [Problem("", f"all phases are left out; there {form}", value)]
        problems += [] if self.role == "inside" else _beginning(there)
        return phases, problems + list(_sums(there, self.role))


@dataclass(frozen=True)
class NamedPhases(Nested):
    """Phases under names: of settings, or of rules."""

    names: str
    """What the names are, for the messages."""
    settings: Nested | None = None
    """What checks the phases of other settings under a name, where there may be such."""

    def check(self, value: Any, owner: type, imports: bool | None) -> tuple[Any, list[Problem]]:
        if not isinstance(value, Mapping):
            return None, [Problem("", f"must be {self.names}.", value)]
        checked: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, phases in value.items():
            if phases is not None:
                checked[text_of(name)], wrong = self._check_one(phases, owner, imports)
                problems += [problem.under(text_of(name)) for problem in wrong]
        return checked, problems

    def _check_one(self, phases: Any, owner: type, imports: bool | None) -> tuple[Any, list[Problem]]:
        """The phases of one name, or {PHASES: the rate's, SETTINGS: those of other settings}."""
        # a rule's phases can be written at once, or as PHASES beside SETTINGS
        if self.settings is None or not isinstance(phases, Mapping) or not phases.keys() & {"PHASES", "SETTINGS"}:
            return Phases("beside").check(phases, owner, imports)
        checked: dict[str, Any] = {}
        problems = []
        for key, written in phases.items():
            nested = {"PHASES": Phases("beside"), "SETTINGS": self.settings}.get(key)
            if nested is None:
                problems.append(Problem(text_of(key), "a rule has no such key here. It has PHASES, SETTINGS.", written))
            elif written is not None:
                checked[key], wrong = nested.check(written, owner, imports)
                problems += [problem.under(key) for problem in wrong]
        return checked, problems


def check_phase(value: Any, imports: bool | None, without: tuple[str, ...] = ()) -> tuple[Any, list[Problem]]:
    """A Phase, and what is wrong with it; the keys `without` are none of its."""
    if value is None:  # leaves a phase out, where a config can only be merged into
        return Phase(CURVE="constant", LENGTH=Length(Fraction(0), "ticks")), []
    if not isinstance(value, Mapping):
        return None, [Problem("", "must be a phase: {CURVE: cosine, TO: 0.1, LENGTH: 500}.", value)]
    # null takes back a key that a recipe gave, and a key that there is not was never given
    said = {key: item for key, item in value.items() if item is not None or key not in Phase.__dataclass_fields__}
    curve, problems = said.get("CURVE"), []
    if "PHASES" in said:
        owner, allowed = "a phase that holds PHASES", ["PHASES", "LENGTH"]
    elif isinstance(curve, str) and curve in CURVES:
        owner = f"a phase of the curve {curve}"
        allowed = [key for key in CURVES[curve].phase_keys if key not in without]
    else:
        problems.append(_no_curve(curve, "CURVE" in said))
        owner, allowed = "a phase", [field.name for field in dataclasses.fields(Phase)]
        said.pop("CURVE", None)
    # a key of another curve is no misspelling: it is told apart, with what this curve has
    known = {key: item for key, item in said.items() if key in allowed or key not in Phase.__dataclass_fields__}
    phase, wrong = validate(Phase, known, imports, {key: key for key in allowed}, owner)
    shape = "" if "PHASES" in said else str(curve)
    problems += [*wrong, *(_stray(key, said[key], owner, shape, allowed) for key in said if key not in known)]
    return phase, problems or list(_doubts(phase))


def _no_curve(curve: Any, said: bool) -> Problem:
    names = f"one of {', '.join(CURVES)}."
    if said:
        return Problem("CURVE", f"must be {names}{did_you_mean(curve, list(CURVES))}", curve)
    return Problem("CURVE", f"is required: {names}")


def _stray(key: str, value: Any, owner: str, curve: str, allowed: list[str]) -> Problem:
    if key == "CURVE":
        return Problem(key, "a phase has a CURVE or PHASES, not both.", value)
    if key in ("TO", "TO_VALUE") and curve in CURVES:
        return Problem(key, f"{owner} has none: its end follows from {', '.join(CURVES[curve].keys)}.", value)
    return Problem(key, f"{owner} has no such key. It has {', '.join(allowed)}.", value)


def _doubts(phase: Phase) -> Iterator[Problem]:
    """What is wrong between keys each of which is right."""
    for end in ("FROM", "TO"):
        if end in phase and f"{end}_VALUE" in phase:
            yield Problem(end, f"give {end} or {end}_VALUE, not both; null takes back what a recipe gave.", phase[end])
    if phase.shape:
        yield from _missing(phase)
        yield from _doubts_of_curve(phase)


def _missing(phase: Phase) -> Iterator[Problem]:
    curve = CURVES[phase.shape]
    if curve.to == "required" and "TO" not in phase and "TO_VALUE" not in phase:
        yield Problem("TO", f"is required: {phase.shape} ends there, as a factor (or TO_VALUE, as the value itself).")
    for key, described in curve.keys.items():
        if described.required and key not in phase:
            yield Problem(key, f"is required by {phase.shape}.")


def _doubts_of_curve(phase: Phase) -> Iterator[Problem]:
    ends = [key for key in ("FROM", "FROM_VALUE", "TO", "TO_VALUE") if key in phase]
    if phase.shape == "step" and ("EVERY" in phase) == ("AT" in phase):
        yield Problem("EVERY", "step needs either EVERY or AT.")
    if phase.shape == "exponential":
        zeros = [key for key in ends if phase[key] == 0]
        yield from (Problem(key, "exponential never reaches 0: must be above it.", 0.0) for key in zeros)
    if phase.shape == "constant" and len(ends) > 1:
        yield Problem("FROM", "constant has one value: give TO alone.", phase.get("FROM", phase.get("FROM_VALUE")))


def _beginning(phases: Mapping[str, Phase]) -> list[Problem]:
    """The first phase of all begins at 1, which is no way to a factor of 1."""
    name, first = next(iter(phases.items()), ("", None))
    if first is None:
        return []
    if first.PHASES:
        there = {key: phase for key, phase in first.PHASES.items() if not phase.left_out}
        return [problem.under(f"{name}.PHASES") for problem in _beginning(there)]
    if CURVES[first.shape].to != "required" or first.get("TO") != 1 or "FROM" in first or "FROM_VALUE" in first:
        return []
    return [Problem(f"{name}.FROM", "is required: the first phase begins at 1 without it, and its TO is 1 too.")]


def _sums(phases: Mapping[str, Phase], role: str) -> Iterator[Problem]:
    """What is wrong with the lengths together, whatever the total."""
    rest = [name for name, phase in phases.items() if takes_rest(phase)]
    if role == "leading":
        message = "is required here: the metric decides over the rest."
        yield from (Problem(f"{name}.LENGTH", message) for name in rest)
    elif len(rest) > 1:
        message = f"is left out, and by {rest[0]} too: only one phase can take the rest."
        yield Problem(f"{rest[1]}.LENGTH", message)
    shares = {name: phase.LENGTH.amount for name, phase in phases.items() if _unit(phase) == "share"}
    yield from _sums_of_shares(shares, list(phases), role in ("schedule", "inside"))


def _sums_of_shares(shares: Mapping[str, Fraction], names: list[str], whole: bool) -> Iterator[Problem]:
    written = " + ".join(f"{float(100 * share):g}% ({name})" for name, share in shares.items())
    total = sum(shares.values(), Fraction(0))
    if total > 1:
        yield Problem("", f"{written} = {float(100 * total):g}%, more than the whole.")
    elif total == 1 and len(shares) < len(names):
        left = ", ".join(name for name in names if name not in shares)
        yield Problem("", f"{written} = 100%, and nothing is left for {left}.")
    elif 0 < total < 1 and len(shares) == len(names) and whole:
        message = f"{written} = {float(100 * total):g}%, less than the whole: leave out one LENGTH to take the rest."
        yield Problem("", message)


def _unit(phase: Phase) -> str:
    """What a phase's LENGTH counts; nothing where there is none, or it is fitted already."""
    return phase.LENGTH.unit if isinstance(phase.LENGTH, Length) else ""


def natural(phase: Phase) -> bool:
    """Whether a phase without a LENGTH is as long as the phases in it, all of which are written in ticks or epochs."""
    inner = phase.PHASES.values() if phase.PHASES else ()
    return bool(inner) and all(natural(part) if part.LENGTH is None else _unit(part) != "share" for part in inner)


def takes_rest(phase: Phase) -> bool:
    """Whether a phase is as long as the others leave it."""
    return phase.LENGTH is None and not natural(phase)
