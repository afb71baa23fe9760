"""What other packages bring by entry points."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hydra
import pytest
from torch import nn

import scepter_opt
from scepter_opt import OPTIMIZERS, ConfigError, ConfigWarning
from scepter_opt.components.user_classes import GROUP, UserClasses

REGISTERING = """
from scepter_opt import OPTIMIZERS, BaseOptimize, OptimizerConfig
from dataclasses import dataclass

@OPTIMIZERS.register_class()
class Brought(BaseOptimize):
    target = "torch.optim.SGD"

    @dataclass(kw_only=True)
    class Config(OptimizerConfig):
        LEARNING_RATE: float = 0.125
"""
PLAIN = """
import torch

class Plain(torch.optim.SGD):
    def __init__(self, params, lr: float = 0.5):
        super().__init__(params, lr)
"""


def install(folder: Path, points: dict[str, str]) -> None:
    """A package, as pip leaves it, with entry points."""
    info = folder / "bringing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bringing\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines, ""]))
    (folder / "bringing.py").write_text(REGISTERING)
    (folder / "bringing_plain.py").write_text(PLAIN)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(UserClasses(), "discovered", False)
    yield tmp_path
    for name in ("bringing", "bringing_plain"):
        sys.modules.pop(name, None)


def test_an_entry_point_brings_a_module_that_registers(site: Path) -> None:
    install(site, {"any": "bringing"})
    assert scepter_opt.build_optimizer(nn.Linear(1, 1), {"NAME": "Brought"}).param_groups[0]["lr"] == 0.125


def test_an_entry_point_brings_a_class_by_its_own_name(site: Path) -> None:
    install(site, {"Fancy": "bringing_plain:Plain"})
    assert scepter_opt.build_optimizer(nn.Linear(1, 1), {"NAME": "Fancy"}).param_groups[0]["lr"] == 0.5


def test_what_is_brought_is_an_option(site: Path) -> None:
    install(site, {"any": "bringing", "Fancy": "bringing_plain:Plain"})
    with hydra.initialize(version_base="1.3", config_path=None):
        cfg = hydra.compose(overrides=["+optimizer=brought", "+optimizer@other=fancy"])
    assert (cfg.optimizer.LEARNING_RATE, cfg.other.NAME) == (0.125, "Fancy")


def test_nothing_is_loaded_for_what_is_here(site: Path) -> None:
    install(site, {"any": "bringing"})
    with hydra.initialize(version_base="1.3", config_path=None):
        cfg = hydra.compose(overrides=["+optimizer=sgd", "+lr_scheduler=warmup_cosine"])
    scepter_opt.check(cfg)
    assert "bringing" not in sys.modules
    assert "Brought" in OPTIMIZERS.names()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("bringing.missing", "of bringing cannot be loaded, and its classes are left out: ModuleNotFoundError"),
        ("bringing:Brought.Config", "must extend BaseOptimize or BaseScheduler"),
    ],
)
def test_one_that_cannot_be_loaded_is_said_and_left_out(site: Path, value: str, said: str) -> None:
    install(site, {"broken": value, "Fancy": "bringing_plain:Plain"})
    with pytest.warns(ConfigWarning, match=said):
        assert "Fancy" in OPTIMIZERS.names()


def test_a_name_that_nobody_brings_is_refused_as_ever(site: Path) -> None:
    install(site, {"any": "bringing"})
    with pytest.raises(ConfigError, match=r"there is no such optimizer. Did you mean Brought\?"):
        scepter_opt.check({"NAME": "Broughts", "LEARNING_RATE": 1.0})


def test_the_group_is_looked_up_once(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site, {})
    asked: list[Any] = []

    def entry_points(**group: str) -> list[Any]:
        asked.append(group)
        return []

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    for _ in range(3):
        OPTIMIZERS.names()
        OPTIMIZERS.has("Nobody")
    assert asked == [{"group": GROUP}]
