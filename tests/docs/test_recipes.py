"""The recipes of the documentation compose, are right to the check, and build what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from torch import nn

import scepter_opt

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```yaml title=conf/(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RECIPES = dict(BLOCK.findall((DOCS / "recipes.md").read_text(encoding="utf-8")))


@pytest.fixture(autouse=True)
def _app(tmp_path: Path) -> Iterator[None]:
    """The app of `Getting started` with the recipes, and Hydra looking into it."""
    app = dict(BLOCK.findall((DOCS / "getting_started.md").read_text(encoding="utf-8")))
    # its own value would not be in muon_adamw, as the page says
    app["config.yaml"] = app["config.yaml"].partition("optimizer:\n  LEARNING")[0]
    for name, text in {**app, **RECIPES}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        yield


class ViT(nn.Module):
    """As many blocks as ViT-B has, and as thin as can be."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = nn.Linear(3, 4)
        self.blocks = nn.ModuleList(nn.Linear(4, 4) for _ in range(12))
        self.norm = nn.LayerNorm(4)
        self.head = nn.Linear(4, 2)


def built(name: str, model: Any, total: int = 1000) -> tuple[Any, Any]:
    cfg = compose("config", [f"+experiment={name}"])
    scepter_opt.check(cfg)
    optimizer = scepter_opt.build_optimizer(model, cfg.optimizer)
    return optimizer, scepter_opt.build_lr_scheduler(optimizer, cfg.lr_scheduler, total_steps=total)


def test_fine_tuning_has_the_rates_of_layer_decay_and_a_relative_floor() -> None:
    model = ViT()
    optimizer, scheduler = built("finetune_vit", model)
    names = {id(tensor): name for name, tensor in model.named_parameters()}
    found = {
        names[id(tensor)]: (group["initial_lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for tensor in group["params"]
    }
    assert found["patch_embed.weight"] == (pytest.approx(1e-3 * 0.75**13), 0.05)
    assert found["blocks.0.weight"] == (pytest.approx(1e-3 * 0.75**12), 0.05)
    assert found["blocks.11.bias"] == (pytest.approx(1e-3 * 0.75), 0.0)
    assert found["head.weight"] == (pytest.approx(1e-3), 0.05)
    for _ in range(1000):
        optimizer.step()
        scheduler.step()
    floors = [group["lr"] / group["initial_lr"] for group in optimizer.param_groups]
    assert floors == [pytest.approx(0.01)] * len(floors)


def test_pre_training_sends_matrices_to_muon_and_decays_over_the_last_fifth() -> None:
    model = nn.ModuleDict({"embed": nn.Embedding(8, 4), "hidden": nn.Linear(4, 4), "head": nn.Linear(4, 8)})
    optimizer, scheduler = built("pretrain_lm", model)
    rates = {group["optimizer"]: group["initial_lr"] for group in optimizer.param_groups}
    assert rates == {"muon": 0.02, "adamw": 3e-4}
    seen = []
    for _ in range(1000):
        seen.append(optimizer.param_groups[0]["lr"] / optimizer.param_groups[0]["initial_lr"])
        optimizer.step()
        scheduler.step()
    assert seen[5] == pytest.approx(0.5)
    assert seen[10:801] == [pytest.approx(1.0)] * 791
    assert seen[801] < 1.0


def test_each_network_of_a_gan_has_its_own() -> None:
    cfg = compose("gan")
    assert set(scepter_opt.check(cfg)) == {
        f"{kind}.{name}" for kind in ("optimizers", "lr_schedulers") for name in ("generator", "critic")
    }
    networks = {"generator": nn.Linear(2, 2), "critic": nn.Linear(2, 1)}
    optimizers = scepter_opt.build_optimizers(networks, cfg.optimizers)
    schedulers = scepter_opt.build_lr_schedulers(optimizers, cfg.lr_schedulers, 100)
    rates = {name: each.param_groups[0]["initial_lr"] for name, each in optimizers.items()}
    assert rates == {"generator": 2e-4, "critic": 4e-4}
    assert schedulers.keys() == networks.keys()


def test_a_cooldown_ends_a_run_from_where_a_checkpoint_stands(tmp_path: Path) -> None:
    model = nn.Linear(2, 1)
    cfg = compose("config", ["lr_scheduler=warmup_constant", "lr_scheduler.PHASES.warmup.LENGTH=10"])
    optimizer = scepter_opt.build_optimizer(model, cfg.optimizer)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, cfg.lr_scheduler)
    for _ in range(80):
        optimizer.step()
        scheduler.step()
    run = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    scepter_opt.checkpoint.save(tmp_path / "run", **run, step=80)
    cfg = compose("config", ["+experiment=cooldown", "lr_scheduler.PHASES.warmup.LENGTH=10"])
    optimizer = scepter_opt.build_optimizer(model, cfg.optimizer)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, cfg.lr_scheduler)
    run = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    scepter_opt.checkpoint.load(tmp_path / "run", **run, policy="config")
    # 20 % of the run that it ends: 80 steps and 20
    for _ in range(20):
        assert optimizer.param_groups[0]["lr"] > 0
        optimizer.step()
        scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.0)


def test_every_recipe_is_tried_here() -> None:
    experiments = {f"experiment/{name}.yaml" for name in ("finetune_vit", "pretrain_lm", "cooldown")}
    assert set(RECIPES) == {*experiments, "gan.yaml"}
