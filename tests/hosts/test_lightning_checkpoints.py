"""Stopped and resumed by Lightning's own checkpoints, a run equals the unbroken one, whenever it was saved."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.hosts.lightning_app import ADAMW, BATCHES, EPOCHS, HYBRID, SCHEDULES, App, fit, lightning
from tests.support import said, same

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.filterwarnings("ignore"),  # Lightning's own, of loaders, loggers and processes
]
STOP = 2
"""Epochs of the run that is stopped."""


def saving(folder: Path, **keywords: Any) -> Any:
    return lightning.pytorch.callbacks.ModelCheckpoint(folder, "{epoch}-{step}", save_top_k=-1, **keywords)


def result(module: App, trainer: Any) -> dict[str, Any]:
    """Weights, the optimizer's state, and the state of what ticks."""
    (optimizer,) = trainer.optimizers
    (scheduler,) = (config.scheduler for config in trainer.lr_scheduler_configs)
    state = {name: optimizer.state[p] for group in optimizer.param_groups
             for name, p in zip(group["param_names"], group["params"], strict=True)}  # fmt: skip
    found = {"weights": dict(module.state_dict()), "state": state, "counted": scheduler.driver.state_dict()}
    rates = {group["name"]: group["lr"] for group in optimizer.param_groups}
    return copy.deepcopy({**found, "rates": rates})


# Of a checkpoint: when it is saved, and its name's beginning after the epochs of a stopped run.
MOMENTS = {
    "after validation": {"every_n_epochs": 1, "save_on_train_epoch_end": False},
    "after an epoch": {"every_n_epochs": 1, "save_on_train_epoch_end": True},
}
# What is measured when an epoch is over is not there after validation, before that.
LATER = ["plateau of the training loss", "plateau of what the module logs last"]
CASES = [(schedule, moment) for schedule in SCHEDULES for moment in MOMENTS
         if moment != "after validation" or schedule not in LATER]  # fmt: skip


@pytest.mark.parametrize(("schedule", "moment"), CASES)
def test_resumed_it_equals_the_unbroken_run(schedule: str, moment: str, tmp_path: Path) -> None:
    node = {**SCHEDULES[schedule]}
    keywords: dict[str, Any] = {"enable_checkpointing": True}
    unbroken = fit(HYBRID, node, tmp_path, callbacks=(saving(tmp_path / "all", **MOMENTS[moment]),), **keywords)
    file = tmp_path / "all" / f"epoch={STOP - 1}-step={STOP * BATCHES}.ckpt"
    with said() as texts:
        resumed = fit(HYBRID, node, tmp_path, callbacks=(saving(tmp_path / "later"),), ckpt_path=file, **keywords)
    assert resumed[0].seen == unbroken[0].seen[STOP * BATCHES :]
    assert same(result(*resumed), result(*unbroken))
    assert not texts


@pytest.mark.parametrize("schedule", ["PhasesLR by step", "FREQUENCY 6", "warm-up by steps, then a plateau"])
def test_saved_in_the_midst_of_an_epoch_the_count_goes_on(schedule: str, tmp_path: Path) -> None:
    keywords: dict[str, Any] = {"enable_checkpointing": True}
    callbacks = (saving(tmp_path / "all", every_n_train_steps=11),)
    unbroken = fit(ADAMW, SCHEDULES[schedule], tmp_path, callbacks=callbacks, **keywords)
    file = tmp_path / "all" / "epoch=1-step=11.ckpt"
    resumed = fit(
        ADAMW, SCHEDULES[schedule], tmp_path, callbacks=(saving(tmp_path / "later"),), ckpt_path=file, **keywords
    )
    # the loader begins again, which is Lightning's way: rates only
    count = EPOCHS * BATCHES - 11
    assert resumed[0].seen[:count] == unbroken[0].seen[11:]


@pytest.mark.parametrize("schedule", LATER)
def test_a_metric_that_was_not_there_yet_is_said_and_left_out(schedule: str, tmp_path: Path) -> None:
    node = SCHEDULES[schedule]
    keywords: dict[str, Any] = {"enable_checkpointing": True}
    fit(ADAMW, node, tmp_path, callbacks=(saving(tmp_path / "all", **MOMENTS["after validation"]),), **keywords)
    file = tmp_path / "all" / f"epoch={STOP - 1}-step={STOP * BATCHES}.ckpt"
    with said() as texts:
        _, trainer = fit(ADAMW, node, tmp_path, callbacks=(saving(tmp_path / "later"),), ckpt_path=file, **keywords)
    (text,) = texts
    assert text.startswith(f"lr_scheduler.MONITOR = '{node['MONITOR']}': the checkpoint was saved before its epoch's")
    assert trainer.lr_scheduler_configs[0].scheduler.driver.epochs == EPOCHS


def test_a_checkpoint_of_a_schedule_that_lightning_ticked_goes_on(tmp_path: Path) -> None:
    import scepter_opt
    from tests.hosts.lightning_app import QUIET, loader

    node = SCHEDULES["PhasesLR by step"]

    class Own(App):
        def configure_optimizers(self) -> Any:
            optimizer = scepter_opt.build_optimizer(self, ADAMW)
            scheduler = scepter_opt.build_lr_scheduler(optimizer, node, total_steps=EPOCHS * BATCHES)
            return [optimizer], [{"scheduler": scheduler, "interval": "step"}]

    keywords = {"default_root_dir": tmp_path, "enable_checkpointing": False, **QUIET}
    trainer = lightning.Trainer(max_epochs=STOP, **keywords)
    trainer.fit(Own(), loader(), loader(2))
    trainer.save_checkpoint(tmp_path / "own.ckpt")
    module, _ = fit(ADAMW, node, tmp_path, ckpt_path=tmp_path / "own.ckpt")
    expected, _ = fit(ADAMW, node, tmp_path)
    assert module.seen == expected.seen[STOP * BATCHES :]
    assert all(torch.equal(one, other) for one, other in zip(module.parameters(), expected.parameters(), strict=True))
