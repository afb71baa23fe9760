"""What comes of a composition, without Hydra."""

from __future__ import annotations

from pathlib import Path

import hydra
import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf.errors import ConfigAttributeError

from scepter_opt.integrations.composition import refusal, refusals, without_hydra

EXAMPLES = Path(__file__).parents[2] / "examples/conf"


def test_what_hydra_is_asked_for_is_written_out_and_its_node_goes() -> None:
    with hydra.initialize_config_dir(str(EXAMPLES), version_base="1.3"):
        cfg = hydra.compose("train", ["optimizer=sgd"], return_hydra_config=True)
        plain = without_hydra(cfg)
    assert "hydra" not in plain
    assert dict(plain.chosen) == {"optimizer": "sgd", "lr_scheduler": "warmup_cosine"}
    with pytest.raises(ConfigAttributeError):
        plain.epoch = 3
    assert not HydraConfig.initialized()


def test_hydras_node_stays_where_it_is_asked_for() -> None:
    with hydra.initialize_config_dir(str(EXAMPLES), version_base="1.3"):
        cfg = hydra.compose("train", return_hydra_config=True)
        assert without_hydra(cfg, keep_hydra=True).hydra.runtime.choices.optimizer == "digits_adamw"


@pytest.mark.parametrize(
    ("override", "key", "said"),
    [
        ("optimizer=sdg", "optimizer", "Did you mean sgd?"),
        ("epoch=3", "epoch", "Did you mean epochs?"),
        ("a=[1", "", "the override a=[1 cannot be read: "),
    ],
)
def test_a_refusal_has_hydras_words_and_the_nearest_name(override: str, key: str, said: str) -> None:
    with hydra.initialize_config_dir(str(EXAMPLES), version_base="1.3"), pytest.raises(refusals()) as caught:
        hydra.compose("train", [override])
    problem = refusal(caught.value)
    assert problem.key == key
    assert said in problem.message


def test_a_hint_stands_after_what_cannot_be_read() -> None:
    with hydra.initialize_config_dir(str(EXAMPLES), version_base="1.3"), pytest.raises(refusals()) as caught:
        hydra.compose("train", ["sgd"])
    assert refusal(caught.value, hint=lambda word: f" Is {word} an option?").message.endswith(" Is sgd an option?")
