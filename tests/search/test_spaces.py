"""Search spaces: only keys that an optimizer has, values that it takes, and options that compose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import scepter_opt
from scepter_opt import OPTIMIZERS, ConfigError
from scepter_opt.config.ranges import Choices, Scale
from scepter_opt.config.validation import fields
from scepter_opt.search.spaces import COMMON, MOST, content, grid_of, nodes, space_file, space_files, space_of, spaces

ROOT = Path(__file__).parents[2]
SPACES = spaces()


def test_every_optimizer_and_muon_adamw_has_one() -> None:
    own = {entry.option for name, entry in OPTIMIZERS.own_entries().items() if name != "Hybrid"}
    assert set(SPACES) >= own | {"muon_adamw"}
    assert dict(space_files()).keys() == {path.name for path in (ROOT / "conf/search_space").glob("*.yaml")}


@pytest.mark.filterwarnings("ignore:.*is not installed here")
@pytest.mark.parametrize("option", SPACES)
def test_every_value_at_the_end_of_a_range_is_right(option: str) -> None:
    for key, each in SPACES[option].items():
        ends = each.of if isinstance(each, Choices) else (each.low, each.high)
        for value in [*ends, *(yaml.safe_load(text) for text in each.values())]:
            node = OmegaConf.create(nodes()[option])
            OmegaConf.update(node, key, value, force_add=True)
            if option == "muon_adamw":
                node.DEFAULT = "adamw"
                node.PARAM_GROUPS = {"hidden": {"WHERE": {"KINDS": "matrix"}, "SET": {"OPTIMIZER": "muon"}}}
            scepter_opt.check(node)


@pytest.mark.parametrize("option", SPACES)
def test_a_grid_is_within_the_ranges_and_not_too_large(option: str) -> None:
    size = 1
    for key, text in grid_of(SPACES[option]).items():
        values, each = yaml.safe_load(f"[{text}]"), SPACES[option][key]
        size *= len(values)
        if isinstance(each, Scale):
            assert [float(value) for value in values] == sorted(float(value) for value in values)
            assert each.low <= float(values[0]) < float(values[-1]) <= each.high
    assert 1 < size <= MOST


def test_a_classs_own_ranges_are_of_its_keys_and_choices_are_the_same_everywhere() -> None:
    for entry in OPTIMIZERS.own_entries().values():
        assert entry.component.search_space.keys() <= fields(entry.config).keys()
        # Optuna refuses other choices under the same name
        assert not any(isinstance(each, Choices) for each in entry.component.search_space.values())
    rates = {name: SPACES[name]["LEARNING_RATE"] for name in ("sgd", "adamw", "muon")}
    assert rates == {"sgd": Scale(1e-3, 1.0), "adamw": Scale(1e-5, 1e-2), "muon": Scale(1e-3, 1e-1)}
    assert [key for key, each in COMMON.items() if isinstance(each, Scale)] == ["WEIGHT_DECAY"]


@pytest.fixture
def app(tmp_path: Path) -> Any:
    """Composes an app whose config says where the optimizer stands."""
    (tmp_path / "config.yaml").write_text("defaults: [{optimizer: sgd}, {optimizer@optim: sgd}, _self_]\n")

    def composed(*overrides: str) -> Any:
        with initialize_config_dir(str(tmp_path), version_base="1.3"):
            return compose("config", list(overrides), return_hydra_config=True)

    return composed


@pytest.mark.parametrize("option", ["adamw", "sgd_grid", "muon_adamw"])
def test_an_option_sets_what_is_swept_and_leaves_no_key(option: str, app: Any) -> None:
    cfg = app(f"+search_space={option}", f"optimizer={option.removesuffix('_grid')}")
    assert cfg.hydra.sweeper.params == (content(option) or {})["params"]
    assert set(cfg) == {"optimizer", "optim", "hydra"}
    for key in cfg.hydra.sweeper.params:
        assert OmegaConf.select(cfg, key) is not None


def test_muon_adamw_has_one_rate_for_both_parts(app: Any) -> None:
    rates = [key for key in SPACES["muon_adamw"] if key.endswith("LEARNING_RATE")]
    assert rates == ["OPTIMIZERS.adamw.LEARNING_RATE"]
    cfg = app("optimizer=muon_adamw", f"optimizer.{rates[0]}=0.005")
    assert cfg.optimizer.OPTIMIZERS.muon.LEARNING_RATE == 0.005


def test_the_folder_of_an_option_is_the_place_of_the_node(app: Any) -> None:
    cfg = app("+search_space/optim=sgd", "+search_space/deep/er=lbfgs_grid")
    assert cfg.hydra.sweeper.params == {
        "optim.LEARNING_RATE": "tag(log, interval(0.001, 1.0))",
        "optim.WEIGHT_DECAY": "tag(log, interval(1e-05, 0.01))",
        "optim.MOMENTUM": "0.0,0.9,0.95,0.99",
        "deep.er.LEARNING_RATE": "0.01,0.1,1.0",
    }


def test_a_class_of_ones_own_has_a_space_too(app: Any) -> None:
    @OPTIMIZERS.register_class()
    class Calm(torch.optim.SGD):
        """Descent without haste."""

    cfg = app("+search_space=calm", "optimizer=calm")
    assert cfg.hydra.sweeper.params["optimizer.LEARNING_RATE"] == "tag(log, interval(1e-05, 0.01))"
    assert "calm.yaml" not in dict(space_files())


def test_a_key_that_follows_another_is_not_searched() -> None:
    node = {"NAME": "AdamW", "WEIGHT_DECAY": "${decay}"}
    assert list(space_of(node)) == ["LEARNING_RATE", "BETAS"]
    assert space_of({"NAME": "some.where.Class", "LEARNING_RATE": 2e-4, "X": 1}) == {"LEARNING_RATE": Scale(1e-6, 1e-3)}
    assert space_of({"NAME": "some.where.Class", "LEARNING_RATE": None}) == {}


def test_a_misspelt_space_is_an_error_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"search_space = 'sdg': there is no such search space. Did you mean sgd\?"):
        space_file("sdg")
