"""Hydra's nodes of torch's classes: each through `convert`, and built as Hydra would build it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt.conversion import convert
from scepter_opt.conversion.targets import kind_of
from tests.support import (
    SCHEDULER_KEYS,
    SCHEDULERS,
    TORCH_OPTIMIZERS,
    TORCH_SCHEDULERS,
    by_hand,
    keyword,
    make_model,
    tick,
)

KNOWN = [name for name in TORCH_OPTIMIZERS if name in scepter_opt.OPTIMIZERS.own_entries()]
KNOWN_SCHEDULERS = [name for name in TORCH_SCHEDULERS if name in SCHEDULERS]


def target(name: str, **keywords: Any) -> dict[str, Any]:
    return {"_target_": f"torch.optim.{name}", "_partial_": True, **keywords}


def scheduler_target(node: dict[str, Any]) -> dict[str, Any]:
    """A node of ours as Hydra's of torch's class, with its parts in a list."""
    keywords = {keyword(key): value for key, value in node.items() if key not in ("NAME", "SCHEDULERS")}
    parts = [scheduler_target(part) for part in node.get("SCHEDULERS", {}).values()]
    return target(
        f"lr_scheduler.{node['NAME']}", optimizer="???", **keywords, **({"schedulers": parts} if parts else {})
    )


@pytest.mark.parametrize("name", KNOWN)
def test_an_optimizer_has_the_groups_of_torch(name: str) -> None:
    keywords = {"lr": 0.02} if name != "Adafactor" else {"lr": 0.02, "d": 2.0}
    conversion = convert({"model": {"optimizer": target(name, params="${params}", **keywords)}})
    assert not conversion.unconverted
    model = make_model(name)
    ours = scepter_opt.build_optimizer(model, conversion.nodes["optimizer"])
    theirs = getattr(torch.optim, name)(list(model.parameters()), **keywords)
    (group,), (other,) = ours.param_groups, theirs.param_groups
    assert {key: group[key] for key in other if key != "params"} == {k: v for k, v in other.items() if k != "params"}


@pytest.mark.parametrize("name", KNOWN_SCHEDULERS)
def test_a_scheduler_runs_at_the_rates_of_torch_for_a_thousand_ticks(name: str) -> None:
    node = {"NAME": name, **SCHEDULER_KEYS[name]}
    if name == "OneCycleLR":
        node["TOTAL_STEPS"] = 1001
    conversion = convert({"scheduler": scheduler_target(node)})
    assert not conversion.unconverted
    seen = []
    made = conversion.nodes["lr_scheduler"]
    for make in (lambda o: scepter_opt.build_lr_scheduler(o, made), lambda o: by_hand(o, node)):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9)
        scheduler, rates = make(optimizer), []
        for step in range(1000):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            tick(scheduler, metric=max(0.5, 1.0 - 0.01 * step))
        seen.append(rates)
    assert seen[0] == seen[1]


def node_of(values: dict[str, Any]) -> Any:
    (node,) = convert(values).nodes.values()
    return node


def test_flags_become_the_implementation_and_without_one_it_is_torchs_choice() -> None:
    assert node_of({"optimizer": target("AdamW")})["IMPLEMENTATION"] == "torch"
    assert node_of({"optimizer": target("AdamW", fused=True)})["IMPLEMENTATION"] == "fused"
    assert node_of({"optimizer": target("AdamW", foreach=False)})["IMPLEMENTATION"] == "for_loop"


def test_interpolations_and_what_is_missing_stay_texts() -> None:
    conversion = convert({"lr": 0.1, "optimizer": target("SGD", lr="${lr}", momentum="???")})
    assert conversion.nodes["optimizer"] == {
        "NAME": "SGD",
        "IMPLEMENTATION": "torch",
        "LEARNING_RATE": "${lr}",
        "MOMENTUM": "???",
    }
    assert not conversion.unconverted
    assert conversion.notes[0].startswith("interpolations stay as they are")


def test_functions_of_hydra_become_import_paths() -> None:
    forms: list[Any] = [
        "tests.support.decay",
        {"_target_": "hydra.utils.get_method", "path": "tests.support.decay"},
        {"_target_": "tests.support.decay", "_partial_": True},
    ]
    nodes = [node_of({"scheduler": target("lr_scheduler.LambdaLR", lr_lambda=form)}) for form in forms]
    assert nodes == [{"NAME": "LambdaLR", "LR_LAMBDA": "tests.support.decay"}] * 3


def test_parts_are_named_by_their_classes_and_told_by_their_places() -> None:
    parts = [target("lr_scheduler.LinearLR"), target("lr_scheduler.LinearLR", total_iterz=4)]
    conversion = convert({"scheduler": target("lr_scheduler.SequentialLR", schedulers=parts, milestones=[4])})
    assert list(conversion.nodes["lr_scheduler"]["SCHEDULERS"]) == ["linear", "linear_2"]
    assert conversion.unconverted[0].key == "scheduler.schedulers[1].total_iterz"
    assert "Did you mean TOTAL_ITERS?" in conversion.report()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"optimizer": target("SGD", learning_rat=1)},
            "optimizer.learning_rat = 1: SGD has no such key. Did you mean LEARN",
        ),
        ({"optimizer": target("AdamX")}, "optimizer._target_ = 'torch.optim.AdamX': torch.optim has no such class"),
        (
            {"optimizer": {"_target_": "timm.optim.Lamb"}},
            "optimizer._target_ = 'timm.optim.Lamb': is no class of torch",
        ),
        ({"optimizer": target("SGD", params=[{"params": 1}])}, "optimizer.params: groups of parameters are rules here"),
        ({"optimizer": target("SGD", lr=-1)}, "optimizer.lr = -1: must be at least 0."),
        (
            {"scheduler": target("lr_scheduler.ChainedScheduler", schedulers=[{"_target_": "mine.Warmup"}])},
            "scheduler.schedulers[0]._target_ = 'mine.Warmup': is no scheduler of torch's",
        ),
        ({"scheduler": target("lr_scheduler.ChainedScheduler", schedulers=3)}, "scheduler.schedulers = 3: must be"),
    ],
)
def test_what_has_no_counterpart_is_told_in_torchs_words(values: dict[str, Any], message: str) -> None:
    assert convert(values).report().startswith(message)


def test_what_only_printed_is_a_note() -> None:
    conversion = convert({"scheduler": target("lr_scheduler.ExponentialLR", gamma=0.9, verbose=False)})
    assert not conversion.unconverted
    assert conversion.notes == ["scheduler.verbose is left out: it only printed."]


def test_a_call_of_ours_is_no_class_of_torchs() -> None:
    assert kind_of({"_target_": "scepter_opt.build_optimizer", "NAME": "SGD"}) is None
    assert kind_of({"_target_": "torch.optim.SGD"}) == "optimizer"
