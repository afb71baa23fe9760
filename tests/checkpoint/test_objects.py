"""One object of a kind, or several by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import scepter_opt
from scepter_opt import ConfigError, checkpoint
from tests.checkpoint.nets import Net, trained
from tests.support import same


def test_several_models_optimizers_schedulers_and_drivers_by_name(tmp_path: Path) -> None:
    def gan() -> dict[str, Any]:
        models = {"generator": Net(1), "critic": Net(2)}
        nodes = {name: {"NAME": "Adam", "ONLY": name} for name in models}
        optimizers = scepter_opt.build_optimizers(models, nodes)
        node = {"NAME": "CosineAnnealingLR"}
        schedulers = scepter_opt.build_lr_schedulers(optimizers, dict.fromkeys(models, node), 100)
        drivers = {name: scepter_opt.Driver(schedulers[name], node) for name in models}
        return {"model": models, "optimizer": optimizers, "scheduler": schedulers, "driver": drivers}

    def step(run: dict[str, Any]) -> None:
        for name in run["model"]:
            trained(run["model"][name], run["optimizer"][name], 1)
            run["driver"][name].step()

    run, again = gan(), gan()
    step(run)
    checkpoint.save(tmp_path, **run)
    report = checkpoint.load(tmp_path, **again)
    assert report.same
    assert report.loaded == (
        "model.generator", "model.critic", "optimizer.generator", "optimizer.critic", "scheduler.generator",
        "scheduler.critic", "driver.generator", "driver.critic", "random",
    )  # fmt: skip
    step(run)
    step(again)
    for name in run["model"]:
        assert same(run["model"][name].state_dict(), again["model"][name].state_dict())
        assert run["optimizer"][name].param_groups[0]["lr"] == again["optimizer"][name].param_groups[0]["lr"]
    # one of them alone, into one that has no other
    alone = checkpoint.load(tmp_path, model={"critic": Net(5)})
    assert "model.generator" in alone.not_loaded
    with pytest.raises(ConfigError, match=r"model.critc: the checkpoint has no such model, .* Did you mean critic\?"):
        checkpoint.load(tmp_path, model={"critc": Net()})
