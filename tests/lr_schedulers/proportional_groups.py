"""Groups whose rates are in proportion, and their rates tick by tick."""

from __future__ import annotations

from typing import Any

from tests.parameters.models import rule

RULES = {"slow": rule({"NAMES": "encoder"}, {"LR_MULT": 0.1}), "head": rule({"NAMES": "head"}, {"LR_MULT": 10})}
NODE = {"NAME": "SGD", "LEARNING_RATE": 0.1, "PARAM_GROUPS": RULES}


def rates(scheduler: Any, steps: int) -> list[list[float]]:
    found = []
    for _ in range(steps):
        found.append([float(group["lr"]) for group in scheduler.optimizer.param_groups])
        scheduler.optimizer.step()
        scheduler.step(1.0) if "Plateau" in type(scheduler).__name__ else scheduler.step()
    return found
