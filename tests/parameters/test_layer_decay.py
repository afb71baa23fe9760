from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import nn

from scepter_opt import ConfigError
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


def blocks(count: int, **around: nn.Module) -> nn.ModuleDict:
    """A stem, blocks of one linear map each, and an end."""
    inner = nn.ModuleList(nn.Linear(2, 2, bias=False) for _ in range(count))
    return nn.ModuleDict({"stem": nn.Linear(2, 2, bias=False), "blocks": inner, **around})


def expected(count: int, d: float = 0.5) -> list[float]:
    """The rates of `blocks`, from the definition."""
    return [d ** (count + 1), *(d ** (count - i) for i in range(count))]


@pytest.mark.parametrize("depths", [(3, 3), (2, 4), (4, 2)])
@pytest.mark.parametrize("frozen", [True, False])
def test_towers_are_numbered_each_by_itself(depths: tuple[int, int], frozen: bool) -> None:
    towers = {
        name: blocks(depth, head=nn.Linear(2, 2)) for name, depth in zip(("teacher", "student"), depths, strict=True)
    }
    model = nn.ModuleDict({**towers, "proj": nn.Linear(2, 2)})
    model["teacher"].requires_grad_(not frozen)
    found = decayed(model)
    for (name, tower), depth in zip(towers.items(), depths, strict=True):
        rates_of = [found[f"{name}.{inner}"] for inner, _ in tower.named_parameters()]
        assert rates_of == [*expected(depth), 1.0, 1.0]
    assert found["proj.weight"] == 1.0


def test_a_teacher_deeper_in_another_module_is_a_tower_too() -> None:
    model = nn.ModuleDict({"student": blocks(2), "ema": nn.ModuleDict({"model": nn.ModuleDict({"net": blocks(3)})})})
    found = decayed(model)
    assert [found[f"ema.model.net.{name}"] for name, _ in blocks(3).named_parameters()] == expected(3)


def test_what_two_towers_share_by_tied_names_belongs_to_the_first() -> None:
    model = nn.ModuleDict({"shared": nn.Embedding(3, 2), "encoder": blocks(2), "decoder": blocks(4)})
    model["encoder"].stem = model["shared"]
    assert decayed(model)["shared.weight"] == 0.5**3


def test_a_stem_before_two_towers_is_not_guessed() -> None:
    model = nn.ModuleDict({"embed": nn.Linear(2, 2), "encoder": blocks(2), "decoder": blocks(4)})
    with pytest.raises(ConfigError, match=r"cannot tell of which tower embed.weight is the stem"):
        decayed(model)


@pytest.mark.parametrize("second", ["more_blocks", "inner"])
def test_towers_that_do_not_lie_in_modules_of_their_own_ask_for_layers(second: str) -> None:
    model = blocks(3)
    more = nn.ModuleList(nn.Linear(2, 2) for _ in range(2))
    model[second] = more if second == "more_blocks" else nn.ModuleDict({"list": more})
    with pytest.raises(ConfigError, match=r"two towers of blocks that do not lie in modules of their own.*LAYERS"):
        decayed(model)
    assert decayed(model, LAYERS=r"^blocks\.(\d+)")["stem.weight"] == 0.5**4


def test_numbered_layers_of_a_stem_or_a_head_are_no_tower() -> None:
    stem = nn.Sequential(nn.Conv1d(1, 1, 1), nn.BatchNorm1d(1), nn.ReLU(), nn.Conv1d(1, 1, 1))
    head = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    model = nn.ModuleDict({"conv_stem": stem, "blocks": blocks(5)["blocks"], "head": head})
    found = decayed(model)
    assert {found["conv_stem.0.weight"], found["conv_stem.1.bias"]} == {0.5**6}
    assert [found[f"blocks.{i}.weight"] for i in range(5)] == expected(5)[1:]
    assert {found[f"head.{i}.weight"] for i in (0, 2, 4)} == {1.0}


