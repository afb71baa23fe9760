"""The ready options of other packages: typed without them, and with their defaults where they are installed."""

from __future__ import annotations

import inspect
from typing import Any

import hydra
import pytest
from torch import nn

import scepter_opt
from scepter_opt import OPTIMIZERS, ConfigError
from scepter_opt.components.keywords import target_class
from scepter_opt.components.signatures import parameters_of
from scepter_opt.config.imports import is_installed, resolve
from scepter_opt.config.names import key_of

OWN = ("torch.", "scepter_opt.")
ENTRIES = OPTIMIZERS.own_entries().items()
READY = {entry.option: name for name, entry in ENTRIES if not entry.component.target.startswith(OWN)}
LINES = {"pytorch_optimizer": "pytorch_optimizer", "schedulefree": "schedulefree", "torchao": "torchao"}


def test_seven_are_ready() -> None:
    assert set(READY) == {"lion", "adopt", "ademamix", "soap", "prodigy", "adamw_8bit", "schedule_free_adamw"}


@pytest.mark.parametrize("option", READY)
def test_without_its_package_an_option_is_checked_and_names_the_line_that_installs_it(
    option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scepter_opt.config.imports.find_spec", lambda _: None)
    target_class.cache_clear()
    with hydra.initialize(version_base="1.3", config_path=None):
        cfg = hydra.compose(overrides=[f"+optimizer={option}", "optimizer.LEARNING_RATE=0.01"])
    package = READY[option].partition(".")[0]
    said = f"optimizer.NAME = '{READY[option]}': {package} is not installed here: pip install {LINES[package]}"
    with pytest.warns(scepter_opt.ConfigWarning, match=said):
        assert scepter_opt.check(cfg)["optimizer"].LEARNING_RATE == 0.01
    with pytest.raises(ConfigError) as error:
        scepter_opt.build_optimizer(nn.Linear(1, 1), cfg.optimizer)
    assert said in str(error.value)


@pytest.mark.hosts
@pytest.mark.parametrize("option", READY)
def test_every_default_is_the_packages_and_every_keyword_a_key(option: str) -> None:
    if not is_installed(READY[option].partition(".")[0]):
        pytest.skip(f"{READY[option]} is not installed")
    cls = resolve(READY[option])
    config: Any = scepter_opt.check({"NAME": READY[option]}, imports=True)
    own = set(config) - set(scepter_opt.OptimizerConfig.__dataclass_fields__)
    # the others go to a base class that reads them in its own way
    named = [*inspect.signature(cls.__init__).parameters][2:]
    keywords = {key_of(name): parameters_of(cls)[name] for name in named if name not in ("kwargs", "foreach")}
    assert own == set(keywords)
    for key, parameter in keywords.items():
        if not callable(parameter.default):  # a function is the class's own
            value = getattr(config[key], "value", config[key])
            assert value == parameter.default, key


@pytest.mark.hosts
@pytest.mark.filterwarnings("ignore")  # torchao compiles, and what does so warns of itself
@pytest.mark.parametrize("option", READY)
def test_it_trains(option: str) -> None:
    if not is_installed(READY[option].partition(".")[0]):
        pytest.skip(f"{READY[option]} is not installed")
    model = nn.Linear(2, 1)
    optimizer = scepter_opt.build_optimizer(model, {"NAME": READY[option]})
    before = model.weight.detach().clone()
    for _ in range(2):
        model.weight.square().sum().backward()  # type: ignore[no-untyped-call]  # torch's
        optimizer.step()
    assert model.weight.norm() < before.norm()
