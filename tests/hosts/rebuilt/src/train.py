"""An app as thousands are: all by `hydra.utils.instantiate`, optimizer and schedule as partials."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import hydra
import lightning
import torch
from hydra.utils import instantiate

sys.path.insert(0, str(Path(__file__).parent.parent))


class Classifier(lightning.LightningModule):  # type: ignore[misc]  # without types here
    """Holds what Hydra made of the model's node."""

    def __init__(self, net: torch.nn.Module, optimizer: Any, scheduler: Any) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["net"], logger=False)
        self.net = net

    def _loss(self, batch: Any) -> torch.Tensor:
        images, labels = batch
        return torch.nn.functional.cross_entropy(self.net(images.flatten(1)), labels)

    def training_step(self, batch: Any, number: int) -> torch.Tensor:
        """The loss of a batch."""
        del number
        loss = self._loss(batch)
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, number: int) -> None:
        """Log the loss of a batch."""
        del number
        self.log("val/loss", self._loss(batch))

    def configure_optimizers(self) -> Any:
        """What Hydra made, over an iterator."""
        optimizer = self.hparams.optimizer(params=self.trainer.model.parameters())
        if self.hparams.scheduler is None:
            return optimizer
        scheduler = self.hparams.scheduler(optimizer=optimizer)
        return [optimizer], [{"scheduler": scheduler, "monitor": "val/loss", "interval": "epoch"}]


@hydra.main(version_base="1.3", config_path="../configs", config_name="train")
def main(cfg: Any) -> float | None:
    """Train, and return the metric of a search."""
    if cfg.seed is not None:
        lightning.seed_everything(cfg.seed)
    made = {key: [instantiate(node) for node in (cfg.get(key) or {}).values()] for key in ("callbacks", "logger")}
    trainer = instantiate(cfg.trainer, **made)
    trainer.fit(instantiate(cfg.model), datamodule=instantiate(cfg.data), ckpt_path=cfg.get("ckpt_path"))
    metric = cfg.get("optimized_metric")
    return float(trainer.callback_metrics[metric]) if metric else None


if __name__ == "__main__":
    main()
