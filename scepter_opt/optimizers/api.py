"""What people call for optimizers: build one or several, plan one, freeze what its rules freeze."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..components.checking import checked, checked_nodes
from ..config.nodes import full_key, node_of_call
from ..errors import ConfigError, Problem, below
from ..parameters.named_parameters import Parameters, collect
from ..parameters.plan import Plan
from ..parameters.planning import make_plan
from .registry import OPTIMIZERS

if TYPE_CHECKING:
    from torch.optim import Optimizer


def build_optimizer(params: Any, cfg: Any = None, logger: Any = None, **keys: Any) -> Optimizer:
    """Build the optimizer that a node describes, over a model's parameters.

    Args:
        params: A module, a mapping of names to modules or tensors, `named_parameters()`, tensors, or torch's list of
            group dicts. An iterator such as `model.parameters()` has the names of the module that it leads to.
        cfg: The node: any mapping with `NAME`, or a Config.
        logger: Told what was built; anything with `info`.
        keys: The node's keys, in place of `cfg`: so a node with `_target_: scepter_opt.build_optimizer` beside its own
            keys is one that Hydra instantiates.

    Raises:
        ConfigError: Anything is wrong; nothing was changed.

    >>> import torch
    >>> type(build_optimizer(torch.nn.Linear(2, 1), {"NAME": "SGD", "LEARNING_RATE": 0.1}))
    <class 'torch.optim.sgd.SGD'>
    >>> build_optimizer(torch.nn.Linear(2, 1).parameters(), NAME="SGD", LEARNING_RATE=0.1).defaults["lr"]
    0.1
    """
    return OPTIMIZERS.build(node_of_call(cfg, keys, "optimizer"), logger, parameters=params)


def build_optimizers(parameters: Any, cfgs: Any, logger: Any = None) -> dict[str, Optimizer]:
    """Build several optimizers that share out a model's parameters by their ONLY.

    Args:
        parameters: As for `build_optimizer`; a mapping of names to modules suits best.
        cfgs: Nodes of optimizers by name.
        logger: Told what was built; anything with `info`.

    Returns:
        The optimizers under the names of their nodes.

    Raises:
        ConfigError: Anything is wrong, or a trainable parameter is in none of them or in two; nothing was changed.

    >>> import torch
    >>> models = {"generator": torch.nn.Linear(2, 2), "critic": torch.nn.Linear(2, 1)}
    >>> nodes = {name: {"NAME": "Adam", "ONLY": name} for name in models}
    >>> list(build_optimizers(models, nodes))
    ['generator', 'critic']
    """
    prefix = full_key(cfgs) or "optimizers"
    configs = checked_nodes(cfgs, OPTIMIZERS, prefix)
    if isinstance(parameters, Iterator):
        # each node plans over all of them, and an iterator gives what it has only once
        with below(prefix):
            parameters = collect(parameters, any(config.get("DIFFERENTIABLE") for config in configs.values()))
    plans: dict[str, Plan] = {}
    for name, config in configs.items():
        with below(f"{prefix}.{name}"):
            plans[name] = make_plan(config, parameters)
    with below(prefix):
        _check_cover(plans, configs, parameters)
    frozen = []
    # all plans are made, and all that can be refused is, before anything is built
    for name, plan in plans.items():
        with below(f"{prefix}.{name}"):
            frozen += plan.to_freeze()
    optimizers = {}
    for name, plan in plans.items():
        with below(f"{prefix}.{name}"):
            optimizers[name] = OPTIMIZERS.construct(plan, logger)
    for name, plan in plans.items():
        with below(f"{prefix}.{name}"):
            OPTIMIZERS.tell(plan, logger)
    # nothing is frozen before the last of them is built, and all is said that may be an error to the caller
    for _, tensor in frozen:
        tensor.requires_grad_(False)
    return optimizers


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
    with checked(cfg, OPTIMIZERS) as config:
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
    with checked(cfg, OPTIMIZERS) as config:
        changed = make_plan(config, model).to_freeze()
    for _, tensor in changed:
        tensor.requires_grad_(False)
    return [name for name, _ in changed]


def _check_cover(plans: Mapping[str, Plan], configs: Mapping[str, Any], parameters: Any) -> None:
    """Refuse a parameter that two plans take, frozen or not, and a trainable one that none takes."""
    taken: dict[int, str] = {}
    problems = []
    for name, plan in plans.items():
        for what, tensor in plan.taken():
            other = taken.setdefault(id(tensor), name)
            if other != name:
                message = f"trains {what}, which {other} trains too: share the parameters out by ONLY."
                problems.append(Problem(f"{name}.ONLY", message, configs[name].get("ONLY")))
                break
    if not problems and not any(config.get("ALLOW_REST") for config in configs.values()):
        problems += _left(collect(parameters, graph_tensors=True), taken)
    if problems:
        raise ConfigError(problems)


def _left(parameters: Parameters, taken: Mapping[int, str]) -> Iterator[Problem]:
    left = [i for i, tensor in enumerate(parameters.tensors) if tensor.requires_grad and id(tensor) not in taken]
    if left:
        more = f" and {len(left) - 1} more" if len(left) > 1 else ""
        message = f"none trains {parameters.names[left[0]]}{more}. ALLOW_REST: true on one of them lets it."
        yield Problem("", message)
