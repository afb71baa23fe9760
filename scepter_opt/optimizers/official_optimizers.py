"""torch's other optimizers, one class each. Defaults are torch's, held to it by a test."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

from ..config.base import Conflict
from ..config.fields import Bounds, CheckedAs, NonNegative, OptionalWholeFromOne, WholeFromOne
from ..config.ranges import Scale
from .base_optimizer import BaseOptimize, OptimizerConfig
from .common_keys import CapturableKeys, DifferentiableKeys
from .registry import OPTIMIZERS


@OPTIMIZERS.register_class()
class ASGD(BaseOptimize):
    """Stochastic gradient descent with averaged weights (Polyak and Juditsky, 1992)."""

    target = "torch.optim.ASGD"
    implementations = ("foreach",)
    compiles = True
    search_space = MappingProxyType({"LEARNING_RATE": Scale(1e-3, 1.0)})

    @dataclass(kw_only=True)
    class Config(CapturableKeys):
        LEARNING_RATE: NonNegative = 1e-2
        """Step size at the start."""
        # torch bounds none of these three, and neither does the method
        LAMBD: float = 1e-4
        """Decay of the step size."""
        ALPHA: float = 0.75
        """Power of the step size's decay."""
        T0: float = 1e6
        """Step from which weights are averaged."""


class LineSearch(str, enum.Enum):
    """Line searches of LBFGS."""

    strong_wolfe = "strong_wolfe"


@OPTIMIZERS.register_class()
class LBFGS(BaseOptimize):
    """Limited-memory BFGS: a quasi-Newton method whose step takes a closure and one group only."""

    target = "torch.optim.LBFGS"
    # its state is one flat vector over all parameters
    one_group = True
    refused_in_hybrid = "it evaluates the closure by itself, many times in a step"
    refused_in_shards = "it makes one vector of all"
    search_space = MappingProxyType({"LEARNING_RATE": Scale(1e-2, 1.0)})

    @dataclass(kw_only=True)
    class Config(OptimizerConfig):
        LEARNING_RATE: NonNegative = 1.0
        """Step size."""
        MAX_ITER: WholeFromOne = 20
        """Iterations per step."""
        # null and not the 25 of torch's defaults, which it makes of MAX_ITER: that may be set alone
        MAX_EVAL: OptionalWholeFromOne = None
        """Evaluations of the closure per step; null is 1.25 times MAX_ITER."""
        TOLERANCE_GRAD: NonNegative = 1e-7
        """Largest gradient entry at which a step ends."""
        TOLERANCE_CHANGE: NonNegative = 1e-9
        """Change of the loss or the parameters at which a step ends."""
        HISTORY_SIZE: WholeFromOne = 100
        """Updates that are kept to model the curvature."""
        LINE_SEARCH_FN: LineSearch | None = None
        """strong_wolfe, or null for none."""


class MuonScaling(str, enum.Enum):
    """How Muon adjusts its rate to a matrix's shape."""

    original = "original"
    match_rms_adamw = "match_rms_adamw"
    # of torch 2.14: an older one refuses it at the build, where it is known which is installed
    spectral_unclamped = "spectral_unclamped"


