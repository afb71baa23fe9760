"""A model's parameters and buffers from a checkpoint, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from ..errors import Problem
from ..parameters.modules import clean_names
from ..parameters.state import unmatched
from .objects import place
from .renaming import Renaming
from .sharding import laid_as


@final
class ModelPlan:
    """What loading a model will do; nothing is changed before `apply`.

    Args:
        name: Its name among several; empty of one.
        model: A module, wrapped or not.
        saved: Values by name without wrappers.
        renaming: New names.
        cold: Whether names may be on one side only.
    """

    def __init__(self, name: str, model: Any, saved: Mapping[str, Any], renaming: Renaming, cold: bool) -> None:
        self._model = model
        own = model.state_dict()
        spelt = dict(zip(clean_names(list(own)), own, strict=True))
        renamed = renaming.applied(saved, name)
        key = place("model", name)
        self.new = [each for each in spelt if each not in renamed]
        self.left_over = [each for each in renamed if each not in spelt]
        self.problems: list[Problem] = []
        if not cold:
            how = 'rename={old: new} finds them under another name, missing="cold" leaves them out.'
            self.problems += [problem.under(key) for problem in unmatched(self.new, self.left_over, how)]
        self._values: dict[str, tuple[Any, Any]] = {}
        for each, value in renamed.items():
            if each not in spelt:
                continue
            present = own[spelt[each]]
            if hasattr(present, "shape") and getattr(value, "shape", None) != present.shape:
                shape = tuple(getattr(value, "shape", ()))
                message = f"is of shape {tuple(present.shape)}, and in the checkpoint of {shape}."
                self.problems.append(Problem(f"{key}.{each}", message))
            self._values[spelt[each]] = (value, present)

    def apply(self) -> None:
        """Copy the values into the model."""
        values = {name: laid_as(value, present) for name, (value, present) in self._values.items()}
        self._model.load_state_dict(values, strict=False)
