"""compose: what the command line of an app would make, with and without the app."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import hydra
import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

import scepter_opt
from scepter_opt.cli.composing import compose
from scepter_opt.errors import ConfigError

EXAMPLES = Path(__file__).parents[2] / "examples/conf"


def test_the_packages_own_groups_have_an_option_each() -> None:
    cfg = compose()
    assert (cfg.optimizer.NAME, cfg.lr_scheduler.NAME) == ("AdamW", "NoneLR")
    cfg = compose(["optimizer=sgd", "lr_scheduler=warmup_cosine", "optimizer.LEARNING_RATE=0.2"])
    assert (cfg.optimizer.NAME, cfg.optimizer.LEARNING_RATE, list(cfg.lr_scheduler.PHASES)) == (
        "SGD",
        0.2,
        ["warmup", "decay"],
    )
    assert list(cfg) == ["optimizer", "lr_scheduler"]


def test_an_apps_config_knows_what_was_chosen_also_without_hydra() -> None:
    cfg = compose(["optimizer=sgd"], EXAMPLES, "train")
    assert dict(cfg.chosen) == {"optimizer": "sgd", "lr_scheduler": "warmup_cosine"}
    assert list(scepter_opt.check(cfg)) == ["optimizer", "lr_scheduler"]


def test_the_only_config_of_a_folder_is_meant_or_the_one_called_config(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("a: 1\nb: [1, '${hydra:job.name}', null]\nc: ???\nd: ${a}\n")
    cfg = compose(["a=2"], tmp_path)
    assert (cfg.a, cfg.d, list(cfg.b)) == (2, 2, [1, "app", None])
    (tmp_path / "config.yaml").write_text("a: 3\n")
    assert compose([], tmp_path).a == 3


def test_hydras_state_is_as_it_was() -> None:
    with hydra.initialize_config_dir(str(EXAMPLES), version_base="1.2"):
        before = GlobalHydra.instance().hydra
        compose()
        with pytest.raises(ConfigError):
            compose(["optimizer=sdg"])
        assert GlobalHydra.instance().hydra is before
        assert str(hydra.version.getbase()) == "1.2"
    assert not GlobalHydra.instance().is_initialized()
    assert not HydraConfig.initialized()


@pytest.mark.parametrize(
    ("overrides", "app", "name", "said"),
    [
        (["optimizer=sdg"], None, None, "optimizer = 'sdg': In 'config': Could not find 'optimizer/sdg'. Did you"),
        (["optimizer=xxxxxx"], None, None, "Could not find 'optimizer/xxxxxx'. There are adadelta, "),
        (["optimzer=sgd"], None, None, "optimzer: Could not override 'optimzer'. Did you mean optimizer?"),
        (["optimizer.LERNING_RATE=1"], None, None, "'optimizer.LERNING_RATE'. Did you mean LEARNING_RATE?"),
        (["optimizer.PARAM_GROUPS.a.b=1"], None, None, "To append to your config use +optimizer.PARAM_GROUPS.a.b=1"),
        (["optimizer.LEARNING_RATE=a"], None, None, "=a. Value 'a' of type 'str' could not be converted to Float."),
        (["a=[1"], None, None, "the override a=[1 cannot be read: "),
        (["+optimizer=sgd"], None, None, "Multiple values for optimizer. To override a value use 'override opti"),
        (["epoch=3"], EXAMPLES, "train", "epoch: Could not override 'epoch'. Did you mean epochs?"),
        ([], EXAMPLES, "trin", "config_name = 'trin': Cannot find primary config 'trin'. "),
        ([], EXAMPLES, None, "say by --config-name which config is meant: gan, language_model, train."),
        ([], Path("nowhere"), None, "app = 'nowhere': there is no such folder."),
        ([], Path("nowhere"), "config", "there is no such folder."),
        ([], EXAMPLES.parent, None, "has no configs (*.yaml)."),
        ([], None, "train", "config_name = 'train': names a config of an app: say its folder by --app."),
    ],
)  # fmt: skip
def test_what_hydra_refuses_is_one_error_with_its_words(
    overrides: Sequence[str], app: Path | None, name: str | None, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        compose(overrides, app, name)
    assert said in str(caught.value)


@pytest.mark.parametrize("content", [b"a: [1\n", b"\xff\xfe\xfa"])
def test_a_config_that_cannot_be_read_is_an_error_too(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(content)
    with pytest.raises(ConfigError):
        compose([], tmp_path)


def test_composing_imports_no_torch() -> None:
    code = (
        "import sys; from scepter_opt.cli.composing import compose;"
        "compose(['optimizer=sgd']); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
