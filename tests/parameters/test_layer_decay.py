from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import nn

from tests.parameters.models import Net, plan, rates, rule


def decayed(model: Any, d: float = 0.5, **more: Any) -> dict[str, float]:
    return rates(plan({"r": rule({"NAMES": "*"}, {"LAYER_DECAY": d, **more})}, model, LEARNING_RATE=1.0))


def test_blocks_are_found_by_the_numbers_in_names() -> None:
    found = decayed(Net(depth=3))
    assert {found[name] for name in ("token", "embed.weight")} == {0.5**4}
    assert [found[f"encoder.{i}.mlp.2.weight"] for i in range(3)] == [0.5**3, 0.5**2, 0.5]
    assert {found[name] for name in ("encoder_proj.weight", "head.bias")} == {1.0}


def test_a_resnet_is_ordered_by_stage_and_block() -> None:
    model = nn.Module()
    model.conv1 = nn.Conv2d(1, 1, 1)
    for stage in (1, 2):
        setattr(model, f"layer{stage}", nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)))
    model.fc = nn.Linear(2, 2)
    found = decayed(model)
    names = ["conv1", "layer1.0", "layer1.1", "layer2.0", "layer2.1", "fc"]
    assert [found[f"{name}.weight"] for name in names] == [0.5**5, 0.5**4, 0.5**3, 0.5**2, 0.5, 1.0]


def test_layers_order_stages_and_blocks_as_a_tuple() -> None:
    model = nn.Module()
    model.stem = nn.Linear(2, 2)
    model.stages = nn.ModuleList(
        nn.ModuleDict({"downsample": nn.Linear(2, 2), "blocks": nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))})
        for _ in range(2)
    )
    found = decayed(model, LAYERS=[r"stages\.(\d+)\.blocks\.(\d+)", r"stages\.(\d+)"])
    names = ["stem", *(f"stages.{s}.{part}" for s in range(2) for part in ("downsample", "blocks.0", "blocks.1"))]
    assert [found[f"{name}.weight"] for name in names] == [0.5**k for k in (7, 6, 5, 4, 3, 2, 1)]


def test_a_tenth_block_comes_after_the_second() -> None:
    found = decayed(nn.Sequential(*(nn.Linear(1, 1) for _ in range(12))))
    assert [found[f"{i}.weight"] for i in range(12)] == [0.5 ** (12 - i) for i in range(12)]


def test_the_model_is_asked_for_its_layers() -> None:
    class Timm(Net):
        def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
            assert not coarse
            return {"stem": r"^token|embed", "blocks": [(r"^encoder\.(\d+)", None), (r"^encoder_proj", (99999,))]}

    class Beit(Net):
        def get_layer_id(self, name: str) -> int:
            block = re.match(r"encoder\.(\d+)", name)
            return int(block[1]) + 1 if block else 0 if name.startswith(("token", "embed")) else 3

    for model in (Timm(), nn.ModuleDict({"backbone": Timm()})):
        found = {name.removeprefix("backbone."): rate for name, rate in decayed(model).items()}
        assert (found["token"], found["encoder.0.attn.bias"], found["encoder.1.attn.bias"]) == (0.125, 0.25, 0.5)
        assert (found["encoder_proj.weight"], found["head.bias"]) == (0.5, 1.0)
    assert decayed(Beit())["encoder.0.attn.bias"] == 0.25


def test_a_rule_for_a_part_counts_the_blocks_of_that_part() -> None:
    model = nn.ModuleDict({"text": Net(depth=2), "image": Net(depth=4)})
    rules = {
        "text": rule({"NAMES": "text"}, {"LAYER_DECAY": 0.5}),
        "image": rule({"NAMES": "image"}, {"LAYER_DECAY": 0.1, "LR_MULT": 2}),
    }
    found = rates(plan(rules, model, LEARNING_RATE=1.0))
    assert (found["text.token"], found["text.encoder.1.attn.bias"]) == (0.125, 0.5)
    assert [found["image.token"], found["image.head.bias"]] == pytest.approx([2e-5, 2.0])


def test_layer_decay_multiplies_with_other_rules() -> None:
    rules = {
        "decay": rule({"NAMES": "*"}, {"LAYER_DECAY": 0.5}),
        "no_decay": rule({"KINDS": ["bias", "norm"]}, {"WEIGHT_DECAY": 0.0}),
        "head": rule({"NAMES": "head"}, {"LR_MULT": 10}),
    }
    row = plan(rules, LEARNING_RATE=1.0)["head.bias"]
    assert row.group is not None
    assert (row.group.learning_rate, row.group.weight_decay) == (10.0, 0.0)


def test_frozen_blocks_count() -> None:
    model = Net(depth=3)
    model.encoder[0].requires_grad_(False)
    assert decayed(model)["token"] == 0.5**4


@pytest.mark.parametrize("factor", [1e-4, 1.0])
def test_parameters_of_no_layer_are_left_out_of_none(factor: float) -> None:
    model = Net()
    model.late = nn.Parameter(torch.ones(2))
    assert decayed(model, factor).keys() == dict(model.named_parameters()).keys()
