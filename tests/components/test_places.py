"""Where the nodes of a whole config stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from omegaconf import OmegaConf

import scepter_opt
from scepter_opt import ConfigError

SGD = {"NAME": "SGD", "LEARNING_RATE": 0.1}
COSINE = {"NAME": "CosineAnnealingLR", "T_MAX": 10}


def keys_of(cfg: Any) -> list[str]:
    """The keys at which check has found nodes."""
    return list(scepter_opt.check(cfg))


@pytest.mark.parametrize(
    ("cfg", "key"),
    [
        ({"optimizers": {"a": SGD, "b": {"NAME": "SDG"}}}, "optimizers.b.NAME"),
        ({"optimizers": [SGD, {"NAME": "SDG"}]}, "optimizers[1].NAME"),
        ({"train": {"lr_schedulers": {"a": {"NAME": "StepLRR"}}}, "optimizer": SGD}, "train.lr_schedulers.a.NAME"),
        ({"optimizer": SGD, "lr_scheduler": "${optimizer}"}, "lr_scheduler.NAME"),
        ({"lr_scheduler": "${optimizer}", "optimizer": SGD}, "lr_scheduler.NAME"),
        ({"model": {"optimizer": "${nowhere}"}, "optimizer": SGD}, "model.optimizer"),
        ({"model": {"optimizer": "sgd"}}, "model.optimizer"),
        ({"model": {"optimizer": "sgd"}, "lr_scheduler": COSINE}, "model.optimizer"),
        ({"optimizer": {"_target_": "torch.optim.lr_scheduler.StepLR", "step_size": 1}}, "optimizer._target_"),
    ],
)
def test_a_mistake_at_a_usual_place_is_seen_wherever_it_stands(cfg: Any, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        scepter_opt.check(OmegaConf.create(cfg))
    assert [problem.key for problem in caught.value.problems] == [key]


def test_a_text_beside_a_node_of_its_kind_is_the_apps_own() -> None:
    cfg = {"optimizer": SGD, "model": {"optimizer": "sgd"}, "loader": {"scheduler": "fair"}}
    assert list(scepter_opt.check(cfg)) == ["optimizer"]


def test_nodes_are_found_at_any_depth() -> None:
    cfg: dict[str, Any] = {"deep": {}}
    inner = cfg["deep"]
    for _ in range(200):
        inner["a"] = {}
        inner = inner["a"]
    inner["optimizer"] = {"NAME": "SDG"}
    with pytest.raises(ConfigError, match="Did you mean SGD"):
        scepter_opt.check(cfg)


class Lazy(Mapping[str, Any]):
    """Makes its children when it is asked for them, so that their ids are used again."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values_ = values

    def __getitem__(self, key: str) -> Any:
        value = self.values_[key]
        return Lazy(value) if isinstance(value, dict) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


class Endless(Lazy):
    """Has children without end, two of each."""

    def __init__(self) -> None:
        super().__init__({"a": 1, "b": 1})

    def __getitem__(self, key: str) -> Any:
        return Endless()


def test_mappings_that_make_their_children_are_searched_whole() -> None:
    cfg = Lazy({f"stage{i}": {"optimizer": {"NAME": "SGD", "LEARNING_RATE": 0.1 + i}} for i in range(50)})
    assert len(scepter_opt.check(cfg)) == 50
    with pytest.raises(ConfigError, match="more than 1000 levels deep"):
        scepter_opt.check(Endless())


@pytest.mark.parametrize(
    ("cfg", "expected"),
    [
        ({"NAME": "my run", "train": {"optimizer": SGD}}, ["train.optimizer"]),
        ({"NAME": "SGD", "optimizer": SGD}, ["optimizer"]),
        ({"NAME": "my run", "stage": {"anything": COSINE}}, ["stage.anything"]),
    ],
)
def test_an_app_may_have_a_name_of_its_own(cfg: Any, expected: list[str]) -> None:
    assert keys_of(cfg) == expected


def test_a_misspelt_name_of_a_node_that_holds_others_is_no_app() -> None:
    with pytest.raises(ConfigError, match="Did you mean Hybrid"):
        scepter_opt.check({"NAME": "Hybird", "OPTIMIZERS": {"a": SGD}, "DEFAULT": "a"})
