"""Hybrid in configuration: its parts, the rules that send to them, and everything that is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hydra import compose, initialize
from torch import nn

import scepter_opt
from scepter_opt import ConfigError
from scepter_opt.components.user_classes import UserClasses
from tests.optimizers.hybrids import MATRICES, hybrid_node
from tests.support import make_model, scheduler_node

pytestmark = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has Muon since 2.9")


class Net(nn.Module):
    """Something of each: an embedding, hidden matrices, norms, a convolution, an output head."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.hidden = nn.Linear(4, 8)
        self.norm = nn.LayerNorm(8)
        self.convolution = nn.Conv1d(8, 8, 1)
        self.lm_head = nn.Linear(8, 10, bias=False)


def sends(part: str, **where: Any) -> dict[str, Any]:
    """A rule that sends parameters to a part."""
    return {"WHERE": where, "SET": {"OPTIMIZER": part}}


def node(**keys: Any) -> dict[str, Any]:
    """A Hybrid of Muon and AdamW."""
    return hybrid_node(IMPLEMENTATION="auto", **keys)


def with_parts(**parts: Any) -> dict[str, Any]:
    """A Hybrid with other parts, or others beside Muon and `rest`."""
    return node(OPTIMIZERS={**node()["OPTIMIZERS"], **parts})


def part_of(model: nn.Module, cfg: Any) -> dict[str, str]:
    """By name of a parameter the part that takes it."""
    return {row.name: row.group.part for row in scepter_opt.plan(cfg, model) if row.group is not None}


SGD = {"NAME": "SGD"}
CHECKED = [
    (node(OPTIMIZERS={}), "OPTIMIZERS", "must be named nodes"),
    (node(OPTIMIZERS=[SGD]), "OPTIMIZERS", "must be named nodes"),
    (node(OPTIMIZERS={1: SGD, "1": SGD}), "OPTIMIZERS.1", "two parts of this name"),
    (with_parts(**{"": SGD}), "OPTIMIZERS", "a part needs a name"),
    (with_parts(a=3), "OPTIMIZERS.a", "must be a node"),
    (with_parts(a={}), "OPTIMIZERS.a.NAME", "is required"),
    (with_parts(a={"NAME": "AdmaW"}), "OPTIMIZERS.a.NAME", "Did you mean AdamW"),
    (with_parts(a={"NAME": ["SGD"]}), "OPTIMIZERS.a.NAME", "there is no such optimizer"),
    (with_parts(a={"NAME": "StepLR"}), "OPTIMIZERS.a.NAME", "an entry of optimizer is needed"),
    (with_parts(a=node()), "OPTIMIZERS.a.NAME", "cannot be part of a Hybrid: name its parts here instead"),
    (with_parts(a={"NAME": "LBFGS", "LR": 1}), "OPTIMIZERS.a.NAME", "it evaluates the closure by itself"),
    (with_parts(a={**SGD, "LERNING_RATE": 1}), "OPTIMIZERS.a.LERNING_RATE", "Did you mean LEARNING_RATE"),
    (with_parts(a={**SGD, "MOMENTUM": -1}), "OPTIMIZERS.a.MOMENTUM", "at least 0"),
    (with_parts(a={**SGD, "ONLY": "x"}), "OPTIMIZERS.a.ONLY", "belongs on the Hybrid"),
    (with_parts(a={**SGD, "ALLOW_REST": True}), "OPTIMIZERS.a.ALLOW_REST", "belongs on the Hybrid"),
    (with_parts(a={**SGD, "PARAM_GROUPS": MATRICES}), "OPTIMIZERS.a.PARAM_GROUPS", "belongs on the Hybrid"),
    (
        with_parts(a={**SGD}) | {"DEFAULT": "rset"},
        "DEFAULT",
        "no such part. Did you mean rest? There are muon, rest, a.",
    ),
    ({key: value for key, value in node().items() if key != "DEFAULT"}, "DEFAULT", "is required"),
    (node(PARAM_GROUPS={"a": sends("moun", NDIM=2)}), "PARAM_GROUPS.a.SET.OPTIMIZER", "Did you mean muon"),
    (
        node(PARAM_GROUPS={"a": {"WHERE": {"NDIM": 2}, "SET": {"OPTIMIZER": "muon", "BETAS": [0.9, 0.9]}}}),
        "PARAM_GROUPS.a.SET.BETAS",
        "Muon has no such key",
    ),
    (
        node(PARAM_GROUPS={"a": {"WHERE": {"NDIM": 2}, "SET": {"BETASS": [0.9, 0.9]}}}),
        "PARAM_GROUPS.a.SET.BETASS",
        "no such key",
    ),
    (node(TENSOR_LR=True), "TENSOR_LR", "the part muon cannot have it: Muon takes no tensor"),
    (
        node() | {"IMPLEMENTATION": "fused"},
        "IMPLEMENTATION",
        "the part muon cannot have it: Muon has no fused",
    ),
]


