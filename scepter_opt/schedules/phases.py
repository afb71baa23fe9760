"""What a phase can say: its keys, and what is wrong with them before any total is known."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Literal

from ..config.base import Readable
from ..config.fields import Length, Nested, NonNegative, Positive
from ..config.validation import validate
from ..errors import Problem, did_you_mean
from .curves import CURVES
from .lengths import Spans, span


class Clock(str, enum.Enum):
    """What a curve's ticks are counted from."""

    phase = "phase"
    schedule = "schedule"


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
        # null leaves a phase out, where a config can only be merged into
        given = {str(name): phase for name, phase in value.items() if phase is not None}
        if not given:
            return None, [Problem("", form, value)]
        phases: dict[str, Phase] = {}
        problems: list[Problem] = []
        for name, phase in given.items():
            found, wrong = _check_phase(phase, imports)
            problems += [problem.under(name) for problem in wrong]
            phases[name] = found
        if problems:
            return None, problems
        problems += [] if self.role == "inside" else _beginning(phases)
        return phases, problems + list(_sums(phases, self.role))


@dataclass(frozen=True)
class NamedPhases(Nested):
    """Phases under names: of settings, or of rules."""

    names: str
    """What the names are, for the messages."""

    def check(self, value: Any, owner: type, imports: bool | None) -> tuple[Any, list[Problem]]:
        if not isinstance(value, Mapping):
            return None, [Problem("", f"must be {self.names}.", value)]
        found: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, phases in value.items():
            if phases is not None:
                found[str(name)], wrong = Phases("beside").check(phases, owner, imports)
                problems += [problem.under(str(name)) for problem in wrong]
        return found, problems


@dataclass(kw_only=True, repr=False)
class Phase(Readable):
    """A curve of some length, or phases inside a phase. Keys that are not said are None."""

    CURVE: str | None = None
    """Shape of the phase."""
    PHASES: Annotated[Any, Phases("inside")] = None
    """Phases inside the phase, in place of a curve."""
    LENGTH: Annotated[Any, Spans()] = None
    """Length in ticks (500), as a share (5%) or in epochs (2 epochs); one phase may leave it out and takes the rest."""
    FROM: NonNegative | None = None
    """Factor at the start; by default where the phase before ended."""
    TO: NonNegative | None = None
    """Factor at the end."""
    FROM_VALUE: NonNegative | None = None
    """The start as the setting's own value, in place of a factor."""
    TO_VALUE: NonNegative | None = None
    """The end as the setting's own value, in place of a factor."""
    CLOCK: Clock | None = None
    """What the curve's ticks are counted from: the start of the phase or of the schedule."""
    POWER: Positive | None = None
    """Exponent of the share of the phase that is left."""
    TIMESCALE: Annotated[Any, Spans()] = None
    """Ticks, three times as many as which halve the factor; by default the ticks before the phase."""
    GAMMA: Positive | None = None
    """Factor of each drop."""
    EVERY: Annotated[Any, Spans()] = None
    """Length between drops."""
    AT: Annotated[Any, Spans(several=True)] = None
    """Lengths after which the drops come, increasing."""
    CYCLES: Length | None = None
    """Number of cycles in the phase."""
    LENGTH_MULT: Positive | None = None
    """Length of each cycle, as a factor of the one before."""
    DECAY: Positive | None = None
    """Start of each cycle, as a factor of the one before."""

    def keys(self) -> Iterator[str]:
        return (field.name for field in dataclasses.fields(self) if getattr(self, field.name) is not None)

    def __repr__(self) -> str:
        return f"Phase({', '.join(f'{key}={value!r}' for key, value in self.items())})"

    @property
    def shape(self) -> str:
        """Name of the curve; empty for one that holds phases."""
        return self.CURVE or ""


_ENDS = {
    "required": ("FROM", "FROM_VALUE", "TO", "TO_VALUE"),
    "optional": ("FROM", "FROM_VALUE", "TO", "TO_VALUE"),
    "follows": ("FROM", "FROM_VALUE"),
}
_REQUIRED = {"step": ("GAMMA",), "cosine_restarts": ("CYCLES",)}


