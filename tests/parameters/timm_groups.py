"""Prints timm's parameter groups and the plan's as JSON, by model and parameter. Run in an environment with timm."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf

import scepter_opt

PRESETS = Path(__file__).parents[2] / "conf" / "param_groups"


def import_timm() -> tuple[Any, Any]:
    # torchvision from PyPI is a CUDA build: without its operators' schemas its import fails
    library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]  # torch's own gap
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return import_module("timm"), import_module("timm.optim")


def preset(name: str) -> dict[str, Any]:
    return OmegaConf.to_container(OmegaConf.load(PRESETS / f"{name}.yaml"))  # type: ignore[return-value]  # a mapping


def ours(model: Any, rules: dict[str, Any]) -> dict[str, list[float]]:
    plan = scepter_opt.plan({"NAME": "AdamW", "LEARNING_RATE": 1.0, "WEIGHT_DECAY": 0.05, "PARAM_GROUPS": rules}, model)
    return {row.name: [row.group.learning_rate, row.group.weight_decay] for row in plan if row.group}


def theirs(model: Any, groups: list[dict[str, Any]]) -> dict[str, list[float]]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        names[id(parameter)]: [group.get("lr_scale", 1.0), group["weight_decay"]]
        for group in groups
        for parameter in group["params"]
    }


def compared(timm: Any, optim: Any, name: str) -> dict[str, list[dict[str, list[float]]]]:
    """By way of grouping the plan's rates and decays, and timm's."""
    model = timm.create_model(name, pretrained=False)
    keys = {
        "weight_decay": 0.05,
        "no_weight_decay_list": model.no_weight_decay() if hasattr(model, "no_weight_decay") else (),
    }
    no_decay = preset("no_decay")
    by_layer = optim.param_groups_layer_decay(model, layer_decay=0.75, **keys)
    return {
        "no_decay": [ours(model, no_decay), theirs(model, optim.param_groups_weight_decay(model, **keys))],
        "layer_decay": [ours(model, no_decay | preset("layer_decay")), theirs(model, by_layer)],
    }


def main() -> None:
    timm, optim = import_timm()
    print(json.dumps({name: compared(timm, optim, name) for name in sys.argv[1:]}))


if __name__ == "__main__":
    main()