@pytest.mark.parametrize(("cfg", "key", "message"), CHECKED)
def test_what_cannot_be_is_refused_by_check(cfg: Any, key: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        scepter_opt.check({"optimizer": cfg})
    (problem,) = caught.value.problems
    assert problem.key == f"optimizer.{key}"
    assert message in problem.message


TO_MUON = "PARAM_GROUPS.matrices.SET.OPTIMIZER"
PLANNED = [
    ({"matrices": sends("muon", NAMES="norm")}, TO_MUON, "Muon takes parameters of 2 dimensions, not norm.weight"),
    ({"matrices": sends("muon", NAMES="convolution")}, TO_MUON, "not convolution.weight (of 3)"),
    ({"matrices": sends("muon", NDIM=2)}, TO_MUON, "Muon takes an embedding such as embedding.weight only from a rule"),
    (
        {"table": {"WHERE": {"KINDS": "embedding"}, "SET": {"LR_MULT": 2}}, "matrices": sends("muon", NDIM=2)},
        TO_MUON,
        "only from a rule that names it",
    ),
    ({"matrices": sends("rest", NDIM=2)}, "OPTIMIZERS.muon", "no parameters end in this part"),
    ({"a": sends("muon", NAMES="hidden.weight"), "b": sends("rest", NAMES="*")}, "OPTIMIZERS.muon", "b sends"),
    (
        {"a": sends("muon", NAMES="hidden.weight"), "b": {"WHERE": {"NAMES": "*"}, "SET": {"BETAS": [0.5, 0.5]}}},
        "PARAM_GROUPS.b.SET.BETAS",
        "the parameters end in Muon. Muon has no such key.",
    ),
    (
        {"a": sends("muon", NAMES="hidden.weight"), "b": {"WHERE": {"NDIM": 2}, "SET": {"IMPLEMENTATION": "fused"}}},
        "PARAM_GROUPS.b.SET.IMPLEMENTATION",
        "Muon has no fused step",
    ),
]


@pytest.mark.parametrize(("rules", "key", "message"), PLANNED)
def test_what_cannot_be_is_refused_by_the_plan(rules: Any, key: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        scepter_opt.plan(node(PARAM_GROUPS=rules), Net())
    assert caught.value.problems[0].key == f"optimizer.{key}"
    assert message in caught.value.problems[0].message


def test_an_embedding_ends_in_muon_where_a_rule_sends_it_by_its_kind() -> None:
    for where in ({"KINDS": ["embedding"]}, {"NAMES": "embedding"}, {"MODULES": "Embedding"}):
        assert part_of(Net(), node(PARAM_GROUPS={"a": sends("muon", **where)}))["embedding.weight"] == "muon"


def test_a_default_part_that_cannot_take_what_is_left_is_named() -> None:
    rules = {"a": sends("rest", NDIM=[1, 3])}
    with pytest.raises(ConfigError, match=r"optimizer.DEFAULT = 'muon': Muon takes an embedding"):
        scepter_opt.plan(node(PARAM_GROUPS=rules, DEFAULT="muon", ONLY="*"), Net())


def test_the_default_part_may_be_empty_and_a_part_of_optional_rules() -> None:
    model = nn.Sequential(nn.Linear(3, 3, bias=False))
    optimizer: Any = scepter_opt.build_optimizer(model, node())
    assert list(optimizer.parts) == ["muon"]
    assert optimizer.defaults == {"lr": 0.02}
    more = nn.Parameter(torch.ones(3))
    optimizer.add_param_group({"params": [("more", more)], "optimizer": "rest"})
    assert optimizer.parts["rest"].param_groups[0]["lr"] == 0.005
    rules = {"none": {**sends("muon", NAMES="nothing"), "OPTIONAL": True}}
    assert set(part_of(model, node(PARAM_GROUPS=rules)).values()) == {"rest"}


def test_two_parts_may_be_of_one_class() -> None:
    parts = {"slow": {**SGD, "LEARNING_RATE": 0.1}, "fast": {**SGD, "LEARNING_RATE": 0.5, "MOMENTUM": 0.9}}
    cfg = node(OPTIMIZERS=parts, DEFAULT="slow", PARAM_GROUPS={"last": sends("fast", NAMES="2")})
    groups = scepter_opt.build_optimizer(make_model("SGD"), cfg).param_groups
    assert [(g["optimizer"], g["lr"], g["momentum"]) for g in groups] == [("slow", 0.1, 0.0), ("fast", 0.5, 0.9)]


def test_how_steps_are_computed_is_said_by_each_part_or_for_all() -> None:
    parts = {"one": {"NAME": "Adam", "IMPLEMENTATION": "fused"}, "two": {"NAME": "Adam"}}
    cfg = node(OPTIMIZERS=parts, DEFAULT="two", PARAM_GROUPS={"last": sends("one", NAMES="2")})
    optimizer: Any = scepter_opt.build_optimizer(make_model("SGD"), cfg | {"IMPLEMENTATION": "foreach"})
    flags = {group["optimizer"]: (group["foreach"], group["fused"]) for group in optimizer.param_groups}
    assert flags == {"one": (False, True), "two": (True, False)}
    assert all(part.defaults["fused"] is None for part in optimizer.parts.values())


def test_rates_are_tensors_in_the_parts_that_say_so_or_in_all() -> None:
    two = node(OPTIMIZERS={"one": SGD, "rest": SGD}, PARAM_GROUPS={"last": sends("one", NAMES="2")}, TENSOR_LR=True)
    for cfg, expected in ((two, [True, True]), (with_parts(rest={**SGD, "TENSOR_LR": True}), [True, False])):
        optimizer = scepter_opt.build_optimizer(make_model("SGD"), cfg)
        assert [isinstance(group["lr"], torch.Tensor) for group in optimizer.param_groups] == expected


def test_a_parts_scaling_comes_before_that_of_the_whole() -> None:
    cfg = with_parts(rest={"NAME": "AdamW", "LEARNING_RATE": 0.1, "LR_SCALING": {"BATCH_SIZE": 1024, "RULE": "sqrt"}})
    optimizer = scepter_opt.build_optimizer(make_model("SGD"), {**cfg, "LR_SCALING": {"BATCH_SIZE": 1024}})
    assert {group["optimizer"]: group["lr"] for group in optimizer.param_groups} == {"muon": 0.08, "rest": 0.2}


def test_group_dicts_name_their_parts_and_are_checked_against_them() -> None:
    model = make_model("SGD")
    matrices = [pair for pair in model.named_parameters() if pair[1].ndim == 2]
    others = [pair for pair in model.named_parameters() if pair[1].ndim != 2]
    cfg = node(PARAM_GROUPS={})
    groups = [{"params": matrices, "optimizer": "muon", "momentum": 0.5}, {"params": others}]
    made = scepter_opt.build_optimizer(groups, cfg).param_groups
    assert [(group["optimizer"], group.get("momentum")) for group in made] == [("muon", 0.5), ("rest", None)]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"optimizer": "moun"}, "Did you mean muon"),
        ({"optimizer": "muon", "betas": (0.9, 0.9)}, "Muon has no such key"),
        ({"optimizer": "muon", "momentum": -1}, "at least 0"),
    ]
    for keys, message in wrong:
        with pytest.raises(ConfigError, match=message):
            scepter_opt.build_optimizer([{"params": matrices, **keys}, {"params": others}], cfg)


