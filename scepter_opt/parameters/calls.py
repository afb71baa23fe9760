"""What people call: the plan of a node over a model, and the freezing that its rules ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import below
from ..node_checking import check_node
from ..optimizers.registry import OPTIMIZERS
from ..reading import full_key
from .planning import make_plan

if TYPE_CHECKING:
    from .plan import Plan


def plan(cfg: Any, parameters: Any) -> Plan:
    """Which parameter gets which settings. Nothing is changed, and a model on the meta device will do.

    Args:
        cfg: The optimizer's node: any mapping with `NAME`, or a Config.
        parameters: A module, a mapping of names to modules or tensors, `named_parameters()`, tensors, or torch's list
            of group dicts.

    Raises:
        ConfigError: Anything is wrong, such as a rule that matches nothing.

    >>> import torch
    >>> rules = {"no_decay": {"WHERE": {"KINDS": "bias"}, "SET": {"WEIGHT_DECAY": 0.0}}}
    >>> print(plan({"NAME": "AdamW", "PARAM_GROUPS": rules}, torch.nn.Linear(2, 1)).short())
    2 groups from 1 rule, 2 parameters with 3 values
      default: 1 parameter, LEARNING_RATE 0.001, WEIGHT_DECAY 0.01
      no_decay: 1 parameter, LEARNING_RATE 0.001, WEIGHT_DECAY 0
      step: fused (the fastest on cpu); IMPLEMENTATION=torch undoes it
    """
    config = check_node(cfg, OPTIMIZERS)
    with below(full_key(cfg) or OPTIMIZERS.kind):
        return make_plan(config, parameters)


def freeze(model: Any, cfg: Any) -> list[str]:
    """Freeze the parameters that rules with FREEZE say, before DistributedDataParallel wraps the model.

    Args:
        model: The model, or anything else that `parameters` may be.
        cfg: The optimizer's node: any mapping with `NAME`, or a Config.

    Returns:
        The names of what was frozen now; calling it again freezes nothing more.

    Raises:
        ConfigError: Anything is wrong, or the model is inside DistributedDataParallel already; nothing was changed.

    >>> import torch
    >>> model = torch.nn.Linear(2, 1)
    >>> rules = {"no_bias": {"WHERE": {"KINDS": "bias"}, "SET": {"FREEZE": True}}}
    >>> freeze(model, {"NAME": "SGD", "PARAM_GROUPS": rules}), model.bias.requires_grad
    (['bias'], False)
    """
    config = check_node(cfg, OPTIMIZERS)
    with below(full_key(cfg) or OPTIMIZERS.kind):
        changed = make_plan(config, model).to_freeze()
    for _, tensor in changed:
        tensor.requires_grad_(False)
    return [name for name, _ in changed]