@OPTIMIZERS.register_class()
class Muon(BaseOptimize):
    """Momentum made orthogonal by a Newton-Schulz iteration; takes matrices only (Jordan et al., 2024)."""

    target = "torch.optim.Muon"
    tensor_lr = False
    # Not among those that compile: it would be no faster, and its iteration in bfloat16 rounds otherwise then.
    # Muon's constructor refuses other dimensions even of frozen parameters, so the plan leaves those out.
    dimensions = 2
    # a table of vectors has two dimensions as well, and is no map from one space to another
    refused_kinds = ("embedding",)
    # an orthogonal update is larger than its gradient; decay is multiplied with the rate, as AdamW's is
    search_space = MappingProxyType({"LEARNING_RATE": Scale(1e-3, 1e-1), "WEIGHT_DECAY": Scale(1e-3, 1.0)})

    @dataclass(kw_only=True)
    class Config(OptimizerConfig):
        LEARNING_RATE: NonNegative = 1e-3
        """Step size."""
        WEIGHT_DECAY: NonNegative = 0.1
        """Share of a weight that decays per step, times the step size."""
        MOMENTUM: NonNegative = 0.95
        """Fraction of the previous update that is kept."""
        NESTEROV: bool = True
        """Whether the momentum looks ahead (Nesterov)."""
        NS_COEFFICIENTS: tuple[float, float, float] = (3.4445, -4.775, 2.0315)
        """Coefficients of the Newton-Schulz polynomial."""
        EPS: NonNegative = 1e-7
        """Added to the norm for numerical stability."""
        # torch refuses 100 and more only in its first step, when the model and the data are loaded
        NS_STEPS: Annotated[int | float, CheckedAs(Annotated[int, Bounds(ge=0, lt=100)])] = 5
        """Newton-Schulz iterations; below 100."""
        ADJUST_LR_FN: MuonScaling | None = None
        """How the rate follows a shape: original (also null), match_rms_adamw, spectral_unclamped (torch 2.14)."""


@OPTIMIZERS.register_class()
class Rprop(BaseOptimize):
    """Step sizes from the signs of gradients alone, for full batches (Riedmiller and Braun, 1993)."""

    target = "torch.optim.Rprop"
    implementations = ("foreach",)
    compiles = True

    @dataclass(kw_only=True)
    class Config(OptimizerConfig):
        LEARNING_RATE: NonNegative = 1e-2
        """Step size at the start."""
        # bounds on each keep them in the order that torch asks for: one below 1, one above
        ETAS: tuple[Annotated[float, Bounds(gt=0, lt=1)], Annotated[float, Bounds(gt=1)]] = (0.5, 1.2)
        """Factors by which a step size falls (below 1) and grows (above 1)."""
        STEP_SIZES: tuple[NonNegative, NonNegative] = (1e-6, 50.0)
        """Smallest and largest step size."""
        MAXIMIZE: bool = False
        """Whether the objective is maximized."""
        DIFFERENTIABLE: bool = False
        """Whether autograd goes through the step; slower."""
        CAPTURABLE: bool = False
        """Whether the step can be captured in a CUDA graph; slower without one."""


@OPTIMIZERS.register_class()
class SGD(BaseOptimize):
    """Stochastic gradient descent, optionally with (Nesterov) momentum."""

    target = "torch.optim.SGD"
    implementations = ("foreach", "fused")
    fastest_fused = ("cpu", "cuda")
    # fused_takes_dtensors stays false: under FSDP2 its fused kernel raises
    fused_slow_strided = True
    compiles = True
    # torch's default of 1e-3 is where SGD begins to learn at all
    search_space = MappingProxyType({"LEARNING_RATE": Scale(1e-3, 1.0)})

    @dataclass(kw_only=True)
    class Config(DifferentiableKeys):
        idle = (("DAMPENING", "MOMENTUM"),)
        conflicts = (
            # torch refuses both in one sentence; here each problem stands at its own key
            Conflict(
                ("NESTEROV", "MOMENTUM"),
                lambda c: c.NESTEROV and c.MOMENTUM <= 0,
                "Nesterov momentum needs MOMENTUM above 0.",
            ),
            Conflict(
                ("NESTEROV", "DAMPENING"),
                lambda c: c.NESTEROV and c.DAMPENING != 0,
                "Nesterov momentum needs DAMPENING 0.",
            ),
        )
        LEARNING_RATE: NonNegative = 1e-3
        """Step size."""
        MOMENTUM: NonNegative = 0.0
        """Fraction of the previous update that is kept."""
        DAMPENING: float = 0.0
        """Fraction of the gradient that does not enter the momentum."""
        NESTEROV: bool = False
        """Whether the momentum looks ahead (Nesterov)."""
