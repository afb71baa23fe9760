"""Data for an app whose own cannot be had: it is copied beside the app, whose YAML names it."""

from __future__ import annotations

from typing import Any

import lightning
import torch
from torch.utils.data import DataLoader, TensorDataset


class Tiny(lightning.LightningDataModule):  # type: ignore[misc]  # without types here
    """64 images of 28 x 28 that show which of ten classes they are of, in batches of 16."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        labels = torch.randint(0, 10, (64,), generator=generator)
        images = torch.nn.functional.one_hot(labels, 784).reshape(-1, 1, 28, 28)
        self.batch_size = 16
        self.data = TensorDataset(images + 0.1 * torch.randn(64, 1, 28, 28, generator=generator), labels)

    def train_dataloader(self) -> DataLoader[Any]:
        """The images, in order."""
        return DataLoader(self.data, batch_size=self.batch_size)

    def val_dataloader(self) -> DataLoader[Any]:
        """The same."""
        return self.train_dataloader()