def test_layers_read_in_two_towers_number_each_by_itself() -> None:
    units = [nn.ModuleDict({f"unit{i}": nn.Linear(2, 2) for i in range(depth)}) for depth in (2, 3)]
    towers = [nn.ModuleDict({"stem": nn.Linear(2, 2), "units": unit}) for unit in units]
    found = decayed(nn.ModuleDict({"a": towers[0], "b": towers[1]}), LAYERS=r"unit(\d+)")
    assert [found[f"a.{n}.weight"] for n in ("stem", "units.unit0", "units.unit1")] == expected(2)
    assert [found[f"b.{n}.weight"] for n in ("stem", "units.unit0", "units.unit1", "units.unit2")] == expected(3)


class Told(nn.ModuleDict):
    """A model that knows its layers, as BEiT does."""

    def get_layer_id(self, name: str) -> Any:
        return int(name.split(".")[1]) + 1 if name.startswith("blocks") else 0 if name.startswith("stem") else 5


class Counted(Told):
    def get_num_layers(self) -> Any:
        return 4


@pytest.mark.parametrize("cls", [Told, Counted])
@pytest.mark.parametrize("end", [{}, {"head": nn.Linear(2, 2, bias=False)}])
def test_ids_of_get_layer_id_are_not_renumbered(cls: Any, end: Any) -> None:
    model = cls(dict(blocks(4, **end).items()))
    found = list(decayed(model, 0.9).values())
    assert found == pytest.approx([0.59049, 0.6561, 0.729, 0.81, 0.9, *([1.0] * len(end))])
    beside = nn.ModuleDict({"body": model, "head": nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))})
    assert decayed(beside, 0.9)["body.stem.weight"] == pytest.approx(0.59049)
    assert decayed(beside, 0.9)["head.1.weight"] == 1.0


def test_a_tower_beside_a_model_that_knows_its_layers_is_numbered_too() -> None:
    layers = nn.ModuleList(nn.ModuleDict({"fc": nn.Linear(2, 2)}) for _ in range(2))
    text = nn.ModuleDict({"stem": nn.Linear(2, 2), "layers": layers})
    found = decayed(nn.ModuleDict({"image": Counted(dict(blocks(4).items())), "text": text}))
    assert [found[f"text.{name}.weight"] for name in ("stem", "layers.0.fc", "layers.1.fc")] == expected(2)


def raising(*_: Any, **__: Any) -> Any:
    raise RuntimeError("not for you")


def of_two(one: Any, two: Any) -> Any:
    return one, two


def giving(value: Any) -> Any:
    return lambda *_, **__: value


WRONG: dict[str, tuple[str, Any, str]] = {
    "two arguments": ("get_layer_id", of_two, "get_layer_id fails: TypeError"),
    "None": ("get_layer_id", giving(None), r"get_layer_id\('stem.weight'\) gives None"),
    "too high": ("get_layer_id", giving(9), "gives 9: a whole number from 0 to 5 is needed"),
    "raising": ("get_layer_id", raising, "get_layer_id fails: RuntimeError: not for you"),
    "no count": ("get_num_layers", giving(None), r"get_num_layers\(\) gives None as the number of blocks"),
    "matcher of two arguments": ("group_matcher", of_two, "group_matcher fails: TypeError"),
    "matcher of None": ("group_matcher", giving(None), "gives None, which is not of timm's form"),
    "matcher of numbers": ("group_matcher", giving({"stem": 3}), "not of timm's form"),
    "broken matcher": ("group_matcher", giving({"stem": "("}), "not of timm's form"),
    "matching function": ("group_matcher", giving(raising), "not of timm's form"),
    "raising matcher": ("group_matcher", raising, "group_matcher fails"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_layer_is_an_error_with_the_rules_key(case: str) -> None:
    name, method, words = WRONG[case]
    cls: Any = type("Odd", (Counted,), {name: staticmethod(method)})
    with pytest.raises(ConfigError, match=words) as caught:
        decayed(cls(dict(blocks(4).items())))
    assert caught.value.problems[0].key == "optimizer.PARAM_GROUPS.r.SET.LAYER_DECAY"
