"""LR_SCALING: learning rates that follow the batch size."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..config.fields import Nested, WholeFromOne
from ..config.validation import validate
from ..errors import Problem


class ScalingRule(str, enum.Enum):
    """How a rate follows the batch size."""

    linear = "linear"
    sqrt = "sqrt"


@dataclass(kw_only=True)
class Scaling:
    """The learning rates of the configuration are those for BASE_BATCH_SIZE.

    >>> Scaling(BATCH_SIZE=1024).factor, Scaling(BATCH_SIZE=1024, RULE=ScalingRule.sqrt).factor
    (4.0, 2.0)
    """

    RULE: ScalingRule = ScalingRule.linear
    """linear (Goyal et al., 2017), or sqrt, as the square root."""
    # the batch of Goyal et al., for which many published rates of image models were written
    BASE_BATCH_SIZE: WholeFromOne = 256
    """Samples per optimizer step for which the rates were written."""
    BATCH_SIZE: WholeFromOne
    """Samples per optimizer step of this run, over all processes and accumulated batches."""

    @property
    def factor(self) -> float:
        """The factor on every rate."""
        share = self.BATCH_SIZE / self.BASE_BATCH_SIZE
        return share if self.RULE is ScalingRule.linear else math.sqrt(share)


@dataclass(frozen=True)
class LRScalingField(Nested):
    """A Scaling, or nothing. OmegaConf knows it as an open mapping, so that one key can be set on the command line."""

    def check(self, value: Any, owner: type, imports: bool | None) -> tuple[Any, list[Problem]]:
        # an empty mapping, which scales nothing, does not come here: `Later` lets it pass
        if not isinstance(value, Mapping):
            return None, [Problem("", "must be a node: {BATCH_SIZE: ..., BASE_BATCH_SIZE: 256, RULE: linear}.", value)]
        spellings = {key: key for key in Scaling.__dataclass_fields__}
        return validate(Scaling, value, imports, spellings, "LR_SCALING")
