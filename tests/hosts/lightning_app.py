"""What the tests of Lightning share: an app's module that knows nothing of this package, and the loop it stands for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt

lightning: Any = pytest.importorskip("lightning")

BATCHES, SIZE, EPOCHS = 8, 4, 4
QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
# nothing is an improvement, so that each metric but the first drops the rate
DROPS = {"MONITOR": "val/loss", "PATIENCE": 0, "THRESHOLD": 0.9, "FACTOR": 0.5}
WARMUP = {"warmup": {"CURVE": "linear", "FROM": 0.0, "TO": 1.0, "LENGTH": 5}}
PHASES = {**WARMUP, "decay": {"CURVE": "cosine", "TO": 0.1}}
SCHEDULES: dict[str, dict[str, Any]] = {
    "PhasesLR by step": {"NAME": "PhasesLR", "PHASES": PHASES},
    "PhasesLR by epoch": {
        "NAME": "PhasesLR",
        "INTERVAL": "epoch",
        "PHASES": {
            "warmup": {"CURVE": "linear", "FROM": 0.5, "TO": 1.0, "LENGTH": 2},
            "decay": {"CURVE": "linear", "TO": 0.1},
        },
    },
    "StepLR by epoch": {"NAME": "StepLR", "STEP_SIZE": 1, "GAMMA": 0.5, "INTERVAL": "epoch"},
    "FREQUENCY 6": {"NAME": "StepLR", "STEP_SIZE": 1, "GAMMA": 0.5, "FREQUENCY": 6},
    "PlateauLR": {"NAME": "PlateauLR", **DROPS},
    "warm-up by steps, then a plateau": {"NAME": "PlateauLR", "INTERVAL": "step", "PHASES": WARMUP, **DROPS},
    "ReduceLROnPlateau": {"NAME": "ReduceLROnPlateau", "INTERVAL": "epoch", **DROPS},
    "plateau of the training loss": {"NAME": "PlateauLR", **DROPS, "MONITOR": "train/loss"},
    "plateau of what the module logs last": {"NAME": "PlateauLR", **DROPS, "MONITOR": "last"},
}
ADAMW: dict[str, Any] = {
    "NAME": "AdamW",
    "LEARNING_RATE": 0.01,
    "PARAM_GROUPS": {"no_decay": {"WHERE": {"KINDS": ["bias", "norm"]}, "SET": {"WEIGHT_DECAY": 0.0}}},
}
HYBRID: dict[str, Any] = {
    "NAME": "Hybrid",
    "DEFAULT": "adamw",
    "OPTIMIZERS": {"muon": {"NAME": "Muon", "LEARNING_RATE": 0.02}, "adamw": {"NAME": "AdamW", "LEARNING_RATE": 0.01}},
    "PARAM_GROUPS": {
        "hidden": {"WHERE": {"NAMES": "net.0.*", "KINDS": "matrix"}, "SET": {"OPTIMIZER": "muon", "LR_MULT": 0.5}}
    },
}


def inputs(seed: int = 1) -> torch.Tensor:
    return torch.randn(BATCHES * SIZE, 4, generator=torch.Generator().manual_seed(seed))


def loader(seed: int = 1) -> torch.utils.data.DataLoader[Any]:
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(inputs(seed)), batch_size=SIZE)


class App(lightning.LightningModule):  # type: ignore[misc]  # without types here
    """An app's module; what it would train with is never asked for."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.LayerNorm(6), nn.Linear(6, 2))
        self.seen: list[list[float]] = []

    def loss(self, batch: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor = self.net(batch).square().mean()
        return loss

    def training_step(self, batch: Any, number: int) -> torch.Tensor:
        del number
        loss = self.loss(batch[0])
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, number: int) -> None:
        del number
        self.log("val/loss", self.loss(batch[0]))

    def on_train_epoch_end(self) -> None:
        # of a run that goes on from a checkpoint after validation nothing is there yet
        if "val/loss" in self.trainer.callback_metrics:
            self.log("last", self.trainer.callback_metrics["val/loss"])

    def on_train_batch_start(self, *_: Any) -> None:
        self.seen.append([group["lr"] for group in self.trainer.optimizers[0].param_groups])

    def configure_optimizers(self) -> Any:
        raise AssertionError("the callback stands in for this")


class Calling(App):
    """The same, which returns what one call makes."""

    def __init__(self, *nodes: Any) -> None:
        super().__init__()
        self.nodes = nodes

    def configure_optimizers(self) -> Any:
        from scepter_opt.integrations.lightning import configure

        return configure(self, *self.nodes)


def fit(
    optimizer: dict[str, Any],
    schedule: dict[str, Any] | None,
    folder: Path,
    *,
    called: bool = False,
    callbacks: tuple[Any, ...] = (),
    ckpt_path: Path | None = None,
    **keywords: Any,
) -> tuple[App, Any]:
    """A module after a run, and its trainer; the nodes come by the callback or by the call."""
    from scepter_opt.integrations.lightning import Configure

    module = Calling(optimizer, schedule) if called else App()
    added = [] if called else [Configure(optimizer=optimizer, lr_scheduler=schedule)]
    keywords = {"max_epochs": EPOCHS, "enable_checkpointing": False, **QUIET, **keywords}
    trainer = lightning.Trainer(default_root_dir=folder, callbacks=[*added, *callbacks], **keywords)
    trainer.fit(module, loader(), loader(2), ckpt_path=ckpt_path)
    return module, trainer


def plain(
    optimizer: dict[str, Any],
    schedule: dict[str, Any],
    clip: Callable[[nn.Module], Any] = lambda _: None,
    epochs: int = EPOCHS,
) -> App:
    """The same run as a loop written by hand, with the driver."""
    module = App()
    horizon = scepter_opt.Horizon(BATCHES * epochs, BATCHES)
    built = scepter_opt.build_optimizer(module, optimizer)
    driver = scepter_opt.Driver(scepter_opt.build_lr_scheduler(built, schedule, horizon), schedule)
    for _ in range(epochs):
        losses = []
        for batch in torch.split(inputs(), SIZE):
            module.seen.append([group["lr"] for group in built.param_groups])
            built.zero_grad()
            losses.append(module.loss(batch))
            losses[-1].backward()  # type: ignore[no-untyped-call]  # torch's own
            clip(module)
            built.step()
            # torch's plateau takes a metric at every tick, which here are epochs
            driver.step()
        with torch.no_grad():
            validated = torch.stack([module.loss(batch) for batch in torch.split(inputs(2), SIZE)]).mean()
        metrics = {"train/loss": torch.stack(losses).mean(), "val/loss": validated, "last": validated}
        driver.end_epoch({name: float(value.detach()) for name, value in metrics.items()})
    return module
