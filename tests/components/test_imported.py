"""NAME as the import path of a class that nobody registered."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import hydra
import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

import scepter_opt
from scepter_opt import ConfigError, ConfigWarning
from scepter_opt.components.imported import imported_entry

PACKAGE = '''
import torch

class Signed(torch.optim.Optimizer):
    """Steps of one size.

    Args:
        lr: How far a step goes.
        momentum: What is kept.
    """

    def __init__(self, params, lr: float = 0.5, momentum: float = 0.0, kinds: tuple[str, ...] = ("a",)):
        super().__init__(params, {"lr": lr, "momentum": momentum})
        self.kinds = kinds

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter -= group["lr"] * parameter.grad.sign()

class Halving(torch.optim.lr_scheduler.LRScheduler):
    def __init__(self, optimizer, factor: float = 0.5, last_epoch: int = -1):
        self.factor = factor
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        return [base * self.factor**self.last_epoch for base in self.base_lrs]

def optimizer(params):
    return None
'''


@pytest.fixture(autouse=True)
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "elsewhere.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("elsewhere", None)


def problem(call: Any, *arguments: Any, **keywords: Any) -> str:
    with pytest.raises(ConfigError) as error:
        call(*arguments, **keywords)
    return str(error.value).partition("\n  ")[2]


def test_a_class_at_an_import_path_is_built_with_its_keywords_in_capitals() -> None:
    model = nn.Linear(2, 1)
    rules = {"bias": {"WHERE": {"KINDS": "bias"}, "SET": {"LR_MULT": 0.1}}}
    node = {"NAME": "elsewhere.Signed", "LEARNING_RATE": 0.25, "KINDS": ["b", "c"], "PARAM_GROUPS": rules}
    optimizer: Any = scepter_opt.build_optimizer(model, node)
    assert (type(optimizer).__module__, type(optimizer).__name__, optimizer.kinds) == (
        "elsewhere",
        "Signed",
        ("b", "c"),
    )
    assert [(group["name"], group["lr"]) for group in optimizer.param_groups] == [("default", 0.25), ("bias", 0.025)]
    before = model.weight.detach().clone()
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    assert torch.allclose(before - model.weight, torch.full((1, 2), 0.25))


def test_a_scheduler_at_an_import_path_is_built() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, {"NAME": "elsewhere.Halving", "FACTOR": 0.25})
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == 0.25


def test_check_imports_nothing_and_passes_any_key_but_checks_those_of_every_optimizer() -> None:
    cfg = {"optimizer": {"NAME": "elsewhere.Signed", "LERNING_RATE": 1, "IMPLEMENTATION": "fuse"}}
    assert problem(scepter_opt.check, cfg).startswith("optimizer.IMPLEMENTATION = 'fuse': must be one of")
    del cfg["optimizer"]["IMPLEMENTATION"]
    assert scepter_opt.check(cfg)["optimizer"].LERNING_RATE == 1
    assert "elsewhere" not in sys.modules


@pytest.mark.parametrize("key", ["", "optimizer."])
def test_the_keys_are_checked_where_imports_are_allowed_and_at_the_build(key: str) -> None:
    node = {"NAME": "elsewhere.Signed", "LERNING_RATE": 1.0, "MOMENTUM": "much"}
    said = (
        f"{key}LERNING_RATE = 1.0: elsewhere.Signed has no such key. Did you mean LEARNING_RATE?\n"
        f"  {key}MOMENTUM = 'much': must be a number. (What is kept.)"
    )
    assert problem(scepter_opt.check, {"optimizer": node} if key else node, imports=True) == said
    if key:
        assert problem(scepter_opt.build_optimizer, nn.Linear(2, 1), node) == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("elsewhere.Singed", "elsewhere has no Singed. Did you mean Signed?"),
        ("elsewhere.optimizer", "is no optimizer of torch's kind."),
        ("elsewhere.Halving", "is an entry of lr_scheduler; an entry of optimizer is needed here."),
        ("shedulefree.AdamW", "there is no package shedulefree here. Did you mean schedulefree?"),
        ("torch.optm.AdamW", "is no import path of torch's. Did you mean torch.optim.AdamW?"),
        ("torch.optim.AdmW", "torch.optim has no such class that is known here. Did you mean AdamW?"),
    ],
)
def test_a_path_to_no_optimizer_is_refused(name: str, said: str) -> None:
    assert problem(scepter_opt.build_optimizer, nn.Linear(2, 1), {"NAME": name}) == f"optimizer.NAME = '{name}': {said}"


def test_paths_are_refused_where_imports_are() -> None:
    said = problem(scepter_opt.check, {"NAME": "elsewhere.Signed"}, imports=False)
    assert said == "NAME = 'elsewhere.Signed': import paths are refused here (imports=False)."


def test_a_path_to_a_class_that_is_known_is_that_class() -> None:
    assert scepter_opt.check({"NAME": "torch.optim.AdamW"}) == scepter_opt.check({"NAME": "AdamW"})
    entry = imported_entry("elsewhere.Signed", "NAME")
    assert entry is not None
    scepter_opt.OPTIMIZERS.register_class("Mine")(entry.cls)
    known = imported_entry("elsewhere.Signed", "NAME")
    assert known is not None
    assert known.name == "Mine"


def test_a_package_that_is_not_installed_is_said_by_check_and_refused_by_the_build(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(scepter_opt.config.imports.LIBRARIES, "nowhere", "nowhere-optimizers")
    said = "NAME = 'nowhere.Some': nowhere is not installed here: pip install nowhere-optimizers"
    with pytest.warns(ConfigWarning, match=said):
        scepter_opt.check({"NAME": "nowhere.Some"})
    assert problem(scepter_opt.build_optimizer, nn.Linear(2, 1), {"NAME": "nowhere.Some"}) == f"optimizer.{said}"


def test_a_hybrid_has_parts_by_import_path() -> None:
    rules: Any = {"matrices": {"WHERE": {"KINDS": "matrix"}, "SET": {"OPTIMIZER": "signed", "MOMENTUM": 0.5}}}
    parts = {"signed": {"NAME": "elsewhere.Signed"}, "sgd": {"NAME": "SGD"}}
    node = {"NAME": "Hybrid", "DEFAULT": "sgd", "OPTIMIZERS": parts, "PARAM_GROUPS": rules}
    scepter_opt.check({"optimizer": node})
    optimizer: Any = scepter_opt.build_optimizer(nn.Linear(2, 2), node)
    assert {name: type(part).__name__ for name, part in optimizer.parts.items()} == {"signed": "Signed", "sgd": "SGD"}
    rules["matrices"]["SET"]["MOMENTUMS"] = 0.5
    said = problem(scepter_opt.build_optimizer, nn.Linear(2, 2), node)
    assert said.startswith("optimizer.PARAM_GROUPS.matrices.SET.MOMENTUMS = 0.5:")
    assert "Did you mean MOMENTUM?" in said


def test_the_option_takes_any_key_without_a_plus_and_is_typed_in_those_of_every_optimizer() -> None:
    chosen = ["+optimizer=imported", "optimizer.NAME=elsewhere.Signed", "optimizer.LEARNING_RATE=0.25"]
    scheduled = ["+lr_scheduler=imported", "lr_scheduler.NAME=elsewhere.Halving", "lr_scheduler.FACTOR=0.1"]
    with hydra.initialize(version_base="1.3", config_path=None):
        cfg = hydra.compose(overrides=[*chosen, *scheduled])
        with pytest.raises(hydra.errors.ConfigCompositionException):
            hydra.compose(overrides=[*chosen, "optimizer.IMPLEMENTATION=fuse"])
    assert OmegaConf.is_struct(cfg)
    assert scepter_opt.check(cfg).keys() == {"optimizer", "lr_scheduler"}
    optimizer = scepter_opt.build_optimizer(nn.Linear(2, 1), cfg.optimizer, None)
    assert optimizer.param_groups[0]["lr"] == 0.25
    scheduler: Any = scepter_opt.build_lr_scheduler(optimizer, cfg.lr_scheduler)
    assert scheduler.factor == 0.1


def test_a_schedule_and_a_checkpoint_go_with_it(tmp_path: Path) -> None:
    def built() -> tuple[Any, Any, Any]:
        model = nn.Linear(2, 1)
        optimizer = scepter_opt.build_optimizer(model, {"NAME": "elsewhere.Signed", "LEARNING_RATE": 1.0})
        phases = {"decay": {"CURVE": "linear", "TO": 0.0}}
        return model, optimizer, scepter_opt.build_lr_scheduler(optimizer, {"NAME": "PhasesLR", "PHASES": phases}, 10)

    model, optimizer, scheduler = built()
    for _ in range(4):
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()
        scheduler.step()
    scepter_opt.checkpoint.save(tmp_path, model=model, optimizer=optimizer, scheduler=scheduler, step=4)
    again, resumed, its_scheduler = built()
    scepter_opt.checkpoint.load(tmp_path, model=again, optimizer=resumed, scheduler=its_scheduler)
    assert resumed.param_groups[0]["lr"] == pytest.approx(0.6)
    assert torch.equal(again.weight, model.weight)


def test_the_option_without_a_name_asks_for_it() -> None:
    with hydra.initialize(version_base="1.3", config_path=None):
        cfg = hydra.compose(overrides=["+optimizer=imported"])
    said = "optimizer.NAME: is required: the class name of the optimizer, or its import path."
    assert problem(scepter_opt.check, cfg) == said
