"""Resumed by Lightning's `ckpt_path=` after a regrouping, a run goes on bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.hosts import resuming
from tests.hosts.resuming import BATCHES, PLATEAU, RULES, SCHEDULES, STEPS, STOP, Net, node
from tests.support import said

lightning: Any = pytest.importorskip("lightning")
pytestmark = [
    pytest.mark.hosts,
    pytest.mark.filterwarnings("ignore"),  # Lightning's own, of loaders, loggers and processes
]
QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}


class Module(lightning.LightningModule):  # type: ignore[misc]  # without types here
    """An app's module.

    Args:
        optimizer: The optimizer's node.
        schedule: The scheduler's node.
    """

    def __init__(self, optimizer: dict[str, Any], schedule: dict[str, Any]) -> None:
        super().__init__()
        self.net = Net()
        self.nodes = optimizer, schedule

    def training_step(self, batch: Any, number: int) -> torch.Tensor:
        del number
        loss: torch.Tensor = self.net(batch[0]).square().mean()
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        optimizer, scheduler = resuming.build(self.net, *self.nodes)
        # Lightning gives a plateau its metric at the ends of epochs
        told = {"interval": "epoch", "monitor": "loss"} if is_plateau(self.nodes[1]) else {"interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, **told}}


def is_plateau(schedule: dict[str, Any]) -> bool:
    return bool(schedule["NAME"] == PLATEAU)


def fit(optimizer: dict[str, Any], schedule: dict[str, Any], steps: int, folder: Path, resumed: bool = False) -> Any:
    """What so many steps come to, from the beginning or from the checkpoint in a folder."""
    saving = lightning.pytorch.callbacks.ModelCheckpoint(
        folder, "stopped", every_n_epochs=STOP // BATCHES, save_top_k=-1
    )
    # at the end of an epoch ModelCheckpoint saves before a plateau has seen the metric, and Lightning loses that tick
    by_hand = is_plateau(schedule)
    trainer = lightning.Trainer(
        max_epochs=steps // BATCHES, default_root_dir=folder, accelerator="cpu", enable_checkpointing=not by_hand,
        callbacks=[] if by_hand else [saving], **QUIET,
    )  # fmt: skip
    module, data = Module(optimizer, schedule), torch.utils.data.TensorDataset(resuming.inputs())
    file = folder / "stopped.ckpt"
    trainer.fit(module, torch.utils.data.DataLoader(data, batch_size=4), ckpt_path=file if resumed else None)
    if by_hand and steps == STOP:
        trainer.save_checkpoint(file)
    return resuming.result(module.net, trainer.optimizers[0])


@resuming.optimizers
@resuming.implementations
@resuming.schedules
@resuming.regroupings
def test_regrouped_and_resumed_a_run_goes_on_bit_for_bit(
    optimizer: str, implementation: str, schedule: str, regrouped: str, runs: resuming.Runs
) -> None:
    before, after = (node(optimizer, implementation, rules) for rules in RULES[optimizer][regrouped])
    unbroken, folder = runs(fit, before, SCHEDULES[schedule])
    with said() as texts:
        resumed = fit(after, SCHEDULES[schedule], STEPS, folder, resumed=True)
    assert not texts
    resuming.check_same(resumed, unbroken)


@resuming.optimizers
def test_a_rate_that_was_changed_is_said_once_and_the_checkpoints_holds(optimizer: str, runs: resuming.Runs) -> None:
    before, after = RULES[optimizer]["to more"]
    schedule = SCHEDULES["PhasesLR"]
    unbroken, folder = runs(fit, node(optimizer, "fused", before), schedule)
    with said() as texts:
        resumed = fit(node(optimizer, "fused", after, LEARNING_RATE=0.5), schedule, STEPS, folder, resumed=True)
    (text,) = texts
    assert text.startswith("optimizer: the loaded state differs from the configuration. LEARNING_RATE (")
    assert "configuration 0.5, checkpoint 0.01; the checkpoint's holds" in text
    resuming.check_same(resumed, unbroken)


@pytest.mark.parametrize(
    ("schedule", "changed", "text"),
    [
        ("LambdaLR", {"LR_LAMBDA": "tests.support.ratio"}, "tests.support.decay; the checkpoint's holds"),
        ("PhasesLR", {"FIRST_STEP": 1}, "FIRST_STEP: configuration 1, checkpoint 0"),
    ],
)
def test_a_schedule_that_was_changed_is_said_once(
    schedule: str, changed: dict[str, Any], text: str, runs: resuming.Runs
) -> None:
    cfg = node("AdamW", "fused", RULES["AdamW"]["as they were"][0])
    _, folder = runs(fit, cfg, SCHEDULES[schedule])
    with said() as texts:
        fit(cfg, SCHEDULES[schedule] | changed, STEPS, folder, resumed=True)
    (found,) = texts
    assert text in found


def test_without_names_another_groups_state_is_taken(runs: resuming.Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    from scepter_opt.runtime import loading

    before, after = (node("AdamW", "for_loop", rules) for rules in RULES["AdamW"]["in another order"])
    schedule = SCHEDULES["CosineAnnealingLR"]
    unbroken, folder = runs(fit, before, schedule)
    monkeypatch.setattr(loading, "_is_ours", lambda *_: False)
    try:
        resumed = fit(after, schedule, STEPS, folder, resumed=True)
    except (RuntimeError, ValueError):
        return  # state of another shape, or groups of other sizes
    with pytest.raises(AssertionError):
        resuming.check_same(resumed, unbroken)