def test_a_class_without_typed_keys_cannot_be_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UserClasses(), "entries", {})

    @scepter_opt.OPTIMIZERS.register_class("OpenPart")
    class OpenPart(scepter_opt.BaseOptimize):
        def __call__(self, parameters: Any) -> torch.optim.Optimizer:
            return torch.optim.SGD(parameters)

    with pytest.raises(ConfigError, match=r"OPTIMIZERS.a.NAME = 'OpenPart': cannot be part .* a nested Config"):
        scepter_opt.check(with_parts(a={"NAME": "OpenPart", "ANY": 1}))


@pytest.mark.parametrize("scheduler", ["CyclicLR", "OneCycleLR"])
def test_absolute_rates_keep_the_proportion_of_the_parts(scheduler: str) -> None:
    cfg = scheduler_node(scheduler)
    optimizer = scepter_opt.build_optimizer(make_model("SGD"), node())
    schedule = scepter_opt.build_lr_scheduler(optimizer, cfg)
    highest = {"rest": 0.0, "muon": 0.0}
    for _ in range(25):
        optimizer.step()
        schedule.step()
        rates = {group["optimizer"]: group["lr"] for group in optimizer.param_groups}
        assert rates["muon"] == pytest.approx(4 * rates["rest"])
        highest = {name: max(highest[name], rate) for name, rate in rates.items()}
    assert highest == pytest.approx({"rest": 0.1, "muon": 0.4})


