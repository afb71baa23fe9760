"""Several optimizers and their schedulers, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .errors import ConfigError, Problem, below, did_you_mean
from .lr_schedulers.registry import LR_SCHEDULERS
from .node_checking import check_node
from .optimizers.registry import OPTIMIZERS
from .parameters.named import collect
from .parameters.planning import make_plan
from .reading import full_key, pairs

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from .parameters.plan import Plan


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
    if isinstance(parameters, Iterable) and not isinstance(parameters, Mapping):
        parameters = list(parameters)
    prefix = full_key(cfgs) or "optimizers"
    configs = _checked(cfgs, OPTIMIZERS, prefix)
    plans: dict[str, Plan] = {}
    for name, config in configs.items():
        with below(f"{prefix}.{name}"):
            plans[name] = make_plan(config, parameters)
    with below(prefix):
        _check_cover(plans, configs, parameters)
    for name, plan in plans.items():
        with below(f"{prefix}.{name}"):
            plan.to_freeze()
    optimizers = {}
    for name, plan in plans.items():
        with below(f"{prefix}.{name}"):
            optimizers[name] = OPTIMIZERS.build_plan(plan, logger)
    return optimizers


def build_lr_schedulers(
    optimizers: Mapping[str, Optimizer],
    cfgs: Any,
    total_steps: int | None = None,
    steps_per_epoch: int | None = None,
    logger: Any = None,
) -> dict[str, LRScheduler]:
    """Build a scheduler for each of several optimizers.

    Args:
        optimizers: Optimizers by name.
        cfgs: Nodes of schedulers under the same names; `NoneLR` keeps the rates of one as they are.
        total_steps: Steps of each optimizer in the whole run.
        steps_per_epoch: Steps of each optimizer per epoch.
        logger: Told what was built; anything with `info`.

    Raises:
        ConfigError: Anything is wrong, or the names differ.
    """
    prefix = full_key(cfgs) or "lr_schedulers"
    configs = _checked(cfgs, LR_SCHEDULERS, prefix)
    problems = []
    for name in configs:
        if name not in optimizers:
            message = f"there is no optimizer of this name.{did_you_mean(name, optimizers)}"
            problems.append(Problem(name, message))
    message = "is missing: this optimizer has no scheduler. For none choose NAME: NoneLR."
    problems += [Problem(name, message) for name in optimizers if name not in configs]
    if problems:
        raise ConfigError(problem.under(prefix) for problem in problems)
    return {
        name: LR_SCHEDULERS.build(
            config,
            logger,
            optimizer=optimizers[name],
            total_steps=total_steps,
            steps_per_epoch=steps_per_epoch,
            key=f"{prefix}.{name}",
        )
        for name, config in configs.items()
    }


def _checked(cfgs: Any, registry: Any, prefix: str) -> dict[str, Any]:
    """The Configs of nodes by name, or all problems with all nodes."""
    configs: dict[str, Any] = {}
    problems: list[Problem] = []
    try:
        nodes = {str(name): get() for name, get in pairs(cfgs)}
    except (TypeError, AttributeError):
        nodes = {}
    if not nodes or any(name in ("NAME", "_target_") for name in nodes):
        raise ConfigError([Problem(prefix, f"must be named nodes of {registry.kind}s: {{generator: {{NAME: ...}}}}.")])
    for name, node in nodes.items():
        try:
            configs[name] = check_node(node, registry, key=f"{prefix}.{name}")
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return configs


def _check_cover(plans: Mapping[str, Plan], configs: Mapping[str, Any], parameters: Any) -> None:
    """Refuse a trainable parameter that two plans take, or none."""
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
        found = collect(parameters, graph_tensors=True)
        rest = [i for i, tensor in enumerate(found.tensors) if tensor.requires_grad and id(tensor) not in taken]
        if rest:
            more = f" and {len(rest) - 1} more" if len(rest) > 1 else ""
            message = f"none trains {found.names[rest[0]]}{more}. ALLOW_REST: true on one of them lets it."
            problems.append(Problem("", message))
    if problems:
        raise ConfigError(problems)
