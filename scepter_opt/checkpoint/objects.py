"""What is given to a save or a load, under names: one object, or a mapping of several as a GAN has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError, Problem, did_you_mean

KINDS = ("model", "optimizer", "scheduler", "driver", "scaler")


@dataclass(frozen=True)
class Objects:
    """Objects by kind and name; the name of one alone is empty."""

    model: dict[str, Any]
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    driver: dict[str, Any]
    scaler: dict[str, Any]

    @classmethod
    def of(cls, **given: Any) -> Objects:
        """Sort what was given.

        Raises:
            ConfigError: Something has no state, or is of another kind than its place.
        """
        named = {kind: _named(given.get(kind)) for kind in KINDS}
        problems = [
            Problem(place(kind, name), f"a {type(item).__name__} is no {kind}, nor a mapping of several.")
            for kind, items in named.items()
            for name, item in items.items()
            if not hasattr(item, "state_dict") or (kind == "optimizer") is not hasattr(item, "param_groups")
        ]
        if problems:
            raise ConfigError(problems)
        return cls(**named)

    def roots(self) -> list[tuple[str, Any]]:
        """The models with the prefix of their parameters' names."""
        return [(name, model) for name, model in self.model.items()]

    def optimizer_of(self, scheduler: Any) -> str | None:
        """The name of the optimizer that a scheduler is for, if it is among these."""
        own = inner(getattr(inner_scheduler(scheduler), "optimizer", None))
        return next((name for name, optimizer in self.optimizer.items() if inner(optimizer) is own), None)


def _named(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {str(name): item for name, item in given.items()}
    return {"": given}


def inner(optimizer: Any) -> Any:
    """The optimizer inside a wrapper such as Accelerate's."""
    wrapped = getattr(optimizer, "optimizer", None)
    return inner(wrapped) if hasattr(wrapped, "param_groups") else optimizer


def inner_scheduler(scheduler: Any) -> Any:
    """The scheduler inside a wrapper such as Accelerate's."""
    while not hasattr(scheduler, "last_epoch") and hasattr(scheduler, "scheduler"):
        scheduler = scheduler.scheduler
    return scheduler


def place(kind: str, name: str) -> str:
    """An object in words: `optimizer`, or `optimizer.generator` of several."""
    return f"{kind}.{name}" if name else kind


def unknown_names(kind: str, given: Mapping[str, Any], saved: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems with objects that the checkpoint does not have."""
    for name in given:
        if name not in saved:
            there = f", but {', '.join(place(kind, other) for other in saved)}" if saved else ""
            hint = did_you_mean(name, list(saved)) if name else ""
            message = f'the checkpoint has no such {kind}{there}.{hint} missing="cold" lets it begin anew.'
            yield Problem(place(kind, name), message)
