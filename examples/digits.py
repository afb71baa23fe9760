"""The handwritten digits that ship with scikit-learn, and a small convolutional net that reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from descent import descend
from processes import Processes
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


class Images(NamedTuple):
    """Images with their labels."""

    pixels: Tensor
    """Shape (images, 1, 8, 8), from 0 to 1."""
    labels: Tensor
    """Shape (images,), from 0 to 9."""


class Scores(NamedTuple):
    """How well a model does on images that it was not trained with."""

    validation_loss: float
    """Mean cross entropy."""
    validation_accuracy: float
    """Share of the images whose label is found."""


def load() -> tuple[Images, Images]:
    """The 1437 images to train on and the 360 to validate with; the same for every seed."""
    pixels, labels = load_digits(return_X_y=True)
    parts = train_test_split(pixels, labels, test_size=360, stratify=labels, random_state=0)
    train_pixels, pixels = (torch.tensor(part / 16, dtype=torch.float32).reshape(-1, 1, 8, 8) for part in parts[:2])
    train_labels, labels = (torch.tensor(part) for part in parts[2:])
    return Images(train_pixels, train_labels), Images(pixels, labels)


class ConvNet(nn.Module):
    """Three convolutions and a linear head: 26,000 weights."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(_block(1, 16), _block(16, 32), nn.MaxPool2d(2), _block(32, 64), nn.MaxPool2d(2))
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(64 * 2 * 2, 10)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits of shape (images, 10)."""
        logits: Tensor = self.head(self.dropout(self.backbone(pixels).flatten(1)))
        return logits


def _block(channels_in: int, channels_out: int) -> nn.Module:
    convolution = nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out), nn.ReLU())


def steps_per_epoch(images: Images, batch_size: int, *, whole: bool = False) -> int:
    """Batches in an epoch; with `whole` only those of full size, but at least one."""
    count = len(images.labels)
    return max(count // batch_size, 1) if whole else -(-count // batch_size)


def batches(
    images: Images, batch_size: int, seed: int, first: int, last: int, *, whole: bool = False
) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of the steps `first` to `last` - 1 of a run, in epochs of a new order each.

    With `whole` an epoch leaves out the images that fill no batch.

    An epoch's order follows from the seed and its number, so a resumed run needs only the number of its next step.
    """
    per_epoch = steps_per_epoch(images, batch_size, whole=whole)
    for step in range(first, last):
        epoch, position = divmod(step, per_epoch)
        if step == first or position == 0:
            generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
            order = torch.randperm(len(images.labels), generator=generator)
        chosen = order[position * batch_size : (position + 1) * batch_size]
        yield images.pixels[chosen], images.labels[chosen]


def train_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, pixels: Tensor, labels: Tensor, processes: Processes
) -> float:
    """One optimizer step; returns the loss before it."""
    model.train()
    (pixels, labels), weight = processes.share(pixels, labels)
    return descend(optimizer, lambda: weight * cross_entropy(model(pixels), labels), processes)


@torch.no_grad()
def evaluate(model: nn.Module, images: Images) -> Scores:
    """Loss and accuracy over all images."""
    model.eval()
    images = Images(*(part.to(next(model.parameters()).device) for part in images))
    logits = model(images.pixels)
    hits = logits.argmax(dim=1) == images.labels
    return Scores(cross_entropy(logits, images.labels).item(), hits.float().mean().item())
