"""Optimizers of other packages, one class each: NAME is the import path. Defaults are theirs, held to it by a test."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

from ..config.fields import (
    Beta,
    Betas,
    Bounds,
    CheckedAs,
    ImportPath,
    NonNegative,
    Positive,
    WholeFromOne,
    WholeFromZero,
)
from ..config.ranges import Scale
from .base_optimizer import BaseOptimize, OptimizerConfig
from .common_keys import DecayKeys
from .registry import OPTIMIZERS

OptionalBeta = Annotated[float | None, CheckedAs(Beta | None)]
OptionalImportPath = Annotated[str | None, CheckedAs(ImportPath | None)]


@dataclass(kw_only=True)
class DecouplingKeys(DecayKeys):
    """Keys of those of pytorch_optimizer that decay weights in several ways."""

    WEIGHT_DECOUPLE: bool = False
    """Whether weights are decayed by themselves, as in AdamW, and not through the gradient."""
    FIXED_DECAY: bool = False
    """Whether a decay by itself is the same at every learning rate."""


@OPTIMIZERS.register_class(name="pytorch_optimizer.Lion")
class Lion(BaseOptimize):
    """Steps of one size in the direction of the sign of an interpolated momentum (Chen et al., 2023)."""

    target = "pytorch_optimizer.Lion"
    # decay apart from the gradient, as AdamW's
    search_space = MappingProxyType({"WEIGHT_DECAY": Scale(1e-3, 1.0)})
    implementations = ("foreach",)
    read_once = ("MAXIMIZE",)

    @dataclass(kw_only=True)
    class Config(DecouplingKeys):
        LEARNING_RATE: NonNegative = 1e-4
        """Size of each weight's step; a third to a tenth of what AdamW takes."""
        BETAS: Betas = (0.9, 0.99)
        """How much of the momentum is in the step, and how much of it is kept."""
        WEIGHT_DECOUPLE: bool = True
        """Whether weights are decayed by themselves, as in AdamW, and not through the gradient."""


@OPTIMIZERS.register_class(name="pytorch_optimizer.ADOPT")
class ADOPT(BaseOptimize):
    """Adam that converges at any second beta, dividing by the moment of the step before (Taniguchi et al., 2024)."""

    target = "pytorch_optimizer.ADOPT"
    implementations = ("foreach",)
    read_once = ("MAXIMIZE",)

    @dataclass(kw_only=True)
    class Config(DecouplingKeys):
        LEARNING_RATE: NonNegative = 1e-3
        """Step size."""
        BETAS: Betas = (0.9, 0.9999)
        """Decay rates of the first and the second moment."""
        EPS: NonNegative = 1e-6
        """The least that the gradient is divided by."""
        CLIP_LAMBDA: OptionalImportPath = None
        """Import path of the bound on the scaled gradient, a function of the step; null is its fourth root."""


@OPTIMIZERS.register_class(name="pytorch_optimizer.AdEMAMix")
class AdEMAMix(BaseOptimize):
    """AdamW with a second, slow momentum, which remembers old gradients (Pagliardini et al., 2024)."""

    target = "pytorch_optimizer.AdEMAMix"
    implementations = ("foreach",)
    read_once = ("MAXIMIZE",)

    @dataclass(kw_only=True)
    class Config(DecouplingKeys):
        LEARNING_RATE: NonNegative = 1e-3
        """Step size."""
        BETAS: tuple[Beta, Beta, Beta] = (0.9, 0.999, 0.9999)
        """Decay rates of the fast momentum, the second moment and the slow momentum."""
        ALPHA: NonNegative = 5.0
        """Weight of the slow momentum in the step."""
        T_ALPHA_BETA3: Annotated[float | None, CheckedAs(Positive | None)] = None
        """Steps over which ALPHA and the slow momentum's rate grow to their values; null is none."""
        EPS: NonNegative = 1e-8
        """Added to the root of the second moment."""


class DataFormat(str, enum.Enum):
    """How the dimensions of convolutions lie, for SOAP to merge."""

    channels_first = "channels_first"
    channels_last = "channels_last"


@OPTIMIZERS.register_class(name="pytorch_optimizer.SOAP")
class SOAP(BaseOptimize):
    """Adam in the eigenbasis of Shampoo's preconditioner (Vyas et al., 2024)."""

    target = "pytorch_optimizer.SOAP"
    # decay apart from the gradient, as AdamW's
    search_space = MappingProxyType({"WEIGHT_DECAY": Scale(1e-3, 1.0)})
    read_once = ("MAXIMIZE", "DATA_FORMAT")

    @dataclass(kw_only=True)
    class Config(DecayKeys):
        LEARNING_RATE: NonNegative = 3e-3
        """Step size."""
        WEIGHT_DECAY: NonNegative = 1e-2
        """Weight decay coefficient; 0 is none."""
        BETAS: Betas = (0.95, 0.95)
        """Decay rates of the first and the second moment."""
        SHAMPOO_BETA: OptionalBeta = None
        """Decay rate of the preconditioner; null is the second of BETAS."""
        PRECONDITION_FREQUENCY: WholeFromOne = 10
        """Steps from one eigenbasis to the next."""
        MAX_PRECONDITION_DIM: WholeFromOne = 10_000
        """The longest dimension that is preconditioned."""
        MERGE_DIMS: bool = False
        """Whether small dimensions are merged first."""
        PRECONDITION_1D: bool = False
        """Whether vectors are preconditioned too."""
        CORRECT_BIAS: bool = True
        """Whether the moments are corrected for their start at zero."""
        NORMALIZE_GRADIENT: bool = False
        """Whether each parameter's step is scaled to a mean square of 1."""
        DATA_FORMAT: DataFormat = DataFormat.channels_first
        """How the dimensions of convolutions lie."""
        EPS: NonNegative = 1e-8
        """Added to the root of the second moment."""


