from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf
from torch import nn

import scepter_opt
from tests.parameters.models import Net, decays, names, rates

ROOT = Path(__file__).parents[2]
PRESETS = ["none", "no_decay", "no_decay_embeddings", "layer_decay", "backbone_head", "muon"]
RULES = "param_groups@optimizer.PARAM_GROUPS"


@pytest.fixture(autouse=True)
def _hydra() -> Iterator[None]:
    with initialize(version_base="1.3", config_path=None):
        yield


def node(*overrides: str) -> Any:
    return compose(overrides=["+optimizer=adamw", *overrides]).optimizer


def test_every_preset_file_is_named_here() -> None:
    assert sorted(path.stem for path in (ROOT / "conf" / "param_groups").glob("*.yaml")) == sorted(PRESETS)


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "muon"])
@pytest.mark.parametrize("option", ["adamw", "sgd"])
def test_every_preset_passes_the_check(preset: str, option: str) -> None:
    scepter_opt.check(compose(overrides=[f"+optimizer={option}", f"{RULES}={preset}"]))


def test_no_preset_is_no_rules() -> None:
    assert node().PARAM_GROUPS == {}


def test_no_decay_covers_biases_norms_and_what_the_model_marks() -> None:
    class Marking(Net):
        def no_weight_decay(self) -> set[str]:
            return {"token"}

    found = decays(scepter_opt.plan(node(f"{RULES}=no_decay"), Marking()))
    assert {name for name, decay in found.items() if decay} == {
        "embed.weight", "encoder_proj.weight",
        *(f"encoder.{i}.{part}.weight" for i in range(2) for part in ("attn", "mlp.0", "mlp.2")),
    }  # fmt: skip
    embeddings = decays(scepter_opt.plan(node(f"{RULES}=no_decay_embeddings"), Marking()))
    assert embeddings["embed.weight"] == 0.0


def test_presets_stack_and_rules_are_added_from_the_command_line() -> None:
    found = scepter_opt.plan(
        node(
            f"{RULES}=[no_decay,layer_decay]",
            "optimizer.PARAM_GROUPS.layer_decay.SET.LAYER_DECAY=0.5",
            "+optimizer.PARAM_GROUPS.head.WHERE.NAMES=head",
            "+optimizer.PARAM_GROUPS.head.SET.LR_MULT=10",
            "optimizer.LEARNING_RATE=1.0",
        ),
        Net(),
    )
    assert [use.name for use in found.rules] == ["no_decay", "no_decay_marked", "layer_decay", "head"]
    assert (rates(found)["head.bias"], rates(found)["encoder.0.attn.bias"]) == (10.0, 0.25)
    assert decays(found)["encoder.0.attn.bias"] == 0.0


def test_presets_relocate_with_the_optimizer() -> None:
    cfg = compose(overrides=["+optimizer@generator=adamw", "param_groups@generator.PARAM_GROUPS=no_decay"])
    assert list(cfg.generator.PARAM_GROUPS) == ["no_decay", "no_decay_marked"]


def test_an_app_adds_rules_in_its_own_files(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "defaults:\n  - optimizer: adamw\n  - override param_groups@optimizer.PARAM_GROUPS: backbone_head\n  - _self_\n"
        "optimizer:\n  PARAM_GROUPS:\n    head: {WHERE: {NAMES: head}, SET: {LR_MULT: 10}}\n"
    )
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        cfg = compose("config")
    model = nn.ModuleDict({"backbone": nn.Linear(2, 2), "head": nn.Linear(2, 2), "neck": nn.Linear(2, 2)})
    found = scepter_opt.plan(cfg.optimizer, model)
    assert [group.learning_rate for group in found.group_settings] == pytest.approx([1e-3, 1e-4, 1e-2])


def test_the_muon_preset_tells_hidden_matrices_from_embeddings_and_heads() -> None:
    rules = OmegaConf.to_container(OmegaConf.load(ROOT / "conf" / "param_groups" / "muon.yaml"))
    assert isinstance(rules, dict)
    sent = {name: {**rule, "SET": {}} for name, rule in rules.items()}
    model = Net()
    model.head = nn.Linear(4, 10)
    found = scepter_opt.plan({"NAME": "AdamW", "PARAM_GROUPS": sent}, model)
    others = [name for one in ("embeddings", "tokens", "heads") for name in names(found, one)]
    hidden = set(names(found, "hidden_matrices")) - set(others)
    assert hidden == {
        "encoder_proj.weight",
        *(f"encoder.{i}.{part}.weight" for i in range(2) for part in ("attn", "mlp.0", "mlp.2")),
    }


def test_a_class_without_config_takes_presets_as_well() -> None:
    import torch

    @scepter_opt.OPTIMIZERS.register_class(name="OpenForPresets")
    class Open(scepter_opt.BaseOptimize):
        def __call__(self, parameters: Any) -> Any:
            return torch.optim.SGD(parameters, lr=0.1)

    cfg = compose(overrides=["+optimizer=open_for_presets", f"{RULES}=no_decay"])
    assert len(scepter_opt.build_optimizer(Net(), cfg.optimizer).param_groups) == 2
    plain = compose(overrides=["+optimizer=open_for_presets"])
    assert len(scepter_opt.build_optimizer(Net(), plain.optimizer).param_groups) == 1


def test_an_app_without_the_import_finds_the_presets(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "hydra: {searchpath: [pkg://scepter_opt.conf]}\ndefaults:\n  - optimizer: sgd\n  - _self_\n"
    )
    script = tmp_path / "app.py"
    script.write_text(
        "import hydra\n\n\n@hydra.main(version_base='1.3', config_path='.', config_name='config')\ndef main(cfg):\n"
        "    print(list(cfg.optimizer.PARAM_GROUPS))\n\n\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, script, f"{RULES}=no_decay"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.strip() == "['no_decay', 'no_decay_marked']", done.stderr
