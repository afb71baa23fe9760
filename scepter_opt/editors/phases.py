"""Phases, curve by curve: each has the keys that the table of curves gives it."""

from __future__ import annotations

from collections.abc import Iterable

from ..components.registry import registry
from ..config.validation import fields
from ..lr_schedulers.pairing import settings_of
from ..schedules.curves import CURVES, Curve
from ..schedules.finishing import CURVES as ENDING
from ..schedules.finishing import KEYS as FINISHING
from ..schedules.finishing import Finish
from ..schedules.lengths import FORMS, Lengths
from ..schedules.phases import Phase
from . import texts
from .definitions import Definitions
from .keys import closed, mapping, properties
from .values import Schema, choice, deferrable, documented, nullable

_PHASES = "Must be named phases: {warmup: {CURVE: linear, FROM: 0, TO: 1, LENGTH: 5%}, ...}."
_ENDS = {
    "required": "goes to TO",
    "optional": "stays at TO, or where it stands",
    "follows": "ends where its keys say",
}


def length(mark: Lengths) -> Schema:
    """A length, or a list of them."""
    message = f"Must be {FORMS}."
    above: Schema = {"exclusiveMinimum": 0} if mark.above else {"minimum": 0}
    one = deferrable(
        {
            "type": ["integer", "string"],
            **above,
            "pattern": texts.length(above=mark.above),
            "errorMessage": message,
        }
    )
    if not mark.several:
        return one
    return deferrable({"type": "array", "items": one, "minItems": 1, "errorMessage": "Must be a list of lengths."})


def phases(definitions: Definitions) -> Schema:
    """Named phases; null leaves one out."""
    return definitions.named("phases", lambda: mapping(_named(_phase(definitions)), _PHASES))


def settings(definitions: Definitions) -> Schema:
    """Phases by the optimizer's keys."""

    def make() -> Schema:
        configs = [entry.config for entry in registry("optimizer").entries().values()]
        known = dict.fromkeys(key for config in configs if config for key in settings_of(config))
        each = nullable(phases(definitions))
        # of a class without a Config nobody knows the settings
        others: Schema = _named(each) if None in configs else closed(dict.fromkeys(known, each), "An optimizer")
        return mapping(others, "Must be settings of the optimizer with their phases: {WEIGHT_DECAY: {...}}.")

    return definitions.named("settings", make)


def rules(definitions: Definitions) -> Schema:
    """Phases by the rules of PARAM_GROUPS: at once, or as PHASES beside SETTINGS."""

    def make() -> Schema:
        inner = {"PHASES": nullable(phases(definitions)), "SETTINGS": nullable(settings(definitions))}
        in_parts = {"if": {"type": "object", "anyOf": [{"required": [key]} for key in inner]}}
        rule = {**in_parts, "then": closed(inner, "A rule"), "else": phases(definitions)}
        return mapping(_named(nullable(rule)), "Must be rules of PARAM_GROUPS with their phases: {head: {...}}.")

    return definitions.named("phases_of_rules", make)


def finish(definitions: Definitions) -> Schema:
    """A curve with its end and its length, and where it begins."""

    def make() -> Schema:
        own = [key for key in FINISHING if key != "CURVE"]
        return mapping(
            _by_curve(Finish, ENDING, own, "FINISH", definitions),
            "Must be a curve to an end: {CURVE: one_minus_sqrt, TO: 0, LENGTH: 10%}.",
        )

    return definitions.named("FINISH", make)


def _phase(definitions: Definitions) -> Schema:
    def make() -> Schema:
        held = {key: each for key, each in properties(Phase, definitions).items() if key in ("PHASES", "LENGTH")}
        by_curve = _by_curve(Phase, CURVES, None, "A phase", definitions)
        # null takes back a curve that a recipe gave
        holding = closed({**_taken_back(), **held}, "A phase that holds PHASES")
        inside = {"type": "object", "required": ["PHASES"], "properties": {"PHASES": {"not": {"type": "null"}}}}
        return nullable(
            mapping({"if": inside, "then": holding, "else": by_curve}, "Must be a phase: {CURVE: cosine, TO: 0.1}.")
        )

    return definitions.named("phase", make)


def _by_curve(keys: type, curves: Iterable[str], own: list[str] | None, owner: str, definitions: Definitions) -> Schema:
    """One branch for each curve, and one for where another file says which it is.

    Args:
        keys: The dataclass that has the keys of all curves.
        curves: The curves that can stand here.
        own: The keys beside the curve's own; None for those that a phase of the curve has.
        owner: What has the keys, for the messages.
        definitions: Where the schemas are kept.
    """
    every = properties(keys, definitions)
    names = list(curves)
    curve = definitions.shared("CURVE", _curve(names))
    branches: list[Schema] = []
    for name in names:
        allowed = CURVES[name].phase_keys if own is None else [*own, *CURVES[name].keys]
        there = {key: every[key] for key in allowed if key in every} | {"CURVE": curve}
        branch = closed({**_taken_back(), **there}, f"{owner} of the curve {name}")
        branches.append({"if": _is_curve({"const": name}), "then": branch})
    beside = [*FINISHING, *(key for name in names for key in CURVES[name].keys)] if own is not None else list(every)
    unknown = {key: every[key] for key in beside if key in every} | {"CURVE": curve}
    known = _is_curve({"enum": names})
    # a curve that is none is the one problem: what its keys would be nobody knows
    misspelt = _is_curve({"not": {"anyOf": [{"type": "null"}, {"pattern": texts.DEFERRED, "type": "string"}]}})
    rest = {"if": {"not": {"anyOf": [known, misspelt]}}, "then": closed(unknown, owner)}
    return {"properties": {"CURVE": nullable(curve)}, "allOf": [*branches, rest]}


def _is_curve(schema: Schema) -> Schema:
    return {"required": ["CURVE"], "properties": {"CURVE": schema}}


def _curve(names: list[str]) -> Schema:
    described = [_described(CURVES[name]) for name in names]
    return documented(choice(names, about=described), "Shape of the phase.", "")


def _described(curve: Curve) -> str:
    """What a curve is, and how it ends."""
    own = ", ".join(key + " (required)" * about.required for key, about in curve.keys.items())
    first = str(curve.make.__doc__ or "").partition("\n")[0]
    return f"{first} It {_ENDS[curve.to]}." + (f" Keys: {own}." if own else "")


def _taken_back() -> dict[str, Schema]:
    """Keys that this curve has not, which may be null: so one takes back what a recipe says for its own curve."""
    return {key: {"type": "null", "doNotSuggest": True, "errorMessage": "This phase has no such key."} for key in _KEYS}


_KEYS = list(fields(Finish))


def _named(schema: Schema) -> Schema:
    return {"additionalProperties": schema}