@OPTIMIZERS.register_class(name="pytorch_optimizer.Prodigy")
class Prodigy(BaseOptimize):
    """Adam that finds its step size by itself; leave the learning rate at 1 (Mishchenko and Defazio, 2023)."""

    target = "pytorch_optimizer.Prodigy"
    # it finds its rate by itself, and this is a factor on it
    search_space = MappingProxyType({"LEARNING_RATE": Scale(0.1, 10.0), "WEIGHT_DECAY": Scale(1e-3, 1.0)})
    implementations = ("foreach",)
    read_once = ("MAXIMIZE",)

    @dataclass(kw_only=True)
    class Config(DecouplingKeys):
        LEARNING_RATE: NonNegative = 1.0
        """Factor on the step size that it finds."""
        WEIGHT_DECOUPLE: bool = True
        """Whether weights are decayed by themselves, as in AdamW, and not through the gradient."""
        BETAS: Betas = (0.9, 0.999)
        """Decay rates of the first and the second moment."""
        BETA3: OptionalBeta = None
        """Decay rate of the estimated distance; null is the root of the second of BETAS."""
        D0: Positive = 1e-6
        """The distance to the optimum that it begins with."""
        D_COEF: Positive = 1.0
        """Factor on the estimated distance."""
        GROWTH_RATE: Annotated[float, Bounds(ge=1)] = math.inf
        """The most by which the estimated distance grows in a step, as a factor."""
        BIAS_CORRECTION: bool = False
        """Whether the moments are corrected for their start at zero."""
        SAFEGUARD_WARMUP: bool = False
        """Whether a warm-up of the rate is kept out of the estimate."""
        EPS: Annotated[float | None, CheckedAs(NonNegative | None)] = 1e-8
        """Added to the root of the second moment; null divides by an arc tangent instead."""


@OPTIMIZERS.register_class(name="torchao.optim.AdamW8bit")
class AdamW8bit(BaseOptimize):
    """AdamW whose moments are kept in 8 bits, a quarter of the memory (Dettmers et al., 2021)."""

    target = "torchao.optim.AdamW8bit"
    # decay apart from the gradient, as AdamW's
    search_space = MappingProxyType({"WEIGHT_DECAY": Scale(1e-3, 1.0)})
    read_once = ("BLOCK_SIZE", "BF16_STOCHASTIC_ROUND")

    @dataclass(kw_only=True)
    class Config(OptimizerConfig):
        LEARNING_RATE: NonNegative = 1e-3
        """Step size."""
        BETAS: Betas = (0.9, 0.999)
        """Decay rates of the first and the second moment."""
        EPS: NonNegative = 1e-8
        """Added to the root of the second moment."""
        WEIGHT_DECAY: NonNegative = 0.01
        """Weight decay coefficient; 0 is none."""
        AMSGRAD: bool = False
        """Whether the largest second moment so far is divided by."""
        BLOCK_SIZE: WholeFromOne = 256
        """Numbers that share a scale."""
        BF16_STOCHASTIC_ROUND: bool = False
        """Whether weights in bfloat16 are rounded at random, which keeps small updates on average."""


@OPTIMIZERS.register_class(name="schedulefree.AdamWScheduleFree")
class AdamWScheduleFree(BaseOptimize):
    """AdamW that needs no schedule: weights are averages, and evaluated as such (Defazio et al., 2024)."""

    target = "schedulefree.AdamWScheduleFree"
    # decay apart from the gradient, as AdamW's
    search_space = MappingProxyType({"LEARNING_RATE": Scale(1e-4, 1e-1), "WEIGHT_DECAY": Scale(1e-3, 1.0)})
    implementations = ("foreach",)

    @dataclass(kw_only=True)
    class Config(OptimizerConfig):
        LEARNING_RATE: NonNegative = 2.5e-3
        """Step size; one to ten times what AdamW takes."""
        BETAS: Betas = (0.9, 0.999)
        """How near to the average gradients are taken, and the decay rate of the second moment."""
        EPS: NonNegative = 1e-8
        """Added to the root of the second moment."""
        WEIGHT_DECAY: NonNegative = 0.0
        """Weight decay coefficient; 0 is none."""
        WARMUP_STEPS: WholeFromZero = 0
        """Steps of a linear warm-up."""
        R: NonNegative = 0.0
        """Power of the step by which weights count in the average."""
        WEIGHT_LR_POWER: NonNegative = 2.0
        """Power of the largest rate so far by which weights count in the average."""
