from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest
from torch import nn

import scepter_opt
from scepter_opt import ConfigError
from scepter_opt.parameters.modules import own_parameters, walk
from tests.parameters.models import Net, names, plan, rule


def lines(task: Any) -> int:
    """How many lines of the package a call runs."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if "scepter_opt" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        task()
    finally:
        sys.settrace(before)
    return count


def nested(depth: int) -> nn.Module:
    module: nn.Module = nn.Linear(2, 2)
    for _ in range(depth):
        module = nn.Sequential(module, module)
    return module


def test_names_and_order_are_torchs() -> None:
    for model in (Net(), nested(3), nn.ModuleDict({"b": nn.Linear(1, 1), "a": nn.LSTM(1, 1)})):
        assert [name for name, _ in walk(model)] == [name for name, _ in model.named_modules(remove_duplicate=False)]
        assert [(name, id(tensor)) for name, tensor, _ in own_parameters(model)] == [
            (name, id(tensor)) for name, tensor in model.named_parameters(remove_duplicate=False)
        ]


def test_a_module_shared_on_each_of_many_levels_is_walked_in_linear_time() -> None:
    shallow, deep = (lines(lambda depth=depth: plan({}, nested(depth))) for depth in (30, 60))
    assert deep < 2.5 * shallow
    assert len(plan({}, nested(40))) == 2


def test_a_shared_module_is_found_by_any_of_its_names() -> None:
    model = nn.ModuleDict({"layers": nn.ModuleList([nn.Linear(1, 1)] * 24)})
    for place in (0, 11, 23):
        assert names(plan({"it": rule({"NAMES": f"layers.{place}"})}, model), "it") == [
            "layers.0.weight",
            "layers.0.bias",
        ]


def test_a_module_that_holds_itself_is_refused() -> None:
    model = nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.ModuleDict()})
    inner: Any = model["b"]
    inner["again"] = model
    with pytest.raises(ConfigError, match=r"a module holds itself, at b.again"):
        plan({}, model)


def test_a_deep_model_does_not_hold_itself() -> None:
    model: nn.Module = nn.Linear(1, 1)
    for _ in range(300):
        model = nn.Sequential(model)
    assert len(plan({}, model)) == 2


@pytest.mark.parametrize("wrapper", ["_orig_mod", "_forward_module", "_original_module", "module"])
def test_what_wraps_a_model_is_no_part_of_a_name(wrapper: str) -> None:
    model = nn.ModuleDict({wrapper: Net()})
    assert [row.name for row in plan({}, model)] == [row.name for row in plan({})]


def test_thousands_of_rules_take_linear_time() -> None:
    def planned(count: int) -> int:
        model = nn.ModuleDict({f"m{i}": nn.Linear(1, 1, bias=False) for i in range(count)})
        rules = {f"r{i}": rule({"NAMES": f"m{i}"}, {"LR_MULT": 1 + i / 10}) for i in range(count)}
        node = {"NAME": "SGD", "PARAM_GROUPS": rules}
        scepter_opt.plan(node, model)
        return lines(lambda: scepter_opt.plan(node, model))

    assert planned(400) < 2.3 * planned(200)


@pytest.mark.parametrize("pattern", ["m1", "m1.*", "m[12].weight", "*1.weight", "re:^m1", "m?.weight", "m"])
def test_many_rules_match_as_a_few_do(pattern: str) -> None:
    model = nn.ModuleDict({f"m{i}": nn.Linear(1, 1, bias=False) for i in range(12)})
    model["tied"] = model["m1"]
    rules = {"it": rule({"NAMES": pattern}, OPTIONAL=True)}
    many = rules | {f"r{i}": rule({"NAMES": "m0"}) for i in range(30)}
    assert names(plan(many, model), "it") == names(plan(rules, model), "it")
