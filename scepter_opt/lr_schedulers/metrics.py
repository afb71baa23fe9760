"""Whether the step of a scheduler takes a metric."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

Metric: TypeAlias = Literal["none", "optional", "required"]
"""Whether a scheduler's step takes a metric."""


def metric_of(step: Callable[..., Any]) -> Metric:
    """Whether a scheduler's step takes a metric, by its signature, which names it `metrics` as torch does."""
    parameter = inspect.signature(step).parameters.get("metrics")
    if parameter is None:
        return "none"
    return "required" if parameter.default is parameter.empty else "optional"


def metric_for(component: Any, scheduler: Any) -> Metric:
    """Whether the step of a scheduler takes a metric; where its component builds it itself, the object tells."""
    metric: Metric = component.metric if component.target else metric_of(scheduler.step)
    return metric
