"""A generator of handwritten digits, the critic that it learns from, and the steps of both."""

from __future__ import annotations

import torch
from descent import descend
from processes import Processes
from torch import Tensor, nn
from torch.nn.functional import one_hot, relu
from torch.nn.utils.parametrizations import spectral_norm

NOISE = 32
"""Random numbers that a digit is made of."""


class Generator(nn.Module):
    """Makes an image of a given digit out of noise."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(NOISE + 10, 64 * 2 * 2, bias=False),
            nn.BatchNorm1d(64 * 2 * 2),
            nn.ReLU(),
            nn.Unflatten(1, (64, 2, 2)),
            nn.ConvTranspose2d(64, 48, kernel_size=4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(48),
            nn.ReLU(),
            nn.ConvTranspose2d(48, 32, kernel_size=4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 1, kernel_size=3, padding=1),
            nn.Sigmoid(),
        )

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        """Pixels from 0 to 1 of shape (images, 1, 8, 8)."""
        pixels: Tensor = self.net(torch.cat([noise, one_hot(labels, 10)], dim=1))
        return pixels


class Critic(nn.Module):
    """Scores how real an image of a given digit looks; spectral norms keep it smooth (Miyato et al., 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            spectral_norm(nn.Conv2d(11, 32, kernel_size=3, padding=1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(32, 64, kernel_size=4, stride=2, padding=1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(64, 64, kernel_size=4, stride=2, padding=1)),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            spectral_norm(nn.Linear(64 * 2 * 2, 1)),
        )

    def forward(self, pixels: Tensor, labels: Tensor) -> Tensor:
        """Scores of shape (images, 1)."""
        digit = one_hot(labels, 10)[:, :, None, None].expand(-1, -1, 8, 8)
        scores: Tensor = self.net(torch.cat([pixels, digit], dim=1))
        return scores


def critic_step(
    critic: nn.Module,
    generator: nn.Module,
    optimizer: torch.optim.Optimizer,
    pixels: Tensor,
    labels: Tensor,
    processes: Processes,
) -> float:
    """One step of the critic along its hinge loss; returns the loss before it."""
    # all processes draw the noise of the whole batch
    (noise, pixels, labels), weight = processes.share(torch.randn(len(labels), NOISE), pixels, labels)
    with torch.no_grad():
        made = generator(noise, labels)

    def hinge_loss() -> Tensor:
        return weight * (relu(1 - critic(pixels, labels)) + relu(1 + critic(made, labels))).mean()

    return descend(optimizer, hinge_loss, processes)


def generator_step(
    generator: nn.Module, critic: nn.Module, optimizer: torch.optim.Optimizer, labels: Tensor, processes: Processes
) -> float:
    """One step of the generator towards higher scores; returns the loss before it."""
    (noise, labels), weight = processes.share(torch.randn(len(labels), NOISE), labels)
    return descend(optimizer, lambda: -weight * critic(generator(noise, labels), labels).mean(), processes)


@torch.no_grad()
def sheet(generator: nn.Module, rows: int = 6) -> Tensor:
    """`rows` images of each digit, side by side with a pixel between them; the noise is the same at every call."""
    noise = torch.randn(rows * 10, NOISE, generator=torch.Generator().manual_seed(0))
    device = next(generator.parameters()).device
    pixels = generator.eval()(noise.to(device), torch.arange(10, device=device).repeat(rows)).cpu()
    framed = nn.functional.pad(pixels, (1, 1, 1, 1), value=0.3)
    return framed.reshape(rows, 10, 10, 10).transpose(1, 2).reshape(rows * 10, 100)
