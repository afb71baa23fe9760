"""torch's optimizers with a rate per weight, one class each. Defaults are torch's, held to it by a test."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

from ..config.fields import Betas, Bounds, Fraction, NonNegative
from ..config.ranges import Scale
from .base_optimizer import BaseOptimize, OptimizerConfig
from .common_keys import CapturableKeys, DecayKeys, DifferentiableKeys
from .registry import OPTIMIZERS


@OPTIMIZERS.register_class()
class Adadelta(BaseOptimize):
    """Rates from running averages of squared gradients and updates (Zeiler, 2012)."""

    target = "torch.optim.Adadelta"
    implementations = ("foreach",)
    compiles = True

    @dataclass(kw_only=True)
    class Config(CapturableKeys):
        LEARNING_RATE: NonNegative = 1.0
        """Factor on the update before it is applied."""
        RHO: Fraction = 0.9
        """Decay rate of the running average of squared gradients."""
        EPS: NonNegative = 1e-6
        """Added to denominators for numerical stability."""


@OPTIMIZERS.register_class()
class Adafactor(BaseOptimize):
    """Adaptive rates with factored second moments, for little memory (Shazeer and Stern, 2018)."""

    target = "torch.optim.Adafactor"
    # not among those that compile: torch's compiler does not get through its step
    implementations = ("foreach",)
    refused_in_shards = "it takes norms of whole rows and columns"

    @dataclass(kw_only=True)
    class Config(DecayKeys):
        LEARNING_RATE: NonNegative = 1e-2
        """Upper bound of the relative step size."""
        BETA2_DECAY: Annotated[float, Bounds(le=0)] = -0.8
        """Exponent by which the second moment's decay rate nears 1; 0 or below."""
        # null is another number for each dtype, so none could be written in its place
        EPS: tuple[NonNegative | None, NonNegative] = (None, 1e-3)
        """Floors of the squared gradient (null: the smallest number of its dtype) and of a parameter's scale."""
        D: Annotated[float, Bounds(ge=1)] = 1.0
        """Clipping threshold of the update's root mean square."""


@OPTIMIZERS.register_class()
class Adagrad(BaseOptimize):
    """Rates that fall with the sum of squared gradients; takes sparse ones (Duchi et al., 2011)."""

    target = "torch.optim.Adagrad"
    implementations = ("foreach", "fused")
    # the constructor makes the state, from its argument, before any group is looked at
    read_once = ("DIFFERENTIABLE", "INITIAL_ACCUMULATOR_VALUE")
    fastest_fused = ("cpu",)
    compiles = True

    @dataclass(kw_only=True)
    class Config(DifferentiableKeys):
        LEARNING_RATE: NonNegative = 1e-2
        """Step size."""
        LEARNING_RATE_DECAY: NonNegative = 0.0
        """Decay of the step size: it is divided by 1 + steps times this."""
        INITIAL_ACCUMULATOR_VALUE: NonNegative = 0.0
        """Start of the sum of squared gradients."""
        EPS: NonNegative = 1e-10
        """Added to denominators for numerical stability."""


@OPTIMIZERS.register_class()
class Adam(BaseOptimize):
    """Rates from the first two moments of the gradient (Kingma and Ba, 2014)."""

    target = "torch.optim.Adam"
    implementations = ("foreach", "fused")
    fastest_fused = ("cpu", "cuda")
    # under FSDP2 its fused kernel runs, where SGD's raises
    fused_takes_dtensors = True
    compiles = True

    @dataclass(kw_only=True)
    class Config(CapturableKeys):
        # coupled or not makes no difference to no decay
        idle = (("DECOUPLED_WEIGHT_DECAY", "WEIGHT_DECAY"),)
        LEARNING_RATE: NonNegative = 1e-3
        """Step size."""
        BETAS: Betas = (0.9, 0.999)
        """Decay rates of the averages of the gradient and of its square."""
        EPS: NonNegative = 1e-8
        """Added to denominators for numerical stability."""
        AMSGRAD: bool = False
        """Whether the largest second moment so far is used (AMSGrad)."""
        DECOUPLED_WEIGHT_DECAY: bool = False
        """Whether weights decay apart from the gradient, as in AdamW."""


@OPTIMIZERS.register_class()
class Adamax(BaseOptimize):
    """Adam with the infinity norm (Kingma and Ba, 2014)."""

    target = "torch.optim.Adamax"
    implementations = ("foreach",)
    compiles = True

    @dataclass(kw_only=True)
    class Config(CapturableKeys):
        LEARNING_RATE: NonNegative = 2e-3
        """Step size."""
        BETAS: Betas = (0.9, 0.999)
        """Decay rates of the average gradient and of the infinity norm."""
        EPS: NonNegative = 1e-8
        """Added to denominators for numerical stability."""


