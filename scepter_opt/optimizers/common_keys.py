"""Keys that several of torch's optimizers share."""

from __future__ import annotations

from dataclasses import dataclass

from ..config.fields import NonNegative
from .base_optimizer import OptimizerConfig


# In three steps, as torch's constructors differ: Adafactor has the first, SGD and Adagrad have the second, most have
# all. A key is offered only where torch takes it.
@dataclass(kw_only=True)
class DecayKeys(OptimizerConfig):
    """Keys of the optimizers that decay weights and can climb instead of descend."""

    WEIGHT_DECAY: NonNegative = 0.0
    """Weight decay coefficient; 0 is none."""
    MAXIMIZE: bool = False
    """Whether the objective is maximized."""


@dataclass(kw_only=True)
class DifferentiableKeys(DecayKeys):
    """Keys of the optimizers through whose step autograd can go."""

    DIFFERENTIABLE: bool = False
    """Whether autograd goes through the step; slower."""


@dataclass(kw_only=True)
class CapturableKeys(DifferentiableKeys):
    """Keys of the optimizers whose step a CUDA graph can capture."""

    CAPTURABLE: bool = False
    """Whether the step can be captured in a CUDA graph; slower without one."""
