"""An app's folder: what its options lead to, and which schema each file goes by."""

from __future__ import annotations

from pathlib import Path

import pytest

from scepter_opt import ConfigError
from scepter_opt.cli.schema import shipped
from scepter_opt.editors.app_folder import files_of, options_in, schema_of

FILES = {
    "config.yaml": "defaults: [optimizer: mine, _self_]\nepochs: 3\n",
    "other.yaml": "epochs: 3\n",
    "deep.yaml": "train: {steps: [{NAME: SGD}]}\n",
    "several.yaml": "optimizers: {a: {LEARNING_RATE: 1}}\n",
    "list.yaml": "- 1\n",
    "broken.yaml": "a: [\n",
    "optimizer/mine.yaml": "defaults: [adamw, _self_]\nLEARNING_RATE: 1e-3\n",
    "optimizer/yours.yaml": "defaults: [mine, _self_]\nEPS: 1e-6\n",
    "optimizer/adam.yaml": "lr: 0.1\nbetas: [0.9, 0.999]\n",
    "optimizer/typed.yaml": "defaults: [/optimizer@_here_: sgd]\n",
    "optimizer/loop.yaml": "defaults: [loop, _self_]\nLEARNING_RATE: 1\n",
    "optimizer/torchs.yaml": "_target_: torch.optim.SGD\nlr: 0.1\n",
    "optimizer/keys.yaml": "LEARNING_RATE: 0.1\n",
    "optimizer/foreign.yaml": "NAME: Theirs\nLEARNING_RATE: 0.1\n",
    "optim/fast.yaml": "NAME: SGD\n",
    "lr_scheduler/mine.yaml": "defaults: [/lr_scheduler/warmup_cosine]\n",
    "param_groups/mine.yaml": "a: {WHERE: {NAMES: x}}\n",
    "param_groups/theirs.yaml": "a: 3\n",
    "experiment/one.yaml": "# @package _global_\ndefaults: [override /optimizer: sgd]\n",
    "experiment/two.yaml": "# @package _global_\nmodel: big\n",
    "data/mnist.yaml": "path: x\n",
    "outputs/config.yaml": "optimizer: {NAME: SGD}\n",
    ".hidden/config.yaml": "optimizer: {NAME: SGD}\n",
}
OPTIONS = {
    ("optimizer", "mine"): "AdamW",
    ("optimizer", "yours"): "AdamW",
    ("optimizer", "adam"): "",
    ("optimizer", "typed"): "SGD",
    ("optimizer", "loop"): "",
    ("optimizer", "torchs"): "",
    ("optimizer", "foreign"): "",
    ("optimizer", "adamw"): "AdamW",
    ("optim", "fast"): "SGD",
    ("lr_scheduler", "mine"): "PhasesLR",
    ("data", "mnist"): "",
}
SCHEMAS = {
    "config.yaml": "app",
    "other.yaml": "",
    "deep.yaml": "app",
    "several.yaml": "app",
    "optimizer/mine.yaml": "optimizer",
    "optimizer/yours.yaml": "optimizer",
    "optimizer/adam.yaml": "",
    "optimizer/typed.yaml": "optimizer",
    "optimizer/loop.yaml": "optimizer",
    "optimizer/torchs.yaml": "optimizer",
    "optimizer/keys.yaml": "optimizer",
    "optimizer/foreign.yaml": "",
    "optim/fast.yaml": "optimizer",
    "lr_scheduler/mine.yaml": "lr_scheduler",
    "param_groups/mine.yaml": "param_groups",
    "param_groups/theirs.yaml": "",
    "experiment/one.yaml": "app",
    "experiment/two.yaml": "",
    "data/mnist.yaml": "",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_files_that_hold_keys_are_read_where_hydra_did_not_write_them(folder: Path) -> None:
    assert {file.path.as_posix() for file in files_of(folder)} == SCHEMAS.keys()


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_an_option_leads_to_the_class_of_what_it_extends(group: str, option: str, folder: Path) -> None:
    assert options_in(files_of(folder), shipped())[group][option] == OPTIONS[group, option]


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_file_goes_by_the_schema_of_what_it_holds(name: str, folder: Path) -> None:
    files = files_of(folder)
    options = options_in(files, shipped())
    (file,) = (file for file in files if file.path.as_posix() == name)
    assert schema_of(file, options) == SCHEMAS[name]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--app = .*nowhere.*: there is no such folder"):
        files_of(tmp_path / "nowhere")