@OPTIMIZERS.register_class()
class AdamW(BaseOptimize):
    """Adam whose weight decay is apart from the gradient (Loshchilov and Hutter, 2017)."""

    target = "torch.optim.AdamW"
    implementations = ("foreach", "fused")
    fastest_fused = ("cpu", "cuda")
    fused_takes_dtensors = True
    compiles = True
    # what decays is multiplied with the rate, so that it takes more than where decay is part of the gradient
    search_space = MappingProxyType({"WEIGHT_DECAY": Scale(1e-3, 1.0)})

    @dataclass(kw_only=True)
    class Config(CapturableKeys):
        LEARNING_RATE: NonNegative = 1e-3
        """Step size."""
        BETAS: Betas = (0.9, 0.999)
        """Decay rates of the averages of the gradient and of its square."""
        EPS: NonNegative = 1e-8
        """Added to denominators for numerical stability."""
        # no DECOUPLED_WEIGHT_DECAY, although torch's defaults show one: its constructor takes none
        WEIGHT_DECAY: NonNegative = 1e-2
        """Share of a weight that decays per step, times the step size."""
        AMSGRAD: bool = False
        """Whether the largest second moment so far is used (AMSGrad)."""


@OPTIMIZERS.register_class()
class NAdam(BaseOptimize):
    """Adam with Nesterov momentum (Dozat, 2016)."""

    target = "torch.optim.NAdam"
    implementations = ("foreach",)
    compiles = True

    @dataclass(kw_only=True)
    class Config(CapturableKeys):
        idle = (("DECOUPLED_WEIGHT_DECAY", "WEIGHT_DECAY"),)
        LEARNING_RATE: NonNegative = 2e-3
        """Step size."""
        BETAS: Betas = (0.9, 0.999)
        """Decay rates of the averages of the gradient and of its square."""
        EPS: NonNegative = 1e-8
        """Added to denominators for numerical stability."""
        MOMENTUM_DECAY: NonNegative = 4e-3
        """Decay of the momentum."""
        DECOUPLED_WEIGHT_DECAY: bool = False
        """Whether weights decay apart from the gradient, as in AdamW."""


@OPTIMIZERS.register_class()
class RAdam(BaseOptimize):
    """Adam with a rectified variance, which needs no warm-up (Liu et al., 2019)."""

    target = "torch.optim.RAdam"
    implementations = ("foreach",)
    compiles = True

    @dataclass(kw_only=True)
    class Config(CapturableKeys):
        idle = (("DECOUPLED_WEIGHT_DECAY", "WEIGHT_DECAY"),)
        LEARNING_RATE: NonNegative = 1e-3
        """Step size."""
        BETAS: Betas = (0.9, 0.999)
        """Decay rates of the averages of the gradient and of its square."""
        EPS: NonNegative = 1e-8
        """Added to denominators for numerical stability."""
        DECOUPLED_WEIGHT_DECAY: bool = False
        """Whether weights decay apart from the gradient, as in AdamW."""


@OPTIMIZERS.register_class()
class RMSprop(BaseOptimize):
    """Rates from a running average of squared gradients (Tieleman and Hinton, 2012)."""

    target = "torch.optim.RMSprop"
    implementations = ("foreach",)
    compiles = True
    # its steps are of Adam's size, while torch's default is ten times as large
    search_space = MappingProxyType({"LEARNING_RATE": Scale(1e-5, 1e-2)})

    @dataclass(kw_only=True)
    class Config(CapturableKeys):
        LEARNING_RATE: NonNegative = 1e-2
        """Step size."""
        # torch sets no bound above, unlike for RHO: what it allows is allowed here
        ALPHA: NonNegative = 0.99
        """Decay rate of the running average."""
        EPS: NonNegative = 1e-8
        """Added to denominators for numerical stability."""
        MOMENTUM: NonNegative = 0.0
        """Fraction of the previous update that is kept."""
        CENTERED: bool = False
        """Whether gradients are normalized by an estimate of their variance."""


@OPTIMIZERS.register_class()
class SparseAdam(BaseOptimize):
    """Adam that updates only the moments of the entries in a sparse gradient; takes no other."""

    target = "torch.optim.SparseAdam"

    # torch has no decay here: it would touch the entries that a sparse step leaves alone
    @dataclass(kw_only=True)
    class Config(OptimizerConfig):
        LEARNING_RATE: NonNegative = 1e-3
        """Step size."""
        BETAS: Betas = (0.9, 0.999)
        """Decay rates of the averages of the gradient and of its square."""
        EPS: NonNegative = 1e-8
        """Added to denominators for numerical stability."""
        MAXIMIZE: bool = False
        """Whether the objective is maximized."""
