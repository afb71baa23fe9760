"""What the schemas refuse, check refuses too: whatever it accepts is green."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scepter_opt
from scepter_opt.components.registry import registries
from scepter_opt.config.coercion import json_schema
from scepter_opt.config.validation import Field, fields
from scepter_opt.parameters.rules import settable
from scepter_opt.parameters.where import SELECTORS, Where
from scepter_opt.schedules.curves import CURVES
from scepter_opt.schedules.phases import Phase
from tests import support
from tests.editors.schemas import problems

CONFIGS: dict[str, Any] = {
    name: entry.config for registry in registries() for name, entry in registry.own_entries().items()
}
KINDS = {name: registry.kind for registry in registries() for name in registry.own_entries()}
OPTIMIZERS = [name for name, kind in KINDS.items() if kind == "optimizer"]
SETTABLE = sorted({key for name in OPTIMIZERS for key in settable(CONFIGS[name])})
TEXTS = (
    """
1e-4|10e-5|-1e-3|.5|5.|+0.25|1E3|0|-0|0.0|2|1|1.0|0x1|1_0| 3 |inf|.nan|5%|100%|101%|0%|1e1%|2 epochs|1 epoch|0.5 epochs
500|0.05|1.5|-5%|5 steps|2 EPOCHS|true|False|yes|off|T|n|nope|auto|fused|step|linear|cosine|min||a.b.c|re:(|bias|norm
muon|adamw|default|no_weight_decay|blocks|blocks\\.(\\d+)|WHERE|${X}
""".strip()
    .replace("\n", "|")
    .split("|")
)
numbers = st.one_of(
    st.sampled_from([0, 1, 2, 3, 0.0, 1.0, 0.5, 0.1, 0.999, 1e-8, 200.0, -1, -0.8, -0.0, 1e4, 99, 100, 2**63]),
    st.integers(-3, 200),
    st.floats(0, 1),
    st.floats(),
)
leaves = st.one_of(st.none(), st.booleans(), numbers, st.sampled_from(TEXTS))
anything = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["A", "FROM", "WHERE", "CURVE"]), inner, max_size=2),
    ),
    max_leaves=4,
)


def fitting(field: Field) -> st.SearchStrategy[Any]:
    """Values of a key's type, most of them in its bounds, and some of any other."""
    schema = json_schema(field.annotation, field.infinite)
    typed = _of_type(schema, schema.get("$defs", {})) if field.nested is None else st.sampled_from([{}, None])
    return st.one_of(typed, typed, typed, anything)


def _of_type(schema: dict[str, Any], known: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _of_type(known[schema["$ref"].rpartition("/")[2]], known)
    if "anyOf" in schema:
        return st.one_of([_of_type(each, known) for each in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "prefixItems" in schema:
        return st.tuples(*(_of_type(each, known) for each in schema["prefixItems"])).map(list)
    if schema.get("type") == "array":
        return st.lists(_of_type(schema["items"], known), max_size=2)
    texts = st.sampled_from(TEXTS)
    by_type = {"null": st.none(), "boolean": st.one_of(st.booleans(), st.sampled_from([0, 1, "yes", "F", "off"]))}
    return by_type.get(schema.get("type", ""), texts if schema.get("type") == "string" else st.one_of(numbers, texts))


def some_of(keys: list[str], values: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(keys), values, max_size=most)


names = st.sampled_from(["no_decay", "head", "head", "default", "WHERE"])


where = st.fixed_dictionaries(
    {"NAMES": st.sampled_from(["*", ["a", "b.*"], "re:x"])},
    optional={key: fitting(fields(Where)[key]) for key in SELECTORS if key != "NAMES"},
)


def settings_of(keys: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """A SET of some of these keys, each with a value as the first class has it that knows it."""
    known = {key: each for name in reversed(OPTIMIZERS) for key, each in settable(CONFIGS[name]).items()}
    one = st.sampled_from(keys).flatmap(lambda key: st.tuples(st.just(key), fitting(known[key])))
    return st.lists(one, max_size=2).map(dict)


@st.composite
def phases(draw: st.DrawFn, depth: int = 0) -> Any:
    """Named phases, most of them with the keys of their curve."""
    found: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(["warmup", "stable", "decay"]), min_size=1, max_size=2, unique=True)):
        curve = draw(st.sampled_from(list(CURVES)))
        phase: dict[str, Any] = {"CURVE": curve, "TO": draw(st.sampled_from([0.5, "1e-2", 0.1]))}
        phase |= {"FROM": 0.9} if draw(st.booleans()) else {}
        if CURVES[curve].to == "follows":
            del phase["TO"]
        phase |= {
            key: draw(st.sampled_from([2, 0.5, "3", "5%"])) for key, of in CURVES[curve].keys.items() if of.required
        }
        phase |= {"EVERY": "10%"} if curve == "step" else {}
        phase |= {"LENGTH": draw(st.sampled_from([5, "10%", "2 epochs", 10.0, "20", 0]))} if draw(st.booleans()) else {}
        keys = [*CURVES[curve].phase_keys, *(Phase.__dataclass_fields__ if draw(st.integers(0, 4)) == 0 else [])]
        own = st.sampled_from(keys).flatmap(lambda key: st.tuples(st.just(key), fitting(fields(Phase)[key])))
        phase |= dict([draw(own)]) if draw(st.booleans()) else {}
        found[name] = phase
    if depth == 0 and draw(st.integers(0, 5)) == 0:
        found["inner"] = {"PHASES": draw(phases(depth=1)), "CURVE": None}
    return found


@st.composite
def nodes(draw: st.DrawFn, names_of: tuple[str, ...] = tuple(CONFIGS)) -> dict[str, Any]:
    """A node that is right but for a few keys, of any class."""
    name = draw(st.sampled_from(names_of))
    known = fields(CONFIGS[name])
    node: dict[str, Any] = {"NAME": name, **support.KEYS.get(name, {})}
    for key in draw(st.lists(st.sampled_from([key for key in known if key != "NAME"]), max_size=2, unique=True)):
        node[key] = draw(fitting(known[key]))
    if KINDS[name] == "optimizer" and draw(st.booleans()):
        own = [*settable(CONFIGS[name])] if draw(st.booleans()) else SETTABLE
        rule = st.fixed_dictionaries(
            {"WHERE": where}, optional={"SET": settings_of(own), "OPTIONAL": st.one_of(st.booleans(), leaves)}
        )
        node["PARAM_GROUPS"] = draw(st.dictionaries(names, rule, max_size=2))
    if KINDS[name] == "lr_scheduler":
        node |= {"FINISH": draw(finishes())} if draw(st.integers(0, 3)) == 0 else {}
        node |= {"PHASES": draw(phases())} if "PHASES" in known and draw(st.booleans()) else {}
        if "RULES" in known and draw(st.booleans()):
            by_setting = st.dictionaries(st.sampled_from(["WEIGHT_DECAY", "BETA1", "EPS", "X"]), phases(), max_size=1)
            node["SETTINGS"] = draw(by_setting)
            node["RULES"] = {"head": draw(st.one_of(phases(), st.fixed_dictionaries({"SETTINGS": by_setting})))}
    if draw(st.integers(0, 9)) == 0:
        node |= draw(some_of([key for key in (*known, "LEARNING_RAET", "lr") if key != "NAME"], anything, 1))
    return node


@st.composite
def finishes(draw: st.DrawFn) -> dict[str, Any]:
    """A curve to an end."""
    finish: dict[str, Any] = {"CURVE": draw(st.sampled_from(list(CURVES))), "TO": 0.1, "AT": draw(leaves)}
    return finish | draw(some_of(["LENGTH", "HOLD", "INCLUDE", "POWER", "TO_VALUE", "X", "FROM"], leaves, 2))


def accepted(node: Any) -> bool:
    """Whether check has nothing against a node."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scepter_opt.ConfigWarning)
        try:
            scepter_opt.check(node)
        except scepter_opt.ConfigError:
            return False
    return True


def assert_agreed(node: dict[str, Any]) -> None:
    kind = KINDS[node["NAME"]]
    red = problems(f"node.{kind}", node)
    if red:
        assert not accepted(node), red
    else:
        assert not problems("app", {kind: node, "deep": [node]})
        assert not problems(kind, {"defaults": ["_self_"], **node})


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@settings(max_examples=400, deadline=None, suppress_health_check=QUIET, derandomize=True)
@given(nodes())
def test_what_the_schemas_refuse_check_refuses(node: dict[str, Any]) -> None:
    assert_agreed(node)


@pytest.mark.long
@settings(max_examples=20_000, deadline=None, suppress_health_check=QUIET)
@given(nodes())
def test_what_the_schemas_refuse_check_refuses_at_length(node: dict[str, Any]) -> None:
    assert_agreed(node)
