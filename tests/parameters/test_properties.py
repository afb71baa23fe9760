from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import scepter_opt
from scepter_opt import ConfigError

SETTINGS = settings(derandomize=True, deadline=None, max_examples=60)
NAMES = ["a", "b", "layers", "encoder", "encoder_proj", "head", "norm"]
LEAVES: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(2, 3),
    "norm": lambda: nn.LayerNorm(2),
    "embedding": lambda: nn.Embedding(3, 2),
    "conv": lambda: nn.Conv1d(1, 1, 1, bias=False),
}


def build(tree: Any) -> nn.Module:
    if isinstance(tree, str):
        return LEAVES[tree]()
    if isinstance(tree, list):
        return nn.Sequential(*map(build, tree))
    return nn.ModuleDict({name: build(child) for name, child in tree.items()})


leaves = st.sampled_from(sorted(LEAVES))
trees = st.dictionaries(
    st.sampled_from(NAMES),
    st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3)
            | st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=3)
        ),
        max_leaves=6,
    ),
    min_size=1,
    max_size=4,
)
wheres = st.fixed_dictionaries(
    {},
    optional={
        "NAMES": st.lists(st.sampled_from([*NAMES, "*", "*.bias", "*a*", "re:[01]"]), min_size=1, max_size=2),
        "KINDS": st.lists(st.sampled_from(["bias", "norm", "embedding", "matrix", "vector", "scalar"]), min_size=1),
        "MODULES": st.sampled_from(["Linear", "LayerNorm", "Module"]),
        "NDIM": st.integers(0, 3),
        "EXCEPT": st.fixed_dictionaries({"NAMES": st.sampled_from(NAMES)}),
    },
).filter(bool)
changes = st.fixed_dictionaries(
    {},
    optional={
        "LEARNING_RATE": st.sampled_from([0.1, 0.5]),
        "WEIGHT_DECAY": st.sampled_from([0.0, 0.01, 0.5]),
        "LR_MULT": st.sampled_from([0.1, 1.0, 10.0]),
        "WEIGHT_DECAY_MULT": st.sampled_from([0.0, 2.0]),
        "BETAS": st.just([0.5, 0.5]),
        "FREEZE": st.booleans(),
    },
)
rules = st.dictionaries(
    st.sampled_from(["r1", "r2", "r3", "r4"]),
    st.fixed_dictionaries({"WHERE": wheres, "SET": changes, "OPTIONAL": st.just(True)}),
    max_size=4,
)


def said(node: Any, parameters: Any) -> Any:
    """What every parameter gets, by name; the error's words where there is no plan."""
    try:
        plan = scepter_opt.plan(node, parameters)
    except ConfigError as error:
        return str(error)
    return {row.name: row.group and (row.group.name, row.group.settings, row.decided) for row in plan}


@SETTINGS
@given(trees, rules)
def test_every_trainable_parameter_is_in_exactly_one_group_with_every_setting(tree: Any, those: Any) -> None:
    model = build(tree)
    node = {"NAME": "AdamW", "PARAM_GROUPS": those}
    if isinstance(words := said(node, model), str):
        assert "frozen" in words
        return
    optimizer = scepter_opt.build_optimizer(model, node)
    groups = optimizer.param_groups
    assert sorted(id(p) for group in groups for p in group["params"]) == sorted(map(id, model.parameters()))
    reference = torch.optim.AdamW([nn.Parameter(torch.ones(1))]).param_groups[0].keys()
    assert all(group.keys() == reference | {"name", "rules", "settings", "param_names"} for group in groups)
    # groups of equal settings differ in what rules say of them, though it comes to the same
    kept = [{key: group[key] for key in group if key not in ("params", "param_names", "name")} for group in groups]
    assert all(kept.count(one) == 1 for one in kept)
    assert len({group["name"] for group in groups}) == len(groups)


@SETTINGS
@given(trees, rules, st.randoms(use_true_random=False))
def test_the_plan_is_the_same_for_any_order_of_parameters(tree: Any, those: Any, random: Any) -> None:
    nameable = {name: one for name, one in those.items() if not {"KINDS", "MODULES"} & one["WHERE"].keys()}
    node = {"NAME": "AdamW", "PARAM_GROUPS": nameable}
    pairs = list(build(tree).named_parameters())
    shuffled = random.sample(pairs, len(pairs))
    assert said(node, pairs) == said(node, shuffled)


def data_parallel(model: nn.Module) -> nn.Module:
    return nn.ModuleDict({"module": model})


def wrapped(part: str) -> Callable[[nn.Module], nn.Module]:
    def wrap(model: nn.Module) -> nn.Module:
        """Every module below is behind a module that holds it under `part`, as FSDP and checkpointing leave it."""
        for name, child in list(model.named_children()):
            holder = nn.Module()
            holder.add_module(part, wrap(child))
            model._modules[name] = holder
        return model

    return wrap


WRAPS: list[Callable[[Any], Any]] = [
    data_parallel,
    lambda model: data_parallel(data_parallel(model)),
    lambda model: torch.compile(model, backend="eager"),
    lambda model: torch.compile(data_parallel(model), backend="eager"),
    wrapped("_fsdp_wrapped_module"),
    wrapped("_checkpoint_wrapped_module"),
]


@SETTINGS
@given(trees, rules, st.sampled_from(range(len(WRAPS))))
def test_the_plan_is_the_same_for_wrapped_models(tree: Any, those: Any, which: int) -> None:
    node = {"NAME": "AdamW", "PARAM_GROUPS": those}
    model = build(tree)
    expected = said(node, model)
    names = [name for name, _ in model.named_parameters()]
    around = WRAPS[which](model)
    assert said(node, around) == expected
    by_name = {"NAME": "AdamW"}
    assert list(said(by_name, list(around.named_parameters()))) == names


@SETTINGS
@given(trees, rules)
def test_a_saved_plan_differs_in_nothing(tree: Any, those: Any) -> None:
    try:
        plan = scepter_opt.plan({"NAME": "AdamW", "PARAM_GROUPS": those}, build(tree))
    except ConfigError:
        return
    assert not plan.diff(scepter_opt.Plan.from_json(plan.to_json()))


@SETTINGS
@given(trees, rules)
def test_a_checked_config_is_checked_again_to_the_same(tree: Any, those: Any) -> None:
    config = scepter_opt.check({"NAME": "AdamW", "PARAM_GROUPS": those})
    assert scepter_opt.check(config) == config
    assert said(config, build(tree)) == said({"NAME": "AdamW", "PARAM_GROUPS": those}, build(tree))
