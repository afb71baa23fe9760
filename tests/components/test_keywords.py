from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import LR_SCHEDULERS, OPTIMIZERS, BaseScheduler, ConfigError, OptimizerConfig, SchedulerConfig
from scepter_opt.components.keywords import construct, keywords_of, target_class


class Named(torch.optim.SGD):
    """A class whose keyword collides with a key of this package's, and a Config that says which is which."""

    @dataclass(kw_only=True)
    class Config(OptimizerConfig):
        keywords: ClassVar[Mapping[str, str]] = {"OWN_NAME": "name"}

        LEARNING_RATE: float = 0.1
        """Step size."""
        OWN_NAME: str = "nobody"
        """Name of the optimizer itself."""

    def __init__(self, params: Any, lr: float = 1.0, name: str = "") -> None:
        super().__init__(params, lr)
        self.name = name


def test_a_nested_config_maps_a_key_to_a_keyword_of_another_name() -> None:
    OPTIMIZERS.register_class(name="NamedForKeywords")(Named)
    node = {"NAME": "NamedForKeywords", "OWN_NAME": "me"}
    optimizer: Any = scepter_opt.build_optimizer(nn.Linear(1, 1), node)
    assert (optimizer.name, optimizer.param_groups[0]["lr"]) == ("me", 0.1)


def test_a_scheduler_maps_its_keyword_too() -> None:
    @LR_SCHEDULERS.register_class(name="EveryForKeywords")
    class Every(BaseScheduler):
        target = "torch.optim.lr_scheduler.StepLR"

        @dataclass(kw_only=True)
        class Config(SchedulerConfig):
            keywords: ClassVar[Mapping[str, str]] = {"EVERY": "step_size"}

            EVERY: int = 5
            """Ticks between drops."""

    optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1)
    scheduler: Any = scepter_opt.build_lr_scheduler(optimizer, {"NAME": "EveryForKeywords", "EVERY": 2})
    assert scheduler.step_size == 2


def test_every_own_key_is_handed_on_in_torchs_words() -> None:
    config = scepter_opt.check({"NAME": "AdamW", "LEARNING_RATE": 0.5, "BETAS": [0.5, 0.75]})
    keywords = keywords_of(config, OptimizerConfig, torch.optim.AdamW)
    assert (keywords["lr"], keywords["betas"]) == (0.5, (0.5, 0.75))
    assert keywords_of(config, OptimizerConfig, torch.optim.AdamW, only=["EPS"]) == {"eps": 1e-8}


def test_what_the_installed_torch_lacks_is_named() -> None:
    with pytest.raises(ConfigError, match=r"NAME = 'NoSuch': torch.optim.NoSuch is not in the installed torch"):
        target_class("torch.optim.NoSuch")


def test_what_a_class_refuses_is_told_in_its_words() -> None:
    with pytest.raises(ConfigError, match="SGD refuses: Invalid learning rate: -1") as caught:
        construct(torch.optim.SGD, nn.Linear(1, 1).parameters(), lr=-1)
    assert isinstance(caught.value.__cause__, ValueError)
