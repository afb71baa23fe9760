"""Whether the state of a parameter fits it: a checkpoint of a model of other shapes, or of another order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .facts import Facts
from .finding import Finding, fault, many, note, some

# what torch's optimizers keep in the shape of the parameter; others keep factors, blocks and vectors too
_SHAPED = frozenset(
    {"exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer", "square_avg", "grad_avg", "acc_delta", "exp_inf"}
    | {"sum", "prev", "step_size", "ax"}
)


def of_other_shape(facts: Facts) -> Iterator[Finding]:
    """State of another shape than its parameter's."""
    wrong: dict[int, str] = {}
    for i, groups in facts.holders.items():
        tensor = facts.parameters.tensors[i]
        for group in groups:
            if not _is_torchs(group.optimizer) or tensor not in group.optimizer.state:
                continue
            for key, value in group.optimizer.state[tensor].items():
                shape = getattr(value, "shape", None)
                if key in _SHAPED and shape is not None and len(shape) and shape != tensor.shape:
                    wrong.setdefault(i, f"{key} {tuple(shape)} of a parameter {tuple(tensor.shape)}")
    if wrong:
        names = facts.names(wrong)
        yield fault(
            "state of another shape",
            f"{many(len(wrong), 'parameter')}: {some(names)}; {next(iter(wrong.values()))}.",
            "The state is of another parameter: torch loads by position and looks at no shape.",
            "Load a checkpoint of this model, or load by name: scepter_opt.checkpoint.load.",
            names,
        )


def _is_torchs(optimizer: Any) -> bool:
    return type(optimizer).__module__.startswith(("torch.optim.", "scepter_opt.runtime."))


def left_behind(facts: Facts) -> Iterator[Finding]:
    """State of tensors that are in no group."""
    for optimizer in facts.optimizers.values():
        held = {id(tensor) for group in optimizer.param_groups for tensor in group["params"]}
        left = [each for each in optimizer.state if hasattr(each, "shape") and id(each) not in held]
        if left:
            yield note(
                "state of parameters in no group",
                f"{type(optimizer).__name__} keeps the state of {many(len(left), 'tensor')} that it does not step.",
                "It takes memory, and a checkpoint cannot hold it.",
                "Delete it with the group: optimizer.state.pop(parameter).",
            )
