"""Whether an optimizer holds tensors that its model has replaced by others: a step then trains nothing that is used."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from ..errors import Problem
from .modules import own_parameters
from .state import names_of, roots_of


def replaced(optimizer: Any, roots: Iterable[tuple[str, Any]] = ()) -> Problem | None:
    """The problem with an optimizer whose parameters are no longer those of its model; None where they are.

    `fully_shard`, `to_empty` from the meta device and `load_state_dict(assign=True)` give a model other tensors, and a
    deepcopy has its own. What is in no model, such as a group that was added, is nobody's business here.

    Args:
        optimizer: Any of torch's kind.
        roots: Further modules that may hold its parameters, with the prefix of their names.
    """
    by_name: dict[str, Any] = {}
    held: set[int] = set()
    for root, prefix in {root: prefix for prefix, root in [*roots_of(optimizer), *roots]}.items():
        for name, tensor, _ in own_parameters(root, prefix):
            held.add(id(tensor))
            by_name[name] = tensor
    if not held:
        return None
    names = names_of(optimizer, roots)
    members = [group["params"] for group in optimizer.param_groups]
    if names is None:
        # some of it belongs to no model, or nothing does
        gone = [] if any(id(tensor) in held for tensor in chain.from_iterable(members)) else list(by_name)
    else:
        gone = [
            name
            for listed, tensors in zip(names.groups, members, strict=True)
            if len(listed) == len(tensors)  # DeepSpeed has one flat tensor for all names
            for name, tensor in zip(listed, tensors, strict=True)
            if id(tensor) not in held and _is_another(tensor, by_name.get(name))
        ]
    if not gone:
        return None
    more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
    sharded = any(hasattr(by_name[name], "device_mesh") for name in gone)
    what = "fully_shard has replaced them" if sharded else "they were replaced, or the model is a copy"
    message = (
        f"it was built over parameters that are no longer the model's, and trains nothing: {gone[0]}{more}; {what}. "
        f"Build the optimizer {'after fully_shard' if sharded else 'over the model as it is now'}."
    )
    return Problem("optimizer", message)


def _is_another(tensor: Any, present: Any) -> bool:
    """Whether a model has another tensor under the name of one."""
    # between forward and backward FSDP2 shows whole tensors for its shards; master weights are of another dtype
    unsharded = hasattr(tensor, "device_mesh") and not hasattr(present, "device_mesh")
    return present is not None and not unsharded and bool(present.dtype == tensor.dtype)
