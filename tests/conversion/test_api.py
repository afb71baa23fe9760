"""convert: what is found in a file, by its content, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from scepter_opt import ConfigError, check
from scepter_opt.conversion import convert

SGD = {"NAME": "SGD", "LEARNING_RATE": 0.1}


@pytest.mark.parametrize(
    "values",
    [
        SGD,
        {"OPTIMIZER": SGD},
        {"SOLVER": {"TRAIN": [{"OPTIMIZER": SGD}]}},
        {"SOLVER": {"OPTIMIZER": {"GENERATOR": SGD}}},
        {"optimizer": {"_target_": "torch.optim.SGD", "lr": 0.1}},
        {"anything": {"_target_": "torch.optim.sgd.SGD", "lr": 0.1, "_partial_": True}},
        {"_target_": "torch.optim.SGD", "lr": 0.1},
    ],
)
def test_a_source_is_told_by_its_content_wherever_it_stands(values: Any) -> None:
    conversion = convert(values)
    assert conversion.nodes == {"optimizer": {"NAME": "SGD", "IMPLEMENTATION": "torch", "LEARNING_RATE": 0.1}}
    check(conversion.nodes)


def test_several_of_a_kind_get_the_names_of_their_places() -> None:
    scheduler = {"NAME": "ExponentialLR"}
    values = {name: {"OPTIMIZER": SGD, "LR_SCHEDULER": dict(scheduler)} for name in ("GENERATOR", "CRITIC")}
    values["CRITIC"]["OPTIMIZER"] = dict(SGD)
    conversion = convert({"SOLVER": values})
    assert list(conversion.nodes) == ["optimizers", "lr_schedulers"]
    assert list(conversion.nodes["optimizers"]) == list(conversion.nodes["lr_schedulers"]) == ["GENERATOR", "CRITIC"]
    assert "ONLY" in conversion.report()


def test_two_of_one_name_get_their_whole_places() -> None:
    node = {"_target_": "torch.optim.SGD"}
    conversion = convert({"a": {"net": {"optimizer": node}}, "b": {"net": {"optimizer": dict(node)}}})
    assert list(conversion.nodes["optimizers"]) == ["a_net_optimizer", "b_net_optimizer"]


def test_what_a_scheduler_asks_of_its_optimizer_is_checked_too() -> None:
    cyclic = {"NAME": "CyclicLR", "BASE_LR": 0.01, "MAX_LR": 0.1}
    conversion = convert({"OPTIMIZER": {"NAME": "Adagrad"}, "LR_SCHEDULER": cyclic})
    assert [problem.key for problem in conversion.unconverted] == ["lr_scheduler.CYCLE_MOMENTUM"]
    noted = convert({"OPTIMIZER": {**SGD, "DAMPENING": 0.1}})
    assert not noted.unconverted
    assert noted.notes[0].startswith("optimizer.DAMPENING = 0.1: ")


HOLDS_ITSELF: dict[str, Any] = {}
HOLDS_ITSELF["again"] = HOLDS_ITSELF
BOMB: list[Any] = [0] * 10
for _ in range(8):
    BOMB = [BOMB] * 10
DEEP: Any = SGD
for _ in range(60):
    DEEP = {"OPTIMIZER": DEEP}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "holds nothing to convert. Looked for: SCEPTER's nodes"),
        ({"optimizer": {"NAME": "SGD"}}, "holds nothing to convert."),
        ({"lr": 0.1, "x": [1, None, {"y": "z"}]}, "holds nothing to convert."),
        ([SGD], "must be keys with values"),
        ("SGD", "must be keys with values"),
        (None, "must be keys with values"),
        (HOLDS_ITSELF, "is nested more than"),
        (DEEP, "is nested more than"),
        ({"OPTIMIZER": {**SGD, "X": BOMB}}, "holds more than 100000 values"),
    ],
)
def test_what_holds_nothing_to_convert_is_refused(values: Any, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        convert(values)
    assert refused.value.problems[0].message.startswith(message)


@pytest.mark.parametrize("value", [None, [], {}, "", 3, {1: 2}, [None], "${x}", True, float("nan"), {"_target_": 3}])
@pytest.mark.parametrize(
    "key", ["NAME", "LEARNING_RATE", "_target_", "lr", "optim", "optim_args", "lr_scheduler_kwargs", 5]
)
@pytest.mark.parametrize("source", ["OPTIMIZER", "optimizer", "arguments"])
def test_any_value_anywhere_is_converted_or_told(source: str, key: Any, value: Any) -> None:
    nodes: dict[str, Any] = {
        "OPTIMIZER": {**SGD},
        "optimizer": {"_target_": "torch.optim.SGD"},
        "arguments": {"lr_scheduler_type": "cosine", "learning_rate": 1},
    }
    nodes[source][key] = value
    conversion = convert(nodes)
    conversion.yaml()
    conversion.report()