@pytest.mark.parametrize("scheduler", ["CyclicLR", "OneCycleLR"])
def test_cycled_momentum_is_refused(scheduler: str) -> None:
    cfg = scheduler_node(scheduler, CYCLE_MOMENTUM=True)
    with pytest.raises(
        ConfigError, match=r"lr_scheduler.CYCLE_MOMENTUM = True: the parts of a Hybrid have no momentum"
    ):
        scepter_opt.check({"optimizer": node(), "lr_scheduler": cfg})
    optimizer = scepter_opt.build_optimizer(make_model("SGD"), node())
    with pytest.raises(ConfigError, match="cycle_momentum"):
        scepter_opt.build_lr_scheduler(optimizer, cfg)


@pytest.fixture
def hydra_app() -> Iterator[None]:
    """Hydra initialized without config files of its own."""
    with initialize(version_base="1.3", config_path=None):
        yield


@pytest.mark.usefixtures("hydra_app")
def test_muon_adamw_is_ready_to_use() -> None:
    cfg = compose(overrides=["+optimizer=muon_adamw", "optimizer.OPTIMIZERS.adamw.LEARNING_RATE=0.25"]).optimizer
    parts = part_of(Net(), cfg)
    assert {name for name, part in parts.items() if part == "muon"} == {"hidden.weight"}
    optimizer = scepter_opt.build_optimizer(Net(), cfg)
    assert [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups] == [(0.25, 0.1)] * 2
    assert optimizer.param_groups[1]["adjust_lr_fn"] == "match_rms_adamw"


@pytest.mark.usefixtures("hydra_app")
def test_parts_and_presets_are_chosen_on_the_command_line() -> None:
    overrides = ["+optimizer=muon_adamw", "optimizer@optimizer.OPTIMIZERS.adamw=adam"]
    cfg = compose(overrides=[*overrides, "param_groups@optimizer.PARAM_GROUPS=[muon,no_decay]"]).optimizer
    optimizer: Any = scepter_opt.build_optimizer(Net(), cfg)
    assert type(optimizer.parts["adamw"]) is torch.optim.Adam
    decays = {group["name"]: group["weight_decay"] for group in optimizer.param_groups}
    assert decays["no_decay"] == 0.0
    assert len(decays) == 3