def _check_phase(value: Any, imports: bool | None) -> tuple[Any, list[Problem]]:
    if not isinstance(value, Mapping):
        return None, [Problem("", "must be a phase: {CURVE: cosine, TO: 0.1, LENGTH: 500}.", value)]
    said = {key: item for key, item in value.items() if item is not None}
    curve, problems = said.get("CURVE"), []
    if "PHASES" in said:
        owner, allowed = "a phase that holds PHASES", ["PHASES", "LENGTH"]
    elif isinstance(curve, str) and curve in CURVES:
        owner = f"a phase of the curve {curve}"
        allowed = ["CURVE", "LENGTH", *_ENDS[CURVES[curve].to], "CLOCK", *CURVES[curve].keys]
    else:
        names = f"one of {', '.join(CURVES)}."
        missing = Problem("CURVE", f"is required: {names}")
        unknown = Problem("CURVE", f"must be {names}{did_you_mean(curve, list(CURVES))}", curve)
        problems.append(unknown if "CURVE" in said else missing)
        owner, allowed = "a phase", [field.name for field in dataclasses.fields(Phase)]
        said.pop("CURVE", None)
    known = {key: item for key, item in said.items() if key in allowed or key not in Phase.__dataclass_fields__}
    phase, found = validate(Phase, known, imports, {key: key for key in allowed}, owner)
    problems += found
    shape = "" if "PHASES" in said else str(curve)
    problems += [_stray(key, said[key], owner, shape, allowed) for key in said if key not in known]
    return phase, problems or list(_doubts(phase))


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
            yield Problem(end, f"give {end} or {end}_VALUE, not both.", phase[end])
    if not phase.shape:
        return
    if CURVES[phase.shape].to == "required" and "TO" not in phase and "TO_VALUE" not in phase:
        yield Problem("TO", f"is required: {phase.shape} ends there, as a factor (or TO_VALUE, as the value itself).")
    for key in _REQUIRED.get(phase.shape, ()):
        if key not in phase:
            yield Problem(key, f"is required by {phase.shape}.")
    if phase.shape == "step" and ("EVERY" in phase) == ("AT" in phase):
        yield Problem("EVERY", "step needs either EVERY or AT.")
    if phase.shape == "exponential":
        ends = [key for key in _ENDS["required"] if phase.get(key) == 0]
        yield from (Problem(key, "exponential never reaches 0: must be above it.", 0.0) for key in ends)
    if phase.shape == "constant" and len([key for key in _ENDS["optional"] if key in phase]) > 1:
        yield Problem("FROM", "constant has one value: give TO alone.", phase.get("FROM", phase.get("FROM_VALUE")))


def _beginning(phases: Mapping[str, Phase]) -> list[Problem]:
    """The first phase of all has nothing before it to begin at."""
    name, first = next(iter(phases.items()))
    if first.PHASES:
        return [problem.under(f"{name}.PHASES") for problem in _beginning(first.PHASES)]
    if first.shape == "constant" or "FROM" in first or "FROM_VALUE" in first:
        return []
    return [Problem(f"{name}.FROM", "is required in the first phase, unless it is constant: nothing comes before it.")]


def _sums(phases: Mapping[str, Phase], role: str) -> Iterator[Problem]:
    """What is wrong with the lengths together, whatever the total."""
    rest = [name for name, phase in phases.items() if takes_rest(phase)]
    if role == "leading":
        message = "is required here: the metric decides over the rest."
        yield from (Problem(f"{name}.LENGTH", message) for name in rest)
    elif len(rest) > 1:
        message = f"is left out, and by {rest[0]} too: only one phase can take the rest."
        yield Problem(f"{rest[1]}.LENGTH", message)
    spans = {name: span(phase.LENGTH) for name, phase in phases.items() if phase.LENGTH is not None}
    shares = {name: found.amount for name, found in spans.items() if found.unit == "share"}
    written = " + ".join(f"{float(100 * share):g}% ({name})" for name, share in shares.items())
    total = sum(shares.values(), Fraction(0))
    if total > 1:
        yield Problem("", f"{written} = {float(100 * total):g}%, more than the whole.")
    elif total == 1 and len(shares) < len(phases):
        left = ", ".join(name for name in phases if name not in shares)
        yield Problem("", f"{written} = 100%, and nothing is left for {left}.")
    elif total < 1 and len(shares) == len(phases) and role in ("schedule", "inside"):
        message = f"{written} = {float(100 * total):g}%, less than the whole: leave out one LENGTH to take the rest."
        yield Problem("", message)


def natural(phase: Phase) -> bool:
    """Whether a phase without a LENGTH is as long as the phases in it, all of which are written in ticks or epochs."""
    inner = phase.PHASES.values() if phase.PHASES else ()
    return bool(inner) and all(natural(p) if p.LENGTH is None else span(p.LENGTH).unit != "share" for p in inner)


def takes_rest(phase: Phase) -> bool:
    """Whether a phase is as long as the others leave it."""
    return phase.LENGTH is None and not natural(phase)
