"""Resumed by Lightning's `ckpt_path=` after a regrouping, a run goes on bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.hosts import resuming
from tests.hosts.resuming import BATCHES, PLATEAU, RULES, SCHEDULES, STOP, Net, Result, Runs

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


def fit(optimizer: dict[str, Any], schedule: dict[str, Any], steps: int, folder: Path, resumed: bool = False) -> Result:
    """What so many steps come to, from the beginning or from the checkpoint in a folder."""
    place = folder if steps == STOP else folder / "later"
    saving = lightning.pytorch.callbacks.ModelCheckpoint(
        place, "stopped", every_n_epochs=STOP // BATCHES, save_top_k=-1
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


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(fit, tmp_path_factory)


@resuming.every_case
def test_regrouped_and_resumed_a_run_goes_on_bit_for_bit(
    optimizer: str, implementation: str, schedule: str, regrouped: str, runs: Runs
) -> None:
    differing, texts = runs.resumed(*resuming.nodes(optimizer, implementation, regrouped), schedule)
    assert not differing
    assert not texts


@pytest.mark.parametrize("optimizer", RULES)
def test_a_rate_that_was_changed_is_said_once_and_the_checkpoints_holds(optimizer: str, runs: Runs) -> None:
    differing, texts = runs.resumed(*resuming.nodes(optimizer, "fused", "to more", LEARNING_RATE=0.5), "PhasesLR")
    assert not differing
    (text,) = texts
    assert text.startswith("optimizer: the loaded state differs from the configuration. LEARNING_RATE (")
    assert "configuration 0.5, checkpoint 0.01; the checkpoint's holds" in text


@pytest.mark.parametrize(
    ("schedule", "changed", "text", "held"),
    [
        (PLATEAU, {"FACTOR": 0.25}, "the checkpoint's holds. FACTOR: configuration 0.25, checkpoint 0.5", True),
        ("PhasesLR", {"FIRST_STEP": 1}, "the configuration's holds. FIRST_STEP: configuration 1, checkpoint 0", False),
    ],
)
def test_a_schedule_that_was_changed_is_said_once(
    schedule: str, changed: dict[str, Any], text: str, held: bool, runs: Runs
) -> None:
    differing, (found,) = runs.resumed(*resuming.nodes("AdamW", "fused", "as they were"), schedule, changed)
    assert text in found
    assert (not differing) is held


def test_without_names_a_run_would_not_go_on(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    from scepter_opt.runtime import loading

    monkeypatch.setattr(loading, "_is_ours", lambda *_: False)
    with pytest.raises((RuntimeError, ValueError)):  # state of another shape, or groups of other sizes
        runs.resumed(*resuming.nodes("AdamW", "for_loop", "in another order"), "CosineAnnealingLR")


def test_the_rules_of_these_tests_regroup() -> None:
    for optimizer, regroupings in RULES.items():
        for regrouped in regroupings:
            before, after = (
                [group["param_names"] for group in resuming.build(Net(), node, SCHEDULES["PhasesLR"])[0].param_groups]
                for node in resuming.nodes(optimizer, "fused", regrouped)
            )
            assert (before == after) is (regrouped == "as they were")
            assert (len(after) > len(before)) is ("to more" in regrouped)
            assert (len(after) < len(before)) is ("to fewer" in regrouped)


class Watched(Module):
    """The same, which notes the rate of each step."""

    def __init__(self, *nodes: dict[str, Any]) -> None:
        super().__init__(*nodes)
        self.seen: list[list[float]] = []

    def on_train_batch_start(self, *_: Any) -> None:
        self.seen.append([group["lr"] for group in self.trainer.optimizers[0].param_groups])


@pytest.mark.parametrize("schedule", ["PhasesLR", "CosineAnnealingLR", "LambdaLR"])
def test_a_run_is_ended_from_a_checkpoint_of_lightnings(schedule: str, tmp_path: Path) -> None:
    optimizer, _ = resuming.nodes("AdamW", "fused", "as they were")
    fit(optimizer, SCHEDULES[schedule], STOP, tmp_path)
    finish = {"CURVE": "linear", "TO": 0.0}
    module = Watched(optimizer, {**SCHEDULES[schedule], "FINISH": finish})
    trainer = lightning.Trainer(
        max_epochs=resuming.STEPS // BATCHES, default_root_dir=tmp_path, accelerator="cpu", enable_checkpointing=False,
        **QUIET,
    )  # fmt: skip
    data = torch.utils.data.TensorDataset(resuming.inputs())
    trainer.fit(module, torch.utils.data.DataLoader(data, batch_size=4), ckpt_path=tmp_path / "stopped.ckpt")
    first, steps = module.seen[0], resuming.STEPS - STOP
    for k, rates in enumerate(module.seen):
        assert rates == pytest.approx([rate * (1 - k / steps) for rate in first], abs=1e-12)
    assert len(module.seen) == steps
