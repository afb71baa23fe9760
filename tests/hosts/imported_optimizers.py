"""Every optimizer of a package by its import path, beside the one that is built directly: what differs, as JSON.

python tests/hosts/imported_optimizers.py pytorch_optimizer schedulefree
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib import import_module
from importlib.metadata import version
from typing import Any

import torch
from torch import nn

import scepter_opt
from scepter_opt.components.imported import imported_entry

PACKAGES = {
    "pytorch_optimizer": "pytorch_optimizer",
    "timm": "timm.optim",
    "schedulefree": "schedulefree",
    "torchao": "torchao.optim",
    "bitsandbytes": "bitsandbytes.optim",
    "heavyball": "heavyball",
}
"""Packages with the module that has their optimizers."""
OURS = {"params", "param_names", "name", "rules", "settings"}
STEPS = 5
INPUTS = torch.linspace(-1, 1, 32).reshape(8, 4)


@dataclass
class Report:
    """What became of the optimizers of a package."""

    version: str
    equal: list[str] = field(default_factory=list)
    """Classes with equal groups and five equal steps."""
    stepless: dict[str, str] = field(default_factory=dict)
    """Classes with equal groups whose step refuses here, directly too, with its words."""
    indirect: dict[str, str] = field(default_factory=dict)
    """Classes that cannot be built of parameters alone, or take no group dicts, with their words."""
    wrong: dict[str, str] = field(default_factory=dict)
    """What is not as it should be."""


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3), nn.Linear(3, 2))


def closure_of(trained: nn.Module, optimizer: torch.optim.Optimizer) -> Callable[[], torch.Tensor]:
    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        with torch.enable_grad():
            loss: torch.Tensor = trained(INPUTS).square().mean()
            loss.backward(create_graph=True)  # type: ignore[no-untyped-call]  # some take derivatives of gradients
        return loss

    return closure


def run(trained: nn.Module, optimizer: Any) -> list[torch.Tensor]:
    """Weights after each of five steps."""
    torch.manual_seed(1)
    weights = []
    with suppress(AttributeError):
        optimizer.train()  # of those without a schedule
    for _ in range(STEPS):
        optimizer.step(closure_of(trained, optimizer))
        weights += [parameter.detach().clone() for parameter in trained.parameters()]
    return weights


def settings(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    # without their settings; the mode is what a built one begins with, to be trained at once
    return [{k: v for k, v in group.items() if k not in OURS | {"train_mode"}} for group in optimizer.param_groups]


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same, tensors by their content."""
    if isinstance(one, torch.Tensor) or isinstance(other, torch.Tensor):
        return bool(torch.equal(torch.as_tensor(one), torch.as_tensor(other)))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def compare(cls: type, path: str, report: Report) -> None:
    name = cls.__name__
    trained = model()
    try:
        cls(model().parameters())
        direct: Any = cls([{"params": list(trained.parameters())}])
    except Exception as error:
        report.indirect[name] = str(error).partition("\n")[0]
        return
    ours_trained = model()
    try:
        ours = scepter_opt.build_optimizer(ours_trained, {"NAME": path})
    except Exception as error:
        report.wrong[name] = f"is not built: {error}"
        return
    if type(ours) is not cls or not same(settings(ours), settings(direct)):
        report.wrong[name] = f"{settings(ours)} is not {settings(direct)}"
        return
    if fault := refusal_of_misspelt(path):
        report.wrong[name] = fault
        return
    try:
        expected = run(trained, direct)
    except Exception as error:
        report.stepless[name] = str(error).partition("\n")[0] or type(error).__name__
        return
    if not same(run(ours_trained, ours), expected):
        report.wrong[name] = "does not step as it does directly"
        return
    report.equal.append(name)


def refusal_of_misspelt(path: str) -> str:
    """What is wrong with how a misspelt key of a class is refused; empty where nothing is."""
    entry = imported_entry(path, "NAME")
    assert entry is not None
    config: Any = entry.config
    own = [key for key in config.__dataclass_fields__ if key not in entry.base.common.__dataclass_fields__]
    if not own:
        return ""
    key = max(own, key=len)  # a short one may be as near to others
    misspelt = key[:-1]
    try:
        scepter_opt.check({"NAME": path, misspelt: 1}, imports=True)
    except scepter_opt.ConfigError as error:
        meant = f"{misspelt} = 1: {path} has no such key. Did you mean {key}?"
        return "" if meant in str(error) else str(error)
    return f"{misspelt} is not refused"


def report_on(package: str) -> Report:
    """Every public optimizer of a package."""
    report = Report(version(package))
    if package == "timm":
        # torchvision from PyPI is a CUDA build: without its operators' schemas its import fails
        library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]  # torch's own gap
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    module = import_module(PACKAGES[package])
    if package == "heavyball":
        module.utils.compile_mode = None  # it would compile each step anew
    classes = {
        name: cls
        for name, cls in sorted(vars(module).items())
        if isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer) and not name.startswith("_")
        if cls.__module__.partition(".")[0] == package and name == cls.__name__
    }
    for name, cls in classes.items():
        compare(cls, f"{PACKAGES[package]}.{name}", report)
    return report


def main() -> None:
    warnings.simplefilter("ignore")  # what the packages themselves warn of
    print(json.dumps({package: asdict(report_on(package)) for package in sys.argv[1:]}))


if __name__ == "__main__":
    main()
